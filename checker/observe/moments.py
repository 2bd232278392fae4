"""What a judgement depended on, copied out of the state of a node before that goes on."""

from __future__ import annotations

from collections.abc import Sequence

from mipcheck.checker.observe.blame import Moment
from mipcheck.checker.observe.nodes import InterfaceState
from mipcheck.model.machine.compile import State
from mipcheck.model.machine.rows import Entries, held

Copied = tuple[int, State, list[int], State, list[int], Entries]
"""An interface (by index), its state and writers, the node's state, writers and entries of tables."""


def copied(place: InterfaceState) -> Copied:
    """Return copies of what a step on an interface may change."""
    node = place.node
    return place.index, place.state[:], place.writers[:], node.state[:], node.writers[:], held(node.entries)


def moment_of(now: int, place: InterfaceState, before: Copied, kind: str = "", keys: Sequence[int] = ()) -> Moment:
    """Return a copy of all that a judgement at `now` (ns) depended on, which was made in the state `before`."""
    this, own, writers, shared, shared_writers, entries = before
    node = place.node
    states = tuple(own if n == this else s[:] for n, s in enumerate(node.states))
    all_writers = tuple(writers if i.index == this else i.writers[:] for i in node.places.values())
    return Moment(now, this, own, shared, states, writers, shared_writers, all_writers, kind, tuple(keys),
                  tuple(node.places), entries)  # fmt: skip
