"""Somebody beside a device sends what does not authenticate: a capture that is conformant without it stays so."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Report
from mipcheck.checker.site.site import MnHaKey
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.layers.mobileip import MobileIP, MobileIPTunnelData
from scapy.packet import Packet, Raw

from making.at_device import CORRESPONDENT, ELSEWHERE, MS, NEAR, comes, leaves
from making.depth import drawn
from making.esp import IN, OUT, association, keys
from making.files import Device, Record, pcapng
from making.packets import IHA, IHOA, KEY, TIA, VPN, XHA, XHOA, reply, request, signed, user
from making.signalling import advert, generic, isakmp

pytest.importorskip("cryptography")

Frames = list[tuple[bytes, int]]
XKEY = MnHaKey("xha", 257, "hmac-md5", b"x-ha-key")
OWN, NAT, HIDDEN = "10.1.7.1", "10.1.8.200", "192.168.1.5"
FOES = ["203.0.113.66", "10.1.7.66", NAT]
LINK, UP = 0, 1
_ESP = 50
WANTS_UDP = bytes.fromhex("9006000000000000")
GETS_UDP = bytes([44, 6, 0, 0, 0, 0, 0, 0])
UPWARD, DOWNWARD = keys(OUT), keys(IN)
AGENTS = {"iha": (IHA, IHOA, KEY), "xha": (XHA, XHOA, XKEY)}
NETWORK = 'iha = "10.1.0.10"\nxha = "198.51.100.10"\nvpn = "192.0.2.1"\nfa = ["10.1.7.1"]\ninternal = ["10.0.0.0/8"]\n'


class Heard(NamedTuple):
    """What a stranger knows: his address, an identification, and a message or packet of the node that he has heard."""

    foe: str
    id: int
    message: Packet


# --- what is conformant -----------------------------------------------------------------------------------------------


def registers(role: str, coa: str, number: int, outer: str = "", udp: bool = False) -> list[Frames]:
    agent, home, key = AGENTS[role]
    asks = request(outer or coa, agent, agent, home, coa, id=number, lifetime=600)
    answer = reply(outer or coa, agent, home, id=number, lifetime=600)
    granted = GETS_UDP if udp and outer else b""
    return [[comes(signed(asks, key, before=WANTS_UDP * udp))], [leaves(signed(answer, key, before=granted))]]


def served(role: str, at: str, size: int, udp: bool = False) -> list[Frames]:
    """Return data from the node and to it, by the tunnel to an address; each of a size of its own is told apart."""
    agent, home, _ = AGENTS[role]
    inside = MobileIP(type=4) / MobileIPTunnelData(nexthdr=4)
    there, back = IP(src=at, dst=agent), IP(src=agent, dst=at)
    if udp:
        there, back = there / UDP(sport=40000, dport=434) / inside, back / UDP(sport=434, dport=40000) / inside
    up, down = user(home, CORRESPONDENT, size), user(CORRESPONDENT, home, size)
    return [[comes(there / up)], [leaves(up)], [comes(down)], [leaves(back / down)]]


def at_home_agent(role: str) -> list[Frames]:
    first, second = (NEAR, "10.1.7.34") if role == "iha" else (ELSEWHERE, "203.0.113.54")
    return [
        *registers(role, first, 1, udp=True), *served(role, first, 91),
        *registers(role, second, 2), *served(role, second, 92),
        *registers(role, HIDDEN, 3, outer=NAT, udp=True), *served(role, NAT, 93, udp=True),
        *registers(role, first, 4), *served(role, first, 94),
    ]  # fmt: skip


def passes(source: str, target: str, agent: str, home: str, number: int) -> Packet:
    return request(source, target, agent, home, coa=OWN, flags=0x02, id=number, lifetime=600)


def visits(agent: str, home: str, number: int) -> list[Frames]:
    answer = reply(OWN, agent, home, id=number, lifetime=600)
    return [
        [comes(passes(home, OWN, agent, home, number), LINK)],
        [leaves(passes(OWN, agent, agent, home, number), UP)],
        [comes(answer, UP)],
        [leaves(reply(home, agent, home, OWN, id=number, lifetime=600), LINK)],
    ]


def at_foreign_agent() -> list[Frames]:
    mine = advert([OWN])
    mine[IP].src = OWN
    up, down = user(IHOA, CORRESPONDENT), user(CORRESPONDENT, IHOA)
    data = [
        [comes(up, LINK)], [leaves(IP(src=OWN, dst=IHA) / up, UP)],
        [comes(IP(src=IHA, dst=OWN) / down, UP)], [leaves(down, LINK)],
    ]  # fmt: skip
    return [[leaves(mine, LINK)], *visits(IHA, IHOA, 1), *data, *visits(XHA, XHOA, 2), *visits(IHA, IHOA, 3), *data]


def begins(source: str, target: str, spis: bytes) -> Packet:
    """Make a first message of IKEv2 or its answer, by which its receiver finds no NAT on the way."""

    def seen(address: str) -> bytes:
        return hashlib.sha1(spis + bytes(map(int, address.split("."))) + (500).to_bytes(2)).digest()

    notes = generic(41, bytes([0, 0, 0x40, 4]) + seen(source)) + generic(0, bytes([0, 0, 0x40, 5]) + seen(target))
    message = isakmp(generic(41, bytes(24)) + notes, 33, 0x20, 34, spis, 8 if source != VPN else 32)
    return IP(src=source, dst=target) / UDP(sport=500, dport=500) / Raw(message)


def at_gateway() -> list[Frames]:
    there, back = association(UPWARD, IP(src=XHOA, dst=VPN)), association(DOWNWARD, IP(src=VPN, dst=XHOA))
    asks, answer = request(TIA, IHA, IHA, IHOA, id=7), reply(TIA, IHA, IHOA, id=7)
    up, down = user(TIA, CORRESPONDENT), user(CORRESPONDENT, TIA)
    steps = [
        [comes(begins(XHOA, VPN, b"initiatr" + bytes(8)), LINK)],
        [leaves(begins(VPN, XHOA, b"initiatr" + b"responds"), LINK)],
    ]
    for out, back_in in ((asks, answer), (up, down), (up, down)):
        steps += [[comes(there.encrypt(out), LINK)], [leaves(out, UP)]]
        steps += [[comes(back_in, UP)], [leaves(back.encrypt(back_in), LINK)]]
    return steps


# --- what a stranger adds ---------------------------------------------------------------------------------------------


def again(packet: Packet, source: str) -> Packet:
    """Return a packet with another source, and what is in it as it was."""
    copy = packet.copy()
    copy[IP].src = source
    del copy[IP].chksum
    if UDP in copy:
        del copy[UDP].chksum
    return copy


def to_home_agent(role: str) -> list[Callable[[Heard], Frames]]:
    agent, home, key = AGENTS[role]

    def forged(heard: Heard, lifetime: int = 600) -> Packet:
        asks = request(heard.foe, agent, agent, home, id=heard.id, lifetime=lifetime)
        return signed(asks, key, secret=b"a guess")

    def denied(heard: Heard, code: int) -> tuple[bytes, int]:
        return leaves(signed(reply(heard.foe, agent, home, id=heard.id, code=code, lifetime=0), key))

    def denied_again(heard: Heard) -> Frames:
        number = int.from_bytes(bytes(heard.message[UDP].payload)[16:24])
        return [comes(again(heard.message, heard.foe)), denied(heard._replace(id=number), 133)]

    return [
        lambda heard: [comes(forged(heard))],
        lambda heard: [comes(forged(heard, 0)), denied(heard, 131)],
        lambda heard: [comes(request(heard.foe, agent, agent, home, id=heard.id, lifetime=0))],
        lambda heard: [comes(again(heard.message, heard.foe))],
        denied_again,
        lambda heard: [comes(IP(src=heard.foe, dst=agent) / user(home, "10.1.5.21", 30))] if heard.foe != NAT else [],
        lambda heard: [comes(reply(NEAR, agent, home, id=heard.id))],
        lambda heard: [comes(user(heard.foe, agent, 40))],
    ]


def to_foreign_agent() -> list[Callable[[Heard], Frames]]:
    def relayed(heard: Heard) -> Frames:
        answer = reply(OWN, IHA, IHOA, id=1, code=133, lifetime=0)
        asked = [comes(passes(IHOA, OWN, IHA, IHOA, 1), LINK), leaves(passes(OWN, IHA, IHA, IHOA, 1), UP)]
        passed = reply(IHOA, IHA, IHOA, OWN, id=1, code=133, lifetime=0)
        return [*asked, comes(answer, UP), leaves(passed, LINK)]

    return [
        lambda heard: [comes(reply(OWN, IHA, IHOA, id=heard.id + 0x7E57, lifetime=600), UP)],
        lambda heard: [comes(reply(OWN, XHA, IHOA, id=heard.id + 0x7E57, lifetime=0), UP)],
        lambda heard: [comes(request(heard.foe, OWN, IHA, heard.foe, coa=heard.foe, id=heard.id), LINK)],
        lambda heard: [comes(passes(IHOA, OWN, IHA, IHOA, 1), LINK), leaves(passes(OWN, IHA, IHA, IHOA, 1), UP)],
        relayed,
        lambda heard: [comes(IP(src=heard.foe, dst=OWN) / user(CORRESPONDENT, IHOA, 30), UP)],
        lambda heard: [comes(user(heard.foe, IHOA, 30), UP)],
    ]


def to_gateway() -> list[Callable[[Heard], Frames]]:
    def damaged(heard: Heard) -> Frames:
        copy = again(heard.message, heard.foe)
        return [comes(IP(bytes(copy)[:-1] + b"?"), LINK)]

    return [
        damaged,
        lambda heard: [comes(again(heard.message, heard.foe), LINK)],
        lambda heard: [comes(begins(heard.foe, VPN, heard.id.to_bytes(8) + bytes(8)), LINK)],
        lambda heard: [comes(begins(XHOA, VPN, heard.id.to_bytes(8) + bytes(8)), LINK)],
        lambda heard: [
            comes(begins(XHOA, VPN, heard.id.to_bytes(8) + bytes(8)), LINK),
            leaves(begins(VPN, XHOA, heard.id.to_bytes(8) + b"responds"), LINK),
        ],
        lambda heard: [comes(user(heard.foe, TIA, 30), UP)],
    ]


COURSES: dict[str, Callable[[], list[Frames]]] = {
    "iha": lambda: at_home_agent("iha"),
    "xha": lambda: at_home_agent("xha"),
    "fa": at_foreign_agent,
    "vpn": at_gateway,
}
STRANGERS = {
    "iha": to_home_agent("iha"),
    "xha": to_home_agent("xha"),
    "fa": to_foreign_agent(),
    "vpn": to_gateway(),
}
course = cache(lambda role: COURSES[role]())


@cache
def authentic(role: str) -> list[tuple[int, Packet]]:
    """Return the packets of a course that authenticate: requests, or ESP at the gateway; and in which step each is."""
    packets = [(n, Ether(data)[IP]) for n, step in enumerate(course(role)) for data, _ in step]
    if role == "vpn":
        return [(n, p) for n, p in packets if p.proto == _ESP and p.dst == VPN]
    return [(n, p) for n, p in packets if UDP in p and p[UDP].dport == 434 and MobileIPTunnelData not in p]


def heard(role: str, until: int, which: int) -> Packet | None:
    """Return one of those that have passed by then."""
    found = [p for n, p in authentic(role) if n <= until]
    return found[which % len(found)] if found else None


Told = list[tuple[int, int, int, str]]


def judged(folder: Path, role: str, told: Told) -> Report:
    """Check a course of that role, with what a stranger adds: after which step, what, with which number, from where."""
    steps = course(role)
    records: list[tuple[int, tuple[bytes, int]]] = [(n * 100 * MS, f) for n, step in enumerate(steps) for f in step]
    for late, (after, which, id_, foe) in enumerate(told):
        at = after % len(steps)
        message = heard(role, at, after + which)
        if message is not None:
            added = STRANGERS[role][which % len(STRANGERS[role])](Heard(foe, id_, message))
            records += [(at * 100 * MS + (late + 1) * MS + n * MS // 4, f) for n, f in enumerate(added)]
    records.sort(key=lambda record: record[0])
    path = folder / "x.pcapng"
    path.write_bytes(pcapng([Record(at, data, link) for at, (data, link) in records], [Device("eth0"), Device("eth1")]))
    words = [f'[site]\nrole = "{role}"\nboot = true\n{NETWORK}']
    for key in (KEY, XKEY):
        words.append(
            f'[[mn_ha_key]]\nagent = "{key.agent}"\nspi = {key.spi}\nalgorithm = "{key.algorithm}"\n'
            f'key = "0x{key.key.hex()}"\n'
        )
    for sa in (UPWARD, DOWNWARD) if role == "vpn" else ():
        words.append(
            f'[[esp_sa]]\nspi = {sa.spi}\nencryption = "{sa.encryption}"\nintegrity = "{sa.integrity}"\n'
            f'encryption_key = "0x{sa.encryption_key.hex()}"\nintegrity_key = "0x{sa.integrity_key.hex()}"\n'
        )
    site = folder / "site.toml"
    site.write_text("".join(words), "utf-8")
    return check([str(path)], config=str(site))


@pytest.mark.parametrize("role", COURSES)
def test_without_it_nothing_is_broken(tmp_path: Path, role: str) -> None:
    report = judged(tmp_path, role, [])
    assert not report.violations and not report.warnings
    assert report.verdict == "conformant", (report.reasons, [h for i in report.inputs for h in i.holes])
    assert report.nodes == 1 + (role == "fa")


added = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 20), st.integers(1, 6), st.sampled_from(FOES)), min_size=1, max_size=8
)


@pytest.mark.slow
@pytest.mark.parametrize("role", COURSES)
@settings(max_examples=drawn(20, 1000), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=added)
def test_with_it_the_verdict_stays(tmp_path: Path, role: str, told: Told) -> None:
    report = judged(tmp_path, role, told)
    assert not report.violations, report.violations
    assert report.verdict == "conformant", (report.reasons, told)
