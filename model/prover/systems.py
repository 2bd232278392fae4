"""A transition system in the languages of other provers: constrained Horn clauses (SMT-LIB's HORN), and VMT.

Horn clauses are for Spacer, Eldarica, Golem and their like: satisfiable means that nothing bad is ever reached. VMT is
for ic3ia, nuXmv and theirs: SMT-LIB with notes that say what the state is, its first values, its steps and what holds.
"""

from __future__ import annotations

from collections.abc import Iterator

from mipcheck.model.prover.smtlib import NEXT, constants, declare, symbol, write
from mipcheck.model.prover.spacer import System, Z


def horn(system: System, title: str) -> str:
    """Return the system as Horn clauses, which can be satisfied just if no bad state is reached. Raises Unwritten."""
    state = list(system.state.values())
    sorts = " ".join(c.sort().name() for c in state)
    here = f"($reached {' '.join(_name(c) for c in state)})"
    lines = [f"; {title}\n; Satisfiable if what is bad is never reached.\n(set-logic HORN)\n"]
    lines.append(f"(declare-fun $reached ({sorts}) Bool)\n")
    lines.append(f"; the first states\n{_clause(system, [system.initial], [], here)}")
    for move in system.moves:
        after = [(symbol(c.decl().name(), NEXT), c, move.next[slot]) for slot, c in system.state.items()
                 if slot in move.next]  # fmt: skip
        there = " ".join(_name(c, NEXT if slot in move.next else "") for slot, c in system.state.items())
        equal = [f"(= {name} {write(value)})" for name, _, value in after]
        lines.append(f"; {move.label}\n")
        lines.append(_clause(system, [move.guard, *(v for _, _, v in after)], [here, write(move.guard), *equal],
                             f"($reached {there})", [(n, c.sort().name()) for n, c, _ in after]))  # fmt: skip
    for bad in system.bad:
        lines.append(f"; what is bad\n{_clause(system, [bad], [here, write(bad)], 'false')}")
    return "".join([*lines, "(check-sat)\n"])


def _clause(
    system: System, terms: list[Z], body: list[str], head: str, more: list[tuple[str, str]] | None = None
) -> str:
    """Return one clause over the state, the constants in `terms`, and `more` names with their sorts.

    Without a `body` the terms are the body.
    """
    free = {c.decl().name(): c for c in system.state.values()} | constants(terms)
    names = [f"({symbol(n)} {c.sort().name()})" for n, c in free.items()] + [f"({n} {s})" for n, s in more or ()]
    parts = body or [write(t) for t in terms]
    condition = parts[0] if len(parts) == 1 else "(and\n " + "\n ".join(parts) + ")"
    return f"(assert (forall ({' '.join(names)})\n (=> {condition}\n {head})))\n"


def vmt(system: System, title: str) -> str:
    """Return the system as VMT: state, first states, one relation for all steps, and that nothing bad holds.

    A bad event is a bad step: what is bad may speak of keys of an event, which are inputs. Raises Unwritten.
    """
    state = list(system.state.values())
    terms = [t for m in system.moves for t in (m.guard, *m.next.values())] + list(system.bad)
    inputs = [c for c in constants(terms).values() if not any(c.eq(s) for s in state)]
    lines = [f"; {title}\n; -- state\n{declare(state)}"]
    lines += [f"(declare-fun {_name(c, NEXT)} () {c.sort().name()})\n" for c in state]
    lines += [f"(define-fun $state{n} () {c.sort().name()} (! {_name(c)} :next {_name(c, NEXT)}))\n"
              for n, c in enumerate(state)]  # fmt: skip
    lines.append(f"; -- what the environment chooses\n{declare(inputs)}")
    lines.append(
        "; -- whether something bad has happened\n(declare-fun $broken () Bool)\n(declare-fun $broken^ () Bool)\n"
    )
    lines.append("(define-fun $stateb () Bool (! $broken :next $broken^))\n")
    lines.append(
        f"; -- first states\n(define-fun $init () Bool (! (and (not $broken) {write(system.initial)}) :init true))\n"
    )
    steps = []
    for n, (about, step) in enumerate(_steps(system), 1):
        lines.append(f"; -- step {n}: {about}\n(define-fun $step{n} () Bool\n{step})\n")
        steps.append(f"$step{n}")
    lines.append(f"(define-fun $trans () Bool (! (or {' '.join(steps)} false) :trans true))\n")
    lines.append("(define-fun $holds () Bool (! (not $broken) :invar-property 0))\n")
    return "".join(lines)


def _steps(system: System) -> Iterator[tuple[str, str]]:
    """Yield what a step is and its relation: each move, which leaves all else as it is, and each bad thing, after which
    the state no longer matters."""
    for move in system.moves:
        parts = [write(move.guard), "(= $broken^ $broken)"]
        parts += [f"(= {_name(c, NEXT)} {write(move.next.get(slot, c))})" for slot, c in system.state.items()]
        yield move.label, "(and\n " + "\n ".join(parts) + ")"
    for bad in system.bad:
        yield "what is bad", f"(and $broken^ {write(bad)})"


def _name(c: Z, tag: str = "") -> str:
    return symbol(c.decl().name(), tag)
