"""When what interfaces and nodes owe falls due, and which of them are to be looked at before the next event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from itertools import count

from mipcheck.checker.observe.facts import Facts
from mipcheck.checker.observe.nodes import NEVER, InterfaceState
from mipcheck.model.machine.kleene import UNKNOWN, owed_from


class Deadlines:
    """A heap of deadlines, so that what an event costs depends on no number of nodes or interfaces. Times are ns."""

    def __init__(self, facts: Facts, by: int = 0) -> None:
        """Begin with none; stamps are so coarse that whatever is owed may be due later `by` so much."""
        self._limits = [(met, anchor, within + by) for met, anchor, within in facts.limits]
        self._shared = [(met, anchor, within + by) for met, anchor, within in facts.shared_limits]
        self._heap: list[tuple[int, int, InterfaceState]] = []
        self._ticket, self._late = count(), list[InterfaceState]()

    def plan(self, place: InterfaceState, now: int) -> None:
        """See when what an interface owes falls due next; have it looked at if some of it was due before `now`."""
        if (self._limits if place.index != UNKNOWN else self._shared) and self.put(place, now):
            self._late.append(place)

    def put(self, place: InterfaceState, now: int) -> bool:
        """See when what an interface owes falls due next; tell whether some of it has been due before `now`."""
        first, late, state, owed = NEVER, False, place.state, self._limits
        if place.index == UNKNOWN:
            state, owed = place.node.state, self._shared
        for done, anchor, limit in owed:
            since = owed_from(state[done], state[anchor])
            if since == UNKNOWN:
                continue
            due = since + limit
            if due < now:
                late = True
            else:
                first = min(first, due)
        if first < place.queued:
            place.queued = first
            heappush(self._heap, (first, next(self._ticket), place))
        node = place.node
        if late:
            if node.expired is None:
                node.expired = set()
            node.expired.add(place)
        elif node.expired:
            node.expired.discard(place)
        return late

    def look_at(self, places: Iterable[InterfaceState]) -> None:
        """Have interfaces looked at before the next event, whatever their deadlines."""
        self._late += places

    def forget(self) -> None:
        """Have none looked at for any reason but its deadline."""
        self._late.clear()

    def come(self, now: int) -> bool:
        """Decide whether there is anything to look at before `now`."""
        return bool(self._late) or self.soonest < now

    @property
    def soonest(self) -> int:
        """The next deadline, NEVER if there is none."""
        return self._heap[0][0] if self._heap else NEVER

    def taken(self, now: int) -> Iterator[InterfaceState]:
        """Yield what is to be looked at, once: what was said, and whatever has a deadline before `now`."""
        late, self._late = self._late, []
        yield from late
        while self._heap and self._heap[0][0] < now:
            deadline, _, place = heappop(self._heap)
            if deadline == place.queued:  # else it was put back, or its node is forgotten
                place.queued = NEVER
                yield place

    def before(self, until: int) -> Iterator[InterfaceState]:
        """Yield whatever has a deadline before then, in order, and leave all as it is."""
        for deadline, _, place in sorted(item for item in self._heap if item[0] < until):
            if deadline == place.queued:
                yield place
