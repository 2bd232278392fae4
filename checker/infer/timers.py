"""The timers that a node shows by when it registers."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mipcheck.checker.capture.messages.mobileip import Reply, Request
from mipcheck.checker.capture.survey import Survey, on_tunnel
from mipcheck.checker.infer.agents import Agent
from mipcheck.checker.infer.fact import ACCEPTED, LIKELY, UNCERTAIN, Fact, toml_text

_INTERVALS: Final = 2
"""Intervals from which on a timer is proposed: one may be chance."""
_JITTER: Final = 0.01
"""The part of an interval that is put down to scheduling, when it is rounded up."""


def timers_of(survey: Survey, agents: Sequence[Agent]) -> list[Fact]:
    """Return the timers: what the node shows, and as comments what cannot be seen."""
    iha = next((a.address for a in agents if a.key == "iha"), None)
    return [
        *_reregistration(_attempts(survey, iha)),
        Fact("t_stop", '"60s"', None, "cannot be seen; without a success for this long, plaintext stops", said=False),
        Fact("t_detection", '"5s"', None, "cannot be seen; how long iha is tried on after xha answered", said=False),
    ]


@dataclass(slots=True)
class _Attempt:
    """A direct registration with the internal home agent: its transmissions (times in ns), and whether it succeeded."""

    frame: int
    where: tuple[str, int]
    sent: list[int]
    accepted: bool = False


def _attempts(survey: Survey, iha: int | None) -> list[_Attempt]:
    tunnels = survey.tunnels()
    attempts: dict[tuple[int, str], _Attempt] = {}
    for seen in survey.requests:
        message = seen.body
        if seen.agent != iha or on_tunnel(seen, tunnels) or seen.depth > 1 or not isinstance(message, Request):
            continue
        if message.lifetime:
            where = (seen.interface, message.coa)
            attempts.setdefault((message.id, seen.interface), _Attempt(seen.frame, where, [])).sent.append(seen.time)
    for seen in survey.replies:
        attempt = attempts.get((seen.body.id, seen.interface))
        if attempt is not None and isinstance(seen.body, Reply) and seen.body.code in ACCEPTED:
            attempt.accepted |= seen.agent == iha and seen.time >= attempt.sent[0]
    return sorted(attempts.values(), key=lambda a: a.sent[0])


def _reregistration(attempts: Sequence[_Attempt]) -> Iterator[Fact]:
    """Find the interval between one success and the next with none between that failed, where the node stayed."""
    last: dict[tuple[str, int], _Attempt] = {}
    regular: list[int] = []
    again: list[int] = []
    first = first_again = 0
    for attempt in attempts:
        before = last.get(attempt.where)
        if before is not None and before.accepted and attempt.accepted:
            regular.append(attempt.sent[0] - before.sent[-1])
            first = first or attempt.frame
        elif before is not None and not before.accepted:
            again.append(attempt.sent[0] - before.sent[-1])
            first_again = first_again or attempt.frame
        again += [b - a for a, b in zip(attempt.sent, attempt.sent[1:], strict=False)]
        last[attempt.where] = attempt
    if len(regular) >= _INTERVALS:
        why = (
            f"median of {len(regular)} intervals of {_seconds(min(regular))} to {_seconds(max(regular))} s between"
            " direct registrations: what the node does, which need not be what it is to do"
        )
        yield Fact("t_reregister", toml_text(rounded_up(int(statistics.median(regular)))), first, why, LIKELY)
    else:
        why = f"fewer than {_INTERVALS} regular intervals between successful direct registrations"
        yield Fact("t_reregister", '"20s"', None, why, said=False)
    if again and first_again:
        why = f"median of {len(again)} intervals between requests without an answer"
        value = toml_text(rounded_up(int(statistics.median(again))))
        yield Fact("t_retransmit", value, first_again, why, UNCERTAIN, said=False)


def rounded_up(ns: int) -> str:
    """Write a duration as somebody would configure it: two significant digits, upwards but for the timer's lateness.

    3.003 s was meant to be 3 s; 3.2 s stays, and 19.99 s is 20 s.
    """
    ms = max(1, math.ceil(ns * (1 - _JITTER) / 10**6))
    step = 10 ** max(0, len(str(ms)) - 2)
    ms = -(-ms // step) * step
    return f"{ms}ms" if ms < 1000 else f"{ms / 1000:g}s"


def _seconds(ns: int) -> str:
    return f"{ns / 10**9:.3f}"
