"""Traces that a changed rule has made untrue are made again of the same events, without a search."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mipcheck.model.prover.certificate import Certificate
from mipcheck.model.prover.consistency import Consistency, consistent
from mipcheck.model.prover.examples import Examples
from mipcheck.model.prover.mended import Again, after, alike, before, beginnings, begun, within
from mipcheck.model.prover.prove import Proofs
from mipcheck.model.prover.scripts import Script, ScriptStep
from mipcheck.model.prover.search import Search
from mipcheck.model.prover.setting import setting_of
from mipcheck.model.specification.load import loads

TEXT = """
spec small "who asks waits"
param t_slack: time = 1 s
event ask(n: int) by node seen log
event reply(n: int) by network seen log
event go() by node seen log
event rest() by node seen log
interface { asked: bool = false  at: time  ready: bool = false }
on ask { asked := true; at := now; ready := false }
on reply when asked { ready := true }
on rest { asked := false }
rule A MUST cite 1 "asked before" allow go only if asked and now - at >= 2 s
rule B MUST cite 2 "rests in time" require rest within 9 s of at while asked
rule C MUST cite 3 "small numbers" allow ask only if n < 5
"""


def shown_of(text: str, known: Certificate | None = None) -> Consistency:
    return consistent(setting_of(loads(text)), known)


def certificate_of(found: Consistency) -> Certificate:
    return Certificate("small", "mn", "consistent", found.proofs, found.scripts)


@pytest.mark.parametrize(
    ("old", "new"),
    [(">= 2 s", ">= 3 s"), ("within 9 s", "within 12 s"), ("n < 5", "n > 5"), ("asked and now", "ready and now")],
    ids=["later", "longer", "larger", "after another event"],
)
def test_no_search_is_needed_for_the_same_events(old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = certificate_of(shown_of(TEXT))
    if new.startswith("ready"):  # a trace with a reply is at hand
        kept = replace(kept, scripts={**kept.scripts, "other": _script("ask", "reply", "go")})
    monkeypatch.setattr(Search, "shortest", None)
    changed = TEXT.replace(old, new)
    assert changed != TEXT
    again = consistent(setting_of(loads(changed)), kept)
    assert again.verdict.answer == "proved", again.verdict
    own = Examples(setting_of(loads(changed)))
    for name, script in again.scripts.items():
        what, _, rule = name.partition(":")
        assert own.shown(rule, what == "broken", script) is not None, name


def test_what_no_such_events_show_is_sought() -> None:
    """And found, or it is proved that there is none: none of the node's events can keep the rule."""
    kept = certificate_of(shown_of(TEXT))
    found = consistent(setting_of(loads(TEXT.replace("asked and now", "ready and now"))), kept)
    assert found.verdict.answer == "proved" and len(found.scripts["kept:A"].steps) == 3
    never = consistent(setting_of(loads(TEXT.replace("asked and now", "asked and not asked and now"))), kept)
    assert never.verdict.answer == "vacuous"
    assert never.verdict.reason == "no trace exercises A and keeps the other rules"


def test_a_script_of_anything_shows_only_what_it_can() -> None:
    again = Again(setting_of(loads(TEXT)))
    assert again.made(_script("ask", "nothing"), lambda run, k: True, ()) is None
    assert again.made(_script("go"), lambda run, k: True, ()) is None
    assert (
        again.made(replace(_script("ask", "go"), mirror="more"), lambda run, k: run.states[k] != run.mirrors[k], ())
        is None
    )
    assert again.made(_script(), lambda run, k: True, ()) is None
    made = again.made(_script("ask", "go"), lambda run, k: True, ())
    assert made is not None and made.steps[1].now - made.steps[0].now >= 2000


def test_events_that_may_show_it_come_shortest_first() -> None:
    scripts = [_script("ask", "reply", "go", "go"), _script("ask", "go"), _script("ask", "reply", "go")]
    kinds = [[step.event for step in s.steps] for s in alike(scripts, {"go"})]
    assert kinds == [["ask", "go"], ["ask", "reply", "go"], ["ask", "reply", "go", "go"]]
    both = [[step.event for step in s.steps] for s in after([_script("rest")], _script("ask"))]
    assert both == [["rest", "ask"]]
    long = _script("ask", *["reply"] * 6)
    more = [[step.event for step in s.steps] for s in before([long, _script("ask")], {"go"})]
    assert more == [["ask", *["reply"] * 5, "go"], ["ask", *["reply"] * 6, "go"]]


def test_what_one_property_has_found_spares_the_next_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    more = """
property first "one" whenever go: asked
property second "two" whenever go: now - at >= 2 s
"""
    proofs = Proofs(loads(TEXT + more))
    assert proofs.verdict("first").result == "proved"
    monkeypatch.setattr(Search, "shortest", None)
    second = proofs.verdict("second")
    assert second.result == "proved" and second.certificate is not None
    assert second.certificate.scripts["happens:"].steps[-1].event == "go"


def test_what_others_begin_with_is_tried_before_what_a_change_asks_more_of() -> None:
    """A stricter condition is mostly met by what other rules' traces begin with, on the interface that it is about."""
    scripts = [
        _script("ask", "reply", "go"),
        _script("ask", "reply", "rest"),
        _script("rest", "ask", "go"),
        _script("go"),
    ]
    kinds = [[step.event for step in s.steps] for s in beginnings(scripts)]
    assert kinds == [["ask", "reply"], ["rest", "ask"]]
    elsewhere = Script(10**6, (ScriptStep("rest", 0, 0, {}), ScriptStep("go", 1, 0, {})))
    (made,) = after([_script("ask", "reply")], elsewhere)
    assert [(s.event, s.interface) for s in made.steps] == [("ask", 1), ("reply", 1), ("rest", 0), ("go", 1)]
    (made,) = after([elsewhere], _script("ask"))
    assert [(s.event, s.interface) for s in made.steps] == [("rest", 0), ("go", 1), ("ask", 0)]


def test_a_rule_that_demands_more_is_shown_without_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """The traces of the changed rule and of others with its event are made again after those events."""
    text = """
spec small "who has been asked twice may go"
event ask() by network seen log
event insist() by network seen log
event go() by node seen log
event rest() by node seen log
event tire() by network seen log
interface { asked: bool = false  pressed: bool = false  tired: bool = false }
on ask { asked := true }
on insist when asked { pressed := true }
on tire { tired := true }
rule A MUST cite 1 "not before" allow go only if pressed
rule B MUST cite 2 "tired" allow rest only if tired
"""
    kept = certificate_of(shown_of(text))
    monkeypatch.setattr(Search, "shortest", None)
    again = shown_of(text.replace("only if tired", "only if tired and pressed"), kept)
    assert again.verdict.answer == "proved", again.verdict


def _script(*events: str) -> Script:
    return Script(10**6, tuple(ScriptStep(event, 0, 0, {}) for event in events))


def test_an_event_more_may_be_what_is_owed_by_then() -> None:
    """What comes late may need something else before; and what helped one trace before its events may help another."""
    kinds = [[step.event for step in s.steps] for s in within(_script("ask", "reply", "go"), ["rest", "ask"])]
    assert kinds == [["ask", "reply", "ask", "go"], ["ask", "reply", "reply", "go"], ["ask", "reply", "rest", "go"]]
    longer = _script("rest", "ask", "go")
    assert [len(s.steps) for s in begun(longer, _script("ask", "go")).values()] == [1]
    assert not begun(longer, _script("rest", "go")) and not begun(longer, longer)
