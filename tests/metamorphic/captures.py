"""Changes to captures: the same frames told otherwise, among others' frames, and fewer of them."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from making.files import START, Device, Record, option, pcapng
from making.packets import into, reply, request, user
from metamorphic.run import NO_BETTER, Answer, Case, Change, zipped

SECOND = 10**9
ETHERNET, RAW = 1, 101
_YEARS = 20 * 366 * 86_400 * SECOND
STRANGER, OTHER_HOME, OTHER_MAC = "10.1.1.240", "10.1.9.200", "02:00:00:00:00:77"


@dataclass(frozen=True, slots=True)
class Frames:
    """A capture: its devices, and its frames with times in ns."""

    devices: tuple[Device, ...]
    records: tuple[Record, ...]

    def file(self) -> bytes:
        """Return it as a pcapng file."""
        return pcapng(self.records, self.devices)


def frames_of(data: bytes) -> Frames | None:
    """Return what a pcap file, or a plain pcapng file of one section with decimal stamps, holds; None for any other."""
    try:
        return _of_pcap(data) if data[:4] in _PCAP else _frames_of(data)
    except (struct.error, IndexError):  # damaged
        return None


_PCAP = {struct.pack(o + "I", m): (o, u) for m, u in ((0xA1B2C3D4, 1000), (0xA1B23C4D, 1)) for o in "<>"}


def _of_pcap(data: bytes) -> Frames | None:
    order, unit = _PCAP[data[:4]]
    snap, network = struct.unpack_from(order + "II", data, 16)
    records: list[Record] = []
    at = 24
    while at < len(data):
        seconds, fraction, size, whole = struct.unpack_from(order + "IIII", data, at)
        if len(data) - at - 16 < size:
            return None
        records.append(Record(seconds * SECOND + fraction * unit - START, data[at + 16 :][:size], 0, whole))
        at += 16 + size
    if network >> 16 or not records or any(abs(r.time) > _YEARS for r in records):
        return None
    return Frames((Device(linktype=network, tsresol=9, snap=snap),), tuple(records))


def _frames_of(data: bytes) -> Frames | None:
    if data[:4] != b"\x0a\x0d\x0d\x0a" or data[8:12] != b"\x4d\x3c\x2b\x1a":
        return None
    devices: list[Device] = []
    records: list[Record] = []
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        if length < 12:
            return None
        body = data[at + 8 : at + length - 4]
        if kind == 1:
            linktype, _, snap = struct.unpack_from("<HHI", body)
            options = dict(_options(body[8:]))
            resolution = options.get(9, b"\x06")[0]
            if resolution > 9:
                return None
            devices.append(Device(options.get(2, b"").decode(), linktype, resolution, snap=snap))
        elif kind == 6:
            interface, high, low, size, whole = struct.unpack_from("<IIIII", body)
            unit = 10 ** (9 - (devices[interface].tsresol or 0))
            time = (high << 32 | low) * unit - START
            if any(code not in (1, 2) for code, _ in _options(body[20 + (size + 3) // 4 * 4 :])):
                return None
            records.append(Record(time, body[20 : 20 + size], interface, whole))
        elif kind not in (0x0A0D0D0A, 4, 5) or (kind == 5 and any(value.strip(b"\0") for _, value in _lost(body))):
            return None
        at += length
    if not records or any(abs(r.time) > _YEARS for r in records):
        return None
    return Frames(tuple(devices), tuple(records))


def _lost(statistics: bytes) -> list[tuple[int, bytes]]:
    """Return the options that say how many frames are missing, at no known place."""
    return [(code, value) for code, value in _options(statistics[12:]) if code in (5, 7)]


def _options(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 4:
        code, size = struct.unpack_from("<HH", data)
        if code == 0:
            return
        yield code, data[4 : 4 + size]
        data = data[4 + (size + 3) // 4 * 4 :]


def changes(case: Case, before: Answer, random: Random, cuts: int = 3) -> Iterator[Change]:
    """Return changes to a case of one capture, answered by `before`; `cuts` is how many of those with less."""
    [(name, data)] = case.files.items()
    found = frames_of(data)
    if found is None or not found.records:
        return
    devices, records = found.devices, found.records

    def made(frames: Frames, config: str | None = case.config) -> Case:
        return Case({name: frames.file()}, config, case.spec)

    yield Change("written anew", made(found))
    yield Change("later", made(Frames(devices, tuple(_later(r, 5000) for r in records))), later=5000 * SECOND)
    yield Change("gzip", zipped(case))
    named = [d.name for d in devices]
    if case.config is not None and "[[source]]" not in case.config and all(named):
        renamed = {old: f"dev{len(named) - n}" for n, old in enumerate(named)}
        config = case.config
        for old, new in renamed.items():
            config = config.replace(f'"{old}"', f'"{new}"')
        others = tuple(replace_name(d, renamed[d.name]) for d in devices)
        yield Change("renamed", made(Frames(others, records), config), names={b: a for a, b in renamed.items()})
    if len(devices) > 1:
        files = {}
        for n, device in enumerate(devices):
            mine = tuple(r._replace(interface=0) for r in records if r.interface == n)
            files[f"{n}.pcapng"] = Frames((device,), mine).file()
        yield Change("split by device", Case(files, case.config, case.spec))
    half = len(records) // 2
    if records[half - 1].time < records[half].time and all(named):  # without names each file's are others
        parts = {f"{n}.pcapng": Frames(devices, part).file() for n, part in enumerate((records[:half], records[half:]))}
        yield Change("split in time", Case(parts, case.config, case.spec))
        begin = random.randrange(half)
        both = {"0.pcapng": records[:half], "1.pcapng": records[begin:]}
        overlapping = {name: Frames(devices, part).file() for name, part in both.items()}
        yield Change("split in time, with a common stretch", Case(overlapping, case.config, case.spec))
    ethernet = all(d.linktype == ETHERNET for d in devices)
    # At a device the other host is a node like any other, and without a site who the node is has to be plain.
    if ethernet and case.config is not None and ("role" not in case.config or 'role = "mn"' in case.config):
        yield Change("others' traffic", made(Frames(devices, tuple(_among(records, random)))))
    if ethernet:
        again = tuple(each for r in records for each in (r, r._replace(interface=r.interface + len(devices))))
        bridges = tuple(replace_name(d, f"br-{d.name}") for d in devices)
        yield Change("captured on bridges, too", made(Frames((*devices, *bridges), again)))
        raw = tuple(r._replace(data=r.data[14:], length=0) for r in records if r.data[12:14] == b"\x08\x00")
        without = Frames(tuple(d._replace(linktype=RAW) for d in devices), raw)
        yield Change("without link layer", made(without), NO_BETTER)
    first = min((time for _, _, time, _ in before.broken), default=None)
    early = [n for n, r in enumerate(records) if first is None or START + r.time < first]
    if before.verdict == "violation":
        for n in sorted(random.sample(early, min(cuts, len(early)))):
            yield Change(f"cut before frame {n + 1}", made(Frames(devices, records[n:])), NO_BETTER)
    for n in sorted(random.sample(range(len(records)), min(cuts, len(records)))):
        dropped = records[n]._replace(options=option("<", 4, struct.pack("<Q", 3)))
        missing = (*records[:n], dropped, *records[n + 1 :])
        yield Change(f"frames dropped before frame {n + 1}", made(Frames(devices, missing)), NO_BETTER)


def replace_name(device: Device, name: str) -> Device:
    """Return a device by another name."""
    return device._replace(name=name)


def _later(record: Record, seconds: int) -> Record:
    return record._replace(time=record.time + seconds * SECOND)


def _among(records: Sequence[Record], random: Random) -> Iterator[Record]:
    """Return the frames with those of another host between them, which registers with the i-HA, too."""
    foreign = [
        bytes(frame)
        for frame in (
            _out(request(STRANGER, home=OTHER_HOME, id=77)),
            into(reply(STRANGER, home=OTHER_HOME, id=77), OTHER_MAC),
            _out(user(STRANGER, "10.1.5.99")),
            into(user("10.1.5.99", STRANGER), OTHER_MAC),
        )
    ]
    following = 0
    for record in records:
        yield record
        if record.interface == 0 and random.random() < 0.3:
            yield Record(record.time, foreign[following % 4], 0)
            following += 1


def _out(packet: object) -> bytes:
    from making.packets import out

    return out(packet, OTHER_MAC)  # type: ignore[arg-type]
