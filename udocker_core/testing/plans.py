"""The tests of an engine's plans, and what they share with the live ones."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

import pytest

from udocker_core.hookmarker import ATTRIBUTE
from udocker_core.model import Capabilities, LaunchPlan, Probe
from udocker_core.testing.audit import Audit
from udocker_core.testing.trees import make_root_tree
from udocker_core.testing.values import (
    call_hook,
    container_of,
    plain_spec,
    plan_of,
    snapshot,
    specs,
)

HOOKS = (
    "udocker_setup", "udocker_teardown", "udocker_prepare_run", "udocker_run", "udocker_inspect",
    "udocker_probe",
)  # fmt: skip
_TOKEN = re.compile("\0(path|fd):([A-Za-z0-9.-]+)\0")


class EngineTests:
    """What both classes share."""

    engine: Any = None  #: the class that the entry point names
    modes: tuple[str, ...] = ()
    settings: Mapping[str, str] = {}  #: the configuration

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Run every test for each mode."""
        if "mode" in metafunc.fixturenames:
            metafunc.parametrize("mode", self.modes)

    @pytest.fixture
    def plugin(self, mode: str) -> Any:
        """The engine."""
        return self.engine(mode, self.settings)

    @pytest.fixture
    def root(self, tmp_path: Any) -> str:
        """A root tree."""
        root = os.path.join(tmp_path, "ROOT")
        make_root_tree(root)
        return root


class EngineConformance(EngineTests):
    """Plans, without running them."""

    entry_point_group = "udocker.engines.v1"

    def test_entry_points_are_the_modes(self) -> None:
        """Installed, the engine is found under each of its modes."""
        from importlib.metadata import entry_points

        found: Any = entry_points()
        if hasattr(found, "select"):
            points = found.select(group=self.entry_point_group)
        else:
            points = found.get(self.entry_point_group, ())
        name = f"{self.engine.__module__}:{self.engine.__qualname__}"
        named = {point.name for point in points if point.value == name}
        if not named:
            pytest.skip("missing here: the engine's distribution is not installed")
        assert named == set(self.modes)

    def test_capabilities(self, plugin: Any) -> None:
        """They are the core's type, with true or false for each."""
        assert isinstance(plugin.capabilities, Capabilities)
        assert all(isinstance(value, bool) for value in plugin.capabilities)

    def test_hooks_are_marked(self, plugin: Any) -> None:
        """Methods named like hooks are hooks, and those that an engine must have are there."""
        for name in HOOKS:
            assert not hasattr(plugin, name) or hasattr(getattr(plugin, name), ATTRIBUTE), name
        assert hasattr(plugin, "udocker_run")
        assert hasattr(plugin, "udocker_probe")

    def test_probe_gives_a_reason(self, plugin: Any) -> None:
        """Whether it can run here or not, it says how or why not, in one line."""
        probe = call_hook(plugin, "udocker_probe")
        assert isinstance(probe, Probe)
        assert probe.reason
        assert "\n" not in probe.reason

    def test_plans_are_well_formed(self, plugin: Any, root: str, tmp_path: Any) -> None:
        """Strings without NUL but for the tokens, each of which names a file of the plan."""
        for spec in specs(root, str(tmp_path), plugin.capabilities):
            plan = plan_of(plugin, spec)
            assert isinstance(plan, LaunchPlan)
            assert os.path.isabs(plan.argv[0])
            assert os.path.isabs(plan.cwd)
            names = [file.name for file in plan.files]
            assert len(set(names)) == len(names)
            texts = [*plan.argv, *plan.env.values()]
            contents = "".join(os.fsdecode(file.content) for file in plan.files)
            used = {name for text in [*texts, contents] for _, name in _TOKEN.findall(text)}
            assert used == set(names)
            for text in [*texts, *plan.env]:
                assert "\0" not in _TOKEN.sub("", text)

    def test_plans_hold_what_was_asked(self, plugin: Any, root: str, tmp_path: Any) -> None:
        """Sources of binds and arguments are in the plan, as the kernel will need them."""
        for spec in specs(root, str(tmp_path), plugin.capabilities):
            plan = plan_of(plugin, spec)
            plain = [*plan.argv, *plan.env.values()]
            text = "\n".join(plain) + "".join(os.fsdecode(f.content) for f in plan.files)
            for wanted in (spec.argv[-1], *(bind.source for bind in spec.binds)):
                assert wanted in text
            assert plan.cpuset == spec.cpuset

    def test_planning_does_nothing(self, plugin: Any, root: str, tmp_path: Any) -> None:
        """Making a plan starts no program and writes nothing; asked twice, it says the same."""
        wanted = specs(root, str(tmp_path), plugin.capabilities)
        before = snapshot(str(tmp_path))
        for spec in wanted:
            with Audit() as audit:
                first = plan_of(plugin, spec)
                second = plan_of(plugin, spec)
            assert audit.effects == []
            assert first == second
        assert snapshot(str(tmp_path)) == before

    def test_teardown_undoes_setup(self, plugin: Any, root: str) -> None:
        """After set-up and tear-down the root is equal byte for byte."""
        container = container_of(root)
        before = snapshot(root)
        settings = call_hook(plugin, "udocker_setup", container=container,
                         capabilities=plugin.capabilities, settings={}) or {}
        assert isinstance(settings, Mapping)
        prepared = container._replace(settings={"engine": settings})
        assert isinstance(plan_of(plugin, plain_spec(root), prepared), LaunchPlan)
        call_hook(plugin, "udocker_teardown", container=container, settings=settings)
        assert snapshot(root) == before
