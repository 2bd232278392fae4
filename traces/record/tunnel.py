"""What a tunnel in user space is made of: a TUN device, sockets that say and choose the interface of a packet, and
packets that are put on a link as they are."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct

_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_IP_PKTINFO = 8  # not in the socket module of older Pythons
_LARGEST = 65535


def open_tun(name: str) -> int:
    """Attach to the TUN device `name`; reads and writes on the descriptor are whole IP packets."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    return descriptor


def destination(packet: bytes) -> str:
    """Destination address of an IPv4 packet, "" for anything else (IPv6 chatter of the kernel on TUN devices)."""
    return socket.inet_ntoa(packet[16:20]) if len(packet) >= 20 and packet[0] >> 4 == 4 else ""


def source(packet: bytes) -> str:
    """Source address of an IPv4 packet, "" for anything else."""
    return socket.inet_ntoa(packet[12:16]) if destination(packet) else ""


def checksum(data: bytes) -> int:
    """RFC 1071."""
    words = struct.unpack(f"!{len(data + bytes(len(data) % 2)) // 2}H", data + bytes(len(data) % 2))
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _ip_packet(own: str, target: str, protocol: int, payload: bytes, ttl: int = 64) -> bytes:
    pair = socket.inet_aton(own) + socket.inet_aton(target)
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, ttl, protocol, 0) + pair
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def icmp_packet(own: str, target: str, kind: int, rest: bytes) -> bytes:
    """A message to the neighbours; `rest` follows the checksum."""
    message = struct.pack("!BBH", kind, 0, 0) + rest
    return _ip_packet(own, target, 1, message[:2] + struct.pack("!H", checksum(message)) + message[4:], ttl=1)


def datagram(own: str, port: int, target: str, target_port: int, payload: bytes) -> bytes:
    """A whole UDP packet."""
    size = 8 + len(payload)
    head = struct.pack("!HHHH", port, target_port, size, 0)
    pseudo = socket.inet_aton(own) + socket.inet_aton(target) + struct.pack("!HH", 17, size)
    check = checksum(pseudo + head + payload) or 0xFFFF
    return _ip_packet(own, target, 17, head[:6] + struct.pack("!H", check) + payload)


class Link:
    """The IPv4 packets of one interface, with link addresses, past the routing of the kernel."""

    def __init__(self, interface: str) -> None:
        self._interface = interface
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        self.socket.bind((interface, 0x0800))
        self.socket.setblocking(False)

    def fileno(self) -> int:
        return self.socket.fileno()

    def receive(self) -> tuple[bytes, bytes]:
        """(packet, link address of the sender); the packet is empty if we sent it ourselves."""
        packet, (_, _, kind, _, mac) = self.socket.recvfrom(_LARGEST)
        return (b"" if kind == socket.PACKET_OUTGOING else packet), mac

    def send(self, packet: bytes, mac: bytes) -> None:
        with contextlib.suppress(OSError):  # no carrier
            self.socket.sendto(packet, (self._interface, 0x0800, 0, 0, mac))


class Port:
    """UDP port or raw protocol of all addresses; each packet comes with, and is sent by, interface and address."""

    def __init__(self, *, udp: int = 0, protocol: int = 0) -> None:
        kind = socket.SOCK_DGRAM if udp else socket.SOCK_RAW
        self.socket = socket.socket(socket.AF_INET, kind, protocol)
        self.socket.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        self.socket.setblocking(False)
        if udp:
            self.socket.bind(("0.0.0.0", udp))

    def fileno(self) -> int:
        return self.socket.fileno()

    def receive(self) -> tuple[bytes, tuple[str, int], str]:
        """(payload, sender, interface); a raw socket's payload begins with the outer IP header."""
        payload, controls, _, sender = self.socket.recvmsg(_LARGEST, 128)
        index = next(struct.unpack("i", data[:4])[0] for _, kind, data in controls if kind == _IP_PKTINFO)
        try:
            interface = socket.if_indextoname(index)
        except OSError:  # it has gone meanwhile
            interface = ""
        return payload, sender, interface

    def send(self, payload: bytes, source: str, target: tuple[str, int], interface: str = "") -> None:
        """Send from this address, by this interface if one is named; the network may refuse, as networks do."""
        try:
            index = socket.if_nametoindex(interface) if interface else 0
            control = struct.pack("i4s4s", index, socket.inet_aton(source), bytes(4))
            self.socket.sendmsg([payload], [(socket.IPPROTO_IP, _IP_PKTINFO, control)], 0, target)
        except OSError:
            pass
