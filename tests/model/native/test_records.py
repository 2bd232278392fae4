"""Records in compiled code: what Python does with the same text and record, up to 64 bits."""

from __future__ import annotations

import textwrap
from functools import cache
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mipcheck.model.native.compiled import compiled
from mipcheck.model.native.errors import NativeError
from mipcheck.model.native.record import Record, Rows, array, part, table
from mipcheck.model.native.unit import Unit
from mipcheck.model.values import cache as keep

from making import plain_records

np = pytest.importorskip("numpy")
pytest.importorskip("llvmlite")

LEAST, MOST = -(2**63), 2**63 - 1
CONSTANTS = {"U": LEAST, "SEVEN": 7}
whole = st.integers(LEAST, MOST) | st.integers(-70, 70) | st.sampled_from([LEAST, MOST, 2**32])


class Interface(Record):
    token: int
    queued: int
    whose: int


class Words(Record):
    count: int
    room: int
    letters = array("uint8", "room")


class State(Record):
    a: int
    b: int
    c: int
    d: int
    rows: int
    slots: int
    values = array("int64", "rows", "slots")
    halves = array("int32", "2 * slots + 1")
    bytes_ = array("uint8", 5)
    interfaces = table(Interface, "rows")
    groups = table(Interface, "rows * 2")
    words = part(Words)


ROWS, SLOTS, ROOM = 4, 3, 6


@pytest.fixture(autouse=True, scope="module")
def nothing_kept() -> Any:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(keep.OFF, "off")
        yield


def state(*numbers: int) -> State:
    """Full of numbers, of which there may be any."""
    made = State(rows=ROWS, slots=SLOTS)
    made.words = Words(room=ROOM)
    values = [n + k for k, n in enumerate((*numbers, *range(4)))]
    made.a, made.b, made.c, made.d = (_wrapped(n) for n in (*numbers, 1, 2, 3, 4)[:4])
    for cells in (made.values, made.halves, made.bytes_, made.interfaces.cells, made.groups.cells, made.words.letters):
        flat = cells.reshape(-1)
        for n in range(len(flat)):
            info = np.iinfo(cells.dtype)
            flat[n] = (values[n % len(values)] * (n + 1) - int(info.min)) % 2**info.bits + int(info.min)
    return made


def _wrapped(value: int) -> int:
    return (int(value) - LEAST) % 2**64 + LEAST


def unit(text: str, **more: Any) -> Unit:
    return Unit("f", State, (textwrap.dedent(text),), CONSTANTS, **more)


@cache
def both(text: str) -> tuple[Any, Any]:
    space: dict[str, Any] = dict(CONSTANTS)
    exec(textwrap.dedent(text), space)
    return compiled(unit(text)), space["f"]


def agree(text: str, *numbers: int) -> None:
    """The result, and what is left in the record."""
    fast, slow = both(text)
    native = state(*numbers)
    python = plain_records.plain(native)
    found, expected = fast(native), slow(python)
    assert found == _wrapped(expected or 0)
    assert plain_records.contents(native) == plain_records.contents(python)


TEXTS = {
    "cells": """
        def f(s):
            s.a += s.b
            s.b = s.a ^ s.c
            s.c, s.d = s.d, s.c
            s.d -= 1
            return s.a if s.a < s.b else s.c""",
    "arrays": """
        def f(s):
            s.values[1, 2] = s.a
            s.values[2][1] += s.b
            s.halves[s.slots] = s.a
            s.bytes_[4] = s.b
            found = 0
            for n in range(len(s.values)):
                for k in range(s.slots):
                    found = found * 3 + s.values[n, k]
            return found + len(s.halves) + s.bytes_[0]""",
    "rows": """
        def f(s):
            s.interfaces[1].token = s.a
            s.interfaces[2].queued += s.interfaces[1].token
            return s.interfaces[s.a & 3].whose""",
    "a row is a view": """
        def f(s):
            row = s.interfaces[0]
            other = s.interfaces[1]
            row.token = 5
            if s.a < s.b:
                row = other
            row.queued += row.token + s.interfaces[0].token
            return other.queued""",
    "a row is copied": """
        def f(s):
            s.interfaces[2] = s.interfaces[s.a & 3]
            row = s.interfaces[s.b & 3]
            s.interfaces[s.c & 3] = row
            s.groups[7] = row
            row.token = 9
            return s.interfaces[2].queued""",
    "a row of several values": """
        def f(s):
            row = s.interfaces[1]
            s.interfaces[1] = row.queued, row.whose, row.token
            s.groups[1] = s.groups[0] = s.a, s.b, s.a ^ s.b
            return row.token""",
    "numbers are copied": """
        def put(to, numbers):
            to[:] = numbers
        def f(s):
            first, last = s.a & 1, 2 + (s.b & 1)
            s.halves[first:last] = s.halves[first + 2 : last + 2]
            s.halves[2:6] = s.halves[1:5]
            s.bytes_[1:1] = s.bytes_[3:3]
            s.values[3] = s.values[s.c & 3]
            put(s.values[1][1:3], s.values[2][0:2])
            return s.halves[3]""",
    "heaps move rows": """
        def f(s):
            time, ticket = s.a, s.b
            at = 3
            while at > 0:
                up = (at - 1) // 2
                if s.interfaces[up].token < time:
                    break
                s.interfaces[at] = s.interfaces[up]
                at = up
            s.interfaces[at] = time, ticket, at""",
    "functions take records, rows and tables": """
        def owner(row):
            return row.whose
        def most(table):
            found = U
            for n in range(len(table)):
                if table[n].token > found:
                    found = table[n].token
            return found
        def note(s, row, by):
            if by > 3:
                return
            row.token += by
            s.d += row.token
            return
        def f(s):
            note(s, s.interfaces[0], s.a & 7)
            note(s, s.groups[5], s.b & 7)
            some = s.groups[1 : s.a & 7]
            return most(s.interfaces) ^ most(s.interfaces[1:3]) ^ most(some) ^ owner(s.interfaces[2])""",
    "parts": """
        def total(words):
            found = 0
            for n in range(len(words.letters)):
                found = found * 7 + words.letters[n]
            words.count += 1
            return found
        def last(words):
            return words.letters[words.room - 1]
        def f(s):
            words = s.words
            words.letters[2] = s.a
            s.words.count += 1
            s.words.letters[1] += 200
            return total(s.words) ^ total(words) + last(s.words)""",
    "a record under another name": """
        def f(s):
            t = s
            t.a += 1
            t.values[0, 0] = t.interfaces[1].token
            return s.a""",
    "what a size says in a condition": """
        def f(s):
            return 1 if s.rows > 3 and s.values[s.rows - 1, 0] < s.a or s.interfaces[0].token == s.b else 0""",
    "letters": """
        def f(s):
            s.b = ord("A") + s.a
            if s.bytes_[0] in (ord(" "), ord("\\t"), ord('"')):
                return -ord("T")
            while s.bytes_[1] != ord("z"):
                s.bytes_[1] += 1
            return ord("a") if s.bytes_[2] >= ord("a") else ord("\\n")""",
    "a letter is a constant": """
        def f(s):
            total = 0
            for n in range(0, 200, ord("2")):
                total += n
            return total + s.bytes_[ord("\\x03")]""",
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", TEXTS)
def test_records(name: str) -> None:
    @settings(max_examples=60, deadline=None, database=None)
    @example([LEAST] * 4)
    @example([0] * 4)
    @given(st.lists(whole, min_size=4, max_size=4))
    def run(numbers: list[int]) -> None:
        agree(TEXTS[name], *numbers)

    run()


# --- statements of any kind, one after another ----------------------------------------------------------------------

_cells = st.sampled_from(["s.a", "s.b", "s.c", "s.d", "s.words.count"])
_index = st.sampled_from(["0", "1", "s.a & 3", "s.b & 3", "(s.c ^ s.d) & 3"])
_row = st.builds("s.interfaces[{}]".format, _index) | st.builds("s.groups[2 * ({}) + 1]".format, _index)
_place = st.one_of(
    _cells,
    st.builds("{}.{}".format, _row, st.sampled_from(["token", "queued", "whose"])),
    st.builds("s.values[{}, {}]".format, _index, st.sampled_from("012")),
    st.builds("s.halves[{}]".format, _index),
    st.builds("s.bytes_[{}]".format, _index),
    st.builds("s.words.letters[{}]".format, _index),
)
_value = st.one_of(
    _place,
    st.sampled_from(["U", "SEVEN", "s.rows", "len(s.values)", "ord('q')"]),
    st.builds("({} {} {})".format, _place, st.sampled_from(["+", "-", "*", "^", "<", "and"]), _place),
    st.builds("sum_of({})".format, _row),
)
_statement = st.one_of(
    st.builds("{} {} {}".format, _place, st.sampled_from(["=", "+=", "^=", "*="]), _value),
    st.builds("{} = {}".format, _row, _row),
    st.builds("{} = {}, {}, {}".format, _row, _value, _value, _value),
    st.builds("row = {}; row.{} += {}".format, _row, st.sampled_from(["token", "whose"]), _value),
    st.builds("mark(s, {}, {})".format, _row, _value),
)
HELPERS = """
def sum_of(row):
    return row.token + row.queued * 3 - row.whose
def mark(s, row, value):
    if value & 4:
        row.queued = value
        s.d += 1
"""


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.lists(_statement, min_size=1, max_size=8), st.lists(whole, min_size=4, max_size=4))
def test_any_statements(statements: list[str], numbers: list[int]) -> None:
    text = HELPERS + "def f(s):\n" + "".join(f"    {line}\n" for line in statements) + "    return s.a\n"
    native = state(*numbers)
    python = plain_records.plain(native)
    space: dict[str, Any] = dict(CONSTANTS)
    exec(text, space)
    assert compiled(unit(text))(native) == _wrapped(space["f"](python))
    assert plain_records.contents(native) == plain_records.contents(python)


# --- long functions, linked units -----------------------------------------------------------------------------------


def test_functions_that_are_called_take_the_record() -> None:
    """What is too long to become part of its caller gets a pointer, and finds its arrays by itself."""
    long = "".join(f"    s.values[{n % 4}, {n % 3}] += s.interfaces[{(n + 1) % 4}].token * {n}\n" for n in range(200))
    text = f"def g(s, row):\n{long}    row.token += s.a\ndef f(s):\n    g(s, s.interfaces[s.b & 3])\n    return s.c\n"
    agree(text, 5, 6, 7, 8)


@pytest.mark.parametrize("careful", [False, True])
def test_linked_units_take_parts_of_a_record(careful: bool) -> None:
    """However much time is taken to compile them."""
    text = "def step(x, row, all):\n    all[1, 1] = row[2] + x\n    return len(all) * 10 + len(row)\n"
    text += f"careful = {careful}\n"  # so that it is compiled anew
    steps = Unit("", None, (text,), CONSTANTS, {"step": ("", "int64:1", "int64:2")})
    calls = "def f(s):\n    return step(s.a, s.values[0], s.values[1:3])\n"
    made = state(5)
    before = made.values.tolist()
    assert compiled(unit(calls, linked=(steps,)), careful=careful)(made) == 23
    before[2][1] = before[0][2] + 5
    assert made.values.tolist() == before


# --- what is not lowered --------------------------------------------------------------------------------------------

REFUSED = {
    'tokens, which Interface does not have .did you mean "token"..,': "def f(s):\n    return s.interfaces[0].tokens\n",
    "valeus, which State does not have": "def f(s):\n    return s.valeus[0]\n",
    "the attribute token of what is no record": "def f(s):\n    return s.interfaces.token\n",
    "the attribute real of what is no record": "def f(s):\n    return s.a.real\n",
    "an assignment to values as a whole": "def f(s):\n    s.values = 1\n    return 1\n",
    "an assignment to rows, which says how large arrays are,": "def f(s):\n    s.rows += 1\n    return 1\n",
    "a record as a number": "def f(s):\n    return s.interfaces[0]\n",
    "an array as a number": "def f(s):\n    return s.interfaces\n",
    "a slice of a record": "def f(s):\n    return len(s.interfaces[0][1:])\n",
    "this assignment of a tuple": "def f(s):\n    s.interfaces[0] = 1, 2\n    return 1\n",
    "this assignment of Interface": "def f(s):\n    s.values[0, 0] = s.interfaces[0]\n    return 1\n",
    "ord of what is no character of ASCII": "def f(s):\n    return ord('é')\n",
    "f, line 2": "def f(s):\n    return s.e\n",
}
REFUSED_TOO = [
    "def f(s):\n    s.interfaces[0], s.interfaces[1] = s.interfaces[1], s.interfaces[0]\n    return 1\n",
    "def f(s):\n    s.values[0] = s.halves[0:3]\n    return 1\n",
    "def f(s):\n    s.values[0:2] = s.values[1:3]\n    return 1\n",
    "def f(s):\n    s.values[0], s.values[1] = s.values[1], s.values[0]\n    return 1\n",
    "def f(s):\n    s.interfaces[0] = 5\n    return 1\n",
    "def f(s):\n    s.interfaces[0] = s.words\n    return 1\n",
    "def f(s):\n    x = s\n    x = s.interfaces[0]\n    return 1\n",
    "def f(s):\n    return ord('ab')\n",
    "def f(s):\n    return ord(s.a)\n",
    "def f(s, t):\n    return 1\n",
]


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_lowered_is_named(what: str) -> None:
    with pytest.raises(NativeError, match=what):
        compiled(unit(REFUSED[what]))


@pytest.mark.parametrize("text", REFUSED_TOO)
def test_what_is_not_lowered(text: str) -> None:
    with pytest.raises(NativeError):
        compiled(unit(text))


def test_two_records_of_one_name_are_told() -> None:
    def other() -> type[Record]:
        class Interface(Record):
            token: int

        return Interface

    class Both(Record):
        first = table(Interface, 2)
        second = table(other(), 2)

    with pytest.raises(NativeError, match="two records named Interface"):
        compiled(Unit("f", Both, ("def f(s):\n    return 1\n",), {}))


# --- what Python does with records ----------------------------------------------------------------------------------


def test_cells_are_attributes() -> None:
    made = State(rows=2, slots=3, a=LEAST)
    made.b = made.a + 1
    assert (made.a, made.b, made.c, made.rows) == (LEAST, LEAST + 1, 0, 2)
    assert type(made.a) is int
    with pytest.raises(OverflowError):
        made.a = MOST + 1
    with pytest.raises(TypeError, match='State has no cell rovs; did you mean "rows"'):
        State(rovs=1)


def test_tables_have_rows_and_columns() -> None:
    made = State(rows=3, slots=1)
    made.interfaces[0] = 1, 2, 3
    made.interfaces[1].whose = 7
    made.interfaces[2] = made.interfaces[0]
    made.interfaces[0].token = 9
    made.interfaces.column("queued")[:] += 1
    assert made.interfaces.cells.tolist() == [[9, 3, 3], [0, 1, 7], [1, 3, 3]]
    assert [row.whose for row in made.interfaces] == [3, 7, 3]
    assert [row.token for row in made.interfaces[1:]] == [0, 1]
    assert type(made.interfaces[0].whose) is int


def test_arrays_grow_and_keep_what_they_hold() -> None:
    made = state(1, 2, 3, 4)
    before = plain_records.contents(made)
    halves = made.halves
    made.grow(rows=9)
    assert made.rows == len(made.values) == len(made.interfaces) == len(made.groups) // 2 == 9
    assert made.values[:ROWS].tolist() == before["values"] and not made.values[ROWS:].any()
    assert made.groups.cells[: 2 * ROWS].tolist() == before["groups"] and not made.groups.cells[2 * ROWS :].any()
    assert made.halves is halves, "what does not depend on it is left alone"
    made.grow(slots=5)
    assert made.values[:ROWS, :SLOTS].tolist() == before["values"] and not made.values[:, SLOTS:].any()
    assert compiled(unit("def f(s):\n    s.values[8, 4] = s.a\n    return len(s.values)\n"))(made) == 9
    assert made.values[8, 4] == 1


@pytest.mark.parametrize("somebody_has_it", [False, True])
def test_large_arrays_grow_too(somebody_has_it: bool) -> None:
    made = state(1)
    held = None
    for rows in (100_000, 150_000, 400_000):
        made.grow(rows=rows)
        assert made.values.shape == (rows, SLOTS) and made.values[-1].tolist() == [0] * SLOTS
        made.values[-1] = rows
        held = made.values[-1:] if somebody_has_it else None
    assert held is None or held.tolist() == [[400_000] * SLOTS]
    made.grow(rows=500_000)
    assert held is None or held.tolist() == [[400_000] * SLOTS], "what somebody has is not taken away"
    assert [made.values[n - 1].tolist() for n in (100_000, 150_000, 400_000)] == [
        [n] * SLOTS for n in (100_000, 150_000, 400_000)
    ]
    assert not made.values[400_000:].any()
    assert compiled(unit("def f(s):\n    s.values[499_999, 0] = 7\n    return s.values[399_999, 0]\n"))(made) == 400_000
    assert made.values[-1, 0] == 7


def test_arrays_may_be_replaced_and_be_longer_than_needed() -> None:
    fast = compiled(unit("def f(s):\n    return s.values[s.rows - 1, 1] + len(s.values)\n"))
    made = state(1)
    made.values = np.arange(30).reshape(10, 3)
    assert fast(made) == 10 + 4
    made.rows = 2
    assert fast(made) == 4 + 2
    made.words = Words(room=2)
    made.rows = 11
    with pytest.raises(ValueError, match=r"values is an array of \(10, 3\), where \(rows, slots\) is \(11, 3\)"):
        fast(made)


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((4, 3), np.int32), np.zeros((4, 6), np.int64)[:, ::2], np.zeros(12, np.int64), Rows(Interface, None)],
)
def test_another_array_than_declared_is_not_taken(wrong: Any) -> None:
    with pytest.raises(TypeError, match="values"):
        state(1).values = wrong


def test_another_record_than_declared_is_not_taken() -> None:
    made = state(1)
    with pytest.raises(TypeError, match="words takes a Words"):
        made.words = Interface()  # type: ignore[assignment]
    with pytest.raises(TypeError, match="interfaces"):
        made.interfaces = np.zeros((4, 3), np.int64)
    with pytest.raises(TypeError, match="not a State"):
        compiled(unit("def f(s):\n    return 1\n"))(Words())


def test_records_share_a_part() -> None:
    fast = compiled(unit("def f(s):\n    s.words.count += 1\n    return s.words.count\n"))
    one, other = state(1), state(2)
    other.words = one.words
    assert (fast(one), fast(other), one.words.count) == (1, 2, 2)


def test_records_extend_others() -> None:
    class More(State):
        e: int
        extra = array("int64", "rows", "e")

    text = "def g(s):\n    s.extra[1, 1] = s.values[0, 1] + s.interfaces[2].token\n    return s.e\n"
    text += "def f(s):\n    return g(s) + s.a\n"
    made = More(rows=4, slots=2, e=3, a=10)
    made.values[0, 1], made.interfaces[2].token = 5, 6
    assert compiled(Unit("f", More, (text,), {}))(made) == 13
    assert made.extra[1, 1] == 11


def test_what_compiled_code_depends_on_is_in_its_name() -> None:
    class Cells(Record):
        a: int
        b: int

    first = Cells

    class Cells(Record):  # type: ignore[no-redef]
        b: int
        a: int

    text = "def f(s):\n    return s.a\n"
    names = {Unit("f", r, (text,), {}).name for r in (first, Cells, None)}
    assert len(names) == 3


def declared(body: str) -> None:
    space: dict[str, Any] = {"Record": Record, "array": array, "table": table, "part": part, "State": State}
    exec("class New(Record):\n" + textwrap.indent(textwrap.dedent(body), "    "), space)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("rows: int\nx = array('int64', 'row')", 'New has no cell row .x.; did you mean "rows"'),
        ("x = array('int23', 4)", "arrays of int23 cannot be compiled"),
        ("x = table(State, 4)", "State has arrays"),
        ("x: str", "New.x has to be declared as an int"),
        ("x: int = 4", "New.x has to be declared as an int"),
        ("grow: int", "cannot have a field named grow"),
        ("_x: int", "cannot have a field named _x"),
        ("rows: int\nx = array('int64', 'rows // 2')", "more than sums and products"),
        ("rows: int\nx = array('int64', 'min(rows, 2)')", "more than sums and products"),
    ],
)
def test_what_cannot_be_declared(body: str, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        declared(body)
