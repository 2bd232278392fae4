"""Interfaces, nodes and deadlines of `ObserverState`: to be found, added, planned; compiled as a part of the loop."""

from __future__ import annotations

from typing import Any, Final

from mipcheck.checker.observe.limits import INTERFACES
from mipcheck.checker.observe.packed import drop_all, drop_entries, like_the_device
from mipcheck.checker.observe.state import KEPT, ObserverState
from mipcheck.checker.trace.columns import WHOLE
from mipcheck.model.machine.kleene import U, owed_from

NEVER: Final = 2**63 - 1
"""A deadline that never comes, ns."""


def mixed(h: int, value: int) -> int:
    """Carry a hash on by a value. Only its low 64 bits count, whether integers wrap or grow."""
    h = (h ^ (value & 0xFFFFFFFF)) * 0x5851F42D4C957F2D
    h = (h ^ ((h >> 29) & 0x7FFFFFFF)) + ((value >> 32) & 0xFFFFFFFF) * 0x14057B7EF767814F
    return h ^ ((h >> 32) & 0xFFFFFFFF)


def copy(to: Any, row: Any) -> None:
    """Copy a row of integers, of the length of `to`."""
    to[:] = row


def fill(row: Any, value: int) -> None:
    """Set all of a row of integers to a value."""
    for k in range(len(row)):
        row[k] = value


def is_veiled(how: int, value: int) -> int:
    """Tell whether a value is to be forgotten, by what `ObserverState.veiled` says of its slot."""
    return int(how == 1 or (how == 2 and value <= 0) or (how >= KEPT and value != how - KEPT))


def veil(s: ObserverState, node: int, row: int) -> None:
    """Forget of a node's state and an interface's what may have changed without anybody seeing it."""
    for k in range(s.shared_slots):
        if is_veiled(s.shared_veiled[k], s.shared[node, k]) == 1:
            s.shared[node, k] = U
    for k in range(s.slots):
        if is_veiled(s.veiled[k], s.values[row, k]) == 1:
            s.values[row, k] = U


# --- deadlines --------------------------------------------------------------------------------------------------------


def _push(s: ObserverState, deadline: int, row: int) -> None:
    """Put a deadline into the heap."""
    at = s.deadlines_count
    s.deadlines_count += 1
    ticket = s.tickets
    s.tickets += 1
    while at > 0:
        up = (at - 1) // 2
        entry = s.deadlines[up]
        if entry.time < deadline or (entry.time == deadline and entry.ticket < ticket):
            break
        s.deadlines[at] = s.deadlines[up]
        at = up
    s.deadlines[at] = deadline, ticket, row


def pop(s: ObserverState) -> None:
    """Take the first deadline off the heap."""
    s.deadlines_count -= 1
    size = s.deadlines_count
    time = s.deadlines[size].time
    ticket = s.deadlines[size].ticket
    row = s.deadlines[size].row
    at = 0
    while True:
        down = 2 * at + 1
        if down >= size:
            break
        left, right = s.deadlines[down], s.deadlines[down + 1]
        if down + 1 < size and (right.time < left.time or (right.time == left.time and right.ticket < left.ticket)):
            down += 1
        entry = s.deadlines[down]
        if time < entry.time or (time == entry.time and ticket < entry.ticket):
            break
        s.deadlines[at] = s.deadlines[down]
        at = down
    s.deadlines[at] = time, ticket, row


def next_asked(s: ObserverState) -> int:
    """Return the next row that is asked what it owes, which is `row` with its `index` then: after the interfaces of a
    node what stands for the whole of it."""
    if s.asked < s.asked_end:
        s.row = s.asked
        s.asked += 1
        s.index = s.row - s.nodes[s.interfaces[s.row].node].begin
    else:
        s.row = s.asked_whole
        s.asked_whole = 0
        s.index = U
    return int(s.row)


def look_later(s: ObserverState, row: int) -> None:
    """Have an interface looked at before the next event."""
    s.late[s.late_count] = row
    s.late_count += 1


def plan(s: ObserverState, row: int, now: int) -> int:
    """Plan to look at an interface when what it owes falls due next. Return 1 if some was due before `now`, else 0."""
    return _plan(s, row, s.values[row], 0, s.limits_count, now)


def plan_whole(s: ObserverState, row: int, now: int) -> int:
    """Plan to look at what a node owes, for which that row stands. Return 1 if some was due before `now`, else 0."""
    return _plan(s, row, s.shared[s.interfaces[row].node], s.limits_count, s.limits_count + s.shared_limits_count, now)


def _plan(s: ObserverState, row: int, state: Any, begin: int, end: int, now: int) -> int:
    """Plan to look at a row when the first of some limits is reached, which are kept in a `state`."""
    first = NEVER
    late = 0
    for n in range(begin, end):
        limit = s.limits[n]
        since = owed_from(state[limit.met], state[limit.anchor])
        if since == U:
            continue
        due = since + limit.within
        if due < now:
            late = 1
        elif due < first:
            first = due
    if first < s.interfaces[row].queued:
        s.interfaces[row].queued = first
        _push(s, first, row)
    s.interfaces[row].expired = late
    return late


def whole_of(s: ObserverState, node: int) -> int:
    """Return a new row that stands for all of a node, where nodes owe something themselves, else 0."""
    if s.shared_limits_count == 0:
        return 0
    row = s.rows_count
    s.rows_count += 1
    fill(s.values[row], U)
    fill(s.writers[row], -1)
    s.interfaces[row] = WHOLE, NEVER, 0, node, -1
    return int(row)


def owes_nothing(s: ObserverState, row: int) -> int:
    """Return 1 if nothing has to be planned after an event: it changed nothing, and nothing was owed before; else 0.

    Told without the interface's state, which of many nodes is seldom in the processor's cache.
    """
    return 1 if s.altered == 0 and s.interfaces[row].queued == NEVER and s.interfaces[row].expired == 0 else 0


def end_of(s: ObserverState, node: int) -> int:
    """Return the row after a node's last interface."""
    return s.nodes[node].begin + s.nodes[node].count


# --- interfaces and nodes ---------------------------------------------------------------------------------------------


def place(s: ObserverState, node: int, token: int) -> int:
    """Return the row of an interface of a node, which may be new; -1 if there are too many."""
    for row in range(s.nodes[node].begin, end_of(s, node)):
        if s.interfaces[row].token == token:
            return int(row)
    if s.nodes[node].count >= INTERFACES:
        return -1
    return _add(s, node, token, -1)


def _add(s: ObserverState, node: int, token: int, like: int) -> int:
    """Add an interface to a node: like that of row `like`, or with -1 as one that has not been seen. Return its row."""
    owner = s.nodes[node]
    if owner.count == owner.capacity:
        _move(s, node)
    row = owner.begin + owner.count
    owner.count += 1
    if like >= 0:
        copy(s.values[row], s.values[like])
        copy(s.writers[row], s.writers[like])
    else:
        copy(s.values[row], s.initial[owner.fresh])
        fill(s.writers[row], -1)
        begin_evidence(s, int(row), s.time[s.at])
    if s.foggy == 1:
        veil(s, node, row)
    s.interfaces[row] = token, NEVER, 0, node, -1
    if s.named[token] == 0:
        s.named[token] = 1
        s.names[s.names_count] = token
        s.names_count += 1
    if s.limits_count > 0 and plan(s, row, s.now if s.now != U else 0) == 1:
        look_later(s, row)
    return int(row)


def begin_evidence(s: ObserverState, row: int, now: int) -> None:
    """Note of an interface that evidence of it begins now (ns), as `Observer._from_now` has it."""
    for k in range(s.slots):
        if s.begun[k] == 1:
            s.values[row, k] = now + s.tolerance
            s.writers[row, k] = s.first + s.at


def end_evidence(s: ObserverState) -> None:
    """Note that nobody knows since when of any interface, as `Observer._tell_of_none` has it."""
    for k in range(s.slots):
        if s.begun[k] == 1:
            s.begun[k] = 0
            for row in range(s.rows_count):
                s.values[row, k] = U


def _move(s: ObserverState, node: int) -> None:
    """Give a node room for twice as many interfaces, at the end of all rows, and leave word where they went."""
    owner = s.nodes[node]
    begin = s.rows_count
    room = 2 * owner.count if owner.count > 0 else 1
    s.rows_count += room
    for n in range(owner.count):
        old = owner.begin + n
        copy(s.values[begin + n], s.values[old])
        copy(s.writers[begin + n], s.writers[old])
        s.interfaces[begin + n] = s.interfaces[old]
        s.interfaces[old].moved = begin + n
    owner.begin = begin
    owner.capacity = room


def moved(s: ObserverState, row: int) -> int:
    """Return where the interface is by now that once was in a row."""
    while s.interfaces[row].moved >= 0:
        row = s.interfaces[row].moved
    return row


def node_of(s: ObserverState, row: int, tracked: int) -> int:
    """Return the address of the node that an event of the table is about, U if it does not say; 0.0.0.0 is nobody's."""
    if tracked < 0:
        return U
    if s.keys[row, tracked] == 0:
        s.keys[row, tracked] = U
    return int(s.keys[row, tracked])


def hashed(s: ObserverState, key: int) -> int:
    """Return where in the hash table of nodes an address is looked for first."""
    return mixed(0, key) & (s.node_of_room - 1)


def put_in_anew(s: ObserverState) -> None:
    """Put all nodes into the hash table, which is empty."""
    for node in range(1, s.nodes_count):
        at = hashed(s, s.nodes[node].key)
        while s.node_of[at].node != 0:
            at = (at + 1) & (s.node_of_room - 1)
        s.node_of[at] = s.nodes[node].key, node
    s.scattered = 0


def find_node(s: ObserverState, key: int) -> int:
    """Return the node of an address; a new one begins as the device (node 0) is by now. -1 if there are too many."""
    mask = s.node_of_room - 1
    at = hashed(s, key)
    while s.node_of[at].node != 0:
        if s.node_of[at].key == key:
            return int(s.node_of[at].node)
        at = (at + 1) & mask
    if s.seen >= s.most_nodes:
        return -1
    s.seen += 1
    node = s.nodes_count
    s.nodes_count += 1
    device = s.nodes[0]
    s.node_of[at] = key, node
    whole = whole_of(s, node)
    s.nodes[node] = key, device.fresh, whole, s.rows_count, 0, 0, 0, -1
    copy(s.shared[node], s.shared[0])
    copy(s.shared_writers[node], s.shared_writers[0])
    for row in range(device.begin, device.begin + device.count):
        _add(s, node, s.interfaces[row].token, row)
    if whole > 0 and plan_whole(s, whole, s.now if s.now != U else 0) == 1:
        look_later(s, whole)
    like_the_device(s, node)
    return int(node)


def count_modes(s: ObserverState, token: int, modes: int, packets: int, number: int) -> None:
    """Count packets that left an interface in access modes."""
    mask = s.modes_room - 1
    at = mixed(token, modes) & mask
    while s.modes[at].filled != 0 and (s.modes[at].token != token or s.modes[at].modes != modes):
        at = (at + 1) & mask
    if s.modes[at].filled == 0:
        s.modes[at] = token, modes, 1, number, 0
        s.modes_count += 1
    s.modes[at].count += packets


def complete(s: ObserverState, row: int) -> int:
    """Return 1 if a key of the event varies beside the table, else 0: all its keys are in `completed` then."""
    if s.kind_of[row] != s.varying:
        return 0
    copy(s.completed, s.keys[row])
    if s.number[s.at] >= 0:
        s.completed[s.varying_key] = s.number[s.at]
    return 1


def keep_before(s: ObserverState, row: int, node: int, kind: int) -> None:
    """Keep what there is before an event of a kind, as far as that may change it."""
    copy(s.values_before, s.values[row])
    copy(s.writers_before, s.writers[row])
    for n in range(s.kinds[kind].slots, s.kinds[kind].slots_end):
        k = s.slots_set[n]
        s.shared_before[k] = s.shared[node, k]
        s.shared_writers_before[k] = s.shared_writers[node, k]


def keep_writers(s: ObserverState, row: int, node: int, kind: int) -> int:
    """Restore the writers of variables that a step did not change: who writes what they were brings nothing about.

    Return 1 if it changed what the interfaces of a node share.
    """
    for k in range(s.variables):
        if s.values[row, k] == s.values_before[k]:
            s.writers[row, k] = s.writers_before[k]
    changed = 0
    for n in range(s.kinds[kind].slots, s.kinds[kind].slots_end):
        k = s.slots_set[n]
        if s.shared[node, k] == s.shared_before[k]:
            s.shared_writers[node, k] = s.shared_writers_before[k]
        else:
            changed = 1
    return changed


def forget(s: ObserverState) -> None:
    """Forget what was known of those of whom evidence is missing: an interface and what all share, a node, or all."""
    i = s.at
    node = s.node
    token = s.token_of[s.distinct_of[i]]
    if s.to_all == 1:
        node = 0
        _forget_nodes(s)
    else:
        for row in range(s.nodes[node].begin if token < 0 else s.asked_end - 1, s.asked_end):
            fill(s.values[row], U)
            fill(s.writers[row], s.first + i)
            begin_evidence(s, row, s.time[i])
        if token < 0:
            s.nodes[node].fresh = 0
        for row in range(s.nodes[node].begin, end_of(s, node)):
            if s.interfaces[row].expired == 1:
                look_later(s, row)
        whole = s.nodes[node].whole
        if whole > 0 and s.interfaces[whole].expired == 1:
            look_later(s, whole)
    fill(s.shared[node], U)
    fill(s.shared_writers[node], s.first + i)
    for k in range(s.shared_slots):
        if s.outlasting[k] > 0:
            s.shared[node, k] = s.time[i] + s.outlasting[k]  # what is unknown has come about by now
    drop_entries(s, node)


def _forget_nodes(s: ObserverState) -> None:
    """Forget all nodes: they are as unknown as those that have not been seen, and need not be remembered."""
    for n in range(1, s.nodes_count):
        at = hashed(s, s.nodes[n].key)
        while s.node_of[at].node != n:
            at = (at + 1) & (s.node_of_room - 1)
        s.node_of[at].node = 0
    s.nodes_count = 1
    s.rows_count = 1
    s.deadlines_count = 0
    s.late_count = 0
    drop_all(s)
    s.nodes[0] = s.nodes[0].key, 0, whole_of(s, 0), 1, 0, 0, 0, -1
