"""What a capture at a home agent shows: registrations, and packets into its tunnels and out of them.

A home agent has one address. What comes to it in a tunnel is the node's, from the care-of address; what it sends in
one goes there. The rest of what it sends is told by what came in before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from mipcheck.checker.capture.device.crossing import ON_ITS_WAY, Crossing, Found
from mipcheck.checker.capture.device.passage import SIGNALLING, Marks, Outcome, Passage, Told, Way, untold
from mipcheck.checker.capture.device.registration import (
    GRANTED,
    LOW,
    Dynamic,
    Keys,
    Security,
    Spoken,
    of_reply,
    of_request,
    reply_of,
    request_of,
)
from mipcheck.checker.capture.device.words import Teller
from mipcheck.checker.capture.events.account import Account
from mipcheck.checker.capture.headers.packet import MULTICAST, REGISTRATION, Packet
from mipcheck.checker.capture.messages import carried, mobileip
from mipcheck.checker.capture.messages.mobileip import Registration, Reply, Request
from mipcheck.checker.capture.node.knowledge import Knowledge
from mipcheck.checker.console.counts import counted
from mipcheck.checker.site.site import Site
from mipcheck.model.values.types import Value

_UDP: Final = 17
_MOST: Final = 1 << 16
"""Requests whose care-of address is remembered."""
WRAPPED: Final = "wrapped"
PLAIN: Final = "plain"
"""How a packet of a node comes in: in a tunnel, or plain, and then with its addresses switched."""


class HomeAgent:
    """Turns the packets of a home agent, given in order of time, into its events."""

    def __init__(
        self, account: Account, teller: Teller, site: Site, known: Knowledge, spoken: Iterable[Spoken]
    ) -> None:
        """`spoken` are all messages of the capture; it is gone through more than once."""
        self._account = account
        self._teller = teller
        self._site = site
        self._known = known
        self._dynamic = Dynamic(spoken)
        self._security = Security(site.role, site.mn_ha_keys)
        self._unchecked = False  # whether there is a request of which nobody can say if it is authentic
        self._coas: set[int] = set()
        self._homes = known.home
        self._wanting: set[int] = set()  # care-of addresses of nodes that want the broadcasts of their home network
        self._broadcasts: set[int] = set()
        for s in spoken:
            if s.asks and s.agent in known.own:
                self._coas.add(s.coa)
                if mobileip.wants_broadcasts(s.payload):
                    self._wanting.add(s.coa)
                    self._broadcasts.update(_directed_broadcasts(s.home))
        self._broadcasts -= self._homes
        self._switching: Crossing[Way] = Crossing()
        self._towards: Crossing[int] = Crossing()  # from whom came what is for a home address
        self._nodes: dict[int, set[int]] = {}  # care-of address → home addresses that were granted registrations there
        self._asked: dict[tuple[int, int], int] = {}  # home address and identification → care-of address

    def advertisement(self, packet: Packet) -> bool:
        """Take a packet if it is an advertisement, and tell whether it is: there are none of a home agent."""
        return False

    def passage(self, packet: Packet, direction: str) -> Passage | None:
        """Return what any other packet comes to, by its direction (in, out or ""); None where more has to be known."""
        own = self._known.own
        source, target = packet.addresses[0]
        if len(packet.addresses) > 1 and source in own:
            return self._into_tunnel(packet)
        if len(packet.addresses) > 1 and target in own:
            return self._out_of_tunnel(packet)
        if source in own or target in own:
            switched = self._coas.intersection((source, target)) and self._teller.has("send", "how", "switched")
            return None if switched else Passage(Outcome((), "of the agent itself"))
        if direction == "in":
            return Passage(Outcome((), ON_ITS_WAY))
        return Passage(leaves=lambda found: self._passed_on(packet, found))

    def marks(self) -> Marks:
        """Return what of addresses `passage` looks at."""
        peer = [a for name, a in self._site.addresses.items() if name == "vpn"]
        nodes = [self._coas, self._homes, self._wanting, self._broadcasts]
        return Marks([self._known.own, self._known.far, *nodes, peer], self._known.internal, [1, MULTICAST])

    def take(self, packet: Packet, passage: Passage | None) -> None:
        """Take note of a packet of user data whose addresses may be switched, or will be."""
        source, target = packet.addresses[0]
        if passage is None and target in self._known.own:
            self._plain(packet)
        elif passage is None:
            self._switched(packet)
        elif target in self._homes and source not in self._known.own:
            self._towards.came(packet, source, (target, 0))

    def find(self, packet: Packet) -> Found[Way]:
        """Return by which way a packet came whose addresses were switched."""
        return self._switching.find(packet, (packet.addresses[0][0], 0))

    def note_stranger(self, address: int) -> None:
        """Take note of a home agent that is none of the site's: none is told of here."""

    def holes(self, spoken: Callable[[], Iterable[Spoken]]) -> tuple[str, ...]:
        """Say that requests were granted of which nobody can say whether they are authentic: among all messages of the
        capture, of which `spoken` is asked only where there are such requests."""
        if not self._unchecked:
            return ()
        own = self._known.own
        granted: dict[tuple[int, int], tuple[int, int]] = {}  # home address and identification → time and frame
        for s in spoken():
            if s.grants and s.sender in own and s.agent in own:
                asked = s.home, s.low
                granted[asked] = min(granted.get(asked, (s.time, s.frame)), (s.time, s.frame))
        alike: dict[int, bool] = {}
        found: dict[tuple[int, int], bool] = {}  # whether such requests were captured to their ends
        for s in spoken() if granted else ():
            if s.asks and s.receiver in own and s.agent in own:
                asked = self._dynamic.given(s.home, s.agent, s.low) or 0, s.low
                if asked in granted and self._is_unchecked(s, alike):
                    found[asked] = found.get(asked, True) and s.whole
        if not found:
            return ()
        if not self._security.given:
            why = "there is no [[mn_ha_key]]"
        else:
            why = "no [[mn_ha_key]] fits some" if all(found.values()) else "some were cut short (capture with -s 0)"
        told = f"whether requests that {self._site.role} granted are genuine is not known"
        _, first = min(granted[asked] for asked in found)
        return (f"frame {first}: {why}: {told} ({counted(len(found), 'request')})",)

    def _is_unchecked(self, request: Spoken, alike: dict[int, bool]) -> bool:
        """Tell whether nobody can say if a request is authentic; without keys that is the same for all that are alike,
        whose answers are kept in `alike`."""
        if self._security.given or request.alike < 0:
            return self.check(request.message) == "unchecked"
        if request.alike not in alike:
            alike[request.alike] = self.check(request.message) == "unchecked"
        return alike[request.alike]

    # --- registrations ------------------------------------------------------------------------------------------------

    def message(self, packet: Packet) -> Passage | None:
        """Return what a registration message of the agent or for it comes to; None for any other packet."""
        own = self._known.own
        if packet.kind != REGISTRATION or own.isdisjoint(packet.addresses[-1]):
            return None
        source, target = packet.addresses[-1]
        if target in own and (request := request_of(packet)) is not None and request.agent in own:
            return self._request(packet, request)
        if source in own and (reply := reply_of(packet)) is not None and reply.agent in own:
            return self._reply(packet, reply)
        return Passage(SIGNALLING)

    def depends(self, packet: Packet) -> bool:
        """Tell whether what a message comes to depends on those before it: it does not."""
        return False

    @property
    def checks(self) -> bool:
        """Whether there are keys, by which it shows what is authentic."""
        return self._security.given

    def check(self, message: Registration) -> str:
        """Say of a message whether it is authentic: ok, bad, absent or unchecked."""
        return self._security.check(message)

    def _request(self, packet: Packet, request: Request) -> Passage:
        home = self._dynamic.home(request)
        if home is None:
            return Passage(
                SIGNALLING, notes=[("dynamic", "a request for any home address, of which none is seen given")]
            )
        auth = self._security.check(carried.registration(packet))
        keys = of_request(packet, request, home)
        keys |= {"auth": auth, "how": _how(packet), **self._whence(packet)}
        self._unchecked |= auth == "unchecked"
        return Passage(SIGNALLING._replace(told=[Told("rrq", keys)]))

    def _reply(self, packet: Packet, reply: Reply) -> Passage:
        if not reply.home:
            # It denies a request for any home address, which was not told either: whose it was, nobody knows.
            return Passage(SIGNALLING)
        notes = []
        if self.checks and self.check(carried.registration(packet)) == "bad":
            notes.append(
                ("key", f"a reply of {self._site.role} does not fit the [[mn_ha_key]]: is that the right key?")
            )
        told = Told("rrp", {**of_reply(packet, reply), "how": _how(packet)})
        return Passage(SIGNALLING._replace(told=[told]), notes=notes)

    def remember(self, packet: Packet) -> None:
        """Take note of what is asked for, and granted: by that a node is told whose addresses are switched."""
        own = self._known.own
        source, target = packet.addresses[-1]
        request, reply = request_of(packet), reply_of(packet)
        if request is not None and target in own and request.agent in own:
            home = self._dynamic.home(request)
            if home is None:
                return
            self._asked[home, request.id & LOW] = request.coa
            if len(self._asked) > _MOST:
                del self._asked[next(iter(self._asked))]
        elif reply is not None and source in own and reply.agent in own and reply.home:
            coa = self._asked.get((reply.home, reply.id & LOW))
            if coa is not None and reply.code in GRANTED and reply.lifetime:
                self._nodes.setdefault(coa, set()).add(reply.home)

    def _whence(self, packet: Packet) -> dict[str, Value | None]:
        """Tell by which way a request came, as far as its source says: who seems to be inside may be in the VPN."""
        if not self._known.internal:
            return {}
        if self._known.is_internal(packet.addresses[-1][0]):
            return {"via": "internal", "source": "trusted"}
        return {"via": "outside", "source": "untrusted"}

    # --- packets ------------------------------------------------------------------------------------------------------

    def _into_tunnel(self, packet: Packet) -> Passage:
        """Tell of a packet that the agent sends to a care-of address, in a tunnel."""
        coa, (source, home) = packet.addresses[0][1], packet.addresses[1]
        if home >= MULTICAST or (coa in self._wanting and home in self._broadcasts):
            return Passage(Outcome((), "multicast or broadcast"))
        keys: Keys = {"home": home, "coa": coa}
        sent: Keys = {"from": self._sender(source), "how": WRAPPED, "src": source, **_content(packet, 2)}
        told = (Told("tunnel", keys), Told("send", {**keys, **sent}))

        def forwarded(found: Found[Way]) -> Outcome:
            if found.way is None and not found.several:
                return Outcome()
            coa = None if found.way is None else found.way[1]
            return Outcome((Told("forward", {"home": source, "coa": coa, "to": "coa"}),))

        return Passage(Outcome(told), leaves=forwarded)

    def _sender(self, source: int) -> str:
        """Tell whether it is the one that a node has as default destination, which is the VPN gateway."""
        return "peer" if source == self._site.addresses.get("vpn") else "other"

    def _out_of_tunnel(self, packet: Packet) -> Passage:
        """Tell of a packet that comes to the agent out of a node's reverse tunnel."""
        coa, home = packet.addresses[0][0], packet.addresses[1][0]
        came = Told("packet", {"home": home, "coa": coa, "how": WRAPPED, **_content(packet, 2)})
        aside = "" if self._teller.has("packet") else ON_ITS_WAY
        return Passage(Outcome((came,), aside), (WRAPPED, coa))

    def _plain(self, packet: Packet) -> None:
        """Take a packet for the agent's address that is in no tunnel: of a node, its addresses may be switched."""
        coa = packet.addresses[0][0]
        homes = self._nodes.get(coa, set())
        if len(homes) != 1:
            self._account.set_aside["of the agent itself"] += 1
            return
        (home,) = homes
        self._switching.came(packet, (PLAIN, coa), (home, 0))
        self._teller.tell(packet, "packet", {"home": home, "coa": coa, "how": PLAIN, **_content(packet, 1)})

    def _switched(self, packet: Packet) -> None:
        """Take a packet of the agent's own address in no tunnel: it may be for a node, with its addresses switched."""
        for home in sorted(self._nodes.get(packet.addresses[0][1], ())):
            found = self._towards.find(packet, (home, 0))
            if found.way is not None or found.several:
                whose = None if found.way is None else self._sender(found.way)
                sent: Keys = {"from": whose, "how": "switched", "src": found.way, **_content(packet, 1)}
                self._teller.tell(packet, "send", {"home": home, "coa": packet.addresses[0][1], **sent})
                return
        self._account.set_aside["of the agent itself"] += 1

    def _passed_on(self, packet: Packet, found: Found[Way]) -> Outcome:
        """Tell of a packet in no tunnel of the agent's that leaves it, or may: it has come out of one, if anything."""
        if found.way is None and not found.several:
            return Outcome((), "passes by")
        source, target = packet.addresses[0]
        if source not in self._homes:
            inside = [source for source, _ in packet.addresses[1:] if source in self._homes]
            if inside:
                return Outcome((untold(inside[0], "what the node sent is in somebody else's tunnel"),))
        how, coa = (None, None) if found.way is None else found.way
        ends: Keys = {"home": source, "src": source, "dst": target, "coa": coa}
        passed = None if how is None else "unwrapped" if how == WRAPPED else "switched"
        return Outcome((Told("pass", {**ends, "how": passed}), Told("forward", {**ends, "to": "correspondent"})))


def _directed_broadcasts(home: int) -> list[int]:
    """Return the addresses that may stand for all of a node's home network (RFC 3344 4.3), whatever its prefix is."""
    return [home | (1 << bits) - 1 for bits in range(2, 25)]


def _how(packet: Packet) -> str:
    return WRAPPED if len(packet.addresses) > 1 else PLAIN


def _content(packet: Packet, depth: int) -> dict[str, Value | None]:
    """Return what the packet at that depth of its headers carries, and whether it is a fragment."""
    if len(packet.addresses) > depth:
        carries = "ipip"
    elif packet.kind == REGISTRATION or (packet.protocol == _UDP and mobileip.PORT in (packet.sport, packet.dport)):
        carries = "udp434"
    else:
        carries = "other"
    return {"carries": carries, "fragment": "yes" if packet.fragment == depth or packet.rest_of else "no"}
