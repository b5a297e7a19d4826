"""Do real work in a Debian tree under engines that trace, as an ordinary user; print a table.

usage: python -m tools.real_work [--place DIR] [--job JOB]... [ENGINE]...

It needs the network: the tree gets this machine's own settings for apt, pip and name resolution.
With --place the trees, the logs and the packages stay in DIR, and a second run goes on with them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import harness, tracers
from benchmarks.tracers import Tracer
from tests.live.command import SYSTEM_PATH
from tests.live.parts import PARTS

LIMIT = 1200  #: seconds for one job
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
#: Copied from the machine into the tree, where it has them.
SETTINGS = ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", CERTIFICATES)
INSTALL = "apt-get install -qq --yes --no-install-recommends"

#: The work: shell scripts that run as root in the tree, one after the other, with "-e" and a free
#: TCP port in $PORT.
JOBS = {
    # apt's sandbox, a process of user _apt, says so when it cannot be used.
    "apt-get update": """
        apt-get update 2>&1 | tee /tmp/update.log
        ! grep -E 'unsandboxed|^[WE]:' /tmp/update.log""",
    "install openssh-server": f"""
        {INSTALL} openssh-server openssh-client 2>&1 | tee /tmp/install.log
        ! grep -E 'unsandboxed|^E:' /tmp/install.log""",
    "ssh by key": """
        mkdir -p /run/sshd /root/.ssh
        rm -f /root/.ssh/id
        ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id
        id worker || useradd --create-home --password '*' worker
        mkdir -p /home/worker/.ssh
        cp /root/.ssh/id.pub /root/.ssh/authorized_keys
        cp /root/.ssh/id.pub /home/worker/.ssh/authorized_keys
        chown -R worker: /home/worker
        /usr/sbin/sshd -p $PORT -o UsePAM=no -o ListenAddress=127.0.0.1 -E /tmp/sshd.log
        ssh="ssh -p $PORT -i /root/.ssh/id -o StrictHostKeyChecking=no -o ConnectionAttempts=20"
        test "$($ssh root@127.0.0.1 id -un)" = root
        test "$($ssh worker@127.0.0.1 'id -un; touch file; stat -c %U file')" = 'worker
worker' """,
    "install postgresql": f"{INSTALL} postgresql",
    "postgres": """
        rm -rf /srv/data && install -d -o postgres -g postgres -m 700 /srv/data
        cat > /tmp/pg.sh <<'END'
            set -e
            PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
            cd /srv
            initdb --pgdata=data --auth=trust
            pg_ctl --pgdata=data --log=/srv/data/log --wait -o "-p $PORT -k /tmp" start
            psql -h /tmp -p $PORT \\
                -c 'create table t as select generate_series(1, 100000) as n' postgres
            test "$(psql -h /tmp -p $PORT -At -c 'select sum(n) from t' postgres)" = 5000050000
            test "$(psql -h 127.0.0.1 -p $PORT -At -c 'select count(*) from t' postgres)" = 100000
            pg_ctl --pgdata=data --wait stop
END
        su postgres -c 'sh /tmp/pg.sh' """,
    "install build-essential": f"{INSTALL} build-essential python3-dev python3-venv python3-pip",
    "gcc, uWSGI": """
        rm -rf /tmp/uwsgi && mkdir /tmp/uwsgi && cd /tmp/uwsgi
        pip download --quiet --no-deps --no-binary :all: uwsgi==2.0.28
        tar -xf uwsgi-*.tar.gz
        cd uwsgi-*/
        python3 uwsgiconfig.py --build core
        ./uwsgi --version""",
    "venv and pip": """
        rm -rf /tmp/venv
        python3 -m venv /tmp/venv
        /tmp/venv/bin/pip install --quiet requests
        /tmp/venv/bin/python -c 'import requests; print(requests.__version__)' """,
    "install git": f"{INSTALL} git",
    "git clone": """
        rm -rf /tmp/one /tmp/two && mkdir /tmp/one && cd /tmp/one
        git init --quiet
        cp -r /usr/lib/python3* .
        git add .
        git -c user.name=n -c user.email=n@localhost commit --quiet -m first
        git clone --quiet /tmp/one /tmp/two
        cd /tmp/two
        git gc --quiet
        git fsck
        test -z "$(git status --porcelain)"
        diff -r --no-dereference --exclude=.git /tmp/one /tmp/two""",
    "install nodejs and npm": f"{INSTALL} nodejs npm",
    "npm install": """
        rm -rf /tmp/node && mkdir /tmp/node && cd /tmp/node
        npm install --no-audit --no-fund express
        node -e 'require("express")(); require("child_process").execSync("true")' """,
    "install golang": f"{INSTALL} golang-go",
    "go": r"""
        rm -rf /tmp/go && mkdir /tmp/go && cd /tmp/go
        cat > main.go <<'END'
            package main

            import ("fmt"; "net/http"; "net/http/httptest"; "os"; "os/exec"; "sync")

            func main() {
                server := httptest.NewServer(http.FileServer(http.Dir("/etc")))
                defer server.Close()
                var group sync.WaitGroup
                for i := 0; i < 50; i++ {
                    group.Add(1)
                    go func() {
                        defer group.Done()
                        if _, err := os.Stat("/etc/passwd"); err != nil { panic(err) }
                        answer, err := http.Get(server.URL + "/passwd")
                        if err != nil || answer.StatusCode != 200 { panic(err) }
                        answer.Body.Close()
                        if err := exec.Command("/bin/true").Run(); err != nil { panic(err) }
                    }()
                }
                group.Wait()
                fmt.Println("done")
            }
END
        go mod init example/main
        go build -o main .
        test "$(./main)" = done""",
    "install rustc": f"{INSTALL} rustc",
    "rust": r"""
        cd /tmp
        cat > main.rs <<'END'
            use std::{fs, process::Command, thread};
            fn main() {
                let threads: Vec<_> = (0..16).map(|_| thread::spawn(|| {
                    assert!(fs::metadata("/etc/passwd").unwrap().is_file());
                    assert!(Command::new("true").status().unwrap().success());
                })).collect();
                for thread in threads { thread.join().unwrap(); }
                println!("{}", std::env::current_exe().unwrap().display());
            }
END
        rustc -O -o rust main.rs
        test "$(./rust)" = /tmp/rust""",
    "install tmux, nginx, strace, gdb": f"{INSTALL} tmux nginx-light strace gdb",
    "tmux": """
        rm -f /tmp/out
        tmux new-session -d -s work
        tmux send-keys -t work 'tty > /tmp/out; echo typed >> /tmp/out' Enter
        i=0
        until grep -q typed /tmp/out; do sleep 0.1; i=$((i+1)); test $i -lt 100; done
        tmux kill-server
        cat /tmp/out; grep /dev/pts /tmp/out""",
    "nginx": """
        cat > /tmp/nginx.conf <<END
            pid /tmp/nginx.pid; user www-data; worker_processes 2;
            events {}
            http { server { listen 127.0.0.1:$PORT; root /usr/share/doc; } }
END
        nginx -c /tmp/nginx.conf
        python3 -c "import os, urllib.request as u
u.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/nginx/copyright').read()"
        kill $(cat /tmp/nginx.pid)""",
    "strace": """
        strace -f -o /tmp/strace.log sh -c 'cat /etc/hostname; true'
        grep -q 'execve("/[a-z/]*cat"' /tmp/strace.log
        grep -q 'openat(AT_FDCWD, "/etc/hostname"' /tmp/strace.log
        grep -q 'exited with 0' /tmp/strace.log""",
    "gdb": """
        cat > /tmp/debug.c <<'END'
            int inner(int n) { return n + 1; }
            int main(void) { return inner(41) - 42; }
END
        gcc -g -o /tmp/debug /tmp/debug.c
        gdb -batch -ex 'break inner' -ex run -ex bt -ex 'print n' -ex continue /tmp/debug \
            > /tmp/gdb.log 2>&1 || true
        cat /tmp/gdb.log
        grep -q '^#1 .*main' /tmp/gdb.log
        grep -q 'exited normally' /tmp/gdb.log""",
    "tar both ways": """
        rm -rf /tmp/tar && mkdir /tmp/tar
        tar -cf /tmp/all.tar /usr/lib /usr/share/doc /etc /var/lib/dpkg
        tar -xpf /tmp/all.tar -C /tmp/tar
        diff -r --no-dereference /etc /tmp/tar/etc
        diff -r --no-dereference /usr/lib /tmp/tar/usr/lib
        rm -rf /tmp/tar""",
    "find /": "test $(find / -path /proc -prune -o -path /dev -prune -o -print | wc -l) -gt 10000",
}


def main() -> int:
    """Do the work and return 1 if an engine of ours failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--place", type=Path, help="where trees and logs stay")
    parser.add_argument("--job", action="append", choices=sorted(JOBS), help="do only this")
    parser.add_argument("engines", nargs="*", metavar="ENGINE", help="of the table; default: all")
    options = parser.parse_args()
    place = options.place or Path(tempfile.mkdtemp(prefix="udocker-real-work-"))
    place.mkdir(exist_ok=True)
    try:
        ours = tracers.own()
        chosen = [
            tracer
            for tracer in ours + tracers.foreign(place)
            if not options.engines or tracer.name in options.engines
        ]
        jobs = options.job or list(JOBS)
        results = {tracer.name: work(tracer, place, jobs) for tracer in chosen}
    finally:
        if not options.place:
            harness.remove(place)
    print(table(results, jobs))
    names = {tracer.name for tracer in ours}
    return int(any("fails" in row for name in names for row in results.get(name, ())))


def work(tracer: Tracer, place: Path, jobs: Sequence[str]) -> list[str]:
    """Do the jobs under one engine, in a tree of its own; tell for each how it went."""
    name = tracer.name.replace(" ", "-").replace("'", "")
    root = place / f"{name}.root"
    logs = place / f"{name}.logs"
    packages = place / "packages"
    for directory in (logs, packages):
        directory.mkdir(exist_ok=True)
    if not root.exists():
        make_tree(root)
    outcomes = []
    for job in jobs:
        log = logs / (job.replace(" ", "-").replace("/", "") + ".log")
        start = time.monotonic()
        status = do(tracer, root, packages, JOBS[job], log)
        spent = time.monotonic() - start
        outcomes.append(f"{spent:.1f} s" if status == 0 else f"fails, {status}")
        print(f"{tracer.name}: {job}: {outcomes[-1]}", file=sys.stderr, flush=True)
        if status:
            lines = log.read_text(errors="replace").splitlines()
            print("\n".join(f"    {line}" for line in lines[-15:]), file=sys.stderr, flush=True)
    return outcomes


def do(tracer: Tracer, root: Path, packages: Path, script: str, log: Path) -> int:
    """Run a script in the tree and give its exit status; 124 if it had to be killed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        "HOME": "/root",
        "PATH": SYSTEM_PATH,
        "LANG": "C.UTF-8",
        "TERM": "xterm",
        "DEBIAN_FRONTEND": "noninteractive",
        "NODE_EXTRA_CA_CERTS": CERTIFICATES,
        "PORT": str(port),
        **tracer.variables,
    }
    options = ("--kill-on-exit", "-b", f"{packages}:/var/cache/apt/archives")
    command = tracer.command(root, "/bin/sh", "-exc", script, options=options)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            return process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            return 124
        finally:
            process.kill()
            process.wait()


def make_tree(root: Path) -> None:
    """Unpack Debian's minimal system in `root` and give it this machine's settings."""
    root.mkdir()
    unpack = ["tar", "-xf", str(PARTS / "debian.tar"), "--no-same-owner", "--exclude=./dev/*"]
    subprocess.run([*unpack, "-C", str(root)], check=True)
    for name in SETTINGS:
        copy(Path(name), root / name[1:])
    copy(Path(CERTIFICATES), root / "usr/local/share/ca-certificates/machine.crt")
    copy(Path.home() / ".config/pip/pip.conf", root / "root/.config/pip/pip.conf")
    dump = ["apt-config", "dump", "Acquire"]
    settings = subprocess.run(dump, check=True, capture_output=True).stdout
    (root / "etc/apt/apt.conf.d/99machine").write_bytes(settings)
    (root / "root/.npmrc").write_text(f"cafile={CERTIFICATES}\nupdate-notifier=false\n")


def copy(source: Path, target: Path) -> None:
    """Copy a file, if it is there, with the directories above it."""
    if source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        shutil.copyfile(source, target)


def table(results: dict[str, list[str]], jobs: Sequence[str]) -> str:
    """The outcomes as markdown."""
    lines = ["| | " + " | ".join(results) + " |", "| --- |" + " ---: |" * len(results)]
    for number, job in enumerate(jobs):
        cells = " | ".join(outcomes[number] for outcomes in results.values())
        lines.append(f"| {job} | {cells} |")
    return "\n".join(lines)


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
