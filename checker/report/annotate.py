"""`--annotate`: a capture copied with the verdict in it, as comments on packets, which Wireshark lists and filters.

The copy is pcapng (draft-ietf-opsawg-pcapng). Of a pcapng file every block is copied byte for byte, but for those of
commented packets, which grow by an option for each comment, and for the length that a section header may state: it
becomes "not stated" (-1), because it would be wrong and stands before what changes it. A pcap file becomes one
section with one interface; the bytes and the times of its packets stay as they are.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, BinaryIO, Final

from mipcheck.checker.capture.frames.frame import MAX_RECORD, CaptureError, Stream
from mipcheck.checker.capture.frames.magic import BYTE_ORDER, GZIP, PCAP, SECTION
from mipcheck.checker.console.escape import printable
from mipcheck.model.values.event import Position

if TYPE_CHECKING:
    from mipcheck.checker.check.report import Report, Violation

PREFIX: Final = "mipcheck: "
"""The beginning of every comment, so that those of others are told apart: `frame.comment contains "mipcheck"`."""
COMMENT_LIMIT: Final = 1000
"""Bytes of one comment."""
COMMENTS_LIMIT: Final = 32
"""Comments on one packet."""

_CHUNK: Final = 64 * 1024
_PCAP: Final = {magic: (order, 6 if unit == 1000 else 9, header) for magic, (order, unit, header) in PCAP.items()}
"""Magic number → byte order, decimals of a stamp (if_tsresol), and bytes of a record's header."""
_INTERFACE: Final = 1
_OLD_PACKET: Final = 2
_SIMPLE: Final = 3
_STATISTICS: Final = 5
_PACKET: Final = 6
_BOUNDED: Final = (_INTERFACE, _OLD_PACKET, _SIMPLE, _STATISTICS, _PACKET)
"""The blocks of which an absurd size ends what `capture/frames/files.py` reads."""
_SIZE_AT: Final = 12
"""Offset of the captured size in the bodies that may have options, old packet blocks like enhanced ones."""
_DATA_AT: Final = 20
_COMMENT: Final = 1
_FLAGS: Final = 2
_TSRESOL: Final = 9
_FCS_STATED: Final = 0x04000000


# --- comments -----------------------------------------------------------------------------------------------------


def comments_of(report: Report, file: str) -> dict[int, list[str]]:
    """Return the comments on the frames of `file` (as positions of the report call it), for violations and warnings.

    On each packet that broke a rule: the rule, its level, section and text. On those that led to it: which rule and
    section, where, and what they did. On near misses: what they did not count for, and why. Frames with the same
    comments share one list, as there may be very many of them.
    """
    texts = {rule.id: rule.text for rule in report.rules}
    found: dict[int, tuple[str, ...]] = {}
    for violation in (*report.violations, *report.warnings):
        for frame, text in _broken(violation, file, texts.get(violation.rule, violation.message)):
            _add(found, frame, text)
    for violation in (*report.violations, *report.warnings):
        for because in violation.because:
            if because.at.file == file and because.at.frame is not None:
                what = f"{violation.rule} ({violation.section}) at {_where(violation.at, file)}"
                _add(found, because.at.frame, f"{PREFIX}led to {what}: {because.text}")
        for miss in violation.not_counted:
            if miss.at.file == file and miss.at.frame is not None:
                what = f"{violation.rule} ({violation.section}) at {_where(violation.at, file)}"
                _add(found, miss.at.frame, f"{PREFIX}did not count for {what}: {miss.why}: {miss.text}")
    shared: dict[tuple[str, ...], list[str]] = {}
    return {frame: shared.setdefault(found[frame], _bounded(found[frame])) for frame in sorted(found)}


def _add(found: dict[int, tuple[str, ...]], frame: int, text: str) -> None:
    """Add a comment on a frame, unless it has the same already."""
    earlier = found.get(frame, ())
    if text not in earlier:
        found[frame] = (*earlier, text)


def _broken(violation: Violation, file: str, text: str) -> Iterator[tuple[int, str]]:
    """Return the frames of `file` with a violation, each with what happened there; `text` is the rule's."""
    first = violation.at
    rule = f"{PREFIX}{violation.rule} ({violation.level}, {violation.section})"
    if violation.overdue:
        if first.file == file and first.frame is not None:
            yield first.frame, f"{rule} owed from here, and not kept: {text}"
        return
    if first.file == file and first.frame is not None:
        times = f", the first of {violation.count} times" if violation.count > 1 else ""
        yield first.frame, f"{rule} broken here{times}: {text}"
    again = f"{rule} broken here too, as at {_where(first, file)}: {text}"
    for frame in violation.frames.get(file, ()):
        if first != Position(file, None, frame):
            yield frame, again


def _where(at: Position, file: str) -> str:
    """Return a place in words, as it is called within `file`."""
    return f"frame {at.frame}" if at.file == file and at.frame is not None else str(at)


def _bounded(comments: Sequence[str]) -> list[str]:
    """Return as many comments as a packet may have, which may have led to hundreds of violations."""
    shown = list(comments[:COMMENTS_LIMIT])
    if len(comments) > len(shown):
        shown[-1] = f"{PREFIX}and {len(comments) - len(shown) + 1} more"
    return shown


def comment_bytes(comment: str) -> bytes:
    """Return a comment as it is stored: UTF-8 without control characters, and cut to the limit."""
    data = printable(comment).encode("utf-8")
    if len(data) <= COMMENT_LIMIT:
        return data
    end = "…".encode()
    return data[: COMMENT_LIMIT - len(end)].decode("utf-8", "ignore").encode("utf-8") + end


# --- copying ------------------------------------------------------------------------------------------------------


def annotate(source: Stream, target: BinaryIO, comments: Mapping[int, Sequence[str]]) -> int:
    """Copy a pcap or pcapng file with comments, by frame (from 1, by file order); returns how many packets got some.

    Packets that have no place for a comment (simple packet blocks, damaged ones) get none. A file that is cut or
    damaged is copied to its end as pcapng, and to the last whole packet as pcap. Streams, in memory that does not
    grow. Raises CaptureError for what is no capture, OSError of the streams.
    """
    encoded: dict[str, bytes] = {}
    stored = {
        frame: [encoded.get(c) or encoded.setdefault(c, comment_bytes(c)) for c in words]
        for frame, words in comments.items()
        if words
    }
    magic = _read(source, 4)
    if magic in _PCAP:
        header = _read(source, 20)
        if len(header) == 20:
            return _of_pcap(source, target, stored, *_PCAP[magic], header)
        raise CaptureError("the pcap header is cut short", Position(_name(source)))
    if magic == SECTION:
        return _of_pcapng(source, target, stored, magic)
    wrong = "compressed with gzip; unpack it first" if magic[:2] == GZIP else "neither a pcap nor a pcapng file"
    raise CaptureError(wrong, Position(_name(source)))


def _name(source: Stream) -> str:
    """Return how a stream is called in messages."""
    return str(getattr(source, "name", "-"))


def _of_pcap(
    source: Stream,
    target: BinaryIO,
    comments: Mapping[int, list[bytes]],
    order: str,
    decimals: int,
    long: int,
    header: bytes,
) -> int:
    """Copy a pcap file as pcapng; return how many packets got comments.

    `header` is what follows the magic number, which has told the byte order, the decimals of stamps and how `long` the
    headers of records are.
    """
    snap, network = struct.unpack_from(order + "II", header, 12)
    common = b""
    if network & _FCS_STATED:
        # The frame check sequence is stated in units of 16 bits for the file, and in bytes for a packet.
        common = _option(order, _FLAGS, struct.pack(order + "I", (network >> 28) * 2 << 5))
    target.write(_block(order, int.from_bytes(SECTION), struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)))
    resolution = _option(order, _TSRESOL, bytes([decimals])) + _option(order, 0, b"")
    target.write(_block(order, _INTERFACE, struct.pack(order + "HHI", network & 0xFFFF, 0, snap) + resolution))
    record, packet = struct.Struct(order + "IIII"), struct.Struct(order + "IIIII")
    frame = annotated = 0
    while len(head := _read(source, long)) == long:
        seconds, fraction, size, length = record.unpack_from(head)
        if size > MAX_RECORD or not any(head[:16]) or len(data := _read(source, size)) < size:
            break
        frame += 1
        stamp = seconds * 10**decimals + fraction
        own = comments.get(frame, ())
        annotated += bool(own)
        options = common + b"".join(_option(order, _COMMENT, comment) for comment in own)
        if options:
            options += _option(order, 0, b"")
        fixed = packet.pack(0, stamp >> 32, stamp & 0xFFFFFFFF, size, length)
        target.write(_block(order, _PACKET, fixed + data + bytes(-size % 4) + options))
    return annotated


def _of_pcapng(source: Stream, target: BinaryIO, comments: Mapping[int, list[bytes]], magic: bytes) -> int:
    """Copy a pcapng file, of which `magic` has been read; return how many packets got comments."""
    order = "<"
    frame = annotated = 0
    start = magic + _read(source, 4)
    while len(start) == 8:
        if start[:4] == SECTION:
            rest = _read(source, 16)
            order = BYTE_ORDER.get(rest[:4], "")
            if not order or len(rest) < 16:
                target.write(start + rest)
                break
            (length,) = struct.unpack(order + "I", start[4:])
            unstated = comments and struct.unpack(order + "q", rest[8:])[0] != -1
            target.write(start + rest[:8] + (b"\xff" * 8 if unstated else rest[8:]))
            if length < 28 or length % 4 or not _copy(source, target, length - 24):
                break
        else:
            kind, length = struct.unpack(order + "II", start)
            if length < 12 or length % 4 or (kind in _BOUNDED and length > MAX_RECORD):
                target.write(start)
                break
            frame += kind in (_PACKET, _OLD_PACKET, _SIMPLE)
            if kind in (_PACKET, _OLD_PACKET) and frame in comments:
                body = _read(source, length - 8)
                longer = _commented(kind, order, body, comments[frame]) if len(body) == length - 8 else None
                annotated += longer is not None
                target.write(start + body if longer is None else longer)
            else:
                target.write(start)
                if not _copy(source, target, length - 8):
                    break
        start = _read(source, 8)
    else:
        target.write(start)
    while chunk := source.read(_CHUNK):  # beyond damage nothing is understood
        target.write(chunk)
    return annotated


def _commented(kind: int, order: str, body: bytes, comments: Sequence[bytes]) -> bytes | None:
    """Return a block with comments before its other options; None if it is damaged. `body` ends with the length."""
    if len(body) < _DATA_AT + 4:
        return None
    (size,) = struct.unpack_from(order + "I", body, _SIZE_AT)
    end = _DATA_AT + size + (-size) % 4
    if end > len(body) - 4 or struct.unpack_from(order + "I", body, len(body) - 4)[0] != len(body) + 8:
        return None
    others = body[end:-4] or _option(order, 0, b"")
    return _block(order, kind, body[:end] + b"".join(_option(order, _COMMENT, c) for c in comments) + others)


def _option(order: str, code: int, value: bytes) -> bytes:
    """Return an option of a block, padded to 32 bits."""
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def _block(order: str, kind: int, body: bytes) -> bytes:
    """Return a block, its length before and after its body."""
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + length + body + length


def _read(source: Stream, size: int) -> bytes:
    """Read `size` bytes, or fewer at the end; a raw stream may give less than it is asked for."""
    data = source.read(size) or b""
    while len(data) < size and (more := source.read(size - len(data))):
        data += more
    return data


def _copy(source: Stream, target: BinaryIO, size: int) -> bool:
    """Copy `size` bytes; return False if there are fewer."""
    while size:
        data = source.read(min(size, _CHUNK))
        if not data:
            return False
        target.write(data)
        size -= len(data)
    return True
