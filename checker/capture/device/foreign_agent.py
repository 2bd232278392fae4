"""What a capture at a foreign agent shows: on the link its nodes, on the other side their home agents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from mipcheck.checker.capture.device.crossing import ON_ITS_WAY, Found
from mipcheck.checker.capture.device.passage import SIGNALLING, Marks, Outcome, Passage, Told, Way, untold
from mipcheck.checker.capture.device.registration import (
    OWN_DENIALS,
    Answers,
    Dynamic,
    Keys,
    Spoken,
    of_reply,
    of_request,
    reply_of,
    request_of,
)
from mipcheck.checker.capture.device.words import Teller
from mipcheck.checker.capture.events.account import Account
from mipcheck.checker.capture.headers.packet import ADVERTISEMENT, MULTICAST, REGISTRATION, Packet
from mipcheck.checker.capture.messages import carried
from mipcheck.checker.capture.messages.mobileip import Registration, Reply, Request
from mipcheck.checker.capture.node.knowledge import Knowledge, dotted
from mipcheck.checker.site.site import Site

_NEVER: Final = (2**62, 0)
"""Time (ns) and frame after all others."""
_NODE, _HA, _OTHER = "node", "ha", "other"


class ForeignAgent:
    """Turns the packets of a foreign agent, given in order of time, into its events."""

    def __init__(
        self,
        account: Account,
        teller: Teller,
        site: Site,
        known: Knowledge,
        spoken: Iterable[Spoken],
        adverts: Iterable[Packet],
    ) -> None:
        """`spoken` are all messages of the capture, which are gone through more than once; `adverts` advertisements."""
        self._account = account
        self._teller = teller
        self._known = known
        self._dynamic = Dynamic(spoken)
        self._links: set[str] = set()  # interfaces with nodes
        self._visitors: dict[int, set[str]] = {}  # home address → interfaces where it has asked
        self._peers = set(known.agents)  # addresses from which home agents may tunnel: their own, or those of NATs
        self._answered: dict[int, tuple[int, int]] = {}  # home agent → when it first answers (ns), and in which frame
        self._answers = Answers()
        self._meet(spoken, adverts)

    def advertisement(self, packet: Packet) -> bool:
        """Take a packet if it is an advertisement, and tell whether it is."""
        if packet.kind != ADVERTISEMENT or len(packet.addresses) > 1:
            return False
        self._advertisement(packet)
        return True

    def message(self, packet: Packet) -> Passage | None:
        """Return what a registration message of the agent or for it comes to; None for any other packet."""
        if packet.kind != REGISTRATION or self._known.own.isdisjoint(packet.addresses[0]):
            return None
        if (request := request_of(packet)) is not None:
            return self._request(packet, request)
        if (reply := reply_of(packet)) is not None:
            return self._reply(packet, reply)
        return Passage(SIGNALLING)

    def depends(self, packet: Packet) -> bool:
        """Tell whether what a message comes to depends on those before it: whose denial it is does."""
        reply = reply_of(packet)
        return reply is not None and reply.code in OWN_DENIALS

    def remember(self, packet: Packet) -> None:
        """Take note of a reply of a home agent's."""
        reply = reply_of(packet)
        if reply is not None and reply.agent in self._known.agents and packet.addresses[0][1] in self._known.own:
            self._answers.remember(packet)

    @property
    def checks(self) -> bool:
        """Whether there are keys: there are none that a foreign agent has."""
        return False

    def check(self, message: Registration) -> str:
        """Say of a message whether it is authentic: nobody knows here."""
        return "unchecked"

    def passage(self, packet: Packet, direction: str) -> Passage:
        """Return what any other packet comes to; `direction` is in, out or "", for the agent."""
        own = self._known.own
        source, target = packet.addresses[0]
        if len(packet.addresses) > 1 and source in own:
            return self._into_tunnel(packet)
        if len(packet.addresses) > 1 and target in own:
            return Passage(Outcome((), ON_ITS_WAY), (_HA, source))
        if source in own or target in own:
            return Passage(Outcome((), "of the agent itself"))
        if direction == "in":
            return self._came(packet)
        return self._passed_on(packet) if direction == "out" else Passage(Outcome((), "passes by"))

    def marks(self) -> Marks:
        """Return what of addresses `passage` looks at."""
        agents = [self._peers, *([address] for address in self._known.agents)]
        links = {name for names in self._visitors.values() for name in names}
        homes = [{home for home, names in self._visitors.items() if link in names} for link in sorted(links)]
        return Marks([self._known.own, self._known.far, *agents, *homes], self._known.internal, [1, MULTICAST])

    def take(self, packet: Packet, passage: Passage | None) -> None:
        """Take note of a packet of user data: there is nothing to be remembered."""

    def find(self, packet: Packet) -> Found[Way]:
        """Return by which way a packet came whose addresses were switched: there is none."""
        return Found(None)

    def holes(self, spoken: Callable[[], Iterable[Spoken]]) -> tuple[str, ...]:
        """Say what could not be known besides the events: nothing."""
        return ()

    def _meet(self, spoken: Iterable[Spoken], adverts: Iterable[Packet]) -> None:
        """Learn on which links there are nodes, and which; and who takes part in registrations on the other side, and
        since when home agents answer."""
        for packet in adverts:
            found = carried.advertisement(packet) if len(packet.addresses) == 1 else None
            if found is not None and self._is_own(packet, found.coas):
                self._links.add(packet.interface)
        own = self._known.own
        for s in spoken:
            if s.answers and s.target in own:
                self._peers |= {s.source, s.agent}
            if s.source in own:
                continue
            if s.answers and s.target in own:
                self._answered[s.agent] = min(self._answered.get(s.agent, _NEVER), (s.time, s.frame))
            if s.asks:
                self._peers.add(s.agent)
            if s.asks and s.target in own:
                self._links.add(s.interface)
                if (home := self._dynamic.given(s.home, s.agent, s.low)) is not None:
                    self._visitors.setdefault(home, set()).add(s.interface)

    def _is_own(self, packet: Packet, coas: Sequence[int]) -> bool:
        """Decide whether an advertisement with these care-of addresses is the agent's own, and leaves it."""
        own = not self._known.own.isdisjoint((packet.addresses[0][0], *coas))
        return own and bool(coas) and self._known.direction(packet) != "in"

    # --- signalling ---------------------------------------------------------------------------------------------------

    def _advertisement(self, packet: Packet) -> None:
        found = carried.advertisement(packet)
        if found is None or not self._is_own(packet, found.coas):
            return
        for coa in found.coas:
            self._teller.tell(packet, "advert", {"coa": coa})

    def _request(self, packet: Packet, request: Request) -> Passage:
        home = self._dynamic.home(request)
        agent = self._known.agents.get(request.agent)
        if agent is None:
            return Passage(SIGNALLING, stranger=request.agent)
        if home is None:
            return Passage(SIGNALLING)
        keys: Keys = {**of_request(packet, request, home), "to": agent}
        target = packet.addresses[0][1]
        if target in self._known.own:
            return Passage(SIGNALLING._replace(told=[Told("rrq", keys)]))
        # Which home agent it really goes to counts, whatever it says.
        passed = {"what": "rrq", "from": _NODE, "to": _HA, "agent": self._known.agents.get(target, agent)}
        return Passage(SIGNALLING._replace(told=[Told("relay", {**keys, **passed})]))

    def _reply(self, packet: Packet, reply: Reply) -> Passage:
        agent = self._known.agents.get(reply.agent)
        if agent is None:
            return Passage(SIGNALLING, stranger=reply.agent)
        keys: Keys = {**of_reply(packet, reply), "from": agent}
        if packet.addresses[0][1] in self._known.own:
            return Passage(SIGNALLING._replace(told=[Told("rrp", keys)]))
        passed: Keys = {**keys, "what": "rrp", "to": _NODE, "agent": agent}
        since = self._answered.get(reply.agent, _NEVER)
        if self._answers.denied_here(packet, reply):
            told = Told("relay", {**passed, "from": _OTHER})
        elif (packet.time, packet.frame) >= since:
            told = Told("relay", {**passed, "from": _HA})
        else:
            told = untold(reply.home, "what the home agent answers is not in the capture")
        return Passage(SIGNALLING._replace(told=[told]), since=since)

    def note_stranger(self, address: int) -> None:
        """Take note of a home agent that is none of the site's."""
        self._account.note(f"registrations with {dotted(address)}, which is neither iha nor xha, are ignored")

    # --- packets ------------------------------------------------------------------------------------------------------

    def _came(self, packet: Packet) -> Passage:
        """Tell of a packet that comes to the agent as it is: from a node on the link, or for one."""
        source, target = packet.addresses[0]
        aside = Outcome((), ON_ITS_WAY)
        if packet.interface in self._visitors.get(source, ()):
            return Passage(aside, (_NODE, 0))
        return Passage(aside, (_OTHER, 0)) if target in self._visitors else Passage(Outcome((), "passes by"))

    def _into_tunnel(self, packet: Packet) -> Passage:
        """Tell of a packet that the agent sends to a home agent, in a tunnel."""
        address = packet.addresses[0][1]
        agent = self._known.agents.get(address)
        keys: Keys = {"home": packet.addresses[1][0], "what": "data", "from": _NODE, "to": _HA, "agent": agent}
        return Passage(Outcome((Told("relay", keys),)), stranger=address if agent is None else None)

    def _passed_on(self, packet: Packet) -> Passage:
        """Tell of a packet that the agent sends as it is: to a node on the link, or for one to anybody.

        What comes out of a home agent's tunnel is for a node, whether that has asked for it or not.
        """
        target = packet.addresses[0][1]
        if target >= MULTICAST:
            return Passage(Outcome((), "multicast or broadcast"))
        on_link, asked = packet.interface in self._links, target in self._visitors

        def leaves(found: Found[Way]) -> Outcome:
            tunnelled = found.way is not None and found.way[0] == _HA and found.way[1] in self._known.agents
            return (self._to_node if on_link and (asked or tunnelled) else self._of_node)(packet, found)

        return Passage(leaves=leaves)

    def _to_node(self, packet: Packet, found: Found[Way]) -> Outcome:
        source, target = packet.addresses[0]
        if found.way is None and not found.several:
            return Outcome((untold(target, "a packet for the node has come in by no way that was captured"),))
        whence, agent = (None, 0) if found.way is None else found.way
        if whence == _HA and agent not in self._peers:
            whence = _OTHER  # a tunnel of somebody who is no home agent
        keys: Keys = {"home": target, "what": "data", "from": whence, "to": _NODE, "src": source, "dst": target}
        return Outcome((Told("relay", {**keys, "agent": self._known.agents.get(agent)}),))

    def _of_node(self, packet: Packet, found: Found[Way]) -> Outcome:
        source, target = packet.addresses[0]
        if found.way is None or found.way[0] != _NODE:
            return Outcome((), "passes by")
        keys: Keys = {"home": source, "what": "data", "from": _NODE, "to": "correspondent"}
        return Outcome((Told("relay", {**keys, "src": source, "dst": target}),))
