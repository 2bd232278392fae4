"""Trace logs in text: `mipcheck-trace 1`, `site` lines, one event a line (design.md section 5).

A line is parsed by the grammar in `log.lark`; its words are then given meaning by the specification's
declarations, which come in as a `Vocabulary`. `jsonl.py` shares everything but the parsing of a line.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from mipcheck.checker.errors import (
    LIMIT,
    InputError,
    Problem,
    did_you_mean,
    joined,
    listed,
    problem_in_line,
    quoted,
)
from mipcheck.checker.escape import escaped, printable
from mipcheck.checker.site import (
    KEYS,
    TEXTUAL,
    Site,
    SiteError,
    expected,
    read_value,
    site_from_words,
    site_words,
)
from mipcheck.model.errors import closest
from mipcheck.model.event import Event, Position
from mipcheck.model.types import Type, Value, ValueSyntaxError, show_seconds

if TYPE_CHECKING:
    from lark import Lark, Token, Tree
    from lark.exceptions import UnexpectedInput
    from mipcheck.model.spec import EventType, Key

MAGIC: Final = "mipcheck-trace"
VERSIONS: Final = (1,)
FIRST_LINE: Final = f"{MAGIC} {VERSIONS[-1]}"
LINE_LIMIT: Final = 64 * 1024
"""Bytes of a line, its ending not counted."""

REMEMBERED: Final = 1000
"""Problems kept when bad lines are skipped; beyond that they are only counted."""

TIME_LIMIT: Final = 2**62  # ns; what an observer's 64-bit state can add to

_NS: Final = 10**9
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


@dataclass(frozen=True)
class Vocabulary:
    """What a specification lets a trace say: its events, the types of its parameters, its capabilities.

    `roles` are the events by role; without it, `events` are the same for all.
    """

    events: Mapping[str, EventType]
    parameters: Mapping[str, Type]
    capabilities: Collection[str]
    roles: Mapping[str, Mapping[str, EventType]] = field(default_factory=dict)

    def for_role(self, role: str) -> Vocabulary:
        """What a trace may say that was taken at a node of that role. Raises RoleError if that is nothing."""
        if not self.roles:
            return self
        if role not in self.roles:
            raise RoleError(role, self.roles)
        return replace(self, events=self.roles[role])


class RoleError(ValueError):
    """A role of which the specification says nothing."""

    def __init__(self, role: str, known: Collection[str]) -> None:
        super().__init__(f"role={role}: the specification states no requirements on such a node, only on role "
                         f"{' '.join(known)}")  # fmt: skip


@dataclass
class Log:
    """A trace as read. Times are ns since the epoch if `absolute`, else as the log counts them.

    `lines` is the number of lines in the file, `skipped` that of bad lines left out (under keep_going) for the
    reasons in `problems`. `given` names the site keys that the log states explicitly.
    """

    events: list[Event]
    site: Site
    lines: int
    skipped: int = 0
    problems: list[Problem] = field(default_factory=list)
    absolute: bool = False
    given: frozenset[str] = frozenset()


def read_log(
    stream: BinaryIO, name: str, vocabulary: Vocabulary, keep_going: bool = False, role: str | None = None
) -> Log:
    """Read a text log; `name` stands for it in positions and messages. `role` is that of the node, if it is known.

    Raises InputError with up to 20 problems. With `keep_going` bad lines are skipped and counted instead, and
    only a missing or unknown header is an error. Raises RoleError if the node's role is one that is not spoken of.
    """
    return read_lines(stream, name, vocabulary, keep_going, interpret, role=role)


def write_log(
    events: Iterable[Event],
    site: Site,
    vocabulary: Vocabulary,
    comments: Iterable[str] = (),
    *,
    absolute: bool = False,
) -> str:
    """The canonical text of a trace, which `read_log` reads back to the same events and site.

    `comments` follow the header, a `#` line each. `absolute` writes times (ns since the epoch) as RFC 3339.
    Secret keys of the site are never written. Raises ValueError for what no log can hold: kinds, keys or values
    that are not in the vocabulary, times that are negative or run backwards.
    """
    vocabulary = vocabulary.for_role(site.role)
    words = writable_site(site, vocabulary)
    lines = [FIRST_LINE]
    lines += [f"# {printable(line)}".rstrip() for comment in comments for line in comment.splitlines() or [""]]
    for keys in ([k for k in words if k in KEYS], [k for k in words if k not in KEYS]):
        if keys:
            lines.append("site " + " ".join(f"{k}={_shown(words[k])}" for k in keys))
    show = show_datetime if absolute else show_seconds
    for event, shown in writable_events(events, vocabulary):
        types = vocabulary.events[event.kind].by_name
        pairs = [f"{k}={_shown(w) if types[k].type.name in TEXTUAL else w}" for k, w in shown.items()]
        interface = _shown(event.interface, also_quoted="=")
        lines.append(" ".join([show(event.time), interface, event.kind, *pairs]))
    return joined_lines(lines)


# ---- What text and JSON Lines share: lines, the trace as it grows, the meaning of keys ----


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a line, from index `start` on for `width` characters. A fatal one ends the reading."""

    start: int
    width: int
    message: str
    hint: str = ""
    fatal: bool = False


class LineError(Exception):
    """A line that cannot be parsed."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Pair:
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
    """The lines of a file. A byte order mark is dropped, and so is what a line holds beyond LINE_LIMIT."""
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
class Trace:
    """What has been read so far. Methods that add to it return what is wrong, and then have added nothing."""

    name: str
    vocabulary: Vocabulary
    keep_going: bool
    headed: bool = False
    words: dict[str, str] = field(default_factory=dict)
    stated: dict[str, int] = field(default_factory=dict)  # the line of each site key
    events: list[Event] = field(default_factory=list)
    last: Time | None = None
    first: tuple[Time, int] | None = None  # the time that decides between absolute and relative, and its line
    mixed: bool = False
    settled: bool = False  # the role is known from elsewhere, whatever the site says

    def add_header(self, version: str, at: int) -> list[Fault]:
        if self.headed:
            return [Fault(at, len(version), "a second header")]
        if version not in map(str, VERSIONS):
            known = " and ".join(map(str, VERSIONS))
            hint = f"this mipcheck knows version {known}"
            return [Fault(at, len(version), f"unknown version {quoted(version)} of {MAGIC}", hint, fatal=True)]
        self.headed = True
        return []

    def add_site(self, number: int, pairs: Sequence[Pair], at: int) -> list[Fault]:
        """Pairs hold words. Several site lines add up; saying the same twice is harmless, contradiction is not."""
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
            new[pair.key] = word
        if not faults:
            self.words |= new
            self.stated |= {k: self.stated.get(k, number) for k in new}
            if "role" in new and not self.settled:
                self.vocabulary = self.vocabulary.for_role(new["role"])
        return faults

    def _site_fault(self, pair: Pair, word: str) -> Fault | None:
        try:
            site_from_words(
                {pair.key: word}, self.vocabulary.parameters, self.vocabulary.capabilities, self.vocabulary.roles
            )
        except SiteError as error:
            known = pair.key in KEYS or pair.key in self.vocabulary.parameters
            start, width = (pair.value_at, pair.value_width) if known else (pair.key_at, len(pair.key))
            return Fault(start, width, error.message, error.hint)
        return None

    def add_event(
        self,
        number: int,
        time: Time,
        interface: str,
        kind: Span,
        pairs: Sequence[Pair],
        read: Callable[[Key, Pair], Value | Fault | None],
    ) -> list[Fault]:
        """`read` gives the value of a pair, or what is wrong with it, or None if it says nothing after all."""
        faults = self._time_faults(number, time)
        declared = self.vocabulary.events.get(kind.word)
        if declared is None:
            known = list(self.vocabulary.events)
            hint = joined(did_you_mean(kind.word, known), f"events: {listed(known)}")
            return [*faults, Fault(kind.at, len(kind.word), f"unknown event {quoted(kind.word)}", hint)]
        args, wrong = read_pairs(declared, kind, pairs, read)
        faults += wrong
        if not faults:
            self.first = self.first or (time, number)
            self.last = time
            self.events.append(Event(time.ns, interface, kind.word, args, Position(self.name, number)))
        return faults

    def _time_faults(self, number: int, time: Time) -> list[Fault]:
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
    declared: EventType, kind: Span, pairs: Sequence[Pair], read: Callable[[Key, Pair], Value | Fault | None]
) -> tuple[dict[str, Value], list[Fault]]:
    """The arguments of an event of the declared kind, and all that is wrong with them."""
    keys = declared.by_name
    args: dict[str, Value] = {}
    faults: list[Fault] = []
    seen: set[str] = set()
    for pair in pairs:
        if pair.key in seen:
            faults.append(Fault(pair.key_at, len(pair.key), f"key {quoted(pair.key)} appears twice"))
            continue
        seen.add(pair.key)
        if pair.key not in keys:
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


def signature(declared: EventType) -> str:
    """`keys of rrq: to path … [home] [via]`."""
    names = [f"[{k.name}]" if k.optional else k.name for k in declared.keys]
    return f"keys of {declared.name}: {listed(names)}" if names else f"{declared.name} has no keys"


def value_fault(key: Key, pair: Pair, shown: str, wanted: str) -> Fault:
    """The fault of a value that its key cannot have."""
    hint = joined(did_you_mean(shown, key.type.members if key.type.is_enum else ()), f"expected {wanted}")
    return Fault(pair.value_at, pair.value_width, f"{quoted(shown)} is no value of key {key.name}", hint)


Interpret = Callable[[Trace, int, str], list[Fault]]
"""Takes a line (by number and text) into a trace; returns what is wrong with it. May raise LineError."""


def read_lines(
    stream: BinaryIO,
    name: str,
    vocabulary: Vocabulary,
    keep_going: bool,
    interpret: Interpret,
    first: str = FIRST_LINE,
    role: str | None = None,
) -> Log:
    """Read a trace whose lines `interpret` understands; `first` is what the first line has to be, for messages.

    Where `role` does not say whose trace it is, its site lines do; until then it is a mobile node's.
    """
    reading = Reading(name, vocabulary, keep_going, interpret, first, role)
    for line in raw_lines(stream):
        reading.take(line)
    return reading.log()


class Reading:
    """A log, line by line: the trace as it grows, and what is wrong with it."""

    def __init__(
        self, name: str, vocabulary: Vocabulary, keep_going: bool, interpret: Interpret, first: str, role: str | None
    ) -> None:
        if role is not None:
            vocabulary = vocabulary.for_role(role)
        self.trace = Trace(name, vocabulary, keep_going, settled=role is not None)
        self.problems: list[Problem] = []
        self.lines = 0
        self.skipped = 0
        self._interpret, self._first = interpret, first

    def take(self, line: RawLine) -> None:
        """Take the next line. Raises InputError for one after which there is no sense in going on."""
        self.lines = line.number
        trace, name = self.trace, self.trace.name
        text, faults = _take(trace, line, self._interpret, self._first)
        if not faults:
            return
        self.skipped += 1
        found = [_problem(name, line, text, f) for f in faults]
        if any(f.fatal for f in faults):
            raise InputError([*self.problems, *found])
        self.problems += found[: REMEMBERED - len(self.problems)] if trace.keep_going else found
        if not trace.keep_going and len(self.problems) > LIMIT:
            raise InputError(self.problems[:LIMIT], more=True)

    def check(self) -> None:
        """At the end: raises InputError if there was no header, or problems that are not to be skipped."""
        if not self.trace.headed:
            message = "the file has no header" if self.lines else "the file is empty"
            raise InputError(
                [Problem(Position(self.trace.name, 1), message, f"the first line has to be: {self._first}")]
            )
        if self.problems and not self.trace.keep_going:
            raise InputError(self.problems)

    def site(self) -> Site:
        """What the site lines have said so far."""
        trace = self.trace
        vocabulary = trace.vocabulary
        return site_from_words(trace.words, vocabulary.parameters, vocabulary.capabilities, vocabulary.roles)

    def log(self) -> Log:
        """All that was read. Raises InputError."""
        self.check()
        trace = self.trace
        absolute = bool(trace.events) and trace.first is not None and trace.first[0].absolute
        given = frozenset(trace.words)
        return Log(trace.events, self.site(), self.lines, self.skipped, self.problems, absolute, given)


def _take(trace: Trace, line: RawLine, interpret: Interpret, first: str) -> tuple[str, list[Fault]]:
    """Take one raw line into the trace: its text as far as it is text, and what is wrong with it."""
    try:
        text = line.data.decode("utf-8")
    except UnicodeDecodeError as error:
        text = line.data.decode("utf-8", "backslashreplace")
        if not line.overlong:
            return text, [_no_utf8(trace, line, error, first)]
    if line.overlong:
        hint = "" if trace.headed else f"the first line has to be: {first}"
        return "", [Fault(LINE_LIMIT, 1, f"the line is longer than {LINE_LIMIT} bytes", hint, not trace.headed)]
    try:
        faults = interpret(trace, line.number, text)
    except LineError as error:
        faults = [error.fault]
    if faults and not trace.headed and not any(f.fatal for f in faults):
        faults = [Fault(0, len(text), "this is not the header of a trace", f"the first line has to be: {first}", True)]
    if faults and not line.whole and trace.headed:
        faults = [replace(f, message=f"the file ends in the middle of a line: {f.message}") for f in faults]
    return text, faults


def _no_utf8(trace: Trace, line: RawLine, error: UnicodeDecodeError, first: str) -> Fault:
    byte = line.data[error.start]
    message = f"invalid UTF-8: byte 0x{byte:02x} at byte offset {line.offset + error.start} of the file"
    if not line.whole and error.reason == "unexpected end of data":
        message = f"the file ends in the middle of a line: {message}"
    hint = "" if trace.headed else f"the first line has to be: {first}"
    if line.number == 1 and line.data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        hint = "this looks like UTF-16; logs are UTF-8"
    start = len(line.data[: error.start].decode("utf-8"))
    return Fault(start, len("\\xff"), message, hint, fatal=not trace.headed)


def _problem(name: str, line: RawLine, text: str, fault: Fault) -> Problem:
    at = Position(name, line.number)
    if line.overlong:
        return Problem(Position(name, line.number, column=fault.start + 1), fault.message, fault.hint)
    return problem_in_line(at, text, fault.start, fault.width, fault.message, fault.hint)


# ---- Times ----


def read_seconds(word: str) -> int:
    """ns in a numeral that the grammar's SECONDS accepts. Raises ValueError if it is too large."""
    whole, _, fraction = word.partition(".")
    ns = int(whole) * _NS + int(fraction.ljust(9, "0"))
    if ns >= TIME_LIMIT:
        raise ValueError("times reach 146 years at most")
    return ns


def read_datetime(word: str) -> int:
    """ns since the epoch in what the grammar's DATETIME accepts; a leap second is the second after it.

    Raises ValueError for what no calendar or clock shows, and for times before 1970.
    """
    date, clock, rest = word[:10], word[11:19], word[19:]
    zone_at = len(rest) - (1 if rest[-1] in "Zz" else 6)
    fraction, zone = rest[1:zone_at], rest[zone_at:]
    leap = clock.endswith(":60")
    moment = datetime.datetime.fromisoformat(f"{date}T{clock[:6]}59+00:00" if leap else f"{date}T{clock}+00:00")
    seconds = (moment - _EPOCH) // datetime.timedelta(seconds=1) + leap
    if len(zone) > 1:
        hours, minutes = int(zone[1:3]), int(zone[4:6])
        if hours > 23 or minutes > 59:
            raise ValueError("no such offset from UTC")
        seconds -= (3600 * hours + 60 * minutes) * (-1 if zone[0] == "-" else 1)
    if leap and seconds % 86400:
        raise ValueError("leap seconds end a day of UTC")
    ns = seconds * _NS + int(fraction.ljust(9, "0"))
    if not 0 <= ns < TIME_LIMIT:
        raise ValueError("times lie between 1970 and 2116")
    return ns


def show_datetime(ns: int) -> str:
    """RFC 3339, in UTC, with six or nine decimals; `ns` since the epoch."""
    moment = _EPOCH + datetime.timedelta(seconds=ns // _NS)
    return f"{moment:%Y-%m-%dT%H:%M:%S}{show_seconds(ns % _NS)[1:]}Z"


def read_time(word: str, at: int) -> Time:
    """A time in seconds or RFC 3339. Raises LineError."""
    try:
        if _terminal("SECONDS").fullmatch(word):
            return Time(read_seconds(word), False, Span(word, at))
        if _terminal("DATETIME").fullmatch(word):
            return Time(read_datetime(word), True, Span(word, at))
    except ValueError as error:
        raise LineError(Fault(at, len(word), f"{quoted(word)} is no time", str(error))) from None
    raise LineError(Fault(at, len(word), f"{quoted(word)} is no time", _time_hint(word)))


_TIMES: Final = "expected seconds (12.9) or RFC 3339 (2026-11-23T02:56:02Z)"


def _time_hint(word: str) -> str:
    """What keeps a word from being a time."""
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


# ---- The text of a line ----


def interpret(trace: Trace, number: int, text: str) -> list[Fault]:
    """A line as most are, by itself; any other by the grammar, which both keep to."""
    if not text.lstrip(" \t") or text.lstrip(" \t")[0] == "#":
        return []
    if trace.headed and (match := _PLAIN_EVENT.fullmatch(text)) and (time := _plain_time(match[1])) is not None:
        kind = Span(match[3], match.start(3))
        return trace.add_event(number, time, match[2], kind, _plain_pairs(text, match.end(3)), _read_word)
    if trace.headed and _PLAIN_SITE.fullmatch(text):
        return trace.add_site(number, _plain_pairs(text, len("site")), 0)
    if match := _PLAIN_HEADER.fullmatch(text):
        return trace.add_header(match[1], match.start(1))
    return interpret_by_grammar(trace, number, text)


def interpret_by_grammar(trace: Trace, number: int, text: str) -> list[Fault]:
    if not text:
        return []
    tree = _parse(text)
    if tree.data == "blank":
        return []
    children: list[Any] = list(tree.children)  # tokens and trees, as the grammar says for each rule
    if tree.data == "header":
        (version,) = children
        return trace.add_header(str(version), _at(version))
    if not trace.headed:
        raise LineError(Fault(0, len(text), ""))  # said better by the caller
    if tree.data == "site":
        return trace.add_site(number, [_pair(c) for c in children], text.index("site"))
    time, interface, kind, *pairs = children
    token = _unquote(interface) if interface.type == "QUOTED" else str(interface)
    span = Span(str(kind), _at(kind))
    return trace.add_event(number, read_time(str(time), _at(time)), token, span, list(map(_pair, pairs)), _read_word)


# Lines of bare ASCII words without a comment, as programs write them: a part of what the grammar defines. They are read
# without it, since importing Lark takes longer than checking a small trace, and parsing with it longest of all.
_BARE: Final = r"[!$-<>-~][!#-<>-~]*"
_PAIRS: Final = rf"(?:[ \t]+{_BARE}=[!#-~]+)*"
_PLAIN_EVENT: Final = re.compile(rf"([0-9][-0-9.:TtZz+]*)[ \t]+({_BARE})[ \t]+({_BARE}){_PAIRS}")
_PLAIN_SITE: Final = re.compile(rf"site{_PAIRS}")
_PLAIN_HEADER: Final = re.compile(rf"{MAGIC}[ \t]+([!$-~][!#-~]*)")
_PLAIN_PAIR: Final = re.compile(r"([^ \t=]+)=([^ \t]+)")


def _plain_time(word: str) -> Time | None:
    """The time at the beginning of a line, if it is one."""
    try:
        return read_time(word, 0)
    except LineError:
        return None


def _plain_pairs(text: str, start: int) -> list[Pair]:
    return [Pair(m[1], m.start(1), m[2], m.start(2), len(m[2])) for m in _PLAIN_PAIR.finditer(text, start)]


def _read_word(key: Key, pair: Pair) -> Value | Fault | None:
    """The value of a pair of a text line."""
    word = str(pair.value)
    if pair.quoted:
        if key.type.name in TEXTUAL and not key.type.members:
            return word
        hint = f"expected {expected(key.type)}, without quotation marks"
        return Fault(pair.value_at, pair.value_width, f"key {key.name} takes no quoted text", hint)
    try:
        return read_value(key.type, word)
    except ValueSyntaxError as error:
        return value_fault(key, pair, word, str(error))


def _pair(tree: Tree[Token]) -> Pair:
    tokens: list[Any] = list(tree.children)
    key, value = tokens
    is_quoted = value.type == "QUOTED"
    word = _unquote(value) if is_quoted else str(value)
    return Pair(str(key), _at(key), word, _at(value), len(value), is_quoted)


def _at(token: Token) -> int:
    """The index of a token in its line."""
    return token.start_pos or 0


@cache
def _grammar() -> str:
    return resources.files(__package__).joinpath("log.lark").read_text("utf-8")


@cache
def _lark() -> Lark:
    """The parser of a line; made when a line needs it, since importing Lark takes its time."""
    from lark import Lark

    return Lark(_grammar(), parser="lalr", lexer="contextual")


@cache
def _terminal(name: str) -> re.Pattern[str]:
    """A terminal of the grammar by itself."""
    match = re.search(rf"^{name}: /(.*)/$", _grammar(), re.MULTILINE)
    assert match is not None
    return re.compile(match[1])


def _parse(text: str) -> Tree[Token]:
    """The syntax tree of a line. Raises LineError."""
    from lark.exceptions import UnexpectedInput

    try:
        return _lark().parse(text)
    except UnexpectedInput as error:
        raise LineError(_diagnose(text, error)) from None


_ESCAPE: Final = re.compile(r'\\(?:(["\\])|x(..)|u(.{4})|U(.{8}))')


def _unquote(word: str) -> str:
    """The text that a QUOTED token denotes."""
    if "\\" not in word:
        return word[1:-1]
    return _ESCAPE.sub(lambda m: m[1] or chr(int(m[2] or m[3] or m[4], 16)), word[1:-1])


def _shown(text: str, also_quoted: str = "") -> str:
    """A text as a log holds it: bare where that can be, else quoted and escaped."""
    plain = text.isprintable() and not any(c in '" ' or c in also_quoted for c in text)
    if plain and text and not text.startswith("#"):
        return text
    body = "".join(f"\\{c}" if c in '"\\' else c if c.isprintable() else escaped(c) for c in text)
    return f'"{body}"'


# ---- What is wrong with a line that the grammar refuses ----

_EXPECTED: Final = {  # by a terminal that only this place of a line admits
    "SECONDS": "a time, site or #",
    "TOKEN": "an interface (- for the whole node)",
    "KIND": "an event",
    "VERSION": "the version of the format",
    "KEY": "key=value",
    "_EQUALS": "=",
    "WORD": "a value",
}
_WORD_AT: Final = re.compile(r"[^ \t]*")
_QUOTED_START: Final = re.compile(r'"(?:[^"\\\x00-\x1f\x7f-\x9f]|\\["\\]|\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4})*')


def _diagnose(text: str, error: UnexpectedInput) -> Fault:
    """What is wrong where the parser stopped."""
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken

    names: set[str] = set()
    if isinstance(error, UnexpectedCharacters):
        names = set(error.allowed or ())
    elif isinstance(error, UnexpectedToken):
        names = set(error.expected)
    ended = isinstance(error, UnexpectedToken) and error.token.type == "$END"
    at = len(text) if ended else min(error.pos_in_stream or 0, len(text))
    rest = text[at:].lstrip(" \t")
    wanted = next((v for k, v in _EXPECTED.items() if k in names), _after(text[:at], names))
    hint = f"expected {wanted}"
    if not rest or rest.startswith("#"):
        return Fault(at, 1, "the line ends too early", hint)
    at = len(text) - len(rest)
    word = _WORD_AT.match(rest)
    width = max(1, len(word[0])) if word else 1
    return _bad_word(rest, at, width, names, hint)


def _after(before: str, names: set[str]) -> str:
    """What is expected where only white space can follow a word."""
    if "_TAIL" in names or "$END" in names:
        return "a space, or the end of the line"
    words = before.split()
    if words[:1] == [MAGIC]:
        return _EXPECTED["VERSION"]
    return _EXPECTED["TOKEN" if len(words) == 1 else "KIND"]


def _bad_word(rest: str, at: int, width: int, names: set[str], hint: str) -> Fault:
    """The fault of `rest` of a line, whose first word (of `width` characters) stands where it cannot."""
    word = rest[:width]
    for offset, char in enumerate(word):
        if char < " " or "\x7f" <= char <= "\x9f" or (char.isspace() and char != " "):
            message = f"the character {escaped(char)} cannot stand in a line"
            return Fault(at + offset, 1, message, f'in a quoted text it is written "{escaped(char)}"')
    if rest.startswith('"') and "QUOTED" in names:
        return _bad_quotes(rest, at)
    if "SECONDS" in names:
        if re.match(r"[-+]?\w*[0-9]", word) or word[:1].isdecimal():
            return Fault(at, width, f"{quoted(word)} is no time", _time_hint(word))
        known = did_you_mean(word, ["site", MAGIC])
        return Fault(at, width, f"{quoted(word)} cannot begin a line", joined(known, hint))
    if "KIND" in names and "=" in word:
        return Fault(at, width, f"{quoted(word)} where an event was expected", "an event is TIME INTERFACE EVENT key=…")
    return Fault(at, width, f"unexpected {quoted(word)}", hint)


def _bad_quotes(rest: str, at: int) -> Fault:
    """The fault of a quoted text that is none."""
    good = _QUOTED_START.match(rest)
    stop = good.end() if good else 0
    if rest[stop : stop + 1] == "\\":
        hint = r"escapes are \" \\ \x1b \u202e \U0001f4a9"
        return Fault(at + stop, 2, f"unknown escape {quoted(rest[stop : stop + 2])}", hint)
    if stop < len(rest):
        char = rest[stop]
        message = f"the character {escaped(char)} cannot stand in a line"
        return Fault(at + stop, 1, message, f'in a quoted text it is written "{escaped(char)}"')
    return Fault(at, len(rest), "a quoted text without its end", 'expected another "')


# ---- What can be written ----


def joined_lines(lines: Iterable[str]) -> str:
    """The text of a file with these lines. Raises ValueError if one is longer than a reader accepts."""
    parts: list[str] = []
    for line in lines:
        if len(line) * 4 > LINE_LIMIT and len(line.encode("utf-8")) > LINE_LIMIT:
            raise ValueError(f"a line of a log holds at most {LINE_LIMIT} bytes")
        parts += (line, "\n")
    return "".join(parts)


def writable_site(site: Site, vocabulary: Vocabulary) -> dict[str, str]:
    """The words of a site, which read back to it. Raises ValueError if there are no such words."""
    words = site_words(site)
    again = site_from_words(words, vocabulary.parameters, vocabulary.capabilities, vocabulary.roles)
    if again != replace(site, mn_ha_keys=(), esp_sas=()):
        raise ValueError("a log cannot hold this site")
    return words


def writable_events(events: Iterable[Event], vocabulary: Vocabulary) -> Iterator[tuple[Event, dict[str, str]]]:
    """Each event and the words of its keys, in the order of declaration. Raises ValueError for what cannot be read."""
    last = 0
    for event in events:
        if not last <= event.time < TIME_LIMIT:
            raise ValueError(f"time {event.time} ns of event {event.kind} is negative, too large or runs backwards")
        last = event.time
        declared = vocabulary.events.get(event.kind)
        if declared is None:
            raise ValueError(f"unknown event {quoted(event.kind)}")
        for name in event.args:
            if name not in declared.by_name:
                raise ValueError(f"unknown key {quoted(name)} of event {event.kind}")
        shown = {k.name: _writable(k, event.args[k.name]) for k in declared.keys if k.name in event.args}
        missing = [k.name for k in declared.keys if not k.optional and k.name not in shown]
        if missing:
            raise ValueError(f"event {event.kind} lacks {' '.join(missing)}")
        yield event, shown


def _writable(key: Key, value: Value) -> str:
    if key.type.name in TEXTUAL and not key.type.members and isinstance(value, str):
        return value
    word = key.type.show(value)
    if read_value(key.type, word) != value:
        raise ValueError(f"{value!r} is no value of key {key.name}")
    return word
