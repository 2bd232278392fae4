"""Records over Python's own integers, so that the source of compiled functions can be run as it stands.

Python's integers do not wrap and its lists take anything, so what is stored is brought to what an element holds, as
native code does.
"""

from __future__ import annotations

from typing import Any, TypeVar

from mipcheck.model.native.record import CELL, Record, Rows

R = TypeVar("R", bound=Record)
_BITS = {"int64": 64, "int32": 32, "int16": 16, "int8": 8, "uint8": 8, "uint16": 16, "uint32": 32}


class Numbers:
    """A list, or a list of lists, of integers of a type. Its parts are views: what is written there is written here."""

    def __init__(self, values: Any, type_: str) -> None:
        self.values, self._type = values, type_

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, at: Any) -> Any:
        found = self.values
        for index in at if isinstance(at, tuple) else (at,):
            assert isinstance(index, slice) or 0 <= index < len(found), "native code would have read what is outside"
            found = found[index]
        if isinstance(at, slice):
            return _Slice(self, at)
        return Numbers(found, self._type) if isinstance(found, list) else found

    def __setitem__(self, at: Any, value: Any) -> None:
        *before, last = at if isinstance(at, tuple) else (at,)
        among = self.values
        for index in before:
            among = among[index]
        if isinstance(last, slice):
            for at, number in zip(range(*last.indices(len(among))), [value[n] for n in range(len(value))], strict=True):
                self[(*before, at)] = number
            return
        assert 0 <= last < len(among), "native code would have written what is outside"
        if isinstance(among[last], list):  # a row: its fields are copied
            assert len(among[last]) == len(value)
            among[last][:] = [self._fitting(v) for v in (value.values if isinstance(value, Numbers) else value)]
        else:
            among[last] = self._fitting(value)

    def _fitting(self, value: int) -> int:
        bits = _BITS[self._type]
        least = 0 if self._type[0] == "u" else -(1 << bits - 1)
        return (int(value) - least) % (1 << bits) + least


class _Slice(Numbers):
    """A part of numbers, which is not a copy."""

    def __init__(self, whole: Numbers, part: slice) -> None:
        self._whole, self._range = whole, range(*part.indices(len(whole)))

    def __len__(self) -> int:
        return len(self._range)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return _Slice(self, at)
        first, *others = at if isinstance(at, tuple) else (at,)
        assert 0 <= first < len(self)
        return self._whole[(self._range[first], *others) if others else self._range[first]]

    def __setitem__(self, at: Any, value: Any) -> None:
        first, *others = at if isinstance(at, tuple) else (at,)
        if isinstance(first, slice):
            for n, number in zip(range(*first.indices(len(self))), [value[n] for n in range(len(value))], strict=True):
                self[n] = number
            return
        assert 0 <= first < len(self)
        self._whole[(self._range[first], *others) if others else self._range[first]] = value


def plain(record: R) -> R:
    """A copy of a record, for Python to run on."""
    copy = type(record)._row(Numbers(record._block.tolist(), CELL))
    copy._held = {}
    for name, field in record.__layout__.fields.items():
        held = getattr(record, name)
        if isinstance(held, Record):
            copy._held[name] = plain(held)
        elif isinstance(held, Rows):
            copy._held[name] = Rows(held.record, Numbers(held.cells.tolist(), CELL))
        else:
            copy._held[name] = Numbers(held.tolist(), field.type)
    return copy


def contents(record: Record) -> dict[str, Any]:
    """All that a record holds, plain or not, by field."""
    found: dict[str, Any] = {name: getattr(record, name) for name in record.__layout__.cells}
    for name in record.__layout__.fields:
        held = getattr(record, name)
        if isinstance(held, Record):
            found[name] = contents(held)
        else:
            cells = held.cells if isinstance(held, Rows) else held
            found[name] = cells.values if isinstance(cells, Numbers) else cells.tolist()
    return found
