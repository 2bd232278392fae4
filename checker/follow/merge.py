"""Which of several growing inputs has the next event: the earliest, once nothing earlier can come any more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mipcheck.checker.follow.growing import Growing
from mipcheck.model.values.event import Event


class Merge:
    """Events of several inputs in order of time. `late` are, by the name of an input, those that came too late.

    An event is given once a later one is known of its own input (which may be a gap, that is then said at both ends)
    and every other input has one, or is quiet: for so long that nothing earlier is to be expected.
    """

    def __init__(self, inputs: Sequence[Growing], gaps: frozenset[str]) -> None:
        self._inputs, self._gaps = inputs, gaps
        self._now = -1
        self._last: dict[str, int] = {}
        self.late: dict[str, int] = {}

    def ready(self, quiet: Sequence[bool]) -> Iterator[Event]:
        """Return the events that can be given; `quiet` says of each input that it has ended, or nothing is coming."""
        inputs = self._inputs
        alone = len(inputs) == 1
        while True:
            heads = [n for n, i in enumerate(inputs) if i.events]
            if not heads:
                return
            first = min(heads, key=lambda n: (inputs[n].time(), n))
            given = inputs[first]
            if not alone and not all(len(i.events) > (i is given) or quiet[n] for n, i in enumerate(inputs)):
                return
            event = given.next()
            if event.time < self._now:
                self.late[given.name] = self.late.get(given.name, 0) + 1
                event = replace(event, time=self._now, kind=min(self._gaps), args={"reason": "an event came too late"})
            self._now = event.time
            yield event
            if not alone and given.events and given.events[0].kind in self._gaps:
                yield replace(given.events[0], time=event.time)
