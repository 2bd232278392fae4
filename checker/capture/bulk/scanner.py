"""Drives the compiled loop over one file: rows of numbers for the packets that it knows, `Packet`s for all others.

The loop gives each packet the number of its kind, and of each kind one packet is decoded here by `layers`. What the
loop does not know is read as ever, frame by frame, in order.
"""

from __future__ import annotations

import operator
import random
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from mipcheck.checker.capture.bulk import scanned
from mipcheck.checker.capture.bulk.families import Families, bare_keys, opened_flows
from mipcheck.checker.capture.bulk.heard import Sightings
from mipcheck.checker.capture.bulk.meaning import PacketKind
from mipcheck.checker.capture.bulk.opened import Addresses, Flow, Flows, Noted, Opening
from mipcheck.checker.capture.bulk.rows import CHUNK, Chunk, Ints, PacketRows
from mipcheck.checker.capture.bulk.scanned import Scanned
from mipcheck.checker.capture.frames.frame import JUMP, SLL, SLL2, STEP, FileInfo, Frame, Interface, Stream
from mipcheck.checker.capture.frames.gunzip import Gunzip
from mipcheck.checker.capture.frames.pieces import Pieces
from mipcheck.checker.capture.headers import layers, link
from mipcheck.checker.capture.headers.fragments import Reassembler
from mipcheck.checker.capture.headers.packet import ESP, IKE, LINK_PORTS, REGISTRATION, Packet
from mipcheck.checker.capture.messages.esp import Keyring, tunnelled
from mipcheck.checker.capture.read import Decoder, Source
from mipcheck.checker.capture.survey import Surveyor
from mipcheck.checker.console.progress import ReadingProgress
from mipcheck.model.native.compiled import Native
from mipcheck.model.values.errors import MipcheckError

_BUFFER: Final = 1 << 22
"""Bytes looked at together."""
_HEADROOM: Final = 1 << 18
"""Bytes of a record that are carried over to the next such piece; of a longer record every byte is read as ever."""
_PATIENCE: Final = 255
"""Records that are left to the reader of `files` before the loop is asked again."""
_KINDS: Final = 1 << 10
_WORDS: Final = 1 << 14
"""Kinds, a power of two, and words of their keys for which there is room at first."""
_DIVERSE: Final = 50_000
"""With more kinds than this, and than half the packets, columns gain nothing: each kind is a packet of its own."""
MOST_AT_DEVICE: Final = 1 << 22
"""Kinds at a device, where they are columns themselves; each takes 200 bytes."""
_ALIKE: Final = 1 << 12
"""Packets that are kept, one of all that differ in nothing but the addresses of their IP headers."""
_FLOWS: Final = frozenset({ESP, IKE})
"""Packets of which it counts who speaks with whom."""
_ESP_HEADER: Final = 8
"""Bytes of SPI and sequence number."""
_SENSES: Final = ("", "in", "out")
_LINKS: Final = {
    link.ETHERNET: scanned.ETHERNET,
    SLL: scanned.SLL,
    SLL2: scanned.SLL2,
    0: scanned.NULL,
    108: scanned.NULL,
} | dict.fromkeys(link.RAW, scanned.RAW)
_MAX_SHIFT: Final = 2**32
"""Seconds (if_tsoffset) up to which times cannot overflow."""


def _tables(seed: int) -> Scanned:
    """Return what the compiled loop works on, with no packet yet."""
    s = Scanned(seed=seed, devices_cap=8, kinds_cap=_KINDS, pool_cap=_WORDS, rows_cap=CHUNK)
    s.slots[:] = -1
    return s


def _more_kinds(s: Scanned) -> None:
    """Make more room than the known kinds take."""
    s.grow(kinds_cap=2 * s.kinds_cap, pool_cap=2 * max(s.pool_cap, s.used + scanned.KEY))
    slots, mask = s.slots, len(s.slots) - 1
    slots[:] = -1
    left = np.arange(s.known)
    slot = s.kinds.column("hash")[: s.known] & mask
    while len(left):  # all at once: of those that want the same free slot one gets it, and the others go on
        free = slots[slot] < 0
        slots[slot[free]] = left[free]
        others = slots[slot] != left
        left, slot = left[others], (slot[others] + 1) & mask


class Taken:
    """What is known of all files: rows of packets, the kinds they are of, and those read in full.

    At a device the kinds stand in `families`.
    """

    def __init__(self, together: Reassembler, ports: Collection[int] = (), families: Families | None = None) -> None:
        """`ports` are those that are told apart."""
        self.ports = ports
        self.rows = PacketRows()
        self.families = families
        self._kinds: list[PacketKind] = []
        self.unusual: list[Packet] = []
        self.together = together
        self.exact = Noted()
        """A hash of what tells each packet from others, where ESP is opened."""
        self.numbers = Noted()
        """The sequence numbers of ESP that was opened."""
        self.clear: dict[int, bytes] = {}
        """What was in ESP that was opened, but is unusual, by the number of the frame."""

    @property
    def kinds(self) -> Sequence[PacketKind]:
        """The kinds of packets, by number."""
        return self._kinds if self.families is None else self.families

    def add_kind(self, kind: PacketKind) -> None:
        """Take a new kind, where there are no families."""
        self._kinds.append(kind)


class DiverseError(MipcheckError):
    """Most packets are of a kind of their own: nothing is gained by columns."""


class Plan(NamedTuple):
    """What is asked of all files."""

    keys: frozenset[int]
    """SPIs of ESP that can be opened."""
    ports: Collection[int]
    """Ports that are told apart: at a device, all are, and these mean something."""
    survey: bool
    repeatable: bool
    """Whether all files can be read again."""
    opening: Opening | None = None


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
        self._devices: list[tuple[str, int]] = []  # names and link types of the section's interfaces
        self._clocks: dict[str, int] = {}  # the first of them by name
        self._section: Sequence[Interface] | None = None
        self._names: dict[tuple[str, int], int] = {}  # interfaces and link types of the file, numbered
        self._s = s = _tables(random.getrandbits(62))
        s.offset = source.offset
        s.spis_cap, s.spis = len(plan.keys), np.array(sorted(plan.keys), np.int64)
        s.gone = -1
        if plan.opening is not None:
            s.opens, s.own, s.salt = 1, plan.opening.own, plan.opening.salt
        s.ports[list(plan.ports)] = 1
        self._asked = np.full(scanned.PORTS + 1, scanned.PORTS, np.int64)
        self._asked[list(plan.ports)] = list(plan.ports)
        if taken.families is not None:
            s.ports[:] = 1
            s.heeds = 1
        self._alike: dict[bytes, Packet] = {}  # by what keys say but for addresses
        self._related: dict[bytes, int] = {}  # families by what keys say of them
        self._flows = Flows()  # protected data, by who speaks with whom
        self._clear: dict[
            int, tuple[int, int]
        ] = {}  # where in the buffer that begins and ends which was in ESP, by row
        self._idle = self._pass = 0
        self._progress = ReadingProgress([source.stream], source.name, "packets")

    # --- the stream -----------------------------------------------------------------------------------------------

    def over(self, source: Stream, info: FileInfo) -> Stream:
        """Begin with a file (`frame.Ahead`): what is left of it is read from here."""
        self._info = info
        self._packed = source if isinstance(source, Gunzip) else None
        self._pieces = Pieces(source, _BUFFER, _HEADROOM, self._threaded)
        if self._plan.survey:
            self.surveyor = Surveyor.in_passing(info)
        together = self._taken.together
        passing = self._taken.families is not None
        self._decoder = Decoder(self._plan.keys, together, self._offset, self._before, self.surveyor, passing)
        return self

    def taken(self) -> int:
        """Return how many bytes of a compressed file were taken for what has been read (`frame.Ahead`)."""
        return self._pieces.taken

    def ended(self) -> bool:
        """Tell whether more was asked for than there is (`frame.Ahead`)."""
        return self._pieces.ended

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes that the loop left, for the reader of `files`."""
        return self._pieces.take(size)

    # --- records --------------------------------------------------------------------------------------------------

    def pcap(self, order: str, unit: int, name: str, linktype: int) -> None:
        """Take records of a pcap file, if its link type is known; `unit` is ns in one unit of its fraction."""
        if linktype in _LINKS:
            if not self._devices:
                self._add_device(name, linktype, 0, unit, 0)
            self._run(scanned.PCAP, order)

    def pcapng(self, order: str, interfaces: Sequence[Interface]) -> None:
        """Take blocks of a section, as far as they are packets of its interfaces so far."""
        if self._section is not interfaces:
            self._section, self._devices, self._clocks = interfaces, [], {}
        for i in interfaces[len(self._devices) :]:
            number = self._names.setdefault((i.name, i.linktype), len(self._names))
            unit = _unit(i)
            self._add_device(i.name, i.linktype, number, unit, i.offset * 10**9 if unit else 0)
        if interfaces:
            self._run(scanned.PCAPNG, order)

    def _add_device(self, name: str, linktype: int, number: int, unit: int, shift: int) -> None:
        """Add an interface; `number` stands for name and link type; `unit` (0: not for the loop) and `shift` are ns."""
        s, at = self._s, len(self._devices)
        if at == s.devices_cap:
            s.grow(devices_cap=2 * at)
        clock = self._clocks.setdefault(name, at)
        link_known = _LINKS.get(linktype, scanned.NO_LINK)
        s.devices[at] = link_known, number, unit, shift, clock, -1, ~scanned.UNHEARD, scanned.UNHEARD
        self._devices.append((name, linktype))

    def _of_devices(self, field: str) -> npt.NDArray[np.int64]:
        """Return a field of the section's interfaces, to be read and written."""
        return self._s.devices.column(field)[: len(self._devices)]

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
        s, pieces = self._s, self._pieces
        s.form, s.big, s.device_count = form, order == ">", len(self._devices)
        while True:
            if s.rows == CHUNK:
                self._flush()
            start, known = s.rows, s.known
            s.at, s.filled, s.frame = pieces.at, pieces.filled, self._before + self._info.frames + 1
            s.buf_cap, s.buf = len(pieces.buf), pieces.buf
            why = self._native(s)
            pieces.at = s.at
            self._clear.clear()
            if s.sealed and self._plan.opening is not None:
                self._open(self._plan.opening.keys)
            if s.rows > start:
                self._took(start, known)
                self._progress.update(self._info.frames)
            if why == scanned.MORE and self._packed is not None:
                self._packed.bound(self._info.records, pieces.taken)
            if why == scanned.FULL or (why == scanned.MORE and pieces.more()):
                continue
            if why == scanned.CROWDED:
                _more_kinds(s)
                continue
            return

    def _open(self, keys: Keyring) -> None:
        """Open the ESP of new rows in its place, and let the loop see what is in it. What is unusual even so is put
        back, to be read as ever."""
        s = self._s
        column = {
            name: s.secrets.column(name)[: s.sealed] for name in ("row", "at", "end", "spi", "clear", "clear_end")
        }
        view = s.buf.data
        found = [-1] * s.sealed
        sizes = [0] * s.sealed
        covered: dict[int, bytes] = {}
        for n, (at, end, spi) in enumerate(zip(*(column[c].tolist() for c in ("at", "end", "spi")), strict=True)):
            data = bytes(view[at:end])
            clear, fails = keys.look(spi, data)
            if fails:
                found[n] = scanned.CLOSED
            if clear is not None:
                found[n] = start = at + _ESP_HEADER
                sizes[n] = size = len(clear)
                if data[_ESP_HEADER : _ESP_HEADER + size] != clear:
                    view[start : start + size] = clear
                    covered[n] = data
        column["clear"][:] = found
        column["clear_end"][:] = column["clear"] + np.array(sizes)
        s.gone = 0
        while self._native(s) == scanned.CROWDED:
            _more_kinds(s)
        opened = s.kind_of[column["row"]] >= 0
        self._clear = dict(
            zip(column["row"].tolist(), zip(found, column["clear_end"].tolist(), strict=True), strict=True)
        )
        for n in np.flatnonzero(~opened & (column["clear"] >= 0)).tolist():
            at, start = int(column["at"][n]), found[n]
            self._taken.clear[int(s.frame_of[column["row"][n]])] = bytes(view[start : start + sizes[n]])
            if n in covered:
                view[at : at + len(covered[n])] = covered[n]
        frames = s.frame_of[column["row"][opened]]
        self._taken.numbers.add(frames, s.secrets.column("number")[: s.sealed][opened].copy())
        s.sealed, s.gone = 0, -1

    def _took(self, start: int, known: int) -> None:
        """Look at the new rows that are unusual or the first of their kind, in order, while their bytes are there."""
        s, info, lasts = self._s, self._info, self._of_devices("last")
        end, first = s.rows, info.frames + 1
        kinds = s.kind_of[start:end]
        rows = (start + np.flatnonzero(kinds == scanned.UNUSUAL)).tolist()
        origins = s.kinds.column("origin")[known : s.known]
        if self._taken.families is not None:
            self._add_kinds(self._taken.families, known, origins, rows, first - start)
        else:
            fresh = {row: known + n for n, row in enumerate(origins.tolist())}
            bare = self._without_addresses(known)
            for row in sorted([*rows, *fresh]):
                number = fresh.get(row)
                if number is None:
                    self._add_unusual(row, first + row - start)
                else:
                    self._add_kind(row, first + row - start, *bare[number - known])
        self._hear(start, first)
        devices = np.flatnonzero(lasts >= 0)
        for device in devices[np.argsort(lasts[devices])].tolist():  # interfaces may share a name
            info.last[self._devices[device][0]] = int(s.time_of[lasts[device]]) - self._offset
        lasts[devices] = -1
        info.latest = int(s.time_of[end - 1]) - self._offset
        info.frames += end - start
        info.records += end - start
        kinds[kinds >= 0] += self._first

    def _frame(self, row: int, number: int) -> Frame:
        """Return the frame of that number in the file, of which a row was written."""
        s = self._s
        name, linktype = self._devices[s.device_of[row]]
        place = int(s.start_of[row])
        data = s.buf[place : place + int(s.size_of[row])].tobytes()
        time, length = int(s.time_of[row]) - self._offset, int(s.length_of[row])
        return Frame(number, time, name, linktype, data, length, _SENSES[s.sense_of[row]])

    def _add_unusual(self, row: int, number: int) -> None:
        """Read the frame of that number in full, of which a row was written."""
        self._full(self._frame(row, number))
        self._s.kind_of[row] = -len(self._taken.unusual)

    def _add_kinds(self, families: Families, known: int, origins: Ints, rows: list[int], shift: int) -> None:
        """Add the kinds from number `known` on, with the rows where they were first seen, and what `rows` have that is
        unusual.

        Frames have the numbers of their rows and `shift` more.
        """
        which, bare = bare_keys(self._s, known, self._asked)
        flows: dict[int, Flow] = {}
        if self.surveyor is not None:
            flows = {n: Flow(name, addresses, spi) for n, name, addresses, spi in opened_flows(self._s, known)}
        found = np.array([*(self._related.get(key, -1) for key in bare), -1], np.int32)[which]
        looked_at = found < 0  # most kinds are of a family that is known
        looked_at[[*flows]] = True
        fresh = dict(zip(origins[looked_at].tolist(), np.flatnonzero(looked_at).tolist(), strict=True))
        for row in sorted([*rows, *fresh]):
            if row not in fresh:
                self._add_unusual(row, shift + row)
                continue
            number = fresh[row]
            key = bare[int(which[number])]
            family = self._related.get(key)
            new = family is None
            if family is None:
                family = self._found_family(families, row, shift + row, key, known + number)
            found[number] = family
            if self.surveyor is not None and number in flows and self._flows.add(flows[number], known + number, new):
                packet = families.packets[family].seen_at(0, shift + row, 0)
                packet.addresses, packet.spi = flows[number].addresses, flows[number].spi
                self.surveyor.take(packet, families.linktypes[family])
                self._flows.took(flows[number], packet, families.linktypes[family])
        families.extend(found)

    def _found_family(self, families: Families, row: int, number: int, bare: bytes, kind: int) -> int:
        """Add the family of a row's packet, whose frame has that number, and return it; the row is of that kind."""
        linktype = self._devices[self._s.device_of[row]][1]
        clear = self._clear.get(row)
        packet = layers.decode(self._frame(row, number), self._plan.keys if clear is None else ())
        inner = None
        if clear is not None:
            if clear[0] >= 0:
                inner = tunnelled(packet, self._s.buf[slice(*clear)].tobytes())
        elif self.surveyor is not None:
            self.surveyor.take(packet, linktype)
        packet.time += self._offset
        packet.frame += self._before
        # What the addresses themselves mean is told of each kind.
        is_signalling = packet.payload and packet.kind != REGISTRATION
        told_by_address = packet.dport in LINK_PORTS or is_signalling or (packet.kind in _FLOWS and clear is None)
        alone = bool(told_by_address) or len(self._related) == _ALIKE or not self._is_as_in_key(packet, inner, row)
        family = families.found(packet, linktype, alone, inner)
        if packet.kind in _FLOWS and clear is None:
            self._flows.alone.append(kind)
        if not alone:
            self._related[bare] = family
        return family

    def _is_as_in_key(self, packet: Packet, inner: Packet | None, row: int) -> bool:
        """Whether a packet has the addresses and ports that the key of its kind has."""
        found = Families()
        found.extend(np.array([found.found(packet, 0, False, inner)], np.int32))
        found.finished(self._s, int(self._s.kind_of[row]))
        same = operator.attrgetter("addresses", "sport", "dport")
        pairs = ((found[0].packet, packet), (found.inside(0), inner))
        if packet.kind == REGISTRATION and found[0].packet.payload != packet.payload:
            return False
        return all(same(one) == same(other) for one, other in pairs if one is not None and other is not None)

    def _without_addresses(self, known: int) -> list[tuple[bytes, Addresses]]:
        """Return of each kind but the first `known` ones its key without addresses of IP headers, and these."""
        s = self._s
        starts, words, ends = (s.kinds.column(name)[known : s.known] for name in ("start", "words", "ends"))
        found: list[tuple[bytes, Addresses]] = [(b"", ())] * len(starts)
        for count in np.unique(words).tolist():
            of = np.flatnonzero(words == count)
            keys = np.column_stack([ends[of], s.pool[starts[of][:, None] + np.arange(count)]])
            marked = np.zeros(keys.shape, np.bool_)
            marked[:, 1:] = ends[of][:, None] >> np.arange(count) & 1
            pairs = keys[marked].view(np.uint64)
            sources, targets = (pairs >> np.uint64(32)).tolist(), (pairs & np.uint64(0xFFFFFFFF)).tolist()
            addresses = [*zip(sources, targets, strict=True)]
            keys[marked] = 0
            upto = 0
            for n, key, size in zip(of.tolist(), keys, marked.sum(axis=1).tolist(), strict=True):
                found[n] = key.tobytes(), tuple(addresses[upto : upto + size])
                upto += size
        return found

    def _add_kind(self, row: int, number: int, bare: bytes, addresses: Addresses) -> None:
        """Add the kind of a row, whose frame has that number; of those that differ by addresses one is decoded."""
        s, linktype = self._s, self._devices[self._s.device_of[row]][1]
        like = self._alike.get(bare)
        if like is None:
            packet = layers.decode(self._frame(row, number), self._plan.keys)
            told_by_address = packet.dport in LINK_PORTS or packet.payload
            if packet.addresses == addresses and not told_by_address and len(self._alike) < _ALIKE:
                self._alike[bare] = packet
        else:
            packet = like.seen_at(int(s.time_of[row]) - self._offset, number, int(s.length_of[row]))
            packet.addresses, packet.identity = addresses, b""
        if self.surveyor is not None:
            self.surveyor.take(packet, linktype)
        packet.time += self._offset
        packet.frame += self._before
        self._taken.add_kind(PacketKind(packet, linktype))

    def _hear(self, start: int, first: int) -> None:
        """Do what `FileInfo.heard` does, for the rows from `start` on; `first` is the number of the first of them."""
        s, info = self._s, self._info
        least, newest = self._of_devices("least"), self._of_devices("newest")
        heard = np.flatnonzero(newest != scanned.UNHEARD)
        times = s.time_of[start : s.rows] - self._offset
        clocks: dict[str, tuple[int, int]] = {}
        spans = []
        steady = not s.astray and (info.heard_last is None or abs(int(times[0]) - info.heard_last) <= JUMP)
        for device in heard.tolist():
            name = self._devices[device][0]
            now = int(least[device]) - self._offset, int(newest[device]) - self._offset
            spans.append((name, *now))
            before = info.clocks.get(name)
            steady = steady and (before is None or before[1] - now[0] <= STEP)
            clocks[name] = (min(before[0], now[0]), max(before[1], now[1])) if before is not None else now
        least[heard], newest[heard], s.astray = ~scanned.UNHEARD, scanned.UNHEARD, 0
        if steady:
            info.heard(int(times[0]), first, self._devices[s.device_of[start]][0])
            info.clocks.update(clocks)
            for name, earliest, latest in spans:
                info.spells.heard(name, earliest, latest, first)
            info.heard_last = int(times[-1])
            return
        for n, (time, device) in enumerate(zip(times.tolist(), s.device_of[start : s.rows].tolist(), strict=True)):
            info.heard(time, first + n, self._devices[device][0])

    def take(self, frame: Frame) -> None:
        """Take a frame whose record the loop did not know; one of 802.11 may hold several packets, or none."""
        s, number = self._s, len(self._taken.unusual)
        for packet in self._full(frame):
            if s.rows == CHUNK:
                self._flush()
            number += 1
            row = s.rows
            s.time_of[row], s.frame_of[row] = packet.time, packet.frame
            s.kind_of[row], s.length_of[row] = -number, packet.length
            s.rows += 1

    def _full(self, frame: Frame) -> list[Packet]:
        packets = self._decoder.take(frame)
        self._taken.unusual.extend(packets)
        return packets

    def _flush(self) -> None:
        s, taken = self._s, self._taken
        columns = Chunk(s.time_of, s.frame_of, s.kind_of, s.length_of)
        taken.rows.append(columns.part(slice(s.rows)))
        if s.opens:
            kinds = np.flatnonzero(s.kind_of[: s.rows] >= 0)
            taken.exact.add(s.frame_of[kinds], s.exact_of[kinds])
        s.rows = 0
        most = max(_DIVERSE, len(taken.rows) // 2) if taken.families is None else MOST_AT_DEVICE
        if self._plan.repeatable and len(taken.kinds) > most:
            raise DiverseError

    def close(self) -> None:
        """End the reading of the file."""
        self._pieces.close()
        self._progress.end()

    def finish(self) -> None:
        """Count the packets of each kind, when the whole file has been read."""
        self._flush()
        families = self._taken.families
        if families is not None:
            families.finished(self._s)
            if self.surveyor is not None:
                for flow in (families[self._first + number] for number in self._flows.alone):
                    self.surveyor.again(flow.packet, flow.linktype, flow.count - 1)
                for packet, linktype, count in self._flows.more(self._s.kinds.column("count")):
                    self.surveyor.again(packet, linktype, count)
                self.surveyor.leave(Sightings(families, self._first, self._before, self._offset))
            return
        told = ("count", "first", "first_frame", "last", "last_frame")
        columns = [self._s.kinds.column(name)[: self._s.known].tolist() for name in told]
        for kind, count, *seen in zip(self._taken.kinds[self._first :], *columns, strict=True):
            kind.count, kind.first, kind.last = count, (seen[0], seen[1]), (seen[2], seen[3])
            if self.surveyor is not None:
                self.surveyor.again(kind.packet, kind.linktype, count - 1)


def _unit(interface: Interface) -> int:
    """Return the ns in a unit of its time stamps; 0 where the loop cannot tell."""
    if interface.linktype not in _LINKS or abs(interface.offset) > _MAX_SHIFT or 10**9 % interface.units:
        return 0
    return 10**9 // interface.units
