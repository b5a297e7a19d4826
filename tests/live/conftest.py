"""Registries, images and stores for the live tests.

What a machine lacks makes the tests that need it skip; ``tools/prepare.py`` installs it all.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.live import oci, trees
from tests.live.command import SYSTEM_PATH, Udocker, which
from tests.live.parts import PARTS, PASSWORD, USER, Image, need
from tests.live.servers import DockerRegistry, make_authority


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here is a live test."""
    here = str(Path(__file__).parent)
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.live)


@pytest.fixture(scope="session", autouse=True)
def _system_path() -> Iterator[None]:
    """Programs that Debian has in sbin are found too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", SYSTEM_PATH)
        yield


@pytest.fixture
def udocker(tmp_path: Path) -> Udocker:
    """The command, with an empty home."""
    need()
    home = tmp_path / "home"
    home.mkdir()
    return Udocker(home)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    """A registry that speaks plain http and lets everybody in."""
    need("docker-registry", "skopeo")
    with DockerRegistry(tmp_path_factory.mktemp("registry")) as server:
        yield server


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[Path, Path]]:
    """The CA file, and the certificate and key of a server."""
    need("openssl")
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def tls_registry(
    tmp_path_factory: pytest.TempPathFactory,
    authority: tuple[Path, tuple[Path, Path]],
    busybox: Image,
) -> Iterator[DockerRegistry]:
    """A registry with TLS, a certificate of its own authority, and a password; it has busybox."""
    need("docker-registry", "skopeo", "htpasswd")
    directory = tmp_path_factory.mktemp("tls-registry")
    users = directory / "htpasswd"
    subprocess.run(
        ["htpasswd", "-Bbc", str(users), USER, PASSWORD], check=True, stderr=subprocess.DEVNULL
    )
    with DockerRegistry(directory, authority[1], users) as server:
        server.push(busybox.layout, "library/busybox:1", "--dest-creds", f"{USER}:{PASSWORD}")
        yield server


@pytest.fixture(scope="session")
def publish(
    registry: DockerRegistry, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Image]:
    """A function that makes an image of layers and pushes it: ``publish(name, layers, **how)``."""

    def publish(name: str, layers: list[bytes | Path], **options: str) -> Image:
        layout = oci.Layout(tmp_path_factory.mktemp("layout") / "oci")
        source = layout.tag("latest", layout.image(layers, **options))  # type: ignore[arg-type]
        return Image(registry.push(source, name), source)

    return publish


@pytest.fixture(scope="session")
def busybox_layer() -> bytes:
    """A layer with Debian's busybox-static."""
    need("busybox")
    program = Path(which("busybox") or "")
    applets = subprocess.run([program, "--list"], check=True, capture_output=True, text=True)
    return trees.busybox_layer(applets.stdout.split(), program.read_bytes())


@pytest.fixture(scope="session")
def busybox(publish: Callable[..., Image], busybox_layer: bytes) -> Image:
    """A system in one megabyte."""
    return publish("test/busybox:1", [busybox_layer])


@pytest.fixture(scope="session")
def debian(publish: Callable[..., Image]) -> Image:
    """Debian's minimal tree in one layer."""
    need(PARTS / "debian.tar")
    return publish("test/debian:1", [PARTS / "debian.tar"])


@pytest.fixture(scope="session")
def odd(publish: Callable[..., Image]) -> Image:
    """Many layers with whiteouts, links, odd names and modes."""
    return publish("test/odd:1", trees.odd_layers())


@pytest.fixture(scope="session")
def small(publish: Callable[..., Image]) -> Image:
    """Six layers of 50,000 small files."""
    return publish("test/small:1", list(trees.small_files(50_000)))


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Udocker]:
    """A function that gives the released udocker 1.3 in a home."""
    program = PARTS / "released" / "bin" / "udocker"
    need(program, "curl")

    def released(home: Path) -> Udocker:
        # It wants its engines' version file before every command, and downloads them without.
        library = home / ".udocker" / "lib"
        library.mkdir(parents=True, exist_ok=True)
        (library / "VERSION").write_text("1.2.11\n")
        return Udocker(home, [str(program)], UDOCKER_TARBALL="", UDOCKER_LOGLEVEL="3")

    return released
