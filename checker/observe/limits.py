"""How much of a trace is kept and followed, and what is raised where it names more: traces come from strangers."""

from __future__ import annotations

from typing import Final

from mipcheck.model.values.errors import MipcheckError

LIMIT: Final = 100
"""Groups of findings kept for a rule, over all mobile nodes; what comes after them is only counted."""

INTERFACES: Final = 256
"""A node has no more; a trace that says so is not one node's."""

NODES: Final = 2_000_000
"""Mobile nodes that one device serves."""

SPREAD: Final = 5_000_000
"""Times that what happens to a whole device is carried out for a node, all together."""


class TooMuch(MipcheckError, ValueError):
    """A trace that names more than there can be: interfaces of a node, or nodes of a device."""


class TooManyInterfaces(TooMuch):
    """A trace that names more interfaces than a node has."""


def too_many_interfaces() -> TooMuch:
    return TooManyInterfaces(f"more than {INTERFACES} interfaces: this is not the trace of one node")


def too_many_nodes() -> TooMuch:
    return TooMuch(f"more than {NODES} mobile nodes")


def too_much_spread(nodes: int, tracks: str) -> TooMuch:
    return TooMuch(f"{nodes} mobile nodes, and too many events that do not say which they are about ({tracks}=…)")
