"""The words that a specification lets a trace use: events and their keys, parameters, capabilities, for each role."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from mipcheck.model.values.errors import MipcheckError
from mipcheck.model.values.late import Late
from mipcheck.model.values.types import Type

if TYPE_CHECKING:
    from mipcheck.model.specification.spec import EventType, Spec

IPV6_NOTE: Final = "left in the clear; the draft speaks of IPv4 only"
"""How the note on IPv6 packets ends, which closes a report: no rule speaks of them, and they may be a leak."""
TELL_INTERNAL: Final = "give its prefixes as internal=…"
"""How a hole ends that is there because nobody has said what is internal, and what to do about it."""


@dataclass(frozen=True)
class Vocabulary:
    """The words that a specification lets a trace use: its events, the types of its parameters, its capabilities.

    `roles` are the events by role; without it, `events` are the same for all. `sites` are the addresses that a site
    gives.
    """

    events: Mapping[str, EventType]
    parameters: Mapping[str, Type]
    capabilities: Collection[str]
    roles: Mapping[str, Mapping[str, EventType]] = field(default_factory=dict)
    sites: Collection[str] = ()

    def for_role(self, role: str) -> Vocabulary:
        """Return what a trace may say that was taken at a node of that role. Raises RoleError if that is nothing."""
        if not self.roles:
            return self
        if role not in self.roles:
            raise RoleError(role, self.roles)
        return replace(self, events=self.roles[role])

    @property
    def gaps(self) -> set[str]:
        """The kinds of events that say that evidence is missing: the observer's own."""
        return {e.name for e in self.events.values() if e.sender == "observer"}


class RoleError(MipcheckError, ValueError):
    """A role of which the specification says nothing."""

    def __init__(self, role: str, known: Collection[str]) -> None:
        super().__init__(f"role={role}: the specification states no requirements on such a node, only on role "
                         f"{' '.join(known)}")  # fmt: skip


def vocabulary_of(spec: Spec) -> Vocabulary:
    """Return what traces of this specification may say."""
    roles = Late({role: partial(_words, spec, role) for role in (spec.role, *spec.roles)})
    parameters = {n: p.type for n, p in spec.parameters.items()}
    return Vocabulary(_words(spec, spec.role), parameters, list(spec.capabilities), roles, spec.sites)


def _words(spec: Spec, role: str) -> dict[str, EventType]:
    return {n: e for n, e in spec.for_role(role).events.items() if e.seen}
