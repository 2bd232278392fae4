"""What led to a device's fault is told with the events that decided it, also where these have changed nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from mipcheck.checker.check.report import Report, Violation

from making import both_ways
from making.device_logs import Case

RRQ = "e rrq coa=10.1.7.20 flags=DT lifetime=600 id=0x1 auth=ok via=inside dynamic=no nat=no udp=no"
GRANTED = "e rrp code=0 lifetime=600 id=0x1 udp=no"
OTHER = RRQ.replace("7.20", "8.20").replace("0x1", "0x2")
ZOT = "e rrq coa=203.0.113.20 flags=DT lifetime=600 id=0x1 auth=ok how=plain zot=yes peer=192.0.2.1 nat=no udp=no"
ASKED = "e rrq to=xha coa=203.0.113.1 flags=T lifetime=600 id=0x1"
AGENT = ("0 e advert coa=203.0.113.1", f"1 {ASKED}", "1.1 e relay what=rrq from=node to=ha agent=xha",
         "1.2 e rrp from=xha code=0 lifetime=600 id=0x1",
         "1.3 e relay what=rrp from=ha to=node agent=xha")  # fmt: skip

# What a device is accused of, after which events; the line that decided it, and how.
REASONS = {
    "iha: a restart forgets": (
        "IH6", (f"0 {RRQ}", f"0.1 {GRANTED}", "50 - restart", "60 e tunnel coa=10.1.7.20"),
        5, "takes 10.1.7.20 out of binding (where the node is registered)"),
    "iha: another address takes the place": (
        "IH6", (f"0 {RRQ}", f"0.1 {GRANTED}", f"5 {OTHER}", "5.1 e rrp code=0 lifetime=600 id=0x2 udp=no",
                "6 e tunnel coa=10.1.7.20"),
        6, "takes 10.1.7.20 out of binding (where the node is registered)"),
    "iha: a request that has been answered": (
        "IH3", (f"0 {RRQ}", f"0.1 {GRANTED}", f"5 {GRANTED}"),
        4, "takes 0x1 out of pending (requests that wait for their answer, but for those that do not authenticate)"),
    "iha: a lifetime of 0": (
        "IH8", (f"0 {RRQ.replace('600', '0')}", f"0.1 {GRANTED}"),
        3, "leaves pending[0x1].lifetime (how long the registration is to last) at 0"),
    "iha: what a grant ought to have had": (
        "IH1", (f"0 {RRQ.replace('nat=no udp=no', 'nat=yes udp=yes')}", f"0.1 {GRANTED}"),
        3, "pending[0x1].asks_udp (it asks for UDP tunnelling) to true"),
    "xha: a grant without zero overhead": (
        "XH5", (f"0 {ZOT}", f"0.1 {GRANTED} how=plain zot=no",
                "1 e send from=peer how=switched carries=other fragment=no"),
        4, "leaves granted at false"),
    "fa: a registration that ended": (
        "FA3", (*AGENT, "2 e rrq to=xha coa=203.0.113.1 flags=T lifetime=0 id=0x2",
                "2.1 e relay what=rrq from=node to=ha agent=xha", "2.2 e rrp from=xha code=0 lifetime=0 id=0x2",
                "2.3 e relay what=rrp from=ha to=node agent=xha", "9 e relay what=data from=ha to=node agent=xha"),
        10, "takes xha out of visitor (registrations that a home agent has accepted)"),
    "fa: a restart forgets": (
        "FA3", (*AGENT, "5 - restart", "9 e relay what=data from=ha to=node agent=xha"),
        8, "takes xha out of visitor (registrations that a home agent has accepted)"),
}  # fmt: skip


def violation(tmp_path: Path, name: str, rule: str, lines: tuple[str, ...], fast: bool) -> Violation:
    path = tmp_path / "x.log"
    path.write_text(Case(name.partition(":")[0], "", lines, (), 0, False, "draft-01").text, "utf-8")
    report = both_ways.report(path, fast, only=fast)
    assert isinstance(report, Report)
    (found,) = (v for v in report.violations if v.rule == rule)
    return found


@pytest.mark.parametrize("name", REASONS)
def test_what_decided_it_is_told(tmp_path: Path, name: str) -> None:
    rule, lines, line, how = REASONS[name]
    for fast in (False, True):
        because = {why.at.line: why.text for why in violation(tmp_path, name, rule, lines, fast).because}
        assert how in because[line]
        assert not any("or it was taken out again" in text for text in because.values())


def test_an_answer_that_granted_is_none_that_failed_to_withdraw(tmp_path: Path) -> None:
    """It counted, as long as it lasted: what lapsed is told, and nothing is said to have missed it."""
    lines = (
        "0 o sa state=up features=vpn-fa peer=203.0.113.20 nat=no udp=no POLICY",
        "0.2 o rrq coa=10.1.0.1 flags=T lifetime=60 id=0x1 dynamic=no",
        "0.3 i relay what=rrq from=node to=iha",
        "0.4 i rrp code=0 lifetime=60 id=0x1",
        "0.5 o relay what=rrp from=iha to=node dst=203.0.113.20",
        "90 o relay what=data from=iha to=node dst=203.0.113.20",
    )
    for fast in (False, True):
        found = violation(tmp_path, "vpn", "GW17", lines, fast)
        assert found.not_counted == ()
        assert any("sets expires" in why.text for why in found.because)


def test_what_an_entry_has_that_is_not_there_is_no_reason(tmp_path: Path) -> None:
    lines = (f"0 {RRQ}", f"0.1 {GRANTED}", "6 e tunnel coa=10.1.8.20")
    for fast in (False, True):
        message = violation(tmp_path, "iha: nobody asked for it", "IH6", lines, fast).message
        assert "coa (10.1.8.20) is not in binding (where the node is registered)" in message
        assert "binding[coa].outer is" not in message


def test_numbers_that_agree_are_said_to_be_both_the_same(tmp_path: Path) -> None:
    """A port that was as before: the sentence ended in the name that it was compared with."""
    lines = (
        "0 o sa state=up features=endpoint-update peer=203.0.113.9 port=4500 nat=yes udp=yes POLICY",
        "2 o packet auth=ok peer=203.0.113.9 port=4500",
        "3 o relay what=data from=other to=node dst=203.0.113.9 port=61001",
    )
    found = violation(tmp_path, "vpn: another's port", "GW22", lines, fast=False)
    assert ["port and proper_port are both 4500" in near.why for near in found.not_counted] == [True]
