"""Known deviations: what is expected does not fail, what is new does, what is gone is stale; never without evidence."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mipcheck.checker.check.check import check
from mipcheck.checker.check.expected import (
    Expectation,
    read_expectations,
    updated,
    with_expectations,
    written_expectations,
)
from mipcheck.checker.check.report import Report
from mipcheck.checker.cli.main import main
from mipcheck.checker.console.errors import UsageError

from making.paths import TRACES

TODAY = date(2027, 1, 15)
NAMES = ("plaintext-after-loss", "plaintext-beside-vpn", "same-home-agents", "missing-d-flag", "joined-late")
RULES = ("M2", "D1", "C3", "A1", "P4", "I1")


@cache
def report_of(name: str) -> Report:
    return check(TRACES / f"{name}.log")


def judged(name: str, *entries: Expectation, today: date = TODAY) -> Report:
    return with_expectations(report_of(name), entries, today)


def test_what_is_expected_does_not_fail() -> None:
    """Lines 21 and 24 break M2, three times in all."""
    for entry in (
        Expectation("M2"),
        Expectation("M2", count=3, until=TODAY),
        Expectation("M2", input="*/plaintext-*.log", interface="eth0"),
        Expectation("M2", input="plaintext-after-loss.log"),
    ):
        report = judged("plaintext-after-loss", entry)
        assert (report.verdict, report.violations, report.stale) == ("expected", (), ()), entry
        assert [e.violation for e in report.excused] == list(report_of("plaintext-after-loss").violations)


def test_what_is_new_fails() -> None:
    """Also what is new of a rule of which something is expected."""
    for entry, lines in (
        (Expectation("M2", at=21), [24]),
        (Expectation("M2", at=24), [21]),
        (Expectation("M2", count=2), [24]),
        (Expectation("M2", count=1), [21, 24]),
        (Expectation("M2", input="other.log"), [21, 24]),
    ):
        report = judged("plaintext-after-loss", entry)
        assert (report.verdict, [v.at.line for v in report.violations]) == ("violation", lines), entry
    assert judged("plaintext-beside-vpn", Expectation("D1")).verdict == "violation"
    assert judged("plaintext-beside-vpn", Expectation("D1"), Expectation("C3")).verdict == "expected"


def test_what_is_gone_is_stale() -> None:
    """So is what is rarer, and what is over; the entry of another run is none of this one's business."""
    known = Expectation("M2")
    for entries in (
        [known, Expectation("D1")],
        [Expectation("M2", count=4)],
        [known, Expectation("M2", interface="wlan0")],
        [known, Expectation("M2", at=22)],
    ):
        report = judged("plaintext-after-loss", *entries)
        assert (report.verdict, len(report.stale)) == ("stale", 1), entries
    over = judged("plaintext-after-loss", replace(known, until=TODAY - timedelta(days=1)))
    assert (over.verdict, len(over.violations), len(over.stale)) == ("violation", 2, 1)
    assert judged("plaintext-after-loss", known, Expectation("D1", input="other/*")).verdict == "expected"
    assert judged("inside-colocated", Expectation("M2")).verdict == "stale"
    assert judged("inside-colocated", Expectation("M2", input="x")).verdict == "conformant"


def test_missing_evidence_is_never_expected() -> None:
    report = replace(report_of("plaintext-after-loss"), reasons=("something was not read",))
    assert with_expectations(report, [Expectation("M2")], TODAY).verdict == "inconclusive"
    assert judged("joined-late").verdict == "inconclusive"


def test_what_is_only_counted_is_excused_by_the_rule_alone() -> None:
    whole = report_of("plaintext-after-loss")
    report = replace(whole, rules=tuple(replace(r, unlisted=7) if r.id == "M2" else r for r in whole.rules))
    assert with_expectations(report, [Expectation("M2", interface="eth0")], TODAY).verdict == "violation"
    assert with_expectations(report, [Expectation("M2", reason="known")], TODAY).verdict == "expected"
    assert with_expectations(report, updated(report, [], TODAY), TODAY).verdict == "expected"


ENTRIES = st.builds(
    Expectation,
    rule=st.sampled_from(RULES),
    input=st.none() | st.sampled_from([*(f"*/{n}.log" for n in NAMES), "plaintext-*", "x"]),
    interface=st.none() | st.sampled_from(["eth0", "wlan0"]),
    count=st.none() | st.integers(1, 5),
    reason=st.none() | st.text(max_size=20),
    until=st.none() | st.dates(TODAY - timedelta(days=2), TODAY + timedelta(days=2)),
) | st.builds(Expectation, rule=st.sampled_from(RULES), at=st.integers(1, 30))


@pytest.mark.slow
@given(name=st.sampled_from(NAMES), entries=st.lists(ENTRIES, max_size=5))
def test_after_an_update_all_is_as_expected(name: str, entries: list[Expectation]) -> None:
    """Nothing is new and nothing stale, and to update once more changes nothing."""
    whole = report_of(name)
    now = updated(whole, entries, TODAY)
    report = with_expectations(whole, now, TODAY)
    assert (report.violations, report.stale) == ((), ())
    assert report.verdict == ("expected" if whole.verdict == "violation" and not whole.reasons else whole.verdict)
    assert updated(whole, now, TODAY) == now


@pytest.mark.slow
@given(name=st.sampled_from(NAMES), entries=st.lists(ENTRIES, max_size=5))
def test_no_finding_is_lost(name: str, entries: list[Expectation]) -> None:
    whole = report_of(name)
    report = with_expectations(whole, entries, TODAY)
    kept = [*report.violations, *report.warnings, *(e.violation for e in report.excused)]
    assert sorted(map(id, kept)) == sorted(map(id, [*whole.violations, *whole.warnings]))
    assert report.verdict != "violation" or report.violations


@given(entries=st.lists(ENTRIES, max_size=5))
def test_what_is_written_reads_back(tmp_path_factory: pytest.TempPathFactory, entries: list[Expectation]) -> None:
    path = tmp_path_factory.getbasetemp() / "expected.toml"
    path.write_text(written_expectations(entries), "utf-8")
    assert read_expectations(str(path), RULES) == entries


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[expect]]\nrule = 'M3'\n", 'no rule "M3"'),
        ("[[expect]]\nrul = 'M2'\n", 'did you mean "rule"?'),
        ("[[expect]]\ninput = 'x'\n", "no rule"),
        ("[[expect]]\nrule = 'M2'\ncount = true\n", "count is a number"),
        ("[[expect]]\nrule = 'M2'\ncount = 0\n", "1 or more"),
        ("[[expect]]\nrule = 'M2'\nuntil = '2027-01-01'\n", "until is a date"),
        ("[[expect]]\nrule = 'M2'\nuntil = 2027-01-01T00:00:00\n", "until is a date"),
        ("[[expect]]\nrule = 'M2'\ncount = 1\nat = 1\n", "exclude each other"),
        ("[expect]\nrule = 'M2'\n", "only tables"),
        ("expect = [1]\n", "only tables"),
        ("[site]\n", "only tables"),
        ("mipcheck-trace 1\n", "is no TOML"),
        ("x = " + "[" * 100_000, "is no TOML"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "e.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(UsageError) as error:
        read_expectations(str(path), RULES)
    assert said in str(error.value)


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there is made by an update alone, and nothing that is read gives way to it."""
    log, known = str(TRACES / "plaintext-after-loss.log"), tmp_path / "known.toml"
    assert main([log, "--expect", str(known)]) == 2 and not known.exists()
    assert main([log, "--expect-update"]) == 2
    assert main([log, "--expect", str(known), "--expect-update"]) == 0
    text = known.read_text("utf-8").replace("not explained yet", "an old fault")
    known.write_text(text, "utf-8")
    assert main([log, "--expect", str(known)]) == 0
    assert main([log, "--expect", str(known), "--expect-update"]) == 0 and known.read_text("utf-8") == text
    capsys.readouterr()
    empty = tmp_path / "empty.log"
    empty.write_text("", "utf-8")
    assert main([str(empty), "--expect", str(empty), "--expect-update"]) == 2
    assert "would overwrite an input" in capsys.readouterr().err and empty.read_bytes() == b""
    assert main([log, "--expect", str(known), "-o", str(known)]) == 2 and known.read_text("utf-8") == text


@pytest.mark.parametrize("text", ["{} = 1\n", "[[expect]]\n{} = 1\n", "[[{}]]\n"])
def test_a_key_of_very_many_parts_is_refused_at_once(text: str, tmp_path: Path) -> None:
    """Parsing one of 200,000 parts took tomllib twenty gigabytes and more."""
    path = tmp_path / "known.toml"
    path.write_text(text.format(".".join(["a"] * 150_000)))
    with pytest.raises(
        UsageError, match=f"line {text.count(chr(10), 0, text.index('{')) + 1}: a key of more than 64 parts"
    ):
        read_expectations(str(path), RULES)
