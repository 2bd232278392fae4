"""What a specification declares, after names are resolved and types checked: the one object that all else reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from mipcheck.model.syntax import Citation
from mipcheck.model.term import EventPattern, Term
from mipcheck.model.types import Type


@dataclass(frozen=True, slots=True)
class Key:
    """A key of an event."""

    name: str
    type: Type
    optional: bool = False


@dataclass(frozen=True)
class EventType:
    """A kind of event: `sender` is node, network or observer; `seen` is among log, capture (empty: silent)."""

    name: str
    keys: tuple[Key, ...]
    sender: str
    seen: frozenset[str]
    text: str = ""

    @cached_property
    def by_name(self) -> Mapping[str, Key]:
        return {k.name: k for k in self.keys}


@dataclass(frozen=True, slots=True)
class Parameter:
    """`default` may be an expression over other parameters; `mipcheck.model.configure` evaluates it."""

    name: str
    type: Type
    default: Term
    cite: tuple[Citation, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Variable:
    """A piece of state: of the node, or of each interface; `ghost` state is the truth that no node can see."""

    name: str
    type: Type
    scope: str  # "node" or "interface"
    ghost: bool
    initial: Term | None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Update:
    """On an event that matches any of `patterns`: all assignments at once, right-hand sides in the state before."""

    patterns: tuple[EventPattern, ...]
    assignments: tuple[tuple[str, Term], ...]


@dataclass(frozen=True, slots=True)
class Allow:
    """Permission: an event that matches happens only where `condition` holds (in the state before it)."""

    patterns: tuple[EventPattern, ...]
    condition: Term


@dataclass(frozen=True, slots=True)
class Require:
    """Obligation: while `condition` holds, an event that matches follows within `within` ns of time `anchor`."""

    patterns: tuple[EventPattern, ...]
    within: Term
    anchor: str
    condition: Term


@dataclass(frozen=True, slots=True)
class Configure:
    """A demand on the site and the parameters alone."""

    condition: Term


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
        return self.cite[0].section if self.cite else ""

    def applies(self, capabilities: frozenset[str]) -> bool:
        return all(c in capabilities for c in self.given) and not any(c in capabilities for c in self.unless)


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of the node's stack. `headers` are what it may put on the wire, as `udp4500/esp`."""

    name: str
    text: str
    protects: bool
    headers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Access:
    """An access mode: layers, outermost first, each with the kind of its care-of address ("" if it has none)."""

    name: str
    parts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Assumption:
    """What the network is assumed to do, seen in ghost state: on an event that matches, `condition` holds."""

    id: str
    cite: tuple[Citation, ...]
    text: str
    patterns: tuple[EventPattern, ...]
    condition: Term


@dataclass(frozen=True, slots=True)
class Invariant:
    condition: Term


@dataclass(frozen=True, slots=True)
class Whenever:
    patterns: tuple[EventPattern, ...]
    condition: Term


@dataclass(frozen=True, slots=True)
class Independent:
    """State of one interface, and what rules allow on it, do not depend on the events of another."""

    variables: tuple[str, ...]
    allowed: tuple[EventPattern, ...]


@dataclass(frozen=True, slots=True)
class Consistent:
    """No MUST contradicts another, time is never blocked, every rule can be exercised and broken."""


Claim = Invariant | Whenever | Independent | Consistent


@dataclass(frozen=True, slots=True)
class Property:
    name: str
    cite: tuple[Citation, ...]
    text: str
    claim: Claim

    @property
    def section(self) -> str:
        return self.cite[0].section if self.cite else ""


@dataclass(frozen=True)
class Spec:
    """A resolved specification. Mappings keep the order of declaration."""

    name: str
    text: str
    document: str
    extends: str | None
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
    warnings: tuple[str, ...] = field(default=())

    def interface_variables(self, ghost: bool | None = None) -> list[Variable]:
        return [v for v in self.variables.values() if v.scope == "interface" and ghost in (None, v.ghost)]

    def node_variables(self, ghost: bool | None = None) -> list[Variable]:
        return [v for v in self.variables.values() if v.scope == "node" and ghost in (None, v.ghost)]
