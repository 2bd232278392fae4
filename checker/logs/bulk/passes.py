"""A way through a log: a buffer of it at a time, for the compiled parser, and for a `LogReader` what that leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, Protocol

import numpy as np
from mipcheck.checker.logs.bulk import parsed
from mipcheck.checker.logs.bulk.lexicon import TOLD, Lexicon
from mipcheck.checker.logs.bulk.parsed import LogLines, Words
from mipcheck.checker.logs.lines import LogReader, RawLine
from mipcheck.checker.logs.parts import LINE_LIMIT, Time, WordAt
from mipcheck.checker.trace.columns import NUMBER, WHOLE, Array, Batch, EventTable
from mipcheck.checker.trace.derive import STACK
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.native.errors import NativeError
from mipcheck.model.values.event import NODE, Event

if TYPE_CHECKING:
    from mipcheck.checker.logs.bulk.form import LogForm
    from mipcheck.model.native.compiled import Native
    from mipcheck.model.specification.spec import EventType

MOST_ROWS: Final = 2**15
"""Events in a batch, if a log is read alone; of several read side by side there are fewer, at least these:"""
FEWEST_ROWS: Final = 2**10

_SLACK: Final = 128
"""Bytes after the buffer, so that looking for a date need not look for its end."""

_TOKENS: Final = 2**16
"""Names of interfaces; a log with more is read without native code."""

_STACKS: Final = 2**14
_STACK_LETTERS: Final = 2**22
"""Stacks that are remembered, and their letters; beyond that all are forgotten and told anew."""

_MARK: Final = b"\xef\xbb\xbf"
"""The byte order mark, which may stand before the first line."""

_ALL_ROWS: Final = np.arange(MOST_ROWS, dtype=np.int32)


class Point(NamedTuple):
    """A place from which a log can be read on: events and lines before it, its offset, and the time (ns) reached."""

    events: int
    lines: int
    offset: int
    time: int


@dataclass(frozen=True, slots=True)
class ParsedRows:
    """Rows that the parser fills, one an event: what it says, its line, and where that begins in the file."""

    time: Array
    kind: Array
    token: Array
    line: Array
    offset: Array
    keys: Array

    def give(self, s: LogLines) -> None:
        """Let a parser fill these rows from the first on."""
        s.time_of, s.kind_of, s.token_of = self.time, self.kind, self.token
        s.line_of, s.offset_of, s.keys_of = self.line, self.offset, self.keys
        s.rows = 0

    @staticmethod
    def make(n: int, width: int) -> ParsedRows:
        """Make room for `n` events of at most `width` keys."""
        return ParsedRows(
            np.empty(n, np.int64), np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int64),
            np.empty(n, np.int64), np.empty((n, width), np.int64),
        )  # fmt: skip


class PassedLog(Protocol):
    """What a pass needs of its log (`BulkLog`), which all passes through it share."""

    source: BinaryIO
    form: LogForm
    native: Native
    rows: int
    """Rows of a batch, at most."""
    spare: int
    """Batches for which there is room at a time."""
    tokens: Words
    """The names of interfaces so far."""
    told: dict[str, Callable[[str], frozenset[str]]]
    """By key, what a stack of headers tells of it."""
    wide: set[str]
    """Keys with numbers that native code may not be able to count with."""

    def lexicon(self, events: list[EventType]) -> Lexicon:
        """Return the tables of what a log may say that tells of these events."""

    def look_at(self, table: EventTable, time: Array) -> None:
        """Look at the events of a batch as it goes by."""


class Pass:
    """A way through a log, a buffer of `size` bytes at a time.

    `_s` is what the parser works on. The buffer has lines from `_s.at` to `_s.end`, bytes up to `_filled`, and stands
    at `_s.offset` in the file, which is read on at `_at`. `events` counts those of the batches given; `_synced` of the
    rows at hand are known to the reader.
    """

    def __init__(self, log: PassedLog, reader: LogReader, size: int) -> None:
        self._log, self._reader, self._builder = log, reader, reader.builder
        self._size = size
        self._bytes = bytearray(size + _SLACK)
        self._s = s = log.form.lines(told_cap=1024)
        s.buf, s.buf_cap = np.frombuffer(self._bytes, np.uint8), len(self._bytes)
        s.rows_cap, s.tokens = log.rows, log.tokens
        s.stacks = Words(rows_cap=1024, letters_cap=1 << 16)
        self._lexicon: Lexicon | None = None
        self._pool: list[ParsedRows] = []
        self._turn = self._synced = self._filled = self._at = self.events = 0
        self._ended = self._unfinished = False
        self._overlong: list[int] = []

    def restart(self, point: Point, most: int) -> None:
        """Go on at another place, with at most `most` rows in a batch."""
        s = self._s
        s.offset, s.line, s.at, s.end = point.offset, point.lines, 0, 0
        s.rows_cap = min(most, self._log.rows)
        self.events, self._at, self._filled = point.events, point.offset, 0
        self._ended = self._unfinished = False
        first = self._builder.first
        assert first is not None
        self._builder.last = Time(point.time, first[0].absolute, WordAt("", 0))

    def batches(self) -> Iterator[tuple[Batch, ParsedRows]]:
        """Read on to the end: batches, with the rows behind each. Raises InputError, RoleError, NativeError."""
        s, builder = self._s, self._builder
        start = None
        while builder.first is None:  # the site lines, and the first event
            if s.at >= s.end and not self._fill():
                return
            if s.at < s.end:
                start = s.offset + s.at
                self._take_line()
        if self._lexicon is None:
            self._prepare()
        first, last = builder.first, builder.last
        assert last is not None and first is not None
        s.last, s.absolute = last.ns, int(first[0].absolute)
        rows = self._next_rows()
        if start is not None:
            self._append(rows, builder.events[0], start)
            yield self._batch(rows), rows
            rows = self._next_rows()
        yield from self._native_batches(rows)

    def _native_batches(self, rows: ParsedRows) -> Iterator[tuple[Batch, ParsedRows]]:
        """Let the compiled parser fill `rows` and others after them, and do what it stops for."""
        s, log = self._s, self._log
        while True:
            reason = log.native(s)
            if reason == parsed.ODD:
                self._take_odd(rows)
            elif reason == parsed.NEW_STACK:
                self._learn_stack()
            elif reason == parsed.NO_ROOM:
                log.tokens.double()
                if log.tokens.rows_cap > 4 * _TOKENS:
                    raise NativeError("too many interfaces")
            else:
                if s.rows:
                    self._sync(rows)
                    yield self._batch(rows), rows
                    rows = self._next_rows()
                if reason == parsed.DONE:
                    more = self._fill()
                    self._append_left_out(rows)
                    if not more:
                        break
        if s.rows:
            yield self._batch(rows), rows
        self._reader.lines = s.line

    def _prepare(self) -> None:
        """Make the tables and the rows that the parser needs, now that the site lines have told the role."""
        events = list(self._builder.vocabulary.events.values())
        self._lexicon = self._log.lexicon(events)
        self._lexicon.give(self._s)
        self._pool = [ParsedRows.make(self._log.rows, self._lexicon.width) for _ in range(self._log.spare)]

    def _next_rows(self) -> ParsedRows:
        """Return rows to fill; those that others still use come round again later."""
        self._turn = (self._turn + 1) % len(self._pool)
        self._synced = 0
        rows = self._pool[self._turn]
        rows.give(self._s)
        return rows

    def _batch(self, rows: ParsedRows) -> Batch:
        """Return the rows that are filled as the next batch."""
        count, first = self._s.rows, self.events
        self.events += count
        table = EventTable(rows.token[:count], rows.kind[:count], rows.keys[:count])
        self._log.look_at(table, rows.time[:count])
        if self._s.digits:
            self._builder.note_digits(int(self._s.digits))
        return Batch(first, rows.time[:count], _ALL_ROWS[:count], rows.line[:count], table=table)

    # --- lines for the reader ---------------------------------------------------------------------------------------

    def _take_line(self) -> None:
        """Give the next line to the reader, whatever it is."""
        start = self._s.at
        self._take(start, self._bytes.index(b"\n", start))

    def _take(self, start: int, stop: int) -> None:
        """Give the line to the reader that stands in the buffer from `start` to its end at `stop`."""
        s = self._s
        number, offset = s.line + 1, s.offset + start
        data = bytes(self._bytes[start:stop]).removesuffix(b"\r")
        if number == 1 and data.startswith(_MARK):
            data, offset = data[3:], 3
        whole = not (self._unfinished and stop + 1 == s.end)
        overlong = len(data) > LINE_LIMIT
        s.line, s.at = number, stop + 1
        self._reader.take(RawLine(number, offset, data[:LINE_LIMIT], whole or overlong, overlong))

    def _take_odd(self, rows: ParsedRows) -> None:
        """Give the line to the reader that the parser stopped at; what event it tells becomes a row."""
        s, builder = self._s, self._builder
        self._sync(rows)
        offset = s.offset + s.at
        self._take(s.at, s.stop)
        if len(builder.events) > 1:
            self._append(rows, builder.events.pop(), offset)
        assert builder.last is not None
        s.last = builder.last.ns

    def _append_left_out(self, rows: ParsedRows) -> None:
        """Add a row for each line that was too long for the buffer, which is left out."""
        for event, offset in zip(self._builder.events[1:], self._overlong, strict=True):
            self._append(rows, event, offset)
        del self._builder.events[1:]
        self._overlong.clear()

    def _sync(self, rows: ParsedRows) -> None:
        """Tell the reader the time of the last event that the compiled parser took."""
        count = self._s.rows
        if count > self._synced:
            start = int(rows.offset[count - 1]) - self._s.offset
            word = self._log.form.time_word(bytes(self._bytes[start : self._bytes.index(b"\n", start)]))
            self._builder.last = Time(int(rows.time[count - 1]), bool(self._s.absolute), WordAt(word, 0))
        self._synced = count

    def _append(self, rows: ParsedRows, event: Event, offset: int) -> None:
        """Add a row for an event that the reader has read, whose line begins at an offset. Raises NativeError."""
        assert self._lexicon is not None and event.at.line is not None
        row = self._s.rows
        self._s.rows = self._synced = row + 1
        kind = next(n for n, e in enumerate(self._lexicon.events) if e.name == event.kind)
        rows.time[row], rows.kind[row], rows.token[row] = event.time, kind, self._token(event.interface)
        rows.line[row], rows.offset[row] = event.at.line, offset
        rows.keys[row] = UNKNOWN
        for slot, key in enumerate(self._lexicon.events[kind].keys):
            value = event.args.get(key.name)
            if value is None:
                continue
            if isinstance(value, frozenset):
                rows.keys[row, slot] = sum(1 << n for n, m in enumerate(key.type.members) if m in value)
            elif isinstance(value, str):
                rows.keys[row, slot] = key.type.members.index(value) if key.type.members else 0
            else:
                if value == -UNKNOWN:
                    raise NativeError("an identification cannot be told from an unknown one")
                rows.keys[row, slot] = value - 2**64 if value > -UNKNOWN else int(value)
                if key.type.name == "int" and abs(value) >= NUMBER:
                    self._log.wide.add(key.name)
        stack = event.args.get(STACK)
        for n, name in enumerate(TOLD):
            slot = getattr(self._lexicon.kinds[kind], name)
            if slot >= 0 and isinstance(stack, str) and name not in event.args:
                rows.keys[row, slot] = self._telling(stack)[n]

    def _token(self, interface: str) -> int:
        """Return the number of an interface, a new one if need be. Raises NativeError if it has no name."""
        if interface == NODE:
            return WHOLE
        tokens, word = self._log.tokens, interface.encode("utf-8", "surrogatepass")  # which an escape can make
        if not word:
            raise NativeError("an interface without a name")
        number = tokens.value_of(word)
        if number is None:
            number = tokens.count
            tokens.add(word, number)
        return number

    def _telling(self, stack: str) -> list[int]:
        """Return what a stack tells, in the order of `TOLD`, as sets of bits."""
        assert self._lexicon is not None
        known = self._lexicon.told
        return [
            sum(1 << n for n, m in enumerate(known.get(name, ())) if m in self._log.told[name](stack)) for name in TOLD
        ]

    def _learn_stack(self) -> None:
        """Remember what the stack tells that the parser stopped at."""
        s = self._s
        word = bytes(self._bytes[s.begin : s.stop])
        if s.stacks.count >= _STACKS or s.stacks.used + len(word) > _STACK_LETTERS:
            s.stacks = Words(rows_cap=1024, letters_cap=1 << 16)
        number = s.stacks.count
        s.stacks.add(word, number)
        if number >= s.told_cap:
            s.grow(told_cap=2 * s.told_cap)
        s.told[number] = tuple(self._telling(word.decode("ascii")))

    # --- bytes ------------------------------------------------------------------------------------------------------

    def _fill(self) -> bool:
        """Read on, so that there is another whole line; False at the end."""
        s, view = self._s, memoryview(self._bytes)
        rest = s.at
        keep = self._filled - rest
        view[:keep] = view[rest : self._filled]
        s.offset += rest
        s.at = 0
        self._filled = keep
        while not self._ended and self._filled < self._size:
            self._log.source.seek(self._at)
            count = self._log.source.readinto(view[self._filled : self._size])  # type: ignore[attr-defined]
            self._at += count
            self._filled += count
            self._ended = not count
        end = self._bytes.rfind(b"\n", 0, self._filled) + 1
        if not end and self._filled >= self._size:
            self._skip_overlong()
            return self._fill() if s.at >= s.end else True
        if self._ended and end < self._filled:
            self._bytes[self._filled] = 10
            self._filled += 1
            end = self._filled
            self._unfinished = True
        s.end = end
        return end > 0

    def _skip_overlong(self) -> None:
        """Pass over a line that is longer than the buffer; the reader gets its beginning, which is enough to say so."""
        head = bytes(self._bytes[: LINE_LIMIT + len(_MARK)])
        s = self._s
        start, number = s.offset, s.line + 1
        if number == 1 and head.startswith(_MARK):
            head, start = head[3:], 3
        while True:
            s.offset += self._filled
            self._log.source.seek(self._at)
            count = self._log.source.readinto(memoryview(self._bytes)[: self._size])  # type: ignore[attr-defined]
            self._at += count
            self._filled = count
            end = self._bytes.find(b"\n", 0, count) + 1
            if end or not count:
                break
        self._ended = not count
        s.at = s.end = end
        s.line = number
        told = len(self._builder.events)
        self._reader.take(RawLine(number, start, head[:LINE_LIMIT], True, True))
        self._overlong += [start] * (len(self._builder.events) - told)
