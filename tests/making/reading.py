"""Captures read in one line, and their events in short."""

from __future__ import annotations

import io
from collections.abc import Sequence

from mipcheck.checker.capture import Capture, read_capture
from mipcheck.checker.site.site import Site
from mipcheck.model.values.event import Event

from making.files import Record, pcapng
from making.packets import SECOND, SITE


def read(data: bytes, site: Site = SITE) -> Capture:
    """Read the bytes of a capture file."""
    return read_capture(io.BytesIO(data), "t.pcap", site)


def ethernet(frames: Sequence[bytes], site: Site = SITE) -> Capture:
    """Read a capture of these frames on eth0, one each second."""
    records = [Record(i * SECOND, frame) for i, frame in enumerate(frames)]
    return read(pcapng(records), site)


def brief(events: Sequence[Event]) -> list[tuple[str, ...]]:
    """Return interface, kind and what tells most of each event."""
    keys = ("to", "from", "path", "phase", "state", "kind", "dir", "protection")
    return [(e.interface, e.kind, *(str(e.args[k]) for k in keys if k in e.args)) for e in events]


def data(capture: Capture) -> list[tuple[int, str, str, str]]:
    """Return frame, direction, protection and stack of the user data that concerns the enterprise."""
    return [
        (e.at.frame or 0, str(e.args["dir"]), str(e.args["protection"]), str(e.args["stack"]))
        for e in capture.events
        if e.kind == "data" and "scope" not in e.args
    ]
