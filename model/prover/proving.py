"""Proofs of a property, found anew, or the shortest trace that refutes it.

What Spacer says to happen in a run by which there is no proof is tried as a trace before any is searched for, which
takes a hundredth of a search. Where some rules forbid it, Spacer is asked for a run that keeps them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from mipcheck.model.prover.claims import Refutations, safety, system_of
from mipcheck.model.prover.form import ANY, Form
from mipcheck.model.prover.free import in_form
from mipcheck.model.prover.needed import Proof
from mipcheck.model.prover.setting import Setting
from mipcheck.model.prover.spacer import Verdict, spacer
from mipcheck.model.prover.tables import TooManyEntries
from mipcheck.model.prover.widen import of_any, refuted_by_three, widened, widest
from mipcheck.model.prover.witness import Witness
from mipcheck.model.specification.claimed import Independent, Property
from mipcheck.model.specification.spec import Allow, Rule

_SOUGHT: Final = 5
"""Steps of traces that are found sooner by a search than by Spacer."""
_SOON: Final = 8
"""Steps of a search that takes a second, where Spacer may take a minute: with two interfaces."""
_GUIDED: Final = 3
"""Times that what Spacer finds guides it further."""
_BRIEFLY: Final = 4.0
"""Seconds for each."""


def shortest(setting: Setting, p: Property, told: Witness) -> Witness:
    """Return a shortest counterexample where one was told: what Spacer finds is, and takes least if it is a trace."""
    refutations = Refutations(setting, p)
    trace = None
    if told.steps > _SOUGHT:
        ask = of_any if len(setting.interfaces) > 1 else widest
        found = ask(setting, p, own_rules(setting, p), False)
        trace = None if isinstance(found, Proof) else refutations.by(found.way, setting.without)
    return trace or refutations.find(setting.without, told.steps) or told


def proof_of(setting: Setting, p: Property, briefly: bool) -> Proof | Witness | Verdict:
    """Return a proof of a property, or a trace that refutes it, or what is said of it when there is neither."""
    verdict = Verdict("unknown")
    refutations = Refutations(setting, p, not briefly)
    own = own_rules(setting, p)
    # The guess that all is alike speaks of what assumptions read, too, so that it never does without them.
    bare = setting.assuming(()) if isinstance(p.claim, Independent) and setting.spec.assumptions else None
    if bare is not None and (told := _settled(refutations, widest(bare, p, own, False))) is not None:
        return replace(told, assumes=()) if isinstance(told, Proof) else told
    # What happens in a run that Spacer has found is tried before all else is asked or sought: mostly that refutes it.
    if (told := _settled(refutations, found := widest(setting, p, own, False))) is not None:
        return told
    takes_more = False
    if isinstance(found, Verdict) and found.answer == "refuted" and refutations.forbidding:
        guided = _guided(refutations)
        if isinstance(guided, Witness):
            return guided
        takes_more = guided
    for rules, whole in ((setting.musts, True),) if takes_more else ((own, False), (setting.musts, True)):
        try:
            system = system_of(setting, p, rules, whole)
        except TooManyEntries as error:
            return Verdict("unknown", reason=str(error))
        # Independence is about one interface among any number as it is: to ask that first would be to ask it twice.
        form = Form(ANY) if isinstance(p.claim, Independent) else Form()
        if not form.is_any and (told := _settled(refutations, of_any(setting, p, rules, whole))) is not None:
            return widened(setting, p, told, not briefly) if isinstance(told, Proof) else told
        sought = not form.is_any and not whole and len(setting.interfaces) > 1
        if sought and (trace := refutations.find(setting.without, _SOON)) is not None:
            return trace
        verdict = spacer(system, setting.timeout)
        if verdict.answer == "proved":
            proof = widened(setting, p, Proof(rules, whole, verdict.invariant, form=form), not briefly)
            return refuted_by_three(setting, p, proof) or proof
        if verdict.answer == "refuted":
            trace = refutations.by(verdict.way, setting.without) or refutations.find(setting.without)
            if trace is not None:
                return trace
    return verdict


def _guided(refutations: Refutations) -> Witness | bool:
    """Return a counterexample that keeps the permissions which forbade one before, and such as forbid the next; or
    whether there is none, so that it takes them to prove the property."""
    setting, p = refutations.setting, refutations.property
    rules = {r.id: r for r in own_rules(setting, p)}
    for _ in range(_GUIDED):
        more = [r for r in setting.musts if r.id in refutations.forbidding and isinstance(r.body, Allow)]
        if {r.id for r in more} <= rules.keys() or isinstance(p.claim, Independent):
            return False
        rules |= {r.id: r for r in more}
        try:
            system = safety(in_form(setting, Form(ANY)), p, list(rules.values()), False, permitted=True)
        except TooManyEntries:
            return False
        verdict = spacer(system, min(_BRIEFLY, setting.timeout))
        if verdict.answer != "refuted":
            return verdict.answer == "proved"
        if (trace := refutations.by(verdict.way, setting.without)) is not None:
            return trace
    return False


def _settled(refutations: Refutations, found: Proof | Verdict) -> Proof | Witness | None:
    """Return a proof, or a trace that has what happens in a run by which there is none; None if that is no trace."""
    return found if isinstance(found, Proof) else refutations.by(found.way, refutations.setting.without)


def own_rules(setting: Setting, p: Property) -> list[Rule]:
    """Return the permissions on the events that a property speaks of."""
    return setting.permissions({q.event for q in p.patterns})
