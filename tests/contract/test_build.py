"""The C programs of the plugins, and the build hooks that compile them (native/build.py)."""

from __future__ import annotations

import glob
import importlib.util
import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TOP = Path(__file__).parents[2]
NATIVE = TOP / "native"
DESCRIBED = sorted(TOP.glob("plugins/*/csrc/program.json"))
PLUGINS = [path.parent.parent for path in DESCRIBED]
#: Upper halves of the addresses that native/build.py gives programs that want one.
ADDRESSES = {"x86_64": 0x5500, "aarch64": 0xE}
IGNORED = shutil.ignore_patterns("bin", "tests", "__pycache__")
pytest.importorskip("hatchling", reason="not installed: hatchling")
plugins = pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)


def described(plugin: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((plugin / "csrc/program.json").read_text())
    return found


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
    return module.ProgramBuildHook(str(project), {}, None, metadata, "", "wheel")


def copied(plugin: Path, directory: Path) -> Path:
    """The project as a source distribution has it, with the C that plugins share."""
    shutil.copytree(plugin, directory, ignore=IGNORED)
    shutil.copytree(NATIVE, directory / "native", ignore=IGNORED)
    return directory


def built(project: Path, plugin: Path) -> Path:
    about = described(plugin)
    return project.joinpath("src", about["package"], "bin", about["program"])


def header(program: Path) -> tuple[int, int, int]:
    """Type, machine and entry point (elf(5))."""
    kind, machine, _, entry = struct.unpack_from("<HHIQ", program.read_bytes(), 16)
    return kind, machine, entry


@plugins
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_no_warnings(compiler: str, plugin: Path) -> None:
    if not shutil.which(compiler):
        pytest.skip(f"not installed: {compiler}")
    sources = glob.glob(str(plugin / "csrc/*.c"))
    for pattern in described(plugin)["shared"]:
        sources += glob.glob(str(NATIVE / pattern))
    options = ("-std=c11", "-ffreestanding", "-I", NATIVE, "-fsyntax-only")
    names = ('-DPROGRAM="program"', '-DVERSION="1"')
    warnings = ("-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Wno-sign-conversion", "-Wvla")
    subprocess.run([compiler, *options, *names, "-Werror", *warnings, *sources], check=True)


@plugins
def test_builds_are_equal_and_described(
    plugin: Path, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UDOCKER_BUILD_ARCH", raising=False)
    contents = []
    for name in ("one", "two-with-a-longer-path"):
        project = copied(plugin, tmp_path / name)
        builder = hook(project)
        if builder.dependencies():
            pytest.skip("not installed: a C compiler")
        data: dict[str, Any] = {}
        builder.initialize("standard", data)
        program = built(project, plugin)
        contents.append(program.read_bytes())
        manifest = json.loads((program.parent / "engines.json").read_text())
    machine = os.uname().machine
    assert contents[0] == contents[1]
    assert str(tmp_path).encode() not in contents[0]
    assert data["pure_python"] is False
    assert data["tag"] == (
        f"py3-none-manylinux_2_17_{machine}.manylinux2014_{machine}.musllinux_1_1_{machine}")
    (entry,) = manifest["programs"]
    assert (entry["path"], entry["arch"]) == (program.name, machine)
    assert entry["size"] == len(contents[0])
    assert entry["build"].endswith(f"-o {program.name}")
    assert str(tmp_path) not in entry["build"]
    assert sys.executable not in entry["build"]


@plugins
def test_ziglang_is_asked_for_only_without_a_compiler(
    plugin: Path, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder = hook(copied(plugin, tmp_path / "project"))
    monkeypatch.setenv("CC", "/no/such/compiler")
    assert builder.dependencies() == ["ziglang>=0.13"]
    monkeypatch.delenv("CC")
    other = "aarch64" if os.uname().machine == "x86_64" else "x86_64"
    monkeypatch.setenv("UDOCKER_BUILD_ARCH", other)
    assert builder.dependencies() == ["ziglang>=0.13"]
    monkeypatch.setenv("UDOCKER_BUILD_ARCH", "s390x")
    with pytest.raises(RuntimeError, match="not for s390x"):
        builder.dependencies()


@plugins
@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_ziglang_builds_both_architectures(
    plugin: Path, arch: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not importlib.util.find_spec("ziglang"):
        pytest.skip("missing here: ziglang")
    project = copied(plugin, tmp_path / "project")
    monkeypatch.setenv("CC", "/no/such/compiler")
    monkeypatch.setenv("UDOCKER_BUILD_ARCH", arch)
    hook(project).initialize("standard", {})
    program = built(project, plugin)
    kind, machine, entry = header(program)
    assert (kind, machine) == (2, {"x86_64": 62, "aarch64": 183}[arch])
    if described(plugin)["fixed_address"]:
        assert entry >> 32 == ADDRESSES[arch]
    native = arch == os.uname().machine
    runner = [] if native else [shutil.which(f"qemu-{arch}-static") or ""]
    if runner != [""]:
        shown = subprocess.run([*runner, program, "--version"], stdout=subprocess.PIPE, check=True)
        assert shown.stdout.startswith(f"{program.name} 2.".encode())


@pytest.mark.parametrize("compiler", ["gcc", "clang", "clang -fuse-ld=lld"])
def test_a_fixed_address_is_kept(
    compiler: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With each linker."""
    monkeypatch.setenv("CC", compiler)
    for plugin in PLUGINS:
        if not described(plugin)["fixed_address"]:
            continue
        project = copied(plugin, tmp_path / plugin.name)
        builder = hook(project)
        if builder.dependencies():
            pytest.skip(f"not installed: {compiler}")
        builder.initialize("standard", {})
        kind, _, entry = header(built(project, plugin))
        assert (kind, entry >> 32) == (2, ADDRESSES[os.uname().machine])


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_loader_does_not_leave_its_section(compiler: str, tmp_path: Any) -> None:
    """What is outside of it is not exempt from the filter, nor there for a tracer to expect."""
    if not shutil.which(compiler) or not shutil.which("nm") or not shutil.which("size"):
        pytest.skip(f"not installed: {compiler}, binutils")
    made = str(tmp_path / "loader.o")
    options = ["-std=c11", "-O2", "-ffreestanding", "-fpic", "-fno-stack-protector"]
    if compiler == "gcc":
        options.append("-fno-tree-loop-distribute-patterns")
    options.append('-DPROGRAM="program"')
    subprocess.run([compiler, *options, "-c", NATIVE / "loader.c", "-o", made], check=True)
    undefined = subprocess.run(["nm", "-u", made], stdout=subprocess.PIPE, check=True).stdout
    assert undefined.replace(b"_GLOBAL_OFFSET_TABLE_", b"").split() in ([], [b"U"])
    sizes = subprocess.run(["size", "-A", made], stdout=subprocess.PIPE, check=True).stdout
    sections = {line.split()[0]: line.split()[1] for line in sizes.splitlines() if b"text" in line}
    assert sections.pop(b"loader_text") != b"0"
    assert set(sections.values()) <= {b"0"}


def test_developers_need_no_pip(tmp_path: Any) -> None:
    plugin = PLUGINS[-1]
    made = tmp_path / "program"
    done = subprocess.run(
        [sys.executable, NATIVE / "build.py", plugin, made], capture_output=True, text=True
    )
    if "no C compiler" in done.stderr:
        pytest.skip("not installed: a C compiler")
    assert done.returncode == 0, done.stderr
    shown = subprocess.run([made, "--version"], stdout=subprocess.PIPE, check=True).stdout
    assert shown.startswith(described(plugin)["program"].encode())
