"""Captures of any length → the same events as `read.read_captures`, in columns.

Most packets of a long capture are alike. A compiled loop (`scan`) gives each the number of its kind; of each kind one
packet is decoded by `layers` and judged by `events`, in its place among the signalling, and the others share what it
came to. What the loop does not know is read as ever, frame by frame, in order.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from mipcheck.checker.capture.bulk import loop
from mipcheck.checker.capture.bulk.meaning import CaptureEvents, Kind, Meaning
from mipcheck.checker.capture.bulk.rows import CHUNK, Chunk, Rows
from mipcheck.checker.capture.events import Protects, Reader, clear_registrations
from mipcheck.checker.capture.frames.files import SLL, SLL2, FileInfo, Frame, Interface, open_frames
from mipcheck.checker.capture.frames.files import Source as Stream
from mipcheck.checker.capture.frames.pieces import Pieces
from mipcheck.checker.capture.headers import layers
from mipcheck.checker.capture.headers.fragments import Reassembler
from mipcheck.checker.capture.headers.layers import Packet
from mipcheck.checker.capture.node.cooked import tell_apart
from mipcheck.checker.capture.node.devices import mark_tunnels, sharing, unlisted_tunnels
from mipcheck.checker.capture.node.knowledge import learn
from mipcheck.checker.capture.read import (
    Capture,
    Decoder,
    Source,
    described,
    lost,
    read_captures,
    understand,
    unreadable,
    unsaid_tunnels,
)
from mipcheck.checker.capture.survey import Survey, Surveyor
from mipcheck.checker.console.progress import ReadingProgress
from mipcheck.checker.site.site import Site
from mipcheck.model.native.compiled import Native, compiled
from mipcheck.model.specification.layering import Layering
from mipcheck.model.values.event import Event

Ints = npt.NDArray[np.int64]

_BUFFER: Final = 1 << 22
"""Bytes looked at together."""
_HEADROOM: Final = 1 << 18
"""Bytes of a record that are carried over to the next such piece; of a longer record every byte is read as ever."""
_PATIENCE: Final = 255
"""Records that are left to the reader of `files` before the loop is asked again."""
_DIVERSE: Final = 50_000
"""Kinds that are nothing out of the ordinary."""
_SENSES: Final = ("", "in", "out")
_LINKS: Final = {
    layers.ETHERNET: loop.L_ETHERNET,
    SLL: loop.L_SLL,
    SLL2: loop.L_SLL2,
    0: loop.L_NULL,
    108: loop.L_NULL,
} | dict.fromkeys(layers.RAW, loop.L_RAW)
_KNOWN_PORTS: Final = 1024
"""Ports below are told apart, and those that something here asks for."""
_ASKED: Final = (4500, 1701, *layers.LINK_PORTS)
_WITH_PORTS: Final = frozenset({layers.REGISTRATION, layers.IKE, layers.DHCP})
"""Signalling, of which the loop takes none: all its ports are known."""
_MAX_SHIFT: Final = 2**32
"""Seconds (if_tsoffset) up to which times cannot overflow."""


class _Kinds:
    """Tables of one file's kinds, as the compiled loop wants them. They grow as needed."""

    def __init__(self) -> None:
        self._make(1 << 10, 1 << 14)

    def _make(self, kinds: int, words: int) -> None:
        self.slots = np.full(kinds * 2, -1, np.int32)
        self.pool = np.zeros(words, np.int64)
        self.starts = np.zeros(kinds + 1, np.int64)
        self.hashes = np.zeros(kinds, np.int64)
        self.stats = np.zeros((kinds, loop.STATS), np.int64)
        self.origins = np.zeros(kinds, np.int64)

    def tables(self) -> tuple[npt.NDArray[Any], ...]:
        return self.slots, self.pool, self.starts, self.hashes, self.stats, self.origins

    def grow(self, known: int) -> None:
        """Make more room than the kinds that are `known` take."""
        _, *old = self.tables()
        self._make(len(self.hashes) * 2, max(len(self.pool), int(self.starts[known]) + loop.KEY) * 2)
        for new, before in zip(self.tables()[1:], old, strict=True):
            new[: len(before)] = before
        mask = len(self.slots) - 1
        for number, mixed in enumerate(self.hashes[:known].tolist()):
            slot = mixed & mask
            while self.slots[slot] >= 0:
                slot = (slot + 1) & mask
            self.slots[slot] = number


class _Devices:
    """The interfaces of a section, as the compiled loop wants them; there may come more."""

    def __init__(self) -> None:
        self.known: list[tuple[str, int]] = []
        """Names and link types."""
        self._columns = [np.empty(0, np.int64)] * 5

    def add(self, name: str, linktype: int, number: int, unit: int, shift: int) -> None:
        """`number` stands for the name and the link type, `unit` and `shift` are ns (0: the loop cannot tell time)."""
        at = len(self.known)
        if at == len(self._columns[0]):
            self._columns = [np.concatenate([c, np.zeros(at + 8, np.int64)]) for c in self._columns]
        for column, value in zip(self._columns, (_LINKS.get(linktype, 0), number, unit, shift, -1), strict=True):
            column[at] = value
        self.known.append((name, linktype))

    def columns(self) -> list[Ints]:
        return self._columns

    @property
    def lasts(self) -> Ints:
        """The last row of each, -1 for none."""
        return self._columns[4]


class _Taken:
    """What is known of all files: rows of packets, the kinds they are of, and those read in full."""

    def __init__(self, together: Reassembler, ports: Collection[int] = ()) -> None:
        """`ports` are those that are told apart."""
        self.ports = ports
        self.rows = Rows()
        self.kinds: list[Kind] = []
        self.unusual: list[Packet] = []
        self.together = together


class _DiverseError(Exception):
    """Most packets are of a kind of their own: nothing is gained by columns."""


class _Plan(NamedTuple):
    """What is asked of all files: SPIs of ESP that can be opened, ports that are told apart, whether to survey; and
    whether all can be read again."""

    keys: frozenset[int]
    ports: Collection[int]
    survey: bool
    repeatable: bool


class _Scanner:
    """Takes one file's packets (`files.Ahead`): rows for those that it knows, `Packet`s for the others."""

    def __init__(self, native: Native, taken: _Taken, source: Source, plan: _Plan, before: int) -> None:
        """`before` are the frames of the files before this one."""
        self._native = native
        self.surveyor: Surveyor | None = None
        self._plan = plan
        self._threaded = source.stream.seekable()
        self._taken = taken
        self._decoder = Decoder(plan.keys, taken.together, source.offset, before)
        self._offset = source.offset
        self._before = before
        self._first = len(taken.kinds)
        self._kinds = _Kinds()
        self._devices = _Devices()
        self._section: Sequence[Interface] | None = None
        self._names: dict[tuple[str, int], int] = {}  # interfaces and link types of the file, numbered
        self._spis = np.array(sorted(plan.keys), np.int64)
        self._ports = np.zeros(loop.PORTS, np.uint8)
        self._ports[list(plan.ports)] = 1
        self._scalars = np.zeros(loop.SCALARS, np.int64)
        self._scalars[[loop.OFFSET, loop.ROOM, loop.SPIS]] = self._offset, CHUNK, len(self._spis)
        self._scalars[loop.SEED] = random.getrandbits(62)
        self._idle = self._pass = 0
        self._progress = ReadingProgress([source.stream], source.name, "packets")
        self._time, self._frame = np.empty(CHUNK, np.int64), np.empty(CHUNK, np.int64)
        self._kind, self._length = np.empty(CHUNK, np.int32), np.empty(CHUNK, np.uint32)
        self._place, self._size = np.empty(CHUNK, np.int64), np.empty(CHUNK, np.int64)
        self._sense, self._device = np.empty(CHUNK, np.uint8), np.empty(CHUNK, np.int32)
        self._key = np.zeros(loop.KEY, np.int64)

    @property
    def _n(self) -> int:
        """Rows that are filled."""
        return int(self._scalars[loop.ROWS])

    # --- the stream -----------------------------------------------------------------------------------------------

    def over(self, source: Stream, info: FileInfo) -> Stream:
        self._info = info
        self._pieces = Pieces(source, _BUFFER, _HEADROOM, self._threaded)
        if self._plan.survey:
            self.surveyor = Surveyor(FileInfo(info.kind, info.name, info.interfaces))
        return self

    def read(self, size: int, /) -> bytes:
        """What the loop left, for the reader of `files`."""
        return self._pieces.take(size)

    # --- records --------------------------------------------------------------------------------------------------

    def pcap(self, order: str, unit: int, name: str, linktype: int) -> None:
        if linktype in _LINKS:
            if not self._devices.known:
                self._devices.add(name, linktype, 0, unit, 0)
            self._run(loop.PCAP, order)

    def pcapng(self, order: str, interfaces: Sequence[Interface]) -> None:
        if self._section is not interfaces:
            self._section, self._devices = interfaces, _Devices()
        for i in interfaces[len(self._devices.known) :]:
            number = self._names.setdefault((i.name, i.linktype), len(self._names))
            unit = _unit(i)
            self._devices.add(i.name, i.linktype, number, unit, i.offset * 10**9 if unit else 0)
        if interfaces:
            self._run(loop.PCAPNG, order)

    def _run(self, form: int, order: str) -> None:
        """Take what the loop knows, up to the next record that it does not.

        Where it knew none of the last ones it is not asked for a while: some files hold nothing for it.
        """
        if self._pass:
            self._pass -= 1
            return
        before = self._info.frames
        self._scan(form, order)
        self._idle = 0 if self._info.frames > before else min(2 * self._idle + 1, _PATIENCE)
        self._pass = self._idle

    def _scan(self, form: int, order: str) -> None:
        devices = self._devices
        c, kinds, pieces = self._scalars, self._kinds, self._pieces
        c[[loop.FORM, loop.BIG, loop.DEVICES]] = form, order == ">", len(devices.known)
        while True:
            if self._n == CHUNK:
                self._flush()
            start, known = self._n, int(c[loop.KINDS])
            c[[loop.AT, loop.FILLED, loop.SIZE]] = pieces.at, pieces.filled, len(pieces.buf)
            c[[loop.SLOTS, loop.WORDS, loop.SOME]] = len(kinds.slots), len(kinds.pool), len(kinds.hashes)
            c[loop.NUMBER] = self._before + self._info.frames + 1
            why = self._native(
                [c, pieces.buf, *devices.columns(), self._ports, self._spis, *kinds.tables(), self._time, self._frame,
                 self._kind, self._length, self._place, self._size, self._sense, self._device, self._key]
            )  # fmt: skip
            pieces.at = int(c[loop.AT])
            if self._n > start:
                self._took(start, known)
                self._progress.update(self._info.frames)
            if why == loop.FULL or (why == loop.MORE and pieces.more()):
                continue
            if why == loop.CROWDED:
                kinds.grow(int(c[loop.KINDS]))
                continue
            return

    def _took(self, start: int, known: int) -> None:
        """Look at the new rows that are unusual or the first of their kind, in order, while their bytes are there."""
        info, end, devices, lasts = self._info, self._n, self._devices.known, self._devices.lasts
        first = info.frames + 1
        rows = (start + np.flatnonzero(self._kind[start:end] == loop.UNUSUAL)).tolist()
        fresh = {
            row: known + n for n, row in enumerate(self._kinds.origins[known : int(self._scalars[loop.KINDS])].tolist())
        }
        for row in sorted([*rows, *fresh]):
            name, linktype = devices[self._device[row]]
            place = int(self._place[row])
            data = self._pieces.buf[place : place + int(self._size[row])].tobytes()
            time, length = int(self._time[row]) - self._offset, int(self._length[row])
            frame = Frame(first + row - start, time, name, linktype, data, length, _SENSES[self._sense[row]])
            number = fresh.get(row)
            if number is not None:
                packet = layers.decode(frame, self._plan.keys)
                if self.surveyor is not None:
                    self.surveyor.take(packet, linktype)
                packet.time += self._offset
                packet.frame += self._before
                self._taken.kinds.append(Kind(packet, linktype))
            else:
                (packet,) = self._full(frame)
                self._kind[row] = -len(self._taken.unusual)
        heard = np.flatnonzero(np.bincount(self._device[start:end]))
        for device in heard[np.argsort(lasts[heard])].tolist():  # interfaces may share a name
            info.last[devices[device][0]] = int(self._time[lasts[device]]) - self._offset
        lasts[heard] = -1
        info.latest = int(self._time[end - 1]) - self._offset
        info.frames += end - start
        self._kind[start:end][self._kind[start:end] >= 0] += self._first

    def take(self, frame: Frame) -> None:
        """A frame whose record the loop did not know; one of 802.11 may hold several packets, or none."""
        number = len(self._taken.unusual)
        for packet in self._full(frame):
            if self._n == CHUNK:
                self._flush()
            number += 1
            row = self._n
            self._time[row], self._frame[row] = packet.time, packet.frame
            self._kind[row], self._length[row] = -number, packet.length
            self._scalars[loop.ROWS] += 1

    def _full(self, frame: Frame) -> list[Packet]:
        packets = self._decoder.take(frame)
        self._taken.unusual.extend(packets)
        if self.surveyor is not None:
            # The survey has no keys and puts nothing together.
            self.surveyor.take(layers.decode(frame), frame.linktype)
        return packets

    def _flush(self) -> None:
        columns = Chunk(self._time, self._frame, self._kind, self._length)
        taken = self._taken
        taken.rows.append(columns.part(slice(self._n)))
        self._scalars[loop.ROWS] = 0
        if self._plan.repeatable and len(taken.kinds) > max(_DIVERSE, len(taken.rows) // 2):
            raise _DiverseError

    def close(self) -> None:
        """Nothing more is read."""
        self._pieces.close()
        self._progress.end()

    def finish(self) -> None:
        """The file has been read."""
        self._flush()
        stats = self._kinds.stats[: int(self._scalars[loop.KINDS])].tolist()
        for kind, (count, *seen) in zip(self._taken.kinds[self._first :], stats, strict=True):
            kind.count, kind.first, kind.last = count, (seen[0], seen[1]), (seen[2], seen[3])
            if self.surveyor is not None:
                self.surveyor.again(kind.packet, kind.linktype, count - 1)


def _unit(interface: Interface) -> int:
    """ns in a unit of its time stamps; 0 where the loop cannot tell."""
    if interface.linktype not in _LINKS or abs(interface.offset) > _MAX_SHIFT or 10**9 % interface.units:
        return 0
    return 10**9 // interface.units


# --- what the packets mean ----------------------------------------------------------------------------------------


def read_bulk(
    sources: Sequence[Source],
    site: Site,
    protects: Protects | None = None,
    survey: bool = False,
) -> tuple[list[Capture], Sequence[Event], list[Survey]]:
    """As `read_captures`, but made for long captures.

    With `survey` also what `survey_of` finds in each file, but nothing where columns were of no use.

    Raises CaptureError; NativeError, before anything is read, where the loop cannot be compiled.
    """
    native = compiled(loop.unit())
    repeatable = all(source.stream.seekable() for source in sources)
    plan = _Plan(frozenset(sa.spi for sa in site.esp_sas), _ports(site, protects), survey, repeatable)
    taken = _Taken(Reassembler(plan.keys), plan.ports)
    infos: list[FileInfo] = []
    firsts: list[int] = []
    surveys: list[Survey] | None
    try:
        surveys = _gather(native, taken, sources, plan, infos, firsts)
    except _DiverseError:
        surveys = None
    if surveys is None:
        taken = _Taken(Reassembler())  # its memory is needed
        return *_one_by_one(sources, site, protects, infos, firsts, taken), []
    if any(linktype == SLL for info in infos for linktype in info.interfaces.values()) and _mixed(taken, infos):
        return *_one_by_one(sources, site, protects, infos, firsts, taken), surveys
    taken.rows = taken.rows.sort()
    return *_understand(sources, site, protects, infos, firsts, taken), surveys


def _gather(
    native: Native,
    taken: _Taken,
    sources: Sequence[Source],
    plan: _Plan,
    infos: list[FileInfo],
    firsts: list[int],
) -> list[Survey]:
    """Take the packets of all files, and what is learnt of the files while they are read."""
    surveys: list[Survey] = []
    total = 0
    for source in sources:
        scanner = _Scanner(native, taken, source, plan, total)
        info, frames = open_frames(source.stream, source.name, source.interface, scanner)
        infos.append(info)
        firsts.append(total)
        try:
            for frame in frames:
                scanner.take(frame)
        finally:
            scanner.close()
        taken.together.finish()
        scanner.finish()
        if scanner.surveyor is not None:
            surveys.append(scanner.surveyor.survey())
        total += info.frames
    return surveys


def _one_by_one(
    sources: Sequence[Source],
    site: Site,
    protects: Protects | None,
    infos: Sequence[FileInfo],
    firsts: Sequence[int],
    taken: _Taken,
) -> tuple[list[Capture], list[Event]]:
    """What has to be told from all packets in their order is read as it was before there were columns.

    A pipe has gone by: its packets are made from their kinds, with one port for all that nobody asks for.
    """
    if all(source.stream.seekable() for source in sources):
        for source in sources:
            source.stream.seek(0)
        return read_captures(sources, site, protects)
    return understand(sources, site, protects, infos, firsts, _all_packets(taken), taken.together)


def _ports(site: Site, protects: Protects | None) -> Collection[int]:
    """The ports that make a difference to what a packet is."""
    found = {*range(_KNOWN_PORTS), *_ASKED}
    found.update(int(port) for _, colon, port in (word.rpartition(":") for word in site.upkeep) if colon)
    if protects is None:
        return found
    owner = getattr(protects, "__self__", None)
    return found | owner.ports if isinstance(owner, Layering) else range(loop.PORTS)


def _mixed(taken: _Taken, infos: Sequence[FileInfo]) -> bool:
    """Whether cooked captures hold several interfaces, which only the order of all packets tells apart."""
    packets = [replace(packet) for packet in _few(taken)]
    mixed = [name for info in infos for name, linktype in info.interfaces.items() if linktype == SLL]
    notes = [tell_apart(packets, name) for name in mixed]
    return any(note is not None for note in notes)


def _all_packets(taken: _Taken) -> list[Packet]:
    """Every one of them, in the order in which they were appended.

    No two are told apart by ports that nobody asks for, whichever the first of their kind had in each file: there are
    files that show the same packets.
    """
    found = []
    for packet in (*(kind.packet for kind in taken.kinds), *taken.unusual):
        if packet.kind not in _WITH_PORTS:
            packet.sport, packet.dport = (p if p in taken.ports else loop.PORTS for p in (packet.sport, packet.dport))
    for chunk in taken.rows.chunks():
        for time, frame, kind, length in zip(*(column.tolist() for column in chunk), strict=True):
            if kind < 0:
                found.append(taken.unusual[-1 - kind])
            else:
                found.append(replace(taken.kinds[kind].packet, time=time, frame=frame, length=length))
    return found


def _few(taken: _Taken) -> list[Packet]:
    """Of each kind the first and the last packet, and all unusual ones, in order of time.

    What is learnt of the node, and what is said of the files, can be told by them as by all.
    """
    found = list(taken.unusual)
    for kind in taken.kinds:
        for seen in {kind.first, kind.last}:
            same = seen == (kind.packet.time, kind.packet.frame)
            found.append(kind.packet if same else replace(kind.packet, time=seen[0], frame=seen[1]))
    found.sort(key=lambda packet: (packet.time, packet.frame))
    return found


def _understand(
    sources: Sequence[Source],
    site: Site,
    protects: Protects | None,
    infos: Sequence[FileInfo],
    firsts: Sequence[int],
    taken: _Taken,
) -> tuple[list[Capture], Sequence[Event]]:
    """`read.understand`, for rows."""
    for info in infos:
        for name in (name for name, linktype in info.interfaces.items() if linktype == SLL):
            tell_apart([*(kind.packet for kind in taken.kinds), *taken.unusual], name)
    linktypes = {name: linktype for info in infos for name, linktype in info.interfaces.items()}
    tunnels, left = unlisted_tunnels(linktypes, site.tunnels)
    mark_tunnels([*(kind.packet for kind in taken.kinds), *taken.unusual], tunnels)
    packets = _few(taken)
    known = learn(packets, site)
    if sharing(known.macs, frozenset(site.tunnels)):
        # Which packets are copies can be told only where all of them are seen.
        return _one_by_one(sources, site, protects, infos, firsts, taken)
    reader = Reader(sources[0].name, site, known, clear_registrations(packets, site), protects)
    meaning = Meaning(reader, taken.rows, taken.kinds, taken.unusual)
    meaning.read()
    since = [
        loss.since + source.offset
        for info, source in zip(infos, sources, strict=True)
        for loss in info.losses
        if loss.since is not None
    ]
    after = meaning.next_times(since)

    def happened(since: int, until: int) -> bool:
        return after[since] < until

    gaps = [*lost(infos, firsts, sources, packets, happened, site), *unreadable(taken.together, known, site)]
    events = CaptureEvents(meaning, gaps, [source.name for source in sources], firsts)
    said = unsaid_tunnels(tunnels, left)
    return described(sources, infos, firsts, packets, known, reader, said, events.of_files()), events
