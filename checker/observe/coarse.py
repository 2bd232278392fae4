"""Observes events whose stamps are coarse: inside the resolution of a clock the order of events is unknown.

An event of a source with resolution r, stamped t, happened in [t, t + r). A source's own order is trusted. Events of
different sources whose times may be either way round form a *cluster*; clusters follow each other in a known order.
Within one, every order is tried that the stamps allow, on a grid: a cell for how many of each source's events that
change state have happened, and in it the join of all states that lead there, where a value is known only if all agree.
Each event is judged in each cell in which it may happen; where judgements differ, nobody knows, and nobody is accused.

Durations are as uncertain as their ends. A condition on time is judged at the earliest and the latest it may be, too,
and deadlines have come only once they have come for certain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Final

from mipcheck.checker.observe.inexact import Doubt, InexactObserver, Snapshot, merge, owed_perhaps, same, snapshot
from mipcheck.checker.observe.moments import copied, moment_of
from mipcheck.checker.observe.nodes import InterfaceState, NodeState
from mipcheck.checker.observe.observation import Hole, Observation
from mipcheck.checker.trace.source import Evidence, Fog
from mipcheck.model.machine.kleene import UNKNOWN, join
from mipcheck.model.machine.rows import held
from mipcheck.model.values.event import NODE, Event

if TYPE_CHECKING:
    from mipcheck.model.machine.compile import Due, Machine, State

CELLS: Final = 16_384
"""Cells of a grid in which something is tried; a cluster with more is treated as evidence that is missing."""


@dataclass(slots=True)
class _Stamped:
    """An event with its number, its source, the resolution (ns) of its stamp, and by rule how it was judged."""

    event: Event
    number: int
    resolution: int
    keys: list[int]
    judged: dict[int, list[int]] = field(default_factory=dict)
    trials: int = 0

    def note(self, outcomes: Iterable[tuple[int, int]]) -> None:
        """Note how it is judged in one more state, by rule."""
        self.trials += 1
        for rule, outcome in outcomes:
            self.judged.setdefault(rule, []).append(outcome)

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


@dataclass(frozen=True, slots=True)
class _Grid:
    """The events of a cluster by source: those that may change state, and those that are `still`.

    Each of the latter stands with how many of its source's former ones have happened before it.
    """

    moving: Sequence[Sequence[_Stamped]]
    still: Sequence[Sequence[tuple[int, _Stamped]]]

    @staticmethod
    def of(chains: Sequence[Sequence[_Stamped]], moves: Callable[[_Stamped], bool]) -> _Grid:
        """Return the grid of events in chains, of which some `moves`."""
        moving, still = [list[_Stamped]() for _ in chains], [list[tuple[int, _Stamped]]() for _ in chains]
        for which, chain in enumerate(chains):
            for stamped in chain:
                if moves(stamped):
                    moving[which].append(stamped)
                else:
                    still[which].append((len(moving[which]), stamped))
        return _Grid(moving, still)

    @property
    def size(self) -> int:
        """Return in how many cells something may be tried."""
        lengths = [len(m) + 1 for m in self.moving]
        whole = prod(lengths)
        return whole + sum(len(s) * (whole // n) for s, n in zip(self.still, lengths, strict=True))

    def cells(self) -> Iterator[tuple[int, ...]]:
        """Yield the cells, each after all that lead to it: how many events of each chain have happened."""
        return product(*(range(len(m) + 1) for m in self.moving))

    def heads(self, cell: tuple[int, ...]) -> list[_Stamped | None]:
        """Return what comes next in each chain."""
        return [chain[n] if n < len(chain) else None for chain, n in zip(self.moving, cell, strict=True)]

    def around(self, which: int, passed: int, stamped: _Stamped) -> Iterator[tuple[int, ...]]:
        """Yield the cells in which a still event of a chain may happen, by its stamp and those of the other chains."""
        ranges = []
        for other, chain in enumerate(self.moving):
            if other == which:
                ranges.append(range(passed, passed + 1))
                continue
            first = sum(each.precedes(stamped) for each in chain)
            ranges.append(range(first, len(chain) + 1 - sum(stamped.precedes(each) for each in chain)))
        return product(*ranges)


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


class CoarseObserver(InexactObserver):
    """An observer that takes clusters of events. The last of them is over at `_until` (ns)."""

    _until = 0

    def take_cluster(self, cluster: Sequence[Event]) -> None:
        """Take the next events, whose order among different sources is not known."""
        gaps = [n for n, event in enumerate(cluster) if event.kind in self._gaps]
        first = self._count
        self._count += len(cluster)
        self._until = max(e.time + max(1, self._resolution.get(e.at.file, 0)) for e in cluster) - 1
        if self._now is not None and cluster[0].time < self._now:
            raise ValueError(f"event {first} at {cluster[0].time} ns is earlier than the one before it")
        for n in gaps:
            self._gap(cluster[n], first + n)
        if any(event.kind in self._waking for event in cluster):
            self._sleep.begin(self._one, self._now)
        else:
            for n, event in enumerate(cluster):
                if event.kind in self._ending:
                    self._wake(event, first + n, self._until)
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
        self._by = self._until - self._now
        if len(known) > 0:
            for n in gaps:
                self._gap(cluster[n], first + n)

    def observation(self) -> Observation:
        """Return what has been seen so far. Of what may be overdue at the last event nobody knows whether it is."""
        told, self._tallies = self._tallies, [replace(tally) for tally in self._tallies]
        for node in self._nodes.values() if self._tracks else [self._one]:
            for doubt in self._doubts(node, self._until):
                self._unjudged(doubt.rule, doubt.hole)
        found, self._tallies = super().observation(), told
        return found

    def _grids(self, events: Sequence[_Stamped]) -> None:
        """Let events happen to the nodes that they are about; those that name none, to all and to those to come."""
        keys = [self._machine.node_of(s.event.args) for s in events]
        spread = [s for s, key in zip(events, keys, strict=True) if key is None]
        spread = [s for s in spread if s.event.kind in self._telling]
        for key in dict.fromkeys(k for k in keys if k is not None):
            self._node(key)
        about = {k for k in keys if k is not None}
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
            self._tell_of_none(stamped.event)
            if stamped.event.interface != NODE:
                self._place(node, stamped.event.interface)
        anew = any(s.event.kind in self._anew and s.event.interface == NODE for s in events)
        events = [each for stamped in events for each in self._on_each(node, stamped)]
        until = max((s.event.time + max(1, s.resolution) for s in events), default=0) - 1
        doubts = self._doubts(node, until)
        chains: dict[str, list[_Stamped]] = {}
        for stamped in events:
            chains.setdefault(stamped.event.at.file, []).append(stamped)
        grid = _Grid.of(list(chains.values()), partial(self._moves, node))
        last = self._untried(node, events) if grid.size > CELLS else self._tried(node, grid)
        for stamped in events:
            self._happen_once(node, stamped, judged)
        if anew:
            node.fresh = self._machine.initial_interface()
        # What not all orders agree about is not known.
        before = snapshot(node)
        if self._machine.tables:
            self._combine((node.state, [], node.entries), last, same)
        self._forget_shared(node, last[0])
        for place, state in zip(node.places.values(), last[1], strict=True):
            self._forget(place, state)
        self._still_owed((node.state, node.states, []), before, last)
        self._in_time(doubts, until + self._tolerance - 1)
        for place in self._places(node):
            self._deadlines.plan(place, self._now or 0)

    def _doubts(self, node: NodeState, until: int) -> list[Doubt]:
        """Return what is owed at interfaces of a node and may be overdue `until` (ns) the end of a cluster."""
        if not self._machine.obligations or (node.key is None and self._tracks):
            return []
        found = [d for place in self._places(node) for d in self._owed(place, until + self._tolerance - 1)]
        uncertain = {rule for rule, slot in self._since.items() if slot in self._times.own_uncertain}
        uncertain |= {rule for rule, slot in self._since_at_node.items() if slot in self._times.node_uncertain}
        return [d for d in found if d.deadline < until or d.rule in uncertain]

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
        place, moves = self._place(node, event.interface), self._moves(node, stamped)
        unsure = judged and any(stamped.outcome(rule) != 1 for rule in stamped.judged)
        before = copied(place) if moves or unsure else None
        for rule in sorted(stamped.judged) if judged else ():
            tally, outcome = self._tallies[rule], stamped.outcome(rule)
            if outcome == 1:
                tally.kept += 1
            elif outcome == 0:
                tally.broken += 1
                self._broken(rule, event, number, place, before, stamped.keys)
            else:
                tally.unknown += 1
                if tally.hole is None and before is not None:
                    moment = moment_of(event.time, place, before, event.kind, stamped.keys)
                    why = "" if set(stamped.judged[rule]) == {UNKNOWN} else self._too_coarse()
                    tally.hole = Hole(number, event.interface, moment, node=node.key, why=why)
        if moves:
            self._happen(event, number, node, stamped.keys, judged=False)

    def _moves(self, node: NodeState, stamped: _Stamped) -> bool:
        """Tell whether an event may change state. Entries of tables may be over by the time alone."""
        event = stamped.event
        return self._changes(event.kind, self._place(node, event.interface).state) or bool(self._machine.tables)

    def _forget(self, place: InterfaceState, state: State) -> None:
        """Forget what orders do not agree about; what is owed since such a time is not known to have been met."""
        if place.state == state:
            return
        lost = {n for n in self._since.values() if place.state[n] != state[n] and place.state[n] != UNKNOWN}
        merge(place.state, state)
        if lost:
            self._lost(place, lost, self._now or 0, self._count - 1)

    def _forget_shared(self, node: NodeState, state: State) -> None:
        """Do the same for what the interfaces of a node share."""
        before = node.state[:]
        merge(node.state, state)
        lost = {n for n in self._since_at_node.values() if node.state[n] == UNKNOWN != before[n]}
        if lost and node.whole is not None:
            self._lost(node.whole, lost, self._now or 0, self._count - 1)

    def _untried(self, node: NodeState, events: Sequence[_Stamped]) -> Snapshot:
        """Judge events of which there are too many to try their orders, in a state of which nothing is known."""
        blank: Snapshot = (self._machine.unknown_node(), [self._machine.unknown_interface() for _ in node.states], [])
        for stamped in events:
            self._step_to(node, blank, stamped)
        return blank

    def _tried(self, node: NodeState, grid: _Grid) -> Snapshot:
        """Try every order of a grid's chains, each of which keeps its own; return what is known after them."""
        states: dict[tuple[int, ...], Snapshot] = {(0,) * len(grid.moving): snapshot(node)}
        for cell in grid.cells():
            if cell not in states:
                continue
            heads = grid.heads(cell)
            for which, head in enumerate(heads):
                if head is None or any(o is not None and o is not head and o.precedes(head) for o in heads):
                    continue
                after = self._step_to(node, states[cell], head)
                following = (*cell[:which], cell[which] + 1, *cell[which + 1 :])
                other = states.get(following)
                states[following] = after if other is None else self._joined(after, other)
        later = {cell: self._later(state) for cell, state in states.items()} if any(grid.still) else {}
        for which, still in enumerate(grid.still):
            for passed, stamped in still:
                for cell in grid.around(which, passed, stamped):
                    if cell in states:
                        self._judge(node, states[cell], later[cell], stamped)
        return states[tuple(len(m) for m in grid.moving)]

    def _judge(self, node: NodeState, state: Snapshot, later: Snapshot | None, stamped: _Stamped) -> None:
        """Note how an event that changes nothing is judged in a state, at any time that stamps allow."""
        now = stamped.event.time
        self._judge_at(node, state, stamped, now)
        if stamped.resolution > 1:
            self._judge_at(node, state, stamped, now + stamped.resolution - 1)
        if later is not None:
            self._judge_at(node, later, stamped, now)

    def _judge_at(self, node: NodeState, state: Snapshot, stamped: _Stamped, now: int) -> None:
        """Note how an event that changes nothing is judged, if it happens now."""
        machine, place = self._machine, node.places.get(stamped.event.interface)
        index = UNKNOWN if place is None else place.index
        own = machine.unknown_interface() if place is None else state[1][index]
        step, writers = machine.steps[stamped.event.kind], [0] * max(len(own), len(state[0]))
        stamped.note(
            step(now, index, own, state[0], state[1], stamped.keys, stamped.number, writers, writers, state[2])
        )

    def _step_to(self, node: NodeState, state: Snapshot, stamped: _Stamped) -> Snapshot:
        """Return the state after an event, and note how it is judged, at any time that stamps allow."""
        event = stamped.event
        result = self._at(node, state, stamped, event.time)
        if stamped.resolution > 1:
            by = stamped.resolution - 1
            self._agree(result, self._at(node, state, stamped, event.time + by), by)
        if (later := self._later(state)) is not None:
            self._agree(result, self._at(node, later, stamped, event.time), self._tolerance - 1)
        return result

    def _agree(self, result: Snapshot, other: Snapshot, by: int) -> None:
        before: Snapshot = result[0][:], [state[:] for state in result[1]], []
        super()._agree(result, other, by)
        self._still_owed(result, before, other)

    def _still_owed(self, joined: Snapshot, one: Snapshot, other: Snapshot) -> None:
        """Let what is owed in either of two states be owed perhaps in what is known of both, if since when is not."""
        slots = self._machine.done_slot
        for rule, anchor in self._since_at_node.items():
            owed_perhaps(joined[0], slots[rule], anchor, (one[0], other[0]))
        for state, *states in zip(joined[1], one[1], other[1], strict=True):
            if not all(state == each for each in states):  # else it says so already
                for rule, anchor in self._since.items():
                    owed_perhaps(state, slots[rule], anchor, states)

    def _at(self, node: NodeState, state: Snapshot, stamped: _Stamped, now: int) -> Snapshot:
        """Return the state after an event that happens now, and note how it is judged."""
        after, outcomes = self._try(node, state, stamped.event, stamped.number, stamped.keys, now)
        stamped.note(outcomes.items())
        return after

    def _due(self, place: InterfaceState, now: int, noted: bool = True) -> list[Due]:
        """Return what an interface owed; what is counted from an uncertain time, once it is overdue for certain."""
        missed = super()._due(place, now - self._tolerance, noted)
        node, times = place.node, self._times
        own = (place.state, times.own_uncertain)
        state, slots = own if place is not node.whole else (node.state, times.node_uncertain)
        kept = [(slot, state[slot]) for slot in slots]
        for slot, _ in kept:
            state[slot] = UNKNOWN
        missed += [due for due in super()._due(place, now, noted) if due not in missed]
        for slot, value in kept:
            state[slot] = value
        return missed

    def _joined(self, one: Snapshot, other: Snapshot) -> Snapshot:
        """Return what is known if one of two states is the case."""
        shared, entries = one[0][:], held(one[2])
        if self._machine.tables:
            self._combine((shared, [], entries), other, same)
        joined = (
            [join(a, b) for a, b in zip(shared, other[0], strict=True)],
            [[join(a, b) for a, b in zip(s, t, strict=True)] for s, t in zip(one[1], other[1], strict=True)],
            entries,
        )
        self._still_owed(joined, one, other)
        return joined
