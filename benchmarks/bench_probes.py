"""How many of the probes pass by each tracing engine: a table for ``docs/benchmarks.md``.

usage: python -m benchmarks.bench_probes [TRACER...]     (names as in the table; none: all)

The trees are made from what ``tools/prepare.py`` keeps. What fails is listed by name.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks import harness, tracers
from tests.live import probes

#: Trees with the build that is run in them.
PLACES = (
    ("bookworm", "static"), ("bullseye", "dynamic"), ("trixie", "dynamic"),
    (probes.BUSYBOX, "musl"),
)  # fmt: skip
#: Bytes that the trees take.
SIZE = 1 << 30
#: Seconds for a probe, and until a tracer that says nothing is taken for dead.
PATIENCE, SILENCE = 3, 8


def main(names: list[str]) -> None:
    """Print the table and the lists."""
    with harness.workplace(SIZE) as place:
        contenders = tracers.own() + tracers.foreign(place)
        if names:
            contenders = [contender for contender in contenders if contender.name in names]
        roots = {}
        for tree, _ in PLACES:
            roots[tree] = place / tree
            probes.make_tree(tree, roots[tree])
        found = {
            (contender.name, tree, build): _run(contender, place, roots[tree], build)
            for contender in contenders
            for tree, build in PLACES
        }
    print(_table([contender.name for contender in contenders], found))
    for contender in contenders:
        print(_misses(contender.name, found))


def _run(tracer: tracers.Tracer, place: Path, root: Path, build: str) -> probes.Outcome:
    program = place / f"probes-{build}"
    if not program.exists():
        probes.build(build, program)
    left = probes.names(program)
    ok, skipped, failed = 0, 0, []
    with probes.surroundings(program) as surrounding:
        words = [tracer.program, "-0"]
        command = probes.by_tracer(words, root, surrounding, "-t", str(PATIENCE))
        while left:
            for word, name, line in _results([*command, *left], tracer.variables):
                left.remove(name)
                ok += word == "ok"
                skipped += word == "skip"
                failed += [line] if word == "FAIL" else []
            if left:  # the next one ended the tracer or made it hang
                failed.append(f"{left.pop(0)}: ends the tracer")
    return probes.Outcome(ok, skipped, failed)


def _results(command: list[str], variables: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Each probe's result, its name, and that with the reason, until there are no more."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/", **variables}
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    output, text = process.stdout, b""
    assert output is not None
    while select.select([output], [], [], SILENCE)[0] and (more := os.read(output.fileno(), 65536)):
        *lines, text = (text + more).split(b"\n")
        for line in lines:
            word, _, rest = line.decode(errors="replace").partition(" ")
            if word in ("ok", "skip", "FAIL"):
                yield word, rest.partition(":")[0], rest
    process.kill()
    output.close()
    process.wait()


def _table(names: list[str], found: dict[tuple[str, str, str], probes.Outcome]) -> str:
    columns = [f"{tree}, {build}" for tree, build in PLACES]
    lines = ["| | " + " | ".join(columns) + " |", "| --- |" + " ---: |" * len(columns)]
    for name in names:
        cells = []
        for tree, build in PLACES:
            outcome = found[name, tree, build]
            cells.append(f"{outcome.ok} of {outcome.ok + len(outcome.failed)}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def _misses(name: str, found: dict[tuple[str, str, str], probes.Outcome]) -> str:
    """The probes that fail anywhere by this tracer."""
    failed = {
        line.partition(":")[0]
        for (tracer, _, _), outcome in found.items()
        if tracer == name
        for line in outcome.failed
    }
    return f"{name}: {len(failed)} fail somewhere: {', '.join(sorted(failed))}\n"


if __name__ == "__main__":
    main(sys.argv[1:])
