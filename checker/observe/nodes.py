"""What an observer keeps of the mobile nodes that it follows, and of their interfaces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from mipcheck.model.machine.compile import State
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.machine.rows import Entries

NEVER: Final = 2**63
"""A deadline (ns) that does not come."""


@dataclass(slots=True, eq=False)
class InterfaceState:
    """An interface of a node, or, where `index` is unknown, the node as a whole. `queued` is the deadline for which it
    waits to be looked at."""

    name: str
    index: int
    node: NodeState
    state: State
    writers: list[int]
    queued: int = NEVER


@dataclass(slots=True, eq=False)
class NodeState:
    """A mobile node. Interfaces that it is not known to have start in the state `fresh`.

    `states` are those of `places`; `expired` the interfaces that owe something whose time is up, if its condition
    comes true. What it owes itself it owes as the `whole`, which is an interface of which nothing is known.
    """

    key: int | None
    fresh: State
    state: State
    writers: list[int]
    places: dict[str, InterfaceState] = field(default_factory=dict)
    states: list[State] = field(default_factory=list)
    expired: set[InterfaceState] | None = None
    entries: Entries = field(default_factory=list)
    whole: InterfaceState | None = None

    def owing(self, places: Iterable[InterfaceState]) -> list[InterfaceState]:
        """Return interfaces, and last the whole of the node if that owes anything."""
        return [*places] if self.whole is None else [*places, self.whole]


def in_order(places: Iterable[InterfaceState]) -> list[InterfaceState]:
    """Return interfaces by index, and last the whole of a node.

    Iterating the set directly would make the first hole, and which findings fit under LIMIT, differ from run to run.
    """
    return sorted(places, key=lambda place: (place.index == UNKNOWN, place.index))


def keep_writers(state: State, before: State, writers: list[int], writers_before: list[int]) -> None:
    """Restore the writers of variables that a step did not change: who writes what they were brings nothing about."""
    if writers != writers_before:
        for n, writer in enumerate(writers_before):
            if state[n] == before[n]:
                writers[n] = writer


def hide(state: State, slots: Mapping[int, int | None]) -> None:
    """Make slots of a state unknown, each unless it has the one value that nothing unseen changes."""
    for slot, kept in slots.items():
        if state[slot] != kept:
            state[slot] = UNKNOWN
