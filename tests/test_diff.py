"""What `mipcheck diff` says changed, changed; where it shows a trace, both observers judge it as it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mipcheck.checker.diff import Change, difference
from mipcheck.checker.main import main
from mipcheck.checker.proofs import broken_in
from mipcheck.model.load import load, loads

NEXT = """
spec next "the successor" extends draft-01
document "rfc.txt"
override param t_detection: time = 8 s cite 4.2 "how long"
override rule D1 MUST cite 3.1 lines 7-8 "No plaintext."
  allow data(dir = out, protection = none, counts) only if inside
confirm rule M1 SHOULD cite 3.2 lines 9-10
confirm rule M2 cite 3.3 lines 9-10
drop rule P6
rule N1 MUST cite 3.4 "Modes are few." allow mode only if name = c or name = f or name = cvc or name = fvc
on hint(says = inside) { searching := true }
drop property consistent
drop access vf
statement T SHOULD cite 9 "be kind" because "it is no protocol"
capability patience "the node waits"
role vpn { event pass() by node seen log  rule W MUST cite 6 "never" allow pass only if false }
"""


@pytest.fixture(scope="module")
def changes() -> dict[str, Change]:
    found = difference(load(), loads(NEXT))
    assert found.decided
    return {c.name: c for c in found.changes}


def test_what_changed_is_named(changes: dict[str, Change]) -> None:
    said = {(c.kind, n, c.change) for n, c in changes.items() if c.aspects}
    assert said >= {
        ("rule", "D1", "changed"), ("rule", "M1", "changed"), ("rule", "M2", "changed"), ("rule", "P6", "dropped"),
        ("rule", "N1", "added"), ("rule", "W", "added"), ("property", "consistent", "dropped"),
        ("access mode", "vf", "dropped"), ("statement", "T", "added"), ("capability", "patience", "added"),
        ("parameter", "t_detection", "changed"),
    }  # fmt: skip
    assert changes["W"].role == "vpn"


def test_aspects(changes: dict[str, Change]) -> None:
    assert changes["M1"].aspects["level"] == ("MUST", "SHOULD")
    assert set(changes["M2"].aspects) == {"cite"}
    assert changes["M2"].aspects["cite"][1] == "rfc.txt: 3.3 lines 9-10"
    assert changes["D1"].aspects["condition"][1].endswith("only if inside")
    assert changes["t_detection"].aspects["default"] == ("5 s", "8 s")
    assert changes["N1"].aspects["level"] == ("", "MUST")


def test_what_depends_on_what_changed_is_found(changes: dict[str, Change]) -> None:
    assert not changes["P1"].aspects
    assert changes["P1"].behaviour is not None
    assert changes["P1"].behaviour.result == "changed"
    assert "S1" not in changes


@pytest.mark.parametrize("rule", ["D1", "P1", "P6", "N1", "L1", "W"])
def test_the_trace_is_judged_by_each_as_is_said(rule: str, changes: dict[str, Change]) -> None:
    behaviour = changes[rule].behaviour
    assert behaviour is not None
    assert behaviour.result == "changed"
    assert (rule in behaviour.found.left) != (rule in behaviour.found.right)
    if rule == "W":
        return
    assert broken_in(load(), behaviour.found.trace) == set(behaviour.found.left)
    assert broken_in(loads(NEXT), behaviour.found.trace) == set(behaviour.found.right)


def test_a_level_alone_is_no_other_behaviour(changes: dict[str, Change]) -> None:
    behaviour = changes["M1"].behaviour
    assert behaviour is not None
    assert behaviour.result == "level"
    assert behaviour.found.left == behaviour.found.right == ("M1",)


def test_a_citation_alone_changes_no_behaviour(changes: dict[str, Change]) -> None:
    behaviour = changes["M2"].behaviour
    assert behaviour is not None
    assert behaviour.result == "same"
    assert not behaviour.found.trace


def test_nothing_differs_from_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "draft-01", "draft-01", "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["changes"] == []
    assert answer["unchanged"]["rule"] == sum(len(m.rules) for m in load().machines())


BASE = "spec {} event go(n: int) by node seen log\ninterface {{ count: int = 0 }}\non go {{ count := count + n }}\n"


def test_undecided_is_unknown_and_exits_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rule = 'rule A MUST cite 1 "few" allow go only if '
    for name, condition in (("one", "n < 2"), ("two", "n < 2 and count < 100")):
        (tmp_path / f"{name}.spec").write_text(BASE.format(name) + rule + condition, "utf-8")
    assert main(["diff", str(tmp_path / "one.spec"), str(tmp_path / "two.spec")]) == 3
    out = capsys.readouterr().out
    assert "unknown: no trace was found on which they disagree (none was found of up to 10 events)" in " ".join(
        out.split()
    )


def test_specifications_of_different_things_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, type_, condition in (("one", "int", "false"), ("two", "text", "true")):
        rule = f'rule A MUST cite 1 "never" allow go only if {condition}'
        (tmp_path / f"{name}.spec").write_text(f"spec {name} event go(n: {type_}) by node seen log {rule}", "utf-8")
    assert main(["diff", str(tmp_path / "one.spec"), str(tmp_path / "two.spec")]) == 3
    assert "key n of event go is of type int in one and text in the other" in " ".join(capsys.readouterr().out.split())
