"""One packet on several devices of a machine counts once, as what it was on the wire."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from mipcheck.checker.capture import Source, read_captures
from mipcheck.checker.capture.node.devices import COPY
from scapy.layers.inet import IP
from scapy.layers.l2 import Dot1Q, Ether

from making.files import RAW, Device, Record, pcap, pcapng
from making.packets import COA, IHA, IHOA, SERVER, SITE, into, lease, out, reply, request, user
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


@pytest.mark.parametrize(("name", "exposed"), [("tun0", False), ("imip", False), ("wwan0", True), ("x7", True)])
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
