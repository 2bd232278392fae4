"""Reading logs line by line, as text and JSON Lines share it.

How a line is taken apart is the business of `text.py` and `jsonl.py`, which give an `Interpret` to `LogReader`; what it
tells is added to a `LogBuilder`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Final

from mipcheck.checker.console.errors import LIMIT, InputError, Problem, joined, problem_in_line
from mipcheck.checker.logs.builder import LogBuilder
from mipcheck.checker.logs.foreign import seems
from mipcheck.checker.logs.parts import FIRST_LINE, LINE_LIMIT, Fault, LineError
from mipcheck.checker.site.site import Site, site_from_words
from mipcheck.checker.trace.source import ALL, Sight
from mipcheck.checker.trace.spans import Span
from mipcheck.checker.trace.vocabulary import Vocabulary
from mipcheck.model.values.event import Event, Position

_BEGIN_EVENTS: Final = (*(b"%d" % n for n in range(10)), b"{")
"""With what lines begin that may tell of an event: a time, or an object. Others are no events of ours."""
REMEMBERED: Final = 1000
"""Problems kept when bad lines are skipped; beyond that they are only counted."""


@dataclass
class Log:
    """A log as read. Times are ns since the epoch if `absolute`, else as the log counts them.

    `lines` is the number of lines in the file, `skipped` that of bad lines left out (under keep_going) for the
    reasons in `problems`. `given` names the site keys that the log states explicitly, `sight` is what its source shows,
    `fractions` whether any time has a fraction of a second, `spans` are times in which evidence is missing, `notes` say
    how words were read.
    """

    events: list[Event]
    site: Site
    lines: int
    skipped: int = 0
    problems: list[Problem] = field(default_factory=list)
    absolute: bool = False
    given: frozenset[str] = frozenset()
    sight: Sight = ALL
    fractions: bool = True
    spans: list[Span] = field(default_factory=list)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RawLine:
    """A line of a file, counted from 1, without its ending; `offset` in bytes. `whole` is whether it had an ending."""

    number: int
    offset: int
    data: bytes
    whole: bool
    overlong: bool = False


def raw_lines(stream: BinaryIO) -> Iterator[RawLine]:
    """Read the lines of a file. A byte order mark is dropped, and so is what a line holds beyond LINE_LIMIT."""
    number, offset = 0, 0
    room = LINE_LIMIT + len(b"\xef\xbb\xbf\r\n") + 1  # what fills it without an ending is too long for certain
    while piece := stream.readline(room):
        number, start, offset = number + 1, offset, offset + len(piece)
        whole = piece.endswith(b"\n")
        tail = piece
        while len(piece) == room and not tail.endswith(b"\n") and (tail := stream.readline(LINE_LIMIT)):
            offset += len(tail)
        data = piece.removesuffix(b"\n").removesuffix(b"\r")
        if number == 1 and data.startswith(b"\xef\xbb\xbf"):
            data, start = data[3:], 3
        if len(data) > LINE_LIMIT:
            yield RawLine(number, start, data[:LINE_LIMIT], whole=True, overlong=True)
        else:
            yield RawLine(number, start, data, whole)


Interpret = Callable[[LogBuilder, int, str], list[Fault]]
"""Takes a line (by number and text) into a log; returns what is wrong with it. May raise LineError."""


def read_lines(
    stream: BinaryIO,
    name: str,
    vocabulary: Vocabulary,
    keep_going: bool,
    interpret: Interpret,
    first: str = FIRST_LINE,
    role: str | None = None,
) -> Log:
    """Read a log whose lines `interpret` understands; `first` is what the first line has to be, for messages.

    Where `role` does not say whose trace it is, its site lines do; until then it is a mobile node's. Raises InputError,
    and RoleError for a role that the specification has not.
    """
    reader = LogReader(name, vocabulary, keep_going, interpret, first, role)
    for line in raw_lines(stream):
        reader.take(line)
    return reader.log()


class LogReader:
    """Reads a log line by line: `builder` is the log as it grows, `problems` are what is wrong with it.

    `lines` counts the lines taken, `skipped` the bad ones among them.
    """

    def __init__(
        self, name: str, vocabulary: Vocabulary, keep_going: bool, interpret: Interpret, first: str, role: str | None
    ) -> None:
        """Begin a log called `name` in messages; the rest is as for `read_lines`. Raises RoleError."""
        if role is not None:
            vocabulary = vocabulary.for_role(role)
        self.builder = LogBuilder(name, vocabulary, keep_going, settled=role is not None)
        self.problems: list[Problem] = []
        self.lines = 0
        self.skipped = 0
        self._interpret, self._first = interpret, first

    def take(self, line: RawLine) -> None:
        """Take the next line. Raises InputError for one after which there is no sense in going on."""
        self.lines = line.number
        builder, name = self.builder, self.builder.name
        text, faults = _take(builder, line, self._interpret, self._first)
        if not faults:
            return
        self.skipped += 1
        fatal = any(f.fatal for f in faults)
        if builder.keep_going and not fatal and line.data.lstrip()[:1] in _BEGIN_EVENTS:
            builder.leave_out(line.number)
        if builder.counting and not fatal:
            return
        found = [_problem(name, line, text, f) for f in faults[: LIMIT + 1]]
        if fatal:
            raise InputError([*self.problems, *found])
        self.problems += found[: REMEMBERED - len(self.problems)] if builder.keep_going else found
        builder.counting = builder.keep_going and len(self.problems) >= REMEMBERED
        if not builder.keep_going and len(self.problems) > LIMIT:
            raise InputError(self.problems[:LIMIT], more=True)

    def check(self) -> None:
        """Raise InputError, at the end, if there was no header, or problems that are not to be skipped."""
        if not self.builder.headed:
            message = "the file has no header" if self.lines else "the file is empty"
            raise InputError(
                [Problem(Position(self.builder.name, 1), message, f"the first line has to be: {self._first}")]
            )
        if self.problems and not self.builder.keep_going:
            raise InputError(self.problems)

    @property
    def absolute(self) -> bool:
        """Whether times count from the epoch, as far as there are events."""
        return self.builder.first is not None and self.builder.first[0].absolute

    @property
    def given(self) -> frozenset[str]:
        """The site keys that the site lines have stated so far."""
        return frozenset(self.builder.words)

    def site(self) -> Site:
        """Return the site that the site lines have described so far."""
        return site_from_words(self.builder.words, self.builder.vocabulary)

    def log(self) -> Log:
        """Return all that was read. Raises InputError as `check` does."""
        self.check()
        return Log(
            self.builder.events,
            self.site(),
            self.lines,
            self.skipped,
            self.problems,
            self.absolute,
            self.given,
            self.builder.sight,
            self.builder.fractions,
            self.builder.spans,
            self.builder.notes,
        )

    @property
    def sight(self) -> Sight:
        """What the source shows, as far as the lines so far have told."""
        return self.builder.sight

    @property
    def fractions(self) -> bool:
        """Whether a time so far has had a fraction of a second."""
        return self.builder.fractions

    @property
    def notes(self) -> tuple[str, ...]:
        """What people should know of how words so far were read."""
        return self.builder.notes

    @property
    def spans(self) -> list[Span]:
        """The times so far in which evidence is missing."""
        return self.builder.spans


def _take(builder: LogBuilder, line: RawLine, interpret: Interpret, first: str) -> tuple[str, list[Fault]]:
    """Take a raw line into a log; return its text as far as it is text, and what is wrong with it.

    `first` is what the first line has to be, for messages.
    """
    try:
        text = line.data.decode("utf-8")
    except UnicodeDecodeError as error:
        text = line.data.decode("utf-8", "backslashreplace")
        if not line.overlong:
            return text, [_no_utf8(builder, line, error, first)]
    if line.overlong:
        hint = "no event is so long; --keep-going leaves such lines out" if builder.headed else ""
        hint = hint or f"the first line has to be: {first}"
        return "", [Fault(LINE_LIMIT, 1, f"the line is longer than {LINE_LIMIT} bytes", hint, not builder.headed)]
    try:
        faults = interpret(builder, line.number, text)
    except LineError as error:
        faults = [error.fault]
    if faults and not builder.headed and not any(f.fatal for f in faults):
        hint = joined(seems(text), f"the first line has to be: {first}")
        faults = [Fault(0, len(text), "this is not the header of a trace", hint, True)]
    if faults and not line.whole and builder.headed:
        faults = [replace(f, message=f"the file ends in the middle of a line: {f.message}") for f in faults]
    return text, faults


def _no_utf8(builder: LogBuilder, line: RawLine, error: UnicodeDecodeError, first: str) -> Fault:
    """Return the fault of a line that is no UTF-8, where `error` found it."""
    byte = line.data[error.start]
    message = f"invalid UTF-8: byte 0x{byte:02x} at byte offset {line.offset + error.start} of the file"
    if not line.whole and error.reason == "unexpected end of data":
        message = f"the file ends in the middle of a line: {message}"
    # What is whole in another coding (a comment, a reason) was hardly damaged.
    hint = "logs are UTF-8: convert one in another coding first (iconv -f ISO-8859-1 -t UTF-8)" if line.whole else ""
    if not builder.headed:
        hint = f"the first line has to be: {first}"
    if line.number == 1 and line.data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        hint = "this looks like UTF-16; logs are UTF-8: convert it first (iconv -f UTF-16 -t UTF-8)"
    start = len(line.data[: error.start].decode("utf-8"))
    return Fault(start, len("\\xff"), message, hint, fatal=not builder.headed)


def _problem(name: str, line: RawLine, text: str, fault: Fault) -> Problem:
    """Return a fault of a line as a problem of the file called `name`; `text` is what is shown of the line."""
    at = Position(name, line.number)
    if line.overlong:
        return Problem(Position(name, line.number, column=fault.start + 1), fault.message, fault.hint)
    return problem_in_line(at, text, fault.start, fault.width, fault.message, fault.hint)
