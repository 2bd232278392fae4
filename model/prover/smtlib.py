"""Z3 terms and transition systems as SMT-LIB 2 text that any solver reads.

It is written here because Z3's own printer cannot be used for strangers: it leaves names unquoted, and an empty
conjunction is no SMT-LIB. Names that are added begin with `$`, which no name of a specification does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import z3
from mipcheck.model.prover.spacer import Move, System, Z, is_free, subterms
from mipcheck.model.values.errors import MipcheckError

_OPERATORS: Final = {
    z3.Z3_OP_NOT: "not",
    z3.Z3_OP_AND: "and",
    z3.Z3_OP_OR: "or",
    z3.Z3_OP_XOR: "xor",
    z3.Z3_OP_IMPLIES: "=>",
    z3.Z3_OP_ITE: "ite",
    z3.Z3_OP_EQ: "=",
    z3.Z3_OP_DISTINCT: "distinct",
    z3.Z3_OP_LE: "<=",
    z3.Z3_OP_LT: "<",
    z3.Z3_OP_GE: ">=",
    z3.Z3_OP_GT: ">",
    z3.Z3_OP_ADD: "+",
    z3.Z3_OP_SUB: "-",
    z3.Z3_OP_UMINUS: "-",
    z3.Z3_OP_MUL: "*",
    z3.Z3_OP_DIV: "/",
    z3.Z3_OP_IDIV: "div",
    z3.Z3_OP_MOD: "mod",
    z3.Z3_OP_TO_REAL: "to_real",
    z3.Z3_OP_TO_INT: "to_int",
    z3.Z3_OP_IS_INT: "is_int",
}
_EMPTY: Final = {z3.Z3_OP_AND: "true", z3.Z3_OP_OR: "false"}
_SIMPLE: Final = re.compile(r"[A-Za-z~!$%^&*_+=<>.?/-][A-Za-z0-9~!@$%^&*_+=<>.?/-]*")
_TAKEN: Final = frozenset(
    {"BINARY", "DECIMAL", "HEXADECIMAL", "NUMERAL", "STRING", "_", "!", "as", "let", "exists", "forall", "match", "par"}
    | {"Bool", "Int", "Real", "true", "false", "abs", *_OPERATORS.values()}
)
NEXT: Final = "^"
"""Ends the name of what a slot of the state is afterwards."""


class Unwritten(MipcheckError, ValueError):
    """A term that SMT-LIB's core and arithmetic have no words for."""


def symbol(name: str, tag: str = "") -> str:
    """Return a name as SMT-LIB has it, ending in `tag`, quoted where it must be. Raises Unwritten if it cannot be."""
    name = (name + "." if name in _TAKEN else name) + tag
    if _SIMPLE.fullmatch(name):
        return name
    if "|" in name or "\\" in name:
        raise Unwritten(f"SMT-LIB has no way to write the name {name}")
    return f"|{name}|"


def write(term: Z) -> str:
    """Return a term as text. What occurs more than once in it is named by a `let`, so that text is as short as that.

    Raises Unwritten for quantifiers, and for operators that are neither of the core nor of arithmetic.
    """
    order: list[Z] = []
    uses: dict[int, int] = {}
    stack = [(term, False)]
    while stack:
        t, done = stack.pop()
        if done:
            order.append(t)
            continue
        uses[t.get_id()] = uses.get(t.get_id(), 0) + 1
        if uses[t.get_id()] == 1:
            stack.append((t, True))
            stack += [(c, False) for c in reversed(t.children())]
    texts: dict[int, str] = {}
    named: list[tuple[str, str]] = []
    for t in order:
        text = _node(t, [texts[c.get_id()] for c in t.children()])
        if uses[t.get_id()] > 1 and t.num_args() and t is not order[-1] and len(text) > 20:
            named.append((f"$e{len(named)}", text))
            text = named[-1][0]
        texts[t.get_id()] = text
    lets = "".join(f"(let (({name} {text}))\n" for name, text in named)
    return lets + texts[term.get_id()] + ")" * len(named)


def _node(t: Z, args: list[str]) -> str:
    """Return one node as text, from the texts of its arguments."""
    if not z3.is_app(t):
        raise Unwritten("only terms without quantifiers are written")
    kind = t.decl().kind()
    if kind in (z3.Z3_OP_TRUE, z3.Z3_OP_FALSE):
        return "true" if kind == z3.Z3_OP_TRUE else "false"
    if kind == z3.Z3_OP_ANUM:
        return _number(t)
    if kind == z3.Z3_OP_UNINTERPRETED and not args:
        return symbol(t.decl().name())
    if kind not in _OPERATORS:
        raise Unwritten(f"only terms of the core and of arithmetic are written, not {t.decl().name()}")
    if kind in _EMPTY and len(args) < 2:
        return args[0] if args else _EMPTY[kind]
    return f"({_OPERATORS[kind]} {' '.join(args)})"


def _number(t: Z) -> str:
    if z3.is_int_value(t):
        n = t.as_long()
        return str(n) if n >= 0 else f"(- {-n})"
    if not z3.is_rational_value(t):
        raise Unwritten("only rational numbers are written")
    top, bottom = t.numerator_as_long(), t.denominator_as_long()
    text = f"{abs(top)}.0" if bottom == 1 else f"(/ {abs(top)}.0 {bottom}.0)"
    return text if top >= 0 else f"(- {text})"


def constants(terms: Iterable[Z]) -> dict[str, Z]:
    """Return the uninterpreted constants in some terms, by name. Raises Unwritten where one name has two sorts."""
    found: dict[str, Z] = {}
    for t in subterms(*terms):
        if is_free(t):
            first: Z = found.setdefault(t.decl().name(), t)
            if first.sort() != t.sort():
                raise Unwritten(f"{t.decl().name()} has two sorts")
    return dict(sorted(found.items()))


def declare(names: Iterable[Z]) -> str:
    """Return the declarations of some constants, one a line."""
    return "".join(f"(declare-fun {symbol(c.decl().name())} () {c.sort().name()})\n" for c in names)


def logic(terms: Iterable[Z]) -> str:
    """Return the name of the smallest usual logic without quantifiers that has room for some terms."""
    sorts: set[str] = set()
    linear = True
    for t in subterms(*terms):
        sorts.add(t.sort().name())
        if z3.is_app(t):
            kind, args = t.decl().kind(), t.children()
            if kind == z3.Z3_OP_MUL:
                linear = linear and sum(not _fixed(a) for a in args) < 2
            elif kind in (z3.Z3_OP_DIV, z3.Z3_OP_IDIV, z3.Z3_OP_MOD):
                linear = linear and _fixed(args[1])
    numbers = "I" * ("Int" in sorts) + "R" * ("Real" in sorts)
    return f"QF_{'L' if linear else 'N'}{numbers}A" if numbers else "QF_UF"


def _fixed(t: Z) -> bool:
    """Decide whether a factor is a number."""
    return not constants([t])


# --- a proof by an invariant ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Obligation:
    """A thing that must be impossible: `name` is that of its file, `about` says it in words, `text` is SMT-LIB.

    All solvers have to answer unsat. `part` names the proof that it belongs to, where a property has several.
    """

    name: str
    about: str
    text: str
    part: str = ""


def obligations(system: System, invariant: Z, title: str, part: str = "") -> list[Obligation]:
    """Return what has to be impossible for `invariant` to prove that a bad state of `system` is never reached.

    Each is a text of its own: the state, the invariant, one part of the system, and the question. The first two are the
    same in all of them. `title` says whose proof it is, `part` which of several. Where nothing is bad there is nothing
    to prove, and none. Raises Unwritten.
    """
    return [] if not system.bad else list(_Proof(system, invariant, title, part).all())


class _Proof:
    """The parts that the obligations of one proof share."""

    def __init__(self, system: System, invariant: Z, title: str, part: str) -> None:
        self.system, self.invariant, self.title, self.part = system, invariant, title, part
        self.state = list(system.state.values())
        names = [symbol(c.decl().name()) for c in self.state]
        foreign = sorted(set(constants([invariant])) - set(constants(self.state)))
        if foreign:
            raise Unwritten(f"the invariant speaks of {', '.join(foreign)}, which is no state")
        arguments = " ".join(f"({n} {c.sort().name()})" for n, c in zip(names, self.state, strict=True))
        self.head = f"; -- state\n{declare(self.state)}; -- invariant\n(define-fun $invariant ({arguments}) Bool\n"
        self.head += f"{write(invariant)})\n"
        self.here = f"($invariant {' '.join(names)})"

    def all(self) -> Iterator[Obligation]:
        """Yield the obligations: the first state, every move, everything bad."""
        s = self.system
        yield self._obligation(
            "initiation", "", "The invariant holds at first.", "initial", {"$initial": s.initial}, {},
            f"(assert $initial)\n(assert (not {self.here}))\n",
        )  # fmt: skip
        for n, move in enumerate(s.moves, 1):
            after = {symbol(s.state[slot].decl().name(), NEXT): value for slot, value in move.next.items()}
            yield self._obligation(
                "consecution", f"-{n:03}", f"The invariant is kept by: {move.label}.", f"move {n}",
                {"$guard": move.guard}, after,
                f"(assert {self.here})\n(assert $guard)\n(assert (not {self._there(move)}))\n",
            )  # fmt: skip
        for n, bad in enumerate(s.bad, 1):
            yield self._obligation(
                "safety", f"-{n:03}", f"Where the invariant holds, this never does: bad {n}.", f"bad {n}",
                {"$bad": bad}, {}, f"(assert {self.here})\n(assert $bad)\n",
            )  # fmt: skip

    def _there(self, move: Move) -> str:
        """Return the invariant of the state after a move."""
        names = [symbol(c.decl().name(), NEXT if slot in move.next else "") for slot, c in self.system.state.items()]
        return f"($invariant {' '.join(names)})"

    def _obligation(
        self, kind: str, number: str, about: str, part: str, named: Mapping[str, Z], after: Mapping[str, Z], ask: str
    ) -> Obligation:
        parts: Sequence[Z] = [*named.values(), *after.values()]
        own = [c for n, c in constants(parts).items() if not any(c.eq(s) for s in self.state)]
        lines = [f"; {self.title}\n; {about} Nothing else is asked, so the answer has to be: unsat.\n"]
        lines.append(f"(set-info :status unsat)\n(set-logic {logic([*parts, self.invariant, *self.state])})\n")
        lines.append(f"{self.head}; -- {part}\n{declare(own)}")
        lines += [f"(define-fun {n} () Bool\n{write(t)})\n" for n, t in named.items()]
        lines += [f"(define-fun {n} () {t.sort().name()}\n{write(t)})\n" for n, t in after.items()]
        lines.append(f"; -- question\n{ask}(check-sat)\n")
        return Obligation(f"{kind}{number}", about, "".join(lines), self.part)
