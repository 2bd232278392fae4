"""For each rule, the shortest trace that exercises it and breaks none, and the one that breaks it and no other.

Some rules cannot be broken alone: a MUST that a stricter SHOULD surrounds, and what is demanded of a site that another
rule forbids. The trace then breaks those too, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import z3
from mipcheck.model.prover.claims import matching
from mipcheck.model.prover.evident import surely_kept
from mipcheck.model.prover.free import depending
from mipcheck.model.prover.mended import Again, after, alike, before, beginnings, begun, happening, within
from mipcheck.model.prover.scripts import Script, without_value
from mipcheck.model.prover.search import Search, time_unit
from mipcheck.model.prover.setting import Setting
from mipcheck.model.prover.shown import shown
from mipcheck.model.prover.spacer import Happening, Z
from mipcheck.model.prover.symbolic import WHOLE_NODE, World
from mipcheck.model.prover.unrolling import Unrolling
from mipcheck.model.prover.variants import same_addresses
from mipcheck.model.prover.witness import Witness
from mipcheck.model.specification.claimed import Property
from mipcheck.model.specification.spec import Configure, Require
from mipcheck.model.values.types import ADDRESS


def _goal(run: Unrolling, k: int, rule: str, broken: bool) -> Z:
    """Return that a rule is broken, or exercised, at step k."""
    return run.breaks(rule, k) if broken else run.exercises(rule, k)


def _arising(setting: Setting, p: Property) -> tuple[Callable[[Unrolling, int], Z], frozenset[str]]:
    """Return as the goal of a trace that a property speaks of its last event, and the rules that it may break."""
    return partial(matching, p=setting.of_property(p)), setting.without | setting.advice


_KINDS = ("site", "parameter")


def named(rule: str, broken: bool) -> str:
    """Return the name of the script that exercises a rule, or breaks it."""
    return f"{'broken' if broken else 'kept'}:{rule}"


class Examples:
    """Searches that share one unrolling. Each trace is found once, stored nowhere, and made anew when asked for.

    What has been `found` as a script may show more than it was sought for, as far as `soon` is concerned.
    """

    def __init__(self, setting: Setting, found: list[Script] | None = None) -> None:
        self.setting = setting
        self.unit = time_unit(setting.parameters, setting.spec)
        self.found: list[Script] = [] if found is None else found
        self._helped: dict[object, Script] = {}
        self._made: list[Search] = []
        self._again: dict[int, Again] = {}

    def telling(self, rule: str) -> Examples:
        """Return these searches, or those for a setting that gives the parameters without which a rule says nothing."""
        setting = self.setting.telling(rule)
        return self if setting is self.setting else Examples(setting, self.found)

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
                wrong = self.setting.on(found.site).misconfigured
                script = None if found.script is None else replace(found.script, entries=number)
                return replace(found, broken=found.broken | wrong, script=script)
        return None

    def shown(self, rule: str, broken: bool, script: Script) -> Witness | None:
        """Return the trace that a script is, if it exercises or breaks the rule as `find` says; else None."""
        own = self._followed(rule, script)
        if own is None:
            return None
        free = own.without | own.advice | {rule} if broken else own.without
        found = shown(own, script, lambda run, k: _goal(run, k, rule, broken), free)
        return found if found is not None and (not broken or rule in found.broken) else None

    def soon(self, rule: str, broken: bool, known: Mapping[str, Script]) -> Witness | None:
        """Return a trace as `find` does, though not always the shortest: by the events of a script that is `known` or
        of others, and only then by a search."""
        return self.told(rule, broken, known) or self.sought(rule, broken)

    def told(self, rule: str, broken: bool, known: Mapping[str, Script]) -> Witness | None:
        """Return such a trace by the events of a script that is `known` or of others; None if that was not found."""
        own = known.get(named(rule, broken))
        besides = (own, *within(own, self._owed)) if broken and own is not None else ()
        # What has broken a SHOULD besides mostly has to.
        trace = self.mended(rule, broken, besides[:1]) or self.mended(rule, broken, besides[:1], self.setting.advice)
        trace = trace or self.mended(rule, broken, self._like(rule, broken, known))
        if own is not None and trace is not None and trace.script is not None:
            self._helped |= begun(trace.script, own)
        return self._found(trace or self.mended(rule, broken, besides, self.setting.advice))

    def by(self, rule: str, broken: bool, way: Sequence[Happening]) -> Witness | None:
        """Return such a trace of what happens in a run that Spacer has found; None if there is none."""
        scripts = [happening(way, self.unit, n) for n, _ in enumerate(self.setting.trackings, 1) if way]
        trace = self.mended(rule, broken, scripts)
        return self._found(trace or (self.mended(rule, broken, scripts, self.setting.advice) if broken else None))

    def sought(self, rule: str, broken: bool) -> Witness | None:
        """Return such a trace by a search."""
        return self._found(self.find(rule, broken, pretty=False))

    def _found(self, trace: Witness | None) -> Witness | None:
        self.found += [] if trace is None or trace.script is None else [trace.script]
        return trace

    def _like(self, rule: str, broken: bool, known: Mapping[str, Script]) -> Iterator[Script]:
        """Yield scripts whose events may show of a rule what is asked: that of its name, also after what has helped
        another, since a change that asks for more asks it of many; others with such events; it after what was `found`,
        or with an event more before its last one, which may be owed by then; and long ones with one event more, of what
        is owed."""
        name, body = named(rule, broken), self.setting.rules[rule].body
        if isinstance(body, Configure):
            return
        if name in known:
            yield known[name]
            yield from after(self._helped.values(), known[name])
            yield from after(beginnings(known.values()), known[name])
        events = dict.fromkeys(p.event for p in body.patterns)
        yield from alike([*self.found, *known.values()], events)
        if name in known:
            yield from after(self.found, known[name])
            yield from within(known[name], self._owed)
        yield from before(self.found, events) if isinstance(body, Require) and not broken else ()

    @property
    def _owed(self) -> Iterable[str]:
        """The events that meet what a node has to do."""
        bodies = [r.body for r in self.setting.musts if isinstance(r.body, Require)]
        return dict.fromkeys(p.event for body in bodies for p in body.patterns)

    def mended(
        self, rule: str, broken: bool, scripts: Iterable[Script], besides: frozenset[str] = frozenset()
    ) -> Witness | None:
        """Return a trace as `find` does, though not the shortest, that has the events of one of some scripts, and may
        break rules `besides`; None if there is none."""
        for script in scripts:
            own = self._followed(rule, script)
            if own is None:
                continue
            free = own.without | besides | ({rule} if broken else set())
            again = self._made_again(own, script, lambda run, k: _goal(run, k, rule, broken), free)
            found = None if again is None else self.shown(rule, broken, again)
            if again is not None and found is not None:
                world = own.in_steps(again.unit)
                if broken or not without_value(world) or surely_kept(world, again, rule):
                    return found
        return None

    def _made_again(
        self, own: Setting, script: Script, goal: Callable[[Unrolling, int], Z], free: frozenset[str]
    ) -> Script | None:
        """Return a script of the same events in the setting that follows as many entries, if there is one."""
        return self._again.setdefault(script.entries, Again(own)).made(script, goal, free)

    def arises(self, p: Property, script: Script) -> Witness | None:
        """Return the trace that a script is, if it keeps every MUST, and ends with an event of which a property speaks;
        else None."""
        own = self._of(script)
        return None if own is None else shown(own, script, *_arising(own, p))

    def arising(self, p: Property, known: Script | None = None) -> Witness | None:
        """Return such a trace: the one that is `known`, or that has its events or those of one that was found, or else
        the shortest; None if none was found."""
        if known is not None and (trace := self.arises(p, known)) is not None:
            return trace
        events = {q.event for q in p.patterns}
        for script in (*(() if known is None else (known,)), *alike(self.found, events)):
            own = self._of(script)
            again = None if own is None else self._made_again(own, script, *_arising(own, p))
            if again is not None and (trace := self.arises(p, again)) is not None:
                return trace
        for number, (own, search) in enumerate(zip(self.setting.trackings, self._searches(), strict=True), 1):
            trace = search.shortest(*_arising(own, p), pretty=False)
            if trace is not None and trace.script is not None:
                self.found.append(replace(trace.script, entries=number))
                return replace(trace, broken=trace.broken | own.misconfigured, script=self.found[-1])
        return None

    def _of(self, script: Script) -> Setting | None:
        """Return the setting in which a script is followed; None if it cannot be."""
        own = next((s for n, s in enumerate(self.setting.trackings, 1) if n == script.entries), None)
        return None if script.mirror else own

    def _followed(self, rule: str, script: Script) -> Setting | None:
        """Return the setting in which a script is to show something of a rule; None if it cannot be one that does."""
        own = self._of(script)
        if own is None or rule not in own.rules or isinstance(own.rules[rule].body, Configure):
            return None
        return own

    def _searches(self) -> Iterator[Search]:
        """Yield what to search, one after the other; each is made once."""
        for n, setting in enumerate(self.setting.trackings):
            if n == len(self._made):
                world = setting.world(setting.rules.values(), self.unit)
                self._made.append(Search(world, timeout=self.setting.timeout, quick=True))
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
                script = None if found.script is None else replace(found.script, site=same)
                return replace(found, site=same, script=script)
        return None

    def _configured(self, rule: str, broken: bool) -> Witness | None:
        """Return the site and parameters as they are, or with one value changed so that only this rule is broken, or
        none; where no single one does it, with all that it reads, or that any does."""
        if not broken and rule not in self.setting.misconfigured:
            return Witness((), (), self.setting.misconfigured, 0)
        body = self.setting.rules[rule].body
        assert isinstance(body, Configure)
        demands = [r.id for r in self.setting.rules.values() if isinstance(r.body, Configure)]
        names = sorted(self._influences(rule))
        every = sorted({name for demand in demands for name in self._influences(demand)})
        for changed in (*([name] for name in names), names, every):
            if (found := self._solve(rule, broken, changed)) is not None:
                site, parameters = ({n: found[kind, n] for kind, n in changed if kind == of} for of in _KINDS)
                return Witness((), (), frozenset({rule} if broken else ()), 0, site, parameters)
        return None

    def _influences(self, rule: str) -> set[tuple[str, str]]:
        """Return the site addresses and parameters that a demand reads, as ("site" or "parameter", name)."""
        terms = list((self.setting.unfolded or self.setting.spec).rules[rule].terms())
        addresses, parameters = ({n for t in terms for n in t.names(kind)} for kind in ("site", "param"))
        return {("site", n) for n in addresses} | {("parameter", n) for n in parameters & set(self.setting.parameters)}

    def _solve(self, rule: str, broken: bool, changed: list[tuple[str, str]]) -> dict[tuple[str, str], int] | None:
        """Return the smallest values of what is changed, none below 0, that break the rule, or keep it, and keep the
        other rules on configuration."""
        told = [n for kind, n in changed if kind == "parameter"]
        own = self.setting.saying(told) if self._asks_for(told) else self.setting
        kinds = {(kind, n): ADDRESS if kind == "site" else own.spec.parameters[n].type for kind, n in changed}
        values = {key: z3.Int(key[1]) for key in changed}  # what is minimised is a number
        numbers = {key: z == 1 if kinds[key].name == "bool" else z for key, z in values.items()}
        site, parameters = ({n: numbers[kind, n] for kind, n in changed if kind == of} for of in _KINDS)
        world = self._world(own, site, parameters)
        solver = z3.Optimize()
        solver.set("timeout", int(own.timeout * 1000))
        for key, value in values.items():
            solver.add(value >= 0)
            if kinds[key].is_enum or kinds[key].name == "bool":
                solver.add(value < (len(kinds[key].members) or 2))
            solver.minimize(value)
        for other in own.rules.values():
            if isinstance(other.body, Configure):
                holds = world.term(other.body.condition, {}, WHOLE_NODE, {}, None)
                solver.add(z3.Not(holds) if broken and other.id == rule else holds, *world.exact())
        if solver.check() != z3.sat:
            return None
        found = {key: int(solver.model().eval(value, model_completion=True).as_long()) for key, value in values.items()}
        return {key: n * self.unit if kinds[key].name == "time" else n for key, n in found.items()}

    def _asks_for(self, names: Collection[str]) -> bool:
        """Decide whether anything asks if one of some parameters is given."""
        terms = (self.setting.unfolded or self.setting.spec).all_terms()
        return any(not t.names("given").isdisjoint(names) for t in terms)

    def _world(self, own: Setting, site: Mapping[str, Z], changed: Mapping[str, Z]) -> World:
        """Return the world of other addresses or parameters; what a default says of those follows them."""
        parameters = {**own.parameters, **changed}
        world = World(own.spec, parameters, {**own.site, **site}, (), self.unit, capabilities=own.capabilities)
        for name in depending(own.spec.parameters, changed):
            if name not in own.given:
                parameters[name] = world.term(own.spec.parameters[name].default, {}, WHOLE_NODE, {}, None)
        return world
