"""Compiled: the headers of a packet → its key, words that are the same for packets that are alike.

This says what a header's size is and where the next one starts, and nothing of what headers mean: that `layers` tells,
of one packet of a kind. A packet whose content matters or is unusual (signalling, fragments, anything cut or odd) has
no key, so that `layers` reads it in full; but where there are as many as nodes, all octets of a usual registration
message are words of its key. The order of the steps is that of `layers`.
"""

from __future__ import annotations

from typing import Any, Final

from mipcheck.checker.capture.bulk.scanned import CLOSED, ETHERNET, KEY, NULL, PORTS, RAW, SAID, SLL, SLL2, Scanned
from mipcheck.checker.capture.headers.link import IPV4
from mipcheck.checker.capture.messages.extensions import (
    CHALLENGE,
    FA_HA,
    MN_FA,
    MN_HA,
    NAI,
    TNC,
    UDP_TUNNEL_REPLY,
    UDP_TUNNEL_REQUEST,
)
from mipcheck.checker.capture.messages.mobileip import REPLY, REQUEST

# Ethernet types.
_LEAST_TYPE: Final = 0x0600  # what is less is a length, and LLC follows
_ARP: Final = 0x0806
_IPV6: Final = 0x86DD
_IPV6_HEADER: Final = 40
_OPTIONS: Final = 60  # for the destination, of IPv6
_ICMPV6: Final = 58
_ROUTERS: Final = 133  # a router solicitation
_PPPOE: Final = 0x8864
_MPLS: Final = 0x8847
_MPLS_UPSTREAM: Final = 0x8848
_TAGS: Final = 4  # VLAN tags that are read, at most

# IP protocols.
_ICMP: Final = 1
_IGMP: Final = 2
_IPIP: Final = 4
_TCP: Final = 6
_UDP: Final = 17
_DCCP: Final = 33
_RSVP: Final = 46
_GRE: Final = 47
_ESP: Final = 50
_MINIMAL: Final = 55
_SCTP: Final = 132
_UDP_LITE: Final = 136

# What comes after a header, if no other header does.
_ENDS: Final = -1  # nothing that is told: the key is complete
_ODD: Final = -2  # the packet is unusual

# UDP ports.
_BOOTP_SERVER: Final = 67
_BOOTP_CLIENT: Final = 68
_MOBILE_IP: Final = 434
_IKE: Final = 500
_L2TP: Final = 1701
_NAT_TRAVERSAL: Final = 4500

_TUNNEL_DATA: Final = 4  # a type of Mobile IP messages (RFC 3519)
_ADVERTISEMENT: Final = 9  # types of ICMP (RFC 1256)
_SOLICITATION: Final = 10
_AF_INET: Final = 2  # in the byte order of the machine that captured
_AF_INET_SWAPPED: Final = 0x02000000
_DEPTH: Final = 8  # IP headers that are read, at most, as in `layers`

# Where `layers` looks for an IPv4 packet in an encapsulation that it does not know.
_REACH: Final = 64
_TRAILER: Final = 4
_PLAIN_IPV4: Final = 0x45  # the first octet of a header without options

# What a word of a key is about, beside a number below 2**40.
_OF_TYPE: Final = 1 << 40
_OF_IP: Final = 2 << 40
_OF_UDP: Final = 3 << 40
_OF_KEEPALIVE: Final = 4 << 40
_OF_ESP_IN_UDP: Final = 5 << 40
_OF_SHORT: Final = 6 << 40
_OF_TUNNEL: Final = 7 << 40
_OF_GRE: Final = 8 << 40
_OF_MINIMAL: Final = 9 << 40
_OF_ESP: Final = 10 << 40
_OF_ICMP: Final = 11 << 40
_OF_TCP: Final = 12 << 40
_OF_MESSAGE: Final = 13 << 40
_OF_OPENED: Final = 14 << 40
_OF_CLOSED: Final = 15 << 40


def u16(buf: Any, at: int) -> Any:
    """Return the number of 16 bits at `at`, as it is on the wire."""
    return buf[at] << 8 | buf[at + 1]


def u32(buf: Any, at: int) -> Any:
    """Return the number of 32 bits at `at`, as it is on the wire."""
    return u16(buf, at) << 16 | u16(buf, at + 2)


def write_key(s: Scanned) -> bool:
    """Write the key of the packet under way; return whether it has one. An unusual packet has none.

    The order of the steps is that of `layers`. A header's function ends by calling that of the next; but what IP
    carries may be IP again, and native functions do not call themselves: there they return the protocol of the next.
    """
    device = s.devices[s.device]
    s.here, s.stop, s.words, s.ends, s.ported, s.message = s.start, s.start + s.size, 0, 0, 0, 0
    s.esp, s.opened, s.inmost = -1, 0, -1
    _say(s, device.name << 8 | s.sense)
    ethertype = _link(s, device.link)
    if ethertype != IPV4:
        return _write_other(s, ethertype)
    s.end, s.claimed, s.depth = s.stop, s.stop, 0
    protocol = _IPIP
    while protocol >= 0:
        protocol = _carried(s, protocol)
    return protocol == _ENDS


def _say(s: Scanned, word: int) -> None:
    """Add a word to the key."""
    s.key[s.words] = word
    s.words += 1


def _say_ends(s: Scanned, source: Any, target: Any) -> None:
    """Add the addresses of a header to the key."""
    s.ends |= 1 << s.words
    s.pair = source << 32 | target
    _say(s, s.pair)


def _say_ports(s: Scanned, what: int, source: Any, target: Any) -> None:
    """Add the ports of a header to the key."""
    s.ported |= 1 << s.words
    _say(s, what | _port(s, source) << 20 | _port(s, target))


# --- link headers ---------------------------------------------------------------------------------------------------


def _link(s: Scanned, link: int) -> int:
    """Read a link header; return the Ethernet type of what it carries, or _ODD."""
    if link == ETHERNET:
        return _ethernet(s)
    if link == SLL:
        return _cooked(s)
    if link == SLL2:
        return _cooked_2(s)
    if link == NULL:
        return _loopback(s)
    if link == RAW:
        return _version(s)
    return _ODD


def _ethernet(s: Scanned) -> int:
    at = s.here
    if at + 14 > s.stop:
        return _ODD
    _say(s, u16(s.buf, at) << 32 | u32(s.buf, at + 2))
    _say(s, u16(s.buf, at + 6) << 32 | u32(s.buf, at + 8))
    return _tagged(s, at + 12)


def _cooked(s: Scanned) -> int:
    """Read Linux's cooked header, version 1."""
    at = s.here
    if at + 16 > s.stop:
        return _ODD
    size = min(u16(s.buf, at + 4), 8)
    _say(s, u32(s.buf, at) << 8 | size)
    _say(s, _address(s, at + 6, size))
    return _tagged(s, at + 14)


def _cooked_2(s: Scanned) -> int:
    """Read Linux's cooked header, version 2."""
    at = s.here
    if at + 20 > s.stop:
        return _ODD
    _say(s, u32(s.buf, at + 4))
    _say(s, u32(s.buf, at + 8))
    _say(s, _address(s, at + 12, min(s.buf[at + 11], 8)))
    s.here = at + 20
    return int(u16(s.buf, at))


def _address(s: Scanned, at: int, size: int) -> int:
    """Return a link address of `size` octets, at most eight."""
    address = 0
    for n in range(size):
        address = address << 8 | s.buf[at + n]
    return address


def _tagged(s: Scanned, at: int) -> int:
    """Return the Ethernet type at `at`, or that behind the VLAN tags there."""
    ethertype = u16(s.buf, at)
    tags = 0
    while tags < _TAGS and _is_vlan(ethertype):
        at += 4
        tags += 1
        if at + 2 > s.stop:
            return _ODD
        ethertype = u16(s.buf, at)
    s.here = at + 2
    return int(ethertype)


def _is_vlan(ethertype: int) -> bool:
    return ethertype in (0x8100, 0x88A8, 0x9100)


def _loopback(s: Scanned) -> int:
    """Read the header of BSD's loopback, an address family, which may be in either byte order."""
    at = s.here
    if at + 5 > s.stop:
        return _ODD
    if u32(s.buf, at) not in (_AF_INET, _AF_INET_SWAPPED) or s.buf[at + 4] >> 4 != 4:
        return _ODD
    s.here = at + 4
    return IPV4


def _version(s: Scanned) -> int:
    """Tell what a packet without a link header is by its IP version."""
    if s.here >= s.stop:
        return _ODD
    version = s.buf[s.here] >> 4
    if version == 4:
        return IPV4
    return _IPV6 if version == 6 else _ODD


def _write_other(s: Scanned, ethertype: int) -> bool:
    """Write that a packet is none of IPv4; return whether that is all there is to know of it."""
    if ethertype < _LEAST_TYPE or ethertype in (_PPPOE, _MPLS, _MPLS_UPSTREAM) or _is_vlan(ethertype):
        return False
    at = s.here
    if ethertype == _ARP and (at + 28 > s.stop or u32(s.buf, at + 14) in (0, u32(s.buf, at + 24))):
        return False  # who asks for its own address announces it; who has none yet has just come
    if ethertype == _IPV6:
        if at + _IPV6_HEADER > s.stop or s.buf[at + 6] in (_IPIP, _OPTIONS) or _comes_up(s, at):
            return False
        _say(s, _OF_TYPE | ethertype | _stays(s, at) << 16)
        return True
    _say(s, _OF_TYPE | ethertype)
    return True


def _comes_up(s: Scanned, at: int) -> bool:
    """Whether `link` keeps this IPv6, by which a host shows that its link came up."""
    if not _is_near(s, at):
        return False
    if s.buf[at + 6] == _ICMPV6 and (at + _IPV6_HEADER == s.stop or s.buf[at + _IPV6_HEADER] == _ROUTERS):
        return True
    return bool(u32(s.buf, at + 8) == 0 and u32(s.buf, at + 12) == 0 and u32(s.buf, at + 16) == 0
                and u32(s.buf, at + 20) == 0)  # fmt: skip


def _is_near(s: Scanned, at: int) -> bool:
    """Whether IPv6 goes to an address of the link, ff00::/8 or fe80::/10."""
    first = s.buf[at + 24]
    return bool(first == 0xFF or (first == 0xFE and s.buf[at + 25] & 0xC0 == 0x80))


def _stays(s: Scanned, at: int) -> int:
    """Return 1 for IPv6 that `link` tells from other IPv6: it stays on the link, is ESP, or a key exchange's UDP."""
    if _is_near(s, at) or s.buf[at + 6] == _ESP:
        return 1
    ports = at + _IPV6_HEADER
    if s.buf[at + 6] != _UDP or ports + 2 > s.stop:
        return 0
    source = u16(s.buf, ports)
    if source in (_IKE, _NAT_TRAVERSAL):
        return 1
    if ports + 4 > s.stop:
        return 0
    target = u16(s.buf, ports + 2)
    return 1 if target in (_IKE, _NAT_TRAVERSAL) else 0


# --- IP and what it carries -----------------------------------------------------------------------------------------


def _carried(s: Scanned, protocol: int) -> int:
    """Read the header of an IP protocol; return the protocol of the next, _ENDS if none is told, or _ODD."""
    if s.depth >= _DEPTH:
        return _ODD
    if protocol == _IPIP:
        return _ip(s)
    if protocol == _UDP:
        return _udp(s)
    if protocol == _ESP:
        return _esp(s)
    if protocol == _TCP:
        return _tcp(s)
    if protocol == _GRE:
        return _gre(s)
    if protocol == _MINIMAL:
        return _minimal(s)
    if protocol == _ICMP:
        return _icmp(s)
    # Any other protocol may be an encapsulation.
    return _ENDS if protocol in (_IGMP, _DCCP, _RSVP, _SCTP, _UDP_LITE) else _ODD


def _claim(s: Scanned, end: int) -> None:
    """Note where the content ends by a header."""
    s.claimed = end
    s.end = min(s.end, end)


def _ip(s: Scanned) -> int:
    """Read an IPv4 header (RFC 791)."""
    at = s.here
    if at + 20 > s.stop:
        return _ODD
    header = (s.buf[at] & 15) * 4
    if s.buf[at] >> 4 != 4 or header < 20:
        return _ODD
    if u16(s.buf, at + 6) & 0x3FFF:
        return _ODD  # a fragment
    total, protocol = u16(s.buf, at + 2), s.buf[at + 9]
    s.source, s.target = u32(s.buf, at + 12), u32(s.buf, at + 16)
    s.inmost = at
    s.depth += 1
    if s.depth == 1:
        s.ours = 1 if s.source == s.own or s.target == s.own else 0
    _say_ends(s, s.source, s.target)
    if s.opened and at == s.clear and s.pair == s.outer:
        return _ODD  # it is no tunnel
    _say(s, _OF_IP | protocol)
    s.whole = 1 if s.size >= s.length else 0
    if total >= header:  # a total length of 0 is segmentation offload
        s.whole = 1 if at + total <= s.stop else 0
        _claim(s, at + total)
    s.here = at + header
    return int(protocol)


def _udp(s: Scanned) -> int:
    """Read UDP (RFC 768); its ports tell what it carries."""
    at = s.here
    if at + 8 > s.stop:
        return _ODD
    sport, dport, size = u16(s.buf, at), u16(s.buf, at + 2), u16(s.buf, at + 4)
    whole = s.size >= s.length and s.claimed <= s.stop
    s.here = at + 8
    if size >= 8:
        _claim(s, at + size)
    _say_ports(s, _OF_UDP, sport, dport)
    if sport == _NAT_TRAVERSAL or dport == _NAT_TRAVERSAL:
        return _udp_4500(s)
    if sport == _MOBILE_IP or dport == _MOBILE_IP:
        return _message(s) if whole and s.heeds and _is_message(s) else _udp_434(s)
    if sport in (_L2TP, _IKE) or dport in (_L2TP, _IKE, _BOOTP_SERVER):
        return _ODD
    if sport in (_BOOTP_SERVER, _BOOTP_CLIENT) and dport == _BOOTP_CLIENT:
        return _ODD
    return _ODD if _embeds(s) else _ENDS


def _port(s: Scanned, number: int) -> int:
    """Return a port, or one number for all that nobody asks for."""
    return number if s.ports[number] else PORTS


def _udp_4500(s: Scanned) -> int:
    """Read ESP or a keepalive in UDP (RFC 3948); key exchange is unusual."""
    at, size = s.here, s.end - s.here
    if size == 1 and s.buf[at] == 0xFF:
        _say(s, _OF_KEEPALIVE)
    elif size >= 4:
        spi = u32(s.buf, at)
        if spi == 0 or s.opened:
            return _ODD
        if _is_opened(s, spi):
            s.here = at
            return _inside(s, spi)
        _say(s, _OF_ESP_IN_UDP | spi)
    elif _embeds(s):
        return _ODD
    else:
        _say(s, _OF_SHORT)
    return _ENDS


def _udp_434(s: Scanned) -> int:
    """Read tunnelled data of Mobile IP (RFC 3519 section 3.3); its registration messages are unusual."""
    at = s.here
    if at >= s.end or s.buf[at] != _TUNNEL_DATA or at + 2 > s.stop:
        return _ODD
    protocol = s.buf[at + 1]
    if protocol not in (_IPIP, _GRE, _MINIMAL):
        return _ODD
    _say(s, _OF_TUNNEL | protocol)
    s.here = at + 4
    return int(protocol)


def _is_message(s: Scanned) -> bool:
    """Whether a registration message of usual parts is here: extensions that are all known, and end where it ends."""
    at, end = s.here, s.end
    if at >= end or s.buf[at] not in (REQUEST, REPLY) or end - at > SAID:
        return False
    at += 24 if s.buf[at] == REQUEST else 20
    while at + 2 <= end and s.buf[at] in (
        MN_HA,
        MN_FA,
        FA_HA,
        NAI,
        CHALLENGE,
        TNC,
        UDP_TUNNEL_REPLY,
        UDP_TUNNEL_REQUEST,
    ):
        at += 2 + s.buf[at + 1]
    return bool(at == end)


def _message(s: Scanned) -> int:
    """Write all octets of a registration message (RFC 3344 sections 3.3 and 3.4), eight a word."""
    at, size = s.here, s.end - s.here
    if s.words + 1 + (size + 7 >> 3) > KEY:
        return _ODD
    s.message = s.words
    _say(s, _OF_MESSAGE | size)
    while at + 8 <= s.end:
        _say(s, u32(s.buf, at) << 32 | u32(s.buf, at + 4))
        at += 8
    if at < s.end:
        _say(s, _address(s, at, s.end - at) << 8 * (at + 8 - s.end))
    return _ENDS


def _esp(s: Scanned) -> int:
    """Read the SPI of ESP (RFC 4303)."""
    if s.here + 4 > s.stop:
        return _ODD
    spi = u32(s.buf, s.here)
    if s.opened:
        return _ODD
    if _is_opened(s, spi):
        return _inside(s, spi)
    _say(s, _OF_ESP | spi)
    return _ENDS


def _inside(s: Scanned, spi: int) -> int:
    """Go on with what ESP holds that can be opened. As long as it has not been, it is unusual, and noted in `esp`; if
    its key does not fit, that is all there is to know."""
    if s.clear == CLOSED:
        s.opened = s.words << 1 | 1
        _say(s, _OF_CLOSED | spi)
        return _ENDS
    if s.clear < 0:
        if s.opens and s.ours and s.whole and s.here + 8 <= s.end and (s.source == s.own or s.target == s.own):
            s.esp = s.here
        return _ODD
    s.opened = s.words << 1 | 1
    _say(s, _OF_OPENED | spi)
    s.outer = s.pair
    s.here, s.stop, s.end, s.claimed = s.clear, s.clear_end, s.clear_end, s.clear_end
    return _IPIP


def _is_opened(s: Scanned, spi: int) -> bool:
    """Whether ESP of this SPI is opened, so that its content matters."""
    low, high = 0, len(s.spis)
    while low < high:
        middle = (low + high) >> 1
        if s.spis[middle] < spi:
            low = middle + 1
        else:
            high = middle
    return low < len(s.spis) and bool(s.spis[low] == spi)


def _tcp(s: Scanned) -> int:
    at = s.here
    if at + 4 > s.stop:
        return _ODD
    _say_ports(s, _OF_TCP, u16(s.buf, at), u16(s.buf, at + 2))
    return _ENDS


def _gre(s: Scanned) -> int:
    """Read GRE (RFC 2784, 2890)."""
    at = s.here
    if at + 4 > s.stop:
        return _ODD
    flags = u16(s.buf, at)
    if flags & 0x4007 or u16(s.buf, at + 2) != IPV4:  # source routing (RFC 1701), another version, or no IPv4 in it
        return _ODD
    _say(s, _OF_GRE)
    s.here = at + 4 + 4 * bool(flags & 0x8000) + 4 * bool(flags & 0x2000) + 4 * bool(flags & 0x1000)
    return _IPIP


def _minimal(s: Scanned) -> int:
    """Read minimal encapsulation (RFC 2004), a short header that holds the original addresses."""
    at = s.here
    if at + 12 > s.stop:
        return _ODD
    protocol, target = s.buf[at], u32(s.buf, at + 4)
    source = s.source
    s.here = at + 8
    if s.buf[at + 1] & 0x80:
        source = u32(s.buf, at + 8)
        s.here = at + 12
    s.depth += 1
    s.whole = 0  # of ESP in it nobody asks here
    _say_ends(s, source, target)
    _say(s, _OF_MINIMAL | protocol)
    return int(protocol)


def _icmp(s: Scanned) -> int:
    """Read the type of ICMP (RFC 792); router discovery (RFC 1256) is unusual."""
    if s.here >= s.stop or s.buf[s.here] in (_ADVERTISEMENT, _SOLICITATION):
        return _ODD
    _say(s, _OF_ICMP | s.buf[s.here])
    return _ENDS


def _embeds(s: Scanned) -> bool:
    """Whether `layers` would find an IPv4 packet from here on, in an encapsulation that it does not know."""
    for start in range(s.here, min(s.here + _REACH, s.stop - 19)):
        if s.buf[start] == _PLAIN_IPV4:
            total = u16(s.buf, start + 2)
            if total >= 20 and s.claimed - _TRAILER <= start + total <= s.claimed:
                sum_ = 0
                for at in range(start, start + 20, 2):
                    sum_ += u16(s.buf, at)
                if (sum_ >> 16) + (sum_ & 0xFFFF) == 0xFFFF:
                    return True
    return False
