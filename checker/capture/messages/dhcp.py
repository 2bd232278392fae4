"""DHCP messages (RFC 2131, RFC 2132), as far as they tell addresses, servers and how long they hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_COOKIE: Final = b"\x63\x82\x53\x63"
DISCOVER: Final = 1
OFFER: Final = 2
REQUEST: Final = 3
DECLINE: Final = 4
ACK: Final = 5
NAK: Final = 6
RELEASE: Final = 7
_OVERLOAD: Final = 52
_ADDRESSES: Final = 34
"""Bytes to the end of an Ethernet client's hardware address."""
_SHORTEST: Final = 300
"""Bytes of a whole message: BOOTP has a field of 64 bytes for its options (RFC 1542 section 2.1)."""


@dataclass(frozen=True, slots=True)
class DhcpMessage:
    """`type` is the message type (option 53; 0 for plain BOOTP), addresses are int, 0 where not given."""

    from_client: bool
    type: int
    xid: int
    client: bytes
    """Hardware address of the client."""
    current: int
    """The address that the client has (ciaddr)."""
    offered: int
    """The address that it gets (yiaddr)."""
    mask: int
    routers: tuple[int, ...]
    resolvers: tuple[int, ...]
    time_servers: tuple[int, ...]
    server: int
    domain: str
    requested: int = 0
    """The address that the client would like (option 50)."""
    lease: int = 0
    """Seconds, 0 where not given; all ones is for ever."""
    waited: int = 0
    """Seconds since the client began to ask (secs), as it says."""
    cut: bool = False
    """Whether the message was captured to its addresses only: nothing is known of its options, not even its type."""

    @property
    def is_reboot(self) -> bool:
        """A client that starts anew and would like to keep its address (INIT-REBOOT, RFC 2131 section 4.3.2).

        One that renews fills in the address that it has, one that has just chosen an offer names the server.
        """
        return (
            self.type == REQUEST and self.from_client and not self.current and not self.server and bool(self.requested)
        )


def read_message(data: bytes) -> DhcpMessage | None:
    """Read a message as far as it was captured; None if its addresses are cut or there is no DHCP cookie."""
    if len(data) < _ADDRESSES or data[0] not in (1, 2) or not _COOKIE.startswith(data[236:240]):
        return None
    options: dict[int, bytes] = {}
    _collect(options, data, 240, len(data))
    # RFC 2132 section 9.3: options that found no place there are in the fields for the file and the server's name.
    overload = options.get(_OVERLOAD, b"\0")[:1]
    if overload in (b"\1", b"\3"):
        _collect(options, data, 108, 236)
    if overload in (b"\2", b"\3"):
        _collect(options, data, 44, 108)
    return DhcpMessage(
        from_client=data[0] == 1,
        type=options.get(53, b"\0")[0] if options.get(53) else 0,
        xid=int.from_bytes(data[4:8]),
        client=data[28 : 28 + min(data[2], 16)],
        current=int.from_bytes(data[12:16]),
        offered=int.from_bytes(data[16:20]),
        mask=_first(options.get(1, b"")),
        routers=_addresses(options.get(3, b"")),
        resolvers=_addresses(options.get(6, b"")),
        time_servers=_addresses(options.get(42, b"")),
        server=_first(options.get(54, b"")),
        domain=_word(options.get(15, b"")),
        requested=_first(options.get(50, b"")),
        lease=_first(options.get(51, b"")),
        waited=int.from_bytes(data[8:10]),
        cut=53 not in options and len(data) < _SHORTEST,
    )


def _collect(options: dict[int, bytes], data: bytes, at: int, end: int) -> None:
    while at < end:
        code = data[at]
        if code == 255:
            return
        if code == 0:
            at += 1
            continue
        if at + 2 > end:
            return
        length = data[at + 1]
        options[code] = options.get(code, b"") + data[at + 2 : min(at + 2 + length, end)]  # RFC 3396: parts are joined
        at += 2 + length


def _addresses(data: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(data[i : i + 4]) for i in range(0, len(data) - 3, 4))


def _first(data: bytes) -> int:
    return int.from_bytes(data[:4]) if len(data) >= 4 else 0


def _word(data: bytes) -> str:
    """Return a domain as one word of a log: what could not stand there becomes `_`."""
    text = data.split(b"\0")[0].decode("ascii", "replace")
    return "".join(c if c.isascii() and c.isprintable() and c not in ' ="#' else "_" for c in text)
