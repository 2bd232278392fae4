"""What a capture at a foreign agent shows: on the link its nodes, on the other side their home agents."""

from __future__ import annotations

from typing import Final

from mipcheck.checker.capture.device.crossing import ON_ITS_WAY, Crossing
from mipcheck.checker.capture.device.registration import Dynamic, Keys, of_reply, of_request, reply_of, request_of
from mipcheck.checker.capture.device.words import Teller
from mipcheck.checker.capture.events.account import Account
from mipcheck.checker.capture.headers.packet import ADVERTISEMENT, MULTICAST, REGISTRATION, Packet
from mipcheck.checker.capture.messages import carried, mobileip
from mipcheck.checker.capture.node.knowledge import Knowledge, dotted
from mipcheck.checker.site.site import Site
from mipcheck.model.values.event import NODE

_CUT: Final = "registration messages were cut short: capture more bytes of each frame (-s 0)"
_OWN_DENIALS: Final = range(64, 128)
"""Codes with which a foreign agent itself denies (RFC 3344 section 3.4)."""
_MOST: Final = 1 << 16
"""Replies that are remembered, before old ones are forgotten."""
_SOON: Final = 10 * 10**9
"""ns in which a reply is passed on."""
_NODE, _HA, _OTHER = "node", "ha", "other"


class ForeignAgent:
    """Turns the packets of a foreign agent, given in order of time, into its events."""

    def __init__(self, account: Account, teller: Teller, site: Site, known: Knowledge, dynamic: Dynamic) -> None:
        self._account = account
        self._teller = teller
        self._known = known
        self._dynamic = dynamic
        self._crossing: Crossing[tuple[str, int]] = Crossing()  # node, ha or other, and which home agent
        self._links: dict[str, None] = {}  # interfaces with nodes
        self._visitors: dict[int, str] = {}  # home address → interface where it has asked
        self._replies: dict[bytes, int] = {}  # what home agents have answered, and when
        self._heard: set[int] = set()  # home agents that have answered anything

    def take(self, packet: Packet, direction: str) -> None:
        """Take a packet that is no tunnel device's; `direction` is in, out or "", for the agent."""
        own = self._known.own
        source, target = packet.addresses[0]
        if packet.kind == ADVERTISEMENT and len(packet.addresses) == 1:
            self._advertisement(packet)
        elif packet.kind == REGISTRATION and not own.isdisjoint(packet.addresses[0]):
            self._registration(packet)
        elif len(packet.addresses) > 1 and source in own:
            self._into_tunnel(packet)
        elif len(packet.addresses) > 1 and target in own:
            self._crossing.came(packet, (_HA, source))
            self._account.set_aside[ON_ITS_WAY] += 1
        elif not own.isdisjoint((source, target)):
            self._account.set_aside["of the agent itself"] += 1
        elif direction == "in":
            self._came(packet)
        elif direction == "out":
            self._passed_on(packet)
        else:
            self._account.set_aside["passes by"] += 1

    def hidden(self) -> tuple[str, ...]:
        """Say why signalling could not be seen: a foreign agent sees all of it."""
        return ()

    # --- signalling ---------------------------------------------------------------------------------------------------

    def _advertisement(self, packet: Packet) -> None:
        found = carried.advertisement(packet)
        self._account.set_aside["signalling"] += 1
        if found is None or not found.coas or self._known.direction(packet) == "in":
            return
        if self._known.own.isdisjoint((packet.addresses[0][0], *found.coas)):
            return
        self._links.setdefault(packet.interface)
        for coa in found.coas:
            self._teller.tell(packet, "advert", {"coa": coa})

    def _registration(self, packet: Packet) -> None:
        self._account.set_aside["signalling"] += 1
        if carried.registration(packet).body is None:
            self._account.unread(packet, _CUT, NODE)
        elif (request := request_of(packet)) is not None:
            home = self._dynamic.home(request)
            agent = self._agent(request.agent)
            if home is None or agent is None:
                return
            keys: Keys = {**of_request(packet, request, home), "to": agent}
            if packet.addresses[0][1] in self._known.own:
                self._links.setdefault(packet.interface)
                self._visitors[home] = packet.interface
                self._teller.tell(packet, "rrq", keys)
            else:
                # Which home agent it really goes to counts, whatever it says.
                target = self._known.agents.get(packet.addresses[0][1], agent)
                self._teller.tell(packet, "relay", {**keys, "what": "rrq", "from": _NODE, "to": _HA, "agent": target})
        elif (reply := reply_of(packet)) is not None and (agent := self._agent(reply.agent)) is not None:
            keys = {**of_reply(packet, reply), "from": agent}
            message = mobileip.fixed_part(packet.payload)
            if packet.addresses[0][1] in self._known.own:
                self._remember(message, packet.time)
                self._heard.add(reply.agent)
                self._teller.tell(packet, "rrp", keys)
            elif message in self._replies or (reply.code not in _OWN_DENIALS and reply.agent in self._heard):
                self._teller.tell(packet, "relay", {**keys, "what": "rrp", "from": _HA, "to": _NODE, "agent": agent})
            elif reply.code in _OWN_DENIALS:
                self._teller.tell(packet, "deny", {**keys, "agent": agent, "to": agent})
            else:
                self._teller.untold(packet, reply.home, "what the home agent answers is not in the capture")

    def _remember(self, message: bytes, time: int) -> None:
        """Take note of a reply of a home agent, and forget the older ones once there are many."""
        self._replies[message] = time
        if len(self._replies) > _MOST:
            self._replies = {m: t for m, t in self._replies.items() if time - t <= _SOON}

    def _agent(self, address: int) -> str | None:
        name = self._known.agents.get(address)
        if name is None:
            self._account.note(f"registrations with {dotted(address)}, which is neither iha nor xha, are ignored")
        return name

    # --- packets ------------------------------------------------------------------------------------------------------

    def _came(self, packet: Packet) -> None:
        """Take a packet that comes to the agent as it is: from a node on the link, or for one."""
        source, target = packet.addresses[0]
        if self._visitors.get(source) == packet.interface:
            self._crossing.came(packet, (_NODE, 0))
        elif target in self._visitors:
            self._crossing.came(packet, (_OTHER, 0))
        self._account.set_aside[ON_ITS_WAY] += 1

    def _into_tunnel(self, packet: Packet) -> None:
        """Take a packet that the agent sends to a home agent, in a tunnel."""
        agent = self._agent(packet.addresses[0][1])
        keys: Keys = {"home": packet.addresses[1][0], "what": "data", "from": _NODE, "to": _HA, "agent": agent}
        self._teller.tell(packet, "relay", keys)

    def _passed_on(self, packet: Packet) -> None:
        """Take a packet that the agent sends as it is: to a node on the link, or for one to anybody."""
        source, target = packet.addresses[0]
        if target >= MULTICAST:
            self._account.set_aside["multicast or broadcast"] += 1
            return
        found = self._crossing.find(packet)
        if target in self._visitors and packet.interface in self._links:
            whence, agent = (None, 0) if found.way is None else found.way
            if found.way is None and not found.several:
                self._teller.untold(packet, target, "a packet for the node has come in by no way that was captured")
                return
            keys: Keys = {"home": target, "what": "data", "from": whence, "to": _NODE}
            keys["agent"] = self._known.agents.get(agent)
            self._teller.tell(packet, "relay", {**keys, "src": source, "dst": target})
        elif found.way is not None and found.way[0] == _NODE:
            keys = {"home": source, "what": "data", "from": _NODE, "to": "correspondent"}
            self._teller.tell(packet, "relay", {**keys, "src": source, "dst": target})
        else:
            self._account.set_aside["passes by"] += 1
