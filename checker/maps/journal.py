"""The journal as it is exported (journalctl -o export, json, json-pretty, verbose) → lines as it lists them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from mipcheck.checker.logs.lines import RawLine
from mipcheck.checker.logs.parts import LINE_LIMIT

_BOOT: Final = "_BOOT_ID"
_TIMES: Final = ("_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP")
"""Fields with a time (µs since 1970): the program's, which is better and may be missing, and the journal's."""
_WANTED: Final = (*_TIMES, _BOOT, "_HOSTNAME", "SYSLOG_IDENTIFIER", "_COMM", "_PID", "SYSLOG_PID", "MESSAGE")
_ENTRY: Final = re.compile(
    rb"[A-Z][a-z]{2} [0-9-]{10} [0-9:.]{8,15} [\w+:/-]+ \[s=[0-9a-f]+;.*\bt=([0-9a-f]{1,16})\b.*\]"
)
"""How a record begins in `-o verbose`; the journal's time (µs, in hexadecimal) is part of the cursor."""
_LENGTH: Final = 8
"""Bytes of the length of a field that is not text."""


def reader_of(first: bytes) -> Export | JsonExport | PrettyExport | Verbose | None:
    """Return what reads a journal that begins with this line; None if it is none."""
    if first.rstrip() == b"{":
        return PrettyExport()
    if _ENTRY.fullmatch(first):
        return Verbose()
    if first.startswith((b"__CURSOR=", b"__REALTIME_TIMESTAMP=")):
        return Export()
    if first.startswith(b"{") and b'"__REALTIME_TIMESTAMP"' in first:
        return JsonExport()
    return None


class Export:
    """Records of fields, a line each, which an empty line ends. What is no text comes with its length, in bytes."""

    def __init__(self) -> None:
        self._fields: dict[str, str] = {}
        self._number = 0
        self._name = ""
        self._binary = bytearray()
        self._boot = ""

    def take(self, line: RawLine) -> Iterator[RawLine]:
        """Take a line; return the record that it ends."""
        data = line.data
        if self._name:
            self._binary += data + b"\n"
            self._end_binary()
            return
        if not data:
            yield from self.end()
            return
        self._number = self._number or line.number
        name, equals, value = data.partition(b"=")
        if not equals:
            self._name = name.decode("ascii", "replace")
            self._binary = bytearray()
            return
        self._add(name.decode("ascii", "replace"), value)

    def end(self) -> Iterator[RawLine]:
        """Return the record that is left."""
        fields, self._fields = self._fields, {}
        number, self._number = self._number, 0
        if fields:
            boot = fields.get(_BOOT, self._boot)
            yield from _boots(number, self._boot, boot)
            self._boot = boot
            yield _listed(number, fields)

    def _end_binary(self) -> None:
        """Take the field that is not text, once all of it is there."""
        size = int.from_bytes(self._binary[:_LENGTH], "little") if len(self._binary) >= _LENGTH else None
        if size is not None and len(self._binary) > _LENGTH + size:
            self._add(self._name, bytes(self._binary[_LENGTH : _LENGTH + size]))
            self._name = ""
        elif len(self._binary) > 4 * LINE_LIMIT:  # too long to be read, or no length at all
            self._name = ""

    def _add(self, name: str, value: bytes) -> None:
        if name in _WANTED:
            self._fields[name] = value[:LINE_LIMIT].decode("utf-8", "replace")


class JsonExport:
    """An object a line."""

    def __init__(self) -> None:
        self._boot = ""

    def take(self, line: RawLine) -> Iterator[RawLine]:
        """Take a line; return its record. What is no object is left as it is: nothing in a map will match it."""
        try:
            found = json.loads(line.data)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            yield line
            return
        fields = {}
        for name in _WANTED:
            value = found.get(name)
            if isinstance(value, list) and all(isinstance(b, int) and 0 <= b < 256 for b in value):  # what is no UTF-8
                value = bytes(value).decode("utf-8", "replace")
            if isinstance(value, str):
                fields[name] = value
        boot = fields.get(_BOOT, self._boot)
        yield from _boots(line.number, self._boot, boot)
        self._boot = boot
        yield _listed(line.number, fields)

    def end(self) -> Iterator[RawLine]:
        """Return nothing: a record does not go on."""
        return iter(())


class PrettyExport:
    """An object over several lines (`-o json-pretty`), whose fields are each in a line of its own."""

    def __init__(self) -> None:
        self._objects = JsonExport()
        self._parts: list[bytes] = []
        self._number = self._size = 0

    def take(self, line: RawLine) -> Iterator[RawLine]:
        """Take a line; return the record that it ends. What is too long is read as far as it can be."""
        if line.data.rstrip() == b"{":
            self._parts, self._number, self._size = [], line.number, 0
        if self._size + len(line.data) <= 4 * LINE_LIMIT:
            self._parts.append(line.data)
            self._size += len(line.data)
        if line.data.rstrip() == b"}":
            parts, self._parts = self._parts, []
            yield from self._objects.take(RawLine(self._number, line.offset, b" ".join(parts), whole=True))

    def end(self) -> Iterator[RawLine]:
        """Return nothing: an object without its end is none."""
        return iter(())


class Verbose:
    """A line with the time and the cursor, then a line a field (`-o verbose`); a message goes on in deeper lines."""

    def __init__(self) -> None:
        self._fields: dict[str, str] = {}
        self._number = 0
        self._boot = self._name = ""

    def take(self, line: RawLine) -> Iterator[RawLine]:
        """Take a line; return the record before it, if another one begins."""
        if found := _ENTRY.fullmatch(line.data):
            yield from self.end()
            self._number = line.number
            self._fields = {_TIMES[1]: str(int(found[1], 16))}
            return
        text = line.data.decode("utf-8", "replace")
        name, equals, value = text.strip().partition("=")
        if equals and name.isidentifier() and name.upper() == name and text.startswith("    ") and text[4:5] != " ":
            self._name = name if name in _WANTED else ""
            if self._name:
                self._fields[name] = value
        elif self._name:
            self._fields[self._name] = f"{self._fields[self._name]} {text.strip()}"[:LINE_LIMIT]

    def end(self) -> Iterator[RawLine]:
        """Return the record that is left."""
        fields, self._fields, self._name = self._fields, {}, ""
        if not fields:
            return
        boot = fields.get(_BOOT, self._boot)
        yield from _boots(self._number, self._boot, boot)
        self._boot = boot
        yield _listed(self._number, fields)


def _boots(number: int, before: str, boot: str) -> Iterator[RawLine]:
    """Return what a listing has between the records of two boots."""
    if before and boot != before:
        yield RawLine(number, 0, f"-- Boot {boot:.32} --".encode(), whole=True)


def _listed(number: int, fields: dict[str, str]) -> RawLine:
    """Return a record as `journalctl -o short-iso-precise` lists it; without a time if it has none."""
    micros = next(
        (int(w) for n in _TIMES if (w := fields.get(n, "")).isdecimal() and w.isascii() and len(w) < 17), None
    )
    time = ""
    if micros is not None:
        seconds, rest = divmod(micros, 10**6)
        try:
            time = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06d}Z "
        except (OverflowError, ValueError, OSError):
            time = ""
    program = "".join((fields.get("SYSLOG_IDENTIFIER") or fields.get("_COMM") or "-").split())
    pid = fields.get("_PID") or fields.get("SYSLOG_PID")
    host = "".join(fields.get("_HOSTNAME", "-").split()) or "-"
    message = " ".join(fields.get("MESSAGE", "").split("\n"))
    text = f"{time}{host} {program}{f'[{pid}]' if pid else ''}: {message}"
    return RawLine(number, 0, text.encode()[:LINE_LIMIT], whole=True)
