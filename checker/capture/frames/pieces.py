"""Bytes of a stream in large pieces, each with room in front of it for what was left over of the one before.

Of a file the next piece is read (or unpacked) by a thread while the one before is looked at. A pipe is read when its
bytes are asked for: then a Ctrl-C, which ends the program in front of the pipe too, arrives where it is waited for.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread

import numpy as np
import numpy.typing as npt
from mipcheck.checker.capture.frames.frame import Stream
from mipcheck.checker.capture.frames.gunzip import Gunzip

Bytes = npt.NDArray[np.uint8]


class Pieces:
    """`buf[at:filled]` is what was read and not yet used; who uses it moves `at`."""

    def __init__(self, source: Stream, size: int, headroom: int, threaded: bool) -> None:
        self.at = self.filled = headroom
        self.buf, self._other = np.empty(headroom + size, np.uint8), np.empty(headroom + size, np.uint8)
        self.taken = 0
        """Bytes of a compressed file, up to those that the piece came from."""
        self._source = source
        self._headroom = headroom
        self.ended = False
        self._thread: _Thread | None = _Thread(self._fill) if threaded else None
        if self._thread is not None:
            self._thread.ask(self._other)

    def more(self) -> bool:
        """Get the next piece, behind what is left. False at the end, or if too much is left to be carried over."""
        rest = self.filled - self.at
        if self.ended or rest > self._headroom:
            return False
        count = self._fill(self._other) if self._thread is None else self._thread.answer()
        if not count:
            self.ended = True
            return False
        if isinstance(self._source, Gunzip):
            self.taken = self._source.taken  # the thread waits
        start = self._headroom - rest
        self._other[start : self._headroom] = self.buf[self.at : self.filled]
        self.buf, self._other = self._other, self.buf
        self.at, self.filled = start, self._headroom + count
        if self._thread is not None:
            self._thread.ask(self._other)
        return True

    def take(self, size: int) -> bytes:
        """Return up to `size` bytes, none at the end."""
        if self.at == self.filled and not self.more():
            return b""
        data = self.buf[self.at : min(self.filled, self.at + size)].tobytes()
        self.at += len(data)
        return data

    def close(self) -> None:
        """End the reading; the stream may be closed after that."""
        if self._thread is not None:
            self._thread.end()

    def _fill(self, buf: Bytes) -> int:
        room = buf.data[self._headroom :]
        if isinstance(self._source, io.BufferedIOBase):
            return self._source.readinto(room)
        data = self._source.read(len(room)) or b""
        room[: len(data)] = data
        return len(data)


class _Thread:
    """Runs a function on what it is asked about, one after the other."""

    def __init__(self, function: Callable[[Bytes], int]) -> None:
        self._function = function
        self._todo: SimpleQueue[Bytes | None] = SimpleQueue()
        self._done: SimpleQueue[int | BaseException] = SimpleQueue()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def ask(self, argument: Bytes) -> None:
        self._todo.put(argument)

    def answer(self) -> int:
        """Return what the function said of the first buffer that was asked about; raise what it raised."""
        found = self._done.get()
        if isinstance(found, BaseException):
            raise found
        return found

    def end(self) -> None:
        self._todo.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (argument := self._todo.get()) is not None:
            try:
                self._done.put(self._function(argument))
            except BaseException as error:  # it is raised where the answer is asked for
                self._done.put(error)
