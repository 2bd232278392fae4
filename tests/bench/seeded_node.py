"""A mobile node as a device's log shows it, for logs with seeded faults."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final, NamedTuple

MS: Final = 1_000
S: Final = 1_000_000
"""Times are whole microseconds."""
SLACK: Final = 3 * S
"""Further from a timer's edge than `t_slack` and `t_order` together."""


class Line(NamedTuple):
    """A line of a node; `fault` names what is wrong with it, if anything is. Ordered by time, node and number."""

    time: int
    node: int
    number: int
    text: str
    fault: str


class Node:
    """A mobile node as the device sees it; `now` is its time, `fault` what the device does wrong for it, once."""

    def __init__(self, number: int, begin: int, fault: str, seed: int) -> None:
        self.number, self.now, self.fault = number, begin, fault
        self.chance = random.Random(seed << 32 | number)
        self.home = f"10.{64 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
        self.lines = self.ids = self.places = 0

    def course(self) -> Iterator[Line]:
        """Yield the node's lines, without end; what the device does wrong comes after one to three turns."""
        yield from self.begin()
        after = self.chance.randrange(1, 4)
        while True:
            self.wait()
            after -= 1
            if after == 0 and self.fault:
                yield from self.go_wrong()
                self.wait()
            yield from self.turn()

    def begin(self) -> Iterator[Line]:
        """Yield the lines by which the node comes to be registered."""
        raise NotImplementedError

    def go_wrong(self) -> Iterator[Line]:
        """Yield the lines of the node's fault, and of what has to come before it."""
        raise NotImplementedError

    def turn(self) -> Iterator[Line]:
        """Yield the lines of some data, and of one thing that may happen to a node."""
        raise NotImplementedError

    def line(self, event: str, keys: str, fault: str = "") -> Line:
        """Return a line of the node's, a moment after the one before."""
        self.now += self.chance.randrange(MS // 10, 4 * MS)
        self.lines += 1
        return Line(self.now, self.number, self.lines, f"e0 {event} home={self.home} {keys}", fault)

    def wait(self, least: int = 2 * S, most: int = 12 * S) -> None:
        """Let time pass."""
        self.now += self.chance.randrange(least, most)

    def identification(self) -> str:
        """Return one that the node has not used."""
        self.ids += 1
        return hex(0xD0C0 << 48 | self.chance.getrandbits(16) << 32 | self.ids)

    def elsewhere(self) -> str:
        """Return an address at which the node has not been."""
        self.places += 1
        return f"10.{128 + (self.number >> 16)}.{self.number >> 8 & 255}.{self.places % 250 + 1}"
