"""An act that a log and a capture both tell is judged once, at the log's line; what only one of them tells is kept."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mipcheck import check
from mipcheck.checker.inputs.trace import Input
from mipcheck.checker.inputs.twice import once
from mipcheck.checker.trace.source import Sight
from mipcheck.model.values.event import Event, Position

from making.paths import ROOT

RAW = ROOT / "traces" / "raw"
SITE = RAW / "site.toml"
MS = 10**6
PHASES = ("start", "established", "abandoned", "deleted", "updated")


def ike(ms: int, phase: str, file: str, interface: str = "wlan0", src: int = 1, **more: object) -> Event:
    return Event(ms * MS, interface, "ike", {"phase": phase, "src": src, "dst": 9, **more}, Position(file, ms))  # type: ignore[dict-item]


def inputs(whole: bool = True, resolution: int | None = None) -> list[Input]:
    sight = Sight(frozenset({"ike"} if whole else ()), frozenset(() if whole else {"ike"}), resolution=resolution)
    return [Input("log", "log", (), True, (), sight=sight), Input("cap", "pcap", (), True, (), frames=1)]


def told(events: Sequence[Event], whole: bool = True, resolution: int | None = None) -> list[tuple[int, str, str]]:
    ordered = sorted(events, key=lambda e: e.time)
    found, _ = once(ordered, inputs(whole, resolution))
    return [(e.time // MS, e.at.file, str(e.args["phase"])) for e in found]


@pytest.mark.parametrize("name", ["charon", "pluto"])
def test_recorded_log_and_capture_give_the_findings_that_each_gives_alone(name: str) -> None:
    log, capture = RAW / f"{name}.log", RAW / f"{name}.pcap"
    found = [
        {v.rule: sum(x.count for x in report.violations if x.rule == v.rule) for v in report.violations}
        for report in (check(paths, config=SITE) for paths in ([log], [capture], [capture, log]))
    ]
    assert found[0] == found[1] == found[2] == {"V4": 2 if name == "charon" else 5}


def test_names_of_interfaces_are_proposed_where_exchanges_agree_and_taken_from_the_site_file(tmp_path: Path) -> None:
    paths = [RAW / "charon.pcap", RAW / "charon.log"]
    (note,) = [n for n in check(paths, config=SITE).notes if "rename" in n]
    table = note.partition("known by ")[2].replace(", rename", "\nrename").replace(" file", "\nfile", 1)
    assert table == '[[source]]\nfile = "charon.pcap"\nrename = { "if2" = "wlan0", "if3" = "wwan0" }'
    site = tmp_path / "site.toml"
    site.write_text(SITE.read_text() + table + "\n")
    report = check(paths, config=site)
    assert not any("rename" in n for n in report.notes)
    assert {i for part in report.inputs for i in part.interfaces} == {"wlan0", "wwan0", "if1"}


def test_what_a_packet_shows_is_not_later_and_the_log_keeps_its_order() -> None:
    both = [ike(1000, "start", "log"), ike(998, "start", "cap"), ike(1200, "established", "log"),
            ike(1100, "established", "cap")]  # fmt: skip
    assert told(both) == [(998, "log", "start"), (1100, "log", "established")]
    crossed = [ike(1000, "start", "log"), ike(1400, "established", "log"), ike(995, "start", "cap"),
               ike(900, "established", "cap")]  # fmt: skip
    assert told(crossed) == [(995, "log", "start"), (995, "log", "established")]


def test_the_event_that_stays_has_what_only_the_capture_knows() -> None:
    events = [ike(0, "start", "log", version=2), ike(1, "start", "cap", version=2, vendor=frozenset({"vpn-fa"}))]
    (event,), _ = once(events, inputs())
    assert event.args["vendor"] == frozenset({"vpn-fa"})
    assert event.at.file == "log"


def test_what_is_too_far_apart_or_between_others_is_not_one_act() -> None:
    assert len(told([ike(0, "start", "log"), ike(1001, "start", "cap")])) == 2
    assert len(told([ike(0, "start", "log"), ike(1001, "start", "cap")], resolution=10**9)) == 1
    assert len(told([ike(0, "start", "log"), ike(1, "start", "cap", src=2)])) == 2
    assert len(told([ike(0, "start", "log"), ike(1, "start", "cap"), ike(2, "start", "cap")])) == 2


def test_an_inference_gives_way_to_a_log_that_tells_all_and_to_no_other() -> None:
    run = [ike(0, "start", "log"), ike(100, "established", "log"), ike(5000, "abandoned", "cap")]
    assert told(run) == [(0, "log", "start"), (100, "log", "established")]
    assert len(told(run, whole=False)) == 3
    assert told([ike(0, "abandoned", "cap"), ike(5000, "start", "log")])[0] == (0, "cap", "abandoned")


def test_esp_shows_no_new_exchange_where_the_log_has_told_that_one_is_up() -> None:
    run = [ike(0, "start", "log"), ike(100, "established", "log"), ike(60_000, "established", "cap")]
    assert len(told(run)) == 2
    over = [*run[:2], ike(1000, "deleted", "log"), ike(60_000, "established", "cap")]
    assert len(told(over)) == 4


SOME = st.lists(st.tuples(st.integers(0, 4000), st.sampled_from(PHASES), st.sampled_from(["log", "cap"])), max_size=8)


@given(SOME)
def test_nothing_of_a_log_is_lost_and_a_log_or_a_capture_alone_stays_as_it_is(
    drawn: list[tuple[int, str, str]],
) -> None:
    events = sorted((ike(*d) for d in drawn), key=lambda e: e.time)
    found, _ = once(events, inputs())
    assert [(e.at, e.args["phase"]) for e in found if e.at.file == "log"] == [
        (e.at, e.args["phase"]) for e in events if e.at.file == "log"
    ]
    assert all(a.time <= b.time for a, b in itertools.pairwise(found))
    for file in ("log", "cap"):
        alone = [e for e in events if e.at.file == file]
        assert list(once(alone, inputs())[0]) == alone
