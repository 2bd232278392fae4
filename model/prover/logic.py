"""And, or, not: of Z3 terms, made without what z3's own functions do for arguments of any kind, which takes most of the
time that a specification takes to become a formula."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import z3

_Z = Any


def conj(parts: Sequence[_Z]) -> _Z:
    """Return that all of some boolean terms hold, none of which means true."""
    if len(parts) < 2:
        return parts[0] if parts else z3.BoolVal(True)
    own = parts[0].ctx
    return z3.BoolRef(z3.Z3_mk_and(own.ref(), len(parts), _array(parts)), own)


def disj(parts: Sequence[_Z]) -> _Z:
    """Return that one of some boolean terms holds, none of which means false."""
    if len(parts) < 2:
        return parts[0] if parts else z3.BoolVal(False)
    own = parts[0].ctx
    return z3.BoolRef(z3.Z3_mk_or(own.ref(), len(parts), _array(parts)), own)


def neg(part: _Z) -> _Z:
    """Return that a boolean term does not hold."""
    return z3.BoolRef(z3.Z3_mk_not(part.ctx.ref(), part.as_ast()), part.ctx)


def _array(parts: Sequence[_Z]) -> Any:
    return (z3.Ast * len(parts))(*[p.as_ast() for p in parts])
