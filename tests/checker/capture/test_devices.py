"""One packet on several devices of a machine counts once, as what it was on the wire."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from mipcheck.checker.capture import Capture, Source, read_captures
from mipcheck.checker.capture.node.devices import COPY
from mipcheck.checker.capture.node.raw import UNDECIDED
from scapy.layers.inet import IP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

from making.files import RAW, Device, Record, pcap, pcapng
from making.packets import (
    COA,
    IHA,
    IHOA,
    OUTSIDE,
    SERVER,
    SITE,
    XHA,
    XHOA,
    esp,
    ike,
    into,
    lease,
    out,
    reply,
    request,
    user,
)
from making.reading import brief, read

SESSION = [*lease(), out(request()), into(reply()), out(IP(src=COA, dst=IHA) / user(IHOA, SERVER))]
EXPECTED = [
    ("link", "up"),
    ("coa", "colocated"),
    ("rrq", "iha", "direct"),
    ("rrp", "iha", "direct"),
    ("data", "out", "none"),
]


def tagged(frame: bytes) -> bytes:
    packet = Ether(frame)
    return bytes(Ether(src=packet.src, dst=packet.dst) / Dot1Q(vlan=100, type=0x0800) / packet.payload)


def doubled(upper: str, below: bool) -> list[Record]:
    """What leaves shows on the upper device first, what arrives on the lower one."""
    records = []
    for at, frame in enumerate(SESSION):
        sent = frame[6:12] == b"\2\0\0\0\0\1"
        pair = [Record(at * 1000, tagged(frame) if "." in upper else frame, 0), Record(at * 1000 + 5, frame, 1)]
        if sent:
            pair = [Record(at * 1000, frame, 1), Record(at * 1000 + 5, pair[0].data, 0)]
        records += pair
    return records if below else [Record(r.time, r.data, 1 - r.interface) for r in records]


@pytest.mark.parametrize("upper", ["br0", "bond0", "eth0.100", "uplink"])
@pytest.mark.parametrize("below", [True, False])
def test_what_lies_above_an_interface_shows_it_once_more(upper: str, below: bool) -> None:
    """Whichever of both the file has first."""
    devices = [Device("eth0"), Device(upper)] if below else [Device(upper), Device("eth0")]
    capture = read(pcapng(doubled(upper, below), devices))
    assert brief(capture.events) == [("eth0", *rest) for rest in EXPECTED]
    assert capture.set_aside[COPY] == len(SESSION)
    assert capture.notes == (f"{upper} shows the packets of eth0 once more: they count there only",)


def test_two_recordings_of_one_interface() -> None:
    """One of them begins later and lost something."""
    first = [Record(at * 1000, frame) for at, frame in enumerate(SESSION)]
    second = [Record(r.time + 7, r.data) for at, r in enumerate(first) if at > 3 and at != 5]
    sources = [Source(io.BytesIO(pcap(r)), f"{n}.pcap", 0, n) for n, r in (("a", first), ("b", second))]
    _, events = read_captures(sources, SITE)
    assert brief(events) == [("a", *rest) for rest in EXPECTED]


def test_two_interfaces_are_not_one() -> None:
    """The same link address is not enough: the packets have to be the same, too."""
    other = [Record(r.time + 50 * 10**6, r.data, 1) for r in doubled("wlan0", True) if r.interface == 0]
    capture = read(
        pcapng([r for r in doubled("wlan0", True) if r.interface == 0] + other, [Device("eth0"), Device("w")])
    )
    assert brief(capture.events) == [(name, *rest) for name in ("eth0", "w") for rest in EXPECTED]


@pytest.mark.parametrize(("name", "exposed"), [("tun0", False), ("imip", False), ("wwan0", True)])
def test_a_tunnel_device_that_no_site_lists(name: str, exposed: bool) -> None:
    records = [Record(i, frame) for i, frame in enumerate(SESSION)]
    records.append(Record(90, bytes(user(IHOA, SERVER)), 1))
    capture = read(pcapng(records, [Device("eth0"), Device(name, RAW)]), replace(SITE, tunnels=()))
    assert brief(capture.events) == [
        *(("eth0", *rest) for rest in EXPECTED),
        *[(name, "data", "out", "none")] * exposed,
    ]
    taken = "taken for physical; list it under tunnels" if exposed else "taken for tunnel devices by their names"
    assert any(note.startswith(f"{name}: raw IP, {taken}") for note in capture.notes)


def beside_ethernet(ethernet: list[bytes], raw: list[bytes], step: int = 10**6) -> Capture:
    """A capture of eth0 and of a device x7 with raw IP that no site lists; each packet of x7 is followed by one of
    eth0, of those that begin a session."""
    first = [Record(n * 10**8, frame) for n, frame in enumerate(SESSION[:-1])]
    then = [Record(10**9 * (n + 1) + step, frame) for n, frame in enumerate(ethernet)]
    other = [Record(10**9 * (n + 1), frame, 1) for n, frame in enumerate(raw)]
    devices = [Device("eth0"), Device("x7", RAW)]
    return read(pcapng([*first, *sorted([*then, *other])], devices), replace(SITE, tunnels=()))


PLAIN = [bytes(user(IHOA, SERVER))] * 4


def test_raw_ip_that_may_be_a_tunnel_or_a_modem() -> None:
    """What is in clear there accuses nobody, and acquits nobody."""
    capture = beside_ethernet([], PLAIN)
    assert brief(capture.events) == [("eth0", *rest) for rest in EXPECTED[:-1]]
    assert [hole.partition(":")[2].split(",")[0] for hole in capture.holes] == [" x7 is raw IP"]
    assert capture.set_aside[UNDECIDED] == len(PLAIN)


@pytest.mark.parametrize("form", ["ip", "esp"])
def test_raw_ip_whose_packets_are_seen_inside_others_is_a_tunnel(form: str) -> None:
    inner = user(IHOA, SERVER)
    around = IP(src=COA, dst=IHA) / inner if form == "ip" else esp(COA, "192.0.2.1") / Raw(bytes(80))
    capture = beside_ethernet([out(around)] * 4, PLAIN)
    assert {e.interface for e in capture.events} == {"eth0"}
    assert capture.holes == ()
    assert any(note.startswith("x7: raw IP, taken for tunnel devices: others show") for note in capture.notes)


def test_raw_ip_with_packets_of_its_own_beside_others_is_no_tunnel_for_that() -> None:
    """They are not there at the same time."""
    capture = beside_ethernet([out(IP(src=COA, dst=IHA) / user(IHOA, SERVER))] * 4, PLAIN, step=10**8)
    assert len(capture.holes) == 1


@pytest.mark.parametrize(
    "shown",
    [
        bytes(request(OUTSIDE, XHA, XHA, XHOA)),
        bytes(esp(OUTSIDE, "192.0.2.1")),
        bytes(ike(OUTSIDE, "192.0.2.1")),
    ],
    ids=["x-HA", "esp", "ike"],
)
def test_raw_ip_where_tunnels_begin_is_a_modem(shown: bytes) -> None:
    capture = beside_ethernet([], [shown, *PLAIN])
    plain = [e for e in capture.events if e.interface == "x7" and e.args.get("protection") == "none"]
    assert len(plain) == len(PLAIN)
    assert capture.holes == ()
    assert any(note.startswith("x7: raw IP, taken for physical") for note in capture.notes)
