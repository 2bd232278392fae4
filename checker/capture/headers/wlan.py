"""IEEE 802.11 frames, bare or after a radiotap header, as a card in monitor mode sees them.

What an interface in its usual mode captures looks like Ethernet and never comes here. In monitor mode data are mostly
encrypted; those that are not are read, and of the others who sent what to whom is still known.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

BARE: Final = 105
RADIOTAP: Final = 127
LINKTYPES: Final = frozenset({BARE, RADIOTAP})

REPEATED: Final = "802.11 retransmission"
ENCRYPTED: Final = "encrypted 802.11"

_DATA: Final = 2
_NO_DATA: Final = 4
"""Bit of a data frame's subtype: it carries nothing but its header (Null, QoS Null, CF-Poll and the like)."""
_QOS: Final = 8
_TO_DS: Final = 0x01
_FROM_DS: Final = 0x02
_RETRY: Final = 0x08
_PROTECTED: Final = 0x40
_HT_CONTROL: Final = 0x80
_AGGREGATE: Final = 0x80
"""Bit of the QoS control field: the body is an A-MSDU."""
_OTHER: Final = {0: "802.11 management", 1: "802.11 control", 3: "802.11 extension"}

_FLAGS: Final = 2
"""Bit of radiotap's first presence word; the field is one byte. Before it comes only the time (8 bytes, aligned)."""
_PADDED: Final = 0x20
_BAD_CHECKSUM: Final = 0x40

_RETRIED: Final = 10**9
"""ns within which a frame is sent again; sequence numbers come again after 4096 frames."""
_MAX_SEEN: Final = 65536


@dataclass(frozen=True, slots=True)
class Header:
    """`body` is the offset of the LLC header, meaningless where `why` says that there is none to be read.

    `aggregate` says that it is an A-MSDU, `retry` that the frame was sent before; `mark` identifies it, by sender,
    sequence control and traffic class.
    """

    source: bytes = b""
    target: bytes = b""
    body: int = 0
    why: str = ""
    aggregate: bool = False
    mark: bytes = b""
    retry: bool = False


def read(data: bytes, linktype: int) -> Header:
    """Read the header of one frame. Raises struct.error or IndexError where it is cut short."""
    at, padded = 0, False
    if linktype == RADIOTAP:
        (at,) = struct.unpack_from("<H", data, 2)
        if data[0] != 0 or at < 8:
            return Header(why="damaged radiotap")
        flags = _radiotap_flags(data, at)
        if flags & _BAD_CHECKSUM:
            return Header(why="bad 802.11 checksum")
        padded = bool(flags & _PADDED)
    control, flags = data[at], data[at + 1]
    kind, subtype = control >> 2 & 3, control >> 4
    if control & 3 or kind != _DATA:
        return Header(why="802.11 version" if control & 3 else _OTHER[kind])
    first, second, third = data[at + 4 : at + 10], data[at + 10 : at + 16], data[at + 16 : at + 22]
    (sequence,) = struct.unpack_from("<H", data, at + 22)
    body = at + 24
    source, target = second, first
    if flags & _TO_DS:
        target = third
    if flags & _FROM_DS:
        source = third
        if flags & _TO_DS:  # between access points: four addresses
            source = data[body : body + 6]
            body += 6
    aggregate = False
    traffic = b""
    if subtype & _QOS:
        aggregate = bool(data[body] & _AGGREGATE)
        traffic = bytes([data[body] & 0x0F])
        body += 2
        if flags & _HT_CONTROL:
            body += 4
    if padded:
        body += (at - body) % 4
    why = ""
    if subtype & _NO_DATA:
        why = "802.11 without data"
    elif flags & _PROTECTED:
        why = ENCRYPTED
    elif sequence & 0x0F:
        why = "802.11 fragment"  # the first one shows what matters
    mark = second + sequence.to_bytes(2) + traffic
    return Header(source, target, body, why, aggregate, mark, bool(flags & _RETRY))


def _radiotap_flags(data: bytes, end: int) -> int:
    """Return the flags field, 0 if there is none."""
    _, at = radiotap_fields(data, end)
    return data[at] if 0 <= at < end else 0


def radiotap_fields(data: bytes, end: int) -> tuple[int, int]:
    """Return where the fields begin, and where that of the flags is; -1 if there is none.

    `end` is that of the header. Fields follow their presence words, each aligned (radiotap.org).
    """
    at = 4
    (present,) = word = struct.unpack_from("<I", data, at)
    while word[0] & 0x80000000 and at + 8 <= end:  # another presence word follows
        at += 4
        word = struct.unpack_from("<I", data, at)
    at += 4
    flags = at + -at % 8 + 8 if present & 1 else at
    return at, flags if present & _FLAGS else -1


def parts(data: bytes, header: Header) -> list[bytes]:
    """Return the frames in an A-MSDU, as 802.3 frames; the last may be cut. Each is aligned to four bytes."""
    found = []
    at = header.body
    while at + 14 <= len(data):
        length = int.from_bytes(data[at + 12 : at + 14])
        found.append(data[at : at + 14 + length])
        at += 14 + length + (-(14 + length)) % 4
    return found


class Repeats:
    """Which frames of 802.11 are the same again, because the first one was not acknowledged."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, bytes], int] = {}

    def is_repeat(self, interface: str, mark: bytes, retry: bool, time: int) -> bool:
        """Decide whether a frame was captured before; `time` in ns."""
        key = interface, mark
        before = self._seen.get(key)
        if len(self._seen) >= _MAX_SEEN:
            self._seen.clear()
        self._seen[key] = time
        return retry and before is not None and abs(time - before) <= _RETRIED
