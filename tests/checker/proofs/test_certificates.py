"""Certificates are evidence: they are checked against what a specification says today, and never believed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mipcheck.checker.cli.main import main
from mipcheck.checker.proofs.certificates import SUFFIX
from mipcheck.checker.verbs.prove_results import Answered, ToProve, prove_all
from mipcheck.model.prover import consistency, prove, proving, widen
from mipcheck.model.prover.certificate import Certificate, Malformed, read_certificate, write_certificate
from mipcheck.model.prover.prove import Proofs, Result
from mipcheck.model.prover.spacer import Verdict, spacer
from mipcheck.model.specification.load import loads

from making.depth import DEEP

TEXT = """
spec small
event ask(n: int, loud: bool) by node seen log
event answer(n: int) by network seen log
event go(way: {near, far}) by node seen log
event die() by network silent
interface { asked: int = 0  ready: bool = false  since: time  owed: bool = false }
ghost interface { dead: bool = false }
on ask(n > 0) { asked := n; owed := true; since := now }
on answer(n = asked) { ready := true; owed := false }
on die { dead := true }
assumption alive "who is dead does not answer" on answer: not dead
rule A MUST cite 1 "who goes is ready" allow go only if ready
rule B MUST cite 2 "nobody goes far loudly" allow ask only if n < 9 or not loud
rule C MUST cite 3 "who has asked goes" require go within 5 s of since while ready and owed
rule D MUST cite 4 "either will do" allow go(way = far) only if ready and asked > 0
rule E SHOULD cite 5 "only advice" allow go(way = far) only if asked > 1
property ready cite 1 "who goes near is ready" whenever go(way = near): ready
property far cite 1 "who goes far is ready" whenever go(way = far): ready
property far_asked cite 2 "who goes far has asked" whenever go(way = far): asked > 0
property quiet cite 2 "loud ones are small" whenever ask(loud): n < 9
property once_alive cite 1 "it was there" whenever go: ready or not dead
property alone cite 3 "interfaces do not meet" independent ready, allowed go
"""
WITHOUT_A = TEXT.replace("only if ready\n", "only if ready or asked > 3\n", 1)


@cache
def made(name: str, spec: str = TEXT) -> Certificate:
    """What `--store` keeps of a property."""
    proofs = Proofs(loads(spec))
    certificate = proofs.completed(proofs.verdict(name)).certificate
    assert certificate is not None
    return read_certificate(write_certificate(certificate))


def with_it(name: str, certificate: Certificate, spec: str = TEXT) -> Result:
    """What is said of a property with a certificate at hand."""
    proofs = Proofs(loads(spec), certificate=lambda _: certificate)
    return proofs.completed(proofs.verdict(name))


def needed(result: Result) -> list[str]:
    return [n.rule for n in result.needs]


@pytest.mark.parametrize("name", ["ready", "far", "far_asked", "quiet", "alone"])
def test_what_is_checked_again_is_what_was_proved(name: str) -> None:
    proofs = Proofs(loads(TEXT))
    fresh = proofs.completed(proofs.verdict(name))
    assert fresh.certificate is not None
    again = with_it(name, read_certificate(write_certificate(fresh.certificate)))
    assert (again.result, again.certified, fresh.certified) == ("proved", True, False)
    assert (needed(again), again.undecided) == (needed(fresh), fresh.undecided)
    assert [n.trace for n in again.needs] == [n.trace for n in fresh.needs]
    assert again.certificate == fresh.certificate


@pytest.mark.slow
def test_an_invariant_that_is_none_proves_nothing() -> None:
    true = made("ready")
    for invariant in ("true", "false", "ready.0", "(not ready.0)", "(", "(foo)", "true true", ""):
        false = replace(true, proofs={"": replace(true.proofs[""], invariant=invariant)})
        found = with_it("ready", false)
        assert (found.result, found.certified) == ("proved", invariant == "true")  # a rule on the event says it
        assert with_it("ready", false, WITHOUT_A).result == "refuted"


def test_an_old_certificate_does_not_prove_what_no_longer_holds() -> None:
    found = with_it("ready", made("ready"), WITHOUT_A)
    assert (found.result, found.certified) == ("refuted", False)


def test_a_rule_elsewhere_changes_nothing() -> None:
    assert with_it("ready", made("ready"), TEXT.replace("n < 9 or not loud", "n < 8 or not loud")).certified


def test_what_was_permitted_may_be_forbidden_by_a_rule_that_is_new() -> None:
    text = """
spec gate
event open(loud: bool) by node seen log
interface { calm: bool = true }
rule A MUST cite 1 "a" allow open only if calm
property may cite 1 "it may be opened" permitted open when calm
"""
    kept = Proofs(loads(text)).verdict("may").certificate
    assert kept is not None
    assert with_it("may", kept, text).certified
    found = with_it("may", kept, text + 'rule B MUST cite 2 "b" allow open only if not loud\n')
    assert (found.result, found.certified) == ("refuted", False)


CHANGED: Final[Mapping[str, tuple[str, dict[str, str], set[str]]]] = {
    "n < 9 or not loud": ("n < 7 or not loud", {}, set()),  # what was proved follows from it all the more
    "n < 9": ("n < 12", {"quiet": "refuted"}, set()),  # a kept trace shows that
    "only if ready\n": (
        "only if ready or asked > 3\n",
        {"ready": "refuted", "once_alive": "refuted"},
        {"ready", "once_alive"},
    ),
    "ready and asked > 0": ("ready and asked > 1", {}, set()),
    "within 5 s": ("within 6 s", {}, set()),
    "answer(n = asked)": ("answer(n = asked, n > 2)", {}, set()),
}


@pytest.mark.slow
@pytest.mark.parametrize("old", CHANGED)
def test_a_changed_rule_has_nothing_proved_anew_that_its_change_does_not_touch(
    old: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What else there is of the text is read by no solver but to check the certificates again."""
    new, concerned, sought = CHANGED[old]
    text = TEXT.replace(old, new, 1)
    names = list(loads(TEXT).properties)
    certificates = {n: made(n) for n in names}
    proofs = Proofs(loads(text), certificate=certificates.get)
    asked: list[str] = []
    answers = {}
    for name in names:
        for module in (prove, proving, widen):
            monkeypatch.setattr(module, "spacer", partial(_noted, asked, name))
        result = proofs.verdict(name)
        if not result.certified:
            answers[name] = result.result
        else:
            assert result.result == "proved"
    assert answers == concerned
    assert set(asked) == sought


def _noted(asked: list[str], name: str, *question: Any) -> Verdict:
    asked.append(name)
    return spacer(*question)


LATE = """
spec late
event tick() by network seen log
event go() by node seen log
event stop() by node seen log
interface { ready: bool = false  since: time = 0 s  owed: bool = false }
on tick { ready := true; since := now }
on go { owed := true }
on stop { owed := false }
rule A MUST cite 1 "who goes stops" require stop within 5 s of since while owed
rule B MUST cite 2 "go soon" allow go only if ready and now - since <= 1 s
property consistent "no contradiction" consistent
"""


def test_time_that_goes_on_by_the_permissions_is_shown_by_the_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sought: not that time goes on without them either, which took longer than all the rest."""
    certificate = made("consistent", LATE)
    assert certificate.proofs["time"].rules == ("B",)
    monkeypatch.setattr(consistency, "spacer", None)
    found = with_it("consistent", certificate, LATE)
    assert (found.result, found.certified) == ("proved", True)


@pytest.mark.slow
@pytest.mark.parametrize("about", ["far", "ready", "alone"])
def test_what_a_certificate_says_of_needs_has_to_be_shown(about: str) -> None:
    true = made(about)
    lies = [
        replace(true, scripts={"D": next(iter(made("far_asked").scripts.values()))}),  # breaks another property
        replace(true, scripts={r: replace(s, steps=s.steps[:-1]) for r, s in true.scripts.items()}),
        replace(true, scripts={r: replace(s, steps=s.steps[::-1]) for r, s in true.scripts.items()}),
        replace(true, scripts=dict(zip("BCD", true.scripts.values(), strict=False))),
        replace(true, proofs={**true.proofs, "A": true.proofs[""], "D": true.proofs[""]}),
        replace(true, scripts={}),
    ]
    for lie in lies:
        found = with_it(about, lie)
        assert (found.result, needed(found)) == ("proved", needed(with_it(about, true)))


def _changed(data: Any, draw: st.DataObject) -> Any:
    """A JSON value in which one thing is another."""
    if isinstance(data, dict | list) and data and draw.draw(st.integers(0, 3)):
        keys = list(data) if isinstance(data, dict) else range(len(data))
        key = draw.draw(st.sampled_from(list(keys)))
        copy = data.copy()
        copy[key] = _changed(data[key], draw)
        return copy
    return draw.draw(st.none() | st.integers(-3, 3) | st.sampled_from(["", "A", "ready.0", 2**90, [], {}, True, 0.5]))


@pytest.mark.slow
@settings(max_examples=200 if DEEP else 25, deadline=None)
@given(st.sampled_from(["ready", "far_asked"]), st.data())
def test_a_damaged_certificate_changes_no_answer(name: str, data: st.DataObject) -> None:
    damaged = json.dumps(_changed(json.loads(write_certificate(made(name))), data))
    try:
        certificate = read_certificate(damaged)
    except Malformed:
        return
    for spec, answer in ((TEXT, "proved"), (WITHOUT_A, "refuted" if name == "ready" else "proved")):
        proofs = Proofs(loads(spec), certificate=lambda _: certificate)
        result = proofs.verdict(name)
        assert result.result == answer
        assert "B" not in needed(proofs.completed(result))


# --- files ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    file = tmp_path / "small.spec"
    file.write_text(TEXT, "utf-8")
    return file


def answered(spec: Path, *options: str) -> list[dict[str, Any]]:
    answer = spec.with_name("answer.json")
    assert main(["prove", "--spec", str(spec), "--format", "json", "-o", str(answer), *options]) == 0
    found: list[dict[str, Any]] = json.loads(answer.read_text("utf-8"))["properties"]
    return found


def test_a_trace_at_a_time_that_no_log_can_hold_is_none() -> None:
    data = json.loads(write_certificate(made("ready")))
    for script in data["scripts"].values():
        for step in script["steps"]:
            step[0] += 2**70
    with pytest.raises(Malformed, match="no log can hold"):
        read_certificate(json.dumps(data))


@pytest.mark.slow
def test_they_are_kept_beside_the_specification_and_found_there(spec: Path, tmp_path: Path) -> None:
    folder = tmp_path / f"small{SUFFIX}"
    assert all(p["certificate"] is None for p in answered(spec, "ready"))
    assert not folder.exists()
    stored = answered(spec, "--store")
    assert sorted(folder.iterdir()) == sorted(Path(p["certificate"]) for p in stored)
    again = answered(spec)
    assert [(p["needs"], p["certificate"]) for p in again] == [(p["needs"], p["certificate"]) for p in stored]
    assert all(p["certificate"] is None for p in answered(spec, "--fresh"))


@pytest.mark.slow
def test_what_was_kept_of_needs_outlasts_a_run_that_does_not_ask(spec: Path, tmp_path: Path) -> None:
    kept = [Path(p["certificate"]) for p in answered(spec, "--store")]
    before = [file.read_bytes() for file in kept]
    answered(spec, "--store", "--no-needs")
    assert [file.read_bytes() for file in kept] == before


def test_the_cache_will_do_where_nothing_can_be_written(
    spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIPCHECK_CACHE", str(tmp_path / "cache"))
    (tmp_path / f"small{SUFFIX}").write_text("a file is in the way", "utf-8")
    assert [p["certificate"] for p in answered(spec, "ready", "--store")] == ["cache"]
    assert [p["certificate"] for p in answered(spec, "ready", "quiet")] == ["cache", None]


def test_a_pipe_that_lies_there_stays_one(spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIPCHECK_CACHE", str(tmp_path / "cache"))
    pipe = tmp_path / f"small{SUFFIX}" / "ready.json"
    pipe.parent.mkdir()
    os.mkfifo(pipe)
    assert [p["certificate"] for p in answered(spec, "ready", "--store")] == ["cache"]
    assert pipe.is_fifo()
    assert list(pipe.parent.iterdir()) == [pipe]
    assert [p["certificate"] for p in answered(spec, "ready")] == ["cache"]


def test_what_lies_there_and_is_no_certificate_is_passed_over(spec: Path, tmp_path: Path) -> None:
    folder = tmp_path / f"small{SUFFIX}"
    folder.mkdir()
    (folder / "far.json").mkdir()
    os.mkfifo(folder / "ready.json")
    (folder / "quiet.json").write_bytes(b"\xff{")
    assert [p["certificate"] for p in answered(spec, "ready", "far", "quiet")] == [None] * 3


def test_what_holds_with_other_parameters_is_not_kept(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prove", "ready", "--spec", str(spec), "--store", "--without", "D"]) == 2
    assert "--store" in capsys.readouterr().err


def test_a_listener_hears_of_every_verdict_before_any_need(spec: Path) -> None:
    heard: list[tuple[str, str]] = []

    class Ears:
        def verdict(self, proved: Answered, final: bool) -> None:
            heard.append(("last word" if final else "verdict", proved.result.name))

        def completed(self, proved: Answered) -> None:
            heard.append(("needs", proved.result.name))

    prove_all(ToProve(loads(TEXT), "", ["ready", "quiet"]), Ears())
    assert heard == [("verdict", "ready"), ("verdict", "quiet"), ("needs", "ready"), ("needs", "quiet")]
    heard.clear()
    prove_all(ToProve(loads(TEXT), "", ["ready"], with_needs=False), Ears())
    assert heard == [("last word", "ready")]


def test_an_error_of_one_property_leaves_the_others(spec: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    verdict = Proofs.verdict

    def fails(self: Proofs, name: str) -> Result:
        if name == "far":
            raise ArithmeticError
        return verdict(self, name)

    monkeypatch.setattr(Proofs, "verdict", fails)
    assert main(["prove", "ready", "far", "quiet", "--spec", str(spec)]) == 4
    said = capsys.readouterr()
    assert "proved   ready" in said.out and "unknown  far" in said.out and "proved   quiet" in said.out
    assert "internal error: ArithmeticError" in said.err


def test_all_together_take_no_longer_than_they_may(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prove", "--spec", str(spec), "--timeout", "0.001"]) == 3
    assert "because the time for the run was up" in capsys.readouterr().out


@pytest.mark.slow
def test_what_one_property_kills_the_solver_by_leaves_the_others(
    spec: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    verdict, completed = Proofs.verdict, Proofs.completed

    def dies(self: Proofs, name: str) -> Result:
        if name == "far":
            os.kill(os.getpid(), signal.SIGKILL)
        return verdict(self, name)

    monkeypatch.setattr(Proofs, "verdict", dies)
    assert main(["prove", "ready", "far", "quiet", "--spec", str(spec)]) == 3
    said = capsys.readouterr().out
    assert "proved   ready" in said and "proved   quiet" in said
    assert "unknown  far" in said and "SIGKILL" in said

    def dies_later(self: Proofs, result: Result) -> Result:
        if result.name == "ready":
            os.kill(os.getpid(), signal.SIGKILL)
        return completed(self, result)

    monkeypatch.setattr(Proofs, "verdict", verdict)
    monkeypatch.setattr(Proofs, "completed", dies_later)
    heard: list[tuple[str, str]] = []

    class Ears:
        def verdict(self, proved: Answered, final: bool) -> None:
            heard.append(("verdict", proved.result.name))

        def completed(self, proved: Answered) -> None:
            heard.append(("needs", proved.result.name))

    ready, quiet = prove_all(ToProve(loads(TEXT), "", ["ready", "quiet"]), Ears())
    assert heard == [("verdict", "ready"), ("verdict", "quiet"), ("needs", "ready"), ("needs", "quiet")]
    assert (ready.result.result, quiet.result.result) == ("proved", "proved")
    assert not ready.result.needs and ready.result.undecided and quiet.result.needs
