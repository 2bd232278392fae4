"""pcap and pcapng files → frames, in file order.

Formats: the libpcap file format (draft-ietf-opsawg-pcap) in both byte orders with microsecond and nanosecond
stamps, and pcapng (draft-ietf-opsawg-pcapng) with any number of sections and interfaces. Whatever follows a
usable header is hostile input: a bad or cut record ends the reading with a note and never raises.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final, NamedTuple

from mipcheck.model.event import NODE, Position

MAX_TIME: Final = 2**62
"""ns since the epoch (year 2116); a later stamp is damage, and would not fit the integers of an observer."""
MAX_RECORD: Final = 16 * 2**20
"""Bytes; no link carries a longer frame, so a longer record is damage and not worth its memory."""
_CHUNK: Final = 64 * 1024

_PCAP: Final = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}
"""Magic number → byte order, and nanoseconds in one unit of the stamp's fraction."""
_SECTION: Final = b"\x0a\x0d\x0d\x0a"
_BYTE_ORDER: Final = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}

_INTERFACE_BLOCK: Final = 1
_PACKET_BLOCK: Final = 2
_SIMPLE_BLOCK: Final = 3
_STATISTICS_BLOCK: Final = 5
_ENHANCED_BLOCK: Final = 6
_USED: Final = frozenset({_INTERFACE_BLOCK, _PACKET_BLOCK, _SIMPLE_BLOCK, _STATISTICS_BLOCK, _ENHANCED_BLOCK})

SLL: Final = 113
SLL2: Final = 276


class CaptureError(ValueError):
    """The input is no capture, or its header leaves nothing to read; `at` says where."""

    def __init__(self, message: str, at: Position) -> None:
        super().__init__(f"{at}: {message}")
        self.message = message
        self.at = at


class Frame(NamedTuple):
    """One captured frame: `number` from 1 by file order, `time` in ns since the epoch, `length` as it was on the wire.

    `direction` is "in" or "out" where the file itself records it, else "".
    """

    number: int
    time: int
    interface: str
    linktype: int
    data: bytes
    length: int
    direction: str


@dataclass(slots=True)
class FileInfo:
    """What is learnt about the file while its frames are read."""

    kind: str
    name: str
    interfaces: dict[str, int] = field(default_factory=dict)
    """Interface name → link type."""
    notes: list[str] = field(default_factory=list)
    frames: int = 0

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


@dataclass(frozen=True, slots=True)
class _Interface:
    name: str
    linktype: int
    units: int
    """Units of a stamp in one second."""
    offset: int
    """Seconds to add to every stamp (if_tsoffset)."""

    def time(self, stamp: int) -> int:
        if self.units == 10**9:
            return stamp + self.offset * 10**9
        return stamp * 10**9 // self.units + self.offset * 10**9


class _Cut(Exception):
    """The file ends inside a record."""


def is_capture(head: bytes) -> bool:
    """Whether a file that starts so (12 bytes are enough) is a pcap or pcapng file."""
    return head[:4] in _PCAP or (head[:4] == _SECTION and (len(head) < 12 or head[8:12] in _BYTE_ORDER))


def open_frames(stream: BinaryIO, name: str) -> tuple[FileInfo, Iterator[Frame]]:
    """The file's description, filled in while the frames are taken from the iterator.

    Raises CaptureError for what is no capture or has a header cut short.
    """
    magic = _read(stream, 4)
    if magic in _PCAP:
        header = _read(stream, 20)
        if len(header) < 20:
            raise CaptureError("the pcap header is cut short", Position(name))
        info = FileInfo("pcap", name)
        return info, _pcap(stream, info, *_PCAP[magic], header)
    if magic == _SECTION:
        rest = _read(stream, 8)
        if len(rest) < 8 or rest[4:] not in _BYTE_ORDER:
            raise CaptureError("the pcapng section header is damaged", Position(name))
        info = FileInfo("pcapng", name)
        return info, _pcapng(stream, info, rest)
    raise CaptureError("neither a pcap nor a pcapng file", Position(name))


def _read(stream: BinaryIO, size: int) -> bytes:
    """`size` bytes, or fewer at the end; a raw stream may give less than it is asked for."""
    data = stream.read(size) or b""
    if len(data) == size:
        return data
    parts = [data]
    have = len(data)
    while have < size and data:
        data = stream.read(size - have) or b""
        parts.append(data)
        have += len(data)
    return b"".join(parts)


def _pcap(stream: BinaryIO, info: FileInfo, order: str, unit: int, header: bytes) -> Iterator[Frame]:
    (network,) = struct.unpack_from(order + "I", header, 16)
    linktype = network & 0xFFFF  # the upper bits hold the length of a frame check sequence
    info.interfaces["if0"] = linktype
    if linktype != SLL2:
        info.note("the file names no interface" + (" (cooked, version 1)" if linktype == SLL else "") + ": called if0")
    record = struct.Struct(order + "IIII")
    while True:
        head = _read(stream, 16)
        if not head:
            return
        number = info.frames + 1
        if len(head) < 16:
            info.note(f"truncated at frame {number}")
            return
        seconds, fraction, size, length = record.unpack(head)
        if size > MAX_RECORD:
            info.note(f"damaged at frame {number}: a record of {size} bytes; the rest is not read")
            return
        data = _read(stream, size)
        if len(data) < size:
            # As for tshark, a frame cut by the end of the file does not count; one cut by the snap length does.
            info.note(f"truncated at frame {number}")
            return
        info.frames = number
        yield Frame(number, seconds * 10**9 + fraction * unit, "if0", linktype, data, max(length, size), "")


def _pcapng(stream: BinaryIO, info: FileInfo, rest: bytes) -> Iterator[Frame]:
    """`rest` is the section header's length and byte-order magic, which were read with its type."""
    try:
        order = _section(stream, info, rest)
        if order is not None:
            yield from _blocks(stream, info, order)
    except _Cut:
        info.note(f"truncated at frame {info.frames + 1}")


def _section(stream: BinaryIO, info: FileInfo, rest: bytes) -> str | None:
    """Byte order of the section whose header starts here; skips its body. None where it is damaged."""
    order = _BYTE_ORDER.get(rest[4:8])
    if order is None:
        info.note(f"damaged section header after frame {info.frames}; the rest is not read")
        return None
    (length,) = struct.unpack(order + "I", rest[:4])
    if length < 28 or length % 4:
        info.note(f"damaged section header after frame {info.frames}; the rest is not read")
        return None
    _skip(stream, length - 12)
    return order


def _blocks(stream: BinaryIO, info: FileInfo, order: str) -> Iterator[Frame]:
    interfaces: list[_Interface] = []
    head = struct.Struct(order + "II")
    last = 0
    while True:
        start = _read(stream, 8)
        if not start:
            return
        if len(start) < 8:
            raise _Cut
        if start[:4] == _SECTION:
            # A new section starts its own list of interfaces and may change the byte order.
            found = _section(stream, info, start[4:] + _read(stream, 4))
            if found is None:
                return
            order, interfaces, head = found, [], struct.Struct(found + "II")
            continue
        kind, length = head.unpack(start)
        if length < 12 or length % 4:
            info.note(f"damaged block after frame {info.frames}; the rest is not read")
            return
        if kind not in _USED:
            _skip(stream, length - 8)
            continue
        if length > MAX_RECORD:
            info.note(f"damaged block after frame {info.frames}: {length} bytes; the rest is not read")
            return
        body = _read(stream, length - 8)
        if len(body) < length - 8:
            # What is there of a cut packet is not used: its options and padding cannot be told from its data.
            raise _Cut
        body = body[:-4]
        if kind == _INTERFACE_BLOCK:
            interfaces.append(_interface(body, order, len(interfaces), info))
            continue
        if kind == _STATISTICS_BLOCK:
            _drops(body, order, interfaces, info)
            continue
        frame = _packet(kind, body, order, interfaces, info, last)
        if frame is not None:
            last = frame.time
            yield frame


def _interface(body: bytes, order: str, index: int, info: FileInfo) -> _Interface:
    linktype = struct.unpack_from(order + "H", body)[0] if len(body) >= 2 else -1
    name, units, offset = "", 10**6, 0
    for code, value in _options(body, 8, order):
        if code == 2:
            # A name with a space, = or # could not be written into a log.
            text = value.split(b"\0")[0].decode("utf-8", "replace")
            name = "".join("_" if c.isspace() or not c.isprintable() or c in "=#" else c for c in text)[:64]
        elif code == 9 and value:
            exponent = value[0] & 0x7F
            if value[0] & 0x80:
                units = 2**exponent
            elif exponent <= 20:
                units = 10**exponent
        elif code == 14 and len(value) == 8:
            (offset,) = struct.unpack(order + "q", value)
    if name in ("", NODE):
        name = f"if{index}"
        if linktype != SLL2:
            info.note(f"the file names no interface {index}: called {name}")
    info.interfaces.setdefault(name, linktype)
    return _Interface(name, linktype, units, offset)


def _packet(
    kind: int, body: bytes, order: str, interfaces: list[_Interface], info: FileInfo, last: int
) -> Frame | None:
    """The frame of a packet block; None where the block makes no sense (it still counts as a frame)."""
    info.frames += 1
    number = info.frames
    direction = ""
    if kind == _SIMPLE_BLOCK:
        index, start = 0, 4
    else:
        index, start = 0, 20
    if len(body) < start:
        info.note(f"damaged packet block at frame {number}")
        return None
    if kind == _ENHANCED_BLOCK:
        index, high, low, size, length = struct.unpack_from(order + "IIIII", body)
    elif kind == _PACKET_BLOCK:
        index, _drops, high, low, size, length = struct.unpack_from(order + "HHIIII", body)
    else:
        (length,) = struct.unpack_from(order + "I", body)
        high = low = 0
        size = min(length, len(body) - start)
    if index >= len(interfaces) or size > len(body) - start:
        info.note(f"damaged packet block at frame {number}")
        return None
    interface = interfaces[index]
    if kind == _SIMPLE_BLOCK:
        time = last  # a simple packet block has no stamp: as late as the frame before it
        info.note("frames without a time stamp (simple packet blocks) got that of the frame before")
    else:
        time = interface.time(high << 32 | low)
        if not 0 <= time < MAX_TIME:
            info.note(f"damaged time stamp at frame {number}: that of the frame before is used")
            time = last
    end = start + size
    if kind != _SIMPLE_BLOCK and len(body) > end + 4:
        for code, value in _options(body, end + (-size) % 4, order):
            if code == 2 and len(value) == 4:
                flags = struct.unpack(order + "I", value)[0] & 3
                direction = "in" if flags == 1 else "out" if flags == 2 else ""
    data = body[start:end]
    return Frame(number, time, interface.name, interface.linktype, data, max(length, size), direction)


def _drops(body: bytes, order: str, interfaces: list[_Interface], info: FileInfo) -> None:
    """Frames that the capturing machine lost are holes in the evidence; where they are is not recorded."""
    if len(body) < 12:
        return
    (index,) = struct.unpack_from(order + "I", body)
    lost = sum(
        struct.unpack(order + "Q", value)[0]
        for code, value in _options(body, 12, order)
        if code in (5, 7) and len(value) == 8
    )
    if lost and index < len(interfaces):
        info.note(f"{lost} frames on {interfaces[index].name} were lost while capturing")


def _options(body: bytes, at: int, order: str) -> Iterator[tuple[int, bytes]]:
    head = struct.Struct(order + "HH")
    while at + 4 <= len(body):
        code, length = head.unpack_from(body, at)
        if code == 0 or at + 4 + length > len(body):
            return
        yield code, body[at + 4 : at + 4 + length]
        at += 4 + length + (-length) % 4


def _skip(stream: BinaryIO, size: int) -> None:
    while size > 0:
        data = stream.read(min(size, _CHUNK))
        if not data:
            raise _Cut
        size -= len(data)
