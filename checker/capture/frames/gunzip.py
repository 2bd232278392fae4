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


def unpacked_size(data: bytes, most: int) -> int:
    """Return how many bytes compressed `data` unpack to, as far as they make sense; not much more than `most` of them
    are counted."""
    engine, size = Gunzip(io.BytesIO(data), b"", ""), 0
    while size < most and (piece := engine.read(CHUNK)):
        size += len(piece)
    return size


class Gunzip:
    """Unpacks while it is read. What is wrong with the compressed file ends it, and is kept in `problem`."""

    def __init__(self, stream: BinaryIO, head: bytes, name: str) -> None:
        """`head` is what was already read of `stream`."""
        self.problem = ""
        self._stream = stream
        self._head = head
        self._name = name
        self._taken = 0
        self._given = 0
        self._ended = False
        self._engine = zlib.decompressobj(WITH_HEADER)

    def read(self, size: int, /) -> bytes:
        """Return at least one byte and at most `size`, none at the end. Raises CaptureError for a bomb."""
        while not self._ended:
            packed = self._engine.unconsumed_tail or self._more()
            try:
                data = self._engine.decompress(packed, size)
            except zlib.error:
                self._end("damaged: the gzip data make no sense")
                return b""
            if self._engine.eof:
                self._next_member()
            elif not packed and not data:
                self._end("truncated: the gzip data end")
            if data:
                self._given += len(data)
                if self._given > max(_FREE, self._taken * _MAX_RATIO):
                    raise CaptureError(
                        f"it unpacks to more than {_MAX_RATIO} times its size, as no capture does;"
                        " if it is one, unpack it first (gunzip)",
                        Position(self._name),
                    )
                return data
        return b""

    def _more(self) -> bytes:
        data, self._head = self._head or self._stream.read(CHUNK) or b"", b""
        self._taken += len(data)
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
            self._taken -= len(rest)  # it will be taken again
        else:
            self._end("what follows the gzip data is not read" if rest else "")

    def _end(self, problem: str) -> None:
        self._ended = True
        self.problem = problem
