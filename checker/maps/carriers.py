"""What carries records of programs in another form than a listing → lines as a listing has them.

Syslog as it is sent (RFC 5424, and RFC 3164 with its priority), the journal as it is exported, what containers keep or
show, Windows events as XML, as text and as a table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, Protocol

from mipcheck.checker.logs.lines import RawLine
from mipcheck.checker.maps import containers, journal, windows

_PRIORITY: Final = re.compile(rb"(?:[0-9]{1,5} )?<[0-9]{1,3}>(?=[0-9A-Za-z*.])")
"""What stands before a message of syslog; what is sent as a stream has its length before that."""
_RFC5424: Final = re.compile(
    rb"1 (?P<time>[^ ]+) (?P<host>[^ ]+) (?P<app>[^ ]+) (?P<pid>[^ ]+) [^ ]+ "
    rb'(?:-|(?:\[(?:[^\]"]|"(?:[^"\\]|\\.)*+")*+\])++)(?: |$)(?:\xef\xbb\xbf)?'
)

_COLOURS: Final = re.compile(rb"\x1b(?:\[[0-9;:]*+[mK]|\]8;[^\x07\x1b]*+(?:\x07|\x1b\\))")
"""What tells a terminal colours and links; the rest of what it might be told is no part of a listing."""


class Carrier(Protocol):
    """Reads lines of a form; what it makes of them are lines as a listing has them."""

    def take(self, line: RawLine) -> Iterator[RawLine]:
        """Take a line; return those that are complete by it. Raises InputError."""

    def end(self) -> Iterator[RawLine]:
        """Return what is left: nothing follows."""


def carrier_of(first: bytes, name: str) -> Carrier | None:
    """Return what reads a log called `name` that begins with this line; None where its lines are as they are meant."""
    if _PRIORITY.match(first):
        return Sent()
    return containers.reader_of(first) or windows.reader_of(first, name) or journal.reader_of(first)


def undressed(line: RawLine) -> RawLine:
    """Return a line without its colours and links, as where a listing was kept as a terminal showed it."""
    if b"\x1b" not in line.data:
        return line
    return replace(line, data=_COLOURS.sub(b"", line.data))


class Sent:
    """Syslog as it is sent: a priority, and then a line of a listing, or the fields of RFC 5424."""

    def take(self, line: RawLine) -> Iterator[RawLine]:
        """Take a line; what has no priority is left as it is."""
        begun = _PRIORITY.match(line.data)
        if begun is None or line.overlong:
            yield line
            return
        data = line.data[begun.end() :]
        if found := _RFC5424.match(data):
            pid = b"" if found["pid"] == b"-" else b"[" + found["pid"] + b"]"
            data = b"%s %s %s%s: %s" % (found["time"], found["host"], found["app"], pid, data[found.end() :])
        yield RawLine(line.number, line.offset, data, line.whole)

    def end(self) -> Iterator[RawLine]:
        """Return nothing: a record does not go on."""
        return iter(())
