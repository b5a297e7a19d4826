"""SIGKILL in the middle, and several commands at once: nothing is lost, nothing half-made."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live import oci, trees
from tests.live.command import Udocker
from tests.live.parts import Image
from tests.live.servers import DockerRegistry

MOMENTS = 6


@pytest.fixture(scope="module")
def image(publish: Callable[..., Image]) -> Image:
    """Large enough that there is a middle to be killed in: 8,000 files and 48 MB."""
    content = random.Random(8)
    large = [
        oci.layer(oci.Entry(f"large{number}", content.randbytes(12 << 20))) for number in range(4)
    ]
    return publish("test/killed:1", [*trees.small_files(8_000, layers=2), *large])


@pytest.fixture(scope="module")
def whole(image: Image, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, float, float]:
    """The image's number of entries, and the seconds that a pull and a create take."""
    home = tmp_path_factory.mktemp("whole")
    udocker = Udocker(home)
    start = time.monotonic()
    udocker("pull", image.name)
    pulled = time.monotonic()
    root = udocker.root(udocker.create(image.name))
    created = time.monotonic()
    return len(list(root.rglob("*"))), pulled - start, created - pulled


def killed(udocker: Udocker, seconds: float, *arguments: str) -> bool:
    """Start a command and kill it after `seconds`; False if it was done before."""
    process = udocker.start(*arguments)
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def test_sigkill_in_pull(
    image: Image, busybox: Image, whole: tuple[int, float, float], udocker: Udocker
) -> None:
    entries, duration, _ = whole
    udocker("pull", busybox.name)
    source = random.Random(1)
    moments = [source.uniform(0.1, 1) * duration for _ in range(MOMENTS)]
    in_the_middle = 0
    for moment in sorted(moments):
        in_the_middle += killed(udocker, moment, "pull", image.name)
        listed = udocker.images()
        assert busybox.name in listed
        if image.name in listed:  # then it is whole
            udocker("rm", udocker.create(image.name))
            udocker("rmi", image.name)
    assert in_the_middle
    udocker("pull", image.name)
    assert sorted(udocker.images()) == sorted([busybox.name, image.name])
    root = udocker.root(udocker.create(image.name))
    assert len(list(root.rglob("*"))) == entries


def test_sigkill_in_create(image: Image, whole: tuple[int, float, float], udocker: Udocker) -> None:
    entries, _, duration = whole
    udocker("pull", image.name)
    first = udocker.create(image.name, "--name=first")
    source = random.Random(2)
    in_the_middle = 0
    for number in range(MOMENTS):
        moment = source.uniform(0.1, 1) * duration
        in_the_middle += killed(udocker, moment, "create", "--name=killed", image.name)
        containers = udocker.containers()
        assert first in containers
        for identifier in set(containers) - {first}:
            assert len(list(udocker.root(identifier).rglob("*"))) == entries, number
            udocker("rm", identifier)
    assert in_the_middle
    # The name is free again, and what the dead have left is cleared away.
    udocker.create(image.name, "--name=killed")
    assert len(udocker.containers()) == 2
    assert udocker.remains() == []
    assert len(list(udocker.root("killed").rglob("*"))) == entries


def test_two_pulls_of_one_image_at_once(
    registry: DockerRegistry, image: Image, udocker: Udocker
) -> None:
    before = len(registry.downloads("test/killed"))
    pulls = [udocker.start("pull", image.name) for _ in range(2)]
    for process in pulls:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        assert "Traceback" not in said
    assert udocker.images() == [image.name]
    served = registry.downloads("test/killed")[before:]
    assert len(served) == len(set(served)) == 7  # six layers and the configuration
    udocker.create(image.name)


def test_two_creates_of_one_name_at_once(image: Image, udocker: Udocker) -> None:
    udocker("pull", image.name)
    creates = [udocker.start("create", "--name=wanted", image.name) for _ in range(2)]
    results = [(*process.communicate(timeout=120), process.returncode) for process in creates]
    (won,), (lost,) = ([r for r in results if (r[2] == 0) == good] for good in (True, False))
    assert udocker.containers() == [won[0].strip()]
    assert lost[2] == 1
    assert "wanted" in lost[1]
    assert lost[0] == ""
    assert udocker.remains() == []


def test_a_create_while_its_image_is_removed(image: Image, udocker: Udocker) -> None:
    udocker("pull", image.name)
    create = udocker.start("create", image.name)
    time.sleep(0.3)
    udocker.run("rmi", image.name)
    output, said = create.communicate(timeout=120)
    assert "Traceback" not in said
    # Whole or refused, never half.
    assert udocker.containers() == ([output.strip()] if create.returncode == 0 else [])
    assert Path(udocker.store / "containers").exists()
    assert udocker.remains() == []
