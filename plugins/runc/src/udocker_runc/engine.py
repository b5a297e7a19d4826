"""The engine of mode R1: from a RunSpec to the launcher's command line.

On the run path, so it imports next to nothing; OCI runtimes and maps of subordinate ids are in
modules that are imported when they are asked for.
"""

from __future__ import annotations

import os

from udocker_core import hookimpl
from udocker_core.binaries import chosen_program, own_program
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
from udocker_core.mounts import mount_points, nested_last, system_directories

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

#: The directory of the launcher and its manifest, made by the build hook.
PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin")
LAUNCHER = "udocker-launch"

#: The engine's settings.
RUNTIME_KEY = "use_runc_executable"
IDMAP_KEY = "runc_idmap"

#: What that setting is for the launcher; udocker 1.3 has the second.
LAUNCHER_SETTINGS = ("", "UDOCKER")

#: What runtimes hide, as it tells about the host.
MASKED_PATHS = (
    "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
    "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
)  # fmt: skip
#: What runtimes protect, as it changes the host when the user is root there.
READ_ONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


class Engine:
    """The engine of mode R1.

    Args:
        mode: the execution mode.
        settings: the configuration. ``use_runc_executable``: empty or ``UDOCKER`` for the
            launcher, else the name or path of an OCI runtime; ``runc_idmap``: ``single``
            (default) or ``subuid``.
    """

    capabilities = Capabilities(
        read_only_binds=True, devices=True, hostname=True, any_user=True, read_only_root=True
    )

    def __init__(self, mode: str, settings: Mapping[str, str]) -> None:
        self.mode = mode
        self._settings = settings
        runtime = settings.get(RUNTIME_KEY, "")
        one_id = settings.get(IDMAP_KEY, "") != "subuid"
        if one_id and runtime not in LAUNCHER_SETTINGS and not is_crun(runtime):
            self.capabilities = self.capabilities._replace(any_user=False)

    @hookimpl
    def udocker_run(self, container: Container, spec: RunSpec) -> LaunchPlan:
        """Translate `spec`; see :func:`udocker_core.hookspecs.udocker_run`."""
        launcher = own_program(PROGRAMS, LAUNCHER)
        runtime = self._runtime()
        spec = spec._replace(binds=nested_last(spec.binds))
        if runtime:
            from udocker_runc import oci

            return oci.plan(spec, launcher, runtime, self._maps(spec))
        argv = [launcher, *root_options(spec), *identity_options(spec, self._maps(spec))]
        argv += mount_options(spec)
        argv += ("--chdir", spec.cwd, "--exec", spec.executable, "--", *spec.argv)
        return LaunchPlan(
            tuple(argv), spec.env, files=spec.files, cpuset=spec.cpuset,
            mount_points=mount_points(spec),
        )  # fmt: skip

    @hookimpl
    def udocker_inspect(self, container: Container) -> Mapping[str, Any]:
        """Tell which program runs containers, and the map of ids."""
        return {
            "runc": {
                "program": self._runtime() or os.path.join(PROGRAMS, LAUNCHER),
                "idmap": self._idmap(),
            }
        }

    @hookimpl
    def udocker_probe(self) -> Probe:
        """Check the programs and run one of them in a container."""
        from udocker_runc import probe

        try:
            return probe.probe(self, PROGRAMS, LAUNCHER, self._runtime())
        except UdockerError as error:
            return Probe(False, f"{error.message} ({error.hint})")

    def _runtime(self) -> str:
        """The path of the OCI runtime to use, empty for the launcher."""
        setting = self._settings.get(RUNTIME_KEY, "")
        if setting in LAUNCHER_SETTINGS:
            return ""
        return chosen_program(setting, RUNTIME_KEY)

    def _idmap(self) -> str:
        kind = self._settings.get(IDMAP_KEY, "") or "single"
        if kind not in ("single", "subuid"):
            raise EngineError(f"invalid {IDMAP_KEY}: {kind}", "set it to single or subuid")
        return kind

    def _maps(self, spec: RunSpec) -> tuple[str, ...]:
        """The launcher's options that map ranges of ids; none for a map of one id."""
        if self._idmap() == "single":
            return ()
        from udocker_runc import idmap

        return idmap.options()


def is_crun(runtime: str) -> bool:
    """Whether the runtime is crun, which needs no root in a map of one id as runc does; all
    others are taken for the like of runc.
    """
    return os.path.basename(runtime).startswith("crun")


def root_options(spec: RunSpec) -> list[str]:
    """The launcher's options for the root."""
    options = ["--root", spec.root]
    if spec.read_only_root:
        options.append("--read-only-root")
    if spec.hostname:
        options += ("--hostname", spec.hostname)
    return options


def identity_options(spec: RunSpec, maps: tuple[str, ...]) -> list[str]:
    """The launcher's options for ids. Without maps the one id in the container is the user's."""
    options = ["--uid", str(spec.user.uid), "--gid", str(spec.user.gid), *maps]
    if maps and spec.user.gids:
        options += ("--groups", ",".join(map(str, spec.user.gids)))
    return options


def mount_options(spec: RunSpec) -> list[str]:
    """The launcher's options for mounts: system directories, volumes, devices, files."""
    options: list[str] = []
    for directory in system_directories(spec):
        options += ("--" + directory[1:], directory)
        for option, paths in (("--mask", MASKED_PATHS), ("--read-only", READ_ONLY_PATHS)):
            for path in paths:
                if path.startswith(directory):
                    options += (option, path)
    for target in spec.tmpfs:
        options += ("--tmpfs", target)
    for bind in spec.binds:
        options += (bind_option(bind), bind.source, bind.target)
    for device in spec.devices:
        options += ("--dev-bind", device.source, device.target)
    for file in spec.files:
        if file.target:
            options += ("--data", file_descriptor(file.name), file.target, f"{file.mode:o}")
    return options


def bind_option(bind: Bind) -> str:
    """The launcher's option for a bind. Device nodes work only in what comes from /dev."""
    if bind.read_only:
        return "--ro-bind"
    if bind.source == "/dev" or bind.source.startswith("/dev/"):
        return "--dev-bind"
    return "--bind"
