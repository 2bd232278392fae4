"""What may well hold of a system whose messages come late or again: orders of numbers that hang on what has happened.

Nothing here need be true. What does not hold at first, or is lost by some move, is left out of a proof (`lasting`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

import z3
from mipcheck.model.values.types import BOOL, INT, Type

Z = Any
"""A Z3 expression; z3's own types are not checked."""


def guarded(state: Mapping[str, Z], kinds: Mapping[str, Type], guards: Iterable[str]) -> list[Z]:
    """Return orders between what parties count and what is on its way, each where something is so.

    Names in `state` are those of a system without tables (`tables.py`): `channel[0]#n` is a part of the message that
    is followed, `channel[0]` that it has been sent, `channel/arrived` that some message has arrived and
    `channel/arrived/n` what the newest one said. `guards` are variables of parties on which what they know of numbers
    may hang.
    """
    channels = sorted(n.removesuffix("/arrived") for n in state if n.endswith("/arrived"))
    if not channels:
        return []
    numbers = {n: z for n, z in state.items() if kinds[n] == INT}
    own = [z for n, z in numbers.items() if "[" not in n and "/arrived/" not in n]
    last = {n: z for n, z in numbers.items() if "/arrived/" in n}
    likely = [z3.Or(state[f"{n.partition('/arrived/')[0]}/arrived"], z <= 0) for n, z in last.items()]
    for channel in channels:
        sent = state.get(f"{channel}[0]")
        if sent is not None:
            parts = {n.removeprefix(f"{channel}[0]#"): z for n, z in state.items() if n.startswith(f"{channel}[0]#")}
            same = [z == state[f"{channel}/arrived/{part}"] for part, z in parts.items()]
            likely.append(z3.Implies(z3.And(state[f"{channel}/arrived"], *same), sent))
            counted = [z for part, z in parts.items() if kinds[f"{channel}[0]#{part}"] == INT]
            likely += [z3.Implies(sent, o) for z in counted for each in own for o in (z <= each, each <= z)]
    flags = {n: z for n, z in state.items() if kinds[n] == BOOL and "[" not in n and "/arrived" not in n}
    known = [*own, *last.values()]
    # What a party knows it has counted itself, or it came by one channel or by another.
    likely += [z3.Or(a <= b, a <= c) for a in own for b in own if a is not b for c in last.values()]
    for guard in sorted(set(guards) & set(flags)):
        for unless in (flags[guard], z3.Not(flags[guard])):
            likely += [z3.Or(unless, a <= b) for a in known for b in known if a is not b]
            likely += [z3.Or(unless, a <= b, a <= c) for a in own for b, c in combinations(last.values(), 2)]
            likely += [z3.Or(unless, o) for n, z in flags.items() if n != guard for o in (z, z3.Not(z))]
    return likely
