"""Pulls from registries with TLS, passwords and several ways to name an image."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import pytest

from tests.live.command import Udocker
from tests.live.parts import PASSWORD, USER, Image
from tests.live.servers import DockerRegistry

Authority = tuple[Path, tuple[Path, Path]]


def log_in(udocker: Udocker, address: str, password: str = PASSWORD) -> None:
    """Write what ``docker login`` writes."""
    auth = base64.b64encode(f"{USER}:{password}".encode()).decode()
    (udocker.home / ".docker").mkdir()
    config = {"auths": {address: {"auth": auth}}}
    (udocker.home / ".docker" / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_tls_and_a_password(
    variable: str, tls_registry: DockerRegistry, authority: Authority, udocker: Udocker
) -> None:
    udocker.environment[variable] = str(authority[0])
    log_in(udocker, tls_registry.address)
    name = f"{tls_registry.address}/library/busybox:1"
    udocker("pull", name)
    assert udocker.images() == [name]
    assert (udocker.root(udocker.create(name)) / "bin" / "busybox").exists()


def test_without_a_password_it_says_so(
    tls_registry: DockerRegistry, authority: Authority, udocker: Udocker
) -> None:
    udocker.environment["SSL_CERT_FILE"] = str(authority[0])
    said = udocker.fails("pull", f"{tls_registry.address}/library/busybox:1")
    assert tls_registry.address in said
    assert udocker.images() == []


def test_a_wrong_password_is_not_shown(
    tls_registry: DockerRegistry, authority: Authority, udocker: Udocker
) -> None:
    udocker.environment["SSL_CERT_FILE"] = str(authority[0])
    log_in(udocker, tls_registry.address, "not-the-password")
    done = udocker.run("pull", f"{tls_registry.address}/library/busybox:1")
    assert done.returncode == 1
    assert "not-the-password" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_by_digest(registry: DockerRegistry, busybox: Image, udocker: Udocker) -> None:
    inspected = subprocess.run(
        ["skopeo", "inspect", "--tls-verify=false", f"docker://{busybox.name}"],
        check=True, capture_output=True,
    )  # fmt: skip
    digest = json.loads(inspected.stdout)["Digest"]
    name = f"{registry.address}/test/busybox@{digest}"
    udocker("pull", name)
    assert (udocker.root(udocker.create(name)) / "bin" / "sh").is_symlink()


def test_the_registry_option_stands_for_the_host(
    registry: DockerRegistry, busybox: Image, udocker: Udocker
) -> None:
    assert busybox.name.endswith("test/busybox:1")
    udocker("pull", f"--registry=http://{registry.address}", "test/busybox:1")
    assert udocker.images() == ["test/busybox:1"]


def test_a_second_pull_downloads_no_blob(
    registry: DockerRegistry, busybox: Image, udocker: Udocker
) -> None:
    udocker("pull", busybox.name)
    before = registry.downloads("test/busybox")
    assert before
    udocker("pull", busybox.name)
    assert registry.downloads("test/busybox") == before
