"""Addresses that a site does not give, where the trace makes them plain (design.md section 5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Address

from mipcheck.checker.site import Site
from mipcheck.model.event import Event

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
    for event in events:
        for kind, key, value, address, name in missing:
            found = event.args.get(address)
            if event.kind == kind and event.args.get(key) == value and isinstance(found, int) and found:
                said.setdefault(name, set()).add(found)
                where.setdefault(name, str(event.at))
    plain = {name: min(found) for name, found in said.items() if len(found) == 1}
    notes = tuple(
        f"{name} is taken to be {IPv4Address(address)}, as every such event says (first {where[name]})"
        for name, address in plain.items()
    )
    return replace(site, addresses={**site.addresses, **plain}), notes
