"""Events of Windows in the forms that they are exported in → lines as text has them: time, number, source, message."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from html import unescape
from typing import Final, NoReturn

from mipcheck.checker.console.errors import InputError, Problem
from mipcheck.checker.logs.lines import RawLine
from mipcheck.checker.logs.parts import LINE_LIMIT
from mipcheck.model.values.event import Position

_EVENT: Final = 64
"""Lines of an event, whose characters are no more than those of a line."""
_PROVIDER: Final = re.compile(r"<Provider\b[^>]{0,200}?\bName=(?:'([^']*)'|\"([^\"]*)\")")
_NUMBER: Final = re.compile(r"<EventID\b[^>]{0,200}>([0-9]{1,9})<")
_CREATED: Final = re.compile(r"\bSystemTime=['\"]([0-9T:.Z+-]{1,40})['\"]")
_MESSAGE: Final = re.compile(r"<Message>([^<]*)<")
_DATA: Final = re.compile(r"<Data\b[^>]{0,200}>([^<]*)<")
_BLOCK: Final = re.compile(rb"Event\[[0-9]{1,9}\]:?[ \t]*\Z")
"""How an event begins in text that wevtutil writes."""
_FIELD: Final = re.compile(r"[ \t]{1,8}(Source|Date|Event ID):[ \t]*(.*)")
_COLUMNS: Final = 5
"""Columns of the table that an event viewer saves: level, time, source, number, category; the message follows."""
_DATED: Final = re.compile(rb"\"?(?:Date|Datum|Fecha|Data)\b")
"""What the second of them is called, where it is English, German, French, Spanish or Italian."""


def reader_of(first: bytes, name: str) -> WindowsEvents | EventBlocks | ListedEvents | SavedEvents | None:
    """Return what reads a log called `name` that begins with this line; None if it holds no events of Windows."""
    if first.lstrip().startswith((b"<?xml", b"<Events", b"<Event ")):
        return WindowsEvents(name)
    if _BLOCK.match(first):
        return EventBlocks()
    if _PROPERTY.match(first):
        return ListedEvents()
    for divided in (b"\t", b","):
        columns = first.split(divided)
        if len(columns) == _COLUMNS and _DATED.match(columns[1].strip()):
            return SavedEvents(divided.decode())
    return None


def _listed(number: int, time: str, event: str, source: str, message: str) -> RawLine:
    """Return an event as a line."""
    words = (time, event, source, " ".join(message.split()))
    return RawLine(number, 0, "\t".join(w for w in words if w).encode()[:LINE_LIMIT], whole=True)


class EventBlocks:
    """Events as `wevtutil qe … /f:text` writes them: a line that counts them, fields, and a description."""

    def __init__(self) -> None:
        self._number = 0
        self._fields: dict[str, str] = {}
        self._said: list[str] | None = None

    def take(self, line: RawLine) -> Iterator[RawLine]:
        """Take a line; return the event before it, if another one begins."""
        if _BLOCK.match(line.data):
            yield from self.end()
            self._number = line.number
            return
        text = line.data.decode("utf-8", "replace")
        if self._said is not None:
            if len(self._said) < _EVENT:
                self._said.append(text)
        elif match := _FIELD.fullmatch(text):
            self._fields[match[1]] = match[2].strip()
        elif text.strip() == "Description:":
            self._said = []

    def end(self) -> Iterator[RawLine]:
        """Return the event that is left."""
        fields, said, number = self._fields, self._said, self._number
        self._fields, self._said, self._number = {}, None, 0
        if number:
            time, event, source = (fields.get(name, "") for name in ("Date", "Event ID", "Source"))
            yield _listed(number, time, event, source, " ".join(said or ()))


_PROPERTY: Final = re.compile(rb"(TimeCreated|ProviderName|Id|Message) {1,20}: (.*)")
_PROPERTIES: Final = ("TimeCreated", "Id", "ProviderName", "Message")


class ListedEvents:
    """Events as `Get-WinEvent … | Format-List` shows them: a line a property, a message in several, and an empty one
    between two events."""

    def __init__(self) -> None:
        self._number = 0
        self._found: dict[str, list[str]] = {}
        self._name = ""

    def take(self, line: RawLine) -> Iterator[RawLine]:
        """Take a line; return the event before it, if another one begins."""
        if match := _PROPERTY.match(line.data):
            self._name = match[1].decode()
            if self._name in self._found:
                yield from self.end()
            self._number = self._number or line.number
            self._found[self._name] = [match[2].decode("utf-8", "replace")]
        elif re.match(rb"\w{1,40} {1,20}: ", line.data):
            self._name = ""  # another property
        elif self._name and len(self._found[self._name]) < _EVENT:
            self._found[self._name].append(line.data.decode("utf-8", "replace"))

    def end(self) -> Iterator[RawLine]:
        """Return the event that is left."""
        number, found = self._number, self._found
        self._number, self._found = 0, {}
        if found:
            time, event, source, message = (" ".join(found.get(name, ())).strip() for name in _PROPERTIES)
            yield _listed(number, time, event, source, message)


class SavedEvents:
    """Events as an event viewer saves them, divided by tabs or commas: a line of columns, then a row an event, whose
    message may go on in further lines."""

    def __init__(self, divided: str) -> None:
        self._divided = divided
        self._open: tuple[int, list[str]] | None = None
        self._headed = False

    def take(self, line: RawLine) -> Iterator[RawLine]:
        """Take a line; return the event before it, if another one begins."""
        if not self._headed:
            self._headed = True
            return
        text = line.data.decode("utf-8", "replace")
        columns = text.split(self._divided, _COLUMNS)
        if len(columns) >= _COLUMNS and columns[1][:1].isdigit() and columns[3].strip().isdecimal():
            yield from self.end()
            self._open = (line.number, [text])
        elif self._open is not None and len(self._open[1]) < _EVENT:
            self._open[1].append(text)

    def end(self) -> Iterator[RawLine]:
        """Return the event that is left."""
        if self._open is None:
            return
        number, parts = self._open
        self._open = None
        text = " ".join(parts)[:LINE_LIMIT]
        row = next(csv.reader([text.replace("\0", "")], delimiter=self._divided), [])
        _, time, source, event, _, *message = (*row, *[""] * _COLUMNS)
        yield _listed(number, time, event, source, " ".join(message))


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
        yield _listed(
            number,
            time[1] if time else "",
            event_id[1] if event_id else "",
            (source[1] or source[2] or "") if source else "",
            unescape(said),
        )

    def end(self) -> Iterator[RawLine]:
        """Return nothing: an event without its end is none."""
        self._parts = []
        return iter(())
