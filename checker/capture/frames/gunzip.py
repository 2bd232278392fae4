"""gzip (RFC 1952), unpacked as it is read; what it holds may be a capture, and need not be well meant."""

from __future__ import annotations

import io
import zlib
from typing import BinaryIO, Final

from mipcheck.checker.capture.frames.frame import CHUNK, CaptureError
from mipcheck.checker.capture.frames.magic import GZIP, WITH_HEADER
from mipcheck.model.values.event import Position

_MAX_RATIO: Final = 250
"""Frames of nothing but zeros shrink about a hundredfold, as their headers differ; deflate can reach 1032."""
_FREE: Final = 64 * 2**20
"""Bytes unpacked before the ratio is looked at."""
_MAX_RECORDS: Final = 2
"""Records for each compressed byte. Those of a capture have stamps that differ, which takes two bytes of each."""
_FEW: Final = 2**18
"""Records before their number is looked at."""
_UNIT: Final = 32 * 1024
"""Bytes unpacked at a time, whatever is asked for: so many at most are lost before what makes no sense."""


def unpacked_size(data: bytes, most: int) -> int:
    """Return how many bytes compressed `data` unpack to, as far as they make sense; not much more than `most` of them
    are counted."""
    engine, size = Gunzip(io.BytesIO(data), b"", ""), 0
    while size < most and (piece := engine.read(CHUNK)):
        size += len(piece)
    return size


class Gunzip:
    """Unpacks while it is read. What is wrong with the compressed file ends it, and is kept in `problem`.

    What is unpacked, how much of the file was `taken` for it, and where it ends do not depend on how much is asked for
    at a time, so that all who read a file come to the same.
    """

    def __init__(self, stream: BinaryIO, head: bytes, name: str) -> None:
        """`head` is what was already read of `stream`."""
        self.problem = ""
        self.taken = len(head)
        """Bytes of the compressed file, up to those that what was given last came from."""
        self._stream = stream
        self._head = head
        self._name = name
        self._given = 0
        self._ended = False
        self._engine = zlib.decompressobj(WITH_HEADER)
        self._unit = b""
        self._at = 0  # in the unit

    def read(self, size: int, /) -> bytes:
        """Return at least one byte and at most `size`, none at the end; all are from one piece of the file.

        Raises CaptureError for a bomb.
        """
        if self._at == len(self._unit):
            self._unpack()
        if size < len(self._unit) - self._at:
            self._at += size
            return self._unit[self._at - size : self._at]
        parts = [self._unit[self._at :]]
        size -= len(parts[0])
        self._unit, self._at = b"", 0
        while size >= _UNIT and self._engine.unconsumed_tail and not self._ended:
            self._unpack(more=False)
            parts.append(self._unit)
            size -= len(self._unit)
            self._unit = b""
        return b"".join(parts)

    def bound(self, records: int, taken: int) -> None:
        """Raise CaptureError where `taken` bytes of the file unpack to absurdly many records: each costs time."""
        if records > max(_FEW, taken * _MAX_RECORDS):
            raise self._bomb(f"to more than {_MAX_RECORDS} records for each byte of it")

    def _unpack(self, more: bool = True) -> None:
        """Make the next unit; none at the end, nor where nothing comes of what was taken and no `more` may be."""
        self._unit, self._at = b"", 0
        while not self._ended and not self._unit:
            if self._engine.eof:
                self._next_member()
                continue
            packed = self._engine.unconsumed_tail
            if not packed:
                if not more:
                    return
                packed = self._more()
            try:
                self._unit = self._engine.decompress(packed, _UNIT)
            except zlib.error:
                self._end("damaged: the gzip data make no sense")
                return
            if not packed and not self._unit and not self._engine.eof:
                self._end("truncated: the gzip data end")
        self._given += len(self._unit)
        if self._given > max(_FREE, self.taken * _MAX_RATIO):
            raise self._bomb(f"to more than {_MAX_RATIO} times its size")

    def _bomb(self, what: str) -> CaptureError:
        text = f"it unpacks {what}, as no capture does; if it is one, unpack it first (gunzip)"
        return CaptureError(text, Position(self._name))

    def _more(self) -> bytes:
        """Return what comes next of the file; of its head, that has been counted."""
        if self._head:
            data, self._head = self._head, b""
            return data
        data = self._stream.read(CHUNK) or b""
        self.taken += len(data)
        return data

    def _next_member(self) -> None:
        """Go on with the next file in the file, if there is one; zeros after the last are padding (RFC 1952 2.2)."""
        rest = self._engine.unused_data.lstrip(b"\0")
        while len(rest) < 2:
            more = self._more()
            if not more:
                break
            rest = (rest + more).lstrip(b"\0")
        if rest[:2] == GZIP:
            self._engine = zlib.decompressobj(WITH_HEADER)
            self._head = rest
        else:
            self._end("what follows the gzip data is not read" if rest else "")

    def _end(self, problem: str) -> None:
        self._ended = True
        self.problem = problem
