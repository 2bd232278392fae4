"""Rows of packets at a gateway → the events of a trace: `device` for packets of which some are ESP that was opened.

What a packet comes to is then told by its headers, by those of what is in it, by the association that it is of, by what
IPsec says of it, and by what is known of the node's tunnel. That a packet leaves in which another came is seen by what
tells it from all others (`exact`) or else by its flow, as `crossing` does it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from mipcheck.checker.capture.bulk.associated import AUTH, OK, Associated, EspRows
from mipcheck.checker.capture.bulk.device import (
    MESSAGE,
    NO_WAY,
    OF_WAY,
    Ahead,
    DeviceMeaning,
    UndecidedError,
)
from mipcheck.checker.capture.bulk.families import SIDES, Families, numbered
from mipcheck.checker.capture.bulk.items import Items, Placed, place_of
from mipcheck.checker.capture.bulk.rows import Chunk, Flags, Ints
from mipcheck.checker.capture.bulk.scanner import Taken
from mipcheck.checker.capture.device import crossing
from mipcheck.checker.capture.device.associations import Associations, Sighting
from mipcheck.checker.capture.device.crossing import SOON
from mipcheck.checker.capture.device.gateway import PLAIN, Gateway
from mipcheck.checker.capture.device.passage import Passage
from mipcheck.checker.capture.device.reader import DeviceReader
from mipcheck.checker.capture.device.registration import OWN_DENIALS, reply_of
from mipcheck.checker.capture.headers.packet import ESP, REGISTRATION, Packet
from mipcheck.checker.capture.node.knowledge import is_loopback, is_tunnel

_SAYS: Final = len(AUTH) - 1
"""The lowest bits of a row's flags: what IPsec says."""
_OWN_PLAIN, _WAY_PLAIN, _DENIED = 2, 3, 4
"""Bits: whether the node's own tunnel is a plain one, and that of the node whose packet passes; and whether it is a
denial that the i-HA has not made."""
_SEVERAL: Final = NO_WAY - 1
"""The slot of what may have come by more than one."""
_HOME: Final = 0
_PORTS: Final = (1, 2)
"""Columns behind the addresses: that of the node inside, and the ports in front of ESP."""
_MIX: Final = -0x61C8864680B583EB
_WRAP: Final = 1 << 64
_NAT_PORT: Final = 4500


def exact_of(salt: int, pair: int, identity: bytes) -> int:
    """Return what `loop` calls exact: of innermost addresses as one number, and what tells the packet from others."""
    found = _signed(salt ^ _signed(pair))
    for number in (int.from_bytes(identity[:4]), *identity[4:], len(identity) - 4):
        found = _signed((found ^ number) * _MIX)
        found ^= found >> 29
    return found


def _signed(number: int) -> int:
    return (number + (_WRAP >> 1)) % _WRAP - (_WRAP >> 1)


def closed(kinds: Families, tunnels: frozenset[str]) -> Counter[int]:
    """Count by SPI what of ESP in columns does not fit its key."""
    found = np.flatnonzero(kinds.closed & _exposed(kinds, tunnels)[kinds.family])
    spis, which = np.unique(kinds.opened[found, 1], return_inverse=True)
    counts = np.bincount(which.reshape(-1), kinds.seen_first[found, 0], len(spis)).astype(np.int64)
    return Counter(dict(zip(spis.tolist(), counts.tolist(), strict=True)))


def sightings(kinds: Families, own: int, tunnels: frozenset[str]) -> Iterator[Sighting]:
    """Yield what of ESP was opened in columns."""
    headers, spi, sport, dport = kinds.opened.T
    found = np.flatnonzero((headers > 0) & ~kinds.closed & _exposed(kinds, tunnels)[kinds.family])
    if not len(found):
        return
    last = kinds.pairs[found, headers[found] - 1]
    first = kinds.pairs[found, headers[found]]
    target = (last & np.uint64((1 << SIDES) - 1)).astype(np.int64)
    source = (last >> np.uint64(SIDES)).astype(np.int64)
    inward = target == own
    natted = (sport[found] == _NAT_PORT) | (dport[found] == _NAT_PORT)
    port = np.where(natted, np.where(inward, sport[found], dport[found]), 0)
    inner = np.where(inward, first >> np.uint64(SIDES), first & np.uint64((1 << SIDES) - 1)).astype(np.int64)
    code, one = numbered(spi[found], inward, np.where(inward, source, target), port, inner)
    count, time, frame = kinds.seen_first[found].T
    order = np.lexsort((frame, time, code))
    starts = order[np.flatnonzero(np.diff(code[order], prepend=-1))]
    total = np.bincount(code, count, len(one)).astype(np.int64)
    columns = (
        c[starts].tolist() for c in (time, frame, spi[found], inward, np.where(inward, source, target), port, inner)
    )
    for (when, at, which, comes, peer, its_port, home), packets in zip(
        zip(*columns, strict=True), total.tolist(), strict=True
    ):
        yield Sighting(when, at, which, comes, (peer, its_port), home, packets)


def registered(kinds: Families, tunnels: frozenset[str]) -> set[int]:
    """Return the home addresses that are registered in clear, on links, in messages that are columns."""
    of_kind = kinds.messages.kinds
    plain = _exposed(kinds, tunnels)[kinds.family[of_kind]] & (kinds.opened[of_kind, 0] == 0)
    return {*np.unique(kinds.messages.said().home[plain]).tolist()} - {0}


def _exposed(kinds: Families, tunnels: frozenset[str]) -> Flags:
    """Tell of each family whether it is seen on links."""
    return np.array([not is_tunnel(p, tunnels) and not is_loopback(p) for p in kinds.packets] + [False], np.bool_)


class Secrets(NamedTuple):
    """Columns of items: `known` is ESP of the gateway whose node is known, with the address `home` inside, `which` its
    association, of all in order of their SPIs; `inward` is what comes, `opened` what could be opened, `inner`
    what then holds a packet. `outer` are the IP headers in front of it, `spi` and `peer` the association and the
    address of the node outside, `number` the sequence number of what was read in full, and `exact` what tells that from
    all others, ESP or not. What `denies` is a reply with a code of foreign agents."""

    known: Flags
    home: Ints
    which: Ints
    inward: Flags
    opened: Flags
    inner: Flags
    outer: Ints
    spi: Ints
    peer: Ints
    number: Ints
    exact: Ints
    denies: Flags

    @staticmethod
    def of(items: Items, taken: Taken, reader: DeviceReader, salt: int) -> tuple[Secrets, Ints]:
        """Return them, and the ports in front of ESP."""
        kinds, count, associations = taken.families, len(items.depth), reader.associations
        assert kinds is not None and associations is not None
        flags = [np.zeros(count, np.bool_) for _ in range(5)]
        known, inward, opened, inner, denies = flags
        home, number_of, outer, spi, peer, number, exact = (np.zeros(count, np.int64) for _ in range(7))
        ports = np.zeros((count, 2), np.int64)
        n = len(kinds)
        outer[:n], spi[:n], ports[:n, 0], ports[:n, 1] = kinds.opened.T
        opened[:n] = inner[:n] = (outer[:n] > 0) & ~kinds.closed
        denies[kinds.messages.kinds] = kinds.messages.denials()
        for item, packet in enumerate(taken.unusual, n):
            inside = associations.inner.get(packet.frame)
            innermost = packet if inside is None else inside
            if innermost.identity and innermost.addresses:
                ends = innermost.addresses[-1]
                exact[item] = exact_of(salt, ends[0] << SIDES | ends[1], innermost.identity)
            denies[item] = (reply := reply_of(innermost)) is not None and reply.code in OWN_DENIALS
            if packet.kind == ESP and packet.addresses and associations.home_of(packet) is not None:
                outer[item], spi[item] = len(packet.addresses), packet.spi
                ports[item] = packet.sport, packet.dport
                opened[item], inner[item] = associations.is_opened(packet), inside is not None
                number[item] = int.from_bytes(packet.payload[4:8])
        at = np.flatnonzero(outer)
        source, target = items.addresses[at, 2 * outer[at] - 2], items.addresses[at, 2 * outer[at] - 1]
        inward[at] = np.isin(target, associations.own)
        peer[at] = np.where(inward[at], source, target)
        spis = np.array(sorted(associations.by_spi), np.int64)
        if len(spis) and len(at):
            homes, comes = np.array([(a.home, a.inward) for _, a in sorted(associations.by_spi.items())], np.int64).T
            which = np.minimum(np.searchsorted(spis, spi[at]), len(spis) - 1)
            number_of[at] = which
            known[at] = (spis[which] == spi[at]) & (comes[which] == inward[at])
            home[at] = np.where(known[at], homes[which], 0)
        return Secrets(known, home, number_of, inward, opened, inner, outer, spi, peer, number, exact, denies), ports


class Crossings:
    """What came lately, by a number that tells packets from each other: rows of that, time and slot, in order of
    time."""

    def __init__(self) -> None:
        none = np.empty(0, np.int64)
        self._recent = none, none, none

    def find(self, chunk: Chunk, numbers: Ints, come: Flags, leave: Flags, slots: Ints) -> Ints:
        """Take what comes of the rows of a chunk, by `slots`, and return by which slot each row has come that leaves;
        NO_WAY where it was none, and _SEVERAL where it may have been more than one. What has the number 0 is nothing.
        Raises UndecidedError where there is too much."""
        coming = np.flatnonzero(come & (numbers != 0))
        before = len(self._recent[0])
        each, time, slot = (
            np.concatenate(pair)
            for pair in zip(self._recent, (numbers[coming], chunk.time[coming], slots[coming]), strict=True)
        )
        place = np.concatenate([np.arange(before) - before, coming])
        self._bound(time)
        late = time >= int(chunk.time[-1]) - SOON
        self._recent = each[late], time[late], slot[late]
        found = np.full(len(numbers), NO_WAY, np.int64)
        rows = np.flatnonzero(leave & (numbers != 0))
        names, name = np.unique(numbers[rows], return_inverse=True)
        if not len(names) or not len(each):
            return found
        name = name.reshape(-1)
        code = np.minimum(np.searchsorted(names, each), len(names) - 1)
        asked = np.flatnonzero(names[code] == each)
        size = len(numbers) + before + 1
        keys = code[asked] * size + place[asked] + before
        order = np.argsort(keys)
        keys, time, slot, code = keys[order], time[asked][order], slot[asked][order], code[asked][order]
        # The newest before each that came by another slot, if it is the same packet.
        changes = np.append(False, (slot[1:] != slot[:-1]) & (code[1:] == code[:-1]))
        other = np.maximum.accumulate(np.where(changes, np.arange(len(order)) - 1, -1))
        last = np.searchsorted(keys, name * size + rows + before) - 1
        there = last >= 0
        rows, name, last = rows[there], name[there], last[there]
        soon = (code[last] == name) & (chunk.time[rows] - time[last] <= SOON)
        rows, name, last = rows[soon], name[soon], last[soon]
        second = other[last]
        several = (second >= 0) & (code[second] == name) & (chunk.time[rows] - time[second] <= SOON)
        found[rows] = np.where(several, _SEVERAL, slot[last])
        return found

    def _bound(self, time: Ints) -> None:
        first = np.searchsorted(time, time - SOON)
        if len(time) and int((np.arange(len(time)) + 1 - first).max()) > crossing.PACKETS:
            raise UndecidedError


class GatewayMeaning(DeviceMeaning):
    """What a gateway's reader makes of rows."""

    def __init__(self, reader: DeviceReader, taken: Taken, salt: int) -> None:
        assert reader.gateway is not None and reader.associations is not None and taken.families is not None
        self._gateway: Gateway = reader.gateway
        self._associations: Associations = reader.associations
        self._taken, self._families, self._salt = taken, taken.families, salt
        self._homes_placed: list[Placed | None] = []
        """By group: the address of the node inside, where it is ESP whose node is known."""
        self._inners: list[Packet | None] = []
        """By group: what is in its packets."""
        super().__init__(reader, taken.rows, taken.families, taken.unusual)
        secrets = self._secrets
        self._nodes = np.unique(np.append(secrets.home, 0))
        """The addresses that nodes have inside; 0 is none."""
        self._node = np.searchsorted(self._nodes, secrets.home)
        self._plain = np.zeros(len(self._nodes), np.bool_)
        """Whether a node's tunnel is a plain one, as far as is known by now."""
        self._associated = Associated([of for _, of in sorted(self._associations.by_spi.items())])
        self._own_rows: list[tuple[int, int]] = []  # frames with events of their own, and their rows in the chunk
        self._changes: tuple[Ints, Flags] = np.empty(0, np.int64), np.empty(0, np.bool_)
        self._exactly, self._by_flow = Crossings(), Crossings()
        self._flow_numbers = super()._flows_of(np.arange(len(self._kinds) + len(self._unusual))) + 1

    # --- items --------------------------------------------------------------------------------------------------------

    def _described(self) -> Items:
        """Describe items with more columns than addresses."""
        items = super()._described()
        for item, packet in enumerate(self._unusual, len(self._kinds)):
            inside = self._associations.inner.get(packet.frame)
            if inside is not None:
                source, target = inside.addresses[-1]
                items.inner[item], items.ports[item] = source << SIDES | target, (inside.sport, inside.dport)
        self._secrets, ports = Secrets.of(items, self._taken, self.reader, self._salt)
        self._extra = items.addresses.shape[1]
        more = np.column_stack([items.addresses, self._secrets.home, ports])
        for item, packet in enumerate(self._unusual, len(self._kinds)):
            inner = self._associations.inner.get(packet.frame)
            if inner is not None and self._secrets.inner[item]:
                outer = 2 * int(self._secrets.outer[item])
                more = self._wide(more, outer + 2 * len(inner.addresses))
                more[item, outer : outer + 2 * len(inner.addresses)] = np.array(inner.addresses).ravel()
                items.depth[item] += len(inner.addresses)
        return items._replace(addresses=more)

    def _wide(self, columns: Ints, width: int) -> Ints:
        """Return columns with room for so many addresses."""
        missing = width - self._extra
        if missing <= 0:
            return columns
        at = self._extra
        self._extra = width
        return np.concatenate([columns[:, :at], np.zeros((len(columns), missing), np.int64), columns[:, at:]], axis=1)

    def _classify(self) -> None:
        """Do the same, and see to it that nothing is learnt of ESP that is set aside."""
        super()._classify()
        aside = np.array([bool(passage.outcome.aside) for passage in self._passages] + [False])
        self._secrets.known[aside[self._group]] = False

    def _told_apart(self) -> Sequence[npt.NDArray[Any]]:
        n, messages = len(self._kinds), self._items.messages
        dynamic = np.zeros(n, np.bool_)
        dynamic[messages.kinds] = self._items.said.home == 0
        return self._secrets.known[:n], self._secrets.inward[:n], dynamic

    def _add_group(self, item: int) -> None:
        packet, secrets = self._packet(item), self._secrets
        specimen = packet.seen_at(packet.time, packet.frame, packet.length)
        outer, depth = int(secrets.outer[item]), int(self._items.depth[item])
        inner = None
        if outer and secrets.inner[item]:
            inside = self._inside(item)
            inner = inside.seen_at(inside.time, inside.frame, inside.length)
            inner.addresses = self._placed(item, outer, depth)
        if outer:
            specimen.sport, specimen.dport = (self._column(item, n) for n in _PORTS)
        specimen.addresses = self._placed(item, 0, outer if inner is not None else depth)
        carries = specimen if inner is None else inner
        if item < len(self._kinds) and carries.kind == REGISTRATION:
            self._place_message(carries, item)
        home = self._column(item, _HOME) if secrets.known[item] else None
        passage = self._protected(specimen, inner, home, OK)
        if passage is not None:
            self._specimens.append(specimen)
            self._inners.append(inner)
            self._homes_placed.append(home)
            self._passages.append(passage)

    def _inside(self, item: int) -> Packet:
        if item < len(self._kinds):
            inner: Packet | None = self._families.inners[int(self._family[item])]
        else:
            inner = self._associations.inner.get(self._unusual[item - len(self._kinds)].frame)
        assert inner is not None
        return inner

    def _column(self, item: int, column: int) -> Placed:
        """Return what stands in a column behind the addresses."""
        place = self._extra + column
        return Placed.at(place, int(self._items.addresses[item, place]))

    def _flows_of(self, items: Ints) -> Ints:
        """Return one flow for all: what a packet has come by is looked up by what tells it from others first."""
        return np.zeros(len(items), np.int64)

    def _innermost(self) -> list[Packet]:
        kinds = zip(self._families.packets, self._families.inners, strict=True)
        inner = self._associations.inner
        return [
            *(p if inside is None else inside for p, inside in kinds),
            *(inner.get(p.frame, p) for p in self._unusual),
        ]

    def _passage(self, group: int, flags: int) -> Passage:
        """Return what packets of a group come to that have these flags."""
        passage = self._protected(self._specimens[group], self._inners[group], self._homes_placed[group], flags)
        assert passage is not None
        return passage

    def _protected(self, packet: Packet, inner: Packet | None, home: Placed | None, flags: int) -> Passage | None:
        auth = AUTH[flags & _SAYS]

        def tunnel(home: int) -> str | None:
            bit = _WAY_PLAIN if place_of(home) == OF_WAY else _OWN_PLAIN
            return PLAIN if flags >> bit & 1 else None

        counts = inner if auth == "ok" else None
        return self.reader.protected(packet, counts, home, auth, bool(flags >> _DENIED & 1), tunnel)

    # --- chunks -------------------------------------------------------------------------------------------------------

    def _ahead(self, chunk: Chunk, start: int, item: Ints) -> Ahead:
        """Take messages, and see what IPsec says of what comes."""
        secrets = self._secrets
        flags = np.zeros(len(item), np.int64)
        message, known = self._group[item] == MESSAGE, secrets.known[item]
        esp = np.flatnonzero(known)
        its = item[esp]
        of_esp = (secrets.which[its], secrets.inward[its], secrets.opened[its], secrets.inner[its], secrets.peer[its])
        flags[esp], asked = self._associated.judge(EspRows(*of_esp, self._numbers_of(chunk, item, esp)))
        rows = np.unique(np.concatenate([np.flatnonzero(message | secrets.denies[item]), esp[asked]]))
        changes: list[tuple[int, bool]] = []
        looked = np.zeros(len(item), np.bool_)
        looked[esp[asked]] = True
        columns = (rows, message[rows], looked[rows], *(c[item[rows]] for c in (secrets.denies, secrets.inward)))
        for at, is_message, shows, denies, inward in zip(*(column.tolist() for column in columns), strict=True):
            if is_message:
                packet = self._seen(chunk, item, at)
                if self._take(packet, start + at):
                    self._own_rows.append((packet.frame, at))
                changes += ((node * len(item) + at, plain) for node, plain in self._news())
                continue
            if denies:
                flags[at] |= self._denied(self._seen(chunk, item, at), int(item[at])) << _DENIED
            if shows:
                self._own(self._seen(chunk, item, at), at, inward)
        self._changes = self._in_order(changes)
        flags |= self._plain_at(self._node[item], len(item)).astype(np.int64) << _OWN_PLAIN
        come = (self._comes_by[item] >= 0) & (flags & _SAYS == OK)
        return Ahead(flags, come)

    def _numbers_of(self, chunk: Chunk, item: Ints, rows: Ints) -> Ints:
        """Return the sequence numbers of rows of ESP."""
        in_columns = item[rows] < len(self._kinds)
        return np.where(in_columns, self._taken.numbers.of(chunk.frame[rows]), self._secrets.number[item[rows]])

    def _own(self, packet: Packet, at: int, inward: bool) -> None:
        """Take a packet of ESP by which more shows than by others: the first of an association, or at a new place."""
        events, home = len(self.reader.events), self._associations.by_spi[packet.spi].home
        self._gateway.begin(packet, home, inward)
        if not inward:
            self._gateway.send(packet, home)
        if len(self.reader.events) > events:
            self._own_rows.append((packet.frame, at))

    def _denied(self, packet: Packet, item: int) -> bool:
        """Take note of a denial, and tell whether it is one that is sent to a node and the i-HA has not made."""
        if not self._secrets.inner[item]:
            self.reader.heed(packet)
            return False
        unusual = item >= len(self._kinds)
        inner = self._associations.inner.get(packet.frame) if unusual else self._families.inside(item)
        return inner is not None and self._gateway.denies(inner)

    def _news(self) -> Iterator[tuple[int, bool]]:
        """Yield the nodes whose tunnels are known better by the last message, and whether they are plain ones."""
        for home in self._gateway.news():
            node = int(np.searchsorted(self._nodes, home))
            if node < len(self._nodes) and self._nodes[node] == home:
                yield node, self._gateway.tunnel(home) == PLAIN

    def _in_order(self, changes: Sequence[tuple[int, bool]]) -> tuple[Ints, Flags]:
        order = sorted(changes)
        return np.array([key for key, _ in order], np.int64), np.array([plain for _, plain in order], np.bool_)

    def _plain_at(self, nodes: Ints, size: int) -> Flags:
        """Tell of each row of a chunk of that size whether the tunnel of a node, one for each row, is a plain one."""
        plain = self._plain[nodes]
        keys, changed = self._changes
        if len(keys):
            last = np.searchsorted(keys, nodes * size + np.arange(size)) - 1
            there = (last >= 0) & (keys[last] // size == nodes)
            plain[there] = changed[last[there]]
        return plain

    def _find(self, chunk: Chunk, item: Ints, come: Flags) -> Ints:
        exact = np.where(item < len(self._kinds), self._taken.exact.of(chunk.frame), self._secrets.exact[item])
        leave, slots = self._flow[item] >= 0, self._comes_by[item]
        found = self._exactly.find(chunk, exact, come, leave, slots)
        rest = leave & (found == NO_WAY)
        found[rest] = self._by_flow.find(chunk, self._flow_numbers[item], come, rest, slots)[rest]
        return np.where(found == _SEVERAL, NO_WAY, found)

    def _flags(self, flags: Ints, slot: Ints) -> Ints:
        nodes = np.searchsorted(self._nodes, self._behind[slot])
        flags = flags | self._plain_at(nodes, len(slot)).astype(np.int64) << _WAY_PLAIN
        keys, changed = self._changes
        self._plain[keys // len(slot)] = changed  # of several of a node the last one counts
        return flags

    def _take_messages(self, chunk: Chunk, start: int, item: Ints, message: Flags, told: Ints, fresh: Ints) -> None:
        """Say where the events stand that were taken ahead."""
        for frame, at in self._own_rows:
            self._row_of.setdefault(frame, int(told[at]))
        self._own_rows.clear()
