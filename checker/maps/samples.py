"""The samples of a map, which are its tests; and its lines beside the events that they become."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, BinaryIO

from mipcheck.checker.console.counts import counted
from mipcheck.checker.console.errors import InputError
from mipcheck.checker.logs.builder import LogBuilder
from mipcheck.checker.logs.parts import FIRST_LINE
from mipcheck.checker.logs.text import event_text, read_log
from mipcheck.checker.maps.language import Map, Sample
from mipcheck.checker.maps.library import Use, used
from mipcheck.checker.maps.read import LogReading, quoted_line, read_mapped
from mipcheck.checker.maps.teller import Teller

if TYPE_CHECKING:
    from mipcheck.checker.trace.vocabulary import Vocabulary
    from mipcheck.model.values.event import Event

_YEAR, _ZONE = "2025", "UTC"
"""The year and the zone of a sample that says nothing of them."""


def settled(map_: Map, sample: Sample) -> Use:
    """Return a map with the settings of a sample. Raises UsageError."""
    return used(map_, {"year": _YEAR, "zone": _ZONE, **sample.settings})


def raw_of(sample: Sample) -> BinaryIO:
    """Return the raw lines of a sample as a file."""
    return io.BytesIO("".join(f"{line}\n" for line in sample.raw).encode())


def wrong_with(map_: Map, sample: Sample, vocabulary: Vocabulary) -> list[str]:
    """Return in words what differs between the events of a sample and those due; nothing if it is as it has to be.

    Raises UsageError, InputError for due events that are none.
    """
    due_text = "".join(f"{line}\n" for line in (FIRST_LINE, *sample.due)).encode()
    due = read_log(io.BytesIO(due_text), f"{map_.file}: sample {sample.name}", vocabulary, role=map_.role).events
    try:
        found = read_mapped(raw_of(sample), sample.name, settled(map_, sample), vocabulary).events
    except InputError as error:
        return [str(error)]
    words = vocabulary.for_role(map_.role or "mn")
    return list(_differences([_said(e, words) for e in found], [_said(e, words) for e in due]))


def _said(event: Event, vocabulary: Vocabulary) -> str:
    return event_text(event, vocabulary, absolute=event.time > 10**17)


def _differences(found: list[str], due: list[str]) -> Iterator[str]:
    """Return lines that stand in one list and not in the other, in order."""
    import difflib

    marks = {"-": "due, but not told", "+": "told, but not due"}
    for line in difflib.ndiff(due, found):
        if line[0] in marks:
            yield f"{marks[line[0]]}: {line[2:]}"


def beside(use: Use, stream: BinaryIO, name: str, vocabulary: Vocabulary, latest: int | None) -> Iterator[str]:
    """Return the lines of a log, each beside the events that it becomes, and in the end how many there are of what.

    Raises InputError for a log without times.
    """
    reading = LogReading(use, name, latest)
    role = use.map.role
    words = vocabulary.for_role(role) if role else vocabulary
    teller = Teller(use, LogBuilder(name, words, True, headed=True))
    told = 0
    for record in reading.records(stream, every=True):
        yield f"{record.number:6}  {quoted_line(record.text)}"
        if record.outcome != "told":
            yield f"        = {_OUTCOMES[record.outcome]}{f': {record.why}' if record.why else ''}"
        for event in record.events:
            added = teller.builder.events
            if wrong := teller.add(record, event):
                yield f"        ! {wrong}"
            else:
                told += 1
                yield f"        > {event_text(added[-1], words, absolute=event.moment.absolute)}"
            added.clear()  # so that a long log takes no memory
    yield ""
    yield from (*reading.notes(), *teller.notes())
    yield counted(told, "event")


_OUTCOMES: Mapping[str, str] = {
    "ignored": "ignored",
    "foreign": "another program's",
    "unknown": "nothing in the map matches",
    "odd": "not read",
}
