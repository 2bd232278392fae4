"""What `mipcheck diff` says changed, changed; where it shows a trace, both observers judge it as it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mipcheck.checker.cli.main import main
from mipcheck.checker.proofs.certificates import folder_for
from mipcheck.checker.proofs.kept import KeptLogs
from mipcheck.checker.proofs.partings import PartingLog, Partings, replayed
from mipcheck.checker.proofs.replayed import broken_in
from mipcheck.checker.verbs.diff_changes import ChangedDeclaration, difference
from mipcheck.model.prover.compare import Comparison, SearchOutcome
from mipcheck.model.specification.load import load, loads
from mipcheck.model.specification.spec import Spec

from making.schemas import conforming
from making.systems import SYSTEM

BASE = """
spec base "first"
document "one.txt"
capability fast "quick"
param limit: time = 5 s cite 2
event go(n: int) by node seen log
event stop() by node seen log
event tick() by network seen log
interface { ready: bool = false  since: time  count: int = 0 }
on tick { ready := true; since := now; count := count + 1 }
rule D1 MUST cite 1 lines 2-3 "ready or none" allow go only if ready or n = 0
rule M1 MUST cite 2 lines 4-5 "go soon" require go within 9 s of since while ready
rule M2 MUST cite 3 lines 6-7 "ready to stop" allow stop only if ready
rule M3 MUST cite 3 lines 6-7 "stopped in time" require stop within limit of since while count > 1
rule P6 MUST cite 4 lines 8-9 "stop early" allow stop only if count < 3
rule Q MUST cite 4 "not to be touched" allow go only if n < 100
property fine cite 1 "it is ready" whenever stop: ready
"""
NEXT = """
spec next "the successor" extends base
document "two.txt"
override param limit: time = 8 s cite 4.2
override rule D1 MUST cite 3.1 lines 7-8 "ready"
  allow go only if ready
confirm rule M1 SHOULD cite 3.2 lines 9-10
confirm rule M2 cite 3.3 lines 9-10
drop rule P6
rule N1 MUST cite 3.4 "few" allow go only if count < 2 or n > 1
drop property fine
statement T SHOULD cite 9 "be kind" because "it is no protocol"
capability patience "the node waits"
role vpn { event pass() by node seen log  rule W MUST cite 6 "never" allow pass only if false }
"""


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Spec, Spec]:
    folder = tmp_path_factory.mktemp("specs")
    for name, text in (("base", BASE), ("next", NEXT)):
        (folder / f"{name}.spec").write_text(text, "utf-8")
    return load(str(folder / "base.spec")), load(str(folder / "next.spec"))


@pytest.fixture(scope="module")
def changes(specs: tuple[Spec, Spec]) -> dict[str, ChangedDeclaration]:
    found = difference(*specs)
    assert found.decided
    return {c.name: c for c in found.changes}


def test_what_changed_is_named(changes: dict[str, ChangedDeclaration]) -> None:
    said = {(c.kind, n, c.change) for n, c in changes.items() if c.aspects}
    assert said == {
        ("rule", "D1", "changed"), ("rule", "M1", "changed"), ("rule", "M2", "changed"), ("rule", "P6", "dropped"),
        ("rule", "N1", "added"), ("rule", "W", "added"), ("property", "fine", "dropped"), ("statement", "T", "added"),
        ("capability", "patience", "added"), ("parameter", "limit", "changed"),
    }  # fmt: skip
    assert changes["W"].role == "vpn"


def test_aspects(changes: dict[str, ChangedDeclaration]) -> None:
    assert changes["M1"].aspects["level"] == ("MUST", "SHOULD")
    assert set(changes["M2"].aspects) == {"cite"}
    assert changes["M2"].aspects["cite"] == ("one.txt: 3 lines 6-7", "two.txt: 3.3 lines 9-10")
    assert changes["D1"].aspects["condition"][1] == "allow go only if ready"
    assert changes["limit"].aspects["default"] == ("5 s", "8 s")
    assert changes["N1"].aspects["level"] == ("", "MUST")


def test_what_depends_on_what_changed_is_found(changes: dict[str, ChangedDeclaration]) -> None:
    assert not changes["M3"].aspects
    assert changes["M3"].behaviour is not None
    assert changes["M3"].behaviour.result == "changed"
    assert "Q" not in changes


@pytest.mark.parametrize("rule", ["D1", "M3", "P6", "N1", "W"])
def test_the_trace_is_judged_by_each_as_is_said(
    rule: str, changes: dict[str, ChangedDeclaration], specs: tuple[Spec, Spec]
) -> None:
    behaviour = changes[rule].behaviour
    assert behaviour is not None
    assert behaviour.result == "changed"
    assert (rule in behaviour.found.left) != (rule in behaviour.found.right)
    if rule != "W":
        assert broken_in(specs[0], behaviour.found.trace) == set(behaviour.found.left)
        assert broken_in(specs[1], behaviour.found.trace) == set(behaviour.found.right)


def test_a_level_alone_is_no_other_behaviour(changes: dict[str, ChangedDeclaration]) -> None:
    behaviour = changes["M1"].behaviour
    assert behaviour is not None
    assert behaviour.result == "level"
    assert behaviour.found.left == behaviour.found.right == ("M1",)


def test_a_citation_alone_changes_no_behaviour(changes: dict[str, ChangedDeclaration]) -> None:
    behaviour = changes["M2"].behaviour
    assert behaviour is not None
    assert behaviour.result == "same"
    assert not behaviour.found.trace


def test_what_one_breaks_and_the_other_allows_is_as_short_as_what_is_sought_in_both(
    changes: dict[str, ChangedDeclaration], specs: tuple[Spec, Spec], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Partings, "_broken_in_one", lambda *_: None)
    for name in ("P6", "N1"):
        sought, behaviour = Partings(*specs).find([name], []), changes[name].behaviour
        assert behaviour is not None
        events = [
            [line for line in trace.splitlines() if line[:1].isdigit()]
            for trace in (sought.trace, behaviour.found.trace)
        ]
        assert len(events[0]) == len(events[1])
        assert behaviour.found.outright


def test_a_role_of_which_one_of_them_says_nothing_is_compared() -> None:
    """The node's own pause is nothing of such a role's."""
    base = """spec {} event nap() by node seen log event wake() by node seen log node {{ asleep: bool = false
    asleep_since: time = 0 s }} on nap {{ asleep := true; asleep_since := now }} on wake {{ asleep := false }}
    pause while asleep since asleep_since "it sleeps" """
    agent = """role agent tracks home "an agent" { event asks(home: address) by network seen log
    event sends(home: address) by node seen log node { asked: bool = false } on asks { asked := true }
    rule A1 MUST cite 1 "to who has asked" allow sends only if asked }"""
    found = {c.name: c for c in difference(loads(base.format("one") + agent), loads(base.format("two"))).changes}
    behaviour = found["A1"].behaviour
    assert behaviour is not None
    assert (behaviour.result, behaviour.found.left, behaviour.found.right) == ("changed", ("A1",), ())


def test_a_rule_of_one_is_compared_where_the_other_asks_more_of_its_events() -> None:
    text = "spec {} event offer({}) by network seen log event answer() by node seen log node {{ asked: bool = false }}"
    text += " on offer {{ asked := true }} "
    rule = 'rule R1 MUST cite 1 "who is asked answers no more" allow answer only if not asked'
    found = {
        c.name: c
        for c in difference(loads(text.format("one", "vendor: int")), loads(text.format("two", "") + rule)).changes
    }
    behaviour = found["R1"].behaviour
    assert behaviour is not None
    assert (behaviour.result, behaviour.found.left, behaviour.found.right) == ("changed", (), ("R1",))
    assert "offer vendor=" in behaviour.found.trace


def test_a_trace_shows_the_event_that_they_part_on() -> None:
    """Whatever more the other knows of what comes before it: they call something else by the name of that event."""
    text = """spec {} event set({}) by network seen log event drop({}) by node seen log node {{ up: bool = false }}
    on set {{ up := true }} """
    rule = 'rule R1 MUST cite 1 "what is wanted is kept" allow drop(what = wanted) when up only if false'
    one = loads(text.format("one", "peer: int, port: int, mode: int", "reason: {late, other}"))
    two = loads(text.format("two", "", "what: {wanted, other}") + rule)
    found = {c.name: c for c in difference(one, two).changes}
    behaviour = found["R1"].behaviour
    assert behaviour is not None
    assert (behaviour.result, behaviour.found.left, behaviour.found.right) == ("changed", (), ("R1",))
    assert behaviour.found.trace.splitlines()[-1].endswith(" drop what=wanted")
    assert broken_in(two, behaviour.found.trace) == {"R1"}


def test_layers_and_modes_are_compared() -> None:
    text = "spec {} layer wire as ip adds {} access plain = wire event go(name: {{plain}}) by node seen log "
    before = loads(text.format("one", 20) + "access quick = wire")
    after = loads(text.format("two", 24))
    found = {(c.kind, c.name, c.change): c.aspects for c in difference(before, after).changes}
    assert found == {
        ("layer", "wire", "changed"): {"adds": ("20", "24")},
        ("access mode", "quick", "dropped"): {"layers": ("wire", "")},
    }


def test_systems_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed = SYSTEM.replace("against alter, replay", "against alter").replace("key esp", "key ike")
    changed = changed.replace("knows esp", "knows ike").replace("property answers_find", "property found")
    for name, text in (("one", SYSTEM), ("two", changed)):
        (tmp_path / f"{name}.spec").write_text(text, "utf-8")
    paths = [str(tmp_path / f"{name}.spec") for name in ("one", "two")]
    found = {
        (c.kind, c.name, c.role): (c.change, c.aspects) for c in difference(load(paths[0]), load(paths[1])).changes
    }
    assert found["property", "no_copy", "both"] == ("changed", {"against": ("alter, replay", "alter")})
    assert found["property", "no_thief", "both"] == ("changed", {"against": ("knows esp", "knows ike")})
    assert found["channel", "uplink", "both"] == ("changed", {"key": ("esp", "ike")})
    assert found["property", "answers_find", "both"][0] == "dropped"
    assert found["property", "found", "both"][0] == "added"
    assert len(found) == 5
    assert main(["diff", *paths]) == 0
    assert "uplink  channel (system both)  changed" in capsys.readouterr().out


@pytest.mark.slow
def test_nothing_differs_from_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "draft-01", "draft-01", "--format", "json"]) == 0
    answer = conforming("diff", capsys.readouterr().out)
    assert answer["changes"] == []
    assert answer["unchanged"]["rule"] == sum(len(m.rules) for m in load().machines())


PLAIN = "spec {} event go(n: int) by node seen log\ninterface {{ count: int = 0 }}\non go {{ count := count + n }}\n"


def test_undecided_is_unknown_and_exits_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rule = 'rule A MUST cite 1 "few" allow go only if '
    for name, condition in (("one", "n < 2"), ("two", "n < 2 and count < 100")):
        (tmp_path / f"{name}.spec").write_text(PLAIN.format(name) + rule + condition, "utf-8")
    assert main(["diff", str(tmp_path / "one.spec"), str(tmp_path / "two.spec")]) == 3
    out = capsys.readouterr().out
    assert "unknown: no trace was found on which they disagree (none was found of up to 10 events)" in " ".join(
        out.split()
    )


def test_specifications_of_different_things_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, type_, condition in (("one", "int", "n = 1"), ("two", "{few, many}", "n = few")):
        rule = f'rule A MUST cite 1 "never" allow go only if {condition}'
        (tmp_path / f"{name}.spec").write_text(f"spec {name} event go(n: {type_}) by node seen log {rule}", "utf-8")
    assert main(["diff", str(tmp_path / "one.spec"), str(tmp_path / "two.spec")]) == 0
    assert "one of them does not know all events and keys of it" in " ".join(capsys.readouterr().out.split())


def test_what_no_trace_decides_takes_no_longer_than_a_rule_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each parameter that a rule reads is tried at both ends of what it can be; all of that has one limit together."""
    count = 24
    names = [f"p{n}" for n in range(count)]
    params = "".join(f"param {n}: int = 9\n" for n in names)
    few = " and ".join(f"n < {n}" for n in names)
    rule = 'rule A MUST cite 1 "few" allow go only if '
    one = loads(PLAIN.format("one") + params + rule + few)
    two = loads(PLAIN.format("two") + params + rule + few + " and count < 100")
    clock = iter(range(10**6))
    asked: list[float] = []

    def part(comparison: Comparison, *_: object) -> SearchOutcome:
        asked.append(comparison.timeout)
        return SearchOutcome(None, "no")

    monkeypatch.setattr("time.thread_time", lambda: float(next(clock)))
    monkeypatch.setattr(Comparison, "part", part)
    monkeypatch.setattr("mipcheck.model.prover.compare.never_part", lambda *of: False)
    found = difference(one, two, timeout=20)
    assert not found.decided
    assert 2 < len(asked) < 20 < 2 * count


# --- traces that are kept -------------------------------------------------------------------------------------------


@pytest.fixture
def sought(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The rules for which a trace is sought from now on."""
    rules: list[str] = []
    find, both = Partings.find, Partings.both_break

    def finding(self: Partings, named: list[str], title: list[str], proving: bool = False) -> PartingLog:
        rules.extend(named)
        return find(self, named, title, proving)

    def breaking(self: Partings, rule: str, title: list[str]) -> PartingLog:
        rules.append(rule)
        return both(self, rule, title)

    monkeypatch.setattr(Partings, "find", finding)
    monkeypatch.setattr(Partings, "both_break", breaking)
    return rules


def _written(folder: Path, **texts: str) -> tuple[Spec, Spec, KeptLogs]:
    for name, text in texts.items():
        (folder / f"{name}.spec").write_text(text, "utf-8")
    left, right = (str(folder / f"{name}.spec") for name in texts)
    return load(left), load(right), KeptLogs(right)


def test_traces_that_are_kept_are_only_replayed(tmp_path: Path, sought: list[str]) -> None:
    left, right, kept = _written(tmp_path, base=BASE, next=NEXT)
    first = difference(left, right, kept=KeptLogs(kept.spec, store=True))
    files = {f.stem for f in (tmp_path / "next.proofs").iterdir()}
    assert files == {"base-D1", "base-M1-level", "base-M3", "base-P6", "base-N1", "base-W"}
    assert {"D1", "M1", "M3", "P6", "N1", "W"} <= set(sought)
    sought.clear()
    again = difference(left, right, kept=kept)
    assert not {"D1", "M3", "P6", "N1", "W"} & set(sought)
    assert again.changes == first.changes


@pytest.mark.parametrize("text", ["no log", "mipcheck-trace 1\nsite boot=true\n0.000000 eth0 stop\n"])
def test_what_is_kept_and_shows_nothing_is_sought_anew(tmp_path: Path, sought: list[str], text: str) -> None:
    left, right, kept = _written(tmp_path, base=BASE, next=NEXT)
    (tmp_path / "next.proofs").mkdir()
    (tmp_path / "next.proofs" / "base-D1.log").write_text(text, "utf-8")
    found = {c.name: c.behaviour for c in difference(left, right, kept=kept).changes}
    assert "D1" in sought
    assert found["D1"] is not None
    assert found["D1"].found.trace != text


def test_a_log_is_replayed_by_one_that_has_no_words_for_some_of_it() -> None:
    base = 'spec {} "x" document "x.txt" {} event go(n: int) by node seen log\ninterface {{ ready: bool = false }}\n'
    left = loads(base.format("one", "") + 'rule R MUST cite 1 "ready" allow go only if n < 2\n')
    right = loads(
        base.format("two", "")
        + "event tick(far: bool) by network seen log\non tick(far) { ready := true }\n"
        + 'rule R MUST cite 1 "ready" allow go only if ready or n < 2\n'
    )
    log = "mipcheck-trace 1\nsite boot=true\n0.000000 eth0 tick far=true\n1.000000 eth0 go n=5\n"
    found = replayed(left, right, log)
    assert (found.left, found.right, found.outright, found.both_read) == (("R",), (), True, False)
    assert replayed(right, left, log) == PartingLog(log, (), ("R",), both_read=False)


def test_where_both_forbid_it_the_rules_that_do_are_told() -> None:
    base = (
        'spec {} "x" document "x.txt" event go() by node seen log\nrule A MUST cite 1 "none" allow go only if false\n'
    )
    left, right = (
        loads(base.format("one")),
        loads(base.format("two") + 'rule B MUST cite 1 "n" allow go only if false\n'),
    )
    found = {c.name: c.behaviour for c in difference(left, right, timeout=5).changes}
    assert found["B"] is not None
    assert (found["B"].result, found["B"].found.left, found["B"].found.right) == ("changed", ("A",), ("A", "B"))


@pytest.mark.slow
def test_all_that_the_successor_changed_is_decided_and_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "draft-01", "rfc5265", "--format", "json"]) == 0
    found = [c for c in json.loads(capsys.readouterr().out)["changes"] if c["behaviour"]]
    traces = {c["name"]: c["behaviour"] for c in found if c["behaviour"]["trace"]}
    assert len(traces) > 90
    for name, behaviour in traces.items():
        level = "-level" if behaviour["result"] == "level" else ""
        kept = folder_for("rfc5265") / f"draft-01-{name}{level}.log"
        assert kept.read_text("utf-8") == behaviour["trace"], "out of date: mipcheck diff draft-01 rfc5265 --store"
    unused = {f.stem for f in folder_for("rfc5265").glob("draft-01-*.log")}
    assert {n.removeprefix("draft-01-").removesuffix("-level") for n in unused} == set(traces)
