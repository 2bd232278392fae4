"""The words of a specification as tables, for the compiled parsers (`text_loop.py`, `json_loop.py`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from mipcheck.checker.logs.bulk import text_loop as lines
from mipcheck.checker.logs.bulk.json_loop import OWN_KEYS
from mipcheck.checker.site.site import TEXTUAL
from mipcheck.checker.trace.columns import Array
from mipcheck.checker.trace.derive import ACCESS, STACK, TRAVERSAL
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.native.unit import NativeError
from mipcheck.model.specification.spec import EventType
from mipcheck.model.values.types import Type

TOLD: Final = (ACCESS, TRAVERSAL)
"""The keys that a stack of headers tells."""


class Words:
    """A table of words with their values, by scope, for the compiled parser; `letters` are those of all words.

    It is a hash table with a row a word (`HASH` and after it in `text_loop.py`), never more than half full.
    """

    def __init__(self, capacity: int, letters: int) -> None:
        self.table: Array = np.zeros((capacity, lines.W_WIDTH), np.int64)
        self.letters: Array = np.zeros(letters, np.uint8)
        self.count = self.used = 0

    def add(self, word: bytes, value: int, scope: int = 0) -> None:
        """Add a word that is not there yet in its scope."""
        while 2 * self.count + 2 > len(self.table) or self.used + len(word) > len(self.letters):
            self.grow()
        self.letters[self.used : self.used + len(word)] = np.frombuffer(word, np.uint8)
        self._place((hash_of(word, scope), self.used, len(word), scope, value))
        self.count += 1
        self.used += len(word)

    def grow(self) -> None:
        """Make twice the room."""
        old = self.table[self.table[:, lines.LENGTH] != 0]
        self.table = np.zeros((2 * len(self.table), lines.W_WIDTH), np.int64)
        self.letters = np.concatenate([self.letters, np.zeros_like(self.letters)])
        for entry in old:
            self._place(tuple(map(int, entry)))

    def _place(self, entry: tuple[int, ...]) -> None:
        """Put an entry where the compiled parser looks for it."""
        mask = len(self.table) - 1
        at = entry[0] & mask
        while self.table[at, lines.LENGTH]:
            at = (at + 1) & mask
        self.table[at] = entry

    def words(self) -> list[str]:
        """Return the words in the order of their values, which count from 0."""
        found = self.table[self.table[:, lines.LENGTH] != 0]
        found = found[np.argsort(found[:, lines.VALUE])]
        data = self.letters.tobytes()
        return [data[e[lines.AT] : e[lines.AT] + e[lines.LENGTH]].decode("utf-8", "surrogatepass") for e in found]


def hash_of(word: bytes, scope: int) -> int:
    """Return the hash of a word in a scope, as the compiled parser has it: 64 bits with a sign."""
    h = lines.BASIS ^ scope
    for byte in word:
        h = (h ^ byte) * lines.PRIME % 2**64
    h = h - 2**64 if h >= 2**63 else h
    return h ^ (h >> 31)


class Lexicon:
    """The words that a log may use, as tables for the compiled parser.

    `words` are those of kinds (scope 0), of a kind's keys (its number and one) and of a type's values (scopes after
    those); `kinds` has a row a kind, `types` one a key. `told` are, for each key that a stack of headers tells, the
    members of its type; `width` is how many keys an event has at most.
    """

    def __init__(
        self, events: Sequence[EventType], tells: Mapping[str, Sequence[str]], own_keys: Sequence[str] = ()
    ) -> None:
        """Make the tables for `events`; `tells` are by kind the keys that a stack tells, `own_keys` those of a line.

        Raises NativeError for what does not fit into the tables.
        """
        self.events = events
        self.told: dict[str, tuple[str, ...]] = {}
        self.words = Words(1024, 8192)
        self.width = max((len(e.keys) for e in events), default=1) or 1
        self.kinds: Array = np.full((max(len(events), 1), lines.E_WIDTH), -1, np.int64)
        types: list[tuple[int, int, int, int]] = []
        scopes: dict[Type, int] = {}
        for number, name in enumerate(own_keys):
            self.words.add(name.encode(), number, OWN_KEYS)
        for kind, event in enumerate(events):
            if len(event.keys) > 62:
                raise NativeError("more keys than an integer has bits")
            self.words.add(event.name.encode(), kind)
            needed = sum(1 << slot for slot, key in enumerate(event.keys) if not key.optional)
            self.kinds[kind, lines.KEYS], self.kinds[kind, lines.NEEDED] = len(types), needed
            for name in tells.get(event.name, ()):
                names = [k.name for k in event.keys]
                self.kinds[kind, lines.STACK] = names.index(STACK)
                at = TOLD.index(name)
                self.kinds[kind, lines.TOLD + at] = names.index(name)
                if self.told.setdefault(name, event.by_name[name].type.members) != event.by_name[name].type.members:
                    raise NativeError(f"{name} is not the same in all events")
            for slot, key in enumerate(event.keys):
                if key.name not in own_keys:
                    self.words.add(key.name.encode(), slot, kind + 1)
                types.append((*self._type(key.type, scopes, len(events) + 1), *_truths(key.type)))
        self.types: Array = np.array(types or [(0,) * lines.KT_WIDTH], np.int64)

    def _type(self, type_: Type, scopes: dict[Type, int], first: int) -> tuple[int, int]:
        """Return how values of a type are read, and the scope of their words; a type that is new gets one.

        `scopes` are those of types so far, which are counted from `first`.
        """
        values = {m: n for n, m in enumerate(type_.members)}
        if type_.name == "bool" and not type_.members:
            values = {"false": 0, "no": 0, "true": 1, "yes": 1}
        elif not type_.members:
            kinds = {"int": lines.INT, "id": lines.ID, "address": lines.ADDRESS}
            return (lines.TEXT if type_.name in TEXTUAL else kinds.get(type_.name, lines.OTHER)), 0
        if type_.is_set and len(values) > 62:
            raise NativeError(f"{type_.name} has too many members")
        if type_ not in scopes:
            scopes[type_] = first + len(scopes)
            for word, value in values.items():
                self.words.add(word.encode(), value, scopes[type_])
        letters = type_.is_set and all(len(m) == 1 for m in values)
        return (lines.LETTER_SET if letters else lines.WORD_SET if type_.is_set else lines.ENUM), scopes[type_]


def _truths(type_: Type) -> tuple[int, int]:
    """Return the values of a type that `true` and `false` of JSON are, UNKNOWN if they are none."""
    if type_.name == "bool" and not type_.members:
        return 1, 0
    members = type_.members if type_.is_enum else ()
    true, false = (
        next((n for n, m in enumerate(members) if m in words), UNKNOWN) for words in (("yes", "true"), ("no", "false"))
    )
    return true, false
