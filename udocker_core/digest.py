"""Content digests (OCI image-spec, descriptor.md, "Digests").

A :class:`Digest` has been checked against the grammar, so it may become part of a path or a URL.
Nothing else that calls itself a digest may.
"""

from __future__ import annotations

import re

from udocker_core.errors import InvalidReference

TYPE_CHECKING = False
if TYPE_CHECKING:
    import hashlib

_GRAMMAR = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


class Digest(str):
    """A checked digest, such as ``sha256:`` and 64 lower-case hexadecimal digits.

    It is a plain string to everything that reads it.

    Args:
        text: the digest as somebody wrote it.

    Raises:
        InvalidReference: it is not a sha256 or sha512 digest.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Digest:
        """Check `text` and make it a digest."""
        if not _GRAMMAR.fullmatch(text):
            raise InvalidReference(
                f"invalid digest {text[:160]!r}",
                "a digest is sha256: and 64 hexadecimal digits in lower case, or sha512: and 128",
            )
        return super().__new__(cls, text)

    @classmethod
    def of(cls, data: bytes, algorithm: str = "sha256") -> Digest:
        """Return the digest of `data`."""
        import hashlib

        return cls(f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}")

    @property
    def algorithm(self) -> str:
        """``sha256`` or ``sha512``."""
        return self.partition(":")[0]

    @property
    def encoded(self) -> str:
        """The hexadecimal digits."""
        return self.partition(":")[2]

    def hasher(self) -> hashlib._Hash:
        """Return a new hash object of this digest's algorithm."""
        import hashlib

        return hashlib.new(self.algorithm)

    def matches(self, hasher: hashlib._Hash) -> bool:
        """Tell whether what `hasher` was fed has this digest."""
        return hasher.hexdigest() == self.encoded
