"""What evidence shows of a run: its rules judged as the checker judges them, to whom a time without a value is unknown.

To the prover such a time is any, so that it may say of a run that a rule is broken in it, and mean: for some value.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from mipcheck.model.prover.logic import UNKNOWN, conj
from mipcheck.model.prover.scripts import Followed, Script, ScriptStep, Unfollowed, without_value
from mipcheck.model.prover.spacer import Z
from mipcheck.model.prover.symbolic import DONE, SymbolicState, World


def surely_broken(world: World, script: Script, rules: Collection[str]) -> frozenset[str] | None:
    """Return which of some rules a script breaks whatever the times are that have no value yet; None if it cannot be
    followed. What it breaks with some values are the only ones that it may so break."""
    try:
        return frozenset(_Evident(world, script, rules).certain) if rules else frozenset()
    except Unfollowed:
        return None


def surely_kept(world: World, script: Script, rule: str) -> bool:
    """Decide whether a script asks for what a permission is about and gets it, or meets an obligation, whatever the
    times are that have no value yet; and whether before that, too, it is known that the rule was kept."""
    try:
        run = _Evident(world, script, (rule,))
    except Unfollowed:
        return False
    return rule in run.held - run.doubted


class _Evident(Followed):
    """A run in which a time without a value is unknown. Of the rules `asked` about, `certain` are those that it breaks
    all the same, `held` those that it keeps where they are put to the test, and `doubted` those that it may break
    somewhere."""

    def __init__(self, world: World, script: Script, asked: Iterable[str] = ()) -> None:
        self._asked = tuple(asked)
        self.certain: set[str] = set()
        self.held: set[str] = set()
        self.doubted: set[str] = set()
        super().__init__(world, script)

    def _first(self, script: Script) -> SymbolicState:
        return super()._first(script) | dict.fromkeys(without_value(self.world), UNKNOWN)

    def _follow(self, step: ScriptStep) -> None:
        """Take a step; what is overdue by then is so once, be that known or not.

        What was begun nobody knows when was so no sooner than the trace, to the checker.
        """
        w, s = self.world, self.states[-1]
        first = self.steps[0].now if self.steps else step.now
        for rule in w.requires:
            if rule not in self._asked:  # what is done of others is asked by nobody
                continue
            for i in w.owing(rule):
                owed, late = w.owed(rule, s, i), step.now > w.deadline(rule, s, i)
                if late is UNKNOWN and (step.now > w.deadline(rule, s, i, first)) is False:
                    late = False
                if owed is False or late is False:
                    continue
                (self.certain if owed is True and late is True else self.doubted).add(rule)
                if late is True:
                    s[DONE + rule, i] = True
        super()._follow(step)
        last = len(self.steps) - 1
        breaches = {r: self.breaks(r, last) for r in self._asked if r in w.allows}
        self.certain |= {r for r, broken in breaches.items() if broken is True}
        self.doubted |= {r for r, broken in breaches.items() if broken is UNKNOWN}
        exercised = {r for r in self._asked if self.exercises(r, last) is True}
        self.held |= {r for r in exercised if r in w.requires or self.breaks(r, last, strict=True) is False}

    def _possible(self, parts: list[Z]) -> bool:
        return conj(parts) is not False
