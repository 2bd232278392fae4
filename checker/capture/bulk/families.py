"""Kinds of packets at a device, of which there are as many as flows: families of them, and what differs as columns.

The kinds of a family differ in nothing but the addresses of IP headers and in ports that mean nothing. One packet of a
family is decoded; any other of its kinds is made from that when it is asked for.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, overload

import numpy as np
import numpy.typing as npt
from mipcheck.checker.capture.bulk.meaning import PacketKind
from mipcheck.checker.capture.bulk.rows import Ints
from mipcheck.checker.capture.bulk.scanned import Scanned
from mipcheck.checker.capture.headers.packet import Packet

SIDES: Final = 32
"""Bits of an address."""
LOW: Final = 0xFFFFFFFF
_PORT_BITS: Final = 20
_PORT: Final = (1 << _PORT_BITS) - 1
_COUNTED: Final = ("count", "first", "first_frame", "last", "last_frame")


class Layout(NamedTuple):
    """Keys (numbers of kinds) that have words of the same meaning: which of them are addresses, and which ports."""

    kinds: Ints
    words: int
    ends: list[int]
    ports: list[int]


def layouts(s: Scanned, first: int, end: int) -> Iterator[Layout]:
    """Yield the layouts of the kinds from `first` on, to before `end`."""
    told = [np.array(s.kinds.column(name)[first:end]) for name in ("words", "ends", "ported")]
    which, each = numbered(*told)
    for number, kind in enumerate(each.tolist()):
        words, ends, ported = (int(column[kind]) for column in told)
        at = [[n for n in range(words) if mask >> n & 1] for mask in (ends, ported)]
        yield Layout(first + np.flatnonzero(which == number), words, *at)


def numbered(*columns: npt.NDArray[Any]) -> tuple[Ints, Ints]:
    """Number rows so that those get the same number which are the same in all columns; and the first row of each."""
    code = first = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        each, value = np.unique(column, return_inverse=True)
        _, first, code = np.unique(code * len(each) + value.reshape(-1), return_index=True, return_inverse=True)
        code = code.reshape(-1)
    return code, first


def bare_keys(s: Scanned, first: int, asked: Ints) -> list[bytes]:
    """Return of the kinds from `first` on their keys without addresses, and with ports as in the table `asked`."""
    found = [b""] * (s.known - first)
    starts = s.kinds.column("start")
    for kinds, words, ends, ports in layouts(s, first, s.known):
        keys = s.pool[starts[kinds][:, None] + np.arange(words)]
        for at in ports:
            word = keys[:, at]
            source, target = asked[word >> _PORT_BITS & _PORT], asked[word & _PORT]
            keys[:, at] = (word >> 2 * _PORT_BITS << 2 * _PORT_BITS) | source << _PORT_BITS | target
        keys[:, ends] = 0
        head, data, size = bytes([words, *ends, *ports]), keys.tobytes(), 8 * words
        for n, kind in enumerate((kinds - first).tolist()):
            found[kind] = head + data[n * size : (n + 1) * size]
    return found


class Families(Sequence[PacketKind]):
    """The kinds of all files. A file's are complete once it has been `finished`."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        """One of each family."""
        self.linktypes: list[int] = []
        self._single: list[bool] = []
        self._counted = 0
        self._family = array("i")
        self._pairs: list[npt.NDArray[np.uint64]] = []
        self._rest: list[Ints] = []
        self._done: tuple[npt.NDArray[np.uint64], Ints] | None = None

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
        count, first, first_frame, last, last_frame, *_ = self._columns()[1][index].tolist()
        packet = self.seen(index, first, first_frame, self.packets[self._family[index]].length)
        return PacketKind(packet, self.linktypes[self._family[index]], count, (first, first_frame), (last, last_frame))

    def found(self, packet: Packet, linktype: int, single: bool) -> int:
        """Take one packet of a new family, and return its number; a `single` one has no other kind."""
        self.packets.append(packet)
        self.linktypes.append(linktype)
        self._single.append(single)
        return len(self.packets) - 1

    def add(self, family: int) -> None:
        """Take a new kind, of that family."""
        self._family.append(family)

    def finished(self, s: Scanned, first: int = 0) -> None:
        """Take what was counted of the kinds of a file, from its `first` one on, as many as were added before."""
        added = self._family[self._counted :]
        self._counted = len(self)
        end = first + len(added)
        singles = {n: self.packets[f] for n, f in enumerate(added) if self._single[f]}
        of_file = list(layouts(s, first, end))
        deepest = max([len(each.ends) for each in of_file] + [len(p.addresses) for p in singles.values()] + [0])
        pairs = np.zeros((len(added), deepest), np.uint64)
        rest = np.zeros((len(added), len(_COUNTED) + 3), np.int64)
        for n, name in enumerate(_COUNTED):
            rest[:, n] = s.kinds.column(name)[first:end]
        starts = s.kinds.column("start")
        for kinds, _, ends, ports in of_file:
            for n, at in enumerate(ends):
                pairs[kinds - first, n] = s.pool[starts[kinds] + at].view(np.uint64)
            rest[kinds - first, 5] = len(ends)
            if ports and ports[-1] > ends[-1]:  # those of the innermost header count, and not of a tunnel around it
                word = s.pool[starts[kinds] + ports[-1]]
                rest[kinds - first, 6], rest[kinds - first, 7] = word >> _PORT_BITS & _PORT, word & _PORT
        for kind, packet in singles.items():
            pairs[kind] = [*(a << SIDES | b for a, b in packet.addresses), *[0] * (deepest - len(packet.addresses))]
            rest[kind, 5:] = len(packet.addresses), packet.sport, packet.dport
        self._pairs.append(pairs)
        self._rest.append(rest)
        self._done = None

    # --- what is known of all kinds -----------------------------------------------------------------------------------

    def _columns(self) -> tuple[npt.NDArray[np.uint64], Ints]:
        if self._done is None:
            deepest = max((p.shape[1] for p in self._pairs), default=0)
            padded = [np.pad(p, ((0, 0), (0, deepest - p.shape[1]))) for p in self._pairs]
            pairs = np.concatenate(padded) if padded else np.zeros((0, 0), np.uint64)
            rest = np.concatenate(self._rest) if self._rest else np.zeros((0, len(_COUNTED) + 3), np.int64)
            self._pairs, self._rest = [pairs], [rest]
            self._done = pairs, rest
        return self._done

    @property
    def family(self) -> npt.NDArray[np.int32]:
        """The family of each kind."""
        return np.array(self._family, np.int32)

    @property
    def pairs(self) -> npt.NDArray[np.uint64]:
        """Source and destination in each IP header, the outermost first, as one number; 0 beyond the innermost."""
        return self._columns()[0]

    @property
    def depth(self) -> Ints:
        """How many IP headers there are."""
        return self._columns()[1][:, 5]

    @property
    def ports(self) -> Ints:
        """The innermost ports, source and destination."""
        return self._columns()[1][:, 6:8]

    def seen(self, kind: int, time: int, frame: int, length: int) -> Packet:
        """Return a packet of a kind."""
        pairs, rest = self._columns()
        packet = self.packets[self._family[kind]].seen_at(time, frame, length)
        depth, packet.sport, packet.dport = rest[kind, 5:].tolist()
        packet.addresses = tuple((pair >> SIDES, pair & LOW) for pair in pairs[kind, :depth].tolist())
        return packet

    def few(self) -> list[Packet]:
        """Return of each family the first packet and the last."""
        rest, family = self._columns()[1], self.family
        seen: set[tuple[int, int, int]] = set()
        for time, frame, sign in ((1, 2, 1), (3, 4, -1)):
            order = np.lexsort((sign * rest[:, frame], sign * rest[:, time], family))
            kinds = order[np.flatnonzero(np.diff(family[order], prepend=-1))]
            seen.update(zip(kinds.tolist(), *rest[kinds][:, [time, frame]].T.tolist(), strict=True))
        return [self.seen(n, time, frame, self.packets[self._family[n]].length) for n, time, frame in seen]

    def outer_pairs(self) -> Iterator[tuple[Packet, list[tuple[int, int]]]]:
        """Yield a packet of each family and all pairs of addresses that its packets have outermost."""
        pairs, family = self.pairs, self.family
        if not pairs.shape[1]:
            return
        order = np.argsort(family, kind="stable")
        bounds = np.flatnonzero(np.diff(family[order], prepend=-1))
        for kinds in np.split(order, bounds[1:]) if len(order) else ():
            packet = self.packets[int(family[kinds[0]])]
            if packet.addresses:
                yield packet, [(pair >> SIDES, pair & LOW) for pair in np.unique(pairs[kinds, 0]).tolist()]
