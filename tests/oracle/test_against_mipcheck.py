"""The judge and mipcheck agree on simulated nodes, and so do mipcheck's ways of reading. `compare.py` tries more."""

from __future__ import annotations

from pathlib import Path

import mipcheck
import pytest
from mipcheck.checker.check.report import Violation

from oracle.compare import check, disagreements, faults_of
from oracle.simulator import simulate

SEEDS = range(1, 151)


@pytest.mark.slow
@pytest.mark.parametrize("faulty", [False, True], ids=["conforming", "faulty"])
def test_they_agree_on_a_few(faulty: bool) -> None:
    assert disagreements(range(1, 21), faulty, natively=True) == []


@pytest.mark.slow
@pytest.mark.parametrize("faulty", [False, True], ids=["conforming", "faulty"])
def test_they_agree(faulty: bool) -> None:
    assert disagreements(SEEDS, faulty) == []


def _told(violation: Violation) -> tuple[object, ...]:
    v = violation
    return v.rule, v.interface, v.time, v.last_time, v.overdue, [because.text for because in v.because]


@pytest.mark.slow
def test_the_machine_that_is_used_again_is_as_good_as_a_new_one(tmp_path: Path) -> None:
    """Whoever compares gives one machine the parameters of site after site."""
    for seed in (3, 4, 5, 6):
        file = tmp_path / "node.log"
        file.write_text(text := simulate(seed, faults_of(seed, True)))
        new, again = mipcheck.check([file]), check(text)
        assert [_told(v) for v in again.violations] == [_told(v) for v in new.violations]
        assert (again.rules, again.parameters, again.verdict) == (new.rules, new.parameters, new.verdict)
