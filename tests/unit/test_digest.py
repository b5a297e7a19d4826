import hashlib

import pytest

from udocker_core.digest import Digest
from udocker_core.errors import InvalidReference

EMPTY = "sha256:" + hashlib.sha256().hexdigest()


def test_a_digest_is_its_text_and_parts():
    digest = Digest(EMPTY)
    assert digest == EMPTY
    assert (digest.algorithm, digest.encoded) == ("sha256", EMPTY[7:])
    assert {digest: 1}[EMPTY] == 1


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_of_and_matches_agree(algorithm):
    digest = Digest.of(b"data", algorithm)
    hasher = digest.hasher()
    hasher.update(b"da")
    assert not digest.matches(hasher)
    hasher.update(b"ta")
    assert digest.matches(hasher)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256:",
        "sha256:" + "a" * 63,
        "sha256:" + "a" * 65,
        "sha256:" + "A" * 64,
        "sha512:" + "a" * 64,
        "md5:" + "a" * 32,
        EMPTY + "\n",
        " " + EMPTY,
        "sha256:../../../../../../home/u/.profile",
        "sha256:" + "a" * 61 + "/..",
        "a" * 64,
    ],
)
def test_what_is_not_a_digest_is_refused(text):
    with pytest.raises(InvalidReference, match="invalid digest"):
        Digest(text)
