"""A run of a specification, step by step, as one formula."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import z3
from mipcheck.model.prover.logic import conj, neg
from mipcheck.model.prover.spacer import Z
from mipcheck.model.prover.symbolic import Action, Keys, SymbolicState, World
from mipcheck.model.specification.spec import Key
from mipcheck.model.values.types import LONGEST


@dataclass
class Step:
    """One step of an unrolling: the number of its action, the keys of each kind of event, its time."""

    act: Z
    keys: dict[str, Keys]
    now: Z


class Unrolling:
    """A run of a `World`, step by step, in one incremental solver.

    For each step and rule there is a literal that says that the rule is kept there; a search assumes those that it
    wants. `mirror` adds a second run that starts alike and takes the same steps on interface 0. On the others it
    takes none ("fewer"), or takes them alone ("more"); the run that is read is always the first.

    Unrollings that share a `solver` take the same steps, if their worlds have the same events; a `tag` of its own keeps
    the state of each apart.
    """

    def __init__(self, world: World, mirror: str = "", solver: Any = None, tag: str = "") -> None:
        self.world, self.mirror, self.tag = world, mirror, tag
        self.solver = z3.SolverFor("QF_LIA") if solver is None else solver
        self.states: list[SymbolicState] = [world.fresh(f"{tag}@0")]
        self.mirrors: list[SymbolicState] = [world.fresh("@0'")] if mirror else []
        self.steps: list[Step] = []
        self.kept: list[dict[str, Z]] = []
        """For each step and rule, a literal that is true just if no evidence can show that the rule is broken."""
        self.kept_surely: list[dict[str, Z]] = []
        """The same of nodes that keep to the condition where that is unclear, too: proofs are about those."""
        self.mirror_kept: list[dict[str, Z]] = []
        self._exact: list[Z] = []
        self.solver.add(world.initial(self.states[0]), *world.exact())
        for m in self.mirrors:
            self.solver.add([m[slot] == z for slot, z in self.states[0].items()])

    def acts(self, mirror: bool) -> list[tuple[int, Action]]:
        """Return the numbered actions that a run takes part in."""
        idle = "fewer" if mirror else "more"
        return [(n, a) for n, a in enumerate(self.world.actions) if a.interface == 0 or self.mirror != idle]

    def extend(self) -> None:
        """Add one more step."""
        w, k = self.world, len(self.steps)
        keys = {e: w.keys(e, f"@{k}") for e in w.spec.events}
        now = z3.Int(f"now@{k}") if w.unit is not None else z3.Real(f"now@{k}")
        step = Step(z3.Int(f"act@{k}"), keys, now)
        before = self.steps[-1].now if self.steps else w.time(0)
        self.solver.add(step.now >= before, step.act >= 0, step.act < len(w.actions))
        if k == 0 and not self.mirror:  # interfaces are alike: the first one to do anything is the first
            self.solver.add(z3.Or([step.act == n for n, a in enumerate(w.actions) if a.interface == 0]))
        for n, a in enumerate(w.actions):
            self.solver.add(z3.Implies(step.act == n, w.well_formed(a.event, keys[a.event])))
            self.solver.add(z3.Implies(step.act == n, written(w, w.spec.events[a.event].keys, keys[a.event])))
        self.steps.append(step)
        self.states.append(self._after(self.states[-1], step, f"{self.tag}@{k + 1}", self.acts(False)))
        rules = [*w.allows, *w.requires]
        self.kept.append({r: self._literal(f"kept:{r}{self.tag}@{k}", self.breaks(r, k)) for r in rules})
        doubtful = [r for r, body in w.allows.items() if body.unclear is not None]
        surely = {r: self._literal(f"surely:{r}{self.tag}@{k}", self.breaks(r, k, strict=True)) for r in doubtful}
        self.kept_surely.append(self.kept[-1] | surely)
        if self.mirrors:
            self.mirrors.append(self._after(self.mirrors[-1], step, f"@{k + 1}'", self.acts(True)))
            self.mirror_kept.append({r: self._literal(f"kept:{r}@{k}'", self.breaks(r, k, True)) for r in rules})
        self._exact.append(conj(w.exact()))

    def _after(self, s: SymbolicState, step: Step, tag: str, actions: list[tuple[int, Action]]) -> SymbolicState:
        """Return the state after a step, which the solver is told about."""
        after = self.world.fresh(tag)
        values = dict(s)
        for n, a in actions:
            keys = step.keys[a.event]
            self.solver.add(z3.Implies(step.act == n, self.world.assumed(s, a, keys, step.now)))
            for slot, value in self.world.next(s, a, keys, step.now).items():
                values[slot] = z3.If(step.act == n, value, values[slot])
        self.solver.add([after[slot] == values[slot] for slot in after])
        return after

    def _literal(self, name: str, broken: Z) -> Z:
        """Return a literal that is true just if it is not broken."""
        literal = z3.Bool(name)
        self.solver.add(literal == z3.Not(broken))
        return literal

    def breaks(self, rule: str, k: int, mirror: bool = False, strict: bool = False) -> Z:
        """Return that the rule is broken at step k, in the mirror run if so asked; `strict`: be that clear or not."""
        w, step = self.world, self.steps[k]
        s = self.mirrors[k] if mirror else self.states[k]
        if rule in w.requires:
            return w.overdue(rule, s, step.now)
        broken = partial(w.not_given, w.allows[rule]) if strict else partial(w.breaks, rule)
        return z3.Or(
            [
                z3.And(step.act == n, broken(s, a, step.keys[a.event], step.now))
                for n, a in self.acts(mirror)
                if w.concerns(rule, a)
            ]
        )

    def broken(self, model: Any, length: int) -> frozenset[str]:
        """Return the rules that the first steps of a model break."""
        return frozenset(r for kept in self.kept[:length] for r, literal in kept.items()
                         if z3.is_false(model.eval(literal)))  # fmt: skip

    def shows(self, k: int) -> Z:
        """Return that a log shows step k, and the steps to there can be written down: a trace ends with its last line,
        and with it the time that passes."""
        events = self.world.spec.events
        seen = z3.Or([self.steps[k].act == n for n, a in self.acts(False) if events[a.event].seen])
        return conj([seen, *self._exact[: k + 1]])

    def happens(self, k: int, condition: Callable[[SymbolicState, Action, Keys, Z], Z | None]) -> Z:
        """Return that, at step k, some action happens of which `condition` holds (None: not such an action)."""
        step = self.steps[k]
        parts = []
        for n, a in enumerate(self.world.actions):
            c = condition(self.states[k], a, step.keys[a.event], step.now)
            if c is not None:
                parts.append(z3.And(step.act == n, c))
        return z3.Or(parts)

    def exercises(self, rule: str, k: int) -> Z:
        """Return that the permission is asked for, or the obligation met, at step k, and that evidence can tell: also
        of whatever asked for the permission before."""
        w, allow = self.world, self.world.allows.get(rule)

        def asked(s: SymbolicState, a: Action, keys: Keys, now: Z) -> Z | None:
            body = allow or w.requires[rule]
            if not any(p.event == a.event for p in body.patterns):
                return None
            matches = w.matches(body.patterns, s, a, keys, now)
            return matches if allow else conj([matches, w.met(rule, s, a)])

        def unclear(s: SymbolicState, a: Action, keys: Keys, now: Z) -> Z | None:
            known = None if allow is None or allow.unclear is None else asked(s, a, keys, now)
            return None if allow is None or known is None else conj([known, neg(w.clear(allow, s, a, keys, now))])

        doubts = range(k + 1 if allow is not None and allow.unclear is not None else 0)
        return conj([self.happens(k, asked), *(neg(self.happens(i, unclear)) for i in doubts)])


def written(w: World, keys: Sequence[Key], of: Keys) -> Z:
    """Return that a log can hold the values of `keys`: proofs need no largest address or time, and traces do."""
    largest = {"address": 2**32 - 1, "time": (LONGEST - 1) // (w.unit or 10**9)}
    return conj([of[k.name] <= largest[k.type.name] for k in keys if k.type.name in largest])
