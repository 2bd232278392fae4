"""Logs, in text and in JSON Lines: what is read, what is written, and what is said about what cannot be read."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mipcheck.checker.console.errors import LIMIT, InputError, Problem, excerpt
from mipcheck.checker.logs import jsonl, lines, parts
from mipcheck.checker.logs.jsonl import read_jsonl, write_jsonl
from mipcheck.checker.logs.lines import Log
from mipcheck.checker.logs.text import read_log, write_log
from mipcheck.checker.site.site import Site
from mipcheck.checker.trace.vocabulary import Vocabulary
from mipcheck.model.specification.spec import EventType, Key
from mipcheck.model.values.event import Event, Position
from mipcheck.model.values.types import ADDRESS, BOOL, ID, INT, INTERFACE, TEXT, TIME, Type, Value


def declared(name: str, keys: tuple[Key, ...]) -> EventType:
    return EventType(name, keys, "node", frozenset({"log"}))


AGENT = Type("agent", ("iha", "xha"))
PATH = Type("path", ("direct", "vpn"))
FLAGS = Type("set of flag", tuple("SBDMGrT"))
VENDOR = Type("set of vendor", ("vpn-fa", "endpoint-update"))


def vocabulary_of(events: list[EventType], parameters: Mapping[str, Type], capabilities: set[str]) -> Vocabulary:
    return Vocabulary({e.name: e for e in events}, parameters, capabilities)


WORDS = vocabulary_of(
    [
        declared("link", (Key("state", Type("updown", ("up", "down"))),)),
        declared("solicit", ()),
        declared(
            "rrq",
            (
                Key("to", AGENT),
                Key("path", PATH),
                Key("coa", ADDRESS),
                Key("flags", FLAGS),
                Key("lifetime", INT),
                Key("id", ID),
                Key("home", ADDRESS, True),
                Key("via", ADDRESS, True),
            ),
        ),
        declared("ike", (Key("phase", Type("phase", ("start", "established"))), Key("vendor", VENDOR, True))),
        declared("gap", (Key("reason", TEXT, True), Key("lost", TIME, True), Key("sure", BOOL, True))),
        declared("tnc", (Key("tnc", Type("yesno", ("yes", "no"))),)),
    ],
    {"t_reregister": TIME, "n_retransmit": INT},
    {"vpn-fa", "endpoint-update"},
)

HEADER = "mipcheck-trace 1\n"
RRQ = "rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=60 id=0xd0c1"


def read(text: str | bytes, keep_going: bool = False) -> Log:
    data = text.encode() if isinstance(text, str) else text
    return read_log(io.BytesIO(data), "trace.log", WORDS, keep_going)


def read_json(text: str | bytes, keep_going: bool = False) -> Log:
    data = text.encode() if isinstance(text, str) else text
    return read_jsonl(io.BytesIO(data), "trace.jsonl", WORDS, keep_going)


def problems(text: str | bytes, reader: Callable[[str | bytes], Log] = read) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        reader(text)
    assert str(caught.value).isascii() or all(line.isprintable() for line in str(caught.value).split("\n"))
    return caught.value.problems


def problem(text: str | bytes, reader: Callable[[str | bytes], Log] = read) -> Problem:
    found = problems(text, reader)
    assert len(found) == 1, list(map(str, found))
    return found[0]


def place(found: Problem) -> tuple[int | None, int | None]:
    return found.at.line, found.at.column


def bare(events: list[Event]) -> list[Event]:
    return [replace(e, at=Position("-")) for e in events]


# ---- What is read ----


def test_a_log_with_everything() -> None:
    found = read(
        "mipcheck-trace 1  # by hand\n"
        "# a comment\n"
        "site iha=10.1.0.2 t_reregister=3s\n"
        "\n"
        "\t \n"
        "site fa=10.1.7.1,10.1.7.2 boot=true   # more\n"
        f"0.113 eth0 {RRQ}\n"
        f"0.113200\teth0  {RRQ} via=10.1.7.1 # again\n"
        '  12 - gap reason="two words # \\" \\\\ \\x1b \\u202e \\U0001f4a9"  \n'
        "12.000000001 - gap reason=a#b=c\n"
        "13 - solicit#"[:-1]
    )
    assert [e.time for e in found.events] == [113000000, 113200000, 12 * 10**9, 12 * 10**9 + 1, 13 * 10**9]
    assert found.events[0].args == {
        "to": "iha",
        "path": "direct",
        "coa": 0x0A010714,
        "flags": frozenset("DT"),
        "lifetime": 60,
        "id": 0xD0C1,
    }
    assert found.events[0].at == Position("trace.log", 7)
    assert found.events[2].args == {"reason": 'two words # " \\ \x1b \u202e \U0001f4a9'}
    assert found.events[3].args == {"reason": "a#b=c"}
    assert found.site.boot and found.site.fa == (0x0A010701, 0x0A010702)
    assert found.site.parameters == {"t_reregister": "3s"}
    assert found.given == {"iha", "t_reregister", "fa", "boot"}
    assert (found.lines, found.skipped, found.problems, found.absolute) == (11, 0, [], False)


def test_absolute_times() -> None:
    found = read(
        HEADER
        + "2026-11-23T03:56:02.054271697+01:00 e solicit\n"
        + "2026-11-23T02:56:02.054271697Z e solicit\n"
        + "2026-11-22t21:56:03-05:00 e solicit\n"
        + "2026-12-31T23:59:60Z e solicit\n"
    )
    assert [e.time for e in found.events] == [
        1795402562054271697,
        1795402562054271697,
        1795402563000000000,
        1798761600000000000,
    ]
    assert found.absolute


@pytest.mark.parametrize(
    "word",
    [
        "2026-13-23T02:56:02Z",
        "2026-11-23T25:56:02Z",
        "2026-11-23T02:56:02+24:00",
        "1969-12-31T23:59:59Z",
        "9999-12-31T23:59:59Z",
        "2026-11-23T02:56:60Z",
        "2026-11-23T02:56:02",
        "9999999999",
        "99999999999",
        "0.1234567890",
        "-1",
        "1.",
        ".5",
        "1e3",
        "٣.5",
        "1.٣",
        "１",
    ],
)
def test_what_is_no_time(word: str) -> None:
    found = problem(f"{HEADER}{word} e solicit\n")
    assert place(found) == (2, 1)
    assert "is no time" in found.message or "cannot begin a line" in found.message
    assert found.hint


def test_crlf_and_byte_order_mark() -> None:
    text = HEADER + "site iha=10.1.0.2\n0.1 eth0 link state=up\n0.2 eth0 gap reason=x # c\n"
    found = read(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert found == read(text)


def test_an_interface_with_a_space() -> None:
    found = read(HEADER + '0.1 "Wi-Fi 2" link state=up\n')
    assert found.events[0].interface == "Wi-Fi 2"
    assert '"Wi-Fi 2"' in write_log(found.events, found.site, WORDS)


def test_last_line_without_its_ending() -> None:
    assert len(read(HEADER + "0.1 eth0 link state=up").events) == 1


# ---- What is said about what cannot be read ----


def test_empty_file() -> None:
    found = problem("")
    assert "empty" in found.message and HEADER.strip() in found.hint


@pytest.mark.parametrize(
    "text", ["0.1 eth0 link state=up\n", "mipcheck-trace\n", "hello\n", "site iha=1.2.3.4", "\x00\x01"]
)
def test_no_header(text: str) -> None:
    found = problem(text)
    assert place(found) == (1, 1) and "header" in found.message and HEADER.strip() in found.hint


def test_nothing_but_comments() -> None:
    assert HEADER.strip() in problem("# nothing\n\n").hint


def test_header_of_a_later_version() -> None:
    found = problem("mipcheck-trace 2\nwhatever\n")
    assert place(found) == (1, 16) and '"2"' in found.message and "knows version 1" in found.hint
    with pytest.raises(InputError):
        read("mipcheck-trace 2\n", keep_going=True)


def test_second_header() -> None:
    assert "second header" in problem(HEADER * 2).message


def test_a_misspelt_key_is_not_taken_for_one_that_is_there() -> None:
    """The hint names no key that the line has already, and the one that it has is there once."""
    line = RRQ.replace("path", "pathh=direct path").replace("lifetime", "lifetme")
    first, second = problems(HEADER + f"0.113 eth0 {line}\n")
    assert 'unknown key "pathh"' in first.message and "did you mean" not in (first.hint or "")
    assert 'unknown key "lifetme"' in second.message and 'did you mean "lifetime"?' in (second.hint or "")


def test_misspelt_key() -> None:
    found = problem(HEADER + "0.113 eth0 " + RRQ.replace("path", "pth") + "\n")
    assert str(found) == (
        'trace.log:2:23: unknown key "pth" of event rrq\n'
        "    0.113 eth0 rrq to=iha pth=direct coa=10.1.7.20 flags=DT lifetime=60 id=0xd0c1\n"
        '                          ^^^ did you mean "path"? keys of rrq: to path coa flags lifetime id [home] [via]'
    )


def test_unknown_event() -> None:
    found = problem(HEADER + "0.1 eth0 lnk state=up\n")
    assert place(found) == (2, 10) and 'did you mean "link"' in found.hint and "rrq" in found.hint


def test_missing_and_duplicate_keys() -> None:
    first, second = problems(HEADER + "0.1 eth0 link\n0.1 eth0 link state=up state=up\n")
    assert "lacks key state" in first.message
    assert place(second) == (3, 24) and "twice" in second.message


@pytest.mark.parametrize(
    ("value", "column", "hint"),
    [
        ("path=dierct", 28, 'did you mean "direct"'),
        ("coa=10.1.7", 39, "an IPv4 address"),
        ("coa=10.1.7.٣", 39, "an IPv4 address"),
        ("flags=DX", 55, "letters among SBDMGrT"),
        ("lifetime=" + "9" * 5000, 67, "a whole number"),
        ("lifetime=٣", 67, "a whole number"),
        ("lifetime=1_0", 67, "a whole number"),
        ("id=99999999999999999999", 73, "64 bits"),
        ('to="iha"', 19, "without quotation marks"),
    ],
)
def test_bad_values(value: str, column: int, hint: str) -> None:
    key = value.partition("=")[0]
    line = " ".join(value if word.startswith(key + "=") else word for word in ("0.113 eth0 " + RRQ).split())
    found = problem(f"{HEADER}{line}\n")
    assert found.at.column == line.index(value) + len(key) + 2
    assert hint in found.hint
    assert len(found.message) < 200 and len(found.excerpt) < 130


@pytest.mark.parametrize("value", ["٣s", "3 fortnights", "-3s", "9" * 60000 + "s", "9999999999h"])
def test_bad_durations(value: str) -> None:
    quoted = f'"{value}"' if " " in value else value
    assert "duration" in problem(f"{HEADER}site t_reregister={quoted}\n").hint


@pytest.mark.parametrize(
    ("line", "column", "said"),
    [
        ("0.1", 4, "an interface"),
        ("0.1 # eth0", 4, "an interface"),
        ("0.1 eth0", 9, "an event"),
        ("0.1 link state=up", 10, "TIME INTERFACE EVENT"),
        ("0.1 eth0 link state", 15, "key=value"),
        ("0.1 eth0 link state=", 21, "a value"),
        ("0.1 eth0 link state= up", 22, "a value"),
        ("0.1 eth0 link =up", 15, "key=value"),
        ("0.1 eth0 gap reason=a\x00b", 22, "\\x00"),
        ("0.1 eth0 gap\xa0reason=a", 13, "\\xa0"),
        ('0.1 eth0 gap reason="a', 21, 'another "'),
        ('0.1 eth0 gap reason="a\\q"', 23, "escapes are"),
        ('0.1 eth0 gap reason="a\\x1"', 23, "escapes are"),
        ('0.1 eth0 gap reason="a\tb"', 23, "\\x09"),
        ('0.1 eth0 gap reason="a"b', 24, "a space"),
        ('0.1 eth0 gap reason="a"#b', 24, "a space"),
        ('0.1 eth0 gap reason=a"b', 22, "a space"),
        ("stie iha=1.2.3.4", 1, 'did you mean "site"'),
        ("site iha", 6, "key=value"),
        ("site rol=mn", 6, 'did you mean "role"'),
        ("site role=nm", 11, 'did you mean "mn"'),
        ("site t_regster=3s", 6, 'did you mean "t_reregister"'),
        ("site capabilities=vpn-f", 19, 'did you mean "vpn-fa"'),
        ("site internal=10.1.0.0/8", 15, 'did you mean "10.0.0.0/8"'),
        ("site boot=yes", 11, "true or false"),
        ("site iha=1.2.3.4 iha=1.2.3.5", 18, "1.2.3.4"),
    ],
)
def test_bad_lines(line: str, column: int, said: str) -> None:
    found = problem(f"{HEADER}# fine\n{line}\n")
    assert place(found) == (3, column), str(found)
    assert said in str(found)


def test_site_lines_add_up() -> None:
    found = read(HEADER + "site iha=10.1.0.2\nsite iha=10.1.0.2 xha=1.2.3.4\n")
    assert found.site.addresses == {"iha": 0x0A010002, "xha": 0x01020304}
    clash = problem(HEADER + "site iha=10.1.0.2\nsite iha=10.1.0.3\n")
    assert place(clash) == (3, 6) and "another value" in clash.message and "line 2" in clash.hint


def test_site_after_an_event() -> None:
    found = problem(HEADER + "0.1 eth0 solicit\nsite iha=10.1.0.2\n")
    assert place(found) == (3, 1) and "after the first event" in found.message


def test_time_runs_backwards() -> None:
    found = problem(HEADER + "0.5 e solicit\n0.5 e solicit\n0.4 e solicit\n0.45 e solicit\n")
    assert place(found) == (4, 1) and '"0.4"' in found.message and '"0.5"' in found.message


def test_mixed_times() -> None:
    found = problem(HEADER + "0.5 e solicit\n2026-11-23T02:56:02Z e solicit\n2026-11-23T02:56:02Z e solicit\n")
    assert place(found) == (3, 1) and "line 2" in found.hint


def test_terminal_escapes_are_shown_not_sent() -> None:
    for text in (HEADER + "0.1 eth0 \x1b[31mlink\n", HEADER + "0.1 eth0 gap raeson=\u202e\n", "\x1b]0;title\x07\n"):
        with pytest.raises(InputError) as caught:
            read(text)
        assert "\x1b" not in str(caught.value) and "\u202e" not in str(caught.value)
        assert "\\x1b" in str(caught.value) or "\\u202e" in str(caught.value)


def test_file_name_is_escaped_too() -> None:
    with pytest.raises(InputError) as caught:
        read_log(io.BytesIO(b""), "a\x1b[31m.log", WORDS)
    assert "a\\x1b[31m.log" in str(caught.value)


@pytest.mark.parametrize(
    "line", ["0.1 eth0 link sta", "0.1 eth0 link", "0.1 eth", f"0.1 eth0 {RRQ[:-10]}", "0.1 e \xff"]
)
def test_truncated_last_line(line: str) -> None:
    found = problem((HEADER + "0.1 eth0 solicit\n").encode() + line.encode())
    assert found.at.line == 3 and "the file ends in the middle of a line" in found.message


def test_truncated_in_a_character() -> None:
    found = problem(HEADER.encode() + "0.1 e gap reason=ü".encode()[:-1])
    assert "ends in the middle of a line" in found.message and "invalid UTF-8" in found.message


def test_invalid_utf8() -> None:
    found = problem(HEADER.encode() + "# ü".encode() + b" \xff comments too\n")
    assert place(found) == (2, 5) and "# ü \\xff comments too" in str(found) and "iconv -f ISO-8859-1" in found.hint
    first, second = problems(HEADER.encode() + b"0.1 eth0 gap\xfe\n0.1 \xc0 gap\n")
    assert place(first) == (2, 13) and "0xfe" in first.message and "offset 29" in first.message
    assert place(second) == (3, 5) and "offset 35" in second.message


def test_binary_file() -> None:
    assert "header" in str(problem(bytes.fromhex("0a0d0d0a6c0000004d3c2b1a") + bytes(range(256))))
    assert "UTF-16" in problem((HEADER * 2).encode("utf-16")).hint


@pytest.mark.parametrize("head", [HEADER, ""])
@pytest.mark.parametrize("fill", [b"x", b"\x00", "ü".encode(), b"\xff", b" "])
def test_an_endless_line(head: str, fill: bytes) -> None:
    data = head.encode() + b"0.1 eth0 gap reason=" + fill * (10_000_000 // len(fill)) + b"\n0.2 eth0 lnk\n"
    start = time.perf_counter()
    with pytest.raises(InputError) as caught:
        read(data)
    assert time.perf_counter() - start < 1
    first = caught.value.problems[0]
    assert first.at.line == (2 if head else 1) and first.at.column == 65537 and "65536" in first.message
    assert len(str(caught.value)) < 600
    assert len(caught.value.problems) == (2 if head else 1)


@pytest.mark.parametrize("ending", ["\n", "\r\n", ""])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_lines_of_exactly_the_limit(ending: str, mark: bytes) -> None:
    comment = "#" + "x" * (parts.LINE_LIMIT - 1) + ending
    assert read(mark + (comment + (ending or "\n") + HEADER).encode()).lines == (3 if ending else 2)
    assert read(HEADER + comment).lines == 2
    assert problem(HEADER + "#" + comment).at.column == parts.LINE_LIMIT + 1
    assert problem(mark + ("#" + comment).encode()).at.column == parts.LINE_LIMIT + 1


def test_at_most_twenty_problems() -> None:
    with pytest.raises(InputError) as caught:
        read(HEADER + "0.1 eth0 lnk\n" * 50)
    assert len(caught.value.problems) == LIMIT and caught.value.more
    assert str(caught.value).endswith("… and more")
    assert len(problems(HEADER + "0.1 eth0 lnk\n" * LIMIT)) == LIMIT


def test_keep_going() -> None:
    found = read(
        HEADER
        + "site iha=nowhere\n"
        + "2026-11-23T02:56:02Z eth0 lnk state=up\n"
        + "0.1 eth0 link state=up\n"
        + "0.05 eth0 link state=down\n"
        + "0.1 eth0 link state=sideways also=this\n"
        + "2026-11-23T02:56:02Z eth0 link state=up\n"
        + "0.2 eth0 link state=down\n"
        + "0.3 eth0 li",
        keep_going=True,
    )
    assert [e.time for e in found.events] == [10**8, 2 * 10**8]
    assert (found.lines, found.skipped) == (9, 6)
    assert [p.at.line for p in found.problems] == [2, 3, 5, 6, 6, 7, 9]
    assert found.site == Site() and not found.absolute
    many = read(HEADER + "0.1 eth0 lnk\n" * 3000, keep_going=True)
    assert many.skipped == 3000 and len(many.problems) == lines.REMEMBERED


def test_keep_going_needs_a_header() -> None:
    with pytest.raises(InputError):
        read("0.1 eth0 link state=up\n", keep_going=True)


def test_excerpts_stay_short_and_carets_stay_under_the_place() -> None:
    for at in (0, 1, 59, 60, 150, 299, 300):
        shown, marks = excerpt("a" * at + "X" + "b" * (300 - at), at, 1)
        assert len(shown) <= 122 and shown[marks.index("^")] == "X"
    shown, marks = excerpt("\x1b\x1b界X", 3, 1)
    assert shown == "\\x1b\\x1b界X" and marks == " " * 10 + "^"


# ---- JSON Lines ----

JSON_HEADER = (
    '{"mipcheck-trace": 1, "site": {"iha": "10.1.0.2", "fa": ["10.1.7.1"], "boot": true, "t_reregister": "3s"}}\n'
)


def test_a_json_log() -> None:
    found = read_json(
        JSON_HEADER + "\n"
        '{"time": 0.113000001, "interface": "eth0", "event": "rrq", "to": "iha", "path": "direct", "coa": "10.1.7.20",'
        ' "flags": ["D", "T"], "lifetime": 60, "id": 53441, "home": null}\n'
        '{"time": "0.1132", "interface": "eth0", "event": "gap", "reason": "a\\u001b", "lost": 1.5, "sure": true}\r\n'
        '{"time": 2e2, "interface": "-", "event": "tnc", "tnc": true}\n'
        '{"time": 201, "interface": "-", "event": "ike", "phase": "start", "vendor": []}'
    )
    assert [e.time for e in found.events] == [113000001, 113200000, 200 * 10**9, 201 * 10**9]
    assert found.events[0].args["flags"] == frozenset("DT") and found.events[0].args["id"] == 0xD0C1
    assert found.events[1].args == {"reason": "a\x1b", "lost": 1_500_000_000, "sure": True}
    assert found.events[2].args == {"tnc": "yes"} and found.events[3].args["vendor"] == frozenset()
    assert found.site.parameters == {"t_reregister": "3s"} and found.site.boot


def test_a_json_logs_site_may_stand_in_lines_of_its_own() -> None:
    event = '{"time": 1, "interface": "e", "event": "solicit"}\n'
    lines = '{"mipcheck-trace": 1}\n{"site": {"iha": "10.1.0.2", "boot": true}}\n{"site": {"fa": ["10.1.7.1"]}}\n'
    found = read_json(lines + event)
    assert found.site.boot and len(found.site.fa) == 1 and found.site.addresses["iha"]
    wrong = problem(lines.replace("iha", "iah") + event, read_json)
    assert place(wrong) == (2, 12) and 'did you mean "iha"' in wrong.hint
    assert "site lines come before all events" in problem(lines + event + '{"site": {"boot": true}}\n', read_json).hint
    assert "no JSON object" in problem('{"mipcheck-trace": 1}\n{"site": 5}\n', read_json).message
    assert "unknown key" in problem('{"mipcheck-trace": 1}\n{"site": {}, "time": 1}\n', read_json).message


def test_a_json_log_keeps_nanoseconds_since_the_epoch() -> None:
    event = '"interface": "e", "event": "solicit"'
    found = read_json(f'{{"mipcheck-trace": 1}}\n{{"time": 1795402562.054271697, {event}}}\n')
    assert found.events[0].time == 1795402562054271697 and not found.absolute
    found = read_json(f'{{"mipcheck-trace": 1}}\n{{"time": "2026-11-23T02:56:02.054271697Z", {event}}}\n')
    assert found.events[0].time == 1795402562054271697 and found.absolute


@pytest.mark.parametrize("text", ["", "\n", "{}\n", "[]\n", "1\n", "mipcheck-trace 1\n", '{"time": 1}\n', "[" * 60000])
def test_no_json_header(text: str) -> None:
    assert "first line has to be" in problem(text, read_json).hint


def test_json_header_of_a_later_version() -> None:
    assert "knows version 1" in problem('{"mipcheck-trace": 2}', read_json).hint
    assert "unknown version" in problem('{"mipcheck-trace": true}', read_json).message


@pytest.mark.parametrize(
    ("line", "column", "said"),
    [
        ('{"time": 1, "interface": "e", "event": "lnk"}', 41, 'did you mean "link"'),
        ('{"time": 1, "interface": "e", "event": "link", "sate": "up"}', 49, 'did you mean "state"'),
        ('{"time": 1, "interface": "e", "event": "link"}', 41, "lacks key state"),
        ('{"time": 1, "interface": "e", "event": "link", "state": "upp"}', 57, 'did you mean "up"'),
        ('{"time": 1, "interface": "e", "event": "link", "state": {"a": 1}}', 57, "expected up or down"),
        ('{"time": 1, "interface": "e", "event": "link", "state": "up", "state": "up"}', 64, "twice"),
        ('{"time": 1, "interface": "e", "event": "ike", "phase": "start", "vendor": ["vpn-fa", "vpn-fa"]}', 75, "list"),
        ('{"time": 1, "interface": "e", "event": "gap", "reason": 5}', 57, "a word"),
        ('{"time": 1, "interface": "e", "event": "gap", "lost": 1e99999}', 55, "a duration"),
        ('{"time": 1, "interface": "e", "event": "gap", "lost": 1e-99}', 55, "a duration"),
        ('{"time": 1, "interface": 5, "event": "gap"}', 26, "no text"),
        ('{"time": -1, "interface": "e", "event": "gap"}', 10, "not negative"),
        ('{"time": true, "interface": "e", "event": "gap"}', 10, "no time"),
        ('{"time": 0.1234567891, "interface": "e", "event": "gap"}', 10, "nine decimals"),
        ('{"time": "٣", "interface": "e", "event": "gap"}', 11, "no time"),
        ('{"tme": 1, "interface": "e", "event": "gap"}', 1, 'did you mean "time"'),
        ('{"time": NaN, "interface": "e", "event": "gap"}', 1, "out of range"),
        ('{"time": 1e9999999999999999999, "interface": "e", "event": "gap"}', 1, "out of range"),
        ('{"time": ' + "9" * 6000 + ', "interface": "e", "event": "gap"}', 10, "no time"),
        ('{"time": 1, "interface": "e", "event": "gap",}', 46, "no JSON"),
        ('{"time": 1, "interface": "e" "event": "gap"}', 30, "no JSON"),
        ("[" * 60000 + "\n"[:0], 1, "nested too deeply"),
        ("7", 1, "no JSON object"),
    ],
)
def test_bad_json_lines(line: str, column: int, said: str) -> None:
    found = problem(JSON_HEADER + line + "\n", read_json)
    assert place(found) == (2, column), str(found)
    assert said in str(found)


def test_bad_json_site() -> None:
    found = problem('{"mipcheck-trace": 1, "site": {"iah": "10.1.0.2"}}\n', read_json)
    assert place(found) == (1, 33) and 'did you mean "iha"' in found.hint
    found = problem('{"mipcheck-trace": 1, "site": {"iha": ["10.1.0.2"]}}\n', read_json)
    assert place(found) == (1, 39)
    assert "no JSON object" in problem('{"mipcheck-trace": 1, "site": 5}\n', read_json).message
    assert 'did you mean "site"' in problem('{"mipcheck-trace": 1, "sites": {}}\n', read_json).hint


def test_truncated_json_line() -> None:
    found = problem(JSON_HEADER + '{"time": 1, "interface": "e"', read_json)
    assert "the file ends in the middle of a line" in found.message


# ---- Writing and reading back ----

names = st.from_regex(r"[a-z][a-z0-9_-]{0,9}", fullmatch=True)
texts = st.text(st.characters(), max_size=20)
basic = st.sampled_from([BOOL, INT, TIME, ID, ADDRESS, TEXT, INTERFACE])
member_names = st.lists(names, min_size=1, max_size=5, unique=True).map(tuple)
letters = st.lists(st.sampled_from("SBDMGrTxy"), min_size=1, max_size=7, unique=True).map(tuple)
types = st.one_of(
    basic,
    st.builds(Type, st.just("anything"), member_names),
    st.builds(Type, st.just("set of things"), member_names),
    st.builds(Type, st.just("set of letters"), letters),
)


def values(type_: Type) -> st.SearchStrategy[Value]:
    if type_.is_enum:
        return st.sampled_from(type_.members)
    if type_.is_set:
        return st.frozensets(st.sampled_from(type_.members))
    by_name: dict[str, st.SearchStrategy[Value]] = {
        "bool": st.booleans(),
        "int": st.integers(-(10**18) + 1, 10**18 - 1),
        "time": st.integers(0, 2**62 - 1),
        "id": st.integers(0, 2**64 - 1),
        "address": st.integers(0, 2**32 - 1),
    }
    return by_name.get(type_.name, texts)


RESERVED = {"time", "interface", "event"}
keys = st.builds(Key, names.filter(lambda n: n not in RESERVED), types, st.booleans())
declarations = st.builds(declared, names, st.lists(keys, max_size=5, unique_by=lambda k: k.name).map(tuple))
vocabularies = st.builds(
    vocabulary_of,
    st.lists(declarations, min_size=1, max_size=5, unique_by=lambda d: d.name),
    st.dictionaries(names.map("p_".__add__), basic, max_size=3),
    st.sets(names, max_size=3),
)
prefixes = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32))


def parameter_words(type_: Type) -> st.SearchStrategy[str]:
    shown = {"text": texts.filter(bool), "interface": texts.filter(bool)}
    return shown.get(type_.name, values(type_).map(type_.show))


@st.composite
def sites(draw: st.DrawFn, vocabulary: Vocabulary) -> Site:
    from ipaddress import IPv4Network

    address = st.integers(0, 2**32 - 1)
    return Site(
        draw(st.sampled_from(["mn", "vpn", "iha", "xha", "fa"])),
        draw(st.booleans()),
        draw(st.dictionaries(st.sampled_from(["iha", "xha", "vpn", "ihoa", "xhoa"]), address)),
        tuple(draw(st.lists(address, max_size=3))),
        tuple(IPv4Network(p, strict=False) for p in draw(st.lists(prefixes, max_size=3))),
        tuple(draw(st.lists(texts.filter(lambda t: t and "," not in t), max_size=3))),
        frozenset(draw(st.lists(st.sampled_from(sorted(vocabulary.capabilities)))) if vocabulary.capabilities else ()),
        {name: draw(parameter_words(t)) for name, t in vocabulary.parameters.items() if draw(st.booleans())},
    )


@st.composite
def traces(draw: st.DrawFn) -> tuple[list[Event], Site, Vocabulary]:
    vocabulary = draw(vocabularies)
    times = sorted(draw(st.lists(st.integers(0, 2**62 - 1), max_size=6)))
    events = []
    for at in times:
        kind = draw(st.sampled_from(list(vocabulary.events.values())))
        args = {k.name: draw(values(k.type)) for k in kind.keys if not k.optional or draw(st.booleans())}
        events.append(Event(at, draw(texts), kind.name, args))
    return events, draw(sites(vocabulary)), vocabulary


def test_half_a_pair_of_surrogates_is_read_back_and_comments_are_readable() -> None:
    """JSON can escape it, so an interface may be called so; the name of a file in a comment only has to be shown."""
    vocabulary = vocabulary_of([declared("a", ())], {}, set())
    text = write_jsonl([Event(0, "\ud800", "a", {})], Site("mn", tunnels=("\ud801",)), vocabulary, ["\udcff"])
    found = read_jsonl(io.BytesIO(text.encode("utf-8")), "-", vocabulary)
    assert (found.events[0].interface, found.site.tunnels) == ("\ud800", ("\ud801",))
    assert "\\\\xff" in text.splitlines()[0]


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(traces(), st.lists(texts, max_size=2), st.booleans())
def test_write_then_read_is_the_identity(
    trace: tuple[list[Event], Site, Vocabulary], comments: list[str], absolute: bool
) -> None:
    events, site, vocabulary = trace
    for write, reader in ((write_log, read_log), (write_jsonl, read_jsonl)):
        text = write(events, site, vocabulary, comments, absolute=absolute)
        found = reader(io.BytesIO(text.encode("utf-8")), "-", vocabulary)
        assert bare(found.events) == events
        assert found.site == site
        assert found.absolute == (absolute and bool(events))
        assert write(found.events, found.site, vocabulary, comments, absolute=absolute) == text


def test_canonical_text() -> None:
    text = (
        "mipcheck-trace 1\n"
        "# made by hand\n"
        "site role=vpn boot=true iha=10.1.0.2 fa=10.1.7.1,10.1.7.2 internal=10.0.0.0/8 tunnels=ipsec0\n"
        "site n_retransmit=3 t_reregister=3s\n"
        f"0.113000 eth0 {RRQ}\n"
        "0.113200 eth0 link state=up\n"
        "12.900000001 - gap\n"
    )
    found = read(text)
    assert write_log(found.events, found.site, WORDS, ["made by hand"]) == text


@pytest.mark.parametrize(
    "events",
    [
        [Event(1, "e", "lnk", {})],
        [Event(1, "e", "link", {})],
        [Event(1, "e", "link", {"state": "sideways"})],
        [Event(1, "e", "link", {"state": "up", "more": 1})],
        [Event(2, "e", "solicit"), Event(1, "e", "solicit")],
        [Event(-1, "e", "solicit")],
        [Event(2**62, "e", "solicit")],
        [Event(1, "e", "gap", {"lost": -1})],
    ],
)
def test_what_cannot_be_read_is_not_written(events: list[Event]) -> None:
    for write in (write_log, write_jsonl):
        with pytest.raises(ValueError):
            write(events, Site(), WORDS)


def test_too_long_a_line_is_not_written() -> None:
    with pytest.raises(ValueError):
        write_log([Event(1, "e", "gap", {"reason": "x" * parts.LINE_LIMIT})], Site(), WORDS)
    with pytest.raises(ValueError):
        write_jsonl([Event(1, "e", "gap", {"reason": "x" * parts.LINE_LIMIT})], Site(), WORDS)


# ---- Whatever the bytes, InputError and nothing else ----

TEXT_LOG = (HEADER + f'site iha=10.1.0.2 t_reregister=3s\n0.1 e {RRQ}\n0.2 - gap reason="a b" # c\n').encode()
JSON_LOG = (JSON_HEADER + '{"time": 1, "interface": "e", "event": "gap", "reason": "x", "lost": 1.5}\n').encode()


def survives(data: bytes) -> None:
    for reader in (read, read_json):
        for keep_going in (False, True):
            try:
                reader(data, keep_going)
            except InputError as error:
                assert error.problems and all(line.isprintable() for line in str(error).split("\n"))


@given(st.binary(max_size=300))
def test_arbitrary_bytes(data: bytes) -> None:
    survives(data)
    survives(HEADER.encode() + data)
    survives(JSON_HEADER.encode() + data)


@pytest.mark.slow
@given(st.text(st.characters(codec="utf-8"), max_size=100))
def test_arbitrary_text(text: str) -> None:
    survives(HEADER.encode() + b"0.1 e gap " + text.encode())
    survives(HEADER.encode() + b"site " + text.encode())
    survives(JSON_HEADER.encode() + b'{"time": 1, "interface": "e", "event": "gap", ' + text.encode())


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


JSON_KEYS = ("time", "interface", "event", "reason", "lost", "x")


@pytest.mark.slow
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(JSON_KEYS, json_values)))
def test_arbitrary_json(event: dict[str, Any]) -> None:
    survives(JSON_HEADER.encode() + json.dumps(event).encode())
    survives(json.dumps({"mipcheck-trace": 1, "site": event}).encode())
    survives(json.dumps({"mipcheck-trace": 1, "site": dict.fromkeys(("iha", "fa", "boot"), event)}).encode())
    fixed = {"time": 1, "interface": "e", "event": "gap"}
    survives(JSON_HEADER.encode() + json.dumps({**event, **fixed}).encode())


@given(st.data(), st.sampled_from([TEXT_LOG, JSON_LOG]))
def test_mutated_logs(data: st.DataObject, whole: bytes) -> None:
    mutated = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(mutated)))
        mutated[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    survives(bytes(mutated))
    survives(bytes(mutated[: data.draw(st.integers(0, len(mutated)))]))


def test_help_needs_no_lark() -> None:
    import subprocess
    import sys

    code = "import sys, mipcheck.checker.logs.text, mipcheck.checker.logs.jsonl; sys.exit('lark' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert jsonl.FIRST_LINE == '{"mipcheck-trace": 1}'
