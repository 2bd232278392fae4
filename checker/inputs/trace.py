"""What reading the inputs of a run comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mipcheck.checker.console.errors import Problem
from mipcheck.checker.site.site import Site
from mipcheck.model.values.event import Event

if TYPE_CHECKING:
    pass


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
    """What is missing without anybody knowing where, so that a verdict of conformant cannot be had."""


@dataclass(frozen=True)
class Trace:
    """All inputs as one: events in order of time, and the site that holds for all. `given` names what the site says."""

    inputs: tuple[Input, ...]
    events: Sequence[Event]
    site: Site
    given: frozenset[str]
    absolute: bool
    notes: tuple[str, ...] = ()
