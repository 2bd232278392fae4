"""Packets in order of time → events (design.md section 5).

One pass with the little state that the meaning of a packet depends on: the care-of address of each interface,
DHCP exchanges under way, key exchanges and security associations, and what first fragments were.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from typing import Final, NamedTuple

from mipcheck.checker.capture.headers.layers import (
    ADVERTISEMENT,
    ASIDE,
    DHCP,
    ESP,
    ICMP,
    ICMP_ERROR,
    IKE,
    LINK_PORTS,
    MULTICAST,
    PLAIN,
    REGISTRATION,
    REST,
    SOLICITATION,
    Fragment,
    Packet,
)
from mipcheck.checker.capture.messages import dhcp, ike, mobileip
from mipcheck.checker.capture.messages.esp import DUMMY, Keyring
from mipcheck.checker.capture.messages.extensions import NAMES, is_torn
from mipcheck.checker.capture.messages.identification import expected, is_clock
from mipcheck.checker.capture.node.knowledge import Knowledge, dotted, is_loopback, is_tunnel
from mipcheck.checker.site.site import Site
from mipcheck.model.values.event import NODE, Event, Position
from mipcheck.model.values.types import Value

_SAME: Final = 10**9
"""Nanoseconds within which one registration message on two devices is the same packet."""
_COPY: Final = 250 * 10**6
"""The same for two tunnel devices; shorter, because a node may retransmit after a second."""
_MAX_FRAGMENTS: Final = 4096

_MAX_NOTES: Final = 20
_MAX_SPIS: Final = 4
_LINK_LOCAL: Final = 0xA9FE
"""169.254.0.0/16 (RFC 3927), by its upper half."""

_UPKEEP: Final = {"multicast or broadcast": "multicast", "icmp on the link": "icmp", "tunnel keepalive": "keepalive"}
"""What a site file calls some kinds of upkeep."""
_LISTED: Final = "upkeep by the site file"

_ORPHAN: Final = "fragment without its first"
_PORTS: Final = {6: "tcp", 17: "udp"}
"""How a specification may call what goes over a port: `udp51820`."""

_NONE: Final = "none"
_ESP: Final = "esp"


Protects = Callable[[str], bool]
"""Whether headers, written as `ip/udp4500/esp`, are those of a protected packet."""


class _Verdict(NamedTuple):
    """How the first fragment of a datagram was judged: user data (protection, stack, inner addresses), or why not."""

    protection: str
    why: str
    stack: str = ""
    addresses: tuple[int, int] = (0, 0)


@dataclass(slots=True)
class _Link:
    """One physical interface: its care-of address (0 if none was seen) and the DHCP exchanges that got under way."""

    coa: int = 0
    used: set[int] = field(default_factory=set)
    """Addresses from which the node exchanged user data before any care-of address was announced here."""
    starting: dict[int, str] = field(default_factory=dict)
    """Transactions of DHCP in which an address is got, not renewed, and the domain offered (or "")."""
    renewing: set[int] = field(default_factory=set)
    """Transactions of DHCP in which the node asks to keep what it has."""
    searching: bool = False
    """Whether the node gave up an address here, or looked for a foreign agent."""
    leased: bool = False
    """Whether DHCP gave an address here."""


class Again(NamedTuple):
    """What one more packet comes to that is like one which was taken, but for number, time and length.

    `aside` are the reasons for which it is set aside, `carries` says that its interface is then the one in use, `used`
    is the address that counts as used there while no care-of address is known (0: none).
    """

    aside: tuple[str, ...]
    event: Event | None
    carries: bool
    used: int


class Reader:
    """Feed it packets in order of time with `take`; then `events`, `set_aside`, `notes` and `hidden()` are complete."""

    def __init__(
        self, name: str, site: Site, known: Knowledge, clear: dict[bytes, list[int]], protects: Protects | None = None
    ) -> None:
        """`clear` holds, for each registration message seen on a physical interface, when (ns, ascending).

        `protects` tells by its headers whether user data is protected, by the layers of a specification.
        """
        self._protects = protects
        self.events: list[Event] = []
        self.set_aside: Counter[str] = Counter()
        self._notes: dict[str, None] = {}
        self._name = name
        self._site = site
        self._known = known
        self._clear = clear
        self._tunnels = frozenset(site.tunnels)
        self._listed = {_host_and_port(word) for word in site.upkeep if ":" in word}
        self._vpn = site.addresses.get("vpn")
        self._links: dict[str, _Link] = defaultdict(_Link)
        self._copies: dict[bytes, tuple[int, str]] = {}
        self._exchanges: set[bytes] = set()
        self._spis: set[int] = set()
        self._incoming: int | None = None  # the newest SPI of what the gateway sends
        self._started: tuple[int, int] | None = None
        self._exchange = b""  # initiator's SPI of the one that was started
        self._expecting = True
        self._waiting: int | None = None  # the first request sent through the VPN before its ESP was seen, in `events`
        self._in_use = NODE
        self._tia = 0
        self._keys = Keyring(site.esp_sas)
        self._sealed: dict[int, None] = {}  # SPIs of the VPN whose packets stayed closed
        self._inner = False  # whether a tunnel device showed what goes through the VPN
        self._devices: set[str] = set()
        self._asked: dict[tuple[str, str, str], int] = {}  # newest identification by agent, path and interface
        self._noted: set[Hashable] = set()
        self._firsts: dict[Fragment, _Verdict] = {}
        self._orphan, self._orphans = 0, 0  # the first frame with a fragment that nobody can know, and how many
        self._ports: dict[tuple[str, int, int, int], str] = {}

    def take(self, packet: Packet) -> None:
        """Turn one packet into events, or count it as set aside."""
        if is_loopback(packet):
            self.set_aside["loopback"] += 1
        elif is_tunnel(packet, self._tunnels):
            self._on_tunnel(packet)
        else:
            self._on_link(packet)

    def again(self, packet: Packet) -> Again:
        """What every further packet like this one comes to, which was taken and is no signalling; changes nothing.

        What is taken to be user data, or upkeep, does not depend on what came before, but for a first packet that
        shows a new security association. What stays behind of it is given to `after`.
        """
        kept = self.events, self.set_aside, self._in_use, self._links
        self.events, self.set_aside, self._in_use, self._links = [], Counter(), "", defaultdict(_Link)
        try:
            self.take(packet)
            used = self._links[packet.interface].used
            (event,) = self.events or (None,)
            return Again(tuple(self.set_aside), event, self._in_use != "", next(iter(used), 0))
        finally:
            self.events, self.set_aside, self._in_use, self._links = kept

    def after(self, interface: str) -> None:
        """Take note that packets passed which carry what goes through the VPN, the last one over `interface`."""
        self._in_use = interface

    def unsettled(self, interface: str) -> set[int] | None:
        """The addresses that count as used, to be added to; None while a care-of address is known."""
        link = self._links[interface]
        return None if link.coa else link.used

    @property
    def notes(self) -> tuple[str, ...]:
        """What is worth knowing besides the events."""
        return (*self._notes, *self._keys.complaints())

    def holes(self) -> tuple[str, ...]:
        """What else could not be known, and may have been anything."""
        if not self._orphans:
            return ()
        more = f", and {self._orphans - 1} more," if self._orphans > 1 else ""
        return (f"frame {self._orphan}: a fragment without its first{more} may have carried anything",)

    def hidden(self) -> tuple[str, ...]:
        """Why signalling could not be seen."""
        # Where others with the same keys could be opened, a packet that could not is damaged or was cut.
        sealed = [spi for spi in self._sealed if not self._keys.opened[spi]]
        if not sealed or self._inner:
            return ()
        return (f"registration inside ESP: {'; '.join(self._lacking(sealed))}; or {self._better_place()}",)

    def _lacking(self, sealed: list[int]) -> list[str]:
        """What is needed to read these SPIs."""
        keys = self._keys
        unusable = [spi for spi in sealed if spi in keys.unusable]
        unknown = [spi for spi in sealed if spi not in unusable and not keys.has(spi)]
        wrong = [spi for spi in sealed if keys.wrong[spi]]
        cut = [spi for spi in sealed if keys.cut[spi] and spi not in wrong]
        found = [f"the [[esp_sa]] keys of SPI {spi:#010x} cannot be used ({keys.unusable[spi]})" for spi in unusable]
        if unknown:
            found.append(f"give [[esp_sa]] keys for SPI {_listed(unknown)}")
        if wrong:
            found.append(f"the [[esp_sa]] keys of SPI {_listed(wrong)} do not fit its packets")
        if cut:
            found.append(f"packets with SPI {_listed(cut)} were captured in part only")
        return found or ["its packets could not be opened"]

    def _better_place(self) -> str:
        missing = [name for name in self._site.tunnels if name not in self._devices]
        if not missing:
            return "capture on the VPN's tunnel interface too"
        return f"capture also on the tunnel interface that carries its inner packets ({' or '.join(missing)})"

    def _emit(self, packet: Packet, kind: str, args: dict[str, Value], interface: str = "") -> None:
        at = Position(self._name, None, packet.frame)
        self.events.append(Event(packet.time, interface or packet.interface, kind, args, at))

    def _note(self, text: str) -> None:
        if len(self._notes) < _MAX_NOTES:
            self._notes[text] = None

    def _note_first(self, key: Hashable, text: str, packet: Packet) -> None:
        """Note only the first of its kind, with its frame."""
        if key not in self._noted:
            self._noted.add(key)
            self._note(f"frame {packet.frame}: {text}")

    # Tunnel devices: nothing is exposed there, but signalling inside the VPN is seen nowhere else.

    def _on_tunnel(self, packet: Packet) -> None:
        self._devices.add(packet.interface)
        if self._shows_the_inside(packet):
            self._inner = True
        if packet.kind == REGISTRATION and not self._is_copy(packet):
            source, target = packet.addresses[-1]
            asking = packet.dport == mobileip.PORT and packet.payload[0] == mobileip.REQUEST
            inner = source if asking else target
            if inner == self._site.addresses.get("xhoa"):
                self._note("a registration in the x-MIP tunnel was seen on its device only, and is not used")
            else:
                self._inner = True
                self._through_vpn(packet, self._in_use)
            return
        self.set_aside["tunnel interface"] += 1

    def _through_vpn(self, packet: Packet, interface: str) -> None:
        """A registration message that passes through the VPN over a physical interface."""
        kind = packet.payload[0]
        if packet.dport == mobileip.PORT and kind == mobileip.REQUEST:
            self._tia = packet.addresses[-1][0]
            place = len(self.events)
            self._request(packet, "vpn", interface)
            if self._expecting and self._waiting is None and place < len(self.events):
                self._waiting = place
        elif packet.sport == mobileip.PORT and kind == mobileip.REPLY:
            self._reply(packet, "vpn", interface)

    def _shows_the_inside(self, packet: Packet) -> bool:
        """Whether this device carries what goes to the i-HA through the VPN, so that a registration would be seen."""
        if not packet.addresses:
            return False
        pair = packet.addresses[0]
        return any(self._known.agents.get(a) == "iha" for a in pair) and self._site.addresses.get("xhoa") not in pair

    def _is_copy(self, packet: Packet) -> bool:
        """Whether this message was seen in clear on a physical interface, or on another device just before."""
        message = mobileip.fixed_part(packet.payload)
        times = self._clear.get(message)
        if times:
            near = bisect_left(times, packet.time - _SAME)
            if near < len(times) and times[near] <= packet.time + _SAME:
                return True
        seen = self._copies.get(message)
        if seen is not None and packet.time - seen[0] <= _COPY and seen[1] != packet.interface:
            return True
        self._copies[message] = (packet.time, packet.interface)
        return False

    # Physical interfaces.

    def _on_link(self, packet: Packet) -> None:
        kind = packet.kind
        if kind == ASIDE:
            if packet.why == "arp" and packet.payload:
                self._arp(packet)
            else:
                self._aside(packet, packet.why)
            return
        if kind == REST:
            self._rest(packet)
            return
        if kind == DHCP:
            self._dhcp(packet)
            return
        direction = self._known.direction(packet)
        if kind in (PLAIN, ICMP):
            self._plain(packet, direction)
        elif kind == ESP:
            self._esp(packet, direction)
        elif kind == REGISTRATION:
            self._registration(packet, direction)
        elif kind == IKE:
            self._ike(packet, direction)
        elif kind == ADVERTISEMENT:
            self._advertisement(packet, direction)
        elif kind == SOLICITATION:
            if direction == "in":
                self._aside(packet, "router solicitation of others")
            else:
                self._links[packet.interface].searching = True
                self._emit(packet, "solicit", {})
        else:
            assert kind == ICMP_ERROR
            self._aside(packet, "icmp error")

    def _aside(self, packet: Packet, why: str) -> None:
        self.set_aside[why] += 1
        if packet.first_of:
            self._remember(packet, _Verdict("", why))

    def _remember(self, packet: Packet, verdict: _Verdict) -> None:
        """Later fragments of the same datagrams are what the first one was."""
        if len(self._firsts) >= _MAX_FRAGMENTS:
            self._firsts.clear()
        for key in packet.first_of:
            self._firsts[key] = verdict

    def _rest(self, packet: Packet) -> None:
        """A non-first fragment: as its first one was judged, else by its addresses."""
        assert packet.rest_of is not None
        verdict = self._firsts.get(packet.rest_of)
        direction = self._known.direction(packet)
        if verdict is None:
            if packet.protocol == 50:
                verdict = _Verdict(_ESP, "", packet.stack, packet.addresses[-1])
            elif self._is_enterprise(packet, direction):
                verdict = _Verdict(_NONE, "", packet.stack, packet.addresses[-1])
            else:
                verdict = _Verdict("", _ORPHAN)
                if direction and self._is_with_agents(packet):
                    # It may be of the VPN, of plaintext or of signalling: only its first one would tell.
                    self._orphan = self._orphan or packet.frame
                    self._orphans += 1
                elif direction:
                    self._other(packet, direction, _ORPHAN)
                    return
        elif len(packet.addresses) > 1 and verdict.protection:
            # The first one may have travelled in another tunnel; the outer headers are those of this packet.
            verdict = verdict._replace(stack=packet.stack + verdict.stack[len(packet.stack) :])
        if not verdict.protection:
            self._aside(packet, verdict.why)
        elif not direction:
            self._aside(packet, "not the node's")
        else:
            self._data(packet, direction, verdict.protection, verdict.stack, verdict.addresses)

    # User data.

    def _plain(self, packet: Packet, direction: str) -> None:
        if not direction:
            self._aside(packet, "not the node's")
            return
        why = self._upkeep(packet, direction)
        if why is not None and (_UPKEEP.get(why, why) in self._site.upkeep or why == _LISTED):
            self._aside(packet, why)
            return
        if declared := self._declared(packet):
            self._data(packet, direction, _ESP, declared, packet.addresses[-1])
        elif not self._is_enterprise(packet, direction):
            self._other(packet, direction, "other clear traffic")
        else:
            self._data(packet, direction, _NONE, *self._of_the_user(packet))

    def _other(self, packet: Packet, direction: str, why: str) -> None:
        """No user data of the enterprise; a reading of the specification counts it all the same."""
        self._aside(packet, why)
        keys = _data_keys(packet, direction, _NONE, packet.stack, packet.addresses[-1])
        self._emit(packet, "data", {**keys, "scope": "other"})

    def _declared(self, packet: Packet) -> str:
        """The headers of a packet whose port is that of a layer which the specification declares to protect, or ""."""
        if self._protects is None or packet.protocol not in _PORTS or not self._is_with_agents(packet):
            return ""
        key = packet.stack, packet.protocol, packet.sport, packet.dport
        found = self._ports.get(key)
        if found is None:
            ports = (packet.dport, packet.sport)
            names = (f"{packet.stack}/{_PORTS[packet.protocol]}{port}" for port in ports)
            found = next((name for name in names if self._protects(name)), "")
            if len(self._ports) < _MAX_FRAGMENTS:
                self._ports[key] = found
        return found

    def _is_with_agents(self, packet: Packet) -> bool:
        """Whether it goes to, or comes from, somebody who may be the end of a layer."""
        return any(end in self._known.far for pair in packet.addresses for end in pair)

    def _of_the_user(self, packet: Packet) -> tuple[str, tuple[int, int]]:
        """Headers and addresses of user data: what lies inside the packet of the home address is the user's own."""
        home = self._known.home
        for depth, pair in enumerate(packet.addresses[:-1], 1):
            if pair[0] in home or pair[1] in home:
                names = packet.stack.split("/")
                ends = [n for n, name in enumerate(names, 1) if name in ("ip", "minenc")]
                return "/".join(names[: ends[depth - 1]]), pair
        return packet.stack, packet.addresses[-1]

    def _upkeep(self, packet: Packet, direction: str) -> str | None:
        """What keeps the link or a tunnel going, by name; None for anything else."""
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
        """Whether it concerns the home address, or somebody inside other than the node itself.

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

    def _data(self, packet: Packet, direction: str, protection: str, stack: str, addresses: tuple[int, int]) -> None:
        if packet.first_of:
            self._remember(packet, _Verdict(protection, "", stack, addresses))
        link = self._links[packet.interface]
        if not link.coa:
            outer = packet.addresses[0]
            link.used.add(outer[0] if direction == "out" else outer[1])
        if self._protects is not None:
            protection = _ESP if self._protects(stack) else _NONE
        self._emit(packet, "data", _data_keys(packet, direction, protection, stack, addresses))

    def _esp(self, packet: Packet, direction: str) -> None:
        if not direction:
            self._aside(packet, "not the node's")
            return
        # A tunnel to somebody else than the VPN gateway is protected, but says nothing about the VPN.
        if self._vpn is not None and self._vpn not in packet.addresses[-1]:
            self._data(packet, direction, _ESP, packet.stack, packet.addresses[-1])
            return
        inner = self._keys.inside(packet)
        if direction == "out":
            self._in_use = packet.interface
        if inner is None:
            self._sealed[packet.spi] = None
        elif inner.stack.count("/ip") > packet.stack.count("/ip"):
            own = inner.addresses[0][direction == "in"]
            if own not in self._known.home:
                self._tia = own
        if packet.spi not in self._spis:
            self._spis.add(packet.spi)
            if direction == "in":
                self._incoming = packet.spi
            self._association(packet)
        if inner is not None and inner.kind == REGISTRATION:
            # Known not to be user data, as other signalling is not; a tunnel device may have shown it already.
            self._aside(packet, "signalling inside esp")
            if self._is_copy(inner):
                self._put_where_it_went(inner)
            else:
                self._follow(inner)
                self._through_vpn(inner, packet.interface)
        elif inner is not None and inner.kind == ASIDE and inner.why == DUMMY:
            self._aside(packet, inner.why)
        else:
            self._data(packet, direction, _ESP, packet.stack if inner is None else inner.stack, packet.addresses[-1])

    def _put_where_it_went(self, packet: Packet) -> None:
        """A tunnel device tells what passed, but only guesses over which interface; ESP with keys knows."""
        read = mobileip.read_request(packet.payload) or mobileip.read_reply(packet.payload)
        for index in range(len(self.events) - 1, -1, -1):
            event = self.events[index]
            if read is None or event.time < packet.time - _COPY:
                return
            if event.args.get("path") == "vpn" and event.args.get("id") == read.id:
                self.events[index] = replace(event, interface=packet.interface)
                return

    def _follow(self, packet: Packet) -> None:
        """Identifications inside ESP were not there to be learnt from beforehand."""
        request, reply = mobileip.read_request(packet.payload), mobileip.read_reply(packet.payload)
        if request is not None and request.agent in self._known.agents:
            self._known.replay.request(self._known.agents[request.agent], request.id, packet.time)
        elif reply is not None and reply.agent in self._known.agents:
            self._known.replay.reply(self._known.agents[reply.agent], reply.id, reply.code)

    def _association(self, packet: Packet) -> None:
        """ESP with a new SPI: the first after a key exchange, or of the capture, shows that an association is up."""
        if not self._expecting:
            return  # the other direction's SPI, or a new key for the same association
        self._expecting = False
        first = len(self.events)
        if self._started is not None:
            source, target = self._started
            self._started = None
            self._emit(packet, "ike", {"phase": "established", "src": source, "dst": target})
        up: dict[str, Value] = {"state": "up"}
        if self._tia:
            up["tia"] = self._tia
        self._emit(packet, "sa", up)
        self._put_before_what_it_carried(first, packet.time)

    def _put_before_what_it_carried(self, first: int, time: int) -> None:
        """A tunnel device shows a request before its ESP leaves; the association that carried it was up by then."""
        index, self._waiting = self._waiting, None
        if index is None or time - self.events[index].time > _COPY:
            return
        earlier = self.events[index].time
        moved = [replace(e, time=earlier) for e in self.events[first:]]
        self.events[first:] = []
        self.events[index:index] = moved

    # Signalling.

    def _ike(self, packet: Packet, direction: str) -> None:
        """The start of a key exchange, and what the node deletes in the clear. The rest is encrypted."""
        self._aside(packet, "key exchange")
        source, target = packet.addresses[-1]
        if direction != "out" or (self._vpn is not None and target != self._vpn):
            return
        self._in_use = packet.interface
        message = ike.read_message(packet.payload)
        if message is None:
            return
        if not message.begins:
            self._deletions(packet, message)
            return
        if message.initiator in self._exchanges:
            return  # once more, for want of an answer or as the gateway asked
        self._exchanges.add(message.initiator)
        self._abandon(packet)
        self._started = (source, target)
        self._exchange = message.initiator
        self._expecting = True
        self._waiting = None
        self._tia = 0
        self._emit(packet, "ike", {"phase": "start", "src": source, "dst": target, "version": message.version})
        if message.vendors:
            text = f"vendor ids of the node's IKEv{message.version}: {', '.join(message.vendors)}"
            self._note_first(("vendors", message.vendors), text, packet)

    def _abandon(self, packet: Packet) -> None:
        """An exchange that led to no ESP and in which the node says no more, now that it begins another one."""
        if self._started is None or self._known.exchanges.get(self._exchange, 0) >= packet.time:
            return
        source, target = self._started
        self._emit(packet, "ike", {"phase": "abandoned", "src": source, "dst": target})

    def _deletions(self, packet: Packet, message: ike.Message) -> None:
        """Only what the node itself deletes: nobody has to believe what comes from outside and is not protected.

        It names the SPI of what it is sent; once a newer one is in use, deleting an old one takes nothing down.
        """
        source, target = packet.addresses[-1]
        for deletion in message.deletions:
            if deletion.protocol == ike.ISAKMP:
                self._emit(packet, "ike", {"phase": "deleted", "src": source, "dst": target})
            elif deletion.protocol == ike.ESP and self._incoming in (None, *map(int.from_bytes, deletion.spis)):
                self._emit(packet, "sa", {"state": "down"})
                self._expecting = True

    def _registration(self, packet: Packet, direction: str) -> None:
        if packet.first_of:
            self._remember(packet, _Verdict("", "fragment of signalling"))
        if self._vpn is not None and any(self._vpn in pair for pair in packet.addresses[:-1]):
            # In whatever encapsulation: what passes the gateway is no direct registration.
            if direction:
                self._through_vpn(packet, packet.interface)
            return
        kind = packet.payload[0]
        source = packet.addresses[-1][0]
        if kind == mobileip.REQUEST and packet.dport == mobileip.PORT and direction != "in":
            if source not in self._known.far:
                self._request(packet, "direct")
        elif kind == mobileip.REPLY and packet.sport == mobileip.PORT and direction != "out":
            self._reply(packet, "direct")

    def _request(self, packet: Packet, path: str, interface: str = "") -> None:
        request = mobileip.read_request(packet.payload)
        if request is None:
            self._note(f"frame {packet.frame}: a registration request is cut short")
            return
        agent = self._agent(packet, request.agent, request.home)
        if agent is None:
            return
        source, target = packet.addresses[-1]
        if path == "direct" and request.lifetime and len(packet.addresses) == 1:
            self._announce(packet, request, source, target)
        asked = (agent, path, interface or packet.interface)
        if is_clock(request.id, packet.time) and self._known.replay.goes_back(asked, request.id):
            text = f"the identification of a request to {agent} is below that of an earlier one"
            self._note_first((agent, "back"), text, packet)
        self._asked[asked] = request.id
        self._oddities(packet)
        if mobileip.authentication(packet.payload, agent, self._site.mn_ha_keys, packet.whole) == "bad":
            text = f"a request of the node to {agent} does not fit the [[mn_ha_key]]: is that the right key?"
            self._note_first((agent, "key"), text, packet)
        args: dict[str, Value] = {
            "to": agent,
            "path": path,
            "coa": request.coa,
            "flags": request.flags,
            "lifetime": request.lifetime,
            "id": request.id,
            "home": request.home,
        }
        if target != request.agent:
            args["via"] = target
        self._emit(packet, "rrq", args, interface)

    def _announce(self, packet: Packet, request: mobileip.Request, source: int, target: int) -> None:
        """A care-of address that the interface did not have before is an event of its own."""
        link = self._links[packet.interface]
        if request.coa in (link.coa, request.home):
            return
        begun = (packet.interface, request.coa) in self._known.begun
        if not (link.coa or link.starting or link.searching or begun or self._site.boot):
            # The capture may have begun later than the node: that it has the address now is no change.
            link.coa = request.coa
        elif "D" in request.flags or request.coa == source:
            self._has_address(packet, request.coa)
        else:
            link.coa = request.coa
            self._emit(packet, "coa", {"kind": "foreign-agent", "addr": request.coa, "agent": target})

    def _reply(self, packet: Packet, path: str, interface: str = "") -> None:
        reply = mobileip.read_reply(packet.payload)
        if reply is None:
            self._note(f"frame {packet.frame}: a registration reply is cut short")
            return
        agent = self._agent(packet, reply.agent, reply.home)
        if agent is None:
            return
        self._oddities(packet)
        identification = reply.id
        if self._known.replay.has_nonces(agent):
            identification = expected(self._asked.get((agent, path, interface or packet.interface), reply.id), reply.id)
            self._note(f"{agent} uses nonces: only the lower half of its identifications is compared (RFC 3344 5.7.2)")
        if reply.code not in (0, 1):
            name = f"{reply.code}, {mobileip.code_name(reply.code)}"
            self._note_first((agent, reply.code), f"a registration with {agent} is rejected ({name})", packet)
        auth = mobileip.authentication(packet.payload, agent, self._site.mn_ha_keys, packet.whole)
        if auth == "unchecked" and packet.whole and any(key.agent == agent for key in self._site.mn_ha_keys):
            text = f"a reply of {agent} is authenticated in a way that no [[mn_ha_key]] fits, and counts unchecked"
            self._note_first((agent, "spi"), text, packet)
        args: dict[str, Value] = {
            "from": agent,
            "path": path,
            "code": reply.code,
            "lifetime": reply.lifetime,
            "id": identification,
            "auth": auth,
            "home": reply.home,
        }
        if packet.whole:
            args["tnc"] = "yes" if mobileip.trusted_networks_configured(packet.payload) else "no"
        self._emit(packet, "rrp", args, interface)

    def _oddities(self, packet: Packet) -> None:
        """What may have made the receiver discard the message, although its fixed part is sound."""
        if packet.whole and is_torn(packet.payload):
            self._note_first("torn", "the last extension of a registration message runs past its end", packet)
        for extension in mobileip.extensions(packet.payload):
            if not extension.skippable and extension.type not in NAMES:
                text = f"{extension.name} is not known here, and who does not know it discards the message"
                self._note_first(("extension", extension.type), text, packet)

    def _agent(self, packet: Packet, agent: int, home: int) -> str | None:
        """iha or xha; None for a message that concerns neither, or another node's."""
        name = self._known.agents.get(agent)
        if name is None:
            self._note(f"registrations with {dotted(agent)}, which is neither iha nor xha, are ignored")
            return None
        expected = self._site.addresses.get("ihoa" if name == "iha" else "xhoa")
        if expected is not None and home not in (expected, 0):
            self._note(f"registrations for {dotted(home)}, which is not the node's home address, are ignored")
            return None
        return name

    def _advertisement(self, packet: Packet, direction: str) -> None:
        found = mobileip.read_advertisement(packet.payload)
        if direction == "out" or found is None or not found.coas or len(packet.addresses) > 1:
            self._aside(packet, "router advertisement")
            return
        agent = packet.addresses[-1][0]
        args: dict[str, Value] = {"agent": agent, "coa": found.coas[0], "seq": found.sequence}
        if found.nai:
            args["nai"] = found.nai
        self._emit(packet, "advert", args)

    def _dhcp(self, packet: Packet) -> None:
        self._aside(packet, "dhcp")
        message = dhcp.read_message(packet.payload)
        if message is None:
            return
        macs = self._known.macs.get(packet.interface)
        if macs and message.client not in macs:
            return  # another station's
        link = self._links[packet.interface]
        bound = message.type == dhcp.ACK or self._known.acks.get((packet.interface, message.xid)) == packet.frame
        if bound and not message.from_client and message.offered:
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
                self._emit(packet, "coa", args)
        elif message.type in (dhcp.DISCOVER, dhcp.OFFER) or message.is_reboot or (message.cut and not message.current):
            link.starting[message.xid] = message.domain or link.starting.get(message.xid, "")
        elif message.type in (dhcp.NAK, dhcp.RELEASE, dhcp.DECLINE):
            # The address is void. Which one comes next is seen then; even the same one is a new start.
            link.coa = 0
            link.searching = True
        elif message.from_client and message.current:
            link.renewing.add(message.xid)

    def _arp(self, packet: Packet) -> None:
        """A node without DHCP announces its new address (RFC 5227 section 2.3); a probe does not say that it got it.

        On the home link it announces its home address (RFC 3344 section 4.6), which is no care-of address.
        """
        self._aside(packet, packet.why)
        message = packet.payload
        if len(message) < 28 or message[:6] != b"\0\1\x08\0\6\4" or message[14:18] != message[24:28]:
            return
        link = self._links[packet.interface]
        address = int.from_bytes(message[14:18])
        macs = self._known.macs.get(packet.interface, ())
        if link.leased or (message[8:14] not in macs and packet.direction != "out") or packet.direction == "in":
            return
        homes = {*self._known.home, self._site.addresses.get("xhoa"), self._tia}
        if address in homes or address in (0, link.coa) or address >> 16 == _LINK_LOCAL:
            return
        self._has_address(packet, address)

    def _has_address(self, packet: Packet, address: int) -> None:
        """The interface has a co-located care-of address that was not known of."""
        link = self._links[packet.interface]
        # If it was used before, the capture began later than the node got it: that it has it now is no change.
        known = not link.coa and address in link.used and not self._site.boot
        link.coa = address
        if not known:
            self._emit(packet, "coa", {"kind": "colocated", "addr": address})


def clear_registrations(packets: Iterable[Packet], site: Site) -> dict[bytes, list[int]]:
    """When each registration message was seen outside any tunnel device; packets in order of time."""
    tunnels = frozenset(site.tunnels)
    found: dict[bytes, list[int]] = {}
    for packet in packets:
        if packet.kind == REGISTRATION and not is_tunnel(packet, tunnels) and not is_loopback(packet):
            found.setdefault(mobileip.fixed_part(packet.payload), []).append(packet.time)
    return found


def _listed(spis: list[int]) -> str:
    """The first few SPIs."""
    words = [f"{spi:#010x}" for spi in spis[:_MAX_SPIS]]
    return ", ".join(words) + (f" and {len(spis) - _MAX_SPIS} more" if len(spis) > _MAX_SPIS else "")


def _data_keys(
    packet: Packet, direction: str, protection: str, stack: str, addresses: tuple[int, int]
) -> dict[str, Value]:
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
