"""Logs as they lie about: compressed with gzip, or in UTF-16 as tools of Windows write it → bytes of UTF-8.

A capture is left as it is, since its reader unpacks by itself, and so is what is compressed and no text.
"""

from __future__ import annotations

import codecs
import io
from typing import BinaryIO, Final, Protocol, cast

from mipcheck.checker.capture.frames.magic import GZIP, is_capture, unpacked_head
from mipcheck.checker.console.errors import InputError, Problem
from mipcheck.model.values.event import Position

_INSIDE: Final = 256
"""Bytes by which it is told what is compressed."""
_PIECE: Final = 2**16
_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def is_packed_text(head: bytes) -> bool:
    """Tell whether what begins so is compressed with gzip, and text inside."""
    if head[:2] != GZIP or is_capture(head):
        return False
    text = unpacked_head(head, _INSIDE)
    return bool(text) and (text.startswith(_MARKS) or b"\0" not in text)


def is_utf16(head: bytes) -> bool:
    """Tell whether what begins so is UTF-16 by its mark."""
    return head.startswith(_MARKS)


class Unpacked:
    """What a gzip file holds. Raises InputError for one that is damaged, or holds absurdly much."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        from mipcheck.checker.capture.frames.gunzip import Gunzip

        self._engine, self._name = Gunzip(stream, b"", name), name

    def read(self, size: int, /) -> bytes:
        """Return at least one byte and at most `size`, none at the end."""
        from mipcheck.checker.capture.frames.frame import CaptureError

        try:
            data = self._engine.read(size)
        except CaptureError:
            raise self._error("it unpacks to absurdly much", "if that is right, unpack it first (gunzip)") from None
        if not data and self._engine.problem:
            raise self._error(self._engine.problem, "what is there of it is unpacked by: gunzip -c, or zcat")
        return data

    def _error(self, message: str, hint: str) -> InputError:
        return InputError([Problem(Position(self._name), f"compressed with gzip, and {message}", hint)])


class Recoded:
    """UTF-16 as UTF-8. Raises InputError for what is none."""

    def __init__(self, stream: _Readable, name: str) -> None:
        self._stream, self._name = stream, name
        self._decoder = codecs.getincrementaldecoder("utf-16")()
        self._left, self._ended = b"", False

    def read(self, size: int, /) -> bytes:
        """Return at least one byte and at most `size`, none at the end."""
        while not self._left and not self._ended:
            piece = self._stream.read(_PIECE) or b""
            self._ended = not piece
            try:
                self._left = self._decoder.decode(piece, final=self._ended).encode("utf-8")
            except UnicodeError:
                raise InputError([Problem(Position(self._name), "begins as UTF-16, and is none further on")]) from None
        data, self._left = self._left[:size], self._left[size:]
        return data


def plain(stream: BinaryIO, name: str, head: bytes) -> BinaryIO:
    """Return a stream of the text in a stream that begins with `head`; the same where there is nothing to be done."""
    from mipcheck.checker.inputs.opening import Spool

    found: _Readable = stream
    if is_packed_text(head):
        found, head = Unpacked(stream, name), unpacked_head(head, _INSIDE)
    if is_utf16(head):
        found = Recoded(found, name)
    return stream if found is stream else cast("BinaryIO", io.BufferedReader(Spool(cast("BinaryIO", found))))
