"""The syntax tree of a specification: what its text says, before any name is looked up.

Places (`at`, …) do not take part in comparison, so that a tree printed and parsed again is equal to itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from mipcheck.model.language.catalogue import AnswerDecl, EntityDecl, GuidelineDecl, PointDecl, Way
from mipcheck.model.language.expression import Citation, Entry, Expression, Name, Pattern, Place, place


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


ChangeDecl = SetEntry | SetField | RemoveEntry | ClearTable


@dataclass(frozen=True, slots=True)
class UpdateDecl:
    """`on PATTERN, … { ASSIGNMENT; … }`; `changes` are those of tables, in their order."""

    patterns: tuple[Pattern, ...]
    assignments: tuple[Assignment, ...]
    changes: tuple[ChangeDecl, ...] = ()
    at: Place = place()


@dataclass(frozen=True, slots=True)
class DefineDecl:
    """`define fresh = now - confirmed < t_stop`: written out wherever its name is used."""

    name: str
    value: Expression
    override: bool = False
    at: Place = place()


@dataclass(frozen=True, slots=True)
class AssumptionDecl:
    """`assumption prompt cite 4.2.2 "…" on PATTERN, …: CONDITION`."""

    name: str
    cite: tuple[Citation, ...]
    text: str
    patterns: tuple[Pattern, ...]
    condition: Expression
    override: bool = False
    at: Place = place()


@dataclass(frozen=True, slots=True)
class AllowDecl:
    """`allow PATTERN, … only if CONDITION unclear if DOUBT kept by PATTERN, …`."""

    patterns: tuple[Pattern, ...]
    condition: Expression
    at: Place = place()
    unclear: Expression | None = None
    kept: tuple[Pattern, ...] = ()


@dataclass(frozen=True, slots=True)
class RequireDecl:
    """`require PATTERN, … within DURATION of ANCHOR while CONDITION`; the anchor is state, a time."""

    patterns: tuple[Pattern, ...]
    within: Expression
    anchor: str
    condition: Expression
    at: Place = place()
    anchor_at: Place = place()


@dataclass(frozen=True, slots=True)
class ConfigureDecl:
    """`configure CONDITION`: on parameters and the site's addresses."""

    condition: Expression
    at: Place = place()


BodyDecl = AllowDecl | RequireDecl | ConfigureDecl


@dataclass(frozen=True, slots=True)
class ReadingDecl:
    """One reading of a rule: `reading narrow "…"` and the body that it gives the rule."""

    name: str
    text: str
    body: BodyDecl
    at: Place = place()


@dataclass(frozen=True, slots=True)
class Option:
    """`unless` or `given` a capability; `instead` or `note` with a text."""

    kind: str
    value: str
    at: Place = place()


@dataclass(frozen=True, slots=True)
class RuleDecl:
    """`readings` has one entry, named "", where the rule has a single body."""

    name: str
    level: str
    cite: tuple[Citation, ...]
    text: str
    readings: tuple[ReadingDecl, ...]
    options: tuple[Option, ...] = ()
    override: bool = False
    at: Place = place()


@dataclass(frozen=True, slots=True)
class InvariantDecl:
    """`invariant CONDITION`."""

    condition: Expression


@dataclass(frozen=True, slots=True)
class WheneverDecl:
    """`whenever PATTERN, …: CONDITION`."""

    patterns: tuple[Pattern, ...]
    condition: Expression


@dataclass(frozen=True, slots=True)
class PermittedDecl:
    """`permitted PATTERN, …`."""

    patterns: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class IndependentDecl:
    """`independent inside, allowed PATTERN, …`."""

    variables: tuple[Name, ...]
    allowed: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class ConsistentDecl:
    """`consistent`."""

    pass


ClaimDecl = InvariantDecl | WheneverDecl | PermittedDecl | IndependentDecl | ConsistentDecl


@dataclass(frozen=True, slots=True)
class PropertyDecl:
    """`property NAME cite … "…" CLAIM relying on RULE, … against POWER, …`; `knows mip` is a power, too."""

    name: str
    cite: tuple[Citation, ...]
    text: str
    claim: ClaimDecl
    override: bool = False
    relying: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    at: Place = place()


@dataclass(frozen=True, slots=True)
class DefaultReadingDecl:
    """`default reading M2 narrow`: of a rule or an ambiguity."""

    rule: str
    reading: str
    at: Place = place()


@dataclass(frozen=True, slots=True)
class DropDecl:
    """`drop rule M2, M3`: what an extended specification declares."""

    kind: str
    names: tuple[str, ...]
    at: Place = place()


@dataclass(frozen=True, slots=True)
class ConfirmDecl:
    """`confirm rule M2 MUST cite … "…"`: the document says here, too, what an extended specification has."""

    kind: str
    name: str
    level: str
    cite: tuple[Citation, ...]
    text: str = ""
    at: Place = place()


@dataclass(frozen=True, slots=True)
class StatementDecl:
    """A sentence that is no rule of its own: what encodes it (`by`), or why nothing does (`because`)."""

    name: str
    level: str
    cite: tuple[Citation, ...]
    text: str
    by: tuple[str, ...] = ()
    because: str = ""
    override: bool = False
    at: Place = place()


@dataclass(frozen=True, slots=True)
class AmbiguityDecl:
    """A question that a text leaves open, with its readings (name, why), the default first."""

    name: str
    cite: tuple[Citation, ...]
    text: str
    readings: tuple[tuple[str, str], ...]
    override: bool = False
    at: Place = place()


@dataclass(frozen=True, slots=True)
class RoleDecl:
    """The machine of another party: its events, state, updates, rules and properties. `tracks` is the key that tells
    mobile nodes apart in its traces ("" if it deals with one)."""

    name: str
    tracks: str
    text: str
    declarations: tuple[Declaration, ...]
    at: Place = place()


@dataclass(frozen=True, slots=True)
class PartyDecl:
    """`party other: mn for other_ihoa with ihoa = other_ihoa "…"`: one that plays a role in a system.

    `tracked` is the address of the site by which a device knows the mobile node that is followed ("" for `ihoa`), and
    `sites` are addresses of the site that stand for others of it: (the role's, the party's).
    """

    name: str
    role: str
    tracked: str = ""
    sites: tuple[tuple[str, str], ...] = ()
    text: str = ""
    at: Place = place()


@dataclass(frozen=True, slots=True)
class CarriedDecl:
    """A key of what arrives, and what it is of what was sent (None: the key of that name).

    An `outer` one stands in a header that the channel's key does not cover.
    """

    name: str
    value: Expression | None = None
    outer: bool = False
    at: Place = place()


@dataclass(frozen=True, slots=True)
class ChannelDecl:
    """`channel uplink "…" key esp from node.esp to gateway.arrives carries id, outer src`.

    `key` is the name of the key that protects what is sent ("" for none). An attacker cannot reach a `private` one.
    """

    name: str
    text: str
    key: str
    private: bool
    sent: tuple[Pattern, ...]
    received: tuple[Pattern, ...]
    carried: tuple[CarriedDecl, ...]
    override: bool = False
    at: Place = place()


@dataclass(frozen=True, slots=True)
class SystemDecl:
    """`system NAME "…" { … }`: several parties, what passes between them, and what is claimed of them together."""

    name: str
    text: str
    declarations: tuple[Declaration, ...]
    at: Place = place()


@dataclass(frozen=True, slots=True)
class PauseDecl:
    """`pause while asleep since asleep_at "…"`: state of the node while which no obligation runs, and its beginning."""

    condition: str
    since: str
    text: str = ""
    at: Place = place()


@dataclass(frozen=True, slots=True)
class StageDecl:
    """`stage inside while … "…"`: what an interface is said to be where state is shown to people."""

    name: str
    condition: Expression
    text: str
    at: Place = place()


Declaration = (
    DocumentDecl
    | EnumDecl
    | SiteDecl
    | LayerDecl
    | AccessDecl
    | CapabilityDecl
    | ParamDecl
    | EventDecl
    | StateDecl
    | TableDecl
    | UpdateDecl
    | PauseDecl
    | StageDecl
    | DefineDecl
    | AssumptionDecl
    | RuleDecl
    | PropertyDecl
    | DefaultReadingDecl
    | DropDecl
    | ConfirmDecl
    | StatementDecl
    | AmbiguityDecl
    | EntityDecl
    | GuidelineDecl
    | PointDecl
    | AnswerDecl
    | RoleDecl
    | SystemDecl
    | PartyDecl
    | ChannelDecl
)


@dataclass(frozen=True, slots=True)
class Module:
    """One specification file."""

    name: str
    text: str
    extends: str | None
    declarations: tuple[Declaration, ...]
    at: Place = place()
    extends_at: Place = place()
