"""Engines and plugins that are not ours, found through their distributions' entry points."""

import json
import os
import signal
import time

import pytest

from udocker_core.entrypoints import ENGINES, PLUGINS
from udocker_core.testing.fixtures import PLAIN_ENGINE, plain_image, write_distribution
from udocker_core.testing.images import push, write_docker_archive

pytest_plugins = ["udocker_core.testing.fixtures"]

PLUGIN = """
from udocker_core import hookimpl
from udocker_core.model import Contribution

class Base:
    def __init__(self, settings):
        self.note = settings.get("note_file")
    def say(self, hook):
        with open(self.note, "a") as file:
            file.write(f"{type(self).__name__} {hook}\\n")
    @hookimpl
    def udocker_create(self, container, image):
        self.say(f"create {image.name} {len(image.layers)}")
        open(container.root + f"/by-{type(self).__name__}", "x").close()
    @hookimpl
    def udocker_prepare_run(self, spec):
        self.say("prepare_run")
        return Contribution(env={"GIVEN": type(self).__name__})
    @hookimpl
    def udocker_inspect(self):
        return {type(self).__name__: "was here"}

class One(Base):
    pass

class Two(Base):
    pass
"""
FILES_ENGINE = """
from udocker_core import hookimpl
from udocker_core.model import Capabilities, DataFile, LaunchPlan, file_path

class Engine:
    capabilities = Capabilities()
    def __init__(self, mode, settings):
        pass
    @hookimpl
    def udocker_run(self, spec):
        files = (DataFile("data", b"the data\\n"),)
        return LaunchPlan(("/bin/sh", "-c", 'cat "$1"; echo "$1"', "sh", file_path("data")),
                          {**spec.env, "PATH": "/bin:/usr/bin"}, files=files,
                          mount_points={"/made/for/this": True})
"""


@pytest.fixture
def container(udocker, plain_engine, tmp_path):
    write_docker_archive(str(tmp_path / "image.tar"), {"plain:1": plain_image()})
    udocker("load", "-i", str(tmp_path / "image.tar"))
    return udocker("create", "--name=c", "plain:1").strip()


@pytest.fixture
def plugins(udocker, tmp_path):
    """Two plugins that note when they are called."""
    write_distribution(udocker.packages, "udocker-notes",
                       {PLUGINS: {"one": "notes_x:One", "two": "notes_x:Two"}},
                       {"notes_x.py": PLUGIN})
    udocker.environment["UDOCKER_NOTE_FILE"] = str(tmp_path / "notes")
    return tmp_path / "notes"


@pytest.mark.parametrize(
    ("line", "output"),
    [
        ("run c", "default\n"),
        ("run c say a b", "a b\n"),
        ("run --entrypoint say c x", "x\n"),
        ("run --entrypoint=/bin/say c", "\n"),
        ("run -w /etc --entrypoint /bin/sh c", None),
    ],
)
def test_a_program_runs(udocker, container, line, output):
    if output is None:
        assert "command not found" in udocker.fails(*line.split(), status=127)
    else:
        assert udocker(*line.split()) == output


def test_run_pulls_and_creates(udocker, plain_engine, registry):
    push(registry, "x", "1", plain_image())
    name = f"{registry.host}/x:1"
    assert udocker("run", "--name=mine", name, "say", "hello") == "hello\n"
    assert udocker("run", "mine", "say", "again") == "again\n"
    assert len(udocker.containers()) == 1
    assert udocker("run", "--pull=reuse", "--name=mine", name, "say", "hi") == "hi\n"
    assert len(udocker.containers()) == 1
    assert udocker("run", "--rm", name, "say", "hi") == "hi\n"
    assert len(udocker.containers()) == 1


@pytest.mark.parametrize("option", ["--rm", "--nobanner"])
@pytest.mark.parametrize("status", [0, 1, 126, 255])
def test_the_exit_status_is_the_programs(udocker, container, option, status):
    done = udocker.run("run", option, "c", "leave", str(status))
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")
    assert bool(udocker.containers()) == (option != "--rm")


def test_rm_removes_what_could_not_be_started(udocker, container):
    assert "command not found" in udocker.fails("run", "--rm", "plain:1", "nothing", status=127)
    assert udocker.containers() == [container]


@pytest.mark.parametrize("option", ["--rm", "--nobanner"])
def test_a_signal_reaches_the_program(udocker, container, option):
    process = udocker.start("run", option, "c", "wait")
    assert process.stdout.readline() == "started\n"
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 9


def test_a_program_dies_with_udocker(udocker, container):
    process = udocker.start("run", "--rm", "c", "wait")
    assert process.stdout.readline() == "started\n"
    with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
        (program,) = map(int, file.read().split())
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 5
    while _runs(program):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _runs(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_the_environment(udocker, container):
    output = udocker("run", "-e", "A=1 2", "-e=B=", "--env=C", "c", "env")
    assert "A='1 2'" in output
    assert "B=''" in output
    assert "C=" not in output.replace("SEC=", "")
    assert f"container_uuid='{container}'" in output
    assert "container_execmode='X1'" in output


def test_setup_calls_the_engine_and_keeps_what_it_returns(udocker, container):
    root = udocker.root("c")
    udocker("setup", "--execmode=X1", "c")
    assert (root / "set-up").exists()
    settings = json.loads((root.parent / "settings.json").read_text())
    assert settings["engine"] == {"made": "/set-up"}
    udocker("setup", "--execmode=X1", "c")
    udocker("setup", "--execmode=X1", "--force", "c")
    assert (root / "set-up").exists()
    assert udocker("setup", "c").splitlines()[0] == "execmode: X1"


def test_the_plan_can_be_looked_at(udocker, container):
    plan = json.loads(udocker("run", "--plan", "c", "say", "x"))
    assert plan["argv"] == [f"{udocker.root('c')}/bin/say", "x"]


def test_files_and_mount_points_of_a_plan(udocker, container, tmp_path):
    write_distribution(udocker.packages, "udocker-files", {ENGINES: {"X9": "files_x:Engine"}},
                       {"files_x.py": FILES_ENGINE})
    udocker.environment.update(UDOCKER_DEFAULT_EXECUTION_MODE="X9", UDOCKER_TMP=str(tmp_path))
    data, path = udocker("run", "c").splitlines()
    assert data == "the data"
    assert path.startswith(f"{tmp_path}/udocker-")
    assert not os.path.lexists(os.path.dirname(path))
    assert (udocker.root("c") / "made/for/this").is_dir()


def test_plugins_take_part_when_they_are_enabled(udocker, container, plugins):
    assert udocker("run", "c") == "default\n"
    assert not plugins.exists()
    udocker.environment["UDOCKER_ENABLE_PLUGINS"] = "one,two"
    udocker("create", "--name=d", "plain:1")
    assert (udocker.root("d") / "by-One").exists()
    output = udocker("run", "d", "env")
    assert plugins.read_text().splitlines() == [
        "Two create plain:1 2", "One create plain:1 2", "Two prepare_run", "One prepare_run",
    ]  # fmt: skip
    assert "GIVEN='One'" in output
    assert "GIVEN='mine'" in udocker("run", "-e", "GIVEN=mine", "d", "env")
    section = json.loads(udocker("inspect", "d"))["udocker"]
    assert (section["One"], section["Two"], section["plain"]) == ("was here", "was here", "X1")
    assert "GIVEN" not in udocker("--no-plugins", "run", "d", "env")


def test_a_create_hook_sees_an_image_that_was_just_pulled(udocker, plain_engine, plugins, registry):
    push(registry, "x", "1", plain_image())
    udocker.environment["UDOCKER_ENABLE_PLUGINS"] = "one"
    udocker("create", f"{registry.host}/x:1")
    assert plugins.read_text() == f"One create {registry.host}/x:1 2\n"


def test_two_providers_of_a_mode(udocker, container):
    write_distribution(udocker.packages, "udocker-rival", {ENGINES: {"X1": "rival_x:Engine"}},
                       {"rival_x.py": PLAIN_ENGINE})
    message = udocker.fails("run", "c", status=125)
    assert "mode X1 is served by" in message
    assert "udocker-plain" in message
    assert "udocker-rival" in message
    listing = udocker("plugins")
    assert "conflicts with udocker-rival" in listing
    assert "conflicts with udocker-plain" in listing
    udocker.environment["UDOCKER_DISABLE_PLUGINS"] = "udocker-rival"
    assert udocker("run", "c") == "default\n"
    assert "disabled by the configuration" in udocker("plugins")


@pytest.mark.parametrize("source", ["import nothing_at_all", "syntax error", "1 / 0",
                                    "class Other: pass"])
def test_a_broken_engine_is_one_line(udocker, container, source):
    (udocker.packages / "udocker_plain.py").write_text(source + "\n")
    assert "udocker-plain 1.0 is broken: " in udocker.fails("run", "c", status=125)
    done = udocker.run("doctor")
    assert (done.returncode, done.stderr) == (1, "")
    assert "udocker-plain 1.0 is broken: " in done.stdout
    section = json.loads(udocker("inspect", "c"))["udocker"]
    assert "udocker-plain 1.0 is broken: " in section["error"]


def test_a_plugin_that_is_gone(udocker, container):
    udocker.environment["UDOCKER_ENABLE_PLUGINS"] = "gone"
    assert "plugin gone is not installed" in udocker.fails("run", "c", status=125)
    assert udocker("--no-plugins", "run", "c") == "default\n"


def test_an_engine_in_the_current_directory_is_not_part_of_udocker(udocker, container, tmp_path):
    here = tmp_path / "here"
    here.mkdir()
    write_distribution(here, "udocker-evil", {ENGINES: {"X1": "evil:Engine"}})
    script = "import sys; from udocker_core.cli.main import main; sys.exit(main())"
    udocker.program[1:3] = ["-c", script]  # unlike -m it does not name the current directory
    assert "udocker-evil" not in udocker("plugins", cwd=here)
