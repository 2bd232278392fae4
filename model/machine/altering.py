"""Which events may change state, told by their keys, or by a flag: before one that cannot, no state has to be kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from mipcheck.model.specification.spec import Update, Variable
from mipcheck.model.specification.term import STATE, Term
from mipcheck.model.values.types import BOOL

_OF_THE_MOMENT: Final = (*STATE, "now", "this", "some", "every", "bound")
"""Kinds of terms that are about the state of a node, or about when and where something happens."""


def flag_raised(update: Update, variables: Mapping[str, Variable]) -> str | None:
    """Return the flag that an update raises where it is down, if that is all it ever does.

    Such a flag is what the trace has told of an interface, once and for all. So one look at it tells whether an event
    that does nothing else changes state, and what is commonest may note that it has been seen.
    """
    if update.changes or len(update.assignments) != 1:
        return None
    name, value = update.assignments[0]
    variable = variables[name]
    if not variable.told or variable.scope != "interface" or variable.type != BOOL:
        return None
    if value.kind != "const" or value.value != 1:
        return None
    return name if all(any(_is_down(t, name) for t in p.condition.conjuncts()) for p in update.patterns) else None


def _is_down(term: Term, flag: str) -> bool:
    """Decide whether a term is `seen not` of the flag."""
    below = term.args[0] if term.kind == "seen" else None
    return below is not None and below.kind == "not" and below.args[0].kind == "var" and below.args[0].name == flag


def chance(terms: Iterable[Term], source: Callable[[Term], str]) -> str:
    """Return a condition that is false only if keys and parameters rule out that any of some terms is true.

    `source` gives what one of them comes to. "1" stands for a condition that is always true, "0" for one that never is.
    """
    return _any([_chance(t, source) for t in terms])


def _chance(term: Term, source: Callable[[Term], str]) -> str:
    if term.kind == "def":
        return _chance(term.args[0], source)
    if term.kind == "and":
        return _all([_chance(t, source) for t in term.args])
    if term.kind == "or":
        return _any([_chance(t, source) for t in term.args])
    if term.uses(*_OF_THE_MOMENT):
        return "1"
    found = source(term)
    return found if found in ("0", "1") else f"{found} != 0"


def _any(conditions: Iterable[str]) -> str:
    found = [c for c in dict.fromkeys(conditions) if c != "0"]
    return "1" if "1" in found else _joined(" or ", found) if found else "0"


def _all(conditions: Iterable[str]) -> str:
    found = [c for c in dict.fromkeys(conditions) if c != "1"]
    return "0" if "0" in found else _joined(" and ", found) if found else "1"


def _joined(word: str, conditions: list[str]) -> str:
    return conditions[0] if len(conditions) == 1 else f"({word.join(conditions)})"
