"""A line that the grammar refuses → its fault: where it is, what was expected there, the nearest right spelling."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mipcheck.checker.console.errors import did_you_mean, joined, quoted
from mipcheck.checker.console.escape import escaped
from mipcheck.checker.logs.parts import MAGIC, Fault, time_hint

if TYPE_CHECKING:
    from lark.exceptions import UnexpectedInput

_EXPECTED: Final = {  # by a terminal that only this place of a line admits
    "SECONDS": "a time, site, source or #",
    "TOKEN": "an interface (- for the whole node)",
    "KIND": "an event",
    "VERSION": "the version of the format",
    "KEY": "key=value",
    "_EQUALS": "=",
    "WORD": "a value",
}
_WORD_AT: Final = re.compile(r"[^ \t]*")
_QUOTED_START: Final = re.compile(r'"(?:[^"\\\x00-\x1f\x7f-\x9f]|\\["\\]|\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4})*')


def diagnose(text: str, error: UnexpectedInput) -> Fault:
    """Return the fault of a line where the parser stopped with `error`."""
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken

    names: set[str] = set()
    if isinstance(error, UnexpectedCharacters):
        names = set(error.allowed or ())
    elif isinstance(error, UnexpectedToken):
        names = set(error.expected)
    ended = isinstance(error, UnexpectedToken) and error.token.type == "$END"
    at = len(text) if ended else min(error.pos_in_stream or 0, len(text))
    rest = text[at:].lstrip(" \t")
    wanted = next((v for k, v in _EXPECTED.items() if k in names), _after(text[:at], names))
    hint = f"expected {wanted}"
    if not rest or rest.startswith("#"):
        return Fault(at, 1, "the line ends too early", hint)
    at = len(text) - len(rest)
    word = _WORD_AT.match(rest)
    width = max(1, len(word[0])) if word else 1
    return _bad_word(rest, at, width, names, hint)


def _after(before: str, names: set[str]) -> str:
    """Return what is expected after `before`, where only white space can follow a word; `names` are terminals."""
    if "_TAIL" in names or "$END" in names:
        return "a space, or the end of the line"
    words = before.split()
    if words[:1] == [MAGIC]:
        return _EXPECTED["VERSION"]
    return _EXPECTED["TOKEN" if len(words) == 1 else "KIND"]


def _bad_word(rest: str, at: int, width: int, names: set[str], hint: str) -> Fault:
    """Return the fault of the `rest` of a line, whose first word (of `width` characters) stands where it cannot.

    `at` is the index of `rest`, `names` are the terminals that can stand there, `hint` says so in words.
    """
    word = rest[:width]
    for offset, char in enumerate(word):
        if char < " " or "\x7f" <= char <= "\x9f" or (char.isspace() and char != " "):
            return _no_character(char, at + offset)
    if rest.startswith('"') and "QUOTED" in names:
        return _bad_quotes(rest, at)
    if "SECONDS" in names:
        if re.match(r"[-+]?\w*[0-9]", word) or word[:1].isdecimal():
            return Fault(at, width, f"{quoted(word)} is no time", time_hint(word))
        known = did_you_mean(word, ["site", "source", MAGIC])
        return Fault(at, width, f"{quoted(word)} cannot begin a line", joined(known, hint))
    if "KIND" in names and "=" in word:
        return Fault(at, width, f"{quoted(word)} where an event was expected", "an event is TIME INTERFACE EVENT key=…")
    return Fault(at, width, f"unexpected {quoted(word)}", hint)


def _no_character(char: str, at: int) -> Fault:
    """Return the fault of a character that cannot stand in a line, as it does at index `at`."""
    hint = f'in a quoted text it is written "{escaped(char)}"'
    if char == "\0":
        hint = "a crash leaves zeros, and so does UTF-16 without its mark; take them away first: tr -d '\\000'"
    return Fault(at, 1, f"the character {escaped(char)} cannot stand in a line", hint)


def _bad_quotes(rest: str, at: int) -> Fault:
    """Return the fault of a quoted text that is none, with which the `rest` of a line begins, at index `at`."""
    good = _QUOTED_START.match(rest)
    stop = good.end() if good else 0
    if rest[stop : stop + 1] == "\\":
        hint = r"escapes are \" \\ \x1b \u202e \U0001f4a9"
        return Fault(at + stop, 2, f"unknown escape {quoted(rest[stop : stop + 2])}", hint)
    if stop < len(rest):
        return _no_character(rest[stop], at + stop)
    return Fault(at, len(rest), "a quoted text without its end", 'expected another "')
