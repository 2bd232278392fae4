"""What belongs to a device that serves mobile nodes: its addresses and link addresses, and so which way packets go.

A device shows both sides: what comes to it, and what it makes of that. Which is which, a packet with one of its own
addresses in its outermost header tells by that; one that is only passed on, by its link addresses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import chain
from typing import Final

from mipcheck.checker.capture.device.registration import Spoken, spoken_of
from mipcheck.checker.capture.headers.packet import ADVERTISEMENT, MULTICAST, Packet
from mipcheck.checker.capture.messages import carried
from mipcheck.checker.capture.node.knowledge import Knowledge, dotted, is_loopback, is_tunnel
from mipcheck.checker.site.site import Site

_Votes = dict[str, dict[bytes, set[tuple[int, int]]]]
"""By interface and link address, the pairs of addresses that speak for it."""
FOREIGN_AGENT: Final = "fa"
_Ends = tuple[Packet, Collection[tuple[int, int]]]
"""A packet, and pairs of addresses in the outermost headers of those that differ from it in addresses only."""
Alike = Callable[[Collection[int]], Iterable[_Ends]]
"""Returns the pairs with one of these addresses."""
_GROUP: Final = 1
"""The bit of a link address, in its first byte, that makes it that of a group."""


def learn_device(
    packets: Sequence[Packet], site: Site, alike: Alike | None = None, more: Iterable[Spoken] = ()
) -> Knowledge:
    """Learn what a capture (packets in order of time) tells about the device of the site's role.

    Of packets that are `alike`, no more than their addresses count; `more` are messages that are not among `packets`.

    Its `own` addresses are those that the site gives for it or, where it gives none, what all registrations agree on.
    `home` are the home addresses that were registered.
    """
    agents = {site.addresses[name]: name for name in ("iha", "xha") if name in site.addresses}
    known = Knowledge(agents)
    known.internal = tuple((int(n.network_address), int(n.netmask)) for n in site.internal)
    known.own.update(site.fa if site.role == FOREIGN_AGENT else _given(site))
    exposed = _exposed(packets, site)
    spoken = [*spoken_of(exposed), *more]
    if not known.own:
        _infer([p for p in exposed if p.kind == ADVERTISEMENT], spoken, site, known)
    if site.role == FOREIGN_AGENT:
        known.own.update(_translated(spoken, known.own))
    known.far.update(a for a in (*agents, *_given(site)) if a not in known.own)
    known.home.update(s.home for s in spoken if s.home)
    known.macs.update(_macs(exposed, known.own, _exposed_alike(alike, known.own, site)))
    return known


def _translated(spoken: Iterable[Spoken], own: Collection[int]) -> set[int]:
    """Return as which addresses the requests leave that come to the agent, where it is behind a NAT of its own.

    They leave by another interface than they came by; on that, nobody else has such an address.
    """
    plain = [s for s in spoken if s.asks and s.depth == 1]
    leaving = [s for s in plain if s.target == s.agent and s.target not in own and s.source not in own]
    if not leaving:
        return set()
    came: dict[bytes, set[str]] = defaultdict(set)
    left: dict[int, set[str]] = defaultdict(set)
    for s in plain:
        left[s.source].add(s.interface)
        if s.target in own:
            came[s.payload].add(s.interface)
    found = {s.source for s in leaving if s.payload in came and s.interface not in came[s.payload]}
    links = {name for names in came.values() for name in names}
    return {address for address in found if links.isdisjoint(left[address])}


def add_inner(
    packets: Sequence[Packet], known: Knowledge, inner: Collection[int], site: Site, alike: Alike | None = None
) -> None:
    """Learn the device's link addresses on interfaces where nothing has an address of its own, from what it passes on.

    `inner` are addresses of nodes in its tunnels: what comes from one is sent by the device, what goes to one, to it.
    """
    exposed = _exposed(packets, site)
    for name, macs in _macs(exposed, inner, _exposed_alike(alike, inner, site)).items():
        if not known.macs.get(name):
            known.macs[name] = macs


def _given(site: Site) -> list[int]:
    """Return the address that the site gives for the device of its role, as a list."""
    return [site.addresses[site.role]] if site.role in site.addresses else []


def _exposed(packets: Sequence[Packet], site: Site) -> list[Packet]:
    """Return the IP packets on links."""
    tunnels = frozenset(site.tunnels)
    return [p for p in packets if p.addresses and not is_tunnel(p, tunnels) and not is_loopback(p)]


def _exposed_alike(alike: Alike | None, addresses: Collection[int], site: Site) -> Iterable[_Ends]:
    """Return the pairs with one of these addresses, on links."""
    return () if alike is None else [(packet, ends) for packet, ends in alike(addresses) if _exposed([packet], site)]


def _macs(packets: Sequence[Packet], own: Collection[int], alike: Iterable[_Ends] = ()) -> dict[str, set[bytes]]:
    """Return, by interface, the link address that goes with these addresses, as most pairs of addresses say.

    Where a packet goes to, the neighbour says that passes it on; that it comes from there, anybody may pretend.
    """
    sent: _Votes = defaultdict(lambda: defaultdict(set))
    came: _Votes = defaultdict(lambda: defaultdict(set))
    single = ((packet, packet.addresses[:1]) for packet in packets)
    for packet, each in chain(single, alike):
        leaving = [ends for ends in each if ends[0] in own] if packet.source_mac else []
        if leaving:
            sent[packet.interface][packet.source_mac].update(leaving)
        if packet.target_mac and not packet.target_mac[0] & _GROUP:
            coming = [ends for ends in each if ends[1] in own and not (packet.source_mac and ends[0] in own)]
            if coming:
                came[packet.interface][packet.target_mac].update(coming)
    votes = {**sent, **came}
    return {name: {max(of_one, key=lambda mac: (len(of_one[mac]), mac))} for name, of_one in votes.items()}


def _infer(adverts: Sequence[Packet], spoken: Iterable[Spoken], site: Site, known: Knowledge) -> None:
    """Tell the device's own address where the site leaves it open, if nothing in the capture disagrees."""
    found: set[int] = set()
    if site.role == FOREIGN_AGENT:
        found.update(coa for p in adverts if (read := carried.advertisement(p)) is not None for coa in read.coas)
    elif site.role in ("iha", "xha"):
        found.update(s.agent for s in spoken if s.agent in (s.sender, s.receiver) and s.agent < MULTICAST)
    if len(found) == 1:
        (address,) = found
        known.own.add(address)
        if site.role != FOREIGN_AGENT:
            known.agents[address] = site.role
        known.notes.append(f"{site.role}={dotted(address)} inferred: no other agent is in the capture")
    else:
        known.notes.append(f"the site does not give the address of the device itself ({site.role}): nothing is told")
