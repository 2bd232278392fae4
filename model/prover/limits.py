"""Limits on what a solver may take, which a busy machine does not change: its work, or time of the processor."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, Final, Self

import z3

z3.set_param("ctrl_c", False)
"""Z3 would take Ctrl-C for itself: the question would be unknown, and the program would go on."""

_RATE: Final = 3_000_000
"""Z3's own measure of work (`rlimit`) that takes an idle processor a second, or a little less."""
_ENDLESS: Final = 2**32 - 1
"""The largest limit that Z3 takes; of milliseconds it means none."""
_PAUSE: Final = 0.02
"""Seconds between two looks at the clock."""
_PATIENCE: Final = 10
"""A processor that has others to serve gets this many times as long by the clock on the wall."""


def work(seconds: float) -> int:
    """Return how much work a solver may do that shall take so many seconds of an idle processor."""
    return max(1, min(_ENDLESS, int(seconds * _RATE)))


def limited(solver: Any, seconds: float) -> Any:
    """Return a plain solver, each of whose answers takes no more than some seconds of an idle processor."""
    solver.set(timeout=min(_ENDLESS, max(1, int(_patience(seconds) * 1000))), rlimit=work(seconds))
    return solver


_UNTIL: Final[ContextVar[float]] = ContextVar("until", default=math.inf)


@contextlib.contextmanager
def deadline(seconds: float | None) -> Iterator[None]:
    """Have all that is asked of solvers end after some seconds by the clock on the wall, whatever limits it has."""
    token = _UNTIL.set(math.inf if seconds is None else time.monotonic() + seconds)
    try:
        yield
    finally:
        _UNTIL.reset(token)


def is_over() -> bool:
    """Decide whether the time of `deadline` is up."""
    return time.monotonic() >= _UNTIL.get()


def _patience(seconds: float) -> float:
    """Return the seconds by the clock on the wall in which some of the processor have to be had."""
    return max(0.0, min(seconds * _PATIENCE, _UNTIL.get() - time.monotonic()))


TIME_IS_UP: Final = "the time for the run was up"


class Budget:
    """What one search may take for all its questions together: so many seconds of an idle processor."""

    def __init__(self, seconds: float) -> None:
        self._left = work(seconds)
        self._until = time.monotonic() + _patience(seconds)

    def check(self, solver: Any, *assumptions: Any) -> Any:
        """Return the solver's answer under these assumptions; unknown where the budget is used up."""
        patience = self._until - time.monotonic()
        if self._left <= 0 or patience <= 0:
            return z3.unknown
        solver.set(timeout=min(_ENDLESS, max(1, int(patience * 1000))), rlimit=self._left)
        before = _done(solver)
        answer = solver.check(*assumptions)
        self._left -= _done(solver) - before
        return answer


class Allowance:
    """What several searches may take together: so many seconds of the processor, as this thread uses it."""

    def __init__(self, seconds: float) -> None:
        self._until = time.thread_time() + seconds

    def part(self, share: float) -> float:
        """Return a share of the seconds that are left."""
        return max(0.0, self._until - time.thread_time()) * share

    @property
    def is_over(self) -> bool:
        """Whether nothing to speak of is left."""
        return self.part(1) < _PAUSE or is_over()


def _done(solver: Any) -> int:
    """Return how much work has been done in a solver's context."""
    statistics = solver.statistics()
    return next((int(value) for name, value in statistics if name == "rlimit count"), 0)


class Alarm:
    """Interrupts what is asked in a context after so many seconds of the processor: Spacer does not count its work."""

    def __init__(self, context: Any, seconds: float) -> None:
        self._context, self._seconds = context, seconds
        self._done = threading.Event()
        self._rung = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        clock = getattr(time, "pthread_getcpuclockid", None)
        self._clock = None if clock is None else clock(threading.get_ident())
        self._begin, self._wall, self._patience = self._processor(), time.monotonic(), _patience(self._seconds)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._done.set()
        self._thread.join()

    def reason(self, said: str) -> str:
        """Return why there is no answer: the time was up, or what the solver has `said`."""
        if not self._rung:
            return said
        own = f"{self._seconds:g} s of the processor were not enough"
        return TIME_IS_UP if is_over() else own

    def _processor(self) -> float:
        return time.monotonic() if self._clock is None else time.clock_gettime(self._clock)

    def _watch(self) -> None:
        while not self._done.wait(min(_PAUSE, self._seconds)):
            spent, passed = self._processor() - self._begin, time.monotonic() - self._wall
            if spent < self._seconds and passed < self._patience:
                continue
            with self._lock:  # never after the answer, when it would meet another question
                if not self._done.is_set():
                    self._rung = True
                    # Again and again: one that comes before the question is not heard; what is cancelled says so.
                    with contextlib.suppress(z3.Z3Exception):
                        self._context.interrupt()
