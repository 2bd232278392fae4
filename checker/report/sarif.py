"""A `Report` → SARIF 2.1.0 (OASIS), which code hosts and editors show as alerts. Only what is broken is a result.

A finding has a place, what led there as a code flow, near misses as related places, and a fingerprint that stays where
lines move. Of a capture the number of a frame takes the place of a line, as `tshark -r` prints it, and a logical
location says that it is one. GitHub's limits are kept: findings are grouped by cause, so that there are never 25,000.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import quote

from mipcheck.checker.check.report import Report, RuleReport, Violation, date
from mipcheck.checker.console.escape import printable
from mipcheck.checker.console.markdown import plain
from mipcheck.checker.console.valid_json import dumps
from mipcheck.checker.report.json import seconds
from mipcheck.model.values.event import Position
from mipcheck.model.version import __version__

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_FINGERPRINT: Final = "mipcheck/v1"
_STEPS: Final = 1000
"""Places of a code flow or of related locations: GitHub takes no more."""
_MIME: Final = {"pcap": "application/vnd.tcpdump.pcap", "pcapng": "application/vnd.tcpdump.pcap"}
_DIGITS: Final = re.compile(r"\S*[0-9]\S*")


def report_sarif(report: Report) -> str:
    """Return the report as a SARIF log of one run."""
    return _log([_run(report)])


def reports_sarif(reports: Mapping[str, Report], absent: Sequence[str]) -> str:
    """Return reports on several parties as a SARIF log, a run each.

    What `absent` says of parties without an input is told by the first.
    """
    runs = [_run(report, party) for party, report in reports.items()]
    notes = [{"level": "warning", "message": {"text": _text(said)}, "descriptor": {"id": "absent"}} for said in absent]
    runs[0]["invocations"][0]["toolExecutionNotifications"] += notes
    return _log(runs)


def _log(runs: Sequence[dict[str, Any]]) -> str:
    return dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": runs}, indent=2) + "\n"


def _run(report: Report, party: str = "") -> dict[str, Any]:
    numbers = {r.id: n for n, r in enumerate(report.rules)}
    found = [("error", v) for v in report.violations] + [("warning", v) for v in report.warnings]
    found += [("error" if e.violation.level == "MUST" else "warning", e.violation) for e in report.excused]
    reasons = [None] * (len(found) - len(report.excused)) + [e.reason for e in report.excused]
    prints = fingerprints([v for _, v in found])
    return {
        "tool": {
            "driver": {
                "name": "mipcheck",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(r) for r in report.rules],
            }
        },
        "automationDetails": {"id": "".join(f"{quote(printable(p))}/" for p in ("mipcheck", report.spec, party) if p)},
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": list(_notifications(report))}],
        "artifacts": [
            {"location": {"uri": uri(i.file)}, "roles": ["analysisTarget"], "mimeType": _MIME.get(i.kind, "text/plain")}
            for i in report.inputs
        ],
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(report, v, level, numbers[v.rule], mark) | _suppressed(reason)
            for (level, v), mark, reason in zip(found, prints, reasons, strict=True)
        ],
        "properties": {"verdict": report.verdict, "spec": report.spec, "role": report.role}
        | ({"party": printable(party)} if party else {}),
    }


def _rule(rule: RuleReport) -> dict[str, Any]:
    """Return a rule with its text, its section and where to read on."""
    cited = f"{rule.id} is a {rule.level}, section {rule.section} (cited: {rule.cite})."
    more = f"mipcheck explain {rule.id}"
    return {
        "id": rule.id,
        "shortDescription": {"text": _text(rule.text)},
        "fullDescription": {"text": _text(rule.text)},
        "help": {
            "text": _text(f"{rule.text}\n{cited}\nMore: {more}"),
            "markdown": f"{plain(rule.text)}\n\n{plain(cited)}\n\nMore: {plain(more)}\n",
        },
        "defaultConfiguration": {"level": "error" if rule.level == "MUST" else "warning"},
        "properties": {
            "section": rule.section,
            "level": rule.level,
            "tags": [rule.level, f"section {rule.section}"],
            "precision": "very-high",
            "problem.severity": "error" if rule.level == "MUST" else "warning",
        },
    }


def _result(report: Report, v: Violation, level: str, number: int, mark: str) -> dict[str, Any]:
    """Return a finding; `number` is the rule's among the rules, `mark` its fingerprint."""
    files = [i.file for i in report.inputs]
    result: dict[str, Any] = {
        "ruleId": v.rule,
        "ruleIndex": number,
        "kind": "fail",
        "level": level,
        "message": {"text": _text(v.message)},
        "locations": [_location(files, v.at, v.seen)],
        "partialFingerprints": {_FINGERPRINT: mark},
        "occurrenceCount": v.count,
        "properties": {
            "section": v.section,
            "interface": None if v.interface is None else printable(v.interface),
            "node": v.node,
            "time": seconds(v.time),
            "date": date(report, v.time),
            "frame": v.at.frame,
            "wrong": [printable(w) for w in v.wrong],
            "allowed": [printable(a) for a in v.allowed],
        },
    }
    if v.because:
        steps = [(b.at, b.text) for b in v.because[-(_STEPS - 1) :]] + [(v.at, v.seen)]
        result["codeFlows"] = [{"threadFlows": [{"locations": list(_flow(files, steps))}]}]
    if v.not_counted:
        result["relatedLocations"] = [
            {"id": n, **_location(files, m.at, f"{m.text}: not counted: {m.why}")}
            for n, m in enumerate(v.not_counted[-_STEPS:], 1)
        ]
    return result


def _suppressed(reason: str | None) -> dict[str, Any]:
    """Return what says that a finding is a known deviation, for a `reason` which may be empty; None says it is none."""
    if reason is None:
        return {}
    why = {"justification": _text(reason)} if reason else {}
    return {"suppressions": [{"kind": "external", "status": "accepted", **why}]}


def _flow(files: Sequence[str], steps: Sequence[tuple[Position, str]]) -> Iterator[dict[str, Any]]:
    """Yield what led to a finding, step by step, and the finding itself."""
    for n, (at, text) in enumerate(steps, 1):
        importance = "essential" if n == len(steps) else "important"
        yield {"location": _location(files, at, text), "executionOrder": n, "importance": importance}


def _location(files: Sequence[str], at: Position, text: str) -> dict[str, Any]:
    """Return a place among the `files` that were read, and what was there."""
    artifact: dict[str, Any] = {"uri": uri(at.file)}
    if at.file in files:
        artifact["index"] = files.index(at.file)
    # What is about the whole configuration stands at the beginning: GitHub shows nothing that has no line.
    region = {"startLine": max(1, at.frame or at.line or 1)}
    if at.column is not None:
        region["startColumn"] = at.column
    place: dict[str, Any] = {"physicalLocation": {"artifactLocation": artifact, "region": region}}
    if at.frame is not None:
        whole = printable(f"{at.file} frame {at.frame}")
        place["logicalLocations"] = [{"name": f"frame {at.frame}", "fullyQualifiedName": whole, "kind": "frame"}]
    return {**place, "message": {"text": _text(text if at.frame is None else f"frame {at.frame}: {text}")}}


def _notifications(report: Report) -> Iterator[dict[str, Any]]:
    """Yield why a report is inconclusive, and its notes: what they speak of is no result."""
    for reason in report.reasons:
        yield {"level": "warning", "message": {"text": _text(reason)}, "descriptor": {"id": "evidence"}}
    for text in report.stale:
        yield {"level": "error", "message": {"text": _text(text)}, "descriptor": {"id": "stale"}}
    for note in report.notes:
        yield {"level": "note", "message": {"text": _text(note)}, "descriptor": {"id": "note"}}


# --- names and texts ----------------------------------------------------------------------------------------------


def fingerprints(found: Sequence[Violation]) -> list[str]:
    """Return a fingerprint for each finding, no two alike.

    It is made of the rule, the file's name, the interface, the node and what was seen, without words that hold a digit
    (times, identifications, addresses, sizes): lines that are inserted or moved, and another clock, change nothing. Of
    findings that are alike in all that, the number among them is added.
    """
    counts: dict[str, int] = {}
    marks = []
    for v in found:
        seen = _DIGITS.sub("#", v.seen)
        named = "\0".join((v.rule, PurePath(v.at.file).name, v.interface or "", v.node or "", seen))
        mark = hashlib.sha256(named.encode("utf-8", "backslashreplace")).hexdigest()[:32]
        counts[mark] = counts.get(mark, 0) + 1
        marks.append(f"{mark}:{counts[mark]}")
    return marks


def uri(file: str) -> str:
    """Return the name of a file as a URI, relative where the name is. What is no file is named like one."""
    path = PurePath(file)
    try:
        whole = quote(os.fsencode(path.as_posix()), safe="/~")
    except UnicodeEncodeError:  # no file can be called so
        whole = quote(printable(path.as_posix()), safe="/~")
    return f"file://{whole}" if path.is_absolute() else whole


def _text(text: str) -> str:
    """Return what SARIF shows as `text`: braces would be placeholders, and brackets before a parenthesis a link."""
    safe = "\n".join(printable(line) for line in text.split("\n")).replace("{", "{{").replace("}", "}}")
    return re.sub(r"[\[\]\\]", r"\\\g<0>", safe) if "](" in safe else safe
