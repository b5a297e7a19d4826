"""A blob on its way: a file that grows, and readers that follow it."""

from __future__ import annotations

import io
import os
import stat
import threading
from collections.abc import Callable
from typing import Any

from udocker_core import files
from udocker_core.digest import Digest
from udocker_core.errors import IntegrityError, StoreError
from udocker_core.manifest import Descriptor

_CHUNK = 256 << 10


class PartialFile:
    """The file that a blob is written to, with the state of its digest.

    One thread calls :meth:`open`, :meth:`append` and :meth:`verify`; any number follow.

    Args:
        descriptor: of the blob.
        path: of the file, which may be there from an earlier download.
    """

    def __init__(self, descriptor: Descriptor, path: str) -> None:
        self.descriptor = descriptor
        self.path = path
        self.count = 0  #: bytes that are here
        self.resumed = 0  #: of these, from an earlier download
        self.followed = False  #: somebody reads it
        self.error: Exception | None = None
        self._hasher = descriptor.digest.hasher()
        self._fd = -1
        self._verified = False
        self._complete = False
        self._changed = threading.Condition()

    @property
    def complete(self) -> bool:
        """Whether the blob is here, verified and on the disk."""
        return self._complete

    def open(self) -> None:
        """Open the file, and read what an earlier download left.

        Raises:
            OSError: the file cannot be opened or read.
            StoreError: it is no regular file.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        fd = os.open(self.path, flags, 0o600)
        with self._changed:
            self._fd = fd
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise StoreError(f"{self.path} is not a regular file")
        os.fchmod(fd, 0o600)
        if found.st_size > self.descriptor.size:
            os.ftruncate(fd, 0)
            return
        while data := os.read(fd, _CHUNK):
            self._hasher.update(data)
            self._advance(len(data))
        self.resumed = self.count

    def append(self, data: bytes) -> None:
        """Write the next bytes.

        Raises:
            OSError: the file cannot be written.
            IntegrityError: the blob is larger than it should be.
        """
        if self.count + len(data) > self.descriptor.size:
            raise IntegrityError(
                f"{self.descriptor.digest} is larger than the manifest's {self.descriptor.size}"
                " bytes"
            )
        self._hasher.update(data)
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]
        self._advance(len(data))

    def restart(self) -> None:
        """Forget all that is here."""
        os.ftruncate(self._fd, 0)
        os.lseek(self._fd, 0, os.SEEK_SET)
        with self._changed:
            self._hasher = self.descriptor.digest.hasher()
            self.count = self.resumed = 0

    def verify(self, done: Callable[[Digest], None] = lambda digest: None) -> bool:
        """Compare the whole with its digest; if it matches, bring it to the disk and call `done`.

        Raises:
            OSError: the file cannot be written.
            UdockerError: whatever `done` raised.
        """
        if not self.descriptor.digest.matches(self._hasher):
            return False
        with self._changed:
            self._verified = True
            self._changed.notify_all()
        files.sync(self._fd)
        done(self.descriptor.digest)
        with self._changed:
            self._complete = True
            self._changed.notify_all()
        return True

    def discard(self) -> None:
        """Remove the file: what is in it is of no use to a later download."""
        os.ftruncate(self._fd, 0)
        os.unlink(self.path)

    def fail(self, error: Exception) -> None:
        """End the download, and all that wait for it, with `error`."""
        with self._changed:
            if not self._complete and self.error is None:
                self.error = error
            self._changed.notify_all()

    def wait(self) -> None:
        """Wait until the blob is here, verified and on the disk, or raise the error."""
        with self._changed:
            while not self._complete and self.error is None:
                self._changed.wait()
            if self.error is not None:
                raise self.error

    def wait_for(self, offset: int) -> int:
        """Wait until there are bytes after `offset`; return the descriptor to read them from.

        Returns:
            -1 when the blob ends there and is verified.
        """
        with self._changed:
            while self.error is None:
                if offset < self.count:
                    return self._fd
                if self._verified:
                    return -1
                self._changed.wait()
            raise self.error

    def follow(self) -> Follower:
        """Return a reader of the blob from its first byte on."""
        self.followed = True
        return Follower(self)

    def close(self) -> None:
        """Close the file. Nobody may read or write it any more."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _advance(self, count: int) -> None:
        with self._changed:
            self.count += count
            self._changed.notify_all()


class Follower(io.RawIOBase):
    """Reads a blob while it arrives.

    It waits for bytes that are not here yet, raises the error that ends the download, and tells
    the end only when the whole has been verified.
    """

    def __init__(self, partial: PartialFile) -> None:
        super().__init__()
        self._partial = partial
        self._offset = 0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is here, at most the buffer's size; 0 at the end."""
        if not len(buffer):
            return 0
        fd = self._partial.wait_for(self._offset)
        if fd < 0:
            return 0
        count = os.preadv(fd, [buffer], self._offset)
        self._offset += count
        return count
