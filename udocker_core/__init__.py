"""udocker: run docker and OCI images as an ordinary user.

This package is the core: stores, registry client, layer applier, run pipeline and command line.
It knows no engine; engines are separate distributions found through entry points.

The public interface for plugins is :data:`hookimpl` and the modules ``model``, ``errors``,
``binaries`` and ``testing``.
"""

from __future__ import annotations

from udocker_core.hookmarker import hookimpl

__version__ = "2.0.0a1"
__all__ = ["__version__", "hookimpl"]
