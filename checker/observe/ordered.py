"""Observes the events of one source with coarse stamps: their order is known, the time between them is not.

What it finds does not depend on how events are grouped by their stamps, so that the loop in native code can do the
same, event by event (`loop.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mipcheck.checker.observe.deadlines import Deadlines
from mipcheck.checker.observe.facts import facts_of
from mipcheck.checker.observe.inexact import Doubt, InexactObserver, Snapshot, snapshot
from mipcheck.checker.observe.nodes import InterfaceState, NodeState
from mipcheck.checker.observe.observation import Observation
from mipcheck.checker.trace.source import Evidence, Fog
from mipcheck.model.machine.kleene import UNKNOWN

if TYPE_CHECKING:
    from mipcheck.model.machine.compile import Due, Judged, Machine
    from mipcheck.model.values.event import Event


def observe_in_order(
    machine: Machine, events: Iterable[Event], boot: bool, fog: Fog | None, evidence: Evidence
) -> Observation:
    """Run a machine over the events of one source, of which `evidence` tells how coarse its stamps are."""
    observer = OrderedObserver(machine, boot, fog, evidence)
    for event in events:
        observer.take(event)
    return observer.observation()


class OrderedObserver(InexactObserver):
    """An observer of events in a known order, each of which may have happened later than its stamp says."""

    def __init__(self, machine: Machine, boot: bool, fog: Fog | None, evidence: Evidence) -> None:
        """Begin as an observer does."""
        super().__init__(machine, boot, fog, evidence.resolution, evidence.coarse, several=False)
        self._by = self._tolerance - 1
        self._deadlines = Deadlines(facts_of(machine), self._by)
        # Of the newest event: rules that judge it otherwise at another time, what may have been owed for too long
        # before it, and times of which it leaves nothing known.
        self._split: set[int] = set()
        self._open: list[Doubt] = []
        self._gone: set[int] = set()
        self._gone_at_node: set[int] = set()
        self._blurred = False  # whether anything was not known because of a coarse stamp

    def observation(self) -> Observation:
        """Return what has been seen so far. Of what may be overdue at the last event nobody knows whether it is."""
        if self._now is None:
            return super().observation()
        until, soon = self._now + self._by, self._now + 2 * self._by
        told, self._tallies = self._tallies, [replace(tally) for tally in self._tallies]
        for node in self._nodes.values() if self._tracks else [self._one]:
            for doubt in self._doubts(node, until, soon):
                self._unjudged(doubt.rule, doubt.hole)
        found, self._tallies = super().observation(), told
        return found

    def _doubts(self, node: NodeState, until: int, soon: int) -> list[Doubt]:
        """Return what is owed at interfaces of a node and would be overdue if it were `until` (ns) now.

        Those are looked at which have to be looked at again before `soon`.
        """
        if self._deadlines.soonest >= soon or (node.key is None and self._tracks):
            return []
        return [doubt for p in self._places(node) if p.queued < soon for doubt in self._owed(p, until)]

    def _due(self, place: InterfaceState, now: int, noted: bool = True) -> list[Due]:
        """Return what an interface owed, once it is overdue for certain."""
        return super()._due(place, now - self._by, noted)

    def _carry_out(self, event: Event, number: int, place: InterfaceState, keys: list[int]) -> Sequence[Judged]:
        """Let an event change state, as far as that does not depend on when it happened; return what rules say."""
        node, until, soon = place.node, event.time + self._by, event.time + 2 * self._by
        changing = self._changes(event.kind, place.state)
        self._open = self._doubts(node, until, soon) if changing else []
        before = snapshot(node)
        trials = [self._try(node, before, event, number, keys, until)]
        if (later := self._later(before)) is not None:
            trials.append(self._try(node, later, event, number, keys, event.time))
        outcomes = dict(super()._carry_out(event, number, place, keys))
        if changing:
            self._forget(place, number, [after for after, _ in trials])
        return self._agreed([outcomes, *(judged for _, judged in trials)])

    def _forget(self, place: InterfaceState, number: int, trials: Sequence[Snapshot]) -> None:
        """Forget what would be otherwise in any of the trials, and note which anchors are gone by that.

        An anchor that depends on other times may be gone because something else is.
        """
        node, state = place.node, place.state
        told = {n for n in self._since.values() if state[n] != UNKNOWN}
        told_at_node = {n for n in self._since_at_node.values() if node.state[n] != UNKNOWN}
        if self._blurred:
            told |= {n for n in self._times.fragile if place.writers[n] == number}
        known = _known(node)
        for after in trials:
            self._agree((node.state, node.states, node.entries), after, self._by)
        self._blurred = self._blurred or _known(node) < known
        self._gone = {n for n in told if state[n] == UNKNOWN != place.index}
        self._gone_at_node = {n for n in told_at_node if node.state[n] == UNKNOWN}

    def _settle(self, event: Event, number: int, place: InterfaceState) -> None:
        """Note what may have been owed for too long before the event, and what is owed since nobody knows when."""
        if self._open:
            self._in_time(self._open, event.time + self._by)
        if self._gone:
            self._lost(place, self._gone, event.time, number)
        if self._gone_at_node and place.node.whole is not None:
            self._lost(place.node.whole, self._gone_at_node, event.time, number)

    def _agreed(self, judged: Sequence[dict[int, int]]) -> list[Judged]:
        """Return what all judgements by each rule come to; one that does not speak of the event is that it is kept."""
        self._split.clear()
        result = []
        for rule in sorted({rule for outcomes in judged for rule in outcomes}):
            found = {outcomes.get(rule, 1) for outcomes in judged}
            result.append((rule, found.pop() if len(found) == 1 else UNKNOWN))
            if found:
                self._split.add(rule)
        return result

    def _why(self, rule: int) -> str:
        return self._too_coarse() if rule in self._split else ""


def _known(node: NodeState) -> int:
    """Return of how many variables of a node and its interfaces something is known."""
    return sum(value != UNKNOWN for state in (node.state, *node.states) for value in state)
