"""Packets in order of time → events.

One pass with the little state that the meaning of a packet depends on. `Reader` tells what a packet is about, by its
kind and by where it was seen; what it comes to is said in `links` (care-of addresses), `registrations`, `vpn` and
`userdata`, which write into one `account`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Final, NamedTuple

from mipcheck.checker.capture.events.account import Account
from mipcheck.checker.capture.events.links import Link, Links
from mipcheck.checker.capture.events.registrations import DIRECT, THROUGH_VPN, Copies, Registrations
from mipcheck.checker.capture.events.userdata import Protects, UserData
from mipcheck.checker.capture.events.vpn import Vpn
from mipcheck.checker.capture.headers.packet import (
    ADVERTISEMENT,
    ASIDE,
    CUT,
    DHCP,
    ESP,
    ICMP,
    ICMP_ERROR,
    IKE,
    IPV6,
    IPV6_BEYOND,
    PLAIN,
    REGISTRATION,
    REST,
    SOLICITATION,
    Packet,
)
from mipcheck.checker.capture.messages import carried, mobileip
from mipcheck.checker.capture.messages.esp import DUMMY
from mipcheck.checker.capture.node.knowledge import Knowledge, is_loopback, is_tunnel
from mipcheck.checker.console.counts import counted
from mipcheck.checker.site.site import Site
from mipcheck.checker.trace.vocabulary import IPV6_NOTE
from mipcheck.model.values.event import NODE, Event
from mipcheck.model.values.types import Value

IPV6_LEFT: Final = "ipv6 sent in the clear"
"""Why IPv6 is set aside that the node sends beyond the link."""


class Again(NamedTuple):
    """What one more packet comes to that is like one which was taken, but for number, time and length.

    `aside` are the reasons for which it is set aside, `carries` says that its interface is then the one in use, `used`
    is the address that counts as used there while no care-of address is known (0: none).
    """

    aside: tuple[str, ...]
    event: Event | None
    carries: bool
    used: int


class Reader:
    """Feed it packets in order of time with `take`; then `events`, `set_aside`, `notes` and `hidden()` are complete."""

    def __init__(
        self, name: str, site: Site, known: Knowledge, clear: dict[bytes, list[int]], protects: Protects | None = None
    ) -> None:
        """`clear` holds, for each registration message seen on a physical interface, when (ns, ascending).

        `protects` tells by its headers whether user data is protected, by the layers of a specification.
        """
        self._account = Account(name)
        self._site = site
        self._known = known
        self._tunnels = frozenset(site.tunnels)
        self._gateway = site.addresses.get("vpn")
        self._devices: set[str] = set()  # tunnel devices that were seen
        self._links = Links(self._account, site, known)
        self._registrations = Registrations(self._account, site, known, self._links)
        self._copies = Copies(clear)
        self._vpn = Vpn(self._account, site, known)
        self._data = UserData(self._account, site, known, self._links, protects)

    @property
    def events(self) -> list[Event]:
        """The events so far; whoever puts one elsewhere may take it out."""
        return self._account.events

    @property
    def set_aside(self) -> Counter[str]:
        """How many packets were set aside, by reason; to be added to."""
        return self._account.set_aside

    @property
    def notes(self) -> tuple[str, ...]:
        """What is worth knowing besides the events."""
        left = self._account.set_aside[IPV6_LEFT]
        packets = counted(left, "IPv6 packet")
        leak = (f"{packets} {IPV6_NOTE}",) if left else ()
        return (*self._account.notes, *self._vpn.complaints, *leak)

    def holes(self) -> tuple[str, ...]:
        """Say what else could not be known, and may have been anything."""
        return (*self._account.holes(), *self._data.holes())

    def hidden(self) -> tuple[str, ...]:
        """Say why signalling could not be seen."""
        return self._vpn.hidden(self._devices)

    def take(self, packet: Packet) -> None:
        """Turn one packet into events, or count it as set aside."""
        if is_loopback(packet):
            self._account.set_aside["loopback"] += 1
            return
        if packet.unread:
            # On a tunnel device, or where headers were cut, what it was may concern any interface.
            everywhere = is_tunnel(packet, self._tunnels) or packet.why == CUT
            self._account.unread(packet, packet.unread, NODE if everywhere else packet.interface)
        if is_tunnel(packet, self._tunnels):
            self._on_tunnel(packet)
        else:
            self._on_link(packet)

    # --- many packets that are alike ----------------------------------------------------------------------------------

    def again(self, packet: Packet) -> Again:
        """Return what every further packet like this one comes to, which was taken and is no signalling.

        What is taken to be user data, or upkeep, does not depend on what came before, but for a first packet that
        shows a new security association. What stays behind of it is given to `after`; nothing is changed here.
        """
        account, links, vpn = self._account, self._links, self._vpn
        kept = account.events, account.set_aside, vpn.in_use, links.by_name
        account.events, account.set_aside, vpn.in_use, links.by_name = [], Counter(), "", defaultdict(Link)
        try:
            self.take(packet)
            used = links.by_name[packet.interface].used
            (event,) = account.events or (None,)
            return Again(tuple(account.set_aside), event, vpn.in_use != "", next(iter(used), 0))
        finally:
            account.events, account.set_aside, vpn.in_use, links.by_name = kept

    def after(self, interface: str) -> None:
        """Take note that packets passed which carry what goes through the VPN, the last one over `interface`."""
        self._vpn.in_use = interface

    def unsettled(self, interface: str) -> set[int] | None:
        """Return the addresses that count as used, to be added to; None while a care-of address is known."""
        return self._links.unsettled(interface)

    # --- tunnel devices: nothing is exposed there, but signalling inside the VPN is seen nowhere else -----------------

    def _on_tunnel(self, packet: Packet) -> None:
        self._devices.add(packet.interface)
        if self._shows_inside(packet):
            self._vpn.shows_inside = True
        if packet.kind == REGISTRATION and not self._copies.has(packet):
            source, target = packet.addresses[-1]
            asking = packet.dport == mobileip.PORT and carried.registration(packet).is_request
            inner = source if asking else target
            if inner == self._site.addresses.get("xhoa"):
                self._account.note("a registration in the x-MIP tunnel was seen on its device only, and is not used")
            else:
                self._vpn.shows_inside = True
                self._through_vpn(packet, self._vpn.in_use)
            return
        self._account.set_aside["tunnel interface"] += 1

    def _shows_inside(self, packet: Packet) -> bool:
        """Decide whether this device carries what goes to the i-HA through the VPN: a registration would be seen."""
        if not packet.addresses:
            return False
        pair = packet.addresses[0]
        return any(self._known.agents.get(a) == "iha" for a in pair) and self._site.addresses.get("xhoa") not in pair

    def _through_vpn(self, packet: Packet, interface: str) -> None:
        """Take a registration message that passes through the VPN over a physical interface."""
        message = carried.registration(packet)
        if packet.dport == mobileip.PORT and message.is_request:
            place = len(self.events)
            self._registrations.request(packet, THROUGH_VPN, interface)
            self._vpn.requested(packet.addresses[-1][0], place)
        elif packet.sport == mobileip.PORT and message.is_reply:
            self._registrations.reply(packet, THROUGH_VPN, interface)

    # --- physical interfaces ------------------------------------------------------------------------------------------

    def _on_link(self, packet: Packet) -> None:
        self._links.notice(packet, self._vpn.tia)
        kind = packet.kind
        if kind == ASIDE:
            self._data.aside(packet, self._why_aside(packet))
            if packet.why == "arp" and packet.payload:
                self._links.arp(packet, self._vpn.tia)
            return
        if kind == REST:
            self._data.rest(packet)
            return
        if kind == DHCP:
            self._data.aside(packet, "dhcp")
            self._links.lease(packet)
            return
        direction = self._known.direction(packet)
        if kind in (PLAIN, ICMP):
            self._data.plain(packet, direction)
        elif kind == ESP:
            self._esp(packet, direction)
        elif kind == REGISTRATION:
            self._registration(packet, direction)
        elif kind == IKE:
            self._data.aside(packet, "key exchange")
            self._vpn.key_exchange(packet, direction)
        elif kind == ADVERTISEMENT:
            self._advertisement(packet, direction)
        elif kind == SOLICITATION:
            self._solicitation(packet, direction)
        else:
            assert kind == ICMP_ERROR
            self._data.aside(packet, "icmp error")

    def _why_aside(self, packet: Packet) -> str:
        """Return why a packet is set aside that can be neither user data nor signalling."""
        if packet.why == IPV6_BEYOND:
            return IPV6_LEFT if self._known.direction(packet) == "out" else IPV6
        return packet.why

    def _esp(self, packet: Packet, direction: str) -> None:
        if not direction or self._vpn.is_other(packet):
            self._data.protected(packet, direction, packet.stack)
            return
        inner = self._vpn.take(packet, direction)
        if inner is not None and inner.kind == REGISTRATION:
            # Known not to be user data, as other signalling is not; a tunnel device may have shown it already.
            self._data.aside(packet, "signalling inside esp")
            if self._copies.has(inner):
                self._vpn.put_where_it_went(inner)
            else:
                self._through_vpn(inner, packet.interface)
        elif inner is not None and inner.kind == ASIDE and inner.why == DUMMY:
            self._data.aside(packet, inner.why)
        else:
            self._data.protected(packet, direction, packet.stack if inner is None else inner.stack)

    def _registration(self, packet: Packet, direction: str) -> None:
        self._data.remember(packet, "fragment of signalling")
        if self._gateway is not None and any(self._gateway in pair for pair in packet.addresses[:-1]):
            # In whatever encapsulation: what passes the gateway is no direct registration.
            if direction:
                self._through_vpn(packet, packet.interface)
            return
        message = carried.registration(packet)
        if message.is_request and packet.dport == mobileip.PORT and direction != "in":
            if packet.addresses[-1][0] not in self._known.far:
                self._registrations.request(packet, DIRECT, packet.interface)
        elif message.is_reply and packet.sport == mobileip.PORT and direction != "out":
            self._registrations.reply(packet, DIRECT, packet.interface)

    def _advertisement(self, packet: Packet, direction: str) -> None:
        found = carried.advertisement(packet)
        if direction == "out" or found is None or not found.coas or len(packet.addresses) > 1:
            self._data.aside(packet, "router advertisement")
            return
        agent = packet.addresses[-1][0]
        args: dict[str, Value] = {"agent": agent, "coa": found.coas[0], "seq": found.sequence}
        if found.nai:
            args["nai"] = found.nai
        self._account.emit(packet, "advert", args)

    def _solicitation(self, packet: Packet, direction: str) -> None:
        if direction == "in":
            self._data.aside(packet, "router solicitation of others")
            return
        self._links.search(packet.interface)
        self._account.emit(packet, "solicit", {})
