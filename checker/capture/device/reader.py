"""Packets at a gateway or an agent, in order of time → the events of its role, for all of its nodes.

What a packet comes to is said in `home_agent`, `foreign_agent` and `gateway`; what the role may tell, in `words`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Final, Protocol

from mipcheck.checker.capture.device.associations import Associations, OpenedInColumns
from mipcheck.checker.capture.device.crossing import Crossing, Found
from mipcheck.checker.capture.device.foreign_agent import ForeignAgent
from mipcheck.checker.capture.device.gateway import UNOPENED, Gateway, Tunnel
from mipcheck.checker.capture.device.home_agent import HomeAgent
from mipcheck.checker.capture.device.passage import Marks, Outcome, Passage, Way
from mipcheck.checker.capture.device.registration import Spoken, not_shown, spoken_of
from mipcheck.checker.capture.device.sides import FOREIGN_AGENT, add_inner
from mipcheck.checker.capture.device.words import Teller
from mipcheck.checker.capture.events.account import Account
from mipcheck.checker.capture.headers.packet import ADVERTISEMENT, ASIDE, DHCP, ESP, ICMP_ERROR, REGISTRATION, Packet
from mipcheck.checker.capture.messages import carried
from mipcheck.checker.capture.messages.mobileip import Registration
from mipcheck.checker.capture.node.knowledge import Knowledge, is_loopback, is_tunnel
from mipcheck.checker.site.site import Site
from mipcheck.model.specification.spec import EventType
from mipcheck.model.values.event import NODE, Event
from mipcheck.model.values.types import Value

GATEWAY: Final = "vpn"
HOME_AGENTS: Final = ("iha", "xha")
_CUT: Final = "registration messages were cut short: capture more bytes of each frame (-s 0)"
_INSIDE: Final = (
    "packets of the device itself in somebody else's tunnel were not read: capture them outside of it (it may be a"
    " mirror of a port, or an uplink)"
)
DEVICES: Final = (GATEWAY, *HOME_AGENTS, FOREIGN_AGENT)
"""The roles of which captures are read, beside the mobile node's."""


class _Agent(Protocol):
    def advertisement(self, packet: Packet) -> bool: ...
    def message(self, packet: Packet) -> Passage | None: ...
    def remember(self, packet: Packet) -> None: ...
    def depends(self, packet: Packet) -> bool: ...
    @property
    def checks(self) -> bool: ...
    def check(self, message: Registration) -> str: ...
    def passage(self, packet: Packet, direction: str) -> Passage | None: ...
    def take(self, packet: Packet, passage: Passage | None) -> None: ...
    def find(self, packet: Packet) -> Found[Way]: ...
    def marks(self) -> Marks: ...
    def note_stranger(self, address: int) -> None: ...
    def holes(self, spoken: Callable[[], Iterable[Spoken]]) -> tuple[str, ...]: ...


class DeviceReader:
    """Feed it packets in order of time with `take`; then `events`, `set_aside`, `notes` and `holes()` are complete."""

    def __init__(
        self,
        name: str,
        site: Site,
        known: Knowledge,
        packets: Sequence[Packet],
        events: Mapping[str, EventType],
        columns: OpenedInColumns | None = None,
        more: Iterable[Spoken] = (),
    ) -> None:
        """`packets` are all there are, in order of time; `events` what the specification declares for the role.

        In columns they are some of each kind; at a gateway the rest is told by `columns`, and at an agent `more` are
        the messages that are not among them, which are gone through more than once.
        """
        self._account = Account(name)
        self._name = name
        self._known = known
        self._tunnels = frozenset(site.tunnels)
        exposed = [p for p in packets if p.addresses and not is_tunnel(p, self._tunnels) and not is_loopback(p)]
        teller = Teller(self._account, events)
        self._teller = teller
        self._crossing: Crossing[Way] = Crossing()
        self.associations: Associations | None = None
        self.gateway: Gateway | None = None
        self._agent: _Agent | None = None
        self._spoken: Callable[[], Iterable[Spoken]] = tuple
        self.not_shown = ""
        """Which of an agent's messages the capture does not show at all, where it is said to begin with nobody."""
        if site.role == GATEWAY:
            self.associations = Associations(exposed, site, known.own, columns)
            add_inner(exposed, known, self.associations.homes, site, columns.alike if columns else None)
            self.gateway = Gateway(self._account, teller, site, known, self.associations)
            return
        self._spoken = lambda: chain(spoken_of(exposed), more)
        spoken = [*self._spoken()]
        if site.boot:
            self.not_shown = not_shown(spoken, known.own, site.role == FOREIGN_AGENT)
        if site.role == FOREIGN_AGENT:
            adverts = [p for p in exposed if p.kind == ADVERTISEMENT]
            self._agent = ForeignAgent(self._account, teller, site, known, spoken, adverts)
        else:
            self._agent = HomeAgent(self._account, teller, site, known, spoken)

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
        sealed = self.associations.holes() if self.associations is not None else ()
        moved = self.gateway.holes() if self.gateway is not None else ()
        unknown = self._agent.holes(self._spoken) if self._agent is not None else ()
        told = f"{self.not_shown} is in the capture: take it on all interfaces, in both directions and without a filter"
        return (*self._account.holes(), *sealed, *moved, *unknown, *([told] if self.not_shown else ()))

    def hidden(self) -> tuple[str, ...]:
        """Say why signalling could not be seen."""
        return ()

    def take(self, packet: Packet) -> None:
        """Turn one packet into events, or count it as set aside."""
        aside = self._why_aside(packet)
        if aside:
            self._account.set_aside[aside] += 1
        elif self.gateway is not None and self.gateway.is_inside(packet):
            self._account.unread(packet, _INSIDE, NODE)
        elif self.gateway is not None:
            self.gateway.take(packet, self._known.direction(packet))
        elif self._agent is not None:
            passage = self._agent.message(packet)
            if passage is not None:
                self._message(self._agent, packet, passage)
            elif self._agent.advertisement(packet):
                self._account.set_aside["signalling"] += 1
            else:
                self._user_data(self._agent, packet)
        if packet.unread:
            # Whose node it was about, nobody knows.
            self._account.unread(packet, packet.unread, NODE)

    def _why_aside(self, packet: Packet) -> str:
        """Say why a packet is set aside that is not the device's, or nothing that a role speaks of."""
        if is_loopback(packet):
            return "loopback"
        if is_tunnel(packet, self._tunnels):
            return "tunnel interface"
        if packet.kind == ASIDE or not packet.addresses:
            return packet.why
        if packet.kind == DHCP:
            return "dhcp"
        if packet.kind == ICMP_ERROR and len(packet.addresses) == 1:
            return "icmp error"
        if packet.addresses[0][0] in self._known.own and self._known.direction(packet) == "in":
            return "in the device's name"
        return ""

    def _message(self, agent: _Agent, packet: Packet, passage: Passage) -> None:
        if carried.registration(packet).body is None:
            self._account.unread(packet, _CUT, NODE)
        agent.remember(packet)
        if passage.stranger is not None:
            agent.note_stranger(passage.stranger)
        self.note(passage, packet)
        self._tell(packet, passage.outcome)

    def note(self, passage: Passage, packet: Packet) -> None:
        """Take note of what people are to be told of a message."""
        for key, text in passage.notes:
            if key:
                self._account.note_first(key, text, packet)
            else:
                self._account.note(text)

    def _tell(self, packet: Packet, outcome: Outcome) -> None:
        for told in outcome.told:
            self._teller.tell(packet, told.kind, told.keys)
        if outcome.aside:
            self._account.set_aside[outcome.aside] += 1

    def _user_data(self, agent: _Agent, packet: Packet) -> None:
        if self._is_inside(packet):
            self._account.unread(packet, _INSIDE, NODE)
            return
        passage = agent.passage(packet, self._known.direction(packet))
        agent.take(packet, passage)
        if passage is None:
            return
        if passage.stranger is not None:
            agent.note_stranger(passage.stranger)
        if passage.came is not None:
            self._crossing.came(packet, passage.came)
        outcomes = [passage.outcome]
        if passage.leaves is not None:
            found = self._crossing.find(packet)
            if found.way is None and not found.several:
                found = agent.find(packet)
            outcomes.append(passage.leaves(found))
        for outcome in outcomes:
            self._tell(packet, outcome)

    def _is_inside(self, packet: Packet) -> bool:
        """Decide whether somebody else's tunnel carries what the device sent, or was sent."""
        own, (outermost, *inside) = self._known.own, packet.addresses
        return own.isdisjoint(outermost) and not all(map(own.isdisjoint, inside))

    # --- many packets that are alike ----------------------------------------------------------------------------------

    def passage(self, packet: Packet) -> Passage | None:
        """Return what every packet comes to that is like this one; None where that cannot be said of it by itself."""
        aside = self._why_aside(packet)
        if aside:
            return None if packet.unread else Passage(Outcome((), aside))
        if packet.unread or self._agent is None or packet.kind == ADVERTISEMENT:
            return None
        if packet.kind != REGISTRATION:
            return None if self._is_inside(packet) else self._agent.passage(packet, self._known.direction(packet))
        body = carried.registration(packet).body
        return None if body is None or not body.home or self._agent.depends(packet) else self._agent.message(packet)

    @property
    def checks(self) -> bool:
        """Whether there are keys, by which it shows what is authentic."""
        return self._agent is not None and self._agent.checks

    def check(self, message: Registration) -> str:
        """Say of a message whether it is authentic, if anything `checks`."""
        return "" if self._agent is None else self._agent.check(message)

    def protected(
        self,
        packet: Packet,
        inner: Packet | None,
        home: int | None,
        auth: str | None,
        denied: bool,
        tunnel: Tunnel,
    ) -> Passage | None:
        """Do the same at a gateway, where `inner` is what is in ESP, if that counts, of the node that has the address
        `home` inside, `auth` what IPsec says, and `denied` what `Gateway.denies` does."""
        assert self.gateway is not None and self.associations is not None
        aside = self._why_aside(packet)
        if aside:
            return Passage(Outcome((), aside))
        if self.gateway.is_inside(packet):
            return None
        if packet.kind != ESP or not self.associations.is_ours(packet):
            return self.gateway.passage(packet, self._known.direction(packet), tunnel)
        if home is None:
            return Passage(Outcome((), UNOPENED))
        if self.associations.is_inward(packet):
            return self.gateway.out_of_tunnel(packet, inner, home, auth, tunnel)
        return Passage() if inner is None else self.gateway.into_tunnel(packet, inner, home, denied, tunnel)

    def heed(self, packet: Packet) -> None:
        """Take note of what the i-HA answers at a gateway."""
        if self.gateway is not None and not self._why_aside(packet):
            self.gateway.heed(packet, self._known.direction(packet))

    def marks(self) -> Marks:
        """Return what of addresses `passage` and `protected` look at."""
        if self.gateway is not None:
            return self.gateway.marks()
        return Marks(()) if self._agent is None else self._agent.marks()

    def note_stranger(self, address: int) -> None:
        """Take note of a home agent that is none of the site's."""
        if self._agent is not None:
            self._agent.note_stranger(address)

    def is_message(self, packet: Packet) -> bool:
        """Decide whether a packet is to be taken by itself, since it is none of user data."""
        if self.gateway is not None:
            return bool(packet.unread or self.gateway.is_exchange(packet))
        return bool(packet.unread) or packet.kind in (REGISTRATION, ADVERTISEMENT)

    def recount(self, aside: Counter[str]) -> None:
        """Say how many packets are set aside, by reason, where they were not given to `take`."""
        self._account.set_aside = aside

    def said_of(self, outcome: Outcome) -> list[tuple[str, dict[str, Value]]]:
        """Return kind and keys of the events of an outcome."""
        said = [self._teller.say(told.kind, told.keys) for told in outcome.told]
        return [event for event in said if event is not None]

    def event_of(self, packet: Packet, kind: str, args: dict[str, Value]) -> Event:
        """Return the event of that kind that `packet` shows."""
        account = Account(self._name)
        account.emit(packet, kind, args)
        return account.events[0]
