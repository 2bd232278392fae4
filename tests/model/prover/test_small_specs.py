"""Small specifications made up at random: prover, checker and a walk through explicit states agree about them.

A counterexample is replayed by the checker. Of what is proved, walks of a node with as many interfaces as the answer
says, and with other values of all that it is proved for, keep every MUST and look for a place where it is false. What a
walk comes to is what the checker finds in its log.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Final

import pytest
from mipcheck.checker.proofs.replayed import agree, broken_in, statuses, trace_text
from mipcheck.checker.verbs.prove_results import prove_one
from mipcheck.model.prover.claims import Refutations, matching
from mipcheck.model.prover.evident import surely_broken
from mipcheck.model.prover.examples import Examples
from mipcheck.model.prover.form import Form
from mipcheck.model.prover.logic import is_true
from mipcheck.model.prover.prove import Result, relying
from mipcheck.model.prover.scripts import Followed, Number, Script, ScriptStep, Unfollowed
from mipcheck.model.prover.setting import Setting, setting_of
from mipcheck.model.prover.symbolic import SymbolicState
from mipcheck.model.prover.witness import told
from mipcheck.model.specification.claimed import Consistent, Independent, Permitted, Property
from mipcheck.model.specification.load import loads
from mipcheck.model.specification.spec import Key, Spec

from making.depth import drawn
from making.small_specs import HEAD, small

UNIT: Final = 10**6
LONGEST: Final = 7
"""Steps of a walk, at most."""
MOST_STATES: Final = 40
"""States of one moment in which to look for a way on."""


def key(rng: random.Random, k: Key, site: int, now: int) -> Number:
    """Return a value for a key."""
    if k.type.is_set:
        return tuple(m for m in k.type.members if rng.random() < 0.5)
    if k.type.is_enum:
        return rng.randrange(len(k.type.members))
    if k.type.name == "time":
        return now + rng.choice([0, 1, 1500, 6000])
    if k.type.name == "bool":
        return rng.random() < 0.5
    return rng.choice({"address": [site, 1, 0], "id": [0, 1, 7]}.get(k.type.name, [0, 1, 2, 3]))


@dataclass
class Walks:
    """Ways through states that keep every MUST, of a specification in a setting; the longest are continued."""

    rng: random.Random
    setting: Setting
    interfaces: int

    def __post_init__(self) -> None:
        self.world = self.setting.world(self.setting.rules.values(), UNIT).in_values()
        self.free = self.setting.without | self.setting.advice

    def on(self, count: int, mirror: str = "") -> Iterator[tuple[Script, bool]]:
        """Yield ways, each with whether it keeps every MUST."""
        rng = self.rng
        ways = [Script(UNIT, (), self._initial(), mirror)]
        for _ in range(count):
            way = rng.choice(ways[-12:] if rng.random() < 0.7 else ways)
            now = (way.steps[-1].now if way.steps else 0) + rng.choice([0, 0, 1, 1000, 3000, 3001, 6001])
            longer = replace(way, steps=(*way.steps, self._step(now, 0.7 if mirror else 0.5)))
            try:
                run = Followed(self.world, longer)
            except Unfollowed:
                continue
            keeps = self.keeps(run)
            if keeps and len(longer.steps) < LONGEST:
                ways.append(longer)
            yield longer, keeps

    def keeps(self, run: Followed, besides: Collection[str] = ()) -> bool:
        """Decide whether a run keeps every MUST, or all but some `besides`."""
        last = len(run.steps) - 1
        musts = [r for r in (*self.world.allows, *self.world.requires) if r not in self.free and r not in besides]
        breaches = [run.breaks(r, k, strict=True) for r in musts for k in range(last + 1)]
        if run.mirrors:  # the last step is where the two runs may differ in what they are allowed
            breaches += [run.breaks(r, k, mirror=True) for r in musts for k in range(last)]
        return not any(map(is_true, breaches)) and all(map(is_true, run.world.exact()))

    def _step(self, now: int, elsewhere: float) -> ScriptStep:
        """Return some event, as probable `elsewhere` than on the first interface as is said."""
        event = self.rng.choice(list(self.setting.spec.events.values()))
        keys = {k.name: key(self.rng, k, self.setting.site["home"], now) for k in event.keys}
        interface = self.rng.randrange(1, self.interfaces) if self.rng.random() < elsewhere else 0
        return ScriptStep(event.name, interface, now, keys)

    def _initial(self) -> dict[str, int]:
        """Return what state is at first of which nothing is declared."""
        names = ["ever.n", "lim.n", *(f"{n}.{i}" for n in ("heard", "then") for i in range(self.interfaces))]
        return {n: self.rng.choice([0, 1, 1000, 2999, 3000, 6001]) for n in names if self.rng.random() < 0.5}


def false_somewhere(walks: Walks, p: Property, count: int) -> Script | None:
    """Walk, and return a way to where a property is false."""
    setting = relying(walks.setting, p)
    walks = replace(walks, setting=setting)
    if isinstance(p.claim, Consistent):
        return blocked(walks, count)
    refutations = Refutations(setting, p)
    for mirror in ("more", "fewer") if isinstance(p.claim, Independent) else ("",):
        for way, keeps in walks.on(count, mirror):
            if isinstance(p.claim, Permitted):
                false = not keeps and is_forbidden(walks, way, p)
            else:
                false = (keeps or bool(mirror)) and refutations.shown(way, walks.free) is not None
            if false:
                return way
    return None


def is_forbidden(walks: Walks, way: Script, p: Property) -> bool:
    """Decide whether a way ends with an event of which a property says that it is permitted, and nothing but the
    permissions that it breaks speak against it."""
    run = Followed(walks.world, way)
    last = len(way.steps) - 1
    if not is_true(matching(run, last, p)):
        return False
    breaking = {r for r in walks.world.allows if is_true(run.breaks(r, last, strict=True))} - walks.free
    before = {r for r in breaking for k in range(last) if is_true(run.breaks(r, k, strict=True))}
    return bool(breaking - before) and walks.keeps(run, breaking - before)


# --- time goes on ---------------------------------------------------------------------------------------------------


def blocked(walks: Walks, count: int) -> Script | None:
    """Walk, and return a way after which time cannot go on."""
    for way, keeps in walks.on(count):
        if keeps and not goes_on(walks, way):
            return way
    return None


def goes_on(walks: Walks, way: Script) -> bool:
    """Decide whether what is owed at the end of a way can be met, one after the other, until time may pass; or more
    states can be reached meanwhile than are tried."""
    w, first = walks.world, Followed(walks.world, way).states[-1]
    due = next_due(walks, first)
    if due is None or due < way.steps[-1].now:
        return due is None
    ways, reached = [(way, first)], {frozenset(first.items())}
    while ways:
        way, state = ways.pop(0)
        for step in every_step(walks, state, due):
            longer = replace(way, steps=(*way.steps, step))
            try:
                run = Followed(w, longer)
            except Unfollowed:
                continue
            after, found = run.states[-1], frozenset(run.states[-1].items())
            if found in reached or not walks.keeps(run):
                continue
            later = next_due(walks, after)
            if later is None or later > due or len(reached) == MOST_STATES:
                return True
            reached.add(found)
            ways += [(longer, after)] if later == due else []
    return False


def next_due(walks: Walks, state: SymbolicState) -> int | None:
    """Return when the first of what is owed in a state has to be met."""
    w = walks.world
    owed = [(r, i) for r in w.requires if r not in walks.free for i in w.owing(r) if is_true(w.owed(r, state, i))]
    return min((w.deadline(r, state, i) for r, i in owed), default=None)


def every_step(walks: Walks, state: SymbolicState, now: int) -> list[ScriptStep]:
    """Return the events of the node at a time, with every value of their keys that may matter."""
    found = []
    for event in walks.setting.spec.events.values():
        if event.sender != "node":
            continue
        values = [every_value(walks, event.name, k, state) for k in event.keys]
        for chosen in itertools.product(*values):
            keys = {k.name: v for k, v in zip(event.keys, chosen, strict=True)}
            found += [ScriptStep(event.name, i, now, keys) for i in range(walks.interfaces)]
    walks.rng.shuffle(found)
    return found


def every_value(walks: Walks, event: str, k: Key, state: SymbolicState) -> list[Number]:
    """Return values of a key that may matter in a state."""
    if (event, k.name) not in walks.setting.used:
        return [() if k.type.is_set else False if k.type.name == "bool" else 0]
    if k.type.is_set:
        subsets = itertools.product(*[[(), (m,)] for m in k.type.members])
        return [tuple(itertools.chain(*s)) for s in subsets]
    if k.type.is_enum:
        return list(range(len(k.type.members)))
    if k.type.name == "bool":
        return [False, True]
    variables = walks.setting.spec.variables
    same = {z for (n, _), z in state.items() if n in variables and variables[n].type == k.type}
    return [*sorted({0, 1, 2, 60} | same | {z + 1 for z in same})]


# --- prover, checker and walks --------------------------------------------------------------------------------------


def elsewhere(rng: random.Random, setting: Setting, result: Result) -> tuple[Setting, int]:
    """Return a setting with other values of what a proof is for, and a number of interfaces that it is about."""
    spec = setting.unfolded or setting.spec
    values = {n: rng.choice([0, 1, 2, 4]) * (10**9 if n != "least" else 1)
             for n in result.for_all or () if n in spec.parameters and rng.random() < 0.7}  # fmt: skip
    chosen = setting_of(spec, {**setting.given, **values}, capabilities=setting.capabilities)
    if "site.home" in (result.for_all or ()) and rng.random() < 0.5:
        chosen = replace(chosen, site={"home": 1})
    if chosen.misconfigured - chosen.advice:  # a proof is about sites that keep what is demanded of them
        chosen = setting
    interfaces = {"any": 3, "3": 3, "2": 2}[result.interfaces or "2"]
    return replace(chosen, form=Form(str(interfaces))), interfaces


def hold_against_each_other(seed: int, walks: int) -> list[str]:
    """Make up a specification, prove its properties, and walk; return the answers."""
    rng = random.Random(seed)
    made = small(rng)
    spec = made.spec
    given = {"limit": 2 * 10**9} if rng.random() < 0.2 else {}
    capabilities = frozenset({"spare"} if rng.random() < 0.3 else ())
    setting = setting_of(spec, given, capabilities=capabilities, timeout=3.0)
    answers = []
    rules_are_shown(rng, spec, setting)
    each_walk_is_judged_alike(rng, spec, setting, walks)
    for name, p in setting.spec.properties.items():
        asked = prove_one(spec, name, given, [], 3.0, capabilities, with_needs=False)  # replays a counterexample
        answers.append(asked.result.result)
        # Where some rule cannot be kept or broken, it has been proved by then that time goes on.
        if asked.result.result in ("proved", "vacuous") or asked.result.reason.startswith("no trace was found that"):
            other, interfaces = elsewhere(rng, setting, asked.result)
            found = false_somewhere(Walks(rng, other, interfaces), p, walks)
            said = f"seed {seed}: {name} is {asked.result.result}, and false at the end of {found} in\n{made}"
            assert found is None, said
    return answers


def rules_are_shown(rng: random.Random, spec: Spec, setting: Setting) -> None:
    """Check that the checker finds rules kept, and broken, in the traces that are to show that: two at random, since to
    find that there is none takes longest of all."""
    examples = Examples(setting)
    cases = list(itertools.product(setting.rules, (False, True)))
    for rule, broken in rng.sample(cases, min(2, len(cases))):
        trace = examples.find(rule, broken, pretty=False)
        for found in (trace, examples.soon(rule, broken, {})) if trace is not None else ():
            assert found is not None
            text = trace_text(spec, found, setting.given, capabilities=setting.capabilities)
            agree(spec, text, found.broken)
            assert statuses(spec, text)[rule] == ("violated" if broken else "held"), text


def each_walk_is_judged_alike(rng: random.Random, spec: Spec, setting: Setting, count: int) -> None:
    """Check that the checker finds those rules broken in the log of a walk that the walk breaks for certain."""
    walks = Walks(rng, setting, 2)
    ways = sorted(walks.on(count), key=lambda way: len(way[0].steps))
    for way, _ in [w for w in ways if spec.events[w[0].steps[-1].event].seen][-6:]:
        broken = surely_broken(walks.world, way, [*walks.world.allows, *walks.world.requires])
        assert broken is not None
        trace = told(walks.world, way, setting.used, broken | setting.misconfigured)
        text = trace_text(spec, trace, setting.given, capabilities=setting.capabilities)
        assert broken_in(spec, text) == trace.broken, text


@pytest.mark.slow
def test_prover_checker_and_walks_agree() -> None:
    answers = [a for seed in range(drawn(100, 2000)) for a in hold_against_each_other(seed, drawn(25, 60))]
    assert {"proved", "refuted"} <= set(answers)


def property_in(text: str, name: str) -> tuple[Walks, Property]:
    """Return walks of a specification, and a property of it."""
    spec = loads(HEAD + text)
    return Walks(random.Random(1), setting_of(spec, timeout=3.0), 2), spec.properties[name]


@pytest.mark.parametrize(
    "text",
    [
        'property p "x" whenever go: not on_',
        'property p "x" invariant not on_',
        'rule R MUST cite 1 "x" allow go only if on_  property p "x" permitted go',
        'on call { busy := true }  rule R MUST cite 1 "x" allow go only if busy  property p "x" independent allowed go',
        'rule R MUST cite 1 "x" require go within limit of last while on_  on ring { last := now }'
        '  rule Q MUST cite 1 "x" allow go only if not on_  property p "x" consistent',
        'rule R MUST cite 1 "x" require go within limit of last while on_  on ring { last := now - 4 s }'
        '  property p "x" consistent',
        'rule R MUST cite 1 "x" require go within 0 s of last while on_  on ring, go { last := now }'
        '  property p "x" consistent',
    ],
)
def test_a_walk_finds_what_is_false(text: str) -> None:
    """It can fail: a property that is refuted is found to be false by walking."""
    walks, p = property_in("on ring { on_ := true }\n" + text, "p")
    assert false_somewhere(walks, p, 400) is not None


def test_a_walk_finds_nothing_else() -> None:
    walks, p = property_in('on ring { on_ := true }\nproperty q "x" invariant count >= 0', "q")
    assert false_somewhere(walks, p, 20) is None
