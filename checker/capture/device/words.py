"""What is told of a device is what the specification declares for its role, and says that a capture shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mipcheck.checker.capture.events.account import Account
from mipcheck.checker.capture.headers.packet import Packet
from mipcheck.model.specification.spec import EventType, Key
from mipcheck.model.values.types import Value

HOME: Final = "home"
"""The key that tells mobile nodes apart."""
_GAP: Final = "gap"
_REASON: Final = "reason"


class Teller:
    """Writes events into an account, in the words of one role.

    An event that is not declared, or that no capture shows, is left out. A key that is not declared is left out too,
    and so is a value that the declared type has not: it is then unknown. Where such a key must not be absent, nobody
    can say what happened, and the node of which it is gets a gap.
    """

    def __init__(self, account: Account, events: Mapping[str, EventType]) -> None:
        self._account = account
        self._events = {name: e for name, e in events.items() if "capture" in e.seen}
        self._words = {name: tuple((k.name, _words(k)) for k in e.keys) for name, e in self._events.items()}
        self._needed = {name: tuple(k.name for k in e.keys if not k.optional) for name, e in self._events.items()}

    def has(self, kind: str, key: str = "", value: Value | None = None) -> bool:
        """Tell whether such events are told, with that key and that value."""
        event = self._events.get(kind)
        if event is None or (key and key not in event.by_name):
            return False
        return value is None or _fits(_words(event.by_name[key]), value)

    def tell(self, packet: Packet, kind: str, args: Mapping[str, Value | None]) -> None:
        """Add an event that `packet` shows; what is None in `args` cannot be told from it."""
        said = self.say(kind, args)
        if said is not None:
            self._account.emit(packet, *said)

    def say(self, kind: str, args: Mapping[str, Value | None]) -> tuple[str, dict[str, Value]] | None:
        """Return kind and keys of the event that is told; None for none. Where `kind` is empty, it is a gap."""
        if not kind:
            return self._gap(args.get(HOME), str(args.get(_REASON)))
        words = self._words.get(kind)
        if words is None:
            return None
        known = {name: v for name, fit in words if (v := args.get(name)) is not None and (fit is None or _fits(fit, v))}
        missing = [name for name in self._needed[kind] if name not in known]
        return (
            self._gap(known.get(HOME), f"{', '.join(missing)} of {kind} cannot be told") if missing else (kind, known)
        )

    def untold(self, packet: Packet, home: Value | None, why: str) -> None:
        """Say that something has happened to the node of that home address, or to any if that is None."""
        self._account.emit(packet, *self._gap(home, why))

    def _gap(self, home: Value | None, why: str) -> tuple[str, dict[str, Value]]:
        event = self._events.get(_GAP)
        args: dict[str, Value] = {_REASON: why}
        if home is not None and event is not None and HOME in event.by_name:
            args[HOME] = home
        return _GAP, args


def _words(key: Key) -> frozenset[str] | None:
    """Return the words that a value of a key consists of; None where it is no word."""
    return frozenset(key.type.members) if key.type.is_enum or key.type.is_set else None


def _fits(words: frozenset[str] | None, value: Value) -> bool:
    """Tell whether a value is one of a key's type, as far as its words go."""
    if words is None:
        return True
    return value <= words if isinstance(value, frozenset) else value in words
