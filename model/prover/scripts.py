"""A trace of the prover as numbers, step by step, and what a specification makes of it: no solver is asked.

A search writes a script down; a certificate keeps it. `Followed` takes the same steps in whatever the specification
says today, so that an old script shows nothing that is not so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import z3
from mipcheck.model.prover.logic import conj, disj, is_true, neg
from mipcheck.model.prover.spacer import Z
from mipcheck.model.prover.symbolic import DONE, WHOLE_NODE, Action, Keys, Slot, SymbolicState, World
from mipcheck.model.prover.unrolling import Step, Unrolling, written
from mipcheck.model.specification.spec import Key
from mipcheck.model.values.errors import MipcheckError
from mipcheck.model.values.types import TIME

Number = bool | int | tuple[str, ...]
"""A value: a boolean, an integer (a time in ticks, an enumeration's member by its index), or the members of a set."""


class Unfollowed(MipcheckError):
    """A script that cannot be followed: there is no such event or key, or it cannot happen so."""


@dataclass(frozen=True, slots=True)
class ScriptStep:
    """One event: at `now` ticks, on an interface by its number. Keys that are not said are 0, false or empty."""

    event: str
    interface: int
    now: int
    keys: Mapping[str, Number]


@dataclass(frozen=True, slots=True)
class Script:
    """A run: a tick takes `unit` ns, `initial` says what state is at first for which nothing is declared, unless 0.

    `mirror` is as of an `Unrolling`; `entries` of each table are followed; `site` are addresses that are not the usual.
    """

    unit: int
    steps: tuple[ScriptStep, ...]
    initial: Mapping[str, int] = field(default_factory=dict)
    mirror: str = ""
    entries: int = 1
    site: Mapping[str, int] = field(default_factory=dict)


def script_of(run: Unrolling, model: Any, length: int) -> Script:
    """Write down the first steps of a model of an unrolling."""

    w, steps = run.world, []
    for step in run.steps[:length]:
        steps.append(step_in(model, w, w.actions[model.eval(step.act, model_completion=True).as_long()], step))
    return Script(w.unit or 1, tuple(steps), first_in(model, w, run.states[0]), run.mirror)


def first_in(model: Any, w: World, first: SymbolicState) -> dict[str, int]:
    """Write down what is at first in a model of what has no initial value."""
    numbers = {slot: _long_in(model, first[slot]) for slot in _open(w)}
    return {_named(slot): number for slot, number in numbers.items() if number}


def _long_in(model: Any, z: Z) -> int:
    """Return what a number is in a model."""
    return z if isinstance(z, int) else int(model.eval(z, model_completion=True).as_long())


def step_in(model: Any, w: World, action: Action, step: Step) -> ScriptStep:
    """Write down a step of a model in which that action is taken."""
    kind = w.spec.events[action.event]
    keys = {k.name: value for k in kind.keys if (value := _number_in(model, k, step.keys[kind.name][k.name]))}
    return ScriptStep(action.event, action.interface, _long_in(model, step.now), keys)


def _number_in(model: Any, key: Key, z: Any) -> Number:
    """Return what a key is in a model."""
    if key.type.is_set:
        return tuple(m for m, b in z.items() if _truth_in(model, b))
    return _truth_in(model, z) if key.type.name == "bool" else _long_in(model, z)


def _truth_in(model: Any, z: Z) -> bool:
    """Return whether something holds in a model."""
    return z if isinstance(z, bool) else bool(z3.is_true(model.eval(z, model_completion=True)))


def _open(w: World) -> list[Slot]:
    """Return the state for which no initial value is declared: times, and the keys of entries that are followed."""
    return [s for s in w.slots if not s[0].startswith(DONE) and w.spec.variables[s[0]].initial is None]


def without_value(w: World) -> list[Slot]:
    """Return the times that have no value at first."""
    return [s for s in _open(w) if w.spec.variables[s[0]].type == TIME]


def _named(slot: Slot) -> str:
    return f"{slot[0]}.{'n' if slot[1] == WHOLE_NODE else slot[1]}"


class _Known(dict[str, Keys]):
    """The keys of the event that happens; of others, constants that stand for nothing."""

    def __init__(self, world: World, event: str, keys: Keys) -> None:
        super().__init__({event: keys})
        self._world = world

    def __missing__(self, event: str) -> Keys:
        return self._world.keys(event, "")


class Followed(Unrolling):
    """The run of a script, as an unrolling whose every term is a value. Raises Unfollowed."""

    def __init__(self, world: World, script: Script) -> None:
        self.world, self.mirror, self.tag = world.in_values(), script.mirror, ""
        self.states, self.mirrors, self.steps = [self._first(script)], [], []
        self._actions: list[Action] = []
        self._exact = []  # what is divided is asked about at the end
        if script.mirror:
            self.mirrors = [dict(self.states[0])]
        for step in script.steps:
            self._follow(step)

    def _first(self, script: Script) -> SymbolicState:
        result = dict(self.world.at_first)
        for slot, sort in self.world.slots.items():
            if slot not in result:
                result[slot] = False if sort.kind() == z3.Z3_BOOL_SORT else self._at_first(slot, script)
        return result

    def _at_first(self, slot: Slot, script: Script) -> Z:
        """Return what a number is at first that has no initial value."""
        return script.initial.get(_named(slot), 0)

    def _follow(self, step: ScriptStep) -> None:
        w, action = self.world, Action(step.event, step.interface)
        if action not in w.actions:
            raise Unfollowed(f"there is no event {step.event} on interface {step.interface}")
        kind = w.spec.events[step.event]
        if not set(step.keys) <= set(kind.by_name):
            raise Unfollowed(f"{step.event} has no such key")
        keys, now = self._values(step)
        before = self.steps[-1].now if self.steps else 0
        possible = [w.well_formed(step.event, keys), written(w, kind.keys, keys), now >= before]
        self._actions.append(action)
        self.steps.append(Step(w.actions.index(action), _Known(w, step.event, keys), now))
        for runs, mirrored in ((self.states, False), *(((self.mirrors, True),) if self.mirrors else ())):
            state = runs[-1]
            after = dict(state)
            if self._takes_part(action, mirrored):
                possible.append(w.assumed(state, action, keys, now))
                after |= w.next(state, action, keys, now)
            runs.append(after)
        if not self._possible(possible):
            raise Unfollowed(f"{step.event} cannot happen so")

    def _values(self, step: ScriptStep) -> tuple[Keys, Z]:
        """Return the keys of a step, and when it happens."""
        return {k.name: _value(k, step.keys.get(k.name)) for k in self.world.spec.events[step.event].keys}, step.now

    def _possible(self, parts: list[Z]) -> bool:
        """Decide whether a step can be taken that has to be as all of the `parts` say."""
        return is_true(conj(parts))

    def _takes_part(self, action: Action, mirrored: bool) -> bool:
        return action.interface == 0 or self.mirror != ("fewer" if mirrored else "more")

    def happens(self, k: int, condition: Callable[[SymbolicState, Action, Keys, Z], Z | None]) -> Z:
        """Return that, at step k, some action happens of which `condition` holds (None: not such an action)."""
        a, step = self._actions[k], self.steps[k]
        holds = condition(self.states[k], a, step.keys[a.event], step.now)
        return False if holds is None else holds

    def shows(self, k: int) -> Z:
        """Return that a log shows step k. What it takes to write the steps down is asked about at the end."""
        action = self._actions[k]
        return bool(self.world.spec.events[action.event].seen) and self._takes_part(action, False)

    def breaks(self, rule: str, k: int, mirror: bool = False, strict: bool = False) -> Z:
        """Return that the rule is broken at step k, in the mirror run if so asked; `strict`: be that clear or not."""
        w, step, a = self.world, self.steps[k], self._actions[k]
        s = self.mirrors[k] if mirror else self.states[k]
        if rule in w.requires:
            return w.overdue(rule, s, step.now)
        if not w.concerns(rule, a) or not self._takes_part(a, mirror):
            return False
        keys = step.keys[a.event]
        return w.not_given(w.allows[rule], s, a, keys, step.now) if strict else w.breaks(rule, s, a, keys, step.now)

    def shown(self, goal: Callable[[Unrolling, int], Z], free: Iterable[str]) -> frozenset[str] | None:
        """Return the rules that the run breaks, if its last step is as `goal` says and it breaks none but the `free`
        ones; else None."""
        w, last, allowed = self.world, len(self.steps) - 1, set(free)
        if last < 0 or not (is_true(goal(self, last)) and is_true(self.shows(last))):
            return None
        broken = set()
        for rule in (*w.allows, *w.requires):
            steps = [k for k, a in enumerate(self._actions) if rule in w.requires or w.concerns(rule, a)]
            if rule in allowed:
                if any(is_true(self.breaks(rule, k)) for k in steps):
                    broken.add(rule)
                continue
            breaches = [self.breaks(rule, k, strict=True) for k in steps]
            if self.mirrors:  # the last step is where the two runs may differ in what they are allowed
                breaches += [self.breaks(rule, k, mirror=True) for k in steps if k < last]
            if breaches and not is_true(neg(disj(breaches))):
                return None
        return frozenset(broken) if all(map(is_true, w.exact())) else None


def nothing(key: Key) -> Number:
    """Return the value of a key that a script does not say."""
    return () if key.type.is_set else False if key.type.name == "bool" else 0


def _value(key: Key, number: Number | None) -> Any:
    if number is None:
        number = nothing(key)
    if key.type.is_set:
        if not isinstance(number, tuple) or not set(number) <= set(key.type.members):
            raise Unfollowed(f"{key.name} has other members")
        return {m: m in number for m in key.type.members}
    if isinstance(number, tuple) or isinstance(number, bool) != (key.type.name == "bool"):
        raise Unfollowed(f"{key.name} is of another type")
    return number
