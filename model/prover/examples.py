"""For each rule, the shortest trace that exercises it and breaks none, and the one that breaks it and no other.

Some rules cannot be broken alone: a MUST that a stricter SHOULD surrounds, and what is demanded of a site that another
rule forbids. The trace then breaks those too, and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import z3
from mipcheck.model.prover.evident import surely_kept
from mipcheck.model.prover.mended import made_again
from mipcheck.model.prover.scripts import Script, without_value
from mipcheck.model.prover.search import Search, time_unit
from mipcheck.model.prover.setting import Setting
from mipcheck.model.prover.shown import shown
from mipcheck.model.prover.spacer import Z
from mipcheck.model.prover.symbolic import WHOLE_NODE, World
from mipcheck.model.prover.unrolling import Unrolling
from mipcheck.model.prover.variants import same_addresses
from mipcheck.model.prover.witness import Witness
from mipcheck.model.specification.spec import Configure
from mipcheck.model.specification.term import Term


def _goal(run: Unrolling, k: int, rule: str, broken: bool) -> Z:
    """Return that a rule is broken, or exercised, at step k."""
    return run.breaks(rule, k) if broken else run.exercises(rule, k)


class Examples:
    """Searches that share one unrolling. Each trace is found once, stored nowhere, and made anew when asked for."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.unit = time_unit(setting.parameters, setting.spec)
        self._made: list[Search] = []

    def telling(self, rule: str) -> Examples:
        """Return these searches, or those for a setting that gives the parameters without which a rule says nothing."""
        setting = self.setting.telling(rule)
        return self if setting is self.setting else Examples(setting)

    def find(self, rule: str, broken: bool, pretty: bool = True) -> Witness | None:
        """Find a trace that exercises or breaks the rule; None if there is none as short as was searched for."""
        if isinstance(self.setting.rules[rule].body, Configure):
            return self._configured(rule, broken)
        for number, search in enumerate(self._searches(), 1):
            if broken:
                found = self._broken(search, rule, pretty)
            else:
                found = search.certain(rule, False, lambda run, k: run.exercises(rule, k), self.setting.without, pretty)
            if found is not None:
                return found if found.script is None else replace(found, script=replace(found.script, entries=number))
        return None

    def shown(self, rule: str, broken: bool, script: Script) -> Witness | None:
        """Return the trace that a script is, if it exercises or breaks the rule as `find` says; else None."""
        own = self._followed(rule, script)
        if own is None:
            return None
        free = own.without | own.advice | {rule} if broken else own.without
        found = shown(own, script, lambda run, k: _goal(run, k, rule, broken), free)
        return found if found is not None and (not broken or rule in found.broken) else None

    def mended(self, rule: str, broken: bool, scripts: Iterable[Script]) -> Witness | None:
        """Return a trace as `find` does, though not the shortest, that has the events of one of some scripts; None if
        there is none."""
        for script in scripts:
            own = self._followed(rule, script)
            if own is None:
                continue
            for free in (own.without | {rule}, own.without | own.advice | {rule}) if broken else (own.without,):
                again = made_again(own, script, lambda run, k: _goal(run, k, rule, broken), free)
                found = None if again is None else self.shown(rule, broken, again)
                if again is not None and found is not None:
                    world = own.in_steps(again.unit)
                    if broken or not without_value(world) or surely_kept(world, again, rule):
                        return found
        return None

    def _followed(self, rule: str, script: Script) -> Setting | None:
        """Return the setting in which a script is to show something of a rule; None if it cannot be one that does."""
        own = next((s for n, s in enumerate(self.setting.trackings, 1) if n == script.entries), None)
        if own is None or script.mirror or rule not in own.rules or isinstance(own.rules[rule].body, Configure):
            return None
        return own

    def _searches(self) -> Iterator[Search]:
        """Yield what to search, one after the other; each is made once."""
        for n, setting in enumerate(self.setting.trackings):
            if n == len(self._made):
                world = setting.world(setting.rules.values(), self.unit)
                self._made.append(Search(world, timeout=self.setting.timeout))
            yield self._made[n]

    def _broken(self, search: Search, rule: str, pretty: bool) -> Witness | None:
        """Find a trace that breaks the rule alone, else one that breaks SHOULDs besides, else one on an odd site."""
        advice = self.setting.advice - {rule}
        for free in (frozenset({rule}), *([advice | {rule}] if advice else [])):
            found = search.certain(rule, True, lambda run, k: run.breaks(rule, k), self.setting.without | free, pretty)
            if found is not None:
                return found
        return self._elsewhere(rule, pretty)

    def _elsewhere(self, rule: str, pretty: bool) -> Witness | None:
        """Find a trace that breaks the rule on a site where two addresses that it compares are one."""
        for same in same_addresses([self.setting.rules[rule]]):
            site = {**self.setting.site, **same}
            own = self.setting.tracked()
            world = World(own.spec, own.parameters, site, own.rules.values(), self.unit,
                          capabilities=own.capabilities)  # fmt: skip
            search = Search(world, timeout=self.setting.timeout)
            found = search.certain(
                rule, True, lambda run, k: run.breaks(rule, k), self.setting.without | {rule}, pretty
            )
            if found is not None:
                wrong = replace(self.setting, site=site).misconfigured - self.setting.misconfigured
                script = None if found.script is None else replace(found.script, site=same)
                return replace(found, broken=found.broken | wrong, site=same, script=script)
        return None

    def _configured(self, rule: str, broken: bool) -> Witness | None:
        """Return the site and parameters as they are, or with one value changed so that only this rule is broken."""
        if not broken:
            return Witness((), (), frozenset(), 0)
        body = self.setting.rules[rule].body
        assert isinstance(body, Configure)
        for kind, name in sorted(self._influences(body.condition)):
            value = z3.Int(name)
            if kind == "site":
                world = self._world({**self.setting.site, name: value}, self.setting.parameters)
            else:
                world = self._world(self.setting.site, {**self.setting.parameters, name: value})
            if (found := self._solve(world, rule, value, self._is_time(kind, name))) is not None:
                site, parameters = ({name: found}, {}) if kind == "site" else ({}, {name: found})
                return Witness((), (), frozenset({rule}), 0, site, parameters)
        return None

    def _influences(self, condition: Term) -> set[tuple[str, str]]:
        """Return the site addresses and parameters that a condition reads, as ("site" or "parameter", name)."""
        return {("site", n) for n in condition.names("site")} | {("parameter", n) for n in condition.names("param")}

    def _is_time(self, kind: str, name: str) -> bool:
        return kind == "parameter" and self.setting.spec.parameters[name].type.name == "time"

    def _world(self, site: Mapping[str, Any], parameters: Mapping[str, Any]) -> World:
        return World(self.setting.spec, parameters, site, (), self.unit, capabilities=self.setting.capabilities)

    def _solve(self, world: World, rule: str, value: Z, is_time: bool) -> int | None:
        """Return the smallest value not below 0 that breaks the rule and keeps the other rules on configuration."""
        solver = z3.Optimize()
        solver.set("timeout", int(self.setting.timeout * 1000))
        solver.add(value >= 0)
        for other in self.setting.rules.values():
            if isinstance(other.body, Configure):
                holds = world.term(other.body.condition, {}, WHOLE_NODE, {}, None)
                solver.add(z3.Not(holds) if other.id == rule else holds, *world.exact())
        solver.minimize(value)
        if solver.check() != z3.sat:
            return None
        found = int(solver.model().eval(value, model_completion=True).as_long())
        return found * self.unit if is_time else found
