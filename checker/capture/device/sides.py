"""What belongs to a device that serves mobile nodes: its addresses and link addresses, and so which way packets go.

A device shows both sides: what comes to it, and what it makes of that. Which is which, a packet with one of its own
addresses in its outermost header tells by that; one that is only passed on, by its link addresses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from typing import Final

from mipcheck.checker.capture.device.registration import request_of
from mipcheck.checker.capture.headers.packet import ADVERTISEMENT, MULTICAST, REGISTRATION, Packet
from mipcheck.checker.capture.messages import carried
from mipcheck.checker.capture.node.knowledge import Knowledge, dotted, is_loopback, is_tunnel
from mipcheck.checker.site.site import Site

_Votes = dict[str, dict[bytes, set[tuple[int, int]]]]
"""By interface and link address, the pairs of addresses that speak for it."""
FOREIGN_AGENT: Final = "fa"
Alike = tuple[Packet, Collection[tuple[int, int]]]
"""A packet, and the pairs of addresses in the outermost headers of those that differ from it in addresses only."""
_GROUP: Final = 1
"""The bit of a link address, in its first byte, that makes it that of a group."""


def learn_device(packets: Sequence[Packet], site: Site, alike: Iterable[Alike] = ()) -> Knowledge:
    """Learn what a capture (packets in order of time) tells about the device of the site's role.

    Of user data that is `alike`, no more than its addresses count.

    Its `own` addresses are those that the site gives for it or, where it gives none, what all registrations agree on.
    `home` are the home addresses that were registered.
    """
    agents = {site.addresses[name]: name for name in ("iha", "xha") if name in site.addresses}
    known = Knowledge(agents)
    known.internal = tuple((int(n.network_address), int(n.netmask)) for n in site.internal)
    known.own.update(site.fa if site.role == FOREIGN_AGENT else _given(site))
    exposed = _exposed(packets, site)
    messages = [p for p in exposed if p.kind in (REGISTRATION, ADVERTISEMENT)]
    if not known.own:
        _infer(messages, site, known)
    if site.role == FOREIGN_AGENT:
        known.own.update(_translated(messages, known.own))
    known.far.update(a for a in (*agents, *_given(site)) if a not in known.own)
    for packet in messages:
        if packet.kind == REGISTRATION and (body := carried.registration(packet).body) is not None and body.home:
            known.home.add(body.home)
    known.macs.update(_macs(exposed, known.own, _exposed_alike(alike, site)))
    return known


def _translated(messages: Sequence[Packet], own: Collection[int]) -> set[int]:
    """Return as which addresses the requests leave that come to the agent, where it is behind a NAT of its own.

    They leave by another interface than they came by; on that, nobody else has such an address.
    """
    came: dict[bytes, str] = {}
    left: dict[int, set[str]] = defaultdict(set)
    found: set[int] = set()
    for packet in messages:
        request = request_of(packet)
        if request is None or len(packet.addresses) > 1:
            continue
        source, target = packet.addresses[0]
        left[source].add(packet.interface)
        if target in own:
            came[packet.payload] = packet.interface
        elif target == request.agent and came.get(packet.payload, packet.interface) != packet.interface:
            found.add(source)
    links = set(came.values())
    return {address for address in found if links.isdisjoint(left[address])}


def add_inner(
    packets: Sequence[Packet], known: Knowledge, inner: Collection[int], site: Site, alike: Iterable[Alike] = ()
) -> None:
    """Learn the device's link addresses on interfaces where nothing has an address of its own, from what it passes on.

    `inner` are addresses of nodes in its tunnels: what comes from one is sent by the device, what goes to one, to it.
    """
    exposed = _exposed(packets, site)
    for name, macs in _macs(exposed, inner, _exposed_alike(alike, site)).items():
        if not known.macs.get(name):
            known.macs[name] = macs


def _given(site: Site) -> list[int]:
    """Return the address that the site gives for the device of its role, as a list."""
    return [site.addresses[site.role]] if site.role in site.addresses else []


def _exposed(packets: Sequence[Packet], site: Site) -> list[Packet]:
    """Return the IP packets on links."""
    tunnels = frozenset(site.tunnels)
    return [p for p in packets if p.addresses and not is_tunnel(p, tunnels) and not is_loopback(p)]


def _exposed_alike(alike: Iterable[Alike], site: Site) -> list[Alike]:
    return [(packet, ends) for packet, ends in alike if _exposed([packet], site)]


def _macs(packets: Sequence[Packet], own: Collection[int], alike: Sequence[Alike] = ()) -> dict[str, set[bytes]]:
    """Return, by interface, the link address that goes with these addresses, as most pairs of addresses say.

    Where a packet goes to, the neighbour says that passes it on; that it comes from there, anybody may pretend.
    """
    sent: _Votes = defaultdict(lambda: defaultdict(set))
    came: _Votes = defaultdict(lambda: defaultdict(set))
    single = ((packet, packet.addresses[:1]) for packet in packets)
    for packet, (source, target) in ((p, ends) for p, each in chain(single, alike) for ends in each):
        if source in own and packet.source_mac:
            sent[packet.interface][packet.source_mac].add((source, target))
        elif target in own and packet.target_mac and not packet.target_mac[0] & _GROUP:
            came[packet.interface][packet.target_mac].add((source, target))
    votes = {**sent, **came}
    return {name: {max(of_one, key=lambda mac: (len(of_one[mac]), mac))} for name, of_one in votes.items()}


def _infer(messages: Sequence[Packet], site: Site, known: Knowledge) -> None:
    """Tell the device's own address where the site leaves it open, if nothing in the capture disagrees."""
    found: set[int] = set()
    for packet in messages:
        source, target = packet.addresses[-1]
        if packet.kind == ADVERTISEMENT:
            read = carried.advertisement(packet)
            if site.role == FOREIGN_AGENT and read is not None:
                found.update(read.coas)
        elif site.role in ("iha", "xha"):
            body = carried.registration(packet).body
            if body is not None and body.agent in (source, target) and body.agent < MULTICAST:
                found.add(body.agent)
    if len(found) == 1:
        (address,) = found
        known.own.add(address)
        if site.role != FOREIGN_AGENT:
            known.agents[address] = site.role
        known.notes.append(f"{site.role}={dotted(address)} inferred: no other agent is in the capture")
    else:
        known.notes.append(f"the site does not give the address of the device itself ({site.role}): nothing is told")
