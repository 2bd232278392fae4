"""What is wrong with a map is said with its place, a caret and the nearest name."""

from __future__ import annotations

import pytest
from mipcheck.checker.console.errors import InputError
from mipcheck.checker.maps.reader import read_map
from mipcheck.checker.trace.vocabulary import Vocabulary, vocabulary_of
from mipcheck.model.specification.load import load

HEAD = 'map m "a map"\nstamp "iso"\n'


@pytest.fixture(scope="module")
def words() -> Vocabulary:
    return vocabulary_of(load("draft-01"))


WRONG = {
    'line "up {x:wrod}" { }': ('3:10: unknown kind "wrod" of a field', 'did you mean "word"?'),
    'line "up {x:word" { }': ("3:10: a brace that belongs to no field", "{..} for anything"),
    'line "{x:word}{y:word}" { }': ("3:15: no text between two fields", "a field ends where"),
    'line "{x:int} {x:int}" { }': ('3:15: field "x" appears twice', ""),
    'line "up" { event - lnik state=up }': ('3:21: unknown event "lnik"', 'did you mean "link"?'),
    'line "up" { event - link staet=up }': ('3:26: unknown key "staet" of event link', 'did you mean "state"?'),
    'line "up" { event - link state=up state=down }': ('3:35: key "state" appears twice', ""),
    'line "{if:word} up" { event {fi} link state=up }': ('3:30: nothing is called "fi"', 'did you mean "if"?'),
    'line "up" { event - link state=hexx(up) }': ('3:32: unknown function "hexx"', 'did you mean "hex"?'),
    'line "{a:word} up" { set a = b }': ('3:26: "a" is a field of the line', "another name"),
    'sees lnik': ('3:6: unknown event "lnik"', 'did you mean "link"?'),
    'record indentd': ('3:8: "indentd" is no form of records', 'did you mean "indented"?'),
    'stamp "%Q"': ('3:8: unknown part "%Q" of a stamp', "%H"),
    'stamp "%H:%M"': ("3:7: a stamp needs a day and an hour", "%b %d"),
    'ignroe "x"': ('3:1: unexpected "ignroe"', 'did you mean "ignore"?'),
    'line "up" { event - link state= }': ('3:33: unexpected "}"', "expected"),
    'line "up" {': ("the map ends too early", "expected"),
    'line "up': ("3:6: a text without its end", 'expected another "'),
    'head "{x:int} " time y': ('3:22: the head has no field "y"', ""),
    'use charom': ("3:5: no other map can be used here", ""),
}  # fmt: skip


@pytest.mark.parametrize("line", WRONG)
def test_a_mistake_is_told_with_its_place(line: str, words: Vocabulary) -> None:
    with pytest.raises(InputError) as caught:
        read_map(HEAD + line + "\n", "m.map", words)
    message = str(caught.value)
    for part in WRONG[line]:
        assert part in message
    assert message.startswith("m.map:3:")
    assert "^" in message


def test_a_map_needs_a_stamp_and_has_a_limit() -> None:
    with pytest.raises(InputError, match="the map has no stamp"):
        read_map('map m "a map"\n', "m.map")
    with pytest.raises(InputError, match="at most"):
        read_map("#" * 300_000, "m.map")
    with pytest.raises(InputError, match="levels"):
        read_map(HEAD + 'line "x" ' + "{ if a known " * 200 + "{ }" + "}" * 200, "m.map")
