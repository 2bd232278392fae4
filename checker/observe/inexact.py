"""What both observers of coarse stamps have in common: a state, and what is known of it if times may be later.

An event of a source with resolution r, stamped t, happened in [t, t + r). Durations are as uncertain as their ends: an
event is tried at its stamp, at the end of its resolution, and with all times that were noted before as late as they may
have been. What these come to otherwise is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from mipcheck.checker.observe.moments import copied, moment_of
from mipcheck.checker.observe.nodes import InterfaceState, NodeState
from mipcheck.checker.observe.observation import Hole
from mipcheck.checker.observe.observer import Observer
from mipcheck.checker.trace.source import Fog
from mipcheck.model.machine.kleene import UNKNOWN, join, owed_from
from mipcheck.model.machine.rows import Entries, entries_of, held

if TYPE_CHECKING:
    from mipcheck.model.machine.compile import Machine, State
    from mipcheck.model.values.event import Event

Snapshot = tuple[list[int], list[list[int]], Entries]
"""The state of a node, those of its interfaces, and the entries of its tables."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """What an interface may owe too late, or not yet: the rule's number, when it is due (ns), and how that is told."""

    place: InterfaceState
    rule: int
    deadline: int
    hole: Hole


@dataclass(frozen=True, slots=True)
class Times:
    """Where a machine's state has times: for each slot of an interface and of a node whether it is one.

    Those are `uncertain` that an event with a coarse stamp may have told; of tables they are given by column. Times of
    an interface from which an obligation counts are `fragile` if they depend on others.
    """

    own: Sequence[bool]
    node: Sequence[bool]
    own_uncertain: Sequence[int]
    node_uncertain: Sequence[int]
    entries_uncertain: Sequence[str]
    fragile: frozenset[int]


def times_of(machine: Machine, kinds: Collection[str]) -> Times:
    """Return where a machine's state has times; `kinds` are those of events with coarse stamps."""
    told = [u for u in machine.spec.updates if any(p.event in kinds for p in u.patterns)]
    set_by = {v for u in told for v, _, _ in u.values(machine.spec.tables)}
    timed = {v for v in set_by if machine.spec.state(v).type.name == "time"}
    shared = machine.node_slots | machine.table_slots
    own = [machine.spec.variables[n].type.name == "time" for n in machine.interface_slots]
    anchors = {body.anchor for _, body in machine.obligations}
    fragile = set()
    for update in machine.spec.updates:
        given = {v for v, _, _ in update.values(machine.spec.tables)} & anchors
        reads = {name for term in update.terms() for name in term.names("var")}
        if any(machine.spec.state(name).type.name == "time" for name in reads):
            fragile |= {machine.interface_slots[v] for v in given if v in machine.interface_slots}
    at_node = [machine.spec.state(n).type.name == "time" for n in shared]
    return Times(
        own=[*own, *[True] * (machine.interface_size - len(own))],  # since when something is owed perhaps
        node=[*at_node, *[True] * (machine.node_size - len(at_node))],
        own_uncertain=[n for v, n in machine.interface_slots.items() if v in timed],
        node_uncertain=[n for v, n in shared.items() if v in timed],
        entries_uncertain=[c for c in machine.columns if c in timed],
        fragile=frozenset(fragile),
    )


def too_coarse(resolution: Iterable[str]) -> str:
    """Return in words what stands against a judgement, for files with coarse stamps."""
    files = " and ".join(PurePath(file).name for file in resolution)
    return f"the order of events, or the time between them, is not known: the stamps of {files} are too coarse"


class InexactObserver(Observer):
    """An observer of events whose times are not known exactly."""

    def __init__(
        self,
        machine: Machine,
        boot: bool,
        fog: Fog | None,
        resolution: Mapping[str, int],
        kinds: Collection[str],
        several: bool = True,
    ) -> None:
        """Begin as an observer does; `resolution` (ns) is by file, `kinds` are those of events with coarse stamps."""
        super().__init__(machine, boot, fog, several)
        self._resolution = resolution
        self._times = times_of(machine, kinds)
        self._tolerance = max(resolution.values(), default=0)
        anchors = {rule: machine.anchor_slot(rule) for rule, _ in machine.obligations}
        self._since = {rule: slot for rule, slot in anchors.items() if rule not in machine.shared_duties}
        self._since_at_node = {rule: slot for rule, slot in anchors.items() if rule in machine.shared_duties}

    def _too_coarse(self) -> str:
        return too_coarse(self._resolution)

    def _try(
        self, node: NodeState, state: Snapshot, event: Event, number: int, keys: list[int], now: int
    ) -> tuple[Snapshot, dict[int, int]]:
        """Return the state after an event that happens now, and by rule how it is judged."""
        machine = self._machine
        shared, states, entries = state[0][:], [s[:] for s in state[1]], held(state[2])
        place = node.places.get(event.interface)
        index = UNKNOWN if place is None else place.index
        own = machine.unknown_interface() if place is None else states[index]
        outcomes = machine.steps[event.kind](
            now, index, own, shared, states, keys, number, [0] * len(own), [0] * len(shared), entries
        )
        self._veil(shared, own, entries)
        return (shared, states, entries), dict(outcomes)

    def _owed(self, place: InterfaceState, until: int) -> list[Doubt]:
        """Return what is owed at an interface and would be overdue if it were `until` (ns) now.

        What is overdue for certain is no doubt: it has been noted before.
        """
        node, found = place.node, []
        for due in self._would_be_due(place, until):
            moment = moment_of(due.deadline, place, copied(place))
            hole = Hole(self._anchored(due.rule, place), place.name, moment, node=node.key, why=self._too_coarse())
            found.append(Doubt(place, due.rule, due.deadline, hole))
        return found

    def _in_time(self, doubts: Sequence[Doubt], until: int) -> None:
        """Note that of what is not owed any more, as it was before an event, nobody knows whether it was in time."""
        for doubt in doubts:
            still = self._would_be_due(doubt.place, until)
            if not any(due.rule == doubt.rule and due.deadline == doubt.deadline for due in still):
                self._unjudged(doubt.rule, doubt.hole)

    def _lost(self, place: InterfaceState, slots: Collection[int], now: int, number: int) -> None:
        """Note that nobody knows when what may be owed since times that are not known any more was due.

        Their `slots` are the node's if it is the whole of that which owes it.
        """
        machine, node = self._machine, place.node
        whole = place is node.whole
        since, state = (self._since_at_node, node.state) if whole else (self._since, place.state)
        for rule, body in machine.obligations:
            if rule not in since or since[rule] not in slots or state[machine.done_slot[rule]] == 1:
                continue
            term = body.condition
            if machine.evaluate(term, now, place.index, place.state, node.state, node.states, [], "", node.entries):
                moment = moment_of(now, place, copied(place))
                self._unjudged(rule, Hole(number, place.name, moment, node=node.key, why=self._too_coarse()))

    def _later(self, state: Snapshot) -> Snapshot | None:
        """Return a state whose uncertain times are as late as they may be; None if there are none."""
        by = self._tolerance - 1
        shared, states = state[0][:], [s[:] for s in state[1]]
        for slots, values in [(self._times.node_uncertain, shared), *((self._times.own_uncertain, s) for s in states)]:
            for slot in slots:
                if values[slot] != UNKNOWN:
                    values[slot] += by
        rows = self._machine.rows(state[2])
        for name in self._times.entries_uncertain:
            table, column = self._machine.tables[name.partition(".")[0]], self._machine.columns[name]
            for row in rows:
                if row.table == table and row.values[column] != UNKNOWN:
                    row.values[column] += by
        later = shared, states, entries_of(rows, [*self._machine.forms.values()])
        return None if later == (state[0], state[1], held(state[2])) else later

    def _agree(self, result: Snapshot, other: Snapshot, by: int) -> None:
        """Forget what would be otherwise had the event happened `by` ns later, but for times that move with it."""
        if self._machine.tables:
            self._combine(result, other, lambda a, b, time: _shifted(a, b, time, by))
        without(result[0], other[0], self._times.node, by)
        for state, shifted in zip(result[1], other[1], strict=True):
            without(state, shifted, self._times.own, by)

    def _combine(self, one: Snapshot, other: Snapshot, known: Callable[[int, int, bool], int]) -> None:
        """Leave of a state's entries what is `known` beside another's: of two values, whether they are times or not.

        What is in no row of either is as the default rows have it, which are still those of before. Where there would
        be more entries than a table holds, the oldest are forgotten.
        """
        machine, entries = self._machine, one[2]
        ours = {(row.table, row.key): row for row in machine.rows(entries)}
        theirs = {(row.table, row.key): row for row in machine.rows(other[2])}
        for key, row in theirs.items():
            if key not in ours:
                ours[key] = new = replace(row, values=row.values[:])
                for name, column in machine.columns.items():
                    if machine.tables[name.partition(".")[0]] == row.table:
                        new.values[column] = one[0][machine.table_slots[name]]
        for name, column in machine.columns.items():
            table, default = machine.tables[name.partition(".")[0]], other[0][machine.table_slots[name]]
            is_time = machine.spec.column(name).type.name == "time"
            for key, row in ours.items():
                if row.table == table:
                    that = theirs[key].values[column] if key in theirs else default
                    row.values[column] = known(row.values[column], that, is_time)
        rows = sorted(ours.values(), key=lambda row: row.age)
        for table_name, number in machine.tables.items():
            own = [row for row in rows if row.table == number]
            for row in own[: max(0, len(own) - machine.spec.tables[table_name].limit)]:
                rows.remove(row)
                for name in machine.spec.tables[table_name].columns:
                    slot = machine.table_slots[name]
                    one[0][slot] = join(one[0][slot], row.values[machine.columns[name]])
        entries[:] = entries_of(rows, [*machine.forms.values()])


def same(a: int, b: int, time: bool) -> int:
    """Return what is known of a value that is one or the other."""
    return join(a, b)


def _shifted(a: int, b: int, time: bool, by: int) -> int:
    """Return what is known of a value that is one, or the other if all happened `by` ns later."""
    return a if a == b or (time and UNKNOWN not in (a, b) and b - a == by) else UNKNOWN


def snapshot(node: NodeState) -> Snapshot:
    """Return copies of the states of a node."""
    return node.state[:], [s[:] for s in node.states], held(node.entries)


def owed_perhaps(joined: State, met: int, anchor: int, states: Iterable[State]) -> None:
    """Let `joined`, which is what is known of several states, say of what any of them owes that it is owed perhaps.

    So it is where nothing is known of the slot `anchor` any more: then it is owed since the earliest time of any, by
    what `owed_since` says in the slot `met`. Where that time is known, it is enough that it may not have been met.
    """
    if joined[anchor] != UNKNOWN:
        return
    since = [begun for state in states if (begun := owed_from(state[met], state[anchor])) != UNKNOWN]
    if since:
        joined[met] = max(min(since), 0) + 2


def merge(state: State, other: State) -> None:
    """Forget of a state what another one does not say, too."""
    for n, value in enumerate(other):
        if state[n] != value:
            state[n] = UNKNOWN


def without(state: State, other: State, times: Sequence[bool], by: int) -> None:
    """Forget of a state what another one does not say, but for times that are later by just so much."""
    if state == other:  # most interfaces: each event is about one
        return
    for n, value in enumerate(other):
        state[n] = _shifted(state[n], value, times[n], by)
