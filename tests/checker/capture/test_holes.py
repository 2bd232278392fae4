"""What is in a capture and is not read is a hole: with its place and count, in both ways of reading, and no more."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from mipcheck.checker.capture import Source, is_capture, read_captures
from mipcheck.checker.capture.read import Capture
from mipcheck.checker.check.check import check
from mipcheck.checker.console.errors import InputError
from mipcheck.checker.inputs.opening import kind_of
from mipcheck.checker.report.text import report_text
from mipcheck.checker.site.site import Site
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw

from making.files import START, Device, Record, block, device_block, option, packet_block, pcap, pcapng, section
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
    TIA,
    VPN,
    XHA,
    esp,
    ike,
    into,
    lease,
    out,
    reply,
    request,
    signed,
    user,
)

YEARS = 20 * 365 * 24 * 3600 * SECOND
FRAMES = [*lease(), out(request()), into(reply()), out(user(IHOA, SERVER)), out(user(IHOA, SERVER))]
RECORDS = [Record(n * SECOND, frame) for n, frame in enumerate(FRAMES)]


def both(files: bytes | Sequence[bytes], site: Site = SITE) -> tuple[list[tuple[float, str, str]], Capture]:
    """Read frame by frame and in columns, which has to come to the same: (seconds, interface, event), and the first."""
    pytest.importorskip("llvmlite")
    from mipcheck.checker.capture.bulk.read import read_bulk

    given = [files] if isinstance(files, bytes) else files
    sources = [[Source(io.BytesIO(data), f"f{n}", 0, f"if{n}") for n, data in enumerate(given)] for _ in range(2)]
    captures, events = read_captures(sources[0], site)
    columns, found, _ = read_bulk(sources[1], site)
    assert list(found) == events
    assert [replace(c, events=list(c.events)) for c in columns] == captures
    return [((e.time - START) / SECOND, e.interface, e.kind) for e in events], captures[0]


def gaps(files: bytes | Sequence[bytes]) -> list[tuple[float, str]]:
    return [(time, interface) for time, interface, kind in both(files)[0] if kind == "gap"]


def blocks(records: Sequence[Record] = RECORDS) -> list[bytes]:
    return [packet_block(record, START + record.time) for record in records]


HEAD = section() + device_block(Device("eth0"))


def test_without_holes_there_are_none() -> None:
    events, capture = both(pcapng(RECORDS))
    assert "gap" not in [kind for _, _, kind in events] and capture.holes == ()


@pytest.mark.parametrize("byte", range(8))
def test_one_flipped_byte_in_the_header_of_a_block(byte: int) -> None:
    """Its type and its length: whatever becomes of the packet, it does not vanish without a word."""
    made = blocks()
    for flip in (0x01, 0x04, 0x80, 0xFF):
        damaged = bytearray(made[4])
        damaged[byte] ^= flip
        if damaged[0] == 2:
            continue  # an older type of packet, which says the same
        events, capture = both(HEAD + b"".join([*made[:4], bytes(damaged), *made[5:]]))
        assert capture.holes and "gap" in [kind for _, _, kind in events]


def test_a_damaged_block_leaves_the_rest_unread() -> None:
    made = blocks()
    file = HEAD + b"".join([*made[:4], struct.pack("<II", 6, 7), *made[5:]])
    assert gaps(file) == [(3.0, "-"), (3.0, "-")]
    assert both(file)[1].holes == ("damaged block after frame 4; the rest is not read",)


@pytest.mark.parametrize("data", [pcap(RECORDS), pcapng(RECORDS)], ids=["pcap", "pcapng"])
def test_a_cut_file_says_that_its_end_is_missing(data: bytes) -> None:
    assert both(data[:-9])[1].holes == (f"truncated at frame {len(FRAMES)}: what came after it is unknown",)


def test_what_is_missing_of_one_file_is_so_until_the_end_of_all() -> None:
    other = pcap([Record(n * SECOND, FRAMES[-1]) for n in (2, 60)])
    assert gaps([pcap(RECORDS)[:-9], other]) == [(len(FRAMES) - 2, "-"), (60.0, "-")]


def test_packets_of_an_interface_that_nobody_describes() -> None:
    made = blocks()
    strange = [packet_block(r._replace(interface=9), START + r.time) for r in RECORDS[2:4]]
    file = HEAD + b"".join([*made[:2], *strange, *made[4:]])
    assert gaps(file) == [(1.0, "-"), (4.0, "-")]
    hole = "frame 3: a packet of an interface that the file does not describe is not read; 2 such in all"
    assert both(file)[1].holes == (hole,)


def test_a_block_of_an_unknown_type() -> None:
    made = blocks()
    file = HEAD + b"".join([*made[:4], block("<", 0x66, bytes(40)), *made[4:]])
    assert gaps(file) == [(3.0, "-"), (4.0, "-")]
    assert "unknown type 0x66" in both(file)[1].holes[0]


@pytest.mark.parametrize("years", [-YEARS, YEARS])
def test_times_that_jump_by_years(years: int) -> None:
    records = [r._replace(time=r.time + years * (n == 3)) for n, r in enumerate(RECORDS)]
    for file in (pcap(records), pcapng(records)):
        far = years / SECOND + 3
        assert sorted(gaps(file)) == sorted([(2.0, "-"), (far, "-"), (far, "-"), (4.0, "-")])
        assert both(file)[1].holes == (
            "the times of the file jump by years 2 times, first at frame 4: what lies between is unknown",
        )


def test_link_types_that_nobody_reads_are_called_by_their_names() -> None:
    devices = [Device("eth0"), Device("wwan0", 9)]
    records = [*RECORDS, *(Record((9 + n) * SECOND, b"\xff\x03\0\x21" + bytes(40), 1) for n in range(3))]
    file = pcapng(records, devices)
    assert gaps(file) == [(9.0, "wwan0"), (10.0, "wwan0"), (11.0, "wwan0")]
    (hole,) = both(file)[1].holes
    assert "link type 9 (PPP)" in hole and "editcap" in hole and "3 frames on wwan0" in hole


def test_link_types_without_ip_do_not_matter() -> None:
    records = [*RECORDS, Record(9 * SECOND, bytes(40), 1)]
    assert both(pcapng(records, [Device("eth0"), Device("usbmon1", 220)]))[1].holes == ()


def test_frames_that_were_cut_inside_their_headers() -> None:
    cut = out(user(COA, SERVER))
    records = [*RECORDS, *(Record((9 + n) * SECOND, cut[:30], length=len(cut)) for n in range(2))]
    assert gaps(pcapng(records)) == [(9.0, "-"), (10.0, "-")]
    (hole,) = both(pcapng(records))[1].holes
    assert hole.startswith("frame 9: frames were cut inside their headers") or "2 frames" in hole
    # A short frame that was captured to its end is a short frame.
    assert both(pcapng([*RECORDS, Record(9 * SECOND, cut[:30])]))[1].holes == ()


def test_registrations_that_were_cut() -> None:
    asked = out(request())
    file = pcapng([*RECORDS, Record(9 * SECOND, asked[:50], length=len(asked))])
    assert gaps(file) == [(9.0, "eth0")]
    assert "registration messages were cut short" in both(file)[1].holes[0]


def test_a_reply_with_an_spi_of_no_key_may_count_or_not() -> None:
    """With a key at hand for that agent, nobody can say so; without any, replies count unchecked as ever."""
    answer = into(signed(reply(), replace(KEY, spi=999)))
    file = pcapng([Record(0, out(request())), Record(SECOND, answer)])
    events, capture = both(file)
    assert events[-2:] == [(1.0, "eth0", "rrp"), (1.0, "eth0", "gap")]
    assert "SPI 999" in capture.holes[0] and "mn_ha_key" in capture.holes[0]
    events, capture = both(file, replace(SITE, mn_ha_keys=()))
    assert events[-1] == (1.0, "eth0", "rrp") and capture.holes == ()
    said = "no [[mn_ha_key]] is given for iha: whether its replies are authentic is not checked"
    assert said in capture.notes
    assert said not in both(pcapng([Record(0, out(request())), Record(SECOND, into(signed(reply(), KEY)))]))[1].notes


def test_clear_traffic_where_nobody_says_what_is_internal() -> None:
    inside = out(user(COA, "10.1.5.20"))
    file = pcapng([*RECORDS, *(Record((9 + n) * SECOND, inside) for n in range(3))])
    assert both(file)[1].holes == ()
    capture = both(file, replace(SITE, internal=()))[1]
    (hole,) = capture.holes
    assert hole.startswith(f"frame {len(FRAMES) + 1}: ") and "3 frames" in hole and "internal=" in hole
    # What goes to a public address far from the home network is with somebody outside.
    public = pcapng([*RECORDS, Record(9 * SECOND, out(user(COA, "93.184.216.34")))])
    assert both(public, replace(SITE, internal=()))[1].holes == ()


def test_a_copy_that_somebody_passed_on_turns_no_direction() -> None:
    frames = [*FRAMES, out(user(IHOA, SERVER), mac=PEER_MAC), into(user(SERVER, IHOA))]
    _, capture = both(pcapng([Record(n * SECOND, frame) for n, frame in enumerate(frames)]))
    assert [e.args["dir"] for e in capture.events if e.kind == "data"] == ["out", "out", "in"]
    assert any(PEER_MAC in note and "home address" in note for note in capture.notes)


@pytest.mark.parametrize(
    ("times", "says"),
    [
        ((0, 1, 2, 3, 70, 50, 51, 52), "the times of an interface go back at frame 6, into what it had seen"),
        ((0, 1, 2, 3, 100_000, 5, 6, 7), "the times of an interface go back at frame 6, into what it had seen"),
        ((0, 90, 20, 21, 95, 30, 31, 32), "the times of an interface go back 2 times, first at frame 3"),
        ((0, 1, 2, 3, 6, 4, 5, 7), "the times of an interface go back at frame 6, into what it had seen"),
        ((0, 1, 2, 3, 4, 5, 4.5, 6), ""),
        ((50, 51, 52, 53, 0, 1, 2, 3), ""),
    ],
    ids=["set back", "one wrong", "twice", "by a little", "queues", "put together in another order"],
)
def test_a_clock_that_goes_back(times: Sequence[float], says: str) -> None:
    records = [Record(int(t * SECOND), frame) for t, frame in zip(times, FRAMES, strict=True)]
    _, capture = both(pcapng(records))
    found = [note for note in capture.notes if "go back" in note]
    assert [note.split(", into")[0] for note in found] == [says.split(", into")[0]] * bool(says)
    assert any(e.kind == "gap" for e in capture.events) == (bool(says) or times[0] > times[4])


@pytest.mark.parametrize("pause", [9, 11])
def test_what_nobody_captured_between_two_captures_is_not_known(pause: int) -> None:
    """Of files, of sections of one, and of what was appended to a file the order does not matter."""
    early, late = RECORDS[:5], [r._replace(time=r.time + pause * SECOND) for r in RECORDS[5:]]
    assert late[0].time - early[-1].time == (pause + 1) * SECOND
    first, second = pcapng(early), pcapng(late)
    whole = [(4.0, "-"), (pause + 5.0, "-")] if pause + 1 > 10 else []
    ways = ([first, second], [second, first], first + second, second + first, pcapng([*late, *early]))
    assert [gaps(files) for files in ways] == [whole] * len(ways)
    # One capture may be quiet as long as it likes.
    assert gaps(pcapng([*early, *late])) == []


def test_what_one_interface_was_not_captured_for_while_another_was() -> None:
    early, late = RECORDS[:5], [r._replace(time=r.time + 60 * SECOND) for r in RECORDS[5:]]
    other = pcapng([Record(n * SECOND, into(user(SERVER, "10.9.9.9"))) for n in range(70)], (Device("eth1"),))
    assert gaps([pcapng(early), pcapng(late), other]) == [(4.0, "eth0"), (65.0, "eth0")]


def test_statistics_tell_until_when_was_captured() -> None:
    early, late = RECORDS[:5], [r._replace(time=r.time + 60 * SECOND) for r in RECORDS[5:]]
    stamp = START + 64 * SECOND
    statistics = block("<", 5, struct.pack("<III", 0, stamp >> 32, stamp & 0xFFFFFFFF))
    assert gaps([pcapng(early) + statistics, pcapng(late)]) == []


def test_frames_that_all_have_one_time() -> None:
    """Nothing can be overdue in them."""
    hole = ("all frames have one and the same time stamp: what hangs on time is unknown",)
    assert both(pcapng([r._replace(time=0) for r in RECORDS]))[1].holes == hole
    assert both(pcapng([r._replace(time=0) for r in RECORDS[:3]]))[1].holes == ()


def test_the_clocks_of_two_interfaces_are_their_own() -> None:
    devices = (Device("eth0"), Device("eth1"))
    records = [Record(n * SECOND, frame) for n, frame in enumerate(FRAMES)]
    records = [r._replace(time=r.time + 100 * SECOND) for r in records] + [r._replace(interface=1) for r in records]
    _, capture = both(pcapng(records + [r._replace(time=r.time + 100 * SECOND) for r in records], devices))
    assert not any(e.kind == "gap" for e in capture.events)


def test_interfaces_of_one_name_have_one_clock() -> None:
    devices = (Device("eth0"), Device("eth0"))
    records = [Record(n * SECOND, frame) for n, frame in enumerate(FRAMES)]
    later = [r._replace(time=r.time + 100 * SECOND, interface=1) for r in records]
    _, capture = both(pcapng([*records, *later, *(r._replace(time=r.time + 50 * SECOND) for r in records)], devices))
    assert any("go back at frame 17" in note for note in capture.notes)


def test_clocks_that_run_as_they_like_are_heard_alike_in_both_ways() -> None:
    rng, year = Random(11), YEARS // 20
    backs = 0
    for _ in range(20):
        devices = [Device(rng.choice(["eth0", "eth1"])) for _ in range(rng.randint(1, 4))]
        time, parts = 3 * year, [section(), *map(device_block, devices)]
        for _ in range(12):
            steps = rng.choice([(0, SECOND), (0, SECOND), (0, 100 * SECOND), (-12 * SECOND, 0), (year, year + 1)])
            time = max(0, time + rng.randint(*steps) * rng.choice([1, 1, 1, 1, -1]))
            record = Record(time, rng.choice(FRAMES), interface=rng.randrange(len(devices)))
            # What the compiled loop does not know ends it, so that it begins again with clocks that stand somewhere.
            parts += [packet_block(record, START + time), block("<", 99, b"") * rng.randint(0, 1)]
        backs += "go back" in "".join(both(b"".join(parts))[1].notes)
    assert 0 < backs < 20


def test_a_frame_without_a_time() -> None:
    simple = block("<", 3, struct.pack("<I", len(FRAMES[-1])) + FRAMES[-1])
    _, capture = both(pcapng([Record(n * SECOND, frame) for n, frame in enumerate(FRAMES)]) + simple)
    says = "the file tells no time at frame 9 (a simple packet block): what hangs on it is unknown"
    assert says in capture.notes and any(e.kind == "gap" for e in capture.events)


def test_ipv6_that_left_in_the_clear_is_counted(tmp_path: Path) -> None:
    far, group = IPv6(src="2001:db8::1", dst="2001:db8:2::9") / TCP(), IPv6(dst="ff02::2") / TCP()
    neighbour, sealed = IPv6(dst="fe80::9") / TCP(), IPv6(dst="2001:db8:2::9", nh=50) / Raw(bytes(40))
    frames = [*FRAMES, *map(out, (far, far, group, neighbour, sealed)), into(far), out(far)]
    file = pcapng([Record(n * SECOND, frame) for n, frame in enumerate(frames)])
    _, capture = both(file)
    assert capture.set_aside["ipv6 sent in the clear"] == 3 and capture.set_aside["ipv6"] == 4
    note = "3 IPv6 packets left in the clear; the draft speaks of IPv4 only"
    assert capture.notes[-1] == note
    (tmp_path / "t.pcapng").write_bytes(file)
    report = check([str(tmp_path / "t.pcapng")])
    assert note in report.notes
    assert report_text(report, 100).rstrip().splitlines()[-1] == note


def test_a_vpn_over_ipv6_is_not_in_the_clear() -> None:
    def carried(source: int, target: int) -> bytes:
        return out(IPv6(src="2001:db8::1", dst="2001:db8:2::9") / UDP(sport=source, dport=target) / Raw(bytes(40)))

    frames = [*FRAMES, carried(4500, 4500), carried(500, 9), carried(9, 4500), carried(9, 501)]
    _, capture = both(pcapng([Record(n * SECOND, frame) for n, frame in enumerate(frames)]))
    assert capture.set_aside["ipv6 sent in the clear"] == 1 and capture.set_aside["ipv6"] == 3


@pytest.mark.parametrize("options", [b"", b"\x04\0\x04\1\4\1\1\0"], ids=["plain", "as Linux does"])
def test_ipv4_in_ipv6_is_read(options: bytes) -> None:
    outer = IPv6(src="2001:db8::1", dst="2001:db8:2::9", nh=60 if options else 4)
    leak = bytes(outer)[:40] + options + bytes(user(IHOA, SERVER))
    frames = [*FRAMES, out(Raw(leak))[:12] + b"\x86\xdd" + leak]
    _, capture = both(pcapng([Record(n * SECOND, frame) for n, frame in enumerate(frames)]))
    event = capture.events[-1]
    assert event.kind == "data" and event.args["protection"] == "none" and event.args["stack"] == "ipv6/ip"
    assert "ipv6 sent in the clear" not in capture.set_aside


def test_what_the_kernel_decrypted_is_no_packet_on_the_wire() -> None:
    """Linux shows an inbound packet of the VPN twice: as it came, and right after it what was in it."""
    inner = IP(src=IHA, dst=TIA) / IP(src=SERVER, dst=IHOA) / TCP() / Raw(bytes(60))
    outer = esp(XHA, COA) / Raw(bytes(80))

    def directions(gap: int, packet: Packet) -> list[tuple[str, str]]:
        records = [*RECORDS, Record(20 * SECOND, into(outer)), Record(20 * SECOND + gap, into(packet))]
        found = both(pcapng([*records, Record(30 * SECOND, out(user(IHOA, SERVER)))]))[1].events
        return [
            (str(e.args["dir"]), str(e.args["protection"])) for e in found if e.kind == "data" and (e.at.frame or 0) > 8
        ]

    assert directions(100_000, inner) == [("in", "esp"), ("out", "none")]
    # What comes later, or is for the address that the ESP came to, was on the wire.
    assert directions(SECOND, inner) == [("in", "esp"), ("in", "none"), ("out", "none")]
    assert directions(100_000, IP(src=IHA, dst=COA) / inner[IP].payload) == [
        ("in", "esp"),
        ("in", "none"),
        ("out", "none"),
    ]


def test_a_capture_that_cannot_show_registrations() -> None:
    """It shows the node come to a link and its VPN, and no registration: that none was sent is not known."""
    frames = [*lease(), out(ike(COA, VPN)), out(esp(COA, VPN))]
    records = [Record(n * SECOND, frame) for n, frame in enumerate(frames)]
    events, capture = both(pcapng(records))
    assert "not one registration" in capture.holes[0]
    kinds = [kind for _, _, kind in events]
    assert [kinds[n + 1] for n, kind in enumerate(kinds) if kind == "coa"] == ["gap"]
    # One is enough to show that they are captured; without the VPN, plaintext is what it is.
    assert both(pcapng([*records, Record(9 * SECOND, out(request()))]))[1].holes == ()
    assert both(pcapng([*records[:4], Record(9 * SECOND, out(user(IHOA, SERVER)))]))[1].holes == ()


def test_a_capture_of_one_direction_shows_no_replies() -> None:
    """What the node sends shows that it was answered, and no answer is seen: that none came is not known."""
    sent = [out(request()), out(user(IHOA, SERVER))]
    asked = BOOTP(op=1, xid=1, chaddr=bytes.fromhex(NODE_MAC.replace(":", "")))
    asked /= DHCP(options=[("message-type", "request"), ("server_id", "10.1.2.1"), ("requested_addr", COA), "end"])
    by_dhcp = out(IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67) / asked)
    exchange = struct.pack("!8s8sBBBBII", b"i" * 8, b"r" * 8, 46, 0x20, 35, 0x08, 1, 28)
    by_ike = out(IP(src=COA, dst=VPN) / UDP(sport=500, dport=500) / Raw(exchange))
    assert both(pcapng([Record(n * SECOND, frame) for n, frame in enumerate(sent)]))[1].holes == ()
    for shows in (by_dhcp, by_ike):
        records = [Record(n * SECOND, frame) for n, frame in enumerate([shows, *sent])]
        events, capture = both(pcapng(records))
        assert "capture both directions" in capture.holes[0]
        assert [kind for _, _, kind in events].count("gap") >= 1
        assert both(pcapng([*records, Record(9 * SECOND, into(reply()))]))[1].holes == ()


def test_a_capture_of_nothing_but_registrations_shows_no_data() -> None:
    pairs = [Record(n * SECOND, out(request(id=n)) if n % 2 else into(signed(reply(), KEY))) for n in range(12)]
    (hole,) = both(pcapng(pairs))[1].holes
    assert "nothing but registrations" in hole
    assert both(pcapng(pairs[:5]))[1].holes == ()  # so few say nothing
    arp = bytes(Ether(src=PEER_MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(psrc=VPN, pdst=COA))
    assert both(pcapng([*pairs, Record(20 * SECOND, arp)]))[1].holes == ()
    assert both(pcap([Record(r.time, bytes(Ether(r.data).payload)) for r in pairs], 101))[1].holes == ()


def test_a_capture_filter_is_named() -> None:
    head = section() + block("<", 1, struct.pack("<HHI", 1, 0, 0) + option("<", 11, b"\0esp or port 500"))
    frames = [*lease(), out(user(IHOA, SERVER))]
    made = [packet_block(Record(0, frame), (START + n * SECOND) // 1000) for n, frame in enumerate(frames)]
    assert "esp or port 500" in both(head + b"".join(made))[1].holes[0]
    asked = packet_block(Record(0, out(request())), (START + 9 * SECOND) // 1000)
    assert both(head + b"".join([*made, asked]))[1].holes == ()


def test_who_has_an_address_and_solicits_all_the_time_has_not_just_arrived() -> None:
    def kinds(*frames: bytes) -> list[str]:
        return [kind for _, _, kind in both(pcapng([Record(n * SECOND, f) for n, f in enumerate(frames)]))[0]]

    looks = out(IP(src=COA, dst="224.0.0.11") / ICMP(type=10))
    asks = out(request(target="10.1.2.1", coa="10.1.2.1", flags=0))
    assert "coa" in kinds(looks, asks)
    assert "coa" not in kinds(out(user(IHOA, SERVER)), looks, asks)
    assert "coa" not in kinds(looks, out(user(IHOA, SERVER)), asks)


def modified(records: Sequence[Record], order: str) -> bytes:
    """A file as Kuznetzov's libpcap wrote it."""
    made = struct.pack(order + "IHHiIII", 0xA1B2CD34, 2, 4, 0, 0, 262144, 1)
    for record in records:
        seconds, rest = divmod(START + record.time, SECOND)
        size = len(record.data)
        made += struct.pack(order + "IIIIIHBx", seconds, rest // 1000, size, size, 2, 0x0800, 0) + record.data
    return made


@pytest.mark.parametrize("order", ["<", ">"])
def test_modified_pcap_is_read(order: str) -> None:
    file = modified(RECORDS, order)
    assert is_capture(file[:12])
    assert both(file) == both(pcap(RECORDS))


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\x04\x22\x4d\x18", "lz4"),
        (b"GMBU", "Network Monitor"),
        (b"RTSS", "Network Monitor"),
        (b"TRSNIFF data    \x1a", "Sniffer"),
        (b"XCP\0", "NetXRay"),
        (b"btsnoop\0", "Bluetooth"),
        (b"iptrace 2.0", "iptrace"),
    ],
)
def test_captures_in_other_formats_are_named(head: bytes, name: str) -> None:
    with pytest.raises(InputError) as caught:
        kind_of(io.BytesIO(head + bytes(90)), "x.cap")
    assert name in str(caught.value)
