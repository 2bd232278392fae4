"""A trace that breaks a rule → the fewest of its events that do so for the same cause.

First the specification says which kinds of events the rule can depend on at all; then parts are left out, smaller and
smaller ones, as long as the finding stays (ddmin: Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing
Input", 2002). In the end no single event can be left out. What is written has been read and judged again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from mipcheck.checker.check.machine import machine_of
from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.console.escape import printable
from mipcheck.checker.inputs.trace import Trace
from mipcheck.checker.logs.text import write_log
from mipcheck.checker.observe.blame import blame, reads
from mipcheck.checker.observe.facts import facts_of
from mipcheck.checker.observe.observation import Finding
from mipcheck.checker.observe.slices import slice_of
from mipcheck.checker.observe.watch import watch
from mipcheck.checker.proofs.replayed import Disagreement
from mipcheck.checker.trace.columns import Columns
from mipcheck.checker.trace.source import Sight
from mipcheck.checker.trace.vocabulary import Vocabulary, vocabulary_of
from mipcheck.checker.verbs.one_finding import Meant, common, judged
from mipcheck.model.machine.compile import Machine
from mipcheck.model.specification.spec import Rule, Spec
from mipcheck.model.values.event import NODE, Event

MOST: Final = 200_000
"""Events that are looked through."""

Cause = tuple[object, ...]
Test = Callable[[list[Event]], bool]
_T = TypeVar("_T")


@dataclass(frozen=True)
class Shrunk:
    """A log, and whether it is known that no event of it can be left out."""

    log: str
    events: Sequence[Event]
    rule: str
    least: bool


def shrunk(meant: Meant, timeout: float = 60.0) -> Shrunk:
    """Return the fewest events of the inputs that break a rule as they do, as a log that replays.

    `timeout` is in seconds. Raises UsageError where there is no such finding, and what reading does.
    """
    spec = meant.spec
    vocabulary = vocabulary_of(spec)
    trace = meant.trace(vocabulary)
    machine = machine_of(spec, trace.site)
    evidence = trace.evidence(machine.spec)
    sight = common(trace.inputs)
    observation, _ = watch(machine, trace.events, trace.site.boot, evidence)
    finding = meant.chosen(machine, trace.events, observation.findings, "shrink")
    rule = machine.rules[finding.rule]
    wanted = cause_of(machine, trace.events, finding)

    def holds(events: list[Event]) -> bool:
        found, _ = watch(machine, events, trace.site.boot, evidence)
        same = (f for f in found.findings if f.rule == finding.rule and f.moment is not None)
        return any(cause_of(machine, events, f) == wanted for f in same)

    stop = time.monotonic() + timeout
    start = _start(machine, trace.events, finding, rule, holds)
    least, done = minimal(start, holds, lambda: time.monotonic() > stop)
    text = _written(trace, vocabulary, sight, least, rule, len(trace.events), done)
    _replay(spec, text, rule, vocabulary)
    return Shrunk(text, least, rule.id, done)


def cause_of(machine: Machine, events: Sequence[Event], finding: Finding) -> Cause:
    """Return what makes a finding the one it is: its place, and where all stands that its condition was false by."""
    moment = finding.moment
    assert moment is not None
    condition = machine.rules[finding.rule].body.condition
    read = {
        (r.name, None if r.interface is None else moment.names[r.interface], _place(events, r.writer), r.key)
        for leaf in blame(machine, condition, moment, moment.this)
        for r in reads(machine, leaf.term, moment, leaf.interface)
    }
    return finding.interface, finding.node, finding.overdue, _place(events, finding.event), frozenset(read)


def _place(events: Sequence[Event], number: int) -> object:
    """Return where an event stands, with its time; None for one that is not in the trace."""
    return None if number < 0 else (events[number].at, events[number].time)


# --- where to begin -----------------------------------------------------------------------------------------------


def _start(machine: Machine, events: Sequence[Event], finding: Finding, rule: Rule, holds: Test) -> list[Event]:
    """Return events that the finding can be had with, few if possible. Raises UsageError if they are too many."""
    last = finding.event if not finding.overdue else len(events) - 1
    own = events[finding.event] if finding.event >= 0 else None
    kinds = slice_of(machine, rule) & (facts_of(machine).changing | facts_of(machine).gaps)
    few = _of_kinds(events, last, kinds)
    ends = [events[last]] if not few or few[-1].at != events[last].at else []
    for candidate in _narrowed([*few, *ends], finding, own, machine.spec.tracks):
        if holds(candidate):
            return candidate
    if last + 1 > MOST:
        raise UsageError(f"more than {MOST:,} events may matter: give a part of the trace")
    whole = [events[n] for n in range(last + 1)]
    return whole if holds(whole) else [events[n] for n in range(len(events))]


def _of_kinds(events: Sequence[Event], last: int, kinds: frozenset[str]) -> list[Event]:
    """Return the events of these kinds before number `last`. Raises UsageError if they are too many."""
    some: Iterable[Event] = (events[n] for n in range(last))
    if isinstance(events, Columns):
        some = events.following(-1, last, kinds, None)
    found = []
    for event in some:
        if event.kind in kinds:
            found.append(event)
            if len(found) > MOST:
                raise UsageError(f"more than {MOST:,} events may matter: give a part of the trace")
    return found


def _narrowed(events: list[Event], finding: Finding, own: Event | None, tracks: str) -> Iterator[list[Event]]:
    """Yield those events, first without other nodes, and without other interfaces."""
    of_node = events
    if finding.node is not None:
        of_node = [e for e in events if e.args.get(tracks, finding.node) == finding.node]
    yield [e for e in of_node if e.interface in (finding.interface, NODE) or e is own]
    yield of_node
    yield events


# --- ddmin --------------------------------------------------------------------------------------------------------


def minimal(events: list[_T], holds: Callable[[list[_T]], bool], late: Callable[[], bool]) -> tuple[list[_T], bool]:
    """Return events of which none can be left out, and True; or what is left when it gets `late`, and False."""
    parts = 2
    while len(events) > 1:
        size = -(-len(events) // parts)
        for first in range(0, len(events), size):
            if late():
                return events, False
            rest = events[:first] + events[first + size :]
            if rest and holds(rest):
                events, parts = rest, max(2, parts - 1)
                break
        else:
            if size == 1:
                break
            parts = min(len(events), parts * 2)
    return events, True


# --- what is written ----------------------------------------------------------------------------------------------


def _written(
    trace: Trace, vocabulary: Vocabulary, sight: Sight, events: Sequence[Event], rule: Rule, total: int, done: bool
) -> str:
    """Return the log. Raises UsageError for events that no log can hold."""
    from mipcheck.checker.site.site import without_keys

    files = ", ".join(printable(Path(i.file).name) for i in trace.inputs)
    comments = [
        f"{len(events)} of {total} events of {files}, which break {rule.id} as all of them do: {rule.text}",
        "None of them can be left out." if done else "Time was up: there may be more that can be left out.",
    ]
    site = without_keys(trace.site)
    try:
        return write_log(events, site, vocabulary, comments, absolute=trace.absolute, sight=sight)
    except ValueError as error:
        raise UsageError(f"no log can hold what is left: {error}") from None


def _replay(spec: Spec, text: str, rule: Rule, vocabulary: Vocabulary) -> None:
    """Read and judge the log. Raises Disagreement if it does not break the rule."""
    report = judged(spec, text, vocabulary)
    if all(v.rule != rule.id for v in (*report.violations, *report.warnings)):
        raise Disagreement(f"the events that are left break {rule.id}, and their log does not:\n{text}")
