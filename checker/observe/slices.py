"""What a rule can depend on: kinds of events, and the keys of them that anything asks for."""

from __future__ import annotations

from mipcheck.model.machine.compile import Machine
from mipcheck.model.specification.spec import Require, Rule, Update


def slice_of(machine: Machine, rule: Rule) -> frozenset[str]:
    """Return the kinds of events on which it can depend whether a rule is broken: by what writes what it reads."""
    kinds = {p.event for p in rule.body.patterns} if isinstance(rule.body, Require) else set()
    return frozenset(kinds | {p.event for update in updates_for(machine, rule) for p in update.patterns})


def updates_for(machine: Machine, rule: Rule, directly: bool = False) -> list[Update]:
    """Return the updates that write what a rule reads, or what these read in turn, unless `directly`."""
    names = {name for term in rule.terms() for name in term.reads()}
    if isinstance(rule.body, Require):
        names.add(rule.body.anchor)
    found: list[Update] = []
    while True:
        tables = {n.partition(".")[0] for n in names}
        more = [
            u for u in machine.spec.updates
            if u not in found and any(written.partition(".")[0] in tables for written in u.writes())
        ]  # fmt: skip
        found += more
        if not more or directly:
            return found
        names |= {name for update in more for term in update.terms() for name in term.reads()}


def keys_asked(machine: Machine, rule: Rule) -> frozenset[str]:
    """Return the names of keys of events on which it can depend whether a rule is broken."""
    terms = [*rule.terms(), *(t for u in updates_for(machine, rule) for t in u.terms())]
    return frozenset(name for term in terms for name in term.names("key"))
