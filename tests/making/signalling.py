"""The parts of signalling: extensions, advertisements, DHCP and key exchange, byte by byte."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.packet import Packet, Raw

from making.packets import GATEWAY, NODE_MAC, VPN, XHOA, into, out


def simple(kind: int, data: bytes) -> bytes:
    """Return an extension in the short form."""
    return bytes([kind, len(data)]) + data


def long(kind: int, subtype: int, data: bytes) -> bytes:
    """Return an extension in the long form, with a subtype."""
    return struct.pack("!BBH", kind, subtype, len(data)) + data


TNC = simple(149, b"\0\0")
NAI = simple(131, b"node@example.com")


def with_extensions(packet: Packet, added: bytes) -> Packet:
    """Return the registration with bytes added to it."""
    message = bytes(packet[UDP].payload) + added
    copy = packet.copy()
    copy[UDP].remove_payload()
    return copy / Raw(message)


def advert(coas: Sequence[str], flags: int = 0x9000, sequence: int = 7, after: bytes = b"", routers: int = 1) -> Packet:
    """Make an agent advertisement that offers these care-of addresses."""
    body = b"".join(bytes(map(int, a.split("."))) for a in coas)
    mobility = simple(16, struct.pack("!HHH", sequence, 600, flags) + body)
    address = bytes([10, 1, 2, 1]) + bytes(4)
    message = bytes([9, 0, 0, 0]) + struct.pack("!BBH", routers, 2, 1800) + address * routers + mobility + after
    packet = IP(src="10.1.2.1", dst="224.0.0.1") / Raw(message)
    packet[IP].proto = 1
    return packet


def bootp(options: list[object], **fields: Any) -> bytes:
    """Return the frame of a DHCP message with these options, from the server where `op` is 2."""
    message = BOOTP(xid=9, chaddr=bytes.fromhex(NODE_MAC.replace(":", "")), **fields) / DHCP(options=[*options, "end"])
    if fields.get("op") == 2:
        return into(IP(src=GATEWAY, dst="255.255.255.255") / UDP(sport=67, dport=68) / message)
    return out(IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67) / message)


def isakmp(
    payloads: bytes,
    kind: int,
    version: int = 0x10,
    exchange: int = 2,
    cookies: bytes = b"initiatr" + bytes(8),
    flags: int = 0,
) -> bytes:
    """Return a message of IKE whose first payload is of this kind."""
    return cookies + struct.pack("!BBBBII", kind, version, exchange, flags, 0, 28 + len(payloads)) + payloads


def generic(following: int, data: bytes) -> bytes:
    """Return a payload of IKE and what kind follows it."""
    return struct.pack("!BxH", following, 4 + len(data)) + data


def to_gateway(message: bytes, port: int = 500) -> bytes:
    """Return the frame in which the node sends a message of IKE to the gateway."""
    marker = bytes(4) if port == 4500 else b""
    return out(IP(src=XHOA, dst=VPN) / UDP(sport=port, dport=port) / Raw(marker + message))
