"""A violation's nearest repair: what is changed mends it, nothing else breaks, and fewer changes would not do."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mipcheck.checker.check import repair as repair_module
from mipcheck.checker.check.edits import Add, Drop, Edit, Move, Put, World, candidates, edited
from mipcheck.checker.check.machine import machine_of
from mipcheck.checker.check.repair import Repairs, Search
from mipcheck.checker.check.report import Report
from mipcheck.checker.cli.main import main
from mipcheck.checker.inputs.read import read_trace
from mipcheck.checker.logs.text import write_log
from mipcheck.checker.observe.misses import NearMisses
from mipcheck.checker.observe.observation import Finding
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.checker.verbs.one_finding import judged
from mipcheck.model.machine.compile import Machine
from mipcheck.model.specification.load import load
from mipcheck.model.values.event import Event

from making.depth import DEEP
from making.paths import TRACES
from making.schemas import conforming

SPEC = load("draft-01")
VOCABULARY = vocabulary_of(SPEC)
HEAD = """mipcheck-trace 1
site iha=10.1.0.2 xha=198.51.100.2 vpn=192.0.2.1 ihoa=10.1.0.100 xhoa=198.51.100.100 t_reregister=3s t_stop=6100ms
"""
LATE = (
    HEAD
    + """0.000000 eth0 link state=up
0.112000 eth0 coa kind=colocated addr=10.1.7.20
0.113000 eth0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=120 id=0xd0c1
0.121000 eth0 rrp from=iha path=direct code=0 lifetime=120 id=0xd0c1 auth=ok
3.100000 eth0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=120 id=0xd0c2
7.400000 eth0 data dir=out protection=none bytes=1420
8.000000 eth0 rrp from=iha path=direct code=0 lifetime=120 id=0xd0c2 auth=ok
"""
)
DENIED = (
    HEAD
    + """0.000000 eth0 link state=up
0.112000 eth0 coa kind=colocated addr=10.1.7.20
0.113000 eth0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=120 id=0xd0c1
0.121000 eth0 rrp from=iha path=direct code=131 lifetime=120 id=0xd0c1 auth=ok
1.000000 eth0 data dir=out protection=none bytes=1420
"""
)


def opened(path: Path) -> tuple[Machine, Repairs, Finding]:
    config = path.with_suffix(".toml")
    trace = read_trace([str(path)], VOCABULARY, str(config) if config.exists() else None, {})
    machine = machine_of(SPEC, trace.site)
    repairs = Repairs(machine, trace)
    found = [f for f in repairs.observation.findings if f.moment is not None]
    return machine, repairs, min(found, key=lambda f: (machine.rules[f.rule].level != "MUST", f.time))


def text_of(repairs: Repairs, world: World) -> str:
    trace = repairs._trace
    return write_log([e for _, e in world], trace.site, VOCABULARY, absolute=trace.absolute)


def broken(report: Report) -> dict[str, int]:
    return {r.id: r.broken for r in report.rules if r.broken}


def sought(text: str, tmp_path: Path, depth: int = 1) -> tuple[Repairs, Search]:
    path = tmp_path / "x.log"
    path.write_text(text, "utf-8")
    _, repairs, finding = opened(path)
    return repairs, repairs.nearest(finding, NearMisses(), lambda tried: False, depth)


def test_a_reply_that_is_late_would_have_had_to_come_just_in_time(tmp_path: Path) -> None:
    _, search = sought(LATE, tmp_path)
    assert search.whole and all(r.conforms for r in search.repairs)
    moves = [e for r in search.repairs for e in r.edits if isinstance(e, Move)]
    reply = next(e for e in moves if e.number == 6)
    assert reply.time == 7_399_000_000  # the newest whole millisecond before the data
    data = next(e for e in moves if e.number == 5 and e.time < 7 * 10**9)
    assert data.time == 6_213_000_000  # t_stop after the request that was answered, to the nanosecond


def test_a_denial_would_have_had_to_be_none(tmp_path: Path) -> None:
    _, search = sought(DENIED, tmp_path)
    assert any(e == Put(3, "code", 0) for r in search.repairs for e in r.edits)
    assert all(r.kept for r in search.repairs)


@pytest.mark.parametrize("depth", [1, 2])
def test_what_takes_evidence_away_mends_nothing(tmp_path: Path, depth: int) -> None:
    """Without the lines that say what the node knew, the rule could not be judged, which is no repair."""
    repairs, search = sought(DENIED, tmp_path)
    before = judged(SPEC, text_of(repairs, repairs.world), VOCABULARY)
    for repair in search.repairs:
        after = judged(SPEC, text_of(repairs, repair.world), VOCABULARY)
        for was, now in zip(before.rules, after.rules, strict=True):
            assert now.unknown <= was.unknown


SEVERAL = ("missing-d-flag", "trust-of-another-interface", "gateway-short-cut", "hint-believed", "no-reregistration")


@pytest.mark.slow
@pytest.mark.parametrize("path", [TRACES / f"{name}.log" for name in SEVERAL], ids=lambda p: p.stem)
def test_every_repair_mends_its_finding_and_nothing_else_breaks(path: Path) -> None:
    machine, repairs, finding = opened(path)
    search = repairs.nearest(finding, NearMisses(), lambda tried: tried > 120, 1)
    before = judged(SPEC, text_of(repairs, repairs.world), VOCABULARY)
    rule = machine.rules[finding.rule].id
    for repair in search.repairs:
        after = judged(SPEC, text_of(repairs, repair.world), VOCABULARY)
        assert broken(after).get(rule, 0) < broken(before)[rule]
        assert all(count <= broken(before).get(name, 0) for name, count in broken(after).items())
        assert repair.conforms == (not after.violations)


@pytest.mark.slow
@settings(max_examples=200 if DEEP else 8, deadline=None)
@given(st.sampled_from([LATE, DENIED]), st.lists(st.integers(0, 2000), min_size=3, max_size=5, unique=True))
def test_as_few_changes_are_found_as_by_trying_all(
    tmp_path_factory: pytest.TempPathFactory, text: str, chosen: list[int]
) -> None:
    """Of some changes, whichever, one or two that mend are found where there are such, and only then."""
    path = tmp_path_factory.mktemp("r") / "x.log"
    path.write_text(text, "utf-8")
    machine, repairs, finding = opened(path)
    rule = machine.rules[finding.rule].id
    every = candidates(machine, repairs.world, repairs.broken(finding, NearMisses()))
    some = [every[n % len(every)] for n in chosen]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(repair_module, "candidates", lambda *_: some)
        search = repairs.nearest(finding, NearMisses(), lambda tried: False, 2)
    before = judged(SPEC, text_of(repairs, repairs.world), VOCABULARY)

    def mends(edits: tuple[Edit, ...]) -> bool:
        world = edited(repairs.world, edits)
        if world is None or any(e.time < 0 for _, e in world):
            return False
        after = judged(SPEC, text_of(repairs, world), VOCABULARY)
        less = (a.unknown > b.unknown for b, a in zip(before.rules, after.rules, strict=True))
        was, now = broken(before), broken(after)
        worse = any(count > was.get(name, 0) for name, count in now.items())
        return now.get(rule, 0) < was[rule] and not worse and not any(less)

    sizes = [n for n in (1, 2) if any(map(mends, itertools.combinations(some, n)))]
    assert [len(r.edits) for r in search.repairs[:1]] == sizes[:1]


def test_changes_of_one_thing_exclude_each_other() -> None:
    world: World = ((0, Event(5, "eth0", "link", {"state": "up"})), (1, Event(9, "eth0", "link", {"state": "down"})))
    assert edited(world, [Move(0, 10), Move(0, 3)]) is None
    assert edited(world, [Drop(0), Put(0, "state", "down")]) is None
    assert edited(world, [Put(0, "state", "down"), Drop(0)]) is None
    moved = edited(world, [Move(0, 10), Put(0, "state", "down")])
    assert moved is not None and [n for n, _ in moved] == [1, 0] and moved[1][1].args == {"state": "down"}
    added = edited(world, [Add(Event(7, "-", "restart")), Add(Event(8, "-", "restart"))])
    assert added is not None and [n for n, _ in added] == [0, -1, -2, 1]


def test_the_verb_says_and_writes_a_repair(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, mended = tmp_path / "late.log", tmp_path / "mended.log"
    path.write_text(LATE, "utf-8")
    assert main(["repair", str(path), "--log", str(mended), "--format", "json"]) == 0
    said = conforming("repair", capsys.readouterr().out)
    assert said["rule"] == "M2" and said["complete"] and said["repairs"][0]["conforms"]
    assert main([str(mended)]) == 0
    capsys.readouterr()
    assert any("had come 0.601 s earlier" in r["text"] for r in said["repairs"])
    assert main(["repair", str(mended)]) == 2
    assert "nothing to repair" in capsys.readouterr().err
    assert main(["repair", str(path), "--timeout", "0.000001"]) == 3
    assert "none in 1e-06 s" in capsys.readouterr().out
    assert main(["repair", str(path), "--log", str(path)]) == 2


@pytest.mark.slow
def test_verbose_text_json_and_the_page_tell_of_repairs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, page = tmp_path / "denied.log", tmp_path / "page.html"
    path.write_text(DENIED, "utf-8")
    assert main([str(path), "-v", "--report", f"html={page}"]) == 1
    assert "conforms if eth0 rrp" in " ".join(capsys.readouterr().out.split())
    assert "It would not be broken if" in page.read_text("utf-8")
    lines = tmp_path / "lines"
    assert main([str(path), "-v", "--format", "json", "--report", f"jsonl={lines}"]) == 1
    violations = conforming("check", capsys.readouterr().out)["violations"]
    puts = [e for v in violations for r in v["repairs"] for e in r["edits"] if e["kind"] == "put"]
    assert ("code", "131", "0") in [(e["key"], e["before"], e["after"]) for e in puts]
    for line in lines.read_text("utf-8").splitlines():
        conforming("jsonl", line)
    assert main([str(path), "--format", "json"]) == 1
    assert "repairs" not in json.loads(capsys.readouterr().out)["violations"][0]
