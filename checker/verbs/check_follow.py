"""`mipcheck --follow INPUT...`: inputs that are judged while they grow, and what is said of them on the way."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from mipcheck.checker.console import options
from mipcheck.checker.console.errors import UsageError, quoted
from mipcheck.checker.console.output import write

if TYPE_CHECKING:
    from mipcheck.checker.check.report import Report
    from mipcheck.checker.follow.judge import Said
    from mipcheck.model.specification.spec import Spec

_GRACE: Final = "2s"
_LONGEST: Final = 3600 * 10**9
"""ns that anybody waits for late input."""
_LIVE: Final = ("text", "jsonl")
"""Formats of a report in which findings can be said one by one."""


def refuse(args: argparse.Namespace) -> None:
    """Raise UsageError for options that make no sense of what grows."""
    if args.annotate is not None:
        raise UsageError("--annotate needs the whole capture: give it when it is complete, without --follow")
    if args.party:
        raise UsageError("--party: what grows is followed at one party; check all of them when they are complete")
    if args.expect is not None and args.fail_fast:
        raise UsageError("--fail-fast cannot know what --expect will excuse: give one of them")


def follow(args: argparse.Namespace, spec: Spec) -> tuple[Report, int]:
    """Follow the inputs, say what is found, and return the report and how many findings were said.

    Raises what reading the site and the inputs raises.
    """
    from mipcheck.checker.follow.follow import Follower, Wishes
    from mipcheck.checker.follow.metrics import Metrics
    from mipcheck.checker.inputs.settle import over_logs
    from mipcheck.checker.trace.vocabulary import vocabulary_of

    vocabulary = vocabulary_of(spec)
    count = 0

    def hear(said: Said) -> None:
        nonlocal count
        count += 1
        if args.format in _LIVE or args.output is not None:
            write(_line(said, args.format == "jsonl"), None)

    wishes = Wishes(
        offsets=options.pairs(args.offset, "--offset", "INPUT=SECONDS", last=True),
        maps=args.map,
        unmatched=args.unmatched,
        keep_going=args.keep_going,
        fail_on=args.fail_on,
        strict=args.strict,
        grace=_grace(args.grace or _GRACE),
        fail_fast=bool(args.fail_fast),
    )
    over = over_logs(vocabulary, args.config, options.parameters(args), args.keys)
    metrics = None if args.metrics is None else Metrics(args.metrics)
    return Follower(args.inputs, spec, vocabulary, over, wishes, hear, metrics).run(), count


def _grace(word: str) -> int:
    """Read how late (ns) input may come. Raises UsageError."""
    from mipcheck.model.values.types import ValueSyntaxError, read_duration

    try:
        ns = read_duration(word)
    except ValueSyntaxError as error:
        raise UsageError(f"--grace: {quoted(word)} is no duration; expected {error}") from None
    if ns > _LONGEST:
        raise UsageError("--grace: an hour at most")
    return ns


def _line(said: Said, as_json: bool) -> str:
    """Return the line about a finding, or about one that is none after all."""
    v = said.violation
    if as_json:
        from mipcheck.checker.report.jsonl import finding_line, withdrawn_line

        return withdrawn_line(v, said.why) if said.why else finding_line(v, said.counts, said.start)
    from mipcheck.checker.console.escape import printable
    from mipcheck.checker.trace.times import show_datetime
    from mipcheck.model.values.types import show_seconds

    kind = "withdrawn" if said.why else "violation" if said.counts else "warning"
    whose = " ".join(filter(None, [v.interface, v.node and f"node {v.node}"]))
    time = show_seconds(v.time) if said.start is None else show_datetime(said.start + v.time)
    where = f"{time} {printable(whose)}".rstrip()
    return f"{kind} {v.rule} {where} ({printable(str(v.at))}): {said.why or f'{v.seen}: {v.wrong[-1]}'}\n"
