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

    def take(self, event: Event) -> Iterator[Event]:
        """Return the next event with the gaps before and after it."""
        if not self._spans:
            yield event
            return
        if self._due is None:
            ends = [(event.time if s.since is None else s.since, s) for s in self._spans]
            ends += [(s.until, s) for s in self._spans if s.until is not None]
            self._due = sorted(ends, key=lambda item: item[0])
        while self._due and self._due[0][0] <= event.time:
            time, span = self._due.pop(0)
            yield gap_at(span, time)
        yield event
        for interface in dict.fromkeys((NODE, event.interface)):
            for span in self._spans:
                since, until = span.since or 0, NEVER if span.until is None else span.until
                if span.gap.interface == interface and since <= event.time <= until:
                    yield gap_at(span, event.time)
                    break

    def rest(self) -> Iterator[Event]:
        """Return the gaps at ends of spans after the last event."""
        due, self._due = self._due or [], []
        for time, span in due:
            yield gap_at(span, time)

    def add(self, span: Span, now: int) -> Iterator[Event]:
        """Take a span of which one hears only now (ns): what was before can no more be judged anew."""
        self._spans.append(span)
        yield gap_at(span, now)
        if span.until is not None and span.until > now and self._due is not None:
            self._due = sorted([*self._due, (span.until, span)], key=lambda item: item[0])
