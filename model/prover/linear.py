"""Linear formulas over parameters in the words of the specification language: `t_stop <= 60 s`."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import lcm
from typing import Any, Final

import z3
from mipcheck.model.specification.term import DENIED, FLIPPED
from mipcheck.model.values.errors import MipcheckError
from mipcheck.model.values.types import show_duration

Z = Any


class Unsaid(MipcheckError, ValueError):
    """A formula that the language has no words for."""


_COMPARED: Final = {z3.Z3_OP_LE: "<=", z3.Z3_OP_LT: "<", z3.Z3_OP_GE: ">=", z3.Z3_OP_GT: ">", z3.Z3_OP_EQ: "="}


def formula_text(formula: Z, is_time: Callable[[str], bool]) -> str:
    """Return a formula in words; `is_time` says which names are times, in seconds. Raises Unsaid."""
    return _text(formula, is_time, 0)


def _text(t: Z, is_time: Callable[[str], bool], strength: int, denied: bool = False) -> str:
    if z3.is_not(t):
        return _text(t.arg(0), is_time, strength, not denied)
    if z3.is_true(t) or z3.is_false(t):
        return "true" if z3.is_true(t) != denied else "false"
    if z3.is_and(t) or z3.is_or(t):
        word, own = ("and", 2) if z3.is_and(t) != denied else ("or", 1)
        parts = [_text(c, is_time, own, denied) for c in t.children()]
        text = f" {word} ".join(dict.fromkeys(parts))
        return f"({text})" if own < strength and len(parts) > 1 else text
    if z3.is_const(t) and t.sort() == z3.BoolSort():
        return f"not {t}" if denied else str(t)
    kind = t.decl().kind()
    if kind not in _COMPARED or t.arg(0).sort() == z3.BoolSort():
        raise Unsaid(str(t))
    word = DENIED[_COMPARED[kind]] if denied else _COMPARED[kind]
    return _comparison(t, word, is_time)


def _comparison(t: Z, word: str, is_time: Callable[[str], bool]) -> str:
    weights, number = linear(t.arg(0))
    others, constant = linear(t.arg(1))
    for name, weight in others.items():
        weights[name] = weights.get(name, Fraction(0)) - weight
    weights = {n: w for n, w in weights.items() if w}
    number = constant - number
    scale = lcm(*(w.denominator for w in weights.values())) if weights else 1
    if all(w < 0 for w in weights.values()):
        scale, word = -scale, FLIPPED[word]
    weights, number = {n: w * scale for n, w in weights.items()}, number * scale
    timed = any(is_time(n) for n in weights)
    left = [_weighted(n, w) for n, w in weights.items() if w > 0]
    right = [_weighted(n, -w) for n, w in weights.items() if w < 0]
    if number > 0 or (not number and not right):
        right.append(_number(number, timed))
    elif number < 0:
        left.append(_number(-number, timed))
    return f"{' + '.join(left) or '0'} {word} {' + '.join(right)}"


def _weighted(name: str, weight: Fraction) -> str:
    return name if weight == 1 else f"{weight} * {name}"


def _number(number: Fraction, timed: bool) -> str:
    if not timed:
        return str(number)
    ns = number * 10**9
    if ns.denominator != 1:
        return f"{ns.numerator} ns / {ns.denominator}"
    word = show_duration(int(ns))
    digits = word.rstrip("nusmh")
    return f"{digits} {word[len(digits) :]}" if ns else "0 s"


def number_of(t: Z) -> Fraction | None:
    """Return the number that a term is; None for any other term."""
    if z3.is_int_value(t):
        return Fraction(t.as_long())
    return Fraction(t.as_fraction()) if z3.is_rational_value(t) else None


def linear(t: Z) -> tuple[dict[str, Fraction], Fraction]:
    """Return the weights of the names in a linear term, and its constant. Raises Unsaid."""
    if (number := number_of(t)) is not None:
        return {}, number
    if z3.is_const(t):
        return {t.decl().name(): Fraction(1)}, Fraction(0)
    kind, parts = t.decl().kind(), [linear(c) for c in t.children()]
    if kind in (z3.Z3_OP_TO_REAL, z3.Z3_OP_UMINUS):
        return _times(parts[0], Fraction(1 if kind == z3.Z3_OP_TO_REAL else -1))
    if kind in (z3.Z3_OP_ADD, z3.Z3_OP_SUB):
        total = parts[0]
        for part in parts[1:]:
            more = _times(part, Fraction(1 if kind == z3.Z3_OP_ADD else -1))
            names = dict.fromkeys((*total[0], *more[0]))
            total = {n: total[0].get(n, Fraction(0)) + more[0].get(n, Fraction(0)) for n in names}, total[1] + more[1]
        return total
    if kind == z3.Z3_OP_MUL:
        result = parts[0]
        for part in parts[1:]:
            if result[0] and part[0]:
                raise Unsaid(str(t))
            result = _times(result, part[1]) if not part[0] else _times(part, result[1])
        return result
    raise Unsaid(str(t))


def _times(t: tuple[dict[str, Fraction], Fraction], factor: Fraction) -> tuple[dict[str, Fraction], Fraction]:
    return {n: w * factor for n, w in t[0].items()}, t[1] * factor
