"""Syntax tree → `Spec`: declarations are read kind by kind, for one role after the other; oddities become warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from mipcheck.model.language import syntax as s
from mipcheck.model.language.build import MAX_DEPTH
from mipcheck.model.language.catalogue import AnswerDecl, EntityDecl, GuidelineDecl, PointDecl
from mipcheck.model.language.errors import SpecError
from mipcheck.model.language.expression import Expression, Place
from mipcheck.model.specification import catalogue
from mipcheck.model.specification import spec as m
from mipcheck.model.specification.claimed import Assumption
from mipcheck.model.specification.extend import Extender
from mipcheck.model.specification.flatten import Loader, flatten, of_role
from mipcheck.model.specification.items import Item
from mipcheck.model.specification.layers import Access, Layer, LayerForm
from mipcheck.model.specification.names import ADDRESS_KEYS, Names
from mipcheck.model.specification.oddities import warn_defaults, warn_two_values, warn_unused, warn_unused_shared
from mipcheck.model.specification.rules import RuleReader
from mipcheck.model.specification.state import StateReader
from mipcheck.model.specification.system import SystemReader, check_interfaces
from mipcheck.model.specification.term import FALSE, TRUE, Term, contradiction
from mipcheck.model.specification.typecheck import CONSTANT, Scope, TypeChecker
from mipcheck.model.values.nearest import nearest
from mipcheck.model.values.types import BASIC, BOOL, INT, TIME, Type

_T = TypeVar("_T")


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
    readers = {r: _RoleReader(module, of_role(items, r), chosen, file, r) for r in (m.MOBILE_NODE, *roles)}
    specs = {name: r.spec() for name, r in readers.items()}
    for name in (m.MOBILE_NODE, *roles):
        readers[name].check_chosen([rule for spec in specs.values() for rule in spec.rules])
    main = readers[m.MOBILE_NODE]
    others = {name: replace(specs[name], role=name, tracks=d.tracks, role_text=d.text) for name, d in roles.items()}
    machines = {m.MOBILE_NODE: specs[m.MOBILE_NODE], **others}
    joint = {n: _RoleReader(module, of_role(items, n), chosen, file, n, machines) for n in _systems(items, readers)}
    systems = {name: replace(r.spec(), role=name) for name, r in joint.items()}
    for reader in (*readers.values(), *joint.values()):
        reader.warn(joint.values())
    main.check_shared([*readers.values(), *joint.values()])
    main.check_statements([*specs.values(), *systems.values()], [*roles, *joint])
    catalogue.check_answers(main.names, load)
    for name, d in roles.items():
        readers[name].check_tracks(d)
    warnings = tuple(dict.fromkeys(w for r in (*readers.values(), *joint.values()) for w in r.names.warnings))
    return replace(specs[m.MOBILE_NODE], roles=others, systems=systems, warnings=warnings)


def _systems(items: Sequence[Item], roles: Mapping[str, _RoleReader]) -> list[str]:
    """Return the names of all systems. Raises SpecError for one that is called as a role is."""
    found: dict[str, None] = {}
    for i in items:
        if isinstance(i.declaration, s.SystemDecl):
            if i.declaration.name in roles:
                message = f'"{i.declaration.name}" is a role already'
                raise SpecError(i.file, i.declaration.at, message, source=i.source)
            found[i.declaration.name] = None
    return list(found)


def _own(names: Names, found: Mapping[str, _T]) -> dict[str, _T]:
    """Return what is declared by a role or a system itself."""
    return {name: each for name, each in found.items() if names.own(name)}


class _RoleReader:
    """Reads the declarations of one role into `names`, and makes that role's machine of them; or those of a system,
    whose parties are of the `roles`."""

    def __init__(
        self,
        module: s.Module,
        items: Sequence[Item],
        readings: Mapping[str, str],
        file: str,
        role: str,
        roles: Mapping[str, m.Spec] | None = None,
    ) -> None:
        self.module, self.chosen, self.file, self.role, self._roles = module, readings, file, role, roles
        self.names = Names(items, file)
        self.types = TypeChecker(self.names)
        self.state = StateReader(self.names, self.types)
        self.rules = RuleReader(self.names, self.types, readings, roles)
        self._updates: list[tuple[m.Update, Item]] = []
        self._rules: list[m.Rule] = []

    def spec(self) -> m.Spec:
        """Return what all declarations of the role come to. Raises SpecError.

        They are read kind by kind, what others need first; of several mistakes, the first in this order is told.
        """
        n = self.names
        self._words()
        self._parameters()
        system = SystemReader(n, self.types, self._roles)
        system.parties()
        self.state.variables()
        self.state.tables()
        Extender(n).state()
        system.channels()
        document = ""
        for d in n.each(s.DocumentDecl):
            n.declare("document", "", d.at)
            document = d.name
        n.layers = {d.name: self._layer(d) for d in n.each(s.LayerDecl)}
        n.accesses = {d.name: self._access(d) for d in n.each(s.AccessDecl)}
        updates = [(self._update(d), n.item) for d in n.each(s.UpdateDecl)]
        pause = None
        for said in n.each(s.PauseDecl):
            pause = self.state.pause(said, [u for u, _ in updates])
        stages = {d.name: self._stage(d) for d in n.each(s.StageDecl)}
        assumptions = {d.name: self._assumption(d) for d in n.each(s.AssumptionDecl)}
        self.rules.default_readings()
        rules = {d.name: self.rules.rule(d) for d in n.each(s.RuleDecl)}
        properties = {d.name: self.rules.property(d) for d in n.each(s.PropertyDecl)}
        statements = {d.name: self._statement(d) for d in n.each(s.StatementDecl)}
        self._updates, self._rules = updates, list(rules.values())
        definitions = {name: term for name in n.defines if (term := self.types.definition(name)) is not None}
        return m.Spec(
            self.module.name, self.module.text, document, self.module.bases,
            n.enums, tuple(n.sites), n.layers, n.accesses, n.capabilities, n.parameters, _own(n, n.events),
            _own(n, n.variables), definitions, tuple(u for u, _ in updates), assumptions, rules, properties, statements,
            _own(n, n.tables),
            entities=catalogue.said(n, EntityDecl), guidelines=catalogue.said(n, GuidelineDecl),
            points=catalogue.said(n, PointDecl), answers=catalogue.said(n, AnswerDecl),
            pause=pause, stages=stages, parties=n.parties, channels=n.channels,
        )  # fmt: skip

    def warn(self, systems: Iterable[_RoleReader] = ()) -> None:
        """Warn of what serves nothing: no rule or property of the role, nor one of the systems that it plays in."""
        for system in systems:
            for party in system.names.parties.values():
                if party.role == self.role:
                    for name, count in system.names.read.items():
                        if name.startswith(f"{party.name}/"):
                            self.names.read[name.partition("/")[2]] += count
        warn_unused(self.names)
        warn_two_values(self.names, self._updates)
        warn_defaults(self.names, self._rules)

    # --- declarations ---------------------------------------------------------------------------------------------

    def _words(self) -> None:
        """Declare types, site addresses, capabilities, events and definitions, which need nothing but types."""
        for enum in self.names.each(s.EnumDecl):
            self._enum(enum)
        extended = Extender(self.names)
        extended.types()
        for site in self.names.each(s.SiteDecl):
            for name in site.names:
                self.names.declare("site address", name, site.at)
                self.names.check_site_key(name, site.at)
                self.names.sites.append(name)
        for capability in self.names.each(s.CapabilityDecl):
            self.names.declare("capability", capability.name, capability.at)
            self.names.capabilities[capability.name] = capability.text
        for event in self.names.each(s.EventDecl):
            self._event(event)
        extended.events()
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
        keys = tuple(self.names.key(k, d.name) for k in d.keys)
        event = self.names.events[d.name] = m.EventType(d.name, keys, d.sender, frozenset(d.seen), d.text, anew=d.anew)
        if d.hidden is not None:
            self.names.events[d.name] = replace(event, hidden=self._hidden(d, d.hidden, keys))

    def _hidden(self, d: s.EventDecl, hidden: Expression, keys: tuple[m.Key, ...]) -> Term:
        """Return when a capture may be unable to show the event, told by its keys. Raises SpecError."""
        if "capture" not in d.seen:
            hint = f"{d.name} is in no capture; write `seen capture`, or leave it out"
            self.names.fail(hidden.at, "`unless` says what a capture may be unable to show", hint)
        scope = Scope({k.name: k.type for k in keys}, (d.name,), state=False, this=False, now=False)
        return self.types.expression(hidden, scope, BOOL)

    def _parameters(self) -> None:
        """Declare ambiguities and parameters; their defaults last, which may use parameters that are declared later."""
        for a in self.names.each(s.AmbiguityDecl):
            self.names.declare("ambiguity", a.name, a.at)
            self.names.parameters[a.name] = self._ambiguity(a)
        for d in self.names.each(s.ParamDecl):
            self.names.declare("parameter", d.name, d.at)
            self.names.check_site_key(d.name, d.at, ADDRESS_KEYS)
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
        found = self.state.update(d)
        check_interfaces(self.names, d.at, found.patterns, found.terms())
        return found

    def _stage(self, d: s.StageDecl) -> m.Stage:
        self.names.declare("stage", d.name, d.at)
        return m.Stage(d.name, self.types.expression(d.condition, Scope({}), BOOL), d.text)

    def _assumption(self, d: s.AssumptionDecl) -> Assumption:
        self.names.declare("assumption", d.name, d.at)
        patterns = self.types.patterns(d.patterns, Scope({}, ghost=True), observed=False)
        for p in d.patterns:
            if self.names.events[p.event].sender == "node":
                hint = "what a node has to do is a rule; what a theorem is about is a condition of the property"
                self.names.fail(p.at, f'"{p.event}" is the node\'s own: nothing is assumed of it', hint)
        condition = self.types.expression(d.condition, self.types.scope_after(d.patterns, ghost=True), BOOL)
        found = Assumption(d.name, d.cite, d.text, patterns, condition)
        check_interfaces(self.names, d.at, patterns, found.terms())
        for tree, meant in zip(d.patterns, patterns, strict=True):
            if (meant.condition == TRUE and condition == FALSE) or contradiction((meant.condition, condition)):
                what = f"assumption {d.name} lets no {meant.source} happen"
                self.names.warn(self.names.item, tree.at, f"{what}, and what is proved with it is of networks without")
        return found

    def _statement(self, d: s.StatementDecl) -> m.Statement:
        self.names.declare("statement", d.name, d.at)
        return m.Statement(d.name, d.level, d.cite, d.text, d.by, d.because)

    def _layer(self, d: s.LayerDecl) -> Layer:
        self.names.declare("layer", d.name, d.at)
        forms = []
        for f in d.forms:
            if f.given:
                self.names.use_capability(f.given, f.at)
            adds = None if f.adds is None else self.types.expression(f.adds, replace(CONSTANT, site=False), INT)
            forms.append(LayerForm(f.headers, adds, f.given, f.traversal))
        for w in d.moved:
            if w.given:
                self.names.use_capability(w.given, w.at)
        return Layer(d.name, d.text, d.protects, tuple(forms), d.moved)

    def _access(self, d: s.AccessDecl) -> Access:
        self.names.declare("access mode", d.name, d.at)
        for layer, kind in d.parts:
            if layer not in self.names.layers:
                self.names.fail(d.at, f'unknown layer "{layer}"', nearest(layer, self.names.layers))
            if kind not in ("", *m.KINDS_OF_ADDRESS):
                self.names.fail(d.at, f'unknown kind of care-of address "{kind}"', nearest(kind, m.KINDS_OF_ADDRESS))
        for capability in d.needs:
            self.names.use_capability(capability, d.at)
        return Access(d.name, d.parts, d.needs, d.text)

    # --- what is said of all roles together -----------------------------------------------------------------------

    def check_chosen(self, rules: Sequence[str]) -> None:
        """Raise SpecError if a user or a file chooses a reading of neither a rule nor an ambiguity."""
        for rule, items in self.rules.defaults.items():
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
        warn_unused_shared(self.names, used)
        for space in ("rule", "property"):
            seen: dict[str, _RoleReader] = {}
            for other in others:
                for (kind, name), (_, item, at) in other.names.declared.items():
                    if kind == space and seen.setdefault(name, other) is not other:
                        other.names.item = item
                        other.names.fail(at, f'{space} "{name}" is declared for another role already')

    def check_tracks(self, d: s.RoleDecl) -> None:
        """Raise SpecError if a role tells mobile nodes apart by what is no address of any of its events, or if each of
        them would show that it pauses no more."""
        for pause in self.names.each(s.PauseDecl) if d.tracks else ():
            if pause.ended:
                self.names.fail(pause.at, "what ends a pause is shown by the only node that there is", "leave it out")
        keys = {k.name: k.type for e in self.names.events.values() for k in e.keys}
        if d.tracks and keys.get(d.tracks) != BASIC["address"]:
            addresses = [n for n, t in keys.items() if t == BASIC["address"]]
            self.names.fail(
                d.at, f'no event of role {d.name} has an address "{d.tracks}"', nearest(d.tracks, addresses)
            )

    def check_statements(self, specs: Sequence[m.Spec], roles: Sequence[str]) -> None:
        """Raise SpecError for a statement or claim that is said to be encoded by what there is not."""
        known = {
            *self.names.layers, *self.names.accesses, *self.names.capabilities, *self.names.parameters, *roles,
            *(n for spec in specs for n in (*spec.rules, *spec.properties, *spec.assumptions)),
        }  # fmt: skip
        for d in self.names.each(s.StatementDecl):
            for name in d.by:
                if name not in known:
                    self.names.fail(d.at, f'nothing is called "{name}"', nearest(name, known))
        catalogue.check(self.names, specs, known)
