"""What it takes to start ``/bin/true`` in a container that exists already.

usage: python3 -m benchmarks.bench_start [ROUNDS]
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks import harness, tools
from benchmarks.harness import Contender
from tests.live import oci, trees
from tests.live.command import which
from tests.live.servers import DockerRegistry


def main(rounds: int = 21) -> None:
    """Print the table."""
    with harness.workplace(1 << 30) as place:
        contenders, stop = prepared(place)
        try:
            rows = harness.compare(contenders, rounds)
        finally:
            for command in stop:
                subprocess.run(
                    command, env=tools.environment(place), check=False, capture_output=True
                )
        print("## Start of `/bin/true` in an existing container\n")
        print(harness.conditions(place))
        print(harness.table(f"Medians of {rounds} runs", rows, "udocker R1, launcher", "ms"))


def prepared(place: Path) -> tuple[list[Contender], list[list[str]]]:
    """The contenders, each with its container made, and the commands that end what was started."""
    environment = tools.environment(place, UDOCKER_DIR=str(place / "store"))
    name = "test/busybox:1"
    program = Path(which("busybox") or "busybox")
    applets = subprocess.run([program, "--list"], check=True, capture_output=True, text=True).stdout
    layout = oci.Layout(place / "layout")
    layer = trees.busybox_layer(applets.split(), program.read_bytes())
    source = layout.tag("latest", layout.image([layer]))
    released = tools.released_environment(place, place / "released")
    podman = tools.podman(place)
    (place / "registry").mkdir()
    with DockerRegistry(place / "registry") as registry:
        registry.push(source, name)
        option = f"--registry=http://{registry.address}"
        full_name = f"{registry.address}/{name}"
        _run([tools.UDOCKER, "pull", option, name], environment)
        for container, mode in (("c", "R1"), ("t", "P1")):
            _run([tools.UDOCKER, "create", f"--name={container}", name], environment)
            _run([tools.UDOCKER, "setup", f"--execmode={mode}", container], environment)
        _run([tools.RELEASED, "pull", option, name], released)
        _run([*podman, "pull", "--tls-verify=false", full_name], environment)
    for container, mode in (("p", "P1"), ("r", "R1")):
        _run([tools.RELEASED, "create", f"--name={container}", name], released)
        _run([tools.RELEASED, "setup", f"--execmode={mode}", container], released)
    # The host's network, as for the others.
    podman_run = [*podman, "run", "--network=host"]
    _run([*podman_run, "--detach", "--name=started", full_name, "sleep", "3600"], environment)
    root = _run([tools.UDOCKER, "inspect", "-p", "c"], environment).split()[-1]
    run = [tools.UDOCKER, "run", "c", "/bin/true"]
    isolated = [sys.executable, "-I", "-S", "-c", "pass"]
    true = ["/bin/true"]
    bwrap = ["bwrap", "--bind", root, "/", "--dev", "/dev", "--proc", "/proc", "--unshare-user",
             "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent"]  # fmt: skip
    use = "UDOCKER_USE_RUNC_EXECUTABLE"
    return [
        Contender("native", [true], environment),
        Contender("python3 -I -S -c pass", [isolated], environment),
        Contender("python3 -c pass", [[sys.executable, "-c", "pass"]], environment),
        Contender("udocker P1", [[tools.UDOCKER, "run", "t", *true]], environment),
        Contender("udocker R1, launcher", [run], environment),
        Contender("udocker R1, runc", [run], {**environment, use: "runc"}),
        Contender("udocker R1, crun", [run], {**environment, use: "crun"}),
        Contender("bwrap", [[*bwrap, *true]], environment),
        Contender("ch-run", [["ch-run", root, "--", *true]], environment),
        Contender("podman run --rm", [[*podman_run, "--rm", full_name, *true]], environment),
        Contender("podman exec", [[*podman, "exec", "started", *true]], environment),
        Contender("udocker 1.3.17 P1, proot", [[tools.RELEASED, "run", "p", *true]], released),
        # Without a terminal it answers 1 whatever the program does.
        Contender("udocker 1.3.17 R1, runc", [[tools.RELEASED, "run", "r", *true]], released,
                  statuses=(0, 1)),
    ], [[*podman, "rm", "--force", "--time=0", "started"]]  # fmt: skip


def _run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{' '.join(command)}: {done.stderr.strip()}", file=sys.stderr)
    return done.stdout


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
