"""What an observer makes of tables: findings, their reasons, what is not known, and sources that do not show all."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mipcheck.checker.check import check as run
from mipcheck.checker.check.report import Report
from mipcheck.checker.observe.coarse import observe_coarsely
from mipcheck.checker.observe.observer import observe
from mipcheck.checker.report.text import report_text
from mipcheck.checker.trace.source import Evidence, fog_of
from mipcheck.model.machine.compile import Machine
from mipcheck.model.specification.load import loads
from mipcheck.model.values.event import Event
from mipcheck.model.values.types import Value

from making.tabled import HOMES, RULES, SERVER, Plainly, event, events

AGENT = loads("""
spec agent "an agent that keeps requests until they are answered"
document "none"
event hello() by node seen log
role iha tracks home "the agent" {
  event rrq(home: address, id: id, coa: address, auth: {ok, bad}) by network seen log
  event rrp(home: address, id: id, code: int, lifetime: int) by node seen log
  event data(home: address, coa: address) by node seen log
  event gap(reason?: text, home?: address) by observer seen log
  table pending by id: id limit 3 until expires "requests that wait" {
    coa: address = 0.0.0.0 "the care-of address that is asked for"
    expires: time
  }
  table binding by coa: address "where the node is" { expires: time "when the binding lapses" }
  on rrq(auth = ok) { pending[id] := { coa := coa, expires := now + 10 s } }
  on rrp(code = 0) when id in pending { binding[pending[id].coa] := { expires := now + lifetime * 1 s } }
  on rrp { remove pending[id] }
  rule A1 MUST cite 1 "answers what was asked" allow rrp only if id in pending
  rule A2 MUST cite 1 "sends to bindings" allow data only if coa in binding and now <= binding[coa].expires
  property p "p" whenever rrp: id in pending
}
""")
HEAD = "mipcheck-trace 1\nsite role=iha{}\n"
A, B = "home=10.1.0.100", "home=10.1.0.101"


def report(tmp_path: Path, text: str, boot: bool = True) -> Report:
    """What a log of the agent comes to."""
    path = tmp_path / "iha.log"
    path.write_text(HEAD.format(" boot=true" if boot else "") + text, "utf-8")
    return run.check([str(path)], spec=AGENT)


def said(tmp_path: Path, text: str, boot: bool = True) -> str:
    """The report as text, without the folder and in one line."""
    shown = report_text(report(tmp_path, text, boot), 200, verbose=True)
    return " ".join(shown.split()).replace(f"{tmp_path}/", "")


REQUEST = f"0.0 - rrq {A} id=0x500000005 coa=10.0.0.7 auth=ok\n"


def test_an_entry_is_one_nodes_and_one_keys(tmp_path: Path) -> None:
    """An identification is compared by its low 32 bits, in a key, too."""
    assert report(
        tmp_path, REQUEST + f"1.0 - rrp {A} id=5 code=0 lifetime=60\n2.0 - data {A} coa=10.0.0.7\n"
    ).verdict == ("conformant")
    for other in (f"1.0 - rrp {B} id=5 code=0 lifetime=60\n", f"1.0 - rrp {A} id=6 code=0 lifetime=60\n"):
        assert [v.rule for v in report(tmp_path, REQUEST + other).violations] == ["A1"]


def test_a_finding_names_the_entry_and_who_wrote_it(tmp_path: Path) -> None:
    text = said(tmp_path, REQUEST + f"1.0 - rrp {A} id=5 code=0 lifetime=60\n62.0 - data {A} coa=10.0.0.7\n")
    assert "binding[coa].expires is 61.000000, which was over" not in text
    assert "now is 62.000000, more than binding[coa].expires (61.000000)" in text
    assert (
        "sets 10.0.0.7 in binding (where the node is) to true; binding[10.0.0.7].expires (when the binding lapses) to"
        " 61.000000" in text
    )


def test_findings_about_different_entries_are_different(tmp_path: Path) -> None:
    text = "".join(f"{n}.0 - data {A} coa=10.0.0.{n % 2}\n" for n in range(1, 7))
    assert [(v.rule, v.count) for v in report(tmp_path, text).violations] == [("A2", 3), ("A2", 3)]


def test_what_is_not_there_is_no_fact_about_its_fields(tmp_path: Path) -> None:
    text = said(tmp_path, f"1.0 - data {A} coa=10.0.0.7\n")
    assert "coa (10.0.0.7) is not in binding (where the node is)" in text
    assert "binding[10.0.0.7]" not in text


def test_a_request_that_did_not_count_is_a_near_miss(tmp_path: Path) -> None:
    bad = f"0.0 - rrq {A} id=5 coa=10.0.0.7 auth=bad\n0.5 - rrq {A} id=6 coa=10.0.0.7 auth=bad\n"
    text = said(tmp_path, bad + f"1.0 - rrp {A} id=5 code=0 lifetime=60\n")
    assert "iha.log:3: 0.000000" in text and "not counted: its authenticator is wrong" in text
    assert "iha.log:4" not in text  # a request of another identification would not have helped


def test_a_late_start_and_a_gap_leave_open_what_is_there(tmp_path: Path) -> None:
    answer = f"1.0 - rrp {A} id=5 code=0 lifetime=60\n"
    text = said(tmp_path, answer, boot=False)
    assert "inconclusive" in text and "0x5 in pending (requests that wait) is not known so far" in text
    text = said(tmp_path, REQUEST + "0.5 - gap reason=drops\n" + answer)
    assert "0x5 in pending (requests that wait) is not known since iha.log:4" in text


def test_that_a_table_holds_no_more_is_said(tmp_path: Path) -> None:
    many = "".join(f"{n}.0 - rrq {A} id={n} coa=10.0.0.{n} auth=ok\n" for n in range(4))
    text = said(tmp_path, many + f"4.0 - rrp {A} id=0 code=0 lifetime=60\n")
    assert "0x0 in pending (requests that wait) is not known since iha.log:6: no more than 3 are remembered" in text
    assert report(tmp_path, many + f"4.0 - rrp {A} id=3 code=0 lifetime=60\n").verdict == "conformant"


# --- sources that do not show everything ------------------------------------------------------------------------------

MACHINE = Machine(SERVER, {}, {})
QUIET = settings(deadline=None, max_examples=150)
Told = list[tuple[str, int, dict[str, int | str]]]


def as_events(told: Told, home: int = HOMES[0]) -> list[Event]:
    """The events in a log."""
    return [event(kind, time, args, home) for kind, time, args in told]


@pytest.mark.slow
@QUIET
@given(events(), st.sampled_from(["wish", "move", "grant", "deny", "leave"]))
def test_what_nobody_sees_leaves_its_tables_unknown(told: Told, blind: str) -> None:
    """Of a trace without the events of a kind, nothing is known that is not so with them."""
    seen = [t for t in told if t[0] != blind]
    found = observe(MACHINE, as_events(seen), True, fog_of(MACHINE, Evidence(blind=frozenset({blind}))))
    plain, wrong = Plainly(), dict.fromkeys(RULES, 0)
    for kind, now, args in told:
        if kind == "ask":
            for rule, answer in zip(RULES, plain.answers(args, now), strict=True):
                wrong[rule] += not answer
        plain.take(kind, args, now)
    for tally, of in zip(found.tallies, MACHINE.rules, strict=True):
        if of.id in wrong:
            assert tally.broken <= wrong[of.id] <= tally.broken + tally.unknown


@pytest.mark.slow
@QUIET
@given(events(most=8), st.data())
def test_of_coarse_stamps_only_what_holds_in_each_order(told: Told, data: st.DataObject) -> None:
    """The true order is among those that are tried."""
    files = [data.draw(st.sampled_from(["a.log", "b.log"])) for _ in told]
    resolution = 1_500_000_000
    stamped = [
        _in(event(kind, time - time % resolution, args), file)
        for (kind, time, args), file in zip(told, files, strict=True)
    ]
    stamped.sort(key=lambda e: e.time)
    evidence = Evidence(resolution=dict.fromkeys(files, resolution), coarse=frozenset(SERVER.events))
    found = observe_coarsely(MACHINE, stamped, True, None, evidence)
    plain, wrong = Plainly(), dict.fromkeys(RULES, 0)
    for kind, now, args in told:
        if kind == "ask":
            for rule, answer in zip(RULES, plain.answers(args, now), strict=True):
                wrong[rule] += not answer
        plain.take(kind, args, now)
        if plain.too_many():
            break
    else:
        for tally, of in zip(found.tallies, MACHINE.rules, strict=True):
            if of.id in wrong:
                assert tally.broken <= wrong[of.id] <= tally.broken + tally.unknown, of.id


def _in(event: Event, file: str) -> Event:
    return Event(event.time, event.interface, event.kind, event.args, type(event.at)(file, 1))


@pytest.mark.slow
@QUIET
@given(events(), events())
def test_nodes_have_tables_of_their_own(ours: Told, theirs: Told) -> None:
    """What one does changes nothing of what another's events come to."""
    both = sorted([*as_events(ours), *as_events(theirs, HOMES[1])], key=lambda e: e.time)
    both = [e for e in both if e.kind != "reset"]
    alone = [observe(MACHINE, [e for e in both if e.args["home"] == h], True).tallies for h in HOMES]
    for tally, first, second in zip(observe(MACHINE, both, True).tallies, *alone, strict=True):
        assert (tally.kept, tally.broken, tally.unknown) == (
            first.kept + second.kept, first.broken + second.broken, first.unknown + second.unknown
        )  # fmt: skip


def test_what_concerns_the_device_happens_to_each_node_and_those_to_come() -> None:
    wish: dict[str, Value] = {"who": 1, "what": "call", "to": 2, "sure": "yes"}
    ask: dict[str, Value] = {"who": 1, "what": "call", "to": 2, "least": 0}
    told = [event("wish", 0, wish), event("reset", 1, {}, None), event("ask", 2, ask), event("ask", 3, ask, HOMES[1])]
    found = observe(MACHINE, told, False)
    assert (found.tallies[0].broken, found.tallies[0].unknown) == (2, 0)


def test_a_log_that_begins_late_knows_what_cannot_have_lasted_until_then(tmp_path: Path) -> None:
    """A request that was outstanding when it began is over by its time; one that was lost with evidence, by its own."""
    asked, unasked = "0.0 - rrq {0} id=1 coa=10.1.7.7 auth=bad\n", "{1} - rrp {0} id=2 code=0 lifetime=60\n"
    for late, verdict in (("10.0", "inconclusive"), ("10.1", "violation")):
        found = report(tmp_path, (asked + unasked).format(A, late), boot=False)
        assert found.verdict == verdict
        lost = f"{asked}5.0 - gap reason=drops\n{unasked}"
        assert report(tmp_path, lost.format(A, float(late) + 5), boot=False).verdict == verdict
        assert report(tmp_path, lost.format(B, float(late) + 5), boot=True).verdict == verdict


@pytest.mark.parametrize(("later", "verdict"), [("1.02", "inconclusive"), ("2.2", "violation")])
def test_so_a_home_agent_is_held_to_the_bindings_that_it_has_granted(tmp_path: Path, later: str, verdict: str) -> None:
    """Where the node was before the log began may matter for a moment, and what it asked for while a reply may take its
    time to leave (t_slack); no longer than that."""
    path = tmp_path / "late.log"
    keys = "coa=10.1.7.20 flags=T lifetime=60 id=0xd0c1 auth=ok via=inside dynamic=no nat=no udp=no sender=10.1.7.20"
    path.write_text(
        f"mipcheck-trace 1\nsite role=iha iha=10.1.0.2\n1.0 e0 rrq home=10.1.0.100 {keys}\n"
        "1.01 e0 rrp home=10.1.0.100 code=0 lifetime=60 id=0xd0c1 udp=no\n"
        f"{later} e0 tunnel home=10.1.0.100 coa=10.1.7.99\n",
        "utf-8",
    )
    assert run.check([str(path)]).verdict == verdict
