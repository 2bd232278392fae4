"""Formulas as text, in the words of SMT-LIB: written by Z3, read by us. What is read comes from files, which may be a
stranger's: nothing in it is a command, and only the names that are given mean anything."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import reduce
from itertools import pairwise
from typing import Any, Final

import z3
from mipcheck.model.prover.spacer import Z
from mipcheck.model.values.errors import MipcheckError

LONGEST: Final = 1_000_000
"""Characters of a formula."""
_DEEPEST: Final = 200
"""Levels of its parentheses."""
_TOKEN: Final = re.compile(r"\s*(?:;[^\n]*\n\s*)*(\(|\)|\|[^|\\]*\||[^\s()|;\"]+)")
_NUMBER: Final = re.compile(r"[0-9]+(\.[0-9]+)?")

_Tree = Any
"""A word, or a list of trees."""


class Unreadable(MipcheckError):
    """A text that is no formula over the names given."""


def write_formula(formula: Z) -> str:
    """Return a formula as text."""
    return str(formula.sexpr())


def read_formula(text: str, names: Mapping[str, Z]) -> Z:
    """Return the formula in a text, whose free names stand for these terms. Raises Unreadable."""
    if len(text) > LONGEST:
        raise Unreadable(f"a formula has at most {LONGEST} characters")
    try:
        found = _formula(_tree(text), names)
    except (z3.Z3Exception, RecursionError, ValueError) as error:  # Python reads no number of over 4300 digits
        raise Unreadable(f"it makes no sense: {type(error).__name__}") from None
    if not (z3.is_expr(found) and z3.is_bool(found)):
        raise Unreadable("it is neither true nor false")
    return found


def names_of(terms: Mapping[Any, Z]) -> dict[str, Z]:
    """Return constants by their names."""
    return {z.decl().name(): z for z in terms.values()}


def _tree(text: str) -> _Tree:
    stack: list[list[_Tree]] = [[]]
    text, at = text.rstrip(), 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise Unreadable(f"unexpected {text[at : at + 10]!r}")
        at, word = token.end(), token[1]
        if word == "(":
            stack.append([])
            if len(stack) > _DEEPEST:
                raise Unreadable(f"more than {_DEEPEST} levels")
        elif word == ")":
            done = stack.pop()
            if not stack:
                raise Unreadable("one parenthesis too many")
            stack[-1].append(done)
        else:
            stack[-1].append(word)
    if len(stack) != 1 or len(stack[0]) != 1:
        raise Unreadable("it is not one formula")
    return stack[0][0]


def _formula(tree: _Tree, names: Mapping[str, Z]) -> Z:
    if isinstance(tree, str):
        return _word(tree, names)
    if not tree or not isinstance(tree[0], str):
        raise Unreadable("an operator is missing")
    operator, rest = tree[0], tree[1:]
    if operator == "let":
        if len(rest) != 2 or not isinstance(rest[0], list):
            raise Unreadable("let has bindings and a body")
        inner = dict(names)
        for binding in rest[0]:
            if not isinstance(binding, list) or len(binding) != 2 or not isinstance(binding[0], str):
                raise Unreadable("let binds names")
            inner[binding[0].strip("|")] = _formula(binding[1], names)
        return _formula(rest[1], inner)
    make = _OPERATORS.get(operator)
    if make is None or not rest:
        raise Unreadable(f"there is no operator {operator[:20]!r}")
    args = [_formula(t, names) for t in rest]
    try:
        return make(args)
    except (TypeError, ValueError, IndexError, AttributeError, AssertionError):
        raise Unreadable(f"{operator} does not take that") from None


def _word(word: str, names: Mapping[str, Z]) -> Z:
    if word in ("true", "false"):
        return z3.BoolVal(word == "true")
    if _NUMBER.fullmatch(word):
        return z3.RealVal(Fraction(word)) if "." in word else z3.IntVal(int(word))
    found = names.get(word.strip("|"))
    if found is None:
        raise Unreadable(f"nothing is called {word[:40]!r}")
    return found


def _chain(compare: Callable[[Z, Z], Z]) -> Callable[[list[Z]], Z]:
    return lambda args: z3.And([compare(a, b) for a, b in pairwise(args)])


_OPERATORS: Final[Mapping[str, Callable[[list[Z]], Z]]] = {
    "and": z3.And,
    "or": z3.Or,
    "not": lambda args: z3.Not(*args),
    "=>": lambda args: z3.Implies(*args),
    "ite": lambda args: z3.If(*args),
    "=": _chain(lambda a, b: a == b),
    "distinct": lambda args: z3.Distinct(*args),
    "<": _chain(lambda a, b: a < b),
    "<=": _chain(lambda a, b: a <= b),
    ">": _chain(lambda a, b: a > b),
    ">=": _chain(lambda a, b: a >= b),
    "+": lambda args: reduce(lambda a, b: a + b, args),
    "-": lambda args: -args[0] if len(args) == 1 else reduce(lambda a, b: a - b, args),
    "*": lambda args: reduce(lambda a, b: a * b, args),
    "/": lambda args: args[0] / args[1],
    "to_real": lambda args: z3.ToReal(*args),
    "to_int": lambda args: z3.ToInt(*args),
}
"""Operators that Spacer's invariants are made of."""
