"""What the files of a fleet came to as one `Report`, or one each: for every format, and for known deviations."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from mipcheck.checker.check.expected import Expectation, updated, with_expectations
from mipcheck.checker.check.report import InputReport, Report, RuleReport
from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.console.escape import printable
from mipcheck.checker.fleet.inputs import shown
from mipcheck.checker.fleet.kept import Kept, OddFinding, restored
from mipcheck.checker.fleet.work import FileOutcome
from mipcheck.model.language.show import show_citations
from mipcheck.model.specification.spec import MOBILE_NODE, Rule, Spec

FORMATS: Final = ("text", "json", "jsonl", "html", "junit", "sarif", "github")
"""What a fleet can be reported as: text and JSON are the summary, the others what they are of a single file."""

_WORST: Final = ("violated", "inconclusive", "unobservable", "held", "not-exercised")
"""Statuses of a rule, of which the first that it has in any file is its status in all."""


def report_of(outcome: FileOutcome, rules: Mapping[str, Rule]) -> Report:
    """Return the report on one file, by the name that people know; `rules` are those of the specification.

    A file without a verdict makes one that is inconclusive. Raises UsageError where what was kept is damaged.
    """
    file = shown(outcome.file.path)
    checked = outcome.status == "checked"
    try:
        found = restored(outcome.findings, file) if checked else Kept()
        odd = [v.rule for v in (*found.violations, *found.warnings) if v.rule not in rules]
        if odd:
            raise OddFinding(f"no rule is called {odd[0][:40]!r}")
    except OddFinding as error:
        raise UsageError(
            f"what was kept of {printable(file)} is damaged ({printable(str(error))}): give another folder with -o"
        ) from None
    missing = _missing(outcome, file)
    return Report(
        verdict=outcome.verdict or "inconclusive",
        spec=outcome.spec,
        inputs=(
            InputReport(
                file,
                outcome.kind or "log",
                outcome.events or 0,
                outcome.frames,
                tuple(outcome.interfaces),
                0,
                found.holes if checked else (missing,),
            ),
        ),
        rules=tuple(
            _rule(rules[r.id], r.status, r.exercised - r.violations, r.violations, r.inconclusive,
                  found.unlisted.get(r.id, 0), found.why.get(r.id, ""))
            for r in outcome.rules
            if r.id in rules
        ),
        violations=found.violations,
        warnings=found.warnings,
        notes=tuple(outcome.notes),
        reasons=tuple(outcome.reasons) if checked else (missing,),
        set_aside={},
        parameters=(),
        start=None,
        role=outcome.role or MOBILE_NODE,
        nodes=outcome.nodes,
    )  # fmt: skip


def _missing(outcome: FileOutcome, file: str) -> str:
    """Say why there is no verdict, in a line that begins with the file as people know it."""
    line = (outcome.error or outcome.status).partition("\n")[0]
    for name in (printable(outcome.file.path), printable(file)):
        line = line.removeprefix(name)
    return f"{file}{line}" if line.startswith(":") else f"{file}: {line}"


def _rule(rule: Rule, status: str, kept: int, broken: int, unknown: int, unlisted: int, why: str) -> RuleReport:
    return RuleReport(
        rule.id, rule.level, rule.section, show_citations(rule.cite), rule.text, status, kept, broken, unknown,
        unlisted, rule.reading, why,
    )  # fmt: skip


def rules_of(spec: Spec) -> dict[str, Rule]:
    """Return the rules of all roles by name, in the order of the specification."""
    return {name: rule for machine in spec.machines() for name, rule in machine.rules.items()}


def merged(spec: Spec, reports: Sequence[Report]) -> Report:
    """Return the reports on single files as one. Times count in each file as they do there."""
    roles = {r.role for r in reports}
    verdicts = {r.verdict for r in reports}
    return Report(
        verdict=next((v for v in ("violation", "inconclusive") if v in verdicts), "conformant"),
        spec=spec.name,
        inputs=tuple(i for r in reports for i in r.inputs),
        rules=tuple(_together(rules_of(spec), reports)),
        violations=tuple(v for r in reports for v in r.violations),
        warnings=tuple(v for r in reports for v in r.warnings),
        notes=(),
        reasons=tuple(_named(r, reason) for r in reports for reason in r.reasons),
        set_aside={},
        parameters=(),
        start=None,
        role=roles.pop() if len(roles) == 1 else MOBILE_NODE,
    )


def _named(report: Report, reason: str) -> str:
    """Return a reason with the file that it is about."""
    file = report.inputs[0].file
    return reason if reason.startswith(f"{file}:") else f"{file}: {reason}"


def _together(rules: Mapping[str, Rule], reports: Iterable[Report]) -> Iterable[RuleReport]:
    """Yield what each rule that any file was held to came to in all."""
    by_rule: dict[str, list[RuleReport]] = {}
    for report in reports:
        for r in report.rules:
            by_rule.setdefault(r.id, []).append(r)
    for name, rule in rules.items():
        each = by_rule.get(name)
        if each is None:
            continue
        status = next(s for s in (*_WORST, each[0].status) if any(r.status == s for r in each))
        counts = Counter(r.status for r in each)
        spread = ", ".join(f"{s} in {counts[s]}" for s in _WORST if counts[s])
        kept, broken, unknown, unlisted = (
            sum(n) for n in zip(*((r.kept, r.broken, r.unknown, r.unlisted) for r in each), strict=True)
        )
        yield _rule(rule, status, kept, broken, unknown, unlisted, f"{spread} of {len(each)} files")


# --- known deviations ---------------------------------------------------------------------------------------------


def excused(whole: Report, entries: Sequence[Expectation], unchecked: Sequence[str], today: date) -> Report:
    """Return the report with known deviations excused. None is stale that a file may show which was not checked."""
    report = with_expectations(whole, entries, today)
    open_ = [f"{e}: occurs" for e in entries if any(map(e.fits_file, unchecked))]
    return replace(report, stale=tuple(s for s in report.stale if not s.startswith(tuple(open_))))


def rewritten(
    whole: Report, entries: Sequence[Expectation], unchecked: Sequence[str], today: date
) -> list[Expectation]:
    """Return the expectations after which `whole`, before any were applied, is expected. What a file may show that was
    not checked stays."""
    found = updated(whole, entries, today)
    return [*found, *(e for e in entries if e not in found and any(map(e.fits_file, unchecked)))]


def parted(whole: Report, each: Sequence[Report]) -> list[Report]:
    """Return the reports on single files with excused what is in the `whole`, which was made of them."""
    counts = {id(v) for v in whole.violations}
    excuses = {id(e.violation): e for e in whole.excused}
    result = []
    for report in each:
        known = tuple(excuses[id(v)] for v in (*report.violations, *report.warnings) if id(v) in excuses)
        left = tuple(v for v in report.violations if id(v) in counts)
        verdict = report.verdict
        if verdict == "violation" and not left:
            verdict = "inconclusive" if report.reasons else "expected"
        warnings = tuple(v for v in report.warnings if id(v) not in excuses)
        result.append(replace(report, verdict=verdict, violations=left, warnings=warnings, excused=known))
    return result


# --- formats ------------------------------------------------------------------------------------------------------


def rendered(kind: str, whole: Report, each: Sequence[Report]) -> str:
    """Return the report on a fleet in a format other than text and JSON; `each` are those on its files."""
    if kind == "junit":
        from mipcheck.checker.report.junit import suites

        return suites(each, whole)
    module = importlib.import_module(f"mipcheck.checker.report.{kind}")
    return str(getattr(module, f"report_{kind}")(whole))
