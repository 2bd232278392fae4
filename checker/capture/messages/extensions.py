"""Extensions of Mobile IPv4 messages: how they follow each other, and what those that matter here say.

Formats: type-length-value (RFC 3344 section 1.9), long with a subtype and a length of two bytes (1.10), short with
a subtype inside (1.11). Read in full: authentication (RFC 3344 section 3.5, RFC 4721), NAI (RFC 2794, RFC 3846),
challenge (RFC 4721), vendor (RFC 3115), UDP tunnelling (RFC 3519), Trusted Networks Configured (RFC 5265).
"""

from __future__ import annotations

import struct
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

MN_HA: Final = 32
MN_FA: Final = 33
FA_HA: Final = 34
GENERALIZED: Final = 36
OLD_CRITICAL_VENDOR: Final = 37
CRITICAL_VENDOR: Final = 38
UDP_TUNNEL_REPLY: Final = 44
NAI: Final = 131
CHALLENGE: Final = 132
OLD_VENDOR: Final = 133
VENDOR: Final = 134
CARRIED_NAI: Final = 136
UDP_TUNNEL_REQUEST: Final = 144
TNC: Final = 149
"""RFC 5265 section 3.4: Trusted Networks Configured."""

MN_AAA: Final = 1
"""Subtype of generalised authentication; like MN_HA, it enables authorization."""

NAMES: Final = {
    MN_HA: "mobile-home authentication",
    MN_FA: "mobile-foreign authentication",
    FA_HA: "foreign-home authentication",
    GENERALIZED: "generalised authentication",
    OLD_CRITICAL_VENDOR: "critical vendor",
    CRITICAL_VENDOR: "critical vendor",
    UDP_TUNNEL_REPLY: "UDP tunnel reply",
    45: "foreign agent error",
    46: "GFA address",
    47: "proxy mobile IPv4, not skippable",
    NAI: "NAI",
    CHALLENGE: "challenge",
    OLD_VENDOR: "vendor",
    VENDOR: "vendor",
    CARRIED_NAI: "NAI of a server",
    137: "revocation support",
    UDP_TUNNEL_REQUEST: "UDP tunnel request",
    145: "message string",
    148: "mobile network",
    TNC: "trusted networks configured",
}

_LONG_FORM: Final = (GENERALIZED, OLD_CRITICAL_VENDOR, CRITICAL_VENDOR, 47)
_SHORT_FORM: Final = (UDP_TUNNEL_REPLY, CARRIED_NAI, UDP_TUNNEL_REQUEST, TNC)
SKIPPABLE: Final = 128
"""From here on, whoever does not know an extension passes over it; before, the whole message is discarded
(RFC 3344 section 1.8)."""

# Those that follow an ICMP router advertisement are numbered by themselves.
PADDING: Final = 0
MOBILITY_AGENT: Final = 16
PREFIX_LENGTHS: Final = 19
ADVERTISED_CHALLENGE: Final = 24


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension of a message: `start` is the offset of its type, `data` what follows its length and subtype.

    `subtype` is None where its format has none. `length` is what its length field says.
    """

    type: int
    start: int
    data: bytes
    subtype: int | None = None
    length: int = 0

    @property
    def name(self) -> str:
        """What it is called, or its number."""
        return NAMES.get(self.type, f"extension {self.type}")

    @property
    def skippable(self) -> bool:
        """Whether who does not know it passes over it (RFC 3344 section 1.8)."""
        return self.type >= SKIPPABLE


@dataclass(frozen=True, slots=True)
class Vendor:
    """A vendor's extension (RFC 3115): `id` is an enterprise number, `type` the vendor's own."""

    id: int
    type: int
    value: bytes


@dataclass(frozen=True, slots=True)
class TunnelRequest:
    """UDP tunnel request (RFC 3519 section 3.1): `encapsulation` is an IP protocol number."""

    force: bool
    through_agent: bool
    encapsulation: int


@dataclass(frozen=True, slots=True)
class TunnelReply:
    """UDP tunnel reply (RFC 3519 section 3.2): assent is a code below 64; `keepalive` in seconds, 0 the default."""

    code: int
    forced: bool
    keepalive: int


def fixed_size(message: bytes) -> int:
    """Return the octets before the extensions of a request (RFC 3344 section 3.3), or else of a reply (3.4)."""
    return 24 if message[:1] == b"\x01" else 20


def extensions(message: bytes) -> Iterator[Extension]:
    """Yield the extensions of a registration message, as far as they are complete."""
    return _walk(message, fixed_size(message), _LONG_FORM, _SHORT_FORM)


def advertised(icmp: bytes) -> Iterator[Extension]:
    """Yield those of a router advertisement (RFC 1256: before them, a count of addresses and the words of each)."""
    return _walk(icmp, 8 + icmp[4] * icmp[5] * 4, (), (CARRIED_NAI,)) if len(icmp) >= 8 else iter(())


def _walk(message: bytes, at: int, long_form: Container[int], short_form: Container[int]) -> Iterator[Extension]:
    while at < len(message):
        kind = message[at]
        if kind == PADDING:  # one byte, the only extension without a length
            at += 1
            continue
        head = 4 if kind in long_form else 2
        if at + head > len(message):
            return
        length = int.from_bytes(message[at + 2 : at + 4]) if head == 4 else message[at + 1]
        body = at + head
        end = body + length
        if end > len(message):
            return
        subtype = message[at + 1] if head == 4 else None
        if kind in short_form and length:
            subtype, body = message[body], body + 1
        yield Extension(kind, at, message[body:end], subtype, length)
        at = end


def is_torn(message: bytes, walked: Iterable[Extension] | None = None) -> bool:
    """Decide whether the last extension of `message` claims to be longer than it, so that it is malformed.

    `walked` are the extensions of `message`, where they are known already.
    """
    at = fixed_size(message)
    for extension in extensions(message) if walked is None else walked:
        at = extension.start + (4 if extension.type in _LONG_FORM else 2) + extension.length
    return any(message[at:])


def authenticator_of(extension: Extension) -> tuple[int, bytes]:
    """Return SPI and authenticator of an authentication extension; SPI 0 (reserved) where it is too short for one."""
    return int.from_bytes(extension.data[:4]) if len(extension.data) >= 4 else 0, extension.data[4:]


def nai(extension: Extension) -> str:
    """Return the network access identifier as one word of a log; "" if the extension has none."""
    if extension.type not in (NAI, CARRIED_NAI):
        return ""
    text = extension.data.rstrip(b"\0").decode("utf-8", "replace")
    return "".join(c if c.isascii() and c.isprintable() and c not in ' ="#' else "_" for c in text)


def vendor(extension: Extension) -> Vendor | None:
    """Read a vendor's extension (RFC 3115 section 2, RFC 3025); None for another one or one that is too short."""
    if extension.type in (OLD_CRITICAL_VENDOR, CRITICAL_VENDOR) and len(extension.data) >= 6:
        number, kind = struct.unpack_from("!IH", extension.data)
        return Vendor(number, kind, extension.data[6:])
    if extension.type in (OLD_VENDOR, VENDOR) and len(extension.data) >= 8:
        number, kind = struct.unpack_from("!2xIH", extension.data)
        return Vendor(number, kind, extension.data[8:])
    return None


def tunnel_request(extension: Extension) -> TunnelRequest | None:
    """Read a tunnel request (RFC 3519 section 3.1); None for another subtype or length, or reserved bits set."""
    if (extension.type, extension.subtype, extension.length) != (UDP_TUNNEL_REQUEST, 0, 6):
        return None
    flags, encapsulation, rest = struct.unpack("!xBBH", extension.data)
    return None if rest else TunnelRequest(bool(flags & 0x80), bool(flags & 0x40), encapsulation)


def tunnel_reply(extension: Extension) -> TunnelReply | None:
    """Read a tunnel reply (RFC 3519 section 3.2); None for another extension, subtype or length."""
    if (extension.type, extension.subtype, extension.length) != (UDP_TUNNEL_REPLY, 0, 6):
        return None
    code, flags, keepalive = struct.unpack("!BHH", extension.data)
    return TunnelReply(code, bool(flags & 0x8000), keepalive)


def is_tnc(extension: Extension) -> bool:
    """Decide whether it says that the trusted networks are configured (RFC 5265 section 3.4)."""
    return extension.type == TNC and extension.subtype == 0
