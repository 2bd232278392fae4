"""Drives the compiled loop over one file: rows of numbers for the packets that it knows, `Packet`s for all others.

The loop gives each packet the number of its kind, and of each kind one packet is decoded here by `layers`. What the
loop does not know is read as ever, frame by frame, in order.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from mipcheck.checker.capture.bulk import loop
from mipcheck.checker.capture.bulk.meaning import PacketKind
from mipcheck.checker.capture.bulk.rows import CHUNK, Chunk, PacketRows
from mipcheck.checker.capture.frames.frame import JUMP, SLL, SLL2, FileInfo, Frame, Interface, Stream
from mipcheck.checker.capture.frames.pieces import Pieces
from mipcheck.checker.capture.headers import layers, link
from mipcheck.checker.capture.headers.fragments import Reassembler
from mipcheck.checker.capture.headers.packet import Packet
from mipcheck.checker.capture.read import Decoder, Source
from mipcheck.checker.capture.survey import Surveyor
from mipcheck.checker.console.progress import ReadingProgress
from mipcheck.model.native.compiled import Native
from mipcheck.model.values.errors import MipcheckError

Ints = npt.NDArray[np.int64]

_BUFFER: Final = 1 << 22
"""Bytes looked at together."""
_HEADROOM: Final = 1 << 18
"""Bytes of a record that are carried over to the next such piece; of a longer record every byte is read as ever."""
_PATIENCE: Final = 255
"""Records that are left to the reader of `files` before the loop is asked again."""
_DIVERSE: Final = 50_000
"""With more kinds than this, and than half the packets, columns gain nothing: each kind is a packet of its own."""
_SENSES: Final = ("", "in", "out")
_LINKS: Final = {
    link.ETHERNET: loop.L_ETHERNET,
    SLL: loop.L_SLL,
    SLL2: loop.L_SLL2,
    0: loop.L_NULL,
    108: loop.L_NULL,
} | dict.fromkeys(link.RAW, loop.L_RAW)
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
        """Add an interface; `number` stands for name and link type; `unit` (0: not for the loop) and `shift` are ns."""
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


class Taken:
    """What is known of all files: rows of packets, the kinds they are of, and those read in full."""

    def __init__(self, together: Reassembler, ports: Collection[int] = ()) -> None:
        """`ports` are those that are told apart."""
        self.ports = ports
        self.rows = PacketRows()
        self.kinds: list[PacketKind] = []
        self.unusual: list[Packet] = []
        self.together = together


class DiverseError(MipcheckError):
    """Most packets are of a kind of their own: nothing is gained by columns."""


class Plan(NamedTuple):
    """What is asked of all files."""

    keys: frozenset[int]
    """SPIs of ESP that can be opened."""
    ports: Collection[int]
    """Ports that are told apart."""
    survey: bool
    repeatable: bool
    """Whether all files can be read again."""


class Scanner:
    """Takes one file's packets (`frame.Ahead`): rows for those that it knows, `Packet`s for the others."""

    def __init__(self, native: Native, taken: Taken, source: Source, plan: Plan, before: int) -> None:
        """`before` are the frames of the files before this one."""
        self._native = native
        self.surveyor: Surveyor | None = None
        self._plan = plan
        self._threaded = source.stream.seekable()
        self._taken = taken
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
        """Begin with a file (`frame.Ahead`): what is left of it is read from here."""
        self._info = info
        self._pieces = Pieces(source, _BUFFER, _HEADROOM, self._threaded)
        if self._plan.survey:
            self.surveyor = Surveyor.in_passing(info)
        together = self._taken.together
        self._decoder = Decoder(self._plan.keys, together, self._offset, self._before, self.surveyor)
        return self

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes that the loop left, for the reader of `files`."""
        return self._pieces.take(size)

    # --- records --------------------------------------------------------------------------------------------------

    def pcap(self, order: str, unit: int, name: str, linktype: int) -> None:
        """Take records of a pcap file, if its link type is known; `unit` is ns in one unit of its fraction."""
        if linktype in _LINKS:
            if not self._devices.known:
                self._devices.add(name, linktype, 0, unit, 0)
            self._run(loop.PCAP, order)

    def pcapng(self, order: str, interfaces: Sequence[Interface]) -> None:
        """Take blocks of a section, as far as they are packets of its interfaces so far."""
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
                self._taken.kinds.append(PacketKind(packet, linktype))
            else:
                (packet,) = self._full(frame)
                self._kind[row] = -len(self._taken.unusual)
        self._heard(self._time[start:end] - self._offset, first)
        heard = np.flatnonzero(np.bincount(self._device[start:end]))
        for device in heard[np.argsort(lasts[heard])].tolist():  # interfaces may share a name
            info.last[devices[device][0]] = int(self._time[lasts[device]]) - self._offset
        lasts[heard] = -1
        info.latest = int(self._time[end - 1]) - self._offset
        info.frames += end - start
        self._kind[start:end][self._kind[start:end] >= 0] += self._first

    def _heard(self, times: Ints, first: int) -> None:
        """Do what `FileInfo.heard` does, for the times of rows; `first` is the number of the first of them."""
        info = self._info
        info.heard(int(times[0]), first)
        for at in np.flatnonzero(np.abs(np.diff(times)) > JUMP).tolist():
            info.jumped(int(times[at]), int(times[at + 1]), first + at + 1)
        info.heard_last = int(times[-1])

    def take(self, frame: Frame) -> None:
        """Take a frame whose record the loop did not know; one of 802.11 may hold several packets, or none."""
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
        return packets

    def _flush(self) -> None:
        columns = Chunk(self._time, self._frame, self._kind, self._length)
        taken = self._taken
        taken.rows.append(columns.part(slice(self._n)))
        self._scalars[loop.ROWS] = 0
        if self._plan.repeatable and len(taken.kinds) > max(_DIVERSE, len(taken.rows) // 2):
            raise DiverseError

    def close(self) -> None:
        """End the reading of the file."""
        self._pieces.close()
        self._progress.end()

    def finish(self) -> None:
        """Count the packets of each kind, when the whole file has been read."""
        self._flush()
        stats = self._kinds.stats[: int(self._scalars[loop.KINDS])].tolist()
        for kind, (count, *seen) in zip(self._taken.kinds[self._first :], stats, strict=True):
            kind.count, kind.first, kind.last = count, (seen[0], seen[1]), (seen[2], seen[3])
            if self.surveyor is not None:
                self.surveyor.again(kind.packet, kind.linktype, count - 1)


def _unit(interface: Interface) -> int:
    """Return the ns in a unit of its time stamps; 0 where the loop cannot tell."""
    if interface.linktype not in _LINKS or abs(interface.offset) > _MAX_SHIFT or 10**9 % interface.units:
        return 0
    return 10**9 // interface.units
