"""For which parameters a property holds: the region is exact, said in words, and drawn."""

from __future__ import annotations

import json
import random
from pathlib import Path
from xml.etree import ElementTree

import pytest
from mipcheck.checker.cli.main import main
from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.verbs.prove_results import prove_one
from mipcheck.checker.verbs.synthesize_drawn import drawing
from mipcheck.checker.verbs.synthesize_region import Synthesis, answer_json, answer_text, synthesize
from mipcheck.model.prover.region import holds_at
from mipcheck.model.specification.load import load, loads

from making.schemas import conforming

TEXT = """
spec small
param limit: time = 60 s
param often: time = 20 s
param longest: time = max(limit, 2 * often)
param least: int = 2
param loud: bool = false
param factor: int = 3
event ring(n: int) by network seen log
event go() by node seen log
interface { rung: bool = false  last: time = 0 s  count: int = 0 }
ghost interface { truly: time = 0 s }
on ring { rung := true; last := now; truly := now; count := n * factor }
rule A MUST cite 1 "x" allow go only if rung and now - last <= longest + often
rule B MUST cite 1 "x" allow go only if loud or count >= least
property p "soon" whenever go: now - truly < 90 s
property one "something" whenever go: count >= 1
property both "soon, or much" whenever go: now - truly < 90 s or count >= 1
property always "whatever they are" whenever go: rung
property never "whatever they are" whenever go: now - truly > limit
property state "an invariant" invariant rung implies last <= now and longest >= 10 s
property free "independence" independent rung
"""


def found(name: str, *names: str, text: str = TEXT, **words: str) -> Synthesis:
    return synthesize(loads(text), name, names, words)


@pytest.mark.parametrize(
    ("name", "names", "region", "by_default"),
    [
        ("p", (), "longest + often < 90 s", "limit + often < 90 s and often < 30 s"),
        ("p", ("often",), "often < 30 s", ""),
        ("p", ("limit",), "limit < 70 s", ""),
        ("one", (), "least > 0 and not loud", ""),
        ("always", (), "true", ""),
        ("state", ("longest",), "longest >= 10 s", ""),
    ],
)
def test_regions(name: str, names: tuple[str, ...], region: str, by_default: str) -> None:
    s = found(name, *names)
    assert s.region.known and s.region.interfaces == "any"

    def parts(formula: str) -> set[str]:
        return set(formula.split(" and "))

    assert parts(s.formula) == parts(region)
    assert parts(s.by_default) == parts(by_default)
    assert (s.counterexample == "") == (region == "true")
    assert (s.region.formula is not None) and bool(s.region.invariant)


def test_it_holds_for_none() -> None:
    s = found("never", "limit")
    assert (s.formula, s.region.known) == ("false", True)
    assert "holds for no values" in answer_text(s)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["p", "both"])
def test_points_of_the_region_agree_with_proofs_at_them(name: str) -> None:
    """Of each point by itself it is asked whether the property is proved or refuted there."""
    s = found(name)
    rng = random.Random(7)
    spec = loads(TEXT)
    answers = []
    for _ in range(6):
        point = {"often": rng.choice([0, 10, 20, 29, 30, 31, 50]) * 10**9, "least": rng.choice([0, 1, 2]),
                 "longest": rng.choice([0, 30, 59, 60, 61, 70, 90]) * 10**9, "loud": rng.choice([0, 1])}  # fmt: skip
        proved = prove_one(spec, name, point, [], with_needs=False).result.result == "proved"
        whole = {n: point.get(n, s.setting.parameters[n]) for n in s.region.parameters}
        assert holds_at(s.setting, s.region, whole) == proved, point
        answers.append(proved)
    assert len(set(answers)) == 2


def test_what_is_given_is_no_longer_open() -> None:
    assert found("p", "often", longest="80s").formula == "often < 10 s"


@pytest.mark.parametrize(("name", "names", "says"), [
    ("free", [], "neither an invariant"), ("gone", [], 'no property "gone"'), ("p", ["oftne"], 'did you mean "often"'),
    ("p", ["factor"], "factor cannot vary"),
])  # fmt: skip
def test_what_cannot_be_asked(name: str, names: list[str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        found(name, *names)


@pytest.mark.slow
def test_one_number_is_drawn_as_a_line_and_two_as_a_field() -> None:
    line = [row for row in answer_text(found("p", "often")).splitlines() if "|" in row]
    assert len(line) == 1 and line[0].count("#") == 30 and line[0].index(".") > line[0].rindex("#")
    field = [row for row in answer_text(found("p")).splitlines() if "|" in row]
    assert len(field) == 12
    assert [row.count("#") for row in field] == sorted(row.count("#") for row in field)
    assert "#" not in field[0] and "#" in field[-1]


@pytest.mark.slow
def test_a_region_is_drawn_as_svg() -> None:
    """What is filled is where the property holds: of 60 points across, from 0 s to twice the largest number."""
    s = found("p", "often")
    root = ElementTree.fromstring(drawing(s))
    filled = [r for r in root if r.get("fill") == "#2a7"]
    assert {(r.get("x"), r.get("width")) for r in filled} == {("90", "240")} and len(filled) == 4
    assert "often < 30 s" in (root[0].text or "")
    rows = {
        r.get("y"): int(r.get("width") or 0)
        for r in ElementTree.fromstring(drawing(found("p")))
        if r.get("fill") == "#2a7"
    }
    widths = [rows[y] for y in sorted(rows, key=lambda y: int(y or 0))]
    assert widths == sorted(widths) and widths[0] < widths[-1]
    with pytest.raises(UsageError, match="cannot be drawn"):
        drawing(found("one"))


@pytest.mark.slow
def test_the_answer_as_json_keeps_to_its_schema(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conforming("synthesize", answer_json(found("p")))
    path = tmp_path / "small.spec"
    path.write_text(TEXT, "utf-8")
    assert main(["synthesize", "p", "often", "--spec", str(path), "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["outside"] == {"often": "30001ms"} and answer["counterexample"].startswith("mipcheck-trace 1\n")
    assert main(["synthesize", "p", "--spec", str(path), "--timeout", "0.0001"]) == 3


@pytest.mark.slow
def test_the_minute_of_the_draft() -> None:
    """4.2.2: plaintext stops in time exactly if `t_stop` is a minute at most, whatever other parameters are."""
    s = synthesize(load("draft-01"), "no_plaintext_after_loss", (), {})
    assert (s.formula, s.by_default, s.region.interfaces) == ("t_stop <= 60 s", "t_reregister <= 60 s", "any")
    assert "site t_stop=60001ms" in s.counterexample
