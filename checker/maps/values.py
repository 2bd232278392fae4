"""The values that a map speaks of while it is run: fields of the line, variables by key, what functions make of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from mipcheck.checker.maps.language import Call, Condition, Every, Literal, Not, Reference, Value

_T = TypeVar("_T")

ENTRIES: Final = 10_000
"""Entries of a variable; the one that was set first makes room for another."""
MEMBERS: Final = 1_000
"""Members of a set."""
_WIDE: Final = 1_000
"""Characters of a key or a value."""


def _hex(word: str) -> str | None:
    """Return a hexadecimal number as logs have it, whatever divides its halves."""
    digits = word.removeprefix("0x").replace(".", "").replace(":", "").replace(" ", "")
    return f"0x{digits}" if 0 < len(digits) <= 16 and all(c in "0123456789abcdefABCDEF" for c in digits) else None


def _capitals(word: str) -> str | None:
    """Return the letters that are capitals; `-` if there are none."""
    return "".join(c for c in word if c.isupper()) or "-"


def _seconds(word: str) -> str | None:
    """Return how many seconds a duration has, as programs write it: 600, 00:10:00, 2d 00:10:00, 10min, 2 days."""
    if match := _CLOCK.fullmatch(word):
        days, hours, minutes, seconds = (int(g or 0) for g in match.groups())
        return str(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
    if not _DURATION.fullmatch(word):
        return None
    parts = [(int(n), _UNITS.get(unit.lower().rstrip("s") or "s")) for n, unit in _PART.findall(word)]
    return None if any(unit is None for _, unit in parts) else str(sum(n * (unit or 0) for n, unit in parts))


_CLOCK: Final = re.compile(r"(?:([0-9]{1,5})[d.,] ?)?([0-9]{1,5}):([0-9]{2}):([0-9]{2})")
_PART: Final = re.compile(r"([0-9]{1,9}) ?([A-Za-z]*)")
_DURATION: Final = re.compile(r"(?:[0-9]{1,9} ?[A-Za-z]{0,8}[ ,]{0,2}){1,4}+")
_UNITS: Final = {
    **dict.fromkeys(("s", "sec", "second"), 1),
    **dict.fromkeys(("m", "min", "minute"), 60),
    **dict.fromkeys(("h", "hr", "hour"), 3600),
    **dict.fromkeys(("d", "day"), 86400),
}


def _join(word: str) -> str:
    """Return what was put together."""
    return word


FUNCTIONS: Final[Mapping[str, Callable[[str], str | None]]] = {
    "hex": _hex,
    "capitals": _capitals,
    "lower": str.lower,
    "upper": str.upper,
    "seconds": _seconds,
    "join": _join,
}
"""Functions of every map: word → word, None where there is none."""


class Variables:
    """The variables of a map that is being run, and the fields of the line. What is not known is None."""

    def __init__(self, tables: Mapping[str, Mapping[str, str]], given: Mapping[str, str]) -> None:
        self._tables, self._given = tables, given
        self._words: dict[str, dict[tuple[str, ...], str]] = {}
        self._sets: dict[str, dict[tuple[str, ...], dict[str, None]]] = {}
        self.fields: Mapping[str, str | None] = {}

    # --- reading --------------------------------------------------------------------------------------------------

    def read(self, value: Value) -> str | None:
        """Return the word of a value."""
        if isinstance(value, Literal):
            return value.word
        if isinstance(value, Reference):
            if not value.keys:
                if (field := self.fields.get(value.name)) is not None:
                    return field
                if (found := self.look(value.name, ())) is not None:
                    return found
                return self._given.get(value.name)
            keys = self.keys(value)
            return None if keys is None else self.look(value.name, keys)
        if isinstance(value, Call):
            words = [self.read(v) for v in value.values]
            if None in words:
                return None
            word = "".join(w or "" for w in words)
            table = self._tables.get(value.name)
            return FUNCTIONS[value.name](word) if table is None else table.get(word)
        return next((w for v in value.values if (w := self.read(v)) is not None), None)

    def keys(self, reference: Reference) -> tuple[str, ...] | None:
        """Return the keys of an entry; None if one is not known."""
        found = tuple(self.read(key) for key in reference.keys)
        return None if None in found else tuple((k or "")[:_WIDE] for k in found)

    def look(self, name: str, keys: tuple[str, ...]) -> str | None:
        """Return the word of an entry; of a set the members, divided by commas."""
        if (word := self._words.get(name, {}).get(keys)) is not None:
            return word
        members = self._sets.get(name, {}).get(keys)
        return ",".join(members) if members else None

    def holds(self, condition: Condition) -> bool:
        """Tell whether a condition holds. What is not known equals nothing."""
        if isinstance(condition, Every):
            return (all if condition.every else any)(self.holds(c) for c in condition.conditions)
        if isinstance(condition, Not):
            return not self.holds(condition.condition)
        left = self.read(condition.left)
        if left is None or condition.kind == "known":
            return left is not None
        right = self.read(condition.right)
        return right is not None and (right in left.split(",") if condition.kind == "has" else left == right)

    # --- writing --------------------------------------------------------------------------------------------------

    def change(self, kind: str, reference: Reference, value: Value) -> tuple[str, ...] | None:
        """Change a variable; return the keys of its entry, None if nothing could be changed. Without keys `forget` is
        about all of its entries."""
        keys = self.keys(reference)
        if keys is None:
            return None
        word = self.read(value)
        if kind == "forget" and not keys:
            self._words.pop(reference.name, None)
            self._sets.pop(reference.name, None)
            return keys
        if kind == "forget" or (kind == "set" and word is None):
            self._words.get(reference.name, {}).pop(keys, None)
            self._sets.get(reference.name, {}).pop(keys, None)
            return keys
        if kind == "count":
            before = self._words.get(reference.name, {}).get(keys, "0")
            word = str(int(before) + 1) if before.isdecimal() else "1"
        if word is None:
            return None
        word = word[:_WIDE]
        if kind in ("set", "count"):
            _room(self._words.setdefault(reference.name, {}), keys)[keys] = word
            return keys
        sets = _room(self._sets.setdefault(reference.name, {}), keys)
        members = sets.setdefault(keys, {})
        if kind == "add" and len(members) < MEMBERS:
            members[word] = None
        elif kind == "remove":
            members.pop(word, None)
            if not members:
                del sets[keys]
        return keys


def _room(entries: dict[tuple[str, ...], _T], keys: tuple[str, ...]) -> dict[tuple[str, ...], _T]:
    """Return entries among which there is room for one more."""
    if keys not in entries and len(entries) >= ENTRIES:
        del entries[next(iter(entries))]
    return entries
