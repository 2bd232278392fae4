"""Asked briefly, whether something holds is told by kept traces, with whatever times and keys they take now."""

from __future__ import annotations

import pytest
from mipcheck.model.prover import proving
from mipcheck.model.prover.certificate import Certificate, Inductive
from mipcheck.model.prover.prove import Proofs
from mipcheck.model.prover.search import Search
from mipcheck.model.prover.spacer import System, Verdict
from mipcheck.model.specification.load import loads

from making.proofs import LENGTHY

TEXT = """
spec small "who asks waits"
event ask(n: int) by node seen log
event go(n: int) by node seen log
node { last: time = 0 s }
table asked by n: int { at: time }
on ask { asked[n] := { at := now } }
rule A MUST cite 1 "asked before" allow go only if n in asked and now - asked[n].at >= 2 s
rule B MUST cite 2 "small numbers" allow ask, go only if n < 5
property goes_asked cite 1 "nobody goes unasked" whenever go: n in asked
property goes_late cite 1 "nobody goes at once" whenever go when n in asked: now - asked[n].at >= 2 s
"""


def certificates(text: str) -> dict[str, Certificate]:
    proofs = Proofs(loads(text))
    results = [proofs.completed(proofs.verdict(name)) for name in proofs.properties]
    return {r.name: r.certificate for r in results if r.certificate is not None}


def changed(old: str, new: str) -> str:
    text = TEXT.replace(old, new)
    assert text != TEXT
    return text


@pytest.mark.parametrize(
    ("old", "new", "property_"),
    [
        ("n in asked and now", "now", "goes_asked"),
        ("n in asked and now - asked[n].at >= 2 s", "n in asked", "goes_late"),
        ("only if n in asked and now - asked[n].at >= 2 s", "only if n >= 3", "goes_asked"),
        (">= 2 s\nrule", ">= 1 s\nrule", "goes_late"),
    ],
    ids=["as it was kept", "likewise", "of another entry", "at another time"],
)
def test_what_is_refuted_by_the_events_that_are_kept_takes_no_search(
    old: str, new: str, property_: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = certificates(TEXT)
    monkeypatch.setattr(Search, "shortest", None)
    told = Proofs(loads(changed(old, new)), certificate=kept.get, briefly=True).verdict(property_)
    assert told.result == "refuted" and told.trace is not None


def test_what_examples_of_rules_refute_takes_no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """A way to the event that no trace of the property's own took was sought, and too long to be found in the time."""
    text = TEXT + 'property fits cite 1 "the rules fit together" consistent\n'
    kept = {"fits": certificates(text)["fits"]}
    monkeypatch.setattr(Search, "shortest", None)
    changed = text.replace("n in asked and now - asked[n].at >= 2 s", "n < 9")
    assert Proofs(loads(changed), certificate=kept.get, briefly=True).verdict("goes_late").result == "refuted"


def test_a_rule_that_is_needed_by_another_entry_takes_no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trace that showed it was of number 0, which nobody can have any more: its key was kept, and it was sought."""
    kept = certificates(TEXT)
    monkeypatch.setattr(Search, "shortest", None)
    proofs = Proofs(loads(changed("n < 5", "n > 5")), certificate=kept.get, briefly=True)
    assert proofs.verdict("goes_asked").result == "proved"
    assert not proofs.spared("goes_asked", "A")


TOLD_AT_LENGTH = f'{LENGTHY}property goes_asked cite 1 "nobody goes unasked" whenever go: asked > 1\n'


def test_what_refutes_is_told_at_once_and_the_shortest_trace_is_found_then(monkeypatch: pytest.MonkeyPatch) -> None:
    text = TOLD_AT_LENGTH.replace("asked > 1", "asked > 3")
    trace = Proofs(loads(text)).verdict("goes_asked").trace
    assert trace is not None and trace.script is not None and trace.steps == 4
    kept = Certificate("lengthy", "mn", "goes_asked", {}, {"A": trace.script})
    search = Search.shortest
    monkeypatch.setattr(Search, "shortest", None)
    proofs = Proofs(loads(text.replace("asked >= 3", "asked >= 1")), certificate={"goes_asked": kept}.get)
    told = proofs.verdict("goes_asked")
    assert told.result == "refuted" and not told.shortest and "4 steps" in told.method and proofs.is_open(told)
    monkeypatch.setattr(Search, "shortest", search)
    found = proofs.completed(told)
    assert found.result == "refuted" and found.shortest and "2 steps" in found.method and not proofs.is_open(found)
    assert found.trace is not None and found.certificate is not None
    assert list(found.certificate.scripts.values()) == [found.trace.script]


def test_the_shortest_of_all_is_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = certificates(TEXT)
    monkeypatch.setattr(Search, "shortest", None)
    proofs = Proofs(loads(changed("n in asked and now", "now")), certificate=kept.get)
    assert proofs.verdict("goes_asked").shortest


def test_what_is_told_at_length_is_the_shortest_trace() -> None:
    text = changed("n in asked and now", "now")
    proofs = Proofs(loads(text), certificate=certificates(TEXT).get)
    kept = proofs.completed(proofs.verdict("goes_asked"))
    assert kept.trace is not None and kept.trace == Proofs(loads(text)).verdict("goes_asked").trace


def test_what_refutes_one_property_is_tried_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a rule allows too much, several are mostly refuted by the same events."""
    more = 'property goes_known cite 1 "nobody goes unknown" whenever go: asked > 2\n'
    proofs = Proofs(loads(TOLD_AT_LENGTH.replace("asked >= 3", "asked >= 1") + more))
    assert proofs.verdict("goes_asked").result == "refuted"
    monkeypatch.setattr(Search, "shortest", None)
    monkeypatch.setattr(proving, "spacer", None)
    monkeypatch.setattr(proving, "widest", None)
    assert proofs.verdict("goes_known").result == "refuted"


COUNTS = """
spec counts "what is counted"
event up() by node seen log
node { first: int = 0  second: int = 0 }
on up { first := first + 1; second := second + 1 }
property never_less cite 1 "the first is never less than nothing" invariant first >= 0
"""


@pytest.mark.parametrize(("old", "new", "proofs"), [("second + 1", "second - 1", 0), ("first + 1", "first - 1", 1)])
def test_a_proof_does_without_what_is_true_no_more(
    old: str, new: str, proofs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An invariant says much of which a property has no need; where that was changed, all was proved anew, or not."""
    kept = Certificate("counts", "mn", "never_less", {"": Inductive((), True, "(and (<= 0 first.n) (<= 0 second.n))")})
    asked: list[System] = []

    def unknown(system: System, _: float) -> Verdict:
        asked.append(system)
        return Verdict("unknown")

    monkeypatch.setattr(proving, "spacer", unknown)
    monkeypatch.setattr(proving, "widest", lambda *_: Verdict("unknown"))
    text = COUNTS.replace(old, new)
    result = Proofs(loads(text), certificate={"never_less": kept}.get, briefly=True).verdict("never_less").result
    assert result == ("unknown" if proofs else "proved") and bool(asked) == bool(proofs)
