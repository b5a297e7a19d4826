import io
import re

from udocker_core.cli.progress import Bars
from udocker_core.digest import Digest
from udocker_core.manifest import Descriptor

ONE = Descriptor("", Digest("sha256:" + "1" * 64), 2_000_000)
TWO = Descriptor("", Digest("sha256:" + "2" * 64), 0)


def screen(text):
    """What a terminal shows after `text`: only the sequences that the bars use are understood."""
    lines = [""]
    for part in re.split(r"(\x1b\[\d+F\x1b\[J|\n)", text):
        up = re.match(r"\x1b\[(\d+)F", part)
        if up:
            lines = [*lines[: -1 - int(up[1])], ""]
        elif part == "\n":
            lines.append("")
        else:
            lines[-1] += part
    return [line.rstrip() for line in lines if line]


def test_a_line_for_each_layer_and_one_for_all(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    terminal = io.StringIO()
    bars = Bars(terminal)
    bars.started(ONE, 500_000)
    bars.started(TWO, 0)
    bars.note("something happened")
    bars.advanced(ONE, 500_000)
    bars.finished(TWO)
    note, one, two, total = screen(terminal.getvalue())
    assert note == "something happened"
    assert one == "111111111111 [############............]    1.0 MB /    2.0 MB"
    assert two == "222222222222 [########################]       0 B /       0 B  verified"
    assert re.match(r"total +\[#{12}\.{12}\] +1\.0 MB / +2\.0 MB +\S+ [kMG]?B/s", total)
    bars.finished(ONE)
    assert screen(terminal.getvalue())[1].endswith("2.0 MB /    2.0 MB  verified")


def test_the_lines_fit_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("LINES", "5")
    terminal = io.StringIO()
    bars = Bars(terminal)
    for number in range(9):
        bars.started(Descriptor("", Digest(f"sha256:{number}" + "0" * 63), 1), 0)
    lines = screen(terminal.getvalue())
    assert len(lines) == 4
    assert lines[0].startswith("600000000000")
    assert all(len(line) < 40 for line in lines)
