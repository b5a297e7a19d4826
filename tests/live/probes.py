"""The probes of ``native/probes``: their builds, root trees for them, and running them.

They are one C program, built in several ways, which does what programs may expect of a kernel and
says what was not so. ``main.c`` has its options.
"""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.live.command import which
from tests.live.parts import PARTS

SOURCES = Path(__file__).parents[2] / "native" / "probes"
#: The tree with nothing but busybox and musl.
BUSYBOX = "busybox"
#: Debian's releases that are root trees, the oldest first.
RELEASES = ("bullseye", "bookworm", "trixie")
#: The headers and libraries of the oldest, so that what is built with them runs on all.
SYSROOT = PARTS / "sysroot"
_FLAGS = ("-std=gnu11", "-O1", "-Wall", "-Wextra", "-pthread")
_SUMMARY = re.compile(r"(\d+) ok, (\d+) failed, (\d+) skipped")


class Outcome(NamedTuple):
    """What the probes said."""

    ok: int
    skipped: int
    failed: list[str]  #: "NAME: why"


def builds() -> dict[str, list[str]]:
    """The compilers that are here, with their options, by the name of what they make."""
    made = {}
    for compiler in ("gcc", "clang"):
        if which(compiler):
            made["static"] = [compiler, *_FLAGS, "-static"]
            break
    machine = platform.machine()
    libraries = SYSROOT / "usr" / "lib" / f"{machine}-linux-gnu"
    if which("gcc") and libraries.exists():
        old = SYSROOT / "lib" / f"{machine}-linux-gnu"
        search = [f"--sysroot={SYSROOT}", f"-B{libraries}", f"-L{libraries}", f"-L{old}"]
        made["dynamic"] = ["gcc", *search, *_FLAGS]
    if which("musl-gcc"):
        # The kernel's headers are Debian's: after musl's own, which they do not replace.
        headers = ["/usr/include", f"/usr/include/{machine}-linux-gnu"]
        musl = ["musl-gcc", *_FLAGS, *(word for path in headers for word in ("-idirafter", path))]
        made["musl"] = musl
        made["musl-static"] = [*musl, "-static"]
    return made


def build(name: str, target: Path) -> None:
    """Make the build `name` of the probes."""
    sources = sorted(str(path) for path in SOURCES.glob("*.c") if path.name != "without.c")
    subprocess.run(
        [*builds()[name], "-o", str(target), *sources],
        check=True, timeout=300, stderr=subprocess.PIPE,
    )  # fmt: skip


def build_without(target: Path) -> None:
    """Make the program that takes features of the kernel away (``without.c``)."""
    compiler = builds()["static"]
    subprocess.run(
        [*compiler, "-o", str(target), str(SOURCES / "without.c")], check=True, timeout=60
    )


def loader() -> Path | None:
    """The host's musl, which is a dynamic loader and a C library in one file."""
    return next(iter(sorted(Path("/lib").glob("ld-musl-*.so.1"))), None)


def make_tree(name: str, root: Path) -> None:
    """Make a root tree that the caller owns: a release's by its name, or BUSYBOX."""
    root.mkdir()
    if name == BUSYBOX:
        _make_busybox(root)
    else:
        tar = ["tar", "-C", str(root), "--no-same-owner", "--exclude=./dev/*", "--delay-directory"]
        subprocess.run([*tar, "-xf", str(PARTS / f"{name}.tar")], check=True, timeout=120)
    for directory in ("bound", "bound/nested"):
        (root / directory).mkdir()
    for file in ("bound-file", "probes"):
        (root / file).touch()


def _make_busybox(root: Path) -> None:
    for directory in ("bin", "dev", "etc", "lib", "proc", "tmp"):
        (root / directory).mkdir()
    program = which("busybox")
    if program:
        shutil.copy(program, root / "bin" / "busybox")
        applets = subprocess.run([program, "--list"], check=True, capture_output=True, text=True)
        for applet in applets.stdout.split():
            if applet != "busybox":
                (root / "bin" / applet).symlink_to("busybox")
    musl = loader()
    if musl:
        shutil.copy(musl.resolve(), root / "lib" / musl.name)
    (root / "etc" / "passwd").write_text("root:x:0:0:root:/:/bin/sh\n")
    (root / "etc" / "group").write_text("root:x:0:\n")


class Surroundings(NamedTuple):
    """What is bound into the container, and a file that must not be there."""

    binds: Mapping[str, str]  #: host paths by container path
    arguments: Sequence[str]  #: of the probes, about them


@contextmanager
def surroundings(program: Path) -> Iterator[Surroundings]:
    """Files on the host for the probes, `program` among them."""
    with tempfile.TemporaryDirectory(prefix="probes-") as directory:
        place = Path(directory)
        place.chmod(0o755)
        (place / "bound" / "nested").mkdir(parents=True)
        (place / "nested").mkdir()
        (place / "bound" / "marker").write_text("bound\n")
        (place / "nested" / "marker").write_text("nested\n")
        (place / "file").write_text("bound\n")
        (place / "absent").write_text("not for the container\n")
        binds = {
            "/bound": f"{place}/bound",
            "/bound/nested": f"{place}/nested",
            "/bound-file": f"{place}/file",
            "/probes": str(program),
        }
        arguments = [
            "--bind", "/bound", "--nested", "/bound/nested", "--bind-file", "/bound-file",
            "--absent", f"{place}/absent",
        ]  # fmt: skip
        yield Surroundings(binds, arguments)


def names(program: Path) -> list[str]:
    """The names of all probes; `program` is a build that runs on the host."""
    return subprocess.run(
        [str(program), "-l"], check=True, capture_output=True, text=True, timeout=10
    ).stdout.split()


def run(
    command: Sequence[str],
    variables: Mapping[str, str] | None = None,
    patience: float = 300,
    meanwhile: Callable[[], object] = bool,
) -> Outcome:
    """Run the probes by `command`; `meanwhile` is called when they have been started.

    Raises:
        RuntimeError: they did not run to their end; with what they wrote.
    """
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/", **(variables or {})}
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe,
        start_new_session=True,
    )  # fmt: skip
    meanwhile()
    try:
        out, err = (text.decode(errors="replace") for text in process.communicate(None, patience))
    except subprocess.TimeoutExpired as error:
        process.kill()
        out, err = (text.decode(errors="replace") for text in process.communicate())
        raise RuntimeError(f"not done after {patience} s: {out[-2000:]}{err[-2000:]}") from error
    summary = _SUMMARY.search(out)
    if summary is None:
        raise RuntimeError(f"exit status {process.returncode}: {out[-2000:]}{err[-2000:]}")
    failed = re.findall(r"(?s)^FAIL (.*?)\n(?=ok |FAIL |skip |\d+ ok, )", out, re.MULTILINE)
    return Outcome(int(summary[1]), int(summary[3]), failed)


def by_tracer(
    tracer: Sequence[str], root: Path, surrounding: Surroundings, *arguments: str
) -> list[str]:
    """The command that runs the probes by `tracer`, a program with PRoot's command line."""
    binds = [
        word
        for target, source in {"/proc": "/proc", "/dev": "/dev", **surrounding.binds}.items()
        for word in ("-b", f"{source}:{target}")
    ]
    program = ["/probes", *surrounding.arguments, *arguments]
    return [*tracer, "-r", str(root), *binds, "-w", "/", *program]
