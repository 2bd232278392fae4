"""Traces made again: the events of a script in their order, with whatever times and keys a specification takes.

Who changes a rule changes mostly when things happen in the traces that show it, and not what happens; and the events
that show one rule show most of those that speak of them, too. To ask for just these events takes a fraction of a search
for any.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from enum import Enum, auto
from typing import Any, Final

import z3
from mipcheck.model.prover.limits import Allowance, limited
from mipcheck.model.prover.logic import conj, implied, neg
from mipcheck.model.prover.scripts import Followed, Script, ScriptStep, Unfollowed, first_in, step_in
from mipcheck.model.prover.setting import Setting
from mipcheck.model.prover.spacer import Happening, Z
from mipcheck.model.prover.symbolic import Keys, Slot, World
from mipcheck.model.prover.tidy import tidied
from mipcheck.model.prover.unrolling import Unrolling
from mipcheck.model.values.types import TIME

_SECONDS: Final = 2.0
"""For each question: what takes longer is better sought."""
_TRIES: Final = 12
"""Other scripts whose events are tried, before all is sought."""
_TRIES_AFTER: Final = 4
"""And before those of a script, or with one more event after them."""
_LONG: Final = 6
"""Steps from which on one more event is better tried than all of them sought."""


class _Open(Enum):
    """What is left open of a script: when it all happens; the keys of events, and those of entries that are followed,
    too; or besides times that have no value at first, of which nobody can tell."""

    TIMES = auto()
    KEYS = auto()
    ALL = auto()


class _Loosened(Followed):
    """A run of the events of a script of which much is `open`; `taken` is what it takes that they happen."""

    def __init__(self, world: World, script: Script, left: _Open) -> None:
        self._open = left
        self.forbidding: frozenset[str] = frozenset()
        """Rules that cannot all be kept where there was no model, as the last question has shown."""
        self.taken: list[Z] = []
        self._kept: list[dict[str, Z]] = []
        self._solver: Any = None
        self._literals: dict[tuple[str, int, bool], Z] = {}
        super().__init__(world, script)

    def _at_first(self, slot: Slot, script: Script) -> Z:
        declared = self.world.spec.variables.get(slot[0])
        if declared is None or declared.initial is not None or self._open is _Open.TIMES:
            return super()._at_first(slot, script)
        if declared.type == TIME and self._open is not _Open.ALL:
            return super()._at_first(slot, script)
        return z3.Int(f"{slot[0]}.{slot[1]}@first")

    def further(self, step: ScriptStep) -> _Loosened:
        """Return the run with one more event. Raises Unfollowed."""
        result = copy(self)
        for name, value in vars(self).items():
            if isinstance(value, list):
                setattr(result, name, value.copy())
        result._solver, result._literals = None, {}
        result._follow(step)
        return result

    def model(self, wanted: Sequence[Z], rules: Iterable[str], seconds: float, pretty: bool = False) -> Any:
        """Return a model of the run that is as `wanted` at its end, in which some rules are kept at every step, be that
        clear or not; None if there is none, or none was found in time. One that is `pretty` has ordinary values.

        All that is asked of the same events is asked of one solver, which has worked out most of it by then.
        """
        goal, last = conj(wanted), len(self.steps) - 1
        kept = {(rule, k, False): self._keeps(rule, k) for rule in rules for k in range(last + 1)}
        if self.mirrors:  # the last step is where the two runs may differ in what they are allowed
            kept |= {(r, k, True): neg(self.breaks(r, k, mirror=True)) for r, k, _ in tuple(kept) if k < last}
        self.forbidding = frozenset(rule for (rule, _, _), z in kept.items() if z is False)
        if goal is False or self.forbidding:
            return None
        if self._solver is None:
            self._solver = z3.SimpleSolver()
            self._solver.add(conj(self.taken))
        solver = limited(self._solver, seconds)
        for which, z in kept.items():
            if which not in self._literals and z is not True:
                self._literals[which] = z3.Bool(f"kept:{which}")
                solver.add(implied(self._literals[which], z))
        assumed = [self._literals[which] for which in kept if which in self._literals]
        solver.push()
        solver.add(goal)
        answer = solver.check(*assumed)
        model = solver.model() if answer == z3.sat else None
        if answer == z3.unsat:
            core = {z.get_id() for z in solver.unsat_core()}
            self.forbidding = frozenset(
                r for (r, k, m) in kept if (z := self._literals.get((r, k, m))) is not None and z.get_id() in core
            )
        solver.pop()
        if model is None or not pretty:
            return model
        alone = z3.SimpleSolver()
        alone.add(conj(self.taken), conj(list(kept.values())), goal)
        steps = [(a, s.keys[a.event], s.now) for a, s in zip(self._actions, self.steps, strict=True)]
        return tidied(self.world, steps, alone, model, Allowance(math.inf))

    def _keeps(self, rule: str, k: int) -> Z:
        """Return that a rule is kept at step k; it is worked out once for all that share it."""
        known = self._kept[k]
        if rule not in known:
            known[rule] = conj([neg(self.breaks(rule, k, strict=True)), *self.world.exact()])
        return known[rule]

    def _values(self, step: ScriptStep) -> tuple[Keys, Z]:
        k = len(self.steps)
        keys = super()._values(step)[0] if self._open is _Open.TIMES else self.world.keys(step.event, f"@{k}")
        return keys, z3.Int(f"now@{k}")

    def _possible(self, parts: list[Z]) -> bool:
        self._kept.append({})
        self.taken.append(conj([*parts, *self.world.exact()]))
        return self.taken[-1] is not False


class Again:
    """Makes traces again in one setting; scripts that begin with the same events share the beginning of a run."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._runs: dict[object, _Loosened | None] = {}
        self.forbidding: frozenset[str] = frozenset()
        """Rules that forbid what was asked for last, where it could happen but for them."""

    def made(
        self, script: Script, goal: Callable[[Unrolling, int], Z], free: Collection[str], pretty: bool = False
    ) -> Script | None:
        """Return a script of the same events whose last step is as `goal` says, and that breaks none but the `free`
        rules; None if there is none, or it was not found at once.

        Mostly other times are enough, which takes a fraction of what keys take; for `pretty` values all is open.
        """
        ways = (_Open.ALL,) if pretty else (_Open.TIMES, _Open.KEYS)
        return next((t for left in ways if (t := self._made(script, goal, free, left, pretty)) is not None), None)

    def _made(
        self, script: Script, goal: Callable[[Unrolling, int], Z], free: Collection[str], left: _Open, pretty: bool
    ) -> Script | None:
        """Return a script as `made` does, with so much left open."""
        run = self._run(script, len(script.steps), left) if script.steps else None
        self.forbidding = frozenset()
        if run is None:
            return None
        w, last = run.world, len(run.steps) - 1
        must = [r for r in (*w.allows, *w.requires) if r not in free]
        wanted = [goal(run, last), run.shows(last), *w.exact()]
        model = run.model(wanted, must, min(_SECONDS, self._setting.timeout), pretty)
        if model is None:
            self.forbidding = run.forbidding
            return None
        steps = (step_in(model, w, w.actions[happened.act], happened) for happened in run.steps)
        return replace(script, steps=tuple(steps), initial=first_in(model, w, run.states[0]))

    def _run(self, script: Script, length: int, left: _Open) -> _Loosened | None:
        """Return the run of the first events of a script; None if they cannot happen so."""
        begins = script.unit, script.mirror, tuple(sorted(script.initial.items())), tuple(sorted(script.site.items()))
        is_timed = left is _Open.TIMES
        keys = tuple(tuple(sorted(s.keys.items())) for s in script.steps[:length]) if is_timed else None
        way = begins, _way(script.steps[:length]), left, keys
        if way not in self._runs:
            before = self._run(script, length - 1, left) if length else None
            self._runs[way] = None
            try:
                if not length:
                    self._runs[way] = _Loosened(self._world(script), replace(script, steps=()), left)
                elif before is not None:
                    self._runs[way] = before.further(script.steps[length - 1])
            except (Unfollowed, ValueError):  # also where a parameter is no multiple of the script's unit
                pass
        return self._runs[way]

    def _world(self, script: Script) -> World:
        own = self._setting
        own = replace(own, site={**own.site, **script.site}) if script.site else own
        return own.in_steps(script.unit)


def _way(steps: Iterable[ScriptStep]) -> tuple[tuple[str, int], ...]:
    """Return what happens in some steps, but for times and keys."""
    return tuple((s.event, s.interface) for s in steps)


def made_again(
    setting: Setting,
    script: Script,
    goal: Callable[[Unrolling, int], Z],
    free: Collection[str],
    pretty: bool = False,
) -> Script | None:
    """Return what `Again` makes of one script."""
    return Again(setting).made(script, goal, free, pretty)


def happening(way: Sequence[Happening], unit: int, entries: int, mirror: str = "") -> Script:
    """Return a script of what happens in a run, whatever its times and keys are."""
    alone = {i for _, i in way} == {1}
    steps = (ScriptStep(event, 0 if alone else i, 0, {}) for event, i in way)
    return Script(unit, tuple(steps), mirror=mirror, entries=entries)


def alike(scripts: Iterable[Script], events: Collection[str]) -> Iterator[Script]:
    """Yield a few scripts up to where one of some events happens first or last, the shortest first, of each way of
    getting there one."""
    found: dict[object, Script] = {}
    for script in scripts:
        ends = [n for n, step in enumerate(script.steps, 1) if step.event in events]
        for end in dict.fromkeys((*ends[:1], *ends[-1:])):
            upto = replace(script, steps=script.steps[:end])
            found.setdefault((_way(upto.steps), script.entries, script.unit), upto)
    yield from sorted(found.values(), key=lambda s: len(s.steps))[:_TRIES]


def beginnings(scripts: Iterable[Script]) -> Iterator[Script]:
    """Yield the commonest beginnings of some scripts, of two steps or three, which mostly set up what others need."""
    found: dict[object, list[Script]] = {}
    for script in scripts:
        for length in range(2, min(len(script.steps), 4)):
            upto = replace(script, steps=script.steps[:length])
            found.setdefault((_way(upto.steps), script.entries, script.unit), []).append(upto)
    for alike in sorted(found.values(), key=len, reverse=True)[:_TRIES_AFTER]:
        yield alike[0]


def after(others: Iterable[Script], script: Script) -> Iterator[Script]:
    """Yield a few scripts whose events are those of another one and then those of a script: what happens on one
    interface only, on that of the script's last event."""
    fitting = [o for o in others if (o.unit, o.entries, o.site) == (script.unit, script.entries, script.site)]
    for other in sorted(fitting, key=lambda o: len(o.steps))[:_TRIES_AFTER]:
        steps = other.steps
        if len({s.interface for s in steps}) == 1:
            steps = tuple(replace(s, interface=script.steps[-1].interface) for s in steps)
        yield replace(script, steps=(*steps, *script.steps))


def begun(longer: Script, script: Script) -> dict[object, Script]:
    """Return what one script has before the events of another, by its way there, if it ends with them."""
    extra = len(longer.steps) - len(script.steps)
    if extra < 1 or _way(longer.steps[extra:]) != _way(script.steps):
        return {}
    return {_way(longer.steps[:extra]): replace(longer, steps=longer.steps[:extra])}


def within(script: Script, events: Iterable[str]) -> Iterator[Script]:
    """Yield a script with an event more before its last step: its own once again, and each of some others."""
    *first, last = script.steps
    for event in dict.fromkeys((*(s.event for s in first), *events)):
        step = ScriptStep(event, 0, last.now, {})
        yield replace(script, steps=(*first, step, last))


def before(scripts: Iterable[Script], events: Collection[str]) -> Iterator[Script]:
    """Yield a few long scripts with one of some events after them, or in place of their last one."""
    found: dict[object, Script] = {}
    for script in sorted(scripts, key=lambda s: -len(s.steps)):
        for steps in (script.steps[:-1], script.steps):
            if len(steps) >= _LONG:
                found.setdefault((_way(steps), script.entries, script.unit), replace(script, steps=steps))
    for script in list(found.values())[:_TRIES_AFTER]:
        for event in events:
            step = replace(script.steps[-1], event=event, interface=0, keys={})
            yield replace(script, steps=(*script.steps, step))
