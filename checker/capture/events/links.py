"""The care-of address of each physical interface, as DHCP, ARP and registrations show it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

from mipcheck.checker.capture.events.account import Account
from mipcheck.checker.capture.headers.link import hides
from mipcheck.checker.capture.headers.packet import DHCP, IPV6, IPV6_BEYOND, MULTICAST, Packet
from mipcheck.checker.capture.messages import carried, dhcp
from mipcheck.checker.capture.messages.mobileip import Request
from mipcheck.checker.capture.node.knowledge import Knowledge
from mipcheck.checker.site.site import Site
from mipcheck.model.values.types import Value

_LINK_LOCAL: Final = 0xA9FE
"""169.254.0.0/16 (RFC 3927), by its upper half."""


_ARP_OF_IPV4: Final = b"\0\1\x08\0\6\4"
"""How ARP for IPv4 on Ethernet begins (RFC 826)."""
_COMES_UP: Final = 1
_NEUTRAL: Final = 2
"""What the first that is seen of an interface may show: that it came up, or nothing either way."""
_AT_ONCE: Final = 1
"""Seconds for which a host says that it has asked for a lease as it begins to: some servers drop what has 0."""
_ICMPV6: Final = 58
_ROUTER_SOLICITATION: Final = 133
_NEIGHBOUR_SOLICITATION: Final = 135


@dataclass(slots=True)
class Link:
    """One physical interface: its care-of address (0 if none was seen) and the DHCP exchanges that got under way."""

    coa: int = 0
    used: set[int] = field(default_factory=set)
    """Addresses from which the node exchanged user data before any care-of address was announced here."""
    starting: dict[int, str] = field(default_factory=dict)
    """Transactions of DHCP in which an address is got, not renewed, and the domain offered (or "")."""
    renewing: set[int] = field(default_factory=set)
    """Transactions of DHCP in which the node asks to keep what it has."""
    searching: bool = False
    """Whether the node gave up an address here."""
    soliciting: bool = False
    """Whether the node looked for a foreign agent; some do so all the time."""
    leased: bool = False
    """Whether DHCP gave an address here."""
    shown: bool = False
    """Whether the node was seen to use this interface."""
    fresh: bool = False
    """Whether the first that was seen of it was that it came up, and no care-of address has been seen since."""
    foreign: bool = False
    """Whether its care-of address is a foreign agent's."""


class Links:
    """Follows the care-of addresses of all interfaces, and says when one changes."""

    def __init__(self, account: Account, site: Site, known: Knowledge) -> None:
        self.by_name: dict[str, Link] = defaultdict(Link)
        """Interface name → what is known of it."""
        self._account = account
        self._site = site
        self._known = known

    def unsettled(self, interface: str) -> set[int] | None:
        """Return the addresses that count as used, to be added to; None while a care-of address is known."""
        link = self.by_name[interface]
        return None if link.coa else link.used

    def use(self, packet: Packet, direction: str) -> None:
        """Take note of the address with which user data is exchanged, while no care-of address is known."""
        link = self.by_name[packet.interface]
        if not link.coa:
            outer = packet.addresses[0]
            link.used.add(outer[0] if direction == "out" else outer[1])

    def search(self, interface: str) -> None:
        """Take note that the node looks for a foreign agent."""
        self.by_name[interface].soliciting = True

    def announce(self, packet: Packet, request: Request) -> None:
        """Make a care-of address that the interface did not have before an event of its own."""
        source, target = packet.addresses[-1]
        link = self.by_name[packet.interface]
        if request.coa in (link.coa, request.home):
            return
        begun = (packet.interface, request.coa) in self._known.begun
        # Who exchanged user data before goes on looking for agents; that shows nothing new.
        arrived = link.starting or link.searching or link.fresh or (link.soliciting and not link.used)
        foreign = not ("D" in request.flags or request.coa == source)
        if not (link.coa or arrived or begun or self._site.boot):
            # The capture may have begun later than the node: that it has the address now is no change.
            link.coa, link.foreign = request.coa, foreign
        elif not foreign:
            self._has_address(packet, request.coa)
        else:
            link.coa, link.foreign, link.fresh = request.coa, True, False
            self._account.emit(packet, "coa", {"kind": "foreign-agent", "addr": request.coa, "agent": target})

    def lease(self, packet: Packet) -> None:
        """Follow a message of DHCP: an address that is got, kept or given up."""
        message = carried.lease(packet)
        if message is None:
            return
        macs = self._known.macs.get(packet.interface)
        if macs and message.client not in macs:
            return  # another station's
        link = self.by_name[packet.interface]
        if self._known.is_bound(packet, message) and not message.from_client and message.offered:
            self._bound(packet, message, link)
        elif message.type in (dhcp.DISCOVER, dhcp.OFFER) or message.is_reboot or (message.cut and not message.current):
            link.starting[message.xid] = message.domain or link.starting.get(message.xid, "")
        elif message.type in (dhcp.NAK, dhcp.RELEASE, dhcp.DECLINE):
            # The address is void. Which one comes next is seen then; even the same one is a new start.
            link.coa = 0
            link.searching = True
        elif message.from_client and message.current:
            link.renewing.add(message.xid)

    def _bound(self, packet: Packet, message: dhcp.DhcpMessage, link: Link) -> None:
        """Take the address that a server gives."""
        kept = message.xid in link.renewing or message.current == message.offered
        anew = message.xid in link.starting
        domain = message.domain or link.starting.pop(message.xid, "")
        link.starting.pop(message.xid, None)
        link.leased = True
        # The address may be from before the capture: that the node goes on with it is no change.
        before = kept and not (link.coa or link.searching or self._site.boot)
        changed, link.coa = message.offered != link.coa and not before, message.offered
        link.foreign = link.fresh = False
        if anew or changed:
            args: dict[str, Value] = {"kind": "colocated", "addr": message.offered}
            if domain:
                args["domain"] = domain
            self._account.emit(packet, "coa", args)

    def arp(self, packet: Packet, tia: int) -> None:
        """Follow an announcement by ARP, as a node without DHCP makes it (RFC 5227 section 2.3); not a probe.

        On the home link a node announces its home address (RFC 3344 section 4.6), which is no care-of address; and
        neither is `tia`, its address inside the VPN.
        """
        message = packet.payload
        if len(message) < 28 or message[:6] != _ARP_OF_IPV4 or message[14:18] != message[24:28]:
            return
        link = self.by_name[packet.interface]
        address = int.from_bytes(message[14:18])
        macs = self._known.macs.get(packet.interface, ())
        if link.leased or (message[8:14] not in macs and packet.direction != "out") or packet.direction == "in":
            return
        if packet.source_mac and not packet.direction and packet.source_mac not in macs:
            return  # somebody else says so
        if link.foreign or address in (0, link.coa) or not self._may_be_care_of(address, tia):
            return
        if not (link.coa or link.fresh or link.searching or self._site.boot):
            link.coa = address  # some announce their address again and again: since when it has it is not known
            return
        self._has_address(packet, address)

    def _may_be_care_of(self, address: int, tia: int) -> bool:
        """Decide whether an address that the node announces may be a care-of address."""
        homes = {*self._known.home, self._site.addresses.get("xhoa"), tia}
        return address not in homes and address >> 16 != _LINK_LOCAL

    def notice(self, packet: Packet, tia: int) -> None:
        """Look at the first that is seen of an interface: it may show that this has just come up.

        That is a change of its status, so that what was before is not unknown but void. Later on the same shows
        nothing: hosts look for routers and announce their addresses again. What others send, or all stations get, shows
        nothing of this node.
        """
        link = self.by_name[packet.interface]
        if link.shown:
            return
        direction = self._known.direction(packet)
        if direction != "out":
            link.shown = direction == "in" and bool(packet.addresses) and not self._to_all(packet)
            return
        said = _first_words(packet)
        if said == _NEUTRAL:
            return
        link.shown = True
        announced = packet.payload[14:18] if packet.why == "arp" else b""
        if said != _COMES_UP or (any(announced) and not self._may_be_care_of(int.from_bytes(announced), tia)):
            return
        link.fresh = True
        self._account.emit(packet, "link", {"state": "up"})

    def _to_all(self, packet: Packet) -> bool:
        """Decide whether a packet goes to all stations of a link, and not to the node alone."""
        target = packet.addresses[0][1]
        group = bool(packet.target_mac) and bool(packet.target_mac[0] & 1)
        return group or target >= MULTICAST or self._known.is_broadcast(target)

    def _has_address(self, packet: Packet, address: int) -> None:
        """Take note that the interface has a co-located care-of address that was not known of."""
        link = self.by_name[packet.interface]
        link.foreign = link.fresh = False
        # If it was used before, the capture began later than the node got it: that it has it now is no change.
        known = not link.coa and address in link.used and not self._site.boot
        link.coa = address
        if not known:
            self._account.emit(packet, "coa", {"kind": "colocated", "addr": address})


def _first_words(packet: Packet) -> int:
    """Tell whether a packet that the node sends is one by which a host begins on a link: _COMES_UP, or _NEUTRAL, or 0.

    A host that comes up asks whether anybody has the address that it would like (RFC 4862 section 5.4 for the
    link-local one, RFC 5227 section 2.1), for routers while it has no address (RFC 4861 section 6.3.7), for a lease
    (RFC 2131), or announces its address (RFC 5227 section 2.3). Before that it may be let in by the network, and report
    groups it listens to. Who has a link-local address looks for routers as long as none answers (RFC 7559); who has no
    lease asks on, and says for how long it has (RFC 2131, secs): then what was before is not known.
    """
    data = packet.payload
    if packet.kind == DHCP:
        message = carried.lease(packet)
        begins = message is not None and message.from_client and (message.type == dhcp.DISCOVER or message.is_reboot)
        return _COMES_UP if message is not None and begins and message.waited <= _AT_ONCE else 0
    if packet.addresses:
        return 0 if packet.addresses[0][0] else _NEUTRAL
    if packet.why == "arp":
        if data[:6] != _ARP_OF_IPV4 or len(data) < 28 or (packet.source_mac and data[8:14] != packet.source_mac):
            return 0
        return _COMES_UP if data[14:18] in (bytes(4), data[24:28]) and any(data[24:28]) else 0
    if packet.why == IPV6:
        return _first_of_ipv6(data)
    return 0 if packet.why == IPV6_BEYOND or hides(packet) else _NEUTRAL


def _first_of_ipv6(data: bytes) -> int:
    """Do the same for IPv6 that stays on the link; `data` is empty for what tells nothing."""
    kind = data[40] if len(data) > 40 and data[6] == _ICMPV6 else 0
    assigned = any(data[8:24])
    if kind == _ROUTER_SOLICITATION:
        return _NEUTRAL if assigned else _COMES_UP
    if assigned or not data:
        return 0
    own = data[48:50] if kind == _NEIGHBOUR_SOLICITATION and len(data) >= 64 else b""
    return _COMES_UP if own and own[0] == 0xFE and own[1] & 0xC0 == 0x80 else _NEUTRAL
