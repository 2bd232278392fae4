"""The inputs of a run as one trace: what is known of each, their events by time, and one site for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mipcheck.checker.console.errors import Problem
from mipcheck.checker.site.site import Site
from mipcheck.model.values.event import Event

if TYPE_CHECKING:
    from mipcheck.checker.logs.lines import Log, LogReader


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
    )
