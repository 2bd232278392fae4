"""Operations that a generated function needs at several places: each is worked out once, where it was before."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mipcheck.checker.observe.columns import NativeObserver
from mipcheck.checker.observe.observer import observe
from mipcheck.model.machine.compile import Machine
from mipcheck.model.machine.kleene import UNKNOWN, and_, or_
from mipcheck.model.machine.sharing import Shared, outdented
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import loads
from mipcheck.model.values.event import Event, Position

from making.columns_of import ListColumns

DEFINED = """
spec defined "definitions that have names which are taken"
document "none"
event open(from: int) by node seen log
event look(from: int) by node seen log
interface { up: bool = false
            since: time
            common_0: int = 3 }
node { total: int = 0 }
define class = up and total < 10
define match_0 = class and common_0 < 5
on open(from > 7) { up := true; since := now; total := from }
on open(from > 7) when not match_0 { common_0 := common_0 + from }
on look(from > 7) when match_0 { total := total + from }
rule A MUST cite 1 "looks need something that is up" allow look only if class or match_0
rule B MUST cite 1 "a look that is wide needs more" allow look(from > 7) only if match_0 and class
rule C MUST cite 1 "looked in time" require look(from > 7) within 5 s of since while class
"""


def said(source: str) -> tuple[Any, list[str]]:
    """Return what the function f says, and the operations that it worked out, in order."""
    worked: list[str] = []

    def operation(name: str) -> Callable[..., int]:
        def run(*arguments: int) -> int:
            worked.append(f"{name}{arguments}")
            return (sum(arguments) + ord(name)) % 3

        return run

    names: dict[str, Any] = {name: operation(name) for name in "pqr"}
    exec(source, names)
    return names["f"](), worked


TERMS = st.recursive(
    st.sampled_from(["1", "2"]),
    lambda below: st.tuples(st.sampled_from("pqr"), st.lists(below, min_size=1, max_size=2)),
    max_leaves=6,
)
BLOCKS = st.recursive(
    st.tuples(st.just("set"), TERMS),
    lambda below: st.tuples(st.sampled_from(["if", "else"]), TERMS, st.lists(below, min_size=1, max_size=3)),
    max_leaves=8,
)


def plain(term: Any) -> str:
    return term if isinstance(term, str) else f"{term[0]}({', '.join(map(plain, term[1]))})"


def marked(shared: Shared, term: Any) -> str:
    if isinstance(term, str):
        return term
    return shared.mark(f"{term[0]}({', '.join(marked(shared, t) for t in term[1])})")


def written(block: Any, term: Callable[[Any], str], depth: int) -> str:
    pad = "    " * depth
    match block:
        case "set", value:
            return f"{pad}# what is seen\n{pad}seen.append({term(value)})\n"
        case kind, test, inner:
            body = "".join(written(b, term, depth + 1) for b in inner)
            other = f"{pad}elif seen:\n{body}{pad}else:\n{pad}    seen.append(0)\n{body}" if kind == "else" else ""
            return f"{pad}if {term(test)} == 1:\n{body}{other}"
    raise AssertionError(block)


@pytest.mark.slow
@given(st.lists(BLOCKS, min_size=1, max_size=4))
def test_a_function_says_the_same_and_works_nothing_out_that_it_did_not(blocks: list[Any]) -> None:
    shared = Shared()
    head, end = "def f():\n    seen = []\n", "    return seen\n"
    long = head + "".join(written(b, plain, 1) for b in blocks) + end
    short = shared.written(head + "".join(written(b, lambda t: marked(shared, t), 1) for b in blocks) + end)
    assert "\0" not in short
    expected, before = said(long)
    found, after = said(short)
    assert found == expected
    assert set(after) <= set(before) and len(after) <= len(before)


def test_what_always_happens_is_worked_out_once_and_what_may_happen_not_before() -> None:
    shared = Shared()
    both = shared.mark("p(1)"), shared.mark("q(2)")
    source = "def f():\n    # first\n    if {p} == 9:\n        x = {q}\n        y = {q}\n    return {p}\n"
    assert shared.written(source.format(p=both[0], q=both[1])) == (
        "def f():\n    common_0 = p(1)\n    # first\n    if common_0 == 9:\n        common_1 = q(2)\n"
        "        x = common_1\n        y = common_1\n    return common_0\n"
    )


def test_an_operation_has_the_name_of_its_definition_unless_that_is_taken() -> None:
    shared = Shared()
    first, second, third = shared.mark("p(1)", "wide"), shared.mark("p(2)", "class"), shared.mark("p(3)", "a b")
    twice = "def f(wide):\n" + f"    return {first} + {second} + {third} + {first} + {second} + {third}\n"
    assert shared.written(twice) == (
        "def f(wide):\n    wide_ = p(1)\n    class_ = p(2)\n    common_0 = p(3)\n"
        "    return wide_ + class_ + common_0 + wide_ + class_ + common_0\n"
    )


def test_what_loops_is_worked_out_only_where_what_is_asked_before_holds() -> None:
    shared = Shared()
    first, loop = shared.mark("p(1)"), shared.mark("q(2)", loops=True)
    match = shared.logical("and_", [loop, first])
    source = f"def f():\n    match = {match}\n    if match != 0:\n        x = {loop}\n    return match\n"
    assert shared.written(source) == (
        "def f():\n    common_0 = p(1)\n    common_1 = q(2) if common_0 != 0 else 0\n"
        "    match = (0 if common_0 == 0 else and_(common_0, common_1))\n    if match != 0:\n        x = common_1\n"
        "    return match\n"
    )


def test_what_loops_is_worked_out_where_nothing_is_asked_before_one_of_its_places() -> None:
    for source in (
        "def f():\n    match = {match}\n    if match != 0:\n        x = {loop}\n    else:\n        x = {loop}\n",
        "def f():\n    match = {match}\n    match = {other}\n    if match != 0:\n        x = {loop}\n",
        "def f():\n    match = {match}\n    if match == 0:\n        x = {loop}\n",
    ):
        shared = Shared()
        first, loop, other = shared.mark("p(1)"), shared.mark("q(2)", loops=True), shared.mark("r(3)")
        match = shared.logical("and_", [loop, first])
        text = shared.written(source.format(match=match, loop=loop, other=other))
        assert "common_1 = q(2)\n" in text


LOGIC = st.recursive(
    st.tuples(st.sampled_from(["p", "slow"]), st.integers(0, 3)),
    lambda below: st.tuples(st.sampled_from(["and_", "or_"]), st.lists(below, min_size=2, max_size=3)),
    max_leaves=6,
)


@pytest.mark.slow
@given(
    st.lists(st.tuples(LOGIC, st.sampled_from(["!= 0", "== 1"]), st.lists(LOGIC, min_size=1, max_size=2)), min_size=1),
    st.lists(st.sampled_from([0, 1, UNKNOWN]), min_size=8, max_size=8),
)
def test_whatever_is_asked_before_a_loop_what_comes_out_is_the_same(rules: list[Any], values: list[int]) -> None:
    shared = Shared()

    def term(t: Any) -> str:
        if t[0] in ("and_", "or_"):
            return shared.logical(t[0], [term(a) for a in t[1]])
        return shared.mark(f"{t[0]}({t[1]})", loops=t[0] == "slow")

    def value(t: Any) -> int:
        if t[0] in ("and_", "or_"):
            result: int = reduce(and_ if t[0] == "and_" else or_, map(value, t[1]))
            return result
        number: int = t[1]
        return values[number + (4 if t[0] == "slow" else 0)]

    source, expected = "def f():\n    seen = []\n", []
    for condition, test, inner in rules:
        source += f"    match = {term(condition)}\n    if match {test}:\n"
        source += "".join(f"        seen.append({term(t)})\n" for t in inner)
        source += f"    seen.append(match)\n    seen.append({term(inner[0])})\n" if len(inner) > 1 else ""
        match = value(condition)
        expected += [value(t) for t in inner] if (match != 0 if test == "!= 0" else match == 1) else []
        expected += [match, value(inner[0])] if len(inner) > 1 else []
    names: dict[str, Any] = {"and_": and_, "or_": or_, "p": lambda n: values[n], "slow": lambda n: values[4 + n]}
    exec(shared.written(source + "    return seen\n"), names)
    assert names["f"]() == expected


def test_lines_leave_the_block_that_they_were_written_for() -> None:
    assert outdented(["        a = 1\n        b = 2\n", "            c = 3\n"]) == [
        "    a = 1\n    b = 2\n",
        "        c = 3\n",
    ]


def test_definitions_with_names_that_are_taken_observe_alike_in_both_ways() -> None:
    def machine() -> Machine:
        spec = loads(DEFINED)
        return Machine(spec, configure(spec, {}), {})

    events = [
        Event(time * 10**9, "ab"[time % 3 == 2], kind, {"from": number}, Position("x", 1))
        for time, (kind, number) in enumerate(
            [("look", 8), ("open", 8), ("look", 9), ("look", 8), ("open", 9), ("look", 1), ("open", 20), ("look", 9)]
        )
    ]
    assert "    class_ = and_(up, lt(total, 10))\n" in machine().source
    found = observe(machine(), events, True)
    assert [(t.kept, t.broken) for t in found.tallies] == [(1, 4), (0, 4), (1, 0)]
    columns = ListColumns(events, 4)
    native = NativeObserver(machine(), columns, boot=True, record=True)
    for batch in columns.batches():
        native.take(batch)
    assert native.observation() == found
