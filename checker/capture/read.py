"""`read_capture`: a pcap or pcapng file → the events of a trace. `read_captures`: several files of one node."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

from mipcheck.checker.capture.events.reader import Reader
from mipcheck.checker.capture.events.registrations import clear_registrations
from mipcheck.checker.capture.events.userdata import Protects
from mipcheck.checker.capture.frames.files import open_frames
from mipcheck.checker.capture.frames.frame import REST, SLL, SLL2, FileInfo, Frame, Loss
from mipcheck.checker.capture.frames.spells import between
from mipcheck.checker.capture.headers import layers, link, wlan
from mipcheck.checker.capture.headers.fragments import Reassembler
from mipcheck.checker.capture.headers.packet import ASIDE, DHCP, ESP, IKE, REGISTRATION, Packet
from mipcheck.checker.capture.node.cooked import forget_directions, tell_apart
from mipcheck.checker.capture.node.decrypted import set_aside_decrypted
from mipcheck.checker.capture.node.devices import COPY, mark_tunnels, merge_copies, unlisted_tunnels
from mipcheck.checker.capture.node.knowledge import Knowledge, is_loopback, is_tunnel, learn
from mipcheck.checker.capture.node.raw import set_aside_undecided, weigh
from mipcheck.checker.capture.node.recordings import AGAIN, set_aside_again
from mipcheck.checker.capture.survey import Surveyor
from mipcheck.checker.console.counts import counted
from mipcheck.checker.site.site import Site
from mipcheck.checker.trace.source import ALIVE
from mipcheck.model.values.event import NODE, Event, Position
from mipcheck.model.values.types import Value

if TYPE_CHECKING:
    from mipcheck.checker.capture.device.reader import DeviceReader
    from mipcheck.model.specification.spec import EventType

_GAP: Final = "gap"
_TELLING: Final = frozenset({"link", "coa", "rrq", "rrp", "ike", "sa", "advert", "solicit"})
"""Events that tell something of the node's state; there are few of them."""
_REPEATED: Final = "802.11 retransmission"
_MOST_SHARED: Final = 65_536
_SEVERAL: Final = 2
_UNSEEN: Final = "nothing was captured between two captures"
"""Why nothing is known of the time before a capture, or a part of one, that was begun after another had ended."""


@dataclass(frozen=True)
class Capture:
    """What a capture holds.

    `events` are in order of time, their positions by file order; times in ns since the epoch. `set_aside` counts
    the frames that are neither user data nor signalling, by reason. `hidden` says why signalling that must have
    taken place could not be seen, `holes` what else is missing without anybody knowing where (what is missing at a
    known place is a gap event there). Of captures read together, the first has what is said of all of them.
    """

    events: Sequence[Event]
    kind: str
    frames: int
    interfaces: tuple[str, ...]
    set_aside: dict[str, int]
    notes: tuple[str, ...]
    hidden: tuple[str, ...]
    holes: tuple[str, ...] = ()
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

    gaps = [*lost(infos, firsts, sources, packets, happened, site), *unreadable(together, known, site)]
    if words is None:
        gaps += alive(packets, known, site)
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
    return described(sources, infos, firsts, packets, known, reader, said, blind, list(by_file.values())), events


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
) -> list[Capture]:
    """Describe what sources hold, with the `events` of each; `packets` in order of time, `said` of devices."""
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
        )
        for info, names, of_file in zip(infos, _seen(packets, firsts), events, strict=True)
    ]
    first = captures[0]
    notes = [*known.notes, *said, *(_renumbered(n, sources, firsts) for n in reader.notes)]
    sealed = _encrypted(packets, known)
    orphans = tuple(_renumbered(hole, sources, firsts) for hole in reader.holes())
    captures[0] = replace(
        first,
        set_aside=dict(reader.set_aside),
        notes=(*first.notes, *notes, *sealed, *orphans, *blind.holes),
        hidden=reader.hidden(),
        holes=(*first.holes, *sealed, *orphans, *blind.holes),
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
                packet.kind, packet.why, packet.piece = ASIDE, _REPEATED, None
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


# --- what is missing ----------------------------------------------------------------------------------------------


class Added(NamedTuple):
    """An event that no packet comes to: that evidence is missing, or what the last that is seen of the node shows.

    `before` says whether it stands before the events of packets of that time (or after them).
    """

    time: int
    before: bool
    interface: str
    frame: int
    kind: str
    args: Mapping[str, Value]

    def event(self, name: str) -> Event:
        """Return it as an event of the file of that name."""
        return Event(self.time, self.interface, self.kind, self.args, Position(name, None, self.frame))


def missing(time: int, before: bool, interface: str, reason: str, frame: int) -> Added:
    """Make a gap: the evidence ends before the packets of that time, or after them."""
    return Added(time, before, interface, frame, _GAP, {"reason": reason})


def alive(packets: Sequence[Packet], known: Knowledge, site: Site) -> list[Added]:
    """Tell where the last that is seen of the node on an interface is not told as any event.

    Until then what it owed there was owed by a node that was connected. Of packets that look alike, the last is enough.
    """
    tunnels = frozenset(site.tunnels)
    last: dict[str, Packet] = {}
    for packet in packets:
        if (
            is_tunnel(packet, tunnels)
            or is_loopback(packet)
            or packet.kind == DHCP
            or packet.why in (_REPEATED, COPY, AGAIN)
        ):
            continue  # events tell what there is to tell of it
        sign = packet.kind != ASIDE or (bool(packet.source_mac) and known.direction(packet) == "out")
        if sign and (packet.interface not in last or packet.time >= last[packet.interface].time):
            last[packet.interface] = packet
    return [Added(p.time, False, p.interface, p.frame, ALIVE, {}) for p in last.values() if p.kind == ASIDE]


def lost(
    infos: Sequence[FileInfo],
    firsts: Sequence[int],
    sources: Sequence[Source],
    packets: Sequence[Packet],
    happened: Callable[[int, int], bool],
    site: Site,
) -> list[Added]:
    """Make gaps for frames lost while capturing; `happened` tells whether there are events between two times (ns).

    A gap reaches back to the event before it. Where another interface was heard in between, its events would be
    judged by what was known before, so that the gap is said at both ends.
    """
    unseen = _between(infos, sources)
    if not unseen and not any(info.losses for info in infos):
        return []
    tunnels = frozenset(site.tunnels)
    physical = {p.interface for p in packets if not is_tunnel(p, tunnels) and not is_loopback(p)}
    found = []
    for n, (info, first, source) in enumerate(zip(infos, firsts, sources, strict=True)):
        for loss in (*info.losses, *unseen.get(n, ())):
            if loss.interface == "lo":
                continue
            # What passes through a tunnel device or a cooked capture concerns more than the interface of that name.
            own = loss.interface in physical and info.interfaces.get(loss.interface) not in (SLL, SLL2)
            interface = loss.interface if own else NODE
            if loss.why:
                end = packets[-1].time if packets else 0
                found.extend(_unread(loss._replace(interface=interface), first, source.offset, end))
                continue
            reason = f"{counted(loss.missing, 'frame')} lost while capturing"
            until = loss.until + source.offset
            if loss.since is not None:
                since = loss.since + source.offset
                if since < until and happened(since, until):
                    found.append(missing(since, False, interface, reason, first + loss.frame))
            found.append(missing(until, loss.since is not None, interface, reason, first + loss.frame))
    return found


def _between(infos: Sequence[FileInfo], sources: Sequence[Source]) -> dict[int, list[Loss]]:
    """Return by the number of a file what nobody captured before it, or a part of it, began."""
    told = [(n, spell) for n, info in enumerate(infos) for spell in info.spells.ended]
    if len(told) < _SEVERAL:
        return {}
    shifts = [sources[n].offset for n, _ in told]
    found: dict[int, list[Loss]] = {}
    for gap in between([spell.shifted(ns) for (_, spell), ns in zip(told, shifts, strict=True)]):
        number, spell = told[gap.n]
        since, until = gap.since - shifts[gap.n], gap.until - shifts[gap.n]
        name = NODE if gap.interface is None else gap.interface
        found.setdefault(number, []).append(Loss(name, since, until, spell.frame, 0, _UNSEEN))
    return found


def _unread(loss: Loss, first: int, offset: int, end: int) -> list[Added]:
    """Make gaps for what is in the file and was not read: at both ends, as nobody can tell when it happened.

    The rest of a file reaches to the `end` of all (ns).
    """
    rest = loss.why == REST
    until = missing(
        max(loss.until + offset, end if rest else 0), not rest, loss.interface, loss.why, first + loss.frame
    )
    return [until] if loss.since is None else [until._replace(time=loss.since + offset, before=False), until]


class Blindness(NamedTuple):
    """Why captures cannot show what they do not show, in words, and where that leaves things unknown."""

    holes: tuple[str, ...] = ()
    gaps: tuple[Added, ...] = ()

    def and_holes(self, more: Iterable[str]) -> Blindness:
        """Return it with more that captures cannot show."""
        return self._replace(holes=(*self.holes, *more))


def blindness(
    infos: Sequence[FileInfo], packets: Sequence[Packet], events: Sequence[Event], known: Knowledge, site: Site
) -> Blindness:
    """Decide whether captures are unable to show registrations: then that none are seen says nothing.

    They name a filter, or they show the node on a new link and its VPN, and in either case not one registration in
    clear. What such a trace says of the node's state is unknown after every event by which it would be known.
    """
    tunnels = frozenset(site.tunnels)
    shown = [p for p in packets if not is_tunnel(p, tunnels) and not is_loopback(p)]
    if any(p.kind == REGISTRATION for p in shown):
        return Blindness()
    filters = list(dict.fromkeys(f for info in infos for f in info.filters if f))
    gateway = site.addresses.get("vpn")
    private = (p for p in shown if p.kind in (ESP, IKE) and known.direction(p))
    vpn = any(gateway is None or any(gateway in pair for pair in p.addresses) for p in private)
    if filters:
        named = f"the capture filter {filters[0]!r} may have kept them out"
    elif vpn and any(e.kind == "coa" for e in events):
        named = "a capture filter may have kept them out; capture UDP port 434 too"
    else:
        return Blindness()
    said = f"not one registration is seen in clear: {named}"
    found = (
        missing(e.time, False, NODE, "registrations are not seen", e.at.frame or 0)
        for e in events
        if e.kind in _TELLING
    )
    return Blindness((said,), tuple(found))


def unreadable(together: Reassembler, known: Knowledge, site: Site) -> list[Added]:
    """Make gaps for fragments that could not be put together and may have been the node's signalling."""
    tunnels = frozenset(site.tunnels)
    found = []
    for packet in together.broken:
        if is_loopback(packet) or not known.direction(packet):
            continue
        interface = NODE if is_tunnel(packet, tunnels) else packet.interface
        found.append(missing(packet.time, True, interface, packet.why, packet.frame))
    return found


def with_gaps(events: list[Event], gaps: Sequence[Added], name: str) -> list[Event]:
    """Put the gaps among the events, all in order of time."""
    if not gaps:
        return events
    made = [gap.event(name) for gap in gaps]
    before = [e for e, g in zip(made, gaps, strict=True) if g.before]
    after = [e for e, g in zip(made, gaps, strict=True) if not g.before]
    return sorted([*before, *events, *after], key=attrgetter("time"))


def _encrypted(packets: Sequence[Packet], known: Knowledge) -> list[str]:
    """Say how many of the node's own frames on the air are encrypted, as far as its link addresses are known."""
    macs = {mac for of_interface in known.macs.values() for mac in of_interface}
    count = sum(
        packet.why == wlan.ENCRYPTED and (not macs or packet.source_mac in macs or packet.target_mac in macs)
        for packet in packets
    )
    if not count:
        return []
    return [
        f"{counted(count, 'frame')} of 802.11 {'is' if count == 1 else 'are'} encrypted: decrypt the file first"
        " (airdecap-ng), or capture on the node's own interface"
    ]


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
