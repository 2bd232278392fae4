"""What a log of the node and a capture both tell: one act is one event, and an interface may have two names.

A daemon's log tells an act when it decides, and a capture when a packet of it is seen: 1 ms later, or with the
first ESP, or when it can only be inferred. What is told twice would be judged twice. A daemon of the VPN tells by which
address it speaks, and a capture on which interface its packets leave.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from pathlib import PurePath
from typing import Final, TypeAlias

from mipcheck.checker.console.counts import counted
from mipcheck.checker.console.escape import printable
from mipcheck.checker.inputs.trace import Input
from mipcheck.checker.trace.source import Sight
from mipcheck.model.values.event import NODE, Event

_EXCHANGE: Final = "ike"
_ENDS: Final = ("src", "dst")
_NEAR: Final = 10**9
"""ns between the line of an act and its packet, beyond what their stamps can tell: a busy daemon, a buffer."""
_INFERRED: Final = "abandoned"
"""The phase that no packet shows: a capture tells it where another exchange begins."""
_UP: Final = ("established", "updated")
_STATES: Final = {"link": "state", "coa": "addr", "sa": "state"}
"""Other acts that both tell, by kind, and the key that says which."""

_Whose: TypeAlias = tuple[object, ...]
"""What acts are about: a key exchange between two addresses, an association, an interface."""


@dataclass
class _Acts:
    """Events about one thing, by their numbers in the trace: those that logs tell, those that captures tell."""

    told: list[int] = field(default_factory=list)
    shown: list[int] = field(default_factory=list)


def once(
    events: Sequence[Event], inputs: Sequence[Input], tunnels: Collection[str] = ()
) -> tuple[Sequence[Event], tuple[str, ...]]:
    """Leave out of a trace what a capture tells of an act that a log tells as well; return it and notes on that.

    `events` are in order of time. The log's event stays, and has what only the capture knows of it: vendor ids, when it
    was at the latest, and on which interface, where the log tells none, or one of the `tunnels`. Notes propose names,
    too, where interfaces of a capture and of a log have one address.
    """
    captures = {i.file: i for i in inputs if i.frames is not None}
    if not captures or len(captures) == len(inputs):
        return events, ()
    acts: dict[_Whose, _Acts] = {}
    for number, event in enumerate(events):
        if (whose := _whose(event)) is not None:
            found = acts.setdefault(whose, _Acts())
            (found.shown if event.at.file in captures else found.told).append(number)
    near = _NEAR + max((i.resolution for i in inputs), default=0)
    sights = {i.file: i.sight for i in inputs}
    gone: dict[int, int | None] = {}
    for whose, found in acts.items():
        twins = _exchanges if whose[0] == _EXCHANGE else _changes
        gone |= twins(events, found, sights, near)
    if not gone:
        return events, _names(events, captures, ())
    more = {twin: events[number] for number, twin in gone.items() if twin is not None}
    places = _places(events, acts, more, {f: (*i.interfaces, *tunnels) for f, i in captures.items()})
    kept: list[Event] = []
    latest: dict[str, int] = {}
    for number, event in enumerate(events):
        if number in gone:
            continue
        if (seen := more.get(number)) is not None:
            # What a packet has shown is not later than that; a log keeps its own order.
            time = max(min(event.time, seen.time), latest.get(event.at.file, 0))
            event = replace(event, time=time, args={**seen.args, **event.args})
        latest[event.at.file] = event.time
        kept.append(replace(event, interface=places[number]) if number in places else event)
    twins_ = [(seen, events[twin]) for twin, seen in more.items() if twin not in places]
    return sorted(kept, key=attrgetter("time")), (*_notes(events, gone), *_names(events, captures, twins_))


def _whose(event: Event) -> _Whose | None:
    """Return what an event is about, if it is of a kind that a log and a capture both tell."""
    if event.kind == _EXCHANGE:
        ends = tuple(event.args.get(k) for k in _ENDS)
        return None if None in ends else (event.kind, *ends)
    if event.kind == "sa":
        return (event.kind,)
    return (event.kind, event.interface) if event.kind in _STATES else None


def _exchanges(events: Sequence[Event], found: _Acts, sights: Mapping[str, Sight], near: int) -> dict[int, int | None]:
    """Return the numbers of events of a capture that a log tells as well, each with that of its twin; None where the
    log tells something else of which the capture's inference is another view. `near` is in ns."""
    gone: dict[int, int | None] = {}
    free = list(found.told)
    for number in found.shown:
        event = events[number]
        phase = event.args.get("phase")
        twin = next(
            (t for t in free if events[t].args.get("phase") == phase and abs(events[t].time - event.time) <= near), None
        )
        if twin is not None:
            free.remove(twin)
            gone[number] = twin
            continue
        before = [t for t in found.told if events[t].time <= event.time + near]
        if not before:
            continue
        last = events[before[-1]]
        whole = sights[last.at.file].shows(_EXCHANGE)
        if (phase == "established" and last.args.get("phase") in _UP) or (phase == _INFERRED and whole):
            gone[number] = None
    return gone


def _changes(events: Sequence[Event], found: _Acts, sights: Mapping[str, Sight], near: int) -> dict[int, int | None]:
    """Return the same of changes of a state: the twin is the nearest line that says so, with no other between the two.
    That an association is up, which packets show late, a log has told where it was up already."""
    gone: dict[int, int | None] = {}
    told = [events[t].time for t in found.told]
    for number in found.shown:
        event = events[number]
        key = _STATES[event.kind]
        at = bisect_right(told, event.time)
        for place in sorted(range(max(0, at - 1), min(len(told), at + 1)), key=lambda p: abs(told[p] - event.time)):
            line = events[found.told[place]]
            if line.args.get(key) == event.args.get(key) and abs(line.time - event.time) <= near:
                gone[number] = found.told[place] if found.told[place] not in gone.values() else None
                break
        else:
            if at and event.kind == "sa" and event.args.get(key) == events[found.told[at - 1]].args.get(key) == "up":
                gone[number] = None
    return gone


def _places(
    events: Sequence[Event],
    acts: Mapping[_Whose, _Acts],
    more: Mapping[int, Event],
    shown: Mapping[str, Collection[str]],
) -> dict[int, str]:
    """Return, by the numbers of events of logs, the interface that a capture shows an exchange on: where the log tells
    none, or one that the capture of that packet has seen otherwise or the site calls a tunnel (`shown`). It holds for
    the rest of that exchange."""
    places: dict[int, str] = {}
    for whose, found in acts.items():
        if whose[0] != _EXCHANGE:  # an association is the node's, wherever its packets pass
            continue
        before, place = "", None
        for number in found.told:
            event, seen = events[number], more.get(number)
            if seen is not None and NODE != seen.interface != event.interface:
                logical = event.interface == NODE or event.interface in shown[seen.at.file]
                before, place = event.interface, seen.interface if logical else None
            elif seen is not None or event.args.get("phase") == "start" or event.interface != before:
                place = None
            if place is not None:
                places[number] = place
    return places


def _notes(events: Sequence[Event], gone: Mapping[int, int | None]) -> list[str]:
    """Return a note for each capture of which something is left out."""
    counts: dict[str, int] = {}
    for number in gone:
        counts[events[number].at.file] = counts.get(events[number].at.file, 0) + 1
    return [
        f"{printable(file)}: {counted(n, 'act')} that a log tells as well, counted once" for file, n in counts.items()
    ]


def _names(events: Sequence[Event], captures: Iterable[str], twins: Sequence[tuple[Event, Event]]) -> tuple[str, ...]:
    """Return notes that propose to call interfaces of captures as logs do, where both tell one address or one exchange
    of them, and nothing speaks against it."""
    files = set(captures)
    shown: dict[object, set[tuple[str, str]]] = {}
    told: dict[object, set[str]] = {}
    names: set[str] = set()
    own: dict[str, set[str]] = {}
    for event in events:
        if event.interface == NODE:
            continue
        if event.at.file not in files:
            names.add(event.interface)
        else:
            own.setdefault(event.at.file, set()).add(event.interface)
        if event.kind == "coa" and (address := event.args.get("addr")) is not None:
            if event.at.file in files:
                shown.setdefault(address, set()).add((event.at.file, event.interface))
            else:
                told.setdefault(address, set()).add(event.interface)
    for seen, line in twins:
        if NODE not in (seen.interface, line.interface):
            shown.setdefault(("exchange", line.at), set()).add((seen.at.file, seen.interface))
            told.setdefault(("exchange", line.at), set()).add(line.interface)
    proposed: dict[tuple[str, str], set[str]] = {}
    for key, places in shown.items():
        for place in places:
            proposed.setdefault(place, set()).update(told.get(key, ()))
    clear = {
        place: min(to)
        for place, to in proposed.items()
        if len(to) == 1 and place[1] not in names and min(to) not in own.get(place[0], ())
    }
    by_file: dict[str, dict[str, str]] = {}
    for (file, name), to in clear.items():
        if sum(1 for (f, _), t in clear.items() if (f, t) == (file, to)) == 1:
            by_file.setdefault(file, {})[name] = to
    return tuple(
        f"{printable(file)}: its interfaces have other names in the logs; as one and the same they are known by"
        f' [[source]] file = "{printable(PurePath(file).name)}",'
        f" rename = {{ {_pairs(pairs)} }}"
        for file, pairs in by_file.items()
    )


def _pairs(names: Mapping[str, str]) -> str:
    """Return names as TOML has them."""
    return ", ".join(f'"{printable(a)}" = "{printable(b)}"' for a, b in names.items())
