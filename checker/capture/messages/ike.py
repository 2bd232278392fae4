"""Key exchange: ISAKMP and IKEv1 (RFC 2408, 2409), IKEv2 (RFC 7296), as far as it is in the clear.

That is the header of every message, and the payloads of the first ones: vendor ids and NAT detection. What follows is
encrypted, deletion included (see `sealed`), except for an IKEv1 informational message that is sent before there are
keys.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import Final, NamedTuple

HEADER: Final = struct.Struct("!8s8sBBBBII")
_ENCRYPTED: Final = 0x01
"""Flag of IKEv1; IKEv2 has a payload for what is encrypted."""
_RESPONSE: Final = 0x20
_SEALED: Final = (46, 53)
"""IKEv2 payloads that hold everything after them, encrypted (53 in fragments, RFC 7383)."""

EXCHANGES: Final = {
    1: {1: "base", 2: "main mode", 4: "aggressive mode", 5: "informational", 6: "transaction", 32: "quick mode"},
    2: {34: "IKE_SA_INIT", 35: "IKE_AUTH", 36: "CREATE_CHILD_SA", 37: "INFORMATIONAL"},
}
_FIRST: Final = {1: (1, 2, 4), 2: (34,)}
"""Exchanges with which a key exchange begins."""
_VENDOR: Final = {1: 13, 2: 43}
_DELETE: Final = {1: 12, 2: 42}
_NOTIFY: Final = {1: 11, 2: 41}
_NAT_DETECTION: Final = {1: (20, 15, 130), 2: (16388, 16389)}
"""Payloads of IKEv1 (RFC 3947 and its drafts), notifications of IKEv2 (RFC 7296 section 2.23)."""
_CREATE_CHILD_SA: Final = 36
_UPDATE_SA_ADDRESSES: Final = 16400
_STATUS: Final = 16384
"""The first of the notifications that are no errors."""
_MAX_PAYLOADS: Final = 64

ISAKMP: Final = 1
AH: Final = 2
ESP: Final = 3
"""Protocols of which an association can be deleted (RFC 2407 section 4.4.1)."""

VENDORS: Final = {
    "4a131c81070358455c5728f20e95452f": "NAT traversal (RFC 3947)",
    "7d9419a65310ca6f2c179d9215529d56": "NAT traversal (draft 03)",
    "90cb80913ebb696e086381b5ec427b1f": "NAT traversal (draft 02)",
    "cd60464335df21f87cfdb2fc68b6a448": "NAT traversal (draft 02)",
    "4485152d18b6bbcd0be8a8469579ddcc": "NAT traversal (draft 00)",
    "afcad71368a1f1c96b8696fc77570100": "dead peer detection (RFC 3706)",
    "09002689dfd6b712": "XAUTH",
    "12f5f28c457168a9702d9fe274cc0100": "Cisco Unity",
    "882fe56d6fd20dbc2251613b2ebe5beb": "strongSwan",
}
"""Vendor ids in hexadecimal. The draft leaves the one of its appendix B open ("XXX"), so that none tells VPN/FA."""
_FRAGMENTATION: Final = "4048b7d56ebce88525e7de7f00d6c2d3"
"""Four bytes of flags may follow."""


class Payload(NamedTuple):
    """`data` is what follows the generic header of four bytes."""

    type: int
    data: bytes


class Deletion(NamedTuple):
    """`protocol` is ISAKMP, AH or ESP."""

    protocol: int
    spis: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class IkeMessage:
    """`initiator` and `responder` are the SPIs (cookies in IKEv1), eight bytes each; `payloads` those in the clear."""

    version: int
    initiator: bytes
    responder: bytes
    exchange: int
    message_id: int
    encrypted: bool
    response: bool
    """Known of IKEv2 only."""
    payloads: tuple[Payload, ...]

    @property
    def begins(self) -> bool:
        """Whether a key exchange begins with it; it may be sent again, even changed (RFC 7296 section 2.6)."""
        return not any(self.responder) and self.exchange in _FIRST[self.version] and not self.response

    @property
    def vendors(self) -> tuple[str, ...]:
        """Names of the vendor ids; an unknown one by its first bytes."""
        return tuple(_vendor(p.data.hex()) for p in self.payloads if p.type == _VENDOR[self.version])

    @property
    def detects_nat(self) -> bool:
        """Whether it carries what finds out whether there is NAT in between."""
        known = _NAT_DETECTION[self.version]
        if self.version == 1:
            return any(p.type in known for p in self.payloads)
        return any(n in known for n in self.notifications)

    @property
    def notifications(self) -> tuple[int, ...]:
        at = 6 if self.version == 1 else 2
        kind = _NOTIFY[self.version]
        return tuple(int.from_bytes(p.data[at : at + 2]) for p in self.payloads if p.type == kind and len(p.data) > at)

    @property
    def deletions(self) -> tuple[Deletion, ...]:
        """RFC 2408 section 3.15, RFC 7296 section 3.11."""
        at = 4 if self.version == 1 else 0
        return tuple(
            _deletion(p.data[at:]) for p in self.payloads if p.type == _DELETE[self.version] and len(p.data) >= at + 4
        )

    @property
    def updates_address(self) -> bool:
        """Whether it asks to take its source address as the tunnel's end (MOBIKE, RFC 4555 section 3.5)."""
        return self.version == 2 and not self.response and _UPDATE_SA_ADDRESSES in self.notifications

    @property
    def refuses(self) -> bool:
        """Whether it tells an error (RFC 7296 section 3.10.1)."""
        return self.version == 2 and any(n < _STATUS for n in self.notifications)

    @property
    def rekeys(self) -> bool:
        """Whether it makes new keys for an association that there is (RFC 7296 section 1.3): what it replaces is
        deleted soon, and nothing ends by that."""
        return self.version == 2 and self.exchange == _CREATE_CHILD_SA

    @property
    def name(self) -> str:
        """The exchange."""
        return EXCHANGES[self.version].get(self.exchange, f"exchange {self.exchange}")


def detected_nat(message: IkeMessage, addresses: tuple[int, int], ports: tuple[int, int]) -> bool | None:
    """Tell what a receiver finds out from a message that came with these addresses and ports: whether there is a NAT.

    None where the message says nothing. Each end sends a hash of both ends as it sees them, with the SPIs (RFC 7296
    section 2.23); in IKEv1 that of the other end comes first, in the hash of the exchange (RFC 3947 section 3.2).
    """
    if message.version == 1:
        told = [p.data for p in message.payloads if p.type in _NAT_DETECTION[1]]
        sources, targets = told[1:], told[:1]
    else:
        notes = [p.data for p in message.payloads if p.type == _NOTIFY[2] and len(p.data) >= 4]
        sources, targets = ([d[4 + d[1] :] for d in notes if d[2:4] == kind.to_bytes(2)] for kind in _NAT_DETECTION[2])
    if not sources or not targets:
        return None
    spis = message.initiator + message.responder
    source, target = (spis + a.to_bytes(4) + p.to_bytes(2) for a, p in zip(addresses, ports, strict=True))
    return not any(_is_hash(t, source) for t in sources) or not any(_is_hash(t, target) for t in targets)


def _is_hash(told: bytes, data: bytes) -> bool:
    """Decide whether something is a hash of the data, by the function that its length tells."""
    name = _HASHES.get(len(told))
    return name is not None and hashlib.new(name, data, usedforsecurity=False).digest() == told


_HASHES: Final = {16: "md5", 20: "sha1", 32: "sha256", 48: "sha384", 64: "sha512"}


def read_message(data: bytes) -> IkeMessage | None:
    """Read a message as far as it was captured; None if its header is cut or of another version."""
    if len(data) < HEADER.size:
        return None
    initiator, responder, following, version, exchange, flags, message_id, _ = HEADER.unpack_from(data)
    version >>= 4
    if version not in (1, 2):
        return None
    encrypted = bool(flags & _ENCRYPTED) if version == 1 else following in _SEALED
    payloads = () if encrypted else payloads_of(data, following, HEADER.size)
    response = version == 2 and bool(flags & _RESPONSE)
    return IkeMessage(version, initiator, responder, exchange, message_id, encrypted, response, payloads)


def payloads_of(data: bytes, kind: int, at: int) -> tuple[Payload, ...]:
    """Return the payloads that are in the clear, the first of which is of a `kind` and begins `at`."""
    found: list[Payload] = []
    while kind and kind not in _SEALED and at + 4 <= len(data) and len(found) < _MAX_PAYLOADS:
        following, length = struct.unpack_from("!BxH", data, at)
        if length < 4 or at + length > len(data):
            break
        found.append(Payload(kind, data[at + 4 : at + length]))
        kind, at = following, at + length
    return tuple(found)


def _vendor(word: str) -> str:
    if word in VENDORS:
        return VENDORS[word]
    return "fragmentation" if word.startswith(_FRAGMENTATION) else f"unknown ({word[:16]})"


def published(vendor: bytes) -> bool:
    """Decide whether a vendor id is one that everybody knows."""
    return not _vendor(vendor.hex()).startswith("unknown")


def moved_hash(told: bytes, before: bytes, after: bytes) -> bytes | None:
    """Return the hash of what comes `after` where a hash is that of what was `before`, else None."""
    return hashlib.new(_HASHES[len(told)], after, usedforsecurity=False).digest() if _is_hash(told, before) else None


def _deletion(data: bytes) -> Deletion:
    protocol, size, count = struct.unpack_from("!BBH", data)
    spis = [
        data[4 + i * size : 4 + (i + 1) * size] for i in range(count if size else 0) if 4 + (i + 1) * size <= len(data)
    ]
    return Deletion(protocol, tuple(spis))
