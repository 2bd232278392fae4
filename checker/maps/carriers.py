"""What carries records of programs in another form than a listing → lines as a listing has them.

Syslog as it is sent (RFC 5424, and RFC 3164 with its priority), the journal as it is exported, Windows events as XML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Final, NoReturn, Protocol

from mipcheck.checker.console.errors import InputError, Problem
from mipcheck.checker.logs.lines import RawLine
from mipcheck.checker.logs.parts import LINE_LIMIT
from mipcheck.checker.maps import journal
from mipcheck.model.values.event import Position

_PRIORITY: Final = re.compile(rb"(?:[0-9]{1,5} )?<[0-9]{1,3}>(?=[0-9A-Za-z*.])")
"""What stands before a message of syslog; what is sent as a stream has its length before that."""
_RFC5424: Final = re.compile(
    rb"1 (?P<time>[^ ]+) (?P<host>[^ ]+) (?P<app>[^ ]+) (?P<pid>[^ ]+) [^ ]+ "
    rb'(?:-|(?:\[(?:[^\]"]|"(?:[^"\\]|\\.)*+")*+\])++)(?: |$)(?:\xef\xbb\xbf)?'
)
_EVENT: Final = 64
"""Lines of an event in XML, whose characters are no more than those of a line."""
_PROVIDER: Final = re.compile(r"<Provider\b[^>]{0,200}?\bName=(?:'([^']*)'|\"([^\"]*)\")")
_NUMBER: Final = re.compile(r"<EventID\b[^>]{0,200}>([0-9]{1,9})<")
_CREATED: Final = re.compile(r"\bSystemTime=['\"]([0-9T:.Z+-]{1,40})['\"]")
_MESSAGE: Final = re.compile(r"<Message>([^<]*)<")
_DATA: Final = re.compile(r"<Data\b[^>]{0,200}>([^<]*)<")


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
    if first.lstrip().startswith((b"<?xml", b"<Events", b"<Event ")):
        return WindowsEvents(name)
    return journal.reader_of(first)


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


class WindowsEvents:
    """Events of Windows as XML, which wevtutil writes, as text has them: time, number, source, message.

    Without a message in the system's language it is made of what the event carries.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._parts: list[str] = []
        self._number = 0

    def take(self, line: RawLine) -> Iterator[RawLine]:
        """Take a line; return the events that end in it. Raises InputError where they stand in too long a line."""
        if line.overlong and b"<Event" in line.data:
            self._refuse(line.number)
        text = line.data.decode("utf-8", "replace")
        *ended, rest = text.split("</Event>")
        for part in ended:
            yield from self._event(line.number, part)
        if self._parts or "<Event " in rest:
            self._add(line.number, rest)
        elif not ended and not text.strip().startswith(("<?xml", "<Events", "</Events>")):
            yield line

    def _refuse(self, number: int) -> NoReturn:
        hint = "have each event in a line of its own, as wevtutil qe Application /f:xml writes them"
        raise InputError(
            [Problem(Position(self._name, number), "all events stand in one line, which is too long", hint)]
        )

    def _add(self, number: int, text: str) -> None:
        self._number = self._number if self._parts else number
        if len(self._parts) < _EVENT and sum(map(len, self._parts)) + len(text) <= LINE_LIMIT:
            self._parts.append(text)

    def _event(self, number: int, text: str) -> Iterator[RawLine]:
        self._add(number, text)
        event, number = " ".join(self._parts), self._number
        self._parts = []
        start = event.find("<Event ")
        if start < 0:
            return
        time, source = _CREATED.search(event, start), _PROVIDER.search(event, start)
        event_id, message = _NUMBER.search(event, start), _MESSAGE.search(event, start)
        said = message[1] if message else " ".join(_DATA.findall(event, start))
        words = (
            time[1] if time else "",
            event_id[1] if event_id else "",
            (source[1] or source[2] or "") if source else "",
            " ".join(unescape(said).split()),
        )
        yield RawLine(number, 0, "\t".join(w for w in words if w).encode()[:LINE_LIMIT], whole=True)

    def end(self) -> Iterator[RawLine]:
        """Return nothing: an event without its end is none."""
        self._parts = []
        return iter(())
