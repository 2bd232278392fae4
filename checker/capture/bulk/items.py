"""Packets at a device by numbers: what stands in each, and what makes a difference of it.

What is told of many packets is told of one whose addresses, and what its message says, know where they stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from mipcheck.checker.capture.bulk.families import LOW, SIDES, Families, numbered
from mipcheck.checker.capture.bulk.messages import Messages, Said
from mipcheck.checker.capture.bulk.rows import Ints
from mipcheck.checker.capture.device.passage import Marks
from mipcheck.checker.capture.headers.packet import Packet
from mipcheck.checker.capture.messages.mobileip import Registration


class Placed(int):
    """An address that knows where it stands in a packet: the how manieth it is, sources and destinations in turn."""

    place: int

    @classmethod
    def at(cls, place: int, address: int) -> Placed:
        found = cls(address)
        found.place = place
        return found


def placed(message: Registration, width: int) -> Registration:
    """Return a message whose fields know where they stand, after `width` addresses."""
    body = message.body
    assert body is not None
    places = {name: place for place, name in enumerate(Said._fields, width) if hasattr(body, name)}
    at: dict[str, Any] = {name: Placed.at(place, getattr(body, name)) for name, place in places.items()}
    return replace(message, body=replace(body, **at))


def place_of(value: object) -> int | None:
    """Return where a value stands in a packet; None for one that is the same in all."""
    return value.place if isinstance(value, Placed) else None


class Items(NamedTuple):
    """All kinds of packets, and after them all unusual ones: what is told of them is told by these numbers.

    `addresses` are sources and destinations in turn, outermost first, `inner` the innermost of both as one number.
    """

    addresses: Ints
    depth: Ints
    inner: npt.NDArray[np.uint64]
    ports: Ints
    messages: Messages
    said: Said
    """What messages say, by their numbers; in a packet it stands after the addresses."""

    def at(self, items: Ints, place: int) -> Ints:
        """Return what stands at a place in each of these packets."""
        width = self.addresses.shape[1]
        if place < width:
            found: Ints = self.addresses[items, place]
        else:
            found = self.said[place - width][np.searchsorted(self.messages.kinds, items)]
        return found


def items_of(kinds: Families, unusual: Sequence[Packet]) -> Items:
    """Return all kinds and unusual packets."""
    pairs = kinds.pairs
    deepest = max([pairs.shape[1], *(len(p.addresses) for p in unusual)], default=0) or 1
    every = np.zeros((len(kinds) + len(unusual) + 1, deepest), np.uint64)
    every[: len(kinds), : pairs.shape[1]] = pairs
    depth = np.zeros(len(every), np.int64)
    depth[: len(kinds)] = kinds.depth
    ports = np.zeros((len(every), 2), np.int64)
    ports[: len(kinds)] = kinds.ports
    for n, packet in enumerate(unusual, len(kinds)):
        depth[n] = len(packet.addresses)
        every[n, : depth[n]] = [source << SIDES | target for source, target in packet.addresses]
        ports[n] = packet.sport, packet.dport
    sides = np.stack([every >> np.uint64(SIDES), every & np.uint64(LOW)], axis=2).astype(np.int64)
    inner = every[np.arange(len(every)), np.maximum(depth, 1) - 1]
    messages = kinds.messages
    return Items(sides.reshape(len(every), 2 * deepest), depth, inner, ports, messages, messages.said())


def marked(addresses: Ints, marks: Marks) -> Ints:
    """Return a number for each address, the same for those that have the same marks."""
    code = np.zeros(len(addresses), np.int64)
    for members in marks.sets:
        code, _ = numbered(code, np.isin(addresses, np.fromiter(members, np.int64, len(members))))
    inside = np.zeros(len(addresses), np.bool_)
    for network, mask in marks.networks:
        inside |= addresses & mask == network
    code, _ = numbered(code, inside)
    for bound in marks.bounds:
        code, _ = numbered(code, addresses < bound)
    return code
