"""Addresses that a site does not give, where the trace makes them plain (design.md section 5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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

# An event, what it has to be about, and the key in which it names an address of the site.
_SAID = (
    ("rrq", "to", "xha", "home", "xhoa"),
    ("rrq", "to", "iha", "home", "ihoa"),
    ("ike", "phase", "start", "dst", "vpn"),
)


def complete(site: Site, events: Iterable[Event]) -> tuple[Site, tuple[str, ...]]:
    """The site with such addresses added, and a note on each. What events disagree about is not plain."""
    missing = [s for s in _SAID if s[4] not in site.addresses]
    if not missing:
        return site, ()
    said: dict[str, set[int]] = {}
    where: dict[str, str] = {}
    if isinstance(events, Columns) and events.settled:
        events = events.shapes  # further events of one shape say the same
    for event in events:
        for kind, key, value, address, name in missing:
            found = event.args.get(address)
            if event.kind == kind and event.args.get(key) == value and isinstance(found, int) and found:
                said.setdefault(name, set()).add(found)
                where.setdefault(name, str(event.at))
    return _completed(site, said, where)


def _completed(site: Site, said: Mapping[str, set[int]], where: Mapping[str, str]) -> tuple[Site, tuple[str, ...]]:
    plain = {name: min(found) for name, found in said.items() if len(found) == 1}
    notes = tuple(
        f"{name} is taken to be {IPv4Address(address)}, as every such event says (first {where[name]})"
        for name, address in plain.items()
    )
    return replace(site, addresses={**site.addresses, **plain}), notes


class Said:
    """The same for logs that go by in columns: `take` their batches, then `complete` the site."""

    def __init__(self, site: Site | None, columns: BulkLog | MergedLogs) -> None:
        """Without a site, nothing is looked for."""
        self._columns = columns
        self._missing = [s for s in _SAID if site is not None and s[4] not in site.addresses]
        self._plain: dict[str, set[int]] = {}
        self._first: dict[str, int] = {}  # the number of the first event that says it

    def take(self, batch: Batch) -> None:
        if not self._missing or batch.table is None:
            return
        import numpy as np

        table = batch.table
        kinds = {e.name: (n, e) for n, e in enumerate(self._columns.events)}
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
        """To be called when all has gone by."""
        first = sorted(self._first.items(), key=lambda item: item[1])
        where = {name: str(self._columns[n].at) for name, n in first}
        return _completed(site, {n: self._plain[n] for n in where}, where)
