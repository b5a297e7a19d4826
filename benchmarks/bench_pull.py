"""From a registry to a runnable container: pull and create of three images.

usage: python3 -m benchmarks.bench_pull [ROUNDS]
"""

from __future__ import annotations

import json
import shlex
import sys
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from benchmarks import harness, tools
from benchmarks.harness import Contender
from tests.live import oci, trees
from tests.live.parts import PARTS
from tests.live.servers import DockerRegistry

#: The layers are compressed once and kept here.
CACHE = Path.home() / ".cache" / "udocker-bench"
PULLER = "curl, then gzip -dc \\| tar x"


def main(rounds: int = 5) -> None:
    """Print a table for each image."""
    images: dict[str, Callable[[], Iterable[bytes | Path]]] = {
        "debian": lambda: [PARTS / "debian.tar"],
        "python": python_layers,
        "small": lambda: trees.small_files(50_000),
    }
    with harness.workplace(8 << 30) as place:
        (place / "registry").mkdir()
        print("## Pull and create\n")
        print(harness.conditions(place))
        with DockerRegistry(place / "registry") as registry:
            for name, layers in images.items():
                source = layout(name, layers)
                registry.push(source, f"test/{name}:1")
                manifest = read_manifest(source)
                size = sum(layer["size"] for layer in manifest["layers"]) / 1e6
                title = f"{name}: {len(manifest['layers'])} layers, {size:.0f} MB compressed"
                rows = harness.compare(contenders(place, registry, name, manifest), rounds)
                print(harness.table(title, rows, PULLER), flush=True)


def contenders(
    place: Path, registry: DockerRegistry, name: str, manifest: dict[str, list[dict[str, str]]]
) -> list[Contender]:
    """The ways to get the image `name` from `registry` unpacked in `place`."""
    work = place / "work"
    short, full = f"test/{name}:1", f"{registry.address}/test/{name}:1"
    environment = tools.environment(place, UDOCKER_DIR=str(work / "store"))
    option = f"--registry=http://{registry.address}"
    podman = tools.podman(work)
    layout = f"oci:{work / 'oci'}:latest"

    def clear() -> None:
        harness.remove(work)
        work.mkdir()

    def clear_released() -> None:
        clear()
        tools.released_environment(place, work / "store")

    script = ["set -e"]
    for digest in (layer["digest"] for layer in manifest["layers"]):
        url = f"http://{registry.address}/v2/test/{name}/blobs/{digest}"
        script += [
            f"curl --silent --fail --output blob {shlex.quote(url)}",
            "gzip -dc blob | tar -x --directory root --exclude './dev/*'",  # it cannot make nodes
        ]
    shell = f"cd {shlex.quote(str(work))}; mkdir root; " + "; ".join(script)
    skopeo = ["skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", f"docker://{full}"]
    umoci = ["umoci", "unpack", "--rootless", "--image", layout[4:], str(work / "bundle")]
    create = [tools.UDOCKER, "create", full]
    return [
        Contender(PULLER, [["bash", "-c", shell]], environment, clear),
        Contender("udocker pull, udocker create", [[tools.UDOCKER, "pull", full], create],
                  environment, clear),
        Contender("udocker create, which pulls", [create], environment, clear),
        Contender("skopeo + umoci", [[*skopeo, layout], umoci], environment, clear),
        Contender("podman", [[*podman, "pull", "--quiet", "--tls-verify=false", full],
                             [*podman, "create", full, "true"]], environment, clear),
        Contender("udocker 1.3.17", [[tools.RELEASED, "pull", option, short],
                                     [tools.RELEASED, "create", short]],
                  {**tools.released_environment(place, place / "released"),
                   "UDOCKER_DIR": str(work / "store")}, clear_released),
    ]  # fmt: skip


def layout(name: str, layers: Callable[[], Iterable[bytes | Path]]) -> str:
    """The OCI layout of an image, made at the first call."""
    target = CACHE / name
    if not (target / "index.json").exists():
        harness.remove(target)
        print(f"# compressing the layers of {name}", file=sys.stderr)
        made = oci.Layout(target)
        made.tag("latest", made.image(layers()))
    return f"{target}:latest"


def read_manifest(source: str) -> dict[str, list[dict[str, str]]]:
    """The manifest of the only image of a layout."""
    directory = Path(source.rpartition(":")[0])
    described = json.loads((directory / "index.json").read_text())["manifests"][0]
    blob = directory / "blobs" / "sha256" / described["digest"].removeprefix("sha256:")
    manifest: dict[str, list[dict[str, str]]] = json.loads(blob.read_text())
    return manifest


def python_layers() -> Iterator[Path]:
    """Debian's tree, and in four more layers of about the same size what Python adds to it."""
    yield PARTS / "debian.tar"
    yield from _added_layers(PARTS / "debian.tar", PARTS / "python.tar", 4)


def _added_layers(base: Path, full: Path, count: int) -> Iterator[Path]:
    with tarfile.open(base) as archive:
        below = {_identity(member) for member in archive}
    share = (full.stat().st_size - base.stat().st_size) // count
    with tarfile.open(full) as archive:
        added = (member for member in archive if _identity(member) not in below)
        for number in range(count):
            target = CACHE / f"layer{number}.tar"
            with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as layer:
                for member in added:
                    layer.addfile(member, archive.extractfile(member) if member.isreg() else None)
                    if number < count - 1 and layer.offset > share:
                        break
            yield target
            target.unlink()


def _identity(member: tarfile.TarInfo) -> tuple[object, ...]:
    return (member.name, member.type, member.size, member.mtime, member.mode, member.linkname)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
