"""What the tracing engines make of system calls and of programs, as ratios to native.

usage: python3 -m benchmarks.bench_engines [ROUNDS]

Native is ``chroot`` into the same tree in a user namespace of the same user. Every round runs
every test under every engine in turn; the least of the rounds counts, as noise only adds.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks import harness, tools, tracers
from benchmarks.harness import Contender
from benchmarks.tracers import Tracer
from tests.live.parts import PARTS

SOURCES = Path(__file__).with_name("engines")
LENGTH = 100  #: milliseconds that a loop of micro.c goes on
#: The loops of micro.c, by what the table calls them.
LOOPS = {
    "getpid": "getpid", "write": "write", "open and close": "open", "stat": "stat",
    "stat, 10 directories deep": "deep", "stat of a missing file": "missing",
    "fork and exec": "exec", "stat in 16 threads": "metadata", "computing in 16 threads": "compute",
    "futexes in 16 threads": "futex",
}  # fmt: skip
#: Programs, with the tree as the root; the output is thrown away.
PROGRAMS = {
    "find /usr": ["find", "/usr"],
    "ls -lR /usr/share": ["ls", "-lR", "/usr/share"],
    "tar c, names only": ["tar", "-cf", "/dev/null", "/usr/lib"],
    "tar c": ["sh", "-c", "tar -c /usr/include /usr/share | cat"],
    "tar x": ["sh", "-c", "rm -rf /bench/out && mkdir /bench/out && "
              "tar -xf /bench/include.tar --no-same-owner -C /bench/out"],
    "gcc": ["gcc", "-O2", "-o", "/bench/hello", "/bench/hello.c"],
    "python with modules": ["python3", "-c", "import json, subprocess, urllib.request"],
    "sh, 100 times true": ["sh", "-c", "i=0; while [ $i -lt 100 ]; do /bin/true; i=$((i+1)); done"],
}  # fmt: skip
BUILDS = ("static", "dynamic")
HELLO = '#include <stdio.h>\n#include <stdlib.h>\nint main(void) { puts("hello"); return 0; }\n'
NATIVE = (
    'root=$1; shift; mount --rbind /proc "$root/proc" && mount --rbind /dev "$root/dev" '
    '&& exec chroot "$root" "$@"'
)


class Way(NamedTuple):
    """Native or an engine: how it runs a command in the tree."""

    name: str
    tracer: Tracer | None

    def contender(self, place: Path, argv: Sequence[str]) -> Contender:
        """The command `argv` in the tree, for the harness."""
        environment = tools.environment(place, HOME="/root")
        if self.tracer is None:
            return Contender(self.name, [native(place / "root", *argv)], environment)
        command = self.tracer.command(place / "root", *argv)
        return Contender(self.name, [command], {**environment, **self.tracer.variables})


def native(root: Path, *argv: str) -> list[str]:
    """What runs `argv` in the tree `root` with no engine."""
    unshare = ["unshare", "--user", "--map-root-user", "--mount"]
    return [*unshare, "sh", "-c", NATIVE, "sh", str(root), *argv]


def main(rounds: int = 5) -> None:
    """Print the tables."""
    with harness.workplace(4 << 30) as place:
        make_tree(place)
        ways = [Way("native", None)]
        ways += [Way(tracer.name, tracer) for tracer in tracers.own() + tracers.foreign(place)]
        print("## Engines that trace\n")
        print(harness.conditions(place))
        print(start_table(place, ways, rounds * 4 + 1))
        print(table(place, ways, rounds))


def make_tree(place: Path) -> None:
    """Unpack the tree in `place` and add what the tests need."""
    root = place / "root"
    root.mkdir()
    unpack = ["tar", "-xf", str(PARTS / "python.tar"), "--no-same-owner", "--exclude=./dev/*"]
    subprocess.run([*unpack, "-C", str(root)], check=True)
    bench = root / "bench"
    deep = bench.joinpath(*"abcdefghi")
    deep.mkdir(parents=True)
    (deep / "file").touch()
    (bench / "hello.c").write_text(HELLO)
    (bench / "micro.c").write_bytes((SOURCES / "micro.c").read_bytes())
    prepare = [
        "cd /bench",
        "tar -cf include.tar -C /usr include",
        "gcc -O2 -static -pthread -o static micro.c",
        "gcc -O2 -pthread -o dynamic micro.c",
    ]
    subprocess.run(
        native(root, "sh", "-c", " && ".join(prepare)),
        check=True, env=tools.environment(place),
    )  # fmt: skip


def start_table(place: Path, ways: Sequence[Way], rounds: int) -> str:
    """The start of a program that does nothing, by the program of each engine and by udocker."""
    contenders = [way.contender(place, ["/bench/static"]) for way in ways if way.tracer]
    program = [[str(place / "root" / "bench" / "static")]]
    environment = tools.environment(place, UDOCKER_DIR=str(place / "store"))
    contenders.insert(0, Contender("native", program, environment))
    archive = place / "small.tar"
    subprocess.run(
        ["tar", "-cf", str(archive), "-C", str(place / "root" / "bench"), "static"], check=True
    )
    commands = [["import", str(archive), "bench:1"]]
    for mode in ("P1", "P2"):
        commands += [["create", f"--name={mode}", "bench:1"], ["setup", f"--execmode={mode}", mode]]
        run = [tools.UDOCKER, "run", mode, "/static"]
        contenders.append(Contender(f"udocker run, {mode}", [run], environment))
    for command in commands:
        subprocess.run(
            [tools.UDOCKER, *command], env=environment, check=False, stdout=subprocess.DEVNULL
        )  # what fails shows in the table
    rows = harness.compare(contenders, rounds)
    title = f"Start of a static program; medians of {rounds} runs"
    return harness.table(title, rows, "native", "ms")


def table(place: Path, ways: Sequence[Way], rounds: int) -> str:
    """Every test under every engine."""
    rows: dict[str, list[float]] = {}
    units = {}
    for build in BUILDS:
        for title, loop in LOOPS.items():
            argv = [f"/bench/{build}", loop, str(LENGTH)]
            name = f"{title}, {build}"
            rows[name] = least(place, ways, argv, rounds, timed_inside=True)
            units[name] = 1.0
    for name, argv in PROGRAMS.items():
        rows[name] = least(place, ways, argv, rounds, timed_inside=False)
        units[name] = 1e6
    lines = [
        f"### Ratios to native; the least of {rounds} runs",
        "",
        "| | " + " | ".join(way.name for way in ways) + " |",
        "| --- |" + " ---: |" * len(ways),
    ]
    for name, (base, *others) in rows.items():
        suffix = " ns" if units[name] == 1 else " ms"
        cells = [f"{base / units[name]:.0f}{suffix}"]
        cells += [f"{other / base:.2f}" if other < float("inf") else "fails" for other in others]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def least(
    place: Path, ways: Sequence[Way], argv: Sequence[str], rounds: int, *, timed_inside: bool
) -> list[float]:
    """The least nanoseconds that each of `ways` takes for `argv`; infinite if it fails.

    Args:
        timed_inside: the program prints its time itself; else its run is timed.
    """
    best = [float("inf")] * len(ways)
    failed: set[int] = set()
    for _ in range(rounds):
        for number, way in enumerate(ways):
            if number in failed:
                continue
            contender = way.contender(place, argv)
            try:
                spent = told(contender) if timed_inside else harness.measure(contender).wall * 1e9
            except RuntimeError as error:
                print(f"{way.name}: {' '.join(argv)}: {error}", file=sys.stderr)
                failed.add(number)
                best[number] = float("inf")
            else:
                best[number] = min(best[number], spent)
    return best


def told(contender: Contender) -> float:
    """Run it and give the number that it prints.

    Raises:
        RuntimeError: it fails, prints something else, or hangs.
    """
    (command,) = contender.steps
    try:
        done = subprocess.run(
            command, env=dict(contender.environment),
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"exits with {done.returncode}: {done.stderr.strip()[-200:]}")
        return float(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise RuntimeError(str(error)) from None


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
