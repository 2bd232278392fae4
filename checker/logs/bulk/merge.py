"""Several logs of one node → one trace in columns, by time: as `merge` does, with a batch of each log at hand.

The log whose rows at hand end first says how far the others can be taken: whatever it has after those comes later.
Nothing is kept of what has gone by but, every so often, how far each log was, so that a single event is found again.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from mipcheck.checker.logs.bulk.log import BulkLog
from mipcheck.checker.logs.bulk.passes import Pass
from mipcheck.checker.trace.columns import WHOLE, Array, Batch, Columns, EventTable, Whose
from mipcheck.model.specification.spec import EventType
from mipcheck.model.values.event import NODE, Event

_STRIDE: Final = 1024
"""Events between the places that are remembered; with many logs there are fewer of them."""

_REMEMBERED: Final = 64
"""Stretches between two such places of which it is remembered how they were merged."""


@dataclass(frozen=True, slots=True)
class _MergeRows:
    """Some events in order of time; `row` indexes `table`.

    `own` is 2·n + 1 for event n of its log. 2·n is the copy of a gap that is put before event n, at the time of event
    n - 1 (see `merge`), so that both can be sorted and sought by one number.
    """

    time: Array
    own: Array
    place: Array
    row: Array
    table: EventTable

    def __len__(self) -> int:
        return len(self.time)

    def part(self, low: int, high: int) -> _MergeRows:
        """Return those from one place up to another, at least one."""
        t, first, last = self.table, int(self.row[low]), int(self.row[high - 1]) + 1
        table = EventTable(t.interface[first:last], t.kind[first:last], t.keys[first:last])
        return _MergeRows(
            self.time[low:high], self.own[low:high], self.place[low:high], self.row[low:high] - np.int32(first), table
        )


class _LogAtHand:
    """A log on its way: the rows at hand, of which those before `at` are taken, and what comes after them.

    `next` and `last` are the times of the first row that is not taken and of the last.
    """

    def __init__(self, number: int, later: Iterator[_MergeRows]) -> None:
        self.number, self._later, self._ended = number, later, False
        self.rows: _MergeRows | None = None
        self.at = self.next = self.last = 0

    def fill(self, few: int) -> bool:
        """Have more rows at hand if they are fewer than `few`; tell whether there are any, which ends with the log."""
        left = 0 if self.rows is None else len(self.rows) - self.at
        if left < few and not self._ended:
            # Once there may be more, what is at hand is written over.
            parts = [] if self.rows is None or not left else [_joined([self.rows.part(self.at, len(self.rows))])]
            more = next(self._later, None)
            if more is None:
                self._ended = True
            else:
                parts.append(more)
            self.rows = None if not parts else parts[0] if len(parts) == 1 else _joined(parts)
            if self.rows is not None:
                self.at, self.next, self.last = 0, int(self.rows.time[0]), int(self.rows.time[-1])
        return self.rows is not None and self.at < len(self.rows)

    def take(self, bound: _LogAtHand) -> _MergeRows | None:
        """Take the rows that come before all that the log `bound` has after those at hand; None if there are none."""
        rows, begin = self.rows, self.at
        if rows is None or (self.next > bound.last and self is not bound):
            return None
        if self is bound:
            self.at = len(rows)
        else:
            # At the same time, logs come in their order.
            side: Literal["left", "right"] = "right" if self.number < bound.number else "left"
            self.at = max(begin, int(np.searchsorted(rows.time, bound.last, side)))
        if self.at < len(rows):
            self.next = int(rows.time[self.at])
        return rows.part(begin, self.at) if begin < self.at else None


class MergedLogs(Columns):
    """Logs by time, after `offsets[i]` ns are added to the times of the i-th. `gaps` are the kinds that say that
    evidence is missing.

    What the logs may say must be the same for all. Iterating `batches` raises what theirs do. `interfaces` are all
    there, but in any order.
    """

    def __init__(self, logs: Sequence[BulkLog], offsets: Sequence[int], gaps: Collection[str]) -> None:
        self.logs, self.offsets = logs, offsets
        self.shapes, self.interfaces, self.files = [], [], [log.name for log in logs]
        self.wide: set[str] = set()
        for log in logs:
            log.wide = self.wide
        several = len(logs) > 1
        self._gaps = [n for n, e in enumerate(self.events) if several and e.name in gaps]
        self._numbers: dict[str, int] = {}
        self._tokens: list[Array] = [np.array([WHOLE], np.int32) for _ in logs]
        self._stride = _STRIDE * max(1, len(logs) // 8)
        self._marks: array[int] = array("q")  # for each place the first `own` of each log that is not before it
        self._seekers: list[Pass | None] = []
        self._stretches: dict[int, tuple[Array, Array, Array]] = {}

    @property
    def events(self) -> list[EventType]:
        """The events that the logs may tell of."""
        return self.logs[0].events

    def batches(self) -> Iterator[Batch]:
        """Merge all logs; the first time to the end also tells how long they are and where events stand."""
        unmarked = self._count is None
        if unmarked:
            self._marks = array("q")
        first = 0
        taken = np.zeros(len(self.logs), np.int64)
        for rows, file in self._merged([log.batches() for log in self.logs], taken.tolist()):
            if unmarked:
                self._mark(first, rows, file, taken)
            yield Batch(first, rows.time, rows.row, rows.place, file, rows.table)
            first += len(rows)
        self._count = first

    def _mark(self, first: int, rows: _MergeRows, file: Array, taken: Array) -> None:
        """Remember how far the logs are at every so many events, of rows that begin with event `first`.

        `file` is the log of each row; `taken` is how far the logs are at the first row, and then after the last.
        """
        at = np.arange(-first % self._stride, len(rows), self._stride)
        marks = np.tile(taken, (len(at), 1))
        for n in np.flatnonzero(np.bincount(file)):
            mine = np.flatnonzero(file == n)
            before = np.searchsorted(mine, at)
            marks[before > 0, n] = rows.own[mine[before[before > 0] - 1]] + 1
            taken[n] = rows.own[mine[-1]] + 1
        self._marks.frombytes(marks.tobytes())

    # --- merging ----------------------------------------------------------------------------------------------------

    def _merged(self, batches: Sequence[Iterator[Batch]], begins: Sequence[int]) -> Iterator[tuple[_MergeRows, Array]]:
        """Merge the `batches` of all logs, each log from its `begins` on; return rows, and which log each is of."""
        sources = [
            _LogAtHand(n, self._rows(n, part, begin))
            for n, (part, begin) in enumerate(zip(batches, begins, strict=True))
        ]
        few = max(1, self.logs[0].rows // 2)
        while sources := [source for source in sources if source.fill(few)]:
            bound = min(sources, key=lambda s: (s.last, s.number))
            parts = [(s.number, rows) for s in sources if (rows := s.take(bound)) is not None]
            if parts:  # there are some, but for a log that is out of order, as it will say
                yield _in_order(parts)

    def _rows(self, n: int, batches: Iterator[Batch], begin: int) -> Iterator[_MergeRows]:
        """Return the rows of the `n`-th log from `begin` on, as they are in the whole."""
        offset, before = self.offsets[n], 0
        for batch in batches:
            table = batch.table
            assert table is not None
            time = batch.time + offset if offset else batch.time
            own = 2 * np.arange(batch.first, batch.first + len(batch), dtype=np.int64) + 1
            row, place = batch.row, batch.place
            gaps = np.flatnonzero(np.isin(table.kind, self._gaps) & (own > 1))  # the first event has none before it
            if len(gaps):
                earlier = np.concatenate([[before], time[:-1]])[gaps]
                before = int(time[-1])
                time, own = np.insert(time, gaps, earlier), np.insert(own, gaps, own[gaps] - 1)
                row, place = np.insert(row, gaps, row[gaps]), np.insert(place, gaps, place[gaps])
            elif len(time):
                before = int(time[-1])
            rows = _MergeRows(
                time, own, place, row, EventTable(self._named(n, table.interface), table.kind, table.keys)
            )
            low = int(np.searchsorted(own, begin))
            if low < len(rows):
                yield rows.part(low, len(rows)) if low else rows

    def _named(self, n: int, tokens: Array) -> Array:
        """Return a log's interfaces as they are numbered here."""
        known, names = self._tokens[n], self.logs[n].interfaces
        if len(known) <= len(names):
            new = [self._numbers.setdefault(name, len(self._numbers)) for name in names[len(known) - 1 :]]
            known = self._tokens[n] = np.concatenate([known[:-1], np.array([*new, WHOLE], np.int32)])
            self.interfaces += list(self._numbers)[len(self.interfaces) :]
        return known[tokens]  # WHOLE is the last

    # --- single events ----------------------------------------------------------------------------------------------

    def event(self, number: int) -> Event:
        stretch, row = divmod(number, self._stride)
        file, own, time = self._stretch(stretch)
        return self._event(int(file[row]), int(own[row]), int(time[row]))

    def _event(self, file: int, own: int, time: int) -> Event:
        """Return the event of a row; a gap that was repeated is that of `own` itself, at another time."""
        event = self.logs[file].event(own >> 1)
        return event if event.time == time else replace(event, time=time)

    def _stretch(self, stretch: int) -> tuple[Array, Array, Array]:
        """Return for the events between two places that are remembered: which log each is of, its `own`, its time."""
        if stretch not in self._stretches:
            if len(self._stretches) >= _REMEMBERED:
                self._stretches.clear()
            if not self._seekers:
                self._seekers = [log.one_more_pass(small=True) if len(log) else None for log in self.logs]
            parts, left = [], self._stride
            for rows, file in self._resumed(stretch, self._seekers, self._stride):
                parts.append((file[:left], rows.own[:left], rows.time[:left]))
                left -= len(rows)
                if left <= 0:
                    break
            file, own, time = (np.concatenate(p) for p in zip(*parts, strict=True))
            self._stretches[stretch] = file, own, time
        return self._stretches[stretch]

    def following(
        self, number: int, limit: int, kinds: Collection[str], interface: str | None, whose: Whose = None
    ) -> Iterator[Event]:
        for file, own, time in self._found(number + 1, number + 1 + limit, kinds, interface, whose):
            yield self._event(file, own, time)

    def before(self, number: int, limit: int, kinds: Collection[str], most: int, whose: Whose = None) -> list[Event]:
        newest = deque(self._found(max(0, number - limit), number, kinds, None, whose), most)
        return [self._event(file, own, time) for file, own, time in newest]

    def _found(
        self, first: int, end: int, kinds: Collection[str], interface: str | None, whose: Whose
    ) -> Iterator[tuple[int, int, int]]:
        """Yield log, `own` and time of the events from number `first` to before `end` that are asked for."""
        end = min(end, len(self))
        if first >= end:
            return
        wanted = [n for n, e in enumerate(self.events) if e.name in kinds]
        token = WHOLE if interface in (None, NODE) else self._numbers[interface or NODE]
        stretch = first // self._stride
        at = stretch * self._stride
        passes = [log.one_more_pass() if len(log) else None for log in self.logs]
        for rows, file in self._resumed(stretch, passes, self.logs[0].rows):
            low, high = max(0, first - at), min(end - at, len(rows))
            some = rows.row[low:high] if low < high else rows.row[:0]
            found = np.isin(rows.table.kind[some], wanted)
            if interface is not None:
                found &= rows.table.interface[some] == token
            found[found] = rows.table.are_of(some[found], whose, self.events)
            yield from [(int(file[n]), int(rows.own[n]), int(rows.time[n])) for n in np.flatnonzero(found) + low]
            at += len(rows)
            if at >= end:
                return

    def _resumed(self, stretch: int, passes: Sequence[Pass | None], most: int) -> Iterator[tuple[_MergeRows, Array]]:
        """Merge from a place that is remembered on, by a pass through each log that has events, `most` at a time."""
        count = len(self.logs)
        begins = self._marks[stretch * count : (stretch + 1) * count].tolist()
        # The event before is wanted too, for its time.
        batches = [
            log.batches_from(max(0, (begin >> 1) - 1), one, most) if one is not None else iter(())
            for log, one, begin in zip(self.logs, passes, begins, strict=True)
        ]
        return self._merged(batches, begins)


def _joined(parts: Sequence[_MergeRows]) -> _MergeRows:
    """Return rows one after another, copied."""
    begins = np.cumsum([0, *(len(p.table.kind) for p in parts)])
    row = np.concatenate([p.row + np.int32(begin) for p, begin in zip(parts, begins[:-1], strict=True)])
    time, own, place = (np.concatenate([getattr(p, name) for p in parts]) for name in ("time", "own", "place"))
    table = (np.concatenate([getattr(p.table, name) for p in parts]) for name in ("interface", "kind", "keys"))
    return _MergeRows(time, own, place, row, EventTable(*table))


def _in_order(parts: Sequence[tuple[int, _MergeRows]]) -> tuple[_MergeRows, Array]:
    """Put the rows of several logs in order, each of which is; return them, and which log each is of.

    Nothing of them is shared with `parts`.
    """
    file = np.concatenate([np.full(len(rows), n, np.int16) for n, rows in parts])
    rows = _joined([rows for _, rows in parts])
    if len(parts) > 1:
        order = np.argsort(rows.time, kind="stable")
        file = file[order]
        rows = _MergeRows(rows.time[order], rows.own[order], rows.place[order], rows.row[order], rows.table)
    return rows, file
