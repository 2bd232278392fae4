"""Expressions as they are written, with their places: the part of the syntax tree that a `Spec` still has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal as OneOf

Operator = OneOf[
    "and", "or", "not", "seen", "implies", "=", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "minus", "max", "min",
    "has", "capable", "given", "assigned",
]  # fmt: skip
"""Operators of a term. `has` asks a set for a member, `capable` a node for a capability."""

Quantifier = OneOf["some", "every"]


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column of a specification, both counted from 1."""

    line: int = 0
    column: int = 0


def place() -> Place:
    """Return the field of a tree that says where it stands; it takes no part in comparison."""
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
    """The name of a key, a piece of state, a parameter or a definition; or a word such as `iha`."""

    name: str
    at: Place = place()


@dataclass(frozen=True, slots=True)
class SiteName:
    """An address of the site: `site.iha`."""

    name: str
    at: Place = place()


@dataclass(frozen=True, slots=True)
class Literal:
    """A whole number, a boolean, a duration in ns or an IPv4 address (`kind` int, bool, time, address)."""

    kind: OneOf["int", "bool", "time", "address"]
    value: int
    at: Place = place()


@dataclass(frozen=True, slots=True)
class Word:
    """`now` or `this`."""

    word: OneOf["now", "this"]
    at: Place = place()


@dataclass(frozen=True, slots=True)
class Apply:
    """An operator and its arguments. That of `assigned` names a time.

    Of `has`, the second is a set, or names a table, and the first the key of an entry. Of `uses`, the first argument is
    an access mode, the second names a layer, and a third the kind of its care-of address. It is no operator of a term:
    the modes that have the layer are written out.
    """

    op: Operator | OneOf["uses"]
    args: tuple[Expression, ...]
    at: Place = place()


@dataclass(frozen=True, slots=True)
class Quantified:
    """`some` or `every` interface."""

    quantifier: Quantifier
    body: Expression
    at: Place = place()


@dataclass(frozen=True, slots=True)
class Entry:
    """The entry of a table that has a key, of one part or several: `pending[id]`."""

    table: str
    keys: tuple[Expression, ...]
    at: Place = place()


@dataclass(frozen=True, slots=True)
class Held:
    """Whether a table has an entry: `(agent, id) in pending`. With a key of one part, `has` asks for it."""

    entry: Entry
    at: Place = place()


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an entry: `pending[id].coa`."""

    entry: Entry
    field: str
    at: Place = place()


@dataclass(frozen=True, slots=True)
class QuantifiedEntry:
    """`some` or `every` entry of a table: `some k in binding: …`, with a name for each part of its key."""

    quantifier: Quantifier
    names: tuple[str, ...]
    table: str
    body: Expression
    at: Place = place()


Expression = Name | SiteName | Literal | Word | Apply | Quantified | Held | Field | QuantifiedEntry


@dataclass(frozen=True, slots=True)
class Pattern:
    """An event, conditions on its keys in parentheses, and one on the state after `when`."""

    event: str
    conditions: tuple[Expression, ...] = ()
    when: Expression | None = None
    at: Place = place()
