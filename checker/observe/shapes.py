"""The distinct events of a capture as rows, which the native observer takes in as the reader sees them."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
from mipcheck.checker.observe.signs import signed
from mipcheck.checker.trace.alike import AlikeEvents
from mipcheck.checker.trace.columns import NUMBER, WHOLE, Array, Batch, Columns, EventTable
from mipcheck.checker.trace.derive import derive
from mipcheck.model.machine.compile import Machine
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.values.event import NODE, Event

_AT_ONCE: Final = 1 << 20
"""Distinct events of which there is one table; of more each batch has its own, as a row takes a hundred bytes."""


class Shapes:
    """The table of a capture's distinct events, which grows as they are seen; at first it has room for so many rows.

    `width` is how many keys a row has, `counted` the keys that a machine counts with; one of them was `wide` if it was
    too large for that.
    """

    def __init__(self, machine: Machine, width: int, counted: Set[str], rows: int) -> None:
        self._machine, self._counted = machine, counted
        self.wide = False
        self._interfaces: dict[str, int] = {}
        self._count = 0
        self._table = EventTable(
            np.zeros(rows, np.int32), np.zeros(rows, np.int32), np.full((rows, width), UNKNOWN, np.int64)
        )

    def tabled(self, columns: Columns, batch: Batch) -> Batch:
        """Return a batch with the table that its rows are of, with what a trace has seen by now."""
        shapes = columns.shapes
        if not isinstance(shapes, AlikeEvents) or len(shapes) <= _AT_ONCE:
            return replace(batch, table=self.table(columns))
        self._name(columns)
        told = shapes.columns
        table = self._filled(shapes, told.pattern[batch.row], told.values[batch.row])
        return replace(batch, table=table, row=np.arange(len(batch.row), dtype=np.int32))

    def _name(self, columns: Columns) -> None:
        for n in range(len(self._interfaces), len(columns.interfaces)):
            self._interfaces[columns.interfaces[n]] = n

    def table(self, columns: Columns) -> EventTable:
        """Return the table of all events that have been seen by now."""
        self._name(columns)
        if isinstance(columns.shapes, AlikeEvents):
            if not self._count:
                told = columns.shapes.columns
                self._table = self._filled(columns.shapes, told.pattern, told.values)
                self._count = len(columns.shapes)
            return self._table
        new = columns.shapes[self._count :]
        kinds = {name: n for n, name in enumerate(self._machine.kinds)}
        for event in derive(self._machine.spec, new, self._machine.capabilities):
            if self._count == len(self._table.kind):
                t = self._table
                self._table = EventTable(_doubled(t.interface), _doubled(t.kind), _doubled(t.keys))
            t, row = self._table, self._count
            self._count += 1
            t.interface[row] = WHOLE if event.interface == NODE else self._interfaces[event.interface]
            t.kind[row] = kinds.get(event.kind, -1)
            for name in event.args.keys() & self._counted:
                value = event.args[name]
                self.wide |= isinstance(value, int) and abs(value) >= NUMBER
            if event.kind in kinds:
                keys = signed(self._machine.encode(event.kind, event.args))
                t.keys[row, : len(keys)] = keys
                t.keys[row, len(keys) :] = UNKNOWN
        t = self._table
        return EventTable(t.interface[: self._count], t.kind[: self._count], t.keys[: self._count])

    def _filled(self, shapes: AlikeEvents, pattern_of: npt.NDArray[np.int32], values: Array) -> EventTable:
        """Return the table of events that have these patterns and numbers. Raises NativeError."""
        machine, patterns = self._machine, shapes.patterns
        kinds = {name: n for n, name in enumerate(machine.kinds)}
        keys = np.full((len(patterns), self._table.keys.shape[1]), UNKNOWN, np.int64)
        told = [Event(0, p.interface, p.kind, p.args) for p in patterns]
        for n, event in enumerate(derive(machine.spec, told, machine.capabilities)):
            if event.kind in kinds:
                declared = signed(machine.encode(event.kind, event.args))
                keys[n, : len(declared)] = declared
            self.wide |= any(
                isinstance(v, int) and abs(v) >= NUMBER
                for k, v in event.args.items()
                if k in self._counted and k not in patterns[n].vary
            )
        result = keys[pattern_of]
        order = np.argsort(pattern_of, kind="stable")
        bounds = np.searchsorted(pattern_of[order], np.arange(len(patterns) + 1))
        for n, pattern in enumerate(patterns):
            rows = order[bounds[n] : bounds[n + 1]]
            slots = [k.name for k in machine.spec.events[pattern.kind].keys] if pattern.kind in kinds else []
            for name, column in zip(pattern.vary, values[rows].T, strict=False):
                if name in self._counted:
                    self.wide |= name in pattern.large or bool((np.abs(column) >= NUMBER).any())
                if name not in slots:
                    continue
                if name in pattern.large and (column == UNKNOWN).any():
                    signed([-UNKNOWN])
                nobody = name == machine.spec.tracks and name not in pattern.large
                result[rows, slots.index(name)] = np.where(column == 0, UNKNOWN, column) if nobody else column
        interfaces = np.array([self._interfaces.get(p.interface, WHOLE) for p in patterns] or [0], np.int32)
        of_kind = np.array([kinds.get(p.kind, -1) for p in patterns] or [0], np.int32)
        return EventTable(interfaces[pattern_of], of_kind[pattern_of], result)


def _doubled(array: Array) -> Array:
    """Return an array with as many zeros after it as it has elements."""
    return np.concatenate([array, np.zeros_like(array)])
