"""What is likely of a system whose messages come again: orders of numbers that hang on what has happened."""

from __future__ import annotations

import pytest
import z3
from mipcheck.model.prover.claims import system_of
from mipcheck.model.prover.likely import guarded
from mipcheck.model.prover.logic import conj
from mipcheck.model.prover.prove import prove
from mipcheck.model.prover.setting import setting_of
from mipcheck.model.prover.spacer import lasting, recheck
from mipcheck.model.specification.compose import owners
from mipcheck.model.specification.load import loads
from mipcheck.model.values.types import BOOL, INT

RETURNS = """
spec returns
document "returns.txt"
site home
event begins(n: int) by node seen log    "the n-th lease is asked for"
event ends(n: int) by node seen log      "it is to end"
event ended(n: int) by network seen log  "that is confirmed"
event leaves() by node seen log          "away"
event rests() by node seen log           "at home, without a lease"
node {
  count: int = 0
  over: int = 0
  resting: bool = false
}
on begins { count := n }
on ended when n > over { over := n }
on rests { resting := true }
on leaves { resting := false }
rule R1 MUST cite 1 "Leases are numbered, and asked for away." allow begins only if n = count + 1 and not resting
rule R2 MUST cite 1 "It is the newest that ends." allow ends only if n = count
rule R3 MUST cite 1 "A node rests without a lease." allow rests only if over = count
role server {
  event asked(n: int) by network seen log
  event told(n: int) by network seen log
  event confirms(n: int) by node seen log
  event serves() by node seen log
  node {
    newest: int = 0
    gone: int = 0
  }
  on asked when n > newest { newest := n }
  on told(n = newest) when n > gone { gone := n }
  rule R4 MUST cite 2 "An end is confirmed once it is so." allow confirms only if n = CONFIRMED
  rule R5 MUST cite 2 "Who has a lease is served." allow serves only if newest > gone
}
system leases {
  party mobile: mn
  party owner: server
  channel asking key k from mobile.begins to owner.asked carries n
  channel ending key k from mobile.ends to owner.told carries n
  channel confirming key k from owner.confirms to mobile.ended carries n
  property none_at_rest cite 2 "Who rests has no lease, whatever comes late or again."
    whenever owner.serves: not mobile.resting against delay, replay, alter, forge
}
"""


@pytest.mark.slow
def test_what_hangs_on_where_a_party_is_needs_no_search() -> None:
    """Spacer found such orders one value at a time, and gave up where there are more channels."""
    owner = owners(loads(RETURNS.replace("CONFIRMED", "gone")))["none_at_rest"]
    setting = setting_of(owner)
    system = system_of(setting, owner.properties["none_at_rest"], setting.musts, True)
    assert recheck(system, conj(lasting(system, 5.0)), 5.0) == ""


@pytest.mark.slow
@pytest.mark.parametrize(("confirmed", "result"), [("gone", "proved"), ("newest", "refuted")])
def test_a_right_system_is_proved_against_replay_and_a_wrong_one_refuted(confirmed: str, result: str) -> None:
    (found,) = prove(["none_at_rest"], spec=loads(RETURNS.replace("CONFIRMED", confirmed)), with_needs=False)
    assert found.result == result, found.reason


def test_nothing_is_likely_where_no_message_is_followed() -> None:
    state = {"a": z3.Int("a"), "b": z3.Bool("b")}
    assert guarded(state, {"a": INT, "b": BOOL}, ["b"]) == []


def test_orders_hang_on_what_was_sent_and_on_the_guards_alone() -> None:
    kinds = {
        "m/x": INT,
        "g/y": INT,
        "m/at": BOOL,
        "m/else": BOOL,
        "c/arrived": BOOL,
        "c/arrived/n": INT,
        "c[0]": BOOL,
        "c[0]#n": INT,
    }
    state = {n: (z3.Int if kind == INT else z3.Bool)(n) for n, kind in kinds.items()}
    said = [str(z).replace("\n", "") for z in guarded(state, kinds, ["m/at"])]
    assert any("c[0]" in s and "c[0]#n <= m/x" in s for s in said)
    assert any("Not(m/at)" in s and "m/x <= g/y" in s for s in said)
    assert not [s for s in said if "m/else" in s and "<=" in s]
