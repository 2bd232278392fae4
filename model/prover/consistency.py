"""Consistency: time is never blocked, what is owed is never forbidden, every rule can be exercised and broken."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Final, Protocol, TypeVar

import z3
from mipcheck.model.prover.blocked import Blockage, Blockages
from mipcheck.model.prover.certificate import Certificate, Inductive
from mipcheck.model.prover.endless import circle
from mipcheck.model.prover.examples import Examples, named
from mipcheck.model.prover.form import ANY, Form
from mipcheck.model.prover.formulas import Unreadable, names_of, read_formula, write_formula
from mipcheck.model.prover.idle import idleness
from mipcheck.model.prover.logic import conjuncts, neg
from mipcheck.model.prover.runs import Run, anchor_of, cone, roots_of_rules
from mipcheck.model.prover.scripts import Script
from mipcheck.model.prover.search import DEPTH
from mipcheck.model.prover.setting import Setting
from mipcheck.model.prover.spacer import Happening, System, Verdict, Z, recheck, spacer, with_likely
from mipcheck.model.prover.symbolic import WHOLE_NODE, Slot
from mipcheck.model.prover.timely import in_parts, owed_by, permitting, time_goes_on
from mipcheck.model.prover.tried import events_that_meet, events_that_would, none_of, tells_members
from mipcheck.model.prover.witness import Witness
from mipcheck.model.specification.spec import Require, Rule
from mipcheck.model.specification.term import Term

_MOST_HELD: Final = 6
_AT_ONCE: Final = 0.25
"""Seconds in which mostly it is proved that there is no trace, if that can be proved."""
_SOON: Final = 6
"""Steps within which there mostly is a trace if there is one: to search so far takes a second or two."""
_LONGEST: Final = 8.0
"""Seconds for such a proof where no trace was found."""
METHOD = "Spacer for time and deadlines (dense time, {}), search for traces that keep and break each rule"


@dataclass(frozen=True, slots=True)
class Consistency:
    """What is known of the rules: the `verdict`, a `trace` that refutes it, and what shows it, for a certificate."""

    verdict: Verdict
    trace: Witness | None = None
    proofs: Mapping[str, Inductive] = field(default_factory=dict)
    scripts: Mapping[str, Script] = field(default_factory=dict)
    systems: Mapping[str, tuple[System, Z]] = field(default_factory=dict)
    """The systems that were proved safe, with their invariants, by what that shows."""


_T = TypeVar("_T")


class Beside(Protocol):
    """Begins some work that others need not wait for, or puts it off, and returns what gives its result."""

    def __call__(self, work: Callable[[], _T], /) -> Callable[[], _T]:
        """Begin the work."""


def put_off(work: Callable[[], _T], /) -> Callable[[], _T]:
    """Return some work, which is done when it is asked for."""
    return work


def consistent(
    setting: Setting,
    certificate: Certificate | None = None,
    examples: Examples | None = None,
    beside: Beside = put_off,
) -> Consistency:
    """Decide whether the rules are consistent: proved, refuted with the reason, or unknown with what is undecided.

    What a `certificate` has to show is checked first; `examples` are searches in this setting, if there are some. That
    what is owed can be met, and the traces, are no matter of whether time goes on, and are looked for `beside` that.
    """
    own = setting.followed()
    shared = Examples(setting) if examples is None else examples
    decisions = _Decisions(setting.timeout, certificate)
    known = {} if certificate is None else certificate.scripts
    rest = beside(lambda: _without_time(own, setting, decisions, shared, known))
    verdict, found = _time(own, decisions, Blockages(setting, _SOON))
    if verdict.answer == "refuted":
        found = found or Blockages(setting).overdue()
        if found is not None:
            return Consistency(Verdict("refuted", reason=found.reason), found.trace)
        reason = "an event may make an obligation overdue at once, so that time cannot pass; no short trace shows it"
        return Consistency(Verdict("unknown", reason=reason))
    if verdict.answer != "proved":
        return Consistency(verdict)
    turning = circle(own, verdict.invariant)
    if turning is not None:
        found = Blockages(setting).turning(turning.rules) if turning.certain else None
        if found is not None:
            return Consistency(Verdict("refuted", reason=found.reason), found.trace)
        names = ", ".join(turning.rules)
        reason = f"what meets {names} may go on for ever while time stands still, which was not decided"
        return Consistency(Verdict("unknown", reason=reason))
    met, traces = rest()
    if met.stuck is not None:
        return Consistency(Verdict("refuted", reason=met.stuck.reason), met.stuck.trace)
    if met.unsure:
        names = ", ".join(met.unsure)
        return Consistency(Verdict("unknown", reason=f"whether {names} can always be met was not decided"))
    missing, scripts, shared.found = traces
    if missing:
        answer = "vacuous" if any(m.certainly for m in missing) else "unknown"
        missing.sort(key=lambda m: not m.certainly)
        verdict = Verdict(answer, reason="; ".join(m.said for m in missing))
    return Consistency(verdict, None, {**decisions.proofs, **met.proofs}, scripts, decisions.systems)


@dataclass(frozen=True, slots=True)
class _Met:
    """Whether what is owed can be met: what shows that something is `stuck`, else of which that is `unsure`, and the
    proofs of the others."""

    stuck: Blockage | None = None
    unsure: Sequence[str] = ()
    proofs: Mapping[str, Inductive] = field(default_factory=dict)


_Traces = tuple[list["_Missing"], dict[str, Script], list[Script]]


def _without_time(
    own: Setting, setting: Setting, decisions: _Decisions, examples: Examples, known: Mapping[str, Script]
) -> tuple[_Met, _Traces]:
    """Return whether what is owed can be met, and if so which traces there are: all but that time goes on."""
    met = _met(own, setting, decisions)
    return met, ([], {}, []) if met.stuck is not None or met.unsure else _traces(examples, known)


def _met(own: Setting, setting: Setting, decisions: _Decisions) -> _Met:
    """Return whether what is owed can be met."""
    unsure = []
    for r in (owed := owed_by(own)):

        def stuck(depth: int, way: Sequence[Happening] = (), r: Rule = r) -> Blockage | None:
            return Blockages(setting, depth).stuck(r.id, partial(events_that_meet, r, _permitting(own, r.id)), way)

        met = _can_be_met(own, r, [o for o in owed if o is not r], decisions, stuck)
        if met is not True and (found := met or stuck(DEPTH)) is not None:
            return _Met(found)
        unsure += [] if met else [r.id]
    return _Met(None, unsure, decisions.proofs)


def _traces(examples: Examples, known: Mapping[str, Script]) -> tuple[list[_Missing], dict[str, Script], list[Script]]:
    """Return which traces that exercise or break a rule are missing, the others, and all that have been found."""
    missing: list[_Missing] = []
    scripts = {}
    setting = examples.setting
    for rule in setting.rules:
        if rule not in setting.without:
            searches = examples.telling(rule)
            for broken in (True,) if setting.rules[rule].is_prohibition else (False, True):
                example = _example(searches, rule, broken, known)
                if isinstance(example, _Missing):
                    missing.append(example)
                elif example.script is not None:
                    scripts[named(rule, broken)] = example.script
    return missing, scripts, examples.found


@dataclass(frozen=True, slots=True)
class _Missing:
    """A trace that is not there, or was not found."""

    rule: str
    broken: bool
    certainly: bool

    @property
    def said(self) -> str:
        """The same in words."""
        how = f"{'breaks' if self.broken else 'exercises'} {self.rule}"
        return f"no trace {how} and keeps the other rules" if self.certainly else f"no trace was found that {how}"


def _example(searches: Examples, rule: str, broken: bool, known: Mapping[str, Script]) -> Witness | _Missing:
    """Return a trace that exercises a rule or breaks it, as a certificate has it, else one that is made or found."""
    name, idle = named(rule, broken), partial(idleness, searches.setting, rule, broken)
    if name in known and (trace := searches.shown(rule, broken, known[name])) is not None:
        return trace
    trace = None
    if known:  # who has changed a rule learns soon that it, or another, is there for nothing
        if idle(0).answer == "proved":
            return _Missing(rule, broken, True)
        trace = searches.told(rule, broken, known)
        if trace is None:
            asked = idle(_AT_ONCE)
            if asked.answer == "proved":
                return _Missing(rule, broken, True)
            trace = searches.by(rule, broken, asked.way)
    trace = trace or (searches.sought(rule, broken) if known else searches.soon(rule, broken, {}))
    return trace or _Missing(rule, broken, idle(min(_LONGEST, searches.setting.timeout)).answer == "proved")


def _time(setting: Setting, decisions: _Decisions, blockages: Blockages) -> tuple[Verdict, Blockage | None]:
    """Decide whether time goes on, or return what blocks it, too, where a short trace shows that.

    At first whatever the permissions say: with them it is harder, and they may forbid the event.
    """
    permissions = permitting(setting, owed_by(setting))
    choices = [[], permissions]
    ids: list[list[str]] = [[r.id for r in rules] for rules in choices]
    system = cache(lambda which: time_goes_on(setting, choices[which]))
    rests = int(decisions.rests("time"))
    if (verdict := decisions.shown("time", system(rests))) is not None:
        return verdict, None

    def shows(way: Sequence[Happening]) -> Blockage | None:
        return blockages.overdue(way) if way else None

    parts = in_parts(setting, decisions.parts_of("time", system(rests)), shows)
    if isinstance(parts, Blockage):
        return Verdict("refuted"), parts
    if parts is not None:
        invariant, takes = parts
        if (verdict := decisions.passes("time", system(int(takes)), invariant, ids[takes])) is not None:
            return verdict, None
    # What is not shown of each obligation by itself is mostly not so, which may take Spacer very long to say.
    if (found := blockages.overdue()) is not None:
        return Verdict("refuted"), found
    verdict = Verdict("unknown")
    for which, rules in enumerate(ids):
        verdict = decisions.of("time", system(which), rules)
        if verdict.answer != "refuted":
            break
    return verdict, None


class _Decisions:
    """Decides what can be reached, first by what a certificate says, and keeps the `proofs`."""

    def __init__(self, timeout: float, certificate: Certificate | None) -> None:
        self._timeout, self._known = timeout, {} if certificate is None else certificate.proofs
        self.proofs: dict[str, Inductive] = {}
        self.systems: dict[str, tuple[System, Z]] = {}

    def of(self, name: str, system: System, rules: Sequence[str] = ()) -> Verdict:
        """Decide whether what is bad can be reached in a system, of moves that keep these permissions."""
        known = self.shown(name, system)
        if known is not None:
            return known
        verdict = spacer(system, self._timeout)
        if verdict.answer == "proved":
            self._keep(name, system, verdict.invariant, _inductive(rules, verdict.invariant))
        return verdict

    def knows(self, name: str) -> bool:
        """Return whether the certificate has to show this."""
        return name in self._known

    def by(self, name: str, rules: Sequence[str]) -> bool:
        """Return whether the certificate has to show this by some rules, and by these."""
        return self.knows(name) and set(self._known[name].rules) == set(rules)

    def rests(self, name: str) -> bool:
        """Return whether the certificate has to show this by permissions."""
        return self.knows(name) and bool(self._known[name].rules)

    def shown(self, name: str, system: System) -> Verdict | None:
        """Return that what is bad cannot be reached, where the certificate shows that; None where it does not."""
        known = self._known.get(name)
        if known is not None:
            with contextlib.suppress(Unreadable):
                return self._checked(name, system, read_formula(known.invariant, names_of(system.state)), known)
        return None

    def parts_of(self, name: str, system: System) -> list[Z]:
        """Return what all has to hold for what the certificate says to hold, whatever that is worth today."""
        known = self._known.get(name)
        if known is not None:
            with contextlib.suppress(Unreadable):
                return list(conjuncts(read_formula(known.invariant, names_of(system.state))))
        return []

    def passes(self, name: str, system: System, invariant: Z, rules: Sequence[str]) -> Verdict | None:
        """Return that what is bad cannot be reached, where an invariant shows that; None where it does not."""
        return self._checked(name, system, invariant, _inductive(rules, invariant))

    def _checked(self, name: str, system: System, invariant: Z, shown: Inductive) -> Verdict | None:
        if recheck(system, invariant, self._timeout):
            return None
        self._keep(name, system, invariant, shown)
        return Verdict("proved", invariant)

    def _keep(self, name: str, system: System, invariant: Z, shown: Inductive) -> None:
        self.proofs[name] = shown
        self.systems[name.replace(":", "-")] = system, invariant


def _inductive(rules: Sequence[str], invariant: Z) -> Inductive:
    return Inductive(tuple(rules), True, write_formula(invariant))


def _can_be_met(
    setting: Setting,
    rule: Rule,
    others: list[Rule],
    decisions: _Decisions,
    stuck: Callable[[int, Sequence[Happening]], Blockage | None],
) -> bool | Blockage:
    """Decide whether an obligation is proved to be such that some event is permitted at its deadline that meets it, or
    return what shows that it is not, where that was known before and a trace of few steps shows that it is `stuck`.

    At first whatever else is owed; then of a node that meets the others, which may have something happen before. Which
    entries of tables are followed may be chosen by what the state holds then: any are followed by some run.
    """
    name, permissions = f"due:{rule.id}", _permitting(setting, rule.id)
    besides = [r for r in permitting(setting, owed_by(setting)) if r not in permissions]
    choices = [[], [*besides, *others]] if others else [[]]
    ways = (False, True) if tells_members(setting.spec, rule, permissions) else (False,)
    asked = [(more, held, widely) for widely in ways for held in (None, *_held(setting)) for more in choices]
    systems = [(partial(_due_and_forbidden, rule, permissions, *a), [r.id for r in a[0]]) for a in asked]
    fitting = [system for system, rules in systems if decisions.by(name, rules)]
    if any(decisions.shown(name, system(setting)) for system in fitting):
        return True
    # Of one interface among any number it is mostly found sooner, and said of two all the same.
    alone = replace(setting, form=Form(ANY))
    sought = False
    for system, rules in systems:
        own = system(setting)
        likely = decisions.parts_of(name, own)
        found = Verdict("unknown")
        if len(setting.interfaces) > 1:
            found = spacer(with_likely(system(alone), likely), setting.timeout)
        if found.answer == "proved" and decisions.passes(name, own, found.invariant, rules):
            return True
        if found.way and (blocked := stuck(DEPTH, found.way)) is not None:
            return blocked
        # What held before a rule was changed, and is not soon proved, mostly holds no longer.
        if decisions.knows(name) and not sought and (blocked := stuck(_SOON, ())) is not None:
            return blocked
        sought = True
        found = decisions.of(name, with_likely(own, likely), rules)
        if found.answer == "proved":
            return True
        if found.way and (blocked := stuck(DEPTH, found.way)) is not None:
            return blocked
    return False


_Held = tuple[str, Slot]
"""A part of the key of the entry that is followed, and state that may hold the same."""


def _held(setting: Setting) -> list[_Held]:
    """Return what the state may hold of an entry that is followed."""
    if setting.reduction is None:
        return []
    keys = setting.reduction.keys
    state = [v for v in setting.spec.variables.values() if v not in keys and not v.ghost and "[" not in v.name]
    return [
        (k.name, (v.name, WHOLE_NODE if v.scope == "node" else 0)) for k in keys for v in state if v.type == k.type
    ][:_MOST_HELD]


def _due_and_forbidden(
    rule: Rule, permissions: list[Rule], more: list[Rule], held: _Held | None, widely: bool, setting: Setting
) -> System:
    """Return the system in which it is bad if the rule is due and no event of a choice is permitted and meets it,
    where all `permissions` on such events and `more` rules are kept, and the entry that is followed is the one `held`;
    the choice may be a wide one (see `events_that_meet`).

    Some event is permitted if one of the choice is, so that nothing is called possible that is not.
    """
    rules = [rule, *permissions, *more]
    anchors = [anchor_of(setting.spec, r) for r in rules if isinstance(r.body, Require)]
    roots = [*roots_of_rules(rules), *anchors]
    if held is not None:
        roots += [Term("var", setting.spec.variables[n].type, n) for n in (held[0], held[1][0])]
    run = Run(setting, rules, cone(setting.spec, roots, False), True)
    w, s = run.world, run.state
    owing = w.owing_at(rule.id, 0)
    # Nothing need happen at that moment: time passes until then.
    parts = [run.then >= run.now, w.owed(rule.id, s, owing), run.then == w.deadline(rule.id, s, owing)]
    parts += [neg(w.overdue(r, s, run.then)) for r in w.requires if r != rule.id]
    parts += [] if held is None else [s[held[0], WHOLE_NODE] == s[held[1]]]
    # Most events of the choice are told apart by their keys alone, which takes no solver.
    plain = w.in_values()
    tried, apart = events_that_meet(rule, permissions, plain, s, run.then, widely)
    parts += none_of(plain, s, run.then, tried, permissions)
    return run.system([z3.And(apart, *parts)])


def _permitting(setting: Setting, rule: str) -> list[Rule]:
    """Return the permissions on events that meet an obligation."""
    return setting.permissions(events_that_would(setting.spec, setting.rules[rule]))
