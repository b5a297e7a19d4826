"""Fixtures for the tests of udocker, its plugins and third-party engines: a pytest plugin.

A test module that says ::

    pytest_plugins = ["udocker_core.testing.fixtures"]

gets the fixtures below::

    def test_a_program_runs(udocker, registry, plain_engine):
        push(registry, "x", "1", plain_image())
        assert udocker("run", f"{registry.host}/x:1", "say", "hello") == "hello\\n"
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import udocker_core
from udocker_core.config import Config, load
from udocker_core.containers.store import ContainerStore
from udocker_core.entrypoints import ENGINES
from udocker_core.images.store import ImageStore
from udocker_core.testing.images import File, Image, ImageBuilder
from udocker_core.testing.registry import ENVIRONMENT, Registry

#: Seconds that one command may take.
TIMEOUT = 60
_CODE = str(Path(udocker_core.__file__).parents[1])

#: The module of the distribution that :func:`plain_engine` makes. Its engine runs the program in
#: the container's root from outside, with nothing around it, which is enough for shell scripts.
PLAIN_ENGINE = '''
from udocker_core import hookimpl
from udocker_core.model import Capabilities, LaunchPlan, Probe


class Engine:
    capabilities = Capabilities(devices=True, ports=True, hostname=True, any_user=True)

    def __init__(self, mode, settings):
        self.mode = mode
        self.settings = settings

    @hookimpl
    def udocker_run(self, spec):
        program = spec.root + spec.executable
        return LaunchPlan((program, *spec.argv[1:]), spec.env, spec.root + spec.cwd,
                          cpuset=spec.cpuset)

    @hookimpl
    def udocker_setup(self, container):
        open(container.root + "/set-up", "x").close()
        return {"made": "/set-up"}

    @hookimpl
    def udocker_teardown(self, container, settings):
        import os

        os.unlink(container.root + settings["made"])

    @hookimpl
    def udocker_inspect(self, container):
        return {"plain": self.mode}

    @hookimpl
    def udocker_probe(self):
        return Probe(True, "nothing is needed")
'''


class Udocker:
    """The real command line in a home of its own, as a program of its own.

    Args:
        home: the directory; the store is in ``.udocker`` below it.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.store = home / ".udocker"
        #: Where :func:`write_distribution` may put distributions that this command finds.
        self.packages = home / "packages"
        self.packages.mkdir(parents=True)
        #: The command's environment; change it at will.
        self.environment: dict[str, str] = {
            **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
            "HOME": str(home),
            "PYTHONPATH": f"{self.packages}{os.pathsep}{_CODE}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "UDOCKER_FSYNC": "no",
        }
        # To root the command line says no; who tests as root means it.
        as_root = ["--allow-root"] if os.geteuid() == 0 else []
        self.program = [sys.executable, "-m", "udocker_core", *as_root]

    def __call__(self, *arguments: str, **options: Any) -> str:
        """Run a command that must succeed and say nothing on standard error; give its output."""
        done = self.run(*arguments, **options)
        assert done.returncode == 0, (arguments, done)
        assert done.stderr == "", (arguments, done)
        return done.stdout

    def fails(self, *arguments: str, status: int = 1, **options: Any) -> str:
        """Run a command that must fail with `status` and say why in one line; give that line."""
        done = self.run(*arguments, **options)
        assert (done.returncode, done.stdout) == (status, ""), (arguments, done)
        (line,) = done.stderr.splitlines()
        assert line.startswith("Error: ")
        return line

    def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command to its end.

        Args:
            arguments: what follows ``udocker``.
            options: for :func:`subprocess.run`.
        """
        if "input" not in options:
            options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(
            [*self.program, *arguments],
            **{
                "env": self.environment,
                "cwd": self.home,
                "capture_output": True,
                "text": True,
                "errors": "surrogateescape",
                "timeout": TIMEOUT,
                "check": False,
                **options,
            },
        )

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start a command; the caller waits for it."""
        pipes = dict.fromkeys(("stdout", "stderr"), subprocess.PIPE)
        return subprocess.Popen(
            [*self.program, *arguments],
            **{
                "env": self.environment,
                "cwd": self.home,
                "stdin": subprocess.DEVNULL,
                "text": True,
                **pipes,
                **options,
            },
        )

    def containers(self) -> list[str]:
        """The ids of the containers that are listed."""
        return [line.split()[0] for line in self("ps").splitlines()[1:]]

    def images(self) -> list[str]:
        """The names of the images that are listed."""
        return [line.split()[0] for line in self("images").splitlines()[1:]]

    def root(self, container: str) -> Path:
        """The root of a container."""
        return Path(self("inspect", "-p", container).rstrip("\n"))


def write_distribution(
    directory: Path,
    name: str,
    entry_points: Mapping[str, Mapping[str, str]],
    modules: Mapping[str, str] = {},
    version: str = "1.0",
) -> None:
    """Install a distribution that was never built: its metadata and its modules.

    Args:
        directory: of the module search path, such as :attr:`Udocker.packages`.
        name: of the distribution.
        entry_points: group -> name -> ``module:attribute``.
        modules: file name -> source.
        version: of the distribution.
    """
    info = directory / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (info / "METADATA").write_text(metadata)
    lines = []
    for group, entries in entry_points.items():
        lines += [f"[{group}]", *(f"{key} = {value}" for key, value in entries.items()), ""]
    (info / "entry_points.txt").write_text("\n".join(lines))
    for file, source in modules.items():
        (directory / file).write_text(source)


def plain_image(config: Mapping[str, Any] | None = None) -> Image:
    """An image of shell scripts, which run wherever there is a ``/bin/sh``.

    It has ``say`` (prints its arguments), ``env`` (its environment), ``leave`` (exits with its
    argument), ``copy`` (standard input to output) and the file ``/etc/motd``.
    """
    scripts = {
        "say": 'echo "$@"',
        "env": "export -p",
        "leave": 'exit "$1"',
        "copy": "exec cat",
        "wait": "trap 'exit 9' TERM; echo started; while :; do sleep 0.05; done",
    }
    builder = ImageBuilder(config={"Cmd": ["say", "default"], **(config or {})})
    builder.add_layer({"bin/": None, "etc/": None, "etc/motd": b"welcome\n", "tmp/": None})
    builder.add_layer(
        {f"bin/{name}": File(f"#!/bin/sh\n{text}\n".encode(), 0o755)
         for name, text in scripts.items()}
    )
    return builder.build()


@pytest.fixture
def container_store(tmp_path: Path) -> ContainerStore:
    """An empty store of containers."""
    return ContainerStore(str(tmp_path / "store" / "containers"))


@pytest.fixture
def image_store(tmp_path: Path) -> ImageStore:
    """An empty store of images."""
    top = tmp_path / "store"
    return ImageStore(str(top / "repos"), str(top / "layers"))


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """The defaults, with a store and a home that are empty."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return load({"topdir": str(tmp_path / "store"), "timeout": "5"}, environ={})


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """An empty registry, and none of this machine's credentials and proxies in the way."""
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    with Registry() as found:
        yield found


@pytest.fixture
def udocker(tmp_path: Path) -> Udocker:
    """The command line in an empty home."""
    return Udocker(tmp_path / "home")


@pytest.fixture
def plain_engine(udocker: Udocker) -> str:
    """Let `udocker` have an engine, ``udocker-plain``, for the mode ``X1``, its default."""
    write_distribution(
        udocker.packages,
        "udocker-plain",
        {ENGINES: {"X1": "udocker_plain:Engine"}},
        {"udocker_plain.py": PLAIN_ENGINE},
    )
    udocker.environment["UDOCKER_DEFAULT_EXECUTION_MODE"] = "X1"
    return "X1"
