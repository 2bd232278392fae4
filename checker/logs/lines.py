"""Reading logs, as text and JSON Lines share it: raw lines, the log as it grows, meaning of keys, faults of a line.

How a line is taken apart is the business of `text.py` and `jsonl.py`, which give an `Interpret` to `LogReader`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, BinaryIO, Final

from mipcheck.checker.console.errors import (
    LIMIT,
    InputError,
    Problem,
    did_you_mean,
    joined,
    listed,
    problem_in_line,
    quoted,
)
from mipcheck.checker.logs.grammar import terminal
from mipcheck.checker.site.site import KEYS, Site, SiteError, site_from_words
from mipcheck.checker.trace.source import ALL, Sight, SourceError, read_resolution, read_sees
from mipcheck.checker.trace.source import KEYS as SOURCE_KEYS
from mipcheck.checker.trace.spans import Span as GapSpan
from mipcheck.checker.trace.spans import SpanError, span_of
from mipcheck.checker.trace.times import read_datetime, read_seconds
from mipcheck.checker.trace.vocabulary import Vocabulary
from mipcheck.model.values.errors import MipcheckError
from mipcheck.model.values.event import Event, Position
from mipcheck.model.values.nearest import closest
from mipcheck.model.values.types import ID, Type, Value

if TYPE_CHECKING:
    from mipcheck.model.specification.spec import EventType, Key

MAGIC: Final = "mipcheck-trace"
VERSIONS: Final = (1,)
FIRST_LINE: Final = f"{MAGIC} {VERSIONS[-1]}"
LINE_LIMIT: Final = 64 * 1024
"""Bytes of a line, its ending not counted."""

REMEMBERED: Final = 1000
"""Problems kept when bad lines are skipped; beyond that they are only counted."""


@dataclass
class Log:
    """A log as read. Times are ns since the epoch if `absolute`, else as the log counts them.

    `lines` is the number of lines in the file, `skipped` that of bad lines left out (under keep_going) for the
    reasons in `problems`. `given` names the site keys that the log states explicitly, `sight` is what its source shows,
    `fractions` whether any time has a fraction of a second, `spans` are times in which evidence is missing.
    """

    events: list[Event]
    site: Site
    lines: int
    skipped: int = 0
    problems: list[Problem] = field(default_factory=list)
    absolute: bool = False
    given: frozenset[str] = frozenset()
    sight: Sight = ALL
    fractions: bool = True
    spans: list[GapSpan] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a line, at `width` characters from index `start` on. A fatal one ends the reading."""

    start: int
    width: int
    message: str
    hint: str = ""
    fatal: bool = False


class LineError(MipcheckError):
    """A line that cannot be parsed."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class KeyValue:
    """A key and its value, each with its index in the line. `value` is a word (str), or what JSON held."""

    key: str
    key_at: int
    value: object
    value_at: int
    value_width: int
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """A word of a line and its index there."""

    word: str
    at: int


@dataclass(frozen=True, slots=True)
class RawLine:
    """A line of a file, counted from 1, without its ending; `offset` in bytes. `whole` is whether it had an ending."""

    number: int
    offset: int
    data: bytes
    whole: bool
    overlong: bool = False


def raw_lines(stream: BinaryIO) -> Iterator[RawLine]:
    """Read the lines of a file. A byte order mark is dropped, and so is what a line holds beyond LINE_LIMIT."""
    number, offset = 0, 0
    room = LINE_LIMIT + len(b"\xef\xbb\xbf\r\n") + 1  # what fills it without an ending is too long for certain
    while piece := stream.readline(room):
        number, start, offset = number + 1, offset, offset + len(piece)
        whole = piece.endswith(b"\n")
        tail = piece
        while len(piece) == room and not tail.endswith(b"\n") and (tail := stream.readline(LINE_LIMIT)):
            offset += len(tail)
        data = piece.removesuffix(b"\n").removesuffix(b"\r")
        if number == 1 and data.startswith(b"\xef\xbb\xbf"):
            data, start = data[3:], 3
        if len(data) > LINE_LIMIT:
            yield RawLine(number, start, data[:LINE_LIMIT], whole=True, overlong=True)
        else:
            yield RawLine(number, start, data, whole)


@dataclass(frozen=True, slots=True)
class Time:
    """A time as written: ns, and whether it was absolute (RFC 3339)."""

    ns: int
    absolute: bool
    span: Span


@dataclass
class LogBuilder:
    """A log while it is read: what it has said so far. Methods return what is wrong, and then have added nothing.

    `words` are those of the site lines, `stated` the line of each. `first` is the time that decides between absolute
    and relative, with its line; `mixed` is whether another kind of time was met. If `settled`, the role is known from
    elsewhere, whatever the site says. `sight` is what the source shows, `described` are the keys that say so.
    `fractions` is whether a time has had a fraction of a second, `spans` are times in which evidence is missing.
    """

    name: str
    vocabulary: Vocabulary
    keep_going: bool
    headed: bool = False
    words: dict[str, str] = field(default_factory=dict)
    stated: dict[str, int] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    last: Time | None = None
    first: tuple[Time, int] | None = None
    mixed: bool = False
    settled: bool = False
    sight: Sight = ALL
    described: set[str] = field(default_factory=set)
    fractions: bool = False
    spans: list[GapSpan] = field(default_factory=list)
    counting: bool = False
    """Whether faults are only counted by now, so that none needs a description."""

    def add_header(self, version: str, at: int) -> list[Fault]:
        """Add the header, which states a version at index `at` of its line."""
        if self.headed:
            return [Fault(at, len(version), "a second header")]
        if version not in map(str, VERSIONS):
            known = " and ".join(map(str, VERSIONS))
            hint = f"this mipcheck knows version {known}"
            return [Fault(at, len(version), f"unknown version {quoted(version)} of {MAGIC}", hint, fatal=True)]
        self.headed = True
        return []

    def add_site(self, number: int, pairs: Sequence[KeyValue], at: int) -> list[Fault]:
        """Add the pairs of a site line, whose values are words; `at` is where the line begins to be one.

        Several site lines add up; saying the same twice is harmless, contradiction is not.
        """
        if self.events:
            return [Fault(at, len("site"), "site after the first event", "site lines come before all events")]
        faults: list[Fault] = []
        new: dict[str, str] = {}
        for pair in pairs:
            word = str(pair.value)
            earlier = new.get(pair.key, self.words.get(pair.key))
            if earlier is not None and earlier != word:
                where = f" in line {self.stated[pair.key]}" if pair.key in self.stated else ""
                message = f"site key {quoted(pair.key)} again with another value"
                faults.append(Fault(pair.key_at, len(pair.key), message, f"it was {quoted(earlier)}{where}"))
                continue
            if fault := self._site_fault(pair, word):
                faults.append(fault)
                if len(faults) > LIMIT or self.counting:
                    break
            new[pair.key] = word
        if not faults:
            self.words |= new
            self.stated |= {k: self.stated.get(k, number) for k in new}
            if "role" in new and not self.settled:
                self.vocabulary = self.vocabulary.for_role(new["role"])
        return faults

    def _site_fault(self, pair: KeyValue, word: str) -> Fault | None:
        """Return what is wrong with a pair of a site line by itself."""
        known = pair.key in KEYS or pair.key in self.vocabulary.parameters
        if self.counting and not known:
            return Fault(pair.key_at, len(pair.key), "")
        try:
            site_from_words(
                {pair.key: word}, self.vocabulary.parameters, self.vocabulary.capabilities, self.vocabulary.roles
            )
        except SiteError as error:
            start, width = (pair.value_at, pair.value_width) if known else (pair.key_at, len(pair.key))
            return Fault(start, width, error.message, error.hint)
        return None

    def add_source(
        self, sees: tuple[KeyValue, Sequence[Span]] | None, resolution: KeyValue | None, at: int
    ) -> list[Fault]:
        """Add what the source shows: the items of `sees` with their places, and its `resolution`, a word.

        `at` is where the line begins to speak of it.
        """
        if self.first is not None:
            return [Fault(at, len("source"), "source after the first event", "source lines come before all events")]
        faults: list[Fault] = []
        sight = self.sight
        known = dict(self.vocabulary.events)
        for of_role in self.vocabulary.roles.values():
            known = {**of_role, **known}
        for pair in (sees[0] if sees else None, resolution):
            if pair is not None and pair.key in self.described:
                faults.append(Fault(pair.key_at, len(pair.key), f"source key {quoted(pair.key)} appears twice"))
        if sees is not None:
            items = sees[1]
            try:
                sight = replace(read_sees([i.word for i in items], known), resolution=sight.resolution)
            except SourceError as error:
                item = items[error.index]
                faults.append(Fault(item.at, len(item.word) or 1, error.message, error.hint))
        if resolution is not None:
            try:
                sight = replace(sight, resolution=read_resolution(str(resolution.value)))
            except SourceError as error:
                faults.append(Fault(resolution.value_at, resolution.value_width, error.message, error.hint))
        if not faults:
            self.sight = sight
            self.described |= {p.key for p in (sees[0] if sees else None, resolution) if p is not None}
        return faults

    def add_event(
        self,
        number: int,
        time: Time,
        interface: str,
        kind: Span,
        pairs: Sequence[KeyValue],
        read: Callable[[Key, KeyValue], Value | Fault | None],
    ) -> list[Fault]:
        """Add the event of a line. `read` gives the value of a pair, or its fault, or None if it says nothing."""
        faults = self._time_faults(number, time)
        declared = self.vocabulary.events.get(kind.word)
        if declared is None and self.counting:
            return [*faults, Fault(kind.at, len(kind.word), "")]
        if declared is None:
            known = list(self.vocabulary.events)
            hint = joined(did_you_mean(kind.word, known), f"events: {listed(known)}")
            return [*faults, Fault(kind.at, len(kind.word), f"unknown event {quoted(kind.word)}", hint)]
        args, wrong = read_pairs(declared, kind, pairs, read, 1 if self.counting else LIMIT + 1)
        faults += wrong
        if faults:
            return faults
        event = Event(time.ns, interface, kind.word, args, Position(self.name, number))
        try:
            span = span_of(event, declared.sender == "observer")
        except SpanError as error:
            pair = next(p for p in pairs if p.key == error.key)
            return [Fault(pair.value_at, pair.value_width, error.message, error.hint)]
        if span is not None and span.absolute not in (None, time.absolute):
            return [Fault(kind.at, len(kind.word), "the gap's times are of another kind than the log's", _TIMES)]
        self.fractions |= "." in time.span.word
        if span is not None:
            self.spans.append(span)
            return []
        self.first = self.first or (time, number)
        self.last = time
        self.events.append(event)
        return []

    def _time_faults(self, number: int, time: Time) -> list[Fault]:
        """Return what is wrong with a time after those before it: another kind of time, or one that runs backwards."""
        first, first_line = self.first or (time, number)
        at, width = time.span.at, len(time.span.word)
        if first.absolute != time.absolute:
            report, self.mixed = self.keep_going or not self.mixed, True
            names = ("relative (seconds)", "absolute (RFC 3339)")
            message = f"{names[time.absolute]} time {quoted(time.span.word)} in a log of {names[first.absolute]} times"
            hint = f"line {first_line} has {quoted(first.span.word)}; a log has to keep to one kind"
            return [Fault(at, width, message, hint)] if report else []
        if self.last is not None and time.ns < self.last.ns:
            message = f"time runs backwards: {quoted(time.span.word)} after {quoted(self.last.span.word)}"
            if not self.keep_going:
                self.last = time  # one jump is one problem, not one for every line that follows
            return [Fault(at, width, message, "events have to be in order of time")]
        return []


def read_pairs(
    declared: EventType,
    kind: Span,
    pairs: Sequence[KeyValue],
    read: Callable[[Key, KeyValue], Value | Fault | None],
    most: int = LIMIT + 1,
) -> tuple[dict[str, Value], list[Fault]]:
    """Return the arguments of an event of the declared kind, and what is wrong with them, but no more than `most`.

    `kind` is where the line names the event; `read` is as for `LogBuilder.add_event`.
    """
    keys = declared.by_name
    args: dict[str, Value] = {}
    faults: list[Fault] = []
    seen: set[str] = set()
    for pair in pairs:
        if len(faults) >= most:
            return args, faults
        if pair.key in seen:
            faults.append(Fault(pair.key_at, len(pair.key), f"key {quoted(pair.key)} appears twice"))
            continue
        seen.add(pair.key)
        if pair.key not in keys:
            if most == 1:  # to find the nearest name takes longer than all else
                return args, [Fault(pair.key_at, len(pair.key), "")]
            message = f"unknown key {quoted(pair.key)} of event {declared.name}"
            hint = joined(did_you_mean(pair.key, keys), signature(declared))
            faults.append(Fault(pair.key_at, len(pair.key), message, hint))
            seen.add(closest(pair.key, keys) or "")  # misspelt: reported once, not as missing too
            continue
        value = read(keys[pair.key], pair)
        if isinstance(value, Fault):
            faults.append(value)
        elif value is not None:
            args[pair.key] = value
        else:
            seen.discard(pair.key)
    missing = [k.name for k in declared.keys if not k.optional and k.name not in seen]
    if missing:
        which = ("key " if len(missing) == 1 else "keys ") + " ".join(missing)
        faults.append(Fault(kind.at, len(kind.word), f"event {declared.name} lacks {which}", signature(declared)))
    return args, faults


_ROUTERS: Final = re.compile(r"[Ss][Bb][Dd][Mm][Gg][VvRr][Tt][Xx]?")
_LETTERS: Final = frozenset("SBDMGrT")
_BARE_HEX: Final = re.compile(r"(?=[0-9]*[A-Fa-f])(?:[0-9A-Fa-f]{2}){1,8}")


def as_printed(type_: Type, word: str) -> str:
    """Return the word of a log for one that other programs print for a value of that type, where that is unmistakable.

    Routers print all option letters of a registration, those that are not set in lower case (`sbDmgvT`). Hexadecimal
    identifications may lack their 0x if a letter shows what they are.
    """
    if type_ == ID and _BARE_HEX.fullmatch(word):
        return f"0x{word}"
    if type_.is_set and set(type_.members) == _LETTERS and _ROUTERS.fullmatch(word) and not set(word) <= _LETTERS:
        return "".join("r" if c in "VR" else c for c in word if c.isupper() and c != "X") or "-"
    return word


def signature(declared: EventType) -> str:
    """Return which keys an event has, as messages say it: `keys of rrq: to path … [home] [via]`."""
    names = [f"[{k.name}]" if k.optional else k.name for k in declared.keys]
    return f"keys of {declared.name}: {listed(names)}" if names else f"{declared.name} has no keys"


def value_fault(key: Key, pair: KeyValue, shown: str, wanted: str) -> Fault:
    """Return the fault of a value, as `shown` in the message, that its key cannot have; `wanted` says what it can."""
    hint = joined(did_you_mean(shown, key.type.members if key.type.is_enum else ()), f"expected {wanted}")
    return Fault(pair.value_at, pair.value_width, f"{quoted(shown)} is no value of key {key.name}", hint)


def source_faults(pairs: Sequence[KeyValue]) -> list[Fault]:
    """Return a fault for each pair of a source whose key it does not have."""
    return [
        Fault(
            p.key_at,
            len(p.key),
            f"unknown source key {quoted(p.key)}",
            joined(did_you_mean(p.key, SOURCE_KEYS), f"keys of source: {listed(SOURCE_KEYS)}"),
        )
        for p in pairs
        if p.key not in SOURCE_KEYS
    ]


Interpret = Callable[[LogBuilder, int, str], list[Fault]]
"""Takes a line (by number and text) into a log; returns what is wrong with it. May raise LineError."""


def read_lines(
    stream: BinaryIO,
    name: str,
    vocabulary: Vocabulary,
    keep_going: bool,
    interpret: Interpret,
    first: str = FIRST_LINE,
    role: str | None = None,
) -> Log:
    """Read a log whose lines `interpret` understands; `first` is what the first line has to be, for messages.

    Where `role` does not say whose trace it is, its site lines do; until then it is a mobile node's. Raises InputError,
    and RoleError for a role that the specification has not.
    """
    reader = LogReader(name, vocabulary, keep_going, interpret, first, role)
    for line in raw_lines(stream):
        reader.take(line)
    return reader.log()


class LogReader:
    """Reads a log line by line: `builder` is the log as it grows, `problems` are what is wrong with it.

    `lines` counts the lines taken, `skipped` the bad ones among them.
    """

    def __init__(
        self, name: str, vocabulary: Vocabulary, keep_going: bool, interpret: Interpret, first: str, role: str | None
    ) -> None:
        """Begin a log called `name` in messages; the rest is as for `read_lines`. Raises RoleError."""
        if role is not None:
            vocabulary = vocabulary.for_role(role)
        self.builder = LogBuilder(name, vocabulary, keep_going, settled=role is not None)
        self.problems: list[Problem] = []
        self.lines = 0
        self.skipped = 0
        self._interpret, self._first = interpret, first

    def take(self, line: RawLine) -> None:
        """Take the next line. Raises InputError for one after which there is no sense in going on."""
        self.lines = line.number
        builder, name = self.builder, self.builder.name
        text, faults = _take(builder, line, self._interpret, self._first)
        if not faults:
            return
        self.skipped += 1
        fatal = any(f.fatal for f in faults)
        if builder.counting and not fatal:
            return
        found = [_problem(name, line, text, f) for f in faults[: LIMIT + 1]]
        if fatal:
            raise InputError([*self.problems, *found])
        self.problems += found[: REMEMBERED - len(self.problems)] if builder.keep_going else found
        builder.counting = builder.keep_going and len(self.problems) >= REMEMBERED
        if not builder.keep_going and len(self.problems) > LIMIT:
            raise InputError(self.problems[:LIMIT], more=True)

    def check(self) -> None:
        """Raise InputError, at the end, if there was no header, or problems that are not to be skipped."""
        if not self.builder.headed:
            message = "the file has no header" if self.lines else "the file is empty"
            raise InputError(
                [Problem(Position(self.builder.name, 1), message, f"the first line has to be: {self._first}")]
            )
        if self.problems and not self.builder.keep_going:
            raise InputError(self.problems)

    @property
    def absolute(self) -> bool:
        """Whether times count from the epoch, as far as there are events."""
        return self.builder.first is not None and self.builder.first[0].absolute

    @property
    def given(self) -> frozenset[str]:
        """The site keys that the site lines have stated so far."""
        return frozenset(self.builder.words)

    def site(self) -> Site:
        """Return the site that the site lines have described so far."""
        builder = self.builder
        vocabulary = builder.vocabulary
        return site_from_words(builder.words, vocabulary.parameters, vocabulary.capabilities, vocabulary.roles)

    def log(self) -> Log:
        """Return all that was read. Raises InputError as `check` does."""
        self.check()
        return Log(
            self.builder.events,
            self.site(),
            self.lines,
            self.skipped,
            self.problems,
            self.absolute,
            self.given,
            self.builder.sight,
            self.builder.fractions,
            self.builder.spans,
        )

    @property
    def sight(self) -> Sight:
        """What the source shows, as far as the lines so far have told."""
        return self.builder.sight

    @property
    def fractions(self) -> bool:
        """Whether a time so far has had a fraction of a second."""
        return self.builder.fractions

    @property
    def spans(self) -> list[GapSpan]:
        """The times so far in which evidence is missing."""
        return self.builder.spans


def _take(builder: LogBuilder, line: RawLine, interpret: Interpret, first: str) -> tuple[str, list[Fault]]:
    """Take a raw line into a log; return its text as far as it is text, and what is wrong with it.

    `first` is what the first line has to be, for messages.
    """
    try:
        text = line.data.decode("utf-8")
    except UnicodeDecodeError as error:
        text = line.data.decode("utf-8", "backslashreplace")
        if not line.overlong:
            return text, [_no_utf8(builder, line, error, first)]
    if line.overlong:
        hint = "" if builder.headed else f"the first line has to be: {first}"
        return "", [Fault(LINE_LIMIT, 1, f"the line is longer than {LINE_LIMIT} bytes", hint, not builder.headed)]
    try:
        faults = interpret(builder, line.number, text)
    except LineError as error:
        faults = [error.fault]
    if faults and not builder.headed and not any(f.fatal for f in faults):
        faults = [Fault(0, len(text), "this is not the header of a trace", f"the first line has to be: {first}", True)]
    if faults and not line.whole and builder.headed:
        faults = [replace(f, message=f"the file ends in the middle of a line: {f.message}") for f in faults]
    return text, faults


def _no_utf8(builder: LogBuilder, line: RawLine, error: UnicodeDecodeError, first: str) -> Fault:
    """Return the fault of a line that is no UTF-8, where `error` found it."""
    byte = line.data[error.start]
    message = f"invalid UTF-8: byte 0x{byte:02x} at byte offset {line.offset + error.start} of the file"
    if not line.whole and error.reason == "unexpected end of data":
        message = f"the file ends in the middle of a line: {message}"
    hint = "" if builder.headed else f"the first line has to be: {first}"
    if line.number == 1 and line.data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        hint = "this looks like UTF-16; logs are UTF-8"
    start = len(line.data[: error.start].decode("utf-8"))
    return Fault(start, len("\\xff"), message, hint, fatal=not builder.headed)


def _problem(name: str, line: RawLine, text: str, fault: Fault) -> Problem:
    """Return a fault of a line as a problem of the file called `name`; `text` is what is shown of the line."""
    at = Position(name, line.number)
    if line.overlong:
        return Problem(Position(name, line.number, column=fault.start + 1), fault.message, fault.hint)
    return problem_in_line(at, text, fault.start, fault.width, fault.message, fault.hint)


def read_time(word: str, at: int) -> Time:
    """Read a time in seconds or RFC 3339, which stands at index `at` of its line. Raises LineError."""
    try:
        if terminal("SECONDS").fullmatch(word):
            return Time(read_seconds(word), False, Span(word, at))
        if terminal("DATETIME").fullmatch(word):
            return Time(read_datetime(word), True, Span(word, at))
    except ValueError as error:
        raise LineError(Fault(at, len(word), f"{quoted(word)} is no time", str(error))) from None
    raise LineError(Fault(at, len(word), f"{quoted(word)} is no time", time_hint(word)))


_TIMES: Final = "expected seconds (12.9) or RFC 3339 (2026-11-23T02:56:02Z)"


def time_hint(word: str) -> str:
    """Return a hint at what keeps a word from being a time."""
    if re.fullmatch(r"-[0-9.]+", word):
        return "times are not negative"
    if re.search(r"\.[0-9]{10}", word):
        return "times have at most nine decimals (nanoseconds)"
    if re.fullmatch(r"[0-9]{11,}(\.[0-9]*)?", word):
        return "times reach 146 years at most; " + _TIMES
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:.]+", word):
        return "RFC 3339 needs an offset: Z or +01:00"
    if not word.isascii() and any(c.isdecimal() for c in word):
        return "only the digits 0 to 9 make numbers"
    return _TIMES
