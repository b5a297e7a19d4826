"""The engine of modes P1 and P2: from a RunSpec to the tracer's command line.

On the run path, so it imports next to nothing; what only a PRoot of the host needs is in a module
that is imported when one is asked for.
"""

from __future__ import annotations

import os

from udocker_core import hookimpl
from udocker_core.binaries import chosen_program, host_program, own_program
from udocker_core.errors import EngineError, UdockerError
from udocker_core.model import (
    Bind,
    Capabilities,
    Container,
    LaunchPlan,
    Probe,
    RunSpec,
    file_descriptor,
)
from udocker_core.mounts import mount_points, system_directories

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

#: The directory of the tracer and its manifest, made by the build hook.
PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin")
TRACER = "udocker-proot"

#: The engine's settings, with udocker 1.3's names.
PROGRAM_KEY = "use_proot_executable"
FILTER_KEY = "proot_noseccomp"
END_KEY = "proot_killonexit"
LINKS_KEY = "proot_link2symlink"
#: Of the host's environment: not empty for no filter, as for PRoot.
NO_FILTER_VARIABLE = "PROOT_NO_SECCOMP"

#: What the first of them is for our own tracer; udocker 1.3 has the second.
OWN_PROGRAM = ("", "UDOCKER")

_YES = ("1", "true", "yes", "on")
_NO = ("", "0", "false", "no", "off", "none")

#: Architectures of images (GOARCH) -> the same as uname(1) and the names of qemu have them.
_MACHINES = {
    "amd64": "x86_64", "arm64": "aarch64", "386": "i386", "loong64": "loongarch64",
    "mips64le": "mips64el", "mipsle": "mipsel",
}  # fmt: skip


class Engine:
    """The engine of modes P1, where a seccomp filter lets calls without paths pass, and P2.

    Args:
        mode: the execution mode.
        settings: the configuration. ``use_proot_executable``: empty or ``UDOCKER`` for the tracer
            that comes with this package, else the name or path of a PRoot of the host;
            ``proot_noseccomp``: P1 is executed as P2; ``proot_link2symlink``: hard links that
            the file system refuses become symbolic ones; ``proot_killonexit``: for a PRoot of
            the host, whether it ends what the program leaves behind (default yes).
    """

    capabilities = Capabilities(
        devices=True, ports=True, hostname=True, any_user=True, kernel_release=True
    )

    def __init__(self, mode: str, settings: Mapping[str, str]) -> None:
        self.mode = mode
        self.settings = settings
        if settings.get(PROGRAM_KEY, "") not in OWN_PROGRAM:
            from udocker_proot import foreign

            ports = foreign.has_ports(settings[PROGRAM_KEY])
            self.capabilities = self.capabilities._replace(ports=ports)

    @hookimpl
    def udocker_run(self, container: Container, spec: RunSpec) -> LaunchPlan:
        """Translate `spec`; see :func:`udocker_core.hookspecs.udocker_run`."""
        program = self.program()
        files = tuple(file for file in spec.files if file.target)
        if program:
            from udocker_proot import foreign

            argv = foreign.command(self, program, container, spec)
            env: Mapping[str, str] = {**spec.env, **foreign.variables(self)}
        else:
            argv = [own_program(PROGRAMS, TRACER), *self._options(container, spec)]
            for bind in shown_paths(spec):
                argv += ("--bind-pair", bind.source, bind.target)
            for file in files:
                argv += ("--bind-fd", file_descriptor(file.name), file.target)
            argv += ("--exec", spec.executable, "--", *spec.argv)
            env = spec.env
        return LaunchPlan(
            tuple(argv), env, files=files, cpuset=spec.cpuset, mount_points=mount_points(spec)
        )

    @hookimpl
    def udocker_inspect(self, container: Container) -> Mapping[str, Any]:
        """Tell which program runs containers, and whether a filter saves it work."""
        return {
            "proot": {
                "program": self.program() or os.path.join(PROGRAMS, TRACER),
                "seccomp": self.has_filter(),
            }
        }

    @hookimpl
    def udocker_probe(self) -> Probe:
        """Check the program and run it in a container."""
        from udocker_proot import probe

        try:
            return probe.probe(self, PROGRAMS, TRACER)
        except UdockerError as error:
            return Probe(False, f"{error.message} ({error.hint})")

    def program(self) -> str:
        """The path of the host's PRoot to use, empty for our own tracer.

        Raises:
            EngineError: the setting names none.
        """
        setting = self.settings.get(PROGRAM_KEY, "")
        return "" if setting in OWN_PROGRAM else chosen_program(setting, PROGRAM_KEY)

    def has_filter(self) -> bool:
        """Whether calls that need no translation are to pass without a stop."""
        unwanted = self.flag(FILTER_KEY, default=False) or os.environ.get(NO_FILTER_VARIABLE)
        return self.mode != "P2" and not unwanted

    def flag(self, key: str, default: bool) -> bool:
        """A setting that is yes or no.

        Raises:
            EngineError: it is neither, as people write them.
        """
        text = self.settings.get(key, "yes" if default else "no").strip().lower()
        if text not in (*_YES, *_NO):
            raise EngineError(f"invalid {key}: {text}", "set it to yes or no")
        return text in _YES

    def _options(self, container: Container, spec: RunSpec) -> list[str]:
        options = [] if self.has_filter() else ["--no-seccomp"]
        options += ("-r", spec.root, "-w", spec.cwd, *identity_options(spec))
        options += kernel_options(spec)
        if self.flag(LINKS_KEY, default=False):
            options.append("--link2symlink")
        program = emulator(container)
        if program:
            options += ("-q", program)
        return options + port_options(spec, self.mode)


def shown_paths(spec: RunSpec) -> list[Bind]:
    """What is shown of the host: system directories, volumes and devices."""
    shown = [Bind(path, path) for path in system_directories(spec)]
    shown += spec.binds
    for device in spec.devices:
        if not (device.source == device.target and "/dev" in system_directories(spec)):
            shown.append(Bind(device.source, device.target))
    return shown


def identity_options(spec: RunSpec) -> list[str]:
    """The ids that programs take for theirs; the caller's files are shown as that user's."""
    uid, gid, gids = spec.user.uid, spec.user.gid, spec.user.gids
    if not (uid or gid or gids):
        return ["-0"]
    groups = f":{','.join(map(str, gids))}" if gids else ""
    return ["-i", f"{uid}:{gid}{groups}"]


def kernel_options(spec: RunSpec) -> list[str]:
    r"""What uname(2) answers: a release, or PRoot's form with all fields, ``\system\node\...``.

    Raises:
        EngineError: the host name cannot be written in that form.
    """
    if not spec.hostname:
        return ["-k", spec.kernel] if spec.kernel else []
    host = os.uname()
    release = spec.kernel or host.release
    if "\\" in spec.hostname + release:
        raise EngineError("a host name or kernel release holds a backslash", "leave it out")
    fields = (host.sysname, spec.hostname, release, host.version, host.machine, "(none)", "0")
    return ["-k", "".join(f"\\{field}" for field in fields) + "\\"]


def port_options(spec: RunSpec, mode: str) -> list[str]:
    """Where programs really listen. The network is the host's: the same port needs no option.

    Raises:
        EngineError: only one address is to be listened on, which nobody here can see to.
    """
    options: list[str] = []
    for port in spec.ports:
        if port.address not in ("", "0.0.0.0", "::"):  # noqa: S104
            raise EngineError(
                f"mode {mode} cannot publish a port on one address: {port.address}",
                "publish it on all, and let the program listen on that address",
            )
        if port.host != port.container:
            options += ("-p", f"{port.container}:{port.host}")
    return options


def emulator(container: Container, also_native: Mapping[str, str] | None = None) -> str:
    """The host path of the qemu-user program for the container's image; empty when it is native.

    Args:
        container: its image's configuration names the architecture (OCI image-spec, config.md).
        also_native: other machines whose programs run -> the host's machine that they run on.

    Raises:
        EngineError: the image is of another architecture, and there is no such program.
    """
    architecture = container.config.get("architecture") or ""
    machine = _MACHINES.get(architecture, architecture)
    host = os.uname().machine
    if machine in ("", host) or (also_native or {}).get(machine) == host:
        return ""
    names = [f"qemu-{machine}-static", f"qemu-{machine}"]
    program = host_program(names)
    if not program:
        raise EngineError(
            f"the image is for {architecture}, this host is {host}, and {names[0]} is not in PATH",
            "install qemu-user-static, or choose an image for this host",
        )
    return program
