"""What packets come to: events, what is set aside and why, and notes for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable

from mipcheck.checker.capture.headers.packet import Packet
from mipcheck.checker.console.alike import Notes
from mipcheck.checker.console.counts import counted
from mipcheck.model.values.event import NODE, Event, Position
from mipcheck.model.values.types import Value


class Account:
    """Keeps the account of a capture that is called `name` in positions."""

    def __init__(self, name: str) -> None:
        self.events: list[Event] = []
        self.set_aside: Counter[str] = Counter()
        """Packets that are neither user data nor signalling, by reason."""
        self._name = name
        self._notes = Notes()
        self._noted: set[Hashable] = set()
        self._unread: dict[tuple[str, str], list[int]] = {}  # reason and interface → first frame, and how many

    @property
    def notes(self) -> tuple[str, ...]:
        """What is worth knowing besides the events, in the order in which it was noticed."""
        return self._notes.texts()

    def emit(self, packet: Packet, kind: str, args: dict[str, Value], interface: str = "") -> None:
        """Add an event that `packet` shows; on its own interface, unless another one is named."""
        at = Position(self._name, None, packet.frame)
        self.events.append(Event(packet.time, interface or packet.interface, kind, args, at))

    def note(self, text: str) -> None:
        """Keep a note for people, once; many alike become one."""
        self._notes.add(text)

    def unread(self, packet: Packet, why: str, interface: str) -> None:
        """Take note that nobody can tell what a packet is, for the reason `why`: evidence is missing there."""
        hole = self._unread.setdefault((why, interface), [packet.frame, 0])
        hole[1] += 1
        self.emit(packet, "gap", {"reason": why.partition(":")[0]}, interface)

    def holes(self) -> tuple[str, ...]:
        """Say what nobody could read, with its first frame and how much there is of it."""
        found = []
        for (why, interface), (first, count) in self._unread.items():
            where = "" if interface == NODE else f" on {interface}"
            found.append(f"frame {first}: {why} ({counted(count, 'frame')}{where})")
        return tuple(found)

    def note_first(self, key: Hashable, text: str, packet: Packet) -> None:
        """Keep a note on the first packet of its kind (`key`), with its frame."""
        if key not in self._noted:
            self._noted.add(key)
            self.note(f"frame {packet.frame}: {text}")
