"""The part of the syntax tree that says what is remembered, and how events change it."""

from __future__ import annotations

from dataclasses import dataclass

from mipcheck.model.language.expression import Entry, Expression, Pattern, Place, place
from mipcheck.model.language.vocabulary import TypeName


@dataclass(frozen=True, slots=True)
class VariableDecl:
    """A piece of state, as `inside: bool = false "…"`; a time may be without initial value."""

    name: str
    type: TypeName
    initial: Expression | None
    text: str = ""
    at: Place = place()


@dataclass(frozen=True, slots=True)
class StateDecl:
    """`interface { … }` or `node { … }`, after `ghost` where no node can see it, `told` where the trace tells it."""

    scope: str
    ghost: bool
    variables: tuple[VariableDecl, ...]
    told: bool = False
    at: Place = place()


@dataclass(frozen=True, slots=True)
class KeyPart:
    """A part of a table's key, as `id: id`."""

    name: str
    type: TypeName
    at: Place = place()


@dataclass(frozen=True, slots=True)
class TableDecl:
    """`table pending by id: id limit 64 until expires "…" { … }`: entries, as many as there are keys.

    `limit` is None if it is not said; `until` names the field that says when an entry lapses ("" if none does).
    """

    name: str
    keys: tuple[KeyPart, ...]
    ghost: bool
    limit: int | None
    until: str
    text: str
    variables: tuple[VariableDecl, ...]
    at: Place = place()


@dataclass(frozen=True, slots=True)
class Assignment:
    """`inside := true`, in an update."""

    name: str
    value: Expression
    at: Place = place()


@dataclass(frozen=True, slots=True)
class SetEntry:
    """`pending[id] := { authentic := true }`: the entry is there from now on, and what it had before is gone."""

    entry: Entry
    values: tuple[Assignment, ...]
    at: Place = place()


@dataclass(frozen=True, slots=True)
class SetField:
    """`pending[id].answered := true`: of an entry that is there."""

    entry: Entry
    value: Assignment
    at: Place = place()


@dataclass(frozen=True, slots=True)
class RemoveEntry:
    """`remove pending[id]`."""

    entry: Entry
    at: Place = place()


@dataclass(frozen=True, slots=True)
class ClearTable:
    """`clear pending`: no entry is left."""

    table: str
    at: Place = place()


@dataclass(frozen=True, slots=True)
class Forget:
    """`forget timer`: a time that is not assigned any more."""

    name: str
    at: Place = place()


ChangeDecl = SetEntry | SetField | RemoveEntry | ClearTable


@dataclass(frozen=True, slots=True)
class UpdateDecl:
    """`on PATTERN, … { ASSIGNMENT; … }`; `changes` are those of tables, in their order, `forgotten` are times."""

    patterns: tuple[Pattern, ...]
    assignments: tuple[Assignment, ...]
    changes: tuple[ChangeDecl, ...] = ()
    forgotten: tuple[Forget, ...] = ()
    at: Place = place()


@dataclass(frozen=True, slots=True)
class PauseDecl:
    """`pause while asleep since asleep_at ended by PATTERN, … "…"`: state of the node while which no obligation runs,
    its beginning, and what shows that it is over."""

    condition: str
    since: str
    text: str = ""
    at: Place = place()
    ended: tuple[Pattern, ...] = ()


@dataclass(frozen=True, slots=True)
class StageDecl:
    """`stage inside while … "…"`: what an interface is said to be where state is shown to people."""

    name: str
    condition: Expression
    text: str
    at: Place = place()
