"""Captures taken at a home agent: what they show is told in the words of its role, and nothing else is."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from mipcheck.checker.capture.read import Source, read_captures
from mipcheck.checker.check.check import check
from mipcheck.model.values.event import Event
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.mobileip import MobileIP, MobileIPTunnelData
from scapy.packet import Packet, Raw

from making.at_device import (
    CORRESPONDENT,
    ELSEWHERE,
    MS,
    NEAR,
    comes,
    file_of,
    leaves,
    only,
    read_at,
    site,
    told,
    words,
)
from making.packets import IHA, IHOA, KEY, VPN, XHA, XHOA, number, reply, request, signed, user
from making.signalling import long, simple, with_extensions

IHA_SITE, XHA_SITE = site("iha"), site("xha")
OTHER_HOME = "10.1.9.78"


def asked(home: str = IHOA, coa: str = NEAR, id: int = 7) -> Packet:
    return request(coa, IHA, IHA, home, id=id)


def tunnelled(coa: str, inner: Packet, agent: str = IHA) -> Packet:
    """Return a packet in the reverse tunnel from a care-of address."""
    return IP(src=coa, dst=agent) / inner


# --- registrations --------------------------------------------------------------------------------------------------


def test_requests_come_and_replies_leave() -> None:
    frames = [comes(signed(asked(id=7), KEY)), leaves(signed(reply(NEAR, id=7), KEY))]
    capture = read_at(IHA_SITE, frames)
    rrq = only(capture, "rrq").args
    assert (rrq["home"], rrq["coa"], rrq["id"], rrq["lifetime"]) == (number(IHOA), number(NEAR), 7, 60)
    assert (rrq["auth"], rrq["nat"], rrq["udp"], rrq["dynamic"]) == ("ok", "no", "no", "no")
    rrp = only(capture, "rrp").args
    assert (rrp["home"], rrp["code"], rrp["lifetime"], rrp["id"]) == (number(IHOA), 0, 60, 7)


@pytest.mark.parametrize(
    ("packet", "auth"),
    [
        (signed(asked(), KEY), "ok"),
        (signed(asked(), KEY, b"another"), "bad"),
        (asked(), "absent"),
        (signed(asked(), replace(KEY, spi=999)), None),
    ],
)
def test_requests_are_authenticated_and_what_cannot_be_is_not_said(packet: Packet, auth: str | None) -> None:
    assert told(read_at(IHA_SITE, [comes(packet)]), "auth") == [("rrq", auth)]


def test_a_key_may_be_for_one_node_alone() -> None:
    keys = (replace(KEY, home=number(IHOA)), replace(KEY, key=b"of another", home=number(OTHER_HOME)))
    frames = [comes(signed(asked(home), KEY)) for home in (IHOA, OTHER_HOME)]
    assert told(read_at(site("iha", mn_ha_keys=keys), frames), "auth") == [("rrq", "ok"), ("rrq", "bad")]


@pytest.mark.parametrize(("coa", "via"), [(ELSEWHERE, "outside"), (NEAR, "internal")])
def test_the_source_tells_by_which_way_a_request_came(coa: str, via: str) -> None:
    assert only(read_at(IHA_SITE, [comes(asked(coa=coa))]), "rrq").args["via"] == via


def test_without_prefixes_nobody_knows_the_way() -> None:
    assert "via" not in only(read_at(site("iha", internal=()), [comes(asked())]), "rrq").args


def test_what_others_say_in_the_agents_name_is_not_of_the_agent() -> None:
    """A stranger's reply, and its tunnel, have the agent's address as source; but they come, and do not leave."""
    others = [comes(request(NEAR, XHA, XHA, XHOA)), leaves(reply(NEAR, agent=XHA, home=XHOA))]
    bogus = [comes(reply(NEAR, id=1)), comes(IP(src=IHA, dst=ELSEWHERE) / user(CORRESPONDENT, IHOA))]
    capture = read_at(IHA_SITE, [comes(asked(id=7)), leaves(reply(NEAR, id=7)), comes(asked(id=8)), *others, *bogus])
    assert [kind for (kind,) in told(capture)] == ["rrq", "rrp", "rrq"]


def test_a_nat_shows_in_the_source_of_a_colocated_address() -> None:
    through = request("192.0.2.77", IHA, IHA, IHOA, coa=NEAR)
    agents = request("192.0.2.77", IHA, IHA, IHOA, coa=NEAR, flags=0x02)
    assert told(read_at(IHA_SITE, [comes(through), comes(agents)]), "nat") == [("rrq", "yes"), ("rrq", None)]


def test_udp_tunnelling_is_asked_for_and_granted_by_extensions() -> None:
    asks = with_extensions(asked(id=1), bytes.fromhex("9006000000000000"))
    grants, denies = (with_extensions(reply(NEAR, id=1), bytes([44, 6, 0, code, 0, 0, 0, 0])) for code in (0, 64))
    capture = read_at(IHA_SITE, [comes(asks), leaves(grants), leaves(denies), leaves(reply(NEAR, id=1))])
    assert told(capture, "udp") == [("rrq", "yes"), ("rrp", "yes"), ("rrp", "no"), ("rrp", "no")]


def test_a_home_address_that_is_asked_for_is_the_one_that_is_given() -> None:
    frames = [comes(asked("0.0.0.0", id=5)), leaves(reply(NEAR, home=OTHER_HOME, id=5)), comes(asked("0.0.0.0", id=6))]
    capture = read_at(IHA_SITE, frames)
    assert told(capture, "home", "dynamic")[0] == ("rrq", number(OTHER_HOME), "yes")
    assert len(capture.events) == 2  # whose the last request is, nobody can tell


def test_a_message_that_was_cut_short_may_have_been_anything() -> None:
    cut = IP(src=NEAR, dst=IHA) / UDP(sport=434, dport=434) / Raw(bytes([1, 0, 0, 60]))
    capture = read_at(IHA_SITE, [comes(cut)])
    assert told(capture, "home") == [("gap", None)]
    assert capture.holes


# --- packets --------------------------------------------------------------------------------------------------------


def test_packets_are_tunnelled_to_a_care_of_address() -> None:
    frames = [comes(user(CORRESPONDENT, IHOA)), leaves(IP(src=IHA, dst=NEAR) / user(CORRESPONDENT, IHOA))]
    assert told(read_at(IHA_SITE, frames), "home", "coa") == [("tunnel", number(IHOA), number(NEAR))]


@pytest.mark.parametrize(("flags", "to", "tunnels"), [(0x62, NEAR, 0), (0x22, NEAR, 1), (0x62, ELSEWHERE, 1)])
def test_broadcasts_of_the_home_network_go_to_who_asks_for_them(flags: int, to: str, tunnels: int) -> None:
    """RFC 3344 4.3, lines 3659-3677: such an address is nobody's home address."""
    broadcast = IP(src=IHA, dst=to) / user("10.1.0.9", "10.1.255.255")
    capture = read_at(IHA_SITE, [comes(request(NEAR, IHA, IHA, flags=flags)), leaves(reply(NEAR)), leaves(broadcast)])
    assert [e.kind for e in capture.events].count("tunnel") == tunnels


def test_so_they_are_in_udp() -> None:
    inside = MobileIP(type=4) / MobileIPTunnelData(nexthdr=4) / user(CORRESPONDENT, IHOA)
    frames = [leaves(IP(src=IHA, dst=ELSEWHERE) / UDP(sport=434, dport=40000) / inside)]
    assert told(read_at(IHA_SITE, frames), "home", "coa") == [("tunnel", number(IHOA), number(ELSEWHERE))]


def test_what_comes_out_of_a_reverse_tunnel_is_forwarded() -> None:
    packet = user(IHOA, CORRESPONDENT)
    frames = [comes(tunnelled(NEAR, packet)), leaves(packet)]
    assert told(read_at(IHA_SITE, frames), "home", "coa", "to") == [
        ("forward", number(IHOA), number(NEAR), "correspondent")
    ]


def test_what_is_dropped_is_not_forwarded() -> None:
    capture = read_at(IHA_SITE, [comes(tunnelled(NEAR, user(IHOA, CORRESPONDENT)))])
    assert not capture.events


def test_what_came_in_no_tunnel_was_not_forwarded_out_of_one() -> None:
    packet = user(IHOA, CORRESPONDENT)
    assert not read_at(IHA_SITE, [comes(packet), leaves(packet)]).events


def test_packets_between_two_nodes_are_forwarded_and_tunnelled() -> None:
    packet = user(IHOA, OTHER_HOME)
    frames = [comes(tunnelled(NEAR, packet)), leaves(IP(src=IHA, dst=ELSEWHERE) / packet)]
    assert told(read_at(IHA_SITE, frames), "home", "coa", "to") == [
        ("tunnel", number(OTHER_HOME), number(ELSEWHERE), None),
        ("forward", number(IHOA), number(NEAR), "coa"),
    ]


def numbered(number_: int, size: int = 100) -> Packet:
    packet = user(IHOA, CORRESPONDENT, size)
    packet[IP].id = number_
    return packet


def test_of_two_tunnels_with_the_same_flow_the_packet_tells_which_it_came_from() -> None:
    """A stranger sends the flow of the node from elsewhere: the agent drops that, and is not to blame."""
    frames = [comes(tunnelled(ELSEWHERE, numbered(1))), comes(tunnelled(NEAR, numbered(2))), leaves(numbered(2))]
    assert told(read_at(IHA_SITE, frames), "coa") == [("forward", number(NEAR))]


def test_of_two_tunnels_with_the_same_packet_nobody_knows() -> None:
    frames = [comes(tunnelled(ELSEWHERE, numbered(1))), comes(tunnelled(NEAR, numbered(1))), leaves(numbered(1))]
    assert told(read_at(IHA_SITE, frames), "home", "coa") == [("forward", number(IHOA), None)]


def test_a_packet_that_hardware_has_put_together_belongs_to_its_flow() -> None:
    halves = [
        IP(src=IHOA, dst=CORRESPONDENT, id=n) / TCP(sport=5, dport=80, seq=n * 50) / Raw(b"h" * 50) for n in (1, 2)
    ]
    whole = IP(src=IHOA, dst=CORRESPONDENT, id=1) / TCP(sport=5, dport=80, seq=50) / Raw(b"h" * 100)
    frames = [*(comes(tunnelled(NEAR, half)) for half in halves), leaves(whole)]
    assert told(read_at(IHA_SITE, frames), "coa") == [("forward", number(NEAR))]


def test_what_came_long_ago_was_another_packet() -> None:
    packet = user(IHOA, CORRESPONDENT)
    capture = read_at(IHA_SITE, [comes(tunnelled(NEAR, packet)), leaves(packet)], step=3000 * MS)
    assert not capture.events


def test_packets_for_the_link_are_not_of_the_agent() -> None:
    ping = IP(src=CORRESPONDENT, dst=IHA) / ICMP()
    assert not read_at(IHA_SITE, [comes(ping), leaves(IP(src=IHA, dst=CORRESPONDENT) / ICMP(type=0))]).events


def test_without_the_agents_address_the_registrations_tell_it() -> None:
    bare = site("iha", addresses={})
    capture = read_at(bare, [comes(asked(id=7)), leaves(reply(NEAR, id=7))])
    assert [kind for (kind,) in told(capture)] == ["rrq", "rrp"]
    assert "iha=10.1.0.10 inferred: no other agent is in the capture" in capture.notes


def test_of_two_agents_nobody_knows_which_is_meant() -> None:
    bare = site("iha", addresses={})
    capture = read_at(bare, [comes(asked()), comes(request(NEAR, XHA, XHA, XHOA))])
    assert not capture.events
    assert any("does not give the address of the device itself (iha)" in note for note in capture.notes)


# --- the external one -----------------------------------------------------------------------------------------------


def bound(coa: str = ELSEWHERE, number_: int = 9) -> list[tuple[bytes, int]]:
    return [
        comes(request(coa, XHA, XHA, XHOA, id=number_)),
        leaves(reply(coa, agent=XHA, home=XHOA, id=number_)),
    ]


def of_packets(frames: list[tuple[bytes, int]], *keys: str) -> list[tuple[object, ...]]:
    return [t for t in told(read_at(XHA_SITE, frames), *keys) if t[0] not in ("rrq", "rrp")]


def test_tunnels_are_the_fallback_encapsulation() -> None:
    up, down = user(XHOA, VPN), user(VPN, XHOA)
    frames = [
        *bound(),
        comes(tunnelled(ELSEWHERE, up, XHA)),
        leaves(up),
        comes(down),
        leaves(IP(src=XHA, dst=ELSEWHERE) / down),
    ]
    assert of_packets(frames, "how", "carries", "fragment", "from") == [
        ("packet", "wrapped", "other", "no", None),
        ("pass", "unwrapped", None, None, None),
        ("send", "wrapped", "other", "no", "peer"),
    ]


def test_addresses_that_were_switched_show_in_what_leaves() -> None:
    def switched(packet: Packet, source: str, target: str) -> Packet:
        copy: Packet = packet.copy()
        copy.src, copy.dst = source, target
        return copy

    up, down = numbered(5), numbered(6)
    frames = [
        *bound(),
        comes(switched(up, ELSEWHERE, XHA)),
        leaves(switched(up, XHOA, VPN)),
        comes(switched(down, VPN, XHOA)),
        leaves(switched(down, XHA, ELSEWHERE)),
    ]
    assert of_packets(frames, "home", "how", "src", "dst", "from")[0][:3] == ("packet", number(XHOA), "plain")
    assert of_packets(frames, "home", "how", "src", "dst", "from")[1:] == [
        ("pass", number(XHOA), "switched", number(XHOA), number(VPN), None),
        ("send", number(XHOA), "switched", None, None, "peer"),
    ]


def test_a_fragment_is_one_inside_its_tunnel() -> None:
    first = IP(src=VPN, dst=XHOA, flags="MF", id=3) / UDP(sport=1, dport=2, len=40) / Raw(b"f" * 16)
    frames = [*bound(), leaves(IP(src=XHA, dst=ELSEWHERE) / first)]
    assert of_packets(frames, "fragment") == [("send", "yes")]


def test_a_tunnel_that_comes_in_fragments_carries_none() -> None:
    whole = bytes(user(XHOA, VPN, 64))
    halves = [
        IP(src=ELSEWHERE, dst=XHA, proto=4, id=8, flags="MF") / Raw(whole[:48]),
        IP(src=ELSEWHERE, dst=XHA, proto=4, id=8, frag=6) / Raw(whole[48:]),
    ]
    frames = [*bound(), *map(comes, halves), leaves(user(XHOA, VPN, 64))]
    kinds = of_packets(frames, "how", "fragment")
    assert ("pass", "unwrapped", None) in kinds
    assert {k for k in kinds if k[0] == "packet"} == {("packet", "wrapped", "no")}


def test_what_is_inside_is_told() -> None:
    nested = tunnelled(ELSEWHERE, IP(src=XHOA, dst=VPN) / user("10.0.0.1", "10.0.0.2"), XHA)
    signals = tunnelled(ELSEWHERE, request(XHOA, VPN, VPN, XHOA), XHA)
    frames = [*bound(), comes(nested), comes(signals)]
    assert of_packets(frames, "carries") == [("packet", "ipip"), ("packet", "udp434")]


def test_a_request_may_come_in_the_tunnel() -> None:
    frames = [comes(tunnelled(ELSEWHERE, request(XHOA, XHA, XHA, XHOA, coa=ELSEWHERE), XHA))]
    assert told(read_at(XHA_SITE, frames), "how", "zot") == [("rrq", "wrapped", "no")]


def test_an_extension_that_nobody_knows_may_be_that_of_zero_overhead() -> None:
    """Appendix D gives it no number."""
    for added in (simple(200, b"??"), long(38, 0, bytes(8))):
        frames = [comes(with_extensions(request(ELSEWHERE, XHA, XHA, XHOA), added))]
        assert told(read_at(XHA_SITE, frames), "zot") == [("rrq", None)]


# --- what no capture shows ------------------------------------------------------------------------------------------


def test_what_is_to_be_written_down_is_not_missed_where_no_capture_shows_it(tmp_path: Path) -> None:
    """RFC 5265 has a request from a network that is not trusted dropped, and written down: the wire ends there."""
    file, config = tmp_path / "iha.pcapng", tmp_path / "site.toml"
    file.write_bytes(file_of([comes(asked(coa=ELSEWHERE)), comes(asked())], step=30_000 * MS))
    config.write_text(f'[site]\nrole = "iha"\nboot = true\niha = "{IHA}"\ninternal = ["10.0.0.0/8"]\n', "utf-8")
    report = check([str(file)], spec="rfc5265", config=str(config))
    assert {r.id: r.status for r in report.rules}["IT3"] == "unobservable"
    assert not report.warnings


# --- any number of nodes --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_nodes_are_told_apart_by_home_address() -> None:
    homes = [f"10.2.{n // 200}.{n % 200 + 1}" for n in range(400)]
    coas = [f"10.3.{n // 200}.{n % 200 + 1}" for n in range(400)]
    frames = [
        f
        for n, (home, coa) in enumerate(zip(homes, coas, strict=True))
        for f in (
            comes(request(coa, IHA, IHA, home, id=n)),
            leaves(reply(coa, home=home, id=n)),
            comes(tunnelled(coa, user(home, CORRESPONDENT))),
            leaves(user(home, CORRESPONDENT)),
        )
    ]
    events: list[Event] = list(read_at(IHA_SITE, frames).events)
    assert len(events) == 3 * len(homes)
    for home, coa in zip(homes, coas, strict=True):
        mine = [e for e in events if e.args["home"] == number(home)]
        assert [e.kind for e in mine] == ["rrq", "rrp", "forward"]
        assert {e.args.get("coa", number(coa)) for e in mine} == {number(coa)}


def test_several_files_are_read_as_one_device() -> None:
    packet = user(IHOA, CORRESPONDENT)
    inside = Source(io.BytesIO(file_of([comes(tunnelled(NEAR, packet))])), "a.pcapng")
    outside = Source(io.BytesIO(file_of([leaves(packet)])), "b.pcapng", 5 * MS)
    captures, events = read_captures([inside, outside], IHA_SITE, words=words("iha"))
    assert [(e.kind, e.at.file) for e in events] == [("forward", "b.pcapng")]
    assert [len(c.events) for c in captures] == [0, 1]
