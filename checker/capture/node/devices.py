"""What the devices of a capture are to each other: tunnels that no site lists, and devices that show the same packets.

A bridge, a bond or a device of a VLAN shows once more what its port shows, and a second recording of an interface
what the first one does. Such a packet counts once, where it was on the wire.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from math import ceil
from typing import Final

from mipcheck.checker.capture.headers import link
from mipcheck.checker.capture.headers.packet import ASIDE, PHYSICAL, TUNNEL, Packet

ETHERNET: Final = link.ETHERNET
POINT_TO_POINT: Final = frozenset({*link.RAW, 0, 108})
"""Link types without link addresses: raw IP, and the null and loop headers of BSD's tunnel devices."""
COPY: Final = "copy of another interface's"

_TUNNEL_NAME: Final = re.compile(r"(?:u?tun|tap|ipsec|xfrm|vti|gre|gretap|ipip|tunl|sit|wg|[a-z]*mip|[a-z]*vpn)\d*")
_MODEM_NAME: Final = re.compile(r"(?:ppp|wwan|wwp|rmnet|usb|cdc)[a-z_]*\d.*|ppp")
_UPPER_NAME: Final = re.compile(r"(?:br|bridge|bond|team|vlan|vmbr|virbr|docker|macvlan|mon)[-_a-z]*\d*|.*[.@]\d+")
"""Devices that lie above others, as systems call them."""

_TOGETHER: Final = 10 * 10**6
"""ns within which two devices of one machine show the same packet."""
_SHARE: Final = 0.9
"""The part of a device's packets that another one has to show too."""
_DEVICES: Final = 256
"""Interfaces with link addresses of the node; an observer of a node follows no more of them either."""


def how_tunnel(name: str, linktype: int | None, beside: bool) -> str:
    """Say how sure name and link type make it that this is a tunnel: sure, likely, uncertain, or "" if physical.

    Raw IP `beside` Ethernet is a tunnel, unless it is named like a modem; alone it may be anything.
    """
    if name == "lo":
        return ""
    named = bool(_TUNNEL_NAME.fullmatch(name.lower()))
    if linktype not in POINT_TO_POINT:
        return "uncertain" if named and linktype == ETHERNET else ""
    if named:
        return "sure" if beside else "uncertain"
    if is_modem(name):
        return ""
    return "likely" if beside else ""


def is_modem(name: str) -> bool:
    """Decide whether a device is named like a modem, which has raw IP, too."""
    return bool(_MODEM_NAME.fullmatch(name.lower()))


def unlisted_tunnels(linktypes: Mapping[str, int], listed: Sequence[str]) -> tuple[list[str], list[str]]:
    """Find raw IP beside Ethernet that no site lists: the names of those that are tunnels for sure, and others."""
    beside = any(linktype not in POINT_TO_POINT for linktype in linktypes.values())
    raw = [n for n, linktype in linktypes.items() if linktype in link.RAW and n not in listed and beside]
    sure = [name for name in raw if how_tunnel(name, linktypes[name], beside) == "sure"]
    return sure, [name for name in raw if name not in sure]


def mark_tunnels(packets: Sequence[Packet], names: Sequence[str]) -> None:
    """Let the packets of these interfaces be known as those of tunnel devices."""
    if names:
        for packet in packets:
            if packet.interface in names:
                packet.device = TUNNEL


def merge_copies(packets: Sequence[Packet], macs: Mapping[str, set[bytes]], tunnels: frozenset[str]) -> list[str]:
    """Set packets aside that another interface shows too; packets in order of time. What was found, in words.

    `macs` are the node's link addresses by interface: devices that lie above each other, or are the same, share one.
    """
    pairs = sharing(macs, tunnels)
    if not pairs:
        return []
    shared = {name for pair in pairs for name in pair}
    shown: dict[str, list[Packet]] = defaultdict(list)
    for packet in packets:
        if packet.interface in shared and packet.addresses and packet.device == PHYSICAL:
            shown[packet.interface].append(packet)
    notes = []
    gone: set[str] = set()
    likenesses = {name: [likeness(packet) for packet in found] for name, found in shown.items()}
    times = {name: _times(found, likenesses[name]) for name, found in shown.items()}
    for pair in pairs:
        if gone.isdisjoint(pair):
            kept, other = _order(pair, shown, macs)
            copies = _copies(times.get(kept, {}), *_meanwhile(shown[other], likenesses.get(other, []), shown[kept]))
            if copies:
                _merge(packets, kept, other, copies)
                gone.add(other)
                notes.append(f"{other} shows the packets of {kept} once more: they count there only")
    return notes


def sharing(macs: Mapping[str, set[bytes]], tunnels: frozenset[str]) -> list[tuple[str, str]]:
    """Find interfaces that share a link address of the node, and so may show the same packets.

    No node has more than a few of them: where there are very many, none are looked at.
    """
    names = [name for name, found in macs.items() if found and name not in tunnels]
    return [(a, b) for a, b in combinations(names, 2) if macs[a] & macs[b]] if len(names) <= _DEVICES else []


def _order(
    pair: tuple[str, str], shown: Mapping[str, Sequence[Packet]], macs: Mapping[str, set[bytes]]
) -> tuple[str, str]:
    """Return the interface whose packets count, then the other: what lies above shows no more than what is below.

    Where neither names nor numbers tell, what the node sends passes the upper one first.
    """

    def rank(name: str) -> tuple[bool, int, int]:
        sent = next((p.time for p in shown[name] if p.source_mac in macs[name]), 0)
        return bool(_UPPER_NAME.fullmatch(name)), -len(shown[name]), -sent

    first, second = sorted(pair, key=rank)
    return first, second


def _times(packets: Sequence[Packet], likenesses: Sequence[object]) -> dict[object, list[int]]:
    """Return the times of an interface's packets by their likeness; `likenesses` are those of `packets`."""
    times: dict[object, list[int]] = defaultdict(list)
    for packet, key in zip(packets, likenesses, strict=True):
        times[key].append(packet.time)
    return times


def _meanwhile(
    others: Sequence[Packet], likenesses: Sequence[object], kept: Sequence[Packet]
) -> tuple[Sequence[Packet], Sequence[object]]:
    """Return those of `others`, with their likenesses, that were captured while the packets that are `kept` were."""
    if not kept:
        return others, likenesses
    low = bisect_left(others, kept[0].time - _TOGETHER, key=lambda packet: packet.time)
    high = bisect_right(others, kept[-1].time + _TOGETHER, key=lambda packet: packet.time)
    return others[low:high], likenesses[low:high]


def _copies(times: Mapping[object, list[int]], others: Sequence[Packet], likenesses: Sequence[object]) -> list[Packet]:
    """Find those of `others`, which are alike as `likenesses` say, that another interface shows at its `times` too.

    Each packet there is the pattern of one. None are found unless nearly all are.
    """
    used: Counter[object] = Counter()
    found = []
    may_miss = len(others) - ceil(_SHARE * len(others))
    for packet, key in zip(others, likenesses, strict=True):
        known = times.get(key, [])
        at = max(used[key], bisect_left(known, packet.time - _TOGETHER))
        if at < len(known) and known[at] <= packet.time + _TOGETHER:
            used[key] = at + 1
            found.append(packet)
        elif (may_miss := may_miss - 1) < 0:
            return []  # most devices show quite different packets, which is seen at once
    return found


def likeness(packet: Packet) -> object:
    """Return what two pictures of one packet have in common."""
    ports = packet.sport, packet.dport, packet.spi
    return packet.source_mac, packet.target_mac, packet.addresses, packet.stack, packet.protocol, ports, packet.payload


def _merge(packets: Sequence[Packet], kept: str, other: str, copies: Sequence[Packet]) -> None:
    """Move the packets of `other` to `kept`, and set the copies aside.

    What only the other interface shows went the same way, but is not known to have been captured there.
    """
    same = {id(packet) for packet in copies}
    for packet in packets:
        if packet.interface == other:
            if id(packet) in same or not packet.addresses:
                packet.kind, packet.why, packet.payload = ASIDE, COPY, b""
            packet.interface = kept
