"""What a page shows of a trace beside its report: events by time, what interfaces were, what ran out when. Plain data.

Made of a trace once more where a page is asked for (`charting.py`); a run that asks for none does nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mipcheck.model.values.event import Position


@dataclass(frozen=True, slots=True)
class Mark:
    """An event, or `count` alike with nothing else between them. Times are ns, as the report counts them.

    `keys` are as a log has them. `rules` are those that it broke. `place` and `last` are where the first and the last
    of them stand.
    """

    time: int
    last_time: int
    count: int
    interface: str
    kind: str
    keys: Mapping[str, str]
    place: Position
    last: Position
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Summed:
    """Events of one kind on an interface that are too many to be told one by one, counted in steps of time.

    `counts` are by step, from the chart's start; `broken` of how many a rule was broken.
    """

    interface: str
    kind: str
    keys: Mapping[str, str]
    counts: Mapping[int, int]
    broken: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which an interface was in one of the specification's stages (`unknown` if that is not known)."""

    interface: str
    name: str
    since: int
    until: int


@dataclass(frozen=True, slots=True)
class Limit:
    """A time that ran out, or would have: it began at `since`, and was over at `due` at the latest; `until` is when it
    ended. `ended` is met (in time), over (it ran out), gone (nothing is owed any more) or open (the trace ends before).

    `name` is the rule that demands something, or the stage that ends. `at` is where what ended it stands, None if that
    was no event.
    """

    interface: str
    name: str
    is_rule: bool
    since: int
    due: int
    until: int
    ended: str
    at: Position | None = None


@dataclass(frozen=True, slots=True)
class Unseen:
    """A time without evidence on an interface (`-`: on all)."""

    interface: str
    since: int
    until: int
    reason: str


@dataclass(frozen=True, slots=True)
class Known:
    """A piece of state at a finding: whose (`-` for the node's), with its text, and whether the rule asked for it."""

    whose: str
    name: str
    text: str
    value: str
    asked: bool


@dataclass(frozen=True, slots=True)
class Moments:
    """The state at a finding, which `rule`, `interface`, `node` and `time` tell from others; what the rule demands."""

    rule: str
    interface: str | None
    node: str | None
    time: int
    demand: str
    facts: tuple[Known, ...]


@dataclass(frozen=True)
class Chart:
    """What there is to draw. `step` (ns) is how long a step of a flow is, 0 where there are none.

    `texts` say what kinds of events and stages are; `left_out` what is not shown.
    """

    start: int
    end: int
    interfaces: tuple[str, ...]
    marks: tuple[Mark, ...]
    flows: tuple[Summed, ...] = ()
    step: int = 0
    stages: tuple[Stretch, ...] = ()
    limits: tuple[Limit, ...] = ()
    gaps: tuple[Unseen, ...] = ()
    moments: tuple[Moments, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
