"""Proofs of a specification's properties, and what refutes them. No printing, no files.

A property is tried with the rules that speak of its own events first: fewer constraints are a stronger theorem and
an easier one. What that does not prove is tried with every rule and obligation; what then fails is searched for the
shortest trace. Nothing is called proved without an invariant that plain queries have checked again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import mipcheck.model.prover.claims as claims
import mipcheck.model.prover.consistency as consistency
from mipcheck.model.prover.search import Witness
from mipcheck.model.prover.setting import Setting, setting_of
from mipcheck.model.prover.smtlib import Obligation, obligations
from mipcheck.model.prover.spacer import System, Verdict, Z, recheck, spacer
from mipcheck.model.prover.tables import TooManyEntries
from mipcheck.model.specification.load import load
from mipcheck.model.specification.spec import Allow, Configure, Consistent, Independent, Permitted, Property, Rule, Spec


@dataclass(frozen=True, slots=True)
class Needed:
    """A rule without which the property fails, and the shortest trace on which it does."""

    rule: str
    trace: Witness


@dataclass(frozen=True, slots=True)
class Result:
    """`result` is proved, refuted or unknown. `invariant` is SMT-LIB; `trace` refutes, `reason` is for unknown.

    `obligations` are those of the proof, where they were asked for.
    """

    name: str
    section: str
    result: str
    seconds: float
    method: str
    needs: tuple[Needed, ...] = ()
    invariant: str = ""
    cross_checked: tuple[str, ...] = ()
    trace: Witness | None = None
    reason: str = ""
    obligations: tuple[Obligation, ...] = ()


def prove(
    properties: Iterable[str] = (),
    *,
    spec: Spec | str = "draft-01",
    parameters: Mapping[str, int] | None = None,
    without: Iterable[str] = (),
    capabilities: frozenset[str] = frozenset(),
    timeout: float = 60.0,
    with_needs: bool = True,
    with_obligations: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Result]:
    """Prove the named properties, or all of all roles, `without` these rules and assumptions.

    `parameters` in ns, `timeout` in seconds for each solver call. Raises KeyError for a property, rule or assumption
    that does not exist, ParameterError and SpecError.
    """
    resolved = load(spec) if isinstance(spec, str) else spec
    machines = resolved.machines()
    dropped = list(without)
    for name in dropped:
        if not any(name in m.rules or name in m.assumptions for m in machines):
            raise KeyError(name)
    owners = {name: m for m in machines for name in m.properties}
    settings: dict[str, Setting] = {}
    results = []
    for name in list(properties) or list(owners):
        progress(name)
        owner = owners[name]
        if owner.role not in settings:
            rules = [name for name in dropped if name in owner.rules]
            settings[owner.role] = setting_of(_unassuming(owner, dropped), parameters, rules, capabilities, timeout)
        results.append(_prove(settings[owner.role], owner.properties[name], with_needs, with_obligations))
    return results


def _unassuming(spec: Spec, dropped: Iterable[str]) -> Spec:
    return replace(spec, assumptions={n: a for n, a in spec.assumptions.items() if n not in set(dropped)})


def needs(setting: Setting, name: str, rule: str) -> bool:
    """Decide whether a property fails without a rule: there is no proof, and there is a counterexample."""
    p = setting.spec.properties[name]
    if isinstance(p.claim, Consistent | Permitted):
        return False
    setting = relying(setting, p)
    own = _own_rules(setting, p)
    tried = [([r for r in own if r.id != rule], False)]
    if not any(r.id == rule for r in own):
        tried.append(([r for r in setting.musts if r.id != rule], True))
    if any(spacer(_system(setting, p, rules, whole), setting.timeout).answer == "proved" for rules, whole in tried):
        return False
    return _seek(setting, p, setting.without | {rule}) is not None


def system_of_property(setting: Setting, name: str) -> System:
    """Return the transition system that a property is tried with first: with the permissions on its own events."""
    p = setting.spec.properties[name]
    setting = relying(setting, p)
    return _system(setting, p, _own_rules(setting, p), False)


def relying(setting: Setting, p: Property) -> Setting:
    """Return the setting of a property, in which what it relies on is kept as if it were a MUST."""
    rules = {i: replace(r, level="MUST") if i in p.relying else r for i, r in setting.rules.items()}
    return replace(setting, rules=rules)


def _prove(setting: Setting, p: Property, with_needs: bool, with_obligations: bool) -> Result:
    started = time.monotonic()
    setting = relying(setting, p)
    proofs: dict[str, tuple[System, Z]] = {}
    result = (
        _consistent(setting, p, proofs)
        if isinstance(p.claim, Consistent)
        else _by_spacer(setting, p, with_needs, proofs)
    )
    if with_obligations and result.result == "proved":
        title = f"{p.name} of {setting.spec.name}"
        asked = [o for part, proof in proofs.items() for o in obligations(*proof, title, part)]
        result = replace(result, obligations=tuple(asked))
    return replace(result, seconds=time.monotonic() - started)


def _by_spacer(setting: Setting, p: Property, with_needs: bool, proofs: dict[str, tuple[System, Z]]) -> Result:
    verdict = Verdict("unknown")
    for rules, whole in ((_own_rules(setting, p), False), (setting.musts, True)):
        try:
            system = _system(setting, p, rules, whole)
        except TooManyEntries as error:
            verdict = Verdict("unknown", reason=str(error))
            break
        verdict = spacer(system, setting.timeout)
        if verdict.answer == "proved":
            proofs[""] = system, verdict.invariant
            needed = (
                _needed(setting, p, rules, whole, verdict.invariant)
                if with_needs and not isinstance(p.claim, Permitted)
                else ()
            )
            how = "all rules" if whole else "rules on the same events"
            method = f"Spacer, dense time, {setting.about}, {how}"
            return Result(p.name, p.section, "proved", 0.0, method, needed, verdict.invariant.sexpr(), ("z3",))
        if verdict.answer == "refuted" and (trace := _seek(setting, p, setting.without)) is not None:
            return Result(p.name, p.section, "refuted", 0.0, f"bounded search, {trace.steps} steps", trace=trace)
    refuted = "a counterexample exists, but none as short as was searched for"
    if setting.spec.tables:
        refuted = "there is no proof about one entry at a time, and no short counterexample"
    reason = verdict.reason or refuted
    return Result(p.name, p.section, "unknown", 0.0, f"Spacer, dense time, {setting.about}", reason=reason)


def _system(setting: Setting, p: Property, rules: list[Rule], whole: bool, framed: list[Rule] | None = None) -> System:
    build = claims.independence if isinstance(p.claim, Independent) else claims.safety
    return build(setting, p, rules, whole, framed)


def _seek(setting: Setting, p: Property, free: frozenset[str]) -> Witness | None:
    seek = claims.search_independence if isinstance(p.claim, Independent) else claims.search_safety
    return seek(setting, p, free)


def _own_rules(setting: Setting, p: Property) -> list[Rule]:
    """Return the permissions on the events that a property speaks of."""
    events = {q.event for q in p.patterns}
    return [r for r in setting.musts if isinstance(r.body, Allow) and any(q.event in events for q in r.body.patterns)]


def _needed(setting: Setting, p: Property, rules: list[Rule], whole: bool, invariant: Z) -> tuple[Needed, ...]:
    """Return the rules without which there is no proof, each with a counterexample that breaks just it.

    Where the `invariant` found with all rules does without one, no other proof has to be sought.
    """
    found = []
    for rule in rules:
        if isinstance(rule.body, Configure):
            continue
        others = [r for r in rules if r is not rule]
        if not recheck(_system(setting, p, others, whole, rules), invariant, setting.timeout):
            continue
        if spacer(_system(setting, p, others, whole), setting.timeout).answer == "proved":
            continue
        if (trace := _seek(setting, p, setting.without | {rule.id})) is not None:
            found.append(Needed(rule.id, trace))
    return tuple(found)


def _consistent(setting: Setting, p: Property, proofs: dict[str, tuple[System, Z]]) -> Result:
    verdict = consistency.consistent(setting, proofs)
    method = consistency.METHOD.format(setting.about)
    if verdict.answer != "proved":
        return Result(p.name, p.section, verdict.answer, 0.0, method, reason=verdict.reason)
    return Result(p.name, p.section, "proved", 0.0, method, (), verdict.invariant.sexpr(), ("z3",))
