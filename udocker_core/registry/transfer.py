"""Downloads of blobs: several at a time, continued where they broke off, verified."""

from __future__ import annotations

import contextlib
import errno
import re
import threading
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from types import TracebackType
from typing import NamedTuple

import requests

from udocker_core.digest import Digest
from udocker_core.errors import IntegrityError, RegistryError, StoreError, UdockerError
from udocker_core.manifest import Descriptor
from udocker_core.names import Reference
from udocker_core.registry.client import Client
from udocker_core.registry.partial import Follower, PartialFile
from udocker_core.registry.progress import Progress, Silence
from udocker_core.registry.transport import TransferError, content_length

_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)")
_PATIENCE = 3  # seconds to wait for threads at the end
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_SPACE = "check the free space and the permissions of the store"
_WORTHWHILE = 1 << 20  # bytes after which a broken download counts as having made progress


class BlobTarget(NamedTuple):
    """A blob to download, and where to."""

    descriptor: Descriptor
    #: of the growing file, mode 0600. One that is there already is continued. It stays there.
    partial_path: str


class Downloads:
    """Downloads blobs with threads of its own, the first ones first.

    The first failure ends them all: everybody who waits or reads gets its error. Use it as a
    context manager, so that no thread outlives it.

    Args:
        client: whose connections to use.
        reference: an image of the repository that has the blobs.
        blobs: each digest once or several times; only the first counts.
        progress: is told what happens, from several threads.
        done: is called in a thread of the downloads when a blob is verified and on the disk, and
            may rename its file; what it raises ends the downloads.
    """

    def __init__(
        self,
        client: Client,
        reference: Reference,
        blobs: Sequence[BlobTarget],
        progress: Progress | None = None,
        done: Callable[[Digest], None] = lambda digest: None,
    ) -> None:
        self._done = done
        self._client = client
        self._reference = reference
        self._progress = progress or Silence()
        self._partials: dict[Digest, PartialFile] = {}
        for blob in blobs:
            if blob.descriptor.digest not in self._partials:
                partial = PartialFile(blob.descriptor, blob.partial_path)
                self._partials[blob.descriptor.digest] = partial
        self._lock = threading.Lock()
        self._waiting = list(reversed(self._partials.values()))
        self._responses: set[requests.Response] = set()
        self._stopped = threading.Event()
        count = min(client.settings.parallel, len(self._waiting))
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Downloads:
        """Return the downloads."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End all downloads."""
        self.close()

    def open(self, digest: Digest) -> Follower:
        """Return a reader of a blob from its first byte on, which waits for what is to come.

        It raises the error that ends the download, and must not be used after :meth:`close`.
        """
        return self._partials[digest].follow()

    def wait(self, digest: Digest) -> None:
        """Wait until a blob is at its path, verified and on the disk.

        Raises:
            IntegrityError: it does not match its digest or size; its file is gone.
            NotFound, Unauthorized, RegistryError: as :meth:`Client.blob`; what has come stays in
                the file.
            StoreError: the file cannot be written.
        """
        self._partials[digest].wait()

    def cancel(self) -> None:
        """End what is going on; the files stay as they are, to be continued another time."""
        self._abort(RegistryError(f"the download of {self._reference.familiar} was cancelled"))

    def close(self) -> None:
        """Cancel what is going on, wait for the threads and close the files."""
        self.cancel()
        deadline = time.monotonic() + _PATIENCE
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        # One that waits for a dead server to answer keeps the files open; it writes nothing more.
        if not any(thread.is_alive() for thread in self._threads):
            for partial in self._partials.values():
                partial.close()

    def _work(self) -> None:
        """Download one blob after the other."""
        while not self._stopped.is_set():
            with self._lock:
                if not self._waiting:
                    return
                partial = self._waiting.pop()
            try:
                self._download(partial)
            except OSError as error:
                if error.errno in _DISK_FULL:
                    self._discard_all()
                reason = error.strerror or type(error).__name__
                self._abort(StoreError(f"cannot write {partial.path}: {reason}", _SPACE))
            except Exception as error:  # a reader must not wait for ever, whatever it is
                self._abort(error)

    def _discard_all(self) -> None:
        """Give back the space of what cannot be continued: a full disk must not stay full."""
        for partial in self._partials.values():
            if not partial.complete:
                with contextlib.suppress(OSError):  # not there yet
                    partial.discard()

    def _abort(self, error: Exception) -> None:
        with self._lock:
            self._stopped.set()
            self._waiting.clear()
            responses = list(self._responses)
        for partial in self._partials.values():
            partial.fail(error)
        for response in responses:
            # It may just have ended by itself.
            with contextlib.suppress(OSError, ValueError, RuntimeError):
                response.raw.shutdown()

    def _download(self, partial: PartialFile) -> None:
        descriptor = partial.descriptor
        partial.open()
        self._progress.started(descriptor, partial.count)
        try:
            self._fetch(partial)
            if not partial.verify(self._done) and partial.resumed and not partial.followed:
                partial.restart()  # what an earlier download left was damaged
                self._progress.note(f"{descriptor.digest} was damaged; downloading it again")
                self._fetch(partial)
                partial.verify(self._done)
            if not partial.complete:
                raise IntegrityError(
                    f"{self._name(partial)} does not match its digest",
                    "the registry or something on the way to it changed the bytes",
                )
        except IntegrityError:
            partial.discard()
            raise
        self._progress.finished(descriptor)

    def _fetch(self, partial: PartialFile) -> None:
        """Append bytes until there are as many as there should be."""
        failures = 0
        while partial.count < partial.descriptor.size:
            before = partial.count
            try:
                self._stream(partial)
            except TransferError as error:
                failures = 1 if partial.count - before >= _WORTHWHILE else failures + 1
                name = self._name(partial)
                if failures >= self._client.settings.attempts:
                    raise RegistryError(
                        f"the download of {name} broke off {failures} times: {error}",
                        "try again: what has come is kept",
                    ) from None
                self._pause(
                    self._client.transport.delay(failures),
                    f"the download of {name} broke off ({error})",
                )

    def _stream(self, partial: PartialFile) -> None:
        """Append what one request brings."""
        response = self._client.blob(
            self._reference, partial.descriptor.digest, partial.count, self._pause
        )
        with self._lock:
            self._responses.add(response)
        try:
            skip = self._check_response(response, partial)
            for data in self._client.transport.chunks(response):
                if self._stopped.is_set():
                    raise TransferError("it was cancelled")
                if skip >= len(data):
                    skip -= len(data)
                    continue
                fresh = data[skip:]
                skip = 0
                partial.append(fresh)
                self._progress.advanced(partial.descriptor, len(fresh))
        finally:
            with self._lock:
                self._responses.discard(response)
            response.close()
        if partial.count < partial.descriptor.size:
            if response.status_code == HTTPStatus.OK and response.raw.chunked:
                raise self._wrong_size(partial, partial.count)
            raise TransferError("the connection was closed")

    def _check_response(self, response: requests.Response, partial: PartialFile) -> int:
        """Check what the headers say; return how many bytes of the body are here already."""
        size = partial.descriptor.size
        if response.status_code == HTTPStatus.OK:  # it starts at 0, whatever we asked for
            length = content_length(response)
            if length not in (None, size):
                raise self._wrong_size(partial, length)
            return partial.count
        text = response.headers.get("Content-Range", "")
        if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise self._wrong_size(partial, None)
        match = _CONTENT_RANGE.fullmatch(text)
        if not match or int(match[1]) != partial.count:
            raise RegistryError(
                f"{self._client.host(self._reference)} continues {self._name(partial)}"
                " at another place than asked"
            )
        if match[3] != "*" and int(match[3]) != size:
            raise self._wrong_size(partial, int(match[3]))
        return 0

    def _wrong_size(self, partial: PartialFile, found: int | None) -> UdockerError:
        has = "fewer" if found is None else str(found)
        return IntegrityError(
            f"{self._name(partial)} has {has} bytes where the manifest says"
            f" {partial.descriptor.size}"
        )

    def _name(self, partial: PartialFile) -> str:
        return f"{partial.descriptor.digest} of {self._reference.familiar}"

    def _pause(self, seconds: float, reason: str) -> None:
        self._progress.note(f"{reason}; trying again in {seconds:.0f} s")
        if self._stopped.wait(seconds):
            raise RegistryError(f"the download of {self._reference.familiar} was cancelled")
