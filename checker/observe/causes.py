"""What the loop remembers of causes: findings that are known, and what a rule read; compiled as a part of the loop.

A finding is counted again for the same cause: the same rule, node, interface and kind of event, and state that the same
events wrote. Of who wrote it there is a hash here; in words it is `blame.cause_of`.
"""

from __future__ import annotations

from mipcheck.checker.observe.limits import LIMIT
from mipcheck.checker.observe.packed import bring_entries
from mipcheck.checker.observe.state import ObserverState
from mipcheck.checker.observe.tables import end_of, mixed


def known_finding(s: ObserverState, what: int) -> int:
    """Return the number of the last finding of `rule` for `node`, `row` and `what`, if it had this `read`; else -1."""
    key = s.nodes[s.node].key
    token = s.interfaces[s.row].token
    begin = s.rule * LIMIT
    for n in range(begin, begin + s.rules[s.rule].causes):
        cause = s.causes[n]
        if cause.key == key and cause.token == token and cause.what == what:
            return cause.finding if cause.read == s.read else -1
    return -1


def hash_of_read(s: ObserverState) -> int:
    """Return a hash of the writers of all that the condition of `rule` read, as they were before the event."""
    row = s.row
    interest = s.interest[s.rule]
    own = s.writers[row]
    if s.altered == 1:
        own = s.writers_before
    h = s.rule + 1
    for k in range(interest.own, interest.node):
        h = mixed(h, own[s.interests[k]])
    for k in range(interest.node, interest.every):
        writer = s.shared_writers[s.node, s.interests[k]]
        if s.altered == 1 and writer == s.first + s.at:
            writer = s.shared_writers_before[s.interests[k]]
        h = mixed(h, writer)
    if interest.every < interest.end:
        for other in range(s.nodes[s.node].begin, end_of(s, s.node)):
            for k in range(interest.every, interest.end):
                slot = s.interests[k]
                h = mixed(h, own[slot] if other == row else s.writers[other, slot])
    if s.rules[s.rule].tables != 0:
        h = _read_entries(s, h)
    return h


def _read_entries(s: ObserverState, h: int) -> int:
    """Return a hash that takes in the entries of the tables which the condition of `rule` reads, and for which keys."""
    kind = s.kind_of[s.distinct_of[s.at]]
    keys = s.keys[s.distinct_of[s.at]]
    if kind == s.varying:
        keys = s.completed
    for k in range(s.width):
        if (s.wanted[s.rule, kind] >> k) & 1 == 1:
            h = mixed(h, keys[k])
    bring_entries(s, s.node, 0)
    begin = s.entries_begin
    if s.entries_end > begin:
        for table in range(s.tables_count):
            if (s.rules[s.rule].tables >> table) & 1 == 1:
                h = mixed(h, table)
                for k in range(s.packed[begin + table], s.packed[begin + table + 1]):
                    h = mixed(h, s.packed[begin + k])
    return h
