"""From a container and the options of ``run`` to a :class:`~udocker_core.model.RunSpec`.

Looks at the host and at the container's root, changes nothing.
"""

from __future__ import annotations

import os
import stat

from udocker_core.config import Config
from udocker_core.containers import rootfs
from udocker_core.errors import UsageError
from udocker_core.model import Bind, Container, Device, Port, RunSpec, User
from udocker_core.run import command, environ, users, volumes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NamedTuple
else:
    from udocker_core.namedtuple import NamedTuple

#: The directories that each engine provides in its own way.
_ENGINE_DIRECTORIES = ("/dev", "/proc", "/sys")
_LARGEST_PORT = 65535
_LONGEST_HOSTNAME = 64  # sethostname(2)


class RunOptions(NamedTuple):
    """The options of ``run`` that describe the program, as they were typed."""

    command: tuple[str, ...] = ()
    entrypoint: str | None = None
    env: tuple[str, ...] = ()
    env_file: tuple[str, ...] = ()
    volume: tuple[str, ...] = ()
    novol: tuple[str, ...] = ()
    user: str = ""
    workdir: str = ""
    hostname: str = ""
    publish: tuple[str, ...] = ()
    device: tuple[str, ...] = ()
    cpuset_cpus: str = ""
    kernel: str = ""
    hostauth: bool = False
    containerauth: bool = False
    hostenv: bool = False
    bindhome: bool = False
    nosysdirs: bool = False
    dri: bool = False
    nometa: bool = False


def build(
    container: Container,
    options: RunOptions,
    mode: str,
    config: Config,
    warn: Callable[[str], None],
) -> RunSpec:
    """What to run, as docker would understand it.

    Args:
        container: the container.
        options: the options of ``run``.
        mode: the execution mode, which the program's environment tells.
        config: for the default command, PATH and volumes.
        warn: called with a line about something that is left out.

    Raises:
        UsageError: an option names something that does not exist or has a wrong form.
        CommandNotFound, CommandNotExecutable: the program cannot be started.
    """
    image = {} if options.nometa else _runtime_config(container)
    request = options.user or str(image.get("User") or "")
    host = users.HostUser(os.getuid(), os.getgid())
    user, files = users.resolve(
        request, container.root, host, options.hostauth, options.containerauth
    )
    binds = [
        bind
        for bind in map(volumes.parse, options.volume)
        if not volumes.is_standard_stream(bind.source, bind.target)
    ]
    devices = [
        device
        for device in map(_device, options.device)
        if not volumes.is_standard_stream(device.source, device.target)
    ]
    if options.bindhome:
        home = _home()
        user = user._replace(home=home)
        binds.append(Bind(home, home))
    binds += _system_binds(container, options, config, {bind.target for bind in binds})
    binds, unknown = volumes.without(binds, options.novol)
    for text in unknown:
        warn(f"--novol={text}: there is no such volume")
    targets = {bind.target for bind in binds}
    env = _environment(container, user, image, options, mode, config)
    cwd = _workdir(container, binds, options, image, user, warn)
    argv = command.choose(
        image, options.entrypoint, options.command, config.text("cmd").split()
    )
    if any("\0" in text for text in (*argv, *env, *env.values())):
        raise UsageError(
            f"the command or environment of {container.image} holds a NUL",
            "no program can get it: correct the image, or leave its settings out with --nometa",
        )
    return RunSpec(
        root=container.root,
        argv=argv,
        executable=command.executable(container.root, binds, argv[0], env["PATH"], cwd),
        env=env,
        cwd=cwd,
        user=user,
        hostname=_hostname(options.hostname),
        binds=tuple(binds),
        devices=tuple(devices),
        ports=tuple(_port(text) for text in options.publish),
        files=tuple(file for file in files if file.target not in targets),
        kernel=options.kernel,
        cpuset=options.cpuset_cpus,
        terminal=os.isatty(0) and os.isatty(1),
        sysdirs=not options.nosysdirs,
    )


def _runtime_config(container: Container) -> dict[str, object]:
    for key in ("config", "container_config"):
        value = container.config.get(key)
        if isinstance(value, dict):
            for setting in ("Entrypoint", "Cmd", "Env", "WorkingDir", "User"):
                _check_text(container, setting, value.get(setting))
            return value
    return {}


def _check_text(container: Container, setting: str, value: object) -> None:
    """Refuse text that the kernel cannot get: JSON can spell halves of characters."""
    for text in value if isinstance(value, list) else [value]:
        try:
            os.fsencode(text if isinstance(text, str) else "")
        except UnicodeEncodeError:
            raise UsageError(
                f"the {setting} of {container.image} has a character that no program can get",
                "correct the image, or leave its settings out with --nometa",
            ) from None


def _home() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_dir


def _system_binds(
    container: Container, options: RunOptions, config: Config, taken: set[str]
) -> list[Bind]:
    """The default volumes: what exists, and is not hidden by a volume of the user's.

    A file is shown even where the image has none (a container without resolv.conf has no names);
    a directory only where the image has a place for it.
    """
    wanted: list[str] = []
    if not options.nosysdirs:
        wanted += [p for p in config.words("sysdirs_list") if p not in _ENGINE_DIRECTORIES]
    if options.dri:
        wanted += config.words("dri_list")
    binds = []
    for path in wanted:
        if path in taken or not os.path.exists(path):
            continue
        if not os.path.isdir(path) or rootfs.locate(container.root, (), path):
            binds.append(Bind(path, path))
    return binds


def _environment(
    container: Container,
    user: User,
    image: dict[str, object],
    options: RunOptions,
    mode: str,
    config: Config,
) -> dict[str, str]:
    given = environ.from_image(image.get("Env"))
    for path in options.env_file:
        given.update(environ.from_file(path))
    given.update(environ.from_options(options.env))
    default_path = config.text("root_path" if user.uid == 0 else "user_path")
    return environ.build(container, user, given, default_path, mode, options.hostenv)


def _workdir(
    container: Container,
    binds: list[Bind],
    options: RunOptions,
    image: dict[str, object],
    user: User,
    warn: Callable[[str], None],
) -> str:
    """``--workdir``, else the image's, else the user's home, else ``/``."""

    def directory(path: str) -> bool:
        place = rootfs.locate(container.root, binds, path)
        return place is not None and stat.S_ISDIR(place.status.st_mode)

    if options.workdir:
        if not options.workdir.startswith("/") or not directory(options.workdir):
            raise UsageError(
                f"invalid working directory: {options.workdir}",
                "it must be absolute and exist in the container or in a volume",
            )
        return options.workdir
    for path in (str(image.get("WorkingDir") or ""), user.home):
        if path.startswith("/") and directory(path):
            return path
        if path and path != user.home:
            warn(f"the image's working directory does not exist: {path}")
    return "/"


def _hostname(text: str) -> str:
    if len(os.fsencode(text)) > _LONGEST_HOSTNAME:
        raise UsageError(
            f"invalid host name: {text}", f"it can have {_LONGEST_HOSTNAME} bytes, no more"
        )
    return text


def _device(text: str) -> Device:
    source, _, rest = text.partition(":")
    target = rest.partition(":")[0] or source
    if not source.startswith("/dev/") or not target.startswith("/") or not os.path.exists(source):
        raise UsageError(f"invalid device: {text}", "name a device of the host under /dev")
    return Device(source, target)


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) <= _LARGEST_PORT


def _port(text: str) -> Port:
    """``[ADDRESS:]HOST:CONTAINER[/PROTOCOL]``, or ``PORT`` alone for the same on both sides."""
    numbers, _, protocol = text.partition("/")
    parts = numbers.rsplit(":", 2)
    if len(parts) == 1:
        parts = [parts[0], parts[0]]
    address = parts.pop(0) if len(parts) == 3 else ""
    wrong = not all(map(_is_port, parts))
    if wrong or protocol not in ("", "tcp", "udp"):
        raise UsageError(f"invalid port: {text}", "give [ADDRESS:]HOST:CONTAINER[/tcp|/udp]")
    return Port(int(parts[0]), int(parts[1]), address.strip("[]"), protocol or "tcp")
