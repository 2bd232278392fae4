"""A `Report` → JSON Lines: one object a finding, one for each hole in the evidence, and one at the end.

Each has `schema`, the version of this form, and `kind`: `finding`, `hole`, `stale` or `end`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mipcheck.checker.check.report import Report
from mipcheck.checker.console.valid_json import SCHEMA, dumps
from mipcheck.checker.report.json import at_object, violation_object
from mipcheck.model.values.event import Position
from mipcheck.model.version import __version__


def report_jsonl(report: Report) -> str:
    """Return the lines. What is wrong first, then what is missing, then the verdict."""
    return "".join(f"{dumps(line)}\n" for line in lines(report))


def lines(report: Report) -> Iterator[dict[str, Any]]:
    """Yield the objects: a finding has the keys of a violation in JSON, and `counts`, whether it makes the verdict."""
    for counts, found in ((True, report.violations), (False, report.warnings)):
        for v in found:
            yield {"schema": SCHEMA, "kind": "finding", "counts": counts, **violation_object(report, v)}
    for e in report.excused:
        known = {"counts": False, "expected": e.reason}
        yield {"schema": SCHEMA, "kind": "finding", **known, **violation_object(report, e.violation)}
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
