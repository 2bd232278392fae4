"""Values of a trace made ordinary where any would do: round times, early ones, and keys that mean nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import z3
from mipcheck.model.prover.limits import Allowance
from mipcheck.model.prover.spacer import Z
from mipcheck.model.prover.symbolic import Action, Keys, World
from mipcheck.model.prover.witness import ELSEWHERE
from mipcheck.model.specification.spec import Key

MS: Final = 10**6
"""A millisecond in ns."""
_EFFORT: Final = 8_000_000
"""Z3's own measure of work (`rlimit`) for one wish: two or three seconds of a processor. A limit in seconds would let a
busy machine give up wishes that an idle one fulfils, and tell another trace."""
_ENDLESS: Final = 2**32 - 1
"""Milliseconds that Z3 takes for no limit."""


@dataclass(frozen=True, slots=True)
class _Early:
    """The wish that a step comes as soon after another as it can."""

    now: Z
    after: Z


Stepped = tuple[Action, Keys, Z]
"""What is known to happen, its keys and its time."""


def tidied(world: World, steps: Sequence[Stepped], solver: Any, model: Any, allowed: Allowance) -> Any:
    """Return a model of a solver in which whatever does not matter has its most ordinary value, as far as that is found
    with what is `allowed`. The solver is asked about these steps alone, and is not used again."""
    solver.set(timeout=_ENDLESS, rlimit=_EFFORT)
    for wish in _wishes(world, steps):
        if allowed.is_over:
            break
        if isinstance(wish, _Early):
            model = _earliest(wish, solver, model)
            solver.add(wish.now == model.eval(wish.now, model_completion=True))
        elif z3.is_true(model.eval(wish, model_completion=True)):
            solver.add(wish)
        elif (found := _modelled(solver, wish)) is not None:
            model = found
            solver.add(wish)
    return model


def _wishes(world: World, steps: Sequence[Stepped]) -> Iterator[Z | _Early]:
    """Yield what would be ordinary, step by step: a round time, else an early one, then the event's keys."""
    before = z3.IntVal(0)
    tick = world.time(100 * MS)
    for k, (action, values, now) in enumerate(steps):
        yield now == (before + tick if k else z3.IntVal(0))
        yield _Early(now, before)
        before = now
        for key in sorted(world.spec.events[action.event].keys, key=lambda key: key.type.is_set):
            yield from _ordinary(key, values[key.name], k)


def _earliest(wish: _Early, solver: Any, model: Any) -> Any:
    """Return a model in which a step comes as early as what the solver has been told lets it."""
    low = model.eval(wish.after, model_completion=True).as_long() - 1
    high = model.eval(wish.now, model_completion=True).as_long()
    while high - low > 1:
        middle = (low + high) // 2
        if (found := _modelled(solver, wish.now <= middle)) is None:
            low = middle
        else:
            model = found
            high = model.eval(wish.now, model_completion=True).as_long()
    return model


def _modelled(solver: Any, wish: Z) -> Any:
    """Return a model in which a wish is fulfilled, None if none was found."""
    solver.push()
    solver.add(wish)
    found = solver.model() if solver.check() == z3.sat else None
    solver.pop()
    return found


def _ordinary(key: Key, z: Any, k: int) -> Iterator[Z]:
    """Yield that a key has its most ordinary value; several wishes, of which an earlier one comes first."""
    if key.type.is_set:
        for member in z.values():
            yield z3.Not(member)
    elif key.type.is_enum:
        yield z == 0
    elif key.type.name == "bool":
        yield z3.Not(z)
    elif key.type.name == "id":
        yield z == 0x1001 + k
    elif key.type.name == "int":
        yield z == 60
        yield z == 0
    elif key.type.name == "address":
        yield z == ELSEWHERE
