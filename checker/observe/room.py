"""Room in the record of the native observer: the loop stops where there might be too little, and here more is made."""

from __future__ import annotations

from typing import Final

import numpy as np
from mipcheck.checker.observe import loop, tables
from mipcheck.checker.observe.limits import TooMuch
from mipcheck.checker.observe.state import ObserverState

_MOVED: Final = 4096
"""Rows that are moved at a time."""

_MOST_CELLS: Final = 2**28
"""Integers of state, all interfaces of all nodes together: 2 GB. A device with more is none."""


def grow(s: ObserverState) -> None:
    """Double whatever might not suffice for the next event."""
    if s.rows_room - s.rows_count < 2 * loop.SPARE:
        s.grow(rows_room=2 * s.rows_room)
    if s.nodes_room - s.nodes_count < 4:
        s.grow(nodes_room=2 * s.nodes_room)
    if s.entries_room < s.entries_count + 4 * s.entries_spare:
        _gather_entries(s)
        least = s.entries_count + 4 * s.entries_spare + s.nodes_count // 8  # all nodes are looked at each time
        if s.entries_room < least:  # by little, since what nodes have left behind is gathered each time
            s.grow(entries_room=max(least, s.entries_room + s.entries_room // 4))
    if s.rows_room * (s.slots + s.variables) + s.entries_room * s.entry_width > _MOST_CELLS:
        raise TooMuch("more interfaces and nodes than any device serves")
    if s.node_of_room < 4 * s.nodes_count + 8:
        s.grow(node_of_room=2 * s.node_of_room)
        s.node_of.cells[:] = 0
        s.scattered = 1
    make_room(s, "deadlines_room", s.deadlines_count + 2 * s.rows_count + 2 * loop.SPARE)
    make_room(s, "late_room", s.late_count + 4 * s.rows_count + 2 * loop.SPARE)
    if s.modes_room < 4 * s.modes_count + 8:
        _rehash_modes(s)


def _gather_entries(s: ObserverState) -> None:
    """Move the rows of all nodes together, if what nodes have left behind is a quarter of them or more."""
    begins = s.nodes.column("entries")[: s.nodes_count]
    capacities = s.nodes.column("entries_capacity")[: s.nodes_count]
    if 4 * int(capacities.sum()) > 3 * s.entries_count:
        return
    order = np.flatnonzero(capacities)
    order = order[np.argsort(begins[order], kind="stable")]
    sizes = capacities[order]
    ends = np.cumsum(sizes)
    count = int(ends[-1]) if len(ends) else 0
    moved_by = np.repeat(begins[order] - (ends - sizes), sizes)
    for first in range(0, count, _MOVED):  # in the order of rows, so that none is overwritten unread
        to = np.arange(first, min(first + _MOVED, count))
        s.entries[to] = s.entries[to + moved_by[to]]
    begins[order] = ends - sizes
    s.entries_count = count


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
