"""How close it was: of every time that ran, and was met, the closest call. Plain data, from what was followed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mipcheck.checker.check.chart import Limit
from mipcheck.model.values.event import Position


@dataclass(frozen=True, slots=True)
class Margin:
    """What was done `margin` ns before the time for it was over, at `time` (ns, as the report counts them).

    `name` is the rule that demands it, or, unless it `is_rule`, the stage that would have ended. `times` is how often
    it was done in time on this interface, of which this was the closest.
    """

    name: str
    is_rule: bool
    interface: str
    margin: int
    time: int
    times: int
    at: Position


def margins_of(limits: Iterable[Limit]) -> tuple[Margin, ...]:
    """Return the closest call for each rule or stage, and interface, the closest of all first."""
    closest: dict[tuple[str, bool, str], tuple[Limit, int]] = {}
    for limit in limits:
        if limit.ended != "met" or limit.at is None or limit.due < limit.until:
            continue
        key = limit.name, limit.is_rule, limit.interface
        best, times = closest.get(key, (limit, 0))
        if limit.due - limit.until < best.due - best.until:
            best = limit
        closest[key] = best, times + 1
    found = [
        Margin(x.name, x.is_rule, x.interface, x.due - x.until, x.until, times, x.at)
        for x, times in closest.values()
        if x.at is not None
    ]
    return tuple(sorted(found, key=lambda m: (m.margin, m.name, m.interface)))
