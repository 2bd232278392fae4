"""The VPN as far as it shows on a physical interface: key exchange, security associations, ESP that can be opened."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from mipcheck.checker.capture.events.account import Account
from mipcheck.checker.capture.events.registrations import COPY, THROUGH_VPN
from mipcheck.checker.capture.headers.packet import Packet
from mipcheck.checker.capture.messages import carried, ike
from mipcheck.checker.capture.messages.esp import Keyring
from mipcheck.checker.capture.messages.sealed import IkeKeys
from mipcheck.checker.capture.node.knowledge import Knowledge
from mipcheck.checker.console.counts import counted, few
from mipcheck.checker.site.site import Site
from mipcheck.model.values.event import NODE
from mipcheck.model.values.types import Value

_MAX_SPIS: Final = 4


class Vpn:
    """Follows the key exchange and the association with the VPN gateway, and opens what its keys are given for."""

    def __init__(self, account: Account, site: Site, known: Knowledge) -> None:
        self.tia = 0
        """The tunnel inner address, 0 while it was not seen."""
        self.in_use = NODE
        """The interface over which the node last sent something to the gateway."""
        self.shows_inside = False
        """Whether a tunnel device showed what goes through the VPN."""
        self._account = account
        self._site = site
        self._known = known
        self._gateway = site.addresses.get("vpn")
        self._keys = Keyring(site.esp_sas)
        self._sealed: dict[int, None] = {}  # SPIs of the VPN whose packets stayed closed
        self._exchanges: set[bytes] = set()  # initiator's SPIs
        self._started: tuple[int, int] | None = None  # addresses of the exchange that was started
        self._exchange = b""  # its initiator's SPI
        self._unread: dict[bytes, None] = {}  # initiator's SPIs of exchanges of which messages stayed closed
        self._ike = IkeKeys(site.ike_sas)
        self._rekeyed: set[tuple[bytes, bytes]] = set()  # associations of IKE, by both SPIs
        self._taken: set[tuple[bytes, bytes, int, bool]] = set()  # messages of theirs that said something
        self._moving: tuple[bytes, bytes, int] | None = None  # the one that asks for another address, unanswered
        self._spis: set[int] = set()
        self._incoming: int | None = None  # the newest SPI of what the gateway sends
        self._expecting = True  # whether the next new SPI shows that an association is up
        self._waiting: int | None = None  # the first request sent through the VPN before its ESP was seen, in `events`

    # --- key exchange -------------------------------------------------------------------------------------------------

    def key_exchange(self, packet: Packet, direction: str) -> None:
        """Take the start of a key exchange, and what the node deletes or moves, in the clear or opened with keys."""
        source, target = packet.addresses[-1]
        peer = target if direction == "out" else source
        if direction not in ("out", "in") or (self._gateway is not None and peer != self._gateway):
            return
        message = carried.key_exchange(packet)
        if direction == "out":
            self.in_use = packet.interface
        if message is None:
            return
        if not message.begins:
            self._within(packet, message, direction)
            return
        if direction == "in":
            return
        if message.initiator in self._exchanges:
            return  # once more, for want of an answer or as the gateway asked
        self._exchanges.add(message.initiator)
        self._abandon(packet)
        self._started = (source, target)
        self._exchange = message.initiator
        self._expecting = True
        self._waiting = None
        self.tia = 0
        self._account.emit(packet, "ike", {"phase": "start", "src": source, "dst": target, "version": message.version})
        if message.vendors:
            text = f"vendor ids of the node's IKEv{message.version}: {', '.join(message.vendors)}"
            self._account.note_first(("vendors", message.vendors), text, packet)

    def _abandon(self, packet: Packet) -> None:
        """End an exchange that led to no ESP and in which the node says no more, now that it begins another one."""
        if self._started is None or self._known.exchanges.get(self._exchange, 0) >= packet.time:
            return
        source, target = self._started
        self._account.emit(packet, "ike", {"phase": "abandoned", "src": source, "dst": target})

    def _within(self, packet: Packet, message: ike.IkeMessage, direction: str) -> None:
        """Take a message of an exchange that was begun, or of the association that has come of it."""
        spis = message.initiator, message.responder
        if message.rekeys:
            self._rekeyed.add(spis)
        if packet.whole:
            message = self._ike.opened(message, packet.payload) or message
        if message.encrypted:
            self._unread[message.initiator] = None
        if direction == "out":
            which = (*spis, message.message_id, message.response)
            if message.version == 2 and message.payloads:
                if which in self._taken:
                    return  # once more, for want of an answer
                self._taken.add(which)
            if message.updates_address:
                self._moving = (*spis, message.message_id)
            if spis not in self._rekeyed:  # else it may be the old ones that are deleted
                self._deletions(packet, message)
        elif direction == "in" and message.response and self._moving == (*spis, message.message_id):
            self._moving = None
            source, target = packet.addresses[-1]
            if not message.encrypted and not message.refuses:
                self._account.emit(packet, "ike", {"phase": "updated", "src": target, "dst": source})

    def _deletions(self, packet: Packet, message: ike.IkeMessage) -> None:
        """Take what the node itself deletes: nobody has to believe what comes from outside and is not protected.

        It names the SPI of what it is sent; once a newer one is in use, deleting an old one takes nothing down.
        """
        source, target = packet.addresses[-1]
        for deletion in message.deletions:
            if deletion.protocol == ike.ISAKMP:
                self._account.emit(packet, "ike", {"phase": "deleted", "src": source, "dst": target})
            elif deletion.protocol == ike.ESP and self._incoming in (None, *map(int.from_bytes, deletion.spis)):
                self._account.emit(packet, "sa", {"state": "down"})
                self._expecting = True

    # --- ESP and its association --------------------------------------------------------------------------------------

    def is_other(self, packet: Packet) -> bool:
        """Decide whether ESP is with somebody else than the VPN gateway: protected, but nothing about the VPN."""
        return self._gateway is not None and self._gateway not in packet.addresses[-1]

    def take(self, packet: Packet, direction: str) -> Packet | None:
        """Take ESP of the VPN, and return the packet inside it; None where it stays closed."""
        inner = self._keys.inside(packet)
        if direction == "out":
            self.in_use = packet.interface
        if inner is None:
            self._sealed[packet.spi] = None
        elif inner.stack.count("/ip") > packet.stack.count("/ip"):
            own = inner.addresses[0][direction == "in"]
            if own not in self._known.home:
                self.tia = own
        if packet.spi not in self._spis:
            self._spis.add(packet.spi)
            if direction == "in":
                self._incoming = packet.spi
            self._association(packet)
        return inner

    def _association(self, packet: Packet) -> None:
        """Take ESP with a new SPI: the first after an exchange, or of the capture, shows that an association is up."""
        if not self._expecting:
            return  # the other direction's SPI, or a new key for the same association
        self._expecting = False
        events = self._account.events
        first = len(events)
        if self._started is not None:
            source, target = self._started
            self._started = None
            self._account.emit(packet, "ike", {"phase": "established", "src": source, "dst": target})
        up: dict[str, Value] = {"state": "up"}
        if self.tia:
            up["tia"] = self.tia
        self._account.emit(packet, "sa", up)
        self._put_before_what_it_carried(first, packet.time)

    def _put_before_what_it_carried(self, first: int, time: int) -> None:
        """Move the events from `first` on before the request that a tunnel device showed before its ESP left.

        The association that carried it was up by then.
        """
        events = self._account.events
        index, self._waiting = self._waiting, None
        if index is None or time - events[index].time > COPY:
            return
        earlier = events[index].time
        moved = [replace(e, time=earlier) for e in events[first:]]
        events[first:] = []
        events[index:index] = moved

    def requested(self, source: int, place: int) -> None:
        """Take note of a request through the VPN from `source`, whose event is to have the number `place`, if any."""
        self.tia = source
        if self._expecting and self._waiting is None and place < len(self._account.events):
            self._waiting = place

    def put_where_it_went(self, packet: Packet) -> None:
        """Correct the interface of a message that a tunnel device showed: it only guesses, ESP with keys knows."""
        body = carried.registration(packet).body
        events = self._account.events
        for index in range(len(events) - 1, -1, -1):
            event = events[index]
            if body is None or event.time < packet.time - COPY:
                return
            if event.args.get("path") == THROUGH_VPN and event.args.get("id") == body.id:
                events[index] = replace(event, interface=packet.interface)
                return

    # --- what stayed closed -------------------------------------------------------------------------------------------

    @property
    def complaints(self) -> list[str]:
        """What did not work with the keys of packets that were there."""
        unusable = self._ike.unusable.items()
        found = [f"the keys of IKE's SPI {spi.hex()} are not used: {why}" for spi, why in unusable]
        return self._keys.complaints() + found + self._untold()

    def _untold(self) -> list[str]:
        """Say what could not be told of key exchanges, by the initiator's SPI."""
        if not self._unread:
            return []
        exchanges = counted(len(self._unread), "key exchange")
        spis = few([f"0x{spi.hex()}" for spi in self._unread], _MAX_SPIS)
        return [
            f"{exchanges} (initiator's SPI {spis}) stayed encrypted: what was agreed on, and when it ended or moved,"
            " was not seen; that it came about is told by the first ESP. The daemon's log beside the capture tells"
            " it, or keys of IKEv2 (--keys)"
        ]

    def hidden(self, devices: set[str]) -> tuple[str, ...]:
        """Say why signalling could not be seen; `devices` are the tunnel devices in the capture."""
        # Where others with the same keys could be opened, a packet that could not is damaged or was cut.
        sealed = [spi for spi in self._sealed if not self._keys.fits(spi)]
        if not sealed or self.shows_inside:
            return ()
        return (f"registration inside ESP: {'; '.join(self._lacking(sealed))}; or {self._better_place(devices)}",)

    def _lacking(self, sealed: list[int]) -> list[str]:
        """Say what is needed to read these SPIs."""
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

    def _better_place(self, devices: set[str]) -> str:
        """Say where to capture instead."""
        missing = [name for name in self._site.tunnels if name not in devices]
        if not missing:
            return "capture on the VPN's tunnel interface too"
        return f"capture also on the tunnel interface that carries its inner packets ({' or '.join(missing)})"


def _listed(spis: list[int]) -> str:
    """Return the first few SPIs of ESP in words."""
    return few([f"{spi:#010x}" for spi in spis], _MAX_SPIS)
