"""What a packet comes to by what it is alone, and what more by the way in which it came to the device that it passes.

Of packets that are alike one tells for all: only the way in differs, which `crossing` looks up.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final, NamedTuple

from mipcheck.checker.capture.device.crossing import Found
from mipcheck.checker.capture.device.registration import Keys

Way = tuple[str, int]
"""A word for how a packet came in, and whose address is behind that."""


class Told(NamedTuple):
    """An event that is to be told, or a gap of a node where `kind` is empty: then `keys` say why."""

    kind: str
    keys: Keys


class Outcome(NamedTuple):
    """What is told of a packet, and why it is set aside, if it is."""

    told: Sequence[Told] = ()
    aside: str = ""


SIGNALLING: Final = Outcome((), "signalling")
"""What a message comes to of which nothing is told."""


class Passage(NamedTuple):
    """A packet's `outcome`; by which way it came in, where that is to be remembered; and `leaves`, which tells of one
    that goes out what it comes to besides, by the way in which it is found to have come."""

    outcome: Outcome = Outcome()
    came: Way | None = None
    leaves: Callable[[Found[Way]], Outcome] | None = None
    stranger: int | None = None
    """The home agent of a registration or a tunnel that is none of the site's."""
    notes: Sequence[tuple[str, str]] = ()
    """What people are to be told, once: of some with a key, by which it is known, the first packet is named."""
    since: tuple[int, int] = (-(2**62), 0)
    """A packet from before that (ns, and frame) comes to something else."""


class Marks(NamedTuple):
    """What makes a difference to what a packet comes to, of its addresses: whether they are in each of these `sets`, in
    one of `networks` (address and mask), and whether they are less than each of the `bounds`.

    Two packets that are alike but for their addresses come to the same, with other addresses, if these have the same
    marks."""

    sets: Sequence[Collection[int]]
    networks: Sequence[tuple[int, int]] = ()
    bounds: Sequence[int] = ()


def untold(home: int, why: str) -> Told:
    """Say that something has happened to a node that nobody can tell."""
    return Told("", {"home": home, "reason": why})
