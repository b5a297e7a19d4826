import gzip
import io
import os

import pytest

from udocker_core import platform
from udocker_core.errors import IntegrityError
from udocker_core.images.rootfs import import_image
from udocker_core.names import parse
from udocker_core.testing.images import tar_of

pytest_plugins = ["udocker_core.testing.fixtures"]

TEXT = b"root:x:0:0:root:/root:/bin/sh\n"
TAR = tar_of({"etc/": None, "etc/passwd": TEXT * 100})


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "f holds no files"),
        (bytes(10240), "f holds no files"),
        (TEXT, "f is truncated"),
        (TEXT * 100, "f is no tar archive"),
        (TAR[:700], "f is truncated"),
        (TAR[:2500], "f is truncated"),
        (gzip.compress(TAR)[:-20], "f is truncated"),
        (gzip.compress(TEXT * 100), "f is no tar archive"),
    ],
    ids=["empty", "zeros", "short-text", "text", "in-a-header", "in-a-file", "gzip", "gzip-text"],
)
def test_what_is_no_tar_file_is_refused(image_store, data, says):
    with pytest.raises(IntegrityError, match=says):
        import_image(image_store, io.BytesIO(data), "f", parse("x:1"), platform.host())
    assert list(image_store.tags()) == []
    assert os.listdir(image_store.layers) == []
