"""Terms and proofs written as SMT-LIB mean what they meant, and are SMT-LIB: another parser reads them."""

from __future__ import annotations

import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st
from mipcheck.model.prover.smtlib import Unwritten, constants, declare, logic, obligations, symbol, write
from mipcheck.model.prover.spacer import Move, System, Z

a, b = z3.Bool("a'"), z3.Bool("let")
x, y = z3.Int("x.0"), z3.Int("div")
r, s = z3.Real("now"), z3.Real("0 of it")


def booleans() -> st.SearchStrategy[Z]:
    leaves = st.sampled_from(
        [a, b, z3.BoolVal(True), z3.BoolVal(False), z3.And([]), z3.Or([]), z3.And([a]), z3.Or([b])]
    )
    ints = st.sampled_from([x, y, z3.IntVal(-3), z3.IntVal(2**40), x + y, -x, x - 2 * y, z3.If(a, x, y), x % 3, y / 7])
    reals = st.sampled_from([r, s, z3.RealVal("-1/3"), z3.RealVal(60), r - s, z3.ToReal(x), r * 2, r / 4])
    compare = [lambda p, q: p <= q, lambda p, q: p < q, lambda p, q: p == q, lambda p, q: p != q, lambda p, q: p >= q]
    atoms = st.one_of(
        st.builds(lambda f, p, q: f(p, q), st.sampled_from(compare), ints, ints),
        st.builds(lambda f, p, q: f(p, q), st.sampled_from(compare), reals, reals),
    )
    return st.recursive(
        leaves | atoms,
        lambda sub: st.one_of(
            st.builds(z3.And, sub, sub, sub),
            st.builds(z3.Or, sub, sub),
            st.builds(z3.Not, sub),
            st.builds(z3.Implies, sub, sub),
            st.builds(z3.If, sub, sub, sub),
            st.builds(z3.Xor, sub, sub),
            st.builds(lambda p, q: z3.And(z3.Or(p, q), z3.Not(z3.Or(p, q)), p), sub, sub),
        ),
        max_leaves=12,
    )


def read(term: Z) -> Z:
    """Return a term that was written, as Z3 reads it."""
    names = declare(constants([term]).values())
    (parsed,) = z3.parse_smt2_string(f"(set-logic {logic([term])})\n{names}(assert\n{write(term)})\n")
    # `let` and `div` are other names in SMT-LIB, so that they have to be given back theirs.
    return z3.substitute(parsed, (z3.Bool("let."), b), (z3.Int("div."), y))


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(booleans())
def test_a_term_means_what_it_meant(term: Z) -> None:
    solver = z3.Solver()
    solver.add(read(term) != term)
    assert solver.check() == z3.unsat


def test_what_occurs_often_is_written_once() -> None:
    term = z3.And(x > 0, r < s)
    for _ in range(60):  # a tree of 2 to the power of 60 parts
        term = z3.Or(z3.And(term, a), z3.Not(term))
    assert len(write(term)) < 10_000


@pytest.mark.parametrize(
    ("name", "text"), [("x.0", "x.0"), ("x'", "|x'|"), ("and", "and."), ("1", "|1|"), ("rrq/flags/D", "rrq/flags/D")]
)
def test_names(name: str, text: str) -> None:
    assert symbol(name) == text


@pytest.mark.parametrize(
    "term",
    [z3.Bool("|"), z3.ForAll([x], x > 0), z3.Function("f", z3.IntSort(), z3.BoolSort())(x), z3.Real("q") == z3.Sqrt(r)],
)
def test_what_cannot_be_written_is_refused(term: Z) -> None:
    with pytest.raises(Unwritten):
        write(term)


def test_one_name_of_two_sorts_is_refused() -> None:
    """Strangers would read it as one thing, or not at all."""
    with pytest.raises(Unwritten):
        constants([z3.Int("k") > 0, z3.Real("k") > 0])


def test_logics() -> None:
    n = z3.Int("n")
    cases = {
        "QF_UF": a,
        "QF_LIA": x + 2 * y > 0,
        "QF_LRA": r / 2 > s,
        "QF_LIRA": z3.And(r > 0, x > 0),
        "QF_NIA": x * n > 0,
    }
    assert {name: logic([term]) for name, term in cases.items()} == {name: name for name in cases}


def test_an_invariant_about_something_else_is_refused() -> None:
    system = System({"x": x}, x == 0, [Move("up", a, {"x": x + 1})], [x < 0])
    with pytest.raises(Unwritten):
        obligations(system, r > 0, "t")


def test_where_nothing_is_bad_nothing_has_to_be_proved() -> None:
    """A role without obligations: its time goes on whatever happens, and a folder without a question is no proof."""
    assert obligations(System({"x": x}, x == 0, [Move("up", a, {"x": x + 1})], []), x >= 0, "t") == []
