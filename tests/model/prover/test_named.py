"""What a trace has not named is no interface: prover and checker agree on what some or every one finds."""

from __future__ import annotations

import pytest
from mipcheck.checker.proofs.partings import Partings
from mipcheck.checker.proofs.replayed import broken_in, trace_text
from mipcheck.checker.verbs.prove_results import prove_one
from mipcheck.model.prover.examples import Examples
from mipcheck.model.prover.named import among_named
from mipcheck.model.prover.same import never_differs
from mipcheck.model.prover.setting import setting_of
from mipcheck.model.specification.load import every_bundled, load, loads
from mipcheck.model.specification.spec import Spec

HEAD = """
spec phone
document "none"
event ring() by network seen log
event go() by node seen log
event hang() by node seen log
interface { busy: bool = false }
node { owner: interface = none  rung: time = 0 s }
on ring { busy := true; owner := this; rung := now }
"""


def of(text: str) -> Spec:
    return loads(HEAD + text)


def spoken(trace: str) -> list[str]:
    return [" ".join(line.split()[1:]) for line in trace.splitlines() if line[:1].isdigit()]


def test_a_counterexample_names_the_interface_on_which_it_rests() -> None:
    """The prover took one for idle of which the checker knew nothing: that was an internal error."""
    spec = of('rule R MUST cite 1 "x" allow go only if some interface: not busy\nproperty p "x" whenever go: not busy')
    answer = prove_one(spec, "p", {}, [], 10.0, frozenset(), with_needs=False)
    assert (answer.result.result, answer.result.reason) == ("refuted", "")
    assert answer.result.trace is not None
    text = trace_text(spec, answer.result.trace, {})
    named = {line.split()[0] for line in spoken(text)}
    assert named == {"eth0", "wlan0"} and broken_in(spec, text) == set()


def test_what_a_rule_demands_is_proved_for_any_number_of_interfaces() -> None:
    spec = of(
        'rule R MUST cite 1 "x" allow go only if some interface: not busy\n'
        'property p "x" whenever go: some interface: not busy'
    )
    result = prove_one(spec, "p", {}, [], 10.0, frozenset(), with_needs=False).result
    assert (result.result, result.interfaces) == ("proved", "any")


@pytest.mark.parametrize("quantified", ["some interface: not busy", "not (every interface: busy)"])
def test_what_a_node_owes_is_owed_for_interfaces_that_are_named(quantified: str) -> None:
    spec = of(f'rule O MUST cite 1 "x" require hang within 1 s of rung while {quantified}')
    found = Examples(setting_of(spec)).find("O", True)
    assert found is not None
    text = trace_text(spec, found, {})
    assert broken_in(spec, text) == {"O"}
    assert {line.split()[0] for line in spoken(text)} == {"eth0", "wlan0"}


def test_what_meets_an_obligation_of_the_node_names_its_interface() -> None:
    """An example of one that is kept met it on an interface whose first event shows that nothing is owed."""
    spec = of(
        'rule O MUST cite 1 "x" require hang within 1 s of rung while every interface: busy\n'
        'rule H MUST cite 1 "x" allow hang only if not busy'
    )
    assert Examples(setting_of(spec)).find("O", False) is None


@pytest.mark.parametrize(
    "quantified",
    ["some interface: busy", "every interface: not busy or owner = none", "some interface: (owner = this and not busy)",
     "every interface: owner != this"],
)  # fmt: skip
def test_where_an_idle_interface_decides_nothing_there_is_no_more_state(quantified: str) -> None:
    spec = of(f'rule R MUST cite 1 "x" allow go only if {quantified}')
    assert among_named(spec) is spec


def test_one_that_asks_more_of_the_trace_is_not_the_same() -> None:
    one, other = (of(f'rule R MUST cite 1 "x" allow go only if {q} interface: busy') for q in ("some", "every"))
    assert not never_differs(one, other)
    assert Partings(one, other).find(["R"], []).outright


def test_the_bundled_specifications_ask_nothing_else() -> None:
    assert not [m.name for name in every_bundled() for m in load(name).machines() if among_named(m) is not m]


@pytest.mark.parametrize("claim", ["whenever go when capability spare: busy", "permitted go when capability spare"])
def test_a_claim_of_what_never_happens_in_a_setting_is_no_claim_of_every_state(claim: str) -> None:
    spec = of(f'capability spare "it has one"\nrule R MUST cite 1 "x" allow go only if busy\nproperty p "x" {claim}')
    assert prove_one(spec, "p", {}, [], 10.0, frozenset(), with_needs=False).result.result == "vacuous"
