"""Captures at devices of many nodes, read in columns and frame by frame: both ways have to come to the same."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence
from functools import cache

import pytest
from mipcheck.checker.capture import Capture
from mipcheck.checker.capture.bulk import device, rows, scanner
from mipcheck.checker.capture.bulk import read as bulk
from mipcheck.checker.capture.events.userdata import Protects
from mipcheck.checker.capture.frames.frame import CaptureError
from mipcheck.checker.capture.read import Source, read_captures
from mipcheck.checker.check.readings import resolved
from mipcheck.checker.site.site import Site
from mipcheck.checker.trace.columns import Columns
from mipcheck.model.specification.layering import Layering
from mipcheck.model.values.event import Event

from making.at_device import DEVICE_MAC, file_of, words
from making.files import Device, Record, pcapng

Frames = list[tuple[bytes, int]]
LINKS = ("ethernet", "ethernet", "raw", "cooked")


def sources(files: Sequence[bytes]) -> list[Source]:
    """Return files to read, whose clocks differ."""
    return [Source(io.BytesIO(data), f"file{n}", n * 1000, f"if{n}") for n, data in enumerate(files)]


@cache
def protects() -> Protects:
    """What a check tells protected headers by, which says what ports mean something."""
    return Layering(resolved("draft-01")).protected


def frame_by_frame(files: Sequence[bytes], of: Site) -> tuple[list[Capture], list[Event]] | str:
    """Read them one packet after another; return why they cannot be read, if so."""
    try:
        return read_captures(sources(files), of, protects(), words=words(of.role))
    except CaptureError as error:
        return str(error)


def assert_same(files: Sequence[bytes], of: Site) -> Sequence[Event]:
    """Read files in both ways, and return the events that columns came to."""
    expected = frame_by_frame(files, of)
    try:
        captures, events, _ = bulk.read_bulk(sources(files), of, protects(), True, words(of.role))
    except CaptureError as error:
        assert str(error) == expected
        return []
    assert not isinstance(expected, str)
    assert list(events) == expected[1]
    for n in range(0, len(events), 5):
        assert events[n] == expected[1][n]
        if isinstance(events, Columns):
            for kinds in (("rrq", "rrp"), ("tunnel", "relay", "gap")):
                before = [e for e in expected[1][max(0, n - 20) : n] if e.kind in kinds][-5:]
                assert events.before(n, 20, kinds, 5) == before
    for one, other in zip(captures, expected[0], strict=True):
        assert dataclasses.replace(one, events=list(one.events)) == other
        assert list(one.set_aside) == list(other.set_aside)
    return events


def small(patch: pytest.MonkeyPatch, chunk: int, held: int) -> None:
    """Let chunks be small, so that few packets have many of them."""
    for module in (rows, scanner, device):
        patch.setattr(module, "CHUNK", chunk)
    patch.setattr(scanner, "PacketRows", lambda: rows.PacketRows(chunk, held))
    patch.setattr(device, "PacketRows", lambda: rows.PacketRows(chunk, held))


def as_captured(frames: Frames, step: int, link: str) -> bytes:
    """Return a capture of these frames as another link layer has them; a cooked one mixes the interfaces."""
    if link == "ethernet":
        return file_of(frames, step)
    if link == "raw":
        devices = [Device(f"tun{n}", 101) for n in range(2)]
        return pcapng([Record(n * step, data[14:], at) for n, (data, at) in enumerate(frames)], devices)
    own = bytes.fromhex(DEVICE_MAC.replace(":", ""))[:5]
    cooked = [
        (b"\0\4" if data[6:11] == own else b"\0\0") + b"\0\1\0\6" + data[6:12] + b"\0\0" + data[12:]
        for data, _ in frames
    ]
    return pcapng([Record(n * step, data) for n, data in enumerate(cooked)], [Device("any", 113)])
