"""What the first packets of an interface show: that it has just come up, or nothing."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from mipcheck.checker.capture.bulk import read as bulk
from mipcheck.checker.capture.read import Source, read_captures
from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Report
from mipcheck.checker.site.site import Site
from mipcheck.model.values.event import Event
from scapy.layers.inet import IP
from scapy.layers.inet6 import (
    ICMPv6MLReport2,
    ICMPv6ND_NS,
    ICMPv6ND_RS,
    IPv6,
    IPv6ExtHdrHopByHop,
    RouterAlert,
)
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw

from making.files import Device, Record, pcap, pcapng
from making.packets import (
    COA,
    GATEWAY,
    IHA,
    IHOA,
    KEY,
    NODE_MAC,
    OUTSIDE,
    PEER_MAC,
    SECOND,
    SERVER,
    SITE,
    TIA,
    XHOA,
    dhcp,
    lease,
    out,
    reply,
    request,
    signed,
    user,
)
from making.reading import brief
from making.signalling import advert, bootp

OTHER_MAC = "02:00:00:00:00:77"
LOCAL, GLOBAL = "fe80::1:2ff:fe03:4", "2001:db8::5"


def group(packet: Packet, mac: str = NODE_MAC) -> bytes:
    """Return a frame to a group of IPv6."""
    return bytes(Ether(src=mac, dst="33:33:ff:03:00:04") / packet)


def broadcast(packet: Packet, mac: str = NODE_MAC) -> bytes:
    return bytes(Ether(src=mac, dst="ff:ff:ff:ff:ff:ff") / packet)


def dad(target: str = LOCAL, mac: str = NODE_MAC) -> bytes:
    """Return a neighbour solicitation by which a host asks whether anybody has its address."""
    return group(IPv6(src="::", dst="ff02::1:ff03:4", hlim=255) / ICMPv6ND_NS(tgt=target), mac)


def announcement(address: str, mac: str = NODE_MAC, sender: str = "") -> bytes:
    return broadcast(ARP(op=1, hwsrc=sender or mac, psrc=address, pdst=address), mac)


def probe(address: str, mac: str = NODE_MAC) -> bytes:
    return broadcast(ARP(op=1, hwsrc=mac, psrc="0.0.0.0", pdst=address), mac)


ROUTERS = group(IPv6(src="::", dst="ff02::2", hlim=255) / ICMPv6ND_RS())
ROUTERS_AGAIN = group(IPv6(src=LOCAL, dst="ff02::2", hlim=255) / ICMPv6ND_RS())
GROUPS = group(IPv6(src="::", dst="ff02::16", hlim=1) / IPv6ExtHdrHopByHop(options=[RouterAlert()]) / ICMPv6MLReport2())


def asked_for(seconds: int) -> bytes:
    """Return a DHCP discover of a client that says for how long it has asked."""
    frame = dhcp("discover")
    at = frame.index(b"\x63\x82\x53\x63") - 228
    return frame[:at] + seconds.to_bytes(2) + frame[at + 2 :]


REBOOT = bootp([("message-type", "request"), ("requested_addr", COA)], op=1)
PLAIN = out(IP(src=COA, dst=IHA) / user(IHOA, SERVER))
BEGINNINGS = {
    "dad": [dad()],
    "groups and dad": [GROUPS, dad()],
    "routers": [ROUTERS],
    "routers, then a lease": [ROUTERS_AGAIN, dhcp("discover")],
    "probe": [probe(COA)],
    "announcement": [announcement(COA)],
    "discover": [dhcp("discover")],
    "discover of one whose servers drop 0": [asked_for(1)],
    "reboot": [REBOOT],
    "let in first": [bytes(Ether(src=NODE_MAC, dst="01:80:c2:00:00:03", type=0x888E) / Raw(b"\1\1\0\0")), dad()],
    "others first": [
        dad(mac=OTHER_MAC),
        broadcast(IP(src=GATEWAY, dst="10.1.1.255"), PEER_MAC),
        announcement(GATEWAY, PEER_MAC),
        dad(),
    ],
}
"""Frames of which the last shows that the link has come up."""


def both(frames: Sequence[bytes], site: Site = SITE, known: bool = True) -> list[Event]:
    """Return the events of a capture, read frame by frame and in columns; the node is known by a request at its end."""
    after = [out(request(id=9))] if known else []
    data = pcap([Record(n * SECOND, frame) for n, frame in enumerate([*frames, *after])])
    _, slow = read_captures([Source(io.BytesIO(data), "x", 0, "eth0")], site)
    _, fast, _ = bulk.read_bulk([Source(io.BytesIO(data), "x", 0, "eth0")], site, None, False)
    assert list(fast) == slow
    return slow[: len(slow) - len(after)] if len(slow) and slow[-1].kind == "rrq" else slow


def ups(frames: Sequence[bytes], site: Site = SITE) -> list[int | None]:
    """Return the frames that show a link to have come up."""
    return [e.at.frame for e in both(frames, site) if e.kind == "link"]


@pytest.mark.parametrize("name", BEGINNINGS)
def test_the_first_that_is_seen_of_an_interface(name: str) -> None:
    frames = BEGINNINGS[name]
    assert ups([*frames, PLAIN]) == [len(frames)]


@pytest.mark.parametrize("name", BEGINNINGS)
@pytest.mark.parametrize(
    "before",
    [PLAIN, out(ARP(psrc=COA, pdst=GATEWAY)), dhcp("request", current=COA), out(request(id=3)),
     group(IPv6(src=LOCAL, dst="ff02::fb") / Raw(b"x")), out(IPv6(src=GLOBAL, dst="2001:db8:1::1") / Raw(b"x")),
     bytes(Ether(src=PEER_MAC, dst=NODE_MAC) / IP(src=SERVER, dst=COA) / Raw(b"x"))],
)  # fmt: skip
def test_in_mid_trace_it_shows_nothing(name: str, before: bytes) -> None:
    assert ups([before, *BEGINNINGS[name], PLAIN]) == []


@pytest.mark.parametrize(
    "frame",
    [
        dad(mac=OTHER_MAC),
        dad(GLOBAL),  # another address, perhaps of a host that has been there for long
        announcement(COA, OTHER_MAC),
        announcement(COA, OTHER_MAC, NODE_MAC),  # in the node's name
        announcement(COA, NODE_MAC, OTHER_MAC),
        announcement(IHOA),  # on its home link, a node that returns says so
        announcement(XHOA),
        announcement("169.254.3.4"),
        probe(COA, OTHER_MAC),
        dhcp("discover", client=OTHER_MAC),
        dhcp("request", current=COA),
        ROUTERS_AGAIN,  # for as long as no router answers
        asked_for(2),
        asked_for(300),
        bytes(dad()[:54]),
        GROUPS,
        out(IPv6(src="::", dst="2001:db8:1::1") / ICMPv6ND_NS(tgt=LOCAL)),  # to no station of the link
    ],
)
def test_what_others_say_and_what_says_something_else(frame: bytes) -> None:
    assert ups([frame, PLAIN]) == []


def test_on_each_interface_by_itself() -> None:
    records = [Record(0, PLAIN, 0), Record(1, dad(), 1), Record(2, dad(), 0), Record(3, out(request()), 1)]
    data = pcapng(records, [Device("eth0"), Device("wlan0")])
    _, events = read_captures([Source(io.BytesIO(data), "x", 0, "")], SITE)
    assert [(e.interface, e.at.frame) for e in events if e.kind == "link"] == [("wlan0", 2)]


def test_who_announces_its_address_again_and_again_has_not_moved() -> None:
    used = out(ARP(psrc=COA, pdst=GATEWAY))
    assert [e.kind for e in both([used, announcement(COA), PLAIN])] == ["data"]
    assert [e.kind for e in both([announcement(COA), announcement(COA), PLAIN])] == ["link", "coa", "data"]


def test_an_announcement_does_not_end_a_registration_through_an_agent() -> None:
    through = [out(request(COA, GATEWAY, coa=GATEWAY, id=3, flags=0x02))]
    assert [e.kind for e in both([*through, announcement(COA), PLAIN])][:2] == ["rrq", "data"]
    moved = [out(request(id=3)), announcement(OUTSIDE)]
    assert [e.kind for e in both(moved)][:2] == ["rrq", "coa"]


# --- what becomes of it -----------------------------------------------------------------------------------------------

AGENT = "10.1.1.1"
THROUGH = {"source": COA, "target": AGENT, "coa": AGENT}


def registered(at: int, number_: int) -> list[tuple[int, bytes]]:
    """Return a registration through an agent, with its times in seconds."""
    asked, answered = request(**THROUGH, id=number_, flags=0x02), signed(reply(COA, source=AGENT, id=number_), KEY)  # type: ignore[arg-type]
    return [(at, out(asked)), (at, bytes(Ether(src=PEER_MAC, dst=NODE_MAC) / answered))]


def judged(tmp_path: Path, frames: Sequence[tuple[int, bytes]]) -> Report:
    data = pcap([Record(t * SECOND + n * 1000, frame) for n, (t, frame) in enumerate(frames)])
    path, site = tmp_path / "x.pcap", tmp_path / "x.toml"
    path.write_bytes(data)
    names = {"iha": IHA, "xha": "198.51.100.10", "vpn": "192.0.2.1", "ihoa": IHOA, "xhoa": XHOA}
    site.write_text("[site]\n" + "".join(f'{k} = "{v}"\n' for k, v in names.items()) + 'internal = ["10.0.0.0/8"]\n')
    return check(path, config=site)


def status(report: Report, rule: str) -> str:
    return next(r.status for r in report.rules if r.id == rule)


ADVERT = bytes(Ether(src=PEER_MAC, dst=NODE_MAC) / advert([AGENT]))
DATA = out(IP(src=IHOA, dst=SERVER) / Raw(b"x"))


@pytest.mark.parametrize("name", ["dad", "probe", "discover"])
def test_mode_f_from_such_a_start_is_judged(tmp_path: Path, name: str) -> None:
    start = [(0, frame) for frame in BEGINNINGS[name]]
    good = [*start, (1, ADVERT), *registered(2, 1), (3, DATA), *registered(20, 2), (25, DATA)]
    report = judged(tmp_path, good)
    assert report.verdict == "conformant", [v.message for v in report.violations]
    assert {status(report, rule) for rule in ("D1", "I1", "M1", "M2", "S1")} == {"held"}
    early = judged(tmp_path, [*start, (1, DATA), *registered(2, 1)])
    assert {(v.rule, v.at.frame) for v in early.violations} >= {("D1", 2), ("S1", 2)}


def test_mode_f_from_a_late_start_is_not(tmp_path: Path) -> None:
    report = judged(tmp_path, [(0, DATA), (1, ADVERT), *registered(2, 1), (3, DATA), (4, dad()), (5, DATA)])
    assert report.verdict == "inconclusive"
    assert not report.violations


@pytest.mark.parametrize("frame", [ROUTERS_AGAIN, asked_for(64)])
def test_one_that_has_asked_for_long_may_be_registered(tmp_path: Path, frame: bytes) -> None:
    """No router or server answers it, and a foreign agent serves it: the capture began later."""
    report = judged(tmp_path, [(0, frame), (1, DATA), (4, frame), *registered(15, 1), (16, DATA)])
    assert report.verdict == "inconclusive", [v.message for v in report.violations]


def test_one_that_others_fake_accuses_nobody(tmp_path: Path) -> None:
    fakes = [dad(mac=OTHER_MAC), announcement(COA, OTHER_MAC), announcement(COA, OTHER_MAC, NODE_MAC)]
    report = judged(tmp_path, [*((0, f) for f in fakes), (1, DATA), *registered(2, 1), (3, DATA)])
    assert report.verdict == "inconclusive"
    assert not report.violations


def test_a_tunnel_device_has_no_link() -> None:
    records = [Record(0, bytes(IPv6(src="::", dst="ff02::1:ff03:4") / ICMPv6ND_NS(tgt=LOCAL)), 1)]
    records += [Record(n + 1, frame) for n, frame in enumerate(lease())]
    data = pcapng(records, [Device("eth0"), Device("ipsec0", 101)])
    _, events = read_captures([Source(io.BytesIO(data), "x", 0, "")], replace(SITE, tunnels=("ipsec0",)))
    assert brief(events) == [("eth0", "link", "up"), ("eth0", "coa", "colocated")]
    assert TIA not in {e.interface for e in events}
