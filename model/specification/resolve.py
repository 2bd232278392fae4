"""Syntax tree → `Spec`: declarations are read kind by kind, for one role after the other; oddities become warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from mipcheck.model.language import syntax as s
from mipcheck.model.language.errors import SpecError
from mipcheck.model.language.expression import Expression, Place
from mipcheck.model.language.parse import MAX_DEPTH
from mipcheck.model.specification import spec as m
from mipcheck.model.specification.flatten import Item, Loader, flatten, of_role
from mipcheck.model.specification.names import Names
from mipcheck.model.specification.term import TRUE, Term
from mipcheck.model.specification.typecheck import CONSTANT, Scope, TypeChecker, shown
from mipcheck.model.values.nearest import nearest
from mipcheck.model.values.types import BASIC, BOOL, INT, INTERFACE, TIME, Type

MAX_LIMIT: Final = 1024
"""Entries of a table for one node, at most: they are looked at one after the other."""
MAX_PARTS: Final = 3
"""Parts of a key."""

_CONTRACT: Final = frozenset({"iha", "xha", "vpn", "ihoa", "xhoa"})
"""Site addresses of the trace format: readers of captures use them, whether or not a rule does."""


def resolve(
    module: s.Module, file: str, source: str, load: Loader, readings: Mapping[str, str] | None = None
) -> m.Spec:
    """Return the specification that a tree declares. `readings` chooses among readings: rule → reading.

    Raises SpecError for unknown or doubly declared names, types that do not fit, ghost state read by a rule, and
    readings that do not exist.
    """
    items = flatten(module, file, source, load)
    roles: dict[str, s.RoleDecl] = {}
    for i in items:
        if isinstance(i.declaration, s.RoleDecl):
            if i.declaration.name == m.MOBILE_NODE:
                hint = "what stands outside any block is about it"
                raise SpecError(i.file, i.declaration.at, "the mobile node needs no role", hint, i.source)
            roles.setdefault(i.declaration.name, i.declaration)
    chosen = dict(readings or {})
    readers = {r: _RoleReader(module, of_role(items, r), chosen, file) for r in (m.MOBILE_NODE, *roles)}
    specs = {name: r.spec() for name, r in readers.items()}
    for name in (m.MOBILE_NODE, *roles):
        readers[name].check_chosen([rule for spec in specs.values() for rule in spec.rules])
    main = readers[m.MOBILE_NODE]
    main.check_shared(list(readers.values()))
    main.check_statements([*specs.values()], list(roles))
    others = {
        name: replace(specs[name], role=name, tracks=d.tracks, role_text=d.text, statements={}, warnings=())
        for name, d in roles.items()
    }
    for name, d in roles.items():
        readers[name].check_tracks(d)
    warnings = tuple(dict.fromkeys(w for r in readers.values() for w in r.names.warnings))
    return replace(specs[m.MOBILE_NODE], roles=others, warnings=warnings)


class _RoleReader:
    """Reads the declarations of one role into `names`, and makes that role's machine of them."""

    def __init__(self, module: s.Module, items: Sequence[Item], readings: Mapping[str, str], file: str) -> None:
        self.module, self.chosen, self.file = module, readings, file
        self.names = Names(items, file)
        self.types = TypeChecker(self.names)
        self.default_readings: dict[str, list[Item]] = {}

    def spec(self) -> m.Spec:
        """Return what all declarations of the role come to. Raises SpecError.

        They are read kind by kind, what others need first; of several mistakes, the first in this order is told.
        """
        n = self.names
        self._words()
        self._parameters()
        self._state()
        self._tables()
        document = ""
        for d in n.each(s.DocumentDecl):
            n.declare("document", "", d.at)
            document = d.name
        n.layers = {d.name: self._layer(d) for d in n.each(s.LayerDecl)}
        n.accesses = {d.name: self._access(d) for d in n.each(s.AccessDecl)}
        updates = [(self._update(d), n.item) for d in n.each(s.UpdateDecl)]
        assumptions = {d.name: self._assumption(d) for d in n.each(s.AssumptionDecl)}
        for chosen in n.each(s.DefaultReadingDecl):
            self.default_readings.setdefault(chosen.rule, []).append(n.item)
        rules = {d.name: self._rule(d) for d in n.each(s.RuleDecl)}
        properties = {d.name: self._property(d) for d in n.each(s.PropertyDecl)}
        statements = {d.name: self._statement(d) for d in n.each(s.StatementDecl)}
        self._warn_unused()
        self._warn_two_values(updates)
        definitions = {name: term for name in n.defines if (term := self.types.definition(name)) is not None}
        return m.Spec(
            self.module.name, self.module.text, document, self.module.extends,
            n.enums, tuple(n.sites), n.layers, n.accesses, n.capabilities, n.parameters, n.events,
            n.variables, definitions, tuple(u for u, _ in updates), assumptions, rules, properties, statements,
            n.tables,
        )  # fmt: skip

    # --- declarations ---------------------------------------------------------------------------------------------

    def _words(self) -> None:
        """Declare types, site addresses, capabilities, events and definitions, which need nothing but types."""
        for enum in self.names.each(s.EnumDecl):
            self._enum(enum)
        for site in self.names.each(s.SiteDecl):
            for name in site.names:
                self.names.declare("site address", name, site.at)
                self.names.sites.append(name)
        for capability in self.names.each(s.CapabilityDecl):
            self.names.declare("capability", capability.name, capability.at)
            self.names.capabilities[capability.name] = capability.text
        for event in self.names.each(s.EventDecl):
            self._event(event)
        for define in self.names.each(s.DefineDecl):
            self.names.declare("definition", define.name, define.at)
            self.names.defines[define.name] = self.names.item

    def _enum(self, d: s.EnumDecl) -> None:
        self.names.declare("type", d.name, d.at)
        if d.name in BASIC:
            self.names.fail(d.at, f'"{d.name}" is a type of the language and cannot be declared')
        self.names.check_members(d.name, d.members, d.at)
        self.names.enums[d.name] = Type(f"set of {d.name}" if d.is_set else d.name, d.members)

    def _event(self, d: s.EventDecl) -> None:
        self.names.declare("event", d.name, d.at)
        duplicate = [w for w, n in Counter(k.name for k in d.keys).items() if n > 1]
        if duplicate:
            self.names.fail(d.at, f'key "{duplicate[0]}" stands twice in event {d.name}')
        for k in d.keys:
            self.names.check_word(k.name, k.at)
            if self.names.type_of(k.type) == INTERFACE:
                self.names.fail(k.at, "a key cannot be an interface")
            self.names.key_of[k.name] = d.name
        keys = tuple(m.Key(k.name, self.names.type_of(k.type), k.optional) for k in d.keys)
        event = self.names.events[d.name] = m.EventType(d.name, keys, d.sender, frozenset(d.seen), d.text)
        if d.hidden is not None:
            self.names.events[d.name] = replace(event, hidden=self._hidden(d, d.hidden, keys))

    def _hidden(self, d: s.EventDecl, hidden: Expression, keys: tuple[m.Key, ...]) -> Term:
        """Return when a capture may be unable to show the event, told by its keys. Raises SpecError."""
        if "capture" not in d.seen:
            hint = f"{d.name} is in no capture; write `seen capture`, or leave it out"
            self.names.fail(hidden.at, "`unless` says what a capture may be unable to show", hint)
        scope = Scope({k.name: k.type for k in keys}, (d.name,), state=False, this=False, now=False)
        return self.types.expression(hidden, scope, BOOL)

    def _state(self) -> None:
        for d in self.names.each(s.StateDecl):
            for v in d.variables:
                self.names.declare("state", v.name, v.at)
                initial = self._initial(v)
                type_ = self.names.type_of(v.type)
                self.names.variables[v.name] = m.Variable(v.name, type_, d.scope, d.ghost, initial, v.text)

    def _tables(self) -> None:
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

    def _parameters(self) -> None:
        """Declare ambiguities and parameters; their defaults last, which may use parameters that are declared later."""
        for a in self.names.each(s.AmbiguityDecl):
            self.names.declare("ambiguity", a.name, a.at)
            self.names.parameters[a.name] = self._ambiguity(a)
        for d in self.names.each(s.ParamDecl):
            self.names.declare("parameter", d.name, d.at)
            type_ = self.names.type_of(d.type)
            if type_ not in (INT, TIME, BOOL) and not type_.is_enum:
                self.names.fail(d.type.at, f"a parameter cannot be of type {type_.name}")
            self.names.parameters[d.name] = m.Parameter(d.name, type_, TRUE, d.cite, d.text)
        for d in self.names.each(s.ParamDecl):
            parameter = self.names.parameters[d.name]
            default = self.types.expression(d.default, replace(CONSTANT, site=False), parameter.type)
            self.names.parameters[d.name] = replace(parameter, default=default)
        settled: set[str] = set()
        for d in self.names.each(s.ParamDecl):
            self._check_default(d.name, d.at, (), settled)

    def _ambiguity(self, d: s.AmbiguityDecl) -> m.Parameter:
        """Return the parameter whose values are the readings of an ambiguity.

        Its value is the reading that was asked for, else the last default that a file gives, else the first reading.
        """
        names = tuple(name for name, _ in d.readings)
        type_ = Type("{" + ", ".join(names) + "}", names)
        self.names.check_members(f"ambiguity {d.name}", names, d.at)
        chosen = names[0]
        here = self.names.item
        for item in (i for i in self.names.items if isinstance(i.declaration, s.DefaultReadingDecl)):
            default = item.declaration
            assert isinstance(default, s.DefaultReadingDecl)
            if default.rule == d.name:
                self.names.item = item
                if default.reading not in names:
                    self.names.fail(default.at, f'{d.name} has no reading "{default.reading}"',
                                    nearest(default.reading, names))  # fmt: skip
                chosen = default.reading
        self.names.item = here
        if (wanted := self.chosen.get(d.name)) is not None:
            if wanted not in names:
                self.names.fail(d.at, f'{d.name} has no reading "{wanted}"', nearest(wanted, names))
            chosen = wanted
        value = Term("const", type_, chosen, names.index(chosen))
        return m.Parameter(d.name, type_, value, d.cite, d.text, d.readings)

    def _check_default(self, name: str, at: Place, pending: tuple[str, ...], settled: set[str]) -> None:
        """Raise SpecError if a default depends on itself, through the `pending` ones; `settled` are known not to."""
        if name in pending:
            self.names.fail(at, f'the default of "{pending[0]}" depends on itself')
        if len(pending) > MAX_DEPTH:
            self.names.fail(
                at, f'the default of "{pending[0]}" depends on too many others', f"at most {MAX_DEPTH}, in turn"
            )
        if name not in settled:
            for other in sorted(self.names.parameters[name].default.names("param")):
                self._check_default(other, at, (*pending, name), settled)
            settled.add(name)

    def _update(self, d: s.UpdateDecl) -> m.Update:
        assigned = [a.name for a in d.assignments]
        for a in d.assignments:
            if a.name in self.names.tables:
                self.names.fail(a.at, f'"{a.name}" is a table: its entries are assigned', f"{a.name}[…] := {{ … }}")
            if a.name not in self.names.variables:
                self.names.fail(a.at, f'no state "{a.name}" to assign', nearest(a.name, self.names.variables))
            if assigned.count(a.name) > 1:
                self.names.fail(a.at, f'"{a.name}" is assigned twice')
            self.names.used[f"assigned {a.name}"] += 1
        changed = [self._table_of(c) for c in d.changes]
        all_ghost = all(self.names.variables[a.name].ghost for a in d.assignments) and all(t.ghost for t in changed)
        patterns = self.types.patterns(d.patterns, Scope({}, ghost=all_ghost), observed=not all_ghost)
        scope = self.types.scope_after(d.patterns)
        pairs = []
        for a in d.assignments:
            variable = self.names.variables[a.name]
            value = self.types.expression(a.value, replace(scope, ghost=variable.ghost), variable.type)
            if not (value.kind == "const" and variable.initial == value):
                self.names.used[f"changed {a.name}"] += 1
            pairs.append((a.name, value))
        changes = tuple(
            self._change(c, t, replace(scope, ghost=t.ghost)) for c, t in zip(d.changes, changed, strict=True)
        )
        return m.Update(patterns, tuple(pairs), changes)

    def _table_of(self, c: s.ChangeDecl) -> m.Table:
        name = c.table if isinstance(c, s.ClearTable) else c.entry.table
        if name not in self.names.tables:
            self.names.fail(c.at, f'no table "{name}" to change', nearest(name, self.names.tables))
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

    def _assumption(self, d: s.AssumptionDecl) -> m.Assumption:
        self.names.declare("assumption", d.name, d.at)
        patterns = self.types.patterns(d.patterns, Scope({}, ghost=True), observed=False)
        condition = self.types.expression(d.condition, self.types.scope_after(d.patterns, ghost=True), BOOL)
        return m.Assumption(d.name, d.cite, d.text, patterns, condition)

    def _body(self, d: s.BodyDecl) -> m.Body:
        match d:
            case s.AllowDecl(patterns, condition):
                resolved = self.types.patterns(patterns, Scope({}), observed=True)
                after = self.types.scope_after(patterns)
                doubt = None if d.unclear is None else self.types.expression(d.unclear, after, BOOL)
                return m.Allow(resolved, self.types.expression(condition, after, BOOL), doubt)
            case s.RequireDecl(patterns, within, anchor, condition):
                resolved = self.types.patterns(patterns, Scope({}), observed=True)
                limit = self.types.expression(within, CONSTANT, TIME)
                self._anchor(anchor, d.anchor_at)
                timeless = Scope({}, now=False, tables=False)
                return m.Require(resolved, limit, anchor, self.types.expression(condition, timeless, BOOL))
            case s.ConfigureDecl(condition):
                return m.Configure(self.types.expression(condition, CONSTANT, BOOL))

    def _anchor(self, name: str, at: Place) -> None:
        """Raise SpecError for what an obligation cannot count from."""
        variable = self.names.variables.get(name)
        if variable is None:
            self.names.fail(at, f'unknown state "{name}"', nearest(name, self.names.variables))
        if variable.type != TIME:
            self.names.fail(at, f'"{name}" is of type {variable.type.name}: an obligation counts from a time')
        if variable.ghost:
            self.names.fail(
                at, f'"{name}" is ghost state: no node can see it', "an obligation counts from what a node knows"
            )
        if variable.scope != "interface":
            self.names.fail(at, f'"{name}" is state of the node', "an obligation counts from a time of its interface")
        self.names.read[name] += 1

    def _rule(self, d: s.RuleDecl) -> m.Rule:
        """Return a rule with the reading that was asked for, else the last default given, else the first."""
        self.names.declare("rule", d.name, d.at)
        readings = tuple(m.Reading(r.name, r.text, self._body(r.body)) for r in d.readings)
        names = [r.name for r in readings if r.name]
        for r in d.readings:
            if names.count(r.name) > 1:
                self.names.fail(r.at, f'reading "{r.name}" stands twice in rule {d.name}')
        chosen = readings[0]
        here = self.names.item
        for item in (*self.default_readings.get(d.name, ()), here):
            default = item.declaration
            wanted = default.reading if isinstance(default, s.DefaultReadingDecl) else self.chosen.get(d.name)
            self.names.item = item
            if wanted is not None and wanted not in names:
                self.names.fail(item.declaration.at, f'rule {d.name} has no reading "{wanted}"', nearest(wanted, names))
            chosen = next((r for r in readings if r.name == wanted), chosen)
        for o in d.options:
            if o.kind in ("unless", "given"):
                self.names.use_capability(o.value, o.at)

        def option(kind: str) -> tuple[str, ...]:
            return tuple(o.value for o in d.options if o.kind == kind)

        return m.Rule(
            d.name, d.level, d.cite, d.text, chosen.body, chosen.name or None,
            readings if chosen.name else (), option("unless"), option("given"),
            " ".join(option("instead")), " ".join(option("note")),
        )  # fmt: skip

    def _property(self, d: s.PropertyDecl) -> m.Property:
        self.names.declare("property", d.name, d.at)
        match d.claim:
            case s.InvariantDecl(condition):
                claim: m.Claim = m.Invariant(self.types.expression(condition, Scope({}, ghost=True), BOOL))
            case s.WheneverDecl(patterns, condition):
                resolved = self.types.patterns(patterns, Scope({}, ghost=True), observed=False)
                claim = m.Whenever(
                    resolved, self.types.expression(condition, self.types.scope_after(patterns, ghost=True), BOOL)
                )
            case s.PermittedDecl(patterns):
                claim = m.Permitted(self.types.patterns(patterns, Scope({}, ghost=True), observed=False))
            case s.IndependentDecl(variables, allowed):
                for v in variables:
                    known = [n for n, x in self.names.variables.items() if x.scope == "interface"]
                    if v.name not in known:
                        self.names.fail(v.at, f'no state "{v.name}" of an interface', nearest(v.name, known))
                    self.names.read[v.name] += 1
                claim = m.Independent(
                    tuple(v.name for v in variables), self.types.patterns(allowed, Scope({}), observed=True)
                )
            case s.ConsistentDecl():
                claim = m.Consistent()
        rules = [i.declaration.name for i in self.names.items if isinstance(i.declaration, s.RuleDecl)]
        for name in d.relying:
            if name not in rules:
                self.names.fail(d.at, f'unknown rule "{name}"', nearest(name, rules))
        return m.Property(d.name, d.cite, d.text, claim, d.relying)

    def _statement(self, d: s.StatementDecl) -> m.Statement:
        self.names.declare("statement", d.name, d.at)
        return m.Statement(d.name, d.level, d.cite, d.text, d.by, d.because)

    def _layer(self, d: s.LayerDecl) -> m.Layer:
        self.names.declare("layer", d.name, d.at)
        forms = []
        for f in d.forms:
            if f.given:
                self.names.use_capability(f.given, f.at)
            adds = None if f.adds is None else self.types.expression(f.adds, replace(CONSTANT, site=False), INT)
            forms.append(m.LayerForm(f.headers, adds, f.given, f.traversal))
        return m.Layer(d.name, d.text, d.protects, tuple(forms))

    def _access(self, d: s.AccessDecl) -> m.Access:
        self.names.declare("access mode", d.name, d.at)
        for layer, kind in d.parts:
            if layer not in self.names.layers:
                self.names.fail(d.at, f'unknown layer "{layer}"', nearest(layer, self.names.layers))
            if kind not in ("", *m.KINDS_OF_ADDRESS):
                self.names.fail(d.at, f'unknown kind of care-of address "{kind}"', nearest(kind, m.KINDS_OF_ADDRESS))
        for capability in d.needs:
            self.names.use_capability(capability, d.at)
        return m.Access(d.name, d.parts, d.needs, d.text)

    # --- what is said of all roles together -----------------------------------------------------------------------

    def check_chosen(self, rules: Sequence[str]) -> None:
        """Raise SpecError if a user or a file chooses a reading of neither a rule nor an ambiguity."""
        for rule, items in self.default_readings.items():
            if rule not in rules and rule not in self.names.parameters:
                self.names.item = items[0]
                self.names.fail(self.names.item.declaration.at, f'unknown rule "{rule}"', nearest(rule, rules))
        for rule in self.chosen:
            if rule not in rules and rule not in self.names.parameters:
                raise SpecError(
                    self.file, Place(), f'there is no rule "{rule}" to choose a reading of', nearest(rule, rules)
                )

    def check_shared(self, others: Sequence[_RoleReader]) -> None:
        """Warn of what no role uses; raise SpecError for rules and properties of two roles that have one name."""
        used: Counter[str] = Counter()
        for other in others:
            used.update(other.names.used)
        self._warn_unused_shared(used)
        for space in ("rule", "property"):
            seen: dict[str, _RoleReader] = {}
            for other in others:
                for (kind, name), (_, item, at) in other.names.declared.items():
                    if kind == space and seen.setdefault(name, other) is not other:
                        other.names.item = item
                        other.names.fail(at, f'{space} "{name}" is declared for another role already')

    def check_tracks(self, d: s.RoleDecl) -> None:
        """Raise SpecError if a role tells mobile nodes apart by what is no address of any of its events."""
        keys = {k.name: k.type for e in self.names.events.values() for k in e.keys}
        if d.tracks and keys.get(d.tracks) != BASIC["address"]:
            addresses = [n for n, t in keys.items() if t == BASIC["address"]]
            self.names.fail(
                d.at, f'no event of role {d.name} has an address "{d.tracks}"', nearest(d.tracks, addresses)
            )

    def check_statements(self, specs: Sequence[m.Spec], roles: Sequence[str]) -> None:
        """Raise SpecError for a statement that is said to be encoded by what there is not."""
        known = {
            *self.names.layers, *self.names.accesses, *self.names.capabilities, *self.names.parameters, *roles,
            *(n for spec in specs for n in (*spec.rules, *spec.properties, *spec.assumptions)),
        }  # fmt: skip
        for d in self.names.each(s.StatementDecl):
            for name in d.by:
                if name not in known:
                    self.names.fail(d.at, f'nothing is called "{name}"', nearest(name, known))

    # --- warnings -------------------------------------------------------------------------------------------------

    def _warn_unused(self) -> None:
        """Warn of definitions and state of this role that nothing uses, or gives a value."""
        for name in self.names.defines:
            if not self.names.used[f"definition {name}"]:
                self.names.warn_declared("definition", name, "is never used")
        for name, v in self.names.variables.items():
            if not self.names.read[name]:
                self.names.warn_declared("state", name, "is never read")
            if not self.names.used[f"assigned {name}"]:
                nothing = ", and has no value" if v.initial is None else ""
                self.names.warn_declared("state", name, f"is never assigned{nothing}")
            elif not self.names.used[f"changed {name}"]:
                self.names.warn_declared("state", name, "is never assigned anything but its initial value")
        for t in self.names.tables.values():
            read = [n for n in t.columns if self.names.read[n]]
            if not read:
                self.names.warn_declared("table", t.name, "is never read")
            if not self.names.used[f"assigned {t.name}"]:
                self.names.warn_declared("table", t.name, "never has an entry")
            unread = [n for n in t.columns if read and n not in (t.name, t.lapses, *read)]
            for column in unread:
                self.names.warn_declared("table", t.name, f"has a field that is never read: {column.partition('.')[2]}")

    def _warn_unused_shared(self, used: Counter[str]) -> None:
        """Warn of what is common to all roles and `used` by none."""
        for name, p in self.names.parameters.items():
            if not used[f"parameter {name}"] and name != "t_slack":
                self.names.warn_declared("ambiguity" if p.readings else "parameter", name, "is never used")
        for name in self.names.enums:
            if not used[f"type {name}"]:
                self.names.warn_declared("type", name, "is never used")
        for name in self.names.sites:
            if not used[f"site {name}"] and name not in _CONTRACT:
                self.names.warn_declared("site address", name, "is never used")
        for name in self.names.capabilities:
            if not used[f"capability {name}"]:
                self.names.warn_declared("capability", name, "is never used")

    def _warn_two_values(self, updates: Sequence[tuple[m.Update, Item]]) -> None:
        """Warn of state that one pattern gives two values, within one file.

        That a later file's update counts is how a specification changes one that it extends.
        """
        seen: dict[tuple[str, str, str], Term] = {}
        for u, item in updates:
            assert isinstance(item.declaration, s.UpdateDecl)
            for p, tree in zip(u.patterns, item.declaration.patterns, strict=True):
                for name, value in u.assignments:
                    if seen.setdefault((item.file, p.source, name), value) != value:
                        message = f"{name} is given two values on {shown(p.source)}; the later one counts"
                        self.names.warn(item, tree.at, message)
