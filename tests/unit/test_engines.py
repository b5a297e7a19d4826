import sys

import pytest

from udocker_core import engines
from udocker_core.config import load
from udocker_core.entrypoints import ENGINES
from udocker_core.errors import EngineError, UsageError
from udocker_core.testing.fixtures import PLAIN_ENGINE, write_distribution


@pytest.fixture
def packages(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    write_distribution(
        tmp_path,
        "udocker-x",
        {ENGINES: {"X1": "engine_x:Engine", "X2": "engine_x:Engine"}},
        {"engine_x.py": PLAIN_ENGINE},
    )
    yield tmp_path
    sys.modules.pop("engine_x", None)


def config(**settings):
    """Settings that permit no other distributions than those of these tests."""
    return load({"plugins": "udocker-x udocker-y udocker-z", **settings}, environ={})


def test_the_mode_is_the_entry_points_name(packages):
    engine = engines.resolve("X2", config(mine="7"))
    assert (engine.mode, engine.entry.distribution) == ("X2", "udocker-x")
    assert engine.plugin.mode == "X2"
    assert engine.plugin.settings["mine"] == "7"


def test_only_the_wanted_engine_is_imported(packages):
    write_distribution(packages, "udocker-y", {ENGINES: {"Y1": "engine_y:Engine"}},
                       {"engine_y.py": "raise AssertionError"})
    engines.resolve("X1", config())
    assert "engine_y" not in sys.modules


def test_the_default_mode(packages):
    def default(**settings):
        found = config(**settings)
        return engines.default_mode(found, engines.installed(found))

    assert default(default_execution_modes="P1 X2 X1") == "X2"
    assert default(override_default_execution_mode="x1") == "X1"
    assert default(default_execution_modes="P1", plugins="none") == "P1"
    assert engines.resolve("", config(override_default_execution_mode="x1")).mode == "X1"


@pytest.mark.parametrize(
    ("mode", "package"),
    [("P2", "udocker-proot"), ("F4", "udocker-fakechroot"), ("S1", "udocker-singularity")],
)
def test_a_mode_without_an_engine_names_what_to_install(packages, mode, package):
    with pytest.raises(EngineError, match=f"mode {mode} needs an engine") as caught:
        engines.resolve(mode, config())
    assert caught.value.hint == f"pip install {package}"


def test_what_is_no_mode_is_a_usage_error(packages):
    with pytest.raises(UsageError, match="invalid execmode: Z9") as caught:
        engines.resolve("Z9", config())
    assert caught.value.hint == "the modes installed here: X1, X2"


def test_two_providers_of_a_mode_are_named_and_one_can_be_disabled(packages):
    write_distribution(packages, "udocker-z", {ENGINES: {"X1": "engine_z:Engine"}})
    with pytest.raises(EngineError, match=r"mode X1 is served by udocker-[xz] and udocker-[xz]"):
        engines.resolve("X1", config())
    assert engines.resolve("X1", config(disable_plugins="udocker-z")).mode == "X1"


def test_all_can_be_disabled(packages):
    assert engines.installed(config(disable_plugins="1")) == {}


def test_an_engine_that_cannot_be_made_names_its_distribution(packages):
    broken = "def Engine(mode, settings):\n    return settings['no such']\n"
    write_distribution(packages, "udocker-y", {ENGINES: {"Y1": "engine_y:Engine"}},
                       {"engine_y.py": broken})
    with pytest.raises(EngineError, match=r"udocker-y .* cannot make Y1: KeyError: 'no such'"):
        engines.resolve("Y1", config())
    sys.modules.pop("engine_y")


def test_a_mode_that_the_installed_package_does_not_serve(packages):
    write_distribution(packages, "udocker-runc", {ENGINES: {"R1": "engine_r:Engine"}},
                       version="0.1")
    modes = engines.installed(config(plugins="udocker-runc"))
    error = engines.missing("R2", modes)
    assert isinstance(error, EngineError)
    assert error.message == "mode R2 is not served by the installed udocker-runc 0.1"
    assert error.hint == "pip install --upgrade udocker-runc, or use another mode"
