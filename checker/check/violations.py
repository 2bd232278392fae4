"""Findings → violations: explained, with their places in the inputs."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mipcheck.checker.check.report import Violation
from mipcheck.checker.inputs.trace import Trace
from mipcheck.checker.observe.context import Context
from mipcheck.checker.observe.explain import explain
from mipcheck.checker.observe.misses import Misses, NearMisses
from mipcheck.checker.observe.observation import Finding
from mipcheck.checker.trace.columns import Columns
from mipcheck.model.language.show import show_citations
from mipcheck.model.specification.spec import Rule
from mipcheck.model.values.event import Event, Position
from mipcheck.model.values.types import BASIC


def violations_of(context: Context, trace: Trace, findings: Sequence[Finding]) -> list[Violation]:
    """Return findings explained, in their order, whatever their level."""
    frames, misses = _frames(trace, findings), Misses(context)
    return [_violation(context, trace, f, misses.of(f), w) for f, w in zip(findings, frames, strict=True)]


def _violation(
    context: Context, trace: Trace, finding: Finding, misses: NearMisses, frames: Mapping[str, Sequence[int]]
) -> Violation:
    """Return a finding explained, with its near `misses`; `frames` are, by file, those of all that was not allowed."""
    rule = context.machine.rules[finding.rule]
    explanation = explain(context, finding, misses.decided)
    first = context.origin
    if finding.moment is None:
        at = last_at = Position(trace.inputs[0].file)
        time = last_time = trace.events[0].time if trace.events else first
    else:
        at, last_at = _position(trace.events, finding.event, trace), _position(trace.events, finding.last_event, trace)
        time, last_time = finding.time, finding.last_time
    return Violation(
        rule=rule.id,
        level=rule.level,
        section=rule.section,
        interface=finding.interface,
        time=time - first,
        at=at,
        message=_message(rule, finding.count, explanation.seen, explanation.wrong),
        seen=explanation.seen,
        wrong=explanation.wrong,
        because=explanation.because,
        allowed=explanation.allowed,
        count=finding.count,
        last_time=last_time - first,
        last_at=last_at,
        overdue=finding.overdue,
        frames=frames,
        node=None if finding.node is None else BASIC["address"].show(finding.node),
        not_counted=misses.told,
        not_counted_more=misses.more,
        sought=misses.sought,
    )


def _position(events: Sequence[Event], number: int, trace: Trace) -> Position:
    """Return where an event stands; of one that is not in the trace (-1), which file it would be in."""
    return events[number].at if number >= 0 else Position(trace.inputs[0].file)


def _frames(trace: Trace, findings: Sequence[Finding]) -> list[dict[str, Sequence[int]]]:
    """Return for each finding, by file, the frames of all that was not allowed."""
    columns = trace.events
    if isinstance(columns, Columns):
        return _frames_in(columns, findings) if columns.framed else [{} for _ in findings]
    result: list[dict[str, Sequence[int]]] = []
    for finding in findings:
        frames: dict[str, array[int]] = {}
        for number in finding.events:
            at = trace.events[number].at
            if at.frame is not None:
                frames.setdefault(at.file, array("q")).append(at.frame)
        result.append(dict(frames))
    return result


def _frames_in(columns: Columns, findings: Sequence[Finding]) -> list[dict[str, Sequence[int]]]:
    """Do the same for columns, which are gone through once more."""
    import numpy as np

    numbers = [np.frombuffer(f.events, np.int64) if f.events else np.zeros(0, np.int64) for f in findings]
    known = np.unique(np.concatenate(numbers)) if numbers else np.zeros(0, np.int64)
    if not len(known):
        return [{} for _ in findings]
    files, places = columns.places(known)
    result: list[dict[str, Sequence[int]]] = []
    for mine in numbers:
        at = np.searchsorted(known, mine)
        which = dict.fromkeys(int(f) for f in np.unique(files[at]))
        result.append({columns.files[f]: array("q", places[at][files[at] == f].tobytes()) for f in which})
    return result


def occurred_again(violation: Violation, rule: Rule, finding: Finding, last_at: Position, start: int) -> Violation:
    """Return what was explained before, with how often it has occurred by now, and when last; `start` is in ns."""
    message = _message(rule, finding.count, violation.seen, violation.wrong)
    last = finding.last_time - start
    return replace(violation, message=message, count=finding.count, last_time=last, last_at=last_at)


def _message(rule: Rule, count: int, seen: str, wrong: Sequence[str]) -> str:
    """Return one paragraph that says it all, for those who read nothing else."""
    again = f" ({count} times in the same state)" if count > 1 else ""
    return (
        f"{rule.id} ({rule.level}, {show_citations(rule.cite)}) is broken{again}: {rule.text}"
        f" Seen: {seen}. Why it is wrong: {'; '.join(wrong)}."
    )
