"""Pauses, in which no obligation runs: an event may show that one is over, and a gap that nobody knows how long one is.

Compiled as a part of the loop; for the observer, `sleep.py` does the same.
"""

from __future__ import annotations

from mipcheck.checker.observe.generated import due, ends, rouse
from mipcheck.checker.observe.packed import bring_entries
from mipcheck.checker.observe.state import ObserverState
from mipcheck.checker.observe.tables import complete, copy, end_of, look_later, next_asked
from mipcheck.model.machine.kleene import U


def ends_pause(s: ObserverState, waking: int) -> int:
    """Return 1 if the event shows that a pause is over, which nobody has told: then all interfaces are asked.

    Where it tells that itself (1), a node that has not said that it fell asleep has slept since the last event.
    """
    if s.now == U or s.tracks == 1:
        return 0
    if waking == 1 and s.shared[0, s.asleep] != 1:
        s.shared[0, s.asleep] = 1
        s.shared[0, s.asleep_since] = s.now
    if waking == 1 or s.shared[0, s.asleep] != 1:
        return 0
    i = s.at
    d = s.distinct_of[i]
    keys = s.keys[d]
    if complete(s, d) == 1:
        keys = s.completed
    if ends(s.kind_of[d], s.time[i], s.shared[0], keys, s.constants) != 1:
        return 0
    s.asked = s.nodes[0].begin
    s.asked_end = end_of(s, 0)
    s.asked_whole = s.nodes[0].whole
    s.outcome = 0
    s.outcomes_count = 0
    return 1


def ask_for_missed(s: ObserverState) -> int:
    """Count what may have been missed, as the pause may have been over before. Return 1 where that is to be noted."""
    while True:
        while s.outcome < s.outcomes_count:
            at = s.outcome
            s.outcome += 3
            s.rule = s.outcomes[at]
            s.deadline = s.outcomes[at + 1]
            rule = s.rules[s.rule]
            rule.unknown += 1
            if rule.holed == 0:
                return 1
        if s.asked == s.asked_end and s.asked_whole == 0:
            return 0
        row = next_asked(s)
        s.node = 0
        copy(s.values_before, s.values[row])
        copy(s.shared_before, s.shared[0])
        every = s.values[s.nodes[0].begin : end_of(s, 0)]
        s.shared_before[s.asleep] = 0
        bring_entries(s, 0, 0)
        entries = s.packed[s.entries_begin : s.entries_end]
        s.outcomes_count = due(
            s.time[s.at] + s.by, s.index, s.values_before, s.shared_before, entries, every, s.constants, s.outcomes
        )
        s.outcome = 0


def end_pause(s: ObserverState) -> None:
    """Let a pause end with the event that shows it, and see that all is looked at that was due."""
    i = s.at
    begin = s.nodes[0].begin
    _count(s, s.shared[0, s.asleep_since])
    every = s.values[begin : end_of(s, 0)]
    rouse(s.time[i] + s.by, s.shared[0], s.shared_writers[0], every, s.first + i)
    for row in range(begin, end_of(s, 0)):
        if s.interfaces[row].expired == 1:
            look_later(s, row)
    whole = s.nodes[0].whole
    if whole > 0 and s.interfaces[whole].expired == 1:
        look_later(s, whole)


def count_pause(s: ObserverState) -> None:
    """Count a pause that the event which has happened ended, if it did."""
    if s.shared_before[s.asleep] == 1 and s.shared[0, s.asleep] == 0:
        _count(s, s.shared_before[s.asleep_since])


def _count(s: ObserverState, since: int) -> None:
    """Count a pause that the event ends, and how long it was, where that is known."""
    if since != U:
        s.pauses += 1
        s.paused += s.time[s.at] - since


def lose_pause(s: ObserverState) -> None:
    """Leave unknown whether what is owed has been met, where a pause goes on of which nobody will know the length."""
    if s.asleep < 0 or s.tracks == 1 or s.shared[0, s.asleep] != 1:
        return
    for row in range(s.nodes[0].begin, end_of(s, 0)):
        for n in range(s.limits_count):
            if s.values[row, s.limits[n].met] <= 0:
                s.values[row, s.limits[n].met] = U
    for n in range(s.limits_count, s.limits_count + s.shared_limits_count):
        if s.shared[0, s.limits[n].met] <= 0:
            s.shared[0, s.limits[n].met] = U
