"""Resolved expressions: every name looked up, every type known. Both semantics are defined over these."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from mipcheck.model.syntax import Expression
from mipcheck.model.types import BOOL, Type


@dataclass(frozen=True, slots=True)
class Term:
    """`kind` says what it is:

    const (`value`: 0/1, a number, ns, or the index of an enumeration's member), var, key, param, site (`name`),
    now, this, nobody (the interface that is none), def (`name`, its body in `args`), some, every, or an operator of
    `syntax.Apply`. `set_member` terms are `has`, with the member's index in `value` and the set in `args`.
    """

    kind: str
    type: Type
    name: str = ""
    value: int = 0
    args: tuple[Term, ...] = ()
    source: Expression | None = field(default=None, compare=False, repr=False)

    def walk(self) -> Iterator[Term]:
        """This term and all below it, bodies of definitions included."""
        yield self
        for a in self.args:
            yield from a.walk()

    def names(self, kind: str) -> set[str]:
        return {t.name for t in self.walk() if t.kind == kind}

    def uses(self, kind: str) -> bool:
        return any(t.kind == kind for t in self.walk())


TRUE = Term("const", BOOL, value=1)


def conjunction(terms: tuple[Term, ...]) -> Term:
    if not terms:
        return TRUE
    return terms[0] if len(terms) == 1 else Term("and", BOOL, args=terms)


@dataclass(frozen=True, slots=True)
class EventPattern:
    """Events of one kind that meet a condition on their keys and the state before them."""

    event: str
    condition: Term
    source: str = ""
