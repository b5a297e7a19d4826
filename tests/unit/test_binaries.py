from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from udocker_core import binaries
from udocker_core.errors import EngineError

CONTENT = b"#!/bin/sh\n"


@pytest.fixture
def directory(tmp_path: Path) -> str:
    """An engine's directory with one program and its manifest."""
    (tmp_path / "tool").write_bytes(CONTENT)
    (tmp_path / "tool").chmod(0o755)
    tmp_path.chmod(0o755)
    entry = {
        "path": "tool", "sha256": hashlib.sha256(CONTENT).hexdigest(), "size": len(CONTENT),
        "version": "1", "licence": "Apache-2.0", "arch": os.uname().machine, "build": "cc",
    }  # fmt: skip
    (tmp_path / "engines.json").write_text(json.dumps({"programs": [entry]}))
    return str(tmp_path)


def test_own_program(directory: str) -> None:
    assert binaries.own_program(directory, "tool") == directory + "/tool"
    assert binaries.verify(directory) == []
    with pytest.raises(EngineError, match=r"missing: .*/other"):
        binaries.own_program(directory, "other")


@pytest.mark.parametrize("mode", [0o757, 0o644, 0o4755, 0o2755])
def test_program_that_must_not_be_executed(directory: str, mode: int) -> None:
    os.chmod(directory + "/tool", mode)
    reasons = "other users can write|cannot be executed|is setuid or setgid"
    with pytest.raises(EngineError, match=reasons):
        binaries.own_program(directory, "tool")
    assert len(binaries.verify(directory)) == 1


def test_directory_that_others_can_write_to(directory: str) -> None:
    os.chmod(directory, 0o777)
    with pytest.raises(EngineError, match="other users can write"):
        binaries.own_program(directory, "tool")


def test_group_of_the_user_may_write(directory: str) -> None:
    os.chmod(directory + "/tool", 0o775)
    assert binaries.own_program(directory, "tool")


def test_changed_program_is_found(directory: str) -> None:
    Path(directory, "tool").write_bytes(CONTENT + b"#")
    (fault,) = binaries.verify(directory)
    assert "SHA-256" in fault


@pytest.mark.parametrize("text", ["", "[]", '{"programs": 3}', "{}"])
def test_broken_manifest(directory: str, text: str) -> None:
    Path(directory, "engines.json").write_text(text)
    with pytest.raises(EngineError, match="manifest"):
        binaries.verify(directory)


def test_program_for_another_machine(directory: str) -> None:
    path = Path(directory, "engines.json")
    path.write_text(path.read_text().replace(os.uname().machine, "pdp11"))
    (fault,) = binaries.verify(directory)
    assert "is for pdp11" in fault


def test_host_program(directory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"/no/such:{directory}")
    assert binaries.host_program(["none", "tool"]) == directory + "/tool"
    assert binaries.host_program(["engines.json"]) == ""


def test_current_directory_is_never_searched(
    directory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(directory)
    monkeypatch.setenv("PATH", ":.:")
    assert binaries.host_program(["tool"]) == ""


def test_chosen_program(directory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", directory)
    assert binaries.chosen_program("tool", "use_tool") == directory + "/tool"
    assert binaries.chosen_program(directory + "/tool", "use_tool") == directory + "/tool"
    monkeypatch.chdir(directory)
    for setting in ("none", "./tool", "/no/such", directory):
        with pytest.raises(EngineError) as caught:
            binaries.chosen_program(setting, "use_tool")
        assert "UDOCKER_USE_TOOL" in (caught.value.hint or "")


def test_import_is_cheap() -> None:
    code = "import sys, udocker_core.binaries; print(*sys.modules)"
    path = os.pathsep.join(p for p in sys.path if p)
    shown = subprocess.run(
        [sys.executable, "-S", "-c", code], env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    assert not {"hashlib", "json", "subprocess"} & set(
        shown.stdout.decode().split()
    )
