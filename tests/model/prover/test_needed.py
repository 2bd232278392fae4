"""Which rules a proof needs: with a trace, not at all, or undecided."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mipcheck.checker.cli.main import main
from mipcheck.checker.verbs.prove_results import Answered
from mipcheck.checker.verbs.prove_text import results_text
from mipcheck.model.prover.prove import Proofs, Result, prove
from mipcheck.model.specification.load import loads

TEXT = """
spec small
event go() by node seen log
event tick() by network seen log
event stop() by node seen log
interface { n: int = 0  stopped: bool = false }
on tick when n < 40 { n := n + 1 }
on stop { stopped := true }
rule FEW MUST cite 1 "few" allow go only if n < 30
rule ONE MUST cite 1 "said once" allow stop only if n < 2 and n < 5
rule TWO MUST cite 1 "said twice" allow stop only if n < 2
rule ANY MUST cite 1 "says little" allow go only if n < 45
property far cite 1 "its counterexamples are longer than what is searched for" whenever go: n < 30
property twice cite 1 "either rule will do" whenever stop: n < 2
property near cite 1 "one rule will do" whenever stop: n < 5
property wrong cite 1 "it does not hold" whenever go: n = 3 or not stopped
"""
SPEC = loads(TEXT)


def proof(name: str, **more: bool) -> Result:
    (result,) = prove([name], spec=SPEC, **more)  # type: ignore[arg-type]
    return result


@pytest.mark.slow
def test_what_no_proof_and_no_trace_settles_is_undecided(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, answer = tmp_path / "small.spec", tmp_path / "answer.json"
    file.write_text(TEXT, "utf-8")
    assert main(["prove", "far", "--spec", str(file), "--format", "json", "-o", str(answer)]) == 0
    (entry,) = json.loads(answer.read_text("utf-8"))["properties"]
    assert (entry["result"], entry["needs"], entry["undecided"]) == ("proved", [], ["FEW"])
    result = Result("far", "1", "proved", 0.0, "", undecided=("FEW",))
    assert "whether it needs FEW is undecided" in results_text(SPEC, [Answered(result)])


def test_what_is_not_asked_for_is_not_called_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "small.spec"
    file.write_text(TEXT, "utf-8")
    assert main(["prove", "far", "--no-needs", "--spec", str(file), "--format", "json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)["properties"]
    assert (entry["result"], entry["needs"], entry["undecided"]) == ("proved", None, None)


@pytest.mark.parametrize("name", ["twice", "near"])
def test_of_two_rules_that_each_will_do_none_is_needed(name: str) -> None:
    result = proof(name)
    assert (result.result, result.needs, result.undecided) == ("proved", (), ())


def test_without_the_one_the_other_is_needed() -> None:
    (result,) = prove(["twice"], spec=SPEC, without=["ONE"])
    (need,) = result.needs
    assert need.rule == "TWO" and need.trace.broken == {"ONE", "TWO"}


@pytest.mark.slow
def test_no_rule_is_needed_for_what_does_not_hold() -> None:
    assert proof("wrong").result == "refuted"
    assert not any(Proofs(SPEC).needed("wrong", rule) for rule in SPEC.rules)


def test_a_property_that_speaks_of_nothing_needs_what_forbids_it() -> None:
    """`prove` said so, and `explain` that no property failed without that rule."""
    spec = loads("""
        spec calm
        document "none"
        event go(n: int) by node seen log
        interface { ready: bool = false }
        rule R MUST cite 1 "never the third" allow go(n = 3) only if false
        property p "of the third" whenever go(n = 3): ready
    """)
    proofs = Proofs(spec)
    assert proofs.verdict("p").result == "vacuous"
    assert proofs.needed("p", "R") and not proofs.spared("p", "R")
