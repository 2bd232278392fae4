"""How long an entry lasts at the most, whatever sets it. After that, one that nobody has seen is there no more."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from mipcheck.model.specification.spec import Spec, Table
from mipcheck.model.specification.term import Term

_CONSTANT: Final = ("const", "param")


def longest(spec: Spec, table: Table, parameters: Mapping[str, int]) -> int | None:
    """Return within what time (ns) any entry of a table lapses after it was set; None if nothing limits that."""
    if not table.lapses:
        return None
    most = 0
    for change in (c for u in spec.updates for c in u.changes if c.table == table.name and c.kind in ("set", "field")):
        given = dict(change.values)
        if change.kind == "set" and table.lapses not in given:
            return None
        if table.lapses in given:
            ahead = _ahead(given[table.lapses], table, parameters)
            if ahead is None:
                return None
            most = max(most, ahead)
    return most


def _ahead(term: Term, table: Table, parameters: Mapping[str, int]) -> int | None:
    """Return how far a time may lie ahead of now; None if nothing limits that. Of the entry's own it is no farther."""
    match term.kind:
        case "now":
            return 0
        case "def":
            return _ahead(term.args[0], table, parameters)
        case "entry" if term.name == table.lapses:
            return 0
        case "+":
            times = [a for a in term.args if a.uses("now")]
            if len(times) == 1:
                ahead = _ahead(times[0], table, parameters)
                more = [_at_most(a, parameters) for a in term.args if a is not times[0]]
                return _sum([ahead, *more])
        case "max" | "min":
            return _chosen(term.kind, [_ahead(a, table, parameters) for a in term.args])
    return None


def _at_most(term: Term, parameters: Mapping[str, int]) -> int | None:
    """Return the most that a duration may be; None if nothing limits it."""
    most = partial(_at_most, parameters=parameters)
    match term.kind:
        case "const":
            return term.value
        case "param":
            return parameters.get(term.name)
        case "def":
            return most(term.args[0])
        case "+":
            return _sum([most(a) for a in term.args])
        case "*":
            constant, other = sorted(term.args, key=lambda a: a.kind not in _CONSTANT)
            factor, limit = most(constant), most(other)
            if constant.kind in _CONSTANT and factor is not None and factor >= 0 and limit is not None:
                return factor * limit
        case "max" | "min":
            return _chosen(term.kind, [most(a) for a in term.args])
    return None


def _sum(values: list[int | None]) -> int | None:
    known = [v for v in values if v is not None]
    return sum(known) if len(known) == len(values) else None


def _chosen(kind: str, values: list[int | None]) -> int | None:
    """Return the most that the largest, or the smallest, of some values may be: one that has a limit limits that."""
    known = [v for v in values if v is not None]
    if kind == "min":
        return min(known, default=None)
    return max(known) if len(known) == len(values) else None
