"""The nearest repair of a finding: the fewest changes of a trace after which it is gone, and nothing is worse.

Changes are tried one by one, then two, then three together, each by replaying the trace; what does not even help where
only what the rule depends on happens is not tried on the whole of it. A change that takes evidence away is none: no
rule may become less known. A moved event is then moved back as far as it can be.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from mipcheck.checker.check.edits import KINDS, STEP, Add, Broken, Edit, Move, World, candidates, edited, world_of
from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.inputs.trace import Trace
from mipcheck.checker.observe.blame import blame, reads
from mipcheck.checker.observe.facts import facts_of
from mipcheck.checker.observe.misses import NearMisses
from mipcheck.checker.observe.observation import Finding, Observation
from mipcheck.checker.observe.slices import slice_of
from mipcheck.checker.observe.watch import watch
from mipcheck.model.machine.compile import Machine
from mipcheck.model.specification.spec import Require
from mipcheck.model.values.event import NODE

MOST: Final = 20_000
"""Events of a trace that is replayed again and again."""
DEPTH: Final = 3
"""Changes that are made together at most."""
_TOGETHER: Final = {2: 160, 3: 30}
"""Of the changes that are worth trying, so many are tried two and three together."""
_SHORT: Final = 60
"""Events that are as soon replayed as looked through for what matters."""
_BEFORE: Final = 10
_AFTER: Final = 4
"""Events before and after a finding that are looked at besides those that have to do with it."""
_TOLD: Final = 4
"""Repairs of one finding that are told."""

Mark = tuple[int, str | None, int | None, int, bool]
"""A rule (by number), the interface, the node, the event in the world (by number) that broke it, whether overdue."""


@dataclass(frozen=True)
class Repair:
    """Changes after which a finding is gone; with them the trace `conforms`, or other MUSTs are broken still. The rule
    is `kept` where it was broken, or it is not exercised there any more."""

    edits: tuple[Edit, ...]
    conforms: bool
    kept: bool
    world: World = field(repr=False, compare=False, default=())


@dataclass(frozen=True)
class Search:
    """The nearest repairs of a finding, the likeliest first; how many replays it took, and whether everything that is
    worth trying was tried (if none is found, there is none such)."""

    repairs: tuple[Repair, ...]
    tried: int
    whole: bool


@dataclass(frozen=True)
class _State:
    """What a replay came to: what is broken, how often each rule could not be judged and was kept, whether no MUST is
    broken."""

    broken: frozenset[Mark]
    unknown: tuple[int, ...]
    kept: tuple[int, ...]
    conforms: bool


class Repairs:
    """Seeks repairs of findings of one trace. Raises UsageError for one that is too long to be replayed often."""

    def __init__(self, machine: Machine, trace: Trace) -> None:
        if len(trace.events) > MOST:
            raise UsageError(
                f"a trace of {len(trace.events):,} events is too long to be changed and replayed again and again"
                f" ({MOST:,} at most): mipcheck shrink writes a small one"
            )
        self._machine, self._trace = machine, trace
        self._evidence = trace.evidence(machine.spec)
        self.world = world_of(trace.events)
        self.tried = 0
        self.observation = self._watched(self.world)
        self._before = self._state(self.world, self.observation)

    def nearest(self, finding: Finding, misses: NearMisses, late: Callable[[int], bool], depth: int = DEPTH) -> Search:
        """Return the nearest repairs of a finding, which is no one of the configuration; `misses` are what came close.

        `late` is asked with the number of replays so far, and ends the search.
        """
        self.tried = 0
        broken = self.broken(finding, misses)
        targets = self._targets(finding)
        slice_ = self._sliced(broken, targets)
        changes = candidates(self._machine, self.world, broken)
        for size in range(1, depth + 1):
            found: list[Repair] = []
            for edits in itertools.combinations(together(changes, size), size):
                if late(self.tried):
                    return Search(self._told(found, targets), self.tried, False)
                if repair := self._mends(edits, targets, slice_):
                    found.append(repair)
                    if size > 1 and len(found) >= _TOLD:
                        break
            if found:
                return Search(self._told(found, targets), self.tried, True)
        return Search((), self.tried, True)

    def broken(self, finding: Finding, misses: NearMisses) -> Broken:
        """Return what is to be mended, with the events that have to do with it."""
        machine = self._machine
        moment = finding.moment
        assert moment is not None and finding.interface is not None
        rule = machine.rules[finding.rule]
        own = [finding.event] if finding.overdue else [*finding.events] or [finding.event]
        writers = {
            r.writer
            for leaf in blame(machine, rule.body.condition, moment, moment.this)
            for r in reads(machine, leaf.term, moment, leaf.interface)
        }
        places = {event.at: n for n, event in self.world}
        close = [places[m.at] for m in misses.told if m.at in places]
        kinds = slice_of(machine, rule) & facts_of(machine).changing
        near = [n for n, e in self.world if e.kind in kinds and e.interface in (finding.interface, NODE)]
        before = [n for n in near if self.world[n][1].time <= finding.time and n not in own][-_BEFORE:]
        after = [n for n in near if self.world[n][1].time > finding.time][:_AFTER]
        if isinstance(rule.body, Require):
            meets = {p.event for p in rule.body.patterns}
            after.sort(key=lambda n: self.world[n][1].kind not in meets)
        focus = dict.fromkeys(n for n in (*own, *sorted(writers), *close, *reversed(before), *after) if n >= 0)
        return Broken(rule, finding.interface, finding.time, tuple(n for n in own if n >= 0), finding.overdue,
                      tuple(focus))  # fmt: skip

    # --- replaying ------------------------------------------------------------------------------------------------

    def _watched(self, world: World) -> Observation:
        self.tried += 1
        return watch(self._machine, [e for _, e in world], self._trace.site.boot, self._evidence)[0]

    def _state(self, world: World, observation: Observation) -> _State:
        marks = []
        for f in observation.findings:
            numbers = [f.event] if f.overdue else [*f.events] or [f.event]
            marks += [(f.rule, f.interface, f.node, world[n][0] if n >= 0 else n, f.overdue) for n in numbers]
        tallies = observation.tallies
        unknown = tuple(t.unknown + t.unlisted for t in tallies)
        musts = (r.level != "MUST" or not t.broken for r, t in zip(self._machine.rules, tallies, strict=True))
        return _State(frozenset(marks), unknown, tuple(t.kept for t in tallies), all(musts))

    def _targets(self, finding: Finding) -> frozenset[Mark]:
        """Return what has to be gone."""
        numbers = [finding.event] if finding.overdue else [*finding.events] or [finding.event]
        return frozenset((finding.rule, finding.interface, finding.node, n, finding.overdue) for n in numbers)

    def _mends(self, edits: Sequence[Edit], targets: frozenset[Mark], part: World | None) -> Repair | None:
        """Return the repair that changes are; None if they are none."""
        world = edited(self.world, edits)
        if world is None or any(e.time < 0 for _, e in world[:1]):
            return None
        if part is not None:
            small = edited(part, edits)
            if small is None or self._state(small, self._watched(small)).broken & targets:
                return None
        state = self._state(world, self._watched(world))
        if state.broken & targets or not state.broken <= self._before.broken - targets:
            return None
        if any(now > was for now, was in zip(state.unknown, self._before.unknown, strict=True)):
            return None
        rule = next(iter(targets))[0]
        return Repair(tuple(edits), state.conforms, state.kept[rule] > self._before.kept[rule], world)

    def _sliced(self, broken: Broken, targets: frozenset[Mark]) -> World | None:
        """Return the events that the rule can depend on, if these are far fewer than all and show the same."""
        if len(self.world) <= _SHORT:
            return None
        facts = facts_of(self._machine)
        kinds = slice_of(self._machine, broken.rule) & (facts.changing | facts.gaps)
        own = {*broken.numbers, len(self.world) - 1}
        part = tuple(item for item in self.world if item[0] in own or item[1].kind in kinds)
        same = targets <= self._state(part, self._watched(part)).broken
        return part if same and 2 * len(part) < len(self.world) else None

    # --- what is told ---------------------------------------------------------------------------------------------

    def _told(self, found: Sequence[Repair], targets: frozenset[Mark]) -> tuple[Repair, ...]:
        """Return the likeliest repairs, one of a kind, with events moved no further than they have to be."""
        best: dict[tuple[tuple[object, ...], ...], Repair] = {}
        for repair in sorted(found, key=self._rank):
            best.setdefault(tuple(map(self._kind, repair.edits)), repair)
        ranked = sorted(best.values(), key=self._rank)
        # That the rule is kept says more than that it does not ask any more; that all is well then says most.
        telling = [r for r in ranked if r.kept and r.conforms] or [r for r in ranked if r.kept or r.conforms]
        chosen = (telling or ranked)[:_TOLD]
        return tuple(sorted((self._tightened(r, targets) for r in chosen), key=self._rank))

    def _kind(self, edit: Edit) -> tuple[object, ...]:
        """Return what makes a change another than others: not how far, and to which value."""
        if isinstance(edit, Move):
            return Move, edit.number, edit.time > self.world[edit.number][1].time
        if isinstance(edit, Add):
            return Add, edit.event.kind
        return type(edit), edit.number, getattr(edit, "key", "")

    def _rank(self, repair: Repair) -> tuple[object, ...]:
        """Return a key by which repairs are told: those after which the trace conforms first, those that keep the rule,
        the smallest shifts."""
        kinds = sorted(KINDS.index(type(e)) for e in repair.edits)
        shift = sum(abs(e.time - self.world[e.number][1].time) for e in repair.edits if isinstance(e, Move))
        return not repair.conforms, not repair.kept, kinds, shift

    def _tightened(self, repair: Repair, targets: frozenset[Mark]) -> Repair:
        """Return a repair whose events are moved as little as will do, to a whole millisecond if that does."""
        for n, edit in enumerate(repair.edits):
            if isinstance(edit, Move):
                was = self.world[edit.number][1].time
                near, far = was, edit.time
                while abs(far - near) > STEP:
                    middle = (near + far) // 2 // STEP * STEP
                    if middle in (near, far):
                        break
                    closer = self._with(repair, n, middle, targets)
                    near, far, repair = (near, middle, closer) if closer is not None else (middle, far, repair)
                whole = was + math.copysign(math.ceil(abs(far - was) / 10**6), far - was) * 10**6
                repair = self._with(repair, n, int(whole), targets) or repair
        return repair

    def _with(self, repair: Repair, n: int, time_: int, targets: frozenset[Mark]) -> Repair | None:
        """Return a repair with one of its moves to another time (ns), if it mends still and leaves no more broken."""
        edits = [Move(e.number, time_) if k == n and isinstance(e, Move) else e for k, e in enumerate(repair.edits)]
        found = self._mends(edits, targets, None)
        return found if found is not None and found.conforms >= repair.conforms else None


def together(changes: Sequence[Edit], size: int) -> list[Edit]:
    """Return the changes of which `size` are tried together: all, or of each kind the likeliest, in turn."""
    kinds = [[e for e in changes if type(e) is kind] for kind in KINDS]
    return [e for some in itertools.zip_longest(*kinds) for e in some if e is not None][: _TOGETHER.get(size)]


def until(seconds: float) -> Callable[[int], bool]:
    """Return what ends a search after so many seconds."""
    stop = time.monotonic() + seconds
    return lambda tried: time.monotonic() > stop
