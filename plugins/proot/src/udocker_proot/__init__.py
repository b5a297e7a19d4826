"""Modes P1 and P2 of udocker: containers by system call tracing, which needs no privilege."""

from __future__ import annotations

__version__ = "2.0.0a1"
