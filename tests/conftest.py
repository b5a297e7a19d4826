"""What every test shares: a home of its own, and the rule about skips."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _private_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the home, the store or the settings of who runs it."""
    patch = pytest.MonkeyPatch()
    patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    for name in os.environ:
        if name.startswith("UDOCKER_") and not name.startswith("UDOCKER_TEST_"):
            patch.delenv(name)
    yield
    patch.undo()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Where everything can be had (CI), a part that is missing is a failure, not a skip."""
    report = yield
    if report.skipped and os.environ.get("UDOCKER_TEST_REQUIRE") == "1":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        if "missing here: " in reason:
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid}: {reason}"
    return report
