"""Start a LaunchPlan: with ``run.child`` the only module that forks or executes the program.

A plan that leaves nothing to undo takes this process's place (execve): no Python stays in memory
beside the job, and signals, the terminal and the exit status need no help. Otherwise the program
is a child that dies with this process, and gets the signals that were sent to it.
"""

from __future__ import annotations

import errno
import os

# signal itself imports enum, which costs 3 ms
from _signal import SIG_DFL, SIGPIPE, SIGXFSZ  # type: ignore[import-not-found]
from _signal import signal as set_handler

from udocker_core.errors import CommandNotExecutable, EngineError, StoreError
from udocker_core.model import DataFile, LaunchPlan, file_descriptor, file_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import NoReturn


def needs_directory(plan: LaunchPlan) -> bool:
    """Whether files of the plan must exist under a path while the program runs."""
    return any(_uses(plan, file_path(file.name)) for file in plan.files)


def execute(plan: LaunchPlan) -> NoReturn:
    """Become the program.

    Args:
        plan: one for which :func:`needs_directory` is False.

    Raises:
        EngineError: the engine's program cannot be executed.
    """
    _replace_process(_open_files(plan, {}))


def supervise(plan: LaunchPlan, tmpdir: str, finish: Callable[[], None] | None = None) -> int:
    """Run the program as a child, then remove the plan's files and call `finish`.

    Args:
        plan: the plan.
        tmpdir: an existing directory for a private one with the plan's files.
        finish: what to do when the program has ended.

    Returns:
        the exit status, 128 + N when a signal N ended it.

    Raises:
        StoreError: the files cannot be written.
    """
    from udocker_core.layers.remove import remove_tree  # not needed to become the program
    from udocker_core.run import child

    directory = ""
    try:
        if needs_directory(plan):
            directory = os.path.join(tmpdir, f"udocker-{os.getpid()}-{os.urandom(8).hex()}")
            _write_files(plan, directory)
        ready = _open_files(plan, _paths(plan, directory))
        status = child.run(lambda: _exec_or_exit(ready))
    finally:
        if directory:
            remove_tree(directory)
    if finish:
        finish()
    return status


def _uses(plan: LaunchPlan, token: str) -> bool:
    texts = (*plan.argv, *plan.env.values())
    content = token.encode()
    return any(token in text for text in texts) or any(
        content in file.content for file in plan.files
    )


def _paths(plan: LaunchPlan, directory: str) -> dict[str, str]:
    return {file_path(file.name): os.path.join(directory, file.name) for file in plan.files}


def _write_files(plan: LaunchPlan, directory: str) -> None:
    paths = _paths(plan, directory)
    try:
        os.mkdir(directory, 0o700)
        for file in plan.files:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            fd = os.open(os.path.join(directory, file.name), flags, file.mode)
            with open(fd, "wb") as out:
                out.write(_content(file, paths))
    except OSError as error:
        raise StoreError(
            f"cannot write the run's files in {directory}: {error.strerror}",
            "choose another directory with TMPDIR or UDOCKER_TMP",
        ) from error


def _content(file: DataFile, replacements: Mapping[str, str]) -> bytes:
    content = file.content
    for token, text in replacements.items():
        content = content.replace(token.encode(), os.fsencode(text))
    return content


def _open_files(plan: LaunchPlan, replacements: dict[str, str]) -> LaunchPlan:
    """Replace the tokens; files that are wanted as descriptors are put into memory."""
    for file in plan.files:
        token = file_descriptor(file.name)
        if _uses(plan, token):
            fd = os.memfd_create(file.name, 0)
            view = memoryview(_content(file, replacements))
            while view:
                view = view[os.write(fd, view) :]
            os.lseek(fd, 0, os.SEEK_SET)
            os.fchmod(fd, file.mode)
            os.set_inheritable(fd, True)
            replacements[token] = str(fd)

    def resolve(text: str) -> str:
        for token, value in replacements.items():
            text = text.replace(token, value)
        return text

    return plan._replace(
        argv=tuple(resolve(text) for text in plan.argv),
        env={name: resolve(text) for name, text in plan.env.items()},
    )


def _replace_process(plan: LaunchPlan) -> NoReturn:
    # Python ignores these two; the program must find them as a shell would have left them.
    set_handler(SIGPIPE, SIG_DFL)
    set_handler(SIGXFSZ, SIG_DFL)
    if plan.cpuset:
        os.sched_setaffinity(0, _cpus(plan.cpuset))
    try:
        os.chdir(plan.cwd)
        os.execve(plan.argv[0], plan.argv, dict(plan.env))  # noqa: S606
    except OSError as error:
        if error.errno == errno.E2BIG:
            raise CommandNotExecutable(
                "the command and its environment are too long", "pass fewer or shorter ones"
            ) from error
        raise EngineError(
            f"cannot execute {plan.argv[0]}: {error.strerror}", "udocker doctor tells what is wrong"
        ) from error
    except ValueError as error:  # a NUL in what is to be passed
        raise EngineError(f"cannot execute {plan.argv[0]}: {error}") from error


def _cpus(text: str) -> set[int]:
    """A CPU list such as ``0-3,8`` (cpuset(7), "List format")."""
    ranges = []
    try:
        for part in text.split(","):
            first, _, last = part.partition("-")
            ranges.append(range(int(first), int(last or first) + 1))
    except ValueError:
        raise EngineError(f"invalid CPU list: {text}", "write it as 0-3,8") from None
    allowed = os.sched_getaffinity(0)
    # The last of a range is looked at before the range is counted through.
    if not all(cpus and cpus[-1] in allowed and allowed.issuperset(cpus) for cpus in ranges):
        raise EngineError(f"CPUs not available: {text}", "see /proc/self/status, Cpus_allowed_list")
    return {cpu for cpus in ranges for cpu in cpus}


def _exec_or_exit(plan: LaunchPlan) -> NoReturn:
    try:
        _replace_process(plan)
    except Exception as error:  # whatever it is, two processes must not go on from here
        hint = getattr(error, "hint", None)
        text = f"Error: {error}. Hint: {hint}\n" if hint else f"Error: {error}\n"
        os.write(2, text.encode(errors="replace"))
        os._exit(error.exit_code if isinstance(error, CommandNotExecutable) else 125)
