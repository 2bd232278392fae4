"""Registration messages of the node and of its home agents → events, and what is odd about them → notes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

from mipcheck.checker.capture.events.account import Account
from mipcheck.checker.capture.events.links import Links
from mipcheck.checker.capture.headers.packet import REGISTRATION, Packet
from mipcheck.checker.capture.messages import carried, mobileip
from mipcheck.checker.capture.messages.extensions import NAMES, tunnel_reply
from mipcheck.checker.capture.messages.identification import Timestamps, is_clock
from mipcheck.checker.capture.messages.mobileip import Registration
from mipcheck.checker.capture.node.knowledge import Knowledge, dotted, is_loopback, is_tunnel
from mipcheck.checker.site.site import Site
from mipcheck.model.values.types import Value

DIRECT: Final = "direct"
THROUGH_VPN: Final = "vpn"
"""The paths of a registration, as a log spells them."""

_CUT: Final = "registration messages were cut short: capture more bytes of each frame (-s 0)"

COPY: Final = 250 * 10**6
"""ns within which one message on two tunnel devices is the same packet; a node may retransmit after a second."""
_SAME: Final = 10**9
"""ns within which a message on a tunnel device and one in clear on a physical interface are the same packet."""


class Registrations:
    """Turns the messages that concern the node and its agents into events."""

    def __init__(self, account: Account, site: Site, known: Knowledge, links: Links) -> None:
        self._account = account
        self._site = site
        self._known = known
        self._links = links
        self._stamps = Timestamps()

    def request(self, packet: Packet, path: str, interface: str) -> None:
        """Take a request that goes over `interface`, straight to its agent (DIRECT) or THROUGH_VPN."""
        message = carried.registration(packet)
        request = message.request
        if request is None:
            self._account.unread(packet, _CUT, interface)
            return
        agent = self._agent(request.agent, request.home)
        if agent is None:
            return
        if path == DIRECT and request.lifetime and len(packet.addresses) == 1:
            self._links.announce(packet, request)
        asked = (agent, path, interface)
        if is_clock(request.id, packet.time) and self._stamps.goes_back(asked, request.id):
            text = f"the identification of a request to {agent} is below that of an earlier one"
            self._account.note_first((agent, "back"), text, packet)
        self._note_oddities(packet, message)
        if mobileip.authentication(message, agent, self._site.mn_ha_keys) == "bad":
            hint = mobileip.hint_at_key(message, agent, self._site.mn_ha_keys) or "is that the right key?"
            text = f"a request of the node to {agent} does not fit the [[mn_ha_key]]: {hint}"
            self._account.note_first((agent, "key"), text, packet)
        args: dict[str, Value] = {
            "to": agent,
            "path": path,
            "coa": request.coa,
            "flags": request.flags,
            "lifetime": request.lifetime,
            "id": request.id,
            "home": request.home,
        }
        target = packet.addresses[-1][1]
        if target != request.agent:
            args["via"] = target
        if mobileip.asks_for_udp(message):
            args["nat"] = "yes"
        self._account.emit(packet, "rrq", args, interface)

    def reply(self, packet: Packet, path: str, interface: str) -> None:
        """Take a reply that comes over `interface`, straight from its agent (DIRECT) or THROUGH_VPN."""
        message = carried.registration(packet)
        reply = message.reply
        if reply is None:
            self._account.unread(packet, _CUT, interface)
            return
        agent = self._agent(reply.agent, reply.home)
        if agent is None:
            return
        self._note_oddities(packet, message)
        if reply.code not in (0, 1):
            name = f"{reply.code}, {mobileip.code_name(reply.code)}"
            text = f"a registration with {agent} is rejected ({name})"
            self._account.note_first((agent, reply.code), text, packet)
        auth = mobileip.authentication(message, agent, self._site.mn_ha_keys)
        if auth == "bad" and (hint := mobileip.hint_at_key(message, agent, self._site.mn_ha_keys)):
            text = f"a reply of {agent} does not fit the [[mn_ha_key]]: {hint}"
            self._account.note_first((agent, "key"), text, packet)
        args: dict[str, Value] = {
            "from": agent,
            "path": path,
            "code": reply.code,
            "lifetime": reply.lifetime,
            "id": reply.id,
            "auth": auth,
            "home": reply.home,
        }
        if message.whole:
            args["tnc"] = "yes" if mobileip.trusted_networks_configured(message) else "no"
        if any(tunnel_reply(e) is not None for e in message.extensions):
            args["nat"] = "yes" if mobileip.grants_udp(message) else "no"
        self._account.emit(packet, "rrp", args, interface)
        if auth == "unchecked" and any(key.agent == agent for key in self._site.mn_ha_keys):
            # A node discards what it cannot check (RFC 3344 section 3.6.2.1), and whether this one can is not known.
            spi = "" if message.spi is None else f" (SPI {message.spi})"
            why = f"replies of {agent} are authenticated in a way that no [[mn_ha_key]] fits{spi}"
            text = f"{why}: whether they count is unknown" if message.whole else _CUT
            self._account.unread(packet, text, interface)
        elif auth == "unchecked":
            self._account.note(
                f"no [[mn_ha_key]] is given for {agent}: whether its replies are authentic is not checked"
            )

    def _note_oddities(self, packet: Packet, message: Registration) -> None:
        """Note what may have made the receiver discard the message, although its fixed part is sound."""
        if message.whole and message.is_torn:
            text = "the last extension of a registration message runs past its end"
            self._account.note_first("torn", text, packet)
        for extension in message.extensions:
            if not extension.skippable and extension.type not in NAMES:
                text = f"{extension.name} is not known here, and who does not know it discards the message"
                self._account.note_first(("extension", extension.type), text, packet)

    def _agent(self, agent: int, home: int) -> str | None:
        """Return iha or xha for the agent's address; None for a message that concerns neither, or another node's."""
        name = self._known.agents.get(agent)
        if name is None:
            self._account.note(f"registrations with {dotted(agent)}, which is neither iha nor xha, are ignored")
            return None
        expected = self._site.addresses.get("ihoa" if name == "iha" else "xhoa")
        if expected is not None and home not in (expected, 0):
            text = f"registrations for {dotted(home)}, which is not the node's home address, are ignored"
            self._account.note(text)
            return None
        return name


class Copies:
    """Tells which registration message on a tunnel device, or inside ESP, was seen elsewhere too."""

    def __init__(self, clear: dict[bytes, list[int]]) -> None:
        """`clear` holds, for each message seen on a physical interface, when (ns, ascending)."""
        self._clear = clear
        self._seen: dict[bytes, tuple[int, str]] = {}

    def has(self, packet: Packet) -> bool:
        """Decide whether this message was seen in clear on a physical interface, or on another device just before."""
        message = mobileip.fixed_part(packet.payload)
        times = self._clear.get(message)
        if times:
            near = bisect_left(times, packet.time - _SAME)
            if near < len(times) and times[near] <= packet.time + _SAME:
                return True
        seen = self._seen.get(message)
        if seen is not None and packet.time - seen[0] <= COPY and seen[1] != packet.interface:
            return True
        self._seen[message] = (packet.time, packet.interface)
        return False


def clear_registrations(packets: Iterable[Packet], site: Site) -> dict[bytes, list[int]]:
    """Return when (ns) each registration message was seen outside any tunnel device; `packets` in order of time."""
    tunnels = frozenset(site.tunnels)
    found: dict[bytes, list[int]] = {}
    for packet in packets:
        if packet.kind == REGISTRATION and not is_tunnel(packet, tunnels) and not is_loopback(packet):
            found.setdefault(mobileip.fixed_part(packet.payload), []).append(packet.time)
    return found
