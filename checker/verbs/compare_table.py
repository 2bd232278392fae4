"""The table of `mipcheck compare`: proposals by guidelines, and what decides each cell.

A guideline is a question, which `candidates/common` or a specification that is compared declares. What a proposal
answers stands in its own specification; here that is found anew, from certificates where there are some.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mipcheck.checker.console.errors import UsageError, listed
from mipcheck.checker.console.progress import Steps
from mipcheck.checker.proofs.partings import PartingLog, Partings
from mipcheck.checker.verbs.claims import Decision, Decisions
from mipcheck.model.language import catalogue as k
from mipcheck.model.specification.catalogue import QUESTIONS
from mipcheck.model.specification.claimed import Assumption, Property
from mipcheck.model.specification.load import every_bundled, load
from mipcheck.model.specification.parties import attacker
from mipcheck.model.specification.spec import Configure, Spec
from mipcheck.model.specification.term import FALSE, TRUE, EventPattern

KINDS: Final = {
    "proved": "proof", "shown": "trace", "computed": "number", "declared": "change", "opinion": "opinion",
    "missing": "unknown",
}  # fmt: skip
"""What a cell shows, by what decides it."""
SILENT: Final = "it says nothing about that"


@dataclass(frozen=True, slots=True)
class Fact:
    """A part of a cell: a proof, a trace, a number, a change, an opinion, or what is unknown.

    `by` is what decides it as it is written in the specification, `text` what it came to in words, `value` a number,
    and `trace` a counterexample as a log. `wrong` says how that differs from what the specification says.
    """

    kind: str
    text: str
    by: str = ""
    value: int | None = None
    trace: str = ""
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """Guidelines by name, and of each the facts by specification, as those are called on the command line.

    `apart` is what tells two specifications apart beside their answers, where just two are compared: a trace, or the
    reason why there is none.
    """

    specs: tuple[str, ...]
    guidelines: Mapping[str, k.GuidelineDecl]
    cells: Mapping[str, Mapping[str, tuple[Fact, ...]]]
    apart: PartingLog | None = None

    @property
    def wrong(self) -> bool:
        """Whether anything is not as a specification says."""
        return any(f.wrong and f.kind != "unknown" for f in self.facts)

    @property
    def unknown(self) -> bool:
        """Whether the prover gave up on something."""
        return any(f.wrong and f.kind == "unknown" for f in self.facts)

    @property
    def facts(self) -> list[Fact]:
        """All of them, by guideline."""
        return [f for row in self.cells.values() for cell in row.values() for f in cell]

    def differing(self) -> list[str]:
        """Return the guidelines by which not all specifications come to the same."""
        return [g for g, row in self.cells.items() if len({_essence(cell) for cell in row.values()}) > 1]


def names_of_all() -> list[str]:
    """Return the names of all specifications that come with mipcheck and answer guidelines."""
    return [name for name in every_bundled() if load(name).answers]


def compared(specs: Sequence[tuple[str, Spec]], timeout: float, fresh: bool = False) -> Compared:
    """Compare specifications, each with its name as on the command line; `timeout` is in seconds for each property,
    and `fresh` that what certificates show is proved anew.

    Raises UsageError where they have nothing to be compared by, and what the prover raises.
    """
    guidelines = dict(load(QUESTIONS).guidelines)
    for _, spec in specs:
        guidelines |= spec.guidelines
    mute = [name for name, spec in specs if not spec.answers]
    if len(mute) == len(specs):
        raise UsageError(f"{listed(mute)}: no guideline is answered, so that there is nothing to compare;"
                         " specs/candidates/README.md says how to write an answer")  # fmt: skip
    cells: dict[str, dict[str, tuple[Fact, ...]]] = {g: {} for g in guidelines}
    with Steps(len(specs), "comparing") as steps:
        for name, spec in specs:
            steps.step(name)
            decisions = Decisions(spec, name, timeout, fresh)
            decisions.prove([p for a in spec.answers.values() for g in a.grounds for p in _properties(g)])
            for g in guidelines:
                cells[g][name] = _cell(spec, decisions, g)
    apart = _apart(specs, timeout) if len(specs) == 2 else None
    return Compared(tuple(name for name, _ in specs), guidelines, cells, apart)


def _properties(ground: k.Ground) -> tuple[str, ...]:
    return ground.properties if isinstance(ground, k.Proved | k.Shown) else ()


def _cell(spec: Spec, decisions: Decisions, guideline: str) -> tuple[Fact, ...]:
    """Return what a specification comes to by a guideline."""
    answer = spec.answers.get(guideline)
    if answer is None:
        return (Fact("unknown", SILENT),)
    return tuple(_fact(spec, d) for ground in answer.grounds for d in decisions.of(ground).values())


def _fact(spec: Spec, d: Decision) -> Fact:
    kind = KINDS[d.kind]
    if d.kind in ("proved", "shown"):
        p, system = _named(spec, d.name)
        said = f"{p.text} [{attacker(p.against)}]" if system else p.text
        # Also where it is not what the specification says, a proof is a proof, and a counterexample one.
        kind = {"proved": "proof", "refuted": "trace"}.get(d.found, "unknown")
        return Fact(kind, said, d.name, trace=d.trace, wrong=d.wrong)
    if d.kind == "declared":
        return Fact(kind, d.found, d.name, wrong=d.wrong)
    if d.kind == "computed":
        # Where a layer does not say what the figure takes, there is no number that could be another than is said.
        known = d.value is not None
        return Fact(kind if known else "unknown", d.found if known else d.name, d.name, d.value, wrong=d.wrong)
    return Fact(kind, d.found)


def _named(spec: Spec, name: str) -> tuple[Property, bool]:
    """Return a property, and whether it is of a system, in which there is a network that somebody may sit in."""
    own = next((m.properties[name] for m in spec.machines() if name in m.properties), None)
    if own is not None:
        return own, False
    return next(s.properties[name] for s in spec.systems.values() if name in s.properties), True


def _essence(cell: tuple[Fact, ...]) -> tuple[tuple[object, ...], ...]:
    """Return what makes two cells the same: not how it is worded."""
    return tuple((f.kind, f.by if f.kind in ("change", "number") else "", f.value, f.wrong) for f in cell)


def _apart(specs: Sequence[tuple[str, Spec]], timeout: float) -> PartingLog:
    """Seek the shortest trace that one of two specifications allows and the other does not, at a party of both: one in
    words that both have, if there is one. Raises Disagreement."""
    (one, left), (other, right) = specs
    theirs = {m.role: m for m in right.machines()}
    shared = [(m, theirs[m.role]) for m in left.machines() if m.role in theirs]
    shared = [(mine, his) for mine, his in shared if set(mine.events) & set(his.events)]
    if not shared:
        return PartingLog(reason=f"{one} and {other} have no event in common, so that no trace can tell them apart;"
                                 " what they answer does")  # fmt: skip
    title = [f"The shortest trace on which {one} and {other} part."]
    found = []
    for mine, his in shared:
        found.append(_parted(mine, his, timeout, title))
        if found[-1].trace and not found[-1].both_read:
            found.append(_parted(_in_words_of(mine, his), _in_words_of(his, mine), timeout, title))
        if found[-1].trace and found[-1].both_read:
            return found[-1]
    first = next((f for f in found if f.trace), next((f for f in found if f.reason), None))
    alike = f"parties that {one} and {other} both have keep the same rules, so that no trace of theirs tells them apart"
    return first or PartingLog(reason=alike)


def _parted(left: Spec, right: Spec, timeout: float, title: list[str]) -> PartingLog:
    """Seek the shortest trace on which two machines of one role part; with no trace and no reason, their rules are the
    same. Raises Disagreement."""
    partings = Partings(left, right, timeout)
    rules = [r for r in partings.rules if not partings.alike(r)]
    # What a device does tells more than how its site is configured, and is sought first.
    of_sites = [r for r in rules if any(isinstance(s.rules[r].body, Configure) for s in (left, right) if r in s.rules)]
    found = PartingLog()
    for chosen in ([r for r in rules if r not in of_sites], of_sites):
        if chosen and not found.trace:
            found = partings.find(chosen, title)
    return found


def _in_words_of(spec: Spec, other: Spec) -> Spec:
    """Return a specification in whose traces nothing happens for which another has no word."""
    never = {
        f"no {n}": Assumption(f"no {n}", (), "", (EventPattern(n, TRUE, n),), FALSE)
        for n in spec.events
        if n not in other.events
    }
    return replace(spec, assumptions={**spec.assumptions, **never})
