"""Which rules a proof needs: those without which the property fails, as a trace shows.

The invariant says at once which rules it does without. For each of the others a counterexample is searched for, and
only where there is no short one a proof without the rule. What neither settles is undecided, never "not needed".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Literal

from mipcheck.model.prover.certificate import Certificate, Inductive
from mipcheck.model.prover.claims import Refutations, system_of
from mipcheck.model.prover.form import Form
from mipcheck.model.prover.formulas import Unreadable, names_of, read_formula, write_formula
from mipcheck.model.prover.free import candidates, in_form
from mipcheck.model.prover.search import DEPTH
from mipcheck.model.prover.setting import Setting
from mipcheck.model.prover.spacer import System, Z, impossible, recheck, spacer
from mipcheck.model.prover.tables import TooManyEntries
from mipcheck.model.prover.witness import Witness
from mipcheck.model.specification.claimed import Independent, Property, Whenever
from mipcheck.model.specification.spec import Configure, Rule
from mipcheck.model.specification.term import FALSE

_LIKELY: Final = 8
"""Steps within which there mostly is a counterexample if there is one: to search so far takes a second. Spacer may take
a minute to find that there is no proof."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a property was proved with: an `invariant` that passed its re-check under `rules`.

    `whole`: obligations are kept and all state is followed. `core`, where it is known: it is enough to keep these; and
    `assumes`: it is enough that the network keeps to these assumptions.
    """

    rules: list[Rule]
    whole: bool
    invariant: Z
    core: frozenset[str] | None = None
    assumes: tuple[str, ...] | None = None
    form: Form = Form()
    text: str = ""
    """The invariant as a certificate has it, where that is where it comes from."""

    def inductive(self, kept: Iterable[str] | None = None) -> Inductive:
        """Return this for a certificate; `kept` are the rules that it needs, if not all."""
        chosen = {r.id for r in self.rules} if kept is None else set(kept)
        names = tuple(r.id for r in self.rules if r.id in chosen)
        return Inductive(names, self.whole, self.text or write_formula(self.invariant), self.assumes,
                         self.form)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Needed:
    """A rule without which the property fails, and the shortest trace on which it does."""

    rule: str
    trace: Witness


@dataclass(frozen=True, slots=True)
class Undecided:
    """A rule without which neither a proof nor a trace was found."""

    rule: str


class Needs:
    """Decides which rules a proof needs, by searches that share their unrollings.

    What a `certificate` has to say is checked first. `spare` are proofs without a rule that is not needed though the
    invariant needs it; `undecided` are the rules of which that is not known.
    """

    def __init__(
        self,
        setting: Setting,
        p: Property,
        proof: Proof,
        certificate: Certificate | None = None,
    ) -> None:
        self.setting, self.property, self.proof, self._certificate = setting, p, proof, certificate
        self.spare: dict[str, Inductive] = {}
        self._searches = Refutations(setting, p, pretty=False)

    def all(self) -> Iterator[Needed | Undecided]:
        """Yield the rules that are needed, and those of which it is undecided, in the order of the proof."""
        suspects = self.suspects
        for rule in self.proof.rules:
            if rule.id in suspects and (need := self.of(rule)) is not None:
                yield need

    @cached_property
    def assumes(self) -> tuple[str, ...]:
        """The assumptions that the proof takes: with these alone the invariant still passes its re-check."""
        if self.proof.assumes is not None:
            return self.proof.assumes
        kept = list(self.setting.spec.assumptions)
        for dropped in ([*kept], *([name] for name in kept)):
            others = [n for n in kept if n not in dropped]
            if len(others) < len(kept) and self._does_assuming(others):
                kept = others
        return tuple(kept)

    @property
    def excluded(self) -> tuple[str, ...]:
        """What never happens with the assumptions that the proof takes, in words: it is of networks without that.

        Where entries are followed the question would be of others than the proof is, and it is not asked.
        """
        own = in_form(self.setting.assuming(self.assumes), self.proof.form)
        return tuple(
            f"with {name} no {' and no '.join(q.source for q in own.spec.assumptions[name].patterns)} ever happens"
            for name in (() if self.setting.spec.tables else self.assumes)
            if self._never(own, Whenever(own.spec.assumptions[name].patterns, FALSE))
        )

    def _never(self, setting: Setting, claim: Whenever) -> bool:
        """Decide whether nothing of which a claim speaks happens where the invariant holds."""
        proof, asked = self.proof, Property(self.property.name, (), "", claim)
        bad = system_of(setting, asked, proof.rules, proof.whole, proof.rules).bad
        return all(impossible(setting.timeout, proof.invariant, b) for b in bad)

    def _does_assuming(self, names: list[str]) -> bool:
        kept = self.suspects | {r.id for r in self.proof.rules if isinstance(r.body, Configure)}
        rules = [r for r in self.proof.rules if r.id in kept]
        stored = replace(self.proof, assumes=tuple(names)).inductive()
        return checked(self.setting, self.property, rules, stored, self.proof.rules) is not None

    def of(self, rule: Rule) -> Needed | Undecided | None:
        """Decide about one rule of the proof; None if it is not needed."""
        if self.proof.core is not None and rule.id not in self.suspects:
            return None
        found = self._certified(rule)
        if found is not False:
            return found
        setting = self.setting
        others = [r for r in self.proof.rules if r.id != rule.id]
        if self._does_with({r.id for r in others}):
            self.spare[rule.id] = replace(self.proof, rules=others).inductive()
            return None
        free = setting.without | {rule.id}
        if (trace := self._searches.find(free, _LIKELY, rule.id)) is not None:
            return Needed(rule.id, trace)
        if self._is_proved(rule, others, self.proof.whole):
            return None
        if (trace := self._searches.find(free, DEPTH, rule.id)) is not None:
            return Needed(rule.id, trace)
        # With all state it may take a minute, so that is asked last.
        if not self.proof.whole and self._is_proved(rule, [r for r in setting.musts if r.id != rule.id], True):
            return None
        return Undecided(rule.id)

    def _certified(self, rule: Rule) -> Needed | Undecided | Literal[False] | None:
        """Return what the certificate shows of a rule, False if nothing."""
        certificate = self._certificate
        if certificate is None:
            return False
        if (script := certificate.scripts.get(rule.id)) is not None:
            trace = self._searches.shown(script, self.setting.without | {rule.id})
            return False if trace is None else Needed(rule.id, trace)
        if (spare := certificate.proofs.get(rule.id)) is not None:
            rules = self.setting.musts if spare.whole else self.proof.rules
            others = [r for r in rules if r.id != rule.id]
            if checked(self.setting, self.property, others, spare, rules) is None:
                return False
            self.spare[rule.id] = spare
            return None
        return Undecided(rule.id) if rule.id in certificate.undecided else False

    def _is_proved(self, rule: Rule, others: list[Rule], whole: bool) -> bool:
        """Decide whether there is a proof without a rule, with these others; no answer counts as none."""
        system = system_of(in_form(self.setting, self.proof.form), self.property, others, whole)
        verdict = spacer(system, self.setting.timeout)
        if verdict.answer != "proved":
            return False
        self.spare[rule.id] = Proof(others, whole, verdict.invariant, form=self.proof.form).inductive()
        return True

    def _does_with(self, kept: set[str]) -> bool:
        """Decide whether the invariant passes its re-check with these rules alone; no answer counts as that it does
        not."""
        proof = self.proof
        rules = [r for r in proof.rules if r.id in kept]
        system = system_of(in_form(self.setting, proof.form), self.property, rules, proof.whole, proof.rules)
        return not recheck(system, proof.invariant, self.setting.timeout)

    @cached_property
    def suspects(self) -> frozenset[str]:
        """The rules of which some are needed, if any is: the invariant does with these.

        Independence compares what is allowed, so that fewer rules may make it true or false: there all are suspects.
        """
        fixed = {r.id for r in self.proof.rules if isinstance(r.body, Configure)}
        rules = [r.id for r in self.proof.rules if r.id not in fixed]
        if isinstance(self.property.claim, Independent):
            return frozenset(rules)
        return frozenset(self._smallest(fixed, rules) if self.proof.core is None else self.proof.core - fixed)

    def _smallest(self, kept: set[str], rules: list[str]) -> list[str]:
        """Return as few of the `rules` as the invariant needs beside those `kept`, found by halving."""
        if not rules or self._does_with(kept):
            return []
        if len(rules) == 1:
            return rules
        first, second = rules[: len(rules) // 2], rules[len(rules) // 2 :]
        of_second = self._smallest(kept | set(first), second)
        return [*self._smallest(kept | set(of_second), first), *of_second]


def proved_system(setting: Setting, p: Property, proof: Proof) -> System:
    """Return the system in which the invariant of a proof shows that nothing bad can be reached."""
    rules = [r for r in proof.rules if proof.core is None or r.id in proof.core]
    own = setting if proof.assumes is None else setting.assuming(proof.assumes)
    return system_of(in_form(own, proof.form), p, rules, proof.whole, proof.rules)


def checked(
    setting: Setting, p: Property, rules: list[Rule], proof: Inductive, framed: list[Rule] | None = None
) -> Z | None:
    """Return the invariant of a certificate, if it proves the property with these rules today; else None."""
    if proof.assumes is not None:
        setting = setting.assuming(proof.assumes)
    if not set(proof.form.free) <= set(candidates(setting)):
        return None
    try:
        system = system_of(in_form(setting, proof.form), p, rules, proof.whole, framed)
        invariant = read_formula(proof.invariant, names_of(system.state))
    except (Unreadable, TooManyEntries):
        return None
    return None if recheck(system, invariant, setting.timeout) else invariant
