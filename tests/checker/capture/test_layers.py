"""Link layers, tunnels, fragments and losses, in packets that scapy makes, and against tshark's dissection."""

from __future__ import annotations

import io
import random
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mipcheck.checker.capture import Capture, Source, read_captures
from mipcheck.checker.capture.frames.files import open_frames
from mipcheck.checker.capture.frames.frame import Frame
from mipcheck.checker.capture.headers import fragments, layers
from mipcheck.checker.capture.headers import packet as headers
from mipcheck.checker.capture.headers.fragments import OVERLAP, TIMEOUT, UNFINISHED, Reassembler
from mipcheck.checker.capture.node.knowledge import dotted
from mipcheck.checker.check.check import check
from mipcheck.checker.site.site import EspSa
from mipcheck.model.values.event import Event
from scapy.contrib.mpls import MPLS
from scapy.layers.dot11 import Dot11, Dot11Beacon, Dot11QoS, RadioTap
from scapy.layers.inet import IP, TCP, UDP, IPOption_RR
from scapy.layers.l2 import GRE, LLC, SNAP, Dot1Q, Dot3, Ether
from scapy.layers.l2tp import L2TP
from scapy.layers.ppp import HDLC, PPP, PPPoE
from scapy.packet import Packet, Raw

from making.files import RAW, SLL, SLL2, Device, Record, block, option, packet_block, pcap, pcapng
from making.packets import (
    COA,
    IHA,
    IHOA,
    KEY,
    NODE_MAC,
    PEER_MAC,
    SECOND,
    SERVER,
    SITE,
    TUNNELS,
    VPN,
    XHA,
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

BARE, RADIOTAP = 105, 127
ACCESS_POINT = "02:00:00:00:00:aa"
TUNNELLED = TUNNELS["ip/ip"]


def air(
    packet: Packet | bytes, sent: bool = True, ds: str = "", qos: bool = True, number: int = 0, **flags: bool
) -> Packet:
    """A data frame of 802.11 from the node, or to it; `ds` is to-DS, from-DS, both or none."""
    source, target = (NODE_MAC, PEER_MAC) if sent else (PEER_MAC, NODE_MAC)
    ds = ds or ("to-DS" if sent else "from-DS")
    first, second, third, fourth = {
        "to-DS": (ACCESS_POINT, source, target, None),
        "from-DS": (target, ACCESS_POINT, source, None),
        "none": (target, source, ACCESS_POINT, None),
        "to-DS+from-DS": (ACCESS_POINT, PEER_MAC, target, source),
    }[ds]
    bits = {"to-DS": 1, "from-DS": 2, "retry": 8, "protected": 0x40}
    control = sum(bit for name, bit in bits.items() if name in ds or flags.get(name))
    head = Dot11(type=2, subtype=8 if qos else 0, FCfield=control, SC=number,
                 addr1=first, addr2=second, addr3=third, addr4=fourth)  # fmt: skip
    if qos:
        head /= Dot11QoS()
    return head / (LLC() / SNAP() / packet if isinstance(packet, Packet) else Raw(packet))


def on_air(frames: Sequence[Packet | bytes], linktype: int = BARE) -> Capture:
    return read(pcap([Record(i * 1000, bytes(frame)) for i, frame in enumerate(frames)], linktype))


# 802.11.


@pytest.mark.parametrize("radio", [False, True])
@pytest.mark.parametrize("qos", [False, True])
def test_data_frames_of_802_11(qos: bool, radio: bool) -> None:
    frames = [
        air(request(), qos=qos),
        air(signed(reply(), KEY), sent=False, qos=qos),
        air(TUNNELLED, qos=qos, number=16),
    ]
    if radio:
        heads = [RadioTap(), RadioTap(present="TSFT+Flags+Rate"), RadioTap(present="Flags+Rate+Channel")]
        frames = [head / frame for head, frame in zip(heads, frames, strict=True)]
    capture = on_air(frames, RADIOTAP if radio else BARE)
    assert brief(capture.events) == [
        ("if0", "rrq", "iha", "direct"),
        ("if0", "rrp", "iha", "direct"),
        ("if0", "data", "out", "none"),
    ]
    assert capture.events[1].args["auth"] == "ok"


@pytest.mark.parametrize("ds", ["none", "to-DS", "from-DS", "to-DS+from-DS"])
def test_addresses_of_802_11_by_direction(ds: str) -> None:
    for frame in (air(TUNNELLED, ds=ds), RadioTap() / air(TUNNELLED, ds=ds)):
        linktype = RADIOTAP if RadioTap in frame else BARE
        packet = layers.decode(Frame(1, 0, "x", linktype, bytes(frame), len(frame), ""))
        assert (packet.source_mac.hex(":"), packet.target_mac.hex(":")) == (NODE_MAC, PEER_MAC)
        assert packet.stack == "ip/ip"


def test_high_throughput_control_and_padding() -> None:
    frame = bytes(air(TUNNELLED))
    ordered = frame[:1] + bytes([frame[1] | 0x80]) + frame[2:26] + bytes(4) + frame[26:]
    assert layers.decode(Frame(1, 0, "x", BARE, ordered, len(ordered), "")).stack == "ip/ip"
    padded = bytes(RadioTap(present="Flags", Flags="pad")) + frame[:26] + bytes(2) + frame[26:]
    assert layers.decode(Frame(1, 0, "x", RADIOTAP, padded, len(padded), "")).stack == "ip/ip"


def test_what_is_no_readable_data_of_802_11_is_set_aside() -> None:
    beacon = Dot11(type=0, subtype=8, addr1="ff:ff:ff:ff:ff:ff", addr2=ACCESS_POINT, addr3=ACCESS_POINT) / Dot11Beacon()
    acknowledgement = Dot11(type=1, subtype=13, addr1=NODE_MAC)
    null = Dot11(type=2, subtype=4, FCfield=1, addr1=ACCESS_POINT, addr2=NODE_MAC, addr3=ACCESS_POINT)
    bad = RadioTap(present="Flags", Flags="badFCS") / air(TUNNELLED)
    capture = on_air([beacon, acknowledgement, null, air(TUNNELLED, number=1)])
    assert capture.set_aside == {
        "802.11 management": 1,
        "802.11 control": 1,
        "802.11 without data": 1,
        "802.11 fragment": 1,
    }
    assert on_air([bad], RADIOTAP).set_aside == {"bad 802.11 checksum": 1}


def test_encrypted_802_11_of_the_node_is_a_hole_in_the_evidence() -> None:
    closed = air(b"c" * 80, protected=True)
    other = bytes(closed).replace(bytes.fromhex(NODE_MAC.replace(":", "")), b"\2\0\0\0\0\x77")
    capture = on_air([air(request()), closed, other])
    assert capture.set_aside["encrypted 802.11"] == 2
    assert len(capture.holes) == 1 and capture.holes[0].startswith("1 frame of 802.11 is encrypted")
    assert capture.holes[0] in capture.notes
    assert on_air([air(request()), other]).holes == ()


def test_a_frame_that_was_not_acknowledged_counts_once() -> None:
    again = air(TUNNELLED, number=32, retry=True)
    capture = on_air([*(air(IP(bytes(request()))) for _ in range(1)), air(TUNNELLED, number=32), again, again])
    assert [e.kind for e in capture.events] == ["rrq", "data"]
    assert capture.set_aside == {"802.11 retransmission": 2}
    assert [e.kind for e in on_air([air(request()), again]).events] == ["rrq", "data"]  # the first was missed


def test_an_aggregate_is_several_frames() -> None:
    def part(packet: Packet) -> bytes:
        inside = bytes(LLC() / SNAP() / packet)
        frame = bytes(Dot3(src=NODE_MAC, dst=PEER_MAC, len=len(inside))) + inside
        return frame + bytes(-len(frame) % 4)

    body = b"".join(part(packet) for packet in (request(), TUNNELLED, user(IHOA, SERVER, 33)))
    head = bytearray(bytes(air(b"")))
    head[24] |= 0x80
    capture = on_air([bytes(head) + body])
    assert [(e.kind, e.at.frame) for e in capture.events] == [("rrq", 1), ("data", 1), ("data", 1)]


# Ethernet and the like.


def test_ethernet_with_llc_tags_and_pppoe() -> None:
    heads = [
        Dot3(src=NODE_MAC, dst=PEER_MAC) / LLC() / SNAP(),
        Dot3(src=NODE_MAC, dst=PEER_MAC) / LLC(dsap=6, ssap=6, ctrl=3),
        Ether(src=NODE_MAC, dst=PEER_MAC, type=0x88A8) / Dot1Q(vlan=5) / Dot1Q(vlan=6),
        Ether(src=NODE_MAC, dst=PEER_MAC) / Dot1Q(vlan=7) / PPPoE(sessionid=1) / PPP(),
        Ether(src=NODE_MAC, dst=PEER_MAC) / Dot1Q(vlan=7, type=0x8847) / MPLS(label=5, s=0) / MPLS(label=6, s=1),
        Ether(src=NODE_MAC, dst=PEER_MAC, type=0x8848) / MPLS(label=5, s=1),
    ]
    capture = ethernet([*lease(), *(bytes(head / TUNNELLED) for head in heads)])
    assert [d[3] for d in data(capture)] == ["ip/ip"] * 6
    endless = Ether(src=NODE_MAC, dst=PEER_MAC, type=0x8847) / Raw(bytes(4000))
    assert ethernet([bytes(endless)]).set_aside == {"not ip": 1}


def test_what_is_not_ip_says_what_it_is() -> None:
    frames = [
        bytes(Dot3(src=PEER_MAC, dst="01:80:c2:00:00:00") / LLC(dsap=0x42, ssap=0x42, ctrl=3) / Raw(bytes(35))),
        bytes(Ether(type=0x88E5) / Raw(bytes(50))),
        bytes(Ether() / PPPoE() / PPP(proto=0xC021) / Raw(bytes(8))),
    ]
    assert ethernet(frames).set_aside == {"stp": 1, "macsec": 1, "ppp control": 1}


# L2TP.


@pytest.mark.parametrize("fields", [{}, {"hdr": ["length"]}, {"hdr": ["sequence"]}, {"hdr": ["length", "offset"]}])
@pytest.mark.parametrize("framed", [False, True])
def test_l2tp_in_the_clear_is_plaintext(fields: dict[str, Any], framed: bool) -> None:
    inside = (HDLC() if framed else Raw(b"")) / PPP(proto=0x21) / user(IHOA, SERVER)
    packet = IP(src=COA, dst=VPN) / UDP(sport=1701, dport=1701) / L2TP(tunnel_id=3, session_id=4, **fields) / inside
    capture = ethernet([*lease(), out(packet)])
    assert data(capture) == [(5, "out", "none", "ip/udp1701/l2tp/ppp/ip")]


def test_l2tp_control_is_set_aside_and_what_is_compressed_is_not() -> None:
    """What nobody can read in the clear goes to the gateway all the same, in no layer that would protect it."""
    control = IP(src=COA, dst=VPN) / UDP(sport=1701, dport=1701) / Raw(b"\xc8\2\0\x0c" + bytes(8))
    closed = IP(src=COA, dst=VPN) / UDP(sport=1701, dport=1701) / Raw(b"\0\2\0\1\0\2\xff\3\0\xfd" + bytes(40))
    elsewhere = IP(src=COA, dst="198.18.0.1") / closed[UDP]
    capture = ethernet([*lease(), out(control), out(closed), out(elsewhere)])
    assert data(capture) == [(6, "out", "none", "ip/udp1701/l2tp/ppp")]
    assert capture.set_aside == {"dhcp": 4, "l2tp control": 1, "other clear traffic": 1}


# IP.


def test_ip_options_are_skipped() -> None:
    options = [IPOption_RR(routers=["0.0.0.0"] * 9)]
    inner = user(IHOA, SERVER)
    inner.options = options
    packet = request()
    packet.options = options
    capture = ethernet([*lease(), out(packet), out(IP(src=COA, dst=IHA, options=options) / inner)])
    assert [e.kind for e in capture.events] == ["link", "coa", "rrq", "data"]
    assert data(capture)[0][3] == "ip/ip"


def test_segments_that_no_link_carries() -> None:
    """With segmentation offload the total length is what the segment has, or 0 where it does not fit 16 bits."""
    large = IP(src=IHOA, dst=SERVER) / TCP(dport=443) / Raw(b"x" * 64000)
    unset = bytearray(out(IP(src=COA, dst=IHA) / IP(src=IHOA, dst=SERVER) / TCP() / Raw(b"x" * 2000)))
    unset[16:18] = b"\0\0"
    asked = bytearray(out(signed(request(), KEY)))
    asked[16:18] = b"\0\0"
    answer = bytearray(into(signed(reply(), KEY)))
    answer[16:18] = b"\0\0"
    capture = ethernet([*lease(), out(large), bytes(unset), bytes(asked), bytes(answer)])
    assert [d[3] for d in data(capture)] == ["ip", "ip/ip"]
    assert capture.events[2].args["bytes"] == 64054
    assert capture.events[-1].args["auth"] == "ok"
    cut = read(pcap([Record(0, bytes(asked)), Record(1, bytes(answer)[:-9], length=len(answer))]))
    assert cut.events[-2].args["auth"] == "unchecked"


# Fragments.


def large(packet: Packet, identification: int = 77) -> Packet:
    """A registration that is signed and larger than it has to be."""
    copy = signed(packet, KEY, before=bytes([200, 200]) + bytes(200))
    copy[IP].id = identification
    return copy


@pytest.mark.parametrize("seed", range(6))
def test_a_registration_in_fragments_is_one_message(seed: int) -> None:
    asked = large(request()).fragment(48)
    answer = large(reply(), 78).fragment(64)
    random.Random(seed).shuffle(asked)
    random.Random(seed).shuffle(answer)
    frames = [*map(out, asked), out(asked[0]), *map(into, answer)]
    capture = ethernet(frames)
    assert brief(capture.events) == [("eth0", "rrq", "iha", "direct"), ("eth0", "rrp", "iha", "direct")]
    # It is complete with its last fragment, and only then can it be answered.
    assert [e.at.frame for e in capture.events] == [len(asked), len(frames)]
    assert capture.events[-1].args["auth"] == "ok"
    assert set(capture.set_aside) <= {"fragment of signalling", "fragment without its first"}


def gaps(events: Sequence[Event]) -> list[tuple[int, str, str]]:
    return [(e.at.frame or 0, e.interface, str(e.args["reason"])) for e in events if e.kind == "gap"]


def test_a_registration_that_is_not_complete_is_a_gap() -> None:
    pieces = list(map(out, large(request()).fragment(48)))
    for missing in ([pieces[0]], pieces[:-1], [*pieces[:2], *pieces[3:]]):
        capture = ethernet([*lease(), *missing, out(user(IHOA, SERVER))])
        assert gaps(capture.events) == [(5, "eth0", UNFINISHED)]
        assert [e.kind for e in capture.events] == ["link", "coa", "gap", "data"]
    others = [bytes(Ether(src="02:00:00:00:00:77", dst="02:00:00:00:00:78") / p) for p in large(request()).fragment(48)]
    assert gaps(ethernet([*lease(), *others[:-1]]).events) == []


def test_a_trace_with_such_a_gap_is_not_called_conformant(tmp_path: Path) -> None:
    config = tmp_path / "site.toml"
    config.write_text(
        f'[site]\niha = "{IHA}"\nxha = "{XHA}"\nvpn = "{VPN}"\nihoa = "{IHOA}"\ninternal = ["10.0.0.0/8"]\n'
        '[[mn_ha_key]]\nagent = "iha"\nspi = 256\nalgorithm = "hmac-md5"\nkey = "i-ha-key"\n'
    )
    session = [*lease(), out(signed(request(flags=0x22), KEY)), into(signed(reply(), KEY)), out(TUNNELLED)]
    pieces = [out(piece) for piece in large(request(flags=0x22, lifetime=0)).fragment(48)]
    statuses = []
    for which, frames in enumerate((session, [*session[:-1], *pieces[:-1], session[-1]])):
        file = tmp_path / f"{which}.pcapng"
        file.write_bytes(pcapng([Record(i * 10**6, frame) for i, frame in enumerate(frames)]))
        report = check([str(file)], config=str(config))
        assert report.verdict != "violation"
        statuses.append({r.id: r.status for r in report.rules})
    assert statuses[0]["D1"] == "held" and statuses[1]["D1"] == "inconclusive"


def test_contradicting_fragments_are_not_believed() -> None:
    pieces = large(request()).fragment(48)
    lie = pieces[1].copy()
    lie.payload = Raw(bytes(b ^ 1 for b in bytes(lie.payload)))
    shifted = pieces[1].copy()
    shifted.frag += 1
    beyond = pieces[-1].copy()
    beyond.frag += 100
    for false in (lie, shifted, beyond):
        frames = [*map(out, pieces[:2]), out(false), *map(out, pieces[2:])]
        capture = ethernet([*lease(), *frames])
        assert [g[2] for g in gaps(capture.events)] == [OVERLAP]
        assert not [e for e in capture.events if e.kind in ("rrq", "data")]
    tunnelled = TUNNELLED.copy()
    tunnelled.id = 5
    first, second = tunnelled.fragment(64)[:2]
    second.frag -= 1
    assert gaps(ethernet([*lease(), out(first), out(second)]).events) == [(5, "eth0", OVERLAP)]


def test_contradicting_fragments_of_bare_data_are_still_data() -> None:
    """Whatever a receiver makes of them: their addresses are in clear and leave no doubt."""
    pieces = user(IHOA, SERVER, 900).fragment(304)
    pieces[1].frag -= 2
    assert [d[1:] for d in data(ethernet([*lease(), *map(out, pieces)]))] == [("out", "none", "ip")] * len(pieces)


def test_fragments_that_come_too_late_do_not_count() -> None:
    first, *rest = map(out, large(request()).fragment(128))
    late = [Record(i, f) for i, f in enumerate(lease())] + [Record(10, first)]
    late += [Record(TIMEOUT + 11 + i, frame) for i, frame in enumerate(rest)]
    capture = read(pcapng(late))
    assert [e.kind for e in capture.events] == ["link", "coa", "gap"]


def test_data_in_fragments_is_known_for_what_it_is_in_any_order() -> None:
    """The first fragment holds no more than half of the inner header, and comes last."""
    packet = IP(src=COA, dst=XHA, id=9) / user(IHOA, SERVER, 300)
    pieces = packet.fragment(16)
    capture = ethernet([*lease(), *map(out, reversed(pieces))])
    assert data(capture) == [(5 + i, "out", "none", "ip/ip") for i in range(len(pieces))]
    ends = {(e.args["src"], e.args["dst"]) for e in capture.events if e.kind == "data"}
    assert ends == {(number(IHOA), number(SERVER))}


def test_fragments_within_fragments() -> None:
    inner = [IP(src=COA, dst=IHA, id=40 + i) / p for i, p in enumerate(user(IHOA, SERVER, 900).fragment(400))]
    frames = [out(piece) for packet in inner for piece in packet.fragment(200)]
    capture = ethernet([*lease(), *frames])
    assert [d[1:] for d in data(capture)] == [("out", "none", "ip/ip")] * len(frames)
    message = [IP(src=COA, dst=IHA, id=50 + i) / p for i, p in enumerate(large(request()).fragment(128))]
    capture = ethernet([*lease(), *(out(piece) for packet in message for piece in packet.fragment(48))])
    assert [e.kind for e in capture.events] == ["link", "coa", "rrq"]


def test_esp_in_fragments_is_opened() -> None:
    site = replace(SITE, esp_sas=(EspSa(0x77, "null", b"", "null", b""),))
    clear = bytes(request("10.1.200.50"))
    trailer = bytes(range(1, 1 + (-len(clear) - 2) % 4))
    sealed = struct.pack("!II", 0x77, 1) + clear + trailer + bytes([len(trailer), 4])
    packet = IP(src=COA, dst=VPN, id=3) / UDP(sport=4500, dport=4500) / Raw(sealed)
    capture = ethernet([*lease(), *map(out, packet.fragment(40))], site)
    assert ("eth0", "rrq", "iha", "vpn") in brief(capture.events)


@pytest.mark.slow
@given(st.permutations(range(7)), st.integers(0, 5))
def test_any_order_and_any_repetition(order: list[int], repeated: int) -> None:
    message = large(request())
    pieces = message.fragment(40)
    assert len(pieces) == len(order)
    frames = [Frame(n, n, "x", 1, out(pieces[i]), 90, "") for n, i in enumerate([*order[: repeated + 1], *order])]
    packets = [layers.decode(frame) for frame in frames]
    together = Reassembler()
    for packet in packets:
        together.take(packet)
    together.finish()
    assert [p.kind for p in packets].count(headers.REGISTRATION) == 1
    assert packets[-1].payload == bytes(message[UDP].payload)


@pytest.mark.slow
def test_memory_for_fragments_is_bounded() -> None:
    together = Reassembler()
    for n in range(3 * fragments.MAX_DATAGRAMS):
        packet = IP(src=COA, dst=IHA, id=n & 0xFFFF, flags=1) / Raw(b"x" * 8192)
        decoded = layers.decode(Frame(n, n, "x", RAW, bytes(packet), len(packet), ""))
        together.take(decoded)
        assert together._held <= fragments.MAX_BYTES
        assert len(together._datagrams) <= fragments.MAX_DATAGRAMS
    together.finish()
    assert together._held == together._members == 0 and not together._datagrams


@pytest.mark.slow
def test_tiny_fragments_in_flight_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more than may be held the oldest datagrams are given up, and what hangs on them is said to be missing."""
    monkeypatch.setattr(fragments, "MAX_HELD", 100)
    together = Reassembler()

    def take(n: int, packet: Packet) -> None:
        together.take(layers.decode(Frame(n, n, "x", RAW, bytes(packet), len(packet), "")))

    first, *_ = request().fragment(16)
    take(1, first)
    for n in range(2, 1000):
        take(n, IP(src=COA, dst=IHA, id=n // 30, frag=1 + n % 30, flags=1) / Raw(b"tiny!!!!"))
        take(n, IP(src=COA, dst=IHA, id=n // 30, frag=1 + n % 30, flags=1) / Raw(b"tiny!!!!"))  # the same again
        held = sum(len(d.members) for d in together._datagrams.values())
        assert held == together._members <= 100
    assert [(p.frame, p.why) for p in together.broken] == [(1, UNFINISHED)]
    together.finish()
    assert together._members == 0


# Frames that were lost while capturing.


def drops(count: int) -> bytes:
    return option("<", 4, count.to_bytes(8, "little"))


def test_lost_frames_are_a_gap_where_they_are_known_to_be() -> None:
    devices = [Device("eth0"), Device("wlan0")]
    records = [
        Record(0, out(request())),
        Record(10, out(user(IHOA, SERVER)), 1),
        Record(20, into(reply()), 0, options=drops(3)),
        Record(30, into(reply()), 0, options=drops(0)),
    ]
    capture = read(pcapng(records, devices))
    assert [(e.kind, e.interface, e.at.frame) for e in capture.events] == [
        ("rrq", "eth0", 1),
        ("gap", "eth0", 3),  # what wlan0 shows in between is judged without what eth0 had shown
        ("data", "wlan0", 2),
        ("gap", "eth0", 3),
        ("rrp", "eth0", 3),
        ("rrp", "eth0", 4),
    ]
    assert capture.events[1].args == {"reason": "3 frames lost while capturing"}
    assert capture.holes == ()
    alone = read(pcapng([record for record in records if record.interface == 0], devices))
    assert [e.kind for e in alone.events] == ["rrq", "gap", "rrp", "rrp"]


def test_what_is_lost_on_a_tunnel_device_concerns_the_node() -> None:
    records = [Record(0, out(request())), Record(5, bytes(user(IHOA, SERVER)), 1, options=drops(1))]
    capture = read(pcapng(records, [Device("eth0"), Device("ipsec0", RAW)]))
    assert gaps(capture.events) == [(2, "-", "1 frame lost while capturing")]


def test_statistics_with_losses_are_a_gap_and_a_hole() -> None:
    lossy = block("<", 5, bytes(12) + option("<", 5, (7).to_bytes(8, "little")))
    file = pcapng([Record(0, out(request())), Record(5, into(reply()))])
    capture = read(file + lossy)
    assert [(e.kind, e.at.frame) for e in capture.events] == [("rrq", 1), ("rrp", 2), ("gap", 2)]
    assert capture.holes == ("7 frames on eth0 were lost while capturing",)
    assert capture.holes[0] in capture.notes
    # The counters run on: the second block says that nothing more was lost.
    assert read(file + lossy + lossy).holes == capture.holes
    assert read(file + block("<", 5, bytes(12) + option("<", 5, bytes(8)))).holes == ()


# Several files.


def test_files_of_one_node_are_read_as_one() -> None:
    """What a tunnel device shows is a copy only because the other file shows the original."""
    eth0 = pcap([Record(1000, out(request())), Record(9000, into(signed(reply(), KEY))), Record(9500, out(TUNNELLED))])
    imip = pcap([Record(0, bytes(request())), Record(9400, bytes(user(IHOA, SERVER)))], RAW)
    sources = [Source(io.BytesIO(imip), "imip.pcap", 0, "imip"), Source(io.BytesIO(eth0), "eth0.pcap", 0, "eth0")]
    captures, events = read_captures(sources, SITE)
    assert [(e.kind, e.interface, str(e.at)) for e in events] == [
        ("rrq", "eth0", "eth0.pcap frame 1"),
        ("rrp", "eth0", "eth0.pcap frame 2"),
        ("data", "eth0", "eth0.pcap frame 3"),
    ]
    assert [c.events for c in captures] == [[], events]
    assert [(c.frames, c.interfaces) for c in captures] == [(2, ("imip",)), (3, ("eth0",))]


def test_a_skewed_clock_is_set_right_before_files_are_compared() -> None:
    ahead = pcap([Record(20 * SECOND, bytes(request()))], RAW)
    eth0 = pcap([Record(SECOND, out(request()))])
    sources = [Source(io.BytesIO(ahead), "a", -19 * SECOND, "imip"), Source(io.BytesIO(eth0), "b", 0, "eth0")]
    assert [e.kind for e in read_captures(sources, SITE)[1]] == ["rrq"]


# tshark, an independent decoder.


def dissect(tshark: str, file: Path, *fields: str) -> list[list[list[str]]]:
    """For each frame the values of each field, outermost first. Without heuristics: what is UDP stays UDP."""
    command = [tshark, "-r", str(file), "-T", "fields", "-E", "separator=;", "-E", "occurrence=a"]
    done = subprocess.run(
        [*command, *(a for f in fields for a in ("-e", f))], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return [[v.split(",") if v else [] for v in line.split(";")] for line in done.stdout.splitlines()]


PACKETS = [
    request(),
    signed(reply(), KEY),
    *TUNNELS.values(),
    IP(src=COA, dst=IHA, options=[IPOption_RR(routers=["0.0.0.0"] * 9)]) / user(IHOA, SERVER),
    IP(src=COA, dst=IHA) / GRE(chksum_present=1) / user(IHOA, SERVER),
    IP(src=COA, dst=VPN) / UDP(sport=1701, dport=1701) / L2TP(hdr=["length"], tunnel_id=1, session_id=2)
    / HDLC() / PPP(proto=0x21) / user(IHOA, SERVER),
]  # fmt: skip
LINKS: dict[str, tuple[int, list[bytes]]] = {
    "ethernet": (1, [out(p) for p in PACKETS]),
    "vlan": (
        1,
        [bytes(Ether(src=NODE_MAC, dst=PEER_MAC, type=0x88A8) / Dot1Q(vlan=5) / Dot1Q(vlan=6) / p) for p in PACKETS],
    ),
    "llc": (1, [bytes(Dot3(src=NODE_MAC, dst=PEER_MAC) / LLC() / SNAP() / p) for p in PACKETS]),
    "pppoe": (
        1,
        [bytes(Ether(src=NODE_MAC, dst=PEER_MAC) / PPPoE(sessionid=1) / PPP(proto=0x21) / p) for p in PACKETS],
    ),
    "mpls": (
        1,
        [
            bytes(Ether(src=NODE_MAC, dst=PEER_MAC, type=0x8847) / MPLS(label=5, s=0) / MPLS(label=6, s=1) / p)
            for p in PACKETS
        ],
    ),
    "raw": (RAW, [bytes(p) for p in PACKETS]),
    "cooked 1": (SLL, [sll(p, 4, NODE_MAC) for p in PACKETS]),
    "cooked 2": (SLL2, [sll2(p, 4, NODE_MAC, 3) for p in PACKETS]),
    "802.11": (BARE, [bytes(air(p)) for p in PACKETS]),
    "802.11 without QoS": (BARE, [bytes(air(p, sent=False, qos=False)) for p in PACKETS]),
    "802.11 between access points": (BARE, [bytes(air(p, ds="to-DS+from-DS")) for p in PACKETS]),
    "radiotap": (RADIOTAP, [bytes(RadioTap(present="TSFT+Flags+Rate") / air(p)) for p in PACKETS]),
}


@pytest.mark.slow
@pytest.mark.parametrize("link", LINKS)
def test_headers_as_tshark_dissects_them(link: str, tshark: str, tmp_path: Path) -> None:
    """All addresses in all headers, what is in them, and who sent it to whom on the link."""
    linktype, frames = LINKS[link]
    file = tmp_path / "t.pcap"
    file.write_bytes(pcap([Record(i * 1000, f) for i, f in enumerate(frames)], linktype))
    rows = dissect(tshark, file, "ip.src", "ip.dst", "esp.spi", "mip.type", "eth.src", "wlan.sa", "wlan.da")
    with file.open("rb") as stream:
        packets = [layers.decode(frame) for frame in open_frames(stream, "t")[1]]
    assert len(rows) == len(packets) == len(PACKETS)
    for packet, (sources, targets, spi, kinds, mac, sender, receiver) in zip(packets, rows, strict=True):
        ours = [(dotted(s), dotted(t)) for s, t in packet.addresses]
        if "minenc" in packet.stack:  # tshark does not look into it
            assert ours.pop() == (IHOA, SERVER)
        assert ours == list(zip(sources, targets, strict=True))
        assert (packet.kind == headers.ESP) == bool(spi)
        assert (packet.kind == headers.REGISTRATION) == (kinds in (["1"], ["3"]))
        if spi:
            assert int(spi[0], 16) == packet.spi
        for theirs in (mac, sender):
            if theirs:
                assert packet.source_mac.hex(":") == theirs[0]
        if receiver:
            assert packet.target_mac.hex(":") == receiver[0]


def test_fragments_as_tshark_puts_them_together(tshark: str, tmp_path: Path) -> None:
    asked = large(request()).fragment(48)
    packets = [*asked[3:], *asked[:3], *(large(reply(), 78)).fragment(96)]
    tunnelled = IP(src=COA, dst=IHA, id=9) / large(request("10.1.1.7"), 12)
    packets += tunnelled.fragment(128)[::-1]
    packets += large(request("10.1.1.9"), 13).fragment(128)[1:]  # without its first
    file = tmp_path / "t.pcapng"
    file.write_bytes(pcapng([Record(i * 1000, out(p)) for i, p in enumerate(packets)]))
    theirs = {int(n[0]): (k[0], c[:1]) for n, k, c in dissect(tshark, file, "frame.number", "mip.type", "mip.coa") if k}
    together = Reassembler()
    with file.open("rb") as stream:
        ours = [layers.decode(frame) for frame in open_frames(stream, "t")[1]]
    for packet in ours:
        together.take(packet)
    together.finish()
    messages = [p for p in ours if p.kind == headers.REGISTRATION]
    coas = [[dotted(struct.unpack_from("!I", p.payload, 12)[0])] if p.payload[0] == 1 else [] for p in messages]
    assert {p.frame: (str(p.payload[0]), c) for p, c in zip(messages, coas, strict=True)} == theirs
    assert len(theirs) == 3


def test_losses_and_resolutions_as_tshark_reads_them(tshark: str, tmp_path: Path) -> None:
    file = tmp_path / "t.pcapng"
    data = pcapng([Record(0, out(request()))], [Device("a", tsresol=6), Device("b", tsresol=0x80 | 20, tsoffset=-3600)])
    data += packet_block(
        Record(0, out(request()), 1, options=option("<", 1, b"a comment")), 1_800_003_600 << 20 | 1 << 19
    )
    file.write_bytes(data)
    rows = dissect(tshark, file, "frame.time_epoch", "frame.interface_name")
    with file.open("rb") as stream:
        ours = [[[f"{f.time // 10**9}.{f.time % 10**9:09d}"], [f.interface]] for f in open_frames(stream, "t")[1]]
    assert ours == rows
