"""The observer: three-valued starts, gaps, deadlines, grouping, and what concerns the whole node."""

from __future__ import annotations

import pytest
from mipcheck.checker.observe.limits import INTERFACES, LIMIT, TooManyInterfaces
from mipcheck.checker.observe.observation import Observation
from mipcheck.checker.observe.observer import observe
from mipcheck.model.machine.compile import Machine
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import loads
from mipcheck.model.values.event import Event, Position
from mipcheck.model.values.types import Value

S = 10**9

SPEC = loads("""
spec small "a small one"
document "none"
param t_limit: time = 10 s
param t_slack: time = 1 s
param deep: int = 3
event on_() by node seen log
event off() by node seen log
event ask(id: id) by node seen log
event send(clear: bool, bytes?: int) by node seen log
event peek() by node seen log
event gap(reason?: text) by observer seen log
event ghostly() by network silent
interface {
  up: bool = false
  since: time
}
node { any: bool = false
       last: interface = none }
on on_ { up := true; since := now; any := true; last := this }
on off { up := false; any := false }
rule A MUST cite 1 "data needs up" allow send(clear = true) only if up
rule B MUST cite 1 "asked in time" require ask within t_limit of since while up
rule C SHOULD cite 1 "some interface is up" allow peek only if some interface: up
rule D MUST cite 1 "bytes are few" allow send(bytes > 100) only if not up
rule E MUST cite 1 "shared" allow peek only if any
rule F MAY cite 1 "numbers" configure deep <= 3
""")


def machine(**parameters: int) -> Machine:
    return Machine(SPEC, configure(SPEC, parameters), {})


def event(time: float, interface: str, kind: str, **args: Value) -> Event:
    return Event(round(time * S), interface, kind, args, Position("t", 1))


def seen(*events: Event, boot: bool = True, **parameters: int) -> Observation:
    return observe(machine(**parameters), events, boot)


def counts(found: Observation, rule: str) -> tuple[int, int, int]:
    tally = found.tallies[[r.id for r in machine().rules].index(rule)]
    return tally.kept, tally.broken, tally.unknown


def test_nothing_is_known_at_the_start() -> None:
    send = event(0, "a", "send", clear=True)
    assert counts(seen(send, boot=False), "A") == (0, 0, 1)
    assert counts(seen(send), "A") == (0, 1, 0)


def test_what_has_been_seen_is_known() -> None:
    events = [event(0, "a", "on_"), event(1, "a", "send", clear=True)]
    assert counts(seen(*events, boot=False), "A") == (1, 0, 0)
    events[0] = event(0, "a", "off")
    assert counts(seen(*events, boot=False), "A") == (0, 1, 0)


def test_what_does_not_match_is_not_counted() -> None:
    assert counts(seen(event(0, "a", "send", clear=False)), "A") == (0, 0, 0)


def test_an_absent_key_leaves_open_whether_a_rule_applies() -> None:
    up, quiet = event(0, "a", "on_"), event(1, "a", "send", clear=True)
    assert counts(seen(up, quiet), "D") == (0, 0, 1)
    assert counts(seen(quiet), "D") == (1, 0, 0)  # kept whatever it was
    assert counts(seen(up, event(1, "a", "send", clear=True, bytes=101)), "D") == (0, 1, 0)


@pytest.mark.parametrize(("late", "outcome"), [(0, (1, 0, 0)), (1, (0, 1, 0))])
def test_the_deadline_is_exact(late: int, outcome: tuple[int, int, int]) -> None:
    ask = Event(11 * S + late, "a", "ask", {"id": 1})
    found = seen(event(0, "a", "on_"), ask)
    assert counts(found, "B") == outcome
    assert [f.time for f in found.findings] == [11 * S] * late


def test_the_slack_is_a_parameter() -> None:
    events = [event(0, "a", "on_"), event(11, "a", "ask", id=1)]
    assert counts(seen(*events, t_slack=0), "B") == (0, 1, 0)


def test_a_deadline_after_the_end_is_no_violation() -> None:
    assert counts(seen(event(0, "a", "on_"), event(11, "b", "off")), "B") == (0, 0, 0)
    assert counts(seen(event(0, "a", "on_"), event(11.5, "b", "off")), "B") == (0, 1, 0)


def test_an_obligation_is_reported_once_and_at_its_deadline() -> None:
    found = seen(event(0, "a", "on_"), event(50, "b", "off"), event(60, "a", "ask", id=1), event(70, "b", "off"))
    (finding,) = found.findings
    assert (finding.interface, finding.time, finding.event, finding.overdue) == ("a", 11 * S, 0, True)
    assert counts(found, "B") == (0, 1, 0)


def test_an_obligation_ends_with_its_condition() -> None:
    assert counts(seen(event(0, "a", "on_"), event(5, "a", "off"), event(50, "a", "off")), "B") == (0, 0, 0)


def test_the_anchor_starts_an_obligation_anew() -> None:
    events = [event(0, "a", "on_"), event(10, "a", "ask", id=1), event(10.5, "a", "on_"), event(30, "b", "off")]
    found = seen(*events)
    assert counts(found, "B") == (1, 1, 0)
    assert [f.time for f in found.findings] == [round(21.5 * S)]


def test_a_condition_that_comes_true_after_the_deadline() -> None:
    spec = loads("""
spec late
document "none"
event start() by node seen log
event arm() by node seen log
event done() by node seen log
interface { since: time
            armed: bool = false }
on start { since := now }
on arm { armed := true }
rule R MUST cite 1 "done in time" require done within 5 s of since while armed
""")
    events = [event(0, "a", "start"), event(20, "a", "arm"), event(20, "a", "arm")]
    found = observe(Machine(spec, configure(spec, {}), {}), events, True)
    assert found.tallies[0].broken == 1


def test_a_gap_makes_everything_unknown() -> None:
    events = [event(0, "a", "on_"), event(1, "a", "gap"), event(2, "a", "send", clear=True), event(2, "a", "peek")]
    found = seen(*events)
    assert counts(found, "A") == (0, 0, 1)
    assert counts(found, "B") == (0, 0, 1)  # was owed, and may have been met unseen
    assert counts(found, "C") == (0, 0, 1)
    assert counts(found, "E") == (0, 0, 1)  # shared state may have changed as well


def test_a_gap_on_one_interface_leaves_the_state_of_others() -> None:
    found = seen(event(0, "a", "on_"), event(1, "b", "gap"), event(2, "a", "send", clear=True))
    assert counts(found, "A") == (1, 0, 0)
    assert counts(found, "B") == (0, 0, 0)


def test_a_gap_of_the_node_is_one_of_every_interface() -> None:
    events = [event(0, "a", "on_"), event(1, "-", "gap"), event(2, "a", "send", clear=True),
              event(2, "new", "send", clear=True)]  # fmt: skip
    assert counts(seen(*events), "A") == (0, 0, 2)


def test_what_was_overdue_before_a_gap_is_broken() -> None:
    events = [event(0, "a", "on_"), event(12, "b", "off"), event(13, "a", "gap")]
    assert counts(seen(*events), "B") == (0, 1, 0)
    events = [event(0, "a", "on_"), event(13, "a", "gap"), event(30, "a", "off")]
    assert counts(seen(*events), "B") == (0, 0, 1)


def test_the_node_is_no_interface() -> None:
    found = seen(event(0, "-", "on_"), event(1, "-", "send", clear=True), event(2, "a", "peek"), event(90, "a", "off"))
    assert counts(found, "A") == (0, 0, 1)  # nothing is ever known about it
    assert counts(found, "B") == (0, 0, 0)
    assert counts(found, "C") == (0, 1, 0)  # and it is not one of the interfaces
    assert counts(found, "E") == (1, 0, 0)  # but what is shared, it does change
    assert found.interfaces == ["a"]


def test_alike_findings_are_one() -> None:
    many = [event(1 + n / 1000, "a", "send", clear=True) for n in range(1000)]
    found = seen(event(0, "a", "off"), *many)
    (finding,) = found.findings
    assert (finding.event, finding.count, finding.last_event) == (1, 1000, 1000)
    assert finding.last_time == many[-1].time
    assert counts(found, "A") == (0, 1000, 0)


def test_another_cause_is_another_finding() -> None:
    send = event(1, "a", "send", clear=True)
    found = seen(send, event(2, "a", "on_"), event(3, "a", "off"), event(4, "a", "send", clear=True))
    assert [f.event for f in found.findings if not f.overdue] == [0, 3]


def test_writing_what_was_already_so_is_no_other_cause() -> None:
    found = seen(event(0, "a", "off"), event(1, "a", "send", clear=True), event(2, "a", "off"),
                 event(3, "a", "send", clear=True))  # fmt: skip
    (finding,) = found.findings
    assert finding.count == 2


def test_interfaces_do_not_share_findings() -> None:
    found = seen(event(1, "a", "send", clear=True), event(1, "b", "send", clear=True))
    assert [f.interface for f in found.findings] == ["a", "b"]


def test_findings_have_a_limit_and_counts_have_none() -> None:
    events = []
    for n in range(LIMIT + 50):
        events += [event(n, "a", "on_"), event(n, "a", "off"), event(n, "a", "send", clear=True)]
    found = seen(*events)
    assert counts(found, "A") == (0, LIMIT + 50, 0)
    tally = found.tallies[0]
    assert len([f for f in found.findings if f.rule == 0]) == LIMIT
    assert tally.unlisted == 50


def test_findings_hold_the_state_before_the_event() -> None:
    spec = loads("""
spec before
document "none"
event go() by node seen log
interface { gone: bool = false }
on go { gone := true }
rule R MUST cite 1 "only once" allow go only if not gone
""")
    m = Machine(spec, configure(spec, {}), {})
    found = observe(m, [event(0, "a", "go"), event(1, "a", "go")], True)
    (finding,) = found.findings
    assert finding.moment is not None
    assert finding.moment.own == [1]
    assert finding.moment.own_writers == [0]


def test_configuration_is_judged_without_events() -> None:
    assert counts(seen(), "F") == (1, 0, 0)
    found = seen(deep=4)
    assert counts(found, "F") == (0, 1, 0)
    assert found.findings[0].interface is None


def test_time_does_not_run_backwards() -> None:
    with pytest.raises(ValueError, match="earlier"):
        seen(event(1, "a", "off"), event(0, "a", "off"))


def test_unknown_kinds_pass_but_time_goes_on() -> None:
    found = seen(event(0, "a", "on_"), event(20, "a", "whatever"))
    assert counts(found, "B") == (0, 1, 0)


def test_a_node_has_only_so_many_interfaces() -> None:
    with pytest.raises(TooManyInterfaces):
        seen(*[event(n, f"if{n}", "off") for n in range(INTERFACES + 1)])
