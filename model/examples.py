"""For each rule, the shortest trace that exercises it and breaks none, and the one that breaks it and no other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import z3
from mipcheck.model.search import Search, Trace, time_unit
from mipcheck.model.setting import Setting
from mipcheck.model.spec import Configure
from mipcheck.model.symbolic import NODE, World
from mipcheck.model.term import Term

Z = Any


class Examples:
    """Searches that share one unrolling. Each trace is found once, stored nowhere, and made anew when asked for."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.unit = time_unit(setting.parameters, setting.spec)
        self._search: Search | None = None

    def find(self, rule: str, broken: bool, pretty: bool = True) -> Trace | None:
        """None if there is none as short as was searched for."""
        if isinstance(self.setting.rules[rule].body, Configure):
            return self._configured(rule, broken)
        if self._search is None:
            world = self.setting.world(self.setting.rules.values(), self.unit)
            self._search = Search(world, timeout=self.setting.timeout)
        if broken:
            return self._search.shortest(lambda run, k: run.breaks(rule, k), self.setting.without | {rule}, pretty)
        return self._search.shortest(lambda run, k: run.exercises(rule, k), self.setting.without, pretty)

    def _configured(self, rule: str, broken: bool) -> Trace | None:
        """A site and parameters as they are, or with one value changed so that this rule is broken and no other."""
        if not broken:
            return Trace((), (), frozenset(), 0)
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
                return Trace((), (), frozenset({rule}), 0, site, parameters)
        return None

    def _influences(self, condition: Term) -> set[tuple[str, str]]:
        return {("site", n) for n in condition.names("site")} | {("parameter", n) for n in condition.names("param")}

    def _is_time(self, kind: str, name: str) -> bool:
        return kind == "parameter" and self.setting.spec.parameters[name].type.name == "time"

    def _world(self, site: Mapping[str, Any], parameters: Mapping[str, Any]) -> World:
        return World(self.setting.spec, parameters, site, (), self.unit, capabilities=self.setting.capabilities)

    def _solve(self, world: World, rule: str, value: Z, is_time: bool) -> int | None:
        """The smallest value not below 0 that breaks the rule and keeps the other rules on configuration."""
        solver = z3.Optimize()
        solver.set("timeout", int(self.setting.timeout * 1000))
        solver.add(value >= 0)
        for other in self.setting.rules.values():
            if isinstance(other.body, Configure):
                holds = world.term(other.body.condition, {}, NODE, {}, None)
                solver.add(z3.Not(holds) if other.id == rule else holds)
        solver.minimize(value)
        if solver.check() != z3.sat:
            return None
        found = int(solver.model().eval(value, model_completion=True).as_long())
        return found * self.unit if is_time else found
