"""How many of the probes pass by each tracing engine: a table for ``docs/benchmarks.md``.

usage: python -m benchmarks.bench_probes [TRACER...]     (names as in the table; none: all)

The trees are made from what ``tools/prepare.py`` keeps. What fails is listed by name.
"""

from __future__ import annotations

import sys
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
#: Seconds for a probe, and for a run of all or of one: some tracers hang.
PATIENCE, ALL, ONE = 3, 120, 10


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
    with probes.surroundings(program) as surrounding:
        words = [tracer.program, "-0"]
        command = probes.by_tracer(words, root, surrounding, "-t", str(PATIENCE))
        try:
            return probes.run(command, tracer.variables, ALL)
        except RuntimeError:
            pass
        # One that ended the tracer or made it hang: each by itself, then.
        outcomes = [_run_one(command, tracer, name) for name in probes.names(program)]
    ok, skipped, failed = zip(*outcomes)
    return probes.Outcome(sum(ok), sum(skipped), [line for lines in failed for line in lines])


def _run_one(command: list[str], tracer: tracers.Tracer, name: str) -> probes.Outcome:
    try:
        return probes.run([*command, name], tracer.variables, ONE)
    except RuntimeError as error:
        return probes.Outcome(0, 0, [f"{name}: {error}"])


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
