"""The parameters and modes that a rule reads, and odd settings in which it may show what it is for."""

from __future__ import annotations

from collections.abc import Iterable

from mipcheck.model.language.expression import Apply, Name
from mipcheck.model.prover.setting import SITE
from mipcheck.model.specification.spec import Rule, Spec
from mipcheck.model.specification.term import Term

_SOMEWHERE = 0xC0000210


def read_by(rule: Rule) -> set[str]:
    """Return the parameters that the rule itself speaks of."""
    return {n for t in rule.terms() for n in t.names("param")}


def same_addresses(rules: Iterable[Rule]) -> list[dict[str, int]]:
    """Return, for every two addresses of the site that the rules compare, a site where they are the same."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for t in (t for rule in rules for root in rule.terms() for t in root.walk()):
        if t.kind in ("=", "!=") and all(a.kind == "site" for a in t.args):
            one, other = sorted(a.name for a in t.args)
            found[one, other] = dict.fromkeys((one, other), SITE.get(one, _SOMEWHERE))
    return list(found.values())


def speaks_of(spec: Spec, rule: Rule, name: str) -> bool:
    """Decide whether a rule depends on a capability, an access mode or a layer."""
    if name in (*rule.given, *rule.unless):
        return True
    return any(_is_about(spec, t, name) for root in rule.terms() for t in root.walk())


def _is_about(spec: Spec, t: Term, name: str) -> bool:
    if t.kind == "capable":
        return t.name == name
    modes = set(spec.accesses)
    if modes and t.kind in ("const", "has", "in") and (name in modes or name in spec.layers):
        members = set(t.args[-1].type.members if t.args else t.type.members)
        if members >= modes:  # any mode is asked for, or the one of that name
            return t.kind == "in" or t.name == name or _uses(t, name)
    return _uses(t, name) or (t.kind == "has" and name in spec.layers and t.name == name)


def _uses(t: Term, layer: str) -> bool:
    source = t.source
    return isinstance(source, Apply) and source.op == "uses" and any(isinstance(a, Name) and a.name == layer
                                                                     for a in source.args[1:2])  # fmt: skip
