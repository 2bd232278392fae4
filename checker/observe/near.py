"""What the next events need of their nodes, brought into the processor's cache for many at once; a part of the loop.

Of many nodes the state is seldom there, and each step to it waits for memory: the entry of the hash table, the node,
its interface, what they share. Events one by one would wait for each in turn. Read for many events one right after
another, by steps, most of that time passes for all of them together. Nothing depends on what is read here.
"""

from __future__ import annotations

from typing import Final

from mipcheck.checker.observe.packed import room_held
from mipcheck.checker.observe.state import NEAR, ObserverState
from mipcheck.checker.observe.tables import hashed
from mipcheck.model.machine.kleene import U

_MANY: Final = 2048
"""Nodes from which on this is worth it: the state of fewer is in the cache anyway."""
_LINE: Final = 8
"""Integers that come into the cache together."""
_ENTRIES: Final = 256
"""Integers of a node's entries of tables that are read, at the most."""


def bring_near(s: ObserverState) -> None:
    """Read of the nodes of the next events what these will read."""
    if s.tracks == 0 or s.nodes_count < _MANY:
        s.brought = s.size
        return
    first = s.at
    count = min(NEAR, s.size - first)
    s.brought = first + count
    for n in range(count):
        d = s.distinct_of[first + n]
        tracked = s.kinds[s.kind_of[d]].tracked if s.kind_of[d] >= 0 else -1
        s.near[n] = hashed(s, s.keys[d, tracked] if tracked >= 0 else U)
    for n in range(count):
        s.near[n] = s.node_of[s.near[n]].node  # mostly that of the address, and in any case one that there is
    read = 0
    for n in range(count):
        node = s.near[n]
        read ^= s.nodes[node].key
        for k in range(0, s.shared_slots, _LINE):
            read ^= s.shared[node, k] ^ s.shared_writers[node, k]
    for n in range(count):
        owner = s.nodes[s.near[n]]
        begin = owner.begin
        read ^= s.interfaces[begin].token
        for k in range(0, s.slots, _LINE):
            read ^= s.values[begin, k]
        for k in range(owner.packed, owner.packed + min(room_held(s, s.near[n]), _ENTRIES), _LINE):
            read ^= s.packed[k]
    s.read_near = read  # so that it is read
