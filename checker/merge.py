"""Several inputs of one node, merged into one trace by time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mipcheck.model.event import Event


def merge(streams: Sequence[Sequence[Event]], offsets: Sequence[int]) -> list[Event]:
    """All events in order of time, after `offsets[i]` ns are added to the times of `streams[i]`.

    Events of the same time keep the order of the streams, and within a stream their own.
    Raises ValueError if there is not one offset for each stream.
    """
    shifted = [
        event if offset == 0 else replace(event, time=event.time + offset)
        for stream, offset in zip(streams, offsets, strict=True)
        for event in stream
    ]
    return sorted(shifted, key=attrgetter("time"))
