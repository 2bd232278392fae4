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
_MOST: Final = 1 << 17
"""Ways in that are remembered at a time."""

Way = TypeVar("Way", bound=Hashable)


class Found(NamedTuple, Generic[Way]):
    """What a packet is found to have come from: `way` is None where it may have been several (`several`), or none."""

    way: Way | None
    several: bool = False


class Crossing(Generic[Way]):
    """Remembers for a while by which way packets came in. Give it packets in order of time."""

    def __init__(self) -> None:
        self._exact: OrderedDict[tuple[Hashable, Way], int] = OrderedDict()
        self._by_key: dict[Hashable, dict[Way, int]] = {}
        self._crowded = 0
        """Until when (ns) something is not remembered that should be."""

    def came(self, packet: Packet, way: Way, pair: tuple[int, int] | None = None) -> None:
        """Take note that a packet came in, with the addresses `pair` if not those of its innermost header."""
        for key in _keys(packet, pair):
            self._exact[key, way] = packet.time
            self._exact.move_to_end((key, way))
            self._by_key.setdefault(key, {})[way] = packet.time
        self._forget(packet.time)

    def find(self, packet: Packet, pair: tuple[int, int] | None = None) -> Found[Way]:
        """Return by which way a packet that goes out has come in, as which it had the addresses `pair`, if others."""
        for key in _keys(packet, pair):
            ways = [w for w, time in self._by_key.get(key, {}).items() if packet.time - time <= SOON]
            if ways:
                return Found(ways[0]) if len(ways) == 1 and packet.time > self._crowded else Found(None, True)
        return Found(None)

    def _forget(self, now: int) -> None:
        while self._exact:
            (key, way), time = next(iter(self._exact.items()))
            if now - time <= SOON:
                if len(self._exact) <= _MOST:
                    return
                self._crowded = time + SOON
            del self._exact[key, way]
            ways = self._by_key[key]
            del ways[way]
            if not ways:
                del self._by_key[key]


def _keys(packet: Packet, pair: tuple[int, int] | None) -> list[Hashable]:
    """Return by what a packet is recognised: the surest first."""
    ends = packet.addresses[-1] if pair is None else pair
    flow = ends, packet.protocol, packet.sport, packet.dport, packet.spi
    return [(ends, packet.identity), flow] if packet.identity else [flow]
