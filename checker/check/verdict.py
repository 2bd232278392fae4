"""An observation → the status of each rule, the reasons against a verdict of conformant, and notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from mipcheck.checker.check.report import ParameterReport, RuleReport
from mipcheck.checker.console.alike import Notes
from mipcheck.checker.console.counts import counted
from mipcheck.checker.console.errors import listed
from mipcheck.checker.console.escape import printable
from mipcheck.checker.inputs.trace import Input, Trace
from mipcheck.checker.observe.context import Context, duration, show_event
from mipcheck.checker.observe.holes import Lack, explain_hole
from mipcheck.checker.observe.observation import Observation, Tally
from mipcheck.checker.trace.route import EVENTS, TABLE
from mipcheck.checker.trace.source import CLEAR, Evidence, Fog, fog_of
from mipcheck.model.language.show import show_citations
from mipcheck.model.machine.compile import Machine
from mipcheck.model.native.errors import NativeError
from mipcheck.model.specification.spec import Configure, Rule, Spec
from mipcheck.model.values.types import Type

_PROBLEMS_SHOWN = 3
"""Unreadable lines that are described; the others are only counted."""

_NOTHING = Lack("", frozenset())

# --- rules --------------------------------------------------------------------------------------------------------


def rules_of(context: Context, observation: Observation, trace: Trace) -> list[RuleReport]:
    """Return what each rule of the specification came to, in its order; rules that do not apply are among them."""
    machine = context.machine
    numbers = {r.id: n for n, r in enumerate(machine.rules)}
    evidence = trace.evidence(machine.spec)
    hidden = [h for i in trace.inputs for h in i.hidden]
    if evidence.veiled and not hidden:
        hidden = [f"a source shows only some of {listed(sorted(evidence.veiled))}"]
    fog = fog_of(machine, evidence) or CLEAR
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
        if status != "violated" and (number in fog.rules or (tally.hole is not None and number in fog.reads)):
            status, lack = _unseen(number, fog, evidence, status, lack, hidden)
        # Of a trace that begins as the node does nothing is unknown for a late start.
        kinds = lack.kinds - {"history"} if trace.site.boot else lack.kinds
        result.append(replace(report, status=status, why=lack.text, lacks=kinds))
    return result


def _status(context: Context, number: int, tally: Tally, hidden: Sequence[str]) -> tuple[str, Lack]:
    """Return the status of the rule of that number, and what is missing for a better one.

    `hidden` says what the inputs cannot show, such as registrations inside the tunnel.
    """
    rule = context.machine.rules[number]
    if tally.broken:
        return "violated", _NOTHING
    if hidden and _may_be_hidden(context.spec, rule) and not tally.kept and not tally.unknown:
        return "unobservable", Lack("; ".join(dict.fromkeys(hidden)), frozenset({"hidden"}))
    if tally.hole is not None:
        return "inconclusive", explain_hole(context, number, tally.hole)
    if tally.kept:
        return "held", _NOTHING
    if isinstance(rule.body, Configure):
        missing = [s for s in rule.body.condition.names("site") if s not in context.machine.site]
        return "not-exercised", Lack(
            f"not known: {listed(sorted(missing))}", frozenset(f"address {s}" for s in missing)
        )
    return "not-exercised", _NOTHING


def _unseen(
    number: int, fog: Fog, evidence: Evidence, status: str, lack: Lack, hidden: Sequence[str]
) -> tuple[str, Lack]:
    """Return the status of a rule that depends on events which the sources do not show, and what is missing.

    Of those that may be covered, `hidden` says why.
    """
    kinds = fog.rules.get(number, frozenset()) | fog.reads.get(number, frozenset())
    text = "; ".join(evidence.reasons(sorted(kinds)) or dict.fromkeys(hidden))
    if number in fog.rules:
        return "unobservable", Lack(text, frozenset({"source"}))
    return status, Lack(f"{text}: {lack.text}" if lack.text else text, lack.kinds - {"history"} | {"source"})


def _may_be_hidden(spec: Spec, rule: Rule) -> bool:
    """Decide whether a rule is about events that a capture may be unable to show, as the specification says of them."""
    return any(spec.events[pattern.event].hides(pattern.condition) for pattern in rule.body.patterns)


def _inapplicable(rule: Rule) -> str:
    """Return why a rule that the machine has not does not apply."""
    words = [*(f"without capability {c}" for c in rule.given), *(f"with capability {c}" for c in rule.unless)]
    return "does not apply " + " or ".join(words)


# --- parameters ---------------------------------------------------------------------------------------------------


def parameters_of(machine: Machine, given: frozenset[str]) -> Iterator[ParameterReport]:
    """Return the parameters in use; `given` names what the site says. Open questions of other roles are left out."""
    spec = machine.spec
    read = spec.parameters_read
    for name, value in machine.parameters.items():
        if name in given or not spec.parameters[name].readings or name in read:
            yield ParameterReport(name, _word(spec.parameters[name].type, value), name in given)


def _word(type_: Type, value: int) -> str:
    """Return the value of a parameter as a log spells it."""
    if type_.name == "time":
        return duration(value).replace(" ", "")
    if type_.is_enum:
        return type_.members[value]
    return type_.show(bool(value) if type_.name == "bool" else value)


# --- reasons and notes --------------------------------------------------------------------------------------------


def reasons_of(
    context: Context, observation: Observation, rules: Sequence[RuleReport], inputs: Sequence[Input]
) -> list[str]:
    """Return why the evidence does not suffice for a verdict of conformant; nothing if it does.

    Where evidence is missing, something may have happened that no rule was asked about.
    """
    reasons = []
    musts = [r for r in rules if r.level == "MUST" and not r.configuration]
    if not any(r.exercised or r.unknown for r in musts):
        reasons.append("the trace holds nothing that any MUST speaks of: there is no evidence")
    for status in ("inconclusive", "unobservable"):
        ids = [r.id for r in rules if r.level == "MUST" and r.status == status]
        if ids:
            reasons.append(f"{', '.join(ids)} {'is' if len(ids) == 1 else 'are'} {status}")
    if 0 <= observation.gap < len(context.events):
        gap = context.events[observation.gap]
        where = f"{context.time(gap.time)} ({printable(str(gap.at))})"
        reasons.append(f"at {where} evidence is missing: {show_event(context.spec, gap)}")
    for i in inputs:
        if i.skipped:
            reasons.append(f"{counted(i.skipped, 'line')} of {printable(i.file)} could not be read")
        reasons.extend(f"{printable(i.file)}: {printable(hole)}" for hole in i.holes)
    return reasons


def lacks_of(machine: Machine, rules: Sequence[RuleReport], trace: Trace, observation: Observation) -> Iterator[str]:
    """Return what evidence is missing, though it stands in the way of no MUST: for who wants none to be missing."""
    for status in ("inconclusive", "unobservable"):
        ids = [r.id for r in rules if r.level != "MUST" and r.status == status]
        if ids:
            yield f"{', '.join(ids)} {'is' if len(ids) == 1 else 'are'} {status}"
    gaps = {e.name for e in machine.spec.events.values() if e.sender == "observer"}
    if observation.gap < 0 and len(trace.events) and trace.events[0].kind in gaps:  # another one is a reason itself
        yield "the trace has gaps"
    for i in trace.inputs:
        yield from (f"{printable(i.file)}: {printable(hidden)}" for hidden in i.hidden)


def notes_of(machine: Machine, rules: Sequence[RuleReport], trace: Trace, observation: Observation) -> Iterator[str]:
    """Return what else is worth knowing: of the inputs, of what was inferred, of addresses that rules would need."""
    notes = Notes()
    for i in trace.inputs:
        named = f"{printable(Path(i.file).name)}: " if len(trace.inputs) > 1 else ""
        for note in (*(n for n in i.notes if n not in i.holes), *i.hidden):
            notes.add(named + printable(note), printable(note) if named else "")
    yield from notes.texts()
    for i in trace.inputs:
        for problem in i.problems[:_PROBLEMS_SHOWN]:
            yield f"skipped: {problem.at}: {problem.message}"
    yield from map(printable, trace.notes)
    yield from _slow(machine, sum(len(i.events) for i in trace.inputs))
    if observation.pauses and machine.spec.pause is not None:
        times = "once" if observation.pauses == 1 else f"{observation.pauses} times"
        text = machine.spec.pause.text or f"while {machine.spec.pause.condition}"
        yield f"{text} ({times}, {duration(observation.paused)} in all), no obligation runs; what is forbidden stays so"
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


def _slow(machine: Machine, events: int) -> Iterator[str]:
    """Yield why so many events took long, if that is due to their specification."""
    if events < TABLE[EVENTS].kept:
        return
    from mipcheck.checker.observe.unit import most_events

    try:
        most_events(machine)
    except NativeError as error:
        yield f"events were judged one by one, which takes long: native code cannot count here, as {error}"


def _reads_site(rule: Rule, name: str) -> bool:
    """Tell whether a rule depends on the address of the site that is called `name`."""
    return any(name in t.names("site") for t in rule.terms())
