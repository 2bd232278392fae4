"""Small captures of the kinds that went wrong before, with the verdicts that the draft and RFC 3344 give them.

As in `test_cases.py`, they were written with their verdicts before they were run. Each is read in both ways.
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.site.site import MnHaKey
from mipcheck.checker.trace.route import CAPTURES
from scapy.layers.inet import IP, UDP, fragment
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

from making.files import (
    LOOP,
    NULL,
    RAW,
    SLL,
    START,
    Device,
    Record,
    block,
    device_block,
    option,
    packet_block,
    pcap,
    pcapng,
    section,
)
from making.packets import (
    COA,
    IHA,
    IHOA,
    KEY,
    NODE_MAC,
    OUTSIDE,
    PEER_MAC,
    SECOND,
    SERVER,
    VPN,
    XHA,
    XHOA,
    dhcp,
    esp,
    into,
    lease,
    out,
    reply,
    request,
    signed,
    user,
)
from making.routes import NEVER, native_from

Frames = Sequence[tuple[float, bytes]]
XKEY = MnHaKey("xha", 512, "hmac-md5", b"x-ha-key")
SITE = f"""[site]
iha = "{IHA}"
xha = "{XHA}"
vpn = "{VPN}"
ihoa = "{IHOA}"
xhoa = "{XHOA}"
internal = ["10.0.0.0/8"]
[parameters]
t_reregister = "10s"
t_retransmit = "2s"
n_retransmit = 2
t_stop = "30s"
t_detection = "3s"
""" + "".join(
    f'[[mn_ha_key]]\nagent = "{key.agent}"\nspi = {key.spi}\n'
    f'algorithm = "{key.algorithm}"\nkey = "{key.key.decode()}"\n'
    for key in (KEY, XKEY)
)


def ask(time: float, id: int) -> tuple[float, bytes]:
    """A direct request to the i-HA."""
    return time, out(signed(request(id=id), KEY))


def answer(time: float, id: int, code: int = 0, key: MnHaKey = KEY) -> tuple[float, bytes]:
    """The i-HA's reply to it."""
    return time, into(signed(reply(id=id, code=code), key))


def plain(time: float, source: str = COA) -> tuple[float, bytes]:
    """User data in the clear, in the tunnel to the i-HA."""
    return time, out(IP(src=source, dst=IHA) / user(IHOA, SERVER))


def flipped(frame: bytes) -> bytes:
    """The frame with one bit of its last byte changed."""
    return frame[:-1] + bytes([frame[-1] ^ 1])


UP: Frames = [(n / 100, frame) for n, frame in enumerate(lease())]
INSIDE: Frames = [*UP, ask(0.2, 1), answer(0.3, 1)]
GOOD: Frames = [*INSIDE, plain(1), plain(5), ask(9, 2), answer(9.1, 2), plain(12)]
REFUSED: Frames = [*INSIDE, ask(9, 2), answer(9.1, 2, 131), plain(12), plain(13)]
OUT: Frames = [
    *UP,
    ask(0.2, 1),
    (0.2, out(signed(request(target=XHA, agent=XHA, home=XHOA, id=2), XKEY))),
    (0.3, into(signed(reply(agent=XHA, home=XHOA, id=2), XKEY))),
    ask(2.2, 1),
]
LEAK: Frames = [*OUT, plain(5)]


def records(frames: Frames, wrapped: Callable[[bytes], bytes] = bytes) -> list[Record]:
    return [Record(int(time * SECOND), wrapped(frame)) for time, frame in frames]


def file(frames: Frames, linktype: int = 1, wrapped: Callable[[bytes], bytes] = bytes) -> bytes:
    return pcap(records(frames, wrapped), linktype)


def mine(frame: bytes) -> bool:
    return frame[6:12] == bytes.fromhex(NODE_MAC.replace(":", ""))


def cooked(frame: bytes) -> bytes:
    return struct.pack("!HHH8sH", 4 if mine(frame) else 0, 1, 6, frame[6:12] + bytes(2), 0x0800) + frame[14:]


def wireless(frame: bytes) -> bytes:
    """The frame as a station sends it to, or gets it from, an access point."""
    target, source, point = frame[:6], frame[6:12], bytes.fromhex("02000000aa01")
    way = b"\x08\1\0\0" + point + source + target if mine(frame) else b"\x08\2\0\0" + target + point + source
    return way + bytes(2) + bytes.fromhex("aaaa03000000") + frame[12:]


def other_mac(frame: bytes) -> bytes:
    return frame.replace(bytes.fromhex("020000000001"), bytes.fromhex("020000000002"))


def damaged(data: bytes, number: int) -> bytes:
    """The pcapng with a wrong length of that packet's block."""
    at = seen = 0
    while True:
        kind, length = struct.unpack_from("<II", data, at)
        if kind == 6 and seen == number:
            return data[: at + 4] + struct.pack("<I", 7) + data[at + 8 :]
        seen, at = seen + (kind == 6), at + length


def neighbours(since: int, until: int) -> Frames:
    """The node asks for its router, once a second."""
    arp = Ether(src=NODE_MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=NODE_MAC, psrc=COA, pdst="10.1.1.1")
    return [(second, bytes(arp)) for second in range(since, until)]


def later(frames: Frames, seconds: int) -> list[Record]:
    return [r._replace(time=r.time + seconds * SECOND) for r in records(frames)]


def woken(time: float) -> Frames:
    """The node asks for a lease from the beginning, and gets the one that it had."""
    return [(time + n / 100, frame) for n, frame in enumerate(lease(COA, 9))]


def denied(code: int) -> Frames:
    """A refresh that is denied, by the i-HA or by an agent, and plaintext that goes on."""
    said = answer(9.1, 2, code) if code >= 128 else (9.1, into(reply(id=2, code=code)))
    return [*INSIDE, ask(9, 2), said, plain(12)]


def over_udp(code: int, after: bool = False) -> Frames:
    """The node asks for UDP tunnelling (RFC 3519 3.1), and the reply says something of it, where nobody else could add
    it, or `after` the authenticator."""
    said = bytes([44, 6, 0, code, 0, 0, 0, 110])
    granted = signed(reply(id=1), KEY, before=b"" if after else said, after=said if after else b"")
    return [*UP, (0.2, out(signed(request(id=1), KEY, before=bytes([144, 6, *bytes(6)])))), (0.3, into(granted))]


def plain_in_udp(time: float) -> tuple[float, bytes]:
    """User data in the clear, in UDP to the i-HA (RFC 3519 3.3)."""
    inner = bytes([4, 4, 0, 0]) + bytes(user(IHOA, SERVER))
    return time, out(IP(src=COA, dst=IHA) / UDP(sport=50000, dport=434) / Raw(inner))


REPLY = IP(answer(0.3, 1)[1][14:])
PIECES = [bytes(Ether(src=PEER_MAC, dst=NODE_MAC) / piece) for piece in fragment(REPLY, fragsize=40)]
OPTIONS = into(IP(src=REPLY.src, dst=REPLY.dst, options=["NOP"] * 4) / REPLY[UDP])
IN_IPV6 = out(IPv6(src="2001:db8::5", dst="2001:db8::9", nh=4) / user(IHOA, SERVER))
WLAN = [
    (5 + n / 10, other_mac(dhcp(kind, OUTSIDE, 3))) for n, kind in enumerate(("discover", "offer", "request", "ack"))
]
TWO = (Device("eth0"), Device("wlan0"))
DOCKED = [
    *records([*INSIDE, plain(1), ask(9, 2), answer(9.1, 2), plain(10)]),
    *(r._replace(interface=1) for r in records(WLAN)),
]
NG = pcapng(records(GOOD))
DROPPED = option("<", 4, struct.pack("<Q", 3))


def statistics(dropped: int) -> bytes:
    told = option("<", 5, struct.pack("<Q", dropped)) + option("<", 0, b"")
    return block("<", 5, struct.pack("<III", 0, 0, 0) + told)


CASES: dict[str, tuple[bytes, str]] = {
    "inside": (file(GOOD), "conformant"),
    "refused": (file(REFUSED), "violation M2"),
    "a leak outside": (file(LEAK), "violation D1"),
    "connected, and silent": (file([*GOOD, *neighbours(13, 30)]), "violation M1"),
    "connected, and silent, not for long": (file([*GOOD, *neighbours(13, 18)]), "conformant"),
    "silent where others are not": (
        file([*GOOD, *((t, other_mac(frame)) for t, frame in neighbours(13, 30))]),
        "conformant",
    ),
    "an hour asleep": (file([*GOOD, *woken(3600), ask(3601, 3), answer(3601.1, 3), plain(3602)]), "inconclusive"),
    "an hour asleep, and a leak": (file([*GOOD, *woken(3600), plain(3601), ask(3602, 3)]), "violation M2"),
    "an hour without a word, and no lease": (
        file([*GOOD, ask(3601, 3), answer(3601.1, 3), plain(3602)]),
        "violation M1 P6",
    ),
    "connected, and silent outside": (file([*OUT, *neighbours(5, 60)]), "conformant"),
    "an hour between two sections": (NG + pcapng(later(GOOD, 3600)), "inconclusive"),
    "one section after the other": (
        pcapng(records([*GOOD, ask(18, 3)])) + pcapng(records([answer(18.1, 3), plain(19)])),
        "conformant",
    ),
    "one stamp for all": (pcapng([r._replace(time=0) for r in records(REFUSED)]), "inconclusive"),
    "another byte order, ns": (pcap(records(GOOD), order=">", nano=True), "conformant"),
    "gzip": (gzip.compress(file(REFUSED)), "violation M2"),
    "a VLAN": (file(GOOD, 1, lambda f: f[:12] + bytes.fromhex("8100000a") + f[12:]), "conformant"),
    "two tags": (file(REFUSED, 1, lambda f: f[:12] + bytes.fromhex("88a800058100000a") + f[12:]), "violation M2"),
    "a priority": (file(LEAK, 1, lambda f: f[:12] + bytes.fromhex("8100e000") + f[12:]), "violation D1"),
    "raw IP": (file(REFUSED, RAW, lambda f: f[14:]), "violation M2"),
    "raw IPv4": (file(REFUSED, 228, lambda f: f[14:]), "violation M2"),
    "null": (file(REFUSED, NULL, lambda f: b"\2\0\0\0" + f[14:]), "violation M2"),
    "loop": (file(REFUSED, LOOP, lambda f: b"\0\0\0\2" + f[14:]), "violation M2"),
    "cooked": (file(GOOD, SLL, cooked), "conformant"),
    "802.11": (file(REFUSED, 105, wireless), "violation M2"),
    "radiotap": (file(REFUSED, 127, lambda f: b"\0\0\x08\0\0\0\0\0" + wireless(f)), "violation M2"),
    "a link type of no network": (file(GOOD, 220), "inconclusive"),
    "cut in the last record": (file(GOOD)[:-5], "inconclusive"),
    "cut in a record's header": (file([*GOOD, plain(13)])[: len(file(GOOD)) + 7], "inconclusive"),
    "cut after a violation": (file(REFUSED)[:-5], "violation M2"),
    "no frame": (file([]), "inconclusive"),
    "a snapped reply": (
        pcap([r._replace(data=r.data[:60], length=len(r.data)) if n == 5 else r for n, r in enumerate(records(GOOD))]),
        "inconclusive",
    ),
    "a forged denial": (
        file([*INSIDE, ask(9, 2), (9.1, flipped(answer(9.1, 2, 131)[1])), ask(11, 3), answer(11.1, 3), plain(12)]),
        "conformant",
    ),
    "a forged reply": (file([*UP, ask(0.2, 1), (0.3, flipped(answer(0.3, 1)[1])), plain(6)]), "violation D1"),
    "no authenticator": (file([*UP, ask(0.2, 1), (0.3, into(reply(id=1))), plain(5)]), "violation D1"),
    "an SPI without a key": (
        file([*UP, ask(0.2, 1), answer(0.3, 1, key=MnHaKey("iha", 999, "hmac-md5", b"i-ha-key")), plain(5)]),
        "inconclusive",
    ),
    "the agent's upper half": (
        file([*UP, ask(0.2, 0xAAAA000000000001), answer(0.3, 0xBBBB000000000001), plain(5)]),
        "conformant",
    ),
    "another lower half": (
        file([*UP, ask(0.2, 0xAAAA000000000001), answer(0.3, 0xAAAA000000000002), plain(5)]),
        "violation D1",
    ),
    "resynchronised": (
        file(
            [*UP, ask(0.2, 0xA00000001), answer(0.3, 0xB00000001, 133), ask(0.4, 0xB00000002), answer(0.5, 0xC00000002)]
        ),
        "conformant",
    ),
    **{f"denied with {code}": (file(denied(code)), "conformant") for code in (64, 69, 77, 88)},
    **{f"denied with {code}": (file(denied(code)), "violation M2") for code in (128, 130, 132, 134, 135, 136)},
    "a reply in pieces": (
        file([*UP, ask(0.2, 1), *((0.3 + n / 1000, piece) for n, piece in enumerate(PIECES)), plain(1)]),
        "conformant",
    ),
    "a piece is missing": (file([*UP, ask(0.2, 1), (0.3, PIECES[0]), plain(5)]), "inconclusive"),
    "options of IP": (file([*UP, ask(0.2, 1), (0.3, OPTIONS), plain(1)]), "conformant"),
    "in a tunnel of IPv6": (file([*OUT, (6, IN_IPV6)]), "violation D1"),
    "not even in a tunnel": (file([*OUT, (6, out(user(IHOA, SERVER)))]), "violation D1"),
    "UDP was granted, and is not used": (file([*over_udp(0), plain(1)]), "violation N2"),
    "UDP was granted, and is used": (file([*over_udp(0), plain_in_udp(1)]), "conformant"),
    "UDP was declined": (file([*over_udp(64), plain(1)]), "conformant"),
    "UDP was granted by anybody": (file([*over_udp(0, after=True), plain(1)]), "conformant"),
    "ESP inside": (
        file([*INSIDE, ask(9, 2), answer(9.1, 2), (11, out(IP(src=COA, dst=XHA) / esp(XHOA, VPN)))]),
        "violation L1",
    ),
    "another node registers": (
        file(
            [
                *UP,
                (0.2, other_mac(out(signed(request(source="10.1.1.119", home="10.1.9.78", id=1), KEY)))),
                (0.3, other_mac(into(signed(reply(target="10.1.1.119", home="10.1.9.78", id=1), KEY)))),
                ask(0.4, 7),
                plain(5),
            ]
        ),
        "violation D1",
    ),
    "pcapng": (NG, "conformant"),
    "pcapng of another byte order": (pcapng(records(REFUSED), order=">"), "violation M2"),
    "pcapng that is cut": (NG[:-6], "inconclusive"),
    "a damaged block": (damaged(NG, 5), "inconclusive"),
    "a damaged block after a violation": (
        damaged(pcapng(records([*REFUSED, plain(14)])), len(REFUSED)),
        "violation M2",
    ),
    "dropped before a packet": (
        pcapng([r._replace(options=DROPPED * (n == 7)) for n, r in enumerate(records(GOOD))]),
        "inconclusive",
    ),
    "dropped somewhere": (NG + statistics(9), "inconclusive"),
    "nothing dropped": (NG + statistics(0), "conformant"),
    "no times": (
        section()
        + device_block(Device("eth0"))
        + b"".join(block("<", 3, struct.pack("<I", len(frame)) + frame) for _, frame in GOOD),
        "inconclusive",
    ),
    "one wrong time": (file([(100_000 if n == 8 else t, frame) for n, (t, frame) in enumerate(GOOD)]), "inconclusive"),
    "an interface that nothing describes": (
        section()
        + device_block(Device("eth0"))
        + b"".join(
            packet_block(r._replace(interface=int(n == 8)), START + r.time) for n, r in enumerate(records(GOOD))
        ),
        "inconclusive",
    ),
    "docked": (pcapng(sorted(DOCKED), TWO), "conformant"),
    "docked, and a leak": (
        pcapng(sorted([*DOCKED, Record(7 * SECOND, other_mac(plain(7, OUTSIDE)[1]), 1)]), TWO),
        "violation I1 S1",
    ),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", CASES)
def test_case(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, told = CASES[name]
    path, site = tmp_path / "t.pcap", tmp_path / "site.toml"
    path.write_bytes(data)
    site.write_text(SITE, "utf-8")
    for size in (NEVER, 0):
        native_from(monkeypatch, CAPTURES, size)
        report = check([str(path)], config=str(site))
        broken = sorted({v.rule for v in report.violations if v.level == "MUST"})
        assert " ".join(chain([report.verdict], broken)) == told
