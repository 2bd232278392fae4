"""`mipcheck shrink INPUT...`: the fewest events that still break the same rule for the same cause, as a log."""

from __future__ import annotations

import argparse
from typing import Final

from mipcheck.checker.console import options
from mipcheck.checker.console.output import warned, write

DESCRIPTION: Final = "Write a log of the fewest events that still break the same rule for the same cause."
EXAMPLE: Final = "mipcheck shrink traces/plaintext-after-loss.log"

TIMEOUT: Final = 60.0


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    options.add_finding(parser)
    parser.add_argument(
        "--timeout",
        type=options.seconds,
        default=TIMEOUT,
        metavar="S",
        help="seconds after which what is found by then is written (%(default)g)",
    )
    options.add_reading_inputs(parser)
    options.add_output_file(parser)


def run(args: argparse.Namespace) -> int:
    """Write the log; return 0, or 3 if time was up before it was as short as can be.

    Raises UsageError where no event breaks a rule, and what reading the specification, the site and the inputs does.
    """
    from mipcheck.checker.check.readings import resolved
    from mipcheck.checker.verbs.one_finding import meant_by
    from mipcheck.checker.verbs.shrink_search import shrunk

    meant = meant_by(args, warned(resolved(args.spec, args.reading)))
    found = shrunk(meant, args.timeout)
    write(found.log, args.output)
    return 0 if found.least else 3
