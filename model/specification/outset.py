"""What a condition comes to before anything has happened, in the initial state, whatever parameters and site are."""

from __future__ import annotations

from collections.abc import Mapping

from mipcheck.model.specification.spec import Variable
from mipcheck.model.specification.term import COMPARISONS, Term


def at_first(t: Term, variables: Mapping[str, Variable]) -> int | None:
    """Return the value of a term in the initial state; None where that depends on anything else."""
    if t.kind == "const":
        return t.value
    if t.kind == "nobody":
        return -1
    if t.kind == "var":
        initial = variables[t.name].initial
        return None if initial is None else at_first(initial, variables)
    args = [at_first(a, variables) for a in t.args]
    match t.kind:
        case "def" | "seen" | "some" | "every":
            return args[0]
        case "and":
            return 0 if 0 in args else None if None in args else 1
        case "or":
            return 1 if any(args) else None if None in args else 0
        case "implies":
            return 1 if args[0] == 0 or args[1] == 1 else None if None in args else 0
        case "not":
            return None if args[0] is None else 1 - args[0]
        case "=" | "!=" if [a.kind for a in t.args].count("this") == 1:  # nothing says yet which interface it is
            return int(t.kind == "!=")
        case "=" | "!=" | "<" | "<=" | ">" | ">=":
            left, right = args
            return None if left is None or right is None else int(COMPARISONS[t.kind](left, right))
    return None
