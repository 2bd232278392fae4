"""Which style of replay protection a node and its home agents use, told by the identifications seen (RFC 3344 5.7).

With timestamps the identification is a time in the format of NTP, and the reply to a request that is accepted
repeats it. With nonces only the lower half of a reply is the request's; the upper half is the agent's nonce for the
node's next request. Both halves are 32 bits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

_NTP_EPOCH: Final = 2_208_988_800
"""Seconds from 1900 to 1970."""
_ERA: Final = 2**32
"""Seconds after which the upper half of an NTP time starts again."""
_PLAUSIBLE: Final = 86_400
"""Seconds. A clock that is further off is hardly one; a home agent takes 7 s by default (section 5.7.1)."""
_LOW: Final = _ERA - 1


@dataclass(slots=True)
class _Style:
    request: int | None = None
    nonce: int | None = None
    """Upper half of its last reply, where that was not simply the request's."""
    adopted: int = 0
    """How often a request took over the nonce of the reply before."""
    halved: int = 0
    """How often an accepted request was answered with another upper half."""
    clocked: bool = False
    """Whether a request had the time of day in it."""


class Identifications:
    """Follows the identifications of each home agent; requests and replies in order of time."""

    def __init__(self) -> None:
        self._styles: dict[str, _Style] = defaultdict(_Style)
        self._newest: dict[Hashable, int] = {}

    def request(self, agent: str, identification: int, time: int) -> None:
        """Take a request to `agent` that was seen at `time` (ns since the epoch)."""
        state = self._styles[agent]
        if identification == state.request:
            return  # transmitted again, or a copy of it
        state.request = identification
        if is_clock(identification, time):
            state.clocked = True
        elif state.nonce is not None and identification >> 32 == state.nonce:
            state.adopted += 1

    def reply(self, agent: str, identification: int, code: int) -> None:
        """Take a reply of `agent`."""
        state = self._styles[agent]
        if state.request is None or (identification ^ state.request) & _LOW:
            return
        if identification == state.request:
            state.nonce = None
            return
        state.nonce = identification >> 32
        if code in (0, 1):
            state.halved += 1

    def has_nonces(self, agent: str) -> bool:
        """Decide whether what was seen makes plain that nonces are in use.

        No request holds the time of day, one took over the agent's nonce, and an accepted one was answered with
        another upper half. With timestamps none of the last two happens, unless a rejected node sets its clock.
        """
        state = self._styles[agent]
        return not state.clocked and state.adopted > 0 and state.halved > 0

    def goes_back(self, key: Hashable, identification: int) -> bool:
        """Decide whether a timestamp is below the one before it, of the same `key`; an equal one was sent again."""
        before = self._newest.get(key, 0)
        self._newest[key] = max(before, identification)
        return identification < before


def is_clock(identification: int, time: int) -> bool:
    """Decide whether the upper half of an identification is the time of day, `time` in ns since the epoch."""
    off = (identification >> 32) - (time // 10**9 + _NTP_EPOCH)
    return min(off % _ERA, -off % _ERA) <= _PLAUSIBLE


def expected(request: int, reply: int) -> int:
    """Return the identification of a reply to `request` as it is compared where nonces are in use (3.6.2.1)."""
    return request if not (request ^ reply) & _LOW else reply
