"""Run a command as an ordinary user, in a copy of this checkout that the user owns. Root only.

usage: as_user.py COMMAND [ARGUMENT...]

The user is ``udocker-test``, made here with its home HOME. The copy holds what git would: tracked
files and untracked ones that are not ignored. The command gets root's pip configuration, and
``PYTHON`` as a variable for make: this interpreter, or the system's of the same version, or a
copy, whichever that user can execute (the one in use is often below /root).
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

NAME = "udocker-test"
HOME = Path("/var/lib/udocker-test")
CHECKOUT = Path(__file__).resolve().parent.parent
#: Variables that go along: the registries' and make's settings, and what tests are told.
KEPT = (
    "CI", "IMAGE", "ARGS", "LANG", "LC_ALL", "TERM", "MAKEFLAGS", "UDOCKER_TEST_REQUIRE",
    "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE",
    "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
)  # fmt: skip


def main(command: list[str]) -> int:
    """Run `command` as the user and return its exit status."""
    if os.geteuid() != 0:
        sys.exit("as_user.py is for root; run the command itself")
    user = ensure_user()
    copy = HOME / "checkout"
    copy_checkout(copy)
    python = reachable_python(user)
    print(f"# root: going on as the user {NAME}, in {copy}, with {python}", flush=True)
    if Path(command[0]).name == "make":
        command = [*command, f"PYTHON={python}"]
    try:
        return run(command, user, copy, library_path(python)).returncode
    except KeyboardInterrupt:
        return 130


def ensure_user() -> pwd.struct_passwd:
    """Make the user, its home and its subordinate ids, where they are missing."""
    try:
        user = pwd.getpwnam(NAME)
    except KeyError:
        subprocess.run(
            ["useradd", "--home-dir", str(HOME), "--no-create-home", "--shell", "/bin/sh", NAME],
            check=True,
        )
        user = pwd.getpwnam(NAME)
    subids = Path("/etc/subuid")
    if shutil.which("newuidmap") and f"{NAME}:" not in subids.read_text():
        subprocess.run(
            ["usermod", "--add-subuids", "700000-765535", "--add-subgids", "700000-765535", NAME],
            check=True,
        )
    HOME.mkdir(mode=0o755, exist_ok=True)
    os.chown(HOME, user.pw_uid, user.pw_gid)
    return user


def environment() -> dict[str, str]:
    """The environment of the user's programs."""
    kept = {k: v for k, v in os.environ.items() if k in KEPT or k.startswith("PIP_")}
    kept.pop("PIP_CONFIG_FILE", None)
    path = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
    return {**kept, "HOME": str(HOME), "USER": NAME, "LOGNAME": NAME, "PATH": path}


def run(
    command: list[str],
    user: pwd.struct_passwd,
    cwd: Path = HOME,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.CompletedProcess[bytes]:
    """Run `command` as `user`, with `variables` in its environment."""
    return subprocess.run(
        command,
        cwd=cwd,
        env={**environment(), **variables},
        user=user.pw_uid,
        group=user.pw_gid,
        extra_groups=(),
        check=False,
    )


def reachable_python(user: pwd.struct_passwd) -> str:
    """An interpreter of this one's version that the user can execute."""
    check = "import sys; sys.exit(sys.version_info[:2] != ({}, {}))".format(*sys.version_info[:2])
    base = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    for python in (base, "/usr/bin/python3"):
        if run(["sh", "-c", f'exec "{python}" -c "{check}" 2>/dev/null'], user).returncode == 0:
            return python
    prefix = HOME / "python-{}.{}".format(*sys.version_info[:2])
    if not prefix.exists():
        ignored = shutil.ignore_patterns("test", "__pycache__", "site-packages", "*.a")
        shutil.copytree(sys.base_prefix, prefix, symlinks=True, ignore=ignored)
    return str(prefix / "bin" / os.path.basename(base))


def library_path(python: str) -> dict[str, str]:
    """What a copied interpreter needs to find its library, which it seeks where it came from."""
    path = Path(python)
    return {"LD_LIBRARY_PATH": str(path.parent.parent / "lib")} if HOME in path.parents else {}


def copy_checkout(target: Path) -> None:
    """Bring `target` to the state of this checkout; what git ignores there stays."""
    user = pwd.getpwnam(NAME)
    listing = HOME / "checkout.files"
    files = checkout_files()
    if listing.exists():
        for name in set(os.fsdecode(listing.read_bytes()).split("\0")) - set(files):
            (target / name).unlink(missing_ok=True)
    for name in files:
        source, copy = CHECKOUT / name, target / name
        if not copy.is_symlink() and copy.exists() and _same(source, copy):
            continue
        _make_directory(copy.parent, user)
        copy.unlink(missing_ok=True)
        shutil.copy2(source, copy, follow_symlinks=False)
        os.chown(copy, user.pw_uid, user.pw_gid, follow_symlinks=False)
    listing.write_bytes(os.fsencode("\0".join(files)))
    pip = Path.home() / ".config" / "pip" / "pip.conf"
    configured = Path(os.environ.get("PIP_CONFIG_FILE", pip))
    if configured.exists():
        copy = HOME / ".config" / "pip" / "pip.conf"
        _make_directory(copy.parent, user)
        shutil.copyfile(configured, copy)
        os.chown(copy, user.pw_uid, user.pw_gid)
        copy.chmod(0o600)


def checkout_files() -> list[str]:
    """The files of the checkout that git knows or would add, relative to it."""
    git = ["git", "-c", "safe.directory=*", "-C", str(CHECKOUT), "ls-files", "-z"]
    try:
        known = subprocess.run(
            [*git, "--cached", "--others", "--exclude-standard"],
            check=True, capture_output=True,
        ).stdout  # fmt: skip
    except (OSError, subprocess.CalledProcessError):  # no git, or an unpacked archive
        paths = (p.relative_to(CHECKOUT) for p in CHECKOUT.rglob("*") if not p.is_dir())
        return sorted(str(p) for p in paths if not p.parts[0].startswith((".venv", ".git")))
    names = sorted(set(os.fsdecode(known).split("\0")) - {""})
    return [name for name in names if os.path.lexists(CHECKOUT / name)]


def _make_directory(path: Path, user: pwd.struct_passwd) -> None:
    if not path.is_dir():
        _make_directory(path.parent, user)
        path.mkdir()
        os.chown(path, user.pw_uid, user.pw_gid)


def _same(source: Path, copy: Path) -> bool:
    one, two = source.lstat(), copy.lstat()
    return (one.st_size, one.st_mtime_ns, one.st_mode) == (
        two.st_size,
        two.st_mtime_ns,
        two.st_mode,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
