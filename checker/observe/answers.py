"""What a device answers, and what it was asked: which requests a near miss of its is about, and why one did not count.

At a node replies come from the network and settle what it may do; at a home agent its own replies do. What would have
been settled, had a request been granted, or had it been one that is answered at all, is written in the specification:
an answer makes an entry, or sets something, if there is an entry of what it answers, and a request makes that one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mipcheck.checker.observe.blame import Leaf, Moment, Read, evaluate
from mipcheck.model.machine.compile import Machine
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.specification.spec import Spec
from mipcheck.model.specification.term import EventPattern, Term
from mipcheck.model.values.event import Event
from mipcheck.model.values.types import BOOL, ID, LOW_HALF

Target = tuple[EventPattern, Term, tuple[Term, ...]]
"""How an event sets something: its pattern, the value, and the key of the entry if that is a column of a table."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A request without which nothing answers: its pattern; what it would give the key and the value that are wanted.

    The value is None if the request has none.
    """

    pattern: EventPattern
    key: tuple[Term, ...]
    value: Term | None = None


def is_answer(spec: Spec, kind: str) -> bool:
    """Decide whether such an event is an answer of a device that serves many nodes to what one of them has asked."""
    declared = spec.events[kind]
    return bool(spec.tracks) and declared.sender == "node" and "code" in declared.by_name


def askings(spec: Spec, targets: Iterable[Target]) -> Iterator[Asking]:
    """Yield the requests that make the entries which answers among some targets need, each once."""
    told: list[Asking] = []
    for pattern, value, key in targets:
        needed = {t.name for t in pattern.condition.walk() if t.kind == "entry" and "." not in t.name}
        for update in spec.updates if is_answer(spec, pattern.event) else ():
            for change in (c for c in update.changes if c.table in needed and c.kind == "set"):
                columns = dict(change.values)
                parts = [columns[plain(part).name] for part in key if plain(part).name in columns]
                asked = [p for p in update.patterns if spec.events[p.event].sender == "network"]
                if len(parts) == len(key):
                    told += [Asking(p, tuple(parts), columns.get(plain(value).name)) for p in asked]
    yield from (a for n, a in enumerate(told) if a not in told[:n])


def plain(term: Term) -> Term:
    """Return what a term is an abbreviation of."""
    while term.kind == "def":
        term = term.args[0]
    return term


def entries_of(term: Term) -> Iterator[Term]:
    """Yield, for each column of an entry that a term reads, whether that entry is there."""
    entries = (t for t in term.walk() if t.kind == "entry")
    yield from (Term("entry", BOOL, t.name.partition(".")[0], args=t.args) for t in entries)


def identification(event: Event) -> int | None:
    """Return the part of an event's identification that is compared (RFC 3344 section 3.6.2.1)."""
    value = event.args.get("id")
    return value & LOW_HALF if isinstance(value, int) else None


def asked_by(spec: Spec, before: Sequence[Event], answer: Event) -> Event | None:
    """Return the newest request before an answer that has its identification."""
    theirs = identification(answer)
    requests = (e for e in reversed(before) if spec.events[e.kind].sender == "network" and "code" not in e.args)
    return next((e for e in requests if theirs is not None and identification(e) == theirs), None)


def asks_for(request: Event, reply: Event, theirs: int | None) -> bool:
    """Decide whether a request could have had that reply; `theirs` is the identification it has, None for any."""
    if "id" not in request.args or (theirs is not None and identification(request) != theirs):
        return False
    if theirs is None and request.interface != reply.interface:
        return False
    to, origin = request.args.get("to"), reply.args.get("from")
    ways = request.args.get("path"), reply.args.get("path")
    return (None in (to, origin) or to == origin) and (None in ways or ways[0] == ways[1])


def other_than(machine: Machine, leaf: Leaf, moment: Moment) -> int | None:
    """Return what a device should have been told, where it does something for another than it was told of."""
    if leaf.value != 1 or leaf.term.kind != "!=" or not machine.spec.tracks:
        return None
    told = [a for a in leaf.term.args if a.kind == "key"]
    return evaluate(machine, told[0], moment, leaf.interface) if len(told) == 1 else None


def mismatch(
    machine: Machine, found: Moment | None, met: Moment, pattern: EventPattern, key: tuple[Term, ...], wanted: Read
) -> list[str]:
    """Return in words that an event made an entry which is there, and is not the wanted one: by its identification or,
    of a request, by whom it asks.
    """
    table = machine.spec.tables.get(wanted.name)
    if table is None or found is None or evaluate(machine, pattern.condition, met, met.this) != 1:
        return []
    theirs = [evaluate(machine, part, met, met.this) for part in key]
    differ = [(part, t, w) for part, t, w in zip(key, theirs, wanted.key, strict=True) if t != w]
    parts = tuple(Term("const", part.type, value=t) for part, t in zip(key, theirs, strict=True))
    there = evaluate(machine, Term("entry", BOOL, table.name, args=parts), found, found.this) == 1
    if len(differ) != 1 or UNKNOWN in differ[0][1:] or not there:
        return []
    part, ours, asked = differ[0]
    if part.type == ID:
        return [f"its identification is another: {ours & LOW_HALF:#010x}, and not {asked & LOW_HALF:#010x}"]
    if part.type.is_enum and part.kind == "key" and "code" not in machine.spec.events[pattern.event].by_name:
        return [f"{part.name} is {part.type.members[ours]}, and not {part.type.members[asked]}"]
    return []
