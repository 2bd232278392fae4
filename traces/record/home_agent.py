"""A small home agent for one mobile node: registrations, and the tunnel to the care-of address in user space.

Run inside a network namespace: home_agent.py ADDRESS HOME-ADDRESS TUN-DEVICE SPI KEY [DIARY]

With a diary it is careless: it grants what does not authenticate, and writes down when.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tunnel import Port, destination, open_tun
from wire import (
    ACCEPTED,
    BAD_AUTHENTICATION,
    BAD_IDENTIFICATION,
    IP_IN_IP,
    PORT,
    TUNNEL_HEADER,
    UNKNOWN_HOME,
    Reply,
    Request,
    Security,
    timestamp,
)

LONGEST = 600
"""Seconds that a binding is granted at most."""
SKEW = 7
"""Seconds that an identification may differ from our clock (RFC 3344 section 5.7.1)."""


@dataclass(frozen=True)
class Binding:
    """Where the node is: `nat` is where its requests came from if that is not its care-of address."""

    coa: str
    expires: float
    nat: tuple[str, int] | None


class HomeAgent:
    """Answers requests and carries packets between the home address and the care-of address."""

    def __init__(self, address: str, home: str, device: str, security: Security, diary: str = "") -> None:
        self._address, self._home, self._security = address, home, security
        self._signalling = Port(udp=PORT)
        self._ipip = Port(protocol=IP_IN_IP)
        self._tun = open_tun(device)
        self._binding: Binding | None = None
        self._newest = 0
        self._diary = diary

    def run(self) -> None:
        sources: list[Port | int] = [self._signalling, self._ipip, self._tun]
        while True:
            for ready in select.select(sources, [], [])[0]:
                if ready is self._signalling:
                    self._on_udp()
                elif ready is self._ipip:
                    packet, (source, _), _ = self._ipip.receive()
                    self._from_node(packet[(packet[0] & 15) * 4 :], source)
                else:
                    self._to_node(os.read(self._tun, 65535))

    def _on_udp(self) -> None:
        message, sender, _ = self._signalling.receive()
        if message[:4] == TUNNEL_HEADER:
            self._from_node(message[4:], sender[0])
            return
        request = Request.decode(message)
        if request is None or request.agent != self._address:
            return
        reply = self._answer(request, message, sender)
        self._signalling.send(reply.encode(self._security), self._address, sender)

    def _answer(self, request: Request, message: bytes, sender: tuple[str, int]) -> Reply:
        now = timestamp()
        denied = Reply(UNKNOWN_HOME, 0, request.home, self._address, request.id)
        if request.home != self._home:
            return denied
        if not self._security.verifies(message) and not self._careless():
            return Reply(BAD_AUTHENTICATION, 0, request.home, self._address, request.id)
        if abs((request.id >> 32) - (now >> 32)) > SKEW or request.id <= self._newest:
            fresh = now >> 32 << 32 | request.id & 0xFFFFFFFF
            return Reply(BAD_IDENTIFICATION, 0, request.home, self._address, fresh)
        self._newest = request.id
        lifetime = min(request.lifetime, LONGEST)
        behind_nat = sender[0] != request.coa and request.udp_tunnel
        nat = sender if behind_nat else None
        self._binding = Binding(request.coa, time.monotonic() + lifetime, nat) if lifetime else None
        return Reply(ACCEPTED, lifetime, request.home, self._address, request.id, behind_nat)

    def _careless(self) -> bool:
        """A fault on purpose, which is written down."""
        if self._diary:
            with Path(self._diary).open("a", encoding="utf-8") as diary:
                print(json.dumps({"rule": "IH3", "since": time.time()}), file=diary)
        return bool(self._diary)

    def _bound(self) -> Binding | None:
        if self._binding and self._binding.expires < time.monotonic():
            self._binding = None
        return self._binding

    def _from_node(self, inner: bytes, source: str) -> None:
        """Reverse tunnel: only from where the node is registered."""
        binding = self._bound()
        if binding and destination(inner) and source == (binding.nat[0] if binding.nat else binding.coa):
            os.write(self._tun, inner)

    def _to_node(self, inner: bytes) -> None:
        binding = self._bound()
        if binding is None or destination(inner) != self._home:
            return
        if binding.nat:
            self._signalling.send(TUNNEL_HEADER + inner, self._address, binding.nat)
        else:
            self._ipip.send(inner, self._address, (binding.coa, 0))


if __name__ == "__main__":
    _address, _home, _device, _spi, _key, *_diary = sys.argv[1:]
    with contextlib.suppress(KeyboardInterrupt):
        HomeAgent(_address, _home, _device, Security(int(_spi), _key), *_diary).run()
