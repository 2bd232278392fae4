"""A capture file → the same file with other frames: times, interfaces and losses stay, all that describes goes."""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

from mipcheck.checker.capture.frames.frame import MAX_RECORD, CaptureError, Stream, read_up_to
from mipcheck.checker.capture.frames.gunzip import Gunzip
from mipcheck.checker.capture.frames.magic import BYTE_ORDER, GZIP, PCAP, SECTION
from mipcheck.checker.verbs.anonymise_frames import Rewriter
from mipcheck.model.values.event import Position

_INTERFACE, _OLD_PACKET, _SIMPLE, _STATISTICS, _PACKET = 1, 2, 3, 5, 6
_OPTIONS: Final = {_INTERFACE: (2, 9, 14), _STATISTICS: (2, 3, 4, 5, 6, 7, 8), _PACKET: (2, 4), _OLD_PACKET: (2,)}
"""Options that stay: names of interfaces, resolutions, directions and what was lost."""
_FILTER: Final = 11
_FIXED: Final = {_INTERFACE: 8, _STATISTICS: 12}


def rewrite(stream: BinaryIO, name: str, target: BinaryIO, rewriter: Rewriter) -> int:
    """Write what stands for the capture called `name`; return how many frames it has. Raises CaptureError.

    What is damaged or cut ends it: a file that is read no further than there says no more.
    """
    source: Stream = stream
    magic = read_up_to(source, 4)
    if magic[:2] == GZIP:
        source = Gunzip(stream, magic, name)
        magic = read_up_to(source, 4)
    if magic in PCAP:
        return _pcap(source, target, magic, rewriter)
    if magic == SECTION:
        return _pcapng(source, target, rewriter)
    raise CaptureError("neither a pcap nor a pcapng file", Position(name))


def _pcap(source: Stream, target: BinaryIO, magic: bytes, rewriter: Rewriter) -> int:
    order, _, long = PCAP[magic]
    header = read_up_to(source, 20)
    target.write(magic + header)
    linktype = struct.unpack_from(order + "I", header, 16)[0] & 0xFFFF if len(header) == 20 else 0
    frames = 0
    while len(head := read_up_to(source, long)) == long:
        size = struct.unpack_from(order + "I", head, 8)[0]
        if size > MAX_RECORD or not any(head[:16]) or len(data := read_up_to(source, size)) < size:
            break
        target.write(head + rewriter.frame(linktype, data))
        frames += 1
    if head:
        target.write(head)
    return frames


def _pcapng(source: Stream, target: BinaryIO, rewriter: Rewriter) -> int:
    order, frames = "", 0
    linktypes: list[int] = []
    start = SECTION + read_up_to(source, 4)
    while len(start) == 8:
        if start[:4] == SECTION:
            rest = read_up_to(source, 16)
            order = BYTE_ORDER.get(rest[:4], "")
            if not order or len(rest) < 16:
                break
            (length,) = struct.unpack(order + "I", start[4:])
            if length < 28 or length % 4 or len(read_up_to(source, length - 24)) < length - 24:
                break
            target.write(_block(order, SECTION, rest[:8] + b"\xff" * 8))
            linktypes = []
            start = read_up_to(source, 8)
            continue
        kind, length = struct.unpack(order + "II", start)
        if length < 12 or length % 4 or length > MAX_RECORD:
            break
        body = read_up_to(source, length - 8)
        if len(body) < length - 8 or body[-4:] != start[4:]:
            break
        body = body[:-4]
        if kind == _INTERFACE and len(body) >= 8:
            linktypes.append(struct.unpack_from(order + "H", body)[0])
        frames += kind in (_PACKET, _OLD_PACKET, _SIMPLE)
        target.write(_block(order, start[:4], _rewritten(kind, body, order, linktypes, rewriter)))
        start = read_up_to(source, 8)
    if start:
        target.write(start)
    return frames


def _rewritten(kind: int, body: bytes, order: str, linktypes: list[int], rewriter: Rewriter) -> bytes:
    """Return the body that stands for that of a block; of what is not understood only the length stays."""
    if kind in _FIXED and len(body) >= _FIXED[kind]:
        return body[: _FIXED[kind]] + _options(kind, body, _FIXED[kind], order)
    if kind in (_PACKET, _OLD_PACKET) and len(body) >= 20:
        index = struct.unpack_from(order + ("I" if kind == _PACKET else "H"), body)[0]
        size = struct.unpack_from(order + "I", body, 12)[0]
        if index < len(linktypes) and size <= len(body) - 20:
            data = rewriter.frame(linktypes[index], body[20 : 20 + size])
            return body[:20] + data + bytes(-size % 4) + _options(kind, body, 20 + size + -size % 4, order)
        return body[:20] + bytes(len(body) - 20)
    if kind == _SIMPLE and len(body) >= 4 and linktypes:
        size = min(struct.unpack_from(order + "I", body)[0], len(body) - 4)
        return body[:4] + rewriter.frame(linktypes[0], body[4 : 4 + size]) + bytes(len(body) - 4 - size)
    return bytes(len(body))


def _options(kind: int, body: bytes, at: int, order: str) -> bytes:
    """Return the options of a block from `at` on that say nothing about anybody."""
    found = b""
    while at + 4 <= len(body):
        code, length = struct.unpack_from(order + "HH", body, at)
        value = body[at + 4 : at + 4 + length]
        if code == 0 or len(value) < length:
            break
        if code in _OPTIONS[kind]:
            found += _option(order, code, value)
        elif code == _FILTER and kind == _INTERFACE:
            found += _option(order, code, b"\0anonymised")
        at += 4 + length + -length % 4
    return found + _option(order, 0, b"") if found else b""


def _option(order: str, code: int, value: bytes) -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def _block(order: str, kind: bytes, body: bytes) -> bytes:
    length = struct.pack(order + "I", len(body) + 12)
    return kind + length + body + length
