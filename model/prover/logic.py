"""And, or, not: of Z3 terms, made without what z3's own functions do for arguments of any kind, which takes most of the
time that a specification takes to become a formula.

Truth values and numbers of Python count as terms, too: what consists of nothing else stays one of them. So does
UNKNOWN, beside nothing but these: logic with it is three-valued, as the checker's is.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import z3
from mipcheck.model.prover.symbols import integer, truth

_Z = Any


class Unknown:
    """A value of which nothing is known: what is worked out from it, or compared with it, is not known either."""

    def _itself(self, *_: object) -> Unknown:
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __neg__ = __truediv__ = __floordiv__ = __mod__ = (
        _itself
    )
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = _itself  # type: ignore[assignment]
    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        raise TypeError("what is unknown is neither true nor false")


UNKNOWN = Unknown()


def conj(parts: Sequence[_Z]) -> _Z:
    """Return that all of some boolean terms hold, none of which means true."""
    for p in parts:
        if p is True or p is False or p is UNKNOWN:
            return _without(parts, True)
    if len(parts) < 2:
        return parts[0] if parts else z3.BoolVal(True)
    own = parts[0].ctx
    return z3.BoolRef(z3.Z3_mk_and(own.ref(), len(parts), _array(parts)), own)


def disj(parts: Sequence[_Z]) -> _Z:
    """Return that one of some boolean terms holds, none of which means false."""
    for p in parts:
        if p is True or p is False or p is UNKNOWN:
            return _without(parts, False)
    if len(parts) < 2:
        return parts[0] if parts else z3.BoolVal(False)
    own = parts[0].ctx
    return z3.BoolRef(z3.Z3_mk_or(own.ref(), len(parts), _array(parts)), own)


def _without(parts: Sequence[_Z], idle: bool) -> _Z:
    """Return what `conj` (`idle` is true) or `disj` returns of parts, some of which are truth values of Python."""
    left, unknown = [], False
    for p in parts:
        if p is (not idle):
            return not idle
        if p is UNKNOWN:
            unknown = True
        elif p is not idle:
            left.append(p)
    if unknown:
        return UNKNOWN
    return idle if not left else conj(left) if idle else disj(left)


def neg(part: _Z) -> _Z:
    """Return that a boolean term does not hold."""
    if part is True or part is False:
        return not part
    if part is UNKNOWN:
        return part
    return z3.BoolRef(z3.Z3_mk_not(part.ctx.ref(), part.as_ast()), part.ctx)


def implied(condition: _Z, then: _Z) -> _Z:
    """Return that one boolean term holds where another does."""
    if condition is True or condition is False:
        return then if condition else True
    if condition is UNKNOWN:
        return True if then is True else condition
    if then is True:
        return True
    if not isinstance(then, z3.ExprRef):
        return z3.Implies(condition, then)
    own = condition.ctx
    return z3.BoolRef(z3.Z3_mk_implies(own.ref(), condition.as_ast(), then.as_ast()), own)


def either(condition: _Z, then: _Z, otherwise: _Z) -> _Z:
    """Return one term where a condition holds, and else another."""
    if condition is True or condition is False:
        return then if condition else otherwise
    if condition is UNKNOWN:
        return then if then is otherwise or (then == otherwise) is True else condition
    then, otherwise = _alike(then, otherwise)
    if isinstance(then, z3.ExprRef) and isinstance(otherwise, z3.ExprRef):
        own = condition.ctx
        made = z3.Z3_mk_ite(own.ref(), condition.as_ast(), then.as_ast(), otherwise.as_ast())
        return z3.BoolRef(made, own) if isinstance(then, z3.BoolRef) else z3.ArithRef(made, own)
    return z3.If(condition, then, otherwise)


def _differ(context: Any, left: _Z, right: _Z) -> Any:
    return z3.Z3_mk_distinct(context, 2, (z3.Ast * 2)(left, right))


_COMPARED: Mapping[str, tuple[Callable[[_Z, _Z], _Z], Callable[..., Any]]] = {
    "!=": (operator.ne, _differ),
    "=": (operator.eq, z3.Z3_mk_eq),
    "<": (operator.lt, z3.Z3_mk_lt),
    "<=": (operator.le, z3.Z3_mk_le),
    ">": (operator.gt, z3.Z3_mk_gt),
    ">=": (operator.ge, z3.Z3_mk_ge),
}


def compared(op: str, left: _Z, right: _Z) -> _Z:
    """Return that two terms of one sort, or numbers of Python, compare as `=`, `!=`, `<` … says."""
    by_hand, made = _COMPARED[op]
    left, right = _alike(left, right)
    if isinstance(left, z3.ExprRef) and isinstance(right, z3.ExprRef):
        return z3.BoolRef(made(left.ctx.ref(), left.as_ast(), right.as_ast()), left.ctx)
    return by_hand(left, right)


def _alike(left: _Z, right: _Z) -> tuple[_Z, _Z]:
    """Return two values as terms of Z3 where one is such: z3's own functions take five times as long for that."""
    if isinstance(left, z3.ExprRef):
        return (left, right) if isinstance(right, z3.ExprRef) else (left, _as(right, left))
    return (_as(left, right), right) if isinstance(right, z3.ExprRef) else (left, right)


def _as(value: _Z, other: _Z) -> _Z:
    """Return a number or truth value of Python as a term of the sort of another one, where that is the usual one."""
    if isinstance(value, bool):
        return truth(value)
    if not isinstance(value, int):
        return value
    own = other.ctx.ref()
    is_int = z3.Z3_get_sort_kind(own, z3.Z3_get_sort(own, other.as_ast())) == z3.Z3_INT_SORT
    return integer(value) if is_int else value


def total(left: _Z, right: _Z) -> _Z:
    """Return the sum of two terms of one sort, or numbers of Python."""
    left, right = _alike(left, right)
    if not (isinstance(left, z3.ExprRef) and isinstance(right, z3.ExprRef)):
        return left + right
    return z3.ArithRef(z3.Z3_mk_add(left.ctx.ref(), 2, _array((left, right))), left.ctx)


def difference(left: _Z, right: _Z) -> _Z:
    """Return the difference of two terms of one sort, or numbers of Python."""
    left, right = _alike(left, right)
    if not (isinstance(left, z3.ExprRef) and isinstance(right, z3.ExprRef)):
        return left - right
    return z3.ArithRef(z3.Z3_mk_sub(left.ctx.ref(), 2, _array((left, right))), left.ctx)


def atom(relation: _Z, arguments: Sequence[_Z]) -> _Z:
    """Return that a relation holds of some terms, which are of its sorts."""
    own = relation.ctx
    return z3.BoolRef(z3.Z3_mk_app(own.ref(), relation.ast, len(arguments), _array(arguments)), own)


def for_all(constants: Sequence[_Z], term: _Z) -> _Z:
    """Return that a boolean term holds whatever some constants are."""
    if not constants:
        return term
    own = term.ctx
    made = z3.Z3_mk_forall_const(own.ref(), 1, len(constants), _array(constants), 0, (z3.Pattern * 0)(), term.as_ast())
    return z3.QuantifierRef(made, own)


def is_true(term: _Z) -> bool:
    """Decide whether a boolean term holds whatever its constants are, as far as writing it shorter shows."""
    return term is True if isinstance(term, bool | Unknown) else bool(z3.is_true(z3.simplify(term)))


def _array(parts: Sequence[_Z]) -> Any:
    return (z3.Ast * len(parts))(*[p.as_ast() for p in parts])


def conjuncts(formula: _Z, denied: bool = False) -> Iterator[_Z]:
    """Yield what has to hold for a formula to hold, or not to hold."""
    if z3.is_not(formula):
        yield from conjuncts(formula.arg(0), not denied)
    elif z3.is_or(formula) if denied else z3.is_and(formula):
        for part in formula.children():
            yield from conjuncts(part, denied)
    else:
        yield z3.Not(formula) if denied else formula
