"""The symbolic semantics: a specification → Z3 terms, two-valued, for a node with a fixed number of interfaces.

An action is one event on one interface. A run alternates time that passes and actions; `World` says, for a state
and an action, what the action needs, what the rules say of it, and what the next state is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import count
from typing import Any, TypeVar

import z3
from mipcheck.model.prover.logic import (
    UNKNOWN,
    compared,
    conj,
    difference,
    disj,
    either,
    implied,
    neg,
    total,
)
from mipcheck.model.prover.named import NAMED
from mipcheck.model.prover.remembered import Itself, remembered
from mipcheck.model.prover.spacer import Z
from mipcheck.model.prover.symbols import integer, keys_of, seconds, sort_named, sort_of, symbol, truth
from mipcheck.model.specification.claimed import Assumption
from mipcheck.model.specification.spec import Allow, Require, Rule, Spec, Update, Variable
from mipcheck.model.specification.term import COMPARISONS, EventPattern, Term, TermKind
from mipcheck.model.values.types import ID, LOW_HALF, Type

_N = TypeVar("_N")
Slot = tuple[str, int]
"""A variable and the interface that it belongs to, or WHOLE_NODE. `done` of an obligation is named `done:ID`."""
SymbolicState = dict[Slot, Z]
Keys = dict[str, Any]
"""Keys of one event: name → Z3 expression; for a set, member → Bool."""
WHOLE_NODE = -1
DONE = "done:"
HIDDEN = "?"
"""Begins the name of a key that no trace has: it stands for what is not followed, of an entry (see `tables.py`)."""
_COUNT = count()
TRACKED = 0x0A010064
"""The mobile node, 10.1.0.100, that is followed through a device that deals with many. What the others do is not seen
in its state, so that a theorem about one is one about each."""


@dataclass(frozen=True, slots=True)
class Action:
    """One event on one interface."""

    event: str
    interface: int


class World:
    """`unit` is the length of one step of integer time in ns, or None for real time in seconds.

    `rules` are those in force. Site addresses are concrete; parameters too. With `elsewhere` there are any number of
    other interfaces, of which nothing is known: what some or every interface finds is in each state one of two values.
    With `others` the second interface stands for any one of these, and has any number but the first one's.

    If it is `plain`, what is a number or a truth value is one of Python, and what follows from such alone is, too: of a
    run in values nothing else is left, and no solver is troubled with it. (Real time stays a term of Z3.)
    """

    plain = False

    def __init__(
        self,
        spec: Spec,
        parameters: Mapping[str, Any],
        site: Mapping[str, Any],
        rules: Iterable[Rule],
        unit: int | None = None,
        interfaces: int = 2,
        capabilities: frozenset[str] = frozenset(),
        given: Collection[str] = (),
        elsewhere: bool = False,
        others: bool = False,
    ) -> None:
        self.capabilities, self.given = capabilities, given
        self._exact: list[Z] = []
        self.read: dict[int, Z] = {}
        """The terms that stand for parameters and addresses, of those that have been asked for."""
        self._at_first: SymbolicState = {}  # that of all its copies in values
        self._elsewhere: dict[tuple[int, str, Term], tuple[SymbolicState, Z]] | None = {} if elsewhere else None
        self.other = symbol("$other", sort_named("int")) if others else None
        self.spec, self.parameters, self.site, self.unit = spec, parameters, site, unit
        self.rules = {r.id: r for r in rules}
        assert not (spec.tables and self.rules), "tables are taken out first (see `tables.py`)"
        self.interfaces = range(interfaces)
        self.allows = {r.id: r.body for r in self.rules.values() if isinstance(r.body, Allow)}
        self.requires = {r.id: r.body for r in self.rules.values() if isinstance(r.body, Require)}
        self._permissions = _by_event(self.allows.items())
        self._met = _by_event(self.requires.items())
        self._begun: dict[str, list[str]] = {}
        for r, body in self.requires.items():
            self._begun.setdefault(body.anchor, []).append(r)
        self._updates = _by_event((u, u) for u in spec.updates)
        self._assumptions = _by_event((x, x) for x in spec.assumptions.values())
        self.actions = [
            Action(e.name, i)
            for e in spec.events.values()
            if e.sender != "observer" and not (spec.pause and e.name in spec.pause.kinds)
            for i in self.interfaces
        ]

    def share(self, other: World) -> None:
        """Take what is found of the interfaces that are not followed from a world with the same state."""
        self._elsewhere = other._elsewhere

    def elsewhere(self) -> list[tuple[Term, Z]]:
        """Return what has been asked of some or every interface, and what stands for that in those not followed."""
        return [(term, z) for (_, _, term), (_, z) in (self._elsewhere or {}).items()]

    def in_values(self) -> World:
        """Return this world as a `plain` one."""
        result = copy(self)
        result.plain, result._exact = True, []
        return result

    # --- sorts and constants --------------------------------------------------------------------------------------

    def time(self, ns: int) -> Z:
        """Return a time or duration in ns as a term. Raises ValueError for what is no multiple of the unit."""
        if self.unit is None:
            return seconds(ns)
        if ns % self.unit:
            raise ValueError(f"{ns} ns is no multiple of {self.unit} ns")
        return self.number(ns // self.unit)

    def number(self, value: int) -> Z:
        """Return an integer as a term."""
        return value if self.plain else integer(value)

    def truth(self, value: bool) -> Z:
        """Return a truth value as a term."""
        return value if self.plain else truth(value)

    def sort(self, type_: Type) -> Z:
        """Return the sort of a type's values; sets have none."""
        return sort_of(type_, self.unit is None)

    def constant(self, type_: Type, value: int) -> Z:
        """Return a value that is written as a term; of an identification only the half that is compared."""
        if type_.name == "bool":
            return self.truth(bool(value))
        if type_.name == "id":
            return self.number(value & LOW_HALF)
        return self.time(value) if type_.name == "time" else self.number(value)

    # --- state ----------------------------------------------------------------------------------------------------

    @cached_property
    def slots(self) -> dict[Slot, Z]:
        """The sorts of all state: variables, and for each obligation whether it has been met since its anchor."""
        result: dict[Slot, Z] = {}
        for v in self.spec.variables.values():
            for i in self._copies(v):
                result[v.name, i] = self.sort(v.type)
        for r in self.requires:
            for i in self.owing(r):
                result[DONE + r, i] = sort_named("bool")
        return result

    def _copies(self, v: Variable) -> Iterable[int]:
        return self.interfaces if v.scope == "interface" else (WHOLE_NODE,)

    def fresh(self, tag: str, slots: Iterable[Slot] | None = None) -> SymbolicState:
        """Return new constants for all slots or for these, whose names end in `tag`."""
        chosen = self.slots if slots is None else {s: self.slots[s] for s in self.slots if s in set(slots)}
        return {s: symbol(f"{s[0]}.{'n' if s[1] == WHOLE_NODE else s[1]}{tag}", sort) for s, sort in chosen.items()}

    def initial(self, s: SymbolicState) -> Z:
        """Return that the node has just started: nothing is owed before its anchor is assigned, and a time without
        initial value may be any."""
        parts = []
        for (name, i), z in s.items():
            if name.startswith(DONE):
                parts.append(z)
            elif (term := self.spec.variables[name].initial) is not None:
                parts.append(compared("=", z, self.term(term, s, i, {}, self.time(0))))
        return conj(parts)

    @property
    def at_first(self) -> SymbolicState:
        """What state has at first in this `plain` world, but for that of which nothing is declared."""
        if not self._at_first:
            for name, i in self.slots:
                if name.startswith(DONE):
                    self._at_first[name, i] = True
                elif (term := self.spec.variables[name].initial) is not None:
                    self._at_first[name, i] = self.term(term, {}, i, {}, self.time(0))
        return self._at_first

    def keys(self, event: str, tag: str) -> Keys:
        """Return constants for the keys of an event, whose names end in `tag`, and are no names of state."""
        return dict(keys_of(Itself(self.spec.events[event]), tag, self.unit is None))

    def apart(self, event: str, keys: Keys, tag: str) -> Keys:
        """Return the keys of the same event as another run sees it: what is hidden of it is another's."""
        if not any(k.name.startswith(HIDDEN) for k in self.spec.events[event].keys):
            return keys
        own = {k: z for k, z in self.keys(event, tag).items() if k.startswith(HIDDEN)}
        return {**keys, **own}

    def well_formed(self, event: str, keys: Keys) -> Z:
        """Return that keys have values that there are: enumerations in range, numbers and addresses not negative.

        The key that tells mobile nodes apart is the one node's that is followed.
        """
        parts = []
        for k in self.spec.events[event].keys:
            z = keys[k.name]
            if k.name == self.spec.tracks:
                parts.append(compared("=", z, self.number(TRACKED)))
            elif k.type.is_enum:
                parts.append(conj([self._not_negative(k.type, z), compared("<", z, self.number(len(k.type.members)))]))
            elif k.name.startswith(HIDDEN):  # whatever a variable may be
                continue
            elif k.type == ID:  # only the half that is compared
                parts.append(conj([self._not_negative(k.type, z), compared("<=", z, self.number(LOW_HALF))]))
            elif not k.type.is_set and k.type.name != "bool":
                parts.append(self._not_negative(k.type, z))
        return conj(parts)

    def _not_negative(self, type_: Type, z: Z) -> Z:
        return compared(">=", z, self.time(0) if type_.name == "time" else self.number(0))

    # --- what holds -----------------------------------------------------------------------------------------------

    def term(self, t: Term, s: SymbolicState, i: int, keys: Keys, now: Z) -> Z:
        """Return a term for interface `i` (or WHOLE_NODE) in state `s`."""
        if self.plain or self.unit is not None or not t.args:
            return self._value(t, s, i, keys, now)  # of a search there is a new state at each step: nothing comes again
        return remembered(t, lambda a: self._value(a, s, i, keys, now))

    def _value(self, t: Term, s: SymbolicState, i: int, keys: Keys, now: Z) -> Z:
        kind = t.kind  # those that are met most come first
        if kind == "const":
            return self.constant(t.type, t.value)
        if kind == "key":
            return keys[t.name]
        if kind == "var":
            scope = self.spec.variables[t.name].scope
            return s[t.name, i if scope == "interface" else WHOLE_NODE]
        if kind in COMPARISONS:
            left, right = t.args
            return compared(kind, self._value(left, s, i, keys, now), self._value(right, s, i, keys, now))
        if self.plain and (kind == "and" or kind == "or"):  # the first part that decides it is enough
            decided = kind == "or"
            parts = []
            for a in t.args:
                if (z := self._value(a, s, i, keys, now)) is decided:
                    return decided
                parts.append(z)
            return disj(parts) if decided else conj(parts)
        return self._other_value(t, s, i, keys, now)

    def _other_value(self, t: Term, s: SymbolicState, i: int, keys: Keys, now: Z) -> Z:
        def sub(a: Term) -> Z:
            return self._value(a, s, i, keys, now)

        match t.kind:
            case "def":
                return sub(t.args[0])
            case "param":
                value = self.parameters[t.name]
                # A search for a value puts a Z3 term here.
                return self._read(value) if z3.is_expr(value) else self.constant(t.type, value)
            case "site":
                address = self.site[t.name]
                return self._read(address) if z3.is_expr(address) else self.number(address)
            case "capable":
                return self.truth(t.name in self.capabilities)
            case "given":
                return self.truth(t.name in self.given)
            case "now":
                return now
            case "this":
                return self.number(i) if self.other is None or i != 1 else self.other
            case "nobody":
                return self.number(-1)
            case "some" | "every":
                each = [self._value(t.args[0], s, j, keys, now) for j in self.interfaces]
                if self._elsewhere is not None:
                    place, found = (id(s), t.kind, t.args[0]), z3.Bool(f"${t.kind}{len(self._elsewhere)}")
                    each.append(self._elsewhere.setdefault(place, (s, found))[1])  # kept, so that its id stays its own
                return disj(each) if t.kind == "some" else conj(each)
            case "in":
                value, members = sub(t.args[0]), sub(t.args[1])
                if value is UNKNOWN:
                    return value
                return disj([conj([value == n, members[m]]) for n, m in enumerate(t.args[0].type.members)])
            case "has":
                return sub(t.args[0])[t.name]
            case "/":
                return self._divided(t, sub(t.args[0]))
            case "implies" if self.plain:
                condition = sub(t.args[0])
                return True if condition is False else implied(condition, sub(t.args[1]))
        return _apply(t.kind, [sub(a) for a in t.args])

    def _read(self, z: Z) -> Z:
        self.read[z.get_id()] = z
        return z

    def _divided(self, t: Term, dividend: Z) -> Z:
        if t.type.name != "time":  # of integers: rounded down, as the divisor is above 0
            return dividend // t.value if isinstance(dividend, int) else dividend / t.value
        if self.unit is None:
            return dividend / t.value
        known = z3.simplify(dividend) if z3.is_expr(dividend) else dividend
        if z3.is_int_value(known):
            known = known.as_long()
        if z3.is_expr(known):  # an unknown, since a solver is slow with quotients and remainders of its own
            quotient = z3.Int(f"$quotient{next(_COUNT)}")
            self._exact.append(quotient * t.value == dividend)
            return quotient
        self._exact.append(known % t.value == 0)
        found = known // t.value
        return found if self.plain else integer(found)

    def exact(self) -> list[Z]:
        """Return what it takes that, in steps of the unit, no division of a time that was written since the last call
        leaves anything over: a proof divides exactly. Where that is not asked for, what is divided may be anything."""
        found, self._exact = self._exact, []
        return found

    def matches(self, patterns: Iterable[EventPattern], s: SymbolicState, a: Action, keys: Keys, now: Z) -> Z:
        """Return that an action is one of the patterns' events and meets its condition."""
        found = []
        for p in patterns:
            if p.event == a.event:
                found.append(self.term(p.condition, s, a.interface, keys, now))
                if found[-1] is True:
                    return True
        return found[0] if len(found) == 1 else disj(found)

    def assumed(self, s: SymbolicState, a: Action, keys: Keys, now: Z) -> Z:
        """Return that the network does nothing that it is assumed not to do."""
        return conj(
            [
                implied(self.matches(x.patterns, s, a, keys, now), self.term(x.condition, s, a.interface, keys, now))
                for x in self._assumptions.get(a.event, ())
            ]
        )

    def concerns(self, rule: str, a: Action) -> bool:
        """Decide whether a permission speaks of such an action at all."""
        return rule in self._permissions.get(a.event, ())

    def breaks(self, rule: str, s: SymbolicState, a: Action, keys: Keys, now: Z) -> Z:
        """Return that the action is one that this permission does not give, and that this is clear."""
        body = self.allows[rule]
        return conj([self.not_given(body, s, a, keys, now), self.clear(body, s, a, keys, now)])

    def clear(self, body: Allow, s: SymbolicState, a: Action, keys: Keys, now: Z) -> Z:
        """Return that evidence can tell whether a permission gives the action."""
        return True if body.unclear is None else neg(self.term(body.unclear, s, a.interface, keys, now))

    def not_given(self, body: Allow, s: SymbolicState, a: Action, keys: Keys, now: Z) -> Z:
        """Return that the action is one that a permission does not give, clear or not."""
        matches = self.matches(body.patterns, s, a, keys, now)
        if matches is False:
            return False
        return conj([matches, neg(self.term(body.condition, s, a.interface, keys, now))])

    def permitted(self, s: SymbolicState, a: Action, keys: Keys, now: Z, rules: Iterable[str] | None = None) -> Z:
        """Return that no permission forbids the action, of all in force or of these `rules`."""
        concerned = self._permissions.get(a.event, ())
        chosen = concerned if rules is None else [r for r in rules if r in concerned]
        return conj([neg(self.not_given(self.allows[r], s, a, keys, now)) for r in chosen])

    def owing(self, rule: str) -> Sequence[int]:
        """Return who owes an obligation: each interface, or the whole node."""
        return (WHOLE_NODE,) if self.spec.is_owed_by_node(self.requires[rule]) else self.interfaces

    def owing_at(self, rule: str, interface: int) -> int:
        """Return who owes an obligation that an event on an interface may meet or begin."""
        return WHOLE_NODE if self.spec.is_owed_by_node(self.requires[rule]) else interface

    def meeting(self, body: Require, event: str) -> list[Action]:
        """Return the actions of an event that may meet what the first interface owes, or the node on any of them."""
        own = self.interfaces if self.spec.is_owed_by_node(body) else self.interfaces[:1]
        return [Action(event, i) for i in own]

    def owed(self, rule: str, s: SymbolicState, i: int) -> Z:
        """Return that an obligation is owed by an interface or the node: its condition holds, and it has not been
        met."""
        return conj([self.term(self.requires[rule].condition, s, i, {}, None), neg(s[DONE + rule, i])])

    def met(self, rule: str, s: SymbolicState, a: Action) -> Z:
        """Return that what an action may meet is owed: by its interface, or by the node, which has that by now."""
        by_now = {**s, (NAMED, a.interface): self.truth(True)} if (NAMED, a.interface) in s else s
        return self.owed(rule, by_now, self.owing_at(rule, a.interface))

    def deadline(self, rule: str, s: SymbolicState, i: int, begun: Z | None = None) -> Z:
        """Return the time by which an obligation has to be met by an interface or the node, `t_slack` included: counted
        from `begun`, or else from its anchor."""
        body = self.requires[rule]
        limit = self.term(body.within, s, i, {}, None)
        slack = self.parameters.get("t_slack", 0)
        due = total(s[self._slot(body.anchor, i)] if begun is None else begun, limit)
        return total(due, self._read(slack) if z3.is_expr(slack) else self.time(slack))

    def overdue(self, rule: str, s: SymbolicState, now: Z) -> Z:
        """Return that the deadline has passed, for anyone who owes it, when time reaches `now`."""
        return disj(
            [conj([self.owed(rule, s, i), compared(">", now, self.deadline(rule, s, i))]) for i in self.owing(rule)]
        )

    # --- what happens ---------------------------------------------------------------------------------------------

    def _slot(self, name: str, interface: int) -> Slot:
        return name, interface if self.spec.variables[name].scope == "interface" else WHOLE_NODE

    def next(self, s: SymbolicState, a: Action, keys: Keys, now: Z) -> SymbolicState:
        """Return what an action changes in the state. Later assignments win over earlier ones."""
        result: SymbolicState = {}
        for rule in self._met.get(a.event, ()):
            slot = (DONE + rule, self.owing_at(rule, a.interface))
            if slot in s:
                result[slot] = disj([s[slot], self.matches(self.requires[rule].patterns, s, a, keys, now)])
        for u in self._updates.get(a.event, ()):
            places = [(self._slot(name, a.interface), name, value) for name, value in u.assignments]
            if not any(slot in s for slot, _, _ in places):
                continue
            guard = self.matches(u.patterns, s, a, keys, now)
            if guard is False:
                continue
            for slot, name, value in places:
                if slot not in s:
                    continue
                result[slot] = either(guard, self.term(value, s, a.interface, keys, now), result.get(slot, s[slot]))
                for rule in self._begun.get(name, ()):
                    done = (DONE + rule, self.owing_at(rule, a.interface))
                    if done in s:
                        result[done] = conj([neg(guard), result.get(done, s[done])])
        return result


def _by_event(named: Iterable[tuple[_N, Allow | Require | Update | Assumption]]) -> dict[str, list[_N]]:
    """Return names by the events that the patterns of what they name are about, each once, in their order."""
    found: dict[str, list[_N]] = {}
    for name, what in named:
        for event in dict.fromkeys(p.event for p in what.patterns):
            found.setdefault(event, []).append(name)
    return found


def applied(t: Term, args: list[Z]) -> Z:
    """Return an operator of a default applied to its arguments."""
    return args[0] if t.kind == "def" else args[0] / t.value if t.kind == "/" else _apply(t.kind, args)


def _apply(op: TermKind, args: list[Z]) -> Z:
    match op:
        case "and":
            return conj(args)
        case "or":
            return disj(args)
        case "not":
            return neg(args[0])
        case "seen":  # but for runs of which something is left open, nothing is unknown here
            return False if args[0] is UNKNOWN else args[0]
        case "implies":
            return implied(*args)
        case "if":
            return either(*args)
        case "minus":
            return -args[0]
        case "max":
            return reduce(lambda x, y: either(x >= y, x, y), args)
        case "min":
            return reduce(lambda x, y: either(x <= y, x, y), args)
    left, right = args
    match op:
        case "=" | "!=" | "<" | "<=" | ">" | ">=":
            return compared(op, left, right)
        case "+":
            return total(left, right)
        case "-":
            return difference(left, right)
        case _:
            return left * right
