"""Wear out the tracing engines: many processes, threads and files, and many at once.

usage: python -m tools.soak [ENGINE]...

Each task runs in a Debian tree as an ordinary user. While it goes on the tracer's memory and
descriptors are watched, which must not grow; after it the exit status must be right and no
process of it may be left. Exits with 1 if anything is wrong.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from benchmarks import harness, tracers
from benchmarks.tracers import Tracer
from tests.live.command import SYSTEM_PATH
from tests.live.parts import PARTS

GROWTH = 512  #: kB that a tracer may grow between the first quarter of a task and its end
EXTRA_DESCRIPTORS = 4  #: and descriptors, as those of the call at hand come and go
MARK = "UDOCKER_SOAK"  #: the variable by which a task's processes are known


class Task(NamedTuple):
    """Something to do in the tree; it prints a line for each step, the same work in every one."""

    name: str
    argv: tuple[str, ...]
    status: int = 0  #: the exit status it must have
    limit: float = 600  #: seconds
    kill: bool = False  #: kill the tracer once the task has printed a line


PROCESSES = """
i=0
while [ $i -lt 10000 ]; do
    /bin/true || exit 1
    i=$((i+1))
    [ $((i % 500)) -gt 0 ] || echo $i
done
exit 7"""
AT_ONCE = """
step() {
    pids=
    i=0
    while [ $i -lt 200 ]; do
        (find /etc -name passwd > /dev/null; exit $((i % 100))) &
        pids="$pids $!"
        i=$((i+1))
    done
    i=0
    for pid in $pids; do
        wait $pid
        [ $? -eq $((i % 100)) ] || exit 1
        i=$((i+1))
    done
}
for round in 1 2 3 4 5 6 7 8 9 10; do step; echo $round; done
kill -TERM $$"""
THREADS = """
import os, threading
def work():
    os.stat("/etc/passwd")
    open("/etc/passwd").close()
for round in range(50):
    threads = [threading.Thread(target=work) for _ in range(200)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    print(round, flush=True)
"""
FILES = """
import os
os.makedirs("/tmp/soak", exist_ok=True)
os.chmod("/tmp/soak", 0o777)
os.setgid(33)
os.setuid(33)
for number in range(20000):
    with open("/tmp/soak/file", "w") as file: pass
    assert os.stat("/tmp/soak/file").st_uid == 33
    os.rename("/tmp/soak/file", "/tmp/soak/other")
    os.chmod("/tmp/soak/other", 0o600)
    if number % 2: os.unlink("/tmp/soak/other")
    if number % 1000 == 0: print(number, flush=True)
"""
SIGNALS = """
import os, signal
hits = 0
def handle(*unused):
    global hits
    hits += 1
signal.signal(signal.SIGALRM, handle)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
for number in range(20000):
    assert os.stat("/etc/passwd").st_size > 0
    with open("/etc/passwd") as file: file.read(1)
    if number % 1000 == 0: print(number, flush=True)
signal.setitimer(signal.ITIMER_REAL, 0)
assert hits
"""
KILLS = """
import os, random, signal, subprocess, time
def child():
    while True:
        os.stat("/etc/passwd")
        os.close(os.open("/tmp", os.O_RDONLY))
        if random.random() < 0.05: subprocess.run(["true"])
random.seed(1)
for number in range(100):
    children = []
    for _ in range(10):
        pid = os.fork()
        if pid == 0: child()
        children.append(pid)
    for pid in children:
        time.sleep(random.random() / 500)
        os.kill(pid, signal.SIGSTOP)
        assert os.WIFSTOPPED(os.waitpid(pid, os.WUNTRACED)[1])
        if random.random() < 0.5: os.kill(pid, signal.SIGCONT)
        os.kill(pid, signal.SIGKILL)
    for pid in children:
        assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
    if number % 5 == 0: print(number, flush=True)
"""
BUILD = """
rm -rf /tmp/build && mkdir /tmp/build && cd /tmp/build
i=0
while [ $i -lt 150 ]; do
    echo "#include <stdio.h>
#include <stdlib.h>
int f$i(void) { return getenv(\\"f$i\\") ? $i : 1; }" > f$i.c
    objects="$objects f$i.o"
    calls="$calls + f$i()"
    names="$names int f$i(void);"
    i=$((i+1))
done
echo "#include <stdio.h>
$names
int main(void) { printf(\\"%d\\", 0 $calls); return 0; }" > main.c
printf 'main: main.o%s\\n\\tgcc -o $@ $^\\n%%.o: %%.c\\n\\tgcc -c -O2 -o $@ $<\\n' \\
    "$objects" > Makefile
for round in 1 2; do
    rm -f *.o main
    make -s -j 8 || exit 1
    [ "$(./main)" = 150 ] || exit 1
    echo $round
done"""
LEFT_BEHIND = """
for i in 1 2 3 4 5; do
    setsid sleep 1000 &
    (sleep 1000 & sleep 1000 & trap '' TERM HUP; wait) &
done
sleep 0.5
echo started
exit 3"""
TASKS = (
    Task("10,000 processes", ("sh", "-c", PROCESSES), 7),
    Task("200 at once, 10 times", ("sh", "-c", AT_ONCE), 128 + signal.SIGTERM),
    Task("10,000 threads", ("python3", "-c", THREADS)),
    Task("20,000 files of another user", ("python3", "-c", FILES)),
    Task("a signal every millisecond", ("python3", "-c", SIGNALS)),
    Task("stopped and killed at any moment", ("python3", "-c", KILLS)),
    Task("make -j 8, 150 files, twice", ("sh", "-c", BUILD)),
    Task("processes left behind", ("sh", "-c", LEFT_BEHIND), 3, 30),
    Task("the tracer is killed", ("sh", "-c", f"{LEFT_BEHIND.replace('exit 3', 'sleep 1000')}"),
         -signal.SIGKILL, 30, kill=True),
)  # fmt: skip


def main(names: list[str]) -> int:
    """Run all tasks under the engines of these names, ours if there are none."""
    place = Path(tempfile.mkdtemp(prefix="udocker-soak-"))
    wrong = 0
    try:
        root = place / "root"
        root.mkdir()
        unpack = ["tar", "-xf", str(PARTS / "python.tar"), "--no-same-owner", "--exclude=./dev/*"]
        subprocess.run([*unpack, "-C", str(root)], check=True)
        engines = tracers.own()
        if names:
            engines = [t for t in engines + tracers.foreign(place) if t.name in names]
        for tracer in engines:
            for task in TASKS:
                start = time.monotonic()
                faults = do(tracer, root, task)
                spent = time.monotonic() - start
                print(f"{tracer.name}: {task.name}: {'; '.join(faults) or 'ok'}, {spent:.1f} s",
                      flush=True)  # fmt: skip
                wrong += len(faults)
    finally:
        harness.remove(place)
    return int(wrong > 0)


def do(tracer: Tracer, root: Path, task: Task) -> list[str]:
    """Run a task and tell what was wrong."""
    number = f"{os.getpid()}-{time.monotonic_ns()}"
    mark = f"{MARK}={number}"
    environment = {
        "PATH": SYSTEM_PATH, "HOME": "/root", "LANG": "C.UTF-8", MARK: number, **tracer.variables
    }  # fmt: skip
    make = shutil.which("make", path=SYSTEM_PATH)  # the tree has none of its own
    options = ("--kill-on-exit", "-b", f"{make}:/usr/bin/make")
    errors = tempfile.TemporaryFile("w+")
    process = subprocess.Popen(
        tracer.command(root, *task.argv, options=options),
        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=errors, text=True, start_new_session=True,
    )  # fmt: skip
    hung = threading.Event()

    def give_up() -> None:
        hung.set()
        process.kill()
        kill(marked(mark))

    timer = threading.Timer(task.limit, give_up)
    timer.start()
    samples: list[tuple[int, int]] = []
    for _ in process.stdout or ():
        if task.kill:
            process.kill()
            break
        try:
            samples.append(size(process.pid))
        except (OSError, StopIteration):  # it has just ended
            break
    status = process.wait()
    timer.cancel()
    errors.seek(0)
    faults = []
    if hung.is_set():
        faults.append(f"hangs after {len(samples)} steps")
    elif status != task.status:
        faults.append(f"status {status}, not {task.status}: {errors.read().strip()[-300:]}")
    if len(samples) > 3:
        first, last = samples[len(samples) // 4], samples[-1]
        if last[0] > first[0] + GROWTH:
            faults.append(f"memory grows from {first[0]} to {last[0]} kB")
        # Those that are lent to calls under way come and go: what is always there may not grow.
        quarter = len(samples) // 4
        early = min(sample[1] for sample in samples[: 2 * quarter])
        late = min(sample[1] for sample in samples[-quarter:])
        if late > early + EXTRA_DESCRIPTORS:
            faults.append(f"descriptors grow from {early} to {late}")
    left = marked(mark)
    for _ in range(10):  # a second to be gone
        if not left:
            break
        time.sleep(0.1)
        left = marked(mark)
    if left:
        faults.append(f"left behind: {' '.join(left.values())}")
        kill(left)
    return faults


def size(pid: int) -> tuple[int, int]:
    """The resident memory in kB, and the number of descriptors, of a process."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    memory = next(line.split()[1] for line in status if line.startswith("VmRSS:"))
    return int(memory), len(os.listdir(f"/proc/{pid}/fd"))


def marked(mark: str) -> dict[int, str]:
    """The processes, zombies not, that have `mark` in their environment, with their names."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                found[int(entry.name)] = (entry / "comm").read_text().strip()
        except OSError:  # another user's, or gone
            continue
    return found


def kill(processes: Iterable[int]) -> None:
    """Kill them all."""
    for pid in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
