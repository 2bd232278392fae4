"""A frame → the same frame with other addresses and without anybody's data: every header as long as it was.

What is understood keeps its structure; of everything else only the length stays. A checksum that was right is right
again, and one that was wrong stays wrong.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from mipcheck.checker.capture.headers.layers import TRANSPORTS, embedded
from mipcheck.checker.site.site import MnHaKey
from mipcheck.checker.verbs import anonymise_link as link
from mipcheck.checker.verbs import anonymise_messages as messages
from mipcheck.checker.verbs.anonymise_esp import DisguisedAssociations
from mipcheck.checker.verbs.anonymise_fragments import Fragments
from mipcheck.checker.verbs.anonymise_names import Disguise

_DEPTH: Final = 8
_IPIP, _TCP, _UDP, _GRE, _ESP, _AH, _MINIMAL, _ICMP = 4, 6, 17, 47, 50, 51, 55, 1
_ICMPV6: Final = 58
_CUT: Final = {_TCP: 4, _UDP: 4, _ESP: 4, _ICMP: 1}
"""Protocol → bytes of a header that is cut short which say what it is: ports, an SPI, a type."""
_NEIGHBOURS: Final = range(133, 137)
"""Types of messages by which a host looks for routers and neighbours (RFC 4861); they show that a link came up."""


class Rewriter:
    """Rewrites the frames of a capture. `keys` are pairs: a key that was given, and the one that takes its place.

    Where there are fragments, all frames are given twice: first while `fragments.learning`, so that a datagram in
    pieces is rewritten as a whole.
    """

    def __init__(
        self, disguise: Disguise, keys: Sequence[tuple[MnHaKey, MnHaKey]], associations: DisguisedAssociations
    ) -> None:
        self.fragments = Fragments()
        self._disguise, self._keys, self._associations = disguise, keys, associations

    def frame(self, linktype: int, data: bytes) -> bytes:
        """Return what stands for a frame's bytes."""
        new, found = link.rewritten(linktype, data, self._disguise)
        rewrite = {link.IPV4: self.ipv4, link.IPV6: self._ipv6, link.ARP: self._arp}
        for carried in found:
            if carried.kind in rewrite:
                new[carried.start : carried.end] = rewrite[carried.kind](data[carried.start : carried.end])
        return bytes(new)

    # --- packets --------------------------------------------------------------------------------------------------

    def ipv4(self, data: bytes, depth: int = 0) -> bytes:
        """Return what stands for an IPv4 packet, which may be cut."""
        size = (data[0] & 15) * 4 if data else 0
        if len(data) < 20 or data[0] >> 4 != 4 or size < 20 or depth > _DEPTH:
            version = data[:1] if data and data[0] >> 4 == 4 else b""  # a header that is cut short stays one
            return version + bytes(len(data) - len(version))
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
        body, ends = data[size:end], (data[12:20], bytes(head[12:20]))
        place, whole = int.from_bytes(data[6:8], "big"), total <= len(data)
        if not place & 0x3FFF:
            new = self._body(data[9], body, ends, whole, depth)
        else:
            key = data[4:6], data[9], data[12:20]
            new = self._fragment(key, (place & 0x1FFF) * 8, bool(place & 0x2000), body, ends, whole, depth)
        return bytes(head) + new + bytes(len(data) - end)

    def _fragment(
        self,
        key: tuple[bytes, int, bytes],
        start: int,
        more: bool,
        data: bytes,
        ends: tuple[bytes, bytes],
        whole: bool,
        depth: int,
    ) -> bytes:
        """Return what stands for the payload of a fragment: its part of its datagram, if that is there as a whole."""
        datagram = self.fragments.take((*key, depth), start, more, data) if whole else None
        if datagram is not None and (datagram.made is None or datagram.learnt > self.fragments.learning):
            joined = datagram.joined()
            datagram.made = None if joined is None else self._body(key[1], joined, ends, True, depth)
            datagram.learnt = self.fragments.learning
        if datagram is not None and datagram.made is not None:
            return datagram.made[start : start + len(data)]
        return bytes(len(data)) if start else self._body(key[1], data, ends, False, depth)

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
            inner = self.ipv4(data[size:], depth + 1) if kind == link.IPV4 else self._opaque(data[size:], depth)
            return data[:4] + bytes(len(data[4:size])) + inner
        if protocol == _MINIMAL and len(data) >= 8:
            return self._minimal(data, ends, depth)
        if protocol in _CUT:
            return data[: _CUT[protocol]] + bytes(len(data[_CUT[protocol] :]))
        return bytes(len(data)) if protocol in TRANSPORTS else self._opaque(data, depth)

    def _opaque(self, data: bytes, depth: int) -> bytes:
        """Return what stands for what is not known: zeros, but for the IP packet in it that a reader finds."""
        at = embedded(data, 0, len(data))
        if at < 0:  # it may end where fewer bytes were captured
            ends = {n: n + int.from_bytes(data[n + 2 : n + 4], "big") for n, b in enumerate(data[:64]) if b == 0x45}
            at = next((n for n, e in ends.items() if e > len(data) and embedded(data[n:], 0, e - n) == 0), -1)
        return bytes(len(data)) if at < 0 or depth >= _DEPTH else bytes(at) + self.ipv4(data[at:], depth + 1)

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
            if len(body) < 8:
                return body if body == b"\xff" else body[:4] + bytes(len(body[4:]))
            return self._esp(body, ends, depth)
        if 1701 in pair:
            return self._l2tp(body, depth)
        if pair in ((67, 68), (68, 67), (67, 67), (68, 68)):
            return messages.dhcp(body, self._disguise)
        return self._opaque(body, depth)

    def _l2tp(self, data: bytes, depth: int) -> bytes:
        """Return what stands for L2TP (RFC 2661 section 3.1): its header, and the packet in its PPP."""
        flags = int.from_bytes(data[:2], "big")
        if len(data) < 6 or flags & 0x0F != 2:
            return self._opaque(data, depth)
        new = bytearray(len(data))
        at = 6 + 2 * bool(flags & 0x4000) + 4 * bool(flags & 0x0800)
        if flags & 0x8000 or len(data) < at + 4:
            new[:2] = data[:2]
            return bytes(new)
        new[:at] = data[:at]
        if flags & 0x0200:
            new[at : at + 2] = data[at : at + 2]
            at += 2 + int.from_bytes(data[at : at + 2], "big")
        try:
            found = link.ppp(data, at, len(data), new)
        except IndexError:
            return bytes(new)
        if found.kind == link.IPV4:
            new[found.start :] = self.ipv4(data[found.start :], depth + 1)
        elif found.kind == link.IPV6:
            new[found.start :] = self._ipv6(data[found.start :])
        return bytes(new)

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
