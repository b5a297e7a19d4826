"""What is in a root tree, entry by entry, and the layers that make interesting ones."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import stat
from collections.abc import Iterator
from typing import NamedTuple

from tests.live import oci
from tests.live.oci import Entry, directory, hardlink, opaque, symlink, whiteout

KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}


class Seen(NamedTuple):
    """One entry of a tree."""

    kind: str
    mode: int
    mtime: int  #: nanoseconds
    links: tuple[bytes, ...]  #: every name of the same file, this one too
    content: str  #: digest of a file, target of a symbolic link


def snapshot(root: str | os.PathLike[str]) -> dict[bytes, Seen]:
    """Every entry below `root`, whatever its mode; the tree's owner must be the caller."""
    top = os.fsencode(root)
    found = {path: os.lstat(os.path.join(top, path)) for path in _walk(top, b"")}
    names: dict[int, list[bytes]] = {}
    for path, status in found.items():
        if not stat.S_ISDIR(status.st_mode):
            names.setdefault(status.st_ino, []).append(path)
    return {
        path: Seen(
            KINDS.get(stat.S_IFMT(status.st_mode), "device"),
            stat.S_IMODE(status.st_mode),
            status.st_mtime_ns,
            tuple(sorted(names.get(status.st_ino, [path]))),
            _content(os.path.join(top, path), status),
        )
        for path, status in found.items()
    }


def _walk(top: bytes, below: bytes) -> Iterator[bytes]:
    with _readable(os.path.join(top, below), 0o700), os.scandir(os.path.join(top, below)) as listed:
        for entry in listed:
            path = os.path.join(below, entry.name)
            yield path
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(top, path)


def _content(path: bytes, status: os.stat_result) -> str:
    if stat.S_ISLNK(status.st_mode):
        return os.fsdecode(os.readlink(path))
    if not stat.S_ISREG(status.st_mode):
        return ""
    with _readable(path, 0o400), open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


@contextlib.contextmanager
def _readable(path: bytes, needed: int) -> Iterator[None]:
    """Give the owner the mode bits `needed` for a moment."""
    status = os.lstat(path)
    mode = stat.S_IMODE(status.st_mode)
    if mode & needed == needed:
        yield
        return
    os.chmod(path, mode | needed)
    try:
        yield
    finally:
        os.chmod(path, mode)


def differences(ours: dict[bytes, Seen], theirs: dict[bytes, Seen]) -> list[str]:
    """One line for each entry that is not the same, none for equal trees."""
    return [
        f"{os.fsdecode(path)}: {ours.get(path)} != {theirs.get(path)}"
        for path in sorted(ours.keys() | theirs.keys())
        if ours.get(path) != theirs.get(path)
    ]


def busybox_layer(applets: list[str], program: bytes) -> bytes:
    """A whole small system of one static program."""
    return oci.layer(
        directory("bin"),
        Entry("bin/busybox", program, mode=0o755),
        *(symlink(f"bin/{name}", "busybox") for name in applets if name != "busybox"),
        directory("etc"),
        Entry("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nguest:x:1000:1000::/:/bin/sh\n"),
        Entry("etc/group", b"root:x:0:\nguest:x:1000:\n"),
        directory("root", 0o700),
        directory("tmp", 0o1777),
        directory("dev"),
        directory("proc"),
    )


def odd_layers() -> list[bytes]:
    """Layers with all that image-spec's layer.md allows: each changes what is below it."""
    long = "/".join(["d" * 60] * 4)  # more than a plain tar header can hold
    first = [
        directory("kept"), Entry("kept/file", b"kept"), Entry("kept/changed", b"before"),
        directory("gone"), Entry("gone/a", b"a"), directory("gone/b"), Entry("gone/b/c", b"c"),
        directory("emptied"), Entry("emptied/old", b"old"), directory("emptied/sub"),
        Entry("emptied/sub/old", b"old"), Entry("top-gone", b"x"),
        directory("links"), Entry("links/one", b"one inode"), hardlink("links/two", "links/one"),
        hardlink("links/three", "links/one"), symlink("links/symbolic", "one"),
        hardlink("links/of-symbolic", "links/symbolic"), symlink("links/absolute", "/kept/file"),
        symlink("links/dangling", "../../../nowhere"),
        directory("types"), Entry("types/file-to-directory", b"f"),
        directory("types/directory-to-file"), Entry("types/directory-to-file/inside", b"i"),
        symlink("types/link-to-file", "../kept/file"), directory("types/directory-to-link"),
        Entry("types/file-to-link", b"f"),
        directory("modes"), Entry("modes/none", b"secret", mode=0),
        directory("modes/closed", 0o555),
        Entry("modes/closed/file", b"in a closed directory", mode=0o444),
        Entry("modes/setuid", b"s", mode=0o4755), Entry("modes/setgid", b"s", mode=0o2755),
        directory("modes/sticky", 0o1777), directory("modes/setgid-directory", 0o2775),
        directory("names"), Entry("names/caf\u00e9 \u732b", b"unicode"), Entry("names/ sp ace "),
        Entry("names/back\\slash", b"b"), Entry("names/new\nline", b"n"),
        Entry("names/-dash", b"d"),
        directory("usr"), directory("usr/lib"), symlink("lib", "usr/lib"),
        directory("times"), Entry("times/old", b"o", mtime=1), Entry("times/late", b"l", mtime=4e9),
        Entry("times/fraction", b"f", mtime=1_500_000_000.25),
        Entry("empty"), Entry("pipe", kind=b"6", mode=0o600),
        *(directory(long[:end]) for end in (60, 121, 182, 243)), Entry(f"{long}/deep", b"deep"),
    ]  # fmt: skip
    second = [
        whiteout("gone"), whiteout("top-gone"), Entry("emptied/new", b"new"), opaque("emptied"),
        Entry("kept/changed", b"after"), Entry("links/two", b"a file of its own"),
        directory("types/file-to-directory"), Entry("types/file-to-directory/inside", b"i"),
        Entry("types/directory-to-file", b"f"), Entry("types/link-to-file", b"no link"),
        symlink("types/directory-to-link", "/kept"), symlink("types/file-to-link", "/kept/file"),
        Entry("lib/through-a-link", b"in usr/lib"), Entry("modes/closed/added", b"later"),
    ]  # fmt: skip
    third = [
        directory("gone"), Entry("gone/again", b"again"), hardlink("links/four", "links/three"),
        whiteout("links/one"), whiteout("kept/never-was"),
        directory("kept", 0o700, mtime=1_600_000_000),
    ]  # fmt: skip
    return [oci.layer(*entries) for entries in (first, second, third)] + _random_layers()


def _random_layers(count: int = 10, seed: int = 7) -> list[bytes]:
    """Layers that add, change, link, replace and remove entries of one another."""
    source = random.Random(seed)
    layers = []
    for number in range(count):
        entries: dict[str, Entry] = {}
        files: list[str] = []
        for _ in range(60):
            parent = f"random/{source.randrange(6)}"
            name = f"{parent}/{source.randrange(12)}"
            choice = source.randrange(8)
            if name in entries:
                continue
            entries.setdefault("random", directory("random"))
            entries.setdefault(parent, directory(parent, source.choice((0o755, 0o700))))
            if choice < 4 or not files:
                content = source.randbytes(source.choice((0, 10, 5000, 70_000)))
                entries[name] = Entry(name, content, mode=source.choice((0o644, 0o755, 0o400)))
                files.append(name)
            elif choice == 4:
                entries[name] = hardlink(name, source.choice(files))
            elif choice == 5:
                entries[name] = symlink(name, source.choice(files))
            elif choice == 6 and number:
                entries[name] = whiteout(name)
            else:
                entries[name] = directory(name)
        if number % 3 == 2:
            hidden = f"random/{source.randrange(6)}"
            entries.setdefault(hidden, directory(hidden))
            entries[f"{hidden}//opaque"] = opaque(hidden)
        layers.append(oci.layer(*entries.values()))
    return layers


def small_files(count: int, layers: int = 6, seed: int = 3) -> Iterator[bytes]:
    """Layers with `count` files of 0.1 to 4 kB, a hundred to a directory."""
    source = random.Random(seed)
    for number in range(layers):
        entries = [directory(f"part{number}")]
        for index in range(number, count, layers):
            place = f"part{number}/{index // (100 * layers)}"
            if index < (index // (100 * layers)) * 100 * layers + layers:
                entries.append(directory(place))
            content = source.randbytes(source.randint(50, 2000)).hex().encode()
            entries.append(Entry(f"{place}/{index}", content))
        yield oci.layer(*entries)
