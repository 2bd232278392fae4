"""Compiled: what both parsers of logs know of words, times and values (`text_loop.py`, `json_loop.py`).

What this takes, the grammar takes too, and with the same meaning. Whatever it is not sure of, from quotation marks to a
wrong value, is *odd*, and the line with it: the parser stops before that, and `log.py` gives the line to the grammar,
which alone says what is wrong with it. So this knows no messages, and the words of the specification only as a table.

Of a stretch of `buf`, `p` is where it begins and `q` where it ends.
"""

from __future__ import annotations

from typing import Any, Final

from mipcheck.checker.logs.bulk.parsed import (
    ADDRESS,
    BASIS,
    ENUM,
    ID,
    INT,
    LETTER_SET,
    NAMES,
    NEW_STACK,
    NO_ROOM,
    ODD,
    PRIME,
    TEXT,
    WORD_SET,
    EventKey,
    LogLines,
    Words,
)
from mipcheck.checker.logs.parts import LINE_LIMIT
from mipcheck.checker.trace.times import TIME_LIMIT
from mipcheck.model.machine.kleene import U

TAKEN: Final = -1  # of a line: it goes on

_SECOND: Final = 10**9
_DAY: Final = 86400
_MOST_SECONDS: Final = 4611686018  # of TIME_LIMIT
_EPOCH: Final = 719468  # days before 1970-01-01, of a calendar that begins in March of the year 0
_FRACTION: Final = 9  # digits of a fraction of a second, at most
_INT: Final = 9  # digits of an integer, at most
_ID: Final = 18  # digits of an identification, at most; so many letters it has in base 16


# --- lines ----------------------------------------------------------------------------------------------------------


def is_space(buf: Any, p: int) -> bool:
    """Whether a space or a tab is here."""
    return buf[p] in (ord(" "), ord("\t"))


def is_digit(buf: Any, p: int) -> bool:
    """Whether a digit is here."""
    return bool(ord("0") <= buf[p] <= ord("9"))


def past_spaces(buf: Any, p: int) -> int:
    """Return where something else than spaces begins."""
    while is_space(buf, p):
        p += 1
    return p


def end_of_line(buf: Any, p: int) -> int:
    """Return where the line feed is."""
    while buf[p] != ord("\n"):
        p += 1
    return p


def ends_here(buf: Any, p: int) -> bool:
    """Whether the line ends at this place, with or without a carriage return."""
    return bool(buf[p] == ord("\n") or (buf[p] == ord("\r") and buf[p + 1] == ord("\n")))


def pass_over(s: LogLines, q: int) -> int:
    """Go on after a line that tells nothing and ends at `q`; return TAKEN, or ODD if it is too long."""
    if q - s.at > LINE_LIMIT:
        return ODD
    s.line += 1
    s.at = q + 1
    return TAKEN


# --- words ----------------------------------------------------------------------------------------------------------


def find(s: LogLines, words: Words, scope: int, p: int, q: int) -> int:
    """Return the row of a word in a table, or -1 less the row where it would go. Its hash so far is `s.hash`."""
    h = s.hash ^ (s.hash >> 31)  # what all octets went into comes down to where the row is told
    mask = len(words.rows) - 1
    at = h & mask
    while words.rows[at].length != 0:
        row = words.rows[at]
        if row.hash == h and row.length == q - p and row.scope == scope and _is_spelt(s, words, row.at, p, q):
            return at
        at = (at + 1) & mask
    return -1 - at


def _is_spelt(s: LogLines, words: Words, start: int, p: int, q: int) -> bool:
    """Whether the letters of a table from `start` on are those of a word."""
    for n in range(q - p):  # noqa: SIM110  # what is compiled knows no all()
        if words.letters[start + n] != s.buf[p + n]:
            return False
    return True


def look_up(s: LogLines, words: Words, scope: int, p: int, q: int) -> int:
    """Return the value of a word in a table, -1 if it is not there. Its hash so far is `s.hash`."""
    row = find(s, words, scope, p, q)
    return words.rows[row].value if row >= 0 else -1


def hash_word(s: LogLines, scope: int, p: int, q: int) -> None:
    """Work out the hash of a word, for `find` and `look_up`."""
    h = BASIS ^ scope
    for n in range(p, q):
        h = (h ^ s.buf[n]) * PRIME
    s.hash = h


def word(s: LogLines, scope: int, p: int, q: int) -> int:
    """Return the value of a word of the specification, -1 if it is not there."""
    hash_word(s, scope, p, q)
    return look_up(s, s.words, scope, p, q)


# --- times ----------------------------------------------------------------------------------------------------------


def time_at(s: LogLines, p: int) -> int:
    """Return the time (ns) of an event that begins here, -1 for what is none for certain; `s.stop` is its end."""
    begin = p
    seconds = 0
    while is_digit(s.buf, p) and p - begin < 11:
        seconds = seconds * 10 + (s.buf[p] - ord("0"))
        p += 1
    absolute = p - begin == 4 and s.buf[p] == ord("-")
    if absolute:
        ns = _date(s, begin)
    elif p == begin or p - begin > 10 or seconds > _MOST_SECONDS:
        return -1
    else:
        fraction = _fraction(s, p)
        ns = seconds * _SECOND + fraction if fraction >= 0 else -1
    if absolute != s.absolute or ns < s.last or ns >= TIME_LIMIT:
        return -1
    return ns


def _fraction(s: LogLines, p: int) -> int:
    """Return the fraction of a second (ns) here, 0 if there is none, -1 for one that is odd; `s.stop` is its end."""
    fraction = 0
    if s.buf[p] == ord("."):
        p += 1
        begin = p
        while is_digit(s.buf, p) and p - begin <= _FRACTION:
            fraction = fraction * 10 + (s.buf[p] - ord("0"))
            p += 1
        if p == begin or p - begin > _FRACTION:
            return -1
        for _ in range(_FRACTION - (p - begin)):
            fraction *= 10
    s.stop = p
    return fraction


def _date(s: LogLines, p: int) -> int:
    """Return the time (ns) of an RFC 3339 date that begins here, -1 for what is none for certain; it ends at `s.stop`.

    `yyyy-mm-ddThh:mm:ss`, a fraction perhaps, and `Z` or `+hh:mm`.
    """
    days = _days(s.buf, p)
    if days < 0 or s.buf[p + 10] not in (ord("T"), ord("t")):
        return -1
    clock = _clock(s.buf, p + 11)
    fraction = _fraction(s, p + 19) if clock >= 0 else -1
    if fraction < 0:
        return -1
    east = _zone(s, s.stop)
    seconds = days * _DAY + clock - east
    if east == U or seconds < 0 or seconds > _MOST_SECONDS:
        return -1
    return seconds * _SECOND + fraction


def _two(buf: Any, p: int) -> int:
    """Return the number of two digits here, -1 if there is none."""
    if is_digit(buf, p) and is_digit(buf, p + 1):
        return int((buf[p] - ord("0")) * 10 + (buf[p + 1] - ord("0")))
    return -1


def _days(buf: Any, p: int) -> int:
    """Return the days from 1970-01-01 to the date here, in the Gregorian calendar; -1 for none, or one before that."""
    high = _two(buf, p)
    low = _two(buf, p + 2)
    month = _two(buf, p + 5)
    day = _two(buf, p + 8)
    if high < 0 or low < 0 or buf[p + 4] != ord("-") or buf[p + 7] != ord("-"):
        return -1
    year = high * 100 + low
    if year < 1970 or month < 1 or month > 12 or day < 1 or day > _days_of_month(year, month):
        return -1
    # Counted from March, leap days come last in a year.
    if month <= 2:
        year -= 1
        month += 12
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 1 - _EPOCH


def _days_of_month(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def _clock(buf: Any, p: int) -> int:
    """Return the second of the day that `hh:mm:ss` here says, -1 for what is none for certain."""
    hour = _two(buf, p)
    minute = _two(buf, p + 3)
    second = _two(buf, p + 6)
    if buf[p + 2] != ord(":") or buf[p + 5] != ord(":") or hour < 0 or minute < 0 or second < 0:
        return -1
    if hour > 23 or minute > 59 or second > 59:  # a leap second is odd
        return -1
    return hour * 3600 + minute * 60 + second


def _zone(s: LogLines, p: int) -> int:
    """Return how many seconds the time zone here is ahead of UTC, U for none for certain; it ends at `s.stop`."""
    sign = s.buf[p]
    if sign in (ord("Z"), ord("z")):
        s.stop = p + 1
        return 0
    hours = _two(s.buf, p + 1)
    minutes = _two(s.buf, p + 4)
    if sign not in (ord("+"), ord("-")) or s.buf[p + 3] != ord(":"):
        return U
    if hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
        return U
    s.stop = p + 6
    ahead = hours * 3600 + minutes * 60
    return ahead if sign == ord("+") else -ahead


# --- values ---------------------------------------------------------------------------------------------------------


def value_of(s: LogLines, key: EventKey, p: int, q: int) -> int:
    """Return the value of a word as `Machine.encode` has it, UNKNOWN for what is none for certain.

    The word has a letter at least.
    """
    type_ = key.type
    if type_ == ENUM:
        return _member(s, key.scope, p, q)
    if type_ == INT:
        return _integer(s.buf, p, q)
    if type_ == ID:
        return _identification(s, p, q)
    if type_ == ADDRESS:
        return _address(s.buf, p, q)
    if type_ == LETTER_SET:
        return _letter_set(s, key.scope, p, q)
    if type_ == WORD_SET:
        return _word_set(s, key.scope, p, q)
    return 0 if type_ == TEXT else U  # of a text, that it is there; nobody reads what it says


def _member(s: LogLines, scope: int, p: int, q: int) -> int:
    """Return the value of a word among those of a type."""
    value = word(s, scope, p, q)
    return value if value >= 0 else U


def with_member(members: int, value: int) -> int:
    """Return a set with another member, UNKNOWN if that is none or there already."""
    return U if value < 0 or (members >> value) & 1 else members | 1 << value


def _is_empty(buf: Any, p: int, q: int) -> bool:
    """Whether a set is written as having no members."""
    return bool(q - p == 1 and buf[p] == ord("-"))


def _letter_set(s: LogLines, scope: int, p: int, q: int) -> int:
    """Return the value of a set that is written as `DT`."""
    members = 0
    if not _is_empty(s.buf, p, q):
        for n in range(p, q):
            members = with_member(members, word(s, scope, n, n + 1))
            if members == U:
                break
    return members


def _word_set(s: LogLines, scope: int, p: int, q: int) -> int:
    """Return the value of a set that is written as `vpn-fa,endpoint-update`."""
    members = 0
    if _is_empty(s.buf, p, q):
        return members
    while members != U:
        begin = p
        while p < q and s.buf[p] != ord(","):
            p += 1
        members = with_member(members, word(s, scope, begin, p) if p > begin else -1)
        if p == q:
            break
        p += 1
    return members


def _integer(buf: Any, p: int, q: int) -> int:
    if buf[p] == ord("-"):
        number = _digits(buf, p + 1, q, _INT)
        return -number if number != U else U
    return _digits(buf, p, q, _INT)


def _digits(buf: Any, p: int, q: int, most: int) -> int:
    """Return a number of `most` digits at most."""
    if q - p < 1 or q - p > most:
        return U
    number = 0
    for n in range(p, q):
        if not is_digit(buf, n):
            return U
        number = number * 10 + (buf[n] - ord("0"))
    return number


def _identification(s: LogLines, p: int, q: int) -> int:
    """Return a number in base 10, or in base 16 after `0x`."""
    buf = s.buf
    if q - p <= 2 or buf[p] != ord("0") or buf[p + 1] not in (ord("x"), ord("X")):
        decimal = _digits(buf, p, q, _ID)
        if decimal != U and q - p in (8, 16) and s.digits == 0:
            s.digits = s.line + 1
        return decimal
    if q - p > _ID:
        return U
    number = 0
    for n in range(p + 2, q):
        digit = _hex_digit(buf[n])
        if digit < 0:
            return U
        number = number << 4 | digit
    return number  # the one number that looks like UNKNOWN is odd


def _hex_digit(letter: int) -> int:
    """Return what a digit of base 16 stands for, -1 if it is none."""
    if ord("0") <= letter <= ord("9"):
        return letter - ord("0")
    small = letter | 32  # as letters are in ASCII
    return small - ord("a") + 10 if ord("a") <= small <= ord("f") else -1


def _address(buf: Any, p: int, q: int) -> int:
    """Return an IPv4 address that is written as `192.0.2.1`."""
    number = 0
    for n in range(4):
        begin = p
        octet = 0
        while p < q and is_digit(buf, p) and p - begin < 3:
            octet = octet * 10 + (buf[p] - ord("0"))
            p += 1
        if p == begin or octet > 255 or (p - begin > 1 and buf[begin] == ord("0")):
            return U
        number = number << 8 | octet
        if n < 3:
            if p >= q or buf[p] != ord("."):
                return U
            p += 1
    return number if p == q else U


# --- events ---------------------------------------------------------------------------------------------------------


def clear_keys(s: LogLines) -> None:
    """Let the next row have no keys."""
    keys = s.keys_of[s.rows]
    for slot in range(len(keys)):
        keys[slot] = U


def take_event(s: LogLines, q: int) -> int:
    """Fill a row with the event under way, whose keys are there, and go on after its line, which ends at `q`.

    Return TAKEN, or why not.
    """
    if not _tell_stack(s):
        return NEW_STACK
    token = _token(s)
    if token == U:
        return NO_ROOM
    row = s.rows
    s.line += 1
    s.time_of[row] = s.last = s.time
    s.kind_of[row] = s.kind
    s.token_of[row] = token
    s.line_of[row] = s.line
    s.offset_of[row] = s.offset + s.at
    s.rows = row + 1
    s.at = q + 1
    return TAKEN


def _tell_stack(s: LogLines) -> bool:
    """Tell in the event's keys what its stack of headers says without saying it; False if that is not known."""
    p, q, kind, keys = s.stack_at, s.stack_end, s.kinds[s.kind], s.keys_of[s.rows]
    access, traversal = kind.access, kind.traversal
    if p == q or not (_is_untold(keys, access) or _is_untold(keys, traversal)):
        return True
    hash_word(s, NAMES, p, q)
    stack = look_up(s, s.stacks, NAMES, p, q)
    if stack < 0:
        s.begin, s.stop = p, q
        return False
    if _is_untold(keys, access):
        keys[access] = s.told[stack].access
    if _is_untold(keys, traversal):
        keys[traversal] = s.told[stack].traversal
    return True


def _is_untold(keys: Any, slot: int) -> bool:
    """Whether an event may have a key, but does not say it."""
    return bool(slot >= 0 and keys[slot] == U)


def _token(s: LogLines) -> int:
    """Return the number of the event's interface; -1 for the node, U where there is no room for a new one."""
    p, q, tokens = s.token_at, s.token_end, s.tokens
    if q - p == 1 and s.buf[p] == ord("-"):
        return -1
    s.hash = s.token_hash
    row = find(s, tokens, NAMES, p, q)
    if row >= 0:
        return tokens.rows[row].value
    number, used = tokens.count, tokens.used
    if 2 * number + 2 > tokens.rows_cap or used + (q - p) > tokens.letters_cap:
        return U
    tokens.rows[-1 - row] = s.hash ^ (s.hash >> 31), used, q - p, NAMES, number
    for n in range(p, q):
        tokens.letters[used + (n - p)] = s.buf[n]
    tokens.count = number + 1
    tokens.used = used + (q - p)
    return number
