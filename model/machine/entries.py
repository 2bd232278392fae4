"""Entries of tables, for the compiled semantics: what a node keeps by key, three-valued.

The entries of a node are rows, in no order, of all its tables together. Row 0 has the number of rows in use, itself
included. Any other has the number of its table, three parts of a key (0 where the table has fewer), the number of the
event that last set it, then a column for each of the table's, then as many for who wrote them (from `offset` on). What
a table has for keys that are in no row is its *default row*: the same columns, which stand with the node's variables.
It says that there is no such entry, or that nothing is known of it; and it always takes in what an entry has that is
not there, because it begins so, or as unknown, and is only ever joined with something.

An entry may lapse at a time. Of one that may be there or not, and of those that the default row tells of, that is when
it lapses at the latest: what nobody has seen since evidence began is unknown only for as long as it can have lasted.

A key of which a part is not known may be that of any row, or of none. Plain enough to be compiled to native code as it
stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mipcheck.model.machine.kleene import U, join

PARTS: Final = 3
"""Parts of a key."""
AGE: Final = 4
"""The column for the event that last set a row."""
FIRST: Final = 5
"""The first column of a table."""
FEW: Final = 2
"""Rows of a table from which on one whose time is over is used again, though there is room for more."""

EntryRows = Sequence[list[int]]


def end_of_rows(entries: EntryRows) -> int:
    """Return how many rows are in use, row 0 included."""
    if len(entries) == 0:
        return 0
    first = entries[0]
    return first[0]


def used_rows(entries: EntryRows) -> EntryRows:
    """Return the rows in use, row 0 included."""
    return entries[: end_of_rows(entries)]


def fits(row: list[int], a: int, b: int, c: int) -> int:
    """Return whether a row has a key: 1, 0, or U where that depends on parts which are not known."""
    if (a != U and row[1] != a) or (b != U and row[2] != b) or (c != U and row[3] != c):
        return 0
    return U if a == U or b == U or c == U else 1


def place_of(entries: EntryRows, table: int, a: int, b: int, c: int) -> int:
    """Return which row of a table has a key: 0 where none has, -1 where that depends on parts which are not known."""
    if a == U or b == U or c == U:
        return -1
    for at in range(1, end_of_rows(entries)):
        row = entries[at]
        if row[0] == table and row[1] == a and row[2] == b and row[3] == c:
            return at
    return 0


def looked_up(
    entries: EntryRows, at: int, table: int, column: int, a: int, b: int, c: int, default: int
) -> int:  # fmt: skip
    """Return what a table has in a column for a key, which is in row `at`, as `place_of` has it.

    `default` is what it has for keys that are in no row.
    """
    return entries[at][column] if at > 0 else default if at == 0 else joined(entries, table, column, a, b, c, default)


def joined(entries: EntryRows, table: int, column: int, a: int, b: int, c: int, default: int) -> int:
    """Return what a table has in a column for a key of which a part is not known."""
    result = default
    for at in range(1, end_of_rows(entries)):
        row = entries[at]
        if row[0] == table and fits(row, a, b, c) != 0:
            result = join(result, row[column])
    return result


def lapsing(there: int, sets: int, known: int, value: int) -> int:
    """Return what is known of when an entry lapses that may be set (`sets` 1) to lapse at `value`, or taken out (0).

    Of one that is there for sure it is the time; of one that may be `there` that until which it may be, at the most.
    """
    if sets == 0:
        return known
    if there == 0:
        return value
    return max(known, value) if there == U and known != U and value != U else join(known, value)


def lasting(alive: int, value: int, initial: int) -> int:
    """Return what an entry has that lapses: when its time is over, what one has that is not there."""
    return value if alive == 1 else initial if alive == 0 else join(value, initial)


def row_for(
    entries: EntryRows, node: list[int], writers: list[int], table: int, limit: int, lapses: int, now: int,
    a: int, b: int, c: int, default: int, columns: int, offset: int, wanted: int, event: int,
) -> int:  # fmt: skip
    """Return the row for a key, which begins as the default row if there was none; 0 if the key is not known.

    With `wanted` 1 a row is added whatever it takes: the entry is set. Otherwise none is where there is no such entry
    for sure, and -1 is returned. With 2, because it is taken out, nor is one where there is no room: the default row
    says less than that, but nothing else. With 3, because a field is set, the default row takes that in then.

    The default row stands in `columns` slots of the node from `default` on. There has to be room for one more row.
    Where the table has `limit` of them, one makes room: one whose time, in column `lapses`, is over; else the one that
    was set first, of which nothing is known from then on. One whose time is over does so sooner, where nothing is lost.
    """
    if a == U or b == U or c == U:
        return 0
    end = max(end_of_rows(entries), 1)
    held = 0
    least = 0
    over = 0
    for at in range(1, end):
        row = entries[at]
        if row[0] == table:
            if fits(row, a, b, c) == 1:
                return at
            held += 1
            gone = 1 if lapses != 0 and row[lapses] != U and row[lapses] < now else 0
            other = entries[least]
            if least == 0 or gone > over or (gone == over and row[AGE] < other[AGE]):
                least = at
                over = gone
    if wanted != 1:
        if is_over(node, default, lapses, now) == 1:
            return -1
        if held >= limit:
            return -1 if wanted == 2 else 0
    place = end
    if held < limit and (over == 0 or held < FEW or is_over(node, default, lapses, now) == 0):
        first = entries[0]
        first[0] = end + 1
    else:
        place = least
        if over == 0:
            forget(entries[least], node, writers, default, columns, lapses, event)
    row = entries[place]
    for n in range(len(row)):
        row[n] = 0
    row[0] = table
    row[1] = a
    row[2] = b
    row[3] = c
    row[AGE] = -1
    for n in range(columns):
        row[FIRST + n] = node[default + n]
        row[offset + n] = writers[default + n]
    return place


def is_over(node: list[int], default: int, lapses: int, now: int) -> int:
    """Return 1 if there is no entry for sure of which the default row tells, or none any more by now; else 0."""
    if node[default] == 0:
        return 1
    if lapses == 0:
        return 0
    most = node[default + lapses - FIRST]
    return 1 if most != U and most < now else 0


def forget(
    row: list[int], node: list[int], writers: list[int], default: int, columns: int, lapses: int, event: int
) -> None:
    """Let the default row take in what stands in a row, because of an event."""
    there = node[default]
    for n in range(columns):
        known = join(node[default + n], row[FIRST + n])
        if lapses == FIRST + n:
            known = lapsing(there, 1 if row[FIRST] != 0 else 0, node[default + n], row[lapses])
        if known != node[default + n]:
            node[default + n] = known
            writers[default + n] = event


def write(
    entries: EntryRows, node: list[int], writers: list[int], at: int, table: int, column: int, slot: int, written: int,
    a: int, b: int, c: int, value: int, match: int, event: int,
) -> None:  # fmt: skip
    """Set a column in row `at`, and who wrote it in column `written`.

    Where `at` is 0, in all rows that the key may be that of, and in the default row, whose `slot` it is; below 0,
    nowhere.
    """
    if at > 0:
        write_in(entries[at], column, written, value, match, event)
    elif at == 0:
        for n in range(1, end_of_rows(entries)):
            row = entries[n]
            if row[0] == table and fits(row, a, b, c) != 0:
                write_in(row, column, written, value, U, event)
        known = join(node[slot], value)
        if known != node[slot]:
            node[slot] = known
            writers[slot] = event


def put_off(
    entries: EntryRows, node: list[int], writers: list[int], at: int, table: int, column: int, slot: int, written: int,
    a: int, b: int, c: int, value: int, match: int, event: int, sets: int, there: int,
) -> None:  # fmt: skip
    """Set the column that says when an entry lapses, before that which says whether it is there is.

    As `write`; `sets` is whether the entry is set, `there` the slot of that other column in the default row.
    """
    if at > 0:
        row = entries[at]
        known = value if match == 1 else lapsing(row[FIRST], sets, row[column], value)
        write_in(row, column, written, known, 1, event)
    elif at == 0:
        for n in range(1, end_of_rows(entries)):
            row = entries[n]
            if row[0] == table and fits(row, a, b, c) != 0:
                write_in(row, column, written, lapsing(row[FIRST], sets, row[column], value), 1, event)
        known = lapsing(node[there], sets, node[slot], value)
        if known != node[slot]:
            node[slot] = known
            writers[slot] = event


def write_in(row: list[int], column: int, written: int, value: int, match: int, event: int) -> None:
    """Set a column of one row; where `match` is not 1 it may be set, or not."""
    known = value if match == 1 else join(row[column], value)
    if known != row[column]:
        row[column] = known
        row[written] = event


def stamp(entries: EntryRows, at: int, event: int) -> None:
    """Note the event that set a row."""
    if at > 0:
        row = entries[at]
        row[AGE] = event


def tidy(entries: EntryRows, node: list[int], at: int, default: int, columns: int, lapses: int, now: int) -> None:
    """Take out a row that says no more than the default row does by now."""
    if at > 0:
        row = entries[at]
        if row[FIRST] == 0 and is_over(node, default, lapses, now) == 1:
            take_out(entries, at)
            return
        same = 1
        for n in range(columns):
            if row[FIRST + n] != node[default + n]:
                same = 0
        if same == 1:
            take_out(entries, at)


def take_out(entries: EntryRows, at: int) -> None:
    """Take out a row; the last one takes its place."""
    first = entries[0]
    last = first[0] - 1
    first[0] = last
    row = entries[at]
    other = entries[last]
    for n in range(len(row)):
        row[n] = other[n]


def emptied(entries: EntryRows, table: int) -> None:
    """Take out all rows of a table."""
    at = 1
    while at < end_of_rows(entries):
        row = entries[at]
        if row[0] == table:
            take_out(entries, at)
        else:
            at += 1


def reset(node: list[int], writers: list[int], slot: int, value: int, event: int) -> None:
    """Set a column of the default row."""
    if node[slot] != value:
        node[slot] = value
        writers[slot] = event
