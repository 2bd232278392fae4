"""Several walks in one file: each of another mobile node where the role tells these apart, else one after the other,
each on interfaces of its own once the node has started again, or once nothing is known any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from mipcheck.checker.site.site import Site
from mipcheck.model.values.event import NODE, Event

_SECOND = 10**9
_MOST = 500
"""Events of a file."""


@dataclass(frozen=True, slots=True)
class Walk:
    """A walk at a site, and the mutants that it notices."""

    site: Site
    events: tuple[Event, ...]
    notices: frozenset[str]


def bundles(
    walks: Sequence[Walk], tracks: str, home: int, noticed: Callable[[Site, Sequence[Event], Sequence[str]], list[str]]
) -> Iterator[tuple[Site, Sequence[Event]]]:
    """Yield the walks, as many to a file as notice there what they notice alone. `tracks` is the key that tells nodes
    apart, if any, `home` its value in all walks."""
    sites: dict[str, list[Walk]] = {}
    for w in walks:
        sites.setdefault(repr(w.site), []).append(w)
    for same in sites.values():
        together: list[Event] = []
        owed: set[str] = set()
        for number, w in enumerate(same, 1):
            more = [*together, *placed(w, number, together[-1].time if together else 0, tracks, home)]
            wanted = owed | w.notices
            if len(more) > _MOST and together:
                yield w.site, together
                together, owed = list(placed(w, number, 0, tracks, home)), set(w.notices)
            elif set(noticed(w.site, more, sorted(wanted))) >= wanted:
                together, owed = more, wanted
            else:
                yield w.site, w.events
        if together:
            yield same[0].site, together


def placed(w: Walk, number: int, after: int, tracks: str, home: int) -> Iterator[Event]:
    """Yield the events of a walk as the one of that number in a file, after a time (ns)."""
    later = 0
    if after:
        later = after + 600 * _SECOND
        if not tracks:
            yield Event(later, NODE, "restart" if w.site.boot else "gap", {})
    for e in w.events:
        if tracks:
            args = {**e.args, tracks: home + number} if e.args.get(tracks) == home else e.args
            yield replace(e, time=e.time + later, args=args)
        else:
            name = e.interface if e.interface == NODE else f"{e.interface[0]}{number}"
            yield replace(e, time=e.time + later, interface=name)
