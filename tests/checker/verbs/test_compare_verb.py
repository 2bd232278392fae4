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


MUTE = """
spec mute
document "one.txt"
guideline size cite 1 "How large?"
guideline moves cite 2 "What does a move take?"
guideline safe cite 3 "Is it safe?"
layer heavy "h" as ip
access mode = heavy
event go(n: int) by node seen log
answer size computed octets of mode
answer moves computed registrations of mode
answer safe missing "no key is spoken of"
"""


def test_what_a_proposal_cannot_express_is_unknown_and_said_with_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A figure that a layer does not tell was a number, and was said to be another than the specification says."""
    monkeypatch.chdir(tmp_path)
    Path("mute.spec").write_text(MUTE, "utf-8")
    assert main(["compare", "./mute.spec", "--format", "json"]) == 3
    content = conforming("compare", capsys.readouterr().out)
    cells = {g["name"]: next(iter(g["cells"].values())) for g in content["guidelines"]}
    assert [(f["kind"], f["by"], f["value"], f["wrong"]) for g in ("size", "moves") for f in cells[g]] == [
        ("unknown", "octets of mode", None, "layer heavy of mute does not say what ip adds"),
        ("unknown", "registrations of mode", None, "layer heavy of mute does not say what it is moved by"),
    ]
    assert [(f["kind"], f["text"], f["wrong"]) for f in cells["safe"]] == [("unknown", "no key is spoken of", None)]
    assert main(["compare", "./mute.spec"]) == 3
    told = " ".join(capsys.readouterr().out.split())
    assert "octets of mode — layer heavy of mute does not say what ip adds" in told
    assert "1 specification by" in told and "of 2 it is not known whether they are" in told


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("override answer endpoint proved by no_thief", 'there is no property "no_thief"'),
        ('property mine cite 1 "x" whenever go: binding = n', 'unknown name "binding" in event go'),
        ("override answer silence shown by gateway_answer_the_node", 'did you mean "gateway_answers_the_node"?'),
        ("override answer handoff computed updates of elsewhere", 'no access mode or layer is called "elsewhere"'),
    ],
)
def test_a_property_in_words_that_a_candidate_lacks_is_refused_with_those_that_it_has(
    line: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.spec"
    mine.write_text(f"spec mine extends candidates/e7\nevent go(n: int) by node seen log\n{line}\n", "utf-8")
    assert main(["compare", str(mine), "candidates/e7"]) == 2
    told = capsys.readouterr()
    assert (told.out, "mine.spec:3:" in told.err) == ("", True)
    assert message in " ".join(told.err.split())
    assert "known: " in told.err or "did you mean" in told.err


def test_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mute, wrong = tmp_path / "mute.spec", tmp_path / "wrong.spec"
    mute.write_text('spec mute\ndocument "x"\n', "utf-8")
    wrong.write_text('spec wrong\nanswer overhed missing "x"\n', "utf-8")
    assert main(["compare", str(mute)]) == 2
    assert "no guideline is answered" in capsys.readouterr().err
    assert main(["compare", str(wrong)]) == 2
    assert 'wrong.spec:2:1: there is no guideline "overhed"' in (told := capsys.readouterr().err)
    assert 'did you mean "overhead"?' in told
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
    """From certificates: seconds; without them, minutes."""
    assert main(["compare", "--format", "json"]) == 0
    content = json.loads(capsys.readouterr().out)
    facts = [f for g in content["guidelines"] for cell in g["cells"].values() for f in cell]
    assert not [f for f in facts if f["wrong"]]
    assert {f["kind"] for f in facts} >= {"proof", "number", "change", "opinion", "unknown"}
