"""Logs that are kept are evidence and never answers: they are replayed, and what does not show it is sought anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from mipcheck.checker.cli.main import main
from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.proofs import replayed
from mipcheck.checker.proofs.certificates import folder_for
from mipcheck.checker.proofs.kept import LONGEST, KeptLogs
from mipcheck.checker.proofs.replayed import examples, statuses
from mipcheck.model.specification.load import load

TEXT = """
spec small
event knock() by node seen log
event answer() by network seen log
interface { open: bool = false }
on answer { open := true }
rule R MUST cite 1 "only where one is welcome" allow knock only if open
rule Q SHOULD cite 2 "nobody knocks"
  reading never "not at all" allow knock only if false
  reading at-first "not before somebody answers" allow knock only if open
"""
SUCCESSOR = load("rfc5265")
STATUS = {"kept": "held", "broken": "violated"}
HEAD = "mipcheck-trace 1\nsite boot=true\n"
BROKEN = HEAD + "0.000000 eth0 knock\n"
HARMLESS = HEAD + "0.000000 eth0 answer\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "small.spec"
    path.write_text(TEXT, "utf-8")
    return path


def keep(path: Path, name: str, log: str) -> Path:
    file = path.with_suffix(".proofs") / f"{name}.log"
    file.parent.mkdir(exist_ok=True)
    file.write_text(log, "utf-8")
    return file


@pytest.fixture
def no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("sought")

    monkeypatch.setattr(replayed, "_Search", refuse)


def test_what_is_kept_is_only_replayed(path: Path, no_search: None) -> None:
    log = HEAD + "0.000000 eth0 answer\n9.000000 eth0 answer\n10.000000 eth0 knock\n"
    keep(path, "R-kept", log)
    keep(path, "R-broken", BROKEN)
    spec = load(str(path), {"Q": "at-first"})
    assert examples(spec, "R", kept=KeptLogs(str(path))) == (log, BROKEN)


@pytest.mark.parametrize(
    "log", [HARMLESS, "", "no log", HEAD + "0.000000 eth0 gone\n", BROKEN + "# \x1b[2J\n", BROKEN + "#" * LONGEST]
)
def test_what_does_not_show_it_is_sought_anew(path: Path, log: str) -> None:
    keep(path, "R-broken", log)
    found = KeptLogs(str(path)).log("R-broken", lambda text: "R" in replayed.broken_in(load(str(path)), text), str)
    assert found == ""


def test_a_log_that_breaks_something_keeps_nothing(path: Path) -> None:
    spec = load(str(path), {"Q": "never"})
    keep(path, "R-kept", HEAD + "0.000000 eth0 answer\n1.000000 eth0 knock\n")
    kept, broken = examples(spec, "R", kept=KeptLogs(str(path)))
    assert kept == ""  # whoever knocks breaks the SHOULD
    assert replayed.broken_in(spec, broken) == {"R", "Q"}


def test_they_are_stored_beside_the_specification_and_sought_anew_on_request(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ambiguities", "--spec", str(path), "--store"]) == 0
    shown = capsys.readouterr().out
    (file,) = path.with_suffix(".proofs").iterdir()
    assert file.name == "Q-never-at-first.log"
    assert "no shorter one was found" in shown
    file.write_text(file.read_text("utf-8").replace("no shorter one was found", "as I say"), "utf-8")
    assert main(["ambiguities", "--spec", str(path)]) == 0
    assert "as I say" in capsys.readouterr().out
    assert main(["ambiguities", "--spec", str(path), "--fresh"]) == 0
    assert capsys.readouterr().out == shown


def test_nothing_is_stored_of_a_specification_as_it_is_not(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "R", "--spec", str(path), "--store", "--reading", "Q=never"]) == 2
    assert "not with --set, --reading" in capsys.readouterr().err
    assert not path.with_suffix(".proofs").exists()


def test_where_it_cannot_be_kept_that_is_said(path: Path) -> None:
    path.with_suffix(".proofs").write_text("in the way", "utf-8")
    with pytest.raises(UsageError, match="cannot be written"):
        KeptLogs(str(path), store=True).log("R-broken", lambda _: True, lambda: BROKEN)


def test_examples_of_the_draft_are_those_of_the_traces(no_search: None) -> None:
    kept, broken = examples(load(), "M2")
    assert "exercises M2" in kept
    assert "breaks M2" in broken


EXAMPLES = sorted(f.stem for f in folder_for("rfc5265").glob("*.log") if f.stem.endswith(("-kept", "-broken")))


@pytest.mark.sampled(12)
@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_that_come_with_rfc5265_show_what_they_are_kept_for(name: str) -> None:
    rule, _, which = name.rpartition("-")
    log = KeptLogs("rfc5265").log(name, lambda log: statuses(SUCCESSOR, log)[rule] == STATUS[which], lambda: "")
    assert f"{'exercises' if which == 'kept' else 'breaks'} {rule}" in log
