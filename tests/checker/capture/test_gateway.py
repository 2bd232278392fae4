"""Captures taken at a VPN gateway: outside (eth0) IKE and ESP, inside (eth1) what it protects."""

from __future__ import annotations

import hashlib
import struct

import pytest
from mipcheck.checker.capture import Capture
from mipcheck.checker.site.site import EspSa
from scapy.layers.inet import IP, TCP, UDP
from scapy.packet import Packet, Raw

from making.at_device import CORRESPONDENT, MS, comes, leaves, only, read_at, site, told
from making.at_gateway import COOKIES, KNOWN, exchanged
from making.esp import IN, OUT, association, keys
from making.packets import IHA, IHOA, TIA, VPN, XHOA, number, reply, request, user
from making.signalling import generic, isakmp

pytest.importorskip("cryptography")

UPWARD, DOWNWARD = keys(OUT), keys(IN)
SITE = site("vpn", esp_sas=(UPWARD, DOWNWARD))
OUTER, INNER = 0, 1
MOVED = "198.51.100.99"


class Tunnel:
    """What a node and the gateway send each other in ESP, numbered as IPsec does."""

    def __init__(self, up: EspSa = UPWARD, down: EspSa = DOWNWARD, nat: bool = True) -> None:
        header = UDP(sport=4500, dport=4500) if nat else None
        self._up = association(up, IP(src=XHOA, dst=VPN), nat_t_header=header)
        self._down = association(down, IP(src=VPN, dst=XHOA), nat_t_header=header)

    def up(self, packet: Packet, source: str = XHOA) -> tuple[bytes, int]:
        return comes(self.sealed(packet, source), OUTER)

    def sealed(self, packet: Packet, source: str = XHOA) -> Packet:
        made: Packet = self._up.encrypt(packet)
        made.src = source
        return made

    def down(self, packet: Packet, target: str = XHOA) -> tuple[bytes, int]:
        made = self._down.encrypt(packet)
        made.dst = target
        return leaves(made, OUTER)


def read(frames: list[tuple[bytes, int]], spec: str = "draft-01") -> Capture:
    return read_at(SITE, frames, spec=spec)


def damaged(data: bytes) -> bytes:
    """Return bytes the last of which is another."""
    return data[:-1] + bytes([data[-1] ^ 1])


def both_ways() -> list[tuple[bytes, int]]:
    tunnel, up, down = Tunnel(), user(TIA, CORRESPONDENT), user(CORRESPONDENT, TIA)
    return [tunnel.up(up), leaves(up, INNER), comes(down, INNER), tunnel.down(down)]


def test_what_passes_is_told_on_both_sides() -> None:
    assert told(read(both_ways()), "home", "what", "from", "to", "dst") == [
        ("sa", number(TIA), None, None, None, None),
        ("packet", number(TIA), None, None, None, None),
        ("relay", number(TIA), "data", "node", "correspondent", number(CORRESPONDENT)),
        ("relay", number(TIA), "data", "other", "node", number(XHOA)),
    ]


def test_an_association_shows_by_its_first_packet() -> None:
    up = only(read(both_ways()), "sa").args
    assert (up["state"], up["peer"], up["udp"], up["mode"]) == ("up", number(XHOA), "yes", "tunnel")
    assert "features" not in up
    plain = Tunnel(nat=False)
    assert only(read([plain.up(user(TIA, CORRESPONDENT))]), "sa").args["udp"] == "no"


def test_packets_are_authentic_or_not_and_may_be_replayed() -> None:
    tunnel = Tunnel()
    first = tunnel.up(user(TIA, CORRESPONDENT))
    wrong = tunnel.sealed(user(TIA, CORRESPONDENT), MOVED)
    wrong[UDP].payload = Raw(damaged(bytes(wrong[UDP].payload)))
    again = first[0].replace(bytes(map(int, XHOA.split("."))), bytes(map(int, MOVED.split("."))), 1)
    assert told(read([first, comes(wrong), (again, OUTER)]), "auth", "peer")[1:] == [
        ("packet", "ok", number(XHOA)),
        ("packet", "bad", number(MOVED)),
        ("packet", "replayed", number(MOVED)),
    ]


def test_however_much_a_stranger_sends_the_keys_are_right() -> None:
    tunnel = Tunnel()
    frames = [tunnel.up(user(TIA, CORRESPONDENT))]
    for _ in range(5):
        forged = tunnel.sealed(user(TIA, CORRESPONDENT), MOVED)
        forged[UDP].payload = Raw(damaged(bytes(forged[UDP].payload)))
        frames.append(comes(forged))
    capture = read(frames)
    assert [t for t in told(capture, "auth") if t[0] == "packet"] == [("packet", "ok"), *[("packet", "bad")] * 5]
    assert not capture.holes


def test_of_a_packet_that_is_very_late_nobody_knows_what_ipsec_says() -> None:
    tunnel = Tunnel()
    late = tunnel.up(user(TIA, CORRESPONDENT))
    frames = [*(tunnel.up(user(TIA, CORRESPONDENT)) for _ in range(40)), late]
    assert told(read(frames), "home")[-1] == ("gap", number(TIA))


def test_a_bit_late_is_not_replayed() -> None:
    tunnel = Tunnel()
    packets = [tunnel.up(user(TIA, CORRESPONDENT)) for _ in range(3)]
    assert told(read([packets[2], packets[0], packets[1]]), "auth")[1:] == [("packet", "ok")] * 3


def test_the_endpoint_moves_where_esp_is_sent() -> None:
    tunnel, down = Tunnel(), user(CORRESPONDENT, TIA)
    frames = [
        tunnel.up(user(TIA, CORRESPONDENT)),
        comes(down, INNER),
        tunnel.down(down),
        comes(down, INNER),
        tunnel.down(down, MOVED),
    ]
    endpoint = only(read(frames), "endpoint").args
    assert (endpoint["from"], endpoint["to"]) == (number(XHOA), number(MOVED))


def test_what_goes_to_the_home_agent_and_comes_from_it_is_told() -> None:
    tunnel = Tunnel()
    up = IP(src=TIA, dst=IHA) / user(IHOA, CORRESPONDENT)
    down = IP(src=IHA, dst=TIA) / user(CORRESPONDENT, IHOA)
    frames = [tunnel.up(up), leaves(up, INNER), comes(down, INNER), tunnel.down(down)]
    assert told(read(frames), "from", "to")[2:] == [("relay", "node", "iha"), ("relay", "iha", "node")]


def test_registrations_of_a_client_are_packets_to_the_gateway() -> None:
    tunnel = Tunnel()
    asks, answer = request(TIA, IHA, IHA, IHOA, id=7), reply(TIA, IHA, IHOA, id=7)
    frames = [tunnel.up(asks), leaves(asks, INNER), comes(answer, INNER), tunnel.down(answer)]
    assert told(read(frames), "home", "what", "id")[2:] == [
        ("rrq", number(TIA), None, 7),
        ("relay", number(TIA), "data", None),
        ("rrp", number(TIA), None, 7),
        ("relay", number(TIA), "data", None),
    ]


def test_a_foreign_agent_in_the_gateway_sends_requests_of_its_own_address() -> None:
    tunnel = Tunnel()
    asks = request(IHOA, VPN, IHA, IHOA, coa=VPN, flags=0x02, id=7)
    sent = request(VPN, IHA, IHA, IHOA, coa=VPN, flags=0x02, id=7)
    answer, passed = reply(VPN, IHA, IHOA, id=7), reply(IHOA, IHA, IHOA, VPN, id=7)
    frames = [tunnel.up(asks), leaves(sent, INNER), comes(answer, INNER), tunnel.down(passed)]
    assert told(read(frames), "home", "what", "from", "to")[2:] == [
        ("rrq", number(IHOA), None, None, None),
        ("relay", number(IHOA), "rrq", "node", "iha"),
        ("rrp", number(IHOA), None, None, None),
        ("relay", number(IHOA), "rrp", "iha", "node"),
    ]


def test_a_denial_of_that_foreign_agent_is_not_the_home_agents() -> None:
    tunnel = Tunnel()
    asks = tunnel.up(request(IHOA, VPN, IHA, IHOA, coa=VPN, flags=0x02, id=7))
    denied = tunnel.down(reply(IHOA, IHA, IHOA, VPN, id=7, code=75))
    assert told(read([asks, denied]), "home", "what", "from", "to")[2:] == [
        ("rrq", number(IHOA), None, None, None),
        ("relay", number(IHOA), "rrp", "other", "node"),
    ]
    came = comes(reply(VPN, IHA, IHOA, id=7, code=75), INNER)
    assert told(read([asks, came, denied]), "what", "from")[-1] == ("relay", "rrp", "iha")


def test_the_short_way_between_two_nodes_is_seen_from_both() -> None:
    other = "10.1.200.51"
    first, second = Tunnel(), Tunnel(keys(3), keys(4))
    packet = user(TIA, other)
    frames = [
        second.up(user(other, CORRESPONDENT), MOVED),
        first.up(packet),
        second.down(packet, MOVED),
    ]
    capture = read_at(site("vpn", esp_sas=(UPWARD, DOWNWARD, keys(3), keys(4))), frames)
    assert [t[1:] for t in told(capture, "home", "from", "to") if t[0] == "relay"] == [
        (number(TIA), "node", "correspondent"),
        (number(other), "mobile", "node"),
    ]


def test_segments_that_are_joined_beside_the_tunnel_are_followed() -> None:
    """Hardware cuts and joins what passes: one packet on one side is several on the other."""
    tunnel = Tunnel()
    parts = [IP(src=TIA, dst=CORRESPONDENT, id=n) / TCP(sport=5000, dport=443, seq=20 * n) / bytes(20) for n in (1, 2)]
    joined = IP(src=TIA, dst=CORRESPONDENT, id=1) / TCP(sport=5000, dport=443, seq=20) / bytes(40)
    capture = read([*map(tunnel.up, parts), leaves(joined, INNER)])
    assert [t[1:] for t in told(capture, "home", "from", "to") if t[0] == "relay"] == [
        (number(TIA), "node", "correspondent")
    ]


def test_where_esp_is_first_sent_to_a_strange_place_its_endpoint_may_have_moved() -> None:
    """That it is another place than the exchange of keys gave it, nobody can say: that may be an older one's."""
    tunnel, down = Tunnel(), user(CORRESPONDENT, TIA)
    up = tunnel.up(user(TIA, CORRESPONDENT))
    capture = read([up, comes(down, INNER), tunnel.down(down, MOVED)])
    assert [kind for (kind,) in told(capture)] == ["sa", "packet", "relay"]
    assert [hole for hole in capture.holes if hole.startswith(f"frame 3: ESP is first sent to {MOVED}")]
    moved = tunnel.up(user(TIA, CORRESPONDENT), MOVED)
    assert not read([up, moved, comes(down, INNER), tunnel.down(down, MOVED)]).holes
    assert not read([comes(down, INNER), tunnel.down(down, MOVED), up]).holes


@pytest.mark.parametrize("elses", [IP(src="203.0.113.1", dst="203.0.113.2"), IP(src="203.0.113.1", dst=CORRESPONDENT)])
def test_what_somebody_elses_tunnel_carries_of_the_gateway_is_not_read(elses: Packet) -> None:
    """A mirror of a port, or an uplink: it may show all once more, and none of its addresses means what it says."""
    tunnel = Tunnel()
    sealed = tunnel.sealed(user(TIA, CORRESPONDENT))
    for frames in ([comes(elses / sealed)], [comes(elses / reply(VPN, IHA, IHOA, id=7), INNER)]):
        capture = read([tunnel.up(user(TIA, CORRESPONDENT)), *frames])
        assert [kind for (kind,) in told(capture)] == ["sa", "packet", "gap"]
        assert any("somebody else's tunnel" in hole for hole in capture.holes)


def test_what_passes_on_in_somebody_elses_tunnel_is_nobody_knows_whose() -> None:
    tunnel, elses = Tunnel(), IP(src="203.0.113.1", dst="203.0.113.2")
    up, down = user(TIA, CORRESPONDENT), user(CORRESPONDENT, TIA)
    frames = [tunnel.up(up), leaves(elses / up, INNER), comes(elses / down, INNER), tunnel.down(down)]
    assert told(read(frames), "home", "from", "to")[2:] == [
        ("gap", number(TIA), None, None),
        ("relay", number(TIA), None, "node"),
    ]


def test_what_is_dropped_is_not_passed_on() -> None:
    capture = read([Tunnel().up(user(TIA, CORRESPONDENT)), comes(user(CORRESPONDENT, TIA), INNER)])
    assert [kind for (kind,) in told(capture)] == ["sa", "packet"]


def test_what_is_not_opened_is_of_nobody_and_said() -> None:
    capture = read_at(site("vpn"), both_ways())
    assert not capture.events
    assert any("give [[esp_sa]] keys for SPI 0x0c44be6c" in hole for hole in capture.holes)


# --- key exchange ---------------------------------------------------------------------------------------------------


def test_an_exchange_is_of_the_node_whose_esp_follows() -> None:
    capture = read([*exchanged(KNOWN), Tunnel(nat=False).up(user(TIA, CORRESPONDENT))])
    assert told(capture, "home", "vendor", "natt", "features")[:3] == [
        ("offer", number(TIA), frozenset(), "yes", None),
        ("answer", number(TIA), frozenset(), "yes", None),
        ("sa", number(TIA), None, None, frozenset()),
    ]


def test_a_vendor_id_that_nobody_knows_may_be_one_of_the_draft() -> None:
    """The draft leaves it open: an MD5 hash of "XXX"."""
    capture = read([*exchanged(hashlib.md5(b"XXX").digest()), Tunnel(nat=False).up(user(TIA, CORRESPONDENT))])
    assert told(capture, "home", "features")[:3] == [
        ("gap", number(TIA), None),
        ("gap", number(TIA), None),
        ("sa", number(TIA), None),
    ]


def test_a_late_copy_of_a_first_message_begins_nothing() -> None:
    offer, answer = exchanged(KNOWN)
    capture = read([offer, answer, offer, Tunnel(nat=False).up(user(TIA, CORRESPONDENT))])
    assert [kind for (kind,) in told(capture)] == ["offer", "answer", "sa", "packet"]


def test_whose_an_exchange_is_without_esp_nobody_knows() -> None:
    assert not read(exchanged(KNOWN)).events


@pytest.mark.parametrize(("seen", "nat"), [(XHOA, "no"), ("203.0.113.77", "yes")])
def test_a_nat_shows_in_what_both_ends_hash(seen: str, nat: str) -> None:
    """RFC 7296 section 2.23: each end sends a hash of its own address and port, and of the other's."""

    def digest(address: str) -> bytes:
        return hashlib.sha1(COOKIES[0] + bytes(map(int, address.split("."))) + struct.pack("!H", 500)).digest()

    notes = generic(41, bytes([0, 0]) + struct.pack("!H", 16388) + digest(XHOA))
    notes += generic(0, bytes([0, 0]) + struct.pack("!H", 16389) + digest(VPN))
    message = isakmp(generic(41, bytes(8)) + notes, 33, 0x20, 34, COOKIES[0], 8)
    offer = comes(IP(src=seen, dst=VPN) / UDP(sport=500, dport=500) / Raw(message), OUTER)
    capture = read([offer, Tunnel(nat=False).up(user(TIA, CORRESPONDENT), seen)])
    assert only(capture, "sa").args["nat"] == nat


def test_the_words_of_rfc_5265_are_others() -> None:
    tunnel = Tunnel()
    asks = request(TIA, IHA, IHA, IHOA, id=7)
    capture = read([tunnel.up(asks), leaves(asks, INNER)], "rfc5265")
    assert told(capture, "home", "state", "what", "to") == [
        ("sa", number(TIA), "up", None, None),
        ("pass", number(TIA), None, "udp434", "iha"),
    ]


def test_one_packet_each_way_is_no_new_association() -> None:
    tunnel = Tunnel()
    frames = [tunnel.up(user(TIA, CORRESPONDENT)), tunnel.down(user(CORRESPONDENT, TIA))] * 2
    capture = read_at(SITE, frames, step=MS)
    assert [kind for (kind,) in told(capture)].count("sa") == 1
