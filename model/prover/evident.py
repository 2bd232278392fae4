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
    times are that have no value yet."""
    try:
        return rule in _Evident(world, script, (rule,)).held
    except Unfollowed:
        return False


class _Evident(Followed):
    """A run in which a time without a value is unknown. Of the rules `asked` about, `certain` are those that it breaks
    all the same, and `held` those that it keeps where they are put to the test."""

    def __init__(self, world: World, script: Script, asked: Iterable[str] = ()) -> None:
        self._asked = tuple(asked)
        self.certain: set[str] = set()
        self.held: set[str] = set()
        super().__init__(world, script)

    def _first(self, script: Script) -> SymbolicState:
        return super()._first(script) | dict.fromkeys(without_value(self.world), UNKNOWN)

    def _follow(self, step: ScriptStep) -> None:
        """Take a step; what is overdue by then is so once, be that known or not."""
        w, s = self.world, self.states[-1]
        for rule in w.requires:
            if rule not in self._asked:  # what is done of others is asked by nobody
                continue
            for i in w.owing(rule):
                owed = w.owed(rule, s, i)
                if (step.now > w.deadline(rule, s, i)) is True and owed is not False:
                    self.certain |= {rule} if owed is True else set()
                    s[DONE + rule, i] = True
        super()._follow(step)
        last = len(self.steps) - 1
        self.certain |= {r for r in self._asked if r in w.allows and self.breaks(r, last) is True}
        exercised = {r for r in self._asked if self.exercises(r, last) is True}
        self.held |= {r for r in exercised if r in w.requires or self.breaks(r, last, strict=True) is False}

    def _possible(self, parts: list[Z]) -> bool:
        return conj(parts) is not False
