"""For which parameters a property holds: the region is exact, said in words, and drawn."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from mipcheck.checker.cli.main import main
from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.fleet.inputs import File
from mipcheck.checker.fleet.summary import Summary, summary_json
from mipcheck.checker.fleet.work import FileOutcome, RuleOutcome
from mipcheck.checker.proofs.certificates import known
from mipcheck.checker.verbs.pages import synthesize_page
from mipcheck.checker.verbs.prove_results import prove_one
from mipcheck.checker.verbs.results import MeasuredFile
from mipcheck.checker.verbs.synthesize_drawn import drawing
from mipcheck.checker.verbs.synthesize_measured import points_of
from mipcheck.checker.verbs.synthesize_region import Synthesis, answer_json, answer_text, synthesize
from mipcheck.model.prover.certified import certified
from mipcheck.model.prover.claims import Refutations
from mipcheck.model.prover.prove import relying
from mipcheck.model.prover.region import holds_at
from mipcheck.model.prover.setting import setting_of
from mipcheck.model.specification.load import load, loads

from making.depth import drawn
from making.hostile import HOSTILE
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
    assert ("Inside it is proved" if region != "true" else "\nIt is proved") in answer_text(s)


@pytest.mark.parametrize(("claim", "formula"), [("<=", "limit >= 60 s"), ("<", "limit > 60 s")])
def test_the_counterexample_lies_just_outside(claim: str, formula: str) -> None:
    """What is outside may reach to where values end: that is no border, and is shown where there is no other."""
    kept = 'rule A MUST cite 1 "x" allow go only if now - last <= 60 s'
    s = found("p", text=f'{TEXT.split("rule A")[0]} {kept} property p "x" whenever go: now - last {claim} limit')
    assert s.formula == formula
    assert s.region.outside is not None and s.region.outside.parameters["limit"] == 59_999 * 10**6


@pytest.mark.slow
def test_it_holds_for_none() -> None:
    s = found("never", "limit")
    assert (s.formula, s.region.known) == ("false", True)
    assert "holds for no values" in answer_text(s)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["p", "both"])
def test_points_of_the_region_agree_with_proofs_at_them(name: str) -> None:
    """Of each point by itself it is asked whether the property is proved or refuted there; many lie at the border."""
    s = found(name)
    rng = random.Random(7)
    spec = loads(TEXT)
    answers = []
    for n in range(drawn(6, 250)):
        longest = rng.choice([0, 30_000, 59_999, 60_000, 60_001, rng.randrange(90_000)])
        often = 90_000 - longest + n % 3 - 1 if n % 6 < 4 else rng.randrange(60_000)
        point = {"often": often * 10**6, "least": rng.choice([0, 1, 2]),
                 "longest": longest * 10**6, "loud": rng.choice([0, 1])}  # fmt: skip
        proved = prove_one(spec, name, point, [], with_needs=False).result.result == "proved"
        whole = {n: point.get(n, s.setting.parameters[n]) for n in s.region.parameters}
        assert holds_at(s.setting, s.region, whole) == proved, point
        answers.append(proved)
    assert len(set(answers)) == 2


@pytest.mark.slow
def test_points_of_the_minute_agree_with_what_is_proved_and_refuted_at_them() -> None:
    """Inside, the certificate's invariant passes with the point's values; outside, the trace does that ends as late as
    they allow. Neither knows of the region."""
    spec, name = load("draft-01"), "no_plaintext_after_loss"
    s, p, certificate = synthesize(spec, name, (), {}), spec.properties[name], known("draft-01")(name)
    assert certificate is not None and s.region.outside is not None and s.region.outside.script is not None
    late = s.region.outside.script
    rng = random.Random(8)
    answers = set()
    for _ in range(drawn(8, 500)):
        stop = rng.choice([60_000, 60_001, rng.randrange(59_900, 60_100), rng.randrange(130_000)])
        point = {"t_stop": stop * 10**6, "t_slack": rng.randrange(5_000) * 10**6}
        setting = relying(setting_of(spec, point), p)
        is_proved = certified(setting, p, certificate) is not None
        script = replace(late, steps=(*late.steps[:-1], replace(late.steps[-1], now=stop)))
        is_refuted = Refutations(setting, p).shown(script, setting.without) is not None
        inside = holds_at(s.setting, s.region, {n: point[n] for n in s.region.parameters})
        assert (is_proved, is_refuted) == (inside, not inside), point
        answers.add(inside)
    assert len(answers) == 2


def test_what_is_given_is_no_longer_open() -> None:
    assert found("p", "often", longest="80s").formula == "often < 10 s"


@pytest.mark.parametrize(("name", "names", "says"), [
    ("free", [], "neither an invariant"), ("gone", [], 'no property "gone"'), ("p", ["oftne"], 'did you mean "often"'),
    ("p", ["factor"], "factor cannot vary"),
])  # fmt: skip
def test_what_cannot_be_asked(name: str, names: list[str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        found(name, *names)


def test_what_cannot_vary_is_named_with_its_value() -> None:
    """Of these the answer says nothing: "for all values" is not about them."""
    assert "with factor = 3, which cannot vary." in answer_text(found("always")).splitlines()
    assert "cannot vary" not in answer_text(found("always", text=TEXT.replace("n * factor", "n")))


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


# --- measured by fleets ---------------------------------------------------------------------------------------------

MEASURED = [
    MeasuredFile("a.log", "conformant", {"often": "10s"}),
    MeasuredFile("b.log", "conformant", {"often": "10s"}),
    MeasuredFile("c<&>.log", "violation", {"often": "40s"}),
    MeasuredFile("d.log", "inconclusive", {}),
    MeasuredFile("e.log", "violation", {"often": "9000s"}),
    MeasuredFile("f.log", "violation", {"gone": "1s"}),
    MeasuredFile("g.log", "violation", {"often": "soon"}),
]
"""`often` is 20 s by default; what is not known of a file is no point."""


def test_files_of_a_fleet_are_points_of_the_region() -> None:
    s = found("p", "often")
    points = points_of(s, MEASURED)
    assert points.odd == 2
    assert [(p.values["often"] // 10**9, p.inside, p.verdict, len(p.files)) for p in points.points] == [
        (10, True, "conformant", 2), (40, False, "violation", 1), (20, True, "inconclusive", 1),
        (9000, False, "violation", 1),
    ]  # fmt: skip
    said = "Of 5 files measured 3 inside (2 conformant, 1 inconclusive), 2 outside (2 violation); 2 files with"
    assert said in answer_text(s, points)
    answer = conforming("synthesize", answer_json(s, points))
    assert answer["measured"][1] == {
        "values": {"often": "40s"}, "inside": False, "verdict": "violation", "files": ["c<&>.log"],
    }  # fmt: skip
    root = ElementTree.fromstring(drawing(s, points))
    marks = {g[0].text: (int(g[1].get("cx") or 0), g[2].text) for g in root if g.tag.endswith("}g")}
    assert marks == {  # of 480 pixels from 90 on for 60 s
        "conformant: a.log, b.log": (170, None), "violation: c<&>.log": (410, "✕"), "inconclusive: d.log": (250, "?"),
    }  # fmt: skip
    assert "1 files are beyond the picture." in [t.text for t in root]


def test_the_page_shows_region_points_and_counterexample_and_no_markup_of_theirs() -> None:
    s = found("p", "often")
    bad = [MeasuredFile(m.file + HOSTILE, m.verdict + HOSTILE, m.parameters) for m in MEASURED]
    page = synthesize_page(replace(s, formula=s.formula + HOSTILE), points_of(s, bad))
    assert HOSTILE not in page and "<script" not in page and "<img" not in page and "alert(1)" in page
    page = synthesize_page(s, points_of(s, MEASURED))
    for words in ("holds exactly where often &lt; 30 s", "near the border, outside", "<circle", "c&lt;&amp;&gt;.log"):
        assert words in page, words


def test_results_of_fleets_are_read_and_those_of_others_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, fleet, page = tmp_path / "small.spec", tmp_path / "fleet.json", tmp_path / "p.html"
    path.write_text(TEXT, "utf-8")
    summary = Summary("small", ["A"])
    rules = (RuleOutcome("A", "MUST", "1", "held", 1, 0, 0),)
    outcome = FileOutcome(File("x.log", 1, "x"), "checked", verdict="conformant", rules=rules)
    summary.add(replace(outcome, parameters=(("often", "50s"),)))
    fleet.write_text(summary_json(summary), "utf-8")
    conforming("fleet", summary_json(summary))
    asked = ["synthesize", "p", "often", "--spec", str(path), "--fleet", str(fleet)]
    assert main([*asked, "--report", f"html={page}"]) == 0
    assert "Of 1 file measured 0 inside, 1 outside (1 conformant)." in capsys.readouterr().out
    assert "often = 50s" in page.read_text("utf-8")
    fleet.write_text(summary_json(summary).replace('"small"', '"other"'), "utf-8")
    assert main(asked) == 2
    assert 'is about "other", not small' in capsys.readouterr().err


def test_where_no_value_will_do_nothing_is_said_to_be_proved() -> None:
    answer = answer_text(found("never", "limit"))
    assert "holds for no values" in answer and "For each there are counterexamples." in answer
    assert "proved" not in answer and "Near the border" not in answer


def test_where_nothing_can_vary_the_title_names_no_values() -> None:
    answer = answer_text(found("p", text=LONE))
    assert "# p of small does not hold, found by mipcheck synthesize." in answer


LONE = """
spec small
event go() by node seen log
property p "never" whenever go: false
"""


def test_a_property_of_a_system_is_none_of_a_party() -> None:
    text = (
        LONE
        + "role other { event come() by network seen log }\n"
        + 'system both { party a: mn party b: other property q "x" whenever a.go: false }'
    )
    with pytest.raises(UsageError, match="q is of the system both: a region is sought"):
        found("q", text=text)
    with pytest.raises(UsageError, match=r'^there is no property "z"$'):
        found("z", text=LONE.replace("property p", "# property p"))


def test_an_answer_fits_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    lines = answer_text(found("p")).splitlines()
    assert max(map(len, lines[: lines.index("mipcheck-trace 1")])) <= 50


def test_a_picture_has_a_line_for_each_of_few_numbers() -> None:
    text = """
        spec counted
        param most: int = 1
        param least: int = 1
        event go(n: int) by node seen log
        rule R MUST cite 1 "no more" allow go only if n <= most
        property p "few" whenever go: n <= 2 and least <= 2
    """
    s = found("p", "most", "least", text=text)
    lines = [line.strip() for line in answer_text(s).splitlines() if "|" in line]
    assert [line[0] for line in lines] == ["4", "3", "2", "1", "0"]
    assert "of any one mobile node." in answer_text(s)
