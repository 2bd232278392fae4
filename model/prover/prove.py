"""Proofs of a specification's properties, and what refutes them. No printing, no files.

A property is tried with the rules that speak of its own events first: fewer constraints are a stronger theorem and
an easier one. What that does not prove is tried with every rule and obligation; what then fails is searched for the
shortest trace. Nothing is called proved without an invariant that plain queries have checked again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import mipcheck.model.prover.consistency as consistency
from mipcheck.model.prover.certificate import HAPPENS, REFUTES, Certificate
from mipcheck.model.prover.certified import certified, outlasting, refuted, retold, tidily
from mipcheck.model.prover.claims import Refutations, system_of
from mipcheck.model.prover.examples import Examples
from mipcheck.model.prover.form import Form
from mipcheck.model.prover.free import in_form
from mipcheck.model.prover.limits import TIME_IS_UP, is_over
from mipcheck.model.prover.mended import alike
from mipcheck.model.prover.needed import Needed, Needs, Proof, Undecided, proved_system
from mipcheck.model.prover.proving import own_rules, proof_of, shortest
from mipcheck.model.prover.scripts import Script
from mipcheck.model.prover.setting import Setting, setting_of
from mipcheck.model.prover.smtlib import Obligation, obligations
from mipcheck.model.prover.spacer import System, Z, spacer
from mipcheck.model.prover.widen import interfaces_of, values_of
from mipcheck.model.prover.witness import Witness
from mipcheck.model.specification.claimed import Consistent, Independent, Permitted, Property, Whenever
from mipcheck.model.specification.compose import called, owners
from mipcheck.model.specification.load import load
from mipcheck.model.specification.spec import Spec
from mipcheck.model.specification.term import FALSE


@dataclass(frozen=True, slots=True)
class Result:
    """`result` is proved, vacuous (nothing of which it speaks can happen), refuted or unknown; `reason` says why.

    `invariant` is SMT-LIB; `trace` refutes. `needs` are the rules without which the property fails, each with a trace;
    `undecided` those that may be such; `assumes` the assumptions on which the proof rests, None if that was not asked,
    and `excluded` says what never happens with these, so that the proof is not about it.
    """

    name: str
    section: str
    result: str
    seconds: float
    method: str
    interfaces: str | None = None
    """Those that a proof is about: any, 2 or 3."""
    for_all: tuple[str, ...] | None = None
    """Parameters, and addresses as `site.iha`, for all of whose values the proof holds."""
    needs: tuple[Needed, ...] = ()
    assumes: tuple[str, ...] | None = None
    undecided: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    invariant: str = ""
    cross_checked: tuple[str, ...] = ()
    trace: Witness | None = None
    reason: str = ""
    certificate: Certificate | None = None
    """What shows that it is proved, but for what was not asked for."""
    obligations: tuple[Obligation, ...] = ()
    """Those of the proof, where they were asked for."""
    certified: bool = False
    """The proof is that of a certificate, which has been checked again."""
    shortest: bool = True
    """No shorter trace was found that refutes it; not so where nobody has looked for one."""


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
    """Prove the named properties, or all of all roles and systems, `without` these rules and assumptions.

    `parameters` in ns, `timeout` in seconds of an idle processor for each solver call. Raises KeyError for a property,
    rule or assumption that does not exist, ParameterError and SpecError.
    """
    resolved = load(spec) if isinstance(spec, str) else spec
    dropped = list(without)
    everywhere = owners(resolved)
    for name in dropped:
        if not any(called(m, [name]) for m in (*resolved.machines(), *everywhere.values())):
            raise KeyError(name)
    proofs = Proofs(resolved, parameters, dropped, capabilities, timeout, with_obligations=with_obligations)
    results = []
    for name in list(properties) or proofs.properties:
        progress(name)
        result = proofs.verdict(name)
        results.append(proofs.completed(result) if with_needs else result)
    return results


class Proofs:
    """Proofs of one specification: of each property first the verdict, and then what the proof needs, or the shortest
    counterexample.

    `certificate` says of a property what was proved of it before, None where nothing is known. Asked `briefly` is only
    whether something holds: what refutes it need not have ordinary values, nor a proof be for as much as can be had.
    What need not wait for a proof is done `beside` it. For other parameters see `prove`.
    """

    def __init__(
        self,
        spec: Spec,
        parameters: Mapping[str, int] | None = None,
        without: Iterable[str] = (),
        capabilities: frozenset[str] = frozenset(),
        timeout: float = 60.0,
        certificate: Callable[[str], Certificate | None] = lambda _: None,
        with_obligations: bool = False,
        briefly: bool = False,
        beside: consistency.Beside = consistency.put_off,
    ) -> None:
        self._spec, self._certificate, self._briefly, self._beside = spec, certificate, briefly, beside
        self._given, self._without = parameters, list(without)
        self._capabilities, self._timeout, self._with_obligations = capabilities, timeout, with_obligations
        self._owners = owners(spec)
        self._settings: dict[str, Setting] = {}
        self._proved: dict[str, Proof] = {}
        self._answers: dict[str, str] = {}
        self._completed: set[str] = set()
        self._told: dict[str, Witness] = {}
        self._refuting: dict[str, list[Script]] = {}
        self._examples: dict[str, Examples] = {}

    @property
    def properties(self) -> list[str]:
        """The names of all properties, those of all roles and systems."""
        return list(self._owners)

    def owner(self, name: str) -> Spec:
        """Return the specification of the role or the system that a property is of. Raises KeyError."""
        return self._owners[name]

    def is_open(self, result: Result) -> bool:
        """Decide whether `completed` has something to add to a result."""
        claim = self._owners[result.name].properties[result.name].claim
        more = result.name in self._told or (result.name in self._proved and not isinstance(claim, Permitted))
        return more and result.name not in self._completed

    def verdict(self, name: str) -> Result:
        """Prove or refute a property. Raises KeyError for one that does not exist."""
        started = time.monotonic()
        p, setting = self._asked(name)
        if is_over():
            return Result(name, p.section, "unknown", 0.0, "none", reason=TIME_IS_UP)
        result = self._consistent(setting, p) if isinstance(p.claim, Consistent) else self._by_spacer(setting, p)
        self._answers[name] = result.result
        return replace(result, seconds=time.monotonic() - started)

    def completed(self, result: Result) -> Result:
        """Add to a result of `verdict` what the proof needs, or find the shortest counterexample."""
        if not self.is_open(result):
            return result
        started = time.monotonic()
        p, setting = self._asked(result.name)
        if p.name in self._told:
            found = shortest(setting, p, self._told[p.name])
            self._completed.add(p.name)
            if not is_over():
                is_kept = result.certified and found.steps == self._told[p.name].steps
                found = self._told[p.name] if is_kept else found
                result = replace(self._refuted(setting, p, found), seconds=result.seconds, certified=is_kept)
            return replace(result, seconds=result.seconds + time.monotonic() - started)
        proof = self._proved[result.name]
        asked = Needs(setting, p, proof, self._certificate(result.name))
        rules = list(asked.all())
        proof = replace(proof, assumes=asked.assumes)
        needs = tuple(n for n in rules if isinstance(n, Needed))
        undecided = tuple(n.rule for n in rules if isinstance(n, Undecided))
        shown = Certificate(
            self._spec.name,
            self._owners[p.name].role,
            p.name,
            {"": proof.inductive(None if isinstance(p.claim, Independent) else asked.suspects), **asked.spare},
            {
                **({n: s for n, s in result.certificate.scripts.items() if n == HAPPENS} if result.certificate else {}),
                **{n.rule: n.trace.script for n in needs if n.trace.script is not None},
            },
            undecided,
        )
        self._completed.add(p.name)
        seconds = result.seconds + time.monotonic() - started
        return replace(
            result,
            needs=needs,
            assumes=asked.assumes,
            undecided=undecided,
            excluded=asked.excluded,
            certificate=shown,
            seconds=seconds,
        )

    def needed(self, name: str, rule: str) -> bool:
        """Decide whether a property is proved, if only because nothing happens of which it speaks, and fails without a
        rule: there is a counterexample."""
        return isinstance(self._need(name, rule, ("proved", "vacuous")), Needed)

    def spared(self, name: str, rule: str) -> bool:
        """Decide whether a property is proved, and so it is without a rule that speaks of it."""
        return self._need(name, rule, ("proved",)) is None

    def _need(self, name: str, rule: str, answers: tuple[str, ...]) -> Needed | Undecided | Literal[False] | None:
        """Return whether a property needs a rule, None if it does not; False where nobody can ask, or the answer is
        none of those."""
        p, setting = self._asked(name)
        if isinstance(p.claim, Consistent | Permitted):
            return False
        if (self._answers.get(name) or self.verdict(name).result) not in answers:
            return False
        proof = self._proved[name]
        mine = [r for r in proof.rules if r.id == rule]
        if not mine:
            return False
        known = self._certificate(name)
        if self._briefly and known is not None and (script := known.scripts.get(rule)) is not None:
            found = Refutations(setting, p, pretty=False).again(script, setting.without | {rule})
            if found is not None:
                return Needed(rule, found)
        return Needs(setting, p, proof, known).of(mine[0])

    def _about(self, name: str) -> str:
        """Return what properties have in common that have one setting: the role; of a system, each has an attacker of
        its own."""
        owner = self._owners[name]
        return name if owner.parties else owner.role

    def _asked(self, name: str) -> tuple[Property, Setting]:
        """Return a property, and its setting."""
        owner, about = self._owners[name], self._about(name)
        if about not in self._settings:
            dropped = called(owner, self._without)
            rules = [n for n in dropped if n in owner.rules]
            self._settings[about] = setting_of(
                _unassuming(owner, dropped), self._given, rules, self._capabilities, self._timeout
            )
        setting = self._settings[about]
        return setting.spec.properties[name], relying(setting, setting.spec.properties[name])

    def _examples_of(self, setting: Setting, p: Property) -> Examples:
        """Return searches in a property's setting, which all share that rely on the same."""
        about = self._about(p.name)
        if p.relying:
            return Examples(setting)
        return self._examples.setdefault(about, Examples(setting))

    def _by_spacer(self, setting: Setting, p: Property) -> Result:
        known = self._certificate(p.name)
        stored = None if known is None else refuted(setting, p, known) or certified(setting, p, known)
        proof = stored or self._outlasting(setting, p, known) or proof_of(setting, p, self._briefly)
        if isinstance(proof, Proof):
            self._proved[p.name] = proof
            how = "all rules" if proof.whole else "rules on the same events"
            interfaces = interfaces_of(setting, p, proof)
            about = in_form(setting, Form(interfaces)).about
            method = f"Spacer, dense time, {about}, {how}"
            own = {"": (proved_system(setting, p, proof), proof.invariant)} if self._with_obligations else {}
            obliged = self._obligations(setting, p, own)
            answer, reason, happens = self._arises(setting, p, known)
            scripts = {} if happens is None else {HAPPENS: happens}
            shown = Certificate(self._spec.name, setting.spec.role, p.name, {"": proof.inductive(proof.core)}, scripts)
            shown = shown if known is None else _with_needs(shown, known)
            return Result(p.name, p.section, answer, 0.0, method, interfaces, values_of(setting, proof),
                          invariant=proof.invariant.sexpr(), reason=reason,
                          cross_checked=("z3",), certificate=shown, certified=stored is not None,
                          obligations=obliged)  # fmt: skip
        if isinstance(proof, Witness):
            if stored is not None and proof.steps > 1:
                self._told[p.name] = proof
            return replace(self._refuted(setting, p, proof, p.name not in self._told), certified=stored is not None)
        unfound = "a counterexample exists, but none as short as was searched for"
        if setting.spec.tables:
            unfound = "there is no proof about one entry at a time, and no short counterexample"
        if isinstance(p.claim, Independent):
            unfound = (
                "there is no proof where others may leave what is shared in any state, and no short counterexample"
            )
        method = f"Spacer, dense time, {setting.about}"
        return Result(p.name, p.section, "unknown", 0.0, method, reason=proof.reason or unfound)

    def _refuted(self, setting: Setting, p: Property, trace: Witness, shortest: bool = True) -> Result:
        """Return that a trace refutes a property, a shortest one or not."""
        how = "bounded search" if shortest else "a known trace"
        scripts = {} if trace.script is None else {REFUTES: trace.script}
        self._refuting.setdefault(self._about(p.name), []).extend(scripts.values())
        kept = Certificate(self._spec.name, setting.spec.role, p.name, {}, scripts)
        return Result(p.name, p.section, "refuted", 0.0, f"{how}, {trace.steps} steps", trace=trace,
                      reason=_why_refuted(p, trace), certificate=kept if scripts else None,
                      shortest=shortest)  # fmt: skip

    def _outlasting(self, setting: Setting, p: Property, known: Certificate | None) -> Proof | Witness | None:
        """Return what kept evidence comes to where a rule has changed: a counterexample, or a proof by what is left of
        an invariant; None if it comes to nothing."""
        told = retold(setting, p, self._kept(p))
        if told is None:
            return None if known is None else outlasting(setting, p, known)
        if self._briefly:
            return told
        told = tidily(setting, p, told)
        if told.steps > 1:
            self._told[p.name] = told
        return told

    def _kept(self, p: Property) -> list[Script]:
        """Return kept traces that may refute a property where a rule has changed: those that show that a rule is
        needed, which break nothing where that has come to allow it, what refutes others, and examples of rules with
        events of which it speaks."""
        owner, known = self._owners[p.name], self._certificate(p.name)
        fitting = [q.name for q in owner.properties.values() if isinstance(q.claim, Consistent)]
        examples = [s for name in fitting if (c := self._certificate(name)) is not None for s in c.scripts.values()]
        own = {} if known is None else known.scripts
        others = self._refuting.get(self._about(p.name), [])
        return [*(s for n, s in own.items() if n != HAPPENS), *others, *alike(examples, {q.event for q in p.patterns})]

    def _obligations(
        self, setting: Setting, p: Property, proofs: Mapping[str, tuple[System, Z]]
    ) -> tuple[Obligation, ...]:
        """Return the obligations of proofs, by what part each is, if they are asked for."""
        title = f"{p.name} of {setting.spec.name}"
        parts = proofs.items() if self._with_obligations else ()
        return tuple(o for part, proof in parts for o in obligations(*proof, title, part))

    def _arises(self, setting: Setting, p: Property, known: Certificate | None) -> tuple[str, str, Script | None]:
        """Return proved, or vacuous, for a property that holds; why that is doubtful; and a trace on which what it
        speaks of happens."""
        if not p.patterns or isinstance(p.claim, Independent):
            return "proved", "", None
        script = None if known is None else known.scripts.get(HAPPENS)
        trace = self._examples_of(setting, p).arising(p, script)
        if trace is not None:
            return "proved", "", trace.script
        never = replace(p, claim=Whenever(p.patterns, FALSE))
        if spacer(system_of(setting, never, setting.musts, True), setting.timeout).answer == "proved":
            return "vacuous", "no event of which it speaks can happen where every MUST is kept", None
        return "proved", "", None

    def _consistent(self, setting: Setting, p: Property) -> Result:
        known = self._certificate(p.name)
        found = consistency.consistent(setting, known, self._examples_of(setting, p), self._beside)
        verdict, method = found.verdict, consistency.METHOD.format(setting.about)
        if verdict.answer != "proved":
            return Result(p.name, p.section, verdict.answer, 0.0, method, trace=found.trace, reason=verdict.reason)
        shown = Certificate(self._spec.name, setting.spec.role, p.name, found.proofs, found.scripts)
        is_known = known is not None and (known.proofs, known.scripts) == (shown.proofs, shown.scripts)
        return Result(p.name, p.section, "proved", 0.0, method, invariant=verdict.invariant.sexpr(),
                      cross_checked=("z3",), certificate=shown, certified=is_known,
                      obligations=self._obligations(setting, p, found.systems))  # fmt: skip


def _unassuming(spec: Spec, dropped: Iterable[str]) -> Spec:
    return replace(spec, assumptions={n: a for n, a in spec.assumptions.items() if n not in set(dropped)})


def system_of_property(setting: Setting, name: str, whole: bool) -> System:
    """Return a property's transition system: with every MUST and what it owes, or the permissions on its own events."""
    p = setting.spec.properties[name]
    setting = relying(setting, p)
    return system_of(setting, p, setting.musts if whole else own_rules(setting, p), whole)


def own_rules_suffice(setting: Setting, name: str) -> bool:
    """Decide whether the permissions on its own events alone prove a property."""
    return spacer(system_of_property(setting, name, whole=False), setting.timeout).answer == "proved"


def relying(setting: Setting, p: Property) -> Setting:
    """Return the setting of a property, in which what it relies on is kept as if it were a MUST."""
    if not p.relying:
        return setting
    rules = {i: replace(r, level="MUST") if i in p.relying else r for i, r in setting.rules.items()}
    return replace(setting, rules=rules)


def _with_needs(shown: Certificate, known: Certificate) -> Certificate:
    """Return a certificate with what another one says of needs, which nobody has asked for: evidence as it was."""
    others = {n: script for n, script in known.scripts.items() if n not in (HAPPENS, REFUTES)}
    return replace(
        shown,
        proofs={**known.proofs, **shown.proofs},
        scripts={**shown.scripts, **others},
        undecided=known.undecided,
    )


def _why_refuted(p: Property, trace: Witness) -> str:
    """Return in words what a counterexample shows, where its last event does not say so."""
    if isinstance(p.claim, Permitted):
        return f"{' and '.join(sorted(trace.broken))} forbids it"
    if isinstance(p.claim, Independent) and trace.script is not None:
        others = "do nothing" if trace.script.mirror == "fewer" else "do what stands in comments"
        return f"what eth0 is, or may do, at the end is otherwise where the other interfaces {others}"
    return ""
