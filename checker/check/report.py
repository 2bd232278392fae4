"""The answer of a check, as plain data: `Report`, its rules and its violations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mipcheck.checker.trace.times import show_datetime
from mipcheck.model.specification.spec import MOBILE_NODE
from mipcheck.model.values.event import Position

if TYPE_CHECKING:
    from mipcheck.checker.check.chart import Chart
    from mipcheck.checker.check.margins import Margin
    from mipcheck.checker.observe.explain import Because
    from mipcheck.checker.observe.misses import NearMiss

VERDICTS: Final = ("violation", "inconclusive", "conformant")
"""What evidence can come to, the worst first."""


@dataclass(frozen=True)
class InputReport:
    """An input that was read: `kind` is log, jsonl, pcap or pcapng; `skipped` counts unreadable lines.

    `holes` say what else of it was not read.
    """

    file: str
    kind: str
    events: int
    frames: int | None
    interfaces: tuple[str, ...]
    skipped: int
    holes: tuple[str, ...] = ()


@dataclass(frozen=True)
class RuleReport:
    """A rule and its `status`: held, violated, inconclusive, unobservable or not-exercised.

    `why` says what is missing where the status is one of the last three, `lacks` of what kind (`holes.Lack`).
    `unlisted` violations are counted in `broken`, but are in no group.
    """

    id: str
    level: str
    section: str
    cite: str
    text: str
    status: str
    kept: int = 0
    broken: int = 0
    unknown: int = 0
    unlisted: int = 0
    reading: str | None = None
    why: str = ""
    lacks: frozenset[str] = frozenset()
    configuration: bool = False

    @property
    def exercised(self) -> int:
        """How often it could be judged."""
        return self.kept + self.broken


@dataclass(frozen=True, slots=True)
class EditReport:
    """A change of a trace. `kind` is move (`by` so many ns later), put (of `key` the value `before` by `after`), add
    or drop; `event` is as a log has it, `at` where it stands (None for one that is added), `time` when it comes (ns).
    """

    kind: str
    event: str
    at: Position | None
    time: int
    by: int = 0
    key: str = ""
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class RepairReport:
    """Changes after which a finding is gone, in words (`text`) and one by one; with them the trace `conforms`, or
    something else is broken still."""

    text: str
    edits: tuple[EditReport, ...]
    conforms: bool


@dataclass(frozen=True)
class Violation:
    """A rule broken `count` times for the same cause, and the first time in full.

    `time` and `last_time` are ns from the report's `start`, or as in the log where there is none; `interface` is
    None for the node's configuration, `node` names the mobile node where a trace tells several apart. What is
    `overdue` has its deadline as `time`, and `at` where it began to be owed. `frames` are, by file, the frames of all
    that was not allowed. `not_counted` are the newest near misses, `not_counted_more` how many came before them;
    `sought` is whether they were looked for, which has its limit where there are very many findings. `repairs` are the
    nearest, where they were asked for.
    """

    rule: str
    level: str
    section: str
    interface: str | None
    time: int
    at: Position
    message: str
    seen: str
    wrong: tuple[str, ...]
    because: tuple[Because, ...]
    allowed: tuple[str, ...]
    count: int
    last_time: int
    last_at: Position
    overdue: bool = False
    frames: Mapping[str, Sequence[int]] = field(default_factory=dict)
    node: str | None = None
    not_counted: tuple[NearMiss, ...] = ()
    not_counted_more: int = 0
    sought: bool = True
    repairs: tuple[RepairReport, ...] = ()


@dataclass(frozen=True)
class Excused:
    """A finding that is a known deviation, for a `reason` which may be empty."""

    violation: Violation
    reason: str


@dataclass(frozen=True)
class ParameterReport:
    """A parameter in use, as a log spells it, and whether anyone gave it (else it is the default)."""

    name: str
    value: str
    given: bool


@dataclass(frozen=True)
class Report:
    """The answer of a run. `verdict` is violation, inconclusive or conformant; `reasons` say why it is inconclusive.

    Where known deviations were given, it may be expected or stale, too: `excused` are those that occurred, and are then
    not among the others, `stale` says which are to be taken out.

    `start` (ns since the epoch) is the time of the first event, None if the inputs count from their own start.
    `nodes` is how many mobile nodes a device's trace tells apart, None for a node's own. `chart` is what a page draws,
    `margins` are the closest calls, where those were asked for. `gaps` says whether a gap stands in the trace.
    """

    verdict: str
    spec: str
    inputs: tuple[InputReport, ...]
    rules: tuple[RuleReport, ...]
    violations: tuple[Violation, ...]
    warnings: tuple[Violation, ...]
    notes: tuple[str, ...]
    reasons: tuple[str, ...]
    set_aside: Mapping[str, int]
    parameters: tuple[ParameterReport, ...]
    start: int | None
    role: str = MOBILE_NODE
    nodes: int | None = None
    excused: tuple[Excused, ...] = ()
    stale: tuple[str, ...] = ()
    chart: Chart | None = None
    margins: tuple[Margin, ...] | None = None
    gaps: bool = False

    @property
    def events(self) -> int:
        return sum(i.events for i in self.inputs)


def date(report: Report, time: int) -> str | None:
    """Return a time of the report as RFC 3339, None if its inputs have no dates."""
    return None if report.start is None else show_datetime(report.start + time)
