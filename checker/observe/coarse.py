"""Observes events whose stamps are coarse: inside the resolution of a clock the order of events is unknown.

An event of a source with resolution r, stamped t, happened in [t, t + r). A source's own order is trusted. Events of
different sources whose times may be either way round form a *cluster*; clusters follow each other in a known order.
Within one, every order is tried that the stamps allow, on a grid: a cell for how many events of each source have
happened, and in it the join of all states that lead there, where a value is known only if all agree. An event is judged
in each cell in which it may happen; where judgements differ, nobody knows, and nobody is accused.

Durations are as uncertain as their ends. A condition on time is judged at the earliest and the latest it may be, too,
and deadlines have come only once they have come for certain.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from mipcheck.checker.observe.observation import Hole, Observation
from mipcheck.checker.observe.observer import InterfaceState, NodeState, Observer
from mipcheck.checker.trace.source import Evidence, Fog
from mipcheck.model.machine.entries import AGE, used_rows
from mipcheck.model.machine.kleene import UNKNOWN, join
from mipcheck.model.values.event import NODE, Event

if TYPE_CHECKING:
    from mipcheck.model.machine.compile import Due, Entries, Machine, State

CELLS: Final = 4096
"""Cells of a grid that are tried; a cluster with more is treated as evidence that is missing."""

_Snapshot = tuple[list[int], list[list[int]], "Entries"]
"""The state of a node, those of its interfaces, and the entries of its tables."""


@dataclass(slots=True)
class _Stamped:
    """An event with its number, its source, the resolution (ns) of its stamp, and by rule how it was judged."""

    event: Event
    number: int
    resolution: int
    keys: list[int]
    judged: dict[int, list[int]] = field(default_factory=dict)
    trials: int = 0

    def outcome(self, rule: int) -> int:
        """Return what all judgements by a rule come to; where it did not speak of the event, it was kept."""
        found = self.judged[rule]
        if len(found) < self.trials:
            found = [*found, 1]
        return found[0] if len(set(found)) == 1 else UNKNOWN

    def precedes(self, other: _Stamped) -> bool:
        """Tell whether it happened before another source's event for certain."""
        ours, theirs = self.event.time, other.event.time
        if self.resolution:
            return ours + self.resolution <= theirs
        if other.resolution:
            return ours < theirs
        return (ours, self.number) < (theirs, other.number)


def observe_coarsely(
    machine: Machine, events: Iterable[Event], boot: bool, fog: Fog | None, evidence: Evidence
) -> Observation:
    """Run a machine over events in order of time, of which `evidence` tells how coarse their stamps are."""
    observer = CoarseObserver(machine, boot, fog, evidence.resolution, evidence.coarse)
    for cluster in clusters(events, evidence.resolution):
        observer.take_cluster(cluster)
    return observer.observation()


def clusters(events: Iterable[Event], resolution: Mapping[str, int]) -> Iterator[list[Event]]:
    """Yield events, in order of their stamps, in groups that follow each other for certain."""
    group: list[Event] = []
    until = -1
    for event in events:
        if group and event.time >= until:
            yield group
            group = []
        group.append(event)
        until = max(until, event.time + max(1, resolution.get(event.at.file, 0)))
    if group:
        yield group


class CoarseObserver(Observer):
    """An observer that takes clusters of events."""

    def __init__(
        self, machine: Machine, boot: bool, fog: Fog | None, resolution: Mapping[str, int], kinds: Collection[str]
    ) -> None:
        """Begin as an observer does; `resolution` (ns) is by file, `kinds` are those of events with coarse stamps."""
        super().__init__(machine, boot, fog)
        self._resolution = resolution
        told = [u for u in machine.spec.updates if any(p.event in kinds for p in u.patterns)]
        set_by = {v for u in told for v, _, _ in u.values(machine.spec.tables)}
        timed = {v for v in set_by if machine.spec.state(v).type.name == "time"}
        self._own_uncertain = [n for v, n in machine.interface_slots.items() if v in timed]
        shared = machine.node_slots | machine.table_slots
        self._node_uncertain = [n for v, n in shared.items() if v in timed]
        self._entry_uncertain = [c for c in machine.columns if c in timed]
        self._tolerance = max(resolution.values(), default=0)
        variables = machine.spec.variables
        self._own_times = [variables[n].type.name == "time" for n in machine.interface_slots]
        self._own_times += [False] * (machine.interface_size - len(self._own_times))
        self._node_times = [machine.spec.state(n).type.name == "time" for n in shared]

    def take_cluster(self, cluster: Sequence[Event]) -> None:
        """Take the next events, whose order among different sources is not known."""
        gaps = [n for n, event in enumerate(cluster) if event.kind in self._gaps]
        first = self._count
        self._count += len(cluster)
        if self._now is not None and cluster[0].time < self._now:
            raise ValueError(f"event {first} at {cluster[0].time} ns is earlier than the one before it")
        for n in gaps:
            self._gap(cluster[n], first + n)
        if any(event.kind in self._waking for event in cluster):
            self._fall_asleep()
        self._overdue(cluster[0].time)
        self._now = cluster[0].time
        known = [
            _Stamped(e, first + n, self._resolution.get(e.at.file, 0), self._machine.encode(e.kind, e.args))
            for n, e in enumerate(cluster)
            if n not in gaps and e.kind in self._machine.steps
        ]
        if not self._tracks:
            self._grid(self._one, known)
        else:
            self._grids(known)
        self._now = cluster[-1].time
        if len(known) > 0:
            for n in gaps:
                self._gap(cluster[n], first + n)

    def _grids(self, events: Sequence[_Stamped]) -> None:
        """Let events happen to the nodes that they are about; those that name none, to all and to those to come."""
        keys = [s.event.args.get(self._tracks) for s in events]
        spread = [s for s, key in zip(events, keys, strict=True) if not isinstance(key, int)]
        spread = [s for s in spread if s.event.kind in self._telling]
        for key in dict.fromkeys(k for k in keys if isinstance(k, int)):
            self._node(key)
        about = {k for k in keys if isinstance(k, int)}
        for key, node in self._nodes.items():
            if key in about or spread:
                self._grid(node, [s for s, k in zip(events, keys, strict=True) if k == key or s in spread])
        if spread:
            self._grid(self._one, spread, judged=not self._nodes)

    # --- one cluster, one node ------------------------------------------------------------------------------------

    def _grid(self, node: NodeState, events: Sequence[_Stamped], judged: bool = True) -> None:
        """Let the events of a cluster happen to a node, in every order that their stamps allow."""
        for stamped in events:
            stamped.judged, stamped.trials = {}, 0
            if stamped.event.interface != NODE:
                self._place(node, stamped.event.interface)
        anew = any(s.event.kind in self._anew and s.event.interface == NODE for s in events)
        events = [each for stamped in events for each in self._on_each(node, stamped)]
        chains: dict[str, list[_Stamped]] = {}
        for stamped in events:
            chains.setdefault(stamped.event.at.file, []).append(stamped)
        if prod(len(c) + 1 for c in chains.values()) > CELLS:
            last = self._lost(node, events)
        else:
            last = self._tried(node, list(chains.values()))
        for stamped in events:
            self._happen_once(node, stamped, judged)
        if anew:
            node.fresh = self._machine.initial_interface()
        # What not all orders agree about is not known.
        if self._machine.tables:
            self._combine((node.state, [], node.entries), last, _same)
        _merge(node.state, last[0])
        for place, state in zip(node.places.values(), last[1], strict=True):
            self._forget(place, state)
        for place in node.places.values():
            if self._limits and self._plan(place, self._now or 0):
                self._late.append(place)

    def _on_each(self, node: NodeState, stamped: _Stamped) -> list[_Stamped]:
        """Return an event as often as it happens: one that begins the node anew does on each of its interfaces."""
        event = stamped.event
        if event.interface != NODE or event.kind not in self._anew or not node.places:
            return [stamped]
        return [
            _Stamped(replace(event, interface=name), stamped.number, stamped.resolution, stamped.keys)
            for name in node.places
        ]

    def _happen_once(self, node: NodeState, stamped: _Stamped, judged: bool) -> None:
        """Let an event happen in the order of the stamps, and note what its judgements in all orders come to."""
        event, number = stamped.event, stamped.number
        place = self._place(node, event.interface)
        before = self._copy(place)
        for rule in sorted(stamped.judged) if judged else ():
            tally, outcome = self._tallies[rule], stamped.outcome(rule)
            if outcome == 1:
                tally.kept += 1
            elif outcome == 0:
                tally.broken += 1
                self._broken(rule, event, number, place, before, stamped.keys)
            else:
                tally.unknown += 1
                if tally.hole is None:
                    moment = self._moment(event.time, place, before, event.kind, stamped.keys)
                    why = "" if set(stamped.judged[rule]) == {UNKNOWN} else self._why()
                    tally.hole = Hole(number, event.interface, moment, node=node.key, why=why)
        self._happen(event, number, node, stamped.keys, judged=False)

    def _why(self) -> str:
        files = " and ".join(PurePath(file).name for file in self._resolution)
        return f"the order of events, or the time between them, is not known: the stamps of {files} are too coarse"

    def _forget(self, place: InterfaceState, state: State) -> None:
        """Forget what orders do not agree about; what is owed since such a time is not known to have been met."""
        if place.state == state:
            return
        anchors = {slot for _, slot, _ in self._limits}
        lost = [n for n in anchors if place.state[n] != state[n] and place.state[n] != UNKNOWN]
        _merge(place.state, state)
        if not lost:
            return
        since = {rule: self._machine.interface_slots[body.anchor] for rule, body in self._machine.obligations}
        for rule in self._machine.pending(place.index, place.state, place.node.state, place.node.states):
            if since[rule] not in lost:
                continue
            tally = self._tallies[rule]
            tally.unknown += 1
            if tally.hole is None:
                moment = self._moment(self._now or 0, place, self._copy(place))
                tally.hole = Hole(self._count - 1, place.name, moment, node=place.node.key, why=self._why())

    def _lost(self, node: NodeState, events: Sequence[_Stamped]) -> _Snapshot:
        """Judge events of which there are too many to try their orders, in a state of which nothing is known."""
        blank: _Snapshot = (self._machine.unknown_node(), [self._machine.unknown_interface() for _ in node.states], [])
        for stamped in events:
            self._step(node, blank, stamped)
        return blank

    def _tried(self, node: NodeState, chains: Sequence[Sequence[_Stamped]]) -> _Snapshot:
        """Try every order of `chains`, each of which keeps its own; return what is known after them."""
        states: dict[tuple[int, ...], _Snapshot] = {(0,) * len(chains): _snapshot(node)}
        for cell in product(*(range(len(c) + 1) for c in chains)):
            state = states.pop(cell, None)
            if state is None:
                continue
            heads = [chain[n] if n < len(chain) else None for chain, n in zip(chains, cell, strict=True)]
            if not any(heads):
                return state
            for which, head in enumerate(heads):
                if head is None or any(o is not None and o is not head and o.precedes(head) for o in heads):
                    continue
                after = self._step(node, state, head)
                following = (*cell[:which], cell[which] + 1, *cell[which + 1 :])
                other = states.get(following)
                states[following] = after if other is None else self._joined(after, other)
        raise AssertionError("some order is always possible")

    def _step(self, node: NodeState, state: _Snapshot, stamped: _Stamped) -> _Snapshot:
        """Return the state after an event, and note how it is judged, at any time that stamps allow."""
        event = stamped.event
        result = self._at(node, state, stamped, event.time)
        if stamped.resolution > 1:
            by = stamped.resolution - 1
            self._agree(result, self._at(node, state, stamped, event.time + by), by)
        if (later := self._later(state)) is not None:
            self._agree(result, self._at(node, later, stamped, event.time), self._tolerance - 1)
        return result

    def _later(self, state: _Snapshot) -> _Snapshot | None:
        """Return a state whose uncertain times are as late as they may be; None if there are none."""
        by = self._tolerance - 1
        shared, states = state[0][:], [s[:] for s in state[1]]
        for slots, values in [(self._node_uncertain, shared), *((self._own_uncertain, s) for s in states)]:
            for slot in slots:
                if values[slot] != UNKNOWN:
                    values[slot] += by
        entries = [row[:] for row in used_rows(state[2])]
        for name in self._entry_uncertain:
            table, column = self._machine.tables[name.partition(".")[0]], self._machine.columns[name]
            for row in entries[1:]:
                if row[0] == table and row[column] != UNKNOWN:
                    row[column] += by
        later = shared, states, entries
        return None if later == (state[0], state[1], used_rows(state[2])) else later

    def _at(self, node: NodeState, state: _Snapshot, stamped: _Stamped, now: int) -> _Snapshot:
        """Return the state after an event that happens now, and note how it is judged."""
        machine, event = self._machine, stamped.event
        shared, states, entries = state[0][:], [s[:] for s in state[1]], [row[:] for row in used_rows(state[2])]
        place = node.places.get(event.interface)
        index = UNKNOWN if place is None else place.index
        own = machine.unknown_interface() if place is None else states[index]
        outcomes = machine.steps[event.kind](
            now, index, own, shared, states, stamped.keys, stamped.number, [0] * len(own), [0] * len(shared), entries
        )
        self._veil(shared, own, entries)
        stamped.trials += 1
        for rule, outcome in dict(outcomes).items():
            stamped.judged.setdefault(rule, []).append(outcome)
        return shared, states, entries

    def _agree(self, result: _Snapshot, other: _Snapshot, by: int) -> None:
        """Forget what would be otherwise had the event happened `by` ns later, but for times that move with it."""
        if self._machine.tables:
            self._combine(result, other, lambda a, b, time: _shifted(a, b, time, by))
        _without(result[0], other[0], self._node_times, by)
        for state, shifted in zip(result[1], other[1], strict=True):
            _without(state, shifted, self._own_times, by)

    def _due(self, place: InterfaceState, state: State, now: int) -> list[Due]:
        """Return what an interface owed; what is counted from an uncertain time, once it is overdue for certain."""
        missed = super()._due(place, state, now - self._tolerance)
        kept = [(slot, state[slot]) for slot in self._own_uncertain]
        for slot, _ in kept:
            state[slot] = UNKNOWN
        missed += super()._due(place, state, now)
        for slot, value in kept:
            state[slot] = value
        return missed

    def _joined(self, one: _Snapshot, other: _Snapshot) -> _Snapshot:
        """Return what is known if one of two states is the case."""
        shared, entries = one[0][:], [row[:] for row in used_rows(one[2])]
        if self._machine.tables:
            self._combine((shared, [], entries), other, _same)
        return (
            [join(a, b) for a, b in zip(shared, other[0], strict=True)],
            [[join(a, b) for a, b in zip(s, t, strict=True)] for s, t in zip(one[1], other[1], strict=True)],
            entries,
        )

    def _combine(self, one: _Snapshot, other: _Snapshot, known: Callable[[int, int, bool], int]) -> None:
        """Leave of a state's entries what is `known` beside another's: of two values, whether they are times or not.

        What is in no row of either is as the default rows have it, which are still those of before. Where there would
        be more entries than a table holds, the oldest are forgotten.
        """
        machine, entries = self._machine, one[2]
        ours = {tuple(row[:AGE]): row for row in used_rows(entries)[1:]}
        theirs = {tuple(row[:AGE]): row for row in used_rows(other[2])[1:]}
        for key, row in theirs.items():
            if key not in ours:
                ours[key] = new = row[:]
                for name, column in machine.columns.items():
                    if machine.tables[name.partition(".")[0]] == key[0]:
                        new[column] = one[0][machine.table_slots[name]]
        for name, column in machine.columns.items():
            table, default = machine.tables[name.partition(".")[0]], other[0][machine.table_slots[name]]
            is_time = machine.spec.column(name).type.name == "time"
            for key, row in ours.items():
                if key[0] == table:
                    row[column] = known(row[column], theirs[key][column] if key in theirs else default, is_time)
        rows = sorted(ours.values(), key=lambda row: row[AGE])
        for table_name, number in machine.tables.items():
            own = [row for row in rows if row[0] == number]
            for row in own[: max(0, len(own) - machine.spec.tables[table_name].limit)]:
                rows.remove(row)
                for name in machine.spec.tables[table_name].columns:
                    slot = machine.table_slots[name]
                    one[0][slot] = join(one[0][slot], row[machine.columns[name]])
        entries[:] = [[len(rows) + 1, *[0] * (machine.entry_width - 1)], *rows] if rows else []


def _same(a: int, b: int, time: bool) -> int:
    """Return what is known of a value that is one or the other."""
    return join(a, b)


def _shifted(a: int, b: int, time: bool, by: int) -> int:
    """Return what is known of a value that is one, or the other if all happened `by` ns later."""
    return a if a == b or (time and UNKNOWN not in (a, b) and b - a == by) else UNKNOWN


def _snapshot(node: NodeState) -> _Snapshot:
    """Return copies of the states of a node."""
    return node.state[:], [s[:] for s in node.states], [row[:] for row in used_rows(node.entries)]


def _merge(state: State, other: State) -> None:
    """Forget of a state what another one does not say, too."""
    for n, value in enumerate(other):
        if state[n] != value:
            state[n] = UNKNOWN


def _without(state: State, other: State, times: Sequence[bool], by: int) -> None:
    """Forget of a state what another one does not say, but for times that are later by just so much."""
    if state == other:  # most interfaces: each event is about one
        return
    for n, value in enumerate(other):
        state[n] = _shifted(state[n], value, times[n], by)
