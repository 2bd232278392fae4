"""Captures taken at a gateway or an agent: frames as they pass it, and the events that they come to."""

from __future__ import annotations

import io
import ipaddress
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from mipcheck.checker.capture import Capture
from mipcheck.checker.capture.read import Source, read_captures
from mipcheck.checker.check.readings import resolved
from mipcheck.checker.site.site import Site
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.model.specification.spec import EventType
from mipcheck.model.values.event import Event
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from making.files import Device, Record, pcapng
from making.packets import IHA, KEY, VPN, XHA, number

DEVICE_MAC, NEXT_MAC = "02:00:00:00:00:0d", "02:00:00:00:00:ee"
MS = 10**6
CORRESPONDENT = "10.1.5.20"
ELSEWHERE, NEAR = "203.0.113.53", "10.1.7.33"
"""Care-of addresses outside and inside."""


def site(role: str, **fields: Any) -> Site:
    """Return the site of a device."""
    made = Site(
        role=role,
        addresses={"iha": number(IHA), "xha": number(XHA), "vpn": number(VPN)},
        internal=(ipaddress.IPv4Network("10.0.0.0/8"),),
        mn_ha_keys=(KEY,),
    )
    return replace(made, **fields)


def comes(packet: Packet, link: int = 0) -> tuple[bytes, int]:
    """Return the frame in which a packet comes to the device, over the link of that number."""
    return bytes(Ether(src=NEXT_MAC, dst=DEVICE_MAC[:-1] + str(link)) / packet), link


def leaves(packet: Packet, link: int = 0) -> tuple[bytes, int]:
    """Return the frame in which the device sends a packet, over the link of that number."""
    return bytes(Ether(src=DEVICE_MAC[:-1] + str(link), dst=NEXT_MAC) / packet), link


@cache
def words(role: str, spec: str = "draft-01") -> dict[str, EventType]:
    """Return the events that a specification declares for a role."""
    return dict(vocabulary_of(resolved(spec)).for_role(role).events)


def file_of(frames: Sequence[tuple[bytes, int]], step: int = MS) -> bytes:
    """Return a capture of these frames, a millisecond apart unless `step` (ns) says otherwise."""
    devices = [Device(f"eth{n}") for n in range(1 + max(link for _, link in frames))]
    return pcapng([Record(i * step, data, link) for i, (data, link) in enumerate(frames)], devices)


def read_at(of: Site, frames: Sequence[tuple[bytes, int]], step: int = MS, spec: str = "draft-01") -> Capture:
    """Read a capture of these frames, taken at the device of the site's role."""
    source = Source(io.BytesIO(file_of(frames, step)), "t.pcapng")
    return read_captures([source], of, words=words(of.role, spec))[0][0]


def told(capture: Capture, *keys: str) -> list[tuple[object, ...]]:
    """Return of each event its kind and these keys, None where it has no such key."""
    return [(e.kind, *(e.args.get(key) for key in keys)) for e in capture.events]


def only(capture: Capture, kind: str) -> Event:
    """Return the one event of that kind."""
    (event,) = (e for e in capture.events if e.kind == kind)
    return event
