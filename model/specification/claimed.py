"""What is claimed of whoever keeps the rules, and what is assumed of the network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mipcheck.model.language.expression import Citation
from mipcheck.model.specification.term import EventPattern, Term


@dataclass(frozen=True, slots=True)
class Assumption:
    """A thing that the network is assumed to do, seen in ghost state: on an event that matches, `condition` holds."""

    id: str
    cite: tuple[Citation, ...]
    text: str
    patterns: tuple[EventPattern, ...]
    condition: Term

    def terms(self) -> Iterator[Term]:
        """Yield its condition, and those of its patterns."""
        yield self.condition
        yield from (p.condition for p in self.patterns)


@dataclass(frozen=True, slots=True)
class Invariant:
    """In every state that can be reached, `condition` holds."""

    condition: Term


@dataclass(frozen=True, slots=True)
class Whenever:
    """On every event that matches any of `patterns`, `condition` holds in the state before it."""

    patterns: tuple[EventPattern, ...]
    condition: Term


@dataclass(frozen=True, slots=True)
class Permitted:
    """No MUST forbids an event that matches any of `patterns`."""

    patterns: tuple[EventPattern, ...]


@dataclass(frozen=True, slots=True)
class Independent:
    """State of one interface, and what rules allow on it, do not depend on the events of another."""

    variables: tuple[str, ...]
    allowed: tuple[EventPattern, ...]


@dataclass(frozen=True, slots=True)
class Consistent:
    """No MUST contradicts another, time is never blocked, every rule can be exercised and broken."""


Claim = Invariant | Whenever | Permitted | Independent | Consistent


@dataclass(frozen=True, slots=True)
class Property:
    """A theorem about whoever keeps the MUST rules, and the rules named in `relying` whatever their level.

    In a system, `against` are the powers of the attacker: some of POWERS, and `knows mip` of the key `mip`.
    """

    name: str
    cite: tuple[Citation, ...]
    text: str
    claim: Claim
    relying: tuple[str, ...] = ()
    against: tuple[str, ...] = ()

    @property
    def section(self) -> str:
        """The section that it cites first, empty if it cites none."""
        return self.cite[0].section if self.cite else ""

    @property
    def patterns(self) -> tuple[EventPattern, ...]:
        """The events that it speaks of; none for an invariant, and for consistency."""
        match self.claim:
            case Whenever(patterns, _) | Permitted(patterns) | Independent(_, patterns):
                return patterns
        return ()

    @property
    def condition(self) -> Term | None:
        """The condition that holds always, or at each of its events; None where it claims something else."""
        return self.claim.condition if isinstance(self.claim, Whenever | Invariant) else None

    def terms(self) -> Iterator[Term]:
        """Yield its condition if it has one, and those of its patterns."""
        if self.condition is not None:
            yield self.condition
        yield from (p.condition for p in self.patterns)
