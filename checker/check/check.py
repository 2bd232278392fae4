"""`check`: inputs → `Report`. What a report says is decided here; how it looks, in `report_text` and `report_json`."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from mipcheck.checker.check.bulk import watch_in_bulk
from mipcheck.checker.check.readings import resolved as resolved  # for those who check what they have resolved
from mipcheck.checker.check.report import InputReport, ParameterReport, Report, RuleReport, Violation
from mipcheck.checker.console.errors import UsageError, listed, quoted
from mipcheck.checker.console.escape import printable
from mipcheck.checker.inputs.opening import open_inputs
from mipcheck.checker.inputs.read import read_streams
from mipcheck.checker.inputs.trace import Input, Trace
from mipcheck.checker.observe.explain import Context, Explanation, Lack, duration, explain, explain_hole
from mipcheck.checker.observe.observer import Finding, Observation, Tally, TooMuch
from mipcheck.checker.observe.watch import watch
from mipcheck.checker.site.site import Site
from mipcheck.checker.trace.columns import Columns
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.model.language.show import show_citations
from mipcheck.model.machine.compile import Machine
from mipcheck.model.specification.configure import configure, read_parameter
from mipcheck.model.specification.layering import Layering
from mipcheck.model.specification.load import DEFAULT
from mipcheck.model.specification.spec import Configure, Rule, Spec
from mipcheck.model.values.event import Event, Position
from mipcheck.model.values.types import BASIC, Type

_PROBLEMS_SHOWN = 3
"""Unreadable lines that are described; the others are only counted."""

_NOTHING = Lack("", frozenset())


def check(
    inputs: Sequence[str | os.PathLike[str]] | str | os.PathLike[str],
    *,
    spec: str | Spec = DEFAULT,
    config: str | os.PathLike[str] | None = None,
    parameters: Mapping[str, str] | None = None,
    readings: Mapping[str, str] | Sequence[str] | None = None,
    offsets: Mapping[str, str] | None = None,
    keep_going: bool = False,
    fail_on: str = "must",
) -> Report:
    """Replay logs and captures of one node, or logs of a device that deals with many, against a specification.

    `inputs` are paths, `-` for standard input. `parameters` give values of parameters and site keys as a log spells
    them (`{"t_stop": "30s"}`), `readings` choose by rule
    (`{"M2": "both-ways"}`), or are as on a command line, `offsets` are seconds (or a date) by input. `fail_on` is
    `must` or `should`. Raises UserError (SpecError, InputError, CaptureError, ParameterError or UsageError),
    which says what to do.
    """
    if fail_on not in ("must", "should"):
        raise UsageError(f"fail_on is must or should, not {quoted(fail_on)}")
    paths = [os.fspath(p) for p in ([inputs] if isinstance(inputs, str | os.PathLike) else inputs)]
    chosen = resolved(spec, readings)
    vocabulary, given = vocabulary_of(chosen), parameters or {}
    where = None if config is None else os.fspath(config)
    with ExitStack() as stack:
        streams = open_inputs(paths, stack)
        try:
            one = watch_in_bulk(chosen, streams, vocabulary, where, given, offsets or {}, keep_going, _built)
        except TooMuch as error:
            raise UsageError(str(error)) from None
        if one is not None:
            return conclude(*one, fail_on)
        trace = read_streams(streams, vocabulary, where, given, offsets, keep_going, Layering(chosen).protected)
    return judge(chosen, trace, fail_on)


def of_role(spec: Spec, role: str) -> Spec:
    """What a specification says of a node of that role. Raises UsageError if that is nothing."""
    try:
        return spec.for_role(role)
    except KeyError:
        known = ", ".join(f"role={m.role}" for m in spec.machines())
        raise UsageError(
            f"role={role}: {spec.name} states requirements on {known} only, and a trace of another node cannot be held"
            " against them"
        ) from None


def machine_of(spec: Spec, site: Site) -> Machine:
    """The machine for a site, of a specification for its role. Raises ParameterError."""
    given = {n: read_parameter(spec.parameters[n], w) for n, w in site.parameters.items()}
    addresses = {n: a for n, a in site.addresses.items() if n in spec.sites}
    return Machine(spec, configure(spec, given), addresses, site.capabilities)


def _built(spec: Spec, site: Site) -> Machine:
    return machine_of(of_role(spec, site.role), site)


def judge(spec: Spec, trace: Trace, fail_on: str = "must") -> Report:
    """The report on a trace that has been read."""
    spec = of_role(spec, trace.site.role)
    machine = machine_of(spec, trace.site)
    try:
        observation, modes = watch(spec, machine, trace.events, trace.site.boot)
    except TooMuch as error:
        raise UsageError(str(error)) from None
    return conclude(machine, trace, observation, modes, fail_on)


def conclude(
    machine: Machine, trace: Trace, observation: Observation, modes: Sequence[str], fail_on: str = "must"
) -> Report:
    """The report on what was observed; `modes` says which access modes were seen."""
    spec = machine.spec
    origin = trace.events[0].time if trace.absolute and trace.events else 0
    context = Context(machine, trace.events, observation.interfaces, origin)
    rules = _rules(context, observation, trace.inputs)
    counts = {"MUST"} | ({"SHOULD"} if fail_on == "should" else set())
    frames = _frames(trace, observation.findings)
    found = [_violation(context, trace, f, w) for f, w in zip(observation.findings, frames, strict=True)]
    violations = tuple(v for v in found if v.level in counts)
    reasons = _reasons(rules, trace.inputs)
    verdict = "violation" if violations else "inconclusive" if reasons else "conformant"
    set_aside: dict[str, int] = {}
    for i in trace.inputs:
        for reason, count in i.set_aside.items():
            set_aside[reason] = set_aside.get(reason, 0) + count
    return Report(
        verdict=verdict,
        spec=spec.name,
        inputs=tuple(
            InputReport(i.file, i.kind, len(i.events), i.frames, i.interfaces, i.skipped) for i in trace.inputs
        ),
        rules=tuple(rules),
        violations=violations,
        warnings=tuple(v for v in found if v.level not in counts),
        notes=(*_notes(machine, rules, trace), *map(printable, modes)),
        reasons=tuple(reasons),
        set_aside=set_aside,
        parameters=tuple(
            ParameterReport(n, _word(spec.parameters[n].type, v), n in trace.given)
            for n, v in machine.parameters.items()
            if n in trace.given or not spec.parameters[n].readings or n in _parameters_read(spec)
        ),
        start=origin if trace.absolute and trace.events else None,
        role=spec.role,
        nodes=observation.nodes,
    )


def _parameters_read(spec: Spec) -> set[str]:
    """Parameters that the machine of a role depends on, so that the open questions of others are not raised."""
    return {name for t in spec.terms() for name in t.names("param")}


def _word(type_: Type, value: int) -> str:
    if type_.name == "time":
        return duration(value).replace(" ", "")
    if type_.is_enum:
        return type_.members[value]
    return type_.show(bool(value) if type_.name == "bool" else value)


# --- rules --------------------------------------------------------------------------------------------------------


def _rules(context: Context, observation: Observation, inputs: Sequence[Input]) -> list[RuleReport]:
    machine = context.machine
    numbers = {r.id: n for n, r in enumerate(machine.rules)}
    hidden = [h for i in inputs for h in i.hidden]
    result = []
    for rule in context.spec.rules.values():
        report = RuleReport(
            rule.id,
            rule.level,
            rule.section,
            show_citations(rule.cite),
            rule.text,
            "not-exercised",
            reading=rule.reading,
            configuration=isinstance(rule.body, Configure),
        )
        if rule.id not in numbers:
            result.append(replace(report, why=_inapplicable(rule)))
            continue
        number = numbers[rule.id]
        tally = observation.tallies[number]
        report = replace(report, kept=tally.kept, broken=tally.broken, unknown=tally.unknown, unlisted=tally.unlisted)
        status, lack = _status(context, number, tally, hidden)
        result.append(replace(report, status=status, why=lack.text, lacks=lack.kinds))
    return result


def _status(context: Context, number: int, tally: Tally, hidden: Sequence[str]) -> tuple[str, Lack]:
    """The status of a rule, and what is missing for a better one."""
    rule = context.machine.rules[number]
    if tally.broken:
        return "violated", _NOTHING
    if hidden and _speaks_of_vpn(rule) and not tally.kept and not tally.unknown:
        return "unobservable", Lack("; ".join(dict.fromkeys(hidden)), frozenset({"hidden"}))
    if tally.hole is not None:
        return "inconclusive", explain_hole(context, number, tally.hole)
    if tally.kept:
        return "held", _NOTHING
    if isinstance(rule.body, Configure):
        missing = [s for s in rule.body.condition.names("site") if s not in context.machine.site]
        return "not-exercised", Lack(f"not known: {listed(sorted(missing))}", frozenset({"address"}))
    return "not-exercised", _NOTHING


def _speaks_of_vpn(rule: Rule) -> bool:
    """Whether a rule is about registrations that pass through the tunnel, which a capture outside cannot see."""
    for pattern in rule.body.patterns:
        for term in pattern.condition.walk():
            if term.kind == "=" and {(a.kind, a.name) for a in term.args} == {("key", "path"), ("const", "vpn")}:
                return True
    return False


def _inapplicable(rule: Rule) -> str:
    words = [*(f"without capability {c}" for c in rule.given), *(f"with capability {c}" for c in rule.unless)]
    return "does not apply " + " or ".join(words)


# --- violations ---------------------------------------------------------------------------------------------------


def _violation(context: Context, trace: Trace, finding: Finding, frames: Mapping[str, Sequence[int]]) -> Violation:
    rule = context.machine.rules[finding.rule]
    explanation = explain(context, finding)
    first = context.origin
    if finding.moment is None:
        at = last_at = Position(trace.inputs[0].file)
        time = last_time = trace.events[0].time if trace.events else first
    else:
        at, last_at = _position(trace.events, finding.event, trace), _position(trace.events, finding.last_event, trace)
        time, last_time = finding.time, finding.last_time
    return Violation(
        rule=rule.id,
        level=rule.level,
        section=rule.section,
        interface=finding.interface,
        time=time - first,
        at=at,
        message=_message(rule, finding, explanation),
        seen=explanation.seen,
        wrong=explanation.wrong,
        because=explanation.because,
        allowed=explanation.allowed,
        count=finding.count,
        last_time=last_time - first,
        last_at=last_at,
        overdue=finding.overdue,
        frames=frames,
        node=None if finding.node is None else BASIC["address"].show(finding.node),
    )


def _position(events: Sequence[Event], number: int, trace: Trace) -> Position:
    return events[number].at if number >= 0 else Position(trace.inputs[0].file)


def _frames(trace: Trace, findings: Sequence[Finding]) -> list[dict[str, Sequence[int]]]:
    """For each finding, by file, the frames of all that was not allowed."""
    columns = trace.events
    if isinstance(columns, Columns):
        return _frames_in(columns, findings) if columns.framed else [{} for _ in findings]
    result: list[dict[str, Sequence[int]]] = []
    for finding in findings:
        frames: dict[str, array[int]] = {}
        for number in finding.events:
            at = trace.events[number].at
            if at.frame is not None:
                frames.setdefault(at.file, array("q")).append(at.frame)
        result.append(dict(frames))
    return result


def _frames_in(columns: Columns, findings: Sequence[Finding]) -> list[dict[str, Sequence[int]]]:
    """The same, for which the capture is gone through once more."""
    import numpy as np

    numbers = [np.frombuffer(f.events, np.int64) if f.events else np.zeros(0, np.int64) for f in findings]
    known = np.unique(np.concatenate(numbers)) if numbers else np.zeros(0, np.int64)
    if not len(known):
        return [{} for _ in findings]
    files, places = columns.places(known)
    result: list[dict[str, Sequence[int]]] = []
    for mine in numbers:
        at = np.searchsorted(known, mine)
        which = dict.fromkeys(int(f) for f in np.unique(files[at]))
        result.append({columns.files[f]: array("q", places[at][files[at] == f].tobytes()) for f in which})
    return result


def _message(rule: Rule, finding: Finding, explanation: Explanation) -> str:
    """One paragraph that says it all, for those who read nothing else."""
    again = f" ({finding.count} times in the same state)" if finding.count > 1 else ""
    return (
        f"{rule.id} ({rule.level}, {show_citations(rule.cite)}) is broken{again}: {rule.text}"
        f" Seen: {explanation.seen}. Why it is wrong: {'; '.join(explanation.wrong)}."
    )


# --- verdict and notes --------------------------------------------------------------------------------------------


def _reasons(rules: Sequence[RuleReport], inputs: Sequence[Input]) -> list[str]:
    """Why the evidence does not suffice for a verdict of conformant; empty if it does."""
    reasons = []
    musts = [r for r in rules if r.level == "MUST" and not r.configuration]
    if not any(r.exercised or r.unknown for r in musts):
        reasons.append("the trace holds nothing that any MUST speaks of: there is no evidence")
    for status in ("inconclusive", "unobservable"):
        ids = [r.id for r in rules if r.level == "MUST" and r.status == status]
        if ids:
            reasons.append(f"{', '.join(ids)} {'is' if len(ids) == 1 else 'are'} {status}")
    for i in inputs:
        if i.skipped:
            reasons.append(f"{_lines(i.skipped)} of {printable(i.file)} could not be read")
        reasons.extend(f"{printable(i.file)}: {printable(hole)}" for hole in i.holes)
    return reasons


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


def _notes(machine: Machine, rules: Sequence[RuleReport], trace: Trace) -> Iterable[str]:
    for i in trace.inputs:
        named = f"{printable(Path(i.file).name)}: " if len(trace.inputs) > 1 else ""
        yield from (named + printable(note) for note in (*(n for n in i.notes if n not in i.holes), *i.hidden))
        for problem in i.problems[:_PROBLEMS_SHOWN]:
            yield f"skipped: {problem.at}: {problem.message}"
    yield from map(printable, trace.notes)
    by_id = {r.id: r for r in rules}
    for name in machine.spec.sites:
        if name in machine.site:
            continue
        judged = [r.id for r in machine.rules if _reads_site(r, name) and by_id[r.id].status in
                  ("inconclusive", "not-exercised") and (by_id[r.id].unknown or by_id[r.id].configuration)]  # fmt: skip
        if judged:
            yield (
                f"the address {name} is not known, so {listed(judged)} cannot be judged:"
                f" give it as {name}=… in the log's site line, in --config or with --set"
            )


def _reads_site(rule: Rule, name: str) -> bool:
    return any(name in t.names("site") for t in rule.terms())
