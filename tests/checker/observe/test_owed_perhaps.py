"""What is owed perhaps: the event that would start an obligation came, and whether it did is not known."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from mipcheck.checker.observe.coarse import observe_coarsely
from mipcheck.checker.observe.columns import NativeObserver
from mipcheck.checker.observe.observation import Observation
from mipcheck.checker.observe.observer import observe
from mipcheck.checker.trace.source import Evidence
from mipcheck.model.machine.compile import Machine
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import loads
from mipcheck.model.values.event import Event, Position

from making.columns_of import ListColumns
from making.depth import drawn

S = 10**9
SPEC = loads("""
spec small "what is owed perhaps"
document "none"
param t_slack: time = 1 s
event on_() by node seen log
event off() by node seen log
event drop() by node seen log
event later() by node seen log
event nudge(hard?: int) by node seen log
event ask(kind?: int) by node seen log
event look() by node seen log
event gap(reason?: text) by observer seen log
interface {
  up: bool = false
  wanted: bool = false
  since: time
  until: time
}
on on_ { up := true }
on off { up := false; wanted := false }
on later { until := now }
on drop when up { wanted := true; since := now }
on nudge(hard = 1) { since := now }
on look { since := until }
rule A MUST cite 1 "asked in time" require ask(kind = 1) within 5 s of since while wanted
""")


def event(time: float, what: str, interface: str = "e", **args: int) -> Event:
    return Event(round(time * S), interface, what, args, Position("t", 1))


def seen(*events: Event, boot: bool = False) -> Observation:
    """Observe events both ways, which come to the same."""
    machine = Machine(SPEC, configure(SPEC, {}), {})
    found = observe(machine, events, boot)
    columns = ListColumns(list(events), 1000)
    native = NativeObserver(machine, columns, boot, record=True)
    for batch in columns.batches():
        native.take(batch)
    assert native.observation() == found
    return found


def counts(found: Observation) -> tuple[int, int, int]:
    return found.tallies[0].kept, found.tallies[0].broken, found.tallies[0].unknown


def test_what_is_owed_perhaps_and_not_met_is_unclear() -> None:
    found = seen(event(1, "drop"), event(8, "ask"))
    assert counts(found) == (0, 0, 1)
    assert found.tallies[0].hole is not None and found.tallies[0].hole.event == 1


@pytest.mark.parametrize(
    ("events", "unclear"),
    [
        ([event(1, "drop"), event(6.5, "ask", kind=1)], 0),  # met in time
        ([event(1, "drop"), event(7.5, "ask", kind=1)], 1),  # too late
        ([event(1, "drop"), event(6.5, "ask"), event(8, "ask")], 1),  # met perhaps
        ([event(1, "drop"), event(6.5, "ask", kind=2), event(7, "ask")], 0),  # not due at the end
        ([event(1, "drop"), event(2, "off"), event(9, "ask")], 0),  # known not to be wanted any more
        ([event(0, "off"), event(1, "drop"), event(9, "ask")], 0),  # known not to have begun
        ([event(1, "drop"), event(5, "drop"), event(7.5, "ask")], 1),  # since the first at the earliest
        ([event(1, "drop"), event(2, "gap"), event(9, "ask")], 1),  # lost while it was owed perhaps
        ([event(0, "drop"), event(6.5, "ask")], 1),  # at the very beginning of time
    ],
)
def test_when_it_is_unclear(events: list[Event], unclear: int) -> None:
    assert counts(seen(*events)) == (0, 0, unclear)


def test_what_is_known_to_start_later_is_judged_as_ever() -> None:
    assert counts(seen(event(1, "drop"), event(2, "on_"), event(3, "drop"), event(10, "ask"))) == (0, 1, 0)
    assert counts(seen(event(1, "drop"), event(2, "on_"), event(3, "drop"), event(4, "ask", kind=1))) == (1, 0, 0)


def test_what_was_owed_and_perhaps_is_anew_is_not_forgotten() -> None:
    told = [event(0, "on_"), event(1, "drop"), event(3, "nudge"), event(12, "ask")]
    assert counts(seen(*told)) == (0, 0, 1)
    assert counts(seen(*told[:3], event(6.5, "ask", kind=1), event(12, "ask"))) == (1, 0, 0)


def test_a_start_at_a_time_that_is_not_known_is_unclear() -> None:
    assert counts(seen(event(0, "on_"), event(1, "drop"), event(2, "look"), event(12, "ask"), boot=True)) == (0, 0, 1)


def test_cutting_the_start_never_acquits() -> None:
    whole = [event(0, "on_"), event(1, "drop"), event(9, "ask")]
    assert counts(seen(*whole)) == (0, 1, 0)
    assert counts(seen(*whole[1:])) == (0, 0, 1)


# --- several sources with coarse stamps -------------------------------------------------------------------------------

COARSE = 2 * S
KINDS = ("on_", "off", "later", "drop", "drop", "nudge", "ask", "look")


def coarsely(events: list[Event], boot: bool = False) -> Observation:
    """Observe events whose stamps, in two files, are as coarse as `COARSE`."""
    machine = Machine(SPEC, configure(SPEC, {}), {})
    evidence = Evidence(resolution={"a": COARSE, "b": COARSE}, coarse=frozenset(SPEC.events))
    return observe_coarsely(machine, events, boot, None, evidence)


def in_file(file: str, event: Event) -> Event:
    return replace(event, at=Position(file, 1))


def test_what_is_owed_perhaps_by_the_order_of_the_stamps_is_not_forgotten() -> None:
    """By that order nobody knows since when it is owed; in the other one it is known."""
    told = [event(0, "drop"), event(1, "on_"), event(30, "ask")]
    assert counts(coarsely([in_file("b" if e.kind == "on_" else "a", e) for e in told])) == (0, 0, 1)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("seed", range(drawn(60, 2000)))
def test_what_any_order_of_the_stamps_breaks_is_not_held(seed: int) -> None:
    """No more is said of coarse stamps than of any times that they may stand for, and nothing is acquitted."""
    random = Random(seed)
    boot = random.random() < 0.3
    told = []
    for _ in range(random.randrange(2, 9)):
        stamp = float(random.randrange(0, 14))
        kind = random.choice(KINDS)
        args = {"ask": {"kind": 1}, "nudge": {"hard": 1}}.get(kind, {}) if random.random() < 0.7 else {}
        told.append(in_file(random.choice("ab"), event(stamp, kind, "e", **args)))
    told = [*sorted(told, key=lambda e: e.time), in_file("a", event(random.choice([14, 16, 40]), "look"))]
    coarse = coarsely(told, boot)
    for _ in range(drawn(8, 40)):
        exact = _as_it_may_have_been(told, random)
        found = seen(*exact, boot=boot)
        _, broken, unknown = counts(coarse)
        if counts(found)[1] or counts(found)[2]:
            assert broken or unknown
        if broken:
            assert counts(found)[1]


def _as_it_may_have_been(told: list[Event], random: Random) -> list[Event]:
    """Return the events at exact times, in an order that keeps that of each file."""
    latest = {"a": 0, "b": 0}
    found = []
    for each in told:
        file = each.at.file
        latest[file] = max(latest[file], each.time + random.randrange(COARSE))
        if latest[file] >= each.time + COARSE:
            latest[file] = each.time + COARSE - 1
        found.append(replace(each, time=latest[file]))
    return sorted(found, key=lambda e: e.time)
