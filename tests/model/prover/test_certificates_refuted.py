"""A counterexample is kept as a certificate: followed in what the specification says today, and never believed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mipcheck.model.prover import claims
from mipcheck.model.prover.certificate import REFUTES, Certificate, read_certificate, write_certificate
from mipcheck.model.prover.prove import Proofs, Result
from mipcheck.model.specification.load import loads

TEXT = """
spec small
document "none"
event tick(n: int) by network seen log
event go() by node seen log
interface { count: int = 0 }
on tick { count := count + 1 }
rule A MUST cite 1 "After two ticks." allow go only if count > 1
property late "Refuted: only after three." whenever go: count > 2
property right "Proved." whenever go: count > 1
"""


def _verdict(text: str, name: str, known: Certificate | None = None) -> Result:
    return Proofs(loads(text), certificate=lambda _: known).verdict(name)


def _kept() -> Certificate:
    result = _verdict(TEXT, "late")
    assert result.result == "refuted" and not result.certified and result.certificate is not None
    kept = read_certificate(write_certificate(result.certificate))
    assert set(kept.scripts) == {REFUTES} and not kept.proofs
    return kept


def test_a_counterexample_is_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, first = _kept(), _verdict(TEXT, "late")
    monkeypatch.setattr(claims.Refutations, "find", None)
    again = _verdict(TEXT, "late", kept)
    assert again.result == "refuted" and again.certified
    assert again.trace is not None and first.trace is not None
    assert [e.kind for e in again.trace.events] == [e.kind for e in first.trace.events] == ["tick", "tick", "go"]


def test_it_says_nothing_of_another_specification() -> None:
    """A rule that forbids it, a property that it does not refute: the property is decided anew."""
    kept = _kept()
    stricter = _verdict(TEXT.replace("allow go only if count > 1", "allow go only if count > 2"), "late", kept)
    assert stricter.result == "proved" and not stricter.certified
    longer = _verdict(TEXT.replace("count > 1", "count > 3").replace("count > 2", "count > 4"), "late", kept)
    assert longer.result == "refuted" and not longer.certified


def test_a_proof_is_not_refuted_by_what_is_kept() -> None:
    kept = replace(_kept(), property="right")
    result = _verdict(TEXT, "right", kept)
    assert result.result == "proved" and not result.certified
