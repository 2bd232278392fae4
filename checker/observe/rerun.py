"""The events before a finding, run through once more: each with what it met, which is kept of none at first."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice, takewhile
from typing import Final

from mipcheck.checker.observe.blame import Moment
from mipcheck.checker.observe.context import Context
from mipcheck.checker.observe.facts import facts_of
from mipcheck.checker.observe.observation import Finding
from mipcheck.checker.observe.observer import Observer
from mipcheck.checker.trace.columns import Columns, is_of
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.values.event import Event

_LIMIT: Final = 100_000
"""Events looked at before a finding, and after the start of what was overdue."""

_MOST: Final = 200
"""Of these, the ones that change state and are run through again."""


@dataclass(slots=True)
class Rerun:
    """The events before a finding about a node, in order of time; those run through, and of these what the device sent.

    They are `whole` if they are all that there are since the device started.
    """

    context: Context
    node: int | None
    planned: list[Event]
    whole: bool
    events: list[Event] = field(default_factory=list)
    sent: list[Event] = field(default_factory=list)

    @classmethod
    def of(cls, context: Context, finding: Finding, moment: Moment) -> Rerun:
        """Plan to run through the events before a finding that change state, or that noted something."""
        facts = facts_of(context.machine)
        kinds = facts.changing | facts.gaps
        events, whole = _before(context, finding, kinds)
        known = zip((*moment.own_writers, *moment.node_writers), (*moment.own, *moment.node), strict=False)
        boot = whole and any(writer < 0 and value != UNKNOWN for writer, value in known)
        noted = [
            e for e in _noted(context, moment, facts.notes.values()) if e.kind in facts.notes and e.kind not in kinds
        ]
        return cls(context, finding.node, _with(events, noted), boot)

    def run(self, kinds: Collection[str]) -> Iterator[tuple[Event, Moment | None]]:
        """Run through them; with each comes what it met, where it is of one of the kinds."""
        observer = Observer(self.context.machine, self.whole)
        for event in self.planned:
            yield event, observer.meets(self._about(event)) if event.kind in kinds else None
            observer.take(event)
            self.events.append(event)
            if self.context.spec.events[event.kind].sender == "node":
                self.sent.append(event)

    def _about(self, event: Event) -> Event:
        """Return an event as one about the finding's node, where it is about the whole device."""
        tracks = self.context.spec.tracks
        if not tracks or self.node is None or self.context.machine.node_of(event.args) is not None:
            return event
        return replace(event, args={**event.args, tracks: self.node})


def _noted(context: Context, moment: Moment, slots: Iterable[int]) -> list[Event]:
    """Return the events that only noted something, such as that an interface is in use, in a moment's state."""
    wanted = set(slots)
    writers = (moment.own_writers, *moment.interface_writers)
    numbers = {of_one[slot] for of_one in writers for slot in wanted if slot < len(of_one)} - {-1}
    return [context.events[n] for n in sorted(numbers)]


def _before(context: Context, finding: Finding, kinds: Collection[str]) -> tuple[list[Event], bool]:
    """Return the events of some kinds before a finding (before its deadline, if overdue), in order.

    Also tell whether these are all that there are since the trace began.
    """
    events, first = context.events, finding.event + finding.overdue
    tracks = context.spec.tracks
    whose = (tracks, finding.node) if tracks and finding.node is not None else None
    if isinstance(events, Columns):
        found, known = events.before(first, _LIMIT, kinds, _MOST, whose), first
    else:
        back = events[max(0, first - _LIMIT) : max(0, first)]
        known = len(back)  # fewer where not all are kept
        found = list(islice((e for e in reversed(back) if e.kind in kinds and is_of(e, whose)), _MOST))[::-1]
    whole = first <= min(_LIMIT, known) and len(found) < _MOST
    if finding.overdue:
        later = (
            events.following(first - 1, _LIMIT, kinds, None, whose)
            if isinstance(events, Columns)
            else events[max(0, first) : max(0, first) + _LIMIT]
        )
        in_time = takewhile(lambda e: e.time <= finding.time, later)
        found += islice((e for e in in_time if e.kind in kinds and is_of(e, whose)), _MOST)
    return [e for e in found if e.kind in context.spec.events], whole


def _with(events: list[Event], noted: Iterable[Event]) -> list[Event]:
    """Return events in order of time with others among them, before those of the same time."""
    for event in noted:
        events.insert(bisect_left(events, event.time, key=lambda e: e.time), event)
    return events
