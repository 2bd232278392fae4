"""Whether a machine's integers stay within 64 bits, whatever the trace. Else it runs in Python, where they may grow.

Every value has a bound by its type; what expressions make of them is bounded in turn, and the state by what is assigned
to it. Identifications fill 64 bits by themselves, so they may only be compared for equality.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from mipcheck.checker.trace.columns import NUMBER
from mipcheck.model.language.show import show_expression
from mipcheck.model.machine.compile import Machine
from mipcheck.model.native.errors import NativeError
from mipcheck.model.specification.term import Term
from mipcheck.model.values.types import Type

_MOST: Final = 2**63 - 1
_TIME: Final = 2**62 - 1
"""The latest that an event may be, ns: `times.TIME_LIMIT` is less."""
_BY_TYPE: Final = {"bool": 1, "int": NUMBER, "time": _TIME, "address": 2**32, "text": 2**31, "interface": 2**31}
"""The most that a value of a type may be, its sign apart; of types that are not listed it may be _MOST."""
_TRUTH: Final = -1, 1
_ROUNDS: Final = 8
"""How often updates may make bounds of the state larger, before it is taken that they always will."""
_EVENTS: Final = 2**40
"""Events that change state, at most: the longest trace takes years to read."""
_SUMMED: Final = 2**31
"""Events, at most, where state is the sum of what they tell, which may be any number of a trace."""
_SMALL: Final = 2**20
"""What counts by no more than that may do so at _EVENTS."""
_ORDERED: Final = {"<", "<=", ">", ">=", "+", "-", "*", "/", "minus", "max", "min"}
"""Operators that depend on more of their operands than whether they are equal."""


Bounds = tuple[int, int]
"""The least and the greatest value that there may be."""


@lru_cache(maxsize=64)
def check_bounds(machine: Machine) -> int:
    """Check that no integer of a machine can overflow; return for how many events that is certain.

    Raises NativeError if one might.
    """
    for name, value in machine.parameters.items():
        # The loop is told all of them, also those that no rule of this role reads.
        if abs(value) > _MOST:
            raise NativeError(f"{name} is beyond 64 bits")
    names = (*machine.interface_slots, *machine.node_slots, *machine.table_slots)
    state = {n: _of_type(machine.spec.state(n).type) for n in names}
    state |= {n: (0, 0) for n in state if machine.spec.state(n).type.name in ("int", "time")}
    for name in state:
        initial = machine.spec.state(name).initial
        if initial is not None:
            state[name] = _either(state[name], _bound(machine, initial, state))
    values = [(n, t) for u in machine.spec.updates for n, _, t in u.values(machine.spec.tables) if n in state]
    counted, others = _apart(values)
    _widen(machine, state, others)
    steps: dict[str, int] = {}
    for name, by in counted:
        # What is only counted grows by so much an event: of several assignments, one counts.
        low, high = _bound(machine, by, state)
        steps[name] = max(steps.get(name, 0), -low, high)
    # That of which these are sums does not depend on them, so that its bounds are known.
    most = _EVENTS if max(steps.values(), default=0) <= _SMALL else _SUMMED
    for name, step in steps.items():
        state[name] = state[name][0] - most * step, state[name][1] + most * step
    _widen(machine, state, others)
    for _, term in values:
        _bound(machine, term, state)
    for term in _conditions(machine):
        _bound(machine, term, state)
    for _, body in machine.obligations:
        within = _bound(machine, body.within, state)
        if state[body.anchor][1] + within[1] + machine.slack > _MOST:
            raise NativeError("a deadline may lie beyond 64 bits")
    return most


def _widen(machine: Machine, state: dict[str, Bounds], values: Sequence[tuple[str, Term]]) -> None:
    """Widen bounds until they hold whatever is assigned. Raises NativeError if they always grow."""
    for _ in range(_ROUNDS):
        before = dict(state)
        for name, term in values:
            state[name] = _either(state[name], _bound(machine, term, state))
        if state == before:
            return
    grown = " and ".join(n for n in state if state[n] != before[n])
    raise NativeError(f"{grown} may grow without bound")


def _apart(values: Sequence[tuple[str, Term]]) -> tuple[list[tuple[str, Term]], list[tuple[str, Term]]]:
    """Return what is added to state, by its name, that depends on no state which is counted in this way; and the other
    values that state is given."""
    added = {(n, t): by for n, t in values if (by := _added(n, t)) is not None}
    growing = {n for n, _ in added}
    while more := {n for n, t in values if n not in growing and growing & _read(t)}:
        growing |= more
    counted = {v: by for v, by in added.items() if not growing & _read(by)}
    return [(n, by) for (n, _), by in counted.items()], [v for v in values if v not in counted]


def _read(t: Term) -> set[str]:
    """Return the names of the variables and columns that a term reads."""
    return {x.name for x in t.walk() if x.kind in ("var", "entry")}


def _added(name: str, t: Term) -> Term | None:
    """Return what a term adds to a variable (or a column of a table), or takes away; None if it does something else."""
    if t.kind == "def":
        return _added(name, t.args[0])
    if t.kind not in ("+", "-"):
        return None
    own = [a for a in t.args if a.kind in ("var", "entry") and a.name == name]
    others = [a for a in t.args if a not in own]
    if len(own) != 1 or len(others) != 1 or (t.kind == "-" and t.args[0] not in own):
        return None
    return others[0]


def numbers_read(machine: Machine) -> frozenset[str]:
    """Return the names of keys whose numbers a machine reads."""
    terms = [*_conditions(machine), *(t for u in machine.spec.updates for t in u.terms())]
    return frozenset(t.name for term in terms for t in term.walk() if t.kind == "key" and t.type.name == "int")


def _conditions(machine: Machine) -> Iterator[Term]:
    """Yield all terms that a machine evaluates, but for the values that updates assign."""
    for rule in machine.rules:
        yield from rule.terms()
    yield from machine.spec.pause.terms() if machine.spec.pause is not None else ()
    for update in machine.spec.updates:
        for pattern in update.patterns:
            yield pattern.condition
        for change in update.changes:
            yield from change.keys


def _of_type(type_: Type) -> Bounds:
    """Return the least and greatest value of a type. Raises NativeError for a set that is too large."""
    if type_.is_set:
        if len(type_.members) > 62:
            raise NativeError(f"{type_.name} has too many members")
        return 0, 1 << len(type_.members)
    if type_.is_enum:
        return 0, len(type_.members)
    most = int(_BY_TYPE.get(type_.name, _MOST))
    return -most, most


def _either(a: Bounds, b: Bounds) -> Bounds:
    return min(a[0], b[0]), max(a[1], b[1])


def _bound(machine: Machine, t: Term, state: Mapping[str, Bounds]) -> Bounds:
    """Return the least and the greatest value of a term; `state` has those of each variable.

    Raises NativeError if either, or anything on the way, may leave 64 bits.
    """
    if t.kind in _ORDERED and any(a.type.name == "id" for a in t.args):
        raise NativeError("identifications are put in order")
    below = [_bound(machine, a, state) for a in t.args]
    if t.type.name == "bool":  # most terms are, and nothing is calculated with it
        return _TRUTH
    match t.kind:
        case "const":
            result = t.value, t.value
        case "param":
            result = machine.parameters[t.name], machine.parameters[t.name]
        case "var" | "entry" if t.name in state:
            result = state[t.name]
        case "now":
            result = -_TIME, _TIME
        case "+":
            result = sum(low for low, _ in below), sum(high for _, high in below)
        case "-":
            result = below[0][0] - below[1][1], below[0][1] - below[1][0]
        case "*":
            corners = [x * y for x in below[0] for y in below[1]]
            result = min(corners), max(corners)
        case "/":
            result = below[0][0] // t.value, below[0][1] // t.value
        case "max" | "min":
            choose = max if t.kind == "max" else min
            result = choose(low for low, _ in below), choose(high for _, high in below)
        case "minus":
            result = -below[0][1], -below[0][0]
        case "def":
            result = below[0]
        case _:
            result = _of_type(t.type)
    # An identification fills 64 bits, and is never calculated with.
    if t.type.name != "id" and max(-result[0], result[1]) > _MOST:
        shown = f" of {show_expression(t.source)}" if t.source is not None else ""
        raise NativeError(f"a value{shown} may leave 64 bits")
    return result
