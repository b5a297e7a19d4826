"""Show what udocker does, step by step, in a home of its own that is deleted at the end.

usage: demo.py [IMAGE]

Without an argument the image is made here, of programs and libraries of this machine, and served
by the testing kit's registry on the loopback, so that no network is needed.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from udocker_core.testing.images import ImageBuilder, push
from udocker_core.testing.registry import Registry
from udocker_core.testing.trees import make_root_tree

UDOCKER = Path(sys.executable).with_name("udocker")
#: How to reach registries from here.
KEPT = ("_proxy", "_PROXY", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


def main(image: str = "") -> int:
    """Run the demonstration with `image`, or with one that is made for it."""
    with contextlib.ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory(prefix="udocker-demo-"))
        if not image:
            image = made_here(stack.enter_context(Registry()), stack)
        demo = Demonstration(home)
        demo(
            "Bring the image into the store. Every byte is checked against its digest.",
            f"pull {image}",
        )
        demo("What the store has now.", "images")
        demo(
            "Unpack the image's layers into the root of a container; this is its id.",
            f"create --name=demo {image}",
        )
        demo("The containers that there are.", "ps")
        demo("Which ways to execute it work on this machine, and why others do not.", "doctor")
        demo(
            "Run a program in it. It sees the image's files, and takes itself for root.",
            "run demo /bin/sh -c 'echo hello from uid $(id -u) in $(pwd); ls /'",
        )
        demo(
            "Standard input and output are the program's alone, so pipes work.",
            "run demo /bin/sh -c 'read word; echo it said $word'",
            said="this\n",
        )
        demo(
            "A directory of the host can be shown in it, and what is written there stays.",
            f"run --volume={home}:/data demo /bin/sh -c 'echo text > /data/made-inside; "
            "ls -a /data'",
        )
        demo("The exit status is the program's: 7.", "run demo /bin/sh -c 'exit 7'", status=7)
        demo("What udocker knows about the container.", "inspect demo")
        demo("Remove the container and the image.", "rm demo")
        demo("", f"rmi {image}")
    if demo.failed:
        print("\nThe demonstration failed at:", *demo.failed, sep="\n  ")
    return 1 if demo.failed else 0


class Demonstration:
    """Explains, shows and runs udocker's commands, as they would be typed in `home`."""

    def __init__(self, home: str) -> None:
        self.failed: list[str] = []
        self._environment = {
            "HOME": home,
            "PATH": f"{UDOCKER.parent}:{os.defpath}",
            "TERM": os.environ.get("TERM", "dumb"),
            **{k: v for k, v in os.environ.items() if k.endswith(KEPT)},
        }

    def __call__(self, why: str, line: str, said: str = "", status: int = 0) -> None:
        """Run a command line after words that explain it; it should exit with `status`."""
        if why:
            print(f"\n# {why}")
        print(f"$ {f'echo {said.strip()} | ' if said else ''}udocker {line}", flush=True)
        command = [UDOCKER, *shlex.split(line)]
        done = subprocess.run(command, env=self._environment, input=said, text=True, check=False)
        if done.returncode != status:
            print(f"(exit status {done.returncode})")
            self.failed.append(line)


def made_here(registry: Registry, stack: contextlib.ExitStack) -> str:
    """Push an image of this machine's own shell and tools to `registry`; gives its name."""
    tree = stack.enter_context(tempfile.TemporaryDirectory(prefix="udocker-demo-tree-"))
    make_root_tree(tree)
    builder = ImageBuilder(config={"Cmd": ["/bin/sh"], "Env": ["PATH=/bin:/usr/bin"]})
    builder.add_tree(tree)
    builder.add_layer({"etc/motd": b"made of this machine's programs\n"})
    push(registry, "demo/image", "1", builder.build())
    print(f"# An image of this machine's own programs is served at {registry.host}.")
    return f"{registry.host}/demo/image:1"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
