"""What the compiled loop is told of a machine: what the conditions of permissions read, and what kinds of events do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from mipcheck.checker.observe.facts import Facts
from mipcheck.checker.observe.state import ObserverState
from mipcheck.checker.trace.derive import ACCESS, OTHER, SCOPE
from mipcheck.model.machine.compile import Machine

COUNT: Final = "count"
"""The key that says how many packets an event stands for; those in an access mode are added up."""


def read_slots(machine: Machine, facts: Facts) -> list[tuple[int, ...]]:
    """Return which slots rules read, three tuples for each: its interface's, the node's, every interface's."""
    interests = (facts.interests.get(rule) for rule in range(len(machine.rules)))
    return [part for of in interests for part in ((of.own, of.node, of.all) if of else ((), (), ()))]


def fill_interests(s: ObserverState, machine: Machine, facts: Facts, slots: Sequence[tuple[int, ...]]) -> None:
    """Write down which slots rules read, and of which entries of tables they ask."""
    s.interests[:] = [slot for part in slots for slot in part]
    ends = [0, *np.cumsum([len(part) for part in slots]).tolist()]
    for rule in range(len(machine.rules)):
        s.interest[rule] = tuple(ends[3 * rule : 3 * rule + 4])
    for rule, of in facts.interests.items():
        s.rules[rule].tables = sum(1 << n for n in of.tables)
        for kind, name in enumerate(machine.kinds):
            s.wanted[rule, kind] = sum(1 << n for n in of.keys[name])


def fill_kinds(s: ObserverState, machine: Machine, facts: Facts, slots_set: Sequence[Sequence[int]]) -> None:
    """Write down what kinds of events do, and where they have keys that the loop looks at.

    `slots_set` are the slots of a node that each may set.
    """
    s.slots_set[:] = [slot for slots in slots_set for slot in slots]
    ends = [0, *np.cumsum([len(slots) for slots in slots_set]).tolist()]
    for n, name in enumerate(machine.kinds):
        event = machine.spec.events[name]
        slot = {k.name: i for i, k in enumerate(event.keys)}
        direction = event.by_name.get("dir")
        outward = direction.type.members.index("out") if direction and "out" in direction.type.members else -1
        scope = event.by_name.get(SCOPE)
        other = scope.type.members.index(OTHER) if scope and OTHER in scope.type.members else -1
        s.kinds[n] = (
            name in facts.changing,
            facts.notes.get(name, -1),
            name in facts.gaps,
            name in facts.telling,
            name in facts.anew,
            name in machine.begun_by,
            1 if name in facts.waking else 2 if name in facts.ending else 0,
            slot.get(machine.spec.tracks, -1) if machine.spec.tracks else -1,
            slot.get(ACCESS, -1) if ACCESS in slot and event.by_name[ACCESS].type.is_set else -1,
            slot["dir"] if outward >= 0 else -1,
            outward,
            slot.get(COUNT, -1),
            slot[SCOPE] if other >= 0 else -1,
            other,
            bool(machine.changes(name)),
            ends[n],
            ends[n + 1],
        )
