"""The page of a rule shows what the rule names; what is behind that is on a whole page, and in JSON."""

from __future__ import annotations

import pytest
from mipcheck.checker.verbs import explain_rule
from mipcheck.checker.verbs.explain_rule import rule_json, rule_page, rule_text
from mipcheck.model.specification.load import loads

from making.schemas import conforming

SPEC = loads("""
spec s
document "none"
event knock(loud: bool) by node seen log
event answer(kind: int) by network seen log
interface { open: bool = false "the door is open"  heard: bool = false "somebody has heard"
            noisy: bool = false "there was noise" }
define proper = real and heard
define real = kind = 1 and noisy
define welcome = open and known
define known = heard
on answer(proper) { open := true }
on knock(loud = true) { heard := true; noisy := true }
rule R MUST cite 1 "only where one is welcome" allow knock(loud = false) only if welcome or open
rule Q MUST cite 2 "nobody enters unheard" allow knock only if known
""")


@pytest.fixture(autouse=True)
def no_proofs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain_rule, "_proved", lambda *_: (None, "", ""))


def test_a_page_shows_what_the_rule_names() -> None:
    page = rule_page("R", spec=SPEC)
    lines = [" ".join(line.split()) for line in rule_text(page, 200).splitlines()]
    assert "where welcome = open and known" in lines
    assert "proper = real and heard" in lines  # sets what the rule names
    assert "state open: the door is open; changes on answer(proper)" in lines
    assert "behind --all tells more of known, real, heard" in lines
    assert not any(line.startswith(("known =", "real =")) for line in lines)


def test_a_whole_page_shows_all() -> None:
    page = rule_page("R", spec=SPEC)
    text = rule_text(page, 200, whole=True)
    for name in ("welcome", "known", "proper", "real"):
        assert f"{name} = " in text
    assert "heard: somebody has heard; changes on knock(loud = true)" in text
    assert "--all" not in text


def test_a_log_that_was_not_found_is_said_to_be_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word, nobody knew whether it had been looked for."""
    none = "in no log that was found (mipcheck audit"
    assert none not in rule_text(rule_page("R", spec=SPEC), 200)  # there is no solver
    monkeypatch.setattr(explain_rule, "_proved", lambda *_: ((), "spec.log", ""))
    monkeypatch.setattr(explain_rule, "_not_counted", lambda *_: [])
    lines = rule_text(rule_page("R", spec=SPEC), 200).splitlines()
    assert any(line.lstrip().startswith("broken ") and none in line for line in lines)
    assert not any(line.lstrip().startswith("kept ") and none in line for line in lines)


def test_json_has_all_of_it() -> None:
    content = conforming("explain", rule_json(rule_page("R", spec=SPEC)))
    assert list(content["definitions"]) == ["welcome", "known", "proper", "real"]
    assert content["state"]["heard"] == "somebody has heard; changes on knock(loud = true)"


def test_state_of_a_definition_is_told_without_its_events() -> None:
    lines = [" ".join(line.split()) for line in rule_text(rule_page("Q", spec=SPEC), 200).splitlines()]
    assert "state heard: somebody has heard" in lines
    assert "behind --all tells more of heard" in lines


def test_state_of_which_nothing_is_said_has_no_empty_text() -> None:
    spec = loads("""
spec bare
event knock() by node seen log
interface { open: bool = false  shut: bool = true }
on knock { open := true }
rule R MUST cite 1 "x" allow knock only if not open and shut
""")
    lines = [" ".join(line.split()) for line in rule_text(rule_page("R", spec=spec), 200).splitlines()]
    assert "state open: changes on knock" in lines and "shut: changes on nothing" in lines
    assert "source as encoded in bare" in lines
