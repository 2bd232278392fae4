"""Entries of tables as objects, for those who tell of them or combine them; `entries.py` has what they are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mipcheck.model.machine.entries import KEY, begin_of_rows, end_of_rows, first_of, table_of, width_of

Entries = list[int]
"""The entries of a node's tables, as `entries.py` has them; empty where there never was one."""


@dataclass(slots=True)
class Row:
    """An entry: the number of its table, the event that last set it, its key, its columns, and who wrote them."""

    table: int
    age: int
    key: tuple[int, ...]
    values: list[int]
    writers: list[int]


def form_of(table: int, parts: int, columns: int) -> int:
    """Return the form of a table, by its number, parts of its key and columns."""
    return (KEY + parts + 2 * columns) << 18 | parts << 16 | table


def none_of(forms: Sequence[int]) -> Entries:
    """Return entries of tables of these forms in which there is no row."""
    return [len(forms) + 1] * (len(forms) + 1)


def held(entries: Entries) -> Entries:
    """Return a copy of what is in use; nothing if that is no row, whether there ever was one or not."""
    if not entries:
        return []
    end = entries[entries[0] - 1]
    return entries[:end] if end > entries[0] else []


def rows_of(entries: Entries, forms: Iterable[int]) -> list[Row]:
    """Return the rows of tables that have these forms, in their order."""
    rows = list[Row]()
    for form in forms:
        first, width = first_of(form), width_of(form)
        middle = (first + width) // 2
        for at in range(begin_of_rows(entries, form), end_of_rows(entries, form), width):
            row = entries[at : at + width]
            rows.append(Row(table_of(form), row[0], tuple(row[KEY:first]), row[first:middle], row[middle:]))
    return rows


def entries_of(rows: Sequence[Row], forms: Sequence[int]) -> Entries:
    """Return rows of tables, which all have these forms, as `rows_of` takes them."""
    begins, cells = list[int](), list[int]()
    for table in range(len(forms)):
        begins.append(len(forms) + 1 + len(cells))
        cells += [c for r in rows if r.table == table for c in (r.age, *r.key, *r.values, *r.writers)]
    return [*begins, len(forms) + 1 + len(cells), *cells] if cells else []
