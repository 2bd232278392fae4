"""Proposals are compared by what they answer, which is found anew: a cell says what was found, and what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mipcheck.checker.cli.main import main
from mipcheck.checker.verbs.compare_table import SILENT, Compared, compared, names_of_all
from mipcheck.model.specification.load import load, loads

from making.schemas import conforming

BASE = """
spec base
document "one.txt"
guideline size cite 1 "How large?"
guideline safe cite 2 lines 3-4 "Is it safe?"
guideline left "Is it silent?"
layer wire "w" as ip adds 20 moved by registration
access mode = wire
entity gateway standard "as it is"
event go(n: int) by node seen log
event tick() by network seen log
interface { ready: bool = false }
on tick { ready := true }
rule D1 MUST cite 1 "ready or none" allow go only if ready or n = 0
property fine cite 1 "Who goes is ready, or goes nowhere." whenever go: ready or n = 0
property never cite 1 "Refuted on purpose: nobody goes." whenever go: false
answer size computed octets of mode, registrations of mode
answer safe proved by fine shown by never
answer upgrades declared gateway standard opinion "so it is felt"
"""
OTHER = """
spec other extends base
override rule D1 MUST cite 1 "ready or one" allow go only if ready or n = 1
drop property never
override answer safe proved by fine
override answer upgrades declared gateway changed
"""
ALIEN = """
spec alien
event hop() by node seen log
interface { up: bool = false }
on hop { up := true }
rule H MUST cite 1 "up" allow hop only if not up
answer overhead missing "nothing is said"
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    folder = tmp_path_factory.mktemp("specs")
    for name, text in (("base", BASE), ("other", OTHER)):
        (folder / f"{name}.spec").write_text(text, "utf-8")
    return compared([(n, load(str(folder / f"{n}.spec"))) for n in ("base", "other")], 20.0)


def test_cells_say_what_was_found(found: Compared) -> None:
    size, safe, left = (found.cells[g]["base"] for g in ("size", "safe", "left"))
    assert [(f.kind, f.by, f.value) for f in size] == [
        ("number", "octets of mode", 20), ("number", "registrations of mode", 1),
    ]  # fmt: skip
    assert [(f.kind, f.by, f.wrong) for f in safe] == [("proof", "fine", ""), ("trace", "never", "")]
    assert safe[1].trace.startswith("mipcheck-trace 1")
    assert [(f.kind, f.text) for f in left] == [("unknown", SILENT)]
    assert [f.kind for f in found.cells["upgrades"]["base"]] == ["change", "opinion"]


def test_what_is_not_as_said_is_told(found: Compared) -> None:
    """A property said to be proved, and refuted, is shown by its counterexample; an entity by what it is."""
    (safe,) = found.cells["safe"]["other"]
    assert (safe.kind, safe.wrong) == ("trace", "it is said to be proved, and is refuted")
    (entity,) = found.cells["upgrades"]["other"]
    assert entity.wrong == "gateway is standard"
    assert found.wrong
    assert found.differing() == ["upgrades", "safe"]


def test_two_are_told_apart_by_the_shortest_trace(found: Compared) -> None:
    assert found.apart is not None and found.apart.trace
    parting = found.apart
    assert sorted((*parting.left, *parting.right)) == ["D1"]
    assert parting.trace.count(" go ") == 1


def test_without_a_common_vocabulary_no_trace_tells() -> None:
    alien = loads(ALIEN)
    result = compared([("base", loads(BASE)), ("alien", alien)], 20.0)
    assert result.apart is not None and not result.apart.trace
    assert "no event in common" in result.apart.reason
    assert [(f.kind, f.text) for f in result.cells["overhead"]["alien"]] == [("unknown", "nothing is said")]


def test_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mute, wrong = tmp_path / "mute.spec", tmp_path / "wrong.spec"
    mute.write_text('spec mute\ndocument "x"\n', "utf-8")
    wrong.write_text('spec wrong\nanswer overhed missing "x"\n', "utf-8")
    assert main(["compare", str(mute)]) == 2
    assert "no guideline is answered" in capsys.readouterr().err
    assert main(["compare", str(wrong)]) == 2
    assert 'answers "overhed", which is no guideline; did you mean "overhead"?' in capsys.readouterr().err
    assert main(["compare", "candidates/e55"]) == 2
    assert 'did you mean "candidates/e5"' in capsys.readouterr().err


@pytest.mark.slow
def test_output(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["candidates/e4", "candidates/e6", "candidates/e7"]
    assert main(["compare", *names, "--format", "json"]) == 0
    content = conforming("compare", capsys.readouterr().out)
    cells = {g["name"]: g["cells"] for g in content["guidelines"]}
    assert [c["value"] for c in cells["entities"]["candidates/e4"]] == [1]
    assert main(["compare", *names, "--format", "markdown"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| candidates/")]
    assert len(rows) == 3 and len({row.count(" | ") for row in rows}) == 1
    monkeypatch.setenv("COLUMNS", "70")
    assert main(["compare", *names]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 70
    assert "candidates/e4  number" in text


@pytest.mark.slow
def test_all_that_come_along_are_compared() -> None:
    assert {"draft-01", "rfc5265", "candidates/e1", "candidates/e9"} <= set(names_of_all())
    assert "candidates/common" not in names_of_all()


@pytest.mark.slow
def test_the_whole_table_is_as_said(capsys: pytest.CaptureFixture[str]) -> None:
    """From certificates: six seconds; without them, minutes."""
    assert main(["compare", "--format", "json"]) == 0
    content = json.loads(capsys.readouterr().out)
    facts = [f for g in content["guidelines"] for cell in g["cells"].values() for f in cell]
    assert not [f for f in facts if f["wrong"]]
    assert {f["kind"] for f in facts} >= {"proof", "number", "change", "opinion", "unknown"}
