"""Pulls that meet others, and blobs that are not whole."""

import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from udocker_core import platform
from udocker_core.errors import StoreError
from udocker_core.images.pull import Pull
from udocker_core.names import parse
from udocker_core.registry.client import Client
from udocker_core.registry.progress import Silence
from udocker_core.registry.settings import ClientSettings
from udocker_core.testing.images import ImageBuilder, push

pytest_plugins = ["udocker_core.testing.fixtures"]


@pytest.fixture
def image(registry):
    builder = ImageBuilder()
    for number in range(4):
        builder.add_layer({f"file{number}": os.urandom(1000)}, "")
    built = builder.build()
    push(registry, "x", "1", built)
    return built


@pytest.fixture
def start(image_store, registry, tmp_path, monkeypatch):
    """Make a pull of the image, and with it its client."""
    monkeypatch.setenv("HOME", str(tmp_path))
    clients = []

    def new(progress=None):
        clients.append(Client(ClientSettings()).__enter__())
        reference = parse(f"{registry.host}/x:1")
        return Pull(image_store, clients[-1], reference, platform.host(), progress or Silence())

    yield new
    for client in clients:
        client.__exit__(None, None, None)


class Waiting(Silence):
    """Tells when the pull begins to wait for another udocker."""

    def __init__(self):
        self.begun = threading.Event()

    def note(self, text):
        """Note that it waits."""
        if text.startswith("waiting for another udocker"):
            self.begun.set()


def taken(store, digests):
    """The locks of another udocker that downloads these blobs."""
    store.prepare()
    locks = [store.download_lock(digest, 0) for digest in digests]
    assert all(lock.acquire() for lock in locks)
    return locks


def release(locks):
    for lock in locks:
        lock.release()


def read_all(pull):
    """Read the layers as an unpacking does, then list the image."""
    data = []
    for layer in pull.layers():
        with layer.open() as file:
            data.append(file.read())
    return data, pull.finish().name


def bytes_of(store, image):
    found = {}
    for digest in image.blobs:
        with open(store.blob(digest), "rb") as file:
            found[digest] = file.read()
    return found


def test_two_pulls_that_wait_for_each_others_blobs(image_store, registry, image, start):
    """Each has claimed blobs that the other needs, and gives them back as soon as they are here."""
    locks = taken(image_store, list(image.blobs)[::2])
    with start() as first:
        release(locks)  # the second takes these
        with start() as second:
            pool = ThreadPoolExecutor(2)
            results = [pool.submit(read_all, pull) for pull in (first, second)]
            try:
                read = ([layer.blob for layer in image.layers], f"{registry.host}/x:1")
                assert [result.result(10) for result in results] == [read, read]
            finally:
                pool.shutdown(wait=False)
            release(taken(image_store, image.blobs))
    counts = Counter(request.path for request in registry.blob_requests())
    assert sorted(counts.values()) == [1] * len(image.blobs)
    assert set(os.listdir(image_store.layers)) == set(image.blobs)


def test_what_another_gives_up_is_downloaded(image_store, image, start):
    progress = Waiting()
    locks = taken(image_store, list(image.blobs)[-1:])
    with start(progress) as pull:
        threading.Thread(target=lambda: progress.begun.wait(10) and release(locks)).start()
        pull.finish()
    assert progress.begun.is_set()
    assert bytes_of(image_store, image) == image.blobs


def test_waiting_for_another_ends_with_the_pull(image_store, image, start):
    """As when the unpacking fails, while a thread waits to read the next layer."""
    progress = Waiting()
    locks = taken(image_store, list(image.blobs)[-1:])
    with ThreadPoolExecutor(1) as pool:
        with start(progress) as pull:
            reading = pool.submit(pull.layers()[-1].open)
            assert progress.begun.wait(10)
        try:
            with pytest.raises(StoreError, match="another udocker still downloads sha256:"):
                reading.result(5)
        finally:
            release(locks)


def test_a_part_under_the_name_of_a_blob_is_downloaded_again(image_store, image, start):
    """As udocker 1.3 may have left it."""
    image_store.prepare()
    for digest, data in image.blobs.items():
        with open(image_store.blob(digest), "wb") as file:
            file.write(data[:-1])
    with start() as pull:
        pull.finish()
    assert bytes_of(image_store, image) == image.blobs
