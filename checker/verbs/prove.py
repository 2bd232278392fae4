"""`mipcheck prove [PROPERTY...]`: proofs, and counterexamples that the checker has replayed."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from mipcheck.checker.console import options
from mipcheck.checker.console.output import warned, write
from mipcheck.checker.console.streams import say

if TYPE_CHECKING:
    from mipcheck.model.specification.spec import Spec

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
        "--no-needs",
        dest="needs",
        action="store_false",
        help="the verdicts alone: neither what a proof needs nor the shortest counterexample, which take longer",
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
    parser.add_argument(
        "--logs",
        metavar="DIR",
        help="write counterexamples to the new folder DIR, as logs: PROPERTY.log, of a system PROPERTY.PARTY.log",
    )
    parser.add_argument("--fresh", action="store_true", help="prove anew what a certificate shows")
    parser.add_argument(
        "--store", action="store_true", help="keep certificates beside the specification, or in the cache"
    )
    parser.add_argument(
        "--timeout",
        type=options.seconds,
        metavar="S",
        help="seconds for the whole run; what it did not get to is unknown (default: each question has its own limit)",
    )
    parser.add_argument(
        "--watch",
        action="store_true",
        help="prove again whenever the specification changes, until interrupted (Ctrl-C)",
    )
    options.add_report(parser, ("html",))
    options.add_output(parser, ("text", "json"))


def run(args: argparse.Namespace) -> int:
    """Write the results; return 0 if all is proved, 1 if something is refuted or vacuous, else 3.

    A proof that was to be cross-checked and that a solver left undecided counts as unknown here. Raises UsageError,
    SpecError and ParameterError; at the end what went wrong with a property, such as Disagreement.
    """
    from mipcheck.checker.check.readings import resolved
    from mipcheck.checker.console.errors import UsageError
    from mipcheck.checker.verbs.prove_results import ToProve, exit_code, hand_out_all, prove_all, write_logs
    from mipcheck.checker.verbs.prove_text import Spoken, results_json, results_text

    if args.store and (args.set or args.reading or args.without):
        raise UsageError("--store is about the specification as it is: not with --set, --reading, --without")
    for_once = {"--store": args.store, "--cross-check": args.cross_check, "--smtlib": args.smtlib, "--logs": args.logs,
                "--report": args.report, "-o": args.output, "--format json": args.format == "json"}  # fmt: skip
    if args.watch and (given := [name for name, value in for_once.items() if value]):
        raise UsageError(f"--watch says what changes as text: not with {', '.join(given)}")
    if args.cross_check:
        from mipcheck.checker.proofs.opinions import required

        required()
    spec = warned(resolved(args.spec, args.reading))
    asked = ToProve(
        spec,
        args.spec,
        args.properties,
        options.parameters(args),
        args.without,
        with_needs=args.needs,
        fresh=args.fresh,
        store=args.store,
        timeout=args.timeout,
        with_obligations=args.cross_check or args.smtlib is not None,
        cross_check=args.cross_check,
    )
    if args.set:
        _warn_of_values(spec, options.parameters(args))
    if args.watch:
        from mipcheck.checker.verbs.prove_watch import watch

        watch(asked, lambda: resolved(args.spec, args.reading))
    if args.format == "text" and args.output is None:
        spoken = Spoken(spec, asked.wanted, lambda text: write(text, None))
        proved = prove_all(asked, spoken)
        spoken.end()
    else:
        proved = prove_all(asked)
        if args.format == "json":
            write(results_json(spec, proved, args.without, args.needs), args.output)
        else:
            write(results_text(spec, proved), args.output)
    if args.report:
        from mipcheck.checker.verbs.pages import prove_page, write_pages

        write_pages(args, lambda: prove_page(spec, proved))
    if args.smtlib is not None:
        hand_out_all(args.smtlib, spec, proved)
    if args.logs is not None:
        write_logs(args.logs, proved)
    for p in proved:
        if p.error is not None:
            raise p.error
    return exit_code(proved)


def _warn_of_values(spec: Spec, words: Mapping[str, str]) -> None:
    """Say which demands the values given do not meet: what is proved is about a site that should not be. Raises
    UsageError and ParameterError."""
    from mipcheck.checker.proofs.replayed import parameters_of
    from mipcheck.checker.verbs.prove_results import CAPABILITIES
    from mipcheck.model.specification.configure import configure, unmet

    words = {name: word for name, word in words.items() if name != CAPABILITIES}
    rules = [r for machine in spec.machines() for r in machine.rules.values()]
    for rule in unmet(rules, configure(spec, parameters_of(spec, words))):
        say(f"warning: {rule.id} is broken by the values given: this is about a site that should not be")
