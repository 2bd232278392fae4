"""Kinds of packets at a device, of which there are as many as flows: families of them, and what differs as columns.

The kinds of a family differ in nothing but the addresses of IP headers and in ports that mean nothing; those with a
registration message, in what may differ in messages that are alike (`messages`). One packet of a family is decoded; any
other of its kinds is made from that when it is asked for.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from typing import Any, Final, NamedTuple, overload

import numpy as np
import numpy.typing as npt
from mipcheck.checker.capture.bulk.meaning import PacketKind
from mipcheck.checker.capture.bulk.messages import Messages, Octets, blank, octets_of
from mipcheck.checker.capture.bulk.rows import Flags, Ints
from mipcheck.checker.capture.bulk.scanned import Scanned
from mipcheck.checker.capture.headers.packet import REGISTRATION, UNREAD, Packet

SIDES: Final = 32
"""Bits of an address."""
LOW: Final = 0xFFFFFFFF
_PORT_BITS: Final = 20
_PORT: Final = (1 << _PORT_BITS) - 1
_DEPTH, _PORTS, _OUTER, _SPI, _OUTER_PORTS, _TOLD = 0, 1, 3, 4, 5, 7
"""Columns of what is told: IP headers, innermost ports, and of ESP that was opened IP headers in front of it, SPI and
ports in front of it; how many columns there are."""
_SENSE_BITS: Final = 8
_SPAN: Final = 1 << 31
_CODES: Final = 1 << 62
"""Of a column, and of all together, the numbers that may occur without being numbered anew."""
_COUNTED: Final = ("count", "first", "first_frame", "last", "last_frame")


class _Columns(NamedTuple):
    """Kinds as columns: source and destination in each IP header, what is told of their headers (only where ESP was
    opened what is in front of it), and what was counted."""

    pairs: npt.NDArray[np.uint64]
    told: npt.NDArray[np.uint32]
    counted: Ints


class Layout(NamedTuple):
    """Keys (numbers of kinds) that have words of the same meaning: which of them are addresses, and which ports.

    `opened` is the place of the SPI of ESP with a key, in front of what it holds; -1 where there is none. `message` is
    that of the word with which a registration message begins; 0 for none."""

    kinds: Ints
    words: int
    ends: list[int]
    ports: list[int]
    opened: int
    message: int

    def outside(self, places: list[int]) -> list[int]:
        """Return those of some places that are in front of ESP which was opened; none where there is none."""
        return [at for at in places if at < self.opened]

    def innermost(self, places: list[int]) -> list[int]:
        """Return those of some places that are in what ESP holds; all where none was opened."""
        return [at for at in places if at > self.opened]


def layouts(s: Scanned, first: int, end: int) -> Iterator[Layout]:
    """Yield the layouts of the kinds from `first` on, to before `end`."""
    told = [np.array(s.kinds.column(name)[first:end]) for name in ("words", "ends", "ported", "opened", "message")]
    which, each = numbered(*told)
    for number, kind in enumerate(each.tolist()):
        words, ends, ported, opened, message = (int(column[kind]) for column in told)
        at = [[n for n in range(words) if mask >> n & 1] for mask in (ends, ported)]
        place = opened >> 1 if opened else -1
        yield Layout(first + np.flatnonzero(which == number), words, at[0], at[1], place, message)


def numbered(*columns: npt.NDArray[Any]) -> tuple[Ints, Ints]:
    """Number rows so that those get the same number which are the same in all columns; and the first row of each.

    Numbers are sorted as seldom as can be: of columns that span little they are put together by arithmetic.
    """
    code, size = np.zeros(len(columns[0]), np.int64), 1
    for column in columns if len(code) else ():
        least = column.min()
        span = int(column.max()) - int(least) + 1
        if span > _SPAN:
            each, value = np.unique(column, return_inverse=True)
            span = len(each)
        else:
            value = (column - least if column.dtype != np.bool_ else column & ~least).astype(np.int64)
        if size * span >= _CODES:
            each, code = np.unique(code, return_inverse=True)
            size = len(each)
        code = code.reshape(-1) * span + value.reshape(-1)
        size *= span
    _, first, code = np.unique(code, return_index=True, return_inverse=True)
    return code.reshape(-1), first


@cache
def _spread(words: int) -> Ints:
    """Return odd numbers by which different keys have different sums, which nobody knows beforehand."""
    return np.array([random.getrandbits(62) << 1 | 1 for _ in range(words)], np.int64)


def bare_keys(s: Scanned, first: int, asked: Ints) -> tuple[Ints, list[bytes]]:
    """Return the keys of the kinds from `first` on, without what may differ in a family, and of each kind which of them
    it has; with ports as in the table `asked`."""
    found, texts = np.zeros(s.known - first, np.int64), list[bytes]()
    starts = s.kinds.column("start")
    for kinds, words, ends, ports, opened, message in layouts(s, first, s.known):
        keys = s.pool[starts[kinds][:, None] + np.arange(words)]
        for at in ports:
            word = keys[:, at]
            source, target = asked[word >> _PORT_BITS & _PORT], asked[word & _PORT]
            keys[:, at] = (word >> 2 * _PORT_BITS << 2 * _PORT_BITS) | source << _PORT_BITS | target
        keys[:, ends] = 0
        if opened >= 0:
            keys[:, opened] &= ~LOW
        if message:
            blank(keys, message)
        head = bytes([words, opened + 1, message, *ends, *ports])
        _, one, which = np.unique(keys @ _spread(words), return_index=True, return_inverse=True)
        if not (keys[one[which]] == keys).all():  # two of them have the same sum: not by chance in a lifetime
            one = which = np.arange(len(keys))
        found[kinds - first] = len(texts) + which
        texts += [head + keys[n].tobytes() for n in one.tolist()]
    return found, texts


def opened_flows(s: Scanned, first: int) -> Iterator[tuple[int, int, tuple[tuple[int, int], ...], int]]:
    """Yield of the kinds from `first` on those of ESP with a key: the number of each after `first`, that of its
    interface, the addresses in front of ESP, and the SPI."""
    starts = s.kinds.column("start")
    for layout in layouts(s, first, s.known):
        if layout.opened >= 0:
            keys = s.pool[starts[layout.kinds][:, None] + np.arange(layout.words)]
            pairs = keys[:, layout.outside(layout.ends)].view(np.uint64)
            sides = zip((pairs >> np.uint64(SIDES)).tolist(), (pairs & np.uint64(LOW)).tolist(), strict=True)
            names, spis = (keys[:, 0] >> _SENSE_BITS).tolist(), (keys[:, layout.opened] & LOW).tolist()
            for kind, name, (sources, targets), spi in zip(layout.kinds.tolist(), names, sides, spis, strict=True):
                yield kind - first, name, tuple(zip(sources, targets, strict=True)), spi


class Families(Sequence[PacketKind]):
    """The kinds of all files. A file's are complete once it has been `finished`."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        """One of each family."""
        self.inners: list[Packet | None] = []
        """What is in it, where it is ESP that was opened."""
        self.linktypes: list[int] = []
        self._single: list[bool] = []
        self._counted = 0
        self._family = array("i")
        self._of_files: list[_Columns] = []
        self.messages = Messages.none()
        """Those of kinds that have a registration message in their keys."""

    def __len__(self) -> int:
        return len(self._family)

    @overload
    def __getitem__(self, index: int) -> PacketKind: ...
    @overload
    def __getitem__(self, index: slice) -> list[PacketKind]: ...
    def __getitem__(self, index: int | slice) -> PacketKind | list[PacketKind]:
        if isinstance(index, slice):
            return [self[n] for n in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        count, first, first_frame, last, last_frame = self._columns().counted[index].tolist()
        packet = self.seen(index, first, first_frame, self.packets[self._family[index]].length)
        return PacketKind(packet, self.linktypes[self._family[index]], count, (first, first_frame), (last, last_frame))

    def found(self, packet: Packet, linktype: int, single: bool, inner: Packet | None = None) -> int:
        """Take one packet of a new family, with what is in it if it is ESP, and return its number; a `single` one has
        no other kind."""
        self.packets.append(packet)
        self.inners.append(inner)
        self.linktypes.append(linktype)
        self._single.append(single)
        return len(self.packets) - 1

    def extend(self, families: npt.NDArray[np.int32]) -> None:
        """Take new kinds, of these families."""
        self._family.frombytes(families.tobytes())

    def finished(self, s: Scanned, first: int = 0) -> None:
        """Take what was counted of the kinds of a file, from its `first` one on, as many as were added before."""
        added = self._family[self._counted :]
        self._counted = len(self)
        end = first + len(added)
        alone = np.flatnonzero(np.array([*self._single, False], np.bool_)[np.array(added, np.int32)])
        singles = {n: self._all_addresses(added[n]) for n in alone.tolist()}
        of_file = list(layouts(s, first, end))
        deepest = max([len(each.ends) for each in of_file] + [len(pairs) for pairs in singles.values()] + [0])
        pairs = np.zeros((len(added), deepest), np.uint64)
        opened = any(each.opened >= 0 for each in of_file) or any(self.inners[added[n]] is not None for n in singles)
        told = np.zeros((len(added), _TOLD if opened else _OUTER), np.uint32)
        counted = np.stack([s.kinds.column(name)[first:end] for name in _COUNTED], axis=1)
        starts = s.kinds.column("start")
        said: list[tuple[Ints, Octets]] = []
        for layout in of_file:
            kinds = layout.kinds
            for n, at in enumerate(layout.ends):
                pairs[kinds - first, n] = s.pool[starts[kinds] + at].view(np.uint64)
            told[kinds - first, _DEPTH] = len(layout.ends)
            for column, part in ((_PORTS, layout.innermost), (_OUTER_PORTS, layout.outside)):
                ends, ports = part(layout.ends), part(layout.ports)
                if ports and ports[-1] > ends[-1]:  # those of the innermost header count, and not of a tunnel around it
                    word = s.pool[starts[kinds] + ports[-1]]
                    told[kinds - first, column] = word >> _PORT_BITS & _PORT
                    told[kinds - first, column + 1] = word & _PORT
            if layout.opened >= 0:
                told[kinds - first, _OUTER] = len(layout.outside(layout.ends))
                told[kinds - first, _SPI] = s.pool[starts[kinds] + layout.opened] & LOW
            if layout.message:
                keys = s.pool[starts[kinds][:, None] + np.arange(layout.words)]
                its = octets_of(keys, layout.message)
                said += [(self._counted - len(added) + kinds[of] - first, octets) for of, octets in its]
        for kind, addresses in singles.items():
            family = added[kind]
            packet, inner = self.packets[family], self.inners[family]
            pairs[kind] = [*(a << SIDES | b for a, b in addresses), *[0] * (deepest - len(addresses))]
            told[kind, _DEPTH] = len(addresses)
            innermost = packet if inner is None else inner
            told[kind, _PORTS : _PORTS + 2] = innermost.sport, innermost.dport
            if inner is not None:
                told[kind, _OUTER:] = len(packet.addresses), packet.spi, packet.sport, packet.dport
        self._of_files.append(_Columns(pairs, told, counted))
        self.messages = Messages.joined([self.messages, Messages.of(said)])

    def _all_addresses(self, family: int) -> list[tuple[int, int]]:
        inner = self.inners[family]
        return [*self.packets[family].addresses, *(() if inner is None else inner.addresses)]

    # --- what is known of all kinds -----------------------------------------------------------------------------------

    def _columns(self) -> _Columns:
        if len(self._of_files) != 1:  # one file's are taken as they are: there may be millions
            none = _Columns(
                np.zeros((0, 0), np.uint64), np.zeros((0, _OUTER), np.uint32), np.zeros((0, len(_COUNTED)), np.int64)
            )
            pairs, told, counted = (_beside(parts) for parts in zip(none, *self._of_files, strict=True))
            self._of_files = [_Columns(pairs, told, counted)]
        return self._of_files[0]

    @property
    def family(self) -> npt.NDArray[np.int32]:
        """The family of each kind."""
        return np.array(self._family, np.int32)

    @property
    def pairs(self) -> npt.NDArray[np.uint64]:
        """Source and destination in each IP header, the outermost first, as one number; 0 beyond the innermost."""
        return self._columns().pairs

    @property
    def depth(self) -> Ints:
        """How many IP headers there are."""
        return self._columns().told[:, _DEPTH].astype(np.int64)

    @property
    def ports(self) -> Ints:
        """The innermost ports, source and destination."""
        return self._columns().told[:, _PORTS : _PORTS + 2].astype(np.int64)

    @property
    def opened(self) -> Ints:
        """Of ESP with a key the IP headers in front of it, the SPI, and the ports in front of it; else zeros."""
        return _wide(self._columns().told, _TOLD)[:, _OUTER:].astype(np.int64)

    @property
    def closed(self) -> Flags:
        """Whether it is ESP whose key does not fit."""
        nothing = np.array([inner is None for inner in self.inners] + [False])
        found: Flags = (self.opened[:, 0] > 0) & nothing[self.family]
        return found

    @property
    def seen_first(self) -> Ints:
        """How many packets there are, and time (ns) and frame of the first."""
        return self._columns().counted[:, :3]

    def seen(self, kind: int, time: int, frame: int, length: int) -> Packet:
        """Return a packet of a kind."""
        pairs, told, _ = self._columns()
        packet = self.packets[self._family[kind]].seen_at(time, frame, length)
        depth, sport, dport, *front = told[kind].tolist()
        if front and front[0]:
            depth, packet.spi, sport, dport = front
        packet.sport, packet.dport = sport, dport
        packet.addresses = tuple((pair >> SIDES, pair & LOW) for pair in pairs[kind, :depth].tolist())
        if packet.kind == REGISTRATION:
            packet.payload, packet.message = self.messages.of_kind(kind), UNREAD
        return packet

    def inside(self, kind: int) -> Packet | None:
        """Return what is in a packet of a kind, if it is ESP that was opened."""
        inner = self.inners[self._family[kind]]
        if inner is None:
            return None
        pairs, told, _ = self._columns()
        packet = inner.seen_at(inner.time, inner.frame, inner.length)
        depth, packet.sport, packet.dport, outer = told[kind, : _OUTER + 1].tolist()
        packet.addresses = tuple((pair >> SIDES, pair & LOW) for pair in pairs[kind, outer:depth].tolist())
        if packet.kind == REGISTRATION:
            packet.payload, packet.message = self.messages.of_kind(kind), UNREAD
        return packet

    def few(self) -> list[Packet]:
        """Return of each family the first packet and the last."""
        counted, family = self._columns().counted, self.family
        seen: set[tuple[int, int, int]] = set()
        order = np.argsort(family, kind="stable")
        which = family[order]
        begins = np.flatnonzero(np.diff(which, prepend=-1))
        for time, frame, sign in ((1, 2, 1), (3, 4, -1)) if len(order) else ():
            times = sign * counted[order, time]
            earliest = order[times == np.repeat(np.minimum.reduceat(times, begins), np.diff(begins, append=len(order)))]
            earliest = earliest[np.lexsort((sign * counted[earliest, frame], family[earliest]))]
            kinds = earliest[np.flatnonzero(np.diff(family[earliest], prepend=-1))]
            seen.update(zip(kinds.tolist(), *counted[kinds][:, [time, frame]].T.tolist(), strict=True))
        return [self.seen(n, time, frame, self.packets[self._family[n]].length) for n, time, frame in seen]

    def pairs_with(self, addresses: Collection[int]) -> Iterator[tuple[Packet, list[tuple[int, int]]]]:
        """Yield a packet of each family and all pairs of addresses that its packets have outermost, if one of them is
        among these."""
        if not self.pairs.shape[1]:
            return
        pairs = self.pairs[:, 0]
        wanted = np.array(sorted(addresses), np.uint64)
        kinds = np.flatnonzero(np.isin(pairs >> np.uint64(SIDES), wanted) | np.isin(pairs & np.uint64(LOW), wanted))
        family = self.family[kinds]
        _, first = numbered(family, pairs[kinds])
        order = first[np.argsort(family[first], kind="stable")]
        bounds = np.flatnonzero(np.diff(family[order], prepend=-1))
        for of_one in np.split(kinds[order], bounds[1:]) if len(order) else ():
            packet = self.packets[int(self._family[of_one[0]])]
            if packet.addresses:
                yield packet, [(pair >> SIDES, pair & LOW) for pair in pairs[of_one].tolist()]


def _wide(columns: npt.NDArray[Any], width: int) -> npt.NDArray[Any]:
    """Return columns with as many of zeros after them as are wanted."""
    missing = width - columns.shape[1]
    return np.pad(columns, ((0, 0), (0, missing))) if missing else columns


def _beside(parts: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Return the columns of some files one after another, which may be more in one of them."""
    width = max(part.shape[1] for part in parts)
    return np.concatenate([_wide(part, width) for part in parts])
