"""Proofs and traces about tables: sound by following any one entry, and every trace is the specification's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import z3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mipcheck.checker.observe.observer import observe
from mipcheck.checker.proofs.partings import Partings
from mipcheck.model.machine.compile import Machine
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.machine.rows import Entries
from mipcheck.model.prover.compare import Comparison, alike, never_part
from mipcheck.model.prover.examples import Examples
from mipcheck.model.prover.prove import Result, prove
from mipcheck.model.prover.same import never_differs
from mipcheck.model.prover.search import Search
from mipcheck.model.prover.setting import Setting, setting_of
from mipcheck.model.prover.symbolic import TRACKED, WHOLE_NODE, Action, Keys, World
from mipcheck.model.prover.unrolling import Unrolling
from mipcheck.model.prover.witness import Witness
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import loads
from mipcheck.model.specification.spec import Allow, Spec
from mipcheck.model.values.types import Value

from making.tabled import SERVER, Plainly, events

TEXT = """
spec agent "an agent that keeps requests until they are answered"
document "none"
param t_slack: time = 1 s
event hello() by node seen log
role iha tracks home "the agent" {
  event rrq(home: address, id: id, coa: address, auth: {ok, bad}) by network seen log
  event rrp(home: address, id: id, code: int, lifetime: int) by node seen log
  event data(home: address, coa: address) by node seen log
  event reset(home: address) by node seen log
  table pending by id: id limit 3 until expires "requests that wait" {
    coa: address = 0.0.0.0
    known: bool = false
    expires: time
  }
  table binding by coa: address { expires: time = 0 s }
  ghost table truth by id: id { asked: bool = false }
  node { bound: bool = false }
  on rrq(auth = ok) {
    pending[id] := { coa := coa, known := coa in binding, expires := now + 10 s }
    truth[id] := { asked := true }
  }
  on rrq(auth = bad) { pending[id].known := false }
  on rrp(code = 0) when id in pending { binding[pending[id].coa] := { expires := now + lifetime * 1 s }; bound := true }
  on rrp { remove pending[id] }
  on reset { clear binding; clear pending; bound := false }
  rule A1 MUST cite 1 "answers what was asked" allow rrp only if id in pending
  rule A2 MUST cite 1 "sends to bindings" allow data only if coa in binding and now <= binding[coa].expires
  rule A3 SHOULD cite 1 "sends where all are" allow data only if every c in binding: c = coa
  property asked cite 1 "answers were asked for" whenever rrp: truth[id].asked
  property any_known cite 1 "only who is known is answered" whenever rrp: pending[id].known
  property all_asked cite 1 "what waits was asked" invariant every i in pending: truth[i].asked
  property bound_by cite 1 "who has a binding is bound" invariant every c in binding: bound
  property at_most_one cite 1 "one binding" invariant every c in binding: every d in binding: c = d
  property at_most_two cite 1 "two bindings"
    invariant every c in binding: every d in binding: every e in binding: c = d or c = e or d = e
  property allowed cite 1 "data passes" permitted data when coa in binding and now <= binding[coa].expires
  property allowed_always cite 1 "data passes" permitted data when coa in binding
  property fine cite 1 "all fits" consistent
}
"""
AGENT = loads(TEXT).for_role("iha")


def broken_in(spec: Spec, trace: Witness) -> set[str]:
    """The rules that an observer finds broken in a trace; nothing of it is unclear."""
    setting = setting_of(spec)
    found = observe(Machine(spec, setting.parameters, setting.site), trace.events, True)
    assert not any(t.unknown for t in found.tallies)
    return {r.id for r, t in zip(spec.rules.values(), found.tallies, strict=True) if t.broken}


def proved(*names: str, **more: Any) -> dict[str, Result]:
    return {r.name: r for r in prove(names, spec=loads(TEXT), **more)}


@pytest.mark.slow
def test_what_holds_of_each_entry_is_proved() -> None:
    found = proved("asked", "all_asked", "bound_by", "allowed", "fine")
    assert {name: r.result for name, r in found.items()} == dict.fromkeys(found, "proved")
    assert [n.rule for n in found["asked"].needs] == ["A1"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "steps"), [("any_known", 2), ("at_most_one", 4), ("allowed_always", 3)]
)  # the second takes two entries of each table
def test_what_does_not_is_refuted_by_a_trace_of_the_specification(name: str, steps: int) -> None:
    result = proved(name)[name]
    assert result.result == "refuted" and result.trace is not None
    assert result.trace.steps == steps
    assert broken_in(AGENT, result.trace) == result.trace.broken


@pytest.mark.slow
def test_what_takes_more_entries_than_are_tracked_is_not_called_proved() -> None:
    assert proved("at_most_two")["at_most_two"].result == "unknown"


def test_what_speaks_of_too_many_entries_is_unknown_and_says_so() -> None:
    quantifiers = " ".join(f"every x{n} in binding:" for n in range(5))
    text = TEXT.replace("every c in binding: every d in binding: c = d\n", f"{quantifiers} x0 = x1\n")
    (result,) = prove(["at_most_one"], spec=loads(text))
    assert result.result == "unknown" and "more than 4 entries" in result.reason


def test_a_property_of_several_events_whose_rules_speak_of_keys_that_not_all_have() -> None:
    several = 'property several cite 1 "either" whenever data(coa in binding), rrp(id in pending): bound or not bound'
    text = TEXT.replace("  property fine", f"  {several}\n  property fine")
    (result,) = prove(["several"], spec=loads(text))
    assert result.result == "proved"


def test_without_a_rule_the_property_is_refuted() -> None:
    assert proved("asked", without=["A1"])["asked"].result == "refuted"


@pytest.mark.slow
def test_examples_of_rules_get_from_the_observer_what_was_foretold() -> None:
    examples = Examples(setting_of(AGENT))
    for rule in AGENT.rules:
        for broken in (False, True):
            trace = examples.find(rule, broken)
            assert trace is not None, (rule, broken)
            assert broken_in(AGENT, trace) == trace.broken
            assert (rule in trace.broken) == broken


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2])
def test_and_so_do_traces_that_end_as_they_like(count: int) -> None:
    """Rules that ask for keys out of entries, and for some or all entries."""
    own = setting_of(SERVER).tracked(count)
    search = Search(own.world(own.rules.values(), 10**6))
    for rule in own.rules:
        for kept in (False, True):

            def goal(run: Unrolling, k: int, rule: str = rule, kept: bool = kept) -> Any:
                asked = run.exercises(rule, k)
                return z3.And(asked, run.kept[k][rule]) if kept else run.breaks(rule, k)

            trace = search.shortest(goal, own.rules)
            if trace is None:
                assert count == 1, (rule, kept)  # that takes two entries
                continue
            assert broken_in(SERVER, trace) == trace.broken


def test_two_specifications_part_where_an_entry_differs() -> None:
    other = loads(TEXT.replace("expires := now + 10 s", "expires := now + 5 s")).for_role("iha")
    left, right = setting_of(AGENT), setting_of(other)
    assert alike(left, left, "A1") and not alike(left, right, "A1")
    assert never_part(left, left, "A1")
    assert not never_part(left, right, "A1")
    parting = Comparison(left, right).part(["A1"], ["A1"]).parting
    assert parting is not None and (parting.left, parting.right) == (frozenset(), frozenset({"A1"}))
    assert broken_in(AGENT, parting.trace) == set() and broken_in(other, parting.trace) == {"A1"}


def test_an_entry_that_is_taken_away_at_once_is_none() -> None:
    """It kept the time that it had been given, by which it was taken for unlike one that had been given none."""
    given = "on rrp(code = 1) { pending[id] := { coa := 0.0.0.0, known := true, expires := now + 1 s } }\n"
    other = loads(TEXT.replace("  on rrp { remove pending[id] }", f"{given}  on rrp {{ remove pending[id] }}"))
    assert never_differs(AGENT, other.for_role("iha"))
    kept = loads(TEXT.replace("  on rrp { remove pending[id] }", f"  on rrp {{ remove pending[id] }}\n{given}"))
    assert not never_differs(AGENT, kept.for_role("iha"))


def test_they_part_where_what_happens_to_one_entry_has_to_do_with_another() -> None:
    """No trace tells it that speaks of one entry; that was given up after a long search. Nor is a trace preferred on
    which both find fault."""
    other = loads(TEXT.replace("only if every c in binding", "only if some c in binding")).for_role("iha")
    left, right = setting_of(AGENT), setting_of(other)
    alone = Comparison(left, right).part(["A3"], ["A3"]).parting
    assert alone is None or not alone.outright
    found = Partings(AGENT, other).find(["A3"], [])
    assert found.outright and (found.left, found.right) == (("A3",), ())
    assert found.trace.count(" rrp ") == 2


# --- what is followed does all that the specification does ------------------------------------------------------------

Told = list[tuple[str, int, dict[str, int | str]]]
MACHINE = Machine(SERVER, configure(SERVER, {}), {})


def symbolic_keys(world: World, event: str, args: Mapping[str, Value], tag: str) -> tuple[Keys, list[Any]]:
    """Keys of an event, of which the hidden ones may be anything; and what the others are."""
    keys = world.keys(event, tag)
    known = []
    for k in SERVER.events[event].keys:
        value = args.get(k.name, TRACKED)
        known.append(keys[k.name] == (k.type.members.index(value) if isinstance(value, str) else value))
    return keys, known


def tracked(setting: Setting, entries: Entries, node: list[int]) -> dict[str, int]:
    """What the machine has in the columns of the entries that are followed; their keys are parts of `setting.site`."""
    found = {}
    for table in SERVER.tables.values():
        key = tuple(setting.site[f"{table.name}#{part}"] for part, _ in table.keys)
        row = next((r for r in MACHINE.rows(entries) if (r.table, r.key) == (MACHINE.tables[table.name], key)), None)
        for column in table.columns:
            value = node[MACHINE.table_slots[column]] if row is None else row.values[MACHINE.columns[column]]
            name, _, of = column.partition(".")
            found[f"{name}[0]" + (f".{of}" if of else "")] = value
    return found


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(events(most=12), st.integers(0, 3), st.sampled_from(["call", "mail"]), st.integers(0, 3))
def test_every_trace_is_one_of_what_is_followed(told: Told, who: int, what: str, to: int) -> None:
    """With the entries that it follows as the machine has them, and rules that come to the same."""
    whole = setting_of(SERVER)
    site = {"wishes#who": who, "wishes#what": ("call", "mail").index(what), "places#to": to}
    own = replace(whole.followed(), site=site)
    world = World(own.spec, own.parameters, {}, own.rules.values(), unit=1)
    solver = z3.Solver()
    state = world.fresh("@0")
    solver.add(world.initial(state), *(state[f"{n.partition('#')[0]}[0]#{n.partition('#')[2]}", WHOLE_NODE] == v
                                       for n, v in site.items()))  # fmt: skip
    node, writers = MACHINE.initial_node(), [-1] * MACHINE.node_size
    entries: Entries = []
    plain = Plainly()
    for k, (kind, now, args) in enumerate(told):
        action, then = Action(kind, 0), z3.IntVal(now)
        keys, known = symbolic_keys(world, kind, args, f"@{k}")
        outcomes = MACHINE.steps[kind](now, UNKNOWN, [], node, [], MACHINE.encode(kind, args), k, [], writers, entries)
        plain.take(kind, args, now)
        if plain.too_many():
            return
        solver.add(*known)
        for number, outcome in outcomes:
            rule = MACHINE.rules[number]
            assert isinstance(rule.body, Allow)
            solver.add(world.breaks(rule.id, state, action, keys, then) == (outcome == 0))
        after = {**state, **world.next(state, action, keys, then)}
        new = world.fresh(f"@{k + 1}")
        solver.add([new[slot] == z for slot, z in after.items()])
        state = new
        for name, value in tracked(own, entries, node).items():
            if value != UNKNOWN:
                z = state[name, WHOLE_NODE]
                solver.add(z == (z3.BoolVal(bool(value)) if z3.is_bool(z) else value))
        assert solver.check() == z3.sat
