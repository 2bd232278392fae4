"""Traces that show what a declaration is good for: that a property notices when a rule is dropped, that an assumption
is relied on. What certificates have to show is looked at first; all else is the shortest of its kind, found by the
prover, and stored nowhere."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

import z3
from mipcheck.model.prover.certificate import HAPPENS, Certificate
from mipcheck.model.prover.certified import certified
from mipcheck.model.prover.claims import Refutations, matching, violated
from mipcheck.model.prover.examples import Examples, named
from mipcheck.model.prover.needed import Needed, Needs
from mipcheck.model.prover.prove import relying
from mipcheck.model.prover.scripts import Script
from mipcheck.model.prover.search import Search, time_unit
from mipcheck.model.prover.setting import Setting
from mipcheck.model.prover.spacer import Z
from mipcheck.model.prover.symbolic import Action, Keys, SymbolicState
from mipcheck.model.prover.unrolling import Unrolling
from mipcheck.model.prover.witness import Witness
from mipcheck.model.specification.claimed import Assumption, Consistent, Independent, Invariant, Property, Whenever
from mipcheck.model.specification.spec import Configure, Rule, Spec

Known = Callable[[str], Certificate | None]
"""What finds the certificate of a property, None where there is none."""

DEPTH = 8
"""Events of a trace, silent ones included, up to which one is searched for."""


class Searches:
    """Searches for one setting, which share an unrolling.

    None is found where there is none that is short enough, or the setting's time limit is up: that proves nothing.
    """

    def __init__(self, setting: Setting, examples: Examples | None = None, known: Known = lambda _: None) -> None:
        """Search for `setting`; `examples` are its own, where there are some already.

        What is `known` of properties is followed and checked again, and spares a search where it shows what is sought.
        """
        self.setting = setting
        self._known = known
        self._needed: dict[str, Needs | None] = {}
        self._examples = Examples(setting) if examples is None else examples
        self._made: list[tuple[Setting, Search]] = []
        self._wrong = setting.misconfigured

    def telling(self, rule: str) -> Searches:
        """Return these searches, or those for a setting that gives the parameters without which a rule says nothing."""
        examples = self._examples.telling(rule)
        return self if examples is self._examples else Searches(examples.setting, examples, self._known)

    def of_rule(self, rule: str, broken: bool) -> Witness | None:
        """Find a trace that exercises the rule and keeps all, or one that breaks it (`broken`) and keeps all others."""
        name = named(rule, broken)
        for p in self.setting.spec.properties.values():
            script = self._script(p, name) if isinstance(p.claim, Consistent) else None
            if script is not None and (trace := self._examples.shown(rule, broken, script)) is not None:
                return trace
        return self._examples.find(rule, broken, pretty=False)

    def noticed(self, p: Property, rule: str) -> Witness | None:
        """Find a trace that breaks just this rule, and with it the property: without the rule it is false.

        None where the property is proved without the rule.
        """
        if isinstance(p.claim, Independent):
            searches, free = Refutations(self.setting, p), frozenset({rule})
            script = self._script(p, rule)
            trace = None if script is None else searches.shown(script, free)
            return searches.find(free, breaking=rule) if trace is None or rule not in trace.broken else trace
        if not isinstance(p.claim, Whenever | Invariant) or isinstance(self.setting.rules[rule].body, Configure):
            return None
        if (needs := self._needs(p)) is not None:
            mine = next((r for r in needs.proof.rules if r.id == rule), None)
            need = None if mine is None else needs.of(mine)
            if not isinstance(need, Needed):
                return None
            if rule in need.trace.broken:
                return need.trace
        return self._find(
            lambda own, run, k: z3.And(run.breaks(rule, k), violated(run, k, own.of_property(p))),
            frozenset({rule}),
            rule,
        )

    def arises(self, p: Property) -> Witness | None:
        """Find a trace on which what the property speaks of happens, with all rules kept."""
        if (script := self._script(p, HAPPENS)) is not None:
            trace = self._examples.arises(p, script)
            if trace is not None and not trace.broken - self._wrong:
                return trace
        return self._find(lambda own, run, k: matching(run, k, own.of_property(p)), frozenset())

    def relied_on(self, a: Assumption, p: Property) -> Witness | None:
        """Find a trace that keeps all rules and breaks the property, once the assumption is dropped."""
        if (needs := self._needs(p)) is not None and a.id not in needs.assumes:
            return None
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

    def _script(self, p: Property, name: str) -> Script | None:
        """Return a script of what is known of a property, by its name there."""
        certificate = self._known(p.name)
        return None if certificate is None else certificate.scripts.get(name)

    def _needs(self, p: Property) -> Needs | None:
        """Return what a proof of the property needs that is known and passes its re-check; None if there is none."""
        if p.name not in self._needed:
            certificate, setting = self._known(p.name), relying(self.setting, p)
            proof = None if certificate is None else certified(setting, p, certificate)
            self._needed[p.name] = None if proof is None else Needs(setting, p, proof, certificate)
        return self._needed[p.name]

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
