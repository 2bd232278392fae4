"""What containers keep or show of the lines of a program → lines as the program wrote them, with their times.

Kubernetes' files (CRI: `TIME stdout F line`), docker's (an object a line), and what is shown of several containers at a
time, with their names (`docker compose logs -t`, `kubectl logs --prefix --timestamps`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from mipcheck.checker.logs.lines import RawLine
from mipcheck.checker.logs.parts import LINE_LIMIT

_TIME: Final = rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,18}(?:Z|[+-][0-9]{2}:[0-9]{2})"
_CRI: Final = re.compile(rb"(?P<time>" + _TIME + rb") std(?:out|err) (?P<whole>[FP])(?:|:[^ ]*) ?")
_NAMED: Final = re.compile(rb"(?:[\w.-]+ +\| |\[pod/[\w./-]+\] )(?=" + _TIME + rb" )")


def reader_of(first: bytes) -> Kept | Shown | Objects | None:
    """Return what reads the lines of containers of which this is the first; None if it is none of theirs."""
    if _CRI.match(first):
        return Kept()
    if _NAMED.match(first):
        return Shown()
    if first.startswith(b"{") and all(name in first for name in (b'"log":', b'"stream":', b'"time":')):
        return Objects()
    return None


class Kept:
    """Kubernetes' files: a time, the stream, and whether the line is whole or goes on in the next one."""

    def __init__(self) -> None:
        self._begun: RawLine | None = None

    def take(self, line: RawLine) -> Iterator[RawLine]:
        """Take a line; return what is whole by it."""
        found = _CRI.match(line.data)
        if found is None or line.overlong:
            yield from self.end()
            yield line
            return
        rest = line.data[found.end() :]
        if self._begun is None:
            self._begun = replace(line, data=found["time"] + b" ")
        self._begun = replace(self._begun, data=(self._begun.data + rest)[:LINE_LIMIT])
        if found["whole"] == b"F":
            yield from self.end()

    def end(self) -> Iterator[RawLine]:
        """Return the line that has begun, if there is one."""
        begun, self._begun = self._begun, None
        if begun is not None:
            yield begun


class Shown:
    """What is shown of several containers: a name before each line. The lines of all are taken for one program's."""

    def take(self, line: RawLine) -> Iterator[RawLine]:
        """Take a line, and leave out whose it is."""
        found = _NAMED.match(line.data)
        yield line if found is None else replace(line, data=line.data[found.end() :])

    def end(self) -> Iterator[RawLine]:
        """Return nothing: a line does not go on."""
        return iter(())


class Objects:
    """docker's files: an object a line, with the line and its time."""

    def take(self, line: RawLine) -> Iterator[RawLine]:
        """Take an object; what is none is left as it is: nothing in a map will match it."""
        try:
            found = json.loads(line.data)
        except (ValueError, RecursionError):
            found = None
        said, time = (found.get("log"), found.get("time")) if isinstance(found, dict) else (None, None)
        if not isinstance(said, str) or not isinstance(time, str):
            yield line
            return
        text = f"{time} {' '.join(said.splitlines())}"
        yield replace(line, data=text.encode("utf-8", "replace")[:LINE_LIMIT])

    def end(self) -> Iterator[RawLine]:
        """Return nothing: an object does not go on."""
        return iter(())
