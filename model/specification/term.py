"""Resolved expressions: every name looked up, every type known. Both semantics are defined over these."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from mipcheck.model.language.expression import Expression, Operator, Quantifier
from mipcheck.model.values.types import BOOL, Type

TermKind = (
    Literal["const", "var", "key", "param", "site", "now", "this", "nobody", "def", "in"]
    | Literal["entry", "bound", "some_entry", "every_entry", "if"]
    | Quantifier
    | Operator
)
"""The kinds of `Term`, which says of each what it holds."""


STATE: Final = ("var", "entry", "some_entry", "every_entry")
"""Kinds of terms that read state; up to its first point, the name of one is that of a variable or a table."""


@dataclass(frozen=True, slots=True)
class Term:
    """An expression of type `type`, with what `kind` says it is:

    const (`value`: 0/1, a number, ns, or the index of an enumeration's member), var, key, param, site, capable
    (`name`), now, this, nobody (the interface that is none), def (`name`, its body in `args`), some, every, or
    another operator. `has` holds the member's index in `value` and the set in `args`; `in` a value and the set;
    `/` the divisor in `value`, a whole number above 0.

    Of tables: entry (a column, `pending` for whether the entry is there or `pending.coa` for a field; the key's parts
    in `args`), some_entry, every_entry (`name` is the table; the body in `args`, then what it binds) and, in their
    bodies, bound: a part of the key that they are at, whose name says how deep its quantifier is nested. Proofs have
    instead of them if (a condition, what holds then, what else).
    """

    kind: TermKind
    type: Type
    name: str = ""
    value: int = 0
    args: tuple[Term, ...] = ()
    source: Expression | None = field(default=None, compare=False, repr=False)

    def walk(self) -> Iterator[Term]:
        """Yield this term and all below it, bodies of definitions included."""
        below = [self]
        while below:  # no generator for each level: whoever reads a machine's source walks a million terms
            term = below.pop()
            yield term
            below += term.args[::-1]

    def names(self, kind: TermKind) -> set[str]:
        """Return the names of all terms of that kind, this one and those below."""
        return {t.name for t in self.walk() if t.kind == kind}

    def reads(self) -> set[str]:
        """Return the names of the variables that it reads, and of the tables that it looks into."""
        return {t.name.partition(".")[0] for t in self.walk() if t.kind in STATE}

    def uses(self, *kinds: TermKind) -> bool:
        """Decide whether this term, or one below it, is of one of these kinds."""
        return any(t.kind in kinds for t in self.walk())

    def factors(self) -> set[str]:
        """Return the parameters that multiply something that is no constant."""
        found: set[str] = set()
        for t in self.walk():
            if t.kind == "*" and all(a.uses("param", "var", "key", "now", "entry", "bound") for a in t.args):
                numbers = [a for a in t.args if a.type.name == "int" and a.uses("param")] or t.args
                found |= {n for a in numbers for n in a.names("param")}
        return found

    def conjuncts(self) -> Iterator[Term]:
        """Yield the terms that all have to hold for this one to hold."""
        if self.kind == "and" or self.kind == "def":
            for each in self.args:
                yield from each.conjuncts()
        else:
            yield self


TRUE: Final = Term("const", BOOL, value=1)
FALSE: Final = Term("const", BOOL, value=0)


def conjunction(terms: tuple[Term, ...]) -> Term:
    """Return that all terms hold, none of which means true."""
    if not terms:
        return TRUE
    return terms[0] if len(terms) == 1 else Term("and", BOOL, args=terms)


COMPARISONS: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
FLIPPED: Final = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""Comparisons by those that say the same with the sides exchanged."""
DENIED: Final = {"=": "!=", "!=": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
"""Comparisons by those that say the contrary."""


@dataclass(slots=True)
class _Range:
    """The range that several conditions leave for a value: bounds (value, whether it is excluded, why) and holes."""

    low: tuple[int, bool, Term] | None = None
    high: tuple[int, bool, Term] | None = None
    holes: dict[int, Term] = field(default_factory=dict)

    def narrow(self, op: str, value: int, why: Term) -> tuple[Term, Term] | None:
        """Take one more condition into account; return two that cannot both hold, if nothing is left."""
        bound = value, op in ("<", ">"), why
        if op in ("=", ">", ">=") and (self.low is None or bound[:2] > self.low[:2]):
            self.low = bound
        if op in ("=", "<", "<=") and (self.high is None or (-value, bound[1]) > (-self.high[0], self.high[1])):
            self.high = bound
        if op == "!=":
            self.holes[value] = why
        if self.low is None or self.high is None:
            return None
        if self.low[0] > self.high[0] or (self.low[0] == self.high[0] and (self.low[1] or self.high[1])):
            return self.low[2], self.high[2]
        if self.low[0] == self.high[0] and self.low[0] in self.holes:
            return self.low[2], self.holes[self.low[0]]
        return None


def contradiction(terms: tuple[Term, ...]) -> tuple[Term, Term] | None:
    """Return two conditions, one of which denies the other; None where comparing with constants finds none."""
    ranges: dict[Term, _Range] = {}
    for fact in facts(terms):
        denied, t = fact.kind == "not", fact.args[0] if fact.kind == "not" else fact
        subject, op, value = t, "=", 1
        if t.kind in FLIPPED:
            left, right = t.args
            flipped = left.kind == "const"
            if flipped == (right.kind == "const"):
                continue
            subject, op = (right, FLIPPED[t.kind]) if flipped else (left, t.kind)
            value = (left if flipped else right).value
        elif t.kind not in ("var", "key", "param", "has", "entry"):
            continue
        clash = ranges.setdefault(subject, _Range()).narrow(DENIED[op] if denied else op, value, fact)
        if clash:
            return clash
        if denied and t is subject and (clash := ranges[subject].narrow("=", 0, fact)):
            return clash
    return None


def facts(terms: tuple[Term, ...]) -> Iterator[Term]:
    """Yield the conditions that have to hold for all terms to hold."""
    for t in terms:
        if t.kind in ("and", "def"):
            yield from facts(t.args)
        else:
            yield t


@dataclass(frozen=True, slots=True)
class EventPattern:
    """Events of one kind that meet a condition on their keys and the state before them."""

    event: str
    condition: Term
    source: str = ""
