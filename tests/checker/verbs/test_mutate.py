"""What notices a change of a specification, and the trace that would."""

from __future__ import annotations

import tomllib
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.cli.main import main
from mipcheck.checker.proofs.partings import PartingLog, Partings
from mipcheck.checker.verbs.mutate_fates import EQUIVALENT, KILLED, SURVIVES, UNDECIDED, Fate, chosen, fates
from mipcheck.checker.verbs.mutate_report import name_of
from mipcheck.model.prover.prove import Proofs, Result
from mipcheck.model.specification.load import loads

from making.schemas import conforming
from making.systems import SYSTEM

DOOR = """\
spec door "a door that is watched"
document "door.txt"
param t_open: time = 5 s
event open() by node seen log
event close() by node seen log
event wind(force: int) by network seen log
event fall() by network silent
interface { is_open: bool = false
  since: time = 0 s
  blown: bool = false }
ghost interface { fallen: bool = false }
on open { is_open := true; since := now }
on close { is_open := false; blown := false }
on wind(force > 7) { is_open := true; since := now; blown := true }
on fall { fallen := true }
rule R1 MUST cite 1 "" allow open only if not is_open
rule R2 MUST cite 2 "" require close within t_open of since while is_open
rule R3 SHOULD cite 3 "" allow close only if is_open and (is_open or blown)
property opened_once cite 1 "an open door is not opened" whenever open: not is_open
"""
KEPT = """\
mipcheck-trace 1
site boot=true
0.0 eth0 open
2.0 eth0 close
"""


@pytest.fixture
def door(tmp_path: Path) -> str:
    (tmp_path / "door.spec").write_text(DOOR, "utf-8")
    return str(tmp_path / "door.spec")


def found(*names: str, logs: tuple[str, ...] = (), search: bool = True, path: Path | None = None) -> list[Fate]:
    spec = loads(DOOR)
    paths = []
    for n, text in enumerate(logs):
        assert path is not None
        paths.append(str(path / f"log{n}.log"))
        Path(paths[-1]).write_text(text, "utf-8")
    return fates(spec, chosen(spec, names, None, None), paths, 20, search)


def by_what(fates: list[Fate]) -> dict[str, Fate]:
    return {f"{f.mutant.where}: {f.mutant.what}": f for f in fates}


def test_a_trace_that_is_judged_otherwise_notices(tmp_path: Path) -> None:
    got = by_what(found("R1", "R2", logs=(KEPT,), search=False, path=tmp_path))
    assert (got["rule R1: without the not of not is_open"].fate, got["rule R1: without the not of not is_open"].by) == (
        KILLED, "log0"
    )  # fmt: skip
    assert got["rule R1: the rule is left out"].fate == KILLED  # it was held
    assert got["rule R2: within: t_open + 1 s"].fate == UNDECIDED


@pytest.mark.slow
def test_example_traces_in_other_words_witness_nothing() -> None:
    """Those that come along are the draft's; a specification of other events was refused because of them."""
    spec = loads(DOOR)
    (fate, *_) = fates(spec, chosen(spec, ["R1"], None, 1), None, 20, False)
    assert (fate.fate, fate.by) == (UNDECIDED, "")


@pytest.mark.slow
def test_a_property_that_is_refuted_notices() -> None:
    got = by_what(found("R1"))
    assert got["rule R1: the rule is left out"].by == "opened_once"


def test_a_time_that_an_obligation_keeps_is_told_by_an_invariant() -> None:
    """It is about no event, so that no permission speaks of it; without R2 the door stays open for ever."""
    timed = 'property closed cite 2 "it is shut in time" invariant is_open implies now - since <= t_open + 1 s\n'
    spec = loads(DOOR.replace("event open", "param t_slack: time = 1 s\nevent open", 1) + timed)
    (fate,) = fates(spec, chosen(spec, ["rule-R2.1"], None, None), [], 10.0)
    assert (fate.mutant.what, fate.fate, fate.by) == ("the rule is left out", KILLED, "closed")


@pytest.mark.slow
def test_a_property_that_rests_on_rules_of_other_events_notices() -> None:
    """It was asked only of changes to what the rules on its own event speak of, so that the mutant survived."""
    locked = """event lock() by node seen log
interface { locked: bool = false }
on lock { locked := true }
rule R4 MUST cite 4 "" allow lock only if not is_open
rule R5 MUST cite 5 "" allow open only if not locked
rule R6 MUST cite 6 "" allow close only if is_open
property none_locked cite 6 "a door that is locked is not closed" whenever close: not locked
"""
    spec = loads(DOOR.replace("on wind(force > 7) {", "on wind(force > 7) when not locked {") + locked)
    (fate, *_) = fates(spec, chosen(spec, ["R4"], None, None), [], 10.0)
    assert (fate.mutant.what, fate.fate, fate.by) == ("the rule is left out", KILLED, "none_locked")


def test_a_property_of_which_nothing_can_happen_any_more_notices() -> None:
    got = by_what(found("R1"))
    assert got["rule R1: without the not of not is_open"].by == "opened_once"


@pytest.mark.slow
def test_a_property_of_a_system_notices_what_no_property_of_a_role_does() -> None:
    spec = loads(SYSTEM)
    (fate,) = fates(spec, chosen(spec, ["vpn:on-arrives.1"], None, None), [], 10.0)
    assert (fate.mutant.what, fate.fate, fate.by) == ("endpoint is not assigned", KILLED, "known_is_right")


def test_what_was_refuted_before_notices_nothing() -> None:
    wrong = 'property wrong cite 1 "it is opened when it is open" whenever open: is_open'
    spec = loads(DOOR.split("property")[0] + wrong)
    got = by_what(fates(spec, chosen(spec, ["R1"], None, None), [], 10.0))
    assert got["rule R1: the rule is left out"].by != "wrong"


@pytest.mark.slow
def test_what_nobody_notices_has_a_trace_on_which_it_parts() -> None:
    (strict, *_) = [f for f in found("wind") if f.mutant.what == "wind: >= in force > 7"]
    assert strict.fate == SURVIVES
    assert "wind force=7" in strict.trace


@pytest.mark.slow
def test_what_was_not_decided_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """That somebody has asked in vain was told as if nobody could tell the difference."""
    monkeypatch.setattr(Partings, "find", lambda *_: PartingLog())
    verdict = Proofs.verdict

    def unknown(proofs: Proofs, name: str) -> Result:
        return replace(verdict(proofs, name), result="unknown")

    monkeypatch.setattr(Proofs, "verdict", unknown)
    got = by_what(found("R1"))["rule R1: the rule is left out"]
    assert (got.fate, got.reason) == (UNDECIDED, "not decided: opened_once")


@pytest.mark.slow
def test_what_means_the_same_is_proved_to() -> None:
    """`is_open and (is_open or blown)` is `is_open`, whatever `blown` is."""
    got = by_what(found("R3", "close"))
    assert got["rule R3: without is_open or blown"].fate == EQUIVALENT
    assert got["on close: blown is not reset"].fate == EQUIVALENT
    # They part on a trace, which may be the one that was found for another.
    assert got["rule R3: without is_open"].fate in {SURVIVES, KILLED}


def test_what_only_ghosts_know_matters_to_properties_that_read_it() -> None:
    assert {f.fate for f in found("fall")} == {EQUIVALENT}  # none does
    spec = loads(DOOR + 'property upright cite 1 "it never falls" invariant not fallen')
    assert {f.by for f in fates(spec, chosen(spec, ["fall"], None, None), [], 10.0)} == {"upright"}


@pytest.mark.slow
def test_what_is_unclear_is_no_less_said() -> None:
    """Both were called equivalent, because the prover's traces are about what is clear."""
    unclear = "unclear if now - since > t_open kept by open when blown"
    spec = loads(DOOR + f'rule R4 MUST cite 4 "" allow close only if is_open {unclear}')
    found = by_what(fates(spec, chosen(spec, ["R4"], None, None), [], 10.0))
    for what in ("nothing is unclear", "unclear: >= in now - since > t_open", "nothing shows that it is kept"):
        assert found[f"rule R4: {what}"].fate != EQUIVALENT


@pytest.mark.slow
def test_what_matters_where_a_parameter_is_given_is_not_the_same() -> None:
    """The proof was about sites that leave all parameters to their defaults."""
    spec = loads(DOOR + 'rule R4 MUST cite 4 "" allow close only if not given t_open or is_open')
    found = by_what(fates(spec, chosen(spec, ["R4"], None, None), [], 10.0))
    assert found["rule R4: without is_open"].fate != EQUIVALENT
    assert found["rule R4: and in not given t_open or is_open"].fate != EQUIVALENT


@pytest.mark.slow
def test_what_matters_by_another_reading_is_not_the_same() -> None:
    """A log may choose it in its site, so that the two are judged otherwise."""
    spec = loads(
        DOOR.replace(
            "event open",
            'ambiguity wide cite 4 "what is open?" reading ajar "a little" reading gaping "quite"\nevent open',
            1,
        )
        + 'rule R4 MUST cite 4 "" allow close only if wide != gaping or is_open'
    )
    found = by_what(fates(spec, chosen(spec, ["R4"], None, None), [], 10.0))
    assert found["rule R4: without is_open"].fate != EQUIVALENT


@pytest.mark.slow
def test_a_trace_that_was_found_notices_other_mutants() -> None:
    fates = found("R2")
    assert Counter(f.fate for f in fates)[SURVIVES] < len([f for f in fates if f.fate != EQUIVALENT])
    assert {f.by for f in fates if f.fate == KILLED} & {f.mutant.id for f in fates if f.fate == SURVIVES}


@pytest.mark.slow
def test_the_traces_are_written_with_what_is_expected_of_them(
    door: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new"
    words = ["mutate", "R2", "--spec", door, "--traces", str(tmp_path / "kept.log"), "--write", str(folder)]
    (tmp_path / "kept.log").write_text(KEPT, "utf-8")
    assert main([*words, "--format", "json"]) == 1
    said: dict[str, Any] = conforming("mutate", capsys.readouterr().out)
    survivors = [m for m in said["mutants"] if m["fate"] == "survives"]
    assert len(survivors) == said["totals"]["survives"] > 0
    expected = tomllib.loads((folder / "expected.toml").read_text("utf-8"))
    assert len(expected) == len(survivors)
    for name, entry in expected.items():
        report = check([str(folder / f"{name}.log")], spec=loads(DOOR))
        assert report.verdict == entry["verdict"]
    # They notice what they were found for.
    logs = sorted(str(p) for p in folder.glob("*.log"))
    assert main(["mutate", "R2", "--spec", door, "--no-search", "--at-least", "70", "--traces", *logs]) == 0
    assert main(["mutate", "R2", "--spec", door, "--no-search", "--at-least", "100", "--traces", words[5]]) == 1
    assert main(words) == 2  # the folder is there


def test_a_sample_is_always_the_same() -> None:
    spec = loads(DOOR)
    every, some = chosen(spec, (), None, None), chosen(spec, (), None, 5)
    assert [m.id for m in some] == [m.id for m in chosen(spec, (), None, 5)]
    assert len(some) == 5
    assert {m.id for m in some} <= {m.id for m in every}
    assert len(chosen(spec, (), None, 10**6)) == len(every)


def test_a_sample_stays_where_something_else_is_changed() -> None:
    """It was every so-and-so-manyth, so that a rule more made it a sample of others."""
    before = {(m.where, m.what) for m in chosen(loads(DOOR), (), None, 20)}
    longer = loads(DOOR.replace("rule R1", 'rule R0 MUST cite 1 "" allow open only if not blown\nrule R1'))
    after = {(m.where, m.what) for m in chosen(longer, (), None, 20)}
    assert len(before & after) >= 16


@pytest.mark.parametrize(
    ("words", "says"),
    [(["R9"], "did you mean"), (["--role", "gate"], "there is no role"), (["--sample", "0"], "a number from 1"),
     (["--at-least", "101"], "from 0 to 100")],
)  # fmt: skip
def test_what_is_not_there_is_said(door: str, words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code: object = main(["mutate", *words, "--spec", door])
    except SystemExit as error:
        code = error.code
    assert code == 2
    assert says in capsys.readouterr().err


def test_names_of_traces_say_what_they_show() -> None:
    (fate,) = [f for f in found("R2", search=False) if f.mutant.what == "within: t_open + 1 s"]
    assert name_of(fate) == "r2-within-t-open-1-s"
