"""Proofs decided anew from text: by both solvers in processes of their own, and by strangers with the folder alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import z3
from mipcheck.checker.cli.main import main
from mipcheck.checker.proofs import opinions as module
from mipcheck.checker.proofs.opinions import decided, opinions
from mipcheck.checker.proofs.replayed import Disagreement
from mipcheck.model.prover.smtlib import obligations
from mipcheck.model.prover.spacer import Move, System

from making.schemas import conforming

SPEC = """\
spec door "a door that is watched"
document "door.txt"
param t_open: time = 5 s
event open() by node seen log
event close() by node seen log
event wind(force: int) by network seen log
interface { is_open: bool = false
  since: time = 0 s }
on open { is_open := true; since := now }
on close { is_open := false }
on wind(force > 7) { is_open := true; since := now }
rule R1 MUST cite 1 "" allow open only if not is_open
rule R2 MUST cite 2 "" require close within t_open of since while is_open
property opened_once cite 1 "an open door is not opened" whenever open: not is_open
property consistent cite 2 "" consistent
"""
X = z3.Int("x")
COUNTER = System({"x": X}, X == 0, [Move("up", z3.BoolVal(True), {"x": X + 1})], [X < 0])
HARD = """(set-logic QF_NIA)
(declare-fun p () Int) (declare-fun q () Int) (declare-fun r () Int)
(assert (and (> p 1) (> q 1) (> r 1) (= (+ (* p p p) (* q q q)) (* r r r))))
(check-sat)
"""
EASY = "(set-logic QF_UF)\n(assert false)\n(check-sat)\n"


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("door") / "door.spec"
    path.write_text(SPEC, "utf-8")
    return str(path)


@pytest.fixture(scope="module")
def folder(spec: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("out") / "proofs"
    assert main(["prove", "--spec", spec, "--smtlib", str(made), "-o", str(made.parent / "said")]) == 0
    return made


def checked(folder: Path, *solvers: str) -> tuple[int, str]:
    """Run the script that strangers get."""
    done = subprocess.run(
        [sys.executable, "-I", str(folder / "check.py"), *solvers], capture_output=True, text=True, cwd="/"
    )
    return done.returncode, done.stdout + done.stderr


# --- second opinions ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_both_solvers_agree_and_it_is_said(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("cvc5")
    assert main(["prove", "--spec", spec, "--cross-check", "--format", "json"]) == 0
    found = conforming("prove", capsys.readouterr().out)["properties"]
    assert [p["cross_checked"] for p in found] == [["z3", "cvc5"]] * 2
    assert all(o["unsat"] > 2 and not o["undecided"] for p in found for o in p["opinions"].values())


@pytest.mark.slow
def test_what_one_does_not_decide_is_said_and_is_no_success(
    spec: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("cvc5")
    real = decided
    monkeypatch.setattr(
        module,
        "decided",
        lambda solver, texts, t: ["unknown"] * len(texts) if solver == "cvc5" else real(solver, texts, t),
    )
    assert main(["prove", "opened_once", "--spec", spec, "--cross-check"]) == 3
    said = " ".join(capsys.readouterr().out.split())
    assert "proved opened_once" in said
    assert "z3 agrees" in said
    assert "cvc5 does not say so" in said
    assert main(["prove", "opened_once", "--spec", spec, "--cross-check", "--format", "json"]) == 3
    (found,) = json.loads(capsys.readouterr().out)["properties"]
    assert found["cross_checked"] == ["z3"]


def test_a_contradiction_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SOLVERS", ("z3",))
    good, bad = obligations(COUNTER, X >= 0, "t"), obligations(COUNTER, X >= -5, "t")
    assert opinions("counter", good, 20)[0].discharged == 3
    with pytest.raises(
        Disagreement, match=r"z3 finds a state that consecution-001 of the proof of counter excludes: .* up"
    ):
        opinions("counter", obligations(COUNTER, X < 2, "t"), 20)
    with pytest.raises(Disagreement, match="safety-001"):
        opinions("counter", bad, 20)
    assert Disagreement.exit_code == 4


@pytest.mark.slow
@pytest.mark.parametrize("solver", module.SOLVERS)
def test_a_solver_that_takes_too_long_is_ended_and_the_next_question_answered(solver: str) -> None:
    pytest.importorskip(solver)
    assert list(decided(solver, [EASY, HARD, EASY], 1.0)) == ["unsat", "no answer in 1 s", "unsat"]


def test_a_solver_that_dies_leaves_one_question_open(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import os, sys, json\nfor line in sys.stdin:\n"
    code += " if 'die' in line: os.kill(os.getpid(), 11)\n print(json.dumps('unsat'), flush=True)"
    monkeypatch.setattr(module, "isolated", lambda _: [sys.executable, "-c", code])
    died = "it ended with signal 11"
    assert list(decided("z3", ["a", "die", "b", "die"], 5)) == ["unsat", died, "unsat", died]


def test_without_the_second_solver_the_command_line_is_wrong(
    spec: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "SOLVERS", ("z3", "no_such_solver"))
    assert main(["prove", "--spec", spec, "--cross-check"]) == 2
    assert "there is no no_such_solver here" in capsys.readouterr().err


# --- for strangers ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_stranger_checks_all_of_it(folder: Path) -> None:
    code, said = checked(folder, "z3")
    assert code == 0, said
    proofs = json.loads((folder / "proofs.json").read_text("utf-8"))["proofs"]
    assert [p["folder"] for p in proofs] == ["opened_once", "consistent-time", "consistent-due-R2"]
    assert all(f"{p['folder']}: z3 answers unsat to {len(p['files'])} of {len(p['files'])}" in said for p in proofs)
    assert "door" in (folder / "README.md").read_text("utf-8")


def test_a_solver_that_is_not_there_answers_nothing(folder: Path) -> None:
    code, said = checked(folder, "no_such_solver")
    assert (code, "there is no no_such_solver here" in said, "answers" in said) == (3, True, False)
    code, said = checked(folder, "--help")
    assert (code, "A SOLVER is a command" in said, "answers" in said) == (0, True, False)


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("consecution-001", "(assert $guard)", "(assert (and $guard false))", "does not ask what"),
        ("consecution-001", "(assert $guard)", "(assert false)\n(assert $guard)", "does not ask what"),
        (
            "consecution-001",
            "(define-fun $invariant",
            "(declare-fun z () Int)\n(define-fun $invariant",
            "not one of the state",
        ),
        ("safety-001", "(assert $bad)", "", "does not ask what"),
        ("safety-001", "(check-sat)", "(pop 1)\n(check-sat)", "do not belong here"),
        ("safety-001", "(check-sat)", "(check-sat)\n(check-sat)", "only question"),
        ("initiation", "(declare-fun", "(declare-fun now () Bool)\n(declare-fun", "declared twice"),
    ],
)
def test_a_file_that_asks_something_else_is_found(
    folder: Path, tmp_path: Path, file: str, old: str, new: str, says: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    path = copy / "consistent-time" / f"{file}.smt2"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    code, said = checked(copy, "true")
    assert code == 1
    assert "consistent-time: " in said
    assert says in said


def test_an_invariant_that_is_another_one_is_found(folder: Path, tmp_path: Path) -> None:
    """A weaker one where it has to be kept is kept by anything."""
    shutil.copytree(folder, tmp_path / "copy")
    path = tmp_path / "copy" / "consistent-time" / "consecution-002.smt2"
    text = path.read_text("utf-8").replace(" Bool\n", " Bool\n(or true ", 1).replace(")\n; -- move", "))\n; -- move", 1)
    path.write_text(text, "utf-8")
    code, said = checked(tmp_path / "copy", "true")
    assert code == 1
    assert "consistent-time: the files speak of different states or invariants" in said


def test_a_file_that_is_missing_is_missed(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    (tmp_path / "copy" / "opened_once" / "safety-001.smt2").unlink()
    assert checked(tmp_path / "copy", "true")[0] == 1


@pytest.mark.parametrize(("answer", "code"), [("unsat", 0), ("sat", 1), ("unknown", 3), ("oops", 3)])
def test_what_any_solver_says_decides(folder: Path, answer: str, code: int) -> None:
    assert checked(folder, f"echo {answer} #")[0] == 3  # echo says more than that
    script = folder.parent / f"{answer}.sh"
    script.write_text(f"#!/bin/sh\necho {answer}\n", "utf-8")
    script.chmod(0o755)
    assert checked(folder, str(script))[0] == code


def test_a_solver_that_is_not_there_is_no_success(folder: Path) -> None:
    assert checked(folder, "no_such_solver")[0] == 3


def test_a_folder_that_is_there_stays_as_it_is(spec: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(folder.rglob("*"))
    assert main(["prove", "opened_once", "--spec", spec, "--smtlib", str(folder)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert sorted(folder.rglob("*")) == before
    assert not list(folder.parent.glob(".*"))
