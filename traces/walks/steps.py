"""Steps of walks, and those of mutants beside them.

A mutant that is in the same state is only asked about the events of which it may make something else, one step each,
and is followed for itself only where it has parted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

from mipcheck.checker.check.machine import machine_of
from mipcheck.checker.observe.observer import Observer
from mipcheck.checker.site.site import Site
from mipcheck.checker.trace.derive import deriver
from mipcheck.checker.verbs.mutate_reach import Reach, functions, reach_of
from mipcheck.model.machine.compile import Machine
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.machine.rows import Entries
from mipcheck.model.specification.mutants import Mutant
from mipcheck.model.specification.spec import Spec
from mipcheck.model.values.event import Event

_MACHINES = 200
"""Machines of mutants that are kept."""


@dataclass(frozen=True, slots=True)
class Step:
    """What was before an event of a walk, by its number, and what the original made of it."""

    number: int
    kind: str
    now: int
    this: int
    before: tuple[list[int], list[int], Entries, list[list[int]]]
    keys: Sequence[int]
    outcomes: Sequence[tuple[int, int]]
    after: tuple[list[int], list[int], list[tuple[int, ...]]]


class Counting(Observer):
    """An observer that counts what is broken and does not ask why, which takes longer than all the rest."""

    def _broken(self, *_: Any) -> None:
        pass


class Recorder(Counting):
    """An observer that keeps all steps."""

    def __init__(self, machine: Machine, boot: bool) -> None:
        super().__init__(machine, boot)
        self.steps: list[Step] = []

    def _carry_out(self, event: Event, number: int, place: Any, keys: list[int]) -> Sequence[tuple[int, int]]:
        node = place.node
        before = place.state[:], node.state[:], node.entries[:], [s[:] for s in node.states]
        outcomes = list(super()._carry_out(event, number, place, keys))
        after = place.state[:], node.state[:], told(self._machine, node.entries)
        self.steps.append(Step(number, event.kind, event.time, place.index, before, keys, outcomes, after))
        return outcomes


def told(machine: Machine, entries: Entries) -> list[tuple[int, ...]]:
    """Return rows of tables in use without who wrote them."""
    return [(r.table, *r.key, r.age, *r.values) for r in machine.rows(entries)]


@dataclass(frozen=True, slots=True)
class Parted:
    """After how many events of a walk a mutant parted from the original, and in what they differ at its end."""

    after: int
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Changed:
    """Where a mutant may part from the original, and those of its functions that are other ones, by kind of event."""

    reach: Reach
    steps: Mapping[str, Callable[..., int]]


class Arena:
    """The machine of the original at one site, and what is different in each mutant there."""

    def __init__(self, spec: Spec, site: Site, mutants: Sequence[Mutant], known: dict[Any, Changed]) -> None:
        self.site, self.machine = site, machine_of(spec, site, kept=False)
        self.derive = deriver(self.machine.spec, self.machine.capabilities)
        self.specs = {m.id: m.spec for m in mutants}
        self._machines: dict[str, Machine] = {}
        self.changed: dict[str, Changed] = {}
        ours = functions(self.machine.source)
        for m in mutants:
            key = m.id, site.capabilities
            if key not in known:
                known[key] = self._changed(m, ours)
            if known[key].reach.kinds or known[key].reach.anywhere:
                self.changed[m.id] = known[key]

    def _changed(self, m: Mutant, ours: Mapping[str, str]) -> Changed:
        machine = machine_of(m.spec, self.site, kept=False)
        reach = reach_of(self.machine, machine)
        if machine.constant_of != self.machine.constant_of:
            reach = Reach(reach.kinds, True)
        theirs = functions(machine.source)
        other = [n for n in theirs if ours.get(n) != theirs[n] or n.removeprefix("step_") in reach.kinds]
        names = dict(self.machine._names)
        exec(compile("\n".join(theirs[n] for n in other), "<mutant>", "exec"), names)
        return Changed(reach, {k: names[f"step_{k}"] for k in reach.kinds})

    def follower(self, mutant: str | None) -> Observer:
        """Return an observer of a mutant, or of the original."""
        if mutant is None:
            return Counting(self.machine, self.site.boot)
        changed = self.changed[mutant]
        if not changed.reach.anywhere:  # it is the original but for these steps, and need not be made
            o = Counting(self.machine, self.site.boot)
            o._machine = copy(self.machine)
            o._machine.steps = {**self.machine.steps, **{k: o._machine._stepper(f) for k, f in changed.steps.items()}}
            return o
        machine = self._machines.pop(mutant, None) or machine_of(self.specs[mutant], self.site, kept=False)
        self._machines[mutant] = machine
        if len(self._machines) > _MACHINES:
            del self._machines[next(iter(self._machines))]
        return Counting(machine, self.site.boot)

    def walked(self, events: Sequence[Event]) -> Recorder:
        """Return an observer that has seen a walk."""
        o = Recorder(self.machine, self.site.boot)
        for e in events:
            o.take(e)
        return o

    def parts(self, mutant: str, steps: Sequence[Step]) -> tuple[int, bool] | None:
        """Return the number of the first event of which a mutant makes something else, and whether that is judged;
        None if it never does, as far as its steps show."""
        found = self.changed[mutant].steps
        for s in steps:
            if s.kind in found and (judged := self._differs(found[s.kind], s)) is not None:
                return s.number, judged
        return None

    def _differs(self, step: Callable[..., int], s: Step) -> bool | None:
        """Decide whether a step of a mutant is judged otherwise; None if it leaves the same state, too."""
        m = self.machine
        own, node, entries, every = s.before[0][:], s.before[1][:], s.before[2][:], list(s.before[3])
        if s.this != UNKNOWN:
            every[s.this] = own
        if m.tables:
            m.make_room(entries)
        written, out = [-1] * len(own), [0] * m.most_outcomes
        count = step(s.now, s.this, own, node, entries, every, s.keys, m.constants, s.number, written,
                     [-1] * len(node), out)  # fmt: skip
        if [(out[k], out[k + 1]) for k in range(0, count, 2)] != s.outcomes:
            return True
        return None if (own, node, told(m, entries)) == s.after else False

    def followed(self, mutant: str | None, events: Sequence[Event]) -> Observer:
        """Return an observer of a mutant, or of the original, that has seen a walk."""
        o = self.follower(mutant)
        for e in events:
            o.take(e)
        return o

    def said(self, o: Observer) -> object:
        """Return what a machine says of the walk that it has seen."""
        machine, found = o._machine, o.observation()
        counts = {r.id: (t.kept, t.broken, t.unknown) for r, t in zip(machine.rules, found.tallies, strict=True)
                  if t.kept or t.broken or t.unknown}  # fmt: skip
        return counts, [(f.rule, f.interface, f.node, f.time, f.event, f.count) for f in found.findings]

    def differing(self, one: Observer, other: Observer) -> frozenset[str]:
        """Return the variables and tables that are other ones in two machines now."""
        m, found = self.machine, set[str]()
        tables = list(m.tables)
        nodes = [(one._one, other._one), *((n, other._nodes[k]) for k, n in one._nodes.items() if k in other._nodes)]
        for a, b in nodes:
            found |= {n for n, i in m.node_slots.items() if a.state[i] != b.state[i]}
            found |= {n.partition(".")[0] for n, i in m.table_slots.items() if a.state[i] != b.state[i]}
            for name in a.places.keys() & b.places.keys():
                own, theirs = a.places[name].state, b.places[name].state
                found |= {n for n, i in m.interface_slots.items() if own[i] != theirs[i]}
            left, right = (set(told(m, s.entries)) for s in (a, b))
            found |= {tables[r[0]] for r in left ^ right}
        return frozenset(found)

    def notice(self, events: Sequence[Event], wanted: Sequence[str]) -> tuple[list[str], dict[str, Parted]]:
        """Return those mutants that judge a walk otherwise than the original, and how others have parted from it."""
        kinds = {e.kind for e in events}
        walked = self.walked(events)
        ours: object = None
        found, parted = [], dict[str, Parted]()
        for i in wanted:
            changed = self.changed.get(i)
            if changed is None or not changed.reach.shows_in(kinds):
                continue
            part = self.parts(i, walked.steps)
            if part is None and not changed.reach.anywhere:
                continue
            ours = ours or self.said(self.followed(None, events))
            theirs = self.followed(i, events)
            if self.said(theirs) != ours:
                found.append(i)
            elif part is not None:
                parted[i] = Parted(part[0] + 1, self.differing(walked, theirs))
        return found, parted
