"""A `Report` → JSON. Keys may be added, none may go: other people's programs read them."""

from __future__ import annotations

from typing import Any

from mipcheck.checker.check.margins import Margin
from mipcheck.checker.check.report import RepairReport, Report, Violation, date
from mipcheck.checker.console.valid_json import SCHEMA, dumps
from mipcheck.checker.trace.times import show_datetime
from mipcheck.model.values.event import Position
from mipcheck.model.values.types import NS
from mipcheck.model.version import __version__


def report_json(report: Report) -> str:
    """Return the report as one JSON object. Times are seconds since the first event, or as the log counts them."""
    return dumps(as_object(report), indent=2) + "\n"


def as_object(report: Report) -> dict[str, Any]:
    """Return the report as the dictionary that becomes that object."""
    return {
        "schema": SCHEMA,
        "mipcheck": __version__,
        "spec": report.spec,
        "role": report.role,
        "nodes": report.nodes,
        "verdict": report.verdict,
        "reasons": list(report.reasons),
        "start": date(report, 0),
        "inputs": [
            {
                "file": i.file,
                "kind": i.kind,
                "events": i.events,
                "frames": i.frames,
                "interfaces": list(i.interfaces),
                "skipped": i.skipped,
            }
            for i in report.inputs
        ],
        "rules": [
            {
                "id": r.id,
                "level": r.level,
                "section": r.section,
                "status": r.status,
                "exercised": r.exercised,
                "violations": r.broken,
                "inconclusive": r.unknown,
                "reading": r.reading,
                "why": r.why or None,
            }
            for r in report.rules
        ],
        "violations": [violation_object(report.start, v) for v in report.violations],
        "warnings": [violation_object(report.start, v) for v in report.warnings],
        **expected_object(report),
        "margins": None if report.margins is None else [_margin(m) for m in report.margins],
        "notes": list(report.notes),
        "set_aside": dict(report.set_aside),
        "parameters": {p.name: p.value for p in report.parameters},
    }


def _margin(m: Margin) -> dict[str, Any]:
    """Return a closest call as JSON has it."""
    return {
        "rule": m.name if m.is_rule else None,
        "stage": None if m.is_rule else m.name,
        "interface": m.interface,
        "margin": seconds(m.margin),
        "time": seconds(m.time),
        "times": m.times,
        "at": at_object(m.at),
    }


def expected_object(report: Report) -> dict[str, Any]:
    """Return known deviations as JSON has them; nothing where none were given or found."""
    if not report.excused and not report.stale:
        return {}
    expected = [{**violation_object(report.start, e.violation), "reason": e.reason} for e in report.excused]
    return {"expected": expected, "stale": list(report.stale)}


def violation_object(start: int | None, v: Violation) -> dict[str, Any]:
    """Return a finding as JSON has it; `start` (ns) is what its times count from, None where they have no dates."""
    return {
        "rule": v.rule,
        "level": v.level,
        "section": v.section,
        "interface": v.interface,
        "node": v.node,
        "time": seconds(v.time),
        "date": None if start is None else show_datetime(start + v.time),
        "at": at_object(v.at),
        "message": v.message,
        "seen": v.seen,
        "wrong": list(v.wrong),
        "because": [{"text": b.text, "at": at_object(b.at)} for b in v.because],
        "not_counted": [{"text": m.text, "why": m.why, "at": at_object(m.at)} for m in v.not_counted],
        "not_counted_more": v.not_counted_more,
        "not_counted_sought": v.sought,
        "allowed": list(v.allowed),
        "count": v.count,
        "last_time": seconds(v.last_time),
        "last_at": at_object(v.last_at),
        **({"repairs": [repair_object(r) for r in v.repairs]} if v.repairs else {}),
    }


def repair_object(r: RepairReport) -> dict[str, Any]:
    """Return a repair as JSON has it: what would have had to be, in words and change by change."""
    edits = [
        {
            "kind": e.kind,
            "event": e.event,
            "at": None if e.at is None else at_object(e.at),
            "time": seconds(e.time),
            **({"by": seconds(e.by)} if e.kind == "move" else {}),
            **({"key": e.key, "before": e.before, "after": e.after} if e.kind == "put" else {}),
        }
        for e in r.edits
    ]
    return {"text": r.text, "conforms": r.conforms, "edits": edits}


def at_object(at: Position) -> dict[str, Any]:
    """Return a place as JSON has it."""
    return {"file": at.file, "line": at.line, "frame": at.frame}


def seconds(ns: int) -> float:
    """Return a time (ns) as a JSON number of seconds; exact to the nanosecond for the first hundred days."""
    return round(ns / NS["s"], 9)
