"""Spells: the stretches of time in which interfaces were captured. Between two of them nobody looked.

Captures that are given together, sections of one file and files that were put together may have been taken one after
the other. That nothing is seen between them says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

NEAR: Final = 10 * 10**9
"""ns that may pass from one spell to the next: files of a ring follow each other, and a link may be quiet."""

LATE: Final = 24 * 3600 * 10**9
"""ns by which statistics may be written after the last frame of a quiet link."""


class Spell(NamedTuple):
    """A stretch of time (ns) in which these interfaces were captured, and the number of its first frame."""

    first: int
    newest: int
    frame: int
    interfaces: frozenset[str]

    def shifted(self, ns: int) -> Spell:
        """Return the same by a clock that is ahead by `ns`."""
        return self._replace(first=self.first + ns, newest=self.newest + ns)


class Between(NamedTuple):
    """Nothing was captured of an interface (None: of any) between two times (ns); then the spell number `n` began."""

    interface: str | None
    since: int
    until: int
    n: int


class Spells:
    """The spells of one file, while it is read."""

    def __init__(self) -> None:
        self.ended: list[Spell] = []
        self._start = 0
        self._now: dict[str, Spell] = {}
        self._before: list[Spell] = []

    def heard(self, interface: str, first: int, newest: int, frame: int) -> None:
        """Take note that frames of an interface were captured from `first` to `newest` (ns).

        What lies before all that was heard of it was taken earlier, though it stands behind.
        """
        now = self._now.get(interface)
        if now is None:
            self._start = self._start or frame
            self._now[interface] = Spell(first, newest, self._start, frozenset((interface,)))
        elif newest < now.first - NEAR:
            self._before.append(now)
            self._now[interface] = Spell(first, newest, frame, now.interfaces)
        elif first < now.first or newest > now.newest:
            self._now[interface] = now._replace(first=min(first, now.first), newest=max(newest, now.newest))

    def watched(self, interface: str, until: int) -> None:
        """Take note that an interface was captured until then (ns), though nothing more may have been seen."""
        now = self._now.get(interface)
        if now is not None and now.newest < until <= now.newest + LATE:
            self._now[interface] = now._replace(newest=until)

    def end(self) -> None:
        """Take note that a section has ended: all its interfaces were captured whenever one of them was."""
        own = [*self._before, *self._now.values()]
        if not self._before and own:  # one capture, however quiet its interfaces were
            own = [min(own)._replace(newest=max(spell.newest for spell in own))]
        everyone = frozenset(self._now)
        self.ended += [spell._replace(interfaces=everyone) for spell in _joined(own)]
        self._now, self._before, self._start = {}, [], 0


def between(spells: Sequence[Spell]) -> list[Between]:
    """Return the times between spells, where nothing was captured; `n` is the index of the spell that ends one."""
    numbered = {(spell.first, spell.frame): n for n, spell in reversed([*enumerate(spells)])}
    nothing = list(_gaps(spells, numbered, None))
    bare = {(gap.since, gap.until) for gap in nothing}
    found = nothing
    for name in sorted(frozenset[str]().union(*(spell.interfaces for spell in spells))):
        own = _gaps([spell for spell in spells if name in spell.interfaces], numbered, name)
        found = found + [gap for gap in own if (gap.since, gap.until) not in bare]
    return found


def _gaps(spells: Iterable[Spell], numbered: dict[tuple[int, int], int], interface: str | None) -> Iterable[Between]:
    joined = _joined(spells)
    for earlier, later in pairwise(joined):
        yield Between(interface, earlier.newest, later.first, numbered[later.first, later.frame])


def _joined(spells: Iterable[Spell]) -> list[Spell]:
    """Return spells in order of time, those that overlap or are near each other as one, which begins as the first."""
    found: list[Spell] = []
    for spell in sorted(spells):
        if found and spell.first - found[-1].newest <= NEAR:
            found[-1] = found[-1]._replace(newest=max(found[-1].newest, spell.newest))
        else:
            found.append(spell)
    return found
