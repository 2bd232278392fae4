"""Traces on which two specifications (or two readings of one) part: found, written as logs, and replayed in both.

What the observer finds in each has to be what the search predicted; else that is an internal error and no result.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mipcheck.checker.console.errors import InputError
from mipcheck.checker.observe.context import source
from mipcheck.checker.proofs.replayed import agree, allowed, broken_in, trace_text
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.spec import Configure
from mipcheck.model.values.event import Event
from mipcheck.model.values.types import INT, TIME, Type, Value

if TYPE_CHECKING:
    from mipcheck.checker.proofs.kept import KeptLogs
    from mipcheck.model.prover.compare import Comparison, Parting, SearchOutcome
    from mipcheck.model.prover.examples import Examples
    from mipcheck.model.prover.setting import Setting
    from mipcheck.model.prover.witness import Witness
    from mipcheck.model.specification.spec import Spec

TIMEOUT = 60.0
"""Seconds for all searches about one thing together, unless the command line says otherwise."""
_FIRST = 0.5
"""The share that a search may take of what is left: the first is the likeliest to find one, and a proof takes time."""
_SOON = 0.1
"""The share that a proof may take before any search."""


@dataclass(frozen=True)
class PartingLog:
    """A trace on which two specifications part, as a log, with the rules that it breaks under either; or the `reason`
    why there is none.

    `both_read` says that it holds nothing that one of the two specifications does not know, `same` that it is proved
    that there is none with the parameters as they are.
    """

    trace: str = ""
    left: tuple[str, ...] = ()
    right: tuple[str, ...] = ()
    outright: bool = True
    both_read: bool = True
    reason: str = ""
    same: bool = False


class Partings:
    """Searches between two machines of one role, which share what they can.

    `timeout` is in seconds of the processor, for all that one `find` or `both_break` asks of solvers; `tidying` more of
    them may be spent on making the values of a trace that was found ordinary.
    """

    def __init__(self, left: Spec, right: Spec, timeout: float = TIMEOUT, tidying: float = math.inf) -> None:
        self.left, self.right, self.timeout, self.tidying = left, right, timeout, tidying
        self._comparisons: dict[tuple[_Case, int], Comparison] = {}
        self._made: dict[_Case, tuple[Setting, Setting]] = {}
        self._examples: dict[tuple[frozenset[str], bool], Examples] = {}

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules of either."""
        return tuple(dict.fromkeys((*self.left.rules, *self.right.rules)))

    def alike(self, rule: str) -> bool:
        """Decide whether a rule and all that it depends on are written alike, with whatever capability it takes, and
        parameters that are told."""
        from mipcheck.model.prover.compare import alike

        if rule not in self.left.rules or rule not in self.right.rules:
            return False
        cases = self._cases([rule])
        settings = [self._settings(case) for case in (*cases, *self._told(cases))]
        applies = [(s, o) for s, o in settings if rule in s.rules or rule in o.rules]
        return bool(applies) and all(alike(s, o, rule) for s, o in applies)

    def find(self, rules: Iterable[str], title: Iterable[str], proving: bool = False) -> PartingLog:
        """Seek the shortest trace on which they part, by one of the rules, with whatever capability it takes.

        Where there is none with the parameters as they are, one of them is given another value, or two addresses of the
        site are the same. `proving` tries first whether it is soon proved that there is none, which is worth it where
        there probably is none. Raises Disagreement.
        """
        from mipcheck.model.prover.limits import Allowance

        named = list(dict.fromkeys(rules))
        if not named:
            return PartingLog(reason="there is no rule to part on")
        cases = self._cases(named)
        for case in cases if len(named) == 1 else ():
            alone = self._broken_in_one(named[0], case, list(title))
            if alone is not None:
                return alone
        reason = ""
        left = Allowance(self.timeout)
        unlike = [c for c in cases if len(named) > 1 or not self._alike(c, named[0])]
        proving = proving and len(named) == 1
        if proving and unlike and self._never(named[0], left.part(_SOON), cases):
            unlike = []
        for case in unlike:
            partings = []
            for entries in self._entries:
                outcome = self._search(named, case, left.part(_FIRST), entries)
                partings += [outcome.parting] if outcome.parting is not None else []
                reason = reason or outcome.reason
                if partings and partings[-1].outright:
                    break
            if partings:
                found = next((p for p in partings if p.outright), partings[0])
                return confirmed(self.left, self.right, found, list(title), case.capabilities)
        if len(named) > 1:
            return PartingLog(reason=reason)
        same = not unlike or self._never(named[0], left.part(_FIRST), cases)
        for case in self._other_values(cases, named[0]):
            if left.is_over:
                break
            if self._alike(case, named[0]) or (proving and self._never(named[0], left.part(_SOON), [case])):
                continue
            parting = self._search(named, case, left.part(_FIRST)).parting
            if parting is not None:
                parameters = {**case.given, **parting.trace.parameters}
                trace = replace(parting.trace, parameters=parameters, site={**case.site, **parting.trace.site})
                other = replace(parting, trace=trace)
                return confirmed(self.left, self.right, other, list(title), case.capabilities)
        if not same and (forbidden := self._broken_somehow(named[0], cases, list(title))) is not None:
            return forbidden
        return PartingLog(reason="with the parameters as they are, they never part: that is proved" if same else reason,
                     same=same)  # fmt: skip

    def kept(
        self, name: str, rules: Iterable[str], title: Iterable[str], logs: KeptLogs, outright: bool = True
    ) -> PartingLog:
        """Return what `find` does; a trace that is kept by that name is only replayed, if the two make something else
        of it by one of the rules: one of them allows all of it, where it has to be `outright`."""
        named = list(rules)

        def parts(seen: PartingLog) -> bool:
            return bool(set(named) & {*seen.left} ^ set(named) & {*seen.right}) and (seen.outright or not outright)

        return self._only_replayed(name, parts, lambda: self.find(named, title, proving=not outright), logs)

    def kept_both_break(self, name: str, rule: str, title: Iterable[str], logs: KeptLogs) -> PartingLog:
        """Return what `both_break` does; a trace that is kept by that name is only replayed."""

        def shows(seen: PartingLog) -> bool:
            return seen.left == seen.right == (rule,)

        return self._only_replayed(name, shows, lambda: self.both_break(rule, title), logs)

    def _only_replayed(
        self, name: str, shows: Callable[[PartingLog], bool], seek: Callable[[], PartingLog], logs: KeptLogs
    ) -> PartingLog:
        """Return what both find in a log that is kept, if that shows what it should; else what `seek` finds."""
        sought: list[PartingLog] = []
        seen: list[PartingLog] = []

        def shown(log: str) -> bool:
            seen[:] = [replayed(self.left, self.right, log)]
            return shows(seen[0])

        def trace() -> str:
            sought.append(seek())
            return sought[0].trace

        logs.log(name, shown, trace)
        return (sought or seen)[0]

    def both_break(self, rule: str, title: Iterable[str]) -> PartingLog:
        """Seek the shortest trace that breaks a rule in both, and no other. Raises Disagreement."""
        from mipcheck.model.prover.limits import Allowance

        allowed = Allowance(self.timeout)
        for case in self._cases([rule]):
            left, right = self._settings(case)
            if rule in left.rules and rule in right.rules:
                outcome = self._comparison(case, allowed.part(_FIRST)).both_break(rule)
                if outcome.parting is not None:
                    return confirmed(self.left, self.right, outcome.parting, list(title), case.capabilities)
        return PartingLog(reason="no trace was found that breaks it in both")

    @property
    def _entries(self) -> tuple[int, ...]:
        """How many entries of each table a trace may speak of: one, which is decided sooner, or two, where what happens
        to one has to do with another."""
        return (1, 2) if self.left.tables or self.right.tables else (1,)

    def _comparison(self, case: _Case, timeout: float, entries: int = 1) -> Comparison:
        """Return the comparison for a case, made once, whose next search has so many seconds."""
        from mipcheck.model.prover.compare import Comparison

        if (case, entries) not in self._comparisons:
            left, right = self._settings(case)
            self._comparisons[case, entries] = Comparison(left, right, addresses=case.site, entries=entries)
        found = self._comparisons[case, entries]
        found.timeout, found.tidying = timeout, self.tidying
        return found

    def _cases(self, rules: list[str]) -> list[_Case]:
        """List what a node may have to be capable of for the rules to make a difference: nothing first."""
        known = [s.rules[r] for r in rules for s in (self.left, self.right) if r in s.rules]
        sets = [frozenset[str](), *(frozenset(c) for r in known for c in (r.given, r.unless, r.given + r.unless))]
        return [_Case(c) for c in dict.fromkeys(sets)]

    def _alike(self, case: _Case, rule: str) -> bool:
        """Decide whether a rule and all that it depends on are written alike in a case, in the same words."""
        from mipcheck.model.prover.compare import alike

        return self.left.events == self.right.events and alike(*self._settings(case), rule)

    def _told(self, cases: list[_Case]) -> list[_Case]:
        """List the cases in which the site tells the parameters of which anything asks whether they are given: numbers
        that are as small as can be, so that a trace can count to them."""
        asked = {n for s in (self.left, self.right) for t in s.all_terms() for n in t.names("given")}
        names = sorted(n for n in asked if n in self.left.parameters and n in self.right.parameters)
        values = configure(self.left, {})
        told = tuple((n, 0 if self.left.parameters[n].type == INT else values[n]) for n in names)
        return [replace(case, values=told) for case in cases if told]

    def _other_values(self, cases: list[_Case], rule: str) -> Iterator[_Case]:
        """Yield the cases with parameters that are told, with one that the rule reads at the edge of what it can be,
        none or far more, with a sentence that it depends on read in another way, and those with two addresses that are
        the same."""
        from mipcheck.model.prover.variants import read_by, same_addresses

        yield from self._told(cases)
        names: dict[str, int] = {}
        readings: dict[str, list[int]] = {}
        for spec in (self.left, self.right):
            values = configure(spec, {})
            for name in sorted(read_by(spec.rules[rule])) if rule in spec.rules else ():
                type_ = spec.parameters[name].type
                if type_ in (TIME, INT):
                    names[name] = values[name]
                elif type_.is_enum:
                    readings[name] = [n for n in range(len(type_.members)) if n != values[name]]
        largest = 10 * max(names.values(), default=0)
        others = {**readings, **{n: list(dict.fromkeys((0, 10 * value + largest))) for n, value in names.items()}}
        shared = [n for n in others if all(n in s.parameters for s in (self.left, self.right))]
        for case in cases:
            for name in shared:
                for value in others[name]:
                    yield _Case(case.capabilities, ((name, value),))
            for addresses in same_addresses(s.rules[rule] for s in (self.left, self.right) if rule in s.rules):
                yield _Case(case.capabilities, (), tuple(addresses.items()))

    def _settings(self, case: _Case) -> tuple[Setting, Setting]:
        """Return the settings of both in a case, made once; each knows only the capabilities of its own
        specification."""
        from mipcheck.model.prover.setting import setting_of

        if case not in self._made:
            left, right = (
                setting_of(s, case.given, capabilities=case.capabilities & set(s.capabilities))
                for s in (self.left, self.right)
            )
            self._made[case] = left, right
        return self._made[case]

    def _search(self, rules: list[str], case: _Case, timeout: float, entries: int = 1) -> SearchOutcome:
        """Seek a parting in a case: by the site alone, else by events, with so many entries of each table."""
        from mipcheck.model.prover.compare import part_settings

        left, right = self._settings(case)
        by_settings = part_settings(left, right, rules, timeout, case.site)
        if by_settings.parting is not None or not self._on_events(rules):
            return by_settings
        return self._comparison(case, timeout, entries).part(rules, rules)

    def _on_events(self, rules: list[str]) -> bool:
        """Decide whether any of the rules is about events, not about the site alone."""
        bodies = [s.rules[r].body for s in (self.left, self.right) for r in rules if r in s.rules]
        return any(not isinstance(b, Configure) for b in bodies)

    def _broken_in_one(self, rule: str, case: _Case, title: list[str]) -> PartingLog | None:
        """Seek the shortest trace that breaks a rule of which only one of them knows; None if the other allows it not.

        They part on no shorter one, since the other has no such rule to break. It is found far sooner than by two
        worlds at once, which have to be asked where there is none, or where it tells the other less than this one.
        """
        from mipcheck.model.prover.compare import Parting
        from mipcheck.model.prover.merging import clashing

        first = rule in self.left.rules
        own, other = (self.left, self.right) if first else (self.right, self.left)
        if rule in other.rules or not self._on_events([rule]) or not _assumed(other) <= _assumed(own):
            return None
        trace = self._shortest_broken(first, rule, case)
        if trace is None or trace.broken != {rule} or trace.parameters or trace.site:
            return None
        if any(e.kind in clashing(self.left, self.right) for e in trace.events):
            return None
        known, _ = known_to(other, trace, {})
        if not allowed(other, trace_text(other, known, {}, (), case.capabilities & set(other.capabilities))):
            return None
        broken, nothing = frozenset({rule}), frozenset[str]()
        parting = Parting(trace, *((broken, nothing) if first else (nothing, broken)))
        return confirmed(self.left, self.right, parting, title, case.capabilities)

    def _broken_somehow(self, rule: str, cases: Iterable[_Case], title: list[str]) -> PartingLog | None:
        """Return the shortest trace that breaks a rule of which only one of them knows, where the other forbids it by
        another one; None if there is none."""
        first = rule in self.left.rules
        own, other = (self.left, self.right) if first else (self.right, self.left)
        for case in () if rule in other.rules or not self._on_events([rule]) else cases:
            trace = self._shortest_broken(first, rule, case)
            if trace is not None and not trace.parameters and not trace.site:
                text = trace_text(own, trace, {}, title, case.capabilities & set(own.capabilities))
                agree(own, text, trace.broken)
                return replayed(self.left, self.right, text)
        return None

    def _shortest_broken(self, first: bool, rule: str, case: _Case) -> Witness | None:
        """Return the shortest trace that breaks a rule in the first or the second of them."""
        from mipcheck.model.prover.examples import Examples

        setting = self._settings(case)[0 if first else 1]
        if rule not in setting.rules:
            return None
        known = case.capabilities, first
        if known not in self._examples:
            self._examples[known] = Examples(replace(setting, timeout=self.timeout * _FIRST))
        return self._examples[known].find(rule, True)

    def _never(self, rule: str, timeout: float, cases: list[_Case]) -> bool:
        """Decide whether it is proved that they never part by a rule, in any of the cases."""
        from mipcheck.model.prover.compare import never_part

        settings = [self._settings(case) for case in cases]
        applies = [(s, o) for s, o in settings if rule in s.rules or rule in o.rules]
        return bool(applies) and all(never_part(s, o, rule, timeout) for s, o in applies)


@dataclass(frozen=True)
class _Case:
    """Under what a search is made: capabilities, parameters (name, value) that have not their defaults, addresses."""

    capabilities: frozenset[str] = frozenset()
    values: tuple[tuple[str, int], ...] = ()
    addresses: tuple[tuple[str, int], ...] = ()

    @property
    def given(self) -> dict[str, int]:
        """The parameters by name."""
        return dict(self.values)

    @property
    def site(self) -> dict[str, int]:
        """The addresses by name."""
        return dict(self.addresses)


def _assumed(spec: Spec) -> set[str]:
    """Return what a specification assumes of the network, as it is written."""
    return {f"{[p.source for p in a.patterns]} {source(a.condition)}" for a in spec.assumptions.values()}


def confirmed(left: Spec, right: Spec, parting: Parting, title: list[str], capabilities: frozenset[str]) -> PartingLog:
    """Return the trace as a log, after both observers have found in it what was predicted. Raises Disagreement.

    The log is in the words of the specification that knows more of it: more of its events, of which the last is what
    they part on, and of as many more of their keys.
    """
    from mipcheck.model.prover.merging import OTHER, clashing

    clashes = clashing(left, right)
    shown = []
    for spec, predicted, names in (
        (left, parting.left, {c + OTHER: "" for c in clashes}),
        (right, parting.right, dict.fromkeys(clashes, "") | {c + OTHER: c for c in clashes}),
    ):
        known, lost = known_to(spec, parting.trace, names)
        own = capabilities & set(spec.capabilities)
        agree(spec, trace_text(spec, known, {}, (), own), predicted)
        shown.append((lost, trace_text(spec, known, {}, title, own)))
    return PartingLog(
        min(shown, key=lambda s: s[0])[1],
        tuple(sorted(parting.left)),
        tuple(sorted(parting.right)),
        parting.outright,
        not any(any(lost) for lost, _ in shown),
    )


def replayed(left: Spec, right: Spec, log: str) -> PartingLog:
    """Return what both find in a log; who has no words for some of it reads the rest. Raises InputError where neither
    has words for all of it."""
    from mipcheck.model.prover.merging import clashing

    broken, unread = [], []
    for spec, other in ((left, right), (right, left)):
        try:
            broken.append(broken_in(spec, log))
        except InputError:
            unread.append(spec)
            broken.append(broken_in(spec, _retold(other, spec, log, clashing(left, right))))
    first, second = (tuple(sorted(b)) for b in broken)
    return PartingLog(log, first, second, outright=not (first and second), both_read=not unread)


def _retold(by: Spec, to: Spec, log: str, clashes: Collection[str]) -> str:
    """Return what of a log in the words of one specification another has words for; events that are others in the two
    (`clashes`) are none. Raises InputError."""
    from mipcheck.checker.logs.text import read_log, write_log
    from mipcheck.checker.trace.vocabulary import vocabulary_of
    from mipcheck.model.prover.setting import example_site
    from mipcheck.model.prover.witness import Witness

    read = read_log(io.BytesIO(log.encode()), "log", vocabulary_of(by))
    site, events = read.site, tuple(read.events)
    known, _ = known_to(to, Witness(events, (), frozenset(), len(events)), dict.fromkeys(clashes, ""))
    site = replace(
        site,
        addresses={**example_site(to), **{n: a for n, a in site.addresses.items() if n in to.sites}},
        parameters={n: words for n, words in site.parameters.items() if n in to.parameters},
        capabilities=site.capabilities & set(to.capabilities),
    )
    return write_log(known.events, site, vocabulary_of(to))


def known_to(spec: Spec, trace: Witness, names: Mapping[str, str]) -> tuple[Witness, tuple[int, int]]:
    """Return the part of a trace that a specification has words for, and how many events and keys it has none for.
    `names` are what it calls an event, or nothing if it does not know it.

    What it asks of an event, and nothing looks at, has an ordinary value.
    """
    from mipcheck.model.prover.witness import ordinary

    events: list[Event] = []
    silent = []
    events_lost = keys_lost = 0
    pending = list(trace.silent)
    for number, event in enumerate([*trace.events, None]):
        while pending and pending[0][0] <= number:
            silent.append((len(events), pending.pop(0)[1]))
        if event is None:
            break
        kind = names.get(event.kind, event.kind)
        keys = spec.events[kind].by_name if kind in spec.events else None
        if keys is None or any(k in keys and not _has(keys[k].type, v) for k, v in event.args.items()):
            events_lost += 1
            continue
        args = {k.name: ordinary(k, number) for k in spec.events[kind].keys if not k.optional}
        args |= {k: v for k, v in event.args.items() if k in keys}
        keys_lost += sum(k not in keys for k in event.args)
        events.append(replace(event, kind=kind, args=args))
    parameters = {n: v for n, v in trace.parameters.items() if n in spec.parameters}
    site = {n: v for n, v in trace.site.items() if n in spec.sites}
    known = replace(trace, events=tuple(events), silent=tuple(silent), parameters=parameters, site=site)
    return known, (events_lost, keys_lost)


def _has(of: Type, value: Value) -> bool:
    """Decide whether a value is one of a type, as far as that is a matter of words."""
    if not of.members:
        return True
    return value <= set(of.members) if isinstance(value, frozenset) else value in of.members


def verdicts(found: PartingLog, first: str, second: str) -> str:
    """Say what each of two specifications, or readings, makes of a trace; `first` and `second` name them."""

    def says(broken: tuple[str, ...]) -> str:
        return f"{', '.join(broken)} broken" if broken else "nothing broken"

    return f"{first}: {says(found.left)}; {second}: {says(found.right)}"
