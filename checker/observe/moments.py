"""What a judgement depended on, copied out of the state of a node before that goes on."""

from __future__ import annotations

from collections.abc import Sequence

from mipcheck.checker.observe.blame import Moment
from mipcheck.checker.observe.nodes import InterfaceState
from mipcheck.checker.trace.columns import Array
from mipcheck.model.machine.compile import Entries, State
from mipcheck.model.machine.entries import FIRST, used_rows

Copied = tuple[int, State, list[int], State, list[int], Entries]
"""An interface (by index), its state and writers, the node's state, writers and entries of tables."""


def copied(place: InterfaceState) -> Copied:
    """Return copies of what a step on an interface may change."""
    node = place.node
    return (place.index, place.state[:], place.writers[:], node.state[:], node.writers[:],
            [row[:] for row in rows_held(node.entries)])  # fmt: skip


def rows_held(entries: Entries) -> Entries:
    """Return the rows of tables in use, row 0 included; none if there is no other, whether there ever was or not."""
    used = used_rows(entries)
    return list(used) if len(used) > 1 else []


def rows_told(entries: Array, columns_of: Array, writers_begin: int) -> Entries:
    """Return the rows of an array as `rows_held`. Zero is what a row has more than its table, as in Python.

    Of each table there is in `columns_of` how many columns it has; who wrote them stands from `writers_begin` on.
    """
    rows: Entries = entries[: entries[0, 0]].tolist() if len(entries) else []
    for row in rows[1:]:
        columns = columns_of[row[0]]
        row[FIRST + columns : writers_begin] = [0] * (writers_begin - FIRST - columns)
        row[writers_begin + columns :] = [0] * (len(row) - writers_begin - columns)
    return rows_held(rows)


def moment_of(now: int, place: InterfaceState, before: Copied, kind: str = "", keys: Sequence[int] = ()) -> Moment:
    """Return a copy of all that a judgement at `now` (ns) depended on, which was made in the state `before`."""
    this, own, writers, shared, shared_writers, entries = before
    node = place.node
    states = tuple(own if n == this else s[:] for n, s in enumerate(node.states))
    all_writers = tuple(writers if i.index == this else i.writers[:] for i in node.places.values())
    return Moment(now, this, own, shared, states, writers, shared_writers, all_writers, kind, tuple(keys),
                  tuple(node.places), entries)  # fmt: skip
