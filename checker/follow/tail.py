"""A file or a pipe that is read while it grows: its bytes as they come, and what happens to it (rotation)."""

from __future__ import annotations

import os
import select
import stat
from pathlib import Path
from typing import Final, NoReturn

from mipcheck.checker.console.errors import InputError, Problem
from mipcheck.checker.inputs.opening import STDIN, name_of
from mipcheck.model.values.errors import MipcheckError
from mipcheck.model.values.event import Position

_PIECE: Final = 1 << 16
"""Bytes that are read at a time."""
_SEEN: Final = 64
"""Bytes before the place that has been read to, by which it is known that they are still the same."""


class CaptureGrows(MipcheckError):
    """What is followed turns out to be a capture."""


class Tail:
    """Reads what has come of a path. `ended` is whether nothing more can come, `missing` whether the path is gone.

    A file that was renamed is read to its end, then the one that has taken its name, from its beginning. After that
    `turned` is set until somebody takes note of it; `lost` says why something may have been written that nobody has
    read, or nothing.
    """

    def __init__(self, path: str) -> None:
        """Open it, without waiting for anybody to write. Raises InputError."""
        self.path, self.name = path, name_of(path)
        self.ended = self.missing = self.turned = False
        self.lost = ""
        self._at = 0
        self._before = b""
        self.number = 0 if path == STDIN else self._open()
        self._mark = _mark(os.fstat(self.number))
        mode = os.fstat(self.number).st_mode
        self._file = stat.S_ISREG(mode)
        self._poll: select.poll | None = None
        if stat.S_ISDIR(mode):
            self._fail("is a folder", "give the files in it")
        if not self._file:
            self._poll = select.poll()
            self._poll.register(self.number, select.POLLIN)

    def wait(self, seconds: float) -> None:
        """Wait until something may have come of a pipe."""
        if self._poll is not None:
            self._poll.poll(int(seconds * 1000))

    @property
    def waits(self) -> int | None:
        """The number of the open pipe on which something more can be waited for; of a file there is none."""
        return self.number if self._poll is not None and not self.ended else None

    def read(self) -> bytes:
        """Return what has come, some of it; nothing if nothing has. Raises InputError."""
        if self.ended:
            return b""
        try:
            return self._grown() if self._file else self._piped()
        except OSError as error:
            self._fail(f"cannot be read: {error.strerror or error}")

    def replaced(self) -> bool:
        """Tell whether another file with something in it has taken the name of this one, which is a file."""
        if not self._file:
            return False
        try:
            now = Path(self.path).stat()
        except OSError:
            return False
        return bool(now.st_size) and _mark(now) != self._mark

    def close(self) -> None:
        """Close what was opened here."""
        if self.path != STDIN:
            os.close(self.number)

    def _open(self) -> int:
        if not self.path:
            raise InputError([Problem(Position('""'), "is no name of a file")])
        try:
            return os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            self._fail("no such file", "it has to be there when it begins to be followed")
        except (OSError, ValueError) as error:
            self._fail(f"cannot be read: {getattr(error, 'strerror', None) or error}")

    def _fail(self, message: str, hint: str = "") -> NoReturn:
        raise InputError([Problem(Position(self.name), message, hint)])

    def _piped(self) -> bytes:
        assert self._poll is not None
        ready = self._poll.poll(0)
        if not ready:  # also of a named pipe that nobody has opened yet
            return b""
        data = os.read(self.number, _PIECE)
        self.ended = not data
        return data

    def _grown(self) -> bytes:
        """Return what has come of a file, after it was looked at whether it is still the same."""
        size = os.fstat(self.number).st_size
        if size < self._at or (size > self._at and not self._is_same()):
            os.lseek(self.number, 0, os.SEEK_SET)
            self._begin("it was cut short while it was read, and what was written just before may not have been seen")
        if data := self._some():
            return data
        try:
            now = Path(self.path).stat()
        except OSError:
            self.missing = True  # renamed or taken away: until another one comes, the old one may still grow
            return b""
        self.missing = False
        if _mark(now) == self._mark or not now.st_size:
            return b""
        if data := self._some():  # written after it was renamed
            return data
        number = self._open()
        os.close(self.number)
        self.number, self._mark = number, _mark(os.fstat(number))
        self._begin("")
        return self._some()

    def _begin(self, lost: str) -> None:
        self.turned, self.lost, self._at, self._before = True, lost, 0, b""

    def _some(self) -> bytes:
        data = os.read(self.number, _PIECE)
        if data:
            self._at += len(data)
            self._before = (self._before + data)[-_SEEN:] if len(data) < _SEEN else data[-_SEEN:]
        return data

    def _is_same(self) -> bool:
        """Tell whether what was read last still stands where it stood."""
        size = len(self._before)
        return os.pread(self.number, size, self._at - size) == self._before


def _mark(status: os.stat_result) -> tuple[int, int]:
    """Return what tells a file from every other."""
    return status.st_dev, status.st_ino
