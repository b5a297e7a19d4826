import pytest

from udocker_core.errors import EngineError
from udocker_core.model import Bind, Capabilities, Contribution, Device, Port, RunSpec
from udocker_core.run.plan import fit, merge

SPEC = RunSpec("/r", ("a",), "/a", {"A": "user"}, binds=(Bind("/u", "/x"),),
               devices=(Device("/dev/u", "/dev/x"),))


def test_what_the_user_asked_for_wins():
    merged = merge(
        SPEC,
        [
            Contribution((Bind("/p", "/x"), Bind("/p", "/y")), (Device("/dev/p", "/dev/y"),),
                         {"A": "plugin", "B": "first"}),
            Contribution(devices=(Device("/dev/p", "/dev/x"),), env={"B": "second"}),
        ],
    )
    assert merged.binds == (Bind("/u", "/x"), Bind("/p", "/y"))
    assert merged.devices == (Device("/dev/u", "/dev/x"), Device("/dev/p", "/dev/y"))
    assert merged.env == {"A": "user", "B": "second"}


@pytest.mark.parametrize(
    ("field", "value", "empty", "option"),
    [
        ("devices", (Device("/dev/a", "/dev/a"),), (), "--device"),
        ("ports", (Port(1, 2),), (), "--publish"),
        ("kernel", "9.9", "", "--kernel"),
        ("hostname", "h", "", "--hostname"),
    ],
)
def test_what_the_engine_cannot_do_is_left_out_with_a_warning(field, value, empty, option):
    spec = SPEC._replace(**{"devices": (), field: value})
    warnings = []
    assert getattr(fit(spec, Capabilities(), "X1", warnings.append), field) == empty
    (text,) = warnings
    assert option in text
    assert "X1" in text
    able = Capabilities(devices=True, ports=True, kernel_release=True, hostname=True)
    assert fit(spec, able, "X1", warnings.append) == spec
    assert len(warnings) == 1


@pytest.mark.parametrize(
    "change", [{"binds": (Bind("/a", "/a", read_only=True),)}, {"read_only_root": True}]
)
def test_a_promise_is_not_broken_silently(change):
    spec = SPEC._replace(**{"devices": (), **change})
    with pytest.raises(EngineError, match=r"mode X1 cannot make .* read-only"):
        fit(spec, Capabilities(), "X1", [].append)
    able = Capabilities(read_only_binds=True, read_only_root=True)
    assert fit(spec, able, "X1", [].append) == spec
