"""A soak test's capture, made as large as wanted: `python tests/bench/make_capture.py big.pcapng --packets 1_000_000`.

A night in miniature. Scene `two`: eth0 is inside and sends in the clear through the i-HA, wlan0 is outside and sends
ESP through the x-HA. Scene `tunnel`: wlan0 alone, and the tunnel device ipsec0 where the inner packets are seen again.
A pcap file has one link: scene `inside` (eth0) or `outside` (wlan0). Registrations are refreshed, keys renewed, leases
too, and there is what every link carries besides (ARP, DNS, mDNS, IPv6). The same seed gives the same bytes.
"""

from __future__ import annotations

import argparse
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

SCENES: Final = ("two", "tunnel", "inside", "outside")
START: Final = 1_763_000_000 * 10**9
"""ns since the epoch: an evening in November 2025."""
SECOND: Final = 10**9
CHUNK: Final = 1 << 17
"""Packets made at a time."""
SITE: Final = """\
[site]
role = "mn"
iha = "10.1.0.2"
xha = "198.51.100.2"
vpn = "192.0.2.1"
ihoa = "10.1.0.100"
xhoa = "198.51.100.100"
internal = ["10.0.0.0/8"]
tunnels = ["ipsec0"]
"""

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

_IHA, _XHA, _VPN, _IHOA, _XHOA = "10.1.0.2", "198.51.100.2", "192.0.2.1", "10.1.0.100", "198.51.100.100"
_INSIDE, _OUTSIDE, _TIA = "10.1.7.20", "203.0.113.20", "10.1.200.7"
_MAC: Final = {"eth0": bytes.fromhex("02a000000014"), "wlan0": bytes.fromhex("02b000000014")}
_ROUTER: Final = {"eth0": bytes.fromhex("02a000000001"), "wlan0": bytes.fromhex("02b000000001")}
_CORRESPONDENTS: Final = [f"10.2.{n >> 4}.{10 + n % 16}" for n in range(32)]
_SIZES: Final = ((40, 0.35), (180, 0.15), (560, 0.15), (1300, 0.35))
"""Payload bytes of data, and how often."""
_SPIS: Final = (0xC0DE0001, 0xC0DE0002)
_NTP_EPOCH: Final = 2_208_988_800


@dataclass(frozen=True)
class Template:
    """A packet that comes again and again; `patches` are offsets of 16 bits that differ each time."""

    interface: int
    data: bytes
    weight: float
    patches: tuple[int, ...] = ()
    sequence: int = -1
    """Offset of a 32-bit number that counts (of ESP), or -1."""


@dataclass(frozen=True, order=True)
class Single:
    """A packet of its own: `time` in ns from the start."""

    time: int
    interface: int
    data: bytes


@dataclass
class Scene:
    interfaces: tuple[tuple[str, int], ...]
    """Names and link types."""
    templates: list[Template] = field(default_factory=list)
    singles: list[Single] = field(default_factory=list)


def make(
    path: str | Path, packets: int, seed: int = 1, kind: str = "pcapng", scene: str = "two", rate: int = 500,
    leak: bool = False,
) -> Path:  # fmt: skip
    """Write a capture of `packets` frames, `rate` a second, and beside it a site file (PATH.toml); returns that.

    With `leak` the i-HA is gone in the last tenth (or 80 s), and eth0 sends on in the clear: M2 is broken.
    Raises ValueError for a scene that the kind of file cannot hold.
    """
    if kind == "pcap" and scene in ("two", "tunnel"):
        raise ValueError("a pcap file has one link: scene inside or outside")
    seconds = packets / rate
    made = _scene(scene, seconds, leak)
    singles = sorted(made.singles)[:packets]
    random = np.random.default_rng(seed)
    target = Path(path)
    with target.open("wb") as stream:
        stream.write(_file_header(kind, made.interfaces))
        for block in _blocks(made.templates, singles, packets, seconds, random, kind):
            stream.write(block.data)
    site = target.with_name(target.name + ".toml")
    site.write_text(SITE, encoding="utf-8")
    return site


# --- who says what ------------------------------------------------------------------------------------------------


def _scene(name: str, seconds: float, leak: bool) -> Scene:
    if name == "two":
        scene = Scene((("eth0", 1), ("wlan0", 1)))
        _inside(scene, 0, seconds, leak)
        _outside(scene, 1, None, seconds)
    elif name == "tunnel":
        scene = Scene((("wlan0", 1), ("ipsec0", 101)))
        _outside(scene, 0, 1, seconds)
    elif name == "inside":
        scene = Scene((("eth0", 1),))
        _inside(scene, 0, seconds, leak)
    elif name == "outside":
        scene = Scene((("wlan0", 1),))
        _outside(scene, 0, None, seconds)
    else:
        raise ValueError(f"no scene {name}; scenes: {', '.join(SCENES)}")
    return scene


def _inside(scene: Scene, index: int, seconds: float, leak: bool) -> None:
    """eth0, access mode c."""
    add = scene.singles.append
    _dhcp(scene, index, "eth0", "10.1.7", _INSIDE, 0.05)
    last = seconds - max(seconds / 10, 80) if leak else seconds
    at = 0.2
    while at < seconds:
        number = _ntp(at)
        request = _request(0x22, 60, _IHOA, _IHA, _INSIDE, number)
        add(Single(_ns(at), index, _frame("eth0", "out", _INSIDE, _IHA, _udp(40434, 434, request))))
        if at < last:
            reply = _reply(0, 60, _IHOA, _IHA, number)
            add(Single(_ns(at + 0.004), index, _frame("eth0", "in", _IHA, _INSIDE, _udp(434, 40434, reply))))
        at += 19.5
    share = sum(weight for _, weight in _SIZES) * len(_CORRESPONDENTS)
    for size, weight in _SIZES:
        for n, other in enumerate(_CORRESPONDENTS):
            port = (443, 5201, 22, 8080)[n % 4]
            body = _tcp(40000 + n, port, size) if n % 3 else _udp(40000 + n, port, bytes(size))
            inner = _ip(6 if n % 3 else 17, _IHOA, other, body)
            back = _tcp(port, 40000 + n, size) if n % 3 else _udp(port, 40000 + n, bytes(size))
            inner_back = _ip(6 if n % 3 else 17, other, _IHOA, back)
            out, into = (
                _frame("eth0", "out", _INSIDE, _IHA, inner, 4),
                _frame("eth0", "in", _IHA, _INSIDE, inner_back, 4),
            )
            # IP identifications, and the port that a client chooses anew for each connection.
            scene.templates.append(Template(index, out, weight / share, (18, 38, 54)))
            scene.templates.append(Template(index, into, weight / share, (18, 38, 56)))
    _noise(scene, index, "eth0", _INSIDE, "10.1.7.1")


def _outside(scene: Scene, index: int, tunnel: int | None, seconds: float) -> None:
    """wlan0, access mode cvc; `tunnel` is the device that shows what goes through the VPN."""
    add = scene.singles.append
    _dhcp(scene, index, "wlan0", "203.0.113", _OUTSIDE, 0.06)
    for n in range(4):  # nobody answers from inside
        request = _request(0x22, 60, _IHOA, _IHA, _OUTSIDE, _ntp(0.21))
        add(Single(_ns(0.21 + 2 * n), index, _frame("wlan0", "out", _OUTSIDE, _IHA, _udp(40434, 434, request))))
    at = 0.22
    while at < seconds:
        number = _ntp(at)
        request, reply = _request(0x22, 600, _XHOA, _XHA, _OUTSIDE, number), _reply(0, 600, _XHOA, _XHA, number)
        add(Single(_ns(at), index, _frame("wlan0", "out", _OUTSIDE, _XHA, _udp(40434, 434, request))))
        add(Single(_ns(at + 0.03), index, _frame("wlan0", "in", _XHA, _OUTSIDE, _udp(434, 40434, reply))))
        at += 20
    at = 8.0
    while at < seconds:  # a key exchange every hour
        cookie = struct.pack("!Q", 0x1D0C000000000000 + int(at))
        for step in range(2):
            answered = cookie if step else bytes(8)
            offer = cookie + answered + struct.pack("!BBBBII", 33, 0x20, 34 + step, 8, step, 28 + 200) + bytes(200)
            inner = _ip(17, _XHOA, _VPN, _udp(500, 500, offer) if not step else _udp(4500, 4500, bytes(4) + offer))
            add(Single(_ns(at + 0.1 * step), index, _in_udp("wlan0", "out", inner)))
            answer = cookie + cookie[::-1] + struct.pack("!BBBBII", 33, 0x20, 34 + step, 0x20, step, 228) + bytes(200)
            inner = _ip(17, _VPN, _XHOA, _udp(500, 500, answer) if not step else _udp(4500, 4500, bytes(4) + answer))
            add(Single(_ns(at + 0.05 + 0.1 * step), index, _in_udp("wlan0", "in", inner)))
        at += 3600
    at = 8.5
    while tunnel is not None and at < seconds:
        number = _ntp(at)
        request, reply = _request(0x22, 600, _IHOA, _IHA, _TIA, number), _reply(0, 600, _IHOA, _IHA, number)
        add(Single(_ns(at), tunnel, _ip(17, _TIA, _IHA, _udp(40434, 434, request))))
        add(Single(_ns(at + 0.04), tunnel, _ip(17, _IHA, _TIA, _udp(434, 40434, reply))))
        at += 20
    first = next((s for s in sorted(scene.singles) if s.time > _ns(8.3) and s.interface == index), None)
    add(Single(_ns(8.4) if first is None else min(_ns(8.4), first.time), index, _esp("wlan0", "out", 40)))
    total = sum(weight for _, weight in _SIZES) * 2
    for size, weight in _SIZES:
        for direction in ("out", "in"):
            data = _esp("wlan0", direction, size)
            scene.templates.append(Template(index, data, weight / total, (18, 50), 78))
    if tunnel is not None:
        for size, weight in _SIZES:
            for n, other in enumerate(_CORRESPONDENTS):
                share = weight / (total * len(_CORRESPONDENTS))
                inner = _ip(6, _IHOA, other, _tcp(40000 + n, 443, size))
                scene.templates.append(Template(tunnel, _ip(4, _TIA, _IHA, inner), share, (4, 24, 40)))
                inner = _ip(6, other, _IHOA, _tcp(443, 40000 + n, size))
                scene.templates.append(Template(tunnel, _ip(4, _IHA, _TIA, inner), share, (4, 24, 42)))
    _noise(scene, index, "wlan0", _OUTSIDE, "203.0.113.1")


# The router's address on the link, and that of all nodes (RFC 4291), for its advertisement (RFC 4861).
_LOCAL: Final = b"\xfe\x80" + bytes(13) + b"\x01"
_ALL_NODES: Final = b"\xff\x02" + bytes(13) + b"\x01"


def _noise(scene: Scene, index: int, name: str, own: str, router: str) -> None:
    """What a link carries besides: about two in a hundred."""
    group, six = bytes.fromhex("01005e0000fb"), bytes.fromhex("333300000001")
    mdns = _ip(17, own, "224.0.0.251", _udp(5353, 5353, bytes(80)))
    add = scene.templates.append
    add(Template(index, group + _MAC[name] + b"\x08\0" + mdns, 0.004, (18,)))
    advertised = b"\x60\0\0\0\0\x20\x3a\xff" + _LOCAL + _ALL_NODES + bytes([134]) + bytes(31)
    add(Template(index, six + _ROUTER[name] + b"\x86\xdd" + advertised, 0.006))
    add(Template(index, _frame(name, "out", own, router, _udp(35000, 53, bytes(40))), 0.003, (18, 34)))
    add(Template(index, _frame(name, "in", router, own, _udp(53, 35000, bytes(120))), 0.003, (18, 36)))
    add(Template(index, _frame(name, "out", own, "93.184.216.34", _tcp(50000, 443, 300), 6), 0.004, (18, 34)))
    question = struct.pack("!HHBBH6s4s6s4s", 1, 0x800, 6, 4, 1, _MAC[name], _a(own), bytes(6), _a(router))
    add(Template(index, b"\xff" * 6 + _MAC[name] + b"\x08\x06" + question + bytes(18), 0.0005))


def _dhcp(scene: Scene, index: int, name: str, network: str, own: str, at: float) -> None:
    router, mac = f"{network}.1", _MAC[name]
    options = b"\1\4\xff\xff\xff\0" + b"\3\4" + _a(router) + b"\6\4" + _a(router) + b"\x33\4\0\1\x51\x80"
    for n, (kind, reply) in enumerate(((1, False), (2, True), (3, False), (5, True))):
        fixed = struct.pack("!BBBBIHH", 1 + reply, 1, 6, 0, 0x1234 + index, 0, 0) + bytes(4)
        fixed += (
            (_a(own) if reply else bytes(4)) + (_a(router) if reply else bytes(4)) + bytes(4) + mac + bytes(10 + 192)
        )
        message = fixed + b"\x63\x82\x53\x63" + bytes([53, 1, kind]) + (options if reply else b"") + b"\xff"
        if reply:
            packet = mac + _ROUTER[name] + b"\x08\0" + _ip(17, router, own, _udp(67, 68, message))
        else:
            packet = b"\xff" * 6 + mac + b"\x08\0" + _ip(17, "0.0.0.0", "255.255.255.255", _udp(68, 67, message))
        scene.singles.append(Single(_ns(at + 0.01 * n), index, packet))


# --- headers ------------------------------------------------------------------------------------------------------


def _ns(seconds: float) -> int:
    return round(seconds * 10**6) * 1000


def _ntp(at: float) -> int:
    """The time of day as identification of a registration."""
    return (START // SECOND + _NTP_EPOCH + int(at)) << 32 | int(at * 1000) & 0xFFFFFFFF


def _a(address: str) -> bytes:
    return bytes(map(int, address.split(".")))


def _ip(protocol: int, source: str, target: str, body: bytes) -> bytes:
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0x4000, 64, protocol, 0, _a(source), _a(target))
    words = sum(struct.unpack("!10H", head))
    check = ~(words + (words >> 16)) & 0xFFFF
    return head[:10] + struct.pack("!H", check) + head[12:] + body


def _udp(source: int, target: int, body: bytes) -> bytes:
    return struct.pack("!HHHH", source, target, 8 + len(body), 0) + body


def _tcp(source: int, target: int, size: int) -> bytes:
    return struct.pack("!HHIIBBHHH", source, target, 1, 1, 0x50, 0x18, 0xFFFF, 0, 0) + bytes(size)


def _frame(name: str, direction: str, source: str, target: str, body: bytes, protocol: int = 17) -> bytes:
    link = _ROUTER[name] + _MAC[name] if direction == "out" else _MAC[name] + _ROUTER[name]
    return link + b"\x08\0" + _ip(protocol, source, target, body)


def _in_udp(name: str, direction: str, inner: bytes) -> bytes:
    """In the x-MIP tunnel (RFC 3519)."""
    ends = (_OUTSIDE, _XHA) if direction == "out" else (_XHA, _OUTSIDE)
    ports = (40434, 434) if direction == "out" else (434, 40434)
    return _frame(name, direction, *ends, _udp(*ports, b"\4\4\0\0" + inner))


def _esp(name: str, direction: str, size: int) -> bytes:
    ends = (_XHOA, _VPN) if direction == "out" else (_VPN, _XHOA)
    spi = _SPIS[direction == "in"]
    return _in_udp(name, direction, _ip(17, *ends, _udp(4500, 4500, struct.pack("!II", spi, 0) + bytes(size + 40))))


def _request(flags: int, lifetime: int, home: str, agent: str, coa: str, number: int) -> bytes:
    fixed = struct.pack("!BBH4s4s4sQ", 1, flags, lifetime, _a(home), _a(agent), _a(coa), number)
    return fixed + b"\x20\x14" + struct.pack("!I", 256) + bytes(16)


def _reply(code: int, lifetime: int, home: str, agent: str, number: int) -> bytes:
    fixed = struct.pack("!BBH4s4sQ", 3, code, lifetime, _a(home), _a(agent), number)
    return fixed + b"\x20\x14" + struct.pack("!I", 256) + bytes(16)


# --- the file -----------------------------------------------------------------------------------------------------


def _file_header(kind: str, interfaces: Sequence[tuple[str, int]]) -> bytes:
    if kind == "pcap":
        return struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, interfaces[0][1])
    section = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    found = [section]
    for name, linktype in interfaces:
        word = name.encode()
        options = struct.pack("<HH", 2, len(word)) + word + bytes(-len(word) % 4) + b"\x09\0\1\0\x09\0\0\0" + bytes(4)
        length = 20 + len(options)
        found.append(struct.pack("<IIHHI", 1, length, linktype, 0, 262144) + options + struct.pack("<I", length))
    return b"".join(found)


def _blocks(
    templates: Sequence[Template], singles: Sequence[Single], packets: int, seconds: float,
    random: np.random.Generator, kind: str,
) -> Iterator[Bytes]:  # fmt: skip
    """The records, CHUNK packets at a time."""
    pool = random.integers(0, 256, 1 << 22, dtype=np.uint8)
    weights = np.array([t.weight for t in templates])
    weights /= weights.sum()
    rest = packets - len(singles)
    begin, span = 9 * SECOND, max(round(seconds * SECOND) - 9 * SECOND, SECOND)
    counted, done = 0, 0
    while done < rest:
        count = min(CHUNK, rest - done)
        low, high = begin + span * done // rest, begin + span * (done + count) // rest
        times = np.sort(random.integers(low, high, count)) if high > low else np.full(count, low)
        which = random.choice(len(templates), count, p=weights)
        done += count
        upto = len(singles) if done >= rest else int(np.searchsorted([s.time for s in singles], high))
        yield _assemble(templates, singles[counted:upto], times, which, random, pool, kind, done)
        counted = upto
    if counted < len(singles):
        empty: Any = np.empty(0, np.int64)
        yield _assemble(templates, singles[counted:], empty, empty, random, pool, kind, done)


def _assemble(
    templates: Sequence[Template], singles: Sequence[Single], times: Ints, which: Ints, random: np.random.Generator,
    pool: Bytes, kind: str, sequence: int,
) -> Bytes:  # fmt: skip
    """Records in order of time: first only their places, then all payload at once, then headers over it."""
    bodies = [np.frombuffer(t.data, np.uint8) for t in templates] + [np.frombuffer(s.data, np.uint8) for s in singles]
    links = np.array([t.interface for t in templates] + [s.interface for s in singles], np.int64)
    sizes = np.array([len(b) for b in bodies], np.int64)
    when = np.concatenate([times, np.array([s.time for s in singles], np.int64)]) // 1000 * 1000 + START
    of = np.concatenate([which, len(templates) + np.arange(len(singles))])
    order = np.argsort(when, kind="stable")
    when, of = when[order], of[order]
    size = sizes[of]
    before, after = (16, 0) if kind == "pcap" else (28, 4)
    total = size + before + after if kind == "pcap" else size + (-size) % 4 + before + after
    start = np.concatenate([[0], np.cumsum(total)])
    out = np.resize(pool, int(start[-1]))
    places = start[:-1]
    if kind == "pcap":
        _put(out, places, [when // SECOND, when % SECOND, size, size])
    else:
        six = np.full(len(when), 6)
        _put(out, places, [six, total, links[of], when >> 32, when & 0xFFFFFFFF, size, size])
        _put(out, places + total - 4, [total])
    for n in np.unique(of):
        at = places[of == n] + before
        body = bodies[n] if n >= len(templates) else bodies[n][:110]  # what follows is payload
        out[at[:, None] + np.arange(len(body))] = body
        if n < len(templates):
            for offset in templates[n].patches:
                fresh = random.integers(1024, 65536, len(at))
                out[at + offset], out[at + offset + 1] = fresh >> 8, fresh & 255
            if templates[n].sequence >= 0:
                count = sequence + np.arange(len(at))
                for byte in range(4):
                    out[at + templates[n].sequence + byte] = count >> (24 - 8 * byte) & 255
    return out


def _put(out: Bytes, places: Ints, words: Sequence[Ints]) -> None:
    """Little-endian words of 32 bits, one after the other."""
    table = np.stack(words, axis=1).astype("<u4").view(np.uint8)
    out[places[:, None] + np.arange(table.shape[1])] = table


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a large capture of a soak test.")
    parser.add_argument("path")
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scene", choices=SCENES)
    parser.add_argument("--kind", choices=("pcap", "pcapng"))
    parser.add_argument("--rate", type=int, default=500, help="packets a second")
    parser.add_argument("--leak", action="store_true", help="plaintext goes on after the i-HA is gone")
    args = parser.parse_args()
    kind = args.kind or ("pcap" if args.path.endswith(".pcap") else "pcapng")
    scene = args.scene or ("two" if kind == "pcapng" else "outside")
    print(make(args.path, args.packets, args.seed, kind, scene, args.rate, args.leak))


if __name__ == "__main__":
    main()
