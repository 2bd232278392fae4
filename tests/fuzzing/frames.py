"""Frames of every kind that is decoded, changed in their bytes, in pcap and pcapng files that are damaged too."""

from __future__ import annotations

import gzip
import random
import struct
from collections.abc import Sequence
from dataclasses import replace

from mipcheck.checker.site.site import EspSa, Site
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

from making.files import (
    ETHERNET,
    LOOP,
    NULL,
    RAW,
    SLL,
    SLL2,
    Device,
    Record,
    block,
    device_block,
    option,
    packet_block,
    pcap,
    section,
)
from making.packets import (
    COA,
    IHA,
    IHOA,
    KEY,
    NODE_MAC,
    OVERLAYS,
    PEER_MAC,
    SERVER,
    SITE,
    TUNNELS,
    VPN,
    XHA,
    XHOA,
    carried,
    ike,
    into,
    lease,
    out,
    reply,
    request,
    signed,
    sll,
    sll2,
    user,
)

BARE, RADIOTAP = 105, 127
WITH_KEYS = replace(
    SITE, esp_sas=(EspSa(0x1234, "aes-cbc", bytes(16), "null", b""), EspSa(5, "null", b"", "null", b""))
)
SITES = (SITE, WITH_KEYS, Site(), replace(SITE, boot=True, addresses={}))


def wlan(packet: bytes, flags: int = 1, subtype: int = 8, after: bytes = b"", body: bytes | None = None) -> bytes:
    """A data frame of 802.11, from the node (flags 1: to the access point) unless `flags` say otherwise."""
    node, peer = (bytes.fromhex(mac.replace(":", "")) for mac in (NODE_MAC, PEER_MAC))
    access_point = b"\2\0\0\0\0\xaa"
    addresses = {0: peer + node + access_point, 1: access_point + node + peer, 2: node + access_point + peer}
    head = bytes([subtype << 4 | 8, flags, 0, 0]) + addresses.get(flags & 3, access_point * 2 + peer) + b"\x10\0"
    if flags & 3 == 3:
        head += node
    if subtype & 8:
        head += after or b"\0\0"
    return head + (b"\xaa\xaa\3\0\0\0\x08\0" + packet if body is None else body)


def subframe(frame: bytes) -> bytes:
    """An Ethernet frame as a part of an A-MSDU, padded to four bytes."""
    part = frame[:12] + struct.pack("!H", len(frame) - 6) + b"\xaa\xaa\3\0\0\0" + frame[12:]
    return part + bytes(-len(part) % 4)


def radiotap(frame: bytes, fields: bytes = b"\0", present: int = 2) -> bytes:
    return struct.pack("<BBHI", 0, 0, 8 + len(fields), present) + fields + frame


def ppp(packet: bytes, flags: int = 2) -> bytes:
    """An IPv4 packet in PPP in L2TP in UDP."""
    length = struct.pack("!H", 6 + 2 + 4 + len(packet)) if flags & 0x4000 else b""
    sequence = bytes(4) if flags & 0x0800 else b""
    l2tp = struct.pack("!H", flags) + length + struct.pack("!HH", 7, 9) + sequence
    return bytes(IP(src=COA, dst=VPN) / UDP(sport=1701, dport=1701) / Raw(l2tp + b"\xff\3\0\x21" + packet))


def _fragments() -> list[bytes]:
    big = signed(request(), KEY, before=bytes([200, 200]) + bytes(200))
    big[IP].id = 77
    nested = IP(src=COA, dst=IHA, id=5) / user(IHOA, SERVER, 900)
    inner = [IP(src=COA, dst=IHA, id=6) / p for p in user(IHOA, SERVER, 900).fragment(200)]
    return [out(p) for packet in (big, nested) for p in packet.fragment(48)] + [out(p) for p in inner]


def seeds() -> dict[int, list[bytes]]:
    """Link type → frames."""
    packets = [
        request(),
        signed(reply(), KEY, before=b"\0\x24\1\0\2ab", after=bytes([149, 2, 0, 0])),
        request(COA, XHA, XHA, XHOA),
        ike(COA, VPN),
        ike(COA, VPN, port=4500),
        *TUNNELS.values(),
        IP(src=COA, dst=SERVER, options=[b"\x94\4\0\0"]) / UDP(sport=9, dport=9) / Raw(b"x" * 30),
        IP(src="10.1.2.1", dst="255.255.255.255", proto=1) / Raw(bytes.fromhex("0900000001020708" + "0a010201" * 6)),
        IP(src="0.0.0.0", dst="255.255.255.255") / ICMP(type=10),
        IP(src=COA, dst=IHA) / ICMP(type=3) / Raw(bytes(request())),
        *(carried(name, user(IHOA, SERVER)) for name in OVERLAYS),
        IP(src=COA, dst=VPN, proto=99) / Raw(b"E" * 60),
    ]
    raw = [*map(bytes, packets), ppp(bytes(user(IHOA, SERVER))), ppp(bytes(user(IHOA, SERVER)), 0x4802)]
    framed = [out(IP(p)) for p in raw] + lease() + [into(reply())] + _fragments()
    framed += [bytes(Ether(src=NODE_MAC, dst=PEER_MAC) / Dot1Q(vlan=3) / Dot1Q(vlan=4) / packets[0])]
    framed += [out(IP(p))[:12] + struct.pack("!H", len(p) + 8) + b"\xaa\xaa\3\0\0\0\x08\0" + p for p in raw[:3]]
    aggregate = b"".join(subframe(frame) for frame in map(out, packets[:3]))
    air = [wlan(p, f, s) for p in raw[:6] for f in (0, 1, 2, 3, 9, 0x41, 0x81) for s in (0, 8)]
    air.append(wlan(b"", after=b"\x80\0", body=aggregate))
    return {
        ETHERNET: framed,
        RAW: raw,
        NULL: [b"\2\0\0\0" + p for p in raw],
        LOOP: [b"\0\0\0\2" + p for p in raw],
        SLL: [sll(p, k, NODE_MAC) for p in packets for k in (0, 4)],
        SLL2: [sll2(p, k, NODE_MAC, 3) for p in packets for k in (0, 4)],
        BARE: air,
        RADIOTAP: [radiotap(f) for f in air] + [radiotap(f, bytes(8) + b"\x20", 3) for f in air],
    }


def changed(frame: bytes, others: Sequence[bytes], dice: random.Random) -> bytes:
    """One frame with one to eight changes."""
    data = bytearray(frame)
    for _ in range(1 + int(dice.expovariate(0.7))):
        if not data:
            return bytes(data)
        at = dice.randrange(len(data))
        how = dice.randrange(9)
        if how < 2:
            data[at] ^= 1 << dice.randrange(8)
        elif how == 2:
            data[at] = dice.choice((0, 1, 4, 0x11, 0x2F, 0x32, 0x37, 0x45, 0x7F, 0x80, 0xFF))
        elif how == 3:
            data[at : at + 2] = dice.choice((b"\0\0", b"\xff\xff", b"\x20\0", b"\x01\xb2", b"\x11\x94", b"\x06\xa5"))
        elif how == 4:
            del data[at:]
        elif how == 5:
            del data[at : at + dice.randrange(1, 9)]
        elif how == 6:
            data[at:at] = dice.randbytes(dice.randrange(1, 30))
        elif how == 7:
            other = dice.choice(others)
            data[at:] = other[dice.randrange(len(other)) :]
        else:
            data += data[: dice.randrange(600)]
    return bytes(data[:70_000])


def batch_of(kinds: dict[int, list[bytes]], size: int, dice: random.Random) -> bytes:
    """A file of `size` mutated packets, itself changed now and then."""
    linktypes = list(kinds)
    stamps = [dice.randrange(10**9) if dice.random() < 0.1 else n * 10**6 for n in range(size)]
    if dice.random() < 0.4:
        linktype = dice.choice(linktypes)
        frames = [changed(dice.choice(kinds[linktype]), kinds[linktype], dice) for _ in range(size)]
        records = [Record(s, f, length=len(f) + dice.choice((0, 0, 9))) for s, f in zip(stamps, frames, strict=True)]
        data = pcap(records, linktype, dice.choice("<>"), dice.random() < 0.5)
    else:
        order = dice.choice("<>")
        names = ("eth0", "wlan0", "ipsec0", "", "lo")
        chosen = [dice.choice(linktypes) for _ in range(4)]
        parts = [section(order)]
        parts += [device_block(Device(dice.choice(names), t, dice.choice((6, 9, None, 0x94))), order) for t in chosen]
        for stamp in stamps:
            index = dice.randrange(len(chosen))
            pool = kinds[chosen[index]]
            lost = option(order, 4, struct.pack(order + "Q", dice.randrange(3))) if dice.random() < 0.02 else b""
            frame = changed(dice.choice(pool), pool, dice)
            parts.append(packet_block(Record(0, frame, index, options=lost), 1_800_000_000 * 10**6 + stamp, order))
            if dice.random() < 0.01:
                counted = option(order, 5, struct.pack(order + "Q", dice.randrange(9)))
                parts.append(block(order, 5, struct.pack(order + "III", index, 0, 0) + counted))
        data = b"".join(parts)
    if dice.random() < 0.2:
        broken = bytearray(data)
        for _ in range(dice.randrange(1, 6)):
            broken[dice.randrange(28, len(broken))] = dice.randrange(256)
        data = bytes(broken)
    return gzip.compress(data, 1, mtime=0) if dice.random() < 0.1 else data
