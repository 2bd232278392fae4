"""Several inputs of one node become one trace."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mipcheck.checker.trace.merge import merge
from mipcheck.model.values.event import Event, Position


def event(time: int, file: str, line: int) -> Event:
    return Event(time, "eth0", "gap", {}, Position(file, line))


def test_by_time_with_offsets() -> None:
    first = [event(10, "a", 1), event(30, "a", 2)]
    second = [event(0, "b", 1), event(5, "b", 2)]
    found = merge([first, second], [0, 20])
    assert [(e.time, e.at.file, e.at.line) for e in found] == [(10, "a", 1), (20, "b", 1), (25, "b", 2), (30, "a", 2)]
    assert [e.time for e in second] == [0, 5]


def test_equal_times_keep_the_order_of_the_inputs() -> None:
    found = merge([[event(5, "a", 1), event(5, "a", 2)], [event(5, "b", 1)]], [0, 0])
    assert [(e.at.file, e.at.line) for e in found] == [("a", 1), ("a", 2), ("b", 1)]


def test_nothing_and_too_few_offsets() -> None:
    assert merge([], []) == [] and merge([[]], [5]) == []
    with pytest.raises(ValueError):
        merge([[], []], [0])


times = st.lists(st.integers(0, 20)).map(sorted)


@given(st.lists(st.tuples(times, st.integers(-5, 5)), max_size=4))
def test_merging_loses_nothing_and_keeps_each_order(inputs: list[tuple[list[int], int]]) -> None:
    streams = [[event(t, str(i), line) for line, t in enumerate(ts)] for i, (ts, _) in enumerate(inputs)]
    found = merge(streams, [offset for _, offset in inputs])
    assert [e.time for e in found] == sorted(e.time for e in found)
    for i, (ts, offset) in enumerate(inputs):
        own = [e for e in found if e.at.file == str(i)]
        assert [e.time for e in own] == [t + offset for t in ts]
        assert [e.at.line for e in own] == list(range(len(ts)))


def test_a_gap_of_one_stream_covers_what_another_shows_meanwhile() -> None:
    first = [Event(0, "eth0", "data"), Event(9, "eth0", "gap")]
    other = [Event(5, "wlan0", "data")]
    merged = merge([first, other], [0, 0], {"gap"})
    assert [(e.time, e.kind) for e in merged] == [(0, "data"), (0, "gap"), (5, "data"), (9, "gap")]
    assert merge([first], [0], {"gap"}) == first
