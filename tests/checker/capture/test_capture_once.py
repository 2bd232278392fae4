"""A captured frame is opened, decoded and its message read once, whoever asks: node, events, site, survey."""

from __future__ import annotations

import io
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from mipcheck.checker.capture import read, survey
from mipcheck.checker.capture.headers import layers
from mipcheck.checker.capture.headers import packet as headers
from mipcheck.checker.capture.messages import carried, dhcp, extensions, ike, mobileip
from mipcheck.checker.check.check import check
from mipcheck.checker.inputs import read as inputs
from mipcheck.checker.site.site import Site

from making.paths import CAPTURES

MOVEMENT = CAPTURES / "movement.pcapng"
FRAMES = 537


@dataclass
class Counted:
    """How often each function was called, and the packets and frames that were decoded."""

    calls: Counter[str] = field(default_factory=Counter)
    frames: Counter[tuple[int, int, bytes]] = field(default_factory=Counter)
    packets: list[headers.Packet] = field(default_factory=list)

    def watch(self, patch: pytest.MonkeyPatch, module: Any, name: str) -> None:
        original = getattr(module, name)

        def counting(*args: Any, **more: Any) -> Any:
            self.calls[name] += 1
            return original(*args, **more)

        patch.setattr(module, name, counting)

    def of_kind(self, kind: int) -> int:
        return sum(packet.kind == kind for packet in self.packets)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    found = Counted()
    decode: Callable[..., headers.Packet] = layers.decode

    def decoding(frame: Any, *more: Any) -> headers.Packet:
        packet = decode(frame, *more)
        found.frames[frame.number, frame.linktype, frame.data] += 1
        found.packets.append(packet)
        return packet

    monkeypatch.setattr(layers, "decode", decoding)
    for module, name in (
        (read, "open_frames"),
        (survey, "open_frames"),
        (mobileip, "read_request"),
        (mobileip, "read_reply"),
        (mobileip, "read_advertisement"),
        (extensions, "_walk"),
        (dhcp, "read_message"),
    ):
        found.watch(monkeypatch, module, name)
    original = ike.read_message
    monkeypatch.setattr(ike, "read_message", lambda data: found.calls.update(["ike"]) or original(data))
    return found


def assert_once(counted: Counted) -> None:
    calls = counted.calls
    assert calls["open_frames"] == 1
    assert max(counted.frames.values()) == 1
    registrations = counted.of_kind(headers.REGISTRATION)
    assert registrations > 30
    assert calls["read_request"] + calls["read_reply"] == registrations
    advertised = calls["read_advertisement"]
    assert advertised <= counted.of_kind(headers.ADVERTISEMENT)
    assert 0 < calls["_walk"] <= registrations + advertised
    assert 0 < calls["read_message"] <= counted.of_kind(headers.DHCP)
    assert 0 < calls["ike"] <= counted.of_kind(headers.IKE)


def test_frame_by_frame(counted: Counted) -> None:
    report = check(MOVEMENT, config=MOVEMENT.with_suffix(".toml"))
    assert report.inputs[0].frames == FRAMES
    assert_once(counted)
    inside = counted.of_kind(headers.ESP)
    assert FRAMES < len(counted.packets) <= FRAMES + inside


def test_a_pipe(counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(MOVEMENT.read_bytes())))
    assert check("-", config=MOVEMENT.with_suffix(".toml")).inputs[0].frames == FRAMES
    assert_once(counted)


def test_in_columns(counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("llvmlite")
    from mipcheck.checker.capture.bulk import read as bulk

    counted.watch(monkeypatch, bulk, "open_frames")
    monkeypatch.setattr(inputs, "_LONG", 0)
    monkeypatch.setattr(inputs, "_VERY_LONG", 0)
    assert check(MOVEMENT, config=MOVEMENT.with_suffix(".toml")).inputs[0].frames == FRAMES
    assert_once(counted)
    assert len(counted.packets) < FRAMES


def test_a_message_that_makes_no_sense_is_not_read_again(counted: Counted) -> None:
    packet = headers.Packet(1, 0, "eth0", 42, kind=headers.DHCP, payload=b"\1")
    assert [carried.lease(packet) for _ in range(3)] == [None] * 3
    assert counted.calls["read_message"] == 1


def test_the_messages_in_an_aggregate_of_802_11_are_surveyed_as_they_are_read(counted: Counted) -> None:
    node, peer = b"\2\0\0\0\0\1", b"\2\0\0\0\0\2"
    body = struct.pack("!BBHIIIQ", 1, 0x22, 60, 0x0A010064, 0x0A010002, 0x0A010714, 7)
    udp = struct.pack("!HHHH", 434, 434, 8 + len(body), 0) + body
    packet = struct.pack("!BxHHHBBHII", 0x45, 20 + len(udp), 1, 0, 64, 17, 0, 0x0A010714, 0x0A010002) + udp
    part = peer + node + struct.pack("!H", 8 + len(packet)) + b"\xaa\xaa\3\0\0\0\x08\0" + packet
    part += bytes(-len(part) % 4)
    frame = b"\x88\1\0\0" + peer + node + peer + b"\x10\0" + b"\x80\0" + part + part
    file = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 105)
    file += struct.pack("<IIII", 1, 0, len(frame), len(frame)) + frame
    surveyors: list[survey.Surveyor] = []
    captures, _ = read.read_captures([read.Source(io.BytesIO(file), "air")], Site(), None, surveyors)
    assert [s.body.id for s in surveyors[0].survey().requests] == [7, 7]
    assert surveyors[0].survey().requests == survey.survey_of(io.BytesIO(file), "air").requests
    assert captures[0].frames == 1 and counted.calls["read_request"] == 4  # two messages, in two readings
