"""A trace as columns: readers hand it to the native observer where there are too many events to make an object of each.

A reader delivers batches of rows in order of time. What an event says besides its time stands in a table: a capture has
few distinct events and one table for all of it (`shapes`), a log a table for each batch. Whoever wants an `Event` gets
it, exact and one at a time, since only what is reported is ever looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeAlias, overload

from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.values.event import Event

if TYPE_CHECKING:
    import numpy as np
    from mipcheck.model.specification.spec import EventType

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

WHOLE: Final = -1
"""The interface of what concerns the whole node, by number."""

NUMBER: Final = 10**9
"""Numbers of a trace that machines count with are smaller; one that is not, such as a lifetime of 40 years, is left to
Python. With the 18 digits that a log may hold, no lifetime could be turned into nanoseconds."""


Whose: TypeAlias = "tuple[str, int] | None"
"""One of the nodes of a device: the key that tells them apart, and what it is for that node. None: whichever it is."""


@dataclass(frozen=True, slots=True)
class EventTable:
    """Events without their time, one a row.

    `interface` (int32) indexes the trace's `interfaces`, `kind` (int32) the kinds that the specification lets be seen,
    in order of declaration (-1 for others). `keys` (int64, one row each) are the keys as `Machine.encode` has them,
    UNKNOWN beyond the last and where absent; identifications of 2**63 and above are less by 2**64.
    """

    interface: Array
    kind: Array
    keys: Array

    def are_of(self, rows: Array, whose: Whose, events: Sequence[EventType]) -> Array:
        """Return of rows which are not about another node, where these are the kinds of `events`."""
        import numpy as np

        if whose is None:
            return np.ones(len(rows), np.bool_)
        slots = np.array([next((n for n, k in enumerate(e.keys) if k.name == whose[0]), -1) for e in events])
        slot = slots[self.kind[rows]]
        value: Array = self.keys[rows, slot]
        found: Array = (slot < 0) | (value == whose[1]) | (value == UNKNOWN) | (value == 0)
        return found


def is_of(event: Event, whose: Whose) -> bool:
    """Decide whether an event is not about another node."""
    return whose is None or event.args.get(whose[0]) in (whose[1], 0, None)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some consecutive events; arrays are valid until the next batch is asked for.

    `first` is the number of the first, from 0; `time` (int64) in ns; `row` (int32) indexes `table`, or the trace's
    shapes where that is None; `place` (int64) is the line or frame, from 1; `file` (int16) the input by number, None if
    there is one. `number` (int32) is the one key that varies within a shape (`Columns.varying`), -1 where it is what
    the shape says.
    """

    first: int
    time: Array
    row: Array
    place: Array
    file: Array | None = None
    table: EventTable | None = None
    number: Array | None = None

    def __len__(self) -> int:
        return len(self.time)


class Columns(Sequence[Event]):
    """A trace in batches. Subclasses give `batches` and the exact event of a number (`event`); how many there are
    they know (`__len__`), or note when `batches` comes to its end (`_count`).

    `shapes` grows as batches are taken: each distinct event as it was first seen, with that time and position. So does
    `interfaces`, in order of first appearance. `varying` names the kind and the key that `Batch.number` is about,
    `files` the inputs as positions do.
    """

    shapes: Sequence[Event]
    interfaces: list[str]
    varying: tuple[str, str] | None = None
    framed = False
    """Whether the places of events are frames of captures, which may be wanted of all that is not allowed."""

    settled = False
    """Whether `shapes` are all there before any batch is taken, in order of first appearance."""

    files: Sequence[str] = ()
    wide: Collection[str] = frozenset()
    """Keys of numbers that native code may not be able to count with (`NUMBER`); grows."""

    _count: int | None = None

    def __len__(self) -> int:
        if self._count is None:
            for _ in self.batches():
                pass
        assert self._count is not None
        return self._count

    def batches(self) -> Iterator[Batch]:
        """Read all of it in order of time; each call begins anew and gives the same."""
        raise NotImplementedError

    def event(self, number: int) -> Event:
        """Return the event of that number, which exists."""
        raise NotImplementedError

    def following(
        self, number: int, limit: int, kinds: Collection[str], interface: str | None, whose: Whose = None
    ) -> Iterator[Event]:
        """Return, of the `limit` events after that number, in order, those of these kinds on an interface; or more.

        Without an `interface`, those on any. None is about another node than `whose`.
        """
        for n in range(number + 1, min(number + 1 + limit, len(self))):
            yield self.event(n)

    def before(self, number: int, limit: int, kinds: Collection[str], most: int, whose: Whose = None) -> list[Event]:
        """Return, of the `limit` events before that number, the newest `most` of these kinds, in order.

        None is about another node than `whose`.
        """
        last = min(number, len(self))
        back = map(self.event, range(last - 1, max(-1, last - 1 - limit), -1))
        return list(islice((e for e in back if e.kind in kinds and is_of(e, whose)), most))[::-1]

    def places(self, numbers: Array) -> tuple[Array, Array]:
        """Return the files (by number) and the places of events, whose numbers are in order."""
        import numpy as np

        files, places = np.zeros(len(numbers), np.int16), np.zeros(len(numbers), np.int64)
        for batch in self.batches():
            low, high = np.searchsorted(numbers, (batch.first, batch.first + len(batch)))
            if low < high:
                rows = numbers[low:high] - batch.first
                places[low:high] = batch.place[rows]
                if batch.file is not None:
                    files[low:high] = batch.file[rows]
        return files, places

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        if isinstance(index, slice):
            return [self.event(n) for n in range(*index.indices(len(self)))]
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(index)
        return self.event(number)

    def __iter__(self) -> Iterator[Event]:
        for number in range(len(self)):
            yield self.event(number)
