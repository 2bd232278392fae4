"""Which events of a trace a page tells one by one, and how many there were of the others, by time.

Of a short trace all are told, alike ones together. Of a long one the kinds that are rare are, so that signalling is,
and whatever happened around findings; the others are counted in steps of time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from mipcheck.checker.check.chart import Mark, Summed, Unseen
from mipcheck.checker.observe.facts import facts_of
from mipcheck.checker.observe.observation import Finding
from mipcheck.checker.trace.columns import Columns
from mipcheck.model.machine.compile import Machine
from mipcheck.model.values.event import NODE, Event

if TYPE_CHECKING:
    from mipcheck.checker.trace.columns import Array, Batch

ALL: Final = 20_000
"""Events of a trace that is told as a whole."""
SINGLE: Final = 12_000
"""Events of a longer one that are told one by one because their kinds are rare."""
BEFORE, AFTER = 60, 20
"""Events told around a finding."""
STATE: Final = 40_000
"""Events that change state up to which stages and limits are followed."""
STEPS: Final = 1200
"""Steps of time in which the others are counted."""
MARKS: Final = 16_000

_COUNT: Final = "count"
_REASON: Final = "reason"


@dataclass(frozen=True)
class Drawn:
    """What is told of the events. `state_events` are those that change state, in order; None if they are too many."""

    start: int
    end: int
    marks: tuple[Mark, ...]
    flows: tuple[Summed, ...]
    step: int
    gaps: tuple[Unseen, ...]
    state_events: list[Event] | None
    left_out: tuple[str, ...]


_Broken = dict[int, list[str]]
"""Rules by the number of an event that broke them."""


def told(
    machine: Machine, events: Sequence[Event], near: Sequence[Finding], findings: Sequence[Finding], origin: int
) -> Drawn:
    """Return what is told of `events`, and around the findings `near`; times count from `origin`, in ns."""
    broken = _broken_by(machine, findings)
    if not len(events):
        return Drawn(0, 0, (), (), 0, (), [], ())
    trace = _trace_of(machine, events)
    if not isinstance(trace, list):
        return _of_long(machine, trace, near, findings, broken, origin)
    numbered = list(enumerate(trace))
    marks = _marks(machine, numbered, broken, origin)
    out = [f"{len(marks) - MARKS} events at the end"] if len(marks) > MARKS else []
    return Drawn(
        trace[0].time - origin,
        trace[-1].time - origin,
        tuple(marks[:MARKS]),
        (),
        0,
        _gaps(machine, numbered, partial(_before, trace), origin),
        trace,
        tuple(out),
    )


def state_events(machine: Machine, events: Sequence[Event]) -> list[Event] | None:
    """Return all events of a short trace, of a long one those that change state; None if they are too many."""
    trace = _trace_of(machine, events)
    return trace if isinstance(trace, list) else _changing(trace, trace.survey({}, _step_of(trace)))


def _trace_of(machine: Machine, events: Sequence[Event]) -> list[Event] | _Listed | _Columned:
    """Return the events of a short trace, or else a long one."""
    if isinstance(events, Columns) and len(events) > ALL:
        return _Columned(machine, events)
    whole = list(_all(events)) if isinstance(events, Columns) else list(events)
    return whole if len(whole) <= ALL else _Listed(machine, whole)


def _step_of(trace: _Listed | _Columned) -> int:
    """Return the steps of time (ns) in which events are counted."""
    return max(1, -(-(trace.end - trace.start + 1) // STEPS))


def _changing(trace: _Listed | _Columned, found: _Survey) -> list[Event] | None:
    """Return the events that change state, and gaps, in order; None if they are too many.

    Of those that only note something, it is done with the first of an interface.
    """
    facts = facts_of(trace.machine)
    wanted = frozenset(facts.changing | facts.gaps) & frozenset(found.counts)
    if sum(found.counts[kind] for kind in wanted) > STATE:
        return None
    numbered = trace.some(sorted(n for kind in wanted for n in found.numbers[kind]), wanted)
    return [e for _, e in sorted([*numbered, *((n, trace.one(n)) for n in found.noted)], key=itemgetter(0))]


def _all(columns: Columns) -> Iterable[Event]:
    """Return all events of columns, in order."""
    kinds = {e.kind for e in columns.shapes} if columns.settled else None
    if kinds is None:
        return columns.following(-1, len(columns), _every_kind(columns), None)
    return iter(columns)


def _every_kind(columns: Columns) -> frozenset[str]:
    events = getattr(columns, "events", None)
    return frozenset(e.name for e in events) if events else frozenset()


def _broken_by(machine: Machine, findings: Sequence[Finding]) -> _Broken:
    """Return the rules that events broke, as far as findings remember them."""
    broken: _Broken = {}
    for finding in findings:
        if finding.moment is None or finding.overdue:
            continue
        rule = machine.rules[finding.rule].id
        for number in {finding.event, finding.last_event, *finding.events} - {-1}:
            if rule not in broken.setdefault(number, []):
                broken[number].append(rule)
    return broken


# --- one by one ---------------------------------------------------------------------------------------------------


def _marks(machine: Machine, numbered: Sequence[tuple[int, Event]], broken: _Broken, origin: int) -> list[Mark]:
    """Return events as marks, those alike that change nothing together until something else happens."""
    facts = facts_of(machine)
    marks: list[Mark] = []
    opened: dict[tuple[object, ...], int] = {}
    previous = -1
    for number, event in numbered:
        if event.kind in facts.gaps:
            opened.clear()
            continue
        rules = tuple(broken.get(number, ()))
        count = event.args.get(_COUNT)
        packets = count if isinstance(count, int) else 1
        changing = event.kind in facts.changing
        if changing or number != previous + 1:
            opened.clear()
        previous = number
        alike = (event.interface, event.kind, _words(machine, event, enums=True), rules)
        if not changing and alike in opened:
            mark = marks[opened[alike]]
            marks[opened[alike]] = replace(
                mark, last_time=event.time - origin, count=mark.count + packets, last=event.at
            )
            continue
        if not changing:
            opened[alike] = len(marks)
        time = event.time - origin
        keys = dict(_words(machine, event))
        marks.append(Mark(time, time, packets, event.interface, event.kind, keys, event.at, event.at, rules))
    return marks


def _words(machine: Machine, event: Event, enums: bool = False) -> tuple[tuple[str, str], ...]:
    """Return the keys of an event as a log has them; only those of enumerations if `enums`."""
    declared = machine.spec.events.get(event.kind)
    return tuple(
        (k.name, k.type.show(event.args[k.name]))
        for k in (declared.keys if declared is not None else ())
        if k.name in event.args and (k.type.is_enum or not enums)
    )


def _gaps(machine: Machine, numbered: Sequence[tuple[int, Event]], before: _Before, origin: int) -> tuple[Unseen, ...]:
    """Return the times without evidence: from the event before a gap to the gap."""
    kinds = facts_of(machine).gaps
    gaps = [(number, event) for number, event in numbered if event.kind in kinds][:MARKS]
    times = before(gaps) if gaps else {}
    return tuple(
        Unseen(event.interface, times[number] - origin, event.time - origin, str(event.args.get(_REASON, "")))
        for number, event in gaps
    )


_Before = Callable[[Sequence[tuple[int, Event]]], dict[int, int]]
"""Gives of gaps, by number, the time of the event before each: on its interface, unless that had none yet."""


def _before(events: Sequence[Event], gaps: Sequence[tuple[int, Event]]) -> dict[int, int]:
    """Return the time of the event before each gap."""
    found: dict[int, int] = {}
    last: dict[str, int] = {}
    before, start = events[0].time, 0
    for number, gap in gaps:
        for event in events[start:number]:
            last[event.interface] = before = event.time
        found[number] = before if gap.interface == NODE else last.get(gap.interface, before)
        start = number
    return found


# --- many ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Survey:
    """What a long trace holds, gone through once: events by kind, the numbers of the first of each (at most STATE), and
    what there is in each step of time. `noted` are the numbers of the first of each kind and interface that notes
    something and changes no other state."""

    counts: dict[str, int]
    numbers: dict[str, list[int]]
    flows: list[Summed]
    noted: list[int]


class _Listed:
    """A long trace that is a list of events."""

    def __init__(self, machine: Machine, events: Sequence[Event]) -> None:
        self.machine, self.events = machine, events
        self.start, self.end = events[0].time, events[-1].time

    def __len__(self) -> int:
        return len(self.events)

    def survey(self, broken: _Broken, step: int) -> _Survey:
        numbers: dict[str, list[int]] = {}
        found: dict[tuple[object, ...], tuple[Event, dict[int, int], dict[int, int]]] = {}
        noted: dict[tuple[str, str], int] = {}
        notes = facts_of(self.machine).notes
        for number, event in enumerate(self.events):
            numbers.setdefault(event.kind, []).append(number)
            if event.kind in notes:
                noted.setdefault((event.kind, event.interface), number)
            words = _words(self.machine, event, enums=True)
            _, counts, bad = found.setdefault((event.interface, event.kind, words), (event, {}, {}))
            at = (event.time - self.start) // step
            count = event.args.get(_COUNT)
            counts[at] = counts.get(at, 0) + (count if isinstance(count, int) else 1)
            if number in broken:
                bad[at] = bad.get(at, 0) + 1
        flows = [
            Summed(e.interface, e.kind, dict(_words(self.machine, e, enums=True)), counts, bad)
            for e, counts, bad in found.values()
        ]
        newest = {k: n[:STATE] for k, n in numbers.items()}
        return _Survey({k: len(n) for k, n in numbers.items()}, newest, flows, list(noted.values()))

    def before(self, gaps: Sequence[tuple[int, Event]]) -> dict[int, int]:
        return _before(self.events, gaps)

    def some(self, numbers: Sequence[int], kinds: frozenset[str]) -> list[tuple[int, Event]]:
        return [(n, self.events[n]) for n in numbers]

    def one(self, number: int) -> Event:
        return self.events[number]


class _Columned:
    """A long trace in columns, which is gone through again."""

    def __init__(self, machine: Machine, columns: Columns) -> None:
        self.machine, self.columns = machine, columns
        self.start, self.end = columns.event(0).time, columns.event(len(columns) - 1).time
        self._looks: dict[tuple[int, ...], int] = {}
        self._of_shapes: tuple[Array, Array, Array] | None = None

    def __len__(self) -> int:
        return len(self.columns)

    def survey(self, broken: _Broken, step: int) -> _Survey:
        import numpy as np

        names = self.machine.kinds
        wrong = np.array(sorted(broken), np.int64)
        steps = STEPS + 1
        counts: dict[str, int] = {}
        numbers: dict[str, list[int]] = {}
        totals: dict[int, Array] = {}
        faults: dict[int, Array] = {}
        noted: dict[tuple[int, int], int] = {}
        notes = [number for number, name in enumerate(names) if name in facts_of(self.machine).notes]
        for batch in self.columns.batches():
            kinds, looks, weights = self._rows(batch)
            kind, look = kinds[batch.row], looks[batch.row]
            for number, many in enumerate(np.bincount(kind + 1, minlength=len(names) + 1)[1:].tolist()):
                if not many:
                    continue
                name = names[number]
                counts[name] = counts.get(name, 0) + many
                mine = numbers.setdefault(name, [])
                if len(mine) < STATE:
                    mine += (np.flatnonzero(kind == number)[: STATE - len(mine)] + batch.first).tolist()
            for number in notes:
                rows = np.flatnonzero(kind == number)
                those, firsts = np.unique(self._table(batch)[0][batch.row][rows], return_index=True)
                for interface, first in zip(those.tolist(), rows[firsts].tolist(), strict=True):
                    noted.setdefault((number, interface), first + batch.first)
            at = look.astype(np.int64) * steps + (batch.time - self.start) // step
            size = (len(self._looks) + 1) * steps
            summed = np.bincount(at, weights=weights[batch.row], minlength=size).astype(np.int64).reshape(-1, steps)
            low, high = np.searchsorted(wrong, (batch.first, batch.first + len(batch)))
            bad = np.bincount(at[wrong[low:high] - batch.first], minlength=size).reshape(-1, steps)
            for n in np.unique(looks).tolist():
                totals[n] = totals.get(n, 0) + summed[n]
                faults[n] = faults.get(n, 0) + bad[n]
        flows = [self._flow(key, totals[n], faults[n]) for key, n in self._looks.items() if n in totals and key[0] >= 0]
        return _Survey(counts, numbers, flows, list(noted.values()))

    def _rows(self, batch: Batch) -> tuple[Array, Array, Array]:
        """Return of each row of a batch's table the kind, what it looks like (by number), how many it stands for."""
        import numpy as np

        if batch.table is None and self._of_shapes is not None and len(self._of_shapes[0]) == len(self.columns.shapes):
            return self._of_shapes
        interface, kind, keys = self._table(batch)
        looks, weights = np.zeros(len(kind), np.int32), np.ones(len(kind), np.int64)
        for number, name in enumerate(self.machine.kinds):
            rows = np.flatnonzero(kind == number)
            if not len(rows):
                continue
            declared = self.machine.spec.events[name].keys
            slots = [n for n, k in enumerate(declared) if k.type.is_enum]
            counted = next((n for n, k in enumerate(declared) if k.name == _COUNT), None)
            if counted is not None:
                weights[rows] = np.maximum(keys[rows, counted], 1)
            parts = [(interface[rows].astype(np.int64), len(self.columns.interfaces) + 1)]
            parts += [(np.maximum(keys[rows, s], -1), len(declared[s].type.members) + 1) for s in slots]
            packed = np.zeros(len(rows), np.int64)
            for values, radix in parts:
                packed = packed * radix + values + 1
            each, where = np.unique(packed, return_inverse=True)
            known = []
            for value in each.tolist():
                unpacked = []
                for _, radix in reversed(parts):
                    value, part = divmod(value, radix)
                    unpacked.append(part - 1)
                known.append(self._looks.setdefault((number, *reversed(unpacked)), len(self._looks)))
            looks[rows] = np.array(known, np.int32)[where.reshape(-1)]
        looks[kind < 0] = self._looks.setdefault((-1,), len(self._looks))
        result = kind, looks, weights
        if batch.table is None:
            self._of_shapes = result
        return result

    def _table(self, batch: Batch) -> tuple[Array, Array, Array]:
        """Return of each row of a batch's table the interface, the kind, and the keys."""
        import numpy as np
        from mipcheck.checker.observe.shapes import Shapes
        from mipcheck.checker.trace.alike import AlikeEvents

        if batch.table is not None:
            return batch.table.interface, batch.table.kind, batch.table.keys
        shapes, kinds = self.columns.shapes, {k: n for n, k in enumerate(self.machine.kinds)}
        tokens = {name: n for n, name in enumerate(self.columns.interfaces)}
        width = max(len(self.machine.spec.events[k].keys) for k in kinds)
        if isinstance(shapes, AlikeEvents):
            table = Shapes(self.machine, width, frozenset(), 1).table(self.columns)
            return table.interface, table.kind, table.keys
        keys = np.full((len(shapes), width), -1, np.int64)
        for n, shape in enumerate(shapes):
            declared = self.machine.spec.events[shape.kind].keys if shape.kind in kinds else ()
            values = self.machine.encode(shape.kind, shape.args) if declared else []
            for slot, (key, value) in enumerate(zip(declared, values, strict=True)):
                keys[n, slot] = value if key.type.is_enum or key.name == _COUNT else -1
        return (
            np.array([tokens.get(s.interface, -1) for s in shapes], np.int32),
            np.array([kinds.get(s.kind, -1) for s in shapes], np.int32),
            keys,
        )

    def before(self, gaps: Sequence[tuple[int, Event]]) -> dict[int, int]:
        import numpy as np

        found: dict[int, int] = {}
        last: dict[str, int] = {}
        before = self.start
        tokens = dict(enumerate(self.columns.interfaces)) | {-1: NODE}
        waiting = list(reversed(gaps))
        for batch in self.columns.batches():
            if not waiting:
                break
            interfaces, end = self._table(batch)[0][batch.row], batch.first + len(batch)
            while waiting and waiting[-1][0] < end:
                number, gap = waiting.pop()
                at = number - batch.first
                same = interfaces[:at] == next((t for t, name in tokens.items() if name == gap.interface), -1)
                since = int(batch.time[at - 1]) if at else before
                if gap.interface != NODE:
                    since = int(batch.time[np.flatnonzero(same)[-1]]) if same.any() else last.get(gap.interface, since)
                found[number] = since
            each, where = np.unique(interfaces[::-1], return_index=True)
            last |= {tokens[t]: int(batch.time[len(batch) - 1 - n]) for t, n in zip(each.tolist(), where, strict=True)}
            before = int(batch.time[-1])
        return found

    def some(self, numbers: Sequence[int], kinds: frozenset[str]) -> list[tuple[int, Event]]:
        if self.columns.settled or not numbers:
            return [(n, self.columns.event(n)) for n in numbers]
        # To look for single events of a log takes longer than to go through it once more.
        events = (e for e in self.columns.following(-1, numbers[-1] + 1, kinds, None) if e.kind in kinds)
        return list(zip(numbers, events, strict=False))

    def one(self, number: int) -> Event:
        return self.columns.event(number)

    def _flow(self, key: tuple[int, ...], counts: Array, bad: Array) -> Summed:
        number, interface, *values = key
        name = self.machine.kinds[number]
        enums = [k for k in self.machine.spec.events[name].keys if k.type.is_enum]
        words = {k.name: k.type.members[v] for k, v in zip(enums, values, strict=True) if v >= 0}
        steps, wrong = ({int(n): int(of[n]) for n in of.nonzero()[0]} for of in (counts, bad))
        return Summed(self.columns.interfaces[interface] if interface >= 0 else NODE, name, words, steps, wrong)


def _of_long(
    machine: Machine,
    trace: _Listed | _Columned,
    near: Sequence[Finding],
    findings: Sequence[Finding],
    broken: _Broken,
    origin: int,
) -> Drawn:
    """Return what is told of a long trace."""
    step = _step_of(trace)
    found = trace.survey(broken, step)
    rare: set[str] = set()
    total = 0
    for kind, count in sorted(found.counts.items(), key=lambda item: item[1]):
        if total + count > SINGLE:
            break
        rare.add(kind)
        total += count
    singles = dict(trace.some(sorted(n for kind in rare for n in found.numbers[kind]), frozenset(rare)))
    out: list[str] = []
    for n, finding in enumerate(near):
        if len(singles) > MARKS:
            out.append(f"what happened around the last {len(near) - n} of the findings")
            break
        for at in dict.fromkeys((finding.event, finding.last_event)):
            if at >= 0:
                span = range(max(0, at - BEFORE), min(len(trace), at + AFTER))
                singles |= {k: trace.one(k) for k in span if k not in singles}
    numbered = sorted(singles.items())
    marks = _marks(machine, numbered, broken, origin)
    if len(marks) > MARKS:
        out.append(f"{len(marks) - MARKS} of the events that are told one by one, at the end")
    many = frozenset(found.counts) - rare
    if many:
        out.append(f"{', '.join(sorted(many))}: counted in steps of time, and told one by one only around findings")
    if isinstance(trace, _Columned) and not trace.columns.framed and any(f.count > 2 for f in findings):
        out.append("of what was not allowed again and again, all but the first and the last time")
    return Drawn(
        trace.start - origin,
        trace.end - origin,
        tuple(marks[:MARKS]),
        tuple(f for f in found.flows if f.kind in many),
        step,
        _gaps(machine, numbered, trace.before, origin),
        _changing(trace, found),
        tuple(out),
    )
