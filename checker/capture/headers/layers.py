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
from dataclasses import dataclass
from typing import Final

from mipcheck.checker.capture.frames.frame import Frame
from mipcheck.checker.capture.headers.link import IPV4, SEALED_PPP, ip_offset, read_ppp
from mipcheck.checker.capture.headers.packet import (
    ADVERTISEMENT,
    ASIDE,
    CUT,
    DHCP,
    ESP,
    ICMP,
    ICMP_ERROR,
    IKE,
    LINK_PORTS,
    MULTICAST,
    PLAIN,
    REGISTRATION,
    REST,
    SOLICITATION,
    UNREAD,
    Fragment,
    Packet,
    Piece,
)

_UDP_PROTOCOL: Final = 17
_SAMPLE: Final = 16
"""Bytes of what a packet carries by which it is told from others: of TCP, what comes before the checksum."""
_MAX_DEPTH: Final = 8
"""IP headers that are read, at most."""
_IP: Final = struct.Struct("!BxHHHxBxxII")
_HEADER: Final = struct.Struct("!BxHHHBBxxII")
_UDP: Final = struct.Struct("!HHHxx")
_PORTS: Final = struct.Struct("!HH")
_SPI: Final = struct.Struct("!I")
_ERRORS: Final = frozenset({3, 4, 5, 11, 12})
TRANSPORTS: Final = frozenset({1, 2, 6, 17, 33, 46, 132, 136})
"""IP protocols that end at the addresses in front of them; what is neither these nor peeled is an encapsulation."""
_REACH: Final = 64
"""Bytes of an unknown encapsulation's own header, at most."""
_TRAILER: Final = 4
"""Bytes that may follow the packet in an unknown encapsulation: the checksum of a frame."""


def decode(frame: Frame, keys: Container[int] = ()) -> Packet:
    """Read the headers of one frame. ESP's payload is kept for the SPIs in `keys` only: it is most of a capture."""
    packet = Packet(frame.number, frame.time, frame.interface, frame.length, direction=frame.direction)
    try:
        at = ip_offset(packet, frame.linktype, frame.data)
        if at >= 0:
            size = len(frame.data)
            _ip(_Walk(packet, frame.data, keys, size < frame.length, packet.stack, size, size), at)
    except (struct.error, IndexError):  # cut inside a header
        packet.whole = len(frame.data) >= frame.length
        if not packet.addresses or (not packet.whole and packet.protocol in _CARRIERS):
            packet.kind, packet.why = ASIDE, CUT
            packet.unread = "" if packet.whole else _CUT_SHORT
    return packet


def identify(packet: Packet, data: bytes) -> bytes:
    """Return what tells the innermost packet in `data` from others, wherever it passes and whatever is around it.

    That is its length and identification, and the start of what it carries, without the checksum of UDP, which
    hardware may fill in later.
    """
    at = packet.inside
    body = at + (data[at] & 15) * 4
    if data[at + 9] == _UDP_PROTOCOL:
        return data[at + 2 : at + 6] + data[body : body + 6] + data[body + 8 : body + _SAMPLE]
    return data[at + 2 : at + 6] + data[body : body + _SAMPLE]


def ip_start(frame: Frame) -> int:
    """Return where the outermost IPv4 header of a frame begins, or -1 if it has none."""
    packet = Packet(frame.number, frame.time, frame.interface, frame.length)
    try:
        return ip_offset(packet, frame.linktype, frame.data)
    except (struct.error, IndexError):
        return -1


def resume(packet: Packet, piece: Piece, data: bytes, keys: Container[int] = ()) -> None:
    """Go on with `packet` where its datagram was in pieces, with all its `data` now; `piece` is any of them."""
    source, target, protocol, identification = piece.key
    header = _HEADER.pack(0x45, 20 + len(data), identification, 0, 64, protocol, source, target)
    packet.first_of, packet.rest_of, packet.piece = (), None, None
    packet.payload, packet.whole, packet.sport, packet.dport, packet.spi = b"", True, 0, 0, 0
    packet.closed, packet.message = False, UNREAD
    packet.addresses = piece.outer
    size = len(header) + len(data)
    with suppress(struct.error, IndexError):  # as in `decode`
        _ip(_Walk(packet, header + data, keys, False, piece.stack, size, size), 0)


@dataclass(slots=True)
class _Walk:
    """The way from the outermost IP header of `data` to the innermost readable one, each header calling the next."""

    packet: Packet
    data: bytes
    keys: Container[int]
    snapped: bool
    """Whether fewer bytes were captured than the frame had."""
    stack: str = ""
    """The headers so far; those of the packet end at its innermost IP header."""
    end: int = 0
    """Where what the headers so far carry ends in `data`: padding after a short packet is not part of it."""
    claimed: int = 0
    """Where it ends by the last header that says so; that may be beyond what was captured."""
    whole: bool = True
    """Whether what the innermost IP header carries is there to its end."""
    source: int = 0
    """The source address in the innermost IP header."""


def _ip(walk: _Walk, at: int) -> None:
    """Read an IPv4 header (RFC 791)."""
    packet, data = walk.packet, walk.data
    first, total, identification, fragment, protocol, source, target = _IP.unpack_from(data, at)
    header = (first & 15) * 4
    if first >> 4 != 4 or header < 20:
        return
    walk.source = source
    packet.inside, packet.sport, packet.dport = at, 0, 0  # a tunnel's ports are none of what it carries
    outer, addresses = walk.stack, packet.addresses
    packet.addresses = (*addresses, (source, target))
    packet.stack = walk.stack = f"{outer}/ip" if outer else "ip"
    packet.kind, packet.protocol = PLAIN, protocol
    walk.whole = not walk.snapped
    if total >= header:  # a total length of 0 is segmentation offload
        walk.whole = at + total <= len(data)
        walk.claimed = at + total
        if walk.claimed < walk.end:
            walk.end = walk.claimed
    if fragment & 0x3FFF:
        key = (source, target, protocol, identification)
        _fragment(walk, at + header, key, fragment, outer, addresses)
    else:
        _carried(walk, protocol, at + header)


def _fragment(
    walk: _Walk, at: int, key: Fragment, fragment: int, outer: str, addresses: tuple[tuple[int, int], ...]
) -> None:
    """Read a fragment; `outer` and `addresses` are of the headers before its own. Only the first one goes on."""
    packet, start = walk.packet, (fragment & 0x1FFF) * 8
    if packet.piece is None:
        more = bool(fragment & 0x2000)
        packet.piece = Piece(key, start, more, walk.whole, walk.data[at : walk.end], outer, addresses)
    if start:
        packet.kind, packet.rest_of = REST, key
        packet.stack += {4: "/ip", 50: "/esp"}.get(packet.protocol, "")
        return
    packet.first_of = (*packet.first_of, key)
    walk.whole = False
    _carried(walk, packet.protocol, at)


def _carried(walk: _Walk, protocol: int, at: int) -> None:
    """Read what an IP header carries, unless there have been too many of them."""
    if len(walk.packet.addresses) < _MAX_DEPTH:
        if protocol in _NEXT:
            _NEXT[protocol](walk, at)
        elif protocol not in TRANSPORTS:
            walk.stack += f"/proto{protocol}"
            _closed(walk, at)


def _tcp(walk: _Walk, at: int) -> None:
    walk.packet.sport, walk.packet.dport = _PORTS.unpack_from(walk.data, at)


def _igmp(walk: _Walk, at: int) -> None:
    walk.packet.kind, walk.packet.why = ASIDE, "igmp"


def _icmp(walk: _Walk, at: int) -> None:
    """Read ICMP (RFC 792); router discovery (RFC 1256) carries the advertisements of mobility agents."""
    kind = walk.data[at]
    if kind in _ERRORS:
        walk.packet.kind = ICMP_ERROR  # it quotes other packets; the quote is nobody's signalling or data
    elif kind == 9:
        _keep(walk, ADVERTISEMENT, at)
    elif kind == 10:
        walk.packet.kind = SOLICITATION
    else:
        walk.packet.kind = ICMP


def _esp(walk: _Walk, at: int) -> None:
    """Read the SPI of ESP (RFC 4303)."""
    packet = walk.packet
    packet.kind, packet.stack = ESP, walk.stack + "/esp"
    (packet.spi,) = _SPI.unpack_from(walk.data, at)
    if packet.spi in walk.keys:
        packet.payload, packet.whole = walk.data[at : walk.end], walk.whole


def _gre(walk: _Walk, at: int) -> None:
    """Read GRE (RFC 2784, 2890)."""
    walk.stack += "/gre"
    flags, ethertype = struct.unpack_from("!HH", walk.data, at)
    if flags & 0x4007:  # source routing (RFC 1701) or another version
        _closed(walk, at)
        return
    at += 4 + 4 * bool(flags & 0x8000) + 4 * bool(flags & 0x2000) + 4 * bool(flags & 0x1000)
    if ethertype == IPV4:
        _ip(walk, at)
    else:
        _closed(walk, at)


def _minimal(walk: _Walk, at: int) -> None:
    """Read minimal encapsulation (RFC 2004): a short header with the original addresses, and no inner IP header."""
    packet, data = walk.packet, walk.data
    protocol, flags, target = struct.unpack_from("!BBxxI", data, at)
    source = walk.source
    at += 8
    if flags & 0x80:
        (source,) = struct.unpack_from("!I", data, at)
        at += 4
    packet.addresses = (*packet.addresses, (source, target))
    packet.sport = packet.dport = 0
    walk.stack += "/minenc"
    packet.stack, packet.protocol = walk.stack, protocol
    _carried(walk, protocol, at)


def _closed(walk: _Walk, at: int) -> None:
    """Name an encapsulation that is not known, and go on with the IP packet in it, if there is one."""
    packet = walk.packet
    packet.stack, packet.closed = walk.stack, True
    inside = embedded(walk.data, at, walk.claimed)
    if inside >= 0:
        packet.closed = False
        walk.stack += "/other"
        _ip(walk, inside)


def _udp(walk: _Walk, at: int) -> None:
    """Read UDP (RFC 768); its ports tell what it carries."""
    packet = walk.packet
    sport, dport, size = _UDP.unpack_from(walk.data, at)
    packet.sport, packet.dport = sport, dport
    at += 8
    if size >= 8:
        walk.claimed = at + size - 8
        if walk.claimed < walk.end:
            walk.end = walk.claimed
    if sport == 4500 or dport == 4500:
        _udp4500(walk, at)
    elif sport == 434 or dport == 434:
        _udp434(walk, at)
    elif sport == 1701 or dport == 1701:
        _l2tp(walk, at)
    elif sport == 500 or dport == 500:
        _keep(walk, IKE, at)
    elif (sport in (67, 68) and dport in (67, 68)) or dport == 67:
        _keep(walk, DHCP, at)
    elif dport in LINK_PORTS and packet.addresses[-1][1] >= MULTICAST:
        packet.kind, packet.why = ASIDE, LINK_PORTS[dport]
    else:
        _any_udp(walk, at)


def _any_udp(walk: _Walk, at: int) -> None:
    """Go on with the IP packet in UDP of no port that is known, if there is one."""
    inside = embedded(walk.data, at, walk.claimed)
    if inside >= 0:
        walk.stack += f"/udp{min(walk.packet.sport, walk.packet.dport)}" + "/other" * (inside > at)
        _ip(walk, inside)


def _udp4500(walk: _Walk, at: int) -> None:
    """Read ESP, key exchange or a keepalive in UDP (RFC 3948)."""
    packet, size = walk.packet, walk.end - at
    if size == 1 and walk.data[at] == 0xFF:
        packet.kind, packet.why = ASIDE, "nat keepalive"
    elif size < 4:
        _any_udp(walk, at)
    elif walk.data[at : at + 4] == b"\0\0\0\0":
        _keep(walk, IKE, at + 4)
    else:
        walk.stack += "/udp4500"
        _esp(walk, at)


def _udp434(walk: _Walk, at: int) -> None:
    """Read Mobile IP: a registration message (RFC 3344), or tunnelled data (RFC 3519 section 3.3)."""
    packet, data = walk.packet, walk.data
    kind = data[at] if at < walk.end else 0
    if kind in (1, 3):
        _keep(walk, REGISTRATION, at)
        return
    if kind == 4:  # type, next header, two bytes reserved
        inner = data[at + 1]
        if inner in (4, 47, 55):
            walk.stack += "/udp434"
            _carried(walk, inner, at + 4)
            return
    packet.kind, packet.why = ASIDE, "mobile ip, unknown"


def _l2tp(walk: _Walk, at: int) -> None:
    """Read L2TP (RFC 2661 section 3.1): a control message, or PPP."""
    packet, data, start = walk.packet, walk.data, at
    (flags,) = struct.unpack_from("!H", data, at)
    if flags & 0x0F != 2:
        _any_udp(walk, start)
        return
    if flags & 0x8000:
        packet.kind, packet.why = ASIDE, "l2tp control"
        return
    at += 6 + 2 * bool(flags & 0x4000) + 4 * bool(flags & 0x0800)
    if flags & 0x0200:
        at += 2 + int(struct.unpack_from("!H", data, at)[0])
    inside = read_ppp(packet, data, at)
    if inside >= 0:
        walk.stack += "/udp1701/l2tp/ppp"
        _ip(walk, inside)
    elif packet.why in SEALED_PPP:
        packet.closed, packet.stack = True, walk.stack + "/udp1701/l2tp/ppp"
    elif packet.why != "not ip":
        packet.kind = ASIDE
    else:
        _any_udp(walk, start)


def _keep(walk: _Walk, kind: int, at: int) -> None:
    """Keep the message at `at`, of signalling that is read in full."""
    packet = walk.packet
    packet.kind, packet.payload, packet.whole = kind, walk.data[at : walk.end], walk.whole


_NEXT: Final = {1: _icmp, 2: _igmp, 4: _ip, 6: _tcp, 17: _udp, 47: _gre, 50: _esp, 55: _minimal}
"""IP protocol → what reads it."""
_CUT_SHORT: Final = "frames were cut inside their headers (snap length): capture more bytes of each (-s 0)"
_CARRIERS: Final = frozenset({4, 17, 47, 50, 55})
"""IP protocols behind whose headers there may be signalling or something protected."""


def embedded(data: bytes, at: int, end: int) -> int:
    """Find where the IPv4 packet starts that an unknown encapsulation at `at` carries to its `end`; -1 for none.

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
