"""Bounded search for the shortest trace that does something: breaks a rule or a property, exercises a rule.

Traces are those of a node that has just started, with every rule kept but those under test. Time is integer, so
that what is found can be written down exactly; a trace in integer time is one in dense time as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import z3
from mipcheck.model.prover.spacer import Z
from mipcheck.model.prover.symbolic import Action, Keys, SymbolicState, World
from mipcheck.model.specification.spec import Key, Spec
from mipcheck.model.values.event import Event
from mipcheck.model.values.types import Value

INTERFACES = ("eth0", "wlan0", "wwan0", "usb0")
_MS = 10**6
_ELSEWHERE = 0xCB007114  # 203.0.113.20: an address that means nothing to any site


@dataclass(frozen=True, slots=True)
class Witness:
    """A trace that shows what was searched for, be it an example or a counterexample.

    `silent` are the events that no log shows, each with the number of shown events before it and a text. `broken` are
    the rules that, by the symbolic semantics, this trace breaks. `site` and `parameters` are what differs from the
    setting that was searched in.
    """

    events: tuple[Event, ...]
    silent: tuple[tuple[int, str], ...]
    broken: frozenset[str]
    steps: int
    site: Mapping[str, int] = field(default_factory=dict)
    parameters: Mapping[str, int] = field(default_factory=dict)


def time_unit(parameters: Mapping[str, int], spec: Spec) -> int:
    """Return the step of integer time in ns: a millisecond where all parameters allow it, else a nanosecond."""
    times = [v for n, v in parameters.items() if spec.parameters[n].type.name == "time"]
    return _MS if all(t % _MS == 0 for t in times) else 1


@dataclass(frozen=True, slots=True)
class _Early:
    """The wish that a step comes as soon after another as it can."""

    now: Z
    after: Z


@dataclass
class _Step:
    """One step of an unrolling: the number of its action, the keys of each kind of event, its time."""

    act: Z
    keys: dict[str, Keys]
    now: Z


class Unrolling:
    """A run of a `World`, step by step, in one incremental solver.

    For each step and rule there is a literal that says that the rule is kept there; a search assumes those that it
    wants. `mirror` adds a second run that starts alike and takes the same steps on interface 0. On the others it
    takes none ("fewer"), or takes them alone ("more"); the run that is read is always the first.

    Unrollings that share a `solver` take the same steps, if their worlds have the same events; a `tag` of its own keeps
    the state of each apart.
    """

    def __init__(self, world: World, mirror: str = "", solver: Any = None, tag: str = "") -> None:
        self.world, self.mirror, self.tag = world, mirror, tag
        self.solver = z3.SolverFor("QF_LIA") if solver is None else solver
        self.states: list[SymbolicState] = [world.fresh(f"{tag}@0")]
        self.mirrors: list[SymbolicState] = [world.fresh("@0'")] if mirror else []
        self.steps: list[_Step] = []
        self.kept: list[dict[str, Z]] = []
        """For each step and rule, a literal that is true just if no evidence can show that the rule is broken."""
        self.kept_surely: list[dict[str, Z]] = []
        """The same of nodes that keep to the condition where that is unclear, too: proofs are about those."""
        self.mirror_kept: list[dict[str, Z]] = []
        self.solver.add(world.initial(self.states[0]))
        for m in self.mirrors:
            self.solver.add([m[slot] == z for slot, z in self.states[0].items()])

    def acts(self, mirror: bool) -> list[tuple[int, Action]]:
        """Return the numbered actions that a run takes part in."""
        idle = "fewer" if mirror else "more"
        return [(n, a) for n, a in enumerate(self.world.actions) if a.interface == 0 or self.mirror != idle]

    def extend(self) -> None:
        """Add one more step."""
        w, k = self.world, len(self.steps)
        keys = {e: w.keys(e, f"@{k}") for e in w.spec.events}
        step = _Step(z3.Int(f"act@{k}"), keys, z3.Int(f"now@{k}"))
        before = self.steps[-1].now if self.steps else z3.IntVal(0)
        self.solver.add(step.now >= before, step.act >= 0, step.act < len(w.actions))
        if k == 0 and not self.mirror:  # interfaces are alike: the first one to do anything is the first
            self.solver.add(z3.Or([step.act == n for n, a in enumerate(w.actions) if a.interface == 0]))
        for n, a in enumerate(w.actions):
            self.solver.add(z3.Implies(step.act == n, w.well_formed(a.event, keys[a.event])))
            self.solver.add(z3.Implies(step.act == n, _written(w.spec.events[a.event].keys, keys[a.event])))
        self.steps.append(step)
        self.states.append(self._after(self.states[-1], step, f"{self.tag}@{k + 1}", self.acts(False)))
        rules = [*w.allows, *w.requires]
        self.kept.append({r: self._literal(f"kept:{r}{self.tag}@{k}", self.breaks(r, k)) for r in rules})
        doubtful = [r for r, body in w.allows.items() if body.unclear is not None]
        surely = {r: self._literal(f"surely:{r}{self.tag}@{k}", self.breaks(r, k, strict=True)) for r in doubtful}
        self.kept_surely.append(self.kept[-1] | surely)
        if self.mirrors:
            self.mirrors.append(self._after(self.mirrors[-1], step, f"@{k + 1}'", self.acts(True)))
            self.mirror_kept.append({r: self._literal(f"kept:{r}@{k}'", self.breaks(r, k, True)) for r in rules})

    def _after(self, s: SymbolicState, step: _Step, tag: str, actions: list[tuple[int, Action]]) -> SymbolicState:
        """Return the state after a step, which the solver is told about."""
        after = self.world.fresh(tag)
        values = dict(s)
        for n, a in actions:
            keys = step.keys[a.event]
            self.solver.add(z3.Implies(step.act == n, self.world.assumed(s, a, keys, step.now)))
            for slot, value in self.world.next(s, a, keys, step.now).items():
                values[slot] = z3.If(step.act == n, value, values[slot])
        self.solver.add([after[slot] == values[slot] for slot in after])
        return after

    def _literal(self, name: str, broken: Z) -> Z:
        """Return a literal that is true just if it is not broken."""
        literal = z3.Bool(name)
        self.solver.add(literal == z3.Not(broken))
        return literal

    def breaks(self, rule: str, k: int, mirror: bool = False, strict: bool = False) -> Z:
        """Return that the rule is broken at step k, in the mirror run if so asked; `strict`: be that clear or not."""
        w, step = self.world, self.steps[k]
        s = self.mirrors[k] if mirror else self.states[k]
        if rule in w.requires:
            return w.overdue(rule, s, step.now)
        broken = partial(w.not_given, w.allows[rule]) if strict else partial(w.breaks, rule)
        return z3.Or(
            [
                z3.And(step.act == n, broken(s, a, step.keys[a.event], step.now))
                for n, a in self.acts(mirror)
                if w.concerns(rule, a)
            ]
        )

    def broken(self, model: Any, length: int) -> frozenset[str]:
        """Return the rules that the first steps of a model break."""
        return frozenset(r for kept in self.kept[:length] for r, literal in kept.items()
                         if z3.is_false(model.eval(literal)))  # fmt: skip

    def shows(self, k: int) -> Z:
        """Return that a log shows step k: a trace ends with its last line, and with it the time that passes."""
        events = self.world.spec.events
        return z3.Or([self.steps[k].act == n for n, a in self.acts(False) if events[a.event].seen])

    def happens(self, k: int, condition: Callable[[SymbolicState, Action, Keys, Z], Z | None]) -> Z:
        """Return that, at step k, some action happens of which `condition` holds (None: not such an action)."""
        step = self.steps[k]
        parts = []
        for n, a in enumerate(self.world.actions):
            c = condition(self.states[k], a, step.keys[a.event], step.now)
            if c is not None:
                parts.append(z3.And(step.act == n, c))
        return z3.Or(parts)

    def exercises(self, rule: str, k: int) -> Z:
        """Return that the permission is asked for, or the obligation met, at step k."""
        w = self.world

        def condition(s: SymbolicState, a: Action, keys: Keys, now: Z) -> Z | None:
            body = w.allows.get(rule) or w.requires[rule]
            if not any(p.event == a.event for p in body.patterns):
                return None
            matches = w.matches(body.patterns, s, a, keys, now)
            return z3.And(matches, w.owed(rule, s, a.interface)) if rule in w.requires else matches

        return self.happens(k, condition)


DEPTH: Final = 10
"""Steps of the longest trace that is searched for."""

_EFFORT: Final = 8_000_000
"""Z3's own measure of work (`rlimit`) for one wish: two or three seconds of a processor. A limit in seconds would let a
busy machine give up wishes that an idle one fulfils, and tell another trace."""
_ENDLESS: Final = 2**32 - 1
"""Milliseconds that Z3 takes for no limit."""


class Search:
    """Searches over one unrolling that grows as needed. `timeout` is in seconds, for each search."""

    def __init__(self, world: World, depth: int = DEPTH, timeout: float = 60.0, mirror: str = "") -> None:
        self.world, self.depth, self.timeout = world, depth, timeout
        self.run = Unrolling(world, mirror)
        self.used = keys_used(world.spec)

    def shortest(
        self, goal: Callable[[Unrolling, int], Z], free: Iterable[str] = (), pretty: bool = True
    ) -> Witness | None:
        """Find the shortest trace whose last step is as `goal` says, with every rule kept but those that are `free`.

        None if there is none up to the depth, or the time is up: that proves nothing. A `pretty` trace has ordinary
        values where any would do; that takes most of the time.
        """
        deadline = time.monotonic() + self.timeout
        must = [r for r in (*self.world.allows, *self.world.requires) if r not in set(free)]
        for k in range(self.depth):
            while len(self.run.steps) <= k:
                self.run.extend()
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self.run.solver.set("timeout", max(1, int(left * 1000)))
            wanted = z3.Bool(f"goal@{k}#{next(_COUNT)}")
            self.run.solver.add(z3.Implies(wanted, z3.And(goal(self.run, k), self.run.shows(k))))
            assumptions = [wanted] + [self.run.kept_surely[i][r] for i in range(k + 1) for r in must]
            if self.run.mirrors:  # the last step is where the two runs may differ in what they are allowed
                assumptions += [self.run.mirror_kept[i][r] for i in range(k) for r in must]
            if self.run.solver.check(*assumptions) == z3.sat:
                model = self._prettier(assumptions, k + 1) if pretty else self.run.solver.model()
                return self._read(k + 1, model)
        return None

    def _prettier(self, assumptions: list[Z], length: int) -> Any:
        """Return a model in which whatever does not matter has its most ordinary value."""
        solver = self.run.solver
        model = solver.model()
        solver.set(timeout=_ENDLESS, rlimit=_EFFORT)
        solver.push()
        fixed = [step.act == model.eval(step.act, model_completion=True) for step in self.run.steps[:length]]
        for wish in self._wishes(model, length):
            if isinstance(wish, _Early):
                model = self._earliest(wish, assumptions, fixed, model)
                fixed.append(wish.now == model.eval(wish.now, model_completion=True))
            elif z3.is_true(model.eval(wish, model_completion=True)):
                fixed.append(wish)
            elif solver.check(*assumptions, *_literals(solver, [*fixed, wish])) == z3.sat:
                model = solver.model()
                fixed.append(wish)
        solver.pop()
        solver.set(rlimit=0)
        return model

    def _earliest(self, wish: _Early, assumptions: list[Z], fixed: list[Z], model: Any) -> Any:
        """Return a model in which a step comes as early as the others let it."""
        solver = self.run.solver
        low = model.eval(wish.after, model_completion=True).as_long() - 1
        high = model.eval(wish.now, model_completion=True).as_long()
        while high - low > 1:
            middle = (low + high) // 2
            if solver.check(*assumptions, *_literals(solver, [*fixed, wish.now <= middle])) == z3.sat:
                model = solver.model()
                high = model.eval(wish.now, model_completion=True).as_long()
            else:
                low = middle
        return model

    def _wishes(self, model: Any, length: int) -> Iterator[Z | _Early]:
        """Yield what would be ordinary, step by step: a round time, else an early one, then the event's keys."""
        before = z3.IntVal(0)
        tick = self.world.time(100 * _MS)
        for k, step in enumerate(self.run.steps[:length]):
            yield step.now == (before + tick if k else z3.IntVal(0))
            yield _Early(step.now, before)
            before = step.now
            action = self.world.actions[model.eval(step.act, model_completion=True).as_long()]
            keys = self.world.spec.events[action.event].keys
            for key in sorted(keys, key=lambda key: key.type.is_set):
                yield from _ordinary(key, step.keys[action.event][key.name], k)

    def _read(self, length: int, model: Any) -> Witness:
        """Return the first steps of a model as a trace."""
        w = self.world
        events: list[Event] = []
        silent: list[tuple[int, str]] = []
        unit = w.unit or 1
        for k, step in enumerate(self.run.steps[:length]):
            action = w.actions[model.eval(step.act, model_completion=True).as_long()]
            kind = w.spec.events[action.event]
            if (k_act := action.interface) and self.run.mirror == "more":
                continue
            interface = INTERFACES[k_act]
            if not kind.seen:
                silent.append((len(events), f"{kind.text or kind.name} ({interface})"))
                continue
            args = {}
            for key in kind.keys:
                if (kind.name, key.name) in self.used or key.name == w.spec.tracks:
                    args[key.name] = _decode(key, step.keys[kind.name][key.name], model)
                elif not key.optional:
                    args[key.name] = _default(key, k)
            events.append(
                Event(model.eval(step.now, model_completion=True).as_long() * unit, interface, kind.name, args)
            )
        return Witness(tuple(events), tuple(silent), self.run.broken(model, length), length)


def _literals(solver: Any, wishes: list[Z]) -> list[Z]:
    """Return a literal for each wish, because a solver's assumptions have to be literals."""
    result = []
    for wish in wishes:
        literal = z3.Bool(f"wish#{wish.get_id()}#{next(_COUNT)}")
        solver.add(z3.Implies(literal, wish))
        result.append(literal)
    return result


def _count() -> Iterator[int]:
    n = 0
    while True:
        yield n
        n += 1


_COUNT = _count()


def _written(keys: Sequence[Key], of: Keys) -> Z:
    """Return that a log can hold the values of `keys`: proofs need no largest address, and traces do."""
    return z3.And([of[k.name] <= 2**32 - 1 for k in keys if k.type.name == "address"])


def _ordinary(key: Key, z: Any, k: int) -> Iterator[Z]:
    """Yield that a key has its most ordinary value; several wishes, of which an earlier one comes first."""
    if key.type.is_set:
        for member in z.values():
            yield z3.Not(member)
    elif key.type.is_enum:
        yield z == 0
    elif key.type.name == "bool":
        yield z3.Not(z)
    elif key.type.name == "id":
        yield z == 0x1001 + k
    elif key.type.name == "int":
        yield z == 60
        yield z == 0
    elif key.type.name == "address":
        yield z == _ELSEWHERE


def _decode(key: Key, z: Any, model: Any) -> Value:
    """Return the value of a key in a model, as an event holds it."""
    if key.type.is_set:
        return frozenset(m for m, b in z.items() if z3.is_true(model.eval(b, model_completion=True)))
    value = model.eval(z, model_completion=True)
    if key.type.name == "bool":
        return bool(z3.is_true(value))
    number = int(value.as_long())
    if key.type.is_enum:
        return key.type.members[number]
    return str(number) if key.type.name == "text" else number


def _default(key: Key, k: int) -> Value:
    """Return a value for a key that no rule looks at."""
    if key.type.is_set:
        return frozenset()
    if key.type.is_enum:
        return key.type.members[0]
    return {"bool": False, "int": 60, "id": 0x1001 + k, "address": _ELSEWHERE, "time": 0}.get(key.type.name, "x")


def keys_used(spec: Spec) -> set[tuple[str, str]]:
    """Return the keys that some pattern, condition or update looks at: (event, key)."""
    used: set[tuple[str, str]] = set()

    def look(patterns: Iterable[Any], terms: Iterable[Any]) -> None:
        names = {n for t in terms for n in t.names("key")}
        for p in patterns:
            used.update((p.event, n) for n in names | p.condition.names("key"))

    for u in spec.updates:
        look(u.patterns, [t for _, t in u.assignments])
    for a in spec.assumptions.values():
        look(a.patterns, [a.condition])
    for r in spec.rules.values():
        look(r.body.patterns, [r.body.condition])
    for p in spec.properties.values():
        look(p.patterns, [] if p.condition is None else [p.condition])
    return {(e, k) for e, k in used if k in spec.events[e].by_name}
