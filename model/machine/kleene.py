"""Three-valued operations on integers, for the compiled semantics. A truth value is 1, 0 or UNKNOWN.

Plain enough to be compiled to native code as they stand.
"""

from __future__ import annotations

from typing import Final

UNKNOWN: Final = -(2**63)
U = UNKNOWN


def not_(a: int) -> int:
    return U if a == U else 1 - a


def seen(a: int) -> int:
    """Return whether the evidence shows it: what is unknown is not seen."""
    return int(a == 1)


def and_(a: int, b: int) -> int:
    return a if b == 1 else 0 if a == 0 else b


def or_(a: int, b: int) -> int:
    return a if b == 0 else 1 if a == 1 else b


def implies(a: int, b: int) -> int:
    return b if a == 1 else 1 if a == 0 or b == 1 else U


def eq(a: int, b: int) -> int:
    return U if a == U or b == U else int(a == b)


def ne(a: int, b: int) -> int:
    return U if a == U or b == U else int(a != b)


def lt(a: int, b: int) -> int:
    return U if a == U or b == U else int(a < b)


def le(a: int, b: int) -> int:
    return U if a == U or b == U else int(a <= b)


def add(a: int, b: int) -> int:
    return U if a == U or b == U else a + b


def sub(a: int, b: int) -> int:
    return U if a == U or b == U else a - b


def mul(a: int, b: int) -> int:
    return U if a == U or b == U else a * b


def quotient(a: int, b: int) -> int:
    """Return a divided by a number above 0, rounded down."""
    return U if a == U else a // b


def neg(a: int) -> int:
    return U if a == U else -a


def largest(a: int, b: int) -> int:
    return U if a == U or b == U else max(a, b)


def smallest(a: int, b: int) -> int:
    return U if a == U or b == U else min(a, b)


def has(members: int, index: int) -> int:
    """Return whether a set, written as a bit mask, has its member number `index`."""
    return U if members == U else (members >> index) & 1


def contains(index: int, members: int) -> int:
    """Return whether a set, written as a bit mask, has the member with that index."""
    return U if index == U or members == U else (members >> index) & 1


def join(a: int, b: int) -> int:
    """Return what is known of a value that is either a or b."""
    return a if a == b else U


def owed_since(met: int, start: int, begun: int, match: int, now: int) -> int:
    """Return what says whether an obligation has been met (1) after its anchor was assigned: at a `match` of 1 or U.

    The anchor was `start` and is `begun`. Where that is not known the obligation is owed *perhaps*, and this is since
    when, at the earliest: a time, and 2. What was slept meanwhile is kept negated in what it was before.
    """
    if begun != U:
        return 0 if match == 1 else join(met, 0)
    if match != 1 and met > 1:
        return met
    if match != 1 and met <= 0 and start != U:
        since = start if met == U else start - met
        return max(since, 0) + 2
    return max(now, 0) + 2


def owed_from(met: int, start: int) -> int:
    """Return since when an obligation is owed, whose anchor is `start`: later by as long as it has paused, and at the
    earliest where it is owed perhaps. U where it is not owed, or nobody knows."""
    if met > 1:
        return met - 2
    if met == 1 or start == U:
        return U
    return start if met == U else start - met


def low_half(a: int) -> int:
    """Return the low 32 bits of an identification, which are all that RFC 3344 3.6.2.1 compares; U stays U."""
    return U if a == U else a & 4294967295


def doubted(a: int, doubt: int) -> int:
    """Return what a condition comes to where something makes it unclear: U if it does, or may."""
    return a if doubt == 0 else U
