"""What a capture at a VPN gateway shows: key exchange and ESP on one side, what it protects on the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Final

from mipcheck.checker.capture.device.associations import Associations, traverses, vendors
from mipcheck.checker.capture.device.crossing import ON_ITS_WAY, Crossing, Found
from mipcheck.checker.capture.device.passage import Marks, Outcome, Passage, Told, Way, untold
from mipcheck.checker.capture.device.registration import (
    Answers,
    Keys,
    of_reply,
    of_request,
    reply_of,
    request_of,
    yes_or_no,
)
from mipcheck.checker.capture.device.words import Teller
from mipcheck.checker.capture.events.account import Account
from mipcheck.checker.capture.headers.packet import ESP, IKE, MULTICAST, Packet
from mipcheck.checker.capture.messages import carried, mobileip
from mipcheck.checker.capture.messages.ike import detected_nat
from mipcheck.checker.capture.node.knowledge import Knowledge, dotted
from mipcheck.checker.console.counts import few
from mipcheck.checker.site.site import Site
from mipcheck.model.values.types import Value

_ASSOCIATION: Final = frozenset({1, 33})
"""Payloads of IKEv1 and IKEv2 with which a responder accepts what was offered."""
UNOPENED: Final = "esp that was not opened"
"""Why ESP is set aside of which nobody knows whose it is."""
PLAIN: Final = "plain"
_NONE: Final[dict[bool, set[int]]] = {True: set(), False: set()}
_NODE, _IHA, _MOBILE, _OTHER = "node", "iha", "mobile", "other"
_SOMEBODY: Final = ""
"""By which way what somebody else's tunnel carries has come: from whom, nobody knows."""
_MAX_ADDRESSES: Final = 4
_UDP: Final = 17

Tunnel = Callable[[int], str | None]
"""Which kind of tunnel the node has whose address inside this is."""


class Gateway:
    """Turns the packets of a gateway, given in order of time, into its events."""

    def __init__(
        self, account: Account, teller: Teller, site: Site, known: Knowledge, associations: Associations
    ) -> None:
        self._account = account
        self._teller = teller
        self._iha = site.addresses.get("iha")
        self._known = known
        self._associations = associations
        self._homes = associations.homes
        self._crossing: Crossing[Way] = Crossing()  # whence, and which node's tunnel
        self._answers = Answers()
        self._begun: set[bytes] = set()  # initiators' SPIs of exchanges that were offered
        self._answered: set[bytes] = set()
        self._plain: dict[int, set[bool]] = defaultdict(set)  # whether a node's exchanges show that there is no feature
        self._shown: set[int] = set()  # nodes of which more is known by an exchange, and nobody has heard yet
        self._nat: dict[int, bool | None] = {}
        self._directions: dict[int, dict[bool, set[int]]] = {}  # home → SPIs of what comes and of what goes
        self._up: dict[int, int] = defaultdict(int)  # home → associations that were said to be up
        self._to: dict[int, int] = {}  # SPI → outer address to which was last sent
        self._at: dict[int, set[int]] = defaultdict(set)  # home → outer addresses where a node has shown itself
        self._astray: dict[int, tuple[int, int]] = {}  # home → where it has not, and the frame of what was sent there

    def take(self, packet: Packet, direction: str) -> None:
        """Take a packet that is no tunnel device's; `direction` is in, out or "", for the gateway."""
        ours = self._associations.is_ours(packet)
        if packet.kind == IKE and ours:
            self._account.set_aside["key exchange"] += 1
            self._key_exchange(packet)
        elif packet.kind == ESP and ours:
            self._esp(packet)
        else:
            self.heed(packet, direction)
            self._follow(packet, packet, self.passage(packet, direction, self.tunnel))

    def _follow(self, packet: Packet, passing: Packet, passage: Passage) -> None:
        """Tell what a packet comes to, by the way in which it, or what is `passing` in it, has come."""
        if passage.came is not None:
            self._crossing.came(passing, passage.came)
        outcomes = [passage.outcome]
        if passage.leaves is not None:
            outcomes.append(passage.leaves(self._crossing.find(passing)))
        for outcome in outcomes:
            for told in outcome.told:
                self._teller.tell(packet, told.kind, told.keys)
            if outcome.aside:
                self._account.set_aside[outcome.aside] += 1

    # --- many packets that are alike ----------------------------------------------------------------------------------

    def marks(self) -> Marks:
        """Return what of addresses `passage` looks at."""
        iha = [] if self._iha is None else [self._iha]
        return Marks([self._known.own, self._known.far, self._homes, iha], self._known.internal, [MULTICAST])

    def is_inside(self, packet: Packet) -> bool:
        """Decide whether somebody else's tunnel carries what the gateway sent, or was sent."""
        own, (outermost, *inside) = self._known.own, packet.addresses
        return (
            own.isdisjoint(outermost)
            and not all(map(own.isdisjoint, inside))
            and not any(address in self._homes for address in outermost)
        )

    def is_exchange(self, packet: Packet) -> bool:
        """Decide whether a packet is of a key exchange: what that comes to depends on those before it."""
        return packet.kind == IKE and self._associations.is_ours(packet)

    def passage(self, packet: Packet, direction: str, tunnel: Tunnel) -> Passage:
        """Return what a packet comes to that is none of a key exchange, and no ESP of the gateway's own."""
        if direction == "in":
            return self._from_inside(packet)
        return self._own_request(packet) or self._to_inside(packet, tunnel)

    def heed(self, packet: Packet, direction: str) -> None:
        """Take note of what the i-HA answers: a packet in clear that is no ESP of the gateway's own."""
        if direction == "in" and packet.addresses[0][0] == self._iha and reply_of(packet) is not None:
            self._answers.remember(packet)

    def denies(self, inner: Packet) -> bool:
        """Decide whether what is sent to a node is a denial that the i-HA has not made."""
        reply = reply_of(inner)
        return reply is not None and self._answers.denied_here(inner, reply)

    def news(self) -> set[int]:
        """Return the nodes of whose tunnel there may be news since the last time."""
        shown, self._shown = self._shown, set()
        return shown

    # --- key exchange -------------------------------------------------------------------------------------------------

    def _key_exchange(self, packet: Packet) -> None:
        message = carried.key_exchange(packet)
        home = None if message is None else self._associations.whose(message)
        if message is None or home is None:
            return
        inward = self._associations.is_inward(packet)
        detected = detected_nat(message, packet.addresses[-1], (packet.sport, packet.dport))
        if detected is not None:
            self._nat[home] = detected or bool(self._nat.get(home))
        self._at[home].add(packet.addresses[-1][not inward])
        keys: Keys = {"home": home, "vendor": vendors(message), "natt": yes_or_no(traverses(message))}
        self._shown.add(home)
        if inward and message.begins and message.initiator not in self._begun:
            self._begun.add(message.initiator)
            self._nat[home] = detected
            self._plain[home] = {keys["vendor"] is not None}
            self._teller.tell(packet, "offer", keys)
        elif not inward and message.initiator not in self._answered and _accepts(message.payloads):
            self._answered.add(message.initiator)
            self._plain[home].add(keys["vendor"] is not None and message.initiator in self._begun)
            self._teller.tell(packet, "answer", keys)

    # --- ESP ----------------------------------------------------------------------------------------------------------

    def _esp(self, packet: Packet) -> None:
        home = self._associations.home_of(packet)
        if home is None:
            self._account.set_aside[UNOPENED] += 1
            return
        inner = self._associations.inner.get(packet.frame)
        if self._associations.is_inward(packet):
            auth = self._associations.authentic(packet)
            passing = inner if auth == "ok" else None
            if passing is not None:
                self.begin(packet, home, True)
            self._follow(packet, passing or packet, self.out_of_tunnel(packet, passing, home, auth, self.tunnel))
        elif inner is not None:
            self.begin(packet, home, False)
            self.send(packet, home)
            self._follow(packet, inner, self.into_tunnel(packet, inner, home, self.denies(inner), self.tunnel))

    def begin(self, packet: Packet, home: int, inward: bool) -> None:
        """Take a packet of an association; by the first it shows, and by others where the node is."""
        if inward:
            self._at[home].add(packet.addresses[-1][0])
        if packet.spi not in self._directions.get(home, _NONE)[inward]:
            self._association(packet, home, inward)

    def send(self, packet: Packet, home: int) -> None:
        """Take note where ESP is sent to."""
        peer = packet.addresses[-1][1]
        before = self._to.get(packet.spi, peer)
        if self._at[home] and peer not in self._at[home] and packet.spi not in self._to:
            # Where a security association began shows in the exchange of keys only, which may be an older one.
            self._astray.setdefault(home, (peer, packet.frame))
        self._at[home].add(peer)
        self._to[packet.spi] = peer
        if peer != before:
            keys: Keys = {"home": home, "to": peer, "from": before, "port": _port(packet, False)}
            self._teller.tell(packet, "endpoint", keys)

    def _association(self, packet: Packet, home: int, inward: bool) -> None:
        """Take the first packet of an association, by which it shows: it has a SPI for either direction."""
        spis = self._directions.setdefault(home, {True: set(), False: set()})
        spis[inward].add(packet.spi)
        if max(map(len, spis.values())) <= self._up[home]:
            return
        self._up[home] += 1
        features: Value | None = frozenset() if self.tunnel(home) else None
        udp = "udp4500" in packet.stack
        keys: Keys = {
            "home": home,
            "state": "up",
            "features": features,
            "peer": packet.addresses[-1][not inward],
            "nat": yes_or_no(self._nat.get(home)),
            "udp": yes_or_no(udp),
            "mode": "tunnel",
            "port": _port(packet, inward),
        }
        self._teller.tell(packet, "sa", keys)

    def holes(self) -> tuple[str, ...]:
        """Say whose endpoint may have moved before anything shows it."""
        if not self._astray:
            return ()
        frame = min(frame for _, frame in self._astray.values())
        to = few(sorted({dotted(address) for address, _ in self._astray.values()}), _MAX_ADDRESSES)
        return (
            f"frame {frame}: ESP is first sent to {to}, from where nothing of its node has come: whether the endpoint"
            " was moved there is not shown",
        )

    def tunnel(self, home: int) -> str | None:
        """Tell which kind of tunnel a node has: a plain one, if its exchange shows no vendor id that nobody knows."""
        return PLAIN if self._plain.get(home) == {True} else None

    def out_of_tunnel(
        self, packet: Packet, inner: Packet | None, home: int, auth: str | None, tunnel: Tunnel
    ) -> Passage:
        """Tell of ESP that comes; `inner` is what was in it, if that counts."""
        keys: Keys = {"home": home, "auth": auth, "peer": packet.addresses[-1][0], "port": _port(packet, True)}
        told = [Told("packet", keys)]
        request = None if inner is None else request_of(inner)
        if inner is not None and request is not None:
            told.append(Told("rrq", {**of_request(inner, request, home), "tunnel": tunnel(home)}))
        return Passage(Outcome(told), None if inner is None else (_MOBILE, home))

    def into_tunnel(self, packet: Packet, inner: Packet, home: int, denied: bool, tunnel: Tunnel) -> Passage:
        """Tell of ESP that is sent; `denied` says that it is a denial of the gateway's own (`denies`)."""
        peer = packet.addresses[-1][1]
        reply = reply_of(inner) if inner.addresses[0][0] in self._known.own else None
        what = "data" if reply is None else "rrp"
        answers = None if reply is None else _OTHER if denied else _IHA
        keys: Keys = {"home": home, "what": what, "to": _NODE, "src": inner.addresses[-1][0], "dst": peer}
        keys |= {"port": _port(packet, False), "id": None if reply is None else reply.id}

        def relayed(found: Found[Way]) -> Outcome:
            whence, whose = (None, 0) if found.way is None else found.way
            told = [] if whence != _MOBILE else [Told("relay", _relayed(inner, whose, "correspondent", tunnel))]
            own: Keys = {**keys, "from": answers or whence or None, "tunnel": tunnel(home)}
            return Outcome((*told, Told("relay", own)))

        return Passage(leaves=relayed)

    # --- the other side -----------------------------------------------------------------------------------------------

    def _from_inside(self, packet: Packet) -> Passage:
        """Tell of a packet that comes to the gateway in clear, which may be a reply of the i-HA."""
        source, target = packet.addresses[0]
        told = []
        if not self._passes_openly(packet, 1):
            return Passage(Outcome((), ON_ITS_WAY), (_SOMEBODY, 0))
        reply = reply_of(packet) if source == self._iha else None
        if reply is not None:
            home = target if target in self._homes else reply.home if target in self._known.own else None
            if home is not None:
                told.append(Told("rrp", {**of_reply(packet, reply), "home": home}))
        return Passage(Outcome(told, ON_ITS_WAY), (_IHA if source == self._iha else _OTHER, 0))

    def _passes_openly(self, packet: Packet, end: int) -> bool:
        """Decide whether a packet from a node (0), or to one (1), is in no other tunnel than the node's own."""
        outermost, *inside = (ends[end] for ends in packet.addresses)
        return outermost in self._homes or outermost in self._known.own or self._homes.isdisjoint(inside)

    def _own_request(self, packet: Packet) -> Passage | None:
        """Tell of a packet in clear that leaves the gateway, if it is a request of its own address for a node."""
        source, target = packet.addresses[0]
        request = request_of(packet)
        if source not in self._known.own or request is None or request.home not in self._homes:
            return None
        to = _IHA if target == self._iha else "correspondent"
        keys = {**of_request(packet, request, request.home), "what": "rrq", "from": _NODE, "to": to}
        return Passage(Outcome((Told("relay", {**keys, "src": source, "dst": target}),)))

    def _to_inside(self, packet: Packet, tunnel: Tunnel) -> Passage:
        """Tell of a packet in clear that leaves the gateway: it has come out of a node's tunnel, if anything."""
        target = packet.addresses[0][1]
        is_iha = target == self._iha
        what = _content(packet)

        def relayed(found: Found[Way]) -> Outcome:
            if target >= MULTICAST or found.way is None or found.way[0] != _MOBILE:
                return Outcome((), "passes by")
            home = found.way[1]
            if not self._passes_openly(packet, 0):
                return Outcome((untold(home, "what the node sent is in somebody else's tunnel"),))
            passed: Keys = {"home": home, "what": what, "to": _IHA if is_iha else _OTHER}
            relay = _relayed(packet, home, _IHA if is_iha else "correspondent", tunnel)
            return Outcome((Told("relay", relay), Told("pass", passed)))

        return Passage(leaves=relayed)


def _relayed(inner: Packet, home: int, to: str, tunnel: Tunnel) -> Keys:
    """Return the keys of something out of a node's tunnel that was passed on."""
    source, target = inner.addresses[0]
    ends: Keys = {"home": home, "what": "data", "from": _NODE, "to": to, "src": source, "dst": target}
    return {**ends, "tunnel": tunnel(home)}


def _port(packet: Packet, inward: bool) -> int | None:
    """Return the node's UDP port, where there is UDP around ESP."""
    return (packet.sport if inward else packet.dport) if "udp4500" in packet.stack else None


def _accepts(payloads: tuple[object, ...]) -> bool:
    return any(getattr(p, "type", None) in _ASSOCIATION for p in payloads)


def _content(packet: Packet) -> str:
    """Return what a packet out of a node's tunnel carries, as the gateway's policy tells it."""
    if packet.protocol == _UDP and len(packet.addresses) == 1 and mobileip.PORT in (packet.sport, packet.dport):
        return "udp434"
    return "ipip" if packet.stack.startswith("ip/ip") else "other"
