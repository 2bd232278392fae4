"""Spans in which evidence is missing: many of them take time that grows with their number, not with its square."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from mipcheck.checker.trace.spans import Span, span_of, with_spans
from mipcheck.model.values.event import NODE, Event, Position

from making.both_ways import assert_same, report


def event(time: int, interface: str = "eth0", kind: str = "link", **args: str) -> Event:
    return Event(time * 10**9, interface, kind, dict(args), Position("x", 1))


def span(since: str, until: str, interface: str = NODE) -> Span:
    found = span_of(event(0, interface, "gap", **{"from": since, "to": until}), True)
    assert found is not None
    return found


def brief(events: list[Event]) -> list[tuple[int, str, str]]:
    return [(e.time // 10**9, e.interface, e.kind) for e in events]


def test_what_is_known_ends_after_each_event_within() -> None:
    found = with_spans([event(1), event(3), event(5, "wlan0"), event(9)], [span("2", "6", "eth0")])
    assert brief(found) == [(1, "eth0", "link"), (2, "eth0", "gap"), (3, "eth0", "link"), (3, "eth0", "gap"),
                            (5, "wlan0", "link"), (6, "eth0", "gap"), (9, "eth0", "link")]  # fmt: skip


def test_a_short_span_within_a_long_one_does_not_end_it() -> None:
    found = with_spans([event(n) for n in range(10)], [span("1", "8"), span("2", "3"), span("4", "4", "eth0")])
    followed = [e.time // 10**9 for e, after in pairwise(found) if e.kind == "link" != after.kind]
    assert followed == list(range(9))  # also what stands before 1, as the span begins there


def test_ten_thousand_spans_over_ten_thousand_events() -> None:
    """Each event got a gap for each span: a hundred million of them, from half a megabyte of a log."""
    found = with_spans([event(n) for n in range(10_000)], [span("start", str(n)) for n in range(10_000)])
    assert len(found) < 50_000


@pytest.mark.parametrize(
    ("suffix", "head", "gap"),
    [
        ("log", "mipcheck-trace 1\n", "{0}.0 eth0 gap from=nowhere\n{0}.0 eth0 gap to=eth\n"),
        (
            "jsonl",
            '{"mipcheck-trace": 1}\n',
            '{{"time": {0}, "interface": "eth0", "event": "gap", "from": "9", "to": "5"}}\n'
            '{{"time": {0}, "interface": "eth0", "event": "gap", "to": "eth"}}\n',
        ),
    ],
)
@pytest.mark.parametrize("keep_going", [False, True])
def test_a_span_that_is_none_is_refused_in_both_ways(
    suffix: str, head: str, gap: str, keep_going: bool, tmp_path: Path
) -> None:
    """What is wrong with it was only said where nothing else was wrong with the log."""
    path = tmp_path / f"x.{suffix}"
    link = (
        '{{"time": {0}, "interface": "e", "event": "link", "state": "{1}"}}'
        if suffix == "jsonl"
        else "{0}.0 e link state={1}"
    )
    lines = [(link.format(n, "up" if n % 2 else "wrong") + "\n" if n != 3 else gap.format(3)) for n in range(1, 6)]
    path.write_text(head + "".join(lines))
    assert_same(path, keep_going=keep_going)
    said = report(path, True, keep_going=keep_going)
    if not keep_going:
        assert '"eth" is no time' in str(said)
