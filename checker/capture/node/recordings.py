"""Recordings that have a stretch in common: files of one interface that overlap, or one cut out of the other.

The same packet of one interface at the same time, in nanoseconds, in two files was on the wire once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final

from mipcheck.checker.capture.headers.packet import Packet
from mipcheck.checker.capture.node.devices import likeness
from mipcheck.checker.console.counts import counted

AGAIN: Final = "copy in another file"
"""Why a packet is set aside that an earlier file has."""


def set_aside_again(packets: Sequence[Packet], firsts: Sequence[int]) -> list[str]:
    """Set aside what several files have; packets in order of time, `firsts` are the frames before each file. What was
    found, in words."""
    if len(firsts) == 1:
        return []
    found: dict[str, list[int]] = {}
    for _, group in groupby(packets, attrgetter("time")):
        for packet in _again(list(group), firsts):
            packet.set_aside(AGAIN)
            found.setdefault(packet.interface, []).append(packet.frame)
    return [
        f"frame {frames[0]}: what another file shows of {name}, too ({counted(len(frames), 'frame')}) counts once"
        for name, frames in found.items()
    ]


def _again(packets: Sequence[Packet], firsts: Sequence[int]) -> Iterator[Packet]:
    """Yield, of packets of one time, those that an earlier file has, too: as many as it has, if they are alike."""
    if len(packets) == 1:
        return
    kept: Counter[object] = Counter()
    own: Counter[object] = Counter()
    for packet in packets:
        key = packet.interface, packet.length, likeness(packet)
        own[key, file := bisect_left(firsts, packet.frame)] += 1
        if own[key, file] <= kept[key]:
            yield packet
        else:
            kept[key] += 1


def may_overlap(interfaces: Sequence[Mapping[str, int]]) -> bool:
    """Decide whether two files may have packets of one interface, by the interfaces of each."""
    names = Counter(name for of_file in interfaces for name in of_file)
    return any(count > 1 for count in names.values())
