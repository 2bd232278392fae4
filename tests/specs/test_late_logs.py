"""Logs of devices that begin late, or lose evidence on the way: nobody is accused who would not be if all were seen."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import make_device_log
import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Report
from mipcheck.model.specification.load import load

from making import both_ways
from making.device_logs import read_cases
from making.paths import TESTS

SPECS = cache(load)
CASES = read_cases(TESTS / "specs" / "devices.txt")
_HEAD = 2
"""Lines that are no events."""


def accused(found: object, lines: list[str]) -> set[tuple[str, str]]:
    """Return who is accused of what: rules and the lines that break them."""
    assert isinstance(found, Report)
    return {(v.rule, lines[(v.at.line or 1) - 1]) for v in (*found.violations, *found.warnings)}


def written(path: Path, lines: list[str]) -> Path:
    """Write a log."""
    path.write_text("\n".join((*lines, "")), "utf-8")
    return path


def late(lines: list[str], cut: int) -> list[str]:
    """The log as it is from a line on."""
    return [line.replace(" boot=true", "") for line in lines[:_HEAD]] + lines[cut:]


def lost(lines: list[str], cut: int) -> list[str]:
    """The log with all lost until the time of a line."""
    return [*lines[:cut], f"{lines[cut].split()[0]} - gap reason=drops", *lines[cut:]]


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_no_case_is_judged_otherwise_for_what_is_not_seen(tmp_path: Path, part: int) -> None:
    for case in CASES[part::4]:
        lines, chosen = case.text.splitlines(), random.Random(case.name)
        for fewer in (late, lost):
            told = fewer(lines, chosen.randrange(_HEAD, len(lines)))
            found = check(str(written(tmp_path / "x.log", told)), spec=SPECS(case.spec))
            assert {rule for rule, _ in accused(found, told)} <= set(case.broken), told


@pytest.mark.slow
@pytest.mark.parametrize("role", make_device_log.DEVICES)
def test_nor_is_a_long_log(tmp_path: Path, role: str) -> None:
    path = tmp_path / "x.log"
    faults = make_device_log.make(path, role, 3000, 40, 1, 3)
    lines = path.read_text("utf-8").splitlines()
    wrong = {(f.rule, lines[f.line - 1]) for f in faults}
    chosen = random.Random(role)
    later = set()
    for cut in (_HEAD, *sorted(chosen.sample(range(_HEAD, len(lines)), 6))):
        for fewer in (late(lines, cut), lost(lines, cut)):
            slowly, fast = (both_ways.report(written(path, fewer), fast, only=fast) for fast in (False, True))
            assert slowly == fast
            assert accused(fast, fewer) <= wrong, cut
            later |= accused(fast, fewer)
    assert later


SITES = {
    "iha": "site role=iha iha=10.1.0.2",
    "xha": "site role=xha xha=198.51.100.2",
    "fa": "site role=fa iha=10.1.0.2 xha=198.51.100.2",
    "vpn": "site role=vpn iha=10.1.0.2 vpn=192.0.2.1",
}
ASKED = "coa=10.1.7.20 flags=DT lifetime=600 id=0x1 auth=ok"
SWITCHED = "pass how=switched src=10.1.0.100 dst=192.0.2.9"
BY_FA = "offer vendor=vpn-fa natt=no; answer vendor=vpn-fa natt=no; propose features=vpn-fa plain=yes; " + (
    "sa state=up features=vpn-fa peer=203.0.113.20 nat=no udp=no association=1 mode=tunnel endpoint=single remote=any "
    "selectors=any; advert coa=10.1.0.1 message=last"
)
# What is decided as soon as nothing that was not seen can matter any more: by then, not before, the last of these
# events breaks a rule. Each is told with the time since the one before.
DECIDED = {
    "iha: the request, or its copy from elsewhere, is refused UDP": (
        60, "IH1", f"0.1 rrq {ASKED} via=vpn dynamic=no nat=yes udp=yes sender=10.1.9.200; "
        "0.1 rrp code=0 lifetime=600 id=0x1 udp=no"),
    "iha: it is granted, and where the first came from is where the node is": (
        60, "IH6", f"0.1 rrq {ASKED} via=vpn dynamic=no nat=yes udp=yes sender=10.1.9.200; "
        "0.1 rrp code=0 lifetime=600 id=0x1 udp=yes; 1 tunnel coa=10.1.9.77"),
    "iha: a home address for the request, or for its copy through a gateway": (
        60, "IH4", f"0.1 rrq {ASKED} via=vpn-fa dynamic=yes nat=no udp=no sender=10.1.0.1; "
        "0.1 rrp code=0 lifetime=600 id=0x1 udp=no"),
    "iha: the request came from inside, or from outside as its copy": (
        60, "IH2", f"0.1 rrq {ASKED} via=outside dynamic=no nat=no udp=no sender=192.0.2.9; "
        "0.1 rrp code=0 lifetime=600 id=0x1 udp=no"),
    "xha: the request, or its copy from elsewhere, is refused UDP": (
        60, "XH1", f"0.1 rrq {ASKED} how=plain zot=no nat=yes udp=yes; "
        "0.1 rrp code=0 lifetime=600 id=0x1 how=plain zot=no udp=no"),
    "xha: who asked may have done so before": (
        65535, "XH12", "0.1 rrp code=0 lifetime=600 id=0x1 how=plain zot=no udp=no"),
    "iha: it was taken back, and may have been asked for anew before": (
        1, "IH6", f"0.1 rrq {ASKED.replace('600', '0')} via=vpn dynamic=no nat=no udp=no; "
        "0.1 rrp code=0 lifetime=0 id=0x1 udp=no; 0.1 tunnel coa=10.1.7.20"),
    "xha: a packet out of a tunnel may wait to be passed on": (
        60, "XH9", "0.1 pass how=unwrapped src=10.1.0.100 dst=192.0.2.9"),
    "xha: or one that is switched": (
        60, "XH9", f"0.1 packet how=plain carries=other fragment=no; 0.1 {SWITCHED}; 0.1 {SWITCHED}"),
    "fa: a request may wait to be passed on": (60, "FA5", "0.1 relay what=rrq from=node to=ha agent=iha"),
    "fa: a reply may wait to be passed on": (60, "FA2", "0.1 relay what=rrp from=ha to=node agent=iha"),
    "fa: another request may wait to be passed on": (
        60, "FA7", "0.1 rrq to=iha coa=203.0.113.1 flags=T lifetime=600 id=0x1; "
        "0.1 relay what=rrq from=node to=ha agent=iha id=0x1 lifetime=6000"),
    "vpn: the vendor ID may have been offered": (300, "GW3", "0.1 answer vendor=vpn-fa natt=no"),
    "vpn: a first message without NAT traversal may have come": (
        300, "GW1", "0.1 offer vendor=- natt=yes; 0.1 answer vendor=- natt=no"),
    "vpn: both may have shown that they support it": (300, "GW4", "0.1 advert coa=10.1.0.1 message=last"),
    "vpn: a reply may wait to be passed on": (
        60, "GW27", f"0.1 {BY_FA.replace('; ', '; 0.1 ')}; "
        "0.1 relay what=rrp from=iha to=node association=1 dst=203.0.113.20"),
    "vpn: another request may wait to be passed on": (
        60, "GW29", f"0.1 {BY_FA.replace('; ', '; 0.1 ')}; 0.1 rrq coa=10.1.0.1 flags=T lifetime=600 id=0x1; "
        "0.1 relay what=rrq from=node to=iha association=1 id=0x1 lifetime=6000"),
    "vpn: a request with that identification may have asked for something else": (
        60, "GW24", f"0.1 {BY_FA.replace('; ', '; 0.1 ')}; 0.1 rrq coa=10.1.0.1 flags=DT lifetime=600 id=0x1; "
        "0.1 relay what=rrq from=node to=iha association=1 id=0x1"),
}  # fmt: skip


@pytest.mark.parametrize("name", DECIDED)
def test_what_was_not_seen_excuses_nobody_for_ever(tmp_path: Path, name: str) -> None:
    role = name.partition(":")[0]
    bound, rule, told = DECIDED[name]
    home, other = "home=10.1.0.100", "home=10.9.9.9"
    first = {
        "iha": f"rrp {other} code=131 lifetime=0 id=0x9",
        "xha": f"rrp {other} code=131 lifetime=0 id=0x9",
        "fa": f"rrp {other} from=iha code=131 lifetime=0 id=0x9",
        "vpn": f"rrp {other} code=131 lifetime=0 id=0x9",
    }[role]
    for begin, broken in ((bound / 2, []), (bound + 1.0, [rule])):
        lines, time = ["mipcheck-trace 1", SITES[role], f"0.0 e {first}"], begin
        for event in told.split("; "):
            after, kind, keys = event.split(" ", 2)
            time += float(after)
            lines.append(f"{time:.1f} e {kind} {home} {keys}")
        slowly, fast = (both_ways.report(written(tmp_path / "x.log", lines), fast, only=fast) for fast in (False, True))
        assert slowly == fast
        assert isinstance(fast, Report)
        accusing = (*fast.violations, *fast.warnings)
        assert [v.rule for v in accusing if v.rule == rule] == broken, (begin, fast.rules)
        unknown = "not-exercised" if rule in {"FA7", "GW29"} else "inconclusive"  # they are about what is known to wait
        assert broken or next(r for r in fast.rules if r.id == rule).status == unknown


def test_what_may_have_been_asked_before_the_log_is_over_once_no_lifetime_is_so_long(tmp_path: Path) -> None:
    """Every copy of a request comes from outside (IH2), but for one that was not seen, perhaps."""
    asked = "coa=192.0.2.9 flags=DT lifetime=600 id=0x1 auth=ok via=outside dynamic=no nat=no udp=no sender=192.0.2.9"
    for begin, broken in ((10, []), (70_000, ["IH2"])):
        told = [
            "mipcheck-trace 1",
            "site role=iha iha=10.1.0.2",
            f"0.0 e rrq home=10.1.0.101 {asked}",
            f"{begin}.0 e rrq home=10.1.0.100 {asked}",
            f"{begin}.1 e rrp home=10.1.0.100 code=0 lifetime=600 id=0x1 udp=no",
        ]
        assert [v.rule for v in check(str(written(tmp_path / "x.log", told))).violations] == broken
