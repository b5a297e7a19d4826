"""The C sources, and the build hook."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parent.parent
hatchling = pytest.importorskip("hatchling", reason="not installed: hatchling")


def hook(project: Path) -> Any:
    """The build hook of a copy of the project."""
    from hatchling.metadata.core import ProjectMetadata
    from hatchling.plugin.manager import PluginManager

    spec = importlib.util.spec_from_file_location("hatch_build", project / "hatch_build.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    metadata = ProjectMetadata(str(project), PluginManager())
    return module.LauncherBuildHook(str(project), {}, None, metadata, "", "wheel")


def copy_of_project(directory: Path) -> Path:
    ignored = shutil.ignore_patterns("bin", "tests", "__pycache__")
    return Path(shutil.copytree(PROJECT, directory, ignore=ignored))


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_no_warnings(compiler: str, tmp_path: Any) -> None:
    if not shutil.which(compiler):
        pytest.skip(f"not installed: {compiler}")
    sources = sorted(map(str, (PROJECT / "csrc").glob("*.c")))
    flags = "-std=c11 -Os -ffreestanding -fno-stack-protector -nostdlib -static -fno-pie"
    warnings = "-Wall -Wextra -Werror -Wshadow -Wconversion -Wno-sign-conversion -Wvla"
    command = [compiler, *flags.split(), *warnings.split(), *sources, "-o", str(tmp_path / "out")]
    subprocess.run(command, check=True)


def test_builds_are_equal_and_described(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UDOCKER_BUILD_ARCH", raising=False)
    built = []
    for name in ("one", "two-with-a-longer-path"):
        project = copy_of_project(tmp_path / name)
        builder = hook(project)
        if builder.dependencies():
            pytest.skip("not installed: a C compiler")
        data: dict[str, Any] = {}
        builder.initialize("standard", data)
        built.append((project / "src/udocker_runc/bin/udocker-launch").read_bytes())
        manifest = json.loads((project / "src/udocker_runc/bin/engines.json").read_text())
    machine = os.uname().machine
    assert built[0] == built[1]
    assert str(tmp_path).encode() not in built[0]
    assert data["pure_python"] is False
    assert data["tag"] == (
        f"py3-none-manylinux_2_17_{machine}.manylinux2014_{machine}.musllinux_1_1_{machine}")
    program = manifest["programs"][0]
    assert (program["path"], program["arch"]) == ("udocker-launch", machine)
    assert program["size"] == len(built[0])
    assert program["build"].endswith("-o udocker-launch")
    assert str(tmp_path) not in program["build"]


def test_ziglang_is_asked_for_only_without_a_compiler(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder = hook(copy_of_project(tmp_path / "project"))
    monkeypatch.setenv("CC", "/no/such/compiler")
    assert builder.dependencies() == ["ziglang>=0.13"]
    monkeypatch.delenv("CC")
    other = "aarch64" if os.uname().machine == "x86_64" else "x86_64"
    monkeypatch.setenv("UDOCKER_BUILD_ARCH", other)
    assert builder.dependencies() == ["ziglang>=0.13"]
    monkeypatch.setenv("UDOCKER_BUILD_ARCH", "s390x")
    with pytest.raises(RuntimeError, match="not for s390x"):
        builder.dependencies()


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_ziglang_builds_both_architectures(
    arch: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not importlib.util.find_spec("ziglang"):
        pytest.skip("missing here: ziglang")
    project = copy_of_project(tmp_path / "project")
    monkeypatch.setenv("CC", "/no/such/compiler")
    monkeypatch.setenv("UDOCKER_BUILD_ARCH", arch)
    hook(project).initialize("standard", {})
    program = project / "src/udocker_runc/bin/udocker-launch"
    machine = {"x86_64": 62, "aarch64": 183}[arch]
    assert int.from_bytes(program.read_bytes()[18:20], "little") == machine
    native = arch == os.uname().machine
    runner = [] if native else [shutil.which(f"qemu-{arch}-static") or ""]
    if runner != [""]:
        shown = subprocess.run([*runner, program, "--version"], stdout=subprocess.PIPE, check=True)
        assert shown.stdout.startswith(b"udocker-launch 2.")


def test_python_of_the_build_is_not_named() -> None:
    assert sys.executable not in (PROJECT / "src/udocker_runc/bin/engines.json").read_text()
