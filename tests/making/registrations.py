"""Registrations as they pass an agent, drawn at random: usual ones, odd ones, and those of somebody else."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from mipcheck.checker.site.site import MnHaKey
from scapy.layers.inet import IP, UDP, fragment
from scapy.packet import Packet, Raw

from making.at_device import CORRESPONDENT, ELSEWHERE, NEAR, comes, leaves
from making.packets import IHA, XHA, reply, request, signed, user

Frames = list[tuple[bytes, int]]

FA = "10.1.7.1"
STRANGER = "203.0.113.77"
_EXTENSIONS = (
    b"",
    b"",
    bytes([144, 6, 0, 0, 0x80, 0, 0, 0]),  # asks for UDP tunnelling
    bytes([44, 6, 0, 0, 0, 0, 0, 0]),  # grants it
    bytes([44, 6, 0, 64, 0, 0, 0, 0]),  # denies it
    bytes([131, 5]) + b"a@b.c",
    bytes([131, 5]) + b"d@e.f",
    bytes([132, 4]) + b"chal",
    bytes([149, 1, 0]),  # trusted networks configured
    bytes([33, 20]) + bytes(20),
    bytes([34, 6]) + bytes(6),
    bytes([134, 8]) + bytes(8),
    bytes([38, 0, 0, 6]) + bytes(6),
    bytes([200, 2, 1, 1]),  # nobody knows it
    bytes([0, 0]),
    bytes([32, 2, 1, 1]),  # too short for an SPI
    bytes([36, 1, 0, 8]) + bytes(8),
    bytes([131, 250, 1]),  # runs past the end
)


@dataclass
class Registrations:
    """Those of nodes at an agent of that role; `key` is the right one."""

    role: str
    dice: random.Random
    key: MnHaKey
    nodes: int
    odd: float = 0.3
    """How many of them are odd in some way."""

    def __post_init__(self) -> None:
        self._agent = {"iha": IHA, "xha": XHA, "fa": FA}[self.role]
        prefix = "198.51.101" if self.role == "xha" else "10.1.9"
        self._homes = [f"{prefix}.{n + 1}" for n in range(self.nodes)]
        self._last: Frames = []

    def some(self) -> Frames:
        """Return the frames of one registration, or of one that goes wrong."""
        dice = self.dice
        if dice.random() < 0.1 and self._last:
            return [dice.choice(self._last) for _ in range(dice.randrange(1, 3))]  # replays and copies
        frames = self._at_foreign_agent() if self.role == "fa" else self._at_home_agent()
        if dice.random() < self.odd / 2:
            frames = [frame for frame in frames if dice.random() < 0.7]
        self._last = [*self._last[-20:], *frames]
        return frames

    def message(self, packet: Packet) -> Packet:
        """Add what may follow the fixed part, and damage it now and then."""
        dice = self.dice
        if dice.random() < 0.2:
            packet = self._with(packet, dice.choice(_EXTENSIONS))
        if dice.random() < 0.7:
            secret = b"wrong" if dice.random() < self.odd / 3 else None
            packet = signed(packet, self.key, secret, dice.choice(_EXTENSIONS[:12]), dice.choice(_EXTENSIONS[:3]))
        if dice.random() < self.odd / 4:
            packet = self._with(packet, dice.choice(_EXTENSIONS))
        if dice.random() < self.odd / 4:
            damage: list[Callable[[bytearray], bytes]] = [
                lambda b: bytes(b[: dice.randrange(1, len(b))]),
                lambda b: bytes(b[:-1]) + bytes([b[-1] ^ 1]),
                lambda b: bytes([b[0] ^ dice.choice((1, 2, 4, 6))]) + bytes(b[1:]),
                lambda b: bytes(b[:-20]) + dice.randbytes(20),
                lambda b: bytes(b) + bytes(300),
            ]
            packet = self._as(packet, dice.choice(damage)(bytearray(bytes(packet[UDP].payload))))
        if dice.random() < self.odd / 6:
            packet[UDP].dport, packet[UDP].sport = dice.choice(((434, 434), (5000, 434), (434, 40_001)))
        return packet

    def _as(self, packet: Packet, message: bytes) -> Packet:
        copy = packet.copy()
        copy[UDP].remove_payload()
        del copy[UDP].len, copy[UDP].chksum, copy[IP].len, copy[IP].chksum
        return copy / Raw(message)

    def _with(self, packet: Packet, extension: bytes) -> Packet:
        return self._as(packet, bytes(packet[UDP].payload) + extension)

    def _fields(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return what a request and its reply have besides addresses."""
        dice = self.dice
        identification = dice.choice((dice.getrandbits(64), dice.getrandbits(32), 1, 1 << 63))
        lifetime = dice.choice((60, 60, 600, 0))
        ask = {"flags": dice.choice((0x22, 0x22, 0x02, 0xA2, 0)), "lifetime": lifetime, "id": identification}
        given = identification if dice.random() > self.odd / 5 else dice.getrandbits(64)
        code = dice.choice((0, 0, 0, 1, 65, 77, 128, 133)) if dice.random() < self.odd else 0
        return ask, {"code": code, "lifetime": lifetime, "id": given}

    def _sent(self, packet: Packet, out: bool, link: int) -> Frames:
        """Return a packet as it comes or leaves: whole, in pieces, in another tunnel, or cut."""
        dice = self.dice
        put = leaves if out else comes
        if dice.random() < self.odd / 12:
            return [put(p, link) for p in fragment(IP(bytes(packet)), 24)]
        if dice.random() < self.odd / 12:
            return [put(IP(src=NEAR, dst=self._agent) / packet, link)]
        frame = put(packet, link)
        if dice.random() < self.odd / 12:
            return [(frame[0][: dice.randrange(40, len(frame[0]))], frame[1])]
        return [frame]

    def _at_home_agent(self) -> Frames:
        dice, agent = self.dice, self._agent
        home = dice.choice(self._homes)
        coa = dice.choice((NEAR, ELSEWHERE, "10.1.7.34", "203.0.113.54"))
        ask, told = self._fields()
        named = dice.choice((agent, STRANGER)) if dice.random() < self.odd / 4 else agent
        asked = "0.0.0.0" if dice.random() < self.odd / 6 else home
        source = dice.choice(("192.0.2.99", coa)) if dice.random() < self.odd else coa
        asks = self.message(request(source, agent, named, asked, coa, **ask))
        answers = self.message(reply(source, named, home, agent, **told))
        return [*self._sent(asks, False, 0), *self._sent(answers, True, 0)]

    def _at_foreign_agent(self) -> Frames:
        dice = self.dice
        home = dice.choice(self._homes)
        ask, told = self._fields()
        agent = dice.choice((IHA, XHA, STRANGER)) if dice.random() < self.odd else IHA
        asked = "0.0.0.0" if dice.random() < self.odd / 6 else home
        asks = self.message(request(home, FA, agent, asked, FA, **ask))
        relayed = asks.copy()
        relayed.src, relayed.dst = FA, agent if dice.random() > self.odd / 6 else XHA
        answers = self.message(reply(FA, agent, home, agent, **told))
        passed = answers.copy()
        passed.src, passed.dst = FA, home
        for packet in (relayed, passed):
            del packet.chksum, packet[UDP].chksum
        if dice.random() < self.odd / 4:  # the agent's own denial
            denial = reply(home, agent, home, FA, **{**told, "code": dice.choice((65, 77))})
            return [*self._sent(asks, False, 0), *self._sent(denial, True, 0)]
        found = [*self._sent(asks, False, 0), *self._sent(relayed, True, 1)]
        return [*found, *self._sent(answers, False, 1), *self._sent(passed, True, 0)]

    def data(self) -> Frames:
        """Return a packet of a node's, on both sides of the agent."""
        home = self.dice.choice(self._homes)
        up = user(home, CORRESPONDENT)
        if self.role == "fa":
            return [comes(up, 0), leaves(IP(src=FA, dst=IHA) / up, 1)]
        coa = self.dice.choice((NEAR, "10.1.7.34"))
        return [comes(IP(src=coa, dst=self._agent) / up), leaves(up)]
