import os

import pytest

from udocker_core.config import load
from udocker_core.errors import ConfigError


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".udocker").mkdir()
    return tmp_path


def write(path, text, mode=0o600):
    path.write_text(text)
    path.chmod(mode)


def test_each_source_is_stronger_than_the_one_before(home):
    write(home / ".udocker/udocker.conf", "timeout = 1\nctimeout = 1\nhttp_proxy = 1\ncmd = 1\n")
    (home / "store").mkdir()
    write(home / "store/udocker.conf", "ctimeout = 2\nhttp_proxy = 2\ncmd = 2\n")
    write(home / "own.conf", "http_proxy = 3\ncmd = 3\nmine = 3\n")
    environ = {"UDOCKER_DIR": str(home / "store"), "UDOCKER_CMD": "4", "UDOCKER_MINE": "4"}
    config = load({"mine": "5"}, str(home / "own.conf"), environ=environ)
    keys = ("timeout", "ctimeout", "http_proxy", "cmd", "mine")
    assert [config.text(key) for key in keys] == ["1", "2", "3", "4", "5"]
    assert config.number("verbose_level") == 3
    assert config.origins["cmd"] == "UDOCKER_CMD"
    assert config.origins["mine"] == "the command line"


def test_nothing_is_read_from_the_current_directory(home, monkeypatch):
    (home / "here").mkdir()
    monkeypatch.chdir(home / "here")
    for name in ("u.conf", "udocker.conf"):
        write(home / "here" / name, "cmd = evil\n")
    assert load({}, environ={}).text("cmd") == "bash -i"


@pytest.mark.parametrize(
    ("variable", "key"),
    [
        ("UDOCKER_DIR", "topdir"),
        ("UDOCKER_BIN", "bindir"),
        ("UDOCKER_TMP", "tmpdir"),
        ("UDOCKER_LOGLEVEL", "verbose_level"),
        ("UDOCKER_REGISTRY", "dockerio_registry_url"),
        ("UDOCKER_DEFAULT_EXECUTION_MODE", "override_default_execution_mode"),
        ("UDOCKER_USE_RUNC_EXECUTABLE", "use_runc_executable"),
    ],
)
def test_the_variables_of_udocker_1_3(variable, key):
    assert load({}, environ={variable: "7"}).text(key) == "7"


def test_the_directories_of_a_store(home):
    config = load({}, environ={"UDOCKER_LAYERS": "/elsewhere/layers"})
    assert config.topdir == str(home / ".udocker")
    assert config.directory("repos") == str(home / ".udocker/repos")
    assert config.directory("layers") == "/elsewhere/layers"
    assert load({}, environ={"UDOCKER_DIR": "/s"}).keystore == str(home / ".udocker/keystore")


def test_values_of_files_may_be_quoted_and_hold_percent_signs(home):
    write(home / ".udocker/udocker.conf", "[DEFAULT]\nCMD = 'sh -i'\nroot_path = %(x)s%\n")
    config = load({}, environ={})
    assert config.text("cmd") == "sh -i"
    assert config.text("root_path") == "%(x)s%"


@pytest.mark.parametrize(
    ("text", "value"),
    [("yes", True), ("True", True), ("1", True), ("no", False), ("False", False), ("", False),
     ("None", False), (" off ", False)],
)
def test_flags_as_people_write_them(text, value):
    assert load({"http_insecure": text}, environ={}).flag("http_insecure") is value


def test_lists_are_separated_by_blanks_or_commas():
    assert load({"x": " a, b\tc,"}, environ={}).words("x") == ("a", "b", "c")


def test_a_wrong_value_says_where_it_is(home):
    file = home / ".udocker/udocker.conf"
    write(file, "timeout = soon\nfsync = perhaps\n")
    config = load({}, environ={})
    with pytest.raises(ConfigError, match=f"timeout = 'soon' in {file} is not a whole number"):
        config.number("timeout")
    with pytest.raises(ConfigError, match=r"fsync = 'perhaps' in .* is not yes or no"):
        config.flag("fsync")


def test_a_file_that_others_can_write_is_ignored_with_a_warning(home):
    write(home / ".udocker/udocker.conf", "cmd = evil\n", 0o666)
    warnings = []
    assert load({}, "", warnings.append, {}).text("cmd") == "bash -i"
    assert len(warnings) == 1
    assert "udocker.conf is ignored" in warnings[0]


def test_the_file_that_was_asked_for_must_exist(home):
    with pytest.raises(ConfigError, match="no such configuration file: /nowhere"):
        load({}, "/nowhere", environ={})


def test_a_file_that_is_no_configuration_is_named(home):
    write(home / ".udocker/udocker.conf", "[DEFAULT]\nnothing here\n")
    with pytest.raises(ConfigError, match="is no configuration file"):
        load({}, environ={})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_cannot_be_read_is_named(home):
    write(home / ".udocker/udocker.conf", "cmd = x\n", 0)
    with pytest.raises(ConfigError, match=r"cannot read .*: Permission denied"):
        load({}, environ={})
