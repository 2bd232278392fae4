"""Addresses that a site does not give, where the trace makes them plain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from mipcheck.checker.site.site import Site
from mipcheck.checker.trace.columns import Columns
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.values.event import Event

if TYPE_CHECKING:
    from mipcheck.checker.logs.bulk.log import BulkLog
    from mipcheck.checker.logs.bulk.merge import MergedLogs
    from mipcheck.checker.trace.columns import Batch

# An event, the key by which it is about an agent, that agent, the key with an address, and whose address that is.
_SAID = (
    ("rrq", "to", "xha", "home", "xhoa"),
    ("rrq", "to", "iha", "home", "ihoa"),
    ("ike", "phase", "start", "dst", "vpn"),
)


def complete(site: Site, events: Sequence[Event]) -> tuple[Site, tuple[str, ...]]:
    """Add to a site the addresses that it lacks and `events` make plain; return it, and a note on each address."""
    if isinstance(events, Columns) and events.settled:
        events = events.shapes  # further events of one shape say the same
    said = SaidAddresses(site, events)
    said.take_all()
    return said.complete(site)


class SaidAddresses:
    """The addresses that the events of a trace say and its site lacks. What events disagree about is not plain.

    Events are taken all at once, or in the batches of columns as they go by, before `complete` is called.
    """

    def __init__(self, site: Site | None, events: Sequence[Event]) -> None:
        """Look for what `site` lacks, for nothing where it is None."""
        self._events = events
        self._missing = [s for s in _SAID if site is not None and s[4] not in site.addresses]
        self._plain: dict[str, set[int]] = {}
        self._first: dict[str, int] = {}
        """The number of the first event that says it."""

    def take_all(self) -> None:
        """Take all events, one by one."""
        for number, event in enumerate(self._events) if self._missing else ():
            self.take_one(number, event)

    def take_one(self, number: int, event: Event) -> bool:
        """Take the event of that number; tell whether it says something that none before it has said."""
        told = False
        for kind, key, value, address, name in self._missing:
            found = event.args.get(address)
            if event.kind == kind and event.args.get(key) == value and isinstance(found, int) and found:
                said = self._plain.setdefault(name, set())
                told |= found not in said and len(said) < 2
                said.update((found,) if len(said) < 2 else ())
                self._first.setdefault(name, number)
        return told

    def take(self, batch: Batch, columns: BulkLog | MergedLogs) -> None:
        """Take the next batch of `columns`, which are the events."""
        if not self._missing or batch.table is None:
            return
        import numpy as np

        table = batch.table
        kinds = {e.name: (n, e) for n, e in enumerate(columns.events)}
        for kind, key, value, address, name in self._missing:
            number, event = kinds.get(kind, (-1, None))
            if event is None or len(self._plain.get(name, ())) > 1:
                continue
            slots = [k.name for k in event.keys]
            if key not in slots or address not in slots or value not in event.by_name[key].type.members:
                continue
            known = table.keys[:, slots.index(address)]
            about = table.keys[:, slots.index(key)] == event.by_name[key].type.members.index(value)
            found = (table.kind == number) & about & (known != UNKNOWN) & (known != 0)
            if found.any():
                self._plain.setdefault(name, set()).update(np.unique(known[found])[:2].tolist())
                self._first.setdefault(name, batch.first + int(np.flatnonzero(found[batch.row])[0]))

    def complete(self, site: Site) -> tuple[Site, tuple[str, ...]]:
        """Add to a site what is plain now that all events were taken; return it, and a note on each address."""
        first = sorted(self._first.items(), key=lambda item: item[1])
        plain = {name: (min(self._plain[name]), number) for name, number in first if len(self._plain[name]) == 1}
        notes = tuple(
            f"{name} is taken to be {IPv4Address(address)}, as every such event says (first {self._events[number].at})"
            for name, (address, number) in plain.items()
        )
        addresses = {name: address for name, (address, _) in plain.items()}
        return replace(site, addresses={**site.addresses, **addresses}), notes
