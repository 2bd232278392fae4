"""The bytes that captures begin with. Every input is asked for them, so that this imports nothing heavy."""

from __future__ import annotations

import zlib
from typing import Final

PCAP: Final = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000, 16),
    b"\xa1\xb2\xc3\xd4": (">", 1000, 16),
    b"\x4d\x3c\xb2\xa1": ("<", 1, 16),
    b"\xa1\xb2\x3c\x4d": (">", 1, 16),
    b"\x34\xcd\xb2\xa1": ("<", 1000, 24),
    b"\xa1\xb2\xcd\x34": (">", 1000, 24),
}
"""Magic number → byte order, nanoseconds in one unit of the stamp's fraction, and bytes of a record's header.

The last two are of Alexey Kuznetzov's modified libpcap, whose records go on with the number of the interface, the
Ethernet type and the kind of packet, as libpcap reads them (sf-pcap.c).
"""

SECTION: Final = b"\x0a\x0d\x0d\x0a"
"""The type of a section header of pcapng, the same in either byte order."""
BYTE_ORDER: Final = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
"""The byte-order magic of a section → its byte order, as `struct` writes it."""

GZIP: Final = b"\x1f\x8b"
WITH_HEADER: Final = 31
"""The `wbits` of zlib for gzip's own header and trailer."""


def is_capture(head: bytes) -> bool:
    """Decide whether a file that starts so is pcap or pcapng: 12 bytes are enough, some 500 if it is compressed."""
    if head[:2] == GZIP:
        head = unpacked_head(head, 12)
    return head[:4] in PCAP or (head[:4] == SECTION and (len(head) < 12 or head[8:12] in BYTE_ORDER))


def unpacked_head(head: bytes, size: int) -> bytes:
    """Return up to `size` unpacked bytes of a file that starts with `head`; none where they make no sense."""
    try:
        return zlib.decompressobj(WITH_HEADER).decompress(head, size)
    except zlib.error:
        return b""
