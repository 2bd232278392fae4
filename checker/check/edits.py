"""Small changes of a trace that may mend it: an event at another time, with another value, there or not there.

Which are worth trying is told by the rule that is broken: by the events that led there and came close, by the kinds and
keys that its state depends on, and by its times. Whether one mends anything, only replaying tells (`repair.py`).
"""

from __future__ import annotations

import itertools
from bisect import insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from mipcheck.checker.observe.slices import keys_asked, updates_for
from mipcheck.model.machine.compile import Machine
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.specification.spec import Require, Rule
from mipcheck.model.specification.term import EventPattern, Term
from mipcheck.model.values.event import NODE, Event, Position
from mipcheck.model.values.types import NS, Type, Value

STEP: Final = NS["us"]
"""The finest difference of time that is tried (ns)."""
_VALUES: Final = 6
"""Other values of a key that are tried."""
_MADE: Final = 4
"""Places before the finding at which an event that is missing is tried, and events whose keys it may have."""

World = tuple[tuple[int, Event], ...]
"""Events in order of time, each with a number that it keeps whatever is changed; what is added has one below 0."""


@dataclass(frozen=True)
class Move:
    """The event `number` at another `time` (ns)."""

    number: int
    time: int


@dataclass(frozen=True)
class Put:
    """The event `number` with another `value` of a key."""

    number: int
    key: str
    value: Value


@dataclass(frozen=True)
class Add:
    """An event that is missing; two of them are never compared, as its keys are a mapping."""

    event: Event


@dataclass(frozen=True)
class Drop:
    """The event `number` left out."""

    number: int


Edit = Move | Put | Add | Drop
KINDS: Final[tuple[type[Edit], ...]] = (Move, Put, Add, Drop)
"""Kinds of changes: of those that mend as much, the first of these is the nearest."""


def world_of(events: Iterable[Event]) -> World:
    """Return events numbered from 0."""
    return tuple(enumerate(events))


def edited(world: World, edits: Sequence[Edit]) -> World | None:
    """Return the events after changes; None where two of them are about the same thing of the same event."""
    touched: set[tuple[int, str]] = set()
    events = list(world)
    for n, edit in enumerate(edits):
        if isinstance(edit, Add):
            insort(events, (-1 - n, edit.event), key=_time)
            continue
        marks = {Move: {"time"}, Put: {getattr(edit, "key", "")}, Drop: {"", "time"}}[type(edit)]
        whole = isinstance(edit, Drop)
        if any(number == edit.number and (whole or mark in marks or mark == "") for number, mark in touched):
            return None
        touched |= {(edit.number, mark) for mark in marks}
        at = next(k for k, (number, _) in enumerate(events) if number == edit.number)
        number, event = events.pop(at)
        if isinstance(edit, Move):
            insort(events, (number, replace(event, time=edit.time)), key=_time)
        elif isinstance(edit, Put):
            events.insert(at, (number, replace(event, args={**event.args, edit.key: edit.value})))
    return tuple(events)


def _time(item: tuple[int, Event]) -> int:
    return item[1].time


@dataclass(frozen=True)
class Broken:
    """What is to be mended: a rule, at `time` (ns; the deadline of what is overdue), by the events `numbers`, on an
    interface. `focus` are the numbers of events that have to do with it, the likeliest first."""

    rule: Rule
    interface: str
    time: int
    numbers: tuple[int, ...]
    overdue: bool
    focus: tuple[int, ...]


def candidates(machine: Machine, world: World, broken: Broken) -> list[Edit]:
    """Return the changes that are worth trying, each once, the likeliest first."""
    known = dict(world)
    focus = [(n, known[n]) for n in broken.focus if n in known]
    found: dict[Edit, None] = {}
    for number, event in focus:
        found |= dict.fromkeys(Move(number, time) for time in _times(machine, broken, focus, number, event))
    keys = keys_asked(machine, broken.rule)
    for number, event in focus:
        found |= dict.fromkeys(_values(machine, world, number, event, keys))
    found |= dict.fromkeys(Drop(number) for number, _ in focus)
    return sorted([*found, *map(Add, _missing(machine, world, broken))], key=lambda e: _rank(e, known))


def _rank(edit: Edit, known: Mapping[int, Event]) -> tuple[int, int]:
    """Return a key by which changes are tried: by their kind, and the smallest shift first."""
    shift = abs(edit.time - known[edit.number].time) if isinstance(edit, Move) else 0
    return KINDS.index(type(edit)), shift


# --- times --------------------------------------------------------------------------------------------------------


def durations(machine: Machine, rule: Rule) -> list[int]:
    """Return the lengths of time (ns) that a rule depends on, as they are here."""
    terms = [*rule.terms(), *(t for u in updates_for(machine, rule, directly=True) for t in u.terms())]
    found = {t for term in terms for t in term.walk() if t.kind == "param" and t.type.name == "time"}
    values = {machine.evaluate(t, 0, UNKNOWN, [], [], [], []) for t in found}
    return sorted(v for v in values if v > 0)


def _times(
    machine: Machine, broken: Broken, focus: Sequence[tuple[int, Event]], number: int, event: Event
) -> Iterator[int]:
    """Yield times at which an event is tried: around others, and where a length of time from or to one is over."""
    lengths = durations(machine, broken.rule)
    marks = {e.time for n, e in focus if n != number} | {broken.time}
    own = number in broken.numbers
    for mark in marks:
        yield from (mark - STEP, mark + STEP)
        if own or mark == broken.time:
            for length in lengths:
                near = mark + length if own and mark != broken.time else mark - length
                yield from (near - STEP, near + STEP)


# --- values -------------------------------------------------------------------------------------------------------


def _values(machine: Machine, world: World, number: int, event: Event, keys: frozenset[str]) -> Iterator[Edit]:
    """Yield changes of an event's keys, of those that matter."""
    declared = machine.spec.events.get(event.kind)
    for key in declared.keys if declared is not None else ():
        if key.name in keys and key.name in event.args:
            seen = [e.args[key.name] for _, e in reversed(world) if key.name in e.args]
            for value in _others(machine, key.type, event.args[key.name], seen):
                yield Put(number, key.name, value)


def _others(machine: Machine, type_: Type, value: Value, seen: Sequence[Value]) -> list[Value]:
    """Return other values that a key may have: all of a few, else those that occur."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, frozenset):
        return [value ^ {member} for member in type_.members]
    if type_.is_enum:
        return [member for member in type_.members if member != value]
    if type_.name in ("text", "time", "interface"):
        return []
    usual = [0] if type_.name == "int" else [*machine.site.values()] if type_.name == "address" else []
    return [v for v in dict.fromkeys([*seen, *usual]) if v != value and _fits(type_, v)][:_VALUES]


# --- events that are missing --------------------------------------------------------------------------------------


def _missing(machine: Machine, world: World, broken: Broken) -> Iterator[Event]:
    """Yield events that would have set what the rule asks for, or done what it demands, before the finding."""
    rule = broken.rule
    patterns = [p for u in updates_for(machine, rule, directly=True) for p in u.patterns]
    if isinstance(rule.body, Require):
        patterns = [*rule.body.patterns, *patterns]
    own = [e for n, e in world if e.interface in (broken.interface, NODE) and e.time <= broken.time]
    others = [e for e in own if e.time < broken.time]
    times = [broken.time if broken.overdue else broken.time - STEP]
    ends = [*(e.time for e in others[-_MADE:]), broken.time]
    times += [(a + b) // 2 // STEP * STEP for a, b in itertools.pairwise(ends) if b - a > 2 * STEP]
    shapes = {(p.event, _fixed(machine, p)): None for p in patterns}
    made: dict[tuple[int, str, tuple[tuple[str, Value], ...]], None] = {}
    for kind, fixed in shapes:
        for time in reversed(times):
            for args in _filled(machine, kind, fixed, [e for e in own if e.time <= time]):
                made[time, kind, tuple(args.items())] = None
    for time, kind, items in made:
        yield Event(time, broken.interface, kind, dict(items), Position("-"))


class _Fixed(NamedTuple):
    """What keys have to be, and at least, for an event to match a pattern."""

    values: tuple[tuple[str, Value], ...]
    least: tuple[tuple[str, int], ...]


def _fixed(machine: Machine, pattern: EventPattern) -> _Fixed:
    """Return the keys that an event needs in order to match a pattern, as far as it says so by itself."""
    types = {k.name: k.type for k in machine.spec.events[pattern.event].keys}
    values: dict[str, Value] = {}
    least: dict[str, int] = {}
    for term in _asked(pattern.condition):
        if term.kind == "has" and term.args[0].kind == "key":
            name = term.args[0].name
            values[name] = frozenset({*_set(values.get(name)), types[name].members[term.value]})
        elif term.kind in ("=", ">", ">=") and term.args[0].kind == "key" and term.args[1].kind in ("const", "site"):
            name, number = term.args[0].name, machine.evaluate(term.args[1], 0, UNKNOWN, [], [], [], [])
            if number == UNKNOWN or types[name].name in ("text", "time", "interface") or types[name].is_set:
                continue
            if term.kind == "=":
                values[name] = _decoded(types[name], number)
            else:
                least[name] = number + (term.kind == ">")
    return _Fixed(tuple(values.items()), tuple(least.items()))


def _asked(term: Term) -> Iterator[Term]:
    """Yield conditions that together make a condition true: of several ways the first."""
    for part in term.conjuncts():
        yield from _asked(part.args[0]) if part.kind in ("or", "seen") else iter((part,))


def _decoded(type_: Type, number: int) -> Value:
    return type_.members[number] if type_.is_enum else bool(number) if type_.name == "bool" else number


def _fits(type_: Type, value: Value | None) -> bool:
    """Decide whether a value, perhaps of a key of that name of another kind of event, is one of a type."""
    if type_.is_set:
        return isinstance(value, frozenset) and value <= set(type_.members)
    if type_.is_enum:
        return isinstance(value, str) and value in type_.members
    return type(value) is {"bool": bool, "text": str}.get(type_.name, int)


def _set(value: Value | None) -> frozenset[str]:
    return value if isinstance(value, frozenset) else frozenset()


def _filled(machine: Machine, kind: str, fixed: _Fixed, before: Sequence[Event]) -> Iterator[dict[str, Value]]:
    """Yield the keys of an event: what is `fixed`, the rest as the newest of `before` have them; one for each of the
    newest identifications."""
    values, least = dict(fixed.values), dict(fixed.least)
    newest: dict[str, Value] = {}
    idents: dict[Value, None] = {}
    for event in reversed(before):
        fit = {k: v for k, v in event.args.items() if k not in least or (isinstance(v, int) and v >= least[k])}
        newest = {**fit, **newest}
        if "id" in event.args:
            idents[event.args["id"]] = None
    own = next((e.args for e in reversed(before) if e.kind == kind), {})
    for ident in [*idents][:_MADE] if idents else (None,):
        args: dict[str, Value] = {}
        for key in machine.spec.events[kind].keys:
            usual = own.get(key.name, newest.get(key.name)) if key.name not in least else newest.get(key.name)
            value = values.get(key.name, ident if key.name == "id" else usual)
            value = value if _fits(key.type, value) else None
            if key.name in values and key.type.is_set:
                value = _set(newest.get(key.name)) | _set(value)
            if key.name in least and not (isinstance(value, int) and value >= least[key.name]):
                value = least[key.name]
            if value is None and not key.optional and (key.type.is_enum or key.type.is_set):
                value = key.type.members[0] if key.type.is_enum else frozenset()
            if value is None and not key.optional:
                break
            if value is not None and (not key.optional or key.name in (*values, *least, *own, "id")):
                args[key.name] = value
        else:
            yield args
