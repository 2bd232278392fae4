"""Registration messages of kinds of packets: their octets, as they stand in the words of keys, and what they say.

Messages that are alike differ in nothing but addresses, identification and what only says who sent them:
authenticators, NAI and challenge.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from mipcheck.checker.capture.bulk.rows import Flags, Ints
from mipcheck.checker.capture.device.registration import OWN_DENIALS
from mipcheck.checker.capture.messages.extensions import CHALLENGE, FA_HA, MN_FA, MN_HA, NAI
from mipcheck.checker.capture.messages.mobileip import REQUEST

Octets = npt.NDArray[np.uint8]

_SIZE: Final = (1 << 40) - 1
"""The part of the first word that says how many octets there are."""
_SPI: Final = 4
_FREE: Final = {MN_HA: _SPI, MN_FA: 0, FA_HA: 0, NAI: 0, CHALLENGE: 0}
"""Extensions whose content may differ in messages that are alike: from which octet on."""


def octets_of(words: Ints, first: int) -> Iterator[tuple[Ints, Octets]]:
    """Yield rows of keys that have messages of the same type and size, and the octets of these; the word `first` says
    how many there are."""
    octets = words[:, first + 1 :].astype(">i8").view(np.uint8)
    told = (words[:, first] & _SIZE) << 8 | octets[:, 0]
    for each in np.unique(told).tolist():
        rows = np.flatnonzero(told == each)
        yield rows, octets[rows, : each >> 8]


def blank(words: Ints, first: int) -> None:
    """Take from keys all in which messages that are alike may differ."""
    for rows, octets in octets_of(words, first):
        at = 24 if octets[0, 0] == REQUEST else 20
        octets[:, 4:at] = 0
        _blank_extensions(octets, np.arange(len(rows)), at)
        padded = np.zeros((len(rows), 8 * (words.shape[1] - first - 1)), np.uint8)
        padded[:, : octets.shape[1]] = octets
        words[rows, first + 1 :] = padded.view(">i8")


def _blank_extensions(octets: Octets, rows: Ints, at: int) -> None:
    """Take from rows what may differ, from the extension on that begins at `at`."""
    while at < octets.shape[1]:
        head = octets[rows, at].astype(np.int64) << 8 | octets[rows, at + 1]
        if (head != head[0]).any():
            for each in np.unique(head).tolist():
                _blank_extensions(octets, rows[head == each], at)
            return
        kind, length = divmod(int(head[0]), 256)
        if kind in _FREE:
            octets[rows, at + 2 + min(_FREE[kind], length) : at + 2 + length] = 0
        at += 2 + length


class Said(NamedTuple):
    """What registration messages say: `home`, `agent`, `coa` (0 in a reply) and `id`, which may be negative as it has
    64 bits."""

    home: Ints
    agent: Ints
    coa: Ints
    id: Ints


class Messages:
    """The messages of some kinds of packets."""

    def __init__(self, kinds: Ints, octets: Octets, starts: Ints) -> None:
        """`octets` are those of all messages; `starts` where each begins, and where all end."""
        self.kinds = kinds
        self._octets, self._starts = octets, starts

    @staticmethod
    def none() -> Messages:
        """Return no messages."""
        return Messages(np.empty(0, np.int64), np.empty(0, np.uint8), np.zeros(1, np.int64))

    @staticmethod
    def of(parts: Sequence[tuple[Ints, Octets]]) -> Messages:
        """Return those of kinds that are given as rows of octets, of one size in each part."""
        kinds = np.concatenate([np.empty(0, np.int64), *(of_part for of_part, _ in parts)])
        sizes = np.concatenate([np.empty(0, np.int64), *(np.full(len(k), o.shape[1]) for k, o in parts)])
        order = np.argsort(kinds)
        starts = np.concatenate([[0], np.cumsum(sizes[order])])
        place = np.empty(len(kinds), np.int64)
        place[order] = starts[:-1]
        found, done = np.empty(int(starts[-1]), np.uint8), 0
        for of_part, octets in parts:
            at = place[done : done + len(of_part)]
            found[at[:, None] + np.arange(octets.shape[1])] = octets
            done += len(of_part)
        return Messages(kinds[order], found, starts)

    @staticmethod
    def joined(parts: Sequence[Messages]) -> Messages:
        """Return all of them, in order."""
        ends = np.cumsum([0, *(int(part._starts[-1]) for part in parts)])
        starts = [part._starts[:-1] + end for part, end in zip(parts, ends, strict=False)]
        return Messages(
            np.concatenate([np.empty(0, np.int64), *(part.kinds for part in parts)]),
            np.concatenate([np.empty(0, np.uint8), *(part._octets for part in parts)]),
            np.concatenate([*starts, ends[-1:]]),
        )

    def __len__(self) -> int:
        return len(self.kinds)

    def of_kind(self, kind: int) -> bytes:
        """Return the octets of the message of a kind that has one."""
        return self.payload(int(np.searchsorted(self.kinds, kind)))

    def payload(self, number: int) -> bytes:
        """Return the octets of a message."""
        return self._octets[self._starts[number] : self._starts[number + 1]].tobytes()

    def asks(self) -> Flags:
        """Tell of each message whether it is a request."""
        found: Flags = self._octets[self._starts[:-1]] == REQUEST
        return found

    def denials(self) -> Flags:
        """Tell of each message whether it is a denial with a code of foreign agents."""
        code = self._field(1, 1)
        found: Flags = ~self.asks() & (code >= OWN_DENIALS.start) & (code < OWN_DENIALS.stop)
        return found

    def codes(self) -> Octets:
        """Return the code of each that is a reply."""
        found: Octets = self._octets[self._starts[:-1] + 1]
        return found

    def said(self) -> Said:
        """Return what all of them say."""
        asks = self.asks()
        coa = np.where(asks, self._field(12), 0)
        return Said(self._field(4), self._field(8), coa, self._field(np.where(asks, 16, 12), 8))

    def _field(self, at: int | Ints, size: int = 4) -> Ints:
        """Return the numbers of `size` octets that begin at octet `at` of each."""
        octets = self._octets[(self._starts[:-1] + at)[:, None] + np.arange(size)]
        found: Ints = octets.view({1: "u1", 4: ">u4", 8: ">i8"}[size])[:, 0].astype(np.int64)
        return found
