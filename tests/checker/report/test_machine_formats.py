"""What every format for machines keeps: hostile names do no harm, and the same is said as in JSON."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from datetime import date
from functools import cache
from typing import Any

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.check.expected import Expectation, with_expectations
from mipcheck.checker.check.report import Report
from mipcheck.checker.report.github import report_github
from mipcheck.checker.report.json import report_json
from mipcheck.checker.report.jsonl import report_jsonl
from mipcheck.checker.report.junit import report_junit
from mipcheck.checker.report.sarif import report_sarif

from making.paths import CAPTURES, TRACES
from making.poisoned import WORDS, poisoned
from making.schemas import conforming

LOGS = sorted(path.stem for path in TRACES.glob("*.log"))
SAMPLES = ("plaintext-after-loss", "joined-late", "same-home-agents", "missing-d-flag", "late-reply-ignored")
"""A violation, an inconclusive trace, a configuration, a warning, near misses."""


@cache
def report_of(name: str) -> Report:
    return check(TRACES / f"{name}.log")


@cache
def captured() -> Report:
    return check(CAPTURES / "two-interfaces.pcapng", config=CAPTURES / "two-interfaces.toml")


@pytest.mark.sampled(3)
@pytest.mark.parametrize("word", WORDS)
def test_hostile_names_do_no_harm(word: str) -> None:
    known = [Expectation("D1", reason="known"), Expectation("M2")]
    excused = with_expectations(report_of("plaintext-beside-vpn"), known, date(2027, 1, 1))
    for report in (*map(report_of, SAMPLES), captured(), excused):
        bad = poisoned(report, word)
        for made in (report_json, report_jsonl, report_junit, report_sarif, report_github):
            text = made(bad)
            text.encode("utf-8")
            assert all(c.isprintable() or c == "\n" for c in text), made
        assert [json.loads(line)["schema"] for line in report_jsonl(bad).splitlines()] == [1] * lines_of(bad)
        commands = report_github(bad).splitlines()
        assert len(commands) == len(report_github(report).splitlines())
        assert all(c.startswith(("::error ", "::warning ", "::notice ")) for c in commands)
        tree, before = ET.fromstring(report_junit(bad)), ET.fromstring(report_junit(report))
        assert [e.tag for e in tree.iter()] == [e.tag for e in before.iter()]
        assert shape(json.loads(report_sarif(bad))) == shape(json.loads(report_sarif(report)))


def lines_of(report: Report) -> int:
    """How many JSON Lines there have to be."""
    known = len(report.excused) + len(report.stale)
    return len(report.violations) + len(report.warnings) + known + sum(len(i.holes) for i in report.inputs) + 1


def shape(value: Any) -> Any:
    """JSON without its texts."""
    if isinstance(value, dict):
        return {key: shape(v) for key, v in value.items()}
    return [shape(v) for v in value] if isinstance(value, list) else None if isinstance(value, str) else value


@pytest.mark.sampled(5)
@pytest.mark.parametrize("name", LOGS)
def test_json_lines_say_what_json_says(name: str) -> None:
    report = report_of(name)
    whole = conforming("check", report_json(report))
    lines = [conforming("jsonl", line) for line in report_jsonl(report).splitlines()]
    *found, end = lines
    own = ("schema", "kind", "counts")
    told = [{k: v for k, v in line.items() if k not in own} for line in found if line["kind"] == "finding"]
    assert told == whole["violations"] + whole["warnings"]
    assert [line["counts"] for line in found if line["kind"] == "finding"] == (
        [True] * len(whole["violations"]) + [False] * len(whole["warnings"])
    )
    assert [line["message"] for line in found if line["kind"] == "hole"] == [h for i in report.inputs for h in i.holes]
    assert (end["kind"], end["verdict"], end["reasons"]) == ("end", report.verdict, list(report.reasons))


@pytest.mark.parametrize("name", LOGS)
def test_github_shows_each_finding_at_its_line(name: str) -> None:
    report = report_of(name)
    commands = report_github(report).splitlines()
    for kind, found in (("error", report.violations), ("warning", report.warnings)):
        mine = [c for c in commands if c.startswith(f"::{kind} ")]
        assert len(mine) == min(10, len(found))
        for command, v in zip(mine[:9], found[:9], strict=False):
            properties = dict(p.split("=", 1) for p in command.split("::")[1].partition(" ")[2].split(","))
            assert properties["file"] == v.at.file
            assert properties.get("line") == (None if v.at.line is None else str(v.at.line))
            assert v.rule in properties["title"]
    assert commands[-1].startswith(f"::notice title=mipcheck::draft-01: {report.verdict}")


@pytest.mark.parametrize(("rules", "failures"), [(("D1", "C3"), 0), (("D1",), 1), (("D1", "C3", "M2"), 1)])
def test_known_deviations_are_told_apart(rules: tuple[str, ...], failures: int) -> None:
    """A job that is as expected is green; what is new, or stale, is one failure, error and line."""
    entries = [Expectation(rule, reason="known") for rule in rules]
    report = with_expectations(report_of("plaintext-beside-vpn"), entries, date(2027, 1, 1))
    root = ET.fromstring(report_junit(report))
    assert (int(root.attrib["failures"]), int(root.attrib["errors"])) == (failures, 0)
    assert "expected: known" in {e.attrib["message"] for e in root.iter("skipped")}
    assert sum(line.startswith("::error ") for line in report_github(report).splitlines()) == failures
    kinds = [conforming("jsonl", line) for line in report_jsonl(report).splitlines()]
    assert [k["rule"] for k in kinds if "expected" in k] == [e.violation.rule for e in report.excused]
    assert [k["message"] for k in kinds if k["kind"] == "stale"] == list(report.stale)
    whole = conforming("check", report_json(report))
    assert [e["reason"] for e in whole["expected"]] == ["known"] * len(report.excused)


def test_a_frame_is_named() -> None:
    """A capture has no lines to show an annotation beside."""
    (first, *_) = report_github(captured()).splitlines()
    assert "frame 113" in first and "line=" not in first.split("::")[1]


@pytest.mark.parametrize("name", LOGS)
def test_junit_counts_what_it_holds(name: str) -> None:
    """A rule is a test case: failed, skipped or passed; nothing inconclusive is green."""
    report = report_of(name)
    root = ET.fromstring(report_junit(report))
    (suite,) = root
    assert (root.tag, suite.tag) == ("testsuites", "testsuite")
    cases = suite.findall("testcase")
    broken = {v.rule for v in report.violations}
    for case, rule in zip(cases, report.rules, strict=False):
        assert case.attrib["name"].split() == [rule.id, rule.level, rule.section]
        allowed = {"failure"} if rule.id in broken else {"system-out"} if rule.status == "violated" else None
        skipped = {"skipped"} if rule.status in ("not-exercised", "inconclusive", "unobservable") else set()
        assert {e.tag for e in case} == (skipped if allowed is None else allowed)
    assert cases[len(report.rules) :] == [cases[-1]] and cases[-1].attrib["name"] == "evidence"
    assert (cases[-1].find("error") is not None) == (report.verdict == "inconclusive")
    for element in (root, suite):
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(element.attrib[attribute]) == sum(c.find(tag) is not None for c in cases)
        assert int(element.attrib["tests"]) == len(cases)
    green = not any(int(root.attrib[a]) for a in ("failures", "errors"))
    assert green == (report.verdict == "conformant")


@pytest.mark.parametrize("name", SAMPLES)
def test_junit_is_read_by_others_as_it_is_meant(name: str) -> None:
    junitparser = pytest.importorskip("junitparser")
    report = report_of(name)
    (suite,) = junitparser.JUnitXml.fromstring(report_junit(report))
    failed, without, passed = (
        [c for c in suite if getattr(c, f"is_{what}")] for what in ("failure", "error", "passed")
    )
    assert {c.name.split()[0] for c in failed} == {v.rule for v in report.violations}
    assert [c.name for c in without] == ["evidence"] * (report.verdict == "inconclusive")
    assert (suite.tests, suite.failures, suite.errors) == (len(list(suite)), len(failed), len(without))
    assert suite.skipped == len(list(suite)) - len(failed) - len(without) - len(passed)
