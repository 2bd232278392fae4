"""Expressions as they are written, with their places: of the syntax tree, what a resolved specification still has."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column of a specification, both counted from 1."""

    line: int = 0
    column: int = 0


def place() -> Place:
    """The field of a tree that says where it stands; it takes no part in comparison."""
    return field(default=Place(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Citation:
    """A section of the document, and lines (first, last) of its text file."""

    section: str
    lines: tuple[int, int] | None = None
    document: str = ""
    """Empty for the specification's own document; `resolve` names that of a specification it extends."""


@dataclass(frozen=True, slots=True)
class Name:
    name: str
    at: Place = place()


@dataclass(frozen=True, slots=True)
class SiteName:
    name: str
    at: Place = place()


@dataclass(frozen=True, slots=True)
class Literal:
    """A whole number, a boolean, a duration in ns or an IPv4 address (`kind` int, bool, time, address)."""

    kind: str
    value: int
    at: Place = place()


@dataclass(frozen=True, slots=True)
class Word:
    """`now` or `this`."""

    word: str
    at: Place = place()


@dataclass(frozen=True, slots=True)
class Apply:
    """`op` is one of and or not seen implies = != < <= > >= + - * minus has uses capable given max min.

    Of `uses`, the second argument names a layer, and a third the kind of its care-of address.
    """

    op: str
    args: tuple[Expression, ...]
    at: Place = place()


@dataclass(frozen=True, slots=True)
class Quantified:
    """`some` or `every` interface."""

    quantifier: str
    body: Expression
    at: Place = place()


Expression = Name | SiteName | Literal | Word | Apply | Quantified


@dataclass(frozen=True, slots=True)
class Pattern:
    """An event, conditions on its keys in parentheses, and one on the state after `when`."""

    event: str
    conditions: tuple[Expression, ...] = ()
    when: Expression | None = None
    at: Place = place()
