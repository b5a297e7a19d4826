"""Programs, really run by the tracer."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
from typing import Any

import pytest

from udocker_core.binaries import host_program
from udocker_core.model import Container, Port
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
