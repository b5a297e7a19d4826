"""The real command line in a home of its own: output, exit status, and what goes where."""

import json
import os
import pty
import re
import subprocess

import pytest

from udocker_core.cli import table
from udocker_core.testing.fixtures import Udocker, plain_image
from udocker_core.testing.images import (
    File,
    ImageBuilder,
    push,
    tar_of,
    write_docker_archive,
    write_oci_layout,
)

pytest_plugins = ["udocker_core.testing.fixtures"]

ID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


@pytest.fixture
def image(udocker, tmp_path):
    """An image that is in the store."""
    write_docker_archive(str(tmp_path / "image.tar"), {"plain:1": plain_image()})
    assert udocker("load", "-i", str(tmp_path / "image.tar")) == "plain:1\n"
    return "plain:1"


@pytest.fixture
def container(udocker, image):
    return udocker("create", "--name=c", image).strip()


def test_the_layouts_of_udocker_1_3(udocker, image, plain_engine):
    assert udocker("images") == "REPOSITORY\nplain:1    .\n"
    output = udocker("create", "--name=b", image)
    assert re.fullmatch(ID + "\n", output)
    identifier = output.strip()
    udocker("name", "b", "a")
    header = "CONTAINER ID" + " " * 24 + " P M NAMES" + " " * 13 + " IMAGE" + " " * 15 + "\n"
    row = f"{identifier} . W ['a', 'b']         plain:1             \n"
    assert udocker("ps") == header + row
    assert udocker("ps", "-a") == header + row
    (udocker.store / "containers" / identifier / "PROTECT").touch()
    (udocker.store / "repos" / "plain" / "1" / "PROTECT").touch()
    assert udocker("ps").splitlines()[1].startswith(f"{identifier} P W ['a', 'b'] ")
    assert udocker("images") == "REPOSITORY\nplain:1    P\n"
    assert udocker("-q", "images") == "plain:1    P\n"
    assert udocker("setup", "a").splitlines()[0] == "execmode: X1"
    assert udocker("version").startswith("version: ")


def test_more_columns(udocker, container, plain_engine):
    header, row = udocker("ps", "-m", "-s", "-p").splitlines()
    for title, text in (("P", "."), ("M", "W"), ("MOD", "X1"), ("NAMES", "['c']"),
                        ("IMAGE", "plain:1")):
        assert row[header.index(f" {title} ") + 1 :].startswith(text)
    assert re.search(r" +1 linux/\w+ ", row)
    row = udocker("ps", "-m").splitlines()[1]
    assert row == f"{container} . W X1 ['c']              plain:1             "
    first, directory, *links = udocker("images", "-l").splitlines()[1:]
    assert (first, directory) == ("plain:1    .", f" {udocker.store}/repos/plain/1")
    assert all(re.fullmatch(r"    /sha256:[0-9a-f]{64} \(0 MB\)", link) for link in links)
    assert len(links) == 3
    assert re.fullmatch(r"linux/\w+ +\. plain:1", udocker("images", "-p").splitlines()[1])


def test_inspect(udocker, container, image, plain_engine):
    assert udocker("inspect", "-p", "c") == f"{udocker.store}/containers/{container}/ROOT\n"
    text = udocker("inspect", "c")
    value = json.loads(text)
    assert text == json.dumps(value, indent=4, sort_keys=True) + "\n"
    assert value["config"]["Cmd"] == ["say", "default"]
    assert value["udocker"]["names"] == ["c"]
    assert value["udocker"]["plain"] == "X1"
    assert json.loads(udocker("inspect", image))["config"]["Cmd"] == ["say", "default"]


def test_names_and_removal(udocker, container, image):
    udocker("name", "c", "d")
    udocker("rename", "d", "e")
    udocker("rmname", "e")
    assert "['c']" in udocker("ps")
    assert udocker("-q", "rm", "-f", "c") == ""
    assert udocker.containers() == []
    udocker("rmi", image)
    assert udocker("images") == "REPOSITORY\n"
    assert os.listdir(udocker.store / "layers") == []


def test_one_of_several_cannot_be_removed(udocker, container):
    done = udocker.run("rm", "nothing", "c", "none")
    assert done.returncode == 1
    assert [line.partition(".")[0] for line in done.stderr.splitlines()] == [
        "Error: no such container: nothing", "Error: no such container: none",
    ]  # fmt: skip
    assert udocker.containers() == []


def test_load_takes_all_kinds_and_standard_input(udocker, tmp_path):
    write_oci_layout(str(tmp_path / "oci.tar"), {"quay.io/a/b:1": plain_image()})
    with open(tmp_path / "oci.tar") as file:
        assert udocker("load", stdin=file) == "quay.io/a/b:1\n"
    assert udocker("load", f"--input={tmp_path}/oci.tar", "mine:2") == "mine:2\n"
    assert udocker.images() == ["mine:2", "quay.io/a/b:1"]


def test_import_image_container_and_clone(udocker, tmp_path):
    tar = tmp_path / "root.tar"
    tar.write_bytes(tar_of({"bin/": None, "bin/x": File(b"", 0o755)}))
    udocker("import", str(tar), "mine:1")
    assert udocker.images() == ["mine:1"]
    assert "mine:1" in udocker("ps") or udocker("create", "mine:1")
    with open(tar) as file:
        udocker("import", "--tocontainer", "--name=two", "-", stdin=file)
    assert (udocker.root("two") / "bin" / "x").exists()
    tar.write_bytes(tar_of({
        "ROOT/": None, "ROOT/file": b"", "container.json": b'{"config": {"Cmd": ["z"]}}',
        "imagerepo.name": b"other:9",
    }))  # fmt: skip
    udocker("import", "--clone", "--name=three", str(tar))
    assert json.loads(udocker("inspect", "three"))["config"]["Cmd"] == ["z"]
    assert "other:9" in udocker("ps")
    udocker("import", "--mv", str(tar), "moved:1")
    assert not tar.exists()


@pytest.mark.parametrize(
    ("line", "status", "message"),
    [
        ("nonsense", 1, "invalid command: nonsense"),
        ("imagse", 1, "invalid command: imagse. Hint: did you mean images?"),
        ("--nonsense ps", 125, "no such option"),
        ("ps --nonsense", 125, "ps: no such option"),
        ("create", 125, "create: missing argument: IMAGE"),
        ("create nothing:1 --pull=never", 1, "no such image: nothing:1"),
        ("create NOTHING:1", 1, "invalid image name 'NOTHING:1'"),
        ("create --name=c plain:1", 1, "container name already exists: c"),
        ("create --name=a/b plain:1", 1, "invalid container name 'a/b'"),
        ("inspect nothing", 1, "no such container or image: nothing"),
        ("inspect -p plain:1", 1, "no such container: plain:1"),
        ("rm nothing", 1, "no such container: nothing"),
        ("rmi nothing:1", 1, "no such image: nothing:1"),
        ("rmname nothing", 1, "no such container name: nothing"),
        ("rename nothing x", 1, "no such container name: nothing"),
        ("load -i /nothing", 125, "cannot open /nothing: No such file or directory"),
        ("load -i /etc/passwd", 1, "/etc/passwd"),
        ("import /etc/passwd", 125, "import: missing argument: IMAGE"),
        ("setup --execmode=Q7 c", 125, "invalid execmode: Q7"),
        ("setup --execmode= c", 125, "setup: the execution mode is empty"),
        ("setup --execmode=S1 c", 1, "mode S1 needs an engine that is not installed"),
        ("--repo=/nothing ps", 1, "invalid udocker repository: /nothing"),
        ("--config=/nothing ps", 1, "no such configuration file: /nothing"),
        ("pull 127.0.0.1:1/x", 1, "127.0.0.1:1"),
        ("run nothing:1 --pull=never x", 125, None),
        ("run --pull=never nothing:1", 125, "no such container or image: nothing:1"),
        ("run --registry=http://127.0.0.1:1 mistyped", 125,
         "no such container or image: mistyped; pulling it failed: "),
        ("run --pull=sometimes c", 125, "invalid --pull: sometimes"),
        ("run c nothing", 127, "command not found"),
        ("run c /etc/motd", 126, "command has no execute bit: /etc/motd"),
        ("run c /etc", 126, "command is a directory: /etc"),
        ("run -v /nothing c", 125, "invalid host volume path: /nothing"),
        ("run -v /tmp:/x:ro c", 125, "mode X1 cannot make a volume read-only"),
        ("run -w /nothing c", 125, "invalid working directory: /nothing"),
        ("run -u a:b c", 125, "group not found: b"),
        ("run --cpuset-cpus=9999 c", 125, "CPUs not available: 9999"),
    ],
)
def test_errors_are_one_line_with_the_right_status(udocker, container, plain_engine, line, status,
                                                   message):
    if message is None:
        line, message = "run --nothing c", "run: no such option"
    assert message.lower() in udocker.fails(*line.split(), status=status).lower()


def test_wrong_settings_are_named(udocker):
    udocker.environment["UDOCKER_LOGLEVEL"] = "loud"
    assert "verbose_level = 'loud' in UDOCKER_LOGLEVEL" in udocker.fails("ps")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written(udocker, container, plain_engine, image):
    os.chmod(udocker.store / "containers", 0o500)
    try:
        assert str(udocker.store) in udocker.fails("create", image)
        assert udocker("run", "c") == "default\n"
    finally:
        os.chmod(udocker.store / "containers", 0o700)


def test_help_and_version_need_no_store(udocker):
    commands = re.findall(r"^  ([a-z]+) ", udocker("help").partition("Commands:")[2], re.M)
    assert commands == list(table.COMMANDS)
    assert udocker("--help") == udocker("help") == udocker()
    assert udocker("-V") == udocker("version")
    for name in commands:
        assert udocker(name, "--help").startswith(f"Usage: udocker {name} ")
    assert udocker("help", "run") == udocker("run", "--help")
    assert not udocker.store.exists()


def test_what_is_installed_is_said_offline(udocker, plain_engine):
    for command in ("install", "plugins"):
        output = udocker(command)
        assert re.search(r"^X1 +engine +udocker-plain 1.0 +available$", output, re.M)
    done = udocker.run("doctor")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^X1 +yes +nothing is needed$", done.stdout, re.M)
    reason = "mode S1 needs an engine that is not installed; pip install udocker-singularity"
    assert re.search(rf"^S1 +no +{reason}$", done.stdout, re.M)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be root")
def test_root_is_refused(udocker):
    udocker.program.remove("--allow-root")
    assert udocker.fails("ps").startswith("Error: do not run as root !")
    assert udocker("version").startswith("version: ")


def test_standard_output_and_error_are_the_programs_alone(udocker, container, plain_engine):
    bytes_ = bytes(range(256)) * 40
    done = udocker.run("run", "c", "copy", input=bytes_, text=False, errors=None)
    assert (done.returncode, done.stdout, done.stderr) == (0, bytes_, b"")


def on_a_terminal(udocker, *arguments):
    """Standard output of a command whose standard error is a terminal, and what that shows."""
    master, slave = pty.openpty()
    try:
        done = udocker.run(*arguments, capture_output=False, stdout=subprocess.PIPE, stderr=slave)
        os.set_blocking(master, False)
        try:
            shown = os.read(master, 65536).decode()
        except BlockingIOError:
            shown = ""
    finally:
        os.close(master)
        os.close(slave)
    return done.stdout, shown.replace("\r\n", "\n")


def test_the_banner_is_for_a_terminal(udocker, container, plain_engine):
    output, shown = on_a_terminal(udocker, "run", "c", "say", "hello")
    assert output == "hello\n"
    frame = "*" * 78
    assert shown == (
        f"\n {frame}\n *{'':76}*\n *{'STARTING ' + container:^76}*\n *{'':76}*\n {frame}\n"
        " executing: say\n \n"
    )
    for arguments in (("-q", "run", "c"), ("run", "--nobanner", "c")):
        assert on_a_terminal(udocker, *arguments) == ("default\n", "")


def test_progress_is_for_a_terminal(udocker, registry):
    push(registry, "x", "1", plain_image())
    output, shown = on_a_terminal(udocker, "pull", f"{registry.host}/x:1")
    assert output == ""
    assert "verified" in shown
    assert udocker("pull", f"{registry.host}/x:1") == ""


def test_a_reader_that_goes_away(udocker, image):
    process = udocker.start("help")
    process.stdout.close()
    errors = process.stderr.read()
    assert "Traceback" not in errors
    assert process.wait() in (0, 141)
    process.stderr.close()


def test_a_home_with_an_odd_name(tmp_path):
    udocker = Udocker(tmp_path / "h\u00f6me \udcff")
    write_docker_archive(str(tmp_path / "image.tar"), {"plain:1": plain_image()})
    udocker("load", "-i", str(tmp_path / "image.tar"))
    udocker("create", "--name=c", "plain:1")
    udocker.environment["LC_ALL"] = "C.UTF-8"
    assert udocker("inspect", "-p", "c").startswith(str(udocker.store))


def test_a_store_that_udocker_1_3_made(udocker, plain_engine):
    """An imported image, and a container of it that ran in mode S1."""
    repos, layers = udocker.store / "repos" / "old" / "1", udocker.store / "layers"
    repos.mkdir(parents=True)
    layers.mkdir()
    identifier = "f" * 64
    layer = tar_of({"bin/": None, "bin/say": File(b'#!/bin/sh\necho "$@"\n', 0o755)})
    config = {"config": {"Cmd": ["/bin/say", "old"]}, "os": "linux", "architecture": "amd64"}
    (layers / f"{identifier}.layer").write_bytes(layer)
    (layers / f"{identifier}.json").write_text(json.dumps(config))
    for suffix in ("layer", "json"):
        (repos / f"{identifier}.{suffix}").symlink_to(f"../../../layers/{identifier}.{suffix}")
    (repos / "ancestry").write_text(json.dumps([identifier]))
    (repos / "TAG").write_text("/x/repos/old:1")
    (repos / "v1").touch()
    assert udocker("images") == "REPOSITORY\nold:1    .\n"
    made = udocker("create", "--name=c", "old:1").strip()
    assert udocker("run", "c") == "old\n"
    (udocker.store / "containers" / made / "execmode").write_text("S1")
    assert "mode S1 needs an engine" in udocker.fails("run", "c", status=125)
    udocker("setup", "--execmode=x1", "c")
    assert udocker("run", "c", "/bin/say", "new") == "new\n"


def test_the_image_library(udocker, registry):
    """Builder, registry and command line together: whiteouts between layers."""
    builder = ImageBuilder()
    builder.add_layer({"a/": None, "a/x": b"1", "a/y": b"1", "b": b"1"})
    builder.add_layer({"a/.wh.x": b"", ".wh.b": b"", "c": b"2"}, "zstd")
    push(registry, "x", "1", builder.build())
    udocker("create", "--name=c", f"{registry.host}/x:1")
    root = udocker.root("c")
    found = sorted(str(path.relative_to(root)) for path in root.rglob("*"))
    assert found == ["a", "a/y", "c"]


def test_names_in_the_store_command_no_terminal(udocker, container):
    directory = udocker.store / "containers" / container
    (directory / "imagerepo.name").write_text("evil\x1b[2J\nfake")
    (udocker.store / "repos" / "bad\x1b[2J" / "1").mkdir(parents=True)
    (udocker.store / "repos" / "bad\x1b[2J" / "1" / "TAG").touch()
    assert r"evil\x1b[2J\nfake" in udocker("ps", "-p")
    assert r"bad\x1b[2J:1    ." in udocker("images", "-l")
    assert r"\x1b[2J" in udocker.fails("rm", "no\x1b[2J")
    for command in (("ps", "-p"), ("images", "-l", "-p")):
        assert "\x1b" not in udocker(*command)


def test_import_takes_no_digest(udocker, tmp_path):
    (tmp_path / "f").write_bytes(tar_of({"etc/": None}))
    name = f"x@sha256:{'0' * 64}"
    for options in ((), ("--tocontainer",)):
        assert "has a digest" in udocker.fails(
            "import", *options, str(tmp_path / "f"), name, status=125
        )
    assert udocker("images") == "REPOSITORY\n"


#: Commands with an output, and a container and an image to say something about.
TALKATIVE = ("version", "ps", "images", "inspect c", "create plain:1")


def test_an_output_that_is_closed(udocker, container):
    def close():
        os.close(1)

    for line in TALKATIVE:
        done = udocker.run(*line.split(), capture_output=False, stderr=subprocess.PIPE,
                           preexec_fn=close)
        assert (line, done.returncode, done.stderr) == (line, 0, "")
    assert len(udocker.containers()) == 2


def test_an_output_that_is_full(udocker, container):
    for line in TALKATIVE:
        with open("/dev/full", "w") as full:
            done = udocker.run(*line.split(), capture_output=False, stdout=full,
                               stderr=subprocess.PIPE)
        assert (line, done.returncode) == (line, 1)
        assert done.stderr == "Error: No space left on device\n"


def test_an_image_for_another_platform_is_said_once(udocker, registry, plain_engine):
    builder = ImageBuilder(platform="linux/s390x")
    builder.add_layer({"bin/": None, "bin/sh": File(b"#!/bin/sh\necho run\n", 0o755)})
    push(registry, "x", "1", builder.build())
    name = f"{registry.host}/x:1"
    for command, *rest in (("pull", name), ("create", name), ("run", "--rm", name, "sh")):
        done = udocker.run(command, "--platform=linux/riscv64", *rest)
        assert (done.returncode, done.stderr) == (
            0, "Warning: the image is for linux/s390x, not for linux/riscv64\n",
        )  # fmt: skip
        udocker(command, "--platform=linux/s390x", *rest)


def test_a_run_that_fails_leaves_no_container_and_keeps_its_hint(udocker, image, plain_engine):
    for line, status, hint in (
        (f"run --rm -w /nothing {image}", 125, "it must be absolute and exist in the container"),
        (f"run --rm -v /nothing {image}", 125, "the path must be absolute and exist on the host"),
        (f"run --rm {image} nosuch", 127, ""),
        ("run --rm --pull=never nothing:1", 125, "udocker pull nothing:1"),
    ):
        assert hint in udocker.fails(*line.split(), status=status).partition(" Hint: ")[2]
    assert udocker.containers() == []


def test_a_plan_of_an_image_leaves_no_container(udocker, image, container, plain_engine):
    assert json.loads(udocker("run", "--plan", image, "say", "x"))["argv"][1:] == ["x"]
    assert udocker.containers() == [container]
    udocker("run", "--plan", "c")
    assert udocker.containers() == [container]
