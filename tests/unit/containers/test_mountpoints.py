import os

import pytest

from udocker_core.containers import mountpoints, rootfs
from udocker_core.errors import StoreError, UsageError

pytest_plugins = ["udocker_core.testing.fixtures"]


@pytest.fixture
def container(container_store):
    def fill(made):
        os.makedirs(made.root + "/etc")
        os.makedirs(made.root + "/real")
        open(made.root + "/etc/hosts", "w").close()
        os.symlink("/real", made.root + "/link")
        os.symlink("../../../../outside", made.root + "/out")

    return container_store.create({}, "x:1", fill)


def tree(container):
    return sorted(
        os.path.relpath(os.path.join(directory, name), container.root)
        for directory, directories, files in os.walk(container.root)
        for name in directories + files
    )


def records(container):
    path = os.path.join(container.directory, ".mountpoints")
    return {name: os.readlink(os.path.join(path, name)) for name in os.listdir(path)}


def test_what_is_missing_is_made_and_recorded_as_udocker_1_3_does(container):
    wanted = {"/a/b": True, "/etc/sub/file": False, "/link/c": True}
    for _ in range(2):
        mountpoints.make(container, wanted)
    assert os.path.isdir(container.root + "/a/b")
    assert os.path.isfile(container.root + "/etc/sub/file")
    assert os.path.isdir(container.root + "/real/c")
    assert records(container) == {"#a#b": "#", "#etc#sub#file": "#etc", "#link#c": "#real"}


def test_what_is_there_is_left_alone(container):
    before = tree(container)
    mountpoints.make(container, {"/": True, "/etc": True, "/etc/hosts": False, "/link": True})
    assert tree(container) == before
    assert not os.path.exists(container.directory + "/.mountpoints")


@pytest.mark.parametrize(("path", "directory"), [("/etc", False), ("/etc/hosts", True)])
def test_kinds_must_agree(container, path, directory):
    with pytest.raises(UsageError, match=f"cannot mount a .* on a .*: {path}"):
        mountpoints.make(container, {path: directory})


def test_a_file_in_the_way_is_an_error(container):
    with pytest.raises(StoreError, match="cannot make the mount point /etc/hosts/x"):
        mountpoints.make(container, {"/etc/hosts/x": True})


def test_links_do_not_lead_out(container, tmp_path):
    before = sorted(os.listdir(container.directory))
    mountpoints.make(container, {"/out": True, "/out/x/y": True})
    assert sorted(os.listdir(container.directory)) == before
    assert not os.path.lexists(tmp_path / "outside")


def test_what_is_still_empty_is_removed(container):
    before = tree(container)
    mountpoints.make(container, {"/a/b": True, "/etc/sub/file": False})
    mountpoints.purge(container)
    assert tree(container) == before
    assert records(container) == {}


def test_what_is_filled_meanwhile_is_kept(container, monkeypatch):
    mountpoints.make(container, {"/etc/file": False})
    locate = rootfs.locate

    def filling(root, binds, path):
        place = locate(root, binds, path)
        if path == "/etc/file":
            with open(root + path, "w") as file:
                file.write("x")
        return place

    monkeypatch.setattr(rootfs, "locate", filling)
    mountpoints.purge(container)
    assert "etc/file" in tree(container)


@pytest.mark.parametrize("umask", [0o077, 0])
def test_modes_do_not_depend_on_the_umask(container, umask):
    before = os.umask(umask)
    try:
        mountpoints.make(container, {"/a/b": True, "/c/file": False})
    finally:
        os.umask(before)
    modes = {"a": 0o755, "a/b": 0o755, "c": 0o755, "c/file": 0o644}
    found = {path: os.stat(f"{container.root}/{path}").st_mode & 0o777 for path in modes}
    assert found == modes
