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
    options.add_fleet(parser, "draw into the region where files of a fleet are, with their verdicts")
    options.add_report(parser, ("html",))
    options.add_output(parser, ("text", "json", "svg"))


def run(args: argparse.Namespace) -> int:
    """Write the region; return 0 if it is exact, else 3.

    Raises UsageError, SpecError, ParameterError, Disagreement, and InputError for results of a fleet.
    """
    from mipcheck.checker.check.readings import resolved
    from mipcheck.checker.verbs.synthesize_drawn import drawing
    from mipcheck.checker.verbs.synthesize_measured import measured_of, points_of
    from mipcheck.checker.verbs.synthesize_region import answer_json, answer_text, synthesize
    from mipcheck.model.prover.limits import deadline

    spec = warned(resolved(args.spec, args.reading))
    files = measured_of(args.fleet, spec) if args.fleet else None
    with deadline(args.timeout):
        found = synthesize(spec, args.property, args.names, options.parameters(args))
    measured = None if files is None else points_of(found, files)
    if args.report:
        from mipcheck.checker.verbs.pages import synthesize_page, write_pages

        write_pages(args, lambda: synthesize_page(found, measured))
    shown = {
        "svg": lambda: drawing(found, measured),
        "json": lambda: answer_json(found, measured),
        "text": lambda: answer_text(found, measured),
    }
    write(shown[args.format](), args.output)
    return 0 if found.region.known else 3
