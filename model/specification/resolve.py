"""Syntax tree → `Spec`: names are looked up, types checked, `extends` followed, oddities collected as warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NoReturn, TypeVar

from mipcheck.model.language import syntax as s
from mipcheck.model.language.errors import SpecError
from mipcheck.model.language.expression import (
    Apply,
    Citation,
    Expression,
    Literal,
    Name,
    Pattern,
    Place,
    Quantified,
    SiteName,
    Word,
)
from mipcheck.model.language.parse import MAX_DEPTH
from mipcheck.model.language.show import show_expression, show_pattern
from mipcheck.model.specification import spec as m
from mipcheck.model.specification.term import TRUE, EventPattern, Term, conjunction, contradiction
from mipcheck.model.values.nearest import nearest
from mipcheck.model.values.types import BASIC, BOOL, ID, INT, INTERFACE, TIME, Type

Loader = Callable[[str], tuple[s.Module, str, str]]
"""Finds the specification that another one extends: name → its tree, file and text."""

_D = TypeVar("_D", bound=s.Declaration)
_KINDS: Final[Mapping[type, str]] = {
    s.ParamDecl: "parameter", s.RuleDecl: "rule", s.PropertyDecl: "property", s.AssumptionDecl: "assumption",
    s.StatementDecl: "statement", s.AccessDecl: "access mode", s.CapabilityDecl: "capability",
    s.AmbiguityDecl: "ambiguity", s.DefineDecl: "definition", s.LayerDecl: "layer", s.RoleDecl: "role",
}  # fmt: skip
_SHARED: Final = (
    s.DocumentDecl, s.EnumDecl, s.SiteDecl, s.LayerDecl, s.AccessDecl, s.CapabilityDecl, s.ParamDecl, s.AmbiguityDecl,
)  # fmt: skip
"""What is common to all roles, wherever it stands."""
_DROPPABLE: Final[Mapping[str, type[s.Declaration]]] = {
    "rule": s.RuleDecl, "property": s.PropertyDecl, "assumption": s.AssumptionDecl, "statement": s.StatementDecl,
    "access": s.AccessDecl, "capability": s.CapabilityDecl, "ambiguity": s.AmbiguityDecl, "param": s.ParamDecl,
    "role": s.RoleDecl,
}  # fmt: skip


MAX_TERMS: Final = 100_000
"""Terms of a specification, a hundred times the largest so far: definitions that use definitions grow without bound."""
RESERVED: Final = frozenset({"true", "false", "now", "this", "site", "not", "seen", "some", "every", "max", "min"})
"""Words that begin an expression: whatever had such a name could not be spoken of."""
KINDS_OF_ADDRESS: Final = ("colocated", "foreign-agent")
_CONTRACT: Final = frozenset({"iha", "xha", "vpn", "ihoa", "xhoa"})
"""Site addresses of the trace format: readers of captures use them, whether or not a rule does."""


@dataclass(frozen=True, slots=True)
class _Item:
    """A declaration and the file that it stands in; `own` unless that is an extended specification's."""

    declaration: s.Declaration
    file: str
    source: str
    own: bool = True
    role: str = m.MOBILE_NODE


def resolve(
    module: s.Module, file: str, source: str, load: Loader, readings: Mapping[str, str] | None = None
) -> m.Spec:
    """The specification that a tree declares. `readings` chooses among readings: rule → reading.

    Raises SpecError for unknown or doubly declared names, types that do not fit, ghost state read by a rule, and
    readings that do not exist.
    """
    items = _flatten(module, file, source, load, ())
    roles: dict[str, s.RoleDecl] = {}
    for i in items:
        if isinstance(i.declaration, s.RoleDecl):
            if i.declaration.name == m.MOBILE_NODE:
                hint = "what stands outside any block is about it"
                raise SpecError(i.file, i.declaration.at, "the mobile node needs no role", hint, i.source)
            roles.setdefault(i.declaration.name, i.declaration)
    chosen = dict(readings or {})
    resolvers = {r: _Resolver(module, _of_role(items, r), chosen, file) for r in (m.MOBILE_NODE, *roles)}
    specs = {name: r.spec() for name, r in resolvers.items()}
    for name in (m.MOBILE_NODE, *roles):
        resolvers[name].check_chosen([rule for spec in specs.values() for rule in spec.rules])
    main = resolvers[m.MOBILE_NODE]
    main.check_shared(list(resolvers.values()))
    main.check_statements([*specs.values()], list(roles))
    others = {
        name: replace(specs[name], role=name, tracks=d.tracks, role_text=d.text, statements={}, warnings=())
        for name, d in roles.items()
    }
    for name, d in roles.items():
        resolvers[name].check_tracks(d)
    warnings = tuple(dict.fromkeys(w for r in resolvers.values() for w in r.warnings))
    return replace(specs[m.MOBILE_NODE], roles=others, warnings=warnings)


def _of_role(items: Sequence[_Item], role: str) -> list[_Item]:
    return [
        i
        for i in items
        if not isinstance(i.declaration, s.RoleDecl) and (i.role == role or isinstance(i.declaration, _SHARED))
        and (role == m.MOBILE_NODE or not isinstance(i.declaration, s.StatementDecl))
    ]  # fmt: skip


def _declarations(module: s.Module) -> Iterator[tuple[s.Declaration, str]]:
    """Every declaration and the role that it is about."""
    for d in module.declarations:
        yield d, m.MOBILE_NODE
        if isinstance(d, s.RoleDecl):
            for inner in d.declarations:
                yield inner, m.MOBILE_NODE if isinstance(inner, s.StatementDecl) else d.name


def _flatten(module: s.Module, file: str, source: str, load: Loader, seen: tuple[str, ...]) -> list[_Item]:
    """All declarations, those of extended specifications first, overrides and drops carried out."""
    items: list[_Item] = []
    if module.extends is not None:
        # A file need not be named as what it declares: both names count.
        if module.extends in (*seen, module.name):
            raise SpecError(file, module.extends_at, f"{module.name} extends itself", source=source)
        try:
            parent, parent_file, parent_source = load(module.extends)
        except SpecError as error:
            if error.place.line:
                raise
            raise error.elsewhere(file, module.extends_at, source) from None
        items = _flatten(parent, parent_file, parent_source, load, (*seen, module.name, module.extends))
        document = next((i.declaration.name for i in items if isinstance(i.declaration, s.DocumentDecl)), "")
        if any(isinstance(d, s.DocumentDecl) for d in module.declarations):
            items = [replace(i, declaration=_of_document(i.declaration, document)) for i in items]
        items = [replace(i, own=False) for i in items]
    for d, role in _declarations(module):
        item = _Item(d, file, source, role=role)
        if isinstance(d, s.DropDecl):
            for name in d.names:
                items = _without(items, d.kind, name, item)
        elif isinstance(d, s.ConfirmDecl):
            found = _find(items, _DROPPABLE[d.kind], d.name, item, "confirm")
            items[found] = replace(items[found], declaration=_confirmed(items[found].declaration, d, item))
        elif getattr(d, "override", False):
            found = _find(items, type(d), d.name, item, "override")  # type: ignore[union-attr]
            items[found] = replace(item, role=items[found].role)
            items = _forget_reading(items, d.name) if isinstance(d, s.RuleDecl | s.AmbiguityDecl) else items
        elif isinstance(d, s.DocumentDecl):
            items = [i for i in items if i.own or not isinstance(i.declaration, s.DocumentDecl)] + [item]
        else:
            items.append(item)
    return items


def _of_document(d: s.Declaration, document: str) -> s.Declaration:
    """The same, with citations that say whose sections and lines they name."""
    cite: tuple[Citation, ...] = getattr(d, "cite", ())
    if not any(not c.document for c in cite):
        return d
    changes: dict[str, object] = {"cite": tuple(c if c.document else replace(c, document=document) for c in cite)}
    return replace(d, **changes)  # type: ignore[arg-type]


def _confirmed(d: s.Declaration, confirm: s.ConfirmDecl, item: _Item) -> s.Declaration:
    changes: dict[str, object] = {"cite": confirm.cite}
    if confirm.text:
        changes["text"] = confirm.text
    if confirm.level:
        if not isinstance(d, s.RuleDecl | s.StatementDecl):
            raise SpecError(item.file, confirm.at, f"a {confirm.kind} has no level", source=item.source)
        changes["level"] = confirm.level
    return replace(d, **changes)  # type: ignore[arg-type]


def _without(items: list[_Item], kind: str, name: str, item: _Item) -> list[_Item]:
    found = _find(items, _DROPPABLE[kind], name, item, "drop")
    if kind == "role":
        return [i for i in items if not _belongs(i, name)]
    left = items[:found] + items[found + 1 :]
    return _forget_reading(left, name) if kind in ("rule", "ambiguity") else left


def _belongs(i: _Item, role: str) -> bool:
    return i.role == role or (isinstance(i.declaration, s.RoleDecl) and i.declaration.name == role)


def _forget_reading(items: list[_Item], rule: str) -> list[_Item]:
    """A default reading goes with the rule that it was chosen for."""
    return [i for i in items if not isinstance(i.declaration, s.DefaultReadingDecl) or i.declaration.rule != rule]


def _find(items: list[_Item], kind: type[s.Declaration], name: str, item: _Item, verb: str) -> int:
    found = [n for n, i in enumerate(items)
             if isinstance(i.declaration, kind) and i.declaration.name == name]  # type: ignore[union-attr]  # fmt: skip
    if found:  # roles may have definitions of the same name
        return next((n for n in found if items[n].role == item.role), found[0])
    known = [i.declaration.name for i in items if isinstance(i.declaration, kind)]  # type: ignore[union-attr]
    what = _KINDS[kind]
    raise SpecError(
        item.file, item.declaration.at, f'there is no {what} "{name}" to {verb}', nearest(name, known), item.source
    )


@dataclass(frozen=True)
class _Scope:
    """What an expression may speak of."""

    keys: Mapping[str, Type]
    events: tuple[str, ...] = ()
    state: bool = True
    ghost: bool = False
    this: bool = True
    now: bool = True
    site: bool = True
    expanding: tuple[str, ...] = ()


_CONSTANT: Final = _Scope({}, state=False, this=False, now=False)


class _Resolver:
    def __init__(self, module: s.Module, items: Sequence[_Item], readings: dict[str, str], file: str) -> None:
        self.module, self.items, self.chosen, self.file = module, items, readings, file
        self.item = _Item(s.DocumentDecl(""), file, "")
        self.enums: dict[str, Type] = {}
        self.sites: list[str] = []
        self.capabilities: dict[str, str] = {}
        self.parameters: dict[str, m.Parameter] = {}
        self.events: dict[str, m.EventType] = {}
        self.variables: dict[str, m.Variable] = {}
        self.defines: dict[str, _Item] = {}
        self.default_readings: dict[str, list[_Item]] = {}
        self.used: Counter[str] = Counter()
        self.read: Counter[str] = Counter()
        self.warnings: list[str] = []
        self.declared: dict[tuple[str, str], tuple[str, _Item, Place]] = {}
        self.key_of: dict[str, str] = {}
        states = (i.declaration for i in items)
        self.states = {v.name for d in states if isinstance(d, s.StateDecl) for v in d.variables}
        self.depth = self.terms = 0

    # --- the walk -------------------------------------------------------------------------------------------------

    def spec(self) -> m.Spec:
        for enum in self._each(s.EnumDecl):
            self._enum(enum)
        for site in self._each(s.SiteDecl):
            for name in site.names:
                self._declare("site address", name, site.at)
                self.sites.append(name)
        for capability in self._each(s.CapabilityDecl):
            self._declare("capability", capability.name, capability.at)
            self.capabilities[capability.name] = capability.text
        for event in self._each(s.EventDecl):
            self._event(event)
        for define in self._each(s.DefineDecl):
            self._declare("definition", define.name, define.at)
            self.defines[define.name] = self.item
        self._parameters()
        for state in self._each(s.StateDecl):
            for v in state.variables:
                self._declare("state", v.name, v.at)
                initial = self._variable_initial(v)
                self.variables[v.name] = m.Variable(
                    v.name, self._type(v.type), state.scope, state.ghost, initial, v.text
                )
        document = ""
        for d in self._each(s.DocumentDecl):
            self._declare("document", "", d.at)
            document = d.name
        layers = {d.name: self._layer(d) for d in self._each(s.LayerDecl)}
        self.accesses = {d.name: self._access(d, layers) for d in self._each(s.AccessDecl)}
        self.layers = layers
        updates = []
        update_items = []
        for u in self._each(s.UpdateDecl):
            updates.append(self._update(u))
            update_items.append(self.item)
        assumptions: dict[str, m.Assumption] = {}
        for a in self._each(s.AssumptionDecl):
            self._declare("assumption", a.name, a.at)
            assumptions[a.name] = self._assumption(a)
        for reading in self._each(s.DefaultReadingDecl):
            self.default_readings.setdefault(reading.rule, []).append(self.item)
        rules: dict[str, m.Rule] = {}
        for rule in self._each(s.RuleDecl):
            self._declare("rule", rule.name, rule.at)
            rules[rule.name] = self._rule(rule)
        properties: dict[str, m.Property] = {}
        for p in self._each(s.PropertyDecl):
            self._declare("property", p.name, p.at)
            properties[p.name] = self._property(p)
        statements: dict[str, m.Statement] = {}
        for st in self._each(s.StatementDecl):
            self._declare("statement", st.name, st.at)
            statements[st.name] = m.Statement(st.name, st.level, st.cite, st.text, st.by, st.because)
        self._warn_unused()
        self._warn_two_values(updates, update_items)
        definitions = {n: d for n, d in ((n, self._try_definition(n)) for n in self.defines) if d is not None}
        return m.Spec(
            self.module.name, self.module.text, document, self.module.extends,
            self.enums, tuple(self.sites), layers, self.accesses, self.capabilities, self.parameters, self.events,
            self.variables, definitions, tuple(updates), assumptions, rules, properties, statements,
        )  # fmt: skip

    def _layer(self, d: s.LayerDecl) -> m.Layer:
        self._declare("layer", d.name, d.at)
        forms = []
        for f in d.forms:
            if f.given:
                self._capability(f.given, f.at)
            adds = None if f.adds is None else self._expr(f.adds, replace(_CONSTANT, site=False), INT)
            forms.append(m.Form(f.headers, adds, f.given, f.traversal))
        return m.Layer(d.name, d.text, d.protects, tuple(forms))

    def _capability(self, name: str, at: Place) -> None:
        if name not in self.capabilities:
            self._fail(at, f'unknown capability "{name}"', nearest(name, self.capabilities))
        self.used[f"capability {name}"] += 1

    def _access(self, d: s.AccessDecl, layers: Mapping[str, m.Layer]) -> m.Access:
        self._declare("access mode", d.name, d.at)
        for layer, kind in d.parts:
            if layer not in layers:
                self._fail(d.at, f'unknown layer "{layer}"', nearest(layer, layers))
            if kind not in ("", *KINDS_OF_ADDRESS):
                self._fail(d.at, f'unknown kind of care-of address "{kind}"', nearest(kind, KINDS_OF_ADDRESS))
        for capability in d.needs:
            self._capability(capability, d.at)
        return m.Access(d.name, d.parts, d.needs, d.text)

    # --- what is said of all roles together -----------------------------------------------------------------------

    def check_chosen(self, rules: Sequence[str]) -> None:
        """Every reading that a user or a file chooses is one of something that there is."""
        for rule, items in self.default_readings.items():
            if rule not in rules and rule not in self.parameters:
                self.item = items[0]
                self._fail(self.item.declaration.at, f'unknown rule "{rule}"', nearest(rule, rules))
        for rule in self.chosen:
            if rule not in rules and rule not in self.parameters:
                raise SpecError(
                    self.file, Place(), f'there is no rule "{rule}" to choose a reading of', nearest(rule, rules)
                )

    def check_shared(self, others: Sequence[_Resolver]) -> None:
        """What no role uses is worth a warning; what two roles call alike could not be told apart."""
        used: Counter[str] = Counter()
        for other in others:
            used.update(other.used)
        self._warn_unused_shared(used)
        for space in ("rule", "property"):
            seen: dict[str, _Resolver] = {}
            for other in others:
                for (kind, name), (_, item, at) in other.declared.items():
                    if kind == space and seen.setdefault(name, other) is not other:
                        other.item = item
                        other._fail(at, f'{space} "{name}" is declared for another role already')

    def check_tracks(self, d: s.RoleDecl) -> None:
        """Mobile nodes are told apart by an address that some event of the role tells."""
        keys = {k.name: k.type for e in self.events.values() for k in e.keys}
        if d.tracks and keys.get(d.tracks) != BASIC["address"]:
            addresses = [n for n, t in keys.items() if t == BASIC["address"]]
            self._fail(d.at, f'no event of role {d.name} has an address "{d.tracks}"', nearest(d.tracks, addresses))

    def check_statements(self, specs: Sequence[m.Spec], roles: Sequence[str]) -> None:
        known = {
            *self.layers, *self.accesses, *self.capabilities, *self.parameters, *roles,
            *(n for spec in specs for n in (*spec.rules, *spec.properties, *spec.assumptions)),
        }  # fmt: skip
        for d in self._each(s.StatementDecl):
            for name in d.by:
                if name not in known:
                    self._fail(d.at, f'nothing is called "{name}"', nearest(name, known))

    def _each(self, kind: type[_D]) -> Iterator[_D]:
        """Declarations of one kind; `self.item` says meanwhile where each stands."""
        for item in self.items:
            if isinstance(item.declaration, kind):
                self.item = item
                yield item.declaration

    def _fail(self, at: Place, message: str, hint: str = "") -> NoReturn:
        item = self.item
        raise SpecError(item.file, at, message, hint, item.source)

    def _warn(self, item: _Item, at: Place, message: str) -> None:
        """What an extended specification says is not for this one's author to mend."""
        if item.own:
            self.warnings.append(f"{item.file}:{at.line}:{at.column}: {message}")

    def _warn_declared(self, what: str, name: str, message: str) -> None:
        space = "name" if what in _NAMED else what
        _, item, at = self.declared[space, name]
        self._warn(item, at, f"{what} {name} {message}")

    def _declare(self, what: str, name: str, at: Place) -> None:
        """Parameters, state and definitions share one space of names, because expressions do not tell them apart."""
        space = "name" if what in _NAMED else what
        if (space, name) in self.declared:
            earlier, item, place = self.declared[space, name]
            if item.file == self.item.file and (place.line, place.column) > (at.line, at.column):
                self.item, item, what, earlier, at, place = item, self.item, earlier, what, place, at
            where = f"line {place.line}" if item.file == self.item.file else f"{item.file}:{place.line}"
            hint = f"first in {where}"
            if item.own < self.item.own and what in _KINDS.values():
                hint += ", which override replaces"
            quoted = f'{what} "{name}"' if name else what
            second = "twice" if earlier == what else f"as {earlier} already"
            self._fail(at, f"{quoted} is declared {second}", hint)
        if space == "name":
            self._check_word(name, at)
            if name in self.key_of:
                self._fail(at, f'{what} "{name}" could not be told from the key of event {self.key_of[name]}')
        self.declared[space, name] = what, self.item, at

    def _check_word(self, name: str, at: Place) -> None:
        if name in RESERVED:
            self._fail(at, f'"{name}" is a word of the language and cannot be a name')

    def _check_members(self, what: str, members: tuple[str, ...], at: Place) -> None:
        for word, count in Counter(members).items():
            self._check_word(word, at)
            if count > 1:
                self._fail(at, f'"{word}" stands twice in {what}')

    # --- declarations ---------------------------------------------------------------------------------------------

    def _enum(self, d: s.EnumDecl) -> None:
        self._declare("type", d.name, d.at)
        if d.name in BASIC:
            self._fail(d.at, f'"{d.name}" is a type of the language and cannot be declared')
        self._check_members(d.name, d.members, d.at)
        self.enums[d.name] = Type(f"set of {d.name}" if d.is_set else d.name, d.members)

    def _type(self, t: s.TypeName) -> Type:
        if t.name is None:
            anonymous = Type("{" + ", ".join(t.members) + "}", t.members)
            self._check_members(anonymous.name, t.members, t.at)
            return anonymous
        self.used[f"type {t.name}"] += 1
        known = self.enums.get(t.name) or BASIC.get(t.name)
        if known is None:
            self._fail(t.at, f'unknown type "{t.name}"', nearest(t.name, [*BASIC, *self.enums]))
        return known

    def _event(self, d: s.EventDecl) -> None:
        self._declare("event", d.name, d.at)
        duplicate = [w for w, n in Counter(k.name for k in d.keys).items() if n > 1]
        if duplicate:
            self._fail(d.at, f'key "{duplicate[0]}" stands twice in event {d.name}')
        for k in d.keys:
            self._check_word(k.name, k.at)
            if self._type(k.type) == INTERFACE:
                self._fail(k.at, "a key cannot be an interface")
            self.key_of[k.name] = d.name
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
        return self._expr(v.initial, _CONSTANT, type_)

    def _parameters(self) -> None:
        """Defaults after all types are known: a default may use a parameter that is declared later."""
        for a in self._each(s.AmbiguityDecl):
            self._declare("ambiguity", a.name, a.at)
            self.parameters[a.name] = self._ambiguity(a)
        for d in self._each(s.ParamDecl):
            self._declare("parameter", d.name, d.at)
            type_ = self._type(d.type)
            if type_ not in (INT, TIME, BOOL) and not type_.is_enum:
                self._fail(d.type.at, f"a parameter cannot be of type {type_.name}")
            self.parameters[d.name] = m.Parameter(d.name, type_, TRUE, d.cite, d.text)
        for d in self._each(s.ParamDecl):
            parameter = self.parameters[d.name]
            default = self._expr(d.default, replace(_CONSTANT, site=False), parameter.type)
            self.parameters[d.name] = replace(parameter, default=default)
        settled: set[str] = set()
        for d in self._each(s.ParamDecl):
            self._check_default(d.name, d.at, (), settled)

    def _ambiguity(self, d: s.AmbiguityDecl) -> m.Parameter:
        names = tuple(name for name, _ in d.readings)
        type_ = Type("{" + ", ".join(names) + "}", names)
        self._check_members(f"ambiguity {d.name}", names, d.at)
        chosen = names[0]
        here = self.item
        for item in (i for i in self.items if isinstance(i.declaration, s.DefaultReadingDecl)):
            default = item.declaration
            assert isinstance(default, s.DefaultReadingDecl)
            if default.rule == d.name:
                self.item = item
                if default.reading not in names:
                    self._fail(default.at, f'{d.name} has no reading "{default.reading}"',
                               nearest(default.reading, names))  # fmt: skip
                chosen = default.reading
        self.item = here
        if (wanted := self.chosen.get(d.name)) is not None:
            if wanted not in names:
                self._fail(d.at, f'{d.name} has no reading "{wanted}"', nearest(wanted, names))
            chosen = wanted
        value = Term("const", type_, chosen, names.index(chosen))
        return m.Parameter(d.name, type_, value, d.cite, d.text, d.readings)

    def _check_default(self, name: str, at: Place, pending: tuple[str, ...], settled: set[str]) -> None:
        if name in pending:
            self._fail(at, f'the default of "{pending[0]}" depends on itself')
        if len(pending) > MAX_DEPTH:
            self._fail(at, f'the default of "{pending[0]}" depends on too many others', f"at most {MAX_DEPTH}, in turn")
        if name not in settled:
            for other in sorted(self.parameters[name].default.names("param")):
                self._check_default(other, at, (*pending, name), settled)
            settled.add(name)

    def _pattern(self, p: Pattern, scope: _Scope, observed: bool) -> EventPattern:
        if p.event not in self.events:
            self._fail(p.at, f'unknown event "{p.event}"', nearest(p.event, self.events))
        event = self.events[p.event]
        if observed and not event.seen:
            self._fail(p.at, f'event "{p.event}" is silent: no node can see it', "only ghost state may follow it")
        inner = replace(scope, keys={k.name: k.type for k in event.keys}, events=(p.event,))
        terms = [self._expr(c, inner, BOOL) for c in p.conditions]
        if p.when is not None:
            terms.append(self._expr(p.when, inner, BOOL))
        if clash := contradiction(tuple(terms)):
            reason = " contradicts ".join(sorted(_show(t.source) for t in clash if t.source))
            self._warn(self.item, p.at, f"{_shown(show_pattern(p))} can never happen: {reason}")
        return EventPattern(p.event, conjunction(tuple(terms)), show_pattern(p))

    def _patterns(self, patterns: tuple[Pattern, ...], scope: _Scope, observed: bool) -> tuple[EventPattern, ...]:
        return tuple(self._pattern(p, scope, observed) for p in patterns)

    def _update(self, d: s.UpdateDecl) -> m.Update:
        assigned = [a.name for a in d.assignments]
        for a in d.assignments:
            if a.name not in self.variables:
                self._fail(a.at, f'no state "{a.name}" to assign', nearest(a.name, self.variables))
            if assigned.count(a.name) > 1:
                self._fail(a.at, f'"{a.name}" is assigned twice')
            self.used[f"assigned {a.name}"] += 1
        all_ghost = all(self.variables[a.name].ghost for a in d.assignments)
        patterns = self._patterns(d.patterns, _Scope({}, ghost=all_ghost), observed=not all_ghost)
        scope = self._after(d.patterns)
        pairs = []
        for a in d.assignments:
            variable = self.variables[a.name]
            pairs.append((a.name, self._expr(a.value, replace(scope, ghost=variable.ghost), variable.type)))
        return m.Update(patterns, tuple(pairs))

    def _after(self, patterns: tuple[Pattern, ...], ghost: bool = False) -> _Scope:
        """Beside several patterns, an expression may use the keys that all of them have."""
        return _Scope(self._shared_keys(patterns), tuple(dict.fromkeys(p.event for p in patterns)), ghost=ghost)

    def _shared_keys(self, patterns: tuple[Pattern, ...]) -> dict[str, Type]:
        tables = [{k.name: k.type for k in self.events[p.event].keys} for p in patterns]
        return {k: t for k, t in tables[0].items() if all(other.get(k) == t for other in tables)}

    def _assumption(self, d: s.AssumptionDecl) -> m.Assumption:
        patterns = self._patterns(d.patterns, _Scope({}, ghost=True), observed=False)
        condition = self._expr(d.condition, self._after(d.patterns, ghost=True), BOOL)
        return m.Assumption(d.name, d.cite, d.text, patterns, condition)

    def _body(self, d: s.BodyDecl) -> m.Body:
        match d:
            case s.AllowDecl(patterns, condition):
                resolved = self._patterns(patterns, _Scope({}), observed=True)
                after = self._after(patterns)
                unclear = self._expr(d.unclear, after, BOOL) if d.unclear is not None else None
                return m.Allow(resolved, self._expr(condition, after, BOOL), unclear)
            case s.RequireDecl(patterns, within, anchor, condition):
                resolved = self._patterns(patterns, _Scope({}), observed=True)
                limit = self._expr(within, _CONSTANT, TIME)
                self._anchor(anchor, d.anchor_at)
                timeless = _Scope({}, now=False)
                unclear = self._expr(d.unclear, timeless, BOOL) if d.unclear is not None else None
                return m.Require(resolved, limit, anchor, self._expr(condition, timeless, BOOL), unclear)
            case s.ConfigureDecl(condition):
                return m.Configure(self._expr(condition, _CONSTANT, BOOL))

    def _anchor(self, name: str, at: Place) -> None:
        variable = self.variables.get(name)
        if variable is None:
            self._fail(at, f'unknown state "{name}"', nearest(name, self.variables))
        if variable.type != TIME:
            self._fail(at, f'"{name}" is of type {variable.type.name}: an obligation counts from a time')
        if variable.ghost:
            self._fail(
                at, f'"{name}" is ghost state: no node can see it', "an obligation counts from what a node knows"
            )
        if variable.scope != "interface":
            self._fail(at, f'"{name}" is state of the node', "an obligation counts from a time of its interface")
        self.read[name] += 1

    def _rule(self, d: s.RuleDecl) -> m.Rule:
        readings = tuple(m.Reading(r.name, r.text, self._body(r.body)) for r in d.readings)
        names = [r.name for r in readings if r.name]
        for r in d.readings:
            if names.count(r.name) > 1:
                self._fail(r.at, f'reading "{r.name}" stands twice in rule {d.name}')
        chosen = readings[0]
        here = self.item
        for item in (*self.default_readings.get(d.name, ()), here):
            default = item.declaration
            wanted = default.reading if isinstance(default, s.DefaultReadingDecl) else self.chosen.get(d.name)
            self.item = item
            if wanted is not None and wanted not in names:
                self._fail(item.declaration.at, f'rule {d.name} has no reading "{wanted}"', nearest(wanted, names))
            chosen = next((r for r in readings if r.name == wanted), chosen)
        for o in d.options:
            if o.kind in ("unless", "given"):
                self._capability(o.value, o.at)

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
                resolved = self._patterns(patterns, _Scope({}, ghost=True), observed=False)
                claim = m.Whenever(resolved, self._expr(condition, self._after(patterns, ghost=True), BOOL))
            case s.PermittedDecl(patterns):
                claim = m.Permitted(self._patterns(patterns, _Scope({}, ghost=True), observed=False))
            case s.IndependentDecl(variables, allowed):
                for v in variables:
                    known = [n for n, x in self.variables.items() if x.scope == "interface"]
                    if v.name not in known:
                        self._fail(v.at, f'no state "{v.name}" of an interface', nearest(v.name, known))
                    self.read[v.name] += 1
                claim = m.Independent(
                    tuple(v.name for v in variables), self._patterns(allowed, _Scope({}), observed=True)
                )
            case s.ConsistentDecl():
                claim = m.Consistent()
        rules = [i.declaration.name for i in self.items if isinstance(i.declaration, s.RuleDecl)]
        for name in d.relying:
            if name not in rules:
                self._fail(d.at, f'unknown rule "{name}"', nearest(name, rules))
        return m.Property(d.name, d.cite, d.text, claim, d.relying)

    # --- expressions ----------------------------------------------------------------------------------------------

    def _expr(self, e: Expression, scope: _Scope, expected: Type | None) -> Term:
        term = self._infer(e, scope, expected)
        if expected is not None and term.type != expected:
            hint = "a duration needs a unit: 60 s" if expected == TIME and term.type == INT else ""
            self._fail(
                e.at, f"{_show(e)} is of type {term.type.name}, where {expected.name} is expected", hint
            )  # fmt: skip
        return term

    def _infer(self, e: Expression, scope: _Scope, expected: Type | None) -> Term:
        self.depth += 1
        self.terms += 1
        if self.depth > MAX_DEPTH:
            self._fail(
                e.at, "this expression is nested too deeply", f"at most {MAX_DEPTH} levels, definitions included"
            )
        if self.terms > MAX_TERMS:
            self._fail(e.at, "the specification is too large", f"at most {MAX_TERMS} terms, definitions written out")
        term = self._infer_one(e, scope, expected)
        self.depth -= 1
        return term

    def _infer_one(self, e: Expression, scope: _Scope, expected: Type | None) -> Term:
        match e:
            case Literal(kind, value):
                type_ = ID if kind == "int" and expected == ID else BASIC[kind]
                if value >= (2**64 if type_ == ID else 2**62):
                    self._fail(e.at, f"this number is too large, at most {64 if type_ == ID else 62} bits")
                return Term("const", type_, value=value, source=e)
            case Word("now"):
                if not scope.now:
                    self._fail(e.at, "the present time cannot be used here", "the condition of an obligation, like a "
                               "parameter, does not change as time passes")  # fmt: skip
                return Term("now", TIME, source=e)
            case Word():
                if not scope.this:
                    self._fail(e.at, '"this" interface makes no sense here')
                return Term("this", INTERFACE, source=e)
            case SiteName(name):
                if not scope.site:
                    self._fail(e.at, "a parameter cannot depend on the site's addresses")
                if name not in self.sites:
                    self._fail(e.at, f'unknown site address "{name}"', nearest(name, self.sites))
                self.used[f"site {name}"] += 1
                return Term("site", BASIC["address"], name, source=e)
            case Name(name):
                return self._name(e, name, scope, expected)
            case Quantified(quantifier, body):
                if not scope.state:
                    self._fail(e.at, "there are no interfaces to speak of here")
                return Term(quantifier, BOOL, args=(self._expr(body, scope, BOOL),), source=e)
            case Apply(op, args):
                return self._apply(e, op, args, scope, expected)

    def _name(self, e: Name, name: str, scope: _Scope, expected: Type | None) -> Term:
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
            return self._expand(e, name, scope, expected)
        if expected is not None and expected.is_enum:
            self._fail(e.at, f'unknown value "{name}" of {expected.name}', nearest(name, expected.members))
        if name in self.states:
            self._fail(e.at, f'"{name}" is state, which has no value here', "use numbers and parameters")
        visible = [n for n, v in self.variables.items() if scope.state and scope.ghost >= v.ghost]
        known = [*scope.keys, *self.parameters, *self.defines, *visible]
        owners = [event for event in scope.events if name in self.events[event].by_name]
        if owners:
            self._fail(e.at, f'not all of these events have a key "{name}"', f"{', '.join(owners)} has")
        where = f" in event {' or '.join(scope.events)}" if scope.events else ""
        self._fail(e.at, f'unknown name "{name}"{where}', nearest(name, known))

    def _expand(self, e: Name, name: str, scope: _Scope, expected: Type | None) -> Term:
        """A definition, written out here: its names are looked up where it is used, its errors are where it stands."""
        if name in scope.expanding:
            self._fail(e.at, f'the definition of "{name}" uses itself')
        self.used[f"definition {name}"] += 1
        here, self.item = self.item, self.defines[name]
        assert isinstance(self.item.declaration, s.DefineDecl)
        inner = replace(scope, expanding=(*scope.expanding, name))
        try:
            body = self._infer(self.item.declaration.value, inner, expected)
        except SpecError as error:
            if scope.expanding:
                raise
            where = f"line {e.at.line}" if here.file == self.item.file else f"{here.file}:{e.at.line}"
            raise error.also(f"definition {name} is used in {where}") from None
        finally:
            self.item = here
        return Term("def", body.type, name, args=(body,), source=e)

    def _apply(self, e: Apply, op: str, args: tuple[Expression, ...], scope: _Scope, expected: Type | None) -> Term:
        if op in ("and", "or", "not", "seen", "implies"):
            return Term(op, BOOL, args=tuple(self._expr(a, scope, BOOL) for a in args), source=e)
        if op == "given":
            (name,) = args
            assert isinstance(name, Name)
            if name.name not in self.parameters:
                self._fail(name.at, f'unknown parameter "{name.name}"', nearest(name.name, self.parameters))
            self.used[f"parameter {name.name}"] += 1
            return Term("given", BOOL, name.name, source=e)
        if op == "capable":
            (name,) = args
            assert isinstance(name, Name)
            self._capability(name.name, name.at)
            return Term("capable", BOOL, name.name, source=e)
        if op == "uses":
            return self._uses(e, args, scope)
        if op == "has":
            member, collection = args
            assert isinstance(member, Name)
            term = self._infer(collection, scope, None)
            if not term.type.is_set:
                self._fail(collection.at, f"{_show(collection)} is no set")
            if member.name not in term.type.members and self._is_known(member.name, scope):
                return self._member(e, member, term, scope)
            if member.name not in term.type.members:
                self._fail(
                    e.at, f'"{member.name}" is no member of {term.type.name}', nearest(member.name, term.type.members)
                )
            return Term("has", BOOL, member.name, term.type.members.index(member.name), (term,), e)
        if op in ("=", "!=", "<", "<=", ">", ">="):
            return self._comparison(e, op, args, scope)
        return self._arithmetic(e, op, args, scope, expected)

    def _uses(self, e: Apply, args: tuple[Expression, ...], scope: _Scope) -> Term:
        """Whether an access mode has a layer (with that kind of care-of address): one of the modes that do."""
        mode, layer, *kinds = args
        assert isinstance(layer, Name)
        value = self._infer(mode, scope, None)
        if not value.type.is_enum or not set(value.type.members) >= set(self.accesses):
            self._fail(mode.at, f"{_show(mode)} is no access mode", "an enumeration with every access mode is needed")
        if layer.name not in self.layers:
            self._fail(layer.at, f'unknown layer "{layer.name}"', nearest(layer.name, self.layers))
        kind = ""
        for k in kinds:
            assert isinstance(k, Name)
            kind = k.name
            if kind not in KINDS_OF_ADDRESS:
                self._fail(k.at, f'unknown kind of care-of address "{kind}"', nearest(kind, KINDS_OF_ADDRESS))
        members = value.type.members
        cases = tuple(
            Term("=", BOOL, args=(value, Term("const", value.type, a.name, members.index(a.name))), source=e)
            for a in self.accesses.values()
            if a.uses(layer.name, kind)
        )
        return Term("or", BOOL, args=cases, source=e) if len(cases) != 1 else cases[0]

    def _member(self, e: Apply, member: Name, collection: Term, scope: _Scope) -> Term:
        """A value, not a word, is asked for in a set: its enumeration has to be that of the set's members."""
        value = self._infer(member, scope, None)
        if not value.type.is_enum or value.type.members != collection.type.members:
            self._fail(e.at, f"{_show(member)} is of type {value.type.name}, which has not the members of "
                       f"{collection.type.name}")  # fmt: skip
        return Term("in", BOOL, args=(value, collection), source=e)

    def _comparison(self, e: Apply, op: str, args: tuple[Expression, ...], scope: _Scope) -> Term:
        left, right = args
        # A word such as `iha`, or the number of an id, means something only beside the other side: look there first.
        if self._needs_other(left, scope) and not self._is_misspelt(left, right, scope):
            second = self._infer(right, scope, None)
            first = self._expr(left, scope, second.type)
            judged = second
        else:
            judged = first = self._infer(left, scope, None)
            self._check_comparable(e, op, first.type)
            second = self._expr(right, scope, first.type)
        self._check_comparable(e, op, judged.type)
        return Term(op, BOOL, args=(first, second), source=e)

    def _check_comparable(self, e: Apply, op: str, type_: Type) -> None:
        if type_.is_set:
            self._fail(e.at, "sets are asked for members, not compared", f"{type_.members[0]} in {_show(e.args[0])}")
        if op not in ("=", "!=") and type_ not in (INT, TIME):
            self._fail(e.at, f"values of type {type_.name} have no order")

    def _needs_other(self, e: Expression, scope: _Scope) -> bool:
        return (isinstance(e, Name) and not self._is_known(e.name, scope)) or (
            isinstance(e, Literal) and e.kind == "int"
        )

    def _is_misspelt(self, left: Expression, right: Expression, scope: _Scope) -> bool:
        """Of `fro = iha`, the left side is to be reported, although neither means anything by itself."""
        if not (isinstance(left, Name) and self._needs_other(right, scope) and isinstance(right, Name)):
            return False
        types = [*scope.keys.values(), *(v.type for v in self.variables.values()), *self.enums.values()]
        return all(left.name not in t.members for t in types)

    def _is_known(self, name: str, scope: _Scope) -> bool:
        return name in scope.keys or name in self.parameters or name in self.defines or (
            scope.state and name in self.variables
        )  # fmt: skip

    def _arithmetic(
        self, e: Apply, op: str, args: tuple[Expression, ...], scope: _Scope, expected: Type | None
    ) -> Term:
        terms = tuple(self._infer(a, scope, None) for a in args)
        for a, t in zip(args, terms, strict=True):
            if t.type not in (INT, TIME):
                self._fail(a.at, f"{_show(a)} is of type {t.type.name}, not a number or a time")
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
        self.item = self.defines[name]
        assert isinstance(self.item.declaration, s.DefineDecl)
        depth = self.depth
        used, read = self.used.copy(), self.read.copy()
        try:
            return self._infer(self.item.declaration.value, _Scope({}, expanding=(name,)), None)
        except SpecError:
            if self.terms > MAX_TERMS:
                raise
            return None
        finally:
            self.used, self.read, self.depth = used, read, depth

    # --- warnings -------------------------------------------------------------------------------------------------

    def _warn_unused(self) -> None:
        for name in self.defines:
            if not self.used[f"definition {name}"]:
                self._warn_declared("definition", name, "is never used")
        for name, v in self.variables.items():
            if not self.read[name]:
                self._warn_declared("state", name, "is never read")
            if not self.used[f"assigned {name}"]:
                nothing = ", and has no value" if v.initial is None else ""
                self._warn_declared("state", name, f"is never assigned{nothing}")

    def _warn_unused_shared(self, used: Counter[str]) -> None:
        for name, p in self.parameters.items():
            if not used[f"parameter {name}"] and name != "t_slack":
                self._warn_declared("ambiguity" if p.readings else "parameter", name, "is never used")
        for name in self.enums:
            if not used[f"type {name}"]:
                self._warn_declared("type", name, "is never used")
        for name in self.sites:
            if not used[f"site {name}"] and name not in _CONTRACT:
                self._warn_declared("site address", name, "is never used")
        for name in self.capabilities:
            if not used[f"capability {name}"]:
                self._warn_declared("capability", name, "is never used")

    def _warn_two_values(self, updates: Sequence[m.Update], items: Sequence[_Item]) -> None:
        """Within one file; that a later file's update counts is how a specification changes one that it extends."""
        seen: dict[tuple[str, str, str], Term] = {}
        for u, item in zip(updates, items, strict=True):
            assert isinstance(item.declaration, s.UpdateDecl)
            for p, tree in zip(u.patterns, item.declaration.patterns, strict=True):
                for name, value in u.assignments:
                    if seen.setdefault((item.file, p.source, name), value) != value:
                        message = f"{name} is given two values on {_shown(p.source)}; the later one counts"
                        self._warn(item, tree.at, message)


_NAMED: Final = ("parameter", "ambiguity", "state", "definition")


def _shown(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"


def _show(e: Expression) -> str:
    return _shown(show_expression(e))
