"""What has not changed, and yet was decided: a refusal leaves `granted` false, a withdrawal takes an entry out.

State remembers who changed it. Of what is as it was when the device started no event is known by that: the events that
left it so, or brought it back, are found where they are run through again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from mipcheck.checker.observe.blame import Moment, Read, evaluate
from mipcheck.model.machine.compile import Machine
from mipcheck.model.specification.spec import Update
from mipcheck.model.specification.term import Term
from mipcheck.model.values.event import Event
from mipcheck.model.values.types import BOOL, Type

Key = tuple[str, int | None, tuple[int, ...]]
"""What names a read: the variable or column, whose it is, and the key of the entry."""


@dataclass(frozen=True, slots=True)
class Decided:
    """Who decided what no event has changed, and what is as it was from the start, as all that there was has shown."""

    by: Mapping[Key, Event]
    never: Collection[Key] = ()


NOBODY: Final = Decided({})
"""What is known where nothing has been run through."""


def key_of(read: Read) -> Key:
    """Return what names a read."""
    return read.name, read.interface, read.key


class Settling:
    """Notes which events decide what some reads have found, while these are run through again."""

    def __init__(self, machine: Machine, found: Iterable[Read]) -> None:
        self._machine = machine
        self._open = [read for read in found if read.writer < 0]
        names = {read.name for read in self._open}
        written = [(u, [v for v in u.values(machine.spec.tables) if v[0] in names]) for u in machine.spec.updates]
        self._updates: list[tuple[Update, list[tuple[str, tuple[Term, ...], Term]]]] = [w for w in written if w[1]]
        self._by: dict[Key, Event] = {}
        self._changed: set[Key] = set()
        self.kinds = frozenset(p.event for update, _ in self._updates for p in update.patterns)
        """The kinds of events that can decide any of it."""

    def note(self, event: Event, met: Moment) -> None:
        """Take the next event, with what it met."""
        for update, values in self._updates:
            if any(p.event == event.kind and self._is(p.condition, met) for p in update.patterns):
                for name, key, value in values:
                    self._decide(event, met, name, key, value)

    def decided(self, whole: bool) -> Decided:
        """Return who decided what; events were the `whole` of what there was, or it is not known what came before."""
        never = frozenset(key_of(r) for r in self._open) - self._changed if whole else frozenset()
        return Decided(self._by, never)

    def _is(self, condition: Term, met: Moment) -> bool:
        return evaluate(self._machine, condition, met, met.this) == 1

    def _decide(self, event: Event, met: Moment, name: str, key: tuple[Term, ...], value: Term) -> None:
        """Note an event by whom reads of that name have been given the value that they have.

        What always resets has decided nothing, unless there was an entry that it took out.
        """
        for read in self._open:
            if read.name != name or (read.interface is not None and read.interface != met.this):
                continue
            if any(evaluate(self._machine, k, met, met.this) != r for k, r in zip(key, read.key, strict=False)):
                continue
            place = key_of(read)
            if evaluate(self._machine, value, met, met.this) != read.value:
                self._by.pop(place, None)
                self._changed.add(place)
            elif self._tells(read, value, met):
                self._by[place] = event

    def _tells(self, read: Read, value: Term, met: Moment) -> bool:
        if read.name not in self._machine.spec.tables:
            return value.kind != "const"
        parts = tuple(Term("const", type_, value=n) for n, (_, type_) in zip(read.key, self._keys(read), strict=True))
        return self._is(Term("entry", BOOL, read.name, args=parts), met)

    def _keys(self, read: Read) -> tuple[tuple[str, Type], ...]:
        return self._machine.spec.tables[read.name].keys
