"""Link headers of an anonymised capture: link addresses replaced, and where what they carry begins.

The ways through a header are those of `capture/headers/link`, which reads them: of what that does not
look at nothing stays.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from mipcheck.checker.capture.frames.frame import SLL, SLL2
from mipcheck.checker.capture.headers import link, wlan
from mipcheck.checker.verbs.anonymise_names import Disguise

IPV4: Final = link.IPV4
IPV6: Final = link.ETHERTYPE_IPV6
ARP: Final = link.ARP
OTHER: Final = -1
"""What is none of these: only its length stays."""
_SNAP: Final = b"\xaa\xaa\x03"
_IP_BY_LLC: Final = b"\x06\x06\x03"
_PPP: Final = {link.PPP_IPV4: IPV4, link.PPP_IPV6: IPV6}


class Carried(NamedTuple):
    """What a header carries: its `kind` (an Ethernet type, or OTHER), and where it begins and ends in the frame."""

    kind: int
    start: int
    end: int


def rewritten(linktype: int, data: bytes, disguise: Disguise) -> tuple[bytearray, list[Carried]]:
    """Return a frame with its link headers rewritten and zeros for all that these carry, and what that is."""
    new = bytearray(len(data))
    try:
        found = list(_carried(linktype, data, new, disguise))
    except (struct.error, IndexError):
        return new, []  # cut short: nobody reads on
    return new, found


def _carried(linktype: int, data: bytes, new: bytearray, disguise: Disguise) -> Iterator[Carried]:
    end = len(data)
    if linktype == link.ETHERNET:
        yield _ethernet(data, 0, end, new, disguise)
    elif linktype == SLL:
        new[:6] = data[:6]
        new[6:14] = _padded(data[6:14], int.from_bytes(data[4:6], "big"), disguise)
        yield _typed(data, 14, end, new)
    elif linktype == SLL2:
        new[:12] = data[:12]
        new[12:20] = _padded(data[12:20], data[11], disguise)
        (kind,) = struct.unpack_from("!H", data)
        yield _typed(data, 22, end, new, 20) if kind in link.VLAN else _content(data, kind, 20, end, new)
    elif linktype in wlan.LINKTYPES:
        yield from _air(linktype, data, new, disguise)
    elif linktype in link.RAW or linktype == link.RAW_IPV6:
        yield _version(data, 0, end)
    elif linktype in (link.NULL, link.LOOP):
        new[:4] = data[:4]
        yield _version(data, 4, end)


def _padded(address: bytes, size: int, disguise: Disguise) -> bytes:
    """Return what stands for the address in a cooked header, which has room for eight bytes and says its `size`."""
    return disguise.link_address(address[:size]) + bytes(len(address[size:]))


def _ethernet(data: bytes, at: int, end: int, new: bytearray, disguise: Disguise) -> Carried:
    for start in (at, at + 6):
        stop = min(start + 6, end)
        new[start:stop] = disguise.link_address(data[start:stop])
    return _typed(data, at + 12, end, new)


def _typed(data: bytes, at: int, end: int, new: bytearray, begin: int | None = None) -> Carried:
    """Go on at an Ethernet type, through tags of virtual networks; what is before it stays from `begin` on."""
    begin = at if begin is None else begin
    (kind,) = struct.unpack_from("!H", data, at)
    tags = 0
    while kind in link.VLAN and tags < 4:
        at, tags = at + 4, tags + 1
        (kind,) = struct.unpack_from("!H", data, at)
    new[begin : at + 2] = data[begin : at + 2]
    return _content(data, kind, at + 2, end, new)


def _content(data: bytes, kind: int, at: int, end: int, new: bytearray) -> Carried:
    if kind < link.LENGTH:
        return _llc(data, at, end, new)
    if kind != link.PPPOE:
        return Carried(kind if kind in (IPV4, IPV6, ARP) else OTHER, at, end)
    new[at : at + 6] = data[at : at + 6]
    return ppp(data, at + 6, end, new)


def _llc(data: bytes, at: int, end: int, new: bytearray) -> Carried:
    """Go on at IEEE 802.2: the names of what it carries stay."""
    head = data[at : at + 6]
    if head[:3] == _SNAP and head[3:5] == b"\0\0" and head[5:] in (b"\0", b"\xf8"):
        new[at : at + 6] = head
        return _typed(data, at + 6, end, new)
    stop = min(at + 3, end)
    new[at:stop] = data[at:stop]
    if head[:3] == _IP_BY_LLC:
        return _version(data, at + 3, end)
    return Carried(OTHER, stop, end)


def ppp(data: bytes, at: int, end: int, new: bytearray) -> Carried:
    """Go on at PPP (RFC 1661): the number of its protocol stays."""
    start = at
    if data[at : at + 2] == b"\xff\x03":
        at += 2
    protocol, at = data[at], at + 1
    if not protocol & 1:
        protocol, at = protocol << 8 | data[at], at + 1
    new[start:at] = data[start:at]
    return Carried(_PPP.get(protocol, OTHER), at, end)


def _version(data: bytes, at: int, end: int) -> Carried:
    version = data[at] >> 4
    return Carried(IPV4 if version == 4 else IPV6 if version == 6 else OTHER, at, end)


def _air(linktype: int, data: bytes, new: bytearray, disguise: Disguise) -> Iterator[Carried]:
    """Go through a frame of 802.11. Of a radiotap header the flags stay, which say how to read what follows."""
    at = 0
    if linktype == wlan.RADIOTAP:
        (at,) = struct.unpack_from("<H", data, 2)
        if data[0] != 0 or at < 8:
            new[:4] = data[:4]
            return
        fields, flags = wlan.radiotap_fields(data, at)
        new[: min(fields, at)] = data[: min(fields, at)]
        if 0 <= flags < min(at, len(data)):
            new[flags] = data[flags]
    new[at : at + 2] = data[at : at + 2]
    header = wlan.read(data, linktype)
    if not header.mark:
        return  # it is no data: neither its addresses nor what it says is looked at
    addresses = [at + 4, at + 10, at + 16, *([at + 24] if data[at + 1] & 3 == 3 else [])]
    new[at + 2 : header.body] = data[at + 2 : header.body]
    for start in addresses:
        new[start : start + 6] = disguise.link_address(data[start : start + 6])
    if header.why:
        return
    if not header.aggregate:
        yield _llc(data, header.body, len(data), new)
        return
    start = header.body
    for part in wlan.parts(data, header):
        stop = start + len(part)
        try:
            yield _ethernet(data, start, stop, new, disguise)
        except (struct.error, IndexError):
            return
        start = stop + -len(part) % 4
