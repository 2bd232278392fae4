"""Registration messages in columns, for those who go through them one by one: made when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from mipcheck.checker.capture.bulk.families import LOW, SIDES, Families
from mipcheck.checker.capture.device.registration import Spoken
from mipcheck.checker.capture.messages.mobileip import PORT
from mipcheck.checker.capture.node.knowledge import is_loopback, is_tunnel
from mipcheck.checker.capture.survey import Sighting, sighted

_TOGETHER: Final = 1 << 14
"""Messages that are made together."""


class Heard:
    """What messages say that are seen on links, and not on one of these `tunnels`."""

    def __init__(self, families: Families, tunnels: frozenset[str]) -> None:
        self._families, self._tunnels = families, tunnels
        self._kept: list[Spoken] | None = None

    def __iter__(self) -> Iterator[Spoken]:
        return self._made() if self._kept is None else iter(self._kept)

    def keep(self) -> None:
        """Make them once for all who go through them soon."""
        self._kept = [*self._made()]

    def forget(self) -> None:
        """Keep them no longer: with many nodes they take more than all else."""
        self._kept = None

    def _made(self) -> Iterator[Spoken]:
        kinds, messages = self._families, self._families.messages
        if not len(messages):
            return
        exposed = [not is_tunnel(p, self._tunnels) and not is_loopback(p) for p in kinds.packets]
        names = [packet.interface for packet in kinds.packets]
        of_kind, said, asks = messages.kinds, messages.said(), messages.asks()
        sport, dport = kinds.ports[of_kind].T
        pairs, depth = kinds.pairs[of_kind], kinds.depth[of_kind]
        ends = (pairs[:, 0], pairs[np.arange(len(pairs)), depth - 1])
        columns = [
            kinds.family[of_kind],
            asks & (dport == PORT),
            ~asks & (sport == PORT),
            *(side for pair in ends for side in (pair >> np.uint64(SIDES), pair & np.uint64(LOW))),
            depth,
            said.home,
            said.agent,
            said.coa,
            np.where(asks, 0, messages.codes()),
            said.id & LOW,
            *kinds.seen_first[of_kind, 1:].T,
            kinds.family[of_kind],
        ]
        for first in range(0, len(of_kind), _TOGETHER):
            part = slice(first, first + _TOGETHER)
            rows = zip(*(column[part].tolist() for column in columns), strict=True)
            for number, told in enumerate(rows, first):
                if exposed[told[0]]:
                    yield Spoken._make((names[told[0]], *told[1:], True, messages.payload, number))


class Sightings:
    """The messages of a file: of its kinds, which begin with `first`, after the frames `before`; `offset` is in ns."""

    def __init__(self, families: Families, first: int, before: int, offset: int) -> None:
        self._families, self._first, self._end = families, first, len(families)
        self._before, self._offset = before, offset

    def __iter__(self) -> Iterator[Sighting]:
        kinds = self._families.messages.kinds
        first, end = np.searchsorted(kinds, [self._first, self._end])
        of_file = kinds[first:end]
        for number in of_file[self._families.opened[of_file, 0] == 0].tolist():  # nobody looks into ESP here
            kind = self._families[number]
            packet = kind.packet.seen_at(
                kind.packet.time - self._offset, kind.packet.frame - self._before, kind.packet.length
            )
            if (seen := sighted(packet, kind.linktype)) is not None:
                yield seen
