"""Signalling in full: extensions, replay protection, advertisements, DHCP, ARP and key exchange."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mipcheck.checker.capture.events.reader import Reader
from mipcheck.checker.capture.frames.frame import Frame
from mipcheck.checker.capture.headers import layers
from mipcheck.checker.capture.headers import packet as headers
from mipcheck.checker.capture.messages import dhcp as dhcp_messages
from mipcheck.checker.capture.messages import extensions as ext
from mipcheck.checker.capture.messages import ike as ike_messages
from mipcheck.checker.capture.messages import mobileip
from mipcheck.checker.capture.messages.extensions import Extension, extensions
from mipcheck.checker.capture.messages.identification import Timestamps, is_clock
from mipcheck.checker.capture.node.knowledge import Knowledge
from mipcheck.checker.site.site import MnHaKey, Site
from mipcheck.model.values.event import Event
from scapy.layers.inet import IP, UDP
from scapy.layers.isakmp import ISAKMP, ISAKMP_payload
from scapy.layers.l2 import ARP
from scapy.packet import Packet, Raw

from making.files import START, Record, pcapng
from making.packets import (
    COA,
    GATEWAY,
    IHA,
    IHOA,
    KEY,
    NODE_MAC,
    OUTSIDE,
    PEER_MAC,
    SERVER,
    SITE,
    VPN,
    XHOA,
    dhcp,
    esp,
    into,
    lease,
    number,
    out,
    reply,
    request,
    signed,
    user,
)
from making.reading import brief, ethernet, read
from making.signalling import NAI, TNC, advert, bootp, generic, isakmp, long, simple, to_gateway, with_extensions

SECOND = 10**9
CLOCK = START // SECOND + 2_208_988_800
"""Upper half of an identification at START."""


# Extensions.


def test_every_extension_is_read() -> None:
    message = bytes(request()[UDP].payload) + b"".join(
        [
            NAI,
            simple(132, b"challenge"),
            long(38, 0, struct.pack("!IH", 9, 5) + b"critical"),
            simple(134, struct.pack("!HIH", 0, 9, 6) + b"normal"),
            simple(144, struct.pack("!BBBBH", 0, 0, 0x80, 47, 0)),
            simple(136, b"\x01ha@example.com"),
            TNC,
            long(36, 1, struct.pack("!I", 7) + b"aaa"),
            simple(32, struct.pack("!I", 256) + b"x" * 16),
            simple(33, struct.pack("!I", 257) + b"y" * 16),
            simple(200, b""),
            simple(44, struct.pack("!BBHH", 0, 64, 0x8000, 110)),
        ]
    )
    found = list(extensions(message))
    assert [e.type for e in found] == [131, 132, 38, 134, 144, 136, 149, 36, 32, 33, 200, 44]
    by_type = {e.type: e for e in found}
    assert [ext.nai(e) for e in found if ext.nai(e)] == ["node@example.com", "ha@example.com"]
    assert ext.vendor(by_type[38]) == ext.Vendor(9, 5, b"critical")
    assert ext.vendor(by_type[134]) == ext.Vendor(9, 6, b"normal")
    assert ext.tunnel_request(by_type[144]) == ext.TunnelRequest(True, False, 47)
    assert ext.tunnel_reply(by_type[44]) == ext.TunnelReply(64, True, 110)
    assert ext.is_tnc(by_type[149]) and by_type[36].subtype == ext.MN_AAA
    assert ext.authenticator_of(by_type[36]) == (7, b"aaa")
    assert ext.authenticator_of(by_type[33]) == (257, b"y" * 16)
    assert (by_type[200].name, by_type[200].skippable, by_type[32].skippable) == ("extension 200", True, False)
    assert not ext.is_torn(message) and ext.is_torn(message + b"\x83\x09abc")


def test_what_is_no_such_extension_is_not_read_as_one() -> None:
    empty = Extension(200, 24, b"")
    assert (ext.nai(empty), ext.vendor(empty), ext.tunnel_request(empty), ext.tunnel_reply(empty)) == (
        "",
        None,
        None,
        None,
    )
    assert ext.vendor(Extension(38, 24, b"short")) is None and ext.authenticator_of(Extension(32, 24, b"ab")) == (
        0,
        b"",
    )
    reserved = Extension(144, 24, struct.pack("!BBBH", 0, 0, 4, 1), 0, 6)
    assert ext.tunnel_request(reserved) is None  # what has to be zero is not, so that it counts as not understood


pieces = st.one_of(
    st.tuples(st.integers(1, 255).filter(lambda k: k not in (36, 37, 38, 47)), st.none(), st.binary(max_size=60)),
    st.tuples(st.sampled_from([36, 37, 38, 47]), st.integers(0, 255), st.binary(max_size=300)),
)


@given(st.lists(pieces, max_size=6), st.integers(0, 3))
def test_extensions_round_trip(given: list[tuple[int, int | None, bytes]], padding: int) -> None:
    message = bytes(reply()[UDP].payload)
    for kind, subtype, data in given:
        message += bytes(padding) + (simple(kind, data) if subtype is None else long(kind, subtype, data))
    found = list(extensions(message))
    assert [e.type for e in found] == [kind for kind, _, _ in given]
    assert [e.length for e in found] == [len(data) for _, _, data in given]
    for e, (_, subtype, data) in zip(found, given, strict=True):
        whole = data if e.subtype is None or subtype is not None else bytes([e.subtype]) + e.data
        assert whole == data and e.data in (data, data[1:])
    assert not ext.is_torn(message)


# Authentication.


def auth(packet: Packet, site: Site = SITE) -> str:
    events = ethernet([out(request()), into(packet)], site).events
    return str(next(e for e in reversed(events) if e.kind == "rrp").args["auth"])


def test_exactly_one_authenticator() -> None:
    twice = signed(signed(reply(), KEY), KEY)
    assert auth(signed(reply(), KEY)) == "ok"
    assert auth(twice) == "bad"
    assert auth(twice, Site(addresses=SITE.addresses)) == "bad"


def test_authenticators_that_are_none() -> None:
    assert auth(with_extensions(reply(), simple(32, b"\0\0\1\0"))) == "bad"
    assert auth(with_extensions(reply(), simple(32, b"\0"))) == "bad"
    assert auth(with_extensions(reply(), bytes([32, 20, 0, 0]))) == "absent"  # longer than the message
    assert auth(with_extensions(reply(), long(36, 1, b"\0\0\0\2" + b"x" * 16))) == "unchecked"
    assert auth(with_extensions(reply(), long(36, 2, b"\0\0\0\2" + b"x" * 16))) == "absent"
    assert auth(with_extensions(reply(), simple(33, b"\0\0\1\0" + b"x" * 16))) == "absent"


def test_the_keys_of_the_other_agent_do_not_help() -> None:
    assert (
        auth(
            signed(reply(), KEY), Site(addresses=SITE.addresses, mn_ha_keys=(MnHaKey("xha", 256, "hmac-md5", KEY.key),))
        )
        == "unchecked"
    )


def test_what_follows_the_authenticator_is_not_covered() -> None:
    frames = [out(request()), into(signed(reply(), KEY, before=TNC)), into(signed(reply(), KEY, after=TNC))]
    replies = [e.args for e in ethernet(frames).events if e.kind == "rrp"]
    assert [(r["auth"], r["tnc"]) for r in replies] == [("ok", "yes"), ("ok", "no")]
    other = signed(reply(), KEY, before=simple(149, b"\1\0"))
    assert ethernet([out(request()), into(other)]).events[-1].args["tnc"] == "no"


def test_a_key_that_fits_not_even_the_nodes_own_requests_is_pointed_out() -> None:
    capture = ethernet([out(signed(request(), KEY, b"other")), into(signed(reply(), KEY, b"other"))])
    assert capture.events[-1].args["auth"] == "bad"
    assert any("is that the right key?" in note for note in capture.notes)
    assert ethernet([out(signed(request(), KEY))]).notes == ()


def test_codes_have_names() -> None:
    capture = ethernet([out(request()), into(reply(code=133)), into(reply(code=133)), into(reply(code=78))])
    assert capture.notes == (
        "frame 2: a registration with iha is rejected (133, identification mismatch (home agent))",
        "frame 4: a registration with iha is rejected (78, registration timeout (foreign agent))",
    )
    assert mobileip.code_name(0) == "registration accepted" and mobileip.code_name(200).startswith("not assigned")


def test_extensions_that_spoil_a_message_are_noted() -> None:
    strange, torn = with_extensions(reply(), simple(99, b"?")), with_extensions(reply(), bytes([131, 9, 0]))
    assert ethernet([out(request()), into(strange), into(torn), into(with_extensions(reply(), NAI))]).notes == (
        "frame 2: extension 99 is not known here, and who does not know it discards the message",
        "frame 3: the last extension of a registration message runs past its end",
    )


# Identifications.


def exchange(pairs: Sequence[tuple[int, int, int]]) -> list[bytes]:
    """Requests and replies: identifications and codes."""
    return [
        frame
        for asked, answered, code in pairs
        for frame in (out(request(id=asked)), into(signed(reply(id=answered, code=code), KEY)))
    ]


def test_identifications_are_given_on_as_they_were_sent() -> None:
    """How they are compared is the specification's: nothing is made of nonces that are suspected here."""
    nonces = [0x1111, 0x2222, 0x3333, 0x4444]
    pairs = [(nonces[i] << 32 | i + 7, nonces[i + 1] << 32 | i + 7, 0) for i in range(3)]
    capture = ethernet(exchange(pairs))
    assert [e.args["id"] for e in capture.events] == [
        part for asked, answered, _ in pairs for part in (asked, answered)
    ]
    assert capture.notes == ()


def test_time_of_day() -> None:
    assert is_clock(CLOCK << 32, START) and is_clock((CLOCK + 86_000) << 32, START)
    assert not is_clock((CLOCK + 90_000) << 32, START) and not is_clock(5, START)
    era = (2**32 - 2_208_988_800) * SECOND
    assert is_clock(3 << 32, era) and is_clock((2**32 - 3) << 32, era)  # in 2036 it starts again


def test_timestamps_that_go_back_are_noted() -> None:
    frames = [out(request(id=(CLOCK + i) << 32)) for i in (5, 5, 4)]
    assert ethernet(frames).notes == (
        "frame 3: the identification of a request to iha is below that of an earlier one",
    )


@given(st.lists(st.integers(0, 2**64 - 1), max_size=20))
def test_whatever_is_below_an_earlier_one_goes_back(stamps: list[int]) -> None:
    seen = Timestamps()
    assert [seen.goes_back("iha", s) for s in stamps] == [s < max(stamps[:n], default=0) for n, s in enumerate(stamps)]


# Advertisements.


def test_advertisement_in_full() -> None:
    after = simple(19, bytes([24])) + b"\0" + simple(24, b"challenge") + simple(131, b"fa@example.com")
    packet = advert(["10.1.2.1", "10.1.2.2"], 0x9680, after=after)
    found = mobileip.read_advertisement(bytes(packet)[20:])
    assert found == mobileip.Advertisement(
        7, 600, frozenset("RFGrU"), (number("10.1.2.1"), number("10.1.2.2")), "fa@example.com", b"challenge", (24,)
    )
    event = ethernet([*lease(), into(packet)]).events[-1]
    assert event.args == {"agent": number("10.1.2.1"), "coa": number("10.1.2.1"), "seq": 7, "nai": "fa@example.com"}


def test_advertisements_that_offer_no_care_of_address() -> None:
    home = advert([], 0x2000)
    capture = ethernet(
        [*lease(), into(home), into(advert(["10.1.2.1"], routers=3)), into(advert(["10.1.2.1"], sequence=0))]
    )
    assert [e.args.get("seq") for e in capture.events[2:]] == [7, 0]
    assert capture.set_aside["router advertisement"] == 1


@pytest.mark.slow
@given(st.sets(st.sampled_from("RBHFMGrTU")))
def test_flags_of_an_advertisement(letters: set[str]) -> None:
    flags = sum(0x8000 >> "RBHFMGrTU".index(letter) for letter in letters)
    found = mobileip.read_advertisement(bytes(advert(["10.1.2.1"], flags))[20:])
    assert found is not None and found.flags == letters


# DHCP and ARP.


def test_a_reboot_is_a_change_and_a_renewal_is_none() -> None:
    reboot = bootp([("message-type", "request"), ("requested_addr", COA)], op=1)
    chosen = bootp([("message-type", "request"), ("requested_addr", COA), ("server_id", GATEWAY)], op=1)
    again = dhcp("ack", COA, 9)
    assert [e.kind for e in ethernet([*lease(), reboot, again]).events] == ["link", "coa", "coa"]
    assert [e.kind for e in ethernet([*lease(), chosen, again]).events] == ["link", "coa"]
    renewal = dhcp("request", xid=9, current=COA)
    assert [e.kind for e in ethernet([*lease(), renewal, again]).events] == ["link", "coa"]


def test_an_address_that_is_refused_or_released_is_void() -> None:
    renewal = [dhcp("request", xid=9, current=COA), dhcp("ack", COA, 9)]
    refused = bootp([("message-type", "nak")], op=2)
    released = bootp([("message-type", "release")], op=1, ciaddr=COA)
    for void in (refused, released):
        assert [e.at.frame for e in ethernet([*lease(), void, *renewal]).events] == [1, 4, 7]


def test_a_discovery_alone_is_no_change() -> None:
    assert (
        len(ethernet([*lease(), dhcp("discover", xid=5), dhcp("offer", COA, 5)]).events) == 2
    )  # the first one shows that the link came up


def test_domain_of_the_offer_and_options_elsewhere() -> None:
    offer = bootp([("message-type", "offer"), ("domain", b"corp.example")], op=2, yiaddr=COA)
    ack = bootp([("message-type", "ack"), ("lease_time", 600)], op=2, yiaddr=COA)
    assert ethernet([offer, ack]).events[-1].args["domain"] == "corp.example"
    elsewhere = bootp(
        [("message-type", "ack"), (52, b"\3"), ("lease_time", 600)],
        op=2,
        yiaddr=COA,
        file=b"\x0f\x05a.com\xff",
        sname=b"\x03\x04\x0a\x01\x01\x01\xff",
    )
    message = dhcp_messages.read_message(elsewhere[42:])
    assert message is not None
    assert (message.domain, message.routers, message.lease) == ("a.com", (number(GATEWAY),), 600)


def arp(packet: Packet, direction: str = "", mac: str = NODE_MAC) -> headers.Packet:
    found = headers.Packet(9, START, "eth0", 42, why="arp", payload=bytes(packet), direction=direction)
    found.source_mac = bytes.fromhex(mac.replace(":", ""))
    return found


def announce(address: str, mac: str = NODE_MAC) -> Packet:
    return ARP(op=1, hwsrc=mac, psrc=address, pdst=address)


def arps(*packets: headers.Packet, before: Sequence[headers.Packet] = ()) -> list[Event]:
    known = Knowledge({}, home={number(IHOA)}, macs={"eth0": {bytes.fromhex(NODE_MAC.replace(":", ""))}})
    reader = Reader("t", SITE, known, {})
    for packet in (*before, *packets):
        reader.take(packet)
    return [e for e in reader.events if e.at.frame == 9]


def test_an_announced_address_is_a_new_care_of_address() -> None:
    up, event = arps(arp(announce(COA)), arp(announce(COA)))
    assert event.args == {"kind": "colocated", "addr": number(COA)}
    assert (up.kind, up.args) == ("link", {"state": "up"})
    assert len(arps(arp(announce(COA)), arp(announce(OUTSIDE)))) == 3


@pytest.mark.parametrize(
    "packet",
    [
        arp(ARP(op=1, hwsrc=NODE_MAC, psrc=COA, pdst=GATEWAY)),
        arp(announce(COA, PEER_MAC)),
        arp(announce(COA), "in"),
        arp(announce(IHOA)),
        arp(announce(XHOA)),
        arp(announce("169.254.1.2")),
        arp(announce("0.0.0.0")),
        arp(Raw(bytes(announce(COA))[:27])),
        arp(Raw(b"\0\6" + bytes(announce(COA))[2:])),
    ],
)
def test_other_arp_is_no_evidence(packet: headers.Packet) -> None:
    assert arps(packet) == []


def test_arp_after_dhcp_says_nothing_new() -> None:
    frames = [layers.decode(Frame(1, START, "eth0", 1, frame, len(frame), "")) for frame in lease()]
    assert arps(arp(announce(OUTSIDE)), before=frames) == []


# Key exchange.


def test_scapy_and_we_read_the_same_header() -> None:
    packet = ISAKMP(init_cookie=b"initiatr", resp_cookie=b"responds", version=0x10, exch_type=5, flags=1, id=77)
    message = ike_messages.read_message(bytes(packet / ISAKMP_payload(load=b"x" * 20)))
    assert message is not None
    assert (message.initiator, message.responder, message.version) == (b"initiatr", b"responds", 1)
    assert (message.exchange, message.message_id, message.encrypted, message.name) == (5, 77, True, "informational")
    assert message.payloads == () and not message.begins


def test_vendor_ids_and_nat_detection() -> None:
    known = [hashlib.md5(t).digest() for t in (b"RFC 3947", b"draft-ietf-ipsec-nat-t-ike-03", b"strongSwan")]
    ids = [*known, bytes.fromhex("4048b7d56ebce88525e7de7f00d6c2d380000000"), b"somebody else's"]
    following = [13] * (len(ids) - 1) + [20]
    body = b"".join(generic(n, i) for n, i in zip(following, ids, strict=True)) + generic(0, b"hash")
    message = ike_messages.read_message(isakmp(body, 13))
    assert message is not None and message.begins and message.detects_nat
    assert message.vendors[:4] == (
        "NAT traversal (RFC 3947)",
        "NAT traversal (draft 03)",
        "strongSwan",
        "fragmentation",
    )
    assert message.vendors[4].startswith("unknown (736f6d65")
    notify = generic(0, struct.pack("!BBH", 0, 0, 16388))
    second = ike_messages.read_message(isakmp(notify, 41, 0x20, 34))
    assert second is not None and second.detects_nat and second.notifications == (16388,)
    capture = ethernet([to_gateway(isakmp(body, 13)), to_gateway(isakmp(body, 13))])
    assert [e.kind for e in capture.events] == ["ike"]
    assert any("strongSwan" in note for note in capture.notes)


def test_only_what_begins_an_exchange_is_a_start() -> None:
    child = isakmp(b"", 46, 0x20, 36, b"initiatrresponds")
    rekeyed = isakmp(b"", 46, 0x20, 37, b"other-idresponds")
    stray = isakmp(b"", 0, 0x10, 5, b"straymsg" + bytes(8))
    first = isakmp(b"", 33, 0x20, 34)
    capture = ethernet(
        [to_gateway(first), to_gateway(first), to_gateway(child, 4500), to_gateway(rekeyed), to_gateway(stray)]
    )
    assert brief(capture.events) == [("eth0", "ike", "start")]


def test_an_exchange_is_abandoned_for_another() -> None:
    first, second = (isakmp(b"", 33, 0x20, 34, c + bytes(8)) for c in (b"first-id", b"secondid"))
    late = isakmp(b"", 46, 0x20, 35, b"first-idresponds")
    phases = [("eth0", "ike", p) for p in ("start", "abandoned", "start")]
    assert brief(ethernet([to_gateway(first), to_gateway(second)]).events) == phases
    assert brief(ethernet([to_gateway(first), to_gateway(second), to_gateway(late)]).events) == [phases[0], phases[2]]
    with_esp = ethernet([to_gateway(first), out(esp(XHOA, VPN)), to_gateway(second)])
    assert ("eth0", "ike", "abandoned") not in brief(with_esp.events)


def test_deletions_in_the_clear() -> None:
    def delete(protocol: int, spi: bytes) -> bytes:
        body = generic(0, struct.pack("!IBBH", 1, protocol, len(spi), 1) + spi)
        return isakmp(body, 12, 0x10, 5, b"initiatrresponds")

    message = ike_messages.read_message(delete(3, b"\0\0\x56\x78"))
    assert message is not None and message.deletions == (ike_messages.Deletion(3, (b"\0\0\x56\x78",)),)
    incoming = into(esp(VPN, XHOA, 0x5678))
    frames = [out(esp(XHOA, VPN)), incoming, to_gateway(delete(3, b"\0\0\0\1")), to_gateway(delete(3, b"\0\0\x56\x78"))]
    events = ethernet([*frames, to_gateway(delete(1, b"i" * 16))]).events
    assert brief([e for e in events if e.kind != "data"]) == [
        ("eth0", "sa", "up"),
        ("eth0", "sa", "down"),
        ("eth0", "ike", "deleted"),
    ]
    foreign = into(IP(src=VPN, dst=XHOA) / UDP(sport=500, dport=500) / Raw(delete(1, b"i" * 16)))
    assert ethernet([foreign]).events == []


@given(st.binary(max_size=200), st.sampled_from([0x10, 0x20, 0x30]), st.integers(0, 60))
def test_arbitrary_key_exchange(data: bytes, version: int, kind: int) -> None:
    for raw in (data, isakmp(data, kind, version)):
        message = ike_messages.read_message(raw)
        if message is not None:
            assert message.name and isinstance(message.vendors, tuple) and isinstance(message.deletions, tuple)
            assert message.begins in (True, False) and message.detects_nat in (True, False)


@given(st.binary(max_size=120))
def test_arbitrary_arp(data: bytes) -> None:
    arps(headers.Packet(9, START, "eth0", 42, why="arp", payload=data, direction="out"))


# Events → packets → the same events.

addresses = st.integers(0x0B000001, 0xDFFFFFFE)
moments = st.lists(st.integers(1, 10**6), min_size=1, max_size=12)


def dotted(address: int) -> str:
    return ".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0))


@st.composite
def stories(draw: st.DrawFn) -> list[tuple[str, dict[str, Any]]]:
    """Events of a session on one interface, as a log would have them, after the care-of address was got."""
    story: list[tuple[str, dict[str, Any]]] = []
    coa = number(COA)
    for _ in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(["coa", "rrq", "rrp", "out", "in", "esp"]))
        agent = draw(st.sampled_from(["iha", "xha"]))
        home = SITE.addresses["ihoa" if agent == "iha" else "xhoa"]
        identification = draw(st.integers(0, 2**64 - 1))
        if kind == "coa":
            coa = draw(addresses.filter(lambda a: a != coa))  # noqa: B023
            story.append(("coa", {"kind": "colocated", "addr": coa}))
        elif kind == "rrq":
            flags = draw(st.sets(st.sampled_from("SBMGrT")))
            story.append(
                (
                    "rrq",
                    {
                        "to": agent,
                        "path": "direct",
                        "coa": coa,
                        "flags": frozenset(flags | {"D"}),
                        "lifetime": draw(st.integers(0, 65535)),
                        "id": identification,
                        "home": home,
                    },
                )
            )
        elif kind == "rrp":
            story.append(
                (
                    "rrp",
                    {
                        "from": agent,
                        "path": "direct",
                        "code": draw(st.integers(0, 255)),
                        "lifetime": draw(st.integers(0, 65535)),
                        "id": identification,
                        "auth": draw(st.sampled_from(["ok", "bad", "absent", "unchecked"])),
                        "home": home,
                        "tnc": draw(st.sampled_from(["yes", "no"])),
                    },
                )
            )
        else:
            peer, own = (number(VPN), coa) if kind == "esp" else (number(SERVER), SITE.addresses["ihoa"])
            source, target = (peer, own) if kind == "in" else (own, peer)
            story.append(
                (
                    "data",
                    {
                        "dir": "in" if kind == "in" else "out",
                        "protection": "esp" if kind == "esp" else "none",
                        "stack": "ip/udp4500/esp" if kind == "esp" else "ip/ip",
                        "src": source,
                        "dst": target,
                    },
                )
            )
    return story


def packets(story: list[tuple[str, dict[str, Any]]]) -> list[bytes]:
    """The packets of a story, made by scapy."""
    frames: list[bytes] = []
    coa = COA
    keys = {"iha": KEY, "xha": MnHaKey("xha", 512, "keyed-md5", b"x-ha-key")}
    for at, (kind, args) in enumerate(story):
        if kind == "coa":
            coa = dotted(args["addr"])
            frames += [dhcp("discover", xid=100 + at), dhcp("ack", coa, 100 + at)]
        elif kind == "rrq":
            bits = sum(0x80 >> "SBDMGrT".index(letter) for letter in args["flags"])
            agent = dotted(SITE.addresses[args["to"]])
            asked = request(
                coa, agent, agent, dotted(args["home"]), flags=bits, lifetime=args["lifetime"], id=args["id"]
            )
            frames.append(out(asked))
        elif kind == "rrp":
            agent = dotted(SITE.addresses[args["from"]])
            fields = {k: args[k] for k in ("code", "lifetime", "id")}
            answered = reply(coa, agent, dotted(args["home"]), **fields)
            before = TNC if args["tnc"] == "yes" else b""
            key = keys[args["from"]]
            if args["auth"] == "absent":
                answered = with_extensions(answered, before)
            elif args["auth"] == "unchecked":
                answered = signed(answered, MnHaKey(key.agent, 999, key.algorithm, key.key), before=before)
            else:
                answered = signed(answered, key, None if args["auth"] == "ok" else b"wrong", before=before)
            frames.append(into(answered))
        elif args["protection"] == "esp":
            frames.append(out(esp(coa, VPN)))
        elif args["dir"] == "out":
            frames.append(out(IP(src=coa, dst=IHA) / user(IHOA, SERVER)))
        else:
            frames.append(into(IP(src=IHA, dst=coa) / user(SERVER, IHOA)))
    return frames


@pytest.mark.slow
@settings(deadline=None, max_examples=150)
@given(stories())
def test_events_to_packets_and_back(story: list[tuple[str, dict[str, Any]]]) -> None:
    start = [("coa", {"kind": "colocated", "addr": number(COA)})]
    site = Site(
        addresses=SITE.addresses,
        internal=SITE.internal,
        mn_ha_keys=(KEY, MnHaKey("xha", 512, "keyed-md5", b"x-ha-key")),
    )
    capture = read(pcapng([Record(i * SECOND, frame) for i, frame in enumerate(packets(start + story))]), site)
    derived = ("domain", "bytes")  # told by the packets, not by the story
    told = [
        e for e in capture.events if e.kind not in ("sa", "gap", "link")
    ]  # gaps: whether a reply counts, or why none came
    found = [(e.kind, {k: v for k, v in e.args.items() if k not in derived}) for e in told]
    assert found == start + story
