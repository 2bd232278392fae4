"""Transition systems over Z3 terms, their proof by Spacer, and the re-check of the invariant by plain queries."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle
from typing import Any

import z3
from mipcheck.model.prover.limits import TIME_IS_UP, Alarm, Allowance, is_over, limited
from mipcheck.model.prover.logic import atom, conj, for_all, implied, neg

Z = Any
"""A Z3 expression; z3's own types are not checked."""
Happening = tuple[str, int]
"""An event, on an interface by its number. Without a name it is whatever else may happen there."""

_AT_ONCE = 1.0
"""Seconds in which nearly every plain question is decided."""


@dataclass(frozen=True, slots=True)
class Move:
    """From a state in which `guard` holds to one in which the slots of `next` have new values.

    Constants that are no state (keys of an event, the new time) may take any value.
    """

    label: str
    guard: Z
    next: dict[Any, Z]
    event: Happening | None = None
    """What happens, where anything does but that time passes."""


@dataclass(frozen=True)
class System:
    """`bad` says what must never happen, over the state and constants of its own.

    `likely` may well hold in every state: a proof begins with as much of it as does. `ends` are the events of what is
    bad, where it is about events and not about states.
    """

    state: dict[Any, Z]
    initial: Z
    moves: Sequence[Move]
    bad: Sequence[Z]
    likely: Sequence[Z] = ()
    ends: Sequence[Happening | None] = ()

    def terms(self) -> Iterator[Z]:
        """Yield all that it is made of, besides what is likely."""
        yield self.initial
        yield from self.bad
        for move in self.moves:
            yield move.guard
            yield from move.next.values()


def with_likely(system: System, likely: Iterable[Z]) -> System:
    """Return a system of which all that speaks of its state alone is likely, of some formulas."""
    names = {z.decl().name() for z in system.state.values()}
    about = [z for z in likely if {c.decl().name() for c in constants_in([z])} <= names]
    return replace(system, likely=[*system.likely, *about])


@dataclass(frozen=True, slots=True)
class Verdict:
    """`answer` is proved, refuted or unknown; `invariant` a Z3 term over the state where it is proved.

    `way` is what happens in a run that refutes it, of what changes the state that is followed; nothing shorter does.
    """

    answer: str
    invariant: Z = None
    reason: str = ""
    seconds: float = field(default=0.0, compare=False)
    way: tuple[Happening, ...] = field(default=(), compare=False)


def spacer(system: System, timeout: float, kept: Sequence[Z] | None = None) -> Verdict:
    """Ask Spacer whether a bad state can be reached. `timeout` in seconds of the processor (see `limits.py`).

    `proved` is only said after the invariant has passed `recheck`. What is `kept` of what is likely may be known.
    """
    started = time.monotonic()
    kept = lasting(system, timeout) if kept is None else kept
    if kept and not recheck(system, conj(kept), timeout):
        return Verdict("proved", conj(kept), seconds=time.monotonic() - started)
    verdict = _asked(system, kept, timeout)
    if verdict.answer != "proved":
        return replace(verdict, seconds=time.monotonic() - started)
    invariant = conj([*kept, verdict.invariant])
    if failed := recheck(system, invariant, timeout):
        reason = TIME_IS_UP if is_over() else f"the invariant did not pass its re-check: {failed}"
        return Verdict("unknown", reason=reason)
    return Verdict("proved", invariant, seconds=time.monotonic() - started)


def suffices(system: System, kept: Sequence[Z], timeout: float) -> bool:
    """Decide whether what is kept of what is likely excludes all that is bad. Whoever asks has that pass `recheck`, or
    what it is a part of."""
    return bool(kept) and all(impossible(timeout, *kept, b) for b in system.bad)


def _asked(system: System, kept: Sequence[Z], timeout: float) -> Verdict:
    """Return Spacer's answer, given that the states have what is `kept` in all of them.

    It is asked in a context of its own: what was asked before changes neither how long it takes nor what it says.
    """
    own = z3.Context()
    engine = z3.Fixedpoint(ctx=own)
    # Slicing and inlining lose the invariant of a relation that is always true, and crash on an unused argument.
    plain = {f"xform.{name}": False for name in ("slice", "inline_eager", "inline_linear")}
    engine.set(engine="spacer", **plain)
    consts = list(system.state.values())
    reached = z3.Function("reached", *[c.sort() for c in consts], z3.BoolSort())
    bad = z3.Function("bad", z3.BoolSort())
    engine.register_relation(reached.translate(own), bad.translate(own))
    here = conj([atom(reached, consts), *kept])
    clauses = [(reached, consts, system.initial)]
    happens: list[Happening | None] = [None]
    for m in system.moves:
        after = [m.next.get(slot, c) for slot, c in system.state.items()]
        clauses.append((reached, after, z3.And(here, m.guard)))
        happens.append(m.event)
    clauses += [(bad, [], z3.And(here, b)) for b in system.bad]
    happens += system.ends or [None] * len(system.bad)
    for number, (relation, terms, body) in enumerate(clauses):
        engine.rule(_clause(relation, terms, body).translate(own), name=str(number))
    with Alarm(own, timeout) as alarm:
        try:
            answer = engine.query(bad().translate(own))
        except z3.Z3Exception as error:
            return Verdict("unknown", reason=alarm.reason(_said(error)))
    if answer == z3.sat:
        return Verdict("refuted", way=_way(engine, happens))
    if answer != z3.unsat:
        return Verdict("unknown", reason=alarm.reason(engine.reason_unknown()))
    cover = engine.get_cover_delta(-1, reached.translate(own)).translate(z3.main_ctx())
    return Verdict("proved", z3.substitute_vars(cover, *consts))


def _way(engine: Any, happens: Sequence[Happening | None]) -> tuple[Happening, ...]:
    """Return what happens in the run that Spacer has found, of its clauses by their numbers."""
    clauses = [str(name) for name in engine.get_rule_names_along_trace()]  # the last one first
    found = [happens[int(name)] for name in reversed(clauses) if name.isdigit() and int(name) < len(happens)]
    return tuple(h for h in found if h is not None)


def _said(error: z3.Z3Exception) -> str:
    value = error.value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def lasting(system: System, timeout: float) -> list[Z]:
    """Return as much of what is `likely` as holds at first and is kept by every move, all of it together; nothing where
    that takes more than `timeout` in all: it is a guess that may cost more than it saves."""
    allowed = Allowance(timeout)
    read = {c.get_id(): {z.get_id() for z in constants_in([c])} for c in system.likely}
    kept = [c for c in system.likely if impossible(timeout, system.initial, z3.Not(c))]
    unmoved = 0
    for m in cycle(system.moves):
        # One after the other, until all have kept what is left: what one loses, others mostly lose as well.
        while kept and (lost := _lost(system, m, kept, read, timeout)):
            if allowed.is_over:
                return []
            kept = [c for n, c in enumerate(kept) if n not in lost]
            unmoved = 0
        unmoved += 1
        if not kept or unmoved >= len(system.moves):
            break
    return kept


def _lost(system: System, move: Move, kept: list[Z], read: Mapping[int, set[int]], timeout: float) -> set[int]:
    """Return numbers of some that a move may lose, of those that are `kept` before it; all, if that is not decided.

    `read` are the constants of each, by their numbers: to substitute nothing takes as long as to substitute all.
    """
    values = _values(system, move)
    moved = {z.get_id() for z, _ in values}
    after = {n: z3.substitute(c, *values) for n, c in enumerate(kept) if not moved.isdisjoint(read[c.get_id()])}
    changed = [n for n, c in after.items() if not c.eq(kept[n])]
    if not changed:
        return set()
    answer, solver = _answered(timeout, *kept, move.guard, neg(conj([after[n] for n in changed])))
    if answer == z3.unsat:
        return set()
    if answer != z3.sat:
        return set(range(len(kept)))
    model = solver.model()
    return {n for n in changed if z3.is_false(model.eval(after[n], model_completion=True))} or set(changed)


def recheck(system: System, invariant: Z, timeout: float) -> str:
    """Check that an invariant holds at first, is kept by every move, and excludes what is bad.

    That takes separate, plain queries that know nothing of how it was found. Returns what failed, or nothing.
    """
    if not impossible(timeout, system.initial, z3.Not(invariant)):
        return "it does not hold at first"
    for m in system.moves:
        after = z3.substitute(invariant, *_values(system, m))
        if not impossible(timeout, invariant, m.guard, z3.Not(after)):
            return f"{m.label} does not keep it"
    if not all(impossible(timeout, invariant, b) for b in system.bad):
        return "it does not exclude what is bad"
    return ""


def _values(system: System, move: Move) -> list[tuple[Z, Z]]:
    return [(system.state[slot], value) for slot, value in move.next.items()]


def impossible(timeout: float, *formulas: Z) -> bool:
    """Decide whether the formulas cannot all hold; a solver that gives up does not say so."""
    return bool(_answered(timeout, *formulas)[0] == z3.unsat)


def _answered(timeout: float, *formulas: Z) -> tuple[Any, Any]:
    """Return an answer, and the solver that gave it."""
    # The core of the solver decides nearly all at once; what takes it long is for one that prepares formulas first.
    for solver, seconds in ((z3.SimpleSolver(), min(_AT_ONCE, timeout)), (z3.Solver(), timeout)):
        limited(solver, seconds).add(*formulas)
        answer = solver.check()
        if answer != z3.unknown:
            break
    return answer, solver


def _clause(relation: Z, terms: Sequence[Z], body: Z) -> Z:
    """Return that a relation holds of some terms where the body does, whatever their constants are."""
    return for_all(constants_in([*terms, body]), implied(body, atom(relation, terms)))


def subterms(*terms: Z) -> Iterator[Z]:
    """Yield every part of some terms once, themselves included."""
    seen: set[int] = set()
    stack = list(terms)
    while stack:
        t = stack.pop()
        if t.get_id() not in seen:
            seen.add(t.get_id())
            yield t
            stack.extend(t.children())


def constants_in(terms: Iterable[Z]) -> list[Z]:
    """Return the uninterpreted constants in some terms, each once, as `subterms` and `is_free` would find them.

    z3's own functions make an object of each part, which takes most of the time of a proof that is checked again.
    """
    roots = list(terms)  # kept: they own what is looked at
    if not roots:
        return []
    context = roots[0].ctx
    own = context.ref()
    seen: set[int] = set()
    found = []
    stack = [t.as_ast() for t in roots]
    while stack:
        ast = stack.pop()
        number = z3.Z3_get_ast_id(own, ast)
        if number in seen or z3.Z3_get_ast_kind(own, ast) != z3.Z3_APP_AST:
            continue
        seen.add(number)
        app = z3.Z3_to_app(own, ast)
        count = z3.Z3_get_app_num_args(own, app)
        stack += [z3.Z3_get_app_arg(own, app, n) for n in range(count)]
        if not count and z3.Z3_get_decl_kind(own, z3.Z3_get_app_decl(own, app)) == z3.Z3_OP_UNINTERPRETED:
            found.append(z3.ExprRef(ast, context))
    return found


def is_free(t: Z) -> bool:
    """Decide whether a term is an uninterpreted constant."""
    return bool(z3.is_const(t) and t.decl().kind() == z3.Z3_OP_UNINTERPRETED)
