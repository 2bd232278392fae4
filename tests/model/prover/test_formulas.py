"""Formulas that are read back mean what was written, and a stranger's text is at most unreadable."""

from __future__ import annotations

import contextlib

import pytest
import z3
from hypothesis import given
from hypothesis import strategies as st
from mipcheck.model.prover.formulas import Unreadable, names_of, read_formula, write_formula

B, N, T, Q = z3.Bool("met:M1.0"), z3.Int("asked.0"), z3.Real("now"), z3.Bool("inside.0'")
NAMES = names_of({0: B, 1: N, 2: T, 3: Q})
NUMBERS = st.recursive(
    st.sampled_from([N, z3.IntVal(-3), z3.IntVal(0), z3.IntVal(2**40)]),
    lambda inner: (
        st.tuples(inner, inner).map(lambda p: p[0] + p[1]) | inner.map(lambda z: -z) | inner.map(lambda z: 3 * z)
    ),
    max_leaves=4,
)
TIMES = st.recursive(
    st.sampled_from([T, z3.RealVal("1/3"), z3.RealVal("-2.5"), z3.RealVal(60)]),
    lambda inner: st.tuples(inner, inner).map(lambda p: p[0] - p[1]) | NUMBERS.map(z3.ToReal),
    max_leaves=4,
)
FORMULAS = st.recursive(
    st.sampled_from([B, Q, z3.BoolVal(True)])
    | st.tuples(NUMBERS, NUMBERS).map(lambda p: p[0] <= p[1])
    | st.tuples(TIMES, TIMES).map(lambda p: p[0] > p[1])
    | st.tuples(TIMES, TIMES).map(lambda p: p[0] == p[1]),
    lambda inner: (
        inner.map(z3.Not)
        | st.lists(inner, min_size=1, max_size=3).map(z3.And)
        | st.lists(inner, min_size=1, max_size=3).map(z3.Or)
        | st.tuples(inner, inner).map(lambda p: z3.Implies(*p))
        | st.tuples(inner, inner).map(lambda p: z3.And(p[0] == p[1], z3.Or(*p), z3.Or(p[0], z3.Not(p[1]))))
    ),
    max_leaves=12,
)


@pytest.mark.slow
@given(FORMULAS)
def test_what_is_read_back_is_what_was_written(formula: z3.BoolRef) -> None:
    read = read_formula(write_formula(formula), NAMES)
    solver = z3.Solver()
    solver.add(read != formula)
    assert solver.check() == z3.unsat


@pytest.mark.parametrize(
    "text",
    ["", "(", ")", "()", "(and", "now", "(and now)", "nothing", "(exists ((x Int)) true)", "true false", "(not)",
     '(set-option :regular-output-channel "/tmp/x")', "(let ((x)) true)", "(let x true)", "(ite 1 2)", "((and) true)",
     "(" * 100_000, "(not " * 500 + "true" + ")" * 500, "(= (/ 1.0 0.0) now", '"true"', "true\0", "(+ 1 2)"],
)  # fmt: skip
def test_what_is_no_formula_over_the_names_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        read_formula(text, NAMES)


@given(st.text(alphabet="()|; andortnlt=<01.5'\n\"metinside:M", max_size=60))
def test_no_text_does_anything_worse_than_being_unreadable(text: str) -> None:
    with contextlib.suppress(Unreadable):
        assert z3.is_bool(read_formula(text, NAMES))


def test_a_number_that_nobody_writes_is_no_formula() -> None:
    with pytest.raises(Unreadable):
        read_formula(f"(< x {'9' * 5000})", {"x": z3.Int("x")})
