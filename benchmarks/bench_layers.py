"""Unpacking layers: ``apply_layers`` against ``gzip -dc | tar x``, in one run and taking turns.

Makes its own layers (ordinary files of a distribution's sizes, and 50,000 small files), unpacks
each several times both ways into a fresh directory, and prints the medians of wall time, CPU time
and peak memory, with the ratios.

Usage: ``python benchmarks/bench_layers.py [DIRECTORY]``; a directory on tmpfs measures the
programs and not the disk.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import random
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from typing import NamedTuple

from udocker_core.layers import remove_tree

ROUNDS = 5

APPLY = """
import sys
from udocker_core.layers import Layer, apply_layers
path, diff_id, root = sys.argv[1:]
apply_layers([Layer(lambda: open(path, "rb", buffering=0), diff_id, path)], root)
"""
MEMORY = """
for line in open("/proc/self/status"):
    if line.startswith("VmHWM"):
        print(line.split()[1])
"""


class Cost(NamedTuple):
    """What one run took."""

    wall: float  #: seconds
    cpu: float  #: seconds, user and system, of the process and its children
    memory: float  #: MB, the peak of a process that prints it, else 0


def make_layer(path: str, sizes: list[int], per_directory: int) -> str:
    """Write a gzipped layer with files of `sizes` bytes and return its diff_id."""
    chance = random.Random(1)
    words = [chance.randbytes(chance.randint(2, 9)) for _ in range(4000)]
    weights = [1 / rank for rank in range(1, 4001)]
    text = b"".join(chance.choices(words, weights, k=200_000))
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for number, size in enumerate(sizes):
            folder = f"usr/lib/package{number // per_directory}"
            if number % per_directory == 0:
                info = tarfile.TarInfo(folder)
                info.type, info.mode, info.mtime = tarfile.DIRTYPE, 0o755, 1_600_000_000
                archive.addfile(info)
            info = tarfile.TarInfo(f"{folder}/file{number}")
            info.size, info.mode, info.mtime = size, 0o644, 1_600_000_000 + number
            start = chance.randrange(len(text) // 2)
            data = (text[start:] * (size // (len(text) // 2) + 1))[:size]
            archive.addfile(info, io.BytesIO(data))
    with open(path, "wb") as file, gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as packed:
        packed.write(plain.getbuffer())
    return "sha256:" + hashlib.sha256(plain.getbuffer()).hexdigest()


def run(command: list[str]) -> Cost:
    """Run `command` and return what it took."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout
    memory = int(process.stdout.read() or 0) / 1024
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    if status:
        raise SystemExit(f"{command[0]} failed with status {status}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, memory)


def compare(name: str, path: str, diff_id: str, work: str) -> None:
    """Unpack the layer in turn both ways and print a line for each."""
    root = os.path.join(work, "root")
    ours = [sys.executable, "-c", APPLY + MEMORY, path, diff_id, root]
    # a shell that waits, so that the usage of both programs is in its own
    theirs = ["sh", "-c", 'gzip -dc "$1" | tar x -C "$2"; exit 0', "sh", path, root]
    costs: dict[str, list[Cost]] = {"apply_layers": [], "gzip | tar": []}
    for _ in range(ROUNDS):
        for label, command in zip(costs, (ours, theirs)):
            os.mkdir(root)
            costs[label].append(run(command))
            remove_tree(root)
    medians = {
        label: Cost(*(statistics.median(values) for values in zip(*found)))
        for label, found in costs.items()
    }
    python = run([sys.executable, "-c", MEMORY]).memory
    print(f"{name}, {os.path.getsize(path) / 1e6:.0f} MB")
    for label, cost in medians.items():
        print(f"  {label:14} wall {cost.wall:5.2f} s   cpu {cost.cpu:5.2f} s")
    ours_cost, theirs_cost = medians.values()
    wall, cpu = ours_cost.wall / theirs_cost.wall, ours_cost.cpu / theirs_cost.cpu
    print(f"  {'ratio':14} wall {wall:5.2f}     cpu {cpu:5.2f}")
    print(f"  memory above Python's own {ours_cost.memory - python:.1f} MB")


def main() -> None:
    """Make the layers and compare."""
    chance = random.Random(2)
    ordinary = [int(chance.paretovariate(0.75) * 1200) % 2_500_000 for _ in range(8000)]
    small = [chance.randint(50, 4000) for _ in range(50_000)]
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as work:
        path = os.path.join(work, "layer.tar.gz")
        for name, sizes, per_directory in (
            ("8,000 files of a distribution's sizes", ordinary, 12),
            ("50,000 small files", small, 20),
        ):
            compare(name, path, make_layer(path, sizes, per_directory), work)


if __name__ == "__main__":
    main()
