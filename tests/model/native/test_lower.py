"""Lowered code does what Python does with the same text, up to 64 bits."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mipcheck.model.native.compiled import compiled
from mipcheck.model.native.errors import NativeError
from mipcheck.model.native.lower import assembly
from mipcheck.model.native.record import Record, array
from mipcheck.model.native.unit import Unit
from mipcheck.model.values import cache as keep

from making.plain_records import contents, plain

np = pytest.importorskip("numpy")
pytest.importorskip("llvmlite")

LEAST, MOST = -(2**63), 2**63 - 1
CONSTANTS = {"U": LEAST, "MOST": MOST, "SEVEN": 7, "TWO": 2}


class Four(Record):
    A = array("int64", 4)


whole = st.integers(LEAST, MOST) | st.integers(-70, 70) | st.sampled_from([LEAST, LEAST + 1, MOST, MOST - 1, 2**32])
small = st.integers(-20, 20)


@pytest.fixture(autouse=True, scope="module")
def nothing_kept() -> Any:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(keep.OFF, "off")
        yield


def wrapped(value: int) -> int:
    return (int(value) - LEAST) % 2**64 + LEAST


ENTRY = "def start(s):\n    return f(s.A)\n"
"""Calls what is tried with the record's one array."""


def native(text: str) -> Callable[[Any], int]:
    """Return what runs the function f of a text in native code, on an array of four numbers."""
    call = compiled(Unit("start", Four, (textwrap.dedent(text), ENTRY), CONSTANTS))

    def run(numbers: Any) -> int:
        s = Four()
        s.A = numbers
        return call(s)

    return run


def python(text: str, name: str = "f") -> Callable[[Any], int]:
    space: dict[str, Any] = dict(CONSTANTS)
    exec(textwrap.dedent(text), space)
    found: Callable[[Any], int] = space[name]
    return found


@cache
def both(text: str) -> tuple[Callable[[Any], int], Callable[[Any], int]]:
    return native(text), python(text)


def agree(text: str, values: list[int]) -> None:
    """The result and what is left in the array."""
    fast, slow = both(text)
    left, numbers = np.array(values, np.int64), list(values)
    found, expected = fast(left), slow(numbers)
    assert (found, left.tolist()) == (wrapped(expected or 0), [wrapped(n) for n in numbers])


def of(expression: str) -> str:
    return f"def f(A):\n    a = A[0]\n    b = A[1]\n    c = A[2]\n    d = A[3]\n    return {expression}\n"


EXPRESSIONS = [
    "a + b", "a - b", "a * b", "-a", "+a", "~a", "a & b", "a | b", "a ^ b", "a == b", "a != b", "a < b", "a <= b",
    "a > b", "a >= b", "not a", "a and b", "a or b", "a and b and c", "a or b or c", "(a < b) and (c < d)",
    "a < b or c < d", "a < b < c", "a <= b < c != d", "a == b == c", "min(a, b)", "max(a, b)", "min(a, b, c)",
    "max(a, b, c, d)", "abs(a)", "int(a == b)", "bool(a)", "bool(a and b)", "a if b else c", "a if b < c else d",
    "a if b and c else d", "a in (b, c)", "a not in (b, c, 7)", "a in (SEVEN, -3)", "U if a == U or b == U else a + b",
    "(a & 0xFFFFFFFF) * 3 >> 2", "a * 0x5851F42D4C957F2D", "a ^ (a >> 31)", "a // 2", "a % 2", "a // 7", "a % 7",
    "a // -7", "a % -7", "a // 1", "a % 1", "a // -1", "a % -1", "a // 8", "a % 8", "a // -8", "a // MOST", "a % MOST",
    "a // -9223372036854775808", "a % -9223372036854775808", "not (a < b)", "not (a and b)", "len(A)", "True",
    "-5", "-U", "-MOST",
    "A[2] if a < b else A[3]", "a < b and A[2] < A[3]", "A[2] < a < A[3]", "a or A[2]", "(a and A[2]) or A[3]",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expressions(expression: str) -> None:
    @settings(max_examples=40, deadline=None, database=None)
    @example([LEAST] * 4)
    @example([LEAST, -1, 0, MOST])
    @example([0, 0, 0, 0])
    @given(st.lists(whole, min_size=4, max_size=4))
    def run(values: list[int]) -> None:
        agree(of(expression), values)

    run()


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@example(LEAST, -1)
@example(LEAST, 1)
@example(MOST, LEAST)
@given(whole, (whole | small).filter(bool))
def test_division(a: int, b: int) -> None:
    agree(of("a // b"), [a, b, 0, 0])
    agree(of("a % b"), [a, b, 0, 0])
    agree(of("(a // b) * b + a % b"), [a, b, 0, 0])


def test_division_by_zero_gives_zero() -> None:
    for text in ("a // b", "a % b", "a // 0", "a % 0"):
        for a in (LEAST, -1, 0, 5, MOST):
            assert native(of(text))(np.array([a, 0, 0, 0])) == 0


@settings(max_examples=300, deadline=None)
@given(whole, st.integers(0, 70))
def test_shifts(a: int, n: int) -> None:
    agree(of("a >> b"), [a, n, 0, 0])
    agree(of("a << b"), [a, n, 0, 0])
    agree(of("(a >> b) & 1"), [a, n, 0, 0])


@pytest.mark.parametrize("n", [0, 1, 31, 32, 62, 63, 64, 65, 200])
def test_shifts_by_constants(n: int) -> None:
    for a in (LEAST, -1, 1, MOST, 12345):
        agree(of(f"a >> {n}"), [a, 0, 0, 0])
        agree(of(f"a << {n}"), [a, 0, 0, 0])
    assert native(of("a >> b"))(np.array([-5, -1, 0, 0])) == -1
    assert native(of("a << b"))(np.array([5, -1, 0, 0])) == 0


STATEMENTS = {
    "several at once": """
        def f(A):
            a, b = A[0], A[1]
            a, b = b, a
            A[0], A[1] = a, b
            c = d = a
            A[2] = A[3] = c - d + b
            return c""",
    "assigned in place": """
        def f(A):
            x = A[0]
            x += A[1]
            x *= 3
            x -= A[2]
            x ^= A[3]
            x &= 0xFFFFFF
            x |= 1
            x <<= 2
            x >>= 1
            x //= 3
            x %= 1000
            A[x % 4] += x
            return x""",
    "read before the right side": """
        def g(A):
            A[0] = 100
            return 1
        def f(A):
            A[0] += g(A)
            return A[0]""",
    "if": """
        def f(A):
            x: int
            if A[0] < A[1]:
                x = 1
            elif A[1] < A[2]:
                x = 2
            elif A[2] < A[3] and A[0] != 3 or not A[1]:
                if A[0]:
                    return 5
                x = 3
            else:
                return 4
            return x""".replace("            x: int\n", ""),
    "while": """
        def f(A):
            n = A[0] & 31
            total = 0
            while n > 0:
                n -= 1
                if n == 7:
                    continue
                if total > 100 and A[1] < 0:
                    break
                total += n
            return total * 100 + n""",
    "while true": """
        def f(A):
            n = 0
            while True:
                n += 1
                if n > (A[0] & 15):
                    break
                while True:
                    n += 2
                    if n & 1:
                        break
                    if n > 20:
                        return n
            return -n""",
    "without end": """
        def f(A):
            n = A[0] & 15
            while True:
                n += 1
                if n == 16:
                    return n""",
    "a parameter is assigned": """
        def g(p, limit):
            while p < limit:
                p += 3
            return p
        def f(A):
            return g(A[0] & 63, A[1] & 63)""",
    "used before it is written, further down": """
        def f(A):
            started = 0
            total = 0
            for n in range(5):
                if started:
                    total += last
                last = A[n & 3] & 255
                started = 1
            return total""",
    "for": """
        def f(A):
            total = 0
            for n in range(A[0] & 7):
                for m in range(n, A[1] & 7):
                    if m == 5:
                        continue
                    if total > 60:
                        break
                    total += m * n + 1
                    n += 1
                total += n
            return total""",
    "the last of a range": """
        def f(A):
            n = -1
            for n in range(A[0] & 7, A[1] & 7):
                A[n & 3] += 1
            return n""",
    "steps": """
        def f(A):
            total = 0
            for n in range(A[0] & 31, A[1] & 31, 3):
                total = total * 7 + n
            for n in range(A[2] & 31, A[3] & 31, -2):
                total = total * 7 + n
                n = 0
            return total""",
    "ranges at the ends": """
        def f(A):
            total = 0
            for n in range(MOST - 5, MOST):
                total += n & 7
            for n in range(MOST - 5, MOST, 4):
                total += n & 7
            for n in range(U + 5, U, -4):
                total += n & 7
            return total""",
    "a range is fixed at its start": """
        def f(A):
            count = 0
            A[0] &= 7
            for n in range(A[0]):
                A[0] = 100
                count += 1
            return count""",
    "nothing is returned": """
        def g(A, n):
            if n > 3:
                return
            A[n & 3] = n
        def f(A):
            g(A, A[0])
            pass
            "a remark"
            return A[0]""",
    "calls within calls": """
        def plus(a, b):
            '''A docstring.'''
            return U if a == U or b == U else a + b
        def twice(a):
            return plus(a, a)
        def guarded(a, b):
            return a // b if b != 0 else -1
        def f(A):
            a = A[0]
            return plus(twice(plus(a, A[1])), guarded(A[2], A[3] & 3)) & MOST""",
    "names are a function's own": """
        def inner(b, a):
            return a - b
        def f(A):
            a = 1
            SEVEN = A[0]
            b = inner(a, A[1])
            a += inner(b, a)
            return a * SEVEN - b""",
    "only what is needed is worked out": """
        def touch(A):
            A[3] += 1
            return 1
        def f(A):
            x = A[0] < 0 and touch(A)
            y = A[1] < 0 or touch(A)
            z = touch(A) if A[2] < 0 else 5
            if A[0] < A[1] < touch(A):
                z += 1
            return x + 2 * y + 4 * z""",
    "one value for good": """
        def f(A):
            last = A[0]
            view = A[1:]
            number = 5
            A[0] = 7
            for n in range(3):
                inside = n + number
                A[0] += inside + last
            number_ = last if number == 5 else A[3]
            last_ = number
            return number_ + view[0] + last_ + inside""",
    "what is known to be true": """
        def f(A):
            known = 3
            if known < 2 or known == 3 and known != 4 and A[0] < 3:
                A[0] += 1 if known >= 3 else A[9]
            if -1 > known or A[1] <= 4 and -5 <= -5:
                A[1] += 4 if known > U else 3
            A[2] = 5 if U < -3 < known <= 3 < A[2] else 6
            while known < 1:
                return 9
            return known + (1 if known == U else A[3])""",
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", STATEMENTS)
def test_statements(name: str) -> None:
    @settings(max_examples=60, deadline=None, database=None)
    @example([LEAST] * 4)
    @example([0] * 4)
    @given(st.lists(st.integers(-40, 40), min_size=4, max_size=4))
    def run(values: list[int]) -> None:
        agree(STATEMENTS[name], values)

    run()


# --- expressions of any shape ---------------------------------------------------------------------------------------

Pair = tuple[str, str]
"""The text for native code, and for Python, where what may leave 64 bits is taken back."""

leaves: st.SearchStrategy[Pair] = st.sampled_from([(t, t) for t in ("a", "b", "c", "d", "A[1]", "U", "7", "-1", "0")])


def _grown(parts: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    def made(pattern: str, *of: Pair) -> Pair:
        return pattern.format(*(p[0] for p in of)), f"w({pattern.format(*(p[1] for p in of))})"

    two = st.sampled_from(
        ["({} + {})", "({} - {})", "({} * {})", "({} & {})", "({} ^ {})", "({} < {})", "({} == {})", "({} and {})",
         "({} or {})", "min({}, {})", "max({}, {})", "plus({}, {})", "late({}, {})"]
    )  # fmt: skip
    three = st.sampled_from(["({} if {} else {})", "({} < {} <= {})", "({} in ({}, {}))", "({} and {} or {})"])
    return (
        st.builds(made, st.sampled_from(["(-{})", "(not {})", "abs({})", "({} >> 3)", "({} // 3)", "({} % -5)"]), parts)
        | st.builds(made, two, parts, parts)
        | st.builds(made, three, parts, parts, parts)
    )


HELPERS = """
def plus(a, b):
    return U if a == U or b == U else {w}(a + b)
def late(a, b):
    if a < b:
        return a
    return b
"""


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.recursive(leaves, _grown, max_leaves=12), st.lists(whole, min_size=4, max_size=4))
def test_any_expression(texts: Pair, values: list[int]) -> None:
    space: dict[str, Any] = {**CONSTANTS, "w": wrapped}
    exec(HELPERS.format(w="w") + of(texts[1]), space)
    assert native(HELPERS.format(w="") + of(texts[0]))(np.array(values, np.int64)) == wrapped(space["f"](values))


# --- arrays -----------------------------------------------------------------------------------------------------------

ARRAYS = """
def total(row):
    found = 0
    for n in range(len(row)):
        found = found * 3 + row[n]
    return found
def sums(part, first):
    found = first
    for x in range(len(part)):
        row = part[x]
        found = found * 5 + total(row) + row[1]
    return found
def f(C, S, I, B, H, W):
    S[1, 2] = S[0, 0] + B[0]
    S[2][1] += I[3]
    I[0] = C[2]
    B[1] = C[2]
    H[1] = C[2]
    W[0] = C[2]
    found = sums(S[C[0] : C[0] + C[1]], 1)
    part = S[1:]
    found += sums(part[:2], 2) + len(part) + part[1, 2] + sums(S[:], 3)
    row = S[0]
    if C[0] == 1:
        row = S[3]
    return found + total(row) + total(B) + total(I[1:3]) + total(H) + total(W)
def start(s):
    return f(s.C, s.S, s.I, s.B, s.H, s.W)
"""


class Shaped(Record):
    more: int
    C = array("int64", 3)
    S = array("int64", "more + 2", f"1 + {CONSTANTS['TWO']}")
    I = array("int32", 4)  # noqa: E741
    B = array("uint8", 5)
    H = array("int16", 2)
    W = array("uint32", 2)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.data())
def test_arrays(data: st.DataObject) -> None:
    s = Shaped(more=2)
    for name in s.__layout__.fields:
        cells = getattr(s, name)
        info, flat = np.iinfo(cells.dtype), cells.reshape(-1)
        numbers = st.integers(int(info.min), int(info.max))
        flat[:] = data.draw(st.lists(numbers, min_size=len(flat), max_size=len(flat)))
    s.C[0], s.C[1] = data.draw(st.integers(0, 2)), s.more
    fast, slow = _arrays()
    slowly = plain(s)
    assert fast(s) == wrapped(slow(slowly))
    assert contents(s) == contents(slowly)


@cache
def _arrays() -> tuple[Callable[[Shaped], int], Callable[[Shaped], int]]:
    return compiled(Unit("start", Shaped, (ARRAYS,), CONSTANTS)), python(ARRAYS, "start")


# --- what is not lowered ----------------------------------------------------------------------------------------------

REFUSED = {
    "Try": "def f(A):\n    try:\n        return 1\n    finally:\n        A[0] = 1\n",
    "Raise": "def f(A):\n    raise ValueError\n",
    "this range": "def f(A):\n    for n in range(0, 9, A[0]):\n        pass\n    return 1\n",
    "For": "def f(A):\n    for n in A:\n        pass\n    return 1\n",
    "While": "def f(A):\n    while A[0]:\n        A[0] = 0\n    else:\n        return 1\n    return 2\n",
    "Div": "def f(A):\n    return A[0] / 2\n",
    "Pow": "def f(A):\n    return A[0] ** 2\n",
    "List": "def f(A):\n    return [1]\n",
    "Tuple": "def f(A):\n    return 1, 2\n",
    "Constant": "def f(A):\n    return 1.5\n",
    "a call of open": "def f(A):\n    return open(1)\n",
    "Call": "def f(A):\n    return A.sum()\n",
    "the name other": "def f(A):\n    return other\n",
    "an index from the end": "def f(A):\n    return A[-1]\n",
    "an index too many": "def f(A):\n    return A[1, 2]\n",
    "an index of a number": "def f(A):\n    return A[0][1]\n",
    "an array as a number": "def f(A):\n    return A\n",
    "a slice with steps": "def f(A):\n    return len(A[::2])\n",
    "the number 9223372036854775808": "def f(A):\n    return 9223372036854775808\n",
    "not always of one kind": "def f(A):\n    x = 1\n    x = A\n    return 1\n",
    "may or may not return": "def g(a):\n    if a:\n        return 1\ndef f(A):\n    return g(A[0])\n",
    "calls itself": "def g(a):\n    if a:\n        return g(a - 1)\n    return 0\ndef f(A):\n    return g(A[0])\n",
    "with 2 arguments": "def g(a):\n    return 1\ndef f(A):\n    return g(1, 2)\n",
    "parameters of g": "def g(a=1):\n    return 1\ndef f(A):\n    return g(1)\n",
    "decorators of g": "@twice\ndef g(a):\n    return 1\ndef f(A):\n    return g(1)\n",
    "Is": "def f(A):\n    return A[0] is None\n",
    "this `in`": "def f(A):\n    return 1 in A\n",
    "Break": "def f(A):\n    break\n",
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_lowered_is_named(what: str) -> None:
    with pytest.raises(NativeError, match=what):
        native(REFUSED[what])


def test_an_entry_that_is_not_there_is_named() -> None:
    with pytest.raises(NativeError, match="there is no function f"):
        compiled(Unit("f", Four, ("def g(s):\n    return 1\n",), {}))


def test_a_unit_without_a_record_is_only_for_others() -> None:
    with pytest.raises(NativeError, match="nothing to call"):
        compiled(library("def step(x, row, all):\n    return x\n"))


def test_an_expression_that_calls_itself_is_refused() -> None:
    with pytest.raises(NativeError, match="calls itself"):
        native("def g(a):\n    return g(a - 1) if a else 0\ndef f(A):\n    return g(A[0])\n")


def test_what_is_called_twice_by_what_is_called_twice_does_not_grow_without_bounds() -> None:
    text = "def f0(A):\n    if A[0]:\n        return 3\n    return 1\n"
    text += "".join(f"def f{n}(A):\n    A[1] += 1\n    return f{n - 1}(A) ^ f{n - 1}(A)\n" for n in range(1, 60))
    fast = native(text + "def f(A):\n    return f59(A) if A[2] else 5\n")
    assert fast(np.zeros(4, np.int64)) == 5


def test_what_is_called_from_many_places_is_there_once() -> None:
    text = "def g(A, n):\n    while n > 3:\n        n -= A[0] & 7 | 1\n    return n\n"

    def made(calls: int) -> str:
        body = "".join(f"    A[1] += g(A, A[{n % 4}])\n" for n in range(calls))
        return assembly(Unit("start", Four, (f"{text}def f(A):\n{body}    return A[1]\n", ENTRY), CONSTANTS))

    def how(calls: int) -> str:
        return next(line.split()[-2] for line in made(calls).splitlines() if line.startswith("define internal i64 @g."))

    assert how(1) == how(3) == "alwaysinline"
    assert how(200) == "noinline"
    agree(f"{text}def f(A):\n    A[1] += g(A, A[2] & 63)\n" + "    A[3] += g(A, A[1] & 63)\n" * 60, [5, 1, 40, 2])


def test_the_place_is_named() -> None:
    with pytest.raises(NativeError, match=r"Try cannot be compiled \(g, line 2\)"):
        native("def g(A):\n    try:\n        pass\n    finally:\n        pass\ndef f(A):\n    g(A)\n    return 1\n")


# --- linking ------------------------------------------------------------------------------------------------------

KINDS = ("", "int64:1", "int64:2")


class Table(Record):
    A = array("int64", 2, 3)


def library(text: str) -> Unit:
    return Unit("", None, (textwrap.dedent(text),), CONSTANTS, {"step": KINDS})


def calling(*linked: Unit, call: str = "step(A[1, 2], A[0], A)") -> Unit:
    """Its own `step` is there for Python alone."""
    text = f"def step(*of):\n    raise NotImplementedError\ndef f(A):\n    A[1, 0] = {call}\n    return A[1, 1]\n"
    return Unit("start", Table, (text, ENTRY), CONSTANTS, linked=linked)


def test_units_call_what_they_are_linked_to() -> None:
    """Each that which it is linked to: a name that several have, and the C library too, is no matter."""
    adds = calling(library("def step(x, row, all):\n    all[1, 1] = row[2]\n    return x + row[0] + SEVEN\n"))
    takes = calling(
        library("def step(x, row, all):\n    row[1] = len(all) * 100 + len(row)\n    return x - row[0] - 5\n")
    )
    for unit, left, right in (
        (adds, [2, 3, 8], [11, 8, 2]),
        (takes, [2, 203, 8], [-5, 5, 2]),
        (adds, [2, 3, 8], [11, 8, 2]),
    ):
        s = Table()
        s.A[:] = [2, 3, 8], [0, 5, 2]
        assert compiled(unit)(s) == right[1]
        assert s.A.tolist() == [left, right]
    assert adds.name == takes.name, "what calls is compiled once for all"


def test_what_is_linked_must_be_there_and_of_these_kinds() -> None:
    with pytest.raises(NativeError, match="there is no function step"):
        compiled(calling(library("def other(x, row, all):\n    return 1\n")))
    with pytest.raises(NativeError, match="a call of step"):
        compiled(calling(library("def step(x, row, all):\n    return x\n"), call="step(A[0], A[0], A)"))
