from __future__ import annotations

from typing import Any

import pytest

from udocker_core.errors import EngineError
from udocker_runc import idmap
from udocker_runc.idmap import Range


def test_first_range_by_name_or_number(tmp_path: Any) -> None:
    table = tmp_path / "subuid"
    table.write_text("bob:1:2\n# remark\nalice:x:1\n1001:500:10\nalice:100000:65536\n")
    assert idmap.subordinate(str(table), ("alice", "7")) == Range(100000, 65536)
    assert idmap.subordinate(str(table), ("alice", "1001")) == Range(500, 10)
    with pytest.raises(EngineError, match="no subordinate ids for carol"):
        idmap.subordinate(str(table), ("carol", "9"))
    with pytest.raises(EngineError, match="cannot read"):
        idmap.subordinate(str(tmp_path / "none"), ("alice", "7"))


def test_options_name_the_helpers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idmap, "host_program", lambda names: "/bin/" + names[0])
    monkeypatch.setattr(idmap, "subordinate", lambda path, names: Range(100000, 65536))
    options = idmap.options()
    assert options[:2] == ("--newuidmap", "/bin/newuidmap")
    assert options[-2:] == ("--map-gid", "1:100000:65536")
    monkeypatch.setattr(idmap, "host_program", lambda names: "")
    with pytest.raises(EngineError, match="newuidmap is not in PATH"):
        idmap.options()
