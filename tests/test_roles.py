"""Traces of devices that deal with many mobile nodes: which machine judges them, and that each is followed alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mipcheck.checker.errors import InputError
from mipcheck.checker.inputs import UsageError
from mipcheck.checker.main import main
from mipcheck.checker.observe import LIMIT, Observation, TooMuch, observe
from mipcheck.checker.proofs import prove_one
from mipcheck.checker.report_json import as_object
from mipcheck.checker.run import Report, check
from mipcheck.model.compile import Machine
from mipcheck.model.configure import configure
from mipcheck.model.event import Event, Position
from mipcheck.model.load import loads
from mipcheck.model.spec import Spec
from mipcheck.model.types import Value

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
  event gap(reason?: text, home?: address) by observer seen log
  interface { asked: time "when the binding was asked for"
              owing: bool = false "an answer is owed" }
  node { bound: bool = false "the node is bound"
         resets: int = 0 "how often the device was reset" }
  on bind(way = open) { bound := true; asked := now; owing := true }
  on bind(way = close) { bound := false; owing := false }
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


def checked(tmp_path: Path, text: str, **options: object) -> Report:
    return check(log(tmp_path, text), spec=SPEC, **options)  # type: ignore[arg-type]


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


def test_at_a_mobile_node_no_node_is_told(tmp_path: Path) -> None:
    report = checked(tmp_path, "site boot=true\n0 eth0 link state=down\n")
    assert (report.role, report.nodes) == ("mn", None)
    assert as_object(report)["violations"][0]["node"] is None


def test_captures_are_a_mobile_nodes(tmp_path: Path) -> None:
    capture = Path(__file__).parent.parent / "traces" / "captures"
    found = sorted(capture.glob("*.pcapng*"))
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


def test_findings_have_a_limit_over_all_nodes() -> None:
    found = seen([relay(n, A + n) for n in range(3 * LIMIT)])
    assert counts(found, "G1") == (0, 3 * LIMIT, 0)
    assert len(found.findings) == LIMIT
    assert found.tallies[0].unlisted == 2 * LIMIT


def test_what_concerns_all_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mipcheck.checker.observe.SPREAD", 10)
    with pytest.raises(TooMuch, match=r"home=…"):
        seen([bind(0, A), *(event(n, "-", "reset") for n in range(20))])
    monkeypatch.setattr("mipcheck.checker.observe.NODES", 10)
    with pytest.raises(TooMuch, match="more than 10 mobile nodes"):
        seen([bind(0, A + n) for n in range(20)])


def test_an_event_costs_the_same_however_many_nodes_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    def counted(*args: object) -> list[object]:
        nonlocal looks
        looks += 1
        return due(*args)  # type: ignore[arg-type]

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

Step = tuple[int, str, str, dict[str, Value]]


@st.composite
def steps(draw: st.DrawFn) -> list[Step]:
    """What happens to one node: (time in half seconds, interface, event, keys)."""
    found: list[Step] = []
    now = 0
    for _ in range(draw(st.integers(0, 8))):
        now += draw(st.sampled_from([0, 1, 2, 9, 20, 22, 23]))
        kind = draw(st.sampled_from(["bind", "relay", "answer", "reset", "gap"]))
        args: dict[str, Value] = {"way": draw(st.sampled_from(["open", "close"]))} if kind == "bind" else {}
        found.append((now, draw(st.sampled_from(["in", "out", "-"])), kind, args))
    return found


def whole(draw_steps: Sequence[Step]) -> list[tuple[int, Event]]:
    return [(t, Event(t * S // 2, i, k, args)) for t, i, k, args in draw_steps if k in ("reset", "gap")]


def findings(found: Observation, events: Sequence[Event], node: int) -> set[tuple[object, ...]]:
    """Those about one node. Events are told apart by themselves, since their numbers differ."""
    return {
        (f.rule, f.interface, f.time, f.overdue, f.count, f.last_time, id(events[f.event]))
        for f in found.findings
        if f.node == node
    }


@settings(deadline=None, max_examples=300)
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
        own_events = [e for e in events if e.args.get("home", home) == home]
        alone = seen(own_events, boot)
        assert findings(together, events, home) == findings(alone, own_events, home)
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
    from mipcheck.checker.run import resolved

    chosen: Spec = resolved(spec, {"G1": "lax"}).for_role("vpn")
    assert chosen.rules["G1"].reading == "lax"
    assert chosen.rules["G2"].body is spec.for_role("vpn").rules["G2"].body
