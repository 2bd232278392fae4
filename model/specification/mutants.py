"""Small changes to a specification, each of which ought to be noticed by something: a condition, an update, a rule.

They are made on resolved terms, one at a time, in the order of declaration. A mutant may mean the same as the original.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Final

from mipcheck.model.language.show import show_expression
from mipcheck.model.specification.claimed import Assumption
from mipcheck.model.specification.fold import Folding
from mipcheck.model.specification.spec import Allow, Change, Configure, Require, Rule, Spec, Update
from mipcheck.model.specification.term import TRUE, EventPattern, Term
from mipcheck.model.values.types import BOOL, TIME

_LOOSE: Final = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
_OPPOSITE: Final = {"=": "!=", "!=": "=", "and": "or", "or": "and", "some": "every", "every": "some", "max": "min",
                    "min": "max", "+": "-", "-": "+"}  # fmt: skip
_SECOND: Final = 10**9


@dataclass(frozen=True, slots=True)
class Mutant:
    """A changed specification of all roles: `id` tells it from others, `where` is what was changed, `what` how.

    `role` is the role whose specification was changed, `rules` are those that the change is part of.
    """

    id: str
    role: str
    where: str
    what: str
    spec: Spec
    rules: tuple[str, ...] = ()

    @property
    def machine(self) -> Spec:
        """The changed specification of the role."""
        return self.spec.for_role(self.role)


def mutants(spec: Spec, *bases: Spec) -> Iterator[Mutant]:
    """Yield all mutants of a specification, those of the mobile node first.

    Of one that extends `bases` only what it declares itself is changed.
    """
    for machine in spec.machines():
        known = [m for base in bases for m in base.machines() if m.role == machine.role]
        numbers: dict[str, Iterator[int]] = {}
        for where, what, changed, rules in _Changes(machine, known).all():
            number = next(numbers.setdefault(where, count(1)))
            tag = "" if machine.role == spec.role else f"{machine.role}:"
            yield Mutant(f"{tag}{where.replace(' ', '-')}.{number}", machine.role, where, what,
                         _of_all_roles(spec, changed), rules)  # fmt: skip


def _of_all_roles(spec: Spec, machine: Spec) -> Spec:
    """Return the specification with another one for a role."""
    if machine.role == spec.role:
        return machine
    return replace(spec, roles={**spec.roles, machine.role: machine})


_Change = tuple[str, str, Spec, tuple[str, ...]]


class _Changes:
    """All changes to the specification of one role, as where, what, the changed one, and rules that are changed."""

    def __init__(self, spec: Spec, bases: Sequence[Spec]) -> None:
        self.spec, self.bases = spec, bases

    def all(self) -> Iterator[_Change]:
        """Yield rules, definitions, updates, assumptions and initial values, changed."""
        yield from self._rules()
        yield from self._definitions()
        yield from self._updates()
        yield from self._assumptions()
        yield from self._initial()

    def _inherited(self, kind: str, name: str, value: object) -> bool:
        """Decide whether a declaration stands in what the specification extends, as it is."""
        return any(getattr(base, kind).get(name) == value for base in self.bases)

    def _taken_over(self, a: Assumption) -> list[Assumption]:
        """Return what the specification extends has for an assumption."""
        return [base.assumptions[a.id] for base in self.bases if a.id in base.assumptions]

    def _rules(self) -> Iterator[_Change]:
        for rule in self.spec.rules.values():
            if any(rule.id in base.rules and base.rules[rule.id].body == rule.body for base in self.bases):
                continue
            where = f"rule {rule.id}"
            others = {n: r for n, r in self.spec.rules.items() if n != rule.id}
            yield where, "the rule is left out", replace(self.spec, rules=others), (rule.id,)
            for body, what in _bodies(rule):
                rules = {**self.spec.rules, rule.id: replace(rule, body=body)}
                yield where, what, replace(self.spec, rules=rules), (rule.id,)

    def _definitions(self) -> Iterator[_Change]:
        for name, term in self.spec.definitions.items():
            if self._inherited("definitions", name, term):
                continue
            for changed, what in changes(term.args[0] if term.kind == "def" else term):
                spec = replace(_Redefined(name, changed).spec(self.spec),
                               definitions={**self.spec.definitions, name: replace(term, args=(changed,))
                                            if term.kind == "def" else changed})  # fmt: skip
                yield f"define {name}", what, spec, ()

    def _updates(self) -> Iterator[_Change]:
        inherited = [u for base in self.bases for u in base.updates]
        for n, update in enumerate(self.spec.updates):
            if update in inherited:
                continue
            events = "+".join(dict.fromkeys(p.event for p in update.patterns))
            for changed, what in _update(update, self.spec):
                updates = list(self.spec.updates)
                updates[n : n + 1] = [] if changed is None else [changed]
                yield f"on {events}", what, replace(self.spec, updates=tuple(updates)), ()

    def _assumptions(self) -> Iterator[_Change]:
        for a in self.spec.assumptions.values():
            # Where a document of its own is cited, citations taken over name theirs: that is no change.
            if any((b.patterns, b.condition) == (a.patterns, a.condition) for b in self._taken_over(a)):
                continue
            others = {n: x for n, x in self.spec.assumptions.items() if n != a.id}
            yield f"assumption {a.id}", "the assumption is left out", replace(self.spec, assumptions=others), ()
            for changed, what in _assumption(a):
                assumptions = {**self.spec.assumptions, a.id: changed}
                yield f"assumption {a.id}", what, replace(self.spec, assumptions=assumptions), ()

    def _initial(self) -> Iterator[_Change]:
        for v in self.spec.variables.values():
            if v.initial is None or self._inherited("variables", v.name, v):
                continue
            for changed, what in changes(v.initial):
                variables = {**self.spec.variables, v.name: replace(v, initial=changed)}
                yield f"initial {v.name}", what, replace(self.spec, variables=variables), ()


class _Redefined(Folding):
    """Writes another body for a definition wherever it is used."""

    def __init__(self, name: str, body: Term) -> None:
        super().__init__({})
        self._name, self._new = name, body

    def term(self, t: Term) -> Term:
        """Return a term with the other body."""
        if t.kind == "def" and t.name == self._name:
            return replace(t, args=(self._new,))
        args = tuple(map(self.term, t.args))
        return t if args == t.args else replace(t, args=args)


# --- parts of declarations --------------------------------------------------------------------------------------------


def _bodies(rule: Rule) -> Iterator[tuple[Allow | Require | Configure, str]]:
    body = rule.body
    for condition, what in changes(body.condition):
        yield replace(body, condition=condition), what
    if isinstance(body, Configure):
        return
    for patterns, what in _patterns(body.patterns):
        yield replace(body, patterns=patterns), what
    if isinstance(body, Require):
        for within, what in changes(body.within):
            yield replace(body, within=within), f"within: {what}"
        return
    if body.unclear is not None:
        yield replace(body, unclear=None), "nothing is unclear"
        for unclear, what in changes(body.unclear):
            yield replace(body, unclear=unclear), f"unclear: {what}"
    if body.kept:
        yield replace(body, kept=()), "nothing shows that it is kept"


def _patterns(patterns: tuple[EventPattern, ...]) -> Iterator[tuple[tuple[EventPattern, ...], str]]:
    for n, p in enumerate(patterns):
        if len(patterns) > 1:
            yield patterns[:n] + patterns[n + 1 :], f"{p.event} is left out"
        for condition, what in changes(p.condition):
            yield (*patterns[:n], replace(p, condition=condition), *patterns[n + 1 :]), f"{p.event}: {what}"


def _update(update: Update, spec: Spec) -> Iterator[tuple[Update | None, str]]:
    for n, (name, value) in enumerate(update.assignments):
        others = update.assignments[:n] + update.assignments[n + 1 :]
        reset = "is not reset" if value.kind == "const" else "is not assigned"
        name = spec.variables[name].written
        yield (replace(update, assignments=others) if others or update.changes else None), f"{name} {reset}"
        for changed, what in changes(value):
            assignments = (*update.assignments[:n], (update.assignments[n][0], changed), *update.assignments[n + 1 :])
            yield replace(update, assignments=assignments), f"{name}: {what}"
    for n, change in enumerate(update.changes):
        rest = (*update.changes[:n], *update.changes[n + 1 :])
        done = f"{change.kind} of {change.table} is left out"
        yield (replace(update, changes=rest) if rest or update.assignments else None), done
        for altered, what in _change(change):
            yield replace(update, changes=(*update.changes[:n], altered, *update.changes[n + 1 :])), what
    for patterns, what in _patterns(update.patterns):
        yield replace(update, patterns=patterns), what


def _change(change: Change) -> Iterator[tuple[Change, str]]:
    for n, (name, value) in enumerate(change.values):
        if value == TRUE and name == change.table:  # that the entry is there
            continue
        for changed, what in changes(value):
            yield (
                replace(change, values=(*change.values[:n], (name, changed), *change.values[n + 1 :])),
                f"{name}: {what}",
            )


def _assumption(a: Assumption) -> Iterator[tuple[Assumption, str]]:
    for condition, what in changes(a.condition):
        yield replace(a, condition=condition), what
    for patterns, what in _patterns(a.patterns):
        yield replace(a, patterns=patterns), what


# --- terms ------------------------------------------------------------------------------------------------------------


def changes(term: Term) -> Iterator[tuple[Term, str]]:
    """Yield terms that differ from this one in one place, each with what was done to it. Bodies of definitions, which
    are changed on their own, stay."""
    for place, t in _places(term, ()):
        for changed, what in _here(t):
            yield _put(term, place, changed), what


def _places(t: Term, place: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Term]]:
    yield place, t
    if t.kind != "def":
        for n, a in enumerate(t.args):
            yield from _places(a, (*place, n))


def _put(term: Term, place: Sequence[int], changed: Term) -> Term:
    if not place:
        return changed
    args = list(term.args)
    args[place[0]] = _put(args[place[0]], place[1:], changed)
    return replace(term, args=tuple(args))


def _here(t: Term) -> Iterator[tuple[Term, str]]:
    """Yield what may be done to a term itself."""
    if t.kind in ("and", "or"):
        for n, part in enumerate(t.args):
            left = t.args[:n] + t.args[n + 1 :]
            yield (left[0] if len(left) == 1 else replace(t, args=left)), f"without {_said(part)}"
    if t.kind == "not":
        yield t.args[0], f"without the not of {_said(t)}"
    elif t.kind == "implies":
        yield t.args[1], f"{_said(t)} whether {_said(t.args[0])} or not"
    elif t.type == BOOL and t.kind in ("var", "key", "has", "in", "def", "entry", "capable", "given"):
        yield Term("not", BOOL, args=(t,)), f"not {_said(t)}"
    if t.kind in _LOOSE:
        yield _kind(t, _LOOSE[t.kind]), f"{_LOOSE[t.kind]} in {_said(t)}"
    if t.kind in _OPPOSITE:
        yield _kind(t, _OPPOSITE[t.kind]), f"{_OPPOSITE[t.kind]} in {_said(t)}"
    if t.kind == "const":
        yield from _constant(t)
    if t.kind == "param" and t.type == TIME:
        yield Term("+", TIME, args=(t, Term("const", TIME, value=_SECOND))), f"{t.name} + 1 s"


def _kind(t: Term, kind: Any) -> Term:
    return replace(t, kind=kind)


def _constant(t: Term) -> Iterator[tuple[Term, str]]:
    if t.type == BOOL:
        yield replace(t, value=1 - t.value), "true" if not t.value else "false"
    elif t.type.members and not t.type.is_set:
        if len(t.type.members) > 1:
            value = (t.value + 1) % len(t.type.members)
            yield replace(t, value=value), f"{t.type.members[value]} for {t.type.members[t.value]}"
    elif t.type == TIME:
        yield replace(t, value=t.value + _SECOND), f"a second more than {_said(t)}"
    elif t.type.name == "int":
        yield replace(t, value=t.value + 1), f"{t.value + 1} for {t.value}"


def _said(t: Term, most: int = 60) -> str:
    """Return a term as it was written, shortened."""
    text = show_expression(t.source) if t.source is not None else t.name or t.kind
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1]}…"
