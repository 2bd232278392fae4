"""How far a long reading is: on standard error, and only if that is a terminal."""

from __future__ import annotations

import os
import sys
import time
from typing import BinaryIO, Final

from mipcheck.checker.escape import printable

_PATIENCE: Final = 1.0
"""Seconds before anything is said: what is shorter needs no words."""
_PAUSE: Final = 0.25
"""Seconds between two lines."""


class Progress:
    """Of one file. `update` is cheap enough to be called a thousand times a second."""

    def __init__(self, stream: BinaryIO, name: str, unit: str) -> None:
        """`unit` is what is counted, in the plural."""
        self._shown = False
        self._name, self._unit = printable(name), unit
        self._begin = self._last = time.monotonic()
        self._on = sys.stderr.isatty()
        self._number, self._size = _position(stream) if self._on else (None, 0)

    def update(self, count: int) -> None:
        """So many have been read."""
        if not self._on:
            return
        now = time.monotonic()
        spent = now - self._begin
        if spent < _PATIENCE or now - self._last < _PAUSE:
            return
        self._last, self._shown = now, True
        done = os.lseek(self._number, 0, os.SEEK_CUR) / self._size if self._number is not None and self._size else 0
        sys.stderr.write(f"\r\033[K{self._name}: {line(count, self._unit, spent, done)}")
        sys.stderr.flush()

    def end(self) -> None:
        """Leave the line as it was."""
        if self._shown:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()


def line(count: int, unit: str, spent: float, done: float) -> str:
    """How many, how fast, and how long it still takes; `spent` in seconds, `done` a fraction, 0 if nobody knows."""
    text = f"{_short(count)} {unit}, {_short(round(count / spent))}/s"
    if 0 < done <= 1:
        text += f", {done:.0%}, {_duration(spent / done - spent)} left"
    return text


def _short(count: int) -> str:
    return f"{count / 10**6:.1f} million" if count >= 10**6 else str(count)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _position(stream: BinaryIO) -> tuple[int | None, int]:
    """The number of an open file that has a size, and its size: where it is read can be asked for without a lock."""
    try:
        number = stream.fileno()
        size = os.fstat(number).st_size
        os.lseek(number, 0, os.SEEK_CUR)
    except (OSError, ValueError, AttributeError):
        return None, 0
    return number, size
