import sys

import pytest

from udocker_core import plugins
from udocker_core.config import load
from udocker_core.entrypoints import PLUGINS, EntryPoint
from udocker_core.errors import EngineError
from udocker_core.testing.fixtures import write_distribution

SOURCE = """
class One:
    def __init__(self, settings):
        self.settings = settings

class Two(One):
    pass

class Four:
    def __init__(self, settings):
        settings["gone"]
"""


def config(**settings):
    return load(settings, environ={})


@pytest.fixture(autouse=True)
def packages(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    entries = {"one": "plugins_x:One", "two": "plugins_x:Two", "gone": "plugins_gone:Gone",
               "four": "plugins_x:Four"}
    write_distribution(tmp_path, "udocker-x", {PLUGINS: entries}, {"plugins_x.py": SOURCE})
    yield tmp_path
    sys.modules.pop("plugins_x", None)


def names(loaded):
    return [type(plugin).__name__ for plugin in loaded]


def test_plugins_are_loaded_when_they_are_wanted():
    assert plugins.enabled((), config()) == []
    assert "plugins_x" not in sys.modules
    loaded = plugins.enabled(("two",), config(enable_plugins="one,two", mine="7"))
    assert names(loaded) == ["Two", "One"]
    assert loaded[0].settings["mine"] == "7"


def test_a_plugin_that_is_missing_or_broken_is_named():
    with pytest.raises(EngineError, match="plugin three is not installed"):
        plugins.enabled(("three",), config())
    with pytest.raises(EngineError, match=r"udocker-x 1.0 is broken: No module named"):
        plugins.enabled(("gone",), config())
    with pytest.raises(EngineError, match="cannot make four: KeyError: 'gone'"):
        plugins.enabled(("four",), config())


def test_a_plugin_that_was_disabled_is_not_found_by_stevedore_either():
    with pytest.raises(EngineError, match="plugin one is not installed"):
        plugins.enabled(("one",), config(disable_plugins="udocker-x"))


@pytest.mark.parametrize(
    ("settings", "left"),
    [
        ({}, "abc"),
        ({"disable_plugins": "1"}, ""),
        ({"disable_plugins": "a x"}, "c"),
        ({"plugins": "a, c"}, "ac"),
        ({"plugins": "x", "disable_plugins": "b"}, ""),
    ],
)
def test_what_is_permitted(settings, left):
    entries = [
        EntryPoint("g", name, "m:a", distribution, "1")
        for name, distribution in (("a", "w"), ("b", "x"), ("c", "y"))
    ]
    assert "".join(e.name for e in plugins.permitted(entries, config(**settings))) == left
