"""What Spacer finds to happen where there is no proof is a trace, mostly, so that none has to be searched for."""

from __future__ import annotations

import pytest
from mipcheck.checker.verbs.prove_results import Answered, prove_one
from mipcheck.model.prover import proving
from mipcheck.model.prover.prove import Proofs
from mipcheck.model.prover.search import Search
from mipcheck.model.specification.load import loads

HEAD = """
spec small
param patience: time = 5 s
event ask(n: int) by node seen log
event answer(n: int) by network seen log
event go(n: int) by node seen log
event gain() by network silent "it can be reached"
interface { asked: bool = false  since: time  lapsed: bool = false  lapsed_at: time }
node { shared: bool = false }
ghost interface { reachable: bool = false }
on gain { reachable := true }
on ask { asked := true; since := now }
"""


def refuted(text: str, name: str = "p") -> Answered:
    """Return a counterexample, replayed by the checker."""
    answered = prove_one(loads(HEAD + text), name, {}, [], with_needs=False)
    assert answered.result.result == "refuted", answered.result
    return answered


def kinds(answered: Answered) -> list[str]:
    """Return the events of a counterexample, silent ones too."""
    trace = answered.result.trace
    assert trace is not None and trace.script is not None
    return [step.event for step in trace.script.steps]


@pytest.fixture
def _unsearched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Search, "shortest", None)


PERMITTED = 'rule A MUST cite 1 "x" allow go only if asked and now - since >= 2 s\n'
SILENT = """
assumption open cite 1 "x" on answer: reachable
on answer when asked { lapsed := true }
rule A MUST cite 1 "x" allow go only if lapsed
"""
CHOICES = """
rule A MUST cite 1 "x" allow go only if asked or lapsed
rule B MUST cite 1 "x" allow ask only if lapsed
on answer(n > 3) { lapsed := true }
"""
VALUELESS = """
on answer { lapsed := true }
rule A MUST cite 1 "x" allow go only if asked and now - since >= 5 s and lapsed and now - lapsed_at <= 1 s
"""


@pytest.mark.usefixtures("_unsearched")
@pytest.mark.parametrize(
    ("text", "events"),
    [
        (PERMITTED + 'property p "x" whenever go: now - since >= 3 s', ["ask", "go"]),
        (PERMITTED + 'property p "x" invariant not asked', ["ask"]),
        (SILENT + 'property p "x" whenever go: n < 3', ["gain", "ask", "answer", "go"]),
        # That a rule forbids what Spacer has found is no reason to search.
        (CHOICES + 'property p "x" whenever go: not asked', ["answer", "ask", "go"]),
        # A time that has no value yet may be what it takes.
        (VALUELESS + 'property p "x" whenever go: n < 3', ["answer", "ask", "go"]),
    ],
)
def test_what_spacer_finds_is_a_shortest_trace(text: str, events: list[str]) -> None:
    assert sorted(kinds(refuted(text))) == sorted(events)


def test_what_is_searched_for_is_no_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in (PERMITTED, SILENT, CHOICES, VALUELESS):
        found = kinds(refuted(text + 'property p "x" whenever go: n < 3'))
        with monkeypatch.context() as patched:
            patched.setattr("mipcheck.model.prover.claims.Refutations.by", lambda *_: None)
            assert len(kinds(refuted(text + 'property p "x" whenever go: n < 3'))) == len(found)


@pytest.mark.usefixtures("_unsearched")
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("on ask { shared := true }\n", "wlan0 ask"),
        ('on answer { shared := true }\nassumption open cite 1 "x" on answer: reachable\n', "wlan0 answer"),
    ],
)
def test_what_happens_on_another_interface_is_any_event_that_changes_what_is_shared(text: str, shown: str) -> None:
    text += 'rule A MUST cite 1 "x" allow go only if shared\nproperty p "x" independent allowed go'
    assert shown in refuted(text).counterexample


OWED = 'rule R MUST cite 1 "x" require go within patience of since while asked\n'


@pytest.mark.usefixtures("_unsearched")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("on answer when asked { since := now - 10 s }\n", "answer makes R overdue at once"),
        ('rule A MUST cite 1 "x" allow go only if not asked\n', "when R is due, at 5.000000, A forbids all"),
    ],
)
def test_what_blocks_time_is_what_spacer_finds(text: str, reason: str) -> None:
    assert reason in refuted(OWED + text + 'property p "x" consistent').result.reason


def test_what_shows_a_rule_that_is_new_is_what_spacer_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    fits = 'property p "x" consistent\n'
    old = Proofs(loads(HEAD + fits + PERMITTED)).verdict("p")
    assert old.certificate is not None
    monkeypatch.setattr(Search, "shortest", None)
    new = 'rule N MUST cite 1 "x" allow ask(n > 7) only if asked and n < 9\n'
    found = Proofs(loads(HEAD + fits + PERMITTED + new), certificate={"p": old.certificate}.get).verdict("p")
    assert found.result == "proved" and found.certificate is not None
    assert {"kept:N", "broken:N"} <= found.certificate.scripts.keys()


def test_what_takes_two_interfaces_is_searched_for_before_spacer_is_asked_about_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of any number of interfaces one is followed, and what others are may be anything: a run of that is no trace."""
    monkeypatch.setattr(proving, "spacer", None)
    found = refuted('property p "x" whenever go: asked or not (some interface: asked)\n')
    assert kinds(found) == ["ask", "go"]
