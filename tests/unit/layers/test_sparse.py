import pytest

from udocker_core.errors import IntegrityError

PIECES = ((1000, b"one"), (5_000_000, b"two!"), (5_000_010, b"three"))
SIZE = 6_000_000
DATA = b"".join(data for _, data in PIECES)


def _twelve(value):
    return b"%011o\0" % value


def _old(member):
    def table(pieces):
        return b"".join(_twelve(offset) + _twelve(len(data)) for offset, data in pieces)

    more = [(SIZE, b"")] * 4  # GNU tar writes an empty piece at the end; four fill the header
    fields = [(386, table((*PIECES, *more[:1]))), (482, b"\1"), (483, _twelve(SIZE))]
    head = member("f", "S", magic=b"ustar  \0", size=len(DATA), fields=fields)
    return head + table(more).ljust(512, b"\0") + DATA.ljust(512, b"\0")


def _pax_00(member, pax):
    pairs = [("GNU.sparse.size", str(SIZE)), ("GNU.sparse.numblocks", str(len(PIECES)))]
    for offset, data in PIECES:
        pairs += [("GNU.sparse.offset", str(offset)), ("GNU.sparse.numbytes", str(len(data)))]
    return pax(*pairs) + member("f", data=DATA)


def _pax_01(member, pax):
    numbers = ",".join(f"{offset},{len(data)}" for offset, data in PIECES)
    pairs = (("GNU.sparse.size", str(SIZE)), ("GNU.sparse.map", numbers), ("GNU.sparse.name", "f"))
    return pax(*pairs) + member("GNUSparseFile.0/f", data=DATA)


def _pax_10(member, pax, numbers=None):
    if numbers is None:
        numbers = [len(PIECES)]
        for offset, data in PIECES:
            numbers += [offset, len(data)]
    text = b"".join(b"%d\n" % number for number in numbers)
    pairs = [("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "f")]
    pairs.append(("GNU.sparse.realsize", str(SIZE)))
    return pax(*pairs) + member("GNUSparseFile.0/f", data=text.ljust(512, b"\0") + DATA)


def _content():
    content = bytearray(SIZE)
    for offset, data in PIECES:
        content[offset : offset + len(data)] = data
    return bytes(content)


@pytest.mark.parametrize("version", ["old", "0.0", "0.1", "1.0"])
def test_sparse_files_are_unpacked_with_their_holes(version, sandbox, member, pax, archive):
    make = {"old": lambda m, p: _old(m), "0.0": _pax_00, "0.1": _pax_01, "1.0": _pax_10}[version]
    summary = sandbox.unpack(archive(make(member, pax), member("after", data=b"it")))
    assert sandbox.tree == {"f": _content(), "after": b"it"}
    assert (sandbox.root / "f").stat().st_blocks * 512 < 1_000_000
    assert summary.bytes == SIZE + 2


@pytest.mark.parametrize(
    "numbers",
    [
        [1, SIZE, len(DATA)],  # ends after the file's size
        [2, 10, 6, 5, 6],  # not ascending
        [1, 0, 3],  # not all of the data
        [1, 0, 10**17],  # more than the data
        [10**9],  # too many
        [5, 1, 1],  # ends early
    ],
)
def test_wrong_maps_are_refused(numbers, sandbox, member, pax, archive):
    with pytest.raises(IntegrityError):
        sandbox.unpack(archive(_pax_10(member, pax, numbers)))
