"""pcap and pcapng files → frames, in file order.

Formats: the libpcap file format (draft-ietf-opsawg-pcap) in both byte orders with microsecond and nanosecond
stamps, and pcapng (draft-ietf-opsawg-pcapng) with any number of sections and interfaces. Whatever follows a
usable header is hostile input: a bad or cut record ends the reading with a note and never raises. Either format may
be compressed with gzip (RFC 1952), which is unpacked as it is read. The stream is read forwards only and a record at
a time, so that it may be a pipe which somebody still writes to.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final, NamedTuple, Protocol

from mipcheck.model.values.errors import UserError
from mipcheck.model.values.event import NODE, Position

MAX_TIME: Final = 2**62
"""ns since the epoch (year 2116); a later stamp is damage, and would not fit the integers of an observer."""
MAX_RECORD: Final = 16 * 2**20
"""Bytes; no link carries a longer frame, so a longer record is damage and not worth its memory."""
_LATE: Final = 24 * 3600 * 10**9
"""ns by which statistics may be written after the last frame of a quiet link."""
_CHUNK: Final = 64 * 1024
_MAX_NOTES: Final = 50

_GZIP: Final = b"\x1f\x8b"
_WITH_HEADER: Final = 31
"""The `wbits` of zlib for gzip's own header and trailer."""
_MAX_RATIO: Final = 250
"""Frames of nothing but zeros shrink about a hundredfold, as their headers differ; deflate can reach 1032."""
_FREE: Final = 64 * 2**20
"""Bytes unpacked before the ratio is looked at."""

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


class CaptureError(UserError, ValueError):
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


class Loss(NamedTuple):
    """Frames of an interface that were not captured, after `since` and before `until` (ns).

    `frame` is the one before which they are known to be missing; `since` is None where nobody knows since when.
    """

    interface: str
    since: int | None
    until: int
    frame: int
    missing: int


@dataclass(slots=True)
class FileInfo:
    """What is learnt about the file while its frames are read."""

    kind: str
    name: str
    interfaces: dict[str, int] = field(default_factory=dict)
    """Interface name → link type."""
    notes: list[str] = field(default_factory=list)
    frames: int = 0
    losses: list[Loss] = field(default_factory=list)
    lost: dict[str, int] = field(default_factory=dict)
    """Interface name → frames that its statistics say were lost, somewhere."""
    last: dict[str, int] = field(default_factory=dict)
    """Interface name → time of its last frame."""
    latest: int = 0
    """Time of the last frame of a pcapng file, whatever its interface."""

    def note(self, text: str) -> None:
        """Notes are for people; a file that is damaged everywhere gets no more of them than can be read."""
        if text not in self.notes and len(self.notes) < _MAX_NOTES:
            self.notes.append(text)

    def holes(self) -> tuple[str, ...]:
        """What is missing without anybody knowing where."""
        return tuple(
            f"{counted(n)} on {name} {'was' if n == 1 else 'were'} lost while capturing"
            for name, n in self.lost.items()
        )


@dataclass(frozen=True, slots=True)
class Interface:
    """As a section of a pcapng file describes it."""

    name: str
    linktype: int
    units: int
    """Units of a stamp in one second."""
    offset: int
    """Seconds to add to every stamp (if_tsoffset)."""
    snap: int
    """Bytes after which frames were cut (0: nowhere); the length of a simple packet block follows from it."""
    dropped: list[int] = field(default_factory=lambda: [0])
    """What the last statistics counted: they count from the start."""

    def time(self, stamp: int) -> int:
        if self.units == 10**9:
            return stamp + self.offset * 10**9
        return stamp * 10**9 // self.units + self.offset * 10**9


class _Cut(Exception):
    """The file ends inside a record."""


class Source(Protocol):
    """What frames are read from: fewer bytes than asked for are no end, none are."""

    def read(self, size: int, /) -> bytes | None: ...


class Ahead(Protocol):
    """Takes records off the front of a stream before the reader here asks for the next one.

    It leaves what it does not know, and keeps the `FileInfo` as if the records that it took had been read here.
    """

    def over(self, source: Source, info: FileInfo) -> Source:
        """The stream to be read from, which starts where `source` does."""

    def pcap(self, order: str, unit: int, name: str, linktype: int) -> None:
        """The next record is one of a pcap file; `unit` is ns in one unit of its fraction."""

    def pcapng(self, order: str, interfaces: Sequence[Interface]) -> None:
        """The next block is one of a section in this byte order, with these interfaces so far."""


def is_capture(head: bytes) -> bool:
    """Whether a file that starts so is a pcap or pcapng file: 12 bytes are enough, some 500 if it is compressed."""
    if head[:2] == _GZIP:
        try:
            head = zlib.decompressobj(_WITH_HEADER).decompress(head, 12)
        except zlib.error:
            return False
    return head[:4] in _PCAP or (head[:4] == _SECTION and (len(head) < 12 or head[8:12] in _BYTE_ORDER))


def open_frames(
    stream: BinaryIO, name: str, interface: str = "if0", ahead: Ahead | None = None
) -> tuple[FileInfo, Iterator[Frame]]:
    """The file's description, filled in while the frames are taken from the iterator.

    `interface` is how that of a pcap file is called, which names none, and what the names of unnamed ones in a pcapng
    file start with. Raises CaptureError for what is no capture, has a header cut short, or (while frames are taken)
    unpacks to absurd sizes.
    """
    source: Source = stream
    magic = _read(source, 4)
    packed = None
    if magic[:2] == _GZIP:
        packed = source = _Gunzip(stream, magic, name)
        magic = _read(source, 4)
    if magic in _PCAP:
        header = _read(source, 20)
        if len(header) < 20:
            raise CaptureError("the pcap header is cut short", Position(name))
        info = FileInfo("pcap", name)
        source = source if ahead is None else ahead.over(source, info)
        frames = _pcap(source, info, *_PCAP[magic], header, interface, ahead)
    elif magic == _SECTION:
        rest = _read(source, 8)
        if len(rest) < 8 or rest[4:] not in _BYTE_ORDER:
            raise CaptureError("the pcapng section header is damaged", Position(name))
        info = FileInfo("pcapng", name)
        source = source if ahead is None else ahead.over(source, info)
        frames = _pcapng(source, info, rest, "if" if interface == "if0" else f"{interface}.", ahead)
    else:
        inside = "compressed with gzip, but inside it is " if packed else ""
        raise CaptureError(f"{inside}neither a pcap nor a pcapng file", Position(name))
    return info, _to_the_end(frames, info, packed)


def _to_the_end(frames: Iterator[Frame], info: FileInfo, packed: _Gunzip | None) -> Iterator[Frame]:
    """The frames; then what can be said only after the last one."""
    yield from frames
    if packed is not None and packed.problem:
        info.note(f"after frame {info.frames}: {packed.problem}")
    for text in info.holes():
        info.note(text)


class _Gunzip:
    """Unpacks while it is read. What is wrong with the compressed file ends it, and is kept in `problem`."""

    def __init__(self, stream: BinaryIO, head: bytes, name: str) -> None:
        """`head` is what was already read of `stream`."""
        self.problem = ""
        self._stream = stream
        self._head = head
        self._name = name
        self._taken = 0
        self._given = 0
        self._ended = False
        self._engine = zlib.decompressobj(_WITH_HEADER)

    def read(self, size: int, /) -> bytes:
        """At least one byte and at most `size`; none at the end. Raises CaptureError for a decompression bomb."""
        while not self._ended:
            packed = self._engine.unconsumed_tail or self._more()
            try:
                data = self._engine.decompress(packed, size)
            except zlib.error:
                self._end("damaged: the gzip data make no sense")
                return b""
            if self._engine.eof:
                self._next_member()
            elif not packed and not data:
                self._end("truncated: the gzip data end")
            if data:
                self._given += len(data)
                if self._given > max(_FREE, self._taken * _MAX_RATIO):
                    raise CaptureError(
                        f"it unpacks to more than {_MAX_RATIO} times its size, as no capture does;"
                        " if it is one, unpack it first (gunzip)",
                        Position(self._name),
                    )
                return data
        return b""

    def _more(self) -> bytes:
        data, self._head = self._head or self._stream.read(_CHUNK) or b"", b""
        self._taken += len(data)
        return data

    def _next_member(self) -> None:
        """A gzip file may be several, one after the other; zeros after the last are padding (RFC 1952 section 2.2)."""
        rest = self._engine.unused_data.lstrip(b"\0")
        while len(rest) < 2:
            more = self._more()
            if not more:
                break
            rest = (rest + more).lstrip(b"\0")
        if rest[:2] == _GZIP:
            self._engine = zlib.decompressobj(_WITH_HEADER)
            self._head = rest
            self._taken -= len(rest)  # it will be taken again
        else:
            self._end("what follows the gzip data is not read" if rest else "")

    def _end(self, problem: str) -> None:
        self._ended = True
        self.problem = problem


def _read(stream: Source, size: int) -> bytes:
    """`size` bytes, or fewer at the end; a raw stream may give less than it is asked for."""
    if not size:
        return b""  # to unpack 0 bytes is to unpack all that there are
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


def _pcap(
    stream: Source, info: FileInfo, order: str, unit: int, header: bytes, name: str, ahead: Ahead | None
) -> Iterator[Frame]:
    (network,) = struct.unpack_from(order + "I", header, 16)
    linktype = network & 0xFFFF  # the upper bits hold the length of a frame check sequence
    info.interfaces[name] = linktype
    if linktype != SLL2:
        cooked = " (cooked, version 1)" if linktype == SLL else ""
        info.note(f"the file names no interface{cooked}: called {name}")
    record = struct.Struct(order + "IIII")
    while True:
        if ahead is not None:
            ahead.pcap(order, unit, name, linktype)
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
        yield Frame(number, seconds * 10**9 + fraction * unit, name, linktype, data, max(length, size), "")


def _pcapng(stream: Source, info: FileInfo, rest: bytes, unnamed: str, ahead: Ahead | None) -> Iterator[Frame]:
    """`rest` is the section header's length and byte-order magic, which were read with its type."""
    try:
        order = _section(stream, info, rest)
        if order is not None:
            yield from _blocks(stream, info, order, unnamed, ahead)
    except _Cut:
        info.note(f"truncated at frame {info.frames + 1}")


def _section(stream: Source, info: FileInfo, rest: bytes) -> str | None:
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


def _blocks(stream: Source, info: FileInfo, order: str, unnamed: str, ahead: Ahead | None) -> Iterator[Frame]:
    interfaces: list[Interface] = []
    head = struct.Struct(order + "II")
    while True:
        if ahead is not None:
            ahead.pcapng(order, interfaces)
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
            interfaces.append(_interface(body, order, len(interfaces), info, unnamed))
            continue
        if kind == _STATISTICS_BLOCK:
            _statistics(body, order, interfaces, info)
            continue
        frame = _packet(kind, body, order, interfaces, info)
        if frame is not None:
            info.latest = frame.time
            yield frame


def _interface(body: bytes, order: str, index: int, info: FileInfo, unnamed: str) -> Interface:
    linktype, snap = struct.unpack_from(order + "HxxI", body) if len(body) >= 8 else (-1, 0)
    name, description, units, offset = "", "", 10**6, 0
    for code, value in _options(body, 8, order):
        if code == 2:
            name = _token(value)
        elif code == 3:
            description = _token(value)
        elif code == 9 and value:
            exponent = value[0] & 0x7F
            if value[0] & 0x80:
                units = 2**exponent
            elif exponent <= 20:
                units = 10**exponent
            else:
                info.note(f"damaged time resolution of interface {index}: microseconds are used")
        elif code == 14 and len(value) == 8:
            (offset,) = struct.unpack(order + "q", value)
    if name in ("", NODE) or (name.startswith("\\Device\\") and description not in ("", NODE)):
        # Windows names a device by a number that nobody knows, and describes it by the name that everybody sees.
        found = description if description not in ("", NODE) else f"{unnamed}{index}"
        if name.startswith("\\"):
            info.note(f"{name} is called {found}")
        elif linktype != SLL2:
            info.note(f"the file names no interface {index}: called {found}")
        name = found
    info.interfaces.setdefault(name, linktype)
    return Interface(name, linktype, units, offset, snap)


def _token(value: bytes) -> str:
    """A name as one word of a log: one with a space, = or # could not be written there."""
    text = value.split(b"\0")[0].decode("utf-8", "replace")
    return "".join("_" if c.isspace() or not c.isprintable() or c in "=#" else c for c in text)[:64]


def _packet(kind: int, body: bytes, order: str, interfaces: list[Interface], info: FileInfo) -> Frame | None:
    """The frame of a packet block; None where the block makes no sense (it still counts as a frame)."""
    info.frames += 1
    number = info.frames
    direction = ""
    if kind == _SIMPLE_BLOCK:
        index, start = 0, 4
    else:
        index, start = 0, 20
    lost = 0
    if len(body) < start:
        info.note(f"damaged packet block at frame {number}")
        return None
    if kind == _ENHANCED_BLOCK:
        index, high, low, size, length = struct.unpack_from(order + "IIIII", body)
    elif kind == _PACKET_BLOCK:
        index, lost, high, low, size, length = struct.unpack_from(order + "HHIIII", body)
        lost = 0 if lost == 0xFFFF else lost  # not known
    else:
        (length,) = struct.unpack_from(order + "I", body)
        high = low = 0
        size = min(length, len(body) - start)
        if interfaces and interfaces[0].snap:
            size = min(size, interfaces[0].snap)
    if index >= len(interfaces):
        info.note(f"frame {number} is of an interface that the file does not describe: not read")
        return None
    if size > len(body) - start:
        info.note(f"damaged packet block at frame {number}")
        return None
    interface = interfaces[index]
    if kind == _SIMPLE_BLOCK:
        time = info.latest  # a simple packet block has no stamp: as late as the frame before it
        info.note("frames without a time stamp (simple packet blocks) got that of the frame before")
    else:
        time = interface.time(high << 32 | low)
        if not 0 <= time < MAX_TIME:
            info.note(f"damaged time stamp at frame {number}: that of the frame before is used")
            time = info.latest
    end = start + size
    if kind != _SIMPLE_BLOCK and len(body) > end + 4:
        for code, value in _options(body, end + (-size) % 4, order):
            if code == 2 and len(value) == 4:
                flags = struct.unpack(order + "I", value)[0] & 3
                direction = "in" if flags == 1 else "out" if flags == 2 else ""
            elif code == 4 and len(value) == 8:
                (lost,) = struct.unpack(order + "Q", value)
    if lost:
        info.losses.append(Loss(interface.name, info.last.get(interface.name), time, number, lost))
    info.last[interface.name] = time
    data = body[start:end]
    return Frame(number, time, interface.name, interface.linktype, data, max(length, size), direction)


def _statistics(body: bytes, order: str, interfaces: list[Interface], info: FileInfo) -> None:
    """Frames that the capturing machine lost (isb_ifdrop, isb_osdrop) are holes in the evidence.

    The counters run from the start of the capture, so that all that is known is that they rose since the statistics
    before; most files hold one block, at the end. To say that nothing is known throughout that time would throw away
    all evidence, and to say nothing would call a trace conformant that nobody saw whole. So the state of knowledge
    ends where the block stands (a `Loss` without `since`), and `FileInfo.holes` says that a verdict of conformant
    cannot be had. A violation that was found stays one.
    """
    if len(body) < 12:
        return
    index, high, low = struct.unpack_from(order + "III", body)
    if index >= len(interfaces):
        return
    interface = interfaces[index]
    total = sum(
        struct.unpack(order + "Q", value)[0]
        for code, value in _options(body, 12, order)
        if code in (5, 7) and len(value) == 8
    )
    more, interface.dropped[0] = total - interface.dropped[0], max(total, interface.dropped[0])
    if more <= 0:
        return
    info.lost[interface.name] = info.lost.get(interface.name, 0) + more
    if info.last:
        last = max(info.last.values())
        time = interface.time(high << 32 | low)
        # What lies before the last frame would not be after all that may be missing; far after it, it is damage.
        until = time if last <= time <= last + _LATE else last
        info.losses.append(Loss(interface.name, None, until, info.frames, more))


def counted(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"


def _options(body: bytes, at: int, order: str) -> Iterator[tuple[int, bytes]]:
    head = struct.Struct(order + "HH")
    while at + 4 <= len(body):
        code, length = head.unpack_from(body, at)
        if code == 0 or at + 4 + length > len(body):
            return
        yield code, body[at + 4 : at + 4 + length]
        at += 4 + length + (-length) % 4


def _skip(stream: Source, size: int) -> None:
    while size > 0:
        data = stream.read(min(size, _CHUNK))
        if not data:
            raise _Cut
        size -= len(data)
