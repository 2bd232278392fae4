"""Properties of what no log shows: events of the network, and what holds for a while between two lines."""

from __future__ import annotations

import pytest
from mipcheck.checker.verbs.prove_results import prove_one
from mipcheck.model.specification.load import loads

TEXT = """
spec small
event fade() by network silent
event ring() by network seen log
event go() by node seen log
interface { last: time = 0 s }
node { stuck: bool = false  shared: int = 0 }
ghost interface { truly: bool = true  n: int = 0 }
on fade { truly := false  n := n + 1 }
on ring, go { n := 0  last := now }
on go { shared := shared + 1 }
on ring when stuck { last := now - shared * 1 s }
property never "it fades once" whenever fade: truly
property always "it fades" whenever fade: n >= 0
property nowhere "it does not" whenever fade when n < 0: truly
property even "whatever happens next mends it" invariant n = 0
property often "time passes, and what happens then mends it" invariant now - last <= 5 s
property alone "what never changes parts nothing" independent last
"""


@pytest.mark.parametrize(
    ("name", "answer", "last"),
    [("never", "refuted", ["fade", "fade"]), ("always", "proved", []), ("nowhere", "vacuous", []),
     ("even", "refuted", ["fade"]), ("often", "refuted", []), ("alone", "proved", [])],
)  # fmt: skip
def test_what_no_log_shows_is_refuted_by_a_log_that_goes_on(name: str, answer: str, last: list[str]) -> None:
    asked = prove_one(loads(TEXT), name, {}, [])
    assert asked.result.result == answer
    assert asked.counterexample.count("# unseen: fade") == len(last)
    if answer == "refuted":
        assert not asked.counterexample.splitlines()[-1].startswith("#")
