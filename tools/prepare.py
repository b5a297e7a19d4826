"""Prepare what only root can for the live tests and the benchmarks, on Debian.

usage: prepare.py [GOAL...]     (``bench`` prepares more)

It installs Debian packages, makes the test user, and keeps in PARTS: root trees by mmdebstrap,
the released udocker in an environment of its own, and a small file system to fill up. What is
there already is left alone. Elsewhere than on Debian the live tests skip what is missing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import as_user

PARTS = as_user.HOME / "parts"
TEST_PACKAGES = (
    "apache2-utils", "bubblewrap", "busybox-static", "clang", "crun", "curl", "docker-registry",
    "mmdebstrap", "openssl", "python3-venv", "runc", "skopeo", "strace", "uidmap", "umoci",
)  # fmt: skip
BENCH_PACKAGES = ("charliecloud", "e2fsprogs", "fuse-overlayfs", "podman", "proot")
#: Root trees by name, and what they have besides Debian's minimal system.
TREES = {
    "debian": (),
    "python": ("python3", "python3-numpy", "python3-scipy", "g++"),
}
RELEASED = "udocker==1.3.17"
FULL_DISK_SIZE = 8 << 20  # bytes


def main(goals: list[str]) -> None:
    """Prepare for the make goals `goals`."""
    try:
        prepare("bench" in goals)
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
    """Make the root tree `name` as a tar file, by mmdebstrap from the machine's own sources."""
    target = PARTS / f"{name}.tar"
    if target.exists():
        return
    print(f"# mmdebstrap: the tree of {name}", flush=True)
    sources = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").iterdir())]
    sources = [s for s in sources if s.suffix in (".list", ".sources") and s.exists()]
    release = dict(
        line.split("=", 1)
        for line in Path("/etc/os-release").read_text().splitlines()
        if "=" in line
    )
    included = [f"--include={','.join(TREES[name])}"] if TREES[name] else []
    partial = target.with_suffix(".partial.tar")
    command = ["mmdebstrap", "--quiet", "--variant=minbase", *included]
    release_name = release["VERSION_CODENAME"].strip('"')
    subprocess.run([*command, release_name, str(partial), *map(str, sources)], check=True)
    partial.rename(target)


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
