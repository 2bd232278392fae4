"""Whether a change to a specification can matter to a property: it cannot outside what the property depends on."""

from __future__ import annotations

from mipcheck.model.prover.runs import condition_of, cone, roots_of_property
from mipcheck.model.specification.claimed import Independent, Invariant, Permitted, Property
from mipcheck.model.specification.spec import Configure, Rule, Spec
from mipcheck.model.specification.term import Term


def concerned(original: Spec, changed: Spec, p: Property) -> bool:
    """Decide whether a property may be proved of one specification and refuted of another, changed one.

    Where all that the property depends on through the permissions on its own events is the same in both, what is proved
    from these is proved of both. What takes other rules besides may be refuted all the same; but of an invariant that
    tells the time, which only an obligation can bring about, all rules are looked at.
    """
    return _basis(original, p) != _basis(changed, p)


def _basis(spec: Spec, p: Property) -> object:
    rules = [r for r in spec.rules.values() if _speaks(r, p)]
    roots = roots_of_property(p, rules)
    names = cone(spec, roots, False, {q.event for q in p.patterns})
    if isinstance(p.claim, Independent):
        names |= set(p.claim.variables)
        names |= cone(spec, [Term("var", spec.variables[n].type, n) for n in names], False)
    updates = [
        (u.patterns, [(n, t) for n, t in u.assignments if n in names], u.changes)
        for u in spec.updates
        if any(n in names for n, _ in u.assignments) or u.changes
    ]
    events = {q.event for patterns, _, _ in updates for q in patterns} | {q.event for q in p.patterns}
    assumed = [
        (a.patterns, a.condition) for a in spec.assumptions.values() if any(q.event in events for q in a.patterns)
    ]
    initial = {n: v.initial for n, v in spec.variables.items() if n in names}
    return [(r.id, r.level, r.body) for r in rules], updates, assumed, initial


def _speaks(rule: Rule, p: Property) -> bool:
    """Decide whether a rule may be what a property rests on."""
    if isinstance(rule.body, Configure):
        return False
    timed = isinstance(p.claim, Invariant) and condition_of(p).uses("now")
    if isinstance(p.claim, Permitted) or timed or rule.id in p.relying:
        return True
    return rule.permits({q.event for q in p.patterns})
