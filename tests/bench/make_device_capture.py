"""A capture taken at a device of many nodes: `python tests/bench/make_device_capture.py big.pcapng --role iha`.

eth0 is where the nodes are, eth1 the other side. Every node is registered through the device (at the gateway: has a
security association, with the key of its own that files beside the site file give), and renews that; the rest is data
in both directions, each packet on both sides of the device. All of it is conformant, and the same seed gives the same
bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import random
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from make_capture import _file_header, _ip, _reply, _request, _tcp, _udp

NEAR: Final = bytes.fromhex("02000000000a")
FAR: Final = bytes.fromhex("02000000000b")
OWN: Final = (bytes.fromhex("020000000000"), bytes.fromhex("020000000001"))
START: Final = 1_763_000_000 * 10**9
RATE: Final = 50_000
"""Packets a second."""
IHA, XHA, VPN, FA = "10.1.0.2", "198.51.100.2", "192.0.2.1", "203.0.113.1"
KEYS_A_FILE: Final = 10_000
CORRESPONDENTS: Final = [f"10.2.0.{n}" for n in range(1, 9)]
Frame = tuple[int, bytes]
"""Interface and bytes."""


def comes(link: int, packet: bytes) -> Frame:
    return link, OWN[link] + (NEAR, FAR)[link] + b"\x08\0" + packet


def leaves(link: int, packet: bytes) -> Frame:
    return link, (NEAR, FAR)[link] + OWN[link] + b"\x08\0" + packet


class Node:
    """One node; `asks` are the frames by which it registers, `data` those of a packet to or from it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.home = f"10.{3 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
        self.sent = [0, 0]

    def asks(self, identification: int) -> list[Frame]:
        raise NotImplementedError

    def data(self, other: str, up: bool, size: int) -> list[Frame]:
        raise NotImplementedError

    def inner(self, other: str, up: bool, size: int) -> bytes:
        self.sent[up] += 1
        ends, ports = ((self.home, other), (40000, 443)) if up else ((other, self.home), (443, 40000))
        packet = bytearray(_ip(6, *ends, _tcp(*ports, size)))
        packet[4:6] = struct.pack("!H", self.sent[up] & 0xFFFF)
        packet[24:28] = struct.pack("!I", self.sent[up])
        return bytes(packet)


class AtHomeAgent(Node):
    agent = IHA

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.coa = f"10.{200 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"

    def asks(self, identification: int) -> list[Frame]:
        request = _request(0x22, 600, self.home, self.agent, self.coa, identification)
        reply = _reply(0, 600, self.home, self.agent, identification)
        asked = _ip(17, self.coa, self.agent, _udp(40434, 434, request))
        told = _ip(17, self.agent, self.coa, _udp(434, 40434, reply))
        return [comes(0, asked), leaves(0, told)]

    def data(self, other: str, up: bool, size: int) -> list[Frame]:
        inner = self.inner(other, up, size)
        if up:
            return [comes(0, _ip(4, self.coa, self.agent, inner)), leaves(1, inner)]
        return [comes(1, inner), leaves(0, _ip(4, self.agent, self.coa, inner))]


class AtExternalHomeAgent(AtHomeAgent):
    """All that it does outside is between the gateway and its external home address."""

    agent = XHA

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.home = f"198.{18 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
        self.coa = f"203.{number >> 16}.{number >> 8 & 255}.{number & 255}"

    def inner(self, other: str, up: bool, size: int) -> bytes:
        return super().inner(VPN, up, size)


class AtForeignAgent(Node):
    def asks(self, identification: int) -> list[Frame]:
        request = _request(0x02, 600, self.home, IHA, FA, identification)
        reply = _reply(0, 600, self.home, IHA, identification)
        return [
            comes(0, _ip(17, self.home, FA, _udp(40434, 434, request))),
            leaves(1, _ip(17, FA, IHA, _udp(40434, 434, request))),
            comes(1, _ip(17, IHA, FA, _udp(434, 40434, reply))),
            leaves(0, _ip(17, FA, self.home, _udp(434, 40434, reply))),
        ]

    def data(self, other: str, up: bool, size: int) -> list[Frame]:
        inner = self.inner(other, up, size)
        if up:
            return [comes(0, inner), leaves(1, _ip(4, FA, IHA, inner))]
        return [comes(1, _ip(4, IHA, FA, inner)), leaves(0, inner)]


class AtGateway(Node):
    """Without encryption, so that making it takes no longer than checking it; the integrity of each is checked."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.peer = f"203.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        self.counted = [0, 0]

    def key(self, up: bool) -> bytes:
        return hashlib.sha1(f"{self.number} {up}".encode()).digest()

    def spi(self, up: bool) -> int:
        return 0x10000 + 2 * self.number + up

    def sealed(self, up: bool, inner: bytes) -> bytes:
        self.counted[up] += 1
        pad = -(len(inner) + 2) % 4
        body = struct.pack("!II", self.spi(up), self.counted[up]) + inner + bytes(range(1, pad + 1)) + bytes((pad, 4))
        body += hmac.digest(self.key(up), body, "sha1")[:12]
        return _ip(50, *((self.peer, VPN) if up else (VPN, self.peer)), body)

    def asks(self, identification: int) -> list[Frame]:
        request = _request(0x22, 600, self.home, IHA, self.home, identification)
        reply = _reply(0, 600, self.home, IHA, identification)
        asked = _ip(17, self.home, IHA, _udp(40434, 434, request))
        told = _ip(17, IHA, self.home, _udp(434, 40434, reply))
        inward, outward = comes(0, self.sealed(True, asked)), leaves(0, self.sealed(False, told))
        return [inward, leaves(1, asked), comes(1, told), outward]

    def data(self, other: str, up: bool, size: int) -> list[Frame]:
        inner = self.inner(other, up, size)
        if up:
            return [comes(0, self.sealed(True, inner)), leaves(1, inner)]
        return [comes(1, inner), leaves(0, self.sealed(False, inner))]


ROLES: Final[dict[str, Callable[[int], Node]]] = {
    "iha": AtHomeAgent, "xha": AtExternalHomeAgent, "fa": AtForeignAgent, "vpn": AtGateway,
}  # fmt: skip


def frames(role: str, nodes: int, packets: int, seed: int) -> Iterator[Frame]:
    """Yield at least as many frames as there are to be."""
    chance = random.Random(seed)
    every = [ROLES[role](n) for n in range(1, nodes + 1)]
    done = count = 0
    while count < packets:
        node = every[done] if done < nodes else chance.choice(every)
        more = node.asks(count + 1) if done < nodes or chance.random() < 0.005 else []
        for _ in range(chance.randrange(4)):
            more += node.data(chance.choice(CORRESPONDENTS), chance.random() < 0.5, chance.choice((40, 40, 560, 1300)))
        done, count = done + 1, count + len(more)
        yield from more


def keys_of(nodes: int) -> Iterator[str]:
    """Yield lines of Wireshark's esp_sa, one for each association."""
    for node in map(AtGateway, range(1, nodes + 1)):
        for up in (True, False):
            yield f'"IPv4",,,{node.spi(up):#x},"NULL",,"HMAC-SHA-1-96 [RFC2404]",0x{node.key(up).hex()}'


def make(path: str | Path, role: str, packets: int, nodes: int, seed: int = 1) -> Path:
    """Write a capture, and beside it the site file (PATH.toml), which names those with keys; returns that."""
    target = Path(path)
    with target.open("wb") as file:
        file.write(_file_header("pcapng", (("eth0", 1), ("eth1", 1))))
        for n, (link, data) in zip(range(packets), frames(role, nodes, packets, seed), strict=False):
            when, size, pad = START + n * 10**9 // RATE, len(data), -len(data) % 4
            total = 32 + size + pad
            head = struct.pack("<IIIIIII", 6, total, link, when >> 32, when & 0xFFFFFFFF, size, size)
            file.write(head + data + bytes(pad) + struct.pack("<I", total))
    site = target.with_name(target.name + ".toml")
    keys = list(keys_of(nodes)) if role == "vpn" else []
    files = [target.with_name(f"{target.name}.{n}.keys") for n in range(-(-len(keys) // KEYS_A_FILE))]
    for n, file_ in enumerate(files):
        file_.write_text("\n".join(keys[n * KEYS_A_FILE : (n + 1) * KEYS_A_FILE]) + "\n", encoding="utf-8")
    named = f"keys = {json.dumps([file_.name for file_ in files])}\n" if files else ""
    places = f'iha = "{IHA}"\nxha = "{XHA}"\nvpn = "{VPN}"\nfa = ["{FA}"]\ninternal = ["10.0.0.0/8"]\n'
    site.write_text(f'{named}[site]\nrole = "{role}"\n{places}', encoding="utf-8")
    return site


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a large capture taken at a gateway or an agent.")
    parser.add_argument("path")
    parser.add_argument("--role", choices=list(ROLES), default="iha")
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--nodes", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    print(make(args.path, args.role, args.packets, args.nodes, args.seed))


if __name__ == "__main__":
    main()
