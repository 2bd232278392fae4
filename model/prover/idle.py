"""Rules that are there for nothing: that no run puts to the test, or that nothing can break which keeps the others."""

from __future__ import annotations

import z3
from mipcheck.model.prover.claims import system_of
from mipcheck.model.prover.form import ADDRESS, ANY, Form, possible
from mipcheck.model.prover.free import candidates, in_form
from mipcheck.model.prover.logic import neg
from mipcheck.model.prover.setting import Setting
from mipcheck.model.prover.spacer import Verdict, impossible, spacer
from mipcheck.model.prover.symbolic import WHOLE_NODE
from mipcheck.model.prover.tables import TooManyEntries
from mipcheck.model.specification.claimed import Property, Whenever
from mipcheck.model.specification.spec import Allow, Configure
from mipcheck.model.specification.term import FALSE, Term
from mipcheck.model.values.types import BOOL


def is_idle(setting: Setting, rule: str, broken: bool, seconds: float) -> bool:
    """Decide whether a rule is there for nothing as `idleness` does; no answer counts as that it is not."""
    return idleness(setting, rule, broken, seconds).answer == "proved"


def idleness(setting: Setting, rule: str, broken: bool, seconds: float) -> Verdict:
    """Decide whether a permission is certainly exercised by no run that keeps all rules, or if `broken` is broken by
    none that keeps the other MUSTs, whatever the addresses are, or whether no site keeps a demand on it, or breaks it:
    then that is proved.

    That takes so many seconds of the processor at most; next to none if it is so whatever the state, and in none only
    that is seen.
    """
    unknown = Verdict("unknown")
    body = setting.rules[rule].body
    if isinstance(body, Configure):
        return Verdict("proved") if _no_site(setting, rule, broken) else unknown
    if not isinstance(body, Allow):
        return unknown
    kept = body.condition if body.unclear is None else Term("or", BOOL, args=(body.condition, body.unclear))
    p = Property(rule, (), "", Whenever(body.patterns, kept if broken else FALSE))
    if broken:
        others = [r for r in setting.musts if r.id != rule]
        form = Form(ANY, tuple(n for n in candidates(setting) if n.startswith(ADDRESS)))
    else:
        others = [r for r in setting.rules.values() if r.id not in setting.without]
        form = Form(ANY)
    own = in_form(setting, form)
    try:
        plain = system_of(own, p, [r for r in others if r.permits({q.event for q in body.patterns})], False)
    except TooManyEntries:
        return unknown
    if all(impossible(setting.timeout, bad) for bad in plain.bad):
        return Verdict("proved")
    return spacer(system_of(own, p, others, True), seconds) if seconds > 0 else unknown


def _no_site(setting: Setting, rule: str, broken: bool) -> bool:
    """Decide whether no site keeps a demand on it and all others, or if `broken` the others but not this one; those
    that speak of what cannot be left open are not asked."""
    free = Form(ANY, candidates(setting))
    own = in_form(setting, free)
    demands = {
        r.id: r.body.condition
        for r in setting.rules.values()
        if isinstance(r.body, Configure)
        and r.id not in setting.without
        and all(z3.is_expr(own.parameters[n]) for n in r.body.condition.names("param"))
    }
    asking = (t for t in (setting.unfolded or setting.spec).rules[rule].terms() if t.names("given"))
    if rule not in demands or any(asking):
        return False
    world = own.world(())
    holds = {name: world.term(t, {}, WHOLE_NODE, {}, None) for name, t in demands.items()}
    if broken:
        holds[rule] = neg(holds[rule])
    return impossible(setting.timeout, *possible(own.spec, free), *holds.values(), *world.exact())
