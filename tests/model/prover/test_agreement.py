"""The two semantics are one: random specifications and random traces, symbolic against compiled, event by event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import z3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mipcheck.model.machine.compile import Machine
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.prover.symbolic import DONE, WHOLE_NODE, Action, World
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import load, loads
from mipcheck.model.specification.spec import Allow, Spec
from mipcheck.model.values.types import Value

from making.depth import drawn

PRELUDE = """
spec random
enum colour { red, green, blue }
set letters { A, B, C }
site here
param limit: time = 5 s
param many: int = 3
param t_slack: time = 1 s
event one(c: colour, n: int, i: id) by node seen log
event two(f: letters, n: int, yes: bool) by network seen log
interface {
  on_: bool = false
  first: bool = true
  other: bool = true
  count: int = 0
  paint: colour = green
  last: time = 0 s
  before: time = 0 s
  key: id = 7
}
node { shared: bool = false; begun: bool = false; total: int = 0; owner: interface = none; moment: time = 0 s }
on one, two { first := false; begun := true }
define recent = now - last <= limit
define calm = on_ and not other
""".replace(";", "\n")

ATOMS = ["on_", "other", "shared", "calm", "true", "count < many", "total = count + 1", "paint = red", "paint != green",
         "last <= before", "owner = this", "owner = none", "key = 7", "last - moment > 2 s", "max(count, total) >= 2",
         "count * 2 != total - 1", "(count - 3) / 2 < total", "-count < min(total, 1)"]  # fmt: skip
OF_NODE = ["shared", "true", "total >= 2", "owner = none", "(some interface: on_ and owner = this)",
           "(every interface: calm or count < total)", "moment > 2 s"]  # fmt: skip
TIMED = ["recent", "now - before > limit", "now >= moment + 2 * limit"]
OF = {
    "one": ["c = red", "c != paint", "n > 1", "i = key", "n + count <= 4"],
    "two": ["A in f", "not (B in f)", "yes", "yes = on_", "n = total"],
}
VALUES: Mapping[str, list[str]] = {
    "count": ["count + 1", "n", "0", "max(n, total)"],
    "paint": ["red", "blue"],
    "last": ["now", "before", "now - limit"],
    "before": ["last", "now"],
    "total": ["n + 1", "total - count", "2", "(total - 3) / 2"],
    "owner": ["this", "none"],
    "moment": ["now", "last"],
}


def conditions(atoms: list[str]) -> st.SearchStrategy[str]:
    def extend(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.tuples(inner, st.sampled_from(["and", "or", "implies"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
            inner.map(lambda c: f"(not {c})"),
            st.tuples(st.sampled_from(["some", "every"]), inner).map(lambda t: f"({t[0]} interface: {t[1]})"),
        )

    return st.recursive(st.sampled_from(atoms), extend, max_leaves=4)


@st.composite
def patterns(draw: st.DrawFn, event: str) -> str:
    inner = draw(st.lists(conditions([*OF[event], *ATOMS, *TIMED]), max_size=2))
    return f"{event}({', '.join(inner)})"


@st.composite
def specifications(draw: st.DrawFn) -> str:
    lines = [PRELUDE]
    events = st.sampled_from(["one", "two"])
    for _ in range(draw(st.integers(1, 4))):
        event = draw(events)
        values = {**VALUES, "on_": OF[event][:2] + ATOMS[:5], "other": [*ATOMS[5:9]], "shared": TIMED}
        if event == "one":
            values["key"] = ["i", "8"]
        names = draw(st.lists(st.sampled_from(sorted(values)), min_size=1, max_size=3, unique=True))
        body = "; ".join(f"{n} := {draw(st.sampled_from(values[n]))}" for n in names)
        lines.append(f"on {draw(patterns(event))} {{ {body} }}")
    for number in range(draw(st.integers(1, 3))):
        event = draw(events)
        level = "MUST" if event == "one" else "SHOULD"  # no MUST is about the network
        lines.append(f'rule P{number} {level} cite 1 "permission"')
        lines.append(f"  allow {draw(patterns(event))} only if {draw(conditions([*OF[event], *ATOMS, *TIMED]))}")
    for number in range(draw(st.integers(0, 2))):
        anchor = draw(st.sampled_from(["last", "before", "moment"]))
        met = ", ".join([draw(patterns("one")), *([draw(patterns("two"))] if draw(st.booleans()) else [])])
        lines.append(f'rule Q{number} SHOULD cite 1 "obligation"')
        begun, atoms = ("begun", OF_NODE) if anchor == "moment" else ("not first", ATOMS)
        lines.append(f"  require {met} within limit of {anchor} while {begun} and {draw(conditions(atoms))}")
    return "\n".join(lines)


@st.composite
def traces(draw: st.DrawFn) -> list[tuple[int, int, str, dict[str, Value]]]:
    """(time in ns, interface, event, keys)"""
    result = []
    now = 0
    for _ in range(draw(st.integers(1, 8))):
        now += draw(st.sampled_from([0, 1, 10**9, 3 * 10**9, 5 * 10**9, 6 * 10**9, 6 * 10**9 + 1]))
        event = draw(st.sampled_from(["one", "two"]))
        if event == "one":
            args: dict[str, Value] = {"c": draw(st.sampled_from(["red", "green", "blue"])),
                                      "n": draw(st.integers(0, 4)), "i": draw(st.integers(6, 9))}  # fmt: skip
        else:
            args = {"f": frozenset(draw(st.sets(st.sampled_from("ABC")))), "n": draw(st.integers(0, 4)),
                    "yes": draw(st.booleans())}  # fmt: skip
        result.append((now, draw(st.integers(0, 1)), event, args))
    return result


def literal(z: Any) -> int:
    value = z3.simplify(z)
    if z3.is_bool(value):
        assert z3.is_true(value) or z3.is_false(value), f"not decided: {value}"
        return int(z3.is_true(value))
    return int(value.as_long())


def symbolic_keys(spec: Spec, event: str, args: Mapping[str, Value]) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    for k in spec.events[event].keys:
        value = args[k.name]
        if isinstance(value, frozenset):
            keys[k.name] = {m: z3.BoolVal(m in value) for m in k.type.members}
        elif isinstance(value, bool):
            keys[k.name] = z3.BoolVal(value)
        elif isinstance(value, str):
            keys[k.name] = z3.IntVal(k.type.members.index(value))
        else:
            keys[k.name] = z3.IntVal(value)
    return keys


def run_both(
    spec: Spec, trace: list[tuple[int, int, str, dict[str, Value]]], capabilities: frozenset[str] = frozenset()
) -> None:
    """Runs one trace through both semantics and compares state and verdicts after every event."""
    parameters = configure(spec, {})
    site = dict.fromkeys(spec.sites, 1)
    machine = Machine(spec, parameters, site, capabilities)
    world = World(spec, parameters, site, machine.rules, unit=1, capabilities=capabilities)
    compiled = [machine.initial_interface() for _ in world.interfaces]
    node = machine.initial_node()
    writers = [[-1] * machine.interface_size for _ in world.interfaces]
    blank = world.fresh("")
    symbolic: dict[Any, Any] = {}
    for name, i in blank:
        initial = None if name.startswith(DONE) else spec.variables[name].initial
        started = z3.BoolVal(name.startswith(DONE))  # nothing is owed before its anchor is assigned
        symbolic[name, i] = started if initial is None else world.term(initial, {}, i, {}, None)
    overdue_before: set[tuple[str, int]] = set()
    for number, (now, i, event, args) in enumerate(trace):
        then = z3.IntVal(now)
        keys, action = symbolic_keys(spec, event, args), Action(event, i)
        late = {
            (r, j)
            for r in world.requires
            for j in world.owing(r)
            if literal(z3.And(world.owed(r, symbolic, j), then > world.deadline(r, symbolic, j)))
        }
        due = {
            (machine.rules[d.rule].id, j)
            for j in world.interfaces
            for d in machine.due(now, j, compiled[j], node, compiled)
            if d.outcome == 0
        }
        due |= {
            (machine.rules[d.rule].id, WHOLE_NODE)
            for d in machine.due(now, UNKNOWN, machine.unknown_interface(), node, compiled)
            if d.outcome == 0
        }
        assert due == late - overdue_before
        # What is overdue has been reported: both sides take it as met from here.
        for r, j in late:
            symbolic[DONE + r, j] = z3.BoolVal(True)
        overdue_before = set()
        encoded = machine.encode(event, args)
        outcomes = machine.steps[event](
            now, i, compiled[i], node, compiled, encoded, number, writers[i], [-1] * len(node)
        )
        verdicts = {machine.rules[n].id: v for n, v in outcomes if isinstance(machine.rules[n].body, Allow)}
        for r in world.allows:
            if world.concerns(r, action) and literal(
                world.matches(world.allows[r].patterns, symbolic, action, keys, then)
            ):
                assert verdicts[r] == 1 - literal(world.breaks(r, symbolic, action, keys, then)), r
            else:
                assert r not in verdicts, r
        symbolic = {**symbolic, **{s: z3.simplify(z) for s, z in world.next(symbolic, action, keys, then).items()}}
        for (name, j), z in symbolic.items():
            if name.startswith(DONE):
                rule = next(n for n, r in enumerate(machine.rules) if DONE + r.id == name)
                value = (node if j == WHOLE_NODE else compiled[j])[machine.done_slot[rule]]
            elif j == WHOLE_NODE:
                value = node[machine.node_slots[name]]
            else:
                value = compiled[j][machine.interface_slots[name]]
            assert value != UNKNOWN
            assert value == literal(z), (name, j)


@pytest.mark.slow
@settings(max_examples=drawn(60, 1000), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(specifications(), traces())
def test_random_specifications_mean_the_same_twice(text: str, trace: list[Any]) -> None:
    run_both(loads(text), trace)


DRAFT = load()


def _values(key: Any) -> st.SearchStrategy[Value]:
    if key.type.is_set:
        return st.sets(st.sampled_from(key.type.members)).map(frozenset)
    if key.type.is_enum:
        return st.sampled_from(key.type.members)
    return st.integers(0, 3)


@st.composite
def draft_traces(draw: st.DrawFn) -> list[Any]:
    result, now = [], 0
    for _ in range(draw(st.integers(1, 14))):
        now += draw(st.sampled_from([0, 10**8, 10**9, 6 * 10**9, 21 * 10**9, 59 * 10**9]))
        paused = (
            DRAFT.pause.kinds if DRAFT.pause else ()
        )  # clocks stand still, which the prover's world knows nothing of
        kinds = [e for e in DRAFT.events.values() if e.seen and e.sender != "observer" and e.name not in paused]
        kind = draw(st.sampled_from([*kinds, *(k for k in kinds if k.name in ("rrq", "rrp", "data")), *kinds[4:6]]))
        args = {k.name: draw(_values(k)) for k in kind.keys}
        result.append((now, draw(st.integers(0, 1)), kind.name, args))
    return result


def with_initial_times(spec: Spec) -> Spec:
    """Times without initial value are unknown to one semantics and arbitrary to the other: fix them for comparison."""
    from dataclasses import replace

    from mipcheck.model.specification.term import Term
    from mipcheck.model.values.types import TIME

    zero = Term("const", TIME, value=0)
    variables = {n: v if v.initial is not None else replace(v, initial=zero) for n, v in spec.variables.items()}
    return replace(spec, variables={n: v for n, v in variables.items() if not v.ghost}, updates=tuple(
        replace(u, assignments=tuple(a for a in u.assignments if not spec.variables[a[0]].ghost)) for u in spec.updates
        if not any(p.event in ("gain", "lose") for p in u.patterns)))  # fmt: skip


@pytest.mark.slow
@settings(max_examples=drawn(25, 300), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(draft_traces(), st.sets(st.sampled_from(list(DRAFT.capabilities))).map(frozenset))
def test_the_draft_means_the_same_twice(trace: list[Any], capabilities: frozenset[str]) -> None:
    run_both(with_initial_times(DRAFT), trace, capabilities)
