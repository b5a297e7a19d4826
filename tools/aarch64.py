"""Run the probes under the tracer on aarch64, in a machine that QEMU emulates.

usage: aarch64.py [DIRECTORY]       (as root, on Debian; DIRECTORY keeps what was made)

It needs Debian's qemu-system-arm, mmdebstrap, gcc-aarch64-linux-gnu and libc6-dev-arm64-cross, and
PyPI's ziglang for the tracer. The machine boots Debian's arm64 kernel with everything in its
memory, runs the probes as an ordinary user in modes P1 and P2, and shuts down: a minute or two.
User-mode emulation is no substitute: it has neither ptrace nor seccomp filters.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
INCLUDED = "linux-image-cloud-arm64,busybox-static,libc6,coreutils,dash"
TIMEOUT = 1800  # seconds, of the whole machine
MODES = {"P1": "", "P2": "--no-seccomp"}
#: Without a filter of ours the kernel does not ask the program's for what the tracer answers.
LEFT_OUT = {"P1": "", "P2": "-x own_filter_of_path_calls"}
INIT = """#!/bin/busybox sh
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t devtmpfs dev /dev
busybox mkdir -p /dev/pts /dev/shm
busybox mount -t devpts devpts /dev/pts
busybox mount -t tmpfs -o mode=1777 tmpfs /tmp
busybox mount -t tmpfs -o mode=1777 tmpfs /dev/shm
busybox ip link set lo up
busybox ln -s /proc/self/fd /dev/fd
busybox ln -s fd/0 /dev/stdin
busybox ln -s fd/1 /dev/stdout
busybox ln -s fd/2 /dev/stderr
busybox uname -a
busybox su -s /bin/sh user -c 'sh /check'
busybox poweroff -f
"""


def main(directory: Path) -> int:
    """Make what is missing in `directory`, run the machine; the number of modes that failed."""
    tree = directory / "tree"
    if not tree.exists():
        make_tree(tree)
    make_programs(directory)
    kernel = next((tree / "boot").glob("vmlinuz-*"))
    archive = directory / "initramfs"
    make_archive(directory, archive)
    command = [
        "qemu-system-aarch64", "-machine", "virt", "-cpu", "max,pauth-impdef=on", "-smp", "2",
        "-m", "2048", "-nographic", "-no-reboot", "-kernel", str(kernel), "-initrd", str(archive),
        "-append", "console=ttyAMA0 quiet panic=-1",
    ]  # fmt: skip
    passed = 0
    command[:0] = ["timeout", str(TIMEOUT)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as machine:
        for line in machine.stdout or ():
            text = line.decode(errors="replace").rstrip()
            print(text, flush=True)
            passed += text in [f"RESULT {mode} 0" for mode in MODES]
    return len(MODES) - passed


def make_tree(tree: Path) -> None:
    """Debian's packages for arm64, unpacked."""
    command = [
        "mmdebstrap", "--quiet", "--architectures=arm64", "--variant=extract",
        f"--include={INCLUDED}", "bookworm", str(tree),
    ]  # fmt: skip
    subprocess.run(command, check=True)


def make_programs(directory: Path) -> None:
    """The tracer, and the probes linked statically and dynamically."""
    environment = {**os.environ, "UDOCKER_BUILD_ARCH": "aarch64"}
    build = [sys.executable, "native/build.py", "plugins/proot", str(directory / "udocker-proot")]
    subprocess.run(build, cwd=TOP, env=environment, check=True)
    probes = (TOP / "native" / "probes").glob("*.c")
    sources = sorted(str(path) for path in probes if path.name != "without.c")
    for name, options in (("static", ["-static"]), ("dynamic", [])):
        compiler = ["aarch64-linux-gnu-gcc", "-O1", "-pthread", *options, *sources]
        subprocess.run([*compiler, "-o", str(directory / name)], check=True)


def make_archive(directory: Path, archive: Path) -> None:
    """The machine's root, and in it the container's root /root-tree, a copy without kernel."""
    check = ["cd /"]
    for mode, option in MODES.items():
        check.append("failed=0")
        for kind in ("static", "dynamic"):
            check.append(
                f"echo '# {mode} {kind}'; /udocker-proot {option} -r /root-tree -b /proc -b /dev"
                f" -b /sys -w / -0 /{kind} -q -t 120 {LEFT_OUT[mode]} || failed=1"
            )
        check.append(f"echo RESULT {mode} $failed")
    with tempfile.TemporaryDirectory() as made:
        machine = Path(made)
        for name in ("proc", "sys", "dev", "tmp", "bin", "etc"):
            (machine / name).mkdir()
        shutil.copy(directory / "tree" / "bin" / "busybox", machine / "bin" / "busybox")
        (machine / "bin" / "sh").symlink_to("busybox")
        (machine / "etc" / "passwd").write_text("root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/:\n")
        (machine / "init").write_text(INIT)
        (machine / "init").chmod(0o755)
        (machine / "check").write_text("\n".join(check) + "\n")
        shutil.copy(directory / "udocker-proot", machine)
        left_out = shutil.ignore_patterns("boot", "modules", "dev", "firmware")
        inside = machine / "root-tree"
        shutil.copytree(directory / "tree", inside, symlinks=True, ignore=left_out)
        for name in ("dev", "proc", "sys", "tmp"):
            (inside / name).mkdir(exist_ok=True)
        (inside / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/sh\n")
        for kind in ("static", "dynamic"):
            shutil.copy(directory / kind, inside)
        with archive.open("wb") as file:
            for piece in cpio(machine):
                file.write(piece)


def cpio(root: Path) -> Iterator[bytes]:
    """The tree as an archive in the format "newc" (the kernel's initramfs buffer format).

    What is in root-tree belongs to user 1000.
    """
    paths = sorted(root.rglob("*"))
    for number, path in enumerate(paths, 1):
        name = str(path.relative_to(root))
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            content = os.fsencode(os.readlink(path))
        else:
            content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
        user = 1000 if name.startswith("root-tree") else 0
        mode = status.st_mode | (0o700 if stat.S_ISDIR(status.st_mode) else 0)
        yield entry(name, number, mode, user, content)
    yield entry("dev/console", len(paths) + 1, stat.S_IFCHR | 0o600, 0, b"", (5, 1))
    yield entry("TRAILER!!!", 0, 0, 0, b"")


def entry(
    name: str, number: int, mode: int, user: int, content: bytes, device: tuple[int, int] = (0, 0)
) -> bytes:
    """One member of a newc archive."""
    path = os.fsencode(name) + b"\0"
    fields = (number, mode, user, user, 1, 0, len(content), 0, 0, *device, len(path), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + path
    return padded(head) + padded(content)


def padded(data: bytes) -> bytes:
    """With zeros up to a multiple of four."""
    return data + b"\0" * (-len(data) % 4)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(main(Path(sys.argv[1]).resolve()))
    with tempfile.TemporaryDirectory() as made:
        sys.exit(main(Path(made)))
