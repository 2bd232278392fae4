"""A `Report` → JSON Lines: one object a finding, one for each hole in the evidence, and one at the end.

Each has `schema`, the version of this form, and `kind`: `finding`, `hole`, `stale` or `end`; of a run that is followed
also `withdrawn`, and of several parties `together`, the last.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mipcheck.checker.check.report import Report, Violation
from mipcheck.checker.console.valid_json import SCHEMA, dumps
from mipcheck.checker.report.json import at_object, seconds, violation_object
from mipcheck.model.values.event import Position
from mipcheck.model.version import __version__


def report_jsonl(report: Report, findings: bool = True) -> str:
    """Return the lines. What is wrong first, then what is missing, then the verdict; without `findings` only those that
    are excused, as all were said while they were found."""
    return "".join(f"{dumps(line)}\n" for line in lines(report, findings))


def finding_line(violation: Violation, counts: bool, start: int | None) -> str:
    """Return the line of one finding; `start` (ns) is what its times count from, None where they are as in the log."""
    return dumps(_finding(violation, counts, start)) + "\n"


def withdrawn_line(violation: Violation, why: str) -> str:
    """Return the line about a finding that was said, and turned out to be none."""
    return dumps({
        "schema": SCHEMA, "kind": "withdrawn", "rule": violation.rule, "interface": violation.interface,
        "node": violation.node, "time": seconds(violation.time), "at": at_object(violation.at), "message": why,
    }) + "\n"  # fmt: skip


def _finding(violation: Violation, counts: bool, start: int | None) -> dict[str, Any]:
    return {"schema": SCHEMA, "kind": "finding", "counts": counts, **violation_object(start, violation)}


def lines(report: Report, findings: bool = True) -> Iterator[dict[str, Any]]:
    """Yield the objects: a finding has the keys of a violation in JSON, and `counts`, whether it makes the verdict."""
    for counts, found in ((True, report.violations), (False, report.warnings)) if findings else ():
        for v in found:
            yield _finding(v, counts, report.start)
    for e in report.excused:
        known = {"counts": False, "expected": e.reason}
        yield {"schema": SCHEMA, "kind": "finding", **known, **violation_object(report.start, e.violation)}
    for text in report.stale:
        yield {"schema": SCHEMA, "kind": "stale", "message": text}
    for i in report.inputs:
        for hole in i.holes:
            yield {"schema": SCHEMA, "kind": "hole", "at": at_object(Position(i.file)), "message": hole}
    yield {
        "schema": SCHEMA,
        "kind": "end",
        "mipcheck": __version__,
        "spec": report.spec,
        "role": report.role,
        "verdict": report.verdict,
        "reasons": list(report.reasons),
        "violations": len(report.violations),
        "warnings": len(report.warnings),
        "events": report.events,
    }
