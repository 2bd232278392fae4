"""The words of a specification as tables, for the compiled parsers (`text_loop.py`, `json_loop.py`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from mipcheck.checker.logs.bulk.parsed import (
    ADDRESS,
    ENUM,
    ID,
    INT,
    LETTER_SET,
    NAMES,
    OTHER,
    OWN_KEYS,
    TEXT,
    WORD_SET,
    EventKey,
    EventKind,
    LogLines,
    Words,
)
from mipcheck.checker.site.site import TEXTUAL
from mipcheck.checker.trace.derive import ACCESS, STACK, TRAVERSAL
from mipcheck.checker.trace.spans import FROM, TO
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.native.errors import NativeError
from mipcheck.model.native.record import Rows
from mipcheck.model.specification.spec import EventType
from mipcheck.model.values.types import Type

TOLD: Final = (ACCESS, TRAVERSAL)
"""The keys that a stack of headers tells; cells of `EventKind` and `StackRow` are named like them."""


class Lexicon:
    """The words that a log may use, as tables for the compiled parser.

    `words` are those of kinds, of their keys and of the values of types; `kinds` has a row a kind, `keys` one a key.
    `told` are, for each key that a stack of headers tells, the members of its type; `width` is how many keys an event
    has at most.
    """

    def __init__(
        self, events: Sequence[EventType], tells: Mapping[str, Sequence[str]], own_keys: Sequence[str] = ()
    ) -> None:
        """Make the tables for `events`; `tells` are by kind the keys that a stack tells, `own_keys` those of a line.

        Raises NativeError for what does not fit into the tables.
        """
        self.events = events
        self.told: dict[str, tuple[str, ...]] = {}
        self.words = Words(rows_cap=1024, letters_cap=8192)
        self.width = max((len(e.keys) for e in events), default=1) or 1
        self.kinds = Rows(EventKind, np.full((max(len(events), 1), len(EventKind.__layout__.cells)), -1, np.int64))
        keys: list[tuple[int, int, int, int]] = []
        scopes: dict[Type, int] = {}
        for number, name in enumerate(own_keys):
            self.words.add(name.encode(), number, OWN_KEYS)
        for kind, event in enumerate(events):
            if len(event.keys) > 62:
                raise NativeError("more keys than an integer has bits")
            self.words.add(event.name.encode(), kind)
            needed = sum(1 << slot for slot, key in enumerate(event.keys) if not key.optional)
            row = self.kinds[kind]
            row.keys, row.needed = len(keys), needed
            for name in tells.get(event.name, ()):
                names = [k.name for k in event.keys]
                row.stack = names.index(STACK)
                setattr(row, name, names.index(name))
                if self.told.setdefault(name, event.by_name[name].type.members) != event.by_name[name].type.members:
                    raise NativeError(f"{name} is not the same in all events")
            for slot, key in enumerate(event.keys):
                if key.name not in own_keys:
                    self.words.add(key.name.encode(), slot, kind + 1)
                if event.sender == "observer" and key.name in (FROM, TO):
                    # The times of a span are no plain words, and the reader alone says what is wrong with them.
                    keys.append((OTHER, NAMES, UNKNOWN, UNKNOWN))
                    continue
                keys.append((*self._type(key.type, scopes, len(events) + 1), *_truths(key.type)))
        self.keys = Rows(EventKey, np.array(keys or [(OTHER, NAMES, UNKNOWN, UNKNOWN)], np.int64))

    def give(self, s: LogLines) -> None:
        """Let a parser work with these tables."""
        s.words, s.kinds, s.keys = self.words, self.kinds, self.keys
        s.kinds_cap, s.keys_cap, s.width = len(self.kinds), len(self.keys), self.width

    def _type(self, type_: Type, scopes: dict[Type, int], first: int) -> tuple[int, int]:
        """Return how values of a type are read, and the scope of their words; a type that is new gets one.

        `scopes` are those of types so far, which are counted from `first`.
        """
        values = {m: n for n, m in enumerate(type_.members)}
        if type_.name == "bool" and not type_.members:
            values = {"false": 0, "no": 0, "true": 1, "yes": 1}
        elif not type_.members:
            kinds = {"int": INT, "id": ID, "address": ADDRESS}
            return (TEXT if type_.name in TEXTUAL else kinds.get(type_.name, OTHER)), NAMES
        if type_.is_set and len(values) > 62:
            raise NativeError(f"{type_.name} has too many members")
        if type_ not in scopes:
            scopes[type_] = first + len(scopes)
            for word, value in values.items():
                self.words.add(word.encode(), value, scopes[type_])
        letters = type_.is_set and all(len(m) == 1 for m in values)
        return (LETTER_SET if letters else WORD_SET if type_.is_set else ENUM), scopes[type_]


def _truths(type_: Type) -> tuple[int, int]:
    """Return the values of a type that `true` and `false` of JSON are, UNKNOWN if they are none."""
    if type_.name == "bool" and not type_.members:
        return 1, 0
    members = type_.members if type_.is_enum else ()
    true, false = (
        next((n for n, m in enumerate(members) if m in words), UNKNOWN) for words in (("yes", "true"), ("no", "false"))
    )
    return true, false
