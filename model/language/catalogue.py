"""The part of the syntax tree that says what is claimed of a proposal: who changes, and what decides each claim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mipcheck.model.language.expression import Citation, Place, place

STEPS: Final = ("registration", "exchange", "update", "packet")
"""What a layer may need when the address under it changes: a registration with a home agent, a key exchange, a message
that says so, or no more than the next packet."""
STANDINGS: Final = ("standard", "changed", "new")
STANCES: Final = ("pro", "con", "comment", "open")
MEASURES: Final = ("octets", "registrations", "exchanges", "updates", "packets", "layers", "protections")


@dataclass(frozen=True, slots=True)
class Way:
    """`registration and exchange anew given mobike`: what a layer needs when the address under it changes, whether what
    is inside has to be set up `anew`, and the capability that this takes ("" for none)."""

    steps: tuple[str, ...]
    anew: bool = False
    given: str = ""
    at: Place = place()


@dataclass(frozen=True, slots=True)
class EntityDecl:
    """`entity gateway changed "…" by GW1`: a kind of device or program that a proposal needs, whether it is a standard
    one, a changed one or a new one, and the rules, roles, … that say how."""

    name: str
    standing: str
    text: str
    by: tuple[str, ...] = ()
    override: bool = False
    at: Place = place()


@dataclass(frozen=True, slots=True)
class Measure:
    """A number that follows from declarations: `octets of cvc`, or `entities new`."""

    what: str
    of: str
    at: Place = place()


@dataclass(frozen=True, slots=True)
class Figure:
    """Measures and numbers, each with its sign (1 or -1), and what their sum is said to be: `= 20` ("" for nothing)."""

    terms: tuple[tuple[int, Measure | int], ...]
    compare: str = ""
    value: tuple[tuple[int, Measure | int], ...] = ()


@dataclass(frozen=True, slots=True)
class Proved:
    """`proved by P, Q`: properties that are proved."""

    properties: tuple[str, ...]
    at: Place = place()


@dataclass(frozen=True, slots=True)
class Shown:
    """`shown by P`: properties that are refuted, and the counterexample is the point."""

    properties: tuple[str, ...]
    at: Place = place()


@dataclass(frozen=True, slots=True)
class Computed:
    """`computed octets of cvc - octets of vc = 20`."""

    figures: tuple[Figure, ...]
    at: Place = place()


@dataclass(frozen=True, slots=True)
class Declared:
    """`declared gateway changed, agent standard`: entities, and what they have to be."""

    entities: tuple[tuple[str, str], ...]
    at: Place = place()


@dataclass(frozen=True, slots=True)
class Opinion:
    """`opinion "…"`: nothing formal decides it, and why."""

    reason: str
    at: Place = place()


@dataclass(frozen=True, slots=True)
class Missing:
    """`missing "…"`: it cannot be said of this proposal, for want of what."""

    reason: str
    at: Place = place()


Ground = Proved | Shown | Computed | Declared | Opinion | Missing


@dataclass(frozen=True, slots=True)
class PointDecl:
    """`point NAME con cite E.2 lines 1-2 "…" GROUND …`: what a document says for (pro) or against (con) a proposal,
    remarks (comment), or leaves open, and what decides it."""

    name: str
    stance: str
    cite: tuple[Citation, ...]
    text: str
    grounds: tuple[Ground, ...]
    override: bool = False
    at: Place = place()


@dataclass(frozen=True, slots=True)
class GuidelineDecl:
    """`guideline NAME cite 6.1 "…"`: a question that proposals are compared by."""

    name: str
    cite: tuple[Citation, ...]
    text: str
    override: bool = False
    at: Place = place()


@dataclass(frozen=True, slots=True)
class AnswerDecl:
    """`answer NAME "…" GROUND …`: what this proposal comes to, by a guideline."""

    name: str
    text: str
    grounds: tuple[Ground, ...]
    override: bool = False
    at: Place = place()
