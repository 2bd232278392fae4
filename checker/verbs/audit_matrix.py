"""The matrix of `mipcheck audit`: for every requirement of the catalogue, what encodes it, what notices that it is
missing, a trace that exercises it and one that breaks it.

All traces are made by the prover, or kept in certificates and followed once more, and replayed here: one that the
observer judges otherwise is an internal error. What is not found counts as lacking, for it may not be there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from mipcheck.checker.console.progress import Steps
from mipcheck.checker.console.valid_json import SCHEMA, dumps
from mipcheck.checker.proofs.certificates import known
from mipcheck.checker.proofs.kept import KeptLogs
from mipcheck.checker.proofs.partings import Partings
from mipcheck.checker.proofs.replayed import Disagreement, broken_in, trace_text
from mipcheck.checker.verbs.claims import Decision, Decisions
from mipcheck.checker.verbs.requirements_catalogue import Requirement, answered, requirements
from mipcheck.model.prover.evidence import Known, Searches, about_the_same
from mipcheck.model.prover.setting import setting_of
from mipcheck.model.prover.variants import speaks_of
from mipcheck.model.specification.claimed import Consistent, Independent, Invariant, Property
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.overhead import Overhead, Untold
from mipcheck.model.specification.spec import Configure, Parameter, Rule, Spec
from mipcheck.model.specification.term import Term
from mipcheck.model.values.errors import MipcheckError

if TYPE_CHECKING:
    from mipcheck.model.prover.witness import Witness

TIMEOUT: Final = 20.0
"""Seconds for each call of a solver."""
BY_TRACE: Final = "trace"
"""The name in `noticed` of a rule's own breaking trace, which passes if the rule is missing."""


@dataclass(frozen=True)
class Coverage:
    """The evidence that a rule, property, parameter, … is there for something.

    `noticed` names what would notice its absence; `exercised` and `broken` are logs, empty if none was found. Where
    `silent`, no trace could show it, and none is asked for. `failed` says what was found where a claim is decided by
    something that does not.
    """

    noticed: tuple[str, ...] = ()
    exercised: str = ""
    broken: str = ""
    silent: bool = False
    failed: str = ""
    prohibits: bool = False
    """It is a prohibition without exception, which nothing that it is about can keep."""

    @property
    def lacks(self) -> list[str]:
        """What is missing, in words."""
        if self.failed:
            return [self.failed]
        missing = [] if self.noticed else ["something that notices its absence"]
        if not self.silent:
            missing += [] if self.exercised or self.prohibits else ["a trace that exercises it"]
            missing += [] if self.broken else ["a trace that breaks it"]
        return missing


@dataclass(frozen=True)
class MatrixRow:
    """A requirement, and what covers each name that encodes it, of which an informative one has none."""

    requirement: Requirement
    coverage: Mapping[str, Coverage]

    @property
    def lacks(self) -> list[str]:
        """What is missing, in words, each with the name that lacks it."""
        if not self.requirement.by and not self.requirement.reason:
            return ["a rule or a reason"]
        return [f"{what} ({name})" for name, c in self.coverage.items() for what in c.lacks]


def audit(spec: Spec, timeout: float = TIMEOUT, kept: KeptLogs | None = None) -> list[MatrixRow]:
    """Seek what covers every requirement; `timeout` is in seconds, for each call of a solver.

    Evidence that is `kept`, in certificates and as logs, is followed and replayed. Raises Disagreement, UsageError.
    """
    kept = kept or KeptLogs("")
    auditor = _Auditor(spec, timeout, kept)
    found = [*requirements(spec), *answered(spec)]
    catalogue = [r for r in found if not r.grounds]
    # What takes time is a name, which many requirements may have in common, and some have none.
    names = list(dict.fromkeys(name for r in catalogue for name in r.by))
    with Steps(len(names), "auditing") as steps:
        for name in names:
            steps.step(name)
            auditor.coverage(name)
    decided = Decisions(spec, kept.spec)
    rows = []
    for r in found:
        of_claim = {name: _decided(c) for g in r.grounds for name, c in decided.of(g).items()}
        rows.append(MatrixRow(r, of_claim or {name: auditor.coverage(name) for name in r.by}))
    return rows


def _decided(d: Decision) -> Coverage:
    """Return what covers something that decides a claim: what was found of it is as it was said to be, or not."""
    broken = d.trace if d.as_said else ""
    return Coverage((d.found,), broken=broken, silent=True, failed="" if d.as_said else d.wrong)


class _Auditor:
    """Seeks what covers names, each once: many requirements have a name in common."""

    def __init__(self, spec: Spec, timeout: float, kept: KeptLogs) -> None:
        """What is `kept` of it, certificates and logs, is looked at before anything is sought."""
        self._spec, self._timeout, self._kept = spec, timeout, kept
        self._known: Known = known(kept.spec) if kept.spec and not kept.anew else lambda _: None
        self._found: dict[str, Coverage] = {}
        self._evidence: dict[tuple[str, frozenset[str]], Searches] = {}

    def coverage(self, name: str) -> Coverage:
        """Return what covers a name of the specification. Raises Disagreement, as all that is called here."""
        if name not in self._found:
            self._found[name] = self._of(name)
        return self._found[name]

    def _of(self, name: str) -> Coverage:
        """Seek what covers a name, by what it names."""
        for machine in self._spec.machines():
            if name in machine.rules:
                return self._rule(machine, machine.rules[name])
            if name in machine.properties:
                return self._property(machine, machine.properties[name])
            if name in machine.assumptions:
                return self._assumption(machine, name)
            if name == machine.role:
                return self._through(machine.rules.values())
        for system in self._spec.systems.values():
            if name in system.properties or name == system.role:
                return self._system([name] if name in system.properties else list(system.properties))
        if name in self._spec.parameters:
            return self._parameter(self._spec.parameters[name])
        rules = [
            r for machine in self._spec.machines() for r in machine.rules.values() if speaks_of(self._spec, r, name)
        ]
        found = self._through(rules)
        return found if not found.lacks else self._by_overhead(name) or found

    # --- rules and properties -------------------------------------------------------------------------------------

    def _rule(self, machine: Spec, rule: Rule) -> Coverage:
        """Seek traces that exercise and that break a rule, with the fewest capabilities or else with all."""
        given = frozenset(rule.given)
        everything = frozenset(machine.capabilities) - set(rule.unless) | given
        found: list[Coverage] = []
        for capabilities in dict.fromkeys((given, everything)):
            found.append(self._rule_of(machine, rule, capabilities))
            if found[-1].broken and (found[-1].exercised or rule.is_prohibition):
                return found[-1]
        return min(found, key=lambda c: len(c.lacks))

    def _rule_of(self, machine: Spec, rule: Rule, capabilities: frozenset[str]) -> Coverage:
        """Seek the same for a node of these capabilities."""
        evidence = self._telling(machine, capabilities, rule)
        kept, broken = (evidence.of_rule(rule.id, which) for which in (False, True))
        told = evidence.setting.given
        exercised = "" if kept is None else self._replayed(machine, kept, capabilities, frozenset(), told)
        if broken is None:
            return Coverage((), exercised, prohibits=rule.is_prohibition)
        # Some rules cannot be broken alone: a stricter SHOULD lies around them, or another rule forbids the site.
        breaking = self._replayed(machine, broken, capabilities, broken.broken | {rule.id}, told)
        rest = replace(machine, rules={n: r for n, r in machine.rules.items() if n != rule.id})
        noticed = [BY_TRACE] if broken_in(rest, breaking) == broken.broken - {rule.id} else []
        for p in machine.properties.values():
            if about_the_same(machine, p, rule) and not isinstance(p.claim, Independent):
                trace = evidence.noticed(p, rule.id)
                if trace is not None:
                    self._replayed(machine, trace, capabilities, frozenset({rule.id}), told)
                    noticed.append(p.name)
        return Coverage(tuple(noticed), exercised, breaking, prohibits=rule.is_prohibition)

    def _property(self, machine: Spec, p: Property) -> Coverage:
        """Seek a trace to which a property applies, and one that refutes it where a rule is missing."""
        if isinstance(p.claim, Consistent):
            of_rules = [self.coverage(r) for r in machine.rules]
            whole = all((c.exercised or c.prohibits) and c.broken for c in of_rules)
            return Coverage(("two traces of every rule",) if whole else (), silent=True)
        nothing = frozenset[str]()
        evidence = self._of_machine(machine, nothing)
        arises = evidence.arises(p)
        exercised = "" if arises is None else self._replayed(machine, arises, nothing, nothing)
        for rule in machine.rules.values():
            if rule.id not in evidence.setting.rules or not (
                isinstance(p.claim, Invariant) or about_the_same(machine, p, rule)
            ):
                continue
            trace = evidence.noticed(p, rule.id)
            if trace is not None:
                return Coverage((f"{p.name} without {rule.id}",), exercised,
                               self._replayed(machine, trace, nothing, trace.broken))  # fmt: skip
        return Coverage((), exercised)

    def _system(self, names: list[str]) -> Coverage:
        """Return what covers properties of a system: their proofs, of which each is about what its parties do together,
        so that no trace of one party exercises or breaks it."""
        found = Decisions(self._spec, self._kept.spec).prove(names)
        failed = [f"{n} is {p.result.result}" for n, p in found.items() if p.result.result != "proved"]
        return Coverage(tuple(names), silent=True, failed=", ".join(failed))

    def _assumption(self, machine: Spec, name: str) -> Coverage:
        """Seek a trace that honours an assumption, and one that refutes a property where it is missing."""
        nothing = frozenset[str]()
        evidence = self._of_machine(machine, nothing)
        honoured = evidence.honoured(machine.assumptions[name])
        exercised = "" if honoured is None else self._replayed(machine, honoured, nothing, nothing)
        for p in machine.properties.values():
            trace = evidence.relied_on(machine.assumptions[name], p)
            if trace is not None:
                return Coverage((p.name,), exercised, self._replayed(machine, trace, nothing, nothing))
        return Coverage((), exercised)

    # --- what is no rule of its own -------------------------------------------------------------------------------

    def _parameter(self, p: Parameter) -> Coverage:
        """Seek another value that makes a difference to a rule, and a trace that is allowed with one value only."""
        tried = list(with_other_values(self._spec, p, self._timeout))

        def seek() -> str:
            title = [f"The shortest trace to which {p.name} makes a difference."]
            for partings in tried:
                rules = [r for r in partings.left.rules if not partings.alike(r)]
                if trace := partings.find(rules, title).trace:
                    return trace
            return ""

        log = self._kept.log(f"parameter-{p.name}", lambda log: any(decide(by, log) for by in tried), seek)
        for partings in tried if log else ():
            if decides := decide(partings, log):
                through = self._through(partings.left.rules[r] for r in sorted(decides))
                return Coverage((BY_TRACE, *sorted(decides)), through.exercised, log)
        return self._by_overhead(p.name) or Coverage()

    def _through(self, rules: Iterable[Rule]) -> Coverage:
        """Return what covers the first rule that has all, with the names of all rules that have."""
        whole = [(r.id, c) for r in rules if not (c := self.coverage(r.id)).lacks]
        if not whole:
            return Coverage()
        first = next((c for _, c in whole if c.exercised), whole[0][1])
        names = tuple(name for name, _ in whole)
        return Coverage(names, first.exercised, first.broken, prohibits=not first.exercised)

    def _by_overhead(self, name: str) -> Coverage | None:
        """Return what covers a name that makes a difference to octets only, which no trace shows: the table of
        `mipcheck overhead`. None if that stays the same."""
        before, after = _octets(self._spec, None), _octets(self._spec, name)
        return Coverage(("overhead",), silent=True) if before and before != after else None

    # --- traces ---------------------------------------------------------------------------------------------------

    def _of_machine(self, machine: Spec, capabilities: frozenset[str]) -> Searches:
        """Return the prover's evidence for a node with these capabilities."""
        key = machine.role, capabilities
        if key not in self._evidence:
            setting = setting_of(machine, capabilities=capabilities, timeout=self._timeout)
            self._evidence[key] = Searches(setting, known=self._known)
        return self._evidence[key]

    def _telling(self, machine: Spec, capabilities: frozenset[str], rule: Rule) -> Searches:
        """Return the same for a node whose site gives the parameters without which a rule says nothing."""
        evidence = self._of_machine(machine, capabilities)
        return evidence.telling(rule.id) if rule.id in evidence.setting.rules else evidence

    def _replayed(
        self, machine: Spec, trace: Witness, capabilities: frozenset[str], expected: frozenset[str],
        given: Mapping[str, int] = MappingProxyType({}),
    ) -> str:  # fmt: skip
        """Return the trace as a log in which the observer finds what the prover said to be broken, among it `expected`.

        Besides, there may be SHOULDs that cannot but be broken, and rules on the site if it takes another site. Raises
        Disagreement.
        """
        text = trace_text(machine, trace, given, (), capabilities)
        found = broken_in(machine, text)
        if found != trace.broken or not expected <= found or _musts(machine, found - expected):
            raise Disagreement(
                f"the prover expects {sorted(trace.broken)} to be broken, above all {sorted(expected)},"
                f" the observer finds {sorted(found)}, in this trace:\n{text}"
            )
        return text


def with_other_values(spec: Spec, p: Parameter, timeout: float) -> Iterator[Partings]:
    """Yield each machine that speaks of a parameter beside itself with another value of that; `timeout` is in s."""
    for value in _other_values(p, configure(spec, {})[p.name]):
        other = _with_default(spec, p, value)
        for one, changed in zip(spec.machines(), other.machines(), strict=True):
            defaults = (q.default for q in one.parameters.values() if q.default is not None)
            if any(t.name == p.name for root in (*one.all_terms(), *defaults) for t in root.walk()):
                yield Partings(one, changed, timeout)


def decide(partings: Partings, log: str) -> set[str]:
    """Return the rules that only one of two machines finds broken in a log; none if they cannot read it."""
    try:
        left, right = (broken_in(machine, log) for machine in (partings.left, partings.right))
    except (MipcheckError, ValueError):  # it is about another role
        return set()
    return set(left ^ right)


def _musts(machine: Spec, rules: Iterable[str]) -> list[str]:
    """Return those of the rules that a node must keep by what it does."""
    known = (machine.rules[r] for r in rules)
    return [r.id for r in known if r.level == "MUST" and not isinstance(r.body, Configure)]


def _other_values(p: Parameter, value: int) -> list[int]:
    """Return values of a parameter that may make a difference, none of them `value`."""
    if p.type.members or p.type.name == "bool":
        return [n for n in range(len(p.type.members) or 2) if n != value]
    return [n for n in (0, 10 * value + 10, value // 2) if n != value]


def _with_default(spec: Spec, p: Parameter, value: int) -> Spec:
    """Return the specification with another default of one parameter, for all roles."""
    words = p.type.members[value] if p.type.members else ""
    parameters = {**spec.parameters, p.name: replace(p, default=Term("const", p.type, words, value))}
    roles = {n: replace(r, parameters=parameters) for n, r in spec.roles.items()}
    return replace(spec, parameters=parameters, roles=roles)


def _octets(spec: Spec, without: str | None) -> object:
    """Return what all modes cost where the layer or mode `without` is left out, that capability is not there, or that
    parameter is one more. None where costs are not declared."""
    values = configure(spec, {})
    if without in values:
        values[without] += 1
    parts = {a.name: tuple(p for p in a.parts if p[0] != without) for a in spec.accesses.values()}
    accesses = {a.name: replace(a, parts=parts[a.name], needs=tuple(c for c in a.needs if c != without))
                for a in spec.accesses.values() if parts[a.name] and a.name != without}  # fmt: skip
    layers = {
        n: replace(x, forms=tuple(f for f in x.forms if not without or f.given != without))
        for n, x in spec.layers.items()
    }
    overhead = Overhead(replace(spec, accesses=accesses, layers=layers), values)
    try:
        return [(a.name, a.needs, overhead.layers(a), overhead.layers(a, nat=True)) for a in accesses.values()], [
            overhead.table(nat) for nat in (False, True)
        ]
    except Untold:
        return None


# --- rendering ------------------------------------------------------------------------------------------------------


def audit_json(spec: Spec, rows: list[MatrixRow]) -> str:
    """Return the matrix as one JSON object, with all traces and what is lacking."""
    content = {
        "schema": SCHEMA,
        "spec": spec.name,
        "complete": not any(row.lacks for row in rows),
        "requirements": [_object(row) for row in rows],
    }
    return dumps(content, indent=2) + "\n"


def _object(row: MatrixRow) -> dict[str, Any]:
    """Return a row as JSON has it."""
    r = row.requirement
    return {
        "id": r.id,
        "level": r.level,
        "section": r.section,
        "kind": r.kind,
        "by": list(r.by),
        "reason": r.reason or None,
        "evidence": {
            name: {"noticed": list(c.noticed), "exercised": c.exercised or None, "broken": c.broken or None,
                   "silent": c.silent}
            for name, c in row.coverage.items()
        },
        "lacks": row.lacks,
    }  # fmt: skip


def audit_text(spec: Spec, rows: list[MatrixRow], width: int, colour: bool = False) -> str:
    """Return the matrix for a terminal of `width` columns, and below it what is lacking."""
    from mipcheck.checker.console.lines import Lines

    lines = Lines(width, colour)
    head = ("requirement", "kind", "kept in", "broken in", "noticed by")
    lines.table([[(word, "bold") for word in head], *(_cells(row) for row in rows)])
    lacking = [row for row in rows if row.lacks]
    for row in lacking:
        lines.line("")
        lines.title((row.requirement.id, "bold red"), (" lacks ", ""), ("; ".join(row.lacks), ""))
    lines.line("")
    informative = sum(not row.requirement.by for row in rows)
    lines.line(f"{spec.name}: {len(rows)} requirements, {informative} of them for a reason encoded by nothing; "
               + (f"{len(lacking)} lack something" if lacking else "none lacks anything"))  # fmt: skip
    return lines.text()


def _cells(row: MatrixRow) -> list[tuple[str, str]]:
    """Return the cells of a row, each with its style."""
    r, covered = row.requirement, list(row.coverage.values())
    if not covered:
        return [(r.id, ""), (r.kind, ""), ("-", ""), ("-", ""), ("a reason is given", "")]
    noticed = dict.fromkeys(n for c in covered for n in c.noticed)
    kept, broken = (_traces(covered, which) for which in (lambda c: c.exercised, lambda c: c.broken))
    return [(r.id, "red" if row.lacks else ""), (r.kind, ""), kept, broken, (_few(list(noticed)) or "NOTHING", "")]


def _few(names: list[str]) -> str:
    """Name the first two, and count the others."""
    return ", ".join(names[:2]) + (f" +{len(names) - 2}" if len(names) > 2 else "")


def _traces(covered: list[Coverage], which: Callable[[Coverage], str]) -> tuple[str, str]:
    """Tell how long the longest of the traces is, in events; with the cell's style."""
    shown = [c for c in covered if not c.silent and (which(c) or not c.prohibits)]
    if not shown:
        return "-", ""
    if not all(map(which, shown)):
        return "NONE", "red"
    events = max(sum(line[:1].isdigit() for line in which(c).splitlines()) for c in shown)
    return (f"{events} event{'s' * (events > 1)}" if events else "settings"), ""
