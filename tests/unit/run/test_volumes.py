import pytest

from udocker_core.errors import UsageError
from udocker_core.model import Bind
from udocker_core.run.volumes import is_standard_stream, parse, without


@pytest.fixture
def host(tmp_path):
    for name in ("a", "a:b", "c:ro"):
        (tmp_path / name).mkdir()
    return str(tmp_path)


@pytest.mark.parametrize(
    ("text", "source", "target", "read_only"),
    [
        ("{h}/a", "{h}/a", "{h}/a", False),
        ("{h}/a:", "{h}/a", "{h}/a", False),
        ("{h}/a:/t", "{h}/a", "/t", False),
        ("{h}/a:/t:ro", "{h}/a", "/t", True),
        ("{h}/a:/t:rw,z", "{h}/a", "/t", False),
        ("{h}/a:/t:Z,ro,rprivate", "{h}/a", "/t", True),
        ("{h}/a:ro", "{h}/a", "{h}/a", True),
        ("{h}/a:b", "{h}/a:b", "{h}/a:b", False),
        ("{h}/a:b:/t", "{h}/a:b", "/t", False),
        ("{h}/a:b:/x:y", "{h}/a:b", "/x:y", False),
        ("{h}/a:/x:y:ro", "{h}/a", "/x:y", True),
        ("{h}//a/../a/:/t//u/", "{h}/a", "/t/u", False),
        ("{h}/a://t/../u", "{h}/a", "/u", False),
        ("/:/host", "/", "/host", False),
    ],
)
def test_a_text_becomes_a_bind(host, text, source, target, read_only):
    wanted = Bind(source.format(h=host), target.format(h=host), read_only)
    assert parse(text.format(h=host)) == wanted


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "invalid host volume path"),
        (":", "invalid host volume path"),
        (":/t", "invalid host volume path"),
        ("relative:/t", "invalid host volume path: relative"),
        ("{h}/missing:/t", "invalid host volume path: {h}/missing"),
        ("{h}/a:t", "invalid container volume path: t"),
        ("{h}/a:/", "invalid container volume path: /"),
        ("{h}/a:/..", "invalid container volume path: /.."),
        ("{h}/a:/t:nonsense", "invalid volume option 'nonsense'"),
        ("{h}/a:/t:ro,nonsense", "invalid volume option 'ro,nonsense'"),
        ("{h}/a:/t:RO", "invalid volume option 'RO'"),
        ("{h}/a:/t:", "invalid volume option ''"),
        ("/", "invalid container volume path: /"),
    ],
)
def test_what_is_no_volume(host, text, reason):
    with pytest.raises(UsageError, match=reason.format(h=host)):
        parse(text.format(h=host))


def test_volumes_are_left_out_by_their_host_path_or_whole_text():
    binds = [Bind("/a", "/a"), Bind("/b", "/c"), Bind("/d", "/e")]
    kept, unknown = without(binds, ["/a", "/b:/c", "/e", "/x"])
    assert kept == [Bind("/d", "/e")]
    assert unknown == ["/e", "/x"]


@pytest.mark.parametrize(
    ("source", "target", "dropped"),
    [
        ("/dev/stdin", "/dev/stdin", True),
        ("/proc/self/fd/1", "/dev/stdout", True),
        ("/proc/self/fd", "/dev/fd", True),
        ("/dev/stdin", "/input", False),
        ("/proc/self/fd/1", "/output", False),
        ("/tmp/log", "/dev/stdout", False),
    ],
)
def test_the_programs_own_descriptors_are_no_volumes(source, target, dropped):
    assert is_standard_stream(source, target) == dropped
