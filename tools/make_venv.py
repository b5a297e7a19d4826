"""Make a virtual environment with pip, also where Python came without ensurepip.

usage: make_venv.py DIRECTORY

Debian has ensurepip in a package of its own (python3-venv). Without it, virtualenv does the
same; pip brings it into a temporary directory.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile


def main(directory: str) -> None:
    """Make the environment in `directory`, or leave it alone if it is there and works."""
    python = os.path.join(directory, "bin", "python")
    if os.path.exists(python) and _runs(python, "-m", "pip", "--version"):
        return
    if importlib.util.find_spec("ensurepip") and _runs(
        sys.executable, "-m", "venv", "--clear", directory
    ):
        return
    if not importlib.util.find_spec("pip"):
        sys.exit(f"{sys.executable} has neither ensurepip nor pip: install python3-pip")
    with tempfile.TemporaryDirectory() as target:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", target]
        subprocess.run([*pip, "virtualenv"], check=True)
        command = [sys.executable, "-m", "virtualenv", "--quiet", "--clear", directory]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": target})


def _runs(*command: str) -> bool:
    return subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0


if __name__ == "__main__":
    main(sys.argv[1])
