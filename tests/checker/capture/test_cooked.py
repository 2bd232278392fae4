"""Cooked captures whose packet type is always 0, as some tools write them: addresses tell which way a frame went."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from metamorphic.captures import frames_of
from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Report
from mipcheck.checker.trace.route import CAPTURES

from making.files import ETHERNET, SLL, Record, pcap
from making.paths import TRACES
from making.routes import NEVER, native_from

SCENARIOS = TRACES / "raw" / "scenarios"
NAMES = ["inside-f", "outside-cvc", "movement"]


def judged(report: Report) -> tuple[object, ...]:
    """What a report says, whatever its interface is called."""
    found = [(v.rule, v.time, v.count) for v in (*report.violations, *report.warnings)]
    return report.verdict, found, [(r.id, r.status, r.kept, r.unknown) for r in report.rules]


def cooked(record: Record, kind: int, address: bool) -> Record:
    sender = record.data[6:12] if address else bytes(6)
    return record._replace(data=struct.pack("!HHH", kind, 1, 6) + sender + b"\0\0" + record.data[12:], length=0)


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("address", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_all_to_us(name: str, address: bool, native: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    native_from(monkeypatch, CAPTURES, 0 if native else NEVER)
    frames = frames_of((SCENARIOS / f"{name}.pcapng").read_bytes())
    assert frames is not None
    eth0 = [r for r in frames.records if r.interface == 0]
    found = []
    for form, records in ((ETHERNET, eth0), (SLL, [cooked(r, 0, address) for r in eth0])):
        path = tmp_path / f"{form}.pcap"
        path.write_bytes(pcap(records, form, nano=True))
        found.append(check(path, config=SCENARIOS / f"{name}.toml"))
    assert judged(found[1]) == judged(found[0])
    assert any("which way it went is told by IP addresses alone" in note for note in found[1].notes)
