"""The part of the syntax tree that says what a specification speaks of: types, addresses, layers, events."""

from __future__ import annotations

from dataclasses import dataclass

from mipcheck.model.language.catalogue import Way
from mipcheck.model.language.expression import Citation, Expression, Place, place


@dataclass(frozen=True, slots=True)
class TypeName:
    """A named type, or the members of an anonymous enumeration."""

    name: str | None
    members: tuple[str, ...] = ()
    at: Place = place()


@dataclass(frozen=True, slots=True)
class EnumDecl:
    """`enum agent {iha, xha}`, or `set flags {S, B, D}`."""

    name: str
    members: tuple[str, ...]
    is_set: bool
    at: Place = place()


@dataclass(frozen=True, slots=True)
class SiteDecl:
    """`site iha, xha, vpn`: addresses that the site has."""

    names: tuple[str, ...]
    at: Place = place()


@dataclass(frozen=True, slots=True)
class DocumentDecl:
    """`document "…"`: the text whose sections and lines citations name."""

    name: str
    at: Place = place()


@dataclass(frozen=True, slots=True)
class FormDecl:
    """A form that a layer may take on the wire: headers as `a/b`, outermost first ("" for nothing), the octets that it
    adds, the capability without which it does not occur ("" if none), and whether it is the way through a NAT."""

    headers: str
    adds: Expression | None = None
    given: str = ""
    traversal: bool = False
    at: Place = place()


@dataclass(frozen=True, slots=True)
class LayerDecl:
    """A layer of the node's stack; `moved` is what it needs when the address under it changes."""

    name: str
    text: str
    protects: bool
    forms: tuple[FormDecl, ...]
    override: bool = False
    moved: tuple[Way, ...] = ()
    at: Place = place()


@dataclass(frozen=True, slots=True)
class AccessDecl:
    """An access mode: its layers, outermost first, each with the kind of care-of address ("" if it has none), and the
    capabilities that it needs."""

    name: str
    parts: tuple[tuple[str, str], ...]
    needs: tuple[str, ...] = ()
    text: str = ""
    override: bool = False
    at: Place = place()


@dataclass(frozen=True, slots=True)
class CapabilityDecl:
    """`capability vpn-fa "…"`."""

    name: str
    text: str
    at: Place = place()


@dataclass(frozen=True, slots=True)
class ParamDecl:
    """`param t_reregister: time = 20 s cite 4.2.2 "…"`."""

    name: str
    type: TypeName
    default: Expression
    cite: tuple[Citation, ...] = ()
    text: str = ""
    override: bool = False
    at: Place = place()


@dataclass(frozen=True, slots=True)
class KeyDecl:
    """A key of an event, as `code: int`, or `tnc?: bool` for one that may be absent."""

    name: str
    type: TypeName
    optional: bool
    at: Place = place()


@dataclass(frozen=True, slots=True)
class EventDecl:
    """`event rrp(from: agent, path: path) by network seen log, capture unless path = vpn`.

    `seen` is empty if it is `silent`; `hidden` is what stands behind `unless`: what a capture may be unable to show.
    With `anew` it begins the node anew.
    """

    name: str
    keys: tuple[KeyDecl, ...]
    sender: str
    seen: tuple[str, ...]
    text: str = ""
    hidden: Expression | None = None
    anew: bool = False
    at: Place = place()


@dataclass(frozen=True, slots=True)
class ExtendWords:
    """`extend enum agent { third }` or `extend set flags { X }`: more words of a type that is declared elsewhere."""

    name: str
    members: tuple[str, ...]
    is_set: bool
    at: Place = place()


@dataclass(frozen=True, slots=True)
class ExtendEvent:
    """`extend event link(via?: address, state: {dormant})`: more keys of an event, or more words of one that it has."""

    name: str
    keys: tuple[KeyDecl, ...]
    at: Place = place()


@dataclass(frozen=True, slots=True)
class MoreWords:
    """`sa: {rekeying}`: more words that a piece of state may be."""

    name: str
    members: tuple[str, ...]
    at: Place = place()


@dataclass(frozen=True, slots=True)
class ExtendState:
    """`extend node { sa: {rekeying} }`: more words of state whose words stand where it is declared."""

    scope: str
    values: tuple[MoreWords, ...]
    at: Place = place()


@dataclass(frozen=True, slots=True)
class ExtendTable:
    """`extend table wishes { what: {visit} }`: more words of fields of a table, or of parts of its key."""

    name: str
    values: tuple[MoreWords, ...]
    at: Place = place()
