"""What IPsec says of rows of ESP, and which of them show more than others do, as `Association.judge` tells it of one.

Numbers that go up by one, as nearly all do, are taken as a stretch.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from mipcheck.checker.capture.bulk.rows import Flags, Ints
from mipcheck.checker.capture.device.associations import Association

AUTH: Final[tuple[str | None, ...]] = ("ok", "bad", "replayed", None)
"""What IPsec says, by number."""
OK: Final = 0
_BAD: Final = 1
_NOWHERE: Final = -1


class EspRows(NamedTuple):
    """Rows of ESP in order, as columns: `of` is the association of each, by number; `peer` the address outside, and
    `number` the sequence number. What is `opened` may hold a packet (`inner`)."""

    of: Ints
    inward: Flags
    opened: Flags
    inner: Flags
    peer: Ints
    number: Ints


class Associated:
    """Associations, of which rows are given in order."""

    def __init__(self, every: list[Association]) -> None:
        self._all = every
        self._newest = np.array([association.newest for association in every], np.int64)
        self._at = np.full(len(every), _NOWHERE, np.int64)
        """Where the last packet of each was sent to, or came from."""

    def judge(self, rows: EspRows) -> tuple[Ints, Ints]:
        """Return what IPsec says of each (AUTH), and the rows that are the first of their association, or sent to
        another place than the last, or come from one."""
        says = np.where(rows.inward & ~rows.opened, _BAD, OK)
        self._number(rows, says)
        return says, self._moved(rows, np.flatnonzero(rows.inner & (says == OK)))

    def _number(self, rows: EspRows, says: Ints) -> None:
        """Say of what comes whether it is a replay."""
        coming = np.flatnonzero(rows.inward & rows.opened)
        order, starts = _grouped(rows.of, coming)
        if not len(order):
            return
        of, number = rows.of[order[starts]], rows.number[order]
        steps = np.diff(number, prepend=0) == 1
        steps[starts] = number[starts] > self._newest[of]
        ends = np.append(starts[1:], len(order))
        usual = np.add.reduceat(steps, starts, dtype=np.int64) == ends - starts
        columns = (of, number[starts], number[ends - 1], starts, ends, usual)
        for one, first, last, start, end, is_usual in zip(*(column.tolist() for column in columns), strict=True):
            association = self._all[one]
            if is_usual:
                association.follow(first, last + 1)
            else:
                found = [association.judge(each) for each in number[start:end].tolist()]
                says[order[start:end]] = [AUTH.index(said) for said in found]
            self._newest[one] = association.newest

    def _moved(self, rows: EspRows, counts: Ints) -> Ints:
        """Return those of the rows that count with which an association is elsewhere than with the one before."""
        order, starts = _grouped(rows.of, counts)
        peer, of = rows.peer[order], rows.of[order[starts]]
        before = np.concatenate([peer[:0], [_NOWHERE], peer])[: len(peer)]
        before[starts] = self._at[of]
        self._at[of] = peer[np.append(starts[1:], len(order)) - 1] if len(order) else peer
        found: Ints = order[peer != before]
        return found


def _grouped(of: Ints, rows: Ints) -> tuple[Ints, Ints]:
    """Return rows with those of one association together, in order, and where each of these begins."""
    order = rows[np.argsort(of[rows], kind="stable")]
    return order, np.flatnonzero(np.diff(of[order], prepend=-1))
