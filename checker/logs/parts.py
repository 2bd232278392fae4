"""The parts of a line of a log, each with its place there, and what can be wrong with one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from mipcheck.checker.console.errors import quoted
from mipcheck.checker.logs.grammar import terminal
from mipcheck.checker.trace.times import read_datetime, read_seconds
from mipcheck.model.values.errors import MipcheckError

MAGIC: Final = "mipcheck-trace"
VERSIONS: Final = (1,)
FIRST_LINE: Final = f"{MAGIC} {VERSIONS[-1]}"
LINE_LIMIT: Final = 64 * 1024
"""Bytes of a line, its ending not counted."""

TIMES: Final = "expected seconds (12.9) or RFC 3339 (2026-11-23T02:56:02Z)"
"""What a word has to be that is to be a time."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a line, at `width` characters from index `start` on. A fatal one ends the reading."""

    start: int
    width: int
    message: str
    hint: str = ""
    fatal: bool = False


class LineError(MipcheckError):
    """A line that cannot be parsed."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class KeyValue:
    """A key and its value, each with its index in the line. `value` is a word (str), or what JSON held."""

    key: str
    key_at: int
    value: object
    value_at: int
    value_width: int
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class WordAt:
    """A word of a line and its index there."""

    word: str
    at: int


@dataclass(frozen=True, slots=True)
class Time:
    """A time as written: ns, and whether it was absolute (RFC 3339)."""

    ns: int
    absolute: bool
    span: WordAt


def read_time(word: str, at: int) -> Time:
    """Read a time in seconds or RFC 3339, which stands at index `at` of its line. Raises LineError."""
    try:
        if terminal("SECONDS").fullmatch(word):
            return Time(read_seconds(word), False, WordAt(word, at))
        if terminal("DATETIME").fullmatch(word):
            return Time(read_datetime(word), True, WordAt(word, at))
    except ValueError as error:
        raise LineError(Fault(at, len(word), f"{quoted(word)} is no time", str(error))) from None
    raise LineError(Fault(at, len(word), f"{quoted(word)} is no time", time_hint(word)))


def time_hint(word: str) -> str:
    """Return a hint at what keeps a word from being a time."""
    if re.fullmatch(r"-[0-9.]+", word):
        return "times are not negative"
    if re.search(r"\.[0-9]{10}", word):
        return "times have at most nine decimals (nanoseconds)"
    if re.fullmatch(r"[0-9]{11,}(\.[0-9]*)?", word):
        return "times reach 146 years at most; " + TIMES
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:.]+", word):
        return "RFC 3339 needs an offset: Z or +01:00"
    if not word.isascii() and any(c.isdecimal() for c in word):
        return "only the digits 0 to 9 make numbers"
    return TIMES
