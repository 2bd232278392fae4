"""Packets that may be user data → events, or the reason why they are none: upkeep, not the node's, somebody else's."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Final, NamedTuple

from mipcheck.checker.capture.events.account import Account
from mipcheck.checker.capture.events.links import Links
from mipcheck.checker.capture.headers.packet import ICMP, LINK_PORTS, MULTICAST, Fragment, Packet
from mipcheck.checker.capture.node.knowledge import Knowledge, dotted
from mipcheck.checker.console.counts import counted
from mipcheck.checker.site.site import Site
from mipcheck.checker.trace.vocabulary import TELL_INTERNAL
from mipcheck.model.values.types import Value

_MAX_FRAGMENTS: Final = 4096
_MAX_PORTS: Final = 4096

_UPKEEP: Final = {"multicast or broadcast": "multicast", "icmp on the link": "icmp", "tunnel keepalive": "keepalive"}
"""What a site file calls some kinds of upkeep."""
_LISTED: Final = "upkeep by the site file"

_ORPHAN: Final = "fragment without its first"
_OTHER: Final = "other clear traffic"
_MAYBE: Final = "clear traffic that may be internal"
_ELSEWHERE: Final = "esp with another gateway"
_NOT_OURS: Final = "not the node's"
_PORTS: Final = {6: "tcp", 17: "udp"}
"""How a specification may call what goes over a port: `udp51820`."""

_NONE: Final = "none"
_ESP: Final = "esp"

Protects = Callable[[str], bool]
"""Whether headers, written as `ip/udp4500/esp`, are those of a protected packet."""


class _First(NamedTuple):
    """How the first fragment of a datagram was judged: user data (protection, stack, inner addresses), or why not."""

    protection: str
    why: str
    stack: str = ""
    addresses: tuple[int, int] = (0, 0)


class UserData:
    """Judges what is no signalling; and fragments, by what their first one was."""

    def __init__(
        self, account: Account, site: Site, known: Knowledge, links: Links, protects: Protects | None = None
    ) -> None:
        """`protects` tells by its headers whether user data is protected, by the layers of a specification."""
        self._account = account
        self._site = site
        self._known = known
        self._links = links
        self._protects = protects
        self._listed = {_host_and_port(word) for word in site.upkeep if ":" in word}
        self._firsts: dict[Fragment, _First] = {}
        self._orphan, self._orphans = 0, 0  # the first frame with a fragment that nobody can know, and how many
        self._maybe, self._peer = 0, 0  # the first frame that may have been with somebody inside, and with whom
        self._ports: dict[tuple[str, int, int, int], str] = {}

    def holes(self) -> tuple[str, ...]:
        """Say what could not be known, and may have been anything."""
        found = []
        if self._orphans:
            more = f", and {self._orphans - 1} more," if self._orphans > 1 else ""
            found.append(f"frame {self._orphan}: a fragment without its first{more} may have carried anything")
        if self._maybe:
            found.append(
                f"frame {self._maybe}: traffic in clear with {dotted(self._peer)} may have been with the enterprise"
                f" ({counted(self._account.set_aside[_MAYBE], 'frame')} in all): nobody says what is internal;"
                f" {TELL_INTERNAL}"
            )
        return tuple(found)

    def aside(self, packet: Packet, why: str) -> None:
        """Set a packet aside, which is neither user data nor an event."""
        self._account.set_aside[why] += 1
        self.remember(packet, why)

    def remember(self, packet: Packet, why: str) -> None:
        """Let later fragments of the same datagrams be set aside for the same reason as this first one."""
        if packet.first_of:
            self._remember(packet, _First("", why))

    def _remember(self, packet: Packet, first: _First) -> None:
        if len(self._firsts) >= _MAX_FRAGMENTS:
            self._firsts.clear()
        for key in packet.first_of:
            self._firsts[key] = first

    def rest(self, packet: Packet) -> None:
        """Take a non-first fragment: as its first one was judged, else by its addresses."""
        assert packet.rest_of is not None
        first = self._firsts.get(packet.rest_of)
        direction = self._known.direction(packet)
        if first is None:
            if packet.protocol == 50 and not self._is_elsewhere(packet, direction):
                first = _First(_ESP, "", packet.stack, packet.addresses[-1])
            elif self._is_enterprise(packet, direction):
                first = _First(_NONE, "", packet.stack, packet.addresses[-1])
            else:
                first = _First("", _ORPHAN)
                if direction and self._is_with_agents(packet):
                    # It may be of the VPN, of plaintext or of signalling: only its first one would tell.
                    self._orphan = self._orphan or packet.frame
                    self._orphans += 1
                elif direction:
                    self._other(packet, direction, _ORPHAN)
                    return
        elif len(packet.addresses) > 1 and first.protection:
            # The first one may have travelled in another tunnel; the outer headers are those of this packet.
            first = first._replace(stack=packet.stack + first.stack[len(packet.stack) :])
        if not first.protection:
            self.aside(packet, first.why)
        elif not direction:
            self.aside(packet, _NOT_OURS)
        else:
            self._take(packet, direction, first.protection, first.stack, first.addresses)

    def plain(self, packet: Packet, direction: str) -> None:
        """Take a packet in clear that is no signalling."""
        if not direction:
            self.aside(packet, _NOT_OURS)
            return
        why = self._upkeep(packet, direction)
        if why is not None and (_UPKEEP.get(why, why) in self._site.upkeep or why == _LISTED):
            self.aside(packet, why)
            return
        if declared := self._declared(packet):
            self._take(packet, direction, _ESP, declared, packet.addresses[-1])
        elif not self._is_enterprise(packet, direction):
            self._other(packet, direction, self._why_other(packet, direction))
        else:
            self._take(packet, direction, _NONE, *self._of_the_user(packet))

    def protected(self, packet: Packet, direction: str, stack: str) -> None:
        """Take ESP whose headers, with those inside as far as it was opened, are `stack`."""
        if not direction:
            self.aside(packet, _NOT_OURS)
        elif self._is_elsewhere(packet, direction):
            self._other(packet, direction, _ELSEWHERE, _ESP)
        else:
            self._take(packet, direction, _ESP, stack, packet.addresses[-1])

    def _take(self, packet: Packet, direction: str, protection: str, stack: str, addresses: tuple[int, int]) -> None:
        if packet.first_of:
            self._remember(packet, _First(protection, "", stack, addresses))
        self._links.use(packet, direction)
        if self._protects is not None:
            protection = _ESP if self._protects(stack) else _NONE
        self._account.emit(packet, "data", _keys(packet, direction, protection, stack, addresses))

    def _why_other(self, packet: Packet, direction: str) -> str:
        """Return why a packet in clear is set aside. Where nobody says what is internal, it may be an open question."""
        peer = packet.addresses[-1][direction == "out"]
        if self._known.internal or not self._known.may_be_internal(peer):
            return _OTHER
        if not self._maybe:
            self._maybe, self._peer = packet.frame, peer
        return _MAYBE

    def _is_elsewhere(self, packet: Packet, direction: str) -> bool:
        """Decide whether ESP is with another gateway than the enterprise's, and about nobody inside."""
        gateway = self._site.addresses.get("vpn")
        return (
            gateway is not None and gateway not in packet.addresses[-1] and not self._is_enterprise(packet, direction)
        )

    def _other(self, packet: Packet, direction: str, why: str, protection: str = _NONE) -> None:
        """Take what is no user data of the enterprise; a reading of the specification counts it all the same."""
        self.aside(packet, why)
        keys = _keys(packet, direction, protection, packet.stack, packet.addresses[-1])
        self._account.emit(packet, "data", {**keys, "scope": "other"})

    def _declared(self, packet: Packet) -> str:
        """Return the headers of a packet, if the specification declares a layer on its port that protects; or ""."""
        if self._protects is None or packet.protocol not in _PORTS or not self._is_with_agents(packet):
            return ""
        key = packet.stack, packet.protocol, packet.sport, packet.dport
        found = self._ports.get(key)
        if found is None:
            ports = (packet.dport, packet.sport)
            names = (f"{packet.stack}/{_PORTS[packet.protocol]}{port}" for port in ports)
            found = next((name for name in names if self._protects(name)), "")
            if len(self._ports) < _MAX_PORTS:
                self._ports[key] = found
        return found

    def _is_with_agents(self, packet: Packet) -> bool:
        """Decide whether it goes to, or comes from, somebody who may be the end of a layer."""
        return any(end in self._known.far for pair in packet.addresses for end in pair)

    def _of_the_user(self, packet: Packet) -> tuple[str, tuple[int, int]]:
        """Return headers and addresses: what lies inside the packet of the home address is the user's own."""
        home = self._known.home
        for depth, pair in enumerate(packet.addresses[:-1], 1):
            if pair[0] in home or pair[1] in home:
                names = packet.stack.split("/")
                ends = [n for n, name in enumerate(names, 1) if name in ("ip", "minenc")]
                return "/".join(names[: ends[depth - 1]]), pair
        return packet.stack, packet.addresses[-1]

    def _upkeep(self, packet: Packet, direction: str) -> str | None:
        """Name what keeps the link or a tunnel going; None for anything else."""
        known = self._known
        source, target = packet.addresses[-1]
        peer = target if direction == "out" else source
        port = packet.dport if direction == "out" else packet.sport
        if packet.protocol in (6, 17) and (peer, port) in self._listed:
            return _LISTED
        if len(packet.addresses) == 1:
            if target >= MULTICAST or known.is_broadcast(target):
                return "multicast or broadcast"
            if packet.protocol in (6, 17):
                if (peer, port) in known.servers or (port in (53, 123) and packet.interface in known.unsaid):
                    return "dns" if port == 53 else "ntp"
                if port in LINK_PORTS and known.is_on_link(peer):
                    return LINK_PORTS[port]
            if packet.kind == ICMP and not known.home & {source, target} and known.is_near(peer):
                return "icmp on the link"
        elif packet.kind == ICMP and "udp434" in packet.stack and peer in known.far:
            return "tunnel keepalive"  # RFC 3519 section 4.9: an echo to the home agent inside the tunnel
        return None

    def _is_enterprise(self, packet: Packet, direction: str) -> bool:
        """Decide whether it concerns the home address, or somebody inside other than the node itself.

        Nor is it anybody else's what goes to a home agent or the VPN gateway in an encapsulation that cannot be opened.
        """
        known = self._known
        addresses = packet.addresses
        if any(source in known.home or target in known.home for source, target in addresses):
            return True
        if packet.closed and not known.far.isdisjoint(addresses[-1]):
            return True
        if direction == "out":
            return any(known.is_internal(target) for _, target in addresses)
        return any(known.is_internal(source) for source, _ in addresses)


def _keys(packet: Packet, direction: str, protection: str, stack: str, addresses: tuple[int, int]) -> dict[str, Value]:
    """Return the keys of a data event."""
    source, target = addresses
    return {
        "dir": direction,
        "protection": protection,
        "bytes": packet.length,
        "stack": stack,
        "src": source,
        "dst": target,
    }


def _host_and_port(word: str) -> tuple[int, int]:
    host, _, port = word.rpartition(":")
    return int(IPv4Address(host)), int(port)
