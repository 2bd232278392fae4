"""What those who carry a log say of its interruptions: lines were dropped, or the machine has started again."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from mipcheck.model.values.event import NODE

if TYPE_CHECKING:
    from mipcheck.checker.maps.language import Map
    from mipcheck.checker.maps.run import LogRecord, ToldEvent

NEEDLES: Final = (b"Suppressed ", b"rate-limiting", b"Missed ", b"missed ", b"Linux version ")
"""Texts that stand in lines of other programs which tell of an interruption."""
_CARRIERS: Final = re.compile(r"(?:systemd-)?journal(?:d|ctl)?|rsyslogd?(?:-[0-9]+)?")
_LOST: Final = tuple(
    (re.compile(pattern), whose)
    for pattern, whose in (
        (r"Suppressed [0-9]+ messages from (?:unit )?(?:\S*/)?(?P<whose>[^/\s]+?)(?:\.service)?\Z", ""),
        (r"Missed [0-9]+ kernel messages", "kernel"),
        (r"Forwarding to syslog missed [0-9]+ messages", ""),
        (r"imuxsock\[pid: [0-9]+, name: (?:\S*/)?(?P<whose>[^/\s\]]+)\].*: [0-9]+ messages lost due to rate-", ""),
        (r"im\w+(?:\[[^\]]*\])?:? (?:lost )?[0-9]+ messages (?:lost|from pid [0-9]+) due to rate-", ""),
    )
)
"""What they say of dropped lines, and whose these were where it is always the same."""
_BOOT: Final = re.compile(r"-- (?:Boot [0-9a-f]{32}|Reboot) --")


@dataclass(frozen=True, slots=True)
class Dropped:
    """Lines that were dropped, in the words of who did it: `whose` is a program or a unit, empty where nobody knows."""

    text: str
    whose: str

    def may_be_of(self, map_: Map) -> bool:
        """Decide whether some of them may have been a map's."""
        patterns = (*map_.programs, *map_.units)
        return not self.whose or any(fnmatchcase(self.whose, p) or fnmatchcase(self.whose, f"{p}@*") for p in patterns)


def dropped(program: str, message: str) -> Dropped | None:
    """Return what a line of another program tells of lines that were dropped; None where it tells of none."""
    if not _CARRIERS.fullmatch(program):
        return None
    for pattern, whose in _LOST:
        if found := pattern.match(message):
            return Dropped(message.strip(), whose or found.groupdict().get("whose") or "")
    return None


def is_boot(line: str) -> bool:
    """Decide whether a line of a listing says that what follows is of another boot."""
    return _BOOT.fullmatch(line.strip()) is not None


def is_kernels_first(program: str, message: str) -> bool:
    """Decide whether a line is the first that the kernel says when a machine starts."""
    return program == "kernel" and re.match(r"(?:\[ *0\.0+\] )?Linux version ", message) is not None


class Boots:
    """Tells of a machine that has started again, before the first event after that: the software has forgotten what it
    knew, and associations that were up are gone."""

    def __init__(self) -> None:
        self._due = False
        self._up = Counter[str]()

    def tell(self, record: LogRecord) -> None:
        """Put what a new boot means before the events of a record, if it is the first since then that has any."""
        self._due |= record.boots
        if self._due and record.events:
            self._due = False
            record.events[:0] = self._forgotten(record.events[0])
        for event in record.events:
            if event.kind == "sa" and "home" not in event.words:
                up = self._up[event.interface] + (1 if event.words.get("state") == "up" else -1)
                self._up[event.interface] = max(0, up)

    def _forgotten(self, first: ToldEvent) -> list[ToldEvent]:
        from mipcheck.checker.maps.run import ToldEvent

        gone = [ToldEvent(first.moment, first.stamp, i, "sa", {"state": "down"}) for i in self._up.elements()]
        return [ToldEvent(first.moment, first.stamp, NODE, "restart", {}), *gone]
