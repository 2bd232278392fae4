"""What a capture at a VPN gateway shows: key exchange and ESP on one side, what it protects on the other."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from mipcheck.checker.capture.device.associations import Associations, traverses, vendors
from mipcheck.checker.capture.device.crossing import ON_ITS_WAY, Crossing
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
from mipcheck.checker.capture.node.knowledge import Knowledge
from mipcheck.checker.site.site import Site
from mipcheck.model.values.types import Value

_ASSOCIATION: Final = frozenset({1, 33})
"""Payloads of IKEv1 and IKEv2 with which a responder accepts what was offered."""
_NODE, _IHA, _MOBILE, _OTHER = "node", "iha", "mobile", "other"
_UDP: Final = 17


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
        self._crossing: Crossing[tuple[str, int]] = Crossing()  # whence, and which node's tunnel
        self._answers = Answers()
        self._begun: set[bytes] = set()  # initiators' SPIs of exchanges that were offered
        self._answered: set[bytes] = set()
        self._plain: dict[int, set[bool]] = defaultdict(set)  # whether a node's exchanges show that there is no feature
        self._nat: dict[int, bool | None] = {}
        self._directions: dict[int, dict[bool, set[int]]] = {}  # home → SPIs of what comes and of what goes
        self._up: dict[int, int] = defaultdict(int)  # home → associations that were said to be up
        self._to: dict[int, int] = {}  # SPI → outer address to which was last sent

    def take(self, packet: Packet, direction: str) -> None:
        """Take a packet that is no tunnel device's; `direction` is in, out or "", for the gateway."""
        ours = self._associations.is_ours(packet)
        if packet.kind == IKE and ours:
            self._account.set_aside["key exchange"] += 1
            self._key_exchange(packet)
        elif packet.kind == ESP and ours:
            self._esp(packet)
        elif direction == "in":
            self._from_inside(packet)
        else:
            self._to_inside(packet)

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
        keys: Keys = {"home": home, "vendor": vendors(message), "natt": yes_or_no(traverses(message))}
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
        association = self._associations.by_spi.get(packet.spi)
        if association is None or not packet.whole:
            self._account.set_aside["esp that was not opened"] += 1
            return
        home, inner = association.home, self._associations.inner.get(packet.frame)
        if association.inward != self._associations.is_inward(packet):
            self._account.set_aside["esp that was not opened"] += 1
        elif association.inward:
            auth = self._associations.authentic(packet)
            if inner is not None and auth == "ok":
                self._association(packet, home, True)
            keys: Keys = {"home": home, "auth": auth, "peer": packet.addresses[-1][0], "port": _port(packet, True)}
            self._teller.tell(packet, "packet", keys)
            if inner is not None and auth == "ok":
                self._out_of_tunnel(packet, inner, home)
        elif inner is not None:
            self._association(packet, home, False)
            self._into_tunnel(packet, inner, home)

    def _association(self, packet: Packet, home: int, inward: bool) -> None:
        """Take the first packet of an association, by which it shows: it has a SPI for either direction."""
        spis = self._directions.setdefault(home, {True: set(), False: set()})
        spis[inward].add(packet.spi)
        if max(map(len, spis.values())) <= self._up[home]:
            return
        self._up[home] += 1
        features: Value | None = frozenset() if self._kind(home) else None
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

    def _out_of_tunnel(self, packet: Packet, inner: Packet, home: int) -> None:
        self._crossing.came(inner, (_MOBILE, home))
        request = request_of(inner)
        if request is not None:
            self._teller.tell(packet, "rrq", {**of_request(inner, request, home), "tunnel": self._kind(home)})

    def _kind(self, home: int) -> str | None:
        """Tell which kind of tunnel a node has: a plain one, if its exchange shows no vendor id that nobody knows."""
        return "plain" if self._plain.get(home) == {True} else None

    def _into_tunnel(self, packet: Packet, inner: Packet, home: int) -> None:
        peer = packet.addresses[-1][1]
        before = self._to.get(packet.spi, peer)
        self._to[packet.spi] = peer
        if peer != before:
            self._teller.tell(
                packet, "endpoint", {"home": home, "to": peer, "from": before, "port": _port(packet, False)}
            )
        found = self._crossing.find(inner)
        whence, whose = (None, 0) if found.way is None else found.way
        if whence == _MOBILE:
            self._teller.tell(packet, "relay", self._relayed(inner, whose, "correspondent"))
        reply = reply_of(inner) if inner.addresses[0][0] in self._known.own else None
        what = "data" if reply is None else "rrp"
        if reply is not None:
            whence = _OTHER if self._answers.denied_here(inner, reply) else _IHA
        source = inner.addresses[-1][0]
        keys: Keys = {"home": home, "what": what, "from": whence, "to": _NODE, "src": source, "dst": peer}
        keys |= {"port": _port(packet, False), "tunnel": self._kind(home), "id": None if reply is None else reply.id}
        self._teller.tell(packet, "relay", keys)

    def _relayed(self, inner: Packet, home: int, to: str) -> Keys:
        """Return the keys of something out of a node's tunnel that was passed on."""
        source, target = inner.addresses[0]
        ends: Keys = {"home": home, "what": "data", "from": _NODE, "to": to, "src": source, "dst": target}
        return {**ends, "tunnel": self._kind(home)}

    # --- the other side -----------------------------------------------------------------------------------------------

    def _from_inside(self, packet: Packet) -> None:
        """Take a packet that comes to the gateway in clear."""
        source, target = packet.addresses[0]
        self._account.set_aside[ON_ITS_WAY] += 1
        self._crossing.came(packet, (_IHA if source == self._iha else _OTHER, 0))
        reply = reply_of(packet)
        if reply is not None and source == self._iha:
            self._answers.remember(packet)
            home = target if target in self._homes else reply.home if target in self._known.own else None
            if home is not None:
                self._teller.tell(packet, "rrp", {**of_reply(packet, reply), "home": home})

    def _to_inside(self, packet: Packet) -> None:
        """Take a packet in clear that leaves the gateway: it has come out of a node's tunnel, if anything."""
        source, target = packet.addresses[0]
        request = request_of(packet)
        if source in self._known.own and request is not None and request.home in self._homes:
            to = _IHA if target == self._iha else "correspondent"
            keys = {**of_request(packet, request, request.home), "what": "rrq", "from": _NODE, "to": to}
            self._teller.tell(packet, "relay", {**keys, "src": source, "dst": target})
            return
        found = self._crossing.find(packet)
        if target >= MULTICAST or found.way is None or found.way[0] != _MOBILE:
            self._account.set_aside["passes by"] += 1
            return
        home = found.way[1]
        to = _IHA if target == self._iha else "correspondent"
        self._teller.tell(packet, "relay", self._relayed(packet, home, to))
        passed: Keys = {"home": home, "what": _content(packet), "to": _IHA if target == self._iha else _OTHER}
        self._teller.tell(packet, "pass", passed)


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
