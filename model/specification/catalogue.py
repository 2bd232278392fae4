"""What is said of a proposal: entities, points, guidelines and answers are read, and what decides them is looked up."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final, TypeVar

from mipcheck.model.language import catalogue as k
from mipcheck.model.language.expression import Place
from mipcheck.model.specification import spec as m
from mipcheck.model.specification.flatten import KINDS, Loader
from mipcheck.model.specification.names import Names
from mipcheck.model.values.nearest import nearest

QUESTIONS: Final = "candidates/common"
"""The specification that has the guidelines by which all proposals are compared."""

_D = TypeVar("_D", k.EntityDecl, k.GuidelineDecl, k.PointDecl, k.AnswerDecl)


def said(n: Names, kind: type[_D]) -> dict[str, _D]:
    """Return the declarations of a kind by name; answers by the guideline that they are to.

    Raises SpecError for one that is declared twice.
    """
    found = {}
    for d in n.each(kind):
        n.declare(KINDS[kind], d.name, d.at)
        found[d.name] = d
    return found


def check(n: Names, specs: Sequence[m.Spec], known: Collection[str]) -> None:
    """Raise SpecError where a claim rests on what there is not; `known` are names that may encode something."""
    properties = [name for spec in specs for name in spec.properties]
    for e in n.each(k.EntityDecl):
        _check(n, e.by, known, e.at)
    for d in _claims(n):
        for ground in d.grounds:
            match ground:
                case k.Proved(names) | k.Shown(names):
                    _check(n, names, properties, ground.at, "property")
                case k.Declared(claimed):
                    declared = [e.declaration.name for e in n.items if isinstance(e.declaration, k.EntityDecl)]
                    _check(n, [name for name, _ in claimed], declared, ground.at, "entity")
                case k.Computed(figures):
                    for figure in figures:
                        for _, measure in (*figure.terms, *figure.value):
                            if isinstance(measure, k.Measure):
                                _check_measure(n, measure)


def check_answers(n: Names, load: Loader) -> None:
    """Raise SpecError for an answer to what is no guideline, neither one that is declared beside it nor one of all."""
    own = [d.name for d in n.each(k.GuidelineDecl)]
    common: list[str] = []
    for d in n.each(k.AnswerDecl):
        if d.name not in (*own, *common):
            common = [g.name for g in load(QUESTIONS)[0].declarations if isinstance(g, k.GuidelineDecl)]
        if d.name not in (*own, *common):
            hint = nearest(d.name, [*own, *common])
            n.fail(d.at, f'there is no guideline "{d.name}"', f"{hint}; one of your own is declared beside its answer")


def _claims(n: Names) -> Iterator[k.PointDecl | k.AnswerDecl]:
    yield from n.each(k.PointDecl)
    yield from n.each(k.AnswerDecl)


def _check(n: Names, names: Sequence[str], known: Collection[str], at: Place, what: str = "") -> None:
    for name in names:
        if name not in known:
            n.fail(at, f'there is no {what} "{name}"' if what else f'nothing is called "{name}"', nearest(name, known))


def _check_measure(n: Names, measure: k.Measure) -> None:
    """Raise SpecError for a measure of what there is not, or of what has no such measure."""
    if measure.what == "entities":
        return
    if measure.of in n.layers:
        if measure.what != "octets":
            n.fail(measure.at, f"a layer alone has no {measure.what}", "access modes have")
        return
    if measure.of not in n.accesses:
        known = [*n.accesses, *n.layers]
        n.fail(measure.at, f'no access mode or layer is called "{measure.of}"', nearest(measure.of, known))
