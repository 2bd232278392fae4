"""Entries of tables, for the compiled semantics: what a node keeps by key, three-valued.

The entries of a node are rows, those of one table one after another. Before all of them stands where those of each
table begin, and last where they all end. A row has the number of the event that last set it; the parts of its key; a
column for each of the table's; then as many for who wrote them. How wide that is, and how many parts a key has, says
the *form* of a table (`rows.form_of`), by which functions here are told which table they work on. What a table has for
keys that are in no row is its *default row*: the same columns, which stand with the node's variables. It says that
there is no such entry, or that nothing is known of it; and it always takes in what an entry has that is not there,
because it begins so, or as unknown, and is only ever joined with something.

An entry may lapse at a time. Of one that may be there or not, and of those that the default row tells of, that is when
it lapses at the latest: what nobody has seen since evidence began is unknown only for as long as it can have lasted.

A key of which a part is not known may be that of any row, or of none. Plain enough to be compiled to native code as it
stands; `rows.py` has the same rows as objects.
"""

from __future__ import annotations

from typing import Final

from mipcheck.model.machine.kleene import U, join

PARTS: Final = 3
"""Parts of a key, at the most."""
KEY: Final = 1
"""Where in a row its key begins: after the event that last set it."""
FEW: Final = 2
"""Rows of a table from which on one whose time is over is used again, though there is room for more."""


def table_of(form: int) -> int:
    """Return the number of the table that has a form."""
    return form & 0xFFFF


def width_of(form: int) -> int:
    """Return how many integers a row of such a table has."""
    return form >> 18


def parts_of(form: int) -> int:
    """Return how many parts a key of it has."""
    return (form >> 16) & 3


def first_of(form: int) -> int:
    """Return where in such a row the columns begin."""
    return KEY + parts_of(form)


def begin_of_rows(entries: list[int], form: int) -> int:
    """Return where the rows of a table begin."""
    return entries[table_of(form)] if len(entries) > 0 else 0


def end_of_rows(entries: list[int], form: int) -> int:
    """Return where they end."""
    return entries[table_of(form) + 1] if len(entries) > 0 else 0


def has_key(entries: list[int], at: int, form: int, a: int, b: int, c: int) -> int:
    """Return 1 if a row has a key, all of which is known; else 0."""
    if entries[at + KEY] != a:
        return 0
    if parts_of(form) > 1 and entries[at + KEY + 1] != b:
        return 0
    return 0 if parts_of(form) > 2 and entries[at + KEY + 2] != c else 1


def fits(entries: list[int], at: int, form: int, a: int, b: int, c: int) -> int:
    """Return whether a row has a key: 1, 0, or U where that depends on parts which are not known."""
    if a != U and entries[at + KEY] != a:
        return 0
    if parts_of(form) > 1 and b != U and entries[at + KEY + 1] != b:
        return 0
    if parts_of(form) > 2 and c != U and entries[at + KEY + 2] != c:
        return 0
    return U if a == U or b == U or c == U else 1


def place_of(entries: list[int], form: int, a: int, b: int, c: int) -> int:
    """Return where the row of a table is that has a key: 0 if there is none, -1 if that depends on unknown parts."""
    if a == U or b == U or c == U:
        return -1
    at = begin_of_rows(entries, form)
    while at < end_of_rows(entries, form):
        if has_key(entries, at, form, a, b, c) == 1:
            return at
        at += width_of(form)
    return 0


def looked_up(
    entries: list[int], at: int, form: int, column: int, a: int, b: int, c: int, default: int
) -> int:  # fmt: skip
    """Return what a table has in a column for a key, whose row is `at`, as `place_of` has it.

    `default` is what it has for keys that are in no row.
    """
    return entries[at + column] if at > 0 else default if at == 0 else joined(entries, form, column, a, b, c, default)


def joined(entries: list[int], form: int, column: int, a: int, b: int, c: int, default: int) -> int:
    """Return what a table has in a column for a key of which a part is not known."""
    result = default
    at = begin_of_rows(entries, form)
    while at < end_of_rows(entries, form):
        if fits(entries, at, form, a, b, c) != 0:
            result = join(result, entries[at + column])
        at += width_of(form)
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
    entries: list[int], node: list[int], writers: list[int], form: int, limit: int, lapses: int, now: int,
    a: int, b: int, c: int, default: int, columns: int, wanted: int, event: int,
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
    held = 0
    least = 0
    over = 0
    at = begin_of_rows(entries, form)
    while at < end_of_rows(entries, form):
        if has_key(entries, at, form, a, b, c) == 1:
            return at
        held += 1
        gone = 1 if lapses != 0 and entries[at + lapses] != U and entries[at + lapses] < now else 0
        if least == 0 or gone > over or (gone == over and entries[at] < entries[least]):
            least = at
            over = gone
        at += width_of(form)
    if wanted != 1:
        if is_over(node, default, lapses, form, now) == 1:
            return -1
        if held >= limit:
            return -1 if wanted == 2 else 0
    place = at
    if held < limit and (over == 0 or held < FEW or is_over(node, default, lapses, form, now) == 0):
        open_up(entries, place, form)
    else:
        place = least
        if over == 0:
            take_in(entries, least, form, node, writers, default, columns, lapses, event)
    entries[place] = -1
    entries[place + KEY] = a
    if parts_of(form) > 1:
        entries[place + KEY + 1] = b
    if parts_of(form) > 2:
        entries[place + KEY + 2] = c
    first = place + first_of(form)
    for n in range(columns):
        entries[first + n] = node[default + n]
        entries[first + columns + n] = writers[default + n]
    return place


def is_over(node: list[int], default: int, lapses: int, form: int, now: int) -> int:
    """Return 1 if there is no entry for sure of which the default row tells, or none any more by now; else 0."""
    if node[default] == 0:
        return 1
    if lapses == 0:
        return 0
    most = node[default + lapses - first_of(form)]
    return 1 if most != U and most < now else 0


def take_in(
    entries: list[int], at: int, form: int, node: list[int], writers: list[int], default: int, columns: int,
    lapses: int, event: int,
) -> None:  # fmt: skip
    """Let the default row take in what stands in a row, because of an event."""
    there = node[default]
    first = first_of(form)
    sets = 1 if entries[at + first] != 0 else 0
    for n in range(columns):
        known = join(node[default + n], entries[at + first + n])
        if lapses == first + n:
            known = lapsing(there, sets, node[default + n], entries[at + lapses])
        if known != node[default + n]:
            node[default + n] = known
            writers[default + n] = event


def write(
    entries: list[int], node: list[int], writers: list[int], at: int, form: int, column: int, slot: int, written: int,
    a: int, b: int, c: int, value: int, match: int, event: int,
) -> None:  # fmt: skip
    """Set a column of the row `at`, and who wrote it in column `written`.

    Where `at` is 0, of all rows that the key may be that of, and of the default row, whose `slot` it is; below 0,
    of none.
    """
    if at > 0:
        write_in(entries, at + column, at + written, value, match, event)
    elif at == 0:
        row = begin_of_rows(entries, form)
        while row < end_of_rows(entries, form):
            if fits(entries, row, form, a, b, c) != 0:
                write_in(entries, row + column, row + written, value, U, event)
            row += width_of(form)
        known = join(node[slot], value)
        if known != node[slot]:
            node[slot] = known
            writers[slot] = event


def put_off(
    entries: list[int], node: list[int], writers: list[int], at: int, form: int, column: int, slot: int, written: int,
    a: int, b: int, c: int, value: int, match: int, event: int, sets: int, there: int,
) -> None:  # fmt: skip
    """Set the column that says when an entry lapses, before that which says whether it is there is.

    As `write`; `sets` is whether the entry is set, `there` the slot of that other column in the default row.
    """
    first = first_of(form)
    if at > 0:
        known = value if match == 1 else lapsing(entries[at + first], sets, entries[at + column], value)
        write_in(entries, at + column, at + written, known, 1, event)
    elif at == 0:
        row = begin_of_rows(entries, form)
        while row < end_of_rows(entries, form):
            if fits(entries, row, form, a, b, c) != 0:
                known = lapsing(entries[row + first], sets, entries[row + column], value)
                write_in(entries, row + column, row + written, known, 1, event)
            row += width_of(form)
        known = lapsing(node[there], sets, node[slot], value)
        if known != node[slot]:
            node[slot] = known
            writers[slot] = event


def write_in(entries: list[int], place: int, writer: int, value: int, match: int, event: int) -> None:
    """Set a column of one row, by its place and that of who wrote it; where `match` is not 1 it may be set, or not."""
    known = value if match == 1 else join(entries[place], value)
    if known != entries[place]:
        entries[place] = known
        entries[writer] = event


def stamp(entries: list[int], at: int, event: int) -> None:
    """Note the event that set a row."""
    if at > 0:
        entries[at] = event


def tidy(
    entries: list[int], node: list[int], at: int, form: int, default: int, columns: int, lapses: int, now: int
) -> None:
    """Take out a row that says no more than the default row does by now."""
    if at > 0:
        first = at + first_of(form)
        if entries[first] == 0 and is_over(node, default, lapses, form, now) == 1:
            take_out(entries, at, width_of(form), form)
            return
        same = 1
        for n in range(columns):
            if entries[first + n] != node[default + n]:
                same = 0
        if same == 1:
            take_out(entries, at, width_of(form), form)


def open_up(entries: list[int], at: int, form: int) -> None:
    """Make room for a row of a table at a place; what stands there and after it moves on."""
    width = width_of(form)
    last = entries[0] - 1
    for n in range(entries[last] - 1, at - 1, -1):
        entries[n + width] = entries[n]
    for table in range(table_of(form) + 1, last + 1):
        entries[table] += width


def take_out(entries: list[int], at: int, size: int, form: int) -> None:
    """Take out so much of the rows of a table, from a place on; what stands after it moves up."""
    last = entries[0] - 1
    for n in range(at, entries[last] - size):
        entries[n] = entries[n + size]
    for table in range(table_of(form) + 1, last + 1):
        entries[table] -= size


def emptied(entries: list[int], form: int) -> None:
    """Take out all rows of a table."""
    begin = begin_of_rows(entries, form)
    take_out(entries, begin, end_of_rows(entries, form) - begin, form)


def reset(node: list[int], writers: list[int], slot: int, value: int, event: int) -> None:
    """Set a column of the default row."""
    if node[slot] != value:
        node[slot] = value
        writers[slot] = event
