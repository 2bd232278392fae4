"""Systems as they are declared: parties, and channels between them; what a system may not say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from mipcheck.model.language import syntax as s
from mipcheck.model.language.expression import Name, Place
from mipcheck.model.language.show import dotted
from mipcheck.model.specification import spec as m
from mipcheck.model.specification.delivery import table_of
from mipcheck.model.specification.names import Names
from mipcheck.model.specification.parties import KNOWS, POWERS, Carried, Channel, Party
from mipcheck.model.specification.playing import renamed
from mipcheck.model.specification.term import EventPattern, Term
from mipcheck.model.specification.typecheck import Scope, TypeChecker
from mipcheck.model.values.nearest import nearest
from mipcheck.model.values.types import ID, INT

TRACKED: Final = "ihoa"
"""The address of the site by which devices know the mobile node, unless a party says another."""
MAX_PARTIES: Final = 8
"""Parties of a system: each has the whole state of its role."""
MAX_CARRIED: Final = 8
"""Keys that a channel carries."""


class SystemReader:
    """Reads parties and channels into `names`; `roles` are what parties may be, None outside a system, where neither
    can stand. Each method raises SpecError."""

    def __init__(self, names: Names, types: TypeChecker, roles: Mapping[str, m.Spec] | None) -> None:
        self.names, self.types, self.roles = names, types, roles

    def parties(self) -> None:
        """Declare parties, and by its name what each has: events, state and tables."""
        for d in self.names.each(s.PartyDecl):
            self._in_system(d.at, "a party")
            self.names.declare("party", d.name, d.at)
            if len(self.names.parties) == MAX_PARTIES:
                self.names.fail(d.at, f"a system has at most {MAX_PARTIES} parties")
            party = self.names.parties[d.name] = self._party(d)
            machine = renamed((self.roles or {})[d.role], party)
            self.names.events |= machine.events
            self.names.variables |= machine.variables
            self.names.tables |= machine.tables
        if self.roles is not None:
            self._check_declarations()

    def _in_system(self, at: Place, what: str) -> None:
        if self.roles is None:
            self.names.fail(at, f"{what} can only stand in a system")

    def _party(self, d: s.PartyDecl) -> Party:
        roles = self.roles or {}
        if d.role not in roles:
            self.names.fail(d.at, f'unknown role "{d.role}"', nearest(d.role, roles))
        for name in (*([d.tracked] if d.tracked else ()), *(n for pair in d.sites for n in pair)):
            if name not in self.names.sites:
                self.names.fail(d.at, f'unknown site address "{name}"', nearest(name, self.names.sites))
            self.names.used[f"site {name}"] += 1
        tracks = roles[d.role].tracks
        if d.tracked and not tracks:
            self.names.fail(d.at, f"role {d.role} does not tell mobile nodes apart")
        tracked = d.tracked or TRACKED if tracks else ""
        if tracked and tracked not in self.names.sites:
            self.names.fail(d.at, f"no mobile node is followed through {d.name}", f"for one of the site's addresses: "
                            f"{', '.join(self.names.sites)}")  # fmt: skip
        return Party(d.name, d.role, tracked, d.sites, d.text)

    def _check_declarations(self) -> None:
        """Raise SpecError for what only a role can have."""
        for rule in self.names.each(s.RuleDecl):
            self.names.fail(rule.at, "a system has no rules", "each is of the role that has to keep it")
        for pause in self.names.each(s.PauseDecl):
            self.names.fail(pause.at, "a system does not pause", "its parties may")
        for stage in self.names.each(s.StageDecl):
            self.names.fail(stage.at, "a system has no stages", "its parties may")
        for state in self.names.each(s.StateDecl):
            if not state.ghost or state.scope != "node":
                self.names.fail(state.at, "nobody can see the state of a system", "write `ghost node`")
        for table in self.names.each(s.TableDecl):
            if not table.ghost:
                self.names.fail(table.at, "nobody can see the state of a system", "write `ghost table`")
        for event in self.names.each(s.EventDecl):
            if event.seen or event.sender != "network":
                hint = "what a party does or sees is an event of its role"
                self.names.fail(event.at, "an event of a system is by the network, and silent", hint)

    def channels(self) -> None:
        """Declare channels, each also as the table of what was sent on it."""
        for d in self.names.each(s.ChannelDecl):
            self._in_system(d.at, "a channel")
            self.names.declare("channel", d.name, d.at)
            channel = self._channel(d)
            self.names.channels[d.name] = channel
            self.names.tables[d.name] = table_of(channel)

    def _channel(self, d: s.ChannelDecl) -> Channel:
        ends = []
        for patterns, received in ((d.sent, False), (d.received, True)):
            for p in patterns:
                if p.event not in self.names.events:
                    self.names.fail(p.at, f'unknown event "{p.event}"', nearest(p.event, self.names.events))
                if received and self.names.events[p.event].sender != "network":
                    hint = "what arrives is an event by the network"
                    self.names.fail(p.at, f'"{p.event}" is what its party does, and cannot arrive', hint)
            ends.append(self.types.patterns(patterns, Scope({}, state=False, this=False, now=False), observed=False))
        sent, received_ = ends
        if len(d.carried) > MAX_CARRIED:
            self.names.fail(d.carried[MAX_CARRIED].at, f"a channel carries at most {MAX_CARRIED} keys")
        carried: dict[str, Carried] = {}
        scope = self.types.scope_after(d.sent, ghost=True)
        for c in d.carried:
            if c.name in carried:
                self.names.fail(c.at, f'"{c.name}" is carried twice')
            carried[c.name] = self._carried(c, received_, scope)
        found = Channel(d.name, d.text, d.key, d.private, sent, received_, tuple(carried.values()))
        check_interfaces(self.names, d.at, sent, [c.value for c in found.carried])
        return found

    def _carried(self, c: s.CarriedDecl, received: tuple[EventPattern, ...], scope: Scope) -> Carried:
        """Return a key that is carried: one of every event that may arrive, and of a type that can be kept."""
        keys = [self.names.events[p.event].by_name.get(c.name) for p in received]
        key = keys[0]
        if key is None or any(k is None or k.type != key.type for k in keys):
            event = next(p.event for p, k in zip(received, keys, strict=True) if k is None or k != key)
            known = nearest(c.name, list(self.names.events[event].by_name))
            self.names.fail(c.at, f'"{event}" has no key "{c.name}" to carry', known)
        if not (key.type in (INT, ID) or key.type.is_enum or key.type.name == "address"):
            hint = "a number, id, address or word can"
            self.names.fail(c.at, f"a channel cannot carry what is of type {key.type.name}", hint)
        value = self.types.expression(c.value or Name(c.name, c.at), scope, key.type)
        return Carried(c.name, value, c.outer)


def check_property(names: Names, d: s.PropertyDecl) -> None:
    """Raise SpecError for a claim that a system cannot make, and for powers that there are not."""
    if not names.parties:
        if d.against:
            names.fail(d.at, "only in a system is there anybody to be against", 'leave out "against"')
        return
    if isinstance(d.claim, s.IndependentDecl | s.ConsistentDecl):
        names.fail(d.at, "this is claimed of each role by itself", "leave it to the roles of the parties")
    keys = {c.key: None for c in names.channels.values() if c.key}
    for power in d.against:
        if power.startswith(KNOWS):
            if (key := power.removeprefix(KNOWS)) not in keys:
                names.fail(d.at, f'no channel has the key "{key}"', nearest(key, keys))
        elif power not in POWERS:
            names.fail(d.at, f'unknown power "{power}"', nearest(power, [*POWERS, "knows"]))


def check_interfaces(names: Names, at: Place, patterns: Iterable[EventPattern], terms: Iterable[Term]) -> None:
    """Raise SpecError where state of interfaces of two parties meets: one's first interface is not the other's."""
    if not names.parties:
        return
    of_interfaces = {n for n, v in names.variables.items() if v.scope == "interface"}
    loose = {p.event.partition("/")[0] for p in patterns if "/" in p.event}
    found = set()
    for t in terms:
        outside = read_loosely(t) & of_interfaces
        groups = [loose | {n.partition("/")[0] for n in outside}] if outside else []
        groups += [{n.partition("/")[0] for n in inside & of_interfaces} for inside in _quantified(t)]
        found |= {name for group in groups if len(group) > 1 for name in group}
    if found:
        hint = "ask with `some interface:` or `every interface:`, of one party each"
        names.fail(at, f"interfaces of {' and '.join(sorted(map(dotted, found)))} are not the same ones", hint)


def read_loosely(t: Term) -> set[str]:
    """Return the variables that a term reads of the interface where something happens, and "this" if it asks which."""
    if t.kind in ("some", "every"):
        return set()
    own = {t.name} if t.kind == "var" else {"this"} if t.kind == "this" else set()
    return own.union(*map(read_loosely, t.args)) if t.args else own


def _quantified(t: Term) -> list[set[str]]:
    """Return, of each quantifier over interfaces, the variables that are read in it."""
    own = [t.args[0].names("var")] if t.kind in ("some", "every") else []
    return own + [found for a in t.args for found in _quantified(a)]
