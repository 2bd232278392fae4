"""`mipcheck repair INPUT...`: the fewest changes after which a violation is none any more."""

from __future__ import annotations

import argparse
from typing import Final

from mipcheck.checker.console import options
from mipcheck.checker.console.output import terminal, warned, write

DESCRIPTION: Final = (
    "Find the fewest changes of a trace (an event earlier or later, with another value, there or not there) after which"
    " a violation is gone and nothing else is broken. Each is verified by replaying the trace. Exit code 3 if none is"
    " found."
)
EXAMPLE: Final = "mipcheck repair traces/missing-d-flag.log"

TIMEOUT: Final = 20.0


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    options.add_finding(parser)
    parser.add_argument(
        "--timeout", type=options.seconds, default=TIMEOUT, metavar="S", help="seconds for the search (%(default)g)"
    )
    parser.add_argument("--log", metavar="FILE", help="write the trace after the first repair to FILE, as a log")
    options.add_reading_inputs(parser)
    options.add_output(parser, ("text", "json"))


def run(args: argparse.Namespace) -> int:
    """Write the repairs; return 0, or 3 if none was found.

    Raises UsageError where no event breaks a rule, and what reading the specification, the site and the inputs does.
    """
    from mipcheck.checker.check.readings import resolved
    from mipcheck.checker.verbs.one_finding import meant_by
    from mipcheck.checker.verbs.repair_search import repaired, repaired_json, repaired_text

    meant = meant_by(args, warned(resolved(args.spec, args.reading)))
    found = repaired(meant, args.timeout, args.log is not None)
    if args.log is not None and found.log:
        write(found.log, args.log)
    text = repaired_json(found) if args.format == "json" else repaired_text(found, *terminal(args.output))
    write(text, args.output)
    return 0 if found.repairs else 3
