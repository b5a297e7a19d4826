import os
import sys

import pytest

from udocker_core import execution
from udocker_core.entrypoints import ENGINES, PLUGINS
from udocker_core.errors import Conflict, EngineError
from udocker_core.run.spec import RunOptions
from udocker_core.testing.fixtures import write_distribution

pytest_plugins = ["udocker_core.testing.fixtures"]

ENGINE = """
import os
from udocker_core import hookimpl
from udocker_core.errors import EngineError
from udocker_core.model import Bind, Capabilities, Contribution, LaunchPlan

LOG = []

class Engine:
    capabilities = Capabilities()
    def __init__(self, mode, settings):
        self.mode = mode
    @hookimpl
    def udocker_setup(self, container, settings):
        LOG.append(("setup", self.mode, dict(settings)))
        if self.mode == "X3":
            raise EngineError("X3 cannot")
        return {"by": self.mode}
    @hookimpl
    def udocker_teardown(self, settings):
        LOG.append(("teardown", self.mode, settings["by"]))
    @hookimpl
    def udocker_run(self, spec):
        return LaunchPlan((spec.executable, *spec.argv[1:]), spec.env)

class Helper:
    def __init__(self, settings):
        pass
    @hookimpl
    def udocker_prepare_run(self, spec, capabilities):
        assert capabilities.file_binds
        return Contribution(env={"MINE": "helper", "THEIRS": "helper"})
    @hookimpl
    def udocker_setup(self, settings):
        n = settings.get("n", 0)
        LOG.append(("setup", "helper", n))
        return {"n": n + 1}
    @hookimpl
    def udocker_teardown(self, settings):
        LOG.append(("teardown", "helper", settings["n"]))
"""


@pytest.fixture
def log(tmp_path, monkeypatch):
    packages = tmp_path / "packages"
    packages.mkdir()
    monkeypatch.syspath_prepend(str(packages))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    modes = dict.fromkeys(("X1", "X2", "X3"), "execution_x:Engine")
    write_distribution(packages, "udocker-x",
                       {ENGINES: modes, PLUGINS: {"helper": "execution_x:Helper"}},
                       {"execution_x.py": ENGINE})
    import execution_x

    yield execution_x.LOG
    del sys.modules["execution_x"]


@pytest.fixture
def container(container_store):
    def fill(made):
        os.makedirs(made.root + "/bin")
        with open(made.root + "/bin/true", "w") as file:
            os.fchmod(file.fileno(), 0o755)

    return container_store.create({"config": {"Cmd": ["true"], "Env": ["THEIRS=image"]}}, "x:1",
                                  fill)


def test_a_change_of_mode_undoes_the_old_one_first(log, config, container_store, container):
    def change(mode, **options):
        execution.change_mode(container_store, container_store.find(container.id), mode, config,
                              **options)
        return container_store.find(container.id)

    assert change("X1").mode == "X1"
    assert change("X1").mode == "X1"
    assert change("X2").settings == {"engine": {"by": "X2"}, "plugins": {}}
    change("X2", force=True)
    assert log == [
        ("setup", "X1", {}),
        ("teardown", "X1", "X1"), ("setup", "X2", {}),
        ("teardown", "X2", "X2"), ("setup", "X2", {}),
    ]  # fmt: skip


def test_plugins_are_set_up_anew_with_what_they_returned(log, config, container_store, container):
    container_store.set_mode(container, "X1", {"plugins": {"helper": {"n": 1}}})
    container = container_store.find(container.id)
    execution.change_mode(container_store, container, "X2", config)
    assert log == [("teardown", "helper", 1), ("setup", "X2", {}), ("setup", "helper", 1)]
    assert container_store.find(container.id).settings["plugins"] == {"helper": {"n": 2}}


def test_a_mode_that_is_missing_changes_nothing(log, config, container_store, container):
    with pytest.raises(EngineError, match="S1 needs an engine"):
        execution.change_mode(container_store, container, "S1", config)
    assert container_store.find(container.id) == container
    assert log == []


def test_a_protected_container_keeps_its_mode(log, config, container_store, container):
    open(container.directory + "/PROTECT", "w").close()
    with pytest.raises(Conflict, match="container is protected"):
        execution.change_mode(container_store, container, "X1", config)
    assert log == []


def test_the_plan_of_a_run(log, config, container_store, container):
    container_store.set_mode(container, "X1", {"plugins": {"helper": {"n": 1}}})
    container = container_store.find(container.id)
    before = {path: os.stat(path) for path in (container.root, container.directory)}
    warnings = []
    options = RunOptions(("true", "a"), hostname="h")
    prepared = execution.prepare(container, options, config, warnings.append)
    assert prepared.program == "true"
    assert prepared.plan.argv == ("/bin/true", "a")
    assert prepared.plan.env["MINE"] == "helper"
    assert prepared.plan.env["THEIRS"] == "image"
    assert warnings == ["mode X1 cannot change the host name: --hostname is ignored"]
    assert {path: os.stat(path) for path in before} == before


def test_what_was_undone_is_not_undone_again(log, config, container_store, container):
    container_store.set_mode(container, "", {"plugins": {"helper": {"n": 1}}})

    def change(mode):
        execution.change_mode(container_store, container_store.find(container.id), mode, config)

    change("X1")
    del log[:]
    with pytest.raises(EngineError, match="X3 cannot"):
        change("X3")
    assert log == [("teardown", "X1", "X1"), ("teardown", "helper", 2), ("setup", "X3", {})]
    assert container_store.find(container.id).mode == ""
    del log[:]
    change("X1")
    assert log == [("setup", "X1", {}), ("setup", "helper", 0)]
