"""For which parameters a property holds: the exact region, with a proof inside and counterexamples outside.

A proof of all values is tried. Where there is a counterexample instead, its events are kept and its times left open:
the values of the parameters for which they can happen so are outside. They are taken away, and a proof is tried again.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Any, Final

import z3
from mipcheck.model.prover.claims import Refutations, system_of, violated
from mipcheck.model.prover.form import ADDRESS, ANY, Form, constant, possible, symbols
from mipcheck.model.prover.free import candidates, in_form
from mipcheck.model.prover.limits import TIME_IS_UP, Budget, is_over, limited
from mipcheck.model.prover.linear import Unsaid, formula_text, number_of
from mipcheck.model.prover.logic import conjuncts
from mipcheck.model.prover.setting import Setting
from mipcheck.model.prover.smtlib import constants
from mipcheck.model.prover.spacer import System, Verdict, spacer, subterms
from mipcheck.model.prover.symbolic import Action, Keys, SymbolicState
from mipcheck.model.prover.unrolling import Unrolling, written
from mipcheck.model.prover.witness import Witness
from mipcheck.model.specification.claimed import Invariant, Property, Whenever
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.spec import Rule

_ROUNDS: Final = 40
"""Counterexamples that are taken away, at most."""
_DEPTH: Final = 8
_TIDY: Final = 5
"""Times that a formula is made shorter, at most: what is left of one part may be several."""
_NEAR: Final = (1, 2, 3, 5, 10, 100, 1000, 10_000)
"""Milliseconds from the border at which a trace is searched for: one is written down in whole milliseconds."""

Z = Any


@dataclass(frozen=True, slots=True)
class Region:
    """The values of `parameters` for which a property holds: a formula over symbols of these names, times in seconds.

    `known`: it is proved inside, for that many `interfaces`, with an `invariant`, and refuted outside. If not, `reason`
    says why not; the region is then where no counterexample is known. `outside` is one just beyond the border, None if
    the property holds everywhere. `by_default` is the region where what the site does not say is as its default says.
    """

    parameters: tuple[str, ...]
    formula: Z
    known: bool
    interfaces: str = ANY
    invariant: str = ""
    reason: str = ""
    outside: Witness | None = None
    by_default: Z | None = None


def synthesizes(p: Property) -> bool:
    """Decide whether a property is of a kind for which a region can be sought: one of states, or of events."""
    return isinstance(p.claim, Invariant | Whenever)


def may_vary(setting: Setting) -> tuple[str, ...]:
    """Return the names of the parameters that a region may be about."""
    return tuple(n for n in candidates(setting) if not n.startswith(ADDRESS))


def region(setting: Setting, p: Property, names: Iterable[str] = ()) -> Region:
    """Return the region of some parameters for which a property holds; of all that matter if none is named."""
    chosen = tuple(names)
    free = chosen or may_vary(setting)
    seeker = _Seeker(setting, p, free)
    inside, verdict, interfaces = seeker.search()
    used = tuple(n for n in free if n in chosen or n in constants([inside]))
    by_default = None
    if not chosen and verdict.answer == "proved" and used:
        by_default = seeker.by_default(inside)
    outside = seeker.just_outside(inside)
    invariant = verdict.invariant.sexpr() if verdict.answer == "proved" else ""
    return Region(used, inside, verdict.answer == "proved", interfaces, invariant, verdict.reason, outside, by_default)


class _Seeker:
    """Seeks the region of what is `free`."""

    def __init__(self, setting: Setting, p: Property, free: tuple[str, ...]) -> None:
        self.setting, self.property, self.free = setting, p, free
        self.symbols = symbols(setting.spec, Form("2", free))
        self.domain = possible(setting.spec, Form("2", free))
        self._paths: _Paths | None = None

    def search(self) -> tuple[Z, Verdict, str]:
        """Return the region, the last answer of a proof, and the number of interfaces that it is about."""
        inside: Z = z3.BoolVal(True)
        verdict = Verdict("unknown")
        for _ in range(_ROUNDS):
            if is_over():
                return inside, Verdict("unknown", reason=TIME_IS_UP), ANY
            # With all rules a proof takes longest where there is none: that is asked where no counterexample is found.
            verdict, interfaces = self._proved(inside, whole=False)
            if verdict.answer == "proved":
                return inside, verdict, interfaces
            if self._paths is None:
                self._paths = _Paths(in_form(self.setting, Form("2", self.free)).tracked(), self.property)
            bad = self._paths.outside(inside, self.domain, self.symbols)
            if bad is None:
                verdict, interfaces = self._proved(inside, whole=True)
                if verdict.answer != "proved":
                    reason = verdict.reason or "no counterexample was found, and no proof"
                    verdict = replace(verdict, answer="unknown", reason=reason)
                return inside, verdict, interfaces
            inside = self.tidy(z3.And(inside, z3.Not(bad)))
            if self._never(inside):
                return z3.BoolVal(False), Verdict("proved", z3.BoolVal(False)), interfaces
        return inside, Verdict("unknown", reason=f"{_ROUNDS} counterexamples did not tell all"), ANY

    def _proved(self, inside: Z, whole: bool) -> tuple[Verdict, str]:
        """Return whether the property is proved in a region, of the most interfaces; with all rules if so asked."""
        verdict = Verdict("unknown")
        events = {q.event for q in self.property.patterns}
        musts = self.setting.musts
        forms = [(ANY, musts), ("2", musts)] if whole else [(ANY, self.setting.permissions(events))]
        for interfaces, rules in forms:
            verdict = spacer(self._system(inside, interfaces, rules, whole), min(20.0, self.setting.timeout))
            if verdict.answer == "proved":
                return verdict, interfaces
        return verdict, "2"

    def _system(self, inside: Z, interfaces: str, rules: list[Rule], whole: bool) -> System:
        form = Form(interfaces, self.free)
        system = system_of(in_form(self.setting, form), self.property, rules, whole)
        state = system.state | {("free", n): self.symbols[n] for n in constants([inside])}
        return replace(system, state=state, initial=z3.And(system.initial, inside, *self.domain))

    def tidy(self, formula: Z) -> Z:
        """Return the same region, said shortly: of values that there are, without what follows from the rest."""
        for _ in range(_TIDY):
            shorter = self._shorter(formula)
            if shorter.eq(formula):
                break
            formula = shorter
        return formula

    def _shorter(self, formula: Z) -> Z:
        clauses = [list(_parts(c)) for c in conjuncts(formula)]
        kept = [self._possible(c) for c in clauses]
        for c in list(kept):
            rest = [k for k in kept if k is not c]
            others = [z3.Or(k) for k in rest]
            if self._never(z3.And(*others, z3.Not(z3.Or(c)))):
                kept = rest
                continue
            for part in list(c):  # what the other clauses exclude, or have in the rest of this one
                left = [p for p in c if p is not part]
                if left and self._never(z3.And(*others, part, z3.Not(z3.Or(left)))):
                    c[:] = left
        found = [c[0] if len(c) == 1 else z3.Or(c) for c in kept]
        return z3.simplify(found[0] if len(found) == 1 else z3.And(found))

    def _possible(self, parts: list[Z]) -> list[Z]:
        """Return what is left of alternatives without those that cannot be, or that another one has in it."""
        whole = z3.Or(parts)
        left = [self._weakest(c, whole) for c in parts if not self._never(c)]
        for c in list(left):
            rest = z3.Or([k for k in left if k is not c])
            if len(left) > 1 and self._never(z3.And(c, z3.Not(rest))):
                left = [k for k in left if k is not c]
        return left

    def _weakest(self, part: Z, whole: Z) -> Z:
        """Return an alternative without conditions that others make up for."""
        kept = list(conjuncts(part))
        for c in list(kept):
            rest = [k for k in kept if k is not c]
            if rest and self._never(z3.And(*rest, z3.Not(whole))):
                kept = rest
        return kept[0] if len(kept) == 1 else z3.And(kept)

    def _never(self, formula: Z) -> bool:
        solver = limited(z3.Solver(), self.setting.timeout)
        solver.add(formula, *self.domain)
        return bool(solver.check() == z3.unsat)

    def by_default(self, inside: Z) -> Z | None:
        """Return the region with what is not given as its default says of the others; None if that says no more."""
        setting, spec = self.setting, self.setting.spec
        computed = [n for n in self.free if n not in setting.given and spec.parameters[n].default.names("param")]
        rest = tuple(n for n in self.free if n not in computed)
        terms = in_form(setting, Form("2", rest)).parameters
        pairs = [(self.symbols[n], terms[n]) for n in computed if z3.is_expr(terms[n])]
        if not pairs or not set(computed) & set(constants([inside])):
            return None
        outside = self._possible(_cases(z3.simplify(z3.substitute(z3.Not(inside), *pairs))))
        return self.tidy(z3.Not(z3.Or(outside)))

    def just_outside(self, inside: Z) -> Witness | None:
        """Return a counterexample near the border, as near as whole milliseconds and the other defaults allow."""
        if self._never(z3.Not(inside)):
            return None
        defaults = {n: self.setting.parameters[n] for n in self.free}
        for point in self._near(inside, defaults):
            given = {**self.setting.given, **point}
            own = replace(self.setting, parameters=configure(self.setting.spec, given), given=given)
            trace = Refutations(own, self.property).find(self.setting.without)
            if trace is not None:
                return replace(trace, parameters={**trace.parameters, **point})
        return None

    def _near(self, inside: Z, defaults: dict[str, int]) -> Iterator[dict[str, int]]:
        """Yield values outside, nearest first: those of one parameter changed, else of all that the region is about."""
        named = [n for n in self.free if n in constants([inside])]
        for at_edge, margin, n in itertools.product((False, True), _NEAR, named):
            others = [self._is(m, defaults[m]) for m in named if m != n]
            for value in self._border(n, z3.And(z3.Not(inside), *others), margin, at_edge):
                yield {n: value}
        solver = limited(z3.Solver(), self.setting.timeout)
        solver.add(z3.Not(inside), *self.domain)
        if solver.check() == z3.sat:
            model = solver.model()
            yield {n: self._number(n, model.eval(self.symbols[n], model_completion=True)) for n in named}

    def _border(self, name: str, outside: Z, margin: int, at_edge: bool) -> Iterator[int]:
        """Yield values of one parameter outside: a margin (ms, or numbers) beyond where that begins, inside of which
        others lie; or there are none, `at_edge`."""
        z, is_time = self.symbols[name], self.setting.spec.parameters[name].type.name == "time"
        if z.sort() == z3.BoolSort():
            return
        for least in (True, False):
            optimize = z3.Optimize()
            optimize.set("timeout", int(min(self.setting.timeout, 10) * 1000))
            optimize.add(outside, *self.domain)
            bound = optimize.minimize(z) if least else optimize.maximize(z)
            if optimize.check() != z3.sat:
                return
            end = optimize.lower(bound) if least else optimize.upper(bound)
            border = _rational(end)
            if border is None or at_edge != self._never(z < border if least else z > border):
                continue
            step = margin * (10**6 if is_time else 1)
            at = int(border * (10**9 if is_time else 1)) + (step if least else -step)
            if at >= 0 and not self._never(z3.And(outside, self._is(name, at))):
                yield at

    def _is(self, name: str, number: int) -> Z:
        return self.symbols[name] == constant(self.setting.spec.parameters[name].type, number)

    def _number(self, name: str, value: Z) -> int:
        if z3.is_bool(value):
            return int(z3.is_true(value))
        if self.setting.spec.parameters[name].type.name != "time":
            return int(value.as_long())
        return int(value.as_fraction() * 1000) * 10**6


def _rational(end: Z) -> Fraction | None:
    """Return the number of a bound of an optimisation, None for one that is infinite."""
    if "oo" in str(end):
        return None
    return next((n for t in [end, *end.children()] if (n := number_of(t)) is not None), None)


def _parts(formula: Z) -> Iterator[Z]:
    """Yield the alternatives of a formula."""
    for part in conjuncts(formula, True):
        yield part.arg(0) if z3.is_not(part) else z3.Not(part)


class _Paths:
    """Searches for counterexamples whose parameters and times are open, in dense time."""

    def __init__(self, setting: Setting, p: Property) -> None:
        self._setting, self._property = setting, setting.of_property(p)
        self._world = setting.world(setting.rules.values())
        self._run = Unrolling(self._world, solver=z3.Solver())
        self._must = [r.id for r in setting.musts if r.id in self._world.allows or r.id in self._world.requires]

    def outside(self, inside: Z, domain: list[Z], free: dict[str, Z]) -> Z | None:
        """Return values of what is free for which a shortest counterexample happens in a region; None if none is
        found."""
        run, budget = self._run, Budget(self._setting.timeout)
        for k in range(_DEPTH):
            while len(run.steps) <= k:
                run.extend()
            wanted = z3.FreshBool("wanted")
            run.solver.add(z3.Implies(wanted, z3.And(inside, *domain, violated(run, k, self._property))))
            kept = [run.kept_surely[i][r] for i in range(k + 1) for r in self._must]
            answer = budget.check(run.solver, wanted, *kept)
            if answer == z3.sat:
                return self._projected(run.solver.model(), k + 1, inside, free)
            if answer != z3.unsat:
                return None
        return None

    def _projected(self, model: Any, length: int, inside: Z, free: dict[str, Z]) -> Z | None:
        """Return for which values the same events happen, with the same words and numbers, at whatever times."""
        w = self._world
        state: SymbolicState = dict(self._run.states[0])
        parts = [inside, w.initial(state)]
        before = w.time(0)
        for step in self._run.steps[:length]:
            action = w.actions[model.eval(step.act, model_completion=True).as_long()]
            keys = step.keys[action.event]
            parts += [step.now >= before, w.well_formed(action.event, keys), w.assumed(state, action, keys, step.now)]
            parts.append(written(w, w.spec.events[action.event].keys, keys))
            parts.append(w.permitted(state, action, keys, step.now, self._must))
            parts += [z3.Not(w.overdue(r, state, step.now)) for r in w.requires if r in self._must]
            after = {**state, **w.next(state, action, keys, step.now)}
            last, before, then = state, step.now, step.now
            state = after
        parts.append(self._false(last, state, action, keys, then))
        formula = z3.And(parts)
        others = [c for n, c in constants([formula]).items() if n not in free]
        times = [c for c in others if c.sort() == z3.RealSort()]
        numbers = [c for c in others if c.decl().name() in self._numbers()]
        for opened in ([*times, *numbers], times) if numbers else (times,):
            fixed = [(c, model.eval(c, model_completion=True)) for c in others if not any(c.eq(o) for o in opened)]
            found = _without(z3.simplify(z3.substitute(formula, *fixed)), opened, self._setting.timeout)
            if found is not None and set(constants([found])) <= set(free) and _is_plain(found):
                return found
        return None

    def _numbers(self) -> set[str]:
        """Return the names of the keys that are numbers, of all steps."""
        spec = self._world.spec
        return {
            keys[k.name].decl().name()
            for step in self._run.steps
            for event, keys in step.keys.items()
            for k in spec.events[event].keys
            if k.type.name == "int"
        }

    def _false(self, before: SymbolicState, after: SymbolicState, a: Action, keys: Keys, now: Z) -> Z:
        w, condition = self._world, self._property.condition
        assert condition is not None
        if isinstance(self._property.claim, Invariant):
            return z3.Or([z3.Not(w.term(condition, after, i, {}, now)) for i in w.interfaces])
        matches = w.matches(self._property.patterns, before, a, keys, now)
        return z3.And(matches, z3.Not(w.term(condition, before, a.interface, keys, now)))


def _cases(formula: Z) -> list[Z]:
    """Return alternatives without a number that depends on a condition."""
    for t in subterms(formula):
        if z3.is_app(t) and t.decl().kind() == z3.Z3_OP_ITE:
            condition, then, other = t.children()
            one = z3.And(condition, z3.simplify(z3.substitute(formula, (t, then))))
            two = z3.And(z3.Not(condition), z3.simplify(z3.substitute(formula, (t, other))))
            return [*_cases(one), *_cases(two)]
    return [formula]


def _without(formula: Z, names: list[Z], timeout: float) -> Z | None:
    """Return a formula that holds where there are values of some names for which another one does."""
    goal = z3.Goal()
    goal.add(z3.Exists(names, formula) if names else formula)
    try:
        return z3.TryFor(z3.Then("simplify", "qe2", "simplify"), int(timeout * 1000))(goal).as_expr()
    except z3.Z3Exception:
        return None


def _is_plain(formula: Z) -> bool:
    """Decide whether a formula speaks of no remainders, and of no quantifiers."""
    kinds = (z3.Z3_OP_MOD, z3.Z3_OP_REM, z3.Z3_OP_IDIV)
    return not any(z3.is_quantifier(t) or (z3.is_app(t) and t.decl().kind() in kinds) for t in subterms(formula))


def said(setting: Setting, formula: Z) -> str:
    """Return a region in words: `t_stop <= 60 s`; in SMT-LIB where the language has none."""
    try:
        return formula_text(formula, partial(_is_time, setting))
    except Unsaid:
        return str(formula.sexpr())


def _is_time(setting: Setting, name: str) -> bool:
    return setting.spec.parameters[name].type.name == "time"


def numbers(formula: Z) -> list[Fraction]:
    """Return the numbers that a region speaks of."""
    return [abs(n) for t in subterms(formula) if (n := number_of(t)) is not None]


def holds_at(setting: Setting, found: Region, point: dict[str, int]) -> bool:
    """Decide whether a point is in a region; times in ns."""
    named = symbols(setting.spec, Form("2", found.parameters))
    pairs = [(z, constant(setting.spec.parameters[name].type, point[name])) for name, z in named.items()]
    return bool(z3.is_true(z3.simplify(z3.substitute(found.formula, *pairs))))
