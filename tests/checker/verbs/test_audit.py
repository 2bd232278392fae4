"""An audit finds what is there and says what is not; what it shows is replayed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from mipcheck.checker.cli.main import main
from mipcheck.checker.proofs.replayed import broken_in
from mipcheck.checker.verbs.audit_matrix import MatrixRow, audit, audit_text, decide, with_other_values
from mipcheck.model.prover.search import Search
from mipcheck.model.specification.load import load, loads

from making.paths import SPECS
from making.schemas import conforming

TEXT = """
spec small
document "small.txt"
capability fast "the node is fast"
capability idle "nothing depends on it"
param limit: time = 5 s
param size: int = 4
param unread: int = 3
enum mode { plain, long }
layer wire "the wire" as ip adds size
layer other "another" as gre adds 1
access plain = wire
access long = other, wire needs idle
event go(n: int) by node seen log
event use(name: mode) by node seen log
event back() by network seen log
event vanish() by network silent
interface { ready: bool = false  since: time }
ghost interface { gone: bool = false }
on back { ready := true; since := now }
on vanish { gone := true }
assumption there cite 7 "it is there" on back: not gone
rule A MUST cite 1 "ready first" allow go only if ready
rule B SHOULD cite 2 "soon" require go within limit of since while ready
rule C MUST cite 3 "not too slow" configure limit <= 9 s
rule D MUST cite 4 "not fast" allow use(name = plain) only if ready given capability fast
rule E MUST cite 5 "by the wire" allow use when name uses other only if ready
rule F MUST cite 6 "vacuous" allow go(n = 1, n = 2) only if ready
rule H MUST cite 6 "never the third" allow go(n = 3) only if false
property fine cite 1 "it is ready" whenever go: ready
property met cite 7 "it was there" whenever back: not gone
property idle_talk cite 8 "says nothing" whenever back: true
property sane cite 9 "they fit" consistent
statement S1 MUST cite 1 lines 2-3 "as A" by A, fine
statement S2 MUST cite 2 lines 2-3 "the time" by limit
statement S3 MUST cite 3 lines 2-3 "the size" by size
statement S4 MAY cite 4 lines 2-3 "speed" by fast
statement S5 MUST cite 5 lines 2-3 "layers" by other, long
statement S6 MUST cite 6 lines 2-3 "nothing" because "informative"
statement S7 MUST cite 7 lines 2-3 "there" by there
statement S8 MUST cite 8 lines 2-3 "no use" by unread
statement S9 MUST cite 8 lines 2-3 "no use" by idle_talk
statement S10 MUST cite 8 lines 2-3 "octets" by idle
statement S11 MUST cite 8 lines 2-3 "they fit" by sane
role vpn "the gateway" {
  event pass(n: int) by node seen log
  interface { open: bool = false }
  on pass { open := true }
  rule W MUST cite 5 "once" allow pass only if not open
  statement S12 MUST cite 5 "the gateway" by vpn
}
"""


@pytest.fixture(scope="module")
def lines() -> dict[str, MatrixRow]:
    return {line.requirement.id: line for line in audit(loads(TEXT))}


def noticed(line: MatrixRow) -> set[str]:
    return {n for f in line.coverage.values() for n in f.noticed}


@pytest.mark.slow
def test_rules_have_two_traces_and_what_notices_them(lines: dict[str, MatrixRow]) -> None:
    assert noticed(lines["A"]) == {"trace", "fine"}
    assert "fine" not in noticed(lines["E"])
    for name in ("A", "B", "C", "D", "E", "W"):
        assert not lines[name].lacks, name
        assert "trace" in noticed(lines[name])


@pytest.mark.parametrize("name", ["A", "B", "C", "D", "E"])
def test_the_traces_are_judged_so(name: str, lines: dict[str, MatrixRow]) -> None:
    (found,) = lines[name].coverage.values()
    assert broken_in(loads(TEXT), found.exercised) == set()
    assert broken_in(loads(TEXT), found.broken) == {name}


def test_a_rule_that_cannot_be_exercised_lacks_everything(lines: dict[str, MatrixRow]) -> None:
    assert lines["F"].lacks == [
        "something that notices its absence (F)", "a trace that exercises it (F)", "a trace that breaks it (F)",
    ]  # fmt: skip


def test_a_prohibition_without_exception_is_broken_and_not_kept_by_what_it_forbids(lines: dict[str, MatrixRow]) -> None:
    (found,) = lines["H"].coverage.values()
    assert (found.exercised, lines["H"].lacks) == ("", [])
    assert broken_in(loads(TEXT), found.broken) == {"H"}
    assert "H " in audit_text(loads(TEXT), [lines["H"]], 100) and "NONE" not in audit_text(
        loads(TEXT), [lines["H"]], 100
    )


@pytest.mark.parametrize("name", ["S1", "S2", "S3", "S4", "S5", "S7", "S10", "S12"])
def test_statements_inherit(name: str, lines: dict[str, MatrixRow]) -> None:
    assert not lines[name].lacks, lines[name].lacks


def test_what_notices_what(lines: dict[str, MatrixRow]) -> None:
    assert noticed(lines["S1"]) == {"trace", "fine", "fine without A"}
    assert noticed(lines["S2"]) == {"trace", "B"}
    assert noticed(lines["S3"]) == noticed(lines["S10"]) == {"overhead"}
    assert noticed(lines["S4"]) == {"D"}
    assert noticed(lines["S5"]) == {"E"}
    assert noticed(lines["S7"]) == {"met"}
    assert noticed(lines["S12"]) == {"W"}
    assert not lines["S6"].coverage


def test_what_has_no_effect_is_told(lines: dict[str, MatrixRow]) -> None:
    assert "something that notices its absence (unread)" in lines["S8"].lacks
    assert "something that notices its absence (idle_talk)" in lines["S9"].lacks
    assert "something that notices its absence (sane)" in lines["S11"].lacks  # for F has no traces


@pytest.mark.slow
def test_the_verb_fails_where_something_lacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "small.spec"
    path.write_text(TEXT, "utf-8")
    assert main(["audit", "--spec", str(path), "--format", "json"]) == 1
    answer = conforming("audit", capsys.readouterr().out)
    assert not answer["complete"]
    assert {e["id"] for e in answer["requirements"] if e["lacks"]} == {"F", "S8", "S9", "S11"}
    by_id = {e["id"]: e for e in answer["requirements"]}
    assert by_id["A"]["evidence"]["A"]["broken"].startswith("mipcheck-trace 1\n")


def test_what_is_unknown_counts_as_lacking(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "small.spec"
    path.write_text('spec s event go(n: int) by node seen log rule A MUST cite 1 "x" allow go only if n < 5', "utf-8")
    assert main(["audit", "--spec", str(path)]) == 0
    assert main(["audit", "--spec", str(path), "--timeout", "0.000001"]) == 1
    assert "A lacks" in capsys.readouterr().out


KEPT = """
spec kept
param limit: time = 5 s
event go() by node seen log
event back() by network seen log
interface { ready: bool = false  since: time }
on back { ready := true; since := now }
rule A MUST cite 1 "ready first" allow go only if ready
rule B MUST cite 2 "soon" require go within limit of since while ready
property fine cite 1 "it is ready" whenever go: ready
property sane cite 9 "they fit" consistent
statement S1 MUST cite 1 "all" by A, B, fine, sane, limit
"""


@pytest.mark.slow
def test_evidence_that_is_kept_is_followed_and_not_believed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kept.spec"
    path.write_text(KEPT, "utf-8")
    of = ["--spec", str(path), "--format", "json"]
    assert main(["prove", "--store", *of]) == 0
    capsys.readouterr()

    def audited(*options: str) -> dict[str, list[str]]:
        assert main(["audit", *of, *options]) == 0
        found = conforming("audit", capsys.readouterr().out)["requirements"]
        return {name: e["noticed"] for row in found for name, e in row["evidence"].items()}

    sought = audited("--store")
    assert sought["A"] == ["trace", "fine"] and "B" in sought["limit"]
    searches: list[Any] = []
    seek = Search.shortest

    def noted(*of: Any, **more: Any) -> Any:
        searches.append(of)
        return seek(*of, **more)

    monkeypatch.setattr(Search, "shortest", noted)
    assert audited() == sought and not searches
    assert audited("--fresh") == sought and len(searches) > 5
    # What no longer shows what it is kept for is sought anew.
    searches.clear()
    folder = path.with_suffix(".proofs")
    for name in ("fine", "sane"):
        certificate = json.loads((folder / f"{name}.json").read_text())
        for script in certificate["scripts"].values():
            script["steps"] = script["steps"][:1] if script["steps"][0][2] == "back" else [[0, 0, "back", {}]]
        (folder / f"{name}.json").write_text(json.dumps(certificate))
    (folder / "parameter-limit.log").write_text("mipcheck-trace 1\nsite boot=true\n0.0 eth0 back\n")
    assert audited() == sought and len(searches) > 3


PARAMETERS = sorted(SPECS.glob("*.proofs/parameter-*.log"))


@pytest.mark.parametrize("file", PARAMETERS, ids=lambda f: f"{f.parent.stem}-{f.stem}")
def test_what_is_kept_of_a_parameter_shows_what_it_makes_different_today(file: Path) -> None:
    """Else it is sought anew each time: `mipcheck audit --spec NAME --fresh --store`."""
    spec = load(file.parent.stem)
    parameter = spec.parameters[file.stem.removeprefix("parameter-")]
    log = file.read_text("utf-8")
    assert any(decide(by, log) for by in with_other_values(spec, parameter, 1.0))


def test_what_is_found_is_told_where_not_all_is() -> None:
    """A rule that nothing keeps lacked a trace that breaks it, too."""
    spec = loads("""
        spec half
        document "none"
        event go(n: int) by node seen log
        interface { since: time }
        rule R MUST cite 1 "long after something that never happens" allow go only if now - since >= 5 s and n > 3
    """)
    (row,) = audit(spec)
    assert row.lacks == ["a trace that exercises it (R)"]
