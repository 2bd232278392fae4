"""What `mipcheck diff` tells: what changed from one specification to another, and where that changes what is allowed.

For every rule that differs, or that depends on something that does, the shortest trace is sought on which the two
specifications disagree about it; both observers replay it before it is shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from mipcheck.checker.console.progress import Steps
from mipcheck.checker.observe.context import source
from mipcheck.checker.proofs.demand import demand
from mipcheck.checker.proofs.kept import KeptLogs
from mipcheck.checker.proofs.partings import TIMEOUT, PartingLog, Partings
from mipcheck.model.language.expression import Citation
from mipcheck.model.language.show import show_citation
from mipcheck.model.specification.claimed import Assumption, Independent, Invariant, Permitted, Property, Whenever
from mipcheck.model.specification.layers import Access, Layer
from mipcheck.model.specification.parties import Channel, Party
from mipcheck.model.specification.spec import Parameter, Rule, Spec, Statement
from mipcheck.model.specification.term import EventPattern

_TIDYING: Final = 4.0
"""Seconds of the processor for each trace: there are a hundred, of which a reader looks at a few."""

Declared = Rule | Property | Assumption | Statement | Parameter | Access | Layer | Party | Channel | str

KINDS: Final = ("rule", "property", "assumption", "statement", "parameter", "ambiguity", "capability", "layer",
                "access mode", "party", "channel")  # fmt: skip
ADDED, DROPPED, CHANGED = "added", "dropped", "changed"
ALIKE, PARTED, LEVEL, UNKNOWN = "same", "changed", "level", "unknown"


@dataclass(frozen=True)
class Behaviour:
    """Whether a rule allows the same in both specifications. `result` is same, changed, level or unknown.

    `level`: the same is allowed, but to break it counts otherwise, as `levels` say. `found` has the trace on which they
    disagree.
    """

    result: str
    found: PartingLog = field(default_factory=PartingLog)
    levels: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class ChangedDeclaration:
    """A declaration that differs. `aspects` are what it says before and after ("" where it says nothing)."""

    kind: str
    name: str
    change: str
    aspects: Mapping[str, tuple[str, str]]
    role: str
    behaviour: Behaviour | None = None

    @property
    def telling(self) -> Mapping[str, tuple[str, str]]:
        """The aspects that a reader wants: not how to keep a rule, where it was added or dropped."""
        return self.aspects if self.change == CHANGED else {
            a: pair for a, pair in self.aspects.items() if a not in ("instead", "note")
        }  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """All that changed from one specification to another; `unchanged` counts what did not, by kind."""

    left: Spec
    right: Spec
    changes: tuple[ChangedDeclaration, ...]
    unchanged: Mapping[str, int]

    @property
    def decided(self) -> bool:
        """Whether it is known of every change what it does to what is allowed."""
        return all(c.behaviour is None or c.behaviour.result != UNKNOWN for c in self.changes)


def difference(left: Spec, right: Spec, timeout: float = TIMEOUT, kept: KeptLogs | None = None) -> Difference:
    """Compare two specifications; `timeout` is in seconds of the processor, for each rule. Traces that are `kept`
    beside the right one are only replayed. Raises Disagreement."""
    logs = kept or KeptLogs(right.name)
    roles = dict.fromkeys(m.role for spec in (left, right) for m in spec.machines())
    machines = [Partings(_machine(left, role), _machine(right, role), timeout, _TIDYING) for role in roles]
    with Steps(sum(len(p.rules) for p in machines), "reading") as steps:
        compared = [_compared(partings, steps) for partings in machines]
    with Steps(sum(map(len, compared)), "comparing") as steps:
        found = [
            change
            for partings, rules in zip(machines, compared, strict=True)
            for change in _changes(partings, rules, left, right, steps, logs)
        ]
    found += [c for name in dict.fromkeys((*left.systems, *right.systems)) for c in _of_system(left, right, name)]
    changes = sorted((c for c in found if c.aspects or c.behaviour), key=lambda c: KINDS.index(c.kind))
    return Difference(left, right, tuple(changes), Counter(c.kind for c in found if not c.aspects and not c.behaviour))


def _compared(partings: Partings, steps: Steps) -> dict[str, bool]:
    """Return the rules for which a trace has to be sought, and whether they are alike but for their level."""
    left, right = partings.left.rules, partings.right.rules
    alike = {}
    for rule in partings.rules:
        steps.step(rule)
        alike[rule] = partings.alike(rule)
    return {rule: same for rule, same in alike.items() if not same or left[rule].level != right[rule].level}


def _changes(
    partings: Partings, compared: Mapping[str, bool], left: Spec, right: Spec, steps: Steps, logs: KeptLogs
) -> Iterator[ChangedDeclaration]:
    """Compare every declaration of one role in either, also those that did not change."""
    one, other, role = partings.left, partings.right, partings.left.role
    before, after = _declarations(one, role == left.role), _declarations(other, role == right.role)
    for kind, name, change, aspects in _told_apart(one, other, before, after):
        behaviour = None
        if kind == "rule" and name in compared:
            steps.step(name)
            behaviour = _compare(partings, name, compared[name], logs)
        elif kind == "rule":
            behaviour = Behaviour(ALIKE)
        if behaviour is not None and behaviour.result == ALIKE and not aspects:
            behaviour = None
        yield ChangedDeclaration(kind, name, change, aspects, role, behaviour)


def _of_system(left: Spec, right: Spec, name: str) -> Iterator[ChangedDeclaration]:
    """Compare every declaration of a system in either: what follows from it is for `prove` to say."""
    before, after = (_joint(spec.systems[name]) if name in spec.systems else {} for spec in (left, right))
    for kind, declared, change, aspects in _told_apart(left, right, before, after):
        yield ChangedDeclaration(kind, declared, change, aspects, name)


_Declarations = Mapping[tuple[str, str], Declared]
"""By kind and name."""


def _told_apart(
    left: Spec, right: Spec, before: _Declarations, after: _Declarations
) -> Iterator[tuple[str, str, str, dict[str, tuple[str, str]]]]:
    """Yield the kind and the name of every declaration, how it changed, and the aspects in which it did."""
    for kind, name in dict.fromkeys((*before, *after)):
        was, now = before.get((kind, name)), after.get((kind, name))
        said = _described(left, was), _described(right, now)
        aspects = {a: (said[0].get(a, ""), said[1].get(a, "")) for a in dict.fromkeys((*said[0], *said[1]))}
        change = ADDED if was is None else DROPPED if now is None else CHANGED
        yield kind, name, change, {a: pair for a, pair in aspects.items() if pair[0] != pair[1]}


def _joint(system: Spec) -> dict[tuple[str, str], Declared]:
    found: dict[tuple[str, str], Declared] = {("party", p.name): p for p in system.parties.values()}
    found |= {("channel", c.name): c for c in system.channels.values()}
    found |= {("property", p.name): p for p in system.properties.values()}
    return found | {("assumption", a.id): a for a in system.assumptions.values()}


def _machine(spec: Spec, role: str) -> Spec:
    """Return the machine of a role; one without any declaration where the specification does not speak of it."""
    if role == spec.role:
        return spec
    nothing: dict[str, object] = {"events": {}, "variables": {}, "definitions": {}, "updates": (), "assumptions": {},
                                  "rules": {}, "properties": {}, "statements": {}, "roles": {},
                                  "pause": None}  # fmt: skip
    return spec.roles.get(role) or replace(spec, role=role, **nothing)  # type: ignore[arg-type]


def _declarations(spec: Spec, shared: bool) -> dict[tuple[str, str], Declared]:
    """Return declarations by kind and name; those that all roles have in common only where `shared`."""
    found: dict[tuple[str, str], Declared] = {("rule", r.id): r for r in spec.rules.values()}
    found |= {("property", p.name): p for p in spec.properties.values()}
    found |= {("assumption", a.id): a for a in spec.assumptions.values()}
    if shared:
        found |= {("statement", s.id): s for s in spec.statements.values()}
        found |= {("ambiguity" if p.readings else "parameter", p.name): p for p in spec.parameters.values()}
        found |= {("capability", name): text for name, text in spec.capabilities.items()}
        found |= {("layer", x.name): x for x in spec.layers.values()}
        found |= {("access mode", a.name): a for a in spec.accesses.values()}
    return found


# --- behaviour ------------------------------------------------------------------------------------------------------


def _compare(partings: Partings, rule: str, alike: bool, logs: KeptLogs) -> Behaviour:
    """Seek a trace on which two specifications disagree about a rule, which may be `alike` but for its level; what is
    kept in `logs` is only replayed. Raises Disagreement."""
    left, right = partings.left.rules.get(rule), partings.right.rules.get(rule)
    names = partings.left.name, partings.right.name
    before = Path(names[0]).name.removesuffix(".spec")
    if not alike:
        title = f"The shortest trace on which {names[0]} and {names[1]} disagree about {rule}."
        found = partings.kept(f"{before}-{rule}", [rule], [title], logs, outright=False)
        if found.trace:
            return Behaviour(PARTED, found)
        if not found.same:
            return Behaviour(UNKNOWN, found)
    if left is None or right is None or left.level == right.level:
        return Behaviour(ALIKE)
    title = f"The shortest trace that breaks {rule}, which {names[0]} and {names[1]} count otherwise."
    found = partings.kept_both_break(f"{before}-{rule}-level", rule, [title], logs)
    return Behaviour(LEVEL, found, (left.level, right.level))


# --- declarations in words ------------------------------------------------------------------------------------------


def _described(spec: Spec, d: Declared | None) -> dict[str, str]:
    """Return what a declaration says, by aspect; what is empty is left out."""
    said: dict[str, str] = {}
    match d:
        case Rule():
            said = {"level": d.level, "text": d.text, "condition": demand(d.body), "reading": d.reading or ""}
            said |= {f"reading {r.name}": f"{demand(r.body)} ({r.text})" for r in d.readings}
            said |= {"applies": _applies(d), "instead": d.instead, "note": d.note, "cite": _cited(spec, d.cite)}
        case Property():
            said = {"text": d.text, "claim": _claim(d), "against": ", ".join(d.against), "cite": _cited(spec, d.cite)}
        case Assumption():
            condition = f"on {_patterns(d.patterns)}: {source(d.condition)}"
            said = {"text": d.text, "condition": condition, "cite": _cited(spec, d.cite)}
        case Statement():
            said = {"level": d.level, "text": d.text, "by": ", ".join(d.by), "because": d.because,
                    "cite": _cited(spec, d.cite)}  # fmt: skip
        case Parameter(readings=()):
            said = {"type": d.type.name, "default": source(d.default), "text": d.text, "cite": _cited(spec, d.cite)}
        case Parameter():
            said = {"default": d.reading, "text": d.text, **{f"reading {n}": why for n, why in d.readings},
                    "cite": _cited(spec, d.cite)}  # fmt: skip
        case Access():
            parts = ", ".join(f"{layer} {kind}".rstrip() for layer, kind in d.parts)
            said = {"layers": parts, "needs": ", ".join(d.needs), "text": d.text}
        case Layer():
            forms = ", ".join(f.headers or "nothing" for f in d.forms)
            said = {"headers": forms, "protects": "yes" if d.protects else "", "text": d.text, "adds": _adds(d)}
        case Party():
            sites = ", ".join(f"{a} = {b}" for a, b in d.sites)
            said = {"role": d.role, "for": d.tracked, "with": sites, "text": d.text}
        case Channel():
            carried = ", ".join(f"{'outer ' if c.outer else ''}{c.name} = {source(c.value)}" for c in d.carried)
            said = {"from": _patterns(d.sent), "to": _patterns(d.received), "carries": carried, "key": d.key,
                    "private": "yes" if d.private else "", "text": d.text}  # fmt: skip
        case str():
            said = {"text": d or "declared"}
    return {aspect: words for aspect, words in said.items() if words}


def _applies(rule: Rule) -> str:
    """Say on which capabilities a rule depends."""
    return ", ".join([*(f"given {c}" for c in rule.given), *(f"unless {c}" for c in rule.unless)])


def _adds(layer: Layer) -> str:
    """Say how many octets a layer adds."""
    return ", ".join(
        source(f.adds) + (f" given {f.given}" if f.given else "") for f in layer.forms if f.adds is not None
    )


def _patterns(patterns: Iterable[EventPattern]) -> str:
    """Return patterns as the specification writes them."""
    return ", ".join(p.source for p in patterns)


def _claim(p: Property) -> str:
    """Return what a property claims, as the specification writes it."""
    match p.claim:
        case Invariant(condition):
            return f"invariant {source(condition)}"
        case Whenever(patterns, condition):
            return f"whenever {_patterns(patterns)}: {source(condition)}"
        case Permitted(patterns):
            return f"permitted {_patterns(patterns)}"
        case Independent(variables, allowed):
            return f"independent {', '.join([*variables, *(f'allowed {q.source}' for q in allowed)])}"
        case _:
            return "consistent"


def _cited(spec: Spec, cite: tuple[Citation, ...]) -> str:
    """Return citations in words, by the document whose sections and lines they name."""
    by_document: dict[str, list[str]] = {}
    for c in cite:
        by_document.setdefault(c.document or spec.document, []).append(show_citation(c))
    return "; ".join(f"{document}: {', '.join(places)}" if document else ", ".join(places)
                     for document, places in by_document.items())  # fmt: skip
