"""Facts about a machine: what its rules read and which events concern them. Found once, asked at every event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from mipcheck.model.machine.compile import Machine
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.specification.spec import Allow
from mipcheck.model.specification.term import STATE, Term


@dataclass(frozen=True, slots=True)
class Interest:
    """Slots of the variables that a condition reads: its interface's, the node's, those of every interface.

    Of `tables` (by number) it looks for entries; their default rows are among the node's slots. `keys` are those of
    each kind of event, by number, that say for which entries.
    """

    own: tuple[int, ...]
    node: tuple[int, ...]
    all: tuple[int, ...]
    tables: tuple[int, ...]
    keys: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Facts:
    """Answers to what an observer asks of a machine again and again.

    `interests` are those of permissions, by rule; `limits` for each obligation of an interface the slot that says
    whether it has been met, that of its anchor, and the time (ns) from there to its deadline, `shared_limits` the same
    for each of the node. `entangled` is whether an obligation on one interface, or the node's, depends on others. Kinds
    of events: `changing` ones change state or meet obligations, `notes` ones do where a flag is down, in that slot of
    the interface's state, which they raise, `telling` ones are judged as well, `gaps` say that evidence is missing,
    `anew` ones begin the node anew. `pause` are the slots of the node's state that say while what, and since when, no
    obligation runs; `waking` kinds tell its end, `ending` ones may show it.
    """

    interests: Mapping[int, Interest]
    limits: Sequence[tuple[int, int, int]]
    shared_limits: Sequence[tuple[int, int, int]]
    entangled: bool
    changing: frozenset[str]
    notes: Mapping[str, int]
    telling: frozenset[str]
    gaps: frozenset[str]
    anew: frozenset[str]
    pause: tuple[int, int] | None
    waking: frozenset[str]
    ending: frozenset[str]


def facts_of(machine: Machine) -> Facts:
    """Return the facts of a machine, which hold for all its traces."""
    own, shared = list[tuple[int, int, int]](), list[tuple[int, int, int]]()
    for n, body in machine.obligations:
        limit = machine.done_slot[n], machine.anchor_slot(n), _constant(machine, body.within)
        (shared if n in machine.shared_duties else own).append(limit)
    return replace(_without_parameters(machine), limits=own, shared_limits=shared)


@lru_cache(maxsize=64)
def _without_parameters(machine: Machine) -> Facts:
    """Return the facts but for limits, which parameters give: to find them would take half of the time of short
    traces."""
    allowed = {n: r.body for n, r in enumerate(machine.rules) if isinstance(r.body, Allow)}
    changing = _changing(machine)
    pause = machine.spec.pause
    return Facts(
        interests={n: _interest(machine, body.condition) for n, body in allowed.items()},
        limits=(),
        shared_limits=(),
        entangled=any(_interest(machine, b.condition).all for _, b in machine.obligations),
        changing=frozenset(changing),
        notes=machine.notes,
        telling=frozenset(
            changing | {*machine.notes} | {p.event for body in allowed.values() for p in (*body.patterns, *body.kept)}
        ),
        gaps=frozenset(e.name for e in machine.spec.events.values() if e.sender == "observer"),
        anew=frozenset(e.name for e in machine.spec.events.values() if e.anew),
        pause=(machine.node_slots[pause.condition], machine.node_slots[pause.since]) if pause is not None else None,
        waking=_waking(machine),
        ending=frozenset(p.event for p in pause.ended)
        if pause is not None and not machine.spec.tracks
        else frozenset(),
    )


def _changing(machine: Machine) -> set[str]:
    """Return the kinds of events that change state or meet obligations, and do more than to raise a flag."""
    return {p.event for p in machine.altering(machine.spec.updates)}


def _waking(machine: Machine) -> frozenset[str]:
    """Return the kinds of events after which obligations run again."""
    pause = machine.spec.pause
    if pause is None:
        return frozenset()
    ends = (u for u in machine.spec.updates if any(n == pause.condition and t.value == 0 for n, t in u.assignments))
    return frozenset(p.event for u in ends for p in u.patterns)


def _interest(machine: Machine, condition: Term) -> Interest:
    """Return the slots of the variables that a condition reads."""
    own: set[int] = set()
    node: set[int] = set()
    every: set[int] = set()
    tables: set[int] = set()
    asked: set[str] = set()

    def look(term: Term, quantified: bool) -> None:
        if term.kind in STATE and term.kind != "var":
            table = machine.spec.tables[term.name.partition(".")[0]]
            node.update(machine.table_slots[c] for c in {table.name, term.name, table.lapses} - {""})
            tables.add(machine.tables[table.name])
            asked.update(n for a in term.args for n in a.names("key"))
        if term.kind == "var" and term.name in machine.node_slots:
            node.add(machine.node_slots[term.name])
        elif term.kind == "var":
            (every if quantified else own).add(machine.interface_slots[term.name])
        for a in term.args:
            look(a, quantified or term.kind in ("some", "every"))

    look(condition, False)
    keys = {e.name: tuple(n for n, k in enumerate(e.keys) if k.name in asked) for e in machine.spec.events.values()}
    return Interest(tuple(sorted(own)), tuple(sorted(node)), tuple(sorted(every)), tuple(sorted(tables)), keys)


def _constant(machine: Machine, within: Term) -> int:
    """Return the time (ns) from an anchor to its deadline: what is granted, and the slack."""
    return machine.evaluate(within, 0, UNKNOWN, [], [], [], []) + machine.slack
