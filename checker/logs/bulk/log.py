"""Logs of any length, in columns.

The compiled parser takes lines as programs write them, a buffer at a time. Up to the first event, and for every line
that it is not sure of, a `LogReader` reads on, so that whatever is wrong with a log is said in the same words and with
the same consequences. Nothing is kept of an event that has gone by; its line is read again if it is asked for. What
text and JSON Lines have of their own is a `LogForm` (`form.py`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, NamedTuple

import numpy as np
from mipcheck.checker.logs.bulk import parsed
from mipcheck.checker.logs.bulk.form import TEXT, LogForm
from mipcheck.checker.logs.bulk.lexicon import TOLD, Lexicon
from mipcheck.checker.logs.bulk.parsed import LogLines, Words
from mipcheck.checker.logs.lines import LINE_LIMIT, LogBuilder, LogReader, RawLine, Span, Time
from mipcheck.checker.trace.columns import NUMBER, WHOLE, Array, Batch, Columns, Table
from mipcheck.checker.trace.derive import ACCESS, STACK, TRAVERSAL, derives
from mipcheck.checker.trace.spans import FROM, TO
from mipcheck.checker.trace.vocabulary import Vocabulary
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.native.compiled import Native, compiled
from mipcheck.model.native.errors import NativeError
from mipcheck.model.specification.layering import Layering
from mipcheck.model.specification.spec import EventType, Spec
from mipcheck.model.values.event import NODE, Event

BUFFER: Final = 2**21
"""Bytes read at a time: few enough for the processor's cache, many enough that Python's part does not count."""

_SEEK_BUFFER: Final = 2**17
"""Bytes read at a time where a single event is looked for; longer than any line."""

_MOST_ROWS: Final = 2**15
"""Events in a batch, if a log is read alone; of several read side by side there are fewer, at least these:"""
_FEWEST_ROWS: Final = 2**10

_SLACK: Final = 128
"""Bytes after the buffer, so that looking for a date need not look for its end."""

_TOKENS: Final = 2**16
"""Names of interfaces; a log with more is read without native code."""

_STACKS: Final = 2**14
_STACK_LETTERS: Final = 2**22
"""Stacks that are remembered, and their letters; beyond that all are forgotten and told anew."""

_MARK: Final = b"\xef\xbb\xbf"
"""The byte order mark, which may stand before the first line."""

_ALL_ROWS: Final = np.arange(_MOST_ROWS, dtype=np.int32)

_STRIDE: Final = 1024
"""Events between the places that are remembered, to read single events again."""

_REMEMBERED: Final = 4096
"""Single events that are remembered, as several findings may name one."""


class _Point(NamedTuple):
    """A place from which a log can be read on: events and lines before it, its offset, and the time (ns) reached."""

    events: int
    lines: int
    offset: int
    time: int


@dataclass(frozen=True, slots=True)
class _ParsedRows:
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
    def make(n: int, width: int) -> _ParsedRows:
        """Make room for `n` events of at most `width` keys."""
        return _ParsedRows(
            np.empty(n, np.int64), np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int64),
            np.empty(n, np.int64), np.empty((n, width), np.int64),
        )  # fmt: skip


class BulkLog(Columns):
    """A log. `begin` reads up to the first event, where all is known that the site lines say.

    `source` can be read again from any place, and has nothing else to do. What headers tell is told in the columns once
    `tell` has said what that is. Iterating `batches` to the end for the first time raises InputError as `read_log`
    does; then `reader` tells of lines and of what was skipped. NativeError is raised for what only `read_log` reads.
    Where logs are read side by side, each has a `share` of the memory that one would take, one of so many.
    """

    def __init__(
        self, source: BinaryIO, name: str, vocabulary: Vocabulary, keep_going: bool = False, role: str | None = None,
        form: LogForm = TEXT, share: int = 1,
    ) -> None:  # fmt: skip
        self.name, self.shapes, self.interfaces, self.files = name, [], [], (name,)
        self.source, self.form = source, form
        self.rows = min(_MOST_ROWS, max(_FEWEST_ROWS, _MOST_ROWS // share))
        self.spare = 4 if share == 1 else 1  # one more than `ahead` has under way; what is merged is copied
        self._size = min(BUFFER, max(_SEEK_BUFFER, BUFFER // share))
        self.told: dict[str, Callable[[str], frozenset[str]]] = {}
        self.tells: dict[str, list[str]] = {}
        self.native: Native = compiled(form.unit())
        self.tokens = Words(rows_cap=256, letters_cap=4096)
        self.wide: set[str] = set()
        self._fractions = self._spans = False
        self._vocabulary, self._keep_going, self._role = vocabulary, keep_going, role
        self._points: list[_Point] = []
        self._known: dict[int, Event] = {}
        self._seeker: Pass | None = None
        self._lexicon: Lexicon | None = None
        self.reader = self._new_reader()

    @property
    def events(self) -> list[EventType]:
        """The events that the log may tell of, as far as its site lines have told its role."""
        return list(self.reader.builder.vocabulary.events.values())

    @property
    def odd_stamps(self) -> bool:
        """Whether, of the events read, no time has a fraction of a second, or a gap has a span of its own."""
        return self._spans or (self._count != 0 and not (self._fractions or self.reader.fractions))

    def look_at(self, table: Table, time: Array) -> None:
        """Note what of the next events the observer cannot do natively: whole seconds, gaps with a span."""
        if not self._fractions:
            self._fractions = bool((time % 10**9).any())
        for kind, slots in self._span_slots():
            gaps = table.keys[table.kind == kind]
            self._spans |= bool((gaps[:, slots] != UNKNOWN).any())

    def _span_slots(self) -> list[tuple[int, list[int]]]:
        """Return the number of each kind of gap, and the slots of the keys that give it a span."""
        return [
            (n, [slot for slot, key in enumerate(e.keys) if key.name in (FROM, TO)])
            for n, e in enumerate(self.events)
            if e.sender == "observer"
        ]

    def begin(self) -> LogReader:
        """Read up to the first event, or to the end if there is none. Raises InputError, RoleError."""
        next(self.batches(), None)
        return self.reader

    def tell(self, spec: Spec, capabilities: frozenset[str]) -> None:
        """Let columns tell what the headers of packets say, as `derive` does. Batches begun before do not."""
        layering = Layering(spec, capabilities)
        self.told = {ACCESS: layering.modes, TRAVERSAL: layering.traversal}
        self.tells = derives(spec)
        self._lexicon = None

    def lexicon(self, events: list[EventType]) -> Lexicon:
        """Return the tables of what a log may say that tells of these events."""
        if self._lexicon is None or self._lexicon.events != events:
            self._lexicon = Lexicon(events, self.tells, self.form.own_keys)
        return self._lexicon

    def batches(self) -> Iterator[Batch]:
        """Read the log from its start; the first time to the end also tells how long it is and where events stand."""
        reader = self._new_reader()
        one = Pass(self, reader, self._size)
        first = self._count is None
        if first:
            self.reader, self._points = reader, []
        for batch, rows in one.batches():
            if first:
                self._mark(batch, rows)
                self.interfaces = self._names()
            yield batch
        reader.check()
        if first:
            self._count, self.interfaces = one.events, self._names()

    def _new_reader(self) -> LogReader:
        form = self.form
        return LogReader(self.name, self._vocabulary, self._keep_going, form.interpret, form.first, self._role)

    def _names(self) -> list[str]:
        return self.interfaces if len(self.interfaces) == self.tokens.count else self.tokens.words()

    def _mark(self, batch: Batch, rows: _ParsedRows) -> None:
        """Remember the places of a few events of a batch, from which single ones are found again."""
        for n in range(-batch.first % _STRIDE, len(batch), _STRIDE):
            place = int(rows.line[n]) - 1, int(rows.offset[n]), int(rows.time[n])
            self._points.append(_Point(batch.first + n, *place))

    # --- single events ----------------------------------------------------------------------------------------------

    def event(self, number: int) -> Event:
        if number not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            if self._seeker is None:
                self._seeker = self.one_more_pass(small=True)
            for batch, rows in self._from(number, self._seeker, _STRIDE):
                if number < batch.first + len(batch):
                    row = number - batch.first
                    self._known[number] = self._read(int(rows.line[row]), int(rows.offset[row]))
                    break
        return self._known[number]

    def following(self, number: int, limit: int, kinds: Collection[str], interface: str | None) -> Iterator[Event]:
        for line, offset in self._found(number + 1, number + 1 + limit, kinds, interface):
            yield self._read(line, offset)

    def before(self, number: int, limit: int, kinds: Collection[str], most: int) -> list[Event]:
        newest = deque(self._found(max(0, number - limit), number, kinds, None), most) if number > 0 else ()
        return [self._read(line, offset) for line, offset in newest]

    def _found(self, first: int, end: int, kinds: Collection[str], interface: str | None) -> Iterator[tuple[int, int]]:
        """Yield lines and offsets of the events from number `first` to before `end` of such kinds."""
        wanted = [n for n, e in enumerate(self.events) if e.name in kinds]
        token = WHOLE if interface in (None, NODE) else self.interfaces.index(interface or NODE)
        for batch, rows in self._from(first, self.one_more_pass(), self.rows):
            begin, count = batch.first, len(batch)
            part = slice(max(0, first - begin), max(0, min(end - begin, count)))
            those = np.isin(rows.kind[part], wanted)
            if interface is not None:
                those &= rows.token[part] == token
            found = np.flatnonzero(those) + part.start
            yield from [(int(rows.line[n]), int(rows.offset[n])) for n in found]
            if begin + count >= end:
                return

    def one_more_pass(self, small: bool = False) -> Pass:
        """Return a way through a log that has been read, for `batches_from`; a small one takes less to begin anew."""
        return Pass(self, self._resumed(), _SEEK_BUFFER if small else self._size)

    def batches_from(self, number: int, one: Pass, most: int) -> Iterator[Batch]:
        """Read on by a pass in batches of at most `most` rows, from event `number` or not far before it."""
        for batch, _ in self._from(number, one, most):
            yield batch

    def _from(self, number: int, one: Pass, most: int) -> Iterator[tuple[Batch, _ParsedRows]]:
        one.restart(self._points[max(0, bisect_right(self._points, number, key=lambda p: p.events) - 1)], most)
        yield from one.batches()

    def _resumed(self) -> LogReader:
        """Return a reader that knows what the first one knew after the first event."""
        whole, reader = self.reader.builder, self._new_reader()
        builder = reader.builder
        builder.headed, builder.settled, builder.vocabulary = True, True, whole.vocabulary
        builder.first, builder.last, builder.mixed, builder.events = (
            whole.first,
            whole.last,
            whole.mixed,
            whole.events[:1],
        )
        return reader

    def _read(self, line: int, offset: int) -> Event:
        """Read an event again whose line begins at an offset. Raises OSError if the file has changed since."""
        self.source.seek(offset)
        data = self.source.readline(LINE_LIMIT + 8)
        builder = LogBuilder(self.name, self.reader.builder.vocabulary, False, headed=True)
        text = data.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "replace")
        if self.form.interpret(builder, line, text) or not builder.events:
            raise OSError(f"line {line} of {self.name} has changed while it was read")
        return builder.events[0]


class Pass:
    """A way through a log, a buffer of `size` bytes at a time.

    `_s` is what the parser works on. The buffer has lines from `_s.at` to `_s.end`, bytes up to `_filled`, and stands
    at `_s.offset` in the file, which is read on at `_at`. `events` counts those of the batches given; `_synced` of the
    rows at hand are known to the reader.
    """

    def __init__(self, log: BulkLog, reader: LogReader, size: int) -> None:
        self._log, self._reader, self._builder = log, reader, reader.builder
        self._size = size
        self._bytes = bytearray(size + _SLACK)
        self._s = s = log.form.lines(told_cap=1024)
        s.buf, s.buf_cap = np.frombuffer(self._bytes, np.uint8), len(self._bytes)
        s.rows_cap, s.tokens = log.rows, log.tokens
        s.stacks = Words(rows_cap=1024, letters_cap=1 << 16)
        self._lexicon: Lexicon | None = None
        self._pool: list[_ParsedRows] = []
        self._turn = self._synced = self._filled = self._at = self.events = 0
        self._ended = self._unfinished = False

    def restart(self, point: _Point, most: int) -> None:
        """Go on at another place, with at most `most` rows in a batch."""
        s = self._s
        s.offset, s.line, s.at, s.end = point.offset, point.lines, 0, 0
        s.rows_cap = min(most, self._log.rows)
        self.events, self._at, self._filled = point.events, point.offset, 0
        self._ended = self._unfinished = False
        first = self._builder.first
        assert first is not None
        self._builder.last = Time(point.time, first[0].absolute, Span("", 0))

    def batches(self) -> Iterator[tuple[Batch, _ParsedRows]]:
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

    def _native_batches(self, rows: _ParsedRows) -> Iterator[tuple[Batch, _ParsedRows]]:
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
                if reason == parsed.DONE and not self._fill():
                    self._reader.lines = s.line
                    return

    def _prepare(self) -> None:
        """Make the tables and the rows that the parser needs, now that the site lines have told the role."""
        events = list(self._builder.vocabulary.events.values())
        self._lexicon = self._log.lexicon(events)
        self._lexicon.give(self._s)
        self._pool = [_ParsedRows.make(self._log.rows, self._lexicon.width) for _ in range(self._log.spare)]

    def _next_rows(self) -> _ParsedRows:
        """Return rows to fill; those that others still use come round again later."""
        self._turn = (self._turn + 1) % len(self._pool)
        self._synced = 0
        rows = self._pool[self._turn]
        rows.give(self._s)
        return rows

    def _batch(self, rows: _ParsedRows) -> Batch:
        """Return the rows that are filled as the next batch."""
        count, first = self._s.rows, self.events
        self.events += count
        table = Table(rows.token[:count], rows.kind[:count], rows.keys[:count])
        self._log.look_at(table, rows.time[:count])
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

    def _take_odd(self, rows: _ParsedRows) -> None:
        """Give the line to the reader that the parser stopped at; what event it tells becomes a row."""
        s, builder = self._s, self._builder
        self._sync(rows)
        offset = s.offset + s.at
        self._take(s.at, s.stop)
        if len(builder.events) > 1:
            self._append(rows, builder.events.pop(), offset)
        assert builder.last is not None
        s.last = builder.last.ns

    def _sync(self, rows: _ParsedRows) -> None:
        """Tell the reader the time of the last event that the compiled parser took."""
        count = self._s.rows
        if count > self._synced:
            start = int(rows.offset[count - 1]) - self._s.offset
            word = self._log.form.time_word(bytes(self._bytes[start : self._bytes.index(b"\n", start)]))
            self._builder.last = Time(int(rows.time[count - 1]), bool(self._s.absolute), Span(word, 0))
        self._synced = count

    def _append(self, rows: _ParsedRows, event: Event, offset: int) -> None:
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
        self._reader.take(RawLine(number, start, head[:LINE_LIMIT], True, True))
