"""What is claimed of the bundled specifications is proved, by certificates that are true today, and needs what it says.

All that asks for these results stands here, because finding out takes long, once in a process.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.proofs.certificates import known
from mipcheck.checker.proofs.replayed import trace_text
from mipcheck.checker.verbs import prove_results as proofs
from mipcheck.model.prover.prove import Proofs, Result
from mipcheck.model.specification.load import load

from making.depth import DEEP
from making.proofs import result_of

SPEC = load()
PROPERTIES = list(SPEC.properties)
WITH_LONG = [pytest.param(p, marks=pytest.mark.slow) if p == "consistent" else p for p in PROPERTIES]


def proof(name: str) -> Result:
    return result_of(SPEC.name, name)


def test_all_are_there() -> None:
    assert set(PROPERTIES) == set(NEEDED)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", WITH_LONG)
def test_is_proved_with_an_invariant_checked_again(name: str) -> None:
    result = proof(name)
    assert result.result == "proved", result.reason
    assert result.invariant
    assert result.cross_checked == ("z3",)


NEEDED = {
    "no_plaintext_after_loss": {"D1", "I1", "M2"},
    "interface_independence": {"D1", "I1"},
    "inside_is_sound": {"D1", "I1"},
    "no_data_during_detection": {"S1"},
    "no_plaintext_once_failed": {"D1", "I1", "M2"},
    "no_plaintext_once_refused": {"D1", "I1", "M2"},
    "no_plaintext_outside": {"D1", "I1"},
    "late_reply_goes_direct": {"L1"},
    "layers_agree_with_mode": {"C3"},
    "bits_agree_with_mode": {"C4", "V1", "V2", "V5", "V6"},
    "ike_source_agrees_with_mode": {"V4"},
    "dynamic_home_address_never_by_vpn_fa": {"V13"},
    "consistent": set(),
}


@pytest.mark.parametrize("name", WITH_LONG)
def test_lists_the_rules_it_needs(name: str) -> None:
    assert {n.rule for n in proof(name).needs} == NEEDED[name]


def only_breaks(log: Path, text: str, rule: str) -> None:
    """Check that the observer finds just this rule broken in a counterexample."""
    log.write_text(text, "utf-8")
    report = check([str(log)])
    assert report.verdict == "violation"
    assert [r.id for r in report.rules if r.status == "violated"] == [rule]


@pytest.mark.parametrize(("name", "rule"), [(n, r) for n, rules in NEEDED.items() for r in sorted(rules)])
def test_what_shows_that_a_rule_is_needed_breaks_just_that(name: str, rule: str, tmp_path: Path) -> None:
    (needed,) = (n for n in proof(name).needs if n.rule == rule)
    only_breaks(tmp_path / "counterexample.log", trace_text(SPEC, needed.trace, {}), rule)


# For every rule the proof above has sought one without it in vain; that `prove` says so is asked once a property.
ASKED = [(n, r) for n, rules in NEEDED.items() for r in sorted(rules)[: None if DEEP else 1]]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "rule"), ASKED)
def test_without_a_needed_rule_it_is_refuted_by_a_trace_that_breaks_just_that(
    name: str, rule: str, tmp_path: Path
) -> None:
    proved = proofs.prove_one(SPEC, name, {}, [rule])
    assert proved.result.result == "refuted"
    only_breaks(tmp_path / "counterexample.log", proved.counterexample, rule)


# --- certificates ---

BUNDLED = [(s, p) for s in ("draft-01", "rfc5265") for m in load(s).machines() for p in m.properties]
# That of consistency has two traces for each rule.
BUNDLED_WITH_LONG = [pytest.param(*b, marks=pytest.mark.slow) if b[1].endswith("consistent") else b for b in BUNDLED]


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("name", "property_"), BUNDLED_WITH_LONG)
def test_what_comes_with_mipcheck_is_true_today(name: str, property_: str) -> None:
    result = result_of(name, property_)
    assert result.result == "proved" and result.certified
    stored = known(name)(property_)
    assert stored is not None and result.certificate == stored, f"mipcheck prove --fresh --store --spec {name}"


SAMPLE = [("draft-01", "inside_is_sound"), ("draft-01", "interface_independence"), ("rfc5265", "iha_consistent")]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "property_"), BUNDLED if DEEP else SAMPLE)
def test_it_is_what_is_proved_anew(name: str, property_: str) -> None:
    proofs = Proofs(load(name))
    fresh, kept = proofs.completed(proofs.verdict(property_)), result_of(name, property_)
    assert (fresh.result, fresh.undecided) == (kept.result, kept.undecided)
    assert {n.rule for n in fresh.needs} == {n.rule for n in kept.needs}
