"""``udocker run``."""

from __future__ import annotations

import os
import sys

from udocker_core import execution
from udocker_core.cli.declare import Command, Option, Values
from udocker_core.cli.options import PULL_POLICIES, SOURCE, check_policy
from udocker_core.cli.session import INFO, Session
from udocker_core.containers import legacy, mountpoints
from udocker_core.errors import NotFound, RegistryError, UdockerError
from udocker_core.model import Container, LaunchPlan
from udocker_core.run import launch
from udocker_core.run.spec import RunOptions

_OPTIONS = (
    Option(("--name",), "Name the container", "NAME"),
    Option(("--rm",), "Remove the container when the command has ended"),
    Option(("--pull",), "When to pull the image: missing, never, always; reuse: take the "
           "container called --name if there is one", "WHEN"),
    *SOURCE,
    Option(("-v", "--volume"), "Show a file or directory of the host in the container",
           "HOST[:CONTAINER[:ro]]", multiple=True),
    Option(("--novol",), "Leave out a volume that is there by default", "HOST", multiple=True),
    Option(("-e", "--env"), "Set a variable, or pass the host's", "NAME[=VALUE]", multiple=True),
    Option(("--env-file",), "Read variables from a file", "FILE", multiple=True),
    Option(("-u", "--user"), "Who to run as", "NAME|UID[:GROUP|GID]"),
    Option(("-w", "--workdir"), "Working directory in the container", "DIR"),
    Option(("--entrypoint",), "Command in place of the image's entrypoint; empty for none",
           "COMMAND", unset=None),
    Option(("-h", "--hostname"), "Host name in the container", "NAME"),
    Option(("-p", "--publish"), "Publish a port", "[ADDRESS:]HOST:CONTAINER", multiple=True),
    Option(("-P", "--publish-all", "--netcoop"), "Accepted for udocker 1.3", hidden=True),
    Option(("--device",), "Show a device of the host", "DEVICE", multiple=True),
    Option(("--cpuset-cpus",), "CPUs to run on, such as 0-3,8", "LIST"),
    Option(("--kernel",), "Kernel release that the program sees", "RELEASE"),
    Option(("--hostauth",), "Show the host's users and groups"),
    Option(("--containerauth",), "Show the container's users and groups as they are"),
    Option(("--hostenv",), "Pass the host's environment"),
    Option(("--bindhome",), "Show the host's home directory"),
    Option(("--nosysdirs",), "Do not show the host's /dev, /proc, /sys and resolv.conf"),
    Option(("--dri",), "Show the host's directories of graphics drivers"),
    Option(("--nometa",), "Ignore the image's user, directory, environment and command"),
    Option(("--nobanner",), "Do not print the banner"),
    Option(("--plan",), "Print what would be executed, as JSON, and stop"),
    Option(("-i", "--interactive"), "Accepted: standard input is always passed"),
    Option(("-t", "--tty"), "Accepted: the terminal is always passed"),
    Option(("-a", "--attach"), "Accepted for udocker 1.3", hidden=True),
    Option(("--dns",), "Accepted for udocker 1.3", "IP", multiple=True, hidden=True),
    Option(("--dns-search",), "Accepted for udocker 1.3", "NAME", multiple=True, hidden=True),
    Option(("--volumes-from",), "Accepted for udocker 1.3", "NAME", multiple=True, hidden=True),
)
_DESCRIBES_PROGRAM = frozenset(RunOptions._fields) - {"command"}


def main(session: Session, values: Values) -> int:
    """Run a command in a container, which is made first if it is an image that was named."""
    target, *command = values["arguments"]
    policy = check_policy(values["pull"], (*PULL_POLICIES, "reuse"))
    container, is_new = _find(session, values, target, policy)
    options = RunOptions(tuple(command), **{key: values[key] for key in _DESCRIBES_PROGRAM})
    try:
        legacy.restore_bound_files(container)
        prepared = execution.prepare(container, options, session.config, session.warn)
        mountpoints.make(container, {} if values["plan"] else prepared.plan.mount_points)
    except UdockerError:
        if is_new and values["rm"]:
            _remove(session, container)
        raise
    if values["plan"]:
        _print_plan(prepared.plan)
        if is_new:
            _remove(session, container)
        return 0
    if session.level >= INFO and not values["nobanner"] and sys.stderr.isatty():
        _print_banner(container.id, prepared.program)
    if not values["rm"] and not launch.needs_directory(prepared.plan):
        launch.execute(prepared.plan)
    finish = (lambda: _remove(session, container)) if values["rm"] else None
    return launch.supervise(prepared.plan, session.config.tmpdir, finish)


def _find(session: Session, values: Values, target: str, policy: str) -> tuple[Container, bool]:
    """The container to run, and whether it was made for this run."""
    store = session.containers
    name = values["name"]
    if policy == "reuse" and name and name in store:
        return store.find(name), False
    if policy != "always" and target in store:
        container = store.find(target)
        if name:
            store.add_name(container, name)
            container = store.find(target)
        return container, False
    from udocker_core.cli import acquire

    fetch = "missing" if policy == "reuse" else policy
    try:
        return acquire.container(session, values, target, name, fetch), True
    except (NotFound, RegistryError) as error:
        if policy == "always":
            raise
        reason = "" if isinstance(error, NotFound) else f"; pulling it failed: {error.message}"
        raise NotFound(f"no such container or image: {target}{reason}", error.hint) from error


def _remove(session: Session, container: Container) -> None:
    try:
        session.containers.remove(session.containers.locate(container.id))
    except UdockerError as error:
        session.warn(f"{container.id} is not removed: {error.message}")


def _print_plan(plan: LaunchPlan) -> None:
    import json

    value = plan._asdict()
    value["files"] = [{**file._asdict(), "content": os.fsdecode(file.content)}
                      for file in plan.files]
    print(json.dumps(value, indent=4).replace("\\u0000", "|"))


def _print_banner(identifier: str, program: str) -> None:
    frame = "*" * 78
    lines = ("", frame, f"*{'':76}*", f"*{'STARTING ' + identifier:^76}*", f"*{'':76}*", frame,
             f"executing: {os.path.basename(program)}", "")
    print("\n ".join(lines), file=sys.stderr)


COMMAND = Command(
    "run",
    "Run a command in a container",
    main,
    _OPTIONS,
    arguments="CONTAINER|IMAGE [COMMAND [ARGUMENT...]]",
    least=1,
    most=None,
    passthrough=True,
    failure=125,
    details="What follows the container belongs to the command. An image is pulled if it is not "
    "here, and a container is made from it. The exit status is the command's; 128+N if signal N "
    "ended it; 127 if there is no such command, 126 if it cannot be executed, 125 if udocker "
    "itself failed.",
)
