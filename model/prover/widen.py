"""Proofs for as much as can be had: any number of interfaces, all values of parameters and addresses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from mipcheck.model.prover.claims import Refutations, system_of
from mipcheck.model.prover.form import ADDRESS, ANY, Form, symbols
from mipcheck.model.prover.free import candidates, in_form
from mipcheck.model.prover.needed import Proof
from mipcheck.model.prover.setting import Setting
from mipcheck.model.prover.smtlib import constants
from mipcheck.model.prover.spacer import System, Verdict, recheck, spacer
from mipcheck.model.prover.tables import TooManyEntries
from mipcheck.model.prover.witness import Witness
from mipcheck.model.specification.claimed import Independent, Property
from mipcheck.model.specification.spec import Rule

_LIMIT: Final = 8.0
"""Seconds for each try to prove more than one value or two interfaces: there is a proof in any case."""


def widest(setting: Setting, p: Property, rules: list[Rule], whole: bool) -> Proof | Verdict:
    """Return a proof for any number of interfaces and all values of everything, if there is one at once; else what
    Spacer has said."""
    return _tried(setting, p, rules, whole, Form(ANY, candidates(setting)))


def widened(setting: Setting, p: Property, proof: Proof, of_values: bool = True) -> Proof:
    """Return a proof for as many interfaces as can be had, then, if asked for, for the values of as much as can be."""
    best = _of_more(setting, p, proof)
    for names in _groups(setting) if of_values else ():
        form = Form(best.form.interfaces, (*best.form.free, *(n for n in names if n not in best.form.free)))
        if form == best.form:
            continue
        system = _system(setting, p, best.rules, best.whole, form)
        # Mostly the invariant has nothing to do with it, which is cheaper to see than another one to find.
        if not _occur(system, names) or not recheck(system, best.invariant, setting.timeout):
            best = replace(best, form=form)
        elif isinstance(found := _tried(setting, p, best.rules, best.whole, form), Proof):
            best = found
    return best


def of_any(setting: Setting, p: Property, rules: list[Rule], whole: bool) -> Proof | Verdict:
    """Return a proof for any number of interfaces, where that says more than one for two, if there is one at once; else
    what Spacer has said."""
    return _tried(setting, p, rules, whole, Form(ANY)) if len(setting.interfaces) > 1 else Verdict("unknown")


def _of_more(setting: Setting, p: Property, proof: Proof) -> Proof:
    """Return a proof for three interfaces, if one for two is not for any number; of a single one it always is."""
    if proof.form.is_any:
        return proof
    if len(setting.interfaces) == 1:
        return replace(proof, form=Form(ANY))
    found = _tried(setting, p, proof.rules, proof.whole, Form("3"))
    return found if isinstance(found, Proof) else proof


def refuted_by_three(setting: Setting, p: Property, proof: Proof) -> Witness | None:
    """Return a trace of a node with three interfaces that refutes what is proved of one with two."""
    if proof.form.interfaces != "2" or interfaces_of(setting, p, proof) == ANY:
        return None
    return Refutations(in_form(setting, Form("3")), p).find(setting.without)


def _groups(setting: Setting) -> Iterator[tuple[str, ...]]:
    """Yield what to set free next: the addresses together and each by itself, then the parameters likewise."""
    everything = candidates(setting)
    for group in (
        [n for n in everything if n.startswith(ADDRESS)],
        [n for n in everything if not n.startswith(ADDRESS)],
    ):
        yield tuple(group)
        yield from ((n,) for n in group)


def _occur(system: System, names: tuple[str, ...]) -> bool:
    return bool(set(names) & set(constants(system.terms())))


def _system(setting: Setting, p: Property, rules: list[Rule], whole: bool, form: Form) -> System:
    return system_of(in_form(setting, form), p, rules, whole)


def _tried(setting: Setting, p: Property, rules: list[Rule], whole: bool, form: Form) -> Proof | Verdict:
    try:
        verdict = spacer(_system(setting, p, rules, whole, form), min(_LIMIT, setting.timeout))
    except TooManyEntries as error:
        return Verdict("unknown", reason=str(error))
    return Proof(rules, whole, verdict.invariant, form=form) if verdict.answer == "proved" else verdict


def interfaces_of(setting: Setting, p: Property, proof: Proof) -> str:
    """Return the number of interfaces that a proof is about: independence is that of one among any number."""
    single = not setting.spec.interface_variables()
    return ANY if single or isinstance(p.claim, Independent) else proof.form.interfaces


def values_of(setting: Setting, proof: Proof) -> tuple[str, ...]:
    """Return the parameters and addresses for all of whose values a proof holds, and the state that never changes and
    may have any."""
    return (*symbols(setting.spec, proof.form), *setting.spec.constants())
