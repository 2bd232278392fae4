"""What a capture at a home agent shows: registrations, and packets into its tunnels and out of them.

A home agent has one address. What comes to it in a tunnel is the node's, from the care-of address; what it sends in
one goes there. The rest of what it sends is told by what came in before.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from mipcheck.checker.capture.device.crossing import ON_ITS_WAY, Crossing
from mipcheck.checker.capture.device.registration import (
    LOW,
    Dynamic,
    Security,
    of_reply,
    of_request,
    reply_of,
    request_of,
)
from mipcheck.checker.capture.device.words import Teller
from mipcheck.checker.capture.events.account import Account
from mipcheck.checker.capture.headers.packet import MULTICAST, REGISTRATION, Packet
from mipcheck.checker.capture.messages import carried, mobileip
from mipcheck.checker.capture.messages.mobileip import Reply, Request
from mipcheck.checker.capture.node.knowledge import Knowledge
from mipcheck.checker.site.site import Site
from mipcheck.model.values.event import NODE
from mipcheck.model.values.types import Value

_UDP: Final = 17
_MOST: Final = 1 << 16
"""Requests whose care-of address is remembered."""
_CUT: Final = "registration messages were cut short: capture more bytes of each frame (-s 0)"

How = Literal["wrapped", "plain"]


class Way(NamedTuple):
    """How a packet of a node came in: from which care-of address, and `wrapped` in a tunnel or `plain`."""

    coa: int
    how: How


class HomeAgent:
    """Turns the packets of a home agent, given in order of time, into its events."""

    def __init__(self, account: Account, teller: Teller, site: Site, known: Knowledge, dynamic: Dynamic) -> None:
        self._account = account
        self._teller = teller
        self._site = site
        self._known = known
        self._dynamic = dynamic
        self._security = Security(site.role, site.mn_ha_keys)
        self._crossing: Crossing[Way] = Crossing()
        self._towards: Crossing[int] = Crossing()  # from whom came what is for a home address
        self._nodes: dict[int, set[int]] = {}  # care-of address → home addresses that were granted registrations there
        self._asked: dict[tuple[int, int], int] = {}  # home address and identification → care-of address

    def take(self, packet: Packet, direction: str) -> None:
        """Take a packet that is no tunnel device's; `direction` is in, out or "", for the agent."""
        own = self._known.own
        source, target = packet.addresses[0]
        if packet.kind == REGISTRATION and not own.isdisjoint(packet.addresses[-1]):
            self._registration(packet)
        elif len(packet.addresses) > 1 and source in own:
            self._into_tunnel(packet)
        elif len(packet.addresses) > 1 and target in own:
            self._out_of_tunnel(packet)
        elif target in own:
            self._plain(packet)
        elif source in own:
            self._switched(packet)
        elif direction != "in":
            self._passed_on(packet)
        else:
            self._towards.came(packet, source, (target, 0))
            self._account.set_aside[ON_ITS_WAY] += 1

    def hidden(self) -> tuple[str, ...]:
        """Say why signalling could not be seen: a home agent sees all of it."""
        return ()

    # --- registrations ------------------------------------------------------------------------------------------------

    def _registration(self, packet: Packet) -> None:
        self._account.set_aside["signalling"] += 1
        source, target = packet.addresses[-1]
        own = self._known.own
        if carried.registration(packet).body is None:
            self._account.unread(packet, _CUT, NODE)
        elif target in own and (request := request_of(packet)) is not None and request.agent in own:
            self._request(packet, request)
        elif source in own and (reply := reply_of(packet)) is not None and reply.agent in own:
            self._reply(packet, reply)

    def _request(self, packet: Packet, request: Request) -> None:
        home = self._dynamic.home(request)
        if home is None:
            self._account.note_first("dynamic", "a request for any home address, of which none is seen given", packet)
            return
        self._asked[home, request.id & LOW] = request.coa
        if len(self._asked) > _MOST:
            del self._asked[next(iter(self._asked))]
        auth = self._security.check(carried.registration(packet))
        keys = of_request(packet, request, home)
        keys |= {"auth": auth, "how": _how(packet), **self._whence(packet)}
        self._teller.tell(packet, "rrq", keys)
        if auth == "unchecked":
            given = "no [[mn_ha_key]] fits some" if self._security.given else "there is no [[mn_ha_key]]"
            self._account.note(f"{given}: whether requests to {self._site.role} are genuine is not known")

    def _reply(self, packet: Packet, reply: Reply) -> None:
        coa = self._asked.get((reply.home, reply.id & LOW))
        if coa is not None and reply.code in (0, 1) and reply.lifetime:
            self._nodes.setdefault(coa, set()).add(reply.home)
        if self._security.given and self._security.check(carried.registration(packet)) == "bad":
            text = f"a reply of {self._site.role} does not fit the [[mn_ha_key]]: is that the right key?"
            self._account.note_first("key", text, packet)
        self._teller.tell(packet, "rrp", {**of_reply(packet, reply), "how": _how(packet)})

    def _whence(self, packet: Packet) -> dict[str, Value | None]:
        """Tell by which way a request came, as far as its source says: who seems to be inside may be in the VPN."""
        if not self._known.internal:
            return {}
        if self._known.is_internal(packet.addresses[-1][0]):
            return {"via": "internal", "source": "trusted"}
        return {"via": "outside", "source": "untrusted"}

    # --- packets ------------------------------------------------------------------------------------------------------

    def _into_tunnel(self, packet: Packet) -> None:
        """Take a packet that the agent sends to a care-of address, in a tunnel."""
        source, home = packet.addresses[1]
        if home >= MULTICAST:
            self._account.set_aside["multicast or broadcast"] += 1
            return
        keys = {"home": home, "coa": packet.addresses[0][1]}
        self._teller.tell(packet, "tunnel", keys)
        sent = {"from": self._sender(source), "how": "wrapped", "src": source, **_content(packet, 2)}
        self._teller.tell(packet, "send", {**keys, **sent})
        found = self._crossing.find(packet)
        if found.way is not None or found.several:
            coa = None if found.way is None else found.way.coa
            self._teller.tell(packet, "forward", {"home": source, "coa": coa, "to": "coa"})

    def _sender(self, source: int) -> str:
        """Tell whether it is the one that a node has as default destination, which is the VPN gateway."""
        return "peer" if source == self._site.addresses.get("vpn") else "other"

    def _out_of_tunnel(self, packet: Packet) -> None:
        """Take a packet that comes to the agent out of a node's reverse tunnel."""
        coa, home = packet.addresses[0][0], packet.addresses[1][0]
        self._crossing.came(packet, Way(coa, "wrapped"))
        if not self._teller.has("packet"):
            self._account.set_aside[ON_ITS_WAY] += 1
        self._teller.tell(packet, "packet", {"home": home, "coa": coa, "how": "wrapped", **_content(packet, 2)})

    def _plain(self, packet: Packet) -> None:
        """Take a packet for the agent's address that is in no tunnel: of a node, its addresses may be switched."""
        coa = packet.addresses[0][0]
        homes = self._nodes.get(coa, set())
        if len(homes) != 1 or not self._teller.has("packet"):
            self._account.set_aside["for the agent itself"] += 1
            return
        (home,) = homes
        self._crossing.came(packet, Way(coa, "plain"), (home, 0))
        self._teller.tell(packet, "packet", {"home": home, "coa": coa, "how": "plain", **_content(packet, 1)})

    def _switched(self, packet: Packet) -> None:
        """Take a packet of the agent's own address in no tunnel: it may be for a node, with its addresses switched."""
        for home in sorted(self._nodes.get(packet.addresses[0][1], ())):
            found = self._towards.find(packet, (home, 0))
            if found.way is not None or found.several:
                whose = None if found.way is None else self._sender(found.way)
                sent = {"from": whose, "how": "switched", "src": found.way, **_content(packet, 1)}
                self._teller.tell(packet, "send", {"home": home, "coa": packet.addresses[0][1], **sent})
                return
        self._account.set_aside["of the agent itself"] += 1

    def _passed_on(self, packet: Packet) -> None:
        """Take a packet in no tunnel of the agent's that leaves it, or may: it has come out of one, if anything."""
        source, target = packet.addresses[0]
        found = self._crossing.find(packet)
        if found.way is None and not found.several:
            found = self._crossing.find(packet, (source, 0))
        if found.way is None and not found.several:
            self._account.set_aside["passes by"] += 1
            return
        coa, how = (None, None) if found.way is None else found.way
        ends = {"home": source, "src": source, "dst": target, "coa": coa}
        passed = None if how is None else "unwrapped" if how == "wrapped" else "switched"
        self._teller.tell(packet, "pass", {**ends, "how": passed})
        self._teller.tell(packet, "forward", {**ends, "to": "correspondent"})


def _how(packet: Packet) -> str:
    return "wrapped" if len(packet.addresses) > 1 else "plain"


def _content(packet: Packet, depth: int) -> dict[str, Value | None]:
    """Return what the packet at that depth of its headers carries, and whether it is a fragment."""
    if len(packet.addresses) > depth:
        carries = "ipip"
    elif packet.kind == REGISTRATION or (packet.protocol == _UDP and mobileip.PORT in (packet.sport, packet.dport)):
        carries = "udp434"
    else:
        carries = "other"
    return {"carries": carries, "fragment": "yes" if packet.fragment == depth or packet.rest_of else "no"}
