"""Runs a specification over the events of a trace: what each rule came to, and the findings, alike ones together.

An `Observer` takes events one by one in order of time. It keeps no event and copies no state, except for what is
reported; findings name events by number, from 0.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from mipcheck.checker.blame import Moment, blame, reads
from mipcheck.model.compile import Due, Machine, State
from mipcheck.model.event import NODE, Event
from mipcheck.model.kleene import UNKNOWN
from mipcheck.model.spec import Allow, Require
from mipcheck.model.term import Term

LIMIT: Final = 100
"""Groups of findings kept for a rule; what comes after them is only counted."""

INTERFACES: Final = 256
"""A node has no more; a trace that says so is not one node's."""

_NEVER: Final = 2**63


class TooManyInterfaces(ValueError):
    """The trace names more interfaces than a node has."""


@dataclass(slots=True)
class Finding:
    """A rule broken, once or many times for the same cause.

    `event` is the number of the event that was not allowed; for an obligation that was not met, of the one that
    its deadline was counted from (-1 if that is not in the trace), and `overdue` is set. `time` (ns) is that of the
    event, or the deadline. The node's configuration has no interface, event or moment.
    """

    rule: int
    interface: str | None
    time: int
    event: int
    overdue: bool = False
    moment: Moment | None = None
    count: int = 1
    last_time: int = 0
    last_event: int = -1
    events: array[int] = field(default_factory=lambda: array("q"))  # numbers of all events that were not allowed


@dataclass(frozen=True, slots=True)
class Hole:
    """The first time that a rule could not be judged: at which event (number), and in what state."""

    event: int
    interface: str
    moment: Moment
    gap: bool = False


@dataclass(slots=True)
class Tally:
    """How often a rule was kept, broken, or could not be judged. `unlisted` broken ones are in no finding."""

    kept: int = 0
    broken: int = 0
    unknown: int = 0
    unlisted: int = 0
    hole: Hole | None = None


@dataclass(frozen=True)
class Observation:
    """What a trace showed. `tallies` are in the order of the machine's rules; `findings` in order of time."""

    tallies: Sequence[Tally]
    findings: Sequence[Finding]
    interfaces: Sequence[str]
    events: int


_Copy = tuple[int, State, list[int], State, list[int]]
"""An interface (by index), its state and writers, the node's state and writers."""


@dataclass(frozen=True, slots=True)
class _Interest:
    """Slots of the variables that a condition reads: its interface's, the node's, those of every interface."""

    own: tuple[int, ...]
    node: tuple[int, ...]
    all: tuple[int, ...]


@dataclass(slots=True)
class _Interface:
    name: str
    state: State
    writers: list[int]


@dataclass(slots=True)
class _Groups:
    """Findings of a rule by cause. The last one by all that its condition reads, which is quicker to compare."""

    by_cause: dict[tuple[object, ...], Finding] = field(default_factory=dict)
    last: dict[tuple[int, str], tuple[tuple[int, ...], Finding]] = field(default_factory=dict)


def observe(machine: Machine, events: Iterable[Event], boot: bool = False) -> Observation:
    """Run a machine over events in order of time; with `boot` they begin when the node does, in its initial state.

    Raises ValueError for events out of order, TooManyInterfaces for hostile ones.
    """
    observer = Observer(machine, boot)
    for event in events:
        observer.take(event)
    return observer.observation()


class Observer:
    """One machine, running. Times are ns."""

    def __init__(self, machine: Machine, boot: bool = False) -> None:
        self._machine = machine
        self._boot = boot
        self._node = machine.initial_node() if boot else machine.unknown_node()
        self._node_writers = [-1] * len(self._node)
        self._interfaces: dict[str, int] = {}
        self._list: list[_Interface] = []
        self._states: list[State] = []
        self._tallies = [Tally() for _ in machine.rules]
        self._groups = [_Groups() for _ in machine.rules]
        self._interests = {n: _interest(machine, r.body.condition)
                           for n, r in enumerate(machine.rules) if isinstance(r.body, Allow)}  # fmt: skip
        self._limits = [(machine.done_slot[n], machine.interface_slots[b.anchor], _constant(machine, b.within))
                        for n, b in machine.obligations]  # fmt: skip
        self._changing = _changing(machine)
        self._gaps = {e.name for e in machine.spec.events.values() if e.sender == "observer"}
        self._horizon, self._dirty = _NEVER, False
        self._count = 0
        self._now: int | None = None

    def observation(self) -> Observation:
        """What has been seen so far. An obligation whose deadline lies after the last event is not overdue."""
        found = [f for g in self._groups for f in g.by_cause.values()]
        for rule, outcome in self._machine.configuration():
            if outcome == UNKNOWN:
                continue
            tally = self._tallies[rule]
            tally.kept, tally.broken = int(outcome == 1), int(outcome == 0)
            if outcome == 0:
                found.append(Finding(rule, None, 0, -1))
        found.sort(key=lambda f: (f.interface is not None, f.time, f.rule))
        return Observation(self._tallies, found, [i.name for i in self._list], self._count)

    def take(self, event: Event) -> None:
        """Take the next event. Kinds that the specification does not know pass unseen."""
        number, self._count = self._count, self._count + 1
        if self._now is not None and event.time < self._now:
            raise ValueError(f"event {number} at {event.time} ns is earlier than the one before it")
        kind = event.kind
        if kind in self._gaps:
            self._gap(event, number)
            self._now = event.time
            return
        if event.time > self._horizon or self._dirty:
            self._overdue(event.time)
        self._now = event.time
        step = self._machine.steps.get(kind)
        if step is None:
            return
        this, place = self._place(event.interface)
        keys = self._machine.encode(kind, event.args)
        changing = kind in self._changing
        before = self._copy(this, place) if changing else None
        outcomes = step(event.time, this, place.state, self._node, self._states, keys, number, place.writers,
                        self._node_writers)  # fmt: skip
        if before is not None:
            _, own, writers, node, node_writers = before
            _unchanged(place.state, own, place.writers, writers)
            _unchanged(self._node, node, self._node_writers, node_writers)
        for rule, outcome in outcomes:
            tally = self._tallies[rule]
            if outcome == 1:
                tally.kept += 1
            elif outcome == 0:
                tally.broken += 1
                self._broken(rule, event, number, this, place, before, keys)
            else:
                tally.unknown += 1
                if tally.hole is None:
                    moment = self._moment(event.time, before or self._copy(this, place), kind, keys)
                    tally.hole = Hole(number, event.interface, moment)
        self._dirty |= changing

    # --- state ----------------------------------------------------------------------------------------------------

    def _place(self, name: str) -> tuple[int, _Interface]:
        """An interface, by index; what concerns the whole node has a state of its own, forgotten at once."""
        if name == NODE:
            return UNKNOWN, self._new(name, boot=False)
        index = self._interfaces.get(name)
        if index is None:
            if len(self._list) >= INTERFACES:
                raise TooManyInterfaces(f"more than {INTERFACES} interfaces: this is not the trace of one node")
            index = self._interfaces[name] = len(self._list)
            self._list.append(self._new(name, self._boot))
            self._states.append(self._list[index].state)
            self._dirty = True
        return index, self._list[index]

    def _new(self, name: str, boot: bool) -> _Interface:
        state = self._machine.initial_interface() if boot else self._machine.unknown_interface()
        return _Interface(name, state, [-1] * len(self._machine.interface_slots))

    def _copy(self, this: int, place: _Interface) -> _Copy:
        """What a step may change."""
        return this, place.state[:], place.writers[:], self._node[:], self._node_writers[:]

    def _moment(self, now: int, before: _Copy, kind: str = "", keys: Sequence[int] = ()) -> Moment:
        this, own, writers, node, node_writers = before
        states = tuple(own if n == this else s[:] for n, s in enumerate(self._states))
        all_writers = tuple(writers if n == this else i.writers[:] for n, i in enumerate(self._list))
        return Moment(now, this, own, node, states, writers, node_writers, all_writers, kind, tuple(keys))

    # --- findings -------------------------------------------------------------------------------------------------

    def _broken(
        self, rule: int, event: Event, number: int, this: int, place: _Interface, before: _Copy | None, keys: list[int]
    ) -> None:
        """`before` is the state that was judged, None if it is still there."""
        groups, interest = self._groups[rule], self._interests[rule]
        writers, node_writers = (before[2], before[4]) if before else (place.writers, self._node_writers)
        others = [i.writers for n, i in enumerate(self._list) if n != this] + ([writers] if this != UNKNOWN else [])
        read = (
            *(writers[n] for n in interest.own),
            *(node_writers[n] for n in interest.node),
            *(w[n] for w in others for n in interest.all),
        )
        last = groups.last.get((this, event.kind))
        if last is not None and last[0] == read:
            _again(last[1], event.time, number)
            return
        if len(groups.by_cause) >= LIMIT:
            self._tallies[rule].unlisted += 1
            return
        moment = self._moment(event.time, before or self._copy(this, place), event.kind, keys)
        condition = self._machine.rules[rule].body.condition
        leaves = blame(self._machine, condition, moment, this)
        written = sorted(
            (r.name, UNKNOWN if r.interface is None else r.interface, r.writer)
            for leaf in leaves
            for r in reads(self._machine, leaf.term, moment, leaf.interface)
        )
        cause = (this, event.kind, *written)
        finding = groups.by_cause.get(cause)
        if finding is None:
            finding = Finding(rule, event.interface, event.time, number, moment=moment)
            finding.last_time, finding.last_event = event.time, number
            finding.events.append(number)
            groups.by_cause[cause] = finding
        else:
            _again(finding, event.time, number)
        groups.last[this, event.kind] = (read, finding)

    def _overdue(self, now: int) -> None:
        """Judge every obligation whose deadline lies before `now`, and see when the next one comes."""
        machine = self._machine
        self._horizon = _NEVER
        for this, place in enumerate(self._list):
            for due in machine.due(now, this, place.state, self._node, self._states):
                self._missed(due, this, place)
            for done, anchor, limit in self._limits:
                start = place.state[anchor]
                if place.state[done] != 1 and start != UNKNOWN and start + limit >= now:
                    self._horizon = min(self._horizon, start + limit)
        self._dirty = False

    def _missed(self, due: Due, this: int, place: _Interface) -> None:
        body = self._machine.rules[due.rule].body
        assert isinstance(body, Require)
        tally, groups = self._tallies[due.rule], self._groups[due.rule]
        anchor = place.writers[self._machine.interface_slots[body.anchor]]
        moment = self._moment(due.deadline, self._copy(this, place))
        if due.outcome == UNKNOWN:
            tally.unknown += 1
            tally.hole = tally.hole or Hole(anchor, place.name, moment)
            return
        tally.broken += 1
        cause = (this, anchor)
        if cause in groups.by_cause:
            _again(groups.by_cause[cause], due.deadline, anchor)
        elif len(groups.by_cause) >= LIMIT:
            tally.unlisted += 1
        else:
            groups.by_cause[cause] = Finding(
                due.rule, place.name, due.deadline, anchor, True, moment, 1, due.deadline, anchor
            )

    # --- gaps -----------------------------------------------------------------------------------------------------

    def _gap(self, event: Event, number: int) -> None:
        """From the last event to here anything may have happened: nothing is known, and what was owed may be met."""
        if self._now is not None and (self._dirty or self._now > self._horizon):
            self._overdue(self._now)
        whole = event.interface == NODE
        places = self._list if whole else [self._place(event.interface)[1]]
        for place in places:
            this = self._interfaces[place.name]
            for rule in self._machine.pending(this, place.state, self._node, self._states):
                tally = self._tallies[rule]
                tally.unknown += 1
                if tally.hole is None:
                    moment = self._moment(event.time, self._copy(this, place))
                    tally.hole = Hole(number, place.name, moment, gap=True)
        for place in places:
            place.state[:] = self._machine.unknown_interface()
            place.writers[:] = [number] * len(place.writers)
        # What the interfaces share may have changed too, and after a gap of the whole node interfaces are not new.
        self._node[:] = self._machine.unknown_node()
        self._node_writers[:] = [number] * len(self._node_writers)
        self._boot &= not whole
        self._dirty = True


def _again(finding: Finding, time: int, number: int) -> None:
    finding.count += 1
    finding.last_time, finding.last_event = time, number
    if not finding.overdue:
        finding.events.append(number)


def _unchanged(state: State, before: State, writers: list[int], writers_before: list[int]) -> None:
    """Who writes what a variable already was has not brought it about: the writer before is kept."""
    if writers != writers_before:
        for n, writer in enumerate(writers_before):
            if state[n] == before[n]:
                writers[n] = writer


def _changing(machine: Machine) -> set[str]:
    """Kinds of events that change state or meet obligations."""
    patterns = [p for u in machine.spec.updates for p in u.patterns]
    patterns += [p for _, body in machine.obligations for p in body.patterns]
    return {p.event for p in patterns}


def _interest(machine: Machine, condition: Term) -> _Interest:
    own: set[int] = set()
    node: set[int] = set()
    every: set[int] = set()

    def look(term: Term, quantified: bool) -> None:
        if term.kind == "var" and term.name in machine.node_slots:
            node.add(machine.node_slots[term.name])
        elif term.kind == "var":
            (every if quantified else own).add(machine.interface_slots[term.name])
        for a in term.args:
            look(a, quantified or term.kind in ("some", "every"))

    look(condition, False)
    return _Interest(tuple(sorted(own)), tuple(sorted(node)), tuple(sorted(every)))


def _constant(machine: Machine, within: Term) -> int:
    """From an anchor to its deadline, ns: what is granted, and the slack."""
    return machine.evaluate(within, 0, UNKNOWN, [], [], [], []) + machine.slack
