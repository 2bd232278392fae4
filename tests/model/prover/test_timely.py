"""That time goes on is proved of one obligation after the other, of one interface among any number, checked of all."""

from __future__ import annotations

import mipcheck.model.prover.consistency as consistency
import mipcheck.model.prover.spacer as spacer
import pytest
import z3
from mipcheck.model.prover.certificate import Certificate
from mipcheck.model.prover.consistency import consistent
from mipcheck.model.prover.logic import conjuncts
from mipcheck.model.prover.setting import Setting, setting_of
from mipcheck.model.prover.spacer import recheck
from mipcheck.model.prover.timely import in_parts, owed_by, permitting, time_goes_on
from mipcheck.model.specification.load import loads

TEXT = """
spec small "who uses an interface tells of it, and answers"
param t_slack: time = 1 s
event use() by node seen log
event tell() by node seen log
event hear() by network seen log
event answer() by node seen log
node { user: interface = none }
interface { used: time  heard: bool = false  at: time }
on use { user := this; used := now }
on hear { heard := true; at := now }
on answer { heard := false }
rule A MUST cite 1 "tells" require tell within 5 s of used while user = this
rule B MUST cite 2 "answers" require answer within 5 s of at while heard
rule C MUST cite 3 "once" allow use only if user = none or user = this
"""

LATE = """
spec late "who has used it tells, once it has begun"
param t_slack: time = 1 s
event use() by node seen log
event begin() by node seen log
event tell() by node seen log
interface { used: time  active: bool = false }
on use { used := now }
on begin { active := true }
rule A MUST cite 1 "tells" require tell within 5 s of used while active
rule C MUST cite 2 "not late" allow begin only if now - used <= 3 s
"""


def _setting(text: str) -> Setting:
    return setting_of(loads(text)).followed()


def test_the_parts_are_an_invariant_of_all_obligations_and_both_interfaces() -> None:
    setting = _setting(TEXT)
    found = in_parts(setting)
    assert found is not None
    invariant, takes = found
    assert not takes
    assert not recheck(time_goes_on(setting, []), invariant, 10)
    assert consistent(setting).verdict.answer == "proved"


def test_permissions_are_taken_where_it_takes_them() -> None:
    """Who begins late owes what was due long ago; the rule about that forbids it."""
    setting = _setting(LATE)
    found = in_parts(setting)
    assert found is not None
    invariant, takes = found
    assert takes
    assert not recheck(time_goes_on(setting, permitting(setting, owed_by(setting))), invariant, 10)
    assert recheck(time_goes_on(setting, []), invariant, 10)


def test_what_is_overdue_at_once_has_no_parts_and_is_refuted_as_before() -> None:
    setting = _setting(
        TEXT.replace("on hear { heard := true; at := now }", "on hear { heard := true }\non tell { at := now }")
    )
    assert in_parts(setting) is None
    found = consistent(setting)
    assert found.verdict.answer == "refuted" and found.trace is not None


def test_what_a_short_trace_shows_is_asked_of_no_solver_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all obligations and two interfaces at once Spacer may take longer than it has, and the answer was unknown."""
    setting = _setting(
        TEXT.replace("on hear { heard := true; at := now }", "on hear { heard := true }\non tell { at := now }")
    )
    monkeypatch.setattr(consistency, "spacer", None)
    found = consistent(setting)
    assert found.verdict.answer == "refuted" and "makes B overdue at once" in found.verdict.reason


def test_what_a_change_forbids_when_it_is_due_is_shown_by_a_short_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proof for two interfaces that is not there any more takes many times as long to miss."""
    rule = '\nrule D MUST cite 4 "tells what is so" allow tell only if user = this and {}'
    before = consistent(_setting(TEXT + rule.format("now - used <= 9 s")))
    assert before.verdict.answer == "proved"
    kept = Certificate("small", "mn", "consistent", before.proofs, before.scripts)
    monkeypatch.setattr(consistency._Decisions, "of", None)
    after = consistent(_setting(TEXT + rule.format("now - used <= 3 s")), kept)
    assert after.verdict.answer == "refuted" and after.trace is not None
    assert after.verdict.reason.startswith("when A is due")


def test_an_invariant_that_fails_its_check_for_all_is_sought_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts are a guess: what counts is the check of the whole."""
    setting = _setting(TEXT)
    honest = in_parts(setting)
    assert honest is not None
    monkeypatch.setattr(consistency, "in_parts", lambda *_: (z3.BoolVal(True), False))
    found = consistent(setting)
    assert found.verdict.answer == "proved"
    assert found.systems["time"][1].sexpr() != "true"


@pytest.mark.parametrize("text", [TEXT, LATE], ids=["by rules alone", "by permissions"])
def test_what_held_before_a_change_is_tried_first(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An author's change seldom takes an invariant away: most of it still holds, and no solver has to find another."""
    setting = _setting(text)
    before = in_parts(setting)
    assert before is not None
    changed = _setting(text.replace("within 5 s of used", "within 6 s of used"))
    monkeypatch.setattr(spacer, "_asked", None)
    found = in_parts(changed, [*conjuncts(before[0]), z3.Bool("nowhere"), z3.BoolVal(False)])
    assert found is not None and found[1] == before[1]
    permissions = permitting(changed, owed_by(changed)) if found[1] else []
    assert not recheck(time_goes_on(changed, permissions), found[0], 10)


def test_what_no_longer_holds_proves_nothing() -> None:
    """A stranger's certificate is of no use at worst: what is likely has to be kept by every move."""
    setting = _setting(LATE.replace("rule C MUST", "rule C SHOULD"))
    assert in_parts(setting, [z3.BoolVal(False)]) is None
    assert in_parts(setting, [z3.Bool("active.0")]) is None
