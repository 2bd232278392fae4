"""Cooked captures of version 1 mix the frames of all interfaces under one name: they are told apart by address.

The only link address in such a frame is the sender's, so that the node's interfaces show in what it sends; what it
is sent goes to the interface whose IP address it has. Tools that write such frames themselves leave it open who sent
them: the packet type is 0 throughout, "to us".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mipcheck.checker.capture.headers.packet import DHCP, PHYSICAL, TUNNEL, Packet
from mipcheck.checker.capture.messages import carried


def forget_directions(packets: Sequence[Packet], name: str) -> str | None:
    """Take from each packet of the cooked interface `name` what its header says of the sender, if that is the same of
    all: then their addresses have to tell. A note, if needed."""
    cooked = [packet for packet in packets if packet.interface == name]
    if not cooked or any(packet.direction != "in" for packet in cooked):
        return None
    for packet in cooked:
        packet.direction, packet.source_mac = "", b""
    return f"{name}: every frame is said to have been sent to the node: which way it went is told by IP addresses alone"


def tell_apart(packets: Iterable[Packet], name: str) -> str | None:
    """Give each packet of the cooked interface `name` its interface; packets in order of time. A note, if needed."""
    mixed = [packet for packet in packets if packet.interface == name]
    names: dict[bytes, str] = {}
    for packet in mixed:
        if packet.device == TUNNEL:
            packet.interface = f"{name}.tunnel"
        elif packet.device == PHYSICAL and packet.direction == "out" and packet.source_mac:
            names.setdefault(packet.source_mac, f"{name}.{len(names)}")
    if len(names) < 2:
        return None
    by_address: dict[int, str] = {}
    by_neighbour: dict[bytes, str] = {}
    first = f"{name}.0"
    for packet in mixed:
        if packet.device != PHYSICAL:
            continue
        if packet.direction == "out":
            packet.interface = names.get(packet.source_mac, first)
            if packet.addresses and packet.addresses[0][0]:
                by_address[packet.addresses[0][0]] = packet.interface
            continue
        found = _addressed(packet, names, by_address)
        if found is not None:
            by_neighbour[packet.source_mac] = found
        packet.interface = found or by_neighbour.get(packet.source_mac, first)
    return f"{name} holds several interfaces, told apart by address: {', '.join(names.values())}"


def _addressed(packet: Packet, names: dict[bytes, str], by_address: dict[int, str]) -> str | None:
    if packet.kind == DHCP:
        message = carried.lease(packet)
        return names.get(message.client) if message is not None else None
    return by_address.get(packet.addresses[0][1]) if packet.addresses else None
