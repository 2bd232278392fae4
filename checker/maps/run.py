"""Lines of a log → records, each with the events that a map makes of it. A line at a time, in flat memory."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from re import Match
from re import compile as compiled
from typing import TYPE_CHECKING, Final, TypeAlias

from mipcheck.checker.maps.interrupted import Dropped, dropped, is_boot, is_kernels_first
from mipcheck.checker.maps.language import Emit, If, Later, Line, Map, Statement, VariableChange
from mipcheck.checker.maps.stamps import NS, Clock, Stamp, StampError, StampTime
from mipcheck.checker.maps.values import Variables
from mipcheck.model.values.event import NODE

if TYPE_CHECKING:
    import datetime

    from mipcheck.checker.maps.patterns import LinePattern

PATIENCE: Final = 5 * NS
"""ns of the log that an event waits for what a later line tells, by the lines from which something follows."""
_HELD: Final = 1_000
"""Records that are held at a time because an event waits."""
_RECORD: Final = 64
"""Lines of a record."""
_WIDE: Final = 64 * 1024
"""Characters of a record."""
_TOLD: Final = 10_000
"""Events that are remembered, of those that are told once or where something changed."""
_LEVEL: Final = (
    r"(?:kern|user|mail|daemon|auth|authpriv|syslog|lpr|news|uucp|cron|ftp|local[0-7])"
    r"\.(?:emerg|alert|crit|err|warn|notice|info|debug)"
)
_PROGRAM: Final = compiled(rf"[ \t]*(?:\S*[^\s:][ \t]+)?(?:{_LEVEL}[ \t]+)?([^\s\[\]:()]+)(?:\[[0-9]+\])?:[ \t]+")
"""What stands before a message in syslog and in listings of the journal: a host, a level, a program, its number."""


@cache
def foreign_pattern(stamp: str, heads: tuple[str, ...]) -> re.Pattern[bytes]:
    """Return the pattern of whole lines with a stamp of that pattern, a program and a message, by their first bytes;
    not of those that begin with one of the `heads`."""
    bare, *others = (re.sub(r"\(\?P<\w+>", "(?:", p).replace(r"\x7f-\x9f", r"\x7f") for p in (stamp, *heads))
    host, program = r"(?:[!-~]++[ \t]++)?", r"[!-'*-9;-Z\\^-~]++(?:\[[0-9]+\])?:[ \t]++[!-~]"
    not_ours = "".join(f"(?!{p})" for p in ("<", *others))
    return re.compile(rf"^(?:{bare})[ \t]*+{not_ours}{host}{program}".encode(), re.MULTILINE)


Entry: TypeAlias = tuple[str, tuple[str, ...]]
"""A variable, and the keys of the value that is meant."""


@dataclass(slots=True)
class ToldEvent:
    """An event as a map tells it, in words. `waiting` are keys that a later line may tell, and by which variable."""

    moment: StampTime
    stamp: str
    interface: str
    kind: str
    words: dict[str, str]
    waiting: dict[str, Entry] = field(default_factory=dict)


@dataclass(slots=True)
class LogRecord:
    """A record of a log: the number of its first line, its text, and what became of it.

    `outcome` is `told` (a line of the map knows it), `ignored`, `foreign` (another program's), `unknown`, or `odd`
    where its stamp cannot be, for the reason in `why`. `shape` says by what it is known for one of the map's program:
    `program` where that is named, `head` where a head fits, `line` where no more than a line of the map's own does. It
    `boots` where it says that the machine has started again.
    """

    number: int
    text: str
    outcome: str = "unknown"
    why: str = ""
    events: list[ToldEvent] = field(default_factory=list)
    shape: str = ""
    boots: bool = False


NewClock = Callable[[Stamp, Match[str]], "tuple[int | None, datetime.tzinfo | None]"]
"""Gives the year and the zone of a log by its first stamp. May raise InputError."""


class Runner:
    """Runs a map over the lines of a log. `given` is what the user gives, `stamped` counts lines with stamps."""

    def __init__(self, map_: Map, given: Mapping[str, str], clock: NewClock) -> None:
        self._map, self._given, self._new_clock = map_, given, clock
        self._clock: Clock | None = None
        self._variables = Variables(map_.tables, given)
        self._stamps = list(map_.stamps)
        self._lines: list[tuple[str, LinePattern, Line]] = [
            (p.needle, p, line) for line in map_.lines for p in line.patterns
        ]
        self._open: tuple[int, str, list[str], int, Stamp, Match[str]] | None = None
        self._held: deque[LogRecord] = deque()
        self._waiting: dict[Entry, deque[tuple[ToldEvent, str]]] = {}
        self._last: dict[tuple[str, str], tuple[tuple[tuple[str, str], ...], int]] = {}
        self._newest = 0
        self._bare = False  # whether the program writes lines in which it does not name itself, so that all are its own
        self.stamped = 0

    # --- lines → records ------------------------------------------------------------------------------------------

    def take(self, number: int, text: str) -> Iterator[LogRecord]:
        """Take the next line; return the records that are complete by it, in order."""
        found = None
        if not (self._map.record == "indented" and text[:1] in " \t"):
            found = self._stamp(text)
        if found is None:
            if (
                self._open is not None
                and self._map.record
                and (self._map.record == "stampless" or text[:1] in (" ", "\t"))
            ):
                _, _, parts, size, _, _ = self._open
                if len(parts) < _RECORD and size + len(text) < _WIDE:
                    parts.append(text.strip())
                    self._open = (*self._open[:3], size + len(text), *self._open[4:])
                    return
            yield from self._close()
            if text.strip():
                self._held.append(self._stampless(number, text))
            yield from self._ready()
            return
        self.stamped += 1
        yield from self._close()
        stamp, match = found
        said = text if stamp.after else text[match.end() :]
        self._open = (number, text, [said.strip()], len(text), stamp, match)
        if not self._map.record:
            yield from self._close()

    def _stampless(self, number: int, text: str) -> LogRecord:
        """Return what becomes of a line without a time: it may be ignored, and tells nothing."""
        record = LogRecord(number, text)
        if is_boot(text):
            record.outcome = "ignored"
            self._start_again(record)
        elif (match_of := self._matching(text.strip())) is not None:
            if match_of[0].ignored:
                record.outcome = "ignored"
            else:
                record.why = "it has no time"
        return record

    def _start_again(self, record: LogRecord) -> None:
        """Forget what was told before the machine has started again, as a record says."""
        record.boots = True
        self._variables = Variables(self._map.tables, self._given)
        self._last.clear()

    def foreign_lines(self) -> re.Pattern[bytes] | None:
        """Return the pattern of lines of programs, with the stamp of the last line.

        None where lines have to be looked at one by one, as a record goes on or an event waits.
        """
        if not self.stamped or self._bare or self._open is not None or self._held:
            return None
        if not self._map.programs or self._map.record or self._stamps[0].after or self._stamps[0].own:
            return None
        return foreign_pattern(self.stamp, self.heads)

    @property
    def stamp(self) -> str:
        """The pattern of the last stamp."""
        return self._stamps[0].regex.pattern

    @property
    def heads(self) -> tuple[str, ...]:
        """The patterns of what stands before messages."""
        return tuple(h.pattern.regex.pattern for h in self._map.heads)

    def pass_over(self, lines: int) -> None:
        """Take note of lines of other programs."""
        self.stamped += lines

    def end(self) -> Iterator[LogRecord]:
        """Return the records that were not complete yet."""
        yield from self._close()
        yield from self._ready(everything=True)

    def _stamp(self, text: str) -> tuple[Stamp, Match[str]] | None:
        """Return the form of the stamp of a line, and its match."""
        for index, stamp in enumerate(self._stamps):
            if match := stamp.match(text):
                if index:  # most lines have the stamp of the line before
                    self._stamps.insert(0, self._stamps.pop(index))
                return stamp, match
        return None

    def _close(self) -> Iterator[LogRecord]:
        """Turn the open record, if there is one, into what the map makes of it."""
        if self._open is None:
            return
        number, text, parts, _, stamp, match = self._open
        self._open = None
        record = LogRecord(number, text)
        message = parts[0] if len(parts) == 1 else " ".join(parts).lstrip()
        self._held.append(record)
        try:
            self._interpret(record, message, stamp, match)
        except StampError as error:
            record.outcome, record.why = "odd", error.message
        yield from self._ready()

    def _ready(self, everything: bool = False) -> Iterator[LogRecord]:
        """Return the records of which all is known, in order; those that have waited too long, as they are."""
        held = self._held
        while held:
            record = held[0]
            if any(e.waiting for e in record.events) and not everything and not self._too_long(record):
                return
            held.popleft()
            for event in record.events:
                self._give_up(event)
            yield record

    def _too_long(self, record: LogRecord) -> bool:
        return len(self._held) > _HELD or self._newest - record.events[0].moment.ns > PATIENCE

    # --- records → events -----------------------------------------------------------------------------------------

    def _interpret(self, record: LogRecord, message: str, stamp: Stamp, match: Match[str]) -> None:
        program, own = None, stamp.own
        if self._map.programs and (by := _PROGRAM.match(message)):
            named = by[1].removesuffix(".service")  # as journalctl -o with-unit has it
            if is_kernels_first(named, message[by.end() :]):
                self._start_again(record)
            if named in self._map.programs:
                program = named
                message = message[by.end() :]
                record.shape = "program"
            elif not (
                self._bare
                or stamp.own
                or by[0].startswith("<")
                or any(h.pattern.regex.match(message) for h in self._map.heads)
            ):
                record.outcome = "foreign"
                self._note_dropped(record, dropped(named, message[by.end() :]), stamp, match)
                return
        fields: dict[str, str | None] = {} if program is None else {"program": program}
        better = None
        for head in self._map.heads:
            if begun := head.pattern.regex.match(message):
                rest = message[begun.end() :]
                if head.stamped:
                    inner = next(((s, m) for s in self._map.stamps if (m := s.match(rest))), None)
                    if inner is None:
                        continue
                    stamp, match = inner
                    rest = rest[match.end() :]
                message = rest
                fields |= begun.groupdict()
                better = fields.get(head.time) if head.time else None
                record.shape = record.shape or "head"
                self._bare |= program is None
                break
        match_of = self._matching(message)
        if match_of is None:
            return
        line, found = match_of
        record.shape = record.shape or ("" if (self._map.programs and not own) or line.borrowed else "line")
        if line.ignored:
            record.outcome = "ignored"
            return
        record.outcome = "told"
        self._variables.fields = fields | found.groupdict()
        if line.body:
            moment = self._moment(stamp, match, better)
            self._newest = moment.ns
            self._do(line.body, record, moment, match[0].strip())

    def _note_dropped(self, record: LogRecord, lost: Dropped | None, stamp: Stamp, match: Match[str]) -> None:
        """Tell a gap where lines were dropped that may have been the map's."""
        if lost is not None and lost.may_be_of(self._map):
            moment = self._moment(stamp, match, None)
            record.outcome = "told"
            record.events.append(ToldEvent(moment, match[0].strip(), NODE, "gap", {"reason": lost.text}))

    def _matching(self, message: str) -> tuple[Line, Match[str]] | None:
        """Return the first line of the map that a message fits, and its match."""
        for needle, pattern, line in self._lines:
            if needle in message and (found := pattern.regex.match(message)):
                return line, found
        return None

    def _moment(self, stamp: Stamp, match: Match[str], better: str | None) -> StampTime:
        """Return the time of a record: the better one in it, if it is one, which needs neither year nor zone."""
        whole, _, fraction = (better or "").partition(".")
        if whole.isdecimal() and 9 <= len(whole) <= 10 and "." not in fraction and len(fraction) <= 9:
            return StampTime(int(whole) * NS + int(fraction.ljust(9, "0")), 10 ** (9 - len(fraction)), True)
        if self._clock is None:
            self._clock = Clock(*self._new_clock(stamp, match))
        return self._clock.read(stamp, match)

    def _do(self, body: tuple[Statement, ...], record: LogRecord, moment: StampTime, stamp: str) -> None:
        for statement in body:
            if isinstance(statement, Emit):
                self._tell(statement, record, moment, stamp)
            elif isinstance(statement, If):
                holds = self._variables.holds(statement.condition)
                self._do(statement.then if holds else statement.otherwise, record, moment, stamp)
            else:
                self._change(statement)

    def _change(self, change: VariableChange) -> None:
        keys = self._variables.change(change.kind, change.reference, change.value)
        if keys is None or not self._waiting:
            return
        entry = (change.reference.name, keys)
        word = self._variables.look(*entry)
        if word is not None:
            for event, key in self._waiting.pop(entry, ()):
                if self._newest - event.moment.ns <= PATIENCE:
                    event.words[key] = word
                del event.waiting[key]

    def _tell(self, emit: Emit, record: LogRecord, moment: StampTime, stamp: str) -> None:
        interface = self._variables.read(emit.interface) or NODE
        if any(fnmatchcase(interface, pattern) for pattern in self._map.drop):
            return
        event = ToldEvent(moment, stamp, interface, emit.kind, {})
        for key, value in emit.pairs:
            word = self._variables.read(value.reference if isinstance(value, Later) else value)
            if word is None and isinstance(value, Later):
                if (keys := self._variables.keys(value.reference)) is not None:
                    self._wait((value.reference.name, keys), event, key)
                word = None if value.otherwise is None else self._variables.read(value.otherwise)
            if word is not None:
                event.words[key] = word
        if (emit.changed or emit.once is not None) and self._is_old_news(emit, event):
            self._give_up(event)
            return
        record.events.append(event)

    def _wait(self, entry: Entry, event: ToldEvent, key: str) -> None:
        if len(self._waiting) >= _HELD:
            del self._waiting[next(iter(self._waiting))]
        event.waiting[key] = entry
        self._waiting.setdefault(entry, deque()).append((event, key))

    def _give_up(self, event: ToldEvent) -> None:
        """Wait no longer for what an event lacks: what it is without that is what it was read as."""
        for key, entry in event.waiting.items():
            pairs = self._waiting.get(entry, deque())
            with suppress(ValueError):  # where too much was waited for, it was given up before
                pairs.remove((event, key))  # among the first: records are given up in order
            if not pairs:
                self._waiting.pop(entry, None)

    def _is_old_news(self, emit: Emit, event: ToldEvent) -> bool:
        """Tell whether an event was told before: as the last of its kind there, or less than so long ago."""
        said = tuple(event.words.items())
        before = self._last.pop((event.interface, event.kind), None)
        ns = event.moment.ns
        old = before is not None and before[0] == said and (emit.changed or ns - before[1] <= (emit.once or 0))
        if len(self._last) >= _TOLD:
            del self._last[next(iter(self._last))]
        self._last[event.interface, event.kind] = (said, before[1] if old and before else ns)
        return old
