"""Manifests and blobs from a registry with faults."""

import hashlib
import os
import resource
import threading
import time

import pytest

from udocker_core import names, platform
from udocker_core.digest import Digest
from udocker_core.errors import IntegrityError, NotFound, RegistryError, StoreError
from udocker_core.manifest import DOCKER_LIST, OCI_INDEX, OCI_MANIFEST
from udocker_core.registry.client import Client
from udocker_core.registry.progress import Silence
from udocker_core.registry.settings import ClientSettings
from udocker_core.registry.transfer import BlobTarget, Downloads
from udocker_core.testing.images import ImageBuilder, descriptor, index_of, push, push_index
from udocker_core.testing.registry import ENVIRONMENT, Registry

AMD64 = platform.parse("linux/amd64")
SETTINGS = ClientSettings(backoff=0.01, read_timeout=5, connect_timeout=5)
MB = 1 << 20


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch, tmp_path):
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def registry():
    with Registry() as found:
        yield found


def make(*sizes, **options):
    """Make an image with layers of random bytes."""
    builder = ImageBuilder(**{"platform": "linux/amd64", **options})
    for size in sizes:
        builder.add_tar(os.urandom(size), "")
    return builder.build()


class Pulled:
    """What a pull of everything gives."""

    def __init__(self, registry, folder, name="x:1", settings=SETTINGS, progress=None):
        self.folder = str(folder)
        with Client(settings, progress) as client:
            reference = names.parse(f"{registry.host}/{name}")
            self.resolved = client.manifest(reference, AMD64)
            manifest = self.resolved.manifest
            self.descriptors = {item.digest: item for item in (manifest.config, *manifest.layers)}
            targets = [
                BlobTarget(item, self.path(item.digest)) for item in self.descriptors.values()
            ]
            with Downloads(client, reference, targets, progress) as downloads:
                for digest in self.descriptors:
                    downloads.wait(digest)

    def path(self, digest):
        return os.path.join(self.folder, digest)

    def blob(self, digest):
        with open(self.path(digest), "rb") as file:
            return file.read()


def check(pulled, image):
    assert {digest: pulled.blob(digest) for digest in image.blobs} == image.blobs


def test_an_image_is_pulled_with_one_request_for_each_part(registry, tmp_path):
    image = make(3 * MB, 1000, 77)
    digest = push(registry, "x", "1", image)
    pulled = Pulled(registry, tmp_path)
    check(pulled, image)
    assert pulled.resolved.manifest.digest == digest
    assert pulled.resolved.index_digest is None
    assert len(registry.requests) == 1 + len(image.blobs)


def test_an_image_is_pulled_by_digest(registry, tmp_path):
    image = make(10)
    digest = push(registry, "x", "", image)
    check(Pulled(registry, tmp_path, f"x@{digest}"), image)


def test_what_is_not_there_is_named(registry, tmp_path):
    with pytest.raises(NotFound, match=f"there is no {registry.host}/x:1"):
        Pulled(registry, tmp_path)
    image = make(10)
    registry.add_manifest("x", "1", image.manifest, image.media_type)
    with pytest.raises(NotFound, match=f"there is no sha256:.* of {registry.host}/x:1"):
        Pulled(registry, tmp_path)


def test_redirects_lead_to_the_blobs_without_credentials(registry, tmp_path):
    image = make(MB, 10)
    push(registry, "x", "1", image)
    registry.faults.auth = "bearer"
    registry.faults.redirect_blobs = True
    check(Pulled(registry, tmp_path), image)
    elsewhere = registry.blob_requests()
    assert len(elsewhere) == 3
    assert not [request for request in elsewhere if "authorization" in request.headers]


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("file:///etc/passwd", "no http or https URL"),
        ("http://169.254.169.254/latest/meta-data", "on the local network"),
        ("{url}/v2/x/blobs/{digest}", "redirects more than 10 times"),
    ],
)
def test_redirects_to_wrong_places_are_refused(registry, tmp_path, place, says):
    image = make()
    push(registry, "x", "1", image)
    digest = Digest.of(image.config)
    registry.faults.redirect_to = place.format(url=registry.url, digest=digest)
    with pytest.raises(RegistryError, match=says):
        Pulled(registry, tmp_path)


def test_retry_after_is_honoured(registry, tmp_path):
    push(registry, "x", "1", make(10))
    registry.faults.busy, registry.faults.retry_after = 2, "1"
    start = time.monotonic()
    Pulled(registry, tmp_path)
    assert 2 <= time.monotonic() - start < 6


def test_a_limit_that_stays_is_an_error(registry, tmp_path):
    push(registry, "x", "1", make(10))
    registry.faults.busy, registry.faults.retry_after = 99, "0"
    with pytest.raises(RegistryError, match="limits the number of requests: 429") as caught:
        Pulled(registry, tmp_path)
    assert "log in" in caught.value.hint
    assert len(registry.requests) == SETTINGS.attempts
    registry.faults.retry_after = "21600"  # nobody waits six hours
    with pytest.raises(RegistryError, match="429"):
        Pulled(registry, tmp_path)
    assert len(registry.requests) == SETTINGS.attempts + 1


@pytest.mark.parametrize("fault", ["broken", "reset"])
def test_a_server_that_fails_at_times_is_asked_again(registry, tmp_path, fault):
    image = make(10, 20)
    push(registry, "x", "1", image)
    setattr(registry.faults, fault, 3)
    check(Pulled(registry, tmp_path), image)


@pytest.mark.parametrize(("fault", "says"), [("broken", "answers 503"), ("reset", "cannot reach")])
def test_a_server_that_fails_always_is_an_error(registry, tmp_path, fault, says):
    setattr(registry.faults, fault, 99)
    with pytest.raises(RegistryError, match=says):
        Pulled(registry, tmp_path)
    assert len(registry.requests) == SETTINGS.attempts


def test_a_server_that_says_nothing_is_given_up(registry, tmp_path):
    registry.faults.silent = 30
    start = time.monotonic()
    settings = SETTINGS._replace(read_timeout=0.2, attempts=2)
    with pytest.raises(RegistryError, match="does not answer in time"):
        Pulled(registry, tmp_path, settings=settings)
    assert time.monotonic() - start < 5


def test_a_trickle_counts_as_nothing(registry, tmp_path):
    push(registry, "x", "1", make(5000))
    registry.faults.delay, registry.faults.piece = 0.05, 1
    start = time.monotonic()
    settings = SETTINGS._replace(read_timeout=0.3, attempts=2)
    with pytest.raises(RegistryError, match="broke off 2 times: it became too slow"):
        Pulled(registry, tmp_path, settings=settings)
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("chunked", [False, True])
def test_a_broken_download_is_continued(registry, tmp_path, chunked):
    image = make(3 * MB)
    push(registry, "x", "1", image)
    registry.faults.cut_after, registry.faults.cuts, registry.faults.chunked = MB, 1, chunked
    registry.add_blob(image.config)
    with Client(SETTINGS) as client:
        reference = names.parse(f"{registry.host}/x:1")
        (layer,) = client.manifest(reference, AMD64).manifest.layers
        target = BlobTarget(layer, str(tmp_path / "blob"))
        with Downloads(client, reference, [target]) as downloads:
            downloads.wait(layer.digest)
    assert (tmp_path / "blob").read_bytes() == image.layers[0].blob
    ranges = [request.headers.get("range") for request in registry.blob_requests()]
    assert ranges == [None, f"bytes={MB}-"]


def test_a_download_is_continued_by_the_next_run(registry, tmp_path):
    image = make(3 * MB)
    push(registry, "x", "1", image)
    blob = image.layers[0].blob
    (tmp_path / Digest.of(blob)).write_bytes(blob[: 2 * MB])
    check(Pulled(registry, tmp_path), image)
    assert f"bytes={2 * MB}-" in [item.headers.get("range") for item in registry.requests]


def test_what_is_complete_is_not_asked_for_again(registry, tmp_path):
    image = make(MB)
    push(registry, "x", "1", image)
    Pulled(registry, tmp_path)
    registry.requests.clear()
    check(Pulled(registry, tmp_path), image)
    assert len(registry.requests) == 1


def test_a_server_without_ranges_is_read_again_from_the_start(registry, tmp_path):
    image = make(3 * MB)
    push(registry, "x", "1", image)
    registry.faults.ignore_range = True
    registry.faults.cut_after, registry.faults.cuts = MB, 3
    check(Pulled(registry, tmp_path), image)


def test_damage_of_an_earlier_download_is_repaired(registry, tmp_path):
    image = make(3 * MB)
    push(registry, "x", "1", image)
    (tmp_path / Digest.of(image.layers[0].blob)).write_bytes(b"x" * MB)
    check(Pulled(registry, tmp_path), image)


def test_a_download_that_breaks_always_is_an_error_and_kept(registry, tmp_path):
    image = make(3 * MB)
    push(registry, "x", "1", image)
    registry.faults.cut_after, registry.faults.cuts = 1000, 999
    with pytest.raises(RegistryError, match="broke off 5 times") as caught:
        Pulled(registry, tmp_path)
    assert "kept" in caught.value.hint
    assert os.path.getsize(tmp_path / Digest.of(image.layers[0].blob)) == 5000


def test_a_blob_continued_at_another_place_is_refused(registry, tmp_path):
    push(registry, "x", "1", make(MB))
    registry.faults.cut_after, registry.faults.wrong_range = 1000, 7
    with pytest.raises(RegistryError, match="at another place than asked"):
        Pulled(registry, tmp_path)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("data", [b"EVIL" * 250, b"short", b"long" * 1000])
def test_wrong_bytes_are_refused_and_not_kept(registry, tmp_path, data, chunked):
    image = make(1000)
    push(registry, "x", "1", image)
    digest = Digest.of(image.layers[0].blob)
    registry.add_blob(data, digest)
    registry.faults.chunked = chunked
    with pytest.raises(IntegrityError, match=f"{digest}"):
        Pulled(registry, tmp_path)
    assert not (tmp_path / digest).exists()


def test_a_digest_that_is_a_path_is_refused_without_a_request(registry, tmp_path):
    image = make(10)
    layer = descriptor(b"x", "application/vnd.oci.image.layer.v1.tar")
    layer["digest"] = "sha256:../../../../tmp/evil"
    raw = image.manifest.replace(Digest.of(image.layers[0].blob).encode(), layer["digest"].encode())
    registry.add_manifest("x", "1", raw, OCI_MANIFEST)
    with pytest.raises(IntegrityError, match="invalid digest"):
        Pulled(registry, tmp_path)
    assert len(registry.requests) == 1


def test_a_manifest_that_is_not_its_digest_is_refused(registry, tmp_path):
    good, evil = make(10), make(20)
    push(registry, "x", "1", evil)
    registry.add_manifest("x", good.digest, evil.manifest, evil.media_type)
    registry.faults.digest_header = good.digest
    with pytest.raises(IntegrityError, match="has the digest"):
        Pulled(registry, tmp_path, f"x@{good.digest}")
    with pytest.raises(IntegrityError, match="does not match the digest that the registry sent"):
        Pulled(registry, tmp_path, "x:1")


def test_a_huge_manifest_is_refused_in_little_memory(registry, tmp_path):
    registry.add_manifest("x", "1", b" " * (64 * MB), OCI_MANIFEST)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(IntegrityError, match="larger than"):
        Pulled(registry, tmp_path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000  # KiB


def test_an_index_leads_to_the_platforms_image(registry, tmp_path):
    images = [make(10, platform="linux/arm64"), make(20)]
    digest = push_index(registry, "x", "1", images)
    pulled = Pulled(registry, tmp_path)
    check(pulled, images[1])
    assert pulled.resolved.index_digest == digest
    assert pulled.resolved.manifest.digest == images[1].digest


def test_an_index_without_the_platform_is_an_error(registry, tmp_path):
    push_index(registry, "x", "1", [make(platform="linux/s390x")])
    with pytest.raises(NotFound, match="no image for the platform linux/amd64") as caught:
        Pulled(registry, tmp_path)
    assert "linux/s390x" in caught.value.hint


def nested(registry, raw):
    registry.add_manifest("x", "", raw, OCI_INDEX)
    return descriptor(raw, OCI_INDEX)


def test_indexes_in_indexes_are_looked_through(registry, tmp_path):
    arm, amd = make(10, platform="linux/arm64"), make(20, docker=True)
    for image in (arm, amd):
        push(registry, "x", "", image)
    entries = [
        descriptor(b"{}", "application/vnd.in-toto+json"),
        nested(registry, index_of([arm])),
        nested(registry, index_of([], [nested(registry, index_of([amd]))])),
    ]
    registry.add_manifest("x", "1", index_of([], entries), OCI_INDEX)
    check(Pulled(registry, tmp_path), amd)


def test_endless_indexes_are_refused(registry, tmp_path):
    raw = index_of([make()])
    for _ in range(5):
        raw = index_of([], [nested(registry, raw)])
    registry.add_manifest("x", "1", raw, OCI_INDEX)
    with pytest.raises(IntegrityError, match="nested too deeply"):
        Pulled(registry, tmp_path)


def test_an_index_that_lies_about_size_or_type_is_refused(registry, tmp_path):
    image = make(10)
    push(registry, "x", "", image)
    where = {"platform": {"os": "linux", "architecture": "amd64"}}
    entry = descriptor(image.manifest, OCI_MANIFEST, **where)
    registry.add_manifest("x", "1", index_of([], [{**entry, "size": 7}]), OCI_INDEX)
    with pytest.raises(IntegrityError, match="bytes where the index says 7"):
        Pulled(registry, tmp_path)
    registry.add_manifest("x", "2", index_of([], [{**entry, "mediaType": DOCKER_LIST}]), OCI_INDEX)
    with pytest.raises(IntegrityError, match="is of type"):
        Pulled(registry, tmp_path, "x:2")


def test_a_blob_is_read_while_it_arrives(registry, tmp_path):
    image = make(3 * MB)
    push(registry, "x", "1", image)
    registry.faults.delay, registry.faults.piece = 0.05, MB // 4
    with Client(SETTINGS) as client:
        reference = names.parse(f"{registry.host}/x:1")
        (layer,) = client.manifest(reference, AMD64).manifest.layers
        target = BlobTarget(layer, str(tmp_path / "blob"))
        with Downloads(client, reference, [target]) as downloads:
            reader = downloads.open(layer.digest)
            first = reader.read(1000)
            early = os.path.getsize(tmp_path / "blob") < layer.size
            hasher = hashlib.sha256(first)
            while data := reader.read(100_000):
                hasher.update(data)
            downloads.wait(layer.digest)
    assert early
    assert hasher.hexdigest() == layer.digest.encoded


def test_blobs_come_at_the_same_time(registry, tmp_path):
    image = make(*[100_000] * 4)
    push(registry, "x", "1", image)
    registry.faults.delay, registry.faults.piece = 0.05, 10_000
    start = time.monotonic()
    check(Pulled(registry, tmp_path), image)
    assert time.monotonic() - start < 1.5  # one after the other: 2


def test_the_first_blobs_come_first(registry, tmp_path):
    image = make(10, 20, 30)
    push(registry, "x", "1", image)
    Pulled(registry, tmp_path, settings=SETTINGS._replace(parallel=1))
    asked = [request.path.rpartition("/")[2] for request in registry.blob_requests()]
    assert asked == list(image.blobs)


def test_cancelling_ends_soon_and_keeps_what_has_come(registry, tmp_path):
    image = make(3 * MB)
    push(registry, "x", "1", image)
    registry.faults.delay, registry.faults.piece = 1, MB
    with Client(SETTINGS._replace(read_timeout=60)) as client:
        reference = names.parse(f"{registry.host}/x:1")
        (layer,) = client.manifest(reference, AMD64).manifest.layers
        target = BlobTarget(layer, str(tmp_path / "blob"))
        threads = threading.active_count()
        downloads = Downloads(client, reference, [target])
        reader = downloads.open(layer.digest)
        reader.read(1)
        start = time.monotonic()
        downloads.cancel()
        with pytest.raises(RegistryError, match="was cancelled"):
            downloads.wait(layer.digest)
        downloads.close()
        assert time.monotonic() - start < 1
        assert threading.active_count() <= threads + 1  # the server's own
    assert 0 < os.path.getsize(tmp_path / "blob") < 3 * MB


def test_a_place_that_cannot_be_written_is_an_error(registry, tmp_path):
    push(registry, "x", "1", make(10))
    with pytest.raises(StoreError, match=r"cannot write .*: No such file or directory"):
        Pulled(registry, tmp_path / "absent")


def test_progress_is_told(registry, tmp_path):
    class Log(Silence):
        def __init__(self):
            self.counts, self.ends, self.notes = {}, [], []

        def started(self, item, already):
            self.counts[item.digest] = already

        def advanced(self, item, count):
            self.counts[item.digest] += count

        def finished(self, item):
            self.ends.append(item.digest)

        def note(self, text):
            self.notes.append(text)

    image = make(3 * MB, 10)
    push(registry, "x", "1", image)
    registry.faults.cut_after, registry.faults.broken = MB, 1
    log = Log()
    Pulled(registry, tmp_path, progress=log)
    assert log.counts == {digest: len(blob) for digest, blob in image.blobs.items()}
    assert sorted(log.ends) == sorted(image.blobs)
    assert "answers 503 (Service Unavailable); trying again in 0 s" in log.notes[0]
    assert "broke off" in log.notes[1]
