"""An act that a log and a capture both tell is judged once, at the log's line; what only one of them tells is kept."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
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


# --- where the exchange was ---------------------------------------------------------------------------------------


def places(events: Sequence[Event], tunnels: Sequence[str] = ()) -> list[tuple[str, str]]:
    """The interface of each event about an exchange that is left, and what it says."""
    log, capture = inputs()
    found, notes = once(
        sorted(events, key=lambda e: e.time), [log, replace(capture, interfaces=("eth0", "xmip"))], tunnels
    )
    assert not any("rename" in note for note in notes)
    return [(e.interface, str(e.args["phase"])) for e in found]


@pytest.mark.parametrize("logical", ["-", "xmip", "vpn0"])
def test_an_exchange_is_on_the_interface_that_its_packets_leave_by(logical: str) -> None:
    """A daemon tells by which address it speaks, which may be a tunnel's; the rest of the exchange goes with it."""
    run = [ike(0, "start", "log", logical), ike(3, "start", "cap", "eth0"), ike(100, "established", "log", logical),
           ike(5000, "deleted", "log", logical), ike(9000, "start", "log", logical)]  # fmt: skip
    assert places(run, ["vpn0"]) == [
        ("eth0", "start"), ("eth0", "established"), ("eth0", "deleted"), (logical, "start")
    ]  # fmt: skip
    assert places([run[0], *run[2:]], ["vpn0"]) == [(logical, str(e.args["phase"])) for e in (run[0], *run[2:])]


def test_each_exchange_has_its_own_interface_and_a_name_that_a_capture_has_not_stays() -> None:
    run = [ike(0, "start", "log", "-"), ike(3, "start", "cap", "eth0"), ike(5000, "start", "log", "-"),
           ike(5003, "start", "cap", "xmip"), ike(5100, "established", "log", "-")]  # fmt: skip
    assert places(run) == [("eth0", "start"), ("xmip", "start"), ("xmip", "established")]
    found, _ = once([ike(0, "start", "log", "wlan0"), ike(3, "start", "cap", "if2")], inputs())
    assert [e.interface for e in found] == ["wlan0"]


# --- other acts ---------------------------------------------------------------------------------------------------


def act(ms: int, kind: str, file: str, **args: object) -> Event:
    interface = "-" if kind == "sa" and file == "log" else "eth0"
    return Event(ms * MS, interface, kind, args, Position(file, ms))  # type: ignore[arg-type]


def left(*events: Event) -> list[tuple[int, str]]:
    found, _ = once(sorted(events, key=lambda e: e.time), inputs())
    return [(e.time // MS, e.at.file) for e in found]


def test_an_association_that_both_tell_comes_up_once() -> None:
    """Two would be one that replaces the other, so that the end of one would leave the other up."""
    up, down = act(100, "sa", "log", state="up", tia=5), act(9000, "sa", "log", state="down")
    assert left(up, act(101, "sa", "cap", state="up"), down) == [(100, "log"), (9000, "log")]
    assert left(up, act(5000, "sa", "cap", state="up"), down) == [(100, "log"), (9000, "log")]  # its first ESP
    assert left(act(5000, "sa", "cap", state="up"), down) == [(5000, "cap"), (9000, "log")]
    assert left(up, act(8999, "sa", "cap", state="down"), down) == [(100, "log"), (8999, "log")]
    assert len(left(up, down, act(11_000, "sa", "cap", state="up"))) == 3


def test_a_change_of_a_link_or_an_address_that_both_tell_is_one() -> None:
    assert left(act(100, "link", "log", state="up"), act(90, "link", "cap", state="up")) == [(90, "log")]
    assert left(act(100, "coa", "log", addr=7), act(90, "coa", "cap", addr=7)) == [(90, "log")]
    assert len(left(act(100, "coa", "log", addr=7), act(90, "coa", "cap", addr=8))) == 2
    assert len(left(act(100, "link", "log", state="up"), act(2000, "link", "cap", state="up"))) == 2


def test_a_change_between_two_keeps_them_apart() -> None:
    down, up = act(200, "link", "log", state="down"), act(300, "link", "log", state="up")
    assert left(act(100, "link", "cap", state="up"), down, up) == [(100, "cap"), (200, "log"), (300, "log")]
    assert left(down, up, act(310, "link", "cap", state="up")) == [(200, "log"), (300, "log")]


SOME = st.lists(st.tuples(st.integers(0, 4000), st.sampled_from(PHASES), st.sampled_from(["log", "cap"])), max_size=8)


@settings(deadline=None)
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
