"""The types of the specification language, and the three forms of a value.

A value is written in a log (`60 s`, `0xd0c1`, `DT`), held in an `Event` as a Python value, and held in an
observer's state as an integer. `read` and `show` go between the first two, `encode` and `decode` between
the last two; each pair is an inverse of the other.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from mipcheck.model.values.errors import MipcheckError

Value = bool | int | str | frozenset[str]
"""A value as an `Event` holds it: bool; int for int, time (ns), id and IPv4 address; str for enumerations and text."""

NS: Final = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9}
_DURATION = re.compile(r"\s*([0-9]{1,19})(?:\.([0-9]+))?\s*(ns|us|ms|s|min|h)?\s*\Z", re.ASCII)
LONGEST: Final = 2**62
"""Nanoseconds that are too many for a time in a log: 146 years."""


class ValueSyntaxError(MipcheckError, ValueError):
    """A word that is no value of its type; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class Type:
    """A type by name; `members` are the words of an enumeration or the letters and words of a set, in order."""

    name: str
    members: tuple[str, ...] = ()

    @property
    def is_set(self) -> bool:
        """Whether values are sets of members."""
        return self.name.startswith("set of ")

    @property
    def is_enum(self) -> bool:
        """Whether values are members."""
        return bool(self.members) and not self.is_set

    @property
    def is_words(self) -> bool:
        """Whether it is an enumeration that is written where it is used, and called by its words."""
        return self.name.startswith("{")

    @property
    def expected(self) -> str:
        """The words by which an error message says what a log has to hold here."""
        if self.is_enum:
            return " or ".join(self.members) if len(self.members) < 3 else "one of " + ", ".join(self.members)
        if self.is_set:
            compact = all(len(m) == 1 for m in self.members)
            return (
                f"letters among {''.join(self.members)}, or -" if compact else f"a list among {', '.join(self.members)}"
            )
        return {
            "bool": "true or false",
            "int": "a whole number",
            "time": "a duration such as 60s or 500ms",
            "id": "a number of at most 64 bits, decimal or 0x…",
            "address": "an IPv4 address",
            "text": "a word",
        }[self.name]

    def read(self, word: str) -> Value:
        """Return the value that a word of a log denotes. Raises ValueSyntaxError."""
        try:
            return self._read(word)
        except ValueSyntaxError:
            raise
        except ValueError:
            raise ValueSyntaxError(self.expected) from None

    def _read(self, word: str) -> Value:
        if self.is_enum:
            if word in self.members:
                return word
            raise ValueSyntaxError(self.expected)
        if self.is_set:
            return self._read_set(word)
        match self.name:
            case "bool":
                if word not in ("true", "false", "yes", "no"):
                    raise ValueSyntaxError(self.expected)
                return word in ("true", "yes")
            case "int":
                if not re.fullmatch(r"-?[0-9]{1,18}", word):
                    raise ValueSyntaxError(TOO_LARGE if re.fullmatch(r"-?[0-9]+", word) else self.expected)
                return int(word)
            case "time":
                return read_duration(word)
            case "id":
                if not re.fullmatch(r"0[xX][0-9a-fA-F]+|[0-9]+", word):
                    raise ValueSyntaxError(self.expected)
                if len(word) > 20 or (number := int(word, 16 if word[:2] in ("0x", "0X") else 10)) >= 2**64:
                    raise ValueSyntaxError(f"{self.expected}; this one is too large")
                return number
            case "address":
                return int(ipaddress.IPv4Address(word))
            case _:
                if not word:
                    raise ValueSyntaxError(self.expected)
                return word

    def _read_set(self, word: str) -> frozenset[str]:
        if word == "-":
            return frozenset()
        compact = all(len(m) == 1 for m in self.members)
        parts = list(word) if compact else word.split(",")
        if not parts or any(p not in self.members for p in parts) or len(set(parts)) < len(parts):
            raise ValueSyntaxError(self.expected)
        return frozenset(parts)

    def show(self, value: Value) -> str:
        """Return the word that a log holds for a value."""
        if isinstance(value, frozenset):
            compact = all(len(m) == 1 for m in self.members)
            return ("" if compact else ",").join(m for m in self.members if m in value) or "-"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str):
            return value
        match self.name:
            case "time":
                return show_duration(value)
            case "id":
                return f"{value:#x}"
            case "address":
                return str(ipaddress.IPv4Address(value))
            case _:
                return str(value)


def read_duration(word: str) -> int:
    """Return the ns of `60 s`, `500ms`, `1.5s`; a number without unit is in seconds. Raises ValueSyntaxError."""
    match = _DURATION.match(word)
    if match is None:
        raise ValueSyntaxError("a duration such as 60s or 500ms")
    whole, fraction, unit = match[1], (match[2] or "").rstrip("0"), NS[match[3] or "s"]
    # No unit has a nanosecond beyond its thirteenth decimal: an hour is 3.6e12 ns.
    decimals = min(len(fraction), 14)
    scale: int = 10**decimals
    ns, rest = divmod(int(whole + fraction[:decimals]) * unit, scale)
    if rest or len(fraction) > decimals or ns >= LONGEST:
        raise ValueSyntaxError("a duration of whole nanoseconds, less than 146 years")
    return ns


def lacks_unit(type_: Type, word: str) -> bool:
    """Decide whether a word gives a time of more than nothing without saying in what: people mean other units, too."""
    return type_.name == "time" and re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", word) is not None and word.strip("0.") != ""


def show_duration(ns: int) -> str:
    """Return the shortest exact spelling of a duration in ns: `60s`, `500ms`."""
    if ns < 0:
        return "-" + show_duration(-ns)
    for unit in ("s", "ms", "us"):
        if ns % NS[unit] == 0:
            return f"{ns // NS[unit]}{unit}"
    if ns >= NS["s"]:
        return f"{show_seconds(ns).rstrip('0')}s"
    return f"{ns}ns"


def show_seconds(ns: int) -> str:
    """Return a time in ns as seconds with as many decimals as needed, six at least: `12.310000`."""
    sign, ns = ("-", -ns) if ns < 0 else ("", ns)
    whole, rest = divmod(ns, 10**9)
    digits = f"{rest:09d}"
    return f"{sign}{whole}.{digits[:6] if digits.endswith('000') else digits}"


TOO_LARGE: Final = "a whole number of at most 18 digits; this one is too large"
BOOL: Final = Type("bool")
INT: Final = Type("int")
TIME: Final = Type("time")
ID: Final = Type("id")
LOW_HALF: Final = 2**32 - 1
"""Bits of an identification that are compared (RFC 3344 3.6.2.1); others may be the agent's nonce or clock (5.7)."""
ADDRESS: Final = Type("address")
TEXT: Final = Type("text")
INTERFACE: Final = Type("interface")
BASIC: Final = {t.name: t for t in (BOOL, INT, TIME, ID, ADDRESS, TEXT, INTERFACE)}
