"""The security associations of a gateway with its nodes: whose each is, and what IPsec says of a packet of it.

Who a node is shows inside of ESP only: all that can be opened is opened before anything is told, and an exchange of
keys is the node's whose ESP passes between the same ends after it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final, NamedTuple

from mipcheck.checker.capture.device.sides import Alike
from mipcheck.checker.capture.headers.packet import ESP, IKE, Packet
from mipcheck.checker.capture.messages import carried
from mipcheck.checker.capture.messages.esp import Keyring
from mipcheck.checker.capture.messages.ike import IkeMessage
from mipcheck.checker.console.counts import few
from mipcheck.checker.site.site import Site

_NAT_PORT: Final = 4500
_WINDOW: Final = 32
"""Packets that every receiver has to tell replays among (RFC 4303 section 3.4.3)."""
_STRETCHES: Final = 256
"""Stretches of numbers that are remembered of an association, the newest: what is lost ends one."""
_MAX_SPIS: Final = 4
_UNKNOWN: Final = -1
_SEQUENCE: Final = slice(4, 8)

End = tuple[int, int]
"""Outer address of a node, and its UDP port where there is UDP around ESP, else 0."""


class Exchange(NamedTuple):
    """A key exchange: when it began (ns), and between which ends it went on; with NAT, only those behind it count."""

    began: int
    ends: frozenset[End]


@dataclass(slots=True)
class Association:
    """What is known of one direction: the node's address inside, the first packet, and which numbers have come."""

    home: int
    first: int
    inward: bool
    _seen: list[int] = field(default_factory=list)
    """Where stretches of numbers begin that have come, and where each is over, in turn."""

    @property
    def newest(self) -> int:
        """The greatest number that has come, or less than any."""
        return self._seen[-1] - 1 if self._seen else _UNKNOWN

    def judge(self, number: int) -> str | None:
        """Return what IPsec says of a sequence number that comes, of a packet that was opened: ok or replayed; None
        where it may be either. Receivers differ in how far back they tell replays apart."""
        at = bisect_right(self._seen, number)
        if at % 2:
            return "replayed"
        late = number <= self.newest - _WINDOW
        self._add(number, number + 1, at)
        return None if late else "ok"

    def follow(self, first: int, end: int) -> None:
        """Take numbers that come, from one to before another, all greater than any before: they are ok."""
        self._add(first, end, len(self._seen))

    def _add(self, first: int, end: int, at: int) -> None:
        """Put a stretch at its place among the others."""
        seen = self._seen
        joins, joined = at > 0 and seen[at - 1] == first, at < len(seen) and seen[at] == end
        seen[at - joins : at + joined] = [*([] if joins else [first]), *([] if joined else [end])]
        if len(seen) > 2 * _STRETCHES:
            del seen[:2]


class Sighting(NamedTuple):
    """ESP that was opened, of one association and between the same ends: when (ns) and in which frame it was first
    seen, the node's address inside (None in transport mode), and how many packets there are."""

    time: int
    frame: int
    spi: int
    inward: bool
    end: End
    home: int | None
    packets: int = 1


class OpenedInColumns(NamedTuple):
    """What was opened where packets are read in columns: with which keys, what was seen, and the addresses in the
    outermost headers of all packets."""

    keys: Keyring
    seen: Sequence[Sighting]
    alike: Alike
    clear: Mapping[int, bytes]
    """What is in packets that have been opened all the same, by the number of the frame."""


class Associations:
    """All of them, learnt from a capture's packets, given in order of time."""

    def __init__(
        self, packets: Sequence[Packet], site: Site, own: Collection[int], columns: OpenedInColumns | None = None
    ) -> None:
        """What was opened in `columns` is not among the packets, or at least not to be opened again."""
        self.inner: dict[int, Packet] = {}
        """What was inside, by the number of the frame (of its ESP)."""
        self.by_spi: dict[int, Association] = {}
        self.keys = Keyring(site.esp_sas) if columns is None else columns.keys
        self._clear = {} if columns is None else columns.clear
        self._own = own
        self._opened: set[int] = set()
        self._sealed: dict[int, int] = {}
        self._exchanges: dict[bytes, Exchange] = {}
        seen = [] if columns is None else list(columns.seen)
        for sighting in seen:
            self.keys.opened[sighting.spi] += sighting.packets
        for packet in packets:
            if packet.kind == ESP and self.is_ours(packet):
                seen.extend(self._seen(packet))
            elif packet.kind == IKE and self.is_ours(packet):
                self._exchange(packet)
        seen.sort(key=attrgetter("time", "frame"))
        homes: dict[int, Counter[int]] = defaultdict(Counter)
        firsts: dict[int, Sighting] = {}
        ends: dict[int, set[End]] = defaultdict(set)
        for sighting in seen:
            firsts.setdefault(sighting.spi, sighting)
            ends[sighting.spi].add(sighting.end)
            if sighting.home is not None:
                homes[sighting.spi][sighting.home] += sighting.packets
        for spi, first in firsts.items():
            if homes[spi]:
                home = homes[spi].most_common(1)[0][0]
                self.by_spi[spi] = Association(home, first.time, first.inward)
        self._by_end: dict[End, list[Association]] = defaultdict(list)
        for spi, association in sorted(self.by_spi.items(), key=lambda item: item[1].first):
            for end in ends[spi]:
                self._by_end[end].append(association)

    def _seen(self, packet: Packet) -> Iterator[Sighting]:
        """Open a packet of ESP."""
        inner = self.keys.inside(packet, self._clear.get(packet.frame))
        if inner is None:
            if not self.keys.has(packet.spi):
                self._sealed.setdefault(packet.spi, packet.frame)
            return
        self._opened.add(packet.frame)
        home, inward = None, self.is_inward(packet)
        if len(inner.addresses) > 0 and inner.addresses[0] != packet.addresses[-1]:
            self.inner[packet.frame] = inner
            home = inner.addresses[0][not inward]
        yield Sighting(packet.time, packet.frame, packet.spi, inward, self.end(packet), home)

    @property
    def own(self) -> list[int]:
        """The gateway's addresses."""
        return list(self._own)

    @property
    def homes(self) -> set[int]:
        """The addresses that nodes have inside."""
        return {association.home for association in self.by_spi.values()}

    def is_ours(self, packet: Packet) -> bool:
        """Decide whether a packet is between the gateway and anybody, and not in somebody else's tunnel."""
        return not any(set(ends).isdisjoint(self._own) for ends in (packet.addresses[0], packet.addresses[-1]))

    def is_inward(self, packet: Packet) -> bool:
        """Decide whether a packet comes to the gateway."""
        return packet.addresses[-1][1] in self._own

    def end(self, packet: Packet) -> End:
        """Return the other end of a packet."""
        inward = self.is_inward(packet)
        ports = packet.sport, packet.dport
        return packet.addresses[-1][not inward], ports[not inward] if _NAT_PORT in ports else 0

    def whose(self, message: IkeMessage) -> int | None:
        """Return the address inside of the node that a key exchange is of; None where nobody knows."""
        exchange = self._exchanges.get(message.initiator)
        if exchange is None:
            return None
        # Behind a NAT the exchange moves to the port where ESP passes: another node may have the address itself.
        through = {end for end in exchange.ends if end[1]} or exchange.ends
        others = (e for e in self._exchanges.values() if e.began > exchange.began)
        until = min((e.began for e in others if not through.isdisjoint(e.ends)), default=None)
        homes = {
            a.home
            for end in through
            for a in self._by_end.get(end, ())
            if a.first >= exchange.began and (until is None or a.first < until)
        }
        return next(iter(homes)) if len(homes) == 1 else None

    def _exchange(self, packet: Packet) -> None:
        message = carried.key_exchange(packet)
        if message is None:
            return
        known = self._exchanges.get(message.initiator, Exchange(packet.time, frozenset()))
        self._exchanges[message.initiator] = known._replace(ends=known.ends | {self.end(packet)})

    def home_of(self, packet: Packet) -> int | None:
        """Return the address inside of the node that ESP is of; None where nobody knows that."""
        association = self.by_spi.get(packet.spi)
        if association is None or not packet.whole or not self.is_ours(packet):
            return None
        if association.inward != self.is_inward(packet):
            return None
        return association.home

    def is_opened(self, packet: Packet) -> bool:
        """Tell whether a packet of ESP was among those given and could be opened."""
        return packet.frame in self._opened

    def authentic(self, packet: Packet) -> str | None:
        """Return what IPsec says of a packet that comes: ok, bad or replayed; None where it may be either.

        Each is to be asked about once, in order of time.
        """
        if not self.is_opened(packet):
            return "bad"
        return self.by_spi[packet.spi].judge(int.from_bytes(packet.payload[_SEQUENCE]))

    def holes(self) -> tuple[str, ...]:
        """Say which nodes nobody can follow."""
        # By keys that fit, what comes and does not authenticate is told as bad: that is evidence, and nothing lacks.
        told = {spi for spi, association in self.by_spi.items() if association.inward and self.keys.fits(spi)}
        found = self.keys.complaints(told)
        if self._sealed:
            spis = few([f"{spi:#010x}" for spi in self._sealed], _MAX_SPIS)
            frame = min(self._sealed.values())
            found.append(f"frame {frame}: give [[esp_sa]] keys for SPI {spis}: whose they are is not known")
        return tuple(found)


def vendors(message: IkeMessage) -> frozenset[str] | None:
    """Return the features of the draft that vendor ids show: none, or unknown, as those of the draft have no number.

    It gives a hash of "XXX" in appendices B.1 and C.1, so that any id that nobody knows may be meant.
    """
    return None if any(name.startswith("unknown") for name in message.vendors) else frozenset()


def traverses(message: IkeMessage) -> bool:
    """Decide whether a first message offers NAT traversal: IKEv1 has a vendor id for it, IKEv2 notifications."""
    return message.detects_nat or any(name.startswith("NAT traversal") for name in message.vendors)
