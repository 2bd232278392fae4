"""Many things to say that are alike: of a few each, of more the first with a count."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_EACH: Final = 3
"""How many alike are still said one by one."""
_KINDS: Final = 50
"""Kinds of notes that are kept: what is damaged everywhere gets no more of them than can be read."""
_REMEMBERED: Final = 10_000
"""Texts that are remembered, so that none is counted twice."""
_NUMBERED: Final = re.compile(r"\S*[0-9]\S*")


class Notes:
    """Texts for people in the order in which they came, each once. Memory is bounded, however many come."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._kinds: dict[str, list[str]] = {}
        self._counts: dict[str, int] = {}
        self._seen: set[str] = set()
        self._left_out = 0
        for text in texts:
            self.add(text)

    def add(self, text: str, alike: str = "") -> None:
        """Add a text; those with the same `alike` are alike, by default those that differ only in words with digits."""
        if text in self._seen:
            return
        if len(self._seen) < _REMEMBERED:
            self._seen.add(text)
        kind = alike or _NUMBERED.sub("#", text)
        if kind not in self._kinds and len(self._kinds) >= _KINDS:
            self._left_out += 1
            return
        first = self._kinds.setdefault(kind, [])
        if len(first) < _EACH:
            first.append(text)
        self._counts[kind] = self._counts.get(kind, 0) + 1

    def texts(self) -> tuple[str, ...]:
        """Return them; where more than a few are alike, the first of those with the number of the others."""
        found: list[str] = []
        for kind, first in self._kinds.items():
            count = self._counts[kind]
            found += first if count <= _EACH else [f"{first[0]} (and {count - 1} more alike)"]
        if self._left_out:
            found.append(f"{self._left_out} more notes are left out")
        return tuple(found)


def grouped(texts: Iterable[str]) -> tuple[str, ...]:
    """Return texts as `Notes` says them."""
    return Notes(texts).texts()
