"""Examples of rules: the checker finds in them what they are to show, whatever the site's values, and where evidence
cannot tell."""

from __future__ import annotations

import pytest
from mipcheck.checker.proofs.replayed import examples, statuses
from mipcheck.model.prover.evident import surely_kept
from mipcheck.model.prover.prove import Proofs
from mipcheck.model.prover.scripts import Script, ScriptStep
from mipcheck.model.prover.setting import setting_of
from mipcheck.model.specification.load import loads

TEXT = """
spec small
param limit: time = 3 s
param twice: time = 2 * limit
param other: time = twice + 1 s
event ring() by network seen log
event go(n: int) by node seen log
interface { on_: bool = false }
node { sure: bool = false }
on ring { on_ := true  sure := true }
"""


@pytest.mark.parametrize(
    ("rules", "shown"),
    [
        # what a default says of the value that breaks a rule follows it
        ('rule C MUST cite 1 "x" configure limit <= twice - 3 s', "limit="),
        ('rule C MUST cite 1 "x" configure other <= 8 s', "other="),
        ('rule C MUST cite 1 "x" configure limit <= 4 s  rule D MUST cite 1 "x" configure twice <= 7 s', ""),
        # a site is told that keeps what is demanded, where the defaults do not
        ('rule C MUST cite 1 "x" configure limit <= 2 s', "limit="),
        ('rule C SHOULD cite 1 "x" configure twice = 1 s or limit <= 2 s', ""),
    ],
)
def test_what_is_demanded_of_a_site_is_kept_and_broken(rules: str, shown: str) -> None:
    spec = loads(TEXT + rules)
    kept, broken = examples(spec, "C")
    assert statuses(spec, kept)["C"] == "held"
    if broken:
        assert statuses(spec, broken)["C"] == "violated"
    assert shown in kept + broken
    if "D" in spec.rules:  # no value of limit breaks C alone, and with another of what follows it one does
        assert statuses(spec, broken) == {"C": "violated", "D": "held"}


@pytest.mark.parametrize("level", ["MUST", "SHOULD"])
def test_a_site_that_keeps_a_demand_by_no_default_has_examples_all_the_same(level: str) -> None:
    demand = f'rule C {level} cite 1 "x" configure limit <= 2 s'
    spec = loads(f'{TEXT}{demand}  rule R MUST cite 1 "x" allow go only if on_')
    kept, broken = examples(spec, "R")
    assert statuses(spec, kept) == {"C": "violated", "R": "held"}
    assert statuses(spec, broken) == {"C": "violated", "R": "violated"}


@pytest.mark.parametrize(
    "rule",
    [
        "allow go only if on_ unclear if not sure",
        "allow go only if on_ or n < 5 unclear if not sure and n < 7",
        # what came first must have been clear, too: no rule is held of which something is inconclusive
        "allow go only if on_ or not sure unclear if not sure",
    ],
)
def test_a_rule_is_kept_where_evidence_can_tell(rule: str) -> None:
    spec = loads(f'{TEXT}rule R MUST cite 1 "x" {rule}')
    kept, broken = examples(spec, "R")
    assert statuses(spec, kept)["R"] == "held"
    assert not broken or statuses(spec, broken)["R"] == "violated"


def test_no_trace_holds_a_time_that_no_log_can_tell() -> None:
    """The prover had an event say so, and to write that down was an internal error."""
    spec = loads("""
        spec far
        document "none"
        event ring(until: time) by network seen log
        event go() by node seen log
        node { late: bool = false }
        on ring(until - 1000000 h > 1000000 h) { late := true }
        rule R MUST cite 1 "x" allow go only if not late
    """)
    kept, broken = examples(spec, "R")
    assert kept and not broken


@pytest.mark.parametrize(("first", "kept"), [(6000, True), (6001, False)])
def test_an_obligation_is_kept_where_it_was_in_time_by_whatever_began_it(first: int, kept: bool) -> None:
    """Nobody knows when it began before the trace did: the checker says of one that may have been late that it is
    inconclusive, though another was met afterwards."""
    spec = loads("""
        spec begun
        document "none"
        event ring() by network seen log
        event go() by node seen log
        interface { on_: bool = false  heard: time  early: time = 0 s }
        on ring { on_ := true }
        on ring when now - heard <= 6 s { heard := early }
        on go when on_ { heard := now }
        rule R MUST cite 1 "x" require go within 6 s of heard while on_
    """)
    told = [("ring", 0), ("go", first), ("go", first + 6000)]
    script = Script(10**6, tuple(ScriptStep(event, 0, time, {}) for event, time in told), {})
    assert surely_kept(setting_of(spec).in_steps(10**6), script, "R") == kept
    log = "\n".join(["mipcheck-trace 1", "site boot=true", *(f"{ms / 1000:.3f} eth0 {event}" for event, ms in told)])
    assert (statuses(spec, log)["R"] == "held") == kept


UNSET = """
spec unset
document "none"
param wait: time = 5 s
event ring() by node seen log
event open() by node seen log
interface { rung: time  shut: bool = false }
on ring { rung := now }
on open { shut := true }
"""


def test_a_rule_is_kept_by_a_time_that_has_a_value() -> None:
    """A run that kept it with the time far back was found again and again, which to the checker shows nothing, and none
    was said to be there."""
    spec = loads(UNSET + 'rule R MUST cite 1 "waits" allow open only if now - rung >= wait')
    kept, broken = examples(spec, "R")
    assert statuses(spec, kept) == {"R": "held"}
    assert statuses(spec, broken) == {"R": "violated"}


def test_a_rule_is_kept_in_all_that_was_before() -> None:
    spec = loads(UNSET + 'rule R MUST cite 1 "waits" allow open only if shut or now - rung >= wait')
    kept, _ = examples(spec, "R")
    assert statuses(spec, kept) == {"R": "held"}


DEMANDS = """
spec demands
document "none"
param a: time = 5 s
param k: int = 3
param calm: bool = true
enum word { x, y }
param w: word = x
"""


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ('rule C MUST cite 1 "x" configure calm', "calm=false"),  # an internal error: to the solver it was a number
        ('rule C MUST cite 1 "x" configure not calm or a < 2 s', "a=0s"),  # kept by no default
        ('rule C MUST cite 1 "x" configure a < 10 s or calm', "a=10s calm=false"),  # no single value breaks it
        ('rule C MUST cite 1 "x" configure w = x', "w=y"),
        # what is changed is told, and so broke a demand besides
        ("""rule C MUST cite 1 "x" configure a > 1 s
         rule D MUST cite 1 "y" configure not (given a) or a > 0 s""", "a=1ms"),
    ],
)  # fmt: skip
def test_a_demand_on_a_site_is_broken_by_values_that_there_are(rules: str, told: str) -> None:
    spec = loads(DEMANDS + rules)
    kept, broken = examples(spec, "C")
    assert statuses(spec, kept)["C"] == "held"
    assert [name for name, status in statuses(spec, broken).items() if status == "violated"] == ["C"]
    assert f"site {told}\n" in (kept if "not calm" in rules else broken)


@pytest.mark.parametrize(
    ("rules", "answer", "said"),
    [
        ("configure a > 6 s|configure a < 4 s", "vacuous", "no trace exercises C0 and keeps the other rules; no trace"),
        ("configure w = x or w = y", "vacuous", "no trace breaks C0 and keeps the other rules"),
        ("configure a > 6 s|configure calm", "proved", ""),
        ("configure a > 6 s|configure a > 5 s", "vacuous", "no trace breaks C1 and keeps the other rules"),
        ("configure k * a > 6 s|configure k * a < 4 s", "unknown", "no trace was found that exercises C1"),
    ],
)
def test_demands_that_no_site_meets_are_told(rules: str, answer: str, said: str) -> None:
    text = "\n".join(f'rule C{n} MUST cite 1 "x" {rule}' for n, rule in enumerate(rules.split("|")))
    found = Proofs(loads(f'{DEMANDS}{text}\nproperty fits "x" consistent')).verdict("fits")
    assert (found.result, said in found.reason) == (answer, True)
