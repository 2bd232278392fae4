"""What records with a better time than their stamp show of the other stamps of a listing: the year and the zone."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mipcheck.checker.maps.stamps import NS, Clock, StampError

if TYPE_CHECKING:
    from re import Match

    from mipcheck.checker.logs.lines import RawLine
    from mipcheck.checker.maps.language import Map
    from mipcheck.checker.maps.stamps import Stamp

_STEP: Final = 15 * 60
"""s by which zones differ."""
_FARTHEST: Final = 14 * 3600
"""s east of UTC, or west, at most."""
_LATE: Final = 60
"""s by which a stamp may be later than the program's own time."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The year and the zone of stamps, in which month, and by which program's own times they are known."""

    year: int
    month: int
    zone: datetime.timezone
    program: str

    def year_at(self, month: int) -> int:
        """Return the year of a listing that begins in a month: the record by which it is known may be of the next."""
        return self.year - (month - self.month > 6) + (self.month - month > 6)


def shown_by(lines: Iterable[RawLine], maps: Sequence[Map]) -> Shown | None:
    """Return what the first lines of a listing show, by the first record of which both is known; None if none does."""
    with_time = [m for m in maps if any(h.time for h in m.heads)]
    if not with_time:
        return None
    for line in lines:
        text = line.data.decode("utf-8", "replace")
        for map_ in with_time:
            found = next(((s, m) for s in map_.stamps if (m := s.match(text))), None)
            if found is not None and found[0].lacks_zone(found[1]) and (own := _own_time(map_, text, found[1])):
                return _shown(*found, *own)
    return None


def _own_time(map_: Map, text: str, match: Match[str]) -> tuple[int, str] | None:
    """Return the better time (s since 1970) of a line, and whose it is; None where there is none."""
    program = next((p for p in map_.programs if f" {p}[" in text or f" {p}: " in text), None)
    if program is None:
        return None
    _, _, message = text[match.end() :].partition(": ")
    for head in map_.heads:
        if head.time and (begun := head.pattern.regex.match(message)):
            whole = (begun[head.time] or "").partition(".")[0]
            return (int(whole), program) if whole.isdecimal() and 9 <= len(whole) <= 10 else None
    return None


def _shown(stamp: Stamp, match: Match[str], own: int, program: str) -> Shown | None:
    """Return the year and the zone in which a stamp is the program's own time (s since 1970), but for some delay."""
    about = datetime.datetime.fromtimestamp(own, datetime.UTC).year
    for year in (about, about - 1, about + 1):
        try:
            local = Clock(year, None).read(stamp, match).ns // NS
        except StampError:  # 29 February
            continue
        east = round((local - own) / _STEP) * _STEP
        if abs(east) <= _FARTHEST and abs(local - own - east) <= _LATE:
            zone = datetime.timezone(datetime.timedelta(seconds=east))
            return Shown(year, datetime.datetime.fromtimestamp(local, datetime.UTC).month, zone, program)
    return None
