"""Whatever a specification calls things, two of them are never one constant of a proof."""

from __future__ import annotations

from mipcheck.model.prover.prove import prove
from mipcheck.model.specification.load import loads

ALIKE = """\
spec alike "a variable of the node and an event have one name, and the event has a key n"
document "doc.txt"
event x(n: int) by network seen log
event put() by node seen log
node { x: int = 0 }
on x when n > x { x := 100 }
"""


def test_a_key_is_not_the_variable_that_is_called_alike() -> None:
    """Z3 takes two constants of one name and sort for one: what the network does was then bound to the node's state."""
    claim = 'property small cite 1 "x stays small" whenever put: x <= 3'
    (result,) = prove(spec=loads(ALIKE + claim))
    assert result.result == "refuted"
