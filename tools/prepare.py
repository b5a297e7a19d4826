"""Prepare what only root can for the live tests and the benchmarks, on Debian.

usage: prepare.py [GOAL...]     (LONG_GOALS prepare more)

It installs Debian packages, makes the test user, and keeps in PARTS: root trees by mmdebstrap,
the released udocker in an environment of its own, and a small file system to fill up. What is
there already is left alone. Elsewhere than on Debian the live tests skip what is missing.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import as_user

PARTS = as_user.HOME / "parts"
TEST_PACKAGES = (
    "apache2-utils", "bubblewrap", "busybox-static", "clang", "crun", "curl", "docker-registry",
    "gcc", "libc6-dev", "mmdebstrap", "musl-tools", "openssl", "python3-venv", "runc", "skopeo",
    "strace", "uidmap", "umoci",
)  # fmt: skip
BENCH_PACKAGES = ("charliecloud", "e2fsprogs", "fuse-overlayfs", "podman", "proot")
#: Root trees by name, and what they have besides Debian's minimal system.
TREES = {
    "debian": (),
    "python": ("python3", "python3-numpy", "python3-scipy", "g++"),
}
#: Debian's releases whose minimal systems are root trees too, by their names.
RELEASES = ("bullseye", "bookworm", "trixie")
#: What programs are linked with that shall run on all of them: the oldest's.
SYSROOT = "libc6-dev", "linux-libc-dev"
RELEASED = "udocker==1.3.17"
#: What needs more than the tests do.
LONG_GOALS = "bench", "bench-engines", "matrix", "real-work", "soak"
FULL_DISK_SIZE = 8 << 20  # bytes


def main(goals: list[str]) -> None:
    """Prepare for the make goals `goals`."""
    try:
        prepare(any(goal in LONG_GOALS for goal in goals))
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"# {error}: the live tests will skip what this machine lacks", flush=True)


def prepare(bench: bool) -> None:
    """Make all there is to make, for the benchmarks too if `bench` is true."""
    as_user.ensure_user()
    install_packages(TEST_PACKAGES + (BENCH_PACKAGES if bench else ()))
    user = as_user.ensure_user()  # now there may be subordinate ids for it
    PARTS.mkdir(mode=0o755, exist_ok=True)
    for name in TREES if bench else ("debian",):
        make_tree(name)
    with contextlib.suppress(subprocess.CalledProcessError):  # perhaps not Debian, or no mirror
        for name in RELEASES:
            make_tree(name)
        make_sysroot()
    make_released()
    make_small_disk(user.pw_uid, user.pw_gid)


def install_packages(packages: tuple[str, ...]) -> None:
    """Install those of `packages` that are missing."""
    query = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *packages]
    shown = subprocess.run(query, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    have = {line.split()[0] for line in shown.stdout.decode().splitlines() if " installed" in line}
    missing = [package for package in packages if package not in have]
    if not missing:
        return
    print("# apt-get install", *missing, flush=True)
    apt = ["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*apt, "update"], check=True, env=environment)
    # The registry's package would start a service of its own; policy-rc.d says no.
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        subprocess.run(
            [*apt, "install", "--no-install-recommends", "--yes", *missing],
            check=True, env=environment, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    finally:
        if ours:
            policy.unlink()


def make_tree(name: str) -> None:
    """Make the root tree `name`, of TREES or RELEASES, as a tar file."""
    target = PARTS / f"{name}.tar"
    if target.exists():
        return
    partial = target.with_suffix(".partial.tar")
    suite = name if name in RELEASES else host_release()
    mmdebstrap(suite, partial, "minbase", TREES.get(name, ()))
    partial.rename(target)


def make_sysroot() -> None:
    """Unpack the headers and libraries of the oldest release."""
    target = PARTS / "sysroot"
    if target.exists():
        return
    partial = PARTS / "sysroot.partial"
    shutil.rmtree(partial, ignore_errors=True)
    mmdebstrap(RELEASES[0], partial, "extract", SYSROOT)
    for directory, *lists in os.walk(partial):  # what links mean inside
        for path in (Path(directory, name) for name in itertools.chain(*lists)):
            if path.is_symlink() and os.path.isabs(os.readlink(path)):
                inside = f"{partial}{os.readlink(path)}"
                path.unlink()
                path.symlink_to(os.path.relpath(inside, directory))
    partial.rename(target)


def mmdebstrap(suite: str, target: Path, variant: str, packages: tuple[str, ...]) -> None:
    """Make a tree of Debian's release `suite` from where the machine has its own packages."""
    print(f"# mmdebstrap: {target.name} of {suite}", flush=True)
    sources = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").iterdir())]
    sources = [s for s in sources if s.suffix in (".list", ".sources") and s.exists()]
    included = [f"--include={','.join(packages)}"] if packages else []
    command = ["mmdebstrap", "--quiet", f"--variant={variant}", *included, suite, str(target)]
    with tempfile.TemporaryDirectory() as directory:
        for source in sources:
            text = source.read_text().replace(host_release(), suite)
            Path(directory, source.name).write_text(text)
        copies = sorted(map(str, Path(directory).iterdir()))
        subprocess.run([*command, *copies], check=True)


def host_release() -> str:
    """The code name of the release that the machine runs."""
    lines = Path("/etc/os-release").read_text().splitlines()
    fields = dict(line.split("=", 1) for line in lines if "=" in line)
    return fields["VERSION_CODENAME"].strip('"')


def make_released() -> None:
    """Install the released udocker, to compare with."""
    target = PARTS / "released"
    if not (target / "bin" / "udocker").exists():
        print("#", RELEASED, flush=True)
        make_venv = Path(__file__).with_name("make_venv.py")
        system = "/usr/bin/python3"  # which every user can execute
        subprocess.run([system, str(make_venv), str(target)], check=True)
        pip = [str(target / "bin" / "python"), "-m", "pip", "install", "--quiet", RELEASED]
        subprocess.run(pip, check=True)


def make_small_disk(uid: int, gid: int) -> None:
    """Mount a file system of FULL_DISK_SIZE that the user can fill."""
    target = PARTS / "small"
    target.mkdir(exist_ok=True)
    if not os.path.ismount(target):
        options = f"size={FULL_DISK_SIZE},uid={uid},gid={gid},mode=0700"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(target)], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
