"""Whatever carries the lines of a program, and however they are stamped, they come to the same events."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest
from mipcheck.checker.console.errors import InputError
from mipcheck.checker.maps.library import use_of
from mipcheck.checker.maps.read import LogReading, read_mapped
from mipcheck.checker.maps.stamps import StampError, read_stamp
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.model.specification.load import load

WORDS = vocabulary_of(load("draft-01"))
DUE = 1762157642 * 10**9  # 2025-11-03T08:14:02Z

CARRIED = {
    "RFC 5424": "<30>1 2025-11-03T09:14:02.25+01:00 laptop systemd-networkd 647 - - {}",
    "RFC 5424 with data": '<30>1 2025-11-03T08:14:02.25Z h systemd-networkd - ID [a@1 b="x\\]y"][c] \ufeff{}',
    "RFC 5424 as a stream": "99 <30>1 2025-11-03T08:14:02.25Z h systemd-networkd 647 - - {}",
    "RFC 3164 with its priority": "<30>Nov  3 08:14:02.25 laptop systemd-networkd[647]: {}",
    "busybox": "Nov  3 08:14:02.25 dev daemon.info systemd-networkd[647]: {}",
    "OpenWrt": "Mon Nov  3 08:14:02.25 2025 daemon.info systemd-networkd: {}",
    "short-full": "Mon 2025-11-03 09:14:02.25 CET laptop systemd-networkd[647]: {}",
    "with-unit": "Mon 2025-11-03 08:14:02.25 UTC laptop systemd-networkd.service[647]: {}",
    "--no-hostname": "Nov  3 08:14:02.25 systemd-networkd[647]: {}",
    "short-unix": "1762157642.250000 laptop systemd-networkd[647]: {}",
    "colours": "2025-11-03T08:14:02.25Z laptop systemd-networkd[647]: \x1b[0;1;39m{}\x1b[0m",
    "links": "2025-11-03T08:14:02.25Z laptop systemd-networkd[647]: {} \x1b]8;;https://example.org\x07\x1b]8;;\x07",
    "German": "Nov 03 08:14:02.25 laptop systemd-networkd[647]: {}",
    "French": "nov. 03 08:14:02.25 laptop systemd-networkd[647]: {}",
    "Finnish": "marras 03 08:14:02.25 laptop systemd-networkd[647]: {}",
    "Russian": "ноя 03 08:14:02.25 laptop systemd-networkd[647]: {}",
    "Chinese": "11月 03 08:14:02.25 laptop systemd-networkd[647]: {}",
    "kubernetes": "2025-11-03T08:14:02.25Z stdout F systemd-networkd[647]: {}",
    "docker's file": '{{"log":"systemd-networkd[647]: {}\\n","stream":"stderr","time":"2025-11-03T08:14:02.25Z"}}',
    "docker compose": "net-1  | 2025-11-03T08:14:02.25Z systemd-networkd[647]: {}",
    "kubectl": "[pod/net-0/networkd] 2025-11-03T08:14:02.25Z systemd-networkd[647]: {}",
    "short-iso": "2025-11-03T09:14:02.25+0100 laptop systemd-networkd[647]: {}",
}


def told(log: str, use: str) -> list[tuple[int, str, str]]:
    """The events of a log: time in ms, interface, kind."""
    found = read_mapped(io.BytesIO(log.encode()), "x.log", use_of(use), WORDS)
    return [(e.time // 10**6, e.interface, e.kind) for e in found.events]


@pytest.mark.parametrize("form", CARRIED)
def test_what_a_program_says_is_read_whatever_carries_it(form: str) -> None:
    line = CARRIED[form]
    log = f"{line}\n{line}\n{line}\n".format("eth0: Gained carrier", "eth0: unheard of", "eth0: Lost carrier")
    ms = DUE // 10**6 + 250
    found = read_mapped(io.BytesIO(log.encode()), "x.log", use_of("networkd,year=2025,zone=UTC"), WORDS)
    assert [(e.time // 10**6, e.args["state"], e.at.line) for e in found.events] == [(ms, "up", 1), (ms, "down", 3)]
    assert "3 records, 2 known to it, 1 that nothing in it matches" in found.notes[0]


def test_a_line_that_goes_on_in_the_next_one() -> None:
    log = "{0} P systemd-networkd: eth0: Gai\n{0} F ned carrier\n{0} P systemd-networkd: eth0: Lost carrier\n"
    assert told(log.format("2025-11-03T08:14:02Z stdout"), "networkd") == [
        (DUE // 10**6, "eth0", "link"),
        (DUE // 10**6, "eth0", "link"),
    ]


def test_time_since_boot_is_relative_and_right_of_what_pads_it() -> None:
    log = "[   14.812345] h systemd-networkd[6]: eth0: Gained carrier\n[12345.5] systemd-networkd: eth0: Lost carrier"
    found = read_mapped(io.BytesIO(log.encode()), "x.log", use_of("networkd"), WORDS)
    assert not found.absolute
    assert [e.time for e in found.events] == [14_812_345_000, 12_345_500_000_000]


@pytest.mark.parametrize(
    ("form", "since", "message"),
    [("%b %d %T", "boot", "counts since boot"), ("%b %d {?%T", None, "no end"), ("%s", "soon", "is no day")],
)
def test_forms_of_stamps_that_are_none(form: str, since: str | None, message: str) -> None:
    with pytest.raises(StampError, match=message):
        read_stamp(form, since)


OWN = """map own "own"
program prog
stamp "%s.%f: " own
stamp "iso" after "time=\\""
stamp "{?%N: }{?*}%b %d %Y %T{?.%f}{? %Z}: "
head "{:word} {:int}: " stamped
table letter { "1" = D "0" = "" }
table other { "1" = T "0" = "" }
line "{if:word} up" "time={..} {if:word} up" { event {if} link state=up }
line "ask {l:word} {l2:word} {a:int} {b:int}" {
  event eth0 rrq to=iha path=direct coa=10.1.7.2 flags=capitals(letter({a}), other({b})) lifetime=seconds({l}, {l2})
}
ignore "=== {..}"
"""


def test_stamps_of_ones_own_in_the_line_with_parts_that_may_be_missing_and_after_a_server_s(tmp_path: Path) -> None:
    (tmp_path / "own.map").write_text(OWN)
    use = f"{tmp_path}/own.map,year=2025,zone=UTC"
    ms = DUE // 10**6
    for line, fine in {
        "1762157642.250000: wlan0 up": 250,
        'time="2025-11-03T08:14:02.25Z" wlan0 up': 250,
        "000123: *Nov  3 2025 08:14:02.250: wlan0 up": 250,
        "Nov  3 2025 09:14:02 CET: wlan0 up": 0,
        "Nov  3 10:00:00 router 48: Nov  3 2025 08:14:02.250 UTC: wlan0 up": 250,
    }.items():
        assert told(f"=== begins\n{line}\n", use) == [(ms + fine, "wlan0", "link")], line


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("600 s", 600),
        ("5 min", 300),
        ("00:10: 00", 600),
        ("1d 00:00:01", 86401),
        ("1h 30m", 5400),
        ("x y", None),
        ("5 years", None),
    ],
)
def test_durations_and_letters_of_several_fields(tmp_path: Path, words: str, seconds: int | None) -> None:
    (tmp_path / "own.map").write_text(OWN)
    log = f"1762157642.25: ask {words} 1 1\n"
    (event,) = read_mapped(io.BytesIO(log.encode()), "x", use_of(f"{tmp_path}/own.map"), WORDS).events
    assert event.args.get("lifetime") == seconds
    assert event.args["flags"] == frozenset({"D", "T"})


def test_a_line_without_a_time_may_be_ignored_and_what_one_would_tell_is_said_to_be_missed() -> None:
    found = read_mapped(
        io.BytesIO(b"--------- beginning\n11-03 08:14:02.250  1  2 I charon  : 5[KNL] interface eth0 activated\n"
                   b"interface wlan0 deactivated\n"), "x", use_of("android,year=2025,zone=UTC"), WORDS)  # fmt: skip
    assert "1 known to it, 1 ignored, 1 that nothing in it matches" in found.notes[0]
    assert "(it has no time)" in found.notes[1]


def test_local_time_without_a_zone_is_said_to_be_taken_for_utc_also_in_the_form_of_rfc_3339() -> None:
    notes = [
        read_mapped(io.BytesIO(line.encode()), "x", use_of("networkd"), WORDS, latest=time.time_ns()).notes
        for line in (f"2025-11-03 08:14:02{z} h systemd-networkd: eth0: Gained carrier\n" for z in ("", "Z"))
    ]
    assert [any("no zone" in n for n in found) for found in notes] == [True, False]


# --- Windows' events as XML ---------------------------------------------------------------------------------------


def event(number: int, data: str, at: str = "2025-11-03T08:14:02.25Z") -> str:
    return (
        f"<Event xmlns='x'><System><Provider Name=\"RasClient\"/><EventID Qualifiers='0'>{number}</EventID>"
        f"<TimeCreated SystemTime='{at}'/></System><EventData>{data}</EventData></Event>"
    )


DIAL = event(20221, "<Data>{7B0F}</Data><Data>a &amp; b</Data>\n<Data>\nX = IKEv2</Data>")
GATE = event(20222, "<Data>{7B0F}</Data><Data>S\naddress = 192.0.2.1\nY</Data>")
RENDERED = event(20221, "").replace(
    "</Event>", "<RenderingInfo><Message>CoId={7B0F}: dials\nX</Message></RenderingInfo></Event>"
)


@pytest.mark.parametrize(
    "text",
    [
        DIAL + "\n" + GATE + "\n",
        '<?xml version="1.0"?>\n<Events>' + DIAL + GATE + "</Events>\n",
        "\ufeff<Events>\n" + RENDERED + "\n" + GATE + "\n</Events>",
    ],
)
def test_events_in_xml_are_read_however_they_are_broken_into_lines(text: str) -> None:
    assert told(text, "windows,interface=e,src=10.0.0.2") == [(DUE // 10**6 + 250, "e", "ike")]


TABLE = "Level,Date and Time,Source,Event ID,Task Category\n"
ROW = 'Information,2025-11-03 08:14:02,RasClient,20221,None,"CoId={7B0F}: ""dials""\nVpnStrategy = IKEv2"\n'
BLOCK = (
    "Event[0]\n  Source: RasClient\n  Date: 2025-11-03T08:14:02.000Z\n  Event ID: 20221\n"
    "  Description: \nCoId={7B0F}: a\n\n"
)


@pytest.mark.parametrize(
    "text",
    [
        TABLE + ROW,
        (TABLE + ROW.replace('""', "")).replace(",", "\t"),
        "\ufeff" + TABLE + ROW,
        BLOCK,
        BLOCK.replace("[0]", "[7]:"),
    ],
    ids=["commas", "tabs", "a mark", "text", "later"],
)
def test_events_are_read_as_viewers_and_wevtutil_write_them(text: str) -> None:
    assert told(text, "windows,interface=e,src=10.0.0.2,gateway=192.0.2.1,zone=UTC") == [(DUE // 10**6, "e", "ike")]


@pytest.mark.slow
def test_hostile_tables_and_text_are_no_hang_and_no_crash() -> None:
    began = time.process_time()
    for text in (TABLE + ROW[:-2] + "\n" * 60_000 + ROW, TABLE + '"' * 60_000, TABLE + "x\0" * 9000 + "\n" + ROW,
                 "Event[0]\n" * 50_000, "Event[1]\n  Description:\n" + "x\n" * 50_000,
                 TABLE + ROW.replace("I", '"I', 1)):  # fmt: skip
        reading = LogReading(use_of("windows,zone=UTC"), "x", 0)
        try:
            assert all(len(record.text) < 70_000 for record in reading.records(io.BytesIO(text.encode())))
        except InputError as error:
            assert "no line begins with a time" in str(error)
    assert time.process_time() - began < 8


@pytest.mark.slow
def test_hostile_xml_is_no_hang_and_no_crash() -> None:
    began = time.process_time()
    for text in ("<Event " + "<Provider " * 6000, "<Event <Data " * 5000 + "</Event>", DIAL[:-9] + "\n" * 50_000 + GATE,
                 "<Event \n" * 50_000 + "</Event>"):  # fmt: skip
        reading = LogReading(use_of("windows"), "x", 0)
        try:
            assert sum(1 for _ in reading.records(io.BytesIO(text.encode()))) <= 3
        except InputError as error:
            assert "no line begins with a time" in str(error)
    assert time.process_time() - began < 5


def test_events_that_stand_in_one_line_that_is_too_long_are_refused_with_what_to_do() -> None:
    text = "<Events>" + DIAL.replace("\n", "") * 300 + "</Events>"
    with pytest.raises(InputError, match="wevtutil"):
        told(text, "windows,interface=e")
