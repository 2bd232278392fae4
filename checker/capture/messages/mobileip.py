"""Mobile IPv4 messages: registration requests and replies, agent advertisements (RFC 3344), decoded in full."""

from __future__ import annotations

import hashlib
import hmac
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import takewhile
from typing import Final

from mipcheck.checker.capture.messages import extensions as ext
from mipcheck.checker.capture.messages.extensions import (
    Extension,
    advertised,
    authenticator_of,
    fixed_size,
    is_tnc,
    nai,
)
from mipcheck.checker.capture.messages.extensions import extensions as extensions
from mipcheck.checker.site.site import MnHaKey
from mipcheck.checker.trace.replies import code_name as code_name

PORT: Final = 434
REQUEST: Final = 1
REPLY: Final = 3

_FLAGS: Final = ((0x80, "S"), (0x40, "B"), (0x20, "D"), (0x10, "M"), (0x08, "G"), (0x04, "r"), (0x02, "T"))
_HEX: Final = re.compile(rb"(?:[0-9a-fA-F]{2}){8,}")
"""A key that was given as text, but looks like the hexadecimal digits of one."""
_ADVERTISED: Final = (
    *((0x8000, "R"), (0x4000, "B"), (0x2000, "H"), (0x1000, "F"), (0x0800, "M"), (0x0400, "G"), (0x0200, "r")),
    *((0x0100, "T"), (0x0080, "U")),
)
"""RFC 3344 section 2.1.1, and U of RFC 3519 section 3.4: the agent tunnels in UDP."""


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
class Advertisement:
    """Mobility agent advertisement extension (RFC 3344 section 2.1.1)."""

    sequence: int
    """Starts at 0 with the agent, and again at 256 after 65535: below 256 otherwise, the agent has restarted."""
    lifetime: int
    """Longest registration that the agent takes, in seconds."""
    flags: frozenset[str]
    coas: tuple[int, ...]
    nai: str = ""
    challenge: bytes = b""
    prefixes: tuple[int, ...] = ()
    """Prefix lengths of the router addresses (section 2.1.2), in bits."""


@dataclass(slots=True)
class Registration:
    """A registration message as it was captured; `whole` says that it is there to its end.

    `body` is its fixed part, None where that is cut short.
    """

    payload: bytes
    whole: bool
    body: Request | Reply | None
    _extensions: tuple[Extension, ...] | None = field(default=None, compare=False, repr=False)

    @property
    def is_request(self) -> bool:
        """Whether its type is that of a request, even where it is cut short."""
        return self.payload[0] == REQUEST

    @property
    def is_reply(self) -> bool:
        """Whether its type is that of a reply, even where it is cut short."""
        return self.payload[0] == REPLY

    @property
    def request(self) -> Request | None:
        """The fixed part of a request; None for a reply, or where it is cut short."""
        return self.body if isinstance(self.body, Request) else None

    @property
    def reply(self) -> Reply | None:
        """The fixed part of a reply; None for a request, or where it is cut short."""
        return self.body if isinstance(self.body, Reply) else None

    @property
    def extensions(self) -> tuple[Extension, ...]:
        """Its extensions, as far as they are complete; they are walked over when they are first asked for."""
        if self._extensions is None:
            self._extensions = tuple(extensions(self.payload))
        return self._extensions

    @property
    def is_torn(self) -> bool:
        """Whether its last extension runs past its end."""
        return ext.is_torn(self.payload, self.extensions)

    @property
    def spi(self) -> int | None:
        """The SPI of the mobile-home authentication extension; None where there is none."""
        for extension in self.extensions:
            if extension.type == ext.MN_HA and len(extension.data) >= 4:
                return authenticator_of(extension)[0]
        return None


def read_registration(message: bytes, whole: bool = True) -> Registration:
    """Read a registration message; `whole` says that it was captured to its end."""
    body = read_request(message) if message[:1] == bytes([REQUEST]) else read_reply(message)
    return Registration(message, whole, body)


def read_request(message: bytes) -> Request | None:
    """Read the fixed part of a registration request; None if it is cut short or something else."""
    if len(message) < 24 or message[0] != REQUEST:
        return None
    flags, lifetime, home, agent, coa, identification = struct.unpack_from("!xBHIIIQ", message)
    return Request(_letters(flags), lifetime, home, agent, coa, identification)


@lru_cache(maxsize=256)
def wants_broadcasts(message: bytes) -> bool:
    """Decide whether a request, of which the fixed part is whole, asks for broadcasts of the home network (B)."""
    return bool(message[1] & 0x40)


def _letters(flags: int) -> frozenset[str]:
    """Return the flags of a request by their letters."""
    return frozenset(letter for bit, letter in _FLAGS if flags & bit)


def read_reply(message: bytes) -> Reply | None:
    """Read the fixed part of a registration reply; None if it is cut short or something else."""
    if len(message) < 20 or message[0] != REPLY:
        return None
    return Reply(*struct.unpack_from("!xBHIIQ", message))


def fixed_part(message: bytes) -> bytes:
    """Return what identifies a message even where a copy of it was captured with a shorter snap length."""
    return message[: fixed_size(message)]


def authentication(message: Registration, agent: str, keys: Iterable[MnHaKey]) -> str:
    """Check the mobile-home authentication of a `message` of `agent` (iha or xha): ok, bad, absent or unchecked.

    RFC 3344 section 3.5.1: it covers the message up to and with the extension's SPI. Section 3.6.2.1: there is exactly
    one. A key for another SPI cannot check anything, and neither can a mobile-home key what the AAA server
    authenticates (RFC 4721).
    """
    found = [e for e in message.extensions if e.type == ext.MN_HA]
    if len(found) > 1:
        return "bad"
    if not found:
        if not message.whole or any((e.type, e.subtype) == (ext.GENERALIZED, ext.MN_AAA) for e in message.extensions):
            return "unchecked"
        return "absent"
    spi, given = authenticator_of(found[0])
    if not given:
        return "bad"
    home = message.body.home if message.body is not None else 0
    known = [key for key in keys if key.agent == agent and key.spi == spi and key.home in (0, home)]
    if not known:
        return "unchecked"
    covered = message.payload[: found[0].start + 6]
    return "ok" if any(hmac.compare_digest(authenticator(covered, key), given) for key in known) else "bad"


def hint_at_key(message: Registration, agent: str, keys: Iterable[MnHaKey]) -> str:
    """Say of a `message` of `agent` that no key fits whether one was meant in hexadecimal digits; else nothing."""
    found = [e for e in message.extensions if e.type == ext.MN_HA]
    if len(found) != 1:
        return ""
    spi, given = authenticator_of(found[0])
    covered = message.payload[: found[0].start + 6]
    for key in keys:
        if key.agent == agent and key.spi == spi and _HEX.fullmatch(key.key):
            digits = f"the key's {len(key.key)} hexadecimal digits were taken as text"
            meant = replace(key, key=bytes.fromhex(key.key.decode("ascii")))
            if hmac.compare_digest(authenticator(covered, meant), given):
                return f"{digits}, and as a number they fit: write 0x before them"
            return f"{digits}; if they are a number, write 0x before them"
    return ""


def authenticator(covered: bytes, key: MnHaKey) -> bytes:
    """Compute what the authenticator has to be: HMAC-MD5 (RFC 3344), or MD5 in prefix+suffix mode (RFC 2002)."""
    if key.algorithm == "keyed-md5":
        return hashlib.md5(key.key + covered + key.key, usedforsecurity=False).digest()
    return hmac.digest(key.key, covered, "md5")


def trusted_networks_configured(message: Registration) -> bool:
    """Decide whether the i-HA vouches for the networks it is reached from (RFC 5265 section 3.4).

    What follows its authenticator could have been added by anybody, and does not count.
    """
    for extension in message.extensions:
        if extension.type == ext.MN_HA:
            return False
        if is_tnc(extension):
            return True
    return False


def asks_for_udp(message: Registration) -> bool | None:
    """Decide whether a request asks for UDP tunnelling (RFC 3519 section 3.1); None for one that was cut short."""
    if any(ext.tunnel_request(e) is not None for e in message.extensions):
        return True
    return False if message.whole else None


def grants_udp(message: Registration) -> bool | None:
    """Decide whether a reply grants UDP tunnelling: assent is a code below 64 (RFC 3519 section 3.2).

    It has to stand before the authenticator: what follows that could have been added by anybody.
    """
    for extension in takewhile(lambda e: e.type != ext.MN_HA, message.extensions):
        if (read := ext.tunnel_reply(extension)) is not None:
            return read.code < 64
    return False if message.whole else None


def read_advertisement(icmp: bytes) -> Advertisement | None:
    """Read the mobility extension of a router advertisement (ICMP type 9, RFC 1256); None if it has none."""
    found: Advertisement | None = None
    for extension in advertised(icmp):
        body = extension.data
        if extension.type == ext.MOBILITY_AGENT and found is None:
            if len(body) < 6:
                return None
            sequence, lifetime, flags = struct.unpack_from("!HHH", body)
            coas = struct.unpack_from(f"!{(len(body) - 6) // 4}I", body, 6)
            letters = frozenset(letter for bit, letter in _ADVERTISED if flags & bit)
            found = Advertisement(sequence, lifetime, letters, coas)
        elif found is None:
            continue  # extensions of the mobility agent follow it
        elif extension.type == ext.PREFIX_LENGTHS:
            found = replace(found, prefixes=tuple(body))
        elif extension.type == ext.ADVERTISED_CHALLENGE:
            found = replace(found, challenge=body)
        elif nai(extension):
            found = replace(found, nai=nai(extension))
    return found
