"""Captures of any length → the same events as `read.read_captures`, in columns.

Most packets of a long capture are alike. A compiled loop (`scan`) gives each the number of its kind; of each kind one
packet is decoded by `layers` and judged by `events`, in its place among the signalling, and the others share what it
came to. What the loop does not know is read as ever, frame by frame, in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
from mipcheck.checker.capture import layers
from mipcheck.checker.capture.ahead import Pieces
from mipcheck.checker.capture.cooked import tell_apart
from mipcheck.checker.capture.events import Protects, Reader, clear_registrations
from mipcheck.checker.capture.files import SLL, SLL2, FileInfo, Frame, Interface, open_frames
from mipcheck.checker.capture.files import Source as Stream
from mipcheck.checker.capture.fragments import Reassembler
from mipcheck.checker.capture.layers import Packet
from mipcheck.checker.capture.meaning import CaptureEvents, Kind, Meaning
from mipcheck.checker.capture.node import learn
from mipcheck.checker.capture.read import Capture, Decoder, Source, described, lost, understand, unreadable
from mipcheck.checker.capture.rows import CHUNK, Chunk, Rows
from mipcheck.checker.capture.scan import (
    CROWDED,
    FULL,
    L_ETHERNET,
    L_NULL,
    L_RAW,
    L_SLL,
    L_SLL2,
    MORE,
    PCAP,
    PCAPNG,
    UNUSUAL,
    WORDS,
    scan,
)
from mipcheck.checker.site import Site
from mipcheck.checker.survey import Survey, Surveyor
from mipcheck.model.event import Event

Ints = npt.NDArray[np.int64]

_BUFFER: Final = 1 << 22
"""Bytes looked at together."""
_HEADROOM: Final = 1 << 18
"""Bytes of a record that are carried over to the next such piece; of a longer record every byte is read as ever."""
_SENSES: Final = ("", "in", "out")
_LINKS: Final = {layers.ETHERNET: L_ETHERNET, SLL: L_SLL, SLL2: L_SLL2, 0: L_NULL, 108: L_NULL} | dict.fromkeys(
    layers.RAW, L_RAW
)
_KNOWN_PORTS: Final = 1024
"""Ports below are told apart, and those that something here asks for."""
_ASKED: Final = (4500, 1701, *layers.LINK_PORTS)
_MAX_SHIFT: Final = 2**32
"""Seconds (if_tsoffset) up to which times cannot overflow."""


class _Kinds:
    """Tables of one file's kinds, as the compiled loop wants them. They grow as needed."""

    def __init__(self) -> None:
        self.known = 0
        self._make(1 << 10, 1 << 14)

    def _make(self, kinds: int, words: int) -> None:
        self.slots = np.full(kinds * 2, -1, np.int32)
        self.pool = np.zeros(words, np.int64)
        self.starts = np.zeros(kinds + 1, np.int64)
        self.hashes = np.zeros(kinds, np.uint64)
        self.stats = np.zeros((kinds, 5), np.int64)
        self.origins = np.zeros(kinds, np.int64)

    def grow(self) -> None:
        old = self.pool, self.starts, self.hashes, self.stats, self.origins
        kinds, words = len(self.hashes), len(self.pool)
        self._make(kinds * 2, max(words, int(old[1][self.known]) + WORDS) * 2)
        for new, before in zip((self.pool, self.starts, self.hashes, self.stats, self.origins), old, strict=True):
            new[: len(before)] = before
        mask = len(self.slots) - 1
        for number, mixed in enumerate(self.hashes[: self.known].tolist()):
            slot = mixed & mask
            while self.slots[slot] >= 0:
                slot = (slot + 1) & mask
            self.slots[slot] = number


class _Taken:
    """What is known of all files: rows of packets, the kinds they are of, and those read in full."""

    def __init__(self, together: Reassembler) -> None:
        self.rows = Rows()
        self.kinds: list[Kind] = []
        self.unusual: list[Packet] = []
        self.together = together


class _Scanner:
    """Takes one file's packets (`files.Ahead`): rows for those that it knows, `Packet`s for the others."""

    def __init__(self, taken: _Taken, site: Site, offset: int, before: int, survey: bool, threaded: bool) -> None:
        keys = frozenset(sa.spi for sa in site.esp_sas)
        self.surveyor: Surveyor | None = None
        self._survey = survey
        self._threaded = threaded
        self._taken = taken
        self._keys = keys
        self._decoder = Decoder(keys, taken.together, offset, before)
        self._offset = offset
        self._before = before
        self._first = len(taken.kinds)
        self._kinds = _Kinds()
        self._linktypes: list[int] = []  # of each kind
        self._names: dict[tuple[str, int], int] = {}  # interfaces and link types of the file, numbered
        self._spis = np.array(sorted(keys), np.int64)
        self._ports = np.zeros(0x10000, np.uint8)
        self._ports[:_KNOWN_PORTS] = 1
        listed = (word.rpartition(":") for word in site.upkeep)
        self._ports[[*_ASKED, *(int(port) for _, colon, port in listed if colon)]] = 1
        self._n = 0
        self._time, self._frame = np.empty(CHUNK, np.int64), np.empty(CHUNK, np.int64)
        self._kind, self._length = np.empty(CHUNK, np.int32), np.empty(CHUNK, np.uint32)
        self._place, self._size = np.empty(CHUNK, np.int64), np.empty(CHUNK, np.int64)
        self._sense, self._device = np.empty(CHUNK, np.uint8), np.empty(CHUNK, np.int32)
        self._key = np.zeros(WORDS, np.int64)

    # --- the stream -----------------------------------------------------------------------------------------------

    def over(self, source: Stream, info: FileInfo) -> Stream:
        self._info = info
        self._pieces = Pieces(source, _BUFFER, _HEADROOM, self._threaded)
        if self._survey:
            self.surveyor = Surveyor(FileInfo(info.kind, info.name, info.interfaces))
        return self

    def read(self, size: int, /) -> bytes:
        """What the loop left, for the reader of `files`."""
        return self._pieces.take(size)

    # --- records --------------------------------------------------------------------------------------------------

    def pcap(self, order: str, unit: int, name: str, linktype: int) -> None:
        if linktype in _LINKS:
            self._run(PCAP, order, [(name, linktype, unit, 0)])

    def pcapng(self, order: str, interfaces: Sequence[Interface]) -> None:
        self._run(PCAPNG, order, [(i.name, i.linktype, _unit(i), i.offset * 10**9) for i in interfaces])

    def _run(self, form: int, order: str, interfaces: Sequence[tuple[str, int, int, int]]) -> None:
        """Take what the loop knows, up to the next record that it does not."""
        if not interfaces:
            return
        names = [self._names.setdefault(i[:2], len(self._names)) for i in interfaces]
        links = np.array([_LINKS.get(i[1], 0) for i in interfaces], np.int64)
        units = np.array([i[2] for i in interfaces], np.int64)
        shifts = np.array([i[3] if i[2] else 0 for i in interfaces], np.int64)
        pieces = self._pieces
        tables = (order == ">", links, np.array(names, np.int64), units, shifts)
        while True:
            if self._n == CHUNK:
                self._flush()
            kinds, start, known = self._kinds, self._n, self._kinds.known
            lasts = np.full(len(interfaces), -1, np.int64)
            number = self._before + self._info.frames + 1
            why, pieces.at, self._n, kinds.known = scan(
                pieces.buf, pieces.at, pieces.filled, form, *tables, self._offset, number, self._ports, self._spis,
                kinds.slots, kinds.pool, kinds.starts, kinds.hashes, kinds.stats, kinds.origins, known, start,
                self._time, self._kind, self._length, self._frame, self._place, self._size, self._sense, self._device,
                lasts, self._key,
            )  # fmt: skip
            if self._n > start:
                self._took(start, known, interfaces, lasts)
            if why == FULL or (why == MORE and pieces.more()):
                continue
            if why == CROWDED:
                kinds.grow()
                continue
            return

    def _took(self, start: int, known: int, interfaces: Sequence[tuple[str, int, int, int]], lasts: Ints) -> None:
        """Look at the new rows that are unusual or the first of their kind, in order, while their bytes are there."""
        info, end = self._info, self._n
        first = info.frames + 1
        rows = (start + np.flatnonzero(self._kind[start:end] == UNUSUAL)).tolist()
        fresh = {row: known + n for n, row in enumerate(self._kinds.origins[known : self._kinds.known].tolist())}
        for row in sorted([*rows, *fresh]):
            name, linktype, _, _ = interfaces[self._device[row]]
            place = int(self._place[row])
            data = self._pieces.buf[place : place + int(self._size[row])].tobytes()
            time, length = int(self._time[row]) - self._offset, int(self._length[row])
            frame = Frame(first + row - start, time, name, linktype, data, length, _SENSES[self._sense[row]])
            number = fresh.get(row)
            if number is not None:
                packet = layers.decode(frame, self._keys)
                if self.surveyor is not None:
                    self.surveyor.take(packet, linktype)
                packet.time += self._offset
                packet.frame += self._before
                self._taken.kinds.append(Kind(packet, linktype))
            else:
                (packet,) = self._full(frame)
                self._kind[row] = -len(self._taken.unusual)
        # Interfaces may share a name.
        for row, (name, _, _, _) in sorted(zip(lasts.tolist(), interfaces, strict=True)):
            if row >= 0:
                info.last[name] = int(self._time[row]) - self._offset
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
            self._time[self._n], self._frame[self._n] = packet.time, packet.frame
            self._kind[self._n], self._length[self._n] = -number, packet.length
            self._n += 1

    def _full(self, frame: Frame) -> list[Packet]:
        packets = self._decoder.take(frame)
        self._taken.unusual.extend(packets)
        if self.surveyor is not None:
            # The survey has no keys and puts nothing together.
            self.surveyor.take(layers.decode(frame), frame.linktype)
        return packets

    def _flush(self) -> None:
        columns = Chunk(self._time, self._frame, self._kind, self._length)
        self._taken.rows.append(columns.part(slice(self._n)))
        self._n = 0

    def close(self) -> None:
        """Nothing more is read."""
        self._pieces.close()

    def finish(self) -> None:
        """The file has been read."""
        self._flush()
        stats = self._kinds.stats[: self._kinds.known].tolist()
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
    sources: Sequence[Source], site: Site, protects: Protects | None = None, survey: bool = False
) -> tuple[list[Capture], Sequence[Event], list[Survey]]:
    """As `read_captures`, but made for long captures; with `survey` also what `survey_of` finds in each file.

    Raises CaptureError.
    """
    taken = _Taken(Reassembler(frozenset(sa.spi for sa in site.esp_sas)))
    infos: list[FileInfo] = []
    firsts: list[int] = []
    surveys: list[Survey] = []
    total = 0
    for source in sources:
        scanner = _Scanner(taken, site, source.offset, total, survey, source.stream.seekable())
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
    if any(linktype == SLL for info in infos for linktype in info.interfaces.values()) and _mixed(taken, infos):
        captures, events = understand(sources, site, protects, infos, firsts, _all_packets(taken), taken.together)
        return captures, events, surveys
    taken.rows = taken.rows.sort()
    captures, columns = _understand(sources, site, protects, infos, firsts, taken)
    return captures, columns, surveys


def _mixed(taken: _Taken, infos: Sequence[FileInfo]) -> bool:
    """Whether cooked captures hold several interfaces, which only the order of all packets tells apart."""
    packets = [replace(packet) for packet in _few(taken)]
    mixed = [name for info in infos for name, linktype in info.interfaces.items() if linktype == SLL]
    notes = [tell_apart(packets, name) for name in mixed]
    return any(note is not None for note in notes)


def _all_packets(taken: _Taken) -> list[Packet]:
    """Every one of them, in the order in which they were appended: there is no way round that."""
    found = []
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
        for time, frame in {kind.first, kind.last}:
            found.append(replace(kind.packet, time=time, frame=frame))
    found.sort(key=lambda packet: (packet.time, packet.frame))
    return found


def _understand(
    sources: Sequence[Source],
    site: Site,
    protects: Protects | None,
    infos: Sequence[FileInfo],
    firsts: Sequence[int],
    taken: _Taken,
) -> tuple[list[Capture], CaptureEvents]:
    """`read.understand`, for rows."""
    for info in infos:
        for name in (name for name, linktype in info.interfaces.items() if linktype == SLL):
            tell_apart([*(kind.packet for kind in taken.kinds), *taken.unusual], name)
    packets = _few(taken)
    known = learn(packets, site)
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
    return described(sources, site, infos, firsts, packets, known, reader, events.of_files()), events
