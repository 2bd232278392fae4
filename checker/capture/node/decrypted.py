"""What Linux shows twice: an inbound packet of the VPN as it came, and right after it what was inside.

The kernel hands a packet that it has decrypted to the device that it came from once more, so that a capture on a
physical interface shows it in clear there, although it was never in clear on the wire. Such a packet counts once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mipcheck.checker.capture.headers.packet import ASIDE, ESP, REST, Packet
from mipcheck.checker.capture.node.knowledge import Knowledge, is_loopback, is_tunnel

DECRYPTED: Final = "copy of what came inside esp"
"""Why such a copy is set aside."""
SOON: Final = 10**6
"""ns within which the kernel has decrypted a packet; it takes some microseconds."""
_LEAST: Final = 28
"""Bytes by which ESP in tunnel mode is longer than what is in it: an IP header and one of ESP."""
_MOST: Final = 200
"""Bytes by which it is longer at most, with padding, UDP and a tunnel around it."""


def may_be_decrypted(packet: Packet, known: Knowledge) -> bool:
    """Decide whether a packet is one that a kernel may have decrypted: in clear, and the node was sent it."""
    return packet.kind not in (ASIDE, ESP, REST) and bool(packet.addresses) and known.direction(packet) == "in"


def could_hold(outer: Packet, inner: Packet) -> bool:
    """Decide whether ESP could hold a packet that is shown right after it, as far as headers tell.

    They come over the same link, and the one inside is not for the address that the ESP came to: a packet in clear on
    the wire would have to be.
    """
    return (
        outer.kind == ESP
        and (outer.source_mac, outer.target_mac) == (inner.source_mac, inner.target_mac)
        and outer.addresses[0][1] != inner.addresses[0][1]
    )


def set_aside_decrypted(packets: Sequence[Packet], known: Knowledge, tunnels: frozenset[str]) -> list[str]:
    """Set aside what is shown once more after it was decrypted; packets in order of time. What was found, in words."""
    before: dict[str, Packet] = {}
    found: dict[str, list[int]] = {}
    for packet in packets:
        if is_loopback(packet) or is_tunnel(packet, tunnels):
            continue
        outer = before.get(packet.interface)
        before[packet.interface] = packet
        if (
            outer is not None
            and outer.kind == ESP
            and packet.time - outer.time <= SOON
            and _LEAST <= outer.length - packet.length <= _MOST
            and may_be_decrypted(packet, known)
            and known.direction(outer) == "in"
            and could_hold(outer, packet)
        ):
            packet.set_aside(DECRYPTED)
            found.setdefault(packet.interface, []).append(packet.frame)
    return [
        f"frame {frames[0]}: {name} shows inbound packets once more after they were decrypted ({len(frames)} in all):"
        " they count once, as they came"
        for name, frames in found.items()
    ]
