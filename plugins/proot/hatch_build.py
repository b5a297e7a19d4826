"""The build hook: compiles the program of csrc/ into the package (native/build.py)."""

from __future__ import annotations

import importlib.util
import os
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ProgramBuildHook(BuildHookInterface):
    """Puts the program into wheels and editable installations."""

    def dependencies(self) -> list[str]:
        """What the build needs beside hatchling."""
        return self._build.dependencies(self.root)

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say what the wheel runs on."""
        build_data.update(self._build.build_wheel(self.root, self.metadata.version))

    @property
    def _build(self) -> Any:
        """native/build.py: native/ is here in a source distribution, and shared in the checkout."""
        for directory in ("native", os.path.join("..", "..", "native")):
            path = os.path.join(self.root, directory, "build.py")
            spec = importlib.util.spec_from_file_location("native_build", path)
            if os.path.isfile(path) and spec and spec.loader:
                module = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(module)
                return module
        raise FileNotFoundError("native/build.py is neither beside the plugin nor in the checkout")
