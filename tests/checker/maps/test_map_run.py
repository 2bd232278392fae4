"""Logs of other programs are judged through maps: what they become, what is said of the rest, what is refused."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mipcheck import check
from mipcheck.checker.cli.main import main
from mipcheck.checker.maps.library import use_of
from mipcheck.checker.maps.read import LogReading

from making.depth import drawn
from making.following import Pieces, followed
from making.passed_over import assert_passed_over_alike

MAP = """map m "a map"
sees link coa ike
stamp "%Y-%m-%d %H:%M:%S.%f "
stamp "%Y-%m-%d %H:%M:%S "
record indented
line "dial {gw:ipv4}" { event eth0 ike phase=start src=later {src[{gw}]} dst={gw} }
line "from {a:ipv4} to {gw:ipv4}" { set src[{gw}] = {a} }
line "both {a:ipv4} {b:ipv4}" {
  event eth0 link state=up
  event eth0 coa kind=colocated addr={a}
}
line "told {if:word}" { event once 2s {if} link state=down }
line "more {a:int} end" { count n  if {n} = 2 { event eth0 coa kind=colocated addr=10.1.7.9 } }
ignore "nothing{..}"
line "{if:word} {state:word}" { event changed {if} link state={state} }
"""


def converted(tmp_path: Path, log: str, capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """Return the events of a log through MAP, without their date."""
    (tmp_path / "m.map").write_text(MAP)
    path = tmp_path / "own.log"
    path.write_text(log)
    assert main(["convert", str(path), "--map", f"{tmp_path}/m.map,zone=UTC", *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    return [line.removeprefix("2025-11-03T") for line in lines if line.startswith("2025")]


def test_an_event_waits_for_what_a_later_line_tells_and_keeps_its_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = (
        "2025-11-03 09:00:00.100 dial 192.0.2.1\n2025-11-03 09:00:00.200 eth0 up\n"
        "2025-11-03 09:00:00.300 from 203.0.113.5 to 192.0.2.1\n"
    )
    assert converted(tmp_path, log, capsys) == [
        "09:00:00.100000Z eth0 ike phase=start src=203.0.113.5 dst=192.0.2.1",
        "09:00:00.200000Z eth0 link state=up",
    ]


OTHERS = st.sampled_from(
    [
        "Nov  3 09:00:01 host sshd[7]: hello",
        "Nov  3 09:00:02 host kernel: x",
        "Nov  3 09:00:02 host kernel: ",
        "",
        "  indented",
        "Nov  3 09:00:02 host no program here",
        "Nov  3 09:00:01 <7> a: b",
        "nothing: at all",
        "Nov 31 09:00:00 h cron: never",
        "Nov  3 09:00:03 h cron: speaks of charon: nothing",
        "Nov  3 09:00:03 hÖst cron: x",
        "2025-11-03T09:00:00Z h cron[1]: y",
        "Nov  3 09:00:04 h charon[7]: 11[KNL] interface wlan0 activated",
        "Nov  3 09:00:05 h charon: 11[KNL] interface wlan0 deleted",
        "Nov  3 09:00:05 h charon: 11[IKE] <x|1> initiating IKE_SA x[1] to 192.0.2.1",
        "Nov  3 09:00:05 11[KNL] interface wlan0 activated",
        "Nov  3 09:00:05 11[CFG] vici: x",
        "Nov  3 09:00:05 11[KNL] <x|1> y: interface wlan0 deleted",
        "Nov  3 09:00:01 charon: x" + "y" * 70_000,
        "Nov  3 09:00:05 h charon: 11[NET] <x|1> sending packet: from 10.0.0.1[500] to 192.0.2.1[500] (1 bytes)",
    ]
)


@pytest.mark.slow
@settings(deadline=None, max_examples=drawn(60, 2000))
@given(st.lists(st.tuples(OTHERS, st.integers(1, 200)), max_size=8), st.booleans())
def test_what_is_passed_over_is_counted_as_if_it_were_read(parts: list[tuple[str, int]], ended: bool) -> None:
    lines = [line for line, times in parts for _ in range(times if len(line) < 1000 else 1)]
    data = "\n".join(["Nov  3 09:00:00 h cron: first", *lines]).encode() + b"\n" * ended
    assert_passed_over_alike("charon,year=2025,zone=UTC", data)


def test_what_is_told_too_late_is_of_something_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Five seconds are five seconds, also where no event was told in between."""
    dial, told = "2025-11-03 09:00:00.100 dial 192.0.2.1\n", "from 203.0.113.5 to 192.0.2.1\n"
    in_time, late = (f"{dial}2025-11-03 09:00:05.{after} {told}" for after in ("100", "101"))
    assert converted(tmp_path, in_time, capsys) == [
        "09:00:00.100000Z eth0 ike phase=start src=203.0.113.5 dst=192.0.2.1"
    ]
    assert converted(tmp_path, late, capsys) == ['09:00:00.100000Z eth0 gap reason="ike without src"']


def test_an_event_that_lacks_what_it_needs_is_a_gap(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = "2025-11-03 09:00:00.100 dial 192.0.2.1\n2025-11-03 09:00:09.000 eth0 up\n"
    assert converted(tmp_path, log, capsys) == [
        '09:00:00.100000Z eth0 gap reason="ike without src"',
        "09:00:09.000000Z eth0 link state=up",
    ]


def test_a_value_that_no_key_can_have_is_a_gap_whatever_the_key_is_called(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a lifetime, too: the word `time` in a message does not make it one about the clock."""
    ask = 'line "ask {n:word}" { event eth0 rrq to=iha path=direct coa=10.1.7.2 flags=DT lifetime={n} }\n'
    text = MAP.replace('line "both', ask + 'line "both')
    (tmp_path / "m.map").write_text(text.replace("sees link", "sees rrq link"))
    (tmp_path / "own.log").write_text("2025-11-03 09:00:00.100 ask abc\n2025-11-03 09:00:09.000 eth0 up\n")
    assert main(["convert", str(tmp_path / "own.log"), "--map", f"{tmp_path}/m.map,zone=UTC"]) == 0
    gap, up = [line for line in capsys.readouterr().out.splitlines() if line.startswith("2025")]
    assert "eth0 gap reason=" in gap and "lifetime" in gap
    assert up.endswith("eth0 link state=up")


def test_what_was_waited_for_too_long_changes_nothing_that_was_told_and_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "m.map").write_text(MAP)
    reading = LogReading(use_of(f"{tmp_path}/m.map,zone=UTC"), "x", None)
    lines = [b"2025-11-03 09:%02d:%02d.000 dial 192.0.2.1\n" % divmod(n, 60) for n in range(0, 3000, 10)]
    told = [e for record in reading.records(io.BytesIO(b"".join(lines))) for e in record.events]
    late = [b"2025-11-03 10:00:00.000 dial 192.0.2.1\n", b"2025-11-03 10:00:00.100 from 203.0.113.5 to 192.0.2.1\n"]
    told_late = [e for record in reading.records(io.BytesIO(b"".join(late))) for e in record.events]
    assert {"src" in e.words for e in told} == {False}
    assert [e.words.get("src") for e in told_late] == ["203.0.113.5"]
    assert not reading._runner._waiting


def test_several_events_continued_records_repetitions_and_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = (
        "2025-11-03 09:00:00.1 both 10.1.7.1\n   10.1.7.2\n2025-11-03 09:00:01.0 eth1 up\n"
        "2025-11-03 09:00:02.0 eth1 up\n"
        "2025-11-03 09:00:03.0 told eth2\n2025-11-03 09:00:04.0 told eth2\n2025-11-03 09:00:06.5 told eth2\n"
        "2025-11-03 09:00:07.0 more 1 end\n2025-11-03 09:00:08.0 more\n\t2\n end\n"
    )
    assert converted(tmp_path, log, capsys) == [
        "09:00:00.100000Z eth0 link state=up",
        "09:00:00.100000Z eth0 coa kind=colocated addr=10.1.7.1",
        "09:00:01.000000Z eth1 link state=up",
        "09:00:03.000000Z eth2 link state=down",
        "09:00:06.500000Z eth2 link state=down",
        "09:00:08.000000Z eth0 coa kind=colocated addr=10.1.7.9",
    ]


def test_what_nothing_matches_is_counted_and_shown_or_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.map").write_text(MAP)
    path = tmp_path / "own.log"
    path.write_text(
        "2025-11-03 09:00:00 eth0 up\n2025-11-03 09:00:01 strange\x1b[2J words here\n2025-11-03 09:00:02 nothing\n"
    )
    report = check(path, maps=[f"{tmp_path}/m.map"])
    notes = "\n".join(report.notes)
    assert "read by the map m: 3 records, 1 known to it, 1 ignored, 1 that nothing in it matches" in notes
    assert r"line 2 matches nothing in the map: 2025-11-03 09:00:01 strange\x1b[2J words here" in notes
    assert main([str(path), "--map", f"{tmp_path}/m.map", "--unmatched", "error"]) == 2
    error = capsys.readouterr().err
    assert "own.log:2:1: nothing in the map matches" in error
    assert "\x1b" not in error


def test_a_log_without_times_is_refused_with_advice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "charon.log"
    path.write_text("11[KNL] 203.0.113.20 appeared on wlan0\n13[IKE] <corp|1> initiating IKE_SA corp[1] to 192.0.2.1\n")
    assert main([str(path), "--map", "charon"]) == 2
    error = capsys.readouterr().err
    assert "charon.log:1:1: no line begins with a time that the map charon knows" in error
    assert "time_format" in error


def test_beside_other_inputs_year_and_zone_have_to_be_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own, other = tmp_path / "own.log", tmp_path / "charon.log"
    own.write_text("mipcheck-trace 1\n2025-11-03T09:14:00Z wlan0 link state=up\n")
    other.write_text("Nov  3 09:14:02 11[KNL] 203.0.113.20 appeared on wlan0\n")
    assert main([str(own), str(other), "--map", "charon"]) == 2
    said = capsys.readouterr().err
    assert "its times have no year, and other inputs do" in said
    assert "charon,year=2025,zone=Europe/Berlin" in said
    report = check([own, other], maps=[f"{other}=charon,year=2025,zone=+00:00"])
    assert [i.events for i in report.inputs] == [1, 1]
    assert any("charon.log" in note and "read by the map charon" in note for note in report.notes)


def test_a_better_time_in_a_record_needs_no_year(tmp_path: Path) -> None:
    own, other = tmp_path / "own.log", tmp_path / "nm.log"
    own.write_text("mipcheck-trace 1\n2025-11-03T09:14:00Z eth0 link state=up\n")
    said = "<info>  [1762161242.5000] device (eth0): carrier: link connected"
    other.write_text(f"Nov  3 10:14:02 laptop NetworkManager[790]: {said}\n")
    report = check([own, other], maps=[f"{other}=networkmanager"])
    assert [i.events for i in report.inputs] == [1, 1]
    assert not any("year" in note or "zone" in note for note in (*report.notes, *check([other]).notes))


def test_what_maps_cannot_be_given_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "own.log"
    own.write_text("mipcheck-trace 1\n0 eth0 link state=up\n")
    for words, said in {
        "charon": "no input is another program's log",
        "charom": 'did you mean "charon"?',
        f"{own}=charon": "it is a log in our own words",
        "owm.log=charon": "no input is called",
        "charon,yaer=2025": 'did you mean "year"?',
        "charon,zone=Mars/Base": 'unknown zone "Mars/Base"',
        "./none.map": "the map cannot be read",
    }.items():
        assert main([str(own), "--map", words]) == 2
        assert said in capsys.readouterr().err
    assert main([str(own), "--map", "charon", "--map", "dhclient"]) == 2
    assert "--map dhclient: another map is given for all inputs" in capsys.readouterr().err


def test_hostile_logs_are_read_in_bounds(tmp_path: Path) -> None:
    (tmp_path / "m.map").write_text(MAP)
    path = tmp_path / "own.log"
    path.write_bytes(
        b"2025-11-03 09:00:00 eth0 up\n" + b"2025-11-03 09:00:01 " + b"a" * 10_000_000 + b"\n"
        b"2025-02-31 09:00:02 eth0 down\n2025-11-03 09:00:02 \xff\xfe\0 up\n" + b" x\n" * 1000
    )
    report = check(path, maps=[f"{tmp_path}/m.map"])
    assert report.inputs[0].events == 1
    assert any("the line is too long" in note for note in report.notes)
    assert any("no such day" in note for note in report.notes)
    assert report.inputs[0].holes == ("2 records were not read (line 2: the line is too long)",)


def test_time_that_runs_backwards_is_an_error_beyond_what_threads_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    near = "2025-11-03 09:00:00.100 eth0 up\n2025-11-03 09:00:00.050 eth1 up\n"
    assert converted(tmp_path, near, capsys)[1] == "09:00:00.100000Z eth1 link state=up"
    (tmp_path / "own.log").write_text("2025-11-03 09:00:00 eth0 up\n2025-11-03 08:00:00 eth1 up\n")
    assert main([f"{tmp_path}/own.log", "--map", f"{tmp_path}/m.map"]) == 2
    assert "own.log:2:1: time runs backwards" in capsys.readouterr().err


def test_the_verb_lists_maps_and_shows_a_log_beside_its_events(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["map"]) == 0
    assert "charon " in capsys.readouterr().out
    assert main(["map", "networkd"]) == 0
    assert "all 2 samples as due" in capsys.readouterr().out
    path = tmp_path / "journal.txt"
    path.write_text(
        "2025-11-03T08:00:01+01:00 host systemd-networkd[6]: eth0: Gained carrier\n"
        "2025-11-03T08:00:02+01:00 host sshd[7]: x\n"
    )
    assert main(["map", "networkd", str(path)]) == 0
    shown = capsys.readouterr().out
    assert (
        "     1  2025-11-03T08:00:01+01:00 host systemd-networkd[6]: eth0: Gained carrier\n"
        "        > 2025-11-03T07:00:01.000000Z eth0 link state=up\n"
    ) in shown
    assert "        = another program's\n" in shown
    (tmp_path / "bad.map").write_text(MAP + 'sample "s"\n  | 2025-11-03 09:00:00 eth0 up\n')
    assert main(["map", f"{tmp_path}/bad.map"]) == 1
    assert "told, but not due: 2025-11-03T09:00:00.000000Z eth0 link state=up" in capsys.readouterr().out


@pytest.mark.slow
def test_nothing_of_maps_is_imported_where_none_is_given(tmp_path: Path) -> None:
    path = tmp_path / "own.log"
    path.write_text("mipcheck-trace 1\n0 eth0 link state=up\n")
    program = (
        "import sys; from mipcheck.checker.cli.main import main; main(sys.argv[1:]);"
        "print([m for m in sys.modules if 'maps' in m or 'mapped' in m])"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_a_map_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own, path = tmp_path / "m.map", tmp_path / "own.log"
    own.write_text(MAP)
    path.write_text("2025-11-03 09:00:00 eth0 up\n")
    for word in (f"{own},zone=UTC", f"{path}={own}"):
        assert main(["convert", str(path), "--map", word, "-o", str(own)]) == 2
        assert "would overwrite an input" in capsys.readouterr().err
    assert own.read_text() == MAP


@pytest.mark.parametrize("alive", [False, True])
def test_an_interface_that_the_site_calls_a_tunnel_has_no_link_and_a_daemon_speaks_by_it_for_the_node(
    tmp_path: Path, alive: bool
) -> None:
    """Which physical interface an exchange leaves by is not known then: who registers on eth0 was accused of V3."""
    site, charon, node = (tmp_path / name for name in ("site.toml", "charon.log", "node.log"))
    site.write_text('[site]\nxha = "198.51.100.2"\nxhoa = "198.51.100.77"\nvpn = "192.0.2.1"\ntunnels = ["xmip"]\n')
    charon.write_text(
        "2025-11-03T09:00:01.0Z 10[KNL] 198.51.100.77 appeared on xmip\n"
        "2025-11-03T09:00:02.0Z 07[IKE] <x|1> initiating IKE_SA x[1] to 192.0.2.1\n"
        "2025-11-03T09:00:02.1Z 07[NET] <x|1> sending packet: from 198.51.100.77[500] to 192.0.2.1[500] (272 bytes)\n"
        "2025-11-03T09:00:03.0Z 10[KNL] interface xmip deactivated\n"
    )
    node.write_text(
        "mipcheck-trace 1\nsource sees=rrq,rrp\nsite boot=true\n2025-11-03T09:00:00Z eth0 rrq to=xha path=direct"
        " coa=203.0.113.5 flags=DT lifetime=600 id=0x1\n2025-11-03T09:00:00.1Z eth0 rrp from=xha path=direct code=0"
        " lifetime=600 id=0x1 auth=ok\n"
    )
    if alive:
        tails = [Pieces(str(path), [path.read_bytes()]) for path in (node, charon)]
        report, _ = followed(tails, config=site)
    else:
        report = check([node, charon], config=site)
    assert report.inputs[1].events == 1
    assert report.violations == ()
    assert {r.id: r.status for r in report.rules}["V4"] == "held"


def test_a_link_of_which_no_line_tells_whose_it_is_may_be_that_of_any_interface(tmp_path: Path) -> None:
    """The node's direct registration may have been voided by it, so that what follows is not known to be right."""
    events, node = tmp_path / "events.txt", tmp_path / "node.log"
    events.write_text(
        "2025-11-03 09:00:00.300\t10001\tNetworkProfile\tdown\n2025-11-03 09:00:00.400\t10000\tNetworkProfile\tup\n"
    )
    node.write_text(
        "mipcheck-trace 1\nsource sees=rrq,rrp,data,coa\nsite iha=10.1.0.2 xha=198.51.100.2 boot=true\n"
        "2025-11-03T09:00:00Z eth0 coa kind=colocated addr=10.1.7.20\n2025-11-03T09:00:00.1Z eth0 rrq to=iha"
        " path=direct coa=10.1.7.20 flags=DT lifetime=600 id=0x1\n2025-11-03T09:00:00.2Z eth0 rrp from=iha"
        " path=direct code=0 lifetime=600 id=0x1 auth=ok\n2025-11-03T09:00:00.5Z eth0 data dir=out protection=none"
        " stack=ip/ip\n"
    )
    statuses = []
    for more in ("", ",interface=wlan0", ",interface=eth0"):
        report = check([node, events], maps=[f"events.txt=windows,zone=UTC{more}"])
        statuses.append({r.id: r.status for r in report.rules}["D1"])
        assert any("2 times a gap instead of an event" in n for n in report.notes) is (not more)
        assert any("link without its interface" in n or "interface=…" in n for n in report.notes) is (not more)
    assert statuses == ["inconclusive", "held", "violated"]


def test_a_key_exchange_without_its_interface_is_said(tmp_path: Path) -> None:
    """Beside another input's interfaces, what it would have shown of one of them is unknown."""
    own, other = tmp_path / "own.log", tmp_path / "charon.log"
    own.write_text("mipcheck-trace 1\n2025-11-03T09:14:00Z wlan0 link state=up\n")
    other.write_text(
        "2025-11-03T09:14:02Z h charon: 1[IKE] IKE_SA x[1] established between 198.51.100.100[a]...192.0.2.1[b]\n"
    )
    said = "no line tells through which interface (--map charon,interface=… says it)"
    assert any(said in note for note in check([own, other], maps=[f"{other}=charon"]).notes)
    assert not any(said in note for note in check([own, other], maps=[f"{other}=charon,interface=wlan0"]).notes)
