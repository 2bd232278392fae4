"""DHCP messages (RFC 2131, RFC 2132), as far as they tell addresses and servers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_COOKIE: Final = b"\x63\x82\x53\x63"
DISCOVER: Final = 1
OFFER: Final = 2
REQUEST: Final = 3
ACK: Final = 5


@dataclass(frozen=True, slots=True)
class Message:
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


def read_message(data: bytes) -> Message | None:
    """A message as far as it was captured; None if there is no fixed part or no DHCP cookie."""
    if len(data) < 240 or data[0] not in (1, 2) or data[236:240] != _COOKIE:
        return None
    options: dict[int, bytes] = {}
    at = 240
    while at < len(data):
        code = data[at]
        if code == 255:
            break
        if code == 0:
            at += 1
            continue
        if at + 2 > len(data):
            break
        length = data[at + 1]
        options[code] = options.get(code, b"") + data[at + 2 : at + 2 + length]  # RFC 3396: parts are joined
        at += 2 + length
    return Message(
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
    )


def _addresses(data: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(data[i : i + 4]) for i in range(0, len(data) - 3, 4))


def _first(data: bytes) -> int:
    return int.from_bytes(data[:4]) if len(data) >= 4 else 0


def _word(data: bytes) -> str:
    """A domain as one word of a log: what could not stand there becomes `_`."""
    text = data.split(b"\0")[0].decode("ascii", "replace")
    return "".join(c if c.isascii() and c.isprintable() and c not in ' ="#' else "_" for c in text)
