"""Rows of packets → the events of a trace, without one object for each packet.

`events.Reader` judges, and sees packets in order of time: every one that was read in full, and of each kind the first.
Whatever comes after it of its kind comes to the same (`Reader.again`). What is left is one look-up for each row.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final, NamedTuple, overload

import numpy as np
import numpy.typing as npt
from mipcheck.checker.capture.bulk.rows import Chunk, Flags, Ints, PacketRows
from mipcheck.checker.capture.events.reader import Reader
from mipcheck.checker.capture.headers.packet import Packet
from mipcheck.checker.capture.lacking import Added
from mipcheck.checker.trace.columns import Batch, Columns, Whose, is_of
from mipcheck.model.values.event import NODE, Event, Position
from mipcheck.model.values.types import Value

_DATA: Final = "data"
_BYTES: Final = "bytes"
_MOST: Final = 2**31 - 1
"""Bytes that a row can hold of an event; a longer packet (nobody sends one) has a shape of its own."""
_NONE: Final = -1
"""The shape of a row without an event."""
_FOREVER: Final = 2**63 - 1


@dataclass(slots=True)
class PacketKind:
    """Packets that are alike: one of them, and how many there are."""

    packet: Packet
    linktype: int
    count: int = 0
    first: tuple[int, int] = (0, 0)
    """Time (ns) and frame of the one that is first in time."""
    last: tuple[int, int] = (0, 0)


class Single(NamedTuple):
    """An event of its own, which comes before the row of that number."""

    row: int
    event: Event


ShapesOf = Callable[[npt.NDArray[np.int32]], npt.NDArray[np.int32]]
"""Returns the shape of each row, given its kind."""


class BulkMeaning:
    """What a reader of packets in order of time tells: events of its own, and rows of such as are alike."""

    def __init__(self, rows: PacketRows, own: list[Event]) -> None:
        """`own` are the events that are in no row; there may come more."""
        self.rows = rows
        self.shapes: list[Event] = []
        """Distinct events of rows, without their size."""
        self.firsts: list[int] = []
        """For each shape the row where it was first seen."""
        self.counts: list[int] = []
        """Events in each chunk."""
        self.own = own
        self._numbers: dict[tuple[object, ...], int] = {}
        self._row_of: dict[int, int] = {}

    def shape_of(self, kind: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Return the shape of each row, or _NONE."""
        raise NotImplementedError

    def shapes_of(self) -> ShapesOf:
        """Return `shape_of`, for as long as rows are read."""
        return self.shape_of

    def singles(self) -> list[Single]:
        """Return the events that are not in the rows, in order."""
        found = []
        row = _FOREVER
        for event in reversed(self.own):
            # One that was put before others which were seen earlier comes where they are.
            row = min(row, self._row_of[event.at.frame or 0])
            found.append(Single(row, event))
        return found[::-1]

    def next_times(self, times: Sequence[int]) -> dict[int, int]:
        """Return for each time (ns) that of the next event after it."""
        if not times:
            return {}
        wanted = np.unique(np.array(times, np.int64))
        found = np.full(len(wanted), _FOREVER, np.int64)
        singles = np.array(sorted(event.time for event in self.own), np.int64)
        in_rows = (c.time[self.shape_of(c.kind) != _NONE] for c in self.rows.chunks())
        for column in chain([singles], in_rows):
            at = np.searchsorted(column, wanted, "right")
            there = at < len(column)
            found[there] = np.minimum(found[there], column[at[there]])
        return dict(zip(wanted.tolist(), found.tolist(), strict=True))


class Meaning(BulkMeaning):
    """What a reader makes of rows; `read` is to be called once."""

    def __init__(
        self, reader: Reader, rows: PacketRows, kinds: Sequence[PacketKind], unusual: Sequence[Packet]
    ) -> None:
        super().__init__(rows, reader.events)
        self.reader = reader
        self._kinds = kinds
        self._unusual = unusual
        self._shape_of = np.full(len(kinds) + 1, _NONE, np.int32)
        self._single_shape = np.full(len(unusual) + 1, _NONE, np.int32)
        self._carries = np.zeros(len(kinds), np.bool_)
        self._used: dict[str, dict[int, list[int]]] = {}

    def shape_of(self, kind: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Return the shape of each row, or _NONE."""
        shapes = self._shape_of[np.maximum(kind, 0)]
        own = np.flatnonzero(kind < 0)
        if len(own):
            shapes[own] = self._single_shape[-1 - kind[own]]
        return shapes

    def read(self) -> None:
        """Let the reader see what it has to."""
        first = np.array([kind.first[1] for kind in self._kinds] or [0], np.int64)
        for start, chunk in zip(self.rows.starts, self.rows.chunks(), strict=False):
            kind = chunk.kind
            fresh = first[np.maximum(kind, 0)] == chunk.frame
            synced = 0
            for at in np.flatnonzero((kind < 0) | fresh).tolist():
                number = int(kind[at])
                if number < 0:
                    self._passed(kind[synced:at])
                    synced = at + 1
                    self._single(-1 - number, start + at)
                else:
                    seen = (int(column[at]) for column in (chunk.time, chunk.frame, chunk.length))
                    self._first(number, start + at, *seen)
            self._passed(kind[synced:])
            self.counts.append(int((self.shape_of(kind) != _NONE).sum()))
        self._numbers.clear()

    def _first(self, number: int, row: int, time: int, frame: int, length: int) -> None:
        kind, reader = self._kinds[number], self.reader
        packet = kind.packet.seen_at(time, frame, length)
        before = len(reader.events)
        reader.take(packet)
        again = reader.again(packet)
        for why in again.aside:
            reader.set_aside[why] += kind.count - 1
        self._carries[number] = again.carries
        if again.used:
            self._used.setdefault(packet.interface, {}).setdefault(again.used, []).append(number)
        if again.event is not None:
            event = reader.events.pop()
            assert event == again.event
            self._shape_of[number] = self._shape(event, row)
        if len(reader.events) > before:
            self._row_of[frame] = row

    def _single(self, number: int, row: int) -> None:
        packet, reader = self._unusual[number], self.reader
        before = len(reader.events)
        reader.take(packet)
        more = len(reader.events) - before
        # What a frame of 802.11 holds besides, after an event of its own, has to stay behind that.
        alone = packet.frame not in self._row_of
        if more == 1 and alone and reader.events[-1].kind == _DATA and packet.length <= _MOST:
            self._single_shape[number] = self._shape(reader.events.pop(), row)
        elif more:
            self._row_of.setdefault(packet.frame, row)

    def _shape(self, event: Event, row: int) -> int:
        key = (event.interface, *((k, v) for k, v in event.args.items() if k != _BYTES))
        number = self._numbers.setdefault(key, len(self.shapes))
        if number == len(self.shapes):
            self.shapes.append(replace(event, args={k: v for k, v in event.args.items() if k != _BYTES}))
            self.firsts.append(row)
        return number

    def _passed(self, kind: npt.NDArray[np.int32]) -> None:
        """Tell the reader what the packets since the last one that it saw left behind."""
        if not len(kind):
            return
        carriers = np.flatnonzero(self._carries[kind])
        if len(carriers):
            self.reader.after(self._kinds[kind[carriers[-1]]].packet.interface)
        for interface, addresses in self._used.items():
            used = self.reader.unsettled(interface)
            if used is not None:
                for address in addresses.keys() - used:
                    if np.isin(kind, addresses[address]).any():
                        used.add(address)


class CaptureEvents(Columns):
    """The events of captures, in order of time. Each is made when it is asked for; `batches` are all of them."""

    varying: tuple[str, str] | None = (_DATA, _BYTES)
    framed = settled = True

    def __init__(
        self, meaning: BulkMeaning, gaps: Sequence[Added], files: Sequence[str], firsts: Sequence[int]
    ) -> None:
        """`files` are names, `firsts` the frames before those of each."""
        self._shape_of = meaning.shapes_of()
        self._rows = meaning.rows
        self.files = list(files)
        self._firsts = np.array(firsts, np.int64)
        singles = _with_gaps(meaning.singles(), gaps, self._rows, self.files[0])
        self.shapes, self._data, own = self._arranged(meaning, singles)
        self._own_row = np.array([s.row for s in singles], np.int64)
        self._own_time = np.array([s.event.time for s in singles], np.int64)
        self._own_frame = np.array([s.event.at.frame or 0 for s in singles], np.int64)
        self._own_shape = own
        self._bounds = self._own_bounds()
        counts = [n + b - a for n, a, b in zip(meaning.counts or [0], self._bounds, self._bounds[1:], strict=False)]
        self._starts = [0, *np.cumsum(counts).tolist()]
        self._held: tuple[int, Batch] | None = None

    def _arranged(
        self, meaning: BulkMeaning, singles: Sequence[Single]
    ) -> tuple[Sequence[Event], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Return the shapes of all events, in order of first appearance; which that of a row is, and of a single one.

        The last of those of rows is for rows without an event.
        """
        # At the same row, events of their own come first.
        order = sorted(
            [*((row, 1, n) for n, row in enumerate(meaning.firsts)), *((s.row, 0, n) for n, s in enumerate(singles))]
        )
        shapes = [self._placed(meaning.shapes[n] if data else singles[n].event) for _, data, n in order]
        of_rows = np.full(len(meaning.shapes) + 1, _NONE, np.int32)
        own = np.zeros(len(singles), np.int32)
        for shape, (_, data, n) in enumerate(order):
            (of_rows if data else own)[n] = shape
        self.interfaces = list(dict.fromkeys(e.interface for e in shapes if e.interface != NODE))
        return shapes, of_rows, own

    def _fit(self, kinds: Collection[str], interface: str | None, whose: Whose) -> Flags:
        """Tell of each shape whether it is of these kinds, on an interface, and not about another node."""
        fits = [e.kind in kinds and interface in (None, e.interface) and is_of(e, whose) for e in self.shapes]
        return np.array(fits, np.bool_)

    def _own_bounds(self) -> list[int]:
        """Return which events of their own fall to each chunk; those after the last row to the last one."""
        starts = self._rows.starts[:-1] or [0]
        return [*np.searchsorted(self._own_row, starts, "left").tolist(), len(self._own_row)]

    def _placed(self, event: Event) -> Event:
        if len(self.files) == 1:
            return event
        frame = event.at.frame or 1
        file = int(np.searchsorted(self._firsts, frame, "left")) - 1
        return replace(event, at=Position(self.files[file], None, frame - int(self._firsts[file])))

    # --- one at a time --------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return int(self._starts[-1])

    def event(self, number: int) -> Event:
        """Make the event of that number."""
        which = bisect_right(self._starts, number) - 1
        if self._held is None or self._held[0] != which:
            self._held = which, self._batch(which)
        return self._event(self._held[1], number - self._starts[which])

    def __iter__(self) -> Iterator[Event]:
        for batch in self.batches():
            yield from (self._event(batch, at) for at in range(len(batch.time)))

    def _event(self, batch: Batch, at: int) -> Event:
        shape = self.shapes[batch.row[at]]
        file = 0 if batch.file is None else int(batch.file[at])
        where = Position(self.files[file], None, int(batch.place[at]))
        args: dict[str, Value] = dict(shape.args)
        if self.varying is not None and batch.number is not None and batch.number[at] >= 0:
            args[_BYTES] = int(batch.number[at])
        return Event(int(batch.time[at]), shape.interface, shape.kind, args, where)

    # --- all of them ----------------------------------------------------------------------------------------------

    def batches(self) -> Iterator[Batch]:
        """Yield all events, in order."""
        for which in range(len(self._starts) - 1):
            if self._starts[which] < self._starts[which + 1]:
                yield self._batch(which)

    def _batch(self, which: int) -> Batch:
        a, b = self._bounds[which], self._bounds[which + 1]
        if self._rows.count:
            chunk = self._rows.chunk(which)
            shapes = self._data[self._shape_of(chunk.kind)]
            rows = np.flatnonzero(shapes != _NONE)
            before = np.searchsorted(rows, self._own_row[a:b] - self._rows.starts[which], "left")
        else:
            chunk, shapes, rows, before = (
                Chunk.empty(),
                np.empty(0, np.int32),
                np.empty(0, np.int64),
                np.zeros(b - a, int),
            )
        time, frame, shape = chunk.time[rows], chunk.frame[rows], shapes[rows]
        number = chunk.length[rows].astype(np.int32)
        if b > a:
            time, frame = np.insert(time, before, self._own_time[a:b]), np.insert(frame, before, self._own_frame[a:b])
            shape, number = np.insert(shape, before, self._own_shape[a:b]), np.insert(number, before, -1)
        file = None
        if len(self.files) > 1:
            file = (np.searchsorted(self._firsts, frame, "left") - 1).astype(np.int16)
            frame = frame - self._firsts[file]
        return Batch(self._starts[which], time, shape, frame, file, None, number)

    def following(
        self, number: int, limit: int, kinds: Collection[str], interface: str | None, whose: Whose = None
    ) -> Iterator[Event]:
        """Yield events of `kinds` on an interface, of the `limit` ones after the event of that number."""
        wanted = self._fit(kinds, interface, whose)
        end = min(number + 1 + limit, len(self))
        which = bisect_right(self._starts, number + 1) - 1
        while which < len(self._starts) - 1 and self._starts[which] < end:
            batch = self._batch(which)
            for at in np.flatnonzero(wanted[batch.row]).tolist():
                if number < self._starts[which] + at < end:
                    yield self._event(batch, at)
            which += 1

    def before(self, number: int, limit: int, kinds: Collection[str], most: int, whose: Whose = None) -> list[Event]:
        """Return the newest `most` events of `kinds` before that number; of user data, of the `limit` ones before."""
        if _DATA in kinds:
            return super().before(number, limit, kinds, most, whose)
        found: list[Event] = []
        own = self._own_before(number)
        while own and len(found) < most:
            own -= 1
            shape = self.shapes[self._own_shape[own]]
            if shape.kind in kinds and is_of(shape, whose):
                frame = int(self._own_frame[own])
                file = max(0, int(np.searchsorted(self._firsts, frame, "left")) - 1) if len(self.files) > 1 else 0
                at = Position(self.files[file], None, frame - int(self._firsts[file]) if len(self.files) > 1 else frame)
                found.append(Event(int(self._own_time[own]), shape.interface, shape.kind, dict(shape.args), at))
        return found[::-1]

    def _own_before(self, number: int) -> int:
        """Return how many events of their own there are before that number."""
        which = bisect_right(self._starts, max(0, number)) - 1
        if which >= len(self._starts) - 1:
            return len(self._own_row)
        batch = self._batch(which)
        at = number - self._starts[which]
        return self._bounds[which] + (0 if batch.number is None else int(np.count_nonzero(batch.number[:at] < 0)))

    def places(self, numbers: Ints) -> tuple[npt.NDArray[np.int16], Ints]:
        """Return file and frame of the events of these numbers (ascending)."""
        files, frames = np.zeros(len(numbers), np.int16), np.zeros(len(numbers), np.int64)
        for which in range(len(self._starts) - 1):
            a, b = np.searchsorted(numbers, self._starts[which : which + 2], "left")
            if a < b:
                batch, at = self._batch(which), numbers[a:b] - self._starts[which]
                frames[a:b] = batch.place[at]
                if batch.file is not None:
                    files[a:b] = batch.file[at]
        return files, frames

    def of_files(self) -> list[Sequence[Event]]:
        """Return the events of each file."""
        if len(self.files) == 1:
            return [self]
        counts = np.zeros(len(self.files), np.int64)
        for batch in self.batches():
            counts += np.bincount(batch.file, minlength=len(counts))  # type: ignore[arg-type]
        return [_OfFile(self, name, count) for name, count in zip(self.files, counts.tolist(), strict=True)]


class _OfFile(Sequence[Event]):
    """The events of one of several files. What is asked for most is how many there are."""

    def __init__(self, events: CaptureEvents, file: str, count: int) -> None:
        self._events, self._file, self._count = events, file, count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Event]:
        return (event for event in self._events if event.at.file == self._file)

    @overload
    def __getitem__(self, number: int) -> Event: ...

    @overload
    def __getitem__(self, number: slice) -> list[Event]: ...

    def __getitem__(self, number: int | slice) -> Event | list[Event]:
        return list(self)[number]


def _with_gaps(singles: Sequence[Single], gaps: Sequence[Added], rows: PacketRows, file: str) -> list[Single]:
    """Put the gaps among the events as `read.with_gaps` does: a gap comes before or after all events of its time."""
    if not gaps:
        return list(singles)
    sides = (True, False)
    made = {
        before: [Single(rows.until(g.time, before), g.event(file)) for g in gaps if g.before is before]
        for before in sides
    }
    return sorted([*made[True], *singles, *made[False]], key=lambda single: single.event.time)
