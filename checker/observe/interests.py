"""What the conditions of permissions read, as the compiled loop has it: in one array, in parts for each rule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mipcheck.checker.observe.facts import Facts
from mipcheck.checker.observe.state import ObserverState
from mipcheck.model.machine.compile import Machine


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
