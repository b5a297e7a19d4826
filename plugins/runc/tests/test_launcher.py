"""The launcher by itself: what its command line does, and what it does not let happen."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from udocker_core.testing.trees import make_root_tree
from udocker_runc import engine, profile
from udocker_runc.engine import Engine

LAUNCHER = os.path.join(engine.PROGRAMS, engine.LAUNCHER)
SOURCES = Path(__file__).resolve().parent.parent / "csrc"
#: The host's whole tree, in new namespaces.
HOST = ("--root", "/..")


@pytest.fixture(autouse=True)
def _runnable() -> None:
    probe = Engine("R1", {}).udocker_probe()
    if not probe.ok:
        pytest.skip(f"missing here: {probe.reason}")


@pytest.fixture
def root(tmp_path: Any) -> str:
    root = str(tmp_path / "ROOT")
    make_root_tree(root)
    return root


def launch(*arguments: str, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*prefix, LAUNCHER, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=30, check=False,
    )  # fmt: skip


def failure(*arguments: str) -> str:
    done = launch(*arguments)
    assert done.returncode == 125
    assert done.stdout == ""
    message = done.stderr
    assert message.startswith("udocker-launch: ")
    assert message.count("\n") == 1
    return message.removeprefix("udocker-launch: ").rstrip("\n")


def python(code: str, *options: str) -> str:
    done = launch(*HOST, *options, "--", sys.executable, "-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--", "/bin/true"), "--root is missing; see --help"),
        (("--root", "/x"), "no program is given after --; see --help"),
        (("--root", "/x", "--"), "no program is given after --; see --help"),
        (("--rot", "/x", "--", "/bin/true"), "unknown option --rot; see --help"),
        (("--root",), "--root needs a value; see --help"),
        (("--uid", "4294967296"), "--uid cannot take 4294967296"),
        (("--uid", "-1"), "--uid cannot take -1"),
        (("--uid", ""), "--uid cannot take "),
        (("--data", "3", "/x", "888"), "--data cannot take 888"),
        (("--map-uid", "0:1", "--"), "--map-uid takes IN:OUT:COUNT"),
        (("--root", "/x", "--map-uid", "0:1:1", "--", "x"), "--map-uid and --map-gid go together"),
        (("--root", "/x", "--groups", "1,2", "--", "x"), "--groups needs --map-gid"),
        (("--root", "/no/such", "--", "x"), "cannot use the root /no/such: "
                                            "No such file or directory"),
    ],
)
def test_wrong_command_lines(arguments: tuple[str, ...], message: str) -> None:
    assert failure(*arguments) == message


def test_help_and_version() -> None:
    assert "--read-only-root" in launch("--help").stdout
    assert launch("--version").stdout.startswith("udocker-launch ")


def test_messages_name_what_failed(root: str) -> None:
    def fails(*options: str) -> str:
        return failure("--root", root, *options, "--", "/bin/true")

    os.symlink("loop", root + "/loop")
    assert fails("--bind", "/no/such", "/x") == (
        "cannot bind /no/such at /x: No such file or directory")
    assert fails("--bind", "/tmp", "/") == "cannot mount over the root: /"
    assert fails("--bind", "/tmp", "/bin/../..") == "cannot mount over the root: /bin/../.."
    assert fails("--bind", "/tmp", "/loop") == (
        "cannot make the mount point /loop: Too many levels of symbolic links")
    assert fails("--bind", "/tmp", "/etc/passwd/x") == (
        "cannot make the mount point /etc/passwd/x: Not a directory")
    assert fails("--chdir", "/no") == (
        "cannot enter the working directory /no: No such file or directory")
    assert fails("--tmpfs", "/" + "a" * 256) == (
        f"cannot make the mount point /{'a' * 256}: File name too long")


def test_missing_interpreter_is_told(root: str) -> None:
    Path(root, "script").write_text("#!/no/such/interpreter\n")
    Path(root, "script").chmod(0o755)
    done = launch("--root", root, "--", "/script")
    assert done.returncode == 127
    assert "its loader or interpreter is missing" in done.stderr


def test_targets_are_resolved_in_the_root(root: str, tmp_path: Any) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "file").touch()
    os.symlink("/../../../a/./b//", root + "/link")
    os.symlink("link/..", root + "/chain")
    done = launch("--root", root, "--bind", str(tmp_path / "shared"), "/../chain/b/c/../c",
                  "--", "/bin/ls", "/a/b/c")
    assert done.stdout == "file\n"


def test_capabilities_and_privileges() -> None:
    status = dict(line.split(":\t") for line in python(
        "print(open('/proc/self/status').read())").splitlines() if ":\t" in line)
    assert (status["CapEff"], status["CapPrm"], status["CapBnd"]) == ("00000000a80425fb",) * 3
    assert (status["CapInh"], status["CapAmb"]) == ("0" * 16,) * 2
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    status = python("print(open('/proc/self/status').read())", "--uid", "5", "--gid", "5")
    assert "CapEff:\t0000000000000000\nCapBnd:\t00000000a80425fb" in status


CALLS = """
import ctypes, os, platform
libc = ctypes.CDLL(None, use_errno=True)
x86 = platform.machine() == "x86_64"
def call(x86_number, number, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(x86_number if x86 else number, *arguments)
    print(ctypes.get_errno() if result == -1 else "ok")
call(165, 40, 0, 0, 0, 0, 0)            # mount
call(250, 219, 0, 0, 0, 0, 0)           # keyctl
call(321, 280, 0, 0, 0)                 # bpf
call(272, 97, 0x10000000)               # unshare(CLONE_NEWUSER)
call(272, 97, 0x200)                    # unshare(CLONE_FS)
call(56, 220, 0x10000011, 0, 0, 0, 0)   # clone(CLONE_NEWUSER)
call(435, 435, 0, 0)                    # clone3
call(425, 425, 1, 0)                    # io_uring_setup
call(471, 471)                          # newer than the filter
call(0x40000027 if x86 else 999, 999)   # x32's getpid
call(16, 29, 0, 0x5412, b"x")           # ioctl(TIOCSTI)
call(16, 29, 0, 0x100005412, b"x")      # the same, as the kernel sees it
call(16, 29, 0, 0x5413, 0)              # ioctl(TIOCGWINSZ) on /dev/null
call(41, 198, 40, 1, 0)                 # socket(AF_VSOCK)
call(41, 198, 2, 1, 0)                  # socket(AF_INET)
call(41, 198, 16, 3, 0)                 # socket(AF_NETLINK)
call(310, 270, os.getpid(), 0, 0, 0, 0, 0)  # process_vm_readv
call(239, 236, 0, 0, 0, 0, 0)           # get_mempolicy
call(101, 117, 0, 0, 0, 0)              # ptrace(TRACEME)
"""


def test_system_calls() -> None:
    eperm, enotty, enosys, eafnosupport = 1, 25, 38, 97
    assert python(CALLS).split() == [
        str(expected) for expected in (
            eperm, eperm, eperm, eperm, "ok", eperm, enosys, enosys, enosys, enosys, eperm, eperm,
            enotty, eafnosupport, "ok", "ok", "ok", "ok", "ok",
        )
    ]  # fmt: skip


MOUNT_32 = """
.globl _start
_start: mov $21, %eax; xor %ebx, %ebx; xor %ecx, %ecx; xor %edx, %edx; int $0x80 # mount
        neg %eax; mov %eax, %ebx
        mov $20, %eax; int $0x80; test %eax, %eax; js fail                        # getpid
        mov $1, %eax; int $0x80                                                  # exit(errno)
fail:   hlt
"""


def test_system_calls_of_32_bit_programs(tmp_path: Any) -> None:
    program = str(tmp_path / "program")
    command = ["cc", "-m32", "-nostdlib", "-static", "-x", "assembler", "-", "-o", program]
    if os.uname().machine != "x86_64" or not shutil.which("cc"):
        pytest.skip("needs a C compiler for x86")
    if subprocess.run(command, input=MOUNT_32.encode(), check=False).returncode:
        pytest.skip("the compiler has no 32-bit part")
    refused_by_kernel, refused_by_filter = 14, 1  # EFAULT or EINVAL for null pointers; EPERM
    if subprocess.run([program], check=False).returncode not in (1, refused_by_kernel):
        pytest.skip("the kernel has no 32-bit part")
    assert launch(*HOST, "--", program).returncode == refused_by_filter
    assert launch(*HOST, "--privileged", "--", program).returncode == refused_by_kernel


def test_privileged_keeps_capabilities() -> None:
    code = "print(open('/proc/self/status').read())"
    status = python(code, "--privileged")
    assert "Seccomp:\t0" in status
    assert re.search("CapEff:\t0+1ff", status)


def test_the_filters_of_runtimes_are_the_same() -> None:
    """What the launcher refuses, an OCI runtime refuses too."""
    code = (SOURCES / "seccomp.c").read_text()

    def names(array: str) -> list[str]:
        body = re.search(rf"{array}\[\] = \{{(.*?)\}};", code, re.DOTALL)
        assert body
        return re.findall(r"NR_(\w+)", body[1])

    assert sorted(names("refused")) == sorted(profile.REFUSED)
    assert sorted(names("missing")) == sorted(profile.MISSING)
    families = re.search(r"families\[\] = \{[^\n]*\n(.*?)\}", code, re.DOTALL)
    assert families
    assert tuple(map(int, re.findall(r"\d+", families[1]))) == profile.FAMILIES
    bits = {"CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "KILL": 5, "SETGID": 6,
            "SETUID": 7, "SETPCAP": 8, "NET_BIND_SERVICE": 10, "NET_RAW": 13, "SYS_CHROOT": 18,
            "MKNOD": 27, "AUDIT_WRITE": 29, "SETFCAP": 31}
    assert sum(1 << bits[name[4:]] for name in profile.CAPABILITIES) == 0xA80425FB


def test_system_directories(root: str) -> None:
    system = ("--proc", "/proc", "--mask", "/proc/kcore", "--mask", "/proc/no-such",
              "--read-only", "/proc/sys", "--dev", "/dev", "--sys", "/sys", "--mask", "/sys/kernel")
    script = (
        "cat /proc/kcore | wc -c; echo x > /proc/sys/kernel/hostname || echo refused; "
        "ls /sys/kernel | wc -l; echo x > /sys/class/x || echo refused; "
        "readlink /dev/fd; readlink /dev/ptmx; "
        "test -c /dev/pts/ptmx && stat -c %a /dev/shm /dev/mqueue; cat /proc/1/comm; "
        "cat /proc/1/environ 2>&1 | grep -c denied"
    )
    done = launch("--root", root, *system, "--", "/bin/sh", "-c", script)
    assert done.stdout.split() == ["0", "refused", "0", "refused", "/proc/self/fd", "pts/ptmx",
                                   "1777", "1777", "udocker-init", "1"]


def test_proc_of_the_host_where_a_fresh_one_is_refused(root: str) -> None:
    """In a container that masks parts of /proc the kernel allows no new one."""
    inner = (LAUNCHER, "--root", root, "--proc", "/proc", "--", "/bin/cat", "/proc/self/comm")
    outer = (*HOST, "--privileged", "--proc", "/proc", "--mask", "/proc/kcore")
    done = launch(*outer, "--", *inner)
    assert (done.returncode, done.stdout) == (0, "cat\n"), done.stderr


def test_refused_namespaces_are_explained(root: str) -> None:
    inner = (LAUNCHER, "--root", root, "--", "/bin/true")
    done = launch(*HOST, "--", *inner)  # our own filter refuses
    assert done.returncode == 125
    assert "cannot make a user namespace (refused by" in done.stderr
    limit = "/proc/sys/user/max_user_namespaces"
    done = launch(*HOST, "--proc", "/proc", "--privileged", "--", "/bin/sh", "-c",
                  f'echo 0 > {limit}; exec "$@"', "sh", *inner)
    assert "(the sysctl user.max_user_namespaces is 0)" in done.stderr


@pytest.mark.parametrize("missing", ["mount_setattr", "close_range", "mount_setattr,close_range"])
def test_old_kernels(root: str, tmp_path: Any, missing: str) -> None:
    """Without the calls of Linux 5.9 and 5.12 the older ones do."""
    strace = shutil.which("strace")
    if not strace:
        pytest.skip("missing here: strace")
    (tmp_path / "shared").mkdir()
    prefix = (strace, "-f", "-qq", "-o", "/dev/null", "-e", f"inject={missing}:error=ENOSYS")
    done = launch("--root", root, "--ro-bind", str(tmp_path / "shared"), "/ro", "--proc", "/proc",
                  "--read-only", "/proc/sys", "--", "/bin/sh", "-c",
                  "touch /ro/x || cat /proc/mounts", prefix=prefix)
    assert done.returncode == 0, done.stderr
    flags = {line.split()[1]: line.split()[3].split(",") for line in done.stdout.splitlines()}
    assert {"ro", "nosuid", "nodev"} <= set(flags["/ro"])
    assert {"nosuid", "nodev"} <= set(flags["/"])
    assert "ro" in flags["/proc/sys"]


def test_helpers_that_map_ids_get_nothing_of_the_image(root: str, tmp_path: Any) -> None:
    """newuidmap has rights that we do not have, and the environment is the image's."""
    helper, seen, secret = (tmp_path / name for name in ("helper", "seen", "secret"))
    secret.touch()
    script = f"{{ cat /proc/$$/environ; ls -l /proc/$$/fd; }} > {seen}; exit 1"
    helper.write_text(f"#!/bin/sh\n{script}\n")
    helper.chmod(0o755)
    maps = ("--newuidmap", str(helper), "--map-uid", "0:0:1", "--map-gid", "0:0:1")
    with secret.open() as file:
        done = subprocess.run(
            [LAUNCHER, "--root", root, *maps, "--", "/bin/true"], env={"LD_PRELOAD": "/evil.so"},
            pass_fds=[file.fileno()], capture_output=True, text=True, check=False,
        )  # fmt: skip
    hint = "see /etc/subuid and /etc/subgid"
    assert done.stderr == f"udocker-launch: {helper} failed. Hint: {hint}\n"
    assert "evil" not in seen.read_text()
    assert str(secret) not in seen.read_text()


@pytest.mark.root
def test_ids_that_are_not_mapped(root: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, who can write such a map")
    message = failure("--root", root, "--uid", "7", "--map-uid", "0:0:1", "--map-gid", "0:0:1",
                      "--", "/bin/true")
    assert message == ("the user's ids are not mapped. Hint: have more in /etc/subuid and "
                       "/etc/subgid, or set runc_idmap to single")


def test_gaps_among_descriptors_are_filled(root: str) -> None:
    script = (
        f"exec 3<&- 4<&- 6<&- 5</; exec {LAUNCHER} --root {root} --proc /proc --dev /dev "
        "--descriptors 6 -- /bin/sh -c 'for i in 3 4 5 6; do readlink /proc/$$/fd/$i; done'"
    )
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["/dev/null", "/dev/null", "/", "/dev/null"], done.stderr


MASKED = ("--proc", "/proc", "--mask", "/proc/version", "--read-only", "/proc/sys")


def test_masks_follow_a_link_of_any_depth(root: str) -> None:
    """They are found from what is mounted, not from where the image says that it is."""
    deep = "/".join("d" * 255)
    os.makedirs(f"{root}/{deep}")
    os.rmdir(f"{root}/proc")
    os.symlink(deep, f"{root}/proc")
    script = "cat /proc/version; echo x > /proc/sys/kernel/hostname || echo refused"
    done = launch("--root", root, *MASKED, "--", "/bin/sh", "-c", script)
    assert (done.returncode, done.stdout) == (0, "refused\n"), done.stderr


def test_masks_follow_a_link_that_changes(root: str) -> None:
    """Another container with the same root may change the link at any time."""
    for name in ("a", "b"):
        os.mkdir(f"{root}/{name}")
    os.symlink("a", f"{root}/link")
    code = (
        "import os, sys\nos.chdir(sys.argv[1])\n"
        "while True:\n"
        "    for name in 'ab':\n"
        "        os.symlink(name, 'new')\n        os.rename('new', 'link')\n"
        "    print(flush=True)\n"
    )
    masked = [word.replace("/proc", "/link") for word in MASKED]
    command = [sys.executable, "-c", code, root]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        assert other.stdout
        try:
            for _ in range(40):
                other.stdout.readline()  # it has begun, and goes on while the pipe has room
                done = launch("--root", root, *masked, "--", "/bin/cat", "/a/version", "/b/version")
                assert done.stdout == "", "an unmasked /proc"
        finally:
            other.kill()


def test_masks_are_inside_of_system_directories(root: str) -> None:
    assert failure("--root", root, "--mask", "/etc/passwd", "--", "/bin/true") == (
        "not inside of what --proc or --sys made before: /etc/passwd")
    assert failure("--root", root, "--proc", "/proc", "--mask", "/process", "--", "x") == (
        "not inside of what --proc or --sys made before: /process")


def test_the_launchers_file_is_out_of_reach() -> None:
    """A program could make it setuid for the user; see runc's CVE-2019-5736."""
    strace = shutil.which("strace")
    if not strace:
        pytest.skip("missing here: strace")
    # The delay gives the program time to be the first.
    slow = (strace, "-f", "-qq", "-o", "/dev/null", "-e", "inject=prctl:delay_enter=20000")
    script = "exec 3</proc/1/exe && echo got it"
    done = launch(*HOST, "--proc", "/proc", "--", "/bin/sh", "-c", script, prefix=slow)
    assert done.stdout == ""
    assert "ermission denied" in done.stderr
    # An image may name the launcher as its program.
    script = "for n in 1 2; do chmod 755 /proc/$n/exe; done"
    done = launch(*HOST, "--proc", "/proc", "--", "/proc/self/exe", "--init", "--", "/bin/sh", "-c",
                  script)
    assert done.stderr.count("ermission denied") == 2
    done = launch(*HOST, "--proc", "/proc", "--", "/bin/sh", "-c", "echo /proc/[0-9]*")
    assert done.stdout == "/proc/1 /proc/2\n"  # the front is not there


@pytest.mark.root
@pytest.mark.parametrize("call", ["setreuid", "setregid"])
def test_it_is_never_setuid(call: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    code = f"import os, sys; os.{call}(65534, 0); os.execv(sys.argv[1], sys.argv[1:])"
    done = launch("--version", prefix=(sys.executable, "-c", code))
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr == "udocker-launch: must not be setuid or setgid\n"


def test_read_only_binds_on_old_kernels_include_submounts(root: str, tmp_path: Any) -> None:
    """mount(2) makes only one mount read-only at a time."""
    strace = shutil.which("strace")
    if not strace:
        pytest.skip("missing here: strace")
    (tmp_path / "shared" / "sub mount").mkdir(parents=True)
    below = str(tmp_path / "shared" / "sub mount")
    trace = str(tmp_path / "trace")
    old = (strace, "-f", "-qq", "-o", trace, "-e", "inject=mount_setattr:error=ENOSYS")
    inner = (*old, LAUNCHER, "--root", root, "--ro-bind", str(tmp_path / "shared"), "/ro",
             "--sys", "/sys", "--", "/bin/sh", "-c", 'ls "/ro/sub mount"; touch "/ro/sub mount/x"')
    # Twice at one place: the upper one is what counts.
    outer = (*HOST, "--privileged", "--proc", "/proc", "--bind", str(tmp_path), below,
             "--tmpfs", below, "--tmpfs", below + "/b\\c")
    done = launch(*outer, "--", *inner)
    assert done.stdout == "b\\c\n", done.stderr
    assert "ead-only file system" in done.stderr


def test_umask_and_ignored_signals_are_inherited(root: str) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", 'umask 027; trap "" HUP; exec "$@"', "sh", LAUNCHER, "--root", root,
         "--proc", "/proc", "--", "/bin/sh", "-c", "umask; grep SigIgn /proc/self/status"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    umask, _, ignored = done.stdout.split()
    assert (umask, int(ignored, 16) & 1) == ("0027", 1)


def test_closed_standard_descriptors(root: str) -> None:
    """The launcher's own descriptors never take the place of those that the caller closed."""
    script = f'exec <&- >&- 2>&-; {LAUNCHER} --root {root} --chdir /no -- /bin/true'
    assert subprocess.run(["/bin/sh", "-c", script], timeout=30, check=False).returncode == 125
    script = script.replace("--chdir /no", "")
    assert subprocess.run(["/bin/sh", "-c", script], timeout=30, check=False).returncode == 0


def test_without_a_terminal_the_front_is_not_stopped(root: str) -> None:
    """Batch systems stop and continue the processes of a job in any order."""
    front = subprocess.Popen(
        [LAUNCHER, "--root", root, "--", "/bin/sh", "-c", "echo up; kill -STOP $$; exit 4"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert front.stdout
    assert front.stdout.read(3) == b"up\n"
    time.sleep(0.3)
    assert Path(f"/proc/{front.pid}/stat").read_text().split()[2] == "S"
    front.send_signal(signal.SIGCONT)
    assert front.wait(10) == 4
    front.stdout.close()


def test_timers_of_the_caller_reach_the_program(root: str) -> None:
    """The idiom ``perl -e 'alarm 5; exec @ARGV'`` limits the time of a program."""
    code = "import os, signal, sys; signal.setitimer(signal.ITIMER_REAL, 0.2); " \
           "os.execv(sys.argv[1], sys.argv[1:])"
    done = launch("--root", root, "--", "/bin/sleep", "20", prefix=(sys.executable, "-c", code))
    assert done.returncode == 128 + signal.SIGALRM


def test_init_alone() -> None:
    script = "(sleep 0.1 &); exit 9"
    assert launch("--init", "--", "/bin/sh", "-c", script).returncode == 9
