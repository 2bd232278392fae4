"""What the node owes as a whole, and not each of its interfaces: an obligation whose anchor is state of the node."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.observe.coarse import observe_coarsely
from mipcheck.checker.observe.columns import NativeObserver
from mipcheck.checker.observe.observation import Observation
from mipcheck.checker.observe.observer import Observer, observe
from mipcheck.checker.observe.ordered import observe_in_order
from mipcheck.checker.trace.source import EXACT, fog_of
from mipcheck.model.machine.compile import Machine
from mipcheck.model.native.errors import NativeError
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import loads
from mipcheck.model.specification.spec import Spec
from mipcheck.model.values.event import Event, Position

from making.columns_of import ListColumns
from making.depth import drawn

S = 10**9
HEAD = """
event on_() by node seen log
event off() by node seen log
event ask(n?: int, home?: address) by network seen log
event answer(n?: int, home?: address) by node seen log
event gap(reason?: text, home?: address) by observer seen log
interface { up: bool = false  since: time }
node { wanted: bool = false  first: time  again: time = 0 s }
on on_ { up := true; since := now }
on off { up := false }
on ask { wanted := true; first := now }
on ask(n > 1) { again := now }
on answer { wanted := false }
rule A MUST cite 1 "who is asked answers" require answer within 5 s of first while wanted
rule B MUST cite 2 "and comes up, or goes down" require on_, off within 9 s of again while (some interface: up)
rule C MUST cite 3 "each link is told of" require answer(n = 1) within 7 s of since while up
"""
SPEC = loads(f'spec small "what the node owes"\ndocument "none"\nparam t_slack: time = 1 s\n{HEAD}')
SLEEPY = loads(f"""
spec small "what the node owes, and a node that sleeps"
document "none"
param t_slack: time = 1 s
{HEAD}
event doze() by node seen log
event wake() by node seen log
node {{ dozes: bool = false  dozes_since: time = 0 s }}
on doze {{ dozes := true; dozes_since := now }}
on wake {{ dozes := false }}
pause while dozes since dozes_since ended by answer(n = 2)
""")
SERVER = loads(f"""
spec small "what a device owes each node"
document "none"
param t_slack: time = 1 s
role server tracks home "a server" {{
{HEAD}
}}
""").for_role("server")  # fmt: skip


def machine_of(spec: Spec) -> Machine:
    return Machine(spec, configure(spec, {}), {})


def event(time: float, what: str, interface: str = "e", **args: int) -> Event:
    return Event(round(time * S), interface, what, args, Position("t", 1))


def seen(spec: Spec, events: list[Event], boot: bool = False, size: int = 1000) -> Observation:
    """Observe events both ways, which come to the same."""
    machine = machine_of(spec)
    found = observe(machine, events, boot)
    columns = ListColumns(events, size)
    native = NativeObserver(machine, columns, boot, record=True)
    for batch in columns.batches():
        native.take(batch)
    assert native.observation() == found
    return found


def missed(found: Observation, rule: int = 0) -> list[tuple[str | None, float]]:
    return [(f.interface, f.time / S) for f in found.findings if f.rule == rule]


def test_an_answer_on_any_interface_will_do() -> None:
    asked = [event(0, "on_"), event(1, "ask"), event(2, "off", "f")]
    assert missed(seen(SPEC, [*asked, event(6, "answer", "f"), event(9, "off")], True)) == []
    assert missed(seen(SPEC, [*asked, event(6, "answer", "-"), event(9, "off")], True)) == []
    assert missed(seen(SPEC, [*asked, event(7.5, "answer", "f"), event(9, "off")], True)) == [("-", 7.0)]
    assert seen(SPEC, [*asked, event(6, "answer", "f")], True).tallies[0].kept == 1


def test_it_is_owed_once_however_many_interfaces_there_are() -> None:
    links = [event(0, "on_", f"e{n}") for n in range(4)]
    found = seen(SPEC, [*links, event(1, "ask", "e0"), event(2, "ask", "e3"), event(9, "off", "e2")], True)
    assert missed(found) == [("-", 8.0)]
    assert found.tallies[0].broken == 1


def test_a_node_without_any_interface_owes_it_too() -> None:
    """Nothing of the trace names one."""
    assert missed(seen(SPEC, [event(1, "ask", "-"), event(9, "ask", "-")], True)) == [("-", 7.0)]


def test_what_is_asked_of_some_interface_may_come_true_later() -> None:
    """The time is up when the link comes: then it is missed at once."""
    events = [event(1, "ask", n=2), event(20, "ask", "f", n=0)]
    assert missed(seen(SPEC, events, True), 1) == []
    again = [*events, event(21, "on_"), event(22, "off")]  # which would have met it in time
    assert missed(seen(SPEC, again, True), 1) == []
    up = [event(0, "on_"), *events]
    assert missed(seen(SPEC, up, True), 1) == [("-", 11.0)]


def test_what_is_not_known_accuses_nobody() -> None:
    late = seen(SPEC, [event(0, "off", "f"), event(20, "off", "f")])
    assert missed(late) == [] and late.tallies[0].unknown == 0  # nothing of the trace has asked
    gap = seen(SPEC, [event(1, "ask"), event(2, "gap", "f"), event(20, "off")], True)
    assert missed(gap) == [] and gap.tallies[0].unknown == 1
    (hole,) = [t.hole for t in gap.tallies if t.hole is not None][:1]
    assert (hole.interface, hole.gap) == ("-", True)


def test_each_node_of_a_device_is_owed_its_own() -> None:
    one, two = 0x0A000001, 0x0A000002
    events = [event(1, "ask", home=one), event(2, "ask", home=two), event(4, "answer", home=two), event(30, "on_")]
    found = seen(SERVER, events, True)
    assert [(f.node, f.interface, f.time / S) for f in found.findings] == [(one, "-", 7.0)]


def test_it_is_owed_later_by_as_long_as_the_node_sleeps() -> None:
    slept = [event(0, "on_"), event(1, "ask"), event(2, "doze", "-"), event(102, "wake", "-")]
    assert missed(seen(SLEEPY, [*slept, event(106.9, "answer", "f")], True)) == []
    assert missed(seen(SLEEPY, [*slept, event(108, "answer", "f")], True)) == [("-", 107.0)]
    never = seen(SLEEPY, [*slept[:3], event(50, "off")], True)
    assert missed(never) == [] and never.tallies[0].unknown == 1
    awake = seen(SLEEPY, [*slept[:3], event(50, "answer", n=2), event(60, "off")], True)
    assert missed(awake) == [] and awake.tallies[0].unknown == 1


def _drawn(draw: random.Random, spec: Spec) -> list[Event]:
    """Events in order, few of which are far apart."""
    now, events = 0.0, []
    kinds = [k for k in spec.events if k != "gap"] * 3 + ["gap"]
    for _ in range(draw.randint(2, 25)):
        now += draw.choice([0, 0, 0.5, 1, 2, 4, 5, 6, 8, 11])
        kind = draw.choice(kinds)
        args = {"n": draw.randint(0, 3)} if "n" in spec.events[kind].by_name and draw.random() < 0.8 else {}
        if "home" in spec.events[kind].by_name and draw.random() < 0.9 and spec.tracks:
            args["home"] = 0x0A000001 + draw.randint(0, 2)
        events.append(event(now, kind, draw.choice(["e", "f", "g", "-"]), **args))
    return events


@pytest.mark.slow
@pytest.mark.parametrize("spec", [SPEC, SLEEPY, SERVER], ids=["plain", "sleepy", "server"])
def test_both_ways_on_anything(spec: Spec) -> None:
    draw = random.Random(1)
    broken = 0
    for _ in range(drawn(150, 3000)):
        found = seen(spec, _drawn(draw, spec), draw.random() < 0.7, draw.choice([1, 3, 1000]))
        broken += sum(f.interface == "-" for f in found.findings)
    assert broken > 20


@pytest.mark.slow
def test_a_plain_count_agrees() -> None:
    """Rule A, told once more in ten lines: on traces whose beginning is known, and without gaps."""
    draw = random.Random(2)
    for _ in range(drawn(200, 3000)):
        events = [e for e in _drawn(draw, SPEC) if e.kind != "gap"]
        since, count = None, 0
        for e in events:
            if since is not None and e.time > since + 6 * S:
                since, count = None, count + 1
            if e.kind == "ask":
                since = e.time
            elif e.kind == "answer":
                since = None
        assert seen(SPEC, events, True).tallies[0].broken == count if events else True


@pytest.mark.slow
def test_of_one_interface_it_is_the_same_as_that_of_the_interface() -> None:
    """In every way of observing, by exact stamps and by coarse ones."""
    text = HEAD.replace("(some interface: up)", "up")
    node = "node { wanted: bool = false  first: time  again: time = 0 s }"
    assert node in text
    own = text.replace(node, node.replace("node", "interface"))
    pair = [
        machine_of(loads(f'spec small "x"\ndocument "none"\nparam t_slack: time = 1 s\n{t}'))
        for t in (HEAD.replace("(some interface: up)", "every interface: up"), own)
    ]
    coarse = replace(EXACT, resolution={"t": S}, coarse=frozenset(SPEC.events), alone=True)
    draw, doubted = random.Random(3), 0
    for _ in range(drawn(150, 2000)):
        events = [replace(e, interface="e") for e in _drawn(draw, SPEC)]
        whole = [replace(e, time=e.time // S * S) for e in events]
        boot = draw.random() < 0.7
        tallies = [
            (
                _counts(observe(machine, events, boot)),
                _counts(observe_in_order(machine, whole, boot, None, coarse)),
                _counts(observe_coarsely(machine, whole, boot, None, coarse)),
            )
            for machine in pair
        ]
        assert tallies[0] == tallies[1]
        doubted += tallies[0][1] != _counts(observe(pair[0], whole, boot))
    assert doubted > 10


def _counts(found: Observation) -> list[tuple[int, int, int]]:
    return [(t.kept, t.broken, t.unknown) for t in found.tallies]


def test_coarse_stamps_are_tried_in_python_and_accuse_nobody_in_doubt() -> None:
    coarse = replace(EXACT, resolution={"t": S}, coarse=frozenset(SPEC.events), alone=True)
    for last, broken, unknown in ((6, 0, 0), (7, 0, 1), (8, 1, 0)):
        events = [event(0, "on_"), event(1, "ask"), event(last, "answer", "f"), event(20, "off")]
        tally = observe_in_order(machine_of(SPEC), events, True, None, coarse).tallies[0]
        assert (tally.broken, tally.unknown) == (broken, unknown), last
    with pytest.raises(NativeError, match="the node as a whole owes something"):
        NativeObserver(machine_of(SPEC), ListColumns([], 10), evidence=coarse)


def test_what_would_meet_it_and_cannot_be_seen_leaves_it_open() -> None:
    machine = machine_of(SPEC)
    blind = replace(EXACT, blind=frozenset({"answer"}))
    fog = fog_of(machine, blind)
    events = [event(0, "on_"), event(1, "ask"), event(20, "off")]
    found = observe(machine, events, True, fog)
    columns = ListColumns(events, 1000)
    native = NativeObserver(machine, columns, True, record=True, fog=fog)
    for batch in columns.batches():
        native.take(batch)
    assert native.observation() == found
    assert found.tallies[0].broken == 0 and found.tallies[0].unknown == 1


def test_silence_is_said_and_taken_back() -> None:
    observer = Observer(machine_of(SPEC), True)
    observer.take(event(1, "ask"))
    assert [(f.interface, f.time / S) for f in observer.silent(30 * S)] == [("-", 7.0)]
    observer.take(event(4, "answer", "g"))
    assert observer.silent(30 * S) == []
    assert observer.observation().tallies[0].broken == 0


def test_it_is_told_as_the_node_s(tmp_path: Path) -> None:
    (tmp_path / "small.spec").write_text(f'spec small "what the node owes"\ndocument "none"\n{HEAD}')
    log = tmp_path / "x.log"
    log.write_text("mipcheck-trace 1\nsite boot=true\n0 e0 on_\n1 e0 ask n=0\n2 e1 off\n9 e1 answer n=1\n10 e1 off\n")
    report = check(log, spec=str(tmp_path / "small.spec"))
    (found,) = [v for v in report.violations if v.rule == "A"]
    assert (found.rule, found.interface, found.time) == ("A", "-", 6 * S)
    assert "Seen: no answer by 6.000000." in found.message
    assert any("it came at 9.000000" in line and "3 s late" in line for line in found.wrong)
