"""Entry points of the installed distributions, found without importing importlib.metadata.

stevedore and ``importlib.metadata`` cost 55 ms at each start (docs/adr/0003), so the run path
reads the ``entry_points.txt`` files itself: no cache that could go stale. What it does not find
is looked up with stevedore, whose answer is authoritative; a test holds the two together.
"""

from __future__ import annotations

import os
import sys

from udocker_core.errors import EngineError, UdockerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, NamedTuple
else:
    from udocker_core.namedtuple import NamedTuple

#: The groups carry the version of the plugin interface.
ENGINES = "udocker.engines.v1"
PLUGINS = "udocker.plugins.v1"
#: dist-info of wheels, egg-info of Debian's packages and of old tools.
_SUFFIXES = (".dist-info", ".egg-info")


class EntryPoint(NamedTuple):
    """A named object that a distribution offers."""

    group: str
    name: str
    value: str  #: ``module:attribute``
    distribution: str
    version: str

    def load(self) -> Any:
        """Import the object.

        Raises:
            EngineError: its module cannot be imported.
        """
        import importlib

        module, _, attribute = self.value.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except Exception as error:  # whatever its module raises
            raise EngineError(
                f"{self.distribution} {self.version} is broken: {error}",
                f"pip install --force-reinstall {self.distribution}",
            ) from error


    def make(self, *arguments: Any) -> Any:
        """Call the object, an engine or a plugin, to make one.

        Raises:
            UdockerError: what it raised.
            EngineError: it raised anything else, or cannot be imported.
        """
        factory = self.load()
        try:
            return factory(*arguments)
        except UdockerError:
            raise
        except Exception as error:  # whatever the constructor of a stranger raises
            raise EngineError(
                f"{self.distribution} {self.version} cannot make {self.name}: "
                f"{type(error).__name__}: {error}",
                "report it to its authors, or do without it",
            ) from error


def find(group: str, path: Sequence[str] | None = None) -> list[EntryPoint]:
    """All entry points of a group, in the order of the module search path.

    The current directory is ignored: what lies there must not become part of udocker.
    """
    found: list[EntryPoint] = []
    seen: set[str] = set()
    strange = _strange_directory()
    for directory in sys.path if path is None else path:
        if not directory or not os.path.isabs(directory):
            continue
        try:
            if strange and os.path.samestat(os.stat(directory), strange):
                continue
            entries = os.listdir(directory)
        except OSError:
            continue  # a zip file, or a directory that is gone
        for entry in entries:
            stem, suffix = os.path.splitext(entry)
            if suffix not in _SUFFIXES or entry.startswith("~"):  # what pip has left behind
                continue
            distribution, _, rest = stem.partition("-")
            name = normalized(distribution)
            if name not in seen:
                seen.add(name)
                file = os.path.join(directory, entry, "entry_points.txt")
                version = rest.partition("-py")[0]
                found += [
                    EntryPoint(group, key, value, name, version)
                    for key, value in _section(file, group)
                ]
    return found


def normalized(name: str) -> str:
    """A distribution's name in the one spelling that counts (PEP 503)."""
    return name.lower().replace("_", "-").replace(".", "-")


def _strange_directory() -> os.stat_result | None:
    """The current directory, unless udocker itself is installed there; None if it is gone."""
    own = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    try:
        here = os.stat(".")
    except OSError:
        return None
    return None if os.path.samestat(here, os.stat(own)) else here


def _section(file: str, group: str) -> Iterator[tuple[str, str]]:
    """The entries of one section (packaging.python.org, "Entry points specification")."""
    try:
        with open(file, encoding="utf-8") as lines:
            text = lines.read()
    except OSError:
        return
    header = f"[{group}]"
    if header not in text:
        return
    inside = False
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("["):
            inside = line == header
        elif inside and "=" in line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            yield name.strip(), value.partition("[")[0].strip()
