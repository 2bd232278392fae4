"""Events that were lost nobody knows where: what is found in such a stretch may be excused by one of them.

What was seen is followed as it is, so that it can be said what is found. A finding stands only where it would be one
whatever happened besides: of an interface on which something was lost nothing is then known, nor of what interfaces
share, nor what of others' state follows from that. At a device nothing is known of anything.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mipcheck.checker.observe.blame import Moment, evaluate
from mipcheck.checker.observe.nodes import hide
from mipcheck.checker.observe.observation import Finding
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.specification.spec import Allow, Require, Spec
from mipcheck.model.values.event import NODE

if TYPE_CHECKING:
    from mipcheck.checker.trace.source import Evidence
    from mipcheck.checker.trace.spans import Span
    from mipcheck.model.machine.compile import Machine


def excuse(machine: Machine, finding: Finding, evidence: Evidence) -> str:
    """Say what was lost that may excuse a finding; nothing where it stands, whatever was."""
    moment = finding.moment
    lost = [span for span in evidence.lost if span.may_hold(finding.time) and _concerns(machine, span, finding)]
    if moment is None or not lost or _stands(machine, finding, moment, {span.gap.interface for span in lost}):
        return ""
    what = "what was owed" if finding.overdue else "what allows it"
    said = "; ".join(dict.fromkeys(span.words() for span in lost))
    return f"it is seen broken, but {said}: {what} may have been among what is missing"


def stands(machine: Machine, rule: int, hidden: Moment, doubtful: Container[int]) -> bool:
    """Decide whether a rule is broken in a moment, whatever is hidden in it.

    Obligations that are `doubtful`, by number, may have been met, or begun anew, by what nobody saw.
    """
    body = machine.rules[rule].body
    if isinstance(body, Require):
        return rule not in doubtful and evaluate(machine, body.condition, hidden, hidden.this) == 1
    if not isinstance(body, Allow):
        return True
    about = (p.condition for p in body.patterns if p.event == hidden.kind)
    if not any(evaluate(machine, condition, hidden, hidden.this) == 1 for condition in about):
        return False  # the rest may ask for keys that the event has not
    unclear = body.unclear is not None and evaluate(machine, body.unclear, hidden, hidden.this) != 0
    return not unclear and evaluate(machine, body.condition, hidden, hidden.this) == 0


def _concerns(machine: Machine, span: Span, finding: Finding) -> bool:
    """Decide whether what was lost may have been about the mobile node of a finding, or about all."""
    node = machine.node_of(span.gap.args)
    return node is None or finding.node is None or node == finding.node


def _stands(machine: Machine, finding: Finding, moment: Moment, interfaces: set[str]) -> bool:
    """Decide whether a finding is one whatever was lost on these interfaces.

    Rules may share a prohibition between them, each for what is seen (I1 and D1): what breaks one of them or another,
    whatever was lost, is broken.
    """
    if NODE in interfaces or machine.spec.tracks:
        interfaces = {*moment.names, NODE}
    touched = _touched(machine.spec)
    hidden = _without(machine, moment, interfaces, touched)
    if finding.overdue:
        all_lost = finding.interface in interfaces or NODE in interfaces
        return stands(machine, finding.rule, hidden, machine.done_slot if all_lost else {*_doubtful(machine, touched)})
    level = machine.rules[finding.rule].level
    shared = (n for n, r in enumerate(machine.rules) if isinstance(r.body, Allow) and r.level == level)
    return any(stands(machine, rule, hidden, ()) for rule in shared)


def _without(machine: Machine, moment: Moment, interfaces: set[str], touched: set[str]) -> Moment:
    """Return a moment in which nothing is known of these interfaces, and nothing of what others know by them."""
    slots = {slot: None for name, slot in machine.interface_slots.items() if name in touched}

    def left(name: str, state: Sequence[int]) -> list[int]:
        if name in interfaces:
            return machine.unknown_interface()
        known = list(state)
        hide(known, slots)
        return known

    states = tuple(left(name, state) for name, state in zip(moment.names, moment.interfaces, strict=True))
    own = machine.unknown_interface() if moment.this == UNKNOWN else states[moment.this]
    return replace(moment, own=own, node=machine.unknown_node(), interfaces=states, entries=[])


def _touched(spec: Spec) -> set[str]:
    """Return the variables of an interface that may depend on what happens on others, or on what all share."""
    known = {name for name, variable in spec.variables.items() if variable.scope == "interface"}
    touched: set[str] = set()
    before = -1
    while before != len(touched):
        before = len(touched)
        for update in spec.updates:
            terms = list(update.terms())
            if any(t.uses("some", "every") or not t.reads() <= known - touched for t in terms):
                touched |= set(update.writes()) & known
    return touched


def _doubtful(machine: Machine, touched: set[str]) -> Iterator[int]:
    """Yield the obligations, by number, that what happens on another interface may meet or begin anew."""
    own = machine.interface_slots.keys() - touched
    for number, rule in enumerate(machine.rules):
        if isinstance(rule.body, Require):
            read = {rule.body.anchor}.union(*(p.condition.reads() for p in rule.body.patterns))
            if number in machine.shared_duties or not read <= own:
                yield number
