"""Captures at a gateway in columns: the same as frame by frame, and what columns cannot tell is left to that."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mipcheck.checker.trace.columns import Columns

from making.at_device import MS, file_of
from making.at_gateway import Traffic, cut
from making.depth import drawn
from making.in_columns import LINKS, as_captured, assert_same, small

pytest.importorskip("llvmlite")
pytest.importorskip("cryptography")


@pytest.mark.slow
@settings(max_examples=drawn(20, 300), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32),
    nodes=st.sampled_from((1, 3, 8)),
    odd=st.sampled_from((0.0, 0.1, 0.5, 1.0)),
    damage=st.sampled_from((0.0, 0.0, 0.03, 0.3)),
    step=st.sampled_from((MS, 700 * MS, 3000 * MS)),
    chunk=st.sampled_from((7, 64, 5000)),
    link=st.sampled_from(LINKS),
    files=st.sampled_from((1, 1, 2)),
)
def test_any_traffic_comes_to_the_same(
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    nodes: int,
    odd: float,
    damage: float,
    step: int,
    chunk: int,
    link: str,
    files: int,
) -> None:
    dice = random.Random(seed)
    small(monkeypatch, chunk, dice.choice((0, 2)))
    traffic = Traffic(dice, nodes, odd)
    frames = cut(traffic.frames(120), dice, damage)
    assert_same([as_captured(frames[n::files], step, link) for n in range(files)], traffic.site)


@pytest.mark.slow
def test_most_of_it_stays_in_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the test above is about columns, and not about what was read one by one in their place."""
    small(monkeypatch, 64, 2)
    for seed in range(drawn(4, 20)):
        traffic = Traffic(random.Random(seed), 3)
        assert isinstance(assert_same([file_of(traffic.frames(120))], traffic.site), Columns)
