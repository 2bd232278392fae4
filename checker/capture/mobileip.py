"""Mobile IPv4 messages: registration requests and replies, agent advertisements (RFC 3344), decoded in full."""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from mipcheck.checker.site import MnHaKey

PORT: Final = 434
REQUEST: Final = 1
REPLY: Final = 3
TUNNEL_DATA: Final = 4
"""RFC 3519 section 3.3: user data in UDP."""

_FLAGS: Final = ((0x80, "S"), (0x40, "B"), (0x20, "D"), (0x10, "M"), (0x08, "G"), (0x04, "r"), (0x02, "T"))
_MN_HA: Final = 32
_TNC: Final = 149
"""RFC 5265 section 3.4."""
_LONG_FORM: Final = (36, 37, 38)
"""Generalised authentication (RFC 4721) and critical vendor extensions (RFC 3115) have a length of two bytes."""
_MOBILITY_AGENT: Final = 16


@dataclass(frozen=True, slots=True)
class Request:
    """Registration request (RFC 3344 section 3.3); addresses as int, lifetime in seconds."""

    flags: frozenset[str]
    lifetime: int
    home: int
    agent: int
    coa: int
    id: int


@dataclass(frozen=True, slots=True)
class Reply:
    """Registration reply (RFC 3344 section 3.4)."""

    code: int
    lifetime: int
    home: int
    agent: int
    id: int


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension of a message: `start` is the offset of its type, `data` what follows its length."""

    type: int
    start: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Advertisement:
    """Mobility agent advertisement extension (RFC 3344 section 2.1.1)."""

    sequence: int
    lifetime: int
    flags: int
    coas: tuple[int, ...]


def read_request(message: bytes) -> Request | None:
    """The fixed part of a registration request; None if it is cut short or something else."""
    if len(message) < 24 or message[0] != REQUEST:
        return None
    flags, lifetime, home, agent, coa, identification = struct.unpack_from("!xBHIIIQ", message)
    letters = frozenset(letter for bit, letter in _FLAGS if flags & bit)
    return Request(letters, lifetime, home, agent, coa, identification)


def read_reply(message: bytes) -> Reply | None:
    """The fixed part of a registration reply; None if it is cut short or something else."""
    if len(message) < 20 or message[0] != REPLY:
        return None
    return Reply(*struct.unpack_from("!xBHIIQ", message))


def fixed_part(message: bytes) -> bytes:
    """What identifies a message even where a copy of it was captured with a shorter snap length."""
    return message[: 24 if message[:1] == b"\x01" else 20]


def extensions(message: bytes) -> Iterator[Extension]:
    """Those after the fixed part, as far as they are complete (RFC 3344 sections 1.8 to 1.11)."""
    at = 24 if message[:1] == b"\x01" else 20
    while at < len(message):
        kind = message[at]
        if kind == 0:  # one byte of padding, the only extension without a length
            at += 1
            continue
        if kind in _LONG_FORM:
            if at + 4 > len(message):
                return
            body, length = at + 4, int.from_bytes(message[at + 2 : at + 4])
        else:
            if at + 2 > len(message):
                return
            body, length = at + 2, message[at + 1]
        if body + length > len(message):
            return
        yield Extension(kind, at, message[body : body + length])
        at = body + length


def authentication(message: bytes, agent: str, keys: Iterable[MnHaKey], whole: bool = True) -> str:
    """ok, bad, absent or unchecked: the mobile-home authentication of a message of `agent` (iha or xha).

    RFC 3344 section 3.5.1: it covers the message up to and with the extension's SPI. A key for another SPI
    cannot check anything. `whole` says that the message was captured to its end.
    """
    for extension in extensions(message):
        if extension.type != _MN_HA or len(extension.data) < 4:
            continue
        spi = int.from_bytes(extension.data[:4])
        covered, given = message[: extension.start + 6], extension.data[4:]
        known = [key for key in keys if key.agent == agent and key.spi == spi]
        if not known:
            return "unchecked"
        return "ok" if any(hmac.compare_digest(authenticator(covered, key), given) for key in known) else "bad"
    return "absent" if whole else "unchecked"


def authenticator(covered: bytes, key: MnHaKey) -> bytes:
    """What the authenticator has to be: HMAC-MD5 (RFC 3344), or MD5 in prefix+suffix mode (RFC 2002)."""
    if key.algorithm == "keyed-md5":
        return hashlib.md5(key.key + covered + key.key, usedforsecurity=False).digest()
    return hmac.digest(key.key, covered, "md5")


def trusted_networks_configured(message: bytes) -> bool:
    """Whether a reply carries the extension by which RFC 5265 vouches for the networks the i-HA is reached from."""
    return any(e.type == _TNC and e.data[:1] == b"\0" for e in extensions(message))


def read_advertisement(icmp: bytes) -> Advertisement | None:
    """The mobility extension of a router advertisement (ICMP type 9, RFC 1256); None if it has none."""
    if len(icmp) < 8:
        return None
    at = 8 + icmp[4] * icmp[5] * 4
    while at + 2 <= len(icmp):
        kind = icmp[at]
        if kind == 0:
            at += 1
            continue
        length = icmp[at + 1]
        body = icmp[at + 2 : at + 2 + length]
        if kind == _MOBILITY_AGENT:
            if len(body) < 6:
                return None
            sequence, lifetime, flags = struct.unpack_from("!HHH", body)
            count = (len(body) - 6) // 4
            return Advertisement(sequence, lifetime, flags, struct.unpack_from(f"!{count}I", body, 6))
        at += 2 + length
    return None
