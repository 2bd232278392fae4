"""What a script shows, followed in a setting: a trace, or nothing. No solver is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from mipcheck.model.prover.evident import surely_broken
from mipcheck.model.prover.scripts import Followed, Script, Unfollowed, without_value
from mipcheck.model.prover.setting import Setting
from mipcheck.model.prover.spacer import Z
from mipcheck.model.prover.unrolling import Unrolling
from mipcheck.model.prover.witness import Witness, told


def shown(
    setting: Setting, script: Script, goal: Callable[[Unrolling, int], Z], free: frozenset[str]
) -> Witness | None:
    """Return the trace that a script is, if its last step is as `goal` says and it breaks only rules in `free`."""
    used = setting.used
    setting = setting.on(script.site)
    try:
        world = setting.in_steps(script.unit)
        broken = Followed(world, script).shown(goal, free)
    except (Unfollowed, ValueError):  # also where a parameter is no multiple of the script's unit
        return None
    if broken is None:
        return None
    if without_value(world):
        broken = surely_broken(world, script, broken) or frozenset()
    trace = told(world, script, used, broken | setting.misconfigured)
    return replace(trace, site=script.site)
