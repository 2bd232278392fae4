"""An event may have happened later than its stamp says: what is known of it then, as in `ordered.py`; compiled, too.

The loop lets the event happen once more at the end of its stamp's resolution, and once more with all times that were
noted before as late as they may have been. Here are the states that it takes for that, and what is known in the end.
"""

from __future__ import annotations

from typing import Final

from mipcheck.checker.observe.limits import INTERFACES
from mipcheck.checker.observe.state import ObserverState
from mipcheck.checker.observe.tables import copy, fill
from mipcheck.model.machine.kleene import U

ROWS: Final = INTERFACES + 1
"""Rows of `tried` for a trial: those of a node's interfaces, and last that of what concerns the whole node."""


def falls_due(s: ObserverState) -> int:
    """Return 1 if something falls due so soon that it may be overdue at the event already."""
    if s.deadlines_count == 0 or (s.tracks == 1 and s.node == 0):
        return 0
    return 1 if s.deadlines[0].time < s.time[s.at] + 2 * s.by else 0


def prepare(s: ObserverState, trial: int) -> int:
    """Copy the states of a node and its interfaces for a trial. Return 0 if it would be no other than the event itself.

    In the second trial (1) times are later.
    """
    later = 0
    begin = s.nodes[s.node].begin
    first = trial * ROWS
    for n in range(s.nodes[s.node].count):
        copy(s.tried[first + n], s.values[begin + n])
        if trial == 1:
            for k in range(s.slots):
                if s.uncertain[k] == 1 and s.tried[first + n, k] != U:
                    s.tried[first + n, k] += s.by
                    later = 1
    copy(s.tried_shared[trial], s.shared[s.node])
    if trial == 1:
        for k in range(s.shared_slots):
            if s.shared_uncertain[k] == 1 and s.tried_shared[1, k] != U:
                s.tried_shared[1, k] += s.by
                later = 1
    if s.index == U:
        fill(s.tried[first + INTERFACES], U)
    return 1 if trial == 0 else later


def agree(s: ObserverState, all_rows: int) -> None:
    """Forget what would be otherwise had the event happened later, but for times that move with it.

    With `all_rows` it may have changed other interfaces, too. An anchor is `gone` of which nothing is known any more,
    or which depends on such a time.
    """
    begin = s.nodes[s.node].begin
    for n in range(s.limits_count):
        k = s.limits[n].anchor
        s.lost[k] = 1 if s.values[s.row, k] != U else 0
        if s.lost[k] == 0 and s.fragile[k] == 1 and s.blurred == 1 and s.writers[s.row, k] == s.first + s.at:
            s.lost[k] = 1
    for trial in range(s.trials):
        for n in range(s.nodes[s.node].count):
            if all_rows == 1 or n == s.index:
                for k in range(s.slots):
                    value = s.values[begin + n, k]
                    other = s.tried[trial * ROWS + n, k]
                    if value != other and (s.timed[k] == 0 or value == U or other == U or other - value != s.by):
                        s.values[begin + n, k] = U
                        if value != U:
                            s.blurred = 1
        for k in range(s.shared_slots):
            value = s.shared[s.node, k]
            other = s.tried_shared[trial, k]
            if value != other and (s.shared_timed[k] == 0 or value == U or other == U or other - value != s.by):
                s.shared[s.node, k] = U
                if value != U:
                    s.blurred = 1
    s.gone = 0
    for n in range(s.limits_count):
        k = s.limits[n].anchor
        if s.row == 0 or s.values[s.row, k] != U:
            s.lost[k] = 0
        elif s.lost[k] == 1:
            s.gone = 1


def compare(s: ObserverState) -> None:
    """Let `outcomes` be what all judgements come to: unknown where they differ. What none speaks of was kept there."""
    same = 1
    for n in range(s.trials):
        if s.tried_counts[n] != s.outcomes_count:
            same = 0
        for k in range(s.outcomes_count):
            if same == 1 and s.tried_outcomes[n, k] != s.outcomes[k]:
                same = 0
    s.splits = 1 - same
    if same == 1:
        return
    for rule in range(s.rules_count):
        s.said[rule] = 0
        s.split[rule] = 0
    for k in range(0, s.outcomes_count, 2):
        _say(s, s.outcomes[k], s.outcomes[k + 1])
    for n in range(s.trials):
        for k in range(0, s.tried_counts[n], 2):
            _say(s, s.tried_outcomes[n, k], s.tried_outcomes[n, k + 1])
    s.outcomes_count = 0
    for rule in range(s.rules_count):
        if s.said[rule] == 0:
            continue
        if s.said[rule] <= s.trials:
            _say(s, rule, 1)
        s.outcomes[s.outcomes_count] = rule
        s.outcomes[s.outcomes_count + 1] = s.agreed[rule]
        s.outcomes_count += 2


def _say(s: ObserverState, rule: int, outcome: int) -> None:
    """Note one judgement by a rule."""
    if s.said[rule] == 0:
        s.agreed[rule] = outcome
    elif s.agreed[rule] != outcome:
        s.agreed[rule] = U
        s.split[rule] = 1
    s.said[rule] += 1
