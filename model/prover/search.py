"""Bounded search for the shortest trace that does something: breaks a rule or a property, exercises a rule.

Traces are those of a node that has just started, with every rule kept but those under test. Time is integer, so
that what is found can be written down exactly; a trace in integer time is one in dense time as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import z3
from mipcheck.model.prover.evident import surely_broken, surely_kept
from mipcheck.model.prover.limits import Allowance, Budget
from mipcheck.model.prover.logic import conj
from mipcheck.model.prover.scripts import script_of, without_value
from mipcheck.model.prover.spacer import Z
from mipcheck.model.prover.symbolic import World
from mipcheck.model.prover.tidy import MS, tidied
from mipcheck.model.prover.unrolling import Unrolling
from mipcheck.model.prover.witness import Witness, keys_used, told
from mipcheck.model.specification.spec import Spec
from mipcheck.model.values.types import TIME

_Goal = Callable[[Unrolling, int], Z]


def time_unit(parameters: Mapping[str, int], spec: Spec) -> int:
    """Return the step of integer time in ns: a millisecond where all parameters allow it, else a nanosecond."""
    times = [v for n, v in parameters.items() if spec.parameters[n].type.name == "time"]
    times += [t.value for root in spec.all_terms() for t in root.walk() if t.kind == "const" and t.type == TIME]
    return MS if all(t % MS == 0 for t in times) else 1


DEPTH: Final = 10
"""Steps of the longest trace that is searched for."""

LATE: Final = 2**56
"""A time later than any that matters: two years in ns."""
FAR: Final = 2**64
"""One that is further away than whatever is added to it."""


class Search:
    """Searches over one unrolling that grows as needed.

    `timeout` is in seconds, for each search; `tidying` in seconds of the processor, for making the values of what was
    found ordinary. A `sure` one finds what is so whether times without a value lie far back or far ahead.
    A `quick` one takes a third of the time, but which of the shortest traces it finds hangs on what was asked before.
    """

    def __init__(
        self,
        world: World,
        depth: int = DEPTH,
        timeout: float = 60.0,
        mirror: str = "",
        sure: bool = False,
        quick: bool = False,
    ) -> None:
        self.world, self.depth, self.timeout = world, depth, timeout
        self.tidying = math.inf
        self.quick = quick
        self.run = Unrolling(world, mirror, z3.SimpleSolver() if quick else None)
        self.used = keys_used(world.spec)
        self._twin = Unrolling(world, solver=self.run.solver, tag="~") if sure else None
        self._sure: Search | None = None
        if self._twin is not None:
            for run, value in ((self.run, -FAR), (self._twin, FAR)):
                self.run.solver.add([run.states[0][slot] == value for slot in without_value(world)])

    def certain(
        self,
        rule: str,
        broken: bool,
        goal: _Goal,
        free: Iterable[str] = (),
        pretty: bool = True,
    ) -> Witness | None:
        """Find the shortest trace as `shortest` does, which breaks or keeps a rule for certain.

        Where a time has no value yet, what compares it shows a checker nothing.
        """
        found = self.shortest(goal, free, pretty)
        if found is None or self.run.mirror or self._is_certain(found, rule, broken):
            return found
        if self._sure is None:
            self._sure = Search(self.world, timeout=self.timeout, sure=True, quick=self.quick)
        self._sure.depth = self.depth

        def surely(run: Unrolling, k: int) -> Z:
            kept = () if broken else (run.kept_surely[i][rule] for i in range(k + 1))
            return conj([goal(run, k), *kept])

        found = self._sure.shortest(surely, free, pretty)
        return found if found is not None and self._is_certain(found, rule, broken) else None

    def _is_certain(self, found: Witness, rule: str, broken: bool) -> bool:
        if broken or found.script is None or not without_value(self.world):
            return rule in found.broken or not broken
        return surely_kept(self.world, found.script, rule)

    def shortest(self, goal: _Goal, free: Iterable[str] = (), pretty: bool = True) -> Witness | None:
        """Find the shortest trace whose last step is as `goal` says, with every rule kept but those that are `free`.

        None if there is none up to the depth, or the time is up: that proves nothing. A `pretty` trace has ordinary
        values where any would do; that takes most of the time.
        """
        budget = Budget(self.timeout)
        must = [r for r in (*self.world.allows, *self.world.requires) if r not in set(free)]
        for k in range(self.depth):
            while len(self.run.steps) <= k:
                for run in self._runs:
                    run.extend()
                if self._twin is not None:
                    self.run.solver.add(self.run.steps[-1].now <= LATE // (self.world.unit or 1))
            wanted = z3.Bool(f"goal@{k}#{next(_COUNT)}")
            asked = [goal(run, k) for run in self._runs]
            shown = [run.shows(k) for run in self._runs]
            self.run.solver.add(z3.Implies(wanted, z3.And(*asked, *shown, *self.world.exact())))
            assumptions = [wanted] + [self.run.kept_surely[i][r] for i in range(k + 1) for r in must]
            if self.run.mirrors:  # the last step is where the two runs may differ in what they are allowed
                assumptions += [self.run.mirror_kept[i][r] for i in range(k) for r in must]
            answer = budget.check(self.run.solver, *assumptions)
            if answer == z3.unknown:
                return None
            if answer == z3.sat:
                model = self._prettier(assumptions, k + 1) if pretty else self.run.solver.model()
                return self._read(k + 1, model)
        return None

    def _prettier(self, assumptions: list[Z], length: int) -> Any:
        """Return a model in which whatever does not matter has its most ordinary value."""
        model, w = self.run.solver.model(), self.world
        actions = [w.actions[model.eval(s.act, model_completion=True).as_long()] for s in self.run.steps[:length]]
        steps = [(a, s.keys[a.event], s.now) for a, s in zip(actions, self.run.steps, strict=False)]
        return tidied(w, steps, self._of_events(assumptions, model, length), model, Allowance(self.tidying))

    def _of_events(self, assumptions: list[Z], model: Any, length: int) -> Any:
        """Return a solver for runs of the events of a model: where it is known what happens, little is left to ask."""
        acts = [(step.act, model.eval(step.act, model_completion=True)) for step in self.run.steps[:length]]
        asked = z3.simplify(z3.substitute(conj([*self.run.solver.assertions(), *assumptions]), *acts))
        solver = z3.SimpleSolver()
        solver.add(asked, *(act == value for act, value in acts))
        return solver

    def _read(self, length: int, model: Any) -> Witness:
        """Return the first steps of a model as a trace."""
        script, broken = script_of(self.run, model, length), self.run.broken(model, length)
        if without_value(self.world) and (surely := surely_broken(self.world, script, broken)) is not None:
            broken = surely
        return told(self.world, script, self.used, broken)

    @property
    def _runs(self) -> list[Unrolling]:
        return [self.run] if self._twin is None else [self.run, self._twin]


def _count() -> Iterator[int]:
    n = 0
    while True:
        yield n
        n += 1


_COUNT = _count()
