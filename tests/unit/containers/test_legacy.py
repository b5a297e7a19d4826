import os

import pytest

from udocker_core.containers import legacy, rootfs

pytest_plugins = ["udocker_core.testing.fixtures"]


@pytest.fixture
def container(container_store):
    """One that udocker 1.3 has run in an R mode."""

    def fill(made):
        os.makedirs(made.root + "/etc")
        os.symlink("/.bind_host_files/#etc#hosts", made.root + "/etc/hosts")
        os.mkdir(made.directory + "/.bind_orig_files")
        with open(made.directory + "/.bind_orig_files/#etc#hosts", "w") as file:
            file.write("original")

    return container_store.create({}, "x:1", fill)


def test_replaced_files_are_put_back(container):
    legacy.restore_bound_files(container)
    with open(container.root + "/etc/hosts") as file:
        assert file.read() == "original"
    assert not os.path.islink(container.root + "/etc/hosts")


def test_a_directory_exchanged_meanwhile_does_not_lead_out(container, tmp_path, monkeypatch):
    outside = tmp_path / "outside"
    outside.mkdir()
    os.symlink("/.bind_host_files/#etc#hosts", outside / "hosts")
    locate = rootfs.locate

    def exchanging(*arguments):
        place = locate(*arguments)
        os.rename(container.root + "/etc", container.root + "/old")
        os.symlink(outside, container.root + "/etc")
        return place

    monkeypatch.setattr(rootfs, "locate", exchanging)
    with pytest.raises(NotADirectoryError):
        legacy.restore_bound_files(container)
    assert os.path.islink(outside / "hosts")
