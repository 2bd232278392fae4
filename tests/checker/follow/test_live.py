"""What is said live is what the report says afterwards, in whatever pieces the input comes; silence is said in time."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Report, Violation
from mipcheck.checker.console.errors import InputError, UsageError
from mipcheck.checker.follow import follow, judge
from mipcheck.checker.follow.judge import Said
from mipcheck.checker.report.jsonl import finding_line, withdrawn_line

from making.depth import drawn
from making.following import DRAFT, Clock, Pieces, cut, followed, follower
from making.log_text import logs
from making.paths import ROOT
from making.schemas import conforming
from making.source_logs import HEAD, SITE

TRACES = sorted((ROOT / "traces").glob("*.log"))
INSIDE = (
    HEAD + "site iha=10.1.0.2 xha=198.51.100.2 vpn=192.0.2.1 ihoa=10.1.0.100 xhoa=198.51.100.100 t_reregister=3s\n"
    "0.000000 eth0 link state=up\n0.100000 eth0 coa kind=colocated addr=10.1.7.20\n"
    "0.110000 eth0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=600 id=0x11\n"
    "0.120000 eth0 rrq to=xha path=direct coa=10.1.7.20 flags=DT lifetime=600 id=0x12\n"
    "0.200000 eth0 rrp from=iha path=direct code=0 lifetime=600 id=0x11 auth=ok\n"
)
"""The node is inside, and owes another request until 9.11 s, by t_reregister, t_retransmit and t_slack."""


def marks(found: list[Violation]) -> list[tuple[object, ...]]:
    """What tells findings apart: where, when, what, how often. How late something came may not be known yet."""
    return [(v.rule, v.interface, v.node, v.time, v.at, v.count, v.last_time, v.last_at) for v in found]


def told(report: Report) -> tuple[object, ...]:
    """All of a report but the words in which findings are explained."""
    rules = [(r.id, r.status, r.kept, r.broken, r.unknown, r.why) for r in report.rules]
    found = marks([*report.violations, *report.warnings])
    inputs = [(i.file, i.kind, i.events, i.interfaces, i.skipped, i.holes) for i in report.inputs]
    return report.verdict, found, rules, inputs, report.notes, report.reasons, report.start, report.parameters


def same(paths: list[Path], pieces: list[list[bytes]], **more: Any) -> list[Said]:
    """Assert that inputs in pieces come to what they come to as files; return what was said on the way."""
    given_ = [str(p) for p in paths]
    try:
        report = check(given_, spec=DRAFT, **more)
    except (InputError, UsageError):
        with pytest.raises((InputError, UsageError)):
            followed([Pieces(p, parts) for p, parts in zip(given_, pieces, strict=True)], **more)
        return []
    live, said = followed([Pieces(p, parts) for p, parts in zip(given_, pieces, strict=True)], **more)
    assert told(live) == told(report)
    first = {(v.rule, v.interface, v.node, v.time, v.at) for v in (*report.violations, *report.warnings)}
    heard = [(s.violation.rule, s.violation.interface, s.violation.node, s.violation.time, s.violation.at)
             for s in said if not s.why]  # fmt: skip
    taken_back = [s for s in said if s.why]
    if not taken_back:
        assert sorted(map(repr, heard)) == sorted(map(repr, first))  # each once
    assert first <= set(heard)
    return said


@pytest.mark.sampled(4)
@pytest.mark.parametrize("path", TRACES, ids=lambda p: p.stem)
def test_a_trace_in_pieces_comes_to_the_report_on_the_whole(path: Path) -> None:
    data = path.read_bytes()
    said = same([path], [cut(data, range(3, len(data), 61))])
    assert not [s for s in said if s.why]


def test_a_gap_with_a_span_tells_of_its_interface(tmp_path: Path) -> None:
    data = b"mipcheck-trace 1\n2 new0 gap from=2.5 to=9\n2 wlan0 coa kind=colocated addr=10.1.41.243\n"
    path = tmp_path / "x.log"
    path.write_bytes(data)
    assert check([str(path)], spec=DRAFT).inputs[0].interfaces == ("wlan0", "new0")
    same([path], [[data]])


@pytest.mark.parametrize("span", ["from=start to=end", "from=2 to=75 count=3", "from=start to=1.5 count=1", "from=71"])
def test_what_was_lost_nobody_knows_where_is_the_same(tmp_path: Path, span: str) -> None:
    stale = "70.0 eth0 data dir=out protection=none\n75.0 eth0 data dir=out protection=none\n75.0 eth0 gap count=3\n"
    path = tmp_path / "x.log"
    for early, late in ((f"0 eth0 gap {span}\n", ""), ("", f"80.0 eth0 gap {span} reason=late\n")):
        data = (INSIDE.replace("0.000", early + "0.000", 1) + stale + late + "81.0 eth0 link state=down\n").encode()
        path.write_bytes(data)
        same([path], [cut(data, range(3, len(data), 61))])


def test_what_is_said_of_access_modes_is_the_same(tmp_path: Path) -> None:
    data = b"""mipcheck-trace 1
0 eth0 data dir=out protection=none bytes=0 stack=ip/ip dst=10.1.7.20 scope=other access=c
"""
    path = tmp_path / "x.log"
    path.write_bytes(data)
    assert not [note for note in check([str(path)], spec=DRAFT).notes if "access mode" in note]
    same([path], [[data]])


@pytest.mark.slow
@settings(deadline=None, max_examples=drawn(6, 1000))
@given(logs(clean=True), st.lists(st.integers(0, 3000), max_size=6))
def test_any_log_in_any_pieces_comes_to_the_report_on_the_whole(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, places: list[int]
) -> None:
    path = tmp_path_factory.mktemp("log", numbered=True) / "x.log"
    path.write_bytes(data)
    same([path], [cut(data, places)])


@pytest.mark.slow
@settings(deadline=None, max_examples=drawn(6, 1000))
@given(st.data())
def test_several_logs_at_once_come_to_the_report_on_all(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    trace = data.draw(st.sampled_from([t for t in TRACES if "role=" not in t.read_text()]))
    lines = trace.read_text().splitlines()
    head = [line for line in lines if not line[:1].isdigit()]
    parts: list[list[str]] = [[], []]
    for line in lines:
        if line[:1].isdigit():
            parts[data.draw(st.integers(0, 1))].append(line)
    folder = tmp_path_factory.mktemp("logs", numbered=True)
    paths, pieces = [], []
    for name, part in zip("ab", parts, strict=True):
        paths.append(folder / f"{name}.log")
        text = "".join(f"{line}\n" for line in [*head, *part]).encode()
        paths[-1].write_bytes(text)
        pieces.append(cut(text, data.draw(st.lists(st.integers(0, 2500), max_size=5))))
    same(paths, pieces)


MAPPED = """\
2025-11-03T09:00:00Z host charon: 11[NET] <x|1> sending packet: from 203.0.113.5[500] to 192.0.2.1[500] (96 bytes)
2025-11-03T09:00:00Z host charon[7]: 11[IKE] <x|1> IKE_SA x[1] established between 203.0.113.5[a]...192.0.2.1[b]
2025-11-03T09:00:00Z h charon: 1[IKE] <x|1> CHILD_SA x{1} established with SPIs a b and TS 10.1.200.7/32 === 10.0.0.0/8
2025-11-03T09:00:10Z host charon[7]: 11[IKE] <x|1> initiating IKE_SA y[2] to 192.0.2.9
2025-11-03T09:00:11Z host charon[7]: 11[IKE] unheard of
2025-11-03T12:00:00.100Z host charon[7]: 12[IKE] <x|1> deleting IKE_SA x[1] between 203.0.113.5[a]...192.0.2.1[b]
"""


@pytest.mark.slow
@settings(deadline=None, max_examples=drawn(6, 1000))
@given(st.lists(st.integers(0, 1000), max_size=8))
def test_a_log_of_another_program_is_read_while_it_grows(
    tmp_path_factory: pytest.TempPathFactory, places: list[int]
) -> None:
    path = tmp_path_factory.mktemp("log", numbered=True) / "charon.log"
    path.write_text(MAPPED)
    same([path], [cut(MAPPED.encode(), places)], maps=["charon,interface=eth0"])


@pytest.mark.parametrize(
    ("wrong", "lines"),
    [({"unmatched": "error"}, slice(3, 5)), ({"maps": ["charon", "dhclient"]}, slice(0, 6))],
    ids=["a line that is unknown, and held until the end", "two maps for all"],
)
def test_what_is_refused_of_a_log_is_refused_while_it_grows(
    tmp_path: Path, wrong: dict[str, Any], lines: slice
) -> None:
    text = "".join(MAPPED.splitlines(keepends=True)[lines])
    path = tmp_path / "charon.log"
    path.write_text(text)
    asked = {"maps": ["charon,interface=eth0"], **wrong}
    with pytest.raises((InputError, UsageError)):
        check([str(path)], spec=DRAFT, **asked)
    with pytest.raises((InputError, UsageError)):
        followed([Pieces(str(path), [text.encode()])], **asked)


@pytest.mark.parametrize(
    "data", [gzip.compress(b"mipcheck-trace 1\n"), "mipcheck-trace 1\n".encode("utf-16")], ids=["gzip", "UTF-16"]
)
def test_what_is_read_only_as_a_whole_is_not_followed(data: bytes) -> None:
    with pytest.raises(InputError, match="read only as a whole") as refused:
        followed([Pieces("x.gz", [data[:5], data[5:]])])
    assert refused.value.problems[0].hint.startswith("check what there is of it without --follow: mipcheck x.gz")


@pytest.mark.slow
def test_what_becomes_known_late_has_the_beginning_judged_anew(tmp_path: Path) -> None:
    lines = (ROOT / "traces" / "plaintext-after-loss.log").read_text().splitlines()
    lines[3] = (
        "site iha=10.1.0.2 vpn=192.0.2.1"  # where the addresses of the home agents' packets are told, they are plain
    )
    text = "".join(f"{line}\n" for line in lines).replace("6.700000", "7").encode()
    path = tmp_path / "x.log"
    path.write_bytes(text + b"9.0 - gap from=1.0 to=2.0\n10.5 eth0 link state=down\n")
    same([path], [cut(path.read_bytes(), range(0, 3000, 40))])


def test_a_finding_is_said_before_its_successors_come() -> None:
    text = (ROOT / "traces" / "plaintext-after-loss.log").read_bytes()
    broken = text.index(b"6.400000 eth0 data") + len(
        b"6.400000 eth0 data dir=out protection=none bytes=1420 stack=ip/ip\n"
    )
    tail = Pieces("x.log", [text[:broken]], ends=False)
    said: list[Said] = []
    run = follower([tail], said)
    run._turn()
    assert [s.violation.rule for s in said] == ["M2"]


# --- silence ------------------------------------------------------------------------------------------------------


def silent(text: str, monkeypatch: pytest.MonkeyPatch, seconds: float, **wishes: Any) -> tuple[Any, list[Said], Pieces]:
    """Follow a log of which nothing more comes for some seconds."""
    clock = Clock()
    monkeypatch.setattr(follow, "time", clock)
    tail, said = Pieces("x.log", [text.encode()], ends=False), list[Said]()
    run = follower([tail], said, **wishes)
    run._turn()
    clock.now += seconds
    run._turn()
    return run, said, tail


def test_a_deadline_that_passes_in_silence_is_said_after_the_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [s.violation.rule for s in silent(INSIDE, monkeypatch, 10.8, grace=2 * 10**9)[1]] == []
    run, said, tail = silent(INSIDE, monkeypatch, 11.2, grace=2 * 10**9)
    assert [(s.violation.rule, s.violation.overdue) for s in said] == [("M1", True)]
    tail.left.append(b"12.0 eth0 link state=down\n")
    run._turn()
    assert len(said) == 1  # said once
    run._stop = True
    assert [v.rule for v in run.run().violations] == ["M1"]


def test_what_silence_showed_is_in_the_report_that_an_interruption_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    run, said, _ = silent(INSIDE, monkeypatch, 60)
    run._stop = True
    report = run.run()
    assert (report.verdict, [v.rule for v in report.violations], len(said)) == ("violation", ["M1"], 1)


def test_a_node_that_slept_is_not_accused_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    run, said, tail = silent(INSIDE, monkeypatch, 60)
    tail.left += [b"60.0 - resume\n", b"61.0 eth0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=600 id=0x13\n"]
    run._turn()
    assert [(s.violation.rule, bool(s.why)) for s in said] == [("M1", False), ("M1", True)]
    assert conforming("jsonl", withdrawn_line(said[1].violation, said[1].why))["kind"] == "withdrawn"
    assert conforming("jsonl", finding_line(said[0].violation, True, None))["kind"] == "finding"
    run._stop = True
    assert run.run().violations == ()


def test_silence_accuses_nobody_where_the_cable_may_have_been_pulled(monkeypatch: pytest.MonkeyPatch) -> None:
    text = INSIDE.replace("site ", "source sees=coa,rrq,rrp,data,link~\nsite ", 1)
    run, said, tail = silent(text, monkeypatch, 60)
    assert said == []
    tail.left.append(b"10.0 eth0 data dir=in protection=none bytes=9 stack=ip/ip\n")
    run._turn()
    assert [s.violation.rule for s in said] == ["M1"]


def test_an_event_beyond_the_grace_is_missing_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(follow, "time", clock)
    head = (HEAD + SITE).encode()
    one = Pieces(
        "a.log", [head + b"0.0 eth0 link state=up\n5.0 eth0 link state=down\n6.0 eth0 link state=up\n"], ends=False
    )
    other = Pieces("b.log", [head], ends=False)
    said: list[Said] = []
    run = follower([one, other], said)
    run._turn()
    clock.now += 3
    run._turn()
    other.left.append(b"3.0 wlan0 link state=up\n9.0 wlan0 link state=down\n")
    run._turn()
    run._stop = True
    report = run.run()
    assert report.verdict == "inconclusive"
    assert any("later than --grace allows" in reason for reason in report.reasons)


# --- bounds -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_old_events_are_forgotten_but_not_those_that_are_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "KEPT", 50)
    monkeypatch.setattr("mipcheck.checker.follow.archive.RECENT", 100)
    monkeypatch.setattr("mipcheck.checker.follow.archive._ROOM", 100)
    from mipcheck.checker.follow.archive import Archive

    many = "".join(f"{n / 100:.2f} eth0 data dir=out protection=none bytes=9 stack=ip/ip\n" for n in range(30, 9000))
    sizes: list[int] = []
    sweep = Archive._sweep

    def watched(self: Archive) -> None:
        sweep(self)
        sizes.append(len(self._kept))

    monkeypatch.setattr(Archive, "_sweep", watched)
    report, said = followed([Pieces("x.log", [(INSIDE + many).encode()])])
    assert max(sizes) < 300
    (found,) = [s.violation for s in said if s.violation.rule == "M2"]
    assert any("rrp from=iha" in b.text and b.at.line == 7 for b in found.because)
    assert [v.count for v in report.violations if v.rule == "M2"] == [8999 - 6011]
