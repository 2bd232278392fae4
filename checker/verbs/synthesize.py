"""`mipcheck synthesize PROPERTY [PARAM...]`: for which parameters a property holds, exactly."""

from __future__ import annotations

import argparse
from typing import Final

from mipcheck.checker.console import options
from mipcheck.checker.console.output import warned, write

DESCRIPTION: Final = (
    "Find for which values of parameters a property holds: a formula with a proof inside, and the shortest"
    " counterexample just outside. Exit code 3 where the two do not meet."
)
EXAMPLE: Final = "mipcheck synthesize no_plaintext_after_loss"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("property", metavar="PROPERTY", help="an invariant, or what holds whenever something happens")
    parser.add_argument(
        "names", nargs="*", metavar="PARAM", help="what may vary (default: every parameter, each by itself)"
    )
    options.add_spec(parser)
    options.add_parameters(parser)
    options.add_reading(parser)
    parser.add_argument(
        "--timeout", type=options.seconds, metavar="S", help="seconds for the whole run (default: none)"
    )
    options.add_output(parser, ("text", "json", "svg"))


def run(args: argparse.Namespace) -> int:
    """Write the region; return 0 if it is exact, else 3.

    Raises UsageError, SpecError, ParameterError and Disagreement.
    """
    from mipcheck.checker.check.readings import resolved
    from mipcheck.checker.verbs.synthesize_region import answer_json, answer_text, synthesize
    from mipcheck.model.prover.limits import deadline

    spec = warned(resolved(args.spec, args.reading))
    with deadline(args.timeout):
        found = synthesize(spec, args.property, args.names, options.parameters(args))
    if args.format == "svg":
        from mipcheck.checker.verbs.synthesize_drawn import drawing

        write(drawing(found), args.output)
    else:
        write(answer_json(found) if args.format == "json" else answer_text(found), args.output)
    return 0 if found.region.known else 3
