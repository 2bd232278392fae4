"""A line that is left out (`--keep-going`) may have told of what excuses what comes next: it accuses nobody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Report
from mipcheck.checker.trace.route import LOGS

from making.routes import both_ways
from making.source_logs import HEAD, INSIDE, SITE

REPLY = "0.200000 eth0 rrp from=iha"
"""How the line of the reply begins, by which the node is inside."""
AGAIN = """\
20.000000 eth0 link state=down
21.000000 eth0 link state=up
21.500000 eth0 data dir=out protection=none bytes=400 stack=ip/ip
"""
"""Plaintext after a status change that is seen, whatever was left out before it."""
Judge = Callable[[str], Report]
ANOTHER = '{"log": "0.2 eth0 rrp"}'


@pytest.fixture
def judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Judge:
    def checked(lines: str) -> Report:
        path = tmp_path / "trace.log"
        path.write_text(HEAD + lines)
        return both_ways(monkeypatch, lambda: check([str(path)], keep_going=True), LOGS)

    return checked


def broken(report: Report) -> set[str]:
    return {r.id for r in report.rules if r.status == "violated"}


@pytest.mark.parametrize(
    "line",
    [
        f"{REPLY} path=sideways",  # a word that is none
        REPLY,  # cut short
        f"0.05{REPLY}",  # a time that is none
        f"{REPLY} path=direct code=0 lifetime=600 id=0x11 auth=ok".replace("0.2", "0.01", 1),  # which runs backwards
        "2026-11-30T00:00:00Z eth0 rrp from=iha path=direct code=0 lifetime=600 id=0x11",  # of another clock
        f"{REPLY} path=direct code=0 lifetime=600 id={'0' * 70_000}11 auth=ok",  # longer than any line
        ANOTHER,
    ],
)
def test_what_may_have_been_a_reply_accuses_nobody(judge: Judge, line: str) -> None:
    lines = [line if old.startswith(REPLY) else old for old in INSIDE.splitlines()]
    report = judge(SITE + "\n".join(lines) + "\n")
    assert report.verdict == "inconclusive"
    assert not broken(report)
    assert {r.id for r in report.rules if r.status == "inconclusive"} >= {"D1", "S1"}
    assert broken(judge(SITE + "\n".join(lines) + "\n" + AGAIN)) >= {"D1"}


def test_a_line_that_is_no_event_excuses_nothing(judge: Judge) -> None:
    lines = ["daemon: registered" if old.startswith(REPLY) else old for old in INSIDE.splitlines()]
    assert broken(judge(SITE + "\n".join(lines) + "\n")) >= {"D1", "S1"}


def test_before_the_first_event_it_may_have_been_anything(judge: Judge) -> None:
    """Since the log is from the start of the system, its state would be known."""
    data = "1.000000 eth0 data dir=out protection=none bytes=400 stack=ip/ip\n"
    assert broken(judge(SITE + data)) >= {"D1"}
    report = judge(SITE + "0.9 eth0 rrp from=sideways\n" + data)
    assert not broken(report)
    assert report.verdict == "inconclusive"


def test_what_was_left_out_is_said_with_its_line(judge: Judge) -> None:
    lines = ["0.2 eth0 rrp" if old.startswith(REPLY) else old for old in INSIDE.splitlines()]
    report = judge(SITE + "\n".join(lines) + "\n")
    assert "line 6 is left out" in " ".join(report.reasons)
