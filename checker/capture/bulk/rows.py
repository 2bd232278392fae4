"""Packets as rows of a few numbers, in order of time: in memory while they are few, in a nameless file beyond that.

So that a capture of any length takes the same memory, and is read once even if it is a pipe.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

CHUNK: Final = 1 << 17
"""Rows that are held at a time."""
_HELD: Final = 8
"""Chunks that stay in memory."""
_TYPE: Final = np.dtype([("time", "<i8"), ("frame", "<i8"), ("kind", "<i4"), ("length", "<u4")])


class Chunk(NamedTuple):
    """Rows: `time` in ns, `frame` numbered throughout, `kind` (negative: one packet alone), `length` in bytes."""

    time: Ints
    frame: Ints
    kind: npt.NDArray[np.int32]
    length: npt.NDArray[np.uint32]

    def part(self, rows: Any) -> Chunk:
        """Return some of the rows, told by a slice, indices or a mask."""
        return Chunk(*(column[rows] for column in self))

    @staticmethod
    def empty() -> Chunk:
        """Return a chunk without rows."""
        return Chunk(*(np.empty(0, _TYPE[name]) for name in Chunk._fields))


class PacketRows:
    """Append in file order, then `sort` once; after that the chunks are in order of time."""

    def __init__(self, chunk: int = CHUNK, held: int = _HELD) -> None:
        self.starts = [0]
        """Number of the first row of each chunk, and of all rows."""
        self._chunk = chunk
        self._held = held
        self._chunks: list[Chunk | int] = []
        """Each, or where it is in the file."""
        self._spans: list[tuple[int, int]] = []
        self._file: IO[bytes] | None = None
        self._last: tuple[int, Chunk] | None = None

    def __len__(self) -> int:
        return self.starts[-1]

    @property
    def count(self) -> int:
        """How many chunks there are."""
        return len(self._spans)

    def append(self, rows: Chunk) -> None:
        """Take rows in file order, at most a chunk of them; their arrays may be used again."""
        if not len(rows.time):
            return
        if len(rows.time) > 1 and (np.diff(rows.time) < 0).any():
            rows = rows.part(np.argsort(rows.time, kind="stable"))
        self._spans.append((int(rows.time[0]), int(rows.time[-1])))
        self.starts.append(self.starts[-1] + len(rows.time))
        place = self._write(rows) if len(self._chunks) >= self._held else None
        if place is not None:
            self._chunks.append(place)
        else:
            self._chunks.append(Chunk(*(np.array(c, _TYPE[n]) for n, c in zip(Chunk._fields, rows, strict=True))))

    def _write(self, rows: Chunk) -> int | None:
        """Write rows and return where in the file they are; None where nothing can be written: memory has to do."""
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="mipcheck-")  # noqa: SIM115  # lives as long as the rows
            place = self._file.seek(0, 2)
            for name, column in zip(Chunk._fields, rows, strict=True):
                self._file.write(np.ascontiguousarray(column, _TYPE[name]).data)
            self._file.flush()
        except OSError:
            self._held = 2**62
            return None
        return place

    def chunk(self, number: int) -> Chunk:
        """Return a chunk, from memory or from the file."""
        known = self._chunks[number]
        if isinstance(known, Chunk):
            return known
        if self._last is not None and self._last[0] == number:
            return self._last[1]
        assert self._file is not None
        size = self.starts[number + 1] - self.starts[number]
        self._file.seek(known)
        columns = [np.frombuffer(self._file.read(size * _TYPE[n].itemsize), _TYPE[n]) for n in Chunk._fields]
        self._last = number, Chunk(*columns)
        return self._last[1]

    def chunks(self) -> Iterator[Chunk]:
        """Yield all chunks."""
        return map(self.chunk, range(self.count))

    def until(self, time: int, before: bool) -> int:
        """Count the rows `before` that time (ns), or else those not after it; the rows have to be sorted."""
        side: Any = "left" if before else "right"
        for number, (_, last) in enumerate(self._spans):
            if last > time or (before and last == time):
                return self.starts[number] + int(np.searchsorted(self.chunk(number).time, time, side))
        return len(self)

    def sort(self) -> PacketRows:
        """Return all rows in order of time, those of one time as they were appended (frames were given in order)."""
        if all(a[1] <= b[0] for a, b in zip(self._spans, self._spans[1:], strict=False)):
            return self
        result = PacketRows(self._chunk, self._held)
        order = sorted(range(self.count), key=lambda n: self._spans[n][0])
        waiting, ready = Chunk.empty(), Chunk.empty()
        origin = np.empty(0, np.int64)  # the chunk of what waits: a frame of 802.11 may have rows in two of them
        for n, following in zip(order, [*order[1:], None], strict=True):
            waiting = _join(waiting, self.chunk(n))
            origin = np.concatenate([origin, np.full(len(waiting.time) - len(origin), n)])
            ranked = np.lexsort((origin, waiting.frame, waiting.time))
            waiting, origin = waiting.part(ranked), origin[ranked]
            known = len(waiting.time)
            if following is not None:
                # What comes later in the file may be earlier than what is here, down to the start of the next chunk.
                known = int(np.searchsorted(waiting.time, self._spans[following][0], "left"))
            ready, waiting = _join(ready, waiting.part(slice(known))), waiting.part(slice(known, None))
            origin = origin[known:]
            done = 0
            while len(ready.time) - done >= self._chunk or (following is None and done < len(ready.time)):
                result.append(ready.part(slice(done, done + self._chunk)))
                done += self._chunk
            ready = ready.part(slice(done, None))
        return result


def _join(first: Chunk, second: Chunk) -> Chunk:
    if not len(first.time):
        return second
    return Chunk(*(np.concatenate([a, b]) for a, b in zip(first, second, strict=True)))
