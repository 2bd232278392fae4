"""Raw IP beside Ethernet that no site lists and no name tells: a tunnel device, or a modem; what passes there tells.

Only a device on the wire shows how the node gets to its tunnels: registrations with the x-HA, agents that advertise, a
VPN that begins at no home address. What a tunnel device shows is seen at once inside of something else.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from math import ceil
from typing import Final

from mipcheck.checker.capture.headers.packet import (
    ADVERTISEMENT,
    ASIDE,
    ESP,
    IKE,
    PHYSICAL,
    REGISTRATION,
    SOLICITATION,
    Packet,
)
from mipcheck.checker.capture.messages import carried
from mipcheck.checker.capture.node.devices import is_modem
from mipcheck.checker.console.counts import counted
from mipcheck.checker.site.site import Site

UNDECIDED: Final = "on what may be a tunnel device"
_TOGETHER: Final = 10 * 10**6
"""ns within which a packet is put into a tunnel, or taken out of one."""
_LEAST: Final = 20
_MOST: Final = 250
"""Bytes by which a packet grows in tunnels with ESP."""
_FEW: Final = 3
"""Packets from which on it is no chance that they are seen inside others."""
_SHARE: Final = 0.9


def weigh(packets: Sequence[Packet], names: Sequence[str], site: Site) -> tuple[list[str], list[str]]:
    """Return which of the devices of those `names` are tunnels, and of which nobody can tell; packets in order of
    time."""
    open_ = [
        name
        for name in names
        if not is_modem(name) and not any(p.interface == name and _on_the_wire(p, site) for p in packets)
    ]
    tunnels = [name for name in open_ if _inside_others(packets, name)]
    return tunnels, [name for name in open_ if name not in tunnels]


def set_aside_undecided(packets: Sequence[Packet], names: Sequence[str]) -> list[str]:
    """Set aside what passes through devices of which nobody can tell whether they are tunnels; return what follows, in
    words: what was in clear there may have been exposed."""
    found: dict[str, list[int]] = {}
    for packet in packets if names else ():
        if packet.interface in names and packet.kind != ASIDE:
            packet.set_aside(UNDECIDED)
            found.setdefault(packet.interface, []).append(packet.frame)
    return [
        f"frame {frames[0]}: {name} is raw IP, and may be a tunnel device or a modem: what passes there"
        f" ({counted(len(frames), 'frame')}) is judged neither way; list it under tunnels if it is a tunnel device"
        for name, frames in found.items()
    ]


def _on_the_wire(packet: Packet, site: Site) -> bool:
    """Decide whether a packet is one that no tunnel device shows."""
    if packet.kind in (ADVERTISEMENT, SOLICITATION):
        return True
    if len(packet.addresses) != 1:
        return False
    if packet.kind == REGISTRATION:
        message = carried.registration(packet)
        agent = message.request.agent if message.request is not None else message.reply.agent if message.reply else 0
        return agent == site.addresses.get("xha") and agent in packet.addresses[0]
    homes = {site.addresses[name] for name in ("ihoa", "xhoa") if name in site.addresses}
    known = "xhoa" in site.addresses and site.addresses.get("vpn") in packet.addresses[0]
    return packet.kind in (ESP, IKE) and known and homes.isdisjoint(packet.addresses[0])


def _inside_others(packets: Sequence[Packet], name: str) -> bool:
    """Decide whether nearly all that a device shows is seen on the wire at once, inside of something else."""
    own = [p for p in packets if p.interface == name and p.addresses and p.kind != ASIDE]
    around = [
        p for p in packets if p.interface != name and p.device == PHYSICAL and (p.kind == ESP or len(p.addresses) > 1)
    ]
    may_miss = len(own) - ceil(_SHARE * len(own))
    for packet in own:
        low = bisect_left(around, packet.time - _TOGETHER, key=lambda p: p.time)
        high = bisect_left(around, packet.time + _TOGETHER, key=lambda p: p.time)
        if not any(_may_hold(outer, packet) for outer in around[low:high]):
            may_miss -= 1
            if may_miss < 0:
                return False
    return len(own) >= _FEW


def _may_hold(outer: Packet, inner: Packet) -> bool:
    """Decide whether a packet may be in another one, by what can be read of that."""
    if inner.addresses[0] in outer.addresses[1:]:
        return True
    return outer.kind == ESP and _LEAST <= outer.length - inner.length <= _MOST
