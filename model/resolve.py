"""Syntax tree → `Spec`: names are looked up, types checked, `extends` followed, oddities collected as warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn, TypeVar

from mipcheck.model import spec as m
from mipcheck.model import syntax as s
from mipcheck.model.errors import SpecError, nearest
from mipcheck.model.show import show_expression, show_pattern
from mipcheck.model.term import EventPattern, Term, conjunction
from mipcheck.model.types import BASIC, BOOL, ID, INT, INTERFACE, TIME, Type

Loader = Callable[[str], tuple[s.Module, str, str]]
"""Finds the specification that another one extends: name → its tree, file and text."""

_D = TypeVar("_D", bound=s.Declaration)


@dataclass(frozen=True, slots=True)
class _Item:
    """A declaration and the file that it stands in."""

    declaration: s.Declaration
    file: str
    source: str


def resolve(
    module: s.Module, file: str, source: str, load: Loader, readings: Mapping[str, str] | None = None
) -> m.Spec:
    """The specification that a tree declares. `readings` chooses among readings: rule → reading.

    Raises SpecError for unknown or doubly declared names, types that do not fit, ghost state read by a rule, and
    readings that do not exist.
    """
    items = _flatten(module, file, source, load, ())
    return _Resolver(module, items, dict(readings or {})).spec()


def _flatten(module: s.Module, file: str, source: str, load: Loader, seen: tuple[str, ...]) -> list[_Item]:
    """All declarations, those of extended specifications first, overrides and drops carried out."""
    items: list[_Item] = []
    if module.extends is not None:
        if module.extends in (*seen, module.name):
            raise SpecError(file, module.at, f"{module.name} extends itself", source=source)
        parent, parent_file, parent_source = load(module.extends)
        items = _flatten(parent, parent_file, parent_source, load, (*seen, module.name))
    for d in module.declarations:
        item = _Item(d, file, source)
        if isinstance(d, s.DropDecl):
            kind = {"rule": s.RuleDecl, "property": s.PropertyDecl, "assumption": s.AssumptionDecl}[d.kind]
            items = _without(items, kind, d.name, item)
        elif getattr(d, "override", False):
            assert isinstance(d, s.ParamDecl | s.RuleDecl | s.PropertyDecl | s.AssumptionDecl)
            index = _find(items, type(d), d.name, item)
            items = [*items[:index], item, *items[index + 1 :]]
        elif isinstance(d, s.DocumentDecl):
            items = [i for i in items if not isinstance(i.declaration, s.DocumentDecl)] + [item]
        else:
            items.append(item)
    return items


def _without(items: list[_Item], kind: type[s.Declaration], name: str, item: _Item) -> list[_Item]:
    index = _find(items, kind, name, item)
    return items[:index] + items[index + 1 :]


def _find(items: list[_Item], kind: type[s.Declaration], name: str, item: _Item) -> int:
    known = {i.declaration.name: n for n, i in enumerate(items) if isinstance(i.declaration, kind)}  # type: ignore[union-attr]
    if name not in known:
        what = kind.__name__.removesuffix("Decl").lower()
        raise SpecError(
            item.file,
            item.declaration.at,
            f'no {what} "{name}" to replace',
            nearest(name, known),  # type: ignore[arg-type]
            item.source,
        )
    return known[name]


@dataclass(frozen=True)
class _Scope:
    """What an expression may speak of."""

    keys: Mapping[str, Type]
    event: str = ""
    state: bool = True
    ghost: bool = False
    this: bool = True
    now: bool = True
    node_only: bool = False
    expanding: tuple[str, ...] = ()


class _Resolver:
    def __init__(self, module: s.Module, items: Sequence[_Item], readings: dict[str, str]) -> None:
        self.module, self.items, self.chosen = module, items, readings
        self.item = items[0] if items else _Item(s.DocumentDecl(""), "", "")
        self.enums: dict[str, Type] = {}
        self.sites: list[str] = []
        self.capabilities: dict[str, str] = {}
        self.parameters: dict[str, m.Parameter] = {}
        self.events: dict[str, m.EventType] = {}
        self.variables: dict[str, m.Variable] = {}
        self.defines: dict[str, s.DefineDecl] = {}
        self.used: Counter[str] = Counter()
        self.read: Counter[str] = Counter()
        self.warnings: list[str] = []
        self.places: dict[str, tuple[str, s.Place]] = {}

    # --- the walk -------------------------------------------------------------------------------------------------

    def spec(self) -> m.Spec:
        for enum in self._each(s.EnumDecl):
            self._fresh(enum.name, self.enums, "enumeration")
            duplicate = [w for w, n in Counter(enum.members).items() if n > 1]
            if duplicate:
                self._fail(enum.at, f'"{duplicate[0]}" stands twice in {enum.name}')
            self.enums[enum.name] = Type(f"set of {enum.name}" if enum.is_set else enum.name, enum.members)
        for site in self._each(s.SiteDecl):
            self.sites.extend(site.names)
        for capability in self._each(s.CapabilityDecl):
            self._fresh(capability.name, self.capabilities, "capability")
            self.capabilities[capability.name] = capability.text
        for event in self._each(s.EventDecl):
            self._event(event)
        for state in self._each(s.StateDecl):
            for v in state.variables:
                self._fresh(v.name, self.variables, "variable")
                self._note(f"variable {v.name}", v.at)
                initial = self._variable_initial(v)
                self.variables[v.name] = m.Variable(
                    v.name, self._type(v.type), state.scope, state.ghost, initial, v.text
                )
        for define in self._each(s.DefineDecl):
            self._fresh(define.name, self.defines, "definition")
            self._note(f"definition {define.name}", define.at)
            self.defines[define.name] = define
        for param in self._each(s.ParamDecl):
            self._parameter(param)
        document = [d.name for d in self._each(s.DocumentDecl)]
        updates = tuple(self._update(u) for u in self._each(s.UpdateDecl))
        assumptions = {a.name: self._assumption(a) for a in self._each(s.AssumptionDecl)}
        rules: dict[str, m.Rule] = {}
        for rule in self._each(s.RuleDecl):
            self._fresh(rule.name, rules, "rule")
            rules[rule.name] = self._rule(rule)
        properties: dict[str, m.Property] = {}
        for p in self._each(s.PropertyDecl):
            self._fresh(p.name, properties, "property")
            properties[p.name] = self._property(p)
        unknown = [r for r in self.chosen if r not in rules]
        if unknown:
            raise SpecError(
                self.item.file,
                self.module.at,
                f'no rule "{unknown[0]}" to choose a reading of',
                nearest(unknown[0], rules),
            )
        self._warn_unused(updates)
        definitions = {n: d for n, d in ((n, self._try_definition(n)) for n in self.defines) if d is not None}
        return m.Spec(
            self.module.name, self.module.text, document[-1] if document else "", self.module.extends,
            self.enums, tuple(self.sites), self.capabilities, self.parameters, self.events, self.variables,
            definitions, updates, assumptions, rules, properties, tuple(self.warnings),
        )  # fmt: skip

    def _each(self, kind: type[_D]) -> list[_D]:
        return list(self._iter(kind))

    def _iter(self, kind: type[_D]):  # type: ignore[no-untyped-def]
        for item in self.items:
            if isinstance(item.declaration, kind):
                self.item = item
                yield item.declaration

    def _fail(self, at: s.Place, message: str, hint: str = "") -> NoReturn:
        item = self.item
        raise SpecError(item.file, at, message, hint, item.source)

    def _note(self, what: str, at: s.Place) -> None:
        self.places[what] = (self.item.file, at)

    def _warn(self, what: str, message: str) -> None:
        file, at = self.places.get(what, (self.item.file, s.Place()))
        self.warnings.append(f"{file}:{at.line}:{at.column}: {message}")

    def _fresh(self, name: str, known: Mapping[str, object], what: str) -> None:
        if name in known:
            at = self.item.declaration.at
            self._fail(
                at, f'{what} "{name}" is declared twice', "use override to replace one of an extended specification"
            )

    # --- declarations ---------------------------------------------------------------------------------------------

    def _type(self, t: s.TypeName) -> Type:
        if t.name is None:
            return Type("{" + ", ".join(t.members) + "}", t.members)
        self.used[f"type {t.name}"] += 1
        if t.name in self.enums:
            return self.enums[t.name]
        if t.name in BASIC:
            return BASIC[t.name]
        self._fail(t.at, f'unknown type "{t.name}"', nearest(t.name, [*BASIC, *self.enums]))

    def _event(self, d: s.EventDecl) -> None:
        self._fresh(d.name, self.events, "event")
        duplicate = [w for w, n in Counter(k.name for k in d.keys).items() if n > 1]
        if duplicate:
            self._fail(d.at, f'key "{duplicate[0]}" stands twice in event {d.name}')
        for k in d.keys:
            if self._type(k.type) == INTERFACE:
                self._fail(k.at, "a key cannot be an interface")
        keys = tuple(m.Key(k.name, self._type(k.type), k.optional) for k in d.keys)
        self.events[d.name] = m.EventType(d.name, keys, d.sender, frozenset(d.seen), d.text)

    def _variable_initial(self, v: s.VariableDecl) -> Term | None:
        type_ = self._type(v.type)
        if type_.is_set or type_.name == "text":
            self._fail(v.type.at, f"state cannot be of type {v.type.name}", "keep what the rules need as bool")
        if v.initial is None:
            if type_ != TIME:
                self._fail(v.at, f'"{v.name}" needs an initial value', "only a time may be without one")
            return None
        return self._expr(v.initial, _Scope({}, state=False, this=False, now=False), type_)

    def _parameter(self, d: s.ParamDecl) -> None:
        self._fresh(d.name, self.parameters, "parameter")
        self._note(f"parameter {d.name}", d.at)
        type_ = self._type(d.type)
        if type_ not in (INT, TIME, BOOL) and not type_.is_enum:
            self._fail(d.type.at, f"a parameter cannot be of type {d.type.name}")
        default = self._expr(d.default, _Scope({}, state=False, this=False, now=False), type_)
        self.parameters[d.name] = m.Parameter(d.name, type_, default, d.cite, d.text)

    def _pattern(self, p: s.Pattern, scope: _Scope) -> EventPattern:
        if p.event not in self.events:
            self._fail(p.at, f'unknown event "{p.event}"', nearest(p.event, self.events))
        self.used[f"event {p.event}"] += 1
        event = self.events[p.event]
        inner = replace(scope, keys={k.name: k.type for k in event.keys}, event=p.event)
        terms = [self._expr(c, inner, BOOL) for c in p.conditions]
        if p.when is not None:
            terms.append(self._expr(p.when, inner, BOOL))
        self._warn_contradiction(p, terms)
        return EventPattern(p.event, conjunction(tuple(terms)), show_pattern(p))

    def _warn_contradiction(self, p: s.Pattern, terms: list[Term]) -> None:
        fixed: dict[str, int] = {}
        for t in terms:
            if t.kind == "=" and t.args[0].kind == "key" and t.args[1].kind == "const":
                key, value = t.args[0].name, t.args[1].value
                if fixed.setdefault(key, value) != value:
                    self.places["pattern"] = (self.item.file, p.at)
                    self._warn("pattern", f"{show_pattern(p)} can never happen: {key} has two values")

    def _patterns(self, patterns: tuple[s.Pattern, ...], scope: _Scope) -> tuple[EventPattern, ...]:
        return tuple(self._pattern(p, scope) for p in patterns)

    def _update(self, d: s.UpdateDecl) -> m.Update:
        assigned = [a.name for a in d.assignments]
        for a in d.assignments:
            if a.name not in self.variables:
                self._fail(a.at, f'no state "{a.name}" to assign', nearest(a.name, self.variables))
            if assigned.count(a.name) > 1:
                self._fail(a.at, f'"{a.name}" is assigned twice')
            self.used[f"assigned {a.name}"] += 1
        all_ghost = all(self.variables[a.name].ghost for a in d.assignments)
        patterns = self._patterns(d.patterns, _Scope({}, ghost=all_ghost))
        pairs = []
        for a in d.assignments:
            variable = self.variables[a.name]
            # With several patterns, a right-hand side may use the keys that all of them have.
            shared = self._shared_keys(d.patterns)
            scope = _Scope(shared, event=d.patterns[0].event, ghost=variable.ghost)
            pairs.append((a.name, self._expr(a.value, scope, variable.type)))
        return m.Update(patterns, tuple(pairs))

    def _shared_keys(self, patterns: tuple[s.Pattern, ...]) -> dict[str, Type]:
        tables = [{k.name: k.type for k in self.events[p.event].keys} for p in patterns]
        return {k: t for k, t in tables[0].items() if all(other.get(k) == t for other in tables)}

    def _assumption(self, d: s.AssumptionDecl) -> m.Assumption:
        scope = _Scope({}, ghost=True)
        patterns = self._patterns(d.patterns, scope)
        condition = self._expr(
            d.condition, replace(scope, keys=self._shared_keys(d.patterns), event=d.patterns[0].event), BOOL
        )
        return m.Assumption(d.name, d.cite, d.text, patterns, condition)

    def _body(self, d: s.BodyDecl, rule: str) -> m.Body:
        match d:
            case s.AllowDecl(patterns, condition):
                resolved = self._patterns(patterns, _Scope({}))
                scope = _Scope(self._shared_keys(patterns), event=patterns[0].event)
                return m.Allow(resolved, self._expr(condition, scope, BOOL))
            case s.RequireDecl(patterns, within, anchor, condition):
                resolved = self._patterns(patterns, _Scope({}))
                limit = self._expr(within, _Scope({}, state=False, this=False, now=False), TIME)
                variable = self.variables.get(anchor)
                if variable is None:
                    self._fail(d.at, f'unknown state "{anchor}"', nearest(anchor, self.variables))
                if variable.type != TIME or variable.ghost:
                    self._fail(d.at, f'"{anchor}" is not a time that a node can know')
                self.read[anchor] += 1
                held = self._expr(condition, _Scope({}, now=False), BOOL)
                if variable.scope != "interface":
                    self._fail(
                        d.at, f'"{anchor}" is state of the node', "an obligation counts from a time of its interface"
                    )
                return m.Require(resolved, limit, anchor, held)
            case s.ConfigureDecl(condition):
                return m.Configure(self._expr(condition, _Scope({}, state=False, this=False, now=False), BOOL))

    def _rule(self, d: s.RuleDecl) -> m.Rule:
        readings = tuple(m.Reading(r.name, r.text, self._body(r.body, d.name)) for r in d.readings)
        names = [r.name for r in readings]
        chosen = readings[0]
        defaults = [x.declaration for x in self.items if isinstance(x.declaration, s.DefaultReadingDecl)]
        for wanted in [x.reading for x in defaults if x.rule == d.name] + [self.chosen.get(d.name, "")]:
            if wanted and wanted not in names:
                self._fail(d.at, f'rule {d.name} has no reading "{wanted}"', nearest(wanted, filter(None, names)))
            chosen = next((r for r in readings if wanted and r.name == wanted), chosen)
        for o in d.options:
            if o.kind in ("unless", "given"):
                if o.value not in self.capabilities:
                    self._fail(o.at, f'unknown capability "{o.value}"', nearest(o.value, self.capabilities))
                self.used[f"capability {o.value}"] += 1

        def option(kind: str) -> tuple[str, ...]:
            return tuple(o.value for o in d.options if o.kind == kind)

        return m.Rule(
            d.name, d.level, d.cite, d.text, chosen.body, chosen.name or None,
            readings if chosen.name else (), option("unless"), option("given"),
            " ".join(option("instead")), " ".join(option("note")),
        )  # fmt: skip

    def _property(self, d: s.PropertyDecl) -> m.Property:
        match d.claim:
            case s.InvariantDecl(condition):
                claim: m.Claim = m.Invariant(self._expr(condition, _Scope({}, ghost=True), BOOL))
            case s.WheneverDecl(patterns, condition):
                resolved = self._patterns(patterns, _Scope({}, ghost=True))
                scope = _Scope(self._shared_keys(patterns), event=patterns[0].event, ghost=True)
                claim = m.Whenever(resolved, self._expr(condition, scope, BOOL))
            case s.IndependentDecl(variables, allowed):
                for v in variables:
                    known = [n for n, x in self.variables.items() if x.scope == "interface"]
                    if v.name not in known:
                        self._fail(v.at, f'no state "{v.name}" of an interface', nearest(v.name, known))
                    self.read[v.name] += 1
                claim = m.Independent(tuple(v.name for v in variables), self._patterns(allowed, _Scope({})))
            case s.ConsistentDecl():
                claim = m.Consistent()
        return m.Property(d.name, d.cite, d.text, claim)

    # --- expressions ----------------------------------------------------------------------------------------------

    def _expr(self, e: s.Expression, scope: _Scope, expected: Type | None) -> Term:
        term = self._infer(e, scope, expected)
        if expected is not None and term.type != expected:
            hint = {"time": "a duration needs a unit: 60 s", "bool": ""}.get(expected.name, "")
            self._fail(
                e.at, f"{show_expression(e)} is of type {term.type.name}, where {expected.name} is expected",
                hint if term.type == INT else "",
            )  # fmt: skip
        return term

    def _infer(self, e: s.Expression, scope: _Scope, expected: Type | None) -> Term:
        match e:
            case s.Literal(kind, value):
                type_ = ID if kind == "int" and expected == ID else BASIC[kind]
                return Term("const", type_, value=value, source=e)
            case s.Word("now"):
                if not scope.now:
                    self._fail(e.at, "the present time cannot be used here", "the condition of an obligation, like a "
                               "parameter, does not change as time passes")  # fmt: skip
                return Term("now", TIME, source=e)
            case s.Word():
                if not scope.this:
                    self._fail(e.at, '"this" interface makes no sense here')
                return Term("this", INTERFACE, source=e)
            case s.SiteName(name):
                if name not in self.sites:
                    self._fail(e.at, f'unknown site address "{name}"', nearest(name, self.sites))
                self.used[f"site {name}"] += 1
                return Term("site", BASIC["address"], name, source=e)
            case s.Name(name):
                return self._name(e, name, scope, expected)
            case s.Quantified(quantifier, body):
                if not scope.state:
                    self._fail(e.at, "there are no interfaces to speak of here")
                return Term(quantifier, BOOL, args=(self._expr(body, scope, BOOL),), source=e)
            case s.Apply(op, args):
                return self._apply(e, op, args, scope, expected)

    def _name(self, e: s.Name, name: str, scope: _Scope, expected: Type | None) -> Term:
        if expected is not None and expected.is_enum and name in expected.members:
            return Term("const", expected, name, expected.members.index(name), source=e)
        if expected == INTERFACE and name == "none":
            return Term("nobody", INTERFACE, source=e)
        if name in scope.keys:
            return Term("key", scope.keys[name], name, source=e)
        if name in self.variables and scope.state:
            variable = self.variables[name]
            if variable.ghost and not scope.ghost:
                self._fail(
                    e.at, f'"{name}" is ghost state: no node can see it', "only properties and assumptions may read it"
                )
            self.read[name] += 1
            return Term("var", variable.type, name, source=e)
        if name in self.parameters:
            self.used[f"parameter {name}"] += 1
            return Term("param", self.parameters[name].type, name, source=e)
        if name in self.defines:
            if name in scope.expanding:
                self._fail(e.at, f'the definition of "{name}" uses itself')
            self.used[f"definition {name}"] += 1
            body = self._infer(self.defines[name].value, replace(scope, expanding=(*scope.expanding, name)), expected)
            return Term("def", body.type, name, args=(body,), source=e)
        known = [*scope.keys, *self.parameters, *self.defines, *(self.variables if scope.state else ())]
        if expected is not None and expected.is_enum:
            self._fail(e.at, f'unknown value "{name}" of {expected.name}', nearest(name, expected.members))
        where = f" in event {scope.event}" if scope.event else ""
        self._fail(e.at, f'unknown name "{name}"{where}', nearest(name, known))

    def _apply(self, e: s.Apply, op: str, args: tuple[s.Expression, ...], scope: _Scope, expected: Type | None) -> Term:
        if op in ("and", "or", "not", "implies"):
            return Term(op, BOOL, args=tuple(self._expr(a, scope, BOOL) for a in args), source=e)
        if op == "has":
            member, collection = args
            assert isinstance(member, s.Name)
            term = self._infer(collection, scope, None)
            if not term.type.is_set:
                self._fail(collection.at, f"{show_expression(collection)} is no set")
            if member.name not in term.type.members:
                self._fail(
                    e.at, f'"{member.name}" is no member of {term.type.name}', nearest(member.name, term.type.members)
                )
            return Term("has", BOOL, member.name, term.type.members.index(member.name), (term,), e)
        if op in ("=", "!=", "<", "<=", ">", ">="):
            return self._comparison(e, op, args, scope)
        return self._arithmetic(e, op, args, scope, expected)

    def _comparison(self, e: s.Apply, op: str, args: tuple[s.Expression, ...], scope: _Scope) -> Term:
        left, right = args
        # A word such as `iha` means something only beside a value of its enumeration; look at the other side first.
        if isinstance(left, s.Name) and not self._is_known(left.name, scope):
            second = self._infer(right, scope, None)
            first = self._expr(left, scope, second.type)
        else:
            first = self._infer(left, scope, None)
            second = self._expr(right, scope, first.type)
        if op not in ("=", "!=") and first.type not in (INT, TIME):
            self._fail(e.at, f"values of type {first.type.name} have no order")
        if first.type.is_set:
            self._fail(e.at, "sets are asked for members, not compared", "T in flags")
        return Term(op, BOOL, args=(first, second), source=e)

    def _is_known(self, name: str, scope: _Scope) -> bool:
        return name in scope.keys or name in self.parameters or name in self.defines or (
            scope.state and name in self.variables
        )  # fmt: skip

    def _arithmetic(
        self, e: s.Apply, op: str, args: tuple[s.Expression, ...], scope: _Scope, expected: Type | None
    ) -> Term:
        terms = tuple(self._infer(a, scope, None) for a in args)
        for a, t in zip(args, terms, strict=True):
            if t.type not in (INT, TIME):
                self._fail(a.at, f"{show_expression(a)} is of type {t.type.name}, not a number or a time")
        types = {t.type for t in terms}
        if op == "*":
            if types == {TIME}:
                self._fail(e.at, "a time cannot be multiplied by a time")
            if not any(self._constant(t) for t in terms):
                self._fail(e.at, "one factor has to be a number or a parameter", "proofs stay in linear arithmetic")
            return Term("*", TIME if TIME in types else INT, args=terms, source=e)
        if len(types) > 1:
            self._fail(e.at, "a time and a number do not mix here", "write the number with a unit: 60 s")
        return Term(op, terms[0].type, args=terms, source=e)

    def _constant(self, t: Term) -> bool:
        return not any(x.kind in ("var", "key", "now") for x in t.walk())

    def _try_definition(self, name: str) -> Term | None:
        """A definition that needs no event, as a term; others are expanded where they are used."""
        used, read = self.used.copy(), self.read.copy()
        try:
            return self._infer(self.defines[name].value, _Scope({}, expanding=(name,)), None)
        except SpecError:
            return None
        finally:
            self.used, self.read = used, read

    # --- warnings -------------------------------------------------------------------------------------------------

    def _warn_unused(self, updates: tuple[m.Update, ...]) -> None:
        for name in self.parameters:
            if not self.used[f"parameter {name}"] and name != "t_slack":
                self._warn(f"parameter {name}", f"parameter {name} is never used")
        for name in self.defines:
            if not self.used[f"definition {name}"]:
                self._warn(f"definition {name}", f"definition {name} is never used")
        for name, v in self.variables.items():
            if not self.read[name]:
                self._warn(f"variable {name}", f"state {name} is never read")
            if not self.used[f"assigned {name}"]:
                self._warn(
                    f"variable {name}",
                    f"state {name} is never assigned" + (", and has no value" if v.initial is None else ""),
                )
        for name in self.enums:
            if not self.used[f"type {name}"]:
                self._warn("", f"enumeration {name} is never used")
        seen: dict[tuple[str, str], Term] = {}
        for u in updates:
            for p in u.patterns:
                for name, value in u.assignments:
                    earlier = seen.setdefault((p.source, name), value)
                    if earlier != value:
                        self._warn(
                            f"variable {name}", f"{name} is given two values on {p.source}; the later one counts"
                        )
