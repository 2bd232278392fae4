"""Small specifications made up at random: prover, checker and a walk through explicit states agree about them.

A counterexample is replayed by the checker. Of what is proved, walks of a node with as many interfaces as the answer
says, and with other values of all that it is proved for, keep every MUST and look for a place where it is false.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import z3
from mipcheck.checker.proofs.replayed import agree, statuses, trace_text
from mipcheck.checker.verbs.prove_results import prove_one
from mipcheck.model.prover.claims import violated
from mipcheck.model.prover.examples import Examples
from mipcheck.model.prover.form import Form
from mipcheck.model.prover.prove import Result
from mipcheck.model.prover.scripts import Followed, Script, ScriptStep, Unfollowed
from mipcheck.model.prover.setting import Setting, setting_of
from mipcheck.model.prover.unrolling import Unrolling
from mipcheck.model.specification.load import loads
from mipcheck.model.specification.spec import Spec

from making.depth import drawn

HEAD = """
spec small
site home
enum word { yes, no }
param limit: time = 3 s
param least: int = 1
param slow: time = 2 * limit
event ring(from: address, until: time, n: int) by network seen log
event call(what: word, n: int) by node seen log
event go(what: word) by node seen log
interface {
  on_: bool = false  last: time = 0 s  end: time = 0 s  count: int = 0  said: word = no  heard: time  then: time
}
node { busy: bool = false  owner: interface = none  total: int = 0  moment: time = 0 s  ever: time }
ghost interface { truly: bool = false  since: time = 0 s }
"""
STATE = ["on_", "busy", "count < least", "count >= 1", "total = count", "said = yes", "owner = this", "owner = none",
         "last <= moment", "end >= last", "(some interface: on_)", "(every interface: on_ implies busy)",
         "count / 2 < total"]  # fmt: skip
OF_NODE = ["busy", "total = least", "owner = none", "(some interface: on_ or owner = this)",
           "(every interface: on_ implies busy)", "(some interface: last <= moment)"]  # fmt: skip
TIMED = ["now - last <= limit", "now <= end", "now - moment > slow", "now - last < end / 2", "now - heard <= slow"]
GHOST = ["truly", "now - since <= slow", "not truly or on_"]
OF = {
    "ring": ["from = site.home", "until > now", "n = count"],
    "call": ["what = yes", "n > count"],
    "go": ["what = said"],
}
VALUES = {
    "on_": ["true", "false", "busy"], "last": ["now", "end"], "end": ["now + limit", "last"],
    "count": ["count + 1", "0"],
    "said": ["yes", "no"], "busy": ["true", "on_"], "owner": ["this", "none"], "total": ["count", "total + 1"],
    "moment": ["now", "last"], "ever": ["now", "moment"], "heard": ["now", "last"], "then": ["now", "heard"],
}  # fmt: skip
MORE = {
    "ring": {"end": ["until"], "count": ["n"]},
    "call": {"count": ["n"], "said": ["what"]},
    "go": {"said": ["what"]},
}


def condition(rng: random.Random, atoms: list[str], most: int = 3) -> str:
    parts = [("not " if rng.random() < 0.3 else "") + f"({rng.choice(atoms)})" for _ in range(rng.randint(1, most))]
    return f" {rng.choice(['and', 'or'])} ".join(parts)


def specification(rng: random.Random) -> str:
    """Return a specification with two properties, p and q."""
    lines = [HEAD]
    for _ in range(rng.randint(2, 5)):
        event = rng.choice(list(OF))
        known = {**VALUES, **{n: [*VALUES[n], *more] for n, more in MORE[event].items()}}
        names = rng.sample(sorted(known), rng.randint(1, 3))
        body = "  ".join(f"{n} := {rng.choice(known[n])}" for n in names)
        when = condition(rng, [*OF[event], *STATE, *TIMED], 2)
        lines.append(f"on {event} when {when} {{ {body} }}" if rng.random() < 0.7 else f"on {event} {{ {body} }}")
    lines.append("on ring { truly := true  since := now }" if rng.random() < 0.7 else "on call { truly := on_ }")
    if rng.random() < 0.4:
        lines.append(f'assumption a "x" on ring: {condition(rng, [*OF["ring"], *STATE, *GHOST], 2)}')
    for number in range(rng.randint(1, 3)):
        event = rng.choice(["call", "go"])
        asked = condition(rng, [*OF[event], *STATE, *TIMED])
        lines.append(
            f'rule R{number} {rng.choice(["MUST", "MUST", "SHOULD"])} cite 1 "x" allow {event} only if {asked}'
        )
    if rng.random() < 0.4:
        anchor = rng.choice(["last", "heard", "then", "end", "moment", "ever"])
        owed = condition(rng, OF_NODE if anchor in ("moment", "ever") else STATE, 2)
        lines.append(f'rule O MUST cite 1 "x" require go within limit of {anchor} while {owed}')
    event = rng.choice(list(OF))
    lines.append(f'property p "x" whenever {event}: {condition(rng, [*OF[event], *STATE, *TIMED, *GHOST])}')
    lines.append(f'property q "x" invariant {condition(rng, [*STATE, *TIMED, *GHOST])}')
    return "\n".join(lines)


def step(rng: random.Random, spec: Spec, site: int, now: int, interfaces: int) -> ScriptStep:
    event = rng.choice(list(spec.events.values()))
    keys: dict[str, Any] = {}
    for k in event.keys:
        if k.type.is_enum:
            keys[k.name] = rng.randrange(len(k.type.members))
        elif k.type.name == "address":
            keys[k.name] = rng.choice([site, 1])
        else:
            keys[k.name] = rng.choice([0, 1, 2, 3]) if k.type.name == "int" else now + rng.choice([0, 1, 1500, 6000])
    return ScriptStep(event.name, rng.randrange(interfaces), now, keys)


def always(_: Unrolling, __: int) -> Any:
    return z3.BoolVal(True)


def false_somewhere(rng: random.Random, setting: Setting, name: str, interfaces: int, walks: int) -> Script | None:
    """Walk through states that keep every MUST, and return a way to one where the property is false."""
    world = setting.world(setting.rules.values(), 10**6)
    p, site = setting.spec.properties[name], setting.site["home"]
    free = setting.without | setting.advice

    def is_so(script: Script, goal: Callable[[Unrolling, int], Any]) -> bool:
        try:
            return Followed(world, script).shown(goal, free) is not None
        except Unfollowed:
            return False

    ways = [Script(10**6, ())]
    for _ in range(walks):
        way = rng.choice(ways[-12:])
        now = (way.steps[-1].now if way.steps else 0) + rng.choice([0, 0, 1, 1000, 3000, 3001, 6001])
        longer = replace(way, steps=(*way.steps, step(rng, setting.spec, site, now, interfaces)))
        if is_so(longer, partial(violated, p=p)):
            return longer
        if len(longer.steps) < 7 and is_so(longer, always):
            ways.append(longer)
    return None


def elsewhere(rng: random.Random, spec: Spec, result: Result) -> tuple[Setting, int]:
    """Return a setting with other values of what a proof is for, and a number of interfaces that it is about."""
    assert result.for_all is not None
    given = {n: rng.choice([0, 1, 2, 4]) * (10**9 if n != "least" else 1)
             for n in result.for_all if n in spec.parameters and rng.random() < 0.7}  # fmt: skip
    setting = setting_of(spec, given)
    if "site.home" in result.for_all and rng.random() < 0.5:
        setting = replace(setting, site={"home": 1})
    interfaces = {"any": 3, "3": 3, "2": 2}[result.interfaces or "2"]
    return replace(setting, form=Form(str(interfaces))), interfaces


def hold_against_each_other(seed: int, walks: int) -> list[str]:
    """Make up a specification, prove its properties, and walk; return the answers."""
    rng = random.Random(seed)
    text = specification(rng)
    spec = loads(text)
    answers = []
    each_rule_is_shown(spec)
    for name in spec.properties:
        result = prove_one(spec, name, {}, [], timeout=3.0, with_needs=False).result  # replays a counterexample
        answers.append(result.result)
        if result.result in ("proved", "vacuous"):
            setting, interfaces = elsewhere(rng, spec, result)
            found = false_somewhere(rng, setting, name, interfaces, walks)
            assert found is None, f"seed {seed}: {name} is {result.result}, and false at the end of {found} in\n{text}"
    return answers


def each_rule_is_shown(spec: Spec) -> None:
    """Check that the checker finds each rule kept, and broken, in the traces that are to show that."""
    setting = setting_of(spec, timeout=3.0)
    examples = Examples(setting)
    for rule in setting.rules:
        for broken in (False, True):
            for trace in (examples.find(rule, broken, pretty=False), examples.soon(rule, broken, {})):
                if trace is None:
                    continue
                text = trace_text(spec, trace, {})
                agree(spec, text, trace.broken)
                assert statuses(spec, text)[rule] == ("violated" if broken else "held"), text


@pytest.mark.slow
def test_prover_checker_and_walks_agree() -> None:
    answers = [a for seed in range(drawn(100, 2000)) for a in hold_against_each_other(seed, drawn(25, 60))]
    assert {"proved", "refuted"} <= set(answers)


def test_a_walk_finds_what_is_false() -> None:
    """It can fail: a property that is refuted is found to be false by walking."""
    text = HEAD + 'on ring { on_ := true }\nproperty p "x" whenever go: not on_\nproperty q "x" invariant count >= 0'
    setting = setting_of(loads(text))
    assert false_somewhere(random.Random(1), setting, "p", 2, 60) is not None
    assert false_somewhere(random.Random(1), setting, "q", 2, 20) is None
