"""Times as they are written: seconds and RFC 3339, in integers of nanoseconds."""

from __future__ import annotations

import datetime
from typing import Final

from mipcheck.model.values.types import show_seconds

TIME_LIMIT: Final = 2**62
"""ns; times are less, so that a deadline after one still fits into the 64 bits of an observer's state."""

_NS: Final = 10**9
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def read_seconds(word: str) -> int:
    """Return the ns of a numeral that the grammar's SECONDS accepts. Raises ValueError if it is too large."""
    whole, _, fraction = word.partition(".")
    ns = int(whole) * _NS + int(fraction.ljust(9, "0"))
    if ns >= TIME_LIMIT:
        raise ValueError("times reach 146 years at most")
    return ns


def read_datetime(word: str) -> int:
    """Return the ns since the epoch of what the grammar's DATETIME accepts; a leap second is the second after it.

    Raises ValueError for what no calendar or clock shows, and for times before 1970.
    """
    date, clock, rest = word[:10], word[11:19], word[19:]
    zone_at = len(rest) - (1 if rest[-1] in "Zz" else 6 if rest[-3] == ":" else 5)
    fraction, zone = rest[1:zone_at], rest[zone_at:]
    leap = clock.endswith(":60")
    moment = datetime.datetime.fromisoformat(f"{date}T{clock[:6]}59+00:00" if leap else f"{date}T{clock}+00:00")
    seconds = (moment - _EPOCH) // datetime.timedelta(seconds=1) + leap
    if len(zone) > 1:
        hours, minutes = int(zone[1:3]), int(zone[-2:])
        if hours > 23 or minutes > 59:
            raise ValueError("no such offset from UTC")
        seconds -= (3600 * hours + 60 * minutes) * (-1 if zone[0] == "-" else 1)
    if leap and seconds % 86400:
        raise ValueError("leap seconds end a day of UTC")
    ns = seconds * _NS + int(fraction.ljust(9, "0"))
    if not 0 <= ns < TIME_LIMIT:
        raise ValueError("times lie between 1970 and 2116")
    return ns


def show_datetime(ns: int) -> str:
    """Return RFC 3339, in UTC, with six or nine decimals; `ns` since the epoch."""
    moment = _EPOCH + datetime.timedelta(seconds=ns // _NS)
    return f"{moment:%Y-%m-%dT%H:%M:%S}{show_seconds(ns % _NS)[1:]}Z"
