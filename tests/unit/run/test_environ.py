import pytest

from udocker_core.errors import UsageError
from udocker_core.model import Container, User
from udocker_core.run import environ

CONTAINER = Container("12345678-abcd", "/d", "/d/ROOT", ("a", "b"))
USER = User("joe", 1000, 1000, (), "/home/joe")


def build(given=(), user=USER, host_env=False, host=()):
    return environ.build(CONTAINER, user, dict(given), "/bin", "R1", host_env, dict(host))


def test_the_environment_exactly():
    host = {"TERM": "vt100", "USER": "me", "SECRET": "x", "PATH": "/host"}
    assert build({"A": " b "}, host=host) == {
        "A": " b ",
        "HOME": "/home/joe",
        "LOGNAME": "joe",
        "PATH": "/bin",
        "PS1": "12345678$ ",
        "SHLVL": "0",
        "TERM": "vt100",
        "USER": "joe",
        "USERNAME": "joe",
        "container_execmode": "R1",
        "container_names": "a,b",
        "container_root": "/d/ROOT",
        "container_ruser": "me",
        "container_uuid": "12345678-abcd",
    }


def test_what_is_given_wins():
    given = {"HOME": "/h", "PATH": "/p", "USER": "u", "TERM": "t", "container_uuid": ""}
    assert given.items() <= build(given, host={"TERM": "vt100"}).items()


def test_root_has_another_prompt():
    assert build(user=User())["PS1"] == "12345678# "


def test_the_hosts_environment_on_request():
    host = {"MINE": "1", "A": "host", "VTE_VERSION": "1", "PATH": "/host", "HOME": "/host"}
    env = build({"A": "given"}, host_env=True, host=host)
    assert (env["MINE"], env["A"], env["PATH"], env["HOME"]) == ("1", "given", "/bin", "/home/joe")
    assert "VTE_VERSION" not in env


def test_an_image_never_imports_a_host_value():
    assert environ.from_image(["A=1", "HOME", "=x", 7, "B=", "C=d=e"]) == {
        "A": "1", "B": "", "C": "d=e",
    }  # fmt: skip
    assert environ.from_image(None) == environ.from_image("A=1") == {}


def test_options_set_or_pass_variables():
    texts = ["A=1", "B", "C=", "D= x ", "E=f=g", "UNSET", "A=2"]
    assert environ.from_options(texts, {"B": "host"}) == {
        "A": "2", "B": "host", "C": "", "D": " x ", "E": "f=g",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["", "=x", "A=\0"])
def test_what_is_no_variable(text):
    with pytest.raises(UsageError, match="invalid environment variable"):
        environ.from_options([text], {})


def test_a_file_of_variables(tmp_path):
    file = tmp_path / "env"
    file.write_bytes(b"A=1\n# remark = x\n\n  B= two \nHOST\nQ=\"quoted\"\nL=\xff\nUNSET\n#C=1\n")
    assert environ.from_file(str(file), {"HOST": "h"}) == {
        "A": "1", "B": " two ", "HOST": "h", "Q": '"quoted"', "L": "\udcff",
    }  # fmt: skip


def test_a_file_with_a_bad_name_or_no_file(tmp_path):
    (tmp_path / "env").write_text("export X=1\n")
    with pytest.raises(UsageError, match="invalid variable name 'export X' in"):
        environ.from_file(str(tmp_path / "env"))
    with pytest.raises(UsageError, match="cannot read the environment file /nowhere"):
        environ.from_file("/nowhere")
