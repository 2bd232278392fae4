"""What binds and what is claimed: rules with the reading chosen, and properties."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mipcheck.model.language import syntax as s
from mipcheck.model.language.expression import Pattern, Place
from mipcheck.model.specification import spec as m
from mipcheck.model.specification.claimed import (
    Claim,
    Consistent,
    Independent,
    Invariant,
    Permitted,
    Property,
    Whenever,
)
from mipcheck.model.specification.items import Item
from mipcheck.model.specification.names import Names
from mipcheck.model.specification.outset import at_first
from mipcheck.model.specification.system import check_interfaces, check_property, read_loosely
from mipcheck.model.specification.term import Term
from mipcheck.model.specification.typecheck import CONSTANT, Scope, TypeChecker
from mipcheck.model.values.nearest import nearest
from mipcheck.model.values.types import BOOL, TIME


class RuleReader:
    """Reads rules and properties; `chosen` are the readings that were asked for (rule → reading).

    `defaults` are what files say of a rule's default reading, in their order. Parties of a system are of the `roles`.
    """

    def __init__(
        self, names: Names, types: TypeChecker, chosen: Mapping[str, str], roles: Mapping[str, m.Spec] | None = None
    ) -> None:
        self.names, self.types, self.chosen, self._roles = names, types, chosen, roles or {}
        self.defaults: dict[str, list[Item]] = {}

    def default_readings(self) -> None:
        """Take down the default readings that are declared."""
        for d in self.names.each(s.DefaultReadingDecl):
            self.defaults.setdefault(d.rule, []).append(self.names.item)

    def _body(self, d: s.BodyDecl) -> m.Body:
        """Return one reading's permission, obligation or demand on the site. Raises SpecError."""
        match d:
            case s.AllowDecl(patterns, condition):
                resolved = self.types.patterns(patterns, Scope({}), observed=True)
                after = self.types.scope_after(patterns)
                doubt = None if d.unclear is None else self.types.expression(d.unclear, after, BOOL)
                for tree in d.kept:
                    if tree.event in {p.event for p in patterns}:
                        self.names.fail(
                            tree.at,
                            f"what is kept by {tree.event} is a rule about {tree.event} itself",
                            "leave it out: an event that is allowed shows that anyway",
                        )
                kept = self.types.patterns(d.kept, Scope({}), observed=True)
                return m.Allow(resolved, self.types.expression(condition, after, BOOL), doubt, kept)
            case s.RequireDecl(patterns, within, anchor, condition):
                resolved = self.types.patterns(patterns, Scope({}), observed=True)
                limit = self.types.expression(within, CONSTANT, TIME)
                self._anchor(anchor, d.anchor_at)
                variables = self.names.variables
                timeless = Scope({}, now=False, tables=False)
                owed = self.types.expression(condition, timeless, BOOL)
                if variables[anchor].scope == "node":
                    self._of_no_interface(owed, anchor, d.anchor_at)
                if variables[anchor].initial is not None and at_first(owed, variables) == 1:
                    # A log does not tell when the node began, nor of interfaces on which nothing happens.
                    message = f"nothing is owed before an update assigns {anchor}, though the condition holds at first"
                    self.names.warn(self.names.item, d.anchor_at, message)
                return m.Require(resolved, limit, anchor, owed)
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
        self.names.read[name] += 1

    def _of_no_interface(self, owed: Term, anchor: str, at: Place) -> None:
        """Raise SpecError where the condition of what the node owes speaks of an interface, which may be any."""
        for name in sorted(read_loosely(owed)):
            if name == "this" or self.names.variables[name].scope == "interface":
                message = f'"{anchor}" is state of the node, and "{name}" of an interface: it does not say of which'
                self.names.fail(at, message, "ask with `some interface:` or `every interface:`")

    def _bound(self, d: s.BodyDecl, level: str) -> None:
        """Raise SpecError for a body that demands something of the network, which no rule binds."""
        if isinstance(d, s.ConfigureDecl):
            return
        others = [p for p in d.patterns if self.names.events[p.event].sender != "node"]
        if isinstance(d, s.AllowDecl) and others and level == "MUST":
            hint = "what it does is an assumption; a SHOULD may say what another party had better do"
            self.names.fail(others[0].at, f'"{others[0].event}" is nothing that the node does', hint)
        if isinstance(d, s.RequireDecl) and len(others) == len(d.patterns):
            self.names.fail(others[0].at, f'"{others[0].event}" is nothing that the node could do in time')

    def rule(self, d: s.RuleDecl) -> m.Rule:
        """Return a rule with the reading that was asked for, else the last default given, else the first."""
        self.names.declare("rule", d.name, d.at)
        readings = tuple(m.Reading(r.name, r.text, self._body(r.body)) for r in d.readings)
        for r in d.readings:
            self._bound(r.body, d.level)
        names = [r.name for r in readings if r.name]
        for r in d.readings:
            if names.count(r.name) > 1:
                self.names.fail(r.at, f'reading "{r.name}" stands twice in rule {d.name}')
        chosen = readings[0]
        here = self.names.item
        for item in (*self.defaults.get(d.name, ()), here):
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

    def _patterns_of(self, rule: str) -> list[Pattern]:
        """Return the patterns of a permission, in all its readings."""
        of_name = (i.declaration for i in self.names.items if isinstance(i.declaration, s.RuleDecl))
        bodies = [r.body for d in of_name if d.name == rule for r in d.readings]
        return [p for body in bodies if isinstance(body, s.AllowDecl) for p in body.patterns]

    def property(self, d: s.PropertyDecl) -> Property:
        """Return what is claimed. Raises SpecError."""
        self.names.declare("property", d.name, d.at)
        check_property(self.names, d)
        match d.claim:
            case s.InvariantDecl(condition):
                claim: Claim = Invariant(self.types.expression(condition, Scope({}, ghost=True), BOOL))
            case s.WheneverDecl(patterns, condition):
                resolved = self.types.patterns(patterns, Scope({}, ghost=True), observed=False)
                claim = Whenever(
                    resolved, self.types.expression(condition, self.types.scope_after(patterns, ghost=True), BOOL)
                )
            case s.PermittedDecl(patterns):
                claim = Permitted(self.types.patterns(patterns, Scope({}, ghost=True), observed=False))
            case s.IndependentDecl(variables, allowed):
                for v in variables:
                    known = [n for n, x in self.names.variables.items() if x.scope == "interface"]
                    if v.name not in known:
                        self.names.fail(v.at, f'no state "{v.name}" of an interface', nearest(v.name, known))
                    self.names.read[v.name] += 1
                claim = Independent(
                    tuple(v.name for v in variables), self.types.patterns(allowed, Scope({}), observed=True)
                )
            case s.ConsistentDecl():
                claim = Consistent()
        rules = [i.declaration.name for i in self.names.items if isinstance(i.declaration, s.RuleDecl)]
        rules += [f"{p.name}.{r}" for p in self.names.parties.values() for r in self._roles[p.role].rules]
        for name in d.relying:
            if name not in rules:
                self.names.fail(d.at, f'unknown rule "{name}"', nearest(name, rules))
            if any(self.names.events[p.event].sender != "node" for p in self._patterns_of(name)):
                self.names.fail(d.at, f"{name} is about what the network does: say it as an assumption")
        found = Property(d.name, d.cite, d.text, claim, d.relying, d.against)
        check_interfaces(self.names, d.at, found.patterns, found.terms())
        if any(t.kind == "seen" for root in found.terms() for t in _outside_definitions(root)):
            message = f"property {d.name} asks whether something is seen: in a proof nothing is unknown"
            self.names.warn(self.names.item, d.at, message)
        return found


def _outside_definitions(t: Term) -> Iterator[Term]:
    """Yield the parts of a term that stand where it does: no bodies of definitions, which rules may share."""
    yield t
    for a in t.args if t.kind != "def" else ():
        yield from _outside_definitions(a)
