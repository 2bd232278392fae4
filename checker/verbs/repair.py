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
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="as for a check")
    parser.add_argument(
        "--rule", metavar="RULE", help="the rule whose violation is meant (default: the first finding's)"
    )
    parser.add_argument("--at", type=int, metavar="N", help="the line or frame of the finding that is meant")
    parser.add_argument(
        "--timeout", type=options.seconds, default=TIMEOUT, metavar="S", help="seconds for the search (%(default)g)"
    )
    parser.add_argument("--log", metavar="FILE", help="write the trace after the first repair to FILE, as a log")
    options.add_spec(parser)
    options.add_parameters(parser)
    options.add_config(parser)
    options.add_keys(parser)
    options.add_reading(parser)
    options.add_maps(parser)
    options.add_output(parser, ("text", "json"))


def run(args: argparse.Namespace) -> int:
    """Write the repairs; return 0, or 3 if none was found.

    Raises UsageError where no event breaks a rule, and what reading the specification, the site and the inputs does.
    """
    from mipcheck.checker.check.readings import resolved
    from mipcheck.checker.verbs.repair_search import repaired, repaired_json, repaired_text

    found = repaired(
        args.inputs,
        warned(resolved(args.spec, args.reading)),
        config=args.config,
        words=options.parameters(args),
        maps=args.map,
        unmatched=args.unmatched,
        keys=args.keys,
        rule=args.rule,
        at=args.at,
        timeout=args.timeout,
        as_log=args.log is not None,
    )
    if args.log is not None and found.log:
        write(found.log, args.log)
    text = repaired_json(found) if args.format == "json" else repaired_text(found, *terminal(args.output))
    write(text, args.output)
    return 0 if found.repairs else 3
