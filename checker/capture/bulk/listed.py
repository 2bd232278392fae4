"""Events of captures that were made one by one, as columns: where there are many, they are observed natively, too.

At a gateway not all captures can be read in columns. What packets come to repeats itself all the same: few distinct
events are kept, and four numbers for each.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Sequence
from typing import Final

import numpy as np
from mipcheck.checker.trace.alike import AlikeColumns, AlikeEvents, Patterns, filled
from mipcheck.checker.trace.columns import Array, Batch, Columns, Whose
from mipcheck.model.values.event import Event, Position

_BATCH: Final = 1 << 16
_FRAMES: Final = 1 << 40


class ListedEvents(Columns):
    """Such events, in order of time. Each is made again when it is asked for."""

    framed = settled = True
    shapes: AlikeEvents

    def __init__(self, events: Sequence[Event]) -> None:
        patterns = Patterns()
        numbers: dict[tuple[int, ...], int] = {}
        files: dict[str, int] = {}
        times, rows, places, where = array("q"), array("i"), array("q"), array("h")
        firsts = array("q")
        for n, event in enumerate(events):
            pattern, varying = patterns.add(event)
            known = len(numbers)
            number = numbers.setdefault((pattern, *varying), known)
            if number == known:
                firsts.append(n)
            rows.append(number)
            times.append(event.time)
            places.append(event.at.frame or 0)
            where.append(files.setdefault(event.at.file, len(files)))
        self.files = list(files)
        self._time, self._row = np.frombuffer(times, np.int64), np.frombuffer(rows, np.int32)
        self._place, self._file = np.frombuffer(places, np.int64), np.frombuffer(where, np.int16)
        self.shapes = self._distinct(patterns, list(numbers), np.frombuffer(firsts, np.int64))
        self.interfaces = self.shapes.interfaces()

    def _distinct(self, patterns: Patterns, told: Sequence[tuple[int, ...]], firsts: Array) -> AlikeEvents:
        """Return the distinct events, told by their patterns and numbers; `firsts` are the numbers of the first of
        each."""
        values = filled([each[1:] for each in told])
        pattern = np.array([each[0] for each in told], np.int32)
        # In any file there are fewer frames than this.
        frame = self._place[firsts] + self._file[firsts].astype(np.int64) * _FRAMES
        columns = AlikeColumns(pattern, values, self._time[firsts], frame)
        return AlikeEvents(patterns.all, columns, self.files, np.arange(max(1, len(self.files))) * _FRAMES)

    def __len__(self) -> int:
        return len(self._time)

    def event(self, number: int) -> Event:
        """Make the event of that number."""
        shape = self.shapes[self._row[number]]
        place = int(self._place[number]) or None
        at = Position(self.files[self._file[number]], None, place)
        return Event(int(self._time[number]), shape.interface, shape.kind, dict(shape.args), at)

    def batches(self) -> Iterator[Batch]:
        """Yield all events, in order."""
        for first in range(0, len(self), _BATCH):
            part = slice(first, first + _BATCH)
            file = self._file[part] if len(self.files) > 1 else None
            yield Batch(first, self._time[part], self._row[part], self._place[part], file)

    def following(
        self, number: int, limit: int, kinds: Collection[str], interface: str | None, whose: Whose = None
    ) -> Iterator[Event]:
        """Yield events of `kinds` on an interface, of the `limit` ones after the event of that number."""
        fits = self.shapes.are(kinds, interface, whose)
        for at in np.flatnonzero(fits[self._row[number + 1 : number + 1 + limit]]).tolist():
            yield self.event(number + 1 + at)

    def before(self, number: int, limit: int, kinds: Collection[str], most: int, whose: Whose = None) -> list[Event]:
        """Return, of the `limit` events before that number, the newest `most` of these kinds, in order."""
        first = max(0, min(number, len(self)) - limit)
        fits = self.shapes.are(kinds, None, whose)
        found = np.flatnonzero(fits[self._row[first : min(number, len(self))]])[-most:].tolist() if most else []
        return [self.event(first + at) for at in found]
