"""Lines of a JSON Lines log → columns, plain enough to be compiled: `jsonl.py` once more, for lines as programs write
them.

What this takes, `jsonl.py` takes too, and with the same meaning: flat objects in printable ASCII without escapes. As in
`bulk_lines.py`, whose tables and functions it shares, any other line is *odd*, and the parser stops before it.
"""

from __future__ import annotations

from typing import Any, Final

from mipcheck.checker.logs.bulk.text_loop import (
    BASIS,
    DONE,
    END,
    ENUM,
    FULL,
    KEYS,
    LETTER_SET,
    LINE,
    LINE_LIMIT,
    MOST,
    NEEDED,
    ODD,
    POS,
    PRIME,
    ROWS,
    STACK,
    STOP,
    TAKEN,
    TEXT,
    TYPE,
    VALUE,
    WHERE_FALSE,
    WHERE_TRUE,
    WIDTH,
    WORD_SET,
    WORDS_CAP,
    WORDS_OF,
    end_of_line,
    ends_here,
    find,
    stopped,
    take_event,
    time_at,
    value_of,
)
from mipcheck.model.machine.kleene import U

FIELDS: Final = 64
"""Keys of an object; one with more is odd."""

# A key of the object, in `J`: where it stands, where its value does (without quotation marks or brackets), and what
# that is; then the number of the key if it is one of those that every event has, else -1.
KEY_AT: Final = 0
KEY_END: Final = 1
VALUE_AT: Final = 2
VALUE_END: Final = 3
SORT: Final = 4
OWN: Final = 5
J_WIDTH: Final = 6

WORD: Final = 0
INTEGER: Final = 1
DECIMAL: Final = 2
TRUE: Final = 3
FALSE: Final = 4
NULL: Final = 5
LIST: Final = 6

OWN_KEYS: Final = -1
"""The scope of the keys that every event has, which have these numbers:"""
OWN_TIME: Final = 0
OWN_INTERFACE: Final = 1
OWN_EVENT: Final = 2
OWN_ALL: Final = 7  # all three, a bit each

_TAB: Final = 9
_SPACE: Final = 32
_QUOTE: Final = 34
_COMMA: Final = 44
_MINUS: Final = 45
_POINT: Final = 46
_ZERO: Final = 48
_NINE: Final = 57
_COLON: Final = 58
_OPEN_LIST: Final = 91
_BACKSLASH: Final = 92
_CLOSE_LIST: Final = 93
_OPEN: Final = 123
_CLOSE: Final = 125
_DELETE: Final = 127


def _past_spaces(buf: Any, p: int) -> int:
    while buf[p] == _SPACE or buf[p] == _TAB:
        p += 1
    return p


def _end_of_text(buf: Any, p: int) -> int:
    """Where a text ends that begins here, after its quotation mark; -1 for one that is odd."""
    while _SPACE <= buf[p] < _DELETE and buf[p] != _QUOTE and buf[p] != _BACKSLASH:
        p += 1
    return p if buf[p] == _QUOTE else -1


def _end_of_digits(buf: Any, p: int) -> int:
    while _ZERO <= buf[p] <= _NINE:
        p += 1
    return p


def _end_of_list(buf: Any, p: int) -> int:
    """Where a list of plain texts ends whose first stands here; -1 for any other list."""
    p = _past_spaces(buf, p)
    if buf[p] == _CLOSE_LIST:
        return p
    while buf[p] == _QUOTE:
        p = _end_of_text(buf, p + 1)
        if p < 0:
            return -1
        p = _past_spaces(buf, p + 1)
        if buf[p] == _CLOSE_LIST:
            return p
        if buf[p] != _COMMA:
            return -1
        p = _past_spaces(buf, p + 1)
    return -1


def _place_of(buf: Any, p: int, q: int, scope: int, V: Any, VA: Any, mask: int) -> int:
    """As `find`, of the word from `p` to `q`."""
    h = BASIS ^ scope
    for n in range(p, q):
        h = (h ^ buf[n]) * PRIME
    return find(V, VA, mask, scope, h, buf, p, q - p)


def _take_value(buf: Any, p: int, J: Any) -> int:
    """Note a value that begins here; where it ends, -1 for one that is odd. `J` is the row of its key."""
    J[VALUE_AT] = p
    if buf[p] == _QUOTE:
        q = _end_of_text(buf, p + 1)
        J[VALUE_AT], J[VALUE_END], J[SORT] = p + 1, q, WORD
        return q + 1 if q >= 0 else -1
    if buf[p] == _MINUS or _ZERO <= buf[p] <= _NINE:
        first = p + 1 if buf[p] == _MINUS else p
        q = _end_of_digits(buf, first)
        if q == first or (buf[first] == _ZERO and (q > first + 1 or first > p)):
            return -1
        J[SORT] = INTEGER
        if buf[q] == _POINT:
            J[SORT] = DECIMAL
            first = q + 1
            q = _end_of_digits(buf, first)
            if q == first:
                return -1
        J[VALUE_END] = q
        return q
    if buf[p] == _OPEN_LIST:
        q = _end_of_list(buf, p + 1)
        J[VALUE_AT], J[VALUE_END], J[SORT] = p + 1, q, LIST
        return q + 1 if q >= 0 else -1
    if buf[p] == 116 and buf[p + 1] == 114 and buf[p + 2] == 117 and buf[p + 3] == 101:
        J[SORT] = TRUE
        return p + 4
    if buf[p] == 102 and buf[p + 1] == 97 and buf[p + 2] == 108 and buf[p + 3] == 115 and buf[p + 4] == 101:
        J[SORT] = FALSE
        return p + 5
    if buf[p] == 110 and buf[p + 1] == 117 and buf[p + 2] == 108 and buf[p + 3] == 108:
        J[SORT] = NULL
        return p + 4
    return -1


def _take_object(D: Any, buf: Any, p: int, J: Any) -> int:
    """Note the keys and values of an object that begins here and is all of its line, which ends at `D[STOP]`.

    How many there are, -1 if anything is odd.
    """
    if buf[p] != _OPEN:
        return -1
    p = _past_spaces(buf, p + 1)
    count = 0
    while buf[p] == _QUOTE and count < FIELDS:
        J[count, KEY_AT] = p + 1
        p = _end_of_text(buf, p + 1)
        if p < 0:
            return -1
        J[count, KEY_END] = p
        p = _past_spaces(buf, p + 1)
        if buf[p] != _COLON:
            return -1
        p = _take_value(buf, _past_spaces(buf, p + 1), J[count])
        if p < 0:
            return -1
        count += 1
        p = _past_spaces(buf, p)
        if buf[p] == _CLOSE:
            p = _past_spaces(buf, p + 1)
            if not ends_here(buf, p):
                return -1
            D[STOP] = end_of_line(buf, p)
            return count
        if buf[p] != _COMMA:
            return -1
        p = _past_spaces(buf, p + 1)
    return -1


def _own_keys(D: Any, buf: Any, count: int, V: Any, VA: Any, J: Any, A: Any) -> int:
    """Which of the keys that every event has are there, -1 if one is repeated; `A` then holds their places in `J`."""
    found = 0
    for n in range(count):
        J[n, OWN] = -1
        if found != OWN_ALL:  # as a key of its kind, a further one is unknown
            place = _place_of(buf, J[n, KEY_AT], J[n, KEY_END], OWN_KEYS, V, VA, D[WORDS_CAP] - 1)
            if place >= 0:
                own = V[place, VALUE]
                if (found >> own) & 1:
                    return -1
                found |= 1 << own
                J[n, OWN] = own
                A[own] = n
    return found


def _list_value(D: Any, buf: Any, p: int, q: int, type_: int, scope: int, V: Any, VA: Any) -> int:
    """The value of a list of plain texts, UNKNOWN for what is none for certain."""
    if type_ != LETTER_SET and type_ != WORD_SET:
        return U
    members = 0
    while p < q:
        if buf[p] == _QUOTE:
            stop = _end_of_text(buf, p + 1)
            place = _place_of(buf, p + 1, stop, scope, V, VA, D[WORDS_CAP] - 1) if stop > p + 1 else -1
            if place < 0 or (members >> V[place, VALUE]) & 1:
                return U
            members |= 1 << V[place, VALUE]
            p = stop
        p += 1
    return int(members)


def _json_value(D: Any, buf: Any, J: Any, KT: Any, stack: bool, V: Any, VA: Any) -> int:
    """The value of a key of an event, UNKNOWN for what is none for certain. `J` and `KT` are the rows of the key."""
    p = J[VALUE_AT]
    q = J[VALUE_END]
    type_ = KT[TYPE]
    if J[SORT] == WORD:
        if p == q:
            return 0 if type_ == TEXT and not stack else U
        return value_of(D, buf, p, q, type_, KT[WORDS_OF], V, VA)
    if J[SORT] == INTEGER:
        return value_of(D, buf, p, q, type_, KT[WORDS_OF], V, VA) if type_ != TEXT else U
    if J[SORT] == TRUE:
        return int(KT[WHERE_TRUE]) if type_ == ENUM else U
    if J[SORT] == FALSE:
        return int(KT[WHERE_FALSE]) if type_ == ENUM else U
    if J[SORT] == LIST:
        return _list_value(D, buf, p, q, type_, KT[WORDS_OF], V, VA)
    return U


def parse_json(
    D: Any, buf: Any, V: Any, VA: Any, E: Any, KT: Any, IT: Any, IA: Any, ST: Any, SA: Any, SM: Any,
    time: Any, kind_of: Any, token_of: Any, line: Any, offset: Any, keys: Any, J: Any, A: Any,
) -> int:  # fmt: skip
    """As `bulk_lines.parse`, of JSON Lines; `J` and `A` are for its own use."""
    width = D[WIDTH]
    mask = D[WORDS_CAP] - 1
    p = D[POS]
    row = D[ROWS]
    while True:
        if p >= D[END]:
            return stopped(D, p, row, DONE)
        if row == D[MOST]:
            return stopped(D, p, row, FULL)
        start = p
        p = _past_spaces(buf, p)
        if ends_here(buf, p):
            p = end_of_line(buf, p)
            if p - start > LINE_LIMIT:
                break
            p += 1
            D[LINE] += 1
            continue
        count = _take_object(D, buf, p, J)
        stop = D[STOP]
        if count < 0 or stop - start > LINE_LIMIT or _own_keys(D, buf, count, V, VA, J, A) != OWN_ALL:
            break

        # The time, a number or a text.
        at = A[OWN_TIME]
        ns = -1
        if J[at, SORT] == WORD or J[at, SORT] == INTEGER or J[at, SORT] == DECIMAL:
            ns = time_at(D, buf, J[at, VALUE_AT])
        if ns < 0 or D[STOP] != J[at, VALUE_END]:
            break

        # The interface and the kind.
        at = A[OWN_INTERFACE]
        token_at = J[at, VALUE_AT]
        token_end = J[at, VALUE_END]
        event = A[OWN_EVENT]
        if J[at, SORT] != WORD or token_at == token_end or J[event, SORT] != WORD:
            break
        token_hash = BASIS
        for n in range(token_at, token_end):
            token_hash = (token_hash ^ buf[n]) * PRIME
        place = _place_of(buf, J[event, VALUE_AT], J[event, VALUE_END], 0, V, VA, mask)
        if place < 0:
            break
        kind = V[place, VALUE]
        first_key = E[kind, KEYS]
        for n in range(width):
            keys[row, n] = U

        # The other keys.
        named = 0
        seen = 0
        stack_at = 0
        stack_end = 0
        good = True
        for n in range(count):
            if J[n, OWN] >= 0:
                continue
            place = _place_of(buf, J[n, KEY_AT], J[n, KEY_END], kind + 1, V, VA, mask)
            if place < 0:
                good = False
                break
            slot = V[place, VALUE]
            if (named >> slot) & 1:
                good = False
                break
            named |= 1 << slot
            if J[n, SORT] == NULL:  # says nothing
                continue
            value = _json_value(D, buf, J[n], KT[first_key + slot], slot == E[kind, STACK], V, VA)
            if value == U:
                good = False
                break
            seen |= 1 << slot
            keys[row, slot] = value
            if slot == E[kind, STACK]:
                stack_at = J[n, VALUE_AT]
                stack_end = J[n, VALUE_END]
        if not good or (seen & E[kind, NEEDED]) != E[kind, NEEDED]:
            break

        why = take_event(
            D, buf, start, row, ns, kind, token_at, token_end, token_hash, stack_at, stack_end,
            E, IT, IA, ST, SA, SM, time, kind_of, token_of, line, offset, keys,
        )  # fmt: skip
        if why != TAKEN:
            return stopped(D, start, row, why)
        row += 1
        p = stop + 1

    D[STOP] = end_of_line(buf, start)
    return stopped(D, start, row, ODD)
