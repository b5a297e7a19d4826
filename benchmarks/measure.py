"""Run commands one after the other and print what they cost, as JSON. Started by the harness.

usage: python3 -I -S measure.py SPECIFICATION

It is a small process of its own because Linux counts the memory of whoever starts a program in
that program's peak (getrusage(2), ru_maxrss): below this one's 9 MB nothing can be told apart.
"""

import json
import os
import sys
import time

specification = json.loads(sys.argv[1])
wall = cpu = peak = 0.0
null = os.open(os.devnull, os.O_RDWR)
for step in specification["steps"]:
    actions = [
        (os.POSIX_SPAWN_DUP2, null, 0),
        (os.POSIX_SPAWN_DUP2, null, 1),
    ]
    start = time.perf_counter()
    pid = os.posix_spawnp(step[0], step, specification["environment"], file_actions=actions)
    _, status, usage = os.wait4(pid, 0)
    wall += time.perf_counter() - start
    cpu += usage.ru_utime + usage.ru_stime
    peak = max(peak, usage.ru_maxrss)
    if os.waitstatus_to_exitcode(status) not in specification["statuses"]:
        sys.exit(f"{os.path.basename(step[0])} exits with {os.waitstatus_to_exitcode(status)}")
print(json.dumps([wall, cpu, peak]))
