"""Captures in columns are read as they are frame by frame: the same events, the same descriptions, the same survey."""

from __future__ import annotations

import dataclasses
import gzip
import io
import random
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import make_capture
import pytest
from fuzzing import captures
from fuzzing.captures import PROTECTS
from fuzzing.frames import SITES, batch_of, seeds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mipcheck.checker.capture import Source, read_captures
from mipcheck.checker.capture.survey import survey_of
from mipcheck.checker.check.check import check, resolved
from mipcheck.checker.check.report import Report
from mipcheck.checker.inputs.read import read_trace
from mipcheck.checker.site.site import Site
from mipcheck.checker.trace.route import CAPTURES as LONG_CAPTURES
from mipcheck.checker.trace.route import EVENTS
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.model.native.errors import NativeError
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

from making.files import ETHERNET, Device, Record, block, device_block, option, packet_block, pcap, section
from making.packets import COA, IHA, IHOA, SERVER, VPN, out, user
from making.paths import CAPTURES
from making.routes import native_from

np = pytest.importorskip("numpy")
pytest.importorskip("llvmlite")

from mipcheck.checker.capture.bulk import meaning, rows, scanner  # noqa: E402
from mipcheck.checker.capture.bulk import read as bulk  # noqa: E402

SPEC = resolved("draft-01")
LINKS = seeds()


class Sizes:
    """Pieces, chunks and what is held in memory, as small as wanted."""

    def __init__(self, patch: pytest.MonkeyPatch, piece: int, headroom: int, chunk: int, held: int) -> None:
        patch.setattr(scanner, "_BUFFER", piece)
        patch.setattr(scanner, "_HEADROOM", headroom)
        patch.setattr(scanner, "CHUNK", chunk)
        patch.setattr(scanner, "PacketRows", lambda: rows.PacketRows(chunk, held))


SIZES = st.tuples(st.sampled_from((64, 300, 5000)), st.sampled_from((16, 200)), st.sampled_from((1, 7, 100)),
                  st.sampled_from((0, 2, 50)))  # fmt: skip


def assert_same(files: Sequence[bytes], site: Site) -> int:
    """How many events there are."""
    return sum(len(capture.events) for capture in captures.assert_same(files, site))


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), SIZES, st.sampled_from(SITES), st.integers(1, 2))
def test_mutated_packets_of_every_kind(
    monkeypatch: pytest.MonkeyPatch, seed: int, sizes: tuple[int, int, int, int], site: Site, count: int
) -> None:
    dice = random.Random(seed)
    Sizes(monkeypatch, *sizes)
    assert_same([batch_of(LINKS, 40, dice) for _ in range(count)], site)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("path", sorted(CAPTURES.glob("*.pcapng")), ids=lambda path: path.stem)
@pytest.mark.parametrize("keys", [True, False])
def test_own_captures(path: Path, keys: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    site = read_trace([str(path)], vocabulary_of(SPEC), str(path.with_suffix(".toml"))).site
    Sizes(monkeypatch, 10_000, 2000, 50, 1)
    assert assert_same([path.read_bytes()], site if keys else dataclasses.replace(site, esp_sas=())) > (
        10 if "careless" in path.stem else 50
    )


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(CAPTURES.glob("*.pcapng"))), st.integers(0, 2**32), SIZES)
def test_own_captures_changed(
    monkeypatch: pytest.MonkeyPatch, path: Path, seed: int, sizes: tuple[int, int, int, int]
) -> None:
    dice = random.Random(seed)
    data = bytearray(path.read_bytes())
    for _ in range(dice.randrange(200)):
        data[dice.randrange(200, len(data))] = dice.choice((0, 1, 2, 4, 17, 50, 69, dice.randrange(256)))
    Sizes(monkeypatch, *sizes)
    site = read_trace([str(path)], vocabulary_of(SPEC), str(path.with_suffix(".toml"))).site
    assert_same([bytes(data)], site)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_interfaces_may_share_a_name(order: tuple[int, int]) -> None:
    frames = [packet_block(Record(0, LINKS[ETHERNET][0], n), 10**6 * (9 + t)) for t, n in enumerate(order)]
    counted = block("<", 5, struct.pack("<III", 0, 0, 0) + option("<", 5, struct.pack("<Q", 3)))
    devices = [device_block(Device("eth0", tsresol=None)) for _ in range(2)]
    assert assert_same([b"".join([section(), *devices, *frames, counted, *frames])], SITES[0]) > 2


def test_losses_are_said_where_they_are() -> None:
    lost = option("<", 4, struct.pack("<Q", 2))
    frames = [
        packet_block(Record(0, LINKS[ETHERNET][t], t % 2, options=lost if t % 5 == 0 else b""), 10**6 * (9 + t))
        for t in range(20)
    ]
    devices = [device_block(Device(name, tsresol=None)) for name in ("eth0", "wlan0")]
    assert assert_same([b"".join([section(), *devices, *frames])], SITES[0]) > 10


@pytest.mark.parametrize("diverse", [0, 10**6])
def test_where_no_packet_is_like_another(diverse: int, monkeypatch: pytest.MonkeyPatch) -> None:
    packets = [bytes(out(IP(src=f"10.1.2.{n}", dst=IHA) / UDP(sport=n, dport=n) / Raw(b"x"))) for n in range(1, 200)]
    monkeypatch.setattr(scanner, "_DIVERSE", diverse)
    monkeypatch.setattr(scanner, "CHUNK", 20)
    data = pcap([Record(n, packet) for n, packet in enumerate(packets)])
    described, events, surveys = bulk.read_bulk([Source(io.BytesIO(data), "a")], SITES[0], PROTECTS, True)
    expected = read_captures([Source(io.BytesIO(data), "a")], SITES[0], PROTECTS)
    assert list(events) == expected[1] and described[0].set_aside == expected[0][0].set_aside
    assert isinstance(events, list) == (not diverse)
    (survey,), expected_survey = surveys, survey_of(io.BytesIO(data), "a")
    assert survey.devices == expected_survey.devices and survey.flows == expected_survey.flows


def test_what_hides_behind_a_packet_too_short_for_esp() -> None:
    """Not even an SPI by its length, but an IPv4 packet comes after where it says that it ends."""
    inner = bytes(user(IHOA, SERVER))
    frames = []
    for payload in (bytes(len(inner)), inner):
        udp = UDP(sport=4500, dport=4500, len=10 + len(payload)) / Raw(b"\0\0" + payload)
        frames.append(bytes(out(IP(src=COA, dst=VPN, len=30) / udp)))
    assert assert_same([pcap([Record(n, frames[n > 0]) for n in range(4)])], SITES[0]) == 4


@pytest.mark.parametrize("name", ["inside", "loss-ignored", "movement"])
def test_as_far_from_the_epoch_as_an_offset_can_take_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a deadline does not fit in 64 bits."""
    data = bytearray((CAPTURES / f"{name}.pcapng").read_bytes())
    blocks = list(packet_blocks(data))
    stamps = [high << 32 | low for high, low in (struct.unpack_from("<II", data, at + 12) for at in blocks)]
    for at, stamp in zip(blocks, stamps, strict=True):
        moved = stamp - max(stamps) + 2**62 - 1
        struct.pack_into("<II", data, at + 12, moved >> 32, moved & 0xFFFFFFFF)
    path = tmp_path / "far.pcapng"
    path.write_bytes(data)
    found = []
    for long in (2**60, 0):
        be_long(monkeypatch, long)
        native_from(monkeypatch, EVENTS, long)
        config = CAPTURES / f"{name}.toml"
        found.append(check(path, config=config, offsets={str(path): "4611686018.4"}))
    assert found[1] == found[0]
    assert bool(found[0].violations) == (name == "loss-ignored")


def packet_blocks(data: bytes | bytearray) -> Iterator[int]:
    """Where they begin in a pcapng file."""
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        if kind == 6:
            yield at
        at += length


def test_a_loss_far_from_the_epoch() -> None:
    """After which nothing happened: it has no other end."""
    lost = option("<", 4, struct.pack("<Q", 2))
    frames = [Record(0, out(user(IHOA, SERVER))), Record(0, bytes(Ether() / ARP()), options=lost)]
    last = (2**62 - 10**9) // 1000  # µs
    data = section() + device_block(Device("eth0", tsresol=None))
    data += b"".join(packet_block(frame, last + n) for n, frame in enumerate(frames))
    expected, found = (
        read([Source(io.BytesIO(data), "a", 4_611_686_018 * 10**9)], SITES[0], PROTECTS)
        for read in (read_captures, bulk.read_bulk)
    )
    assert list(found[1]) == expected[1]
    assert [event.kind for event in expected[1]] == ["data", "gap"]


class Gone(io.BytesIO):
    """A pipe, as far as a reader can tell."""

    def seekable(self) -> bool:
        return False


@pytest.mark.parametrize("stream", [io.BytesIO, Gone])
def test_devices_that_show_the_same_packets(stream: type[io.BytesIO], tmp_path: Path) -> None:
    make_capture.make(tmp_path / "soak.pcap", 600, kind="pcap", scene="inside", rate=20)
    data = (tmp_path / "soak.pcap").read_bytes()
    expected = read_captures([Source(stream(data), "a", 0, "eth0"), Source(stream(data), "b", 10, "br0")], SITES[0])
    found = bulk.read_bulk([Source(stream(data), "a", 0, "eth0"), Source(stream(data), "b", 10, "br0")], SITES[0])
    assert list(found[1]) == expected[1] and found[0] == expected[0]
    assert any("once more" in note for capture in found[0] for note in capture.notes)


def test_pipes_that_show_the_same_packets_from_different_places_on(tmp_path: Path) -> None:
    """The first of a kind is then another one in each, with other ports."""
    make_capture.make(tmp_path / "soak.pcap", 600, kind="pcap", scene="inside", rate=20)
    data = (tmp_path / "soak.pcap").read_bytes()
    records = [(at := 24)]
    while at < len(data):
        records.append(at := at + 16 + struct.unpack_from("<I", data, at + 8)[0])
    # What tells whose node it is comes first; then the other one misses some.
    less = data[: records[20]] + data[records[60] :]

    def both() -> list[Source]:
        return [Source(Gone(data), "a", 0, "eth0"), Source(Gone(less), "b", 10, "br0")]

    expected, found = read_captures(both(), SITES[0]), bulk.read_bulk(both(), SITES[0])
    assert list(found[1]) == expected[1] and found[0] == expected[0]
    assert any("once more" in note for capture in found[0] for note in capture.notes)


# --- made captures, through the whole of `check` -------------------------------------------------------------------


def be_long(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    native_from(monkeypatch, LONG_CAPTURES, size)


def reports(path: Path, monkeypatch: pytest.MonkeyPatch, config: Path) -> Iterator[Report]:
    for long in (2**60, 0):
        be_long(monkeypatch, long)
        yield check(path, config=config)


@pytest.mark.slow
@pytest.mark.parametrize("scene", make_capture.SCENES)
@pytest.mark.parametrize("packed", [False, True])
def test_the_same_report(scene: str, packed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = "pcap" if scene in ("inside", "outside") else "pcapng"
    path = tmp_path / f"soak.{kind}"
    config = make_capture.make(path, 2000, seed=3, kind=kind, scene=scene, rate=20, leak=True)
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes(), 1))
    monkeypatch.setattr(scanner, "CHUNK", 300)
    slow, fast = reports(path, monkeypatch, config)
    assert fast == slow
    assert fast.events > 500
    assert bool(fast.violations) == (scene in ("two", "inside"))


def test_a_report_of_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = make_capture.make(tmp_path / "soak.pcapng", 1000, scene="two", rate=8, leak=True)
    data = (tmp_path / "soak.pcapng").read_bytes()
    reports = []
    for long in (2**60, 5000):
        be_long(monkeypatch, long)
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        reports.append(check("-", config=config))
    assert reports[0] == reports[1] and reports[0].violations


def test_the_columns_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = make_capture.make(tmp_path / "soak.pcapng", 500, scene="two", rate=20)
    for long, type_ in ((2**60, list), (0, meaning.CaptureEvents)):
        be_long(monkeypatch, long)
        trace = read_trace([str(tmp_path / "soak.pcapng")], vocabulary_of(SPEC), str(config))
        assert isinstance(trace.events, type_)


def test_without_native_code_captures_are_read_frame_by_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = make_capture.make(tmp_path / "soak.pcapng", 500, scene="two", rate=20)
    be_long(monkeypatch, 0)

    def refuse(unit: object) -> None:
        raise NativeError("no llvmlite")

    monkeypatch.setattr(bulk, "compiled", refuse)
    trace = read_trace([str(tmp_path / "soak.pcapng")], vocabulary_of(SPEC), str(config))
    assert isinstance(trace.events, list)


def test_columns_say_where_and_what(tmp_path: Path) -> None:
    make_capture.make(tmp_path / "a.pcapng", 800, scene="two", rate=20)
    make_capture.make(tmp_path / "b.pcapng", 800, seed=2, scene="two", rate=20)
    files = [(tmp_path / name).read_bytes() for name in ("a.pcapng", "b.pcapng")]
    found = captures.in_columns(files, Site())
    assert not isinstance(found, str)
    _, events, _ = found
    assert isinstance(events, meaning.CaptureEvents)
    numbers = np.arange(0, len(events), 3)
    names, frames = events.places(numbers)
    assert [(f"file{n}", f) for n, f in zip(names.tolist(), frames.tolist(), strict=True)] == [
        (events[n].at.file, events[n].at.frame) for n in numbers.tolist()
    ]
    assert events.interfaces == list(dict.fromkeys(event.interface for event in events))
    assert sum(len(batch.time) for batch in events.batches()) == len(events)


def test_the_same_seed_gives_the_same_capture(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        make_capture.make(tmp_path / name, 700, seed=seed)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b and a != c
    trace = read_trace([str(tmp_path / "a")], vocabulary_of(SPEC), str(tmp_path / "a.toml"))
    assert trace.inputs[0].frames == 700


# --- rows ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 20), min_size=1, max_size=9), max_size=9), st.integers(1, 9), st.integers(0, 3))
def test_rows_are_sorted_as_python_sorts(parts: list[list[int]], chunk: int, held: int) -> None:
    table = rows.PacketRows(chunk, held)
    flat = [time for part in parts for time in part]
    for start in range(0, len(flat), chunk):
        times = np.array(flat[start : start + chunk], np.int64)
        frames = np.arange(start, start + len(times))
        table.append(rows.Chunk(times, frames, frames.astype(np.int32), frames.astype(np.uint32)))
    table = table.sort()
    found = [pair for c in table.chunks() for pair in zip(c.time.tolist(), c.frame.tolist(), strict=True)]
    assert found == sorted(zip(flat, range(len(flat)), strict=True), key=lambda pair: pair[0])
    assert len(table) == len(flat)
    for time in range(22):
        assert table.until(time, before=True) == sum(t < time for t in flat)
        assert table.until(time, before=False) == sum(t <= time for t in flat)


@pytest.mark.parametrize("room", [0, 3])
def test_rows_stay_in_memory_where_nothing_can_be_written(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            if self.tell() > room * 48:
                raise OSError("no space left")
            return super().write(data)

    def refuse(**options: object) -> Full:
        if not room:
            raise OSError("read-only")
        return Full()

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    table = rows.PacketRows(2, 1)
    for start in range(0, 20, 2):
        column = np.arange(start, start + 2)
        table.append(rows.Chunk(column, column, column.astype(np.int32), column.astype(np.uint32)))
    found = [pair for c in table.sort().chunks() for pair in zip(c.time.tolist(), c.length.tolist(), strict=True)]
    assert found == [(n, n) for n in range(20)]
