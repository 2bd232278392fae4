"""Compiled: lines of a text log → rows, for lines as programs write them; `text.py` and the grammar once more.

A line that it is not sure of is *odd*: the parser stops before it (`words.py` says why). The functions are the parts of
a line: its time, its interface, its kind, its keys.
"""

from __future__ import annotations

from typing import Any

from mipcheck.checker.logs.bulk.parsed import BASIS, ENUM, NAMES, ODD, PRIME, LogLines
from mipcheck.checker.logs.bulk.words import (
    clear_keys,
    end_of_line,
    ends_here,
    is_space,
    look_up,
    pass_over,
    past_spaces,
    take_event,
    time_at,
    value_of,
)
from mipcheck.checker.logs.parts import LINE_LIMIT
from mipcheck.model.machine.kleene import U


def take_line(s: LogLines) -> int:
    """Take the line at `s.at`; return TAKEN, or why not."""
    p = past_spaces(s.buf, s.at)
    if ends_here(s.buf, p):
        return pass_over(s, end_of_line(s.buf, p))
    if s.buf[p] == ord("#"):
        q = _end_of_comment(s.buf, p)
        return pass_over(s, q) if q >= 0 else ODD
    s.time = time_at(s, p)
    if s.time < 0 or not is_space(s.buf, s.stop):
        return ODD
    p = _take_interface(s, past_spaces(s.buf, s.stop))
    if p >= 0:
        p = _take_kind(s, past_spaces(s.buf, p))
    if p >= 0:
        p = _take_keys(s, p)
    if p < 0 or p - s.at > LINE_LIMIT:
        return ODD
    return take_event(s, p)


def _end_of_comment(buf: Any, p: int) -> int:
    """Return where the line ends that is a comment from here on; -1 for one that is not in ASCII."""
    others = 0
    while buf[p] != ord("\n"):
        others |= buf[p] & 128
        p += 1
    return p if not others else -1


def _is_letter(buf: Any, p: int) -> bool:
    """Whether a character of a value is here: in ASCII, and no space or quotation mark."""
    letter = buf[p]
    return bool((letter - ord("!")) & 0xFF <= ord("~") - ord("!") and letter != ord('"'))


def _end_of_word(s: LogLines, scope: int, p: int) -> int:
    """Return where the word ends that begins here; its hash goes to `s.hash`. It may be empty."""
    h = BASIS ^ scope
    while _is_letter(s.buf, p) and s.buf[p] != ord("="):
        h = (h ^ s.buf[p]) * PRIME
        p += 1
    s.hash = h
    return p


def _is_apart(buf: Any, p: int) -> bool:
    """Whether what stands before this place is apart from what follows."""
    return is_space(buf, p) or ends_here(buf, p)


def _take_interface(s: LogLines, p: int) -> int:
    """Note the interface's name that begins here; return where it ends, -1 if it is odd."""
    s.token_at = p
    p = _end_of_word(s, NAMES, p)
    s.token_end, s.token_hash = p, s.hash
    if p == s.token_at or s.buf[s.token_at] == ord("#") or not is_space(s.buf, p):
        return -1
    return p


def _take_kind(s: LogLines, p: int) -> int:
    """Note the kind of event that is named here; return where its name ends, -1 if it is odd."""
    begin = p
    p = _end_of_word(s, NAMES, p)
    if p == begin or not _is_apart(s.buf, p):
        return -1
    s.kind = look_up(s, s.words, NAMES, begin, p)
    return p if s.kind >= 0 else -1


def _take_keys(s: LogLines, p: int) -> int:
    """Write the values of the keys that follow, to the end of the line; return where that is, -1 if one is odd."""
    clear_keys(s)
    s.stack_at, s.stack_end = 0, 0
    scope, needed = s.kind + 1, s.kinds[s.kind].needed
    seen = 0  # keys, a bit each
    while True:
        begin = p
        p = past_spaces(s.buf, p)
        if ends_here(s.buf, p):
            break
        if p == begin:
            return -1
        if s.buf[p] == ord("#"):
            p = _end_of_comment(s.buf, p)
            break
        begin = p
        p = _end_of_word(s, scope, p)
        if s.buf[p] != ord("=") or p == begin:
            return -1
        slot = look_up(s, s.words, scope, begin, p)
        if slot < 0 or (seen >> slot) & 1:
            return -1
        seen |= 1 << slot
        p = _take_value(s, slot, p + 1)
        if p < 0:
            return -1
    if p < 0 or seen & needed != needed:
        return -1
    return end_of_line(s.buf, p)


def _take_value(s: LogLines, slot: int, p: int) -> int:
    """Write the value of a key that begins here; return where it ends, -1 if it is odd."""
    begin = p
    kind = s.kinds[s.kind]
    key = s.keys[kind.keys + slot]
    if key.type == ENUM:  # most are, and are read only once
        p = _end_of_member(s, key.scope, p)
        member = look_up(s, s.words, key.scope, begin, p)
        value = member if member >= 0 else U
    else:
        while _is_letter(s.buf, p):
            p += 1
        value = value_of(s, key, begin, p) if p > begin else U
    if value == U or not _is_apart(s.buf, p):
        return -1
    s.keys_of[s.rows, slot] = value
    if slot == kind.stack:
        s.stack_at, s.stack_end = begin, p
    return p


def _end_of_member(s: LogLines, scope: int, p: int) -> int:
    """Return where the value ends that begins here; its hash, as that of a word of a type, goes to `s.hash`."""
    h = BASIS ^ scope
    while _is_letter(s.buf, p):
        h = (h ^ s.buf[p]) * PRIME
        p += 1
    s.hash = h
    return p
