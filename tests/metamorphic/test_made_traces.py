"""Walks at random, shortest traces and recorded scenarios, changed in ways that must not matter or leave less evidence.

A run takes a few of them; `DEEP=1 pytest` takes all.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from making.depth import DEEP, drawn
from making.paths import TRACES
from metamorphic.captures import changes as changes_of_captures
from metamorphic.logs import changes, left_without_offences
from metamorphic.run import Case, answer, converted, failures

_EVERY = 1 if DEEP else 36
MADE = sorted(p for folder in ("walks", "shortest") for p in (TRACES / folder).rglob("*.log"))
SCENARIOS = sorted((TRACES / "raw" / "scenarios").glob("*.pcapng"))


def made(path: Path) -> Case:
    """Return the case of a log, which for rfc5265 stands in a folder of that name."""
    spec = "rfc5265" if "rfc5265" in path.parts else "draft-01"
    return Case({path.name: path.read_bytes()}, spec=spec)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("path", MADE[::_EVERY], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_made_trace(path: Path, tmp_path: Path) -> None:
    case = made(path)
    before = answer(case, tmp_path / "before")
    assert not before.error
    found = [*changes(case, before, Random(path.name), drawn(2, 6)), *converted(case, tmp_path / "converted")]
    assert failures(case, found, tmp_path, both=DEEP) == []
    assert left_without_offences(case, tmp_path / "without") == ""


def test_no_shortest_trace_is_acquitted_by_a_cut(tmp_path: Path) -> None:
    """What is owed since an event whose condition is not known after the cut is unclear, and not as good as met."""
    path = TRACES / "shortest" / "gw28-broken.log"
    head, events = path.read_text("utf-8").splitlines()[:3], path.read_text("utf-8").splitlines()[3:]
    head[2] = head[2].replace(" boot=true", "")
    for n in range(5):
        cut = Case({path.name: "\n".join([*head, *events[n:], ""]).encode()})
        assert answer(cut, tmp_path / str(n)).verdict == ("violation" if n < 4 else "inconclusive")


@pytest.mark.slow
@pytest.mark.parametrize("path", SCENARIOS[:: 1 if DEEP else 9], ids=lambda path: path.stem)
def test_recorded_scenario(path: Path, tmp_path: Path) -> None:
    case = Case({path.name: path.read_bytes()}, path.with_suffix(".toml").read_text("utf-8"))
    before = answer(case, tmp_path / "before")
    assert not before.error
    found = changes_of_captures(case, before, Random(path.name), drawn(2, 6))
    assert failures(case, [*found, *converted(case, tmp_path / "converted")], tmp_path, both=False) == []
