"""Silence of an interface that may have been unplugged: what was owed there is then not known to have been missed.

No capture shows every change of a connection's status, and a log need not. An interface on which nothing at all is seen
from before a deadline on, until it has a new status or the trace ends, may have had no connection when the deadline
passed. Then nobody is accused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mipcheck.checker.observe.blame import Moment, evaluate
from mipcheck.checker.observe.observation import Finding, Hole, Observation
from mipcheck.checker.trace.columns import Columns
from mipcheck.checker.trace.source import ALIVE, LINK, Evidence
from mipcheck.model.values.event import NODE

if TYPE_CHECKING:
    from mipcheck.model.machine.compile import Machine
    from mipcheck.model.values.event import Event

WHY: Final = "nothing more is seen of {}, which may have been unplugged: its source does not show every link event"


def excused(machine: Machine, observation: Observation, events: Sequence[Event], evidence: Evidence) -> Observation:
    """Return the observation after what was missed on interfaces that may have been unplugged has become unknown, what
    only a source could refute that had ended by then, and what something may excuse that was lost."""
    observation = excused_by_lost(machine, observation, evidence)
    findings = [f for f in observation.findings if f.interface is not None and f.moment is not None]
    if not findings or not (evidence.unplugged or evidence.later):
        return observation
    spared = []
    if evidence.later:
        from mipcheck.checker.observe.ended import doubt

        last = events[len(events) - 1].time
        doubts = [(f, doubt(machine, f, evidence, last)) for f in findings]
        spared = [(f, why) for f, why in doubts if why]
        findings = [f for f, why in doubts if not why]
    silent = [f for f in findings if f.overdue and evidence.at(f.time).unplugged]
    for finding, event in zip(silent, _next_events(silent, events), strict=True):
        assert finding.moment is not None
        if event is None or changes_status(machine, finding.moment, event, evidence):
            spared.append((finding, unplugged(finding)))
    return without(observation, spared)


def excused_by_lost(machine: Machine, observation: Observation, evidence: Evidence) -> Observation:
    """Return the observation after what something may excuse that was lost, nobody knows where, has become unknown."""
    if not evidence.lost or not observation.findings:
        return observation
    from mipcheck.checker.observe.lost import excuse

    excuses = [(f, excuse(machine, f, evidence)) for f in observation.findings]
    return without(observation, [(f, why) for f, why in excuses if why], lost=True)


def unplugged(finding: Finding) -> str:
    """Say of what was owed on an interface why nobody knows whether it was."""
    return WHY.format(finding.interface)


def without(observation: Observation, spared: Sequence[tuple[Finding, str]], lost: bool = False) -> Observation:
    """Return the observation after findings, of which nobody knows that they are any, have become unknown; each comes
    with the reason, which is that something was `lost` or that nobody could see it.

    Where no finding of a rule is left, those that were only counted are unknown, too.
    """
    if not spared:
        return observation
    tallies = [replace(tally) for tally in observation.tallies]
    for finding, why in spared:
        tally = tallies[finding.rule]
        tally.broken -= finding.count
        tally.unknown += finding.count
        if finding.moment is not None and finding.interface is not None and (tally.hole is None or lost):
            hole = Hole(finding.event, finding.interface, finding.moment, lost, finding.node, why)
            tally.hole = hole if tally.hole is None or not tally.hole.why else tally.hole
    gone = {id(finding) for finding, _ in spared}
    findings = [f for f in observation.findings if id(f) not in gone]
    for rule in {finding.rule for finding, _ in spared} - {finding.rule for finding in findings}:
        tally = tallies[rule]
        tally.unknown += tally.unlisted
        tally.broken = tally.unlisted = 0
    return replace(observation, tallies=tallies, findings=findings)


def changes_status(machine: Machine, moment: Moment, event: Event, evidence: Evidence) -> bool:
    """Tell whether an event, in the state of a moment, is a change of status: of the link, or what the specification
    treats alike.

    Where a capture tells of an address that is the same, the node has asked for a lease from the beginning: renewals it
    leaves out. A node that wakes does so, and whether it slept no capture shows.
    """
    if event.kind == LINK:
        return True
    seen = replace(moment, now=event.time, kind=event.kind, keys=tuple(machine.encode(event.kind, event.args)))
    captured = ALIVE not in evidence.blind
    for update in machine.spec.updates:
        if any(p.event == LINK for p in update.patterns):
            for pattern in update.patterns:
                if pattern.event == event.kind and (
                    captured or evaluate(machine, pattern.condition, seen, moment.this) != 0
                ):
                    return True
    return False


def _next_events(findings: Sequence[Finding], events: Sequence[Event]) -> list[Event | None]:
    """Return for each finding the first event on its interface, or on any if the whole node owed it, that comes no
    sooner than its deadline."""
    found: list[Event | None] = [None] * len(findings)
    if isinstance(events, Columns):
        for n, number in enumerate(_numbers(findings, events)):
            if number >= 0:
                found[n] = events[number]
        return found
    waiting: dict[str, list[tuple[int, int]]] = {}
    for n, finding in enumerate(findings):
        waiting.setdefault(finding.interface or "", []).append((finding.last_time, n))
    for event in _known(events):
        for name in dict.fromkeys((event.interface, NODE)):  # of the whole node any interface tells something
            if left := waiting.get(name):
                rest = []
                for time, n in left:
                    if event.time < time:
                        rest.append((time, n))
                    else:
                        found[n] = event
                waiting[name] = rest
    return found


def _known(events: Sequence[Event]) -> Iterator[Event]:
    """Yield the events but for gaps, which show nothing."""
    return (event for event in events if event.kind != "gap")


def _numbers(findings: Sequence[Finding], columns: Columns) -> list[int]:
    """Return the numbers of these events in columns, -1 where there is none."""
    import numpy as np
    from mipcheck.checker.trace.alike import interfaces_of

    found = [-1] * len(findings)
    left = set(range(len(findings)))
    for batch in columns.batches():
        if not left:
            break
        if not len(batch):
            continue
        token = batch.table.interface[batch.row] if batch.table is not None else None
        for n in sorted(left):
            finding = findings[n]
            low = int(np.searchsorted(batch.time, finding.last_time))
            if low >= len(batch):
                continue
            if finding.interface == NODE:
                hits = np.arange(len(batch) - low)
            elif token is None:
                wanted = np.array([name == finding.interface for name in interfaces_of(columns.shapes)])
                hits = np.flatnonzero(wanted[batch.row[low:]])
            else:
                hits = np.flatnonzero(token[low:] == columns.interfaces.index(finding.interface or ""))
            number = next((m for m in (batch.first + low + hits).tolist() if columns[m].kind != "gap"), -1)
            if number >= 0:
                found[n] = number
                left.discard(n)
    return found
