"""Faults that are seeded in long logs of devices: each is found where it is, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import make_device_log
import pytest
from mipcheck.checker.check.report import Report

from making.both_ways import report

# What a row stands for: the rule, the line where it is broken, how often.
Found = list[tuple[str, int, int]]


def found(report: object) -> Found:
    """Return all that a report accuses of, in the order of the lines."""
    assert isinstance(report, Report)
    assert not any(r.unlisted for r in report.rules)
    accused = (*report.violations, *report.warnings)
    return sorted(((v.rule, v.at.line or 0, v.count) for v in accused), key=lambda f: f[1])


def seeded(path: Path, role: str, events: int, nodes: int, each: int, seed: int) -> Found:
    """Write such a log; return what is wrong with it, which is something of every kind."""
    faults = make_device_log.make(path, role, events, nodes, each, seed)
    assert {f.kind for f in faults} == set(make_device_log.DEVICES[role].faults)
    assert len(make_device_log.DEVICES[role].faults) >= 10
    return [(f.rule, f.line, 1) for f in faults]


@pytest.mark.slow
@pytest.mark.parametrize("role", make_device_log.DEVICES)
@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_seeded_is_found_and_nothing_else(tmp_path: Path, role: str, seed: int) -> None:
    path = tmp_path / "x.log"
    told = seeded(path, role, 3000, 40, 1, seed)
    for fast in (False, True):
        assert found(report(path, fast, only=fast)) == told


@pytest.mark.slow
@pytest.mark.parametrize("role", make_device_log.DEVICES)
def test_what_was_seeded_is_found_in_a_long_log(tmp_path: Path, role: str) -> None:
    path = tmp_path / "x.log"
    told = seeded(path, role, 30_000, 600, 10, 3)
    for fast in (False, True):
        assert found(report(path, fast, only=fast)) == told


@pytest.mark.parametrize("role", make_device_log.DEVICES)
def test_without_faults_such_a_log_is_conformant(tmp_path: Path, role: str) -> None:
    path = tmp_path / "x.log"
    assert make_device_log.make(path, role, 5000, 60, 0, 4) == []
    answer = report(path, True)
    assert isinstance(answer, Report)
    assert (answer.verdict, answer.events, answer.nodes) == ("conformant", 5000, 60)
