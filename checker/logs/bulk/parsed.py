"""What the compiled parsers of logs (`text_loop.py`, `json_loop.py`) and their driver (`log.py`) work on.

Of each line that tells an event a parser fills a row: its time, its kind, its interface and the values of its keys, all
as numbers. What words there are, of kinds, keys and values, it knows from tables that the driver has filled.
"""

from __future__ import annotations

from typing import Final

from mipcheck.model.native.record import Record, array, part, table

# Why a parser stopped.
DONE: Final = 0  # no whole line is left
FULL: Final = 1  # all rows are filled
ODD: Final = 2  # it is not sure of the line at `at`, which ends at `stop`
NEW_STACK: Final = 3  # it does not know what the stack of headers from `begin` to `stop` tells
NO_ROOM: Final = 4  # there is no room for the name of another interface

# How the value of a key is written; the rest of types is OTHER, of which every value is odd.
ENUM: Final = 0  # one word
LETTER_SET: Final = 1  # words of one letter, one after another
WORD_SET: Final = 2  # words between commas
INT: Final = 3
ID: Final = 4
ADDRESS: Final = 5
TEXT: Final = 6
OTHER: Final = 7

# Scopes of words: 0 for kinds of events, one more than the number of a kind for its keys, and after those one a type.
NAMES: Final = 0  # in tables of interfaces and stacks too
OWN_KEYS: Final = -1  # those keys of JSON Lines that every event has

# The hash of a word, octet by octet (FNV-1a, but begun with the scope, and with another basis).
BASIS: Final = 0x4BF29CE484222325
PRIME: Final = 0x100000001B3


class WordRow(Record):
    """A word of a table, at a place that its hash says or after that; empty while its length is 0."""

    hash: int
    at: int  # where its letters begin among those of the table
    length: int  # how many letters it has
    scope: int
    value: int  # 0 or more: what it stands for in its scope


class Words(Record):
    """A table of words with their values, by scope. It is a hash table, never more than half full."""

    count: int  # how many words there are
    used: int  # how many of `letters` are filled
    rows_cap: int  # a power of two
    letters_cap: int

    rows = table(WordRow, "rows_cap")
    letters = array("uint8", "letters_cap")  # of all words, one after another

    def add(self, word: bytes, value: int, scope: int = NAMES) -> None:
        """Add a word that is not there yet in its scope."""
        while 2 * self.count + 2 > self.rows_cap or self.used + len(word) > self.letters_cap:
            self.double()
        begin, end = self.used, self.used + len(word)
        self.letters[begin:end] = list(word)
        self._put((hash_of(word, scope), begin, len(word), scope, value))
        self.count, self.used = self.count + 1, end

    def double(self) -> None:
        """Make twice the room."""
        filled = self.rows.cells[self.rows.column("length") != 0].tolist()
        self.grow(rows_cap=2 * self.rows_cap, letters_cap=2 * self.letters_cap)
        self.rows.cells[:] = 0
        for row in filled:
            self._put(tuple(row))

    def _put(self, row: tuple[int, ...]) -> None:
        """Put a word where the parsers look for it."""
        at = row[0] & (self.rows_cap - 1)
        while self.rows[at].length:
            at = (at + 1) & (self.rows_cap - 1)
        self.rows[at] = row

    def value_of(self, word: bytes) -> int | None:
        """Return the value of a word of the scope NAMES, None if it is not there."""
        for at in (self.rows.column("hash") == hash_of(word, NAMES)).nonzero()[0].tolist():
            row = self.rows[at]
            if self.letters[row.at : row.at + row.length].tobytes() == word:
                return int(row.value)
        return None

    def words(self) -> list[str]:
        """Return the words in the order of their values, which count from 0."""
        rows = sorted((row for row in self.rows.cells.tolist() if row[2]), key=lambda row: row[4])
        data = self.letters.tobytes()
        return [data[at : at + length].decode("utf-8", "surrogatepass") for _, at, length, _, _ in rows]


def hash_of(word: bytes, scope: int) -> int:
    """Return the hash of a word in a scope, as the compiled parsers have it: 64 bits with a sign."""
    h = BASIS ^ scope
    for octet in word:
        h = (h ^ octet) * PRIME % 2**64
    h = h - 2**64 if h >= 2**63 else h
    return h ^ (h >> 31)


class EventKind(Record):
    """A kind of events of the specification. Of its keys, their slots are meant: their order of declaration."""

    keys: int  # where its keys begin in the table of keys
    needed: int  # the keys that it must have, a bit each
    stack: int  # its key that holds a stack of headers which tells others, -1 if there is none
    access: int  # the key for the access mode, which the stack tells, or -1
    traversal: int  # the key for the layers of NAT traversal, which the stack tells, or -1


class EventKey(Record):
    """A key of a kind of events."""

    type: int  # how its value is written: ENUM and after
    scope: int  # that of the words that its value may have
    true: int  # what `true` of JSON stands for, UNKNOWN if for nothing
    false: int


class StackRow(Record):
    """What a stack of headers tells: members of the types of these keys, a bit each."""

    access: int
    traversal: int


class LogLines(Record):
    """All that the parser of text works on: one for each pass through a log."""

    # Where it goes on. The driver sets it up, and both move it.
    at: int  # where the next line begins in `buf`
    end: int  # all lines before this end with a line feed (the parser only reads it)
    line: int  # lines before the next
    rows: int  # rows that are filled
    last: int  # the time of the last event, ns
    # What is known of the log. The driver writes it.
    absolute: int  # 1 if its times are dates
    offset: int  # where `buf` begins in the file
    digits: int  # the first line with an identification that may be hexadecimal, 0 if there is none (the parser)
    # What it stopped at, in `buf`; before that, `stop` is where the last time or object ends that was read.
    begin: int
    stop: int
    # The line under way. The parser writes it.
    hash: int  # of the last word; it is a cell, where it wraps at 64 bits for Python too
    time: int  # ns
    kind: int  # a row of `kinds`
    token_at: int  # the interface's name
    token_end: int
    token_hash: int
    stack_at: int  # the value of the stack of headers; empty where there is none
    stack_end: int
    # Sizes. The driver writes them, and the parser may only read them.
    buf_cap: int
    kinds_cap: int
    keys_cap: int
    told_cap: int
    rows_cap: int  # rows that may be filled; the columns may have more
    width: int  # keys that an event has at most

    buf = array("uint8", "buf_cap")  # bytes of the log (driver)
    words = part(Words)  # of the specification (driver)
    kinds = table(EventKind, "kinds_cap")  # of the specification (driver)
    keys = table(EventKey, "keys_cap")  # those of all kinds, one kind after another (driver)
    tokens = part(Words)  # names of interfaces so far, numbered as they came (the parser, and of odd lines the driver)
    stacks = part(Words)  # stacks of headers so far, numbered as they came (driver)
    told = table(StackRow, "told_cap")  # what each tells, by its number (driver)
    # The events, a row each, as columns. The parser writes them, and the driver those of odd lines.
    time_of = array("int64", "rows_cap")  # ns
    kind_of = array("int32", "rows_cap")  # a row of `kinds`
    token_of = array("int32", "rows_cap")  # the number of its interface, -1 for the whole node
    line_of = array("int64", "rows_cap")  # the line, from 1
    offset_of = array("int64", "rows_cap")  # where that begins in the file
    keys_of = array("int64", "rows_cap", "width")  # the values of its keys, UNKNOWN where it has none


FIELDS: Final = 64
"""Keys of an object of JSON; one with more is odd."""

# What the value of a field is.
WORD: Final = 0
INTEGER: Final = 1
DECIMAL: Final = 2
TRUE: Final = 3
FALSE: Final = 4
NULL: Final = 5
LIST: Final = 6

# The keys that every event has, as `FieldRow.own` numbers them.
NOT_OWN: Final = -1
OWN_TIME: Final = 0
OWN_INTERFACE: Final = 1
OWN_EVENT: Final = 2
OWN: Final = 3


class FieldRow(Record):
    """A field of an object of JSON: where its key and its value stand in `buf`, without quotation marks or brackets."""

    key_at: int
    key_end: int
    value_at: int
    value_end: int
    sort: int  # what the value is: WORD and after
    own: int  # which key it is of those that every event has, or NOT_OWN


class JsonLines(LogLines):
    """All that the parser of JSON Lines works on."""

    count: int  # fields of the object under way
    fields = table(FieldRow, FIELDS)  # they (parser)
    own = array("int64", OWN)  # which of the fields are the keys that every event has (parser)
