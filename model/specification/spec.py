"""The resolved specification, names looked up and types checked: the one object that all else reads."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from mipcheck.model.language.catalogue import AnswerDecl, EntityDecl, GuidelineDecl, PointDecl
from mipcheck.model.language.expression import Citation
from mipcheck.model.specification.claimed import Assumption, Property
from mipcheck.model.specification.layers import Access, Layer
from mipcheck.model.specification.parties import Channel, Party
from mipcheck.model.specification.term import FALSE, EventPattern, Term, facts
from mipcheck.model.values.types import BOOL, TIME, Type

MOBILE_NODE: Final = "mn"
"""The role of what stands outside any `role` block."""

FOREIGN_AGENT: Final = "foreign-agent"
KINDS_OF_ADDRESS: Final = ("colocated", FOREIGN_AGENT)
"""Kinds of care-of addresses (RFC 3344, 1.6): the node's own, and the foreign agent's."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of an event."""

    name: str
    type: Type
    optional: bool = False


@dataclass(frozen=True)
class EventType:
    """A kind of event: `sender` is node, network or observer; `seen` is among log, capture (empty: silent).

    `hidden` is a condition on its keys under which a capture may be unable to show it, because something covers it.
    One that begins the node `anew` concerns all of its interfaces where it names none, and those named later begin in
    their initial state.
    """

    name: str
    keys: tuple[Key, ...]
    sender: str
    seen: frozenset[str]
    text: str = ""
    hidden: Term | None = None
    anew: bool = False

    def hides(self, condition: Term) -> bool:
        """Decide whether a capture may be unable to show every event of this kind that meets `condition`."""
        return self.hidden is not None and set(facts((self.hidden,))) <= set(facts((condition,)))

    @cached_property
    def by_name(self) -> Mapping[str, Key]:
        """The keys by name."""
        return {k.name: k for k in self.keys}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter; its `default` may be an expression over others, which `configure` evaluates.

    An ambiguity is a parameter too: `readings` (name, why) are then its values, and `text` the question.
    """

    name: str
    type: Type
    default: Term
    cite: tuple[Citation, ...] = ()
    text: str = ""
    readings: tuple[tuple[str, str], ...] = ()

    @property
    def reading(self) -> str:
        """The reading that an ambiguity has by default."""
        return self.readings[self.default.value][0] if self.readings else ""


@dataclass(frozen=True, slots=True)
class Variable:
    """A piece of state: of the node, or of each interface; `ghost` state is the truth that no node can see.

    What is `told` is about the trace: it has its initial value wherever that begins, and is unknown only after a gap.
    """

    name: str
    type: Type
    scope: str  # "node" or "interface"; "entry" for a field of a table
    ghost: bool
    initial: Term | None
    text: str = ""
    told: bool = False
    tells_of: str = ""
    """The time of which it tells whether that has a value, where it is that: nobody has declared it."""

    @property
    def written(self) -> str:
        """Its name, as whoever writes a specification calls it."""
        return f"assigned({self.tells_of})" if self.tells_of else self.name

    @property
    def begins_with_evidence(self) -> bool:
        """Whether it is since when the trace tells of an interface, without a gap, until an update sets it: a told time
        without an initial value."""
        return self.told and self.scope == "interface" and self.type == TIME and self.initial is None


LIMIT: Final = 64
"""Entries of a table for one node, unless the table says another number."""


@dataclass(frozen=True)
class Table:
    """Entries by key, of one node; `keys` are the parts of a key, by name. An entry that is not there has the initial
    values of its fields.

    Columns are what an entry is made of: the name of the table for whether it is there, `pending.coa` for a field. Of
    more than `limit` entries the oldest is forgotten. An entry is gone after the time in its field `until` ("" if it
    has none).
    """

    name: str
    keys: tuple[tuple[str, Type], ...]
    fields: tuple[Variable, ...]
    ghost: bool = False
    limit: int = LIMIT
    until: str = ""
    text: str = ""

    @cached_property
    def columns(self) -> Mapping[str, Variable]:
        """All columns by name, first whether the entry is there."""
        there = Variable(self.name, BOOL, "entry", self.ghost, FALSE, self.text)
        return {self.name: there} | {f"{self.name}.{v.name}": v for v in self.fields}

    @property
    def lapses(self) -> str:
        """The column that says when an entry is gone, "" if none does."""
        return f"{self.name}.{self.until}" if self.until else ""


@dataclass(frozen=True, slots=True)
class Change:
    """What an update does to a table: set (an entry; `values` of all columns), field (one column of an entry that is
    there), remove (an entry) or clear (`keys` are empty)."""

    kind: str
    table: str
    keys: tuple[Term, ...] = ()
    values: tuple[tuple[str, Term], ...] = ()

    def terms(self) -> Iterator[Term]:
        """Yield the parts of its key, and the values."""
        yield from self.keys
        yield from (value for _, value in self.values)


@dataclass(frozen=True, slots=True)
class Update:
    """On an event that matches any of `patterns`: all assignments at once, right-hand sides in the state before.

    Then `changes` of tables, in their order; their keys and values, too, are those of the state before.
    """

    patterns: tuple[EventPattern, ...]
    assignments: tuple[tuple[str, Term], ...]
    changes: tuple[Change, ...] = ()

    def terms(self) -> Iterator[Term]:
        """Yield the conditions of its patterns, and the values that it assigns."""
        yield from (p.condition for p in self.patterns)
        yield from (value for _, value in self.assignments)
        for change in self.changes:
            yield from change.terms()

    def values(self, tables: Mapping[str, Table]) -> Iterator[tuple[str, tuple[Term, ...], Term]]:
        """Yield what it gives variables and columns of tables: a name, the key of the entry, the value.

        Variables have no key, nor has a table that is cleared. Columns without an initial value are left out where an
        entry is removed.
        """
        yield from ((name, (), value) for name, value in self.assignments)
        for change in self.changes:
            if change.kind in ("set", "field"):
                yield from ((name, change.keys, value) for name, value in change.values)
            else:
                columns = tables[change.table].columns.items()
                yield from ((n, change.keys, v.initial) for n, v in columns if v.initial is not None)

    def writes(self) -> Iterator[str]:
        """Yield the names of the variables that it assigns, and of the tables that it changes."""
        yield from (name for name, _ in self.assignments)
        yield from (change.table for change in self.changes)


@dataclass(frozen=True, slots=True)
class Allow:
    """Permission: an event that matches happens only where `condition` holds (in the state before it).

    Where it does not and `unclear` holds, evidence cannot tell whether the rule is broken. An event of another kind
    that is among `kept` shows that something was left undone: evidence that the rule is kept, and it breaks nothing.
    """

    patterns: tuple[EventPattern, ...]
    condition: Term
    unclear: Term | None = None
    kept: tuple[EventPattern, ...] = ()

    def terms(self) -> Iterator[Term]:
        """Yield its condition, when it is unclear, and the conditions of its patterns."""
        yield self.condition
        if self.unclear is not None:
            yield self.unclear
        yield from (p.condition for p in (*self.patterns, *self.kept))


@dataclass(frozen=True, slots=True)
class Require:
    """Obligation: while `condition` holds, an event that matches follows within `within` ns of time `anchor`.

    It is owed by whom the anchor belongs to: each interface by itself, or the node, on whichever of them.
    """

    patterns: tuple[EventPattern, ...]
    within: Term
    anchor: str
    condition: Term

    def terms(self) -> Iterator[Term]:
        """Yield its condition, its time limit, and the conditions of its patterns."""
        yield self.condition
        yield self.within
        yield from (p.condition for p in self.patterns)


@dataclass(frozen=True, slots=True)
class Configure:
    """A demand on the site and the parameters alone: it has no patterns, because no event can break or meet it."""

    condition: Term

    @property
    def patterns(self) -> tuple[EventPattern, ...]:
        """None; other bodies have some."""
        return ()

    def terms(self) -> Iterator[Term]:
        """Yield its condition."""
        yield self.condition


Body = Allow | Require | Configure


@dataclass(frozen=True, slots=True)
class Reading:
    """One way of reading an ambiguous sentence; `text` says why."""

    name: str
    text: str
    body: Body


@dataclass(frozen=True, slots=True)
class Rule:
    """A requirement. `body` is that of the reading chosen; `reading` names it where there are several."""

    id: str
    level: str
    cite: tuple[Citation, ...]
    text: str
    body: Body
    reading: str | None = None
    readings: tuple[Reading, ...] = ()
    unless: tuple[str, ...] = ()  # capabilities under which the rule does not apply
    given: tuple[str, ...] = ()  # capabilities without which it does not apply
    instead: str = ""  # what would have been allowed, in words
    note: str = ""

    @property
    def section(self) -> str:
        """The section that it cites first, empty if it cites none."""
        return self.cite[0].section if self.cite else ""

    def terms(self) -> Iterator[Term]:
        """Yield all expressions of the reading chosen."""
        return self.body.terms()

    @property
    def is_prohibition(self) -> bool:
        """Whether it forbids what it is about without exception: there is no keeping it by that."""
        return isinstance(self.body, Allow) and self.body.condition == FALSE

    def permits(self, events: Collection[str]) -> bool:
        """Decide whether it is a permission, and one of these events is among those that it is about."""
        return isinstance(self.body, Allow) and any(p.event in events for p in self.body.patterns)

    def applies(self, capabilities: frozenset[str]) -> bool:
        """Decide whether the rule binds a node with these capabilities."""
        return all(c in capabilities for c in self.given) and not any(c in capabilities for c in self.unless)


@dataclass(frozen=True, slots=True)
class Pause:
    """While `condition`, state of the node, is true, no obligation runs; `since` is when it came to be, and `kinds`
    are the events that tell. Permissions are judged as ever, and proofs are about a node to which none happens.

    An event that matches any of `ended` shows that it has been over for some time, which nobody has told."""

    condition: str
    since: str
    kinds: frozenset[str]
    text: str = ""
    ended: tuple[EventPattern, ...] = ()

    def terms(self) -> Iterator[Term]:
        """Yield the conditions of the patterns that end it."""
        yield from (p.condition for p in self.ended)


@dataclass(frozen=True, slots=True)
class Stage:
    """What an interface is said to be where state is shown to people: the first whose `condition` holds.

    Neither rules nor proofs depend on it.
    """

    name: str
    condition: Term
    text: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence that is no rule of its own: names of what encodes it (`by`), or why nothing does (`because`)."""

    id: str
    level: str
    cite: tuple[Citation, ...]
    text: str
    by: tuple[str, ...] = ()
    because: str = ""


@dataclass(frozen=True)
class Spec:
    """A resolved specification, for one role. Mappings keep the order of declaration.

    That of the mobile node has those of the other `roles`; types, sites, layers, access modes, capabilities and
    parameters are common to all. `tracks` is the key that tells mobile nodes apart ("" if there is only one).

    It has the `systems`, too, each with what is declared in it: `parties`, `channels`, events, ghost state, assumptions
    and properties. `compose` makes a specification of one, in which the parties act together.
    """

    name: str
    text: str
    document: str
    extends: tuple[str, ...]
    enums: Mapping[str, Type]
    sites: tuple[str, ...]
    layers: Mapping[str, Layer]
    accesses: Mapping[str, Access]
    capabilities: Mapping[str, str]
    parameters: Mapping[str, Parameter]
    events: Mapping[str, EventType]
    variables: Mapping[str, Variable]
    definitions: Mapping[str, Term]
    updates: tuple[Update, ...]
    assumptions: Mapping[str, Assumption]
    rules: Mapping[str, Rule]
    properties: Mapping[str, Property]
    statements: Mapping[str, Statement] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    roles: Mapping[str, Spec] = field(default_factory=dict)
    role: str = MOBILE_NODE
    tracks: str = ""
    role_text: str = ""
    pause: Pause | None = None
    stages: Mapping[str, Stage] = field(default_factory=dict)
    entities: Mapping[str, EntityDecl] = field(default_factory=dict)
    guidelines: Mapping[str, GuidelineDecl] = field(default_factory=dict)
    points: Mapping[str, PointDecl] = field(default_factory=dict)
    answers: Mapping[str, AnswerDecl] = field(default_factory=dict)
    systems: Mapping[str, Spec] = field(default_factory=dict)
    parties: Mapping[str, Party] = field(default_factory=dict)
    channels: Mapping[str, Channel] = field(default_factory=dict)
    arrived: Mapping[str, tuple[Term, ...]] = field(default_factory=dict)
    """Of a composed system, by the table of what was sent: whether any of it has arrived, and the key of the newest
    that has."""
    warnings: tuple[str, ...] = field(default=())

    def terms(self) -> Iterator[Term]:
        """Yield all expressions of its updates and rules: what an observer looks at."""
        if self.pause is not None:
            yield from self.pause.terms()
        for update in self.updates:
            yield from update.terms()
        for rule in self.rules.values():
            yield from rule.terms()

    def all_terms(self) -> Iterator[Term]:
        """Yield besides those of assumptions and properties, and initial values: what a proof looks at."""
        yield from self.terms()
        yield from self.initials()
        for assumption in self.assumptions.values():
            yield from assumption.terms()
        for property_ in self.properties.values():
            yield from property_.terms()

    def initials(self) -> Iterator[Term]:
        """Yield the values that state has at first, where they are said."""
        state = (*self.variables.values(), *(v for t in self.tables.values() for v in t.fields))
        yield from (v.initial for v in state if v.initial is not None)

    @cached_property
    def parameters_read(self) -> frozenset[str]:
        """The parameters that its updates and rules depend on."""
        return frozenset(name for t in self.terms() for name in t.names("param"))

    @cached_property
    def told_whether_given(self) -> tuple[str, ...]:
        """The parameters of which a trace's judgement depends on whether the site gives them, in order."""
        shown = (stage.condition for stage in self.stages.values())
        return tuple(sorted({n for t in (*self.terms(), *self.initials(), *shown) for n in t.names("given")}))

    @cached_property
    def open_parameters(self) -> tuple[str, ...]:
        """The parameters that a proof may leave open: it stays linear, and what is `given` is no question of values."""
        settled = self.factors.union(n for t in self._terms_and_defaults() for n in t.names("given"))
        return tuple(n for n, p in self.parameters.items() if not p.readings and n not in settled)

    @cached_property
    def factors(self) -> frozenset[str]:
        """The parameters that multiply something that is no constant."""
        return frozenset(n for t in self._terms_and_defaults() for n in t.factors())

    def _terms_and_defaults(self) -> Iterator[Term]:
        """Yield all terms, and what parameters are where a site does not give them."""
        yield from self.all_terms()
        yield from (p.default for p in self.parameters.values())

    def machines(self) -> list[Spec]:
        """Return this specification and those of the other roles."""
        return [self, *self.roles.values()]

    def for_role(self, role: str) -> Spec:
        """Return the specification of one role. Raises KeyError for a role of which nothing is said."""
        return self if role == self.role else self.roles[role]

    def column(self, name: str) -> Variable:
        """Return a column of a table, by its name. Raises KeyError."""
        return self.tables[name.partition(".")[0]].columns[name]

    def state(self, name: str) -> Variable:
        """Return a variable or a column, by name. Raises KeyError."""
        return self.variables[name] if name in self.variables else self.column(name)

    def constants(self) -> tuple[str, ...]:
        """Return the names of state without an initial value that nothing assigns: limits of which nothing is said."""
        assigned = {name for u in self.updates for name in u.writes()}
        return tuple(v.name for v in self.variables.values() if v.initial is None and v.name not in assigned)

    def is_owed_by_node(self, body: Require) -> bool:
        """Decide whether an obligation is the node's, and not that of each interface."""
        return self.variables[body.anchor].scope == "node"

    def interface_variables(self, ghost: bool | None = None) -> list[Variable]:
        """Return the state that each interface has; only ghost state, or all but that, if `ghost` is given."""
        return [v for v in self.variables.values() if v.scope == "interface" and ghost in (None, v.ghost)]

    def node_variables(self, ghost: bool | None = None) -> list[Variable]:
        """Return the state that the node has; only ghost state, or all but that, if `ghost` is given."""
        return [v for v in self.variables.values() if v.scope == "node" and ghost in (None, v.ghost)]
