"""A listing in which several programs speak, each of which has its map: a record a line, whoever knows it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from mipcheck.checker.maps.run import LogRecord, Runner, ToldEvent, foreign_pattern
from mipcheck.checker.maps.stamps import NS

TWICE: Final = 2 * NS
"""ns within which two programs tell one fact."""
_TOLD: Final = 10_000
"""Events that are remembered."""
_FIRST: Final = ("told", "odd", "ignored", "unknown", "foreign")
"""What became of a line, the first of which counts where maps differ."""

_Fact = tuple[str, str, tuple[tuple[str, str], ...]]


class Listing:
    """Runs several maps over the lines of a listing, as `Runner` runs one. What two of them tell is told once."""

    def __init__(self, runners: Sequence[Runner]) -> None:
        self._runners = runners
        self._waiting: list[deque[LogRecord]] = [deque() for _ in runners]
        self._told: dict[_Fact, tuple[int, int]] = {}

    @property
    def stamped(self) -> int:
        """How many lines had stamps."""
        return max(r.stamped for r in self._runners)

    def take(self, number: int, text: str) -> Iterator[LogRecord]:
        """Take the next line; return the records that are complete by it, in order."""
        for waiting, runner in zip(self._waiting, self._runners, strict=True):
            waiting += runner.take(number, text)
        yield from self._ready()

    def end(self) -> Iterator[LogRecord]:
        """Return the records that were not complete yet."""
        for waiting, runner in zip(self._waiting, self._runners, strict=True):
            waiting += runner.end()
        yield from self._ready()

    def foreign_lines(self) -> re.Pattern[bytes] | None:
        """Return the pattern of lines of other programs, with the stamp of the last line; None where lines have to be
        looked at one by one."""
        if any(runner.foreign_lines() is None for runner in self._runners):
            return None
        stamps = {runner.stamp for runner in self._runners}
        heads = tuple(h for runner in self._runners for h in runner.heads)
        return foreign_pattern(stamps.pop(), heads) if len(stamps) == 1 else None

    def pass_over(self, lines: int) -> None:
        """Take note of lines of other programs."""
        for runner in self._runners:
            runner.pass_over(lines)

    def _ready(self) -> Iterator[LogRecord]:
        """Return the records that all maps are done with."""
        while all(self._waiting):
            records = [waiting.popleft() for waiting in self._waiting]
            first = min(records, key=lambda r: _FIRST.index(r.outcome))
            events = [e for n, r in enumerate(records) for e in r.events if not self._is_told(n, e)]
            shape = next((r.shape for r in records if r.shape), "")
            boots = any(r.boots for r in records)
            yield LogRecord(first.number, first.text, first.outcome, first.why, events, shape, boots)

    def _is_told(self, runner: int, event: ToldEvent) -> bool:
        """Tell whether another program has told this just before."""
        fact = (event.interface, event.kind, tuple(sorted(event.words.items())))
        before = self._told.pop(fact, None)
        if before is not None and before[0] != runner and event.moment.ns - before[1] <= TWICE:
            self._told[fact] = before
            return True
        if len(self._told) >= _TOLD:
            del self._told[next(iter(self._told))]
        self._told[fact] = (runner, event.moment.ns)
        return False
