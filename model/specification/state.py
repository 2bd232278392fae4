"""State and tables as they are declared, and updates: what events do to them, typed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

from mipcheck.model.language import syntax as s
from mipcheck.model.specification import spec as m
from mipcheck.model.specification.assigned import asked, flag, flag_of
from mipcheck.model.specification.names import Names
from mipcheck.model.specification.term import FALSE, TRUE, EventPattern, Term
from mipcheck.model.specification.typecheck import CONSTANT, Scope, TypeChecker
from mipcheck.model.values.nearest import nearest
from mipcheck.model.values.types import BASIC, BOOL, INTERFACE, TIME, Type

MAX_LIMIT: Final = 1024
"""Entries of a table for one node, at most: they are looked at one after the other."""
MAX_PARTS: Final = 3
"""Parts of a key."""


class StateReader:
    """Reads declarations of state and tables into `names`, and updates of both; each raises SpecError."""

    def __init__(self, names: Names, types: TypeChecker) -> None:
        self.names, self.types = names, types

    def variables(self) -> None:
        """Declare the variables of interfaces and of the node; with times, where that is asked, whether they have a
        value."""
        wanted = set(asked(self.names.items))
        for d in self.names.each(s.StateDecl):
            for v in d.variables:
                self.names.declare("state", v.name, v.at)
                initial = self._initial(v)
                type_ = self.names.type_of(v.type)
                variable = m.Variable(v.name, type_, d.scope, d.ghost, initial, v.text, d.told)
                self.names.variables[v.name] = variable
                if v.name in wanted and (told := flag(variable)) is not None:
                    self.names.declare("state", told.name, v.at)
                    self.names.variables[told.name] = told

    def tables(self) -> None:
        """Declare tables, with the parts of their keys and their fields."""
        for d in self.names.each(s.TableDecl):
            self.names.declare("table", d.name, d.at)
            if d.limit is not None and not 1 <= d.limit <= MAX_LIMIT:
                self.names.fail(
                    d.at, f"a table has from 1 to {MAX_LIMIT} entries", f"limit {m.LIMIT}, if none is given"
                )
            if len(d.keys) > MAX_PARTS:
                self.names.fail(d.keys[MAX_PARTS].at, f"a key has at most {MAX_PARTS} parts")
            names = [*(k.name for k in d.keys), *(v.name for v in d.variables)]
            twice = [w for w, n in Counter(names).items() if n > 1]
            if twice:
                self.names.fail(d.at, f'"{twice[0]}" stands twice in table {d.name}')
            keys = tuple((k.name, self._key_type(k)) for k in d.keys)
            fields = tuple(
                m.Variable(v.name, self.names.type_of(v.type), "entry", d.ghost, self._initial(v), v.text)
                for v in d.variables
            )
            if d.until and not any(v.name == d.until and v.type == TIME for v in fields):
                times = [v.name for v in fields if v.type == TIME]
                self.names.fail(d.at, f'table {d.name} has no time "{d.until}"', nearest(d.until, times))
            limit = m.LIMIT if d.limit is None else d.limit
            self.names.tables[d.name] = m.Table(d.name, keys, fields, d.ghost, limit, d.until, d.text)

    def _key_type(self, k: s.KeyPart) -> Type:
        type_ = self.names.type_of(k.type)
        if type_.is_set or type_ in (INTERFACE, TIME, BASIC["text"]):
            self.names.fail(k.type.at, f"a key cannot be of type {type_.name}", "a number, id, address or word can")
        return type_

    def _initial(self, v: s.VariableDecl) -> Term | None:
        """Return the initial value of a piece of state, None for a time that has none. Raises SpecError."""
        type_ = self.names.type_of(v.type)
        if type_.is_set or type_.name == "text":
            self.names.fail(v.type.at, f"state cannot be of type {v.type.name}", "keep what the rules need as bool")
        if v.initial is None:
            if type_ != TIME:
                self.names.fail(v.at, f'"{v.name}" needs an initial value', "only a time may be without one")
            return None
        return self.types.expression(v.initial, CONSTANT, type_)

    def update(self, d: s.UpdateDecl) -> m.Update:
        """Return what an event of some patterns assigns, and does to tables."""
        assigned = [a.name for a in d.assignments]
        for a in d.assignments:
            if a.name in self.names.tables:
                self.names.fail(a.at, f'"{a.name}" is a table: its entries are assigned', f"{a.name}[…] := {{ … }}")
            if a.name not in self.names.variables:
                self.names.fail(a.at, f'no state "{a.name}" to assign', nearest(a.name, self.names.variables))
            if assigned.count(a.name) > 1:
                self.names.fail(a.at, f'"{a.name}" is assigned twice')
            self.names.used[f"assigned {a.name}"] += 1
        for x in d.forgotten:
            if x.name not in self.names.variables:
                self.names.fail(x.at, f'no state "{x.name}" to forget', nearest(x.name, self.names.variables))
            if flag_of(x.name) not in self.names.variables:
                self.names.fail(x.at, f'"{x.name}" always has a value', "a time without an initial one may have none")
            if x.name in assigned:
                self.names.fail(x.at, f'"{x.name}" is assigned here, too')
        changed = [self._table_of(c) for c in d.changes]
        told = [*assigned, *(x.name for x in d.forgotten)]
        all_ghost = all(self.names.variables[n].ghost for n in told) and all(t.ghost for t in changed)
        patterns = self.types.patterns(d.patterns, Scope({}, ghost=all_ghost), observed=not all_ghost)
        scope = self.types.scope_after(d.patterns)
        pairs = []
        for a in d.assignments:
            variable = self.names.variables[a.name]
            value = self.types.expression(a.value, replace(scope, ghost=variable.ghost), variable.type)
            if not (value.kind == "const" and variable.initial == value):
                self.names.used[f"changed {a.name}"] += 1
            pairs.append((a.name, value))
            if flag_of(a.name) in self.names.variables and variable.type == TIME and variable.initial is None:
                pairs.append(self._told(a.name, TRUE))
        pairs += [self._told(x.name, FALSE) for x in d.forgotten]
        changes = tuple(
            self._change(c, t, replace(scope, ghost=t.ghost)) for c, t in zip(d.changes, changed, strict=True)
        )
        return m.Update(patterns, tuple(pairs), changes)

    def _told(self, time: str, value: Term) -> tuple[str, Term]:
        """Return the assignment that says whether a time has a value."""
        self.names.used[f"assigned {flag_of(time)}"] += 1
        self.names.used[f"changed {flag_of(time)}"] += 1
        return flag_of(time), value

    def pause(self, d: s.PauseDecl, updates: Sequence[m.Update]) -> m.Pause:
        """Return while which state no obligation runs. Raises SpecError for state that cannot say so."""
        self.names.declare("pause", "", d.at)
        for name, type_ in ((d.condition, BOOL), (d.since, TIME)):
            variable = self.names.variables.get(name)
            if variable is None:
                self.names.fail(d.at, f'unknown state "{name}"', nearest(name, self.names.variables))
            if variable.type != type_ or variable.scope != "node" or variable.ghost:
                self.names.fail(d.at, f'"{name}" cannot say when obligations run', f"expected node state: {type_.name}")
            self.names.read[name] += 1
        kinds = {p.event for u in updates for p in u.patterns if any(n == d.condition for n, _ in u.assignments)}
        told = [v for u in updates for n, v in u.assignments if n == d.condition]
        if any(t.kind != "const" for t in told):
            self.names.fail(d.at, f'"{d.condition}" is told by an event, and is then true or false')
        both = [u for u in updates if {p.event for p in u.patterns} & kinds]
        if any(n not in (d.condition, d.since) for u in both for n, _ in u.assignments):
            self.names.fail(d.at, f"what changes {d.condition} changes nothing else", "proofs leave it out")
        if self.names.variables[d.condition].initial != FALSE:
            self.names.fail(d.at, f'"{d.condition}" is false at first', "proofs are about a node that does not pause")
        return m.Pause(d.condition, d.since, frozenset(kinds), d.text, self._ends(d, kinds))

    def _ends(self, d: s.PauseDecl, kinds: Collection[str]) -> tuple[EventPattern, ...]:
        """Return what shows that a pause is over. Raises SpecError for what tells it, or is known of an interface."""
        ended = self.types.patterns(d.ended, Scope({}), observed=True) if d.ended else ()
        for p, said in zip(ended, d.ended, strict=True):
            if p.event in kinds:
                self.names.fail(
                    said.at, f'"{p.event}" tells of {d.condition} itself', "a pause is ended by what shows it"
                )
            if self.names.events[p.event].sender == "observer":
                self.names.fail(said.at, f'"{p.event}" is missing evidence', "which shows nothing")
            own = [n for n in p.condition.names("var") if self.names.variables[n].scope == "interface"]
            if own or p.condition.uses("some", "every", "this", "entry", "some_entry", "every_entry"):
                hint = "its condition speaks of keys, of parameters, and of the node's variables"
                self.names.fail(said.at, "what ends a pause depends on no interface", hint)
        return ended

    def _table_of(self, c: s.ChangeDecl) -> m.Table:
        name = c.table if isinstance(c, s.ClearTable) else c.entry.table
        if name not in self.names.tables:
            self.names.fail(c.at, f'no table "{name}" to change', nearest(name, self.names.tables))
        if not self.names.own(name):
            self.names.fail(c.at, f'"{name}" is no table of the system', "only what it is of changes it")
        return self.names.tables[name]

    def _change(self, c: s.ChangeDecl, table: m.Table, scope: Scope) -> m.Change:
        """Return what an update does to a table. Raises SpecError."""
        if isinstance(c, s.ClearTable):
            return m.Change("clear", table.name)
        _, keys = self.types.entry(c.entry, scope)
        if isinstance(c, s.RemoveEntry):
            return m.Change("remove", table.name, keys)
        given = (c.value,) if isinstance(c, s.SetField) else c.values
        values: dict[str, Term] = {}
        for a in given:
            column = f"{table.name}.{a.name}"
            if column not in table.columns:
                known = nearest(a.name, [v.name for v in table.fields])
                self.names.fail(a.at, f'an entry of "{table.name}" has no field "{a.name}"', known)
            if column in values:
                self.names.fail(a.at, f'"{a.name}" is assigned twice')
            values[column] = self.types.expression(a.value, scope, table.columns[column].type)
            self.names.used[f"assigned {column}"] += 1
        if isinstance(c, s.SetField):
            return m.Change("field", table.name, keys, tuple(values.items()))
        for v in table.fields:
            if v.initial is None and f"{table.name}.{v.name}" not in values:
                self.names.fail(
                    c.at, f'"{v.name}" needs a value', "it has no initial one, so that nothing would be known of it"
                )
        self.names.used[f"assigned {table.name}"] += 1
        values[table.name] = TRUE
        return m.Change("set", table.name, keys, tuple((n, values[n]) for n in table.columns if n in values))
