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
    parser.add_argument(
        "--cross-check",
        action="store_true",
        help="have z3 and cvc5 decide every obligation of each proof anew, from text and in processes of their own",
    )
    parser.add_argument(
        "--smtlib",
        metavar="DIR",
        help="write the proofs to the new folder DIR, for any solver to check (SMT-LIB 2)",
    )
    options.add_timeout(parser, 60.0)
    options.add_output(parser, ("text", "json"))


def run(args: argparse.Namespace) -> int:
    """Write the results; return 0 if all is proved, 1 if something is refuted, else 3.

    A proof that was to be cross-checked and that a solver left undecided counts as unknown here. Raises UsageError,
    SpecError, ParameterError and Disagreement.
    """
    from mipcheck.checker.check.readings import resolved
    from mipcheck.checker.verbs.prove_results import exit_code, hand_out_all, prove_all, results_json, results_text

    if args.cross_check:
        from mipcheck.checker.proofs.opinions import required

        required()
    spec = warned(resolved(args.spec, args.reading))
    proved = prove_all(
        args.properties,
        spec=spec,
        parameters=options.parameters(args),
        without=args.without,
        timeout=args.timeout,
        with_obligations=args.cross_check or args.smtlib is not None,
        cross_check=args.cross_check,
    )
    if args.smtlib is not None:
        hand_out_all(args.smtlib, spec, proved)
    shown = results_json(spec, proved, args.without) if args.format == "json" else results_text(spec, proved)
    write(shown, args.output)
    return exit_code(proved)
