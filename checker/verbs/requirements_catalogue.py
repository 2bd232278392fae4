"""The catalogue: what a document requires, by the specification's citations, and what encodes each requirement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mipcheck.checker.console import markdown
from mipcheck.checker.console.valid_json import dumps
from mipcheck.model.language.catalogue import (
    AnswerDecl,
    Computed,
    Declared,
    Ground,
    Missing,
    Opinion,
    PointDecl,
    Proved,
    Shown,
)
from mipcheck.model.language.show_module import show_figure
from mipcheck.model.specification.spec import MOBILE_NODE, Rule, Spec, Statement

if TYPE_CHECKING:
    from mipcheck.model.language.expression import Citation

KINDS: Final = ("rule", "property", "assumption", "parameter", "capability", "declared", "informative")
"""What may encode a requirement; where several things do, the first of these is its kind. `declared` are layers, access
modes and roles; `informative` is what nothing encodes, for a reason."""
GROUNDS: Final = ("proved", "shown", "computed", "declared", "opinion", "missing")
"""What may decide a point for or against a proposal, or an answer; where several things do, the first that is written
is its kind. `declared` is about who changes; nothing formal decides an opinion, and what is missing cannot be said."""


@dataclass(frozen=True)
class CitedPlace:
    """A section of a document and, if they are told, lines (first, last) of its text file."""

    document: str
    section: str
    lines: tuple[int, int] | None


@dataclass(frozen=True)
class Requirement:
    """An entry of the catalogue. `by` are names of what encodes it, `reason` why nothing does; one of them is empty.

    Of a point for or against a proposal, `level` is its stance; `by` are properties, figures and entities, as written.

    `places` are in the specification's own document, or in the one that all of them are in; `elsewhere` are others.
    """

    id: str
    level: str
    text: str
    kind: str
    by: tuple[str, ...]
    reason: str
    places: tuple[CitedPlace, ...]
    elsewhere: tuple[CitedPlace, ...] = ()
    role: str = MOBILE_NODE
    grounds: tuple[Ground, ...] = ()

    @property
    def section(self) -> str:
        """The section of the first place, empty if there is none."""
        return self.places[0].section if self.places else ""

    @property
    def document(self) -> str:
        """The document of the first place, empty if there is none."""
        return self.places[0].document if self.places else ""

    @property
    def lines(self) -> list[tuple[int, int]]:
        """The lines of all places that tell them, first and last."""
        return [p.lines for p in self.places if p.lines is not None]


def requirements(spec: Spec) -> list[Requirement]:
    """List every rule, of whatever role, every statement and every point, in the order of the document's lines."""
    kinds = _kinds(spec)
    found = [_of_rule(machine, r) for machine in spec.machines() for r in machine.rules.values()]
    found += [_of_statement(spec, s, kinds) for s in spec.statements.values()]
    found += [_of_claim(p, p.stance, *_places(spec, p.cite)) for p in spec.points.values()]

    def place(r: Requirement) -> tuple[bool, list[int], list[tuple[int, int]]]:
        return r.document != spec.document, _section(r.section), sorted(r.lines)[:1]

    return sorted(found, key=place)


def _section(section: str) -> list[int]:
    """Return a key that sorts sections as the document does: numbers, then letters."""
    return [int(part) if part.isdigit() else 10**6 + ord(part[0]) if part else 0 for part in section.split(".")]


def _kinds(spec: Spec) -> dict[str, str]:
    """Return what each name stands for, one of `KINDS`."""
    kinds = dict.fromkeys((*spec.layers, *spec.accesses, *(m.role for m in spec.machines()), *spec.systems), "declared")
    kinds |= dict.fromkeys(spec.capabilities, "capability") | dict.fromkeys(spec.parameters, "parameter")
    for machine in (*spec.machines(), *spec.systems.values()):
        kinds |= dict.fromkeys(machine.assumptions, "assumption")
        kinds |= dict.fromkeys(machine.properties, "property")
        kinds |= dict.fromkeys(machine.rules, "rule")
    return kinds


def _of_rule(spec: Spec, rule: Rule) -> Requirement:
    """Return the requirement that a rule is."""
    return Requirement(rule.id, rule.level, rule.text, "rule", (rule.id,), "", *_places(spec, rule.cite), spec.role)


def _of_statement(spec: Spec, s: Statement, kinds: Mapping[str, str]) -> Requirement:
    """Return the requirement that a statement is, by what each name stands for."""
    by = [kinds[name] for name in s.by]
    kind = min(by, key=KINDS.index) if by else "informative"
    return Requirement(s.id, s.level, s.text, kind, s.by, s.because, *_places(spec, s.cite))


def _said(ground: Ground) -> str:
    return ground.reason if isinstance(ground, Opinion | Missing) else ", ".join(named(ground))


def answered(spec: Spec) -> list[Requirement]:
    """List the answers to guidelines, which are no requirements, in the same form."""
    return [_of_claim(a, "answer", ()) for a in spec.answers.values()]


def _of_claim(
    claim: PointDecl | AnswerDecl, level: str, places: tuple[CitedPlace, ...], elsewhere: tuple[CitedPlace, ...] = ()
) -> Requirement:
    """Return a point or an answer with what decides it."""
    by = tuple(name for g in claim.grounds for name in named(g))
    reason = " ".join(g.reason for g in claim.grounds if isinstance(g, Opinion | Missing))
    kind = _kind(claim.grounds[0])
    return Requirement(claim.name, level, claim.text, kind, by, reason, places, elsewhere, grounds=claim.grounds)


def _kind(ground: Ground) -> str:
    """Return which of `GROUNDS` it is."""
    return type(ground).__name__.lower()


def named(ground: Ground) -> tuple[str, ...]:
    """Return what decides a claim, each as it is written; nothing for an opinion and for what is missing."""
    match ground:
        case Proved(names) | Shown(names):
            return names
        case Computed(figures):
            return tuple(map(show_figure, figures))
        case Declared(entities):
            return tuple(f"{name} {standing}" for name, standing in entities)
        case _:
            return ()


def _places(spec: Spec, cite: tuple[Citation, ...]) -> tuple[tuple[CitedPlace, ...], tuple[CitedPlace, ...]]:
    """Return the places in one document, the specification's own if it is cited at all, and the others."""
    places = [CitedPlace(c.document or spec.document, c.section, c.lines) for c in cite]
    documents = list(dict.fromkeys(p.document for p in places))
    own = spec.document if spec.document in documents else documents[0] if documents else ""
    return tuple(p for p in places if p.document == own), tuple(p for p in places if p.document != own)


# --- rendering ------------------------------------------------------------------------------------------------------


def requirements_json(spec: Spec) -> str:
    """Return the catalogue as a JSON list.

    Keys beyond the contract: the document of `lines`, other places, the role.
    """
    return dumps([_object(r) for r in requirements(spec)], indent=2) + "\n"


def _object(r: Requirement) -> dict[str, Any]:
    """Return a requirement as JSON has it."""
    return {
        "id": r.id,
        "level": r.level,
        "section": r.section,
        "lines": [list(lines) for lines in r.lines],
        "text": r.text,
        "kind": r.kind,
        "by": list(r.by),
        "reason": r.reason or None,
        "document": r.document,
        "elsewhere": [
            {"document": p.document, "section": p.section, "lines": None if p.lines is None else list(p.lines)}
            for p in r.elsewhere
        ],
        "role": r.role,
    }


def where(spec: Spec, r: Requirement) -> str:
    """Return the places in words; the document is named where it is not the specification's own."""
    parts = []
    document = spec.document
    for p in (*r.places, *r.elsewhere):
        named = "" if p.document == document else f"{p.document}: "
        lines = "" if p.lines is None else f" lines {p.lines[0]}-{p.lines[1]}" if p.lines[0] < p.lines[1] else (
            f" lines {p.lines[0]}"
        )  # fmt: skip
        parts.append(f"{named}{p.section}{lines}")
        document = p.document
    return ", ".join(parts)


def encoded(r: Requirement) -> str:
    """Say what encodes a requirement, or why nothing does."""
    if r.grounds:
        return r.kind if r.by else f"{r.kind}: {r.reason}"
    if not r.by:
        return f"nothing encodes it: {r.reason}"
    return f"{r.kind} of role {r.role}" if r.kind == "rule" and r.role != MOBILE_NODE else r.kind


def summary(spec: Spec, found: list[Requirement]) -> str:
    """Count the requirements, by kind, in a sentence."""
    required, points = [r for r in found if not r.grounds], [r for r in found if r.grounds]
    said = []
    if required or not points:
        said.append(_counted(len(required), "requirement", spec, Counter(r.kind for r in required), KINDS))
    if points:
        said.append(_counted(len(points), "point", spec, Counter(r.kind for r in points), GROUNDS))
    return f"{spec.name}: {', '.join(said)}"


def _counted(n: int, what: str, spec: Spec, counts: Mapping[str, int], kinds: tuple[str, ...]) -> str:
    return f"{n} {what}{'s' * (n != 1)} of {spec.document or 'no document'} (" + ", ".join(
        f"{k} {counts[k]}" for k in kinds if counts.get(k)
    ) + ")"  # fmt: skip


def requirements_text(spec: Spec, width: int, colour: bool = False) -> str:
    """Return the catalogue for a terminal of `width` columns."""
    from mipcheck.checker.console.lines import Lines

    found = requirements(spec)
    lines = Lines(width, colour)
    for r in found:
        lines.title((r.id, "bold"), (f"  {r.level}  ", ""), (where(spec, r), ""))
        lines.indented(r.text)
        if r.grounds:
            for ground in r.grounds:
                lines.labelled(_kind(ground), [_said(ground)])
        elif not r.by:
            lines.labelled("because", [r.reason])
        elif r.by != (r.id,) or r.role != MOBILE_NODE:
            lines.labelled("by", [f"{encoded(r)}: {', '.join(r.by)}"])
        lines.line("")
    lines.line(summary(spec, found))
    return lines.text()


def requirements_markdown(spec: Spec) -> str:
    """Return the catalogue as a table of Markdown."""
    found = requirements(spec)
    rows = [
        [markdown.plain(x) for x in (r.id, r.level, where(spec, r), r.text, encoded(r), ", ".join(r.by))] for r in found
    ]
    head = ["requirement", "level", "place", "text", "kind", "by"]
    return markdown.plain(summary(spec, found)) + "\n\n" + markdown.table(head, rows)
