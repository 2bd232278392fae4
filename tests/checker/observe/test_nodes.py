"""Devices that deal with many mobile nodes: each node is followed alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mipcheck.checker.observe.limits import LIMIT, TooMuch
from mipcheck.checker.observe.observation import Observation
from mipcheck.checker.observe.observer import observe
from mipcheck.model.machine.compile import Machine
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.specification.configure import configure
from mipcheck.model.values.event import Event, Position
from mipcheck.model.values.types import Value

from making.devices import VPN, A, B, C, S


def event(time: float, interface: str, kind: str, **args: Value) -> Event:
    return Event(round(time * S), interface, kind, args, Position("t", 1))


def seen(events: Iterable[Event], boot: bool = True) -> Observation:
    return observe(Machine(VPN, configure(VPN, {}), {}), events, boot)


def counts(found: Observation, rule: str) -> tuple[int, int, int]:
    tally = found.tallies[list(VPN.rules).index(rule)]
    return tally.kept, tally.broken, tally.unknown


def bind(time: float, home: int, way: str = "open") -> Event:
    return event(time, "out", "bind", home=home, way=way)


def relay(time: float, home: int) -> Event:
    return event(time, "out", "relay", home=home)


# --- each node alone ------------------------------------------------------------------------------------------------


def test_each_node_has_a_state_of_its_own() -> None:
    found = seen([bind(0, A), relay(1, A), relay(2, B), bind(3, B), relay(4, B)])
    assert counts(found, "G1") == (2, 1, 0)
    assert [(f.node, f.time) for f in found.findings] == [(B, 2 * S)]
    assert found.nodes == 2


def test_obligations_are_each_nodes() -> None:
    events = [bind(0, A), bind(1, B), event(5, "out", "answer", home=A), relay(20, C)]
    found = seen(events)
    assert counts(found, "G2") == (1, 1, 0)
    overdue = [f for f in found.findings if f.overdue]
    assert [(f.node, f.time) for f in overdue] == [(B, 12 * S)]


def test_what_names_no_node_concerns_all_of_them() -> None:
    found = seen([bind(0, A), bind(0, B), event(1, "-", "reset"), relay(2, A), relay(3, B)])
    assert counts(found, "G1") == (0, 2, 0)
    assert counts(found, "G3") == (2, 0, 0)


def test_and_those_that_come_later() -> None:
    resets = [event(n, "-", "reset") for n in range(2)]
    found = seen([*resets, event(2, "-", "reset", home=A)])
    assert counts(found, "G3") == (2, 1, 0)  # the two of the device are judged although nobody is known yet
    assert [f.node for f in found.findings] == [A]
    assert counts(seen([bind(0, B), *resets, event(2, "-", "reset", home=A)]), "G3") == (2, 1, 0)


def test_a_gap_hides_every_node_and_those_not_seen_yet() -> None:
    found = seen([bind(0, A), event(1, "-", "gap"), relay(2, A), relay(2, B)])
    assert counts(found, "G1") == (0, 0, 2)
    assert counts(found, "G2") == (0, 0, 1)
    assert counts(seen([bind(0, A), event(1, "in", "gap"), relay(2, A)]), "G1") == (0, 0, 1)


def test_a_gap_in_what_one_node_did() -> None:
    found = seen([bind(0, A), bind(0, B), event(1, "-", "gap", home=A), relay(2, A), relay(2, B), relay(2, C)])
    assert counts(found, "G1") == (1, 1, 1)


def test_nothing_is_known_of_nodes_unless_the_device_has_just_started() -> None:
    assert counts(seen([relay(0, A)], boot=False), "G1") == (0, 0, 1)


def test_a_gap_ends_what_was_owed() -> None:
    found = seen([bind(0, A), event(1, "-", "gap"), relay(50, B)])
    assert counts(found, "G2") == (0, 0, 1)


def arm(time: float, interface: str = "out", **args: Value) -> Event:
    return event(time, interface, "arm", **args)


def test_what_concerns_all_is_owed_by_each() -> None:
    found = seen([bind(0, A, "close"), bind(0, B, "close"), arm(1), relay(50, A)])
    assert counts(found, "G2") == (0, 2, 0)
    assert [(f.node, f.time) for f in found.findings if f.overdue] == [(A, 12 * S), (B, 12 * S)]


def test_who_comes_later_owes_what_is_still_due() -> None:
    found = seen([arm(1), relay(5, A), relay(20, B), relay(50, B)])
    assert counts(found, "G1") == (3, 0, 0)
    assert [(f.node, f.time) for f in found.findings] == [(A, 12 * S)]  # B was not there when it fell due


def test_a_deadline_that_has_passed_waits_for_its_condition_on_every_interface() -> None:
    events = [bind(0, A), event(5, "in", "bind", home=A, way="close"), event(20, "in", "bind", home=A, way="open")]
    assert counts(seen([*events, relay(21, B)]), "G2") == (0, 1, 0)
    assert counts(seen([*events[:2], relay(21, B)]), "G2") == (0, 0, 0)


def test_a_gap_on_one_interface_leaves_what_is_past_its_deadline_open() -> None:
    """What the interfaces share is not known any more, so that what another owes is not known to be owed."""
    events = [bind(0, A), event(5, "in", "bind", home=A, way="close"), relay(15, B), event(20, "in", "gap", home=A)]
    assert counts(seen(events), "G2") == (0, 0, 0)
    assert counts(seen([*events, relay(21, B)]), "G2") == (0, 0, 1)


def test_a_deadline_can_move_nearer() -> None:
    events = [bind(0, A, "close"), bind(5, A), event(6, "out", "rewind", home=A), relay(12, B)]
    found = seen([*events, event(13, "out", "answer", home=A)])
    assert counts(found, "G2") == (0, 1, 0)
    assert [f.time for f in found.findings if f.overdue] == [11 * S]


def naive(machine: Machine, events: Sequence[Event]) -> list[list[int]]:
    """For each rule, how often it was kept, broken and unknown, for one node that has just started: every obligation of
    every interface is looked at before every event."""
    node, writers = machine.initial_node(), [-1] * len(machine.node_slots)
    names: list[str] = []
    states: list[list[int]] = []
    tallies = [[0, 0, 0] for _ in machine.rules]
    for number, event in enumerate(events):
        for this, state in enumerate(states):
            for due in machine.due(event.time, this, state, node, states):
                tallies[due.rule][1 if due.outcome == 0 else 2] += 1
        if event.kind not in machine.steps:
            continue
        if event.interface != "-" and event.interface not in names:
            names.append(event.interface)
            states.append(machine.initial_interface())
        this = names.index(event.interface) if event.interface != "-" else UNKNOWN
        own = states[this] if this != UNKNOWN else machine.unknown_interface()
        keys = machine.encode(event.kind, event.args)
        spare = [-1] * len(own)
        step = machine.steps[event.kind]
        for rule, outcome in step(event.time, this, own, node, states, keys, number, spare, writers):
            tallies[rule][{1: 0, 0: 1}.get(outcome, 2)] += 1
    return tallies


Step = tuple[int, str, str, dict[str, Value]]


@st.composite
def steps(draw: st.DrawFn) -> list[Step]:
    """What happens to one node: (time in half seconds, interface, event, keys)."""
    found: list[Step] = []
    now = 0
    for _ in range(draw(st.integers(0, 9))):
        now += draw(st.sampled_from([0, 1, 2, 9, 20, 22, 23]))
        kind = draw(st.sampled_from(["bind", "bind", "relay", "answer", "reset", "arm", "rewind", "gap"]))
        args: dict[str, Value] = {"way": draw(st.sampled_from(["open", "close"]))} if kind == "bind" else {}
        found.append((now, draw(st.sampled_from(["in", "out", "-"])), kind, args))
    return found


@pytest.mark.slow
@settings(deadline=None, max_examples=200)
@given(st.data())
def test_waiting_for_deadlines_is_as_looking_always(data: st.DataObject) -> None:
    found = [Event(t * S // 2, i, k, {**a, "home": A}) for t, i, k, a in data.draw(steps()) if k != "gap"]
    events = [*found, Event(1000 * S, "-", "end")]
    tallies = [[t.kept, t.broken, t.unknown] for t in seen(events).tallies]
    assert tallies == naive(Machine(VPN, configure(VPN, {}), {}), events)


def test_findings_have_a_limit_over_all_nodes() -> None:
    found = seen([relay(n, A + n) for n in range(3 * LIMIT)])
    assert counts(found, "G1") == (0, 3 * LIMIT, 0)
    assert len(found.findings) == LIMIT
    assert found.tallies[0].unlisted == 2 * LIMIT


def test_what_concerns_all_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mipcheck.checker.observe.limits.SPREAD", 10)
    with pytest.raises(TooMuch, match=r"home=…"):
        seen([bind(0, A), *(event(n, "-", "reset") for n in range(20))])
    monkeypatch.setattr("mipcheck.checker.observe.limits.NODES", 10)
    with pytest.raises(TooMuch, match="more than 10 mobile nodes"):
        seen([bind(0, A + n) for n in range(20)])


def test_an_event_costs_the_same_however_many_nodes_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    def counted(*args: Any) -> Sequence[object]:
        nonlocal looks
        looks += 1
        return due(*args)

    machine = Machine(VPN, configure(VPN, {}), {})
    due = machine.due
    monkeypatch.setattr(machine, "due", counted)
    events = [bind(n / 100, A + n) for n in range(500)]
    events += [event(6 + n / 100, "out", "answer", home=A + n) for n in range(500)]
    events += [relay(20 + n / 100, A + n) for n in range(500)]
    found = observe(machine, events, True)
    assert counts(found, "G2") == (500, 0, 0)
    assert looks <= 500  # once for each deadline


# --- a trace of many is the traces of each ----------------------------------------------------------------------------


def whole(draw_steps: Sequence[Step]) -> list[tuple[int, Event]]:
    return [
        (t, Event(t * S // 2, i, k, args)) for t, i, k, args in draw_steps if k in ("reset", "arm", "rewind", "gap")
    ]


def findings(found: Observation, node: int) -> set[tuple[object, ...]]:
    return {
        (f.rule, f.interface, f.time, f.overdue, f.count, f.last_time, f.event)
        for f in found.findings
        if f.node == node
    }


@pytest.mark.slow
@settings(deadline=None, max_examples=200)
@given(st.lists(steps(), min_size=1, max_size=4), steps(), st.booleans())
def test_many_nodes_in_one_trace_are_as_each_alone(nodes: list[list[Step]], device: list[Step], boot: bool) -> None:
    homes = [A + n for n in range(len(nodes))]
    timed = whole(device)
    for home, own in zip(homes, nodes, strict=True):
        timed += [(t, Event(t * S // 2, i, k, {**args, "home": home})) for t, i, k, args in own]
    timed.sort(key=lambda pair: pair[0])
    end = Event(1000 * S, "-", "end")  # no event of the role; the observation of all ends at the same moment
    events = [*(e for _, e in timed), end]
    together = seen(events, boot)
    broken = [0, 0, 0]
    for home in homes:
        # Where others were heard nothing was missed: a gap reaches back to them.
        own_events = [e if e.args.get("home", home) == home else Event(e.time, "-", "elsewhere") for e in events]
        alone = seen(own_events, boot)
        assert findings(together, home) == findings(alone, home)
        for n in range(3):
            broken[n] += sum(f.count for f in alone.findings if f.rule == n and f.node == home)
    for n in range(3):
        assert broken[n] == sum(f.count for f in together.findings if f.rule == n and f.node is not None)
