"""ESP (RFC 4303) opened with the keys that the site gives, so that the signalling inside can be checked.

What does not pass its integrity check is not read, nor what passes it and is decrypted to noise. Extended sequence
numbers are recognised while their upper half is still 0.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final, NamedTuple

from mipcheck.checker.capture.frames.frame import Frame
from mipcheck.checker.capture.headers import layers
from mipcheck.checker.capture.headers.packet import ASIDE, Packet
from mipcheck.checker.capture.messages.ciphers import Box, UnusableKey
from mipcheck.checker.site.site import EspSa

_HEADER: Final = 8
"""Bytes of SPI and sequence number."""
_TRAILER: Final = 2
"""Bytes of the length of padding and the next header."""
_IPV4: Final = 4
_NOTHING: Final = 59
DUMMY: Final = "esp dummy"
"""Why a packet is set aside that only hides how much traffic there is (RFC 4303 section 2.6: next header 59)."""
_CARRIED: Final = frozenset({1, _IPV4, 6, 17, 41, _NOTHING})
"""Protocols that are found in ESP: ICMP, IPv4, TCP, UDP, IPv6, nothing."""
_RAW_IP: Final = 101
_PADDING: Final = bytes(range(1, 256))
_NO_HIGH_HALF: Final = b""
_HIGH_HALF: Final = bytes(4)
"""What the integrity check covers besides the packet: with extended sequence numbers, their unsent upper half."""


class Opened(NamedTuple):
    """What an ESP packet holds: the protocol (4 in tunnel mode) and its data, without padding."""

    next_header: int
    data: bytes


class EspAssociation:
    """One security association with its keys. Raises UnusableKey."""

    def __init__(self, sa: EspSa) -> None:
        self._box = Box(sa.encryption, sa.encryption_key, sa.integrity, sa.integrity_key)
        self._formats = [(length, high) for high in (_NO_HIGH_HALF, _HIGH_HALF) for length in self._box.icvs]
        self.noise = 0
        """Packets that pass what checks them, if anything does, and make no sense: one of the keys is wrong."""

    @property
    def icv(self) -> int:
        """Bytes of the integrity check value of the packet that was opened last."""
        return self._formats[0][0]

    def open(self, packet: bytes) -> Opened | None:
        """Return the inside of an ESP packet that starts with its SPI; None if it is cut or these are not its keys."""
        opened, passed = self.look(packet)
        self.noise += passed and opened is None
        return opened

    def look(self, packet: bytes) -> tuple[Opened | None, bool]:
        """Do the same without counting; also tell whether it passed what checks it."""
        passed = False
        for index, (length, high) in enumerate(self._formats):
            clear = self._clear(packet, length, high)
            opened = None if clear is None else self._inside(clear)
            if opened is not None:
                if index:  # the other packets of the association will be like this one
                    self._formats.insert(0, self._formats.pop(index))
                return opened, True
            passed = passed or clear is not None
        return None, passed

    def _inside(self, clear: bytes) -> Opened | None:
        """Return what the clear text holds; None if it is noise."""
        opened = _trailer(clear)
        if opened is None or self._box.combined or _makes_sense(opened, clear, self._box.checks):
            return opened
        return None

    def _clear(self, packet: bytes, icv: int, high: bytes) -> bytes | None:
        associated = packet[:4] + high + packet[4:_HEADER] if self._box.combined else b""  # RFC 4106 section 5
        clear = self._box.open(packet, _HEADER, icv, associated, high)
        return None if clear is None or len(clear) < _TRAILER else clear


class Keyring:
    """All associations of a site: opens packets, and keeps count of what could not be opened, by SPI."""

    def __init__(self, sas: Iterable[EspSa]) -> None:
        self.unusable: dict[int, str] = {}
        """SPI → why its keys cannot be used."""
        self.opened: Counter[int] = Counter()
        """Packets by SPI, as in the others."""
        self.wrong: Counter[int] = Counter()
        self.cut: Counter[int] = Counter()
        """Packets that are fragments or were captured in part only."""
        self._unused: set[int] = set()
        self._associations: dict[int, EspAssociation] = {}
        for sa in sas:
            try:
                self._associations[sa.spi] = EspAssociation(sa)
            except UnusableKey as error:
                self.unusable[sa.spi] = str(error)

    def has(self, spi: int) -> bool:
        """Decide whether there are usable keys for an SPI."""
        return spi in self._associations

    def fits(self, spi: int) -> bool:
        """Decide whether the keys of an SPI are right, of which one packet is enough: others anybody may have sent.

        But they opened no fewer than came to noise, since that may look like a packet by chance.
        """
        return self.opened[spi] > 0 and self.opened[spi] >= self._associations[spi].noise

    def complaints(self, told: Collection[int] = ()) -> list[str]:
        """Say what did not work with the keys of packets that were there, but for those of SPIs in `told`."""
        found = [f"the [[esp_sa]] keys of SPI {spi:#010x} are not used: {self.unusable[spi]}" for spi in self._unused]
        for spi, count in ((spi, count) for spi, count in sorted(self.wrong.items()) if spi not in told):
            what = f"{count} of {count + self.opened[spi]} packets with SPI {spi:#010x}"
            found.append(f"{what} do not fit their [[esp_sa]] keys, and were not opened")
        return found

    def look(self, spi: int, packet: bytes) -> tuple[bytes | None, bool]:
        """Return the IPv4 packet that ESP in tunnel mode holds, None where it is not as simple, and whether the reason
        is that it does not pass what checks it. Nothing is counted."""
        association = self._associations.get(spi)
        if association is None:
            return None, False
        opened, passed = association.look(packet)
        if opened is None:
            return None, not passed
        return opened.data if opened.next_header == _IPV4 else None, False

    def inside(self, packet: Packet, clear: bytes | None = None) -> Packet | None:
        """Return the packet inside the ESP `packet`, of the same frame, time and interface; None if it cannot be had.

        `clear` is what `look` has returned of it, if that was asked.
        `addresses` are those inside (in transport mode, those of the ESP packet); `stack` is that of both.
        """
        association = self._associations.get(packet.spi)
        if association is None or not packet.payload:
            if packet.spi in self.unusable:
                self._unused.add(packet.spi)
            return None
        if not packet.whole:
            self.cut[packet.spi] += 1
            return None
        opened = association.open(packet.payload) if clear is None else Opened(_IPV4, clear)
        if opened is None:
            self.wrong[packet.spi] += 1
            return None
        self.opened[packet.spi] += 1
        return _packet(packet, opened)


def tunnelled(outer: Packet, data: bytes) -> Packet:
    """Return the packet inside of ESP in tunnel mode."""
    return _packet(outer, Opened(_IPV4, data))


def _packet(outer: Packet, opened: Opened) -> Packet:
    data, shared = opened.data, ""
    if opened.next_header == _NOTHING:
        return replace(outer, kind=ASIDE, why=DUMMY, payload=b"")
    if opened.next_header != _IPV4:
        # Transport mode: the IP header is the one before ESP.
        shared = "ip"
        source, target = outer.addresses[-1]
        data = struct.pack("!BxHIBBxxII", 0x45, 20 + len(data), 0, 64, opened.next_header, source, target) + data
    inner = layers.decode(Frame(outer.frame, outer.time, outer.interface, _RAW_IP, data, len(data), outer.direction))
    inner.stack = outer.stack + (inner.stack.removeprefix("ip") if shared else f"/{inner.stack}" * bool(inner.stack))
    inner.length, inner.device = outer.length, outer.device
    inner.source_mac, inner.target_mac = outer.source_mac, outer.target_mac
    inner.identity = layers.identify(inner, data) if inner.addresses and not shared else b""
    return inner


def _trailer(clear: bytes) -> Opened | None:
    """Take off what ends the clear text (RFC 4303 section 2.4): padding, its length, next header."""
    if len(clear) < 2:
        return None
    length, next_header = clear[-2], clear[-1]
    end = len(clear) - 2 - length
    return None if end < 0 else Opened(next_header, clear[:end])


def _makes_sense(opened: Opened, clear: bytes, checked: bool) -> bool:
    """Decide whether the key that decrypts was right: a check value of its own key, if one was `checked`, says nothing.

    The padding has to be the default one (1, 2, 3, …), before a protocol that is carried in ESP; padding of any other
    kind, or any protocol, does where the value fits and what is inside shows itself as an IPv4 packet, or as padded.
    """
    padding = clear[len(opened.data) : -2]
    default = padding == _PADDING[: len(padding)]
    if default and opened.next_header in _CARRIED:
        return True
    if not checked:
        return False
    data = opened.data
    whole = len(data) >= 20 and data[0] >> 4 == 4 and int.from_bytes(data[2:4], "big") <= len(data)
    return (default and len(padding) > 1) or (opened.next_header == _IPV4 and whole)
