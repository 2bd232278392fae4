"""A rule of a candidate that is left out is noticed by a property, which is some pro or con.

Smaller changes, and rules that no claim is about, are told of in the candidates' README."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mipcheck.checker.proofs.certificates import known, taken_over
from mipcheck.checker.verbs.mutate_fates import KILLED, chosen, fates
from mipcheck.model.prover import prove
from mipcheck.model.prover.prove import Proofs
from mipcheck.model.specification.load import load

NOBODY_MINDS = {
    # The claim is that the gateway sends to where the node is, whatever another party's home agent does.
    "e3": ["E3O1"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["outer", "inner", "e3", "e4", "e5", "e6", "e7", "e8", "e9", "mobike"])
def test_a_rule_that_is_left_out_is_noticed(name: str) -> None:
    spec = load(f"candidates/{name}")
    left_out = [m for m in chosen(spec, [], None, None) if m.what == "the rule is left out"]
    assert left_out
    found = fates(spec, left_out, [], 20.0)
    assert [f.mutant.where for f in found if f.fate != KILLED] == [f"rule {r}" for r in NOBODY_MINDS.get(name, [])]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "where", "what", "by"),
    [
        ("e2", "on flushed", "unsure is not reset", "flushed_may_register"),
        ("e2", "on establish", "exchanges: 2 for 1", "two_will_not_do"),
        ("e2", "rule E2N5", "protected = yes implies up and for_home whether protected = yes or not", "clear_inside"),
    ],
)
def test_what_a_node_would_never_get_to_do_is_noticed(name: str, where: str, what: str, by: str) -> None:
    """A con of E.2 is that two associations are needed: that two will do, and flushing will, nobody had asked."""
    spec = load(f"candidates/{name}")
    changed = [m for m in chosen(spec, [], None, None) if (m.where, m.what) == (where, what)]
    assert [(f.fate, f.by) for f in fates(spec, changed, [], 20.0)] == [(KILLED, by)]


@pytest.mark.slow
def test_what_does_without_a_rule_is_proved_at_once_where_that_rule_has_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A certificate has a proof without it, if not by the same invariant: it was not asked, and minutes went by."""

    def never(*_: object) -> None:
        raise AssertionError("what has been proved is proved anew")

    spec, prop = load("candidates/e2"), "nothing_vanishes_once_deleted"
    certificate = known("candidates/e2")(prop)
    assert certificate is not None and "mobile.E2N6" in certificate.proofs
    (changed,) = [m for m in chosen(spec, ["E2N6"], None, None) if m.what == "without n = count"]
    monkeypatch.setattr(prove, "spacer", never)
    result = Proofs(changed.spec, certificate={prop: certificate}.get).verdict(prop)
    assert (result.result, result.certified) == ("proved", True)


def test_what_several_are_made_of_is_proved_where_it_is_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts without certificates of their own were proved anew for each mutant, so that most of them were not asked."""

    def never(*_: object) -> None:
        raise AssertionError("what has been proved is proved anew")

    monkeypatch.setattr(prove, "spacer", never)
    for name, prop in (("inner", "left_association_is_harmless"), ("outer", "redirection_takes_the_key")):
        spec = load(f"candidates/{name}")
        result = Proofs(spec, certificate=taken_over(spec), briefly=True).verdict(prop)
        assert (result.result, result.certified) == ("proved", True)
        assert taken_over(replace(spec, name="./mine.spec"))(prop) is None
