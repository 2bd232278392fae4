"""The shortest traces of every rule get the verdicts that the prover predicts, and notice most changes to the rules."""

from __future__ import annotations

import tomllib

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.verbs.mutate_fates import KILLED, chosen, fates
from mipcheck.model.specification.load import load

from making.paths import TRACES

FOLDER = TRACES / "shortest"
EXPECTED = tomllib.loads((FOLDER / "expected.toml").read_text("utf-8"))


def test_every_trace_has_its_expectation() -> None:
    assert {p.stem for p in FOLDER.glob("*.log")} == set(EXPECTED)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", EXPECTED)
def test_trace(name: str) -> None:
    expected = EXPECTED[name]
    report = check([str(FOLDER / f"{name}.log")])
    assert report.verdict == expected["verdict"]
    assert sorted(r.id for r in report.rules if r.status == "violated") == expected.get("broken", [])
    assert sorted(r.id for r in report.rules if r.status == "held") == expected["held"]
    if first := expected.get("first"):
        v = report.violations[0]
        assert (v.rule, v.at.line) == (first["rule"], first.get("line"))


def test_what_breaks_a_rule_is_called_so() -> None:
    """The names are what they show: of a rule, that it is broken, or that it is kept."""
    upper = {r.lower(): r for m in load().machines() for r in m.rules}
    for name, expected in EXPECTED.items():
        rule, _, what = name.rpartition("-")
        if what == "broken":
            assert upper[rule] in expected["broken"]
        if what == "kept" and rule in upper:
            assert upper[rule] in expected["held"]


@pytest.mark.slow
def test_they_notice_what_is_changed_in_a_rule() -> None:
    found = fates(load(), chosen(load(), ["D1"], None, 12), None, 5, search=False)
    assert sum(f.fate == KILLED for f in found) >= 9, [f.mutant.id for f in found if f.fate != KILLED]
