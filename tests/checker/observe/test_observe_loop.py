"""The observer's compiled loop does what its source does when Python runs it, over the same record.

Python looks at every index, which native code does not; so these runs also show that the loop stays within its arrays.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from mipcheck.checker.observe import columns as native
from mipcheck.checker.observe import loop, near, pauses
from mipcheck.checker.observe.limits import LIMIT
from mipcheck.model.machine.compile import Machine
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import load, loads
from mipcheck.model.specification.spec import Spec
from mipcheck.model.values.event import Event, Position

from making import tabled
from making.columns_of import ListColumns
from making.plain_records import contents, plain

S = 10**9
SPEC = loads("""
spec small "all that the loop does"
document "none"
param t_slack: time = 1 s
event on_() by node seen log
event off() by node seen log
event ask() by node seen log
event send(bytes?: int) by node seen log
event gap(reason?: text) by observer seen log
interface { up: bool = false
            since: time }
node { total: int = 0 }
on on_ { up := true; since := now }
on off { up := false }
on send(bytes > 100) { total := bytes }
rule A MUST cite 1 "data needs up" allow send only if up
rule B MUST cite 1 "asked in time" require ask within 5 s of since while up
rule C MUST cite 1 "some interface is up" allow ask only if some interface: up
rule D MUST cite 1 "ended in time" require off within 20 s of since while some interface: not up
""")


def both_ways(spec: Spec, events: list[Event], size: int = 1000) -> list[int]:
    """Observe events natively, and run the source on a copy whenever the loop is called. Return why it stopped."""
    machine = Machine(spec, configure(spec, {}), {})
    columns = ListColumns(events, size, ("send", "bytes"))
    reasons: list[int] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(native, "_FEW", 16)  # so that there is little to compare, and tables have to grow
        for name in ("step", "alters", "due", "pending"):
            patched.setattr(loop, name, machine._names[name])
        for name in ("ends", "rouse", "due"):
            patched.setattr(pauses, name, machine._names[name])
        observer = native.NativeObserver(machine, columns, boot=True, record=True)
        call = observer._native

        def called(state: Any) -> int:
            copy = plain(state)
            reason = call(state)
            assert loop.replay(copy) == reason
            assert contents(copy) == contents(state)
            reasons.append(reason)
            return reason

        patched.setattr(observer, "_native", called)
        for batch in columns.batches():
            observer.take(batch)
    return reasons


def event(time: float, interface: str, kind: str, **args: int) -> Event:
    return Event(round(time * S), interface, kind, args, Position("x", 1))


SLEEPY = loads("""
spec small "what sleeps, and shows that it is awake"
document "none"
param t_slack: time = 1 s
event on_() by node seen log
event ask(loud?: int) by node seen log
event doze() by node seen log
event wake() by node seen log
event gap(reason?: text) by observer seen log
interface { up: bool = false
            since: time }
node { dozes: bool = false
       dozes_since: time = 0 s }
on on_ { up := true; since := now }
on doze { dozes := true; dozes_since := now }
on wake { dozes := false }
pause while dozes since dozes_since ended by ask(loud > 1) when now - dozes_since > 2 s
rule B MUST cite 1 "asked in time" require ask within 5 s of since while up
""")


def test_what_shows_that_it_sleeps_no_more() -> None:
    told: list[tuple[Any, ...]] = [
        (0, "a", "on_"), (0, "b", "on_"), (1, "a", "doze"), (2, "a", "ask", 2), (20, "a", "ask"), (30, "a", "ask", 5),
        (35, "b", "ask"), (36, "a", "on_"), (37, "-", "doze"), (90, "b", "gap"), (91, "-", "wake"), (99, "b", "on_"),
    ]  # fmt: skip
    events = [event(at, name, kind, **dict(zip(("loud",), loud, strict=False))) for at, name, kind, *loud in told]
    assert loop.UNJUDGED_PAUSE in both_ways(SLEEPY, events)


@pytest.mark.slow
def test_findings_holes_and_gaps() -> None:
    events = [
        *(event(0, "a", "send", bytes=7), event(0, "a", "send", bytes=7), event(1, "a", "on_")),
        *(event(1, "a", "send", bytes=200), event(2, "b", "send"), event(20, "a", "off"), event(21, "a", "send")),
        *(event(22, "-", "ask"), event(23, "-", "gap"), event(24, "a", "send"), event(25, "c", "on_")),
        *(event(26, "c", "gap"), event(26, "a", "on_"), event(40, "a", "gap"), event(41, "b", "ask")),
        *(event(42, "d", "on_"), event(99, "b", "off"), event(140, "b", "send", bytes=101)),
    ]
    reasons = both_ways(SPEC, events)
    assert {loop.BROKEN, loop.UNJUDGED, loop.MISSED, loop.DONE} <= set(reasons)
    assert both_ways(SPEC, events, 1).count(loop.DONE) == len(events)


@pytest.mark.slow
def test_more_findings_than_are_listed_on_more_interfaces_than_have_room() -> None:
    events = [event(n, f"if{n}", kind) for n in range(LIMIT + 20) for kind in ("on_", "send", "off", "send", "send")]
    reasons = both_ways(SPEC, events)
    assert reasons.count(loop.BROKEN) == LIMIT


def test_what_is_owed_when_evidence_is_lost() -> None:
    reasons = both_ways(SPEC, [event(1, "a", "on_"), event(2, "-", "gap"), event(9, "a", "on_"), event(11, "a", "gap")])
    assert loop.UNJUDGED_GAP in reasons


@pytest.mark.slow
def test_tables_of_many_nodes() -> None:
    """Rows of a node move when it needs more; those that begin as the device is by then begin with its entries."""
    events = []
    for n in range(120):
        wish: dict[str, Any] = {"who": n % 5, "what": ("call", "mail")[n % 2], "to": n % 3, "sure": "yes"}
        key = {"who": n % 5, "what": ("call", "mail")[n % 2]}
        kinds = [("wish", wish), ("move", {**key, "to": n % 4}), ("grant", {**key, "id": n}), ("deny", key),
                 ("ask", {**key, "to": 1, "least": 0})]  # fmt: skip
        for kind, args in kinds[n % 3 :]:
            events.append(tabled.event(kind, n * S // 10, args, 0x0A010000 + n % 17 + n // 40))
        if n % 50 == 30:
            events.append(tabled.event("reset", n * S // 10, {}, None))
        if n in (60, 90):
            events.append(tabled.event("gap", n * S // 10, {}, None if n == 60 else 0x0A010003))
    assert {loop.BROKEN, loop.UNJUDGED, loop.GROW, loop.DONE} <= set(both_ways(tabled.SERVER, events, 100))


@pytest.mark.slow
def test_many_nodes_and_a_gap_of_all() -> None:
    events = []
    for n in range(30):
        args = {"home": 0x0A010000 + n % 20, "lifetime": 60, "id": n}
        asked: dict[str, Any] = {**args, "coa": 0x0A020000 + n % 7, "flags": frozenset("DT"), "auth": "ok"}
        for kind, more in (
            ("rrq", asked),
            ("rrp", {**args, "code": 0}),
            ("tunnel", {"home": args["home"], "coa": 1 + n}),
        ):
            events.append(Event(n * S, f"e{n % 3}", kind, more, Position("x", 1)))
    whole = Event(31 * S, "-", "gap", {}, Position("x", 1))
    one = Event(32 * S, "e0", "gap", {"home": 0x0A010003}, Position("x", 1))
    again = [replace(e, time=e.time + 40 * S) for e in events]
    reasons = both_ways(load().for_role("iha"), [*events, whole, one, *again])
    assert reasons[-1] == loop.DONE


@pytest.mark.slow
def test_what_is_brought_near_of_many_nodes_changes_nothing() -> None:
    """The hash table of nodes grows, is forgotten and fills again, in batches that end anywhere."""

    def asks(begin: int, nodes: int) -> list[Event]:
        homes = [0x0A010000 + n * 7 % nodes for n in range(2 * nodes)]
        return [tabled.event("ask", (begin + n) * S // 10, {"to": n % 3}, home) for n, home in enumerate(homes)]

    gap, reset = tabled.event("gap", 20 * S, {}, None), tabled.event("reset", 30 * S, {}, None)
    events = [*asks(0, 90), gap, *asks(210, 40), reset, *asks(310, 60)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(near, "_MANY", 8)
        reasons = both_ways(tabled.SERVER, events, 150)
    assert reasons.count(loop.GROW) > 2
