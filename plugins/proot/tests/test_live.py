"""Programs, really run by the tracer."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
from typing import Any

import pytest

from udocker_core.binaries import host_program
from udocker_core.model import Container, Port, User
from udocker_core.testing.engines import LiveEngineConformance, TerminalConformance
from udocker_core.testing.live import LiveTests
from udocker_core.testing.terminal import PATIENCE
from udocker_core.testing.values import plain_spec
from udocker_proot.engine import Engine

#: A server that tells the port that it has asked for, and what a client of its own gets.
SERVER = """
import socket, sys, threading
port = int(sys.argv[1])
server = socket.create_server(("127.0.0.1", port))
threading.Thread(target=lambda: [server.accept()[0].sendall(b"hello") for _ in range(2)]).start()
said = socket.create_connection(("127.0.0.1", port)).recv(5).decode()
print(said, server.getsockname()[1] == port, flush=True)
"""

#: One that has left the process group, to which its child sends a signal.
GROUP = """
import os, signal, time
signal.signal(signal.SIGUSR1, lambda *_: os.write(1, b"signal "))
if not os.fork():
    time.sleep(0.2)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    os.kill(0, signal.SIGUSR1)
    os._exit(0)
os.setsid()
os.wait()
time.sleep(0.2)
print("end")
"""


class TestRuns(LiveEngineConformance):
    engine = Engine
    modes = ("P1", "P2")


class TestTerminal(TerminalConformance):
    engine = Engine
    modes = ("P1", "P2")


class TestTracer(LiveTests):
    engine = Engine
    modes = ("P1", "P2")

    def test_a_published_port_is_another_one_on_the_host(self, start: Any) -> None:
        with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(
            ("127.0.0.1", 0)
        ) as two:
            inside, outside = one.getsockname()[1], two.getsockname()[1]
        process = start(
            sys.executable, "-c", SERVER, str(inside), root="/",
            ports=(Port(outside, inside),), stdout=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout.readline() == b"hello True\n"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", inside))
        with socket.create_connection(("127.0.0.1", outside)) as client:
            assert client.recv(5) == b"hello"
        assert process.wait(PATIENCE) == 0

    def test_the_kernel_release(self, run: Any) -> None:
        assert run("/bin/uname", "-r", kernel="4.4.4-of-old").out == b"4.4.4-of-old\n"
        assert run("/bin/uname", "-rn", kernel="4.4", hostname="box").out == b"box 4.4\n"

    def test_standard_descriptors_may_be_closed(self, root: str, plugin: Any) -> None:
        shell = "true 9<&0 || test -d /bin && exit 3"
        plan = plugin.udocker_run(
            Container("c", root, root), plain_spec(root, "/bin/sh", "-c", shell)
        )
        for closed in ("<&-", "<&- >&-", "<&- >&- 2>&-"):
            words = ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *plan.argv]
            done = subprocess.run(words, env=dict(plan.env), timeout=PATIENCE, check=False)
            assert done.returncode == 3

    def test_an_ignored_end_of_children_stays_so(self, plugin: Any) -> None:
        spec = plain_spec("/", "/bin/grep", "SigIgn", "/proc/self/status")
        plan = plugin.udocker_run(Container("c", "/", "/"), spec)
        for action in (signal.SIG_IGN, signal.SIG_DFL):
            former = signal.signal(signal.SIGCHLD, action)
            try:
                done = subprocess.run(
                    plan.argv, env=dict(plan.env), capture_output=True, timeout=PATIENCE,
                    check=False,
                )  # fmt: skip
            finally:
                signal.signal(signal.SIGCHLD, former)
            ignored = int(done.stdout.split()[1], 16) >> (signal.SIGCHLD - 1) & 1
            assert ignored == (action == signal.SIG_IGN)

    def test_another_personality(self, root: str, plugin: Any) -> None:
        spec = plain_spec(root, "/bin/sh", "-c", "echo works > /p; cat /p; rm /p")
        plan = plugin.udocker_run(Container("c", root, root), spec)
        setarch = host_program(["setarch"])
        if not setarch:
            pytest.skip("missing here: setarch")
        done = subprocess.run(
            [setarch, "--uname-2.6", *plan.argv], env=dict(plan.env), capture_output=True,
            timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.stdout == b"works\n", done.stderr

    def test_the_most_groups(self, root: str, plugin: Any) -> None:
        spec = plain_spec(root, "/bin/true")
        for count, status in ((64, 0), (65, 125)):
            user = User("u", 1000, 1000, tuple(range(100, 100 + count)))
            plan = plugin.udocker_run(Container("c", root, root), spec._replace(user=user))
            done = subprocess.run(
                plan.argv, env=dict(plan.env), stderr=subprocess.PIPE, timeout=PATIENCE,
                check=False,
            )  # fmt: skip
            assert done.returncode == status
            assert (b"64 groups" in done.stderr) == (status != 0)

    def test_modes_are_put_back_when_a_program_is_killed(self, run: Any) -> None:
        script = (
            "mkdir /d; mkfifo /d/f; chmod 0 /d; cat /d/f & sleep 0.3;"
            "kill -9 $!; wait $!; stat -c %a /d; rm -r /d"
        )
        assert run("/bin/sh", "-c", script).out == b"0\n"

    def test_a_signal_to_the_group_comes_once(self, plugin: Any) -> None:
        spec = plain_spec("/", sys.executable, "-c", GROUP)
        plan = plugin.udocker_run(Container("c", "/", "/"), spec)
        done = subprocess.run(
            plan.argv, env=dict(plan.env), stdin=subprocess.DEVNULL, capture_output=True,
            timeout=PATIENCE, check=False, start_new_session=True,
        )  # fmt: skip
        assert done.stdout == b"end\n", done.stderr

    def test_there_is_no_audit(self, run: Any) -> None:
        script = "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 9)"
        assert b"Protocol not supported" in run(sys.executable, "-c", script, root="/").err

    def test_other_architectures_run_in_an_emulator(self, root: str, plugin: Any) -> None:
        if os.uname().machine != "x86_64" or not host_program(["qemu-aarch64-static"]):
            pytest.skip("missing here: qemu-aarch64-static on x86_64")
        with open(root + "/bin/foreign", "wb") as file:
            file.write(aarch64_program(b"it runs\n", status=3))
        os.chmod(root + "/bin/foreign", 0o755)
        container = Container("c", root, root, config={"architecture": "arm64"})
        plan = plugin.udocker_run(container, plain_spec(root, "/bin/foreign"))
        done = subprocess.run(
            plan.argv, env=dict(plan.env), stdin=subprocess.DEVNULL, capture_output=True,
            timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (3, b"it runs\n"), done.stderr


def aarch64_program(text: bytes, status: int) -> bytes:
    """An executable file (ELF) that writes `text` and exits with `status`."""
    code = struct.pack(
        "<8I",
        0xD2800020,  # mov x0, #1
        0x100000E1,  # adr x1, text
        0xD2800002 | len(text) << 5,  # mov x2, #len(text)
        0xD2800808,  # mov x8, #64 (write)
        0xD4000001,  # svc #0
        0xD2800000 | status << 5,  # mov x0, #status
        0xD2800BA8,  # mov x8, #93 (exit)
        0xD4000001,  # svc #0
    )
    address, start = 0x400000, 64 + 56
    size = start + len(code) + len(text)
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = ident + struct.pack(
        "<HHIQQQIHHHHHH", 2, 183, 1, address + start, 64, 0, 0, 64, 56, 1, 0, 0, 0
    )
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, address, address, size, size, 0x10000)
    return header + segment + code + text
