"""Datagrams that a capture has in pieces, so that they are made anonymous as a whole and cut where they were cut."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

_MOST: Final = 100_000
"""Fragments that are remembered; of more, what is made is judged in another way where that matters, and not written."""

Key = tuple[bytes, int, bytes, int]
"""Identification, protocol, addresses, and how deep the datagram lies in others."""


@dataclass(slots=True)
class Datagram:
    """Its pieces, by where they begin; their bytes; its length, once the last of them is known.

    `made` is what stands for it, for now: what lies in it may be in pieces that are not known yet.
    """

    pieces: dict[int, bytes] = field(default_factory=dict)
    size: int = 0
    total: int = -1
    made: bytes | None = None
    learnt: bool = False
    """Whether `made` is from when not all fragments were known."""

    def take(self, start: int, more: bool, data: bytes) -> bool:
        """Take a piece, unless it belongs to another datagram: one that is there begins alike with other data."""
        end = start + len(data)
        if self.pieces.get(start, data) != data or (end == self.total if more else self.total not in (-1, end)):
            return False
        self.size += 0 if start in self.pieces else len(data)
        self.pieces[start] = data
        self.total = self.total if more else end
        return True

    def joined(self) -> bytes | None:
        """Return its bytes, if every one is there once."""
        if self.size != self.total:
            return None
        at = 0
        for start, data in sorted(self.pieces.items()):
            if start != at:
                return None
            at += len(data)
        return b"".join(data for _, data in sorted(self.pieces.items()))


class Fragments:
    """All fragments of a capture: while it is `learning`, they are taken; after that they are looked up."""

    def __init__(self) -> None:
        self.learning = False
        self._newest: dict[Key, Datagram] = {}
        self._of: dict[tuple[Key, int, bytes], Datagram] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._of)

    def take(self, key: Key, start: int, more: bool, data: bytes) -> Datagram | None:
        """Return the datagram that a fragment belongs to, as far as it is known."""
        if self.learning and len(self._of) < _MOST:
            datagram = self._newest.get(key)
            if datagram is None or not datagram.take(start, more, data):
                datagram = self._newest[key] = Datagram()
                datagram.take(start, more, data)
            self._of[key, start, data] = datagram
        return self._of.get((key, start, data))
