"""Packets at a gateway or an agent, in order of time → the events of its role, for all of its nodes.

What a packet comes to is said in `home_agent`, `foreign_agent` and `gateway`; what the role may tell, in `words`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from mipcheck.checker.capture.device.associations import Associations
from mipcheck.checker.capture.device.foreign_agent import ForeignAgent
from mipcheck.checker.capture.device.gateway import Gateway
from mipcheck.checker.capture.device.home_agent import HomeAgent
from mipcheck.checker.capture.device.registration import Dynamic
from mipcheck.checker.capture.device.sides import FOREIGN_AGENT, add_inner
from mipcheck.checker.capture.device.words import Teller
from mipcheck.checker.capture.events.account import Account
from mipcheck.checker.capture.headers.packet import ASIDE, DHCP, ICMP_ERROR, Packet
from mipcheck.checker.capture.node.knowledge import Knowledge, is_loopback, is_tunnel
from mipcheck.checker.site.site import Site
from mipcheck.model.specification.spec import EventType
from mipcheck.model.values.event import NODE, Event

GATEWAY: Final = "vpn"
HOME_AGENTS: Final = ("iha", "xha")
DEVICES: Final = (GATEWAY, *HOME_AGENTS, FOREIGN_AGENT)
"""The roles of which captures are read, beside the mobile node's."""


class _Device(Protocol):
    def take(self, packet: Packet, direction: str) -> None: ...
    def hidden(self) -> tuple[str, ...]: ...


class DeviceReader:
    """Feed it packets in order of time with `take`; then `events`, `set_aside`, `notes` and `holes()` are complete."""

    def __init__(
        self, name: str, site: Site, known: Knowledge, packets: Sequence[Packet], events: Mapping[str, EventType]
    ) -> None:
        """`packets` are all there are, in order of time; `events` what the specification declares for the role."""
        self._account = Account(name)
        self._known = known
        self._tunnels = frozenset(site.tunnels)
        exposed = [p for p in packets if p.addresses and not is_tunnel(p, self._tunnels) and not is_loopback(p)]
        teller = Teller(self._account, events)
        self._associations: Associations | None = None
        self._device: _Device
        if site.role == GATEWAY:
            self._associations = Associations(exposed, site, known.own)
            add_inner(exposed, known, self._associations.homes, site)
            self._device = Gateway(self._account, teller, site, known, self._associations)
        elif site.role == FOREIGN_AGENT:
            self._device = ForeignAgent(self._account, teller, site, known, Dynamic(exposed))
        else:
            self._device = HomeAgent(self._account, teller, site, known, Dynamic(exposed))

    @property
    def events(self) -> list[Event]:
        """The events so far."""
        return self._account.events

    @property
    def set_aside(self) -> Counter[str]:
        """How many packets were set aside, by reason."""
        return self._account.set_aside

    @property
    def notes(self) -> tuple[str, ...]:
        """What is worth knowing besides the events."""
        return self._account.notes

    def holes(self) -> tuple[str, ...]:
        """Say what could not be known, and may have been anything."""
        sealed = self._associations.holes() if self._associations is not None else ()
        return (*self._account.holes(), *sealed)

    def hidden(self) -> tuple[str, ...]:
        """Say why signalling could not be seen."""
        return self._device.hidden()

    def take(self, packet: Packet) -> None:
        """Turn one packet into events, or count it as set aside."""
        if is_loopback(packet):
            self._account.set_aside["loopback"] += 1
        elif is_tunnel(packet, self._tunnels):
            self._account.set_aside["tunnel interface"] += 1
        elif packet.kind == ASIDE or not packet.addresses:
            self._account.set_aside[packet.why] += 1
        elif packet.kind == DHCP:
            self._account.set_aside["dhcp"] += 1
        elif packet.kind == ICMP_ERROR and len(packet.addresses) == 1:
            self._account.set_aside["icmp error"] += 1
        else:
            direction = self._known.direction(packet)
            if direction == "in" and packet.addresses[0][0] in self._known.own:
                self._account.set_aside["in the device's name"] += 1
            else:
                self._device.take(packet, direction)
        if packet.unread:
            # Whose node it was about, nobody knows.
            self._account.unread(packet, packet.unread, NODE)
