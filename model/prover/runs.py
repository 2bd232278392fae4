"""One run of a specification as a transition system, cut down to the state that matters for a question."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from functools import cached_property

import z3
from mipcheck.model.prover.form import Form, possible, symbols
from mipcheck.model.prover.likely import guarded
from mipcheck.model.prover.logic import compared, conj, neg
from mipcheck.model.prover.setting import Setting
from mipcheck.model.prover.spacer import Move, System, Z, constants_in
from mipcheck.model.prover.symbolic import DONE, Action, Slot, SymbolicState, World
from mipcheck.model.specification.claimed import Property
from mipcheck.model.specification.spec import Require, Rule, Spec
from mipcheck.model.specification.term import Term
from mipcheck.model.values.types import INT


def changing(spec: Spec, names: Collection[str]) -> list[str]:
    """Return the events that change some variables."""
    found = (p.event for u in spec.updates if any(a in names for a, _ in u.assignments) for p in u.patterns)
    return list(dict.fromkeys(found))


def cone(spec: Spec, roots: Iterable[Term], whole: bool, asked: Iterable[str] = ()) -> set[str]:
    """Return the variables on which the roots depend, through updates and through what the network is assumed to do,
    also at the events `asked` about."""
    names = set(spec.variables) if whole else {n for t in roots for n in t.names("var")}
    asked_events = set(asked)
    while True:
        before = len(names)
        relevant = [u for u in spec.updates if any(a in names for a, _ in u.assignments)]
        for u in relevant:
            for p in u.patterns:
                names |= p.condition.names("var")
            for a, t in u.assignments:
                names |= t.names("var") if a in names else set()
        events = {p.event for u in relevant for p in u.patterns} | asked_events
        for x in spec.assumptions.values():
            if any(p.event in events for p in x.patterns):
                names |= {n for t in x.terms() for n in t.names("var")}
        if len(names) == before:
            return names


def condition_of(p: Property) -> Term:
    """Return the condition of an `invariant` or a `whenever`."""
    assert p.condition is not None
    return p.condition


def roots_of_property(p: Property, rules: list[Rule]) -> list[Term]:
    """Return all expressions of a property and of the rules that it is proved with."""
    return [*p.terms(), *roots_of_rules(rules)]


def roots_of_rules(rules: list[Rule]) -> list[Term]:
    """Return all expressions of some rules."""
    return [t for r in rules for t in r.terms()]


def slots_of(world: World, names: set[str], whole: bool) -> list[Slot]:
    """Return the slots of these variables; if `whole`, those of all obligations too."""
    return [s for s in world.slots if s[0] in names or (whole and s[0].startswith(DONE))]


class Run:
    """The system of one run: state, time, and moves that keep the rules (obligations only if `whole`)."""

    def __init__(self, setting: Setting, rules: list[Rule], names: set[str], whole: bool) -> None:
        self.world = setting.world(rules)
        self.permissions = self.obligations = whole
        self.state: SymbolicState = self.world.fresh("", slots_of(self.world, names, whole))
        # Of the interface that stands for any other nothing is followed: before each move it is as it may be.
        self.followed = {slot: z for slot, z in self.state.items() if self.world.other is None or slot[1] != 1}
        self._setting = setting
        self.now, self.then = z3.Real("now"), z3.Real("then")
        self.keys = {e: self.world.keys(e, "") for e in setting.spec.events}

    def enabled(self, a: Action) -> Z:
        """Return that the action may happen at time `then`, after time has passed from `now`."""
        w, s, keys = self.world, self.state, self.keys[a.event]
        parts = [compared(">=", self.then, self.now), w.well_formed(a.event, keys), w.assumed(s, a, keys, self.then)]
        if self.permissions:
            parts.append(w.permitted(s, a, keys, self.then))
        if w.other is not None:
            parts.append(w.other >= 1)
        return conj([*parts, *self._in_time])

    @cached_property
    def _in_time(self) -> list[Z]:
        """That nothing is overdue when time has passed to `then`, as far as obligations are kept."""
        owed = self.world.requires if self.obligations else ()
        return [neg(self.world.overdue(r, self.state, self.then)) for r in owed]

    def moves(self) -> list[Move]:
        """Return a move for each action that changes the state that is followed."""
        result = []
        for a in self.world.actions:
            after = self.world.next(self.state, a, self.keys[a.event], self.then)
            after = {slot: z for slot, z in after.items() if slot in self.followed}
            if after:
                label = f"{a.event} on interface {a.interface}"
                result.append(Move(label, self.enabled(a), {**after, "now": self.then}, (a.event, a.interface)))
        return result

    def passing(self) -> Move:
        """Return the move in which nothing happens but that time passes, which no event that is followed need tell."""
        return Move("time passes", z3.And(self.then >= self.now, *self._in_time), {"now": self.then})

    def system(
        self, bad: list[Z], timed: bool = False, guards: Iterable[str] = (), ends: Iterable[Action] = ()
    ) -> System:
        """Return the system of the run, in which `bad` must never hold; where that is `timed`, at no time.

        On `guards`, names of variables, what is likely may hang; `ends` are the events of what is bad, if it is about
        events.
        """
        initial = z3.And(self.now == 0, self.world.initial(self.followed))
        moves = [*self.moves(), *([self.passing()] if timed else [])]
        last = [(a.event, a.interface) for a in ends]
        system = System({"now": self.now, **self.followed}, initial, moves, bad, self._likely(guards), last)
        return with_free(system, self._setting, self.world.read.values())

    def _likely(self, guards: Iterable[str]) -> list[Z]:
        """Return what is likely of what several parties know: that one number is never greater than another.

        What one party has counted it sends, and others keep and send back: so most such systems are right because of
        orders, which Spacer finds one value at a time. Where all rules are kept, orders may hang on what happened, too.
        """
        if not self._setting.spec.parties:
            return []
        variables = self._setting.spec.variables
        state = {slot[0]: z for slot, z in self.followed.items() if slot[0] in variables}
        kinds = {name: variables[name].type for name in state}
        numbers = [z for name, z in state.items() if kinds[name] == INT]
        likely = [z3.IntVal(0) <= z for z in numbers] + [a <= b for a in numbers for b in numbers if a is not b]
        return likely + (guarded(state, kinds, guards) if self.permissions else [])


def with_free(system: System, setting: Setting, read: Iterable[Z]) -> System:
    """Return a system in which what is free in the setting's form is state that never changes, of what is `read`: the
    terms that stand for it there, or those of the system."""
    form, named = setting.form, symbols(setting.spec, setting.form)
    if not named:
        return system
    used = {t.decl().name() for t in constants_in(read)}
    form = Form(form.interfaces, tuple(n for n in form.free if n in used))
    state = system.state | {("free", n): named[n] for n in form.free}
    return replace(system, state=state, initial=z3.And(system.initial, *possible(setting.spec, form)))


def anchor_of(spec: Spec, rule: Rule) -> Term:
    """Return the time from which an obligation counts."""
    assert isinstance(rule.body, Require)
    return Term("var", spec.variables[rule.body.anchor].type, rule.body.anchor)
