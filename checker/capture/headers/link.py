"""Link headers: where the IPv4 packet in a frame begins, and what the link says of it.

Ethernet (also 802.3 with LLC) with VLAN tags and PPPoE (RFC 2516), 802.11 (`wlan`), raw IP, Linux cooked version 1 and
2, null/loopback. PPP (RFC 1661) is read here too, of PPPoE as of L2TP.
"""

from __future__ import annotations

import struct
from typing import Final

from mipcheck.checker.capture.frames.frame import SLL, SLL2, Frame
from mipcheck.checker.capture.headers import wlan
from mipcheck.checker.capture.headers.packet import ASIDE, IPV6, IPV6_BEYOND, LOOPBACK, TUNNEL, Packet

ETHERNET: Final = 1
RAW: Final = frozenset({12, 14, 101, 228})
NULL: Final = 0
LOOP: Final = 108
VLAN: Final = frozenset({0x8100, 0x88A8, 0x9100})
IPV4: Final = 0x0800
PPPOE: Final = 0x8864
_MPLS: Final = (0x8847, 0x8848)
"""Labels of four octets each (RFC 3032), of which the last says so, and then a packet whose kind nobody names."""
_LAST: Final = 0x01
_LABELS: Final = 16
"""Labels that anybody stacks."""
LENGTH: Final = 0x0600
"""A smaller value in place of an Ethernet type is a length, and LLC follows (IEEE 802.3)."""
_SNAP: Final = (b"\xaa\xaa\x03\0\0\0", b"\xaa\xaa\x03\0\0\xf8")
_LLC: Final = {b"\x42\x42": "stp", b"\xfe\xfe": "is-is"}

RAW_IPV6: Final = 229
ETHERTYPE_IPV6: Final = 0x86DD
_ESP: Final = 50
_ICMPV6: Final = 58
_UDP: Final = 17
_IPIP: Final = b"\x04"
_OPTIONS: Final = b"\x3c"
_IPV6_HEADER: Final = 40
_SEALED: Final = ((500).to_bytes(2), (4500).to_bytes(2))
"""UDP ports of the key exchange, and of ESP in UDP (RFC 3948)."""
_ROUTERS: Final = b"\x85"
"""The type of a router solicitation (RFC 4861 section 4.1)."""
_WITHOUT_IP: Final = frozenset({
    *(187, 189, 195, 201, 215, 220, 227, 230, 247, 248, 249, 251, 253, 254, 255, 256, 270, 272, 278, 283),
})  # fmt: skip
"""Link types of USB, Bluetooth, CAN, IEEE 802.15.4, netlink and the like, which carry none of the node's IPv4."""
_NAMES: Final = {
    3: "AX.25", 6: "Token Ring", 7: "ARCNET", 8: "SLIP", 9: "PPP", 10: "FDDI", 50: "PPP in HDLC-like framing",
    51: "PPPoE", 100: "ATM, RFC 1483", 104: "Cisco HDLC", 107: "Frame Relay", 117: "OpenBSD pflog",
    119: "Prism and 802.11", 122: "IP over Fibre Channel", 123: "SunATM", 138: "IP over FireWire",
    163: "AVS and 802.11", 166: "PPP of pppd", 192: "PPI", 204: "PPP with its direction",
    239: "NFLOG", 242: "IP over InfiniBand", 258: "Apple PKTAP", 274: "Ethernet with its preamble",
    **dict.fromkeys(range(147, 163), "reserved for private use"),
}  # fmt: skip
"""Link types that are not read, as tcpdump.org lists them."""

_ARPHRD_LOOPBACK: Final = 772
_ARPHRD_TUNNEL: Final = frozenset({768, 769, 776, 778, 823, 0xFFFE})
"""Linux device types of IP-in-IP, SIT, GRE and tun devices (include/uapi/linux/if_arp.h)."""

ARP: Final = 0x0806
MACSEC: Final = "macsec"
"""Why a frame is set aside whose content is protected by IEEE 802.1AE, mostly encrypted."""
OF_UNKNOWN_TYPE: Final = "ethernet type 0x"
"""How it begins why a frame is set aside of which nobody knows what its type carries."""
_ETHERTYPES: Final = {
    ARP: "arp",
    0x888E: "802.1X",
    0x88CC: "lldp",
    0x8863: "pppoe discovery",
    0x88E5: MACSEC,
    **dict.fromkeys((
        0x0842, 0x22EA, 0x22F0, 0x22F4, 0x6001, 0x6002, 0x6003, 0x6004, 0x6005, 0x6006, 0x6007, 0x8035, 0x809B, 0x80F3,
        0x8137, 0x8138, 0x8809, 0x886C, 0x886F, 0x8874, 0x887B, 0x8892, 0x8899, 0x88A2, 0x88A4, 0x88B8, 0x88B9, 0x88BA,
        0x88C7, 0x88CA, 0x88CD, 0x88DC, 0x88E1, 0x88E3, 0x88F5, 0x88F6, 0x88F7, 0x88FB, 0x8902, 0x8906, 0x890D, 0x8912,
        0x8914, 0x8917, 0x893A, 0x8947, 0x9000,
    ), "not ip"),
}  # fmt: skip
"""Types that carry none of the node's IPv4, MACsec aside. The many are, among others, of RARP, LACP, CFM, PTP,
loop tests, wake-on-LAN, powerline and Wi-Fi drivers, registration of groups, audio, storage, machines and IPX."""
PPP_IPV4: Final = 0x21
PPP_IPV6: Final = 0x57
_PPP: Final = {0x53: "encrypted ppp", 0xFD: "compressed ppp"}
SEALED_PPP: Final = ("encrypted ppp", "compressed ppp")
_HIDING: Final = frozenset({wlan.ENCRYPTED, MACSEC, *SEALED_PPP})


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


def ip_offset(packet: Packet, linktype: int, data: bytes) -> int:
    """Return the offset of the IPv4 header, or -1 with the reason in the packet."""
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
        if ethertype in VLAN:
            return _ethertype(packet, data, 22)
        return _content(packet, data, ethertype, 20)
    if linktype in (NULL, LOOP):
        # The family is in the byte order of the capturing machine; AF_INET is 2 everywhere.
        if data[:4] not in (b"\2\0\0\0", b"\0\0\0\2"):
            packet.why = "not ip"
            return -1
        return _version(packet, data, 4)
    packet.why = f"link type {linktype}"
    if linktype == RAW_IPV6:
        return _ipv6(packet, data, 0)
    if linktype not in _WITHOUT_IP:
        packet.unread = unread_link(linktype)
    return -1


def hides(packet: Packet) -> bool:
    """Decide whether a frame was set aside that may carry anything: it is encrypted, or nobody knows its type."""
    why = packet.why
    return packet.kind == ASIDE and (why in _HIDING or why.startswith(OF_UNKNOWN_TYPE))


def unread_link(linktype: int) -> str:
    """Say by its name that a link type is not read, and what to do."""
    name = f" ({_NAMES[linktype]})" if linktype in _NAMES else ""
    return (
        f"frames of link type {linktype}{name} are not read: capture on an Ethernet, Wi-Fi or raw IP device instead,"
        " or set the type right (editcap -T) where the file names a wrong one"
    )


def _cooked(packet: Packet, kind: int, device: int, address: bytes) -> None:
    """Read a cooked header: packet type 4 is "sent by us"; the address is the sender's, whichever side that is."""
    packet.source_mac = address
    packet.direction = "out" if kind == 4 else "in" if kind < 3 else ""
    if device == _ARPHRD_LOOPBACK:
        packet.device = LOOPBACK
    elif device in _ARPHRD_TUNNEL:
        packet.device = TUNNEL


def _ethertype(packet: Packet, data: bytes, at: int) -> int:
    (ethertype,) = struct.unpack_from("!H", data, at)
    tags = 0
    while ethertype in VLAN and tags < 4:
        at += 4
        tags += 1
        (ethertype,) = struct.unpack_from("!H", data, at)
    return _content(packet, data, ethertype, at + 2)


def _content(packet: Packet, data: bytes, ethertype: int, at: int) -> int:
    """Return the offset of the IPv4 header that follows an Ethernet type, at `at` at the earliest."""
    if ethertype == IPV4:
        return at
    if ethertype < LENGTH:
        return _llc(packet, data, at)
    if ethertype == PPPOE:
        return read_ppp(packet, data, at + 6)
    if ethertype == ETHERTYPE_IPV6:
        return _ipv6(packet, data, at)
    if ethertype in _MPLS:
        last = next((n for n in range(_LABELS) if data[at + 4 * n + 2] & _LAST), _LABELS)
        return _version(packet, data, at + 4 * last + 4)
    packet.why = _ETHERTYPES.get(ethertype) or f"{OF_UNKNOWN_TYPE}{ethertype:04x}"
    if ethertype == ARP:
        packet.payload = data[at : at + 28]
    return -1


def _llc(packet: Packet, data: bytes, at: int) -> int:
    """Read IEEE 802.2: an Ethernet type after a SNAP header (RFC 1042), or IP by its own service access point."""
    head = data[at : at + 6]
    if head in _SNAP:
        return _ethertype(packet, data, at + 6)
    if head[:3] == b"\x06\x06\x03":
        return _version(packet, data, at + 3)
    packet.why = _LLC.get(head[:2], "not ip")
    return -1


def read_ppp(packet: Packet, data: bytes, at: int) -> int:
    """Read PPP (RFC 1661 section 2): address and control may be left out, and the protocol's first byte if it is 0."""
    if data[at : at + 2] == b"\xff\x03":
        at += 2
    protocol = data[at]
    at += 1
    if not protocol & 1:
        protocol = protocol << 8 | data[at]
        at += 1
    if protocol == PPP_IPV4:
        return at
    if protocol == PPP_IPV6:
        return _ipv6(packet, data, at)
    packet.why = _PPP.get(protocol, "ppp control" if protocol >= 0x8000 else "not ip")
    return -1


def _version(packet: Packet, data: bytes, at: int) -> int:
    version = data[at] >> 4
    if version == 4:
        return at
    if version == 6:
        return _ipv6(packet, data, at)
    packet.why = "not ip"
    return -1


def _ipv6(packet: Packet, data: bytes, at: int) -> int:
    """Return the offset of the IPv4 packet that IPv6 carries (RFC 2473), -1 if it is set aside, and why it is.

    Linux puts options for the destination in front of such a packet.
    """
    following, here = data[at + 6 : at + 7], at + _IPV6_HEADER
    if following == _OPTIONS and len(data) > here + 1:
        following, here = data[here : here + 1], here + (data[here + 1] + 1) * 8
    if following == _IPIP and len(data) > here:
        packet.stack = IPV6
        return here
    packet.why = _ipv6_aside(packet, data, at)
    return -1


def _ipv6_aside(packet: Packet, data: bytes, at: int) -> str:
    """Tell why IPv6 (RFC 8200) is set aside: it stays on the link (to ff00::/8 or fe80::/10) or is ESP, or is not.

    What a host sends on the link while it has no address yet, and what asks for routers, is kept: it shows when the
    link came up.
    Of ESP in UDP and of the key exchange the draft speaks no more than of ESP, and neither is in the clear.
    """
    if len(data) < at + _IPV6_HEADER:
        return IPV6
    first, second = data[at + 24], data[at + 25]
    near = first == 0xFF or (first == 0xFE and second & 0xC0 == 0x80)
    asks = data[at + 6] == _ICMPV6 and data[at + 40 : at + 41] == _ROUTERS
    if near and (asks or not any(data[at + 8 : at + 24])):
        packet.payload = data[at : at + 64]
    ports = data[at + _IPV6_HEADER : at + _IPV6_HEADER + 4] if data[at + 6] == _UDP else b""
    sealed = data[at + 6] == _ESP or ports[:2] in _SEALED or ports[2:] in _SEALED
    return IPV6 if near or sealed else IPV6_BEYOND
