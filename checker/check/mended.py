"""Repairs in words, and those of the findings of a whole report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from mipcheck.checker.check.bulk import Watched
from mipcheck.checker.check.edits import Add, Drop, Edit, Move, Put
from mipcheck.checker.check.repair import MOST, Repair, Repairs
from mipcheck.checker.check.report import EditReport, RepairReport, Violation
from mipcheck.checker.console.escape import as_in_log, printable
from mipcheck.checker.observe.context import Context, duration, show_event
from mipcheck.checker.observe.misses import Misses
from mipcheck.checker.observe.observation import Finding
from mipcheck.model.values.event import Event, Position
from mipcheck.model.values.types import BASIC

REPLAYS: Final = 250
"""Replays for a finding of a report, a number that no clock changes."""
FINDINGS: Final = 3
"""Findings of a report whose repairs are sought."""
EVENTS: Final = 400
"""Events of a trace whose report tells of repairs."""


def with_repairs(watched: Watched, found: Sequence[Violation]) -> tuple[Violation, ...]:
    """Return the first findings of a short trace with their nearest repairs, by one change, and the others as they
    are."""
    machine, trace, _, _ = watched
    if not found or len(trace.events) > min(EVENTS, MOST):
        return tuple(found)
    repairs = Repairs(machine, trace)
    origin = trace.events[0].time if trace.absolute and len(trace.events) else 0
    context = Context(machine, trace.events, repairs.observation.interfaces, origin)
    misses = Misses(context)
    findings = {_key(context, f): f for f in repairs.observation.findings if f.moment is not None}
    result = []
    for n, v in enumerate(found):
        finding = findings.get((v.rule, v.interface, v.node, v.time))
        if n < FINDINGS and finding is not None:
            search = repairs.nearest(finding, misses.of(finding), lambda tried: tried >= REPLAYS, depth=1)
            v = replace(v, repairs=tuple(told(context, repairs, r) for r in search.repairs))
        result.append(v)
    return tuple(result)


def _key(context: Context, f: Finding) -> tuple[str, str | None, str | None, int]:
    node = None if f.node is None else BASIC["address"].show(f.node)
    return context.machine.rules[f.rule].id, f.interface, node, f.time - context.origin


def told(context: Context, repairs: Repairs, repair: Repair) -> RepairReport:
    """Return a repair in words and as plain data."""
    world = dict(repairs.world)
    edits = tuple(_told(context, world, e) for e in repair.edits)
    said = " and ".join(_said(context, e) for e in edits)
    return RepairReport(said, edits, repair.conforms)


def _told(context: Context, world: dict[int, Event], edit: Edit) -> EditReport:
    spec = context.spec
    if isinstance(edit, Add):
        return EditReport("add", show_event(spec, edit.event), None, edit.event.time - context.origin)
    event = world[edit.number]
    shown, time = show_event(spec, event), event.time - context.origin
    if isinstance(edit, Move):
        return EditReport("move", shown, event.at, edit.time - context.origin, edit.time - event.time)
    if isinstance(edit, Put):
        type_ = spec.events[event.kind].by_name[edit.key].type
        before, after = (as_in_log(type_.show(v)) for v in (event.args[edit.key], edit.value))
        return EditReport("put", shown, event.at, time, 0, edit.key, before, after)
    assert isinstance(edit, Drop)
    return EditReport("drop", shown, event.at, time)


def _said(context: Context, e: EditReport) -> str:
    """Say a change as what would have had to be."""
    place = "" if e.at is None else f" ({_place(e.at)})"
    when = context.time(e.time + context.origin)
    if e.kind == "move":
        return f"{e.event}{place} had come {duration(abs(e.by))} {'later' if e.by > 0 else 'earlier'}, at {when}"
    if e.kind == "put":
        return f"{e.event}{place} had had {e.key}={e.after}"
    if e.kind == "add":
        return f"there had been at {when} {e.event}"
    return f"{e.event}{place} had not been"


def _place(at: Position) -> str:
    if at.frame is not None:
        return f"frame {at.frame}"
    return f"line {at.line}" if at.line is not None else printable(at.file)
