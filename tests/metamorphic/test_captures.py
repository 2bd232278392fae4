"""Our recordings, changed in ways that must not matter, or that leave less evidence."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from making.depth import drawn
from making.paths import CAPTURES
from metamorphic.captures import changes
from metamorphic.run import Case, answer, failures

NAMES = sorted(path.stem for path in CAPTURES.glob("*.pcapng"))
SOME = [pytest.param(name, marks=pytest.mark.slow) for name in NAMES[::4]]


def recording(name: str) -> Case:
    files = {f"{name}.pcapng": (CAPTURES / f"{name}.pcapng").read_bytes()}
    return Case(files, (CAPTURES / f"{name}.toml").read_text("utf-8"))


@pytest.mark.parametrize("name", ["inside", "loss-ignored", *SOME])
def test_recording(name: str, tmp_path: Path) -> None:
    case = recording(name)
    before = answer(case, tmp_path / "before")
    assert failures(case, changes(case, before, Random(name), 3), tmp_path, both=False) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES[::6])
def test_recording_both_ways(name: str, tmp_path: Path) -> None:
    case = recording(name)
    before = answer(case, tmp_path / "before")
    assert failures(case, changes(case, before, Random(name), drawn(5, 20)), tmp_path, both=True) == []
