"""Specialise a specification: what is fixed (capabilities, readings, which parameters are given) is written in.

A proof is about one choice of these. Conditions that the choice makes true or false take with them the state that only
they read, and a transition system is the smaller for it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from mipcheck.model.specification.claimed import Assumption, Claim, Independent, Invariant, Permitted, Whenever
from mipcheck.model.specification.spec import Allow, Body, Change, Configure, Require, Rule, Spec, Update
from mipcheck.model.specification.term import FALSE, TRUE, EventPattern, Term
from mipcheck.model.values.types import BOOL


class Folding:
    """A choice: parameters by name (those that are ambiguities), capabilities, parameters that the site gives."""

    def __init__(
        self, readings: Mapping[str, int], capabilities: Collection[str] = (), given: Collection[str] = ()
    ) -> None:
        self._readings, self._capabilities, self._given = readings, capabilities, given

    def spec(self, spec: Spec) -> Spec:
        """Return `spec` with the choice written into its updates, rules, assumptions and properties."""
        updates = tuple(u for u in map(self._update, spec.updates) if u.patterns)
        return replace(
            spec,
            updates=updates,
            assumptions={n: self._assumption(a) for n, a in spec.assumptions.items()},
            rules={n: self._rule(r) for n, r in spec.rules.items()},
            properties={n: replace(p, claim=self._claim(p.claim)) for n, p in spec.properties.items()},
        )

    def is_idle(self, rule: Rule) -> bool:
        """Decide whether the choice leaves a rule nothing to speak of."""
        match self._body(rule.body):
            case Allow(patterns):
                return not patterns
            case Require(_, _, _, condition):
                return condition == FALSE
            case _:
                return False

    def term(self, t: Term) -> Term:
        """Return a term of the same meaning under the choice, and no larger."""
        match t.kind:
            case "param" if t.name in self._readings:
                return Term("const", t.type, value=self._readings[t.name], source=t.source)
            case "capable":
                return TRUE if t.name in self._capabilities else FALSE
            case "given":
                return TRUE if t.name in self._given else FALSE
        args = tuple(map(self.term, t.args))
        match t.kind:
            case "and" | "or":
                return _joined(t, args)
            case "implies":
                return _joined(Term("or", BOOL, source=t.source), (_denied(args[0]), args[1]))
            case "not":
                return _denied(args[0])
            case "def" | "seen" if _is_constant(args[0]):
                return args[0]
            case "=" | "!=" if all(a.kind == "const" for a in args):
                return TRUE if (args[0].value == args[1].value) == (t.kind == "=") else FALSE
        return t if args == t.args else replace(t, args=args)

    def _patterns(self, patterns: tuple[EventPattern, ...]) -> tuple[EventPattern, ...]:
        folded = (replace(p, condition=self.term(p.condition)) for p in patterns)
        return tuple(p for p in folded if p.condition != FALSE)

    def _spoken_of(self, patterns: tuple[EventPattern, ...]) -> tuple[EventPattern, ...]:
        """Return patterns of a claim; where none can match, all stay: without any it would be about every state."""
        return self._patterns(patterns) or tuple(replace(p, condition=FALSE) for p in patterns)

    def _update(self, u: Update) -> Update:
        return Update(self._patterns(u.patterns), self._values(u.assignments), tuple(map(self._change, u.changes)))

    def _values(self, values: tuple[tuple[str, Term], ...]) -> tuple[tuple[str, Term], ...]:
        return tuple((name, self.term(value)) for name, value in values)

    def _change(self, c: Change) -> Change:
        return replace(c, keys=tuple(map(self.term, c.keys)), values=self._values(c.values))

    def _assumption(self, a: Assumption) -> Assumption:
        return replace(a, patterns=self._patterns(a.patterns), condition=self.term(a.condition))

    def _rule(self, r: Rule) -> Rule:
        return replace(r, body=self._body(r.body))

    def _body(self, body: Body) -> Body:
        match body:
            case Allow(patterns, condition, unclear, kept):
                doubt = None if unclear is None else self.term(unclear)
                doubt = None if doubt == FALSE else doubt
                return Allow(self._patterns(patterns), self.term(condition), doubt, self._patterns(kept))
            case Require():
                patterns, within = self._patterns(body.patterns), self.term(body.within)
                return replace(body, patterns=patterns, within=within, condition=self.term(body.condition))
            case Configure(condition):
                return Configure(self.term(condition))

    def _claim(self, claim: Claim) -> Claim:
        match claim:
            case Invariant(condition):
                return Invariant(self.term(condition))
            case Whenever(patterns, condition):
                return Whenever(self._spoken_of(patterns), self.term(condition))
            case Permitted(patterns):
                return Permitted(self._spoken_of(patterns))
            case Independent(variables, allowed):
                return Independent(variables, self._spoken_of(allowed))
            case _:
                return claim


def _is_constant(t: Term) -> bool:
    return t in (TRUE, FALSE)


def _denied(t: Term) -> Term:
    if _is_constant(t):
        return FALSE if t == TRUE else TRUE
    return Term("not", BOOL, args=(t,))


def _joined(t: Term, args: tuple[Term, ...]) -> Term:
    """Return a conjunction or disjunction without the parts that decide nothing, or the part that decides it."""
    deciding, idle = (FALSE, TRUE) if t.kind == "and" else (TRUE, FALSE)
    if deciding in args:
        return deciding
    left = tuple(a for a in args if a != idle)
    if len(left) < 2:
        return left[0] if left else idle
    return replace(t, args=left)
