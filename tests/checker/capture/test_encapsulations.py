"""User data in encapsulations that no specification declares, that cannot be opened, or that a port declares."""

from __future__ import annotations

import io

import pytest
from mipcheck.checker.capture import Source, read_captures
from mipcheck.model.specification.layering import Layering
from mipcheck.model.specification.load import loads
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import GRE
from scapy.packet import Raw

from making.files import Record, pcapng
from making.packets import (
    COA,
    IHA,
    IHOA,
    OVERLAYS,
    SERVER,
    SITE,
    TIA,
    VPN,
    XHA,
    XHOA,
    carried,
    into,
    lease,
    number,
    out,
    reply,
    request,
    user,
)
from making.reading import data, ethernet, read


@pytest.mark.parametrize("name", OVERLAYS)
@pytest.mark.parametrize("snap", [0, 120])
def test_a_packet_is_found_in_any_encapsulation(name: str, snap: int) -> None:
    """No list of tunnels could be complete: the packet inside is looked for, and judged by its addresses."""
    outgoing, incoming = out(carried(name, user(IHOA, SERVER))), into(carried(name, user(SERVER, IHOA)))
    others = out(carried(name, user(XHOA, "198.18.0.9")))
    frames = [*lease(), outgoing, incoming, others]
    records = [Record(i, f[: snap or None] if i > 3 else f, length=len(f)) for i, f in enumerate(frames)]
    capture = read(pcapng(records))
    assert data(capture) == [(5, "out", "none", name), (6, "in", "none", name)]
    assert capture.set_aside["other clear traffic"] == 1


@pytest.mark.parametrize("target", [VPN, XHA, "198.18.0.1"])
def test_an_encapsulation_that_cannot_be_opened_counts_by_whom_it_goes_to(target: str) -> None:
    packet = IP(src=COA, dst=target, proto=99) / Raw(b"E" * 60)
    assert data(ethernet([*lease(), out(packet)])) == [(5, "out", "none", "ip/proto99")] * (target != "198.18.0.1")


def test_a_registration_that_passes_the_gateway_is_not_direct() -> None:
    """Protected or not: it says nothing about where the node is."""
    asked = IP(src=COA, dst=VPN) / UDP(sport=1701, dport=1701) / Raw(b"\0\2\0\1\0\2\xff\3\0\x21") / request(TIA)
    answer = IP(src=VPN, dst=COA) / UDP(sport=1701, dport=1701) / Raw(b"\0\2\0\1\0\2\xff\3\0\x21") / reply(TIA)
    capture = ethernet([*lease(), out(asked), into(answer)])
    assert [(e.kind, e.args.get("path")) for e in capture.events[1:]] == [("coa", None), ("rrq", "vpn"), ("rrp", "vpn")]


def test_what_the_user_carries_is_no_layer() -> None:
    """Inside the packet of the home address, headers are the user's own."""
    own = IP(src=IHOA, dst=SERVER) / GRE() / IP(src="172.16.0.1", dst="172.16.0.2") / ICMP()
    capture = ethernet([*lease(), out(IP(src=COA, dst=IHA) / own), out(own)])
    assert [d[3] for d in data(capture)] == ["ip/ip", "ip"]
    assert {e.args["dst"] for e in capture.events if e.kind == "data"} == {number(SERVER)}


def test_a_layer_may_be_declared_by_its_port() -> None:
    """So that a specification can have another VPN; ESP to the gateway is then no protection any more."""
    text = "spec other layer vpn protects as udp51820 access v = vpn"
    frames = [*lease(), out(IP(src=COA, dst=VPN) / UDP(sport=40000, dport=51820) / Raw(b"w" * 90))]
    frames += [into(IP(src=VPN, dst=COA) / UDP(sport=51820, dport=40000) / Raw(b"w" * 90))]
    frames += [out(IP(src=COA, dst="198.18.0.1") / UDP(sport=40000, dport=51820) / Raw(b"w" * 90))]
    source = Source(io.BytesIO(pcapng([Record(i, f) for i, f in enumerate(frames)])), "t.pcapng")
    (capture,), _ = read_captures([source], SITE, Layering(loads(text)).protected)
    assert data(capture) == [(5, "out", "esp", "ip/udp51820"), (6, "in", "esp", "ip/udp51820")]
    assert data(ethernet(frames)) == []
