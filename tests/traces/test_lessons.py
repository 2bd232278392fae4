"""What real captures do to naive checkers: twelve lessons, each with a test of its own, in packets made here.

After them, what some of the lessons mean in a log, event by event.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import replace as other
from pathlib import Path
from typing import Any

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Report
from scapy.layers.dns import DNS
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6MLReport2, ICMPv6ND_RS, IPv6
from scapy.layers.l2 import ARP, GRE, Ether
from scapy.layers.mobileip import MobileIP, MobileIPTunnelData
from scapy.packet import Packet, Raw

from making.files import RAW, SLL, SLL2, Device, Record, pcap, pcapng
from making.packets import (
    COA,
    GATEWAY,
    IHA,
    IHOA,
    KEY,
    NODE_MAC,
    OUTSIDE,
    SERVER,
    TIA,
    VPN,
    XHA,
    XHOA,
    dhcp,
    esp,
    ike,
    into,
    out,
    reply,
    request,
    signed,
    sll,
    sll2,
    user,
)

CONFIG = f"""[site]
iha = "{IHA}"
xha = "{XHA}"
vpn = "{VPN}"
ihoa = "{IHOA}"
xhoa = "{XHOA}"
internal = ["10.0.0.0/8"]
tunnels = ["xmip", "ipsec0", "imip"]
[parameters]
t_reregister = "3s"
t_stop = "6.1s"
t_detection = "3s"
[[mn_ha_key]]
agent = "iha"
spi = 256
algorithm = "hmac-md5"
key = "i-ha-key"
"""
DEVICES = [Device(name, 1, 9) for name in ("eth0", "wlan0")] + [Device(n, RAW, 9) for n in ("imip", "ipsec0", "xmip")]
ETH0, WLAN0, IMIP, IPSEC0, XMIP = range(5)
XKEY = other(KEY, agent="xha", spi=512)
"""The site does not know it."""
SECOND_MAC = "02:00:00:00:00:02"
MS = 10**6

Shown = tuple[float, bytes] | tuple[float, bytes, int]
"""Milliseconds, a frame, and the device where it is not eth0."""
Judge = Callable[..., Report]


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """Check a capture of (milliseconds, frame[, device]), in file order, or one that is made already."""

    def run(*frames: Shown, file: bytes = b"") -> Report:
        capture, config = tmp_path / "capture.pcapng", tmp_path / "site.toml"
        records = [Record(int(f[0] * MS), f[1], f[2] if len(f) > 2 else ETH0) for f in frames]
        capture.write_bytes(file or pcapng(records, DEVICES))
        config.write_text(CONFIG, "utf-8")
        return check([str(capture)], config=str(config))

    return run


def found(report: Report) -> list[tuple[str, int | None, str | None]]:
    """Rule, frame and interface of the violations."""
    return [(v.rule, v.at.frame, v.interface) for v in report.violations]


def plain(source: str = COA) -> Packet:
    """User data in clear, as access mode c sends it."""
    return IP(src=source, dst=IHA) / user(IHOA, SERVER)


def leased(coa: str = COA, start: float = 0.0, mac: str = NODE_MAC, device: int = ETH0) -> list[Shown]:
    kinds = ("discover", "offer", "request", "ack")
    return [(start + n, dhcp(kind, coa, int(start) + 1, mac), device) for n, kind in enumerate(kinds)]


def asked(
    coa: str = COA, start: float = 10.0, number: int = 0xA0, mac: str = NODE_MAC, device: int = ETH0
) -> list[Shown]:
    """Both agents are asked at once, the i-HA with identification `number`, the x-HA with the next."""
    inside = signed(request(coa, id=number), KEY)
    outside = request(coa, XHA, XHA, XHOA, id=number + 1)
    return [(start, out(inside, mac), device), (start + 0.1, out(outside, mac), device)]


def accepted(coa: str = COA, at: float = 20.0, number: int = 0xA0, **fields: Any) -> tuple[float, bytes]:
    return at, into(signed(reply(coa, id=number, **fields), KEY))


def x_accepted(coa: str = COA, at: float = 21.0, number: int = 0xA1, **fields: Any) -> tuple[float, bytes]:
    return at, into(signed(reply(coa, XHA, XHOA, id=number, **fields), XKEY))


def x_left(at: float = 30.0) -> tuple[float, bytes]:
    return at, out(request(COA, XHA, XHA, XHOA, id=0xAF, lifetime=0))


INSIDE: list[Shown] = [*leased(), *asked(), accepted(), x_accepted(), x_left()]
"""Inside, and the x-HA is left; 50 ms and later, plaintext is fine."""
SEARCHING: list[Shown] = [*leased(OUTSIDE), *asked(OUTSIDE)]
"""Outside, nothing answered yet: no user data at all is fine."""


def test_lesson_1_frames_are_not_in_order_of_time(judge: Judge) -> None:
    """Devices are written one by one: what was answered before stands after, and so does the first offender."""
    early = [(50, out(plain())), *INSIDE]
    assert (judge(*early).verdict, found(judge(*early))) == ("conformant", [])
    moved = leased(OUTSIDE, 100, SECOND_MAC, WLAN0)
    late = [
        *INSIDE,
        *moved,
        (300, out(plain(OUTSIDE), SECOND_MAC), WLAN0),
        (200, out(plain(OUTSIDE), SECOND_MAC), WLAN0),
    ]
    assert {(rule, frame) for rule, frame, _ in found(judge(*late))} == {("I1", len(late)), ("S1", len(late))}


def test_lesson_2_offload_leaves_checksums_and_lengths_wrong(judge: Judge) -> None:
    """A reply that is discarded for its checksum is missed; segments are larger than any link carries."""
    wrong = []
    for at, frame, *device in INSIDE:
        data = bytearray(frame)
        data[24:26] = b"\xde\xad"  # of IP
        if data[23] == 17:
            data[40:42] = b"\xbe\xef"  # of UDP
        wrong.append((at, bytes(data), *device))
    segment = IP(src=COA, dst=IHA) / IP(src=IHOA, dst=SERVER) / TCP(dport=80) / Raw(b"x" * 14_000)
    unset = bytearray(out(segment))
    unset[16:18] = b"\0\0"
    report = judge(*wrong, (50, out(segment)), (51, bytes(unset)))
    assert report.verdict == "conformant"
    assert next(r.kept for r in report.rules if r.id == "D1") == 2


def test_lesson_3_a_packet_appears_on_every_device_that_it_passes(judge: Judge) -> None:
    """Only what is on the physical one is exposed; inside the tunnels plaintext is as it should be."""
    ready = [*SEARCHING, x_accepted(OUTSIDE)]
    ready += [(at, out(signed(request(OUTSIDE, id=at), KEY))) for at in (1000, 2000, 3000)]
    exchange = IP(src=OUTSIDE, dst=XHA) / ike(XHOA, VPN)
    up = [(3100, bytes(ike(XHOA, VPN)), XMIP), (3100.1, out(exchange))]
    inner = signed(request(TIA, id=0xB0), KEY)
    up += [(3200, bytes(inner), IPSEC0), (3200.2, out(IP(src=OUTSIDE, dst=XHA) / esp(XHOA, VPN)))]
    up += [(3210, bytes(signed(reply(TIA, id=0xB0), KEY)), IPSEC0)]
    one = [
        (3300, bytes(user(IHOA, SERVER)), IMIP),
        (3300.1, bytes(IP(src=TIA, dst=IHA) / user(IHOA, SERVER)), IPSEC0),
        (3300.2, bytes(esp(XHOA, VPN)), XMIP),
        (3300.3, out(IP(src=OUTSIDE, dst=XHA) / esp(XHOA, VPN))),
    ]
    report = judge(*ready, *up, *one)
    assert (report.verdict, found(report)) == ("conformant", [])
    assert "eth0: user data left as access mode cvc or cvf (2)" in report.notes  # ESP before: it held the request
    exposed = judge(*ready, *up, *one[:3], (3300.3, out(IP(src=OUTSIDE, dst=XHA) / user(IHOA, SERVER))))
    assert {(rule, interface) for rule, _, interface in found(exposed)} == {("D1", "eth0")}


@pytest.mark.parametrize("linktype", [SLL, SLL2])
@pytest.mark.parametrize("nano", [False, True])
def test_lesson_4_cooked_captures_name_no_interface(judge: Judge, linktype: int, nano: bool) -> None:
    """The node's addresses tell its interfaces apart, where not even an index does; stamps come in both units."""

    def cooked(frame: bytes, index: int) -> bytes:
        packet = Ether(frame)
        kind = 4 if packet.src in (NODE_MAC, SECOND_MAC) else 1 if packet.dst == "ff:ff:ff:ff:ff:ff" else 0
        return (
            sll(packet.payload, kind, packet.src) if linktype == SLL else sll2(packet.payload, kind, packet.src, index)
        )

    frames = [(at, cooked(frame, 2)) for at, frame, *_ in INSIDE]
    frames += [(at, cooked(frame, 3)) for at, frame, *_ in leased(OUTSIDE, 100, SECOND_MAC)]
    frames += [(150, cooked(out(plain()), 2))]
    fine = pcap([Record(int(at * MS), frame) for at, frame in frames], linktype, nano=nano)
    assert judge(file=fine).verdict == "conformant"
    frames += [(200, cooked(out(plain(OUTSIDE), SECOND_MAC), 3))]
    wrong = pcap([Record(int(at * MS), frame) for at, frame in frames], linktype, nano=nano)
    name = "if0.1" if linktype == SLL else "if3"
    assert ("I1", len(frames), name) in found(judge(file=wrong))


def test_lesson_5_the_innermost_header_is_not_the_one_that_matters(judge: Judge) -> None:
    """A key exchange with the gateway, in IP-in-IP to the x-HA: it runs from the x-HoA, over the x-HA's tunnel."""
    ready = [*SEARCHING, x_accepted(OUTSIDE)]
    through = [*ready, (3100, out(IP(src=OUTSIDE, dst=XHA) / ike(XHOA, VPN)))]
    assert {r.status for r in judge(*through).rules if r.id in ("V3", "V4")} == {"held"}
    directly = [*ready, (3100, out(ike(OUTSIDE, VPN)))]
    assert found(judge(*directly))[0] == ("V4", len(directly), "eth0")


def test_lesson_6_icmp_quotes_and_the_kernel_retransmits(judge: Judge) -> None:
    """What an ICMP error quotes is nobody's registration or data; a segment that the kernel sends once more is data."""
    error = ICMP(type=3, code=13)
    quotes = [
        (40, into(IP(src=GATEWAY, dst=OUTSIDE) / error / Raw(bytes(request(OUTSIDE, id=0xC0))))),
        (41, into(IP(src=GATEWAY, dst=OUTSIDE) / error / Raw(bytes(signed(reply(OUTSIDE, id=0xA0), KEY))))),
        (42, out(IP(src=OUTSIDE, dst=SERVER) / error / Raw(bytes(plain(OUTSIDE))))),
    ]
    report = judge(*SEARCHING, *quotes)
    assert found(report) == [] and report.set_aside["icmp error"] == 3
    segment = out(IP(src=IHOA, dst=SERVER) / TCP(sport=4000, dport=80, flags="PA") / Raw(b"upload"))
    gone = [*INSIDE, (50, out(plain())), *((t, out(signed(request(id=0xD0 + t), KEY))) for t in (3010, 4010, 5010))]
    frames = [*gone, (6200, segment)]
    assert found(judge(*frames))[0] == ("M2", len(frames), "eth0")


FORMS: dict[str, Packet] = {
    "ip-in-ip": plain(OUTSIDE),
    "gre": IP(src=OUTSIDE, dst=IHA) / GRE() / user(IHOA, SERVER),
    "udp 434": IP(src=OUTSIDE, dst=XHA) / UDP(sport=5000, dport=434) / MobileIP(type=4) / MobileIPTunnelData(nexthdr=4)
    / user(IHOA, SERVER),
    "bare": user(IHOA, SERVER),
    "from the care-of address": user(OUTSIDE, SERVER),
    "later fragment": IP(src=IHOA, dst=SERVER, proto=17, frag=185) / Raw(b"x" * 80),
    "later fragment of a tunnel": IP(src=OUTSIDE, dst=IHA, proto=4, frag=185) / Raw(b"x" * 80),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_lesson_7_plaintext_takes_many_forms(judge: Judge, form: str) -> None:
    frames = [*SEARCHING, (50, out(FORMS[form]))]
    assert found(judge(*frames))[0] == ("D1", len(frames), "eth0")


def test_lesson_7_bare_packets_are_normal_with_a_foreign_agent(judge: Judge) -> None:
    extension = bytes([16, 10]) + struct.pack("!HHH", 1, 600, 0x9100) + bytes(map(int, GATEWAY.split(".")))
    advert = IP(src=GATEWAY, dst="224.0.0.1", ttl=1, proto=1) / Raw(
        struct.pack("!BBHBBH", 9, 0, 0, 0, 2, 3) + extension
    )
    inside = signed(request(IHOA, GATEWAY, coa=GATEWAY, flags=0x02, id=0xA0), KEY)
    outside = request(XHOA, GATEWAY, XHA, XHOA, coa=GATEWAY, flags=0x02, id=0xA1)
    frames = [
        (0, into(advert)),
        (10, out(inside)),
        (10.1, out(outside)),
        (20, into(signed(reply(IHOA, id=0xA0, source=GATEWAY), KEY))),
        (50, out(user(IHOA, SERVER))),
    ]
    assert (judge(*frames).verdict, found(judge(*frames))) == ("conformant", [])
    assert {rule for rule, *_ in found(judge(*frames[:3], frames[4]))} == {"D1", "S1"}


def test_lesson_8_replies_are_matched_by_identification_and_interface(judge: Judge) -> None:
    """Home address and home agent are the same directly and through the VPN; rejections come late, or echo."""
    through = [*SEARCHING, (15, out(esp(OUTSIDE, VPN))), (16, bytes(signed(request(TIA, id=0xB0), KEY)), IPSEC0)]
    through += [(20, bytes(signed(reply(TIA, id=0xB0), KEY)), IPSEC0), (50, out(plain(OUTSIDE)))]
    assert ("D1", len(through), "eth0") in found(judge(*through))
    elsewhere = [*SEARCHING, *leased(COA, 5, SECOND_MAC, WLAN0)]
    elsewhere += [(20, into(signed(reply(OUTSIDE, id=0xA0), KEY), SECOND_MAC), WLAN0), (50, out(plain(OUTSIDE)))]
    assert ("D1", len(elsewhere), "eth0") in found(judge(*elsewhere))

    late = into(reply(COA, id=0x99, code=78, lifetime=0, source=GATEWAY))
    again = (15, out(signed(request(id=0xA0), KEY)))  # byte for byte
    echo = (16, into(signed(reply(id=0xA0, code=133, lifetime=0), KEY)))
    fine = [*leased(), *asked(), again, accepted(), x_accepted(), x_left(), (45, late), (50, out(plain()))]
    assert (judge(*fine).verdict, found(judge(*fine))) == ("conformant", [])
    rejected = [*leased(), *asked(), again, echo, x_accepted(), (50, out(plain()))]
    assert found(judge(*rejected))[0] == ("D1", len(rejected), "eth0")


def test_lesson_9_the_external_home_agent_answers_from_inside_as_well(judge: Judge) -> None:
    """Through the firewall's NAT: its reply alone proves nothing."""
    frames = [*leased(), *asked(), x_accepted(), (50, out(plain()))]
    assert found(judge(*frames))[0] == ("D1", len(frames), "eth0")
    assert judge(*INSIDE, (50, out(plain()))).verdict == "conformant"


def test_lesson_10_a_withdrawal_follows_at_once_and_data_runs_past_a_lifetime(judge: Judge) -> None:
    left = (400, out(signed(request(id=0xA5, lifetime=0), KEY)))
    over = [*INSIDE, (50, out(plain())), left, accepted(COA, 410, 0xA5, lifetime=0), (9000, into(ARP(op=2)))]
    assert (judge(*over).verdict, found(judge(*over))) == ("conformant", [])
    short = [*leased(), *asked(), accepted(lifetime=1), x_accepted(), x_left(), (50, out(plain()))]
    pending = [*short, (2900, out(signed(request(id=0xA6, lifetime=1), KEY))), (2950, out(plain()))]
    assert (judge(*pending).verdict, found(judge(*pending))) == ("conformant", [])


def test_lesson_11_movement_shows_as_dhcp_or_as_an_address_or_not_at_all(judge: Judge) -> None:
    by_dhcp = [*INSIDE, *leased(OUTSIDE, 100), (150, out(plain(OUTSIDE)))]
    assert {rule for rule, *_ in found(judge(*by_dhcp))} == {"D1", "S1"}
    by_request = [*INSIDE, *asked(OUTSIDE, 100, 0xB0), (150, out(plain(OUTSIDE)))]
    assert {rule for rule, *_ in found(judge(*by_request))} == {"D1", "S1"}
    same_address = [*INSIDE, *leased(COA, 100), (150, out(plain()))]  # a renewal, for all that this shows
    assert found(judge(*same_address)) == []
    silent = [*INSIDE, (3010, out(signed(request(id=0xA7), KEY))), (6000, out(plain())), (6150, out(plain()))]
    assert found(judge(*silent)) == [("M2", len(silent), "eth0")]


def test_lesson_12_what_keeps_a_link_going_is_no_user_data(judge: Judge) -> None:
    """On any device, before detection has ended, and while nothing else may go out."""
    solicitation = IPv6(src="fe80::1", dst="ff02::2") / ICMPv6ND_RS()
    listeners = IPv6(src="fe80::1", dst="ff02::16") / ICMPv6MLReport2()
    link: Sequence[Packet] = (
        ARP(psrc=OUTSIDE, pdst="203.0.113.1"),
        solicitation,
        listeners,
        IP(src=OUTSIDE, dst="224.0.0.251") / UDP(sport=5353, dport=5353) / DNS(),
        IP(src=OUTSIDE, dst="239.255.255.250") / UDP(sport=4000, dport=1900) / Raw(b"M-SEARCH * HTTP/1.1"),
    )
    frames = [*SEARCHING, *((30 + n, out(packet)) for n, packet in enumerate(link))]
    frames += [(40, bytes(solicitation), IMIP), (41, bytes(listeners), XMIP)]
    report = judge(*frames)
    assert found(report) == [] and next(r.exercised for r in report.rules if r.id == "S1") == 0
    assert report.set_aside == {"dhcp": 4, "arp": 1, "ipv6": 2, "mdns": 1, "ssdp": 1, "tunnel interface": 2}


# The same in logs.

SITE = """mipcheck-trace 1
site iha=10.1.0.2 xha=198.51.100.2 vpn=192.0.2.1 ihoa=10.1.0.100 xhoa=198.51.100.100 t_reregister=3s t_stop=6.1s
0.0 eth0 link state=up
0.1 eth0 coa kind=colocated addr=10.1.7.20
"""
ASKED = """0.2 eth0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=10 id=0xa1
0.3 eth0 rrq to=xha path=direct coa=10.1.7.20 flags=DT lifetime=10 id=0xa2
"""
ACCEPTED = "0.4 eth0 rrp from=iha path=direct code=0 lifetime=10 id=0xa1 auth=ok\n"
X_ACCEPTED = "0.5 eth0 rrp from=xha path=direct code=0 lifetime=10 id=0xa2 auth=ok\n"
DATA = "{} eth0 data dir=out protection=none bytes=900 stack=ip/ip\n"

Replay = Callable[..., Report]


@pytest.fixture
def replay(tmp_path: Path) -> Replay:
    def run(*lines: str) -> Report:
        log = tmp_path / "trace.log"
        log.write_text(SITE + "".join(lines), "utf-8")
        return check([log])

    return run


def broken(report: Report) -> set[str]:
    return {v.rule for v in report.violations}


def test_a_reply_counts_on_the_interface_of_its_request(replay: Replay) -> None:
    """Direct and through the VPN, home address and home agent are the same: identification and path tell them apart."""
    vpn = "0.25 eth0 sa state=up\n0.3 eth0 rrq to=iha path=vpn coa=10.9.9.9 flags=DT lifetime=10 id=0xa3\n"
    asked = ASKED.splitlines(keepends=True)[0] + vpn
    through = "0.4 eth0 rrp from=iha path=vpn code=0 lifetime=10 id=0xa3 auth=ok\n"
    assert "D1" in broken(replay(asked, through, DATA.format("0.6")))
    elsewhere = ACCEPTED.replace("eth0", "wlan0")
    assert "D1" in broken(replay(ASKED, "0.35 wlan0 link state=up\n", elsewhere, X_ACCEPTED, DATA.format("0.6")))
    assert broken(replay(ASKED, ACCEPTED, DATA.format("0.6"))) == set()


def test_a_late_rejection_of_an_older_request_changes_nothing(replay: Replay) -> None:
    late = "0.5 eth0 rrp from=iha path=direct code=78 lifetime=0 id=0x99 auth=absent\n"
    assert broken(replay(ASKED, ACCEPTED, late, DATA.format("0.6"))) == set()


def test_identical_retransmissions_are_answered_together(replay: Replay) -> None:
    """The reply may answer any of them: what it proves is as old as the first at most, as the last at least."""
    again = "1.2 eth0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=10 id=0xa1\n"
    answer = ACCEPTED.replace("0.4", "1.3")
    renew = "4.0 eth0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=10 id=0xa4\n"
    assert broken(replay(ASKED, again, answer, renew, DATA.format("6.3"))) == set()
    unclear = replay(ASKED, again, answer, renew, DATA.format("7.3"))
    assert (unclear.verdict, broken(unclear)) == ("inconclusive", set())
    assert broken(replay(ASKED, again, answer, renew, DATA.format("7.301"))) == {"M2"}


def test_a_133_with_the_same_identification_is_no_success(replay: Replay) -> None:
    mismatch = ACCEPTED.replace("code=0", "code=133")
    assert "D1" in broken(replay(ASKED, mismatch, X_ACCEPTED, DATA.format("0.6")))


def test_the_external_home_agent_proves_nothing(replay: Replay) -> None:
    """It answers from inside as well, through the firewall."""
    assert broken(replay(ASKED, X_ACCEPTED, DATA.format("0.6"))) == {"D1"}
    assert broken(replay(ASKED, X_ACCEPTED, ACCEPTED.replace("0.4", "0.6"), DATA.format("0.7"))) == set()


def test_a_withdrawal_may_follow_at_once(replay: Replay) -> None:
    """And ends what is owed; its reply is no registration."""
    leave = "0.9 eth0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=0 id=0xa5\n"
    left = "1.0 eth0 rrp from=iha path=direct code=0 lifetime=0 id=0xa5 auth=ok\n"
    assert broken(replay(ASKED, ACCEPTED, leave, left, "30.0 eth0 link state=down\n")) == set()


def test_data_may_run_past_a_lifetime_while_a_refresh_is_pending(replay: Replay) -> None:
    asked, accepted = ASKED.replace("lifetime=10", "lifetime=2"), ACCEPTED.replace("lifetime=10", "lifetime=2")
    refresh = "2.1 eth0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=2 id=0xa6\n"
    assert broken(replay(asked, accepted, refresh, DATA.format("2.6"))) == set()


def test_movement_shows_as_a_new_care_of_address(replay: Replay) -> None:
    """A capture shows no link event; a move that shows as nothing is bounded by t_stop alone."""
    moved = "1.0 eth0 coa kind=colocated addr=203.0.113.20\n"
    assert {"D1", "S1"} <= broken(replay(ASKED, ACCEPTED, moved, DATA.format("1.1")))
    asked = "3.3 eth0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=10 id=0xa7\n"
    assert broken(replay(ASKED, ACCEPTED, asked, DATA.format("6.2"))) == set()
    assert broken(replay(ASKED, ACCEPTED, asked, DATA.format("6.4"))) == {"M2"}
