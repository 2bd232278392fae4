"""Whether a changed specification can ever do anything else than the original: if not, the change means nothing.

Both are in one state as long as they have done the same with each event. So one machine is followed, and what must not
be reachable is a state with an event of which the two make something different: another state, another judgement,
another deadline. That is far easier than following both. Where it can be reached, the two may have values of their own
of the variables that have come apart, and the question is whether anything else ever does.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import Any, Final

import z3
from mipcheck.model.prover.form import ANY, Form
from mipcheck.model.prover.free import candidates, in_form
from mipcheck.model.prover.logic import conj, conjuncts, neg
from mipcheck.model.prover.merging import merged_events
from mipcheck.model.prover.runs import with_free
from mipcheck.model.prover.setting import Setting, setting_of
from mipcheck.model.prover.spacer import Move, System, Z, constants_in, spacer
from mipcheck.model.prover.symbolic import HIDDEN, Action, World
from mipcheck.model.prover.tables import TooManyEntries
from mipcheck.model.specification.claimed import Independent, Property
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.spec import Allow, Body, Require, Spec

ROUNDS: Final = 3
"""How often more is taken to be apart in the two, where that what is so far does not do."""
MOST: Final = 6
"""Variables that may be apart."""
EACH: Final = 10.0
"""Seconds of the processor for each proof, unless somebody says otherwise."""


@dataclass(frozen=True)
class _About:
    """What a proof is about: variables that are `watched`, whether nodes and networks are `trusting`ly taken to keep
    what they have to, and the seconds for each try."""

    watched: frozenset[str]
    trusting: bool
    timeout: float


def never_differs(original: Spec, changed: Spec, watched: Collection[str] = (), timeout: float = EACH) -> bool:
    """Decide whether it is proved that two machines of one role do the same with every event in every state that can be
    reached, whatever rules are kept or broken and whatever the network does: by what rules say, and to the state on
    which their properties and what is `watched` besides (variables) depend.

    Where they differ only in what proofs alone look at, it is enough that they do the same as long as MUSTs are kept
    and the network does as is assumed. The proof is in dense time, for any number of interfaces and all values of
    parameters and addresses, of traces on which nothing is unknown. `timeout` is in seconds of the processor, for each
    call of the solver. Readings are those that are chosen, and each other one of a name that stands beside the change.
    """
    if not _comparable(original, changed):
        return False
    about = _About(frozenset({*watched, *_compared(original)}), _shown(original) == _shown(changed), timeout)
    try:
        cases = product(_abilities(original, changed), _told(original, changed), _readings(original, changed))
        return all(_same(original, changed, *case, about) for case in cases)
    except TooManyEntries:
        return False


def _comparable(original: Spec, changed: Spec) -> bool:
    """Decide whether the two have the same rules, events and state, so that a step of one is a step of the other."""
    alike = ("events", "sites", "parameters", "layers", "accesses", "capabilities", "tables", "tracks", "pause")
    if any(getattr(original, name) != getattr(changed, name) for name in alike):
        return False
    if original.variables.keys() != changed.variables.keys() or list(original.rules) != list(changed.rules):
        return False
    return all(_are_judged(original.rules[n].body, changed.rules[n].body) for n in original.rules)


def _are_judged(one: Body, other: Body) -> bool:
    """Decide whether two rules are alike, or of one kind that is judged here: what keeps a rule besides is not."""
    if isinstance(one, Allow) and isinstance(other, Allow):
        return one.kept == other.kept
    return one == other or (isinstance(one, Require) and isinstance(other, Require) and one.anchor == other.anchor)


def _abilities(*specs: Spec) -> Iterator[frozenset[str]]:
    """Yield every set of capabilities that anything asks for."""
    asked = {n for spec in specs for t in spec.terms() for n in t.names("capable")}
    asked |= {n for spec in specs for r in spec.rules.values() for n in (*r.given, *r.unless)}
    for count in range(len(asked) + 1):
        yield from map(frozenset, combinations(sorted(asked), count))


def _told(*specs: Spec) -> Iterator[frozenset[str]]:
    """Yield every set of parameters of which anything asks whether they are given."""
    asked = sorted({n for spec in specs for t in spec.all_terms() for n in t.names("given")})
    for count in range(len(asked) + 1):
        yield from map(frozenset, combinations(asked, count))


def _readings(original: Spec, changed: Spec) -> Iterator[Mapping[str, int]]:
    """Yield the readings as they are, and each other one of a name in terms that only one of the two has."""
    yield {}
    names = {n for t in {*original.terms()} ^ {*changed.terms()} for n in t.names("param")}
    for name in sorted(names):
        parameter = original.parameters[name]
        yield from ({name: n} for n in range(len(parameter.readings)) if n != parameter.default.value)


def _shown(spec: Spec) -> object:
    """Return what a trace shows of a machine: all but ghost state and assumptions."""
    ghosts = {v.name for v in spec.variables.values() if v.ghost} | {t.name for t in spec.tables.values() if t.ghost}
    updates = []
    for u in spec.updates:
        assigned = [(n, t) for n, t in u.assignments if n not in ghosts]
        updates.append((u.patterns, assigned, [c for c in u.changes if c.table not in ghosts]))
    first = {v.name: v.initial for v in spec.variables.values() if not v.ghost}
    return [r.body for r in spec.rules.values()], [u for u in updates if u[1] or u[2]], first


def _compared(spec: Spec) -> set[str]:
    """Return the variables of which properties say that they are independent."""
    return {n for p in spec.properties.values() if isinstance(p.claim, Independent) for n in p.claim.variables}


def _same(
    original: Spec, changed: Spec, able: frozenset[str], told: frozenset[str], read: Mapping[str, int], about: _About
) -> bool:
    settings = []
    for s in (original, changed):
        values = configure(s, {})
        settings.append(setting_of(s, {**{n: values[n] for n in sorted(told)}, **read}, capabilities=able))
    theirs = set(candidates(settings[1], told))
    free = [n for n in candidates(settings[0], told) if n in theirs]
    form = Form(ANY, tuple(free))
    found = [in_form(s.followed(), form) for s in settings]
    if found[0].spec.variables.keys() != found[1].spec.variables.keys():
        return False  # one asks of interfaces what the other does not (see `named.py`)
    claims = [[f.of_property(p) for p in s.spec.properties.values()] for f, s in zip(found, settings, strict=True)]
    # What is hidden in an event is called by what is looked up, so that one thing has one name in both.
    events = merged_events(*(_all_hidden(s) for s in found))
    left, right = (replace(s, spec=replace(s.spec, events=events)) for s in found)
    pair = _Pair(left, right, claims, about)
    apart = pair.from_the_start
    for _ in range(ROUNDS):
        if apart & pair.watched or len(apart) > MOST:
            return False
        system = pair.system(apart)
        if not system.bad:
            return True
        if (answer := spacer(system, about.timeout).answer) == "proved":
            return True
        more = pair.reached(apart)
        if answer == "unknown" or more == apart:
            return False
        apart = more
    return False


def _all_hidden(setting: Setting) -> Spec:
    """Return a specification with all that is hidden of events, of which properties ask, too."""
    reduction = setting.reduction
    return setting.spec if reduction is None else replace(setting.spec, events=reduction.events())


class _Pair:
    """Two machines in one state, but for variables that are `apart`: of these each has its own."""

    def __init__(self, left: Setting, right: Setting, claims: list[list[Property]], about: _About) -> None:
        self.setting, self.about = left, about
        self.one, self.other = (s.world(s.rules.values()) for s in (left, right))
        self.claims = {id(w): own for w, own in zip(self._both, claims, strict=True)}
        self.other.share(self.one)
        self.now, self.then = z3.Real("now"), z3.Real("then")
        self.state = self.one.fresh("")
        self.own = {slot: z3.Const(f"{z.decl().name()}'", z.sort()) for slot, z in self.state.items()}
        self.keys = {e: self.one.keys(e, "") for e in left.spec.events}
        self.name_of = {z.decl().name(): slot[0] for slot, z in self.state.items()}
        self.firsts = [{slot: boxed(w.initial({slot: z})) for slot, z in self.state.items()} for w in self._both]
        self._read: dict[int, frozenset[str]] = {}
        self._kept: list[Z] = []
        self.steps = {a: [w.next(self.state, a, self.keys[a.event], self.then) for w in self._both]
                      for a in self.one.actions}  # fmt: skip
        self.said = {a: [self._judged(w, a) for w in self._both] for a in self.one.actions}
        self.matter = self._observed()

    @property
    def _both(self) -> tuple[World, World]:
        return self.one, self.other

    def reached(self, apart: frozenset[str]) -> frozenset[str]:
        """Return these variables, and those that the two may leave otherwise where these are apart."""
        found = set(apart)
        for left, right in self.steps.values():
            for slot in dict.fromkeys((*left, *right)):
                a, b = (boxed(side.get(slot, self.state[slot])) for side in (left, right))
                if slot[0] in self.matter and (not z3.eq(a, b) or self._reads(b) & apart):
                    found.add(slot[0])
        return frozenset(found & self.matter)

    @property
    def from_the_start(self) -> frozenset[str]:
        """The variables that do not begin alike."""
        unlike = {slot[0] for slot, z in self.firsts[0].items() if not z3.eq(z, self.firsts[1][slot])}
        return frozenset(unlike & self.matter)

    @property
    def watched(self) -> frozenset[str]:
        """The variables that are watched, by name or by table."""
        return frozenset(name for name, _ in self.state if name.partition("[")[0] in self.about.watched)

    def system(self, apart: frozenset[str]) -> System:
        """Return the system in which a state is bad with an event of which the two make something else."""
        pairs = [(z, self.own[slot]) for slot, z in self.state.items() if slot[0] in apart]
        pairs += [(z, z3.Bool(f"{z.decl().name()}'")) for t, z in self.one.elsewhere() if t.reads() & apart]
        pairs += [(z, z3.Const(f"{z.decl().name()}'", z.sort())) for z in self._hidden(apart)]

        def theirs(z: Z) -> Z:
            return z3.substitute(boxed(z), *pairs) if pairs else boxed(z)

        followed = {slot: z for slot, z in self.state.items() if self.one.other is None or slot[1] != 1}
        shadow = {("'", slot): self.own[slot] for slot in followed if slot[0] in apart}
        first = [z for slot, z in self.firsts[0].items() if slot in followed]
        first += [theirs(z) for slot, z in self.firsts[1].items() if slot in followed and slot[0] in apart]
        moves, bad = [], []
        for a, (left, right) in self.steps.items():
            guard = self._guard(a)
            after: dict[Any, Z] = {slot: z for slot, z in left.items() if slot in followed}
            after |= {("'", slot): theirs(right[slot]) for slot in followed if slot[0] in apart and slot in right}
            kept = [z3.BoolVal(True)] if not self.about.trusting else [self._trusted(a)]
            moves.append(Move(f"{a.event} on interface {a.interface}", z3.And(guard, *kept), after))
            if self.one.other is None or a.interface != 1:  # nothing is followed of the one that stands for any other
                slots = [s for s in dict.fromkeys((*left, *right)) if s[0] in self.matter - apart]
                ends = [(left.get(s, self.state[s]), right.get(s, self.state[s])) for s in slots]
                (assumed, *judged), (other, *said) = self.said[a]
                both = [(boxed(x), theirs(y)) for x, y in (*ends, *zip(judged, said, strict=True))]
                differ = [x != y for x, y in both if not z3.eq(x, y)]
                differ = [z3.And(*kept, z3.Or(differ))] if differ else []
                if not z3.eq(x := boxed(assumed), y := theirs(other)):
                    differ.append(x != y)
                bad += [z3.And(guard, z3.Or(differ))] if differ else []
        always = zip(*(self._always(w) for w in self._both), strict=True)
        bad += [z3.And(self.then >= self.now, x != theirs(y)) for x, y in always if not z3.eq(x, theirs(y))]
        state: dict[Any, Z] = {"now": self.now, **followed, **shadow}
        return _cut(System(state, z3.And(self.now == 0, *first), moves, bad), self.setting, self.then)

    def _hidden(self, apart: frozenset[str]) -> list[Z]:
        """Return what is hidden in events of entries that need not be the same in both: of tables with a column that is
        apart, or looked up by what is."""
        tables = {name.partition("[")[0] for name in apart if "[" in name}
        named = [(k, z) for keys in self.keys.values() for k, z in keys.items() if k.startswith(HIDDEN)]
        # Columns and variables may have one name: in what is looked up by, a variable is called one.
        return [z for k, z in named if tables & set(re.findall(r"\w+", k)) or apart & set(re.findall(r"var:(\w+)", k))]

    def _guard(self, a: Action) -> Z:
        others = [] if self.one.other is None else [self.one.other >= 1]
        return z3.And(self.then >= self.now, self.one.well_formed(a.event, self.keys[a.event]), *others)

    def _trusted(self, a: Action) -> Z:
        musts = [r.id for r in self.one.rules.values() if r.level == "MUST"]
        keys = self.keys[a.event]
        return z3.And(boxed(self.said[a][0][0]), boxed(self.one.permitted(self.state, a, keys, self.then, musts)))

    def _judged(self, w: World, a: Action) -> list[Z]:
        """Return all that is said to an action: what the network is assumed to do, then of each rule whether it speaks
        of that, is broken, and whether that is unclear; and of each property whether it does, and is false."""
        s, keys, now = self.state, self.keys[a.event], self.then
        found = [w.assumed(s, a, keys, now)]
        for rule, body in w.allows.items():
            if not w.concerns(rule, a):
                found += [False] * 3
                continue
            matches, unclear = w.matches(body.patterns, s, a, keys, now), False
            if body.unclear is not None:  # that is inconclusive, whether the condition holds or not
                unclear = conj([matches, w.term(body.unclear, s, a.interface, keys, now)])
            found += [matches, w.not_given(body, s, a, keys, now), unclear]
        for p in self.claims[id(w)]:
            matches, condition, wrong = w.matches(p.patterns, s, a, keys, now), p.condition, False
            if condition is not None and any(pattern.event == a.event for pattern in p.patterns):
                wrong = conj([matches, neg(w.term(condition, s, a.interface, keys, now))])
            found += [matches, wrong]
        return found

    def _always(self, w: World) -> list[Z]:
        """Return all that has to hold at any time: what is owed, and invariants."""
        trusted = self.about.trusting
        late = (
            []
            if trusted
            else [
                conj([w.owed(r, self.state, i), self.then > w.deadline(r, self.state, i)])
                for r in w.requires
                for i in w.owing(r)[:1]
            ]
        )
        conditions = [p.condition for p in self.claims[id(w)] if p.condition is not None and not p.patterns]
        return [*map(boxed, late), *(boxed(w.term(c, self.state, 0, {}, self.then)) for c in conditions)]

    def _reads(self, z: Z) -> frozenset[str]:
        """Return the variables in a term, and those that it asks of other interfaces."""
        if z.get_id() not in self._read:
            found = {c.decl().name() for c in constants_in([z])}
            elsewhere = {n for t, c in self.one.elsewhere() if c.decl().name() in found for n in t.reads()}
            self._read[z.get_id()] = frozenset(elsewhere | {self.name_of[n] for n in found if n in self.name_of})
            self._kept.append(z)  # its id stays its own as long as it is there
        return self._read[z.get_id()]

    def _observed(self) -> frozenset[str]:
        """Return the variables on which it depends, sooner or later and in either, what rules say, what the network is
        assumed to do, and those that are watched, by table or by name."""
        values: dict[str, list[Z]] = {}
        for sides in self.steps.values():
            for side in sides:
                for (name, _), z in side.items():
                    values.setdefault(name, []).append(boxed(z))
        said = [boxed(z) for sides in self.said.values() for side in sides for z in side]
        said += [z for w in self._both for z in self._always(w)]
        found: set[str] = set()
        new = {n for z in said for n in self._reads(z)}
        new |= self.watched
        while new:
            found |= new
            new = {n for name in new for z in values.get(name, ()) for n in self._reads(z)} - found
        return frozenset(found)


def _cut(system: System, setting: Setting, then: Z) -> System:
    """Return a system without the state on which what is bad does not depend."""
    slot_of = {z.decl().name(): slot for slot, z in system.state.items()}
    names: set[Any] = {"now"}
    new = [slot_of[t.decl().name()] for t in constants_in(system.bad) if t.decl().name() in slot_of]
    while new:
        names |= set(new)
        values = [m.next[slot] for m in system.moves for slot in new if slot in m.next]
        read = [slot_of[t.decl().name()] for t in constants_in(values) if t.decl().name() in slot_of]
        new = [slot for slot in dict.fromkeys(read) if slot not in names]
    state = {slot: z for slot, z in system.state.items() if slot in names}
    moves = [replace(m, next={**{s: z for s, z in m.next.items() if s in names}, "now": then}) for m in system.moves]
    dropped = {z.decl().name() for slot, z in system.state.items() if slot not in names}
    initial = [z for z in conjuncts(system.initial) if not dropped & {t.decl().name() for t in constants_in([z])}]
    cut = System(state, z3.And(initial), [m for m in moves if len(m.next) > 1], system.bad)
    return with_free(cut, setting, cut.terms())


def boxed(z: Z) -> Z:
    """Return a truth value as a term."""
    return z3.BoolVal(z) if isinstance(z, bool) else z
