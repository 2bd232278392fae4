"""What a map says, as plain data: its stamps, heads, lines with what follows from them, and its samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from mipcheck.checker.maps.patterns import LinePattern
    from mipcheck.checker.maps.stamps import Stamp

# --- values -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Literal:
    """A word that stands in the map."""

    word: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A field of the line, or a variable: `name`, or the entry of `keys` in the table of that name."""

    name: str
    keys: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """What a table of words, or a function that every map has, makes of values, which are put together first."""

    name: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class First:
    """The first of some values that is known."""

    values: tuple[Value, ...]


Value: TypeAlias = Literal | Reference | Call | First


# --- conditions ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Test:
    """A comparison of values: `same`, `known` (of one) or `has` (a word of a list that commas divide)."""

    kind: str
    left: Value
    right: Value = Literal("")


@dataclass(frozen=True, slots=True)
class Not:
    """That a condition does not hold."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Every:
    """That all conditions hold (`every`), or one of them does."""

    conditions: tuple[Condition, ...]
    every: bool


Condition: TypeAlias = Test | Not | Every


# --- statements ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Later:
    """A value that a later line may tell: that of `reference`, as soon as there is one; until then `otherwise`."""

    reference: Reference
    otherwise: Value | None = None


@dataclass(frozen=True, slots=True)
class Emit:
    """An event of `kind` on an interface. `changed` leaves it out where it is as the last of its kind there, `once`
    where it was told less than so many ns ago."""

    interface: Value
    kind: str
    pairs: tuple[tuple[str, Value | Later], ...]
    changed: bool = False
    once: int | None = None


@dataclass(frozen=True, slots=True)
class VariableChange:
    """A change of a variable: `set`, `forget`, `count`, or `add` and `remove` of what a set holds."""

    kind: str
    reference: Reference
    value: Value = Literal("")


@dataclass(frozen=True, slots=True)
class If:
    """What follows where a condition holds, and what follows where it does not."""

    condition: Condition
    then: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]


Statement: TypeAlias = Emit | VariableChange | If


# --- the map ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before the message of a line; `time` names the field that is a better time than the stamp. Where
    it is `stamped`, another stamp follows it, which is the better one."""

    pattern: LinePattern
    time: str | None = None
    stamped: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """Messages, in any of the spellings, and what follows from one; nothing follows from one that is ignored. It may be
    `borrowed` from a map that is used."""

    patterns: tuple[LinePattern, ...]
    body: tuple[Statement, ...] = ()
    ignored: bool = False
    borrowed: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """Raw lines, and the events due; it is a test of its map. `line` is where it begins."""

    name: str
    line: int
    settings: Mapping[str, str]
    raw: tuple[str, ...]
    due: tuple[str, ...]


@dataclass(frozen=True)
class Map:
    """A map as read. `given` are words that a user may give, with what they mean. `record` is how records of several
    lines go on: by lines that are `indented`, by those that are `stampless`, or not at all. `resolution` is in ns."""

    name: str
    title: str
    file: str
    sees: tuple[str, ...] | None = None
    role: str | None = None
    resolution: int | None = None
    programs: frozenset[str] = frozenset()
    units: tuple[str, ...] = ()
    """Patterns of the units of systemd in which its programs run, besides those that are called like one."""
    stamps: tuple[Stamp, ...] = ()
    record: str = ""
    heads: tuple[Head, ...] = ()
    given: Mapping[str, str] = field(default_factory=dict)
    advice: str = ""
    drop: tuple[str, ...] = ()
    tables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    lines: tuple[Line, ...] = ()
    samples: tuple[Sample, ...] = ()
    parts: tuple[Map, ...] = ()
    """The maps of which it is joined, each for its own programs in one listing; it has no lines of its own then."""

    @property
    def files(self) -> tuple[str, ...]:
        """The files in which it stands."""
        return tuple(part.file for part in self.parts) or (self.file,)
