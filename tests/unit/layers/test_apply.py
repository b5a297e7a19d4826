"""What layers make of a root, and that nothing they hold reaches outside of it.

The sandbox checks after every unpacking that the host's files beside the root are untouched and
that their bytes are nowhere in the root.
"""

import os
import random
import stat

import pytest

from udocker_core.errors import IntegrityError, StoreError, UnsafeLayer
from udocker_core.layers import Limits, apply_layers, remove_tree
from udocker_core.layers.header import BLOCK_DEVICE, CHARACTER_DEVICE

NANO = 1_000_000_000


def test_modes_times_and_kinds_are_those_of_the_layer(sandbox, member, archive):
    umask = os.umask(0o077)
    try:
        summary = sandbox.unpack(
            archive(
                member("./", "5", mode=0o755, mtime=1),
                member("./d/", "5", mode=0o1777, mtime=2),
                member("d/f", data=b"x" * 1_000_000, mode=0o4755, mtime=3),
                member("d/g", mode=0o666, mtime=4),
                member("d/none", data=b"y", mode=0),
                member("d/s", "2", link="../nowhere", mtime=5),
                member("d/p", "6", mode=0o662, mtime=6),
                member("d/h", "1", link="./d/f", mode=0o600, mtime=7),
                member("implied/f"),
                member("ro/", "5", mode=0o555, mtime=8),
                member("ro/f"),
                member("null", CHARACTER_DEVICE),
                member("sda", BLOCK_DEVICE),
            )
        )
    finally:
        os.umask(umask)
    details = sandbox.details
    assert {path: (oct(found[0]), found[1] // NANO) for path, found in details.items()} == {
        "d": ("0o41777", 2),
        "d/f": ("0o104755", 3),
        "d/g": ("0o100666", 4),
        "d/none": ("0o100000", 1_600_000_000),
        "d/s": ("0o120777", 5),
        "d/p": ("0o10662", 6),
        "d/h": ("0o104755", 3),
        "implied": ("0o40755", details["implied"][1] // NANO),
        "implied/f": ("0o100644", 1_600_000_000),
        "ro": ("0o40555", 8),
        "ro/f": ("0o100644", 1_600_000_000),
    }
    assert details["d/f"][2] == 2
    assert sandbox.root.stat().st_mtime == 1
    assert summary == (13, 1_000_001, 2)


def test_a_later_layer_writes_into_what_an_earlier_one_closed(sandbox, member, archive):
    sandbox.unpack(
        archive(member("d/", "5", mode=0o555, mtime=2), member("d/e/", "5", mode=0o500, mtime=3)),
        archive(member("d/new"), member("d/e/new")),
    )
    assert sorted(sandbox.details) == ["d", "d/e", "d/e/new", "d/new"]
    for path, mode, time in (("d", 0o555, 2), ("d/e", 0o500, 3)):
        status = (sandbox.root / path).stat()
        assert (stat.S_IMODE(status.st_mode), status.st_mtime) == (mode, time)


def test_what_is_in_the_root_is_the_lowest_layer(sandbox, member, archive):
    closed = sandbox.root / "closed"
    closed.mkdir()
    (closed / "old").write_text("x")
    (sandbox.root / "gone").write_text("x")
    closed.chmod(0o500)
    os.utime(closed, (5, 5))
    sandbox.unpack(archive(member("closed/new"), member(".wh.gone")))
    assert sorted(sandbox.tree) == ["closed", "closed/new", "closed/old"]
    status = closed.stat()
    assert (stat.S_IMODE(status.st_mode), status.st_mtime) == (0o500, 5)


# -- one thing over another

THINGS = {
    "file": lambda m: [m("x", data=b"file")],
    "directory": lambda m: [m("x/", "5"), m("x/inner", data=b"inner")],
    "link to a file": lambda m: [m("x", "2", link="target")],
    "link to a directory": lambda m: [m("x", "2", link="dir")],
    "dangling link": lambda m: [m("x", "2", link="nowhere")],
    "hard link": lambda m: [m("x", "1", link="target")],
    "fifo": lambda m: [m("x", "6")],
    "device": lambda m: [m("x", "3")],
}
BASE = {"target": b"target", "dir": "/", "dir/kept": b"kept"}
SHOWN = {
    "file": {"x": b"file"},
    "directory": {"x": "/", "x/inner": b"inner"},
    "link to a file": {"x": b"-> target"},
    "link to a directory": {"x": b"-> dir"},
    "dangling link": {"x": b"-> nowhere"},
    "hard link": {"x": b"target"},
    "fifo": {"x": "|"},
    "device": {},
}


@pytest.mark.parametrize("one_layer", [True, False])
@pytest.mark.parametrize("above", THINGS)
@pytest.mark.parametrize("below", THINGS)
def test_anything_may_take_the_place_of_anything(below, above, one_layer, sandbox, member, archive):
    first = [
        member("target", data=b"target"),
        member("dir/", "5"),
        member("dir/kept", data=b"kept"),
    ]
    first += THINGS[below](member)
    second = THINGS[above](member)
    if one_layer:
        sandbox.unpack(archive(*first, *second))
    else:
        sandbox.unpack(archive(*first), archive(*second))
    assert sandbox.tree == {**BASE, **SHOWN[above]}


def test_a_file_is_never_rewritten_in_place(sandbox, member, archive):
    sandbox.unpack(
        archive(member("one", data=b"old"), member("two", "1", link="one")),
        archive(member("one", data=b"new", mode=0o600)),
    )
    assert sandbox.tree == {"one": b"new", "two": b"old"}
    assert stat.S_IMODE((sandbox.root / "two").stat().st_mode) == 0o644


def test_hard_links(sandbox, member, archive):
    sandbox.unpack(
        archive(
            member("d/f", data=b"f"),
            member("d/s", "2", link="f"),
            member("to-link", "1", link="d/s"),
            member("l", "2", link="/d"),
            member("through", "1", link="/l/f"),
            member("through", "1", link="d/f"),
            member("d/f", "1", link="d/f"),
        ),
        archive(member("across", "1", link="d/f")),
    )
    inodes = {(sandbox.root / name).lstat().st_ino for name in ("d/f", "through", "across")}
    assert len(inodes) == 1
    assert sandbox.tree["to-link"] == b"-> f"


@pytest.mark.parametrize("target", ["", "missing", "no/such", "d", ".", "d/f/x", "/"])
def test_hard_links_to_no_file_are_refused(target, sandbox, member, archive):
    with pytest.raises(IntegrityError, match="hard link"):
        sandbox.unpack(archive(member("d/f"), member("h", "1", link=target)))


def test_a_hard_link_that_takes_the_place_of_its_source(sandbox, member, archive):
    with pytest.raises(IntegrityError, match="hard link"):
        sandbox.unpack(archive(member("d/f"), member("d", "1", link="d/f")))


# -- whiteouts

LOWER = ("a", "d/x", "d/y/z", "d/y/w", "e/f")


def _lower(member):
    return [member(name, data=b"lower") for name in LOWER]


@pytest.mark.parametrize(
    ("upper", "left"),
    [
        ([".wh.a"], "d d/x d/y d/y/w d/y/z e e/f"),
        (["./.wh.a", "d/.wh.y"], "d d/x e e/f"),
        ([".wh.d", ".wh.nothing", "no/.wh.where", "a/.wh.file"], "a e e/f"),
        (["l/.wh.x", "/e/../d/.wh.y"], "a d e e/f"),
        (["d/.wh..wh..opq"], "a d e e/f"),
        (["d/.wh..wh..opq", "d/new"], "a d d/new e e/f"),
        (["d/new", "d/.wh..wh..opq"], "a d d/new e e/f"),
        (["d/y/new", "d/.wh..wh..opq"], "a d d/y d/y/new e e/f"),
        (["d/y/", "d/.wh..wh..opq", "d/q"], "a d d/q d/y e e/f"),
        (["new", ".wh..wh..opq"], "new"),
        (["a", ".wh.a"], "a d d/x d/y d/y/w d/y/z e e/f"),
        ([".wh.a", "a"], "a d d/x d/y d/y/w d/y/z e e/f"),
        (["d/y/new", ".wh.d"], "a d d/y d/y/new e e/f"),
        ([".wh.d", "d/y/new"], "a d d/y d/y/new e e/f"),
        ([".wh.l", "d/new"], "a d d/new d/x d/y d/y/w d/y/z e e/f"),
        ([".wh..wh.aufs", ".wh..wh.plnk"], "a d d/x d/y d/y/w d/y/z e e/f"),
        ([".what", ".w", "..."], "... .w .what a d d/x d/y d/y/w d/y/z e e/f"),
    ],
)
def test_whiteouts_hide_what_is_lower(upper, left, sandbox, member, archive):
    kinds = [member(name, "5" if name.endswith("/") else "0") for name in upper]
    sandbox.unpack(archive(*_lower(member), member("l", "2", link="d")), archive(*kinds))
    assert " ".join(sorted(set(sandbox.tree) - {"l"})) == left
    assert ("l" in sandbox.tree) == (".wh.l" not in upper and upper[-1] != ".wh..wh..opq")


def test_whiteouts_in_the_lowest_layer_hide_nothing_of_it(sandbox, member, archive):
    layer = [*_lower(member), member(".wh.a"), member("d/.wh..wh..opq")]
    sandbox.unpack(archive(*layer))
    assert set(LOWER) <= set(sandbox.tree)


def test_each_layer_has_its_own_whiteouts(sandbox, member, archive):
    sandbox.unpack(
        archive(member("d/one")),
        archive(member("d/two")),
        archive(member("d/three"), member("d/.wh..wh..opq"), member("d/.wh.two")),
        archive(member("d/.wh.three"), member("d/two")),
    )
    assert sorted(sandbox.tree) == ["d", "d/two"]


def test_a_name_that_returns_is_found_where_it_is_now(sandbox, member, archive):
    sandbox.unpack(
        archive(
            member("d/one"),
            member("l", "2", link="d"),
            member("l/two"),
            member("d", data=b"now a file"),
            member("l/three"),  # through the link, where a directory is wanted again
            member("l", "5"),
            member("l/four"),
        )
    )
    assert sorted(sandbox.tree) == ["d", "d/three", "l", "l/four"]


# -- reaching out


@pytest.mark.parametrize(
    "name", ["../out", "a/../../out", "/../out", "..", "a/../..", "../", "./../containers/x"]
)
@pytest.mark.parametrize("kind", "01256")
def test_names_that_climb_out_are_refused(name, kind, sandbox, member, archive):
    with pytest.raises(UnsafeLayer, match="leads out of the root"):
        sandbox.unpack(archive(member("a/f"), member(name, kind, link="a/f")))


@pytest.mark.parametrize("target", ["../x", "a/../../../etc/passwd"])
def test_link_targets_of_hard_links_that_climb_out_are_refused(target, sandbox, member, archive):
    with pytest.raises(UnsafeLayer):
        sandbox.unpack(archive(member("a/f"), member("h", "1", link=target)))


@pytest.mark.parametrize("name", [".", "./", "a/..", "", "/"])
@pytest.mark.parametrize("kind", "0126")
def test_the_root_stays_a_directory(name, kind, sandbox, member, archive):
    with pytest.raises(UnsafeLayer, match="root"):
        sandbox.unpack(archive(member("a/f"), member(name, kind, link="a/f")))


@pytest.mark.parametrize("name", [".wh.", ".wh..", ".wh...", "d/.wh...", "d/.wh..", "d/.wh./"])
def test_whiteouts_of_no_name_are_refused(name, sandbox, member, archive):
    with pytest.raises(UnsafeLayer):
        sandbox.unpack(archive(member("d/f")), archive(member(name)))


@pytest.mark.parametrize("name", ["../host/.wh.secret", "a/../../host/.wh..wh..opq"])
def test_whiteouts_that_climb_out_are_refused(name, sandbox, member, archive):
    with pytest.raises(UnsafeLayer):
        sandbox.unpack(archive(member("d/f")), archive(member(name)))


@pytest.mark.parametrize("one_layer", [True, False])
@pytest.mark.parametrize("form", ["absolute", "relative", "chain", "dotted"])
@pytest.mark.parametrize(
    "names",
    [["l/secret"], ["l/folder/new"], ["l/.wh.secret"], ["l/.wh..wh..opq"], ["l/.wh.folder"]],
)
def test_links_that_lead_out_lead_into_the_root(names, form, one_layer, sandbox, member, archive):
    host = str(sandbox.host)
    links = {
        "absolute": [member("l", "2", link=host)],
        "relative": [member("l", "2", link=sandbox.up + host[1:])],
        "chain": [
            member("up", "2", link="../" * 30),
            member("m", "2", link="up" + host),
            member("l", "2", link="m/./"),
        ],
        "dotted": [member("a/b/", "5"), member("l", "2", link="a/b/../../../" + sandbox.up + host)],
    }[form]
    members = [member(name, data=b"inside") for name in names]
    if one_layer:
        sandbox.unpack(archive(*links, *members))
    else:
        sandbox.unpack(archive(*links), archive(*members))
    if ".wh." not in names[0]:
        assert sandbox.tree[host[1:] + names[0][1:]] == b"inside"


@pytest.mark.parametrize("target", ["secret", "folder/secret"])
def test_no_hard_link_to_a_file_of_the_host(target, sandbox, member, archive):
    for link, source in (
        (str(sandbox.host), f"l/{target}"),
        ("nowhere", f"{sandbox.host}/{target}"),
    ):
        with pytest.raises(IntegrityError):
            sandbox.unpack(
                archive(member("l", "2", link=link)), archive(member("h", "1", link=source))
            )


def test_a_link_to_a_file_of_the_host_is_replaced_not_followed(sandbox, member, archive):
    secret = str(sandbox.host / "secret")
    for kind in "0256":
        sandbox.unpack(
            archive(member("s", "2", link=secret), member("h", "1", link="s")),
            archive(member("s", kind, link="x", mode=0o777), member("h", data=b"new")),
        )
        assert sandbox.tree["h"] == b"new"


@pytest.mark.parametrize("links", [{"l": "l"}, {"l": "m", "m": "l"}, {"l": "m/x", "m": "l/y"}])
def test_links_without_end_are_refused(links, sandbox, member, archive):
    loop = [member(name, "2", link=target) for name, target in links.items()]
    with pytest.raises(UnsafeLayer, match="too many symbolic links"):
        sandbox.unpack(archive(*loop, member("l/f")))


def test_forty_links_in_a_row_and_no_more(sandbox, member, archive):
    links = [member(f"l{n}", "2", link=f"l{n + 1}") for n in range(40)]
    sandbox.unpack(archive(*links, member("l0/f"), member("l40/g")))
    assert {"l40/f", "l40/g"} <= set(sandbox.tree)
    with pytest.raises(UnsafeLayer):
        sandbox.unpack(archive(*links, member("l40", "2", link="l41"), member("l0/f")))


def test_nothing_waits_for_a_fifo(sandbox, member, archive):
    fifo = member("f", "6")
    sandbox.unpack(archive(fifo), archive(member("f", data=b"x")))
    assert sandbox.tree == {"f": b"x"}
    sandbox.unpack(archive(fifo, member("f/below")), archive(fifo, member("f/.wh.x")))
    assert sandbox.tree == {"f": "|"}


# -- odd names


def test_names_are_bytes(sandbox, member, archive):
    odd = [
        b"\xff\xfe",
        b"caf\xe9/\xe9",
        b"back\\slash",
        b"c:",
        b"new\nline",
        b"\x1b[2J",
        b" ",
        b"~",
    ]
    sandbox.unpack(
        archive(*(member(name, data=name) for name in odd)), archive(member(b".wh.\xff\xfe"))
    )
    held = {os.fsencode(path) for path in sandbox.tree}
    assert held == {*odd[1:], b"caf\xe9"}


def test_deep_trees(sandbox, member, archive):
    deep = "d/" * 1200
    sandbox.unpack(
        archive(member(deep, "5", mode=0o700, mtime=9), member(deep + "f", data=b"x")),
        archive(
            member("other/f"), member(deep + "g", data=b"y"), member("h", "1", link=deep + "f")
        ),
    )
    assert (sandbox.root / "h").read_bytes() == b"x"
    sandbox.unpack(archive(member(".wh.d")))
    assert sorted(sandbox.tree) == ["h", "other", "other/f"]


def test_trees_that_are_too_deep(sandbox, member, archive):
    steps = [member("l0", "2", link=".")]
    for number in range(3):
        steps.append(member(f"l{number}/" + "d/" * 900, "5"))
        steps.append(member(f"l{number + 1}", "2", link=f"l{number}/" + "d/" * 900))
    with pytest.raises(UnsafeLayer, match="more than 2048 directories"):
        sandbox.unpack(archive(*steps))
    remove_tree(str(sandbox.root))


def test_many_directories_are_open_no_longer_than_needed(sandbox, member, archive):
    names = [f"a{n % 300}/b{n}/f" for n in range(900)]
    sandbox.unpack(
        archive(*(member(name) for name in names)),
        archive(*(member(name + "2") for name in reversed(names))),
    )
    assert {name for name in sandbox.tree if name.endswith(("f", "f2"))} == {
        *names,
        *(name + "2" for name in names),
    }


@pytest.mark.parametrize("name", ["n" * 256, "d/" + "n" * 300 + "/f"])
def test_names_that_no_file_system_takes(name, sandbox, member, archive):
    with pytest.raises(IntegrityError, match="File name too long"):
        sandbox.unpack(archive(member(name)))


@pytest.mark.parametrize("link", ["", "x" * 4096])
def test_links_that_no_file_system_takes(link, sandbox, member, archive):
    with pytest.raises(IntegrityError, match="impossible member: l"):
        sandbox.unpack(archive(member("l", "2", link=link)))


# -- limits and failures


def test_limits(sandbox, member, archive):
    layers = [archive(member("a", data=b"x" * 60)), archive(member("b", data=b"x" * 50))]
    assert sandbox.unpack(*layers, limits=Limits(2, 110)) == (2, 110, 0)
    with pytest.raises(UnsafeLayer, match="layer number 1 exceeds the limit of 109 bytes"):
        sandbox.unpack(*layers, limits=Limits(max_bytes=109))
    with pytest.raises(UnsafeLayer, match="layer number 1 exceeds the limit of 1 entries"):
        sandbox.unpack(*layers, limits=Limits(max_entries=1))


def test_no_layers(sandbox):
    assert sandbox.unpack() == (0, 0, 0)


def test_a_root_that_is_none(sandbox):
    with pytest.raises(StoreError, match=r"cannot unpack into .*/missing: No such file"):
        apply_layers([], str(sandbox.root / "missing"))


def test_a_full_disk_is_an_error(sandbox, member, archive, monkeypatch):
    write = os.write

    def full(fd, data):
        if len(data) > 1000:
            raise OSError(28, "No space left on device")
        return write(fd, data)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(
        StoreError, match="cannot unpack f of layer number 0: No space left"
    ) as seen:
        sandbox.unpack(archive(member("f", data=b"x" * 2000)))
    assert seen.value.hint


def test_short_writes_are_continued(sandbox, member, archive, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:999]))
    data = os.urandom(1_000_000)
    sandbox.unpack(archive(member("f", data=data)))
    assert sandbox.tree == {"f": data}


# -- against a model


class Model:
    """What a root is after members, by the rules alone: path -> content, "/" or b"-> target"."""

    def __init__(self):
        self.tree = {}
        self.new = set()

    def remove(self, path):
        for name in [path, *self.below(path)]:
            self.tree.pop(name, None)

    def below(self, path):
        return [name for name in self.tree if name.startswith(path + "/")]

    def resolve(self, parts, make, hops=40):
        """Return the real path of a directory, or None if there is none and none is to be made."""
        place, todo = [], list(parts)
        while todo:
            part = todo.pop(0)
            if part in ("", "."):
                continue
            if part == "..":
                place = place[:-1]
                continue
            path = "/".join([*place, part])
            held = self.tree.get(path)
            if isinstance(held, bytes) and held.startswith(b"-> "):
                hops -= 1
                if hops < 0:
                    raise UnsafeLayer("loop")
                target = held[3:].decode()
                place = [] if target.startswith("/") else place
                todo = target.split("/") + todo
                continue
            if held != "/":
                if not make:
                    return None
                self.remove(path)
                self.tree[path] = "/"
            place.append(part)
        return place

    def clean(self, name):
        parts = []
        for part in name.split("/"):
            if part == "..":
                if not parts:
                    raise UnsafeLayer("climbs")
                parts.pop()
            elif part not in ("", "."):
                parts.append(part)
        return parts

    def source(self, name):
        *head, base = self.clean(name) or [""]
        place = self.resolve(head, make=False)
        path = "/".join([*(place or []), base])
        if place is None or self.tree.get(path, "/") == "/":
            raise IntegrityError("no file")
        return path

    def apply(self, name, kind, value):
        parts = self.clean(name)
        if not parts:
            if kind != "5":
                raise UnsafeLayer("root")
            return
        *head, base = parts
        if base.startswith(".wh."):
            place = self.resolve(head, make=False)
            if place is not None:
                self.hide(place, base)
            return
        place = self.resolve(head, make=True)
        path = "/".join([*place, base])
        for end in range(1, len(place) + 2):
            self.new.add("/".join([*place, base][:end]))
        if kind == "1":
            if self.source(value) != path:
                self.remove(path)
                self.tree[path] = self.tree[self.source(value)]
        elif kind != "5":
            self.remove(path)
            self.tree[path] = value.encode() if kind == "0" else b"-> " + value.encode()
        elif self.tree.get(path) != "/":
            self.remove(path)
            self.tree[path] = "/"

    def hide(self, place, base):
        if base == ".wh..wh..opq":
            prefix = "/".join([*place, ""])
            hidden = [name for name in self.tree if name.startswith(prefix)]
        else:
            path = "/".join([*place, base[4:]])
            hidden = [name for name in [path, *self.below(path)] if name in self.tree]
        for name in hidden:
            if name not in self.new:
                self.tree.pop(name)


@pytest.mark.parametrize("seed", range(150))
def test_random_layers_against_a_model(seed, sandbox, member, archive):
    chance = random.Random(seed)
    words = ["a", "b", "c", "..", ".", "l"]
    model, layers, failure = Model(), [], None
    for _ in range(chance.randint(1, 4)):
        members = []
        model.new = set()
        for _ in range(chance.randint(1, 25)):
            name = "/".join(chance.choices(words, [9, 9, 9, 1, 1, 5], k=chance.randint(1, 4)))
            kind = chance.choice("00012555")
            value = "/".join(chance.choices("abl", k=2))
            if kind == "0":
                value = str(chance.random())
            elif kind == "2":
                value = chance.choice(["", "/", sandbox.up]) + "/".join(chance.choices(words, k=2))
            if chance.random() < 0.2:
                kind = "0"
                folder, _, _ = name.rpartition("/")
                hidden = chance.choice([".wh.a", ".wh.b", ".wh.l", ".wh..wh..opq"])
                name = f"{folder}/{hidden}" if folder else hidden
            members.append(member(name, kind, value.encode() if kind == "0" else b"", link=value))
            try:
                model.apply(name, kind, value)
            except IntegrityError as error:
                failure = type(error)
                break
        layers.append(archive(*members))
        if failure:
            break
    if failure:
        with pytest.raises(failure):
            sandbox.unpack(*layers)
    else:
        sandbox.unpack(*layers)
    assert sandbox.tree == model.tree
