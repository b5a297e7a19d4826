import os

import pytest

from udocker_core.containers import rootfs
from udocker_core.containers.rootfs import locate, read
from udocker_core.model import Bind


@pytest.fixture
def root(tmp_path):
    """A root beside a secret, with links of every kind."""
    (tmp_path / "secret").write_text("secret")
    top = tmp_path / "root"
    (top / "etc").mkdir(parents=True)
    (top / "usr" / "bin").mkdir(parents=True)
    (top / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    (top / "usr" / "bin" / "sh").write_text("")
    for link, target in (
        ("bin", "usr/bin"),
        ("lib", "/usr/bin"),
        ("up", "../../../../usr/bin"),
        ("out", f"../{(tmp_path / 'secret').name}"),
        ("absolute", str(tmp_path / "secret")),
        ("loop", "loop2"),
        ("loop2", "loop"),
        ("nowhere", "nothing"),
        ("deep", "bin/../bin/sh"),
        ("top", "/"),
        ("usr/here", "."),
    ):
        os.symlink(target, top / link)
    return str(top)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/", "/"),
        ("/etc/passwd", "/etc/passwd"),
        ("//etc/.//passwd", "/etc/passwd"),
        ("/etc/../etc/passwd", "/etc/passwd"),
        ("/../../etc", "/etc"),
        ("/bin/sh", "/usr/bin/sh"),
        ("/lib/sh", "/usr/bin/sh"),
        ("/up/sh", "/usr/bin/sh"),
        ("/lib/..", "/usr"),
        ("/deep", "/usr/bin/sh"),
        ("/top", "/"),
        ("/top/etc", "/etc"),
        ("/usr/here", "/usr"),
        ("/usr/here/bin/", "/usr/bin"),
        ("passwd", "/etc/passwd"),
        ("../usr", "/usr"),
        ("/loop", None),
        ("/nowhere", None),
        ("/out", None),
        ("/absolute", None),
        ("/etc/passwd/x", None),
        ("/etc/passwd/..", None),
        ("/nothing/../etc", None),
        ("/etc\0", None),
    ],
)
def test_links_are_followed_as_inside_the_root(root, path, found):
    place = locate(root, (), path, "/etc")
    assert (place and place.path) == found
    if place:
        assert os.path.realpath(place.host) == os.path.realpath(root + found)
        assert os.path.samestat(place.status, os.stat(root + found))


def test_binds_hide_what_is_below_them(root, tmp_path):
    (tmp_path / "data" / "etc").mkdir(parents=True)
    (tmp_path / "data" / "file").write_text("")
    os.symlink("/etc/passwd", tmp_path / "data" / "link")
    os.symlink("data", tmp_path / "source")
    secret = str(tmp_path / "secret")
    binds = [Bind(str(tmp_path / "source"), "/data/"), Bind(secret, "/etc/passwd")]

    def host(path):
        place = locate(root, binds, path)
        return place and os.path.realpath(place.host)

    assert host("/data/file") == str(tmp_path / "data" / "file")
    assert host("/data/etc/../file") == str(tmp_path / "data" / "file")
    assert host("/data/link") == host("/etc/passwd") == secret
    assert host("/data/../usr") == os.path.join(root, "usr")
    assert host("/data/nothing") is None


def test_only_regular_files_within_the_limit_are_read(root):
    assert read(root, "/etc/passwd").startswith(b"root:")
    assert read(root, "/etc/passwd", limit=3) is None
    for path in ("/etc", "/nothing", "/out", "/absolute", "/loop"):
        assert read(root, path) is None
    os.mkfifo(os.path.join(root, "fifo"))
    assert read(root, "/fifo") is None


def test_a_directory_exchanged_meanwhile_does_not_lead_out(root, tmp_path, monkeypatch):
    def exchanging(*arguments):
        place = locate(*arguments)
        os.rename(root + "/etc", root + "/old")
        os.symlink(tmp_path, root + "/etc")
        return place

    (tmp_path / "passwd").write_text("secret")
    monkeypatch.setattr(rootfs, "locate", exchanging)
    assert read(root, "/etc/passwd") is None
    monkeypatch.undo()
    assert read(root, "/old/passwd").startswith(b"root:")
