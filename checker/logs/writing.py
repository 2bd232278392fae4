"""Words and lines that a log can hold, for those who write one: whatever is written reads back to the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from mipcheck.checker.console.errors import quoted
from mipcheck.checker.logs.parts import LINE_LIMIT
from mipcheck.checker.site.site import TEXTUAL, read_value, site_from_words, site_words, without_keys
from mipcheck.checker.trace.spans import COUNT, END, FROM, START, TO, Span
from mipcheck.checker.trace.times import TIME_LIMIT
from mipcheck.model.values.event import NODE

if TYPE_CHECKING:
    from mipcheck.checker.site.site import Site
    from mipcheck.checker.trace.vocabulary import Vocabulary
    from mipcheck.model.specification.spec import Key
    from mipcheck.model.values.event import Event
    from mipcheck.model.values.types import Value


def joined_lines(lines: Iterable[str]) -> str:
    """Return the text of a file with these lines. Raises ValueError if one is longer than a reader accepts."""
    parts: list[str] = []
    for line in lines:
        if len(line) * 4 > LINE_LIMIT and len(line.encode("utf-8")) > LINE_LIMIT:
            raise ValueError(f"a line of a log holds at most {LINE_LIMIT} bytes")
        parts += (line, "\n")
    return "".join(parts)


def writable_site(site: Site, vocabulary: Vocabulary) -> dict[str, str]:
    """Return the words of a site, which read back to it. Raises ValueError if there are no such words."""
    words = site_words(site)
    again = site_from_words(words, vocabulary)
    if again != without_keys(site):
        raise ValueError("a log cannot hold this site")
    return words


def missing_somewhere(
    holes: Iterable[str], lost: Sequence[Span], vocabulary: Vocabulary, show: Callable[[int], str]
) -> Iterator[tuple[str, dict[str, str | int]]]:
    """Yield the interface and the keys of the gaps that tell what is missing without anybody knowing where: of what was
    `lost` as it is, and of other `holes` that none of it excuses anything. `show` gives the word of a time."""
    left = list(lost)
    for hole in holes:
        told = [span for span in left if span.words() == hole]
        if not told:
            yield NODE, {"reason": hole, FROM: START, TO: END, COUNT: 0}
        for span in told:
            left.remove(span)
            yield _lost(span, vocabulary, show)
    for span in left:
        yield _lost(span, vocabulary, show)


def _lost(span: Span, vocabulary: Vocabulary, show: Callable[[int], str]) -> tuple[str, dict[str, str | int]]:
    """Return the interface and the keys of the gap that tells of a stretch."""
    types = vocabulary.events[span.gap.kind].by_name
    said: dict[str, str | int] = {}
    for k, w in span.gap.args.items():
        if k not in (FROM, TO):
            said[k] = w if types[k].type.name == "int" and isinstance(w, int) else _writable(types[k], w)
    since, until = (None if t is None else show(t) for t in (span.since, span.until))
    return span.gap.interface, {**said, FROM: since or START, TO: until or END}


def writable_events(events: Iterable[Event], vocabulary: Vocabulary) -> Iterator[tuple[Event, dict[str, str]]]:
    """Return each event with the words of its keys, in the order of declaration.

    Raises ValueError for what cannot be read back.
    """
    last = 0
    for event in events:
        if not last <= event.time < TIME_LIMIT:
            raise ValueError(f"time {event.time} ns of event {event.kind} is negative, too large or runs backwards")
        last = event.time
        declared = vocabulary.events.get(event.kind)
        if declared is None:
            raise ValueError(f"unknown event {quoted(event.kind)}")
        for name in event.args:
            if name not in declared.by_name:
                raise ValueError(f"unknown key {quoted(name)} of event {event.kind}")
        shown = {k.name: _writable(k, event.args[k.name]) for k in declared.keys if k.name in event.args}
        missing = [k.name for k in declared.keys if not k.optional and k.name not in shown]
        if missing:
            raise ValueError(f"event {event.kind} lacks {' '.join(missing)}")
        yield event, shown


def _writable(key: Key, value: Value) -> str:
    """Return the word of a value. Raises ValueError if it does not read back to it."""
    if key.type.name in TEXTUAL and not key.type.members and isinstance(value, str):
        return value
    word = key.type.show(value)
    if read_value(key.type, word) != value:
        raise ValueError(f"{value!r} is no value of key {key.name}")
    return word
