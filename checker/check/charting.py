"""What was observed of a trace → what a page draws of it, for which the trace is gone through once more."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from mipcheck.checker.check.bulk import Watched
from mipcheck.checker.check.chart import Chart, Known, Moments
from mipcheck.checker.check.chart_events import ALL, state_events, told
from mipcheck.checker.check.chart_state import followed
from mipcheck.checker.check.margins import Margin, margins_of
from mipcheck.checker.observe.blame import Moment, blame, reads
from mipcheck.checker.observe.context import Context, show_number, source
from mipcheck.checker.observe.observation import Finding
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.specification.spec import Require
from mipcheck.model.values.types import BASIC

FINDINGS: Final = 200
"""Findings whose state is shown, and around which events are shown one by one."""


def chart_of(watched: Watched) -> Chart:
    """Return what a page shows of a trace that has been observed, whose inputs can still be read."""
    machine, trace, observation, _ = watched
    origin = trace.events[0].time if trace.absolute and len(trace.events) else 0
    context = Context(machine, trace.events, observation.interfaces, origin)
    spec = machine.spec
    seen = told(machine, trace.events, observation.findings[:FINDINGS], observation.findings, origin)
    state = followed(machine, trace, seen.state_events, origin)
    texts = {e.name: e.text for e in spec.events.values()} | {s.name: s.text for s in spec.stages.values()}
    left_out = [*seen.left_out, *state.left_out]
    if len(observation.findings) > FINDINGS:
        left_out.append(f"the state at findings after the first {FINDINGS}")
    return Chart(
        seen.start,
        seen.end,
        tuple(observation.interfaces),
        seen.marks,
        seen.flows,
        seen.step,
        state.stages,
        state.limits,
        seen.gaps,
        tuple(m for f in observation.findings[:FINDINGS] if (m := _moment(context, f)) is not None),
        texts,
        {name: str(value) for name, value in _addresses(watched).items()},
        tuple(left_out),
    )


def margins(watched: Watched, long: bool = False) -> tuple[Margin, ...] | None:
    """Return the closest calls of a trace; None for one of many events unless `long` ones are to be followed, too."""
    machine, trace, _, _ = watched
    if len(trace.events) > ALL and not long:
        return None
    origin = trace.events[0].time if trace.absolute and len(trace.events) else 0
    return margins_of(followed(machine, trace, state_events(machine, trace.events), origin).limits)


def _addresses(watched: Watched) -> dict[str, str]:
    """Return the addresses of the site that are known, by name, as a log has them."""
    return {name: BASIC["address"].show(value) for name, value in watched.machine.site.items()}


def _moment(context: Context, finding: Finding) -> Moments | None:
    """Return the state in which a finding was judged; None for one about the configuration."""
    moment = finding.moment
    if moment is None:
        return None
    context = replace(context, interfaces=moment.names)
    machine = context.machine
    rule = machine.rules[finding.rule]
    asked = {
        (r.name, r.interface)
        for leaf in blame(machine, rule.body.condition, moment, moment.this)
        for r in reads(machine, leaf.term, moment, leaf.interface)
    }
    facts = [*_facts(context, moment, asked)]
    demand = source(rule.body.condition)
    if isinstance(rule.body, Require):
        what = " or ".join(p.source for p in rule.body.patterns)
        demand = f"{what} within {source(rule.body.within)} of {rule.body.anchor} while {demand}"
    node = None
    if finding.node is not None:
        node = BASIC["address"].show(finding.node)
    return Moments(rule.id, finding.interface, node, finding.time - context.origin, demand, tuple(facts))


def _facts(context: Context, moment: Moment, asked: set[tuple[str, int | None]]) -> list[Known]:
    """Return what was known of the interface and of the node, and what was asked of others."""
    machine, spec = context.machine, context.machine.spec
    found = []
    for whose, state, slots in (
        (moment.this, moment.own, machine.interface_slots),
        (None, moment.node, machine.node_slots),
    ):
        for name, slot in slots.items():
            variable, value = spec.variables[name], state[slot]
            read = (name, whose) in asked
            if value == UNKNOWN and not read:
                continue
            token = "-" if whose is None else context.token(whose)
            shown = show_number(context, variable.type, value, instant=True)
            found.append(Known(token, variable.written, variable.text, shown, read))
    return found
