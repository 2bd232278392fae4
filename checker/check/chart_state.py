"""What interfaces were, by the stages that a specification declares, and what ran out when: an observer looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from mipcheck.checker.check.chart import Limit, Stretch
from mipcheck.checker.inputs.trace import Trace
from mipcheck.checker.observe.facts import facts_of
from mipcheck.checker.observe.limits import TooMuch
from mipcheck.checker.observe.nodes import InterfaceState
from mipcheck.checker.observe.observer import Observer
from mipcheck.checker.trace.derive import derived
from mipcheck.checker.trace.source import fog_of
from mipcheck.model.machine.compile import Machine, State
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.specification.term import Term
from mipcheck.model.values.event import NODE, Event, Position

LIMITS: Final = 8_000
"""Limits, and stretches of a stage, that are told."""

_UNKNOWN: Final = "unknown"


@dataclass
class Followed:
    """The stages of interfaces and what ran out, in order of their beginning; what is not told of them."""

    stages: tuple[Stretch, ...] = ()
    limits: tuple[Limit, ...] = ()
    left_out: tuple[str, ...] = ()


def followed(machine: Machine, trace: Trace, events: list[Event] | None, origin: int) -> Followed:
    """Return what interfaces were. `events` are those that change state, None if they are too many; times count from
    `origin` (ns)."""
    if machine.spec.tracks or not len(trace.events):
        return Followed()
    what = "what interfaces were, and what ran out"
    evidence = trace.evidence(machine.spec)
    if events is None:
        return Followed(left_out=(f"{what}: too much happens",))
    if evidence.resolution:
        return Followed(left_out=(f"{what}: the stamps are too coarse to tell the order of events",))
    fog = fog_of(machine, evidence)
    follower = _Follower(machine, Observer(machine, trace.site.boot, fog, len(trace.inputs) > 1), origin)
    end = trace.events[len(trace.events) - 1].time
    try:
        for event in derived(machine.spec, events, machine.capabilities):
            follower.take(event)
    except TooMuch:
        return Followed(left_out=(f"{what}: there are too many interfaces",))
    return follower.finish(end)


@dataclass
class _Place:
    """What is known of an interface so far: its stage and since when, limits that run (by name and beginning)."""

    stage: str
    since: int
    running: dict[tuple[str, bool], tuple[int, int]] = field(default_factory=dict)


class _Follower:
    """Follows an observer event by event."""

    def __init__(self, machine: Machine, observer: Observer, origin: int) -> None:
        self.machine, self.observer, self.origin = machine, observer, origin
        self.changing = facts_of(machine).changing | facts_of(machine).gaps
        self.stages = list(machine.spec.stages.values())
        self.bounds = {s.name: list(_bounds(s.condition)) for s in self.stages}
        self.places: dict[str, _Place] = {}
        self.found: list[Stretch] = []
        self.limits: list[Limit] = []
        self.now: int | None = None

    def take(self, event: Event) -> None:
        """Take the next event."""
        if event.kind not in self.changing:
            self.observer.take(event)
            return
        self._pass(event.time)
        self.observer.take(event)
        self.now = event.time
        for state in self.observer.owing():
            place = self.places.setdefault(state.name, _Place(_UNKNOWN, event.time))
            if state.index != UNKNOWN:
                self._enter(state.name, place, self._stage(state, event.time), event.time)
            self._look(state, place, event)

    def finish(self, end: int) -> Followed:
        """Return what was found, up to the end of the trace."""
        self._pass(end)
        for name, place in self.places.items():
            if end >= place.since and name != NODE:  # the whole of a node is in no stage
                self.found.append(Stretch(name, place.stage, place.since - self.origin, end - self.origin))
            for (what, rule), (since, due) in place.running.items():
                self._end(name, what, rule, since, due, min(due, end), "over" if due < end else "open")
        left = [f"{n - LIMITS} {what}" for n, what in (
            (len(self.found), "stages of interfaces"), (len(self.limits), "times that ran")) if n > LIMITS]  # fmt: skip
        return Followed(
            tuple(sorted(self.found, key=lambda s: s.since)[:LIMITS]),
            tuple(sorted(self.limits, key=lambda s: s.since)[:LIMITS]),
            tuple(left),
        )

    # --- stages ---------------------------------------------------------------------------------------------------

    def _stage(self, state: InterfaceState, now: int) -> str:
        """Return the stage of an interface at a time (ns), as things stand."""
        for stage in self.stages:
            value = self._value(stage.condition, state, now)
            if value:
                return _UNKNOWN if value == UNKNOWN else stage.name
        return _UNKNOWN

    def _value(self, term: Term, state: InterfaceState, now: int) -> int:
        node = state.node
        return self.machine.evaluate(term, now, state.index, state.state, node.state, node.states, (), "", node.entries)

    def _pass(self, until: int) -> None:
        """Let time pass up to the next event: stages may end by themselves."""
        if self.now is None:
            return
        for state in self.observer.owing():
            place = self.places.get(state.name)
            if place is None:
                continue
            for (what, rule), (since, due) in list(place.running.items()):
                if due < until:
                    self._end(state.name, what, rule, since, due, due, "over")
                    del place.running[what, rule]
            for _ in self.stages if state.index != UNKNOWN else ():
                if self._stage(state, until) == place.stage:
                    break
                low, high = max(self.now, place.since), until
                while high - low > 1:
                    middle = (low + high) // 2
                    low, high = (middle, high) if self._stage(state, middle) == place.stage else (low, middle)
                self._enter(state.name, place, self._stage(state, high), high)

    def _enter(self, name: str, place: _Place, stage: str, now: int) -> None:
        """Note that an interface is in a stage from now on."""
        if stage == place.stage:
            return
        if now > place.since:
            self.found.append(Stretch(name, place.stage, place.since - self.origin, now - self.origin))
        place.stage, place.since = stage, now

    # --- limits ---------------------------------------------------------------------------------------------------

    def _look(self, state: InterfaceState, place: _Place, event: Event) -> None:
        """See what runs out after an event: what is owed, and the stage itself."""
        now = event.time
        running = dict(self._owed(state)) | dict(self._trusted(state, place, now))
        for key, (since, due) in list(place.running.items()):
            if running.get(key) != (since, due):
                what, rule = key
                # A duty that begins anew has not been done; a stage that does has been made to last.
                kept = self._is_met(self._numbers[what], state) if rule else key in running
                ended = "met" if kept else "gone"
                self._end(state.name, what, rule, since, due, now, ended, event.at)
                del place.running[key]
        place.running |= {key: span for key, span in running.items() if span[1] > now}

    def _is_met(self, rule: int, state: InterfaceState) -> bool:
        """Decide whether an obligation has been met since its anchor."""
        return self._of(rule, state)[self.machine.done_slot[rule]] == 1

    def _of(self, rule: int, state: InterfaceState) -> State:
        """Return the state where an obligation is kept: an interface's, or its node's."""
        return state.node.state if rule in self.machine.shared_duties else state.state

    @property
    def _numbers(self) -> dict[str, int]:
        return {self.machine.rules[n].id: n for n, _ in self.machine.obligations}

    def _owed(self, state: InterfaceState) -> Iterator[tuple[tuple[str, bool], tuple[int, int]]]:
        """Yield the obligations that are owed: from when, and the latest time to meet them."""
        for number, body in self.machine.obligations:
            if (number in self.machine.shared_duties) != (state.index == UNKNOWN):
                continue
            own = self._of(number, state)
            done, anchor = own[self.machine.done_slot[number]], own[self.machine.anchor_slot(number)]
            if done == UNKNOWN or done == 1 or anchor == UNKNOWN:
                continue
            if self._value(body.condition, state, 0) != 1:
                continue
            within = self._value(body.within, state, 0) + self.machine.slack
            yield (self.machine.rules[number].id, True), (anchor, anchor + within - done)

    def _trusted(
        self, state: InterfaceState, place: _Place, now: int
    ) -> Iterator[tuple[tuple[str, bool], tuple[int, int]]]:
        """Yield how long the stage lasts if nothing happens, where a condition of it compares a time with now."""
        for since, limit in self.bounds.get(place.stage, ()) if state.index != UNKNOWN else ():
            begun, lasts = self._value(since, state, now), self._value(limit, state, now)
            if UNKNOWN not in (begun, lasts):
                yield (place.stage, False), (begun, begun + lasts)

    def _end(
        self,
        name: str,
        what: str,
        rule: bool,
        since: int,
        due: int,
        until: int,
        ended: str,
        at: Position | None = None,
    ) -> None:
        o = self.origin
        self.limits.append(Limit(name, what, rule, since - o, due - o, until - o, ended, at))


def _bounds(condition: Term) -> Iterator[tuple[Term, Term]]:
    """Yield of each `now - since <= limit` that a condition needs the two sides."""
    for term in condition.conjuncts():
        if term.kind in ("<", "<=") and term.args[0].kind == "-" and term.args[0].args[0].kind == "now":
            yield term.args[0].args[1], term.args[1]
