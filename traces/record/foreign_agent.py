"""A small foreign agent for one link: advertises itself, passes registrations on, tunnels for the nodes that visit it.

It delivers in the direct style of RFC 3024: a node's packets come as they are, from its home address, and leave in
IP-in-IP to its home agent. What a home agent does not answer, it rejects itself with code 78, late and unsigned.

Run inside a network namespace: foreign_agent.py DEVICE ADDRESS TUN-DEVICE
"""

from __future__ import annotations

import contextlib
import os
import select
import struct
import sys
import time
from dataclasses import dataclass

from tunnel import Link, Port, datagram, destination, icmp_packet, open_tun, source
from wire import ACCEPTED, IP_IN_IP, PORT, TIMEOUT, Reply, Request

ADVERTISE = 1.0
"""Seconds between advertisements."""
PATIENCE = 2.5
"""Seconds until a home agent that says nothing counts as silent; the node has asked again by then."""
LONGEST = 1800
_ICMP, _UDP = 1, 17
_EVERYBODY, _EVERYBODY_MAC = "224.0.0.1", bytes.fromhex("01005e000001")


@dataclass
class Visitor:
    """A home address here: its link address, its home agent, and whether that one has accepted it."""

    mac: bytes
    agent: str
    bound: bool = False


class ForeignAgent:
    """Everything happens in one loop."""

    def __init__(self, device: str, address: str, tun: str) -> None:
        self._device, self._address = device, address
        self._link = Link(device)
        self._signalling = Port(udp=PORT)
        self._ipip = Port(protocol=IP_IN_IP)
        self._tun = open_tun(tun)
        self._visitors: dict[str, Visitor] = {}
        self._pending: dict[int, tuple[Request, tuple[str, int], float]] = {}
        self._sequence = 0

    def run(self) -> None:
        due = time.monotonic()
        while True:
            if time.monotonic() >= due:
                due += ADVERTISE
                self._advertise()
            self._give_up()
            for ready in select.select([self._link, self._signalling, self._ipip, self._tun], [], [], 0.05)[0]:
                if ready is self._link:
                    self._from_link(*self._link.receive())
                elif ready is self._signalling:
                    message, _, _ = self._signalling.receive()
                    self._answered(message)
                elif ready is self._ipip:
                    packet, _, _ = self._ipip.receive()
                    self._to_visitor(packet[(packet[0] & 15) * 4 :])
                else:
                    self._from_visitor(os.read(self._tun, 65535))

    def _advertise(self) -> None:
        """Router advertisement without routers, and the mobility extension: R (registration required), F and T."""
        own = bytes(int(part) for part in self._address.split("."))
        mobility = struct.pack("!BBHHH", 16, 10, self._sequence, LONGEST, 0x8000 | 0x1000 | 0x0100) + own
        self._sequence += 1
        routers = struct.pack("!BBH", 0, 2, 3)
        self._link.send(icmp_packet(self._address, _EVERYBODY, 9, routers + mobility), _EVERYBODY_MAC)

    def _from_link(self, packet: bytes, mac: bytes) -> None:
        if not source(packet):
            return
        header = (packet[0] & 15) * 4
        if packet[9] == _ICMP and packet[header] == 10:
            self._advertise()
        elif packet[9] == _UDP and destination(packet) == self._address:
            port, target = struct.unpack_from("!HH", packet, header)
            request = Request.decode(packet[header + 8 :])
            if target == PORT and request is not None:
                self._visitors[request.home] = Visitor(mac, request.agent)
                self._pending[request.id] = request, (request.home, port), time.monotonic()
                self._signalling.send(packet[header + 8 :], self._address, (request.agent, PORT))

    def _answered(self, message: bytes) -> None:
        """A reply of a home agent; requests, which come here too, were taken from the link."""
        reply = Reply.decode(message)
        if reply is None or reply.id not in self._pending:
            return
        _, to, _ = self._pending.pop(reply.id)
        self._visitors[reply.home].bound = reply.code == ACCEPTED and reply.lifetime > 0
        self._reply(message, *to)

    def _give_up(self) -> None:
        for request, to, since in list(self._pending.values()):
            if time.monotonic() > since + PATIENCE:
                del self._pending[request.id]
                self._reply(Reply(TIMEOUT, 0, request.home, request.agent, request.id).fixed(), *to)

    def _reply(self, message: bytes, home: str, port: int) -> None:
        self._link.send(datagram(self._address, PORT, home, port, message), self._visitors[home].mac)

    def _from_visitor(self, packet: bytes) -> None:
        visitor = self._visitors.get(source(packet))
        if visitor is not None and visitor.bound:
            self._ipip.send(packet, self._address, (visitor.agent, 0))

    def _to_visitor(self, packet: bytes) -> None:
        visitor = self._visitors.get(destination(packet))
        if visitor is not None:
            self._link.send(packet, visitor.mac)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        ForeignAgent(*sys.argv[1:]).run()
