"""What a container may do, for OCI runtimes: the same as our launcher's (csrc/seccomp.c)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

#: Docker's default capabilities.
CAPABILITIES = (
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW",
    "CAP_SETGID", "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
)  # fmt: skip

#: System calls answered with EPERM.
REFUSED = (
    "mount", "umount2", "pivot_root", "open_tree", "open_tree_attr", "move_mount", "fsopen",
    "fsconfig", "fsmount", "fspick", "mount_setattr", "setns",
    "add_key", "request_key", "keyctl",
    "bpf", "perf_event_open", "userfaultfd", "init_module", "finit_module", "delete_module",
    "kexec_load", "kexec_file_load", "lookup_dcookie", "fanotify_init", "open_by_handle_at",
    "reboot", "swapon", "swapoff", "acct", "quotactl", "quotactl_fd", "nfsservctl",
    "settimeofday", "clock_settime", "clock_adjtime", "syslog", "vhangup",
)  # fmt: skip
#: System calls answered with ENOSYS.
MISSING = ("clone3", "io_uring_setup", "io_uring_enter", "io_uring_register")
#: Socket families that are there: unspec unix inet inet6 netlink packet ib.
FAMILIES = (0, 1, 2, 10, 16, 17, 27)

_EPERM, _ENOSYS, _EAFNOSUPPORT = 1, 38, 97
_LAST_FAMILY = 46
_CLONE_NEWUSER = 0x10000000
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_ARCHITECTURES = {
    "x86_64": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    "aarch64": ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
}


def seccomp() -> dict[str, Any]:
    """The filter in the form of the runtime-spec (config-linux.md, "Seccomp").

    Runtimes skip names that their libseccomp does not know.
    """
    rules = [_errno(REFUSED, _EPERM), _errno(MISSING, _ENOSYS)]
    rules.append(_errno(["clone", "unshare"], _EPERM, _masked(0, _CLONE_NEWUSER, _CLONE_NEWUSER)))
    for request in (_TIOCSTI, _TIOCLINUX):
        rules.append(_errno(["ioctl"], _EPERM, _masked(1, 0xFFFFFFFF, request)))
    for family in set(range(_LAST_FAMILY)) - set(FAMILIES):
        condition = {"index": 0, "value": family, "op": "SCMP_CMP_EQ"}
        rules.append(_errno(["socket"], _EAFNOSUPPORT, condition))
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": _ARCHITECTURES.get(os.uname().machine, []),
        "syscalls": rules,
    }


def _errno(names: Sequence[str], error: int, *conditions: dict[str, Any]) -> dict[str, Any]:
    rule: dict[str, Any] = {"names": list(names), "action": "SCMP_ACT_ERRNO", "errnoRet": error}
    if conditions:
        rule["args"] = list(conditions)
    return rule


def _masked(index: int, mask: int, value: int) -> dict[str, Any]:
    return {"index": index, "value": mask, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}
