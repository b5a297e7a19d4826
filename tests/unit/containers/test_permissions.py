import os
import stat

import pytest

from udocker_core.containers import permissions

pytest_plugins = ["udocker_core.testing.fixtures"]


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


@pytest.fixture
def container(container_store, tmp_path):
    def fill(made):
        os.makedirs(made.root + "/closed/inner")
        for name, bits in (("plain", 0o644), ("none", 0), ("closed/inner/deep", 0o100)):
            open(f"{made.root}/{name}", "w").close()
            os.chmod(f"{made.root}/{name}", bits)
        os.symlink(tmp_path / "outside", made.root + "/link")
        os.mkfifo(made.root + "/fifo", 0)
        os.chmod(made.root + "/closed/inner", 0)
        os.chmod(made.root + "/closed", 0o511)
        os.chmod(made.root, 0o555)

    (tmp_path / "outside").mkdir(0o500)
    yield container_store.create({}, "x:1", fill)
    (tmp_path / "outside").chmod(0o700)


def test_the_owner_gets_access_to_all(container, tmp_path):
    permissions.repair(container)
    root = container.root
    expected = {"": 0o755, "plain": 0o644, "none": 0o600, "closed": 0o711, "closed/inner": 0o700,
                "closed/inner/deep": 0o700, "fifo": 0}  # fmt: skip
    assert {name: mode(f"{root}/{name}") for name in expected} == expected
    assert mode(tmp_path / "outside") == 0o500


@pytest.mark.parametrize("name", ["none", "closed"])
def test_a_link_put_in_the_place_meanwhile_is_not_followed(
    container, tmp_path, monkeypatch, name
):
    victim = os.path.join(container.root, name)
    chmod = os.chmod

    def exchanging(path, bits, **options):
        if path != container.root and not os.path.islink(victim):
            os.rename(victim, victim + ".old")
            os.symlink(tmp_path / "outside", victim)
        chmod(path, bits, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "chmod", exchanging)
        try:
            permissions.repair(container)
        except NotADirectoryError:
            assert name == "closed"
    assert os.path.islink(victim)
    assert mode(tmp_path / "outside") == 0o500
