"""Lines that concern no map: what is passed over in blocks is counted as if it had been read."""

from __future__ import annotations

import io

from mipcheck.checker.maps.library import use_of
from mipcheck.checker.maps.read import LogReading


def assert_passed_over_alike(words: str, data: bytes) -> None:
    """Hold what a log comes to, read through the maps of `words` as quickly as may be, to every line being read."""
    quick, slow = (LogReading(use_of(words), "x", None) for _ in range(2))
    told = [[(r.number, r.events) for r in reading.records(io.BytesIO(data), every) if r.events]
            for reading, every in ((quick, False), (slow, True))]  # fmt: skip
    assert told[0] == told[1]
    assert (quick.counts, quick.lines, quick.shown, quick.assumed) == (
        slow.counts,
        slow.lines,
        slow.shown,
        slow.assumed,
    )
