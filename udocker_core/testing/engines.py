"""The tests that every engine passes. An engine's own tests inherit them::

    class TestEngine(EngineConformance):
        engine = Engine
        modes = ("R1",)

    class TestRuns(LiveEngineConformance):
        engine = Engine
        modes = ("R1",)

The first needs nothing but Python. The second runs programs, in a root tree made from the host's;
it is skipped, with the engine's own reason, where the mode cannot run. What an engine's
capabilities leave out is not tested.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import select
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pytest

from udocker_core.hookmarker import ATTRIBUTE
from udocker_core.model import (
    Bind,
    Capabilities,
    Container,
    DataFile,
    Device,
    LaunchPlan,
    Probe,
    RunSpec,
    User,
)
from udocker_core.testing.trees import make_root_tree

HOOKS = (
    "udocker_setup", "udocker_teardown", "udocker_prepare_run", "udocker_run", "udocker_inspect",
    "udocker_probe",
)  # fmt: skip
PATIENCE = 15.0  # seconds until something that must happen has not

_TOKEN = re.compile("\0(path|fd):([A-Za-z0-9.-]+)\0")
#: Plans and starts what is in a pickle, in one process, as ``udocker run`` does.
_START = """
import os, pickle, sys
from udocker_core.run import launch
if len(sys.argv) > 3:  # a descriptor that the program gets as 3
    os.dup2(int(sys.argv[3]), 3)
engine, mode, settings, container, spec = pickle.load(open(sys.argv[1], "rb"))
plan = engine(mode, settings).udocker_run(container, spec)
if launch.needs_directory(plan):
    sys.exit(launch.supervise(plan, sys.argv[2]))
launch.execute(plan)
"""


class _Engines:
    """What both classes share."""

    engine: Any = None  #: the class that the entry point names
    modes: tuple[str, ...] = ()
    settings: Mapping[str, str] = {}  #: the configuration

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Run every test for each mode."""
        if "mode" in metafunc.fixturenames:
            metafunc.parametrize("mode", self.modes)

    @pytest.fixture
    def plugin(self, mode: str) -> Any:
        """The engine."""
        return self.engine(mode, self.settings)

    @pytest.fixture
    def root(self, tmp_path: Any) -> str:
        """A root tree."""
        root = os.path.join(tmp_path, "ROOT")
        make_root_tree(root)
        return root


class EngineConformance(_Engines):
    """Plans, without running them."""

    entry_point_group = "udocker.engines.v1"

    def test_entry_points_are_the_modes(self) -> None:
        """Installed, the engine is found under each of its modes."""
        from importlib.metadata import entry_points

        found: Any = entry_points()
        if hasattr(found, "select"):
            points = found.select(group=self.entry_point_group)
        else:
            points = found.get(self.entry_point_group, ())
        name = f"{self.engine.__module__}:{self.engine.__qualname__}"
        named = {point.name for point in points if point.value == name}
        if not named:
            pytest.skip("missing here: the engine's distribution is not installed")
        assert named == set(self.modes)

    def test_capabilities(self, plugin: Any) -> None:
        """They are the core's type, with true or false for each."""
        assert isinstance(plugin.capabilities, Capabilities)
        assert all(isinstance(value, bool) for value in plugin.capabilities)

    def test_hooks_are_marked(self, plugin: Any) -> None:
        """Methods named like hooks are hooks, and those that an engine must have are there."""
        for name in HOOKS:
            assert not hasattr(plugin, name) or hasattr(getattr(plugin, name), ATTRIBUTE), name
        assert hasattr(plugin, "udocker_run")
        assert hasattr(plugin, "udocker_probe")

    def test_probe_gives_a_reason(self, plugin: Any) -> None:
        """Whether it can run here or not, it says how or why not, in one line."""
        probe = plugin.udocker_probe()
        assert isinstance(probe, Probe)
        assert probe.reason
        assert "\n" not in probe.reason

    def test_plans_are_well_formed(self, plugin: Any, root: str, tmp_path: Any) -> None:
        """Strings without NUL but for the tokens, each of which names a file of the plan."""
        for spec in specs(root, str(tmp_path), plugin.capabilities):
            plan = _plan(plugin, spec)
            assert isinstance(plan, LaunchPlan)
            assert os.path.isabs(plan.argv[0])
            assert os.path.isabs(plan.cwd)
            names = [file.name for file in plan.files]
            assert len(set(names)) == len(names)
            texts = [*plan.argv, *plan.env.values()]
            contents = "".join(os.fsdecode(file.content) for file in plan.files)
            used = {name for text in [*texts, contents] for _, name in _TOKEN.findall(text)}
            assert used == set(names)
            for text in [*texts, *plan.env]:
                assert "\0" not in _TOKEN.sub("", text)

    def test_plans_hold_what_was_asked(self, plugin: Any, root: str, tmp_path: Any) -> None:
        """Sources of binds and arguments are in the plan, as the kernel will need them."""
        for spec in specs(root, str(tmp_path), plugin.capabilities):
            plan = _plan(plugin, spec)
            plain = [*plan.argv, *plan.env.values()]
            text = "\n".join(plain) + "".join(os.fsdecode(f.content) for f in plan.files)
            for wanted in (spec.argv[-1], *(bind.source for bind in spec.binds)):
                assert wanted in text
            assert plan.cpuset == spec.cpuset

    def test_planning_does_nothing(self, plugin: Any, root: str, tmp_path: Any) -> None:
        """Making a plan starts no program and writes nothing; asked twice, it says the same."""
        wanted = specs(root, str(tmp_path), plugin.capabilities)
        before = snapshot(str(tmp_path))
        for spec in wanted:
            with _Audit() as audit:
                first = _plan(plugin, spec)
                second = _plan(plugin, spec)
            assert audit.effects == []
            assert first == second
        assert snapshot(str(tmp_path)) == before

    def test_teardown_undoes_setup(self, plugin: Any, root: str) -> None:
        """After set-up and tear-down the root is equal byte for byte."""
        container = _container(root)
        before = snapshot(root)
        settings = _call(plugin, "udocker_setup", container=container,
                         capabilities=plugin.capabilities, settings={}) or {}
        assert isinstance(settings, Mapping)
        prepared = container._replace(settings={"engine": settings})
        assert isinstance(_plan(plugin, _spec(root), prepared), LaunchPlan)
        _call(plugin, "udocker_teardown", container=container, settings=settings)
        assert snapshot(root) == before


class Ended(NamedTuple):
    """How a program ended."""

    status: int
    out: bytes
    err: bytes


class LiveEngineConformance(_Engines):
    """Programs, really run."""

    @pytest.fixture(autouse=True)
    def _runnable(self, plugin: Any) -> None:
        probe = _probe(type(plugin), plugin.mode, tuple(sorted(self.settings.items())))
        if not probe.ok:
            pytest.skip(f"missing here: {probe.reason}")

    @pytest.fixture
    def start(self, plugin: Any, root: str, tmp_path: Any) -> Iterator[Any]:
        """A function that starts a program, as the front process of a run."""
        started: list[subprocess.Popen[bytes]] = []

        def start(*argv: str, **changes: Any) -> subprocess.Popen[bytes]:
            keys = ("stdin", "stdout", "stderr", "pass_fds")
            options = {key: changes.pop(key) for key in keys if key in changes}
            spec = _spec(root, *argv)._replace(**changes)
            command = self.command(plugin, spec, str(tmp_path))
            command += map(str, options.get("pass_fds", ()))
            process = subprocess.Popen(command, **options)
            started.append(process)
            return process

        yield start
        for process in started:
            process.kill()
            process.communicate()

    @pytest.fixture
    def run(self, start: Any) -> Any:
        """A function that runs a program to its end and tells how it :class:`Ended`."""

        def run(*argv: str, input: bytes = b"", **changes: Any) -> Ended:  # noqa: A002
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            process = start(*argv, **{**pipes, **changes})
            out, err = process.communicate(input, timeout=PATIENCE)
            return Ended(process.returncode, out or b"", err or b"")

        return run

    def command(self, plugin: Any, spec: RunSpec, directory: str) -> list[str]:
        """A command line whose process becomes the front process of the run."""
        path = os.path.join(directory, f"run-{os.urandom(4).hex()}")
        run = (type(plugin), plugin.mode, dict(self.settings), _container(spec.root), spec)
        with open(path, "wb") as file:
            pickle.dump(run, file)
        paths = f"import sys; sys.path[:0] = {sys.path!r}\n"
        return [sys.executable, "-c", paths + _START, path, directory]

    # -- the end

    @pytest.mark.parametrize("status", [0, 1, 7, 125, 126, 127, 255])
    def test_exit_status(self, run: Any, status: int) -> None:
        """The program's exit status is the run's."""
        assert run("/bin/sh", "-c", f"exit {status}").status == status

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
    def test_death_by_signal(self, run: Any, number: int) -> None:
        """It is 128 + N when signal N ended the program."""
        assert run("/bin/sh", "-c", f"kill -{int(number)} $$").status == 128 + number

    def test_command_not_found(self, run: Any) -> None:
        """127, and a line that names it."""
        ended = run("/bin/no-such-program")
        assert ended.status == 127
        assert b"/bin/no-such-program" in ended.err

    def test_command_not_executable(self, run: Any) -> None:
        """126, and a line that names it."""
        ended = run("/etc/passwd")
        assert ended.status == 126
        assert b"/etc/passwd" in ended.err

    def test_children_end_with_the_program(self, run: Any) -> None:
        """What the program leaves in the background does not stay."""
        sleep = _unique_sleep()
        assert run("/bin/sh", "-c", f"setsid {sleep} >/dev/null 2>&1 & exit 0").status == 0
        assert _gone(sleep)

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
    def test_no_orphans(self, start: Any, number: int) -> None:
        """Nothing of the run is left when somebody ends its front process."""
        sleep = _unique_sleep()
        process = start("/bin/sh", "-c", f"setsid {sleep} & echo started; {sleep}; :",
                        stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"started\n"
        process.send_signal(number)
        status = process.wait(PATIENCE)
        assert status in (128 + number, -number)
        assert _gone(sleep)

    def test_signals_reach_the_program(self, start: Any) -> None:
        """A signal sent to the front process is the program's to handle."""
        script = "trap 'echo caught; exit 3' USR1; echo ready; while :; do sleep 0.05; done"
        process = start("/bin/sh", "-c", script, stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGUSR1)
        assert process.stdout.readline() == b"caught\n"
        assert process.wait(PATIENCE) == 3

    def test_zombies_are_reaped(self, run: Any) -> None:
        """Processes whose parent has ended do not stay in the table when they end."""
        script = "(sleep 0.1 & sleep 0.2 &); sleep 0.5; cat /proc/[0-9]*/stat | grep ' Z '"
        assert run("/bin/sh", "-c", script).out == b""

    # -- input and output

    def test_bytes_pass_unchanged(self, run: Any) -> None:
        """Standard input and output carry bytes; standard error is separate."""
        data = bytes(range(256)) * 1000
        assert run("/bin/cat", input=data) == Ended(0, data, b"")
        assert run("/bin/sh", "-c", "echo out; echo err >&2") == Ended(0, b"out\n", b"err\n")

    def test_end_of_output(self, start: Any) -> None:
        """A pipe ends when the program closes it, not later."""
        process = start("/bin/sh", "-c", "echo all; exec >&-; sleep 30", stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"all\n"
        assert select.select([process.stdout], [], [], PATIENCE)[0]
        assert process.stdout.read() == b""

    def test_inherited_descriptors(self, run: Any) -> None:
        """The caller's open descriptors are the program's."""
        reader, writer = os.pipe()
        try:
            ended = run("/bin/sh", "-c", "echo through >&3", pass_fds=(writer,))
            os.close(writer)
            assert (ended.status, os.read(reader, 100)) == (0, b"through\n")
        finally:
            os.close(reader)

    def test_no_other_descriptors(self, run: Any) -> None:
        """The program gets no descriptor that the caller did not leave open."""
        file = DataFile("extra", b"x", "/etc/extra")
        ended = run("/bin/ls", "/proc/self/fd", files=(file,))
        assert {int(name) for name in ended.out.split()} <= {0, 1, 2, 3}  # 3 is ls's own

    # -- the program's surroundings

    def test_environment_is_exact(self, run: Any) -> None:
        """All variables of the spec, and no other."""
        env = {"PATH": "/bin", "HOME": "/root", "EMPTY": "", "TEXT": "a b=c\nd é", "_x": "$HOME"}
        shown = run("/bin/env", env=env).out.decode()
        assert sorted(shown.splitlines()) == sorted(
            "\n".join(f"{name}={value}" for name, value in env.items()).splitlines()
        )

    def test_arguments(self, run: Any) -> None:
        """Arguments are passed as they are, and argv[0] need not be the executable's name."""
        arguments = ("", " a  b ", "*", "$HOME", "'\"\\", "é", "--", "-c")
        ended = run("/bin/printf", "<%s>", *arguments)
        assert ended.out.decode() == "".join(f"<{a}>" for a in arguments)
        ended = run("cat", "/etc/passwd", executable="/bin/cat")
        assert ended.out.startswith(b"root:")

    def test_working_directory(self, run: Any) -> None:
        """The program starts where the spec says."""
        assert run("/bin/pwd", cwd="/usr").out == b"/usr\n"

    @pytest.mark.parametrize(("uid", "gid"), [(0, 0), (1000, 100)])
    def test_user(self, run: Any, plugin: Any, uid: int, gid: int) -> None:
        """Programs see the ids that were asked for."""
        _needs(plugin.capabilities.any_user)
        ended = run("/bin/sh", "-c", "id -u; id -g", user=User("u", uid, gid))
        assert ended.out.split() == [b"%d" % uid, b"%d" % gid]

    def test_hostname(self, run: Any, plugin: Any) -> None:
        """The container's name, and the host's when it has none."""
        _needs(plugin.capabilities.hostname)
        assert run("/bin/hostname", hostname="inside").out == b"inside\n"
        assert run("/bin/hostname").out.decode().strip() == os.uname().nodename

    def test_devices(self, run: Any) -> None:
        """The usual devices work."""
        script = "echo x > /dev/null; head -c 3 /dev/zero | wc -c; head -c 5 /dev/urandom | wc -c"
        assert run("/bin/sh", "-c", script).out.split() == [b"3", b"5"]

    def test_no_system_directories(self, run: Any, root: str) -> None:
        """Without them the image's own are seen."""
        touch(root + "/dev/marker", b"")
        ended = run("/bin/ls", "/dev", "/proc", sysdirs=False)
        assert ended.out.split() == [b"/dev:", b"marker", b"/proc:"]

    def test_own_device(self, run: Any, plugin: Any) -> None:
        """A device of the host appears where it was asked for."""
        _needs(plugin.capabilities.devices)
        devices = (Device("/dev/zero", "/dev/other"),)
        ended = run("/bin/head", "-c", "2", "/dev/other", devices=devices)
        assert ended.out == b"\0\0"

    # -- files

    def test_directory_bind(self, run: Any, tmp_path: Any) -> None:
        """A directory of the host is read and written at a place that the image has not."""
        touch(f"{tmp_path}/shared/one", b"1\n")
        binds = (Bind(f"{tmp_path}/shared", "/new/place"),)
        ended = run("/bin/sh", "-c", "cat /new/place/one; echo 2 > /new/place/two", binds=binds)
        assert ended == Ended(0, b"1\n", b"")
        assert (tmp_path / "shared" / "two").read_bytes() == b"2\n"

    def test_file_bind(self, run: Any, root: str, plugin: Any, tmp_path: Any) -> None:
        """A file of the host covers one of the image, which stays as it is."""
        _needs(plugin.capabilities.file_binds)
        touch(f"{tmp_path}/passwd", b"host's\n")
        ended = run("/bin/cat", "/etc/passwd", binds=(Bind(f"{tmp_path}/passwd", "/etc/passwd"),))
        assert ended.out == b"host's\n"
        with open(root + "/etc/passwd", "rb") as file:
            assert file.read().startswith(b"root:")

    def test_nested_binds(self, run: Any, tmp_path: Any) -> None:
        """A bind inside another's target is seen, whichever was named first."""
        touch(f"{tmp_path}/outer/inner/hidden", b"")
        touch(f"{tmp_path}/other/shown", b"")
        outer = Bind(f"{tmp_path}/outer", "/mnt/o")
        inner = Bind(f"{tmp_path}/other", "/mnt/o/inner")
        for binds in ((outer, inner), (inner, outer)):
            assert run("/bin/ls", "/mnt/o/inner", binds=binds).out == b"shown\n"

    def test_read_only_bind(self, run: Any, plugin: Any, tmp_path: Any) -> None:
        """What is bound read-only cannot be changed, whatever its permissions say."""
        _needs(plugin.capabilities.read_only_binds)
        touch(f"{tmp_path}/shared/file", b"old")
        touch(f"{tmp_path}/single", b"old")
        binds = (Bind(f"{tmp_path}/shared", "/ro", True), Bind(f"{tmp_path}/single", "/one", True))
        script = "echo new > /ro/file; echo new > /one; touch /ro/more; rm /ro/file"
        run("/bin/sh", "-c", script, binds=binds)
        assert os.listdir(tmp_path / "shared") == ["file"]
        assert (tmp_path / "shared" / "file").read_bytes() == b"old"
        assert (tmp_path / "single").read_bytes() == b"old"

    def test_read_only_root(self, run: Any, root: str, plugin: Any, tmp_path: Any) -> None:
        """The image cannot be changed; volumes and memory can."""
        _needs(plugin.capabilities.read_only_root)
        touch(f"{tmp_path}/shared/file", b"")
        ended = run("/bin/sh", "-c", "touch /etc/new; touch /shared/new /scratch/new",
                    read_only_root=True, tmpfs=("/scratch",),
                    binds=(Bind(f"{tmp_path}/shared", "/shared"),))
        assert ended.status == 0
        assert not os.path.exists(root + "/etc/new")
        assert os.path.exists(tmp_path / "shared" / "new")

    def test_made_up_files(self, run: Any, root: str) -> None:
        """Files of the spec appear where they belong, with their mode, and leave no trace."""
        before = snapshot(root + "/etc")
        content = bytes(range(256)) * 300
        files = (DataFile("a.bin", content, "/etc/passwd", 0o640),
                 DataFile("b", b"two\n", "/etc/group"))
        ended = run("/bin/sh", "-c", "stat -c %a /etc/passwd; cat /etc/group /etc/passwd",
                    files=files)
        assert ended.out == b"640\ntwo\n" + content
        assert snapshot(root + "/etc") == before

    def test_links_lead_nowhere(self, run: Any, root: str, tmp_path: Any) -> None:
        """Symbolic links of the image cannot place mounts, or mount points, on the host."""
        outside = str(tmp_path / "outside")
        os.mkdir(outside)
        touch(f"{tmp_path}/shared/file", b"shared\n")
        os.symlink(outside, root + "/absolute")
        os.symlink("../" * 40 + outside.lstrip("/"), root + "/relative")
        os.symlink("/proc/self/root" + outside, root + "/magic")
        for name in ("absolute", "relative", "magic"):
            run("/bin/true", binds=(Bind(f"{tmp_path}/shared", f"/{name}/deep/er"),),
                files=(DataFile("f", b"x", f"/{name}/made-up"),))
        assert os.listdir(outside) == []

    def test_hostile_system_directories(self, run: Any, root: str, tmp_path: Any) -> None:
        """/dev, /proc and /sys of the image may be links; nothing is made where they point."""
        outside = tmp_path / "outside"
        outside.mkdir()
        for name in ("dev", "proc", "sys"):
            os.rmdir(f"{root}/{name}")
            os.symlink(outside, f"{root}/{name}")
        run("/bin/true")
        assert os.listdir(outside) == []

    def test_host_does_not_see_the_mounts(self, start: Any, root: str) -> None:
        """While it runs, the host's table of mounts knows nothing of it."""
        process = start("/bin/sh", "-c", "echo up; sleep 100", stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"up\n"
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            assert root not in file.read()

    # -- the terminal

    def test_job_control(self, plugin: Any, root: str, tmp_path: Any) -> None:
        """In a shell's terminal: stop, continue, interrupt, and the status."""
        script = "trap 'echo got-int; exit 5' INT; echo up; while :; do sleep 0.1; done"
        spec = _spec(root, "/bin/sh", "-c", script)._replace(terminal=True)
        command = self.command(plugin, spec, str(tmp_path))
        with _Terminal() as terminal:
            terminal.type(_quoted(command) + "; echo status=$?\n", "up\r\n")
            terminal.type("\x1a", "status=", "$ ")  # Ctrl-Z
            terminal.type("jobs\n", "topped", "$ ")
            terminal.type("fg; echo after=$?\n", "launch")
            time.sleep(0.3)
            terminal.type("\x03", "got-int", "after=5", "$ ")  # Ctrl-C

    def test_interactive_shell(self, plugin: Any, root: str, tmp_path: Any) -> None:
        """A shell in the container has the terminal, with job control, and gives it back."""
        spec = _spec(root, "/bin/sh", "-i")._replace(terminal=True)
        command = self.command(plugin, spec, str(tmp_path))
        with _Terminal() as terminal:
            terminal.type(_quoted(command) + "; read x; echo =$x=\n", "\n# ")
            terminal.type("tty; echo tt'y'-ok\n", "/dev/", "tty-ok", "# ")
            terminal.type("sleep 100\n", "sleep 100")
            time.sleep(0.3)
            terminal.type("\x03", "# ")
            terminal.type("exit\n", "exit")
            time.sleep(0.5)
            terminal.type("typed\n", "=typed=")


class _Terminal:
    """A job control shell on a pseudo-terminal."""

    def __enter__(self) -> _Terminal:
        self._pid, self._fd = os.forkpty()
        if self._pid == 0:
            os.execve("/bin/sh", ["sh", "-i"], {"PS1": "$ ", "PATH": os.defpath, "TERM": "dumb"})
        self.type("", "$ ")
        return self

    def type(self, text: str, *expected: str) -> None:
        """Type `text`, then wait until each of `expected` has been shown, in this order."""
        os.write(self._fd, text.encode())
        shown, deadline = "", time.monotonic() + PATIENCE
        for wanted in expected:
            while wanted not in shown:
                left = deadline - time.monotonic()
                ready = select.select([self._fd], [], [], max(left, 0))[0]
                assert ready, f"{wanted!r} was not shown after {text!r}, but {shown!r}"
                shown += os.read(self._fd, 4096).decode(errors="replace")
            shown = shown.partition(wanted)[2]

    def __exit__(self, *exception: object) -> None:
        os.kill(self._pid, signal.SIGHUP)
        os.close(self._fd)
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


class _Audit:
    """Records what Python code does to the host: programs started, files written."""

    _active: _Audit | None = None
    _installed = False
    _EVENTS = frozenset(
        (
            "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "subprocess.Popen",
            "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.chmod",
            "os.chown", "os.truncate", "os.utime", "os.chdir", "os.putenv", "os.kill",
            "socket.connect",
        )
    )  # fmt: skip

    def __init__(self) -> None:
        self.effects: list[str] = []

    def __enter__(self) -> _Audit:
        if not _Audit._installed:
            sys.addaudithook(_Audit._heard)  # cannot be taken back
            _Audit._installed = True
        _Audit._active = self
        return self

    def __exit__(self, *exception: object) -> None:
        _Audit._active = None

    @staticmethod
    def _heard(event: str, arguments: tuple[Any, ...]) -> None:
        if _Audit._active is None:
            return
        writes = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        compiled = event == "open" and str(arguments[0]).find("__pycache__") >= 0
        if event in _Audit._EVENTS or (writes and not compiled):
            _Audit._active.effects.append(f"{event} {arguments[:1]}")


_probes: dict[Any, Probe] = {}


def _probe(engine: Any, mode: str, settings: tuple[tuple[str, str], ...]) -> Probe:
    """The engine's probe, asked once."""
    key = (engine, mode, settings)
    if key not in _probes:
        _probes[key] = engine(mode, dict(settings)).udocker_probe()
    return _probes[key]


def specs(root: str, directory: str, capabilities: Capabilities) -> list[RunSpec]:
    """Specs of many kinds, within what the engine can do. Binds are from `directory`."""
    touch(f"{directory}/data/file", b"")
    volumes = (Bind(f"{directory}/data", "/mnt/data"), Bind(f"{directory}/data/file", "/mnt/file"))
    plain = _spec(root, "/bin/echo", "the last")
    found = [
        plain,
        plain._replace(env={}, sysdirs=False),
        plain._replace(cwd="/tmp", cpuset="0", terminal=True),
        plain._replace(files=(DataFile("passwd", b"root:x:0:0::/:\n", "/etc/passwd"),)),
        plain._replace(argv=("echo", "--", "-- é"), env={"A": "é", "B": ""}),
        plain._replace(tmpfs=("/scratch",)),
        plain._replace(binds=volumes),
    ]
    if capabilities.read_only_binds:
        found.append(plain._replace(binds=tuple(b._replace(read_only=True) for b in volumes)))
    if capabilities.any_user:
        found.append(plain._replace(user=User("u", 1000, 100, (100, 101), "/home/u")))
    if capabilities.hostname:
        found.append(plain._replace(hostname="inside"))
    if capabilities.devices:
        found.append(plain._replace(devices=(Device("/dev/null", "/dev/none"),)))
    if capabilities.read_only_root:
        found.append(plain._replace(read_only_root=True))
    return found


def snapshot(directory: str) -> list[tuple[object, ...]]:
    """All that a tree holds: names, kinds, modes, owners, times and content."""
    found: list[tuple[object, ...]] = []
    for parent, directories, files in os.walk(directory):
        for name in sorted([*directories, *files]):
            path = os.path.join(parent, name)
            status = os.lstat(path)
            content: object = None
            if stat.S_ISREG(status.st_mode):
                with open(path, "rb") as file:
                    content = hashlib.sha256(file.read()).digest()
            elif stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)
            found.append((path, status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns,
                          content))
    return sorted(found, key=lambda entry: str(entry[0]))


def touch(path: str, content: bytes) -> None:
    """Write a file, and make its directory."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


def _spec(root: str, *argv: str) -> RunSpec:
    argv = argv or ("/bin/true",)
    env = {"PATH": "/bin", "HOME": "/root", "PS1": "# "}
    return RunSpec(root=root, argv=argv, executable=argv[0], env=env)


def _container(root: str) -> Container:
    return Container("0123456789abcdef", os.path.dirname(root), root)


def _plan(plugin: Any, spec: RunSpec, container: Container | None = None) -> LaunchPlan:
    arguments = {"container": container or _container(spec.root), "spec": spec}
    plan: LaunchPlan = _call(plugin, "udocker_run", **arguments)
    return plan


def _call(plugin: Any, hook: str, **arguments: Any) -> Any:
    """Call a hook as the core does: with the arguments that the implementation names."""
    method = getattr(plugin, hook, None)
    if method is None:
        return None
    names = method.__code__.co_varnames[: method.__code__.co_argcount]
    return method(**{name: arguments[name] for name in names if name in arguments})


def _needs(capability: bool) -> None:
    if not capability:
        pytest.skip("the engine does not offer it")


def _unique_sleep() -> str:
    """A command that can be told from all others in the table of processes."""
    return f"sleep {1000 + os.getpid()}.{time.monotonic_ns() % 10**9:09}"


def _gone(command: str) -> bool:
    """Wait until no process of this host has the command line."""
    wanted = command.replace(" ", "\0").encode()
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if not any(wanted in line for line in _command_lines()):
            return True
        time.sleep(0.02)
    return False


def _command_lines() -> Iterator[bytes]:
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    yield file.read()
            except OSError:
                continue


def _quoted(command: Sequence[str]) -> str:
    import shlex

    return shlex.join(command)
