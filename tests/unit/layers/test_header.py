import random

import pytest

from udocker_core.errors import IntegrityError
from udocker_core.layers import header
from udocker_core.layers.fields import number, shown
from udocker_core.layers.stream import Stream


def read(data, step=None):
    """Return the members of an archive, given in blocks of `step` bytes."""
    step = step or max(len(data), 1)
    blocks = (data[start : start + step] for start in range(0, len(data), step))
    return list(header.members(Stream(blocks)))


def names(data):
    return [found[1] for found in read(data)]


@pytest.mark.parametrize("step", [None, 1, 300, 512, 1000])
def test_members_in_any_block_size(member, archive, step):
    data = archive(
        member("dir/", "5", mode=0o1777),
        member("dir/file", data=b"x" * 1000, mtime=7),
        member("link", "2", link="dir/file"),
        member("end"),
    )
    time = 1_600_000_000_000_000_000
    assert read(data, step) == [
        (b"5", b"dir/", b"", 0, 0o1777, time, None),
        (b"0", b"dir/file", b"", 1000, 0o644, 7_000_000_000, None),
        (b"2", b"link", b"dir/file", 0, 0o644, time, None),
        (b"0", b"end", b"", 0, 0o644, time, None),
    ]


def test_names_of_every_format(member, pax, archive):
    long = "d/" * 1500 + "f"
    assert names(
        archive(
            member("old", magic=b""),
            member("name", prefix=b"some/where"),
            member("gnu", magic=b"ustar  \0", prefix=b"12345670123"),
            member(long),
            pax(("path", long + "2")),
            member("short"),
            member(b"\xff\xfe/\xe9"),
            member("n" * 100),
        )
    ) == [
        b"old",
        b"some/where/name",
        b"gnu",
        long.encode(),
        long.encode() + b"2",
        b"\xff\xfe/\xe9",
        b"n" * 100,
    ]


def test_pax_records_hold_for_one_member_and_global_times_for_the_rest(member, pax, archive):
    first, second, third = read(
        archive(
            pax(("mtime", "5"), ("comment", "x"), kind="g"),
            pax(("path", "one"), ("linkpath", "to"), ("mtime", "1.25")),
            member("ignored", "2", link="ignored"),
            member("two", "2", link="kept"),
            pax(("mtime", "-1.5")),
            member("three"),
        )
    )
    assert first[1:3] == (b"one", b"to")
    assert second[1:3] == (b"two", b"kept")
    assert [first[5], second[5], third[5]] == [1_250_000_000, 5_000_000_000, -1_500_000_000]


def test_pax_size_decides_where_the_next_header_is(member, pax, archive):
    # A reader that believes the header's size of 0 sees a member "smuggled" here.
    hidden = member("smuggled", data=b"evil")
    data = archive(
        pax(("size", str(len(hidden)))), member("file", data=hidden, size=0), member("z")
    )
    assert [found[1:4:2] for found in read(data)] == [(b"file", len(hidden)), (b"z", 0)]


def test_sizes_of_members_without_data_mean_nothing(member, archive):
    kinds = "123456"
    data = archive(*(member(kind, kind, link="x", size=700) for kind in kinds), member("z"))
    assert [found[3] for found in read(data)] == [0] * 7


def test_old_directories_and_contiguous_files(member, archive):
    data = archive(
        member("dir/", "\0", magic=b""), member("file", "\0", magic=b""), member("c", "7", b"data")
    )
    assert [found[0] for found in read(data)] == [b"5", b"0", b"0"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b"0000644\0", 0o644),
        (b"   644 \0", 0o644),
        (b"644\0junk", 0o644),
        (bytes(8), 0),
        (b"\x80" + bytes(9) + b"\x01\x00", 256),
        (b"\xff" * 11 + b"\xfe", -2),
        (b"\x80\0\0\0" + b"\xff" * 8, 2**64 - 1),
    ],
)
def test_numbers(field, value):
    assert number(field) == value


@pytest.mark.parametrize("field", [b"-0000644", b"0x12\0", b"1_0\0", b"8\0", b"+7\0", b"\x7fELF"])
def test_numbers_that_are_none(field):
    with pytest.raises(IntegrityError):
        number(field)


def test_a_checksum_of_signed_bytes(member, archive):
    good = member(b"\xe9t\xe9")
    unsigned = int(good[148:154], 8)
    assert names(archive(member(b"\xe9t\xe9", checksum=unsigned - 512))) == [b"\xe9t\xe9"]


def test_the_end(member, archive):
    assert names(b"") == []
    assert names(bytes(512)) == []
    assert names(member("a")) == [b"a"]
    assert names(archive(member("a")) + b"what follows the end is not read") == [b"a"]


@pytest.mark.parametrize(
    "make",
    [
        lambda m, p: b"<html>" + b"not found" * 200,
        lambda m, p: m("a")[:300],
        lambda m, p: m("a", data=b"x" * 600)[:1024],
        lambda m, p: m("a", data=b"x", size=600),
        lambda m, p: m("a") + b"\xff" * 512 + m("b"),
        lambda m, p: m("a") + bytes(512) + m("b"),
        lambda m, p: m("a", checksum=1),
        lambda m, p: m("a", fields=[(124, b"\xff" * 12)]),
        lambda m, p: m("a", fields=[(124, b"00000000-12\0")]),
        lambda m, p: m("a", fields=[(136, b"\x80" + b"\x7f" * 11)]),
        lambda m, p: m("a", "Q"),
        lambda m, p: m("x", "L", b"n" * 4097) + m("a"),
        lambda m, p: m("x", "K", b"n" * 4097) + m("a", "2"),
        lambda m, p: m("x", "L", size=2_000_000),
        lambda m, p: m("x", "L", b"name"),
        lambda m, p: p(("path", "n" * 4097)) + m("a"),
        lambda m, p: p(("path", "a\0b")) + m("a"),
        lambda m, p: p(("size", "-1")) + m("a"),
        lambda m, p: p(("size", "1e3")) + m("a"),
        lambda m, p: p(("size", "9" * 30)) + m("a"),
        lambda m, p: p(("mtime", "soon")) + m("a"),
        lambda m, p: p(("mtime", "9" * 18)) + m("a"),
        lambda m, p: p(("path", "a"), kind="g") + m("b"),
        lambda m, p: p(("size", "1"), kind="g") + m("b"),
        lambda m, p: p(("path", "a")),
    ],
)
def test_damaged_archives_are_errors_and_never_the_end(member, pax, make):
    with pytest.raises(IntegrityError):
        read(make(member, pax))


@pytest.mark.parametrize(
    "text",
    [b"5 a=b", b"99 a=b\n", b"0 a=b\n", b"-6 a=b\n", b"6 abc\n", b"5 =b\n", b"x", b"6 a=b\n\0"],
)
def test_damaged_pax_headers(member, text):
    with pytest.raises(IntegrityError, match="damaged pax header"):
        read(member("p", "x", text) + member("a"))


def test_random_damage_ends_in_an_error_or_in_members(member, pax, archive):
    good = archive(
        member("a/" * 90 + "b", data=b"x" * 700),
        pax(("path", "long"), ("size", "3")),
        member("short", data=b"abc"),
        member("s", "2", link="t"),
    )
    chance = random.Random(2)
    refused = 0
    for _ in range(2000):
        data = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            read(bytes(data[: chance.choice([len(data), chance.randrange(len(data))])]))
        except IntegrityError:
            refused += 1
    assert refused > 1000


def test_names_in_messages_are_printable():
    assert shown("é/x".encode()) == "é/x"
    assert shown(b"\x1b[31m\xff\n") == r"\x1b[31m\\xff\n"
    assert len(shown(b"n" * 5000)) == 200
