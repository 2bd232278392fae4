"""Obligations that make each other due, or themselves, so that events go on for ever while time stands still."""

from __future__ import annotations

import pytest
from mipcheck.checker.verbs.prove_results import prove_one
from mipcheck.model.specification.load import loads

CIRCLE = """
spec small
PARAM
event start() by network seen log
event one(well: {yes, no}) by node seen log
event two() by node seen log
interface { first: time = 0 s  second: time = 0 s  a: bool = false  b: bool = false }
on start when not a and not b { a := true; first := now }
on one when a { a := false; b := RESULT; second := LATER }
on two when b { b := false; a := true; first := now }
rule A MUST cite 1 "x" require one within 0 s of first while a
rule B MUST cite 1 "x" require two within 0 s of second while b
property c cite 1 "time goes on" consistent
"""


@pytest.mark.parametrize(
    ("slack", "result_", "later", "answer"),
    [("", "true", "now", "refuted"), ("param t_slack: time = 1 ms", "true", "now", "proved"),
     ("", "true", "now + 1 ms", "proved"), ("", "well = yes", "now", "unknown")],
)  # fmt: skip
def test_obligations_that_make_each_other_due_stop_time(slack: str, result_: str, later: str, answer: str) -> None:
    """The events go on for ever, and all at one time; unless there is another way out, which is not said to be safe."""
    text = CIRCLE.replace("PARAM", slack).replace("RESULT", result_).replace("LATER", later)
    found = prove_one(loads(text), "c", {}, []).result
    assert found.result == answer
    if answer == "refuted":
        assert found.reason == (
            "time cannot pass after start: what meets A makes B due at once, and what meets B makes A due at once"
        )
        assert found.trace is not None and [e.kind for e in found.trace.events] == ["start"]


AGAIN = """
spec small
event ring() by network seen log
event go(id: id) by node seen log
event hum() by node seen log
interface { on_: bool = false  last: time = 0 s }
node { ever: time = 0 s  busy: bool = false }
on ring { on_ := true  busy := true }
on ring, go { last := now  ever := now }
OTHERWISE
rule O MUST cite 1 "x" require go(id != 0) within LIMIT of ANCHOR
property c cite 1 "time goes on" consistent
"""


@pytest.mark.parametrize("anchor", ["last while on_", "ever while busy"])
@pytest.mark.parametrize(
    ("limit", "otherwise", "answer"),
    [
        ("0 s", "", "refuted"),
        ("1 ms", "", "proved"),
        ("0 s", "on go { on_ := false  busy := false }", "proved"),
        ("0 s", "on hum { on_ := false  busy := false }", "unknown"),
    ],
)
def test_what_meets_an_obligation_may_make_it_due_again(anchor: str, limit: str, otherwise: str, answer: str) -> None:
    text = AGAIN.replace("ANCHOR", anchor).replace("LIMIT", limit).replace("OTHERWISE", otherwise)
    found = prove_one(loads(text), "c", {}, []).result
    assert found.result == answer
    if answer == "refuted":
        assert found.reason == "time cannot pass after ring: what meets O makes it due again at once"
    if answer == "unknown":
        assert found.reason == "what meets O may go on for ever while time stands still, which was not decided"
