"""The example logs, and logs of simulated nodes, changed in ways that must not matter."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from oracle.compare import faults_of
from oracle.simulator import simulate

from making.depth import drawn
from making.paths import TRACES
from metamorphic.logs import changes, left_without_offences
from metamorphic.run import Case, answer, converted, failures

LOGS = sorted(TRACES.glob("*.log"))
# A test is given few of them, and few seeds: each takes seconds. `by_hand.py` takes as many as one has time for.


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", [pytest.param(p, id=p.stem, marks=() if n % 8 == 0 else pytest.mark.slow) for n, p in enumerate(LOGS)]
)
def test_example(path: Path, tmp_path: Path) -> None:
    case = Case({path.name: path.read_bytes()})
    before = answer(case, tmp_path / "before")
    made = [*changes(case, before, Random(path.name), 3), *converted(case, tmp_path / "converted")]
    assert failures(case, made, tmp_path, both=False) == []


@pytest.mark.slow
@pytest.mark.parametrize("path", LOGS[::6], ids=lambda path: path.stem)
def test_example_both_ways(path: Path, tmp_path: Path) -> None:
    case = Case({path.name: path.read_bytes()})
    before = answer(case, tmp_path / "before")
    assert failures(case, changes(case, before, Random(path.name), drawn(10, 40)), tmp_path, both=True) == []


def simulated(seed: int, tmp_path: Path, cuts: int, both: bool) -> list[str]:
    case = Case({"node.log": simulate(seed, faults_of(seed, seed % 3 > 0)).encode()})
    before = answer(case, tmp_path / "before")
    return failures(case, changes(case, before, Random(seed), cuts), tmp_path, both)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 7))
def test_simulated_node(seed: int, tmp_path: Path) -> None:
    assert simulated(seed, tmp_path, 2, both=False) == []


@pytest.mark.sampled(3)
@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_without_what_broke_rules_nothing_is_broken(path: Path, tmp_path: Path) -> None:
    assert left_without_offences(Case({path.name: path.read_bytes()}), tmp_path) == ""


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, *(pytest.param(n, marks=pytest.mark.slow) for n in range(3, drawn(7, 33)))])
def test_without_what_a_simulated_node_broke(seed: int, tmp_path: Path) -> None:
    case = Case({"node.log": simulate(seed, faults_of(seed, True)).encode()})
    assert left_without_offences(case, tmp_path) == ""


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(7, drawn(13, 57)))
def test_many_simulated_nodes(seed: int, tmp_path: Path) -> None:
    assert simulated(seed, tmp_path, drawn(4, 12), both=seed % 5 == 0) == []
