"""What belongs to the node: its addresses, its link addresses, and the servers of the links it is on.

Learnt from the whole capture before any event is made, so that a frame is not misjudged because what identifies
the node comes later. Only evidence that stays true is gathered here; what changes (the care-of address of an
interface) is followed in `events`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from mipcheck.checker.capture.headers.packet import DHCP, ESP, IKE, LOOPBACK, PHYSICAL, REGISTRATION, TUNNEL, Packet
from mipcheck.checker.capture.messages import carried, dhcp, mobileip
from mipcheck.checker.site.site import Site

BROADCAST = 0xFFFFFFFF
_TOGETHER = 10**9
"""ns within which both agents are asked where detection begins.

As long or longer may be the wait for a reply (RFC 3344 section 3.6.3) to the last of many requests, after which a node
that has been here for long begins anew.
"""
_COPY = 250 * 10**6
"""ns within which the same request is the same packet, captured twice."""
_NEIGHBOURS = 16
"""Bits in which addresses of one enterprise may differ, where nobody says what its prefixes are."""
_PRIVATE = ((0x0A000000, 0xFF000000), (0xAC100000, 0xFFF00000), (0xC0A80000, 0xFFFF0000))


@dataclass(slots=True)
class Knowledge:
    """Sets of addresses as int; `macs` by interface; `agents` maps a home agent's address to iha or xha."""

    agents: dict[int, str]
    home: set[int] = field(default_factory=set)
    """The node's home address inside (i-HoA): whatever carries it is user data."""
    own: set[int] = field(default_factory=set)
    """Every address of the node, on any interface and in any tunnel."""
    far: set[int] = field(default_factory=set)
    """Home agents, VPN gateway, foreign agents: never the node itself."""
    internal: tuple[tuple[int, int], ...] = ()
    """(network, mask) of the enterprise."""
    macs: dict[str, set[bytes]] = field(default_factory=dict)
    servers: set[tuple[int, int]] = field(default_factory=set)
    """(address, port) of resolvers and time servers that DHCP gave."""
    unsaid: set[str] = field(default_factory=set)
    """Interfaces where DHCP was captured without its options: which servers it gave, nobody knows."""
    routers: set[int] = field(default_factory=set)
    links: set[tuple[int, int]] = field(default_factory=set)
    """(network, mask) of the links that DHCP put the node on."""
    begun: set[tuple[str, int]] = field(default_factory=set)
    """(interface, care-of address) with which detection begins in the capture: the first there, asking both agents."""
    acks: dict[tuple[str, int], int] = field(default_factory=dict)
    """(interface, transaction) of DHCP → the frame with its last reply, where types were cut off: it is the ACK."""
    exchanges: dict[bytes, int] = field(default_factory=dict)
    """When (ns) the initiator last sent something in a key exchange, by the initiator's SPI."""
    notes: list[str] = field(default_factory=list)

    def is_internal(self, address: int) -> bool:
        """Decide whether it is in a prefix of the enterprise."""
        return any(address & mask == network for network, mask in self.internal)

    def may_be_internal(self, address: int) -> bool:
        """Decide whether somebody inside may have it: it is private, or a neighbour of the i-HA or the home address.

        What is known to be outside, as the agents and the gateway are, is not asked for.
        """
        if address in self.far or address in self.own:
            return False
        near = {a >> _NEIGHBOURS for a in (*self.home, *(a for a, name in self.agents.items() if name == "iha"))}
        return is_private(address) or address >> _NEIGHBOURS in near

    def is_broadcast(self, address: int) -> bool:
        """Decide whether it is the directed broadcast address of a link that DHCP told."""
        return any(address & mask == network and address | mask == BROADCAST for network, mask in self.links)

    def is_near(self, address: int) -> bool:
        """Decide whether it is a neighbour or the default router, as far as DHCP told."""
        return address in self.routers or self.is_on_link(address)

    def is_on_link(self, address: int) -> bool:
        """Decide whether it is on a link that DHCP told."""
        return any(address & mask == network for network, mask in self.links)

    def is_bound(self, packet: Packet, message: dhcp.DhcpMessage) -> bool:
        """Decide whether the DHCP message of a packet binds its address: it is an ACK, or must be one."""
        return message.type == dhcp.ACK or self.acks.get((packet.interface, message.xid)) == packet.frame

    def direction(self, packet: Packet) -> str:
        """Return out if the node sent it, in if the node was sent it, "" if it is neither or nobody can tell."""
        if packet.direction:
            return packet.direction
        macs = self.macs.get(packet.interface)
        if macs and packet.source_mac:
            if packet.source_mac in macs:
                return "out"
            # A group address (lowest bit of the first byte) reaches the node too.
            return "in" if packet.target_mac in macs or (packet.target_mac[:1] and packet.target_mac[0] & 1) else ""
        return self.direction_by_address(packet.addresses)

    def direction_by_address(self, addresses: tuple[tuple[int, int], ...]) -> str:
        """Return the same by the addresses in the IP headers, outermost first."""
        if not addresses:
            return ""
        for source, target in (addresses[0], addresses[-1]):
            if source in self.own:
                return "out"
            if target in self.own:
                return "in"
        source, target = addresses[0]
        if source in self.far:
            return "in"
        if target in self.far:
            return "out"
        source, target = addresses[-1]
        if self.is_internal(source) != self.is_internal(target):
            return "out" if self.is_internal(target) else "in"
        return ""


def is_private(address: int) -> bool:
    """Decide whether an address is private (RFC 1918)."""
    return any(address & mask == network for network, mask in _PRIVATE)


def is_tunnel(packet: Packet, tunnels: frozenset[str]) -> bool:
    """Decide whether it was captured where packets are not exposed, by the site or by the device's type."""
    return packet.device == TUNNEL or packet.interface in tunnels


def is_loopback(packet: Packet) -> bool:
    """Decide whether it never left the node."""
    return packet.device == LOOPBACK or packet.interface == "lo"


def learn(packets: Sequence[Packet], site: Site) -> Knowledge:
    """Learn what a capture (packets in order of time) tells about the node, with what the site says."""
    tunnels = frozenset(site.tunnels)
    known = _from_site(site)
    asked: dict[str, set[bytes]] = defaultdict(set)
    homed: dict[str, dict[bytes, int]] = defaultdict(dict)  # with the first frame of each
    leased: dict[str, set[bytes]] = defaultdict(set)
    messages: list[tuple[Packet, dhcp.DhcpMessage]] = []
    later: list[Packet] = []
    beginnings: dict[str, _Beginning] = {}
    late = False
    for packet in packets:
        if packet.kind == REGISTRATION:
            _registration(packet, site, tunnels, known, asked, beginnings)
        elif packet.kind == ESP and not known.exchanges and not is_tunnel(packet, tunnels):
            late |= site.addresses.get("vpn", packet.addresses[-1][0]) in packet.addresses[-1]
        elif packet.kind == IKE:
            exchange = carried.key_exchange(packet)
            vpn = site.addresses.get("vpn")
            if exchange is not None and (vpn is None or packet.addresses[-1][1] == vpn):
                known.exchanges[exchange.initiator] = packet.time
        elif packet.kind == DHCP:
            message = carried.lease(packet)
            if message is not None and packet.device == PHYSICAL:
                messages.append((packet, message))
                if message.cut and message.offered:
                    known.acks[packet.interface, message.xid] = packet.frame
                    known.unsaid.add(packet.interface)
                if message.from_client and message.client == packet.source_mac:
                    # Where the link says who sent it, it is certain.
                    (asked if packet.direction == "out" else leased)[packet.interface].add(message.client)
        elif packet.source_mac and packet.addresses:
            later.append(packet)
    if not late:
        known.begun.update((name, b.coa) for name, b in beginnings.items() if b.both)
    if known.home:
        for packet in later:
            if packet.direction != "in" and any(source in known.home for source, _ in packet.addresses):
                homed[packet.interface].setdefault(packet.source_mac, packet.frame)
    for interface in {*asked, *homed, *leased}:
        # Whoever asks for a registration is the node; what carries its address may be a copy that somebody passed on.
        # Another station's DHCP is broadcast to everybody, so it counts only where nothing better was seen.
        claims = set(homed[interface])
        known.macs[interface] = asked[interface] or (claims & leased[interface]) or claims or leased[interface]
        for mac in homed[interface]:
            if mac not in known.macs[interface]:
                known.notes.append(
                    f"frame {homed[interface][mac]}: {mac.hex(':')} sends from the home address on {interface} too:"
                    " not taken for the node"
                )
    for interface, macs in leased.items():
        if not macs <= known.macs[interface]:
            known.macs[interface] |= _successors(packets, interface, known.macs[interface], macs)
    for packet, message in messages:
        _lease(packet, message, known)
    return known


def _successors(packets: Sequence[Packet], interface: str, known: set[bytes], others: set[bytes]) -> set[bytes]:
    """Find those of `others` that appear only when the node's `known` link addresses have gone: it took a new one.

    Another station would be heard at the same time, and on most links only its broadcasts would be.
    """
    last = -1
    first: dict[bytes, int] = {}
    unicast: set[bytes] = set()
    for packet in packets:
        mac = packet.source_mac
        if packet.interface != interface:
            continue
        if mac in known:
            last = packet.time
        elif mac in others:
            first.setdefault(mac, packet.time)
            if packet.kind != DHCP and packet.addresses and packet.target_mac and not packet.target_mac[0] & 1:
                unicast.add(mac)
    return {mac for mac in unicast if first[mac] > last}


def _from_site(site: Site) -> Knowledge:
    known = Knowledge({site.addresses[agent]: agent for agent in ("iha", "xha") if agent in site.addresses})
    known.home.update(site.addresses[a] for a in ("ihoa",) if a in site.addresses)
    known.own.update(site.addresses[a] for a in ("ihoa", "xhoa") if a in site.addresses)
    known.far.update(site.addresses[a] for a in ("iha", "xha", "vpn") if a in site.addresses)
    known.far.update(site.fa)
    known.internal = tuple((int(n.network_address), int(n.netmask)) for n in site.internal)
    if not known.internal and not known.home:
        known.notes.append("the site gives neither ihoa nor internal: user data is told by the home address seen")
    return known


@dataclass(slots=True)
class _Beginning:
    """The first request of an interface: where from, to whom and when; `both` says that the next, once there was one
    (`over`), asked the other agent. One to the same agent may be the last of many that nobody answered."""

    coa: int
    agent: str
    id: int
    time: int
    both: bool = False
    over: bool = False


def _registration(
    packet: Packet,
    site: Site,
    tunnels: frozenset[str],
    known: Knowledge,
    asked: dict[str, set[bytes]],
    beginnings: dict[str, _Beginning],
) -> None:
    """Learn the node's link address, its home and its care-of addresses from a request."""
    message = carried.registration(packet)
    request = message.request
    if request is None or packet.dport != mobileip.PORT or packet.direction == "in":
        return
    agent = known.agents.get(request.agent)
    if agent is None:
        agent = _infer(request, site, known)
        if agent is None:
            return
    expected = site.addresses.get("ihoa" if agent == "iha" else "xhoa")
    if expected is not None and request.home not in (expected, 0):
        return  # another node's
    source = packet.addresses[-1][0]
    if source in known.far:
        return  # passed on by an agent
    if request.home:
        known.own.add(request.home)
        if agent == "iha":
            known.home.add(request.home)
    if source:
        known.own.add(source)
    if "D" in request.flags and request.lifetime:
        known.own.add(request.coa)
    if is_tunnel(packet, tunnels):
        return
    if packet.source_mac:
        asked[packet.interface].add(packet.source_mac)
    if request.lifetime and len(packet.addresses) == 1:
        first = beginnings.get(packet.interface)
        if first is None:
            beginnings[packet.interface] = _Beginning(request.coa, agent, request.id, packet.time)
        elif not first.over and (request.id != first.id or packet.time - first.time > _COPY):
            together = request.coa == first.coa and packet.time - first.time < _TOGETHER
            first.both, first.over = together and agent != first.agent, True


def _infer(request: mobileip.Request, site: Site, known: Knowledge) -> str | None:
    """Tell which agent this is, where the site leaves it open: a private address is inside, any other outside."""
    if request.agent in (0, BROADCAST):
        return None
    agent = "iha" if is_private(request.agent) else "xha"
    if agent in site.addresses or agent in known.agents.values():
        return None
    known.agents[request.agent] = agent
    known.far.add(request.agent)
    known.notes.append(f"{agent}={dotted(request.agent)} inferred from a registration request")
    return agent


def _lease(packet: Packet, message: dhcp.DhcpMessage, known: Knowledge) -> None:
    bound = known.is_bound(packet, message)
    if message.from_client or not (bound or message.type == dhcp.OFFER):
        return
    macs = known.macs.get(packet.interface)
    if macs and message.client not in macs:
        return  # another station's
    if bound and message.offered:
        known.own.add(message.offered)
    known.servers.update((a, 53) for a in message.resolvers)
    known.servers.update((a, 123) for a in message.time_servers)
    known.routers.update(message.routers)
    if message.mask and message.offered:
        known.links.add((message.offered & message.mask, message.mask))


def dotted(address: int) -> str:
    """Write an address as people do."""
    return ".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0))
