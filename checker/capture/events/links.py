"""The care-of address of each physical interface, as DHCP, ARP and registrations show it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

from mipcheck.checker.capture.events.account import Account
from mipcheck.checker.capture.headers.packet import Packet
from mipcheck.checker.capture.messages import carried, dhcp
from mipcheck.checker.capture.messages.mobileip import Request
from mipcheck.checker.capture.node.knowledge import Knowledge
from mipcheck.checker.site.site import Site
from mipcheck.model.values.types import Value

_LINK_LOCAL: Final = 0xA9FE
"""169.254.0.0/16 (RFC 3927), by its upper half."""


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
        arrived = link.starting or link.searching or (link.soliciting and not link.used)
        if not (link.coa or arrived or begun or self._site.boot):
            # The capture may have begun later than the node: that it has the address now is no change.
            link.coa = request.coa
        elif "D" in request.flags or request.coa == source:
            self._has_address(packet, request.coa)
        else:
            link.coa = request.coa
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
        if len(message) < 28 or message[:6] != b"\0\1\x08\0\6\4" or message[14:18] != message[24:28]:
            return
        link = self.by_name[packet.interface]
        address = int.from_bytes(message[14:18])
        macs = self._known.macs.get(packet.interface, ())
        if link.leased or (message[8:14] not in macs and packet.direction != "out") or packet.direction == "in":
            return
        homes = {*self._known.home, self._site.addresses.get("xhoa"), tia}
        if address in homes or address in (0, link.coa) or address >> 16 == _LINK_LOCAL:
            return
        self._has_address(packet, address)

    def _has_address(self, packet: Packet, address: int) -> None:
        """Take note that the interface has a co-located care-of address that was not known of."""
        link = self.by_name[packet.interface]
        # If it was used before, the capture began later than the node got it: that it has it now is no change.
        known = not link.coa and address in link.used and not self._site.boot
        link.coa = address
        if not known:
            self._account.emit(packet, "coa", {"kind": "colocated", "addr": address})
