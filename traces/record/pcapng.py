"""As much of pcapng as is needed: to take the recording machine's description out, and to find a frame."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_SECTION, _INTERFACE, _STATISTICS, _PACKET = 0x0A0D0D0A, 1, 5, 6
_END, _COMMENT, _NAME, _RESOLUTION, _OS = 0, 1, 2, 9, 12


def anonymize(data: bytes) -> bytes:
    """The same capture without what it says of the machine and the programs that took it."""
    out = bytearray()
    for kind, body in _blocks(data):
        if kind == _SECTION:
            body = body[:16]
        elif kind == _INTERFACE:
            body = body[:8] + _written(o for o in _options(body[8:]) if o[0] not in (_OS, _COMMENT))
        elif kind == _STATISTICS:
            body = body[:12] + _written(o for o in _options(body[12:]) if o[0] != _COMMENT)
        length = len(body) + 12
        out += struct.pack("<II", kind, length) + body + struct.pack("<I", length)
    return bytes(out)


def first_from(data: bytes, interface: str, address: str, since: float) -> int | None:
    """The frame, earliest in time, that carries IP-in-IP from a source address on an interface since a moment.

    Frames are numbered from 1 as they stand in the file, which is not always in order of time.
    """
    source = bytes(int(part) for part in address.split("."))
    names: list[str] = []
    units: list[float] = []
    frame, found = 0, None
    for kind, body in _blocks(data):
        if kind == _INTERFACE:
            options = dict(_options(body[8:]))
            names.append(options[_NAME].decode())
            units.append(10.0 ** -options.get(_RESOLUTION, b"\x06")[0])
        elif kind == _PACKET:
            frame += 1
            index, high, low, captured = struct.unpack_from("<IIII", body)
            moment = (high << 32 | low) * units[index]
            packet = body[20 : 20 + captured]
            outgoing = packet[12:14] == b"\x08\x00" and packet[23] == 4 and packet[26:30] == source
            if names[index] == interface and outgoing and moment >= since:
                found = min(found or (moment, frame), (moment, frame))
    return found[1] if found else None


def first_reply(data: bytes, address: str, since: float) -> int | None:
    """The frame, earliest in time, that carries a registration reply from an agent's address since a moment."""
    source = bytes(int(part) for part in address.split("."))
    units: list[float] = []
    frame, found = 0, None
    for kind, body in _blocks(data):
        if kind == _INTERFACE:
            units.append(10.0 ** -dict(_options(body[8:])).get(_RESOLUTION, b"\x06")[0])
        elif kind == _PACKET:
            frame += 1
            index, high, low, captured = struct.unpack_from("<IIII", body)
            moment = (high << 32 | low) * units[index]
            packet = body[20 : 20 + captured]
            reply = packet[12:14] == b"\x08\x00" and packet[23] == 17 and packet[34:36] == b"\x01\xb2"
            if reply and packet[26:30] == source and packet[42] == 3 and moment >= since:
                found = min(found or (moment, frame), (moment, frame))
    return found[1] if found else None


def frames(data: bytes) -> int:
    return sum(kind == _PACKET for kind, _ in _blocks(data))


def _blocks(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, body) of each block; little-endian, as this machine's dumpcap writes."""
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        yield kind, data[at + 8 : at + length - 4]
        at += length


def _options(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        code, length = struct.unpack_from("<HH", data, at)
        if code == _END:
            return
        yield code, data[at + 4 : at + 4 + length]
        at += 4 + (length + 3) // 4 * 4


def _written(options: Iterator[tuple[int, bytes]]) -> bytes:
    out = b"".join(struct.pack("<HH", code, len(v)) + v + bytes(-len(v) % 4) for code, v in options)
    return out + bytes(4) if out else b""
