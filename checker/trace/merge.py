"""Several inputs of one node, merged into one trace by time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mipcheck.model.values.event import Event


def merge(
    streams: Sequence[Sequence[Event]], offsets: Sequence[int], gaps: Collection[str] = frozenset()
) -> list[Event]:
    """Return all events in order of time, after `offsets[i]` ns are added to the times of `streams[i]`.

    Events of the same time keep the order of the streams, and within a stream their own. `gaps` are kinds of events
    that say that evidence is missing back to the event before. What another stream shows in between was not missed,
    but must not be judged by what was known before: such an event is repeated where the evidence ends.
    Raises ValueError if there is not one offset for each stream.
    """
    several = len(streams) > 1
    shifted = [
        event if offset == 0 else replace(event, time=event.time + offset)
        for stream, offset in zip(streams, offsets, strict=True)
        for event in (_with_both_ends(stream, gaps) if several else stream)
    ]
    return sorted(shifted, key=attrgetter("time"))


def _with_both_ends(stream: Sequence[Event], gaps: Collection[str]) -> Iterator[Event]:
    """Return the events of a stream, with each gap once more right after the event before it."""
    for event, after in zip_longest(stream, stream[1:]):
        yield event
        if after is not None and after.kind in gaps:
            yield replace(after, time=event.time)
