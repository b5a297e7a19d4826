"""A writer of tar archives that refuses nothing, and the check that nothing outside changes."""

from __future__ import annotations

import io
import os
import stat
import threading

import pytest

from udocker_core.layers import Layer, Limits, apply_layers

SECRET = b"the host's secret"
TIME = 1_600_000_000
NO_LIMITS = Limits()


def _octal(value, width):
    return b"%0*o\0" % (width - 1, value)


def _member(
    name,
    kind="0",
    data=b"",
    *,
    link="",
    mode=None,
    mtime=TIME,
    size=None,
    magic=b"ustar\x0000",
    prefix=b"",
    checksum=None,
    fields=None,
):
    """Return a header and its data. `fields` are (offset, bytes) to put over the header."""
    name, link = os.fsencode(name), os.fsencode(link)
    head = bytearray(512)
    if mode is None:
        mode = 0o755 if kind == "5" else 0o644
    before = b""
    if len(name) > 100:
        before += _member("././@LongLink", "L", name + b"\0", magic=b"ustar  \0")
    if len(link) > 100:
        before += _member("././@LongLink", "K", link + b"\0", magic=b"ustar  \0")

    def put(offset, value):
        head[offset : offset + len(value)] = value

    put(0, name[:100])
    put(100, _octal(mode, 8) + _octal(12345, 8) + _octal(54321, 8))
    put(124, _octal(len(data) if size is None else size, 12))
    put(136, _octal(mtime, 12))
    put(148, b" " * 8)
    put(156, kind.encode() if isinstance(kind, str) else kind)
    put(157, link[:100])
    put(257, magic)
    put(345, prefix)
    for offset, value in fields or ():
        put(offset, value)
    put(148, b"%06o\0 " % (sum(head) if checksum is None else checksum))
    return before + bytes(head) + data + bytes(-len(data) % 512)


def _records(pairs):
    text = b""
    for key, value in pairs:
        record = b" " + os.fsencode(key) + b"=" + os.fsencode(value) + b"\n"
        length = len(record)
        while len(b"%d" % length) + len(record) != length:
            length = len(b"%d" % length) + len(record)
        text += b"%d" % length + record
    return text


def _pax(*pairs, kind="x"):
    return _member("PaxHeaders/0", kind, _records(pairs))


def _archive(*members):
    return b"".join(members) + bytes(1024)


@pytest.fixture(scope="session")
def member():
    return _member


@pytest.fixture(scope="session")
def pax():
    return _pax


@pytest.fixture(scope="session")
def archive():
    return _archive


def snapshot(top):
    """Return all below `top`: path -> mode, time, links and content or target.

    Of very deep trees only that part is seen which a path can name.
    """
    found = {}
    top = os.fsencode(top)
    todo = [top]
    while todo:
        folder = todo.pop()
        for name in os.listdir(folder):
            path = folder + b"/" + name
            if len(path) > 4000:
                continue
            status = os.lstat(path)
            content = None
            if stat.S_ISDIR(status.st_mode):
                todo.append(path)
            elif stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(status.st_mode):
                content = _read(path, status)
            shown = os.fsdecode(path[len(top) + 1 :])
            found[shown] = (status.st_mode, status.st_mtime_ns, status.st_nlink, content)
    return found


def _read(path, status):
    if not status.st_mode & 0o400:
        os.chmod(path, 0o600)
    with open(path, "rb") as file:
        content = file.read()
    if not status.st_mode & 0o400:
        os.chmod(path, stat.S_IMODE(status.st_mode))
    return content


def short(top):
    """Return all below `top`: path -> content, "/" for a directory and so on."""
    kinds = {stat.S_IFDIR: "/", stat.S_IFIFO: "|"}
    return {
        path: b"-> " + content if stat.S_ISLNK(mode) else kinds.get(stat.S_IFMT(mode), content)
        for path, (mode, _, _, content) in snapshot(top).items()
    }


def _quiet():
    ours = [thread for thread in threading.enumerate() if thread.name == "udocker-layers"]
    return ours, len(os.listdir("/proc/self/fd"))


class Sandbox:
    """A root with sentinels beside it; every unpacking checks that they are as they were."""

    def __init__(self, top):
        self.host = top / "host"
        self.root = top / "containers" / "root"
        self.root.mkdir(parents=True)
        (self.host / "folder").mkdir(parents=True)
        for path in (self.host / "secret", self.host / "folder" / "secret"):
            path.write_bytes(SECRET)
            path.chmod(0o640)
        (self.host / "link").symlink_to("secret")
        self.up = "../" * (len(self.root.parts) - 1)  # from the root to the host's "/"

    def unpack(self, *layers, diff_ids=None, limits=NO_LIMITS):
        """Apply layers, given as bytes, and return the summary."""
        openers = [lambda data=data: io.BytesIO(data) for data in layers]
        return self.apply(*zip(openers, diff_ids or [None] * len(layers)), limits=limits)

    def apply(self, *layers, limits=NO_LIMITS):
        """Apply layers, given as what opens them and their diff_id, and return the summary."""
        values = [Layer(*layer, f"number {number}") for number, layer in enumerate(layers)]
        host, quiet = snapshot(self.host), _quiet()
        beside = sorted(os.listdir(self.root.parent))
        try:
            return apply_layers(values, str(self.root), limits=limits)
        finally:
            assert snapshot(self.host) == host
            assert sorted(os.listdir(self.root.parent)) == beside
            assert SECRET not in short(self.root).values()
            assert _quiet() == quiet

    @property
    def tree(self):
        """What the root holds, as :func:`short` gives it."""
        return short(self.root)

    @property
    def details(self):
        """What the root holds, as :func:`snapshot` gives it."""
        return snapshot(self.root)


@pytest.fixture
def sandbox(tmp_path):
    return Sandbox(tmp_path)
