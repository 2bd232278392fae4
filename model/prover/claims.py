"""Claims as transition systems to prove, and as goals of a search for a counterexample."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import z3
from mipcheck.model.prover.logic import disj
from mipcheck.model.prover.mended import Again, happening, made_again
from mipcheck.model.prover.runs import (
    Run,
    changing,
    condition_of,
    cone,
    roots_of_property,
    roots_of_rules,
    slots_of,
    with_free,
)
from mipcheck.model.prover.scripts import Script
from mipcheck.model.prover.search import DEPTH, Search, time_unit
from mipcheck.model.prover.setting import Setting
from mipcheck.model.prover.shown import shown
from mipcheck.model.prover.spacer import Happening, Move, System, Z
from mipcheck.model.prover.symbolic import WHOLE_NODE, Action, Keys, SymbolicState, World
from mipcheck.model.prover.unrolling import Unrolling
from mipcheck.model.prover.witness import Witness
from mipcheck.model.specification.claimed import Independent, Invariant, Permitted, Property
from mipcheck.model.specification.spec import Allow, Rule
from mipcheck.model.specification.term import EventPattern, Term

_SHALLOW: Final = 5
"""Steps of the traces that are searched for before anything that takes long."""


def system_of(
    setting: Setting, p: Property, rules: list[Rule], whole: bool, framed: list[Rule] | None = None
) -> System:
    """Return the transition system in which a property is refuted by a bad state or event (`safety`,
    `independence`)."""
    build = independence if isinstance(p.claim, Independent) else safety
    return build(setting, p, rules, whole, framed)


def safety(
    setting: Setting,
    p: Property,
    rules: list[Rule],
    whole: bool,
    framed: list[Rule] | None = None,
    permitted: bool = False,
) -> System:
    """Return the transition system in which the property is false in a bad state, or of a bad event.

    With `whole` the moves keep `rules`, obligations too, and all state is followed; those that have to be `permitted`
    keep permissions. The state is that of `framed`, where these are more rules.
    """
    setting, p, rules, framed = _followed(setting, p, rules, framed)
    events = {q.event for q in p.patterns}
    run = Run(setting, rules, cone(setting.spec, roots_of_property(p, framed or rules), whole, events), whole)
    run.permissions |= permitted
    w, s = run.world, run.state
    bad = []
    ends = []

    def own(interface: int) -> bool:  # nothing is followed of the one that stands for any other
        return w.other is None or interface == 0

    if isinstance(p.claim, Permitted):
        run.permissions = False  # of the event in question; the moves before it have theirs already
        for a in w.actions:
            if own(a.interface) and any(q.event == a.event for q in p.claim.patterns):
                keys = run.keys[a.event]
                asked = z3.And(run.enabled(a), w.matches(p.claim.patterns, s, a, keys, run.then))
                bad.append(z3.And(asked, z3.Not(w.permitted(s, a, keys, run.then))))
                ends.append(a)
        run.permissions = whole or permitted
    elif isinstance(p.claim, Invariant):
        condition = condition_of(p)
        bad = [z3.Not(w.term(condition, s, i, {}, run.now)) for i in w.interfaces if own(i)]
    else:
        condition = condition_of(p)
        for a in w.actions:
            if own(a.interface) and any(q.event == a.event for q in p.patterns):
                keys = run.keys[a.event]
                happens = z3.And(
                    run.enabled(a), w.permitted(s, a, keys, run.then), w.matches(p.patterns, s, a, keys, run.then)
                )
                bad.append(z3.And(happens, z3.Not(w.term(condition, s, a.interface, keys, run.then))))
                ends.append(a)
    relied = roots_of_rules([r for r in rules if r.id in p.relying])
    guards = {n for t in (*p.terms(), *relied) for n in t.reads()}
    return run.system(bad, isinstance(p.claim, Invariant) and condition_of(p).uses("now"), guards, ends)


def _followed(
    setting: Setting, p: Property, rules: list[Rule], framed: list[Rule] | None
) -> tuple[Setting, Property, list[Rule], list[Rule] | None]:
    """Return the same for a specification without tables, which does all that this one does."""
    own = setting.followed(p)
    return own, own.of_property(p), own.these(rules), None if framed is None else own.these(framed)


def violated(run: Unrolling, k: int, p: Property) -> Z:
    """Return whether a property is false at step k: of its event in the state before, or in the state after it. Also of
    the one before, which time has met if not an event that no log shows."""
    w, condition = run.world, condition_of(p)
    if isinstance(p.claim, Invariant):
        now = run.steps[k].now
        states = [run.states[k + 1], *([run.states[k]] if condition.uses("now") or _is_unseen(w, p) else [])]
        return z3.Or([z3.Not(w.term(condition, s, i, {}, now)) for s in states for i in w.interfaces])

    def violates(s: SymbolicState, a: Action, keys: Keys, now: Z) -> Z | None:
        if not any(q.event == a.event for q in p.patterns):
            return None
        return z3.And(w.matches(p.patterns, s, a, keys, now), z3.Not(w.term(condition, s, a.interface, keys, now)))

    return _happens(run, k, p, violates)


def matching(run: Unrolling, k: int, p: Property) -> Z:
    """Return whether, at step k, something happens of which a property speaks; true if it speaks of no event."""

    def matches(s: SymbolicState, a: Action, keys: Keys, now: Z) -> Z | None:
        if not any(q.event == a.event for q in p.patterns):
            return None
        return run.world.matches(p.patterns, s, a, keys, now)

    return _happens(run, k, p, matches) if p.patterns else z3.BoolVal(True)


def _happens(run: Unrolling, k: int, p: Property, condition: Callable[[SymbolicState, Action, Keys, Z], Z | None]) -> Z:
    """Return whether an event of a property is such at step k, or the one before, if no log shows that."""

    def unseen(s: SymbolicState, a: Action, keys: Keys, now: Z) -> Z | None:
        return None if run.world.spec.events[a.event].seen else condition(s, a, keys, now)

    before = [run.happens(k - 1, unseen)] if k and _is_unseen(run.world, p) else []
    return disj([run.happens(k, condition), *before])


def _is_unseen(w: World, p: Property) -> bool:
    """Decide whether no log shows some event of which a property speaks; of one of states, some event of all."""
    names = {q.event for q in p.patterns} or set(w.spec.events)
    return any(not w.spec.events[n].seen for n in names)


# --- independence, by self-composition ------------------------------------------------------------------------------


def _allowed(w: World, p: EventPattern, s: SymbolicState, keys: Keys, now: Z, rules: Iterable[str]) -> Z:
    a = Action(p.event, 0)
    return z3.And(w.matches([p], s, a, keys, now), w.permitted(s, a, keys, now, rules))


def independence(
    setting: Setting, p: Property, rules: list[Rule], whole: bool, framed: list[Rule] | None = None
) -> System:
    """Return the system of two runs in which an interface sees the same; bad is where the property's subjects differ.

    Any number of other interfaces do as they like in each run. What happens there may leave what is shared in any
    state: that is more than it can do, and keeps the state of other interfaces out of the question.
    """
    setting, p, rules, framed = _followed(setting, p, rules, framed)
    assert isinstance(p.claim, Independent)
    roots = roots_of_property(p, framed or rules)
    names = cone(setting.spec, roots, False) | set(p.claim.variables)
    names |= cone(setting.spec, [Term("var", setting.spec.variables[n].type, n) for n in names], False)
    world = setting.world(rules, elsewhere=True)
    left, right = world.fresh("", slots_of(world, names, False)), world.fresh("'", slots_of(world, names, False))
    assigned = {name for u in setting.spec.updates for name, _ in u.assignments}
    shared = world.fresh("*", [slot for slot in left if slot[1] == WHOLE_NODE and slot[0] in assigned])
    now, then = z3.Real("now"), z3.Real("then")
    keys = {e: world.keys(e, "") for e in setting.spec.events}
    theirs = {e: world.apart(e, k, "'") for e, k in keys.items()}
    state: dict[Any, Z] = {"now": now}
    state |= {("left", s): z for s, z in left.items()} | {("right", s): z for s, z in right.items()}
    moves = []
    for a in world.actions:
        k = keys[a.event]
        guard = z3.And(then >= now, world.well_formed(a.event, k))
        sides = [("left", left, k), ("right", right, theirs[a.event])]
        after = {side: {(side, n): z for n, z in world.next(s, a, own, then).items()} for side, s, own in sides}
        if not after["left"]:  # what an assumption reads is followed only where its event changes something
            continue
        assumed = {side: world.assumed(s, a, own, then) for side, s, own in sides}
        label = f"{a.event} on interface {a.interface}"
        both = z3.And(guard, assumed["left"], assumed["right"])
        moves.append(Move(label, both, {**after["left"], **after["right"], "now": then}, (a.event, a.interface)))
    for side in ("left", "right") if shared else ():
        anything = {(side, slot): z for slot, z in shared.items()}
        moves.append(Move(f"what happens elsewhere, {side} run", then >= now, {**anything, "now": then}, ("", 1)))
    bad = [left[v, 0] != right[v, 0] for v in p.claim.variables if (v, 0) in left]
    ends: list[Happening | None] = [None] * len(bad)
    chosen = [r.id for r in rules if isinstance(r.body, Allow)]
    for q in p.claim.allowed:
        allowed = [_allowed(world, q, s, k[q.event], then, chosen) for s, k in ((left, keys), (right, theirs))]
        bad.append(z3.And(then >= now, world.well_formed(q.event, keys[q.event]), allowed[0] != allowed[1]))
        ends.append((q.event, 0))
    # A time without initial value is whatever it is, but the same in both runs.
    initial = z3.And(now == 0, world.initial(left), world.initial(right), *[left[s] == right[s] for s in left])
    alike = [left[slot] == right[slot] for slot in left]
    return with_free(System(state, initial, moves, bad, alike, ends), setting, world.read.values())


def _parted(run: Unrolling, k: int, claim: Independent, free: frozenset[str]) -> Z:
    """Return whether interface 0, or what is allowed there, differs between the two runs at step k."""
    w, s, m = run.world, run.states[k], run.mirrors[k]
    rules = [r for r in w.allows if r not in free and w.rules[r].level == "MUST"]
    step = run.steps[k]
    parts = []
    for n, a in enumerate(w.actions):
        for q in claim.allowed:
            if a == Action(q.event, 0):
                keys = step.keys[a.event]
                differs = z3.And(
                    _allowed(w, q, s, keys, step.now, rules), z3.Not(_allowed(w, q, m, keys, step.now, rules))
                )
                parts.append(z3.And(step.act == n, differs))
    after, mirror = run.states[k + 1], run.mirrors[k + 1]
    parts += [after[v, 0] != mirror[v, 0] for v in claim.variables]
    return z3.Or(parts)


# --- counterexamples ------------------------------------------------------------------------------------------------

_Goal = Callable[[Unrolling, int], Z]


class Refutations:
    """Searches for traces on which one property is false, which share their unrollings.

    A `pretty` trace has ordinary values where any would do; to find them takes most of the time.
    """

    def __init__(self, setting: Setting, p: Property, pretty: bool = True) -> None:
        self.setting, self.property, self.pretty = setting, p, pretty
        self.forbidding: frozenset[str] = frozenset()
        """Rules that forbade what `by` was asked for last."""
        self._tracked: list[Setting] = []
        self._made: dict[tuple[int, str], Search] = {}

    def find(self, free: frozenset[str], depth: int = DEPTH, breaking: str = "") -> Witness | None:
        """Find the shortest trace of at most `depth` steps that breaks only rules in `free`, or else a SHOULD besides;
        one of these for certain that is named.

        None if none is found: that proves nothing. For independence it is a trace after which interface 0, or what is
        allowed there, differs between two runs, one of which has events of the other interfaces besides.
        """
        if isinstance(self.property.claim, Independent):
            return self._independence(free, depth)
        for n, own in enumerate(self._settings()):
            p = own.of_property(self.property)
            if isinstance(p.claim, Permitted):
                trace = self._forbidden(n, p.claim.patterns, free, depth)
            else:
                trace = self._search(n, partial(violated, p=p), free, "", depth, breaking)
            if trace is not None:
                return trace
        return None

    def shown(self, script: Script, free: frozenset[str]) -> Witness | None:
        """Return the trace that a script is, if it is one on which the property is false and that breaks only rules in
        `free`, or else SHOULDs besides; else None. No solver is asked."""
        own = self._followed(script)
        if own is None:
            return None
        free |= own.advice
        return shown(own, script, self._falsifying(own, free), free)

    def again(self, script: Script, free: frozenset[str]) -> Witness | None:
        """Return a trace as `shown` does that has the events of a script, with whatever times and keys it takes, or
        `pretty` ones; None if there is none, or it was not found at once."""
        own = self._followed(script)
        if own is None:
            return None
        free |= own.advice
        found = made_again(own, script, self._falsifying(own, free), free, self.pretty)
        return None if found is None else self.shown(found, free)

    def by(self, way: Sequence[Happening], free: frozenset[str]) -> Witness | None:
        """Return a trace as `find` does, of what happens in a run that Spacer has found; None if there is none."""
        self.forbidding = frozenset()
        if not way or isinstance(self.property.claim, Permitted):
            return None
        for n, own in enumerate(self._settings(), 1):
            unit = time_unit(own.parameters, own.spec)
            scripts = [happening(w, unit, n, m) for w, m in self._ways(own, way)]
            for besides in dict.fromkeys((free, free | own.advice)):
                again = Again(own)
                goal = self._falsifying(own, besides)
                made = (again.made(script, goal, besides, self.pretty) for script in scripts)
                found = (t for s in made if s is not None and (t := self.shown(s, free)) is not None)
                if (trace := next(found, None)) is not None:
                    return trace
                if n == 1:
                    self.forbidding = again.forbidding
        return None

    def _ways(self, own: Setting, way: Sequence[Happening]) -> Iterator[tuple[Sequence[Happening], str]]:
        """Yield what may happen in a run, and in what its mirror has more or fewer events: what is left open of another
        interface is any event there that changes what interfaces share. What no node sees may have to come before."""
        if not isinstance(self.property.claim, Independent):
            yield way, ""
            return
        happens = {name for name, _ in way}
        asked = [r for r in own.musts if r.permits({way[-1][0]})] or own.musts
        read = {n for t in roots_of_rules(asked) for n in t.names("var")}
        events = changing(own.spec, {n for n in read if own.spec.variables[n].scope == "node"})
        silent = [e.name for e in own.spec.events.values() if not e.seen and e.sender == "network"]
        before = [[(e, i)] for i in (0, 1) for e in silent if (e, i) not in way]
        is_assumed = any(q.event in happens for x in own.spec.assumptions.values() for q in x.patterns)
        for besides in (*before, []) if is_assumed else ([], *before):
            for event in events:
                for mirror in ("fewer", "more"):
                    yield [*besides, *((name or event, i) for name, i in way)], mirror

    def _followed(self, script: Script) -> Setting | None:
        """Return the setting in which a script is to show that the property is false; None if it can be none that
        does."""
        own = next((s for n, s in enumerate(self._settings(), 1) if n == script.entries), None)
        claim = self.property.claim
        if isinstance(claim, Permitted) or isinstance(claim, Independent) != bool(script.mirror):
            return None
        return own

    def _falsifying(self, own: Setting, free: frozenset[str]) -> _Goal:
        """Return the goal of a run that the property is false at its last step."""
        p = own.of_property(self.property)

        def goal(run: Unrolling, k: int) -> Z:
            return _parted(run, k, p.claim, free) if isinstance(p.claim, Independent) else violated(run, k, p)

        return goal

    def _settings(self) -> Iterator[Setting]:
        """Yield the settings to look for traces in, one after the other; each is made once."""
        for n, setting in enumerate(self.setting.trackings):
            if n == len(self._tracked):
                self._tracked.append(setting)
            yield self._tracked[n]

    def _forbidden(
        self, number: int, patterns: tuple[EventPattern, ...], free: frozenset[str], depth: int
    ) -> Witness | None:
        """Return the shortest trace that ends with one of these events, which some MUST forbids."""
        found = []
        for rule in self._tracked[number].musts:
            if rule.id in free or not isinstance(rule.body, Allow):
                continue

            def goal(run: Unrolling, k: int, rule: str = rule.id) -> Z:
                w = run.world

                def forbidden(s: SymbolicState, a: Action, keys: Keys, now: Z) -> Z | None:
                    if not w.concerns(rule, a) or not any(q.event == a.event for q in patterns):
                        return None
                    return z3.And(w.matches(patterns, s, a, keys, now), w.breaks(rule, s, a, keys, now))

                return run.happens(k, forbidden)

            if (trace := self._search(number, goal, free | {rule.id}, "", depth)) is not None:
                found.append(trace)
        return min(found, key=lambda t: t.steps, default=None)

    def _independence(self, free: frozenset[str], depth: int) -> Witness | None:
        own = next(self._settings())
        claim = own.of_property(self.property).claim
        assert isinstance(claim, Independent)

        def goal(run: Unrolling, k: int) -> Z:
            return _parted(run, k, claim, free)

        # A trace is short where there is one; to search deeply for what the other direction has at once takes a minute.
        tries = [(m, d) for d in sorted({min(_SHALLOW, depth), depth}) for m in ("fewer", "more")]
        return next((t for m, d in tries if (t := self._search(0, goal, free, m, d)) is not None), None)

    def _search(
        self, number: int, goal: _Goal, free: frozenset[str], mirror: str, depth: int, breaking: str = ""
    ) -> Witness | None:
        setting = self._tracked[number]
        if (number, mirror) not in self._made:
            unit = time_unit(setting.parameters, setting.spec)
            world = setting.world(setting.rules.values(), unit)
            self._made[number, mirror] = Search(world, timeout=setting.timeout, mirror=mirror, quick=True)
        search = self._made[number, mirror]
        search.depth = depth
        find = partial(search.certain, breaking, True) if breaking else search.shortest
        trace = find(goal, free, self.pretty)
        if trace is None and setting.advice - free:
            trace = find(goal, free | setting.advice, self.pretty)
        if trace is None or trace.script is None:
            return trace
        script = replace(trace.script, entries=number + 1)
        return replace(trace, broken=trace.broken | setting.misconfigured, script=script)
