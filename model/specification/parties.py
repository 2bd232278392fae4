"""The parties to a system, what passes between them, and what an attacker can do to that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mipcheck.model.specification.term import EventPattern, Term

POWERS: Final = ("delay", "replay", "alter", "forge")
"""What an attacker, or a bad network, may do to what passes between the parties of a system, besides losing it: hand it
on late, again, with another outer header; send what nobody sent, where that takes no key."""
KNOWS: Final = "knows "
"""Begins the power to send what nobody sent where that takes the key whose name follows."""


@dataclass(frozen=True, slots=True)
class Party:
    """One that plays a `role` in a system. Of a device that tells mobile nodes apart, it is what it keeps of the one
    with the address `tracked` of the site. `sites` are addresses that stand for others: (the role's, the party's)."""

    name: str
    role: str
    tracked: str = ""
    sites: tuple[tuple[str, str], ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Carried:
    """A key of what arrives, and what it was when it was sent; no key covers an `outer` one."""

    name: str
    value: Term
    outer: bool = False


@dataclass(frozen=True, slots=True)
class Channel:
    """What one party sends, of the patterns `sent`, is what another may receive, of the patterns `received`.

    `key` is the name of the key that is needed to send it ("" if none is). No attacker reaches a `private` one.
    """

    name: str
    text: str
    key: str
    private: bool
    sent: tuple[EventPattern, ...]
    received: tuple[EventPattern, ...]
    carried: tuple[Carried, ...]


def attacker(powers: tuple[str, ...]) -> str:
    """Return in words who is able to do this."""
    able = [p for p in powers if not p.startswith(KNOWS)]
    known = [p.removeprefix(KNOWS) for p in powers if p.startswith(KNOWS)]
    can = [f"knows the key {' and the key '.join(known)}"] if known else []
    can += [f"can {', '.join(able)}"] if able else []
    return f"an attacker who {' and '.join(can)}" if can else "a network that only loses"
