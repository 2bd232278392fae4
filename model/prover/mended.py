"""Traces made again: the events of a script in their order, with whatever times and keys a changed specification takes.

Who changes a rule changes mostly when things happen in the traces that show it, and not what happens. To ask for just
these events takes a fraction of a search for any.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from typing import Final

import z3
from mipcheck.model.prover.limits import limited
from mipcheck.model.prover.logic import conj, neg
from mipcheck.model.prover.scripts import Followed, Script, ScriptStep, Unfollowed, first_in, step_in
from mipcheck.model.prover.setting import Setting
from mipcheck.model.prover.spacer import Z
from mipcheck.model.prover.symbolic import Keys, Slot, World
from mipcheck.model.prover.unrolling import Unrolling
from mipcheck.model.values.types import TIME

_SECONDS: Final = 2.0
"""For each question: what takes longer is better sought."""
_TRIES: Final = 12
"""Other scripts whose events are tried, before all is sought."""
_TRIES_AFTER: Final = 4
"""And before those of a script."""


class _Loosened(Followed):
    """A run of the events of a script whose times and keys are open, as are the keys of entries that are followed;
    `taken` is what it takes that they happen."""

    def __init__(self, world: World, script: Script) -> None:
        self.taken: list[Z] = []
        super().__init__(world, script)

    def _at_first(self, slot: Slot, script: Script) -> Z:
        declared = self.world.spec.variables.get(slot[0])
        if declared is None or declared.initial is not None or declared.type == TIME:
            return super()._at_first(slot, script)
        return z3.Int(f"{slot[0]}.{slot[1]}@first")

    def _values(self, step: ScriptStep) -> tuple[Keys, Z]:
        k = len(self.steps)
        return self.world.keys(step.event, f"@{k}"), z3.Int(f"now@{k}")

    def _possible(self, parts: list[Z]) -> bool:
        self.taken.append(conj(parts))
        return self.taken[-1] is not False


def made_again(
    setting: Setting, script: Script, goal: Callable[[Unrolling, int], Z], free: Collection[str]
) -> Script | None:
    """Return a script of the same events whose last step is as `goal` says, and that breaks none but the `free` rules;
    None if there is none, or it was not found at once."""
    if script.mirror or not script.steps:
        return None
    setting = replace(setting, site={**setting.site, **script.site}) if script.site else setting
    try:
        run = _Loosened(setting.in_steps(script.unit), script)
    except (Unfollowed, ValueError):  # also where a parameter is no multiple of the script's unit
        return None
    w, last = run.world, len(run.steps) - 1
    must = [r for r in (*w.allows, *w.requires) if r not in free]
    kept = [neg(run.breaks(r, k, strict=True)) for r in must for k in range(last + 1)]
    formula = conj([*run.taken, goal(run, last), run.shows(last), *kept, *w.exact()])
    if formula is False:
        return None
    solver = limited(z3.SolverFor("QF_LIA"), min(_SECONDS, setting.timeout))
    solver.add(formula)
    if solver.check() != z3.sat:
        return None
    model = solver.model()
    steps = (step_in(model, w, w.actions[happened.act], happened) for happened in run.steps)
    return replace(script, steps=tuple(steps), initial=first_in(model, w, run.states[0]))


def alike(scripts: Iterable[Script], events: Collection[str]) -> Iterator[Script]:
    """Yield a few scripts up to where one of some events happens first or last, the shortest first, of each way of
    getting there one."""
    found: dict[tuple[object, ...], Script] = {}
    for script in scripts:
        ends = [n for n, step in enumerate(script.steps, 1) if step.event in events]
        for end in dict.fromkeys((*ends[:1], *ends[-1:])):
            way = tuple((s.event, s.interface) for s in script.steps[:end])
            found.setdefault((way, script.entries, script.unit), replace(script, steps=script.steps[:end]))
    yield from sorted(found.values(), key=lambda s: len(s.steps))[:_TRIES]


def after(others: Iterable[Script], script: Script) -> Iterator[Script]:
    """Yield a few scripts whose events are those of another one and then those of a script."""
    fitting = [o for o in others if (o.unit, o.entries, o.site) == (script.unit, script.entries, script.site)]
    for other in sorted(fitting, key=lambda o: len(o.steps))[:_TRIES_AFTER]:
        yield replace(script, steps=(*other.steps, *script.steps))
