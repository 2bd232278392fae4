"""Capture files made here: records and devices written as pcap and pcapng."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

ETHERNET, NULL, RAW, LOOP, SLL, SLL2 = 1, 0, 101, 108, 113, 276
START = 1_800_000_000 * 10**9


class Record(NamedTuple):
    """A frame to write: `time` in ns after START, `interface` an index (pcapng only)."""

    time: int
    data: bytes
    interface: int = 0
    length: int = 0
    options: bytes = b""


class Device(NamedTuple):
    """An interface to declare in a pcapng file; `tsresol` as the option's byte, None to leave it out.

    `snap` is the snap length, 0 for none; `mac` is its link address, `ipv4` its address and the mask, if they are told.
    """

    name: str = ""
    linktype: int = ETHERNET
    tsresol: int | None = 9
    tsoffset: int | None = None
    description: str = ""
    snap: int = 0
    mac: bytes = b""
    ipv4: bytes = b""


def pcap(records: Sequence[Record], linktype: int = ETHERNET, order: str = "<", nano: bool = False) -> bytes:
    """Write a pcap file; `order` is struct's, `nano` says that stamps are in nanoseconds."""
    magic, unit = (0xA1B23C4D, 1) if nano else (0xA1B2C3D4, 1000)
    out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, linktype)
    for record in records:
        seconds, rest = divmod(START + record.time, 10**9)
        size = len(record.data)
        out += struct.pack(order + "IIII", seconds, rest // unit, size, record.length or size) + record.data
    return out


def option(order: str, code: int, value: bytes) -> bytes:
    """Return an option of a pcapng block."""
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def block(order: str, kind: int, body: bytes) -> bytes:
    """Return a pcapng block."""
    body += bytes(-len(body) % 4)
    return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)


def section(order: str = "<") -> bytes:
    """Return the header of a pcapng section."""
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def device_block(device: Device, order: str = "<") -> bytes:
    """Return the block that declares an interface."""
    options = option(order, 2, device.name.encode()) if device.name else b""
    if device.description:
        options += option(order, 3, device.description.encode())
    if device.ipv4:
        options += option(order, 4, device.ipv4)
    if device.mac:
        options += option(order, 6, device.mac)
    if device.tsresol is not None:
        options += option(order, 9, bytes([device.tsresol]))
    if device.tsoffset is not None:
        options += option(order, 14, struct.pack(order + "q", device.tsoffset))
    options += option(order, 0, b"") if options else b""
    return block(order, 1, struct.pack(order + "HHI", device.linktype, 0, device.snap) + options)


def packet_block(record: Record, stamp: int, order: str = "<") -> bytes:
    """Return an enhanced packet block; `stamp` is in units of the interface's resolution."""
    size = len(record.data)
    head = struct.pack(order + "IIIII", record.interface, stamp >> 32, stamp & 0xFFFFFFFF, size, record.length or size)
    options = record.options + option(order, 0, b"") if record.options else b""
    return block(order, 6, head + record.data + bytes(-size % 4) + options)


def pcapng(records: Sequence[Record], devices: Sequence[Device] = (Device("eth0"),), order: str = "<") -> bytes:
    """A file of one section; the stamps fit the interfaces' resolutions (decimal ones only)."""
    out = section(order) + b"".join(device_block(device, order) for device in devices)
    for record in records:
        digits = devices[record.interface].tsresol
        stamp = (START + record.time) // 10 ** (9 - (6 if digits is None else digits))
        out += packet_block(record, stamp, order)
    return out


def only(data: bytes, interfaces: tuple[str, ...]) -> bytes:
    """A pcapng with the frames of some interfaces."""
    out, at, names = b"", 0, list[str]()
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        block = data[at : at + length]
        if kind == 1:
            (size,) = struct.unpack_from("<H", block, 18)  # the name is the first option
            names.append(block[20 : 20 + size].decode())
        if kind != 6 or names[struct.unpack_from("<I", block, 8)[0]] in interfaces:
            out += block
        at += length
    return out
