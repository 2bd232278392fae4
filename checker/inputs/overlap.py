"""Logs that have a stretch in common, as after a rotation that copies, or one cut out of the other: it counts once.

A stretch is one where each tells, event by event, what the other does at the same times, from the first event of one of
them until either ends. What two programs happen to tell alike is none: between that, each tells what is its own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from mipcheck.checker.console.counts import counted
from mipcheck.checker.console.escape import printable
from mipcheck.model.values.event import Event


def once(parts: Sequence[tuple[str, Sequence[Event], int]]) -> tuple[list[Sequence[Event]], tuple[str, ...]]:
    """Return the events of logs without those that begin one and stand in another, with a note on each such log.

    Each comes with its name, and what is added to its times (ns).
    """
    found = [events for _, events, _ in parts]
    notes: dict[int, str] = {}
    order = sorted((n for n, events in enumerate(found) if events), key=lambda n: found[n][0].time + parts[n][2])
    for place, n in enumerate(order):
        for other in order[:place]:
            if count := in_common(found[other], found[n], parts[n][2] - parts[other][2]):
                found[n] = found[n][count:]
                begins = f"{printable(parts[n][0])}: {counted(count, 'event')} at its beginning"
                notes[n] = f"{begins} that {printable(parts[other][0])} tells as well, counted once"
            if not found[n]:
                break
    return found, tuple(notes[n] for n in sorted(notes))


def in_common(earlier: Sequence[Event], later: Sequence[Event], ahead: int) -> int:
    """Return how many events at the beginning of the later log stand in the earlier one, up to the end of either.

    `ahead` (ns) is added to the times of the later one.
    """
    first = later[0].time + ahead
    start = bisect_left(earlier, first, key=lambda event: event.time)
    while start < len(earlier) and earlier[start].time == first:
        length = min(len(earlier) - start, len(later))
        if all(same(earlier[start + n], later[n], ahead) for n in range(length)):
            return length
        start += 1
    return 0


def same(one: Event, other: Event, ahead: int) -> bool:
    """Decide whether two events are one, wherever they are told; `ahead` (ns) is added to the time of the other."""
    return (one.time, one.interface, one.kind, one.args) == (
        other.time + ahead,
        other.interface,
        other.kind,
        other.args,
    )
