"""Sorts, values and constants of Z3, made once: z3's own functions make an object each time that they are asked, and
take ten times as long for it as Z3 does."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any, Literal

import z3
from mipcheck.model.prover.remembered import Itself
from mipcheck.model.specification.spec import EventType
from mipcheck.model.values.types import Type

_Z = Any


@cache
def sort_named(name: Literal["bool", "int", "real"]) -> _Z:
    """Return a sort."""
    return {"bool": z3.BoolSort, "int": z3.IntSort, "real": z3.RealSort}[name]()


def sort_of(type_: Type, in_seconds: bool) -> _Z:
    """Return the sort of a type's values, of times as they are meant; sets have none."""
    if type_.name == "bool":
        return sort_named("bool")
    return sort_named("real" if type_.name == "time" and in_seconds else "int")


@cache
def truth(value: bool) -> _Z:
    """Return a truth value."""
    return z3.BoolVal(value)


@lru_cache(maxsize=4096)
def integer(value: int) -> _Z:
    """Return a whole number."""
    return z3.IntVal(value)


@lru_cache(maxsize=4096)
def seconds(ns: int) -> _Z:
    """Return a time in seconds."""
    return z3.RealVal(Fraction(ns, 10**9))


@lru_cache(maxsize=2**15)
def symbol(name: str, sort: _Z) -> _Z:
    """Return an uninterpreted constant."""
    return z3.Const(name, sort)


@lru_cache(maxsize=4096)
def keys_of(event: Itself[EventType], tag: str, in_seconds: bool) -> Mapping[str, Any]:
    """Return constants for the keys of an event, whose names end in `tag`; of a set one for each member."""
    result: dict[str, Any] = {}
    for k in event.what.keys:
        name = f"{event.what.name}/{k.name}{tag}"
        if k.type.is_set:
            result[k.name] = MappingProxyType({m: z3.Bool(f"{name}/{m}") for m in k.type.members})
        else:
            result[k.name] = symbol(name, sort_of(k.type, in_seconds))
    return result
