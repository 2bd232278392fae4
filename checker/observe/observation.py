"""The answer of an observer: what each rule came to, and the findings, alike ones together. Plain data."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from mipcheck.checker.observe.blame import Moment
from mipcheck.model.machine.compile import Machine
from mipcheck.model.machine.kleene import UNKNOWN


@dataclass(slots=True)
class Finding:
    """A rule broken, once or many times for the same cause.

    `event` is the number of the event that was not allowed; for an obligation that was not met, of the one that
    its deadline was counted from (-1 if that is not in the trace), and `overdue` is set. `time` (ns) is that of the
    event, or the deadline. The node's configuration has no interface, event or moment. `node` is the address that
    tells the mobile node apart, None where there is only one or the whole device is concerned. `events` are the
    numbers of all events that were not allowed.
    """

    rule: int
    interface: str | None
    time: int
    event: int
    overdue: bool = False
    moment: Moment | None = None
    count: int = 1
    last_time: int = 0
    last_event: int = -1
    events: array[int] = field(default_factory=lambda: array("q"))
    node: int | None = None


@dataclass(slots=True)
class Groups:
    """Findings of a rule by cause. The last one by all that its condition reads, which is quicker to compare."""

    by_cause: dict[tuple[object, ...], Finding] = field(default_factory=dict)
    last: dict[tuple[int | None, str, str], tuple[tuple[int, ...], Finding]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hole:
    """The first time that a rule could not be judged: at which event (number), and in what state.

    `why` says in words what stands against a judgement, where it is not that state is unknown. `gap` is whether it is
    that evidence was lost.
    """

    event: int
    interface: str
    moment: Moment
    gap: bool = False
    node: int | None = None
    why: str = ""


@dataclass(slots=True)
class Tally:
    """Counts of how often a rule was kept, broken, or could not be judged. `unlisted` broken ones are in no finding."""

    kept: int = 0
    broken: int = 0
    unknown: int = 0
    unlisted: int = 0
    hole: Hole | None = None


@dataclass(frozen=True)
class Observation:
    """The answer of an observer. `tallies` are in the order of the machine's rules; `findings` in order of time.

    `nodes` is the number of mobile nodes that were told apart, None where the role has only one. `pauses` is how often
    obligations paused, `paused` for how long (ns) in all. `gap` is the number of the first event that says that
    evidence is missing, other than the very first one, before which nothing is known anyhow; -1 if none does.
    """

    tallies: Sequence[Tally]
    findings: Sequence[Finding]
    interfaces: Sequence[str]
    events: int
    nodes: int | None = None
    pauses: int = 0
    paused: int = 0
    gap: int = -1


def concluded(
    machine: Machine,
    tallies: list[Tally],
    findings: list[Finding],
    names: list[str],
    events: int,
    nodes: int | None,
    pauses: tuple[int, int] = (0, 0),
    gap: int = -1,
) -> Observation:
    """Return the observation after the configuration has been judged, which depends on no event.

    `tallies` are those of the machine's rules, `findings` those of each rule in order of time, `names` the interfaces,
    `events` how many there were, `nodes` how many mobile nodes were told apart, `pauses` how often obligations paused
    and for how long (ns), `gap` the first event that says that evidence is missing.
    """
    for rule, outcome in machine.configuration():
        if outcome == UNKNOWN:
            continue
        tallies[rule].kept, tallies[rule].broken = int(outcome == 1), int(outcome == 0)
        if outcome == 0:
            findings.append(Finding(rule, None, 0, -1))
    findings.sort(key=lambda f: (f.interface is not None, f.time, f.rule))
    return Observation(tallies, findings, names, events, nodes, *pauses, gap)
