import json
import os
import subprocess
import sys

import pytest

from udocker_core import entrypoints
from udocker_core.entrypoints import ENGINES, EntryPoint, find
from udocker_core.errors import EngineError
from udocker_core.testing.fixtures import write_distribution


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """A directory of the module search path, before all others."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


BOTH = """
import json, sys
import stevedore
from udocker_core.entrypoints import find
group = sys.argv[1]
found = [f"{e.name} {e.value}" for e in find(group)]
points = stevedore.ExtensionManager(group).list_entry_points()
expected = [f"{e.name} {e.value.split('[')[0].strip()}" for e in points]
print(json.dumps([sorted(found), sorted(expected)]))
"""


def both(group):
    """What the scan and what stevedore finds, in a process whose caches are empty."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", BOTH, group], env=environment, check=True,
                          stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def test_the_scan_gives_what_stevedore_gives(packages):
    group = "udocker.test.v1"
    entries = {"X1": "x_module:Engine", "x2": "x_module:Other.attribute [extra]"}
    write_distribution(packages, "udocker-x", {group: entries, "other": {"X3": "y:z"}})
    write_distribution(packages, "udocker-y", {group: {"Y1": "y"}}, version="2.0")
    (packages / "udocker_x-1.0.dist-info" / "entry_points.txt").open("a").write(
        "# a remark = x\n[ignored]\ny = z\n"
    )
    found, expected = both(group)
    assert found == expected == ["X1 x_module:Engine", "Y1 y", "x2 x_module:Other.attribute"]
    assert {(e.distribution, e.version) for e in find(group)} == {
        ("udocker-x", "1.0"),
        ("udocker-y", "2.0"),
    }


def test_what_is_installed_here_is_what_stevedore_says():
    found, expected = both(ENGINES)
    assert found == expected


def test_the_first_directory_of_the_path_wins(tmp_path):
    for version in ("1.0", "2.0"):
        (tmp_path / version).mkdir()
        write_distribution(tmp_path / version, "x", {"g": {"n": f"x:v{version[0]}"}},
                           version=version)
    path = [str(tmp_path / "2.0"), "/nowhere", str(tmp_path / "1.0")]
    assert find("g", path) == [EntryPoint("g", "n", "x:v2", "x", "2.0")]


def test_the_current_directory_is_ignored(tmp_path, monkeypatch):
    write_distribution(tmp_path, "x", {"g": {"n": "x:y"}})
    monkeypatch.chdir(tmp_path)
    assert find("g", ["", ".", "../" + tmp_path.name]) == []


def test_an_entry_point_is_loaded(packages):
    write_distribution(packages, "x", {}, {"loaded_x.py": "class Engine: pass"})
    entry = EntryPoint("g", "X1", "loaded_x:Engine", "x", "1.0")
    assert entry.load().__name__ == "Engine"
    del sys.modules["loaded_x"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nothing_like_it", "No module named 'nothing_like_it'"),
        ("", "has no attribute 'Engine'"),
        ("def broken(", "was never closed|unexpected EOF"),
        ("raise RuntimeError('not today')", "not today"),
    ],
)
def test_a_broken_distribution_is_named(packages, source, reason):
    write_distribution(packages, "x", {}, {"broken_x.py": source})
    with pytest.raises(EngineError, match=rf"x 1.0 is broken: .*({reason})") as caught:
        EntryPoint("g", "X1", "broken_x:Engine", "x", "1.0").load()
    assert "pip install" in caught.value.hint
    sys.modules.pop("broken_x", None)


def test_the_current_directory_is_ignored_however_it_is_spelled(packages, tmp_path, monkeypatch):
    write_distribution(packages, "udocker-x", {"udocker.test.v1": {"X1": "x:y"}})
    (tmp_path / "link").symlink_to(packages)
    for path in (str(packages), str(tmp_path / "link"), f"{packages}/."):
        assert [entry.name for entry in find("udocker.test.v1", [path])] == ["X1"]
    monkeypatch.chdir(packages)
    for path in (str(packages), str(tmp_path / "link"), f"{packages}/."):
        assert find("udocker.test.v1", [path]) == []


def test_the_current_directory_counts_where_udocker_is_installed_there(monkeypatch):
    here = os.path.dirname(os.path.dirname(entrypoints.__file__))
    before = find(ENGINES, [here])
    monkeypatch.chdir(here)
    assert find(ENGINES, [here]) == before
