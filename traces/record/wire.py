"""Registration messages (RFC 3344) with the UDP tunnel extensions (RFC 3519), written and read; nothing else.

Deliberately independent of mipcheck's own decoder: what it reads should not have been written by itself.
"""

from __future__ import annotations

import hmac
import ipaddress
import struct
import time
from dataclasses import dataclass

PORT = 434
REQUEST, REPLY, TUNNEL_DATA = 1, 3, 4
D_FLAG, T_FLAG = 0x20, 0x02
ACCEPTED, BAD_AUTHENTICATION, BAD_IDENTIFICATION, UNKNOWN_HOME = 0, 131, 133, 128
TIMEOUT = 78
"""What a foreign agent says for a home agent that does not answer."""
IP_IN_IP = 4
TUNNEL_HEADER = struct.pack("!BBH", TUNNEL_DATA, IP_IN_IP, 0)
"""What stands before an IP packet in a UDP tunnel (RFC 3519 section 3.3)."""

_AUTHENTICATION, _TUNNEL_REQUEST, _TUNNEL_REPLY = 32, 144, 44
_1900_TO_1970 = 2_208_988_800


@dataclass(frozen=True)
class Security:
    """A mobility security association: HMAC-MD5."""

    spi: int
    key: str

    def sign(self, message: bytes) -> bytes:
        """The message with a mobile-home authentication extension; it covers all up to and with its SPI."""
        covered = message + struct.pack("!BBI", _AUTHENTICATION, 20, self.spi)
        return covered + hmac.digest(self.key.encode(), covered, "md5")

    def verifies(self, message: bytes) -> bool:
        """Whether the message ends with an authentication extension of this association."""
        return len(message) > 22 and hmac.compare_digest(self.sign(message[:-22]), message)


@dataclass(frozen=True)
class Request:
    """Registration request; addresses in dotted form, lifetime in seconds."""

    home: str
    agent: str
    coa: str
    lifetime: int
    id: int
    flags: int = D_FLAG | T_FLAG
    udp_tunnel: bool = True

    def encode(self, security: Security) -> bytes:
        addresses = b"".join(ipaddress.IPv4Address(a).packed for a in (self.home, self.agent, self.coa))
        message = struct.pack("!BBH", REQUEST, self.flags, self.lifetime) + addresses + struct.pack("!Q", self.id)
        if self.udp_tunnel:
            message += struct.pack("!BBBBBBH", _TUNNEL_REQUEST, 6, 0, 0, 0, IP_IN_IP, 0)
        return security.sign(message)

    @classmethod
    def decode(cls, message: bytes) -> Request | None:
        if len(message) < 24 or message[0] != REQUEST:
            return None
        _, flags, lifetime, home, agent, coa, identification = struct.unpack_from("!BBH4s4s4sQ", message)
        home, agent, coa = (str(ipaddress.IPv4Address(a)) for a in (home, agent, coa))
        return cls(home, agent, coa, lifetime, identification, flags, _TUNNEL_REQUEST in _extensions(message[24:]))


@dataclass(frozen=True)
class Reply:
    """Registration reply."""

    code: int
    lifetime: int
    home: str
    agent: str
    id: int
    udp_tunnel: bool = False

    def fixed(self) -> bytes:
        """The message without extensions, as a foreign agent sends it that shares no key with the node."""
        addresses = b"".join(ipaddress.IPv4Address(a).packed for a in (self.home, self.agent))
        return struct.pack("!BBH", REPLY, self.code, self.lifetime) + addresses + struct.pack("!Q", self.id)

    def encode(self, security: Security) -> bytes:
        message = self.fixed()
        if self.udp_tunnel:
            message += struct.pack("!BBBBHH", _TUNNEL_REPLY, 6, 0, 0, 0, 0)
        return security.sign(message)

    @classmethod
    def decode(cls, message: bytes) -> Reply | None:
        if len(message) < 20 or message[0] != REPLY:
            return None
        _, code, lifetime, home, agent, identification = struct.unpack_from("!BBH4s4sQ", message)
        home, agent = (str(ipaddress.IPv4Address(a)) for a in (home, agent))
        tunnel = _extensions(message[20:]).get(_TUNNEL_REPLY, b"\0\xff")
        return cls(code, lifetime, home, agent, identification, tunnel[1] < 64)


def timestamp() -> int:
    """An identification for replay protection by timestamps: NTP format (RFC 3344 section 5.7.1)."""
    now = time.time_ns()
    return (now // 10**9 + _1900_TO_1970) << 32 | (now % 10**9 << 32) // 10**9


def _extensions(rest: bytes) -> dict[int, bytes]:
    """Those of the short form, by type."""
    found = {}
    while len(rest) >= 2:
        found[rest[0]] = rest[2 : 2 + rest[1]]
        rest = rest[2 + rest[1] :]
    return found
