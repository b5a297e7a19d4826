"""Programs of real images, in each mode and by each of its programs, through the command."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.command import Udocker
from tests.live.parts import Image, need


@pytest.fixture(params=["P1", "P2", "R1", "R1 runc", "R1 crun"])
def runner(request: pytest.FixtureRequest, udocker: Udocker, busybox: Image) -> Udocker:
    """The command with the container ``c``, to be executed in a mode by one of the programs."""
    mode, _, program = request.param.partition(" ")
    if program:
        need(program)
        udocker.environment["UDOCKER_USE_RUNC_EXECUTABLE"] = program
    udocker.create(busybox.name, "--name=c")
    udocker("setup", f"--execmode={mode}", "c")
    return udocker


def test_an_image_that_is_not_here_yet(udocker: Udocker, busybox: Image) -> None:
    assert udocker("run", "--rm", busybox.name, "echo", "hello") == "hello\n"
    assert udocker.images() == [busybox.name]
    assert udocker.containers() == []
    assert udocker.remains() == []


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (["true"], 0),
        (["sh", "-c", "exit 3"], 3),
        (["sh", "-c", "exit 255"], 255),
        (["sh", "-c", "kill -TERM $$"], 128 + signal.SIGTERM),
        (["sh", "-c", "kill -KILL $$"], 128 + signal.SIGKILL),
        (["no-such-program"], 127),
        (["/etc/passwd"], 126),
    ],
)
def test_the_exit_status(command: list[str], status: int, runner: Udocker) -> None:
    assert runner.run("run", "c", *command).returncode == status


def test_a_status_of_its_own_for_its_own_failures(udocker: Udocker) -> None:
    assert "no-such-container" in udocker.fails(
        "run", "--pull=never", "no-such-container", status=125
    )


def test_bytes_go_through_as_they_are(runner: Udocker) -> None:
    content = random.Random(4).randbytes(3_000_000)
    done = subprocess.run(
        [*runner.program, "run", "c", "cat"],
        env=runner.environment, input=content, capture_output=True, check=True,
    )  # fmt: skip
    assert done.stdout == content
    assert done.stderr == b""


def test_volumes_variables_and_places(runner: Udocker, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("of the host")
    script = 'cat in; echo "[$A]"; pwd; hostname; id -u; touch /data/x 2>/dev/null; echo $?'
    read_only = ":ro" if "R1" in runner("setup", "c") else ""
    volume = f"{tmp_path}:/data{read_only}"
    options = ["-v", volume, "-e", "A= b ", "--workdir=/data", "--hostname=box"]
    shown = runner("run", *options, "c", "sh", "-c", script)
    failed = "1" if read_only else "0"
    assert shown.splitlines() == ["of the host[ b ]", "/data", "box", "0", failed]
    assert (tmp_path / "x").exists() is not bool(read_only)


@pytest.mark.parametrize("mode", ["P1", "P2"])
def test_read_only_volumes_are_refused_where_nothing_keeps_them_so(
    mode: str, udocker: Udocker, busybox: Image, tmp_path: Path
) -> None:
    udocker.create(busybox.name, "--name=c")
    udocker("setup", f"--execmode={mode}", "c")
    line = udocker.fails("run", "-v", f"{tmp_path}:/data:ro", "c", "true", status=125)
    assert f"mode {mode} cannot make a volume read-only" in line


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_udocker(number: signal.Signals, runner: Udocker) -> None:
    seconds = str(random.randrange(10**6, 10**7))
    process = runner.start("run", "c", "sh", "-c", f"sleep {seconds} & sleep {seconds}")
    wait_until(lambda: len(sleeping(seconds)) == 2)
    process.send_signal(number)
    process.communicate(timeout=10)
    wait_until(lambda: not sleeping(seconds))


def sleeping(seconds: str) -> list[str]:
    """The processes that sleep so long."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path("/proc", pid, "cmdline").read_bytes().split(b"\0")
        except OSError:  # it is gone
            continue
        if words[:2] == [b"sleep", seconds.encode()]:
            found.append(pid)
    return found


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait up to ten seconds until `condition()` is true."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.05)


def test_debian_runs_its_own_programs(udocker: Udocker, debian: Image) -> None:
    listed = udocker(
        "run", "--rm", debian.name, "dpkg-query", "--show", "--showformat=${Package}\n"
    )
    assert {"bash", "dpkg", "libc6"} <= set(listed.split())
