"""What a tunnel in user space is made of: a TUN device, and sockets that say and choose the interface of a packet."""

from __future__ import annotations

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
