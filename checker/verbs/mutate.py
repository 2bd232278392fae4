"""`mipcheck mutate [NAME...]`: small changes to a specification, and what notices them."""

from __future__ import annotations

import argparse
from typing import Final

from mipcheck.checker.console import options
from mipcheck.checker.console.output import terminal, warned, write

DESCRIPTION: Final = (
    "Change a specification in small ways, one at a time, and say who notices: an example trace that is judged"
    " otherwise, or a property that is refuted then. For what nobody notices, find the trace on which changed and"
    " original part. Exit code 1 if there is such a trace, 3 if something was not decided."
)
EXAMPLE: Final = "mipcheck mutate D1 --sample 3"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="a rule, definition, assumption, event or mutant (default: everything)"
    )
    options.add_spec(parser)
    options.add_reading(parser)
    parser.add_argument("--role", metavar="ROLE", help="only the specification of this role")
    parser.add_argument(
        "--sample",
        type=_count,
        metavar="N",
        help="only N mutants by chance: the same ones every time, and most of them after a change of the specification",
    )
    parser.add_argument(
        "--traces",
        nargs="+",
        metavar="LOG",
        dest="inputs",
        help="logs that ought to notice (default: the example traces that come with mipcheck)",
    )
    parser.add_argument(
        "--search",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="ask the prover about what no trace notices (--no-search: only replay traces)",
    )
    parser.add_argument(
        "--at-least",
        type=_percent,
        metavar="PERCENT",
        help="exit code 0 if that part of the mutants which differ is noticed, else 1",
    )
    parser.add_argument("--write", metavar="DIR", help="write the traces that would notice to the new folder DIR")
    options.add_timeout(parser, 20.0)
    options.add_output(parser, ("text", "json"))


def run(args: argparse.Namespace) -> int:
    """Write what notices each mutant; return 0 if something does, or it is equivalent, 1 if a trace shows that nothing
    does, else 3.

    Raises UsageError, SpecError, InputError and Disagreement.
    """
    from mipcheck.checker.check.readings import resolved
    from mipcheck.checker.verbs.mutate_fates import chosen, fates
    from mipcheck.checker.verbs.mutate_report import exit_code, fates_json, fates_text, write_traces

    spec = warned(resolved(args.spec, args.reading))
    wanted = chosen(spec, args.names, args.role, args.sample)
    found = fates(spec, wanted, args.inputs, args.timeout, args.search)
    if args.write is not None:
        write_traces(args.write, spec, found)
    shown = fates_json(spec, found) if args.format == "json" else fates_text(spec, found, terminal(args.output)[0])
    write(shown, args.output)
    return exit_code(found, args.at_least)


def _percent(word: str) -> float:
    """Read a percentage. Raises ArgumentTypeError, which argparse reports."""
    try:
        value = float(word)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError("a number from 0 to 100")
    return value


def _count(word: str) -> int:
    """Read a number of mutants. Raises ArgumentTypeError, which argparse reports."""
    if not (word.isdecimal() and word.isascii() and 0 < len(word) < 7 and int(word) > 0):
        raise argparse.ArgumentTypeError("a number from 1 to 999999")
    return int(word)
