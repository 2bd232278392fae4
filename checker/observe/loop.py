"""The observer's loop over columns, plain enough to be compiled: `observer.Observer` once more, over `ObserverState`.

What an event does is said once, in the source that `model/machine/source.py` generates from the specification (`step`,
`alters`, `due` and `pending` here); this only calls it, in the very order in which the observer does: deadlines by a
heap, then the event, then what it leaves to be looked at. Where something has to be remembered in words (a new finding,
the first time that a rule cannot be judged) the loop stops *there*, with all state in place, and goes on when
`columns.py` has taken note. What is broken again for the same cause is counted without stopping: a few hundred stops a
trace whose stamps are exact.

Each phase is a function. It returns the phase that follows, or STOP and a reason; a phase that stopped is entered again
when the loop goes on, so whatever it has dealt with by then it has to have counted in the state.

    _next ──► _overdue ◄─► _missed      for each interface that something was due of by now
      │           │
      │           ├──► _event ──► _happen ──► _judge ──► _next      _happen and _judge: for each node
      │           │
      └───────────┴──► _gap ──► _pend ──► _forget ──► _next         if evidence is missing
"""

from __future__ import annotations

from typing import Final

from mipcheck.checker.observe.causes import hash_of_read, known_finding
from mipcheck.checker.observe.generated import alters, due, pending, step
from mipcheck.checker.observe.limits import INTERFACES, LIMIT
from mipcheck.checker.observe.near import bring_near
from mipcheck.checker.observe.packed import bring_entries, keep_entries
from mipcheck.checker.observe.pauses import ask_for_missed, count_pause, end_pause, ends_pause, lose_pause
from mipcheck.checker.observe.state import ObserverState
from mipcheck.checker.observe.tables import (
    NEVER,
    complete,
    count_modes,
    end_evidence,
    end_of,
    fill,
    find_node,
    forget,
    keep_before,
    keep_writers,
    look_later,
    moved,
    next_asked,
    node_of,
    owes_nothing,
    place,
    plan,
    plan_whole,
    pop,
    put_in_anew,
    veil,
)
from mipcheck.checker.observe.trials import ROWS, agree, compare, falls_due, prepare
from mipcheck.model.machine.kleene import U

SPARE: Final = 1024
"""Rows that tables have to have left before an event, beside what grows with the number of interfaces."""

# Why the loop stopped.
DONE: Final = 0  # the batch is at its end
GROW: Final = 1  # there may be too little room for the next event
FLUSH: Final = 2  # there is too little room in `occurrences`
BROKEN: Final = 3  # an event was not allowed, and no finding is known for that
UNJUDGED: Final = 4  # whether an event was allowed cannot be told, for the first time of that rule
MISSED: Final = 5  # something owed was missed, and no finding is known for that
UNJUDGED_MISS: Final = 6  # whether something owed was missed cannot be told, for the first time of that rule
UNJUDGED_GAP: Final = 7  # the same, because evidence was lost while it was owed
TOO_MANY_INTERFACES: Final = 8
TOO_MANY_NODES: Final = 9
TOO_MUCH_SPREAD: Final = 10
DOUBT: Final = 11  # before an event with a coarse stamp: something may have been owed for too long
SETTLE: Final = 12  # after one: whether it was is not known, or since when something is owed
UNJUDGED_PAUSE: Final = 13  # whether something was missed cannot be told, as nobody told when a pause was over

# Phases, by the names of their functions.
_NEXT: Final = 0  # another event, if there is room for what it may bring
_OVERDUE: Final = 1  # an interface that may be late with something, before the event or gap itself (`after`)
_MISSED: Final = 2  # what it is late with
_EVENT: Final = 3  # whom an event is about
_HAPPEN: Final = 4  # what it does to a node
_JUDGE: Final = 5  # what rules say to that
_GAP: Final = 6  # of whom evidence is missing
_PEND: Final = 7  # what they owed
_FORGET: Final = 8  # what is not known of them any more
_ROUSE: Final = 9  # what was owed in a pause that is over
STOP: Final = 100
"""Added to a reason, so that none is a phase."""


# --- before an event --------------------------------------------------------------------------------------------------


def _next(s: ObserverState) -> int:
    """See that there is room for the next event, and by when something may be overdue."""
    i = s.at
    if i >= s.size:
        return STOP + DONE
    if i >= s.brought:
        bring_near(s)
    if (
        s.rows_room - s.rows_count < SPARE
        or s.nodes_room - s.nodes_count < 2
        or s.node_of_room < 2 * s.nodes_count + 4
        or s.deadlines_room - s.deadlines_count < s.rows_count + SPARE
        or s.late_room - s.late_count < 2 * s.rows_count + SPARE
        or s.modes_room < 2 * s.modes_count + 4
        or s.packed_room - s.packed_count < 2 * s.most_packed
    ):
        return STOP + GROW
    kind = s.kind_of[s.distinct_of[i]]
    s.looked = 0
    if kind >= 0 and s.kinds[kind].gap == 1:
        # What was due before the last event has been missed; what falls due in the gap may have been met there.
        s.after = _GAP
        s.until = s.now
        return _OVERDUE if s.now != U else _GAP
    if kind >= 0 and s.kinds[kind].waking != 0 and ends_pause(s, s.kinds[kind].waking) == 1:
        return _ROUSE
    s.after = _EVENT
    s.until = s.time[i]
    return _OVERDUE if s.late_count > 0 or (s.deadlines_count > 0 and s.deadlines[0].time < s.time[i]) else _EVENT


def _rouse(s: ObserverState) -> int:
    """Let a pause end that is over, and nobody has told since when."""
    if ask_for_missed(s) == 1:
        return STOP + UNJUDGED_PAUSE
    end_pause(s)
    s.after = _EVENT
    s.until = s.time[s.at]
    return _OVERDUE


def _overdue(s: ObserverState) -> int:
    """Look at the next interface: one that was left to be looked at, or one whose deadline has come."""
    row = -1
    while row < 0:
        if s.looked < s.late_count:
            row = moved(s, s.late[s.looked])
            s.looked += 1
        elif s.deadlines_count > 0 and s.deadlines[0].time < s.until:
            deadline = s.deadlines[0].time
            row = moved(s, s.deadlines[0].row)
            pop(s)
            if deadline == s.interfaces[row].queued:
                s.interfaces[row].queued = NEVER
            else:
                row = -1  # since then it was put in for an earlier one, or looked at
        else:
            break
    if row < 0:
        s.late_count = 0
        s.looked = 0
        return int(s.after)
    node = s.interfaces[row].node
    begin = s.nodes[node].begin
    s.row = row
    s.node = node
    s.index = row - begin if s.interfaces[row].token >= 0 else U
    every = s.values[begin : end_of(s, node)]
    bring_entries(s, node, 0)
    entries = s.packed[s.entries_begin : s.entries_end]
    s.outcomes_count = due(
        s.until - s.by, s.index, s.values[row], s.shared[node], entries, every, s.constants, s.outcomes
    )
    s.outcome = 0
    if s.tracks == 1 and node == 0:
        s.outcomes_count = 0  # there is nobody yet to owe anything
    return _MISSED


def _missed(s: ObserverState) -> int:
    """Count what the interface was late with."""
    while s.outcome < s.outcomes_count:
        at = s.outcome
        s.outcome += 3
        s.rule = s.outcomes[at]
        s.deadline = s.outcomes[at + 1]
        rule = s.rules[s.rule]
        if s.outcomes[at + 2] == U:
            rule.unknown += 1
            if rule.holed == 0:
                return STOP + UNJUDGED_MISS
            continue
        rule.broken += 1
        s.read = 0
        anchor = s.shared_writers[s.node, rule.anchor] if rule.by_node == 1 else s.writers[s.row, rule.anchor]
        finding = known_finding(s, anchor)
        if finding >= 0:
            s.findings[finding] = s.findings[finding].count + 1, s.deadline, anchor
        elif rule.findings >= LIMIT:
            rule.unlisted += 1
        else:
            return STOP + MISSED
    if s.index == U:
        plan_whole(s, s.row, s.until)
    else:
        plan(s, s.row, s.until)
    return _OVERDUE


# --- an event ---------------------------------------------------------------------------------------------------------


def _event(s: ObserverState) -> int:
    """See whom the event is about: a node, or all of them."""
    i = s.at
    d = s.distinct_of[i]
    s.now = s.time[i]
    s.to_all = 0
    if s.kind_of[d] < 0:
        s.at += 1
        return _NEXT
    kind = s.kinds[s.kind_of[d]]
    s.each = 0 if kind.anew == 1 and s.token_of[d] < 0 else -1
    told = kind.access >= 0 and s.keys[d, kind.access] != U
    if told and kind.direction >= 0 and s.keys[d, kind.direction] == kind.outward:
        packets = s.keys[d, kind.packets] if kind.packets >= 0 else U
        if kind.scope < 0 or s.keys[d, kind.scope] != kind.other:
            count_modes(s, s.token_of[d], s.keys[d, kind.access], packets if packets != U else 1, s.first + i)
    if s.tracks == 0:
        s.node = 0
        return _HAPPEN
    key = node_of(s, d, kind.tracked)
    if key != U:
        node = find_node(s, key)
        if node < 0:
            return STOP + TOO_MANY_NODES
        s.node = node
        return _HAPPEN
    if kind.telling == 1:
        s.spread += s.nodes_count - 1
        if s.spread > s.most_spread:
            return STOP + TOO_MUCH_SPREAD
        s.to_all = 1
        s.told = 1
        s.node = 1 if s.nodes_count > 1 else 0
        return _HAPPEN
    s.at += 1
    return _NEXT


def _happen(s: ObserverState) -> int:
    """Let the event happen to a node."""
    if s.occurrences_room - s.occurrences_count < s.rules_count:
        return STOP + FLUSH
    if s.rows_room - s.rows_count < SPARE or s.packed_room - s.packed_count < s.most_packed:
        return STOP + GROW
    i = s.at
    d = s.distinct_of[i]
    kind, token = s.kind_of[d], s.token_of[d]
    node = s.node
    if s.each >= 0 and s.each < s.nodes[node].count:
        row = s.nodes[node].begin + s.each
        s.index = s.each
    elif token < 0:
        if s.kinds[kind].begins == 1:
            end_evidence(s)
        row = 0
        s.index = U
        fill(s.values[0], U)
        fill(s.writers[0], -1)
        s.interfaces[0].token = token
        s.interfaces[0].node = node
    else:
        row = place(s, node, token)
        if row < 0:
            return STOP + TOO_MANY_INTERFACES
        s.index = row - s.nodes[node].begin
    s.row = row
    noted = s.kinds[kind].noted
    notes = noted >= 0 and s.values[row, noted] == 0
    changing = notes or s.kinds[kind].changing == 1
    if s.coarse == 1 and changing and s.doubted == 0 and falls_due(s) == 1:
        return STOP + DOUBT
    keys = s.keys[d]
    if complete(s, d) == 1:
        keys = s.completed
    s.altered = 0
    if changing and (notes or s.foggy == 1 or s.coarse == 1 or alters(kind, keys, s.constants) == 1):
        s.altered = 1
        keep_before(s, row, node, kind)
    bring_entries(s, node, 1 if s.altered == 1 and s.kinds[kind].sets == 1 else 0)
    entries = s.packed[s.entries_begin : s.entries_end]
    own = s.nodes[node]
    every = s.values[own.begin : end_of(s, node)]
    if s.coarse == 1:
        s.trials = 0
        while s.trials < 2 and prepare(s, s.trials) == 1:
            n = s.trials
            later = s.by if n == 0 else 0
            index = n * ROWS + (s.index if s.index != U else INTERFACES)
            tried = s.tried[n * ROWS : n * ROWS + own.count]
            s.tried_counts[n] = step(
                kind, s.time[i] + later, s.index, s.tried[index], s.tried_shared[n], entries, tried, keys,
                s.constants, s.first + i, s.tried_writers, s.tried_shared_writers, s.tried_outcomes[n],
            )  # fmt: skip
            s.trials += 1
    s.outcomes_count = step(
        kind, s.time[i], s.index, s.values[row], s.shared[node], entries, every, keys, s.constants,
        s.first + i, s.writers[row], s.shared_writers[node], s.outcomes,
    )  # fmt: skip
    s.outcome = 0
    s.shared_changed = 0
    if s.foggy == 1:
        veil(s, node, row)
    if s.coarse == 1:
        compare(s)
        if changing:
            agree(s, s.kinds[kind].waking)
    if s.altered == 1:
        if s.kinds[kind].waking == 1 and node == 0:
            count_pause(s)
        s.shared_changed = keep_writers(s, row, node, kind)
    if s.to_all == 1 and node == 0 and s.nodes_count > 1:
        s.outcomes_count = 0  # the state in which nodes begin is nobody's
    return _JUDGE


def _judge(s: ObserverState) -> int:
    """Count what rules say to the event, and see what it leaves to be looked at."""
    i, row, node = s.at, s.row, s.node
    kind = s.kind_of[s.distinct_of[i]]
    changing = s.altered == 1 or s.kinds[kind].changing == 1
    if s.doubted == 1 or s.gone == 1:
        return STOP + SETTLE
    while s.outcome < s.outcomes_count:
        at = s.outcome
        s.outcome += 2
        s.rule = s.outcomes[at]
        rule = s.rules[s.rule]
        if s.outcomes[at + 1] == 1:
            rule.kept += 1
            continue
        if s.outcomes[at + 1] == U:
            rule.unknown += 1
            if rule.holed == 0:
                return STOP + UNJUDGED
            continue
        rule.broken += 1
        s.read = hash_of_read(s)
        finding = known_finding(s, kind)
        if finding >= 0:
            s.findings[finding] = s.findings[finding].count + 1, s.time[i], s.first + i
            if s.recording == 1:
                s.occurrences[s.occurrences_count] = finding, s.first + i
                s.occurrences_count += 1
        elif rule.findings >= LIMIT:
            rule.unlisted += 1
        else:
            return STOP + BROKEN
    if s.altered == 1 and s.kinds[kind].sets == 1:
        keep_entries(s, node)
    if changing:
        if s.limits_count > 0 and row != 0 and owes_nothing(s, row) == 0 and plan(s, row, s.time[i]) == 1:
            look_later(s, row)
        whole = s.nodes[node].whole
        if whole > 0 and owes_nothing(s, whole) == 0 and plan_whole(s, whole, s.time[i]) == 1:
            look_later(s, whole)
        if s.entangled == 1 or s.shared_changed == 1:
            for other in range(s.nodes[node].begin, end_of(s, node)):
                if other != row and s.interfaces[other].expired == 1:
                    look_later(s, other)
    s.doubted = 0
    if s.each >= 0:
        s.each += 1
        if s.each < s.nodes[node].count:
            return _HAPPEN
        s.nodes[node].fresh = 1
        s.each = 0
    if s.to_all == 1 and node != 0:
        s.told += 1
        s.node = s.told if s.told < s.nodes_count else 0
        return _HAPPEN
    s.at += 1
    return _NEXT


# --- a gap ------------------------------------------------------------------------------------------------------------


def _gap(s: ObserverState) -> int:
    """See of what evidence is missing: of an interface, of a node, or of all."""
    d = s.distinct_of[s.at]
    kind = s.kinds[s.kind_of[d]]
    token = s.token_of[d]
    if s.gap == 0 and s.first + s.at > 0:
        s.gap = s.first + s.at + 1
    s.to_all = 0
    s.node = 0
    if s.tracks == 1:
        key = node_of(s, d, kind.tracked)
        if key != U:
            node = find_node(s, key)
            if node < 0:
                return STOP + TOO_MANY_NODES
            s.node = node
        else:
            s.to_all = 1
            s.node = 1
    if s.to_all == 1:
        # Whatever interface it was: what a device keeps of a node belongs to none.
        s.asked = s.nodes[1].begin if s.nodes_count > 1 else 0
        s.asked_end = end_of(s, 1) if s.nodes_count > 1 else 0
        s.asked_whole = s.nodes[1].whole if s.nodes_count > 1 else 0
    elif token < 0:
        s.asked = s.nodes[s.node].begin
        s.asked_end = end_of(s, s.node)
    else:
        row = place(s, s.node, token)
        if row < 0:
            return STOP + TOO_MANY_INTERFACES
        s.asked = row
        s.asked_end = row + 1
    if s.to_all == 0:
        s.asked_whole = s.nodes[s.node].whole
    s.outcome = 0
    s.outcomes_count = 0
    return _PEND


def _pend(s: ObserverState) -> int:
    """Count what was owed when the evidence was lost: it may have been met."""
    while True:
        while s.outcome < s.outcomes_count:
            s.rule = s.outcomes[s.outcome]
            s.outcome += 1
            rule = s.rules[s.rule]
            rule.unknown += 1
            if rule.holed == 0:
                return STOP + UNJUDGED_GAP
        if s.asked < s.asked_end or s.asked_whole > 0:
            row = next_asked(s)
            node = s.interfaces[row].node
            begin = s.nodes[node].begin
            every = s.values[begin : end_of(s, node)]
            bring_entries(s, node, 0)
            entries = s.packed[s.entries_begin : s.entries_end]
            s.outcomes_count = pending(s.index, s.values[row], s.shared[node], entries, every, s.constants, s.outcomes)
            s.outcome = 0
        elif s.to_all == 1 and s.node + 1 < s.nodes_count:
            s.node += 1
            s.asked = s.nodes[s.node].begin
            s.asked_end = end_of(s, s.node)
            s.asked_whole = s.nodes[s.node].whole
        else:
            return _FORGET


def _forget(s: ObserverState) -> int:
    """Forget all: from the last event to the gap anything may have happened."""
    if s.to_all == 0:
        lose_pause(s)
    forget(s)
    s.now = s.time[s.at]
    s.at += 1
    return _NEXT


# --- the loop ---------------------------------------------------------------------------------------------------------


def replay(s: ObserverState) -> int:
    """Take the events of the batch, from `at` on. Return why it stopped."""
    phase = s.phase
    if s.scattered == 1:
        put_in_anew(s)
    while phase < STOP:
        s.phase = phase
        if phase == _NEXT:
            phase = _next(s)
        elif phase == _OVERDUE:
            phase = _overdue(s)
        elif phase == _MISSED:
            phase = _missed(s)
        elif phase == _EVENT:
            phase = _event(s)
        elif phase == _HAPPEN:
            phase = _happen(s)
        elif phase == _JUDGE:
            phase = _judge(s)
        elif phase == _GAP:
            phase = _gap(s)
        elif phase == _PEND:
            phase = _pend(s)
        elif phase == _ROUSE:
            phase = _rouse(s)
        else:
            phase = _forget(s)
    return int(phase - STOP)
