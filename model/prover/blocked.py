"""Traces on which rules get into each other's way: an event that makes an obligation overdue, or one that is due and
cannot be met."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import z3
from mipcheck.model.prover.endless import made_due
from mipcheck.model.prover.limits import limited
from mipcheck.model.prover.logic import is_true
from mipcheck.model.prover.mended import happening, made_again
from mipcheck.model.prover.scripts import Followed
from mipcheck.model.prover.search import DEPTH, Search, time_unit
from mipcheck.model.prover.setting import Setting
from mipcheck.model.prover.shown import shown
from mipcheck.model.prover.spacer import Happening, Z
from mipcheck.model.prover.symbolic import SymbolicState, World
from mipcheck.model.prover.tried import Tried, none_of
from mipcheck.model.prover.unrolling import Unrolling
from mipcheck.model.prover.witness import Witness
from mipcheck.model.values.types import show_seconds

Meets = Callable[[World, SymbolicState, Z], tuple[list[Tried], Z]]
"""Returns events to try in a state, at a time, each with whether it meets an obligation; and what that takes."""


@dataclass(frozen=True, slots=True)
class Blockage:
    """What blocks, in words, and the shortest trace that leads there."""

    reason: str
    trace: Witness


class Blockages:
    """Searches for one setting, for traces of so many steps at most."""

    def __init__(self, setting: Setting, depth: int = DEPTH) -> None:
        self._setting, self._depth = setting, depth

    def overdue(self, way: Sequence[Happening] = ()) -> Blockage | None:
        """Find an event after which some obligation is overdue at once; the last one of a `way`, if that is told."""

        def late(run: Unrolling, k: int) -> list[tuple[str, Z]]:
            w = run.world
            musts = [r for r in w.requires if w.rules[r].level == "MUST"]
            return [(r, w.overdue(r, run.states[k + 1], run.steps[k].now)) for r in musts]

        def goal(run: Unrolling, k: int) -> Z:
            return z3.Or([z for _, z in late(run, k)])

        found = self._find(goal, way)
        if found is None:
            return None
        trace, run = found
        rules = [r for r, z in late(run, trace.steps - 1) if is_true(z)]
        event = trace.script.steps[-1].event if trace.script is not None else "an event"
        # The trace breaks none of them yet: it ends with the event, and what is overdue is so a moment later.
        return Blockage(f"{event} makes {' and '.join(rules)} overdue at once, so that time cannot pass", trace)

    def turning(self, rules: Sequence[str]) -> Blockage | None:
        """Find an event that makes one of some obligations due at once; what meets each makes the next one due."""

        def goal(run: Unrolling, k: int) -> Z:
            w, before, after = run.world, run.states[k], run.states[k + 1]
            return z3.Or([made_due(w, r, before, after, run.steps[k].now) for r in rules])

        found = self._find(goal)
        if found is None:
            return None
        trace, _ = found
        event = trace.script.steps[-1].event if trace.script is not None else "an event"
        said = f"what meets {rules[0]} makes it due again at once"
        if len(rules) > 1:
            said = ", and ".join(f"what meets {a} makes {b} due at once" for a, b in pairwise([*rules, rules[0]]))
        return Blockage(f"time cannot pass after {event}: {said}", trace)

    def stuck(self, rule: str, meets: Meets, way: Sequence[Happening] = ()) -> Blockage | None:
        """Find a trace after which an obligation is due, and no event that would meet it is permitted; of what happens
        on a `way`, if that is told."""

        kept = {r.id for r in self._setting.musts}

        def goal(run: Unrolling, k: int) -> Z:
            w, s = run.world, run.states[k + 1]
            owing = w.owing_at(rule, 0)
            due = w.deadline(rule, s, owing)
            tried, granted = meets(w, s, due)
            none = none_of(w, s, due, tried, [w.rules[r] for r in _musts(w)])
            # What is due before has to happen before, and may change all that.
            waits = [z3.Not(w.overdue(r, s, due)) for r in w.requires if r != rule and r in kept]
            return z3.And(granted, w.owed(rule, s, owing), due >= run.steps[k].now, *none, *waits)

        found = self._find(goal, way)
        if found is None:
            return None
        trace, run = found
        w, s = run.world, run.states[-1]
        due = w.deadline(rule, s, w.owing_at(rule, 0))
        names = _musts(w)
        if self._can_be(w, s, due, rule, names):
            return None
        for name in tuple(names):  # of those that forbid something, the ones that it takes to forbid all
            rest = [r for r in names if r != name]
            if not self._can_be(w, s, due, rule, rest):
                names = rest
        said = f"{' and '.join(names)} forbid{'' if len(names) > 1 else 's'} all that would meet it"
        at = f", at {show_seconds(due * w.unit)}" if isinstance(due, int) and w.unit is not None else ""
        return Blockage(f"when {rule} is due{at}, {said if names else 'nothing would meet it'}", trace)

    def _can_be(self, w: World, s: SymbolicState, due: Z, rule: str, kept: Iterable[str]) -> bool:
        """Decide whether there is an event of the node that meets an obligation and keeps some permissions; no answer
        counts as that there is one."""
        body = w.requires[rule]
        kinds = dict.fromkeys(q.event for q in body.patterns if w.spec.events[q.event].sender == "node")
        for a in (a for event in kinds for a in w.meeting(body, event)):
            keys = w.keys(a.event, "?")
            solver = limited(z3.Solver(), self._setting.timeout)
            solver.add(w.well_formed(a.event, keys), w.matches(body.patterns, s, a, keys, due))
            solver.add(w.permitted(s, a, keys, due, kept))
            if solver.check() != z3.unsat:
                return True
        return False

    def _find(
        self, goal: Callable[[Unrolling, int], Z], way: Sequence[Happening] = ()
    ) -> tuple[Witness, Followed] | None:
        """Find the shortest trace that keeps all MUSTs and ends as the goal says, or one of what happens on a way; with
        it, its run in values."""
        for n, own in enumerate(self._setting.trackings, 1):
            unit, free = time_unit(own.parameters, own.spec), own.without | own.advice
            world = own.world(own.rules.values(), unit)
            if way:
                script = made_again(own, happening(way, unit, n), goal, free, pretty=True)
                trace = None if script is None else shown(own, script, lambda *_: True, free)
            else:
                trace = Search(world, self._depth, own.timeout).shortest(goal, free)
            if trace is not None and trace.script is not None:
                return replace(trace, broken=trace.broken | own.misconfigured), Followed(world, trace.script)
        return None


def _musts(w: World) -> list[str]:
    return [r for r in w.allows if w.rules[r].level == "MUST"]
