"""Small captures taken at gateways and agents, with the verdicts that the draft and RFC 3344 give them.

They were written with their verdicts before they were run. Each is read in both ways.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Report
from mipcheck.checker.report.json import as_object
from mipcheck.checker.site.site import MnHaKey
from mipcheck.checker.trace.route import CAPTURES, EVENTS
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import GRE
from scapy.layers.mobileip import MobileIP, MobileIPTunnelData
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

from making.at_device import CORRESPONDENT, ELSEWHERE, NEAR, NEXT_MAC, comes, leaves
from making.esp import IN, OUT, association, keys
from making.files import Device, Record, pcapng
from making.packets import IHA, IHOA, KEY, SECOND, TIA, VPN, XHA, XHOA, reply, request, signed, user
from making.routes import NEVER, native_from
from making.signalling import advert, generic, isakmp

pytest.importorskip("cryptography")

Frame = tuple[bytes, int]
Frames = list[tuple[float, Frame]]
"""Seconds, and the frame with its interface."""

XKEY = MnHaKey("xha", 512, "hmac-md5", b"x-ha-key")
AWAY, FA, OTHER_COA = "10.1.7.34", "10.1.7.1", "10.1.7.99"
MOVED = "198.51.100.99"
NEXT = bytes.fromhex(NEXT_MAC.replace(":", ""))
UPWARD, DOWNWARD = keys(OUT), keys(IN)
OUTER, INNER = 0, 1


@dataclass(frozen=True)
class Case:
    """A capture at the device of a role; `broken` are the rules that it breaks."""

    role: str
    name: str
    frames: Frames
    broken: tuple[str, ...] = ()


def site(role: str) -> str:
    """The site file of a device that was watched from when it began."""
    text = f'[site]\nrole = "{role}"\nboot = true\niha = "{IHA}"\nxha = "{XHA}"\nvpn = "{VPN}"\n'
    text += f'fa = ["{FA}"]\ninternal = ["10.0.0.0/8"]\n'
    for key in (KEY, XKEY):
        text += f'[[mn_ha_key]]\nagent = "{key.agent}"\nspi = {key.spi}\nalgorithm = "{key.algorithm}"\n'
        text += f'key = "{key.key.decode()}"\n'
    for sa in (UPWARD, DOWNWARD) if role == "vpn" else ():
        text += f'[[esp_sa]]\nspi = {sa.spi}\nencryption = "{sa.encryption}"\n'
        text += f'encryption_key = "0x{sa.encryption_key.hex()}"\nintegrity = "{sa.integrity}"\n'
        text += f'integrity_key = "0x{sa.integrity_key.hex()}"\n'
    return text


# --- home agents ----------------------------------------------------------------------------------------------------


def asks(time: float, id: int, coa: str = NEAR, key: MnHaKey = KEY, forged: bool = False, **more: int) -> Frames:
    """A request comes to the home agent whose key it is."""
    agent, home = (IHA, IHOA) if key is KEY else (XHA, XHOA)
    message = request(coa, agent, agent, home, "", id=id, **more)
    return [(time, comes(signed(message, key, b"guess" if forged else None)))]


def says(time: float, id: int, coa: str = NEAR, key: MnHaKey = KEY, **more: int) -> Frames:
    """Its reply goes to a care-of address."""
    agent, home = (IHA, IHOA) if key is KEY else (XHA, XHOA)
    return [(time, leaves(signed(reply(coa, agent, home, "", id=id, **more), key)))]


def registers(time: float, id: int, coa: str = NEAR, key: MnHaKey = KEY, **more: int) -> Frames:
    """A request is granted as it was asked."""
    granted = {name: value for name, value in more.items() if name == "lifetime"}
    return [*asks(time, id, coa, key, False, **more), *says(time + 0.01, id, coa, key, **granted)]


def sends(time: float, coa: str = NEAR, key: MnHaKey = KEY) -> Frames:
    """A packet of the node comes out of its reverse tunnel, and goes on."""
    agent, home = (IHA, IHOA) if key is KEY else (XHA, XHOA)
    inner = user(home, CORRESPONDENT)
    return [(time, comes(IP(src=coa, dst=agent) / inner)), (time + 0.001, leaves(inner, 1))]


def gets(time: float, coa: str = NEAR, key: MnHaKey = KEY) -> Frames:
    """A packet for the node comes, and goes into the tunnel to a care-of address."""
    agent, home = (IHA, IHOA) if key is KEY else (XHA, XHOA)
    inner = user(CORRESPONDENT, home)
    return [(time, comes(inner, 1)), (time + 0.001, leaves(IP(src=agent, dst=coa) / inner))]


NAT, BEHIND = "10.1.7.88", "192.168.1.5"


def through_nat(time: float, granted: bool = True) -> Frames:
    """A node behind a NAT registers, and asks for UDP tunnelling (RFC 3519)."""
    asked = signed(request(NAT, IHA, IHA, IHOA, BEHIND, id=1), KEY, before=bytes.fromhex("9006000000000000"))
    said = signed(reply(NAT, IHA, IHOA, id=1), KEY, before=bytes([44, 6, 0, 0 if granted else 64, 0, 0, 0, 0]))
    return [(time, comes(asked)), (time + 0.01, leaves(said))]


def in_udp(time: float, to: str) -> Frames:
    """A packet for the node comes, and goes into the UDP tunnel to that address."""
    inner = user(CORRESPONDENT, IHOA)
    carried = UDP(sport=434, dport=50000) / MobileIP(type=4) / MobileIPTunnelData(nexthdr=4) / inner
    return [(time, comes(inner, 1)), (time + 0.001, leaves(IP(src=IHA, dst=to) / carried))]


def sealed_in_udp(time: float) -> Frames:
    """A node behind a NAT registers with the x-HA, and sends ESP in UDP: what has no ports in what has."""
    asked = signed(request(ELSEWHERE, XHA, XHA, XHOA, BEHIND, id=1), XKEY, before=bytes.fromhex("9006000000000000"))
    said = signed(reply(ELSEWHERE, XHA, XHOA, id=1), XKEY, before=bytes([44, 6, 0, 0, 0, 0, 0, 0]))
    inner = IP(src=XHOA, dst=VPN, proto=50) / Raw(struct.pack("!II", 0x1234, 1) + bytes(64))
    carried = UDP(sport=50000, dport=434) / MobileIP(type=4) / MobileIPTunnelData(nexthdr=4) / inner
    passes = [(time + 1, comes(IP(src=ELSEWHERE, dst=XHA) / carried)), (time + 1.001, leaves(inner, 1))]
    return [(time, comes(asked)), (time + 0.01, leaves(said)), *passes]


AT_AGENTS = [
    Case("iha", "behind a NAT, whose address stands for the node", [*through_nat(1), *in_udp(2, NAT)]),
    Case("iha", "behind a NAT, and to another address", [*through_nat(1), *in_udp(2, NAT), *in_udp(3, AWAY)], ("IH6",)),
    Case("iha", "behind a NAT, and no UDP granted", through_nat(1, False), ("IH1",)),
    Case("iha", "registered, and data both ways", [*registers(1, 1), *sends(2), *gets(3)]),
    Case("iha", "sends to where the node was", [*registers(1, 1), *registers(5, 2, AWAY), *gets(7)], ("IH6",)),
    Case("iha", "forwards from where the node was", [*registers(1, 1), *registers(5, 2, AWAY), *sends(7)], ("IH7",)),
    Case("iha", "a forged request is granted", [*asks(1, 1, forged=True), *says(1.01, 1)], ("IH3",)),
    Case(
        "iha",
        "a forged request is denied, and what was registered stays",
        [*registers(1, 1), *asks(5, 9, ELSEWHERE, forged=True), *says(5.01, 9, ELSEWHERE, code=131), *gets(7)],
    ),
    Case("iha", "a request from outside is granted", registers(1, 1, ELSEWHERE), ("IH2",)),
    Case(
        "iha",
        "two care-of addresses beside each other, and one is given up",
        [
            *registers(1, 1, flags=0xA2),
            *asks(2, 2, AWAY, flags=0xA2),
            *says(2.01, 2, AWAY),
            *gets(3),
            *gets(3.1, AWAY),
            *asks(4, 3, lifetime=0),
            *says(4.01, 3, lifetime=0),
            *gets(5, AWAY),
        ],
    ),
    Case(
        "iha",
        "a care-of address that was given up is still used",
        [*registers(1, 1), *registers(4, 3, lifetime=0), *gets(5)],
        ("IH6",),
    ),
    Case("iha", "a reply to nothing that was asked", [*asks(1, 1), *says(1.01, 2)], ("IH3",)),
    Case(
        "xha", "registered, and data both ways", [*registers(1, 1, key=XKEY), *sends(2, key=XKEY), *gets(3, key=XKEY)]
    ),
    Case(
        "xha",
        "goes on after the lifetime",
        [*registers(1, 1, key=XKEY, lifetime=10), *gets(5, key=XKEY), *gets(15, key=XKEY)],
        ("XH10",),
    ),
    Case(
        "xha",
        "grants more than was asked for",
        [*asks(1, 1, key=XKEY, lifetime=60), *says(1.01, 1, key=XKEY, lifetime=120)],
        ("XH13",),
    ),
    Case(
        "xha",
        "sends to an address that was never registered",
        [*registers(1, 1, key=XKEY), *gets(2, AWAY, XKEY)],
        ("XH11",),
    ),
    Case("xha", "behind a NAT, ESP in UDP", sealed_in_udp(1)),
    Case(
        "xha",
        "a retransmitted request is answered twice",
        [*asks(1, 1, key=XKEY), *asks(2, 1, key=XKEY), *says(2.01, 1, key=XKEY), *says(2.02, 1, key=XKEY)],
    ),
]


# --- the foreign agent ----------------------------------------------------------------------------------------------


def offers() -> Frames:
    packet = advert([FA])
    packet[IP].src = FA
    return [(0, leaves(packet))]


def asked(time: float, id: int, flags: int = 0x02, coa: str = FA) -> Frames:
    """A request of a node comes, and is passed on."""
    return [
        (time, comes(request(IHOA, FA, IHA, IHOA, coa=coa, flags=flags, id=id))),
        (time + 0.001, leaves(request(FA, IHA, IHA, IHOA, coa=coa, flags=flags, id=id), 1)),
    ]


def told(time: float, id: int, code: int = 0, passed: int | None = None) -> Frames:
    """The reply comes, and is passed on, or another."""
    return [
        (time, comes(reply(FA, IHA, IHOA, id=id, code=code), 1)),
        (time + 0.001, leaves(reply(IHOA, IHA, IHOA, FA, id=id if passed is None else passed, code=code))),
    ]


UP, DOWN = user(IHOA, CORRESPONDENT), user(CORRESPONDENT, IHOA)


def reverse(time: float, tunnel: bool = True) -> Frames:
    return [(time, comes(UP)), (time + 0.001, leaves(IP(src=FA, dst=IHA) / UP if tunnel else UP, 1))]


def delivered(time: float, packet: Packet = DOWN, sender: str = IHA) -> Frames:
    return [(time, comes(IP(src=sender, dst=FA) / packet, 1)), (time + 0.001, leaves(packet))]


AT_FOREIGN_AGENT = [
    Case("fa", "registered, and data both ways", [*offers(), *asked(1, 1), *told(1.1, 1), *reverse(2), *delivered(3)]),
    Case("fa", "a denied node is served", [*offers(), *asked(1, 1), *told(1.1, 1, 131), *delivered(3)], ("FA3",)),
    Case("fa", "no reverse tunnel", [*offers(), *asked(1, 1), *told(1.1, 1), *reverse(2, False)], ("FA4",)),
    Case(
        "fa",
        "no reverse tunnel was asked for",
        [*offers(), *asked(1, 1, 0), *told(1.1, 1), *reverse(2, False), *delivered(3)],
    ),
    Case("fa", "an address that is not its own", [*offers(), *asked(1, 1, coa=OTHER_COA)], ("FA1",)),
    Case("fa", "another's identification", [*offers(), *asked(1, 1), *told(1.1, 1, passed=5)], ("FA2",)),
    Case(
        "fa",
        "packets for a node that never registered",
        [*offers(), *asked(1, 1), *told(1.1, 1), *delivered(3, user(CORRESPONDENT, "10.1.9.78"))],
        ("FA3",),
    ),
    Case(
        "fa",
        "packets from the tunnel of somebody who is no home agent",
        [*offers(), *asked(1, 1), *told(1.1, 1), *delivered(3, sender="10.1.0.66")],
        ("FA3",),
    ),
    Case(
        "fa",
        "a request that nobody sent",
        [*offers(), *asked(1, 1), *told(1.1, 1), *asked(2, 2)[1:]],
        ("FA5",),
    ),
]


# --- the gateway ----------------------------------------------------------------------------------------------------


class Tunnel:
    """What a node and the gateway send each other in ESP."""

    def __init__(self) -> None:
        self._up = association(UPWARD, IP(src=XHOA, dst=VPN))
        self._down = association(DOWNWARD, IP(src=VPN, dst=XHOA))

    def up(self, packet: Packet, source: str = XHOA) -> Packet:
        made: Packet = self._up.encrypt(packet)
        made.src = source
        del made.chksum
        return made

    def down(self, packet: Packet, target: str = XHOA) -> Packet:
        made: Packet = self._down.encrypt(packet)
        made.dst = target
        del made.chksum
        return made


def _found(kind: int, responder: bytes, address: str) -> bytes:
    """A notification of RFC 7296 section 2.23, by which ends find out that there is no NAT."""
    told = b"initiatr" + responder + bytes(map(int, address.split("."))) + struct.pack("!H", 500)
    return bytes([0, 0]) + struct.pack("!H", kind) + hashlib.sha1(told).digest()


def sealed(*steps: tuple[float, str, str]) -> Frames:
    """An exchange without features of the draft, and then what each step says: a time, a way, the outer address."""
    frames: Frames = []
    for n, (responder, source, target) in enumerate(((bytes(8), XHOA, VPN), (b"responds", VPN, XHOA))):
        notes = generic(41, _found(16388, responder, source)) + generic(0, _found(16389, responder, target))
        message = isakmp(generic(41, bytes(8)) + notes, 33, 0x20, 34, b"initiatr" + responder, 32 if n else 8)
        packet = IP(src=source, dst=target) / UDP(sport=500, dport=500) / Raw(message)
        frames.append((n / 10, leaves(packet, OUTER) if n else comes(packet, OUTER)))
    tunnel = Tunnel()
    for time, way, end in steps:
        if way == "in":
            inner = user(TIA, CORRESPONDENT)
            frames += [(time, comes(tunnel.up(inner, end), OUTER)), (time + 0.001, leaves(inner, INNER))]
        elif way == "broken":
            data, link = comes(tunnel.up(user(TIA, CORRESPONDENT), end), OUTER)
            frames.append((time, (data[:-1] + bytes([data[-1] ^ 1]), link)))
        else:
            inner = user(CORRESPONDENT, TIA)
            frames += [(time, comes(inner, INNER)), (time + 0.001, leaves(tunnel.down(inner, end), OUTER))]
    return frames


AT_GATEWAY = [
    Case("vpn", "both ways", sealed((1, "in", XHOA), (2, "out", XHOA), (3, "in", XHOA))),
    Case(
        "vpn",
        "a packet that does not authenticate moves nothing",
        sealed((1, "in", XHOA), (2, "out", XHOA), (3, "broken", MOVED), (4, "out", XHOA)),
    ),
    Case(
        "vpn",
        "it moves the endpoint",
        sealed((1, "in", XHOA), (2, "out", XHOA), (3, "broken", MOVED), (4, "out", MOVED)),
        ("GW21", "GW32"),
    ),
    Case(
        "vpn",
        "the endpoint follows, and nothing of that was negotiated",
        sealed((1, "in", XHOA), (2, "out", XHOA), (3, "in", MOVED), (4, "out", MOVED)),
        ("GW21", "GW32"),
    ),
]

CASES = [*AT_AGENTS, *AT_FOREIGN_AGENT, *AT_GATEWAY]


def judged(folder: Path, case: Case, natively: bool, config_text: str = "") -> Report:
    """Check the capture of a case, read and observed natively or one by one."""
    records = [Record(round(time * SECOND), data, link) for time, (data, link) in case.frames]
    capture, config = folder / "x.pcapng", folder / "x.toml"
    capture.write_bytes(pcapng(records, [Device("eth0"), Device("eth1")]))
    config.write_text(config_text or site(case.role), "utf-8")
    with pytest.MonkeyPatch.context() as patched:
        for kind in (CAPTURES, EVENTS):
            native_from(patched, kind, 0 if natively else NEVER)
        return check([str(capture)], config=str(config))


@pytest.mark.sampled(3)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.role}: {case.name}")
def test_a_capture_at_a_device_is_judged_as_the_documents_say(tmp_path: Path, case: Case) -> None:
    report = judged(tmp_path, case, False)
    assert {v.rule for v in (*report.violations, *report.warnings)} == set(case.broken)
    assert report.verdict == ("violation" if case.broken else "conformant"), report.reasons
    assert as_object(judged(tmp_path, case, True)) == as_object(report)


def test_where_the_clock_was_set_back_nobody_is_accused(tmp_path: Path) -> None:
    """What was captured before has the times of what came afterwards: in which order that was, nobody can tell."""
    frames = [
        *registers(5, 1),
        *sends(6),
        *gets(7),
        *((t - 3, f) for t, f in [*registers(9, 2, AWAY), *gets(10, AWAY)]),
    ]
    case = Case("iha", "", frames)
    report = judged(tmp_path, case, False)
    assert report.verdict == "inconclusive" and not report.violations
    assert as_object(judged(tmp_path, case, True)) == as_object(report)
    moved = sealed((1, "in", XHOA), (6, "out", XHOA), (7, "in", XHOA))
    gateway = Case("vpn", "", [*moved[:-2], *((t - 4, frame) for t, frame in moved[-2:])])
    assert as_object(judged(tmp_path, gateway, True)) == as_object(report := judged(tmp_path, gateway, False))
    assert report.verdict == "inconclusive"
    later = Case("iha", "", [*frames, *registers(20, 3), *gets(21, AWAY)])
    assert {v.rule for v in judged(tmp_path, later, True).violations} == {"IH6"}


ONE_SIDED: list[tuple[str, Callable[[bytes, int], bool]]] = [
    ("what leaves", lambda data, _: data.startswith(NEXT)),
    ("what comes", lambda data, _: not data.startswith(NEXT)),
    ("one side", lambda _, link: link == OUTER),
    ("the other side", lambda _, link: link == INNER),
    ("what comes on one side", lambda data, link: link == INNER or not data.startswith(NEXT)),
    ("what leaves on one side", lambda data, link: link == INNER or data.startswith(NEXT)),
    ("what comes on the other side", lambda data, link: link == OUTER or not data.startswith(NEXT)),
    ("what leaves on the other side", lambda data, link: link == OUTER or data.startswith(NEXT)),
    ("no registrations", lambda data, _: not (data[23] == 17 and 434 in struct.unpack("!HH", data[34:38]))),
]


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("what", "shown"), ONE_SIDED, ids=[what for what, _ in ONE_SIDED])
def test_a_capture_that_shows_one_side_alone_accuses_nobody(
    tmp_path: Path, what: str, shown: Callable[[bytes, int], bool]
) -> None:
    for case in CASES:
        frames = [(time, frame) for time, frame in case.frames if shown(*frame)]
        if not case.broken and frames:
            report = judged(tmp_path, Case(case.role, case.name, frames), False)
            assert not report.violations, (what, case)
            assert as_object(judged(tmp_path, Case(case.role, case.name, frames), True)) == as_object(report)


@pytest.mark.parametrize("role", ["iha", "xha"])
@pytest.mark.parametrize("why", ["no key", "cut short"])
def test_what_is_granted_unchecked_leaves_open_whether_it_was_authentic(tmp_path: Path, role: str, why: str) -> None:
    key = XKEY if role == "xha" else KEY
    config = site(role)
    if why == "no key":
        config = config.replace(f"spi = {key.spi}\n", f'spi = {key.spi}\nhome = "10.9.9.9"\n')
        assert config != site(role)
    for code in (0, 131):
        frames = [*asks(1, 1, key=key), *says(1.01, 1, key=key, code=code)]
        if why == "cut short":
            (time, (data, link)), *rest = frames
            frames = [(time, (data[:-2], link)), *rest]
        case = Case(role, "", frames)
        report = judged(tmp_path, case, False, config)
        assert as_object(judged(tmp_path, case, True, config)) == as_object(report)
        assert any("granted" in reason for reason in report.reasons) == (code == 0)
        assert report.verdict == "inconclusive" or code, report.reasons


def within(frame: Frame, how: Callable[[bytes], Packet]) -> Frame:
    """The frame as somebody else's tunnel carries it."""
    data, link = frame
    return data[:14] + bytes(IP(src="172.16.0.1", dst="172.16.0.2") / how(data)), link


AROUND: list[tuple[str, Callable[[bytes], Packet], frozenset[int]]] = [
    ("GRE", lambda data: GRE() / IP(data[14:]), frozenset({OUTER})),
    ("GRE on the other side", lambda data: GRE() / IP(data[14:]), frozenset({INNER})),
    ("GRE on both sides", lambda data: GRE() / IP(data[14:]), frozenset({OUTER, INNER})),
    ("VXLAN", lambda data: UDP(sport=5555, dport=4789) / VXLAN(vni=7) / Raw(data), frozenset({OUTER, INNER})),
]


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("name", "how", "links"), AROUND, ids=[name for name, *_ in AROUND])
def test_what_somebody_elses_tunnel_carries_acquits_nobody_and_accuses_nobody(
    tmp_path: Path, name: str, how: Callable[[bytes], Packet], links: frozenset[int]
) -> None:
    for case in CASES:
        frames = [(t, within(f, how) if f[1] in links else f) for t, f in case.frames]
        around = Case(case.role, case.name, frames)
        report = judged(tmp_path, around, False)
        assert report.verdict != "conformant" or not case.broken, (name, case)
        assert case.broken or not report.violations, (name, case)
        assert as_object(judged(tmp_path, around, True)) == as_object(report)
