"""What agents learn from others: bindings of a peer, revocations; and what they forget when they start again."""

from __future__ import annotations

from pathlib import Path

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Report

HOME = "mipcheck-trace 1\nsite role=iha iha=10.1.0.2 boot=true\n"
AGENT = "mipcheck-trace 1\nsite role=fa iha=10.1.0.2 boot=true\n"
GRANTED = (
    "1 eth0 rrq home=10.1.0.100 coa=10.1.7.20 flags=T lifetime=60 id=0x1 auth=ok via=inside\n"
    "1.1 eth0 rrp home=10.1.0.100 code=0 lifetime=60 id=0x1\n"
)
LEARNT = "1 eth0 learn home=10.1.0.100 coa=10.1.7.20 lifetime=60\n"
TUNNEL = "{} eth0 tunnel home=10.1.0.100 coa=10.1.7.20\n"


def judged(tmp_path: Path, text: str) -> Report:
    path = tmp_path / "x.log"
    path.write_text(text)
    return check(path)


def broken(tmp_path: Path, text: str) -> list[tuple[str, float]]:
    return [(v.rule, v.time / 1e9) for v in judged(tmp_path, text).violations]


@pytest.mark.parametrize("bound", [GRANTED, LEARNT])
@pytest.mark.parametrize(
    ("ended", "rule"),
    [
        ("", []),
        ("3 eth0 revoke home=10.1.0.100 coa=10.1.7.20\n", [("IH6", 5.0)]),
        ("3 eth0 revoke home=10.1.0.100 coa=10.1.7.99\n", []),
        ("3 eth0 revoke home=10.1.0.101 coa=10.1.7.20\n", []),
        ("3 eth0 learn home=10.1.0.100 coa=10.1.7.20 lifetime=0\n", [("IH6", 5.0)]),
        ("3 - restart\n", [("IH6", 5.0)]),
        ("4.99 eth0 revoke home=10.1.0.100 coa=10.1.7.20\n", []),  # what was queued
    ],
)
def test_a_home_agent(tmp_path: Path, bound: str, ended: str, rule: list[tuple[str, float]]) -> None:
    assert broken(tmp_path, HOME + bound + TUNNEL.format(2) + ended + TUNNEL.format(5)) == rule


def test_a_binding_that_was_learnt_lapses(tmp_path: Path) -> None:
    assert broken(tmp_path, HOME + LEARNT + TUNNEL.format(60) + TUNNEL.format(64)) == [("IH6", 64.0)]


@pytest.mark.parametrize(
    ("ended", "rule"),
    [
        ("", []),
        ("3 eth0 revoke home=10.1.0.100 agent=iha\n", [("FA3", 5.0)]),
        ("3 eth0 revoke home=10.1.0.100 agent=xha\n", []),
        ("3 - restart\n", [("FA3", 5.0)]),
    ],
)
def test_a_foreign_agent(tmp_path: Path, ended: str, rule: list[tuple[str, float]]) -> None:
    text = (
        "0 eth0 advert coa=10.1.7.1\n"
        "1 eth0 rrq home=10.1.0.100 to=iha coa=10.1.7.1 flags=- lifetime=60 id=0x1\n"
        "1.1 eth0 relay home=10.1.0.100 what=rrq from=node to=ha agent=iha\n"
        "1.2 eth0 rrp home=10.1.0.100 from=iha code=0 lifetime=60 id=0x1\n"
        "1.3 eth0 relay home=10.1.0.100 what=rrp from=ha to=node agent=iha\n"
        "2 eth0 relay home=10.1.0.100 what=data from=ha to=node agent=iha\n"
        f"{ended}5 eth0 relay home=10.1.0.100 what=data from=ha to=node agent=iha\n"
    )
    assert broken(tmp_path, AGENT + text) == rule
