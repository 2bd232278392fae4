"""pcap and pcapng files → frames, in file order.

Formats: the libpcap file format (draft-ietf-opsawg-pcap) in both byte orders with microsecond and nanosecond stamps,
which is read here, and pcapng (`pcapng`). Either may be compressed with gzip (`gunzip`). Whatever follows a usable
header is hostile input: a bad or cut record ends the reading with a note and never raises. The stream is read forwards
only and a record at a time, so that it may be a pipe which somebody still writes to.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

from mipcheck.checker.capture.frames.frame import (
    MAX_RECORD,
    SLL,
    SLL2,
    Ahead,
    CaptureError,
    FileInfo,
    Frame,
    Stream,
    read_up_to,
)
from mipcheck.checker.capture.frames.gunzip import Gunzip
from mipcheck.checker.capture.frames.magic import BYTE_ORDER, GZIP, PCAP, SECTION
from mipcheck.checker.capture.frames.pcapng import read_pcapng
from mipcheck.model.values.event import Position

_HEADER: Final = 16
"""Bytes of a record's header in the format that libpcap writes."""


def open_frames(
    stream: BinaryIO, name: str, interface: str = "if0", ahead: Ahead | None = None
) -> tuple[FileInfo, Iterator[Frame]]:
    """Return the file's description and its frames; it is filled in while they are taken from the iterator.

    `interface` is how that of a pcap file is called, which names none, and what the names of unnamed ones in a pcapng
    file start with. Raises CaptureError for what is no capture, has a header cut short, or (while frames are taken)
    unpacks to absurd sizes.
    """
    source: Stream = stream
    magic = read_up_to(source, 4)
    packed = None
    if magic[:2] == GZIP:
        packed = source = Gunzip(stream, magic, name)
        magic = read_up_to(source, 4)
    if magic in PCAP:
        header = read_up_to(source, 20)
        if len(header) < 20:
            raise CaptureError("the pcap header is cut short", Position(name))
        info = FileInfo("pcap", name)
        source = source if ahead is None else ahead.over(source, info)
        frames = _read_pcap(source, info, *PCAP[magic], header, interface, ahead, _bound(packed, info, ahead))
    elif magic == SECTION:
        rest = read_up_to(source, 8)
        if len(rest) < 8 or rest[4:] not in BYTE_ORDER:
            raise CaptureError("the pcapng section header is damaged", Position(name))
        info = FileInfo("pcapng", name)
        source = source if ahead is None else ahead.over(source, info)
        unnamed = "if" if interface == "if0" else f"{interface}."
        frames = read_pcapng(source, info, rest, unnamed, ahead, _bound(packed, info, ahead))
    else:
        inside = "compressed with gzip, but inside it is " if packed else ""
        raise CaptureError(f"{inside}neither a pcap nor a pcapng file", Position(name))
    return info, _to_the_end(frames, info, packed, ahead)


def _bound(packed: Gunzip | None, info: FileInfo, ahead: Ahead | None) -> Callable[[], None]:
    """Return what raises CaptureError once a compressed file has unpacked to absurdly many records."""
    if packed is None:
        return lambda: None
    found = packed
    return lambda: found.bound(info.records, found.taken if ahead is None else ahead.taken())


def _to_the_end(frames: Iterator[Frame], info: FileInfo, packed: Gunzip | None, ahead: Ahead | None) -> Iterator[Frame]:
    """Yield the frames, and then note what can be said only after the last one."""
    for frame in frames:
        info.heard(frame.time, frame.number, frame.interface)
        yield frame
    if packed is not None and packed.problem and (ahead is None or ahead.ended()):
        info.stop(f"after frame {info.frames}: {packed.problem}")
    info.finish()
    for text in info.holes():
        info.note(text)


def _read_pcap(
    stream: Stream,
    info: FileInfo,
    order: str,
    unit: int,
    long: int,
    header: bytes,
    name: str,
    ahead: Ahead | None,
    bound: Callable[[], None],
) -> Iterator[Frame]:
    """Read records whose headers are `long` bytes, with stamps of `unit` ns; `header` is what follows the magic.

    `bound` is called before each.
    """
    (network,) = struct.unpack_from(order + "I", header, 16)
    linktype = network & 0xFFFF  # the upper bits hold the length of a frame check sequence
    info.interfaces[name] = linktype
    if linktype != SLL2:
        cooked = " (cooked, version 1)" if linktype == SLL else ""
        info.note(f"the file names no interface{cooked}: called {name}")
    record = struct.Struct(order + "IIII")
    while True:
        bound()
        if ahead is not None and long == _HEADER:
            ahead.pcap(order, unit, name, linktype)
        head = read_up_to(stream, long)
        if not head:
            return
        number = info.frames + 1
        if len(head) < long:
            info.stop(f"truncated at frame {number}: what came after it is unknown")
            return
        seconds, fraction, size, length = record.unpack_from(head)
        if size > MAX_RECORD:
            info.stop(f"damaged at frame {number}: a record of {size} bytes; the rest is not read")
            return
        if not any(head[:_HEADER]):  # as where a disk was full, or a machine went down
            info.stop(f"damaged at frame {number}: zeros instead of a record; the rest is not read")
            return
        data = read_up_to(stream, size)
        if len(data) < size:
            # As for tshark, a frame cut by the end of the file does not count; one cut by the snap length does.
            info.stop(f"truncated at frame {number}: what came after it is unknown")
            return
        info.frames = number
        info.records += 1
        yield Frame(number, seconds * 10**9 + fraction * unit, name, linktype, data, max(length, size), "")
