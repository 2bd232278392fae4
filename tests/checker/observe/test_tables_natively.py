"""Tables in native code: what the observer in Python says, the loop says, for any trace."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mipcheck.checker.observe import packed
from mipcheck.checker.observe.columns import NativeObserver
from mipcheck.checker.observe.observation import Observation
from mipcheck.checker.observe.observer import observe
from mipcheck.checker.observe.state import ObserverState
from mipcheck.model.machine.compile import Machine
from mipcheck.model.values.event import Event

from making.columns_of import ListColumns
from making.tabled import HOMES, SERVER, S, event, events

MACHINE = Machine(SERVER, {}, {})
NODES = (*HOMES, 0x0A010003)


def observed(told: list[Event], boot: bool, size: int) -> NativeObserver:
    """What has seen events, in batches of a size."""
    columns = ListColumns(told, size)
    native = NativeObserver(MACHINE, columns, boot, record=True)
    for batch in columns.batches():
        native.take(batch)
    return native


def natively(told: list[Event], boot: bool, size: int) -> Observation:
    """What the loop says of events, in batches of a size."""
    return observed(told, boot, size).observation()


@st.composite
def traces(draw: st.DrawFn) -> list[Event]:
    """Events of several nodes; some keys are not told, some events concern all nodes, some evidence is missing."""
    told: list[Event] = []
    for kind, now, args in draw(events(most=30)):
        shown = {k: v for k, v in args.items() if draw(st.integers(0, 9)) > 0}
        home = draw(st.sampled_from(NODES))
        told.append(event(kind, now, shown, None if kind == "reset" and draw(st.booleans()) else home))
        if draw(st.integers(0, 19)) == 0:
            told.append(event("gap", now, {}, draw(st.sampled_from([None, *NODES]))))
    return told


@pytest.mark.slow
@settings(deadline=None, max_examples=200)
@given(traces(), st.booleans(), st.sampled_from([1, 7, 1000]))
def test_both_ways_say_the_same(told: list[Event], boot: bool, size: int) -> None:
    assert natively(told, boot, size) == observe(MACHINE, told, boot)


@pytest.mark.slow
@pytest.mark.parametrize("boot", [True, False])
def test_so_they_do_of_many_nodes_with_many_entries(boot: bool) -> None:
    """More rows than there is room for at first, and more findings than are listed."""
    told = []
    for n in range(6000):
        home, who = 0x0A020000 + n % 700, n // 700
        args = {"who": who, "what": ("call", "mail")[n % 2], "to": who % 3, "sure": ("yes", "no")[n % 11 == 0]}
        kind = ("wish", "wish", "move", "grant", "ask", "ask", "leave", "deny")[(n * 7 + n // 97) % 8]
        more = {"ask": {"least": 0}, "grant": {"id": n % 5}}.get(kind, {})
        keys = {k.name for k in SERVER.events[kind].keys}
        told.append(event(kind, n * S // 50, {k: v for k, v in {**args, **more}.items() if k in keys}, home))
        if n == 4000:
            told.append(event("reset", n * S // 50, {}, None))
    seen = observe(MACHINE, told, boot)
    assert natively(told, boot, 999) == seen
    assert sum(t.broken for t in seen.tallies) > 100


def used_of(record: ObserverState, node: int) -> int:
    """How many integers the entries of a node take, 0 if it has none."""
    owner = record.nodes[node]
    if owner.packed_size < 0:
        return 0
    return int(record.packed[owner.packed + record.tables_count])


def test_a_node_has_room_for_little_more_than_it_keeps() -> None:
    """However much an event may add to its tables at most, and however often it needed more."""
    told = [
        event("wish", n * S, {"who": n // 500, "what": "call", "to": 1, "sure": "yes"}, 0x0A020000 + n % 500)
        for n in range(5000)
    ]
    record = observed(told, True, 999)._state
    nodes = range(1, record.nodes_count)
    used, rooms = [used_of(record, n) for n in nodes], [packed.room_held(record, n) for n in nodes]
    assert len(used) == 500 and min(used) > record.tables_count + 1
    assert all(u <= room <= u + u // 2 for u, room in zip(used, rooms, strict=True))
    assert record.packed_count <= 2 * sum(rooms)


def test_a_node_that_keeps_no_entry_any_more_has_no_room_for_any() -> None:
    """However often it had some, beside others that have."""
    told = []
    for n in range(6000):
        home, who = 0x0A020000 + n // 2 % 500, n // 1000
        told.append(event("wish", n * S, {"who": who, "what": "call", "to": 1, "sure": "yes"}, home))
        if home != 0x0A020000:
            told.append(event("deny", n * S, {"who": who, "what": "call"}, home))
    native = observed(told, True, 999)
    assert native.observation() == observe(MACHINE, told, True)
    record = native._state
    rooms = [packed.room_held(record, n) for n in range(1, record.nodes_count)]
    assert len(rooms) == 500 and rooms[0] > 0 and not any(rooms[1:])
    assert record.packed_count - record.most_entries <= 3 * rooms[0]  # what an event works on comes first
