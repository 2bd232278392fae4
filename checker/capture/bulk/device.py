"""Rows of packets at an agent → the events of a trace, without one object for each packet.

Of packets that are alike `DeviceReader.passage` tells what each comes to, but for the way by which it came in. That is
looked up here for all rows of a chunk at once, as `crossing` does it one by one. What cannot be told of a packet by its
headers is left to be read one by one: then `UndecidedError` is raised.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Hashable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from mipcheck.checker.capture.bulk.meaning import BulkMeaning, CaptureEvents, PacketKind
from mipcheck.checker.capture.bulk.rows import CHUNK, Chunk, Ints, PacketRows
from mipcheck.checker.capture.device.crossing import SOON, Found, flow_of
from mipcheck.checker.capture.device.passage import Passage, Way
from mipcheck.checker.capture.device.reader import DeviceReader
from mipcheck.checker.capture.headers.packet import Packet
from mipcheck.checker.trace.columns import Whose, is_of
from mipcheck.model.values.errors import MipcheckError
from mipcheck.model.values.event import Event

_NEVER: Final = -(2**62)
"""ns; before any packet."""
_UNMADE: Final = -1
"""The outcome of what has not come yet."""
_NO_WAY: Final = -1


class UndecidedError(MipcheckError):
    """What some packets come to can be told only where all of them are seen in full."""


class DeviceMeaning(BulkMeaning):
    """What an agent's reader makes of rows; `read` is to be called once, and may raise UndecidedError.

    `rows` are then those of events: their kind is the shape of the event.
    """

    def __init__(
        self, reader: DeviceReader, rows: PacketRows, kinds: Sequence[PacketKind], unusual: Sequence[Packet]
    ) -> None:
        super().__init__(rows, reader.events)
        self.reader = reader
        self._kinds = kinds
        self._packets = [*(kind.packet for kind in kinds), *unusual]
        self._messages = np.zeros(len(self._packets) + 1, np.bool_)
        self._passages: list[Passage | None] = []
        self._ways: list[Way] = []
        """The way that each slot stands for."""
        self._last = np.empty(0, np.int64)
        """When something last came by each of them."""
        self._comes_by = np.full(len(self._packets) + 1, _NO_WAY, np.int64)
        self._flow = np.full(len(self._packets) + 1, -1, np.int64)
        """The flow of a packet that leaves."""
        self._slots = np.zeros((1, 2), np.int64)
        """For each flow, its first slot and how many there are."""
        self._outcome_of = np.full(len(self._packets) + 1, _UNMADE, np.int64)
        self._crossed: dict[tuple[int, int], int] = {}
        self._outcomes: dict[tuple[tuple[int, ...], tuple[str, ...]], int] = {}
        self._shapes_in: list[tuple[int, ...]] = []
        self._asides: list[tuple[str, ...]] = []
        self._aside: dict[str, list[int]] = {}  # reason → row of the first packet, and how many
        self._made: list[tuple[int, int]] = []  # shapes that are new in a chunk: row, and which event of it

    def shape_of(self, kind: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Return the shape of each row."""
        return kind

    def read(self) -> None:
        """Let the reader see the messages, and tell what all other packets come to."""
        self._classify()
        packets, self.rows = self.rows, PacketRows()
        told = 0
        for start, chunk in zip(packets.starts, packets.chunks(), strict=False):
            told += self._chunk(chunk, start, told)
        self.counts = np.diff(self.rows.starts).tolist()
        self._numbers.clear()
        first = sorted((row, reason, count) for reason, (row, count) in self._aside.items())
        self.reader.recount(Counter({reason: count for _, reason, count in first}))

    def _classify(self) -> None:
        """Tell of each kind what its packets come to, and number flows and the ways in."""
        flows: dict[Hashable, int] = {}
        ways: list[dict[Way, None]] = []
        coming: list[tuple[int, int, Way]] = []
        for item, packet in enumerate(self._packets):
            if self.reader.is_message(packet):
                self._messages[item] = True
                self._passages.append(None)
                continue
            passage = self.reader.passage(packet)
            if passage is None:
                raise UndecidedError
            self._passages.append(passage)
            if passage.came is None and passage.leaves is None:
                continue
            flow = flows.setdefault(flow_of(packet), len(flows))
            if flow == len(ways):
                ways.append({})
            if passage.came is not None:
                ways[flow].setdefault(passage.came)
                coming.append((item, flow, passage.came))
            if passage.leaves is not None:
                self._flow[item] = flow
        counts = np.array([len(of_flow) for of_flow in ways] or [0], np.int64)
        self._slots = np.stack([np.cumsum(counts) - counts, counts], axis=1)
        self._ways = [way for of_flow in ways for way in of_flow]
        self._last = np.full(len(self._ways) + 1, _NEVER, np.int64)
        place = [{way: n for n, way in enumerate(of_flow)} for of_flow in ways]
        for item, flow, way in coming:
            self._comes_by[item] = self._slots[flow, 0] + place[flow][way]

    # --- chunks -------------------------------------------------------------------------------------------------------

    def _chunk(self, chunk: Chunk, start: int, told: int) -> int:
        """Take a chunk whose first row has that number, after so many rows of events; return how many it has."""
        kind = chunk.kind.astype(np.int64)
        item = np.where(kind >= 0, kind, len(self._kinds) - 1 - kind)
        slot = np.full(len(item), _NO_WAY, np.int64)
        leaving = np.flatnonzero(self._flow[item] >= 0)
        self._find(chunk.time, item, leaving, slot)
        outcome = self._resolved(chunk, item, leaving, slot)
        message = np.flatnonzero(self._messages[item])
        outcome[message] = len(self._shapes_in)  # nothing, for the tables below
        sizes = np.array([*map(len, self._shapes_in), 0], np.int64)
        counts = sizes[outcome]
        before = np.cumsum(counts) - counts
        flat = np.array([shape for shapes in self._shapes_in for shape in shapes] or [0], np.int32)
        begins = np.cumsum(sizes) - sizes
        rows = np.repeat(np.arange(len(item)), counts)
        within = np.arange(len(rows)) - before[rows]
        shapes = flat[begins[outcome[rows]] + within] if len(rows) else np.empty(0, np.int32)
        for first in range(0, len(rows), CHUNK):
            part = slice(first, first + CHUNK)
            taken = rows[part]
            self.rows.append(Chunk(chunk.time[taken], chunk.frame[taken], shapes[part], chunk.length[taken]))
        self.firsts.extend(told + int(before[row]) + at for row, at in self._made)
        self._made.clear()
        self._count_aside(outcome, start)
        for at in message.tolist():
            self._take(self._packets[int(item[at])], start + at, told + int(before[at]))
        return len(rows)

    def _find(self, times: Ints, item: Ints, leaving: Ints, found: Ints) -> None:
        """Find by which way what leaves has come in, for the rows `leaving` of a chunk. Raises UndecidedError."""
        size = len(item)
        coming = np.flatnonzero(self._comes_by[item] >= 0)
        keys = np.sort(self._comes_by[item[coming]] * size + coming)
        if len(leaving):
            first, count = self._slots[self._flow[item[leaving]]].T
            several = np.zeros(len(leaving), np.bool_)
            for n in range(int(count.max())):
                able = np.flatnonzero(count > n)
                slot, row = first[able] + n, leaving[able]
                at = np.searchsorted(keys, slot * size + row) - 1
                here = (at >= 0) & (keys[np.maximum(at, 0)] // size == slot) if len(keys) else np.zeros(len(at), bool)
                since = self._last[slot]
                since[here] = times[keys[at[here]] % size]
                soon = times[row] - since <= SOON
                several[able] |= soon & (found[row] != _NO_WAY)
                found[row[soon]] = slot[soon]
            if several.any():
                raise UndecidedError
        newest = keys[np.flatnonzero(np.diff(keys // size, append=-1))]
        self._last[newest // size] = times[newest % size]

    def _resolved(self, chunk: Chunk, item: Ints, leaving: Ints, slot: Ints) -> Ints:
        """Return the outcome of each row, and make those that are new, in order of their rows."""
        outcome = self._outcome_of[item]
        ways = len(self._ways) + 1
        pairs, first, inverse = np.unique(
            item[leaving] * ways + slot[leaving] + 1, return_index=True, return_inverse=True
        )
        fresh = np.flatnonzero((outcome == _UNMADE) & ~self._messages[item] & (self._flow[item] < 0))
        kinds, at = np.unique(item[fresh], return_index=True)
        new = [(int(fresh[n]), int(k), _NO_WAY) for n, k in zip(at.tolist(), kinds.tolist(), strict=True)]
        crossing = [divmod(pair, ways) for pair in pairs.tolist()]
        new += [
            (int(leaving[n]), k, way - 1)
            for n, (k, way) in zip(first.tolist(), crossing, strict=True)
            if (k, way - 1) not in self._crossed
        ]
        for row, k, way in sorted(new):
            self._make(chunk, row, k, way)
        outcome[fresh] = self._outcome_of[item[fresh]]
        known = np.array([self._crossed[k, way - 1] for k, way in crossing] or [0], np.int64)
        if len(leaving):
            outcome[leaving] = known[inverse.reshape(-1)]
        return outcome

    def _make(self, chunk: Chunk, row: int, item: int, slot: int) -> None:
        """Make the outcome of packets like this one that have come by that way."""
        passage = self._passages[item]
        assert passage is not None
        outcomes = [passage.outcome]
        if passage.leaves is not None:
            outcomes.append(passage.leaves(Found(None if slot == _NO_WAY else self._ways[slot])))
        shapes: list[int] = []
        packet = self._packets[item]
        for kind, args in (said for o in outcomes for said in self.reader.said_of(o)):
            number = self._numbers.setdefault((packet.interface, kind, *args.items()), len(self.shapes))
            if number == len(self.shapes):
                time, frame = int(chunk.time[row]), int(chunk.frame[row])
                self.shapes.append(self.reader.event_of(packet.seen_at(time, frame, packet.length), kind, args))
                self._made.append((row, len(shapes)))
            shapes.append(number)
        both = tuple(shapes), tuple(o.aside for o in outcomes if o.aside)
        number = self._outcomes.setdefault(both, len(self._outcomes))
        if number == len(self._shapes_in):
            self._shapes_in.append(both[0])
            self._asides.append(both[1])
        if passage.leaves is None:
            self._outcome_of[item] = number
        else:
            self._crossed[item, slot] = number

    def _count_aside(self, outcome: Ints, start: int) -> None:
        """Count what is set aside, by reason; `start` is the number of the chunk's first row."""
        found, first, counts = np.unique(outcome, return_index=True, return_counts=True)
        for number, row, count in zip(found.tolist(), first.tolist(), counts.tolist(), strict=True):
            for reason in self._asides[number] if number < len(self._asides) else ():
                self._put_aside(reason, start + row, count)

    def _put_aside(self, reason: str, row: int, count: int) -> None:
        known = self._aside.setdefault(reason, [row, 0])
        known[0] = min(known[0], row)
        known[1] += count

    def _take(self, packet: Packet, row: int, told: int) -> None:
        """Let the reader take a message, which stands before the event row of the number `told`."""
        before = Counter(self.reader.set_aside)
        events = len(self.reader.events)
        self.reader.take(packet)
        for reason, count in (self.reader.set_aside - before).items():
            self._put_aside(reason, row, count)
        if len(self.reader.events) > events:
            self._row_of.setdefault(packet.frame, told)


class DeviceEvents(CaptureEvents):
    """The events of captures at an agent: no key of theirs varies, and those in rows may change state."""

    varying = None

    def before(self, number: int, limit: int, kinds: Collection[str], most: int, whose: Whose = None) -> list[Event]:
        """Return, of the `limit` events before that number, the newest `most` of these kinds, in order."""
        wanted = np.array([e.kind in kinds and is_of(e, whose) for e in self.shapes], np.bool_)
        least = max(0, number - limit)
        found: list[Event] = []
        which = bisect_left(self._starts, min(number, len(self))) - 1
        while which >= 0 and self._starts[which + 1] > least and len(found) < most:
            batch, start = self._batch(which), self._starts[which]
            near = start + np.flatnonzero(wanted[batch.row])
            near = near[(near >= least) & (near < number)][-(most - len(found)) :]
            found = [*(self._event(batch, n - start) for n in near.tolist()), *found]
            which -= 1
        return found
