"""A frame → the same frame with other addresses and without anybody's data: every header as long as it was.

What is understood keeps its structure; of everything else only the length stays. A checksum that was right is right
again, and one that was wrong stays wrong.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from mipcheck.checker.capture.frames.frame import SLL, SLL2
from mipcheck.checker.capture.headers import link
from mipcheck.checker.capture.headers.packet import Packet
from mipcheck.checker.site.site import MnHaKey
from mipcheck.checker.verbs import anonymise_messages as messages
from mipcheck.checker.verbs.anonymise_esp import DisguisedAssociations
from mipcheck.checker.verbs.anonymise_names import Disguise

_DEPTH: Final = 8
_IPIP, _TCP, _UDP, _GRE, _ESP, _AH, _MINIMAL, _ICMP = 4, 6, 17, 47, 50, 51, 55, 1
_ICMPV6: Final = 58
_NEIGHBOURS: Final = range(133, 137)
"""Types of messages by which a host looks for routers and neighbours (RFC 4861); they show that a link came up."""
_LINK_ADDRESSES: Final = {link.ETHERNET: ((0, 6), (6, 12)), SLL: ((6, 14),), SLL2: ((12, 20),)}
"""Link type → where its link addresses are; those of Linux are padded."""


class Rewriter:
    """Rewrites the frames of a capture. `keys` are pairs: a key that was given, and the one that takes its place."""

    def __init__(
        self, disguise: Disguise, keys: Sequence[tuple[MnHaKey, MnHaKey]], associations: DisguisedAssociations
    ) -> None:
        self._disguise, self._keys, self._associations = disguise, keys, associations

    def frame(self, linktype: int, data: bytes) -> bytes:
        """Return what stands for a frame's bytes."""
        packet = Packet(1, 0, "", len(data))
        try:
            at = link.ip_offset(packet, linktype, data)
        except (struct.error, IndexError):
            at = -1
        new = bytearray(data)
        for start, stop in _LINK_ADDRESSES.get(linktype, ()):
            size = 6
            new[start : start + size] = self._disguise.link_address(data[start : start + size])[: len(new) - start]
            new[start + size : stop] = bytes(len(new[start + size : stop]))
        if at >= 0 and (linktype in _LINK_ADDRESSES or linktype in link.RAW or linktype in (0, 108)):
            new[at:] = self.ipv4(data[at:])
            return bytes(new)
        head = {link.ETHERNET: 14, SLL: 16, SLL2: 20}.get(linktype, 4 if linktype in (0, 108) else 0)
        body = data[head:]
        if data[head - 2 : head] == b"\x08\x06" and linktype in (link.ETHERNET, SLL):
            body = self._arp(body)
        elif body[:1] and body[0] >> 4 == 6:
            body = self._ipv6(body)
        else:
            body = bytes(len(body))
        return bytes(new[:head]) + body

    # --- packets --------------------------------------------------------------------------------------------------

    def ipv4(self, data: bytes, depth: int = 0) -> bytes:
        """Return what stands for an IPv4 packet, which may be cut."""
        size = (data[0] & 15) * 4 if data else 0
        if len(data) < 20 or data[0] >> 4 != 4 or size < 20 or depth > _DEPTH:
            return bytes(len(data))
        head = bytearray(data[:size])
        right = _sum(head) == 0xFFFF
        for at in (12, 16):
            head[at : at + 4] = self._address(data[at : at + 4])
        head[20:] = b"\x01" * len(head[20:])  # options hold addresses: no operation
        if right:
            head[10:12] = b"\0\0"
            head[10:12] = struct.pack("!H", _sum(head) ^ 0xFFFF)
        else:
            head[10:12] = struct.pack("!H", (_zeroed_sum(head, 10) ^ 0xFFFF) ^ 1)
        total = int.from_bytes(data[2:4], "big")
        end = total if size <= total <= len(data) else len(data)
        later = int.from_bytes(data[6:8], "big") & 0x1FFF
        body = data[size:end]
        if later:
            new = bytes(len(body))
        else:
            whole = total <= len(data) and not data[6] & 0x20
            new = self._body(data[9], body, (data[12:20], bytes(head[12:20])), whole, depth)
        return bytes(head) + new + bytes(len(data) - end)

    def _body(self, protocol: int, data: bytes, ends: tuple[bytes, bytes], whole: bool, depth: int) -> bytes:
        """Return what stands for the payload of a packet; `ends` are its addresses, as they were and as they are."""
        if protocol == _IPIP:
            return self.ipv4(data, depth + 1)
        if protocol == _UDP and len(data) >= 8:
            body = self._udp(data[:4], data[8:], ends, depth)
            return _with_checksum(data, data[:8] + body, 6, ends, _UDP, whole)
        if protocol == _TCP and len(data) >= 20:
            size = min(max(20, (data[12] >> 4) * 4), len(data))
            kept = data[:20] + b"\x01" * (size - 20) + bytes(len(data) - size)
            return _with_checksum(data, kept, 16, ends, _TCP, whole)
        if protocol == _ICMP and len(data) >= 8:
            return _with_checksum(data, self._icmp(data, depth), 2, None, _ICMP, whole)
        if protocol == _ESP and len(data) >= 8:
            return self._esp(data, ends, depth)
        if protocol == _AH and len(data) >= 12:
            size = min((data[1] + 2) * 4, len(data))
            head = data[:12] + self._disguise.noise(data[12:size], max(0, size - 12))
            return head[: len(data)] + self._body(data[0], data[size:], ends, False, depth + 1)
        if protocol == _GRE and len(data) >= 4:
            flags, kind = struct.unpack_from("!HH", data)
            size = 4 + 4 * sum(bool(flags & bit) for bit in (0x8000, 0x2000, 0x1000))
            inner = self.ipv4(data[size:], depth + 1) if kind == link.IPV4 else bytes(len(data[size:]))
            return data[:4] + bytes(len(data[4:size])) + inner
        if protocol == _MINIMAL and len(data) >= 8:
            return self._minimal(data, ends, depth)
        return bytes(len(data))

    def _minimal(self, data: bytes, ends: tuple[bytes, bytes], depth: int) -> bytes:
        """Return what stands for a packet in minimal encapsulation (RFC 2004)."""
        size = 12 if data[1] & 0x80 else 8
        head = bytearray(data[:size])
        right = _sum(head) == 0xFFFF
        for at in range(4, size, 4):
            head[at : at + 4] = self._address(data[at : at + 4])
        if right:
            head[2:4] = b"\0\0"
            head[2:4] = struct.pack("!H", _sum(head) ^ 0xFFFF)
        return bytes(head) + self._body(data[0], data[size:], ends, False, depth + 1)

    def _udp(self, ports: bytes, body: bytes, ends: tuple[bytes, bytes], depth: int) -> bytes:
        """Return what stands for the payload of a UDP datagram."""
        pair = struct.unpack("!HH", ports)
        if 434 in pair:
            if body[:1] == b"\x04" and len(body) >= 4:  # RFC 3519: a packet in UDP
                return body[:4] + self._body(body[1], body[4:], ends, False, depth + 1)
            return messages.registration(body, self._disguise, self._keys)
        if 500 in pair:
            return messages.ike(body, self._disguise, ends, ports)
        if 4500 in pair:
            if body[:4] == b"\0\0\0\0":
                return body[:4] + messages.ike(body[4:], self._disguise, ends, ports)
            return body if len(body) < 8 else self._esp(body, ends, depth)
        if pair in ((67, 68), (68, 67), (67, 67), (68, 68)):
            return messages.dhcp(body, self._disguise)
        return bytes(len(body))

    def _esp(self, data: bytes, ends: tuple[bytes, bytes], depth: int) -> bytes:
        """Return what stands for ESP, opened or not."""

        def inside(protocol: int, body: bytes) -> bytes:
            return self._body(protocol, body, ends, True, depth + 1)

        made = self._associations.rewritten(data, inside)
        return data[:8] + self._disguise.noise(data[8:], len(data) - 8) if made is None else made

    def _icmp(self, data: bytes, depth: int) -> bytes:
        """Return what stands for an ICMP message."""
        if data[0] == 9:
            return messages.advertisement(data, self._disguise)
        if data[0] in (3, 4, 5, 11, 12):
            gateway = self._address(data[4:8]) if data[0] == 5 else data[4:8]
            return data[:4] + gateway + self.ipv4(data[8:], depth + 1)
        return data[:8] + bytes(len(data) - 8)

    def _arp(self, data: bytes) -> bytes:
        """Return what stands for ARP over Ethernet."""
        if len(data) < 28 or data[:6] != b"\0\1\x08\0\6\4":
            return bytes(len(data))
        parts = [data[:8]]
        for at in (8, 18):
            parts += [self._disguise.link_address(data[at : at + 6]), self._address(data[at + 6 : at + 10])]
        return b"".join(parts) + bytes(len(data) - 28)

    def _ipv6(self, data: bytes) -> bytes:
        """Return what stands for an IPv6 packet: how far its addresses reach stays, and which neighbour it asks for."""
        if len(data) < 40:
            return bytes(len(data))
        ends = b"".join(self._ipv6_address(data[at : at + 16]) for at in (8, 24))
        body = data[40:]
        if data[6] != _ICMPV6 or len(body) < 8 or body[0] not in _NEIGHBOURS:
            return data[:8] + ends + bytes(len(body))
        new = body[:8] + bytes(len(body) - 8)
        if body[0] in (135, 136) and len(body) >= 24:
            new = body[:8] + self._ipv6_address(body[8:24]) + bytes(len(body) - 24)
        whole = int.from_bytes(data[4:6], "big") == len(body)
        return data[:8] + ends + _with_checksum(body, new, 2, (data[8:40], ends), _ICMPV6, whole)

    def _ipv6_address(self, data: bytes) -> bytes:
        """Return what stands for an IPv6 address; the unspecified one, which asks whether an address is free, stays."""
        return data[:2] + self._disguise.noise(data, 14) if any(data) else data

    def _address(self, data: bytes) -> bytes:
        return messages.address(data, self._disguise)


# --- checksums ----------------------------------------------------------------------------------------------------


def _sum(data: bytes | bytearray) -> int:
    """Return the ones' complement sum of 16-bit words (RFC 1071)."""
    padded = bytes(data) + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def _zeroed_sum(data: bytes | bytearray, at: int) -> int:
    """Return the sum as if the two bytes at `at` were zero."""
    return _sum(bytes(data[:at]) + b"\0\0" + bytes(data[at + 2 :]))


def _with_checksum(
    old: bytes, new: bytes, at: int, ends: tuple[bytes, bytes] | None, protocol: int, whole: bool
) -> bytes:
    """Return `new` with a checksum at `at` that is as right or wrong as that of `old`; of what is cut, nobody knows."""
    given = old[at : at + 2]
    if protocol == _UDP and given == b"\0\0":
        return new[:at] + given + new[at + 2 :]
    pseudo = [b"" if ends is None else e + struct.pack("!HH", protocol, len(old)) for e in (ends or (b"", b""))]
    right = whole and _sum(pseudo[0] + old) == 0xFFFF
    value = _zeroed_sum(pseudo[1] + new, len(pseudo[1]) + at) ^ 0xFFFF
    if whole and not right:
        value ^= 1
    if protocol == _UDP and value == 0:
        value = 0xFFFF
    return new[:at] + struct.pack("!H", value) + new[at + 2 :]
