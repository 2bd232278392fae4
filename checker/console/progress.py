"""Progress of something long: one line on standard error, and only if that is a terminal.

`ReadingProgress` is for files, whose bytes tell how much is left; `Steps` for a list, one after another; `Parallel` for
a list in whatever order. All are context managers: the line is gone at the end, on an error and on Ctrl-C, before
anything else is said.
"""

from __future__ import annotations

import os
import sys
import time
import unicodedata
from collections.abc import Callable, Iterable
from typing import BinaryIO, Final, Self

from mipcheck.checker.console.escape import printable

_PATIENCE: Final = 1.0
"""Seconds before anything is said of a reading: what is shorter needs no words."""
_PAUSE: Final = 0.25
"""Seconds between two lines, where a line is only a new count."""
_CLEAR: Final = "\r\033[K"
_COLUMNS: Final = 80
"""Columns of a terminal that does not say."""
_CUT: Final = "..."

Clock = Callable[[], float]
"""Seconds, from whenever."""


class Progress:
    """The line: written, replaced and cleared. What goes wrong with the terminal ends the line and nothing else."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._on, self._shown = _is_terminal(), False
        self._clock = clock
        self._begin = self._last = clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Leave the line as it was."""
        if self._shown:
            self._shown = False
            self._write(_CLEAR)

    def _show(self, what: str, figures: str) -> None:
        if self._on:
            self._shown = True  # first: whatever interrupts the writing, the line is cleared
            self._write(_CLEAR + fitted(_shown_as(printable(what)), figures, _columns()))

    def _due(self, patience: float = 0.0) -> bool:
        """Tell whether it is time for a new count, which it is not before `patience` seconds have passed."""
        if not self._on:
            return False
        now = self._clock()
        if now - self._begin < patience or now - self._last < _PAUSE:
            return False
        self._last = now
        return True

    def _write(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, ValueError):  # the terminal has gone, the work goes on
            self._on = False


class ReadingProgress(Progress):
    """Progress of reading files together. `update` is cheap enough to be called a thousand times a second."""

    def __init__(self, streams: Iterable[BinaryIO], name: str, unit: str, clock: Clock = time.monotonic) -> None:
        """Count `unit`, a word in the plural. If a stream has no size, nobody knows how much is left."""
        super().__init__(clock)
        self._name, self._unit = name, unit
        self._files = [_position(s) for s in streams] if self._on else []

    def update(self, count: int) -> None:
        """Say that `count` have been read."""
        if self._due(_PATIENCE):
            self._show(self._name, line(count, self._unit, self._clock() - self._begin, self._done()))

    def _done(self) -> float:
        """Return the part of the bytes that has been read; 0 if nobody knows."""
        at = size = 0
        for file in self._files:
            if file is None:
                return 0.0
            at += os.lseek(file[0], 0, os.SEEK_CUR)
            size += file[1]
        return at / size if size else 0.0


class Steps(Progress):
    """Progress of a list, one after another: which of how many, and how long the rest takes if it goes on so."""

    def __init__(self, total: int, doing: str = "", clock: Clock = time.monotonic) -> None:
        """Expect `total` steps; `doing` stands before the name of each."""
        super().__init__(clock)
        self._total, self._doing, self._number = total, doing, 0

    def expect(self, total: int) -> None:
        """Expect as many steps in all; time counts from here where none has begun."""
        self._total = total
        if not self._number:
            self._begin = self._clock()

    def step(self, name: str) -> None:
        """Say that the next step begins, and the one before is done. It is said at once: it may take long."""
        done = self._number
        self._number += 1
        if self._on:
            figures = f"{self._number} of {self._total}"
            if done:
                figures += f", about {_left(self._clock() - self._begin, done, self._total)}"
            self._show(f"{self._doing} {name}".strip(), figures)


class Parallel(Progress):
    """Progress of a list that is done in whatever order."""

    def __init__(self, total: int, doing: str, unit: str, clock: Clock = time.monotonic) -> None:
        """Expect `total` of `unit`, a word in the plural; `doing` stands before them."""
        super().__init__(clock)
        self._total, self._doing, self._unit = total, doing, unit

    def update(self, done: int, more: str) -> None:
        """Say that `done` of them are done; `more` is said after that."""
        if self._due():
            spent = max(1e-9, self._clock() - self._begin)
            figures = f"{done} of {self._total} {self._unit}"
            if done:
                figures += f", {done / spent:.1f}/s, about {_left(spent, done, self._total)}"
            self._show(self._doing, f"{figures}, {more}")


def line(count: int, unit: str, spent: float, done: float) -> str:
    """Return how many, how fast, and how long it still takes.

    `spent` is in seconds; `done` is a fraction, 0 if nobody knows.
    """
    text = f"{_short(count)} {unit}, {_short(round(count / max(1e-9, spent)))}/s"
    if 0 < done <= 1:
        text += f", {done:.0%}, {_left(spent, done, 1)}"
    return text


def fitted(what: str, figures: str, columns: int) -> str:
    """Return `what: figures` in one column less than there are, so that no terminal begins another line.

    Of `what` there is as much as there is room for; `figures` is ASCII.
    """
    room = columns - 1
    text = f"{what}: {figures}"
    if sum(map(_cells, text)) <= room:
        return text
    of_name = room - len(f"{_CUT}: {figures}")
    return f"{_cut(what, of_name)}{_CUT}: {figures}" if of_name > 0 else _cut(figures, room)


def _cut(text: str, room: int) -> str:
    """Return as much of the beginning of a text as fits into `room` columns."""
    for index, char in enumerate(text):
        room -= _cells(char)
        if room < 0:
            return text[:index]
    return text


def _cells(char: str) -> int:
    """Return how many columns a character takes at most: terminals differ about combining and ambiguous ones."""
    return 1 if char.isascii() else 2 if unicodedata.east_asian_width(char) in "WFA" else 1


def _shown_as(text: str) -> str:
    """Return a text as standard error writes it, for what it cannot encode takes more room."""
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _short(count: int) -> str:
    return f"{count / 10**6:.1f} million" if count >= 10**6 else str(count)


def _left(spent: float, done: float, total: float) -> str:
    """Return in words how long the rest takes, if it goes on as it went; `spent` is in seconds."""
    minutes, rest = divmod(round(spent / done * (total - done)), 60)
    return f"{minutes} min {rest} s left" if minutes else f"{rest} s left"


def _is_terminal() -> bool:
    """Tell whether a line of standard error can be replaced."""
    try:
        return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    except (AttributeError, ValueError):  # there is none, or it is closed
        return False


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or _COLUMNS
    except (OSError, ValueError):
        return _COLUMNS


def _position(stream: BinaryIO) -> tuple[int, int] | None:
    """Return the number of an open file that has a size, and its size; None for others.

    By its number, how far it is read can be asked for while another thread holds the stream's lock.
    """
    try:
        number = stream.fileno()
        size = os.fstat(number).st_size
        os.lseek(number, 0, os.SEEK_CUR)
    except (OSError, ValueError, AttributeError):
        return None
    return number, size
