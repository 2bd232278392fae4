"""ESP of a gateway that is opened while packets become rows: with what, and what is noted of it beside the rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from mipcheck.checker.capture.bulk.rows import Ints
from mipcheck.checker.capture.headers.packet import Packet
from mipcheck.checker.capture.messages.esp import Keyring

Addresses = tuple[tuple[int, int], ...]


class Opening(NamedTuple):
    """What opens the ESP of a gateway with the address `own`. By `salt` packets are told from each other."""

    keys: Keyring
    own: int
    salt: int


class Noted:
    """Numbers of frames; these are numbered throughout."""

    def __init__(self) -> None:
        self._frames: list[Ints] = []
        self._numbers: list[Ints] = []

    def add(self, frames: Ints, numbers: Ints) -> None:
        """Take more, of later frames."""
        self._frames.append(frames)
        self._numbers.append(numbers)

    def of(self, frames: Ints) -> Ints:
        """Return the numbers of frames, 0 for those that have none."""
        if len(self._frames) != 1:
            none = np.empty(0, np.int64)
            self._frames = [np.concatenate([none, *self._frames])]
            self._numbers = [np.concatenate([none, *self._numbers])]
        known, numbers = self._frames[0], self._numbers[0]
        if not len(known):
            return np.zeros(len(frames), np.int64)
        at = np.minimum(np.searchsorted(known, frames), len(known) - 1)
        return np.where(known[at] == frames, numbers[at], 0)


class Flow(NamedTuple):
    """Who speaks with whom in ESP that was opened: the number of the interface, outer addresses, and SPI."""

    name: int
    addresses: Addresses
    spi: int


class Flows:
    """Protected data of a file, of which is counted who speaks with whom."""

    def __init__(self) -> None:
        self.alone: list[int] = []
        """Kinds of ESP that was not opened, a flow each."""
        self._spis: set[Flow] = set()
        self._numbers: dict[tuple[int, Addresses], int] = {}
        self._taken: list[int] = []
        self._first: dict[int, tuple[Packet, int]] = {}
        self._kinds: list[tuple[int, int]] = []

    def add(self, flow: Flow, kind: int, new: bool) -> bool:
        """Take a kind of packets that were opened; tell whether one has to be looked at, as it has to of a `new`
        family."""
        number = self._numbers.setdefault((flow.name, flow.addresses), len(self._numbers))
        self._kinds.append((kind, number))
        if number == len(self._taken):
            self._taken.append(0)
        look = new or flow not in self._spis
        self._spis.add(flow)
        return look

    def took(self, flow: Flow, packet: Packet, linktype: int) -> None:
        """Note that a packet was looked at."""
        number = self._numbers[flow.name, flow.addresses]
        self._taken[number] += 1
        self._first.setdefault(number, (packet, linktype))

    def more(self, counts: Ints) -> Iterator[tuple[Packet, int, int]]:
        """Yield a packet of each flow, its link type, and how many were not looked at; `counts` are by kind."""
        if self._kinds:
            kinds, numbers = np.array(self._kinds).T
            total = np.bincount(numbers, counts[kinds]).astype(np.int64) - np.array(self._taken)
            yield from ((*self._first[n], count) for n, count in enumerate(total.tolist()))
