"""Damaged captures: whatever the bytes, reading ends, and raises nothing but CaptureError."""

from __future__ import annotations

import contextlib
import gzip
import io
import random

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mipcheck.checker.capture import CaptureError, read_capture
from mipcheck.checker.capture.frames.frame import Frame
from mipcheck.checker.capture.headers.layers import decode
from mipcheck.checker.capture.messages.dhcp import read_message
from mipcheck.checker.capture.messages.mobileip import extensions, read_advertisement, read_reply, read_request
from mipcheck.checker.site.site import Site
from scapy.layers.inet import IP
from scapy.packet import Raw

from making.files import ETHERNET, LOOP, NULL, RAW, SLL, SLL2, Device, Record, block, pcap, pcapng, section
from making.packets import COA, IHA, NODE_MAC, PEER_MAC, SESSION, SITE, TUNNELS, into, lease, out, request, sll, sll2

FRAMES = [*lease(), out(SESSION[0]), into(SESSION[1]), *(out(packet) for packet in TUNNELS.values())]
RECORDS = [Record(i, frame) for i, frame in enumerate(FRAMES)]
DEVICES = [Device("eth0"), Device("ipsec0", RAW)]
VALID = [
    pcap(RECORDS),
    pcap(RECORDS, order=">", nano=True),
    pcapng([*RECORDS, Record(99, bytes(request("10.1.200.50")), 1)], DEVICES),
    pcap([Record(0, sll(SESSION[0], 4, NODE_MAC)), Record(1, sll(SESSION[1], 0, PEER_MAC))], SLL),
    pcap([Record(0, sll2(SESSION[0], 4, NODE_MAC, 1)), Record(1, sll2(SESSION[1], 0, PEER_MAC, 1))], SLL2),
]


def survives(data: bytes, site: Site = SITE) -> None:
    with contextlib.suppress(CaptureError):
        capture = read_capture(io.BytesIO(data), "x", site)
        assert [e.time for e in capture.events] == sorted(e.time for e in capture.events)
        assert all(e.at.frame is not None and 1 <= e.at.frame <= capture.frames for e in capture.events)


@given(st.binary(max_size=400))
@example(b"\n\r\r\n\x1c\0\0\0M<+\x1a" + bytes(16) + b"\1\0\0\0\x0c\0\0\0")
def test_arbitrary_bytes(data: bytes) -> None:
    survives(data)


@given(st.sampled_from([VALID[0][:24], VALID[1][:24], VALID[2][:28]]), st.binary(max_size=300))
def test_arbitrary_bytes_after_a_header(head: bytes, rest: bytes) -> None:
    survives(head + rest)


@given(st.lists(st.tuples(st.sampled_from([1, 2, 3, 5, 6, 0x0A0D0D0A, 0xBAD]), st.binary(max_size=80)), max_size=6))
def test_arbitrary_blocks(blocks: list[tuple[int, bytes]]) -> None:
    survives(section() + b"".join(block("<", kind, body) for kind, body in blocks))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(VALID), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=12), st.floats(0, 1))
def test_mutated_captures(data: bytes, changes: list[tuple[float, int]], cut: float) -> None:
    changed = bytearray(data)
    for where, value in changes:
        changed[int(where * (len(changed) - 1))] = value
    survives(bytes(changed[: int(len(changed) * cut) + 1]), SITE)
    survives(bytes(changed), Site())


@given(
    st.sampled_from([ETHERNET, NULL, RAW, 12, 14, LOOP, SLL, SLL2, 105, 127, 999]),
    st.one_of(st.binary(max_size=200), st.binary(max_size=60).map(lambda b: b"\x45" + b)),
)
def test_arbitrary_frames(linktype: int, data: bytes) -> None:
    decode(Frame(1, 0, "x", linktype, data, len(data), ""))


@given(st.sampled_from([out(packet) for packet in TUNNELS.values()]), st.data())
def test_every_cut_of_a_frame(frame: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(frame)))
    survives(pcap([Record(0, out(SESSION[0])), Record(1, frame[:cut], length=len(frame))]))


@pytest.mark.slow
@given(st.binary(max_size=400))
def test_arbitrary_messages(data: bytes) -> None:
    for message in (data, b"\1" + data, b"\3" + data):
        read_request(message)
        read_reply(message)
        assert sum(1 + len(e.data) for e in extensions(message)) <= len(message)
    read_advertisement(data)
    read_message(b"\2" + data.ljust(240, b"\0")[:235] + b"\x63\x82\x53\x63" + data)


def test_deep_nesting_ends() -> None:
    """Headers within headers up to the largest frame: the walk stops at a fixed depth."""
    header = bytes.fromhex("4500000000000000400400000a0000010a000002")
    minimal = bytes.fromhex("370000000a0000020000000000")
    for data in (header * 10_000, header[:9] + b"\x37" + header[10:] + minimal * 20_000):
        packet = decode(Frame(1, 0, "x", RAW, data, len(data), ""))
        assert len(packet.addresses) <= 8


def test_a_large_damaged_file_is_fast() -> None:
    noise = random.Random(1).randbytes(2_000_000)
    survives(VALID[0][:24] + noise)
    survives(VALID[2][:28] + noise)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_after_a_gzip_header(data: bytes) -> None:
    head = gzip.compress(VALID[2])[:10]
    survives(head + data)
    survives(gzip.compress(VALID[0][:24] + data))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(VALID), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=4), st.floats(0, 1))
def test_mutated_compressed_captures(data: bytes, changes: list[tuple[float, int]], cut: float) -> None:
    changed = bytearray(gzip.compress(data))
    for where, value in changes:
        changed[int(where * (len(changed) - 1))] = value
    survives(bytes(changed[: int(len(changed) * cut) + 1]))


@pytest.mark.slow
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 40), st.booleans(), st.binary(max_size=90)), max_size=30))
def test_arbitrary_fragments(pieces: list[tuple[int, int, bool, bytes]]) -> None:
    """Fragments of signalling, of tunnels and of data, that fit together or do not."""
    records = [Record(i, out(SESSION[i % 2])) for i in range(2)]
    for number, (kind, offset, more, body) in enumerate(pieces):
        packet = IP(src=COA, dst=IHA, id=kind // 4, proto=(17, 4, 55, 47)[kind % 4], flags=int(more), frag=offset)
        starts = bytes(SESSION[0])[20:60] if kind < 4 else bytes(TUNNELS["ip/ip"])[20:]
        records.append(Record(number + 2, out(packet / Raw((b"" if offset else starts) + body))))
    survives(pcap(records))
