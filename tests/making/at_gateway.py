"""What passes a VPN gateway: ESP and key exchange outside (link 0), what is protected inside (link 1)."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from mipcheck.checker.site.site import EspSa, Site
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.l2 import GRE
from scapy.packet import Packet, Raw

from making.at_device import CORRESPONDENT, comes, leaves, site
from making.esp import association, keys
from making.in_columns import Frames
from making.packets import IHA, IHOA, KEY, VPN, XHOA, reply, request
from making.registrations import Registrations
from making.signalling import generic, isakmp

KNOWN = bytes.fromhex("4a131c81070358455c5728f20e95452f")
COOKIES = b"initiatr" + bytes(8), b"initiatr" + b"responds"


def exchanged(vendor: bytes) -> list[tuple[bytes, int]]:
    """Return the first two messages of IKEv1: an SA, and a vendor id."""
    payloads = generic(13, bytes(8)) + generic(0, vendor)
    asks, answers = (isakmp(payloads, 1, cookies=cookies) for cookies in COOKIES)
    ports = UDP(sport=500, dport=500)
    return [
        comes(IP(src=XHOA, dst=VPN) / ports / Raw(asks), 0),
        leaves(IP(src=VPN, dst=XHOA) / ports / Raw(answers), 0),
    ]


TUNNELS = (
    IP(src="203.0.113.1", dst="203.0.113.2"),
    IP(src="203.0.113.1", dst="203.0.113.2") / GRE(),
    IP(src=VPN, dst="203.0.113.2"),
)
"""The first two are somebody else's."""
SUITES = (
    ("null", 0, "hmac-sha1-96"),
    ("aes-cbc", 16, "hmac-sha1-96"),
    ("aes-cbc", 32, "hmac-sha2-256-128"),
    ("aes-ctr", 20, "hmac-md5-96"),
    ("aes-gcm", 20, "null"),
    ("3des-cbc", 24, "hmac-sha2-512-256"),
    ("chacha20-poly1305", 36, "null"),
    ("null", 0, "null"),
)
"""Encryption, bytes of its key, integrity."""


@dataclass
class Client:
    """A node with two associations; `at` is where it is outside, with its UDP port where there is a NAT, else 0."""

    home: str
    up: EspSa
    down: EspSa
    at: str
    port: int
    sealing: dict[bool, Any] = field(default_factory=dict)
    sent: list[Packet] = field(default_factory=list)

    @classmethod
    def number(cls, n: int, suite: tuple[str, int, str], nat: bool) -> Client:
        up, down = keys(0x1000 + 2 * n, *suite), keys(0x1001 + 2 * n, *suite)
        made = cls(f"10.1.200.{n + 50}", up, down, f"198.51.100.{n + 100}", 40_000 + n)
        made.port *= nat
        header = UDP(sport=4500, dport=4500) if nat else None
        made.sealing[True] = association(made.up, IP(src=made.at, dst=VPN), nat_t_header=header)
        made.sealing[False] = association(made.down, IP(src=VPN, dst=made.at), nat_t_header=header)
        return made

    def sealed(self, packet: Packet, up: bool, at: str = "") -> Packet:
        made: Packet = self.sealing[up].encrypt(packet)
        if up:
            made.src = at or self.at
        else:
            made.dst = at or self.at
        if self.port:
            setattr(made[UDP], "sport" if up else "dport", self.port)
        return made


class Traffic:
    """What passes a gateway, drawn at random: genuine, damaged, replayed and late packets, moves, exchanges; of them
    registrations, as many as `registers` says."""

    def __init__(self, dice: random.Random, nodes: int, odd: float = 0.3, registers: float = 0.0) -> None:
        self._dice, self._odd, self._registers = dice, odd, registers
        self._registrations = Registrations("iha", dice, KEY, 1, odd)
        self.clients = [Client.number(n, dice.choice(SUITES), dice.random() < 0.5) for n in range(nodes)]
        self._numbers = iter(range(1, 1 << 16))

    @property
    def site(self) -> Site:
        given = [sa for c in self.clients for sa in (c.up, c.down)]
        return site("vpn", esp_sas=tuple(given))

    def frames(self, count: int) -> Frames:
        found: Frames = []
        while len(found) < count:
            client = self._dice.choice(self.clients)
            if self._dice.random() < self._registers:
                found += self._registration(client)
            else:
                found += self._odd_ones(client) if self._dice.random() < self._odd else self._usual(client)
        return found

    def _registration(self, client: Client) -> Frames:
        """Return a request and its reply as they pass the gateway, or its foreign agent; odd ones may be anything."""
        dice = self._dice
        odd = dice.random() < self._odd
        home = dice.choice((client.home, client.home, IHOA, "0.0.0.0" if odd else IHOA))
        id_ = dice.choice((dice.getrandbits(64), dice.getrandbits(32), 1, 1 << 63))
        ask = {"flags": dice.choice((0x22, 0x02, 0xA2)), "lifetime": dice.choice((60, 600, 0)), "id": id_}
        code = dice.choice((0, 1, 65, 66, 77, 100, 127, 128, 133)) if odd or dice.random() < 0.2 else 0
        told = {"code": code, "lifetime": dice.choice((60, 600)), "id": id_ if dice.random() < 0.9 else 5}
        by_agent = dice.random() < 0.3
        coa = VPN if by_agent else dice.choice((client.home, client.home, "10.1.7.9"))
        to = VPN if by_agent else IHA
        asks = self._registrations.message(request(client.home, to, IHA, home, coa, **ask))
        answers = self._registrations.message(reply(VPN if by_agent else client.home, IHA, home, IHA, **told))
        on, back = asks.copy(), answers.copy()
        if by_agent:
            on.src, on.dst = VPN, IHA
            back.src, back.dst = VPN, client.home
        if odd and dice.random() < 0.3:
            back.src, answers.src = dice.choice((VPN, CORRESPONDENT)), dice.choice((VPN, IHA, CORRESPONDENT))
        for packet in (asks, answers, on, back):
            packet.id = next(self._numbers) & 0xFFFF
            del packet.chksum, packet[UDP].chksum
        found = [*self._through(client, asks, True), *(leaves(p, 1) for p in self._pieces(on))]
        found += [*(comes(p, 1) for p in self._pieces(answers)), *self._through(client, back, False)]
        return [frame for frame in found if dice.random() > self._odd / 5]

    def _pieces(self, packet: Packet) -> list[Packet]:
        """Return a packet whole, or now and then in fragments."""
        found: list[Packet] = [packet]
        if self._dice.random() < self._odd / 6:
            found = fragment(IP(bytes(packet)), 24)
        return found

    def _through(self, client: Client, packet: Packet, up: bool) -> Frames:
        """Return a packet in ESP, which may be in fragments, as may be what is in it; or damaged, or sent again."""
        dice = self._dice
        found: Frames = []
        for one in self._pieces(packet):
            sealed = client.sealed(one, up)
            if dice.random() < self._odd / 6:
                sealed = self._damaged(sealed)
            found += [(comes if up else leaves)(p) for p in self._pieces(sealed)]
        return found + found[-1:] * (dice.random() < self._odd / 6)

    def _packet(self, source: str, target: str) -> Packet:
        dice = self._dice
        carried = dice.choice(
            (
                UDP(sport=4000, dport=dice.choice((7777, 53))) / Raw(bytes(dice.choice((10, 30)))),
                TCP(sport=dice.choice((5000, 5001)), dport=443, seq=next(self._numbers)) / Raw(b"t" * 20),
                ICMP(id=7, seq=next(self._numbers)),
            )
        )
        return IP(src=source, dst=target, id=next(self._numbers) & 0xFFFF) / carried

    def _usual(self, client: Client) -> Frames:
        other = self._dice.choice((CORRESPONDENT, "10.1.5.21", IHA))
        up, down = self._packet(client.home, other), self._packet(other, client.home)
        if self._dice.random() < 0.3:
            up = IP(src=client.home, dst=IHA) / self._packet(IHOA, CORRESPONDENT)
            down = IP(src=IHA, dst=client.home) / self._packet(CORRESPONDENT, IHOA)
        if self._dice.random() < 0.5:
            sealed = client.sealed(up, True)
            client.sent.append(sealed)
            return [comes(sealed, 0), leaves(up, 1)]
        return [comes(down, 1), leaves(client.sealed(down, False), 0)]

    def _odd_ones(self, client: Client) -> Frames:
        dice = self._dice
        other = dice.choice(self.clients)
        up, down = self._packet(client.home, CORRESPONDENT), self._packet(CORRESPONDENT, client.home)
        between = self._packet(client.home, other.home)
        id_ = next(self._numbers)
        asks, answer = request(client.home, IHA, IHA, IHOA, id=id_), reply(client.home, IHA, IHOA, id=id_)
        large = IP(src=client.home, dst=CORRESPONDENT, id=id_) / UDP() / bytes(200)
        junk = Raw(client.up.spi.to_bytes(4) + dice.randbytes(dice.randrange(50)))
        ways: list[Frames] = [
            [comes(client.sealed(up, True), 0)],
            [leaves(client.sealed(down, False), 0)],
            [leaves(up, 1)],
            [comes(down, 1)],
            [comes(client.sealed(up, True, "203.0.113.7"), 0), leaves(up, 1)],
            [comes(down, 1), leaves(client.sealed(down, False, "203.0.113.7"), 0)],
            [comes(self._damaged(client.sealed(up, True)), 0)],
            [leaves(self._damaged(client.sealed(down, False)), 0)],
            [comes(p, 0) for p in client.sent[-40:][:1]],
            [comes(p, 0) for p in client.sent[-1:]],
            [comes(client.sealed(between, True), 0), leaves(other.sealed(between, False), 0)],
            [comes(client.sealed(up, True), 0), leaves(up, 1), comes(up, 1), leaves(other.sealed(up, False), 0)],
            [comes(client.sealed(asks, True)), leaves(asks, 1), comes(answer, 1), leaves(client.sealed(answer, False))],
            [comes(client.sealed(request(client.home, VPN, IHA, client.home, coa=VPN, flags=2, id=id_), True), 0),
             leaves(request(VPN, IHA, IHA, client.home, coa=VPN, flags=2, id=id_), 1)],
            [comes(reply(VPN, IHA, client.home, id=id_), 1),
             leaves(client.sealed(reply(client.home, IHA, client.home, VPN, id=id_), False), 0)],
            [comes(p) for p in fragment(client.sealed(large, True), 120)],
            self.offloaded(client, dice.random() < 0.5, dice.random() < 0.5),
            [comes(dice.choice(TUNNELS) / client.sealed(up, True)), leaves(dice.choice(TUNNELS) / up, 1)],
            [comes(dice.choice(TUNNELS) / down, 1), leaves(dice.choice(TUNNELS) / client.sealed(down, False))],
            [comes(dice.choice(TUNNELS) / down, 1), leaves(client.sealed(down, False))],
            [comes(client.sealed(up, True)), leaves(dice.choice(TUNNELS) / up, 1)],
            [comes(dice.choice(TUNNELS) / reply(VPN, IHA, client.home, id=id_), 1)],
            [comes(client.sealed(p, True)) for p in fragment(large, 96)],
            self._exchange(client),
            [comes(IP(src=client.at, dst=VPN, proto=50) / Raw(b"\0\1\2\3" + bytes(40)), 0)],
            [comes(IP(src=client.at, dst="192.0.2.9", proto=50) / Raw(client.up.spi.to_bytes(4) + bytes(40)), 0)],
            [comes(IP(src=client.at, dst=VPN, proto=50) / junk)],
            [comes(client.sealed(IP(src=client.home, dst="224.0.0.5") / UDP(dport=5353) / bytes(9), True), 0)],
            [comes(client.sealed(IP(src=client.home, dst=IHA) / UDP(sport=434, dport=434) / b"\7\7", True), 0)],
            [comes(client.sealed(IP(src=client.at, dst=VPN) / UDP() / b"same", True), 0)],
            [comes(client.sealed(IP(src=client.home, dst=IHA, proto=50) / Raw(bytes(3) + b"\7" + bytes(40)), True), 0)],
        ]  # fmt: skip
        return dice.choice(ways)

    def offloaded(self, client: Client, up: bool, cuts: bool) -> Frames:
        """Return segments that are joined into one on the other side of the gateway, or the other way round."""
        number, ends = next(self._numbers), (client.home, CORRESPONDENT) if up else (CORRESPONDENT, client.home)
        parts = [
            IP(src=ends[0], dst=ends[1], id=number + n & 0xFFFF)
            / TCP(sport=5000, dport=443, seq=number * 1000 + 20 * n)
            / Raw(bytes(20))
            for n in range(3)
        ]
        joined = IP(src=ends[0], dst=ends[1], id=number & 0xFFFF) / TCP(sport=5000, dport=443, seq=number * 1000)
        many, one = parts, [joined / Raw(bytes(60))]
        before, after = (one, many) if cuts else (many, one)
        if up:
            return [*(comes(client.sealed(p, True)) for p in before), *(leaves(p, 1) for p in after)]
        return [*(comes(p, 1) for p in before), *(leaves(client.sealed(p, False)) for p in after)]

    def _damaged(self, packet: Packet) -> Packet:
        data = bytearray(bytes(packet))
        place = self._dice.randrange(40, len(data))
        data[place] ^= 1 << self._dice.randrange(8)
        return IP(bytes(data[: self._dice.choice((len(data), len(data), place))]))

    def _exchange(self, client: Client) -> Frames:
        """Return two messages of IKE in the name of a node."""
        found = []
        cookie = self._dice.randbytes(8)
        for data, link in exchanged(self._dice.choice((KNOWN, b"whatever"))):
            packet = IP(data[14:].replace(b"initiatr", cookie))
            end = "src" if packet.dst == VPN else "dst"
            setattr(packet, end, client.at)
            del packet.chksum, packet[UDP].chksum
            found.append((comes if packet.dst == VPN else leaves)(packet, link))
        return found


def cut(frames: Frames, dice: random.Random, share: float) -> Frames:
    """Return frames of which some are damaged at any place."""
    found = []
    for data, link in frames:
        if dice.random() < share:
            changed = bytearray(data)
            changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
            data = bytes(changed)
        found.append((data, link))
    return found
