"""Two specifications, or two readings of one, over the same events: the shortest trace on which they part.

Two worlds take every step together, each with a state of its own, and all rules are kept in both until the last step.
There one forbids what the other allows: a permission is broken in one of them only, or an obligation is overdue.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from functools import partial
from typing import Any

import z3
from mipcheck.model.prover.evident import surely_broken
from mipcheck.model.prover.form import ADDRESS
from mipcheck.model.prover.limits import Budget
from mipcheck.model.prover.logic import neg
from mipcheck.model.prover.merging import NONE, clashing, known, merged
from mipcheck.model.prover.runs import anchor_of, cone, roots_of_rules, slots_of
from mipcheck.model.prover.scripts import without_value
from mipcheck.model.prover.search import FAR, LATE, Search, time_unit
from mipcheck.model.prover.setting import Setting
from mipcheck.model.prover.spacer import Move, System, Z, impossible, spacer
from mipcheck.model.prover.symbolic import WHOLE_NODE, Action, Keys, SymbolicState, World
from mipcheck.model.prover.unrolling import Unrolling
from mipcheck.model.prover.witness import Witness, keys_used
from mipcheck.model.specification.claimed import Permitted, Property
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.spec import Configure, Require, Rule
from mipcheck.model.specification.term import TRUE, Term
from mipcheck.model.values.types import Type

DEPTH = 10
"""Events of a trace, silent ones included, up to which one is searched for."""
TIME_IS_UP = "the time for the search was up"
UNCERTAIN = "where they part, a time that has no value decides, of which a checker knows nothing"
_COUNT = itertools.count()
"""Numbers the goals of searches: all of them stay in one solver, each under a literal of its own."""


class _Strictness(Enum):
    """How much is asked of a trace on which two worlds part. Less is asked only where nothing is found otherwise."""

    ALL = "all rules are kept in both until the last step, which breaks none but those in question"
    MUST = "SHOULDs may be broken besides"
    BARE = "and at the last step both may find fault, with whatever rules"
    OWN = "and only the world that forbids the last step need have kept its rules before it"


@dataclass(frozen=True, slots=True)
class Parting:
    """A trace on which two worlds part, and the rules that it breaks in the first and in the second.

    `outright` says that one of them allows all of it. Otherwise both find fault, only not with the same.
    `trace.site` and `trace.parameters` are what has to be set for it.
    """

    trace: Witness
    left: frozenset[str]
    right: frozenset[str]
    outright: bool = True


@dataclass(frozen=True, slots=True)
class SearchOutcome:
    """The parting that a search found, or the `reason` why it found none, which proves nothing."""

    parting: Parting | None
    reason: str = ""


# --- two worlds ----------------------------------------------------------------------------------------------------


def _worlds(left: Setting, right: Setting, rules: Iterable[Iterable[Rule]], unit: int | None = None) -> list[World]:
    """Return the worlds of two settings that were merged, with as many interfaces in one as in the other."""
    count = max(len(s.interfaces) for s in (left, right))
    return [
        World(s.spec, s.parameters, s.site, of_rules, unit, count, capabilities=s.capabilities)
        for s, of_rules in zip((left, right), rules, strict=True)
    ]


def alike(left: Setting, right: Setting, rule: str) -> bool:
    """Decide whether a rule and all that it depends on are written the same in both: then it behaves the same."""
    if rule not in left.rules or rule not in right.rules:
        return False
    left, right = left.followed(), right.followed()
    sides = [(s.rules[rule].body, _basis(s, s.rules[rule])) for s in (left, right)]
    return bool(_written(sides[0]) == _written(sides[1]))


def _written(x: Any) -> Any:
    """Return the same without the words that types have: one may know more of them."""
    match x:
        case Term():
            return x.kind, "" if x.type.is_words else x.type.name, x.name, x.value, tuple(map(_written, x.args))
        case Type():
            return "" if x.is_words else x.name
        case list() | tuple():
            return [_written(y) for y in x]
        case dict():
            return {k: _written(v) for k, v in x.items()}
        case _ if is_dataclass(x):
            return type(x).__name__, [_written(getattr(x, f.name)) for f in fields(x) if f.compare]
    return x


def _basis(setting: Setting, rule: Rule) -> object:
    """Return all that a rule depends on: updates, assumptions, initial values, parameters, capabilities."""
    spec = setting.spec
    if isinstance(rule.body, Configure):
        return {n: setting.parameters[n] for n in rule.body.condition.names("param")}
    roots = [*rule.terms(), *([anchor_of(spec, rule)] if isinstance(rule.body, Require) else [])]
    names = cone(spec, roots, False)
    updates = [
        ([(p.event, p.condition) for p in u.patterns], [(n, t) for n, t in u.assignments if n in names])
        for u in spec.updates
        if any(n in names for n, _ in u.assignments)
    ]
    events = {p.event for u in spec.updates for p in u.patterns if any(n in names for n, _ in u.assignments)}
    assumed = [
        ([(p.event, p.condition) for p in x.patterns], x.condition)
        for x in spec.assumptions.values()
        if any(p.event in events for p in x.patterns)
    ]
    terms = [*roots, *(t for u in updates for _, t in u[1]), *(c for u in updates for _, c in u[0])]
    read = {n for t in terms for n in t.names("param")} | ({"t_slack"} if isinstance(rule.body, Require) else set())
    capable = {n for t in terms for n in t.names("capable")}
    variables = {n: (v.type, v.scope, v.initial) for n, v in spec.variables.items() if n in names}
    values = {n: setting.parameters.get(n) for n in read}
    return updates, assumed, variables, values, {c: c in setting.capabilities for c in capable}


# --- traces ---------------------------------------------------------------------------------------------------------


class _Both(Unrolling):
    """Two unrollings of worlds with the same events, in one solver; the trace that is read is that of the first.

    `known` says of each which events it has heard of, and when it knows all words of them.
    """

    def __init__(
        self, left: World, right: World, known: Sequence[Mapping[str, Term]], solver: Any = None, tag: str = ""
    ) -> None:
        super().__init__(left, solver=solver, tag=tag)
        self.other = Unrolling(right, solver=self.solver, tag=f"{tag}~")
        self._known = known

    def extend(self) -> None:
        super().extend()
        self.other.extend()  # the same step: it names the same constants for the action, the keys and the time

    def shows(self, k: int) -> Z:
        told = [_tells(run, knows, k) for run, knows in zip((self, self.other), self._known, strict=True)]
        return z3.And(super().shows(k), self.other.shows(k), *told)


def _tells(run: Unrolling, known: Mapping[str, Term], k: int) -> Z:
    """Return that a world knows what happens at step k, or nothing is overdue there: who skips the last line of a log
    does not see the time that has passed by then."""
    w, step, s = run.world, run.steps[k], run.states[k]
    strange = [
        z3.And(step.act == n, neg(w.term(known[a.event], s, a.interface, step.keys[a.event], step.now)))
        if a.event in known
        else step.act == n
        for n, a in enumerate(w.actions)
        if known.get(a.event) != TRUE
    ]
    return z3.Implies(z3.Or(strange), z3.Not(z3.Or([run.breaks(r, k) for r in w.requires])))


class Comparison(Search):
    """Searches over one unrolling of two settings. `timeout` is in seconds, for each search.

    `addresses` are those of the site that are not the usual ones. Traces speak of so many `entries` of each table. A
    `sure` one finds what they part on whether times without a value lie far back or far ahead.
    """

    def __init__(
        self,
        left: Setting,
        right: Setting,
        depth: int = DEPTH,
        timeout: float = 60.0,
        addresses: Mapping[str, int] = NONE,
        entries: int = 1,
        sure: bool = False,
    ) -> None:
        self._make_sure = None if sure else partial(Comparison, left, right, depth, timeout, addresses, entries, True)
        self._sure: Comparison | None = None
        self.left, self.right = (s.tracked(entries) for s in merged(left, right, addresses))
        unit = min(time_unit(s.parameters, s.spec) for s in (self.left, self.right))
        worlds = _worlds(self.left, self.right, [s.rules.values() for s in (self.left, self.right)], unit)
        self.world, self.depth, self.timeout = worlds[0], depth, timeout
        events = self.left.spec.events
        heard = known(left.spec, events), known(right.spec, events, clashing(left.spec, right.spec))
        self.both = self.run = _Both(worlds[0], worlds[1], heard)
        self._pairs = [self.both]
        if sure:
            self._pairs.append(_Both(worlds[0], worlds[1], heard, self.run.solver, "^"))
            for pair, value in zip(self._pairs, (-FAR, FAR), strict=True):
                for run in (pair, pair.other):
                    self.run.solver.add([run.states[0][slot] == value for slot in without_value(run.world)])
        self.tidying = math.inf
        self.used = keys_used(self.left.spec) | keys_used(self.right.spec)
        self._configured = self.left.misconfigured, self.right.misconfigured

    def part(self, left: Iterable[str], right: Iterable[str], pretty: bool = True) -> SearchOutcome:
        """Find the shortest trace on which one world breaks one of its rules named, and the other allows it all.

        `left` and `right` are rules of the first and the second world. Where there is no such trace, less is
        asked, step by step (see `_Strictness`).
        """
        named = frozenset(left), frozenset(right)
        found = self._part(*named, pretty)
        parting = found.parting
        if parting is None or (named[0] & parting.left) ^ (named[1] & parting.right):
            return found
        return self._surely().part(*named, pretty) if self._make_sure else SearchOutcome(None, UNCERTAIN)

    def _surely(self) -> Comparison:
        """Return the search for what shows a checker that they part, to whom a time without a value is unknown."""
        if self._sure is None:
            assert self._make_sure is not None
            self._sure = self._make_sure()
        self._sure.depth, self._sure.timeout, self._sure.tidying = self.depth, self.timeout, self.tidying
        return self._sure

    def _part(self, left: Iterable[str], right: Iterable[str], pretty: bool) -> SearchOutcome:
        budget = Budget(self.timeout)
        named = [
            [r for r in rules if self._judges(run, r)] for rules, run in ((left, self.both), (right, self.both.other))
        ]
        if not any(named):
            return SearchOutcome(None, "there is no rule on events to part on")
        for strictness in _Strictness:
            for k in range(self.depth):
                self._extend(k)
                for turned in (False, True):
                    rules = named[turned]
                    if not rules:
                        continue
                    found = self._step(k, turned, rules, strictness, budget, pretty)
                    if found == z3.unknown:
                        return SearchOutcome(None, TIME_IS_UP)
                    if isinstance(found, Parting):
                        return SearchOutcome(found)
        return SearchOutcome(None, f"none was found of up to {self.depth} events")

    def both_break(self, rule: str, pretty: bool = True) -> SearchOutcome:
        """Find the shortest trace whose last step this rule forbids in both, and no other rule in either."""
        budget = Budget(self.timeout)
        if not (self._judges(self.both, rule) and self._judges(self.both.other, rule)):
            return SearchOutcome(None, "it is no rule on events in both")
        for strictness in (_Strictness.ALL, _Strictness.MUST):
            for k in range(self.depth):
                self._extend(k)
                goal = z3.And([run.breaks(rule, k) for pair in self._pairs for run in (pair, pair.other)])
                found = self._solve(k, goal, ([rule], [rule]), strictness, budget, pretty)
                if found == z3.unknown:
                    return SearchOutcome(None, TIME_IS_UP)
                if isinstance(found, Parting) and rule in found.left & found.right:
                    return SearchOutcome(found)
                if isinstance(found, Parting):
                    return (
                        self._surely().both_break(rule, pretty) if self._make_sure else SearchOutcome(None, UNCERTAIN)
                    )
        return SearchOutcome(None, f"none was found of up to {self.depth} events")

    def _extend(self, k: int) -> None:
        """Take as many steps that there is a step k."""
        while len(self.run.steps) <= k:
            for pair in self._pairs:
                pair.extend()
            if len(self._pairs) > 1:
                self.run.solver.add(self.run.steps[-1].now <= LATE // (self.world.unit or 1))

    @staticmethod
    def _judges(run: Unrolling, rule: str) -> bool:
        """Decide whether a world has the rule, and as one on events."""
        return rule in run.world.allows or rule in run.world.requires

    def _step(
        self, k: int, turned: bool, rules: list[str], strictness: _Strictness, budget: Budget, pretty: bool
    ) -> Parting | Any:
        """Find a trace whose step k one world forbids by `rules`, the second if `turned`; else z3.unsat or unknown."""
        pairs = [(pair.other, pair) if turned else (pair, pair.other) for pair in self._pairs]
        differs = [
            z3.And([
                z3.And(forbids.breaks(r, k), z3.Not(allows.breaks(r, k)) if self._judges(allows, r) else True)
                for forbids, allows in pairs
            ])
            for r in rules
        ]  # fmt: skip
        free: tuple[list[str], list[str]] = ([], rules) if turned else (rules, [])
        judges = (pairs[0][0],) if strictness is _Strictness.OWN else (self.both, self.both.other)
        return self._solve(k, z3.Or(differs), free, strictness, budget, pretty, judges)

    def _solve(
        self,
        k: int,
        goal: Z,
        free: tuple[list[str], list[str]],
        strictness: _Strictness,
        budget: Budget,
        pretty: bool,
        judges: Sequence[Unrolling] = (),
    ) -> Parting | Any:
        """Return a trace whose step k is as the goal says; else z3.unsat or z3.unknown.

        The `free` rules of each world need not be kept at step k, all others are. Worlds that are no `judges` need not
        keep any; if none is named, both are judges.
        """
        wanted = z3.Bool(f"wanted#{next(_COUNT)}")
        exact = [z for side in (self.both, self.both.other) for z in side.world.exact()]
        shown = [pair.shows(k) for pair in self._pairs]
        self.run.solver.add(z3.Implies(wanted, z3.And(goal, *shown, *exact)))
        sides = (self.both, self.both.other)
        assumptions = [wanted]
        for side, own in zip(sides, free, strict=True):
            if side in (judges or sides):
                assumptions += self._kept(side, k, strictness)
                if strictness in (_Strictness.ALL, _Strictness.MUST):
                    assumptions += self._kept_at(side, k, strictness, own)
        answer = budget.check(self.run.solver, *assumptions)
        if answer != z3.sat:
            return answer
        model = self._prettier(assumptions, k + 1) if pretty else self.run.solver.model()
        trace = self._read(k + 1, model)
        found = [self._broken(u, trace, model, k + 1) for u in sides]
        broken = [rules | wrong for rules, wrong in zip(found, self._configured, strict=True)]
        return Parting(trace, broken[0], broken[1], not (broken[0] and broken[1]))

    def _broken(self, side: Unrolling, trace: Witness, model: Any, length: int) -> frozenset[str]:
        """Return the rules that a trace breaks in one of the worlds, whatever the times are that have no value yet."""
        broken = side.broken(model, length)
        if trace.script is None or not without_value(side.world):
            return broken
        surely = surely_broken(side.world, trace.script, broken)
        return broken if surely is None else surely

    def _kept(self, run: Unrolling, k: int, strictness: _Strictness) -> list[Z]:
        """Return that all rules which `strictness` asks for are kept before step k."""
        return [z for i in range(k) for z in self._kept_at(run, i, strictness, ())]

    def _kept_at(self, run: Unrolling, i: int, strictness: _Strictness, free: Iterable[str]) -> list[Z]:
        """Return that all rules but the `free` ones are kept at step i, as far as `strictness` asks for them."""
        rules = run.world.rules
        return [z for r, z in run.kept[i].items()
                if r not in free and (strictness is _Strictness.ALL or rules[r].level == "MUST")]  # fmt: skip


# --- proof ----------------------------------------------------------------------------------------------------------


def never_part(left: Setting, right: Setting, rule: str, timeout: float = 60.0) -> bool:
    """Decide whether it is proved that, on any trace, a rule is broken in both settings or in neither.

    The proof is in dense time, whatever other rules are kept or broken, and on any site. `timeout` is in seconds.
    """
    left, right = merged(left, right)
    if any(rule not in s.rules for s in (left, right)):
        return False
    demands = [b for s in (left, right) if isinstance(b := s.rules[rule].body, Configure)]
    if demands:
        return len(demands) == 2 and _alike_on_sites(left, right, demands, timeout)
    asked = {side: Property(rule, (), "", Permitted(s.rules[rule].body.patterns))
             for side, s in (("left", left), ("right", right))}  # fmt: skip
    left, right = left.followed(asked["left"]), right.followed(asked["right"])
    sides = {"left": left, "right": right}
    worlds = dict(zip(sides, _worlds(left, right, [[s.rules[rule]] for s in sides.values()]), strict=True))
    states = {}
    for side, s in sides.items():
        roots = roots_of_rules([s.rules[rule]])
        roots += [anchor_of(s.spec, s.rules[rule])] if isinstance(s.rules[rule].body, Require) else []
        roots += [s.reduction.judges(e) for e in sorted(_kinds(asked[side]))] if s.reduction is not None else []
        states[side] = worlds[side].fresh(side, slots_of(worlds[side], cone(s.spec, roots, False), True))
    now, then = z3.Real("now"), z3.Real("then")
    keys = {e: worlds["left"].keys(e, "") for e in left.spec.events}
    moves, bad = [], []
    for a in worlds["left"].actions:
        of = {"left": keys[a.event], "right": worlds["right"].apart(a.event, keys[a.event], "'")}
        after = {(side, slot): z for side, w in worlds.items()
                 for slot, z in w.next(states[side], a, of[side], then).items()}  # fmt: skip
        guard = [then >= now, *(w.well_formed(a.event, of[side]) for side, w in worlds.items())]
        # What an assumption reads is followed only where its event changes what is followed (see `cone`): elsewhere
        # there is no constant to speak of.
        guard += [w.assumed(states[side], a, of[side], then) for side, w in worlds.items()
                  if any(s == side for s, _ in after)]  # fmt: skip
        if after:
            moves.append(Move(f"{a.event} on interface {a.interface}", z3.And(guard), {**after, "now": then}))
        broken = [_forbids(w, rule, states[side], a, of[side], then) for side, w in worlds.items()]
        judged = [
            worlds[side].term(s.reduction.judges(a.event), states[side], a.interface, of[side], then)
            for side, s in sides.items()
            if s.reduction is not None and a.event in _kinds(asked[side])
        ]
        bad.append(z3.And(*guard, *judged, broken[0] != broken[1]))
    late = [_late(w, rule, states[side], then) for side, w in worlds.items()]
    bad.append(z3.And(then >= now, late[0] != late[1]))
    state: dict[Any, Z] = {"now": now} | {(side, slot): z for side, s in states.items() for slot, z in s.items()}
    # A time without initial value may be any, but of both runs the same.
    same = [states["left"][slot] == z for slot, z in states["right"].items() if slot in states["left"]
             and slot[0] in left.spec.variables and left.spec.variables[slot[0]].initial is None
             and left.spec.variables[slot[0]].type == right.spec.variables[slot[0]].type]  # fmt: skip
    initial = z3.And(now == 0, *[w.initial(states[side]) for side, w in worlds.items()], *same)
    # Most of what both have is the same in both, whatever happens: where all that matters is, nothing more is asked.
    likely = [states["left"][slot] == z for slot, z in states["right"].items()
              if slot in states["left"] and states["left"][slot].sort() == z.sort()]  # fmt: skip
    return spacer(System(state, initial, moves, bad, likely), timeout).answer == "proved"


def _alike_on_sites(left: Setting, right: Setting, demands: Sequence[Configure], timeout: float) -> bool:
    """Decide whether two settings keep a demand each on the same sites: those that tell all parameters that they read,
    and those that tell some, where the others are the same, or there are no others."""
    sides = list(zip((left, right), demands, strict=True))
    read = {n for body in demands for n in body.condition.names("param")}
    if not all(read <= s.spec.parameters.keys() for s, _ in sides):
        return False
    reached = set(read)
    while more := {m for s, _ in sides for n in reached for m in s.spec.parameters[n].default.names("param")} - reached:
        reached |= more
    if len(reached) > 1 and any(left.spec.parameters[n].default != right.spec.parameters[n].default for n in reached):
        return False
    told = {n: z3.Bool(n) if left.spec.parameters[n].type.name == "bool" else z3.Int(n) for n in read}
    for parameters in ({}, told):
        holds, exact = [], []
        for s, body in sides:
            site = {n: z3.Int(ADDRESS + n) for n in s.site}
            world = World(s.spec, {**s.parameters, **parameters}, site, (), 1, capabilities=s.capabilities)
            holds.append(world.term(body.condition, {}, WHOLE_NODE, {}, None))
            exact += world.exact()
        if not impossible(timeout, holds[0] != holds[1], *exact):
            return False
    return True


def _kinds(p: Property) -> set[str]:
    return {q.event for q in p.patterns}


def _forbids(w: World, rule: str, s: SymbolicState, a: Action, keys: Keys, now: Z) -> Z:
    return w.breaks(rule, s, a, keys, now) if rule in w.allows and w.concerns(rule, a) else z3.BoolVal(False)


def _late(w: World, rule: str, s: SymbolicState, now: Z) -> Z:
    return w.overdue(rule, s, now) if rule in w.requires else z3.BoolVal(False)


# --- settings -------------------------------------------------------------------------------------------------------


def part_settings(
    left: Setting,
    right: Setting,
    rules: Iterable[str],
    timeout: float = 60.0,
    addresses: Mapping[str, int] = NONE,
) -> SearchOutcome:
    """Find a site or parameters on which rules on configuration part, as near to the defaults as can be."""
    left, right = merged(left, right, addresses)
    named = [r for r in rules if any(isinstance(_body(s, r), Configure) for s in (left, right))]
    if not named:
        return SearchOutcome(None, "there is no rule on the configuration to part on")
    broken = left.misconfigured, right.misconfigured
    if any((r in broken[0]) != (r in broken[1]) for r in named):
        return SearchOutcome(_on_settings(broken, {}, {}))
    sure = True
    for rule in named:
        for kind, name in _influences(left, right, rule):
            answer, value = _value(left, right, rule, kind, name, timeout)
            sure &= answer != z3.unknown
            if value is None:
                continue
            sides = [_with(s, kind, name, value) for s in (left, right)]
            broken = sides[0].misconfigured, sides[1].misconfigured
            if (rule in broken[0]) != (rule in broken[1]):
                site, parameters = ({name: value}, {}) if kind == "site" else ({}, {name: value})
                return SearchOutcome(_on_settings(broken, site, parameters))
    return SearchOutcome(None, "no single value makes the difference" if sure else TIME_IS_UP)


def _on_settings(
    broken: tuple[frozenset[str], frozenset[str]], site: Mapping[str, int], parameters: Mapping[str, int]
) -> Parting:
    return Parting(Witness((), (), frozenset(), 0, site, parameters), *broken, not (broken[0] and broken[1]))


def _body(setting: Setting, rule: str) -> object:
    return setting.rules[rule].body if rule in setting.rules else None


def _influences(left: Setting, right: Setting, rule: str) -> Iterator[tuple[str, str]]:
    found = set()
    for s in (left, right):
        if isinstance(body := _body(s, rule), Configure):
            found |= {("site", n) for n in body.condition.names("site")}
            found |= {("parameter", n) for n in body.condition.names("param")}
    yield from sorted(found)


def _with(setting: Setting, kind: str, name: str, value: int) -> Setting:
    """Return a setting with one value set, and with the defaults that are computed from it."""
    if kind == "site":
        return replace(setting, site={**setting.site, name: value})
    if name not in setting.spec.parameters:
        return setting
    return replace(setting, parameters=configure(setting.spec, {**setting.given, name: value}))


def _value(left: Setting, right: Setting, rule: str, kind: str, name: str, timeout: float) -> tuple[Any, int | None]:
    """Return the solver's answer and the smallest value not below 0 with which one setting alone breaks the rule."""
    unit = min(time_unit(s.parameters, s.spec) for s in (left, right))
    types = [s.spec.parameters[name].type for s in (left, right) if kind == "parameter" and name in s.spec.parameters]
    value = z3.Int(name)
    solver = z3.Optimize()
    solver.set("timeout", max(1, int(timeout * 1000)))
    solver.add(value >= 0, *(value < (len(t.members) or 2) for t in types if t.members or t.name == "bool"))
    holds = []
    for s in (left, right):
        parameters: dict[str, Any] = dict(s.parameters)
        site: dict[str, Any] = dict(s.site)
        # The optimizer minimizes numbers, so a bool is searched for as 0 or 1.
        (site if kind == "site" else parameters)[name] = value == 1 if types and types[0].name == "bool" else value
        body = _body(s, rule)
        world = World(s.spec, parameters, site, (), unit, capabilities=s.capabilities)
        holds.append(
            world.term(body.condition, {}, WHOLE_NODE, {}, None) if isinstance(body, Configure) else z3.BoolVal(True)
        )
        solver.add(world.exact())
    solver.add(holds[0] != holds[1])
    solver.minimize(value)
    answer = solver.check()
    if answer != z3.sat:
        return answer, None
    found = int(solver.model().eval(value, model_completion=True).as_long())
    return answer, found * unit if types and types[0].name == "time" else found
