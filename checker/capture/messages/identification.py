"""What an identification tells by itself (RFC 3344 section 5.7): with timestamps, it is a time in the format of NTP.

How a reply's is compared with that of the request is not decided here: the specification does that (section 3.6.2.1).
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

_NTP_EPOCH: Final = 2_208_988_800
"""Seconds from 1900 to 1970."""
_ERA: Final = 2**32
"""Seconds after which the upper half of an NTP time starts again."""
_PLAUSIBLE: Final = 86_400
"""Seconds. A clock that is further off is hardly one; a home agent takes 7 s by default (section 5.7.1)."""


class Timestamps:
    """Follows the timestamps of requests, in order of time."""

    def __init__(self) -> None:
        self._newest: dict[Hashable, int] = {}

    def goes_back(self, key: Hashable, identification: int) -> bool:
        """Decide whether a timestamp is below the one before it, of the same `key`; an equal one was sent again."""
        before = self._newest.get(key, 0)
        self._newest[key] = max(before, identification)
        return identification < before


def is_clock(identification: int, time: int) -> bool:
    """Decide whether the upper half of an identification is the time of day, `time` in ns since the epoch."""
    off = (identification >> 32) - (time // 10**9 + _NTP_EPOCH)
    return min(off % _ERA, -off % _ERA) <= _PLAUSIBLE
