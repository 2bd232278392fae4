"""`read_capture`: a pcap or pcapng file → the events of a trace. `read_captures`: several files of one node."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

from mipcheck.checker.capture.events.reader import Reader
from mipcheck.checker.capture.events.registrations import clear_registrations
from mipcheck.checker.capture.events.userdata import Protects
from mipcheck.checker.capture.frames.files import open_frames
from mipcheck.checker.capture.frames.frame import SLL, SLL2, FileInfo, Frame
from mipcheck.checker.capture.headers import layers, link, wlan
from mipcheck.checker.capture.headers.fragments import Reassembler
from mipcheck.checker.capture.headers.packet import ASIDE, Packet
from mipcheck.checker.capture.lacking import Blindness, blindness, gaps_in, lost_somewhere, with_gaps
from mipcheck.checker.capture.node.cooked import forget_directions, tell_apart
from mipcheck.checker.capture.node.decrypted import set_aside_decrypted
from mipcheck.checker.capture.node.devices import mark_tunnels, merge_copies, unlisted_tunnels
from mipcheck.checker.capture.node.knowledge import Knowledge, learn
from mipcheck.checker.capture.node.raw import set_aside_undecided, weigh
from mipcheck.checker.capture.node.recordings import set_aside_again
from mipcheck.checker.capture.sealed import sealed_among, take_note_of_sealed
from mipcheck.checker.capture.survey import Surveyor
from mipcheck.checker.site.site import Site
from mipcheck.checker.trace.spans import Span
from mipcheck.model.values.event import Event, Position

if TYPE_CHECKING:
    from mipcheck.checker.capture.device.reader import DeviceReader
    from mipcheck.model.specification.spec import EventType

_MOST_SHARED: Final = 65_536


@dataclass(frozen=True)
class Capture:
    """What a capture holds.

    `events` are in order of time, their positions by file order; times in ns since the epoch. `set_aside` counts
    the frames that are neither user data nor signalling, by reason. `hidden` says why signalling that must have
    taken place could not be seen, `holes` what else is missing without anybody knowing where (what is missing at a
    known place is a gap event there), and `lost` in which stretches that may be what excuses something. Of captures
    read together, the first has what is said of all of them.
    """

    events: Sequence[Event]
    kind: str
    frames: int
    interfaces: tuple[str, ...]
    set_aside: dict[str, int]
    notes: tuple[str, ...]
    hidden: tuple[str, ...]
    holes: tuple[str, ...] = ()
    lost: tuple[Span, ...] = ()
    agents: Mapping[str, int] = field(default_factory=dict)
    """The home agents' addresses, given or inferred, by the name that a site has for them."""


class Source(NamedTuple):
    """A file to read: how it is called in positions, ns to add to its times, and its interface where it names none."""

    stream: BinaryIO
    name: str
    offset: int = 0
    interface: str = "if0"


def read_capture(stream: BinaryIO, name: str, site: Site) -> Capture:
    """Read a capture that is called `name` in positions and messages.

    `stream` is read forwards only, and may be a pipe. Raises CaptureError for what is no capture at all or unpacks to
    absurd sizes; damage further on ends the reading with a note.
    """
    return read_captures([Source(stream, name)], site)[0][0]


def read_captures(
    sources: Sequence[Source],
    site: Site,
    protects: Protects | None = None,
    surveyors: list[Surveyor] | None = None,
    words: Mapping[str, EventType] | None = None,
) -> tuple[list[Capture], list[Event]]:
    """Read captures of one node as if they were one file: what one shows tells what another one means.

    Where the site's role is another than the mobile node's, they are one device's, and `words` the events of that role.

    `protects` tells protected headers by the layers that a specification declares; without it, ESP protects.
    A file a device is what tcpdump makes; only together do they show which packet is whose copy. Also returned are the
    events of all of them in their order, which those of the same time have to keep. To `surveyors`, if given, one is
    added for each file, which saw its packets in passing. Raises CaptureError.
    """
    keys = frozenset(sa.spi for sa in site.esp_sas)
    infos: list[FileInfo] = []
    firsts: list[int] = []  # frames before those of each file: frames are numbered throughout until the end
    packets: list[Packet] = []
    together = Reassembler(keys)
    total = 0
    for source in sources:
        info, frames = open_frames(source.stream, source.name, source.interface)
        infos.append(info)
        firsts.append(total)
        surveyor = None if surveyors is None else Surveyor.in_passing(info)
        if surveyors is not None and surveyor is not None:
            surveyors.append(surveyor)
        decoder = Decoder(keys, together, source.offset, total, surveyor, words is not None)
        for frame in frames:
            packets.extend(decoder.take(frame))
        together.finish()
        total += info.frames
    return understand(sources, site, protects, infos, firsts, packets, together, words)


def understand(
    sources: Sequence[Source],
    site: Site,
    protects: Protects | None,
    infos: Sequence[FileInfo],
    firsts: Sequence[int],
    packets: list[Packet],
    together: Reassembler,
    words: Mapping[str, EventType] | None = None,
) -> tuple[list[Capture], list[Event]]:
    """Tell what packets mean, in file order and numbered throughout: `firsts` are the frames before each file."""
    # Devices are buffered one by one, so that file order is not order of time across them.
    packets.sort(key=attrgetter("time"))
    for info in infos:
        mixed = [name for name, linktype in info.interfaces.items() if linktype == SLL]
        for note in (tell(packets, name) for name in mixed for tell in (forget_directions, tell_apart)):
            if note is not None:
                info.note(note)
    linktypes = {name: linktype for info in infos for name, linktype in info.interfaces.items()}
    taken, left = unlisted_tunnels(linktypes, site.tunnels)
    inside, undecided = weigh(packets, left, site) if words is None else ([], [])
    mark_tunnels(packets, [*taken, *inside])
    untold = set_aside_undecided(packets, undecided)
    if words is None:
        known = learn(packets, site)
    else:
        from mipcheck.checker.capture.device.sides import learn_device

        known = learn_device(packets, site)
    merged = set_aside_again(packets, firsts)
    merged += merge_copies(packets, known.macs, frozenset(site.tunnels))
    merged += set_aside_decrypted(packets, known, frozenset(site.tunnels))
    reader: Reader | DeviceReader
    if words is None:
        reader = Reader(sources[0].name, site, known, clear_registrations(packets, site), protects)
    else:
        from mipcheck.checker.capture.device.reader import DeviceReader

        reader = DeviceReader(sources[0].name, site, known, packets, words)
    for packet in packets:
        reader.take(packet)
    times = [event.time for event in reader.events]

    def happened(since: int, until: int) -> bool:
        return bisect_left(times, since + 1) < bisect_left(times, until)

    offsets = [source.offset for source in sources]
    take_note_of_sealed(sealed_among(packets, known), infos, firsts, offsets)
    unshown = None if isinstance(reader, Reader) else reader.not_shown
    gaps = gaps_in(infos, firsts, offsets, packets, reader.events, happened, together, known, site, unshown)
    blind = blindness(infos, packets, reader.events, known, site).and_holes(
        _renumbered(hole, sources, firsts) for hole in untold
    )
    events = with_gaps(reader.events, [*gaps, *blind.gaps], sources[0].name)
    if len(sources) > 1:
        events = [replace(event, at=place(event.at, sources, firsts)) for event in events]
    by_file: dict[str, list[Event]] = {source.name: [] for source in sources}
    for event in events:
        by_file[event.at.file].append(event)
    left = [name for name in left if name not in (*inside, *undecided)]
    said = [*unsaid_tunnels(taken, left, inside), *(_renumbered(note, sources, firsts) for note in merged)]
    found = list(by_file.values())
    return described(sources, infos, firsts, packets, known, reader, said, blind, found, site), events


def described(
    sources: Sequence[Source],
    infos: Sequence[FileInfo],
    firsts: Sequence[int],
    packets: Sequence[Packet],
    known: Knowledge,
    reader: Reader | DeviceReader,
    said: Sequence[str],
    blind: Blindness,
    events: Sequence[Sequence[Event]],
    site: Site,
) -> list[Capture]:
    """Describe what sources hold, with the `events` of each; `packets` in order of time, `said` of devices."""
    lost = lost_somewhere([(source.name, source.offset) for source in sources], infos, packets, site)
    captures = [
        Capture(
            events=of_file,
            kind=info.kind,
            frames=info.frames,
            interfaces=_interfaces(names, info),
            set_aside={},
            notes=tuple(info.notes),
            hidden=(),
            holes=info.holes(),
            lost=spans,
        )
        for info, names, of_file, spans in zip(infos, _seen(packets, firsts), events, lost, strict=True)
    ]
    first = captures[0]
    notes = [*known.notes, *said, *(_renumbered(n, sources, firsts) for n in reader.notes)]
    orphans = tuple(_renumbered(hole, sources, firsts) for hole in reader.holes())
    captures[0] = replace(
        first,
        set_aside=dict(reader.set_aside),
        notes=(*first.notes, *notes, *orphans, *blind.holes),
        hidden=reader.hidden(),
        holes=(*first.holes, *orphans, *blind.holes),
        agents={name: address for address, name in known.agents.items()},
    )
    return captures


class Decoder:
    """Frames of one file, in file order → packets. Those of a fragmented datagram change once it is complete."""

    def __init__(
        self,
        keys: frozenset[int],
        together: Reassembler,
        offset: int,
        before: int,
        surveyor: Surveyor | None = None,
        crossing: bool = False,
    ) -> None:
        """`keys` are SPIs that can be opened, `offset` (ns) is added to all times, `before` to the frames' numbers.

        The `surveyor` sees each packet as it was decoded. With `crossing`, packets are to be recognised where they
        leave a device.
        """
        self._keys = keys
        self._together = together
        self._offset = offset
        self._before = before
        self._surveyor = surveyor
        self._crossing = crossing
        self._repeats = wlan.Repeats()
        self._same: dict[Any, Any] = {}

    def take(self, frame: Frame) -> list[Packet]:
        """Return the packets in a frame: one, but for an aggregate of 802.11."""
        packets = []
        for part in link.parts(frame):
            packet = layers.decode(part, self._keys)
            if self._surveyor is not None:
                self._surveyor.take(packet, frame.linktype)
            packet.time += self._offset
            repeats = self._repeats
            if packet.mark and repeats.is_repeat(packet.interface, packet.mark, packet.again, packet.time):
                packet.kind, packet.why, packet.piece = ASIDE, wlan.REPEATED, None
            packet.frame += self._before
            if self._crossing and packet.addresses:
                packet.identity = layers.identify(packet, part.data)
                packet.fragment = len(packet.piece.outer) + 1 if packet.piece is not None else 0
            if packet.piece is not None:
                self._together.take(packet)
            self._share(packet)
            packets.append(packet)
        return packets

    def _share(self, packet: Packet) -> None:
        """Let packets have in common what is alike: all of them stay, and it is most of what they take."""
        same = self._same
        if len(same) > _MOST_SHARED:
            same.clear()
        packet.addresses = same.setdefault(packet.addresses, packet.addresses)
        packet.source_mac = same.setdefault(packet.source_mac, packet.source_mac)
        packet.target_mac = same.setdefault(packet.target_mac, packet.target_mac)
        packet.stack = same.setdefault(packet.stack, packet.stack)
        if packet.rest_of is not None:
            packet.rest_of = same.setdefault(packet.rest_of, packet.rest_of)


# --- several files ------------------------------------------------------------------------------------------------


def place(at: Position, sources: Sequence[Source], firsts: Sequence[int]) -> Position:
    """Return the place of a frame that is numbered throughout in its own file."""
    number = at.frame or 1
    file = bisect_left(firsts, number) - 1
    return Position(sources[file].name, None, number - firsts[file])


def _renumbered(note: str, sources: Sequence[Source], firsts: Sequence[int]) -> str:
    """Return a note on a frame with the number that the frame has in its file."""
    match = re.match(r"frame (\d+):", note)
    if match is None or len(sources) == 1:
        return note
    return f"{place(Position('', None, int(match[1])), sources, firsts)}:{note[match.end() :]}"


def _seen(packets: Sequence[Packet], firsts: Sequence[int]) -> list[dict[str, None]]:
    """Return the interfaces of each file's packets, in order of their first."""
    found: list[dict[str, None]] = [{} for _ in firsts]
    for packet in packets:
        found[bisect_left(firsts, packet.frame) - 1].setdefault(packet.interface)
    return found


def _interfaces(seen: dict[str, None], info: FileInfo) -> tuple[str, ...]:
    """Return those with frames, then those that the file only declares; cooked files name theirs in the frames."""
    cooked = {name for name, linktype in info.interfaces.items() if linktype in (SLL, SLL2)}
    return tuple(dict.fromkeys([*seen, *(name for name in info.interfaces if name not in cooked)]))


def unsaid_tunnels(taken: Sequence[str], left: Sequence[str], inside: Sequence[str] = ()) -> list[str]:
    """Say what raw IP beside Ethernet is taken for: mostly a tunnel device, maybe a modem; the site is certain."""
    notes = [f"{', '.join(taken)}: raw IP, taken for tunnel devices by their names"] if taken else []
    if inside:
        notes.append(f"{', '.join(inside)}: raw IP, taken for tunnel devices: others show its packets in tunnels")
    if left:
        notes.append(f"{', '.join(left)}: raw IP, taken for physical; list it under tunnels if it is a tunnel device")
    return notes
