"""Readings are chosen by rule and name, or by the name alone where only one sentence has it."""

from __future__ import annotations

from pathlib import Path

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.check.readings import ambiguities, resolved
from mipcheck.checker.console.errors import UsageError
from mipcheck.model.specification.load import load, loads
from mipcheck.model.specification.spec import Allow, Spec

TEXT = """
spec small
event go(n: int) by node seen log
event stop() by node seen log
interface { ready: bool = false }
on stop when matter = broad { ready := true }
ambiguity matter cite 2 lines 7-8 "What counts?"
  reading narrow "the word says so"
  reading broad "the context says so"
param shade: {light, dark} = light
rule A MUST cite 1 "go when ready"
  reading strict "as written"
    allow go only if ready
  reading lax "as meant"
    allow go when shade = dark only if ready
rule B MUST cite 1 "stop"
  reading lax "as meant"
    allow stop only if ready
  reading never "as written"
    allow stop only if false
role vpn {
  event pass(n: int) by node seen log
  interface { open: bool = false }
  on pass { open := true }
  rule W MUST cite 5 "pass"
    reading first "one"
      allow pass only if not open
    reading second "two"
      allow pass only if n > 1
}
"""


@pytest.fixture
def spec() -> Spec:
    return loads(TEXT)


def test_all_that_can_be_read_in_several_ways_is_listed(spec: Spec) -> None:
    listed = {(a.name, a.kind, a.chosen, a.role, *a.names) for a in ambiguities(spec)}
    assert listed == {
        ("matter", "ambiguity", "narrow", "mn", "narrow", "broad"),
        ("shade", "parameter", "light", "mn", "light", "dark"),
        ("A", "rule", "strict", "mn", "strict", "lax"),
        ("B", "rule", "lax", "mn", "lax", "never"),
        ("W", "rule", "first", "vpn", "first", "second"),
    }


@pytest.mark.parametrize("readings", [{"A": "lax"}, ["A=lax"], ("A=lax", "A=lax")])
def test_a_rule_is_read_as_chosen(spec: Spec, readings: dict[str, str] | list[str]) -> None:
    rule = resolved(spec, readings).rules["A"]
    assert rule.reading == "lax"
    assert isinstance(rule.body, Allow)
    assert rule.body.patterns[0].source == "go when shade = dark"


def test_a_name_alone_is_enough_where_it_is_the_only_one(spec: Spec) -> None:
    changed = resolved(spec, ["broad", "never", "second", "dark"])
    assert changed.parameters["matter"].reading == "broad"
    assert changed.rules["B"].reading == "never"
    assert changed.roles["vpn"].rules["W"].reading == "second"
    assert {a.name: a.chosen for a in ambiguities(changed)} == {
        "matter": "broad", "shade": "dark", "A": "strict", "B": "never", "W": "second",
    }  # fmt: skip


def test_roles_see_the_reading_of_what_is_common(spec: Spec) -> None:
    assert resolved(spec, ["broad"]).roles["vpn"].parameters["matter"].reading == "broad"


def test_nothing_chosen_changes_nothing(spec: Spec) -> None:
    assert resolved(spec, []) is spec


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["lax"], 'A and B have a reading "lax" each; say which: A=lax or B=lax'),
        (["brod"], 'there is no reading "brod" in small; did you mean "broad"? with readings: matter shade A B W'),
        (["A"], 'there is no reading "A" in small; A has several: A=strict A=lax; with readings: matter shade A B W'),
        (["A=lux"], 'rule A has no reading "lux"; did you mean "lax"? its readings: strict lax'),
        (["matter=x"], 'matter has no reading "x"; its readings: narrow broad'),
        (["W=third"], 'rule W has no reading "third"; its readings: first second'),
        (
            ["mater=broad"],
            'there is no rule "mater" in small; did you mean "matter"? with readings: matter shade A B W',
        ),
        (["A=lax", "A=strict"], '"A" is given two readings, "lax" and "strict"'),
        (["narrow", "broad"], '"matter" is given two readings, "narrow" and "broad"'),
        (["=lax"], '--reading takes NAME or RULE=NAME, not "=lax"'),
        (["A="], '--reading takes NAME or RULE=NAME, not "A="'),
        (["\x1b[2J"], 'there is no reading "\\x1b[2J" in small; with readings: matter shade A B W'),
    ],
)
def test_what_cannot_be_chosen_is_said(spec: Spec, words: list[str], message: str) -> None:
    with pytest.raises(UsageError) as raised:
        resolved(spec, words)
    assert str(raised.value) == message


def test_a_rule_with_one_reading_has_no_other() -> None:
    with pytest.raises(UsageError, match=r"rule D1 has no reading .x.; it has one reading only"):
        resolved(load(), ["D1=x"])


def test_check_takes_words_as_well(tmp_path: Path) -> None:
    log = tmp_path / "in.log"
    log.write_text("mipcheck-trace 1\nsite boot=true\n0 eth0 go n=1\n", "utf-8")
    assert check([str(log)], spec=loads(TEXT)).verdict == "violation"
    assert check([str(log)], spec=loads(TEXT), readings=["A=lax"]).verdict != "violation"
