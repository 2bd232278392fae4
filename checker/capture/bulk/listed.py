"""Events of captures that were made one by one, as columns: where there are many, they are observed natively, too.

At a gateway every packet of ESP has to be opened, so that packets are no columns. What they come to repeats itself all
the same: few distinct events are kept, and four numbers for each.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Hashable, Iterator, Sequence
from typing import Final

import numpy as np
from mipcheck.checker.trace.columns import Batch, Columns, Whose, is_of
from mipcheck.model.values.event import NODE, Event, Position

_BATCH: Final = 1 << 16


class ListedEvents(Columns):
    """Such events, in order of time. Each is made again when it is asked for."""

    framed = settled = True

    def __init__(self, events: Sequence[Event]) -> None:
        numbers: dict[Hashable, int] = {}
        files: dict[str, int] = {}
        times, rows, places, where = array("q"), array("i"), array("q"), array("h")
        self.shapes = []
        for event in events:
            key = event.interface, event.kind, *event.args.items()
            number = numbers.setdefault(key, len(numbers))
            if number == len(self.shapes):
                self.shapes.append(event)
            rows.append(number)
            times.append(event.time)
            places.append(event.at.frame or 0)
            where.append(files.setdefault(event.at.file, len(files)))
        self.interfaces = list(dict.fromkeys(e.interface for e in self.shapes if e.interface != NODE))
        self.files = list(files)
        self._time, self._row = np.frombuffer(times, np.int64), np.frombuffer(rows, np.int32)
        self._place, self._file = np.frombuffer(places, np.int64), np.frombuffer(where, np.int16)

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
        fits = [e.kind in kinds and interface in (None, e.interface) and is_of(e, whose) for e in self.shapes]
        for at in np.flatnonzero(np.array(fits, np.bool_)[self._row[number + 1 : number + 1 + limit]]).tolist():
            yield self.event(number + 1 + at)

    def before(self, number: int, limit: int, kinds: Collection[str], most: int, whose: Whose = None) -> list[Event]:
        """Return, of the `limit` events before that number, the newest `most` of these kinds, in order."""
        first = max(0, min(number, len(self)) - limit)
        fits = np.array([e.kind in kinds and is_of(e, whose) for e in self.shapes], np.bool_)
        found = np.flatnonzero(fits[self._row[first : min(number, len(self))]])[-most:].tolist() if most else []
        return [self.event(first + at) for at in found]
