"""The role of a run is stated by any log, and all logs are read by its words, or none is read by another's."""

from __future__ import annotations

from pathlib import Path

import pytest

from making.both_ways import report

HEAD = {".log": "mipcheck-trace 1\n", ".jsonl": '{"mipcheck-trace": 1}\n'}
REPLY = {
    ".log": "1 eth0 rrp from=iha path=direct code=0 id=1 auth=unchecked lifetime=60\n",
    ".jsonl": '{"time": "1", "interface": "eth0", "event": "rrp", "from": "iha", "path": "direct", "code": 0, "id": 1,'
    ' "auth": "unchecked", "lifetime": 60}\n',
}


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("suffix", [".log", ".jsonl"])
def test_a_log_is_not_judged_by_a_role_that_is_stated_after_it(suffix: str, fast: bool, tmp_path: Path) -> None:
    """`unchecked` is a word of the mobile node's, which the agent's machine does not have."""
    first, second = tmp_path / f"a{suffix}", tmp_path / "b.log"
    first.write_text(HEAD[suffix] + REPLY[suffix])
    second.write_text("mipcheck-trace 1\nsite role=fa\n2 eth0 gap\n")
    said = str(report([first, second], fast))
    assert f"{first}: it states no role, and role=fa is stated only by {second}" in said
    assert "give that one first, or --set role=fa" in said
    assert f"{first.name}:2" in str(report([second, first], fast))  # what the agent's words do not have, by its line
    assert f"{first.name}:2" in str(report([first, second], fast, parameters={"role": "fa"}))


@pytest.mark.parametrize("fast", [True, False])
def test_a_role_that_has_the_same_words_may_be_stated_by_any_log(fast: bool, tmp_path: Path) -> None:
    first, second = tmp_path / "a.log", tmp_path / "b.log"
    first.write_text("mipcheck-trace 1\n1 eth0 link state=up\n")
    second.write_text("mipcheck-trace 1\nsite role=mn\n2 eth0 gap\n")
    assert getattr(report([first, second], fast), "verdict", None) is not None
