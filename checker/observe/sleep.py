"""Pauses of a node, as while it sleeps: no obligation runs in them, and a trace need not tell when they were over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mipcheck.checker.observe.facts import Facts
from mipcheck.checker.observe.moments import copied, moment_of
from mipcheck.checker.observe.nodes import NodeState
from mipcheck.checker.observe.observation import Hole
from mipcheck.model.machine.compile import Due, Machine, State
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.specification.spec import Spec
from mipcheck.model.values.event import Event


def why_untold(spec: Spec) -> str:
    """Return in words what stands against a judgement by what was owed in a pause."""
    assert spec.pause is not None
    text = spec.pause.text or f"while {spec.pause.condition}"
    return f"no obligation runs {text}, and the trace does not tell when that was over"


def missed_if_over(
    machine: Machine, states: Sequence[State], shared: State, asleep: int, until: int
) -> Iterator[tuple[int, Due]]:
    """Yield what would have been missed until then (ns) had a pause been over before, by the interface's index; last
    what the node owes, by UNKNOWN."""
    over = shared[:]
    over[asleep] = 0
    for index, own in enumerate(states):
        yield from ((index, due) for due in machine.due(until, index, own[:], over, states))
    if machine.shared_duties:
        due_by_node = machine.due(until, UNKNOWN, machine.unknown_interface(), over, states)
        yield from ((UNKNOWN, due) for due in due_by_node)


class Sleep:
    """The pauses of a node; of several that are told apart none is known to pause. Times are ns."""

    def __init__(self, machine: Machine, facts: Facts) -> None:
        self._machine, self._slots, self._alone = machine, facts.pause, not machine.spec.tracks
        self._met = [met for met, _, _ in facts.limits]
        self._met_by_node = [met for met, _, _ in facts.shared_limits]
        self.counted = (0, 0)
        """How many have been over, and how long they were."""

    def runs(self, node: NodeState) -> bool:
        """Decide whether the node is known to pause."""
        return self._slots is not None and self._alone and node.state[self._slots[0]] == 1

    def begin(self, node: NodeState, now: int | None) -> None:
        """Let a node that wakes, and has not said that it fell asleep, have slept since the last event, `now`."""
        if self._slots is not None and self._alone and now is not None and not self.runs(node):
            asleep, since = self._slots
            node.state[asleep], node.state[since] = 1, now

    def count(self, before: State, after: State, now: int) -> None:
        """Count a pause that has ended now, if one has: states of the node are before and after the event."""
        if self._slots is not None:
            asleep, since = self._slots
            if before[asleep] == 1 and after[asleep] == 0 and before[since] != UNKNOWN:
                self.counted = self.counted[0] + 1, self.counted[1] + now - before[since]

    def ends(self, node: NodeState, event: Event) -> bool:
        """Decide whether an event shows that the pause which runs is over, without telling since when."""
        machine = self._machine
        return self.runs(node) and machine.ends(
            event.kind, event.time, node.state, machine.encode(event.kind, event.args)
        )

    def end(self, node: NodeState, now: int, event: Event, number: int) -> None:
        """Let a pause have lasted until now at the most, as an event shows."""
        before = node.state[:]
        self._machine.rouse(now, node.state, node.writers, node.states, number)
        self.count(before, node.state, event.time)

    def untold(self, node: NodeState, until: int, number: int) -> Iterator[tuple[int, Hole]]:
        """Yield rules of which nobody knows whether they were kept until then: a pause that runs may be over.

        The event of that `number` shows that it is, or none does.
        """
        if self._slots is None or not self.runs(node):
            return
        why, places = why_untold(self._machine.spec), list(node.places.values())
        for index, due in missed_if_over(self._machine, node.states, node.state, self._slots[0], until):
            place = places[index] if index != UNKNOWN or node.whole is None else node.whole
            moment = moment_of(due.deadline, place, copied(place))
            yield due.rule, Hole(number, place.name, moment, node=node.key, why=why)

    def forget(self, node: NodeState) -> None:
        """Leave unknown whether what is owed has been met, where a pause runs of which nobody will know the length."""
        if not self.runs(node):
            return
        for state, slots in (*((state, self._met) for state in node.states), (node.state, self._met_by_node)):
            for slot in slots:
                if state[slot] <= 0:
                    state[slot] = UNKNOWN
