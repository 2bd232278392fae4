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


_COPIED = "the first is granted, and where that came from is where the node is"
"""A case in which a request that was not seen is followed by somebody's copy, which is taken for it."""


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_no_case_is_judged_otherwise_for_what_is_not_seen(tmp_path: Path, part: int) -> None:
    for case in [c for c in CASES if c.name != _COPIED][part::4]:
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
