"""Who speaks with whom in a capture: the signalling in it, with frames, before any site gives it a meaning.

`infer` proposes a site from this, and `contradictions` holds a given site against it. A survey reads what every
message says of itself (addresses, SPIs, devices) and judges nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from mipcheck.checker.capture.frames.files import open_frames
from mipcheck.checker.capture.frames.frame import SLL, SLL2, FileInfo
from mipcheck.checker.capture.headers import layers, link
from mipcheck.checker.capture.headers.packet import (
    ADVERTISEMENT,
    ESP,
    IKE,
    LOOPBACK,
    MULTICAST,
    REGISTRATION,
    TUNNEL,
    Packet,
)
from mipcheck.checker.capture.messages import carried, mobileip
from mipcheck.checker.capture.node import devices

MESSAGES: Final = 100_000
"""Registration messages that are kept; what a site says shows long before."""
_FLOWS: Final = 10_000
_SPIS: Final = 64
_DEVICES: Final = 1000


@dataclass(frozen=True, slots=True)
class Sighting:
    """A registration message where it was seen. `source` and `target` are those of its own IP header.

    `tunnel` says that the link header called the device a tunnel (cooked captures do), `depth` how many IP headers
    there are, `direction` what file or link say of it: in, out or "". `time` in ns. `body` is the message's fixed part.
    """

    frame: int
    time: int
    interface: str
    tunnel: bool
    direction: str
    depth: int
    source: int
    target: int
    body: mobileip.Request | mobileip.Reply
    message: mobileip.Registration

    @property
    def agent(self) -> int:
        """The home agent that the message names."""
        return self.body.agent

    @property
    def home(self) -> int:
        """The home address that the message names."""
        return self.body.home

    @property
    def spi(self) -> int | None:
        """The SPI of its mobile-home authentication extension, if it has one."""
        return self.message.spi

    @property
    def fixed_part(self) -> bytes:
        """What identifies the message, however much of it was captured."""
        return mobileip.fixed_part(self.message.payload)


@dataclass(slots=True)
class Flow:
    """Key exchange (`kind` ike) or protected packets (esp) in one direction, with the first frame.

    `addresses` are those of all IP headers, outermost first. `begun` says that an exchange is opened.
    """

    kind: str
    addresses: tuple[tuple[int, int], ...]
    interface: str
    frame: int
    begun: bool = False
    packets: int = 0
    spis: dict[int, int] = field(default_factory=dict)
    """SPI (ESP only) → first frame."""

    @property
    def source(self) -> int:
        """The source address in the innermost header."""
        return self.addresses[-1][0]

    @property
    def target(self) -> int:
        """The destination address in the innermost header."""
        return self.addresses[-1][1]


_FlowKey = tuple[str, str, tuple[tuple[int, int], ...]]
"""Kind, interface and addresses."""


@dataclass(frozen=True, slots=True)
class Advert:
    """An agent advertisement that offers care-of addresses, the first of its sender."""

    frame: int
    interface: str
    source: int
    coas: tuple[int, ...]


@dataclass(slots=True)
class Device:
    """An interface, as far as the file tells; `linktype` is None where only frames name it (cooked, version 2)."""

    name: str
    linktype: int | None
    frame: int
    cooked_tunnel: bool = False
    loopback: bool = False


@dataclass(slots=True)
class Survey:
    """What was seen. Requests and replies are in order of time, devices in file order."""

    info: FileInfo
    requests: list[Sighting] = field(default_factory=list)
    replies: list[Sighting] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)
    adverts: list[Advert] = field(default_factory=list)
    devices: dict[str, Device] = field(default_factory=dict)
    more: Iterable[Sighting] = ()
    """Messages of a long capture that are made when they are asked for, in no order."""

    def messages(self) -> Iterator[Sighting]:
        """Yield all requests, then all replies, then those of which there are many."""
        yield from self.requests
        yield from self.replies
        yield from self.more

    def tunnels(self) -> frozenset[str]:
        """Return the interfaces that are tunnel devices, as far as the file alone tells."""
        beside = self.beside()
        return frozenset(d.name for d in self.devices.values() if how_tunnel(d, beside) in ("sure", "likely"))

    def beside(self) -> bool:
        """Decide whether there are devices with link addresses, beside which others are no access to a network."""
        return any(d.linktype not in devices.POINT_TO_POINT for d in self.devices.values())


def how_tunnel(device: Device, beside: bool) -> str:
    """Say how sure it is that a device is a tunnel: sure, likely, uncertain, or "" for a physical one."""
    if device.cooked_tunnel:
        return "sure"
    return "" if device.loopback else devices.how_tunnel(device.name, device.linktype, beside)


def survey_of(stream: BinaryIO, name: str, interface: str = "if0") -> Survey:
    """Read a capture that is called `name`, and its interface `interface` if it names none. Raises CaptureError."""
    info, frames = open_frames(stream, name, interface)
    surveyor = Surveyor(info)
    for frame in frames:
        for part in link.parts(frame):
            surveyor.take(layers.decode(part), frame.linktype)
    return surveyor.survey()


class Surveyor:
    """Makes a survey of packets, given in file order. Whether ESP among them can be opened makes no difference."""

    def __init__(self, info: FileInfo) -> None:
        self._found = Survey(info)
        self._flows: dict[_FlowKey, Flow] = {}
        self._senders: set[int] = set()

    @classmethod
    def in_passing(cls, info: FileInfo) -> Surveyor:
        """Return a surveyor of a file that is read for other reasons: what it notes is not said of the file."""
        return cls(FileInfo(info.kind, info.name, info.interfaces))

    def take(self, packet: Packet, linktype: int) -> None:
        """Look at one packet as `layers.decode` left it: nothing put together, nothing set aside."""
        found = self._found
        interface = _interface(packet, linktype)
        _device(found, packet, interface, linktype)
        if packet.kind == REGISTRATION:
            _registration(found, sighted(packet, linktype))
        elif packet.kind in (IKE, ESP):
            _flow(self._flows, packet, interface)
        elif packet.kind == ADVERTISEMENT and packet.addresses[-1][0] not in self._senders:
            _advert(found, self._senders, packet, interface)

    def again(self, packet: Packet, linktype: int, count: int) -> None:
        """Count `count` more packets of protected data like this one, which was taken."""
        if packet.kind == ESP:
            flow = self._flows.get(("esp", _interface(packet, linktype), packet.addresses))
            if flow is not None:
                flow.packets += count

    def leave(self, more: Iterable[Sighting]) -> None:
        """Leave messages that were not taken to whoever asks for them."""
        self._found.more = more

    def survey(self) -> Survey:
        """Return what was found; there will be no more."""
        found = self._found
        # Those without a frame too; cooked ones are in the frames.
        for interface, linktype in found.info.interfaces.items():
            if linktype not in (SLL, SLL2):
                found.devices.setdefault(interface, Device(interface, linktype, 0))
        found.flows.extend(self._flows.values())
        # Devices are buffered one by one, so that file order is not order of time across them.
        found.requests.sort(key=lambda seen: seen.time)
        found.replies.sort(key=lambda seen: seen.time)
        return found


def in_clear(messages: Iterable[Sighting], tunnels: frozenset[str]) -> set[bytes]:
    """Return the fixed parts of the messages that were seen on a physical interface."""
    return {m.fixed_part for m in messages if not on_tunnel(m, tunnels)}


def on_tunnel(seen: Sighting, tunnels: frozenset[str]) -> bool:
    """Decide whether it was seen on a tunnel device, by its link header or its name."""
    return seen.tunnel or seen.interface in tunnels


def is_unicast(address: int) -> bool:
    """Decide whether it can be somebody's address: 0 and broadcast ask for any home agent (RFC 3344 section 2.3)."""
    return 0 < address < MULTICAST


def _interface(packet: Packet, linktype: int) -> str:
    """Name the interface as `cooked` does: version 1 mixes a tunnel's frames with all others under one name."""
    if packet.device == TUNNEL and linktype == SLL:
        return f"{packet.interface}.tunnel"
    return packet.interface


def _device(found: Survey, packet: Packet, name: str, linktype: int) -> None:
    device = found.devices.get(name)
    if device is None:
        if len(found.devices) >= _DEVICES:
            return
        known = None if linktype in (SLL, SLL2) else linktype
        device = found.devices[name] = Device(name, known, packet.frame)
    device.cooked_tunnel |= packet.device == TUNNEL
    device.loopback |= packet.device == LOOPBACK


def sighted(packet: Packet, linktype: int) -> Sighting | None:
    """Return the registration message that a packet is; None where it is none that counts."""
    message = carried.registration(packet)
    if message.body is None or packet.device == LOOPBACK or packet.interface == "lo":
        return None
    asks = message.is_request and packet.dport == mobileip.PORT
    if not asks and not (message.is_reply and packet.sport == mobileip.PORT):
        return None
    source, target = packet.addresses[-1]
    return Sighting(
        packet.frame,
        packet.time,
        _interface(packet, linktype),
        packet.device == TUNNEL,
        packet.direction,
        len(packet.addresses),
        source,
        target,
        message.body,
        message,
    )


def _registration(found: Survey, seen: Sighting | None) -> None:
    if seen is None:
        return
    into = found.requests if seen.message.is_request else found.replies
    if len(into) >= MESSAGES:
        found.info.note(f"more than {MESSAGES} registration messages: who is who is told by the first of them")
        return
    into.append(seen)


def _flow(flows: dict[_FlowKey, Flow], packet: Packet, interface: str) -> None:
    kind = "ike" if packet.kind == IKE else "esp"
    key = (kind, interface, packet.addresses)
    flow = flows.get(key)
    if flow is None:
        if len(flows) >= _FLOWS:
            return
        flow = flows[key] = Flow(kind, packet.addresses, interface, packet.frame)
    flow.packets += 1
    # RFC 7296 section 3.1, RFC 2408 section 3.1: who begins does not know the other side's SPI (cookie) yet.
    flow.begun |= kind == "ike" and len(packet.payload) >= 18 and not any(packet.payload[8:16])
    if kind == "esp" and len(flow.spis) < _SPIS:
        flow.spis.setdefault(packet.spi, packet.frame)


def _advert(found: Survey, senders: set[int], packet: Packet, interface: str) -> None:
    read = carried.advertisement(packet)
    if read is not None and read.coas and len(packet.addresses) == 1 and len(senders) < _FLOWS:
        source = packet.addresses[-1][0]
        senders.add(source)
        found.adverts.append(Advert(packet.frame, interface, source, read.coas))
