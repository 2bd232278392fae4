"""Small compressed files that unpack to absurdly much, in bytes or in records; both ways of reading say the same."""

from __future__ import annotations

import gzip
import io
import random
import struct
import tracemalloc
import zlib
from pathlib import Path

import pytest
from mipcheck.checker.capture import CaptureError, Source, read_captures
from mipcheck.checker.capture.frames import gunzip
from mipcheck.checker.report.annotate import annotate
from mipcheck.checker.site.site import Site

from making.files import START, Device, Record, block, device_block, packet_block, pcap, pcapng, section

pytest.importorskip("numpy")
pytest.importorskip("llvmlite")

from mipcheck.checker.capture.bulk import read as bulk

HEADER = struct.Struct("<IIII")
RECORDS = {
    "of nothing": HEADER.pack(1_700_000_000, 0, 0, 0),
    "cut to nothing": HEADER.pack(1_700_000_000, 0, 0, 1),
    "of a byte": HEADER.pack(1_700_000_000, 0, 1, 1) + b"x",
    "of 44 zeros": HEADER.pack(1_700_000_000, 0, 44, 44) + bytes(44),
}
BLOCKS = {
    "of names": block("<", 0x0BAD, b""),
    "of an unknown type": block("<", 0x7777, b""),
    "of a section": section(),
    "of an interface": device_block(Device("eth0")),
    "of an empty packet": packet_block(Record(0, b""), 0),
    "of an empty simple packet": block("<", 3, struct.pack("<I", 0)),
}
WAYS = ("one by one", "in columns")


def packed(head: bytes, piece: bytes, size: int) -> bytes:
    """A file that begins with `head` and goes on with `size` bytes of pieces, compressed as well as can be."""
    engine = zlib.compressobj(9, wbits=31)
    many = piece * (2**20 // len(piece))
    parts = [engine.compress(head), *(engine.compress(many) for _ in range(size // len(many))), engine.flush()]
    return b"".join(parts)


def answer(data: bytes, way: str) -> object:
    """What a file comes to: its frames and notes, or what is wrong with it."""
    try:
        sources = [Source(io.BytesIO(data), "x.gz")]
        captures = (read_captures(sources, Site()) if way == WAYS[0] else bulk.read_bulk(sources, Site()))[0]
    except CaptureError as error:
        return str(error)
    return captures[0].frames, captures[0].notes


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("head", "piece"),
    [*((pcap([]), r) for r in RECORDS.values()), *((pcapng([]), b) for b in BLOCKS.values())],
    ids=[*RECORDS, *BLOCKS],
)
def test_absurdly_many_records(head: bytes, piece: bytes, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each costs time and most cost memory, however little is in it."""
    monkeypatch.setattr(gunzip, "_FEW", 2000)
    assert "more than 2 records for each byte" in str(answer(packed(head, piece, 3 * 2**20), way))


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_few_records_may_be_as_alike_as_they_like(way: str) -> None:
    found = answer(packed(pcap([]), RECORDS["of a byte"], 2**20), way)
    assert isinstance(found, tuple) and found[0] == 2**20 // 17


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("step", [1, 1_000, 1_000_000], ids=["us", "ms", "s"])
def test_records_at_equal_intervals_are_a_capture(step: int, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of which a capture is made compresses better than empty frames at equal intervals."""
    monkeypatch.setattr(gunzip, "_FEW", 100)
    data = gzip.compress(pcap([Record(n * step * 1000, b"") for n in range(20_000)]), 9)
    found = answer(data, way)
    assert isinstance(found, tuple) and found[0] == 20_000


@pytest.mark.slow
def test_a_bomb_of_records_takes_little_memory() -> None:
    data = packed(pcap([]), RECORDS["cut to nothing"], 400 * 2**20)
    assert len(data) < 2**20
    tracemalloc.start()
    with pytest.raises(CaptureError, match="2 records"):
        read_captures([Source(io.BytesIO(data), "x.gz")], Site())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 500 * 2**20


@pytest.mark.slow
@pytest.mark.parametrize("seed", [*range(60), 1215, 1280])
def test_both_ways_end_at_the_same_place(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are dense in places, of one member or several, whole, cut or damaged; some of them meet a limit."""
    dice = random.Random(seed)
    monkeypatch.setattr(gunzip, "CHUNK", dice.choice((64, 300, 1000)))
    monkeypatch.setattr(gunzip, "_UNIT", dice.choice((50, 64, 700)))
    monkeypatch.setattr(gunzip, "_FEW", dice.choice((50, 200, 1000)))
    monkeypatch.setattr(gunzip, "_FREE", dice.choice((2**12, 2**20)))
    monkeypatch.setattr(gunzip, "_MAX_RATIO", dice.choice((20, 250)))
    blocks = dice.random() < 0.5
    parts = [pcapng([]) if blocks else pcap([])]
    for _ in range(dice.randrange(1, 8)):
        alike = dice.choice([*(BLOCKS if blocks else RECORDS).values()])
        parts += [alike] * dice.randrange(1500)
        for n in range(dice.randrange(200)):
            record = Record(n * 10**6 + dice.randrange(10**6), dice.randbytes(dice.randrange(60)))
            parts.append(packet_block(record, (START + record.time) // 1000) if blocks else pcap([record])[24:])
    plain = b"".join(parts)
    cuts = sorted(dice.randrange(len(plain)) for _ in range(dice.choice((0, 0, 3, 40))))
    data = b"".join(gzip.compress(plain[a:b]) for a, b in zip([0, *cuts], [*cuts, len(plain)], strict=True))
    if dice.random() < 0.3:
        data = data[: dice.randrange(200, len(data))]
    elif dice.random() < 0.3:
        at = dice.randrange(100, len(data))
        data = data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1 :]
    assert answer(data, "one by one") == answer(data, "in columns")


@pytest.mark.parametrize("way", WAYS)
def test_zeros_instead_of_records_are_damage(way: str) -> None:
    """As a file ends whose machine went down; read as records without time or bytes, they would be millions."""
    plain = pcap([Record(0, b"a" * 60)]) + bytes(16 * 1000)
    found = answer(plain, way)
    assert isinstance(found, tuple) and found[0] == 1
    assert "damaged at frame 2: zeros instead of a record; the rest is not read" in found[1]


def test_an_annotated_copy_ends_at_zeros(tmp_path: Path) -> None:
    whole, cut = io.BytesIO(), io.BytesIO()
    plain = pcap([Record(0, b"a" * 60)])
    annotate(io.BytesIO(plain), whole, {})
    annotate(io.BytesIO(plain + bytes(16 * 1000)), cut, {})
    assert cut.getvalue() == whole.getvalue()
