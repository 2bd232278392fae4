"""The catalogue is derived from the specification: every rule and statement, its lines, and what encodes it."""

from __future__ import annotations

import pytest
from mipcheck.checker.cli.main import main
from mipcheck.checker.verbs.requirements_catalogue import KINDS, requirements, requirements_json
from mipcheck.model.specification.load import load, loads

from making.schemas import conforming

TEXT = """
spec small
document "small.txt"
capability fast "quick"
param limit: time = 5 s cite 2 lines 3-4
layer wire "the wire" as ip
access plain = wire
event go(name: {plain}) by node seen log
event back() by network seen log
interface { ready: bool = false }
on back { ready := true }
assumption honest cite 7 "nobody lies" on back: true
rule A MUST cite 3.10 lines 70, 3.2 lines 30-31 "ready first" allow go only if ready
property fine cite 3 "it works" whenever go: ready
statement S1 SHOULD cite 3.2 lines 20-22 "be ready" by fine, A
statement S2 MUST cite 1 lines 9 "configure it" by limit, fast
statement S3 MAY cite B.2 lines 90-91 "be quick" by fast
statement S4 MUST cite A.1 lines 80-81 "have a wire" by wire, plain
statement S5 MUST cite 2.1 lines 11-12 "trust" by honest
statement S6 MAY cite 9 lines 75-76 "read on" because "informative"
role vpn {
  event pass() by node seen log
  rule W SHOULD cite 5 lines 50-55 "never" allow pass only if false
  statement S7 MUST cite 5 lines 56-57 "the device behaves" by vpn, W
}
"""


def test_kinds_follow_from_what_encodes() -> None:
    found = {r.id: (r.kind, r.by, r.reason) for r in requirements(loads(TEXT))}
    assert found == {
        "A": ("rule", ("A",), ""), "W": ("rule", ("W",), ""), "S1": ("rule", ("fine", "A"), ""),
        "S2": ("parameter", ("limit", "fast"), ""), "S3": ("capability", ("fast",), ""),
        "S4": ("declared", ("wire", "plain"), ""), "S5": ("assumption", ("honest",), ""),
        "S6": ("informative", (), "informative"), "S7": ("rule", ("vpn", "W"), ""),
    }  # fmt: skip


def test_the_order_is_that_of_the_document() -> None:
    assert [r.id for r in requirements(loads(TEXT))] == ["S2", "S5", "S1", "A", "W", "S7", "S6", "S4", "S3"]


def test_lines_and_roles() -> None:
    found = {r.id: r for r in requirements(loads(TEXT))}
    assert found["A"].section == "3.10"
    assert found["A"].lines == [(70, 70), (30, 31)]
    assert found["W"].role == "vpn"
    assert found["A"].document == "small.txt"


@pytest.mark.slow
def test_lines_are_those_of_the_own_document() -> None:
    following = """
    spec next extends draft-01
    document "next.txt"
    confirm rule D1 cite 3.1 lines 7-8
    statement T MUST cite 4 lines 9-10 "both" by D1
    """
    found = {e["id"]: e for e in conforming("requirements", requirements_json(loads(following)))}
    assert (found["D1"]["lines"], found["D1"]["document"]) == ([[7, 8]], "next.txt")
    assert found["M2"]["document"] == load().document
    assert found["M2"]["lines"] == [[1012, 1018], [1106, 1108]]


def test_the_draft(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["requirements", "--format", "json"]) == 0
    entries = conforming("requirements", capsys.readouterr().out)
    spec = load()
    rules = [r for m in spec.machines() for r in m.rules]
    assert sorted(e["id"] for e in entries) == sorted([*rules, *spec.statements])
    for e in entries:
        assert e["kind"] in KINDS
        assert bool(e["by"]) != bool(e["reason"]), e
        assert e["section"]
        assert all(first <= last for first, last in e["lines"])
        assert list(e)[:8] == ["id", "level", "section", "lines", "text", "kind", "by", "reason"]
    assert {"id": "D1", "by": ["D1"], "kind": "rule"}.items() <= next(e for e in entries if e["id"] == "D1").items()


def test_text_fits_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["requirements"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 60
