"""The machine of a role as a party to a system has it: names of what it has begin with the party's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mipcheck.model.specification.claimed import Assumption
from mipcheck.model.specification.parties import Party
from mipcheck.model.specification.spec import (
    Allow,
    Body,
    Change,
    Configure,
    EventType,
    Require,
    Rule,
    Spec,
    Table,
    Update,
    Variable,
)
from mipcheck.model.specification.term import STATE, TRUE, EventPattern, Term
from mipcheck.model.values.types import BASIC, BOOL


def renamed(machine: Spec, party: Party) -> Spec:
    """Return the machine of a role as a party has it: names begin with its own, addresses are the party's.

    What only an observer reports is left out, and what tells that obligations do not run.
    """
    return _Renaming(machine, party).spec()


class _Renaming:
    def __init__(self, machine: Spec, party: Party) -> None:
        self._machine, self._party = machine, party
        self._sites = dict(party.sites)
        paused = machine.pause.kinds if machine.pause is not None else frozenset[str]()
        self._events = {n for n, e in machine.events.items() if e.sender != "observer" and n not in paused}

    def spec(self) -> Spec:
        spec, party = self._machine, self._party.name
        events = {f"{party}/{n}": self._event(e) for n, e in spec.events.items() if n in self._events}
        updates = tuple(u for u in map(self._update, spec.updates) if u.patterns)
        assumptions = {f"{party}.{n}": self._assumption(a) for n, a in spec.assumptions.items()}
        if spec.tracks:
            assumptions[f"{party}.{spec.tracks}"] = self._followed()
        return replace(
            spec,
            events=events,
            variables={v.name: v for v in map(self._variable, spec.variables.values())},
            tables={t.name: t for t in map(self.table, spec.tables.values())},
            updates=updates,
            assumptions=assumptions,
            rules={r.id: r for r in map(self._rule, spec.rules.values())},
        )

    def _name(self, name: str) -> str:
        return f"{self._party.name}/{name}"

    def _followed(self) -> Assumption:
        """Return that events are about the one mobile node that is followed; others leave its state alone."""
        key, address = self._machine.tracks, BASIC["address"]
        own = Term("site", address, self._party.tracked)
        about = Term("=", BOOL, args=(Term("key", address, key), own))
        patterns = (EventPattern(self._name(n), TRUE, n) for n in sorted(self._events)
                    if key in self._machine.events[n].by_name)  # fmt: skip
        text = "What concerns another mobile node is not followed."
        return Assumption(f"{self._party.name}.{key}", (), text, tuple(patterns), about)

    def _event(self, e: EventType) -> EventType:
        return replace(e, name=self._name(e.name), text=f"{self._party.name}: {e.text or e.name}")

    def _variable(self, v: Variable) -> Variable:
        return replace(v, name=self._name(v.name), initial=None if v.initial is None else self._term(v.initial))

    def table(self, t: Table) -> Table:
        fields = tuple(replace(v, initial=None if v.initial is None else self._term(v.initial)) for v in t.fields)
        return replace(t, name=self._name(t.name), fields=fields)

    def _term(self, t: Term) -> Term:
        args = tuple(map(self._term, t.args))
        if t.kind in STATE:
            return replace(t, name=self._name(t.name), args=args)
        if t.kind == "site" and t.name in self._sites:
            return replace(t, name=self._sites[t.name])
        return t if args == t.args else replace(t, args=args)

    def _patterns(self, patterns: Sequence[EventPattern]) -> tuple[EventPattern, ...]:
        return tuple(
            EventPattern(self._name(p.event), self._term(p.condition), f"{self._party.name}.{p.source}")
            for p in patterns
            if p.event in self._events
        )

    def _update(self, u: Update) -> Update:
        assigned = tuple((self._name(n), self._term(v)) for n, v in u.assignments)
        return Update(self._patterns(u.patterns), assigned, tuple(map(self._change, u.changes)))

    def _change(self, c: Change) -> Change:
        values = tuple((self._name(n), self._term(v)) for n, v in c.values)
        return Change(c.kind, self._name(c.table), tuple(map(self._term, c.keys)), values)

    def _assumption(self, a: Assumption) -> Assumption:
        return replace(a, id=f"{self._party.name}.{a.id}", patterns=self._patterns(a.patterns),
                       condition=self._term(a.condition))  # fmt: skip

    def _rule(self, r: Rule) -> Rule:
        return replace(r, id=f"{self._party.name}.{r.id}", body=self._body(r.body))

    def _body(self, body: Body) -> Body:
        match body:
            case Allow(patterns, condition, unclear):
                doubt = None if unclear is None else self._term(unclear)
                return Allow(self._patterns(patterns), self._term(condition), doubt)
            case Require(patterns, within, anchor, condition):
                return Require(self._patterns(patterns), self._term(within), self._name(anchor), self._term(condition))
            case Configure(condition):
                return Configure(self._term(condition))
