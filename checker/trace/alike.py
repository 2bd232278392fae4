"""Distinct events of which very many differ in nothing but numbers: patterns, and these numbers as columns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, overload

import numpy as np
import numpy.typing as npt
from mipcheck.model.values.event import NODE, Event, Position

if TYPE_CHECKING:
    from mipcheck.checker.trace.columns import Whose
    from mipcheck.model.values.types import Value

Ints = npt.NDArray[np.int64]

_SIGNED: Final = 2**63
_WRAP: Final = 2**64


@dataclass(frozen=True, slots=True)
class Pattern:
    """What events have in common: of the keys that `vary` (in this order) the value in `args` is that of any of them.

    Of `large` ones the numbers are less by 2**64 than what they stand for.
    """

    interface: str
    kind: str
    args: Mapping[str, Value]
    vary: tuple[str, ...]
    large: frozenset[str] = frozenset()


class Patterns:
    """Patterns of events given one by one, of which all numbers vary."""

    def __init__(self) -> None:
        self.all: list[Pattern] = []
        self._known: dict[object, int] = {}

    def add(self, event: Event) -> tuple[int, list[int]]:
        """Return the number of an event's pattern, and the numbers that it has in it."""
        same: list[object] = [event.interface, event.kind]
        numbers = []
        for name, value in event.args.items():
            same.append(name)
            if type(value) is not int or not -_SIGNED <= value < _WRAP:
                same.append(value)
            else:
                large = value >= _SIGNED
                same.append(large)
                numbers.append(value - _WRAP if large else value)
        key = tuple(same)
        number = self._known.get(key)
        if number is None:
            number = self._known[key] = len(self.all)
            vary = [n for n, v in event.args.items() if type(v) is int and -_SIGNED <= v < _WRAP]
            large_ones = frozenset(n for n in vary if event.args[n] >= _SIGNED)  # type: ignore[operator]
            self.all.append(Pattern(event.interface, event.kind, event.args, tuple(vary), large_ones))
        return number, numbers


@dataclass(frozen=True, slots=True)
class AlikeColumns:
    """Events: the number of the pattern of each, its `values` (a row for each, zeros beyond what varies), and where it
    was seen first: `time` (ns) and `frame`, numbered throughout."""

    pattern: npt.NDArray[np.int32]
    values: Ints
    time: Ints
    frame: Ints

    @staticmethod
    def joined(parts: Sequence[AlikeColumns]) -> AlikeColumns:
        """Return all of them, in order."""
        width = max((part.values.shape[1] for part in parts), default=0)
        none = np.empty(0, np.int64)
        return AlikeColumns(
            np.concatenate([none.astype(np.int32), *(part.pattern for part in parts)]),
            np.concatenate([np.empty((0, width), np.int64), *(_wide(part.values, width) for part in parts)]),
            np.concatenate([none, *(part.time for part in parts)]),
            np.concatenate([none, *(part.frame for part in parts)]),
        )

    def behind(self, more: int) -> AlikeColumns:
        """Return them with their patterns after `more` others."""
        return AlikeColumns(self.pattern + np.int32(more), self.values, self.time, self.frame)

    def ordered(self, order: Ints) -> AlikeColumns:
        """Return them in another order."""
        return AlikeColumns(self.pattern[order], self.values[order], self.time[order], self.frame[order])


def filled(rows: Sequence[Sequence[int]]) -> Ints:
    """Return rows of numbers as an array, with zeros after those of shorter ones."""
    found = np.zeros((len(rows), max(map(len, rows), default=0)), np.int64)
    for row, numbers in zip(found, rows, strict=True):
        row[: len(numbers)] = numbers
    return found


def _wide(values: Ints, width: int) -> Ints:
    return np.pad(values, ((0, 0), (0, width - values.shape[1])))


class AlikeEvents(Sequence[Event]):
    """Such events. Each is made when it is asked for."""

    def __init__(self, patterns: Sequence[Pattern], columns: AlikeColumns, files: Sequence[str], firsts: Ints) -> None:
        """`files` are names, `firsts` the frames before those of each."""
        self.patterns, self.columns = patterns, columns
        self._files, self._firsts = files, firsts

    def __len__(self) -> int:
        return len(self.columns.time)

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        if isinstance(index, slice):
            return [self[n] for n in range(*index.indices(len(self)))]
        columns = self.columns
        pattern = self.patterns[columns.pattern[index]]
        args = dict(pattern.args)
        for name, value in zip(pattern.vary, columns.values[index].tolist(), strict=False):
            args[name] = value + _WRAP if name in pattern.large else value
        frame = int(columns.frame[index])
        file = max(0, int(np.searchsorted(self._firsts, frame, "left")) - 1) if len(self._files) > 1 else 0
        at = Position(self._files[file], None, frame - int(self._firsts[file]))
        return Event(int(columns.time[index]), pattern.interface, pattern.kind, args, at)

    def interfaces(self) -> list[str]:
        """Return their interfaces, in order of first appearance."""
        found, first = np.unique(self.columns.pattern, return_index=True)
        names = [self.patterns[n].interface for n in found[np.argsort(first)].tolist()]
        return list(dict.fromkeys(name for name in names if name != NODE))

    def are(self, kinds: Collection[str], interface: str | None, whose: Whose) -> npt.NDArray[np.bool_]:
        """Tell of each whether it is of these kinds, on an interface (None: any), and not about another node."""
        fit = [p.kind in kinds and interface in (None, p.interface) for p in self.patterns]
        found: npt.NDArray[np.bool_] = np.array([*fit, False], np.bool_)[self.columns.pattern]
        if whose is None:
            return found
        for n in (n for n, fits in enumerate(fit) if fits):
            pattern = self.patterns[n]
            if whose[0] in pattern.vary:
                rows = np.flatnonzero(self.columns.pattern == n)
                value = self.columns.values[rows, pattern.vary.index(whose[0])]
                found[rows] = (value == whose[1]) | (value == 0)
            elif pattern.args.get(*whose) not in (whose[1], 0):
                found[self.columns.pattern == n] = False
        return found


def interfaces_of(shapes: Sequence[Event]) -> Iterable[str]:
    """Return the interface of each event."""
    if isinstance(shapes, AlikeEvents):
        return map([p.interface for p in shapes.patterns].__getitem__, shapes.columns.pattern.tolist())
    return (shape.interface for shape in shapes)
