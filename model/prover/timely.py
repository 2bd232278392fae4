"""Whether time goes on: that no event makes an obligation overdue at once.

An invariant that says so of all obligations and of two interfaces is dear to find, and cheap to check. So it is sought
of one obligation after the other, of one interface among any number, and put together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import z3
from mipcheck.model.prover.form import ANY, Form
from mipcheck.model.prover.logic import conj, conjuncts, neg
from mipcheck.model.prover.runs import Run, anchor_of, changing, cone, roots_of_rules
from mipcheck.model.prover.setting import Setting
from mipcheck.model.prover.spacer import Happening, System, Z, lasting, spacer, suffices, with_likely
from mipcheck.model.prover.symbolic import WHOLE_NODE
from mipcheck.model.specification.spec import Require, Rule
from mipcheck.model.specification.term import Term
from mipcheck.model.values.types import INTERFACE

_T = TypeVar("_T")


def owed_by(setting: Setting) -> list[Rule]:
    """Return the obligations that a node has to meet."""
    return [r for r in setting.musts if isinstance(r.body, Require)]


def permitting(setting: Setting, owed: list[Rule]) -> list[Rule]:
    """Return the permissions on events that change what obligations look at."""
    names = {n for t in roots_of_rules(owed) for n in t.names("var")}
    return setting.permissions(changing(setting.spec, names))


def time_goes_on(setting: Setting, permissions: list[Rule]) -> System:
    """Return the system in which it is bad if, after an event, some obligation is overdue at once.

    The event is permitted by `permissions`.
    """
    return _system(setting, owed_by(setting), permissions)


def _system(setting: Setting, owed: list[Rule], permissions: list[Rule], passing: bool = False) -> System:
    rules = [*owed, *permissions]
    run = Run(setting, rules, cone(setting.spec, [*_roots(setting, owed), *roots_of_rules(permissions)], False), True)
    w, s = run.world, run.state
    # Of an interface that stands for any other nothing is followed.
    owing = [(r, i) for r in w.requires for i in w.owing(r) if w.other is None or i != 1]
    return run.system([conj([w.owed(r, s, i), run.now > w.deadline(r, s, i)]) for r, i in owing], passing)


def _roots(setting: Setting, owed: Iterable[Rule]) -> list[Term]:
    return [t for r in owed for t in (*r.terms(), anchor_of(setting.spec, r))]


_Shows = Callable[[Sequence[Happening]], _T | None]
"""Returns what a run of some events shows, if there is one."""


def in_parts(
    setting: Setting, likely: Sequence[Z] = (), shows: _Shows[_T] = lambda _: None
) -> tuple[Z, bool] | _T | None:
    """Return what may be an invariant of `time_goes_on`, put together from one for each obligation, and whether that
    takes permissions; or what a run `shows` by which there is none for some, None if it shows nothing.

    Much of what is `likely` may well hold in every state.
    """
    alone = replace(setting, form=Form(ANY))
    found: list[Z] = []
    takes = False
    for rule in owed_by(setting):
        part = _part(alone, rule, permitting(setting, [rule]), likely, shows)
        if not isinstance(part, _Part):
            return part
        found += conjuncts(part.invariant)
        takes |= part.takes
    return _of_each(setting, conj(list({z.get_id(): z for z in found}.values()))), takes


@dataclass(frozen=True, slots=True)
class _Part:
    """An invariant by which no event makes an obligation overdue at once, and whether it `takes` permissions."""

    invariant: Z
    takes: bool


def _part(
    setting: Setting, rule: Rule, permissions: list[Rule], likely: Sequence[Z], shows: _Shows[_T]
) -> _Part | _T | None:
    """Return such an invariant of one obligation, or what a run shows by which there is none.

    To see whether what is likely is one takes a tenth of the time that it takes to find another: so is that nothing is
    overdue, which time that passes leaves so.
    """
    asked = []
    for takes, rules in enumerate(([], permissions)):
        # Of what happens elsewhere, or concerns other obligations, no more is told than that time passes.
        system = _system(setting, [rule], rules, True)
        system = with_likely(system, [*likely, *map(neg, system.bad)])
        kept = lasting(system, setting.timeout)
        if suffices(system, kept, setting.timeout):
            return _Part(conj(kept), bool(takes))
        asked.append((system, kept))
    for takes, (system, kept) in enumerate(asked):
        verdict = spacer(system, setting.timeout, kept)
        if verdict.answer == "proved":
            return _Part(verdict.invariant, bool(takes))
        if (shown := shows(verdict.way)) is not None:
            return shown
    return None


def _of_each(setting: Setting, invariant: Z) -> Z:
    """Return of each interface what an invariant says of the first: it says of a state that it holds, and of the same
    one with the two interfaces exchanged."""
    if len(setting.interfaces) < 2:
        return invariant
    slots = setting.world(owed_by(setting)).fresh("")
    variables = setting.spec.variables
    exchanged = []
    for (name, i), z in slots.items():
        other = z if i == WHOLE_NODE else slots[name, 1 - i]
        if name in variables and variables[name].type == INTERFACE:
            other = z3.If(other == 0, z3.IntVal(1), z3.If(other == 1, z3.IntVal(0), other))
        exchanged.append((z, other))
    return conj([invariant, z3.simplify(z3.substitute(invariant, *exchanged))])
