"""Consistency: time is never blocked, what is owed is never forbidden, every rule can be exercised and broken."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import z3
from mipcheck.model.prover.examples import Examples
from mipcheck.model.prover.runs import Run, anchor_of, cone, roots_of_rules
from mipcheck.model.prover.setting import Setting
from mipcheck.model.prover.spacer import System, Verdict, Z, spacer
from mipcheck.model.prover.symbolic import HIDDEN, Action, Keys, World
from mipcheck.model.specification.spec import Allow, Require, Rule

_COUNT = itertools.count()
"""Sets what is hidden of an event apart from that of any other."""
METHOD = "Spacer for time and deadlines (dense time, {}), search for traces that keep and break each rule"


def consistent(setting: Setting, proofs: dict[str, tuple[System, Z]] | None = None) -> Verdict:
    """Decide whether the rules are consistent: proved, refuted with the reason, or unknown with what is undecided.

    `proofs` is given the systems that were proved safe, with their invariants, by what that shows.
    """
    own = setting.followed()
    proofs = {} if proofs is None else proofs
    system = _time_goes_on(own, [])
    verdict = spacer(system, setting.timeout)
    if verdict.answer == "refuted":  # by an event that the permissions may forbid
        system = _time_goes_on(own, _permissions(own))
        verdict = spacer(system, setting.timeout)
    proofs["time"] = system, verdict.invariant
    if verdict.answer == "refuted":
        return Verdict("refuted", reason="an event can make an obligation overdue at once, so that time cannot pass")
    if verdict.answer != "proved":
        return verdict
    stuck, unsure = _blocked(own, proofs)
    if stuck or unsure:
        what = [f"when {r} is due, other rules can forbid all that would meet it" for r in stuck]
        what += [f"whether {r} can always be met was not decided" for r in unsure]
        return Verdict("refuted" if stuck else "unknown", reason="; ".join(what))
    shared = Examples(setting)
    missing = []
    for rule in setting.rules:
        if rule not in setting.without:
            examples = shared.telling(rule)
            missing += [
                f"no trace was found that {'breaks' if broken else 'exercises'} {rule}"
                for broken in (False, True)
                if examples.find(rule, broken, pretty=False) is None
            ]
    return Verdict("unknown", reason="; ".join(missing)) if missing else verdict


def _permissions(setting: Setting) -> list[Rule]:
    """Return the permissions on events that change what obligations look at."""
    owed = [r for r in setting.musts if isinstance(r.body, Require)]
    names = {n for t in roots_of_rules(owed) for n in t.names("var")}
    events = {p.event for u in setting.spec.updates if any(a in names for a, _ in u.assignments) for p in u.patterns}
    return [r for r in setting.musts if isinstance(r.body, Allow) and any(p.event in events for p in r.body.patterns)]


def _time_goes_on(setting: Setting, permissions: list[Rule]) -> System:
    """Return the system in which it is bad if, after an event, some obligation is overdue at once.

    The event is permitted by `permissions`.
    """
    owed = [r for r in setting.musts if isinstance(r.body, Require)]
    roots = roots_of_rules([*owed, *permissions]) + [anchor_of(setting.spec, r) for r in owed]
    run = Run(setting, [*owed, *permissions], cone(setting.spec, roots, False), True)
    return run.system([run.world.overdue(r, run.state, run.now) for r in run.world.requires])


def _blocked(setting: Setting, proofs: dict[str, tuple[System, Z]]) -> tuple[list[str], list[str]]:
    """Return the obligations that can be owed, at their deadline, where the rules permit no event that meets them.

    The second list has those for which that was not decided; `proofs` is given those for which it is excluded.
    """
    stuck: list[str] = []
    unsure: list[str] = []
    for rule in setting.musts:
        if isinstance(rule.body, Require):
            system = _due_and_forbidden(setting, rule)
            verdict = spacer(system, setting.timeout)
            answer, proofs[f"due-{rule.id}"] = verdict.answer, (system, verdict.invariant)
            if answer != "proved":
                (stuck if answer == "refuted" else unsure).append(rule.id)
    return stuck, unsure


def _due_and_forbidden(setting: Setting, rule: Rule) -> System:
    """Return the system in which it is bad if the rule is due and no event of a choice is permitted and meets it.

    Some event is permitted if one of the choice is, so that nothing is called possible that is not.
    """
    assert isinstance(rule.body, Require)
    events = [e for e in dict.fromkeys(q.event for q in rule.body.patterns) if setting.spec.events[e].sender == "node"]
    permissions = [
        r for r in setting.musts if isinstance(r.body, Allow) and any(q.event in events for q in r.body.patterns)
    ]
    names = cone(setting.spec, [*roots_of_rules([rule, *permissions]), anchor_of(setting.spec, rule)], False)
    run = Run(setting, [rule, *permissions], names, True)
    w, s = run.world, run.state
    parts = [w.owed(rule.id, s, 0), run.now == w.deadline(rule.id, s, 0)]
    unused = z3.Int("unused")
    parts += [unused != z for (name, _), z in s.items() if name in setting.spec.variables
              and setting.spec.variables[name].type.name == "id"]  # fmt: skip
    for event in events:
        a = Action(event, 0)
        for keys in _choice(w, event, unused, [rule, *permissions]):
            meets = z3.And(w.matches(rule.body.patterns, s, a, keys, run.now), w.permitted(s, a, keys, run.now))
            parts.append(z3.Not(meets))
    return run.system([z3.And(unused >= 0, *parts)])


def _choice(w: World, event: str, unused: Z, rules: Sequence[Rule]) -> Iterator[Keys]:
    """Yield events to try: every value of an enumeration, sets full and empty, a few numbers, a new identification.

    Keys that none of the rules looks at keep one value, addresses are those that the rules name, and one more.
    """
    values: list[list[Any]] = []
    names = []
    terms = [t for r in rules if isinstance(r.body, Allow | Require)
             for t in (r.body.condition, *(p.condition for p in r.body.patterns if p.event == event))]  # fmt: skip
    used = {n for t in terms for n in t.names("key")}
    addresses = sorted({w.site[n] for t in terms for n in t.names("site")})
    for k in w.spec.events[event].keys:
        names.append(k.name)
        if k.name.startswith(HIDDEN):
            values.append([None])
        elif k.type.is_set:
            values.append([{m: z3.BoolVal(b) for m in k.type.members} for b in (True, False)])
        elif k.type.is_enum:
            values.append([z3.IntVal(n) for n in range(len(k.type.members))])
        elif k.type.name == "bool":
            values.append([z3.BoolVal(True), z3.BoolVal(False)])
        elif k.type.name == "id":
            values.append([unused])
        elif k.type.name == "address":
            values.append([z3.IntVal(n) for n in (1, *addresses)])
        else:
            values.append([z3.IntVal(n) for n in (0, 1, 60)])
        if k.name not in used:
            values[-1] = values[-1][:1]
    for combination in itertools.product(*values):
        # What is hidden is no choice: it may be anything, of each of these events.
        yield w.apart(event, dict(zip(names, combination, strict=True)), f"#{next(_COUNT)}")
