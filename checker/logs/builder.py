"""A log as it grows: what its lines mean by the specification's declarations, and what is wrong with that.

How a line is taken apart is the business of `text.py` and `jsonl.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from mipcheck.checker.console.errors import LIMIT, did_you_mean, joined, listed, quoted
from mipcheck.checker.logs.parts import MAGIC, TIMES, VERSIONS, Fault, KeyValue, Time, WordAt
from mipcheck.checker.site.site import SiteError, keys_of, site_from_words
from mipcheck.checker.trace.source import ALL, Sight, SourceError, read_resolution, read_sees
from mipcheck.checker.trace.source import KEYS as SOURCE_KEYS
from mipcheck.checker.trace.spans import Span, SpanError, span_of
from mipcheck.checker.trace.vocabulary import Vocabulary
from mipcheck.model.values.event import NODE, Event, Position
from mipcheck.model.values.nearest import closest
from mipcheck.model.values.types import ID, Type, Value

if TYPE_CHECKING:
    from mipcheck.model.specification.spec import EventType, Key


_REASON: Final = "reason"


@dataclass
class LogBuilder:
    """A log while it is read: what it has said so far. Methods return what is wrong, and then have added nothing.

    `words` are those of the site lines, `stated` the line of each. `first` is the time that decides between absolute
    and relative, with its line; `mixed` is whether another kind of time was met. If `settled`, the role is known from
    elsewhere, whatever the site says. `sight` is what the source shows, `described` are the keys that say so.
    `fractions` is whether a time has had a fraction of a second, `spans` are times in which evidence is missing.
    `bare` is the first line with an identification that is hexadecimal without 0x, `digits` with one that might be,
    since it has digits alone and the right number of them; 0 if there is none.
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
    spans: list[Span] = field(default_factory=list)
    counting: bool = False
    """Whether faults are only counted by now, so that none needs a description."""
    bare: int = 0
    digits: int = 0

    def note_digits(self, line: int) -> None:
        """Note a line with an identification that might be hexadecimal."""
        self.digits = min(self.digits or line, line)

    @property
    def notes(self) -> tuple[str, ...]:
        """What people should know of how words were read."""
        if not self.bare or not self.digits:
            return ()
        return (
            f"line {self.digits}: an identification of digits alone is read as a decimal number, though that of line"
            f" {self.bare} is hexadecimal without 0x; write 0x before all that are",
        )

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
        if self.first is not None:
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
        known = pair.key in keys_of(self.vocabulary.sites) or pair.key in self.vocabulary.parameters
        if self.counting and not known:
            return Fault(pair.key_at, len(pair.key), "")
        try:
            site_from_words({pair.key: word}, self.vocabulary)
        except SiteError as error:
            start, width = (pair.value_at, pair.value_width) if known else (pair.key_at, len(pair.key))
            return Fault(start, width, error.message, error.hint)
        return None

    def add_source(
        self, sees: tuple[KeyValue, Sequence[WordAt]] | None, resolution: KeyValue | None, at: int
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
        kind: WordAt,
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
            return [Fault(kind.at, len(kind.word), "the gap's times are of another kind than the log's", TIMES)]
        self.fractions |= "." in time.span.word
        for pair in pairs:
            if declared.by_name[pair.key].type == ID and isinstance(pair.value, str):
                self._note_identification(number, pair.value)
        if span is not None:
            self.spans.append(span)
            return []
        self.first = self.first or (time, number)
        self.last = time
        self.events.append(event)
        return []

    def left_out(self, number: int, time: int | None) -> Event | None:
        """Return what it comes to that a line is left out which may have told of an event: evidence is missing there.

        `time` (ns) is that of the event before. None where the specification has no word for it.
        """
        kind = next((e for e in self.vocabulary.events.values() if e.sender == "observer"), None)
        if kind is None:
            return None
        args: dict[str, Value] = {_REASON: f"line {number} is left out"} if _REASON in kind.by_name else {}
        return Event(time or 0, NODE, kind.name, args, Position(self.name, number))

    def leave_out(self, number: int) -> None:
        """Take note of a line that is left out, and may have told of an event."""
        gap = self.left_out(number, None if self.last is None else self.last.ns)
        if gap is None:
            return
        if self.first is not None:
            self.events.append(gap)
        elif not any(span.endless for span in self.spans):
            self.spans.append(Span(None, None, gap, None))

    def _note_identification(self, number: int, word: str) -> None:
        """Note in which base an identification is written, where that is not said."""
        if _BARE_HEX.fullmatch(word):
            self.bare = min(self.bare or number, number)
        elif len(word) in (8, 16) and word.isdecimal():
            self.note_digits(number)

    def is_next(self, time: Time) -> bool:
        """Decide whether a time may come after those before it: of the same kind, and no earlier."""
        same_kind = self.first is None or self.first[0].absolute == time.absolute
        return same_kind and (self.last is None or time.ns >= self.last.ns)

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
    kind: WordAt,
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
    misspelt: set[str] = set()
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
            left = [name for name in keys if name not in misspelt and all(p.key != name for p in pairs)]
            hint = joined(did_you_mean(pair.key, left), signature(declared))
            faults.append(Fault(pair.key_at, len(pair.key), message, hint))
            misspelt.add(closest(pair.key, left) or "")  # reported once, not as missing too
            continue
        value = read(keys[pair.key], pair)
        if isinstance(value, Fault):
            faults.append(value)
        elif value is not None:
            args[pair.key] = value
        else:
            seen.discard(pair.key)
    if misspelt:
        seen |= misspelt
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
