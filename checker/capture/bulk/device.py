"""Rows of packets at an agent → the events of a trace, without one object for each packet, flow or node.

Packets that differ in nothing but their addresses, where these have the same `Marks`, come to the same with other
addresses: `DeviceReader.passage` tells it once, of a packet whose addresses know where they stood. By which way a
packet came in is looked up for all rows of a chunk at once, as `crossing` does it one by one. What cannot be told of a
packet by its headers is left to be read one by one: then `UndecidedError` is raised.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from mipcheck.checker.capture.bulk.families import SIDES, Families, numbered
from mipcheck.checker.capture.bulk.items import Items, Placed, items_of, marked, place_of, placed
from mipcheck.checker.capture.bulk.meaning import BulkMeaning, CaptureEvents, ShapesOf, Single
from mipcheck.checker.capture.bulk.rows import CHUNK, Chunk, Flags, Ints, PacketRows
from mipcheck.checker.capture.device.crossing import SOON, Found
from mipcheck.checker.capture.device.passage import Passage, Way
from mipcheck.checker.capture.device.reader import DeviceReader
from mipcheck.checker.capture.headers.packet import REGISTRATION, Packet
from mipcheck.checker.capture.messages.mobileip import read_registration
from mipcheck.checker.trace.alike import AlikeColumns, AlikeEvents, Pattern, Patterns, filled
from mipcheck.checker.trace.columns import Whose
from mipcheck.model.values.errors import MipcheckError
from mipcheck.model.values.event import Event

_NEVER: Final = -(2**62)
"""ns; before any packet."""
_LATEST: Final = 2**62
"""ns; after any packet."""
_SIGNED: Final = 2**63
NO_WAY: Final = -1
OF_WAY: Final = -1
"""Where the address behind a way stands, among the addresses of a packet."""
MESSAGE: Final = -1
"""The group of a packet that is taken by itself."""
_FLAGS: Final = 32


class UndecidedError(MipcheckError):
    """What some packets come to can be told only where all of them are seen in full."""


class Ahead(NamedTuple):
    """What is known of the rows of a chunk before it is looked up how they came: `flags` (less than `_FLAGS`) of what
    they come to besides, and which of them `come` in by a way."""

    flags: Ints
    come: Flags


class _Outcome(NamedTuple):
    """What packets of a group that came by such ways come to: patterns of events, and why they are set aside.

    `places` are, for each pattern, where what varies stands in the packets.
    """

    patterns: tuple[int, ...]
    places: tuple[tuple[int, ...], ...]
    asides: tuple[str, ...]


class DeviceMeaning(BulkMeaning):
    """What an agent's reader makes of rows; `read` is to be called once, and may raise UndecidedError.

    `rows` are then those of events: their kind is the number of the distinct event.
    """

    def __init__(self, reader: DeviceReader, rows: PacketRows, kinds: Families, unusual: Sequence[Packet]) -> None:
        super().__init__(rows, reader.events)
        self.reader = reader
        self.patterns: list[Pattern] = []
        self._kinds, self._unusual = kinds, unusual
        self._family = kinds.family
        self._items = self._described()
        # By item.
        self._group = np.full(len(kinds) + len(unusual) + 1, MESSAGE, np.int64)
        self._comes_by = np.full(len(self._group), NO_WAY, np.int64)
        self._flow = np.full(len(self._group), -1, np.int64)
        """The flow of a packet that leaves."""
        # By group.
        self._passages: list[Passage] = []
        self._specimens: list[Packet] = []
        self._strangers = np.empty(0, np.int64)
        """Where the address of a home agent stands that is none of the site's, -1 for none."""
        self._since = np.zeros((1, 2), np.int64)
        """Time and frame since when packets come to what is told of the group."""
        self._noted: set[int] = set()
        """Those of which people were told what there is to be told."""
        # By slot: a way in which packets of a flow come in.
        self._ways: list[Way] = []
        """The ways that are told apart."""
        self._way_of = np.empty(0, np.int64)
        self._behind = np.zeros(1, np.int64)
        """The address behind each."""
        self._last = np.empty(0, np.int64)
        """When something last came by each of them."""
        self._slots = np.zeros((1, 2), np.int64)
        """For each flow, its first slot and how many there are."""
        # By crossing: an item and the slot by which it came, if it leaves.
        self._crossings = _Numbers()
        self._outcome_of = np.empty(0, np.int64)
        self._begins = np.empty(0, np.int64)
        """The first distinct event of each."""
        self._outcomes: list[_Outcome] = []
        self._known: dict[tuple[int, int, int], int] = {}  # outcomes by group, flags and way
        self._told: list[tuple[AlikeColumns, Ints]] = []  # distinct events, and the rows where they were first seen
        self._count = 0
        self._aside: dict[str, list[int]] = {}  # reason → row of the first packet, and how many

    def shape_of(self, kind: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Return the shape of each row."""
        return _as_told(kind)

    def shapes_of(self) -> ShapesOf:
        """Return the same; it keeps nothing of what is known here."""
        return _as_told

    def distinct(self) -> tuple[AlikeColumns, Ints]:
        """Return the distinct events of rows, and for each the row where it was first seen."""
        first = np.concatenate([np.empty(0, np.int64), *(rows for _, rows in self._told)])
        return AlikeColumns.joined([columns for columns, _ in self._told]), first

    def read(self) -> None:
        """Let the reader see the messages, and tell what all other packets come to."""
        self._classify()
        packets, self.rows = self.rows, PacketRows()
        told = 0
        for start, chunk in zip(packets.starts, packets.chunks(), strict=False):
            told += self._chunk(chunk, start, told)
        self.counts = np.diff(self.rows.starts).tolist()
        first = sorted((row, reason, count) for reason, (row, count) in self._aside.items())
        self.reader.recount(Counter({reason: count for _, reason, count in first}))
        # Of many nodes this is more than all that is left.
        del self._items, self._group, self._comes_by, self._flow, self._slots, self._crossings
        del self._outcome_of, self._begins, self._way_of, self._behind, self._last, self._family

    def _described(self) -> Items:
        return items_of(self._kinds, self._unusual)

    # --- before any row -----------------------------------------------------------------------------------------------

    def _classify(self) -> None:
        """Tell of each group what its packets come to, and number flows and the ways in."""
        every = np.sort(np.concatenate([self._items.addresses.ravel(), *self._items.said[:-1], [0]]))
        every = every[np.flatnonzero(np.diff(every, prepend=-1))]
        marks = marked(every, self.reader.marks())
        of_addresses = marks[np.searchsorted(every, self._items.addresses[: len(self._kinds)])]
        self._group_kinds([*of_addresses.T, *self._marks_of_messages(every, marks), *self._told_apart()])
        for n, packet in enumerate(self._unusual, len(self._kinds)):
            if not self.reader.is_message(packet):
                group = len(self._passages)
                self._add_group(n)
                self._group[n] = group if len(self._passages) > group else MESSAGE
        self._since = np.array([*(p.since for p in self._passages), (_NEVER, 0)], np.int64)
        places = [place_of(passage.stranger) for passage in self._passages]
        self._strangers = np.array([*(-1 if place is None else place for place in places), -1], np.int64)
        comes = np.array([p.came is not None for p in self._passages] + [False], np.bool_)
        leaves = np.array([p.leaves is not None for p in self._passages] + [False], np.bool_)
        passing = np.flatnonzero((comes | leaves)[self._group])
        flows = self._flows_of(passing)
        leaving = leaves[self._group[passing]]
        self._flow[passing[leaving]] = flows[leaving]
        coming = np.flatnonzero(comes[self._group[passing]])
        self._number_ways(passing[coming], flows[coming], int(flows.max(initial=-1)) + 1, every, marks)

    def _marks_of_messages(self, every: Ints, marks: Ints) -> list[Ints]:
        """Return of all kinds what makes a difference to what a message comes to, beside its family and the addresses
        in front of it: marks of addresses in it, the first bit of its identification, whether it comes from its own
        care-of address, and whether it is authentic."""
        messages, said = self._items.messages, self._items.said
        if not len(messages):
            return []
        found = [marks[np.searchsorted(every, addresses)] for addresses in said[:-1]]
        sender = (self._items.inner[messages.kinds] >> np.uint64(SIDES)).astype(np.int64)
        found += [said.id >> np.int64(SIDES * 2 - 1), sender == said.coa]
        if self.reader.checks:
            results = [self.reader.check(read_registration(messages.payload(n))) for n in range(len(messages))]
            found.append(np.unique(results, return_inverse=True)[1])
        columns = np.zeros((len(found), len(self._kinds)), np.int64)
        columns[:, messages.kinds] = found
        return [*columns]

    def _group_kinds(self, marks: Sequence[npt.NDArray[Any]]) -> None:
        """Group the kinds by what they differ in besides what stands in them, and by the marks of that, as given."""
        family = self._family
        alone = [not self._has_message(p) and self.reader.is_message(p) for p in self._kinds.packets]
        of_family = [MESSAGE if each else n for n, each in enumerate(alone)]
        code, first = numbered(np.array([*of_family, 0], np.int64)[family], *marks)
        groups = np.full(len(first) + 1, MESSAGE, np.int64)
        for number in np.argsort(first).tolist():
            kind = int(first[number])
            if of_family[family[kind]] != MESSAGE:
                group = len(self._passages)
                self._add_group(kind)
                groups[number] = group if len(self._passages) > group else MESSAGE
        self._group[: len(family)] = groups[code]

    def _has_message(self, packet: Packet) -> bool:
        return packet.kind == REGISTRATION and len(self._items.messages) > 0

    def _told_apart(self) -> Sequence[npt.NDArray[Any]]:
        """Return columns of kinds by which these are told apart, besides families and marks."""
        return ()

    def _add_group(self, item: int) -> None:
        """Tell what packets like this one come to, if what stands in them has the same marks; nothing of a message of
        which that cannot be told."""
        packet = self._packet(item)
        specimen = packet.seen_at(_LATEST, packet.frame, packet.length)
        specimen.addresses = self._placed(item, 0, int(self._items.depth[item]))
        if packet.kind == REGISTRATION:
            self._place_message(specimen, item)
        passage = self.reader.passage(specimen)
        if passage is None and packet.kind != REGISTRATION:
            raise UndecidedError
        if passage is not None:
            self._specimens.append(specimen)
            self._passages.append(passage)

    def _place_message(self, specimen: Packet, kind: int) -> None:
        """Let a packet have the message of a kind, which knows where what it says stands."""
        message = read_registration(self._kinds.messages.of_kind(kind))
        specimen.payload, specimen.message = message.payload, placed(message, self._items.addresses.shape[1])

    def _packet(self, item: int) -> Packet:
        """Return a packet that is like that item but for addresses."""
        if item < len(self._kinds):
            return self._kinds.packets[int(self._family[item])]
        return self._unusual[item - len(self._kinds)]

    def _placed(self, item: int, first: int, end: int) -> tuple[tuple[Placed, Placed], ...]:
        """Return the addresses of an item, from one header to before another, which know where they stand."""
        found = self._items.addresses[item, 2 * first : 2 * end].tolist()
        each = [Placed.at(2 * first + n, address) for n, address in enumerate(found)]
        return tuple(zip(each[::2], each[1::2], strict=True))

    def _flows_of(self, items: Ints) -> Ints:
        """Return the number of each item's flow, as `crossing.flow_of` has it."""
        packets = self._innermost()
        of_packet = np.array([[p.protocol, p.spi] for p in packets] or [[0, 0]], np.int64)
        which = np.concatenate([self._family, len(self._kinds.packets) + np.arange(len(self._unusual))])[items]
        sport, dport = self._items.ports[items].T
        flow, _ = numbered(self._items.inner[items], *of_packet[which].T, sport << SIDES | dport)
        return flow

    def _number_ways(self, items: Ints, flow: Ints, flows: int, every: Ints, marks: Ints) -> None:
        """Number the ways in which packets of each flow come in; `marks` are those of `every` address."""
        words = {p.came[0]: n for n, p in enumerate(self._passages) if p.came is not None}
        names = list(words)
        told = [(names.index(p.came[0]), p.came[1]) if p.came is not None else (0, 0) for p in self._passages]
        places = np.array([(-1 if (n := place_of(address)) is None else n) for _, address in told] or [0], np.int64)
        fixed = np.array(told or [(0, 0)], np.int64)
        group = self._group[items]
        behind = np.where(places[group] < 0, fixed[group, 1], self._items.addresses[items, places[group]])
        slot, first = numbered(flow, fixed[group, 0], behind)
        self._comes_by[items] = slot
        self._behind = np.concatenate([behind[first], [0]])
        way, one = numbered(fixed[group, 0][first], marks[np.searchsorted(every, behind[first])])
        self._way_of = np.concatenate([way, [NO_WAY]])  # the last for what has come by none
        self._ways = [
            (names[word], Placed.at(OF_WAY, address))
            for word, address in zip(fixed[group, 0][first][one].tolist(), behind[first][one].tolist(), strict=True)
        ]
        counts = np.bincount(flow[first], minlength=max(flows, 1)).astype(np.int64)
        self._slots = np.stack([np.cumsum(counts) - counts, counts], axis=1)
        self._last = np.full(len(first) + 1, _NEVER, np.int64)

    def _innermost(self) -> list[Packet]:
        """Return a packet of each family, then those that are unusual, as what passes the device."""
        return [*self._kinds.packets, *self._unusual]

    # --- chunks -------------------------------------------------------------------------------------------------------

    def _chunk(self, chunk: Chunk, start: int, told: int) -> int:
        """Take a chunk whose first row has that number, after so many rows of events; return how many it has."""
        kind = chunk.kind.astype(np.int64)
        item = np.where(kind >= 0, kind, len(self._kinds) - 1 - kind)
        ahead = self._ahead(chunk, start, item)
        slot = self._find(chunk, item, ahead.come)
        flags = self._flags(ahead.flags, slot)
        message = self._by_themselves(chunk, item)
        passing = np.flatnonzero(~message)
        which = item[passing] * _FLAGS + flags[passing]
        crossing, fresh = self._crossings.of(which * (len(self._behind) + 1) + slot[passing] + 1)
        fresh = passing[fresh]
        self._decide(item[fresh], flags[fresh], slot[fresh])
        outcome = np.full(len(item), len(self._outcomes), np.int64)
        outcome[passing] = self._outcome_of[crossing]
        counts = np.array([*(len(o.patterns) for o in self._outcomes), 0], np.int64)[outcome]
        before = np.cumsum(counts) - counts
        self._tell(chunk, fresh, item, slot, outcome, told + before)
        begins = np.zeros(len(item), np.int64)
        begins[passing] = self._begins[crossing]
        rows = np.repeat(np.arange(len(item)), counts)
        shapes = (begins[rows] + np.arange(len(rows)) - before[rows]).astype(np.int32)
        for first in range(0, len(rows), CHUNK):
            part = slice(first, first + CHUNK)
            taken = rows[part]
            self.rows.append(Chunk(chunk.time[taken], chunk.frame[taken], shapes[part], chunk.length[taken]))
        self._count_aside(outcome[passing], start, passing)
        self._take_messages(chunk, start, item, message, told + before, fresh)
        return len(rows)

    def _ahead(self, chunk: Chunk, start: int, item: Ints) -> Ahead:
        """Return what is known of rows by themselves; the first has the number `start`."""
        return Ahead(np.zeros(len(item), np.int64), self._comes_by[item] >= 0)

    def _flags(self, flags: Ints, slot: Ints) -> Ints:
        """Return the flags of rows that have come by these slots, with what that adds."""
        return flags

    def _take_messages(self, chunk: Chunk, start: int, item: Ints, message: Flags, told: Ints, fresh: Ints) -> None:
        """Let the reader take the rows of a chunk that are a `message`, and note strangers in rows `fresh`; `told` are
        the events before each row."""
        strangers = dict(self._strangers_in(fresh, item[fresh]))
        notes = set(self._notes_in(fresh, item[fresh]))
        messages = set(np.flatnonzero(message).tolist())
        for at in sorted({*messages, *strangers, *notes}):
            if at in strangers:
                self.reader.note_stranger(strangers[at])
            if at in notes:
                self.reader.note(self._passages[self._group[item[at]]], self._seen(chunk, item, at))
            if at in messages:
                packet = self._seen(chunk, item, at)
                if self._take(packet, start + at):
                    self._row_of.setdefault(packet.frame, int(told[at]))

    def _by_themselves(self, chunk: Chunk, item: Ints) -> Flags:
        """Tell of each row whether its packet is to be taken by itself."""
        group = self._group[item]
        found: Flags = group == MESSAGE
        if (self._since[:-1, 0] > _NEVER).any():
            since, frame = self._since[group].T
            found |= (chunk.time < since) | ((chunk.time == since) & (chunk.frame < frame))
        return found

    def _notes_in(self, rows: Ints, items: Ints) -> list[int]:
        """Return the rows of packets that are the first of their group, of which there is something to be noted."""
        groups, first = np.unique(self._group[items], return_index=True)
        fresh = [*zip(groups.tolist(), rows[first].tolist(), strict=True)]
        found = [row for group, row in fresh if self._passages[group].notes and group not in self._noted]
        self._noted.update(groups.tolist())
        return found

    def _seen(self, chunk: Chunk, item: Ints, at: int) -> Packet:
        """Return the packet of a row."""
        number = int(item[at])
        if number < len(self._kinds):
            return self._kinds.seen(number, int(chunk.time[at]), int(chunk.frame[at]), int(chunk.length[at]))
        return self._unusual[number - len(self._kinds)]

    def _find(self, chunk: Chunk, item: Ints, come: Flags) -> Ints:
        """Find by which slot what leaves has come in, of the rows of a chunk of which some `come`. Raises
        UndecidedError."""
        size, times = len(item), chunk.time
        found = np.full(size, NO_WAY, np.int64)
        leaving = np.flatnonzero(self._flow[item] >= 0)
        coming = np.flatnonzero(come)
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
                several[able] |= soon & (found[row] != NO_WAY)
                found[row[soon]] = slot[soon]
            if several.any():
                raise UndecidedError
        newest = keys[np.flatnonzero(np.diff(keys // size, append=-1))]
        self._last[newest // size] = times[newest % size]
        return found

    def _strangers_in(self, rows: Ints, items: Ints) -> list[tuple[int, int]]:
        """Return the rows of packets in tunnels of home agents that are none of the site's, and which these are."""
        places = self._strangers[self._group[items]]
        found = np.flatnonzero(places >= 0)
        told: list[tuple[int, int]] = []
        for place in np.unique(places[found]).tolist():
            at = found[places[found] == place]
            told += zip(rows[at].tolist(), self._items.at(items[at], place).tolist(), strict=True)
        return told

    def _decide(self, item: Ints, flags: Ints, slot: Ints) -> None:
        """Tell the outcomes of crossings that are new: of these items, with these flags, which came by these slots."""
        ways = len(self._ways) + 1
        which = self._group[item] * _FLAGS + flags
        each, code = np.unique(which * ways + self._way_of[slot] + 1, return_inverse=True)
        found = np.empty(len(each), np.int64)
        for n, one in enumerate(each.tolist()):
            both, number = divmod(one, ways)
            key = *divmod(both, _FLAGS), number - 1
            known = self._known.get(key)
            if known is None:
                known = self._known[key] = len(self._outcomes)
                self._outcomes.append(self._made(*key))
            found[n] = known
        outcome = found[code.reshape(-1)] if len(item) else np.empty(0, np.int64)
        counts = np.array([*(len(o.patterns) for o in self._outcomes), 0], np.int64)[outcome]
        begins = self._count + np.cumsum(counts) - counts
        self._outcome_of = np.concatenate([self._outcome_of, outcome])
        self._begins = np.concatenate([self._begins, begins])

    def _passage(self, group: int, flags: int) -> Passage:
        """Return what packets of a group come to that have these flags."""
        return self._passages[group]

    def _made(self, group: int, flags: int, way: int) -> _Outcome:
        """Make the outcome of packets of a group, with these flags, that have come by that way."""
        passage = self._passage(group, flags)
        outcomes = [passage.outcome]
        if passage.leaves is not None:
            outcomes.append(passage.leaves(Found(None if way == NO_WAY else self._ways[way])))
        patterns, places = [], []
        for kind, args in (said for o in outcomes for said in self.reader.said_of(o)):
            event = self.reader.event_of(self._specimens[group], kind, args)
            at = {name: place for name, value in args.items() if (place := place_of(value)) is not None}
            patterns.append(len(self.patterns))
            places.append(tuple(at.values()))
            plain = {name: int(value) if isinstance(value, Placed) else value for name, value in args.items()}
            large = frozenset(name for name in at if int(plain[name]) >= _SIGNED)  # type: ignore[arg-type]
            self.patterns.append(Pattern(event.interface, kind, plain, tuple(at), large))
        return _Outcome(tuple(patterns), tuple(places), tuple(o.aside for o in outcomes if o.aside))

    def _tell(self, chunk: Chunk, fresh: Ints, item: Ints, slot: Ints, outcome: Ints, told: Ints) -> None:
        """Keep the distinct events of crossings that are first seen in rows `fresh`; `told` are the events before each
        row."""
        of_fresh = outcome[fresh]
        counts = np.array([*(len(o.patterns) for o in self._outcomes), 0], np.int64)[of_fresh]
        begins, total = np.cumsum(counts) - counts, int(counts.sum())
        width = max((len(places) for o in self._outcomes for places in o.places), default=0)
        pattern, values = np.zeros(total, np.int32), np.zeros((total, width), np.int64)
        rows = fresh[np.repeat(np.arange(len(fresh)), counts)]
        for number in np.unique(of_fresh).tolist():
            those = np.flatnonzero(of_fresh == number)
            items, behind = item[fresh[those]], self._behind[slot[fresh[those]]]
            made = self._outcomes[number]
            for n, (of_pattern, places) in enumerate(zip(made.patterns, made.places, strict=True)):
                at = begins[those] + n
                pattern[at] = of_pattern
                for column, place in enumerate(places):
                    values[at, column] = behind if place == OF_WAY else self._items.at(items, place)
        firsts = told[rows] + np.arange(total) - np.repeat(begins, counts)
        self._told.append((AlikeColumns(pattern, values, chunk.time[rows], chunk.frame[rows]), firsts))
        self._count += total

    def _count_aside(self, outcome: Ints, start: int, rows: Ints) -> None:
        """Count what is set aside, by reason; `start` is the number of the chunk's first row."""
        found, first, counts = np.unique(outcome, return_index=True, return_counts=True)
        for number, at, count in zip(found.tolist(), first.tolist(), counts.tolist(), strict=True):
            for reason in self._outcomes[number].asides:
                self._put_aside(reason, start + int(rows[at]), count)

    def _put_aside(self, reason: str, row: int, count: int) -> None:
        known = self._aside.setdefault(reason, [row, 0])
        known[0] = min(known[0], row)
        known[1] += count

    def _take(self, packet: Packet, row: int) -> bool:
        """Let the reader take the message of a row, and tell whether it came to any event."""
        events = len(self.reader.events)
        aside = Counter[str]()
        self.reader.recount(aside)
        self.reader.take(packet)
        for reason, count in aside.items():
            self._put_aside(reason, row, count)
        return len(self.reader.events) > events


def _as_told(kind: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Return the shape of each row of events, which is its kind."""
    return kind


class _Numbers:
    """Numbers of keys, in order of their first appearance."""

    def __init__(self) -> None:
        self._keys = np.empty(0, np.int64)
        self._order = np.empty(0, np.int64)

    def of(self, keys: Ints) -> tuple[Ints, Ints]:
        """Return the number of each key, and where those stand that are new, in order of their numbers."""
        each, first, which = np.unique(keys, return_index=True, return_inverse=True)
        at = np.searchsorted(self._keys, each)
        known = np.zeros(len(each), np.bool_)
        there = at < len(self._keys)
        known[there] = self._keys[at[there]] == each[there]
        numbers = np.empty(len(each), np.int64)
        numbers[known] = self._order[at[known]]
        new = np.flatnonzero(~known)
        new = new[np.argsort(first[new])]
        numbers[new] = len(self._keys) + np.arange(len(new))
        if len(new):
            joined = np.concatenate([self._keys, each[new]])
            order = np.argsort(joined, kind="stable")
            self._keys = joined[order]
            self._order = np.concatenate([self._order, numbers[new]])[order]
        return numbers[which.reshape(-1)], first[new]


class DeviceEvents(CaptureEvents):
    """The events of captures at an agent: no key of theirs varies, and those in rows may change state."""

    varying = None
    shapes: AlikeEvents

    def _arranged(
        self, meaning: BulkMeaning, singles: Sequence[Single]
    ) -> tuple[AlikeEvents, npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        assert isinstance(meaning, DeviceMeaning)
        rows, first = meaning.distinct()
        own, patterns = _columns_of([single.event for single in singles])
        order = np.lexsort((np.repeat([1, 0], [len(first), len(singles)]), [*first, *(s.row for s in singles)]))
        place = np.empty(len(order) + 1, np.int32)
        place[order] = np.arange(len(order))
        place[-1] = -1
        every = AlikeColumns.joined([rows, own.behind(len(meaning.patterns))]).ordered(order)
        shapes = AlikeEvents([*meaning.patterns, *patterns], every, self.files, self._firsts)
        self.interfaces = shapes.interfaces()
        return shapes, np.concatenate([place[: len(first)], place[-1:]]), place[len(first) : -1]

    def _fit(self, kinds: Collection[str], interface: str | None, whose: Whose) -> Flags:
        return self.shapes.are(kinds, interface, whose)

    def before(self, number: int, limit: int, kinds: Collection[str], most: int, whose: Whose = None) -> list[Event]:
        """Return, of the `limit` events before that number, the newest `most` of these kinds, in order."""
        wanted = self._fit(kinds, None, whose)
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


def _columns_of(events: Sequence[Event]) -> tuple[AlikeColumns, list[Pattern]]:
    """Return single events as columns, with their patterns."""
    patterns = Patterns()
    added = [patterns.add(event) for event in events]
    values = filled([numbers for _, numbers in added])
    return AlikeColumns(
        np.array([number for number, _ in added], np.int32),
        values,
        np.array([e.time for e in events], np.int64),
        np.array([e.at.frame or 0 for e in events], np.int64),
    ), patterns.all
