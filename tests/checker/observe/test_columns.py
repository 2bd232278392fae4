"""Native replay gives what the observer gives: tallies, findings with their moments, holes, access modes."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mipcheck.checker.check.check import judge
from mipcheck.checker.inputs import read as inputs
from mipcheck.checker.observe import limits
from mipcheck.checker.observe import observer as observe
from mipcheck.checker.observe.bounds import check_bounds
from mipcheck.checker.observe.columns import NativeObserver
from mipcheck.checker.observe.limits import TooMuch
from mipcheck.checker.observe.observation import Observation
from mipcheck.checker.observe.ordered import observe_in_order
from mipcheck.checker.trace.derive import derive, modes_in_words, modes_seen
from mipcheck.checker.trace.route import EVENTS, LOGS, TABLE
from mipcheck.checker.trace.source import EXACT, Evidence, Fog, fog_of
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.model.machine.compile import Machine
from mipcheck.model.native.errors import NativeError
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import load, loads
from mipcheck.model.specification.spec import Spec
from mipcheck.model.values.event import Event, Position
from mipcheck.model.values.types import Type, Value

from making import log_json, paths
from making.both_ways import assert_same
from making.columns_of import ListColumns
from making.depth import drawn
from making.log_text import HEAD, SITE, logs, mutated
from making.routes import native_from

# Of a mobile node and of an i-HA: each machine takes ten seconds to compile.
TRACES = [
    path
    for path in sorted(paths.TRACES.glob("*.log"))
    if "role=" not in (text := path.read_text("utf-8")) or "role=iha" in text
]
S = 10**9
QUIET = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    deadline=None,
    max_examples=drawn(25, 300),
)

SMALL = loads("""
spec small "what the draft's machines do not have"
document "none"
param t_slack: time = 1 s
param most: int = 7
event on_(id: id) by node seen log
event off() by node seen log
event ask(id: id) by node seen log
event send(clear: bool, bytes?: int) by node seen log
event peek() by node seen log
event afresh() by node anew seen log
event doze() by node seen log
event wake() by node seen log
event gap(reason?: text) by observer seen log
interface { up: bool = false
            since: time
            number: id = 0
            peeked: time }
node { any: bool = false
       last: interface = none
       newest: id = 9223372036854775807
       total: int = 0
       dozes: bool = false
       dozes_since: time }
on afresh { up := false; any := false }
on doze { dozes := true }
on doze when not seen dozes { dozes_since := now }
on wake { dozes := false }
pause while dozes since dozes_since "while it dozes"
on on_ { up := true; since := now; any := true; last := this; number := id; newest := id }
on on_(id = newest) { number := 3 }
on off { up := false; any := false }
on peek when up { peeked := now }
on send(bytes > 100) { total := bytes }
rule A MUST cite 1 "data needs up" allow send(clear = true) only if up
rule B MUST cite 1 "asked in time" require ask(id = number) within 10 s of since while up and last = this
rule C SHOULD cite 1 "some interface is up" allow peek only if some interface: up and now - since < 60 s
rule D MUST cite 1 "bytes are few" allow send(bytes > 100) only if not up or (every interface: number != newest)
rule E MUST cite 1 "shared" allow peek only if any and last != none and total + most < 1000
rule F MUST cite 1 "others matter" require off within 2 s of peeked while some interface: not up
rule G MAY cite 1 "numbers" configure most = 7
""")


def machine(spec: Spec, **parameters: int) -> Machine:
    site = {name: 0x0A010002 + n for n, name in enumerate(spec.sites)}
    return Machine(spec, configure(spec, parameters), site)


def natively(
    one: Machine,
    events: list[Event],
    boot: bool,
    size: int,
    varying: bool = False,
    fog: Fog | None = None,
    evidence: Evidence = EXACT,
) -> tuple[Observation, list[str]]:
    columns = ListColumns(events, size, ("data", "bytes") if varying else None)
    replay = NativeObserver(one, columns, boot, record=True, fog=fog, evidence=evidence)
    for batch in columns.batches():
        replay.take(batch)
    return replay.observation(), modes_in_words(one.spec, replay.modes())


def same(
    one: Machine,
    events: list[Event],
    boot: bool,
    size: int,
    varying: bool = False,
    blind: frozenset[str] = frozenset(),
    resolution: int = 0,
) -> None:
    """Assert that both ways come to the same.

    Events of the kinds in `blind` happen that nobody sees, and the stamps have a `resolution` (ns) if it is not 0.
    """
    known = derive(one.spec, events)
    fog = fog_of(one, Evidence(blind=blind))
    coarse = {"x": resolution} if resolution else {}
    evidence = Evidence(resolution=coarse, coarse=frozenset(one.spec.events), alone=True)
    if (fog is not None and fog.tables) or (resolution > 1 and one.tables):
        with pytest.raises(NativeError, match="tables"):
            natively(one, events, boot, size, fog=fog, evidence=evidence)
        return
    try:
        if resolution:
            slow = observe_in_order(one, known, boot, fog, evidence)
        else:
            slow = observe.observe(one, known, boot, fog)
    except TooMuch as error:
        with pytest.raises(type(error), match="^" + str(error).replace("(", r"\\(").replace(")", r"\\)")[:40]):
            natively(one, events, boot, size, fog=fog, evidence=evidence)
        return
    fast, modes = natively(one, events, boot, size, varying, fog, evidence)
    assert list(fast.tallies) == list(slow.tallies)
    assert list(fast.findings) == list(slow.findings)
    assert fast == slow
    assert modes == modes_seen(one.spec, known)


# --- random traces ------------------------------------------------------------------------------------------------

STEPS = st.sampled_from([0, 0, 0, 1, S // 2, S // 2, S, 2 * S, 2 * S, 5 * S, 11 * S, 11 * S + 1, 20 * S, 61 * S])


def values(type_: Type) -> st.SearchStrategy[Value]:
    if type_.is_set:
        return st.frozensets(st.sampled_from(type_.members))
    if type_.members:
        return st.sampled_from(type_.members)
    few: dict[str, list[Value]] = {
        "bool": [True, False],
        "int": [0, 1, 60, 101, 10**9 - 1],
        "id": [0, 7, 2**63 + 1, 2**64 - 1],
        "time": [0, S],
        "address": [0x0A010002, 0x0A010003, 0x0A010004],
        "text": ["ip/ip", "ip/esp", "x"],
    }
    return st.sampled_from(few[type_.name])


@st.composite
def traces(draw: st.DrawFn, spec: Spec, most: int) -> list[Event]:
    kinds = [e for e in spec.events.values() if e.seen]
    common = [e for e in kinds if e.sender != "observer"]
    time, events = draw(st.sampled_from([0, 1_795_399_200 * S])), []
    for n in range(draw(st.integers(0, most))):
        time += draw(STEPS)
        kind = draw(st.sampled_from(kinds if draw(st.integers(0, 9)) == 0 else common))
        args = {k.name: draw(values(k.type)) for k in kind.keys if not k.optional or draw(st.booleans())}
        interface = draw(st.sampled_from(["a", "a", "a", "b", "b", "c", "-"]))
        events.append(Event(time, interface, kind.name, args, Position("x", n + 3)))
    return events


RESOLUTIONS = st.sampled_from([0, 0, 2, S // 2, S, 3 * S])


@pytest.mark.slow
@QUIET
@given(traces(SMALL, 60), st.booleans(), st.integers(1, 70), RESOLUTIONS)
def test_a_small_machine(events: list[Event], boot: bool, size: int, resolution: int) -> None:
    same(machine(SMALL), events, boot, size, resolution=resolution)


DRAFT = load()
HOME_AGENT = DRAFT.for_role("iha")


@pytest.mark.slow
@QUIET
@given(traces(DRAFT, 60), st.booleans(), st.integers(1, 70), st.booleans(), RESOLUTIONS)
def test_the_draft(events: list[Event], boot: bool, size: int, varying: bool, resolution: int) -> None:
    same(machine(DRAFT), events, boot, size, varying, resolution=resolution)


@pytest.mark.slow
@QUIET
@given(traces(HOME_AGENT, 60), st.booleans(), st.integers(1, 70), RESOLUTIONS)
def test_a_device_with_many_nodes(events: list[Event], boot: bool, size: int, resolution: int) -> None:
    same(machine(HOME_AGENT), events, boot, size, resolution=resolution)


def unseen(spec: Spec) -> st.SearchStrategy[frozenset[str]]:
    """Kinds of events that a source does not show, some of them at least."""
    kinds = [e.name for e in spec.events.values() if e.seen and e.sender != "observer"]
    return st.frozensets(st.sampled_from(kinds), min_size=1, max_size=3)


@pytest.mark.slow
@QUIET
@given(traces(SMALL, 60), st.booleans(), st.integers(1, 70), unseen(SMALL), RESOLUTIONS)
def test_a_small_machine_of_which_not_all_is_seen(
    events: list[Event], boot: bool, size: int, blind: frozenset[str], resolution: int
) -> None:
    same(machine(SMALL), events, boot, size, blind=blind, resolution=resolution)


@pytest.mark.slow
@QUIET
@given(traces(DRAFT, 60), st.booleans(), st.integers(1, 70), st.booleans(), unseen(DRAFT))
def test_the_draft_where_not_all_is_seen(
    events: list[Event], boot: bool, size: int, varying: bool, blind: frozenset[str]
) -> None:
    same(machine(DRAFT), events, boot, size, varying, blind)


@pytest.mark.slow
@QUIET
@given(traces(HOME_AGENT, 60), st.booleans(), st.integers(1, 70), unseen(HOME_AGENT))
def test_a_device_of_which_not_all_is_seen(events: list[Event], boot: bool, size: int, blind: frozenset[str]) -> None:
    same(machine(HOME_AGENT), events, boot, size, blind=blind)


@pytest.mark.slow
@QUIET
@given(st.sampled_from(TRACES), st.data(), st.integers(1, 30))
def test_mutated_example_traces(path: Path, data: st.DataObject, size: int) -> None:
    trace = inputs.read_trace([str(path)], vocabulary_of(DRAFT))
    spec = DRAFT.for_role(trace.site.role)
    events = list(trace.events)
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(events) - 1))
        match data.draw(st.sampled_from(["drop", "again", "elsewhere", "later", "gap"])):
            case "drop" if len(events) > 1:
                del events[at]
            case "again":
                events.insert(at, events[at])
            case "elsewhere":
                events[at] = replace(events[at], interface=data.draw(st.sampled_from(["eth0", "wlan0", "-", "new"])))
            case "later":
                more = data.draw(STEPS)
                events = events[:at] + [replace(e, time=e.time + more) for e in events[at:]]
            case "gap":
                events.insert(at, replace(events[at], kind="gap", args={}))
    same(machine(spec, t_stop=6 * S), events, trace.site.boot, size)


def test_a_node_that_had_entries_once_is_as_one_that_never_had() -> None:
    """What a rule could not be judged by is the same, though the one way keeps room for rows and the other does not."""
    trace = inputs.read_trace([str(next(p for p in TRACES if p.stem == "iha-fifty-nodes"))], vocabulary_of(DRAFT))
    events = list(trace.events)
    events.insert(1, replace(events[1], kind="gap", args={}))
    same(machine(HOME_AGENT, t_stop=6 * S), events, trace.site.boot, 1)


# --- many of everything -------------------------------------------------------------------------------------------


def test_findings_have_a_limit_and_counts_have_none() -> None:
    events = []
    for n in range(limits.LIMIT + 50):
        events += [Event(n * 20 * S, "a", k, a) for k, a in (
            ("on_", {"id": n}), ("peek", {}), ("off", {}), ("send", {"clear": True}), ("send", {"clear": True}),
            ("on_", {"id": 1}))]  # fmt: skip
    same(machine(SMALL), events, True, 100)


@pytest.mark.slow
def test_more_interfaces_than_a_node_has() -> None:
    events = [Event(n, f"if{n}", "peek", {}) for n in range(limits.INTERFACES)]
    same(machine(SMALL), events, True, 100)
    same(machine(SMALL), [*events, Event(10**6, "more", "peek", {})], True, 100)


@pytest.mark.slow
def test_ten_thousand_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    events = []
    for round_ in range(2):
        for n in range(10_000):
            coa = 0x0A020000 + (n if n % 1000 else round_)
            time, interface, home = round_ * 10**12 + n, f"e{n % 3}", 0x0A010000 + n
            args: dict[str, Value] = {"home": home, "lifetime": 60, "id": n}
            asked = {**args, "coa": coa, "flags": frozenset("DT"), "auth": "ok"}
            events += [
                Event(time, interface, "rrq", asked),
                Event(time, interface, "rrp", {**args, "code": 0}),
                Event(time, interface, "tunnel", {"home": home, "coa": coa ^ round_}),
            ]
    events.append(Event(10**13, "-", "gap", {}))
    events.append(Event(10**13, "e0", "tunnel", {"home": 0x0A010000, "coa": 1}))
    same(machine(HOME_AGENT), events, True, 7000)
    monkeypatch.setattr(limits, "NODES", 5000)
    same(machine(HOME_AGENT), events, True, 7000)


def test_what_64_bits_cannot_hold_is_left_to_python() -> None:
    with pytest.raises(NativeError):
        NativeObserver(machine(SMALL, t_slack=2**62 - 1), ListColumns([], 1))
    ordered = loads("""
spec ordered
document "none"
event go(id: id, n: int) by node seen log
interface { last: id = 0
            grows: int = 0 }
on go { last := id; grows := 2 * grows + n }
rule R MUST cite 1 "in order" allow go only if grows < 5
""")
    with pytest.raises(NativeError, match=r"without bound|64 bits"):
        NativeObserver(Machine(ordered, {}, {}), ListColumns([], 1))
    for far in (2**62, -(2**62)):
        with pytest.raises(NativeError, match="too far"):
            natively(machine(SMALL), [Event(far, "a", "off", {})], True, 1)
    wide = [Event(0, "a", "send", {"clear": True, "bytes": 10**9})]
    with pytest.raises(NativeError, match="too large"):
        natively(machine(SMALL), wide, True, 1)
    beside = ListColumns(wide, 1, ("send", "bytes"))
    with pytest.raises(NativeError, match="too large"):
        NativeObserver(machine(SMALL), beside).take(next(beside.batches()))
    same_id = [Event(0, "a", "on_", {"id": 2**63})]
    with pytest.raises(NativeError):
        natively(machine(SMALL), same_id, True, 1)


@pytest.mark.parametrize(
    ("update", "fits"),
    [
        ("count := count + 1; last := count", True),
        ("count := 2 - 1 + count; last := count - 3", True),
        ("count := count - 5", True),
        ("asked[id] := { copies := asked[id].copies + 1 }; last := asked[id].copies", True),
        ("count := count + last; last := 1", True),
        ("count := count + last; last := last + 1", False),  # by how much it grows is state that grows itself
        ("count := last + 1; last := count", False),
        ("count := 7 - count", True),
        ("count := 2 * count + 1", False),
    ],
)
def test_what_is_only_counted_never_leaves_64_bits(update: str, fits: bool) -> None:
    counting = loads(f"""
spec counting "what is counted"
document "none"
event go(id: id) by node seen log
node {{ count: int = 0
       last: int = 0 }}
table asked by id: id {{ copies: int = 0 }}
on go {{ {update} }}
rule R MUST cite 1 "few" allow go only if count + last + asked[id].copies < 5
""")
    if fits:
        check_bounds(Machine(counting, {}, {}))
    else:
        with pytest.raises(NativeError, match="without bound"):
            check_bounds(Machine(counting, {}, {}))


# --- whole reports ------------------------------------------------------------------------------------------------


@pytest.mark.slow
@QUIET
@given(data=logs() | logs(clean=True) | mutated(), keep_going=st.booleans())
@example(data=(HEAD + "1 e rrp from=iha path=direct code=0 lifetime=5 id=0x8000000000000000 auth=ok\n").encode(),
         keep_going=False)  # fmt: skip
@example(data=(HEAD + "site role=iha\n1 e gap\n1 e solicit\n").encode(), keep_going=False)
@example(data=(HEAD + "site role=iha\n1 e gap\n").encode(), keep_going=False)
@example(data=(HEAD + "site role=none\n1 e gap\n").encode(), keep_going=False)
@example(data=(HEAD + "1 e ike phase=start src=198.51.100.100 dst=192.0.2.1\n"
               "2 e rrq to=xha path=direct coa=1.2.3.4 flags=DT lifetime=5 id=1 home=198.51.100.100\n").encode(),
         keep_going=False)  # fmt: skip
@example(data=(HEAD + SITE + "".join(f"{n} e{n} solicit\n" for n in range(257))).encode(), keep_going=False)
@example(data=(HEAD + SITE + "1 e data dir=out protection=none stack=ip/ip count=999999999999999999\n" * 10).encode(),
         keep_going=False)  # fmt: skip
@example(data=(HEAD + SITE + "1 e data dir=out protection=none stack=ip/ip count=-999999999999999999\n" * 10).encode(),
         keep_going=False)  # fmt: skip
@example(data=(HEAD + SITE + '1 "\\ud800" solicit\n1 "\\ud83d\\ude00" solicit\n').encode(), keep_going=False)
def test_the_same_report(tmp_path_factory: pytest.TempPathFactory, data: bytes, keep_going: bool) -> None:
    path = tmp_path_factory.getbasetemp() / "x.log"
    path.write_bytes(data)
    assert_same(path, keep_going=keep_going)


@pytest.mark.slow
@QUIET
@given(data=log_json.logs() | log_json.logs(clean=True) | log_json.mutated(), keep_going=st.booleans())
@example(data=(log_json.HEAD + log_json.EVENT).encode(), keep_going=False)
@example(data=(log_json.HEAD + log_json.EVENT.replace('"e"', '"\\udfff"')).encode(), keep_going=False)
def test_the_same_report_of_json_lines(tmp_path_factory: pytest.TempPathFactory, data: bytes, keep_going: bool) -> None:
    path = tmp_path_factory.getbasetemp() / "x.jsonl"
    path.write_bytes(data)
    assert_same(path, keep_going=keep_going)


SOURCES = ["sees=rrq,rrp", "sees=ike,sa,data", "sees=link~,coa,rrq,rrp,data", "sees=coa,data,gap", "sees=link,coa"]


@pytest.mark.slow
@QUIET
@given(data=logs() | logs(clean=True), source=st.sampled_from(SOURCES))
def test_the_same_report_of_what_a_source_does_not_show(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, source: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "x.log"
    path.write_bytes(data.replace(b"\n", f"\nsource {source}\n".encode(), 1))
    assert_same(path)


@pytest.mark.parametrize("source", ["sees=rrq,rrp,data", "sees=link~,coa,rrq,rrp,ike,sa,data"])
def test_what_a_source_does_not_show_is_no_reason_for_the_slow_way(tmp_path: Path, source: str) -> None:
    path = tmp_path / "x.log"
    text = (paths.TRACES / "plaintext-after-loss.log").read_text("utf-8")
    path.write_text(text.replace("\n", f"\nsource {source}\n", 1), "utf-8")
    assert_same(path, only=True)


@pytest.mark.slow
@pytest.mark.parametrize("path", TRACES, ids=lambda p: p.stem)
def test_the_same_report_of_example_traces(path: Path) -> None:
    assert_same(path, only=True)
    assert_same(path, only=True, fail_on="should", parameters={"t_stop": "2s"})


@pytest.mark.slow
def test_a_pipe_gives_the_report_of_its_file(tmp_path: Path) -> None:
    text = HEAD + SITE + "".join(
        f"{n}.5 eth0 data dir=out protection=none bytes={n} stack=ip/ip\n" for n in range(8000)
    )  # fmt: skip
    (tmp_path / "x.log").write_text(text)
    assert len(text) > TABLE[LOGS].kept
    reports = []
    for name in (str(tmp_path / "x.log"), "-"):
        code = f"import sys; from mipcheck.checker.cli.main import main; sys.exit(main([{name!r}, '--format', 'json']))"
        found = subprocess.run([sys.executable, "-c", code], input=text, capture_output=True, text=True, check=False)
        assert found.returncode == 1, found.stderr
        reports.append(found.stdout.replace(name if name != "-" else "<stdin>", "x"))
    assert reports[0] == reports[1]


@pytest.mark.slow
def test_events_of_a_capture_as_columns() -> None:
    for path in TRACES:
        trace = inputs.read_trace([str(path)], vocabulary_of(DRAFT))
        columns = ListColumns(trace.events, 5, ("data", "bytes"))
        with pytest.MonkeyPatch.context() as patched:
            native_from(patched, EVENTS, 0)
            fast = judge(DRAFT, replace(trace, events=columns))
        slow = judge(DRAFT, replace(trace, events=columns))
        assert fast == replace(judge(DRAFT, trace), violations=fast.violations, warnings=fast.warnings)
        assert [replace(v, frames={}) for v in fast.violations] == [replace(v, frames={}) for v in slow.violations]
        assert [sum(map(len, v.frames.values())) for v in fast.violations] == [
            0 if v.overdue or v.interface is None else v.count for v in fast.violations
        ]


@pytest.mark.slow
def test_without_native_code_it_still_runs(tmp_path: Path) -> None:
    """Neither LLVM nor a place to keep what it makes."""
    text = HEAD + SITE + "".join(f"{n} eth0 solicit\n" for n in range(20000))
    (tmp_path / "x.log").write_text(text)
    code = (
        "import sys\n"
        "sys.modules['llvmlite'] = sys.modules['llvmlite.binding'] = None\n"
        "from mipcheck.checker.cli.main import main\n"
        f"sys.exit(main([{str(tmp_path / 'x.log')!r}]))"
    )
    environment = {**os.environ, "MIPCHECK_CACHE": "off"}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert (found.returncode, found.stderr) == (3, "")
