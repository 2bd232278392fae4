"""Captured packets → events. The packets are made by scapy, an independent encoder."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace

import pytest
from mipcheck.checker.capture import Capture
from mipcheck.checker.site.site import MnHaKey, Site
from mipcheck.model.specification.load import load
from mipcheck.model.values.event import Event, Position
from scapy.layers.dns import DNS
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.layers.mobileip import MobileIP, MobileIPTunnelData
from scapy.packet import Packet, Raw

from making.files import ETHERNET, LOOP, NULL, RAW, SLL, SLL2, START, Device, Record, pcap, pcapng
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
    SESSION,
    SITE,
    TIA,
    TUNNELS,
    VPN,
    XHA,
    XHOA,
    dhcp,
    esp,
    ike,
    into,
    lease,
    number,
    out,
    reply,
    request,
    signed,
    sll,
    sll2,
    user,
)
from making.reading import brief, data, ethernet, read

# Registrations.


def test_registration_with_everything_in_it() -> None:
    capture = ethernet([*lease(), out(request()), into(signed(reply(), KEY))])
    up, coa, asked, answered = capture.events
    assert up == Event(START, "eth0", "link", {"state": "up"}, Position("t.pcap", frame=1))
    assert coa == Event(
        START + 3 * SECOND,
        "eth0",
        "coa",
        {"kind": "colocated", "addr": number(COA), "domain": "corp.example"},
        Position("t.pcap", frame=4),
    )
    assert asked.args == {
        "to": "iha",
        "path": "direct",
        "coa": number(COA),
        "flags": frozenset("DT"),
        "lifetime": 60,
        "id": 0xD0C1,
        "home": number(IHOA),
    }
    assert answered.args == {
        "from": "iha",
        "path": "direct",
        "code": 0,
        "lifetime": 60,
        "id": 0xD0C1,
        "auth": "ok",
        "home": number(IHOA),
        "tnc": "no",
    }
    assert (capture.kind, capture.frames, capture.interfaces) == ("pcapng", 6, ("eth0",))
    assert (capture.set_aside, capture.notes, capture.hidden) == ({"dhcp": 4}, (), ())


@pytest.mark.parametrize("bit", range(8))
def test_flags(bit: int) -> None:
    events = ethernet([out(request(flags=1 << bit))]).events
    assert events[-1].args["flags"] == frozenset([" TrGMDBS"[bit]]) - {" "}


@pytest.mark.parametrize("algorithm", ["hmac-md5", "keyed-md5"])
def test_authentication(algorithm: str) -> None:
    key = MnHaKey("iha", 256, algorithm, b"secret")
    site = Site(addresses=SITE.addresses, mn_ha_keys=(key, MnHaKey("xha", 256, algorithm, b"other")))
    # Padding, an extension in the long form, a short one and one that is unknown come before it, another after it.
    before, after = b"\0" + bytes([36, 1, 0, 2]) + b"ab" + bytes([149, 2, 0, 0, 200, 1]) + b"x", bytes([200, 2, 0, 0])
    good = signed(reply(), key, before=before, after=after)
    stranger = signed(reply(), MnHaKey("iha", 999, algorithm, b"secret"))
    changed = bytearray(into(good))
    changed[-30] ^= 1
    frames = [out(request()), into(good), bytes(changed), into(signed(reply(), key, b"wrong")), into(stranger)]
    capture = ethernet([*frames, into(reply())], site)
    replies = [e.args for e in capture.events if e.kind == "rrp"]
    assert [r["auth"] for r in replies] == ["ok", "bad", "bad", "unchecked", "absent"]
    assert [r["tnc"] for r in replies] == ["yes", "yes", "no", "no", "no"]


def test_no_key_no_check() -> None:
    capture = ethernet([out(request()), into(signed(reply(), KEY))], Site(addresses=SITE.addresses))
    assert capture.events[-1].args["auth"] == "unchecked"


def test_a_reply_cut_by_the_snap_length_is_not_checked() -> None:
    frame = into(signed(reply(), KEY))
    capture = read(pcap([Record(0, out(request())), Record(1, frame[:-12], length=len(frame))]))
    args = capture.events[-2].args
    assert args["auth"] == "unchecked" and "tnc" not in args
    # There is a key, and nobody can tell whether it fits.
    assert capture.events[-1].kind == "gap"


def test_the_agent_is_the_one_in_the_message() -> None:
    """Through a foreign agent, the IP addresses are the foreign agent's."""
    asked = request(IHOA, GATEWAY, XHA, XHOA, coa=GATEWAY, flags=0x02)
    solicitation = out(IP(src=IHOA, dst="224.0.0.11") / ICMP(type=10))
    capture = ethernet([solicitation, out(asked), into(reply(XHOA, XHA, XHOA, source=GATEWAY, code=78, lifetime=0))])
    _, coa, to, answer = capture.events
    assert coa.args == {"kind": "foreign-agent", "addr": number(GATEWAY), "agent": number(GATEWAY)}
    assert (to.args["to"], to.args["via"], to.args["flags"]) == ("xha", number(GATEWAY), frozenset("T"))
    assert (answer.args["from"], answer.args["code"], answer.args["auth"]) == ("xha", 78, "absent")


def test_others_registrations_are_ignored_and_noted() -> None:
    capture = ethernet([out(request(agent="172.16.0.1")), out(request(home="10.9.9.9"))])
    assert capture.events == []
    assert [n.split(",")[0] for n in capture.notes] == ["registrations with 172.16.0.1", "registrations for 10.9.9.9"]


def test_agents_are_inferred_without_a_site() -> None:
    capture = ethernet([out(request()), out(request(agent=XHA, home=XHOA)), out(user(IHOA, SERVER))], Site())
    assert [e.args.get("to") for e in capture.events if e.kind == "rrq"] == ["iha", "xha"]
    assert data(capture) == [(3, "out", "none", "ip")]
    assert f"iha={IHA} inferred from a registration request" in capture.notes


def test_retransmissions_are_events_and_checksums_do_not_matter() -> None:
    frame = bytearray(out(request()))
    frame[40:42] = b"\xde\xad"
    capture = ethernet([bytes(frame)] * 3)
    assert [e.kind for e in capture.events] == ["rrq", "rrq", "rrq"]


def test_a_registration_quoted_by_an_icmp_error_is_none() -> None:
    quote = bytes(request())
    error = IP(src=GATEWAY, dst=COA) / ICMP(type=3, code=13) / Raw(quote)
    capture = ethernet([out(request()), into(error), out(IP(src=COA, dst=SERVER) / ICMP(type=3) / Raw(quote))])
    assert [e.kind for e in capture.events] == ["rrq"]
    assert capture.set_aside == {"icmp error": 2}


def test_a_later_fragment_that_looks_like_a_registration_is_none() -> None:
    packet = request()
    packet[IP].frag = 100
    capture = ethernet([*lease(), out(packet)])
    assert [e.kind for e in capture.events] == ["link", "coa", "data"]


def test_every_value_is_one_of_its_declared_type() -> None:
    """A value of another Python type would mean something else, or nothing, to the observer."""
    advert = bytes.fromhex("0900000001020708 0a01020100000000 100a0007003c0000 0a010201")
    frames = [
        out(IP(src="0.0.0.0", dst="255.255.255.255") / ICMP(type=10)),
        into(IP(src="10.1.2.1", dst="255.255.255.255", proto=1) / Raw(advert)),
        *lease(),
        out(request(IHOA, GATEWAY, coa=GATEWAY)),
        into(signed(reply(), KEY)),
        out(ike(COA, VPN)),
        out(esp(COA, VPN)),
        out(user(IHOA, SERVER)),
        bytes(Ether(src=NODE_MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(psrc=COA, pdst="10.1.1.1")),
    ]
    events = ethernet(frames).events
    declared = load().events
    assert {e.kind for e in events} == {k for k, d in declared.items() if "capture" in d.seen} - {"gap"}
    for event in events:
        types = {key.name: key.type for key in declared[event.kind].keys}
        for name, value in event.args.items():
            assert types[name].read(types[name].show(value)) == value
        assert {key.name for key in declared[event.kind].keys if not key.optional} <= set(event.args)


# Care-of addresses.


def test_dhcp_renewal_is_no_change_and_another_address_is() -> None:
    renewal = [dhcp("request", xid=2, current=COA), dhcp("ack", COA, 2)]
    other = [dhcp("request", xid=3, current=COA), dhcp("ack", "10.1.1.119", 3)]
    again = lease("10.1.1.119", 4)
    capture = ethernet([*lease(), *renewal, *other, *again])
    assert [(e.at.frame, e.args["addr"]) for e in capture.events if e.kind == "coa"] == [
        (4, number(COA)),
        (8, number("10.1.1.119")),
        (12, number("10.1.1.119")),
    ]


def test_another_stations_lease_is_not_the_nodes() -> None:
    other = "02:00:00:00:00:99"
    capture = ethernet([out(request()), dhcp("discover", client=other), dhcp("ack", "10.1.1.99", client=other)])
    assert [e.kind for e in capture.events] == ["rrq"]


def test_a_new_random_link_address_is_the_nodes_too() -> None:
    second = "02:00:00:00:00:02"
    moved = [dhcp(k, OUTSIDE, 2, second) for k in ("discover", "offer", "request", "ack")]
    capture = ethernet([*lease(), out(request()), *moved, out(user(OUTSIDE, SERVER), second)])
    assert [e.kind for e in capture.events] == ["link", "coa", "rrq", "coa", "data"]


def test_an_address_used_before_the_first_request_is_no_change() -> None:
    """A capture that begins in the middle: the address was there already, unless the site says that it is a boot."""
    frames = [out(IP(src=COA, dst=IHA) / user(IHOA, SERVER)), out(request()), out(request(coa=OUTSIDE))]
    assert [e.kind for e in ethernet(frames).events] == ["data", "rrq", "coa", "rrq"]
    boot = Site(boot=True, addresses=SITE.addresses, internal=SITE.internal)
    assert [e.kind for e in ethernet(frames, boot).events] == ["data", "coa", "rrq", "coa", "rrq"]


def test_detection_that_begins_in_the_capture_begins_with_a_change() -> None:
    """Who asks both agents detects; a request alone may be one of many, and the address have been there for long."""
    both = [out(request()), out(request(agent=XHA, target=XHA, home=XHOA))]

    def kinds(frames: Sequence[bytes]) -> list[str]:
        return [e.kind for e in read(pcapng([Record(i * SECOND // 2, f) for i, f in enumerate(frames)])).events]

    assert kinds(both) == ["coa", "rrq", "rrq"]
    # The first may have been the last that nobody answered, and detection have begun anew: after a second at the least.
    assert [e.kind for e in ethernet(both).events] == ["rrq", "rrq"]
    assert [e.kind for e in ethernet(both[:1]).events] == ["rrq"]
    assert [e.kind for e in ethernet([both[0], both[0], both[0], both[1]]).events] == ["rrq"] * 4  # 3 s later
    # The association is older than the capture, and so is the address that carries it.
    assert kinds([*both, out(esp(COA, VPN))]) == ["rrq", "rrq", "sa", "data"]
    assert kinds([*both, out(ike(COA, VPN)), out(esp(COA, VPN))])[0] == "coa"
    twice = pcapng([Record(0, both[0]), Record(9, both[0]), Record(SECOND // 2, both[1])])
    assert [e.kind for e in read(twice).events] == ["coa", "rrq", "rrq", "rrq"]


def test_a_renewal_at_the_beginning_is_no_change() -> None:
    renewal = [dhcp("request", xid=2, current=COA), dhcp("ack", COA, 2)]
    assert ethernet(renewal).events == []
    assert [e.kind for e in ethernet(renewal, replace(SITE, boot=True)).events] == ["coa"]
    assert [e.kind for e in ethernet([dhcp("ack", COA, 2)]).events] == ["coa"]  # nobody asked to keep it


def test_dhcp_that_is_cut_off_before_its_type() -> None:
    """With a snap length of 96 bytes only the addresses are there: the last reply is the one that counts."""

    def snapped(frames: Sequence[bytes]) -> Capture:
        return read(pcapng([Record(i * SECOND, frame[:96], length=len(frame)) for i, frame in enumerate(frames)]))

    renewal = [dhcp("request", xid=2, current=COA), dhcp("ack", COA, 2)]
    capture = snapped([*lease(), *renewal, *lease("10.1.1.119", 3)])
    assert [(e.kind, e.at.frame, e.args["addr"]) for e in capture.events] == [
        ("coa", 4, number(COA)),
        ("coa", 10, number("10.1.1.119")),
    ]
    assert snapped(renewal).events == []
    # Which name servers it gave is cut off as well, so that no question to one can be held against the node.
    resolver = out(IP(src=COA, dst="10.1.0.53") / UDP(sport=4000, dport=53) / DNS())
    assert [e.kind for e in snapped([*lease(), resolver]).events] == ["coa"]


def test_advertisement_and_solicitation() -> None:
    extension = bytes([16, 14]) + struct.pack("!HHH", 7, 600, 0x9000) + bytes(4 * [10]) + bytes(4 * [11])
    body = struct.pack("!BBH", 1, 2, 1800) + bytes([10, 1, 2, 1]) + bytes(4) + b"\0" + extension
    advert = IP(src="10.1.2.1", dst="255.255.255.255") / Raw(bytes([9, 0, 0, 0]) + body)
    advert[IP].proto = 1
    plain = IP(src="10.1.2.1", dst="255.255.255.255") / ICMP(type=9) / Raw(bytes([0, 0, 0, 0]))
    solicit = IP(src="0.0.0.0", dst="255.255.255.255") / ICMP(type=10)
    capture = ethernet([*lease(), out(solicit), into(advert), into(plain)])
    assert brief(capture.events)[2:] == [("eth0", "solicit"), ("eth0", "advert")]
    assert capture.events[3].args == {"agent": number("10.1.2.1"), "coa": 0x0A0A0A0A, "seq": 7}


# User data.


@pytest.mark.parametrize("stack", TUNNELS)
def test_forms_of_user_data(stack: str) -> None:
    packet = TUNNELS[stack]
    capture = ethernet([*lease(), out(packet)])
    event = next(e for e in capture.events if e.kind == "data")
    assert data(capture) == [(5, "out", "esp" if stack.endswith("esp") else "none", stack)]
    assert event.args["bytes"] == len(out(packet))
    if not stack.endswith("esp"):
        assert (event.args["src"], event.args["dst"]) == (number(IHOA), number(SERVER))


def test_user_data_by_address() -> None:
    frames = [
        *lease(OUTSIDE),
        out(user(OUTSIDE, SERVER)),  # to the enterprise from a care-of address outside
        into(user(SERVER, OUTSIDE)),
        out(user(OUTSIDE, "203.0.113.200")),  # somebody on the Internet
        out(IP(src=OUTSIDE, dst="198.18.0.1") / TCP(dport=443)),
        out(IP(src=IHOA, dst="198.18.0.1") / TCP(dport=443)),  # from the home address, outside any tunnel
    ]
    capture = ethernet(frames)
    assert data(capture) == [(5, "out", "none", "ip"), (6, "in", "none", "ip"), (9, "out", "none", "ip")]
    assert capture.set_aside["other clear traffic"] == 2
    others = [e for e in capture.events if e.args.get("scope") == "other"]
    assert [e.at.frame for e in others] == [7, 8]


def test_esp_with_another_gateway_is_not_the_enterprises() -> None:
    """Nor are its fragments; what is known to be with somebody inside is, and so is all where no gateway is known."""
    elsewhere, inside = "203.0.113.200", esp(COA, SERVER)
    large = IP(src=COA, dst=elsewhere, proto=50, id=7) / Raw(struct.pack("!II", 5, 1) + b"e" * 600)
    pieces = [out(piece) for piece in fragment(large, fragsize=400)]
    packets = [out(esp(COA, elsewhere)), into(esp(elsewhere, COA)), *pieces, out(inside), out(esp(COA, VPN))]
    capture = ethernet([*lease(), *packets])
    told = [(e.args["protection"], e.args.get("scope")) for e in capture.events if e.kind == "data"]
    assert told == [("esp", "other")] * 4 + [("esp", None)] * 2
    assert capture.set_aside["esp with another gateway"] == 4
    unknown = replace(SITE, addresses={k: v for k, v in SITE.addresses.items() if k != "vpn"})
    assert {e.args.get("scope") for e in ethernet(packets, unknown).events if e.kind == "data"} == {None}


def test_the_site_says_what_counts_as_upkeep() -> None:
    resolver = out(IP(src=COA, dst="10.1.0.53") / UDP(sport=4000, dport=53) / DNS())
    portal = out(IP(src=COA, dst="198.18.0.1") / TCP(dport=80))
    frames = [*lease(), resolver, portal]
    usual = ethernet(frames)
    assert data(usual) == []
    assert (usual.set_aside["dns"], usual.set_aside["other clear traffic"]) == (1, 1)
    stricter = ethernet(frames, replace(SITE, upkeep=("198.18.0.1:80",)))
    assert [frame for frame, *_ in data(stricter)] == [5]
    assert stricter.set_aside["upkeep by the site file"] == 1
    assert not any("scope" in e.args for e in stricter.events)


def test_upkeep_is_not_user_data() -> None:
    """Inside, the care-of address, the router and the resolver are in the internal prefix themselves."""
    upkeep = [
        out(IP(src=COA, dst="10.1.0.53") / UDP(sport=4000, dport=53) / DNS()),
        into(IP(src="10.1.0.53", dst=COA) / UDP(sport=53, dport=4000) / DNS()),
        out(IP(src=COA, dst=GATEWAY) / ICMP()),
        into(IP(src=GATEWAY, dst=COA) / ICMP(type=0)),
        out(IP(src=COA, dst="224.0.0.251") / UDP(sport=5353, dport=5353) / DNS()),
        out(IP(src=COA, dst="239.255.255.250") / UDP(sport=4000, dport=1900) / Raw(b"M-SEARCH")),
        out(IP(src=COA, dst="224.0.0.22", proto=2) / Raw(bytes(8))),
        out(IP(src=COA, dst="10.1.1.255") / UDP(sport=138, dport=138) / Raw(b"x")),
        out(IP(src=COA, dst=VPN) / UDP(sport=4500, dport=4500) / Raw(b"\xff")),
        out(ARP(psrc=COA, pdst=GATEWAY)),
        out(IP(src=COA, dst=IHA) / UDP(sport=4, dport=434) / MobileIP(type=4) / MobileIPTunnelData(nexthdr=4)
            / IP(src=IHOA, dst=IHA) / ICMP()),
    ]  # fmt: skip
    capture = ethernet([*lease(), *upkeep])
    assert data(capture) == []
    assert sum(capture.set_aside.values()) == len(upkeep) + 4
    # The same name server is user data for an address that did not come with it.
    assert data(ethernet([*lease(), out(IP(src=COA, dst="10.1.0.54") / UDP(sport=4000, dport=53) / DNS())]))


def test_other_stations_traffic_is_not_the_nodes() -> None:
    strange = bytes(Ether(src="02:00:00:00:00:77", dst="02:00:00:00:00:78") / user("10.1.1.5", SERVER))
    capture = ethernet([*lease(), strange])
    assert data(capture) == [] and capture.set_aside["not the node's"] == 1


def test_fragments_are_what_their_first_one_is() -> None:
    def pieces(packet: Packet) -> list[bytes]:
        return [out(p) for p in packet.fragment(480)]

    clear = IP(src=COA, dst=IHA, id=7) / user(IHOA, SERVER, 1200)
    hidden = IP(src=COA, dst=VPN, id=8) / UDP(sport=4500, dport=4500) / Raw(struct.pack("!II", 9, 1) + b"e" * 1200)
    exchange = IP(src=COA, dst=VPN, id=9) / ike(COA, VPN)[UDP] / Raw(b"certificate" * 100)
    del exchange[UDP].len
    capture = ethernet([*lease(), *pieces(clear), *pieces(hidden), *pieces(exchange)])
    assert [d[1:] for d in data(capture)] == [("out", "none", "ip/ip")] * 3 + [("out", "esp", "ip/udp4500/esp")] * 3
    assert capture.set_aside["key exchange"] == 3


def test_fragments_without_their_first_one() -> None:
    inner = IP(src=COA, dst=IHA) / IP(src=IHOA, dst=SERVER, proto=17, frag=100) / Raw(b"x" * 50)
    outer = IP(src=COA, dst=IHA, proto=4, frag=100) / Raw(b"x" * 50)
    sealed = IP(src=COA, dst=VPN, proto=50, frag=100) / Raw(b"x" * 50)
    unknown = IP(src=COA, dst=XHA, proto=4, frag=100) / Raw(b"x" * 50)
    capture = ethernet([*lease(), out(inner), out(outer), out(sealed), out(unknown)])
    assert [d[2:] for d in data(capture)] == [("none", "ip/ip"), ("none", "ip/ip"), ("esp", "ip/esp")]
    assert capture.set_aside["fragment without its first"] == 1
    # What goes to an end of a layer could be in it or not, which only the first fragment would tell.
    assert capture.holes == ("frame 8: a fragment without its first may have carried anything",)
    elsewhere = ethernet([*lease(), out(IP(src=COA, dst="198.18.0.1", proto=17, frag=100) / Raw(b"x" * 50))])
    assert elsewhere.holes == () and [e.args.get("scope") for e in elsewhere.events] == [None, None, "other"]


# Tunnel devices, key exchange and security association.


def test_vpn_signalling_on_the_tunnel_device() -> None:
    devices = [Device("eth0"), Device("ipsec0", RAW), Device("xmip", RAW)]
    inner, answer = bytes(request(TIA)), bytes(signed(reply(TIA), KEY))
    records = [Record(i, frame) for i, frame in enumerate(lease(OUTSIDE))]
    records += [
        Record(10, out(request(OUTSIDE, XHA, XHA, XHOA))),
        Record(20, out(IP(src=OUTSIDE, dst=XHA) / ike(XHOA, VPN))),
        Record(21, bytes(ike(XHOA, VPN)), 2),
        Record(22, into(IP(src=XHA, dst=OUTSIDE) / ike(VPN, XHOA, responder=b"responds"))),
        Record(23, out(IP(src=OUTSIDE, dst=XHA) / ike(XHOA, VPN, responder=b"responds", port=4500))),
        Record(30, inner, 1),
        Record(31, out(IP(src=OUTSIDE, dst=XHA) / esp(XHOA, VPN))),
        Record(40, into(IP(src=XHA, dst=OUTSIDE) / esp(VPN, XHOA, 0x5678))),
        Record(41, answer, 1),
        Record(50, bytes(user(IHOA, SERVER)), 1),
        Record(51, out(IP(src=OUTSIDE, dst=XHA) / esp(XHOA, VPN))),
    ]
    capture = read(pcapng(records, devices))
    assert brief(capture.events) == [
        ("eth0", "link", "up"),
        ("eth0", "coa", "colocated"),
        ("eth0", "rrq", "xha", "direct"),
        ("eth0", "ike", "start"),
        ("eth0", "ike", "established"),
        ("eth0", "sa", "up"),
        ("eth0", "rrq", "iha", "vpn"),
        ("eth0", "data", "out", "esp"),
        ("eth0", "data", "in", "esp"),
        ("eth0", "rrp", "iha", "vpn"),
        ("eth0", "data", "out", "esp"),
    ]
    by_kind = {e.kind: e.args for e in capture.events}
    assert by_kind["sa"]["tia"] == number(TIA)
    assert by_kind["rrp"]["auth"] == "ok"
    start = next(e.args for e in capture.events if e.kind == "ike")
    assert start == {"phase": "start", "src": number(XHOA), "dst": number(VPN), "version": 2}
    assert capture.set_aside["tunnel interface"] == 2
    assert capture.hidden == ()


def test_registration_inside_esp_is_hidden() -> None:
    capture = ethernet([*lease(OUTSIDE), out(esp(OUTSIDE, VPN))])
    seen = [e for e in capture.events if e.kind != "gap"]  # that no registration is seen at all, says another test
    assert brief(seen)[2:] == [("eth0", "sa", "up"), ("eth0", "data", "out", "esp")]
    assert len(capture.hidden) == 1 and "[[esp_sa]]" in capture.hidden[0]


def test_nothing_is_hidden_where_the_inside_of_the_vpn_was_captured() -> None:
    inside = bytes(IP(src=TIA, dst=IHA) / user(IHOA, SERVER))
    records = [*(Record(i, f) for i, f in enumerate(lease(OUTSIDE))), Record(9, out(esp(OUTSIDE, VPN)))]
    capture = read(pcapng([*records, Record(10, inside, 1)], [Device("eth0"), Device("ipsec0", RAW)]))
    assert capture.hidden == ()


def test_a_copy_on_a_tunnel_device_does_not_count() -> None:
    devices = [Device("eth0"), Device("imip", RAW), Device("ipsec0", RAW)]
    asked = signed(request(), KEY)
    cut = out(asked)[:-1]  # the snap length may differ
    records = [
        Record(0, bytes(asked), 1),
        Record(1000, cut, 0, len(cut) + 1),
        Record(SECOND, bytes(request(TIA, id=2)), 1),
    ]
    records += [Record(SECOND + 1000, bytes(request(TIA, id=2)), 2)]
    capture = read(pcapng(records, devices))
    assert brief(capture.events) == [
        ("eth0", "rrq", "iha", "direct"),
        ("-", "rrq", "iha", "vpn"),
    ]


def test_loopback_is_set_aside() -> None:
    capture = read(pcapng([Record(0, out(user(IHOA, SERVER)))], [Device("lo")]))
    assert capture.events == [] and capture.set_aside == {"loopback": 1}


def test_frames_are_put_in_order_of_time() -> None:
    devices = [Device("eth0"), Device("wlan0")]
    records = [Record(30, out(user(IHOA, SERVER)), 0), Record(10, out(request()), 1), Record(20, into(reply()), 1)]
    capture = read(pcapng(records, devices))
    assert [(e.kind, e.at.frame, e.interface) for e in capture.events] == [
        ("rrq", 2, "wlan0"),
        ("rrp", 3, "wlan0"),
        ("data", 1, "eth0"),
    ]


# Link types.


EXPECTED = [("rrq", "iha", "direct"), ("rrp", "iha", "direct"), ("data", "out", "none")]


@pytest.mark.parametrize(
    ("linktype", "heads"),
    [
        (RAW, [b"", b""]),
        (228, [b"", b""]),
        (NULL, [b"\2\0\0\0", b"\0\0\0\2"]),
        (LOOP, [b"\0\0\0\2", b"\0\0\0\2"]),
        (ETHERNET, [bytes(Ether(src=m, dst=n) / Dot1Q(vlan=5, type=0x0800)) for m, n in [(NODE_MAC, PEER_MAC)] * 2]),
    ],
)
def test_link_types(linktype: int, heads: list[bytes]) -> None:
    frames = [heads[i % 2] + bytes(packet) for i, packet in enumerate(SESSION)]
    if linktype == ETHERNET:
        frames[1] = bytes(Ether(src=PEER_MAC, dst=NODE_MAC) / Dot1Q(vlan=5) / Dot1Q(vlan=6) / SESSION[1])
    capture = read(pcap([Record(i, f) for i, f in enumerate(frames)], linktype))
    assert brief(capture.events) == [("if0", *rest) for rest in EXPECTED]


def test_cooked_2_has_an_index_and_a_device_type() -> None:
    frames = [
        sll2(SESSION[0], 4, NODE_MAC, 3),
        sll2(SESSION[1], 0, PEER_MAC, 3),
        sll2(user(IHOA, SERVER), 4, NODE_MAC, 9, device=0xFFFE),
        sll2(SESSION[2], 4, NODE_MAC, 3),
        sll2(user("127.0.0.1", "127.0.0.1"), 0, NODE_MAC, 1, device=772),
    ]
    capture = read(pcap([Record(i, f) for i, f in enumerate(frames)], SLL2))
    assert brief(capture.events) == [("if3", *rest) for rest in EXPECTED]
    assert capture.set_aside == {"tunnel interface": 1, "loopback": 1}
    assert capture.interfaces == ("if3", "if9", "if1")


def test_cooked_1_of_one_interface() -> None:
    frames = [sll(p, k, m) for p, k, m in zip(SESSION, (4, 0, 4), (NODE_MAC, PEER_MAC, NODE_MAC), strict=True)]
    capture = read(pcap([Record(i, f) for i, f in enumerate(frames)], SLL))
    assert brief(capture.events) == [("if0", *rest) for rest in EXPECTED]
    assert any("cooked, version 1" in note for note in capture.notes)


def test_cooked_1_of_two_interfaces_is_told_apart_by_address() -> None:
    second = "02:00:00:00:00:02"
    frames = [
        sll(request(), 4, NODE_MAC),
        sll(user(IHOA, SERVER), 4, NODE_MAC, device=0xFFFE),
        sll(request(OUTSIDE, XHA, XHA, XHOA), 4, second),
        sll(reply(OUTSIDE, XHA, XHOA), 0, PEER_MAC),
        sll(reply(), 0, "02:00:00:00:00:fd"),
        sll(IP(src=COA, dst=IHA) / user(IHOA, SERVER), 4, second),
    ]
    capture = read(pcap([Record(i, f) for i, f in enumerate(frames)], SLL))
    assert [(e.interface, e.kind) for e in capture.events] == [
        ("if0.0", "rrq"),
        ("if0.1", "rrq"),
        ("if0.1", "rrp"),
        ("if0.0", "rrp"),
        ("if0.1", "data"),
    ]
    assert any("told apart by address" in note for note in capture.notes)


def test_raw_ip_beside_ethernet_is_pointed_out() -> None:
    devices = [Device("eth0"), Device("tun7", RAW)]
    capture = read(pcapng([Record(0, out(request())), Record(1, bytes(user(IHOA, SERVER)), 1)], devices))
    assert any(note.startswith("tun7: raw IP") for note in capture.notes)
