"""`mipcheck audit`: for every requirement of the catalogue, what encodes it, what notices that it is missing, a trace
that exercises it and one that breaks it.

All traces are made by the prover and replayed here: one that the observer judges otherwise is an internal error. What
is not found counts as lacking, for it may not be there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from mipcheck.checker.console.progress import Steps
from mipcheck.checker.proofs.partings import Partings
from mipcheck.checker.proofs.replayed import Disagreement, broken_in, trace_text
from mipcheck.checker.verbs.requirements import Requirement, requirements
from mipcheck.model.prover.evidence import Evidence, about_the_same
from mipcheck.model.prover.setting import setting_of
from mipcheck.model.prover.variants import speaks_of
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.overhead import Overhead, Untold
from mipcheck.model.specification.spec import (
    Configure,
    Consistent,
    Independent,
    Invariant,
    Parameter,
    Property,
    Rule,
    Spec,
)
from mipcheck.model.specification.term import Term

if TYPE_CHECKING:
    from mipcheck.model.prover.search import Witness

TIMEOUT: Final = 20.0
"""Seconds for each call of a solver."""
BY_TRACE: Final = "trace"
"""What notices that a rule is missing: its own breaking trace, which then passes."""


@dataclass(frozen=True)
class Finding:
    """What there is for a rule, property, parameter, …

    `noticed` names what would notice its absence; `exercised` and `broken` are logs, empty if none was found. Where
    `silent`, no trace could show it, and none is asked for.
    """

    noticed: tuple[str, ...] = ()
    exercised: str = ""
    broken: str = ""
    silent: bool = False

    @property
    def lacks(self) -> list[str]:
        missing = [] if self.noticed else ["something that notices its absence"]
        if not self.silent:
            missing += [] if self.exercised else ["a trace that exercises it"]
            missing += [] if self.broken else ["a trace that breaks it"]
        return missing


@dataclass(frozen=True)
class Line:
    """A requirement and what was found for each name that encodes it; none for what is informative."""

    requirement: Requirement
    findings: Mapping[str, Finding]

    @property
    def lacks(self) -> list[str]:
        if not self.requirement.by and not self.requirement.reason:
            return ["a rule or a reason"]
        return [f"{what} ({name})" for name, f in self.findings.items() for what in f.lacks]


def audit(spec: Spec, timeout: float = TIMEOUT) -> list[Line]:
    """`timeout` is in seconds, for each call of a solver. Raises Disagreement."""
    auditor = _Auditor(spec, timeout)
    catalogue = requirements(spec)
    # What takes time is a name, which many requirements may have in common, and some have none.
    names = list(dict.fromkeys(name for r in catalogue for name in r.by))
    with Steps(len(names), "auditing") as steps:
        for name in names:
            steps.step(name)
            auditor.finding(name)
    return [Line(r, {name: auditor.finding(name) for name in r.by}) for r in catalogue]


class _Auditor:
    def __init__(self, spec: Spec, timeout: float) -> None:
        self._spec, self._timeout = spec, timeout
        self._found: dict[str, Finding] = {}
        self._evidence: dict[tuple[str, frozenset[str]], Evidence] = {}

    def finding(self, name: str) -> Finding:
        """What there is for a name of the specification; found once."""
        if name not in self._found:
            self._found[name] = self._of(name)
        return self._found[name]

    def _of(self, name: str) -> Finding:
        for machine in self._spec.machines():
            if name in machine.rules:
                return self._rule(machine, machine.rules[name])
            if name in machine.properties:
                return self._property(machine, machine.properties[name])
            if name in machine.assumptions:
                return self._assumption(machine, name)
            if name == machine.role:
                return self._through(machine.rules.values())
        if name in self._spec.parameters:
            return self._parameter(self._spec.parameters[name])
        rules = [
            r for machine in self._spec.machines() for r in machine.rules.values() if speaks_of(self._spec, r, name)
        ]
        found = self._through(rules)
        return found if not found.lacks else self._by_overhead(name) or found

    # --- rules and properties -------------------------------------------------------------------------------------

    def _rule(self, machine: Spec, rule: Rule) -> Finding:
        given = frozenset(rule.given)
        everything = frozenset(machine.capabilities) - set(rule.unless) | given
        for capabilities in dict.fromkeys((given, everything)):
            evidence = self._of_machine(machine, capabilities)
            kept, broken = (evidence.of_rule(rule.id, which) for which in (False, True))
            if kept is None or broken is None:
                continue
            exercised = self._replayed(machine, kept, capabilities, frozenset())
            # Some rules cannot be broken alone: a stricter SHOULD lies around them, or another rule forbids the site.
            breaking = self._replayed(machine, broken, capabilities, broken.broken | {rule.id})
            rest = replace(machine, rules={n: r for n, r in machine.rules.items() if n != rule.id})
            noticed = [BY_TRACE] if broken_in(rest, breaking) == broken.broken - {rule.id} else []
            for p in machine.properties.values():
                if about_the_same(machine, p, rule) and not isinstance(p.claim, Independent):
                    trace = evidence.noticed(p, rule.id)
                    if trace is not None:
                        self._replayed(machine, trace, capabilities, frozenset({rule.id}))
                        noticed.append(p.name)
            return Finding(tuple(noticed), exercised, breaking)
        return Finding()

    def _property(self, machine: Spec, p: Property) -> Finding:
        if isinstance(p.claim, Consistent):
            found = [self.finding(r) for r in machine.rules]
            whole = all(f.exercised and f.broken for f in found)
            return Finding(("two traces of every rule",) if whole else (), silent=True)
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
                return Finding((f"{p.name} without {rule.id}",), exercised,
                               self._replayed(machine, trace, nothing, trace.broken))  # fmt: skip
        return Finding((), exercised)

    def _assumption(self, machine: Spec, name: str) -> Finding:
        nothing = frozenset[str]()
        evidence = self._of_machine(machine, nothing)
        honoured = evidence.honoured(machine.assumptions[name])
        exercised = "" if honoured is None else self._replayed(machine, honoured, nothing, nothing)
        for p in machine.properties.values():
            trace = evidence.relied_on(machine.assumptions[name], p)
            if trace is not None:
                return Finding((p.name,), exercised, self._replayed(machine, trace, nothing, nothing))
        return Finding((), exercised)

    # --- what is no rule of its own -------------------------------------------------------------------------------

    def _parameter(self, p: Parameter) -> Finding:
        """Another value makes a difference to some rule, on a trace that is allowed with one value only."""
        for value in _other_values(p, configure(self._spec, {})[p.name]):
            other = _with_default(self._spec, p, value)
            for one, changed in zip(self._spec.machines(), other.machines(), strict=True):
                partings = Partings(one, changed, self._timeout)
                rules = [r for r in one.rules if not partings.alike(r)]
                found = partings.find(rules, [f"The shortest trace to which {p.name} makes a difference."])
                if found.trace:
                    decides = (set(found.left) ^ set(found.right)) & set(rules)
                    through = self._through(one.rules[r] for r in sorted(decides))
                    return Finding((BY_TRACE, *sorted(decides)), through.exercised, found.trace)
        return self._by_overhead(p.name) or Finding()

    def _through(self, rules: Iterable[Rule]) -> Finding:
        """What shows in rules: the first that has all, with the names of all that have."""
        whole = [(r.id, f) for r in rules if not (f := self.finding(r.id)).lacks]
        if not whole:
            return Finding()
        return Finding(tuple(name for name, _ in whole), whole[0][1].exercised, whole[0][1].broken)

    def _by_overhead(self, name: str) -> Finding | None:
        """What makes a difference to octets only: to the table of `mipcheck overhead`, which no trace shows."""
        before, after = _octets(self._spec, None), _octets(self._spec, name)
        return Finding(("overhead",), silent=True) if before and before != after else None

    # --- traces ---------------------------------------------------------------------------------------------------

    def _of_machine(self, machine: Spec, capabilities: frozenset[str]) -> Evidence:
        key = machine.role, capabilities
        if key not in self._evidence:
            self._evidence[key] = Evidence(setting_of(machine, capabilities=capabilities, timeout=self._timeout))
        return self._evidence[key]

    def _replayed(self, machine: Spec, trace: Witness, capabilities: frozenset[str], expected: frozenset[str]) -> str:
        """The trace as a log, in which the observer finds just that broken.

        Besides, there may be SHOULDs that cannot but be broken, and rules on the site if it takes another site. Raises
        Disagreement.
        """
        text = trace_text(machine, trace, {}, (), capabilities)
        found = broken_in(machine, text)
        if found != trace.broken or not expected <= found or _musts(machine, found - expected):
            raise Disagreement(
                f"the prover expects {sorted(trace.broken)} to be broken, above all {sorted(expected)},"
                f" the observer finds {sorted(found)}, in this trace:\n{text}"
            )
        return text


def _musts(machine: Spec, rules: Iterable[str]) -> list[str]:
    """Those of the rules that a node must keep by what it does."""
    known = (machine.rules[r] for r in rules)
    return [r.id for r in known if r.level == "MUST" and not isinstance(r.body, Configure)]


def _other_values(p: Parameter, value: int) -> list[int]:
    if p.type.members or p.type.name == "bool":
        return [n for n in range(len(p.type.members) or 2) if n != value]
    return [n for n in (0, 10 * value + 10, value // 2) if n != value]


def _with_default(spec: Spec, p: Parameter, value: int) -> Spec:
    """The same with another default of one parameter, for all roles."""
    words = p.type.members[value] if p.type.members else ""
    parameters = {**spec.parameters, p.name: replace(p, default=Term("const", p.type, words, value))}
    roles = {n: replace(r, parameters=parameters) for n, r in spec.roles.items()}
    return replace(spec, parameters=parameters, roles=roles)


def _octets(spec: Spec, without: str | None) -> object:
    """What all modes cost, where the named layer or mode is left out, or the named parameter or capability is none."""
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


def audit_json(spec: Spec, lines: list[Line]) -> str:
    """The matrix with all traces, and what is lacking."""
    content = {
        "spec": spec.name,
        "complete": not any(line.lacks for line in lines),
        "requirements": [_object(x) for x in lines],
    }
    return json.dumps(content, indent=2) + "\n"


def _object(line: Line) -> dict[str, Any]:
    r = line.requirement
    return {
        "id": r.id,
        "level": r.level,
        "section": r.section,
        "kind": r.kind,
        "by": list(r.by),
        "reason": r.reason or None,
        "evidence": {
            name: {"noticed": list(f.noticed), "exercised": f.exercised or None, "broken": f.broken or None,
                   "silent": f.silent}
            for name, f in line.findings.items()
        },
        "lacks": line.lacks,
    }  # fmt: skip


def audit_text(spec: Spec, found: list[Line], width: int, colour: bool = False) -> str:
    from mipcheck.checker.console.lines import Lines

    lines = Lines(width, colour)
    head = ("requirement", "kind", "kept in", "broken in", "noticed by")
    lines.table([[(word, "bold") for word in head], *(_row(x) for x in found)])
    lacking = [x for x in found if x.lacks]
    for x in lacking:
        lines.line("")
        lines.title((x.requirement.id, "bold red"), (" lacks ", ""), ("; ".join(x.lacks), ""))
    lines.line("")
    informative = sum(not x.requirement.by for x in found)
    lines.line(f"{spec.name}: {len(found)} requirements, {informative} of them for a reason encoded by nothing; "
               + (f"{len(lacking)} lack something" if lacking else "none lacks anything"))  # fmt: skip
    return lines.text()


def _row(line: Line) -> list[tuple[str, str]]:
    r, findings = line.requirement, list(line.findings.values())
    if not findings:
        return [(r.id, ""), (r.kind, ""), ("-", ""), ("-", ""), ("a reason is given", "")]
    noticed = dict.fromkeys(n for f in findings for n in f.noticed)
    kept, broken = (_traces(findings, which) for which in (lambda f: f.exercised, lambda f: f.broken))
    return [(r.id, "red" if line.lacks else ""), (r.kind, ""), kept, broken, (_few(list(noticed)) or "NOTHING", "")]


def _few(names: list[str]) -> str:
    return ", ".join(names[:2]) + (f" +{len(names) - 2}" if len(names) > 2 else "")


def _traces(findings: list[Finding], which: Callable[[Finding], str]) -> tuple[str, str]:
    """How long the shortest trace of each is, in events; the longest of them."""
    shown = [f for f in findings if not f.silent]
    if not shown:
        return "-", ""
    if not all(map(which, shown)):
        return "NONE", "red"
    events = max(sum(line[:1].isdigit() for line in which(f).splitlines()) for f in shown)
    return (f"{events} event{'s' * (events > 1)}" if events else "settings"), ""
