import os

import pytest

from udocker_core.config import load
from udocker_core.errors import CommandNotFound, UsageError
from udocker_core.model import Bind, Container, Device, Port, User
from udocker_core.run.spec import RunOptions, build


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("bin", "etc", "work", "home/joe", "lib/modules"):
        (tmp_path / "root" / name).mkdir(parents=True)
    (tmp_path / "root/bin/sh").write_text("")
    (tmp_path / "root/bin/sh").chmod(0o755)
    (tmp_path / "root/etc/passwd").write_text("joe:x:7:8::/home/joe:/bin/sh\n")
    return tmp_path / "root"


def spec(root, image=None, settings=None, warn=None, **options):
    container = Container("id", str(root.parent), str(root), config={"config": image})
    config = load({"sysdirs_list": "", "cmd": "sh -i", **(settings or {})}, environ={})
    return build(container, RunOptions(**options), "X1", config, warn or [].append)


def test_an_image_describes_its_program(root):
    image = {"Cmd": ["sh", "-c"], "Env": ["A=1", "PATH=/bin"], "User": "joe", "WorkingDir": "/work"}
    made = spec(root, image)
    assert (made.root, made.argv, made.executable) == (str(root), ("sh", "-c"), "/bin/sh")
    assert (made.cwd, made.user) == ("/work", User("joe", 7, 8, (), "/home/joe", "/bin/sh"))
    assert (made.env["A"], made.env["HOME"], made.env["container_execmode"]) == (
        "1", "/home/joe", "X1",
    )  # fmt: skip
    assert made.files == ()


def test_options_win_over_the_image(root, tmp_path):
    (tmp_path / "env").write_text("A=file\nB=file\nC=file\n")
    image = {"Cmd": ["nothing"], "Env": ["A=image", "C=image", "D=image"], "User": "joe"}
    made = spec(root, image, command=("sh",), user="9:9", workdir="/etc", env=("A=option",),
                env_file=(str(tmp_path / "env"),), hostname="h", kernel="9", cpuset_cpus="0")
    assert [made.env[name] for name in "ABCD"] == ["option", "file", "file", "image"]
    assert (made.user.uid, made.cwd, made.argv) == (9, "/etc", ("sh",))
    assert (made.hostname, made.kernel, made.cpuset) == ("h", "9", "0")
    assert [file.target for file in made.files] == ["/etc/passwd", "/etc/group"]


def test_nometa_ignores_the_image(root):
    made = spec(root, {"Cmd": ["x"], "User": "joe", "Env": ["A=1"], "WorkingDir": "/work"},
                nometa=True)
    assert (made.argv, made.user.name, made.cwd) == (("sh", "-i"), "root", "/")
    assert "A" not in made.env


def test_the_old_key_of_imported_images(root):
    container = Container("id", "", str(root), config={"container_config": {"Cmd": "sh -c"}})
    made = build(container, RunOptions(), "X1", load({}, environ={}), [].append)
    assert made.argv == ("sh", "-c")


def test_the_working_directory(root, tmp_path):
    warnings = []
    assert spec(root, {"WorkingDir": "/gone"}, warn=warnings.append, user="joe").cwd == "/home/joe"
    assert warnings == ["the image's working directory does not exist: /gone"]
    assert spec(root, {}).cwd == "/"
    assert spec(root, {}, volume=(f"{tmp_path}:/vol",), workdir="/vol").cwd == "/vol"
    for wrong in ("/gone", "work", "/bin/sh"):
        with pytest.raises(UsageError, match=f"invalid working directory: {wrong}"):
            spec(root, {}, workdir=wrong)


def test_the_kernel_takes_host_names_of_64_bytes(root):
    assert spec(root, {}, hostname="é" * 32).hostname == "é" * 32
    with pytest.raises(UsageError, match="invalid host name: aé"):
        spec(root, {}, hostname="a" + "é" * 32)


def test_the_default_volumes(root, tmp_path):
    for name in ("dir", "other"):
        (tmp_path / name).mkdir()
        (root / str(tmp_path)[1:] / name).mkdir(parents=True)
    (tmp_path / "file").write_text("")
    (tmp_path / "unwanted").mkdir()
    words = [str(tmp_path / n) for n in ("dir", "file", "gone", "other", "unwanted")]
    settings = {"sysdirs_list": " ".join(["/dev", "/proc", "/sys", *words])}
    warnings = []

    def targets(**options):
        binds = spec(root, {}, settings, warnings.append, **options).binds
        return [os.path.basename(bind.target) for bind in binds]

    assert targets() == ["dir", "file", "other"]  # a directory only where the image has a place
    assert targets(nosysdirs=True) == []
    assert targets(volume=(f"{tmp_path}/other:{tmp_path}/dir",)) == ["dir", "file", "other"]
    assert targets(novol=(words[0], "/x")) == ["file", "other"]
    assert warnings == ["--novol=/x: there is no such volume"]
    assert spec(root, {}, nosysdirs=True).sysdirs is False


def test_bindhome(root):
    import pwd

    home = pwd.getpwuid(os.getuid()).pw_dir
    made = spec(root, {}, bindhome=True)
    assert made.binds == (Bind(home, home),)
    assert (made.user.home, made.env["HOME"], made.cwd) == (home, home, home)


def test_a_volume_over_passwd_replaces_the_made_up_one(root, tmp_path):
    (tmp_path / "passwd").write_text("")
    made = spec(root, {}, user="4321", volume=(f"{tmp_path}/passwd:/etc/passwd",))
    assert [file.target for file in made.files] == ["/etc/group"]


def test_devices_and_ports(root):
    made = spec(root, {}, device=("/dev/null", "/dev/zero:/dev/z", "/dev/full:/dev/f:rwm"),
                publish=("80", "81:82", "127.0.0.1:83:84/udp", "[::1]:85:86/tcp"))
    assert made.devices == (Device("/dev/null", "/dev/null"), Device("/dev/zero", "/dev/z"),
                            Device("/dev/full", "/dev/f"))
    assert made.ports == (Port(80, 80), Port(81, 82), Port(83, 84, "127.0.0.1", "udp"),
                          Port(85, 86, "::1"))


@pytest.mark.parametrize("text", ["", "x", "0", "65536", "1:", ":1", "80:81/sctp", "1:2:3:4x",
                                  "\u00b2", "9" * 5000])
def test_a_wrong_port(root, text):
    with pytest.raises(UsageError, match="invalid port"):
        spec(root, {}, publish=(text,))


@pytest.mark.parametrize("text", ["", "null", "/etc/passwd", "/dev/nothing", "/dev/null:x"])
def test_a_wrong_device(root, text):
    with pytest.raises(UsageError, match="invalid device"):
        spec(root, {}, device=(text,))


@pytest.mark.parametrize(
    "image",
    [{"Cmd": ["sh", "a\0b"]}, {"Env": ["A=\0fd:passwd\0"]}, {"Entrypoint": ["sh\0"]},
     {"User": "joe\0"}],
)
def test_an_image_with_a_nul_in_it_is_refused(root, image):
    with pytest.raises((UsageError, CommandNotFound)):
        spec(root, {"Cmd": ["sh"], **image})
    assert spec(root, {"Cmd": ["sh"], "WorkingDir": "/work\0"}).cwd == "/"


@pytest.mark.parametrize(
    "image",
    [{"Entrypoint": ["sh", "\ud800"]}, {"Cmd": "sh \ud800"}, {"Env": ["A=\ud800"]},
     {"User": "\ud800"}, {"WorkingDir": "/\ud800"}],
)
def test_halves_of_characters_in_the_image(root, image):
    setting = next(iter(image))
    with pytest.raises(UsageError, match=f"the {setting} of .* has a character that no program"):
        spec(root, image)
    assert spec(root, image, nometa=True).argv == ("sh", "-i")


def test_the_standard_streams_are_the_engines_matter(root, tmp_path):
    (tmp_path / "log").write_text("")
    log = f"{tmp_path}/log:/dev/stdout"
    streams = ("/proc/self/fd/1:/dev/stdout", "/proc/self/fd:/dev/fd")
    made = spec(root, {}, device=("/dev/stdin", "/dev/null"), volume=(*streams, log))
    assert made.devices == (Device("/dev/null", "/dev/null"),)
    assert made.binds == (Bind(f"{tmp_path}/log", "/dev/stdout"),)
