"""Live tests: what a program sees around it, and its files."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest

from udocker_core.model import Bind, DataFile, Device, User
from udocker_core.testing.live import Ended, LiveTests, needs
from udocker_core.testing.values import snapshot, touch


class SurroundingsTests(LiveTests):
    """Environment, ids, devices and files."""

    def test_environment_is_exact(self, run: Any) -> None:
        """All variables of the spec, and no other."""
        env = {"PATH": "/bin", "HOME": "/root", "EMPTY": "", "TEXT": "a b=c\nd é", "_x": "$HOME"}
        shown = run("/bin/env", env=env).out.decode()
        assert sorted(shown.splitlines()) == sorted(
            "\n".join(f"{name}={value}" for name, value in env.items()).splitlines()
        )

    def test_arguments(self, run: Any) -> None:
        """Arguments are passed as they are, and argv[0] need not be the executable's name."""
        arguments = ("", " a  b ", "*", "$HOME", "'\"\\", "é", "--", "-c")
        ended = run("/bin/printf", "<%s>", *arguments)
        assert ended.out.decode() == "".join(f"<{a}>" for a in arguments)
        ended = run("cat", "/etc/passwd", executable="/bin/cat")
        assert ended.out.startswith(b"root:")

    def test_working_directory(self, run: Any) -> None:
        """The program starts where the spec says."""
        assert run("/bin/pwd", cwd="/usr").out == b"/usr\n"

    @pytest.mark.parametrize(("uid", "gid"), [(0, 0), (1000, 100)])
    def test_user(self, run: Any, plugin: Any, uid: int, gid: int) -> None:
        """Programs see the ids that were asked for."""
        needs(plugin.capabilities.any_user)
        ended = run("/bin/sh", "-c", "id -u; id -g", user=User("u", uid, gid))
        assert ended.out.split() == [b"%d" % uid, b"%d" % gid]

    def test_hostname(self, run: Any, plugin: Any) -> None:
        """The container's name, and the host's when it has none."""
        needs(plugin.capabilities.hostname)
        assert run("/bin/hostname", hostname="inside").out == b"inside\n"
        assert run("/bin/hostname").out.decode().strip() == os.uname().nodename

    def test_devices(self, run: Any) -> None:
        """The usual devices work."""
        script = "echo x > /dev/null; head -c 3 /dev/zero | wc -c; head -c 5 /dev/urandom | wc -c"
        assert run("/bin/sh", "-c", script).out.split() == [b"3", b"5"]

    def test_no_system_directories(self, run: Any, root: str) -> None:
        """Without them the image's own are seen."""
        touch(root + "/dev/marker", b"")
        ended = run("/bin/ls", "/dev", "/proc", sysdirs=False)
        assert ended.out.split() == [b"/dev:", b"marker", b"/proc:"]

    def test_own_device(self, run: Any, plugin: Any) -> None:
        """A device of the host appears where it was asked for."""
        needs(plugin.capabilities.devices)
        devices = (Device("/dev/zero", "/dev/other"),)
        ended = run("/bin/head", "-c", "2", "/dev/other", devices=devices)
        assert ended.out == b"\0\0"

    def test_directory_bind(self, run: Any, tmp_path: Any) -> None:
        """A directory of the host is read and written at a place that the image has not."""
        touch(f"{tmp_path}/shared/one", b"1\n")
        binds = (Bind(f"{tmp_path}/shared", "/new/place"),)
        ended = run("/bin/sh", "-c", "cat /new/place/one; echo 2 > /new/place/two", binds=binds)
        assert ended == Ended(0, b"1\n", b"")
        assert (tmp_path / "shared" / "two").read_bytes() == b"2\n"

    def test_file_bind(self, run: Any, root: str, plugin: Any, tmp_path: Any) -> None:
        """A file of the host covers one of the image, which stays as it is."""
        needs(plugin.capabilities.file_binds)
        touch(f"{tmp_path}/passwd", b"host's\n")
        ended = run("/bin/cat", "/etc/passwd", binds=(Bind(f"{tmp_path}/passwd", "/etc/passwd"),))
        assert ended.out == b"host's\n"
        with open(root + "/etc/passwd", "rb") as file:
            assert file.read().startswith(b"root:")

    def test_nested_binds(self, run: Any, tmp_path: Any) -> None:
        """A bind inside another's target is seen, whichever was named first."""
        touch(f"{tmp_path}/outer/inner/hidden", b"")
        touch(f"{tmp_path}/other/shown", b"")
        outer = Bind(f"{tmp_path}/outer", "/mnt/o")
        inner = Bind(f"{tmp_path}/other", "/mnt/o/inner")
        for binds in ((outer, inner), (inner, outer)):
            assert run("/bin/ls", "/mnt/o/inner", binds=binds).out == b"shown\n"

    def test_read_only_bind(self, run: Any, plugin: Any, tmp_path: Any) -> None:
        """What is bound read-only cannot be changed, whatever its permissions say."""
        needs(plugin.capabilities.read_only_binds)
        touch(f"{tmp_path}/shared/file", b"old")
        touch(f"{tmp_path}/single", b"old")
        binds = (Bind(f"{tmp_path}/shared", "/ro", True), Bind(f"{tmp_path}/single", "/one", True))
        script = "echo new > /ro/file; echo new > /one; touch /ro/more; rm /ro/file"
        run("/bin/sh", "-c", script, binds=binds)
        assert os.listdir(tmp_path / "shared") == ["file"]
        assert (tmp_path / "shared" / "file").read_bytes() == b"old"
        assert (tmp_path / "single").read_bytes() == b"old"

    def test_read_only_root(self, run: Any, root: str, plugin: Any, tmp_path: Any) -> None:
        """The image cannot be changed; volumes and memory can."""
        needs(plugin.capabilities.read_only_root)
        touch(f"{tmp_path}/shared/file", b"")
        ended = run("/bin/sh", "-c", "touch /etc/new; touch /shared/new /scratch/new",
                    read_only_root=True, tmpfs=("/scratch",),
                    binds=(Bind(f"{tmp_path}/shared", "/shared"),))
        assert ended.status == 0
        assert not os.path.exists(root + "/etc/new")
        assert os.path.exists(tmp_path / "shared" / "new")

    def test_made_up_files(self, run: Any, root: str) -> None:
        """Files of the spec appear where they belong, with their mode, and leave no trace."""
        before = snapshot(root + "/etc")
        content = bytes(range(256)) * 300
        files = (DataFile("a.bin", content, "/etc/passwd", 0o640),
                 DataFile("b", b"two\n", "/etc/group"))
        ended = run("/bin/sh", "-c", "stat -c %a /etc/passwd; cat /etc/group /etc/passwd",
                    files=files)
        assert ended.out == b"640\ntwo\n" + content
        assert snapshot(root + "/etc") == before

    def test_links_lead_nowhere(self, run: Any, root: str, tmp_path: Any) -> None:
        """Symbolic links of the image cannot place mounts, or mount points, on the host."""
        outside = str(tmp_path / "outside")
        os.mkdir(outside)
        touch(f"{tmp_path}/shared/file", b"shared\n")
        os.symlink(outside, root + "/absolute")
        os.symlink("../" * 40 + outside.lstrip("/"), root + "/relative")
        os.symlink("/proc/self/root" + outside, root + "/magic")
        for name in ("absolute", "relative", "magic"):
            run("/bin/true", binds=(Bind(f"{tmp_path}/shared", f"/{name}/deep/er"),),
                files=(DataFile("f", b"x", f"/{name}/made-up"),))
        assert os.listdir(outside) == []

    def test_hostile_system_directories(self, run: Any, root: str, tmp_path: Any) -> None:
        """/dev, /proc and /sys of the image may be links; nothing is made where they point."""
        outside = tmp_path / "outside"
        outside.mkdir()
        for name in ("dev", "proc", "sys"):
            os.rmdir(f"{root}/{name}")
            os.symlink(outside, f"{root}/{name}")
        run("/bin/true")
        assert os.listdir(outside) == []

    def test_host_does_not_see_the_mounts(self, start: Any, root: str) -> None:
        """While it runs, the host's table of mounts knows nothing of it."""
        process = start("/bin/sh", "-c", "echo up; sleep 100", stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"up\n"
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            assert root not in file.read()
