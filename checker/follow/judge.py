"""Events that come one by one → findings, each as soon as it is certain; and in the end the report on all of them.

What is true of a whole trace (its site, what its sources see, how fine its stamps are) may become known after its first
events. As long as the beginning is kept, it is then judged anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from mipcheck.checker.check.bulk import Watched
from mipcheck.checker.check.check import conclude
from mipcheck.checker.check.machine import machine_of
from mipcheck.checker.check.report import Report, Violation
from mipcheck.checker.check.violations import occurred_again, violations_of
from mipcheck.checker.follow.archive import Archive
from mipcheck.checker.follow.spans import Spanned
from mipcheck.checker.inputs.addresses import SaidAddresses
from mipcheck.checker.inputs.trace import Trace, evidence_of_inputs
from mipcheck.checker.observe.coarse import CoarseObserver
from mipcheck.checker.observe.context import Context
from mipcheck.checker.observe.ended import doubt
from mipcheck.checker.observe.lost import excuse
from mipcheck.checker.observe.observation import Finding
from mipcheck.checker.observe.observer import Observer
from mipcheck.checker.observe.ordered import OrderedObserver
from mipcheck.checker.observe.silence import changes_status, excused_by_lost, unplugged, without
from mipcheck.checker.observe.watch import forbidden
from mipcheck.checker.site.site import Site
from mipcheck.checker.trace.derive import deriver, modes_in_words, outward
from mipcheck.checker.trace.source import Evidence, fog_of
from mipcheck.checker.trace.spans import Span
from mipcheck.model.machine.compile import Machine
from mipcheck.model.specification.spec import MOBILE_NODE, Spec
from mipcheck.model.values.event import Event, Position

KEPT: Final = 10_000
"""Events at the beginning that are judged anew when something becomes known that concerns them."""
_ANEW: Final = 100
"""Times that the beginning is judged anew."""
_CLUSTER: Final = 5_000
"""Events whose order is not known that are held together; of more, no order would be tried."""
_MODES: Final = 1_000
"""Interfaces, with access modes that packets fit, that are counted."""
_GAP: Final = "gap"

_Key = tuple[int, int | None, str | None, bool, int, Position]


@dataclass(frozen=True)
class Said:
    """A finding that is certain, explained; `counts` is whether it makes the verdict a violation. `start` (ns) is what
    its times count from, None where they are as the log has them. `why` says why one that was said is none after
    all."""

    violation: Violation
    counts: bool
    start: int | None
    why: str = ""


class Judge:
    """Judges events as they come. `say` is called with each finding once it is certain."""

    def __init__(self, spec: Spec, fail_on: str, say: Callable[[Said], None]) -> None:
        self._spec, self._say = spec, say
        self._counting = {"MUST"} | ({"SHOULD"} if fail_on == "should" else set())
        self._kept: list[Event] | None = []
        self._anew = 0
        self._said: dict[_Key, Said] = {}
        self._early: dict[_Key, int] = {}
        """Deadlines (ns) that passed in silence, of findings that no event has confirmed yet."""
        self._until: int | None = None
        self._told: Trace | None = None
        self._made: tuple[Site, Machine] | None = None
        self.late: list[str] = []
        """What became known too late to be taken into account."""

    # --- what holds for all events --------------------------------------------------------------------------------

    def settle(self, trace: Trace, spans: Sequence[Span]) -> None:
        """Take what is known of the inputs: their site and sources in `trace`, whose events do not matter, and spans in
        which evidence is missing. Raises UsageError, ParameterError."""
        before, self._told = self._told, trace
        if before is None:
            self._spans = list(spans)
            self._start(trace)
            return
        new = [s for s in spans if s not in self._spans]
        evidence = trace.evidence(self._machine.spec)
        same = (before.site, before.given) == (trace.site, trace.given) and evidence == self._evidence
        if same and not new:
            return
        if self._begin_anew(trace, spans):
            return
        for span in new:
            for event in self._spanned.add(span, self._archive[-1].time if len(self._archive) else 0):
                self._judge(event)
            self._late(f"evidence was said to be missing too late to judge anew what was before: {span.words()}")
        if not same:
            self._late("what the site or a source is was said too late to judge anew what was before")

    def _late(self, text: str) -> None:
        if text not in self.late and len(self.late) < _ANEW:
            self.late.append(text)

    def _begin_anew(self, trace: Trace, spans: Sequence[Span]) -> bool:
        """Judge the beginning once more, if all of it is kept; tell whether that could be done."""
        self._anew += 1
        if self._kept is None or self._anew > _ANEW:
            self._kept = None
            return False
        self._spans = list(spans)
        self._start(trace)
        for event in self._kept:
            for each in self._spanned.take(event):
                self._judge(each)
        return True

    def _start(self, trace: Trace) -> None:
        """Begin with what is known by now."""
        gaps = {e.name for e in self._spec.for_role(trace.site.role).events.values() if e.sender == "observer"}
        self._archive = Archive(gaps, self._needed)
        site = trace.site if trace.site.role == MOBILE_NODE else None
        self._addresses = SaidAddresses(site, self._archive)
        notes: tuple[str, ...] = ()
        if site is not None and self._kept:
            found = SaidAddresses(site, self._kept)
            found.take_all()
            site, notes = found.complete(site)
            trace = replace(trace, site=site, notes=notes)
        self._trace = trace
        if self._made is None or self._made[0] != trace.site:
            self._made = trace.site, machine_of(self._spec, trace.site)
        self._machine = self._made[1]
        self._derive = deriver(self._machine.spec, self._machine.capabilities)
        self._evidence: Evidence = trace.evidence(self._machine.spec)
        fog = fog_of(self._machine, self._evidence)
        boot = trace.site.boot
        self._observer: Observer = Observer(self._machine, boot, fog, self._evidence.several)
        if self._evidence.resolution and self._evidence.alone:
            self._observer = OrderedObserver(self._machine, boot, fog, self._evidence)
        elif self._evidence.resolution:
            coarse = self._evidence.coarse
            self._observer = CoarseObserver(self._machine, boot, fog, self._evidence.resolution, coarse)
        self._observer.numbering = False
        self._spanned = Spanned(list(self._spans))
        self._cluster: list[Event] = []
        self._ends = -1
        self._modes: Counter[tuple[str, frozenset[str]]] = Counter()
        self._pending: dict[str, list[Finding]] = {}
        self._spared: list[Finding] = []
        self._heard: dict[str, int] = {}
        """By file, the time (ns) of its last event so far."""
        self._held: list[Finding] = []
        """Findings that a source could refute which has told nothing since."""

    def _needed(self) -> Iterator[int]:
        waiting = {id(f) for found in (self._held, *self._pending.values()) for f in found}
        return self._observer.events_needed(waiting)

    # --- events ---------------------------------------------------------------------------------------------------

    @property
    def newest(self) -> int | None:
        """The time (ns) of the last event, if there was one."""
        return self._archive[-1].time if hasattr(self, "_archive") and len(self._archive) else None

    def take(self, event: Event) -> None:
        """Take the next event, in order of time. Raises TooMuch."""
        if self._kept is not None:
            self._kept.append(event)
            if len(self._kept) > KEPT:
                self._kept = None
            elif (
                (told := self._told) is not None
                and self._addresses.take_one(len(self._archive), event)
                and self._begin_anew(told, self._spans)
            ):
                return
        for each in self._spanned.take(event):
            self._judge(each)

    def _judge(self, event: Event) -> None:
        """Judge an event of the trace as it is, gaps of spans included."""
        self._archive.add(event)
        known = self._derive(event)
        self._count_mode(known)
        if isinstance(self._observer, CoarseObserver):
            if self._cluster and (event.time >= self._ends or len(self._cluster) > _CLUSTER):
                self._take_cluster()
            self._cluster.append(known)
            resolution = self._evidence.resolution.get(event.at.file, 0)
            self._ends = max(self._ends, event.time + max(1, resolution))
        else:
            self._observer.take(known)
        heard = self._heard.get(event.at.file, event.time)
        self._heard[event.at.file] = event.time
        if any(heard < finding.time for finding in self._held):
            held, self._held = self._held, []
            for finding in held:
                self._consider(finding)
        self._hear()
        self._settle_pending(event)
        self._confirm(event.time)

    def _take_cluster(self) -> None:
        cluster, self._cluster, self._ends = self._cluster, [], -1
        assert isinstance(self._observer, CoarseObserver)
        self._observer.take_cluster(cluster)

    def _count_mode(self, event: Event) -> None:
        if (seen := outward(event)) is not None:
            interface, modes, count = seen
            if (interface, modes) in self._modes or len(self._modes) < _MODES:
                self._modes[interface, modes] += count

    # --- findings -------------------------------------------------------------------------------------------------

    def _hear(self) -> None:
        """Say what the observer has found, as far as it is certain."""
        fresh, self._observer.fresh = self._observer.fresh, []
        for finding in fresh:
            self._consider(finding)

    def _consider(self, finding: Finding) -> None:
        """Say what was found, unless what comes yet may show that it is none."""
        evidence = self._evidence_by_now()
        if excuse(self._machine, finding, evidence):
            return
        if doubt(self._machine, finding, evidence, self._archive[-1].time):
            self._held.append(finding)
            return
        if not (finding.overdue and finding.interface is not None and evidence.at(finding.time).unplugged):
            self._certain(finding)
            return
        after = None
        for event in self._archive.recent():
            if event.time < finding.last_time:
                break
            if event.interface == finding.interface and event.kind != _GAP:
                after = event
        if after is None:
            self._pending.setdefault(finding.interface, []).append(finding)
        else:
            self._decide(finding, after)

    def _evidence_by_now(self) -> Evidence:
        """Return what the inputs show, of which some have told nothing for a while."""
        inputs = self._trace.inputs
        if len(inputs) == 1:
            return self._evidence
        told = [replace(i, until=self._heard.get(i.file)) for i in inputs]
        return replace(self._evidence, later=evidence_of_inputs(self._machine.spec, told).later)

    def _settle_pending(self, event: Event) -> None:
        """Decide about what was overdue on an interface of which nothing was seen since, now that something is."""
        waiting = self._pending.get(event.interface)
        if not waiting or event.kind == _GAP:
            return
        self._pending[event.interface] = [f for f in waiting if event.time < f.last_time]
        for finding in waiting:
            if event.time >= finding.last_time:
                self._decide(finding, event)

    def _decide(self, finding: Finding, after: Event) -> None:
        """Decide whether an interface may have been unplugged at a deadline: `after` is the first event there since."""
        assert finding.moment is not None
        if changes_status(self._machine, finding.moment, after, self._evidence):
            self._spared.append(finding)
        else:
            self._certain(finding)

    def _key(self, finding: Finding) -> _Key:
        at = self._archive[finding.event].at if finding.event >= 0 else Position("")
        return finding.rule, finding.node, finding.interface, finding.overdue, finding.time, at

    def _certain(self, finding: Finding) -> None:
        key = self._key(finding)
        self._early.pop(key, None)
        if key not in self._said:
            self._said[key] = said = self._explained(finding)
            self._say(said)

    def _explained(self, finding: Finding) -> Said:
        trace = replace(self._trace, events=self._archive)
        start = self._archive[0].time if trace.absolute and len(self._archive) else None
        context = Context(self._machine, self._archive, [], start or 0, complete=False)
        (violation,) = violations_of(context, trace, [finding])
        return Said(violation, violation.level in self._counting, start)

    # --- silence --------------------------------------------------------------------------------------------------

    def silence(self, until: int) -> None:
        """Say what is overdue if nothing has happened until then (ns). The next event may yet show that it is not: that
        the node slept."""
        if self._evidence.unplugged:
            return  # silence may be that of an interface that was unplugged
        if self._cluster and until >= self._ends:
            self._take_cluster()
            self._hear()
        if self._cluster:
            return
        for finding in self._observer.silent(until):
            key = self._key(finding)
            if key not in self._said and not excuse(self._machine, finding, self._evidence):
                self._certain(finding)
                self._early[key] = finding.time
                self._until = until

    def _confirm(self, now: int) -> None:
        """Take back what was said of a silence that now, when something has happened, turns out otherwise."""
        if not self._early or self._cluster:
            return
        for key, deadline in list(self._early.items()):
            if now > deadline + self._evidence.tolerance:
                del self._early[key]
                said = self._said.pop(key)
                self._say(replace(said, why="what came next shows that nothing was owed in the meantime"))

    # --- the end --------------------------------------------------------------------------------------------------

    def report(self, strict: bool, trace: Trace) -> Report:
        """Return the report on all that was judged; `trace` is what is known of the inputs in the end."""
        for each in self._spanned.rest():
            self._judge(each)
        if self._cluster:
            self._take_cluster()
            self._hear()
        if self._early and self._until is not None and self._until >= (self.newest or 0):
            self._observer.pass_time(self._until)
            self._hear()
        evidence, newest = self._evidence_by_now(), self.newest or 0
        observation = excused_by_lost(self._machine, self._observer.observation(), evidence)
        doubts = [(f, doubt(self._machine, f, evidence, newest)) for f in observation.findings]
        doubtful = {id(f) for f, why in doubts if why}
        waiting = [f for f in chain(self._spared, *self._pending.values()) if id(f) not in doubtful]
        observation = without(observation, [*((f, w) for f, w in doubts if w), *((f, unplugged(f)) for f in waiting)])
        inputs = trace.inputs
        if self.late:
            inputs = (replace(inputs[0], holes=(*inputs[0].holes, *self.late)), *inputs[1:])
        trace = replace(trace, inputs=inputs, events=self._archive, site=self._trace.site, given=self._trace.given,
                        notes=self._trace.notes)  # fmt: skip
        explained = list(self._all_explained(observation.findings))
        seen = [(i, modes, count) for (i, modes), count in self._modes.items()]
        modes = modes_in_words(self._machine.spec, seen, forbidden(self._machine, observation))
        fail_on = "should" if "SHOULD" in self._counting else "must"
        return conclude(Watched(self._machine, trace, observation, modes), fail_on, strict, explained)

    def _all_explained(self, findings: Iterable[Finding]) -> Iterator[Violation]:
        """Return findings explained: as they were when they were said, with how often and when last they occurred."""
        final = set()
        for finding in findings:
            key = self._key(finding)
            final.add(key)
            self._certain(finding)
            said = self._said[key]
            if finding.moment is None:
                yield said.violation
                continue
            last_at = self._archive[finding.last_event].at if finding.last_event >= 0 else said.violation.at
            yield occurred_again(said.violation, self._machine.rules[finding.rule], finding, last_at, said.start or 0)
        for key, said in self._said.items():
            if key not in final:
                self._say(replace(said, why="what became known later shows that it is none"))
