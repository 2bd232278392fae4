"""Packets of a mobile node, its agents and its gateway. They are made by scapy, an independent encoder."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import struct
from collections.abc import Callable
from typing import Any

from mipcheck.checker.site.site import MnHaKey, Site
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import GRE, Ether
from scapy.layers.mobileip import MobileIP, MobileIPRRP, MobileIPRRQ, MobileIPTunnelData
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

IHA, XHA, VPN, IHOA, XHOA = "10.1.0.10", "198.51.100.10", "192.0.2.1", "10.1.9.77", "198.51.100.77"
SERVER, COA, OUTSIDE, TIA, GATEWAY = "10.1.5.20", "10.1.1.118", "203.0.113.53", "10.1.200.50", "10.1.1.1"
NODE_MAC, PEER_MAC = "02:00:00:00:00:01", "02:00:00:00:00:fe"
KEY = MnHaKey("iha", 256, "hmac-md5", b"i-ha-key")
SECOND = 10**9


def number(address: str) -> int:
    """Return the number that events hold for this address."""
    return int(ipaddress.IPv4Address(address))


SITE = Site(
    addresses={"iha": number(IHA), "xha": number(XHA), "vpn": number(VPN), "ihoa": number(IHOA), "xhoa": number(XHOA)},
    internal=(ipaddress.IPv4Network("10.0.0.0/8"),),
    tunnels=("ipsec0", "xmip", "imip"),
    mn_ha_keys=(KEY,),
)


def out(packet: Packet, mac: str = NODE_MAC) -> bytes:
    """Return the Ethernet frame in which the node sends the packet."""
    return bytes(Ether(src=mac, dst=PEER_MAC) / packet)


def into(packet: Packet, mac: str = NODE_MAC) -> bytes:
    """Return the Ethernet frame in which the node gets the packet."""
    return bytes(Ether(src=PEER_MAC, dst=mac) / packet)


def request(
    source: str = COA, target: str = IHA, agent: str = IHA, home: str = IHOA, coa: str = "", **fields: int
) -> Packet:
    """Make a registration request; `fields` are those of scapy's message."""
    values: dict[str, Any] = {"flags": 0x22, "lifetime": 60, "id": 0xD0C1, **fields}
    message = MobileIP(type=1) / MobileIPRRQ(homeaddr=home, haaddr=agent, coaddr=coa or source, **values)
    return IP(src=source, dst=target) / UDP(sport=50000, dport=434) / message


def reply(target: str = COA, agent: str = IHA, home: str = IHOA, source: str = "", **fields: int) -> Packet:
    """Make a registration reply, accepted and not authenticated unless `fields` say otherwise."""
    values: dict[str, Any] = {"code": 0, "lifetime": 60, "id": 0xD0C1, **fields}
    message = MobileIP(type=3) / MobileIPRRP(homeaddr=home, haaddr=agent, **values)
    return IP(src=source or agent, dst=target) / UDP(sport=434, dport=50000) / message


def signed(
    packet: Packet, key: MnHaKey, secret: bytes | None = None, before: bytes = b"", after: bytes = b""
) -> Packet:
    """The registration with extensions and an authenticator, computed here in its own way."""
    message = bytes(packet[UDP].payload) + before + bytes([32, 20]) + struct.pack("!I", key.spi)
    secret = key.key if secret is None else secret
    if key.algorithm == "keyed-md5":
        check = hashlib.md5(secret + message + secret).digest()
    else:
        check = hmac.new(secret, message, hashlib.md5).digest()
    copy = packet.copy()
    copy[UDP].remove_payload()
    return copy / Raw(message + check + after)


def user(source: str, target: str, size: int = 100) -> Packet:
    """Make a packet of user data with `size` bytes in UDP."""
    return IP(src=source, dst=target) / UDP(sport=4000, dport=7777) / Raw(b"u" * size)


def esp(source: str, target: str, spi: int = 0x1234) -> Packet:
    """Make a packet of ESP in UDP that nobody can open."""
    return IP(src=source, dst=target) / UDP(sport=4500, dport=4500) / Raw(struct.pack("!II", spi, 1) + b"e" * 64)


def ike(source: str, target: str, responder: bytes = bytes(8), port: int = 500) -> Packet:
    """Make the header of an IKEv2 message, which begins an exchange unless there is a `responder`."""
    version, exchange = 0x20, 34
    header = b"initiatr" + responder + bytes([33, version, exchange, 8]) + struct.pack("!II", 0, 28)
    marker = bytes(4) if port == 4500 else b""
    return IP(src=source, dst=target) / UDP(sport=port, dport=port) / Raw(marker + header)


def dhcp(kind: str, address: str = "0.0.0.0", xid: int = 1, client: str = NODE_MAC, current: str = "0.0.0.0") -> bytes:
    """Return the frame of a DHCP message of this kind: offers and acknowledgements to the client, others from it."""
    options: list[object] = [("message-type", kind)]
    hardware = bytes.fromhex(client.replace(":", "")) + bytes(10)
    if kind in ("offer", "ack"):
        options += [
            ("subnet_mask", "255.255.255.0"),
            ("router", GATEWAY),
            ("name_server", "10.1.0.53"),
            ("domain", b"corp.example"),
        ]
        message = BOOTP(op=2, xid=xid, yiaddr=address, chaddr=hardware) / DHCP(options=[*options, "end"])
        return into(IP(src=GATEWAY, dst=address) / UDP(sport=67, dport=68) / message, client)
    message = BOOTP(op=1, xid=xid, ciaddr=current, chaddr=hardware) / DHCP(options=[*options, "end"])
    return out(IP(src=current, dst="255.255.255.255") / UDP(sport=68, dport=67) / message, client)


def lease(address: str = COA, xid: int = 1) -> list[bytes]:
    """Return the four frames in which the node gets an address."""
    kinds = ("discover", "offer", "request", "ack")
    return [dhcp(kind, address, xid) for kind in kinds]


MINENC = Raw(struct.pack("!BBHII", 17, 0x80, 0, int(ipaddress.IPv4Address(SERVER)), int(ipaddress.IPv4Address(IHOA))))
TUNNELS = {
    "ip/ip": IP(src=COA, dst=IHA) / user(IHOA, SERVER),
    "ip/gre/ip": IP(src=COA, dst=IHA) / GRE(key_present=1, key=5, seqnum_present=1) / user(IHOA, SERVER),
    "ip/minenc": IP(src=COA, dst=IHA, proto=55) / MINENC / UDP(sport=1, dport=2) / Raw(b"u"),
    "ip/udp434/ip": IP(src=COA, dst=IHA)
    / UDP(sport=50000, dport=434)
    / MobileIP(type=4)
    / MobileIPTunnelData(nexthdr=4)
    / user(IHOA, SERVER),
    "ip": user(IHOA, SERVER),
    "ip/ip/udp4500/esp": IP(src=COA, dst=XHA) / esp(XHOA, VPN),
    "ip/udp4500/esp": esp(COA, VPN),
    "ip/esp": IP(src=COA, dst=VPN, proto=50) / Raw(struct.pack("!II", 5, 1) + b"e" * 20),
    "ip/udp434/ip/esp": IP(src=COA, dst=XHA)
    / UDP(sport=50000, dport=434)
    / MobileIP(type=4)
    / MobileIPTunnelData(nexthdr=4)
    / IP(src=XHOA, dst=VPN, proto=50)
    / Raw(struct.pack("!II", 5, 1) + b"e" * 20),
}


def sll(packet: Packet, kind: int, mac: str, device: int = 1) -> bytes:
    """Return a cooked frame of version 1; `kind` 4 is sent by the node."""
    return struct.pack("!HHH8sH", kind, device, 6, bytes.fromhex(mac.replace(":", "")), 0x0800) + bytes(packet)


def sll2(packet: Packet, kind: int, mac: str, index: int, device: int = 1) -> bytes:
    """Return a cooked frame of version 2, which names its interface by `index`."""
    address = bytes.fromhex(mac.replace(":", ""))
    return struct.pack("!HxxIHBB8s", 0x0800, index, device, kind, 6, address) + bytes(packet)


SESSION = [request(), reply(), TUNNELS["ip/ip"]]
OVERLAYS: dict[str, Callable[[Packet], Packet]] = {
    "ip/udp4789/other/ip": lambda p: UDP(dport=4789, sport=50000) / VXLAN(vni=5) / Ether() / p,
    "ip/udp5555/ip": lambda p: UDP(dport=5555, sport=50000) / p,
    "ip/udp6081/other/ip": lambda p: UDP(sport=50000, dport=6081) / Raw(b"\1\0\x65\x58\0\0\1\0abcd") / Ether() / p,
    "ip/gre/other/ip": lambda p: GRE(proto=0x6558) / Ether() / p,
    "ip/proto97/other/ip": lambda p: Raw(b"\x30\0") / Ether() / p,
    "ip/proto51/other/ip": lambda p: Raw(b"\4\4\0\0" + bytes(20)) / p,
}


def carried(name: str, inner: Packet, target: str = XHA) -> Packet:
    """Put the packet into one of OVERLAYS."""
    protocol = re.match("ip/proto([0-9]+)", name)
    outer = IP(src=COA, dst=target)
    if protocol:
        outer.proto = int(protocol[1])
    return outer / OVERLAYS[name](IP(bytes(inner)))
