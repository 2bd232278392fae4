"""`mipcheck prove [PROPERTY...]`: proofs, and counterexamples that the checker has replayed."""

from __future__ import annotations

import argparse
from typing import Final

from mipcheck.checker.console import options
from mipcheck.checker.console.output import warned, write

DESCRIPTION: Final = "Prove the properties of a specification, or find the shortest counterexample."
EXAMPLE: Final = "mipcheck prove no_plaintext_after_loss"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("properties", nargs="*", metavar="PROPERTY", help="what to prove (default: every property)")
    options.add_spec(parser)
    options.add_parameters(parser)
    options.add_reading(parser)
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="RULE",
        help="prove without this rule or assumption (repeatable)",
    )
    options.add_timeout(parser, 60.0)
    options.add_output(parser, ("text", "json"))


def run(args: argparse.Namespace) -> int:
    """Write the results; return 0 if all is proved, 1 if something is refuted, else 3.

    Raises UsageError, SpecError, ParameterError and Disagreement.
    """
    from mipcheck.checker.check.readings import resolved
    from mipcheck.checker.verbs.prove_results import exit_code, prove_all, results_json, results_text

    spec = warned(resolved(args.spec, args.reading))
    proved = prove_all(
        args.properties,
        spec=spec,
        parameters=options.parameters(args),
        without=args.without,
        timeout=args.timeout,
    )
    shown = results_json(spec, proved, args.without) if args.format == "json" else results_text(spec, proved)
    write(shown, args.output)
    return exit_code(proved)
