"""Traces that show what a declaration is good for: that a property notices when a rule is dropped, that an assumption
is relied on. All are the shortest of their kind, found by the prover, and stored nowhere."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

import z3
from mipcheck.model.prover.claims import Refutations, matching, violated
from mipcheck.model.prover.examples import Examples
from mipcheck.model.prover.search import Search, time_unit
from mipcheck.model.prover.setting import Setting, misconfigured
from mipcheck.model.prover.spacer import Z
from mipcheck.model.prover.symbolic import Action, Keys, SymbolicState
from mipcheck.model.prover.unrolling import Unrolling
from mipcheck.model.prover.witness import Witness
from mipcheck.model.specification.claimed import Assumption, Independent, Invariant, Property, Whenever
from mipcheck.model.specification.spec import Configure, Rule, Spec

DEPTH = 8
"""Events of a trace, silent ones included, up to which one is searched for."""


class Searches:
    """Searches for one setting, which share an unrolling.

    None is found where there is none that is short enough, or the setting's time limit is up: that proves nothing.
    """

    def __init__(self, setting: Setting, examples: Examples | None = None) -> None:
        """Search for `setting`; `examples` are its own, where there are some already."""
        self.setting = setting
        self._examples = Examples(setting) if examples is None else examples
        self._made: list[tuple[Setting, Search]] = []
        self._wrong = misconfigured(setting)

    def telling(self, rule: str) -> Searches:
        """Return these searches, or those for a setting that gives the parameters without which a rule says nothing."""
        examples = self._examples.telling(rule)
        return self if examples is self._examples else Searches(examples.setting, examples)

    def of_rule(self, rule: str, broken: bool) -> Witness | None:
        """Find a trace that exercises the rule and keeps all, or one that breaks it (`broken`) and keeps all others."""
        return self._examples.find(rule, broken, pretty=False)

    def noticed(self, p: Property, rule: str) -> Witness | None:
        """Find a trace that breaks just this rule, and by the same event the property: without the rule it is false."""
        if isinstance(p.claim, Independent):
            return Refutations(self.setting, p).find(frozenset({rule}), breaking=rule)
        if not isinstance(p.claim, Whenever | Invariant) or isinstance(self.setting.rules[rule].body, Configure):
            return None
        return self._find(
            lambda own, run, k: z3.And(run.breaks(rule, k), violated(run, k, own.of_property(p))),
            frozenset({rule}),
            rule,
        )

    def arises(self, p: Property) -> Witness | None:
        """Find a trace on which what the property speaks of happens, with all rules kept."""
        return self._find(lambda own, run, k: matching(run, k, own.of_property(p)), frozenset())

    def relied_on(self, a: Assumption, p: Property) -> Witness | None:
        """Find a trace that keeps all rules and breaks the property, once the assumption is dropped."""
        others = {n: x for n, x in self.setting.spec.assumptions.items() if n != a.id}
        without = Searches(replace(self.setting, spec=replace(self.setting.spec, assumptions=others)))
        if not isinstance(p.claim, Whenever | Invariant):
            return None
        return without._find(lambda own, run, k: violated(run, k, own.of_property(p)), frozenset())

    def honoured(self, a: Assumption) -> Witness | None:
        """Find a trace on which what the assumption speaks of happens, as it says."""

        def condition(own: Setting, run: Unrolling) -> Callable[[SymbolicState, Action, Keys, Z], Z | None]:
            w, a = run.world, own.spec.assumptions[name]

            def holds(s: SymbolicState, action: Action, keys: Keys, now: Z) -> Z | None:
                if not any(q.event == action.event for q in a.patterns):
                    return None
                return z3.And(w.matches(a.patterns, s, action, keys, now),
                              w.term(a.condition, s, action.interface, keys, now))  # fmt: skip

            return holds

        name = a.id
        return self._find(lambda own, run, k: run.happens(k, condition(own, run)), frozenset())

    def _find(
        self, goal: Callable[[Setting, Unrolling, int], Z], free: frozenset[str], breaking: str = ""
    ) -> Witness | None:
        """Find a trace for a goal, which is told in what setting it is searched for: without tables. A rule that is
        named has to be broken for certain."""
        for n, own in enumerate(self.setting.trackings):
            if n == len(self._made):
                unit = time_unit(own.parameters, own.spec)
                self._made.append((own, Search(own.world(own.rules.values(), unit), DEPTH, own.timeout)))
            own, search = self._made[n]
            find = functools.partial(search.certain, breaking, True) if breaking else search.shortest
            trace = find(functools.partial(goal, own), free, pretty=False)
            if trace is not None:
                return replace(trace, broken=trace.broken | self._wrong)
        return None


def about_the_same(spec: Spec, p: Property, rule: Rule) -> bool:
    """Decide whether a permission speaks of events of the property: no other can break it by the same event."""
    return rule.permits({q.event for q in p.patterns})
