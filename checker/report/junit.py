"""A `Report` → JUnit's XML, which every CI reads: a test case a rule, and one about the evidence."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import Final

from mipcheck.checker.check.report import Report, RuleReport, Violation
from mipcheck.checker.console.escape import printable

STALE: Final = "expectations"
"""The test case that fails where a known deviation is to be taken out."""
EVIDENCE: Final = "evidence"
"""The test case that is an error where a report is inconclusive: a green build has evidence."""

PARTIES: Final = "parties"
"""The test suite about parties of which there is no input."""

_SHOWN: Final = 20
"""Findings of one rule that are told in full; the others are counted."""


def report_junit(report: Report) -> str:
    """Return the report as XML, in ASCII.

    A rule that is violated fails, one that was not exercised or is unclear is skipped. A violated SHOULD that does not
    count passes, and its finding is what the test case has written.
    """
    return _written([suite(report)])


def suites(reports: Sequence[Report], whole: Report) -> str:
    """Return reports on several files as XML, a test suite each; what is stale in the `whole` stands in one of its
    own."""
    found = [suite(report) for report in reports]
    if whole.stale:
        element = ET.Element("testsuite", {"name": STALE})
        element.append(_stale(whole))
        _count(element)
        found.append(element)
    return _written(found)


def suites_of_parties(reports: Mapping[str, Report], absent: Sequence[str], missing: bool) -> str:
    """Return reports on several parties as XML, a test suite each; those of which there is no input, as `absent` says,
    are test cases that are skipped, or errors where that is `missing` evidence."""
    found = [suite(report, party) for party, report in reports.items()]
    if absent:
        element = ET.Element("testsuite", {"name": PARTIES})
        for said in absent:
            case = _named(next(iter(reports.values())), said.partition(":")[0])
            ET.SubElement(case, "error" if missing else "skipped", {"message": printable(said)})
            element.append(case)
        _count(element)
        found.append(element)
    return _written(found)


def _written(suites: Sequence[ET.Element]) -> str:
    """Return test suites as a document."""
    root = ET.Element("testsuites", {"name": "mipcheck"})
    root.extend(suites)
    _count(root)
    ET.indent(root)
    body = ET.tostring(root, encoding="us-ascii", xml_declaration=False).decode()
    return f"<?xml version='1.0' encoding='us-ascii'?>\n{body}\n"


def suite(report: Report, party: str = "") -> ET.Element:
    """Return the report as one test suite, named after its inputs, and the `party` at which they were taken."""
    names = ", ".join(printable(i.file) for i in report.inputs)
    element = ET.Element("testsuite", {"name": f"{printable(party)}: {names}" if party else names})
    facts = {"verdict": report.verdict, "spec": report.spec, "role": report.role}
    facts |= {"party": party} if party else {}
    facts |= {p.name: p.value for p in report.parameters if p.given}
    properties = ET.SubElement(element, "properties")
    for name, value in facts.items():
        ET.SubElement(properties, "property", {"name": printable(name), "value": printable(value)})
    for rule in report.rules:
        broken = [v for v in report.violations if v.rule == rule.id]
        warned = [v for v in report.warnings if v.rule == rule.id]
        element.append(_case(report, rule, broken, warned))
    if report.excused or report.stale:
        element.append(_stale(report))
    element.append(_evidence(report))
    _count(element)
    return element


def _case(report: Report, rule: RuleReport, broken: Sequence[Violation], warned: Sequence[Violation]) -> ET.Element:
    """Return the test case of a rule; `broken` are its findings that count, `warned` those that do not."""
    known = [e for e in report.excused if e.violation.rule == rule.id]
    found = [*broken, *warned, *(e.violation for e in known)]
    case = _named(report, f"{rule.id} {rule.level} {rule.section}")
    if found:
        first = found[0].at
        case.set("file", printable(first.file))
        if first.line is not None:
            case.set("line", str(first.line))
    if broken:
        failure = ET.SubElement(case, "failure", {"type": rule.level, "message": printable(broken[0].message)})
        failure.text = _told(rule, broken)
    elif known:
        why = "; ".join(dict.fromkeys(e.reason for e in known if e.reason))
        ET.SubElement(case, "skipped", {"message": printable(f"expected: {why}" if why else "expected")})
    elif rule.status in ("not-exercised", "inconclusive", "unobservable"):
        why = printable(f"{rule.status}: {rule.why}" if rule.why else rule.status)
        ET.SubElement(case, "skipped", {"message": why})
    if warned:
        ET.SubElement(case, "system-out").text = _told(rule, warned)
    return case


def _stale(report: Report) -> ET.Element:
    """Return the test case about known deviations."""
    case = _named(report, STALE)
    if report.stale:
        failure = ET.SubElement(case, "failure", {"type": "stale", "message": printable(report.stale[0])})
        failure.text = "\n".join(map(printable, report.stale))
    return case


def _evidence(report: Report) -> ET.Element:
    """Return the test case about the evidence."""
    case = _named(report, EVIDENCE)
    reasons = "\n".join(map(printable, report.reasons))
    if report.verdict == "inconclusive":
        ET.SubElement(case, "error", {"type": "inconclusive", "message": "the evidence has holes"}).text = reasons
    elif reasons:
        ET.SubElement(case, "system-out").text = reasons
    return case


def _named(report: Report, name: str) -> ET.Element:
    """Return a test case that has passed."""
    facts = {"classname": f"mipcheck.{report.spec}", "name": name, "time": "0"}
    return ET.Element("testcase", {key: printable(value) for key, value in facts.items()})


def _told(rule: RuleReport, found: Sequence[Violation]) -> str:
    """Return findings of a rule, one after another."""
    lines = [rule.text, f"cited: {rule.cite}"]
    for v in found[:_SHOWN]:
        lines += ["", f"{v.at}: {v.seen}", *(f"  wrong: {w}" for w in v.wrong)]
        lines += [f"  because: {b.at}: {b.text}" for b in v.because]
        lines += [f"  not counted: {m.at}: {m.text}: {m.why}" for m in v.not_counted]
        lines += [f"  instead: {a}" for a in v.allowed]
        lines += [f"  {v.count} times in the same state"] if v.count > 1 else []
    more = len(found) - _SHOWN + rule.unlisted if len(found) > _SHOWN else rule.unlisted
    lines += ["", f"{more} more"] if more else []
    return "\n".join(map(printable, lines))


def _count(element: ET.Element) -> None:
    """Say how many test cases there are below an element, and what became of them."""
    cases = list(element.iter("testcase"))
    element.set("tests", str(len(cases)))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(name, str(sum(case.find(tag) is not None for case in cases)))
    element.set("time", "0")
