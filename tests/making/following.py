"""Inputs that grow, without anybody waiting: pieces of bytes, one after another, and a clock that is told the time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from mipcheck.checker.check.report import Report
from mipcheck.checker.follow import follow
from mipcheck.checker.follow.follow import Follower, Wishes
from mipcheck.checker.follow.judge import Said
from mipcheck.checker.inputs.settle import over_logs
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.model.specification.load import load

DRAFT = load()


class Pieces:
    """An input that comes in pieces. Where it is not to end, it only waits after the last one."""

    waits = None

    def __init__(self, path: str, pieces: Sequence[bytes], ends: bool = True) -> None:
        self.path = self.name = path
        self.left = list(pieces)
        self.ended = self.missing = self.turned = False
        self.lost = ""
        self._ends = ends

    def read(self) -> bytes:
        """Return the next piece; nothing where one is empty, as if more were to come later."""
        if self.left:
            return self.left.pop(0)
        self.ended = self._ends
        return b""

    def close(self) -> None:
        """Do nothing: nothing was opened."""


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time_ns(self) -> int:
        return 1_760_000_000_000_000_000

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def follower(tails: Sequence[Pieces], said: list[Said], config: Path | None = None, **wishes: Any) -> Follower:
    """A follower of inputs that come in pieces, which puts what it finds into `said`."""
    vocabulary = vocabulary_of(DRAFT)
    over = over_logs(vocabulary, None if config is None else str(config), {})
    by_path = {t.path: t for t in tails}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(follow, "Tail", by_path.__getitem__)
        return Follower([t.path for t in tails], DRAFT, vocabulary, over, Wishes(**wishes), said.append)


def followed(tails: Sequence[Pieces], **wishes: Any) -> tuple[Report, list[Said]]:
    """Follow inputs to their end; return the report, and what was said."""
    said: list[Said] = []
    return follower(tails, said, **wishes).run(), said


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    """Cut bytes at places, of which any may be beyond the end or given twice."""
    ends = [0, *sorted(min(p, len(data)) for p in places), len(data)]
    return [data[a:b] for a, b in pairwise(ends)]
