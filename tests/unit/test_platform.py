import subprocess
import sys
from collections import namedtuple

import pytest

from udocker_core import platform
from udocker_core.errors import UsageError
from udocker_core.platform import Platform


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        ("x86_64", "linux/amd64"),
        ("aarch64", "linux/arm64"),
        ("armv7l", "linux/arm/v7"),
        ("armv6l", "linux/arm/v6"),
        ("i686", "linux/386"),
        ("ppc64le", "linux/ppc64le"),
        ("s390x", "linux/s390x"),
        ("riscv64", "linux/riscv64"),
        ("loongarch64", "linux/loong64"),
    ],
)
def test_the_host_is_told_by_uname(monkeypatch, machine, expected):
    uname = namedtuple("uname", "machine")
    monkeypatch.setattr(platform.os, "uname", lambda: uname(machine))
    assert str(platform.host()) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("linux/amd64", ("linux", "amd64", "")),
        ("linux/x86_64", ("linux", "amd64", "")),
        ("amd64", ("linux", "amd64", "")),
        ("linux/amd64/v1", ("linux", "amd64", "")),
        ("linux/amd64/v3", ("linux", "amd64", "v3")),
        ("linux/arm64/v8", ("linux", "arm64", "")),
        ("Linux/ARM64/8", ("linux", "arm64", "")),
        ("linux/arm", ("linux", "arm", "v7")),
        ("linux/armel", ("linux", "arm", "v6")),
        ("windows/amd64", ("windows", "amd64", "")),
    ],
)
def test_platforms_are_read_and_spelt_one_way(text, expected):
    assert platform.parse(text) == Platform(*expected)


@pytest.mark.parametrize("text", ["", "/", "linux/", "linux/amd64/v1/x", "linux/a b", "l\n/x"])
def test_wrong_platforms_are_refused(text):
    with pytest.raises(UsageError, match="invalid platform"):
        platform.parse(text)


@pytest.mark.parametrize(
    ("wanted", "order"),
    [
        ("linux/amd64", "linux/amd64 linux/386"),
        ("linux/amd64/v3", "linux/amd64/v3 linux/amd64/v2 linux/amd64 linux/386"),
        ("linux/arm/v7", "linux/arm/v7 linux/arm/v6 linux/arm/v5"),
        ("linux/arm64", "linux/arm64 linux/arm/v8 linux/arm/v7 linux/arm/v6 linux/arm/v5"),
        ("linux/s390x", "linux/s390x"),
    ],
)
def test_older_variants_run_too(wanted, order):
    assert [str(p) for p in platform.runnable(platform.parse(wanted))] == order.split()


def test_the_best_offer_is_first_and_equals_keep_their_order():
    offers = [
        (platform.parse(text), text)
        for text in ("linux/arm/v5", "linux/arm/v7", "amd64", "linux/arm/7")
    ]
    assert platform.ranked(platform.parse("arm"), offers) == [
        "linux/arm/v7",
        "linux/arm/7",
        "linux/arm/v5",
    ]


def test_names_and_platforms_are_cheap_to_import():
    program = (
        "import sys; before = set(sys.modules); import udocker_core.names, udocker_core.platform;"
        "print({'platform', 'hashlib', 'json', 'urllib'} & (set(sys.modules) - before))"
    )
    result = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=True)
    assert result.stdout.decode().strip() == "set()"
