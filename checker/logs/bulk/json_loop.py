"""Compiled: lines of a JSON Lines log → rows, for lines as programs write them; `jsonl.py` once more.

What this takes, `jsonl.py` takes too, and with the same meaning: flat objects in printable ASCII without escapes. Any
other line is *odd*: the parser stops before it (`words.py` says why). First the fields of the object are noted, then
those looked at that every event has, then the keys of its kind.
"""

from __future__ import annotations

from typing import Any, Final

from mipcheck.checker.logs.bulk.parsed import (
    DECIMAL,
    ENUM,
    FALSE,
    FIELDS,
    INTEGER,
    LETTER_SET,
    LIST,
    NAMES,
    NOT_OWN,
    NULL,
    ODD,
    OWN,
    OWN_EVENT,
    OWN_INTERFACE,
    OWN_KEYS,
    OWN_TIME,
    TEXT,
    TRUE,
    WORD,
    WORD_SET,
    EventKey,
    FieldRow,
    JsonLines,
)
from mipcheck.checker.logs.bulk.words import (
    clear_keys,
    end_of_line,
    ends_here,
    hash_word,
    is_digit,
    pass_over,
    past_spaces,
    take_event,
    time_at,
    value_of,
    with_member,
    word,
)
from mipcheck.checker.logs.parts import LINE_LIMIT
from mipcheck.model.machine.kleene import U

_ALL_OWN: Final = (1 << OWN) - 1


def take_line(s: JsonLines) -> int:
    """Take the line at `s.at`; return TAKEN, or why not."""
    p = past_spaces(s.buf, s.at)
    if ends_here(s.buf, p):
        return pass_over(s, end_of_line(s.buf, p))
    q = _note_object(s, p)
    if q < 0 or q - s.at > LINE_LIMIT:
        return ODD
    if not _find_own(s) or not _take_time(s) or not _take_interface(s) or not _take_kind(s) or not _take_keys(s):
        return ODD
    return take_event(s, q)


# --- the object -----------------------------------------------------------------------------------------------------


def _note_object(s: JsonLines, p: int) -> int:
    """Note the fields of an object that begins here and is all of its line; return where that ends, -1 if it is odd."""
    if s.buf[p] != ord("{"):
        return -1
    p = past_spaces(s.buf, p + 1)
    count = 0
    while s.buf[p] == ord('"') and count < FIELDS:
        p = _note_field(s, s.fields[count], p)
        if p < 0:
            return -1
        count += 1
        p = past_spaces(s.buf, p)
        if s.buf[p] == ord("}"):
            s.count = count
            p = past_spaces(s.buf, p + 1)
            return end_of_line(s.buf, p) if ends_here(s.buf, p) else -1
        if s.buf[p] != ord(","):
            return -1
        p = past_spaces(s.buf, p + 1)
    return -1


def _note_field(s: JsonLines, field: FieldRow, p: int) -> int:
    """Note a field whose key begins here with its quotation mark; return where its value ends, -1 if one is odd."""
    field.key_at = p + 1
    p = _end_of_text(s.buf, p + 1)
    if p < 0:
        return -1
    field.key_end = p
    p = past_spaces(s.buf, p + 1)
    if s.buf[p] != ord(":"):
        return -1
    return _note_value(s.buf, field, past_spaces(s.buf, p + 1))


def _note_value(buf: Any, field: FieldRow, p: int) -> int:
    """Note a value that begins here; return where it ends, -1 if it is odd."""
    if buf[p] == ord('"'):
        q = _end_of_text(buf, p + 1)
        field.value_at, field.value_end, field.sort = p + 1, q, WORD
        return q + 1 if q >= 0 else -1
    if buf[p] == ord("-") or is_digit(buf, p):
        return _note_number(buf, field, p)
    if buf[p] == ord("["):
        q = _end_of_list(buf, p + 1)
        field.value_at, field.value_end, field.sort = p + 1, q, LIST
        return q + 1 if q >= 0 else -1
    if _reads(buf, p, ord("t"), ord("r"), ord("u"), ord("e")):
        field.sort = TRUE
        return p + 4
    if buf[p] == ord("f") and _reads(buf, p + 1, ord("a"), ord("l"), ord("s"), ord("e")):
        field.sort = FALSE
        return p + 5
    if _reads(buf, p, ord("n"), ord("u"), ord("l"), ord("l")):
        field.sort = NULL
        return p + 4
    return -1


def _reads(buf: Any, p: int, a: int, b: int, c: int, d: int) -> bool:
    """Whether these four letters are here."""
    return bool(buf[p] == a and buf[p + 1] == b and buf[p + 2] == c and buf[p + 3] == d)


def _note_number(buf: Any, field: FieldRow, p: int) -> int:
    """Note a number that begins here; return where it ends, -1 if it is odd, as one with an exponent is."""
    field.value_at, field.sort = p, INTEGER
    first = p + 1 if buf[p] == ord("-") else p
    q = _end_of_digits(buf, first)
    if q == first or (buf[first] == ord("0") and (q > first + 1 or first > p)):  # no digit, 01 or -0
        return -1
    if buf[q] == ord("."):
        field.sort = DECIMAL
        first = q + 1
        q = _end_of_digits(buf, first)
        if q == first:
            return -1
    field.value_end = q
    return q


def _end_of_digits(buf: Any, p: int) -> int:
    while is_digit(buf, p):
        p += 1
    return p


def _end_of_text(buf: Any, p: int) -> int:
    """Return where a text ends that begins here, after its quotation mark; -1 for one that is odd."""
    while buf[p] >= ord(" ") and buf[p] < ord("\x7f") and buf[p] != ord('"') and buf[p] != ord("\\"):
        p += 1
    return p if buf[p] == ord('"') else -1


def _end_of_list(buf: Any, p: int) -> int:
    """Return where a list of plain texts ends that begins here, after its bracket; -1 for any other list."""
    p = past_spaces(buf, p)
    if buf[p] == ord("]"):
        return p
    while buf[p] == ord('"'):
        p = _end_of_text(buf, p + 1)
        if p < 0:
            return -1
        p = past_spaces(buf, p + 1)
        if buf[p] == ord("]"):
            return p
        if buf[p] != ord(","):
            return -1
        p = past_spaces(buf, p + 1)
    return -1


# --- what every event has -------------------------------------------------------------------------------------------


def _find_own(s: JsonLines) -> bool:
    """Find the fields that every event has; return whether each is there, and once."""
    found = 0
    for n in range(s.count):
        field = s.fields[n]
        field.own = NOT_OWN
        if found != _ALL_OWN:  # as a key of its kind, a further one is unknown
            own = word(s, OWN_KEYS, field.key_at, field.key_end)
            if own >= 0:
                if (found >> own) & 1:
                    return False
                found |= 1 << own
                field.own = own
                s.own[own] = n
    return found == _ALL_OWN


def _take_time(s: JsonLines) -> bool:
    """Note the event's time, a number or a text; return whether it is one for certain."""
    field = s.fields[s.own[OWN_TIME]]
    if field.sort not in (WORD, INTEGER, DECIMAL):
        return False
    s.time = time_at(s, field.value_at)
    return s.time >= 0 and s.stop == field.value_end


def _take_interface(s: JsonLines) -> bool:
    """Note the event's interface; return whether it is a name."""
    field = s.fields[s.own[OWN_INTERFACE]]
    s.token_at, s.token_end = field.value_at, field.value_end
    if field.sort != WORD or s.token_at == s.token_end:
        return False
    hash_word(s, NAMES, s.token_at, s.token_end)
    s.token_hash = s.hash
    return True


def _take_kind(s: JsonLines) -> bool:
    """Note the event's kind; return whether there is one of that name."""
    field = s.fields[s.own[OWN_EVENT]]
    if field.sort != WORD:
        return False
    s.kind = word(s, NAMES, field.value_at, field.value_end)
    return s.kind >= 0


# --- the keys of its kind -------------------------------------------------------------------------------------------


def _take_keys(s: JsonLines) -> bool:
    """Write the values of the other keys; return whether none is odd, and all are there that are needed."""
    clear_keys(s)
    s.stack_at, s.stack_end = 0, 0
    scope, kind, keys = s.kind + 1, s.kinds[s.kind], s.keys_of[s.rows]
    first, stack = kind.keys, kind.stack
    named = 0  # keys, a bit each
    seen = 0  # those with a value
    for n in range(s.count):
        field = s.fields[n]
        if field.own != NOT_OWN:
            continue
        slot = word(s, scope, field.key_at, field.key_end)
        if slot < 0 or (named >> slot) & 1:
            return False
        named |= 1 << slot
        if field.sort == NULL:  # says nothing
            continue
        value = _value(s, field, s.keys[first + slot], slot == stack)
        if value == U:
            return False
        seen |= 1 << slot
        keys[slot] = value
        if slot == stack:
            s.stack_at, s.stack_end = field.value_at, field.value_end
    return seen & kind.needed == kind.needed


def _value(s: JsonLines, field: FieldRow, key: EventKey, stack: int) -> int:
    """Return the value of a key, UNKNOWN for what is none for certain; whether it is the event's `stack` is told."""
    p, q, type_ = field.value_at, field.value_end, key.type
    if field.sort == WORD:
        if p == q:
            return 0 if type_ == TEXT and not stack else U
        return value_of(s, key, p, q)
    if field.sort == INTEGER:
        digits = s.digits
        value = value_of(s, key, p, q) if type_ != TEXT else U
        s.digits = digits  # a number of JSON is never hexadecimal
        return value
    if field.sort == TRUE:
        return key.true if type_ == ENUM else U
    if field.sort == FALSE:
        return key.false if type_ == ENUM else U
    if field.sort == LIST:
        return _set(s, key, p, q)
    return U


def _set(s: JsonLines, key: EventKey, p: int, q: int) -> int:
    """Return the value of a list of plain texts, UNKNOWN for what is none for certain."""
    if key.type not in (LETTER_SET, WORD_SET):
        return U
    members = 0
    while p < q and members != U:
        if s.buf[p] == ord('"'):
            end = _end_of_text(s.buf, p + 1)
            members = with_member(members, word(s, key.scope, p + 1, end) if end > p + 1 else -1)
            p = end
        p += 1
    return members
