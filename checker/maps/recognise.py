"""Which of the maps that come along a log is for, told by its first lines: by the words that the maps know anyway."""

from __future__ import annotations

import io
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from mipcheck.checker.console.errors import InputError, UsageError, listed
from mipcheck.checker.maps.library import Use, bundled, joined_map, map_of
from mipcheck.checker.maps.read import LogReading
from mipcheck.checker.maps.stamps import read_stamp

if TYPE_CHECKING:
    from mipcheck.checker.maps.language import Map

SIZE: Final = 65_536
"""Bytes at the beginning of a log by which it is recognised."""
LINES: Final = 400
"""Lines of these."""


_ANY_TIME: Final = b"2025-01-01T00:00:00Z "


@dataclass(frozen=True, slots=True)
class Recognised:
    """The map of a log, and how many of its first `records` are `known` to be in that program's form."""

    map: Map
    known: int
    records: int

    def words(self) -> str:
        """Return what a report says of it."""
        asked = [f"{name}=…" for name in self.map.given]
        more = f"; what no line tells can be given: {listed(asked)}" if asked else ""
        whose = "these programs" if self.map.parts else "this program"
        return (
            f"recognised by its first lines ({self.known} of {self.records} are of {whose}):"
            f" {self.map.title}, --map {self.map.name}{more}"
        )


@dataclass(frozen=True, slots=True)
class _Fit:
    """What a map made of the first records: the lines of those in its program's form, whether it knows what one of them
    tells, and how many records are nobody else's."""

    map: Map
    own: frozenset[int]
    tells: bool
    records: int


def recognised(head: bytes) -> list[Recognised]:
    """Return the map of a log that begins with `head`, joined of those of all programs that speak in a listing: none
    where no map knows its lines, and several where these come into question alike, so that somebody has to choose. What
    is in our own words is no map's."""
    lines = head.split(b"\n")[:LINES]
    if len(head) >= SIZE and len(lines) < LINES:
        lines = lines[:-1]  # which is cut
    data = b"\n".join(lines) + b"\n"
    fits = [fit for name in bundled() if (fit := _fit(map_of(name), data)) is not None]
    fits = [fit for fit in fits if fit.tells] or fits
    best = [f for f in fits if not any(_covers(other, f) for other in fits)]
    if len(best) > 1:
        own = frozenset[int]().union(*(f.own for f in best))
        with suppress(UsageError):  # where it is not by their names that programs are told apart
            joined = joined_map([f.map for f in best])
            return [Recognised(joined, len(own), max(len(own), *(f.records for f in best)))]
    return [Recognised(f.map, len(f.own), f.records) for f in best]


def timeless(head: bytes) -> Map | None:
    """Return the map whose program wrote a log that begins with `head`, where its lines lack nothing but times, and no
    other map comes into question."""
    lines = [line for line in head.split(b"\n")[:LINES] if line.strip()]
    if len(head) >= SIZE:
        lines = lines[:-1]  # which is cut
    stamped = b"\n".join(line if line[:1] in b" \t" else _ANY_TIME + line for line in lines) + b"\n"
    fits = [
        fit
        for name in bundled()
        if not any(_has_time(map_of(name), line) for line in lines)
        and (fit := _fit(replace(map_of(name), stamps=(replace(read_stamp("iso"), own=True),)), stamped)) is not None
        and fit.tells
    ]
    best = [f for f in fits if not any(_covers(other, f) for other in fits)]
    return map_of(best[0].map.name) if len(best) == 1 else None


def _has_time(map_: Map, line: bytes) -> bool:
    """Tell whether a line has a time that a map knows."""
    return any(stamp.match(line.decode("utf-8", "replace")) for stamp in map_.stamps)


def _fit(map_: Map, data: bytes) -> _Fit | None:
    """Return what a map makes of the first lines of a log; None where they are another program's."""
    reading = LogReading(Use(map_), "", time.time_ns())
    own, tells, named, records = set[int](), False, False, 0
    try:
        for record in reading.records(io.BytesIO(data), every=True):
            records += record.outcome != "foreign"
            if record.shape and record.outcome != "foreign":
                own.add(record.number)
                tells |= record.outcome == "told"
                named |= record.shape == "program" and record.outcome != "unknown"
    except InputError:  # no times, or none that can be
        return None
    # What the map's lines leave aside is too general to show whose it is, unless something else does.
    fits = (tells or named) and 2 * len(own) >= records
    return _Fit(map_, frozenset(own), tells, records) if fits else None


def _covers(one: _Fit, other: _Fit) -> bool:
    """Tell whether a map knows all lines that another one does, and more."""
    return one.own > other.own
