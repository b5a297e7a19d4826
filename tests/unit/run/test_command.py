import os

import pytest

from udocker_core.errors import CommandNotExecutable, CommandNotFound
from udocker_core.model import Bind
from udocker_core.run.command import choose, executable

IMAGE = {"Entrypoint": ["/e", "-x"], "Cmd": ["c", "d"]}


@pytest.mark.parametrize(
    ("config", "entrypoint", "arguments", "argv"),
    [
        (IMAGE, None, [], "/e -x c d"),
        (IMAGE, None, ["a"], "/e -x a"),
        (IMAGE, "", [], "bash -i"),
        (IMAGE, "", ["a"], "a"),
        (IMAGE, "/f -y", [], "/f -y"),
        (IMAGE, "/f", ["a"], "/f a"),
        ({"Cmd": "sh -c"}, None, [], "sh -c"),
        ({"Entrypoint": "e 1", "Cmd": ["c", 5]}, None, [], "e 1 c"),
        ({"Cmd": None, "Entrypoint": None}, None, [], "bash -i"),
        ({}, None, ["a", "", "b c"], None),
    ],
)
def test_dockers_rules(config, entrypoint, arguments, argv):
    expected = tuple(argv.split()) if argv else ("a", "", "b c")
    assert choose(config, entrypoint, arguments, ["bash", "-i"]) == expected


@pytest.fixture
def root(tmp_path):
    for path, mode in (
        ("root/bin/sh", 0o755), ("root/bin/data", 0o644), ("root/opt/bin/sh", 0o711),
        ("root/opt/bin/data", 0o755), ("root/job/run", 0o755), ("host/tool", 0o755),
    ):  # fmt: skip
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
        file.chmod(mode)
    os.symlink("/bin/sh", tmp_path / "root/bin/link")
    os.symlink(str(tmp_path / "host/tool"), tmp_path / "root/bin/out")
    return str(tmp_path / "root")


@pytest.mark.parametrize(
    ("name", "path", "found"),
    [
        ("sh", "/bin:/opt/bin", "/bin/sh"),
        ("sh", "/none:/opt/bin:/bin", "/opt/bin/sh"),
        ("data", "/bin:/opt/bin", "/opt/bin/data"),
        ("link", "/bin", "/bin/link"),
        ("tool", "/bin:/vol", "/vol/tool"),
        ("/bin/sh", "", "/bin/sh"),
        ("./run", "/bin", "/job/./run"),
        ("../bin/sh", "/bin", "/job/../bin/sh"),
        ("run", "/bin::/opt", "/job/./run"),
        ("run", ".", "/job/./run"),
    ],
)
def test_the_program_is_found_as_in_the_container(root, tmp_path, name, path, found):
    binds = [Bind(str(tmp_path / "host"), "/vol")]
    assert executable(root, binds, name, path, "/job") == found


@pytest.mark.parametrize(
    ("name", "error", "text"),
    [
        ("nothing", CommandNotFound, "command not found in the container's PATH .*: nothing"),
        ("/bin/nothing", CommandNotFound, "command not found in the container: /bin/nothing"),
        ("out", CommandNotFound, "command not found"),
        ("data", CommandNotExecutable, "command has no execute bit: data"),
        ("/bin/data", CommandNotExecutable, "command has no execute bit: /bin/data"),
        ("/bin", CommandNotExecutable, "command is a directory: /bin"),
        ("", CommandNotExecutable, "command is a directory"),
    ],
)
def test_what_cannot_be_started(root, name, error, text):
    with pytest.raises(error, match=text):
        executable(root, [], name, "/bin", "/job")
