"""The inputs of a run as one trace: what is known of each, their events by time, and one site for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mipcheck.checker.console.errors import Problem
from mipcheck.checker.site.site import Site
from mipcheck.checker.trace.source import ALL, WHOLE_SECONDS, Evidence, Sight, evidence_of
from mipcheck.checker.trace.spans import Span
from mipcheck.model.values.event import Event

if TYPE_CHECKING:
    from mipcheck.checker.logs.lines import Log, LogReader
    from mipcheck.model.specification.spec import Spec


@dataclass(frozen=True)
class Input:
    """One file as read. `kind` is log, jsonl, pcap or pcapng; `absolute` whether times count from the epoch.

    `skipped` lines were unreadable, for the reasons in `problems`. The rest is what a capture tells besides events.
    """

    file: str
    kind: str
    events: Sequence[Event]
    absolute: bool
    interfaces: tuple[str, ...]
    frames: int | None = None
    skipped: int = 0
    problems: tuple[Problem, ...] = ()
    set_aside: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    holes: tuple[str, ...] = ()
    """Evidence that is missing without anybody knowing where, so that a verdict of conformant cannot be had."""
    lost: tuple[Span, ...] = ()
    """Stretches in which something is missing that may excuse what is found there, by the trace's clock."""
    sight: Sight = ALL
    """What the input is able to show."""
    fractions: bool = True
    """Whether its times have fractions of a second."""
    until: int | None = None
    """When its last event was, by the trace's clock (ns), where that is known."""

    @property
    def resolution(self) -> int:
        """How fine its stamps are, in ns; 0 where order and durations are taken to be exact."""
        if self.sight.resolution is not None:
            return self.sight.resolution
        return 0 if self.fractions or self.frames is not None else WHOLE_SECONDS

    def by_clock(self, shift: int) -> Input:
        """Return it by the trace's clock, where `shift` (ns) is added to all of its times."""
        return replace(self, until=until_of(self.events, shift), lost=tuple(s.shifted(shift) for s in self.lost))


@dataclass(frozen=True)
class Trace:
    """All inputs as one: events in order of time, and the site that holds for all. `given` names what the site says.

    `absolute` is whether times count from the epoch, `notes` say what was inferred.
    """

    inputs: tuple[Input, ...]
    events: Sequence[Event]
    site: Site
    given: frozenset[str]
    absolute: bool
    notes: tuple[str, ...] = ()

    def evidence(self, spec: Spec) -> Evidence:
        """Return what the inputs show together, for the role that `spec` speaks of."""
        return evidence_of_inputs(spec, self.inputs)


def evidence_of_inputs(spec: Spec, inputs: Sequence[Input], stamps: bool = True) -> Evidence:
    """Return what inputs show together, for the role of `spec`; without `stamps`, as if these were exact."""
    ends = {i.file: i.until for i in inputs if i.until is not None} if len(inputs) > 1 else None
    resolution = {i.file: i.resolution for i in inputs if stamps}
    lost = tuple(span for i in inputs for span in i.lost)
    return replace(evidence_of(spec, {i.file: i.sight for i in inputs}, resolution, ends), lost=lost)


def until_of(events: Sequence[Event], shift: int) -> int | None:
    """Return when the last of an input's events was, after `shift` (ns) is added to its times; None if it has none."""
    return events[len(events) - 1].time + shift if len(events) else None


def input_of_log(
    file: str, kind: str, read: Log | LogReader, events: Sequence[Event], interfaces: Sequence[str]
) -> Input:
    """Return the input that a log of `kind` (log or jsonl) is, as far as it has been `read`."""
    return Input(
        file,
        kind,
        events,
        read.absolute,
        tuple(interfaces),
        skipped=read.skipped,
        problems=tuple(read.problems),
        notes=read.notes,
        holes=tuple(dict.fromkeys(s.words() for s in read.spans if s.somewhere)),
        lost=tuple(s for s in read.spans if s.excuses),
        sight=read.sight,
        fractions=read.fractions,
    )
