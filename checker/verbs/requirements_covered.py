"""What covers each requirement: properties that rest on it, traces that keep and that break it, mutants, and what a
corpus of traces exercised.

Proofs are those of `prove` (certificates that are checked again), and every trace is judged here: nothing is believed
that was said earlier but results that are given as such (`results.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mipcheck.checker.check.check import conclude
from mipcheck.checker.console.progress import Steps
from mipcheck.checker.verbs.mutate_fates import Jury
from mipcheck.checker.verbs.prove_results import ToProve, prove_all
from mipcheck.checker.verbs.requirements_catalogue import Requirement, requirements
from mipcheck.checker.verbs.results import Corpus, Exercised, Mutated, check_about
from mipcheck.model.prover.variants import read_by, speaks_of
from mipcheck.model.specification.compose import owners
from mipcheck.model.specification.spec import Rule, Spec

if TYPE_CHECKING:
    from mipcheck.checker.check.report import Report

TIMEOUT: Final = 60.0
"""Seconds for all proofs together; certificates take a few."""
_KEPT: Final = ("held",)
_BROKEN: Final = ("violated",)
_UNCLEAR: Final = ("inconclusive", "unobservable")


@dataclass(frozen=True, slots=True)
class CoveredRule:
    """What covers a rule: properties that are refuted without it, and traces by name. `mutants` is None where nobody
    said what becomes of any."""

    needed_by: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    mutants: tuple[Mutated, ...] | None = None

    @property
    def noticed(self) -> tuple[str, ...]:
        """Who would notice that it is left out: a trace that breaks it would pass, a property would be refuted."""
        return (*self.needed_by, *self.broken)


@dataclass(frozen=True, slots=True)
class CoveredProperty:
    """What the prover says of a property, and the rules and assumptions that its proof needs."""

    result: str
    needs: tuple[str, ...] = ()
    assumes: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Covered:
    """The requirements of a specification, and what covers the names that encode them."""

    spec: Spec
    requirements: Sequence[Requirement]
    rules: Mapping[str, CoveredRule]
    properties: Mapping[str, CoveredProperty]
    traces: int
    corpora: Sequence[Corpus] = ()
    through: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The rules by which a name is covered that is neither a rule nor a property."""

    def rules_of(self, r: Requirement) -> list[str]:
        """Return the rules that encode a requirement, or depend on what does; each once."""
        found = [rule for name in r.by for rule in ([name] if name in self.rules else self.through.get(name, ()))]
        return list(dict.fromkeys(found))

    def over(self, corpus: Corpus, rules: Iterable[str]) -> Exercised:
        """Return what some rules came to in a corpus, together: a file counts for each of them."""
        files: dict[str, int] = {}
        times = 0
        for rule in rules:
            found = corpus.rules.get(rule)
            if found is not None:
                times += found.violations
                for status, n in found.files.items():
                    files[status] = files.get(status, 0) + n
        return Exercised(files, times)


def exercised(e: Exercised) -> str:
    """Return in a word what a corpus shows: broken, kept, unclear (it came up and could not be judged) or never."""
    for word, statuses in (("broken", _BROKEN), ("kept", _KEPT), ("unclear", _UNCLEAR)):
        if any(e.files.get(s) for s in statuses):
            return word
    return "never"


def covered(
    spec: Spec,
    called: str,
    *,
    traces: Sequence[str] | None = None,
    corpora: Sequence[Corpus] = (),
    mutants: tuple[str, Mapping[str, Sequence[Mutated]]] | None = None,
    timeout: float = TIMEOUT,
) -> Covered:
    """Find what covers every requirement. `called` is the specification as on the command line; `traces` are logs, None
    for those that come along; `timeout` is in seconds, for all proofs together.

    Raises UsageError for results of another specification, InputError for a log that cannot be read.
    """
    for name, of in [(c.name, c.spec) for c in corpora] + ([("--mutants", mutants[0])] if mutants else []):
        check_about(name, of, spec.name)
    properties = _proved(spec, called, timeout)
    reports = _judged(spec, traces, timeout)
    known = None if mutants is None else mutants[1]
    return Covered(
        spec,
        requirements(spec),
        _rules(spec, properties, reports, known),
        properties,
        len(reports),
        tuple(corpora),
        _through(spec),
    )


def _proved(spec: Spec, called: str, timeout: float) -> dict[str, CoveredProperty]:
    """Return what is proved of the specification, by property."""
    if not owners(spec):
        return {}
    found = [p.result for p in prove_all(ToProve(spec, called, timeout=timeout))]
    return {
        r.name: CoveredProperty(r.result, _plain(n.rule for n in r.needs), r.assumes or (), r.reason) for r in found
    }


def _plain(rules: Iterable[str]) -> tuple[str, ...]:
    """Return rules by the names that they have in their role, each once: of a system they begin with a party's."""
    return tuple(dict.fromkeys(r.rpartition("/")[2] for r in rules))


def _judged(spec: Spec, traces: Sequence[str] | None, timeout: float) -> dict[str, Report]:
    """Return what the specification says of each trace, by name."""
    jury = Jury(spec, traces, timeout)
    reports: dict[str, Report] = {}
    with Steps(len(jury.witnesses), "judging traces") as steps:
        for w in jury.witnesses:
            steps.step(w.name)
            reports[w.name] = conclude(jury.watched(jury.spec, w.trace, jury.originals))
    return reports


def _rules(
    spec: Spec,
    properties: Mapping[str, CoveredProperty],
    reports: Mapping[str, Report],
    mutants: Mapping[str, Sequence[Mutated]] | None,
) -> dict[str, CoveredRule]:
    """Return what covers each rule, of whatever role."""
    traces: dict[str, dict[str, list[str]]] = {}
    for trace, report in reports.items():
        for r in report.rules:
            traces.setdefault(r.id, {}).setdefault(r.status, []).append(trace)
    found = {}
    for name in (name for machine in spec.machines() for name in machine.rules):
        statuses = traces.get(name, {})
        found[name] = CoveredRule(
            tuple(p for p, known in properties.items() if name in known.needs),
            tuple(t for s in _KEPT for t in statuses.get(s, ())),
            tuple(t for s in _BROKEN for t in statuses.get(s, ())),
            None if mutants is None else tuple(mutants.get(name, ())),
        )
    return found


def _through(spec: Spec) -> dict[str, tuple[str, ...]]:
    """Return the rules that depend on each parameter, capability, layer and access mode, and those of each role."""
    rules: list[Rule] = [r for machine in spec.machines() for r in machine.rules.values()]
    read = {r.id: read_by(r) for r in rules}
    found = {name: tuple(r.id for r in rules if name in read[r.id]) for name in spec.parameters}
    for name in (*spec.capabilities, *spec.layers, *spec.accesses):
        found[name] = tuple(r.id for r in rules if speaks_of(spec, r, name))
    return found | {machine.role: tuple(machine.rules) for machine in spec.machines()}
