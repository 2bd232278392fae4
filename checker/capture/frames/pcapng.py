"""pcapng (draft-ietf-opsawg-pcapng) → frames, with any number of sections and interfaces."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Final

from mipcheck.checker.capture.frames.frame import (
    CHUNK,
    JUMP,
    MAX_RECORD,
    MAX_TIME,
    SLL2,
    Ahead,
    FileInfo,
    Frame,
    Identity,
    Interface,
    Loss,
    Stream,
    read_up_to,
)
from mipcheck.checker.capture.frames.magic import BYTE_ORDER, SECTION
from mipcheck.checker.capture.frames.spells import LATE
from mipcheck.model.values.event import NODE

_INTERFACE_BLOCK: Final = 1
_PACKET_BLOCK: Final = 2
_SIMPLE_BLOCK: Final = 3
_STATISTICS_BLOCK: Final = 5
_ENHANCED_BLOCK: Final = 6
_USED: Final = frozenset({_INTERFACE_BLOCK, _PACKET_BLOCK, _SIMPLE_BLOCK, _STATISTICS_BLOCK, _ENHANCED_BLOCK})

_WITHOUT_PACKETS: Final = frozenset(
    {4, 7, 8, 9, 10, 0x101, 0x102, 0xBAD, 0x40000BAD, 0x80000001, *range(0x201, 0x214), *range(0x216, 0x224)}
)
"""Types of blocks that hold names, secrets, journals, processes or comments, of all that are assigned."""
_PACKETS: Final = frozenset({_PACKET_BLOCK, _ENHANCED_BLOCK})
_HEADER: Final = 20
"""Bytes before the data of a packet."""
_NAMELESS: Final = "Unknown/not_available"
"""How Wireshark's tools begin the name of an interface of which they know none."""
_MISTYPED: Final = "a block that looks like a packet is of another type, and is not read"
_TWO_LENGTHS: Final = "its length at the start is not the one at its end"


class _Cut(Exception):
    """The file ends inside a record."""


def read_pcapng(
    stream: Stream, info: FileInfo, rest: bytes, unnamed: str, ahead: Ahead | None, bound: Callable[[], None]
) -> Iterator[Frame]:
    """Read all frames; `rest` is the section header's length and byte-order magic, which were read with its type.

    `bound` is called before each block.
    """
    try:
        order = _section(stream, info, rest)
        if order is not None:
            yield from _blocks(stream, info, order, unnamed, ahead, bound)
    except _Cut:
        info.stop(f"truncated at frame {info.frames + 1}: what came after it is unknown")


def _section(stream: Stream, info: FileInfo, rest: bytes) -> str | None:
    """Return the byte order of the section that starts here, and skip its header's body; None where it is damaged."""
    order = BYTE_ORDER.get(rest[4:8])
    if order is None:
        info.stop(f"damaged section header after frame {info.frames}; the rest is not read")
        return None
    (length,) = struct.unpack(order + "I", rest[:4])
    if length < 28 or length % 4:
        info.stop(f"damaged section header after frame {info.frames}; the rest is not read")
        return None
    _skip(stream, length - 16)
    return order if _ends(stream, rest[:4], info) else None


def _blocks(
    stream: Stream, info: FileInfo, order: str, unnamed: str, ahead: Ahead | None, bound: Callable[[], None]
) -> Iterator[Frame]:
    interfaces: list[Interface] = []
    head = struct.Struct(order + "II")
    while True:
        bound()
        if ahead is not None:
            ahead.pcapng(order, interfaces)
        start = read_up_to(stream, 8)
        info.records += 1
        if not start:
            return
        if len(start) < 8:
            raise _Cut
        if start[:4] == SECTION:
            # A new section starts its own list of interfaces and may change the byte order.
            found = _section(stream, info, start[4:] + read_up_to(stream, 4))
            if found is None:
                return
            order, interfaces, head = found, [], struct.Struct(found + "II")
            info.spells.end()
            continue
        kind, length = head.unpack(start)
        if length < 12 or length % 4:
            info.stop(f"damaged block after frame {info.frames}; the rest is not read")
            return
        if kind not in _USED:
            first = read_up_to(stream, min(length - 12, _HEADER))
            if kind not in _WITHOUT_PACKETS:
                info.skip(f"a block of the unknown type {kind:#x} is not read, and may have held a packet")
            elif _is_packet(first, length - 12, order, interfaces, info):
                info.skip(_MISTYPED)
            _skip(stream, length - 12 - len(first))
            if not _ends(stream, start[4:], info):
                return
            continue
        if length > MAX_RECORD:
            info.stop(f"damaged block after frame {info.frames}: {length} bytes; the rest is not read")
            return
        body = read_up_to(stream, length - 8)
        if len(body) < length - 8:
            # What is there of a cut packet is not used: its options and padding cannot be told from its data.
            raise _Cut
        if body[-4:] != start[4:]:
            info.stop(f"damaged block after frame {info.frames}: {_TWO_LENGTHS}; the rest is not read")
            return
        body = body[:-4]
        if kind not in _PACKETS and _is_packet(body, len(body), order, interfaces, info):
            info.frames += kind == _SIMPLE_BLOCK
            info.skip(_MISTYPED)
            continue
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


def _is_packet(body: bytes, size: int, order: str, interfaces: list[Interface], info: FileInfo) -> bool:
    """Decide whether a body of `size` bytes that begins so is a packet's by its contents, of an interface and a time
    that fit: then the type of its block is damaged. No other block begins so."""
    if len(body) < _HEADER:
        return False
    index, high, low, captured, length = map(int, struct.unpack_from(order + "IIIII", body))
    if index >= len(interfaces) or not 0 < captured <= size - _HEADER or length < captured:
        return False
    return info.heard_last is None or abs(interfaces[index].time(high << 32 | low) - info.heard_last) < JUMP


def _interface(body: bytes, order: str, index: int, info: FileInfo, unnamed: str) -> Interface:
    linktype, snap = struct.unpack_from(order + "HxxI", body) if len(body) >= 8 else (-1, 0)
    name, description, units, offset, mac = "", "", 10**6, 0, b""
    addresses: set[bytes] = set()
    for code, value in _options(body, 8, order):
        if code == 2:
            name = _token(value)
        elif code == 3:
            description = _token(value)
        elif code == 4 and len(value) == 8:
            addresses.add(value[:4])
        elif code == 6 and len(value) == 6:
            mac = value
        elif code == 9 and value:
            exponent = value[0] & 0x7F
            if value[0] & 0x80:
                units = 2**exponent
            elif exponent <= 20:
                units = 10**exponent
            else:
                info.note(f"damaged time resolution of interface {index}: microseconds are used")
        elif code == 11 and value[:1] == b"\0":
            info.filters.append(value[1:].split(b"\0")[0].decode("utf-8", "replace")[:200])
        elif code == 14 and len(value) == 8:
            (offset,) = struct.unpack(order + "q", value)
    if name.startswith(_NAMELESS):
        name = ""
    if name in ("", NODE) or (name.startswith("\\Device\\") and description not in ("", NODE)):
        # Windows names a device by a number that nobody knows, and describes it by the name that everybody sees.
        found = description if description not in ("", NODE) else f"{unnamed}{index}"
        if name.startswith("\\"):
            info.note(f"{name} is called {found}", "is called")
        elif linktype != SLL2:
            info.note(f"the file names no interface {index}: called {found}", "names no interface")
        name = found
    name = _told_apart(name, Identity(linktype, mac, frozenset(addresses)), index, info)
    info.interfaces.setdefault(name, linktype)
    return Interface(name, linktype, units, offset, snap)


def _told_apart(name: str, identity: Identity, index: int, info: FileInfo) -> str:
    """Return the name of an interface, with a number where another one is called so that it cannot be."""
    called, number = name, 1
    while (known := info.devices.get(called)) is not None and not known.may_be(identity):
        number += 1
        called = f"{name}-{number}"
    if known is None:
        info.devices[called] = identity
    if called != name:
        info.note(
            f"interface {index} is called {name} in the file as another one is: called {called}", "as another one"
        )
    return called


def _token(value: bytes) -> str:
    """Return a name as one word of a log: one with a space, = or # could not be written there."""
    text = value.split(b"\0")[0].decode("utf-8", "replace")
    return "".join("_" if c.isspace() or not c.isprintable() or c in "=#" else c for c in text)[:64]


def _packet(kind: int, body: bytes, order: str, interfaces: list[Interface], info: FileInfo) -> Frame | None:
    """Return the frame of a packet block; None where the block makes no sense (it still counts as a frame)."""
    info.frames += 1
    number = info.frames
    direction = ""
    if kind == _SIMPLE_BLOCK:
        index, start = 0, 4
    else:
        index, start = 0, 20
    lost = 0
    if len(body) < start:
        info.skip("a damaged packet block is not read")
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
        info.skip("a packet of an interface that the file does not describe is not read")
        return None
    if size > len(body) - start:
        info.skip("a damaged packet block is not read")
        return None
    interface = interfaces[index]
    if kind == _SIMPLE_BLOCK:
        time = info.latest  # a simple packet block has no stamp: as late as the frame before it
        info.untimed(number)
    else:
        time = interface.time(high << 32 | low)
        if not 0 <= time < MAX_TIME:
            info.skip("a packet with a time that cannot be right is not read")
            return None
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
    """Take note of frames that the capturing machine lost (isb_ifdrop, isb_osdrop): holes in the evidence.

    The counters run from the start of the capture, so that all that is known is that they rose since the statistics
    before; most files hold one block, at the end. What was seen in that time is told, the state of knowledge ends
    where the block stands, and a verdict of conformant cannot be had (`FileInfo.holes`). What is found in that time is
    looked at again (`observe/lost.py`): any of the frames may be what would excuse it.
    """
    if len(body) < 12:
        return
    index, high, low = struct.unpack_from(order + "III", body)
    if index >= len(interfaces):
        return
    interface = interfaces[index]
    time = interface.time(high << 32 | low)
    info.spells.watched(interface.name, time)
    total = sum(
        struct.unpack(order + "Q", value)[0]
        for code, value in _options(body, 12, order)
        if code in (5, 7) and len(value) == 8
    )
    (before, since), newest = interface.counted[0], info.last.get(interface.name)
    # What is counted later is lost after this block, which tells its time, and after what was captured by then; of some
    # writers the former is of another unit, and means nothing.
    interface.counted[0] = max(total, before), newest if newest is None or not newest - LATE <= time < newest else time
    if total <= before:
        return
    last = max(info.last.values(), default=0)
    # What lies before the last frame would not be after all that may be missing; far after it, it is damage.
    until = time if last <= time <= last + LATE else last
    info.lost_somewhere(Loss(interface.name, since, until, info.frames, total - before))


def _options(body: bytes, at: int, order: str) -> Iterator[tuple[int, bytes]]:
    head = struct.Struct(order + "HH")
    while at + 4 <= len(body):
        code, length = head.unpack_from(body, at)
        if code == 0 or at + 4 + length > len(body):
            return
        yield code, body[at + 4 : at + 4 + length]
        at += 4 + length + (-length) % 4


def _ends(stream: Stream, length: bytes, info: FileInfo) -> bool:
    """Read the length at the end of a block, and tell whether it is the one at its start; take note if not."""
    end = read_up_to(stream, 4)
    if len(end) < 4:
        raise _Cut
    if end != length:
        info.stop(f"damaged block after frame {info.frames}: {_TWO_LENGTHS}; the rest is not read")
    return end == length


def _skip(stream: Stream, size: int) -> None:
    while size > 0:
        data = stream.read(min(size, CHUNK))
        if not data:
            raise _Cut
        size -= len(data)
