"""Measures what user data in a capture carries around it: octets outside the innermost packet, by mode and headers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Final

from mipcheck.checker.capture.frames.files import open_frames
from mipcheck.checker.capture.frames.frame import Frame
from mipcheck.checker.capture.headers import layers
from mipcheck.checker.capture.headers.packet import ESP
from mipcheck.checker.capture.messages.ciphers import UnusableKey
from mipcheck.checker.capture.messages.esp import EspAssociation
from mipcheck.model.values.event import Event

if TYPE_CHECKING:
    from mipcheck.checker.site.site import EspSa

_IPV4: Final = 4
_TUNNEL_DATA: Final = 12
"""Octets of a UDP header and that of RFC 3519 section 3."""
_SEALED: Final = "the inside of ESP cannot be seen: its keys belong in [[esp_sa]] of the site file"
_FRAGMENT: Final = "a fragment does not show the length of its packet"


@dataclass
class Measured:
    """Packets of user data with the same headers on one interface. `modes` are the access modes that these fit.

    `octets` are what surrounds the innermost packet: how many packets had how much. `unmeasured` counts the others,
    by reason.
    """

    interface: str
    modes: tuple[str, ...]
    stack: str
    octets: dict[int, int] = field(default_factory=dict)
    unmeasured: dict[str, int] = field(default_factory=dict)

    @property
    def packets(self) -> int:
        """How many packets were measured."""
        return sum(self.octets.values())

    @property
    def mean(self) -> float:
        """Octets a packet, on average. Raises ZeroDivisionError if none was measured."""
        return sum(o * n for o, n in self.octets.items()) / self.packets


def measure(stream: BinaryIO, name: str, events: Iterable[Event], sas: Iterable[EspSa]) -> list[Measured]:
    """Measure the `data` events of one capture in its frames; `sas` open what ESP hides. Raises CaptureError."""
    wanted: dict[int, Event] = {e.at.frame: e for e in events if e.kind == "data" and e.at.frame is not None}
    associations = _associations(sas)
    found: dict[tuple[str, str], Measured] = {}
    _, frames = open_frames(stream, name)
    for frame in frames:
        event = wanted.get(frame.number)
        if event is None:
            continue
        stack = str(event.args.get("stack", ""))
        modes = event.args.get("access")
        named = tuple(sorted(modes)) if isinstance(modes, frozenset) else ()
        group = found.setdefault((event.interface, stack), Measured(event.interface, named, stack))
        octets, why = surrounding(frame, associations)
        if octets is None:
            group.unmeasured[why] = group.unmeasured.get(why, 0) + 1
        else:
            group.octets[octets] = group.octets.get(octets, 0) + 1
    return list(found.values())


def _associations(sas: Iterable[EspSa]) -> dict[int, EspAssociation]:
    """Return associations that can be opened, by SPI."""
    found = {}
    for sa in sas:
        with suppress(UnusableKey):
            found[sa.spi] = EspAssociation(sa)
    return found


def surrounding(frame: Frame, associations: Mapping[int, EspAssociation]) -> tuple[int | None, str]:
    """Count the octets of the outermost IP packet that are not of the innermost one; or return None, and why that
    cannot be told."""
    packet = layers.decode(frame, associations.keys())
    start = layers.ip_start(frame)
    if start < 0 or packet.piece is not None or packet.first_of or packet.rest_of:
        return None, _FRAGMENT
    total = _length(frame.data, start, frame.length)
    if packet.kind != ESP:
        inner = _innermost(frame.data, start, packet.stack, frame.length)
        return (None, "cut short") if inner is None else (total - inner, "")
    association = associations.get(packet.spi)
    opened = association.open(packet.payload) if association is not None and packet.whole else None
    if opened is None or opened.next_header != _IPV4:
        return None, _SEALED
    inside = layers.decode(Frame(frame.number, frame.time, frame.interface, 101, opened.data, len(opened.data), ""))
    inner = _innermost(opened.data, 0, inside.stack, len(opened.data))
    return (None, "cut short") if inner is None else (total - inner, "")


def _length(data: bytes, at: int, captured: int) -> int:
    """Return the total length of an IP packet; with segmentation offload it is 0, and the frame's end is its end."""
    return int.from_bytes(data[at + 2 : at + 4]) or captured - at


def _innermost(data: bytes, at: int, stack: str, captured: int) -> int | None:
    """Return the length of the innermost IP packet, along the headers that were read; None if the bytes end before."""
    inner = 0
    for header in stack.split("/"):
        if at + 20 > len(data):
            return None
        if header == "ip":
            inner = _length(data, at, captured)
            at += (data[at] & 15) * 4
        elif header == "udp434":
            at += _TUNNEL_DATA
        elif header == "gre":
            at += 4 + 4 * (data[at] >> 7) + 4 * (data[at] >> 5 & 1) + 4 * (data[at] >> 4 & 1)
        elif header == "minenc":  # what was the inner header is shortened: RFC 2004 section 3
            size = 12 if data[at + 1] & 0x80 else 8
            inner -= size
            at += size
        else:
            break
    return inner
