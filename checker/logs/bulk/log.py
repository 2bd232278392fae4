"""Logs of any length, in columns.

The compiled parser (`bulk_lines.py`) takes lines as programs write them, a buffer at a time. Up to the first event, and
for every line that it is not sure of, `log.py` reads on, so that whatever is wrong with a log is said in the same words
and with the same consequences. Nothing is kept of an event that has gone by; its line is read again if it is asked for.
What is different for JSON Lines is a `Form` (`bulk_jsonl.py`).
"""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import BinaryIO, Final, NamedTuple

import numpy as np
from mipcheck.checker.logs.bulk import text_loop as lines
from mipcheck.checker.logs.bulk.form import ARGUMENTS, Form
from mipcheck.checker.logs.bulk.json_loop import OWN_KEYS
from mipcheck.checker.logs.lines import FIRST_LINE, LINE_LIMIT, RawLine, Reading, Span, Time, Trace
from mipcheck.checker.logs.text import interpret
from mipcheck.checker.site.site import TEXTUAL
from mipcheck.checker.trace.columns import NUMBER, WHOLE, Array, Batch, Columns, Table
from mipcheck.checker.trace.derive import ACCESS, STACK, TRAVERSAL, derives
from mipcheck.checker.trace.vocabulary import Vocabulary
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.native.compiled import Native, compiled
from mipcheck.model.native.unit import NativeError, Unit, constants_of, source_of
from mipcheck.model.specification.layering import Layering
from mipcheck.model.specification.spec import EventType, Spec
from mipcheck.model.values.event import NODE, Event
from mipcheck.model.values.types import Type

BUFFER: Final = 2**21
"""Bytes read at a time: few enough for the processor's cache, many enough that Python's part does not count."""

_SEEK_BUFFER: Final = 2**17
"""The same where a single event is looked for; longer than any line."""

_MOST_ROWS: Final = 2**15
_FEWEST_ROWS: Final = 2**10
_SLACK: Final = 128
"""Bytes after the buffer, so that looking for a date need not look for its end."""

_TOKENS: Final = 2**16
"""Names of interfaces; a log with more is read without native code."""

_STACKS: Final = 2**14
_STACK_LETTERS: Final = 2**22
"""Stacks that are remembered, and their letters; beyond that all are forgotten and told anew."""

_STRIDE: Final = 1024
"""Events between the places that are remembered, to read single events again."""

_TOLD: Final = (ACCESS, TRAVERSAL)

_REMEMBERED: Final = 4096
"""Single events that are remembered, as several findings may name one."""


@cache
def unit() -> Unit:
    """What is compiled; it is the same for all specifications. Raises NativeError."""
    return Unit("parse", ARGUMENTS, (source_of(lines),), constants_of(vars(lines)))


LINES: Final = Form(interpret, FIRST_LINE, unit, lambda line: line.split(None, 1)[0].decode("ascii"))
"""Text."""


def form_of(kind: str) -> Form:
    """That of a log (`log` or `jsonl`)."""
    if kind == "log":
        return LINES
    from mipcheck.checker.logs.bulk.form import JSON

    return JSON


class Words:
    """A table of words with their values, by scope, for the compiled parser."""

    def __init__(self, capacity: int, letters: int) -> None:
        self.table: Array = np.zeros((capacity, lines.W_WIDTH), np.int64)
        self.letters: Array = np.zeros(letters, np.uint8)
        self.count = self.used = 0

    def add(self, word: bytes, value: int, scope: int = 0) -> None:
        """A word that is not there yet."""
        while 2 * self.count + 2 > len(self.table) or self.used + len(word) > len(self.letters):
            self.grow()
        self.letters[self.used : self.used + len(word)] = np.frombuffer(word, np.uint8)
        self._place((_hash(word, scope), self.used, len(word), scope, value))
        self.count += 1
        self.used += len(word)

    def grow(self) -> None:
        """Twice the room."""
        old = self.table[self.table[:, lines.LENGTH] != 0]
        self.table = np.zeros((2 * len(self.table), lines.W_WIDTH), np.int64)
        self.letters = np.concatenate([self.letters, np.zeros_like(self.letters)])
        for entry in old:
            self._place(tuple(map(int, entry)))

    def _place(self, entry: tuple[int, ...]) -> None:
        mask = len(self.table) - 1
        at = entry[0] & mask
        while self.table[at, lines.LENGTH]:
            at = (at + 1) & mask
        self.table[at] = entry

    def words(self) -> list[str]:
        """The words, by their values, which count from 0."""
        found = self.table[self.table[:, lines.LENGTH] != 0]
        found = found[np.argsort(found[:, lines.VALUE])]
        data = self.letters.tobytes()
        return [data[e[lines.AT] : e[lines.AT] + e[lines.LENGTH]].decode("utf-8", "surrogatepass") for e in found]


def _hash(word: bytes, scope: int) -> int:
    """As the compiled parser has it, in 64 bits with a sign."""
    h = lines.BASIS ^ scope
    for byte in word:
        h = (h ^ byte) * lines.PRIME % 2**64
    h = h - 2**64 if h >= 2**63 else h
    return h ^ (h >> 31)


class Lexicon:
    """What a vocabulary lets a log say, as tables."""

    def __init__(
        self, events: Sequence[EventType], tells: Mapping[str, Sequence[str]], own_keys: Sequence[str] = ()
    ) -> None:
        self.events = events
        self.told: dict[str, tuple[str, ...]] = {}
        self.words = Words(1024, 8192)
        self.width = max((len(e.keys) for e in events), default=1) or 1
        self.kinds: Array = np.full((max(len(events), 1), lines.E_WIDTH), -1, np.int64)
        types: list[tuple[int, int, int, int]] = []
        scopes: dict[Type, int] = {}
        for number, name in enumerate(own_keys):
            self.words.add(name.encode(), number, OWN_KEYS)
        for kind, event in enumerate(events):
            if len(event.keys) > 62:
                raise NativeError("more keys than an integer has bits")
            self.words.add(event.name.encode(), kind)
            needed = sum(1 << slot for slot, key in enumerate(event.keys) if not key.optional)
            self.kinds[kind, lines.KEYS], self.kinds[kind, lines.NEEDED] = len(types), needed
            for name in tells.get(event.name, ()):
                names = [k.name for k in event.keys]
                self.kinds[kind, lines.STACK] = names.index(STACK)
                at = _TOLD.index(name)
                self.kinds[kind, lines.TOLD + at] = names.index(name)
                if self.told.setdefault(name, event.by_name[name].type.members) != event.by_name[name].type.members:
                    raise NativeError(f"{name} is not the same in all events")
            for slot, key in enumerate(event.keys):
                if key.name not in own_keys:
                    self.words.add(key.name.encode(), slot, kind + 1)
                types.append((*self._type(key.type, scopes, len(events) + 1), *_truths(key.type)))
        self.types: Array = np.array(types or [(0,) * lines.KT_WIDTH], np.int64)

    def _type(self, type_: Type, scopes: dict[Type, int], first: int) -> tuple[int, int]:
        values = {m: n for n, m in enumerate(type_.members)}
        if type_.name == "bool" and not type_.members:
            values = {"false": 0, "no": 0, "true": 1, "yes": 1}
        elif not type_.members:
            kinds = {"int": lines.INT, "id": lines.ID, "address": lines.ADDRESS}
            return (lines.TEXT if type_.name in TEXTUAL else kinds.get(type_.name, lines.OTHER)), 0
        if type_.is_set and len(values) > 62:
            raise NativeError(f"{type_.name} has too many members")
        if type_ not in scopes:
            scopes[type_] = first + len(scopes)
            for word, value in values.items():
                self.words.add(word.encode(), value, scopes[type_])
        letters = type_.is_set and all(len(m) == 1 for m in values)
        return (lines.LETTER_SET if letters else lines.WORD_SET if type_.is_set else lines.ENUM), scopes[type_]


def _truths(type_: Type) -> tuple[int, int]:
    """The values that `true` and `false` of JSON are, UNKNOWN if they are none."""
    if type_.name == "bool" and not type_.members:
        return 1, 0
    members = type_.members if type_.is_enum else ()
    true, false = (
        next((n for n, m in enumerate(members) if m in words), UNKNOWN) for words in (("yes", "true"), ("no", "false"))
    )
    return true, false


class _Point(NamedTuple):
    """A place from which a log can be read on: events and lines before it, its offset, and the time (ns) reached."""

    events: int
    lines: int
    offset: int
    time: int


@dataclass(frozen=True, slots=True)
class _Rows:
    """What the parser fills, and a place for each event's line in the file."""

    time: Array
    kind: Array
    token: Array
    line: Array
    offset: Array
    keys: Array

    @staticmethod
    def make(n: int, width: int) -> _Rows:
        return _Rows(
            np.empty(n, np.int64), np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int64),
            np.empty(n, np.int64), np.empty((n, width), np.int64),
        )  # fmt: skip


class BulkLog(Columns):
    """A log. `begin` reads up to the first event, where all is known that the site lines say.

    `source` can be read again from any place, and has nothing else to do. What headers tell is told in the columns once
    `tell` has said what that is. Iterating `batches` to the end for the first time raises InputError as `read_log`
    does; then `reading` tells of lines and of what was skipped. NativeError is raised for what only `read_log` reads.
    Where logs are read side by side, each has a `share` of the memory that one would take, one of so many.
    """

    def __init__(
        self, source: BinaryIO, name: str, vocabulary: Vocabulary, keep_going: bool = False, role: str | None = None,
        form: Form = LINES, share: int = 1,
    ) -> None:  # fmt: skip
        self.name, self.shapes, self.interfaces, self.files = name, [], [], (name,)
        self.source, self.form = source, form
        self.rows = min(_MOST_ROWS, max(_FEWEST_ROWS, _MOST_ROWS // share))
        self.spare = 4 if share == 1 else 1  # one more than `ahead` has under way; what is merged is copied
        self._size = min(BUFFER, max(_SEEK_BUFFER, BUFFER // share))
        self.told: dict[str, Callable[[str], frozenset[str]]] = {}
        self.tells: dict[str, list[str]] = {}
        self.native: Native = compiled(form.unit())
        self.tokens = Words(256, 4096)
        self.wide: set[str] = set()
        self._vocabulary, self._keep_going, self._role = vocabulary, keep_going, role
        self._points: list[_Point] = []
        self._known: dict[int, Event] = {}
        self._seeker: Pass | None = None
        self._lexicon: Lexicon | None = None
        self.reading = self._new_reading()

    @property
    def events(self) -> list[EventType]:
        """What the log may say, as far as its site lines have told its role."""
        return list(self.reading.trace.vocabulary.events.values())

    def begin(self) -> Reading:
        """Read up to the first event, or to the end if there is none. Raises InputError, RoleError."""
        next(self.batches(), None)
        return self.reading

    def tell(self, spec: Spec, capabilities: frozenset[str]) -> None:
        """Let columns tell what the headers of packets say, as `derive` does."""
        layering = Layering(spec, capabilities)
        self.told = {ACCESS: layering.modes, TRAVERSAL: layering.traversal}
        self.tells = derives(spec)
        self._lexicon = None

    def lexicon(self, events: list[EventType]) -> Lexicon:
        """The tables of what a log may say."""
        if self._lexicon is None or self._lexicon.events != events:
            self._lexicon = Lexicon(events, self.tells, self.form.own_keys)
        return self._lexicon

    def batches(self) -> Iterator[Batch]:
        reading = self._new_reading()
        one = Pass(self, reading, self._size)
        first = self._count is None
        if first:
            self.reading, self._points = reading, []
        for batch, rows in one.batches():
            if first:
                self._mark(batch, rows)
                self.interfaces = self._names()
            yield batch
        reading.check()
        if first:
            self._count, self.interfaces = one.events, self._names()

    def _new_reading(self) -> Reading:
        form = self.form
        return Reading(self.name, self._vocabulary, self._keep_going, form.interpret, form.first, self._role)

    def _names(self) -> list[str]:
        return self.interfaces if len(self.interfaces) == self.tokens.count else self.tokens.words()

    def _mark(self, batch: Batch, rows: _Rows) -> None:
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

    def following(self, number: int, limit: int, kinds: Collection[str], interface: str) -> Iterator[Event]:
        wanted = [n for n, e in enumerate(self.events) if e.name in kinds]
        token = WHOLE if interface == NODE else self.interfaces.index(interface)
        end = number + 1 + limit
        for batch, rows in self._from(number, self.one_more_pass(), self.rows):
            first, count = batch.first, len(batch)
            part = slice(max(0, number + 1 - first), max(0, min(end - first, count)))
            found = np.flatnonzero(np.isin(rows.kind[part], wanted) & (rows.token[part] == token)) + part.start
            for line, offset in [(int(rows.line[n]), int(rows.offset[n])) for n in found]:
                yield self._read(line, offset)
            if first + count >= end:
                return

    def one_more_pass(self, small: bool = False) -> Pass:
        """A way through a log that has been read, for `batches_from`; a small one takes less to begin anew."""
        return Pass(self, self._resumed(), _SEEK_BUFFER if small else self._size)

    def batches_from(self, number: int, one: Pass, most: int) -> Iterator[Batch]:
        """Batches of at most so many rows, the first of which begins with an event at that place or not far before."""
        for batch, _ in self._from(number, one, most):
            yield batch

    def _from(self, number: int, one: Pass, most: int) -> Iterator[tuple[Batch, _Rows]]:
        one.restart(self._points[max(0, bisect_right(self._points, number, key=lambda p: p.events) - 1)], most)
        yield from one.batches()

    def _resumed(self) -> Reading:
        """A reading that goes on where the first one was."""
        whole, reading = self.reading.trace, self._new_reading()
        trace = reading.trace
        trace.headed, trace.settled, trace.vocabulary = True, True, whole.vocabulary
        trace.first, trace.last, trace.mixed, trace.events = whole.first, whole.last, whole.mixed, whole.events[:1]
        return reading

    def _read(self, line: int, offset: int) -> Event:
        self.source.seek(offset)
        data = self.source.readline(LINE_LIMIT + 8)
        trace = Trace(self.name, self.reading.trace.vocabulary, False, headed=True)
        text = data.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "replace")
        if self.form.interpret(trace, line, text) or not trace.events:
            raise OSError(f"line {line} of {self.name} has changed while it was read")
        return trace.events[0]


class Pass:
    """A way through a log, a buffer of `size` bytes at a time."""

    def __init__(self, log: BulkLog, reading: Reading, size: int) -> None:
        self._log, self._reading, self._trace = log, reading, reading.trace
        self._size = size
        self._bytes = bytearray(size + _SLACK)
        self._buffer: Array = np.frombuffer(self._bytes, np.uint8)
        self._d = np.zeros(lines.SCALARS, np.int64)
        self._d[lines.BUFFER], self._d[lines.MOST] = len(self._buffer), log.rows
        self._scratch: list[Array] = [np.zeros(shape, np.int64) for shape in log.form.scratch]
        self._stacks = Words(1024, 1 << 16)
        self._said: Array = np.zeros((len(self._stacks.table), 2), np.int64)
        self._lexicon: Lexicon | None = None
        self._pool: list[_Rows] = []
        self._turn = self._synced = self._filled = self._at = self.events = 0
        self._ended = self._unfinished = False

    def restart(self, point: _Point, most: int) -> None:
        """Go on at another place, with at most so many rows in a batch."""
        d = self._d
        d[lines.OFFSET], d[lines.LINE], d[lines.POS], d[lines.END] = point.offset, point.lines, 0, 0
        d[lines.MOST] = min(most, self._log.rows)
        self.events, self._at, self._filled = point.events, point.offset, 0
        self._ended = self._unfinished = False
        first = self._trace.first
        assert first is not None
        self._trace.last = Time(point.time, first[0].absolute, Span("", 0))

    def batches(self) -> Iterator[tuple[Batch, _Rows]]:
        d, trace = self._d, self._trace
        start = None
        while trace.first is None:  # the site lines, and the first event
            if d[lines.POS] >= d[lines.END] and not self._fill():
                return
            if d[lines.POS] < d[lines.END]:
                start = int(d[lines.OFFSET] + d[lines.POS])
                self._take_line()
        if self._lexicon is None:
            self._prepare()
        first, last = trace.first, trace.last
        assert last is not None and first is not None
        d[lines.LAST], d[lines.ABSOLUTE] = last.ns, int(first[0].absolute)
        rows = self._next_rows()
        if start is not None:
            self._append(rows, trace.events[0], start)
            yield self._batch(rows), rows
            rows = self._next_rows()
        yield from self._native_batches(rows)

    def _native_batches(self, rows: _Rows) -> Iterator[tuple[Batch, _Rows]]:
        d = self._d
        while True:
            reason = self._parse(rows)
            if reason == lines.ODD:
                self._take_odd(rows)
            elif reason == lines.NEW_STACK:
                self._learn_stack()
            elif reason == lines.NO_ROOM:
                self._log.tokens.grow()
                if len(self._log.tokens.table) > 4 * _TOKENS:
                    raise NativeError("too many interfaces")
            else:
                if d[lines.ROWS]:
                    self._sync(rows)
                    yield self._batch(rows), rows
                    rows = self._next_rows()
                if reason == lines.DONE and not self._fill():
                    self._reading.lines = int(d[lines.LINE])
                    return

    def _parse(self, rows: _Rows) -> int:
        d, log, lexicon = self._d, self._log, self._lexicon
        assert lexicon is not None
        tokens, stacks, words = log.tokens, self._stacks, lexicon.words
        d[lines.WORDS_CAP], d[lines.LETTERS] = len(words.table), len(words.letters)
        d[lines.TOKENS_CAP], d[lines.TOKENS_LETTERS] = len(tokens.table), len(tokens.letters)
        d[lines.STACKS_CAP], d[lines.STACKS_LETTERS] = len(stacks.table), len(stacks.letters)
        d[lines.TOKENS], d[lines.TOKENS_USED] = tokens.count, tokens.used
        reason = log.native([
            d, self._buffer, words.table, words.letters, lexicon.kinds, lexicon.types, tokens.table, tokens.letters,
            stacks.table, stacks.letters, self._said, rows.time, rows.kind, rows.token, rows.line, rows.offset,
            rows.keys, *self._scratch,
        ])  # fmt: skip
        tokens.count, tokens.used = int(d[lines.TOKENS]), int(d[lines.TOKENS_USED])
        return reason

    def _prepare(self) -> None:
        events = list(self._trace.vocabulary.events.values())
        self._lexicon = self._log.lexicon(events)
        self._d[lines.WIDTH], self._d[lines.KINDS] = self._lexicon.width, len(self._lexicon.kinds)
        self._d[lines.KEY_TYPES] = len(self._lexicon.types)
        self._pool = [_Rows.make(self._log.rows, self._lexicon.width) for _ in range(self._log.spare)]

    def _next_rows(self) -> _Rows:
        self._turn = (self._turn + 1) % len(self._pool)
        self._d[lines.ROWS] = self._synced = 0
        return self._pool[self._turn]

    def _batch(self, rows: _Rows) -> Batch:
        count, first = int(self._d[lines.ROWS]), self.events
        self.events += count
        table = Table(rows.token[:count], rows.kind[:count], rows.keys[:count])
        return Batch(first, rows.time[:count], _ALL_ROWS[:count], rows.line[:count], table=table)

    # --- lines for `log.py` -----------------------------------------------------------------------------------------

    def _take_line(self) -> None:
        """The next line, whatever it is."""
        start = int(self._d[lines.POS])
        self._take(start, self._bytes.index(b"\n", start))

    def _take(self, start: int, stop: int) -> None:
        d = self._d
        number, offset = int(d[lines.LINE]) + 1, int(d[lines.OFFSET]) + start
        data = bytes(self._bytes[start:stop]).removesuffix(b"\r")
        if number == 1 and data.startswith(_MARK):
            data, offset = data[3:], 3
        whole = not (self._unfinished and stop + 1 == d[lines.END])
        overlong = len(data) > LINE_LIMIT
        d[lines.LINE], d[lines.POS] = number, stop + 1
        self._reading.take(RawLine(number, offset, data[:LINE_LIMIT], whole or overlong, overlong))

    def _take_odd(self, rows: _Rows) -> None:
        d, trace = self._d, self._trace
        self._sync(rows)
        start, offset = int(d[lines.POS]), int(d[lines.OFFSET] + d[lines.POS])
        self._take(start, int(d[lines.STOP]))
        if len(trace.events) > 1:
            self._append(rows, trace.events.pop(), offset)
        assert trace.last is not None
        d[lines.LAST] = trace.last.ns

    def _sync(self, rows: _Rows) -> None:
        """Tell the trace the time of the last event that the compiled parser took."""
        count = int(self._d[lines.ROWS])
        if count > self._synced:
            start = int(rows.offset[count - 1] - self._d[lines.OFFSET])
            word = self._log.form.time_word(bytes(self._bytes[start : self._bytes.index(b"\n", start)]))
            self._trace.last = Time(int(rows.time[count - 1]), bool(self._d[lines.ABSOLUTE]), Span(word, 0))
        self._synced = count

    def _append(self, rows: _Rows, event: Event, offset: int) -> None:
        """A row for an event that was read otherwise."""
        assert self._lexicon is not None and event.at.line is not None
        row = int(self._d[lines.ROWS])
        self._d[lines.ROWS] = self._synced = row + 1
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
        for n, name in enumerate(_TOLD):
            slot = int(self._lexicon.kinds[kind, lines.TOLD + n])
            if slot >= 0 and isinstance(stack, str) and name not in event.args:
                rows.keys[row, slot] = self._telling(stack)[n]

    def _token(self, interface: str) -> int:
        if interface == NODE:
            return WHOLE
        tokens, word = self._log.tokens, interface.encode("utf-8", "surrogatepass")  # which an escape can make
        if not word:
            raise NativeError("an interface without a name")
        for entry in tokens.table[tokens.table[:, lines.HASH] == _hash(word, 0)]:
            if bytes(tokens.letters[entry[lines.AT] : entry[lines.AT] + entry[lines.LENGTH]]) == word:
                return int(entry[lines.VALUE])
        tokens.add(word, tokens.count)
        return tokens.count - 1

    def _telling(self, stack: str) -> list[int]:
        """What a stack tells, in the order of `_TOLD`."""
        assert self._lexicon is not None
        known = self._lexicon.told
        return [
            sum(1 << n for n, m in enumerate(known.get(name, ())) if m in self._log.told[name](stack)) for name in _TOLD
        ]

    def _learn_stack(self) -> None:
        """A stack that has not been seen: what it tells."""
        d = self._d
        word = bytes(self._bytes[d[lines.BEGIN] : d[lines.STOP]])
        if self._stacks.count >= _STACKS or self._stacks.used + len(word) > _STACK_LETTERS:
            self._stacks = Words(1024, 1 << 16)
        self._stacks.add(word, self._stacks.count)
        if len(self._said) < len(self._stacks.table):
            more = np.zeros((len(self._stacks.table) - len(self._said), 2), np.int64)
            self._said = np.concatenate([self._said, more])
        self._said[self._stacks.count - 1] = self._telling(word.decode("ascii"))

    # --- bytes ------------------------------------------------------------------------------------------------------

    def _fill(self) -> bool:
        """Read on, so that there is another whole line; False at the end."""
        d, view = self._d, memoryview(self._bytes)
        rest = int(d[lines.POS])
        keep = self._filled - rest
        view[:keep] = view[rest : self._filled]
        d[lines.OFFSET] += rest
        d[lines.POS] = 0
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
            return self._fill() if d[lines.POS] >= d[lines.END] else True
        if self._ended and end < self._filled:
            self._bytes[self._filled] = 10
            self._filled += 1
            end = self._filled
            self._unfinished = True
        d[lines.END] = end
        return end > 0

    def _skip_overlong(self) -> None:
        """A line that is longer than the buffer: what it begins with is enough to say so."""
        head = bytes(self._bytes[: LINE_LIMIT + len(_MARK)])
        start = int(self._d[lines.OFFSET])
        number = int(self._d[lines.LINE]) + 1
        if number == 1 and head.startswith(_MARK):
            head, start = head[3:], 3
        while True:
            self._d[lines.OFFSET] += self._filled
            self._log.source.seek(self._at)
            count = self._log.source.readinto(memoryview(self._bytes)[: self._size])  # type: ignore[attr-defined]
            self._at += count
            self._filled = count
            end = self._bytes.find(b"\n", 0, count) + 1
            if end or not count:
                break
        self._ended = not count
        self._d[lines.POS] = self._d[lines.END] = end
        self._d[lines.LINE] = number
        self._reading.take(RawLine(number, start, head[:LINE_LIMIT], True, True))


_MARK: Final = b"\xef\xbb\xbf"
_ALL_ROWS: Final = np.arange(_MOST_ROWS, dtype=np.int32)


class Spool(io.RawIOBase):
    """What can be read once, kept in a file without a name so that it can be read again."""

    def __init__(self, pipe: BinaryIO, memory: int = 2**24) -> None:
        from tempfile import SpooledTemporaryFile

        self._pipe = pipe
        self._kept = SpooledTemporaryFile(memory)  # noqa: SIM115  # closed with this
        self._size = self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation("only from the start")
        self._at = offset
        return offset

    def tell(self) -> int:
        return self._at

    def readinto(self, into: memoryview, /) -> int:  # type: ignore[override]
        if self._at < self._size:
            self._kept.seek(self._at)
            data = self._kept.read(min(len(into), self._size - self._at))
        else:
            data = self._pipe.read(len(into))
            self._kept.seek(self._size)
            self._kept.write(data)
            self._size += len(data)
        into[: len(data)] = data
        self._at += len(data)
        return len(data)

    def holds(self, size: int) -> int:
        """How many bytes there are, once there are that many or the end has come; they are read for that."""
        at, piece = self._at, bytearray(2**18)
        self._at = self._size
        while self._size < size and self.readinto(memoryview(piece)):
            pass
        self._at = at
        return self._size

    def close(self) -> None:
        self._kept.close()
        super().close()
