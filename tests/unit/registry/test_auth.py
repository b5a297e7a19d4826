import pytest
from hypothesis import given
from hypothesis import strategies as st

from udocker_core.registry.auth import Challenge, parse_challenges

R, S = "https://a.example/token", "repository:x:pull"
BEARER = Challenge("bearer", {"realm": R, "service": "s", "scope": S})


@pytest.mark.parametrize(
    "text",
    [
        f'Bearer realm="{R}",service="s",scope="{S}"',
        f'Bearer realm="{R}", service="s", scope="{S}"',
        f'bearer REALM="{R}" ,\tservice = s,scope="{S}",',
        f"BEARER realm={R},service=s,scope={S}",
        f', ,Bearer  scope="{S}", realm="{R}", realm="https://evil.example", service="\\s"',
    ],
)
def test_every_spelling_of_bearer(text):
    assert parse_challenges(text) == [BEARER]


@pytest.mark.parametrize(
    ("text", "schemes"),
    [
        ('Basic realm="a, b \\"c\\"", Bearer realm="x"', ["basic", "bearer"]),
        ("Negotiate abc==, BASIC realm=x", ["negotiate", "basic"]),
        ("Basic", ["basic"]),
        ("", []),
        ('"', []),
        ('Bearer realm="unfinished', ["bearer"]),
    ],
)
def test_several_challenges_and_odd_ones(text, schemes):
    assert [challenge.scheme for challenge in parse_challenges(text)] == schemes


def test_quoted_text_is_unquoted():
    assert parse_challenges('Basic realm="a, \\"b\\""')[0].parameters == {"realm": 'a, "b"'}


@given(st.text(alphabet='aB ,="\\\t/:\x00é', max_size=60))
def test_any_header_is_read_without_a_failure(text):
    for challenge in parse_challenges(text):
        assert challenge.scheme
