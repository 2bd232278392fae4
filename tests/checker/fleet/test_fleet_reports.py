"""Reports on a fleet, and its known deviations: as for one input, also of what an earlier run has found."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.check.expected import Expectation
from mipcheck.checker.check.report import Report
from mipcheck.checker.cli.main import main
from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.fleet.inputs import File
from mipcheck.checker.fleet.kept import OddFinding, kept, restored
from mipcheck.checker.fleet.reports import excused, merged, parted, rendered, report_of, rewritten, rules_of
from mipcheck.checker.fleet.work import FileOutcome, Job, examine
from mipcheck.checker.report.html import report_html
from mipcheck.model.specification.load import load

from making.paths import CAPTURES, TRACES
from making.schemas import conforming

SPEC = load("draft-01")
RULES = rules_of(SPEC)
BROKEN, FINE = "plaintext-after-loss.log", "inside-colocated.log"


def outcome(path: Path, **options: Any) -> FileOutcome:
    found = examine(Job(SPEC, **options).packed(), File(str(path), path.stat().st_size, "x"))
    assert found.status == "checked"
    return found


def reports(*names: str) -> list[Report]:
    return [report_of(outcome(TRACES / name), RULES) for name in names]


SEVERAL = [TRACES / BROKEN, TRACES / "evidence-lost.log", TRACES / "gateway-short-cut.log"]


@pytest.mark.slow
@pytest.mark.parametrize("path", [*SEVERAL, CAPTURES / "loss-ignored.pcapng"], ids=lambda p: p.stem)
def test_the_report_on_a_file_of_a_fleet_is_that_on_the_file(path: Path) -> None:
    config = path.with_suffix(".toml")
    given = config.read_bytes() if config.exists() else None
    again = report_of(outcome(path, config=given), RULES)
    alone = check(path, config=config if given else None, spec=SPEC)

    def told(report: Report) -> list[tuple[object, ...]]:
        return [
            (v.rule, v.interface, v.node, v.time, v.last_time, v.at.line, v.at.frame, v.message, v.seen, v.wrong,
             [(b.text, b.at.line, b.at.frame) for b in v.because], [(m.text, m.why) for m in v.not_counted], v.allowed,
             v.count, v.overdue)
            for v in (*report.violations, *report.warnings)
        ]  # fmt: skip

    assert told(again) == told(alone)
    assert [(r.id, r.status, r.kept, r.broken, r.why) for r in again.rules] == [
        (r.id, r.status, r.kept, r.broken, r.why) for r in alone.rules
    ]
    assert again.verdict == alone.verdict


@pytest.mark.slow
def test_every_format_tells_of_every_file() -> None:
    each = reports(BROKEN, FINE, "joined-late.log")
    lost = FileOutcome(File("/x/gone.pcap", 1, "x"), "unreadable", error="/x/gone.pcap: no such thing")
    each.append(report_of(lost, RULES))
    whole = merged(SPEC, each)
    assert whole.verdict == "violation" and len(whole.inputs) == 4
    assert next(r for r in whole.rules if r.id == "M2").broken == 3
    suites = ET.fromstring(rendered("junit", whole, each))
    assert [s.get("failures") for s in suites] == ["1", "0", "0", "0"]
    assert [s.get("errors") for s in suites] == ["0", "0", "1", "1"]
    assert int(suites.get("tests") or 0) == sum(int(s.get("tests") or 0) for s in suites)
    (run,) = json.loads(rendered("sarif", whole, each))["runs"]
    assert {r["ruleId"] for r in run["results"]} == {"M2"} and len(run["artifacts"]) == 4
    lines = [conforming("jsonl", line) for line in rendered("jsonl", whole, each).splitlines()]
    assert [line["kind"] for line in lines].count("finding") == len(each[0].violations) == 2
    assert lines[-1]["verdict"] == "violation"
    assert any(line["kind"] == "hole" and "no such thing" in line["message"] for line in lines)
    assert BROKEN in rendered("github", whole, each)
    assert report_html(whole).count('<details class="finding ') == 2


def test_what_is_known_is_excused_by_file_and_what_was_not_checked_makes_nothing_stale() -> None:
    each = reports(BROKEN, "missing-d-flag.log")
    whole = merged(SPEC, each)
    today = date(2026, 11, 29)
    entries = rewritten(whole, [], [], today)
    done = excused(whole, entries, [], today)
    assert done.verdict == "expected" and not done.violations and not done.stale
    assert [r.verdict for r in parted(done, each)] == ["expected", "expected"]
    first = excused(whole, [e for e in entries if e.rule == "M2"], [], today)
    assert [r.verdict for r in parted(first, each)] == ["expected", "violation"]
    gone = Expectation("D1", "other/*.log")
    every = Expectation("D1")
    assert excused(whole, [*entries, gone, every], [], today).stale == ("D1: occurs no more",)
    assert excused(whole, [*entries, gone, every], ["other/x.log"], today).stale == ()
    assert every in rewritten(whole, [*entries, every], ["other/x.log"], today)
    assert every not in rewritten(whole, [*entries, every], [], today)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "{" * 100_000, '{"violations": 1}', '{"violations": [{"rule": 1}]}', "NaN",
     '{"violations": [], "warnings": [], "unlisted": {"M2": 1e9}, "why": {}, "holes": []}',
     '{"violations": [], "warnings": [], "unlisted": {}, "why": {}, "holes": [null]}'],
)  # fmt: skip
def test_stored_findings_that_no_check_comes_to_are_refused(text: str) -> None:
    with pytest.raises(OddFinding):
        restored(text, "x.log")
    with pytest.raises(UsageError, match="is damaged"):
        report_of(FileOutcome(File("/x.log", 1, "x"), "checked", verdict="conformant", findings=text), RULES)


def test_every_value_of_the_wrong_type_is_refused() -> None:
    whole = json.loads(kept(check(TRACES / BROKEN, spec=SPEC)))
    finding = whole["violations"][0]
    for key in finding:
        if key == "date":  # which depends on where times count from, and is made anew
            continue
        for odd in (b"".hex, [1], {"a": 1}, 1.5):
            value = str(odd) if callable(odd) else odd
            if type(value) is type(finding[key]) and not isinstance(value, list | dict):
                continue
            if isinstance(finding[key], str | None) and isinstance(value, str):
                continue
            text = json.dumps({**whole, "violations": [{**finding, key: value}]})
            with pytest.raises(OddFinding):
                restored(text, "x.log")


@pytest.mark.slow
def test_reports_and_deviations_of_a_run_that_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, results, known = tmp_path / "in", tmp_path / "out", tmp_path / "known.toml"
    folder.mkdir()
    for name in (BROKEN, FINE):
        shutil.copy(TRACES / name, folder / name)
    args = ["fleet", str(folder), "--workers", "1", "--format", "json", "-o", str(results)]
    assert main([*args, "--expect", str(known), "--expect-update"]) == 0
    first = conforming("fleet", capsys.readouterr().out)
    assert first["verdict"] == "expected" and first["counts"]["expected"] == 1 and first["stale"] == []
    assert [f["expected"] for f in first["by_file"]] == [[], ["M2"]]
    junit = tmp_path / "junit.xml"
    assert main([*args, "--expect", str(known), "--report", f"junit={junit}"]) == 0
    again = conforming("fleet", capsys.readouterr().out)
    assert again["earlier"] == 2 and again["verdict"] == "expected"
    assert "not explained yet" in junit.read_text("utf-8")
    shutil.copy(TRACES / FINE, folder / BROKEN)
    assert main([*args, "--expect", str(known)]) == 1
    assert conforming("fleet", capsys.readouterr().out)["verdict"] == "stale"
    assert main([*args, "--report", f"html={folder / FINE}"]) == 2
    assert "would overwrite an input" in capsys.readouterr().err
    assert (folder / FINE).read_bytes() == (TRACES / FINE).read_bytes()
