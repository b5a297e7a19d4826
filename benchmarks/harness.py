"""Measure several ways to do one thing, interleaved, and print a markdown table."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Contender(NamedTuple):
    """One way to do it."""

    name: str
    steps: Sequence[Sequence[str]]  #: commands, one after the other
    environment: Mapping[str, str]  #: all of it
    prepare: Callable[[], object] = bool  #: called before each run, not measured
    statuses: Sequence[int] = (0,)  #: exit statuses that are taken for success


class Cost(NamedTuple):
    """What one run took, with all its child processes."""

    wall: float  #: seconds
    cpu: float  #: seconds, user and system
    peak: float  #: kB, of the largest process


class Row(NamedTuple):
    """The medians of a contender, or why there are none."""

    name: str
    median: Cost | None
    failure: str = ""


def compare(contenders: Sequence[Contender], rounds: int) -> list[Row]:
    """Run every contender once in each round, and give the medians.

    One that fails in the first round is out; its last line on standard error is kept.
    """
    costs: dict[str, list[Cost]] = {contender.name: [] for contender in contenders}
    failures: dict[str, str] = {}
    for number in range(rounds):
        for contender in contenders:
            if contender.name in failures:
                continue
            if sys.stderr.isatty():
                print(f"\r{number + 1}/{rounds} {contender.name:40}\r", end="", file=sys.stderr)
            try:
                costs[contender.name].append(measure(contender))
            except RuntimeError as error:
                failures[contender.name] = str(error)
    return [
        Row(name, None, failures[name])
        if name in failures
        else Row(name, Cost(*(statistics.median(column) for column in zip(*runs))))
        for name, runs in costs.items()
    ]


def measure(contender: Contender) -> Cost:
    """Run a contender once.

    Raises:
        RuntimeError: it failed; with the last line it wrote to standard error.
    """
    contender.prepare()
    specification = {
        "steps": contender.steps,
        "environment": dict(contender.environment),
        "statuses": contender.statuses,
    }
    runner = str(Path(__file__).with_name("measure.py"))
    done = subprocess.run(
        ["/usr/bin/python3", "-I", "-S", runner, json.dumps(specification)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError("; ".join(done.stderr.strip().splitlines()[-2:]))
    return Cost(*json.loads(done.stdout))


def table(title: str, rows: Sequence[Row], reference: str, unit: str = "s") -> str:
    """A markdown table; the ratios are to the row named `reference`."""
    factor = 1000 if unit == "ms" else 1
    base = next((row.median for row in rows if row.name == reference), None)
    lines = [
        f"### {title}",
        "",
        f"| | CPU {unit} | wall {unit} | peak MB | CPU ratio | wall ratio |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, median, failure in rows:
        if median is None:
            lines.append(f"| {name} | failed: {failure.replace('|', ' ')[-160:]} | | | | |")
            continue
        cpu, wall = median.cpu * factor, median.wall * factor
        ratios = f"{median.cpu / base.cpu:.2f} | {median.wall / base.wall:.2f}" if base else "- | -"
        digits = 1 if unit == "ms" else 2
        peak = median.peak / 1024
        lines.append(f"| {name} | {cpu:.{digits}f} | {wall:.{digits}f} | {peak:.0f} | {ratios} |")
    return "\n".join([*lines, "", f"Ratios are to: {reference}.", ""])


@contextlib.contextmanager
def workplace(needed: int) -> Iterator[Path]:
    """A directory with `needed` bytes free: in memory if there is as much, else in TMPDIR."""
    memory = Path("/dev/shm")
    parent = None
    if memory.is_dir() and shutil.disk_usage(memory).free > needed:
        parent = str(memory)
    place = Path(tempfile.mkdtemp(prefix="udocker-bench-", dir=parent))
    try:
        yield place
    finally:
        remove(place)


def remove(path: Path) -> None:
    """Delete a tree, whatever the modes in it and the subordinate ids that own parts of it."""
    if not path.exists():
        return
    if subprocess.run(["rm", "-rf", str(path)], stderr=subprocess.DEVNULL, check=False).returncode:
        subprocess.run(["chmod", "-R", "u+rwX", str(path)], stderr=subprocess.DEVNULL, check=False)
        rm = ["rm", "-rf", str(path)]
        if shutil.which("podman"):
            rm = ["podman", "unshare", *rm]
        subprocess.run(rm, check=True)


def conditions(place: Path) -> str:
    """One paragraph: the machine, the file system and how it was measured."""
    kind = subprocess.run(
        ["stat", "--file-system", "--format=%T", str(place)],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    version = ".".join(map(str, sys.version_info[:3]))
    return (
        f"Linux {platform.release()}, {os.cpu_count()} cores, Python {version}, stores on {kind}. "
        "Medians of interleaved runs as an ordinary user; CPU is user and system time of the whole "
        "process tree, peak is the resident memory of its largest process (9 MB is the least that "
        "can be told). Daemons and a registry's own time are not in it.\n"
    )
