"""Read a log in mipcheck's text format: a small reader of its own, for exact stamps and logs of one mobile node."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from datetime import UTC, datetime

SECOND = 1_000_000_000
_UNITS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": SECOND, "m": 60 * SECOND, "min": 60 * SECOND, "h": 3600 * SECOND}


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a log: `time` in nanoseconds, `order` its place among the events of the log."""

    order: int
    time: int
    interface: str
    name: str
    keys: dict[str, str]
    line: int

    def get(self, key: str) -> str | None:
        """Return the value of `key`, or None where the line does not tell it."""
        return self.keys.get(key)


@dataclass(frozen=True, slots=True)
class Log:
    """What a log says: the site's keys, its events in order of time, and what its source shows (None: everything)."""

    site: dict[str, str]
    events: list[Event]
    sees: frozenset[str] | None = None
    partly: frozenset[str] = field(default_factory=frozenset)

    @property
    def end(self) -> int:
        """Return the time of the last event in nanoseconds, 0 for a log without events."""
        return self.events[-1].time if self.events else 0


def parse(text: str) -> Log:
    """Read `text`. Raises ValueError for a line that is none, and for stamps of limited resolution."""
    site: dict[str, str] = {}
    events: list[tuple[int, int, list[str]]] = []
    sees: frozenset[str] | None = None
    partly: frozenset[str] = frozenset()
    lines = text.splitlines()
    if not lines or lines[0].split() != ["mipcheck-trace", "1"]:
        raise ValueError("line 1: expected 'mipcheck-trace 1'")
    for number, raw in enumerate(lines[1:], start=2):
        words = shlex.split(raw, comments=True) if '"' in raw else raw.split("#", 1)[0].split()
        if not words:
            continue
        if words[0] == "site":
            site.update(_keys(words[1:], number))
        elif words[0] == "source":
            keys = _keys(words[1:], number)
            if "resolution" in keys:
                raise ValueError(f"line {number}: stamps of limited resolution are not judged here")
            names = [name for name in keys.get("sees", "").split(",") if name]
            partly = frozenset(name[:-1] for name in names if name.endswith("~"))
            sees = frozenset(name.rstrip("~") for name in names) if names else None
        else:
            if len(words) < 3:
                raise ValueError(f"line {number}: expected time, interface, event")
            events.append((read_time(words[0]), number, words[1:]))
    events.sort(key=lambda event: event[:2])
    return Log(
        site,
        [
            Event(order, time, words[0], words[1], _keys(words[2:], number), number)
            for order, (time, number, words) in enumerate(events)
        ],
        sees,
        partly,
    )


def _keys(words: list[str], number: int) -> dict[str, str]:
    keys = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise ValueError(f"line {number}: expected key=value, found {word!r}")
        keys[key] = value
    return keys


def read_time(word: str) -> int:
    """Return a stamp in nanoseconds: seconds since the start, or RFC 3339."""
    if "T" in word or ":" in word:
        whole, dot, rest = word.partition(".")
        digits = ""
        while rest[:1].isdigit():
            digits, rest = digits + rest[0], rest[1:]
        moment = datetime.fromisoformat((whole + rest if dot else word).replace("Z", "+00:00"))
        since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        return (since.days * 86400 + since.seconds) * SECOND + int((digits + "0" * 9)[:9])
    whole, _, fraction = word.partition(".")
    return int(whole) * SECOND + int((fraction + "0" * 9)[:9])


def read_duration(word: str) -> int:
    """Return a duration such as `20s` or `1500ms` in nanoseconds."""
    number = word.rstrip("abcdefghijklmnopqrstuvwxyz")
    whole, _, fraction = number.partition(".")
    unit = _UNITS[word[len(number) :].strip() or "s"]
    return (int(whole or "0") * SECOND + int((fraction + "0" * 9)[:9])) * unit // SECOND
