"""A check of traces that were taken at several parties: what it may be asked, and what it writes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mipcheck.checker.check.parties import Group, Together, check_together
from mipcheck.checker.console import options
from mipcheck.checker.console.errors import UsageError, listed
from mipcheck.checker.console.escape import printable
from mipcheck.checker.console.output import terminal, write
from mipcheck.checker.console.streams import say
from mipcheck.checker.inputs.settle import over_logs
from mipcheck.checker.report.parties import RENDERED, together_text
from mipcheck.checker.trace.vocabulary import vocabulary_of

if TYPE_CHECKING:
    from mipcheck.model.specification.spec import Spec

_ONE_ONLY = ("annotate", "expect")
"""Options that are about the inputs of one party."""


def run_together(args: argparse.Namespace, spec: Spec, groups: Sequence[Group]) -> int:
    """Write the report on several parties; return the exit code of the verdict on all. Raises as `check` does."""
    from mipcheck.checker.verbs.check import EXIT

    for option in _ONE_ONLY:
        if getattr(args, option) is not None:
            raise one_at_a_time(f"--{option}", groups)
    parameters = options.parameters(args)
    if "role" in parameters:
        raise UsageError("the role of a party is that which it plays: leave out role=")
    kinds = (args.format, *(kind for kind, _ in args.report))
    for kind in kinds:
        if kind not in ("text", *RENDERED):
            known = ", ".join(("text", *RENDERED))
            raise UsageError(f"of several parties a report is {known}, not {kind}: check one at a time")
    # Read once for all: either may be a pipe.
    over = over_logs(vocabulary_of(spec), args.config, parameters, args.keys)
    others = [f"{g.name} ({g.role})" for g in groups if over.role not in (None, g.role)]
    if others:
        own = f"{listed(others)}: each is judged by the rules of its own"
        say(f"warning: role={over.role} of {printable(args.config)} is not that of {own}")
    together = check_together(
        groups,
        spec,
        over,
        options.pairs(args.offset, "--offset", "INPUT=SECONDS", last=True),
        args.map,
        args.unmatched,
        keep_going=args.keep_going,
        fail_on=args.fail_on,
        strict=args.strict,
        closest="all" if args.verbose else "short" if "json" in kinds else "none",
    )
    for kind, path in args.report:
        write(_rendered(together, kind, path, args), path)
    write(_rendered(together, args.format, args.output, args), args.output)
    return EXIT[together.verdict]


def one_at_a_time(option: str, groups: Sequence[Group]) -> UsageError:
    """Return the error that an option is about the inputs of one party, with the inputs of the first as an example."""
    names = ", ".join(g.name for g in groups)
    example = " ".join(printable(path) for path in groups[0].inputs)
    return UsageError(
        f"{option} is for the inputs of one party; these are of {names}: run mipcheck once for each party,"
        f" with its inputs alone, as {example} {option}"
    )


def _rendered(together: Together, kind: str, path: str | None, args: argparse.Namespace) -> str:
    if kind in RENDERED:
        return RENDERED[kind](together)
    return together_text(together, *terminal(path), verbose=args.verbose, spec=args.spec)
