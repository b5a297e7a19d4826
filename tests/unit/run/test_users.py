import os

import pytest

from udocker_core.errors import UsageError
from udocker_core.model import User
from udocker_core.run.users import HostUser, resolve

HOST = HostUser(5000, 6000)
PASSWD = b"""root:x:0:0:root:/root:/bin/bash
joe:x:1000:100:Joe:/home/joe:/bin/zsh
1234:x:77:77::/numeric:/bin/sh
odd:x:\xc2\xb2:5::/:
huge:x:%s:5::/:
short:x:1
""" % (b"9" * 5000)
GROUP = b"root:x:0:\nusers:x:100:\nwheel:x:10:joe,root\ndisk:x:6:joe\nbad:x:\xc2\xb2:joe\nno"


@pytest.fixture
def root(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").write_bytes(PASSWD)
    (tmp_path / "etc" / "group").write_bytes(GROUP)
    return str(tmp_path)


def found(root, request, **options):
    user, files = resolve(request, root, HOST, **options)
    return user, {file.target: file.content for file in files}


@pytest.mark.parametrize(
    ("request_", "user"),
    [
        ("", User("root", 0, 0, (10,), "/root", "/bin/bash")),
        ("root", User("root", 0, 0, (10,), "/root", "/bin/bash")),
        ("0", User("root", 0, 0, (10,), "/root", "/bin/bash")),
        ("joe", User("joe", 1000, 100, (10, 6), "/home/joe", "/bin/zsh")),
        ("1000", User("joe", 1000, 100, (10, 6), "/home/joe", "/bin/zsh")),
        ("joe:disk", User("joe", 1000, 6, (10, 6), "/home/joe", "/bin/zsh")),
        ("joe:55", User("joe", 1000, 55, (10, 6), "/home/joe", "/bin/zsh")),
        ("1234", User("1234", 77, 77, (), "/numeric", "/bin/sh")),
    ],
)
def test_users_of_the_container(root, request_, user):
    assert found(root, request_) == (user, {})


def test_a_uid_that_nobody_has(root):
    user, files = found(root, "4321:55")
    assert user == User("4321", 4321, 55, (), "/", "/bin/sh")
    assert files["/etc/passwd"] == PASSWD + b"4321:x:4321:55:udocker:/:/bin/sh\n"
    assert files["/etc/group"] == GROUP + b"\nG55:x:55:4321\n"


def test_a_name_that_nobody_has_is_the_caller(root):
    assert found(root, "\u00b2")[0].uid == HOST.uid
    user, files = found(root, "me")
    assert (user.uid, user.gid) == HOST
    assert files["/etc/passwd"].endswith(b"me:x:5000:6000:udocker:/:/bin/sh\n")


def test_containerauth_changes_no_file_and_makes_nobody_up(root):
    assert found(root, "4321", container_auth=True)[1] == {}
    with pytest.raises(UsageError, match="user not found in the container: me"):
        found(root, "me", container_auth=True)


def test_hostauth_shows_the_hosts_files(root):
    user, files = found(root, "root", host_auth=True)
    with open("/etc/passwd", "rb") as file:
        assert files["/etc/passwd"] == file.read()
    assert user.uid == 0
    with pytest.raises(UsageError, match="user not found on the host: nobodyatall"):
        found(root, "nobodyatall", host_auth=True)


def test_root_needs_no_file(tmp_path):
    user, files = found(str(tmp_path), "")
    assert user == User("root", 0, 0, (), "/root", "/bin/sh")
    assert files == {}


@pytest.mark.parametrize("text", ["a b:c:d", ":5", "a/b", "a:b:c", "4294967295", "1:4294967295",
                                  "9" * 5000])
def test_bad_syntax(root, text):
    with pytest.raises(UsageError, match=r"invalid syntax for user|group not found"):
        found(root, text)


def test_a_group_that_is_not_there(root):
    with pytest.raises(UsageError, match="group not found: nogroupatall"):
        found(root, "joe:nogroupatall")


def test_nothing_outside_the_root_is_read(tmp_path):
    top = tmp_path / "root"
    (top / "etc").mkdir(parents=True)
    (tmp_path / "passwd").write_text("evil:x:1:1::/:/bin/sh\n")
    os.symlink("../../passwd", top / "etc" / "passwd")
    os.mkdir(top / "etc" / "group")
    assert found(str(top), "evil")[0].uid == HOST.uid
