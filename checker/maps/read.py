"""A log of another program → a `Log`, as if it had been written in our words."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from itertools import chain
from re import Match
from typing import BinaryIO, Final

from mipcheck.checker.console.counts import counted
from mipcheck.checker.console.errors import LIMIT, InputError, Problem, joined, problem_in_line, quoted
from mipcheck.checker.console.escape import printable
from mipcheck.checker.logs.builder import LogBuilder
from mipcheck.checker.logs.lines import Log, RawLine
from mipcheck.checker.logs.parts import LINE_LIMIT
from mipcheck.checker.logs.pieces import LineJoiner
from mipcheck.checker.maps.carriers import Carrier, carrier_of, undressed
from mipcheck.checker.maps.clockwork import Shown, shown_by
from mipcheck.checker.maps.interrupted import NEEDLES, Boots
from mipcheck.checker.maps.library import Use
from mipcheck.checker.maps.listing import Listing
from mipcheck.checker.maps.newest import ROOM, is_newest_first, oldest_first
from mipcheck.checker.maps.run import LogRecord, Runner
from mipcheck.checker.maps.stamps import Stamp, StampError, month_of
from mipcheck.checker.maps.teller import Teller
from mipcheck.checker.site.site import Site
from mipcheck.checker.trace.spans import Span
from mipcheck.checker.trace.vocabulary import Vocabulary
from mipcheck.model.values.event import NODE, Event, Position

SHOWN: Final = 3
"""Lines that matched nothing, of which a note shows the first."""
_BLOCK: Final = LINE_LIMIT
"""Bytes that are read at a time; no line in such a piece is too long."""
_FORMS: Final = 4
"""Forms of stamps that a message names."""
_WITHOUT: Final = 200
"""Lines at the beginning among which one has to have a stamp."""


class LogReading:
    """A log that is read through a map. `records` gives what becomes of each record and counts it.

    `name` stands for the log in messages; `latest` (ns since the epoch) is when its last line was written or later;
    None where years and zones may not be guessed.
    """

    def __init__(self, use: Use, name: str, latest: int | None) -> None:
        self.use, self.name, self._latest = use, name, latest
        self.lines = 0
        self.counts = dict.fromkeys(("told", "ignored", "foreign", "unknown", "odd"), 0)
        self.shown: list[tuple[int, str, str]] = []
        self.assumed: list[str] = []
        self._odd = (0, "")
        self._strange = (0, 0)  # lines that are no UTF-8: how many, and the number of the first
        maps = use.map.parts or (use.map,)
        runners = [Runner(map_, use.given, self._clock) for map_ in maps]
        self._runner = runners[0] if len(runners) == 1 else Listing(runners)
        self._unstamped: tuple[int, str] | None = None
        self._carrier: Carrier | None = None
        self._begun = False
        names = sorted(use.map.programs)
        self._needle = re.compile("|".join(map(re.escape, names)).encode()) if names else None
        self._boots = Boots()
        self._shown: Shown | None = None

    def records(self, stream: BinaryIO, every: bool = False) -> Iterator[LogRecord]:
        """Read all of a log. Unless `every` record is wanted, of other programs' some are only counted.

        Raises InputError for one without times.
        """
        if every:
            self._needle = None
        lines = LineJoiner()
        data = stream.read(_BLOCK)
        self._shown = shown_by(self._listed(data), self.use.map.parts or (self.use.map,))
        if is_newest_first(self._listed(data[: data.rfind(b"\n") + 1]), self.use):
            yield from self._turned_round(data, stream)
            return
        while data:
            for line in self._lines_of_ours(data, lines):
                yield from self.take(line)
            data = stream.read(_BLOCK)
        for line in lines.end():
            yield from self.take(line)
        yield from self.end()

    def _listed(self, data: bytes) -> Iterator[RawLine]:
        """Return the lines of a whole log, or of its beginning, as a listing has them."""
        lines = LineJoiner()
        carrier = None
        begun = False
        for line in map(undressed, chain(lines.take(data), lines.end())):
            if not begun and line.data.strip():
                begun, carrier = True, carrier_of(line.data, self.name)
            yield from (line,) if carrier is None else carrier.take(line)
        if carrier is not None:
            yield from carrier.end()

    def _turned_round(self, data: bytes, stream: BinaryIO) -> Iterator[LogRecord]:
        """Read a log whose newest line stands first. Raises InputError for one that is too long to be held."""
        data += stream.read(ROOM + 1 - len(data))
        if len(data) > ROOM:
            hint = "write it with the oldest first (tac, journalctl without -r, wevtutil without /rd:true)"
            raise InputError([Problem(Position(self.name), "its newest line stands first, and it is too long to be"
                                      f" turned round (over {ROOM >> 20} MiB)", hint)])  # fmt: skip
        listed = list(self._listed(data))
        if is_newest_first(listed, self.use):
            self.assumed.append("its newest line stands first: it is read from its end to its beginning")
            listed = list(oldest_first(listed, self.use))
        for line in listed:
            self.lines += 1
            yield from self._take(line)
        yield from self.end()

    def _lines_of_ours(self, data: bytes, lines: LineJoiner) -> Iterator[RawLine]:
        """Return the lines that end in a piece, but for those of other programs, of which a journal is full.

        What stands between two lines with the name of a program of the map is passed over as a whole, if it is nothing
        else.
        """
        start = 0
        while start < len(data):
            pattern = None if lines.pending or self._needle is None else self._runner.foreign_lines()
            end = data.rfind(b"\n", start) + 1
            if pattern is None or self._carrier is not None or end <= start:
                end = data.find(b"\n", start) + 1 or len(data)
                yield from lines.take(data[start:end])
                start = end
                continue
            assert self._needle is not None
            found = self._needle.search(data, start, end)
            at, stop = (end, end) if found is None else found.span()
            for text in NEEDLES:  # one by one: that is faster than any pattern of them
                if (hit := data.find(text, start, at)) >= 0:
                    at, stop = hit, hit + len(text)
            ours = end if at == end else data.rfind(b"\n", start, at) + 1 or start
            others = data[start:ours] if start or ours < len(data) else data
            count = others.count(b"\n")
            if count and len(pattern.findall(others)) == count:
                self._runner.pass_over(count)
                self.counts["foreign"] += count
                self.lines += count
                lines.skip(count, len(others))
                start = ours
            until = end if at == end else data.find(b"\n", stop) + 1
            if start < until:
                yield from lines.take(data[start:until])
                start = until

    def take(self, line: RawLine) -> Iterator[LogRecord]:
        """Take the next line; return the records that are complete by it. Raises InputError for a log without times."""
        line = undressed(line)
        if not self._begun and line.data.strip():
            self._begun, self._carrier = True, carrier_of(line.data, self.name)
        self.lines += 1
        if self._carrier is None:
            yield from self._take(line)
            return
        for listed in self._carrier.take(line):
            yield from self._take(listed)

    def _take(self, line: RawLine) -> Iterator[LogRecord]:
        if line.number == 1 and line.data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise InputError(
                [Problem(Position(self.name, 1), "is UTF-16", "convert it first (iconv -f UTF-16 -t UTF-8)")]
            )
        text = "" if line.overlong else self._decoded(line)
        if line.overlong:
            self._count(
                LogRecord(line.number, line.data[:200].decode("utf-8", "replace"), "odd", "the line is too long")
            )
        if not self._runner.stamped and self._unstamped is None and text.strip():
            self._unstamped = (line.number, text)
        yield from self._counted(self._runner.take(line.number, text))
        if not self._runner.stamped and self.lines >= _WITHOUT and self._unstamped is not None:
            self._refuse(*self._unstamped)

    def _decoded(self, line: RawLine) -> str:
        """Return the text of a line; of one in another encoding, what is UTF-8, which is counted."""
        try:
            text = line.data.decode()
            strange = "\0" in text
        except UnicodeDecodeError:
            text, strange = line.data.decode("utf-8", "replace"), True
        if strange:
            self._strange = (self._strange[0] + 1, self._strange[1] or line.number)
        return text

    def end(self) -> Iterator[LogRecord]:
        """Return the records that were not complete yet: no line follows. Raises InputError for a log without times."""
        for listed in self._carrier.end() if self._carrier is not None else ():
            yield from self._take(listed)
        if not self._runner.stamped and self._unstamped is not None:
            self._refuse(*self._unstamped)
        yield from self._counted(self._runner.end())

    def pause(self) -> Iterator[LogRecord]:
        """Return the records that were not complete yet, as nothing has followed for a while."""
        yield from self._counted(self._runner.end())

    def _counted(self, records: Iterator[LogRecord]) -> Iterator[LogRecord]:
        for record in records:
            self._count(record)
            self._boots.tell(record)
            yield record

    def _refuse(self, number: int, text: str) -> None:
        """Raise InputError for a log whose lines have no stamp that the map knows."""
        map_ = self.use.map
        shown = [quoted(s.text) for s in map_.stamps[:_FORMS]]
        forms = " or ".join(
            [*shown, *([f"{len(map_.stamps) - _FORMS} more forms"] if len(map_.stamps) > _FORMS else [])]
        )
        hint = joined(f"expected {forms}", map_.advice)
        message = f"no line begins with a time that the map {map_.name} knows, and none is invented"
        raise InputError([problem_in_line(Position(self.name, number), text, 0, len(text), message, hint)])

    def _count(self, record: LogRecord) -> None:
        self.counts[record.outcome] += 1
        if record.outcome == "odd" and self.counts["odd"] == 1:
            self._odd = record.number, record.why
        if record.outcome in ("unknown", "odd") and len(self.shown) < SHOWN:
            self.shown.append((record.number, record.text, record.why))

    def _clock(self, stamp: Stamp, match: Match[str]) -> tuple[int | None, datetime.tzinfo | None]:
        """Return year and zone: what the user gives, or, where that harms nobody, what is probable."""
        year, zone = self.use.year, self.use.zone
        if self._shown is not None and (
            (year is None and stamp.lacks_year(match)) or (zone is None and stamp.lacks_zone(match))
        ):
            return self._as_shown(self._shown, stamp, match)
        lacking = [
            (name, example)
            for lacks, name, example in (
                (year is None and stamp.lacks_year(match), "year", "year=2025"),
                (zone is None and stamp.lacks_zone(match), "zone", "zone=Europe/Berlin"),
            )
            if lacks
        ]
        if lacking and self._latest is None:
            examples = ",".join(example for _, example in lacking)
            raise InputError([Problem(
                Position(self.name), f"its times have no {lacking[0][0]}, and other inputs do: say it",
                f"as --map {printable(self.name)}={printable(self.use.map.name)},{examples}",
            )])  # fmt: skip
        if stamp.text.startswith("%d/%m") and int(match["d"]) <= 12:
            self.assumed.append("its dates are read with the day first (stamp=%m/%d/… says otherwise)")
        if zone is None and stamp.lacks_zone(match):
            self.assumed.append("its times have no zone and are taken for UTC (zone=… says otherwise)")
        if year is None and stamp.lacks_year(match):
            year = self._probable(stamp, match)
            self.assumed.append(f"its times have no year, which is taken to be {year} (year=… says otherwise)")
        return year, zone

    def _as_shown(self, shown: Shown, stamp: Stamp, match: Match[str]) -> tuple[int | None, datetime.tzinfo | None]:
        """Return the year and the zone in which a program's own times are the stamps, but for what is given."""
        zone = self.use.zone or shown.zone
        year = self.use.year or shown.year_at(month_of(match) or shown.month)
        self.assumed.append(f"its stamps are read as the times of {shown.program} in it show: {year}, {zone}")
        return year, zone

    def _probable(self, stamp: Stamp, match: Match[str]) -> int:
        """Return the last year in which a stamp was not later than the log was written."""
        from mipcheck.checker.maps.stamps import Clock

        latest = self._latest or 0
        year = datetime.datetime.fromtimestamp(latest // 10**9, datetime.UTC).year
        for candidate in (year, year - 1, year - 2, year - 3):
            try:
                if Clock(candidate, self.use.zone).read(stamp, match).ns <= latest + 86400 * 10**9:
                    return candidate
            except StampError:  # 29 February
                continue
        return year

    def holes(self) -> list[Span]:
        """Return a hole where records were not read: what they told is missing, and nobody knows when it was."""
        odd = self.counts["odd"]
        if not odd:
            return []
        number, why = self._odd
        text = f"{counted(odd, 'record')} {'was' if odd == 1 else 'were'} not read (line {number}: {why})"
        gap = Event(0, NODE, "gap", {"reason": text}, Position(self.name, number))
        return [Span(None, None, gap, None)]

    def notes(self) -> list[str]:
        """Return what people should know of how the log was read."""
        counts = self.counts
        parts = [f"{counts['told']} known to it"]
        parts += [f"{counts['ignored']} ignored"] if counts["ignored"] else []
        parts += [f"{counts['foreign']} of other programs"] if counts["foreign"] else []
        unknown = counts["unknown"] + counts["odd"]
        parts.append(f"{unknown} that nothing in it matches" if unknown else "none that nothing in it matches")
        notes = [self.use.chosen] if self.use.chosen else []
        notes += [f"read by the map {self.use.map.name}: {counted(sum(counts.values()), 'record')}, {', '.join(parts)}"]
        if not counts["told"] and any(counts.values()):
            notes.append("nothing in it is told by a line of this map: see whose log it is (mipcheck map MAP FILE)")
        if self._strange[0]:
            lines = f"{counted(self._strange[0], 'line')} (the first is {self._strange[1]})"
            notes.append(f"{lines} in another encoding than UTF-8, so that what stands there may not be what was"
                         " written: convert the log first (iconv -f LATIN1 -t UTF-8)")  # fmt: skip
        for number, text, why in self.shown:
            notes.append(f"line {number} matches nothing in the map{f' ({why})' if why else ''}: {quoted_line(text)}")
        return [*notes, *dict.fromkeys(self.assumed)]


def quoted_line(text: str) -> str:
    """Return a raw line as a message shows it: escaped, of a bearable length."""
    text = text.strip().replace("\t", " ")
    return printable(text if len(text) <= 120 else text[:119] + "…")


# --- records → a log ----------------------------------------------------------------------------------------------


def read_mapped(
    stream: BinaryIO,
    name: str,
    use: Use,
    vocabulary: Vocabulary,
    keep_going: bool = False,
    role: str | None = None,
    latest: int | None = None,
    strict: bool = False,
    tunnels: frozenset[str] = frozenset(),
) -> Log:
    """Read a log of another program through a map; positions are those of its lines.

    `latest` is as for `LogReading`. An event that lacks a key which it needs is a gap: nothing rests on its absence.
    With `strict` a line that nothing matched is an error. `tunnels` are interfaces that are not physical. Raises
    InputError, RoleError.
    """
    mapped = MappedLog(name, use, vocabulary, keep_going, role, latest, strict, tunnels)
    mapped.read(stream)
    problems = mapped.problems
    if problems and not keep_going:
        raise InputError(problems[:LIMIT], more=len(problems) - LIMIT if len(problems) > LIMIT else False)
    return mapped.log()


class MappedLog:
    """A log that is read through a map, as a whole or while it grows; what it tells is in `builder`.

    What it is read with is as for `read_mapped`; what is wrong with its events is in `problems`.
    """

    kind = "log"

    def __init__(
        self,
        name: str,
        use: Use,
        vocabulary: Vocabulary,
        keep_going: bool,
        role: str | None,
        latest: int | None,
        strict: bool,
        tunnels: frozenset[str] = frozenset(),
    ) -> None:
        """Begin. Raises RoleError."""
        told = role or use.map.role
        vocabulary = vocabulary.for_role(told) if told is not None else vocabulary
        self._said = frozenset({"role"}) if role is None and use.map.role is not None else frozenset[str]()
        self._role, self._strict = told or "mn", strict
        self._reading = LogReading(use, name, latest)
        self._teller = Teller(use, LogBuilder(name, vocabulary, keep_going, headed=True), tunnels)
        self.builder = self._teller.builder

    @property
    def problems(self) -> list[Problem]:
        return self._teller.problems

    @property
    def skipped(self) -> int:
        return self._teller.skipped

    def read(self, stream: BinaryIO) -> None:
        """Read all of it. Raises InputError."""
        self._tell(self._reading.records(stream))
        self._refuse_unknown()

    def take(self, line: RawLine) -> None:
        """Take the next line. Raises InputError."""
        self._tell(self._reading.take(line))
        self._refuse_unknown()

    def pause(self) -> None:
        """Tell what waits, as nothing has followed for a while."""
        self._tell(self._reading.pause())

    def end(self) -> None:
        """Tell what is left: no line follows. Raises InputError."""
        self._tell(self._reading.end())
        self._refuse_unknown()

    def site(self) -> tuple[Site, frozenset[str]]:
        """Return the site, and the names of what of it the map says."""
        return Site(role=self._role), self._said

    def log(self) -> Log:
        """Return the log, as far as it has been read."""
        builder, reading = self.builder, self._reading
        absolute = builder.first is not None and builder.first[0].absolute
        return Log(
            builder.events, Site(role=self._role), reading.lines, self.skipped, self.problems, absolute, self._said,
            self._teller.sight(), True, [*builder.spans, *reading.holes()], (*reading.notes(), *self._teller.notes()),
        )  # fmt: skip

    def _tell(self, records: Iterator[LogRecord]) -> None:
        for record in records:
            for event in record.events:
                self._teller.add(record, event)

    def _refuse_unknown(self) -> None:
        """Raise InputError where lines that nothing matched are errors, and there are some."""
        reading = self._reading
        if not self._strict or not reading.shown:
            return
        hint = "add a line or an ignore to the map"
        problems = [
            problem_in_line(
                Position(reading.name, number), text, 0, len(text), why or "nothing in the map matches", hint
            )
            for number, text, why in reading.shown
        ]
        raise InputError(problems, more=reading.counts["unknown"] + reading.counts["odd"] - len(problems))
