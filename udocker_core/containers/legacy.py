"""What udocker 1.3 may have left in a container that it ran.

Its R modes replace files of the root by links into a directory that exists while the container
runs, and keep the originals beside the root. Its F modes rewrite links and programs.
"""

from __future__ import annotations

import os
import stat

from udocker_core import files
from udocker_core.containers import rootfs
from udocker_core.errors import EngineError
from udocker_core.model import Container

_ORIGINALS = ".bind_orig_files"
_SHOWN = "/.bind_host_files"
#: Files of the record that only its F modes write.
_F_MODES = ("ld.so.orig", "ld.lib.dirs", "patch.time")


def restore_bound_files(container: Container) -> None:
    """Put back the files that udocker 1.3's R modes have replaced by links.

    Raises:
        OSError: as rename(2).
    """
    originals = os.path.join(container.directory, _ORIGINALS)
    if not os.path.isdir(originals):
        return
    for name in os.listdir(originals):
        directory, _, base = name.replace("#", "/").rpartition("/")
        parent = rootfs.locate(container.root, (), directory or "/")
        if parent and base and stat.S_ISDIR(parent.status.st_mode):
            fd = files.open_below(container.root, parent.path)
            try:
                if _link(base, fd).startswith(_SHOWN + "/"):
                    os.rename(os.path.join(originals, name), base, dst_dir_fd=fd)
            finally:
                os.close(fd)


def _link(name: str, fd: int) -> str:
    try:
        return os.readlink(name, dir_fd=fd)
    except OSError:
        return ""


def check_not_rewritten(container: Container) -> None:
    """Refuse a container whose programs and links udocker 1.3 has rewritten.

    Raises:
        EngineError: it has.
    """
    if any(os.path.lexists(os.path.join(container.directory, name)) for name in _F_MODES):
        raise EngineError(
            f"udocker 1.3 has set up {container.id} for mode {container.mode}, and has changed "
            "the files in it",
            "set it to P1 with udocker 1.3, or create it anew",
        )
