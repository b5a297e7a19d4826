"""Small root trees, made from programs of the host: no image has to be downloaded."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Iterable

#: What the live tests and the demo use in a container.
PROGRAMS = (
    "sh", "cat", "chmod", "cp", "date", "echo", "env", "false", "grep", "head", "hostname", "id",
    "kill", "ln", "ls", "mkdir", "mknod", "mount", "mv", "printf", "ps", "pwd", "readlink", "rm",
    "setsid", "sleep", "sort", "stat", "test", "touch", "tr", "true", "tty", "uname", "unshare",
    "wc",
)  # fmt: skip
PASSWD = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"
GROUP = "root:x:0:\nnogroup:x:65534:\n"

_PT_INTERP = 3


def make_root_tree(root: str, programs: Iterable[str] = PROGRAMS) -> None:
    """Fill a directory with a root tree: by a static busybox if there is one, else by copies of
    the host's programs and their libraries.

    Args:
        root: the directory, made when missing.
        programs: names of programs, which appear in ``/bin``. Those that the host does not have
            are left out.
    """
    for directory in ("bin", "dev", "etc", "home", "proc", "root", "sys", "tmp", "usr", "var"):
        os.makedirs(os.path.join(root, directory), exist_ok=True)
    for name, text in (("passwd", PASSWD), ("group", GROUP)):
        with open(os.path.join(root, "etc", name), "w", encoding="ascii") as file:
            file.write(text)
    busybox = shutil.which("busybox")
    applets = static_applets(busybox) if busybox else set()
    if busybox and applets:
        shutil.copy(busybox, os.path.join(root, "bin", "busybox"))
    for name in programs:
        if name in applets:
            os.symlink("busybox", os.path.join(root, "bin", name))
        else:
            path = shutil.which(name)
            if path:
                copy_program(root, path, f"/bin/{name}")


def static_applets(busybox: str) -> set[str]:
    """The programs in `busybox`; none when it needs libraries."""
    if interpreter(busybox):
        return set()
    done = subprocess.run([busybox, "--list"], stdout=subprocess.PIPE, check=True)
    return set(done.stdout.decode().split())


def copy_program(root: str, program: str, target: str = "") -> None:
    """Copy a program of the host, and the libraries that it loads, into a root tree.

    Args:
        root: the tree.
        program: absolute path of the program on the host.
        target: its absolute path in the tree, the same when empty.
    """
    for source, name in [(program, target or program), *((lib, lib) for lib in libraries(program))]:
        copy = os.path.join(root, name.lstrip("/"))
        if not os.path.lexists(copy):
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            shutil.copy(source, copy)


def libraries(program: str) -> list[str]:
    """The loader of a program and all libraries that it would load, as absolute paths."""
    loader = interpreter(program)
    if not loader:
        return []
    # Both glibc's and musl's loader list instead of starting when told so.
    done = subprocess.run([loader, "--list", program], stdout=subprocess.PIPE, check=True)
    found = [loader]
    for line in done.stdout.decode().splitlines():
        path = line.rpartition("=>")[2].split(" (")[0].strip()
        if path.startswith("/") and path not in found:
            found.append(path)
    return found


def interpreter(program: str) -> str:
    """The loader that a program names (ELF, PT_INTERP), empty for static ones and scripts."""
    with open(program, "rb") as file:
        head = file.read(64)
        if head[:5] != b"\x7fELF\x02":  # 64-bit
            return ""
        (offset,) = struct.unpack_from("<Q", head, 32)
        size, count = struct.unpack_from("<HH", head, 54)
        for index in range(count):
            file.seek(offset + index * size)
            entry = file.read(size)
            if struct.unpack_from("<I", entry)[0] == _PT_INTERP:
                start, length = (struct.unpack_from("<Q", entry, at)[0] for at in (8, 32))
                file.seek(start)
                return os.fsdecode(file.read(length).rstrip(b"\0"))
    return ""
