"""Facts that follow for an access mode from its declaration and from the rules: asked of the prover, one by one.

A fact is about a node that says it uses the mode: what a flag or an address of something that it sends always is. It is
only stated where it is proved for all traces. A trace that refutes one is kept at hand, because it refutes many others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations

import z3
from mipcheck.model.language.show import show_expression
from mipcheck.model.prover.claims import safety, violated
from mipcheck.model.prover.scripts import Followed, Script, Unfollowed
from mipcheck.model.prover.search import Search, time_unit
from mipcheck.model.prover.setting import setting_of
from mipcheck.model.prover.spacer import System, Z, recheck, spacer
from mipcheck.model.prover.symbolic import Action, Keys, SymbolicState
from mipcheck.model.prover.unrolling import Unrolling
from mipcheck.model.prover.witness import Witness
from mipcheck.model.specification.claimed import Property, Whenever
from mipcheck.model.specification.layers import Access
from mipcheck.model.specification.spec import Allow, EventType, Require, Rule, Spec
from mipcheck.model.specification.term import FALSE, EventPattern, Term, conjunction
from mipcheck.model.values.event import Event
from mipcheck.model.values.types import ADDRESS, BOOL, Value

DEPTH, STEPS = 6, 12
"""Events up to which a trace that refutes a fact, and one that shows all steps, is searched for."""


@dataclass(frozen=True, slots=True)
class Situation:
    """Something that the node sends, as far as rules tell it apart: `rrq(to = iha, path = vpn)`.

    `atoms` are the comparisons, each with its text.
    """

    event: str
    atoms: tuple[tuple[str, Term], ...]

    def __str__(self) -> str:
        return f"{self.event}({', '.join(text for text, _ in self.atoms)})" if self.atoms else self.event

    def covers(self, event: Event) -> bool:
        """Decide whether an event is one of these."""
        return event.kind == self.event and all(_holds(t, event) for _, t in self.atoms)

    def within(self, other: Situation) -> bool:
        """Decide whether this is the other situation, told less closely."""
        return self.event == other.event and {a for a, _ in self.atoms} < {a for a, _ in other.atoms}


@dataclass(frozen=True, slots=True)
class ModeFact:
    """In a situation, `key` is always `value`: for a flag, "set" or "not set". `level` is that of the weakest rule that
    it takes, MUST or SHOULD."""

    situation: Situation
    key: str
    value: str
    level: str


@dataclass(frozen=True, slots=True)
class Announcement:
    """How a node says which mode it uses: the event, its key, and the state that remembers it."""

    event: str
    key: str
    condition: Term

    def of(self, mode: str) -> Term:
        """Return that the node has said that it uses the mode, as a condition on its state."""
        variable = self.condition.args[-1].args[0]
        index = variable.type.members.index(mode)
        said = Term("=", BOOL, args=(variable, Term("const", variable.type, mode, index)))
        return conjunction((*self.condition.args[:-1], said))


def announcement_of(spec: Spec) -> Announcement | None:
    """Return the event that tells the mode, by its key's type and the state assigned from it; None if there is none."""
    for update in spec.updates:
        for pattern in update.patterns:
            for name, value in update.assignments:
                if value.kind == "key" and value.type.is_enum and set(value.type.members) >= set(spec.accesses):
                    variable = Term("var", value.type, name)
                    guards = [Term("var", BOOL, n) for n, v in update.assignments
                              if v.kind == "const" and v.type == BOOL and v.value]  # fmt: skip
                    said = Term("=", BOOL, args=(variable, variable))
                    return Announcement(pattern.event, value.name, Term("and", BOOL, args=(*guards, said)))
    return None


def _anything(_: Unrolling, __: int) -> Z:
    return True


def _refutes(runs: Iterable[tuple[Followed, Script]], p: Property) -> bool:
    """Decide whether any of some runs ends with what a property says does not happen."""
    return any(_is_true(violated(run, len(run.steps) - 1, p)) for run, _ in runs)


class Mode:
    """Questions about one access mode. `timeout` is in seconds, for each call of a solver."""

    def __init__(
        self, spec: Spec, access: Access, parameters: Mapping[str, int] | None = None, timeout: float = 20.0
    ) -> None:
        self.spec, self.access = spec, access
        self.announcement = announcement_of(spec)
        self.setting = setting_of(spec, parameters, capabilities=frozenset(access.needs), timeout=timeout)
        unit = time_unit(self.setting.parameters, spec)
        self._tracked = self.setting.tracked()
        self._search = Search(self._tracked.world(self._tracked.rules.values(), unit), DEPTH, timeout)
        self._refuting: list[tuple[Followed, Script]] = []
        self._by_advice: list[tuple[Followed, Script]] = []

    # --- facts ----------------------------------------------------------------------------------------------------

    def recall(self, scripts: Iterable[Script]) -> None:
        """Take traces that were found before, as far as they are traces still: of nodes that break no rule, or, where a
        fact takes one, none but SHOULDs."""
        for script in scripts:
            with suppress(Unfollowed):
                run = Followed(self._search.world, script)
                for free, found in (((), self._refuting), (self.setting.advice, self._by_advice)):
                    if run.shown(_anything, free) is not None:
                        found.append((run, script))
                        break

    def recalled(self) -> list[Script]:
        """Return the traces that are at hand."""
        return [script for _, script in (*self._refuting, *self._by_advice)]

    def situations(self) -> list[Situation]:
        """Return what the node sends, by what permissions say of its keys; of two, the one told more closely."""
        found: dict[tuple[str, frozenset[str]], Situation] = {}
        for rule in self.setting.rules.values():
            for p in rule.body.patterns if isinstance(rule.body, Allow) else ():
                event = self.spec.events[p.event]
                if event.sender == "node" and any(k.type.is_set or k.type == ADDRESS for k in event.keys):
                    atoms = tuple(_atoms(p.condition))
                    if not any(t.kind == "has" and self._is_foreign(t.name) for _, t in atoms):
                        found.setdefault((p.event, frozenset(text for text, _ in atoms)), Situation(p.event, atoms))
        return [s for s in found.values() if not any(s.within(o) for o in found.values())]

    def _is_foreign(self, feature: str) -> bool:
        """Decide whether a feature is a capability that this mode does not need."""
        return feature in self.spec.capabilities and feature not in self.access.needs

    def facts(self, steps: Sequence[Event]) -> Iterator[ModeFact]:
        """Yield all facts that are proved, situation by situation, for situations that arise in `steps`: events that
        show the mode and break no rule."""
        if self.announcement is None:
            return
        for situation in self.situations():
            if not any(situation.covers(e) for e in steps) or not self._arises(situation):
                continue
            told: set[str] = set()
            for key, value, condition in self._candidates(situation):
                known = key in told or self._is_refuted(situation, condition, steps)
                level = "" if known else self._level(situation, condition)
                if level:
                    told.add(key)
                    yield ModeFact(situation, key, value, level)

    def _candidates(self, situation: Situation) -> Iterator[tuple[str, str, Term]]:
        """Yield what may be a fact in a situation: key, value, condition."""
        event = self.spec.events[situation.event]
        read = {
            n for r in self.setting.rules.values() if r.permits({event.name}) for n in r.body.condition.names("key")
        }
        for k in event.keys:
            if k.type.is_set:
                for n, member in enumerate(k.type.members):
                    given = [a.name for _, a in situation.atoms if a.kind == "has"]
                    if member not in given and member in _asked(self.setting.rules.values(), event, k.name):
                        has = Term("has", BOOL, member, n, (Term("key", k.type, k.name),))
                        yield member, "set", has
                        yield member, "not set", Term("not", BOOL, args=(has,))
            elif k.type == ADDRESS and k.name in read:
                yield from self._places(k.name)
        for name in sorted(self._read_at(event)):
            variable = self.spec.variables[name]
            for site in self.spec.sites:
                equal = Term("=", BOOL, args=(Term("var", ADDRESS, name), Term("site", ADDRESS, site)))
                yield variable.text or name, f"site.{site}", equal

    def _places(self, key: str) -> Iterator[tuple[str, str, Term]]:
        """Yield that an address is one of those known, or one of two."""
        named = [(name, Term("=", BOOL, args=(Term("key", ADDRESS, key), term))) for name, term in self._addresses()]
        for name, equal in named:
            yield key, name, equal
        for (one, first), (other, second) in combinations(named, 2):
            yield key, f"{one} or {other}", Term("or", BOOL, args=(first, second))

    def _read_at(self, event: EventType) -> set[str]:
        """Return the state of type address that some permission on the event reads."""
        rules = [r.body for r in self.setting.rules.values() if r.permits({event.name})]
        names = {n for body in rules for n in body.condition.names("var")}
        return {n for n in names if self.spec.variables[n].type == ADDRESS and not self.spec.variables[n].ghost}

    def _addresses(self) -> Iterator[tuple[str, Term]]:
        """Yield the addresses that a fact may name: the site's, and those that the node keeps."""
        for name in self.spec.sites:
            yield f"site.{name}", Term("site", ADDRESS, name)
        for v in self.spec.variables.values():
            if v.type == ADDRESS and not v.ghost:
                yield v.text or v.name, Term("var", ADDRESS, v.name)

    def _is_refuted(self, situation: Situation, condition: Term, steps: Sequence[Event]) -> bool:
        """Decide whether the steps, which break no rule, show already that a condition does not always hold."""
        assert self.announcement is not None
        said = False
        for event in steps:
            if event.kind == self.announcement.event:
                said = event.args.get(self.announcement.key) == self.access.name
            elif said and situation.covers(event) and self._is_false(condition, event):
                return True
        return False

    def _is_false(self, t: Term, event: Event) -> bool:
        """Decide whether a condition is known to be false of an event, by its keys and the site's addresses alone."""
        if t.kind == "or":
            return all(self._is_false(a, event) for a in t.args)
        if t.kind == "not":
            return t.args[0].kind == "has" and _holds(t.args[0], event)
        if t.kind == "has":
            return t.args[0].name in event.args and not _holds(t, event)
        if t.kind == "=" and [a.kind for a in t.args] == ["key", "site"]:
            value, address = event.args.get(t.args[0].name), self.setting.site[t.args[1].name]
            return isinstance(value, int) and value != address
        return False

    def _level(self, situation: Situation, condition: Term) -> str:
        """Return the level of the weakest rule that the proof of a fact takes, "" if it is not proved."""
        p = self._property(situation, condition)
        tracked = self._tracked.of_property(p)
        if _refutes(self._refuting, tracked):
            return ""
        without_advice = self._system(p, ("MUST",))
        if self._holds_in_any_state(without_advice):
            return "MUST"
        with_advice = self._system(p, ("MUST", "SHOULD"))
        if not self._holds_in_any_state(with_advice) and not self._proves(with_advice):
            self._refute(tracked)
            return ""
        if _refutes(self._by_advice, tracked):
            return "SHOULD"
        if self._proves(without_advice):
            return "MUST"
        self._refute(tracked, self.setting.advice)
        return "SHOULD"

    def _system(self, p: Property, levels: tuple[str, ...]) -> System:
        """Return what is to be proved of a property, by the permissions of some levels on its own events."""
        events = {q.event for q in p.patterns}
        rules = [r for r in self.setting.rules.values() if r.level in levels and r.permits(events)]
        return safety(self.setting, p, rules, False)

    def _holds_in_any_state(self, system: System) -> bool:
        """Decide whether one event's own rules say it, which takes a question and no search for an invariant."""
        return not recheck(system, z3.BoolVal(True), self.setting.timeout)

    def _proves(self, system: System) -> bool:
        return spacer(system, self.setting.timeout).answer == "proved"

    def _arises(self, situation: Situation) -> bool:
        """Decide whether there is a trace on which a node that says it uses the mode is in that situation."""
        p = self._tracked.of_property(self._property(situation, FALSE))
        return _refutes(self._refuting, p) or self._refute(p)

    def _refute(self, p: Property, free: Collection[str] = ()) -> bool:
        """Seek a trace that refutes a property and breaks none but the `free` rules, and keep it at hand."""
        found = self._search.shortest(lambda run, k: violated(run, k, p), free, pretty=False)
        if found is not None and found.script is not None:
            kept = self._by_advice if free else self._refuting
            kept.append((Followed(self._search.world, found.script), found.script))
        return found is not None

    def _property(self, situation: Situation, condition: Term) -> Property:
        """Return as a property that the condition holds in the situation, for a node that says it uses the mode."""
        assert self.announcement is not None
        terms = [term for _, term in situation.atoms]
        pattern = EventPattern(situation.event, conjunction((*terms, self.announcement.of(self.access.name))))
        return Property("fact", (), "", Whenever((pattern,), condition))

    # --- steps ----------------------------------------------------------------------------------------------------

    def steps(self, last: Iterable[Term], rules: Iterable[str]) -> Witness | None:
        """Find the shortest trace that exercises the rules one after the other and ends with user data of this mode.

        All rules are kept, and all of it happens on one interface. The node says which mode it uses before it does what
        a permission is about. The last event is one of which a rule on layering speaks, with all conditions of `last`.
        """
        layering = [r for r in self.setting.rules.values() if isinstance(r.body, Allow) and self.is_layering(r.body)]
        if self.announcement is None or not layering:
            return None
        patterns = tuple(p for r in layering for p in r.body.patterns)
        claimed = self.announcement.of(self.access.name)
        condition = conjunction((*last, claimed))
        wanted = self._in_turn([r for r in rules if r in self._search.world.rules])

        def ends(run: Unrolling, k: int) -> Z:
            w = run.world

            def holds(s: SymbolicState, a: Action, keys: Keys, now: Z) -> Z | None:
                if not any(p.event == a.event for p in patterns):
                    return None
                return z3.And(w.matches(patterns, s, a, keys, now), w.term(condition, s, a.interface, keys, now))

            alone = [
                z3.Or([step.act == n for n, a in run.acts(False) if a.interface == 0]) for step in run.steps[: k + 1]
            ]
            return z3.And(run.happens(k, holds), *alone)

        def in_turn(run: Unrolling, k: int, bounds: Mapping[str, int]) -> Z:
            """Return that each rule is exercised after the one before, and by the step that bounds it."""
            done = [z3.BoolVal(True)] * (k + 1)
            for rule in wanted:
                now = z3.BoolVal(False)
                for i in range(k + 1):
                    here = z3.And(done[i], self._exercised(run, rule, i, claimed))
                    now = done[i] = z3.Or(now, here) if i <= bounds.get(rule, k) else now
            return done[k]

        def goal(bounds: Mapping[str, int], length: int = 0) -> Callable[[Unrolling, int], Z]:
            """Return the goal of a search; with a `length`, of traces of just that many steps."""
            return lambda run, k: (
                z3.BoolVal(False) if length and k != length - 1 else z3.And(ends(run, k), in_turn(run, k, bounds))
            )

        self._search.depth = STEPS
        self._search.used |= {(p.event, key) for p in patterns for key in condition.names("key")}
        first = self._search.shortest(goal({}), pretty=False)
        if first is None:
            return None
        bounds: dict[str, int] = {}
        start = 0
        # Each rule as early as it can be, one after the other: what no rule bounds then comes as late as it can.
        for rule in wanted:
            for n in range(start, first.steps):
                if self._search.shortest(goal({**bounds, rule: n}, first.steps), pretty=False) is not None:
                    bounds[rule] = start = n
                    break
        return self._search.shortest(goal(bounds, first.steps))

    def _exercised(self, run: Unrolling, rule: str, step: int, claimed: Term) -> Z:
        """Return that a rule is exercised at a step: a permission once the node has said which mode it uses."""
        here = run.exercises(rule, step)
        if rule in run.world.requires:
            return here
        return z3.And(here, run.world.term(claimed, run.states[step], 0, {}, run.steps[step].now))

    def _in_turn(self, rules: list[str]) -> list[str]:
        """Return the rules with permissions on one kind of event together, where the first of them stands."""

        def kind(rule: str) -> tuple[bool, str]:
            body = self.setting.rules[rule].body
            return isinstance(body, Allow), body.patterns[0].event if isinstance(body, Allow | Require) else ""

        kinds = list(dict.fromkeys(map(kind, rules)))
        return sorted(rules, key=lambda r: kinds.index(kind(r)))

    def is_layering(self, body: Allow) -> bool:
        """Decide whether a permission speaks of the access modes that fit a packet's headers."""
        modes = set(self.spec.accesses)
        return any(t.kind == "in" and set(t.args[1].type.members) >= modes for t in body.condition.walk())


def _atoms(t: Term) -> Iterator[tuple[str, Term]]:
    """Yield what a condition says of keys alone: comparisons with a constant, members of a set.

    Addresses are left out: what they are is what is asked for.
    """
    if t.kind in ("and", "def", "seen"):
        for a in t.args:
            yield from _atoms(a)
    elif t.kind in ("=", ">", "<", ">=", "<=") and t.source is not None:
        if {a.kind for a in t.args} == {"key", "const"} and t.args[0].type != ADDRESS:
            yield show_expression(t.source), t
    elif t.kind == "has" and t.args[0].kind == "key" and t.source is not None:
        yield show_expression(t.source), t


def _holds(t: Term, event: Event) -> bool:
    """Decide whether an atom holds of an event that tells its keys."""
    if t.kind == "has":
        members = event.args.get(t.args[0].name, frozenset())
        return isinstance(members, frozenset) and t.name in members
    left, right = (event.args.get(a.name) if a.kind == "key" else _value(a) for a in t.args)
    if t.kind == "=" or left is None or right is None:
        return left == right
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[t.kind]  # type: ignore[operator]


def _value(t: Term) -> Value:
    """Return the value of a constant as an event holds it."""
    return t.name if t.type.is_enum else bool(t.value) if t.type == BOOL else t.value


def _asked(rules: Iterable[Rule], event: EventType, key: str) -> set[str]:
    """Return the members of a set that some rule on the event asks for."""
    found = set()
    for r in rules:
        for p in r.body.patterns if isinstance(r.body, Allow) else ():
            if p.event == event.name:
                terms = [*p.condition.walk(), *r.body.condition.walk()]
                found |= {
                    t.name for t in terms if t.kind == "has" and t.args[0].kind == "key" and t.args[0].name == key
                }
    return found


def _is_true(value: z3.BoolRef | bool) -> bool:
    """Decide whether a term of a run without a choice is true; where all of it is known, it is a value already."""
    return value if isinstance(value, bool) else bool(z3.is_true(z3.simplify(value)))
