"""Mode R1 of udocker: containers in user namespaces, by a launcher of our own, runc or crun."""

from __future__ import annotations

__version__ = "2.0.0a1"
