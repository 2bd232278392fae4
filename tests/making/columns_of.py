"""Events as columns, for tests: as a capture delivers them, in batches of any size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from mipcheck.checker.trace.columns import Batch, Columns
from mipcheck.model.values.event import NODE, Event


class ListColumns(Columns):
    """Columns of events that are at hand; `varying` may name a key that is to stand beside the shapes."""

    framed = True
    shapes: list[Event]

    def __init__(self, events: Sequence[Event], size: int, varying: tuple[str, str] | None = None) -> None:
        self.all, self.size, self.varying = list(events), size, varying
        self.shapes, self.interfaces, self.files = [], [], ["x"]

    def __len__(self) -> int:
        return len(self.all)

    def event(self, number: int) -> Event:
        return self.all[number]

    def batches(self) -> Iterator[Batch]:
        known: dict[object, int] = {}
        self.shapes.clear()
        for first in range(0, len(self.all), self.size):
            part = self.all[first : first + self.size]
            rows, numbers = [], []
            for event in part:
                args = dict(event.args)
                number = -1
                if self.varying is not None and event.kind == self.varying[0]:
                    value = args.get(self.varying[1])
                    if isinstance(value, int) and 0 <= value < 2**31:
                        number = value
                        del args[self.varying[1]]
                key = event.interface, event.kind, tuple(sorted(args.items(), key=lambda pair: pair[0]))
                if key not in known:
                    known[key] = len(known)
                    self.shapes.append(Event(event.time, event.interface, event.kind, args, event.at))
                    if event.interface != NODE and event.interface not in self.interfaces:
                        self.interfaces.append(event.interface)
                rows.append(known[key])
                numbers.append(number)
            yield Batch(
                first,
                np.array([e.time for e in part], np.int64),
                np.array(rows, np.int32),
                np.array([e.at.line or 0 for e in part], np.int64),
                number=None if self.varying is None else np.array(numbers, np.int32),
            )
