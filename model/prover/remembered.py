"""Terms of Z3 that have been made of terms of a specification: the properties of a role ask for the same ones again and
again, of the same state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from mipcheck.model.specification.term import Term, TermKind

_Z = Any
_MOST: Final = 20_000
"""Terms that are remembered; then all are forgotten."""
_READ: Final[tuple[TermKind, ...]] = ("var", "key", "param", "site", "capable", "given", "now", "this")
"""Kinds of terms on whose values that of a term above them depends, and on nothing else …"""
_OPEN: Final[tuple[TermKind, ...]] = ("some", "every", "/")
"""… unless one of these stands above them, which mean something else in each run."""

_leaves: dict[int, tuple[Term, tuple[Term, ...] | None]] = {}
_made: dict[tuple[int, ...], tuple[Term, list[_Z], _Z]] = {}


_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, eq=False)
class Itself(Generic[_T]):
    """A key for what is made of an object: it is equal to that of the very same object, and to no other."""

    what: _T

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Itself) and self.what is other.what

    def __hash__(self) -> int:
        return id(self.what)


def remembered(t: Term, value: Callable[[Term], _Z]) -> _Z:
    """Return the `value` of a term, which has been worked out before if it reads the same objects as then."""
    known = _leaves.get(id(t))
    if known is None:
        leaves = None if t.uses(*_OPEN) else tuple({(x.kind, x.name): x for x in t.walk() if x.kind in _READ}.values())
        known = _leaves[id(t)] = t, leaves
    if known[1] is None:
        return value(t)
    read = [value(x) for x in known[1]]
    place = (id(t), *map(id, read))
    found = _made.get(place)
    if found is None:
        if len(_made) >= _MOST:
            _made.clear()
            _leaves.clear()
        # What is read is kept, so that its number stays its own.
        found = _made[place] = t, read, value(t)
    return found[2]
