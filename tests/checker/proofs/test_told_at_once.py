"""What a changed rule refutes is said before the shortest trace is looked for, which is the one that is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from mipcheck.checker.cli.main import main
from mipcheck.model.prover import prove, proving
from mipcheck.model.prover.witness import Witness

from making.proofs import LENGTHY

TEXT = f"""{LENGTHY}\
property goes_asked cite 1 "nobody goes unasked" whenever go: asked = 0 or asked > 1
property goes_often cite 1 "nobody goes who asks once" whenever go: asked = 0 or asked > 2
"""


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A specification whose rule came to demand nothing, with the traces kept by which it was needed."""
    file = tmp_path / "lengthy.spec"
    file.write_text(TEXT, "utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["prove", "--spec", "./lengthy.spec", "--store"]) == 0
    file.write_text(TEXT.replace("only if asked >= 3", "only if n >= 0"), "utf-8")
    return "./lengthy.spec"


def test_the_verdicts_come_first_and_then_the_shortest_traces(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["prove", "--spec", spec]) == 1
    said = capsys.readouterr().out
    told, shown = said.split("goes_asked: the shortest counterexample")
    assert told.count("refuted  ") == 2 and told.count("the shortest one follows") == 2 and "mipcheck-trace" not in told
    assert shown.count("mipcheck-trace") == 2 and shown.count(" ask ") == 2
    assert said.rstrip().endswith("A counterexample is a log: mipcheck prove PROPERTY | mipcheck -")


def test_one_alone_is_a_log_all_the_same(spec: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["prove", "goes_asked", "--spec", spec]) == 1
    said = capsys.readouterr().out
    assert said.startswith("# refuted  goes_asked") and said.count("mipcheck-trace") == 1
    log = tmp_path / "said.log"
    log.write_text(said, "utf-8")
    assert main([str(log), "--spec", spec]) == 0


def test_verdicts_alone_have_the_trace_that_told_them(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["prove", "--spec", spec, "--no-needs"]) == 1
    said = capsys.readouterr().out
    assert said.count("\na counterexample, replayed by the checker:") == 2 and "the shortest" not in said
    assert main(["prove", "--spec", spec, "--no-needs", "--format", "json"]) == 1
    methods = [p["method"] for p in json.loads(capsys.readouterr().out)["properties"]]
    assert all(m.startswith("a known trace, ") for m in methods)


def test_where_time_is_up_what_told_it_stays(
    spec: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shortest = proving.shortest

    def late(*asked: Any) -> Witness:
        monkeypatch.setattr(prove, "is_over", lambda: True)
        return shortest(*asked)

    monkeypatch.setattr(prove, "shortest", late)
    capsys.readouterr()
    assert main(["prove", "goes_asked", "--spec", spec, "--format", "json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)["properties"]
    assert found["result"] == "refuted" and found["method"] == "a known trace, 2 steps" and found["counterexample"]


def test_a_counterexample_that_is_kept_is_not_called_the_shortest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was, before the rule came to allow more; the shortest one is found where not the verdicts alone are asked."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "lengthy.spec"
    file.write_text(TEXT.replace("asked > 1", "asked > 3"), "utf-8")
    asked = ["prove", "goes_asked", "goes_often", "--spec", "./lengthy.spec"]
    assert main([*asked, "--store"]) == 1
    file.write_text(TEXT.replace("asked > 1", "asked > 3").replace("asked >= 3", "asked >= 1"), "utf-8")
    capsys.readouterr()
    assert main([*asked, "--no-needs"]) == 1
    said = capsys.readouterr().out
    assert "\na counterexample, replayed by the checker:" in said and said.count(" ask ") > 2
    assert main(asked) == 1
    said = capsys.readouterr().out
    assert said.count("the shortest counterexample, replayed by the checker:") == 2 == said.count(" ask ")


def test_a_counterexample_that_is_kept_and_still_the_shortest_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lengthy.spec").write_text(TEXT.replace("asked > 1", "asked > 3"), "utf-8")
    asked = ["prove", "goes_asked", "--spec", "./lengthy.spec", "--format", "json"]
    found = []
    for more in (["--store"], ["--no-needs"], []):
        capsys.readouterr()
        assert main([*asked, *more]) == 1
        found += json.loads(capsys.readouterr().out)["properties"]
    assert len({p["counterexample"] for p in found}) == 1 and all(p["certificate"] for p in found)
    assert [p["method"] for p in found] == [
        "bounded search, 4 steps",
        "a known trace, 4 steps",
        "bounded search, 4 steps",
    ]


def test_a_page_says_which_it_is(spec: str, tmp_path: Path) -> None:
    assert main(["prove", "--spec", spec, "--no-needs", "--report", "html=told.html"]) == 1
    assert main(["prove", "--spec", spec, "--report", "html=shortest.html"]) == 1
    assert "the shortest counterexample" in (tmp_path / "shortest.html").read_text("utf-8")
    assert "the shortest counterexample" not in (tmp_path / "told.html").read_text("utf-8")
