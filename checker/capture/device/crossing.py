"""What passes through a device: what leaves it came in before, in other headers. From where, is looked up here.

A packet is recognised by its innermost addresses and its `identity`; where that does not help, since hardware cuts and
joins packets, by the flow that it belongs to. What may have come from two places is said to have come from nowhere.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final, Generic, NamedTuple, TypeVar

from mipcheck.checker.capture.headers.packet import Packet

ON_ITS_WAY: Final = "on its way in"
"""Why a packet is set aside that tells something only where it leaves the device."""
SOON: Final = 2 * 10**9
"""ns that a device holds a packet, at the most."""
PACKETS: Final = 1 << 18
"""Packets that are remembered at a time; where there are more, their flows have to do."""
_FLOWS: Final = 1 << 20
"""Flows that are."""

W = TypeVar("W", bound=Hashable)


class Found(NamedTuple, Generic[W]):
    """What a packet is found to have come from: `way` is None where it may have been several (`several`), or none."""

    way: W | None
    several: bool = False


class Crossing(Generic[W]):
    """Remembers for a while by which way packets came in. Give it packets in order of time."""

    def __init__(self) -> None:
        self._levels: tuple[_Recent[W], ...] = (_Recent(PACKETS), _Recent(_FLOWS))

    def came(self, packet: Packet, way: W, pair: tuple[int, int] | None = None) -> None:
        """Take note that a packet came in, with the addresses `pair` if not those of its innermost header."""
        for level, key in zip(self._levels, _keys(packet, pair), strict=True):
            if key is not None:
                level.came(key, way, packet.time)

    def find(self, packet: Packet, pair: tuple[int, int] | None = None) -> Found[W]:
        """Return by which way a packet that goes out has come in, as which it had the addresses `pair`, if others."""
        for level, key in zip(self._levels, _keys(packet, pair), strict=True):
            ways = [] if key is None else level.ways(key, packet.time)
            if ways:
                return Found(ways[0]) if len(ways) == 1 else Found(None, True)
        return Found(None)


class _Recent(Generic[W]):
    """Ways by what was seen lately. Where there is too much of that, nothing is known for a while."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._times: OrderedDict[tuple[Hashable, W], int] = OrderedDict()
        self._ways: dict[Hashable, dict[W, int]] = {}
        self._crowded = -SOON
        """Until when (ns) something is not remembered that should be."""

    def came(self, key: Hashable, way: W, time: int) -> None:
        """Take note of a way, at a time (ns)."""
        self._times[key, way] = time
        self._times.move_to_end((key, way))
        self._ways.setdefault(key, {})[way] = time
        while self._times:
            (key, way), oldest = next(iter(self._times.items()))
            if time - oldest <= SOON:
                if len(self._times) <= self._most:
                    return
                self._crowded = oldest + SOON
            del self._times[key, way]
            del self._ways[key][way]
            if not self._ways[key]:
                del self._ways[key]

    def ways(self, key: Hashable, now: int) -> list[W]:
        """Return the ways of late; none while some are not remembered."""
        if now <= self._crowded:
            return []
        return [way for way, time in self._ways.get(key, {}).items() if now - time <= SOON]


def _keys(packet: Packet, pair: tuple[int, int] | None) -> tuple[Hashable | None, Hashable]:
    """Return by what a packet is recognised: the packet itself, if that is known, and its flow."""
    ends = packet.addresses[-1] if pair is None else pair
    exact = (ends, packet.identity) if packet.identity else None
    return exact, flow_of(packet, ends)


def flow_of(packet: Packet, ends: tuple[int, int] | None = None) -> Hashable:
    """Return what packets of one flow have in common, with the innermost addresses or other `ends`."""
    return ends or packet.addresses[-1], packet.protocol, packet.sport, packet.dport, packet.spi
