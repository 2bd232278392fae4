"""Told state is known wherever a trace begins, and unknown after a gap, natively as well."""

from __future__ import annotations

import pytest
from mipcheck.checker.observe.columns import NativeObserver
from mipcheck.checker.observe.observation import Observation
from mipcheck.checker.observe.observer import observe
from mipcheck.model.machine.compile import Machine
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import loads
from mipcheck.model.values.event import Event, Position

from making.columns_of import ListColumns

S = 10**9
SPEC = loads("""
spec small "what has been told"
document "none"
param t_slack: time = 1 s
event on_() by node seen log
event look() by node seen log
event gap(reason?: text) by observer seen log
interface { up: bool = false }
told interface { told_here: bool = false }
told node { told_anywhere: bool = false }
on on_ { up := true; told_here := true; told_anywhere := true }
rule A MUST cite 1 "ordinary state" allow look only if up
rule B MUST cite 1 "told of the interface" allow look only if told_here
rule C MUST cite 1 "told of the node" allow look only if told_anywhere
""")
MACHINE = Machine(SPEC, configure(SPEC, {}), {})


def outcomes(boot: bool, *steps: str) -> str:
    """Return for each rule how often it was kept (k), broken (b) or could not be told (u), in that order."""
    events = []
    for n, step in enumerate(steps):
        kind, interface = step.split()
        events.append(Event(n * S, interface, kind, {}, Position("x", n + 1)))
    slow = observe(MACHINE, events, boot)
    assert natively(events, boot) == slow
    return " ".join("k" * t.kept + "b" * t.broken + "u" * t.unknown for t in slow.tallies)


def natively(events: list[Event], boot: bool) -> Observation:
    columns = ListColumns(events, 100)
    replay = NativeObserver(MACHINE, columns, boot, record=True)
    for batch in columns.batches():
        replay.take(batch)
    return replay.observation()


@pytest.mark.parametrize(
    "steps, booted, late",
    [
        (("look a",), "b b b", "u b b"),
        (("on_ a", "look a", "look b"), "kb kb kk", "ku kb kk"),
        # A gap of one interface is one of what all share; the others are as known as before.
        (("gap a", "look a", "look b"), "bu bu uu", "uu bu uu"),
        (("on_ a", "gap b", "look a", "look b"), "ku ku uu", "ku ku uu"),
        # After one of the whole node, interfaces that are new to the trace may be old to the node.
        (("on_ a", "gap -", "look a", "look b"), "uu uu uu", "uu uu uu"),
        (("gap -", "look b", "on_ b", "look b"), "ku ku ku", "ku ku ku"),
    ],
)
def test_what_is_known(steps: tuple[str, ...], booted: str, late: str) -> None:
    assert (outcomes(True, *steps), outcomes(False, *steps)) == (booted, late)
