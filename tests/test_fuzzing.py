"""The fuzzing harness finds what it looks for, keeps it, and finds nothing in a few inputs of every kind."""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import fuzz
import pytest
from fuzzing import guard
from fuzzing.case import Case, Kind

from making.depth import drawn

pytest.importorskip("numpy")
pytest.importorskip("llvmlite")

KINDS = {kind.name: kind for kind in fuzz.KINDS}


def tried(kind: Kind, keep: Path, count: int, seed: int = 1) -> tuple[fuzz.Tally, list[str]]:
    said: list[str] = []
    return fuzz.fuzz([kind], seed, keep, count=count, say=said.append), said


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), [("capture", 2), ("log", 3), ("jsonl", 3), ("merge", 2), ("file", 12),
                                             ("site", 60), ("spec", 5), ("map", 8)])  # fmt: skip
def test_a_few_inputs_of_every_kind(name: str, count: int, tmp_path: Path) -> None:
    """CI tries many more, by `fuzz.py` itself."""
    count = drawn(count, 200)
    tally, said = tried(KINDS[name], tmp_path, count, seed=3)
    assert tally.failures == 0, said
    assert tally.inputs[name] == count


@pytest.mark.parametrize("name", KINDS)
def test_the_same_seed_gives_the_same_input(name: str) -> None:
    one, other = (KINDS[name].make(random.Random("5")) for _ in range(2))
    assert one == other and any(one.files.values())
    assert any(KINDS[name].make(random.Random(str(n))) != one for n in range(6))


def test_what_is_tried_by_rounds_depends_on_no_clock() -> None:
    """Of each kind its weight, a round after the other, numbered without a hole; and more rounds begin alike."""
    tried_first = [(k.name, n) for k, n in fuzz.order(fuzz.KINDS, None, 2)]
    for kind in fuzz.KINDS:
        assert [n for name, n in tried_first if name == kind.name] == list(range(2 * kind.weight))
    endless = fuzz.order(fuzz.KINDS, None, None)
    assert [(k.name, n) for (k, n), _ in zip(endless, tried_first, strict=False)] == tried_first
    assert [n for _, n in fuzz.order(fuzz.KINDS, 2, None)] == [0] * len(fuzz.KINDS) + [1] * len(fuzz.KINDS)


def _raises(case: Case, folder: Path) -> None:
    (path,) = case.write(folder)
    raise ValueError(path.name)


def _spins(case: Case, folder: Path) -> None:
    while True:
        pass


def _swallows(case: Case, folder: Path) -> None:
    try:
        _spins(case, folder)
    except Exception:
        return


def _grows(case: Case, folder: Path) -> None:
    b"x" * 2**30  # touched, so that it is really there


def _two_tried(attempt: Callable[[Case, Path], None], keep: Path) -> tuple[int, str]:
    """Return how many of two attempts failed, and what was said, with limits that are soon reached."""
    kind = Kind("odd", "files", lambda dice: Case({"x.log": b"x"}, 1, {}), attempt, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guard, "SECONDS", 20.0 if attempt is _grows else 0.3)  # a busy machine gives memory slowly
        patch.setattr(guard, "MEMORY", 50 * 2**20)
        tally, heard = tried(kind, keep, 2, seed=7)
    return tally.failures, "".join(heard)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("attempt", "said"),
    [(_raises, "ValueError"), (_spins, "TooLong"), (_swallows, "TooLong"), (_grows, "TooLarge")],
)
def test_what_fails_is_kept(attempt: Callable[[Case, Path], None], said: str, tmp_path: Path) -> None:
    # In a process of its own: what this one gives back meanwhile of earlier tests would hide what is taken.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as processes:
        failures, heard = processes.submit(_two_tried, attempt, tmp_path).result(timeout=300)
    assert failures == 2 and said in heard
    assert (tmp_path / "odd-7-1" / "x.log").read_bytes() == b"x"
    assert said in (tmp_path / "odd-7-0" / "failure.txt").read_text()
    assert "--seed 7 --only odd --number 0" in (tmp_path / "odd-7-0" / "failure.txt").read_text()
