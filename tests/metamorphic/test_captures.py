"""Our recordings, changed in ways that must not matter, or that leave less evidence."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from making.depth import drawn
from making.files import pcap
from making.paths import CAPTURES
from metamorphic.captures import changes, frames_of
from metamorphic.run import Case, answer, converted, failures

NAMES = sorted(path.stem for path in CAPTURES.glob("*.pcapng"))
SOME = [pytest.param(name, marks=pytest.mark.slow) for name in NAMES[::4]]


def recording(name: str) -> Case:
    files = {f"{name}.pcapng": (CAPTURES / f"{name}.pcapng").read_bytes()}
    return Case(files, (CAPTURES / f"{name}.toml").read_text("utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["inside", "loss-ignored", *SOME])
def test_recording(name: str, tmp_path: Path) -> None:
    case = recording(name)
    before = answer(case, tmp_path / "before")
    made = [*changes(case, before, Random(name), 3), *converted(case, tmp_path / "converted")]
    assert failures(case, made, tmp_path, both=False) == []


def test_recording_as_pcap(tmp_path: Path) -> None:
    """One of one interface is in the other format what it was."""
    frames = frames_of((CAPTURES / "loss-ignored.pcapng").read_bytes())
    assert frames is not None
    data = pcap([r for r in frames.records if r.interface == 0], nano=True)
    again = frames_of(data)
    assert again is not None
    assert again.records == tuple(r._replace(length=len(r.data)) for r in frames.records if r.interface == 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES[::6])
def test_recording_both_ways(name: str, tmp_path: Path) -> None:
    case = recording(name)
    before = answer(case, tmp_path / "before")
    assert failures(case, changes(case, before, Random(name), drawn(5, 20)), tmp_path, both=True) == []
