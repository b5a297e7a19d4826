"""The real ``udocker`` command, as installed, with a home of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


class Udocker:
    """Runs ``udocker`` in `home`.

    Args:
        home: its home directory; the store is in ``.udocker`` below it.
        program: the command to run instead of this environment's.
        variables: more environment variables.
    """

    def __init__(self, home: Path, program: list[str] | None = None, **variables: str) -> None:
        self.home = home
        self.store = home / ".udocker"
        self.program = program or [str(Path(sys.executable).with_name("udocker"))]
        self.environment = {
            "HOME": str(home),
            "PATH": SYSTEM_PATH,
            "LANG": "C.UTF-8",
            **variables,
        }

    def __call__(self, *arguments: str, status: int | None = 0, **options: Any) -> str:
        """Run a command and give its standard output; its exit status must be `status`."""
        done = self.run(*arguments, **options)
        assert status is None or done.returncode == status, (arguments, done)
        return done.stdout

    def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, within five minutes."""
        return subprocess.run(
            [*self.program, *arguments],
            env=self.environment,
            stdin=options.pop("stdin", subprocess.DEVNULL),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            **options,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command in a session of its own."""
        return subprocess.Popen(
            [*self.program, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def fails(self, *arguments: str, status: int = 1) -> str:
        """Run a command that must fail with `status` and say why in one line; gives that line."""
        done = self.run(*arguments)
        assert done.returncode == status, (arguments, done)
        assert done.stdout == ""
        (line,) = done.stderr.splitlines()
        assert line.startswith("Error: ")
        return str(line)

    def images(self) -> list[str]:
        """The images that are listed."""
        return [line.split()[0] for line in self("images").splitlines()[1:]]

    def containers(self) -> list[str]:
        """The ids of the containers that are listed."""
        return [line.split()[0] for line in self("ps").splitlines()[1:]]

    def create(self, image: str, *options: str) -> str:
        """Create a container and give its id."""
        output = self("create", *options, image).splitlines()
        assert len(output) == 1, output
        return output[0]

    def root(self, container: str) -> Path:
        """The root tree of a container."""
        return Path(self("inspect", "-p", container).splitlines()[-1])

    def inspect(self, name: str) -> dict[str, Any]:
        """What ``inspect`` says of an image or a container."""
        found: dict[str, Any] = json.loads(self("inspect", name))
        return found

    def remains(self) -> list[str]:
        """What lies among the containers and is none that is listed, nor the name of one."""
        known = self.containers()
        links = [p.name for p in (self.store / "containers").iterdir() if p.is_symlink()]
        entries = {p.name for p in (self.store / "containers").iterdir()}
        return sorted(entries - {*known, *links, ".lock"})


def which(program: str) -> str | None:
    """Where an ordinary user's shell finds `program`, the system's directories included."""
    return shutil.which(program, path=SYSTEM_PATH)
