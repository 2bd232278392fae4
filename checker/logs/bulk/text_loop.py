"""Lines of a text log → columns, plain enough to be compiled: `log.py` once more, for lines as programs write them.

What this takes, the grammar takes too, and with the same meaning. Whatever it is not sure of, from quotation marks to a
wrong value, is an *odd* line: the parser stops before it, and `bulk_log.py` gives that line to the grammar, which alone
says what is wrong with it. So this knows no messages, and the words of the specification only as a table of hashes.
"""

from __future__ import annotations

from typing import Any, Final

from mipcheck.model.machine.kleene import U

LINE_LIMIT: Final = 64 * 1024
TIME_LIMIT: Final = 2**62
SECOND: Final = 10**9

# Why the parser stopped.
DONE: Final = 0
FULL: Final = 1
ODD: Final = 2
NEW_STACK: Final = 3
NO_ROOM: Final = 4
TAKEN: Final = -1  # of a line: it goes on

# Scalars, in `D`.
POS: Final = 0  # where the next line begins
END: Final = 1  # all lines before this end with a line feed
LINE: Final = 2  # lines before the next
ROWS: Final = 3
MOST: Final = 4
LAST: Final = 5  # the time of the last event, ns
ABSOLUTE: Final = 6
BEGIN: Final = 7  # of what the parser stopped at, and its end
OFFSET: Final = 8  # of the buffer in the file
STOP: Final = 9
TOKENS: Final = 10
TOKENS_USED: Final = 11
BUFFER: Final = 16
WORDS_CAP: Final = 17
LETTERS: Final = 18
KEY_TYPES: Final = 19
KINDS: Final = 20
WIDTH: Final = 21
TOKENS_CAP: Final = 22
TOKENS_LETTERS: Final = 23
STACKS_CAP: Final = 24
STACKS_LETTERS: Final = 25
WORDS: Final = 26  # the number of entries that a table of words is full with
SCALARS: Final = 32

# A word of a table: its hash, where its letters are, how many, its scope, its value.
HASH: Final = 0
AT: Final = 1
LENGTH: Final = 2
SCOPE: Final = 3
VALUE: Final = 4
W_WIDTH: Final = 5

# A kind of event, in `E`: where its keys begin in `KT`, which it needs, the slots of `stack` and of what that tells.
KEYS: Final = 0
NEEDED: Final = 1
STACK: Final = 2
TOLD: Final = 3  # and the next: what is told by it
E_WIDTH: Final = 5

# A key, in `KT`: its type and, if its values are words, their scope; what `true` and `false` of JSON are (else U).
TYPE: Final = 0
WORDS_OF: Final = 1
WHERE_TRUE: Final = 2
WHERE_FALSE: Final = 3
KT_WIDTH: Final = 4
ENUM: Final = 0
LETTER_SET: Final = 1
WORD_SET: Final = 2
INT: Final = 3
ID: Final = 4
ADDRESS: Final = 5
TEXT: Final = 6
OTHER: Final = 7

BASIS: Final = 0x4BF29CE484222325
PRIME: Final = 0x100000001B3

_TAB: Final = 9
_FEED: Final = 10
_RETURN: Final = 13
_SPACE: Final = 32
_QUOTE: Final = 34
_HASH: Final = 35
_COMMA: Final = 44
_MINUS: Final = 45
_POINT: Final = 46
_ZERO: Final = 48
_NINE: Final = 57
_COLON: Final = 58
_EQUALS: Final = 61


def find(V: Any, VA: Any, mask: int, scope: int, h: int, buf: Any, at: int, length: int) -> int:
    """The place of a word in a table, or -1 less the place where it would go."""
    h = h ^ (h >> 31)
    place = h & mask
    while V[place, LENGTH] != 0:
        if V[place, HASH] == h and V[place, LENGTH] == length and V[place, SCOPE] == scope:
            same = True
            start = V[place, AT]
            for n in range(length):
                if VA[start + n] != buf[at + n]:
                    same = False
                    break
            if same:
                return int(place)
        place = (place + 1) & mask
    return int(-1 - place)


def end_of_line(buf: Any, p: int) -> int:
    while buf[p] != _FEED:
        p += 1
    return p


def ends_here(buf: Any, p: int) -> bool:
    """Whether the line ends at this place, with or without a carriage return."""
    return bool(buf[p] == _FEED or (buf[p] == _RETURN and buf[p + 1] == _FEED))


def _two(buf: Any, p: int) -> int:
    """A number of two digits, -1 if there is none."""
    if _ZERO <= buf[p] <= _NINE and _ZERO <= buf[p + 1] <= _NINE:
        return int((buf[p] - _ZERO) * 10 + (buf[p + 1] - _ZERO))
    return -1


def _days(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 in the Gregorian calendar; `year` 1 and later."""
    if month <= 2:
        year -= 1
        month += 12
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 1 - 719468


def _date(buf: Any, p: int, D: Any) -> int:
    """The time (ns) of an RFC 3339 date that begins here, -1 for what is none for certain; `D[STOP]` is its end."""
    high = _two(buf, p)
    low = _two(buf, p + 2) if high >= 0 else -1
    if low < 0 or buf[p + 4] != _MINUS:
        return -1
    month = _two(buf, p + 5)
    if month < 1 or month > 12 or buf[p + 7] != _MINUS:
        return -1
    day = _two(buf, p + 8)
    year = high * 100 + low
    if day < 1 or year < 1970:
        return -1
    most = 31
    if month == 4 or month == 6 or month == 9 or month == 11:
        most = 30
    elif month == 2:
        most = 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    if day > most or (buf[p + 10] != 84 and buf[p + 10] != 116):
        return -1
    hour = _two(buf, p + 11)
    if hour < 0 or hour > 23 or buf[p + 13] != _COLON:
        return -1
    minute = _two(buf, p + 14)
    if minute < 0 or minute > 59 or buf[p + 16] != _COLON:
        return -1
    second = _two(buf, p + 17)
    if second < 0 or second > 59:  # a leap second is odd
        return -1
    p += 19
    fraction = 0
    if buf[p] == _POINT:
        p += 1
        digits = 0
        while _ZERO <= buf[p] <= _NINE:
            if digits == 9:
                return -1
            fraction = fraction * 10 + (buf[p] - _ZERO)
            digits += 1
            p += 1
        if digits == 0:
            return -1
        for _ in range(9 - digits):
            fraction *= 10
    seconds = (_days(year, month, day) * 24 + hour) * 3600 + minute * 60 + second
    if buf[p] == 90 or buf[p] == 122:
        p += 1
    else:
        sign = 1 if buf[p] == _MINUS else -1
        if buf[p] != _MINUS and buf[p] != 43:
            return -1
        hours = _two(buf, p + 1)
        if hours < 0 or hours > 23 or buf[p + 3] != _COLON:
            return -1
        minutes = _two(buf, p + 4)
        if minutes < 0 or minutes > 59:
            return -1
        seconds += sign * (hours * 3600 + minutes * 60)
        p += 6
    D[STOP] = p
    if seconds < 0 or seconds > 4611686018:
        return -1
    ns = seconds * SECOND + fraction
    return ns if ns < TIME_LIMIT else -1


def time_at(D: Any, buf: Any, p: int) -> int:
    """The time (ns) of an event that begins here, -1 for what is none for certain; `D[STOP]` is its end."""
    ns = -1
    seconds = 0
    begin = p
    while _ZERO <= buf[p] <= _NINE and p - begin < 11:
        seconds = seconds * 10 + (buf[p] - _ZERO)
        p += 1
    absolute = 0
    if p - begin == 4 and buf[p] == _MINUS:
        absolute = 1
        ns = _date(buf, begin, D)
    else:
        if p == begin or p - begin > 10 or seconds > 4611686018:
            return -1
        ns = seconds * SECOND
        if buf[p] == _POINT:
            p += 1
            begin = p
            fraction = 0
            while _ZERO <= buf[p] <= _NINE and p - begin < 10:
                fraction = fraction * 10 + (buf[p] - _ZERO)
                p += 1
            if p == begin or p - begin > 9:
                return -1
            for _ in range(9 - (p - begin)):
                fraction *= 10
            ns += fraction
        D[STOP] = p
    if absolute != D[ABSOLUTE] or ns < D[LAST] or ns >= TIME_LIMIT:
        return -1
    return int(ns)


def value_of(D: Any, buf: Any, p: int, q: int, type_: int, scope: int, V: Any, VA: Any) -> int:
    """The value of the word from `p` to `q` as `Machine.encode` has it, UNKNOWN for what is none for certain."""
    mask = D[WORDS_CAP] - 1
    if type_ == ENUM:
        h = BASIS ^ scope
        for n in range(p, q):
            h = (h ^ buf[n]) * PRIME
        place = find(V, VA, mask, scope, h, buf, p, q - p)
        return int(V[place, VALUE]) if place >= 0 else U
    if type_ in (LETTER_SET, WORD_SET):
        if q - p == 1 and buf[p] == _MINUS:
            return 0
        members = 0
        while True:
            h = BASIS ^ scope
            start = p
            if type_ == LETTER_SET:
                h = (h ^ buf[p]) * PRIME
                p += 1
            else:
                while p < q and buf[p] != _COMMA:
                    h = (h ^ buf[p]) * PRIME
                    p += 1
            place = find(V, VA, mask, scope, h, buf, start, p - start) if p > start else -1
            if place < 0 or (members >> V[place, VALUE]) & 1:
                return U
            members |= 1 << V[place, VALUE]
            if p == q:
                return int(members)
            if type_ == WORD_SET:
                p += 1
    if type_ == INT:
        negative = buf[p] == _MINUS
        if negative:
            p += 1
        if q - p < 1 or q - p > 9:
            return U
        number = 0
        for n in range(p, q):
            if buf[n] < _ZERO or buf[n] > _NINE:
                return U
            number = number * 10 + (buf[n] - _ZERO)
        return -number if negative else number
    if type_ == ID:
        number = 0
        if q - p > 2 and buf[p] == _ZERO and (buf[p + 1] == 120 or buf[p + 1] == 88):
            if q - p > 18:
                return U
            for n in range(p + 2, q):
                digit = buf[n] - _ZERO
                if digit < 0 or digit > 9:
                    digit = (buf[n] | 32) - 87
                    if digit < 10 or digit > 15:
                        return U
                number = (number << 4) | digit
            return number  # the one number that looks like UNKNOWN is odd
        if q - p > 18:
            return U
        for n in range(p, q):
            if buf[n] < _ZERO or buf[n] > _NINE:
                return U
            number = number * 10 + (buf[n] - _ZERO)
        return number
    if type_ == ADDRESS:
        number = 0
        for part in range(4):
            start = p
            octet = 0
            while p < q and _ZERO <= buf[p] <= _NINE and p - start < 3:
                octet = octet * 10 + (buf[p] - _ZERO)
                p += 1
            if p == start or octet > 255 or (p - start > 1 and buf[start] == _ZERO):
                return U
            number = (number << 8) | octet
            if part < 3:
                if p >= q or buf[p] != _POINT:
                    return U
                p += 1
        return number if p == q else U
    if type_ == TEXT:
        return 0  # that it is there; nobody reads what it says
    return U


def tell_stack(D: Any, buf: Any, kind: int, p: int, q: int, E: Any, ST: Any, SA: Any, SM: Any, keys: Any) -> bool:
    """Tell in an event's `keys` what the stack from `p` to `q` says without saying it; False if that is not known."""
    tells = q > p and E[kind, TOLD] >= 0 and keys[E[kind, TOLD]] == U
    more = q > p and E[kind, TOLD + 1] >= 0 and keys[E[kind, TOLD + 1]] == U
    if tells or more:
        h = BASIS
        for n in range(p, q):
            h = (h ^ buf[n]) * PRIME
        place = find(ST, SA, D[STACKS_CAP] - 1, 0, h, buf, p, q - p)
        if place < 0:
            D[BEGIN] = p
            D[STOP] = q
            return False
        if tells:
            keys[E[kind, TOLD]] = SM[ST[place, VALUE], 0]
        if more:
            keys[E[kind, TOLD + 1]] = SM[ST[place, VALUE], 1]
    return True


def token_number(D: Any, buf: Any, p: int, q: int, h: int, IT: Any, IA: Any) -> int:
    """The number of an interface by its name and its hash; -1 for the node, U where there is no room for a new one."""
    length = q - p
    if length == 1 and buf[p] == _MINUS:
        return -1
    place = find(IT, IA, D[TOKENS_CAP] - 1, 0, h, buf, p, length)
    if place < 0:
        if 2 * D[TOKENS] + 2 > D[TOKENS_CAP] or D[TOKENS_USED] + length > D[TOKENS_LETTERS]:
            return U
        place = -1 - place
        IT[place, HASH] = h ^ (h >> 31)
        IT[place, AT] = D[TOKENS_USED]
        IT[place, LENGTH] = length
        IT[place, SCOPE] = 0
        IT[place, VALUE] = D[TOKENS]
        for n in range(length):
            IA[D[TOKENS_USED] + n] = buf[p + n]
        D[TOKENS_USED] += length
        D[TOKENS] += 1
    return int(IT[place, VALUE])


def take_event(
    D: Any, buf: Any, start: int, row: int, ns: int, kind: int, token_at: int, token_end: int, token_hash: int,
    stack_at: int, stack_end: int, E: Any, IT: Any, IA: Any, ST: Any, SA: Any, SM: Any,
    time: Any, kind_of: Any, token_of: Any, line: Any, offset: Any, keys: Any,
) -> int:  # fmt: skip
    """The event of the line from `start` on, whose keys are in their columns, into the others; TAKEN, or why not."""
    if not tell_stack(D, buf, kind, stack_at, stack_end, E, ST, SA, SM, keys[row]):
        return NEW_STACK
    token = token_number(D, buf, token_at, token_end, token_hash, IT, IA)
    if token == U:
        return NO_ROOM
    time[row] = ns
    kind_of[row] = kind
    token_of[row] = token
    D[LINE] += 1
    line[row] = D[LINE]
    offset[row] = D[OFFSET] + start
    D[LAST] = ns
    return TAKEN


def stopped(D: Any, p: int, row: int, why: int) -> int:
    """Say where it is to go on, and why it stopped."""
    D[POS] = p
    D[ROWS] = row
    return why


def parse(
    D: Any, buf: Any, V: Any, VA: Any, E: Any, KT: Any, IT: Any, IA: Any, ST: Any, SA: Any, SM: Any,
    time: Any, kind_of: Any, token_of: Any, line: Any, offset: Any, keys: Any,
) -> int:  # fmt: skip
    """Take lines into the columns until they are full, or the lines are over, or one is odd; why it stopped.

    `V` and `VA` hold the words of the specification, `E` and `KT` its kinds and keys; `IT` and `IA` the interfaces seen
    so far, `ST`, `SA` and `SM` the stacks and what they say.
    """
    width = D[WIDTH]
    p = D[POS]
    row = D[ROWS]
    while True:
        if p >= D[END]:
            return stopped(D, p, row, DONE)
        if row == D[MOST]:
            return stopped(D, p, row, FULL)
        start = p
        while buf[p] == _SPACE or buf[p] == _TAB:
            p += 1
        if ends_here(buf, p):
            p = end_of_line(buf, p)
            if p - start > LINE_LIMIT:
                break
            p += 1
            D[LINE] += 1
            continue
        if buf[p] == _HASH:
            ascii_ = True
            while buf[p] != _FEED:
                if buf[p] >= 128:
                    ascii_ = False
                p += 1
            if not ascii_ or p - start > LINE_LIMIT:
                break
            p += 1
            D[LINE] += 1
            continue

        # The time.
        ns = time_at(D, buf, p)
        if ns < 0:
            break
        p = D[STOP]
        if buf[p] != _SPACE and buf[p] != _TAB:
            break
        while buf[p] == _SPACE or buf[p] == _TAB:
            p += 1

        # The interface.
        begin = p
        h = BASIS
        while buf[p] > _SPACE and buf[p] < 127 and buf[p] != _QUOTE and buf[p] != _EQUALS:
            h = (h ^ buf[p]) * PRIME
            p += 1
        if p == begin or buf[begin] == _HASH or (buf[p] != _SPACE and buf[p] != _TAB):
            break
        token_at = begin
        token_end = p
        token_hash = h
        while buf[p] == _SPACE or buf[p] == _TAB:
            p += 1

        # The kind.
        begin = p
        h = BASIS
        while buf[p] > _SPACE and buf[p] < 127 and buf[p] != _QUOTE and buf[p] != _EQUALS:
            h = (h ^ buf[p]) * PRIME
            p += 1
        if p == begin or (buf[p] != _SPACE and buf[p] != _TAB and not ends_here(buf, p)):
            break
        place = find(V, VA, D[WORDS_CAP] - 1, 0, h, buf, begin, p - begin)
        if place < 0:
            break
        kind = V[place, VALUE]
        first_key = E[kind, KEYS]
        for n in range(width):
            keys[row, n] = U

        # The keys.
        seen = 0
        stack_at = 0
        stack_end = 0
        good = True
        while True:
            spaces = p
            while buf[p] == _SPACE or buf[p] == _TAB:
                p += 1
            if ends_here(buf, p):
                p = end_of_line(buf, p)
                break
            if p == spaces:
                good = False
                break
            if buf[p] == _HASH:
                while buf[p] != _FEED:
                    if buf[p] >= 128:
                        good = False
                    p += 1
                break
            begin = p
            h = BASIS ^ (kind + 1)
            while buf[p] > _SPACE and buf[p] < 127 and buf[p] != _QUOTE and buf[p] != _EQUALS:
                h = (h ^ buf[p]) * PRIME
                p += 1
            if buf[p] != _EQUALS or p == begin:
                good = False
                break
            place = find(V, VA, D[WORDS_CAP] - 1, kind + 1, h, buf, begin, p - begin)
            if place < 0:
                good = False
                break
            slot = V[place, VALUE]
            if (seen >> slot) & 1:
                good = False
                break
            seen |= 1 << slot
            p += 1
            begin = p
            while buf[p] > _SPACE and buf[p] < 127 and buf[p] != _QUOTE:
                p += 1
            if p == begin or (buf[p] != _SPACE and buf[p] != _TAB and not ends_here(buf, p)):
                good = False
                break
            value = value_of(D, buf, begin, p, KT[first_key + slot, TYPE], KT[first_key + slot, WORDS_OF], V, VA)
            if value == U:
                good = False
                break
            keys[row, slot] = value
            if slot == E[kind, STACK]:
                stack_at = begin
                stack_end = p
        if not good or (seen & E[kind, NEEDED]) != E[kind, NEEDED] or p - start > LINE_LIMIT:
            break

        why = take_event(
            D, buf, start, row, ns, kind, token_at, token_end, token_hash, stack_at, stack_end,
            E, IT, IA, ST, SA, SM, time, kind_of, token_of, line, offset, keys,
        )  # fmt: skip
        if why != TAKEN:
            return stopped(D, start, row, why)
        row += 1
        p += 1

    D[STOP] = end_of_line(buf, start)
    return stopped(D, start, row, ODD)
