"""And, or, not: of Z3 terms, made without what z3's own functions do for arguments of any kind, which takes most of the
time that a specification takes to become a formula.

Truth values and numbers of Python count as terms, too: what consists of nothing else stays one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import z3

_Z = Any


def conj(parts: Sequence[_Z]) -> _Z:
    """Return that all of some boolean terms hold, none of which means true."""
    for p in parts:
        if p is True or p is False:
            return _without(parts, True)
    if len(parts) < 2:
        return parts[0] if parts else z3.BoolVal(True)
    own = parts[0].ctx
    return z3.BoolRef(z3.Z3_mk_and(own.ref(), len(parts), _array(parts)), own)


def disj(parts: Sequence[_Z]) -> _Z:
    """Return that one of some boolean terms holds, none of which means false."""
    for p in parts:
        if p is True or p is False:
            return _without(parts, False)
    if len(parts) < 2:
        return parts[0] if parts else z3.BoolVal(False)
    own = parts[0].ctx
    return z3.BoolRef(z3.Z3_mk_or(own.ref(), len(parts), _array(parts)), own)


def _without(parts: Sequence[_Z], idle: bool) -> _Z:
    """Return what `conj` (`idle` is true) or `disj` returns of parts, some of which are truth values of Python."""
    left = []
    for p in parts:
        if p is (not idle):
            return not idle
        if p is not idle:
            left.append(p)
    return idle if not left else conj(left) if idle else disj(left)


def neg(part: _Z) -> _Z:
    """Return that a boolean term does not hold."""
    if part is True or part is False:
        return not part
    return z3.BoolRef(z3.Z3_mk_not(part.ctx.ref(), part.as_ast()), part.ctx)


def implied(condition: _Z, then: _Z) -> _Z:
    """Return that one boolean term holds where another does."""
    if condition is True or condition is False:
        return then if condition else True
    return True if then is True else z3.Implies(condition, then)


def either(condition: _Z, then: _Z, otherwise: _Z) -> _Z:
    """Return one term where a condition holds, and else another."""
    if condition is True or condition is False:
        return then if condition else otherwise
    return z3.If(condition, then, otherwise)


def is_true(term: _Z) -> bool:
    """Decide whether a boolean term holds whatever its constants are, as far as writing it shorter shows."""
    return term if isinstance(term, bool) else bool(z3.is_true(z3.simplify(term)))


def _array(parts: Sequence[_Z]) -> Any:
    return (z3.Ast * len(parts))(*[p.as_ast() for p in parts])
