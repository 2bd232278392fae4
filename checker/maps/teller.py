"""What a map tells of a log → its events, with what is wrong with them and what could not be told."""

from __future__ import annotations

from typing import Final

from mipcheck.checker.console.counts import counted
from mipcheck.checker.console.errors import Problem, joined, problem_in_line
from mipcheck.checker.console.escape import printable
from mipcheck.checker.logs.builder import LogBuilder
from mipcheck.checker.logs.lines import REMEMBERED
from mipcheck.checker.logs.parts import Fault, KeyValue, Time, WordAt
from mipcheck.checker.logs.text import read_word
from mipcheck.checker.maps.library import Use
from mipcheck.checker.maps.newest import JITTER
from mipcheck.checker.maps.run import LogRecord, ToldEvent
from mipcheck.checker.site.site import TEXTUAL
from mipcheck.checker.trace.source import ALL, Sight, read_sees
from mipcheck.model.specification.spec import Key
from mipcheck.model.values.event import NODE, Position

_OF_LINKS: Final = frozenset({"link", "coa", "gone", "data"})
"""Events that are about an interface, and nothing without it."""
_EXCHANGE: Final = "ike"
"""The event that is about an interface, and is worth telling without it."""
_PLACE: Final = "interface"
"""The word by which maps ask for it."""
_MICRO: Final = 1_000
"""ns; stamps that are so fine are exact."""


class Teller:
    """Adds what a map tells to a log: `builder`, what was wrong with it, and what it could not tell.

    Interfaces that are not physical (`tunnels`) have no link and no care-of address, and what is told of one otherwise
    (by which address a daemon speaks) is told of the node: on which interface it was is not known.
    """

    def __init__(self, use: Use, builder: LogBuilder, tunnels: frozenset[str] = frozenset()) -> None:
        self.use, self.builder, self._tunnels = use, builder, tunnels
        self.problems: list[Problem] = []
        self.skipped = 0
        self._coarsest = 0
        self._lacking: dict[str, int] = {}
        self._placeless = 0  # key exchanges of which nothing tells the interface
        self._strange: dict[str, int] = {}

    def add(self, record: LogRecord, event: ToldEvent) -> str:
        """Add an event of a record; return what is wrong with it, or nothing."""
        builder = self.builder
        declared = builder.vocabulary.events.get(event.kind)
        if declared is None:
            self._strange[event.kind] = self._strange.get(event.kind, 0) + 1
            return f"no event of role {self.use.map.role or 'mn'} is called {event.kind}"
        interface = event.interface
        if interface in self._tunnels:
            if event.kind in _OF_LINKS:
                return ""
            interface = NODE
        time = self._time(event)
        pairs = [KeyValue(k, 0, w, 0, len(w), _is_quoted(declared.by_name.get(k))) for k, w in event.words.items()]
        disordered = not builder.is_next(time)
        self._coarsest = max(self._coarsest, event.moment.resolution)
        if interface == NODE and event.kind in _OF_LINKS:  # of which interface it is, may be of any
            return self._lacks(record, time, interface, f"{event.kind} without its interface")
        faults = builder.add_event(record.number, time, interface, WordAt(event.kind, 0), pairs, read_word)
        if not faults:
            self._placeless += interface == NODE and event.kind == _EXCHANGE
            return ""
        if disordered:
            return self._problem(record, faults[0])
        missing = [k.name for k in declared.keys if not k.optional and k.name not in event.words]
        what = f"{event.kind} without {' '.join(missing)}" if missing else f"{event.kind}: {faults[0].message}"
        return self._lacks(record, time, interface, what)

    def _lacks(self, record: LogRecord, time: Time, interface: str, what: str) -> str:
        """Add a gap instead of an event; return `what` it lacks, in words."""
        builder = self.builder
        self._lacking[what] = self._lacking.get(what, 0) + 1
        for kind in sorted(builder.vocabulary.gaps)[:1]:
            reason = [KeyValue("reason", 0, what, 0, len(what), True)]
            builder.add_event(record.number, time, interface, WordAt(kind, 0), reason, read_word)
        return f"a gap: {what}"

    def _time(self, event: ToldEvent) -> Time:
        """Return the time of an event; one that lies before the last by no more than the stamp can tell is the same."""
        ns, last = event.moment.ns, self.builder.last
        if last is not None and last.ns - max(event.moment.resolution, JITTER) < ns < last.ns:
            ns = last.ns
        return Time(ns, event.moment.absolute, WordAt(event.stamp, 0))

    def _problem(self, record: LogRecord, fault: Fault) -> str:
        self.skipped += 1
        if len(self.problems) < REMEMBERED:
            at = Position(self.builder.name, record.number)
            zone = "its local times may need a zone (--map …,zone=…)" if self.use.zone is None else ""
            order = "where the newest stands first, turn it round (tac, journalctl without -r)"
            hint = joined(fault.hint, zone, order, "--keep-going leaves such records out")
            self.problems.append(problem_in_line(at, record.text, 0, 1, fault.message, hint))
        return fault.message

    def sight(self) -> Sight:
        """Return what the log shows, as the map says, and how fine the stamps of its events are."""
        events = self.builder.vocabulary.events
        sees = self.use.map.sees
        whole = ALL if sees is None else read_sees([w for w in sees if w.rstrip("~") in events], events)
        fine = self.use.map.resolution if self.use.map.resolution is not None else self._coarsest
        return Sight(whole.whole, whole.part, whole.veiled, fine if fine > _MICRO else None)

    def notes(self) -> list[str]:
        """Return what could not be told."""
        notes = [f"{_times(n)} a gap instead of an event: {what}" for what, n in self._lacking.items()]
        asked = [name for name in self.use.map.given if name not in self.use.given]
        if self._placeless and _PLACE in asked and not self.use.chosen:
            what = f"{counted(self._placeless, 'message')} of key exchanges: no line tells through which interface"
            notes.append(f"{what} (--map {printable(self.use.map.name)},{_PLACE}=… says it)")
        if self._lacking and asked:
            said = ",".join(f"{name}=…" for name in asked)
            notes.append(f"what no line tells can be given: --map {printable(self.use.map.name)},{said}")
        return notes + [f"{_times(n)} {kind} was told, which this role has not" for kind, n in self._strange.items()]


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _is_quoted(key: Key | None) -> bool:
    """Decide whether a log has the words of a key in quotation marks."""
    return key is not None and key.type.name in TEXTUAL and not key.type.members
