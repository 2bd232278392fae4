"""Entries of tables of all nodes: those of a node side by side, in a piece of one array; a part of the loop.

Of many nodes the state is seldom in the processor's cache, so that what an event costs is how much of it has to be
read. A node that has entries has a piece of `packed`, in which its rows stand as `model/machine/entries.py` has them.
There they are read. An event that may change them changes a copy, at the front of `packed`, and until it has been
judged the piece is what there was before it.

Pieces are of a few sizes. One that a node needs no more is the next one's that needs as much.
"""

from __future__ import annotations

from typing import Final

from mipcheck.checker.observe.state import ObserverState

_LEAST: Final = 16
"""Integers of the smallest piece. Of the others each is an eighth larger than the one before,
or less."""


def room_of(size: int) -> int:
    """Return how many integers a piece has, by the number of its size."""
    return (_LEAST + _LEAST // 8 * (size & 7)) << (size >> 3)


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
    s.packed_count = s.most_entries
    for size in range(len(s.pieces)):
        s.pieces[size] = -1


def bring_entries(s: ObserverState, node: int, changing: int) -> None:
    """Have the rows of a node from `entries_begin` to `entries_end`: a copy of them, if they are to change."""
    begin = s.nodes[node].packed
    end = begin
    if s.nodes[node].packed_size >= 0:
        end += s.packed[begin + s.tables_count]
    if changing == 0:
        s.entries_begin = begin
        s.entries_end = end
        return
    s.entries_begin = 0
    s.entries_end = s.most_entries
    if end == begin:
        for table in range(s.tables_count + 1):
            s.packed[table] = s.tables_count + 1
    s.packed[: end - begin] = s.packed[begin:end]


def keep_entries(s: ObserverState, node: int) -> None:
    """Keep the rows that have changed as those of a node, where they were or, if there are more, in a larger piece.

    Where none is in use any more, it has none: neither room for them, nor anything that would have to be read.
    """
    used = s.packed[s.tables_count]
    if used == s.tables_count + 1:
        drop_entries(s, node)
        return
    if used > room_held(s, node):
        size = 0
        while room_of(size) < used:
            size += 1
        drop_entries(s, node)
        _take_piece(s, node, size)
    begin = s.nodes[node].packed
    s.packed[begin : begin + used] = s.packed[:used]


def like_the_device(s: ObserverState, node: int) -> None:
    """Let a new node begin with the entries that the device has by now."""
    size = s.nodes[0].packed_size
    if size >= 0:
        _take_piece(s, node, size)
        to, begin = s.nodes[node].packed, s.nodes[0].packed
        for k in range(room_of(size)):
            s.packed[to + k] = s.packed[begin + k]
