"""The events of a trace without end: those that may still be referred to, by number, and how many there were."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, overload

from mipcheck.model.values.event import Event

RECENT: Final = 5_000
"""The newest events, all of which are kept."""
_ROOM: Final = 20_000
"""Events beyond those that were kept last, after which it is looked for those that nobody needs."""


class Archive(Sequence[Event]):
    """A sequence of which old events are forgotten, unless `needed` names their numbers. The first is kept, and so is
    the first of each kind in `kinds`. In the place of a forgotten one stands the one before it that is kept."""

    def __init__(self, kinds: Iterable[str], needed: Callable[[], Iterable[int]]) -> None:
        self._kinds, self._needed = set(kinds), needed
        self._kept: dict[int, Event] = {}
        self._pinned: set[int] = set()
        self._count = 0
        self._full = _ROOM

    def add(self, event: Event) -> int:
        """Add the next event; return its number."""
        number, self._count = self._count, self._count + 1
        self._kept[number] = event
        if not number or event.kind in self._kinds:
            self._pinned.add(number)
            self._kinds.discard(event.kind)
        if len(self._kept) > self._full:
            self._sweep()
        return number

    def pin(self, number: int) -> None:
        """Keep the event of a number for good."""
        self._pinned.add(number)

    def recent(self) -> Iterator[Event]:
        """Return the newest events, the newest first."""
        for number in range(self._count - 1, max(-1, self._count - 1 - RECENT), -1):
            yield self._kept[number]

    def _sweep(self) -> None:
        kept = self._kept
        numbers = {n for n in self._needed() if n in kept} | self._pinned
        numbers.update(n for n in range(self._count - RECENT, self._count) if n in kept)
        self._kept = {n: kept[n] for n in sorted(numbers)}
        self._full = len(self._kept) + _ROOM

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Event]:
        return iter(self._kept.values())

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        if isinstance(index, slice):
            first, last, _ = index.indices(self._count)
            if last - first > len(self._kept):
                return [e for n, e in self._kept.items() if first <= n < last]
            return [self._kept[n] for n in range(first, last) if n in self._kept]
        number = index + self._count if index < 0 else index
        if not 0 <= number < self._count:
            raise IndexError(index)
        found = self._kept.get(number)
        return found if found is not None else self._kept[max(n for n in self._kept if n < number)]
