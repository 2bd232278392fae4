"""What a log of the node and a capture both tell: a key exchange is one act, and an interface may have two names.

A daemon's log tells an exchange when it decides, and a capture when a packet of it is seen: 1 ms later, or with the
first ESP, or when it can only be inferred. What is told twice would be judged twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import PurePath
from typing import Final

from mipcheck.checker.console.escape import printable
from mipcheck.checker.inputs.trace import Input
from mipcheck.model.values.event import NODE, Event

_KIND: Final = "ike"
_ENDS: Final = ("src", "dst")
_NEAR: Final = 10**9
"""ns between the line of an act and its packet, beyond what their stamps can tell: a busy daemon, a buffer."""
_INFERRED: Final = "abandoned"
"""The phase that no packet shows: a capture tells it where another exchange begins."""
_UP: Final = ("established", "updated")


@dataclass
class _Exchanges:
    """Events about key exchanges between two addresses, by their numbers in the trace: those that logs tell, those that
    captures tell."""

    told: list[int]
    shown: list[int]


def once(events: Sequence[Event], inputs: Sequence[Input]) -> tuple[Sequence[Event], tuple[str, ...]]:
    """Leave out of a trace what a capture tells of key exchanges that a log tells as well; return it and notes on that.

    `events` are in order of time. The log's event stays, and has what only the capture knows of it: vendor ids, and
    when it was at the latest. Notes propose names, too, where interfaces of a capture and of a log have one address.
    """
    by_file = {i.file: i for i in inputs}
    captures = {i.file for i in inputs if i.frames is not None}
    if not captures or len(captures) == len(inputs):
        return events, ()
    pairs: dict[tuple[object, ...], _Exchanges] = {}
    for number, event in enumerate(events):
        if event.kind == _KIND and all(event.args.get(k) is not None for k in _ENDS):
            found = pairs.setdefault(tuple(event.args[k] for k in _ENDS), _Exchanges([], []))
            (found.shown if event.at.file in captures else found.told).append(number)
    fine = max((i.resolution for i in inputs), default=0)
    gone: dict[int, int | None] = {}
    for found in pairs.values():
        gone |= _twins(events, found, by_file, _NEAR + fine)
    if not gone:
        return events, _names(events, captures, ())
    more = {twin: events[number] for number, twin in gone.items() if twin is not None}
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
        kept.append(event)
    twins = [(seen, events[twin]) for twin, seen in more.items()]
    return sorted(kept, key=attrgetter("time")), (*_notes(events, gone), *_names(events, captures, twins))


def _twins(events: Sequence[Event], found: _Exchanges, inputs: Mapping[str, Input], near: int) -> dict[int, int | None]:
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
        whole = inputs[last.at.file].sight.shows(_KIND)
        if (phase == "established" and last.args.get("phase") in _UP) or (phase == _INFERRED and whole):
            gone[number] = None
    return gone


def _notes(events: Sequence[Event], gone: Mapping[int, int | None]) -> list[str]:
    """Return a note for each capture of which something is left out."""
    counts: dict[str, int] = {}
    for number in gone:
        counts[events[number].at.file] = counts.get(events[number].at.file, 0) + 1
    return [
        f"{printable(file)}: {n} event{'s' if n > 1 else ''} of key exchanges that a log tells as well, counted once"
        for file, n in counts.items()
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
