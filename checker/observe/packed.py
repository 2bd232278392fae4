"""Entries of tables of all nodes, packed: those of a node side by side, each as wide as its table; a part of the loop.

Of many nodes the state is seldom in the processor's cache, so that what an event costs is how much of it has to be
read. Generated code works on rows as wide as those of the widest table, in `entries`. That has the rows of one node at
a time: they are taken out of `packed` before an event, and put back after one that may have changed them. There the
first integer of a node's says how many rows follow, and one more, as in row 0 of `entries`; of each row there is what
comes before the columns, the columns of its table, and who wrote them.

Pieces of `packed` are of a few sizes. One that a node needs no more is the next one's that needs as much.
"""

from __future__ import annotations

from typing import Final

from mipcheck.checker.observe.state import ObserverState
from mipcheck.model.machine.entries import FIRST

_LEAST: Final = 16
"""Integers of the smallest piece. Of the others each is half as large again as the one before, or a third."""


def room_of(size: int) -> int:
    """Return how many integers a piece has, by the number of its size."""
    return (_LEAST + _LEAST // 2 * (size & 1)) << (size >> 1)


def room_held(s: ObserverState, node: int) -> int:
    """Return how many integers a node's piece has, 0 if it has none."""
    size = s.nodes[node].packed_size
    return room_of(size) if size >= 0 else 0


def _take_piece(s: ObserverState, node: int, size: int) -> None:
    """Let a node have a piece of a size."""
    at = s.pieces[size]
    if at >= 0:
        s.pieces[size] = s.packed[at]
    else:
        at = s.packed_count
        s.packed_count += room_of(size)
    s.nodes[node].packed = at
    s.nodes[node].packed_size = size


def drop_entries(s: ObserverState, node: int) -> None:
    """Let a node have no entries, nor a piece for them."""
    owner = s.nodes[node]
    if owner.packed_size >= 0:
        s.packed[owner.packed] = s.pieces[owner.packed_size]
        s.pieces[owner.packed_size] = owner.packed
        owner.packed_size = -1


def drop_all(s: ObserverState) -> None:
    """Take all pieces back, of nodes that are forgotten."""
    s.packed_count = 0
    for size in range(len(s.pieces)):
        s.pieces[size] = -1


def unpack(s: ObserverState, node: int) -> None:
    """Have the rows of a node in `entries`. What stands there beside the columns of a row's table means nothing."""
    if s.entry_width == 0:
        return
    owner = s.nodes[node]
    s.entries[0, 0] = 0
    if owner.packed_size < 0:
        return
    at = owner.packed
    used = s.packed[at]
    s.entries[0, 0] = used
    at += 1
    for n in range(1, used):
        columns = s.columns_of[s.packed[at]]
        row = s.entries[n]
        for k in range(FIRST + columns):
            row[k] = s.packed[at + k]
        at += FIRST + columns
        begin = s.writers_begin
        for k in range(columns):
            row[begin + k] = s.packed[at + k]
        at += columns


def pack(s: ObserverState, node: int) -> None:
    """Keep the rows in `entries` as those of a node, where they were or, if there are more, in a larger piece.

    Where none is in use any more, it has none: neither room for them, nor anything that would have to be read.
    """
    used = s.entries[0, 0]
    if used <= 1:
        drop_entries(s, node)
        return
    room = 1
    for n in range(1, used):
        room += FIRST + 2 * s.columns_of[s.entries[n, 0]]
    if room > room_held(s, node):
        size = 0
        while room_of(size) < room:
            size += 1
        drop_entries(s, node)
        _take_piece(s, node, size)
    owner = s.nodes[node]
    at = owner.packed
    s.packed[at] = used
    at += 1
    for n in range(1, used):
        row = s.entries[n]
        columns = s.columns_of[row[0]]
        for k in range(FIRST + columns):
            s.packed[at + k] = row[k]
        at += FIRST + columns
        begin = s.writers_begin
        for k in range(columns):
            s.packed[at + k] = row[begin + k]
        at += columns


def keep_entries(s: ObserverState) -> None:
    """Keep the rows that stand in `entries` before an event."""
    used = s.entries[0, 0]
    s.entries_before[0, 0] = used
    for n in range(1, used):
        columns = s.columns_of[s.entries[n, 0]]
        row = s.entries[n]
        before = s.entries_before[n]
        for k in range(FIRST + columns):
            before[k] = row[k]
        begin = s.writers_begin
        for k in range(begin, begin + columns):
            before[k] = row[k]


def like_the_device(s: ObserverState, node: int) -> None:
    """Let a new node begin with the entries that the device has by now."""
    size = s.nodes[0].packed_size
    if size >= 0:
        _take_piece(s, node, size)
        to, begin = s.nodes[node].packed, s.nodes[0].packed
        for k in range(room_of(size)):
            s.packed[to + k] = s.packed[begin + k]
