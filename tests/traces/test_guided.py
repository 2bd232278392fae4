"""Walks that are led to the place that was changed: where that is, what comes there, what it is noticed by."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from bundled import Walk, bundles, placed
from guided import Walks
from made import Maker
from mipcheck.checker.check.machine import machine_of
from mipcheck.checker.observe.observer import Observer
from mipcheck.checker.site.site import Site
from mipcheck.checker.verbs.mutate_fates import Jury
from mipcheck.model.specification.load import load, loads
from mipcheck.model.specification.mutants import Mutant, mutants
from mipcheck.model.specification.spec import Spec
from mipcheck.model.specification.term import Term
from mipcheck.model.values.event import Event
from spots import spots
from steps import Arena

_SECOND = 10**9
LAMP = loads("""\
spec lamp "a lamp on each interface"
document "lamp.txt"
param t_on: time = 5 s
param t_wait: time = 20 s
param t_slack: time = 1 s
event press(force: int) by node seen log
event burn() by node seen log
event look() by node seen log
interface { lit: bool = false
  since: time = 0 s
  warm: bool = false }
on press(force > 6) { lit := true; since := now }
on press(force = 0) when lit { lit := false; warm := true }
rule R1 MUST cite 1 "" allow burn only if lit and now - since <= t_on
rule R2 MUST cite 2 "" require look within t_wait of since while lit and given t_wait
rule R3 MUST cite 3 "" allow look only if not warm
""")
SITE = Site(role="mn", boot=True)
EVERY = list(mutants(LAMP))


def mutant(where: str, what: str) -> Mutant:
    return next(m for m in EVERY if (m.where, m.what) == (where, what))


def event(at: float, kind: str, **args: int) -> Event:
    return Event(int(at * _SECOND), "eth0", kind, args)


def said(terms: Sequence[tuple[Term, bool]]) -> list[tuple[str, bool]]:
    return [(t.name or t.kind, holds) for t, holds in terms]


def test_where_a_condition_was_left_out_the_others_hold_and_it_does_not() -> None:
    (spot,) = spots(LAMP, mutant("rule R1", "without lit").spec)
    assert spot.pattern is not None and spot.pattern.event == "burn"
    assert said(spot.wants) == [("<=", True), ("lit", False)]
    assert {"lit", "since"} <= spot.reads


def test_where_a_comparison_was_changed_it_is_looked_at_while_the_rest_holds() -> None:
    (spot,) = spots(LAMP, mutant("rule R1", "< in now - since <= t_on").spec)
    assert said(spot.wants) == [("lit", True)]
    assert [t.kind for t in spot.at] == ["<="]


def test_of_an_obligation_no_event_is_needed() -> None:
    assert [s.pattern for s in spots(LAMP, mutant("rule R2", "without lit").spec)] == [None]


def test_where_an_update_was_left_out_its_events_come() -> None:
    found = spots(LAMP, mutant("on press", "warm is not reset").spec)
    assert [s.pattern.event for s in found if s.pattern] == ["press"]


def test_events_fit_what_is_wanted_of_their_keys() -> None:
    pick = random.Random(1)
    maker = Maker(LAMP, [], pick)
    o = Observer(machine_of(LAMP, SITE, kept=False), True)
    strong, off = (u.patterns[0].condition for u in LAMP.updates)

    def forces(condition: Term, holds: bool) -> set[int]:
        made = [maker.event("press", o, 0, "eth0", [(condition, holds)]).args["force"] for _ in range(40)]
        return {f for f in made if isinstance(f, int)}

    assert min(forces(strong, True)) == 7  # at the limit, or beyond
    assert max(forces(strong, False)) == 6
    assert forces(off, True) == {0}
    assert max(forces(off, False)) > 0


def test_events_come_soon_or_where_something_is_decided() -> None:
    maker = Maker(LAMP, [], random.Random(2))
    o = Observer(machine_of(LAMP, SITE, kept=False), True)
    o.take(event(10, "press", force=7))
    at = [maker.when(o, 11 * _SECOND, "eth0") for _ in range(200)]
    assert min(at) >= 11 * _SECOND
    assert 15 * _SECOND in at  # t_on after the lamp was lit


def observed(spec: Spec, events: Sequence[Event]) -> object:
    """Return what an observer of its own says of a walk."""
    o = Observer(machine := machine_of(spec, SITE, kept=False), True)
    for e in events:
        o.take(e)
    tallies = zip(machine.rules, o.observation().tallies, strict=True)
    counts = {r.id: t for r, t in tallies if t.kept or t.broken or t.unknown}
    return {n: (t.kept, t.broken, t.unknown) for n, t in counts.items()}


@pytest.mark.slow
def test_a_mutant_is_noticed_where_two_observers_disagree() -> None:
    arena = Arena(LAMP, SITE, EVERY, {})
    maker, pick = Maker(LAMP, [], random.Random(3)), random.Random(3)
    noticed = set()
    for _ in range(15):
        o, events = arena.walked([]), list[Event]()
        for _ in range(8):
            now = events[-1].time if events else _SECOND
            events.append(maker.event(pick.choice(maker.kinds), o, maker.when(o, now, "eth0"), "eth0"))
            o.take(events[-1])
        found, parted = arena.notice(events, list(arena.changed))
        ours = observed(LAMP, events)
        assert set(found) == {m.id for m in EVERY if observed(m.spec, events) != ours}
        assert not set(found) & set(parted)
        noticed |= set(found)
    assert len(noticed) > len(EVERY) / 2


def test_what_has_parted_and_is_not_judged_yet_says_in_what() -> None:
    m = mutant("on press", "warm is not reset")
    arena = Arena(LAMP, SITE, [m], {})
    found, parted = arena.notice([event(1, "press", force=7), event(2, "press", force=0), event(3, "burn")], [m.id])
    assert not found
    assert parted[m.id].after == 2 and parted[m.id].names == {"warm"}


def test_walks_stand_one_after_the_other_on_interfaces_of_their_own() -> None:
    w = Walk(SITE, (event(1, "press", force=7), event(2, "burn")), frozenset("a"))
    first, second = list(placed(w, 1, 0, "", 0)), list(placed(w, 2, first_end := 2 * _SECOND, "", 0))
    assert [e.kind for e in second] == ["restart", "press", "burn"]
    assert {e.interface for e in first}.isdisjoint(e.interface for e in second)
    assert all(e.time > first_end for e in second)


def test_walks_that_notice_less_together_stay_apart() -> None:
    walks = [Walk(SITE, (event(1, "press", force=n),), frozenset(str(n))) for n in (1, 2, 3)]

    def noticed(_: Site, events: Sequence[Event], wanted: Sequence[str]) -> list[str]:
        there = {str(e.args["force"]) for e in events if e.kind == "press"}
        return [w for w in wanted if w in there and not {"1", "2"} <= there]

    found = [[e.args["force"] for e in events if e.kind == "press"] for _, events in bundles(walks, "", 0, noticed)]
    assert sorted(found) == [[1, 3], [2]]


@pytest.mark.slow
def test_walks_are_found_for_what_no_trace_notices_and_are_short() -> None:
    walks = Walks(LAMP, Jury(LAMP, [], 1.0), "mn", EVERY, 1)
    for _ in range(400):
        if walks.left:
            walks.attempt()
    assert len(walks.left) < len(walks.every) / 10, sorted(walks.left)
    assert max(len(w.events) for w in walks.walks) <= 8
    for w in walks.walks:
        assert set(walks.noticed(w.site, w.events, sorted(w.notices))) == w.notices


@pytest.mark.slow
def test_what_is_asked_whether_it_is_told_is_told_beside_other_values() -> None:
    """Retransmissions run out only where both their number and their interval are told."""
    spec = load()
    m = next(m for m in mutants(spec) if m.where == "define spent" and "n_retransmit" in m.what)
    walks = Walks(spec, Jury(spec, [], 1.0), "mn", [m], 1)
    told = [a.site.parameters for a in walks.arenas if walks._concerns(a, m)]
    assert any(p.get("n_retransmit") == "0" and "t_retransmit" in p for p in told)
