"""Transition systems over Z3 terms, their proof by Spacer, and the re-check of the invariant by plain queries."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import z3

Z = Any
"""A Z3 expression; z3's own types are not checked."""


@dataclass(frozen=True, slots=True)
class Move:
    """From a state in which `guard` holds to one in which the slots of `next` have new values.

    Constants that are no state (keys of an event, the new time) may take any value.
    """

    label: str
    guard: Z
    next: dict[Any, Z]


@dataclass(frozen=True)
class System:
    """`bad` says what must never happen, over the state and constants of its own."""

    state: dict[Any, Z]
    initial: Z
    moves: Sequence[Move]
    bad: Sequence[Z]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`answer` is proved, refuted or unknown; `invariant` a Z3 term over the state where it is proved."""

    answer: str
    invariant: Z = None
    reason: str = ""
    seconds: float = field(default=0.0, compare=False)


def spacer(system: System, timeout: float) -> Verdict:
    """Ask Spacer whether a bad state can be reached. `timeout` in seconds.

    `proved` is only said after the invariant has passed `recheck`.
    """
    started = time.monotonic()
    engine = z3.Fixedpoint()
    engine.set(engine="spacer", timeout=max(1, int(timeout * 1000)))
    consts = list(system.state.values())
    reached = z3.Function("reached", *[c.sort() for c in consts], z3.BoolSort())
    bad = z3.Function("bad", z3.BoolSort())
    engine.register_relation(reached, bad)
    here = reached(*consts)
    _rule(engine, here, system.initial)
    for m in system.moves:
        after = reached(*[m.next.get(slot, c) for slot, c in system.state.items()])
        _rule(engine, after, z3.And(here, m.guard))
    for b in system.bad:
        _rule(engine, bad(), z3.And(here, b))
    try:
        answer = engine.query(bad)
    except z3.Z3Exception as error:
        said = error.value.decode() if isinstance(error.value, bytes) else str(error)
        return Verdict("unknown", reason=said, seconds=time.monotonic() - started)
    if answer == z3.sat:
        return Verdict("refuted", seconds=time.monotonic() - started)
    if answer != z3.unsat:
        return Verdict("unknown", reason=engine.reason_unknown(), seconds=time.monotonic() - started)
    cover = engine.get_cover_delta(-1, reached)
    invariant = z3.substitute_vars(cover, *consts)
    failed = recheck(system, invariant, timeout)
    if failed:
        return Verdict("unknown", reason=f"the invariant did not pass its re-check: {failed}")
    return Verdict("proved", invariant, seconds=time.monotonic() - started)


def recheck(system: System, invariant: Z, timeout: float) -> str:
    """Check that an invariant holds at first, is kept by every move, and excludes what is bad.

    That takes separate, plain queries that know nothing of how it was found. Returns what failed, or nothing.
    """

    def impossible(*formulas: Z) -> bool:
        """Decide whether the formulas cannot all hold; a solver that gives up does not say so."""
        solver = z3.Solver()
        solver.set("timeout", max(1, int(timeout * 1000)))
        solver.add(*formulas)
        return bool(solver.check() == z3.unsat)

    if not impossible(system.initial, z3.Not(invariant)):
        return "it does not hold at first"
    for m in system.moves:
        after = z3.substitute(invariant, *[(system.state[slot], value) for slot, value in m.next.items()])
        if not impossible(invariant, m.guard, z3.Not(after)):
            return f"{m.label} does not keep it"
    if not all(impossible(invariant, b) for b in system.bad):
        return "it does not exclude what is bad"
    return ""


def _rule(engine: Any, head: Z, body: Z) -> None:
    free = _constants(head, body)
    clause = z3.Implies(body, head)
    engine.rule(z3.ForAll(free, clause) if free else clause)


def _constants(*terms: Z) -> list[Z]:
    """Return the uninterpreted constants in some terms."""
    found: dict[int, Z] = {}
    seen: set[int] = set()
    stack = list(terms)
    while stack:
        t = stack.pop()
        if t.get_id() in seen:
            continue
        seen.add(t.get_id())
        if z3.is_const(t) and t.decl().kind() == z3.Z3_OP_UNINTERPRETED and t.decl().name() != "bad":
            found[t.get_id()] = t
        stack.extend(t.children())
    return list(found.values())
