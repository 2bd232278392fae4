"""`check`: inputs → `Report`. What a report says is decided here; how it looks, in `report/`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Final

from mipcheck.checker.check.bulk import Watched, watch_in_bulk
from mipcheck.checker.check.machine import machine_of
from mipcheck.checker.check.readings import resolved as resolved  # for those who check what they have resolved
from mipcheck.checker.check.report import InputReport, Report, Violation
from mipcheck.checker.check.verdict import lacks_of, notes_of, parameters_of, reasons_of, rules_of
from mipcheck.checker.console.errors import InputError, Problem, UsageError, quoted
from mipcheck.checker.console.escape import printable
from mipcheck.checker.inputs.opening import OpenInput, open_inputs
from mipcheck.checker.inputs.read import give_maps, read_inputs
from mipcheck.checker.inputs.settle import Over, over_logs
from mipcheck.checker.inputs.trace import Trace
from mipcheck.checker.observe.context import Context
from mipcheck.checker.observe.limits import TooMuch
from mipcheck.checker.observe.observation import Finding
from mipcheck.checker.observe.watch import watch
from mipcheck.checker.trace.vocabulary import Vocabulary, vocabulary_of
from mipcheck.model.specification.layering import Layering
from mipcheck.model.specification.load import DEFAULT
from mipcheck.model.specification.spec import Spec
from mipcheck.model.values.errors import UserError
from mipcheck.model.values.event import Position


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
    strict: bool = False,
    maps: Sequence[str] = (),
    unmatched: str = "count",
    keys: Sequence[str | os.PathLike[str]] = (),
    chart: bool = False,
    closest: str = "none",
    repairs: bool = False,
) -> Report:
    """Replay logs and captures of one node, or logs of a device that deals with many, against a specification.

    `inputs` are paths, `-` for standard input. `parameters` give values of parameters and site keys as a log spells
    them (`{"t_stop": "30s"}`), `readings` choose by rule (`{"M2": "both-ways"}`), or are as on a command line,
    `offsets` are seconds (or a date) by input. `fail_on` is `must` or `should`; with `strict` any evidence that is
    missing is inconclusive. `maps` are as on a command line (`["charon"]`, `["charon.log=charon,year=2025"]`),
    `unmatched` says what becomes of lines that no map knows (`count` or `error`), `keys` are files with keys of ESP;
    with `chart` the report has what a page draws, with `closest` how close it was (`none`, `short`: of short traces,
    `all`), with `repairs` the findings of a short one have the nearest by one change. Raises SpecError, InputError,
    CaptureError, ParameterError or UsageError; all of them say what to do.
    """
    if fail_on not in ("must", "should"):
        raise UsageError(f"fail_on is must or should, not {quoted(fail_on)}")
    if unmatched not in ("count", "error"):
        raise UsageError(f"unmatched is count or error, not {quoted(unmatched)}")
    paths = [os.fspath(p) for p in ([inputs] if isinstance(inputs, str | os.PathLike) else inputs)]
    chosen = resolved(spec, readings)
    vocabulary = vocabulary_of(chosen)
    with ExitStack() as stack:
        opened = open_inputs(paths, stack)
        file = None if config is None else os.fspath(config)
        over = over_logs(vocabulary, file, parameters or {}, [os.fspath(k) for k in keys])
        give_maps(opened, maps, vocabulary, unmatched == "error", over.sources)
        return check_open(opened, chosen, vocabulary, over, offsets or {}, keep_going, fail_on, strict, chart, closest,
                          repairs)  # fmt: skip


def check_open(
    opened: Sequence[OpenInput],
    chosen: Spec,
    vocabulary: Vocabulary,
    over: Over,
    offsets: Mapping[str, str],
    keep_going: bool = False,
    fail_on: str = "must",
    strict: bool = False,
    chart: bool = False,
    closest: str = "none",
    repairs: bool = False,
) -> Report:
    """Do what `check` does with inputs that are open; `over` is what wins over the site of logs. Raises as it does."""
    copies: tuple[str, ...] = ()
    if len(opened) > 1 and not offsets:
        from mipcheck.checker.inputs.copies import without_copies

        opened, copies = without_copies(opened, over.sources)
    try:
        watched = _observed(opened, chosen, vocabulary, over, offsets, keep_going)
        report = conclude(watched, fail_on, strict)
        report = replace(report, notes=(*report.notes, *copies)) if copies else report
        if chart or closest != "none":
            from mipcheck.checker.check.charting import chart_of, margins
            from mipcheck.checker.check.margins import margins_of

            drawn = chart_of(watched) if chart else None
            near = margins(watched, closest == "all") if drawn is None else margins_of(drawn.limits)
            report = replace(report, chart=drawn, margins=near)
        if repairs and report.violations:
            from mipcheck.checker.check.mended import with_repairs

            report = replace(report, violations=with_repairs(watched, report.violations))
    except TooMuch as error:
        raise UsageError(str(error)) from None
    except UserError:
        raise
    except Exception:
        # A long log is read again where words are needed, and may not hold any more what was found in it.
        _check_unchanged(opened)
        raise
    return _with_changes(report, [o.changed() for o in opened])


def statuses(log: str | os.PathLike[str], spec: Spec) -> dict[str, str]:
    """Replay a log against a specification, and return what each rule came to, without a word of why: to explain what
    is found takes half the time of a short log. Raises as `check` does."""
    vocabulary = vocabulary_of(spec)
    with ExitStack() as stack:
        opened = open_inputs([os.fspath(log)], stack)
        watched = _observed(opened, spec, vocabulary, over_logs(vocabulary, None, {}, []), {}, False)
        return {r.id: r.status for r in conclude(watched, explained=()).rules}


def _observed(
    opened: Sequence[OpenInput],
    chosen: Spec,
    vocabulary: Vocabulary,
    over: Over,
    offsets: Mapping[str, str],
    keep_going: bool,
) -> Watched:
    """Read and observe inputs, in columns where they are long."""
    watched = watch_in_bulk(chosen, opened, vocabulary, over, offsets, keep_going)
    if watched is not None:
        return watched
    trace = read_inputs(opened, vocabulary, over, offsets, keep_going, Layering(chosen).protected)
    return _watched(chosen, trace)


CHANGED: Final = "it was written to while it was read"


def _check_unchanged(opened: Sequence[OpenInput]) -> None:
    """Raise InputError for the first input that has changed."""
    for given in opened:
        if given.changed():
            raise InputError([Problem(Position(given.name), CHANGED, "give a copy of it")])


def _with_changes(report: Report, changed: Sequence[bool]) -> Report:
    """Return a report on inputs of which some have `changed`: what was read may never have been there as a whole."""
    if not any(changed):
        return report
    inputs = tuple(
        replace(i, holes=(*i.holes, CHANGED)) if c else i for i, c in zip(report.inputs, changed, strict=True)
    )
    reasons = [f"{printable(i.file)}: {CHANGED}" for i, c in zip(inputs, changed, strict=True) if c]
    verdict = "inconclusive" if report.verdict == "conformant" else report.verdict
    return replace(report, verdict=verdict, inputs=inputs, reasons=(*report.reasons, *reasons))


def judge(spec: Spec, trace: Trace, fail_on: str = "must", strict: bool = False) -> Report:
    """Return the report on a trace that has been read. Raises UsageError, ParameterError."""
    return conclude(_watched(spec, trace), fail_on, strict)


def _watched(spec: Spec, trace: Trace) -> Watched:
    """Observe a trace that has been read. Raises UsageError, ParameterError."""
    machine = machine_of(spec, trace.site)
    try:
        observation, modes = watch(machine, trace.events, trace.site.boot, trace.evidence(machine.spec))
    except TooMuch as error:
        raise UsageError(str(error)) from None
    return Watched(machine, trace, observation, modes)


def conclude(
    watched: Watched, fail_on: str = "must", strict: bool = False, explained: Sequence[Violation] | None = None
) -> Report:
    """Return the report on what was observed; `fail_on` says whether a violated SHOULD counts (`must` or `should`),
    `strict` whether any evidence that is missing does. Findings that are `explained` already need not be."""
    machine, trace, observation, modes = watched
    dated = trace.absolute and bool(trace.events)
    origin = trace.events[0].time if dated else 0
    context = Context(machine, trace.events, observation.interfaces, origin)
    rules = rules_of(context, observation, trace)
    counts = {"MUST"} | ({"SHOULD"} if fail_on == "should" else set())
    found = _violations(context, trace, observation.findings) if explained is None else explained
    violations = tuple(v for v in found if v.level in counts)
    reasons = [
        *reasons_of(context, observation, rules, trace.inputs),
        *(lacks_of(machine, rules, trace, observation) if strict else ()),
    ]
    set_aside: dict[str, int] = {}
    for i in trace.inputs:
        for reason, count in i.set_aside.items():
            set_aside[reason] = set_aside.get(reason, 0) + count
    return Report(
        verdict="violation" if violations else "inconclusive" if reasons else "conformant",
        spec=machine.spec.name,
        inputs=tuple(
            InputReport(i.file, i.kind, len(i.events), i.frames, i.interfaces, i.skipped, tuple(i.holes))
            for i in trace.inputs
        ),
        rules=tuple(rules),
        violations=violations,
        warnings=tuple(v for v in found if v.level not in counts),
        notes=(*notes_of(machine, rules, trace, observation), *map(printable, modes)),
        reasons=tuple(reasons),
        set_aside=set_aside,
        parameters=tuple(parameters_of(machine, trace.given)),
        start=origin if dated else None,
        role=machine.spec.role,
        nodes=observation.nodes,
        gaps=observation.gap >= 0,
    )


def _violations(context: Context, trace: Trace, findings: Sequence[Finding]) -> list[Violation]:
    """Return findings explained, in their order, whatever their level."""
    if not findings:
        return []
    from mipcheck.checker.check.violations import violations_of  # what explains is needed only now, and takes 15 ms

    return violations_of(context, trace, findings)
