"""Spans of time in which evidence is missing: `gap from=… to=…`.

Whatever is seen in a span on its interface cannot be relied on once the next thing happens: a gap without a span, which
reaches back to the event before it, is put after each event there, and at both ends.

Where the gap says how many events are missing (`count=`), or has no end, it is only known that some are, somewhere in
it: what else there is was seen. Nothing is known once it is over, and what is found in it is looked at again, as any of
those that are missing may excuse it (`observe/lost.py`); with `count=0` none could.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from operator import attrgetter
from typing import Final

from mipcheck.checker.trace.times import read_datetime, read_seconds
from mipcheck.model.values.errors import MipcheckError
from mipcheck.model.values.event import NODE, Event

FROM: Final = "from"
TO: Final = "to"
START: Final = "start"
END: Final = "end"
COUNT: Final = "count"
_SECONDS: Final = re.compile(r"[0-9]{1,10}(\.[0-9]{1,9})?", re.ASCII)
_DATETIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:?[0-9]{2})", re.ASCII
)


class SpanError(MipcheckError, ValueError):
    """An end of a span that is no time; `key` says which."""

    def __init__(self, key: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.key, self.message, self.hint = key, message, hint


@dataclass(frozen=True, slots=True)
class Span:
    """A span from `since` to `until` (ns; None: the start, the end), and the gap that tells of it.

    `absolute` is the kind of its times, None if it has none.
    """

    since: int | None
    until: int | None
    gap: Event
    absolute: bool | None

    @property
    def endless(self) -> bool:
        """Whether evidence is missing somewhere, and nobody knows where."""
        return self.since is None and self.until is None

    @property
    def somewhere(self) -> bool:
        """Whether some events are missing, and it is not known where in it."""
        return self.endless or COUNT in self.gap.args

    @property
    def excuses(self) -> bool:
        """Whether what is missing somewhere in it may have excused what was found there."""
        return self.somewhere and self.gap.args.get(COUNT) != 0

    def may_hold(self, time: int) -> bool:
        """Tell whether it reaches to what is known at a time (ns)."""
        return (self.since is None or self.since < time) and (self.until is None or time <= self.until)

    def words(self) -> str:
        """Return what is missing, in words."""
        reason = self.gap.args.get("reason")
        text = str(reason) if reason else "evidence is missing, and it is not known where"
        return text if self.gap.interface in (NODE, *text.split()) else f"{self.gap.interface}: {text}"

    def shifted(self, ns: int) -> Span:
        """Return the same on another clock, to whose times `ns` are added."""
        since, until = (None if t is None else t + ns for t in (self.since, self.until))
        return replace(self, since=since, until=until, gap=replace(self.gap, time=self.gap.time + ns))

    def renamed(self, names: Mapping[str, str]) -> Span:
        """Return the same on an interface that has another name, if `names` has one."""
        return replace(self, gap=replace(self.gap, interface=names.get(self.gap.interface, self.gap.interface)))


def and_of_spans(interfaces: Iterable[str], spans: Iterable[Span]) -> tuple[str, ...]:
    """Return interfaces of events, and after them those that only spans with a known place tell of."""
    others = (s.gap.interface for s in spans if not s.endless and s.gap.interface != NODE)
    return tuple(dict.fromkeys([*interfaces, *others]))


def span_of(event: Event, is_gap: bool) -> Span | None:
    """Return the span of an event that is a gap with one, else None. Raises SpanError."""
    if not is_gap or (FROM not in event.args and TO not in event.args):
        return None
    since, until = _end(event, FROM, START), _end(event, TO, END)
    kinds = {t[1] for t in (since, until) if t is not None}
    if len(kinds) > 1:
        raise SpanError(TO, "a span with two kinds of times", "expected both in seconds, or both in RFC 3339")
    if since is not None and until is not None and until[0] < since[0]:
        raise SpanError(TO, "the span ends before it begins", f"expected a time after {event.args[FROM]}")
    end = until[0] if until else event.time if TO not in event.args else None  # else it reaches to where it is told of
    return Span(since[0] if since else None, end, event, kinds.pop() if kinds else None)


def _end(event: Event, key: str, open_end: str) -> tuple[int, bool] | None:
    """Return the time of a key and whether it is absolute; None for `open_end`, or where the key is absent."""
    word = event.args.get(key)
    if word is None or word == open_end:
        return None
    text = str(word)
    try:
        if _SECONDS.fullmatch(text):
            return read_seconds(text), False
        if _DATETIME.fullmatch(text):
            return read_datetime(text), True
    except ValueError as error:
        raise SpanError(key, f'"{text}" is no time', str(error)) from None
    raise SpanError(key, f'"{text}" is no time', f"expected {open_end}, or a time as the log has them")


def with_spans(events: Sequence[Event], spans: Iterable[Span]) -> list[Event]:
    """Return events, in order of time, with the gaps that spans come to; those without ends are left to the verdict."""
    spans = list(spans)
    events = _with_ends(events, [s for s in spans if s.somewhere and s.until is not None])
    placed = [s for s in spans if not s.somewhere]
    if not placed or not events:
        return list(events)
    first, last = events[0].time, events[-1].time
    result: list[Event] = []
    opened: list[tuple[Span, int, int]] = sorted(
        ((s, first if s.since is None else s.since, last if s.until is None else s.until) for s in placed),
        key=lambda item: item[1],
    )
    for span, since, until in opened:
        result += [gap_at(span, since), gap_at(span, until)]
    before = sorted(result, key=attrgetter("time"))
    merged: list[Event] = []
    at = begun = 0
    lasting: dict[str, tuple[Span, int]] = {}
    """By interface, of the spans that have begun the one that lasts longest, and until when."""
    for event in events:
        while at < len(before) and before[at].time <= event.time:
            merged.append(before[at])
            at += 1
        merged.append(event)
        while begun < len(opened) and opened[begun][1] <= event.time:
            span, _, until = opened[begun]
            if until > lasting.get(span.gap.interface, (span, -1))[1]:
                lasting[span.gap.interface] = span, until
            begun += 1
        for interface in dict.fromkeys((NODE, event.interface)):
            span, until = lasting.get(interface, (opened[0][0], -1))
            if event.time <= until:
                merged.append(gap_at(span, event.time))
    return merged + before[at:]


def _with_ends(events: Sequence[Event], spans: Iterable[Span]) -> Sequence[Event]:
    """Return events with a gap where each of these spans ends, unless they tell of it already."""
    gaps = [gap_at(span, span.until or 0) for span in spans]
    times = [event.time for event in events] if gaps else []
    new = [gap for gap in gaps if not _ends_with(events[: bisect_right(times, gap.time)], gap)]
    return sorted([*events, *new], key=attrgetter("time")) if new and events else events


def _ends_with(events: Sequence[Event], gap: Event) -> bool:
    """Decide whether events end with a gap of that interface and time, among others perhaps."""
    newest = takewhile(lambda e: (e.time, e.kind) == (gap.time, gap.kind), reversed(events))
    return any(event.interface == gap.interface for event in newest)


def gap_at(span: Span, time: int) -> Event:
    """Return the gap that a span comes to at one time."""
    return replace(span.gap, time=time, args={k: v for k, v in span.gap.args.items() if k not in (FROM, TO)})
