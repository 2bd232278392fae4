"""The headers of one frame as they were read: `Packet`, and what kinds of packet there are."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Final, NamedTuple

# What the innermost readable header is. Small integers, because every frame is looked up by them.
PLAIN: Final = 0  # anything that may be user data in clear
ESP: Final = 1
IKE: Final = 2
REGISTRATION: Final = 3
ADVERTISEMENT: Final = 4
SOLICITATION: Final = 5
DHCP: Final = 6
ICMP_ERROR: Final = 7
ICMP: Final = 8
REST: Final = 9  # a non-first fragment: what it belongs to is told by the first one
ASIDE: Final = 10  # never user data; `why` says what it is

PHYSICAL: Final = 0
TUNNEL: Final = 1
LOOPBACK: Final = 2

LINK_PORTS: Final = {5353: "mdns", 1900: "ssdp", 5355: "llmnr"}
"""UDP ports of protocols that do not leave the link."""
MULTICAST: Final = 0xE0000000
"""The first multicast address; broadcast is above it as well."""
CUT: Final = "cut short"
"""Why a packet is set aside whose headers were not captured to their end, or are damaged."""
IPV6: Final = "ipv6"
IPV6_BEYOND: Final = "ipv6 beyond the link"
"""Why IPv6 is set aside, of which the draft does not speak: upkeep of the link or ESP, or anything else."""
UNREAD: Final = object()
"""In the place of a message that nobody has asked for yet."""

Fragment = tuple[int, int, int, int]
"""Source, destination, protocol and identification: what the fragments of one datagram share."""


class Piece(NamedTuple):
    """A fragment of an IPv4 datagram as captured, for reassembly.

    `start` is the offset in bytes, `more` whether others follow, `whole` whether `data` is all of it. `stack` and
    `outer` (the addresses) are of the headers around the datagram.
    """

    key: Fragment
    start: int
    more: bool
    whole: bool
    data: bytes
    stack: str
    outer: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class Packet:
    """What one frame shows. `addresses` holds (source, destination) of every IP header, outermost first.

    `payload` is kept for signalling and for ESP that can be opened, and `whole` says that it is there to its end.
    `closed` says that what the innermost header carries is an encapsulation that could not be opened.
    `direction` is what the link or the file says about it: "in", "out" or "". `piece` is the outermost fragment, until
    it is taken for reassembly; `mark` identifies a frame that its link may send again, and `again` says that it did.
    """

    frame: int
    time: int
    interface: str
    length: int
    kind: int = ASIDE
    why: str = "not ip"
    stack: str = ""
    addresses: tuple[tuple[int, int], ...] = ()
    protocol: int = 0
    sport: int = 0
    dport: int = 0
    spi: int = 0
    payload: bytes = b""
    whole: bool = True
    direction: str = ""
    source_mac: bytes = b""
    target_mac: bytes = b""
    device: int = PHYSICAL
    first_of: tuple[Fragment, ...] = ()
    rest_of: Fragment | None = None
    piece: Piece | None = None
    mark: bytes = b""
    again: bool = False
    closed: bool = False
    inside: int = 0
    """Where the innermost IP header begins, in the bytes that were read."""
    identity: bytes = b""
    """What tells the innermost packet from others, where a device's ways in and out are compared; else empty."""
    fragment: int = 0
    """The depth of the IP header, from 1, whose datagram came in pieces; 0 where none did, or nobody asks."""
    unread: str = ""
    """Why nobody can tell what it is, in words; "" where that does not matter."""
    message: object = field(default=UNREAD, compare=False, repr=False)
    """What `payload` says as a message, once `messages.carried` has read it: None where it makes no sense."""

    def set_aside(self, why: str) -> None:
        """Let it count for nothing, and stand for no datagram whose fragments it begins."""
        self.kind, self.why, self.payload, self.first_of = ASIDE, why, b"", ()

    def seen_at(self, time: int, frame: int, length: int) -> Packet:
        """Return a packet that is like this one, but for when it was seen (ns) and how long it was (bytes)."""
        return Packet(frame, time, self.interface, length, *_HEADERS(self))


_HEADERS: Final = attrgetter(*[f.name for f in fields(Packet)][4:])
"""All of a packet but frame, time, interface and length: several times as fast as `dataclasses.replace`."""
