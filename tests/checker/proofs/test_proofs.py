"""The properties of the draft, what they need, and that the observer agrees with every counterexample."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Report
from mipcheck.checker.cli.main import main
from mipcheck.checker.proofs import replayed
from mipcheck.checker.proofs.certificates import known
from mipcheck.checker.proofs.opinions import opinions
from mipcheck.checker.proofs.replayed import trace_text
from mipcheck.model.prover.examples import Examples
from mipcheck.model.prover.prove import Proofs, prove
from mipcheck.model.prover.setting import setting_of
from mipcheck.model.specification.load import load, loads

from making.depth import DEEP
from making.paths import SPECS
from making.schemas import conforming

SPEC = load()


@cache
def obliged() -> Proofs:
    return Proofs(SPEC, certificate=known(SPEC.name), with_obligations=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(SPEC.properties))
def test_a_second_solver_agrees_to_every_obligation(name: str) -> None:
    pytest.importorskip("cvc5")
    asked = obliged().verdict(name).obligations
    assert len(asked) > 2
    found = opinions(name, asked, 60)
    assert [(o.solver, o.discharged) for o in found] == [("z3", len(asked)), ("cvc5", len(asked))]


@pytest.mark.slow
def test_a_rule_that_is_not_needed_leaves_the_proof() -> None:
    assert prove(["no_data_during_detection"], spec=SPEC, without=["M2"])[0].result == "proved"
    assert not Proofs(SPEC).needed("no_data_during_detection", "M2")
    assert Proofs(SPEC).needed("no_data_during_detection", "S1")


@pytest.mark.slow
def test_too_long_an_interval_is_refuted_and_the_trace_is_flagged(tmp_path: Path) -> None:
    answer, log = tmp_path / "answer.json", tmp_path / "counterexample.log"
    command = ["prove", "no_plaintext_after_loss", "--set", "t_reregister=90s", "--format", "json", "-o", str(answer)]
    assert main(command) == 1
    (entry,) = conforming("prove", answer.read_text("utf-8"))["properties"]
    assert entry["result"] == "refuted"
    log.write_text(entry["counterexample"], "utf-8")
    assert main([str(log)]) == 1
    assert "M3" in {r.id for r in check([str(log)]).rules if r.status == "violated"}


@pytest.mark.slow
def test_the_bound_is_exactly_t_stop() -> None:
    for word, expected in ((60 * 10**9, "proved"), (60 * 10**9 + 10**6, "refuted")):
        result = prove(["no_plaintext_after_loss"], spec=SPEC, parameters={"t_stop": word}, with_needs=False)[0]
        assert result.result == expected


@pytest.mark.slow
def test_counted_from_the_reply_the_bound_does_not_hold() -> None:
    text = (SPECS / "draft-01.spec").read_text("utf-8")
    assert "confirmed := sent" in text
    result = prove(["no_plaintext_after_loss"], spec=loads(text.replace("confirmed := sent", "confirmed := now")))[0]
    assert result.result == "refuted"


def test_an_undecided_property_is_unknown_and_exits_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prove", "no_plaintext_after_loss", "--timeout", "0.001"]) == 3
    out = capsys.readouterr().out
    assert "unknown" in out
    assert "proved   no_plaintext" not in out


# --- every rule has a trace that exercises it and one that breaks it ------------------------------------------------


@cache
def examples(capabilities: frozenset[str]) -> Examples:
    return Examples(setting_of(SPEC, capabilities=capabilities))


@cache
def examples_of(rule: str) -> Examples:
    """With the parameters given that the rule asks for."""
    return examples(frozenset(SPEC.rules[rule].given)).telling(rule)


@pytest.mark.slow
@pytest.mark.parametrize("rule", list(SPEC.rules))
def test_is_exercised_by_a_trace_that_breaks_nothing(rule: str, tmp_path: Path) -> None:
    report = _replay(rule, False, tmp_path)
    status = {r.id: r.status for r in report.rules}
    assert status[rule] == "held"
    assert "violated" not in status.values()


@pytest.mark.slow
@pytest.mark.parametrize("rule", list(SPEC.rules))
def test_is_broken_by_a_trace_that_breaks_nothing_else(rule: str, tmp_path: Path) -> None:
    report = _replay(rule, True, tmp_path)
    assert [r.id for r in report.rules if r.status == "violated"] == [rule]
    assert {v.rule for v in (*report.violations, *report.warnings)} == {rule}


def _replay(rule: str, broken: bool, folder: Path) -> Report:
    capabilities = frozenset(SPEC.rules[rule].given)
    found = examples_of(rule)
    trace = found.find(
        rule, broken, pretty=DEEP
    )  # pretty ones are shown by `explain` and `prove`, whose tests read them
    assert trace is not None
    log = folder / "example.log"
    log.write_text(trace_text(SPEC, trace, found.setting.given, (), capabilities), "utf-8")
    return check([str(log)])


# --- what a proof must never say ------------------------------------------------------------------------------------

BASE = """
spec small
event go() by node seen log
event tick() by network seen log
interface { ready: bool = false  since: time = 0 s  owed: bool = false }
on tick { ready := true; since := now }
"""


def test_contradicting_rules_are_inconsistent() -> None:
    spec = loads(
        BASE
        + """
        rule A MUST cite 1 "go soon" require go within 5 s of since while ready
        rule B MUST cite 1 "never go" allow go only if not ready
        property consistent "no contradiction" consistent
        """
    )
    (result,) = prove(["consistent"], spec=spec)
    assert result.result == "refuted"
    assert "A" in result.reason


def test_a_rule_that_cannot_be_broken_is_not_called_consistent() -> None:
    spec = loads(
        BASE
        + """
        rule A MUST cite 1 "always" allow go only if ready or not ready
        property consistent "no vacuity" consistent
        """
    )
    (result,) = prove(["consistent"], spec=spec)
    assert result.result != "proved"
    assert "breaks A" in result.reason


def test_an_obligation_that_is_overdue_at_once_blocks_time() -> None:
    spec = loads(
        BASE
        + """
        event late() by network seen log
        on late { owed := true }
        rule A MUST cite 1 "too late already" require go within 5 s of since while owed
        property consistent "time goes on" consistent
        """
    )
    (result,) = prove(["consistent"], spec=spec)
    assert result.result == "refuted"
    assert "time" in result.reason


def test_dependence_between_interfaces_is_found() -> None:
    spec = loads(
        """
        spec small
        event go() by node seen log
        event tick() by network seen log
        interface { ready: bool = false }
        node { any_ready: bool = false }
        on tick { any_ready := true }
        on go when any_ready { ready := true }
        property separate "no influence" independent ready
        """
    )
    (result,) = prove(["separate"], spec=spec)
    assert result.result == "refuted"


@pytest.mark.slow
def test_what_the_node_is_capable_of_is_set_as_in_a_log(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """V14 is for nodes with the VPN/FA feature only, and V13 is what keeps them from asking for an address by it."""
    dynamic = "dynamic_home_address_never_by_vpn_fa"
    assert main(["prove", dynamic, "--set", "capabilities=vpn-fa", "--without", "V13"]) == 1
    out = capsys.readouterr().out
    assert "capabilities=vpn-fa" in out and "V13" in out
    assert main(["prove", "consistent", "--set", "capabilities=vpn-fa,endpoint-update,zero-overhead"]) == 0
    assert main(["prove", dynamic, "--set", "capabilities=vpn-af"]) == 2
    assert 'did you mean "vpn-fa"?' in capsys.readouterr().err
    monkeypatch.setattr(replayed, "needed_by", lambda *_: [])  # of each property, which is not what is asked here
    assert main(["explain", "V14"]) == 0
    assert capsys.readouterr().out.count("capabilities=vpn-fa") == 2
