"""The tracing engine does to programs what a kernel does: every probe, everywhere.

With UDOCKER_TEST_MATRIX set, every combination of tree, build, mode and missing feature.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.live import probes
from tests.live.parts import PARTS, need

ALL = bool(os.environ.get("UDOCKER_TEST_MATRIX"))
MODES = {"P1": [], "P2": ["--no-seccomp"]}
#: What each tree's probes are built with.
BUILDS = {
    "bullseye": ("dynamic",),
    "bookworm": ("static", "dynamic"),
    "trixie": ("dynamic",),
    probes.BUSYBOX: ("musl", "musl-static"),
}
if ALL:
    BUILDS = dict.fromkeys(probes.RELEASES, ("static", "dynamic", "musl-static"))
    BUILDS[probes.BUSYBOX] = ("static", "musl", "musl-static")
PLACES = [(tree, build) for tree, names in BUILDS.items() for build in names]
#: Sets of what the kernel may lack, with the modes that can do without.
FEATURES = {
    "openat2": "P1 P2",
    "notification": "P1",
    "call_info": "P2",
    "statx": "P1",
    "clone3": "P1",
    "faccessat2 fchmodat2": "P1",
    "pidfd_getfd": "P1",
    "pidfd_open": "P1",
    "process_vm_readv process_vm_writev": "P1 P2",
    "seccomp": "P2",
    "openat2 statx clone3 faccessat2 fchmodat2 pidfd_open pidfd_getfd close_range": "P1 P2",
}
LACKS = [(lacking, mode) for lacking, modes in FEATURES.items() for mode in modes.split()]
#: What cannot be: in P2 the tracer answers calls before a filter of the program's own is asked.
EXCLUDED = {"P1": [], "P2": ["-x", "own_filter_of_path_calls"]}


@pytest.fixture(scope="session")
def program() -> str:
    """The tracer of the installed plugin."""
    need()
    package = importlib.util.find_spec("udocker_proot")
    if package is None or package.origin is None:
        pytest.skip("missing here: the plugin udocker-proot")
    return str(Path(package.origin).parent / "bin" / "udocker-proot")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function that gives a build of the probes."""
    place = tmp_path_factory.mktemp("probes")
    place.chmod(0o755)

    def built(name: str) -> Path:
        target = place / name
        if name not in probes.builds():
            pytest.skip(
                f"missing here: what builds {name} programs; as root, make test installs it"
            )
        if not target.exists():
            probes.build(name, target)
        return target

    return built


@pytest.fixture(scope="session")
def without(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that takes features of the kernel away."""
    target = tmp_path_factory.mktemp("without") / "without"
    probes.build_without(target)
    return target


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Path]]:
    """A function that gives a root tree by its name."""
    place = tmp_path_factory.mktemp("trees")

    def tree(name: str) -> Path:
        if name == probes.BUSYBOX:
            need("busybox")
        else:
            need(PARTS / f"{name}.tar")
        root = place / name
        if not root.exists():
            probes.make_tree(name, root)
        return root

    yield tree
    shutil.rmtree(place, ignore_errors=True)


def check(tracer: list[str], root: Path, program: Path, *arguments: str) -> None:
    """Every probe passes, the host's processes get no signal, and nothing is left behind."""
    urgent = {signal.SIGURG}
    before = sorted(os.listdir(root / "tmp"))
    try:
        with probes.surroundings(program) as surrounding:
            command = probes.by_tracer(tracer, root, surrounding, *arguments)
            outcome = probes.run(
                command, meanwhile=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, urgent)
            )
        assert signal.SIGURG not in signal.sigpending(), "kill(-1) went out of the container"
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, urgent)
    assert not outcome.failed, "\n".join(outcome.failed)
    assert outcome.ok > 250
    assert sorted(os.listdir(root / "tmp")) == before


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("where", "build"), PLACES)
def test_all_probes_pass(
    where: str,
    build: str,
    mode: str,
    program: str,
    built: Callable[[str], Path],
    tree: Callable[[str], Path],
) -> None:
    tracer = [program, *MODES[mode], "-0"]
    check(tracer, tree(where), built(build), *EXCLUDED[mode])


@pytest.mark.parametrize("mode", MODES)
def test_all_probes_pass_as_another_user(
    mode: str, program: str, built: Callable[[str], Path], tree: Callable[[str], Path]
) -> None:
    tracer = [program, *MODES[mode], "-i", "1000:1001"]
    user = ["-u", "1000", "-g", "1001"]
    check(tracer, tree(probes.BUSYBOX), built("static"), *user, *EXCLUDED[mode])


@pytest.mark.parametrize("where", BUILDS if ALL else [probes.BUSYBOX])
@pytest.mark.parametrize(("lacking", "mode"), LACKS)
def test_kernels_that_lack(
    lacking: str,
    mode: str,
    where: str,
    program: str,
    without: Path,
    built: Callable[[str], Path],
    tree: Callable[[str], Path],
) -> None:
    tracer = [str(without), *lacking.split(), "--", program, *MODES[mode], "-0"]
    excluded = [*EXCLUDED[mode]]
    if "process_vm_readv" in lacking:
        excluded += ["-x", "memory_of_another_process"]
    check(tracer, tree(where), built("static"), *excluded)


@pytest.mark.parametrize(
    ("lacking", "mode", "reason"),
    [("ptrace", "P1", "modes "), ("ptrace", "P2", "modes "), ("seccomp=1 prctl=1", "P1", "P2")],
)
def test_fails_closed(
    lacking: str, mode: str, reason: str, program: str, without: Path, tree: Callable[[str], Path]
) -> None:
    """A host that forbids what the mode needs: no program runs, and the message says why."""
    root = tree(probes.BUSYBOX)
    words = [str(without), *lacking.split(), "--", program, *MODES[mode], "-r", str(root)]
    done = subprocess.run(
        [*words, "/bin/busybox", "echo", "it ran"], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 125
    assert done.stdout == ""
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1


_NATIVELY = """
set -e
mount --make-rprivate /
while [ $# -gt 0 ] && [ "$1" != -- ]; do mount --bind "$2" "$ROOT$1"; shift 2; done
shift
mount -t tmpfs tmpfs "$ROOT/tmp"
mount -t proc proc "$ROOT/proc"
mount --rbind /dev "$ROOT/dev"
allowed=+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap
allowed=$allowed,+net_bind_service,+net_raw,+sys_chroot,+mknod,+audit_write,+setfcap
exec setpriv --bounding-set "-all,$allowed" --inh-caps -all chroot "$ROOT" "$@"
"""


@pytest.mark.root
@pytest.mark.parametrize("build", ["static", "musl"])
def test_the_probes_are_right(build: str, built: Callable[[str], Path], tmp_path: Path) -> None:
    """They pass on the kernel itself: as root, in a chroot with docker's capabilities."""
    if os.geteuid() != 0:
        pytest.skip("only root can chroot")
    root = tmp_path / "root"
    probes.make_tree(probes.BUSYBOX, root)
    with probes.surroundings(built(build)) as surrounding:
        binds = [word for pair in surrounding.binds.items() for word in pair]
        script = ["sh", "-c", _NATIVELY, "sh", *binds, "--", "/probes", *surrounding.arguments]
        private = ["unshare", "--pid", "--mount", "--fork"]
        outcome = probes.run([*private, *script], {"ROOT": str(root)})
    assert not outcome.failed, "\n".join(outcome.failed)
    assert outcome.ok > 250
