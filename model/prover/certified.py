"""What certificates, and traces that are kept, still show where a specification may have changed."""

from __future__ import annotations

from dataclasses import replace

from mipcheck.model.prover.certificate import REFUTES, Certificate, Inductive
from mipcheck.model.prover.claims import Refutations, system_of
from mipcheck.model.prover.formulas import Unreadable, names_of, read_formula
from mipcheck.model.prover.free import candidates, in_form
from mipcheck.model.prover.logic import conj, conjuncts
from mipcheck.model.prover.needed import Proof, checked
from mipcheck.model.prover.proving import own_rules
from mipcheck.model.prover.scripts import Script
from mipcheck.model.prover.setting import Setting
from mipcheck.model.prover.spacer import lasting, recheck
from mipcheck.model.prover.tables import TooManyEntries
from mipcheck.model.prover.witness import Witness
from mipcheck.model.specification.claimed import Independent, Permitted, Property
from mipcheck.model.specification.spec import Rule


def certified(setting: Setting, p: Property, certificate: Certificate) -> Proof | None:
    """Return the proof in a certificate, if it is one of this property today."""
    stored = certificate.proofs.get("")
    if stored is None:
        return None
    rules = _rules_of(setting, p, stored)
    if (found := _shown(setting, p, stored, _core(p, stored, rules), rules)) is not None:
        return found
    without = replace(stored, assumes=None)
    if (invariant := checked(setting, p, rules, without)) is not None:
        return Proof(rules, stored.whole, invariant, form=stored.form, text=stored.invariant)
    return _certified_without(setting, p, certificate, stored)


def _certified_without(setting: Setting, p: Property, certificate: Certificate, main: Inductive) -> Proof | None:
    """Return a proof without some rule, by another invariant than the main one: that rule may have changed."""
    others = {s.invariant: s for rule, s in certificate.proofs.items() if rule and s.invariant != main.invariant}
    for stored in others.values():
        rules = _rules_of(setting, p, stored)
        if (found := _shown(setting, p, stored, _core(p, stored, rules), rules)) is not None:
            return found
    return None


def _rules_of(setting: Setting, p: Property, stored: Inductive) -> list[Rule]:
    """Return the rules with which a kept proof was found."""
    return setting.musts if stored.whole else own_rules(setting, p)


def _core(p: Property, stored: Inductive, rules: list[Rule]) -> list[Rule]:
    """Return the rules by which a kept proof is checked: those that it used, where fewer rules forbid less.

    What is permitted, and what may differ, is about all rules of today: another may forbid it.
    """
    whole = isinstance(p.claim, Independent | Permitted)
    return rules if whole else [r for r in rules if r.id in stored.rules]


def _shown(setting: Setting, p: Property, stored: Inductive, core: list[Rule], rules: list[Rule]) -> Proof | None:
    """Return a kept proof that uses the `core` of some rules, if it is one today."""
    if (invariant := checked(setting, p, core, stored, rules)) is None:
        return None
    ids = None if core is rules else frozenset(r.id for r in core)
    return Proof(rules, stored.whole, invariant, ids, stored.assumes, stored.form, stored.invariant)


def refuted(setting: Setting, p: Property, certificate: Certificate) -> Witness | None:
    """Return the counterexample in a certificate, if it is one to this property today.

    That of a permission says besides what forbids the event, which is found anew.
    """
    script = certificate.scripts.get(REFUTES)
    if script is None or isinstance(p.claim, Permitted):
        return None
    return Refutations(setting, p).shown(script, setting.without)


def outlasting(setting: Setting, p: Property, certificate: Certificate) -> Proof | None:
    """Return a proof by what is left of the invariants in a certificate where a changed rule makes parts of them
    untrue."""
    for whole, form in dict.fromkeys((s.whole, s.form) for s in certificate.proofs.values()):
        if not set(form.free) <= set(candidates(setting)):
            continue
        known = dict.fromkeys(s.invariant for s in certificate.proofs.values() if (s.whole, s.form) == (whole, form))
        rules = setting.musts if whole else own_rules(setting, p)
        try:
            system = system_of(in_form(setting, form), p, rules, whole)
            names = names_of(system.state)
            parts = {z.get_id(): z for text in known for z in conjuncts(read_formula(text, names))}
        except (Unreadable, TooManyEntries):
            continue
        invariant = conj(lasting(replace(system, likely=list(parts.values())), setting.timeout))
        if not recheck(system, invariant, setting.timeout):
            return Proof(rules, whole, invariant, form=form)
    return None


def retold(setting: Setting, p: Property, scripts: list[Script]) -> Witness | None:
    """Return a counterexample that is made of one of some traces, if not the shortest: as it is, or with other times
    and keys."""
    searches = Refutations(setting, p, pretty=False)
    for told in (searches.shown, searches.again):
        if (found := next((t for s in scripts if (t := told(s, setting.without)) is not None), None)) is not None:
            return found
    return None


def tidily(setting: Setting, p: Property, told: Witness) -> Witness:
    """Return a counterexample with ordinary values, if that can be said at once, which is mostly a shortest one."""
    tidy = None if told.script is None else Refutations(setting, p).again(told.script, setting.without)
    return tidy or told
