"""Room in the record of the native observer: the loop stops where there might be too little, and here more is made."""

from __future__ import annotations

from typing import Final

from mipcheck.checker.observe import loop, tables
from mipcheck.checker.observe.limits import TooMuch
from mipcheck.checker.observe.state import ObserverState

_MOST_CELLS: Final = 2**28
"""Integers of state, all interfaces of all nodes together: 2 GB. A device with more is none."""


def grow(s: ObserverState) -> None:
    """Double whatever might not suffice for the next event."""
    if s.rows_room - s.rows_count < 2 * loop.SPARE:
        s.grow(rows_room=2 * s.rows_room)
    if s.nodes_room - s.nodes_count < 4:
        s.grow(nodes_room=s.nodes_room + s.nodes_room // 4)
    if (least := s.packed_count + 4 * s.most_packed) > s.packed_room:
        s.grow(packed_room=max(least, s.packed_room + s.packed_room // 4))
    if s.rows_room * (s.slots + s.variables) + s.packed_room > _MOST_CELLS:
        raise TooMuch("more interfaces and nodes than any device serves")
    if s.node_of_room < 4 * s.nodes_count + 8:
        s.grow(node_of_room=2 * s.node_of_room)
        s.node_of.cells[:] = 0
        s.scattered = 1
    make_room(s, "deadlines_room", s.deadlines_count + 2 * s.rows_count + 2 * loop.SPARE)
    make_room(s, "late_room", s.late_count + 4 * s.rows_count + 2 * loop.SPARE)
    if s.modes_room < 4 * s.modes_count + 8:
        _rehash_modes(s)


def _rehash_modes(s: ObserverState) -> None:
    old = s.modes.cells[s.modes.column("filled") != 0]
    s.grow(modes_room=2 * s.modes_room)
    s.modes.cells[:] = 0
    for token, modes, *others in old.tolist():
        at = tables.mixed(token, modes) & (s.modes_room - 1)
        while s.modes[at].filled:
            at = (at + 1) & (s.modes_room - 1)
        s.modes[at] = (token, modes, *others)


def make_room(s: ObserverState, size: str, least: int) -> None:
    """Double a size of the record, and the arrays that have it, until it is `least` or more."""
    room = before = getattr(s, size)
    while room < least:
        room *= 2
    if room > before:
        s.grow(**{size: room})
