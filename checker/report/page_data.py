"""What the page's script draws, as JSON: lanes, events in words, flows, stages, limits, gaps, findings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from mipcheck.checker.check.chart import Chart, Mark
from mipcheck.checker.check.report import Report, Violation
from mipcheck.checker.console.escape import printable
from mipcheck.checker.report.json import seconds
from mipcheck.checker.report.page_words import LANES, ROLES, data, said, unanswered
from mipcheck.model.specification.spec import MOBILE_NODE
from mipcheck.model.values.event import NODE, Position

FINDINGS: Final = 300
"""Findings that are on the page; of more, the number."""
NODE_KEY: Final = "home"
"""The key by which a device's events tell mobile nodes apart."""
LED: Final = 60
"""Events that led to a finding, and near misses, that are told."""


def said_by_place(chart: Chart | None, role: str = MOBILE_NODE) -> dict[Position, str]:
    """Return sentences for the events that are told one by one, by their places."""
    return {} if chart is None else {m.place: said(m, role).sentence for m in chart.marks}


def numbered(report: Report) -> list[tuple[int, str, Violation]]:
    """Return findings as the page numbers them, from 1, each with its class: bad, warn or known."""
    found = [("bad", v) for v in report.violations] + [("warn", v) for v in report.warnings]
    found += [("known", e.violation) for e in report.excused]
    return [(n, kind, v) for n, (kind, v) in enumerate(found[:FINDINGS], 1)]


def page_data(report: Report) -> dict[str, Any]:
    """Return what is drawn; without a chart, only findings. Times are seconds."""
    chart = report.chart
    files = [i.file for i in report.inputs]
    findings = [
        {
            "kind": kind,
            "rule": v.rule,
            "interface": v.interface,
            "node": None if v.node is None else printable(v.node),
            "time": seconds(v.time),
            "overdue": v.overdue,
            "at": _place(files, v.at),
            "because": [_place(files, b.at) for b in v.because[-LED:]],
            "misses": [_place(files, m.at) for m in v.not_counted[-LED:]],
        }
        for _, kind, v in numbered(report)
    ]
    base = {
        "files": [printable(f) for f in files],
        "framed": any(i.frames is not None for i in report.inputs),
        "start": None if report.start is None else report.start // 10**6,
        "findings": findings,
    }
    if chart is None:
        return base
    return base | _Drawn(report, chart, files).all()


class _Drawn:
    """What of a chart is drawn. Texts that occur again and again stand in one table."""

    def __init__(self, report: Report, chart: Chart, files: Sequence[str]) -> None:
        self.report, self.chart, self.files = report, chart, files
        self.texts: dict[str, int] = {}
        self.device = report.role != MOBILE_NODE
        named = [*chart.interfaces, *(m.interface for m in chart.marks), *(f.interface for f in chart.flows)]
        used = dict.fromkeys([*named, *(x.interface for x in chart.limits)])
        self.interfaces = [ROLES.get(report.role, report.role)] if self.device else list(used)
        self.lane_of: Callable[[str], int] = (
            (lambda name: 0) if self.device else {n: k for k, n in enumerate(self.interfaces)}.__getitem__
        )

    def all(self) -> dict[str, Any]:
        """Return it."""
        chart = self.chart
        words = [said(m, self.report.role) for m in chart.marks]
        lost = unanswered(chart.marks) if not self.device else set()
        flows = []
        lanes = [w.lane for w in words]
        for f in chart.flows:
            there = said(_as_mark(f.interface, f.kind, dict(f.keys), sum(f.counts.values())), self.report.role)
            if f.kind == "data" and not self.device:
                there = data(f.keys, f.interface, sum(f.counts.values()))
            lanes.append(there.lane)
            flows.append((f, there))
        known = [*LANES, *sorted(set(lanes) - set(LANES) - {""})]
        others = [lane for lane in known if lane in lanes]
        at = {lane: n for n, lane in enumerate(others, len(self.interfaces))}
        shown = [
            {
                "name": "node" if n == NODE else printable(n),
                "title": "the node as a whole"
                if n == NODE
                else "an interface of the node"
                if not self.device
                else "the device",
                "own": True,
            }
            for n in self.interfaces
        ] + [
            {"name": printable(LANES.get(o, (o, ""))[0]), "title": LANES.get(o, ("", ""))[1], "own": False}
            for o in others
        ]
        marks = [
            [
                seconds(m.time),
                seconds(m.last_time),
                m.count,
                self.lane_of(m.interface),
                at.get(w.lane, -1),
                int(w.outward),
                self.text(w.label),
                self.text(w.sentence),
                self.text(w.tone),
                self.text(m.kind),
                self.text(" ".join(f"{k}={v}" for k, v in m.keys.items())),
                _place(self.files, m.place),
                _place(self.files, m.last)[1],
                [self.text(r) for r in m.rules],
                int(n in lost),
                self.text(m.keys.get(NODE_KEY, "")) if self.device else -1,
            ]
            for n, (m, w) in enumerate(zip(chart.marks, words, strict=True))
        ]
        return {
            "lanes": shown,
            "marks": marks,
            "flows": [
                [
                    self.lane_of(f.interface),
                    at.get(w.lane, -1),
                    int(w.outward),
                    self.text(w.tone),
                    self.text(f.kind),
                    self.text(w.sentence),
                    sorted(f.counts.items()),
                    sorted(f.broken.items()),
                ]
                for f, w in flows
            ],
            "step": seconds(chart.step),
            "span": [seconds(chart.start), seconds(chart.end)],
            "stages": [
                [self.lane_of(s.interface), self.text(s.name), seconds(s.since), seconds(s.until)] for s in chart.stages
            ],
            "limits": [
                [
                    self.lane_of(x.interface),
                    self.text(x.name),
                    int(x.is_rule),
                    seconds(x.since),
                    seconds(x.due),
                    seconds(x.until),
                    self.text(x.ended),
                ]
                for x in chart.limits
            ],
            "gaps": [
                [
                    -1 if g.interface == NODE else self.lane_of(g.interface),
                    seconds(g.since),
                    seconds(g.until),
                    self.text(g.reason),
                ]
                for g in chart.gaps
                if g.interface == NODE or self.device or g.interface in self.interfaces
            ],
            "about": {printable(name): printable(words) for name, words in chart.texts.items()},
            "rules": {r.id: printable(r.text) for r in self.report.rules},
            "texts": list(self.texts),
        }

    def text(self, words: str) -> int:
        """Return the number of a text in the table."""
        return self.texts.setdefault(printable(words), len(self.texts))


def _as_mark(interface: str, kind: str, keys: dict[str, str], count: int) -> Mark:
    return Mark(0, 0, count, interface, kind, keys, Position("-"), Position("-"))


def _place(files: Sequence[str], at: Position) -> list[int]:
    """Return a place as two numbers: of the file from 0 (-1 for none), and of the line or frame (0 for none)."""
    return [files.index(at.file) if at.file in files else -1, at.frame or at.line or 0]
