"""Logs whose newest line stands first, as event viewers and `journalctl -r` write them → the same, the oldest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from mipcheck.checker.maps.stamps import NS, Clock, Stamp, StampError

if TYPE_CHECKING:
    from re import Match

    from mipcheck.checker.logs.lines import RawLine
    from mipcheck.checker.maps.library import Use

ROOM: Final = 32 << 20
"""Bytes of a log that are turned round: all of them are held for that."""
JITTER: Final = NS // 10
"""ns by which the stamps of a program with several threads run backwards at most."""
_FALLS: Final = 3
"""Times that stamps have to fall while they never rise: a clock may be set back, but not again and again."""
_LEAP: Final = 2024
"""A year in which every day stands in the calendar."""


def is_newest_first(lines: Iterable[RawLine], use: Use) -> bool:
    """Tell whether stamps at the beginning of a log fall, `_FALLS` times at least, and never rise; where they rise by
    what threads may be late, they have to fall by more than that."""
    stamps = _stamps(use)
    clock = Clock(use.year or _LEAP, use.zone)
    falls, leaps, rises, last = 0, 0, 0, None
    for line in lines:
        found = _match(line.data.decode("utf-8", "replace"), stamps)
        try:
            now = None if found is None else clock.read(*found).ns
        except StampError:
            continue
        if now is None:
            continue
        if last is not None and now > last + JITTER:
            return False
        if last is not None:
            falls += now < last
            leaps += now < last - JITTER
            rises += now > last
        last = now
    return (leaps if rises else falls) >= _FALLS


def oldest_first(lines: Sequence[RawLine], use: Use) -> Iterator[RawLine]:
    """Return the lines of a log from its last record to its first: what has no stamp goes on with the line before."""
    stamps = _stamps(use)
    ends = len(lines)
    for at in range(len(lines) - 1, -1, -1):
        if not at or _match(lines[at].data.decode("utf-8", "replace"), stamps) is not None:
            yield from lines[at:ends]
            ends = at


def _stamps(use: Use) -> list[Stamp]:
    """Return the forms of stamps that a map knows, or the maps of which it is joined."""
    return [stamp for map_ in (use.map, *use.map.parts) for stamp in map_.stamps]


def _match(text: str, stamps: Sequence[Stamp]) -> tuple[Stamp, Match[str]] | None:
    """Return the form of a line's stamp, and its match."""
    return next(((stamp, match) for stamp in stamps if (match := stamp.match(text))), None)
