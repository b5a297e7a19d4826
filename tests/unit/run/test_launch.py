"""Plans that are really launched, each by a process of its own, as the command line does."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from udocker_core.model import DataFile, LaunchPlan, file_descriptor, file_path
from udocker_core.run import launch

LAUNCHER = """
import json, os, sys
from udocker_core.errors import UdockerError
from udocker_core.model import DataFile, LaunchPlan
from udocker_core.run import launch
how, tmpdir = sys.argv[1:]
value = json.load(sys.stdin)
value["files"] = [DataFile(n, c.encode(), mode=m) for n, c, _, m in value["files"]]
plan = LaunchPlan(**value)
print("pid", os.getpid(), flush=True)
try:
    if how == "execute":
        launch.execute(plan)
    sys.exit(launch.supervise(plan, tmpdir, lambda: print("finished", flush=True)))
except UdockerError as error:
    print(type(error).__name__, error.message)
    sys.exit(99)
"""


class Launched:
    """A plan that is launched by another process."""

    def __init__(self, how, tmpdir, plan, **options):
        value = plan._asdict()
        value["files"] = [(f.name, f.content.decode(), f.target, f.mode) for f in plan.files]
        self.process = subprocess.Popen(
            [sys.executable, "-c", LAUNCHER, how, str(tmpdir)],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **options,
        )
        with self.process.stdin as plan_file:
            plan_file.write(json.dumps(value).encode())
        self.process.stdin = None
        self.pid = int(self.line().split()[1])

    def line(self):
        return self.process.stdout.readline().decode().rstrip("\n")

    def end(self):
        """Its exit status, and what it said since."""
        with self.process:
            output, errors = self.process.communicate(timeout=20)
        return self.process.returncode, (output + errors).decode()


@pytest.fixture(params=["execute", "supervise"])
def how(request):
    return request.param


@pytest.fixture
def start(tmp_path, how):
    started = []

    def begin(plan, **options):
        launched = Launched(how, tmp_path, plan, **options)
        started.append(launched)
        return launched

    yield begin
    for launched in started:
        with launched.process as process:
            process.kill()
    assert os.listdir(tmp_path) == []


def shell(script, *arguments, **more):
    return LaunchPlan(("/bin/sh", "-c", script, *arguments), more.pop("env", {}), **more)


def ended(how, output=""):
    return output + ("finished\n" if how == "supervise" else "")


@pytest.mark.parametrize("status", [0, 1, 7, 125, 255])
def test_the_exit_status_is_the_programs(start, how, status):
    assert start(shell(f"exit {status}")).end() == (status, ended(how))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV])
def test_a_signal_that_ends_the_program(start, how, number):
    status, output = start(shell(f"kill -{int(number)} $$")).end()
    assert status == (-number if how == "execute" else 128 + number)
    assert output == ended(how)


def test_environment_and_directory_are_exactly_those_of_the_plan(start, how):
    plan = LaunchPlan(("/usr/bin/env",), {"A": " 1 ", "B": ""}, "/usr")
    assert start(plan).end()[1] == ended(how, "A= 1 \nB=\n")
    assert start(plan._replace(argv=("/bin/pwd",))).end()[1] == ended(how, "/usr\n")


def test_only_execute_takes_the_processs_place(start, how):
    launched = start(shell("echo $$"))
    assert (launched.line() == str(launched.pid)) == (how == "execute")


def test_files_as_descriptors(start, how):
    plan = shell('cat /dev/fd/"$1" /dev/fd/"$FD"', "sh", file_descriptor("one"),
                 env={"PATH": "/bin:/usr/bin", "FD": file_descriptor("two")},
                 files=(DataFile("one", b"first\n"), DataFile("two", b"second\n"),
                        DataFile("none", b"third")))
    assert not launch.needs_directory(plan)
    assert start(plan).end() == (0, ended(how, "first\nsecond\n"))


def test_large_files_as_descriptors(start, how):
    plan = shell('wc -c < /dev/fd/"$1"', "sh", file_descriptor("big"),
                 env={"PATH": "/bin:/usr/bin"}, files=(DataFile("big", b"x" * 100_000),))
    assert start(plan).end()[1] == ended(how, "100000\n")


def test_files_under_a_path_live_as_long_as_the_run(tmp_path):
    plan = shell('ls -l "$1" | cut -c1-10; cat "$1" "$2"; ls -ld "${1%/*}" | cut -c1-10', "sh",
                 file_path("one"), file_path("two"), env={"PATH": "/bin:/usr/bin"},
                 files=(DataFile("one", b"first\n", mode=0o600),
                        DataFile("two", f"of {file_path('one')}\n".encode())))
    assert launch.needs_directory(plan)
    status, output = Launched("supervise", tmp_path, plan).end()
    lines = output.splitlines()
    assert (status, lines[0], lines[1], lines[3:]) == (
        0, "-rw-------", "first", ["drwx------", "finished"],
    )  # fmt: skip
    assert lines[2].startswith(f"of {tmp_path}/udocker-")
    assert os.listdir(tmp_path) == []


def test_a_directory_for_files_that_cannot_be_made(tmp_path):
    plan = shell("exit", file_path("a"), files=(DataFile("a", b""),))
    status, output = Launched("supervise", tmp_path / "none", plan).end()
    assert status == 99
    assert output.startswith("StoreError cannot write the run's files in")


def test_sigpipe_is_as_a_shell_leaves_it(start, how):
    plan = LaunchPlan(("/bin/grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"), {})
    lines = start(plan).end()[1].splitlines()[:2]
    blocked, ignored = (int(line.split()[1], 16) for line in lines)
    assert blocked == 0
    assert not [n for n in range(1, 32) if ignored >> (n - 1) & 1]


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "ALRM"])
def test_signals_reach_the_program(start, how, name):
    launched = start(shell(f"trap 'echo got {name}; exit 3' {name}; echo ready; "
                           "while :; do sleep 0.02; done", env={"PATH": "/bin:/usr/bin"}))
    assert launched.line() == "ready"
    os.kill(launched.pid, getattr(signal, f"SIG{name}"))
    assert launched.end() == (3, ended(how, f"got {name}\n"))


def test_the_program_dies_with_udocker(start):
    launched = start(shell("echo $$; exec sleep 60", env={"PATH": "/bin:/usr/bin"}))
    program = int(launched.line())
    os.kill(launched.pid, signal.SIGKILL)
    assert launched.end() == (-signal.SIGKILL, "")
    deadline = time.monotonic() + 5
    while os.path.exists(f"/proc/{program}") and _state(program) != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _state(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "Z"


def test_a_parent_that_ignores_its_children(start, how):
    def ignore():
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)

    assert start(shell("exit 5"), preexec_fn=ignore).end() == (5, ended(how))


def test_descriptors_are_inherited(start, how):
    reader, writer = os.pipe()
    assert start(shell(f"echo through > /dev/fd/{writer}"), pass_fds=[writer]).end()[0] == 0
    os.close(writer)
    with open(reader) as file:
        assert file.read() == "through\n"


def test_the_cpus_are_those_of_the_plan(start, how):
    first = min(os.sched_getaffinity(0))
    plan = LaunchPlan(("/bin/grep", "Cpus_allowed_list", "/proc/self/status"), {},
                      cpuset=str(first))
    assert start(plan).end()[1] == ended(how, f"Cpus_allowed_list:\t{first}\n")


@pytest.mark.parametrize(
    ("change", "error", "status"),
    [
        ({"argv": ("/nothing",)}, "cannot execute /nothing: No such file or directory", 125),
        ({"argv": ("/etc/passwd",)}, "cannot execute /etc/passwd: Permission denied", 125),
        ({"cpuset": "a-b"}, "invalid CPU list: a-b", 125),
        ({"cpuset": "9999"}, "CPUs not available: 9999", 125),
        ({"cpuset": "0-99999999999999"}, "CPUs not available", 125),
        ({"argv": ("/bin/true", *["x" * 100_000] * 50)}, "the command and its environment", 126),
    ],
)
def test_what_cannot_be_started(start, how, change, error, status):
    found, output = start(LaunchPlan(("/bin/true",), {})._replace(**change)).end()
    assert found == (99 if how == "execute" else status)
    assert error in output
    assert len(output.splitlines()) == (1 if how == "execute" else 2)


def test_a_plan_that_no_kernel_takes_is_the_engines_fault(start, how):
    status, output = start(LaunchPlan(("/bin/true", "a\0b"), {})).end()
    assert (status, "/bin/true" in output) == (99 if how == "execute" else 125, True)
    assert "Traceback" not in output
