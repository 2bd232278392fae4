"""What becomes of each mutant: who notices that it is not the original.

Traces are asked first, because that takes a moment: those that come along, and those that were found for earlier
mutants. Then whether it is proved that the mutant never does anything else than the original, which takes a second.
What is left is asked for properties that are proved of one of them and not of the other, where certificates are checked
before anything is searched for; and at last for a trace on which the two part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from mipcheck.checker.check.bulk import Watched
from mipcheck.checker.check.check import conclude
from mipcheck.checker.check.machine import machine_of
from mipcheck.checker.check.report import Report
from mipcheck.checker.console.errors import InputError, UsageError
from mipcheck.checker.console.progress import Steps
from mipcheck.checker.inputs.read import read_trace
from mipcheck.checker.inputs.trace import Trace
from mipcheck.checker.observe.watch import watch
from mipcheck.checker.proofs.certificates import taken_over
from mipcheck.checker.proofs.partings import Partings
from mipcheck.checker.proofs.replayed import check_names
from mipcheck.checker.site.site import Site
from mipcheck.checker.trace.source import fog_of
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.checker.verbs.mutate_reach import Reach, reach_of
from mipcheck.model.machine.compile import Machine
from mipcheck.model.specification.claimed import Consistent
from mipcheck.model.specification.compose import owners
from mipcheck.model.specification.layering import Layering
from mipcheck.model.specification.load import every_bundled, load
from mipcheck.model.specification.mutants import Mutant, mutants
from mipcheck.model.specification.spec import Spec
from mipcheck.model.values.packages import folder_of

if TYPE_CHECKING:
    from mipcheck.model.prover.prove import Result

KILLED: Final = "killed"
EQUIVALENT: Final = "equivalent"
SURVIVES: Final = "survives"
UNDECIDED: Final = "undecided"
TRACES: Final = ("", "shortest", "walks/{}")
"""Folders of the example traces; the last one is that of a specification."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a mutant: `killed` `by` a trace or a property; `equivalent` to the original, which is proved;
    `survives`, and `trace` shows where it parts from the original; or `undecided`, for a `reason`."""

    mutant: Mutant
    fate: str
    by: str = ""
    trace: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a report is made of, as far as it decides its `outcome`: `counts` by rule, each of which stands in it, and
    the rest of it."""

    counts: object
    rest: object


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A trace that was read, and what the original says of it.

    `kinds` are those of its events; None where what its sources do not show depends on all that a specification says.
    """

    name: str
    trace: Trace
    role: str
    kinds: frozenset[str] | None
    seen: Seen
    outcome: object


def outcome(report: Report) -> object:
    """Return what the tests of the example traces hold a report to: the verdict, what each rule came to, how often it
    was kept, broken and not to be judged, and what was found where and when."""
    judged = [r for r in report.rules if r.exercised or r.unknown or r.status != "not-exercised"]
    rules = [f"{r.id} {r.status} {r.kept} {r.broken} {r.unknown}" for r in judged]
    found = [f"{v.rule} {v.interface} {v.node} {v.time} {v.at.line}" for v in (*report.violations, *report.warnings)]
    return [report.verdict, rules, found]


def seen(watched: Watched) -> Seen:
    """Return what decides the `outcome`: to make a report takes longer than to observe."""
    observation, rules = watched.observation, watched.machine.rules
    tallies = zip(rules, observation.tallies, strict=True)
    counts = {r.id: (t.kept, t.broken, t.unknown) for r, t in tallies if t.kept or t.broken or t.unknown}
    found = [(f.rule, f.interface, f.node, f.time, f.event, f.overdue, f.count) for f in observation.findings]
    return Seen(counts, ([t.hole is None for t in observation.tallies], found))


def chosen(spec: Spec, names: Sequence[str], role: str | None, sample: int | None) -> list[Mutant]:
    """Return the mutants that are wanted; of a specification that extends a bundled one only those of its own text.

    A sample depends on what each mutant changes, and not on how many there are: where the specification changes, most
    of it stays. Raises UsageError for a name that is not known.
    """
    roles = [m.role for m in spec.machines()]
    check_names("role", [role] if role else [], roles)
    bases = [load(name) for name in spec.extends if name in every_bundled()]
    found = [m for m in mutants(spec, *bases) if role in (None, m.role)]
    known = {word for m in found for word in _called(m)}
    check_names("rule, definition, assumption, event or mutant", names, sorted(known))
    found = [m for m in found if not names or not set(names).isdisjoint(_called(m))]
    if not found:
        raise UsageError(f"{spec.name} has nothing to change")
    return found if sample is None else _drawn(found, sample)


def _drawn(found: Sequence[Mutant], count: int) -> list[Mutant]:
    """Return so many mutants by chance, the same ones every time, in their order."""
    alike: Counter[str] = Counter()
    drawn = []
    for n, m in enumerate(found):
        said = f"{m.role} {m.where} {m.what}"
        alike[said] += 1
        drawn.append((sha256(f"{said} {alike[said]}".encode()).digest(), n))
    return [found[n] for n in sorted(n for _, n in sorted(drawn)[:count])]


def _called(m: Mutant) -> set[str]:
    """Return the names by which a mutant is asked for."""
    return {m.id, *m.where.partition(" ")[2].split("+")}


def fates(
    spec: Spec, wanted: Sequence[Mutant], paths: Sequence[str] | None, timeout: float, search: bool = True
) -> list[Fate]:
    """Return what became of each mutant wanted. `timeout` is in seconds, for each call of a solver.

    Raises InputError for a log that cannot be read, and Disagreement.
    """
    jury = Jury(spec, paths, timeout)
    found = []
    with Steps(len(wanted), "changing") as steps:
        for mutant in wanted:
            steps.step(mutant.id)
            found.append(jury.fate(mutant, search))
    return found


class Jury:
    """All who may notice a change of one specification."""

    def __init__(self, spec: Spec, paths: Sequence[str] | None, timeout: float) -> None:
        self.spec, self.timeout = spec, timeout
        self.machines = {m.role: m for m in spec.machines()}
        self.originals: dict[str, Machine] = {}
        self._results: dict[str, Result] = {}
        self.certificates = taken_over(spec)
        self.witnesses = [w for path in paths or () for w in self._read(Path(path))]
        if paths is None:
            # What comes along is about the draft, whose words not every specification has.
            for path in _bundled(spec.name):
                with suppress(InputError, UsageError):
                    self.witnesses += self._read(Path(path))

    def _read(self, path: Path) -> Iterator[Witnessed]:
        """Read a log, and judge it.

        Raises InputError for a log in words that the specification does not have, UsageError for a role that it
        has not.
        """
        trace = read_trace([str(path)], vocabulary_of(self.spec), protects=Layering(self.spec).protected)
        if trace.site.role in self.machines:
            watched = self.watched(self.spec, trace, self.originals)
            evidence = trace.evidence(watched.machine.spec)
            plain = evidence.exact and not evidence.unplugged and fog_of(watched.machine, evidence) is None
            kinds = frozenset(e.kind for e in trace.events) if plain else None
            yield Witnessed(path.stem, trace, trace.site.role, kinds, seen(watched), outcome(conclude(watched)))

    def watched(self, spec: Spec, trace: Trace, machines: dict[str, Machine]) -> Watched:
        """Return what a specification observes in a trace; `machines` are those of this specification by site, as far
        as they have been made: that takes longer than a short trace."""
        machine = self._machine(spec, trace.site, machines)
        observation, modes = watch(machine, trace.events, trace.site.boot, trace.evidence(machine.spec))
        return Watched(machine, trace, observation, modes)

    def _machine(self, spec: Spec, site: Site, machines: dict[str, Machine]) -> Machine:
        """Return the machine of a specification for a site; the same one whether the node boots in the trace or not."""
        site = replace(site, boot=False)
        machine = machines.get(repr(site)) or machine_of(spec, site, kept=False)
        machines[repr(site)] = machine
        return machine

    def fate(self, mutant: Mutant, search: bool) -> Fate:
        """Return what becomes of a mutant."""
        if (by := self._trace(mutant)) is not None:
            return Fate(mutant, KILLED, by)
        if not search:
            return Fate(mutant, UNDECIDED, reason="no trace notices it, and nothing else was asked")
        original = self.machines[mutant.role]
        from mipcheck.model.prover.same import EACH, never_differs

        if never_differs(original, mutant.machine, self._watched(mutant.role), min(EACH, self.timeout)):
            return Fate(mutant, EQUIVALENT, reason="it is proved to do the same with every event in every state")
        by, open_ = self._property(mutant)
        return self._parted(mutant, original, open_) if by is None else Fate(mutant, KILLED, by)

    def _parted(self, mutant: Mutant, original: Spec, open_: Sequence[str]) -> Fate:
        """Return what becomes of a mutant that nobody notices: a trace on which it parts from the original, if there
        is one of some rule. Properties that are `open` were not decided."""
        partings = Partings(original, mutant.machine, self.timeout)
        reasons = [f"not decided: {', '.join(open_)}"] if open_ else []
        for rule in [r for r in original.rules if not partings.alike(r)]:
            found = partings.find([rule], _title(self.spec, mutant, rule))
            if found.trace and found.outright:
                self._remember(mutant, found.trace)
                return Fate(mutant, SURVIVES, trace=found.trace)
            reasons += [f"{rule}: {found.reason}"] if found.reason and not found.same else []
        reason = reasons[0] if reasons else "no rule and no property tells the difference"
        return Fate(mutant, UNDECIDED, reason=reason)

    def _watched(self, role: str) -> set[str]:
        """Return the variables and tables of a role of which systems speak that it is a party to."""
        found = set()
        for system in self.spec.systems.values():
            parties = {p.name for p in system.parties.values() if p.role == role}
            terms = [t for p in system.properties.values() for t in p.terms()]
            terms += [t for a in system.assumptions.values() for t in a.terms()]
            terms += [t for u in system.updates if all("/" not in n for n, _ in u.assignments) for t in u.terms()]
            for name in {n for t in terms for n in t.reads()}:
                party, _, variable = name.partition("/")
                found |= {variable} if party in parties else set()
        return found

    def _trace(self, mutant: Mutant) -> str | None:
        """Return the name of the first trace that is judged otherwise."""
        machines: dict[str, Machine] = {}
        reaches: dict[int, Reach] = {}
        for w in self.witnesses:
            if w.role != mutant.role:
                continue
            changed = self._machine(mutant.spec, w.trace.site, machines)
            if id(changed) not in reaches:
                reaches[id(changed)] = reach_of(self._machine(self.spec, w.trace.site, self.originals), changed)
            if (w.kinds is None or reaches[id(changed)].shows_in(w.kinds)) and self.notices(w, mutant, machines):
                return w.name
        return None

    def notices(self, w: Witnessed, mutant: Mutant, machines: dict[str, Machine]) -> bool:
        """Decide whether a trace is judged otherwise by a mutant."""
        watched = self.watched(mutant.spec, w.trace, machines)
        now = seen(watched)
        return now.counts != w.seen.counts or (now.rest != w.seen.rest and outcome(conclude(watched)) != w.outcome)

    def _remember(self, mutant: Mutant, text: str) -> None:
        """Take a trace that was found for one mutant among the witnesses: it may notice others."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"{mutant.id}.log"
            path.write_text(text, "utf-8")
            self.witnesses += self._read(path)

    def _property(self, mutant: Mutant) -> tuple[str | None, list[str]]:
        """Return the first property, of the role or of a system, that is refuted now or no more, since some are claimed
        for what refutes them; of which nothing can happen any more; or that does without a rule that it needs. Whether
        rules fit together is asked last. Where there is none, return those that were not decided."""
        from mipcheck.model.prover.concerned import concerned
        from mipcheck.model.prover.prove import Proofs

        original = self.machines[mutant.role]
        proofs = Proofs(mutant.spec, timeout=self.timeout, certificate=self.certificates, briefly=True)
        before, after = owners(self.spec), owners(mutant.spec)
        wanted = [
            name
            for name, p in original.properties.items()
            if not isinstance(p.claim, Consistent)
            and (concerned(original, mutant.machine, p) or self._rests_on_all(name))
        ]
        wanted += [n for system in self.spec.systems.values() for n in system.properties if before[n] != after[n]]
        fitting = [n for n, p in original.properties.items() if isinstance(p.claim, Consistent)]
        open_: list[str] = []

        def told(name: str) -> bool:
            verdict = proofs.verdict(name).result
            if verdict == "unknown" or self._original(name).result == "unknown":
                open_.append(name)
                return False
            return verdict != self._original(name).result

        noticing = chain(
            filter(told, wanted),
            (n for n in wanted for rule in self._needs(n) if proofs.spared(n, rule)),
            filter(told, fitting),
        )
        return next(noticing, None), open_

    def _needs(self, name: str) -> list[str]:
        """Return the rules without which a property fails, as its certificate shows."""
        certificate = self.certificates(name)
        found = [] if certificate is None else list(certificate.scripts)
        return [rule for rule in found if ":" not in rule]

    def _original(self, name: str) -> Result:
        """Return what the original comes to by a property, found once."""
        if name not in self._results:
            from mipcheck.model.prover.prove import Proofs

            original = Proofs(self.spec, timeout=self.timeout, certificate=self.certificates, briefly=True)
            self._results[name] = original.verdict(name)
        return self._results[name]

    def _rests_on_all(self, name: str) -> bool:
        """Decide whether more than the rules on its own events decide a property: it is proved by all, or refuted."""
        kept = self.certificates(name) or self._original(name).certificate
        return kept is not None and (not kept.proofs or any(p.whole for p in kept.proofs.values()))


def _title(spec: Spec, mutant: Mutant, rule: str) -> list[str]:
    """Return what a trace that tells a mutant from the original says about itself."""
    return [
        f"What {spec.name} says in {mutant.where}, told by {rule} from what it would say otherwise:",
        f"{mutant.what}. Found by mipcheck mutate.",
    ]


def _bundled(spec: str) -> Iterable[str]:
    """Yield the paths of the example traces that come along, for a specification by its name."""
    folder = folder_of("mipcheck.traces")
    for name in TRACES:
        there = folder / name.format(spec)
        if there.is_dir():
            yield from sorted(str(f) for f in there.iterdir() if f.name.endswith(".log"))
