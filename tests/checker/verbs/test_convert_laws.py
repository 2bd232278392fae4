"""A log says the same as text and as JSON Lines, converted or not, whatever it lacks: holes, sources, resolution."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Report
from mipcheck.checker.cli.main import main
from mipcheck.model.specification.load import load
from oracle.compare import faults_of
from oracle.simulator import simulate

from making.depth import drawn

one = st.sampled_from
SOURCES = one(
    [
        "",
        "",
        "source sees=link~,coa,rrq,rrp,ike,sa,data,hint",
        "source sees=link,coa,rrq(path=vpn)~,rrp(path=vpn)~,ike~,sa,data",
        "source sees=coa,rrq,rrp",
        "source sees=data,link resolution=1s",
        "source resolution=1s",
        "source resolution=250ms",
    ]
)
SPANS = one(
    ["", "", " from=start to=end", " from=2.5 to=9", " from=start", " to=end", " from=20 to=end", " from=3 to=3"]
)
REASONS = one(["", ' reason="17 frames lost"', " reason=cut", ' reason="a \\"b\\" #c=d"', " count=3"])


@st.composite
def logs(draw: st.DrawFn) -> str:
    """A part of a simulated node's log, of which something is missing, and its source is told or not."""
    seed = draw(st.integers(1, 400))
    head, _, site, *events = simulate(seed, faults_of(seed, draw(st.booleans()))).splitlines()
    begin = draw(st.integers(0, 40))
    events = events[begin : begin + draw(st.integers(1, 50))]
    if begin or draw(st.booleans()):
        site = site.replace(" boot=true", "")
    for key in draw(st.sets(one(["id", "flags", "lifetime", "stack", "bytes", "version"]), max_size=2)):
        every = draw(st.integers(1, 4))
        events = [re.sub(rf" {key}=\S+", "", e) if n % every == 0 else e for n, e in enumerate(events)]
    if draw(one([True, False, False])):
        events = [re.sub(r"^(\d+)\.\d+", r"\1", e) for e in events]
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(events) - 1))
        time, interface, _ = events[at].split(" ", 2)
        gap = f"{time} {draw(one(['-', interface, 'new0']))} gap{draw(SPANS)}{draw(REASONS)}"
        events.insert(at + draw(st.integers(0, 1)), gap)
    source = draw(SOURCES)
    return "\n".join([head, *([source] if source else []), site, *events]) + "\n"


def said(report: Report) -> tuple[object, ...]:
    """All that a report says of a trace, but where its lines are and what its file is called."""
    found = [(v.rule, v.interface, v.time, v.last_time, v.count, v.overdue, v.seen) for v in report.violations]
    rules = [(r.id, r.status, r.kept, r.broken, r.unknown, r.lacks) for r in report.rules]
    reasons = sorted(r.partition(": ")[2] or r for r in report.reasons)
    holes = [i.holes for i in report.inputs]
    return report.verdict, found, rules, reasons, holes, report.start, [sorted(i.interfaces) for i in report.inputs]


@pytest.mark.slow
@settings(max_examples=drawn(25, 1000), deadline=None)
@given(logs())
@example("mipcheck-trace 1\n2 new0 gap from=2.5 to=9\n2 wlan0 coa kind=colocated addr=10.1.41.243\n")
def test_what_a_log_says_is_said_by_what_is_made_of_it(text: str) -> None:
    spec = load()
    with tempfile.TemporaryDirectory() as folder:
        names = [Path(folder) / name for name in ("given.log", "text.log", "lines.jsonl", "again.log", "twice.jsonl")]
        given_, as_text, as_lines, again, twice = names
        given_.write_text(text, "utf-8")
        for source, target in ((given_, as_text), (given_, as_lines), (as_lines, again), (as_text, twice)):
            form = "jsonl" if target.suffix == ".jsonl" else "log"
            assert main(["convert", str(source), "-o", str(target), "--format", form]) == 0
        first, *others = (said(check([name], spec=spec)) for name in names)
        for other in others:
            assert other == first
