"""Scenarios recorded with the logs of the node's programs: capture, logs and both have compatible verdicts."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from mipcheck import check
from mipcheck.checker.check.report import Report
from mipcheck.checker.inputs.read import read_trace
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.model.specification.load import load

from making.paths import ROOT

RECORDED = ROOT / "traces" / "raw" / "scenarios"
EXPECTED = tomllib.loads((RECORDED / "expected.toml").read_text("utf-8"))
MAPS = {
    "monitor": "ip-monitor,zone=UTC",
    "node": str(RECORDED / "node.map"),
    "charon": "charon",
}
CONCLUDES = ("inside-f", "inside")
"""Where the node comes to no conclusion but that it is inside."""


@cache
def judged(name: str, capture: bool, logs: bool) -> Report:
    """The report on what was recorded of a scenario: its capture, its logs, or both."""
    kinds = [kind for kind in MAPS if (RECORDED / f"{name}.{kind}.log").exists()] if logs else []
    files = [RECORDED / f"{name}.pcapng"] if capture else []
    files += [RECORDED / f"{name}.{kind}.log" for kind in kinds]
    maps = [f"{name}.{kind}.log={MAPS[kind]}" for kind in kinds]
    return check(files, config=RECORDED / f"{name}.toml", maps=maps)


def rules(report: Report, *statuses: str) -> set[str]:
    return {r.id for r in report.rules if r.status in statuses}


def broken(report: Report) -> Sequence[tuple[str, str | None, int]]:
    return sorted((v.rule, v.interface, v.count) for v in report.violations)


def test_every_scenario_is_recorded_with_its_logs() -> None:
    names = {path.stem for path in RECORDED.glob("*.pcapng")}
    captured = tomllib.loads((ROOT / "traces" / "captures" / "expected.toml").read_text("utf-8"))
    assert names == set(EXPECTED) == {name for name in captured if "-at-" not in name}
    for name in names:
        assert (RECORDED / f"{name}.monitor.log").stat().st_size
        assert (RECORDED / f"{name}.node.log").stat().st_size
    assert [n for n in sorted(names) if (RECORDED / f"{n}.charon.log").exists()] == [
        "late-reply", "movement", "outside-cvc", "outside-fvc"
    ]  # fmt: skip


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", EXPECTED)
def test_capture_logs_and_both_are_compatible(name: str) -> None:
    alone, told, both = judged(name, True, False), judged(name, False, True), judged(name, True, True)
    assert alone.verdict == both.verdict == EXPECTED[name]["verdict"]
    assert broken(alone) == broken(both)
    assert {rule for rule, _, _ in broken(both)} == set(EXPECTED[name].get("broken", ()))
    assert told.verdict == "inconclusive"  # they do not tell registrations, and say so
    assert not rules(told, "violated")
    assert rules(told, "held") <= rules(both, "held")
    # Where the node says that re-registration has failed, what it owes then is P8's, and no more P6's.
    assert rules(alone, "held") - rules(both, "held") <= {"P6"}
    assert not any("rename" in note for note in both.notes)


@pytest.mark.parametrize("name", [n for n in EXPECTED if n not in CONCLUDES])
def test_the_logs_turn_what_the_capture_leaves_unknown_into_verdicts(name: str) -> None:
    """P2 speaks of what the node concludes, which no packet shows."""
    assert "P2" in rules(judged(name, True, False), "not-exercised")
    assert "P2" in rules(judged(name, True, True), "held")


def test_a_cable_that_was_pulled_is_in_the_logs_alone() -> None:
    files = [str(RECORDED / f"movement.{kind}") for kind in ("pcapng", "monitor.log", "node.log")]
    maps = [f"movement.{kind}.log={MAPS[kind]}" for kind in ("monitor", "node")]
    site = str(RECORDED / "movement.toml")
    alone = read_trace(files[:1], vocabulary_of(load()), site).events
    both = read_trace(files, vocabulary_of(load()), site, maps=maps).events
    down = [[e.at.file for e in events if e.kind == "link" and e.args["state"] == "down"] for events in (alone, both)]
    assert down[0] == []
    assert set(down[1]) == set(files[1:])


@pytest.mark.parametrize("name", ["late-reply", "movement", "outside-cvc", "outside-fvc"])
def test_an_exchange_that_charon_and_the_capture_tell_is_one(name: str) -> None:
    """charon speaks by the x-HoA, which is a tunnel device's: where the exchange was, its packets show."""
    notes = judged(name, True, True).notes
    assert any("acts that a log tells as well, counted once" in note for note in notes)
    assert rules(judged(name, True, True), "held") >= {"V3", "V4", "V5"}
    assert "V4" in rules(judged(name, False, True), "held")


def test_a_log_of_the_scenario_alone_is_known_by_its_first_lines(tmp_path: Path) -> None:
    for kind, title in (("monitor", "iproute2"), ("charon", "strongSwan")):
        report = check(RECORDED / f"movement.{kind}.log", config=RECORDED / "movement.toml")
        assert any("recognised by its first lines" in note and title in note for note in report.notes)
