"""pcap and pcapng files → frames; and the writers that the other capture tests use."""

from __future__ import annotations

import gzip
import io
import os
import signal
import struct
import subprocess
import sys
import time
import tracemalloc
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from mipcheck.checker.capture import CaptureError, is_capture, read_capture
from mipcheck.checker.capture.frames.files import open_frames
from mipcheck.checker.capture.frames.frame import Frame
from mipcheck.checker.check.check import check
from mipcheck.checker.site.site import Site

from making.files import (
    ETHERNET,
    RAW,
    START,
    Device,
    Record,
    block,
    device_block,
    option,
    packet_block,
    pcap,
    pcapng,
    section,
)


def frames_of(data: bytes) -> tuple[list[Frame], list[str]]:
    info, frames = open_frames(io.BytesIO(data), "test")
    return list(frames), info.notes


TWO = [Record(1_000_001_000, b"a" * 60), Record(2_000, b"b" * 61, length=1500)]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nano", [False, True])
def test_pcap_in_both_orders_and_resolutions(order: str, nano: bool) -> None:
    data = pcap(TWO, order=order, nano=nano)
    assert is_capture(data[:12])
    frames, _ = frames_of(data)
    assert frames == [
        Frame(1, START + 1_000_001_000, "if0", ETHERNET, b"a" * 60, 60, ""),
        Frame(2, START + 2_000, "if0", ETHERNET, b"b" * 61, 1500, ""),
    ]


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_in_both_orders(order: str) -> None:
    data = pcapng(TWO, order=order)
    assert is_capture(data[:12])
    frames, notes = frames_of(data)
    assert [(f.number, f.time - START, f.interface, f.length) for f in frames] == [
        (1, 1_000_001_000, "eth0", 60),
        (2, 2_000, "eth0", 1500),
    ]
    assert notes == []


def test_pcapng_resolutions_and_offset() -> None:
    devices = [Device("us", tsresol=None), Device("ms", tsresol=3), Device("binary", tsresol=0x80 | 10)]
    data = section() + b"".join(map(device_block, [*devices, Device("offset", tsresol=6, tsoffset=-100)]))
    for index, stamp in enumerate((1_500_000, 1_500, 1536, 101_500_000)):
        data += packet_block(Record(0, b"x" * 60, index), stamp)
    frames, _ = frames_of(data)
    assert [f.time for f in frames] == [1_500_000_000] * 4


def test_pcapng_sections_have_their_own_interfaces_and_order() -> None:
    first = pcapng(TWO[:1], [Device("eth0"), Device("wlan0")])
    second = pcapng([Record(5, b"c" * 60)], [Device("tun0", RAW)], order=">")
    frames, _ = frames_of(first + second)
    assert [(f.number, f.interface, f.linktype) for f in frames] == [(1, "eth0", ETHERNET), (2, "tun0", RAW)]


def test_pcapng_old_and_simple_blocks_direction_and_unknown_blocks() -> None:
    out = section() + device_block(Device("eth0", tsresol=6)) + block("<", 0x0BAD, b"x" * 100_000)
    out += packet_block(Record(0, b"a" * 61, options=option("<", 2, b"\2\0\0\0")), 7)
    out += block("<", 2, struct.pack("<HHIIII", 0, 0, 0, 9, 60, 60) + b"b" * 60)
    out += block("<", 3, struct.pack("<I", 60) + b"c" * 60)
    frames, notes = frames_of(out)
    assert [(f.time, f.data[:1], len(f.data), f.direction) for f in frames] == [
        (7_000, b"a", 61, "out"),
        (9_000, b"b", 60, ""),
        (9_000, b"c", 60, ""),
    ]
    assert len(notes) == 1 and "simple packet" in notes[0]


def test_drops_are_noted() -> None:
    counts = option("<", 5, (3).to_bytes(8, "little")) + option("<", 7, (4).to_bytes(8, "little"))
    lossy = block("<", 5, bytes(12) + counts + option("<", 0, b""))
    assert frames_of(pcapng(TWO) + lossy)[1] == ["7 frames on eth0 were lost while capturing"]
    clean = block("<", 5, bytes(12) + option("<", 5, bytes(8)))
    assert frames_of(pcapng(TWO) + clean)[1] == []


def test_names_fit_into_a_log() -> None:
    frames, _ = frames_of(pcapng([Record(0, b"x", 0), Record(0, b"x", 1)], [Device("Wi-Fi 2 = #1"), Device("-")]))
    assert [f.interface for f in frames] == ["Wi-Fi_2____1", "if1"]


@pytest.mark.parametrize("data", [pcap(TWO), pcapng(TWO)], ids=["pcap", "pcapng"])
def test_a_cut_file_is_read_to_where_it_is_cut(data: bytes) -> None:
    whole, _ = frames_of(data)
    for cut in range(len(data) - 1, len(data) - 60, -1):
        frames, notes = frames_of(data[:cut])
        assert frames == whole[:1]
        assert any("truncated at frame 2" in note for note in notes)


@pytest.mark.parametrize(
    "data", [b"", b"abc", b"mipcheck-trace 1\n", pcap([])[:20], pcapng([])[:10], b"\x0a\x0d\x0d\x0a" * 9]
)
def test_what_is_no_capture(data: bytes) -> None:
    with pytest.raises(CaptureError) as caught:
        read_capture(io.BytesIO(data), "x.bin", Site())
    assert caught.value.at.file == "x.bin"
    assert caught.value.message


def test_absurd_sizes_end_the_reading() -> None:
    frames, notes = frames_of(pcap(TWO[:1]) + struct.pack("<IIII", 0, 0, 2**31, 2**31))
    assert len(frames) == 1 and "damaged at frame 2" in notes[-1]
    frames, notes = frames_of(pcapng(TWO[:1]) + struct.pack("<II", 6, 2**31))
    assert len(frames) == 1 and "damaged block after frame 1" in notes[-1]


def test_a_frame_with_an_absurd_time_is_not_read() -> None:
    """Nobody knows when it was: at the time of the frame before, it would be judged by what held then."""
    frames, notes = frames_of(pcapng(TWO[:1]) + packet_block(TWO[1], 2**63) * 3)
    assert [f.number for f in frames] == [1]
    assert notes == ["frame 2: a packet with a time that cannot be right is not read; 3 such in all"]


class Dribble(io.RawIOBase):
    """A raw stream, such as a pipe, that gives a byte at a time."""

    def __init__(self, data: bytes) -> None:
        self._rest = data

    def read(self, size: int = -1, /) -> bytes:
        given, self._rest = self._rest[:1], self._rest[1:]
        return given


@pytest.mark.parametrize("data", [pcap(TWO), pcapng(TWO)], ids=["pcap", "pcapng"])
def test_a_pipe_may_give_little_at_a_time(data: bytes) -> None:
    info, frames = open_frames(cast("BinaryIO", Dribble(data)), "test")
    assert len(list(frames)) == info.frames == 2


def test_an_empty_frame_does_not_end_a_compressed_file() -> None:
    data = pcap([Record(1, b"a"), Record(2, b""), *(Record(n, b"b" * 60) for n in range(3, 20))])
    assert [frame.data for frame in frames_of(gzip.compress(data))[0]] == [b"a", b"", *[b"b" * 60] * 17]


def test_an_interface_without_a_name_is_called_by_its_description() -> None:
    guid = "\\Device\\NPF_{1B2C}"
    devices = [Device("", description="Ethernet 2"), Device(guid, description="Wi-Fi"), Device(guid)]
    frames, notes = frames_of(pcapng([Record(0, b"x", i) for i in range(3)], devices))
    assert [f.interface for f in frames] == ["Ethernet_2", "Wi-Fi", guid]
    assert [n for n in notes if "Wi-Fi" in n] == [f"{guid} is called Wi-Fi"]


def test_simple_packets_end_at_the_snap_length() -> None:
    out = section() + device_block(Device("eth0", snap=61)) + block("<", 3, struct.pack("<I", 90) + b"c" * 61)
    frames, _ = frames_of(out)
    assert (len(frames[0].data), frames[0].length) == (61, 90)


def test_frames_of_unknown_interfaces_are_noted_and_counted() -> None:
    file = pcapng(TWO[:1]) + packet_block(Record(0, b"y" * 60, 7), 5) + packet_block(TWO[1], START)
    frames, notes = frames_of(file)
    assert [f.number for f in frames] == [1, 3]
    assert notes == ["frame 2: a packet of an interface that the file does not describe is not read"]
    _, notes = frames_of(file + packet_block(Record(0, b"y", 9), 5) * 10_000)
    assert notes == [f"{notes[0].partition(';')[0]}; 10001 such in all"]


def test_blocks_that_carry_no_packets_are_skipped() -> None:
    comment = option("<", 1, "a comment, Ω".encode())
    others = b"".join(block("<", kind, b"z" * 33) for kind in (4, 7, 9, 10, 0xBAD, 0x80000001))
    file = pcapng(TWO[:1]) + others + packet_block(TWO[1]._replace(options=comment), START + 2_000)
    whole, _ = frames_of(pcapng(TWO))
    frames, notes = frames_of(file)
    assert frames == whole and notes == []


# gzip.


@pytest.mark.parametrize("data", [pcap(TWO), pcapng(TWO, order=">")], ids=["pcap", "pcapng"])
def test_compressed_captures(data: bytes) -> None:
    whole = frames_of(data)
    packed = gzip.compress(data)
    assert is_capture(packed)
    assert frames_of(packed) == whole
    split = gzip.compress(data[:70]) + bytes(3) + gzip.compress(b"") + gzip.compress(data[70:]) + bytes(512)
    assert frames_of(split) == whole
    info, frames = open_frames(cast("BinaryIO", Dribble(packed)), "test")
    assert (list(frames), info.notes) == whole


def test_a_compressed_log_is_no_capture() -> None:
    assert not is_capture(gzip.compress(b"mipcheck-trace 1"))
    assert not is_capture(b"\x1f\x8b" + b"x" * 90)
    with pytest.raises(CaptureError, match="gzip"):
        frames_of(gzip.compress(b"mipcheck-trace 1"))


def test_a_cut_compressed_file_is_read_to_where_it_is_cut() -> None:
    records = [Record(i, os.urandom(60)) for i in range(2000)]
    for data in (pcap(records), pcapng(records)):
        whole, _ = frames_of(data)
        packed = gzip.compress(data)
        for cut in (len(packed) // 2, len(packed) - 1, len(packed) - 9):
            frames, notes = frames_of(packed[:cut])
            assert frames == whole[: len(frames)] and len(frames) > 900
            assert any(note.endswith("truncated: the gzip data end") for note in notes)


def test_damage_in_a_compressed_file_is_noted() -> None:
    records = [Record(i, os.urandom(60)) for i in range(2000)]
    packed = bytearray(gzip.compress(pcap(records)))
    packed[-6] ^= 1  # the checksum
    frames, notes = frames_of(bytes(packed))
    assert len(frames) >= 1900 and notes[-1].endswith("damaged: the gzip data make no sense")
    _, notes = frames_of(gzip.compress(pcap(TWO)) + b"trailing")
    assert notes[-1] == "after frame 2: what follows the gzip data is not read"


def bomb(size: int) -> bytes:
    """One frame, then records of nothing, compressed as well as can be."""
    engine = zlib.compressobj(9, wbits=31)
    parts = [engine.compress(pcap(TWO[:1]))]
    piece = (struct.pack("<IIII", 0, 0, 2**20, 2**20) + bytes(2**20)) * 16
    parts += [engine.compress(piece) for _ in range(size // len(piece))]
    return b"".join([*parts, engine.flush()])


@pytest.mark.slow
def test_a_decompression_bomb_ends_in_an_error_and_takes_no_memory() -> None:
    packed = bomb(400 * 2**20)
    assert len(packed) < 2**20
    tracemalloc.start()
    with pytest.raises(CaptureError, match="250 times"):
        read_capture(io.BytesIO(packed), "x.gz", Site())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2**20


# As an input of the program.

PROGRAM = [sys.executable, "-m", "mipcheck.checker.cli.main"]


def test_standard_input_while_it_is_written(tmp_path: Path) -> None:
    """The reader does not wait for the end to start with, and does not mind in which pieces the bytes come."""
    file = tmp_path / "a.pcap"
    file.write_bytes(pcap([Record(i * 10**6, b"f" * 60) for i in range(500)]))
    command = [*PROGRAM, "-", "--format", "json"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        data = file.read_bytes()
        for at in range(0, len(data), 777):
            process.stdin.write(data[at : at + 777])
            process.stdin.flush()
        process.stdin.close()
        answer = process.stdout.read()
    assert b'"frames": 500' in answer and b"<stdin>" in answer


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_interrupting_the_capturing_program_gets_the_report() -> None:
    """Ctrl-C reaches both ends of a pipe: what was captured is judged."""
    with subprocess.Popen([*PROGRAM, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        data = pcap([Record(i, b"f" * 60) for i in range(2)])
        process.stdin.write(data[:50])
        process.stdin.flush()
        if not wait_until_read(process.pid):
            process.kill()
            pytest.skip("the system does not say what a process waits for")
        process.send_signal(signal.SIGINT)
        process.stdin.write(data[50:])
        process.stdin.close()
        answer = process.stdout.read()
    assert process.returncode == 3 and b"INCONCLUSIVE" in answer.upper()


def wait_until_read(pid: int) -> bool:
    """Until a process waits for its standard input."""
    for _ in range(500):
        state = Path(f"/proc/{pid}/wchan")
        if not state.exists():
            return False
        if "pipe" in state.read_text():
            return True
        time.sleep(0.02)
    return False


def test_compressed_files_and_several_are_inputs(tmp_path: Path) -> None:
    plain, packed, other = tmp_path / "eth0.pcap", tmp_path / "wlan0.pcap.gz", tmp_path / "tun0.pcap"
    plain.write_bytes(pcap([Record(0, b"f" * 60)]))
    packed.write_bytes(gzip.compress(pcap([Record(9, b"f" * 60)] * 2)))
    other.write_bytes(pcap([Record(9, b"\x60" * 60)] * 3, RAW))
    report = check([str(p) for p in (plain, packed, other)])
    assert [(i.kind, i.frames, i.interfaces) for i in report.inputs] == [
        ("pcap", 1, ("eth0",)),
        ("pcap", 2, ("wlan0",)),
        ("pcap", 3, ("tun0",)),
    ]
    assert check([str(packed)]).inputs[0].interfaces == ("if0",)
