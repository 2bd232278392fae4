"""A frame → its headers, outermost first, down to the innermost that can be read in clear.

Link headers: Ethernet (also 802.3 with LLC) with VLAN tags and PPPoE (RFC 2516), 802.11 (`wlan`), raw IP, Linux
cooked version 1 and 2, null/loopback. Tunnels that are peeled: IP-in-IP (RFC 2003), minimal encapsulation
(RFC 2004), GRE (RFC 2784, 2890), MIP tunnel data in UDP 434 (RFC 3519), L2TP (RFC 2661) with PPP (RFC 1661) and
UDP-encapsulated ESP and IKE (RFC 3948); and whatever other encapsulation has an IP packet at its end, which is looked
for. Which of them a specification knows is not decided here: headers are only named, in `stack`. Nothing here knows
who the node is or what came before; nothing raises on damaged bytes: a header that is cut or nonsense ends the walk,
and what was read stands.
Checksums are not looked at: with offload those of all outgoing and many incoming packets are wrong. Nor is a length
trusted that says more or less than was captured: a segment may be larger than any link carries.
"""

from __future__ import annotations

import struct
from collections.abc import Container
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from mipcheck.checker.capture.frames.frame import SLL, SLL2, Frame
from mipcheck.checker.capture.headers import wlan

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

ETHERNET: Final = 1
RAW: Final = frozenset({12, 14, 101, 228})
_NULL: Final = 0
_LOOP: Final = 108
_VLAN: Final = frozenset({0x8100, 0x88A8, 0x9100})
_IPV4: Final = 0x0800
_PPPOE: Final = 0x8864
_LENGTH: Final = 0x0600
"""A smaller value in place of an Ethernet type is a length, and LLC follows (IEEE 802.3)."""
_SNAP: Final = (b"\xaa\xaa\x03\0\0\0", b"\xaa\xaa\x03\0\0\xf8")
_LLC: Final = {b"\x42\x42": "stp", b"\xfe\xfe": "is-is"}

_MAX_DEPTH: Final = 8
_ARPHRD_LOOPBACK: Final = 772
_ARPHRD_TUNNEL: Final = frozenset({768, 769, 776, 778, 823, 0xFFFE})
"""Linux device types of IP-in-IP, SIT, GRE and tun devices (include/uapi/linux/if_arp.h)."""

_IP: Final = struct.Struct("!BxHHHxBxxII")
_HEADER: Final = struct.Struct("!BxHHHBBxxII")
_UDP: Final = struct.Struct("!HHHxx")
_ERRORS: Final = frozenset({3, 4, 5, 11, 12})
LINK_PORTS: Final = {5353: "mdns", 1900: "ssdp", 5355: "llmnr"}
"""UDP ports of protocols that do not leave the link."""
MULTICAST: Final = 0xE0000000
"""The first multicast address; broadcast is above it as well."""
_ARP: Final = 0x0806
_ETHERTYPES: Final = {
    _ARP: "arp",
    0x86DD: "ipv6",
    0x888E: "802.1X",
    0x88CC: "lldp",
    0x8863: "pppoe discovery",
    0x88E5: "macsec",
}
_PPP: Final = {0x57: "ipv6", 0x53: "encrypted ppp", 0xFD: "compressed ppp"}
_SEALED_PPP: Final = ("encrypted ppp", "compressed ppp")
_TRANSPORTS: Final = frozenset({1, 2, 6, 17, 33, 46, 132, 136})
"""IP protocols that end at the addresses in front of them; what is neither these nor peeled is an encapsulation."""
_REACH: Final = 64
"""Bytes of an unknown encapsulation's own header, at most."""
_TRAILER: Final = 4
"""Bytes that may follow the packet in an unknown encapsulation: the checksum of a frame."""

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
    message: object = field(default=UNREAD, compare=False, repr=False)
    """What `payload` says as a message, once `messages.carried` has read it: None where it makes no sense."""


def decode(frame: Frame, keys: Container[int] = ()) -> Packet:
    """The headers of one frame. The payload of ESP is kept for the SPIs in `keys` only: it is most of a capture."""
    packet = Packet(frame.number, frame.time, frame.interface, frame.length, direction=frame.direction)
    try:
        at = _link(packet, frame.linktype, frame.data)
        if at >= 0:
            _ip(packet, frame.data, at, keys, len(frame.data) < frame.length)
    except (struct.error, IndexError):  # cut inside a header
        if not packet.addresses:
            packet.kind, packet.why = ASIDE, "cut short"
    return packet


def parts(frame: Frame) -> list[Frame]:
    """Return the frames in a frame: one of 802.11 may carry several of Ethernet's kind, any other is itself."""
    if frame.linktype not in wlan.LINKTYPES:
        return [frame]
    try:
        header = wlan.read(frame.data, frame.linktype)
    except (struct.error, IndexError):
        return [frame]
    if header.why or not header.aggregate:
        return [frame]
    inside = wlan.parts(frame.data, header)
    return [frame._replace(linktype=ETHERNET, data=part, length=len(part)) for part in inside] or [frame]


def ip_start(frame: Frame) -> int:
    """Where the outermost IPv4 header of a frame begins, or -1 if it has none."""
    packet = Packet(frame.number, frame.time, frame.interface, frame.length)
    try:
        return _link(packet, frame.linktype, frame.data)
    except (struct.error, IndexError):
        return -1


def resume(packet: Packet, piece: Piece, data: bytes, keys: Container[int] = ()) -> None:
    """Go on with `packet` where its datagram was in pieces, with all its `data` now; `piece` is any of them."""
    source, target, protocol, identification = piece.key
    header = _HEADER.pack(0x45, 20 + len(data), identification, 0, 64, protocol, source, target)
    packet.first_of, packet.rest_of, packet.piece = (), None, None
    packet.payload, packet.whole, packet.sport, packet.dport, packet.spi = b"", True, 0, 0, 0
    packet.closed, packet.message = False, UNREAD
    with suppress(struct.error, IndexError):  # as in `decode`
        _ip(packet, header + data, 0, keys, False, piece.stack, piece.outer)


def _link(packet: Packet, linktype: int, data: bytes) -> int:
    """Offset of the IPv4 header, or -1 with the reason in the packet."""
    if linktype == ETHERNET:
        packet.target_mac, packet.source_mac = data[:6], data[6:12]
        return _ethertype(packet, data, 12)
    if linktype in RAW:
        return _version(packet, data, 0)
    if linktype in wlan.LINKTYPES:
        header = wlan.read(data, linktype)
        packet.target_mac, packet.source_mac = header.target, header.source
        packet.mark, packet.again = header.mark, header.retry
        if header.why:
            packet.why = header.why
            return -1
        return _llc(packet, data, header.body)
    if linktype == SLL:
        kind, device, size = struct.unpack_from("!HHH", data)
        _cooked(packet, kind, device, data[6 : 6 + min(size, 8)])
        return _ethertype(packet, data, 14)
    if linktype == SLL2:
        index, device, kind, size = struct.unpack_from("!4xIHBB", data)
        packet.interface = f"if{index}"
        _cooked(packet, kind, device, data[12 : 12 + min(size, 8)])
        (ethertype,) = struct.unpack_from("!H", data)
        if ethertype in _VLAN:
            return _ethertype(packet, data, 22)
        return _content(packet, data, ethertype, 20)
    if linktype in (_NULL, _LOOP):
        # The family is in the byte order of the capturing machine; AF_INET is 2 everywhere.
        if data[:4] not in (b"\2\0\0\0", b"\0\0\0\2"):
            packet.why = "not ip"
            return -1
        return _version(packet, data, 4)
    packet.why = f"link type {linktype}"
    return -1


def _cooked(packet: Packet, kind: int, device: int, address: bytes) -> None:
    """Packet type 4 is "sent by us"; the address is the sender's, whichever side that is."""
    packet.source_mac = address
    packet.direction = "out" if kind == 4 else "in" if kind < 3 else ""
    if device == _ARPHRD_LOOPBACK:
        packet.device = LOOPBACK
    elif device in _ARPHRD_TUNNEL:
        packet.device = TUNNEL


def _ethertype(packet: Packet, data: bytes, at: int) -> int:
    (ethertype,) = struct.unpack_from("!H", data, at)
    tags = 0
    while ethertype in _VLAN and tags < 4:
        at += 4
        tags += 1
        (ethertype,) = struct.unpack_from("!H", data, at)
    return _content(packet, data, ethertype, at + 2)


def _content(packet: Packet, data: bytes, ethertype: int, at: int) -> int:
    """What follows an Ethernet type, at `at`."""
    if ethertype == _IPV4:
        return at
    if ethertype < _LENGTH:
        return _llc(packet, data, at)
    if ethertype == _PPPOE:
        return _ppp(packet, data, at + 6)
    packet.why = _ETHERTYPES.get(ethertype, "not ip")
    if ethertype == _ARP:
        packet.payload = data[at : at + 28]
    return -1


def _llc(packet: Packet, data: bytes, at: int) -> int:
    """IEEE 802.2: an Ethernet type after a SNAP header (RFC 1042), or IP by its own service access point."""
    head = data[at : at + 6]
    if head in _SNAP:
        return _ethertype(packet, data, at + 6)
    if head[:3] == b"\x06\x06\x03":
        return _version(packet, data, at + 3)
    packet.why = _LLC.get(head[:2], "not ip")
    return -1


def _ppp(packet: Packet, data: bytes, at: int) -> int:
    """RFC 1661 section 2; address and control may be left out, and so may the first byte of the protocol if it is 0."""
    if data[at : at + 2] == b"\xff\x03":
        at += 2
    protocol = data[at]
    at += 1
    if not protocol & 1:
        protocol = protocol << 8 | data[at]
        at += 1
    if protocol == 0x21:
        return at
    packet.why = _PPP.get(protocol, "ppp control" if protocol >= 0x8000 else "not ip")
    return -1


def _version(packet: Packet, data: bytes, at: int) -> int:
    version = data[at] >> 4
    if version == 4:
        return at
    packet.why = "ipv6" if version == 6 else "not ip"
    return -1


def _ip(
    packet: Packet,
    data: bytes,
    at: int,
    keys: Container[int],
    snapped: bool,
    stack: str = "",
    outer: tuple[tuple[int, int], ...] = (),
) -> None:
    """Walk from the IPv4 header at `at` to the innermost one in clear; `stack` and `outer` are of those before it."""
    end = claimed = len(data)
    addresses = list(outer)
    while len(addresses) < _MAX_DEPTH:
        first, total, identification, fragment, protocol, source, target = _IP.unpack_from(data, at)
        header = (first & 15) * 4
        if first >> 4 != 4 or header < 20:
            break
        before = stack, tuple(addresses)
        addresses.append((source, target))
        stack = f"{stack}/ip" if stack else "ip"
        packet.addresses, packet.stack, packet.kind, packet.protocol = tuple(addresses), stack, PLAIN, protocol
        # A total length of 0 is segmentation offload; padding after a short packet is not part of it.
        whole = not snapped
        if total >= header:
            whole = at + total <= len(data)
            claimed = at + total
            end = min(end, claimed)
        at += header
        if fragment & 0x3FFF:
            key = (source, target, protocol, identification)
            if packet.piece is None:
                start = (fragment & 0x1FFF) * 8
                packet.piece = Piece(key, start, bool(fragment & 0x2000), whole, data[at:end], *before)
            if fragment & 0x1FFF:
                packet.kind, packet.rest_of = REST, key
                packet.stack += {4: "/ip", 50: "/esp"}.get(protocol, "")
                return
            packet.first_of = (*packet.first_of, key)
            whole = False
        while len(addresses) < _MAX_DEPTH:
            if protocol == 4:
                break
            if protocol == 17:
                source_port, target_port, size = _UDP.unpack_from(data, at)
                packet.sport, packet.dport = source_port, target_port
                at += 8
                if size >= 8:
                    claimed = at + size - 8
                    end = min(end, claimed)
                protocol, at, stack = _udp(packet, data, at, end, whole, stack, keys)
                if protocol == 17:
                    if packet.kind != PLAIN or packet.closed:
                        return
                    inside = _embedded(data, at, claimed)
                    if inside < 0:
                        return
                    protocol, stack = 4, f"{stack}/udp{min(source_port, target_port)}" + "/other" * (inside > at)
                    at = inside
                continue
            if protocol == 47:
                stack += "/gre"
                protocol, at = _gre(data, at)
                if protocol == 4:
                    continue
            if protocol == 55:
                # RFC 2004: the original addresses are in the short header; there is no inner IP header.
                inner, flags, inner_target = struct.unpack_from("!BBxxI", data, at)
                inner_source = source
                at += 8
                if flags & 0x80:
                    (inner_source,) = struct.unpack_from("!I", data, at)
                    at += 4
                addresses.append((inner_source, inner_target))
                stack += "/minenc"
                protocol = inner
                packet.addresses, packet.stack, packet.protocol = tuple(addresses), stack, protocol
                continue
            if protocol == 50:
                packet.kind, packet.stack = ESP, stack + "/esp"
                (packet.spi,) = struct.unpack_from("!I", data, at)
                if packet.spi in keys:
                    packet.payload, packet.whole = data[at:end], whole
                return
            if protocol == 1:
                _icmp(packet, data, at, end, whole)
            elif protocol == 2:
                packet.kind, packet.why = ASIDE, "igmp"
            elif protocol == 6:
                packet.sport, packet.dport = struct.unpack_from("!HH", data, at)
            elif protocol not in _TRANSPORTS:
                stack += "" if protocol == 47 else f"/proto{protocol}"
                packet.stack, packet.closed = stack, True
                at = _embedded(data, at, claimed)
                if at >= 0:
                    protocol, stack, packet.closed = 4, f"{stack}/other", False
                    continue
            return
        else:
            return


def _udp(
    packet: Packet, data: bytes, at: int, end: int, whole: bool, stack: str, keys: Container[int]
) -> tuple[int, int, str]:
    """Look into UDP, whose payload starts at `at`: (17, …) if it ends here, else the protocol inside, where, stack."""
    sport, dport = packet.sport, packet.dport
    if 4500 in (sport, dport):
        if end - at == 1 and data[at] == 0xFF:
            packet.kind, packet.why = ASIDE, "nat keepalive"
        elif end - at >= 4:
            if data[at : at + 4] == b"\0\0\0\0":
                packet.kind, packet.payload, packet.whole = IKE, data[at + 4 : end], whole
            else:
                (packet.spi,) = struct.unpack_from("!I", data, at)
                packet.kind, packet.stack = ESP, stack + "/udp4500/esp"
                if packet.spi in keys:
                    packet.payload, packet.whole = data[at:end], whole
    elif 434 in (sport, dport):
        kind = data[at] if at < end else 0
        if kind == 4:
            # RFC 3519 section 3.3: type, next header, two bytes reserved.
            inner = data[at + 1]
            if inner in (4, 47, 55):
                return inner, at + 4, stack + "/udp434"
            packet.kind, packet.why = ASIDE, "mobile ip, unknown"
        elif kind in (1, 3):
            packet.kind, packet.payload, packet.whole = REGISTRATION, data[at:end], whole
        else:
            packet.kind, packet.why = ASIDE, "mobile ip, unknown"
    elif 1701 in (sport, dport):
        inside = _l2tp(packet, data, at)
        if inside >= 0:
            return 4, inside, stack + "/udp1701/l2tp/ppp"
        if packet.kind == PLAIN and packet.why in _SEALED_PPP:
            packet.closed, packet.stack = True, stack + "/udp1701/l2tp/ppp"
    elif 500 in (sport, dport):
        packet.kind, packet.payload, packet.whole = IKE, data[at:end], whole
    elif (sport in (67, 68) and dport in (67, 68)) or dport == 67:
        packet.kind, packet.payload, packet.whole = DHCP, data[at:end], whole
    elif dport in LINK_PORTS and packet.addresses[-1][1] >= MULTICAST:
        packet.kind, packet.why = ASIDE, LINK_PORTS[dport]
    return 17, at, stack


def _l2tp(packet: Packet, data: bytes, at: int) -> int:
    """Where the IPv4 header in an L2TP data message starts (RFC 2661 section 3.1); -1 if there is none."""
    (flags,) = struct.unpack_from("!H", data, at)
    if flags & 0x0F != 2:
        return -1
    if flags & 0x8000:
        packet.kind, packet.why = ASIDE, "l2tp control"
        return -1
    at += 6 + 2 * bool(flags & 0x4000) + 4 * bool(flags & 0x0800)
    if flags & 0x0200:
        at += 2 + int(struct.unpack_from("!H", data, at)[0])
    inside = _ppp(packet, data, at)
    if inside < 0 and packet.why != "not ip" and packet.why not in _SEALED_PPP:
        packet.kind = ASIDE
    return inside


def _embedded(data: bytes, at: int, end: int) -> int:
    """Where the IPv4 packet starts that an unknown encapsulation at `at` carries to its `end`; -1 if there is none.

    It has a header without options and with the right checksum, which no hardware computes for an inner header, and
    ends where the encapsulation ends.
    """
    limit = at + _REACH
    while (at := data.find(b"\x45", at, limit)) >= 0:
        if at + 20 > len(data):
            break
        words = struct.unpack_from("!10H", data, at)
        total = sum(words)
        if end - _TRAILER <= at + words[1] <= end and words[1] >= 20 and (total >> 16) + (total & 0xFFFF) == 0xFFFF:
            return at
        at += 1
    return -1


def _gre(data: bytes, at: int) -> tuple[int, int]:
    """Protocol inside GRE (4 for IPv4, else 47) and where it starts."""
    flags, ethertype = struct.unpack_from("!HH", data, at)
    if flags & 0x4007:  # source routing (RFC 1701) or another version
        return 47, at
    at += 4 + 4 * bool(flags & 0x8000) + 4 * bool(flags & 0x2000) + 4 * bool(flags & 0x1000)
    return (4 if ethertype == _IPV4 else 47), at


def _icmp(packet: Packet, data: bytes, at: int, end: int, whole: bool) -> None:
    kind = data[at]
    if kind in _ERRORS:
        packet.kind = ICMP_ERROR  # it quotes other packets; the quote is nobody's signalling or data
    elif kind == 9:
        packet.kind, packet.payload, packet.whole = ADVERTISEMENT, data[at:end], whole
    elif kind == 10:
        packet.kind = SOLICITATION
    else:
        packet.kind = ICMP
