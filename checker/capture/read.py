"""`read_capture`: a pcap or pcapng file → the events of a trace."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import BinaryIO

from mipcheck.checker.capture import layers
from mipcheck.checker.capture.cooked import tell_apart
from mipcheck.checker.capture.events import Reader, clear_registrations
from mipcheck.checker.capture.files import SLL, SLL2, FileInfo, open_frames
from mipcheck.checker.capture.layers import Packet
from mipcheck.checker.capture.node import learn
from mipcheck.checker.site import Site
from mipcheck.model.event import Event


@dataclass(frozen=True)
class Capture:
    """What a capture holds.

    `events` are in order of time, their positions by file order; times in ns since the epoch. `set_aside` counts
    the frames that are neither user data nor signalling, by reason. `hidden` says why signalling that must have
    taken place could not be seen.
    """

    events: list[Event]
    kind: str
    frames: int
    interfaces: tuple[str, ...]
    set_aside: dict[str, int]
    notes: tuple[str, ...]
    hidden: tuple[str, ...]


def read_capture(stream: BinaryIO, name: str, site: Site) -> Capture:
    """Read a capture that is called `name` in positions and messages.

    Raises CaptureError for what is no capture at all; damage further on ends the reading with a note.
    """
    info, frames = open_frames(stream, name)
    packets = [layers.decode(frame) for frame in frames]
    # Devices are buffered one by one, so that file order is not order of time across them.
    packets.sort(key=attrgetter("time"))
    mixed = [name for name, linktype in info.interfaces.items() if linktype == SLL]
    for note in (tell_apart(packets, name) for name in mixed):
        if note is not None:
            info.note(note)
    known = learn(packets, site)
    reader = Reader(name, site, known, clear_registrations(packets, site))
    for packet in packets:
        reader.take(packet)
    return Capture(
        events=reader.events,
        kind=info.kind,
        frames=info.frames,
        interfaces=_interfaces(packets, info),
        set_aside=dict(reader.set_aside),
        notes=(*info.notes, *known.notes, *_unsaid_tunnels(info, site), *reader.notes),
        hidden=reader.hidden(),
    )


def _interfaces(packets: list[Packet], info: FileInfo) -> tuple[str, ...]:
    """Those with frames, then those that the file only declares; cooked files name theirs in the frames."""
    cooked = {name for name, linktype in info.interfaces.items() if linktype in (SLL, SLL2)}
    seen = dict.fromkeys(packet.interface for packet in packets)
    return tuple(dict.fromkeys([*seen, *(name for name in info.interfaces if name not in cooked)]))


def _unsaid_tunnels(info: FileInfo, site: Site) -> list[str]:
    """Raw IP beside Ethernet is mostly a tunnel device, but may be a modem: only the site can tell."""
    raw = [n for n, t in info.interfaces.items() if t in layers.RAW and n not in site.tunnels]
    if not raw or len(raw) == len(info.interfaces):
        return []
    return [f"{', '.join(raw)}: raw IP, taken for physical; list it under tunnels if it is a tunnel device"]
