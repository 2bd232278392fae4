"""Obligations in a circle: what meets one makes the next one due at once, and so on, so that events go on for ever and
time never passes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import z3
from mipcheck.model.prover.runs import Run, anchor_of, cone, roots_of_rules
from mipcheck.model.prover.setting import Setting
from mipcheck.model.prover.spacer import Z, impossible
from mipcheck.model.prover.symbolic import DONE, Action, SymbolicState, World
from mipcheck.model.specification.spec import Require, Rule


@dataclass(frozen=True, slots=True)
class Circle:
    """Obligations, each of which makes the next one due by being met, and the last one the first.

    `certain`: whatever the node does while one of them is due leaves one of them due.
    """

    rules: tuple[str, ...]
    certain: bool


def circle(setting: Setting, invariant: Z) -> Circle | None:
    """Find a circle of obligations, in the states that an invariant leaves; None if there certainly is none."""
    owed = [r for r in setting.musts if isinstance(r.body, Require)]
    leads = _Leads(setting, owed, invariant)
    # Most are made due by nothing that meets another: these are no part of a circle.
    ids = [r.id for r in owed]
    while ids and leads.possible(ids, ids):
        kept = [r for r in ids if leads.possible(ids, [r])]
        if kept == ids:
            break
        ids = kept
    else:
        return None
    follows = {one: [other for other in ids if leads.possible([one], [other])] for one in ids}
    found = _round(follows)
    return None if found is None else Circle(found, leads.certain(found))


def made_due(w: World, rule: str, before: SymbolicState, after: SymbolicState, now: Z) -> Z:
    """Return that an obligation is due in the state after an event and was not in the one before it."""
    cases = [z3.And(_due(w, rule, after, i, now), z3.Not(_due(w, rule, before, i, now))) for i in w.owing(rule)]
    return z3.Or(cases)


def _due(w: World, rule: str, s: SymbolicState, owing: int, now: Z) -> Z:
    return z3.And(w.owed(rule, s, owing), w.deadline(rule, s, owing) == now)


class _Leads:
    """Decides which obligation may be made due by what meets another."""

    def __init__(self, setting: Setting, owed: list[Rule], invariant: Z) -> None:
        events = {p.event for r in owed for p in r.body.patterns}
        permissions = setting.permissions(events)
        roots = [*roots_of_rules([*owed, *permissions]), *(anchor_of(setting.spec, r) for r in owed)]
        self._run = Run(setting, [*owed, *permissions], cone(setting.spec, roots, False, events), True)
        self._invariant, self._timeout, self._setting = invariant, setting.timeout, setting

    def possible(self, met: Iterable[str], due: Iterable[str]) -> bool:
        """Decide whether an event that meets one of some obligations, which is due, may make one of others due."""
        run, w = self._run, self._run.world
        cases = []
        met = list(met)
        for a, enabled, after in self._deeds:
            keys, interface = run.keys[a.event], a.interface
            meets = [r for r in met if any(q.event == a.event for q in w.requires[r].patterns)]
            if not meets:
                continue
            ends = {
                r: z3.And(
                    _due(w, r, run.state, w.owing_at(r, interface), run.then),
                    w.matches(w.requires[r].patterns, run.state, a, keys, run.then),
                )
                for r in meets
            }
            changed = {slot[0] for slot, z in after.items() if z is not run.state[slot]}
            follow = [made_due(w, r, run.state, after, run.then) for r in due if self._may_change(r, changed)]
            follow += [  # it may be what is met that is due once more
                z3.And(end, _due(w, r, after, w.owing_at(r, interface), run.then))
                for r, end in ends.items()
                if r in due
            ]
            cases.append(z3.And(enabled, z3.Or(*ends.values()), z3.Or(follow)))
        return not impossible(self._timeout, self._invariant, z3.Or(cases))

    def certain(self, rules: Iterable[str]) -> bool:
        """Decide whether whatever the node does while one of some obligations is due leaves one of them due."""
        run, w = self._run, self._run.world
        due = z3.Or([_due(w, r, run.state, w.owing_at(r, 0), run.then) for r in rules])
        cases = []
        for _, enabled, after in self._deeds:
            still = [_due(w, r, after, w.owing_at(r, 0), run.then) for r in rules]
            cases.append(z3.And(enabled, due, z3.Not(z3.Or(still))))
        return impossible(self._timeout, self._invariant, z3.Or(cases))

    def _may_change(self, rule: str, changed: set[str]) -> bool:
        """Decide whether an obligation may come to be due where some variables have changed."""
        body = self._run.world.requires[rule]
        terms = (body.condition, body.within)
        read = {body.anchor, DONE + rule} | {n for t in terms for n in t.names("var")}
        return bool(read & changed) or any(t.uses("some", "every") for t in terms)

    @cached_property
    def _deeds(self) -> list[tuple[Action, Z, SymbolicState]]:
        """The node's actions, each with when it may happen and the state after it."""
        run, w = self._run, self._run.world
        return [
            (a, run.enabled(a), {**run.state, **w.next(run.state, a, run.keys[a.event], run.then)})
            for a in w.actions
            if self._setting.spec.events[a.event].sender == "node"
        ]


def _round(follows: Mapping[str, list[str]]) -> tuple[str, ...] | None:
    """Return a shortest way from one of some names round to itself, if there is any."""
    best: tuple[str, ...] | None = None
    for start in follows:
        ways: list[tuple[str, ...]] = [(start,)]
        seen = {start}
        while ways and (best is None or len(ways[0]) < len(best)):
            way = ways.pop(0)
            if start in follows[way[-1]]:
                best = way
                break
            ways += [(*way, other) for other in follows[way[-1]] if other not in seen]
            seen.update(follows[way[-1]])
    return best
