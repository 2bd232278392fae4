"""The syntax tree of a specification: what its text says, before any name is looked up.

Requirements, claims and what holds declarations together stand here; what a specification speaks of and what is
remembered are parts of their own, and can be had from here as well. Places (`at`, …) do not take part in comparison, so
that a tree printed and parsed again is equal to itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mipcheck.model.language.catalogue import AnswerDecl, EntityDecl, GuidelineDecl, PointDecl
from mipcheck.model.language.expression import Citation, Expression, Name, Pattern, Place, place
from mipcheck.model.language.state import Assignment as Assignment
from mipcheck.model.language.state import ChangeDecl as ChangeDecl
from mipcheck.model.language.state import ClearTable as ClearTable
from mipcheck.model.language.state import Forget as Forget
from mipcheck.model.language.state import KeyPart as KeyPart
from mipcheck.model.language.state import PauseDecl as PauseDecl
from mipcheck.model.language.state import RemoveEntry as RemoveEntry
from mipcheck.model.language.state import SetEntry as SetEntry
from mipcheck.model.language.state import SetField as SetField
from mipcheck.model.language.state import StageDecl as StageDecl
from mipcheck.model.language.state import StateDecl as StateDecl
from mipcheck.model.language.state import TableDecl as TableDecl
from mipcheck.model.language.state import UpdateDecl as UpdateDecl
from mipcheck.model.language.state import VariableDecl as VariableDecl
from mipcheck.model.language.vocabulary import AccessDecl as AccessDecl
from mipcheck.model.language.vocabulary import CapabilityDecl as CapabilityDecl
from mipcheck.model.language.vocabulary import DocumentDecl as DocumentDecl
from mipcheck.model.language.vocabulary import EnumDecl as EnumDecl
from mipcheck.model.language.vocabulary import EventDecl as EventDecl
from mipcheck.model.language.vocabulary import ExtendEvent as ExtendEvent
from mipcheck.model.language.vocabulary import ExtendState as ExtendState
from mipcheck.model.language.vocabulary import ExtendTable as ExtendTable
from mipcheck.model.language.vocabulary import ExtendWords as ExtendWords
from mipcheck.model.language.vocabulary import FormDecl as FormDecl
from mipcheck.model.language.vocabulary import KeyDecl as KeyDecl
from mipcheck.model.language.vocabulary import LayerDecl as LayerDecl
from mipcheck.model.language.vocabulary import MoreWords as MoreWords
from mipcheck.model.language.vocabulary import ParamDecl as ParamDecl
from mipcheck.model.language.vocabulary import SiteDecl as SiteDecl
from mipcheck.model.language.vocabulary import TypeName as TypeName


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
    | ExtendWords
    | ExtendEvent
    | ExtendState
    | ExtendTable
)


@dataclass(frozen=True, slots=True)
class Module:
    """One specification file, which `extends` another one, and others `besides`.

    `extends_at` are the places of all their names.
    """

    name: str
    text: str
    extends: str | None
    declarations: tuple[Declaration, ...]
    besides: tuple[str, ...] = ()
    at: Place = place()
    extends_at: tuple[Place, ...] = field(default=(), compare=False, repr=False)

    @property
    def bases(self) -> tuple[str, ...]:
        """The names of all that it extends."""
        return () if self.extends is None else (self.extends, *self.besides)
