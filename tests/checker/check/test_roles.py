"""Traces of devices that deal with many mobile nodes: which machine judges them, and that each is followed alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mipcheck.checker.check.check import check, resolved
from mipcheck.checker.check.report import Report
from mipcheck.checker.cli.main import main
from mipcheck.checker.console.errors import InputError, UsageError
from mipcheck.checker.observe.observer import LIMIT, Observation, TooMuch, observe
from mipcheck.checker.proofs.replayed import agree, needed_by, trace_text
from mipcheck.checker.report.json import as_object
from mipcheck.checker.verbs.prove import Proved, prove_one
from mipcheck.model.language.errors import SpecError
from mipcheck.model.machine.compile import Machine
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.prover.examples import Examples
from mipcheck.model.prover.prove import prove
from mipcheck.model.prover.setting import setting_of
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import load, loads
from mipcheck.model.specification.spec import Consistent, EventType, Spec
from mipcheck.model.values.event import Event, Position
from mipcheck.model.values.types import Value

from making.paths import CAPTURES, TRACES

S = 10**9
A, B, C = 0x0A010001, 0x0A010002, 0x0A010003

TEXT = """
spec devices "a node, and a device that deals with many"
document "none"
param t_limit: time = 10 s
param t_slack: time = 1 s
event link(state: {up, down}) by node seen log
event gap(reason?: text) by observer seen log
interface { up: bool = false "the interface is up" }
on link(state = up) { up := true }
on link(state = down) { up := false }
rule N1 MUST cite 1 "down only what is up" allow link(state = down) only if up
property fine "nothing special" whenever link(state = down): up

role vpn tracks home "a gateway" {
  event bind(home: address, way: {open, close}) by node seen log
  event relay(home: address, bytes?: int) by node seen log
  event answer(home: address) by node seen log
  event reset(home?: address) by node seen log
  event arm(home?: address) by node seen log
  event rewind(home?: address) by node seen log
  event gap(reason?: text, home?: address) by observer seen log
  interface { asked: time "when the binding was asked for"
              closed: time "when it was last closed"
              owing: bool = false "an answer is owed" }
  node { bound: bool = false "the node is bound"
         resets: int = 0 "how often the device was reset" }
  on bind(way = open) { bound := true; asked := now; owing := true }
  on bind(way = close) { bound := false; owing := false; closed := now }
  on arm { bound := true; asked := now; owing := true }
  on rewind { asked := closed }
  on reset { bound := false; resets := resets + 1 }
  rule G1 MUST cite B.5 "relays only for who is bound" allow relay only if bound
  rule G2 MUST cite B.5 "answers in time"
    require answer within t_limit of asked while owing and bound
  rule G3 SHOULD cite B.5 "is reset twice at most" allow reset only if resets < 2
  property relays_bound "relays for the bound alone" whenever relay: bound
}
"""
SPEC = loads(TEXT)
VPN = SPEC.for_role("vpn")


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


# --- which machine --------------------------------------------------------------------------------------------------


def log(tmp_path: Path, text: str, name: str = "x.log") -> str:
    path = tmp_path / name
    path.write_text("mipcheck-trace 1\n" + text, "utf-8")
    return str(path)


def checked(tmp_path: Path, text: str, **options: Any) -> Report:
    return check(log(tmp_path, text), spec=SPEC, **options)


RELAY = "0 out relay home=10.1.0.1\n"


def test_the_site_line_chooses_the_machine(tmp_path: Path) -> None:
    report = checked(tmp_path, "site role=vpn boot=true\n" + RELAY)
    assert (report.role, report.nodes, report.verdict) == ("vpn", 1, "violation")
    assert [r.id for r in report.rules] == ["G1", "G2", "G3"]
    (violation,) = report.violations
    assert (violation.rule, violation.node) == ("G1", "10.1.0.1")


def test_so_does_the_command_line_and_the_file(tmp_path: Path) -> None:
    assert checked(tmp_path, RELAY, parameters={"role": "vpn", "boot": "true"}).verdict == "violation"
    config = tmp_path / "site.toml"
    config.write_text('[site]\nrole = "vpn"\n', "utf-8")
    assert checked(tmp_path, RELAY, config=config).role == "vpn"
    report = checked(tmp_path, "site role=mn\n" + RELAY, config=config)
    assert report.role == "vpn"


def test_a_log_that_does_not_say_is_as_the_one_before_it(tmp_path: Path) -> None:
    first = log(tmp_path, "site role=vpn\n" + RELAY, "a.log")
    second = log(tmp_path, RELAY, "b.log")
    assert check([first, second], spec=SPEC).events == 2
    third = log(tmp_path, "site role=mn\n0 eth0 link state=up\n", "c.log")
    with pytest.raises(InputError, match="role"):
        check([first, third], spec=SPEC)


def test_json_lines_know_the_role_too(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    header = {"mipcheck-trace": 1, "site": {"role": "vpn", "boot": True}}
    line = {"time": 0, "interface": "out", "event": "relay", "home": "10.1.0.1"}
    path.write_text(f"{json.dumps(header)}\n{json.dumps(line)}\n", "utf-8")
    (violation,) = as_object(check(path, spec=SPEC))["violations"]
    assert violation["node"] == "10.1.0.1"


def test_the_vocabulary_is_the_roles(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'unknown event "relai"(.|\n)*did you mean "relay"'):
        checked(tmp_path, "site role=vpn\n0 out relai home=10.1.0.1\n")
    with pytest.raises(InputError, match=r'unknown key "hom"(.|\n)*did you mean "home"'):
        checked(tmp_path, "site role=vpn\n0 out relay hom=10.1.0.1\n")
    with pytest.raises(InputError, match=r'unknown event "relay"'):
        checked(tmp_path, RELAY)
    with pytest.raises(InputError, match=r'unknown event "link"'):
        checked(tmp_path, "site role=vpn\n0 out link state=up\n")


@pytest.mark.parametrize("options", [{}, {"parameters": {"role": "xha"}}])
def test_a_role_that_nothing_is_said_of(tmp_path: Path, options: dict[str, object]) -> None:
    site = "" if options else "site role=xha\n"
    with pytest.raises(UsageError, match=r"role=xha.*role mn vpn"):
        checked(tmp_path, site + RELAY, **options)


def test_a_specification_may_declare_a_role_of_any_name(tmp_path: Path) -> None:
    spec = loads(TEXT.replace("role vpn", "role relay-box"))
    assert check(log(tmp_path, "site role=relay-box boot=true\n" + RELAY), spec=spec).verdict == "violation"
    assert check(log(tmp_path, RELAY), spec=spec, parameters={"role": "relay-box"}).role == "relay-box"
    config = tmp_path / "site.toml"
    config.write_text('[site]\nrole = "relay-box"\n', "utf-8")
    assert check(log(tmp_path, RELAY), spec=spec, config=config).role == "relay-box"
    found = prove_one(spec.for_role("relay-box"), "relays_bound", {}, ["G1"])
    assert "site role=relay-box boot=true" in found.counterexample
    with pytest.raises(InputError, match='did you mean "relay-box"'):
        check(log(tmp_path, "site role=relay-bx\n" + RELAY), spec=spec)


def test_the_mobile_node_is_no_role_of_its_own() -> None:
    with pytest.raises(SpecError, match="the mobile node needs no role"):
        loads(TEXT.replace("role vpn", "role mn"))


def test_what_is_not_known_is_said_of_a_node(tmp_path: Path) -> None:
    report = checked(tmp_path, "site role=vpn\n" + RELAY)
    (rule,) = [r for r in report.rules if r.status == "inconclusive"]
    assert "x.log:3), for mobile node 10.1.0.1, bound (the node is bound) is not known so far" in rule.why


def test_at_a_mobile_node_no_node_is_told(tmp_path: Path) -> None:
    report = checked(tmp_path, "site boot=true\n0 eth0 link state=down\n")
    assert (report.role, report.nodes) == ("mn", None)
    assert as_object(report)["violations"][0]["node"] is None


def test_captures_are_a_mobile_nodes(tmp_path: Path) -> None:
    found = sorted(CAPTURES.glob("*.pcapng*"))
    with pytest.raises(UsageError, match="captures are read as a mobile node's"):
        check(found[0], spec=SPEC, parameters={"role": "vpn"})


def test_convert_speaks_the_roles_language(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "devices.spec"
    spec.write_text(TEXT, "utf-8")
    given = log(tmp_path, "site role=vpn\n" + RELAY)
    assert main(["convert", given, "--spec", str(spec)]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == ["site role=vpn", "0.000000 out relay home=10.1.0.1"]
    assert main(["convert", given, "--spec", str(spec), "--format", "jsonl"]) == 0
    assert '"role": "vpn"' in capsys.readouterr().out


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
    monkeypatch.setattr("mipcheck.checker.observe.observer.SPREAD", 10)
    with pytest.raises(TooMuch, match=r"home=…"):
        seen([bind(0, A), *(event(n, "-", "reset") for n in range(20))])
    monkeypatch.setattr("mipcheck.checker.observe.observer.NODES", 10)
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


# --- what is proved -------------------------------------------------------------------------------------------------


def test_the_properties_of_all_roles_are_proved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "devices.spec"
    spec.write_text(TEXT, "utf-8")
    assert main(["prove", "--spec", str(spec), "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [(p["name"], p["result"], p["needs"]) for p in answer["properties"]] == [
        ("fine", "proved", ["N1"]),
        ("relays_bound", "proved", ["G1"]),
    ]


def test_a_counterexample_of_a_role_says_so_and_replays() -> None:
    found = prove_one(VPN, "relays_bound", {}, ["G1"])
    lines = found.counterexample.splitlines()
    assert "site role=vpn boot=true" in lines
    assert lines[-1] == "0.000000 eth0 relay home=10.1.0.100"


def test_explain_finds_rules_of_all_roles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "devices.spec"
    spec.write_text(TEXT, "utf-8")
    assert main(["explain", "G2", "--spec", str(spec)]) == 0
    out = capsys.readouterr().out
    assert "role vpn" in out.replace("  ", " ") or "vpn: a gateway" in out
    assert "site role=vpn" in out
    assert main(["explain", "G22", "--spec", str(spec)]) == 2
    assert 'did you mean "G2"' in capsys.readouterr().err


def test_readings_of_a_role_can_be_chosen() -> None:
    spec = loads(
        TEXT.replace(
            'rule G1 MUST cite B.5 "relays only for who is bound" allow relay only if bound',
            'rule G1 MUST cite B.5 "relays only for who is bound"'
            ' reading strict "so" allow relay only if bound'
            ' reading lax "or so" allow relay only if bound or resets > 0',
        )
    )
    chosen: Spec = resolved(spec, {"G1": "lax"}).for_role("vpn")
    assert chosen.rules["G1"].reading == "lax"
    assert chosen.rules["G2"].body is spec.for_role("vpn").rules["G2"].body


# --- the draft's other parties ----------------------------------------------------------------------------------------

DRAFT = load()
ROLES = list(DRAFT.roles)
README = (TRACES / "README.md").read_text("utf-8")


def row(kind: EventType) -> str:
    """An event as the table in traces/README.md shows it."""
    shown = []
    for key in kind.keys:
        few = key.type.is_enum and len(key.type.members) <= 6
        word = f"{key.name}={'|'.join(key.type.members) if few else ''}".replace("|", "\\|")
        shown.append(f"[{word}]" if key.optional else word)
    return f"| `{kind.name}` | `{' '.join(shown)}` | {' '.join(kind.text.split())} |"


@pytest.mark.parametrize("role", ROLES)
def test_the_table_of_events_is_the_specifications(role: str) -> None:
    section = README.split(f"### role={role}: ")[1].split("\n\n#")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert rows == [row(e) for e in DRAFT.for_role(role).events.values() if e.seen]


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_what_is_said_of_a_role_is_proved(role: str) -> None:
    results = prove(spec=DRAFT.for_role(role), with_needs=False)
    assert {r.name: r.result for r in results} == dict.fromkeys(DRAFT.for_role(role).properties, "proved")
    assert any(isinstance(p.claim, Consistent) for p in DRAFT.for_role(role).properties.values())


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_every_rule_of_a_role_has_a_trace_that_keeps_it_and_one_that_breaks_it(role: str) -> None:
    spec = DRAFT.for_role(role)
    examples = Examples(setting_of(spec))
    for rule in spec.rules:
        for broken in (False, True):
            trace = examples.find(rule, broken, pretty=False)
            assert trace is not None
            assert trace.broken == ({rule} if broken else set())
            agree(spec, trace_text(spec, trace, {}), trace.broken)


# What a property fails without, and the event that then goes wrong.
FAILS = [
    ("vpn_always_reverse_tunnels", "GW15", "relay .*what=data from=node to=correspondent"),
    ("vpn_drops_without_binding_or_sa", "GW17", "relay .*what=data from=iha to=node"),
    ("vpn_drops_without_binding_or_sa", "GW18", "relay .*what=data"),
    ("vpn_fa_excludes_dynamic_home", "GW14", "relay .*what=rrq"),
    ("vpn_fa_was_negotiated", "GW3", "sa .*state=up"),
    ("forged_never_moves_endpoint", "GW21", "endpoint "),
    ("endpoint_restored", "GW22", "relay .*to=node"),
    ("sa_may_outlive_return", "GW16", "relay .*what=data from=(mobile|other|node) to=node"),
    ("zot_identity", "XH6", "send .*how=switched .*fragment=yes"),
    ("zot_identity", "XH7", "rrp .*how=plain"),
    ("zot_identity", "XH8", "send .*how=switched carries=ipip"),
    ("zot_identity", "XH9", "pass "),
    ("zot_identity", "both_know", "(send|rrp|pass) "),
    ("zot_identity", "node_escapes", "pass "),
    ("zot_only_where_negotiated", "XH2", "pass .*how=switched"),
    ("iha_vouches_for_inside", "IH2", "rrp .*code=[01] "),
    ("iha_routes_by_trusted_bindings", "IH6", "tunnel "),
    ("fa_serves_visitors", "FA3", "relay .*what=data"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "without", "last"), FAILS)
def test_what_a_property_fails_without(name: str, without: str, last: str) -> None:
    owner = next(m for m in DRAFT.machines() if name in m.properties)
    (result,) = prove([name], spec=owner, without=[without], with_needs=False)
    assert result.result == "refuted"
    assert result.trace is not None
    text = trace_text(owner, result.trace, {})
    agree(owner, text, result.trace.broken)
    assert f"site role={owner.role} " in text
    assert re.search(f"eth0 {last}", text.splitlines()[-1])


@pytest.mark.slow
def test_either_reading_of_port_434_keeps_packets_apart() -> None:
    other = resolved(DRAFT, {"zot_port_434": "registration"}).for_role("xha")
    assert [r.result for r in prove(["zot_identity"], spec=other, with_needs=False)] == ["proved"]
    (result,) = prove(["zot_identity"], spec=other, without=["XH8"], with_needs=False)
    assert result.trace is not None
    assert result.trace.events[-1].args["carries"] == "udp434"
    assert [r.result for r in prove(["zot_identity"], spec=other, without=["XH7"], with_needs=False)] == ["proved"]


def test_a_node_at_the_gateway_is_found_again_after_an_attack(tmp_path: Path) -> None:
    """A copy with another source authenticates and moves the endpoint; the node's next packet moves it back."""
    lines = """site role=vpn boot=true
0 out offer home=10.1.0.1 vendor=endpoint-update
0 out answer home=10.1.0.1 vendor=endpoint-update
0 out propose home=10.1.0.1 features=endpoint-update
0 out sa home=10.1.0.1 state=up features=endpoint-update peer=192.0.2.7 nat=no udp=no
1 out packet home=10.1.0.1 auth=ok peer=203.0.113.66
2 out relay home=10.1.0.1 what=data from=iha to=node dst=203.0.113.66
3 out packet home=10.1.0.1 auth=ok peer=192.0.2.7
4 out relay home=10.1.0.1 what=data from=iha to=node dst=%s
"""
    assert not check(log(tmp_path, lines % "192.0.2.7")).violations
    (violation,) = check(log(tmp_path, lines % "203.0.113.66")).violations
    assert (violation.rule, violation.node, violation.at.line) == ("GW22", "10.1.0.1", 10)


POLICY = "mode=tunnel endpoint=single remote=any selectors=any"
OVERLAP = {
    "vpn": """0 o offer home=10.1.0.1 vendor=vpn-fa
0 o answer home=10.1.0.1 vendor=vpn-fa
0 o propose home=10.1.0.1 features=vpn-fa plain=yes
0 o sa home=10.1.0.1 state=up features=vpn-fa peer=192.0.2.7 nat=no udp=no POLICY
1 o rrq home=10.1.0.1 coa=10.1.0.9 flags=T lifetime=60 id=0x1 dynamic=no
1 i relay home=10.1.0.1 what=rrq from=node to=iha
2 o rrq home=10.1.0.1 coa=10.1.0.9 flags=T lifetime=60 id=0x2 dynamic=no
3 i rrp home=10.1.0.1 code=0 lifetime=60 id={}
4 o relay home=10.1.0.1 what=data from=iha to=node dst=192.0.2.7
""",
    "iha": """1 e rrq home=10.1.0.1 coa=10.1.0.9 flags=T lifetime=60 id=0x1 auth=ok via=inside dynamic=no nat=no udp=no
2 e rrq home=10.1.0.1 coa=10.1.0.8 flags=T lifetime=60 id=0x2 auth=bad via=inside dynamic=no nat=no udp=no
3 e rrp home=10.1.0.1 code=0 lifetime=60 id={} udp=no
4 e tunnel home=10.1.0.1 coa=10.1.0.9
""",
    "fa": """0 e advert coa=203.0.113.1
1 e rrq home=10.1.0.1 to=xha coa=203.0.113.1 flags=T lifetime=60 id=0x1
1 e relay home=10.1.0.1 what=rrq from=node to=ha agent=xha
2 e rrq home=10.1.0.1 to=xha coa=203.0.113.1 flags=T lifetime=60 id=0x2
3 e rrp home=10.1.0.1 from=xha code=0 lifetime=60 id={}
3 e relay home=10.1.0.1 what=rrp from=ha to=node agent=xha
4 e relay home=10.1.0.1 what=data from=ha to=node agent=xha
""",
}


@pytest.mark.parametrize("role", OVERLAP)
def test_the_answer_to_a_request_before_the_newest_counts(tmp_path: Path, role: str) -> None:
    def verdict(id_: str) -> str:
        return check(
            log(tmp_path, f"site role={role} boot=true\n" + OVERLAP[role].format(id_).replace("POLICY", POLICY))
        ).verdict

    assert verdict("0x1") == "conformant"
    assert verdict("0x3") == "violation"  # that of no request does not


def test_permitted_is_refuted_by_an_event_that_a_must_forbids() -> None:
    def proved(when: str) -> Proved:
        added = f'property free "free" permitted relay when {when} property relays_bound'
        return prove_one(loads(TEXT.replace("property relays_bound", added)).for_role("vpn"), "free", {}, [])

    assert proved("bound").result.result == "proved"
    found = proved("resets = 0")
    assert found.result.result == "refuted"
    assert found.counterexample.splitlines()[-1] == "0.000000 eth0 relay home=10.1.0.100"


@pytest.mark.slow
def test_a_rule_knows_the_properties_that_fail_without_it() -> None:
    xha, vpn = DRAFT.for_role("xha"), DRAFT.for_role("vpn")
    assert needed_by(xha, "XH7") == ["zot_identity"]  # whose proof takes rules on other events too
    assert needed_by(vpn, "GW22") == ["endpoint_restored"]
    assert needed_by(vpn, "GW8") == []
