"""Pieces of bytes, cut anywhere → lines, as `logs.lines.raw_lines` has them. Memory is bounded by one line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mipcheck.checker.logs.lines import RawLine
from mipcheck.checker.logs.parts import LINE_LIMIT

_MARK: Final = b"\xef\xbb\xbf"
_ROOM: Final = LINE_LIMIT + len(_MARK) + len(b"\r\n")
"""Bytes of a line that are kept; what is longer is too long for certain."""


class LineJoiner:
    """Puts lines together. They are counted from 1 in each file."""

    def __init__(self) -> None:
        self._number = self._offset = 0
        self._parts: list[bytes] = []
        self._size = self._kept = 0

    def take(self, data: bytes) -> Iterator[RawLine]:
        """Take the next piece; return the lines that end in it."""
        *ended, rest = data.split(b"\n")
        for line in ended:
            self._add(line)
            yield self._line(whole=True)
        self._add(rest)

    @property
    def pending(self) -> bool:
        """Whether the beginning of a line waits for its end."""
        return self._size > 0

    def skip(self, lines: int, size: int) -> None:
        """Pass over whole lines of so many bytes, while none is pending."""
        self._number += lines
        self._offset += size

    def end(self) -> Iterator[RawLine]:
        """Return the last line, if it had no ending; what comes next is another file."""
        if self._size:
            yield self._line(whole=False)
        self._number = self._offset = 0

    def _add(self, data: bytes) -> None:
        room = _ROOM + 1 - self._kept
        if data and room > 0:
            self._parts.append(data[:room])
            self._kept += len(data[:room])
        self._size += len(data)

    def _line(self, whole: bool) -> RawLine:
        data = b"".join(self._parts).removesuffix(b"\r")
        size, start = self._size + whole, self._offset
        overlong = self._size > self._kept
        self._number, self._offset = self._number + 1, self._offset + size
        self._parts.clear()
        self._size = self._kept = 0
        if self._number == 1 and data.startswith(_MARK):
            data, start = data[len(_MARK) :], len(_MARK)
        if overlong or len(data) > LINE_LIMIT:
            return RawLine(self._number, start, data[:LINE_LIMIT], whole=True, overlong=True)
        return RawLine(self._number, start, data, whole)
