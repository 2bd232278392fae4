"""What the source of an input is able to show: which events, and how fine its stamps are (traces/README.md).

That an event is absent from a source that cannot show it means nothing. What the sources of a run show together, and
what follows for a specification, is its `Evidence`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from mipcheck.checker.console.errors import did_you_mean, joined, listed, quoted
from mipcheck.model.specification.spec import Require
from mipcheck.model.values.errors import MipcheckError
from mipcheck.model.values.types import ValueSyntaxError, read_duration, show_duration

if TYPE_CHECKING:
    from mipcheck.checker.trace.spans import Span
    from mipcheck.model.machine.compile import Machine
    from mipcheck.model.specification.spec import EventType, Rule, Spec, Variable
    from mipcheck.model.specification.term import Term
    from mipcheck.model.values.types import Value

LINK: Final = "link"
"""The event of a connection status that changes. One that was missed does not stay hidden: nothing more is seen of the
interface, and it comes back with another address."""
ALIVE: Final = "alive"
"""What a capture tells of a node that was seen and said nothing; no log does."""

KEYS: Final = ("sees", "resolution")
"""The keys of a source."""

WHOLE_SECONDS: Final = 10**9
"""ns; the resolution of a source whose stamps have no fraction."""

_RESOLUTION_LIMIT: Final = 3600 * 10**9
_ITEM: Final = re.compile(r"([^~()]+)(?:\(([^~()]*)\))?(~?)")


class SourceError(MipcheckError, ValueError):
    """A word of a source that means nothing; `index` is that of the item in a list."""

    def __init__(self, message: str, hint: str, index: int = 0) -> None:
        super().__init__(message)
        self.message, self.hint, self.index = message, hint, index


@dataclass(frozen=True)
class Sight:
    """What one source shows: every event of the kinds `whole` (None: of all kinds but `part`), some of those in `part`.

    Of the kinds in `veiled` all is shown but what may be covered by something, as the specification says of them.
    `resolution` is how fine stamps are, in ns; None as they are written.
    """

    whole: frozenset[str] | None = None
    part: frozenset[str] = frozenset()
    veiled: frozenset[str] = frozenset()
    resolution: int | None = None

    def shows(self, kind: str) -> bool:
        """Tell whether every event of a kind is shown."""
        return kind not in self.part and (self.whole is None or kind in self.whole)

    def words(self, events: Mapping[str, EventType]) -> dict[str, Sequence[str]]:
        """Return the words by key that a log has for it, `sees` a list; nothing for what goes without saying.

        `events` are those of the log's role.
        """
        found: dict[str, Sequence[str]] = {}
        if self.whole is not None or self.part or self.veiled:
            said = (_item(e, self) for e in events.values() if e.sender != "observer")
            found["sees"] = [item for item in said if item]
        if self.resolution is not None:
            found["resolution"] = show_duration(self.resolution)
        return found


ALL: Final = Sight()


def _item(event: EventType, sight: Sight) -> str:
    """Return how a list says what is shown of an event; empty if nothing is."""
    if event.name in sight.part:
        return f"{event.name}~"
    if not sight.shows(event.name):
        return ""
    return f"{event.name}({_covered(event)})~" if event.name in sight.veiled and _covered(event) else event.name


def _covered(event: EventType) -> str:
    """Return the key and its value by which events may be covered, as `path=vpn`; empty if they never are."""
    term = event.hidden
    if term is None or term.kind != "=":
        return ""
    key, value = term.args
    if key.kind != "key" or value.kind != "const" or not key.type.members:
        return ""
    return f"{key.name}={key.type.members[value.value]}"


def hides(event: EventType, args: Mapping[str, Value]) -> bool:
    """Tell whether an event of a kind is one that something may cover, as the specification says of the kind."""
    key, _, value = _covered(event).partition("=")
    return bool(key) and args.get(key) == value


def read_sees(items: Sequence[str], events: Mapping[str, EventType]) -> Sight:
    """Read a list of the events that a source shows, among `events`. Raises SourceError."""
    known = [n for n, e in events.items() if e.sender != "observer"]
    whole: set[str] = set()
    part: set[str] = set()
    veiled: set[str] = set()
    for index, item in enumerate(items):
        match = _ITEM.fullmatch(item)
        name = match[1] if match else item
        if match is None or name not in events:
            hint = joined(
                did_you_mean(name.rstrip("~"), known), f"events: {listed(known)}; with ~ what is seen in part"
            )
            raise SourceError(f"unknown event {quoted(item)}", hint, index)
        if name in whole | part:
            raise SourceError(f"event {quoted(name)} appears twice", "", index)
        if match[2] is not None:
            covered = _covered(events[name])
            if match[2] != covered or not match[3]:
                wanted = f"{name}({covered})~" if covered else f"{name}~"
                raise SourceError(f"{quoted(item)} says nothing", f"expected {name} or {wanted}", index)
            veiled.add(name)
        (part if match[3] and match[2] is None else whole).add(name)
    return Sight(frozenset(whole), frozenset(part), frozenset(veiled))


def read_resolution(word: str) -> int:
    """Read the resolution of stamps in ns. Raises SourceError."""
    try:
        ns = read_duration(word)
    except ValueSyntaxError as error:
        raise SourceError(f"{quoted(word)} is no resolution", f"expected {error}") from None
    if ns > _RESOLUTION_LIMIT:
        raise SourceError(f"{quoted(word)} is no resolution", "expected an hour at most, such as 1s or 1ms")
    return ns


@dataclass(frozen=True, slots=True)
class SourceTable:
    """What a configuration file says of the source of an input called `file`: what it shows, and other names for its
    interfaces; `sight` is None where it does not say what is shown. `map` is the map through which it is read, as on a
    command line, if it is another program's log."""

    file: str
    sight: Sight | None
    resolution: int | None
    rename: Mapping[str, str]
    map: str = ""

    def matches(self, path: str) -> bool:
        """Tell whether it speaks of the input of that path."""
        return path == self.file or fnmatchcase(PurePath(path).name, self.file)

    def seen_by(self, sight: Sight) -> Sight:
        """Return what the source shows, of which the input itself says `sight`."""
        own = sight if self.sight is None else self.sight
        return replace(own, resolution=sight.resolution if self.resolution is None else self.resolution)


def table_of(tables: Sequence[SourceTable], path: str) -> SourceTable | None:
    """Return the first table that speaks of the input of that path."""
    return next((t for t in tables if t.matches(path)), None)


# --- all sources of a run -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Evidence:
    """What the sources of a run show together, for one role of a specification.

    The absence of events of the kinds in `blind` means nothing. A status of a connection may have changed unseen if
    `unplugged`. `veiled` kinds may be covered in part. `resolution` is by file, in ns, where order or durations are not
    exact, and `coarse` are the kinds of events that such a file may tell of. A source that is `alone` keeps its order,
    and of `several` nobody knows when all had begun. `why` says in words, by kind, which sources there are and why they
    do not show it. `later` is what is left of it once some sources have ended, each with the time (ns) of the last
    event of these; in that order. In the stretches that were `lost` something is missing, nobody knows where.
    """

    blind: frozenset[str] = frozenset()
    unplugged: bool = False
    veiled: frozenset[str] = frozenset()
    resolution: Mapping[str, int] = field(default_factory=dict)
    coarse: frozenset[str] = frozenset()
    alone: bool = False
    several: bool = False
    why: Mapping[str, str] = field(default_factory=dict)
    later: tuple[tuple[int, Evidence], ...] = ()
    lost: tuple[Span, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether state and order follow from what is seen alone."""
        return not self.blind and not self.resolution

    @property
    def excuses(self) -> bool:
        """Whether what was not seen may excuse what is found."""
        return self.unplugged or bool(self.later or self.lost)

    @property
    def tolerance(self) -> int:
        """How far a duration may be from what stamps say, in ns."""
        return max(self.resolution.values(), default=0)

    def after(self, time: int) -> Evidence | None:
        """Return what is left of it at a time (ns) by which some sources have ended; None if none has that matters."""
        return next((left for end, left in reversed(self.later) if end < time), None)

    def at(self, time: int) -> Evidence:
        """Return what there is of it at a time (ns)."""
        return self.after(time) or self

    def reasons(self, kinds: Iterable[str]) -> list[str]:
        """Return in words why events of these kinds are not seen, each reason once."""
        return list(dict.fromkeys(self.why[k] for k in kinds if k in self.why))


EXACT: Final = Evidence()
"""That of sources which show everything, in its order."""


def evidence_of(
    spec: Spec, sights: Mapping[str, Sight], resolution: Mapping[str, int], ends: Mapping[str, int] | None = None
) -> Evidence:
    """Return what sources show together; `sights`, `resolution` (ns) and `ends` are by file, these when the last events
    were.

    What a node says of itself and no capture can show (its conclusion, its mode, a hint) it has not said where nobody
    has heard it, so that a list of events need not name that. Where all sources show it in part, there is more that
    nobody has heard. A single source keeps its order.
    """
    coarse = {file: ns for file, ns in resolution.items() if ns > 1}
    wanted = [e for e in spec.events.values() if e.seen and e.sender != "observer"]
    unseen = [e for e in wanted if not any(s.shows(e.name) for s in sights.values())] if sights else []
    wire = any("capture" in e.seen for e in spec.events.values())
    # A source that shows some of it takes nothing from what another, which says nothing of it, would show alone.
    partly = {k for s in sights.values() for k in s.part if all(o.shows(k) or k in o.part for o in sights.values())}
    own_words = {e.name for e in wanted if wire and "capture" not in e.seen and e.name not in partly}
    # What a rule demands to be said may have been said where nobody hears it.
    own_words -= {p.event for rule in spec.rules.values() if isinstance(rule.body, Require) for p in rule.body.patterns}
    blind = {e.name for e in unseen if e.name != LINK} - own_words
    why = {}
    for kind in blind | ({LINK} & {e.name for e in unseen}):
        some = [file for file, s in sights.items() if kind in s.part]
        files = listed([PurePath(file).name for file in some or sights])
        why[kind] = f"{files} shows only some {kind}" if some else f"no {kind} can be seen in {files}"
    clear = {e.name for e in wanted for s in sights.values() if s.shows(e.name) and e.name not in s.veiled}
    veiled = {k for s in sights.values() for k in s.veiled} - clear
    kinds = {e.name for e in wanted for f in coarse if sights[f].shows(e.name) or e.name in sights[f].part}
    unplugged = any(e.name == LINK for e in unseen)
    found = Evidence(frozenset(blind), unplugged, frozenset(veiled), coarse, frozenset(kinds), len(sights) == 1,
                     len(sights) > 1, why)  # fmt: skip
    return replace(found, later=tuple(_left(spec, sights, ends, found))) if ends else found


def _left(
    spec: Spec, sights: Mapping[str, Sight], ends: Mapping[str, int], whole: Evidence
) -> Iterator[tuple[int, Evidence]]:
    """Yield what is left of the evidence of sources after each time at which those that show the same have ended, where
    that is less. Logs by interface, or those that follow each other, end together."""
    by_sight: dict[Sight, dict[str, int | None]] = {}
    for file, sight in sights.items():
        by_sight.setdefault(replace(sight, resolution=None), {})[file] = ends.get(file)
    last = {
        sight: max(known) if len(known := [t for t in files.values() if t is not None]) == len(files) else None
        for sight, files in by_sight.items()
    }
    for time in sorted({t for t in last.values() if t is not None}):
        gone = [sight for sight, end in last.items() if end is not None and end <= time]
        if len(gone) == len(last):
            return
        left = evidence_of(spec, {file: s for s in last if s not in gone for file in by_sight[s]}, {})
        if (left.blind, left.unplugged, left.veiled) != (whole.blind, whole.unplugged, whole.veiled):
            names = listed([PurePath(f).name for s in gone for f in by_sight[s]])
            why = {k: f"{names} has ended, and {text}" for k, text in left.why.items()}
            yield time, replace(left, why=why)


@dataclass(frozen=True, slots=True)
class Fog:
    """What of a machine's state is not known at any time: slots of an interface's variables, of what it owes, of the
    node's, of what that owes, and whole tables (by their forms). `rules` are those, by number, that events
    could break, or meet, which nobody sees: with their kinds."""

    own: Mapping[int, int | None]
    """A slot with the one value that it keeps: nothing unseen makes it another, so that it stays known. None if there
    is no such value."""
    owed: tuple[int, ...]
    node: Mapping[int, int | None]
    owed_by_node: tuple[int, ...]
    tables: tuple[int, ...]
    rules: Mapping[int, frozenset[str]]
    reads: Mapping[int, frozenset[str]]
    """Rules, by number, that depend on such state, with the kinds of events that it depends on."""


CLEAR: Final = Fog({}, (), {}, (), (), {}, {})
"""That of sources which show all that a machine depends on."""


def fog_of(machine: Machine, evidence: Evidence) -> Fog | None:
    """Return what follows for a machine from what its sources do not show; None if they show all that matters."""
    blind = evidence.blind
    if not blind and not evidence.veiled:
        return None
    written: dict[str, set[str]] = {}
    # What nobody sees has not been told; but since when all was seen, it may have happened.
    told = {v.name for v in machine.spec.variables.values() if v.told and not v.begins_with_evidence}
    for update in machine.spec.updates:
        for kind in {p.event for p in update.patterns} & blind:
            for name in set(update.writes()) - told:
                written.setdefault(name, set()).add(kind)
    covered = _shown_by_covered(machine, evidence.veiled)
    for name, kinds in covered.items():
        written.setdefault(name, set()).update(kinds)
    if not written and not blind:
        return None
    only = {name: _only_value(machine.spec, name, blind) for name in written if name not in covered}
    own = {n: only.get(v) for v, n in machine.interface_slots.items() if v in written}
    node = {n: only.get(v) for v, n in machine.node_slots.items() if v in written}
    node |= {n: None for c, n in machine.table_slots.items() if c.partition(".")[0] in written}
    tables = tuple(sorted(form for t, form in machine.forms.items() if t in written))
    rules: dict[int, frozenset[str]] = {}
    reads: dict[int, frozenset[str]] = {}
    owed, by_node = list[int](), list[int]()
    for number, rule in enumerate(machine.rules):
        kinds = {p.event for p in rule.body.patterns} & blind
        if isinstance(rule.body, Require):
            if kinds:
                (by_node if number in machine.shared_duties else owed).append(machine.done_slot[number])
            kinds |= written.get(rule.body.anchor, set())
        if kinds:
            rules[number] = frozenset(kinds)
        if read := {kind for name in _variables(rule) for kind in written.get(name, ())}:
            reads[number] = frozenset(read)
    return Fog(own, tuple(owed), node, tuple(by_node), tables, rules, reads)


def _only_value(spec: Spec, name: str, blind: frozenset[str]) -> int | None:
    """Return what events of kinds that nobody sees make of a truth value if it is always the same; else None.

    It is known while it has that value, whatever was not seen: that an interface is not inside once its link has gone
    stays known of a log that tells no addresses, a change of which could say no more.
    """
    variable = spec.variables.get(name)
    if variable is None or variable.type.name != "bool":
        return None
    values = [
        term
        for update in spec.updates
        if any(p.event in blind for p in update.patterns)
        for target, term in update.assignments
        if target == name
    ]
    found = {int(t.value) if t.kind == "const" else None for t in values}
    return found.pop() if len(found) == 1 else None


def _shown_by_covered(machine: Machine, veiled: frozenset[str]) -> dict[str, set[str]]:
    """Return the variables of rules that nothing changes from what they are at first but events that may be covered.

    With each come the kinds of those events, which are among `veiled`.
    """
    read = {name for rule in machine.rules for name in _variables(rule)} if veiled else set()
    found: dict[str, set[str]] = {}
    plain = set()
    for update in machine.spec.updates:
        events = machine.spec.events
        covered = all(p.event in veiled and events[p.event].hides(p.condition) for p in update.patterns)
        for name, value in update.assignments:
            if name in read and not _goes_back(machine.spec.variables[name], value):
                if covered:
                    found.setdefault(name, set()).update(p.event for p in update.patterns)
                else:
                    plain.add(name)
    return {name: kinds for name, kinds in found.items() if name not in plain}


def _goes_back(variable: Variable, value: Term) -> bool:
    """Decide whether an assignment leaves a variable as it is, or makes it again what it is at first."""
    initial = variable.initial
    if initial is None or initial.kind != "const":
        return False
    if value.kind == "and" and not initial.value:
        return any(t.kind == "var" and t.name == variable.name for t in value.args)
    return value.kind == "const" and value.value == initial.value


def _variables(rule: Rule) -> set[str]:
    """Return the names of the variables that a rule reads, and of the tables that it looks into."""
    return {name for term in rule.terms() for name in term.reads()}
