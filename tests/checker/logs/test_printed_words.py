"""Words as other programs print them mean what ours mean."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.console.errors import InputError
from mipcheck.checker.logs.jsonl import read_jsonl
from mipcheck.checker.logs.lines import Log
from mipcheck.checker.logs.text import read_log
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.model.specification.load import load
from mipcheck.model.values.event import Event

from making.both_ways import assert_same

VOCABULARY = vocabulary_of(load("draft-01"))


def read(line: str) -> Log:
    return read_log(io.BytesIO(f"mipcheck-trace 1\n{line}\n".encode()), "x.log", VOCABULARY)


def request(rest: str) -> Event:
    (event,) = read(f"1.0 eth0 rrq to=iha path=direct coa=10.1.7.20 {rest}").events
    return event


@pytest.mark.parametrize(
    ("word", "flags"),
    [
        ("sbDmgvT", "DT"),
        ("SbdmgVT", "SrT"),
        ("sbdmgvt", ""),
        ("sbDmgvTx", "DT"),
        ("SBDMGrT", "SBDMGrT"),
        ("DT", "DT"),
        ("-", ""),
    ],
)
def test_option_letters_of_routers(word: str, flags: str) -> None:
    assert request(f"flags={word}").args["flags"] == frozenset(flags)


@pytest.mark.parametrize("word", ["sbDmgv", "bsDmgvT", "sbdT", "dt"])
def test_other_letters_are_no_flags(word: str) -> None:
    with pytest.raises(InputError):
        request(f"flags={word}")


@pytest.mark.parametrize(
    ("word", "number"), [("d0c1", 0xD0C1), ("0A", 10), ("1e10", 0x1E10), ("10", 10), ("0x1e5", 0x1E5)]
)
def test_hexadecimal_that_is_unmistakable(word: str, number: int) -> None:
    assert request(f"id={word}").args["id"] == number
    line = f'{{"time": 1, "interface": "-", "event": "rrp", "from": "iha", "path": "direct", "code": 0, "id": "{word}"'
    text = '{"mipcheck-trace": 1}\n' + line + ', "auth": "ok"}\n'
    assert read_jsonl(io.BytesIO(text.encode()), "x.jsonl", VOCABULARY).events[0].args["id"] == number


@pytest.mark.parametrize("word", ["1e5", "abc", "xyz0", "a" * 18])
def test_what_could_be_anything_is_no_identification(word: str) -> None:
    with pytest.raises(InputError):
        request(f"id={word}")


def test_what_a_source_does_not_tell_may_be_absent() -> None:
    assert not {"flags", "lifetime", "id"} & request("").args.keys()


@pytest.mark.parametrize(
    "time",
    [
        "2025-11-03T09:14:02.25+01:00",
        "2025-11-03T09:14:02.25+0100",
        "2025-11-03 09:14:02.25+0100",
        "2025-11-03 08:14:02.25Z",
        "2025-11-03 05:44:02.25-0230",
    ],
)
@pytest.mark.parametrize("comment", ["", " # by the grammar"])
def test_times_as_programs_print_them(time: str, comment: str) -> None:
    (event,) = read(f"{time} eth0 link state=up{comment}").events
    assert (event.time, event.interface) == (1762157642250000000, "eth0")


def test_a_hint_of_another_kind() -> None:
    assert read("1.0 eth0 hint kind=other says=inside").events[0].args["kind"] == "other"


def _notes(tmp_path: Path, name: str, *words: str) -> list[str]:
    rows = []
    for n, word in enumerate(words, 1):
        if name == "x.log":
            rows.append(f"{n}.5 eth0 rrq to=iha path=direct coa=10.1.7.20 id={word}")
        else:
            said = '"interface": "eth0", "event": "rrq", "to": "iha", "path": "direct", "coa": "10.1.7.20"'
            rows.append(f'{{"time": {n}.5, {said}, "id": {word}}}')
    head = "mipcheck-trace 1" if name == "x.log" else '{"mipcheck-trace": 1}'
    path = tmp_path / name
    path.write_text("\n".join([head, *rows, ""]))
    assert_same(path)
    return [n for n in check(path).notes if "digits alone" in n]


@pytest.mark.slow
@pytest.mark.parametrize("many", [1, 50])
def test_digits_beside_hexadecimal_are_told(tmp_path: Path, many: int) -> None:
    hexadecimal, digits = ["C1BC0D4F"] * many, ["12345678"] * many
    (note,) = _notes(tmp_path, "x.log", *hexadecimal, *digits)
    assert note.startswith(f"line {many + 2}: ")
    assert "that of line 2 is hexadecimal without 0x" in note
    (note,) = _notes(tmp_path, "x.log", *digits, *hexadecimal)
    assert note.startswith("line 2: ")
    assert _notes(tmp_path, "x.jsonl", *(f'"{w}"' for w in (*digits, *hexadecimal)))


def test_a_decimal_stays_one(tmp_path: Path) -> None:
    assert not _notes(tmp_path, "x.log", "12345678", "87654321", "7")
    assert not _notes(tmp_path, "x.log", "C1BC0D4F", "1234567", "0x12345678")
    assert not _notes(tmp_path, "x.jsonl", '"C1BC0D4F"', "12345678")  # a number of JSON
