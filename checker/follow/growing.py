"""A log while it grows: bytes → events, with what is known of its site and its source so far."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from mipcheck.checker.capture.frames.magic import is_capture
from mipcheck.checker.console.errors import InputError, Problem, UsageError
from mipcheck.checker.console.escape import printable
from mipcheck.checker.follow.tail import CaptureGrows
from mipcheck.checker.inputs.kinds import LOG_MARKS, no_text_log, refused
from mipcheck.checker.inputs.mapped import map_by_words
from mipcheck.checker.inputs.trace import Input, input_of_log
from mipcheck.checker.logs import jsonl, text
from mipcheck.checker.logs.builder import LogBuilder
from mipcheck.checker.logs.lines import REMEMBERED, Log, LogReader, RawLine
from mipcheck.checker.logs.parts import FIRST_LINE
from mipcheck.checker.logs.pieces import LineJoiner
from mipcheck.checker.maps.read import MappedLog
from mipcheck.checker.maps.recognise import LINES, SIZE
from mipcheck.checker.site.site import Site
from mipcheck.checker.trace.spans import and_of_spans
from mipcheck.checker.trace.vocabulary import RoleError
from mipcheck.model.values.event import NODE, Event, Position

if TYPE_CHECKING:
    from mipcheck.checker.inputs.opening import Mapped
    from mipcheck.checker.trace.source import SourceTable
    from mipcheck.checker.trace.spans import Span
    from mipcheck.checker.trace.vocabulary import Vocabulary

_HEAD: Final = 4096
"""Bytes by which it is told what an input is, if its first line is so long."""


class Counted(Sequence[Event]):
    """So many events that are not kept."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: object) -> Event:  # type: ignore[override]
        raise IndexError("these events were not kept")


class GrowingLog(Protocol):
    """A log of some kind while it grows: lines go in, events come out in its builder."""

    builder: LogBuilder
    kind: str

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with its lines."""

    @property
    def skipped(self) -> int:
        """How many bad lines were left out."""

    def take(self, line: RawLine) -> None:
        """Take the next line. Raises InputError, RoleError."""

    def pause(self) -> None:
        """Say what nothing that follows soon will change."""

    def end(self) -> None:
        """Say what is left: nothing follows. Raises InputError."""

    def site(self) -> tuple[Site, frozenset[str]]:
        """Return the site so far, and the names of what of it was said explicitly."""

    def log(self) -> Log | LogReader:
        """Return what describes the log so far."""


class _Own:
    """A log in our own words, as text or JSON Lines. Each file that takes the place of another may have a header."""

    def __init__(self, name: str, vocabulary: Vocabulary, keep_going: bool, kind: str, role: str | None) -> None:
        interpret, first = (text.interpret, FIRST_LINE) if kind == "log" else (jsonl.interpret, jsonl.FIRST_LINE)
        self._reader = LogReader(name, vocabulary, keep_going, interpret, first, role)
        self.builder, self.kind = self._reader.builder, kind
        self.again = False
        """Whether the lines are those at the beginning of a further file, which may say again what was said."""

    @property
    def problems(self) -> list[Problem]:
        return self._reader.problems

    @property
    def skipped(self) -> int:
        return self._reader.skipped

    def take(self, line: RawLine) -> None:
        if self.again:
            data = line.data.lstrip()
            if not data or data.startswith((*LOG_MARKS, b"site ", b"source ", b"#")):
                return
            self.again = False
        self._reader.take(line)

    def pause(self) -> None:
        pass

    def end(self) -> None:
        self._reader.check()

    def site(self) -> tuple[Site, frozenset[str]]:
        return self._reader.site(), self._reader.given

    def log(self) -> LogReader:
        return self._reader


class Means(NamedTuple):
    """What logs are read with: the words that they may say, the role if it is known from elsewhere, how. With `strict`
    lines that a map does not know are errors; `tunnels` are interfaces that are not physical."""

    vocabulary: Vocabulary
    role: str | None
    keep_going: bool
    latest: int | None
    strict: bool = False
    tunnels: frozenset[str] = frozenset()


class Growing:
    """A log that grows. `events` are those that nobody has taken yet, with times as the log has them; to which `shift`
    (ns) is to be added."""

    def __init__(self, path: str, name: str, mapped: Mapped | None, table: SourceTable | None) -> None:
        """`mapped` is the map that is given for it, `table` what a configuration says of its source."""
        self.path, self.name, self._mapped, self._table = path, name, mapped, table
        self.events: deque[Event] = deque()
        self.shift = 0
        self.read = self.lines = 0
        self.holes: list[str] = []
        self.asked = False
        """Whether somebody was told that it is undecided."""
        self.interfaces: dict[str, None] = {}
        self._lines = LineJoiner()
        self._head = b""
        self._words: GrowingLog | None = None
        self._lost = ""

    @property
    def undecided(self) -> bool:
        """Whether it may be the log of some program, of which too few lines have come to know whose it is."""
        head = self._head.removeprefix(b"\xef\xbb\xbf").lstrip()
        if self._words is not None or self._mapped is not None or b"\n" not in head or len(head) >= SIZE:
            return False
        if refused(head, self.name, grows=True) or no_text_log(head):
            return False
        return head.count(b"\n") < LINES and not any(line.startswith(LOG_MARKS) for line in head.splitlines())

    @property
    def head(self) -> bytes | None:
        """What was read of it, as long as nothing of that was taken for lines; None from then on."""
        return self._head if self._words is None else None

    # --- bytes → events -------------------------------------------------------------------------------------------

    def feed(self, data: bytes, means: Means) -> None:
        """Take what has come of it. Raises InputError, UsageError."""
        if self._words is None:
            self._head += data
            if is_capture(self._head):
                raise CaptureGrows(self.name)
            if b"\n" not in self._head and len(self._head) < _HEAD:
                return
            if self.undecided:
                return
            self._begin_with_head(means)
            return
        self._take(self._lines.take(data), means)

    def _begin_with_head(self, means: Means) -> None:
        """Find out what it is by what has come of it, and take that."""
        data, self._head = self._head, b""
        self._begin(data, means)
        self._take(self._lines.take(data), means)

    def turn(self, lost: str, means: Means) -> None:
        """Take note that another file has taken the place of this one; `lost` says what may not have been read."""
        if self._words is None:
            if not self.undecided:
                self._head = b""
                return
            self._begin_with_head(means)
        self._take(self._lines.end(), means)
        if isinstance(self._words, _Own):
            self._words.again = True
        if lost:
            self._lost = lost

    def time(self) -> int:
        """Return the time (ns) of the next event."""
        return self.events[0].time + self.shift

    def next(self) -> Event:
        """Take the next event."""
        event = self.events.popleft()
        return replace(event, time=event.time + self.shift) if self.shift else event

    def pause(self, means: Means) -> None:
        """Take note that nothing has come for a while: whose log it is is told by what there is, if that tells it.

        Raises InputError, UsageError.
        """
        if self.undecided:
            self._mapped = map_by_words(self._head, self.name, means.vocabulary, means.strict)
            if self._mapped is not None:
                self._begin_with_head(means)
        if self._words is not None:
            self._words.pause()
            self._drain()

    def end(self, means: Means, torn: bool) -> None:
        """Take note that nothing follows; what is `torn` off in the middle of a line is left. Raises InputError."""
        if self._words is None:
            if not self._head and torn:
                return  # nobody has written anything yet
            self._begin_with_head(means)
        assert self._words is not None
        if not torn:
            self._take(self._lines.end(), means)
        self._words.end()
        self._drain()

    def _begin(self, head: bytes, means: Means) -> None:
        """Find out what it is by its first bytes. Raises InputError, UsageError."""
        vocabulary, role, keep_going, latest, strict, tunnels = means
        begun = head.removeprefix(b"\xef\xbb\xbf").lstrip()
        if self._mapped is None and not begun.startswith(LOG_MARKS):
            self._mapped = map_by_words(head, self.name, vocabulary, strict)
        try:
            if self._mapped is not None and not begun.startswith(LOG_MARKS):
                if hint := no_text_log(head[:_HEAD]):
                    self._refuse("is no log that a map could read", hint)
                use, strict = self._mapped
                self._words = MappedLog(self.name, use, vocabulary, keep_going, role, latest, strict, tunnels)
                return
            if why := refused(head[:_HEAD], self.name, grows=True):
                self._refuse(*why)
            kind = "jsonl" if begun.startswith(b"{") else "log"
            self._words = _Own(self.name, vocabulary, keep_going, kind, role)
        except RoleError as error:
            raise UsageError(f"{printable(self.name)}: {error}") from None

    def _refuse(self, message: str, hint: str) -> None:
        raise InputError([Problem(Position(self.name), message, hint)])

    def _take(self, lines: Iterator[RawLine], means: Means) -> None:
        assert self._words is not None
        for line in lines:
            self.lines += 1
            try:
                self._words.take(line)
            except RoleError as error:
                raise UsageError(f"{printable(self.name)}: {error}") from None
            if self._words.problems and not means.keep_going:
                raise InputError(list(self._words.problems))
            if self._words.builder.events:
                self._drain()

    def _drain(self) -> None:
        """Take the events out of the builder."""
        assert self._words is not None
        builder = self._words.builder
        for event in builder.events:
            if self._lost:
                kind = min(builder.vocabulary.gaps)
                self._add(Event(event.time, NODE, kind, {"reason": self._lost}, event.at))
                self.holes.append(self._lost)
                self._lost = ""
            self._add(event)
        builder.events = []

    def _add(self, event: Event) -> None:
        interface = event.interface if self._table is None else self._table.rename.get(event.interface, event.interface)
        if interface != event.interface:
            event = replace(event, interface=interface)
        if interface != NODE and len(self.interfaces) < REMEMBERED:
            self.interfaces[interface] = None
        self.read += 1
        self.events.append(event)

    # --- what is known of it --------------------------------------------------------------------------------------

    @property
    def begun(self) -> bool:
        """Whether an event has been read."""
        return self._words is not None and self._words.builder.first is not None

    @property
    def known(self) -> bool:
        """Whether it is known what it is."""
        return self._words is not None

    def said(self) -> tuple[Site, frozenset[str]]:
        """Return the site that it has described so far, and the names of what it said explicitly."""
        return (Site(), frozenset()) if self._words is None else self._words.site()

    def signature(self) -> object:
        """Return what changes where anything does that concerns all events."""
        if self._words is None:
            return None
        builder = self._words.builder
        sight = self._words.log().sight
        return len(builder.words), builder.first is None, sight, builder.fractions, len(builder.spans)

    def spans(self) -> list[Span]:
        """Return the spans so far in which evidence is missing, and it is known where."""
        if self._words is None:
            return []
        return [self._by_name(s.shifted(self.shift)) for s in self._words.builder.spans if not s.endless]

    def _by_name(self, span: Span) -> Span:
        """Return a span on an interface that is called as the configuration has it."""
        return span if self._table is None else span.renamed(self._table.rename)

    def input(self) -> Input:
        """Return it as an input of a trace. Its events are only counted."""
        if self._words is None:
            return Input(self.name, "log", Counted(0), False, ())
        read = self._words.log()
        interfaces = and_of_spans(self.interfaces, self.spans())
        given = input_of_log(self.name, self._words.kind, read, Counted(self.read), interfaces)
        sight = given.sight if self._table is None else self._table.seen_by(given.sight)
        holes = (*given.holes, *dict.fromkeys(self.holes))
        lost = tuple(self._by_name(span.shifted(self.shift)) for span in given.lost)
        return Input(given.file, given.kind, given.events, given.absolute, given.interfaces, skipped=given.skipped,
                     problems=given.problems, notes=given.notes, holes=holes, sight=sight,
                     fractions=given.fractions, lost=lost)  # fmt: skip
