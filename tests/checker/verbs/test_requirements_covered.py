"""The page on what covers each requirement: proofs, traces, mutants of a small specification, a fleet's result."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mipcheck.checker.cli.main import main
from mipcheck.checker.console.errors import InputError, UsageError
from mipcheck.checker.fleet.inputs import File
from mipcheck.checker.fleet.summary import Summary, summary_json
from mipcheck.checker.fleet.work import FileOutcome, RuleOutcome
from mipcheck.checker.verbs.requirements_covered import Covered, covered, exercised
from mipcheck.checker.verbs.requirements_page import coverage_page
from mipcheck.checker.verbs.results import Corpus, Exercised, Mutated, read_corpus, read_mutants
from mipcheck.model.specification.load import loads

from making.hostile import HOSTILE, poisoned
from making.schemas import conforming

TEXT = """
spec small
document "small.txt"
param limit: time = 5 s cite 2 lines 3-4
event go() by node seen log
event back() by network seen log
interface { ready: bool = false since: time }
on back { ready := true since := now }
rule A MUST cite 3 lines 30-31 "ready first" allow go only if ready
rule B SHOULD cite 3 lines 40-41 "soon" require go within limit of since while ready
property fine cite 3 "it works" whenever go: ready
statement S1 SHOULD cite 3 lines 20-22 "be ready" by fine
statement S2 MUST cite 2 lines 9 "a limit" by limit
statement S3 MAY cite 4 lines 75-76 "read on" because "informative"
role vpn {
  event pass() by node seen log
  rule W SHOULD cite 5 lines 50-55 "never" allow pass only if false
}
"""
SPEC = loads(TEXT)


def fleet(*files: tuple[str, dict[str, str]]) -> str:
    """The JSON of a fleet whose files have these verdicts, and statuses by rule."""
    summary = Summary("small", ["A", "B", "W"])
    for n, (verdict, rules) in enumerate(files):
        found = tuple(
            RuleOutcome(r, "MUST", "3", status, 1, 2 * (status == "violated"), 0) for r, status in rules.items()
        )
        summary.add(FileOutcome(File(f"{n}.log", 1, "x"), "checked", verdict=verdict, events=1, rules=found))
    return summary_json(summary)


FLEET = fleet(
    ("violation", {"A": "violated", "B": "not-exercised"}),
    ("conformant", {"A": "held", "B": "not-exercised"}),
)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Covered:
    folder = tmp_path_factory.mktemp("small")
    for name, events in (("good", ("0.1 eth0 back", "0.2 eth0 go")), ("bad", ("0.0 eth0 go", "0.1 eth0 back"))):
        lines = ("mipcheck-trace 1", "site boot=true", *events)
        (folder / f"{name}.log").write_text("\n".join(lines) + "\n", "utf-8")
    (folder / "fleet.json").write_text(FLEET, "utf-8")
    return covered(
        SPEC,
        "",
        traces=[str(folder / "good.log"), str(folder / "bad.log")],
        corpora=[read_corpus(str(folder / "fleet.json"))],
        mutants=("small", {"A": [Mutated("ready or true", "survives", ""), Mutated("not ready", "killed", "good")]}),
    )


def test_each_rule_has_who_would_notice_and_each_property_what_it_needs(small: Covered) -> None:
    a, b, w = (small.rules[name] for name in ("A", "B", "W"))
    assert (a.needed_by, a.kept, a.broken, a.noticed) == (("fine",), ("good",), ("bad",), ("fine", "bad"))
    assert (b.kept, b.broken, b.needed_by) == (("good",), (), ())
    assert w.noticed == () == w.kept
    assert (small.properties["fine"].result, small.properties["fine"].needs) == ("proved", ("A",))
    assert small.through["limit"] == ("B",)
    by_id = {r.id: small.rules_of(r) for r in small.requirements}
    assert by_id == {"A": ["A"], "B": ["B"], "W": ["W"], "S1": [], "S2": ["B"], "S3": []}


def test_a_corpus_shows_what_came_up_and_what_never_did(small: Covered) -> None:
    (corpus,) = small.corpora
    assert (corpus.name, corpus.files, corpus.verdicts["violation"]) == ("fleet", 2, 1)
    assert corpus.rules["A"] == Exercised({"violated": 1, "held": 1}, 2)
    assert [exercised(small.over(corpus, [r])) for r in ("A", "B", "W")] == ["broken", "never", "never"]
    assert exercised(small.over(corpus, ["A", "B"])) == "broken"
    for word, status in (("unclear", "unobservable"), ("kept", "held")):
        assert exercised(Exercised({"not-exercised": 3, status: 1}, 0)) == word


def test_the_page_has_it_in_words(small: Covered) -> None:
    page = coverage_page(small)
    for words in (
        "Of 2 rules 0 were kept in some file and broken in none, 1 were broken",
        "Never came up, so that these traces say nothing of it (SHOULD): B.",
        "No trace was taken at these: vpn (1 rule).",
        "W: nothing here would notice that it is left out",
        "left out, by fine, bad",
        "2 ways: 1 survives, 1 killed (ready or true)",
        "violated in 1, held in 1, 2 times",
        "on which B depends",
        "encodes it: informative",
    ):
        assert words in page, words
    assert 'data-head="example traces"' in page and "A: nothing here" not in page


def test_nothing_of_a_specification_or_of_results_becomes_markup(small: Covered) -> None:
    rules = {"A": poisoned(small.rules["A"]), **{n: small.rules[n] for n in ("B", "W")}}
    page = coverage_page(
        replace(
            small,
            spec=replace(SPEC, name=HOSTILE, document=HOSTILE),
            requirements=poisoned(small.requirements),
            properties={HOSTILE: poisoned(small.properties["fine"])},
            rules=rules | {HOSTILE: rules["B"]},
            corpora=[Corpus(HOSTILE, "small", 3, {HOSTILE: 3}, {"A": Exercised({HOSTILE: 2, "held": 1}, 3)})],
        )
    )
    assert HOSTILE not in page and "<script" not in page and "<img" not in page
    assert "alert(1)" in page


@pytest.mark.parametrize(
    "change",
    [
        lambda o: o.pop("by_rule"),
        lambda o: o.update(files=-1),
        lambda o: o.update(files=True),
        lambda o: o.update(files=10**30),
        lambda o: o.update(spec=["small"]),
        lambda o: o["counts"].update(held="1"),
        lambda o: o["by_rule"].append("A"),
        lambda o: o["by_rule"][0].update(files=[1]),
        lambda o: o["by_rule"][0].pop("violations"),
    ],
)
def test_what_is_no_result_of_a_fleet_is_refused(change: Callable[[Any], Any], tmp_path: Path) -> None:
    value = conforming("fleet", FLEET)
    change(value)
    path = tmp_path / "x.json"
    path.write_text(json.dumps(value), "utf-8")
    with pytest.raises(InputError, match="holds no results of mipcheck fleet"):
        read_corpus(str(path))


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, "\xff", '{"mutants": [{"where": 1}]}', "9" * 5000])
def test_what_is_no_json_of_ours_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(text, "latin-1")
    for read, verb in ((read_corpus, "fleet"), (read_mutants, "mutate")):
        with pytest.raises(InputError, match=f"holds no results of mipcheck {verb}"):
            read(str(path))


def test_results_of_another_specification_are_refused_before_anything_is_proved() -> None:
    other = Corpus("theirs", "other", 0, {}, {})
    with pytest.raises(UsageError, match='is about "other", not small: give --spec "other"'):
        covered(SPEC, "", traces=[], corpora=[other])
    with pytest.raises(UsageError, match="--mutants"):
        covered(SPEC, "", traces=[], mutants=("other", {}))


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec, log, page, mutants = (tmp_path / name for name in ("small.spec", "x.log", "page.html", "m.json"))
    spec.write_text(TEXT, "utf-8")
    log.write_text("mipcheck-trace 1\n0.0 eth0 back\n0.1 eth0 go\n", "utf-8")
    asked = ["requirements", "--spec", str(spec)]
    assert main(["mutate", "A", "--no-search", *asked[1:], "--traces", str(log), "--format", "json"]) == 0
    mutants.write_text(capsys.readouterr().out, "utf-8")
    more = ["--report", f"html={page}", "--mutants", str(mutants), "--traces", str(log)]
    assert main([*asked, *more]) == 0
    text = page.read_text("utf-8")
    assert "left out, by fine" in text and "3 ways: 3 killed" in text and "in x" in text
    assert "A  MUST" in capsys.readouterr().out
    assert main([*asked, "--mutants", str(mutants)]) == 2
    assert "--mutants is for a page: give --report html=FILE as well" in capsys.readouterr().err
    assert main([*asked, *more[:2], "--fleet", str(mutants)]) == 2
    assert main([*asked, "--report", f"html={mutants}", "--mutants", str(mutants)]) == 2
    assert json.loads(mutants.read_text("utf-8"))["schema"] == 1
