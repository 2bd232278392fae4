"""Spans of missing evidence (`gap from=… to=…`) over events that come one by one; see `trace/spans.py`."""

from __future__ import annotations

from collections.abc import Iterator

from mipcheck.checker.observe.nodes import NEVER
from mipcheck.checker.trace.spans import Span, gap_at
from mipcheck.model.values.event import NODE, Event


class Spanned:
    """Puts the gaps that spans come to among the events."""

    def __init__(self, spans: list[Span]) -> None:
        """`spans` have an end at least."""
        self._spans = spans
        self._due: list[tuple[int, Span]] | None = None
        self._told: set[tuple[int, str]] = set()
        """The times and interfaces of the gaps that came last."""

    def take(self, event: Event) -> Iterator[Event]:
        """Return the next event with the gaps before and after it."""
        if not self._spans:
            yield event
            return
        if self._due is None:
            ends = [(event.time if s.since is None else s.since, s) for s in self._spans if not s.somewhere]
            ends += [(s.until, s) for s in self._spans if s.until is not None]
            self._due = sorted(ends, key=lambda item: item[0])
        while self._due and self._due[0][0] + self._due[0][1].somewhere <= event.time:
            time, span = self._due.pop(0)
            if not span.somewhere or (time, span.gap.interface) not in self._told:
                yield gap_at(span, time)
        if event.kind != self._spans[0].gap.kind:
            self._told.clear()
        else:
            self._told = {(t, i) for t, i in self._told if t == event.time} | {(event.time, event.interface)}
        yield event
        for interface in dict.fromkeys((NODE, event.interface)):
            for span in self._spans:
                since, until = span.since or 0, NEVER if span.until is None else span.until
                if not span.somewhere and span.gap.interface == interface and since <= event.time <= until:
                    yield gap_at(span, event.time)
                    break

    def rest(self) -> Iterator[Event]:
        """Return the gaps at ends of spans after the last event."""
        due, self._due = self._due or [], []
        for time, span in due:
            if not span.somewhere or (time, span.gap.interface) not in self._told:
                yield gap_at(span, time)

    def add(self, span: Span, now: int) -> Iterator[Event]:
        """Take a span of which one hears only now (ns): what was before can no more be judged anew."""
        self._spans.append(span)
        yield gap_at(span, now)
        if span.until is not None and span.until > now and self._due is not None:
            self._due = sorted([*self._due, (span.until, span)], key=lambda item: item[0])
