"""Logs of any length, in columns.

The compiled parser takes lines as programs write them, a buffer at a time. Up to the first event, and for every line
that it is not sure of, a `LogReader` reads on, so that whatever is wrong with a log is said in the same words and with
the same consequences. Nothing is kept of an event that has gone by; its line is read again if it is asked for. What
text and JSON Lines have of their own is a `LogForm` (`form.py`), a way through a log is a `Pass` (`passes.py`).
"""

from __future__ import annotations

import contextlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterator
from typing import BinaryIO, Final

import numpy as np
from mipcheck.checker.logs.builder import LogBuilder
from mipcheck.checker.logs.bulk.form import TEXT, LogForm
from mipcheck.checker.logs.bulk.lexicon import Lexicon
from mipcheck.checker.logs.bulk.parsed import Words
from mipcheck.checker.logs.bulk.passes import FEWEST_ROWS, MOST_ROWS, ParsedRows, Pass, Point
from mipcheck.checker.logs.lines import LogReader
from mipcheck.checker.logs.parts import LINE_LIMIT, LineError
from mipcheck.checker.trace.columns import WHOLE, Array, Batch, Columns, EventTable, Whose
from mipcheck.checker.trace.derive import ACCESS, TRAVERSAL, derives
from mipcheck.checker.trace.spans import FROM, TO
from mipcheck.checker.trace.vocabulary import Vocabulary
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.native.compiled import Native, compiled
from mipcheck.model.specification.layering import Layering
from mipcheck.model.specification.spec import EventType, Spec
from mipcheck.model.values.event import NODE, Event

BUFFER: Final = 2**21
"""Bytes read at a time: few enough for the processor's cache, many enough that Python's part does not count."""

_SEEK_BUFFER: Final = 2**17
"""Bytes read at a time where a single event is looked for; longer than any line."""

_STRIDE: Final = 1024
"""Events between the places that are remembered, to read single events again."""

_REMEMBERED: Final = 4096
"""Single events that are remembered, as several findings may name one."""


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
        self.rows = min(MOST_ROWS, max(FEWEST_ROWS, MOST_ROWS // share))
        self.spare = 4 if share == 1 else 1  # one more than `ahead` has under way; what is merged is copied
        self._size = min(BUFFER, max(_SEEK_BUFFER, BUFFER // share))
        self.told: dict[str, Callable[[str], frozenset[str]]] = {}
        self.tells: dict[str, list[str]] = {}
        self.native: Native = compiled(form.unit())
        self.tokens = Words(rows_cap=256, letters_cap=4096)
        self.wide: set[str] = set()
        self._fractions = self._spans = False
        self._vocabulary, self._keep_going, self._role = vocabulary, keep_going, role
        self._points: list[Point] = []
        self._known: dict[int, Event] = {}
        self._seeker: Pass | None = None
        self._lexicon: Lexicon | None = None
        self.reader = self._new_reader()

    @property
    def events(self) -> list[EventType]:
        """The events that the log may tell of, as far as its site lines have told its role."""
        return list(self.reader.builder.vocabulary.events.values())

    @property
    def fractions(self) -> bool:
        """Whether, of the events read, any time has a fraction of a second."""
        return self._fractions or self.reader.fractions

    @property
    def spans(self) -> bool:
        """Whether any gap read has a span of its own."""
        return self._spans or any(not span.endless for span in self.reader.spans)

    def look_at(self, table: EventTable, time: Array) -> None:
        """Note what of the next events is not as usual: whole seconds, gaps with a span."""
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

    def _mark(self, batch: Batch, rows: ParsedRows) -> None:
        """Remember the places of a few events of a batch, from which single ones are found again."""
        for n in range(-batch.first % _STRIDE, len(batch), _STRIDE):
            place = int(rows.line[n]) - 1, int(rows.offset[n]), int(rows.time[n])
            self._points.append(Point(batch.first + n, *place))

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
                    self._known[number] = self._read(int(rows.line[row]), int(rows.offset[row]), int(rows.time[row]))
                    break
        return self._known[number]

    def following(
        self, number: int, limit: int, kinds: Collection[str], interface: str | None, whose: Whose = None
    ) -> Iterator[Event]:
        for places in self._found(number + 1, number + 1 + limit, kinds, interface, whose):
            yield from map(self._read, *(numbers.tolist() for numbers in places))

    def before(self, number: int, limit: int, kinds: Collection[str], most: int, whose: Whose = None) -> list[Event]:
        newest: list[tuple[int, int, int]] = []
        if number > 0:
            for places in self._found(max(0, number - limit), number, kinds, None, whose):
                newest = [*newest, *zip(*(numbers[-most:].tolist() for numbers in places), strict=True)][-most:]
        return [self._read(*place) for place in newest]

    def at(self, time: int) -> Iterator[Event]:
        """Yield the events of a log that has been read which have that time (ns)."""
        begun = bisect_left(self._points, time, key=lambda p: p.time)
        for batch, rows in self._from(self._points[max(0, begun - 1)].events, self.one_more_pass(small=True), _STRIDE):
            for row in np.flatnonzero(rows.time[: len(batch)] == time).tolist():
                yield self._read(int(rows.line[row]), int(rows.offset[row]), time)
            if len(batch) and int(rows.time[len(batch) - 1]) > time:
                return

    def _found(
        self, first: int, end: int, kinds: Collection[str], interface: str | None, whose: Whose
    ) -> Iterator[tuple[Array, Array, Array]]:
        """Yield lines, offsets and times of the events from number `first` to before `end` that are asked for."""
        wanted = [n for n, e in enumerate(self.events) if e.name in kinds]
        token = WHOLE if interface in (None, NODE) else self.interfaces.index(interface or NODE)
        for batch, rows in self._from(first, self.one_more_pass(), self.rows):
            begin, count = batch.first, len(batch)
            part = slice(max(0, first - begin), max(0, min(end - begin, count)))
            those = np.isin(rows.kind[part], wanted)
            if interface is not None:
                those &= rows.token[part] == token
            found = np.flatnonzero(those) + part.start
            if batch.table is not None:
                found = found[batch.table.are_of(found, whose, self.events)]
            yield rows.line[found], rows.offset[found], rows.time[found]
            if begin + count >= end:
                return

    def one_more_pass(self, small: bool = False) -> Pass:
        """Return a way through a log that has been read, for `batches_from`; a small one takes less to begin anew."""
        return Pass(self, self._resumed(), _SEEK_BUFFER if small else self._size)

    def batches_from(self, number: int, one: Pass, most: int) -> Iterator[Batch]:
        """Read on by a pass in batches of at most `most` rows, from event `number` or not far before it."""
        for batch, _ in self._from(number, one, most):
            yield batch

    def _from(self, number: int, one: Pass, most: int) -> Iterator[tuple[Batch, ParsedRows]]:
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

    def _read(self, line: int, offset: int, time: int) -> Event:
        """Read an event again whose line begins at an offset. Raises OSError if the file has changed since.

        Where the line was left out, it is the gap that stands for it, at a time (ns).
        """
        self.source.seek(offset)
        data = self.source.readline(LINE_LIMIT + 8)
        builder = LogBuilder(self.name, self.reader.builder.vocabulary, False, headed=True)
        data = data.removesuffix(b"\n").removesuffix(b"\r")
        with contextlib.suppress(LineError, UnicodeDecodeError):
            if len(data) <= LINE_LIMIT:
                self.form.interpret(builder, line, data.decode("utf-8"))
        stands = bool(builder.events) and builder.events[0].time == time
        if not stands and self._keep_going and (gap := builder.left_out(line, time)) is not None:
            return gap
        if not builder.events:
            raise OSError(f"line {line} of {self.name} has changed while it was read")
        return builder.events[0]
